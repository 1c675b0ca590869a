//! The header of the PROXY protocol, by which a proxy names the client whose connection it passes on: version 1 in text,
//! version 2 in bytes (haproxy.org/download/1.8/doc/proxy-protocol.txt).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest header of version 1 with its line end (section 2.1), in bytes.
const LONGEST: usize = 107;
/// Start of version 2 (section 2.2).
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// What the bytes of a connection begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    /// The header is not complete.
    More,
    /// A client, or nobody where the proxy speaks for itself; and the bytes of the header.
    Client(Option<IpAddr>, usize),
    /// The bytes are no such header.
    None,
}

/// Reads the header at the start of a connection.
pub(super) fn read(bytes: &[u8]) -> Header {
    let begins = |start: &[u8]| bytes.starts_with(start) || start.starts_with(bytes);
    if begins(SIGNATURE) {
        return binary(bytes);
    }
    let end = bytes.iter().take(LONGEST).position(|byte| *byte == b'\n');
    match end.map(|end| &bytes[..=end]) {
        _ if !begins(b"PROXY ") => Header::None,
        None if bytes.len() < LONGEST => Header::More,
        None => Header::None,
        Some(line) => text(line).map_or(Header::None, |client| Header::Client(client, line.len())),
    }
}

/// `PROXY TCP4 192.0.2.1 198.51.100.1 50000 25`, or `PROXY UNKNOWN` and anything behind it.
fn text(line: &[u8]) -> Option<Option<IpAddr>> {
    let line = std::str::from_utf8(line.strip_suffix(b"\r\n")?).ok()?;
    let words: Vec<_> = line.split(' ').collect();
    match words[..] {
        ["PROXY", "UNKNOWN", ..] => Some(None),
        ["PROXY", "TCP4", client, _, _, _] => client.parse::<Ipv4Addr>().ok().map(|ip| Some(ip.into())),
        ["PROXY", "TCP6", client, _, _, _] => client.parse::<Ipv6Addr>().ok().map(|ip| Some(ip.into())),
        _ => None,
    }
}

fn binary(bytes: &[u8]) -> Header {
    let Some((&[command, family, high, low], rest)) =
        bytes.get(SIGNATURE.len()..).and_then(|rest| rest.split_first_chunk::<4>())
    else {
        return Header::More;
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let Some(block) = rest.get(..length) else { return Header::More };
    let whole = SIGNATURE.len() + 4 + length;
    // Version 2 in the high half, and in the low one LOCAL or PROXY; family and transport likewise.
    let client = match (command, family) {
        (0x20, _) => None,
        (0x21, 0x11) => block.first_chunk::<4>().filter(|_| length >= 12).map(|ip| IpAddr::from(*ip)),
        (0x21, 0x21) => block.first_chunk::<16>().filter(|_| length >= 36).map(|ip| IpAddr::from(*ip)),
        (0x21, _) => None,
        _ => return Header::None,
    };
    match (family, client) {
        (0x11 | 0x21, None) if command == 0x21 => Header::None,
        _ => Header::Client(client, whole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version_2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let length = u16::try_from(block.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family], &length, block].concat()
    }

    #[test]
    fn clients_are_named_in_both_versions() {
        let v4 = Some("192.0.2.9".parse().unwrap());
        let v6 = Some("2001:db8::9".parse().unwrap());
        let six = [&"2001:db8::9".parse::<Ipv6Addr>().unwrap().octets()[..], &[0; 20]].concat();
        for (bytes, client) in [
            (b"PROXY TCP4 192.0.2.9 198.51.100.1 5 25\r\n".to_vec(), v4),
            (b"PROXY TCP6 2001:db8::9 ::1 5 25\r\n".to_vec(), v6),
            (b"PROXY UNKNOWN ffff\r\n".to_vec(), None),
            (version_2(0x21, 0x11, &[192, 0, 2, 9, 1, 1, 1, 1, 0, 5, 0, 25, 3, 0, 0]), v4),
            (version_2(0x21, 0x21, &six), v6),
            (version_2(0x20, 0, &[]), None),
            (version_2(0x21, 0x31, &[0; 216]), None),
        ] {
            let more = [&bytes[..], b"EHLO x\r\n"].concat();
            assert_eq!(read(&more), Header::Client(client, bytes.len()));
            for end in 0..bytes.len() {
                assert_eq!(read(&bytes[..end]), Header::More, "{:?}", &bytes[..end]);
            }
        }
    }

    #[test]
    fn what_is_no_header_is_none() {
        let long = format!("PROXY TCP4 {}\r\n", "1".repeat(200));
        for bytes in [
            &b"EHLO x\r\n"[..],
            b"\r\nQUIT\r\n",
            b"PROXY TCP4 192.0.2.9\r\n",
            b"PROXY TCP4 ::1 ::1 5 25\r\n",
            b"PROXY TCP4 192.0.2.9 198.51.100.1 5 25\n",
            long.as_bytes(),
        ] {
            assert_eq!(read(bytes), Header::None, "{bytes:?}");
        }
        assert_eq!(read(&version_2(0x11, 0x11, &[0; 12])), Header::None);
        assert_eq!(read(&version_2(0x21, 0x11, &[0; 4])), Header::None);
    }
}
