//! Outgoing transfers: streams of messages, each filled to the brim.

use std::{fmt, ops::Range, sync::Arc};

use zonekit_store::{Diff, DiffPlace, Zone};
use zonekit_tsig::ServerStream;
use zonekit_wire::{
    Class, Compressor, Header, MessageFull, MessageWriter, Name, NameBuf, Rcode, Rtype, Section,
    Serial,
};

use crate::{
    Config, Counters, Zones,
    edns::{Edns, Told},
};

/// A history on a disk is read by so many octets at a time, or by one step where that is larger.
const PIECE: usize = 1 << 20;

/// A history with more octets is not condensed, for which all of it has to be in memory.
const MOST_CONDENSED: u64 = 64 << 20;

/// The answer to an AXFR or IXFR, asked for message by message, so that a slow client holds one message and one version
/// of the zone, and of a history on a disk a piece of a mebibyte, or two.
///
/// A version that is being handed over stays as it is, whatever is published meanwhile.
///
/// ```
/// use std::io;
/// use zonekit_serve::OutgoingTransfer;
///
/// /// Writes a whole transfer to a TCP connection.
/// fn hand_over(mut transfer: OutgoingTransfer, now: u64, stream: &mut impl io::Write) -> io::Result<()> {
///     let mut message = Vec::new();
///     while transfer.next_message(now, &mut message).map_err(io::Error::other)? {
///         let length = zonekit_wire::frame_length(&message).ok_or(io::ErrorKind::InvalidData)?;
///         stream.write_all(&length)?;
///         stream.write_all(&message)?;
///     }
///     Ok(())
/// }
/// ```
pub struct OutgoingTransfer {
    frame: Frame,
    source: Source,
    compressor: Compressor,
    messages: u64,
    state: State,
}

/// What goes around the records.
#[derive(Clone)]
pub(crate) struct Frame {
    pub(crate) header: Header,
    pub(crate) name: NameBuf,
    pub(crate) rtype: Rtype,
    /// OPT for the first message ([RFC 5936 §2.2.5](https://www.rfc-editor.org/rfc/rfc5936#section-2.2.5)): what was asked
    /// for by it, and what is told.
    pub(crate) edns: Option<(Edns, Told)>,
    pub(crate) config: Arc<Config>,
    pub(crate) signer: Option<ServerStream>,
    /// Octets that a message is filled to.
    pub(crate) limit: usize,
    /// Octets that a message must not exceed, even for a record that is larger than `limit`.
    pub(crate) utmost: usize,
    pub(crate) counters: Arc<Counters>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum State {
    Going,
    /// Begun, and not to be brought to its end.
    Torn,
    Over,
}

impl OutgoingTransfer {
    /// A whole zone: its SOA, everything else, its SOA again (RFC 5936 §2.2).
    pub(crate) fn whole(zone: Zone, frame: Frame) -> Self {
        Self::new(Source::Whole(Walk::new(zone)), frame)
    }

    /// What leads to `zone` from what the client holds ([RFC 1995 §4]): the new SOA, the steps, the new SOA again.
    ///
    /// [RFC 1995 §4]: https://www.rfc-editor.org/rfc/rfc1995#section-4
    pub(crate) fn steps(zone: Zone, differences: Vec<Diff>, frame: Frame) -> Self {
        Self::new(Source::Steps(Steps::held(zone, differences)), frame)
    }

    /// The same, with the steps still to be read ([`prepare`](Self::prepare)).
    pub(crate) fn steps_since(
        from: Serial,
        zone: Zone,
        zones: Arc<dyn Zones>,
        frame: Frame,
    ) -> Self {
        Self::new(Source::Unread { zones, from, zone }, frame)
    }

    fn new(source: Source, frame: Frame) -> Self {
        Self {
            frame,
            source,
            compressor: Compressor::new(),
            messages: 0,
            state: State::Going,
        }
    }

    /// The zone handed over.
    pub fn zone(&self) -> Name<'_> {
        self.frame.name.as_name()
    }

    /// Whether what comes next is in memory, so that [`next_message`](Self::next_message) waits for no disk.
    pub fn is_prepared(&self) -> bool {
        match &self.source {
            Source::Whole(_) => true,
            Source::Steps(steps) => steps.is_read(),
            Source::Unread { .. } => false,
        }
    }

