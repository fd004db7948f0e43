//! The configuration file: what it may say, its defaults, and how a mistake in it is told.
//!
//! A [`Config`] in hand is valid: every address, name, key and reference in it has been read and found. Whatever is
//! unknown, wrong or not supported is an error that names the file, the line and the key:
//!
//! ```
//! # use zonekit_secondary::Config;
//! let error = Config::parse("data_dir = \"var\"\n[dns]\nlisten = [\"127.0.0.1:x\"]\n", "secondary.toml".as_ref());
//! assert_eq!(
//!     error.unwrap_err().to_string(),
//!     "secondary.toml:3: dns.listen[0]: \"127.0.0.1:x\" is not an address with a port",
//! );
//! ```
//!
//! Relative paths in the file are taken from the directory that the file is in. All times are whole seconds and all
//! sizes whole octets.

mod bounds;
mod catalogs;
mod check;
mod clients;
mod file;
mod place;
mod problem;
mod tls;
mod webhook;
mod zones;

use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use foldhash::fast::RandomState;
use zonekit_http::OciKey;
use zonekit_model::{Contract, KeyDraft, KeyName, QuotaLimits, ZoneName};
use zonekit_serve::{AclEntry, CookieSecret};
use zonekit_tls::ServerTls;

pub use self::bounds::{Limits, Timers};
pub use self::catalogs::CatalogEntry;
pub use self::clients::Clients;
pub use self::problem::{ConfigError, Problem};
pub use self::tls::{DnsTls, TlsProfile};
pub use self::webhook::{Webhook, WebhookUrl};
pub use self::zones::{Checks, Particulars, PrimaryRule, Verify, ZoneEntry};

/// Everything that a node is told from outside.
///
/// ```
/// use std::path::Path;
/// use zonekit_secondary::Config;
///
/// let origin = Path::new("secondary.toml"); // what errors name, and what relative paths start from
/// let config = Config::parse("data_dir = \"var\"\n[dns]\nlisten = [\"127.0.0.1:5300\"]\n", origin)?;
/// assert!(config.zones.is_empty());
/// let error = Config::parse("[dns]\nlisten = [\"127.0.0.1\"]\n", origin).unwrap_err();
/// assert!(error.to_string().starts_with("secondary.toml"), "{error}");
/// # Ok::<(), zonekit_secondary::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    /// `data_dir`: the directory of the one file that everything durable is in; created if absent.
    pub data_dir: PathBuf,
    /// `[dns]`: what the name server side does.
    pub dns: Dns,
    /// `[http]`: what the management side does; without it there is none.
    pub http: Option<Http>,
    /// `[timers]`: bounds on what a zone's SOA may ask for.
    pub timers: Timers,
    /// `[limits]`: what a primary may cost us.
    pub limits: Limits,
    /// `[quota]`: what a contract may use.
    pub quota: QuotaLimits,
    /// `[[key]]`: TSIG keys, each with a name of its own.
    pub keys: Vec<KeyDraft>,
    /// `[[tls]]`: ways of speaking TLS with primaries, each with a name of its own.
    pub tls: Vec<TlsProfile>,
    /// `[[primary]]`: keys, source addresses and TLS for primaries that are given without.
    pub primaries: Vec<PrimaryRule>,
    /// `[[zone]]`: zones declared here rather than over the API.
    pub zones: Vec<ZoneEntry>,
    /// `[[catalog]]`: which of these zones say by their records what further zones there are.
    pub catalogs: Vec<CatalogEntry>,
    /// Where in that list each of them is: asked for at every visit, of which there may be many thousands.
    places: HashMap<ZoneName, usize, RandomState>,
}

