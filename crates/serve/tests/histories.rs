//! IXFR out of a history that is read piece by piece.

mod common;

use std::{ops::Range, sync::Arc};

use common::{Ask, NOW, render, zone};
use zonekit_serve::{Action, Config, Holding, OutgoingTransfer, Responder, TransferError, Zones};
use zonekit_store::{Diff, Zone};
use zonekit_wire::{Name, Serial};

/// Versions 1 to 9 of a zone, whose history the table has in memory or reads by so many steps at a time.
struct History {
    versions: Vec<Zone>,
    /// The numbers of the steps that can be read, and how many at a time.
    kept: Option<(Range<u64>, usize)>,
    /// Whether numbers from this one on are those of other steps by the time that they are read.
    renumbered: Option<u64>,
}

impl History {
    fn new(kept: Option<(Range<u64>, usize)>) -> Self {
        let versions = (1..=9).map(version).collect();
        Self {
            versions,
            kept,
            renumbered: None,
        }
    }

    fn responder(self) -> Responder {
        responder(Arc::new(self))
    }
}

fn version(serial: u32) -> Zone {
    let mut text =
        format!("@ 60 IN SOA ns h {serial} 1 1 1 60\n@ 60 IN NS ns\nns 60 IN A 192.0.2.1\n");
    (serial..serial + 100)
        .for_each(|host| text.push_str(&format!("host{host} 60 IN A 192.0.2.1\n")));
    zone("example.", &text)
}

fn responder(zones: Arc<dyn Zones>) -> Responder {
    let config = Config {
        allow_transfer: ["127.0.0.0/8".parse().unwrap()].into_iter().collect(),
        transfer_message_size: 512,
        ..Config::default()
    };
    Responder::new(zones, config)
}

impl Zones for History {
    fn enclosing(&self, _: Name<'_>) -> Option<Holding> {
        None
    }

    fn zone(&self, _: Name<'_>) -> Option<Holding> {
        self.versions.last().cloned().map(Holding::Served)
    }

    fn differences(&self, _: Name<'_>, from: Serial) -> Option<Vec<Diff>> {
        let versions = self.versions.get(from.0 as usize - 1..)?;
        let steps = versions
            .windows(2)
            .map(|pair| Diff::between(&pair[0], &pair[1]));
        Some(steps.collect())
    }

    fn differences_octets(&self, _: Name<'_>, _: Serial) -> Option<u64> {
        Some(1)
    }

    /// The step with number n leads on from version n.
    fn steps(&self, _: Name<'_>, from: Serial) -> Option<Range<u64>> {
        self.kept
            .as_ref()
            .map(|_| u64::from(from.0)..self.versions.len() as u64)
    }

    fn read_steps(&self, apex: Name<'_>, numbers: Range<u64>, _: usize) -> Option<Vec<Diff>> {
        let (kept, at_once) = self.kept.as_ref()?;
        let is_other = self.renumbered.is_some_and(|first| first <= numbers.start);
        let steps = self.differences(apex, Serial(numbers.start as u32 + u32::from(is_other)))?;
        let end = numbers.end.min(numbers.start + *at_once as u64);
        (kept.start <= numbers.start && end <= kept.end).then(|| {
            steps
                .into_iter()
                .take((end - numbers.start) as usize)
                .collect()
        })
    }
}

fn begin(responder: &Responder) -> OutgoingTransfer {
    let request = Ask::new("example. IXFR=1 +tcp");
    match responder
        .worker()
        .respond(&request.octets, request.peer, NOW, &mut Vec::new())
    {
        Action::Transfer(transfer) => *transfer,
        other => panic!("{other:?}"),
    }
}

/// All records that are handed over, how often something was read on the way, and how it ended.
fn hand_over(responder: &Responder) -> (Vec<String>, usize, Result<bool, TransferError>) {
    let mut transfer = begin(responder);
    let (mut records, mut reads, mut message) = (Vec::new(), 0, Vec::new());
    loop {
        if !transfer.is_prepared() {
            transfer.prepare();
            reads += 1;
        }
        match transfer.next_message(NOW, &mut message) {
            Ok(true) => records.extend(render(&message).lines().skip(1).map(str::to_owned)),
            end => return (records, reads, end),
        }
    }
}

#[test]
fn what_is_read_piece_by_piece_is_what_is_read_at_once() {
    let (expected, reads, end) = hand_over(&History::new(None).responder());
    assert_eq!((expected.len(), reads, end), (2 + 8 * 4, 1, Ok(false)));
    for (at_once, expected_reads) in [(1, 8), (2, 4), (3, 3), (8, 1), (100, 1)] {
        let paged = History::new(Some((1..9, at_once))).responder();
        assert_eq!(
            hand_over(&paged),
            (expected.clone(), expected_reads, Ok(false)),
            "{at_once}"
        );
    }
}

#[test]
fn a_caller_that_prepares_nothing_gets_the_same() {
    let mut transfer = begin(&History::new(Some((1..9, 1))).responder());
    let (mut message, mut records) = (Vec::new(), 0);
    while transfer.next_message(NOW, &mut message).unwrap() {
        records += render(&message).lines().count() - 1;
    }
    assert_eq!(records, 2 + 8 * 4);
}

#[test]
fn a_history_that_is_cut_is_the_whole_zone_before_something_was_sent_and_an_error_behind() {
    let (records, _, end) = hand_over(&History::new(Some((2..9, 1))).responder());
    assert_eq!((records.len(), end), (104, Ok(false)), "the zone");
    let (records, reads, end) = hand_over(&History::new(Some((1..5, 2))).responder());
    assert_eq!((reads, end), (3, Err(TransferError::HistoryCut)));
    assert_eq!(records.len(), 1 + 4 * 4, "what was read");
}

#[test]
fn steps_that_do_not_lead_on_from_those_before_end_the_transfer() {
    let mut history = History::new(Some((1..9, 2)));
    history.renumbered = Some(3);
    let (_, _, end) = hand_over(&history.responder());
    assert_eq!(end, Err(TransferError::HistoryCut));
}

#[test]
fn a_transfer_that_has_ended_with_an_error_says_no_more() {
    let mut transfer = begin(&History::new(Some((1..2, 1))).responder());
    let mut message = Vec::new();
    while transfer.next_message(NOW, &mut message) == Ok(true) {}
    assert_eq!(transfer.next_message(NOW, &mut message), Ok(false));
    assert!(message.is_empty());
}