    /// Reads what comes next and is not in memory yet: some of the history that an IXFR hands over. This may wait for a disk,
    /// so that it is no work for a thread that others wait for.
    pub fn prepare(&mut self) {
        match &mut self.source {
            Source::Whole(_) => {}
            Source::Steps(steps) => {
                if steps.read_on().is_none() {
                    self.state = State::Torn;
                }
            }
            Source::Unread { zones, from, zone } => {
                let condensed = self.frame.config.condensed_ixfr;
                let steps = Steps::between(zones, *from, zone, condensed);
                let zone = zone.clone();
                self.source = steps.map_or_else(|| Source::Whole(Walk::new(zone)), Source::Steps);
            }
        }
    }

    /// Writes to `out`, whose content goes first, that the transfer cannot be had now (SERVFAIL): instead of all messages,
    /// where too much else is going on. `now` is as in [`next_message`](Self::next_message).
    pub fn put_off(self, now: u64, out: &mut Vec<u8>) {
        let Frame {
            header,
            name,
            rtype,
            edns,
            config,
            signer,
            utmost,
            counters,
            ..
        } = self.frame;
        let mut compressor = self.compressor;
        let mut writer = MessageWriter::new(out, utmost, &mut compressor);
        writer.set_header(Header {
            rcode: Rcode::SERVFAIL,
            ..header.reply()
        });
        writer.reserve(signer.as_ref().map_or(0, |signer| signer.key().tsig_len()));
        writer.reserve(edns.map_or(0, |(edns, _)| edns.room(&config)));
        _ = writer.question(name.as_name(), rtype, Class::IN); // all three fit, whatever the limit
        if let Some((edns, told)) = edns {
            let told = Told {
                keepalive: told.keepalive,
                ..Told::default() // no version speaks
            };
            edns.write(&config, Rcode::SERVFAIL, told, &mut writer);
        }
        writer.finish();
        if let Some(mut signer) = signer {
            signer.sign(out, now);
        }
        counters.count_answer(Rcode::SERVFAIL);
        counters.transfers_put_off.count();
    }

    /// Writes the next message to `out`, whose content goes first; false, and nothing written, when the last has been.
    ///
    /// `now` is in seconds since 1970 and goes into TSIG. Calls [`prepare`](Self::prepare) first, if nobody has.
    ///
    /// # Errors
    ///
    /// When a record fits no message, or the history has been cut behind what was handed over. The client must see that the
    /// transfer is not whole: close the connection. Nothing more comes afterwards.
    pub fn next_message(&mut self, now: u64, out: &mut Vec<u8>) -> Result<bool, TransferError> {
        out.clear();
        if self.state == State::Over {
            return Ok(false);
        }
        if !self.is_prepared() {
            self.prepare();
        }
        if self.state == State::Torn {
            self.state = State::Over;
            return Err(TransferError::HistoryCut);
        }
        let mut filled = self.compose(self.frame.limit, out);
        if filled == Filled::Nothing {
            filled = self.compose(self.frame.utmost, out);
        }
        match filled {
            Filled::Full => {}
            Filled::All => {
                self.state = State::Over;
                self.frame.counters.transfers_completed.count();
            }
            Filled::Nothing => {
                self.state = State::Over;
                out.clear();
                return Err(TransferError::RecordTooLarge);
            }
        }
        self.seal(now, out);
        Ok(true)
    }

    /// Writes the whole answer as one message to `out`; false if it does not fit one.
    pub(crate) fn only_message(mut self, now: u64, out: &mut Vec<u8>) -> bool {
        let fits = self.compose(self.frame.limit, out) == Filled::All;
        if fits {
            self.seal(now, out);
            self.frame.counters.transfers_completed.count();
        }
        fits
    }

    fn seal(&mut self, now: u64, out: &mut Vec<u8>) {
        if self.messages == 0 {
            match self.source {
                Source::Whole(_) => self.frame.counters.axfr_begun.count(),
                Source::Steps(_) => self.frame.counters.ixfr_begun.count(),
                Source::Unread { .. } => {} // nothing of it has been written
            }
            self.frame.counters.count_answer(Rcode::NOERROR);
        }
        self.messages += 1;
        if let Some(signer) = &mut self.frame.signer {
            signer.sign(out, now);
        }
    }

