//! NSD, Knot, BIND and PowerDNS as primaries, each of a zone unsigned and one with every TSIG algorithm, NSD and BIND of two
//! more over TLS, and one secondary of all of them, behind a network that loses, delays, stalls, cuts and resets. The zones
//! change all the time, by NOTIFY; in the end everything is equal.
//!
//! ```sh
//! ZONEKIT_MATRIX_SECONDS=300 cargo test -p zonekit-examples --test matrix -- --nocapture
//! ZONEKIT_SEED=7 cargo test -p zonekit-examples --test matrix    # other faults and other changes
//! ```

mod peers;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread::sleep;
use std::time::{Duration, Instant};

use peers::{Encrypted, Hosted, Key, Kind, Primary, Setup};
use support::{Draw, Node, Proxy, Settings, canonical_lines, declared, free_port};
use tempfile::TempDir;
use zonekit_script::Authority;
use zonekit_wire::{Name, master};

/// How long the zones change, unless the environment says otherwise.
const SECONDS: u64 = 8;

const SECRET: &str = "dGhlIGtleSBvZiB0aGUgdGVzdHMsIG5vdCBhIHNlY3JldA==";
const ALGORITHMS: [&str; 5] = [
    "hmac-sha1",
    "hmac-sha224",
    "hmac-sha256",
    "hmac-sha384",
    "hmac-sha512",
];

const SERVER: &str = "ns1.example.net";

/// A zone that changes, and how it is asked for.
struct Changing {
    name: String,
    key: Option<Key>,
    over_tls: bool,
    serial: u32,
    /// Hosts by number, with the last octet of their addresses.
    hosts: BTreeMap<u64, u64>,
}

impl Changing {
    fn new(kind: Kind, algorithm: Option<&'static str>, over_tls: bool, draw: &mut Draw) -> Self {
        let word = algorithm.unwrap_or("unsigned");
        let way = if over_tls { "tls" } else { "clear" };
        let name = format!("{word}.{way}.{kind}.test").to_lowercase();
        // Names of keys live as long as the test.
        let key = algorithm.map(|algorithm| Key {
            name: name.clone().leak(),
            algorithm,
            secret: SECRET,
        });
        let count = 20 + draw.below(1500);
        let hosts = (0..count).map(|host| (host, 1)).collect();
        Self {
            name,
            key,
            over_tls,
            serial: 1,
            hosts,
        }
    }

    /// Goes on to the next version.
    fn change(&mut self, draw: &mut Draw) {
        self.serial += 1;
        for _ in 0..=draw.below(5) {
            let host = draw.below(1600);
            if draw.percent(30) {
                self.hosts.remove(&host);
            } else {
                self.hosts.insert(host, 1 + draw.below(250));
            }
        }
    }

    fn text(&self) -> String {
        let Self {
            name,
            serial,
            hosts,
            ..
        } = self;
        let mut text = format!(
            "$ORIGIN {name}.\n$TTL 300\n@ SOA ns1 hostmaster {serial} 3600 900 604800 60\n@ NS ns1\nns1 A 192.0.2.1\n\
             @ TXT \"serial {serial}\"\n"
        );
        for (host, address) in hosts {
            text += &format!("host{host} A 198.51.100.{address}\n");
        }
        text
    }

    /// Its records as canonical text, which is what is to be held.
    fn records(&self) -> Vec<String> {
        let text = self.text();
        let mut reader = master::Reader::new(text.as_bytes(), Name::ROOT);
        let mut lines = String::new();
        while let Some(record) = reader.next_record().unwrap() {
            lines += &format!("{record}\n");
        }
        canonical_lines(&lines)
    }
}

/// A primary, the way to it, and its zones.
struct Side {
    kind: Kind,
    primary: Primary,
    proxy: Proxy,
    /// The way to its port for TLS, if it has one.
    encrypted: Option<Proxy>,
    zones: Vec<Changing>,
}

impl Side {
    fn proxies(&self) -> impl Iterator<Item = &Proxy> {
        [&self.proxy].into_iter().chain(&self.encrypted)
    }
}

