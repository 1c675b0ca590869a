//! Takes a mail that comes in chunks (BDAT, RFC 3030). Each chunk says its length, so nothing within it ends it and no dot
//! is doubled. What lines end with is looked at as after DATA: a mail that is passed on by DATA must not become two there.

use std::path::Path;

use super::{Contents, Flaw};
use crate::listen::Body;

/// Reads the chunks of one mail, in pieces of any size.
#[derive(Debug)]
pub struct ChunkReader {
    contents: Contents,
    last: u8,
    seen: u64,
}

impl ChunkReader {
    /// Makes the reader of a mail of at most `limit` bytes; large ones go into `folder`.
    pub fn new(limit: u64, folder: &Path) -> Self {
        Self { contents: Contents::new(limit, folder), last: b'\n', seen: 0 }
    }

    /// Bytes that came so far.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Takes the next piece of a chunk; false when so much came that the connection is better closed.
    pub fn take(&mut self, piece: &[u8]) -> bool {
        let before = std::iter::once(self.last).chain(piece.iter().copied());
        if before.zip(piece).any(|(before, &byte)| (before == b'\r') != (byte == b'\n')) {
            self.contents.flaw(Flaw::BareLineEnd);
        }
        self.contents.keep(piece);
        self.last = piece.last().copied().unwrap_or(self.last);
        self.seen += piece.len() as u64;
        !self.contents.is_flood(self.seen)
    }

    /// Tells what is wrong with the mail already, so that no more of it needs to come.
    pub fn flaw(&self) -> Option<Flaw> {
        self.contents.flaw
    }

    /// Ends the mail after its last chunk. Its last line ends as one after DATA does.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn finish(mut self) -> Result<Body, Flaw> {
        match self.last {
            b'\n' => {}
            b'\r' => self.contents.flaw(Flaw::BareLineEnd),
            _ => self.contents.keep(b"\r\n"),
        }
        self.contents.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(chunks: &[&[u8]], limit: u64) -> Result<Vec<u8>, Flaw> {
        let mut reader = ChunkReader::new(limit, Path::new("/nonexistent"));
        for chunk in chunks {
            reader.take(chunk);
        }
        reader.finish().map(|body| match body {
            Body::Memory(bytes) => bytes,
            Body::File(_) => unreachable!("so little stays in memory"),
        })
    }

    #[test]
    fn dots_mean_nothing_in_chunks() {
        assert_eq!(read(&[b"a\r\n.\r\n..b\r", b"\nc\r\n"], 100), Ok(b"a\r\n.\r\n..b\r\nc\r\n".to_vec()));
        assert_eq!(read(&[b"a", b"", b"b"], 100), Ok(b"ab\r\n".to_vec()));
        assert_eq!(read(&[], 100), Ok(Vec::new()));
    }

    #[test]
    fn bare_line_ends_are_found_over_the_seams() {
        for chunks in [&[&b"a\nb"[..]][..], &[b"a\r", b"b"], &[b"a\r"], &[b"a", b"\nb"], &[b"a\r\r\n"], &[b"\n"]] {
            let left = read(chunks, 100);
            assert_eq!(left, if chunks == [b"\n"] { left.clone() } else { Err(Flaw::BareLineEnd) }, "{chunks:?}");
        }
        assert_eq!(read(&[b"123456", b"7890\r\n"], 11), Err(Flaw::TooBig));
    }

    #[test]
    fn a_flood_is_noticed() {
        let mut reader = ChunkReader::new(10, Path::new("/nonexistent"));
        assert!(reader.take(&[b'x'; 20]));
        assert!(!reader.take(b"x"));
        assert_eq!(reader.flaw(), Some(Flaw::TooBig));
    }
}
