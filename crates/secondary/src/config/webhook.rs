//! `[[http.webhook]]`: who is told of what happens to zones.

use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use zeroize::Zeroizing;
use zonekit_model::{Contract, EventKind};
use zonekit_tls::Authorities;

use super::check::{Fault, contract, each};
use super::{Problem, file};

/// Where the authorities of the system are, on most of them.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// What a hook is told if it does not say.
const USUAL: [EventKind; 6] = [
    EventKind::PrimaryFailing,
    EventKind::AllFailing,
    EventKind::Expiring,
    EventKind::Expired,
    EventKind::SerialWentBack,
    EventKind::Recovered,
];

/// `[[http.webhook]]`: an address that is told of what happens to the zones of a contract.
#[derive(Clone, Eq, PartialEq)]
pub struct Webhook {
    /// `url`: plain HTTP for loopback addresses, HTTPS for all others.
    pub url: WebhookUrl,
    /// `secret` or `secret_file`: what the receiver knows us by; 16 octets or more.
    pub secret: Zeroizing<Vec<u8>>,
    /// `contract`: whose zones.
    pub contract: Contract,
    /// `events`: of what. Default: all that is trouble, and its end.
    pub events: Vec<EventKind>,
    /// `ca_file`: the authorities, in PEM, of which one must have signed the receiver's certificate. Default: the system's.
    /// None for plain HTTP.
    pub authorities: Option<Authorities>,
}

impl fmt::Debug for Webhook {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("url", &self.url)
            .field("contract", &self.contract)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

/// The address of a webhook. Displayed without its path, which may be meant to be secret.
#[derive(Clone, Eq, PartialEq)]
pub struct WebhookUrl {
    /// Whether it is HTTPS.
    pub is_secure: bool,
    /// The host, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Host and port as they stand in the URL.
    pub authority: String,
    /// Path and query.
    pub path: String,
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority)
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl WebhookUrl {
    fn parse(text: &str) -> Result<Self, Problem> {
        let unusable = || Problem::NotAUrl;
        let url: hyper::Uri = text.parse().map_err(|_| unusable())?;
        let is_secure = match url.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(unusable()),
        };
        let authority = url.authority().ok_or_else(unusable)?;
        if authority.as_str().contains('@') {
            return Err(unusable());
        }
        let host = authority.host().trim_matches(['[', ']']);
        let is_loopback = match host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => host == "localhost",
        };
        if !is_secure && !is_loopback {
            return Err(Problem::NotLoopback);
        }
        Ok(Self {
            is_secure,
            host: host.to_owned(),
            port: { url.port_u16() }.unwrap_or(if is_secure { 443 } else { 80 }),
            authority: authority.to_string(),
            path: url
                .path_and_query()
                .map_or("/", |path| path.as_str())
                .to_owned(),
        })
    }
}

impl Webhook {
    pub(super) fn check(path: &str, file: file::Webhook, directory: &Path) -> Result<Self, Fault> {
        let at = |entry: &str| format!("{path}.{entry}");
        let url = WebhookUrl::parse(&file.url).map_err(|problem| (at("url"), problem))?;
        let secret = match (file.secret, file.secret_file) {
            (Some(secret), None) => Ok(("secret", secret)),
            (None, Some(file)) => match fs::read_to_string(directory.join(file)) {
                Ok(secret) => Ok(("secret_file", secret)),
                Err(error) => Err((at("secret_file"), Problem::Unreadable(error.kind()))),
            },
            _ => Err((at("secret"), Problem::SecretOnce)),
        };
        let (entry, secret) = secret?;
        let secret = Zeroizing::new(secret);
        if secret.trim().len() < 16 {
            return Err((at(entry), Problem::ShortSecret));
        }
        let events = match file.events {
            None => USUAL.to_vec(),
            Some(words) => each(&at("events"), words, |path, word| {
                word.parse()
                    .map_err(|_| (path.to_owned(), Problem::NotAnEvent(word.clone())))
            })?,
        };
        let authorities = match url.is_secure {
            false => None,
            true => {
                let file = file.ca_file.map(|file| directory.join(file));
                let file = file.unwrap_or_else(|| AUTHORITIES.into());
                Some(authorities(&file).map_err(|problem| (at("ca_file"), problem))?)
            }
        };
        Ok(Self {
            url,
            secret: Zeroizing::new(secret.trim().as_bytes().to_vec()),
            contract: contract(file.contract, &at("contract"))?,
            events,
            authorities,
        })
    }
}

fn authorities(file: &Path) -> Result<Authorities, Problem> {
    let text = fs::read(file).map_err(|error| Problem::Unreadable(error.kind()))?;
    Authorities::usable_from_pem(&text).map_err(|_| Problem::NoAuthorities)
}
