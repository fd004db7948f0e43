#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| zonekit_claims::tsig_message(octets));
