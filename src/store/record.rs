//! Records as bytes: what is written is known again, or known to be damaged.

/// Version of the tables; a newer file is refused, an older one is migrated.
pub const VERSION: u64 = 13;

/// A record of ours: JSON, and behind a line feed, which no such JSON holds, its CRC-32 in hex digits.
///
/// redb checks nothing when it reads a page: a flipped bit would be served as true.
pub fn json<T: serde::Serialize>(record: &T) -> Vec<u8> {
    // Our records hold strings, numbers and lists: serialisation to memory cannot fail.
    let mut bytes = serde_json::to_vec(record).expect("records of the store serialise");
    let check = crc32fast::hash(&bytes);
    bytes.extend_from_slice(format!("\n{check:08x}").as_bytes());
    bytes
}

/// Why a record cannot be used.
#[derive(Debug)]
pub enum Unreadable {
    /// Its bytes are not the ones that were written.
    Damaged,
    /// It is no record of this kind.
    Malformed(serde_json::Error),
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Damaged => f.write_str("its bytes are not the ones that were written"),
            Self::Malformed(error) => error.fmt(f),
        }
    }
}

/// Reads what [`json`] wrote; records of earlier versions, which have no checksum, as they are.
///
/// # Errors
/// When it is damaged, or no record of this kind.
pub fn record<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    let json = match bytes.len().checked_sub(CHECK).map(|at| bytes.split_at(at)) {
        Some((json, [b'\n', digits @ ..])) => {
            if format!("{:08x}", crc32fast::hash(json)).as_bytes() != digits {
                return Err(Unreadable::Damaged);
            }
            json
        }
        _ => bytes,
    };
    serde_json::from_slice(json).map_err(Unreadable::Malformed)
}

/// Length of a line feed and the checksum behind it.
const CHECK: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_of_a_record_is_noticed() {
        let bytes = json(&("a text\nof two lines", 7_u32));
        assert_eq!(record::<(String, u32)>(&bytes).unwrap(), ("a text\nof two lines".to_owned(), 7));
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let read = record::<(String, u32)>(&damaged);
            assert!(read.is_err(), "bit {bit}: {read:?}");
        }
        assert_eq!(record::<u32>(b"12").unwrap(), 12, "from before there was a checksum");
    }
}
