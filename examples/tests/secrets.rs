//! No secret is told: tokens, TSIG secrets and those of webhooks are in nothing that the program says or answers, whatever it
//! is asked, at the highest level of its log; but for the one answer that tells of a secret that it has made.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;
use support::{Api, PATIENCE, Program, Settings, Signer, TOKEN, eventually};
use tempfile::TempDir;

const DECLARED: &[u8] = b"declared-secret-of-32-octets-000";
const GIVEN: &[u8] = b"secret-given-over-the-api-000000";
const OCI: &[u8] = b"secret-given-over-the-face-of-oci";
const WEBHOOK: &str = "webhook-secret-for-signatures";
/// Sent by somebody whose token it is elsewhere.
const WRONG_TOKEN: &str = "a-token-that-opens-nothing-here";

/// Everything that was said and answered.
#[derive(Default)]
struct Told {
    texts: Vec<(String, String)>,
}

impl Told {
    fn note(&mut self, what: &str, text: impl Into<String>) {
        self.texts.push((what.to_owned(), text.into()));
    }

    /// Looks for a secret in each of the forms in which it could be written.
    #[track_caller]
    fn has_no(&self, name: &str, secret: &[u8]) {
        let hex: String = secret.iter().map(|octet| format!("{octet:02x}")).collect();
        let list = format!("{secret:?}");
        let forms = [
            String::from_utf8_lossy(secret).into_owned(),
            BASE64_STANDARD.encode(secret),
            hex.to_uppercase(),
            hex,
            list.trim_matches(['[', ']']).to_owned(), // as `Debug` shows octets
        ];
        for (what, text) in &self.texts {
            for form in &forms {
                assert!(
                    !text.contains(form.as_str()),
                    "{name} as {form} in {what}: {text}"
                );
            }
        }
    }
}

/// One request, with the head of its answer; everything is read until the other side closes.
fn raw(http: SocketAddr, method: &str, path: &str, token: &str, body: &str) -> String {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {http}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    exchange(http, &request)
}

fn exchange(http: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(http).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Takes webhooks for as long as the test runs, and keeps what comes.
fn receiver() -> (SocketAddr, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut text = Vec::new();
            let mut octets = [0; 4_096];
            while let Ok(length @ 1..) = { &stream }.read(&mut octets) {
                text.extend_from_slice(&octets[..length]);
                if text.ends_with(b"}") {
                    break;
                }
            }
            let _ = { &stream }.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
            if sender
                .send(String::from_utf8_lossy(&text).into_owned())
                .is_err()
            {
                return;
            }
        }
    });
    (address, receiver)
}

/// The paths of `/v1` with the methods that each knows, as its document has them, for a zone and a key that are there.
fn routes(api: &Api, key: &str) -> Vec<(String, String)> {
    let (status, document) = api.get("/v1/openapi.json");
    assert_eq!(status, 200);
    let paths = document["paths"].as_object().unwrap();
    let mut routes = Vec::new();
    for (path, methods) in paths {
        let path = path.replace("{zone}", "example.org").replace("{key}", key);
        assert!(!path.contains('{'), "{path}");
        for method in methods.as_object().unwrap().keys() {
            routes.push((method.to_uppercase(), path.clone()));
        }
    }
    // Removals last, so that there is something to ask the others about.
    routes.sort_by_key(|(method, _)| method == "DELETE");
    routes
}

