//! Certificates, made when they are needed.

use base64::prelude::{BASE64_STANDARD, Engine};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PublicKeyData, SignatureAlgorithm, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};

/// Whoever certifies.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    algorithm: &'static SignatureAlgorithm,
    /// Its certificate in PEM.
    pub pem: String,
}

/// A certificate and its key, in PEM.
pub struct Leaf {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    /// One whose certificates are of the same length every time.
    pub fn ed25519() -> Self {
        Self::with(&PKCS_ED25519)
    }

    /// One whose certificates everybody's programs know.
    pub fn p256() -> Self {
        Self::with(&PKCS_ECDSA_P256_SHA256)
    }

    fn with(algorithm: &'static SignatureAlgorithm) -> Self {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        // Each has a name of its own: one that is like another's is that other with a wrong key.
        let name = format!("authority of {:?}", &key.public_key_raw()[..8]);
        { &mut parameters.distinguished_name }.push(DnType::CommonName, name);
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(parameters, key),
            algorithm,
            pem,
        }
    }

    /// A certificate for a host name or an address, good for long.
    pub fn certify(&self, name: &str) -> Leaf {
        self.certify_for(name, 2020, 2100)
    }

    /// One that is good from the first day of one year to the first day of another.
    pub fn certify_for(&self, name: &str, from: i32, until: i32) -> Leaf {
        let key = KeyPair::generate_for(self.algorithm).unwrap();
        let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        { &mut parameters.distinguished_name }.push(DnType::CommonName, name);
        parameters.not_before = date_time_ymd(from, 1, 1);
        parameters.not_after = date_time_ymd(until, 1, 1);
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        Leaf {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

impl Leaf {
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        let chain = CertificateDer::pem_slice_iter(self.certificate.as_bytes());
        chain.map(Result::unwrap).collect()
    }

    pub fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap()
    }

    /// The hash of its key, from the key itself.
    pub fn pin(&self) -> String {
        let key = KeyPair::from_pem(&self.key).unwrap();
        BASE64_STANDARD.encode(Sha256::digest(key.subject_public_key_info()))
    }
}