#[test]
fn in_the_end_everything_is_equal() {
    let number = |variable| {
        std::env::var(variable)
            .ok()
            .map(|text| text.parse::<u64>().unwrap())
    };
    let seconds = number("ZONEKIT_MATRIX_SECONDS").unwrap_or(SECONDS);
    let mut draw = Draw::new(number("ZONEKIT_SEED").unwrap_or(1));
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    // NOTIFYs go astray too.
    let notifies = Proxy::start(listen, draw.next());
    let directory = TempDir::new().unwrap();
    let file = |name: &str| directory.path().join(name);
    let authority = Authority::p256();
    let server = authority.certify(SERVER);
    for (name, text) in [
        ("ca.pem", &authority.pem),
        ("server.pem", &server.certificate),
        ("server.key", &server.key),
    ] {
        fs::write(file(name), text).unwrap();
    }
    let (certificate, key) = (file("server.pem"), file("server.key"));
    let mut sides: Vec<Side> = { Kind::ALL.into_iter() }
        .filter(|kind| kind.is_installed())
        .map(|kind| {
            let algorithms = [None].into_iter().chain(ALGORITHMS.map(Some));
            let mut zones: Vec<_> = algorithms
                .map(|algorithm| Changing::new(kind, algorithm, false, &mut draw))
                .collect();
            // PowerDNS has no transfers over TLS, nor has Knot before version 3.4.
            let has_tls = matches!(kind, Kind::Nsd | Kind::Bind);
            if has_tls {
                for algorithm in [None, Some("hmac-sha256")] {
                    zones.push(Changing::new(kind, algorithm, true, &mut draw));
                }
            }
            let texts: Vec<_> = zones
                .iter()
                .map(|zone| (format!("{}.", zone.name), zone.text(), zone.key))
                .collect();
            let hosted: Vec<_> = { texts.iter() }
                .map(|(zone, text, key)| Hosted {
                    zone,
                    text,
                    key: *key,
                })
                .collect();
            let setup = Setup {
                kind,
                zones: &hosted,
                notify: Some(notifies.address),
                port: free_port(),
            };
            let encrypted = has_tls.then(|| Encrypted {
                port: free_port(),
                certificate: &certificate,
                key: &key,
            });
            let primary = Primary::start_with(setup, encrypted).unwrap();
            let proxy = Proxy::start(primary.address(), draw.next());
            let encrypted = encrypted.map(|Encrypted { port, .. }| {
                Proxy::start((Ipv4Addr::LOCALHOST, port).into(), draw.next())
            });
            Side {
                kind,
                primary,
                proxy,
                encrypted,
                zones,
            }
        })
        .collect();
    let mut tables = String::new();
    for side in &sides {
        if side.encrypted.is_some() {
            tables += &format!(
                "[[tls]]\nname = \"{}\"\nca_file = {:?}\nserver_name = \"{SERVER}\"\n",
                side.kind,
                file("ca.pem")
            );
            if side.kind == Kind::Nsd {
                tables += "without_alpn = true\n"; // 4.6 says nothing of it
            }
        }
        for zone in &side.zones {
            if let Some(Key {
                name,
                algorithm,
                secret,
            }) = zone.key
            {
                tables += &format!(
                    "[[key]]\nname = \"{name}\"\nalgorithm = \"{algorithm}\"\nsecret = \"{secret}\"\n"
                );
            }
            let key = zone.key.map(|key| key.name);
            tables += &match &side.encrypted {
                Some(encrypted) if zone.over_tls => declared(&zone.name, encrypted.address, key)
                    .replace(" }", &format!(", tls = \"{}\" }}", side.kind)),
                _ => declared(&zone.name, side.proxy.address, key),
            };
        }
    }
    let settings = Settings {
        listen: &listen.to_string(),
        // The timers are what brings a version whose NOTIFY is lost.
        timers: "[timers]\nmin_refresh = 4\nmax_refresh = 4\nmin_retry = 2\nmax_retry = 2\n[limits]\nidle_timeout = 2\n",
        more: &tables,
        ..Settings::default()
    };
    let node = Node::start(directory.path(), &settings);

    let (begin, mut changes) = (Instant::now(), 0);
    while begin.elapsed() < Duration::from_secs(seconds) && !sides.is_empty() {
        let side = draw.below(sides.len() as u64) as usize;
        let side = &mut sides[side];
        let zone = draw.below(side.zones.len() as u64) as usize;
        let zone = &mut side.zones[zone];
        zone.change(&mut draw);
        side.primary
            .replace_zone(&format!("{}.", zone.name), &zone.text())
            .unwrap();
        changes += 1;
        sleep(Duration::from_millis(draw.below(150)));
    }
    let harm: u64 = { sides.iter().flat_map(Side::proxies) }
        .map(Proxy::harm)
        .sum();
    for proxy in sides.iter().flat_map(Side::proxies).chain([&notifies]) {
        proxy.heal();
    }

    for side in &sides {
        for zone in &side.zones {
            let (kind, name, serial) = (side.kind, &zone.name, zone.serial);
            support::until_serial(node.dns, name, serial);
            let held = support::transferred(node.dns, name, None);
            let expected = zone.records();
            let missing: Vec<_> = expected
                .iter()
                .filter(|line| !held.contains(line))
                .collect();
            let foreign: Vec<_> = held
                .iter()
                .filter(|line| !expected.contains(line))
                .collect();
            assert!(
                missing.is_empty() && foreign.is_empty() && held.len() == expected.len(),
                "{kind}: {name}: missing {missing:?}, foreign {foreign:?}"
            );
        }
    }
    let (_, metrics) = node.api.text("/metrics");
    let transfers = |kind: &str| -> u64 {
        let lines = metrics.lines().map(str::to_ascii_lowercase);
        let mut counts =
            lines.filter(|line| line.starts_with("zonekit_transfers_total") && line.contains(kind));
        let count = counts
            .next()
            .and_then(|line| line.split(' ').next_back()?.parse().ok());
        count.unwrap_or_default()
    };
    let (whole, differences) = (transfers("axfr"), transfers("ixfr"));
    println!(
        "{changes} changes of {} zones in {seconds} s, {harm} times harmed on the way: {whole} AXFR, {differences} IXFR",
        sides.iter().map(|side| side.zones.len()).sum::<usize>()
    );
    if !sides.is_empty() {
        assert!(harm > 0, "nothing was harmed");
    }
    if sides
        .iter()
        .any(|side| matches!(side.kind, Kind::Bind | Kind::Knot))
    {
        assert!(differences > 0, "no change came as differences");
    }
}
