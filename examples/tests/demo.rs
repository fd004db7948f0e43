//! `secondary demo --once` ends with 0 after it has shown the real root zone arrive.

mod support;

use support::Program;

#[test]
fn the_demo_transfers_the_root_zone_and_ends_with_0() {
    let (status, said) = Program::ours("secondary", &["demo", "--once"]).wait();
    assert!(status.success(), "{status}:\n{said}");
    for word in [
        "serves . serial 2020101902, 21591 records",
        "AVAILABLE",
        "21591 records in all",
        "com. NS: NOERROR, 0 answers, 13 in the authority section",
        "no-such-tld. A: NXDOMAIN",
        "21591 records, 0 missing, 0 added",
    ] {
        assert!(said.contains(word), "{word:?} is missing in:\n{said}");
    }
}
