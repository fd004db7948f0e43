//! A client of `/v1`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, anyhow, bail, ensure};
use serde_json::Value;
use ureq::http::Response;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::{Agent, Body};
use zonekit_secondary::Config;

use super::local::Local;
use super::{Service, only_contract};

/// Where the authorities of the system are, on most of them.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// A service, and what opens it.
pub(super) struct Client {
    agent: Agent,
    base: String,
    authorization: String,
}

impl Client {
    /// Finds the service that is meant. Nothing is asked of it yet.
    pub(super) fn connect(service: &Service) -> anyhow::Result<Self> {
        let settings = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)));
        let (base, token, agent) = match (&service.url, &service.config) {
            (Some(url), _) => {
                let settings = match url.starts_with("https:") {
                    true => settings.tls_config(tls(service.ca_file.as_deref())?),
                    false => settings,
                };
                let agent = settings.build().new_agent();
                (url.clone(), given_token(service)?, agent)
            }
            (None, Some(path)) => {
                let config = Config::load(path)?;
                let contract = match &service.contract {
                    Some(name) => name.parse().context("--contract")?,
                    None => only_contract(&config)?,
                };
                let access = config.ask_for_access(&contract)?;
                let token = access.token.clone();
                let agent =
                    Agent::with_parts(settings.build(), Local(access), DefaultResolver::default());
                ("http://127.0.0.1".to_owned(), token, agent)
            }
            (None, None) => bail!("say which service is meant: --url URL or --config FILE"),
        };
        Ok(Self {
            agent,
            base: base.trim_end_matches('/').to_owned(),
            authorization: format!("Bearer {token}"),
        })
    }

    pub(super) fn get(&self, path: &str) -> anyhow::Result<Value> {
        let request = self.agent.get(format!("{}{path}", self.base));
        self.read(request.header("Authorization", &self.authorization).call())
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.agent.post(format!("{}{path}", self.base));
        let request = request.header("Authorization", &self.authorization);
        self.read(request.send_json(body))
    }

    pub(super) fn delete(&self, path: &str) -> anyhow::Result<()> {
        let request = self.agent.delete(format!("{}{path}", self.base));
        self.read(request.header("Authorization", &self.authorization).call())?;
        Ok(())
    }

    /// All items of a list, page by page. The path has a query already.
    pub(super) fn all(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut next = path.to_owned();
        loop {
            let mut page = self.get(&next)?;
            if let Value::Array(more) = page["items"].take() {
                items.extend(more);
            }
            match page["next"].as_str() {
                Some(place) => next = format!("{path}&after={}", segment(place)),
                None => return Ok(items),
            }
        }
    }

    /// The body of a good answer; of another, the error in its own words.
    fn read(&self, answer: Result<Response<Body>, ureq::Error>) -> anyhow::Result<Value> {
        let mut answer = answer.with_context(|| format!("asking {}", self.base))?;
        let body = answer
            .body_mut()
            .with_config()
            .limit(1 << 30)
            .read_to_string()?;
        let value = match body.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text)
                .map_err(|_| anyhow!("{} answers {} and no JSON", self.base, answer.status()))?,
        };
        match answer.status().is_success() {
            true => Ok(value),
            false => Err(anyhow!(
                "{} (request {})",
                value["message"]
                    .as_str()
                    .unwrap_or("the service gives no reason"),
                value["requestId"].as_str().unwrap_or("without an id")
            )),
        }
    }
}

/// Whom a service at an https URL has to be known by.
fn tls(ca_file: Option<&Path>) -> anyhow::Result<TlsConfig> {
    let file = ca_file.unwrap_or(Path::new(AUTHORITIES));
    let text = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let certificates: Vec<_> = parse_pem(&text)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    ensure!(
        !certificates.is_empty(),
        "{}: no certificate",
        file.display()
    );
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::from(certificates))
        .unversioned_rustls_crypto_provider(Arc::new(provider))
        .build())
}

fn given_token(service: &Service) -> anyhow::Result<String> {
    let token = match &service.token_file {
        Some(file) => {
            fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?
        }
        None => env::var("ZONEKIT_TOKEN")
            .context("a token is needed: --token-file FILE, or the variable ZONEKIT_TOKEN")?,
    };
    Ok(token.trim().to_owned())
}

/// A text as one segment of a path, or a value of a query.
pub(super) fn segment(text: &str) -> String {
    let mut segment = String::new();
    for octet in text.bytes() {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                segment.push(octet.into());
            }
            _ => segment.push_str(&format!("%{octet:02X}")),
        }
    }
    segment
}
