//! Asking one primary for its SOA: datagrams first, TCP where they are cut off or not answered.

use std::time::{Duration, Instant};

use zonekit_wire::{Message, NameBuf, Rcode, Rtype, Section, SoaBuf, Unpacker};

use crate::answer::{Answer, AnswerError};
use crate::error::{VisitError, malformed};
use crate::limits::bounded;
use crate::query::Extra;
use crate::{Limits, Loss, Primary, Query};

use super::{Connection, Transmit};

/// The question to one primary, until it is answered or given up.
#[derive(Debug)]
pub(super) struct Probe {
    started: Instant,
    /// When the question in its present form was first sent, so that its answer was not said before.
    asked: Instant,
    /// When to try the next thing.
    pub(super) deadline: Instant,
    way: Way,
    answer: Answer,
    octets: Vec<u8>,
    edns: Edns,
    /// What came in a datagram that is not proven to be from the primary, though we signed: perhaps what it says, perhaps
    /// what somebody wants us to believe. TCP will tell.
    doubt: Option<VisitError>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Edns {
    /// Asked with it.
    Offered,
    /// The primary does not take it: asked again without.
    Refused,
    /// Asked without from the beginning.
    Without,
}

#[derive(Debug)]
enum Way {
    Datagrams { sent: u32 },
    Connecting(Connection),
    Connected(Connection),
}

/// What a probe comes to.
#[derive(Debug)]
pub(super) enum Verdict {
    Waiting,
    /// A connection is needed, with the next number, in place of the one there is.
    NeedsConnection,
    /// A question without EDNS is needed.
    NeedsPlain,
    /// The SOA, and how many seconds it is good for there, if it says so.
    Answered(SoaBuf, Option<u32>),
    Failed(VisitError),
}

impl Probe {
    /// A probe that begins with this question, which has EDNS or not.
    pub(super) fn new(mut query: Query, limits: &Limits, now: Instant) -> Self {
        let edns = if query.has_edns {
            Edns::Offered
        } else {
            Edns::Without
        };
        Self {
            started: now,
            asked: now,
            deadline: later(now, limits.query_timeout),
            way: Way::Datagrams { sent: 1 },
            answer: Answer::new(&mut query, 0),
            octets: query.octets().to_vec(),
            edns,
            doubt: None,
        }
    }

    /// A probe that begins so, over a connection: no datagram is sent.
    pub(super) fn connecting(
        query: Query,
        connection: Connection,
        limits: &Limits,
        now: Instant,
    ) -> Self {
        Self {
            way: Way::Connecting(connection),
            deadline: later(now, limits.connect_timeout),
            ..Self::new(query, limits, now)
        }
    }

    pub(super) fn transmit(&self, primary: usize) -> Transmit {
        Transmit::Datagram {
            primary,
            octets: self.octets.clone(),
        }
    }

    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// When the version expires at the primary that says so in an answer that came now: not too late, however long that was
    /// under way (RFC 7314).
    pub(super) fn expires(&self, expire: Option<u32>) -> Option<Instant> {
        let seconds = expire?;
        self.asked.checked_add(Duration::from_secs(seconds.into()))
    }

    pub(super) fn connection(&self) -> Option<Connection> {
        match self.way {
            Way::Datagrams { .. } => None,
            Way::Connecting(connection) | Way::Connected(connection) => Some(connection),
        }
    }

    /// Asks again, without EDNS.
    pub(super) fn ask_plainly(&mut self, mut query: Query, limits: &Limits, now: Instant) {
        self.answer = Answer::new(&mut query, 0);
        self.octets = query.octets().to_vec();
        self.asked = now;
        self.edns = Edns::Refused;
        self.deadline = later(now, limits.query_timeout);
    }

    /// Whether the next question is to have EDNS.
    pub(super) fn offers_edns(&self) -> bool {
        self.edns == Edns::Offered
    }

    /// Whether EDNS was refused, and what came after that is an answer to a question without.
    pub(super) fn is_edns_refused(&self) -> bool {
        self.edns == Edns::Refused
    }

