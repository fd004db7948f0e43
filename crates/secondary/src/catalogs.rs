//! Catalog zones ([RFC 9432]), both ways: the zones that a primary's catalog names come and go here, and the zones that
//! there are here are told to others by a catalog of ours.
//!
//! Neither is waited for by anybody: a change is noted, and looked at a moment later, together with what else has changed.
//!
//! [RFC 9432]: https://www.rfc-editor.org/rfc/rfc9432

mod follow;
mod held_back;
mod ours;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use zonekit_model::{Catalog, CatalogError, CatalogReader, ZoneName};
use zonekit_store::Zone;

use self::follow::Followed;
pub(crate) use self::held_back::HeldBack;
use self::ours::Ours;
use crate::node::Node;

/// What changes within this time is told as one version of a catalog.
const GATHERING: Duration = Duration::from_millis(200);
/// How long after it could not be kept what a catalog says that is tried again, if nothing changes before.
const AGAIN: Duration = Duration::from_secs(30);

/// Follows the catalogs that the configuration names and tells of our zones in its own, whenever something has changed.
pub(crate) async fn run(node: Arc<Node>, mut stopped: watch::Receiver<bool>) {
    let (mut followed, mut ours) = (Followed::default(), Ours::default());
    loop {
        let again = round(&node, &mut followed, &mut ours).await;
        tokio::select! {
            () = node.catalogs_changed.notified() => {}
            () = tokio::time::sleep(again.unwrap_or_default()), if again.is_some() => {}
            _ = stopped.wait_for(|&stop| stop) => return,
        }
        tokio::time::sleep(GATHERING).await;
    }
}

/// Does what there is to do; if that is not all, when to go on.
async fn round(node: &Arc<Node>, followed: &mut Followed, ours: &mut Ours) -> Option<Duration> {
    let is_followed = followed.follow(node).await;
    let told_again = ours.tell(node).await;
    told_again
        .into_iter()
        .chain((!is_followed).then_some(AGAIN))
        .min()
}

/// What a version of a zone says as a catalog.
fn read(name: &ZoneName, zone: &Zone) -> Result<Catalog, CatalogError> {
    let mut reader = CatalogReader::new(name);
    let mut records = zone.iter();
    while let Some(record) = records.next() {
        reader.take(&record);
    }
    reader.finish()
}

#[cfg(test)]
mod tests;
