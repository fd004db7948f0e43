//! What a secondary does with what it is sent, row by row: for the rules of one answer stream alone, and for the client on
//! loopback. `examples/tests/protocol.rs` plays the same rows before the whole secondary.
//!
//! Alone there are no datagrams, so the rows about these are not played there; where a level sees something else than the
//! others, the row says why.

mod common;

use std::time::Duration;

use common::{Act, Copy, HELD, Host, framed};
use zonekit_script::{Ask, Asks, Expected, Level, OCTETS, RECORDS, Row, Seen, soa_of, unix_now};
use zonekit_wire::{FrameBuffer, NameBuf, Rtype, Serial};
use zonekit_xfr::{
    Apply, Client, ClientError, ErrorKind, Incoming, Limits, Query, Transfer, VisitError,
};

/// Longer than that of the other tests, so that no row goes by its length.
const APEX: &str = "zone.under.test";

fn apex() -> NameBuf {
    APEX.parse().unwrap()
}

/// Nobody is hurried, but where a row is about a limit of time: there by that one alone.
fn limits(expected: &Expected) -> Limits {
    const LONG: Duration = Duration::from_secs(60);
    let hurried = |limit: &str, wait: u64| match expected {
        Expected::Rejected(_, words) if *words == limit => Duration::from_millis(wait),
        _ => LONG,
    };
    Limits {
        max_zone_records: RECORDS,
        max_zone_octets: OCTETS,
        connect_timeout: LONG,
        query_timeout: LONG,
        idle_timeout: hurried("idle_timeout", 500),
        lone_soa_wait: hurried("lone_soa_wait", 300),
        max_transfer_time: hurried("max_transfer_time", 1_000),
        ..Limits::default()
    }
}

/// What is held when the row begins.
fn held(row: &Row) -> Copy {
    match row.asks {
        Asks::Ixfr(serial) => Copy::of_zone(&apex(), serial, &HELD),
        _ => Copy::default(),
    }
}

fn judge(row: &Row, level: Level, seen: &Seen) {
    if let Err(why) = row.judge(level, &apex(), seen) {
        panic!("{why}");
    }
}

fn rejected(kind: ErrorKind, words: String) -> Seen {
    Seen::Rejected(Some(kind.as_str().to_owned()), words)
}

/// What there is in the end, if nothing was rejected.
fn in_the_end(copy: Copy) -> Seen {
    match copy.up_to_date {
        0 => Seen::Zone(copy.serial.unwrap(), copy.as_sent()),
        _ => Seen::UpToDate,
    }
}

/// The row without sockets: octets through frames, messages and records.
fn alone(name: &str) {
    let row = zonekit_script::row(name);
    let mut copy = held(&row);
    let seen = match stream(&row, &mut copy) {
        Ok(()) => in_the_end(copy),
        Err(error) => {
            assert_eq!(copy.commits, 0, "{name}");
            rejected(error.kind(), error.in_words())
        }
    };
    judge(&row, Level::Alone, &seen);
}

fn stream(row: &Row, copy: &mut Copy) -> Result<(), VisitError> {
    let (apex, key, now) = (apex(), row.key.as_ref(), unix_now());
    let (mut query, transfer) = match row.asks {
        Asks::Ixfr(serial) => {
            let held = soa_of(&apex, serial);
            let query = Query::ixfr(4711, &apex, &held, key, now);
            (query, Transfer::ixfr(apex.as_name(), held))
        }
        _ => (
            Query::axfr(4711, &apex, key, now),
            Transfer::axfr(apex.as_name()),
        ),
    };
    let acts = (row.script)(&Ask::new(query.octets()));
    let octets = acts.into_iter().flat_map(|act| match act {
        Act::Say(message) => framed(&message),
        Act::Raw(octets) => octets,
        _ => Vec::new(),
    });
    let limits = limits(row.expected(Level::Alone));
    let mut incoming = Incoming::new(&mut query, transfer, &limits, HELD.len() as u64 + 1);
    let mut frames = FrameBuffer::with_room(4096);
    let mut octets = octets.peekable();
    while octets.peek().is_some() {
        let space = frames.space();
        let mut taken = 0;
        for (place, octet) in space.iter_mut().zip(octets.by_ref()) {
            *place = octet;
            taken += 1;
        }
        frames.advance(taken);
        loop {
            match frames.next_frame() {
                Ok(Some(message)) => incoming.message(message, now, copy)?,
                Ok(None) => break,
                Err(_) => {
                    return Err(VisitError::Broken {
                        records: 0,
                        loss: zonekit_xfr::Loss::ZeroLengthFrame,
                    });
                }
            }
        }
    }
    incoming.finish(copy).map(drop)
}

/// The row by the client, over loopback.
#[tokio::main(flavor = "current_thread")]
async fn client(name: &str) {
    let row = zonekit_script::row(name);
    let script = row.script.clone();
    let play = move |request: &[u8]| script(&Ask::new(request));
    let host = match row.asks {
        Asks::Axfr => Host::silent().tcp(Rtype::AXFR, play),
        Asks::Ixfr(_) => Host::silent().tcp(Rtype::IXFR, play),
        Asks::Soa => Host::silent().udp(Rtype::SOA, play),
    };
    let mut client = Client::new(host.listen()).limits(limits(row.expected(Level::Client)));
    if let Some(key) = &row.key {
        client = client.key(key.clone());
    }
    if row.asks == Asks::Soa {
        let soa = client.soa(apex()).await.unwrap();
        assert_eq!(soa.serial, Serial(row.goal), "{name}");
        assert_eq!(host.story(), "SOA/udp", "{name}");
        return;
    }
    let mut copy = held(&row);
    let seen = match fetch(&client, &row, &mut copy).await {
        Ok(()) => in_the_end(copy),
        Err(seen) => {
            assert_eq!(copy.commits, 0, "{name}");
            seen
        }
    };
    judge(&row, Level::Client, &seen);
}

async fn fetch(client: &Client, row: &Row, copy: &mut Copy) -> Result<(), Seen> {
    let failed = |error: ClientError| {
        let kind = error.kind().expect("a kind");
        let words = match &error {
            ClientError::Visit(error) => error.in_words(),
            other => other.to_string(),
        };
        rejected(kind, words)
    };
    let transfer = match row.asks {
        Asks::Ixfr(serial) => client.ixfr(apex(), soa_of(&apex(), serial)).await,
        _ => client.axfr(apex()).await,
    };
    let mut transfer = transfer.map_err(failed)?;
    while let Some(change) = transfer.next_change().await.map_err(failed)? {
        copy.apply(change)
            .map_err(|error| rejected(ErrorKind::Rejected, error.to_string()))?;
    }
    Ok(())
}

macro_rules! alone {
    ($($name:ident)*) => { $(#[test] fn $name() { super::alone(stringify!($name)); })* };
}

macro_rules! client {
    ($($name:ident)*) => { $(#[test] fn $name() { super::client(stringify!($name)); })* };
}

mod alone {
    zonekit_script::each_message_row!(alone);
    zonekit_script::each_axfr_row!(alone);
    zonekit_script::each_ixfr_row!(alone);
    zonekit_script::each_tsig_row!(alone);
    zonekit_script::each_slow_row!(alone);
}

mod by_client {
    zonekit_script::each_message_row!(client);
    zonekit_script::each_datagram_row!(client);
    zonekit_script::each_axfr_row!(client);
    zonekit_script::each_ixfr_row!(client);
    zonekit_script::each_tsig_row!(client);
    zonekit_script::each_slow_row!(client);
}
