//! The classic coding: `MessageDataPB`, a proto2 message that existing handsets and backends speak.
//!
//! ```text
//! MessageDataPB: 1 version uint32, 2 message repeated Message, 3 from_device bool
//! Message:       1 text string, 3 to string, 5 protocol enum (UNKNOWN 0, EMAIL 1, SMS 2, TWITTER 3)
//! ```
//!
//! Every field but the repeated one is required. The decoder insists on that, since a packet that lacks `to` would
//! otherwise become a message to nobody. `to` is the recipient on the way up and the sender on the way down.

use prost::Message as _;

/// The version that this program writes, and the highest that it reads.
pub const VERSION: u32 = 1;

/// The content of one packet: a direction, and one message or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// 0 or 1; both mean the same.
    pub version: u32,
    /// True on the way up, from a device to the world.
    pub from_device: bool,
    /// The messages in it; may be none.
    pub messages: Vec<Inner>,
}

/// One message in a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inner {
    /// The text, line ends as LF.
    pub text: String,
    /// The far end in the world: recipient on the way up, sender on the way down.
    pub to: String,
    /// What kind of address `to` is.
    pub protocol: Protocol,
}

/// What kind of address the far end has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum Protocol {
    /// Not said; nobody sends it on purpose.
    Unknown = 0,
    /// An e-mail address.
    Email = 1,
    /// A phone number; the message is a text (SMS).
    Sms = 2,
    /// Reserved by the format; nobody sends it.
    Twitter = 3,
}

#[derive(Clone, PartialEq, prost::Message)]
struct WirePacket {
    #[prost(uint32, optional, tag = "1")]
    version: Option<u32>,
    #[prost(message, repeated, tag = "2")]
    messages: Vec<WireInner>,
    #[prost(bool, optional, tag = "3")]
    from_device: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct WireInner {
    #[prost(string, optional, tag = "1")]
    text: Option<String>,
    #[prost(string, optional, tag = "3")]
    to: Option<String>,
    #[prost(int32, optional, tag = "5")]
    protocol: Option<i32>,
}

/// Writes a packet in protobuf.
pub fn encode(packet: &Packet) -> Vec<u8> {
    let inner = |inner: &Inner| WireInner {
        text: Some(inner.text.clone()),
        to: Some(inner.to.clone()),
        protocol: Some(inner.protocol.into()),
    };
    WirePacket {
        version: Some(packet.version),
        messages: packet.messages.iter().map(inner).collect(),
        from_device: Some(packet.from_device),
    }
    .encode_to_vec()
}

/// Reads a packet.
///
/// # Errors
/// What is wrong with it; the bytes are then to be set aside.
pub fn decode(bytes: &[u8]) -> Result<Packet, DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    let wire = WirePacket::decode(bytes).map_err(|why| DecodeError::NotClassic(why.to_string()))?;
    let version = wire.version.ok_or(DecodeError::NoVersion)?;
    if version > VERSION {
        return Err(DecodeError::Version(version));
    }
    let from_device = wire.from_device.ok_or(DecodeError::NoDirection)?;
    let messages = wire.messages.into_iter().enumerate().map(|(at, inner)| read_inner(at + 1, inner));
    Ok(Packet { version, from_device, messages: messages.collect::<Result<_, _>>()? })
}

/// What is wrong with a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecodeError {
    /// It has no bytes.
    Empty,
    /// It is something else; what the decoder says.
    NotClassic(String),
    /// It has no version field.
    NoVersion,
    /// It has a version that came after this one.
    Version(u32),
    /// It does not say which way it goes.
    NoDirection,
    /// A message in it lacks a field.
    Lacks {
        /// Number of the message in the packet, from 1.
        message: usize,
        /// Name of the field that it lacks.
        field: &'static str,
    },
    /// A message in it has a protocol that nobody knows.
    Protocol {
        /// Number of the message in the packet, from 1.
        message: usize,
        /// The number in its protocol field.
        protocol: i32,
    },
}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("the packet is empty"),
            Self::NotClassic(why) => write!(f, "not a MessageDataPB: {why}"),
            Self::NoVersion => f.write_str("the packet has no version"),
            Self::Version(version) => {
                write!(f, "the packet has version {version}, this box reads up to {VERSION}")
            }
            Self::NoDirection => f.write_str("the packet does not say which way it goes (from_device)"),
            Self::Lacks { message, field } => write!(f, "message {message} of the packet has no {field}"),
            Self::Protocol { message, protocol } => {
                write!(f, "message {message} of the packet has the unknown protocol {protocol}")
            }
        }
    }
}

fn read_inner(message: usize, wire: WireInner) -> Result<Inner, DecodeError> {
    let lacks = |field| DecodeError::Lacks { message, field };
    let protocol = wire.protocol.ok_or_else(|| lacks("protocol"))?;
    Ok(Inner {
        text: wire.text.ok_or_else(|| lacks("text"))?,
        to: wire.to.ok_or_else(|| lacks("'to'"))?,
        protocol: Protocol::try_from(protocol).map_err(|_| DecodeError::Protocol { message, protocol })?,
    })
}

/// Longest first line, in characters, that is taken for a subject.
const MAX_SUBJECT: usize = 120;

/// Subject and text in one: this coding has no field for a subject.
pub fn join(subject: &str, text: &str) -> String {
    match (subject, text) {
        ("", text) => text.to_owned(),
        (subject, "") => subject.to_owned(),
        (subject, text) => format!("{subject}\n{text}"),
    }
}

/// Takes a text of [`join`] apart: the first line is the subject when the text goes on right behind it. A line that stands
/// alone, is long, or has an empty line behind it (as a salutation has) belongs to the text.
pub fn take_apart(whole: &str) -> (&str, &str) {
    match whole.split_once('\n') {
        Some(("", text)) if !text.trim().is_empty() => ("", text),
        Some((subject, text))
            if !text.trim().is_empty()
                && !text.starts_with(['\n', '\r'])
                && subject == subject.trim()
                && subject.chars().count() <= MAX_SUBJECT
                && !subject.contains(char::is_control) =>
        {
            (subject, text)
        }
        _ => ("", whole),
    }
}

/// Size in bytes of a packet with one message whose text and `to` have these lengths in bytes.
pub fn encoded_len(text: usize, to: usize) -> usize {
    let inner = 1 + varint(text) + text + 1 + varint(to) + to + 2;
    2 + 1 + varint(inner) + inner + 2
}

fn varint(value: usize) -> usize {
    let bits = usize::BITS - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

#[cfg(test)]
mod tests;
