//! What those who ask us may cost us: `[dns.clients]`.

use std::time::Duration;

use zonekit_serve::{AclEntry, Options, RateLimit};

use super::check::{Fault, each, within};
use super::{Problem, file};

/// `[dns.clients]`: what a client may ask of us.
#[derive(Clone, Debug)]
pub struct Clients {
    /// `rate_limit`: how often per second the same answer goes to the same network over UDP, up to 262,143; 0 is no limit.
    /// Default: 200. `rate_limit_octets`: by how many octets a second answers to the same network may be larger than their
    /// requests over UDP, up to 268,435,455; 0 is no limit. Default: 10,000,000. `rate_limit_exempt`: networks without those
    /// limits. Default: loopback.
    pub rate_limit: RateLimit,
    /// `max_connections`: TCP connections open at a time, 1 or more; when more come, the idle make room. Default: 1,000.
    pub max_connections: usize,
    /// `max_connections_per_client`: the same for one IPv4 address or IPv6 /64, 1 or more. Default: 100.
    pub max_connections_per_client: usize,
    /// `max_transfers`: transfers out on their way at a time. Default: 200.
    pub max_transfers: usize,
    /// `max_transfers_per_client`: the same for one IPv4 address or IPv6 /64, 1 or more. Default: 50.
    pub max_transfers_per_client: usize,
    /// `min_transfer_rate`: octets per second that a client has to take a transfer at; 0 is no minimum. Default: 10,000.
    pub min_transfer_rate: u64,
    /// `idle_timeout`: how long a connection may be without a whole request, 1 to 3,600 s. Default: 10.
    pub idle_timeout: Duration,
    /// `write_timeout`: how long a client may take to make room for more of its answer, 1 to 3,600 s. Default: 10.
    pub write_timeout: Duration,
}

impl Clients {
    /// Whether what sockets are given at the start is the same.
    pub(crate) fn has_sockets_of(&self, other: &Self) -> bool {
        let of = |clients: &Self| {
            (
                clients.max_connections,
                clients.max_connections_per_client,
                clients.max_transfers,
                clients.max_transfers_per_client,
                clients.min_transfer_rate,
                clients.idle_timeout,
                clients.write_timeout,
            )
        };
        of(self) == of(other)
    }

    pub(super) fn check(file: file::Clients) -> Result<Self, Fault> {
        let defaults = Options::default();
        let mut rate_limit = RateLimit::default();
        if let Some(per_second) = file.rate_limit {
            within("dns.clients.rate_limit", per_second.into(), 0, 262_143)?;
            rate_limit.per_second = per_second;
        }
        if let Some(octets) = file.rate_limit_octets {
            within(
                "dns.clients.rate_limit_octets",
                octets.into(),
                0,
                (1 << 28) - 1,
            )?;
            rate_limit.octets_per_second = octets;
        }
        if let Some(exempt) = file.rate_limit_exempt {
            let network = |path: &str, text: String| match text.parse() {
                Ok(network @ AclEntry::Network(_)) => Ok(network),
                _ => Err((path.to_owned(), Problem::NotANetwork(text))),
            };
            let exempt = each("dns.clients.rate_limit_exempt", exempt, network)?;
            rate_limit.exempt = exempt.into_iter().collect();
        }
        let clients = Self {
            rate_limit,
            max_connections: file.max_connections.unwrap_or(defaults.max_connections),
            max_connections_per_client: { file.max_connections_per_client }
                .unwrap_or(defaults.max_connections_per_client),
            max_transfers: file.max_transfers.unwrap_or(defaults.max_transfers),
            max_transfers_per_client: { file.max_transfers_per_client }
                .unwrap_or(defaults.max_transfers_per_client),
            min_transfer_rate: file.min_transfer_rate.unwrap_or(defaults.min_transfer_rate),
            idle_timeout: file
                .idle_timeout
                .map_or(defaults.idle_timeout, Duration::from_secs),
            write_timeout: { file.write_timeout }
                .map_or(defaults.write_timeout, Duration::from_secs),
        };
        let most = u32::MAX.into();
        for (key, value) in [
            ("max_connections", clients.max_connections),
            (
                "max_connections_per_client",
                clients.max_connections_per_client,
            ),
            ("max_transfers_per_client", clients.max_transfers_per_client),
        ] {
            within(&format!("dns.clients.{key}"), value as u64, 1, most)?;
        }
        for (key, value) in [
            ("idle_timeout", clients.idle_timeout),
            ("write_timeout", clients.write_timeout),
        ] {
            within(&format!("dns.clients.{key}"), value.as_secs(), 1, 3600)?;
        }
        Ok(clients)
    }
}
