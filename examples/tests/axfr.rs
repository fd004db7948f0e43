//! The programs `axfr` and `notify` from outside: what they print, what they leave alone, and their exit statuses.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use support::{Program, canonical_lines, eventually, master_file, root_zone};
use tempfile::TempDir;

const KEY: &str = "transfer.example.:c2VjcmV0LWtleS1vZi0zMi1vY3RldHMtZm9yLWJlbmNoISE=";

fn primary(arguments: &[&str]) -> (Program, String) {
    let arguments = [&["--listen", "127.0.0.1:0"], arguments].concat();
    let mut program = Program::ours("primary", &arguments);
    let address = program.address("dns");
    (program, format!("@{address}"))
}

#[track_caller]
fn axfr(arguments: &[&str], status: i32) -> String {
    let (found, said) = Program::ours("axfr", arguments).wait();
    assert_eq!(found.code(), Some(status), "{arguments:?}: {said}");
    said
}

#[test]
fn the_root_zone_is_printed_record_by_record_as_it_is_in_its_file() {
    let file = root_zone();
    let (_primary, server) = primary(&["--zone", &format!(".={}", file.display())]);
    let printed = axfr(&[&server, "."], 0);
    assert!(printed.starts_with(". 86400 IN SOA a.root-servers.net. "));
    assert_eq!(
        printed
            .lines()
            .filter(|line| line.contains(" IN SOA "))
            .count(),
        1
    );
    let (printed, expected) = (
        canonical_lines(&printed),
        canonical_lines(&fs::read_to_string(file).unwrap()),
    );
    assert_eq!(printed.len(), 21_591);
    // The file has some IPv6 addresses in another spelling; nothing else differs.
    let others = |lines: Vec<String>| {
        lines
            .into_iter()
            .filter(|line| !line.contains(" AAAA "))
            .collect::<Vec<_>>()
    };
    assert!(others(printed) == others(expected));
}

#[test]
fn a_key_comes_from_the_command_line_or_from_a_file_in_either_form() {
    let directory = TempDir::new().unwrap();
    let zone = directory.path().join("zone");
    fs::write(&zone, master_file("example.org", 7, 2)).unwrap();
    let (_primary, server) = primary(&[
        "--zone",
        &format!("example.org={}", zone.display()),
        "--key",
        KEY,
    ]);
    let (name, secret) = KEY.split_once(':').unwrap();
    let clause =
        format!("key \"{name}\" {{\n\talgorithm hmac-sha256;\n\tsecret \"{secret}\";\n}};\n");
    let expected = axfr(&[&server, "example.org", "--key", KEY], 0);
    assert_eq!(expected.lines().count(), 11);
    for text in [clause, format!("{KEY}\n"), format!("hmac-sha256:{KEY}\n")] {
        let file = directory.path().join("key");
        fs::write(&file, text).unwrap();
        assert_eq!(
            axfr(
                &[
                    &server,
                    "example.org.",
                    "--key-file",
                    file.to_str().unwrap()
                ],
                0
            ),
            expected
        );
    }
}

#[test]
fn refused_bad_key_no_connection_and_broken_have_statuses_of_their_own() {
    let directory = TempDir::new().unwrap();
    let zone = directory.path().join("zone");
    fs::write(&zone, master_file("example.org", 7, 2)).unwrap();
    let (_primary, server) = primary(&[
        "--zone",
        &format!("example.org={}", zone.display()),
        "--key",
        KEY,
    ]);

    axfr(&[&server], 2);
    assert!(axfr(&[&server, "example.org"], 3).contains("REFUSED"));
    assert!(axfr(&[&server, "example.net", "--key", KEY], 3).contains("NOTAUTH"));
    let unknown = KEY.replace("transfer", "unknown");
    assert!(axfr(&[&server, "example.org", "--key", &unknown], 4).contains("BADKEY"));
    let wrong = KEY.replace("c2Vj", "b3Ro");
    assert!(axfr(&[&server, "example.org", "--key", &wrong], 4).contains("BADSIG"));
    let nobody = "@127.0.0.1:1";
    assert!(axfr(&[nobody, "example.org"], 5).contains("refused"));
    let cut = format!("@{}", cut_short());
    assert!(axfr(&[&cut, "example.org"], 6).contains("closed"));
    axfr(
        &[
            &server,
            "example.org",
            "--key",
            KEY,
            "--out",
            "/nowhere/zone",
        ],
        1,
    );
}

