#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| satpost::fuzz::imap_structure(data));
