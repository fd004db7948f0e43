//! Changes while a visit is stopped in each of its states: afterwards the old or the new version is there, whole.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::task::JoinSet;
use zonekit_model::ZoneName;
use zonekit_script::{Act, Ask, Host};
use zonekit_wire::Rtype;

use super::{Trial, until, zone};

/// Where a visit stops that would bring serial 2.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stop {
    /// The question for the SOA is not answered.
    BeforeSoa,
    /// The zone is asked for, and nothing comes.
    BeforeTransfer,
    /// Half of it comes.
    InTransfer,
    /// All of it has come, and is being verified.
    BeforeCommit,
}

/// What happens then.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Happens {
    /// The zone is removed, and made anew at another primary.
    Remove,
    /// It is to be had from another primary.
    Move,
    /// The configuration is read again, and is the same.
    Nothing,
}

const OPEN: u32 = 0;
const STOPPED: u32 = 1;

/// Has serial 1, then serial 2 and stops where it is told to while the gate is not open.
fn host(stop: Stop, serial: &Arc<AtomicU32>, gate: &Arc<AtomicU32>) -> Host {
    let (serial, gate) = (Arc::clone(serial), Arc::clone(gate));
    let answer = move |request: &[u8], at: Stop| {
        let ask = Ask::new(request);
        let now = serial.load(Ordering::SeqCst);
        let is_stopped = gate.load(Ordering::SeqCst) == STOPPED && stop == at;
        let records = match at {
            Stop::BeforeSoa => vec![ask.soa(now)],
            _ => ask.zone(now),
        };
        match (is_stopped, at) {
            (false, _) => vec![Act::Say(ask.message(&records))],
            (true, Stop::InTransfer) => vec![Act::Say(ask.message(&records[..2]))],
            (true, _) => Vec::new(),
        }
    };
    let (udp, tcp) = (answer.clone(), answer.clone());
    Host::silent()
        .udp(Rtype::SOA, move |request| udp(request, Stop::BeforeSoa))
        .tcp(Rtype::SOA, move |request| tcp(request, Stop::BeforeSoa))
        .tcp(Rtype::IXFR, |_| vec![Act::Close])
        .tcp(Rtype::AXFR, move |request| match stop {
            Stop::InTransfer => answer(request, Stop::InTransfer),
            _ => answer(request, Stop::BeforeTransfer),
        })
}

fn zones(trial: &Trial) -> Vec<u32> {
    let name: ZoneName = "example.org".parse().unwrap();
    let version = trial.node().version(&name);
    version.iter().map(|zone| zone.serial().0).collect()
}

