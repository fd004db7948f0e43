//! What is known of a zone outlives a restart.

use zonekit_model::{PrimaryOutcome, VisitOutcome};
use zonekit_script::{Host, nobody};

use super::{Trial, until, zone};
use crate::clock;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn visits_successes_and_what_is_remembered_of_primaries_outlive_a_restart() {
    let primary = Host::new(7).listen();
    let down = nobody();
    let tables = zone("example.org", primary, "") + &zone("never.test", down, "");
    let trial = Trial::start(&tables).await;
    until("the first version", || {
        trial.serial("example.org") == Some(7)
    })
    .await;
    until("the end of the visits", || {
        let is_told = |zone| !trial.status(zone).history.is_empty();
        is_told("example.org") && is_told("never.test") && trial.node().visits_running() == 0
    })
    .await;
    let visits = trial.status("example.org").history.len();
    trial.visit("example.org");
    // Told by their number: two may end in the same millisecond.
    until("another visit", || {
        trial.status("example.org").history.len() > visits
    })
    .await;
    until("its end", || trial.node().visits_running() == 0).await;
    let before = trial.status("example.org");
    let outcomes: Vec<VisitOutcome> = before.history.iter().map(|visit| visit.outcome).collect();
    assert_eq!(
        outcomes,
        [VisitOutcome::Transferred, VisitOutcome::UpToDate]
    );

    let metrics = trial.metrics();
    for line in [
        "zonekit_zones_current 1",
        "zonekit_visit_duration_seconds_count{outcome=\"transferred\"} 1",
        "zonekit_transfer_duration_seconds_count{kind=\"AXFR\"} 1",
        &format!("zonekit_primary_zones{{primary=\"{primary}\"}} 1"),
        &format!("zonekit_primary_zones_failing{{primary=\"{down}\"}} 1"),
        &format!(
            "zonekit_next_expiry_timestamp_seconds {}",
            before.expires_at.unwrap().as_seconds()
        ),
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }

    let trial = trial.again(&tables).await;
    let after = trial.status("example.org");
    assert_eq!(after.last_check, before.last_check);
    assert_eq!(after.last_success, before.last_success);
    assert_eq!(after.history, before.history);
    assert_eq!(after.primaries, before.primaries);
    assert_eq!(after.primaries[0].outcome, PrimaryOutcome::Ok);
    assert!(after.primaries[0].transfer.is_some());
    let name = "example.org".parse().unwrap();
    let gave = trial
        .node()
        .zones
        .with(&name, |charge| charge.known().memory[0].gave);
    assert_eq!(gave, Some(true));
    assert!(!trial.status("never.test").history.is_empty());

    // A zone that is made anew has no past.
    trial.secondary.reload(trial.config("")).await.unwrap();
    let anew = clock::now();
    trial
        .secondary
        .reload(trial.config(&zone("never.test", down, "")))
        .await
        .unwrap();
    let trial = trial.again(&zone("never.test", down, "")).await;
    let visits = trial.status("never.test").history;
    assert!(visits.iter().all(|visit| visit.at >= anew), "{visits:?}");
    trial.secondary.shutdown().await;
}
