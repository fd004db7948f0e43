//! The catalogs of others: their members are zones of ours.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::spawn_blocking;
use tracing::{error, info, warn};
use zonekit_http::ServiceError;
use zonekit_model::{Catalog, CatalogError, CatalogMember, Command, FollowedZone, Uuid, ZoneName};
use zonekit_store::Generation;
use zonekit_wire::Serial;

use super::held_back::HeldVersion;
use super::read;
use crate::Config;
use crate::config::CatalogEntry;
use crate::node::Node;

/// What of which catalog has been followed already.
#[derive(Default)]
pub(super) struct Followed {
    seen: HashMap<ZoneName, Seen>,
}

/// A version of a catalog that has been looked at.
struct Seen {
    generation: Generation,
    entry: CatalogEntry,
    /// What came of it; none if it is no catalog that can be followed.
    taken: Option<Taken>,
}

/// What was taken of a catalog.
struct Taken {
    /// How many zones of ours are its members. There are fewer once somebody else has one of them.
    members: usize,
    /// Members that were left alone since zones of their names are somebody else's.
    left_alone: Vec<CatalogMember>,
}

/// A version of a catalog that has not been followed yet.
struct News {
    generation: Generation,
    serial: Serial,
    entry: CatalogEntry,
    read: Result<Catalog, CatalogError>,
}

impl Followed {
    /// Follows what has changed; whether all of it could be kept.
    pub(super) async fn follow(&mut self, node: &Arc<Node>) -> bool {
        let config = node.config();
        let mut is_done = self.let_go(node, &config).await;
        { &node.held_back }.retain(|catalog| config.catalog(catalog).is_some());
        // All are read before the first is followed: what one keeps from now on, no other may take.
        let news = self.news(node, &config).await;
        let kept = kept_from_others(node, &news);
        for news in news {
            let held_back = held_back(node, &news);
            let News {
                generation,
                entry,
                read,
                ..
            } = news;
            let taken = match read {
                Ok(catalog) if catalog.members.len() > entry.max_zones => {
                    let (members, max_zones) = (catalog.members.len(), entry.max_zones);
                    error!(catalog = %entry.zone, members, max_zones, "not followed: it has too many members");
                    None
                }
                Ok(catalog) => match held_back {
                    // Until it is ordered, or fewer would go.
                    Some(members) => Some(Taken {
                        members,
                        left_alone: Vec::new(),
                    }),
                    None => match take(node, &entry, catalog, &kept).await {
                        None => {
                            is_done = false;
                            self.seen.remove(&entry.zone);
                            continue;
                        }
                        taken => taken,
                    },
                },
                Err(error) => {
                    error!(catalog = %entry.zone, %error, "not followed: its members stay as they are");
                    None
                }
            };
            let name = entry.zone.clone();
            if held_back.is_none() {
                node.held_back.forget(&name);
            }
            let seen = Seen {
                generation,
                entry,
                taken,
            };
            self.seen.insert(name, seen);
        }
        is_done
    }

    /// A catalog that is not followed any more takes its members with it; whether all of them could go.
    async fn let_go(&mut self, node: &Arc<Node>, config: &Config) -> bool {
        let left: Vec<ZoneName> = {
            let registry = node.book.registry();
            let followed = registry.followed().into_keys();
            { followed.filter(|catalog| config.catalog(catalog).is_none()) }
                .cloned()
                .collect()
        };
        let mut is_done = true;
        for catalog in left {
            info!(%catalog, "not followed any more: its members go");
            is_done &= enter(node, &catalog, Vec::new()).await;
            self.seen.remove(&catalog);
        }
        is_done
    }

    /// The catalogs about which something has changed. One that has expired has lost its meaning, and its members stay as they
    /// are ([RFC 9432 §5.1](https://www.rfc-editor.org/rfc/rfc9432#section-5.1)).
    async fn news(&self, node: &Arc<Node>, config: &Config) -> Vec<News> {
        let members: HashMap<ZoneName, usize> = {
            let registry = node.book.registry();
            let followed = registry.followed().into_iter();
            followed
                .map(|(name, members)| (name.clone(), members))
                .collect()
        };
        let mut news = Vec::new();
        for entry in &config.catalogs {
            let Some((generation, zone)) = { node.held(&entry.zone) }
                .and_then(|held| Some((held.generation, held.servable()?.clone())))
            else {
                continue;
            };
            let (name, serial) = (entry.zone.clone(), zone.serial());
            let is_ordered = { node.held_back.version(&name) }.is_some_and(|held| held.is_ordered);
            let members = members.get(&entry.zone).copied().unwrap_or(0);
            if !is_ordered && self.has_seen(node, entry, generation, members) {
                continue;
            }
            // Reading does not panic; should it, the next change has it read again.
            if let Ok(read) = spawn_blocking(move || read(&name, &zone)).await {
                news.push(News {
                    generation,
                    serial,
                    entry: entry.clone(),
                    read,
                });
            }
        }
        news
    }

