//! TLS on the command line.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use zonekit_xfr::SpkiPin;

/// How a server is spoken with over TLS, if it is.
#[derive(Args)]
pub struct Tls {
    /// Speak TLS, as with all of these flags at port 853 in place of 53, and believe whoever answers.
    #[arg(long)]
    tls: bool,
    /// Speak TLS with a server that has a certificate from one of the authorities in this file (PEM).
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_name",
        conflicts_with = "tls"
    )]
    tls_ca: Option<PathBuf>,
    /// What that certificate has to be for: a host name or an address. Without --tls-ca, the name that the server is asked for.
    #[arg(long, value_name = "NAME")]
    tls_name: Option<String>,
    /// Speak TLS with a server whose public key has this SHA-256 (base64). May be repeated.
    #[arg(long, value_name = "PIN", conflicts_with_all = ["tls", "tls_ca"])]
    tls_pin: Vec<SpkiPin>,
    /// The certificate that we show (PEM) ...
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// ... and its private key.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Take a server that does not agree on ALPN, as NSD 4.
    #[arg(long)]
    tls_without_alpn: bool,
}

impl Tls {
    /// Whether any flag asks for TLS.
    pub fn is_wanted(&self) -> bool {
        self.tls || self.tls_ca.is_some() || !self.tls_pin.is_empty()
    }

    /// What the flags come to; nothing without any.
    pub fn chosen(&self) -> anyhow::Result<Option<zonekit_xfr::Tls>> {
        if !self.is_wanted() {
            anyhow::ensure!(
                self.tls_name.is_none() && self.tls_cert.is_none() && !self.tls_without_alpn,
                "give --tls, --tls-ca or --tls-pin, too"
            );
            return Ok(None);
        }
        let name = self.tls_name.as_deref();
        let mut tls = match (&self.tls_ca, name) {
            (Some(path), Some(name)) => zonekit_xfr::Tls::authenticated(&read(path)?, name)?,
            _ if !self.tls_pin.is_empty() => {
                zonekit_xfr::Tls::pinned(self.tls_pin.iter().copied())?
            }
            _ => zonekit_xfr::Tls::opportunistic()?,
        };
        if let Some(name) = name {
            tls = tls.server_name(name)?;
        }
        if let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) {
            tls = tls.certificate(&read(certificate)?, &read(key)?)?;
        }
        if self.tls_without_alpn {
            tls = tls.without_alpn()?;
        }
        Ok(Some(tls))
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("reading {}", path.display()))
}
