//! EDNS of a request, and of the answer to it ([RFC 6891]).
//!
//! [RFC 6891]: https://www.rfc-editor.org/rfc/rfc6891

use std::net::IpAddr;

use zonekit_store::Zone;
use zonekit_wire::{EdnsOption, MessageWriter, Opt, OptRepr, Rcode, Serial};

use crate::{
    Config, Transport,
    cookie::{COOKIE_LEN, Shown},
    extended_error::ExtendedError,
    request::Malformed,
};

/// What the length of an answer is a multiple of, where a client would not have it tell more: what servers should choose by
/// [RFC 8467 §4.1](https://www.rfc-editor.org/rfc/rfc8467#section-4.1).
const BLOCK: usize = 468;

/// What pads: zeros (RFC 7830 §3).
const PADDING: [u8; BLOCK] = [0; BLOCK];

/// What a request says by EDNS.
#[derive(Clone, Copy)]
pub(crate) struct Edns {
    /// Octets that the client can take over UDP.
    pub(crate) udp_size: u16,
    /// Whether it wants signatures and proofs.
    pub(crate) dnssec_ok: bool,
    /// Whether it showed a cookie of ours: somebody who asks is really at this address.
    pub(crate) is_proven: bool,
    /// Whether it asks how long the zone is good for ([RFC 7314](https://www.rfc-editor.org/rfc/rfc7314)).
    pub(crate) asks_expire: bool,
    /// Whether it asks which server answers ([RFC 5001](https://www.rfc-editor.org/rfc/rfc5001)).
    asks_nsid: bool,
    /// Whether it asks which version of the zone answers ([RFC 9660](https://www.rfc-editor.org/rfc/rfc9660)).
    asks_version: bool,
    /// Whether it would keep its connection ([RFC 7828](https://www.rfc-editor.org/rfc/rfc7828)).
    asks_keepalive: bool,
    /// Whether it would not have the length of the answer tell what is in it ([RFC 7830](https://www.rfc-editor.org/rfc/rfc7830)).
    pads: bool,
    /// The cookie that goes back to it.
    cookie: Option<[u8; COOKIE_LEN]>,
    /// Whether what it showed as a cookie of ours is none.
    is_disproven: bool,
}

/// What an answer has to tell by EDNS, to whoever asked for it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Told {
    pub(crate) reason: Option<ExtendedError>,
    /// Seconds until the zone expires.
    pub(crate) expire: Option<u32>,
    pub(crate) version: Option<ZoneVersion>,
    /// How long the connection may be idle, in tenths of a second.
    pub(crate) keepalive: Option<u16>,
}

/// Which version of which zone above the name in question spoke ([RFC 9660 §2]).
///
/// [RFC 9660 §2]: https://www.rfc-editor.org/rfc/rfc9660#section-2
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ZoneVersion {
    /// Labels of the zone's name, the root not counted.
    labels: u8,
    serial: Serial,
}

impl ZoneVersion {
    pub(crate) fn of(zone: &Zone) -> Self {
        Self {
            labels: zone.apex_labels() as u8, // at most 127
            serial: zone.serial(),
        }
    }

    /// Label count, type 0 (SOA-SERIAL), the serial.
    fn data(self) -> [u8; 6] {
        let [a, b, c, d] = self.serial.0.to_be_bytes();
        [self.labels, 0, a, b, c, d]
    }
}

impl Edns {
    /// What OPT says, without its options.
    pub(crate) fn bare(opt: Opt<'_>) -> Self {
        Self {
            udp_size: opt.udp_size(),
            dnssec_ok: opt.do_bit(),
            is_proven: false,
            asks_expire: false,
            asks_nsid: false,
            asks_version: false,
            asks_keepalive: false,
            pads: false,
            cookie: None,
            is_disproven: false,
        }
    }

    /// Takes the options in.
    ///
    /// # Errors
    ///
    /// When one of them is not what it should be.
    pub(crate) fn with_options(
        mut self,
        opt: Opt<'_>,
        config: &Config,
        (client, transport): (IpAddr, Transport),
        now: u64,
    ) -> Result<Self, Malformed> {
        for option in opt.options() {
            match option.code {
                EdnsOption::NSID => self.asks_nsid = config.nsid.is_some(),
                EdnsOption::EXPIRE => self.asks_expire = true,
                EdnsOption::ZONEVERSION if option.data.is_empty() => self.asks_version = true,
                EdnsOption::ZONEVERSION => return Err(Malformed), // versions are ours to tell
                // Over UDP it means nothing: RFC 7828 §3.3.2.
                EdnsOption::KEEPALIVE => self.asks_keepalive = transport != Transport::Udp,
                // Whoever can read it sees how long the names are in any case: RFC 7830 §6.
                EdnsOption::PADDING => self.pads = transport == Transport::Tls,
                EdnsOption::COOKIE if self.cookie.is_none() => {
                    let shown = Shown::read(option.data)?;
                    self.is_proven = config.cookie_secret.made(&shown, client, now);
                    self.is_disproven = shown.is_whole && !self.is_proven;
                    self.cookie = Some(config.cookie_secret.cookie(shown.client, client, now));
                }
                _ => {}
            }
        }
        Ok(self)
    }

