//! Messages of the compact coding, and the classic coding as the session of two boxes needs it.

use compact::letter::{Kind, Letter, Other};
use compact::packet::{Coding, ModelId};
use compact::peer;

use super::classic::{self, Protocol};
use super::parts;

/// The codings of one direction.
pub struct Codec<'c> {
    /// The models of the compact coding that are at hand.
    pub coding: &'c mut dyn Coding,
    /// This box writes to the world, as a device does.
    pub from_device: bool,
}

impl Coding for Codec<'_> {
    fn models(&self) -> Vec<ModelId> {
        self.coding.models()
    }

    fn is_settled(&self, model: u8) -> bool {
        self.coding.is_settled(model)
    }

    fn encode(&mut self, model: u8, past: &[Vec<u8>], records: &[Vec<u8>], salt: u16) -> Vec<u8> {
        self.coding.encode(model, past, records, salt)
    }

    fn decode(&mut self, model: u8, past: &[Vec<u8>], code: &[u8]) -> Option<Vec<Vec<u8>>> {
        self.coding.decode(model, past, code)
    }

    fn front(&mut self, model: u8, past: &[Vec<u8>], code: &[u8]) -> Vec<Vec<u8>> {
        self.coding.front(model, past, code)
    }
}

impl peer::Codec for Codec<'_> {
    fn classic(&mut self, message: &Letter, room: usize) -> Option<Vec<Vec<u8>>> {
        let Other::Address(other) = &message.other else { return None };
        let protocol = if message.kind == Kind::Text { Protocol::Sms } else { Protocol::Email };
        parts::split(&classic::join(&message.subject, &message.text), other, self.from_device, protocol, room).ok()
    }

    fn reads_classic(&mut self, packet: &[u8]) -> bool {
        let meant = |packet: classic::Packet| packet.from_device != self.from_device && !packet.messages.is_empty();
        classic::decode(packet).is_ok_and(meant)
    }
}

/// A message as it goes over the air. A text message has no subject: what there is of one stands before its text.
pub fn on_air(person: Option<String>, other: String, subject: &str, text: &str) -> Letter {
    let to_phone = other.starts_with('+') && !other.contains('@');
    let (kind, subject, text) = match to_phone {
        true => (Kind::Text, String::new(), classic::join(subject, text)),
        false => (Kind::Mail, subject.to_owned(), text.to_owned()),
    };
    Letter { kind, person, other: Other::Address(other), subject, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_has_a_subject_and_a_text_message_has_none() {
        let mail = on_air(None, "mum@example.org".into(), "Boat", "All well");
        assert_eq!((mail.kind, mail.subject.as_str(), mail.text.as_str()), (Kind::Mail, "Boat", "All well"));
        let text = on_air(None, "+14155550123".into(), "Hi", "you");
        assert_eq!((text.kind, text.subject.as_str(), text.text.as_str()), (Kind::Text, "", "Hi\nyou"));
    }
}
