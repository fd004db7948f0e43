//! The zones that everybody is asked about.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{peer_program, root_zone};

/// A zone with everything that an answer may go wrong over: wildcards (at two depths, beside what they do not stand for,
/// as CNAME, as MX, below a cut), empty non-terminals, CNAME chains, loops and dead ends, DNAMEs within the zone, out of
/// it, into themselves and at a wildcard's side, delegations with glue below the cut, at a sibling's, in the zone and
/// elsewhere, with DS and without, a name below a cut that hides, odd octets, an unknown type, RRsets of all sizes.
pub const RICH: &str = r#"
@ 3600 SOA ns1 hostmaster 7 3600 900 604800 300
@ NS ns1
@ NS ns2
@ NS ns.elsewhere.test.
@ MX 10 mail
@ TXT "apex"
@ CAA 0 issue "ca.test"
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
ns2 A 192.0.2.2
mail A 192.0.2.3
mail MX 5 mail
MiXeD.Case A 192.0.2.4
www CNAME mail
chain1 CNAME chain2
chain2 CNAME chain3.deep
chain3.deep CNAME ns1
dangling CNAME nothing.here
loop1 CNAME loop2
loop2 CNAME loop1
away CNAME www.elsewhere.test.
incut CNAME www.cut
indname CNAME x.moved
inwild CNAME some.wild
*.wild TXT "any"
*.wild MX 10 mail
host.wild A 192.0.2.5
a.b.c.wild A 192.0.2.6
*.alias CNAME mail
*.wildchain CNAME some.wild
*.wildaway CNAME x.nothing
*.wildcut CNAME www.cut
sub.*.odd TXT "below a star"
*.*.odd TXT "two stars"
one.two.three TXT "below two empty ones"
moved DNAME new
host.new A 192.0.2.8
host.new TXT "moved here"
*.sub.new A 192.0.2.9
alias.new CNAME host.new
moveaway DNAME elsewhere.test.
moveloop DNAME x.moveloop2
moveloop2 DNAME moveloop
movewild DNAME wild
movecut DNAME cut
longer DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc.d
longer TXT "beside a DNAME"
cut NS ns.cut
cut NS ns.other
cut DS 12345 13 2 0102030405060708091011121314151617181920212223242526272829303132
ns.cut A 192.0.2.10
ns.cut AAAA 2001:db8::10
other NS ns.other
other NS ns.cut
ns.other A 192.0.2.11
far NS ns1
far NS ns.elsewhere.test.
far.away NS ns.elsewhere.test.
selfns NS selfns
selfns A 192.0.2.12
hidden.cut A 192.0.2.13
*.cut A 192.0.2.14
www.cut TXT "below the cut"
many NS ns1.many
many NS ns2.many
many NS ns3.many
many NS ns4.many
many NS ns5.many
many NS ns6.many
many NS ns7.many
ns1.many A 192.0.2.21
ns1.many AAAA 2001:db8::21
ns2.many A 192.0.2.22
ns2.many AAAA 2001:db8::22
ns3.many A 192.0.2.23
ns3.many AAAA 2001:db8::23
ns4.many A 192.0.2.24
ns4.many AAAA 2001:db8::24
ns5.many A 192.0.2.25
ns5.many AAAA 2001:db8::25
ns6.many A 192.0.2.26
ns6.many AAAA 2001:db8::26
ns7.many A 192.0.2.27
ns7.many AAAA 2001:db8::27
only.ds NS ns.elsewhere.test.
only.ds DS 12346 13 2 0102030405060708091011121314151617181920212223242526272829303132
\000\255 TXT "odd octets"
a\.b TXT "a dot in a label"
_sip._udp SRV 1 2 3 mail
_sip._udp SRV 1 2 3 ns.cut
typed TYPE65280 \# 3 010203
svc HTTPS 1 . alpn="h2"
aptr PTR mail
anaptr NAPTR 1 1 "u" "sip" "" mail
anloc LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
"#;

/// More records of the rich zone than its text shows.
fn grown() -> String {
    let mut text = RICH.to_owned();
    for number in 0..40 {
        text += &format!("big TXT \"{number:0100}\"\n");
    }
    for number in 0..9 {
        text += &format!("middling TXT \"{number:0100}\"\n");
    }
    for number in 0..30 {
        text += &format!("round A 198.51.100.{number}\n");
    }
    text
}

