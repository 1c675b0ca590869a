//! The checks of packets.

/// CRC-8 of AUTOSAR: polynomial 0x2F, start 0xFF; its last inversion is left out.
pub fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0xff, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc: u8, _| if crc & 0x80 != 0 { crc << 1 ^ 0x2f } else { crc << 1 })
    })
}

/// CRC-16 of CCITT: polynomial 0x1021, start 0xFFFF.
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, byte| {
        let mixed = crc ^ u16::from(*byte) << 8;
        (0..8).fold(mixed, |crc: u16, _| if crc & 0x8000 != 0 { crc << 1 ^ 0x1021 } else { crc << 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checks_are_the_published_ones() {
        assert_eq!((crc8(b"123456789") ^ 0xff, crc16(b"123456789")), (0xdf, 0x29b1));
    }
}
