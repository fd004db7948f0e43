//! Puts RRsets into an answer: each with its signatures, whole or not at all.

use zonekit_store::RrSet;
use zonekit_wire::{Class, MessageFull, MessageWriter, Name, Record, Rtype, Section};

/// An answer in the making.
pub(crate) struct Reply<'b> {
    writer: MessageWriter<'b>,
    /// Whether signatures go with the sets that they cover (DO).
    dnssec: bool,
}

impl<'b> Reply<'b> {
    pub(crate) fn new(writer: MessageWriter<'b>, dnssec: bool) -> Self {
        Self { writer, dnssec }
    }

    pub(crate) fn into_writer(self) -> MessageWriter<'b> {
        self.writer
    }

    /// Adds a set under this name, with its signatures if DNSSEC is wanted.
    ///
    /// # Errors
    ///
    /// When it does not fit; then the message is as before (RFC 2181 §9 forbids half a set).
    pub(crate) fn rrset(
        &mut self,
        section: Section,
        owner: Name<'_>,
        set: &RrSet<'_>,
    ) -> Result<(), MessageFull> {
        self.write(section, owner, set, set.ttl(), self.dnssec)
    }

    /// The same under another TTL, which goes for the signatures too (RFC 4034 §3).
    pub(crate) fn rrset_with_ttl(
        &mut self,
        section: Section,
        owner: Name<'_>,
        set: &RrSet<'_>,
        ttl: u32,
    ) -> Result<(), MessageFull> {
        self.write(section, owner, set, ttl, self.dnssec)
    }

    /// The same, with the signatures in any case.
    pub(crate) fn rrset_and_signatures(
        &mut self,
        section: Section,
        owner: Name<'_>,
        set: &RrSet<'_>,
    ) -> Result<(), MessageFull> {
        self.write(section, owner, set, set.ttl(), true)
    }

    /// Adds only the signatures of a set; false if it has none.
    pub(crate) fn signatures(
        &mut self,
        section: Section,
        owner: Name<'_>,
        set: &RrSet<'_>,
    ) -> Result<bool, MessageFull> {
        let mark = self.writer.mark();
        let mut found = false;
        for record in set.signature_records(owner) {
            found = true;
            if let Err(full) = self.writer.record(section, &record) {
                self.writer.truncate(mark);
                return Err(full);
            }
        }
        Ok(found)
    }

    /// Adds a record that no zone holds.
    pub(crate) fn record(
        &mut self,
        section: Section,
        record: &Record<'_>,
    ) -> Result<(), MessageFull> {
        self.writer.record(section, record)
    }

    /// Adds a CNAME that no zone holds.
    pub(crate) fn cname(
        &mut self,
        owner: Name<'_>,
        ttl: u32,
        target: Name<'_>,
    ) -> Result<(), MessageFull> {
        let record = Record {
            owner,
            rtype: Rtype::CNAME,
            class: Class::IN,
            ttl,
            rdata: target.as_octets(),
        };
        self.record(Section::Answer, &record)
    }

    fn write(
        &mut self,
        section: Section,
        owner: Name<'_>,
        set: &RrSet<'_>,
        ttl: u32,
        signatures: bool,
    ) -> Result<(), MessageFull> {
        let mark = self.writer.mark();
        let set_of = |rtype, ttl, rdata| Record {
            owner,
            rtype,
            class: Class::IN,
            ttl,
            rdata,
        };
        let mut rdatas = set.rdatas();
        if let Some(first) = rdatas.next() {
            let first = set_of(set.rtype(), ttl, first);
            self.writer.rrset(section, &first, rdatas)?;
        }
        let covering = set.signatures().filter(|_| signatures);
        let mut covering = covering.into_iter().flatten();
        if let Some(first) = covering.next() {
            let first = set_of(Rtype::RRSIG, set.signature_ttl().min(ttl), first);
            let written = self.writer.rrset(section, &first, covering);
            return written.inspect_err(|_| self.writer.truncate(mark));
        }
        Ok(())
    }
}
