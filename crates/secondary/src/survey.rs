//! How many zones do at once, without holding anybody up.

use std::collections::HashMap;
use std::sync::Arc;

use zonekit_http::StatusView;
use zonekit_model::{
    Contract, SecondaryZone, Selection, SurveyQuery, ZoneQuery, ZoneState, ZoneStatus,
};

use crate::clock;
use crate::node::Node;

/// How many zones are looked at while the tables are held.
const STRETCH: usize = 512;
/// Where no more than this are meant, they are found by what they are asked for by, and put in order; of more than this among
/// a hundred thousand, a page is full after a few stretches.
const FEW: usize = 4_096;

/// The zones of a contract that are asked for. Looks at no more of them than it takes to fill the page; between stretches of
/// them others get their turn.
pub(crate) async fn survey(
    node: &Node,
    contract: &Contract,
    query: &SurveyQuery,
) -> Selection<StatusView> {
    let now = clock::now();
    if let Some(page) = named(node, contract, query) {
        return page;
    }
    if let Some(found) = few(node, contract, query) {
        let is_own = |zone: &SecondaryZone| zone.contract.as_ref() == Some(contract);
        let meant = { found.into_iter() }
            .filter(|(zone, status)| is_own(zone) && query.means(zone, status, now));
        let (zones, mut statuses): (Vec<_>, HashMap<_, _>) = meant
            .map(|(zone, status)| (Arc::clone(&zone), (zone.id, status)))
            .unzip();
        let page = query.order.page(&zones, query.after.as_ref(), query.limit);
        return Selection {
            total: node.book.registry().quota(contract).usage.secondary_zones,
            ..page.map(|zone| StatusView {
                version: node.content(&zone.name).0,
                status: statuses.remove(&zone.id).unwrap_or_default(),
                zone,
            })
        };
    }
    let most = query.limit.saturating_add(1); // one more tells that there is a next page
    let SurveyQuery {
        name_contains,
        compartment,
        troubles,
        ..
    } = query;
    let stretch = match name_contains.is_none() && compartment.is_none() && troubles.is_empty() {
        true => most,
        false => STRETCH,
    };
    let mut found: Vec<(Arc<SecondaryZone>, ZoneStatus)> = Vec::new();
    let mut after = query.after.clone();
    loop {
        let part = node.book.registry().select(
            contract,
            &ZoneQuery::all(query.order, after, stretch),
            |zone| node.zones.state(&zone.name),
        );
        {
            let table = node.zones.lock();
            for zone in part.items {
                if !query.means_name(&zone.name) {
                    continue;
                }
                // One that is not there was removed a moment ago, or is about to be entered.
                let status = table.get(&zone.name).map(|charge| charge.status());
                match status {
                    Some(status) if query.means(&zone, &status, now) => {
                        found.push((zone, status));
                    }
                    None if query.means(&zone, &ZoneStatus::default(), now) => {
                        found.push((zone, ZoneStatus::default()));
                    }
                    _ => {}
                }
                if found.len() == most {
                    break;
                }
            }
        }
        match part.next {
            Some(next) if found.len() < most => after = Some(next),
            _ => break,
        }
        tokio::task::yield_now().await;
    }
    let is_last = found.len() < most;
    found.truncate(query.limit);
    let last = found.last().filter(|_| !is_last);
    let next = last.map(|(zone, _)| query.order.place(zone));
    let view = |(zone, status): (Arc<SecondaryZone>, ZoneStatus)| StatusView {
        version: node.content(&zone.name).0,
        zone,
        status,
    };
    Selection {
        items: found.into_iter().map(view).collect(),
        total: node.book.registry().quota(contract).usage.secondary_zones,
        next,
    }
}

/// The zones that are asked for, if that is by part of their names: only those of the page are looked at.
fn named(node: &Node, contract: &Contract, query: &SurveyQuery) -> Option<Selection<StatusView>> {
    query.name_contains.as_ref()?;
    if !query.troubles.is_empty() || query.compartment.is_some() {
        return None;
    }
    let query = ZoneQuery {
        name_contains: query.name_contains.clone(),
        ..ZoneQuery::all(query.order, query.after.clone(), query.limit)
    };
    let (page, total) = {
        let registry = node.book.registry();
        // No state is asked for.
        let page = registry.select(contract, &query, |_| ZoneState::Available);
        (page, registry.quota(contract).usage.secondary_zones)
    };
    let status = |zone: &SecondaryZone| {
        let table = node.zones.lock();
        // One that is not there was removed a moment ago, or is about to be entered.
        table.get(&zone.name).map(|charge| charge.status())
    };
    Some(Selection {
        total,
        ..page.map(|zone| StatusView {
            version: node.content(&zone.name).0,
            status: status(&zone).unwrap_or_default(),
            zone,
        })
    })
}

/// The zones that may be meant, if they are few and can be found without looking at all others.
fn few(
    node: &Node,
    contract: &Contract,
    query: &SurveyQuery,
) -> Option<Vec<(Arc<SecondaryZone>, ZoneStatus)>> {
    if let Some(part) = &query.name_contains {
        let zones = node.book.registry().containing(contract, part, FEW);
        if let Some(zones) = zones {
            let table = node.zones.lock();
            let status = |zone: &Arc<SecondaryZone>| {
                let entry = table.get(&zone.name);
                entry.map_or_else(ZoneStatus::default, |entry| entry.status())
            };
            return Some(
                { zones.into_iter() }
                    .map(|zone| (Arc::clone(&zone), status(&zone)))
                    .collect(),
            );
        }
    }
    match query.troubles.is_empty() {
        true => None,
        false => node.zones.in_trouble(query, clock::now(), FEW),
    }
}
