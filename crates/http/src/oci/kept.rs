//! What survives a restart of this face: which writes were carried out, what they were answered, and the receipts of removals.
//!
//! Both are durable in the commit of the write that they are of, so that no crash leaves the one without the other. What was
//! refused changed nothing, and is kept a moment later. A signature is kept as its digest; the secret of a TSIG key is not
//! kept here at all, but put into the answer when that is told.

use std::fmt;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, response::Parts},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use zonekit_model::{
    Contract, Timestamp, TsigKey, Uuid,
    oci::{KeyItem, KeySummary, WorkRequest},
};

use super::replay::Forgotten;
use crate::{
    Service,
    answer::{Problem, json, json_headers},
};

/// Writes begin with this, followed by the digest of their signature.
const WRITE: &str = "oci/write/";
/// Receipts of removals begin with this, followed by their id.
const WORK: &str = "oci/work/";

/// What a write was answered.
#[derive(Clone)]
pub(super) struct Kept {
    status: StatusCode,
    headers: HeaderMap,
    pub(super) body: Bytes,
    /// The key that the body is about, without its secret, which belongs into it.
    key: Option<Uuid>,
    /// What was wrong, if something was: it gets its look further out, also when it is told again.
    problem: Option<Problem>,
}

impl fmt::Debug for Kept {
    /// Without the body: that of a TSIG key may have its secret in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Kept {
    pub(super) fn new(status: StatusCode, headers: HeaderMap, body: Bytes) -> Self {
        Self {
            status,
            headers,
            body,
            key: None,
            problem: None,
        }
    }

    /// The answer of a route that says itself what is to be kept of it, or whose body this is.
    pub(super) fn of(response: &Parts, body: Bytes) -> Self {
        let said = response.extensions.get().cloned();
        said.unwrap_or_else(|| Self {
            problem: response.extensions.get().cloned(),
            ..Self::new(response.status, response.headers.clone(), body)
        })
    }

    pub(super) fn empty(status: StatusCode) -> Self {
        Self::new(status, HeaderMap::new(), Bytes::new())
    }

    pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        // Plain structs of text and numbers: there is nothing in them that JSON cannot say.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self::new(status, json_headers(), body.into())
    }

    /// A key by itself.
    pub(super) fn of_key(status: StatusCode, key: &TsigKey, summary: &KeySummary) -> Self {
        Self {
            key: Some(key.id),
            ..Self::json(status, summary)
        }
    }

    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Whether nothing was done, and nothing will be for the same request, whoever sends it.
    pub(super) fn is_refusal(&self) -> bool {
        self.status.is_client_error()
    }

    /// Whether nothing was done, and the same request may come again.
    pub(super) fn may_come_again(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE
    }

    /// The answer; with the secret of the key that it is about, unless that is gone.
    pub(super) fn told(self, key: Option<&TsigKey>) -> Response {
        let item = key.filter(|key| self.key == Some(key.id)).and_then(|key| {
            let summary: KeySummary = serde_json::from_slice(&self.body).ok()?;
            let secret = key.secret.clone();
            Some(KeyItem { summary, secret })
        });
        let mut response = match item {
            Some(item) => json(self.status, &item),
            None => Response::new(Body::from(self.body.clone())),
        };
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        if let Some(problem) = self.problem.clone() {
            response.extensions_mut().insert(problem);
        }
        response.extensions_mut().insert(self);
        response
    }

    /// The same, looking up the key.
    pub(super) async fn told_by<S: Service>(self, service: &S, contract: &Contract) -> Response {
        let key = match self.key {
            Some(id) => service.key(contract, id).await.ok(),
            None => None,
        };
        self.told(key.as_deref())
    }
}

/// A write that came.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) contract: Contract,
    /// Of its signature.
    pub(super) digest: [u8; 32],
    /// When it came.
    pub(super) at: Timestamp,
    /// What it was answered, if that is still known.
    pub(super) answer: Option<Kept>,
}

impl Write {
    /// As it is kept.
    pub(super) fn to_named(&self) -> (String, Vec<u8>) {
        let kept = KeptWrite {
            contract: self.contract.clone(),
            at: self.at,
            answer: self.answer.as_ref().and_then(KeptAnswer::of),
        };
        (write_name(&self.digest), octets(&kept))
    }

    fn read(name: &str, value: &[u8]) -> Option<Self> {
        let digest = URL_SAFE_NO_PAD.decode(name.strip_prefix(WRITE)?).ok()?;
        let kept: KeptWrite = serde_json::from_slice(value).ok()?;
        let answer = match kept.answer {
            Some(answer) => Some(answer.read()?),
            None => None,
        };
        Some(Self {
            contract: kept.contract,
            digest: digest.try_into().ok()?,
            at: kept.at,
            answer,
        })
    }
}