/// A registry's zone: delegations of which a third are signed, some with glue, some deeper, some by themselves under
/// names that nothing else is at, so that with opt-out no record shows these.
fn registry() -> String {
    let mut text =
        "@ 3600 SOA ns1.nic hostmaster.nic 7 3600 900 604800 300\n@ NS ns1.nic\n@ NS ns2.nic\n\
         nic A 192.0.2.1\nns1.nic A 192.0.2.1\nns2.nic AAAA 2001:db8::2\nwww.nic CNAME nic\n\
         *.park TXT \"parked\"\nold DNAME new\n"
            .to_owned();
    for number in 0..400 {
        let owner = match number % 20 {
            0 => format!("d{number}.co"),               // some signed, some not
            1 => format!("d{number}.unsigned"),         // an empty non-terminal that opt-out hides
            2 => format!("d{number}.deep{number}.org"), // two of them
            _ => format!("domain{number}"),
        };
        let hidden = number % 20 == 1;
        text += &format!(
            "{owner} NS ns1.{owner}\n{owner} NS ns{}.hoster{}.test.\n",
            number % 3,
            number % 7
        );
        match number % 4 {
            0 => text += &format!("ns1.{owner} A 192.0.2.{}\n", number % 250),
            1 => {
                text += &format!(
                    "ns1.{owner} A 192.0.2.{0}\nns1.{owner} AAAA 2001:db8::{0}\n",
                    number % 250
                )
            }
            2 => text += &format!("{owner} NS ns2.nic\n"),
            _ => text += &format!("{owner} NS ns1.domain{}\n", (number + 20) / 4 * 4 % 400),
        }
        if number % 3 == 0 && !hidden {
            text += &format!(
                "{owner} DS {number} 13 2 0102030405060708091011121314151617181920212223242526272829303132\n"
            );
        }
    }
    text
}

/// How a zone denies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Denial {
    /// Not at all: it is not signed.
    Unsigned,
    Nsec,
    /// With a salt and one extra iteration.
    Nsec3,
    Nsec3OptOut,
}

/// A zone's master file, and the keys that it is to be trusted by.
pub struct TestZone {
    /// With its final dot.
    pub apex: &'static str,
    pub text: String,
    /// The DNSKEY records that sign the others, as a trust anchor file has them; empty if it is not signed.
    pub anchors: String,
    /// When the signatures were good, if not now, as 14 digits.
    pub date: Option<&'static str>,
}

/// The root zone as it was on 19 October 2020.
pub fn root() -> TestZone {
    let text = fs::read_to_string(root_zone()).unwrap();
    let anchors = text.lines().filter(|line| line.contains("\tDNSKEY\t257 "));
    TestZone {
        apex: ".",
        anchors: anchors.map(|line| line.to_owned() + "\n").collect(),
        text,
        date: Some("20201020120000"),
    }
}

/// The rich zone under this name.
pub fn rich(apex: &'static str, denial: Denial) -> TestZone {
    sign(apex, &grown(), denial)
}

/// The registry's zone under this name, with opt-out.
pub fn tld(apex: &'static str) -> TestZone {
    sign(apex, &registry(), Denial::Nsec3OptOut)
}

/// The programs that sign.
pub const SIGNERS: [&str; 2] = ["dnssec-keygen", "dnssec-signzone"];

fn sign(apex: &'static str, relative: &str, denial: Denial) -> TestZone {
    let text = format!("$ORIGIN {apex}\n$TTL 3600\n{relative}");
    if denial == Denial::Unsigned {
        return TestZone {
            apex,
            text,
            anchors: String::new(),
            date: None,
        };
    }
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    fs::write(place.join("zone"), text).unwrap();
    let mut anchors = String::new();
    for flags in [&["-f", "KSK"][..], &[]] {
        let key = run(
            place,
            "dnssec-keygen",
            &[&["-q", "-a", "ECDSAP256SHA256"], flags, &[apex]].concat(),
        );
        if !flags.is_empty() {
            anchors = fs::read_to_string(place.join(format!("{}.key", key.trim()))).unwrap();
        }
    }
    let chain: &[&str] = match denial {
        Denial::Unsigned | Denial::Nsec => &[],
        Denial::Nsec3 => &["-3", "aabb", "-H", "1"],
        Denial::Nsec3OptOut => &["-3", "-", "-H", "0", "-A"],
    };
    let fixed = ["-S", "-P", "-q", "-O", "full", "-o", apex, "-f", "signed"];
    run(
        place,
        "dnssec-signzone",
        &[&fixed, chain, &["zone"]].concat(),
    );
    TestZone {
        apex,
        text: fs::read_to_string(place.join("signed")).unwrap(),
        anchors,
        date: None,
    }
}

fn run(directory: &Path, program: &str, arguments: &[&str]) -> String {
    let path = peer_program(program).expect("a program that was looked for before");
    let output = Command::new(path)
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}
