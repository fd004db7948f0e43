//! The configuration file as it is written: the shape only, nothing is checked against anything else here.

use std::path::PathBuf;

use serde::Deserialize;

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) data_dir: PathBuf,
    pub(super) dns: Dns,
    pub(super) http: Option<Http>,
    #[serde(default)]
    pub(super) timers: super::Timers,
    #[serde(default)]
    pub(super) limits: super::Limits,
    #[serde(default)]
    pub(super) quota: zonekit_model::QuotaLimits,
    #[serde(default)]
    pub(super) key: Vec<Key>,
    #[serde(default)]
    pub(super) tls: Vec<Tls>,
    #[serde(default)]
    pub(super) primary: Vec<PrimaryRule>,
    #[serde(default)]
    pub(super) zone: Vec<Zone>,
    #[serde(default)]
    pub(super) catalog: Vec<Catalog>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dns {
    pub(super) listen: Vec<String>,
    #[serde(default)]
    pub(super) allow_transfer: Vec<String>,
    #[serde(default)]
    pub(super) allow_notify: Vec<String>,
    #[serde(default)]
    pub(super) notify: Vec<Told>,
    pub(super) notify_rate: Option<u32>,
    pub(super) workers: Option<usize>,
    #[serde(default)]
    pub(super) nameservers: Vec<String>,
    #[serde(default)]
    pub(super) resolvers: Vec<String>,
    #[serde(default)]
    pub(super) transfer_addresses: Vec<String>,
    #[serde(default)]
    pub(super) notify_addresses: Vec<String>,
    pub(super) primary_port: Option<u16>,
    pub(super) identity: Option<String>,
    pub(super) version: Option<String>,
    pub(super) cookie_secret: Option<String>,
    pub(super) cookie_secret_file: Option<PathBuf>,
    pub(super) catalog: Option<String>,
    #[serde(default)]
    pub(super) condensed_ixfr: bool,
    #[serde(default)]
    pub(super) clients: Clients,
    pub(super) tls: Option<DnsTls>,
}

/// Whom to tell of new versions.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Told {
    Plain(String),
    Signed(SignedTold),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignedTold {
    pub(super) address: String,
    pub(super) key: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DnsTls {
    pub(super) listen: Vec<String>,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    pub(super) client_ca_file: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Clients {
    pub(super) rate_limit: Option<u32>,
    pub(super) rate_limit_octets: Option<u32>,
    pub(super) rate_limit_exempt: Option<Vec<String>>,
    pub(super) max_connections: Option<usize>,
    pub(super) max_connections_per_client: Option<usize>,
    pub(super) max_transfers: Option<usize>,
    pub(super) max_transfers_per_client: Option<usize>,
    pub(super) min_transfer_rate: Option<u64>,
    pub(super) idle_timeout: Option<u64>,
    pub(super) write_timeout: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Http {
    pub(super) listen: String,
    pub(super) metrics_token_sha256: Option<String>,
    #[serde(default)]
    pub(super) token: Vec<Token>,
    #[serde(default)]
    pub(super) oci_key: Vec<OciKey>,
    #[serde(default)]
    pub(super) webhook: Vec<Webhook>,
    pub(super) tls: Option<HttpTls>,
    #[serde(default)]
    pub(super) plain_http: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpTls {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OciKey {
    pub(super) key_id: String,
    pub(super) pem_file: PathBuf,
    pub(super) contract: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Webhook {
    pub(super) url: String,
    pub(super) secret: Option<String>,
    pub(super) secret_file: Option<PathBuf>,
    pub(super) contract: String,
    pub(super) events: Option<Vec<String>>,
    pub(super) ca_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    pub(super) contract: String,
    pub(super) sha256: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) algorithm: Option<String>,
    pub(super) secret: Option<String>,
    pub(super) secret_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    pub(super) name: String,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) server_name: Option<String>,
    pub(super) pins: Option<Vec<String>>,
    #[serde(default)]
    pub(super) opportunistic: bool,
    pub(super) clear_text_port: Option<u16>,
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    #[serde(default)]
    pub(super) without_alpn: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PrimaryRule {
    pub(super) address: String,
    pub(super) key: Option<String>,
    pub(super) tls: Option<String>,
    pub(super) source: Option<String>,
    pub(super) ixfr_over_udp: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Zone {
    pub(super) name: String,
    pub(super) contract: Option<String>,
    pub(super) primaries: Vec<Primary>,
    #[serde(default)]
    pub(super) checks: super::Checks,
    #[serde(default)]
    pub(super) zonemd: zonekit_model::ZonemdPolicy,
    pub(super) verify: Option<Verify>,
    #[serde(default)]
    pub(super) primaries_order: Order,
    pub(super) pin_tolerance: Option<u64>,
    pub(super) source: Option<String>,
    #[serde(default)]
    pub(super) allow_notify: Vec<String>,
}

#[derive(Clone, Copy, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Order {
    #[default]
    Newest,
    Strict,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Verify {
    pub(super) command: Vec<String>,
    pub(super) timeout: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Primary {
    pub(super) address: String,
    pub(super) key: Option<String>,
    pub(super) next_key: Option<String>,
    pub(super) tls: Option<String>,
    pub(super) source: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Catalog {
    pub(super) zone: String,
    pub(super) contract: Option<String>,
    pub(super) primaries: Option<Vec<MemberPrimary>>,
    #[serde(default)]
    pub(super) group: Vec<Group>,
    pub(super) max_zones: Option<usize>,
    pub(super) max_removed: Option<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) primaries: Vec<MemberPrimary>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MemberPrimary {
    pub(super) address: String,
    pub(super) key: Option<String>,
}
