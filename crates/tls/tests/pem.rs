//! What is taken of PEM files, and what is said of the rest.

use zonekit_script::{Authority, Leaf};
use zonekit_tls::{Authorities, Identity, PemError, ServerTls};

const NAME: &str = "ns1.example.net";
const BROKEN: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

fn identity(chain: &str, key: &str) -> Result<Identity, PemError> {
    Identity::from_pem(chain.as_bytes(), key.as_bytes())
}

fn leaf() -> Leaf {
    Authority::ed25519().certify(NAME)
}

#[test]
fn an_identity_is_a_certificate_and_its_key() {
    let (ours, other) = (leaf(), leaf());
    let made = identity(&ours.certificate, &ours.key).unwrap();
    assert_eq!(made, identity(&ours.certificate, &ours.key).unwrap());
    assert_ne!(made, identity(&other.certificate, &other.key).unwrap());
    assert!(ServerTls::new(&made).is_ok());
    assert_eq!(format!("{made:?}"), "Identity { certificates: 1, .. }");

    assert_eq!(identity("", &ours.key), Err(PemError::NoCertificate));
    assert_eq!(identity(&ours.certificate, ""), Err(PemError::Key));
    assert_eq!(
        identity(&ours.certificate, &ours.certificate),
        Err(PemError::Key)
    );
    let swapped = identity(&ours.certificate, &other.key).unwrap();
    let refused = ServerTls::new(&swapped).unwrap_err();
    assert!(matches!(refused, PemError::Unusable(_)), "{refused:?}");
}

#[test]
fn authorities_are_all_usable_or_none_is_taken_unless_they_are_the_systems() {
    let (one, other) = (Authority::ed25519().pem, Authority::ed25519().pem);
    let strict = |pem: &str| Authorities::from_pem(pem.as_bytes());
    let lenient = |pem: &str| Authorities::usable_from_pem(pem.as_bytes());

    assert_eq!(strict("").unwrap_err(), PemError::NoCertificate);
    assert_eq!(lenient("").unwrap_err(), PemError::NoCertificate);
    let both = strict(&[&*one, &*other].concat()).unwrap();
    assert_eq!(both.roots().unwrap().len(), 2);

    let spoilt = [&*one, BROKEN, &*other].concat();
    let refused = strict(&spoilt).and_then(|spoilt| spoilt.roots());
    assert!(matches!(refused, Err(PemError::Unusable(_))), "{refused:?}");
    assert_eq!(lenient(&spoilt).unwrap(), both);
    assert_eq!(lenient(BROKEN).unwrap_err(), PemError::NoCertificate);

    let cut = one.replace("-----END", "-----");
    assert_eq!(strict(&cut).unwrap_err(), PemError::Certificate);
}

#[test]
fn clients_may_have_to_be_certified() {
    let (ours, clients) = (leaf(), Authority::ed25519());
    let ours = identity(&ours.certificate, &ours.key).unwrap();
    let believed = Authorities::from_pem(clients.pem.as_bytes()).unwrap();
    assert!(ServerTls::mutual(&ours, &believed).is_ok());
    let none = Authorities::from_pem(BROKEN.as_bytes()).unwrap();
    let refused = ServerTls::mutual(&ours, &none).unwrap_err();
    assert!(matches!(refused, PemError::Unusable(_)), "{refused:?}");
}
