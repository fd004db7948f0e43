//! Records of a version, as the routes ask for them: pages of some of them, or all as text.

use bytes::Bytes;
use tokio::sync::mpsc;
use zonekit_http::ServiceError;
use zonekit_model::{Page, PageRequest, RecordOrder, RecordQuery, RecordView};
use zonekit_store::{Records, Zone};
use zonekit_wire::{Name, Rtype, master};

use crate::versions::Difference;

/// How many records of text are made at a time.
const PIECE: usize = 1_000;

/// Whether a page of what is meant is found without looking at all of the zone.
pub(crate) fn is_near(zone: &Zone, query: &RecordQuery) -> bool {
    let is_one_name = query.owner.is_some() && zone.nsec3_parameters().is_none();
    is_one_name || (query.means_all() && query.order == RecordOrder::Zone)
}

/// A page of the records that are meant. Takes as long as there are records to look at.
pub(crate) fn select(
    zone: &Zone,
    query: &RecordQuery,
    page: PageRequest,
) -> Result<Page<RecordView>, ServiceError> {
    let count = zone.record_count();
    if query.order != RecordOrder::Zone {
        if count > RecordQuery::SORTED {
            return Err(ServiceError::TooManyToSort(count));
        }
        let mut all = Vec::new();
        each(zone, query, |record| all.push(RecordView::from(record)));
        query.sort(&mut all);
        let total = all.len() as u64;
        let from = usize::try_from(page.offset).unwrap_or(usize::MAX);
        let most = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let items = all.into_iter().skip(from).take(most).collect();
        return Ok(Page { items, total });
    }
    if !query.means_all() && !query.descending {
        // What is looked for may be dear to look at: once is enough.
        let (mut items, mut total) = (Vec::new(), 0);
        each(zone, query, |record| {
            if total >= page.offset && (items.len() as u64) < page.limit.into() {
                items.push(RecordView::from(record));
            }
            total += 1;
        });
        return Ok(Page { items, total });
    }
    let total = match query.means_all() {
        true => count,
        false => {
            let mut total = 0;
            each(zone, query, |_| total += 1);
            total
        }
    };
    // From the end, a page is the same stretch of records, and the other way round.
    let left = total.saturating_sub(page.offset);
    let length = left.min(page.limit.into());
    let from = match query.descending {
        true => left - length,
        false => page.offset,
    };
    let mut items = Vec::new();
    if query.means_all() {
        let mut records = zone.iter_at(from);
        while (items.len() as u64) < length
            && let Some(record) = records.next()
        {
            items.push(RecordView::from(record));
        }
    } else {
        let mut number = 0;
        each(zone, query, |record| {
            if number >= from && number - from < length {
                items.push(RecordView::from(record));
            }
            number += 1;
        });
    }
    if query.descending {
        items.reverse();
    }
    Ok(Page { items, total })
}

/// Calls `found` with each record that is meant, in the zone's order.
fn each(zone: &Zone, query: &RecordQuery, mut found: impl FnMut(zonekit_wire::Record<'_>)) {
    let Some(owner) = &query.owner else {
        return walk(zone.iter(), query, |_| false, found);
    };
    let owner = owner.as_name();
    if !owner.is_at_or_below(zone.apex()) {
        return;
    }
    let mut is_there = false;
    let is_past = |name: Name<'_>| name != owner;
    walk(zone.iter_from(owner), query, is_past, |record| {
        is_there = true;
        found(record);
    });
    // Owners of NSEC3 records are no names of the zone, and stand apart.
    if !is_there && zone.nsec3_parameters().is_some() && query.rtype.is_none_or(is_of_nsec3) {
        walk(zone.iter(), query, |_| false, found);
    }
}

fn is_of_nsec3(rtype: Rtype) -> bool {
    matches!(rtype, Rtype::NSEC3 | Rtype::RRSIG)
}

fn walk(
    mut records: Records<'_>,
    query: &RecordQuery,
    is_past: impl Fn(Name<'_>) -> bool,
    mut found: impl FnMut(zonekit_wire::Record<'_>),
) {
    while let Some(record) = records.next() {
        if is_past(record.owner) {
            return;
        }
        if query.means(&record) {
            found(record);
        }
    }
}

/// The text of a version as a master file, made as fast as it is taken. Nothing but the version is held meanwhile: no
/// thread waits for a slow reader.
pub(crate) fn text(zone: Option<Zone>) -> mpsc::Receiver<Option<Bytes>> {
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(async move {
        let mut at = 0;
        if let Some(zone) = zone {
            while at < zone.record_count() {
                let zone = zone.clone();
                let Ok(piece) = tokio::task::spawn_blocking(move || piece(&zone, at)).await else {
                    return; // without the end, so that nobody takes it for whole
                };
                at += PIECE as u64;
                if sender.send(Some(piece)).await.is_err() {
                    return;
                }
            }
        }
        let _ = sender.send(None).await;
    });
    receiver
}

/// A difference as text, made as fast as it is taken; what is `held` is so until then.
pub(crate) fn told(
    difference: Difference,
    held: impl Send + 'static,
) -> mpsc::Receiver<Option<Bytes>> {
    const OCTETS: usize = 65_536;
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(async move {
        let _held = held;
        for piece in difference.pieces(OCTETS) {
            if sender.send(Some(piece.into())).await.is_err() {
                return;
            }
        }
        let _ = sender.send(None).await;
    });
    receiver
}

fn piece(zone: &Zone, at: u64) -> Bytes {
    let mut writer = master::Writer::new(Vec::new());
    let mut records = zone.iter_at(at);
    for _ in 0..PIECE {
        let Some(record) = records.next() else { break };
        if writer.write(&record).is_err() {
            break; // memory does not fail so
        }
    }
    writer.finish().unwrap_or_default().into()
}
