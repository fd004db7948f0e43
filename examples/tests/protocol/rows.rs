//! The rows of the table: for each of them a zone of its own behind a primary that plays the row. Rows that end when a
//! time is over are before a node that waits for a second, all others before one that does not give up. `crates/xfr/tests/protocol.rs` plays the same rows before the parts.
//!
//! Here it shows as well that nothing of it is for ever, since each zone arrives when its primary is well again; and that
//! no zone hurts another, since all of a kind are in one node at the same time.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zonekit_script::{
    Asked, Asks, Expected, HELD, Level, OCTETS, RECORDS, Row, Seen, WHOLE, axfr_of, unix_now,
};
use zonekit_tsig::{Key, KeyRing, check_request};
use zonekit_wire::Rcode;

use super::*;
use crate::support::{PATIENCE, declared, eventually, rcode_of};

/// What the primary has as long as everything is to be as it is when the row begins.
const BEFORE: u32 = 0;
/// It plays the row.
const PLAYS: u32 = 1;
/// It has a version that is newer than all others, and says so.
const WELL: u32 = 2;

/// A row, its zone, and the primary that plays it.
struct Played {
    row: Row,
    zone: String,
    id: String,
    host: Host,
    stage: Arc<AtomicU32>,
    pace: Pace,
}

/// How long a node waits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Pace {
    /// As long as it may take.
    Patient,
    /// For a second or a few.
    Brisk,
}

impl Pace {
    const ALL: [Self; 2] = [Self::Patient, Self::Brisk];

    /// Who is to end by a time, or to be asked again where a datagram is late, is before the brisk one.
    fn of(row: &Row) -> Self {
        const TIMES: [&str; 3] = ["idle_timeout", "lone_soa_wait", "max_transfer_time"];
        let ends_by_time = match row.expected(Level::Secondary) {
            Expected::Rejected(_, words) => TIMES.contains(words),
            _ => false,
        };
        if ends_by_time || row.asks == Asks::Soa {
            Self::Brisk
        } else {
            Self::Patient
        }
    }

    fn limits(self) -> &'static str {
        match self {
            Self::Patient => "connect_timeout = 60\nidle_timeout = 60\nlone_soa_wait = 60\n",
            Self::Brisk => "idle_timeout = 1\nlone_soa_wait = 1\nmax_transfer_time = 4\n",
        }
    }
}

/// All rows before two nodes.
struct Stage {
    nodes: [Inside; 2],
    played: HashMap<&'static str, Played>,
}

