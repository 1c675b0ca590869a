//! A mail as it goes over a wide link: packed, so that text parts and headers take a third. Pure.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

/// Packs a mail (raw deflate).
pub fn pack(mail: &[u8]) -> Vec<u8> {
    let mut packer = DeflateEncoder::new(Vec::new(), Compression::new(6));
    // Writing to memory does not fail.
    let _ = packer.write_all(mail);
    packer.finish().unwrap_or_default()
}

/// Unpacks one; `None` for what is not packed, or has more than `most` bytes.
pub fn unpack(packed: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut mail = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    DeflateDecoder::new(packed).take(limit).read_to_end(&mut mail).ok()?;
    (mail.len() <= most).then_some(mail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_comes_out_as_it_went_in_and_no_larger_than_allowed() {
        let mail = "Subject: x\r\n\r\nThe same line again.\r\n".repeat(500).into_bytes();
        let packed = pack(&mail);
        assert!(packed.len() < mail.len() / 20);
        assert_eq!(packed, pack(&mail), "the same name each time");
        assert_eq!(unpack(&packed, mail.len()), Some(mail.clone()));
        assert_eq!(unpack(&packed, mail.len() - 1), None);
        assert_eq!(unpack(&packed[..packed.len() / 2], mail.len()), None);
        assert_eq!(unpack(b"no deflate at all", 1000), None);
    }
}
