//! Who signed a request: HTTP signatures (draft-cavage-http-signatures-08) as the vendor's clients make them.
//!
//! A client signs a text of one line per header, in the order that it names them in; so the order and the letter case
//! are the client's. What must be among them is not: the request's target, the host, a date, and of a request with a
//! body its type, length and digest.

use axum::http::{HeaderMap, HeaderName, Method, header, request::Parts};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use zonekit_model::Timestamp;

use crate::conditions::http_date;
use crate::{OciKey, OciKeys};

/// How many seconds the date of a request may be off.
pub(super) const SKEW: u64 = 5 * 60;
/// Pseudo-header of method and target.
const TARGET: &str = "(request-target)";
const DIGEST: HeaderName = HeaderName::from_static("x-content-sha256");
const X_DATE: HeaderName = HeaderName::from_static("x-date");

/// A signature that has proved right.
pub(super) struct Signed {
    /// Whose it is.
    pub(super) key: OciKey,
    /// What it is known by, to tell it when it comes again.
    pub(super) octets: Vec<u8>,
    /// The SHA-256 that the body must have, if there is one.
    pub(super) digest: Option<Vec<u8>>,
}

/// Why a request is nobody's. Clients are told all the same for each; the log is told which.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Unsigned {
    #[error("no Authorization header, or more than one")]
    NoHeader,
    #[error("the Authorization header is not a signature of version 1")]
    Unreadable,
    #[error("the algorithm is not rsa-sha256")]
    Algorithm,
    #[error("a header that must be signed is not")]
    Uncovered,
    #[error("a signed header is not there, or not once")]
    MissingHeader,
    #[error("the date cannot be read, or is too far from now")]
    Date,
    #[error("no key of that id made this signature")]
    Signature,
}

/// Whether a request of this method has a body that must be signed with it.
pub(super) fn has_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

/// Says who signed a request, if somebody did whose key is known.
pub(super) fn verify(parts: &Parts, keys: &OciKeys, now: Timestamp) -> Result<Signed, Unsigned> {
    let headers = &parts.headers;
    let authorization = once(headers, &header::AUTHORIZATION).ok_or(Unsigned::NoHeader)?;
    let members = Members::read(authorization).ok_or(Unsigned::Unreadable)?;
    if !members.algorithm.eq_ignore_ascii_case("rsa-sha256") {
        return Err(Unsigned::Algorithm);
    }
    let names = members.headers.to_ascii_lowercase();
    let names: Vec<&str> = names.split_ascii_whitespace().collect();
    let has = |name: &str| names.contains(&name);
    let is_dated = has("date") || has("x-date");
    let body_is_covered = !has_body(&parts.method)
        || ["content-length", "content-type", DIGEST.as_str()]
            .into_iter()
            .all(has);
    if !(has(TARGET) && has("host") && is_dated && body_is_covered) {
        return Err(Unsigned::Uncovered);
    }

    let text = signing_string(parts, &names).ok_or(Unsigned::MissingHeader)?;
    for name in [header::DATE, X_DATE] {
        if has(name.as_str()) {
            let date = once(headers, &name).and_then(http_date);
            let date = date.ok_or(Unsigned::Date)?.as_seconds();
            if date.abs_diff(now.as_seconds()) > SKEW {
                return Err(Unsigned::Date);
            }
        }
    }
    let octets = STANDARD
        .decode(members.signature)
        .map_err(|_| Unsigned::Unreadable)?;
    let key = keys.verify(members.key_id, text.as_bytes(), &octets);
    let digest = match has_body(&parts.method) {
        true => {
            let digest = once(headers, &DIGEST).ok_or(Unsigned::MissingHeader)?;
            Some(STANDARD.decode(digest).map_err(|_| Unsigned::Unreadable)?)
        }
        false => None,
    };
    Ok(Signed {
        key: key.ok_or(Unsigned::Signature)?,
        octets,
        digest,
    })
}

