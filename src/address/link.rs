//! The address of a far box on one kind of link. A far box has one for each way that leads to it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{DeviceError, DeviceId};

/// Digits of an IMEI (3GPP TS 23.003 section 6.2.1).
const IMEI_DIGITS: usize = 15;
/// Bytes of the name of a key: SHA-256.
const KEY_BYTES: usize = 32;

/// Number of a far box, given when this box first knew it; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PeerId(pub u32);

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for PeerId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Where a far box is reached on one kind of link. Written `m138:0x001abe`, `imei:300234010753370` or `ip:` and 64 hex
/// digits; the bare id of a device is read as one of `m138`, as it stands in older records and commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "Stored")]
pub enum LinkAddress {
    /// A modem in the Swarm network.
    M138(DeviceId),
    /// A terminal in the Iridium network.
    Imei(Imei),
    /// A box that proves itself by its key.
    Ip(KeyId),
}

impl LinkAddress {
    /// The kinds, as they stand before the colon.
    pub const KINDS: [&str; 3] = ["m138", "imei", "ip"];

    /// The kind of link on which it is an address.
    pub fn kind(self) -> &'static str {
        match self {
            Self::M138(_) => "m138",
            Self::Imei(_) => "imei",
            Self::Ip(_) => "ip",
        }
    }

    /// The id in the Swarm network, if it is one.
    pub fn device(self) -> Option<DeviceId> {
        match self {
            Self::M138(device) => Some(device),
            _ => None,
        }
    }

    /// The same for reading: `device 0x001abe`, `terminal 300234010753370`, `box 1f2e 3d4c 5b6a 7988` (the first half of
    /// the 16 hex digits that two people would compare).
    pub fn shown(self) -> String {
        match self {
            Self::M138(device) => format!("device {device}"),
            Self::Imei(imei) => format!("terminal {imei}"),
            Self::Ip(key) => format!("box {}", key.groups()),
        }
    }
}

impl From<DeviceId> for LinkAddress {
    fn from(device: DeviceId) -> Self {
        Self::M138(device)
    }
}

impl fmt::Display for LinkAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::M138(device) => write!(f, "m138:{device}"),
            Self::Imei(imei) => write!(f, "imei:{imei}"),
            Self::Ip(key) => write!(f, "ip:{key}"),
        }
    }
}

impl FromStr for LinkAddress {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let text = text.trim();
        match text.split_once(':') {
            None => text.parse().map(Self::M138),
            Some(("m138", id)) => id.parse().map(Self::M138),
            Some(("imei", imei)) => imei.parse().map(Self::Imei),
            Some(("ip", key)) => key.parse().map(Self::Ip),
            Some((kind, _)) => Err(DeviceError::Kind(kind.to_owned())),
        }
    }
}

impl From<LinkAddress> for String {
    fn from(address: LinkAddress) -> Self {
        address.to_string()
    }
}

/// As it stands in a record; older ones have the number of a device.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Number(u64),
    Text(String),
}

impl TryFrom<Stored> for LinkAddress {
    type Error = DeviceError;

    fn try_from(stored: Stored) -> Result<Self, DeviceError> {
        match stored {
            Stored::Number(number) => DeviceId::new(number).map(Self::M138),
            Stored::Text(text) => text.parse(),
        }
    }
}

/// The number of a terminal: 15 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Imei(u64);

impl fmt::Display for Imei {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:015}", self.0)
    }
}

impl FromStr for Imei {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let text = text.trim();
        match text.parse() {
            Ok(number) if text.len() == IMEI_DIGITS && text.bytes().all(|c| c.is_ascii_digit()) => Ok(Self(number)),
            _ => Err(DeviceError::Imei(text.to_owned())),
        }
    }
}

/// Names the public key of a box: SHA-256 of its 44 bytes (SubjectPublicKeyInfo of an Ed25519 key, RFC 8410).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; KEY_BYTES]);

impl KeyId {
    /// The first 16 hex digits in groups of four, as people compare them.
    pub fn groups(self) -> String {
        let digits = crate::hex::encode(&self.0[..8]);
        let groups: Vec<_> = (0..4).map(|group| &digits[4 * group..4 * group + 4]).collect();
        groups.join(" ")
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::hex::encode(&self.0))
    }
}

impl FromStr for KeyId {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let bytes = crate::hex::decode(text.trim().as_bytes()).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| DeviceError::Key(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    #[test]
    fn each_kind_is_written_as_it_is_read() {
        let key = format!("ip:{KEY}");
        for text in ["m138:0x001abe", "imei:300234010753370", "imei:000000000000001", &key] {
            let address: LinkAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
            assert_eq!(text.split(':').next(), Some(address.kind()));
            assert!(LinkAddress::KINDS.contains(&address.kind()));
            let json = serde_json::to_string(&address).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<LinkAddress>(&json).unwrap(), address);
        }
        assert_eq!(key.to_uppercase().replace("IP", "ip").parse::<LinkAddress>().unwrap().to_string(), key);
    }

    #[test]
    fn older_records_and_commands_name_a_device_alone() {
        let device: LinkAddress = "m138:0x001abe".parse().unwrap();
        assert_eq!("6846".parse(), Ok(device));
        assert_eq!("0x001abe".parse(), Ok(device));
        for record in ["6846", "\"0x001abe\"", "\"6846\""] {
            assert_eq!(serde_json::from_str::<LinkAddress>(record).unwrap(), device);
        }
        assert_eq!(device.device().map(DeviceId::number), Some(6846));
    }

    #[test]
    fn people_read_it_shortened() {
        let shown = |text: &str| text.parse::<LinkAddress>().unwrap().shown();
        assert_eq!(shown("6846"), "device 0x001abe");
        assert_eq!(shown("imei:300234010753370"), "terminal 300234010753370");
        assert_eq!(shown(&format!("ip:{KEY}")), "box 0011 2233 4455 6677");
    }

    #[test]
    fn what_is_no_address_says_what_is_wrong() {
        let wrong = |text: &str| text.parse::<LinkAddress>().unwrap_err();
        assert_eq!(wrong("sbd:1"), DeviceError::Kind("sbd".into()));
        for imei in ["", "1", "30023401075337", "+30023401075337", "30023401075337x", "3002340107533700"] {
            assert!(matches!(wrong(&format!("imei:{imei}")), DeviceError::Imei(_)), "{imei}");
        }
        for key in ["", "0", "00", &KEY[2..], &KEY.replace('f', "g")] {
            assert!(matches!(wrong(&format!("ip:{key}")), DeviceError::Key(_)), "{key}");
        }
        for device in ["m138:", "m138:0", "m138:0x40000", "", "x"] {
            assert!(matches!(wrong(device), DeviceError::Text(_) | DeviceError::Range(_)), "{device}");
        }
        for record in ["0", "-1", "null", "\"x\"", "262144"] {
            assert!(serde_json::from_str::<LinkAddress>(record).is_err(), "{record}");
        }
    }
}
