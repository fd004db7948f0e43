//! Zones to transfer, and what two of them have to have in common to be equal.

use std::fmt::Write;
use std::path::PathBuf;

/// The project's copy of the root zone: serial 2020101902, 21,591 records.
pub fn root_zone() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/root.zone")
}

/// A small zone as a master file: its name servers, some hosts, and as many more hosts as wanted.
pub fn master_file(zone: &str, serial: u32, hosts: usize) -> String {
    let mut text = format!(
        "$ORIGIN {zone}.\n$TTL 300\n\
         @ SOA ns1 hostmaster {serial} 3600 900 604800 60\n\
         @ NS ns1\n@ NS ns2.example.net.\nns1 A 192.0.2.1\n\
         @ MX 10 mail\nmail AAAA 2001:db8::25\n\
         @ TXT \"serial {serial}\"\nWww CNAME host0\n*.wild TXT \"a; b\" \"\\\"c\\\"\"\n"
    );
    for host in 0..hosts {
        let _ = writeln!(
            text,
            "host{host} A 198.51.{}.{}",
            host / 250 % 250,
            host % 250 + 1
        );
    }
    text
}

/// Lines of presentation form, made comparable: blanks joined, owner in lower case, sorted; comments and empty lines
/// left out. Case in RDATA is kept: a secondary keeps it, too.
pub fn canonical_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = { text.lines() }
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with(';'))
        .map(|line| {
            let mut fields = line.split_ascii_whitespace();
            let owner = fields.next().unwrap_or_default().to_ascii_lowercase();
            fields.fold(owner, |line, field| line + " " + field)
        })
        .collect();
    lines.sort_unstable();
    lines
}