    fn compose(&mut self, limit: usize, out: &mut Vec<u8>) -> Filled {
        let Frame {
            header,
            name,
            rtype,
            edns,
            config,
            signer,
            ..
        } = &self.frame;
        let mut writer = MessageWriter::new(out, limit, &mut self.compressor);
        writer.set_header(Header {
            aa: true,
            ..header.reply()
        });
        let edns = edns.filter(|_| self.messages == 0);
        writer.reserve(signer.as_ref().map_or(0, |signer| signer.key().tsig_len()));
        writer.reserve(edns.map_or(0, |(edns, _)| edns.room(config)));
        if self.messages == 0 {
            _ = writer.question(name.as_name(), *rtype, Class::IN); // with a header, it fits the smallest limit
        }
        let filled = self.source.fill(&mut writer);
        if let Some((edns, told)) = edns {
            edns.write(config, Rcode::NOERROR, told, &mut writer); // its room is reserved
        }
        writer.finish();
        filled
    }
}

impl fmt::Debug for OutgoingTransfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingTransfer")
            .field("zone", &self.frame.name)
            .field("messages", &self.messages)
            .finish_non_exhaustive()
    }
}

/// Why a transfer cannot go on.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// What leads on from what was handed over is not kept any more, or cannot be read.
    #[error("the zone's history was cut while it was handed over")]
    HistoryCut,
    /// A record is larger than a message can be, with what must stand beside it.
    #[error("a record fits no message")]
    RecordTooLarge,
}

/// What became of filling a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Filled {
    /// There is more to come.
    Full,
    /// That was all.
    All,
    /// Not even one record has room.
    Nothing,
}

/// The records to hand over.
enum Source {
    Whole(Walk),
    Steps(Steps),
    /// Steps from a serial to a version, in a history that has not been read.
    Unread {
        zones: Arc<dyn Zones>,
        from: Serial,
        zone: Zone,
    },
}

impl Source {
    fn fill(&mut self, writer: &mut MessageWriter<'_>) -> Filled {
        match self {
            Self::Whole(walk) => walk.fill(writer),
            Self::Steps(steps) => steps.fill(writer),
            Self::Unread { .. } => Filled::Nothing,
        }
    }
}

/// What leads from a serial to this version; none if that is not known.
///
/// Versions published since this one was looked up are left out: their client hears of them by the next NOTIFY.
pub(crate) fn steps_between(
    zones: &dyn Zones,
    from: Serial,
    zone: &Zone,
    condensed: bool,
) -> Option<Vec<Diff>> {
    let mut differences = zones.differences(zone.apex(), from)?;
    let last = differences
        .iter()
        .position(|difference| difference.to().serial == zone.serial())?;
    differences.truncate(last + 1);
    if condensed && let Some(whole) = Diff::condensed(&differences) {
        differences = vec![whole];
    }
    Some(differences)
}

/// A walk through a version, which can be left and taken up again.
struct Walk {
    zone: Zone,
    /// How many records have been; behind the last comes the SOA once more.
    behind: u64,
}

impl Walk {
    fn new(zone: Zone) -> Self {
        Self { zone, behind: 0 }
    }

    fn fill(&mut self, writer: &mut MessageWriter<'_>) -> Filled {
        let Self { zone, behind } = self;
        let start = *behind;
        let mut records = zone.iter_at(start);
        while let Some(record) = records.next() {
            if writer.record(Section::Answer, &record).is_err() {
                return if *behind > start {
                    Filled::Full
                } else {
                    Filled::Nothing
                };
            }
            *behind += 1;
        }
        let closing = zone
            .iter_at(0)
            .next()
            .map_or(Ok(()), |soa| writer.record(Section::Answer, &soa));
        match closing {
            Ok(()) => Filled::All,
            Err(_) if *behind > start => Filled::Full,
            Err(_) => Filled::Nothing,
        }
    }
}

