use super::*;

#[test]
fn records_come_back_alone_and_together_in_any_order() {
    let mut coder = Coder::new();
    let records: Vec<&[u8]> = vec![
        b"\x01+14155550123\nAll well at the hut, home on Sunday",
        b"\x02mum@example.org\nBoat\nWe have left the harbour.\nLove, Anna",
        "\x02a@b\n\n\u{443}\u{442}\u{440}\u{43e} \u{4f60}\u{597d}".as_bytes(),
        b"",
        &[255; 300],
    ];
    let code = coder.encode(&records);
    assert_eq!(coder.decode(&code).unwrap(), records);
    let alone: Vec<_> = records.iter().map(|record| coder.encode(&[record])).collect();
    for (code, record) in alone.iter().zip(&records).rev() {
        assert_eq!(coder.decode(code).unwrap(), [*record]);
        assert_eq!(&coder.encode(&[record]), code, "every message starts from the same state");
    }
    let twice = coder.encode(&[records[1], records[1]]);
    assert!(2 * twice.len() < 3 * alone[1].len(), "a letter profits from the one before it");
    assert!(
        2 * alone[0].len() < records[0].len() && 2 * alone[1].len() < records[1].len(),
        "{} {}",
        alone[0].len(),
        alone[1].len()
    );
}

#[test]
fn noise_ends_within_limits() {
    let mut coder = Coder::new();
    let mut seed = 7_u64;
    for length in (0..60).map(|round| round % 97) {
        let noise: Vec<u8> = (0..length)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (seed >> 56) as u8
            })
            .collect();
        let _ = coder.decode(&noise);
    }
}
