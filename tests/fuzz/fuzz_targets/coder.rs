#![no_main]

// The first call primes the model, which takes longer than an input may.
libfuzzer_sys::fuzz_target!(init: satpost::fuzz::coder(b""), |data: &[u8]| satpost::fuzz::coder(data));
