//! Many zones made at once through `/v1`: none is lost, none is there twice, and pages stay put meanwhile.
//!
//! `ZONEKIT_ZONES=100000 cargo test --release -p zonekit-examples --test many -- --nocapture` makes as many as the quota allows,
//! and says how long reading one zone and a page of them takes then, over each face.

mod support;

use std::collections::{HashMap, HashSet};
use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Api, Node, Settings, Signer, TOKEN};
use tempfile::TempDir;

const CLIENTS: usize = 16;

fn name(number: usize) -> String {
    format!("zone{number}.example")
}

/// Makes all zones, by as many clients; gives name and id of each as they were told.
fn make(http: SocketAddr, zones: usize) -> HashMap<String, String> {
    let next = AtomicUsize::new(0);
    let client = || {
        let api = Api::new(http, TOKEN);
        let mut made = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= zones {
                return made;
            }
            // Nobody listens there.
            let body =
                json!({"name": name(number), "primaries": [{"address": "127.0.0.1", "port": 1}]});
            let (status, zone) = api.post("/v1/zones", &body);
            assert_eq!(status, 201, "{zone}");
            made.push((name(number), zone["id"].as_str().unwrap().to_owned()));
            // Another of the same name is refused, whoever was first.
            if number.is_multiple_of(100) {
                assert_eq!(api.post("/v1/zones", &body).0, 409);
            }
        }
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        let made = clients
            .into_iter()
            .flat_map(|client| client.join().unwrap());
        made.collect()
    })
}

/// All zones, page by page.
fn walk(api: &Api, query: &str) -> Vec<(String, String)> {
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let (status, page) = api.get(&format!("/v1/zones?limit=1000&{query}{after}"));
        assert_eq!(status, 200, "{page}");
        let item = |zone: &Value| ["name", "id"].map(|of| zone[of].as_str().unwrap().to_owned());
        found.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(item)
                .map(Into::into),
        );
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return found,
        }
    }
}

/// The time that 99 in 100 of a thousand requests take at most, asked by 16 clients; each has `ask` made for it, which asks
/// what has this number.
fn p99<A: FnMut(usize)>(client: impl Fn() -> A + Sync) -> Duration {
    let client = |number: usize| {
        let mut ask = client();
        let mut times = Vec::new();
        for n in 0..1_000 / CLIENTS {
            let begin = Instant::now();
            ask(number * 1_000 + n);
            times.push(begin.elapsed());
        }
        times
    };
    let client = &client;
    let mut times: Vec<Duration> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|n| scope.spawn(move || client(n)))
            .collect();
        let times = clients
            .into_iter()
            .flat_map(|client| client.join().unwrap());
        times.collect()
    });
    times.sort();
    times[times.len() * 99 / 100]
}

/// Asks with the token.
fn by_token<'a>(http: SocketAddr, path: impl Fn(usize) -> String + 'a) -> impl FnMut(usize) + 'a {
    let mut connection = connect(http);
    move |number| {
        let path = path(number);
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {http}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
        ask(&mut connection, &request);
    }
}

/// Asks over the OCI face, always the same: such a request is signed once.
fn by_signature(http: SocketAddr, signer: &Signer, path: &str) -> impl FnMut(usize) + use<> {
    let signed = signer.sign(http, "GET", path, "");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {http}\r\n{signed}Content-Type: application/json\r\n\
         Content-Length: 0\r\n\r\n"
    );
    let mut connection = connect(http);
    move |_| ask(&mut connection, &request)
}

fn connect(http: SocketAddr) -> BufReader<TcpStream> {
    BufReader::new(TcpStream::connect(http).unwrap())
}

/// Reads the answer to its last octet, and makes nothing of it: what a client does with it is the client's time.
fn ask(connection: &mut BufReader<TcpStream>, request: &str) {
    { connection.get_mut().write_all(request.as_bytes()) }.unwrap();
    let (mut line, mut length) = (String::new(), 0);
    connection.read_line(&mut line).unwrap();
    assert_eq!(line, "HTTP/1.1 200 OK\r\n");
    while line != "\r\n" {
        line.clear();
        connection.read_line(&mut line).unwrap();
        if let Some(number) = line.strip_prefix("content-length: ") {
            length = number.trim().parse().unwrap();
        }
    }
    connection.read_exact(&mut vec![0; length]).unwrap();
}

#[test]
fn of_many_zones_made_at_once_none_is_lost_or_there_twice() {
    let many = env::var("ZONEKIT_ZONES").ok();
    let zones: usize = many.as_ref().map_or(300, |zones| zones.parse().unwrap());
    let directory = TempDir::new().unwrap();
    let signer = Signer::new(directory.path());
    let quiet = Settings {
        timers: &signer.entry(),
        ..Settings::default()
    };
    let node = Node::start(directory.path(), &quiet);
    let is_over = AtomicUsize::new(0);
    let begin = Instant::now();
    let made = thread::scope(|scope| {
        // Whoever walks over the list meanwhile sees no zone twice.
        scope.spawn(|| {
            let api = Api::new(node.http, TOKEN);
            while is_over.load(Ordering::Relaxed) == 0 {
                for query in ["order=created", "order=name"] {
                    let seen = walk(&api, query);
                    let ids: HashSet<_> = seen.iter().map(|(_, id)| id).collect();
                    assert_eq!(ids.len(), seen.len());
                }
            }
        });
        let made = make(node.http, zones);
        is_over.store(1, Ordering::Relaxed);
        made
    });
    eprintln!("{zones} zones made in {:?}", begin.elapsed());
    assert_eq!(made.len(), zones);
    for query in ["order=created", "order=name"] {
        let seen: HashMap<_, _> = walk(&node.api, query).into_iter().collect();
        assert_eq!(seen, made, "{query}");
    }
    if many.is_none() {
        return; // the times of a few say nothing
    }
    let one = p99(|| by_token(node.http, |n| format!("/v1/zones/{}", name(n % zones))));
    eprintln!("one zone: 99 in 100 within {one:?}");
    for path in [
        "/v1/zones?limit=100",
        "/v1/zones?limit=100&order=name",
        "/v1/zones?limit=100&trouble=stale",
        "/v1/zones?limit=100&contains=zone9",
        "/secondaryzones?limit=100",
        "/secondaryzones?limit=100&offset=90000",
        "/secondaryzones?limit=100&filter.state=AVAILABLE",
        "/secondaryzones?limit=100&filter.state=PROVISIONING",
        "/secondaryzones?limit=100&filter.state=FAILED&offset=90000",
        "/secondaryzones?limit=100&filter.zoneName=zone9",
    ] {
        let list = p99(|| by_token(node.http, |_| path.to_owned()));
        eprintln!("{path}: 99 in 100 within {list:?}");
    }
    for filter in [
        "",
        "&lifecycleState=ACTIVE",
        "&lifecycleState=CREATING",
        "&lifecycleState=FAILED",
        "&lifecycleState=FAILED&sortBy=timeCreated",
        "&timeCreatedGreaterThanOrEqualTo=2020-01-01T00:00:00Z",
        "&timeCreatedLessThan=2020-01-01T00:00:00Z",
        "&tsigKeyId=ocid1.dns-tsig-key.oc1..01a203e6afa8733aad3ca537bc163904",
    ] {
        let tenancy = Signer::TENANCY;
        let path = format!("/20180115/zones?compartmentId={tenancy}&limit=100{filter}");
        let list = p99(|| by_signature(node.http, &signer, &path));
        eprintln!("{path}: 99 in 100 within {list:?}");
    }
}
