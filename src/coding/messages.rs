//! Messages of the compact coding, and the classic coding as the session of two boxes needs it.

use compact::letter::{Kind, Letter, Other};
use compact::packet::{Coding, ModelId};
use compact::peer;

use super::classic::{self, Protocol};
use super::parts;

/// The codings of one direction.
pub struct Codec<'c> {
    /// The models.
    pub coding: &'c mut dyn Coding,
    /// This box writes to the world, as a device does.
    pub from_device: bool,
}

impl Coding for Codec<'_> {
    fn models(&self) -> Vec<ModelId> {
        self.coding.models()
    }

    fn encode(&mut self, model: u8, records: &[Vec<u8>], salt: u16) -> Vec<u8> {
        self.coding.encode(model, records, salt)
    }

    fn decode(&mut self, model: u8, code: &[u8]) -> Option<Vec<Vec<u8>>> {
        self.coding.decode(model, code)
    }

    fn front(&mut self, model: u8, code: &[u8]) -> Vec<Vec<u8>> {
        self.coding.front(model, code)
    }
}

impl peer::Codec for Codec<'_> {
    fn classic(&mut self, message: &Letter, room: usize) -> Option<Vec<Vec<u8>>> {
        let Other::Address(other) = &message.other else { return None };
        let protocol = if message.kind == Kind::Text { Protocol::Sms } else { Protocol::Email };
        parts::split(&text(message), other, self.from_device, protocol, room).ok()
    }

    fn reads_classic(&mut self, packet: &[u8]) -> bool {
        let meant = |packet: classic::Packet| packet.from_device != self.from_device && !packet.messages.is_empty();
        classic::decode(packet).is_ok_and(meant)
    }
}

/// A message as it goes over the air. `text` begins with its subject, as in the classic coding; what comes out of
/// [`text`] is the same again.
pub fn on_air(person: Option<String>, other: String, subject: &str, text: &str) -> Letter {
    let kind = if other.starts_with('+') && !other.contains('@') { Kind::Text } else { Kind::Mail };
    let rest = text.strip_prefix(subject).filter(|_| kind == Kind::Mail && !subject.is_empty());
    let (subject, text) = match rest {
        Some("") => (subject, ""),
        // Without a text behind it the line feed would be lost.
        Some(rest) if rest.len() > 1 && rest.starts_with('\n') => (subject, &rest[1..]),
        _ => ("", text),
    };
    Letter { kind, person, other: Other::Address(other), subject: subject.to_owned(), text: text.to_owned() }
}

/// Subject line and text of a message in one.
pub fn text(message: &Letter) -> String {
    match (message.subject.as_str(), message.text.as_str()) {
        ("", text) => text.to_owned(),
        (subject, "") => subject.to_owned(),
        (subject, text) => format!("{subject}\n{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subject_and_text_come_apart_and_together() {
        for (subject, whole, apart) in [
            ("Boat", "Boat\nAll well", ("Boat", "All well")),
            ("Boat", "Boat", ("Boat", "")),
            ("Boat", "Boat\n", ("", "Boat\n")),
            ("Boat", "Boats\nAll well", ("", "Boats\nAll well")),
            ("", "All well", ("", "All well")),
            ("", "\nAll well", ("", "\nAll well")),
            ("Boat", "Boat\n\n", ("Boat", "\n")),
        ] {
            let message = on_air(None, "mum@example.org".into(), subject, whole);
            assert_eq!((message.subject.as_str(), message.text.as_str()), apart);
            assert_eq!(text(&message), whole);
        }
        assert_eq!(on_air(None, "+14155550123".into(), "Hi", "Hi\nyou").kind, Kind::Text);
    }
}
