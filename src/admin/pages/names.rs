//! What a list of mails says of each: who it is from, and how far it got, in words.

use super::Ask;
use crate::address::Address;
use crate::message::{Message, Origin};
use crate::people::Person;
use crate::settings::Key;

/// The person of this box who has an address.
pub fn person_at(ask: &Ask, address: &Address) -> Option<std::sync::Arc<Person>> {
    let domain = ask.settings.text(Key::Domain);
    let mailbox = address.mailbox().filter(|mailbox| mailbox.domain().eq_ignore_ascii_case(domain))?;
    ask.app.store.people().addressed(mailbox).cloned()
}

/// Who a message is from: by the name that came with it, or the one that somebody of this box has here.
pub fn sender(ask: &Ask, message: &Message) -> String {
    if message.from == Address::Nobody {
        let who = if message.door == Origin::Notice { "this box" } else { "a mail server, as a notice" };
        return who.to_owned();
    }
    let own = || person_at(ask, &message.from).filter(|person| !person.full_name.is_empty());
    match &message.sender.name {
        None => match own() {
            Some(person) => format!("{} <{}>", person.full_name, message.from),
            None => message.from.to_string(),
        },
        Some(_) => message.sender_shown(),
    }
}

/// How far a mail in Sent got: colour and words of the keyword that the box keeps it by.
pub fn stage(keyword: &str) -> Option<(&'static str, &'static str)> {
    Some(match keyword {
        "$Delivered" => ("good", "delivered"),
        "$Sent" => ("good", "sent"),
        "$Queued" => ("wait", "waiting"),
        "$Failed" => ("bad", "not delivered"),
        _ => return None,
    })
}

/// What mail programs have marked a mail with, as far as that says something to people: their own labels, and a few marks
/// that are the same in all programs.
pub fn label(keyword: &str) -> Option<&str> {
    match keyword {
        "$Forwarded" => Some("forwarded"),
        "$Junk" | "Junk" => Some("junk"),
        "NonJunk" | "NotJunk" => None,
        keyword if keyword.starts_with('$') => None,
        keyword => Some(keyword),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_words_or_are_not_shown() {
        assert_eq!(["$Delivered", "$Sent", "$Queued", "$Failed"].map(|word| stage(word).is_some()), [true; 4]);
        let shown = ["$Forwarded", "$MDNSent", "NonJunk", "$label1", "boat"].map(label);
        assert_eq!(shown, [Some("forwarded"), None, None, None, Some("boat")]);
    }
}
