#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| satpost::fuzz::ip(data));
