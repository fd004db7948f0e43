//! After a start: whoever is told of new versions is told of all versions there are, the latest first. What was published
//! last before the end may not have been heard, and nobody else would tell of it before the next one.

use std::cmp::Reverse;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use zonekit_model::ZoneName;

use crate::node::Node;

/// How many zones one is told of in a second, so that who listens is not drowned in what it knows for the most part.
const PER_SECOND: usize = 50;

/// Those that one is being told of, beyond which the next wait: it does not answer.
const UNDER_WAY: usize = 500;

/// Tells of all zones, and ends. Each at its own pace: one that does not answer keeps nobody else waiting.
pub(crate) async fn run(node: Arc<Node>, mut stopped: watch::Receiver<bool>) {
    let (zones, config) = (zones(&node), node.config());
    let told = { config.dns.notify.iter() }.map(|told| (told.address, &zones[..]));
    let mut left: Vec<(SocketAddr, &[ZoneName])> = told.collect();
    while !left.is_empty() {
        let rate = usize::try_from(node.config().dns.notify_rate).unwrap_or(usize::MAX);
        for (target, zones) in &mut left {
            for name in next(zones, node.told_under_way(*target), rate) {
                // As it is now: what has come since the start was told of already, and is only told once more.
                if let Some(zone) = node.held(name).as_ref().and_then(|held| held.servable()) {
                    node.announce_to(*target, name, &zone.soa());
                }
            }
        }
        left.retain(|(_, zones)| !zones.is_empty());
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            _ = stopped.wait_for(|&stop| stop) => return,
        }
    }
}

/// What one is told of in this second, out of what is left, when it is being told of so many.
fn next<'z>(left: &mut &'z [ZoneName], under_way: usize, rate: usize) -> &'z [ZoneName] {
    // Half of what may be told at all is for what is new.
    let per_second = match rate {
        0 => PER_SECOND,
        rate => PER_SECOND.min(rate.div_ceil(2)),
    };
    let room = UNDER_WAY.saturating_sub(under_way).min(per_second);
    let (now, rest) = left.split_at(room.min(left.len()));
    *left = rest;
    now
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

    #[test]
    fn one_that_does_not_answer_waits_for_itself_alone() {
        let zones: Vec<ZoneName> = (0..120)
            .map(|number| format!("{number}.example").parse().unwrap())
            .collect();
        let told = |under_way: usize, rate: usize| {
            let mut left = &zones[..];
            let told: Vec<usize> = (0..3)
                .map(|_| next(&mut left, under_way, rate).len())
                .collect();
            (told, left.len())
        };
        assert_eq!(told(0, 0), (vec![50, 50, 20], 0));
        assert_eq!(told(0, 20), (vec![10; 3], 90));
        assert_eq!(told(UNDER_WAY - 1, 100), (vec![1; 3], 117));
        assert_eq!(told(UNDER_WAY, 100), (vec![0; 3], 120));
    }
}