/// The one value of a header, if it is text.
fn once<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// What was signed, if every header that is named is there exactly once.
fn signing_string(parts: &Parts, names: &[&str]) -> Option<String> {
    let mut text = String::new();
    for (position, name) in names.iter().enumerate() {
        if position > 0 {
            text.push('\n');
        }
        text.push_str(name);
        text.push_str(": ");
        if *name == TARGET {
            // As it stood on the request line: nothing decoded, nothing put in order.
            text.push_str(&parts.method.as_str().to_ascii_lowercase());
            text.push(' ');
            text.push_str(parts.uri.path_and_query()?.as_str());
        } else {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            text.push_str(once(&parts.headers, &name)?.trim());
        }
    }
    Some(text)
}

/// The members of an Authorization header, whose order is the client's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Members<'a> {
    key_id: &'a str,
    algorithm: &'a str,
    headers: &'a str,
    signature: &'a str,
}

impl<'a> Members<'a> {
    /// Reads `Signature name="value",…`; `None` if something is missing, there twice, or of another version.
    fn read(text: &'a str) -> Option<Self> {
        let (scheme, mut rest) = text.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("Signature") {
            return None;
        }
        let [
            mut version,
            mut key_id,
            mut algorithm,
            mut headers,
            mut signature,
        ] = [None; 5];
        loop {
            let (name, value) = rest.split_once("=\"")?;
            let (value, behind) = value.split_once('"')?;
            let place = match name.trim().to_ascii_lowercase().as_str() {
                "version" => &mut version,
                "keyid" => &mut key_id,
                "algorithm" => &mut algorithm,
                "headers" => &mut headers,
                "signature" => &mut signature,
                _ => &mut None, // what we do not know is not ours to judge
            };
            if place.replace(value).is_some() {
                return None;
            }
            let behind = behind.trim_start();
            if behind.is_empty() {
                break;
            }
            rest = behind.strip_prefix(',')?;
        }
        version.is_none_or(|version| version == "1").then_some(())?;
        Some(Self {
            key_id: key_id?,
            algorithm: algorithm?,
            headers: headers?,
            signature: signature?,
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn members_are_read_in_any_order_and_once() {
        let expected = Members {
            key_id: "t/u/f",
            algorithm: "rsa-sha256",
            headers: "date host",
            signature: "c2ln",
        };
        for text in [
            r#"Signature version="1",keyId="t/u/f",algorithm="rsa-sha256",headers="date host",signature="c2ln""#,
            r#"signature algorithm="rsa-sha256", headers="date host", KeyId="t/u/f" ,signature="c2ln",version="1" "#,
            r#"Signature keyId="t/u/f",algorithm="rsa-sha256",headers="date host",signature="c2ln",more="x""#,
        ] {
            assert_eq!(Members::read(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "Signature",
            "Signature ",
            "Bearer token",
            r#"Signature keyId="t/u/f",algorithm="rsa-sha256",headers="date host""#,
            r#"Signature version="2",keyId="t/u/f",algorithm="rsa-sha256",headers="date host",signature="c2ln""#,
            r#"Signature keyId="t",keyId="t/u/f",algorithm="rsa-sha256",headers="date host",signature="c2ln""#,
            r#"Signature keyId="t/u/f" algorithm="rsa-sha256",headers="date host",signature="c2ln""#,
            r#"Signature keyId="t/u/f",algorithm="rsa-sha256",headers="date host",signature="c2ln"#,
            r#"Signature keyId=t/u/f,algorithm="rsa-sha256",headers="date host",signature="c2ln""#,
        ] {
            assert_eq!(Members::read(text), None, "{text}");
        }
    }

    #[test]
    fn the_text_that_is_signed_is_that_of_the_vendors_example() {
        let (parts, ()) =
            Request::post("/20180115/zones?compartmentId=ocid1.tenancy.oc1..aaaatest&scope=GLOBAL")
                .header("date", "Sun, 22 Nov 2026 00:08:03 GMT")
                .header("host", "127.0.0.1:18080")
                .header("content-length", "206")
                .body(())
                .unwrap()
                .into_parts();
        assert_eq!(
            signing_string(
                &parts,
                &["date", "(request-target)", "host", "content-length"]
            )
            .unwrap(),
            "date: Sun, 22 Nov 2026 00:08:03 GMT\n\
             (request-target): post /20180115/zones?compartmentId=ocid1.tenancy.oc1..aaaatest&scope=GLOBAL\n\
             host: 127.0.0.1:18080\n\
             content-length: 206"
        );
        assert_eq!(signing_string(&parts, &["x-date"]), None);
    }
}
