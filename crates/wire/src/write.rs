//! Messages, written once and forward.

use crate::message::HEADER;
use crate::rdata::{self, Piece};
use crate::{Class, Compressor, Header, Name, OptRepr, Record, Rtype, Section};

/// Writes a message into the caller's buffer, names compressed, never beyond a limit.
///
/// ```
/// use zonekit_wire::{Class, Compressor, Header, Message, MessageWriter, NameBuf, Record, Rtype, Section};
///
/// let name: NameBuf = "www.example.org".parse()?;
/// let record =
///     Record { owner: name.as_name(), rtype: Rtype::A, class: Class::IN, ttl: 3600, rdata: &[192, 0, 2, 1] };
///
/// let (mut octets, mut compressor) = (Vec::new(), Compressor::new()); // to be used again
/// let mut writer = MessageWriter::new(&mut octets, 512, &mut compressor);
/// writer.set_header(Header { id: 1, qr: true, aa: true, ..Header::default() });
/// writer.question(name.as_name(), Rtype::A, Class::IN)?;
/// writer.record(Section::Answer, &record)?;
/// writer.finish();
///
/// let message = Message::new(&octets)?;
/// assert_eq!(message.header().answers, 1);
/// assert_eq!(octets.len(), 12 + 17 + 4 + 2 + 10 + 4); // the owner is a pointer
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct MessageWriter<'b> {
    out: &'b mut Vec<u8>,
    compressor: &'b mut Compressor,
    limit: usize,
    reserved: usize,
    header: Header,
    section: Option<Section>,
}

impl<'b> MessageWriter<'b> {
    /// Begins a message of at most `limit` octets (65,535 if it is more) in `out`, which is emptied first.
    pub fn new(out: &'b mut Vec<u8>, limit: usize, compressor: &'b mut Compressor) -> Self {
        out.clear();
        out.extend_from_slice(&[0; HEADER]);
        compressor.clear();
        let limit = limit.min(usize::from(u16::MAX));
        Self {
            out,
            compressor,
            limit,
            reserved: 0,
            header: Header::default(),
            section: None,
        }
    }

    /// Sets all of the header but the counts, which the writer keeps itself. May be called at any time.
    pub fn set_header(&mut self, header: Header) {
        let Header {
            questions,
            answers,
            authorities,
            additionals,
            ..
        } = self.header;
        self.header = Header {
            questions,
            answers,
            authorities,
            additionals,
            ..header
        };
    }

    /// The header as it would be written now.
    pub fn header(&self) -> Header {
        self.header
    }

    /// Octets written so far.
    #[expect(clippy::len_without_is_empty, reason = "the header is always there")]
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Keeps room for so many octets more, for an OPT or a TSIG that come last.
    ///
    /// [`opt`](Self::opt) takes its own room from there; what a TSIG needs stays free behind the end.
    pub fn reserve(&mut self, octets: usize) {
        self.reserved += octets;
    }

    /// How many octets are kept.
    pub fn reserved(&self) -> usize {
        self.reserved
    }

    /// How many octets can be written beside those that are kept.
    pub fn room(&self) -> usize {
        self.limit.saturating_sub(self.out.len() + self.reserved)
    }

    /// Writes a question.
    ///
    /// # Errors
    ///
    /// When there is no room; the message is then as before.
    pub fn question(
        &mut self,
        name: Name<'_>,
        rtype: Rtype,
        class: Class,
    ) -> Result<(), MessageFull> {
        let before = self.out.len();
        self.compressor.write_owner(name, self.out);
        self.out.extend(rtype.0.to_be_bytes());
        self.out.extend(class.0.to_be_bytes());
        self.check(before)?;
        self.header.questions = self.header.questions.saturating_add(1);
        Ok(())
    }

    /// Writes a record: its owner compressed, and names in RDATA if its type is one of RFC 1035's
    /// ([RFC 3597 §4](https://www.rfc-editor.org/rfc/rfc3597#section-4)).
    ///
    /// Sections follow one another: a record for one that is over goes into the one at hand.
    ///
    /// # Errors
    ///
    /// When there is no room; the message is then as before.
    pub fn record(&mut self, section: Section, record: &Record<'_>) -> Result<(), MessageFull> {
        let Record {
            owner,
            rtype,
            class,
            ttl,
            rdata,
        } = record;
        let before = self.out.len();
        self.compressor.write_owner(*owner, self.out);
        let [type_a, type_b] = rtype.0.to_be_bytes();
        let [class_a, class_b] = class.0.to_be_bytes();
        let [a, b, c, d] = ttl.to_be_bytes();
        self.out
            .extend_from_slice(&[type_a, type_b, class_a, class_b, a, b, c, d, 0, 0]);
        let start = self.out.len();
        self.write_rdata(*rtype, rdata);
        self.close_record(section, before, start)
    }

