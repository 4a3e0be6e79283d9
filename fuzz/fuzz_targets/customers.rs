//! Feeds arbitrary bytes to the body `nfcapd`.
#![no_main]

#[path = "../bodies.rs"]
#[allow(dead_code, reason = "each target uses one body of all")]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::run("customers", data));
