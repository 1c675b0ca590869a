//! Addresses as types that cannot be wrong: a mail address, a phone, a device, or nobody.

mod error;
mod phone;

pub mod idn;
pub mod link;
pub mod pasted;
pub mod pattern;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use error::{AddressError, DeviceError};
pub use link::{KeyId, LinkAddress, PeerId};
pub use phone::{COUNTRIES, Phone, PhoneError, looks_like_phone, looks_like_phone_in};

/// Longest whole address (RFC 5321 section 4.5.3.1.3 less the angle brackets), in bytes.
pub const MAX_ADDRESS: usize = 254;
/// Device ids have 18 bits (Hive interface, section a.4).
pub const MAX_DEVICE: u32 = (1 << 18) - 1;

/// One end of a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Address {
    /// The null sender `<>` of notices; nothing may ever be sent to it.
    Nobody,
    /// An e-mail address.
    Mail(Mailbox),
    /// A phone, reached by text messages.
    Phone(Phone),
    /// A far box, where none of its people is known. One in the Swarm network is written without its kind, as it always was.
    Device(LinkAddress),
}

impl Address {
    /// The mail address, if it is one.
    pub fn mailbox(&self) -> Option<&Mailbox> {
        match self {
            Self::Mail(mailbox) => Some(mailbox),
            _ => None,
        }
    }

    /// The phone, if it is one.
    pub fn phone(&self) -> Option<Phone> {
        match self {
            Self::Phone(phone) => Some(*phone),
            _ => None,
        }
    }

    /// The same for reading: of a box that proves itself by its key the part that two people would compare.
    pub fn shown(&self) -> String {
        match self {
            Self::Device(key @ LinkAddress::Ip(_)) => key.shown(),
            other => other.to_string(),
        }
    }

    /// The form in which all addresses of one correspondent are the same: in lower case, without `+tag`, the domain in
    /// ASCII.
    pub fn correspondent(&self) -> String {
        match self {
            Self::Mail(mailbox) => format!("{}@{}", mailbox.person(), idn::comparable(mailbox.domain())),
            other => other.to_string(),
        }
    }

    /// True for the null sender.
    pub fn is_nobody(&self) -> bool {
        matches!(self, Self::Nobody)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => f.write_str("<>"),
            Self::Mail(mailbox) => mailbox.fmt(f),
            Self::Phone(phone) => phone.fmt(f),
            Self::Device(LinkAddress::M138(device)) => device.fmt(f),
            Self::Device(address) => address.fmt(f),
        }
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Ok(match text.trim() {
            "" | "<>" => Self::Nobody,
            text if text.contains('@') => Self::Mail(text.parse()?),
            text if text.starts_with('+') => Self::Phone(text.parse()?),
            text => Self::Device(text.parse()?),
        })
    }
}

/// An e-mail address: local part as written, domain in lower case.
///
/// The local part may be as long as the whole address: forwarders write their own into it, beyond the 64 bytes of RFC 5321
/// section 4.5.3.1.1, which asks for no such limit where one can do without. Dots may stand anywhere in it, as large
/// providers have given such addresses away, and blanks within it where it stood in quotes, as directories of companies
/// have them; [`Mailbox::quoted`] writes both as the protocols want them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Mailbox {
    local: String,
    domain: String,
}

impl Mailbox {
    /// From the two halves, checked.
    ///
    /// # Errors
    /// Which half is wrong.
    pub fn new(local: &str, domain: &str) -> Result<Self, AddressError> {
        match local.contains(' ') {
            true => Err(AddressError::Local(local.to_owned())),
            false => Self::checked(local, domain),
        }
    }

    fn checked(local: &str, domain: &str) -> Result<Self, AddressError> {
        let blank = |c: char| c.is_whitespace() && c != ' ';
        let bad_local = |c: char| c.is_control() || blank(c) || "<>()[]\\,;:\"@".contains(c);
        if local.is_empty() {
            return Err(AddressError::NoLocal);
        }
        let nothing = local.bytes().all(|byte| byte == b'.') || local.trim() != local;
        if nothing || local.contains(bad_local) {
            return Err(AddressError::Local(local.to_owned()));
        }
        check_domain(domain)?;
        if local.len() + domain.len() + 1 > MAX_ADDRESS {
            return Err(AddressError::Length);
        }
        Ok(Self { local: local.to_owned(), domain: domain.to_lowercase() })
    }

    /// The part before the `@`, as written.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The domain, in lower case.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The address as a mail or a relay has to be given it: with the local part in quotes where a dot stands at an end of it
    /// or beside another one, or a blank in it (RFC 5321 section 4.1.2).
    pub fn quoted(&self) -> String {
        self.quoted_at(&self.domain)
    }