impl Stage {
    fn get() -> &'static Self {
        static STAGE: OnceLock<Stage> = OnceLock::new();
        STAGE.get_or_init(Self::start)
    }

    fn start() -> Self {
        let mut played = HashMap::new();
        let mut tables = Pace::ALL.map(|pace| {
            let limits = pace.limits();
            format!(
                "[limits]\n{limits}max_zone_records = {RECORDS}\nmax_zone_octets = {OCTETS}\n[[key]]\n\
                 name = \"transfer.example.\"\nalgorithm = \"hmac-sha256\"\nsecret = \"c2VjcmV0IHNlY3JldCBzZWNyZXQ=\"\n"
            )
        });
        for (number, row) in zonekit_script::all().into_iter().enumerate() {
            let zone = format!("row{number}.test");
            let begins = if row.asks == Asks::Axfr {
                PLAYS
            } else {
                BEFORE
            };
            let stage = Arc::new(AtomicU32::new(begins));
            let host = primary(&row, &stage);
            let key = row.key.as_ref().map(|_| "transfer.example.");
            let pace = Pace::of(&row);
            tables[pace as usize] += &declared(&zone, host.listen(), key);
            tables[pace as usize] += row.settings;
            let name = row.name;
            let id = String::new();
            played.insert(
                name,
                Played {
                    row,
                    zone,
                    id,
                    host,
                    stage,
                    pace,
                },
            );
        }
        let nodes = tables.map(|tables| Inside::start(&Settings::with(&tables)));
        Self { nodes, played }.begin()
    }

    /// Waits until everything is held that differences start from; then they begin, all at once.
    fn begin(mut self) -> Self {
        let mut ids: HashMap<String, String> = HashMap::new();
        for node in &self.nodes {
            let (_, zones) = node.api.get("/secondaryzones?limit=1000");
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let zones = zones["items"].as_array().unwrap().iter();
            ids.extend(
                zones.map(|zone| (text(&zone["properties"]["zoneName"]), text(&zone["id"]))),
            );
        }
        for played in self.played.values_mut() {
            played.id = ids[&played.zone].clone();
        }
        let later =
            || { self.played.values() }.filter_map(|played| Some((played, before(&played.row)?)));
        for (played, serial) in later() {
            eventually(&format!("serial {serial} of {}", played.zone), || {
                self.held(played).filter(|(held, _)| *held == serial)
            });
        }
        for (played, _) in later() {
            played.host.asked.lock().unwrap().clear();
            played.stage.store(PLAYS, Ordering::SeqCst);
        }
        self
    }

    fn node(&self, played: &Played) -> &Inside {
        &self.nodes[played.pace as usize]
    }

    fn held(&self, played: &Played) -> Option<(u32, Vec<RecordBuf>)> {
        self.node(played).held(&played.zone)
    }

    /// What has become of the row so far.
    fn seen(&self, played: &Played) -> Option<Seen> {
        match (played.row.asks, played.row.expected(Level::Secondary)) {
            (Asks::Axfr, Expected::Rejected(..)) => {
                let api = &self.node(played).api;
                let primary = api.transfer_status(&played.id).swap_remove(0);
                let words = primary["errorMessage"].as_str()?.to_owned();
                Some(Seen::Rejected(None, words))
            }
            // It has been asked once more, so the first answer has been judged.
            (_, Expected::UpToDate) => {
                let times = played.host.story().matches("IXFR/tcp").count();
                (times > 1).then_some(Seen::UpToDate)
            }
            _ => self
                .held(played)
                .map(|(serial, records)| Seen::Zone(serial, records)),
        }
    }

    /// Waits until the row is so, and says what is so instead if it never is.
    fn wait_for(&self, row: &Row, played: &Played) {
        let begin = Instant::now();
        let mut last = "nothing came of it".to_owned();
        while begin.elapsed() < PATIENCE {
            let seen = self.seen(played);
            let apex = played.zone.parse().unwrap();
            match seen.map(|seen| row.judge(Level::Secondary, &apex, &seen)) {
                Some(Ok(())) => return,
                Some(Err(why)) => last = why,
                None => {}
            }
            sleep(Duration::from_millis(10));
        }
        panic!("{last}; the primary was asked {}", played.host.story());
    }
}

/// A primary that plays the row where the row is about, and is well otherwise.
fn primary(row: &Row, stage: &Arc<AtomicU32>) -> Host {
    let answer = |rtype: Rtype| {
        let (row, stage) = (row.clone(), Arc::clone(stage));
        move |request: &[u8]| {
            let ask = Ask::new(request);
            let stage = stage.load(Ordering::SeqCst);
            let is_played = matches!(
                (row.asks, rtype),
                (Asks::Axfr, Rtype::AXFR) | (Asks::Ixfr(_), Rtype::IXFR) | (Asks::Soa, Rtype::SOA)
            );
            if stage == PLAYS && is_played {
                return (row.script)(&ask);
            }
            let (serial, texts) = match (stage, row.asks) {
                (BEFORE, _) => (before(&row).unwrap_or_default(), &HELD[..]),
                (WELL, _) => (well(&row), &WHOLE[..]),
                _ => (row.goal, &WHOLE[..]),
            };
            let whole = axfr_of(&ask.zone, serial, texts);
            let records = if rtype == Rtype::SOA {
                &whole[..1]
            } else {
                &whole[..]
            };
            let mut message = ask.message(records);
            if let Some(key) = &row.key {
                sign(key, request, &mut message);
            }
            vec![Act::Say(message)]
        }
    };
    let mut host = Host::silent();
    if row.asks != Asks::Soa {
        // Where a datagram is late. Who has not told true datagrams from false ones learns nothing over TCP.
        host = host.tcp(Rtype::SOA, answer(Rtype::SOA));
    }
    host.udp(Rtype::SOA, answer(Rtype::SOA))
        .tcp(Rtype::AXFR, answer(Rtype::AXFR))
        .tcp(Rtype::IXFR, answer(Rtype::IXFR))
}

