//! A server without descriptors for more connections; alone in its process, whose limit it lowers.
#![cfg(all(feature = "tokio", target_os = "linux"))]

mod common;

use std::{fs::File, io::Write, time::Duration};

use common::{
    Ask, Table, render,
    running::{Running, frame, is_ended, options, read_frame},
    zone,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use zonekit_serve::{Config, Options};

#[test]
fn where_there_is_no_descriptor_for_the_next_connection_an_idle_one_makes_room() {
    let table = Table::of(&[zone(
        "example.",
        "@ 60 IN SOA ns h 7 1 1 1 60\n@ 60 IN NS ns\nns 60 IN A 192.0.2.1\n",
    )]);
    let responder = table.responder(Config::default());
    let displaced = || responder.counters().connections_displaced.value();
    let patient = Options {
        idle_timeout: Duration::from_secs(3600),
        ..options()
    };
    let server = Running::start(responder.clone(), patient);
    let request = frame(&Ask::new("ns.example. A").octets);
    let mut idle = server.connection();
    idle.write_all(&request).unwrap();
    read_frame(&mut idle); // it has been accepted

    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(200),
            ..getrlimit(Resource::Nofile)
        },
    )
    .unwrap();
    let mut others: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    assert!(!others.is_empty());
    assert_eq!(displaced(), 0);
    others.pop(); // for this end of the next, and no more
    let mut next = server.connection();
    next.write_all(&request).unwrap();
    assert_eq!(
        render(&read_frame(&mut next)),
        "NOERROR aa\nns.example. 60 IN A 192.0.2.1"
    );
    assert!(is_ended(&mut idle), "it made room");
    assert_eq!(displaced(), 1);
}
