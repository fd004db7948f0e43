//! A name in wire form comes back from its text and from its sort key; text that is a name comes back from its octets.

use zonekit_wire::{Name, NameBuf};

/// See the module.
pub fn name(octets: &[u8]) {
    if let Ok((name, rest)) = Name::split_from(octets) {
        assert_eq!(name.as_octets().len() + rest.len(), octets.len());
        check(name);
        if let Ok((other, _)) = Name::split_from(rest) {
            check_pair(name, other);
        }
    }
    let mut name = NameBuf::new();
    if name.assign_text(octets, Name::ROOT).is_ok() {
        check(name.as_name());
    }
    if Name::from_sort_key(octets, &mut name).is_ok() {
        let mut key = Vec::new();
        name.as_name().write_sort_key(&mut key);
        assert_eq!(key, octets);
    }
}

fn check(name: Name<'_>) {
    assert!(Name::from_octets(name.as_octets()).is_ok());
    let text = name.to_string();
    let back: NameBuf = text.parse().expect("text that we wrote");
    assert_eq!(back.as_name().as_octets(), name.as_octets(), "{text}");

    let mut key = Vec::new();
    name.write_sort_key(&mut key);
    let mut back = NameBuf::new();
    Name::from_sort_key(&key, &mut back).expect("a key that we wrote");
    assert_eq!(
        back.as_name().as_octets(),
        name.as_octets().to_ascii_lowercase()
    );
}

fn check_pair(a: Name<'_>, b: Name<'_>) {
    let key = |name: Name<'_>| {
        let mut key = Vec::new();
        name.write_sort_key(&mut key);
        key
    };
    assert_eq!(a.cmp(&b), key(a).cmp(&key(b)));
    assert_eq!(a == b, a.cmp(&b).is_eq());
    assert_eq!(a.is_at_or_below(b), key(a).starts_with(&key(b)));
}
