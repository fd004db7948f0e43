//! Any octets as the answer to AXFR: never a panic, and never a commit that the stream does not bear out.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/xfr/tests/common/claims.rs"]
#[allow(dead_code)]
mod claims;

fuzz_target!(|octets: &[u8]| claims::axfr_stream(octets));