    /// What is said to a query without a question, which is about the cookie alone ([RFC 7873 §5.4]).
    ///
    /// [RFC 7873 §5.4]: https://www.rfc-editor.org/rfc/rfc7873#section-5.4
    pub(crate) fn cookie_alone(self) -> Rcode {
        match self.cookie {
            None => Rcode::FORMERR,
            Some(_) if self.is_disproven => Rcode::BADCOOKIE,
            Some(_) => Rcode::NOERROR,
        }
    }

    /// Octets that the OPT of the answer takes; a reason goes with answers that have no records, and needs no room kept.
    pub(crate) fn room(&self, config: &Config) -> usize {
        let nsid = config.nsid.as_ref().filter(|_| self.asks_nsid);
        let options = [
            nsid.map(Vec::len),
            self.cookie.map(|cookie| cookie.len()),
            self.asks_expire.then_some(4),
            self.asks_version.then_some(6),
            self.asks_keepalive.then_some(2),
            self.pads.then_some(0),
        ];
        11 + options.iter().flatten().map(|len| 4 + len).sum::<usize>()
    }

    /// Writes the OPT of the answer, for which there is [`room`](Self::room); the reason only if that fits too.
    pub(crate) fn write(
        &self,
        config: &Config,
        rcode: Rcode,
        told: Told,
        writer: &mut MessageWriter<'_>,
    ) {
        let reason = told.reason.map(ExtendedError::data);
        let expire = told.expire.map(u32::to_be_bytes);
        let version = told.version.map(ZoneVersion::data);
        let keepalive = told.keepalive.map(u16::to_be_bytes);
        let said: [(u16, bool, Option<&[u8]>); 7] = [
            (EdnsOption::NSID, self.asks_nsid, config.nsid.as_deref()),
            (EdnsOption::EXPIRE, self.asks_expire, as_slice(&expire)),
            (EdnsOption::COOKIE, true, as_slice(&self.cookie)),
            (
                EdnsOption::KEEPALIVE,
                self.asks_keepalive,
                as_slice(&keepalive),
            ),
            (EdnsOption::ERROR, true, as_slice(&reason)),
            (
                EdnsOption::ZONEVERSION,
                self.asks_version,
                as_slice(&version),
            ),
            (EdnsOption::PADDING, self.pads, Some(&[])), // the last, whose length depends on all
        ];
        let mut options = [EdnsOption { code: 0, data: &[] }; 7];
        let mut count = 0;
        let present = said
            .iter()
            .filter(|&&(_, asked, _)| asked)
            .filter_map(|&(code, _, data)| Some(EdnsOption { code, data: data? }));
        for (place, option) in options.iter_mut().zip(present) {
            *place = option;
            count += 1;
        }
        let options = options.get_mut(..count).unwrap_or_default();
        if self.pads {
            // Room for a TSIG is the most that one can take, six octets more than that of an answer: as little is said.
            let signature = writer.reserved().saturating_sub(self.room(config));
            let bare = OptRepr {
                options,
                ..OptRepr::default()
            };
            let len = writer.len() + bare.wire_len() + signature;
            let most = (writer.len() + writer.reserved() + writer.room()).saturating_sub(len);
            let padding = len.next_multiple_of(BLOCK) - len;
            if let Some(last) = options.last_mut() {
                last.data = PADDING.get(..padding.min(most)).unwrap_or_default();
            }
        }
        let opt = OptRepr {
            udp_size: config.max_udp_size,
            rcode,
            do_bit: self.dnssec_ok,
            options,
            ..OptRepr::default()
        };
        if writer.opt(&opt).is_err() && told.reason.is_some() {
            let told = Told {
                reason: None,
                ..told
            };
            self.write(config, rcode, told, writer);
        }
    }
}

fn as_slice<const N: usize>(data: &Option<[u8; N]>) -> Option<&[u8]> {
    data.as_ref().map(<[u8; N]>::as_slice)
}
