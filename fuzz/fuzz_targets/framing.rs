#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| zonekit_claims::framing(octets));
