//! EDNS of a request, and of the answer to it ([RFC 6891]).
//!
//! [RFC 6891]: https://www.rfc-editor.org/rfc/rfc6891

use std::net::IpAddr;

use zonekit_wire::{EdnsOption, MessageWriter, Opt, OptRepr, Rcode};

use crate::{
    Config,
    cookie::{self, COOKIE_LEN},
    extended_error::ExtendedError,
    request::Malformed,
};

/// What a request says by EDNS.
#[derive(Clone, Copy)]
pub(crate) struct Edns {
    /// Octets that the client can take over UDP.
    pub(crate) udp_size: u16,
    /// Whether it wants signatures and proofs.
    pub(crate) dnssec_ok: bool,
    /// Whether it asks which server answers ([RFC 5001](https://www.rfc-editor.org/rfc/rfc5001)).
    nsid: bool,
    /// The cookie that goes back to it.
    cookie: Option<[u8; COOKIE_LEN]>,
}

impl Edns {
    /// What OPT says, without its options.
    pub(crate) fn bare(opt: Opt<'_>) -> Self {
        Self {
            udp_size: opt.udp_size(),
            dnssec_ok: opt.do_bit(),
            nsid: false,
            cookie: None,
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
        client: IpAddr,
        now: u64,
    ) -> Result<Self, Malformed> {
        for option in opt.options() {
            match option.code {
                EdnsOption::NSID => self.nsid = config.nsid.is_some(),
                EdnsOption::COOKIE if self.cookie.is_none() => {
                    let part = cookie::client_part(option.data)?;
                    self.cookie = Some(config.cookie_secret.cookie(part, client, now));
                }
                _ => {}
            }
        }
        Ok(self)
    }

    /// Octets that the OPT of the answer may take.
    pub(crate) fn room(&self, config: &Config) -> usize {
        let nsid = config.nsid.as_ref().filter(|_| self.nsid);
        let options = [
            nsid.map_or(0, |nsid| 4 + nsid.len()),
            self.cookie.map_or(0, |cookie| 4 + cookie.len()),
        ];
        11 + EXTENDED_ERROR + options.iter().sum::<usize>()
    }

    /// Writes the OPT of the answer.
    pub(crate) fn write(
        &self,
        config: &Config,
        rcode: Rcode,
        reason: Option<ExtendedError>,
        writer: &mut MessageWriter<'_>,
    ) {
        let reason = reason.map(ExtendedError::data);
        let nsid = config.nsid.as_deref().filter(|_| self.nsid);
        let said = [
            (EdnsOption::NSID, nsid),
            (
                EdnsOption::COOKIE,
                self.cookie.as_ref().map(|cookie| &cookie[..]),
            ),
            (EdnsOption::ERROR, reason.as_ref().map(|data| &data[..])),
        ];
        let mut options = [EdnsOption { code: 0, data: &[] }; 3];
        let mut count = 0;
        let present = said
            .iter()
            .filter_map(|&(code, data)| Some(EdnsOption { code, data: data? }));
        for (place, option) in options.iter_mut().zip(present) {
            *place = option;
            count += 1;
        }
        _ = writer.opt(&OptRepr {
            options: options.get(..count).unwrap_or_default(),
            ..self.repr(config, rcode)
        }); // its room is reserved
    }

    /// The OPT of a transfer's first message.
    pub(crate) fn repr(&self, config: &Config, rcode: Rcode) -> OptRepr<'static> {
        OptRepr {
            udp_size: config.max_udp_size,
            rcode,
            do_bit: self.dnssec_ok,
            ..OptRepr::default()
        }
    }
}

/// Octets of an extended error as an option.
const EXTENDED_ERROR: usize = 4 + 2;
