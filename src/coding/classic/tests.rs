use super::Protocol::{Email, Sms};
use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn packet(version: u32, from_device: bool, messages: &[(&str, &str, Protocol)]) -> Packet {
    let inner = |&(text, to, protocol): &(&str, &str, Protocol)| Inner { text: text.into(), to: to.into(), protocol };
    Packet { version, from_device, messages: messages.iter().map(inner).collect() }
}

/// Encodings made with another protobuf library and by hand.
#[test]
fn known_packets_encode_and_decode() {
    let xs = "x".repeat(130);
    let g = format!("08011295010a8201{}1a0c2b313431353535353031323328021800", "78".repeat(130));
    let phone = "+14155550123";
    let vectors: [(Packet, &str); 7] = [
        (
            packet(0, true, &[("Test", "timbit@pigscanfly.ca", Email)]),
            "0800121e0a04546573741a1474696d626974407069677363616e666c792e636128011801",
        ),
        (
            packet(1, false, &[("Subject\nHello", "alice@example.com", Email)]),
            "080112240a0d5375626a6563740a48656c6c6f1a11616c696365406578616d706c652e636f6d28011800",
        ),
        (
            packet(1, true, &[("On my way", phone, Sms)]),
            "0801121b0a094f6e206d79207761791a0c2b313431353535353031323328021801",
        ),
        (
            packet(1, true, &[("Hi mom", "mom@example.com", Email), ("Hi Bob", phone, Sms)]),
            "0801121b0a064869206d6f6d1a0f6d6f6d406578616d706c652e636f6d280112180a06486920426f621a0c2b313431353535353031323328021801",
        ),
        (
            packet(1, false, &[("Café ☃", "josé@example.com", Email)]),
            "080112200a09436166c3a920e298831a116a6f73c3a9406578616d706c652e636f6d28011800",
        ),
        (packet(1, true, &[]), "08011801"),
        (packet(1, false, &[(&xs, phone, Sms)]), &g),
    ];
    for (packet, hex) in vectors {
        assert_eq!(encode(&packet), bytes(hex), "{packet:?}");
        assert_eq!(decode(&bytes(hex)), Ok(packet));
    }
}

#[test]
fn broken_packets_are_refused_with_the_reason() {
    for (hex, reason) in [
        ("", "empty"),
        ("0801", "from_device"),
        ("1801", "no version"),
        ("68656c6c6f", "not a MessageDataPB"),
        ("080112050a016128011801", "no 'to'"),
        ("0801120528011a01621801", "no text"),
        ("080112060a01611a01621801", "no protocol"),
        ("080112080a01611a016228631801", "unknown protocol 99"),
        ("080112080a01ff1a016228011801", "UTF-8"),
        ("08021801", "version 2"),
        ("0801121e0a04546573741a14", "not a MessageDataPB"),
        // The oldest schema had the text itself in field 1.
        ("0a11546869732069732061206d657373616765", "not a MessageDataPB"),
    ] {
        let why = decode(&bytes(hex)).unwrap_err().to_string();
        assert!(why.contains(reason), "{hex}: {why}");
    }
}

#[test]
fn sizes_are_known_without_encoding() {
    for to in [0, 6, 12, 17, 127, 128, 200] {
        for text in (0..300).chain([16_383, 16_384]) {
            let real = encode(&packet(1, true, &[(&"t".repeat(text), &"o".repeat(to), Email)])).len();
            assert_eq!(encoded_len(text, to), real, "text {text}, to {to}");
        }
    }
    for (to, most) in [(6, 172), (12, 166), (17, 161), (20, 158), (52, 127)] {
        assert!(encoded_len(most, to) <= 192 && encoded_len(most + 1, to) > 192, "to {to}");
    }
}

#[test]
fn no_input_makes_the_decoder_panic() {
    let seeds = ["0801121b0a064869206d6f6d1a0f6d6f6d406578616d706c652e636f6d2801", "08011801", "080112080a01ff1a0162"];
    let mut state = 0x9e37_79b9_u32;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    for round in 0..100_000 {
        let mut input = bytes(seeds[round % seeds.len()]);
        for _ in 0..=random() % 4 {
            let at = random() as usize % input.len();
            match random() % 3 {
                0 => input[at] = random() as u8,
                1 => input.truncate(at.max(1)),
                _ => input.insert(at, random() as u8),
            }
        }
        if let Ok(packet) = decode(&input) {
            assert_eq!(decode(&encode(&packet)).as_ref(), Ok(&packet));
        }
    }
}

#[test]
fn subject_and_text_come_apart_and_together() {
    for (whole, apart) in [
        ("Boat\nAll well", ("Boat", "All well")),
        ("Boat\nAll well\n\nAnna", ("Boat", "All well\n\nAnna")),
        ("All well", ("", "All well")),
        ("Boat\n", ("", "Boat\n")),
        ("Dear Anna,\n\nAll well", ("", "Dear Anna,\n\nAll well")),
        (" two\nlines", ("", " two\nlines")),
        ("", ("", "")),
    ] {
        assert_eq!(take_apart(whole), apart, "{whole:?}");
        assert_eq!(join(apart.0, apart.1), whole);
    }
    // A subject that is there and empty: only the seed's backend writes it so.
    assert_eq!(take_apart("\nAll well"), ("", "All well"));
    assert_eq!(take_apart("\n"), ("", "\n"));
    let long = format!("{}\nmore", "x".repeat(121));
    assert_eq!(take_apart(&long), ("", long.as_str()));
    assert_eq!(join("Boat", ""), "Boat");
}
