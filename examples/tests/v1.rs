//! Our own face of the program `secondary`, against our own `primary`.

mod support;

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use support::{
    Node, PATIENCE, Program, QUIET, Settings, TOKEN, eventually, master_file, until_serial,
};
use tempfile::TempDir;
use zonekit_script::{Authority, Leaf};

/// A file with a zone, and our `primary` that serves it to everybody on loopback.
struct Source {
    program: Program,
    address: SocketAddr,
    file: PathBuf,
}

impl Source {
    fn start(directory: &Path, listen: &str, serial: u32, more: &[&str]) -> Self {
        let file = directory.join(format!("{listen}.zone"));
        fs::write(&file, master_file("example.org", serial, 3)).unwrap();
        let entry = format!("example.org={}", file.display());
        let mut arguments = vec!["--listen", listen, "--zone", &entry];
        arguments.extend(more);
        let mut program = Program::ours("primary", &arguments);
        let address = program.address("dns");
        Self {
            program,
            address,
            file,
        }
    }

    /// Puts a new version in place, and waits until it is served.
    fn change(&self, serial: u32, hosts: usize) {
        let fresh = self.file.with_extension("new");
        fs::write(&fresh, master_file("example.org", serial, hosts)).unwrap();
        fs::rename(fresh, &self.file).unwrap();
        self.program.signal("HUP");
        until_serial(self.address, "example.org", serial);
    }

    fn as_primary(&self) -> Value {
        json!({"address": self.address.ip(), "port": self.address.port()})
    }
}

const OPEN: [&str; 2] = ["--allow", "127.0.0.0/8"];

fn quiet(directory: &Path) -> Node {
    let settings = Settings {
        timers: QUIET,
        ..Settings::default()
    };
    Node::start(directory, &settings)
}

#[track_caller]
fn wait_for_serial(node: &Node, serial: u32) {
    until_serial(node.dns, "example.org", serial);
}

#[test]
fn a_transfer_is_ordered_from_one_primary_and_what_changed_is_told() {
    let directory = TempDir::new().unwrap();
    let one = Source::start(directory.path(), "127.0.0.1:0", 1, &OPEN);
    let other = Source::start(directory.path(), "127.0.0.2:0", 1, &OPEN);
    let node = quiet(directory.path());
    let body = json!({"name": "example.org", "primaries": [one.as_primary(), other.as_primary()]});
    let (status, zone) = node.api.post("/v1/zones", &body);
    assert_eq!(status, 201, "{zone}");
    wait_for_serial(&node, 1);

    one.change(2, 4);
    let path = "/v1/zones/example.org";
    let order = |body: &Value| {
        let (status, zone) = node.api.post(&format!("{path}/transfer"), body);
        assert_eq!(status, 202, "{zone}");
    };
    let visits = || {
        let (_, history) = node.api.get(&format!("{path}/history"));
        history["items"].as_array().unwrap().clone()
    };
    order(&json!({"primary": one.address.to_string()}));
    wait_for_serial(&node, 2);
    let (_, versions) = node.api.get(&format!("{path}/versions"));
    assert_eq!(versions["serials"], json!([1, 2]));
    let (status, text) = node
        .api
        .text_with_token(&format!("{path}/difference?from=1"));
    assert_eq!(status, 200, "{text}");
    let added: Vec<_> = text.lines().filter(|line| line.starts_with('+')).collect();
    assert_eq!(added.len(), 3, "{text}"); // SOA, TXT, one host more
    assert!(
        text.contains("+host3.example.org.\t300\tIN\tA\t198.51.0.4\n"),
        "{text}"
    );
    let (status, text) = node.api.text_with_token(&format!("{path}/export"));
    assert_eq!((status, text.lines().count()), (200, 13), "{text}");

    // The other has nothing newer, and is asked for everything all the same.
    let before = eventually("the visit that brought serial 2", || {
        let visits = visits();
        (visits.first()?["to"] == 2).then_some(visits.len())
    });
    order(&json!({"primary": other.address.to_string(), "full": true}));
    let visit = eventually("one visit more", || {
        let visits = visits();
        (visits.len() > before).then(|| visits[0].clone())
    });
    assert_eq!(visit["primary"], other.address.to_string(), "{visit}");
    assert_eq!(visit["transfer"]["kind"], "axfr", "{visit}");
    assert_eq!(visit["to"], 1, "{visit}");
    let (_, zone) = node.api.get(path);
    let outcomes = |zone: &Value| [0, 1].map(|n| zone["primaries"][n]["outcome"].clone());
    assert_eq!(outcomes(&zone), ["ok", "ok"], "{zone}");
    assert_eq!(zone["behind"], true, "{zone}");
    let (_, zones) = node.api.get("/v1/zones?trouble=behind");
    assert_eq!(zones["items"][0]["name"], "example.org");
}