    /// Goes on over TCP, with a question of its own.
    pub(super) fn connect(
        &mut self,
        mut query: Query,
        connection: Connection,
        limits: &Limits,
        now: Instant,
    ) {
        self.answer = Answer::new(&mut query, 0);
        self.octets = query.octets().to_vec();
        self.asked = now;
        self.way = Way::Connecting(connection);
        self.deadline = later(now, limits.connect_timeout);
    }

    pub(super) fn connected(&mut self, limits: &Limits, now: Instant) -> Option<Transmit> {
        let Way::Connecting(connection) = self.way else {
            return None;
        };
        self.way = Way::Connected(connection);
        // Where EDNS is met by silence, half of the time is left for the question without it.
        let parts = if self.edns == Edns::Without { 1 } else { 2 };
        self.deadline = later(now, limits.idle_timeout / parts);
        Some(Transmit::Message {
            connection,
            octets: self.octets.clone(),
        })
    }

    pub(super) fn datagram(
        &mut self,
        octets: &[u8],
        unix: u64,
        zone: &NameBuf,
        limits: &Limits,
    ) -> Verdict {
        if !matches!(self.way, Way::Datagrams { .. }) || !self.answer.is_ours(octets) {
            return Verdict::Waiting;
        }
        // Whether that is signed does not matter: TCP will tell.
        if Message::new(octets).is_ok_and(|message| message.header().tc) {
            return Verdict::NeedsConnection;
        }
        match self.answer.check(octets, unix) {
            Err(_) if self.offers_edns() && refuses_edns(octets) => Verdict::NeedsPlain,
            Err(error) if !self.answer.is_verified() => {
                self.doubt = Some(failed(error));
                if limits.query_timeout.is_zero() {
                    Verdict::NeedsConnection
                } else {
                    Verdict::Waiting
                }
            }
            // Knot answers for a catalog zone over TCP only (RFC 9432 §6 has them kept from the public).
            Err(error @ AnswerError::Rcode(Rcode::REFUSED)) => {
                self.doubt = Some(failed(error));
                Verdict::NeedsConnection
            }
            checked => self.read(checked, zone),
        }
    }

    pub(super) fn message(&mut self, octets: &[u8], unix: u64, zone: &NameBuf) -> Verdict {
        match self.answer.check_whole(octets, unix) {
            Err(_) if self.offers_edns() && refuses_edns(octets) => self.without_edns(),
            checked => self.read(checked, zone),
        }
    }

    /// Goes on without EDNS, on a fresh connection: who does not take it may have closed this one, or wait to.
    fn without_edns(&mut self) -> Verdict {
        self.edns = Edns::Refused;
        Verdict::NeedsConnection
    }

    fn read(&self, checked: Result<Message<'_>, AnswerError>, zone: &NameBuf) -> Verdict {
        match checked
            .map_err(failed)
            .and_then(|message| soa_of(message, zone))
        {
            Ok(soa) => Verdict::Answered(soa, self.answer.expire()),
            Err(error) => Verdict::Failed(error),
        }
    }

    /// Its connection is of no use any more, for no fault of its own.
    pub(super) fn displaced(&self) -> Verdict {
        Verdict::NeedsConnection
    }

    /// The way to the primary is lost, or was never there.
    pub(super) fn lost(&mut self, loss: Loss) -> Verdict {
        match self.way {
            Way::Datagrams { .. } => Verdict::NeedsConnection,
            Way::Connecting(_) => self.failed(VisitError::Connect(loss)),
            Way::Connected(_) if self.offers_edns() => self.without_edns(),
            Way::Connected(_) => self.failed(VisitError::Broken { records: 0, loss }),
        }
    }