#[test]
fn no_secret_is_in_a_log_a_list_an_error_an_event_or_a_figure() {
    let directory = TempDir::new().unwrap();
    let (hook, hooked) = receiver();
    let signer = Signer::new(directory.path());
    let more = format!(
        "{}[[http.webhook]]\nurl = \"http://{hook}/\"\nsecret = \"{WEBHOOK}\"\ncontract = \"tests\"\n\
         [[key]]\nname = \"declared.example\"\nalgorithm = \"hmac-sha256\"\nsecret = \"{}\"\n\
         [[zone]]\nname = \"declared.example\"\ncontract = \"tests\"\nprimaries = [{{ address = \"127.0.0.1:1\", key = \"declared.example\" }}]\n",
        signer.entry(),
        BASE64_STANDARD.encode(DECLARED)
    );
    let settings = Settings {
        timers: &more, // behind the tokens of [http]
        ..Settings::default()
    };
    let path = settings.write(directory.path());
    let mut program = Program::start(
        Command::new(env!("CARGO_BIN_EXE_secondary"))
            .args(["--config", path.to_str().unwrap()])
            .env("RUST_LOG", "trace"),
    );
    let http = program.address("http");
    let api = Api::new(http, TOKEN);
    let mut told = Told::default();

    // What is made: a key with a secret of its own, one with a secret that was given, and a zone that uses both.
    let (status, made) = api.post("/v1/keys", &json!({"name": "made.example"}));
    assert_eq!(status, 201, "{made}");
    let made = BASE64_STANDARD
        .decode(made["secret"].as_str().unwrap())
        .unwrap();
    let given = json!({"name": "given.example", "secret": BASE64_STANDARD.encode(GIVEN)});
    let (status, key) = api.post("/v1/keys", &given);
    assert_eq!(status, 201, "{key}");
    told.note("the answer to a key with its secret", key.to_string());
    let primary = json!({"address": "127.0.0.1", "port": 1, "key": "made.example", "nextKey": "given.example"});
    let zone = json!({"name": "example.org", "primaries": [primary]});
    let (status, zone) = api.post("/v1/zones", &zone);
    assert_eq!(status, 201, "{zone}");
    let id = zone["id"].as_str().unwrap().to_owned();
    eventually("a visit that failed", || {
        let (_, zone) = api.get("/v1/zones/example.org");
        (zone["failures"].as_u64()? > 0).then_some(())
    });
    told.note("a webhook", hooked.recv_timeout(PATIENCE).unwrap());

    // Events are asked for by somebody else for as long as the program runs.
    let stream = TcpStream::connect(http).unwrap();
    let request =
        format!("GET /v1/events HTTP/1.1\r\nHost: {http}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    { &stream }.write_all(request.as_bytes()).unwrap();

    // Every endpoint: with nothing, with what it cannot understand, with a secret where none belongs, by nobody.
    let secret = BASE64_STANDARD.encode(GIVEN);
    let bodies = [
        String::new(),
        "{".to_owned(),
        json!({"name": "given.example", "secret": secret}).to_string(),
        json!({"name": "no name", "secret": secret, "algorithm": "hmac-sha256"}).to_string(),
        json!({"name": "x.example", "secret": secret, "algorithm": "none"}).to_string(),
        json!({"name": "x.example", "secret": format!("{secret}!")}).to_string(),
        json!({"secret": secret, "compartmentId": "ocid1.tenancy.oc1..a"}).to_string(),
    ];
    let mut all = routes(&api, "given.example");
    for (methods, path) in [
        ("GET POST", "/secondaryzones".to_owned()),
        ("GET PUT DELETE", format!("/secondaryzones/{id}")),
        ("GET", format!("/secondaryzones/{id}/records")),
        ("GET PUT", format!("/secondaryzones/{id}/axfr")),
        ("GET", "/quota".to_owned()),
        ("GET POST", "/20180115/tsigKeys".to_owned()),
        ("GET POST", "/20180115/zones".to_owned()),
        ("GET", "/20180115/zoneTransferServers".to_owned()),
        (
            "GET",
            "/20160918/workRequests/ocid1.dns-work.oc1..a".to_owned(),
        ),
        ("GET", "/metrics".to_owned()),
        ("GET", "/healthz".to_owned()),
        ("GET", "/readyz".to_owned()),
        ("GET", "/console".to_owned()),
        ("GET", "/nothing/here".to_owned()),
    ] {
        all.extend(
            methods
                .split(' ')
                .map(|method| (method.to_owned(), path.clone())),
        );
    }
    for (method, path) in &all {
        if path == "/v1/events" {
            continue;
        }
        for token in [WRONG_TOKEN, TOKEN] {
            for body in bodies
                .iter()
                .take(if method == "GET" { 1 } else { bodies.len() })
            {
                let answer = raw(http, method, path, token, body);
                assert!(answer.starts_with("HTTP/1.1 "), "{method} {path}: {answer}");
                told.note(&format!("the answer to {method} {path}"), answer);
            }
        }
    }

    // The OCI face, by a client that signs. A key by itself is shown there with its secret, as clients expect of it; nothing
    // else is.
    let mut signatures = Vec::new();
    let mut signed = |method: &str, path: &str, body: &str| {
        let request = signer.request(http, method, path, body);
        let (_, signature) = request.split_once("signature=\"").unwrap();
        signatures.push(signature.split('"').next().unwrap().to_owned());
        exchange(http, &request)
    };
    let oci_key = |name: &str, secret: &str| {
        json!({"name": name, "algorithm": "hmac-sha256", "secret": secret, "compartmentId": Signer::TENANCY})
            .to_string()
    };
    let oci_secret = BASE64_STANDARD.encode(OCI);
    let keys = "/20180115/tsigKeys";
    let made_there = signed("POST", keys, &oci_key("oci.example", &oci_secret));
    assert!(
        made_there.starts_with("HTTP/1.1 201 ") && made_there.contains(&oci_secret),
        "{made_there}"
    );
    let (_, rest) = made_there.split_once("\"id\":\"").unwrap();
    let key = format!("{keys}/{}", rest.split('"').next().unwrap());
    assert!(signed("GET", &key, "").contains(&oci_secret));
    let list = format!("{keys}?compartmentId={}", Signer::TENANCY);
    assert!(signed("GET", &list, "").contains("oci.example"));
    // Not the very same, which would get the very same answer.
    let again = oci_key("oci.example", &oci_secret).replace("sha256", "sha512");
    let wrong = |name: &str, secret: &str| (keys.to_owned(), oci_key(name, secret));
    for (method, (path, body)) in [
        ("GET", (list, String::new())),
        ("POST", (keys.to_owned(), again)),
        ("POST", wrong("no name", &oci_secret)),
        ("POST", wrong("x.example", &format!("{oci_secret}!"))),
        (
            "PUT",
            (
                key.clone(),
                json!({"freeformTags": {"secret": 1}, "secret": oci_secret}).to_string(),
            ),
        ),
        (
            "POST",
            (
                "/20180115/zones".to_owned(),
                oci_key("x.example", &oci_secret),
            ),
        ),
        (
            "GET",
            (
                format!("/20180115/zones?compartmentId={}", Signer::TENANCY),
                String::new(),
            ),
        ),
        ("DELETE", (key, String::new())),
    ] {
        let answer = signed(method, &path, &body);
        assert!(
            answer.starts_with("HTTP/1.1 ") && !answer.contains("NotAuthenticated"),
            "{answer}"
        );
        told.note(&format!("the answer to a signed {method} {path}"), answer);
    }

    // An operator's commands, and a configuration that is wrong just where a secret stands.
    let config = path.to_str().unwrap();
    for arguments in [
        &["status", "--config", config][..],
        &["keys", "--config", config, "list"],
        &["zones", "--config", config, "list", "--json"],
    ] {
        told.note("a command", Program::ours("secondary", arguments).wait().1);
    }
    let text = fs::read_to_string(&path).unwrap();
    let declared = BASE64_STANDARD.encode(DECLARED);
    for wrong in [
        text.replace(&declared, &format!("{declared}!")),
        text.replace(
            &format!("secret = \"{declared}\""),
            &format!("secret = [\"{declared}\"]"),
        ),
        text.replace(
            &format!("secret = \"{declared}\""),
            &format!("secret = \"{declared}"),
        ),
        text.replace(
            &format!("secret = \"{declared}\""),
            &format!("sceret = \"{declared}\""),
        ),
        text.replace(
            &format!("secret = \"{WEBHOOK}\""),
            &format!("secret = [\"{WEBHOOK}\"]"),
        ),
    ] {
        assert_ne!(wrong, text);
        let file = directory.path().join("wrong.toml");
        fs::write(&file, wrong).unwrap();
        let (status, said) =
            Program::ours("secondary", &["--config", file.to_str().unwrap()]).wait();
        assert!(!status.success(), "{said}");
        told.note("the error of a wrong configuration", said);
    }

    program.signal("HUP");
    program.wait_for("the configuration read again", |line| {
        line.contains("configuration read again").then_some(())
    });
    program.signal("TERM");
    let mut events = String::new();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    { &stream }.read_to_string(&mut events).unwrap();
    assert!(events.contains("event: "), "{events}");
    told.note("the events", events);
    let (_, said) = program.wait();
    assert!(
        said.contains("\"DEBUG\"") && said.contains("zonekit_http::audit"),
        "{said}"
    );
    told.note("the log", said);
    for hook in hooked.try_iter() {
        told.note("a webhook", hook);
    }

    for (name, secret) in [
        ("the declared key's secret", DECLARED),
        ("the given key's secret", GIVEN),
        ("the made key's secret", &made),
        ("the secret of the key of OCI's face", OCI),
        ("the webhook's secret", WEBHOOK.as_bytes()),
        ("the token", TOKEN.as_bytes()),
        ("the token of somebody else", WRONG_TOKEN.as_bytes()),
    ] {
        told.has_no(name, secret);
    }
    // With one, a request could be sent again.
    for signature in &signatures {
        told.has_no("a signature", signature.as_bytes());
    }
}
