//! The classic coding, written down here a second time so that the product is not its own judge.

/// The classic coding of one text, written down here a second time so that the product is not its own judge.
pub fn classic(from_device: bool, other: &str, text: &str) -> Vec<u8> {
    let string = |tag: u8, text: &str| [vec![tag], varint(text.len()), text.as_bytes().to_vec()].concat();
    let inner = [string(0x0a, text), string(0x1a, other), vec![0x28, 1]].concat();
    [vec![0x08, 1, 0x12], varint(inner.len()), inner, vec![0x18, u8::from(from_device)]].concat()
}

/// What a decoder of the original schema reads of a packet: fields that it does not know are skipped. Written down here a
/// second time, as above.
pub fn as_classic(packet: &[u8]) -> Vec<u8> {
    let (mut rest, mut read) = (packet, Vec::new());
    while !rest.is_empty() {
        let start = rest;
        let key = take_varint(&mut rest);
        match key & 7 {
            0 => drop(take_varint(&mut rest)),
            2 => {
                let length = usize::try_from(take_varint(&mut rest)).unwrap();
                rest = &rest[length..];
            }
            wire => panic!("wire type {wire} in {packet:02x?}"),
        }
        if (1..=3).contains(&(key >> 3)) {
            read.extend_from_slice(&start[..start.len() - rest.len()]);
        }
    }
    read
}

fn take_varint(rest: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let (&byte, after) = rest.split_first().expect("a whole number");
        *rest = after;
        value |= u64::from(byte & 127) << shift;
        shift += 7;
        if byte < 128 {
            return value;
        }
    }
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 128 {
        bytes.push(u8::try_from(value & 127).unwrap() | 128);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap());
    bytes
}

/// The bytes of hex digits.
pub fn unhex(digits: &str) -> Vec<u8> {
    (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
