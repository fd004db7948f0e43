//! A server that nobody asks does nothing; alone in its process, whose threads it looks at.
#![cfg(all(feature = "tokio", target_os = "linux"))]

mod common;

use std::{
    fs,
    num::NonZero,
    thread,
    time::{Duration, Instant},
};

use common::{Table, zone};
use tokio::sync::mpsc;
use zonekit_serve::{Config, Options, Server};

/// How often the threads that answer datagrams have gone to sleep, all together; nothing before each of so many sleeps.
fn sleeps(threads: usize) -> Option<u64> {
    let mut asleep = Vec::new();
    for task in fs::read_dir("/proc/self/task").unwrap() {
        let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap_or_default();
        let field = |name| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()
        };
        if field("Name:") == Some("dns-udp") && field("State:") == Some("S") {
            asleep.push(field("voluntary_ctxt_switches:")?.parse::<u64>().ok()?);
        }
    }
    (asleep.len() == threads).then(|| asleep.iter().sum())
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_without_work_sleep_until_they_are_asked_to_end() {
    let table = Table::of(&[zone(
        "example.",
        "@ 60 IN SOA ns h 7 1 1 1 60\n@ 60 IN NS ns\n",
    )]);
    let options = Options {
        workers: NonZero::new(3).unwrap(),
        ..Options::default()
    };
    let addresses = ["127.0.0.1:0".parse().unwrap()];
    let server = Server::bind(&addresses, table.responder(Config::default()), options).unwrap();
    let stopper = server.stopper();
    let serving = tokio::spawn(server.serve(mpsc::channel(1).0));

    let begun = Instant::now();
    loop {
        let before = sleeps(3);
        thread::sleep(Duration::from_secs(1));
        if before.is_some() && before == sleeps(3) {
            break;
        }
        let waited = begun.elapsed();
        assert!(waited < Duration::from_secs(60), "no second without waking");
    }
    stopper.stop();
    let ended = tokio::time::timeout(Duration::from_secs(60), serving);
    ended.await.expect("it ends").unwrap().unwrap();
}
