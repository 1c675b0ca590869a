//! Whatever comes, decoding ends: no panic, and no more than a code may hold.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use testing::Dice;

use super::*;
use crate::letter::{Kind, Letter, Other, to_record};
use crate::packet::{pack, unpack};

/// Bytes with a few of them changed, doubled, cut out, or come from nowhere.
fn spoil(dice: &mut Dice, bytes: &mut Vec<u8>) {
    for _ in 0..1 + dice.index(4) {
        let at = dice.index(bytes.len() + 1);
        match dice.index(6) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, dice.index(256) as u8),
            2 => bytes.extend_from_within(at..),
            3 => bytes.extend((0..dice.index(40)).map(|n| n as u8)),
            _ if at < bytes.len() => bytes[at] ^= 1 << dice.index(8),
            _ => bytes.push(0),
        }
    }
    bytes.truncate(4096);
}

/// Codes and packets that were of interest once, one a line in hex: `code` or `packet` before it.
fn corpus() -> Vec<(bool, Vec<u8>)> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/fuzz.corpus");
    let text = fs::read_to_string(path).unwrap();
    let bytes =
        |hex: &str| (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    text.lines().filter_map(|line| line.split_once(' ')).map(|(what, hex)| (what == "packet", bytes(hex))).collect()
}

fn decode(coder: &mut Coder, code: &[u8]) {
    let started = Instant::now();
    if let Some(records) = coder.decode(code) {
        assert!(Coder::takes(&records), "{code:02x?}");
        // Another code may say the same, but then it is said the same way.
        let again = coder.encode(&records);
        assert_eq!(coder.decode(&again), Some(records), "{code:02x?}");
    }
    coder.decode_front(code);
    assert!(started.elapsed() < Duration::from_secs(60), "{code:02x?}");
}

fn letters(dice: &mut Dice) -> Vec<Letter> {
    let words = ["fuel", "Where are you?", "héllo", "数", "\n", "12", "ok ok ok ok", "LOVE", "\u{1f600}", "q9#~"];
    let text = |dice: &mut Dice, most: usize| -> String {
        (0..dice.index(most)).map(|_| words[dice.index(words.len())].to_owned() + " ").collect()
    };
    (0..1 + dice.index(3))
        .map(|_| {
            let kind = if dice.index(2) == 0 { Kind::Text } else { Kind::Mail };
            let subject = if kind == Kind::Mail { text(dice, 4).replace('\n', "") } else { String::new() };
            let most = if dice.index(20) == 0 { 200 } else { 20 };
            let person = (dice.index(4) == 0).then(|| "anna".to_owned());
            Letter { kind, person, other: Other::Address("mum@example.org".into()), subject, text: text(dice, most) }
        })
        .collect()
}

fn one_round(coder: &mut Coder, dice: &mut Dice) {
    let letters = letters(dice);
    let mut packets = pack(coder, &letters, dice.index(64) as u8, 192).unwrap();
    assert_eq!(unpack(coder, &packets).as_ref(), Ok(&letters));
    let mut code = packets[0][2..].to_vec();
    spoil(dice, &mut code);
    decode(coder, &code);
    for _ in 0..1 + dice.index(2) {
        let which = dice.index(packets.len());
        spoil(dice, &mut packets[which]);
    }
    let _ = unpack(coder, &packets);
    after_a_past(coder, dice, &letters);
    let noise: Vec<u8> = (0..dice.index(64)).map(|_| dice.index(256) as u8).collect();
    decode(coder, &noise);
}

/// What comes after something is read by who has that, and whatever else comes is no code or one that a sender makes.
fn after_a_past(coder: &mut Coder, dice: &mut Dice, letters: &[Letter]) {
    let records = |letters: &[Letter]| letters.iter().filter_map(to_record).collect::<Vec<_>>();
    let (past, all) = (records(&self::letters(dice)), records(letters));
    let mut code = coder.encode_after(&past, &all, 1 + dice.index(63) as u16);
    assert_eq!(coder.decode_after(&past, &code).as_ref(), Some(&all));
    spoil(dice, &mut code);
    if let Some(found) = coder.decode_after(&past, &code) {
        let ours = (1..MOST_SALTS).any(|salt| coder.encode_after(&past, &found, salt) == code);
        assert!(ours, "{code:02x?} after {past:02x?}");
    }
    coder.front_after(&past, &code);
}

#[test]
fn spoiled_codes_and_packets_end_within_limits() {
    let mut coder = coder(MODELS.len() - 1);
    for (packet, bytes) in corpus() {
        if packet {
            let _ = unpack(&mut *coder, &[bytes]);
        } else {
            decode(&mut coder, &bytes);
        }
    }
    let mut dice = Dice::new(4);
    (0..40).for_each(|_| one_round(&mut coder, &mut dice));
}

#[test]
#[ignore = "runs as long as SATPOST_FUZZ_SECONDS says"]
fn fuzz_by_hand() {
    let seconds = std::env::var("SATPOST_FUZZ_SECONDS").map_or(10, |seconds| seconds.parse().unwrap());
    let seed = RandomState::new().build_hasher().finish();
    let mut coder = Coder::new(&MODELS[MODELS.len() - 1]);
    let (mut rounds, started) = (0_u64, Instant::now());
    while started.elapsed() < Duration::from_secs(seconds) {
        one_round(&mut coder, &mut Dice::new(seed.wrapping_add(rounds)));
        rounds += 1;
    }
    println!("{rounds} rounds");
}
