//! What a list of mails says of each: who it is from, and how far it got, in words.

use super::Ask;
use crate::address::Address;
use crate::admin::words::say;
use crate::message::words::isolated;
use crate::message::{Message, Origin, Way};
use crate::people::Person;
use crate::route::segments::Segments;
use crate::settings::Key;

/// The person of this box who has an address.
pub fn person_at(ask: &Ask, address: &Address) -> Option<std::sync::Arc<Person>> {
    let domain = ask.settings.text(Key::Domain);
    let mailbox = address.mailbox().filter(|mailbox| mailbox.domain().eq_ignore_ascii_case(domain))?;
    ask.app.store.people().addressed(mailbox).cloned()
}

/// Says where a message came in.
pub fn origin(origin: Origin) -> String {
    match origin {
        Origin::Smtp => say!("names.origin_smtp"),
        Origin::Web => say!("names.origin_web"),
        Origin::Link => say!("names.origin_link"),
        Origin::Sms => say!("names.origin_sms"),
        Origin::Notice => say!("names.origin_notice"),
    }
}

/// Says which way a message goes.
pub fn way(way: Way) -> String {
    match way {
        Way::Mailbox => say!("names.way_mailbox"),
        Way::Relay => say!("names.way_relay"),
        Way::Link => say!("names.way_link"),
        Way::Carrier => say!("names.way_carrier"),
    }
}

/// Who a message is from: by the name that came with it, or the one that somebody of this box has here.
pub fn sender(ask: &Ask, message: &Message) -> String {
    if message.from == Address::Nobody {
        return match message.origin {
            Origin::Notice => say!("mailbox.from_this_box"),
            _ => say!("mailbox.from_a_mail_server"),
        };
    }
    let own = || person_at(ask, &message.from).filter(|person| !person.full_name.is_empty());
    let named = |name: &str| format!("{} <{}>", isolated(name), message.from);
    match &message.sender.name {
        None => own().map_or_else(|| message.from.to_string(), |person| named(&person.full_name)),
        Some(name) => named(name),
    }
}

/// How many texts it is; alphabet and units are for who looks after the box.
pub fn texts(ask: &Ask, texts: &Segments) -> String {
    if ask.operator() { texts.total().to_string() } else { say!("count.texts", n = texts.total().texts) }
}

/// The keyword of a mail that has left and is not known to have arrived.
pub const SENT: &str = "$Sent";

/// How far a mail in Sent got: colour and words of the keyword that the box keeps it by.
pub fn stage(keyword: &str) -> Option<(&'static str, String)> {
    Some(match keyword {
        "$Delivered" => ("good", say!("mailbox.delivered")),
        SENT => ("good", say!("mailbox.sent")),
        "$Queued" => ("wait", say!("mailbox.waiting")),
        "$Failed" => ("bad", say!("mailbox.not_delivered")),
        _ => return None,
    })
}

/// Of two states of copies of one mail the one that somebody has to know of.
pub fn worse(one: (&'static str, String), other: (&'static str, String)) -> (&'static str, String) {
    let rank = |tone: &str| ["good", "wait", "off", "bad", "warn"].iter().position(|known| *known == tone);
    if rank(other.0) > rank(one.0) { other } else { one }
}

/// What mail programs have marked a mail with, as far as that says something to people: their own labels, and a few marks
/// that are the same in all programs.
pub fn label(keyword: &str) -> Option<String> {
    match keyword {
        "$Forwarded" => Some(say!("mailbox.forwarded")),
        "$Junk" | "Junk" => Some(say!("mailbox.junk")),
        "NonJunk" | "NotJunk" => None,
        keyword if keyword.starts_with('$') => None,
        keyword => Some(keyword.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_words_or_are_not_shown() {
        assert_eq!(["$Delivered", "$Sent", "$Queued", "$Failed"].map(|word| stage(word).is_some()), [true; 4]);
        let shown =
            ["$Forwarded", "$MDNSent", "NonJunk", "$label1", "boat"].map(|word| label(word).unwrap_or_default());
        assert_eq!(shown, ["forwarded", "", "", "", "boat"]);
    }
}
