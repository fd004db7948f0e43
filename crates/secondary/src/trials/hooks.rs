//! A zone's command before its versions are served.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use zonekit_model::{Standing, VisitOutcome};
use zonekit_script::{Act, Ask, Host};
use zonekit_wire::Rtype;

use super::{Trial, until, zone};

/// Has every zone with the serial of the moment.
fn host(serial: &Arc<AtomicU32>) -> Host {
    let of = |serial: &Arc<AtomicU32>| {
        let serial = Arc::clone(serial);
        move || serial.load(Ordering::SeqCst)
    };
    let (now, all) = (of(serial), of(serial));
    let soa = move |request: &[u8]| {
        let ask = Ask::new(request);
        vec![Act::Say(ask.message(&[ask.soa(now())]))]
    };
    Host::silent()
        .udp(Rtype::SOA, soa.clone())
        .tcp(Rtype::SOA, soa)
        .tcp(Rtype::IXFR, |_| vec![Act::Close])
        .tcp(Rtype::AXFR, move |request| {
            let ask = Ask::new(request);
            vec![Act::Say(ask.message(&ask.zone(all())))]
        })
}

/// Takes every serial but 2.
const NOT_2: &str = r#"verify = { command = ["sh", "-c", "cat >/dev/null; [ $ZONEKIT_SERIAL != 2 ] || { echo no 2 >&2; exit 1; }"] }"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_the_command_refuses_is_not_taken_and_the_next_one_is() {
    let serial = Arc::new(AtomicU32::new(1));
    let primary = host(&serial).listen();
    let trial = Trial::start(&zone("example.org", primary, NOT_2)).await;
    until("serial 1", || trial.serial("example.org") == Some(1)).await;

    serial.store(2, Ordering::SeqCst);
    trial.visit("example.org");
    // Of the visits that fail, the one that came so far.
    let refused = || {
        let visits = trial.status("example.org").history;
        let mut failed =
            { visits.into_iter() }.filter(|visit| visit.outcome == VisitOutcome::Failed);
        failed.find_map(|visit| visit.failure.filter(|failure| failure.kind == "verify"))
    };
    until("a refusal", || refused().is_some()).await;
    assert_eq!(refused().unwrap().text, "sh ended with status 1: no 2");
    let status = trial.status("example.org");
    assert_eq!((status.standing, status.serial), (Standing::Stale, Some(1)));
    assert_eq!(trial.serial("example.org"), Some(1));

    serial.store(3, Ordering::SeqCst);
    trial.visit("example.org");
    until("serial 3", || trial.serial("example.org") == Some(3)).await;
    trial.secondary.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_hangs_holds_no_other_zone_and_ends_with_the_service() {
    let primary = Host::new(7).listen();
    let pid = tempfile::tempdir().unwrap();
    let file = pid.path().join("pid");
    let hangs = format!(
        r#"verify = {{ command = ["sh", "-c", "echo $$ > {0}.new; mv {0}.new {0}; sleep 1000"] }}"#,
        file.display()
    );
    let mut tables = zone("hangs.test", primary, &hangs);
    for number in 0..20 {
        tables += &zone(&format!("zone{number}.test"), primary, "");
    }
    let trial = Trial::start(&tables).await;
    until("the command", || file.exists()).await;
    until("the others", || {
        (0..20).all(|number| trial.serial(&format!("zone{number}.test")) == Some(7))
    })
    .await;
    assert_eq!(trial.serial("hangs.test"), None);
    let process = format!("/proc/{}", fs::read_to_string(&file).unwrap().trim());
    assert!(fs::exists(&process).unwrap());
    trial.secondary.shutdown().await;
    until("the end of the command", || {
        let stat = fs::read_to_string(format!("{process}/stat"));
        stat.is_err() || stat.is_ok_and(|stat| stat.contains(") Z "))
    })
    .await;
}
