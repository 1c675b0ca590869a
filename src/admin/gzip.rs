//! A small gzip writer (RFC 1951 with the fixed codes, RFC 1952), so that a page is a few kilobytes on a slow network.
//!
//! Text of ours shrinks to about a third. The pages go over plain HTTP inside the house, so that the length of a
//! compressed page tells an eavesdropper nothing that it could not read anyway.

/// How far back a repeat may lie.
const WINDOW: usize = 32 * 1024;
/// Shortest and longest repeat.
const MATCH: (usize, usize) = (3, 258);
/// Earlier places that are tried for a longer repeat.
const PROBES: usize = 24;
const HASH_BITS: u32 = 13;

/// Base length and extra bits of the length codes 257 to 285.
const LENGTHS: [(u16, u8); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];

/// The bytes as a gzip file.
pub fn gzip(data: &[u8]) -> Vec<u8> {
    let mut bits = Bits { out: vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff], word: 0, count: 0 };
    // One block, the last one, with the fixed codes.
    bits.put(0b011, 3);
    let mut past = Past { heads: vec![usize::MAX; 1 << HASH_BITS], before: vec![usize::MAX; data.len()] };
    let mut at = 0;
    while at < data.len() {
        let (length, distance) = past.longest(data, at);
        if length >= MATCH.0 {
            bits.repeat(length, distance);
        } else {
            bits.symbol(u16::from(data[at]));
        }
        let end = at + length.max(1);
        while at < end {
            past.learn(data, at);
            at += 1;
        }
    }
    bits.symbol(256);
    bits.put(0, (8 - bits.count % 8) % 8);
    let mut out = bits.out;
    out.extend(crc(data).to_le_bytes());
    // The format wants the length modulo 2^32.
    out.extend((data.len() as u32).to_le_bytes());
    out
}

/// Where the same three bytes stood before.
struct Past {
    heads: Vec<usize>,
    before: Vec<usize>,
}

impl Past {
    fn slot(data: &[u8], at: usize) -> Option<usize> {
        let three = data.get(at..at + 3)?;
        let word = u32::from(three[0]) | u32::from(three[1]) << 8 | u32::from(three[2]) << 16;
        Some((word.wrapping_mul(0x9E37_79B1) >> (32 - HASH_BITS)) as usize)
    }

    fn learn(&mut self, data: &[u8], at: usize) {
        if let Some(slot) = Self::slot(data, at) {
            self.before[at] = self.heads[slot];
            self.heads[slot] = at;
        }
    }

    fn longest(&self, data: &[u8], at: usize) -> (usize, usize) {
        let Some(slot) = Self::slot(data, at) else { return (0, 0) };
        let (mut best, mut place) = ((0, 0), self.heads[slot]);
        for _ in 0..PROBES {
            if place == usize::MAX || at - place > WINDOW {
                break;
            }
            let same = data[at..].iter().zip(&data[place..]).take(MATCH.1).take_while(|(a, b)| a == b).count();
            if same > best.0 {
                best = (same, at - place);
            }
            place = self.before[place];
        }
        best
    }
}

/// Bits, lowest first.
struct Bits {
    out: Vec<u8>,
    word: u32,
    count: u32,
}

impl Bits {
    fn put(&mut self, value: u32, bits: u32) {
        self.word |= value << self.count;
        self.count += bits;
        while self.count >= 8 {
            self.out.push((self.word & 0xff) as u8);
            self.word >>= 8;
            self.count -= 8;
        }
    }

    /// Codes go in with their highest bit first.
    fn code(&mut self, code: u16, bits: u32) {
        self.put(u32::from(code.reverse_bits() >> (16 - bits)), bits);
    }

    fn symbol(&mut self, symbol: u16) {
        match symbol {
            0..=143 => self.code(0x30 + symbol, 8),
            144..=255 => self.code(0x190 + symbol - 144, 9),
            256..=279 => self.code(symbol - 256, 7),
            _ => self.code(0xc0 + symbol - 280, 8),
        }
    }

    fn repeat(&mut self, length: usize, distance: usize) {
        let (length, distance) = (length as u16, distance as u32);
        let row = LENGTHS.iter().rposition(|(base, _)| *base <= length).unwrap_or(0);
        self.symbol(257 + row as u16);
        self.put(u32::from(length - LENGTHS[row].0), u32::from(LENGTHS[row].1));
        // Distance codes: two for each power of two.
        let (mut code, mut base, mut extra) = (0, 1, 0);
        while distance >= base + (1 << extra) {
            base += 1 << extra;
            code += 1;
            extra = if code < 4 { 0 } else { code / 2 - 1 };
        }
        self.code(code as u16, 5);
        self.put(distance - base, extra);
    }
}

fn crc(data: &[u8]) -> u32 {
    !data.iter().fold(!0, |mut crc, byte| {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
        crc
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};

    fn gunzip(data: &[u8]) -> Vec<u8> {
        let mut child = Command::new("gzip").arg("-dc").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let packed = data.to_vec();
        let writer = std::thread::spawn(move || input.write_all(&packed).unwrap());
        let mut out = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut out).unwrap();
        writer.join().unwrap();
        assert!(child.wait().unwrap().success());
        out
    }

    #[test]
    fn what_goes_in_comes_out() {
        let mut random = 1_u32;
        let mut noise: Vec<u8> = Vec::new();
        for _ in 0..70_000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Few different bytes: repeats at all distances and of all lengths.
            noise.push((random >> 24) as u8 & if noise.len() < 40_000 { 0x81 } else { 0xff });
        }
        for data in [&b""[..], b"a", b"abcabcabcabcabc", &[b'x'; 5000], include_bytes!("gzip.rs"), &noise] {
            assert!(gunzip(&gzip(data)) == data, "{} bytes", data.len());
        }
        assert!(gzip(include_bytes!("gzip.rs")).len() * 2 < include_bytes!("gzip.rs").len());
    }
}
