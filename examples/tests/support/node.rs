//! A running `secondary` with a configuration, and what tests ask it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Api, Program, canonical_lines, eventually};

/// The bearer token of contract `tests`.
pub const TOKEN: &str = "a token of the tests";

/// Timers for tests that wait for checks.
pub const QUICK: &str =
    "[timers]\nmin_refresh = 1\nmax_refresh = 1\nmin_retry = 1\nmax_retry = 1\n";

/// Timers for tests in which nothing happens but what is asked for.
pub const QUIET: &str = "[timers]\nmin_refresh = 3600\nmin_retry = 3600\n";

/// Limits for tests in which nothing comes again by itself, so that no primary is given up because the machine is busy.
pub const PATIENT: &str = "[limits]\nconnect_timeout = 600\nidle_timeout = 600\n";

/// What a test wants of its configuration; the rest is for everybody.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// Where DNS is served.
    pub listen: &'a str,
    /// The port of primaries that the API gives by their address only.
    pub primary_port: u16,
    /// Further entries of the `[dns]` table.
    pub dns: &'a str,
    /// Who is told of new versions.
    pub notify: Option<SocketAddr>,
    /// The `[timers]` table.
    pub timers: &'a str,
    /// Further tables: keys, zones.
    pub more: &'a str,
}

impl Default for Settings<'_> {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:0",
            primary_port: 53,
            dns: "",
            notify: None,
            timers: QUICK,
            more: "",
        }
    }
}

impl<'a> Settings<'a> {
    /// The usual ones, with these tables.
    pub fn with(more: &'a str) -> Self {
        Self {
            more,
            ..Self::default()
        }
    }

    /// Writes the configuration file into `directory`, beside which the zones are kept.
    pub fn write(&self, directory: &Path) -> PathBuf {
        let Self {
            listen,
            primary_port,
            dns,
            notify,
            timers,
            more,
        } = self;
        let notify = notify.map_or(String::new(), |target| format!("notify = [\"{target}\"]\n"));
        let path = directory.join("secondary.toml");
        let text = format!(
            "data_dir = \"var\"\n[dns]\nlisten = [\"{listen}\"]\nallow_transfer = [\"127.0.0.0/8\"]\nworkers = 1\n\
             primary_port = {primary_port}\n{dns}{notify}\
             [http]\nlisten = \"127.0.0.1:0\"\n[[http.token]]\ncontract = \"tests\"\nsha256 = \"{}\"\n\
             {timers}{more}",
            sha256(TOKEN)
        );
        fs::write(&path, text).unwrap();
        path
    }
}

/// A running secondary.
pub struct Node {
    pub program: Program,
    pub dns: SocketAddr,
    pub http: SocketAddr,
    pub api: Api,
}

impl Node {
    /// A counter of `/metrics`, by its name without the end that counters have there.
    pub fn counter(&self, name: &str) -> u64 {
        let mut response = ureq::get(format!("http://{}/metrics", self.http))
            .call()
            .unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix("_total "));
        value
            .unwrap_or_else(|| panic!("{name} in\n{text}"))
            .parse()
            .unwrap()
    }

    /// Starts it and waits until it says where it listens.
    pub fn start(directory: &Path, settings: &Settings<'_>) -> Self {
        let path = settings.write(directory);
        let mut program = Program::ours("secondary", &["--config", path.to_str().unwrap()]);
        let dns = program.address("dns");
        let http = program.address("http");
        let api = Api::new(http, TOKEN);
        Self {
            program,
            dns,
            http,
            api,
        }
    }

    /// What the status says of the zone's first primary.
    pub fn primary(&self, id: &str) -> Value {
        self.api.transfer_status(id).swap_remove(0)
    }

    /// Waits until the first primary's status has `word` in its error.
    #[track_caller]
    pub fn wait_for_error(&self, id: &str, word: &str) -> String {
        eventually(&format!("{word} in the status"), || {
            let primary = self.primary(id);
            let error = primary["errorMessage"].as_str()?.to_owned();
            (primary["status"] == "ERROR" && error.contains(word)).then_some(error)
        })
    }

    /// The id of the zone that the API shows under this name.
    #[track_caller]
    pub fn id_of(&self, zone: &str) -> String {
        let (status, answer) = self
            .api
            .get(&format!("/secondaryzones?filter.zoneName={zone}"));
        assert_eq!(status, 200, "{answer}");
        answer["items"][0]["id"]
            .as_str()
            .expect("a zone of that name")
            .to_owned()
    }
}

/// A `[[zone]]` of contract `tests`, with one primary.
pub fn declared(zone: &str, primary: SocketAddr, key: Option<&str>) -> String {
    let key = key
        .map(|key| format!(", key = \"{key}\""))
        .unwrap_or_default();
    format!(
        "[[zone]]\nname = \"{zone}\"\ncontract = \"tests\"\nprimaries = [{{ address = \"{primary}\"{key} }}]\n"
    )
}

/// Everything a server hands out of a zone, by our own `axfr`, signed with `key` (`[algorithm:]name:secret`) if given.
#[track_caller]
pub fn transferred(server: SocketAddr, zone: &str, key: Option<&str>) -> Vec<String> {
    let at = format!("@{server}");
    let mut arguments = vec![at.as_str(), zone];
    arguments.extend(key.into_iter().flat_map(|key| ["--key", key]));
    let (status, said) = Program::ours("axfr", &arguments).wait();
    assert!(status.success(), "axfr {at} {zone}: {said}");
    canonical_lines(&said)
}

/// The same of a server that may hang up on who asks: it is asked again until it has told all.
#[track_caller]
pub fn handed_on(server: SocketAddr, zone: &str) -> Vec<String> {
    let at = format!("@{server}");
    eventually(&format!("all of {zone} from {server}"), || {
        let (status, said) = Program::ours("axfr", &[&at, zone]).wait();
        status.success().then(|| canonical_lines(&said))
    })
}

fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect()
}