    /// Whether nothing has changed about a catalog that has so many members here: neither the version nor what it has and may
    /// have of it.
    fn has_seen(
        &self,
        node: &Node,
        entry: &CatalogEntry,
        generation: Generation,
        members: usize,
    ) -> bool {
        let seen = { self.seen.get(&entry.zone) }
            .filter(|seen| seen.generation == generation && seen.entry == *entry);
        seen.is_some_and(|seen| {
            seen.taken.as_ref().is_none_or(|taken| {
                let (registry, left_alone) = (node.book.registry(), &taken.left_alone);
                members == taken.members
                    && registry.clashes(&entry.zone, left_alone).count() == left_alone.len()
            })
        })
    }
}

/// How many members a catalog has that is not followed since too many of them would go, unless somebody has ordered it.
fn held_back(node: &Node, news: &News) -> Option<usize> {
    let News {
        generation,
        serial,
        entry,
        read,
    } = news;
    let catalog =
        { read.as_ref().ok() }.filter(|catalog| catalog.members.len() <= entry.max_zones)?;
    let (removed, members) = {
        let registry = node.book.registry();
        let members = registry.followed().get(&entry.zone).copied();
        let removed = registry.leaving(&entry.zone, &catalog.members);
        (removed, members.unwrap_or(0))
    };
    let before =
        { node.held_back.version(&entry.zone) }.filter(|before| before.generation == *generation);
    if entry.may_remove(removed, members) || before.is_some_and(|before| before.is_ordered) {
        return None;
    }
    let version = HeldVersion {
        generation: *generation,
        serial: *serial,
        removed,
        members,
        is_ordered: false,
    };
    node.held_back.hold(&entry.zone, version);
    if before.is_none() {
        let (catalog, max_removed) = (&entry.zone, entry.max_removed);
        error!(
            %catalog, serial = serial.0, removed, members, max_removed,
            "held back: it takes away too many members. They stay until `secondary catalogs --follow` or another version"
        );
    }
    Some(members)
}

/// The members that a catalog gave away as it was last followed, and does not any more: each with the catalog whose it is.
fn kept_from_others(node: &Node, news: &[News]) -> HashMap<ZoneName, ZoneName> {
    let registry = node.book.registry();
    let mut kept = HashMap::new();
    for News { entry, read, .. } in news {
        for member in read.iter().flat_map(|catalog| &catalog.members) {
            let owned = { registry.zone_named(&member.zone) }
                .and_then(|zone| zone.member.as_deref())
                .filter(|owned| owned.catalog == entry.zone);
            if owned.is_some_and(|owned| {
                let given = owned.change_of_ownership.as_ref();
                given.is_some() && given != member.change_of_ownership.as_ref()
            }) {
                kept.insert(member.zone.clone(), entry.zone.clone());
            }
        }
    }
    kept
}

/// Takes what a catalog says, but for what others keep; none if that could not be kept.
async fn take(
    node: &Arc<Node>,
    entry: &CatalogEntry,
    catalog: Catalog,
    kept: &HashMap<ZoneName, ZoneName>,
) -> Option<Taken> {
    let is_kept = |member: &CatalogMember| {
        { kept.get(&member.zone) }.is_some_and(|keeper| *keeper != entry.zone)
    };
    let (left_alone, members): (Vec<_>, Vec<_>) = {
        let registry = node.book.registry();
        let is_left_alone = |member: &CatalogMember| {
            is_kept(member) || registry.clashes(&entry.zone, [member]).next().is_some()
        };
        catalog.members.into_iter().partition(is_left_alone)
    };
    if let Some(first) = left_alone.first() {
        let (zones, first) = (left_alone.len(), &first.zone);
        warn!(catalog = %entry.zone, zones, %first, "members left alone: zones of these names are somebody else's");
    }
    let taken = Taken {
        members: members.len(),
        left_alone,
    };
    let zones = members.into_iter().map(|member| FollowedZone {
        contract: entry.contract.clone(),
        id: Uuid::now_v7(),
        primaries: entry.primaries_of(&member).clone(),
        member,
    });
    let is_kept = enter(node, &entry.zone, zones.collect()).await;
    is_kept.then_some(taken)
}

/// Has these be the members of a catalog; whether that could be kept.
async fn enter(node: &Arc<Node>, catalog: &ZoneName, zones: Vec<FollowedZone>) -> bool {
    let members = zones.len();
    let command = Command::Follow {
        catalog: catalog.clone(),
        zones,
    };
    match node.change(command).await {
        Ok(_) => info!(%catalog, members, "followed"),
        Err(ServiceError::Unavailable) => {}
        Err(error) => {
            error!(%catalog, %error, "not followed");
            return false;
        }
    }
    true
}
