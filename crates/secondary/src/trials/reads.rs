//! Searches and differences, of which nobody may have so many that others wait.

use zonekit_http::{Service, ServiceError};
use zonekit_model::{Contract, PageRequest, RecordQuery};
use zonekit_script::Host;

use super::{Trial, until, zone};
use crate::service::Desk;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contract_has_so_many_searches_and_differences_at_a_time() {
    let primary = Host::new(7).listen();
    let tables = zone("one.test", primary, "contract = \"one\"")
        + &zone("two.test", primary, "contract = \"two\"");
    let trial = Trial::start(&tables).await;
    until("both zones", || {
        ["one.test", "two.test"].map(|zone| trial.serial(zone)) == [Some(7); 2]
    })
    .await;
    let (node, desk) = (trial.node(), Desk(trial.node().clone()));
    let contracts: [Contract; 2] = ["one", "two"].map(|name| name.parse().unwrap());
    let id = |contract: &Contract| {
        let registry = node.book.registry();
        let mut zones = registry.zones();
        let own = zones.find(|zone| zone.contract.as_ref() == Some(contract));
        own.unwrap().id
    };
    let is_put_off = async |contract: &Contract, wanted: RecordQuery| {
        let found = desk
            .select_records(contract, id(contract), wanted, PageRequest::ALL)
            .await;
        matches!(found, Err(ServiceError::TooManyReads))
    };
    let search = || RecordQuery {
        contains: Some("a".into()),
        ..RecordQuery::default()
    };
    let [one, two] = &contracts;
    let mut under_way = Vec::new();
    while let Some(share) = node.reads.take(one.clone()) {
        assert!(!is_put_off(one, RecordQuery::default()).await);
        under_way.push(share);
    }
    assert!(is_put_off(one, search()).await);
    let difference = desk.difference(one, id(one), 7, None).await;
    assert!(matches!(difference, Err(ServiceError::TooManyReads)));
    // What is near is found without, and others have their own.
    let named = RecordQuery {
        owner: Some("one.test".parse().unwrap()),
        ..RecordQuery::default()
    };
    assert!(!is_put_off(one, named).await);
    assert!(!is_put_off(one, RecordQuery::default()).await);
    assert!(!is_put_off(two, search()).await);
    under_way.pop();
    assert!(!is_put_off(one, search()).await);
    let told = desk.difference(one, id(one), 7, None).await.unwrap();
    assert!(told.is_some());
    drop(under_way);
    trial.secondary.shutdown().await;
}