    /// The same with the domain in another form.
    pub fn quoted_at(&self, domain: &str) -> String {
        match is_dot_string(&self.local) && !self.local.contains(' ') {
            true => format!("{}@{domain}", self.local),
            false => format!("\"{}\"@{domain}", self.local),
        }
    }

    /// The name of the person this address would belong to on its own box: lower case, `+tag` cut.
    pub fn person(&self) -> String {
        let name = self.local.split('+').next().unwrap_or_default();
        name.to_lowercase()
    }
}

/// True when no dot stands at an end of a local part or beside another one.
pub fn is_dot_string(local: &str) -> bool {
    local.split('.').all(|atom| !atom.is_empty())
}

/// Checks a host or mail domain: letters, digits, hyphens and dots (or non-ASCII labels), or an address literal.
///
/// # Errors
/// That it is none.
pub fn check_domain(domain: &str) -> Result<(), AddressError> {
    if let Some(inner) = literal(domain) {
        return inner.parse::<std::net::IpAddr>().map(drop).map_err(|_| AddressError::Literal(inner.to_owned()));
    }
    let label_ok = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| {
                c.is_ascii_alphanumeric()
                    || c == '-'
                    || c == '_'
                    || !c.is_ascii() && !c.is_control() && !c.is_whitespace()
            })
    };
    if domain.len() > 253 || !domain.split('.').all(label_ok) {
        return Err(AddressError::Domain(domain.to_owned()));
    }
    Ok(())
}

/// True for a domain under which nobody outside can be reached: names that are kept for other uses (RFC 6761, RFC 6762,
/// RFC 7686, RFC 8375, RFC 9476), those of networks at home, addresses without brackets, names of one machine without a dot, and addresses of networks
/// that are nobody's. `.example` and `.test` are not among them: tests and demonstrations use them.
pub fn is_nowhere(domain: &str) -> bool {
    if let Some(inner) = literal(domain) {
        return is_private(inner);
    }
    let last = domain.rsplit('.').next().unwrap_or_default();
    let is_number = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    !domain.contains('.') || NOWHERE.contains(&last) || is_number || domain == "fritz.box"
}

/// The IP address in an address literal, `[192.0.2.1]` or `[IPv6:2001:db8::1]` in any case.
fn literal(domain: &str) -> Option<&str> {
    let inner = domain.strip_prefix('[')?.strip_suffix(']')?;
    let tag = inner.get(..5).filter(|tag| tag.eq_ignore_ascii_case("ipv6:"));
    Some(&inner[tag.map_or(0, str::len)..])
}

/// Last labels under which nothing is ever found outside.
const NOWHERE: [&str; 15] = [
    "localhost",
    "localdomain",
    "local",
    "lan",
    "home",
    "internal",
    "intranet",
    "private",
    "corp",
    "router",
    "workgroup",
    "invalid",
    "onion",
    "alt",
    "arpa",
];

fn is_private(ip: &str) -> bool {
    match ip.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(ip)) => {
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || ip.is_multicast()
        }
        Ok(std::net::IpAddr::V6(ip)) => {
            let head = ip.segments()[0];
            ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_multicast()
                || head & 0xfe00 == 0xfc00
                || head & 0xffc0 == 0xfe80
        }
        Err(_) => true,
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // With a blank in it, quotes alone tell where it begins.
        let quote = if self.local.contains(' ') { "\"" } else { "" };
        write!(f, "{quote}{}{quote}@{}", self.local, self.domain)
    }
}

impl From<Mailbox> for String {
    fn from(mailbox: Mailbox) -> Self {
        mailbox.to_string()
    }
}

impl TryFrom<String> for Mailbox {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl FromStr for Mailbox {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (local, domain) = text.trim().rsplit_once('@').ok_or_else(|| AddressError::NoAt(text.to_owned()))?;
        // The point of the root belongs to no mail address, but is written by programs, and by people at the end of a sentence.
        let domain = domain.strip_suffix('.').unwrap_or(domain);
        match local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(quoted) => Self::checked(&quoted.replace("\\ ", " "), domain),
            None => Self::new(local, domain),
        }
    }
}

/// The id of a modem. Written as six hex digits (`0x001abe`), read from hex or decimal: both name the same device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeviceId(u32);

impl DeviceId {
    /// From the number.
    ///
    /// # Errors
    /// When it does not fit 18 bits or is 0.
    pub fn new(id: u64) -> Result<Self, DeviceError> {
        match u32::try_from(id) {
            Ok(id) if (1..=MAX_DEVICE).contains(&id) => Ok(Self(id)),
            _ => Err(DeviceError::Range(id)),
        }
    }

