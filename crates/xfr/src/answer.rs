//! What makes a message a part of the answer that we wait for.

use zonekit_tsig::{ClientStream, Signed, TsigError};
use zonekit_wire::{Class, EdnsOption, Message, NameBuf, Opcode, Opt, Rcode, ReadError, Rtype};

use crate::limits::{LimitError, exceeds};
use crate::query::Query;

/// Judges the messages of one answer, in order, before their records are looked at.
///
/// ID, QR, opcode, TSIG, RCODE, TC, question and emptiness are checked here (RFC 5936 §2.2, RFC 8945 §5.3). Trailing
/// octets and the records themselves show when the records are walked.
#[derive(Debug)]
pub struct Answer {
    id: u16,
    opcode: Opcode,
    zone: NameBuf,
    rtype: Rtype,
    signatures: Option<ClientStream>,
    verified: bool,
    max_empty: u32,
    empty: u32,
    messages: u64,
    not_authoritative: u64,
    /// Whether EDNS was offered, and EXPIRE asked for.
    has_edns: bool,
    expire: Option<u32>,
}

impl Answer {
    /// Waits for the answer to `query`. `max_empty`: messages without answers that are put up with, in a row.
    pub fn new(query: &mut Query, max_empty: u32) -> Self {
        Self {
            id: query.id,
            opcode: query.opcode,
            zone: query.zone.clone(),
            rtype: query.rtype,
            signatures: query.signatures.take(),
            verified: false,
            max_empty,
            empty: 0,
            messages: 0,
            not_authoritative: 0,
            has_edns: query.has_edns,
            expire: None,
        }
    }

    /// Whether a datagram is an answer to our question at all; others are to be ignored (RFC 5452 §9.1).
    pub fn is_ours(&self, octets: &[u8]) -> bool {
        let Ok(message) = Message::new(octets) else {
            return false;
        };
        let header = message.header();
        header.id == self.id
            && header.qr
            && header.opcode == self.opcode
            && match message.question() {
                Ok(Some(question)) => self.is_question(question),
                // An error, or the answer to a NOTIFY, may come without the question.
                Ok(None) => header.rcode != Rcode::NOERROR || self.is_notify(),
                Err(_) => false,
            }
    }