/// A walk through differences, which can be left and taken up again.
struct Steps {
    zone: Zone,
    differences: std::vec::IntoIter<Diff>,
    /// Those behind them.
    unread: Option<Unread>,
    current: Option<(Diff, DiffPlace)>,
    /// Whether the SOA that opens the stream has been written.
    opened: bool,
}

/// Differences that are still on a disk.
struct Unread {
    zones: Arc<dyn Zones>,
    numbers: Range<u64>,
    /// What the next one leads on from.
    from: Serial,
}

impl Steps {
    /// A walk through differences that are in memory.
    fn held(zone: Zone, differences: Vec<Diff>) -> Self {
        Self {
            zone,
            differences: differences.into_iter(),
            unread: None,
            current: None,
            opened: false,
        }
    }

    /// A walk from a serial to this version; none if the way is not known.
    fn between(zones: &Arc<dyn Zones>, from: Serial, zone: &Zone, condensed: bool) -> Option<Self> {
        let apex = zone.apex();
        let is_small = || {
            { zones.differences_octets(apex, from) }.is_some_and(|octets| octets <= MOST_CONDENSED)
        };
        let numbers = match condensed && is_small() {
            true => None,
            false => zones.steps(apex, from),
        };
        let Some(numbers) = numbers else {
            let differences = steps_between(&**zones, from, zone, condensed)?;
            return Some(Self::held(zone.clone(), differences));
        };
        let zones = Arc::clone(zones);
        let mut steps = Self {
            unread: Some(Unread {
                zones,
                numbers,
                from,
            }),
            ..Self::held(zone.clone(), Vec::new())
        };
        steps.read_on()?;
        Some(steps)
    }

    /// Whether there is something to write before more has to be read.
    fn is_read(&self) -> bool {
        self.unread.is_none() || !self.differences.as_slice().is_empty()
    }

    /// Reads the next differences, if the last have been taken; none if they do not lead on.
    fn read_on(&mut self) -> Option<()> {
        if self.is_read() {
            return Some(());
        }
        let mut unread = self.unread.take()?;
        let mut differences = { unread.zones.clone() }
            .read_steps(self.zone.apex(), unread.numbers.clone(), PIECE)
            .filter(|differences| !differences.is_empty())?;
        for (position, difference) in differences.iter().enumerate() {
            if difference.from().serial != unread.from {
                return None; // of another history, that has taken the place of this one
            }
            unread.numbers.next()?;
            unread.from = difference.to().serial;
            if unread.from == self.zone.serial() {
                differences.truncate(position + 1); // later versions are heard of by the next NOTIFY
                self.differences = differences.into_iter();
                return Some(());
            }
        }
        self.differences = differences.into_iter();
        self.unread = Some(unread);
        Some(())
    }

    fn fill(&mut self, writer: &mut MessageWriter<'_>) -> Filled {
        let mut written = false;
        match self.go_on(writer, &mut written) {
            Ok(()) => Filled::All,
            Err(MessageFull) if written => Filled::Full,
            Err(MessageFull) => Filled::Nothing,
        }
    }

    fn go_on(
        &mut self,
        writer: &mut MessageWriter<'_>,
        written: &mut bool,
    ) -> Result<(), MessageFull> {
        if !self.opened {
            self.soa(writer)?;
            (self.opened, *written) = (true, true);
        }
        loop {
            if let Some((difference, place)) = &mut self.current {
                let from = place.clone();
                let mut records = difference.records_at(&from);
                loop {
                    let before = records.clone();
                    let Some(record) = records.next() else { break };
                    if let Err(full) = writer.record(Section::Answer, &record) {
                        *place = before.place();
                        return Err(full);
                    }
                    *written = true;
                }
            }
            let Some(difference) = self.differences.next() else {
                if self.unread.is_some() {
                    self.current = None;
                    return Err(MessageFull); // this message ends here, and is not the last
                }
                break;
            };
            let place = difference.records().place();
            self.current = Some((difference, place));
        }
        self.current = None;
        self.soa(writer)
    }

    fn soa(&self, writer: &mut MessageWriter<'_>) -> Result<(), MessageFull> {
        self.zone
            .iter()
            .next()
            .map_or(Ok(()), |soa| writer.record(Section::Answer, &soa))
    }
}