#[test]
fn a_key_is_rolled_over_with_both_known() {
    let directory = TempDir::new().unwrap();
    let node = quiet(directory.path());
    let (status, new) = node.api.post("/v1/keys", &json!({"name": "new.example"}));
    assert_eq!(status, 201, "{new}");
    let secret = "b3RoZXItc2VjcmV0LW9mLTMyLW9jdGV0cy1mb3ItdGVzdHM=";
    let (status, old) = node.api.post(
        "/v1/keys",
        &json!({"name": "old.example", "secret": secret}),
    );
    assert_eq!((status, &old["secret"]), (201, &Value::Null), "{old}");

    let key = format!("new.example:{}", new["secret"].as_str().unwrap());
    let source = Source::start(directory.path(), "127.0.0.1:0", 1, &["--key", &key]);
    let mut primary = source.as_primary();
    primary["key"] = "old.example".into();
    primary["nextKey"] = "new.example".into();
    let body = json!({"name": "example.org", "primaries": [primary]});
    let (status, zone) = node.api.post("/v1/zones", &body);
    assert_eq!(status, 201, "{zone}");
    wait_for_serial(&node, 1);
    let history = eventually("two visits", || {
        let (_, history) = node.api.get("/v1/zones/example.org/history");
        (history["items"].as_array()?.len() == 2).then_some(history)
    });
    assert_eq!(history["items"][1]["error"]["kind"], "BADKEY", "{history}");
    assert_eq!(history["items"][0]["outcome"], "transferred", "{history}");
    assert_eq!(node.api.delete("/v1/keys/new.example").0, 409);
    assert!(!node.program.said().contains(secret));
}

#[test]
fn notify_is_believed_of_whoever_the_zone_names_beside_its_primaries() {
    let directory = TempDir::new().unwrap();
    let source = Source::start(directory.path(), "127.0.0.2:0", 1, &OPEN);
    let node = quiet(directory.path());
    let body = json!({"name": "example.org", "primaries": [source.as_primary()]});
    assert_eq!(node.api.post("/v1/zones", &body).0, 201);
    wait_for_serial(&node, 1);
    source.change(2, 4);
    let notify = || {
        let at = format!("@{}", node.dns);
        let (status, _) = Program::ours("notify", &[&at, "example.org"]).wait();
        status.success()
    };
    assert!(!notify());
    let body = json!({"notifySources": ["127.0.0.1/32"]});
    let (status, zone) = node.api.patch("/v1/zones/example.org", &body);
    assert_eq!(
        (status, &zone["notifySources"]),
        (200, &json!(["127.0.0.1"]))
    );
    assert!(notify());
    wait_for_serial(&node, 2);
}

/// A receiver of webhooks: what comes is answered with these statuses, one after the other.
struct Receiver {
    listener: TcpListener,
}

/// What came: headers in lower case, and the body.
struct Delivery {
    headers: Vec<(String, String)>,
    body: String,
}

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self { listener }
    }

    fn url(&self) -> String {
        format!(
            "http://{}/told?by=zonekit",
            self.listener.local_addr().unwrap()
        )
    }

    /// The next delivery whose sender waits for the answer; who has waited too long by now comes again.
    fn take(&self, status: &str) -> Delivery {
        loop {
            let (stream, _) = self.listener.accept().unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            if let Ok(delivery) = Self::read(stream, status) {
                return delivery;
            }
        }
    }

    fn read(stream: impl Read + Write, status: &str) -> io::Result<Delivery> {
        let mut reader = BufReader::new(stream);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        assert_eq!(lines.remove(0), "POST /told?by=zonekit HTTP/1.1");
        let header = |line: String| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        };
        let headers: Vec<_> = lines.into_iter().map(header).collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let mut body = vec![0; length.unwrap().1.parse().unwrap()];
        reader.read_exact(&mut body)?;
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        reader.into_inner().write_all(answer.as_bytes())?;
        Ok(Delivery {
            headers,
            body: String::from_utf8(body).unwrap(),
        })
    }
}

