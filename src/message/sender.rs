//! Who stands behind a message: three addresses of a mail say three things, and each has its use.
//!
//! | address | in the mail | what it is for |
//! |---|---|---|
//! | [`Message::from`] | `Reply-To`, else `From`, else the envelope | answers; named on air, shown on the pages |
//! | [`Message::header_from`] | `From`, else the envelope | who wrote: lists and answers go by it, the proof is about its domain |
//! | [`Message::return_path`] | the envelope sender | notices, and the envelope of what is passed on; nothing else |
//!
//! For who logged in, wrote on the page or at sea, all three are the same.

use serde::{Deserialize, Serialize};

use super::{Message, Proof};
use crate::address::Address;

/// Longest display name that is kept, in characters.
pub const MAX_NAME: usize = 60;

/// What a mail says of its sender beyond the address that answers go to. Empty where that address says it all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Sender {
    /// The display name, on one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The address in `From`, where answers go to another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header_from: Option<Address>,
    /// The envelope sender, where it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_path: Option<ReturnPath>,
}

/// Where notices about a message go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnPath {
    /// The envelope sender; nobody for a notice.
    pub address: Address,
    /// What the mail server in front found out about its domain, which need not be that of `From`.
    pub proof: Proof,
}

impl Sender {
    /// True where the address that answers go to says it all.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

impl Message {
    /// True for a message that this person wrote, and not an earlier one of the same name.
    pub fn is_by(&self, person: &str) -> bool {
        self.author.as_deref() == Some(person) && !self.former.iter().any(|gone| gone == person)
    }

    /// Who wrote it, by the mail itself.
    pub fn header_from(&self) -> &Address {
        self.sender.header_from.as_ref().unwrap_or(&self.from)
    }

    /// Where notices about it go.
    pub fn return_path(&self) -> &Address {
        self.sender.return_path.as_ref().map_or(&self.from, |path| &path.address)
    }

    /// What is known of whoever a notice would go to; `None` for a sender of this box.
    pub fn return_proof(&self) -> Option<Proof> {
        let proof = self.stranger?;
        Some(self.sender.return_path.as_ref().map_or(proof, |path| path.proof))
    }

    /// The sender for people: `Mum <mum@example.org>`, or the address alone.
    pub fn sender_shown(&self) -> String {
        match &self.sender.name {
            Some(name) => format!("{name} <{}>", self.from),
            None => self.from.shown(),
        }
    }
}

/// A display name that says something: on one line, without an address in it that could pass for the sender's, not the
/// address once more, and not endless.
pub fn display_name(name: &str, address: &Address) -> Option<String> {
    let plain = |c: char| if c.is_control() || c.is_whitespace() { ' ' } else { c };
    let name: String = name.chars().map(plain).filter(|c| !"<>\"".contains(*c)).collect();
    let name = name.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let local = address.mailbox().map(|mailbox| mailbox.local().to_lowercase());
    let says = !name.is_empty() && !name.contains('@') && Some(name.to_lowercase()) != local;
    let end = name.char_indices().nth(MAX_NAME).map_or(name.len(), |(at, _)| at);
    says.then(|| name[..end].trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_something_or_is_left_out() {
        let mum: Address = "mum@example.org".parse().unwrap();
        for (name, shown) in [
            ("Mum", None),
            ("Mary  \t Miller", Some("Mary Miller")),
            ("\"Mary\" <x>", Some("Mary x")),
            ("boss@bank.example", None),
            ("", None),
            ("水野", Some("水野")),
        ] {
            assert_eq!(display_name(name, &mum).as_deref(), shown, "{name}");
        }
        assert_eq!(display_name(&"x".repeat(1000), &mum).unwrap().len(), MAX_NAME);
    }

    #[test]
    fn a_message_of_an_older_version_has_one_address_for_all() {
        let mut message = Message::sample();
        message.from = "mum@example.org".parse().unwrap();
        let mut json = serde_json::to_value(&message).unwrap();
        assert!(json.as_object_mut().unwrap().remove("sender").is_none(), "what says nothing is not written");
        let old: Message = serde_json::from_value(json).unwrap();
        assert_eq!((old.return_path(), old.header_from()), (&message.from, &message.from));
        assert_eq!(old.sender_shown(), "mum@example.org");
    }
}