    /// The deadline is over.
    pub(super) fn timed_out(
        &mut self,
        primary: usize,
        limits: &Limits,
        now: Instant,
        transmits: &mut impl Extend<Transmit>,
    ) -> Verdict {
        match self.way {
            Way::Datagrams { sent } if sent < limits.query_tries && self.doubt.is_none() => {
                self.way = Way::Datagrams { sent: sent + 1 };
                self.deadline = later(now, limits.query_timeout);
                transmits.extend([self.transmit(primary)]);
                Verdict::Waiting
            }
            Way::Datagrams { .. } => Verdict::NeedsConnection,
            Way::Connecting(_) => self.failed(VisitError::ConnectTimeout(limits.connect_timeout)),
            Way::Connected(_) if self.offers_edns() => self.without_edns(),
            Way::Connected(_) => Verdict::Failed(self.unanswered(now)),
        }
    }

    /// What to report if the question is given up now.
    pub(super) fn unanswered(&self, now: Instant) -> VisitError {
        let waited = now.saturating_duration_since(self.started);
        self.doubt.clone().unwrap_or(VisitError::NoAnswer(waited))
    }

    /// TCP does not tell: what was said over UDP says more than that.
    fn failed(&self, error: VisitError) -> Verdict {
        Verdict::Failed(self.doubt.clone().unwrap_or(error))
    }
}

/// The question for the SOA, to one primary.
pub(super) fn question(
    id: u16,
    zone: &NameBuf,
    primary: &Primary,
    unix: u64,
    with_edns: bool,
    over_tcp: bool,
) -> Query {
    let extra = Extra {
        soa: None,
        has_edns: with_edns,
        over_tcp,
    };
    Query::ask(id, zone, Rtype::SOA, extra, primary.key.as_ref(), unix)
}

/// Whether this says that EDNS, or our version of it, is not known there (RFC 6891 §7, §6.1.3).
fn refuses_edns(octets: &[u8]) -> bool {
    let Ok(message) = Message::new(octets) else {
        return false;
    };
    let rcode = message.header().rcode;
    let is_badvers = || {
        let opt = message.opt().ok().flatten();
        opt.is_some_and(|opt| opt.rcode(rcode) == Rcode::BADVERS)
    };
    matches!(rcode, Rcode::FORMERR | Rcode::NOTIMP) || is_badvers()
}

/// Whether a primary that failed so is there at all. Silence says no more than that all datagrams had their time.
pub(super) fn is_reached(error: &VisitError, limits: &Limits) -> Option<bool> {
    match error {
        VisitError::Connect(Loss::Tls(_)) => Some(true),
        VisitError::Connect(Loss::Refused | Loss::TimedOut | Loss::Unreachable)
        | VisitError::ConnectTimeout(_) => Some(false),
        VisitError::Connect(_) => None, // something here may lack
        VisitError::NoAnswer(waited) => {
            (*waited >= limits.query_timeout.saturating_mul(limits.query_tries)).then_some(false)
        }
        _ => Some(true),
    }
}

fn soa_of(message: Message<'_>, zone: &NameBuf) -> Result<SoaBuf, VisitError> {
    let mut found = None;
    for item in message.records().map_err(|error| malformed(1, error))? {
        let (section, packed) = item.map_err(|error| malformed(1, error))?;
        if section != Section::Answer || packed.rtype() != Rtype::SOA || found.is_some() {
            continue;
        }
        let mut unpacker = Unpacker::new();
        let record = unpacker
            .unpack(packed)
            .map_err(|error| malformed(1, error))?;
        if record.owner == zone.as_name() && record.class == zonekit_wire::Class::IN {
            let soa = zonekit_wire::Soa::read(record.rdata).map_err(|error| malformed(1, error))?;
            found = Some(soa.to_buf());
        }
    }
    found.ok_or_else(|| failed(AnswerError::NoSoa))
}

fn failed(error: AnswerError) -> VisitError {
    VisitError::Answer { message: 1, error }
}

/// `wait` after `now`; a day, if the limit is switched off: even so, nobody waits for ever.
pub(super) fn later(now: Instant, wait: Duration) -> Instant {
    const DAY: Duration = Duration::from_secs(86_400);
    now + if wait.is_zero() { DAY } else { bounded(wait) }
}
