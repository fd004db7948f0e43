//! `secondary demo`: the whole way of a zone on loopback, shown and checked step by step.
//!
//! What it shows is what it checks: each step fails with what it expected and what it found.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{IsTerminal, stderr};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::runtime::Runtime;
use ureq::Agent;
use zonekit_secondary::{Config, Secondary};
use zonekit_tsig::{Algorithm, Key};
use zonekit_wire::{Name, NameBuf, Rtype};
use zonekit_xfr::Client;

use crate::primary::{self, Primary};

/// The project's own copy of the root zone, as published on 19 October 2020.
const ROOT_ZONE: &[u8] = include_bytes!("../data/root.zone");
const SERIAL: u32 = 2_020_101_902;
const RECORDS: u64 = 21_591;

/// How long the transfer may take before the demo gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the demo; with `once` it ends after having shown everything, else at Ctrl-C.
pub fn run(once: bool) -> anyhow::Result<()> {
    if std::env::var_os("RUST_LOG").is_some() {
        crate::log::start();
    }
    let directory = tempfile::Builder::new().prefix("zonekit-demo-").tempdir()?;
    let runtime = Runtime::new()?;
    let result = show(&runtime, directory.path(), once);
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

/// The steps, in the order in which they are shown.
fn show(runtime: &Runtime, directory: &Path, once: bool) -> anyhow::Result<()> {
    let secret: [u8; 32] = random()?;
    let name: NameBuf = "transfer.demo.".parse()?;
    let key = Key::new(name.as_name(), Algorithm::HmacSha256, &secret)?;

    step(
        "A primary on loopback has the real root zone, and gives it to whoever signs with the key transfer.demo.",
    );
    let options = primary::Options {
        tls: None,
        listen: vec![loopback(0)],
        zones: vec![primary::ZoneSource::held(
            "demo/root.zone",
            NameBuf::new(),
            ROOT_ZONE,
        )],
        keys: vec![key.clone()],
        allow: vec![format!("key:{name}").parse()?],
        notify: Vec::new(),
    };
    let primary = runtime
        .block_on(Primary::start(options))
        .context("starting the primary")?;
    let primary_address = *primary
        .addresses()
        .first()
        .context("the primary has no address")?;
    let (serial, records) = primary
        .version(Name::ROOT)
        .context("the primary has no root zone")?;
    say(&format!(
        "{primary_address} serves . serial {serial}, {records} records"
    ));
    ensure!(
        (serial, records) == (SERIAL, RECORDS),
        "expected serial {SERIAL} and {RECORDS} records"
    );

    step("A secondary starts beside it, empty, with one durable file in a temporary directory.");
    let token = hex(&random::<20>()?);
    let path = directory.join("secondary.toml");
    fs::write(
        &path,
        configuration(primary_address, &name, &secret, &token),
    )?;
    let secondary = runtime
        .block_on(async { anyhow::Ok(Secondary::start(Config::load(&path)?).await?) })
        .context("starting the secondary")?;
    let dns = *secondary
        .dns_addresses()
        .first()
        .context("the secondary has no DNS address")?;
    let http = secondary
        .http_address()
        .context("the secondary has no HTTP address")?;
    say(&format!(
        "DNS on {dns}, HTTP on http://{http}, configuration in {}",
        path.display()
    ));

    step("The zone is created over the HTTP API, with a bearer token.");
    let api = Api::new(http, &token);
    let id = create(&api)?;

    step(
        "The secondary asks the primary for its SOA and takes the zone; the HTTP API tells how that goes.",
    );
    watch_transfer(&api, &id)?;

    step("The records, as the HTTP API shows them.");
    show_records(&api, &id)?;

    step("The records, as DNS shows them.");
    show_answers(runtime, dns)?;

    step("The zone as the secondary hands it on, record by record beside the primary's.");
    compare(runtime, dns)?;

    if once {
        runtime.block_on(secondary.shutdown());
        println!("\nEverything is as it should be.");
        return Ok(());
    }
    println!("\n{}", what_to_try(dns, http, &token, &id, directory));
    runtime.block_on(async {
        tokio::signal::ctrl_c().await?;
        secondary.shutdown().await;
        anyhow::Ok(())
    })
}

/// What the secondary of the demo is told: the very file that a real one would have.
fn configuration(primary: SocketAddr, key: &NameBuf, secret: &[u8], token: &str) -> String {
    use base64::Engine as _;
    let secret = base64::engine::general_purpose::STANDARD.encode(secret);
    let sha256 = hex(&Sha256::digest(token.as_bytes()));
    format!(
        r#"data_dir = "var"

[dns]
listen = ["127.0.0.1:0"]
allow_transfer = ["127.0.0.0/8"]
nameservers = ["ns1.example.net", "ns2.example.net"]
primary_port = {port}                  # the API gives addresses only

[http]
listen = "127.0.0.1:0"
[[http.token]]
contract = "demo"
sha256 = "{sha256}"

[[key]]
name = "{key}"
algorithm = "hmac-sha256"
secret = "{secret}"

[[primary]]                            # whatever is taken from there is signed with this key
address = "{primary}"
key = "{key}"
"#,
        port = primary.port(),
    )
}

fn create(api: &Api) -> anyhow::Result<String> {
    let body = json!({"properties": {
        "zoneName": ".",
        "description": "the root zone of 19 October 2020",
        "primaryIps": ["127.0.0.1"],
    }});
    say(&format!("POST /secondaryzones {body}"));
    let (status, answer) = api.post("/secondaryzones", &body)?;
    ensure!(status == 202, "expected 202, got {status}: {answer}");
    let id = answer["id"].as_str().context("the answer has no id")?;
    let state = answer["metadata"]["state"].as_str().unwrap_or("?");
    say(&format!("202 Accepted, id {id}, state {state}"));
    Ok(id.to_owned())
}

/// Follows the transfer status until the zone is there.
fn watch_transfer(api: &Api, id: &str) -> anyhow::Result<()> {
    let begin = Instant::now();
    let mut last = String::new();
    loop {
        let (status, answer) = api.get(&format!("/secondaryzones/{id}/axfr"))?;
        ensure!(status == 200, "expected 200, got {status}: {answer}");
        let item = &answer["items"][0];
        let state = item["status"].as_str().unwrap_or("?");
        let problem = item["errorMessage"].as_str().unwrap_or_default();
        let line = format!(
            "{} {state} {problem}",
            item["primaryIp"].as_str().unwrap_or("?")
        );
        if line != last {
            say(line.trim());
            last = line;
        }
        match state {
            "OK" => {
                say(&format!(
                    "{} of serial {}: {} records, {} octets in {} ms",
                    item["kind"].as_str().unwrap_or("?"),
                    item["serial"],
                    item["records"],
                    item["octets"],
                    item["duration"]
                ));
                break;
            }
            "ERROR" => bail!("the transfer failed: {problem}"),
            _ => ensure!(
                begin.elapsed() < PATIENCE,
                "the transfer took longer than {PATIENCE:?}"
            ),
        }
        sleep(Duration::from_millis(20));
    }
    let (_, zone) = api.get(&format!("/secondaryzones/{id}"))?;
    let state = zone["metadata"]["state"].as_str().unwrap_or("?");
    ensure!(
        state == "AVAILABLE",
        "expected the state AVAILABLE, got {state}"
    );
    say(&format!(
        "the zone is {state}, {} ms after it was created",
        begin.elapsed().as_millis()
    ));
    Ok(())
}

/// Pages through all records, shows a few, and counts them.
fn show_records(api: &Api, id: &str) -> anyhow::Result<()> {
    const PAGE: usize = 1_000;
    let mut records: Vec<Value> = Vec::new();
    loop {
        let offset = records.len();
        let (status, mut answer) = api.get(&format!(
            "/secondaryzones/{id}/records?limit={PAGE}&offset={offset}"
        ))?;
        ensure!(status == 200, "expected 200, got {status}: {answer}");
        let Value::Array(page) = answer["items"].take() else {
            bail!("the answer has no items");
        };
        let last = page.len() < PAGE;
        records.extend(page);
        if last {
            break;
        }
    }
    for record in records.iter().take(3) {
        say(&in_short(record));
    }
    say(&format!("… {} records in all", records.len()));
    let first = records.first().context("there are no records")?;
    let soa = first["properties"]["content"].as_str().unwrap_or_default();
    ensure!(
        first["properties"]["type"] == "SOA" && soa.split(' ').nth(2) == Some(&SERIAL.to_string()),
        "expected the SOA with serial {SERIAL} first, got {first}"
    );
    ensure!(
        records.len() as u64 == RECORDS,
        "expected {RECORDS} records, got {}",
        records.len()
    );
    Ok(())
}

fn in_short(record: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let name = match text(&record["metadata"]["fqdn"]).as_str() {
        "." => ".".to_owned(),
        name => format!("{name}."),
    };
    let (rtype, content) = (
        &record["properties"]["type"],
        &record["properties"]["content"],
    );
    let mut line = format!(
        "{name} {} {} {}",
        record["properties"]["ttl"],
        text(rtype),
        text(content)
    );
    if line.len() > 110 {
        line = line.chars().take(109).chain(['…']).collect();
    }
    line
}

/// Asks what a resolver would ask, and compares.
fn show_answers(runtime: &Runtime, dns: SocketAddr) -> anyhow::Result<()> {
    let soa = runtime.block_on(Client::new(dns).soa(NameBuf::new()))?;
    say(&format!(". SOA: serial {}", soa.serial));
    ensure!(
        soa.serial.0 == SERIAL,
        "expected serial {SERIAL}, got {}",
        soa.serial
    );
    for (question, rtype, rcode, answers, authority) in [
        (".", Rtype::NS, "NOERROR", 13, 0),
        ("com.", Rtype::NS, "NOERROR", 0, 13),
        ("com.", Rtype::DS, "NOERROR", 1, 0),
        ("www.example.org.", Rtype::A, "NOERROR", 0, 6),
        ("no-such-tld.", Rtype::A, "NXDOMAIN", 0, 1),
    ] {
        let found = crate::query::ask(dns, question, rtype)?;
        say(&format!(
            "{question} {rtype}: {}, {} answers, {} in the authority section",
            found.rcode, found.answers, found.authority
        ));
        ensure!(
            found.rcode.to_string() == rcode
                && (found.answers, found.authority) == (answers, authority),
            "expected {rcode} with {answers} answers and {authority} in the authority section"
        );
    }
    Ok(())
}

/// Takes the zone from the secondary and compares all of it with the master file.
fn compare(runtime: &Runtime, dns: SocketAddr) -> anyhow::Result<()> {
    let expected = primary::read(ROOT_ZONE, Name::ROOT)?;
    let expected: BTreeSet<String> = expected.iter().map(|record| record.to_string()).collect();
    let found = runtime.block_on(async {
        let mut found = BTreeSet::new();
        let mut transfer = Client::new(dns).axfr(NameBuf::new()).await?;
        while let Some(record) = transfer.next().await? {
            found.insert(record.to_string());
        }
        anyhow::Ok(found)
    })?;
    let (missing, added) = (
        expected.difference(&found).count(),
        found.difference(&expected).count(),
    );
    say(&format!(
        "{} records, {missing} missing, {added} added",
        found.len()
    ));
    ensure!(
        missing == 0 && added == 0 && found.len() as u64 == RECORDS,
        "the two are not the same"
    );
    Ok(())
}

fn what_to_try(
    dns: SocketAddr,
    http: SocketAddr,
    token: &str,
    id: &str,
    directory: &Path,
) -> String {
    let (host, port) = (dns.ip(), dns.port());
    format!(
        "It keeps running until Ctrl-C; what to try:

    dig @{host} -p {port} com NS
    dig @{host} -p {port} +dnssec no-such-tld A
    cargo run --release --bin axfr -- @{dns} . | head
    curl -H 'Authorization: Bearer {token}' http://{http}/secondaryzones
    curl -H 'Authorization: Bearer {token}' 'http://{http}/secondaryzones/{id}/records?limit=3'
    curl -H 'Authorization: Bearer {token}' -X PUT http://{http}/secondaryzones/{id}/axfr
    curl -H 'Authorization: Bearer {token}' http://{http}/secondaryzones/{id}/axfr
    curl http://{http}/metrics
    less {directory}/secondary.toml",
        directory = directory.display(),
    )
}

/// The management API as the demo uses it.
struct Api {
    agent: Agent,
    base: String,
    authorization: String,
}

impl Api {
    fn new(address: SocketAddr, token: &str) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build()
            .new_agent();
        Self {
            agent,
            base: format!("http://{address}"),
            authorization: format!("Bearer {token}"),
        }
    }

    fn get(&self, path: &str) -> anyhow::Result<(u16, Value)> {
        let request = self.agent.get(format!("{}{path}", self.base));
        let mut answer = request
            .header("Authorization", &self.authorization)
            .call()?;
        Ok((
            answer.status().as_u16(),
            answer
                .body_mut()
                .with_config()
                .limit(64 << 20)
                .read_json()?,
        ))
    }

    fn post(&self, path: &str, body: &Value) -> anyhow::Result<(u16, Value)> {
        let request = self.agent.post(format!("{}{path}", self.base));
        let mut answer = request
            .header("Authorization", &self.authorization)
            .send_json(body)?;
        Ok((answer.status().as_u16(), answer.body_mut().read_json()?))
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)
}

fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets).map_err(|error| anyhow::anyhow!("no random octets: {error}"))?;
    Ok(octets)
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}

fn step(text: &str) {
    match stderr().is_terminal() {
        true => println!("\n\x1b[1m{text}\x1b[0m"),
        false => println!("\n{text}"),
    }
}

fn say(text: &str) {
    println!("  {text}");
}