async fn check(stop: Stop, happens: Happens) {
    let (serial, gate) = (Arc::new(AtomicU32::new(1)), Arc::new(AtomicU32::new(OPEN)));
    let stopping = host(stop, &serial, &gate);
    let other: SocketAddr = Host::new(9).listen();
    let files = tempfile::tempdir().unwrap();
    let (begun, ended) = (files.path().join("begun"), files.path().join("ended"));
    // Serial 2 waits for a file; all others pass.
    let verify = format!(
        r#"verify = {{ command = ["sh", "-c", "cat >/dev/null; [ $ZONEKIT_SERIAL != 2 ] || {{ touch {}; while [ ! -e {} ]; do sleep 0.02; done; }}"] }}"#,
        begun.display(),
        ended.display()
    );
    let limits = "[limits]\nidle_timeout = 2\n";
    let tables = limits.to_owned() + &zone("example.org", stopping.listen(), &verify);
    let trial = Trial::start(&tables).await;
    until("serial 1", || zones(&trial) == [1]).await;
    until("the end of the first visit", || {
        trial.node().visits_running() == 0
    })
    .await;
    let records = |trial: &Trial| {
        let name: ZoneName = "example.org".parse().unwrap();
        trial.node().version(&name).map(|zone| zone.record_count())
    };
    let whole = records(&trial);

    stopping.asked.lock().unwrap().clear();
    if stop != Stop::BeforeCommit {
        fs::write(&ended, "").unwrap();
        gate.store(STOPPED, Ordering::SeqCst);
    }
    serial.store(2, Ordering::SeqCst);
    trial.visit("example.org");
    until("the stop", || match stop {
        Stop::BeforeSoa => !stopping.asked.lock().unwrap().is_empty(),
        Stop::BeforeTransfer | Stop::InTransfer => {
            let asked = stopping.asked.lock().unwrap();
            asked.iter().any(|asked| asked.rtype == Rtype::AXFR)
        }
        Stop::BeforeCommit => begun.exists(),
    })
    .await;
    assert_eq!((zones(&trial), records(&trial)), (vec![1], whole));

    let moved = limits.to_owned() + &zone("example.org", other, &verify);
    let expected = match happens {
        Happens::Remove => {
            trial.secondary.reload(trial.config(limits)).await.unwrap();
            assert!(zones(&trial).is_empty());
            fs::write(&ended, "").unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            assert!(
                zones(&trial).is_empty(),
                "{stop:?}: nothing comes of it any more"
            );
            trial.secondary.reload(trial.config(&moved)).await.unwrap();
            9
        }
        Happens::Move => {
            trial.secondary.reload(trial.config(&moved)).await.unwrap();
            9
        }
        Happens::Nothing => {
            trial.secondary.reload(trial.config(&tables)).await.unwrap();
            assert_eq!(zones(&trial), [1]);
            gate.store(OPEN, Ordering::SeqCst);
            fs::write(&ended, "").unwrap();
            2
        }
    };
    until("the version in the end", || zones(&trial) == [expected]).await;
    assert_eq!(records(&trial), whole, "{stop:?} {happens:?}");
    // What is on disk is that too.
    let trial = trial
        .again(&if happens == Happens::Nothing {
            tables
        } else {
            moved
        })
        .await;
    assert_eq!((zones(&trial), records(&trial)), (vec![expected], whole));
    trial.secondary.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_that_is_stopped_anywhere_leaves_the_old_version_or_the_new_one() {
    let mut trials = JoinSet::new();
    for stop in [
        Stop::BeforeSoa,
        Stop::BeforeTransfer,
        Stop::InTransfer,
        Stop::BeforeCommit,
    ] {
        for happens in [Happens::Remove, Happens::Move, Happens::Nothing] {
            trials.spawn(check(stop, happens));
        }
    }
    while let Some(ended) = trials.join_next().await {
        ended.unwrap();
    }
}

/// Changes the rules of a zone while a version that they would refuse is being verified: it is not served.
async fn check_rules(limits: &str, verify: &str, more: &str, kind: &str) {
    let serial = Arc::new(AtomicU32::new(1));
    let gate = Arc::new(AtomicU32::new(OPEN));
    let primary = host(Stop::BeforeCommit, &serial, &gate).listen();
    let files = tempfile::tempdir().unwrap();
    let (begun, ended) = (files.path().join("begun"), files.path().join("ended"));
    let waits = format!(
        r#"verify = {{ command = ["sh", "-c", "cat >/dev/null; [ $ZONEKIT_SERIAL != 2 ] || {{ touch {}; while [ ! -e {} ]; do sleep 0.02; done; }}"] }}"#,
        begun.display(),
        ended.display()
    );
    let trial = Trial::start(&zone("example.org", primary, &waits)).await;
    until("serial 1", || zones(&trial) == [1]).await;
    serial.store(2, Ordering::SeqCst);
    trial.visit("example.org");
    until("the stop", || begun.exists()).await;

    let verify = if verify.is_empty() { &waits } else { verify };
    let tables = limits.to_owned() + &zone("example.org", primary, &format!("{verify}\n{more}"));
    trial.secondary.reload(trial.config(&tables)).await.unwrap();
    fs::write(&ended, "").unwrap();
    let refused = || {
        let status = trial.status("example.org");
        let last = status
            .history
            .back()
            .and_then(|visit| visit.failure.clone());
        last.is_some_and(|failure| failure.kind == kind)
    };
    until("a refusal by the new rules", refused).await;
    assert_eq!(zones(&trial), [1], "{kind}");
    trial.secondary.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_is_served_only_if_the_rules_of_now_take_it() {
    let refuses = r#"verify = { command = ["sh", "-c", "exit 1"] }"#;
    check_rules("", refuses, "", "verify").await;
    check_rules("", "", "zonemd = \"required\"", "zonemd").await;
    check_rules("[limits]\nmax_zone_records = 1\n", "", "", "limit").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_secret_of_the_next_key_ends_the_visit_under_way() {
    let host = Host::silent();
    let primary = host.listen();
    let tables = |secret: &str| {
        format!(
            "[limits]\nidle_timeout = 600\n[[key]]\nname = \"old.\"\nsecret = \"b2xk\"\n\
                 [[key]]\nname = \"new.\"\nsecret = \"{secret}\"\n[[zone]]\nname = \"example.org\"\n\
                 primaries = [{{ address = \"{primary}\", key = \"old.\", next_key = \"new.\" }}]\n"
        )
    };
    let trial = Trial::start(&tables("Zmlyc3Q=")).await;
    let over_tcp = || {
        let asked = host.asked.lock().unwrap();
        asked.iter().filter(|asked| asked.over_tcp).count()
    };
    until("a question over TCP", || over_tcp() == 1).await;
    let other = trial.config(&tables("c2Vjb25k"));
    trial.secondary.reload(other).await.unwrap();
    until("another question over TCP", || over_tcp() == 2).await;
    trial.secondary.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_key_ends_the_visit_under_way_and_the_next_one_uses_it() {
    // It hears and says nothing.
    let host = Host::silent();
    let primary = host.listen();
    let tables = |secret: &str| {
        format!(
            "[limits]\nidle_timeout = 600\n[[key]]\nname = \"transfer.\"\nsecret = \"{secret}\"\n\
                 [[zone]]\nname = \"example.org\"\n\
                 primaries = [{{ address = \"{primary}\", key = \"transfer.\" }}]\n"
        )
    };
    let trial = Trial::start(&tables("Zmlyc3Q=")).await;
    let over_tcp = |host: &Host| {
        let asked = host.asked.lock().unwrap();
        asked.iter().filter(|asked| asked.over_tcp).count()
    };
    until("a question over TCP", || over_tcp(&host) == 1).await;
    assert_eq!(trial.node().visits_running(), 1);
    trial
        .secondary
        .reload(trial.config(&tables("c2Vjb25k")))
        .await
        .unwrap();
    // The first would be waited upon for ten minutes.
    until("another question over TCP", || over_tcp(&host) == 2).await;
    let asked = host.asked.lock().unwrap().clone();
    assert!(asked.iter().all(|asked| asked.is_signed));
    let mac = |asked: &zonekit_script::Asked| asked.octets[asked.octets.len() - 40..].to_vec();
    assert_ne!(mac(asked.first().unwrap()), mac(asked.last().unwrap()));
    assert_eq!(trial.node().visits_running(), 1);
    trial.secondary.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_and_timers_are_those_of_the_configuration_that_was_read_last() {
    let (silent, host) = (Host::silent(), Host::new(7));
    let limits = "[limits]\ntransfers = 1\nidle_timeout = 600\n";
    let one = limits.to_owned() + &zone("silent.test", silent.listen(), "");
    let both = one.clone() + &zone("example.org", host.listen(), "");
    let trial = Trial::start(&one).await;
    until("a question", || !silent.asked.lock().unwrap().is_empty()).await;
    // The only slot is taken.
    trial.secondary.reload(trial.config(&both)).await.unwrap();
    assert_eq!(trial.node().visits_running(), 1);
    let mut config = trial.config(&both);
    config.limits.transfers = 2;
    config.timers.max_refresh = 1;
    trial.secondary.reload(config).await.unwrap();
    until("the other zone", || trial.serial("example.org") == Some(7)).await;
    // Its SOA says an hour, the bounds one second.
    let asked = || host.asked.lock().unwrap().len();
    let before = asked();
    until("the next check", || asked() > before).await;
    trial.secondary.shutdown().await;
}
