//! Names through the public API: limits, text, order, sort keys.

use std::collections::HashSet;

use proptest::prelude::*;
use zonekit_wire::{Name, NameBuf, NameError};

/// Labels of any octets, often of few kinds, so that names meet at prefixes, cases and escapes.
fn label() -> impl Strategy<Value = Vec<u8>> {
    let odd = prop::sample::select(b"aAbBzZ@[`{.\\\"$; *-_0\x00\x01\x02\x7f\x80\xff".to_vec());
    prop_oneof![
        4 => prop::collection::vec(odd, 1..4),
        1 => prop::collection::vec(any::<u8>(), 1..=63),
    ]
}

fn name() -> impl Strategy<Value = NameBuf> {
    prop::collection::vec(label(), 0..8).prop_map(|labels| {
        let mut name = NameBuf::new();
        for label in labels {
            let _ = name.prepend_label(&label); // what would make it too long is left out
        }
        name
    })
}

fn sort_key(name: &NameBuf) -> Vec<u8> {
    let mut key = Vec::new();
    name.as_name().write_sort_key(&mut key);
    key
}

fn parse(text: &str) -> NameBuf {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

proptest! {
    #[test]
    fn text_reads_back_to_the_same_octets(name in name()) {
        let text = name.to_string();
        prop_assert!(text.is_ascii() && !text.contains(' '));
        let back = parse(&text);
        prop_assert_eq!(back.as_name().as_octets(), name.as_name().as_octets());
        let relative = NameBuf::parse_relative(&text, parse("else.where").as_name()).unwrap();
        prop_assert_eq!(relative.as_name().as_octets(), name.as_name().as_octets());
    }

    #[test]
    fn sort_keys_order_as_names_do(a in name(), b in name()) {
        let order = a.cmp(&b);
        prop_assert_eq!(sort_key(&a).cmp(&sort_key(&b)), order);
        prop_assert_eq!(order.is_eq(), a == b);
        let by_labels = |name: &NameBuf| {
            let mut labels: Vec<_> = name.as_name().labels().map(<[u8]>::to_ascii_lowercase).collect();
            labels.reverse();
            labels
        };
        prop_assert_eq!(by_labels(&a).cmp(&by_labels(&b)), order);
    }

    #[test]
    fn sort_key_leads_back_to_the_name_in_lower_case(name in name()) {
        let mut back = NameBuf::new();
        Name::from_sort_key(&sort_key(&name), &mut back).unwrap();
        let lower = name.to_lowercase();
        prop_assert_eq!(back.as_name().as_octets(), lower.as_name().as_octets());
    }

    #[test]
    fn any_octets_are_a_sort_key_or_refused(key in prop::collection::vec(0_u8..5, 0..40)) {
        let mut name = NameBuf::new();
        if Name::from_sort_key(&key, &mut name).is_ok() {
            prop_assert_eq!(sort_key(&name), key);
        }
    }

    #[test]
    fn key_of_an_ancestor_is_a_prefix_and_no_other_name_has_it_as_one(a in name(), b in name()) {
        prop_assert_eq!(sort_key(&a).starts_with(&sort_key(&b)), a.as_name().is_at_or_below(b.as_name()));
        for labels in 0..=a.as_name().label_count() {
            let ancestor = a.as_name().ancestor(labels);
            prop_assert_eq!(ancestor.label_count(), labels);
            prop_assert!(a.as_name().is_at_or_below(ancestor));
            prop_assert!(sort_key(&a).starts_with(&sort_key(&ancestor.to_buf())));
        }
    }

    #[test]
    fn any_octets_are_a_name_or_refused(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok((name, rest)) = Name::split_from(&octets) {
            prop_assert_eq!([name.as_octets(), rest].concat(), octets.clone());
            prop_assert!(name.as_octets().len() <= 255);
            prop_assert_eq!(parse(&name.to_string()), name);
        }
    }

    #[test]
    fn any_text_is_a_name_or_refused(text in "[a-zA-Z0-9.\\\\@\"é ]{0,80}") {
        if let Ok(name) = text.parse::<NameBuf>() {
            prop_assert_eq!(parse(&name.to_string()), name);
        }
    }
}

#[test]
fn octets_that_no_name_has_as_key_are_no_sort_key() {
    let check = |key: &[u8], error| {
        assert_eq!(
            Name::from_sort_key(key, &mut NameBuf::new()),
            Err(error),
            "{key:?}"
        );
    };
    check(b"org", NameError::SortKey);
    check(b"Org\0", NameError::SortKey);
    check(b"\x01\x03\0", NameError::SortKey);
    check(b"a\x01\0", NameError::SortKey);
    check(b"org\0\0", NameError::EmptyLabel);
    check(&[&[b'x'; 64][..], b"\0"].concat(), NameError::LabelTooLong);
    check(
        &[&[b'x'; 63][..], b"\0"].concat().repeat(4),
        NameError::TooLong,
    );
}

#[test]
fn canonical_order_is_that_of_rfc_4034() {
    let names = [
        ".",
        "example",
        "a.example",
        "yljkjljk.a.example",
        "Z.a.example",
        "zABC.a.EXAMPLE",
        "z.example",
        "\\001.z.example",
        "*.z.example",
        "\\200.z.example",
    ];
    let names: Vec<_> = names.into_iter().map(parse).collect();
    let mut sorted = names.clone();
    sorted.reverse();
    sorted.sort();
    assert_eq!(sorted, names);
    sorted.reverse();
    sorted.sort_by_key(sort_key);
    assert_eq!(sorted, names);
}

#[test]
fn names_that_differ_in_case_alone_are_one() {
    let names: HashSet<_> = ["www.Example.ORG", "WWW.example.org.", "www.example.org"]
        .into_iter()
        .map(parse)
        .collect();
    assert_eq!(names.len(), 1);
    assert_ne!(parse("[.org"), parse("{.org"), "only letters have a case");
    assert_ne!(parse("\\065x.org"), parse("bx.org"));
    assert_eq!(parse("\\065x.org"), parse("ax.org"));
}

#[test]
fn limits_are_63_and_255() {
    let label = |size: usize| "x".repeat(size);
    let name = |sizes: &[usize]| {
        sizes
            .iter()
            .map(|&size| label(size))
            .collect::<Vec<_>>()
            .join(".")
    };
    assert_eq!(
        parse(&name(&[63, 63, 63, 61])).as_name().as_octets().len(),
        255
    );
    assert_eq!(
        name(&[63, 63, 63, 62]).parse::<NameBuf>(),
        Err(NameError::TooLong)
    );
    assert_eq!(name(&[64]).parse::<NameBuf>(), Err(NameError::LabelTooLong));
    assert_eq!(
        name(&[300]).parse::<NameBuf>(),
        Err(NameError::LabelTooLong)
    );
    assert_eq!(parse(&name(&[1; 127])).as_name().label_count(), 127);
    assert_eq!(name(&[1; 128]).parse::<NameBuf>(), Err(NameError::TooLong));
    assert_eq!(
        NameBuf::parse_relative(&name(&[63, 63, 63]), parse(&label(62)).as_name()),
        Err(NameError::TooLong)
    );

    let mut longest = parse(&name(&[63, 63, 63, 59]));
    assert_eq!(longest.prepend_label(b"ab"), Err(NameError::TooLong));
    assert_eq!(longest.prepend_label(b"a"), Ok(()));
    assert_eq!(longest.prepend_label(b""), Err(NameError::EmptyLabel));
    assert_eq!(
        longest.prepend_label(&[b'x'; 64]),
        Err(NameError::LabelTooLong)
    );
    assert!(longest.to_string().starts_with("a.xxx"));

    let octets = [&[63; 64][..], &[63; 64], &[63; 64], &[62; 63], &[0]].concat();
    assert_eq!(Name::from_octets(&octets), Err(NameError::TooLong));
}

/// Found by fuzzing: the root of a text with its final dot was not counted.
#[test]
fn a_final_dot_counts_as_the_root() {
    let labels = |last: usize| [63, 63, 63, last].map(|size| "x".repeat(size)).join(".") + ".";
    assert_eq!(parse(&labels(61)).as_name().as_octets().len(), 255);
    assert_eq!(labels(62).parse::<NameBuf>(), Err(NameError::TooLong));
    let relative = NameBuf::parse_relative(&labels(62), Name::ROOT);
    assert_eq!(relative, Err(NameError::TooLong));
}

#[test]
fn octets_that_are_not_one_flat_name_are_refused() {
    let check =
        |octets: &[u8], error| assert_eq!(Name::from_octets(octets), Err(error), "{octets:?}");
    check(b"", NameError::Truncated);
    check(b"\x01", NameError::Truncated);
    check(b"\x01a", NameError::Truncated);
    check(b"\x02a\x00", NameError::Truncated);
    check(b"\x00\x00", NameError::TrailingOctets);
    check(b"\x01a\x00b", NameError::TrailingOctets);
    check(b"\xc0\x0c", NameError::LabelType(0xc0));
    check(b"\x01a\x40", NameError::LabelType(0x40));
}

#[test]
fn text_that_is_no_name_is_refused() {
    let check = |text: &str, error| assert_eq!(text.parse::<NameBuf>(), Err(error), "{text}");
    check("", NameError::EmptyLabel);
    check("..", NameError::EmptyLabel);
    check(".a", NameError::EmptyLabel);
    check("a..b", NameError::EmptyLabel);
    check("a\\", NameError::Escape);
    check("\\25", NameError::Escape);
    check("\\256", NameError::Escape);
    check("\\1a2", NameError::Escape);
}

#[test]
fn escapes_are_those_of_master_files() {
    let check = |text: &str, octets: &[u8], back: &str| {
        let name = parse(text);
        assert_eq!(name.as_name().as_octets(), octets, "{text}");
        assert_eq!(name.to_string(), back);
    };
    check(".", b"\0", ".");
    check("a\\.b.c", b"\x03a.b\x01c\0", "a\\.b.c.");
    check("a\\046b.c.", b"\x03a.b\x01c\0", "a\\.b.c.");
    check("\\000\\255", b"\x02\x00\xff\0", "\\000\\255.");
    check("\\a\\\\", b"\x02a\\\0", "a\\\\.");
    check(
        "\\\"\\;\\(\\)\\@\\$",
        b"\x06\";()@$\0",
        "\\\"\\;\\(\\)\\@\\$.",
    );
    check("a b", b"\x03a b\0", "a\\032b.");
    check("é", b"\x02\xc3\xa9\0", "\\195\\169.");
    check("*._x", b"\x01*\x02_x\0", "*._x.");
}

#[test]
fn relative_names_end_in_the_origin() {
    let origin = parse("Example.org");
    let check = |text: &str, full: &str| {
        assert_eq!(
            NameBuf::parse_relative(text, origin.as_name())
                .unwrap()
                .to_string(),
            full,
            "{text}"
        );
    };
    check("@", "Example.org.");
    check("www", "www.Example.org.");
    check("www.sub", "www.sub.Example.org.");
    check("www.", "www.");
    check(".", ".");
    check("\\@", "\\@.Example.org.");
    check("www\\.", "www\\..Example.org.");
}

#[test]
fn parents_lead_to_the_root() {
    let name = parse("*.b.Example");
    let mut at = Some(name.as_name());
    let mut seen = Vec::new();
    while let Some(name) = at {
        seen.push(name.to_string());
        at = name.parent();
    }
    assert_eq!(seen, ["*.b.Example.", "b.Example.", "Example.", "."]);
    assert!(
        name.as_name().is_wildcard()
            && !parse("a.*.b").as_name().is_wildcard()
            && !parse("**").as_name().is_wildcard()
    );
    assert!(
        Name::ROOT.is_root() && NameBuf::new().as_name().is_root() && !name.as_name().is_root()
    );
    assert_eq!(name.as_name().ancestor(9), name.as_name());
}

#[test]
fn below_is_by_whole_labels_and_without_case() {
    let check = |name: &str, other: &str, below| {
        assert_eq!(
            parse(name).as_name().is_at_or_below(parse(other).as_name()),
            below,
            "{name} {other}"
        );
    };
    check("www.example.org", "EXAMPLE.org", true);
    check("example.org", "example.org", true);
    check("example.org", ".", true);
    check(".", ".", true);
    check(".", "org", false);
    check("anexample.org", "example.org", false);
    check("example.org", "www.example.org", false);
    check("example.com", "example.org", false);
    // The octets of the other end this one, but begin inside a label.
    check("x\\003org", "org", false);
}

#[test]
fn a_reused_name_is_what_was_assigned_last() {
    let mut name = parse("a.very.long.name.example");
    name.assign(parse("b.org").as_name());
    assert_eq!(name.to_string(), "b.org.");
    name.assign_text(b"c", name.clone().as_name()).unwrap();
    assert_eq!(name.to_string(), "c.b.org.");
    assert_eq!(
        name.assign_text(b"a..b", Name::ROOT),
        Err(NameError::EmptyLabel)
    );
    assert!(name.as_name().is_root());
    name.clear();
    assert_eq!(name, Name::ROOT);
    assert_eq!(name, NameBuf::default());
}