/// `[dns]`: the name server side.
#[derive(Clone, Debug)]
pub struct Dns {
    /// `listen`: addresses for UDP and TCP; port 0 lets the system pick one for both. At least one.
    pub listen: Vec<SocketAddr>,
    /// `allow_transfer`: who may have our zones by AXFR and IXFR. Default: nobody.
    pub allow_transfer: Vec<AclEntry>,
    /// `allow_notify`: who may send NOTIFY for any zone, beside the zone's primaries and whoever signs with the key of one.
    /// Default: nobody.
    pub allow_notify: Vec<AclEntry>,
    /// `notify`: whom to tell of new versions. Default: nobody.
    pub notify: Vec<Told>,
    /// `notify_rate`: how many zones each of them is told of in a second, at most; of the others the newest version waits. 0
    /// is no limit. Default: 100.
    pub notify_rate: u32,
    /// `workers`: threads that answer, 1 to 1,024. Default: one per core.
    pub workers: usize,
    /// `nameservers`: host names, without final dot, that the API reports as assigned. Default: none.
    pub nameservers: Vec<String>,
    /// `resolvers`: who may be asked whether zones are delegated to our `nameservers`, 8 at most: resolvers, or servers of
    /// parent zones; port 53 if none is given. Nobody else ever is. Default: nobody.
    pub resolvers: Vec<SocketAddr>,
    /// `transfer_addresses`: what outgoing sockets bind to, the first of the primary's family unless its `source` says which.
    /// Default: the system chooses.
    pub transfer_addresses: Vec<IpAddr>,
    /// `notify_addresses`: where primaries are told to send NOTIFY. Default: none is told.
    pub notify_addresses: Vec<IpAddr>,
    /// `primary_port`: the port of a primary that is given without one. Default: 53.
    pub primary_port: u16,
    /// `identity`: which server this is, for whoever asks by NSID (100 octets of it), `id.server` or `hostname.bind`; 1 to
    /// 255 octets. Default: not said.
    pub identity: Option<String>,
    /// `version`: what `version.bind` and `version.server` say; 1 to 255 octets. Default: not said.
    pub version: Option<String>,
    /// `cookie_secret` or `cookie_secret_file`: 32 hexadecimal digits that DNS cookies are made with ([RFC 9018]): the same on
    /// all servers behind one address, so that a client's cookie is good for each of them. Default: a random one for as long
    /// as the program runs.
    ///
    /// [RFC 9018]: https://www.rfc-editor.org/rfc/rfc9018
    pub cookie_secret: Option<CookieSecret>,
    /// `catalog`: the name of a zone that lists all our zones, for servers that take theirs from us. Default: there is none.
    pub catalog: Option<ZoneName>,
    /// `condensed_ixfr`: whether a client that is several versions behind gets one difference by IXFR, past those between.
    /// Default: every version is a step.
    pub condensed_ixfr: bool,
    /// `[dns.clients]`: what a client may ask of us.
    pub clients: Clients,
    /// `[dns.tls]`: where we answer over TLS; nowhere without it.
    pub tls: Option<DnsTls>,
}

/// An entry of `notify`: an address, or a table of `address` and `key`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Told {
    /// Where it is told; port 53 if none is given.
    pub address: SocketAddr,
    /// `key`: what it is told with, a [`key`](Config::keys) of the configuration. Default: unsigned.
    pub key: Option<KeyName>,
}

/// `[http]`: the management side.
#[derive(Clone, Debug)]
pub struct Http {
    /// `listen`: the address of the listener. Without TLS only loopback is accepted, unless `plain_http` is `true`.
    pub listen: SocketAddr,
    /// `[http.tls]`: `certificate` and `key`; plain HTTP without it.
    pub tls: Option<ServerTls>,
    /// `metrics_token_sha256`: the SHA-256 of the bearer token that `/metrics` need, which tell of all contracts; in hexadecimal.
    /// Default: whoever can connect may read them if `listen` is a loopback address, and nobody otherwise.
    pub metrics_token: Option<[u8; 32]>,
    /// `[[http.token]]`: who may use the IONOS face. Without any of this and of the next, only health and metrics are served.
    pub tokens: Vec<Token>,
    /// `[[http.oci_key]]`: public keys that may sign requests of the OCI face: `key_id`, `pem_file` and `contract`.
    pub oci_keys: Vec<OciKey>,
    /// `[[http.webhook]]`: who is told of what happens to zones.
    pub webhooks: Vec<Webhook>,
}

/// `[[http.token]]`: a bearer token and the contract that it speaks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Token {
    /// `contract`: whose zones the bearer sees and changes.
    pub contract: Contract,
    /// `sha256`: the SHA-256 of the token; the file has it in hexadecimal.
    pub sha256: [u8; 32],
}

impl Config {
    /// Reads and checks the file at `path`.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|error| ConfigError {
            file: path.to_owned(),
            line: 0,
            key: String::new(),
            problem: Problem::Unreadable(error.kind()),
        })?;
        Self::parse(&text, path)
    }

    /// Reads and checks `text`; `origin` is the file's name for errors, and its directory is where relative paths begin.
    pub fn parse(text: &str, origin: &Path) -> Result<Self, ConfigError> {
        let file: file::File = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |range| range.start);
            ConfigError {
                file: origin.to_owned(),
                line: place::line_at(text, offset),
                key: place::key_at(text, offset),
                problem: Problem::Toml(error.message().to_owned()),
            }
        })?;
        let directory = origin.parent().unwrap_or(Path::new(""));
        check::check(file, directory).map_err(|(key, problem)| ConfigError {
            file: origin.to_owned(),
            line: place::line_of(text, &key),
            key,
            problem,
        })
    }
}

#[cfg(test)]
pub(crate) use self::tests::declared_zone;

#[cfg(test)]
mod tests;