/// What is held when the row begins, if anything is.
fn before(row: &Row) -> Option<u32> {
    match row.asks {
        Asks::Axfr => None,
        Asks::Ixfr(serial) => Some(serial),
        Asks::Soa => Some(1),
    }
}

/// The serial of a primary that is well.
fn well(row: &Row) -> u32 {
    row.goal + 100
}

fn sign(key: &Key, request: &[u8], message: &mut Vec<u8>) {
    let ring = KeyRing::from_iter([key.clone()]);
    let checked = check_request(&ring, request, unix_now()).unwrap();
    checked
        .expect("a signed question")
        .sign(message, unix_now());
}

fn play(name: &str) {
    let stage = Stage::get();
    let played = &stage.played[name];
    let Played {
        row, host, zone, ..
    } = played;
    // What is wrong with differences is followed by the whole zone, which is the primary's true version.
    let is_followed_by_axfr = matches!(row.asks, Asks::Ixfr(_))
        && matches!(row.expected(Level::Secondary), Expected::Rejected(..));
    if is_followed_by_axfr {
        stage.wait_for(&zonekit_script::whole(row), played);
    } else {
        stage.wait_for(row, played);
    }
    let story = host.story();
    let asked = host.asked.lock().unwrap().clone();
    assert!(
        asked
            .iter()
            .all(|asked| asked.is_signed == row.key.is_some()),
        "{story}"
    );
    match (row.asks, row.expected(Level::Secondary)) {
        (Asks::Axfr, Expected::Rejected(..)) => {
            let rcode = rcode_of(stage.node(played).dns, zone);
            assert_eq!(rcode, Rcode::SERVFAIL, "{zone} is served");
        }
        (Asks::Ixfr(_), Expected::Rejected(..)) => {
            // Where others might have been to blame, differences are asked for once more, on a connection of their own.
            let is_transfer = |asked: &&Asked| asked.over_tcp && asked.rtype != Rtype::SOA;
            let mut over_tcp = asked.iter().filter(is_transfer);
            let is_whole = |asked: &&Asked| asked.rtype == Rtype::AXFR;
            let axfr = { over_tcp.clone() }
                .find(is_whole)
                .expect("a question for the whole zone");
            let before: Vec<_> = over_tcp
                .by_ref()
                .take_while(|asked| !is_whole(asked))
                .collect();
            assert!(matches!(before.len(), 1 | 2), "{story}");
            for ixfr in before {
                assert_eq!(ixfr.rtype, Rtype::IXFR, "{story}");
                assert_ne!(ixfr.connection, axfr.connection, "{story}");
            }
        }
        (Asks::Ixfr(held), expected) => {
            assert!(
                story.contains("IXFR/tcp") && !story.contains("AXFR"),
                "{story}"
            );
            if *expected == Expected::UpToDate {
                assert_eq!(stage.held(played).map(|(serial, _)| serial), Some(held));
            }
        }
        (Asks::Soa, _) => assert!(story.contains("IXFR/tcp"), "{story}"),
        (Asks::Axfr, _) => {}
    }
    recovers(stage, played);
}

/// Whatever it was that the primary has sent, the zone arrives when it is well again.
fn recovers(stage: &Stage, played: &Played) {
    if played.row.settings.contains("required") {
        return; // a zone without digest is what this one wants never to be well with
    }
    played.stage.store(WELL, Ordering::SeqCst);
    let path = format!("/secondaryzones/{}/axfr", played.id);
    let (status, answer) = stage.node(played).api.put(&path, &json!({}));
    assert_eq!(status, 200, "{answer}");
    let serial = well(&played.row);
    eventually(&format!("serial {serial} of {}", played.zone), || {
        stage.held(played).filter(|(held, _)| *held == serial)
    });
}

macro_rules! played {
    ($($name:ident)*) => { $(#[test] fn $name() { super::play(stringify!($name)); })* };
}

mod row {
    zonekit_script::each_message_row!(played);
    zonekit_script::each_datagram_row!(played);
    zonekit_script::each_axfr_row!(played);
    zonekit_script::each_ixfr_row!(played);
    zonekit_script::each_tsig_row!(played);
    zonekit_script::each_slow_row!(played);
}
