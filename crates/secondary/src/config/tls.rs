//! What a configuration says of TLS: how primaries are spoken with, and what we prove ourselves with to others.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use zonekit_tls::{Authorities, Identity, PemError, ServerTls};
use zonekit_xfr::SpkiPin;

use super::check::{Fault, each, within};
use super::{Problem, file};

/// `[[tls]]`: a way of speaking TLS with primaries (RFC 9103), which they are given by its name.
#[derive(Clone, Debug)]
pub struct TlsProfile {
    /// `name`: what `tls` of a primary refers to.
    pub name: String,
    /// Whom to believe, by `ca_file` and `server_name`, by `pins`, or with `opportunistic`; and `certificate` and `key` of
    /// ours, `clear_text_port`, `without_alpn`.
    pub tls: zonekit_xfr::Tls,
}

/// `[dns.tls]`: DNS over TLS, queries and transfers.
#[derive(Clone, Debug)]
pub struct DnsTls {
    /// `listen`: addresses, port 853 if none is given; port 0 lets the system pick one. At least one.
    pub listen: Vec<SocketAddr>,
    /// `certificate` and `key`, and of which authorities clients need a certificate, if `client_ca_file` says so.
    pub tls: ServerTls,
}

pub(super) fn check_profiles(
    profiles: Vec<file::Tls>,
    directory: &Path,
) -> Result<Vec<TlsProfile>, Fault> {
    let mut names = HashSet::new();
    each("tls", profiles, |path, profile| {
        if !names.insert(profile.name.clone()) {
            return Err((format!("{path}.name"), Problem::Twice(profile.name)));
        }
        Ok(TlsProfile {
            name: profile.name.clone(),
            tls: check_profile(profile, path, directory)?,
        })
    })
}

fn check_profile(
    profile: file::Tls,
    path: &str,
    directory: &Path,
) -> Result<zonekit_xfr::Tls, Fault> {
    use zonekit_xfr::Tls;

    let at = |entry: &str| format!("{path}.{entry}");
    let name = profile.server_name.as_deref();
    let mut tls = match (profile.ca_file, profile.pins, profile.opportunistic) {
        (Some(file), None, false) => {
            let Some(name) = name else {
                return Err((at("server_name"), Problem::ServerName));
            };
            let authorities = read(directory, &file, &at("ca_file"))?;
            Tls::authenticated(&authorities, name)
                .map_err(|error| (at(entry_of(&error, "ca_file")), tls_problem(&error)))?
        }
        (None, Some(pins), false) => {
            let pins = each(&at("pins"), pins, |path, pin| {
                { pin.parse::<SpkiPin>() }.map_err(|error| (path.to_owned(), tls_problem(&error)))
            })?;
            Tls::pinned(pins).map_err(|error| (at("pins"), tls_problem(&error)))?
        }
        (None, None, true) => match profile.clear_text_port {
            None => Tls::opportunistic(),
            Some(port) => {
                within(&at("clear_text_port"), port.into(), 1, 65_535)?;
                Tls::opportunistic_or_clear_text(port)
            }
        }
        .map_err(|error| (path.to_owned(), tls_problem(&error)))?,
        _ => return Err((path.to_owned(), Problem::TrustOnce)),
    };
    if !profile.opportunistic && profile.clear_text_port.is_some() {
        return Err((at("clear_text_port"), Problem::OnlyOpportunistic));
    }
    if let Some(name) = name {
        tls =
            { tls.server_name(name) }.map_err(|error| (at("server_name"), tls_problem(&error)))?;
    }
    match (profile.certificate, profile.key) {
        (None, None) => {}
        (Some(certificate), Some(key)) => {
            let chain = read(directory, &certificate, &at("certificate"))?;
            let key = read(directory, &key, &at("key"))?;
            tls = tls
                .certificate(&chain, &key)
                .map_err(|error| (at(entry_of(&error, "certificate")), tls_problem(&error)))?;
        }
        (Some(_), None) => return Err((at("key"), Problem::CertificateAndKey)),
        (None, Some(_)) => return Err((at("certificate"), Problem::CertificateAndKey)),
    }
    if profile.without_alpn {
        tls = { tls.without_alpn() }.map_err(|error| (at("without_alpn"), tls_problem(&error)))?;
    }
    Ok(tls)
}

pub(super) fn check_dns(tls: file::DnsTls, directory: &Path) -> Result<DnsTls, Fault> {
    let at = |entry: &str| format!("dns.tls.{entry}");
    if tls.listen.is_empty() {
        return Err((at("listen"), Problem::Empty));
    }
    let listen = each(&at("listen"), tls.listen, |path, text| {
        let (address, port) = super::check::address(&text, path)?;
        Ok(SocketAddr::new(address, port.unwrap_or(853)))
    })?;
    let ours = identity(&at, &tls.certificate, &tls.key, directory)?;
    let mut made = server(&at, &ours)?; // also where clients are asked for theirs: what is wrong then is wrong with these
    if let Some(file) = tls.client_ca_file {
        let clients = read(directory, &file, &at("client_ca_file"))?;
        made = Authorities::from_pem(&clients)
            .and_then(|clients| ServerTls::mutual(&ours, &clients))
            .map_err(|error| (at("client_ca_file"), tls_problem(&error)))?;
    }
    Ok(DnsTls { listen, tls: made })
}

pub(super) fn check_http(tls: file::HttpTls, directory: &Path) -> Result<ServerTls, Fault> {
    let at = |entry: &str| format!("http.tls.{entry}");
    server(&at, &identity(&at, &tls.certificate, &tls.key, directory)?)
}

/// What `certificate` and `key` hold.
fn identity(
    at: &dyn Fn(&str) -> String,
    certificate: &Path,
    key: &Path,
    directory: &Path,
) -> Result<Identity, Fault> {
    let chain = read(directory, certificate, &at("certificate"))?;
    let key = read(directory, key, &at("key"))?;
    Identity::from_pem(&chain, &key).map_err(|error| match error {
        PemError::Key => (at("key"), tls_problem(&error)),
        error => (at("certificate"), tls_problem(&error)),
    })
}

fn server(at: &dyn Fn(&str) -> String, ours: &Identity) -> Result<ServerTls, Fault> {
    ServerTls::new(ours).map_err(|error| (at("certificate"), tls_problem(&error)))
}

/// The profile that `tls` of what stands at `path` refers to.
pub(super) fn known_profile(
    profiles: &[TlsProfile],
    name: Option<String>,
    path: &str,
) -> Result<Option<zonekit_xfr::Tls>, Fault> {
    let Some(name) = name else {
        return Ok(None);
    };
    match profiles.iter().find(|profile| profile.name == name) {
        Some(profile) => Ok(Some(profile.tls.clone())),
        None => Err((format!("{path}.tls"), Problem::UnknownTls(name))),
    }
}

fn read(directory: &Path, file: &Path, path: &str) -> Result<Vec<u8>, Fault> {
    fs::read(directory.join(file))
        .map_err(|error| (path.to_owned(), Problem::Unreadable(error.kind())))
}

/// Which entry an error is about, if not about this one.
fn entry_of(error: &zonekit_xfr::TlsError, entry: &'static str) -> &'static str {
    match error {
        zonekit_xfr::TlsError::Name(_) => "server_name",
        zonekit_xfr::TlsError::Pem(PemError::Key) => "key",
        _ => entry,
    }
}

fn tls_problem(error: &dyn std::error::Error) -> Problem {
    Problem::Tls(crate::node::in_words(error))
}
