//! The texts that models learn first, packed by the build script.

/// The texts, packed by `build.rs`.
const PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/primer.bin"));

/// All texts, unpacked: half a megabyte, while a model is made.
pub struct Texts(Vec<(String, Vec<u8>)>);

impl Texts {
    /// Unpacks all texts; takes some megabytes meanwhile.
    pub fn unpack() -> Self {
        // The build script packed it; a model made of anything else is refused by the hash of its state.
        let all = miniz_oxide::inflate::decompress_to_vec(PACKED).unwrap_or_default();
        let (mut rest, mut files) = (&all[..], Vec::new());
        while let Some((name, bytes, after)) = file(rest) {
            files.push((String::from_utf8_lossy(name).into_owned(), bytes.to_vec()));
            rest = after;
        }
        Self(files)
    }

    /// The bytes of a text; none for a name that is not there.
    pub fn bytes(&self, name: &str) -> &[u8] {
        self.0.iter().find(|(known, _)| known == name).map_or(&[], |(_, bytes)| bytes)
    }

    /// The same as characters; the files are UTF-8.
    pub fn get(&self, name: &str) -> &str {
        std::str::from_utf8(self.bytes(name)).unwrap_or_default()
    }
}

/// The first file: its name, its bytes, and what follows.
fn file(all: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let end = all.iter().position(|byte| *byte == b'\n')?;
    let (length, rest) = all[end + 1..].split_first_chunk()?;
    let (bytes, after) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    Some((&all[..end], bytes, after))
}