    /// Checks the next message. `now`: seconds since 1970, for the signature's time.
    ///
    /// A message that is returned may still hold records that were not verified: see [`is_verified`](Self::is_verified).
    pub fn check<'m>(&mut self, octets: &'m [u8], now: u64) -> Result<Message<'m>, AnswerError> {
        let message = Message::new(octets)?;
        let header = message.header();
        if header.id != self.id {
            return Err(AnswerError::Id(header.id));
        }
        if !header.qr {
            return Err(AnswerError::NotAnswer);
        }
        if header.opcode != self.opcode {
            return Err(AnswerError::Opcode(header.opcode));
        }
        if let Some(signatures) = &mut self.signatures {
            match signatures.check(octets, now) {
                Ok(signed) => self.verified = signed == Signed::Yes,
                // RFC 8945 §5.2 has NOTAUTH explained by a TSIG record; PowerDNS leaves that out.
                Err(TsigError::Unsigned) if header.rcode == Rcode::NOTAUTH => {
                    return Err(AnswerError::KeyNotTaken);
                }
                // Servers refuse unsigned when they do not know whom they refuse: the refusal says more.
                Err(TsigError::Unsigned) if header.rcode != Rcode::NOERROR => {
                    return Err(AnswerError::Rcode(header.rcode));
                }
                Err(error) => return Err(error.into()),
            }
        }
        let opt = self.opt(message);
        let rcode = opt.map_or(header.rcode, |opt| opt.rcode(header.rcode));
        if rcode != Rcode::NOERROR {
            return Err(AnswerError::Rcode(rcode));
        }
        match message.question()? {
            Some(question) if !self.is_question(question) => return Err(AnswerError::Question),
            None if self.messages == 0 && !self.is_notify() => return Err(AnswerError::NoQuestion),
            _ => {}
        }
        if header.answers > 0 || self.is_notify() {
            self.empty = 0;
        } else if self.messages == 0 {
            return Err(AnswerError::Empty);
        } else {
            self.empty += 1;
            if exceeds(self.empty.into(), self.max_empty.into()) {
                return Err(LimitError::EmptyMessages(self.max_empty).into());
            }
        }
        self.expire = opt.and_then(expire).or(self.expire);
        self.messages += 1;
        self.not_authoritative += u64::from(!header.aa);
        Ok(message)
    }

    /// Like [`check`](Self::check), over TCP, where nothing may be cut off.
    pub fn check_whole<'m>(
        &mut self,
        octets: &'m [u8],
        now: u64,
    ) -> Result<Message<'m>, AnswerError> {
        let message = self.check(octets, now)?;
        if message.header().tc {
            return Err(AnswerError::Truncated);
        }
        Ok(message)
    }

    /// Whether the last message was signed, or none had to be.
    pub fn is_verified(&self) -> bool {
        self.signatures.is_none() || self.verified
    }

    /// The stream is whole: was its last message signed, if the question was?
    pub fn finish(&mut self) -> Result<(), AnswerError> {
        self.signatures
            .take()
            .map_or(Ok(()), ClientStream::finish)?;
        Ok(())
    }

    /// Messages that passed.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Messages that passed although AA was not set.
    pub fn not_authoritative(&self) -> u64 {
        self.not_authoritative
    }

    /// How long the zone is good at the primary itself, in seconds, if the first message says so (EDNS EXPIRE, RFC 7314 §3).
    /// It counts from when that was sent.
    pub fn expire(&self) -> Option<u32> {
        self.expire
    }

    /// What the first message says by EDNS, if we asked by it. One that cannot be read is an error of its records.
    fn opt<'m>(&self, message: Message<'m>) -> Option<Opt<'m>> {
        let is_worth_a_look =
            self.has_edns && self.messages == 0 && message.header().additionals > 0;
        { is_worth_a_look.then(|| message.opt()) }?.ok().flatten()
    }

    fn is_notify(&self) -> bool {
        self.opcode == Opcode::NOTIFY
    }

    fn is_question(&self, question: zonekit_wire::Question<'_>) -> bool {
        question.rtype == self.rtype
            && question.class == Class::IN
            && question.name == self.zone.as_name()
    }
}

/// The value of EXPIRE; of another length than it has, it says nothing (RFC 7314 §3).
fn expire(opt: Opt<'_>) -> Option<u32> {
    let octets = opt.option(EdnsOption::EXPIRE)?.try_into().ok()?;
    Some(u32::from_be_bytes(octets))
}

/// Why a message is no part of the answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// The ID is not that of the question.
    #[error("message ID {0} is not that of the question")]
    Id(u16),
    /// QR is not set: a question came back.
    #[error("a question where an answer was due (QR is not set)")]
    NotAnswer,
    /// Another opcode than that of the question.
    #[error("opcode {0} is not that of the question")]
    Opcode(Opcode),
    /// The primary says no.
    #[error("answered {0}")]
    Rcode(Rcode),
    /// TC is set where nothing may be cut off.
    #[error("truncated (TC) over TCP")]
    Truncated,
    /// The first message has no question.
    #[error("question is missing")]
    NoQuestion,
    /// The question is not the one that was asked.
    #[error("question is not the one that was asked")]
    Question,
    /// The first message has no answer.
    #[error("no answer in the first message")]
    Empty,
    /// The answer holds no SOA of the zone.
    #[error("no SOA of the zone in the answer")]
    NoSoa,
    /// Too much of something.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The octets are no DNS message.
    #[error("malformed message")]
    Malformed(#[from] ReadError),
    /// A record cannot be read; with its offset in the message.
    #[error("malformed record at offset {offset}")]
    Record {
        /// Where the record begins, in octets from the header.
        offset: usize,
        /// What is wrong with it.
        #[source]
        error: ReadError,
    },
    /// A signed question was answered NOTAUTH, without the TSIG record that would say why.
    #[error(
        "answered NOTAUTH without a signature: key unknown to it (BADKEY) or secrets differ (BADSIG)"
    )]
    KeyNotTaken,
    /// The signature is missing or wrong.
    #[error("TSIG")]
    Tsig(#[from] TsigError),
}
