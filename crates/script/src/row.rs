//! What a secondary is sent, and what it makes of it: one row of the table that every level plays.

use std::collections::BTreeSet;
use std::sync::Arc;

use zonekit_tsig::Key;
use zonekit_wire::{NameBuf, RecordBuf};

use crate::{Act, Ask, WHOLE, rr_of};

/// Where a row is played.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Level {
    /// The rules for one answer stream, without sockets.
    Alone,
    /// The client, over TCP.
    Client,
    /// The whole secondary, with its store.
    Secondary,
}

/// What is asked of the primary when the script is played.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Asks {
    /// The whole zone. Nothing is held.
    Axfr,
    /// What changed since this serial, whose content is [`HELD`](crate::HELD).
    Ixfr(u32),
    /// The SOA, over UDP.
    Soa,
}

/// What is to become of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Expected {
    /// A version of the zone: its serial, and its records beside the SOA, as [`rr`](crate::rr) reads them.
    Zone(u32, Vec<String>),
    /// Nothing newer is there: what is held stays.
    UpToDate,
    /// Not taken: the kind of the error, and something that its words say.
    Rejected(&'static str, &'static str),
}

/// What became of it.
#[derive(Clone, Debug)]
pub enum Seen {
    /// A version of the zone: its serial, and its records beside the SOA.
    Zone(u32, Vec<RecordBuf>),
    UpToDate,
    /// The kind, where the level tells it, and the words.
    Rejected(Option<String>, String),
}

type Script = Arc<dyn Fn(&Ask<'_>) -> Vec<Act> + Send + Sync>;

/// A row: what arrives, and what we do. Its name is the claim.
#[derive(Clone)]
pub struct Row {
    pub name: &'static str,
    pub asks: Asks,
    /// The serial that the primary says it has.
    pub goal: u32,
    pub script: Script,
    /// Further settings of the zone in the configuration of the whole secondary.
    pub settings: &'static str,
    /// What is asked with.
    pub key: Option<Key>,
    expected: Expected,
    differs: Vec<(Level, Expected, &'static str)>,
}

impl Row {
    fn new(asks: Asks, goal: u32, script: Script) -> Self {
        Self {
            name: "",
            asks,
            goal,
            script,
            settings: "",
            key: None,
            expected: zone(goal, &WHOLE),
            differs: Vec::new(),
        }
    }

    /// This zone, whole.
    pub(crate) fn gives(mut self, records: &[&str]) -> Self {
        self.expected = zone(self.goal, records);
        self
    }

    /// The small zone and these records.
    pub(crate) fn gives_also(mut self, records: &[&str]) -> Self {
        self.expected = zone(self.goal, &[&WHOLE, records].concat());
        self
    }

    pub(crate) fn gives_nothing_newer(mut self) -> Self {
        self.expected = Expected::UpToDate;
        self
    }

    pub(crate) fn fails(mut self, kind: &'static str, words: &'static str) -> Self {
        self.expected = Expected::Rejected(kind, words);
        self
    }

    /// At this level it is not so, and why.
    pub(crate) fn but(mut self, level: Level, expected: Expected, why: &'static str) -> Self {
        self.differs.push((level, expected, why));
        self
    }

    /// Only who keeps the zone can know: without, what was sent is delivered.
    pub(crate) fn only_kept_by_the_store(self, sent: &[&str]) -> Self {
        let why = "what a zone may look like is the store's matter";
        let sent = zone(self.goal, sent);
        self.but(Level::Alone, sent.clone(), why)
            .but(Level::Client, sent, why)
    }

    pub(crate) fn with(mut self, settings: &'static str) -> Self {
        self.settings = settings;
        self
    }

    pub(crate) fn to(mut self, goal: u32) -> Self {
        self.goal = goal;
        self
    }

    pub(crate) fn keyed(mut self, key: Key) -> Self {
        self.key = Some(key);
        self
    }

    pub(crate) fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// What is to become of it at this level.
    pub fn expected(&self, level: Level) -> &Expected {
        let differs = self.differs.iter().find(|(at, ..)| *at == level);
        differs.map_or(&self.expected, |(_, expected, _)| expected)
    }

    /// Holds what became of it against the row; says what is not so.
    pub fn judge(&self, level: Level, apex: &NameBuf, seen: &Seen) -> Result<(), String> {
        let expected = self.expected(level);
        let is_so = match (expected, seen) {
            (Expected::Zone(serial, texts), Seen::Zone(seen, records)) => {
                let wanted: BTreeSet<String> = { texts.iter() }
                    .map(|text| line(&rr_of(apex, text)))
                    .collect();
                let is = records.iter().map(line).collect::<BTreeSet<_>>();
                // No record comes twice, either.
                serial == seen && wanted == is && records.len() == is.len()
            }
            (Expected::UpToDate, Seen::UpToDate) => true,
            (Expected::Rejected(kind, words), Seen::Rejected(seen, said)) => {
                seen.as_ref().is_none_or(|seen| seen == kind) && said.contains(words)
            }
            _ => false,
        };
        if is_so {
            return Ok(());
        }
        let seen = match seen {
            Seen::Zone(serial, records) => {
                format!(
                    "serial {serial}: {:#?}",
                    records.iter().map(line).collect::<Vec<_>>()
                )
            }
            other => format!("{other:?}"),
        };
        Err(format!(
            "{}, {level:?}: expected {expected:?}, seen {seen}",
            self.name
        ))
    }
}

/// The row as it must end where the primary's whole zone is taken in the end.
pub fn whole(row: &Row) -> Row {
    let mut row = row.clone();
    row.expected = zone(row.goal, &WHOLE);
    row.differs.clear();
    row
}

/// Every octet of a record that is kept.
fn line(record: &RecordBuf) -> String {
    let RecordBuf {
        owner,
        rtype,
        class,
        ttl,
        rdata,
    } = record;
    format!("{} {ttl} {class} {rtype} {rdata:02x?}", owner.as_name())
}

pub(crate) fn zone(serial: u32, records: &[&str]) -> Expected {
    Expected::Zone(
        serial,
        records.iter().map(|&text| text.to_owned()).collect(),
    )
}

/// In answer to AXFR.
pub(crate) fn axfr(script: impl Fn(&Ask<'_>) -> Vec<Act> + Send + Sync + 'static) -> Row {
    Row::new(Asks::Axfr, 7, Arc::new(script))
}

/// In answer to IXFR from serial 1.
pub(crate) fn ixfr(script: impl Fn(&Ask<'_>) -> Vec<Act> + Send + Sync + 'static) -> Row {
    Row::new(Asks::Ixfr(1), 3, Arc::new(script))
}

/// In answer to a question for the SOA, over UDP.
pub(crate) fn datagram(script: impl Fn(&Ask<'_>) -> Vec<Act> + Send + Sync + 'static) -> Row {
    Row::new(Asks::Soa, 7, Arc::new(script))
}

/// Messages and nothing else.
pub(crate) fn says(messages: Vec<Vec<u8>>) -> Vec<Act> {
    messages.into_iter().map(Act::Say).collect()
}
