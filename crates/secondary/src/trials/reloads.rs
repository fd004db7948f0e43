//! Another configuration comes into force as a whole, or not at all.

use std::sync::Arc;

use zonekit_model::{Contract, ZoneName};
use zonekit_script::Host;

use super::{Trial, until, zone};
use crate::ReloadError;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_it_cannot_be_kept_what_a_configuration_declares_all_stays_as_it_is() {
    let primary = Host::new(7).listen();
    let quota = |records: u64| format!("[quota]\nrecords = {records}\n[limits]\nmax_zones = 2\n");
    let catalog = |trial: &Trial| {
        let name: ZoneName = "catalog.example".parse().unwrap();
        trial.node().version(&name).is_some()
    };
    let first = zone("one.example", primary, "");
    let mut trial = Trial::start(&(quota(100) + &first)).await;
    let mut with_catalog = trial.config(&(quota(100) + &first));
    with_catalog.dns.catalog = "catalog.example".parse().ok();
    trial.secondary.reload(with_catalog).await.unwrap();
    until("our catalog", || catalog(&trial)).await;

    let before = trial.node().config();
    until("the first zone", || trial.serial("one.example") == Some(7)).await;
    // One of another contract is another zone, in the place of the first.
    let more = zone("one.example", primary, "contract = \"tests\"")
        + &zone("two.example", primary, "")
        + &zone("three.example", primary, "");
    let refused = trial
        .secondary
        .reload(trial.config(&(quota(5) + &more)))
        .await;
    assert!(matches!(refused, Err(ReloadError::Store(_))), "{refused:?}");
    assert!(Arc::ptr_eq(&before, &trial.node().config()));
    let contract: Contract = "tests".parse().unwrap();
    let limits = trial.node().book.registry().quota(&contract).limits;
    assert_eq!(limits.records, 100);
    until("our catalog again", || catalog(&trial)).await;
    assert_eq!(trial.serial("one.example"), Some(7), "it is served on");

    // What can be kept comes into force.
    let fits = quota(5) + &first + &zone("two.example", primary, "");
    trial.secondary.reload(trial.config(&fits)).await.unwrap();
    let limits = trial.node().book.registry().quota(&contract).limits;
    assert_eq!(limits.records, 5);
    until("the new zone", || trial.serial("two.example") == Some(7)).await;
    trial = trial.again(&fits).await;
    assert_eq!(trial.serial("two.example"), Some(7));
    trial.secondary.shutdown().await;
}
