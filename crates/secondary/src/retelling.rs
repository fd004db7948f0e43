//! After a start: whoever is told of new versions is told of all versions there are, the latest first. What was published
//! last before the end may not have been heard, and nobody else would tell of it before the next one.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use zonekit_model::ZoneName;
use zonekit_store::Standing;

use crate::node::Node;

/// How many zones are told of in a second, so that who listens is not drowned in what it knows for the most part.
const PER_SECOND: usize = 50;

/// Those that are being told of, beyond which the next wait: somebody does not answer.
const UNDER_WAY: usize = 500;

/// Tells of all zones, and ends.
pub(crate) async fn run(node: Arc<Node>, mut stopped: watch::Receiver<bool>) {
    if node.config().dns.notify.is_empty() {
        return;
    }
    let mut zones = zones(&node).into_iter();
    while zones.len() > 0 {
        let room = UNDER_WAY.saturating_sub(node.told_under_way());
        let rate = usize::try_from(node.config().dns.notify_rate).unwrap_or(usize::MAX);
        // Half of what may be told at all is for what is new.
        let per_second = match rate {
            0 => PER_SECOND,
            rate => PER_SECOND.min(rate.div_ceil(2)),
        };
        for name in zones.by_ref().take(room.min(per_second)) {
            let held = node.held(&name);
            let served = held
                .filter(|held| matches!(held.standing, Standing::Current | Standing::Stale { .. }));
            // As it is now: what has come since the start was told of already, and is only told once more.
            if let Some(zone) = served.as_ref().and_then(|held| held.zone.as_ref()) {
                node.announce(&name, &zone.soa());
            }
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            _ = stopped.wait_for(|&stop| stop) => return,
        }
    }
}

/// Whom to tell of, in this order: our catalog, by which others know of the rest, then the latest first.
fn zones(node: &Node) -> Vec<ZoneName> {
    let latest = |name: &ZoneName| node.held(name).map(|held| Reverse(held.generation));
    let mut zones: Vec<ZoneName> = node.zones.lock().keys().cloned().collect();
    zones.sort_by_cached_key(latest);
    node.config()
        .dns
        .catalog
        .iter()
        .cloned()
        .chain(zones)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[tokio::test]
    async fn our_catalog_is_told_of_first() {
        let directory = tempfile::tempdir().unwrap();
        let text = "data_dir = \"var\"\n[dns]\nlisten = [\"127.0.0.1:0\"]\ncatalog = \"ours.example\"\n\
                    [[zone]]\nname = \"one.example\"\nprimaries = [{ address = \"127.0.0.1\" }]\n";
        let config = Config::parse(text, &directory.path().join("secondary.toml")).unwrap();
        let told = zones(&Node::open(config).unwrap());
        let expected = ["ours.example", "one.example"].map(|name| name.parse().unwrap());
        assert_eq!(told, expected);
    }
}