#[test]
fn a_file_is_put_in_place_when_the_zone_is_whole_and_left_alone_when_it_is_not() {
    let directory = TempDir::new().unwrap();
    let zone = directory.path().join("zone");
    fs::write(&zone, master_file("example.org", 7, 2)).unwrap();
    let (_primary, server) = primary(&[
        "--zone",
        &format!("example.org={}", zone.display()),
        "--key",
        KEY,
    ]);
    let out = directory.path().join("out");
    let out = out.to_str().unwrap();
    fs::write(out, "what was there before\n").unwrap();
    let cut = format!("@{}", cut_short());
    axfr(&[&cut, "example.org", "--out", out], 6);
    axfr(&[&server, "example.org", "--out", out], 3);
    assert_eq!(fs::read_to_string(out).unwrap(), "what was there before\n");
    axfr(&[&server, "example.org", "--key", KEY, "--out", out], 0);
    assert_eq!(
        fs::read_to_string(out).unwrap(),
        axfr(&[&server, "example.org", "--key", KEY], 0) + "\n"
    );
    let left: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 2, "nothing half done is left behind: {left:?}");
}

#[test]
fn an_ixfr_that_brings_nothing_is_the_soa_alone() {
    let directory = TempDir::new().unwrap();
    let zone = directory.path().join("zone");
    fs::write(&zone, master_file("example.org", 7, 2)).unwrap();
    let (_primary, server) = primary(&["--zone", &format!("example.org={}", zone.display())]);
    let printed = axfr(&[&server, "example.org", "--ixfr", "7"], 0);
    assert_eq!(
        printed,
        "example.org. 300 IN SOA ns1.example.org. hostmaster.example.org. 7 3600 900 604800 60"
    );
    // What led to the version it began with, this primary does not know.
    assert_eq!(
        axfr(&[&server, "example.org", "--ixfr", "6"], 0)
            .lines()
            .count(),
        11
    );
}

#[test]
fn what_a_file_says_anew_is_handed_on_as_differences() {
    let directory = TempDir::new().unwrap();
    let zone = directory.path().join("zone");
    let write =
        |serial, hosts| fs::write(&zone, master_file("example.org", serial, hosts)).unwrap();
    write(7, 200);
    let (program, server) = primary(&["--zone", &format!("example.org={}", zone.display())]);
    let soa = |serial: u32| {
        format!(
            "example.org. 300 IN SOA ns1.example.org. hostmaster.example.org. {serial} 3600 900 604800 60"
        )
    };
    let text = |serial: u32| format!("example.org. 300 IN TXT \"serial {serial}\"");
    let host = || "host200.example.org. 300 IN A 198.51.0.201".to_owned();
    let to_eight = vec![soa(7), text(7), soa(8), text(8), host()];
    let to_nine = vec![soa(8), text(8), host(), soa(9), text(9)];
    for (serial, hosts, steps) in [
        (8, 201, to_eight.clone()),
        (8, 201, to_eight.clone()), // read again, and found as it was
        (9, 200, [to_eight, to_nine].concat()),
    ] {
        write(serial, hosts);
        program.signal("HUP");
        let expected = [vec![soa(serial)], steps].concat();
        eventually("the differences since serial 7", || {
            let said = axfr(&[&server, "example.org", "--ixfr", "7"], 0);
            let found = said.lines().eq(&expected);
            found.then_some(())
        });
    }
}

#[test]
fn notify_tells_what_came_back() {
    let nobody = "@127.0.0.1:1";
    let (status, said) = Program::ours("notify", &[nobody, "example.org", "--serial", "7"]).wait();
    assert_eq!(status.code(), Some(5), "{said}");
    let (status, said) = Program::ours("notify", &["--help"]).wait();
    assert!(status.success() && said.contains("NOTAUTH"), "{said}");
}

/// A server that begins a transfer and closes the connection before the closing SOA.
fn cut_short() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 512];
            let length = stream.read(&mut request).unwrap();
            // The same message as an answer, with one record: the SOA, whose names are the root.
            let mut answer = request[2..length].to_vec();
            answer[2] |= 0x84;
            answer[7] = 1;
            answer[11] = 0;
            answer.truncate(12 + 13 + 4);
            answer.extend([0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 60, 0, 22, 0, 0, 0, 0, 0, 9]);
            answer.extend([0; 16]);
            let mut framed = (answer.len() as u16).to_be_bytes().to_vec();
            framed.extend(answer);
            let _ = stream.write_all(&framed);
        }
    });
    address
}