impl Delivery {
    #[track_caller]
    fn header(&self, wanted: &str) -> &str {
        let found = self.headers.iter().find(|(name, _)| name == wanted);
        &found.unwrap_or_else(|| panic!("{wanted}")).1
    }

    /// Whether it was signed with that secret, of at most 64 octets (RFC 2104).
    fn is_signed(&self, secret: &str) -> bool {
        let (at, given) = self.header("zonekit-signature").split_once(",v1=").unwrap();
        let at = at.strip_prefix("t=").unwrap();
        let padded = |with: u8| {
            let mut block = [with; 64];
            for (octet, secret) in block.iter_mut().zip(secret.bytes()) {
                *octet ^= secret;
            }
            block
        };
        let message = format!("{at}.{}", self.body);
        let inner = Sha256::digest([&padded(0x36)[..], message.as_bytes()].concat());
        let outer = Sha256::digest([&padded(0x5c)[..], &inner].concat());
        let digits: String = outer.iter().map(|octet| format!("{octet:02x}")).collect();
        digits == given
    }
}

#[test]
fn a_webhook_is_told_of_trouble_signed_and_again_until_it_takes_it() {
    let directory = TempDir::new().unwrap();
    let receiver = Receiver::start();
    let secret = "a secret of the tests";
    let more = format!(
        "[[http.webhook]]\nurl = \"{}\"\nsecret = \"{secret}\"\ncontract = \"tests\"\n",
        receiver.url()
    );
    let settings = Settings {
        timers: &more, // behind the tokens of [http]
        ..Settings::default()
    };
    let node = Node::start(directory.path(), &settings);
    let nobody = json!([{"address": "127.0.0.1", "port": 1}]);
    let body = json!({"name": "example.org", "primaries": nobody});
    let (status, zone) = node.api.post("/v1/zones", &body);
    assert_eq!(status, 201, "{zone}");

    let first = receiver.take("500 Not Now");
    let again = receiver.take("204 No Content");
    assert_eq!(first.body, again.body);
    let id = |delivery: &Delivery| delivery.header("zonekit-delivery").to_owned();
    assert_eq!(id(&first), id(&again));
    assert!(first.is_signed(secret) && again.is_signed(secret));
    assert!(!first.is_signed("another secret"));
    let event: Value = serde_json::from_str(&first.body).unwrap();
    assert_eq!(event["event"], "primary_failing", "{event}");
    assert_eq!(event["zone"]["id"], zone["id"], "{event}");
    assert_eq!(event["error"]["kind"], "connection refused", "{event}");
    // What was taken comes once more where word of that was late.
    let mut next = receiver.take("204 No Content");
    while id(&next) == id(&first) {
        next = receiver.take("204 No Content");
    }
    let event: Value = serde_json::from_str(&next.body).unwrap();
    assert_eq!(event["event"], "all_failing", "{event}");
    assert_ne!(id(&first), id(&next));
    assert!(!node.program.said().contains(secret));
}

#[test]
fn a_webhook_over_https_goes_to_whom_the_authority_knows_only() {
    let directory = TempDir::new().unwrap();
    let authority = Authority::p256();
    fs::write(directory.path().join("ca.pem"), &authority.pem).unwrap();
    let receiver = Receiver::start();
    let address = receiver.listener.local_addr().unwrap();
    let more = format!(
        "[[http.webhook]]\nurl = \"https://{address}/told?by=zonekit\"\nsecret = \"a secret of the tests\"\n\
         contract = \"tests\"\nevents = [\"zone_created\"]\nca_file = \"ca.pem\"\n"
    );
    let settings = Settings {
        timers: &more, // behind the tokens of [http]
        ..Settings::default()
    };
    let node = Node::start(directory.path(), &settings);
    let body = json!({"name": "example.org", "primaries": [{"address": "127.0.0.1", "port": 1}]});
    assert_eq!(node.api.post("/v1/zones", &body).0, 201);

    let shown = |leaf: &Leaf| {
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(leaf.chain(), leaf.private_key());
        let connection = ServerConnection::new(Arc::new(config.unwrap())).unwrap();
        let (stream, _) = receiver.listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        StreamOwned::new(connection, stream)
    };
    let stranger = Authority::p256().certify("127.0.0.1");
    let error = loop {
        let error = shown(&stranger).read(&mut [0]).unwrap_err();
        if !has_gone(&error) {
            break error;
        }
    };
    assert!(error.to_string().contains("UnknownCA"), "{error}");
    let elsewhere = authority.certify("127.0.0.2");
    assert!(shown(&elsewhere).read(&mut [0]).is_err());
    let ours = authority.certify("127.0.0.1");
    let told = loop {
        match Receiver::read(shown(&ours), "204 No Content") {
            Ok(told) => break told,
            Err(error) => assert!(has_gone(&error), "{error}"),
        }
    };
    assert!(told.is_signed("a secret of the tests"));
    let event: Value = serde_json::from_str(&told.body).unwrap();
    assert_eq!(event["event"], "zone_created", "{event}");
}