/// All that the service kept.
#[derive(Debug, Default)]
pub(super) struct All {
    pub(super) writes: Vec<Write>,
    pub(super) works: Vec<(Contract, WorkRequest)>,
}

/// What the service kept of this face. What cannot be read is of another version, and is let go.
pub(super) fn read<S: Service>(service: &S) -> All {
    let mut all = All::default();
    for (name, value) in service.kept() {
        let work = || {
            name.strip_prefix(WORK)?;
            let kept: KeptWork = serde_json::from_slice(&value).ok()?;
            Some((kept.contract, kept.work))
        };
        if let Some(write) = Write::read(&name, &value) {
            all.writes.push(write);
        } else if let Some(work) = work() {
            all.works.push(work);
        } else if name.starts_with(WRITE) || name.starts_with(WORK) {
            service.keep(name, None);
        }
    }
    all
}

/// Has the service forget what is forgotten here.
pub(super) fn forget<S: Service>(service: &S, contract: &Contract, forgotten: Forgotten) {
    for digest in &forgotten.requests {
        service.keep(write_name(digest), None);
    }
    if let Some((at, digest)) = forgotten.answer {
        let write = Write {
            contract: contract.clone(),
            digest,
            at,
            answer: None,
        };
        let (name, value) = write.to_named();
        service.keep(name, Some(value));
    }
}

/// The receipt of a removal as it is kept.
pub(super) fn work(contract: &Contract, work: &WorkRequest) -> (String, Vec<u8>) {
    let kept = KeptWork {
        contract: contract.clone(),
        work: work.clone(),
    };
    (work_name(work.id.id), octets(&kept))
}

pub(super) fn work_name(id: Uuid) -> String {
    format!("{WORK}{id}")
}

#[derive(Serialize, Deserialize)]
struct KeptWrite {
    contract: Contract,
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<KeptAnswer>,
}

#[derive(Serialize, Deserialize)]
struct KeptAnswer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<Uuid>,
}

#[derive(Serialize, Deserialize)]
struct KeptWork {
    contract: Contract,
    work: WorkRequest,
}

impl KeptAnswer {
    fn of(kept: &Kept) -> Option<Self> {
        if let Some(problem) = kept.problem.clone() {
            let (status, words) = problem.in_oci_words();
            return Self::of(&Kept::json(status, &words));
        }
        let text = |(name, value): (&HeaderName, &HeaderValue)| {
            Some((name.to_string(), value.to_str().ok()?.to_owned()))
        };
        Some(Self {
            status: kept.status.as_u16(),
            headers: kept.headers.iter().filter_map(text).collect(),
            body: String::from_utf8(kept.body.to_vec()).ok()?,
            key: kept.key,
        })
    }

    fn read(self) -> Option<Kept> {
        let header = |(name, value): &(String, String)| {
            let name = HeaderName::try_from(name).ok()?;
            Some((name, HeaderValue::try_from(value).ok()?))
        };
        let headers: HeaderMap = self.headers.iter().filter_map(header).collect();
        Some(Kept {
            key: self.key,
            ..Kept::new(
                StatusCode::from_u16(self.status).ok()?,
                headers,
                self.body.into(),
            )
        })
    }
}

fn write_name(digest: &[u8; 32]) -> String {
    format!("{WRITE}{}", URL_SAFE_NO_PAD.encode(digest))
}

fn octets(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp(1_800_000_000_000);

    fn check(answer: Option<Kept>, expected: (u16, &str)) {
        let write = Write {
            contract: "one".parse().unwrap(),
            digest: [7; 32],
            at: AT,
            answer,
        };
        let (name, value) = write.to_named();
        let read = Write::read(&name, &value).unwrap();
        assert_eq!((read.digest, read.at), ([7; 32], AT));
        let answer = read.answer.map(|kept| (kept.status.as_u16(), kept.body));
        let answer = answer.unwrap_or_default();
        assert_eq!((answer.0, &*answer.1), (expected.0, expected.1.as_bytes()));
    }

    #[test]
    fn what_is_kept_reads_back() {
        check(None, (0, ""));
        check(Some(Kept::empty(StatusCode::NO_CONTENT)), (204, ""));
        check(Some(Kept::json(StatusCode::CREATED, &[1])), (201, "[1]"));
        let mut refused = Kept::empty(StatusCode::NOT_FOUND);
        refused.problem = Some(Problem::new(StatusCode::NOT_FOUND, "none"));
        let words = r#"{"code":"NotAuthorizedOrNotFound","message":"none"}"#;
        check(Some(refused), (404, words));
        assert!(Write::read("oci/write/short", b"{}").is_none());
    }

    #[test]
    fn debug_shows_no_answer() {
        let shown = format!("{:?}", Kept::json(StatusCode::OK, &"c2VjcmV0"));
        assert!(
            !shown.contains("c2VjcmV0") && shown.contains("200"),
            "{shown}"
        );
    }
}
