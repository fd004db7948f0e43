//! Requests of the OCI face, signed as the vendor's clients do it.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};

/// Somebody with a key.
pub struct Signer(RsaKeyPair);

impl Signer {
    /// Whose key it is.
    pub const TENANCY: &str = "ocid1.tenancy.oc1..aaaatest";
    /// By what the configuration knows the key.
    const ID: &str = "ocid1.tenancy.oc1..aaaatest/ocid1.user.oc1..aaaatest/aa:bb";
    /// Where its public half lies, beside the configuration.
    const FILE: &str = "signer.pem";

    /// With a new key, whose public half lies in `directory` from then on.
    pub fn new(directory: &Path) -> Self {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = key.public_key().as_der().unwrap();
        let text = BASE64_STANDARD.encode(der.as_ref());
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n");
        fs::write(directory.join(Self::FILE), pem).unwrap();
        Self(key)
    }

    /// The entry that lets the key sign for contract `tests`. It belongs behind the tokens of `[http]`, where
    /// [`Settings::timers`](super::Settings::timers) stands.
    pub fn entry(&self) -> String {
        format!(
            "[[http.oci_key]]\nkey_id = \"{}\"\npem_file = \"{}\"\ncontract = \"tests\"\n",
            Self::ID,
            Self::FILE
        )
    }

    /// The lines of a request's head that its signature takes beside `Host`, `Content-Type` (JSON) and `Content-Length`.
    pub fn sign(&self, host: SocketAddr, method: &str, path: &str, body: &str) -> String {
        let now = Command::new("date")
            .args(["-u", "+%a, %d %b %Y %H:%M:%S GMT"])
            .env("LC_ALL", "C")
            .output();
        let date = String::from_utf8(now.unwrap().stdout).unwrap();
        let date = date.trim();
        let digest = BASE64_STANDARD.encode(Sha256::digest(body));
        let (target, length) = (method.to_lowercase(), body.len());
        let text = format!(
            "date: {date}\n(request-target): {target} {path}\nhost: {host}\ncontent-length: {length}\n\
             content-type: application/json\nx-content-sha256: {digest}"
        );
        let mut signature = vec![0; self.0.public_modulus_len()];
        let random = SystemRandom::new();
        let signed = (self.0).sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature);
        signed.unwrap();
        let signature = BASE64_STANDARD.encode(signature);
        format!(
            "Date: {date}\r\nX-Content-SHA256: {digest}\r\n\
             Authorization: Signature version=\"1\",keyId=\"{}\",algorithm=\"rsa-sha256\",\
             headers=\"date (request-target) host content-length content-type x-content-sha256\",\
             signature=\"{signature}\"\r\n",
            Self::ID
        )
    }

    /// A request, octet by octet the same however often it is sent, and the last one of its connection.
    pub fn request(&self, host: SocketAddr, method: &str, path: &str, body: &str) -> String {
        let signed = self.sign(host, method, path, body);
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{signed}Content-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    }

    /// Sends a request on a connection of its own; gives the status.
    pub fn send(&self, http: SocketAddr, method: &str, path: &str, body: &str) -> u16 {
        let mut connection = TcpStream::connect(http).unwrap();
        let request = self.request(http, method, path, body);
        connection.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1);
        status
            .and_then(|status| status.parse().ok())
            .expect(&answer)
    }
}