/// Whether this tells that a client did not wait any longer.
fn has_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

/// What comes by `/v1/events`, line by line, from behind its first word; with this line in the head of the request.
fn events(http: SocketAddr, seen: &str) -> impl Iterator<Item = String> + use<> {
    let mut stream = TcpStream::connect(http).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!(
        "GET /v1/events HTTP/1.1\r\nHost: {http}\r\nAuthorization: Bearer {TOKEN}\r\n{seen}\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    lines.skip_while(|line| line != ": from now on").skip(1)
}

/// The name of the next zone that is made, and the line with the id of the event.
fn next_made(lines: &mut impl Iterator<Item = String>) -> (String, String) {
    lines.find(|line| line == "event: zone_created").unwrap();
    let data = lines.next().unwrap();
    let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
    let name = data["zone"]["name"].as_str().unwrap();
    (name.to_owned(), lines.next().unwrap())
}

#[test]
fn who_lost_a_stream_goes_on_behind_the_last_event_or_is_told_to_begin_anew() {
    let directory = TempDir::new().unwrap();
    let node = quiet(directory.path());
    let zone = |name: &str| {
        let primary = json!({"address": "127.0.0.1", "port": 1});
        let body = json!({"name": name, "primaries": [primary]});
        assert_eq!(node.api.post("/v1/zones", &body).0, 201);
    };
    let mut lines = events(node.http, "");
    let begin = lines.next().unwrap();
    zone("one.example");
    let (name, first) = next_made(&mut lines);
    assert_eq!(name, "one.example");
    drop(lines);
    zone("two.example");

    for (seen, names) in [
        (&begin, &["one.example", "two.example"][..]),
        (&first, &["two.example"]),
    ] {
        let id = seen.strip_prefix("id: ").unwrap();
        let mut lines = events(node.http, &format!("Last-Event-ID: {id}\r\n"));
        for name in names {
            assert_eq!(next_made(&mut lines).0, *name, "behind {seen}");
        }
    }
    for unknown in ["1.1", "no id"] {
        let mut lines = events(node.http, &format!("Last-Event-ID: {unknown}\r\n"));
        assert_eq!(lines.next().unwrap(), "event: reset", "{unknown}");
    }
}

#[test]
fn events_come_as_they_happen_until_the_program_ends() {
    let directory = TempDir::new().unwrap();
    let source = Source::start(directory.path(), "127.0.0.1:0", 1, &OPEN);
    let node = quiet(directory.path());
    let stream = TcpStream::connect(node.http).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!(
        "GET /v1/events HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n",
        node.http
    );
    { &stream }.write_all(request.as_bytes()).unwrap();
    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
    assert_eq!(lines.next().unwrap(), "HTTP/1.1 200 OK");
    assert!(lines.any(|line| line == "content-type: text/event-stream"));
    assert!(lines.any(|line| line == ": from now on"));

    let body = json!({"name": "example.org", "primaries": [source.as_primary()]});
    assert_eq!(node.api.post("/v1/zones", &body).0, 201);
    let mut next = |kind: &str| -> Value {
        let line = format!("event: {kind}");
        assert!(lines.any(|found| found == line), "{kind}");
        let data = lines.next().unwrap();
        serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap()
    };
    assert_eq!(next("zone_created")["zone"]["name"], "example.org");
    assert_eq!(next("transferred")["serial"], 1);
    assert_eq!(node.api.delete("/v1/zones/example.org").0, 204);
    assert_eq!(next("zone_removed")["event"], "zone_removed");
    node.program.signal("TERM");
    assert_eq!(lines.last().as_deref(), Some("")); // ended, not broken off
}
