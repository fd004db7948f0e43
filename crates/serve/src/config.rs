//! What an operator may decide about answering.

use std::{fmt, net::IpAddr, sync::Arc};

use zonekit_tsig::{Key, KeyRing};
use zonekit_wire::{Name, NameBuf};

use crate::{Acl, CookieSecret, RateLimit};

/// Octets of NSID at most: every answer that bears it has less room for records.
const MAX_NSID: usize = 100;

/// Octets of a character string at most (RFC 1035 §3.3).
const MAX_STRING: usize = 255;

/// What an operator may decide about answering; swapped as a whole while answering goes on
/// ([`Responder::configure`](crate::Responder::configure)).
///
/// ```
/// use std::net::IpAddr;
/// use std::sync::Arc;
/// use zonekit_serve::Config;
/// use zonekit_tsig::Key;
/// use zonekit_wire::Name;
///
/// let key: Key = "transfer.example.:c2VjcmV0".parse()?;
/// let config = Config {
///     keys: [key].into_iter().collect(),
///     allow_transfer: ["key:transfer.example".parse()?].into_iter().collect(),
///     // A NOTIFY is believed from loopback only.
///     notify_sources: Arc::new(|_: Name<'_>, source: IpAddr, _: Option<&Key>| source.is_loopback()),
///     ..Config::default()
/// };
/// assert_eq!(config.keys.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Config {
    /// The TSIG keys that requests may be signed with. Default: none, so that every signed request is answered BADKEY.
    pub keys: KeyRing,
    /// Who may have AXFR and IXFR. Default: nobody.
    pub allow_transfer: Acl,
    /// Zones whose contents are not for everybody: of what is at or below these names, only whoever may have a zone whole is
    /// told anything. Catalogs are such ([RFC 9432 §7]). Default: none.
    ///
    /// [RFC 9432 §7]: https://www.rfc-editor.org/rfc/rfc9432#section-7
    pub private_zones: Vec<NameBuf>,
    /// Who may say that a zone has changed. Default: nobody.
    pub notify_sources: Arc<dyn NotifySources>,
    /// The largest answer over UDP, in octets, where the client allows as much by EDNS: 512 to 4,096; others are brought
    /// into that range. Default 1,232, which crosses nearly every path unfragmented.
    pub max_udp_size: u16,
    /// How far a message of an outgoing transfer is filled, in octets: 512 to 65,535. Default 16,382, which with the
    /// length in front is one TLS record, and behind which compression finds no more names to point at. A record that is
    /// larger gets a message of its own size.
    pub transfer_message_size: u16,
    /// Whether a client that is several versions behind gets by IXFR one difference that leads past those between
    /// ([RFC 1995 §5]), which is smaller the more often the same has changed. It does not learn then what those between were,
    /// so that it has no history of them for clients of its own. Default: no, every version is a step.
    ///
    /// [RFC 1995 §5]: https://www.rfc-editor.org/rfc/rfc1995#section-5
    pub condensed_ixfr: bool,
    /// What answers are marked with where a client asks which server it got ([RFC 5001]); at most 100 octets of it are
    /// said. Default: nothing.
    ///
    /// [RFC 5001]: https://www.rfc-editor.org/rfc/rfc5001
    pub nsid: Option<Vec<u8>>,
    /// What `id.server` and `hostname.bind` are, in class CHAOS ([RFC 4892]); at most 255 octets of it are said. Default:
    /// nothing, and the question is refused.
    ///
    /// [RFC 4892]: https://www.rfc-editor.org/rfc/rfc4892
    pub identity: Option<Vec<u8>>,
    /// What `version.server` and `version.bind` are, likewise.
    pub version: Option<Vec<u8>>,
    /// How often anybody is told the same over UDP. Default: 200 times a second, and loopback as often as it asks.
    pub rate_limit: RateLimit,
    /// What cookies are made with ([RFC 9018]). Default: a random one for every `Config`.
    ///
    /// [RFC 9018]: https://www.rfc-editor.org/rfc/rfc9018
    pub cookie_secret: CookieSecret,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            keys: KeyRing::default(),
            allow_transfer: Acl::default(),
            private_zones: Vec::new(),
            notify_sources: Arc::new(Nobody),
            max_udp_size: 1232,
            transfer_message_size: 16_382,
            condensed_ixfr: false,
            nsid: None,
            identity: None,
            version: None,
            rate_limit: RateLimit::default(),
            cookie_secret: CookieSecret::random(),
        }
    }
}

impl Config {
    /// The same with every number in its range.
    pub(crate) fn clamped(mut self) -> Self {
        self.max_udp_size = self.max_udp_size.clamp(512, 4096);
        self.transfer_message_size = self.transfer_message_size.max(512);
        self.nsid
            .iter_mut()
            .for_each(|nsid| nsid.truncate(MAX_NSID));
        [&mut self.identity, &mut self.version]
            .into_iter()
            .flatten()
            .for_each(|text| text.truncate(MAX_STRING));
        self
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("allow_transfer", &self.allow_transfer)
            .field("max_udp_size", &self.max_udp_size)
            .field("transfer_message_size", &self.transfer_message_size)
            .field("rate_limit", &self.rate_limit)
            .finish_non_exhaustive()
    }
}

/// The judge of incoming NOTIFY ([RFC 1996 §3.10]): who may say that this zone of ours has changed.
///
/// It is asked while the answer is written, on the thread that answers: it looks something up, and waits for nothing.
///
/// [RFC 1996 §3.10]: https://www.rfc-editor.org/rfc/rfc1996#section-3.10
pub trait NotifySources: Send + Sync {
    /// Whether a NOTIFY for `zone` from `source`, signed (and checked) with `key` or not at all, is to be believed.
    fn may_notify(&self, zone: Name<'_>, source: IpAddr, key: Option<&Key>) -> bool;
}

impl<F: Fn(Name<'_>, IpAddr, Option<&Key>) -> bool + Send + Sync> NotifySources for F {
    fn may_notify(&self, zone: Name<'_>, source: IpAddr, key: Option<&Key>) -> bool {
        self(zone, source, key)
    }
}

/// Believes no NOTIFY.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl NotifySources for Nobody {
    fn may_notify(&self, _: Name<'_>, _: IpAddr, _: Option<&Key>) -> bool {
        false
    }
}
