//! A client that signs as the vendor's do, and a service to call.

#![allow(unreachable_pub, dead_code)] // each test file uses some of this

use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower::ServiceExt;
use zonekit_http::{
    Access, Limits, Metrics, OciKey, OciKeys, Rehearsal, Router, Service, Token, Tokens, router,
};
use zonekit_model::oci::Ocid;
use zonekit_model::{QuotaLimits, RecordView, Standing, Uuid, ZoneId, ZoneStatus};

/// The tenancy of both signers: what they are told apart by is their contract.
pub const TENANCY: &str = "ocid1.tenancy.oc1..aaaatest";
pub const ONE: usize = 0;
pub const TWO: usize = 1;

/// The private keys of two contracts, made once: that takes a while.
static KEYS: LazyLock<[RsaKeyPair; 2]> =
    LazyLock::new(|| [(); 2].map(|()| RsaKeyPair::generate(KeySize::Rsa2048).unwrap()));

pub fn key_id(signer: usize) -> &'static str {
    [
        "ocid1.tenancy.oc1..aaaatest/ocid1.user.oc1..one/aa:bb",
        "ocid1.tenancy.oc1..aaaatest/ocid1.user.oc1..two/cc:dd",
    ][signer]
}

pub fn pem(signer: usize) -> String {
    let der = KEYS[signer].public_key().as_der().unwrap();
    let text = STANDARD.encode(der.as_ref());
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        lines.join("\n")
    )
}

pub fn zone(name: &str) -> Value {
    json!({
        "name": name, "compartmentId": TENANCY, "zoneType": "SECONDARY", "scope": "GLOBAL",
        "migrationSource": "NONE", "externalMasters": [{"address": "192.0.2.1", "port": "5300"}],
    })
}

