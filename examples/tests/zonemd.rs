//! Digests of zones: ours beside that of ldns, and what a secondary does with a zone whose digest is wrong.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{
    Node, Program, Settings, eventually, master_file, peer_program, root_zone, serial_of,
    until_serial,
};
use tempfile::TempDir;
use zonekit_store::{Checks, Zone, ZoneBuilder, ZoneLimits, ZonemdHash};
use zonekit_wire::{NameBuf, Rtype, master::Reader};

fn read(apex: &str, file: &Path) -> Zone {
    let apex: NameBuf = apex.parse().unwrap();
    let mut reader = Reader::open(file, apex.as_name()).unwrap();
    let mut builder = ZoneBuilder::new(apex.as_name(), ZoneLimits::default(), Checks::Strict);
    let soa = reader.next_record().unwrap().unwrap();
    assert_eq!(soa.rtype, Rtype::SOA);
    builder.begin(&soa).unwrap();
    while let Some(record) = reader.next_record().unwrap() {
        builder.add(&record).unwrap();
    }
    builder.finish().unwrap().0
}

/// Runs a program in `directory` and gives what it says.
fn run(program: &Path, arguments: &[&str], directory: &Path) -> String {
    let mut command = Command::new(program);
    let output = command
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program:?} {arguments:?}: {errors}"
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn digests_are_those_of_ldns() {
    let (Some(keygen), Some(signzone)) =
        (peer_program("ldns-keygen"), peer_program("ldns-signzone"))
    else {
        return;
    };
    let directory = TempDir::new().unwrap();
    let small = directory.path().join("small.zone");
    fs::write(&small, master_file("example.org", 7, 50)).unwrap();
    let key = |apex| run(&keygen, &["-a", "ECDSAP256SHA256", apex], directory.path());
    for (apex, file) in [(".", root_zone()), ("example.org", small)] {
        let key = key(apex);
        let file = file.to_str().unwrap();
        for how in [&["-Z"][..], &[key.trim()], &["-n", key.trim()]] {
            let signed = directory.path().join("signed.zone");
            let (options, keys) = how.split_at(how.iter().filter(|a| a.starts_with('-')).count());
            let fixed = [
                "-z",
                "sha384",
                "-z",
                "sha512",
                "-o",
                apex,
                "-f",
                "signed.zone",
                file,
            ];
            let arguments = [options, &fixed, keys].concat();
            run(&signzone, &arguments, directory.path());

            let zone = read(apex, &signed);
            assert_eq!(
                zone.verify_zonemd(),
                Ok(ZonemdHash::Sha384),
                "{arguments:?}"
            );
            let set = zone.rrset(zone.apex(), Rtype::ZONEMD).unwrap();
            let digests: Vec<&[u8]> = set.rdatas().map(|rdata| &rdata[6..]).collect();
            let ours =
                [ZonemdHash::Sha384, ZonemdHash::Sha512].map(|hash| zone.zonemd_digest(hash));
            assert_eq!(digests, [&*ours[0], &*ours[1]], "{arguments:?}");
        }
    }
}

/// A primary of example.org, whose master file is that of `serial`, with the digest that `digest` makes of the right one.
fn primary(
    directory: &Path,
    name: &str,
    serial: u32,
    digest: impl Fn(Vec<u8>) -> Vec<u8>,
) -> (Program, PathBuf) {
    let file = directory.join(name);
    write(&file, serial, digest);
    let entry = format!("example.org={}", file.display());
    let program = Program::ours("primary", &["--listen", "127.0.0.1:0", "--zone", &entry]);
    (program, file)
}

fn write(file: &Path, serial: u32, digest: impl Fn(Vec<u8>) -> Vec<u8>) {
    let text = master_file("example.org", serial, 20);
    let fresh = file.with_extension("new");
    fs::write(&fresh, &text).unwrap();
    let digest = digest(
        read("example.org", &fresh)
            .zonemd_digest(ZonemdHash::Sha384)
            .into_vec(),
    );
    let hex: String = digest.iter().map(|octet| format!("{octet:02x}")).collect();
    fs::write(&fresh, format!("{text}@ ZONEMD {serial} 1 1 {hex}\n")).unwrap();
    fs::rename(fresh, file).unwrap();
}

fn damaged(mut digest: Vec<u8>) -> Vec<u8> {
    digest[17] ^= 1;
    digest
}

#[test]
fn a_primary_whose_zone_does_not_match_its_digest_is_passed_over() {
    let directory = TempDir::new().unwrap();
    let (mut wrong, wrong_file) = primary(directory.path(), "wrong.zone", 1, damaged);
    let (mut right, right_file) = primary(directory.path(), "right.zone", 1, |digest| digest);
    let zone = format!(
        "[[zone]]\nname = \"example.org\"\ncontract = \"tests\"\nzonemd = \"required\"\n\
         primaries = [{{ address = \"{}\" }}, {{ address = \"{}\" }}]\n",
        wrong.address("dns"),
        right.address("dns")
    );
    let node = Node::start(directory.path(), &Settings::with(&zone));
    let serves = |serial| {
        until_serial(node.dns, "example.org", serial);
    };
    serves(1);
    // In the status until the next visit, which finds that there is nothing new; in the history for longer.
    let visit = eventually("the end of the first visit", || {
        let (_, history) = node.api.get("/v1/zones/example.org/history");
        history["items"].as_array()?.last().cloned()
    });
    let error = visit["error"]["text"].as_str().unwrap();
    assert!(
        error.contains("SHA-384 digest of the ZONEMD record is not that of the zone"),
        "{visit}"
    );
    assert_eq!(visit["to"], 1, "{visit}");
    let id = node.id_of("example.org");
    eventually("OK of the other", || {
        (node.api.transfer_status(&id)[1]["status"] == "OK").then_some(())
    });

    // A wrong version that nobody has right is not served; the next right one is.
    write(&wrong_file, 2, damaged);
    wrong.signal("HUP");
    until_serial(wrong.address("dns"), "example.org", 2);
    eventually("word of a version that is not taken", || {
        let said = node.program.said();
        { said.lines() }
            .any(|line| line.contains("\"offered\":2") && line.contains("\"kind\":\"zonemd\""))
            .then_some(())
    });
    assert_eq!(serial_of(node.dns, "example.org"), Some(1));
    for (program, file) in [(&wrong, &wrong_file), (&right, &right_file)] {
        write(file, 3, |digest| digest);
        program.signal("HUP");
    }
    serves(3);
}
