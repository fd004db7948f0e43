//! How many zones do at once, without holding anybody up.

use std::collections::VecDeque;
use std::sync::Arc;

use zonekit_http::StatusView;
use zonekit_model::{Contract, SecondaryZone, Selection, SurveyQuery, ZoneQuery, ZoneStatus};

use crate::clock;
use crate::node::Node;

/// How many zones are looked at while the tables are held.
const STRETCH: usize = 512;

/// The zones of a contract that are asked for. Looks at no more of them than it takes to fill the page; between stretches of
/// them others get their turn.
pub(crate) async fn survey(
    node: &Node,
    contract: &Contract,
    query: &SurveyQuery,
) -> Selection<StatusView> {
    let now = clock::now();
    let most = query.limit.saturating_add(1); // one more tells that there is a next page
    let stretch = match query.name_contains.is_none() && query.troubles.is_empty() {
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
                let status = table.get(&zone.name).map(|charge| &charge.status);
                match status {
                    Some(status) if query.means(&zone, status, now) => {
                        found.push((zone, without_history(status)));
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

/// A status without what is most of it and not asked for here.
fn without_history(status: &ZoneStatus) -> ZoneStatus {
    ZoneStatus {
        history: VecDeque::new(),
        primaries: status.primaries.clone(),
        ..*status
    }
}