    /// The number, as the Hive writes it.
    pub fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:06x}", self.0)
    }
}

impl FromStr for DeviceId {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let text = text.trim();
        let wrong = || DeviceError::Text(text.to_owned());
        let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
        let number = match hex {
            Some(digits) if !digits.starts_with('+') => u64::from_str_radix(digits, 16),
            Some(_) => return Err(wrong()),
            None => text.parse(),
        };
        Self::new(number.map_err(|_| wrong())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_and_decimal_name_the_same_device() {
        let hex: DeviceId = "0x001abe".parse().unwrap();
        assert_eq!(hex, "6846".parse().unwrap());
        assert_eq!(hex, "0X1ABE".parse().unwrap());
        assert_eq!(hex.to_string(), "0x001abe");
        for bad in ["", "0", "0x", "0x+1", "-1", "1abe", "262144", "99999999999999999999"] {
            assert!(bad.parse::<DeviceId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn domains_compare_without_case_and_tags_are_cut() {
        let a: Mailbox = "Anna+boat@SpaceBeaver.COM".parse().unwrap();
        assert_eq!(a.domain(), "spacebeaver.com");
        assert_eq!(a.person(), "anna");
        assert_eq!(a.to_string(), "Anna+boat@spacebeaver.com");
        assert_eq!("Anna+boat@spacebeaver.com.".parse(), Ok(a));
    }

    #[test]
    fn broken_addresses_are_refused() {
        for bad in [
            "",
            "@x.org",
            "a@",
            "a b@x.org",
            "a@b@x.org",
            "\" a\"@x.org",
            "\"a\tb\"@x.org",
            "\"a\"b\"@x.org",
            "\"\"@x.org",
            "a@x..org",
            "a@-x.org",
            "..@x.org",
            "a\r\n@x.org",
            "a@x.org..",
            "a@.",
        ] {
            assert!(bad.parse::<Mailbox>().is_err(), "{bad}");
        }
        assert!("josé@example.com".parse::<Mailbox>().is_ok());
        for literal in ["a@[127.0.0.1]", "a@[IPv6:2001:db8::1]"] {
            let mailbox: Mailbox = literal.parse().unwrap();
            assert_eq!(mailbox.to_string().parse(), Ok(mailbox), "what is kept is read again");
        }
        assert!(format!("{}@x.org", "a".repeat(200)).parse::<Mailbox>().is_ok());
        assert!(format!("{}@x.org", "a".repeat(250)).parse::<Mailbox>().is_err());
    }

    #[test]
    fn some_domains_are_nowhere_outside() {
        for domain in [
            "localhost",
            "nas",
            "nas.local",
            "x.lan",
            "a.invalid",
            "b.home.arpa",
            "[127.0.0.1]",
            "[ipv6:fe80::1]",
            "10.0.0.1",
            "fritz.box",
        ] {
            assert!(is_nowhere(domain), "{domain}");
        }
        for domain in ["example.org", "local.example.org", "lan.de", "[192.0.2.1]", "[ipv6:2001:db8::1]", "x.example"] {
            assert!(!is_nowhere(domain), "{domain}");
        }
    }

    #[test]
    fn dots_at_odd_places_and_blanks_stand_in_quotes_where_the_protocol_wants_it() {
        for (address, quoted) in [
            ("a.b@x.org", "a.b@x.org"),
            ("a..b@x.org", "\"a..b\"@x.org"),
            ("a.@x.org", "\"a.\"@x.org"),
            ("\".a\"@x.org", "\".a\"@x.org"),
            ("\"a.b\"@x.org", "a.b@x.org"),
            ("\"john doe\"@x.org", "\"john doe\"@x.org"),
            ("\"john\\ doe\"@x.org", "\"john doe\"@x.org"),
        ] {
            let mailbox: Mailbox = address.parse().unwrap();
            assert_eq!(mailbox.quoted(), quoted);
            assert_eq!(quoted.parse::<Mailbox>().unwrap(), mailbox);
        }
    }

    #[test]
    fn addresses_survive_the_store() {
        for text in ["<>", "a@x.org", "\"john doe\"@x.org", "0x001abe", "imei:300234010753370", "+14155550123"] {
            let address: Address = text.parse().unwrap();
            let json = serde_json::to_string(&address).unwrap();
            assert_eq!(serde_json::from_str::<Address>(&json).unwrap(), address);
            assert_eq!(address.to_string(), text);
        }
    }
}