/// The moment so many seconds from now, as headers have it.
pub fn http_date(off: i64) -> String {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    let at = jiff::Timestamp::from_second(since.as_secs() as i64 + off).unwrap();
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

pub fn digest(body: &[u8]) -> String {
    STANDARD.encode(Sha256::digest(body))
}

/// A request that can be sent more than once, and spoilt.
#[derive(Clone)]
pub struct Signed {
    method: String,
    path: String,
    headers: HeaderMap,
    body: String,
}

impl Signed {
    pub fn again(&self) -> Self {
        self.clone()
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers
            .insert(name, HeaderValue::from_str(value).unwrap());
        self
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    pub fn at(mut self, path: &str) -> Self {
        self.path = path.to_owned();
        self
    }

    pub fn by(mut self, method: &str) -> Self {
        self.method = method.to_owned();
        self
    }

    pub fn holding(mut self, body: &Value) -> Self {
        self.body = body.to_string();
        self
    }
}

impl Signed {
    /// As it is on the wire, the last of its connection.
    pub fn to_text(&self) -> String {
        let lines = self.headers.iter().map(|(name, value)| {
            let value = value.to_str().unwrap();
            format!("{name}: {value}\r\n")
        });
        format!(
            "{} {} HTTP/1.1\r\n{}connection: close\r\n\r\n{}",
            self.method,
            self.path,
            lines.collect::<String>(),
            self.body
        )
    }
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value
            .unwrap_or_else(|| panic!("{name} of {self:?}"))
            .to_str()
            .unwrap()
    }

    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

pub struct Api {
    service: Arc<Rehearsal>,
    router: Router,
}

impl Api {
    pub fn new() -> Self {
        Self::with_quota(QuotaLimits::default())
    }

    pub fn with_zones(zones: u64) -> Self {
        Self::with_quota(QuotaLimits {
            secondary_zones: zones,
            ..QuotaLimits::default()
        })
    }

    pub fn router(&self) -> Router {
        self.router.clone()
    }

    fn with_quota(quota: QuotaLimits) -> Self {
        Self::over(Arc::new(Rehearsal::new(quota)))
    }

    /// The same service with its routes made anew, as after a restart.
    pub fn restarted(&self) -> Self {
        Self::over(Arc::clone(&self.service))
    }

    /// What is kept for the routes, as text.
    pub fn kept(&self) -> String {
        let text = |(name, value): (String, Vec<u8>)| {
            format!("{name} {}\n", String::from_utf8(value).unwrap())
        };
        self.service.kept().into_iter().map(text).collect()
    }

    fn over(service: Arc<Rehearsal>) -> Self {
        let contracts: [zonekit_model::Contract; 2] =
            ["one", "two"].map(|name| name.parse().unwrap());
        let keys = [ONE, TWO]
            .map(|signer| OciKey::new(key_id(signer), contracts[signer].clone(), &pem(signer)));
        let access = Access {
            tokens: Tokens::new([Token::from_clear(contracts[ONE].clone(), "one-token")]),
            oci_keys: OciKeys::new(keys.map(Result::unwrap)),
            ..Access::default()
        };
        let metrics = Metrics::new(Registry::default());
        let router = router(Arc::clone(&service), access, metrics, Limits::default());
        Self { service, router }
    }

    /// A request as the Python client signs it.
    pub fn signed(
        &self,
        signer: usize,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&'static str, &str)],
    ) -> Signed {
        let body = body.map(|body| body.to_string());
        self.sign(key_id(signer), signer, None, method, path, body, headers)
    }

    /// The same under another id.
    pub fn signed_by(&self, key_id: &str, signer: usize, method: &str, path: &str) -> Signed {
        self.sign(key_id, signer, None, method, path, None, &[])
    }

    /// The same with only these headers signed, in this order.
    pub fn signed_over(&self, names: &str, signer: usize, method: &str, path: &str) -> Signed {
        let body = (method == "POST").then(|| zone("example.org").to_string());
        self.sign(key_id(signer), signer, Some(names), method, path, body, &[])
    }

    #[allow(clippy::too_many_arguments)]
    fn sign(
        &self,
        key_id: &str,
        signer: usize,
        names: Option<&str>,
        method: &str,
        path: &str,
        body: Option<String>,
        more: &[(&'static str, &str)],
    ) -> Signed {
        let date = http_date(0);
        let mut headers = HeaderMap::new();
        let mut put = |name: &'static str, value: &str| {
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        };
        put("host", "127.0.0.1:8053");
        put("accept", "application/json");
        put("content-type", "application/json"); // also of reads: ignored there
        put("date", &date);
        put("x-date", &date);
        let mut usual = "date (request-target) host".to_owned();
        if let Some(body) = &body {
            put("content-length", &body.len().to_string());
            put("x-content-sha256", &digest(body.as_bytes()));
            usual.push_str(" content-length content-type x-content-sha256");
        }
        for (name, value) in more {
            put(name, value);
        }
        let names = names.unwrap_or(&usual);
        let line = |name: &str| {
            let name = name.to_ascii_lowercase();
            let value = match name.as_str() {
                "(request-target)" => format!("{} {path}", method.to_ascii_lowercase()),
                name => {
                    let value = headers.get(HeaderName::from_bytes(name.as_bytes()).unwrap());
                    value.map_or(String::new(), |value| value.to_str().unwrap().to_owned())
                }
            };
            format!("{name}: {value}")
        };
        let text = names.split(' ').map(line).collect::<Vec<_>>().join("\n");
        let key = &KEYS[signer];
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            text.as_bytes(),
            &mut signature,
        )
        .unwrap();
        let signature = STANDARD.encode(signature);
        let authorization = format!(
            "Signature algorithm=\"rsa-sha256\",headers=\"{names}\",keyId=\"{key_id}\",signature=\"{signature}\",version=\"1\""
        );
        headers.insert(
            "authorization",
            HeaderValue::from_str(&authorization).unwrap(),
        );
        Signed {
            method: method.to_owned(),
            path: path.to_owned(),
            headers,
            body: body.unwrap_or_default(),
        }
    }

    pub async fn call(&self, signed: Signed) -> Answer {
        let (status, headers, octets) = self.raw(signed).await;
        let body = match octets.as_slice() {
            [] => Value::Null,
            octets => {
                assert_eq!(headers["content-type"], "application/json");
                serde_json::from_slice(octets).unwrap()
            }
        };
        assert!(headers.contains_key("opc-request-id"));
        Answer {
            status,
            headers,
            body,
        }
    }

    async fn raw(&self, signed: Signed) -> (u16, HeaderMap, Vec<u8>) {
        let mut request = Request::builder()
            .method(signed.method.as_str())
            .uri(signed.path);
        *request.headers_mut().unwrap() = signed.headers;
        let request = request.body(Body::from(signed.body)).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (head.status.as_u16(), head.headers, body.to_vec())
    }

    pub async fn get(&self, signer: usize, path: &str) -> Answer {
        self.send(signer, "GET", path, None).await
    }

    pub async fn send(
        &self,
        signer: usize,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        self.send_with(signer, method, path, body, &[]).await
    }

    pub async fn send_with(
        &self,
        signer: usize,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&'static str, &str)],
    ) -> Answer {
        self.call(self.signed(signer, method, path, body, headers))
            .await
    }

    pub async fn send_raw(&self, signer: usize, method: &str, path: &str, body: &str) -> Answer {
        let body = Some(body.to_owned());
        self.call(self.sign(key_id(signer), signer, None, method, path, body, &[]))
            .await
    }

    /// Type and text of an answer that is no JSON.
    pub async fn text(&self, signer: usize, path: &str) -> (String, String) {
        let (status, headers, octets) = self.raw(self.signed(signer, "GET", path, None, &[])).await;
        assert_eq!(status, 200);
        let kind = headers["content-type"].to_str().unwrap().to_owned();
        (kind, String::from_utf8(octets).unwrap())
    }

    /// Puts in what a transfer of that zone would have brought.
    pub fn hold(&self, made: &Answer, serial: u32, records: &[(&str, &str, u32, &str)]) {
        let id: Ocid = made.body["id"].as_str().unwrap().parse().unwrap();
        let status = ZoneStatus {
            standing: Standing::Current,
            serial: Some(serial),
            ..ZoneStatus::default()
        };
        let record = |&(owner, rtype, ttl, rdata): &(&str, &str, u32, &str)| RecordView {
            owner: owner.into(),
            rtype: rtype.parse().unwrap(),
            ttl,
            rdata: rdata.into(),
        };
        let zone = ZoneId::new(&"one".parse().unwrap(), id.id);
        self.service
            .hold(zone, status, records.iter().map(record).collect());
    }

    /// Makes a zone over the other face.
    pub async fn ionos_zone(&self, name: &str) {
        self.ionos_put(Uuid::new_v4(), name, &["192.0.2.1"]).await;
    }

    pub async fn ionos_put(&self, id: Uuid, name: &str, primaries: &[&str]) {
        let body = json!({"properties": {"zoneName": name, "primaryIps": primaries}});
        let request = Request::put(format!("/secondaryzones/{id}"))
            .header("authorization", "Bearer one-token")
            .body(Body::from(body.to_string()))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status().as_u16(), 202);
    }
}
