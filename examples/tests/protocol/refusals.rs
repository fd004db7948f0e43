//! A version that the zone's command refuses is not the end of a visit: the next primary is asked in the same one.

use serde_json::Value;
use zonekit_wire::Rcode;

use super::*;
use crate::support::{PATIENT, QUIET, eventually, rcode_of};

/// The first visit to primaries with these serials, where the command refuses those that match `refused` (a pattern of the
/// shell); and what is known of the primaries afterwards.
fn first_visit(serials: [u32; 2], refused: &str) -> (Inside, [Host; 2], Value, Value) {
    let hosts = serials.map(|serial| well(&Arc::new(AtomicU32::new(serial))));
    let [first, second] = hosts.each_ref().map(Host::listen);
    let zone = format!(
        "{PATIENT}[[zone]]\nname = \"example.org\"\ncontract = \"tests\"\n\
         primaries = [{{ address = \"{first}\" }}, {{ address = \"{second}\" }}]\n\
         verify = {{ command = [\"sh\", \"-c\", \"cat >/dev/null; case $ZONEKIT_SERIAL in {refused}) echo no $ZONEKIT_SERIAL >&2; exit 1;; esac\"] }}\n"
    );
    let settings = Settings {
        timers: QUIET, // the first visit is the only one
        ..Settings::with(&zone)
    };
    let node = Inside::start(&settings);
    let visit = eventually("the end of the first visit", || {
        let (_, history) = node.api.get("/v1/zones/example.org/history");
        history["items"].as_array()?.last().cloned()
    });
    let (_, zone) = node.api.get("/v1/zones/example.org");
    (node, hosts, visit, zone["primaries"].clone())
}

fn questions(host: &Host, rtype: Rtype) -> usize {
    let asked = host.asked.lock().unwrap();
    asked.iter().filter(|asked| asked.rtype == rtype).count()
}

#[test]
fn what_the_command_refuses_is_taken_from_the_next_primary_in_the_same_visit() {
    let (node, hosts, visit, primaries) = first_visit([9, 8], "9");
    assert_eq!(node.serial("example.org"), Some(8), "{visit}");
    assert_eq!(visit["outcome"], "transferred", "{visit}");
    assert_eq!(visit["to"], 8, "{visit}");
    assert_eq!(visit["error"]["kind"], "verify", "{visit}");
    assert_eq!(primaries[0]["outcome"], "error", "{primaries}");
    let text = &primaries[0]["error"]["text"];
    assert_eq!(text, "sh ended with status 1: no 9", "{primaries}");
    assert_eq!(primaries[0]["serial"], 9, "{primaries}");
    assert_eq!(primaries[1]["outcome"], "ok", "{primaries}");
    let whole = hosts.each_ref().map(|host| questions(host, Rtype::AXFR));
    assert_eq!(whole, [1, 1]);
}

#[test]
fn what_the_command_refuses_of_everybody_is_not_served() {
    let (node, hosts, visit, primaries) = first_visit([9, 8], "*");
    assert_eq!(
        rcode_of(node.dns, "example.org"),
        Rcode::SERVFAIL,
        "{visit}"
    );
    assert_eq!(visit["outcome"], "failed", "{visit}");
    for (place, serial) in [(0, 9), (1, 8)] {
        let text = &primaries[place]["error"]["text"];
        let words = format!("sh ended with status 1: no {serial}");
        assert_eq!(*text, words, "{primaries}");
    }
    let whole = hosts.each_ref().map(|host| questions(host, Rtype::AXFR));
    assert_eq!(whole, [1, 1]);
}
