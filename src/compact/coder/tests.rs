//! What is coded comes back, and the codes are those that were published.
//!
//! The golden codes and states in `golden/` are compared in debug (with overflow checks), in release, and on ARM:
//!
//! ```text
//! rustup target add aarch64-unknown-linux-gnu; apt-get install gcc-aarch64-linux-gnu qemu-user
//! CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
//! CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER='qemu-aarch64 -L /usr/aarch64-linux-gnu' \
//!   cargo test -p satpost-compact --release --target aarch64-unknown-linux-gnu golden
//! ```
//!
//! A new number (or, before a release, a new primer) is given its files by
//! `cargo test -p satpost-compact --release -- --ignored write_golden`; the next run compares with them.

use std::sync::{LazyLock, Mutex, MutexGuard};

use super::*;

mod fuzz;
mod golden;
mod kept;
mod sizes;
mod times;

/// Priming takes seconds, so tests share the coders.
fn coder(which: usize) -> MutexGuard<'static, Coder> {
    static CODERS: [LazyLock<Mutex<Coder>>; MODELS.len()] = [
        LazyLock::new(|| Mutex::new(Coder::new(&MODELS[0]))),
        LazyLock::new(|| Mutex::new(Coder::new(&MODELS[1]))),
        LazyLock::new(|| Mutex::new(Coder::new(&MODELS[2]))),
        LazyLock::new(|| Mutex::new(Coder::new(&MODELS[3]))),
        LazyLock::new(|| Mutex::new(Coder::new(&MODELS[4]))),
        LazyLock::new(|| Mutex::new(Coder::new(&MODELS[5]))),
    ];
    // Where another test failed with it in its hands, it may be in the middle of a message; that test is the one to see.
    CODERS[which].lock().unwrap()
}

fn samples() -> Vec<Vec<u8>> {
    let mut records = vec![
        b"\x01+14155550123\nAll well at the hut, home on Sunday".to_vec(),
        b"\x02mum@example.org\nBoat\nWe have left the harbour.\nLove, Anna".to_vec(),
        "\x02a@b\n\n\u{443}\u{442}\u{440}\u{43e} \u{4f60}\u{597d}".as_bytes().to_vec(),
    ];
    records.extend([vec![], vec![255; 300]]);
    records
}

#[test]
fn records_come_back_alone_and_together_in_any_order() {
    for which in 0..MODELS.len() {
        let mut coder = coder(which);
        let records = samples();
        let code = coder.encode(&records);
        assert_eq!(coder.decode(&code).unwrap(), records);
        let alone: Vec<_> = records.iter().map(|record| coder.encode(&[record])).collect();
        for (code, record) in alone.iter().zip(&records).rev() {
            assert_eq!(coder.decode(code).unwrap().concat(), *record);
            assert_eq!(&coder.encode(&[record]), code, "every message starts from the same state");
        }
        let twice = coder.encode(&[&records[1], &records[1]]);
        assert!(2 * twice.len() < 3 * alone[1].len(), "a message profits from the one before it");
        assert!(alone[0].len() < 26 && alone[1].len() < 40, "{} {}", alone[0].len(), alone[1].len());
    }
}

#[test]
fn a_salt_changes_the_code_and_not_what_it_says() {
    let mut coder = coder(0);
    let records = samples();
    let mut codes: Vec<_> = (1..64).map(|salt| coder.encode_after(&[], &records, salt)).collect();
    for code in &codes {
        assert_eq!(coder.decode(code).as_ref(), Some(&records));
    }
    codes.sort();
    codes.dedup();
    assert!(codes.len() >= 32, "{} codes", codes.len());
}

#[test]
fn the_front_of_a_code_says_what_is_certain() {
    let mut coder = coder(0);
    let records = samples();
    let code = coder.encode(&records);
    let whole = records.concat();
    for length in 0..=code.len() {
        let front = coder.decode_front(&code[..length]).concat();
        assert!(whole.starts_with(&front), "{length} of {}", code.len());
        assert!(length < 20 || front.len() > length, "{} bytes from {length}", front.len());
    }
}

#[test]
fn what_no_decoder_would_take_is_not_taken() {
    assert!(Coder::takes(&samples()) && Coder::takes(&[[1_u8; LONGEST - 1]]));
    assert!(!Coder::takes(&[[1_u8; LONGEST]]) && !Coder::takes(&[[0_u8]]));
    assert!(!Coder::takes::<&[u8]>(&[]) && !Coder::takes(&[[1_u8]; MOST + 1]));
    let mut coder = coder(MODELS.len() - 1);
    let largest = [vec![b'a'; LONGEST - MOST], vec![]].into_iter().chain(vec![vec![]; MOST - 2]).collect::<Vec<_>>();
    let code = coder.encode(&largest);
    assert_eq!(coder.decode(&code), Some(largest));
    let larger = coder.encode(&[[b'a'; LONGEST]]);
    assert_eq!(coder.decode(&larger), None);
    let more = coder.encode(&[b"a"; MOST + 1]);
    assert_eq!(coder.decode(&more), None);
}
