//! What is answered to what: signed zones, and the proofs in the answers.

mod common;

use common::{Ask, NOW, Table, check, name, render, root, zone};
use sha1::{Digest, Sha1};
use zonekit_serve::{Action, Config};
use zonekit_wire::{Message, Name, NameBuf, RecordBuf, Rtype, Section, Unpacker};

const NSEC: &str = include_str!("data/signed.example.nsec.zone");
const NSEC3: &str = include_str!("data/signed.example.nsec3.zone");
const SOA: &str = "signed.example. 300 IN SOA ns1.signed.example. hostmaster.signed.example. 7 3600 900 604800 300";

/// What a record of the proof is there for.
#[derive(Clone, Copy, Debug)]
enum Claim {
    Matches(&'static str),
    Covers(&'static str),
    /// It is some record of the chain.
    Shows,
}
use Claim::{Covers, Matches, Shows};

/// Asks both signed zones and compares: the records that are not for DNSSEC, as [`check`] has them, and the proofs, each
/// record of which must be there for one claim. Every set must be signed, unless it is not the zone's own.
#[track_caller]
fn check_both(question: &str, expected: &str, nsec: &[Claim], nsec3: &[Claim]) {
    check_proof(
        &Table::of(&[zone("signed.example.", NSEC)]),
        question,
        expected,
        nsec,
    );
    check_proof(
        &Table::of(&[zone("signed.example.", NSEC3)]),
        question,
        expected,
        nsec3,
    );
}

#[track_caller]
fn check_proof(table: &Table, question: &str, expected: &str, claims: &[Claim]) {
    let request = Ask::new(&format!("{question} +do +size=4096"));
    let mut octets = Vec::new();
    let config = Config {
        max_udp_size: 4096,
        ..Config::default()
    };
    let action =
        table
            .responder(config)
            .worker()
            .respond(&request.octets, request.peer, NOW, &mut octets);
    assert!(matches!(action, Action::Reply));
    let text = render(&octets);

    let expected: Vec<&str> = expected
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let is_plain = |line: &&str| {
        let rtype = line.split(' ').nth(3).unwrap_or_default();
        !matches!(rtype, "RRSIG" | "NSEC" | "NSEC3")
    };
    let mut lines: Vec<String> = text
        .lines()
        .filter(is_plain)
        .map(|line| line.replace(" edns do", ""))
        .collect();
    if lines.last().is_some_and(|line| line.starts_with(';')) {
        lines.pop(); // a section of proofs alone
    }
    assert_eq!(lines, expected, "{question}\n{text}");

    let records = records(&octets);
    let mut proofs: Vec<&RecordBuf> = Vec::new();
    for (section, record) in &records {
        if matches!(record.rtype, Rtype::NSEC | Rtype::NSEC3) {
            proofs.push(record);
        }
        let is_delegation = *section == Section::Authority && record.rtype == Rtype::NS;
        let redirected = records.iter().any(|(_, above)| {
            let (below, above, dname) = (
                record.owner.as_name(),
                above.owner.as_name(),
                above.rtype == Rtype::DNAME,
            );
            dname && below.is_at_or_below(above) && below != above && record.rtype == Rtype::CNAME
        });
        if record.rtype == Rtype::RRSIG
            || *section == Section::Additional
            || is_delegation
            || redirected
        {
            continue;
        }
        let signed = records.iter().any(|(other, signature)| {
            signature.rtype == Rtype::RRSIG
                && (other, &signature.owner, signature.ttl) == (section, &record.owner, record.ttl)
                && signature.rdata[..2] == record.rtype.0.to_be_bytes()
        });
        assert!(
            signed,
            "{question}: {} {} is not signed\n{text}",
            record.owner, record.rtype
        );
    }
    for claim in claims {
        assert!(
            proofs.iter().any(|record| proves(record, *claim)),
            "{question}: no proof that {claim:?}\n{text}"
        );
    }
    for record in &proofs {
        assert!(
            claims.iter().any(|claim| proves(record, *claim)),
            "{question}: needless {}\n{text}",
            record.as_record()
        );
    }
    let mut owners: Vec<_> = proofs
        .iter()
        .map(|record| record.owner.to_string())
        .collect();
    owners.sort();
    owners.dedup();
    assert_eq!(
        owners.len(),
        proofs.len(),
        "{question}: a proof is there twice\n{text}"
    );
}

fn records(octets: &[u8]) -> Vec<(Section, RecordBuf)> {
    let mut unpacker = Unpacker::new();
    let records = Message::new(octets)
        .unwrap()
        .records()
        .unwrap()
        .map(|record| {
            let (section, record) = record.unwrap();
            (section, unpacker.unpack(record).unwrap().to_buf())
        });
    records
        .filter(|(_, record)| record.rtype != Rtype::OPT)
        .collect()
}

/// Whether an NSEC or NSEC3 record supports the claim.
fn proves(record: &RecordBuf, claim: Claim) -> bool {
    let (Matches(text) | Covers(text)) = claim else {
        return record.rtype == Rtype::NSEC3;
    };
    let name = name(text);
    let owner = record.owner.as_name();
    let (start, sought, end) = if record.rtype == Rtype::NSEC {
        let (next, _) = Name::split_from(&record.rdata).unwrap();
        (sort_key(owner), sort_key(name.as_name()), sort_key(next))
    } else {
        let salt = 5 + usize::from(record.rdata[4]);
        let iterations = u16::from_be_bytes([record.rdata[2], record.rdata[3]]);
        let hash = hash(&name, iterations, &record.rdata[5..salt]);
        let label = owner.labels().next().unwrap();
        (
            base32hex(label),
            hash,
            record.rdata[salt + 1..salt + 21].to_vec(),
        )
    };
    match claim {
        Matches(_) | Shows => start == sought,
        Covers(_) if start < end => start < sought && sought < end,
        Covers(_) => start < sought || sought < end, // the last of the chain
    }
}

fn sort_key(name: Name<'_>) -> Vec<u8> {
    let mut key = Vec::new();
    name.write_sort_key(&mut key);
    key
}

fn hash(name: &NameBuf, iterations: u16, salt: &[u8]) -> Vec<u8> {
    let mut digest = name.to_lowercase().as_name().as_octets().to_vec();
    for _ in 0..=iterations {
        digest = Sha1::digest([&digest[..], salt].concat()).to_vec();
    }
    digest
}

fn base32hex_of(octets: &[u8]) -> String {
    let bit = |i: usize| usize::from(octets[i / 8] >> (7 - i % 8) & 1);
    (0..octets.len() * 8 / 5)
        .map(|digit| (0..5).fold(0, |value, i| value << 1 | bit(digit * 5 + i)))
        .map(|value| char::from(b"0123456789abcdefghijklmnopqrstuv"[value]))
        .collect()
}

fn base32hex(label: &[u8]) -> Vec<u8> {
    let digits = label
        .iter()
        .map(|digit| char::from(*digit).to_digit(32).unwrap());
    let bits: Vec<u32> = digits
        .flat_map(|digit| (0..5).rev().map(move |bit| digit >> bit & 1))
        .collect();
    bits.chunks(8)
        .map(|bits| bits.iter().fold(0, |octet, bit| octet << 1 | *bit as u8))
        .collect()
}

#[test]
fn without_do_nothing_of_dnssec_is_answered_unless_asked_for() {
    let table = Table::of(&[zone("signed.example.", NSEC)]);
    check(
        &table,
        "mail.signed.example. A",
        "NOERROR aa\nmail.signed.example. 3600 IN A 192.0.2.2",
    );
    check(
        &table,
        "nothing.signed.example. A +edns",
        &format!("NXDOMAIN aa edns\n; authority\n{SOA}"),
    );
    check(
        &table,
        "www.signed.example. NSEC",
        "NOERROR aa\nwww.signed.example. 300 IN NSEC signed.example. CNAME RRSIG NSEC",
    );
}

#[test]
fn an_answer_is_signed() {
    check_both(
        "mail.signed.example. A",
        "NOERROR aa\nmail.signed.example. 3600 IN A 192.0.2.2",
        &[],
        &[],
    );
}

#[test]
fn no_data_is_proven_by_the_name_itself() {
    let name = [Matches("mail.signed.example.")];
    check_both(
        "mail.signed.example. AAAA",
        &format!("NOERROR aa\n; authority\n{SOA}"),
        &name,
        &name,
    );
    let apex = [Matches("signed.example.")];
    check_both(
        "signed.example. TXT",
        &format!("NOERROR aa\n; authority\n{SOA}"),
        &apex,
        &apex,
    );
}

#[test]
fn no_name_is_proven_with_the_wildcard_that_might_have_been() {
    let expected = format!("NXDOMAIN aa\n; authority\n{SOA}");
    check_both(
        "nothing.signed.example. A",
        &expected,
        &[
            Covers("nothing.signed.example."),
            Covers("*.signed.example."),
        ],
        &[
            Matches("signed.example."),
            Covers("nothing.signed.example."),
            Covers("*.signed.example."),
        ],
    );
    check_both(
        "x.y.host.wild.signed.example. A",
        &expected,
        &[Covers("x.y.host.wild.signed.example.")],
        &[
            Matches("host.wild.signed.example."),
            Covers("y.host.wild.signed.example."),
            Covers("*.host.wild.signed.example."),
        ],
    );
    check_both(
        "c.a.ent.signed.example. A",
        &expected,
        &[
            Covers("c.a.ent.signed.example."),
            Covers("*.a.ent.signed.example."),
        ],
        &[
            Matches("a.ent.signed.example."),
            Covers("c.a.ent.signed.example."),
            Covers("*.a.ent.signed.example."),
        ],
    );
}

#[test]
fn an_empty_non_terminal_is_proven() {
    check_both(
        "ent.signed.example. A",
        &format!("NOERROR aa\n; authority\n{SOA}"),
        &[Covers("ent.signed.example.")],
        &[Matches("ent.signed.example.")],
    );
}

#[test]
fn an_empty_non_terminal_above_unsigned_delegations_alone_is_proven_by_opt_out() {
    check_both(
        "only.signed.example. A",
        &format!("NOERROR aa\n; authority\n{SOA}"),
        &[Covers("only.signed.example.")],
        &[Matches("signed.example."), Covers("only.signed.example.")],
    );
}

#[test]
fn a_wildcard_answer_proves_that_nothing_was_closer() {
    check_both(
        "x.y.wild.signed.example. TXT",
        "NOERROR aa\nx.y.wild.signed.example. 3600 IN TXT \"any\"",
        &[Covers("x.y.wild.signed.example.")],
        &[Covers("y.wild.signed.example.")],
    );
}

#[test]
fn no_data_at_a_wildcard_proves_both() {
    check_both(
        "x.wild.signed.example. A",
        &format!("NOERROR aa\n; authority\n{SOA}"),
        &[
            Covers("x.wild.signed.example."),
            Matches("*.wild.signed.example."),
        ],
        &[
            Matches("wild.signed.example."),
            Covers("x.wild.signed.example."),
            Matches("*.wild.signed.example."),
        ],
    );
}

#[test]
fn every_wildcard_of_a_chain_is_proven() {
    let chain = "NOERROR aa
         q.alias.signed.example. 3600 IN CNAME x.wild.signed.example.
         x.wild.signed.example. 3600 IN TXT \"any\"";
    check_both(
        "q.alias.signed.example. TXT",
        chain,
        &[
            Covers("q.alias.signed.example."),
            Covers("x.wild.signed.example."),
        ],
        &[
            Covers("q.alias.signed.example."),
            Covers("x.wild.signed.example."),
        ],
    );
    check_both(
        "dangling.signed.example. A",
        &format!(
            "NXDOMAIN aa\ndangling.signed.example. 3600 IN CNAME nowhere.signed.example.\n; authority\n{SOA}"
        ),
        &[
            Covers("nowhere.signed.example."),
            Covers("*.signed.example."),
        ],
        &[
            Matches("signed.example."),
            Covers("nowhere.signed.example."),
            Covers("*.signed.example."),
        ],
    );
}

#[test]
fn a_dname_is_signed_and_its_cname_is_not() {
    check_both(
        "host.old.signed.example. A",
        "NOERROR aa
         old.signed.example. 3600 IN DNAME new.signed.example.
         host.old.signed.example. 3600 IN CNAME host.new.signed.example.
         host.new.signed.example. 3600 IN A 192.0.2.5",
        &[],
        &[],
    );
}

#[test]
fn a_referral_to_a_signed_zone_has_its_ds() {
    check_both(
        "www.secure.signed.example. A",
        "NOERROR
         ; authority
         secure.signed.example. 3600 IN NS ns.secure.signed.example.
         secure.signed.example. 3600 IN DS 12345 13 2 0102030405060708091011121314151617181920212223242526272829303132
         ; additional
         ns.secure.signed.example. 3600 IN A 192.0.2.6",
        &[],
        &[],
    );
}

#[test]
fn a_referral_to_an_unsigned_zone_proves_that_there_is_no_ds() {
    check_both(
        "www.insecure.signed.example. A",
        "NOERROR
         ; authority
         insecure.signed.example. 3600 IN NS ns.insecure.signed.example.
         ; additional
         ns.insecure.signed.example. 3600 IN A 192.0.2.7",
        &[Matches("insecure.signed.example.")],
        &[
            Matches("signed.example."),
            Covers("insecure.signed.example."),
        ],
    );
    check_both(
        "plain.only.signed.example. A",
        "NOERROR
         ; authority
         plain.only.signed.example. 3600 IN NS ns1.signed.example.
         ; additional
         ns1.signed.example. 3600 IN A 192.0.2.1",
        &[Matches("plain.only.signed.example.")],
        &[Matches("signed.example."), Covers("only.signed.example.")],
    );
}

#[test]
fn ds_is_answered_and_denied_by_the_parent() {
    check_both(
        "secure.signed.example. DS",
        "NOERROR aa
         secure.signed.example. 3600 IN DS 12345 13 2 0102030405060708091011121314151617181920212223242526272829303132",
        &[],
        &[],
    );
    check_both(
        "insecure.signed.example. DS",
        &format!("NOERROR aa\n; authority\n{SOA}"),
        &[Matches("insecure.signed.example.")],
        &[
            Matches("signed.example."),
            Covers("insecure.signed.example."),
        ],
    );
}

#[test]
fn names_of_nsec3_records_do_not_exist() {
    let table = Table::of(&[zone("signed.example.", NSEC3)]);
    let owner = "eg8tf2eekihaq4gtsg7dfqabc1bvu05d.signed.example."; // the hash of the apex
    for rtype in ["A", "NSEC3"] {
        check_proof(
            &table,
            &format!("{owner} {rtype}"),
            &format!("NXDOMAIN aa\n; authority\n{SOA}"),
            &[
                Matches("signed.example."),
                Covers("eg8tf2eekihaq4gtsg7dfqabc1bvu05d.signed.example."),
                Covers("*.signed.example."),
            ],
        );
    }
}

#[test]
fn a_zone_that_asks_for_too_much_hashing_shows_one_record_that_says_so() {
    let long = "AB".repeat(36); // with it a round is two blocks
    for (iterations, salt) in [("151", "AABB"), ("76", &*long), ("65535", "-")] {
        let text = NSEC3
            .replace(" 1 1 1 AABB ", &format!(" 1 1 {iterations} {salt} "))
            .replace(
                "NSEC3PARAM 1 0 1 AABB",
                &format!("NSEC3PARAM 1 0 {iterations} {salt}"),
            );
        let table = Table::of(&[zone("signed.example.", &text)]);
        let no_data = format!("NOERROR aa\n; authority\n{SOA}");
        let no_name = format!("NXDOMAIN aa\n; authority\n{SOA}");
        check_proof(&table, "mail.signed.example. TXT", &no_data, &[Shows]);
        check_proof(&table, "x.wild.signed.example. A", &no_data, &[Shows]);
        check_proof(&table, "nothing.signed.example. A", &no_name, &[Shows]);
        check_proof(
            &table,
            "x.wild.signed.example. TXT",
            "NOERROR aa\nx.wild.signed.example. 3600 IN TXT \"any\"",
            &[Shows],
        );
    }
}

#[test]
fn one_answer_hashes_only_so_many_names() {
    // Under opt-out the proof for a delegation begins at the closest name that has a record, here 100 labels up.
    let delegation = format!("{}example.", "a.".repeat(100));
    let proofs = |iterations: u16| {
        let hash = base32hex_of(&hash(&name("example."), iterations, &[]));
        let text = format!(
            "@ 60 IN SOA ns h 1 1 1 1 60\n@ 60 IN NS ns\nns 60 IN A 192.0.2.1\n\
             @ 0 IN NSEC3PARAM 1 0 {iterations} -\n\
             {hash} 60 IN NSEC3 1 1 {iterations} - {hash} NS SOA\n\
             {delegation} 60 IN NS ns\n"
        );
        let octets = reply(
            &Table::of(&[zone("example.", &text)]),
            &format!("{delegation} A +do"),
        );
        let records = records(&octets);
        assert!(records.iter().any(|(_, record)| record.rtype == Rtype::NS));
        let proofs = records
            .iter()
            .filter(|(_, record)| record.rtype == Rtype::NSEC3);
        proofs.count()
    };
    assert_eq!(proofs(0), 1);
    assert_eq!(proofs(150), 0);
}

#[test]
fn any_and_rrsig_give_signatures() {
    let table = Table::of(&[zone("signed.example.", NSEC)]);
    let types = |question: &str| {
        let request = Ask::new(question);
        let mut octets = Vec::new();
        table.responder(Config::default()).worker().respond(
            &request.octets,
            request.peer,
            NOW,
            &mut octets,
        );
        let types = records(&octets)
            .into_iter()
            .map(|(_, record)| record.rtype.to_string());
        types.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        types("mail.signed.example. ANY +tcp"),
        "A RRSIG MX RRSIG NSEC RRSIG"
    );
    assert_eq!(types("mail.signed.example. ANY"), "A");
    assert_eq!(types("mail.signed.example. ANY +do"), "A RRSIG");
    assert_eq!(
        types("mail.signed.example. RRSIG +tcp"),
        "RRSIG RRSIG RRSIG"
    );
    assert_eq!(types("mail.signed.example. RRSIG"), "RRSIG");
}

#[test]
fn the_root_zone_refers_with_ds_signature_and_glue() {
    let root = Table::of(&[root()]);
    let text = render(&reply(&root, "www.example.org. A +do"));
    assert!(
        text.starts_with("NOERROR edns do\n; authority\norg. 172800 IN NS "),
        "{text}"
    );
    assert_eq!(text.matches(" IN NS ").count(), 6);
    assert_eq!(text.matches("\norg. 86400 IN DS ").count(), 1, "{text}");
    assert_eq!(
        text.matches("\norg. 86400 IN RRSIG DS 8 1 86400 ").count(),
        1
    );
    assert_eq!(
        text.matches(" IN A ").count() + text.matches(" IN AAAA ").count(),
        12
    );
    let text = render(&reply(&root, "com. NS"));
    assert!(!text.contains("DS"), "{text}");
}

#[test]
fn the_root_zone_proves_what_does_not_exist() {
    check_proof(
        &Table::of(&[root()]),
        "nonexistent-tld. A",
        "NXDOMAIN aa
         ; authority
         . 86400 IN SOA a.root-servers.net. nstld.verisign-grs.com. 2020101902 1800 900 604800 86400",
        &[Covers("nonexistent-tld."), Covers("*.")],
    );
    let table = Table::of(&[root()]);
    assert!(
        render(&reply(&table, ". DNSKEY +do"))
            .starts_with("NOERROR aa edns do\n. 172800 IN DNSKEY 25")
    );
}

#[test]
fn priming_the_root_gets_all_addresses() {
    let text = render(&reply(&Table::of(&[root()]), ". NS +do"));
    assert!(
        text.starts_with("NOERROR aa edns do\n. 518400 IN NS "),
        "{text}"
    );
    assert_eq!(text.matches("\n. 518400 IN NS ").count(), 13);
    assert_eq!(
        text.matches(".root-servers.net. 518400 IN A").count(),
        26,
        "{text}"
    );
}

fn reply(table: &Table, question: &str) -> Vec<u8> {
    let request = Ask::new(question);
    let mut octets = Vec::new();
    table.responder(Config::default()).worker().respond(
        &request.octets,
        request.peer,
        NOW,
        &mut octets,
    );
    octets
}