    /// Writes records that differ in their RDATA only, all of them or none. What the first has is otherwise that of all.
    ///
    /// # Errors
    ///
    /// When there is no room for all; the message is then as before.
    pub fn rrset<'r>(
        &mut self,
        section: Section,
        first: &Record<'_>,
        more: impl Iterator<Item = &'r [u8]>,
    ) -> Result<(), MessageFull> {
        let mark = self.mark();
        self.record(section, first)?;
        let section = self.section.unwrap_or(section);
        let [type_a, type_b] = first.rtype.0.to_be_bytes();
        let [class_a, class_b] = first.class.0.to_be_bytes();
        let [a, b, c, d] = first.ttl.to_be_bytes();
        let owner = self.compressor.last_owner();
        let mut count = 0u16;
        for rdata in more {
            match owner {
                Some([high, low]) => self.out.extend_from_slice(&[
                    high, low, type_a, type_b, class_a, class_b, a, b, c, d, 0, 0,
                ]),
                None => {
                    self.compressor.write_owner(first.owner, self.out);
                    self.out
                        .extend_from_slice(&[type_a, type_b, class_a, class_b, a, b, c, d, 0, 0]);
                }
            }
            let start = self.out.len();
            self.write_rdata(first.rtype, rdata);
            if self.out.len() + self.reserved > self.limit {
                self.truncate(mark);
                return Err(MessageFull);
            }
            self.fill_in_length(start);
            count += 1;
        }
        self.count(section, count);
        Ok(())
    }

    /// Writes an OPT record, in the room reserved for it if there is any.
    ///
    /// # Errors
    ///
    /// When there is no room; the message is then as before.
    pub fn opt(&mut self, opt: &OptRepr<'_>) -> Result<(), MessageFull> {
        let before = self.out.len();
        let start = opt.write(self.out);
        let reserved = self.reserved;
        self.reserved = reserved.saturating_sub(self.out.len() - before);
        self.close_record(Section::Additional, before, start)
            .inspect_err(|_| self.reserved = reserved)
    }

    /// Where the message ends now, to [`truncate`](Self::truncate) it to later.
    pub fn mark(&self) -> Mark {
        Mark {
            len: self.out.len(),
            header: self.header,
            section: self.section,
        }
    }

    /// Takes back everything written since `mark`, but not what [`set_header`](Self::set_header) said.
    pub fn truncate(&mut self, mark: Mark) {
        let Header {
            questions,
            answers,
            authorities,
            additionals,
            ..
        } = mark.header;
        self.header = Header {
            questions,
            answers,
            authorities,
            additionals,
            ..self.header
        };
        self.section = mark.section;
        self.out.truncate(mark.len);
        self.compressor.cut(mark.len);
    }

    /// Completes the message and says how long it is.
    pub fn finish(self) -> usize {
        if let Some(header) = self.out.first_chunk_mut() {
            *header = self.header.to_octets();
        }
        self.out.len()
    }

    fn write_rdata(&mut self, rtype: Rtype, rdata: &[u8]) {
        if !rdata::may_be_packed(rtype) {
            self.out.extend_from_slice(rdata);
            return;
        }
        if rdata::is_one_packed_name(rtype) && self.compressor.write_target(rdata, self.out) {
            return;
        }
        for piece in rdata::pieces(rtype, rdata) {
            match piece {
                Piece::Name(name) => self.compressor.write_name(name, self.out),
                Piece::Octets(octets) => self.out.extend_from_slice(octets),
            }
        }
    }

    /// Fills in RDLENGTH and counts the record, or takes back what was written from `before` on if that is too much.
    #[inline]
    fn close_record(
        &mut self,
        section: Section,
        before: usize,
        start: usize,
    ) -> Result<(), MessageFull> {
        self.check(before)?;
        self.fill_in_length(start);
        let section = self.section.map_or(section, |current| current.max(section));
        self.section = Some(section);
        self.count(section, 1);
        Ok(())
    }

    #[inline]
    fn fill_in_length(&mut self, start: usize) {
        let length = (self.out.len() - start) as u16; // no more than the limit
        if let Some([.., high, low]) = self.out.get_mut(..start) {
            [*high, *low] = length.to_be_bytes();
        }
    }

    #[inline]
    fn count(&mut self, section: Section, records: u16) {
        let count = match section {
            Section::Answer => &mut self.header.answers,
            Section::Authority => &mut self.header.authorities,
            Section::Additional => &mut self.header.additionals,
        };
        *count = count.saturating_add(records); // a record has 11 octets at least: the limit comes first
    }

    #[inline]
    fn check(&mut self, before: usize) -> Result<(), MessageFull> {
        if self.out.len() + self.reserved <= self.limit {
            return Ok(());
        }
        self.out.truncate(before);
        self.compressor.cut(before);
        Err(MessageFull)
    }
}

/// A place in a message that is being written, made by [`MessageWriter::mark`].
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    len: usize,
    header: Header,
    section: Option<Section>,
}

/// There is no room for this in the message.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no room left in the message")]
pub struct MessageFull;
