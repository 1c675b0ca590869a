//! News of the box itself: an event on the page, and a message in a mailbox on this box, never over the air.

use super::Context;
use crate::address::{Address, Mailbox};
use crate::clock::Time;
use crate::deliver::compose::{self, ComposedMail};
use crate::fault::Fault;
use crate::message::events::EventKind;
use crate::message::reason::Arrived;
use crate::message::{Machine, Origin, State, Way};
use crate::people::Person;
use crate::route::choose::Policy;
use crate::route::plan::NewMessage;
use crate::settings::Key;
use crate::store::{BodyIn, Event, IncomingMail};

impl Context {
    /// Writes what happened into the event list, and `text` to the owners: one message of a kind (`once`) within a day, and never over the
    /// air.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn tell_owner(&self, once: &str, subject: &str, kind: EventKind, text: &str) -> Result<(), Fault> {
        let (now, policy, believed) = (self.now(), self.policy(), self.store.clock().believable());
        let mails: Vec<_> = policy
            .people
            .iter()
            .filter(|person| person.is_owner() && !person.disabled)
            .filter_map(|person| mail(&policy, person, subject, text, (now, believed)))
            .collect();
        let event = Event { at: now, part: "store".to_owned(), link: None, kind, alarm: true };
        let day: String = now.to_string().chars().take(10).collect();
        let key = format!("told owner {once} {day}");
        self.store.write(move |tx| {
            tx.event(&event)?;
            if tx.once(&key, now)? {
                for mail in &mails {
                    tx.add(mail)?;
                }
            }
            Ok(())
        })
    }
}

/// Makes the message of the box to one person, in their mailbox here; `None` for a person or a box without an address.
pub fn mail(
    policy: &Policy,
    person: &Person,
    subject: &str,
    text: &str,
    (now, believed): (Time, bool),
) -> Option<IncomingMail> {
    let to = policy.address_of(person)?;
    let domain = policy.settings.text(Key::Domain);
    let from = Mailbox::new("postmaster", domain).ok()?;
    let message_id = format!("<box.{}.{}@{domain}>", now.0, person.name);
    let body = compose::build(&ComposedMail {
        from: &from,
        from_name: Some("satpost"),
        to: &to,
        subject,
        text,
        date: now,
        message_id: &message_id,
        references: &[],
        auto_submitted: Some("auto-generated"),
    });
    let draft = NewMessage {
        subject: subject.to_owned(),
        automatic: Some(Machine::OwnNotice),
        message_id: Some(message_id),
        ..NewMessage::new(Origin::Notice, Address::Mail(from), Address::Mail(to), text.to_owned())
    };
    let mut message = policy.plan(draft, None, now, believed);
    message.way = Way::Mailbox;
    message.state = State::Delivered;
    message.next = Time::NEVER;
    message.bill = None;
    message.reason = Arrived::Mailbox { name: Some(person.name.clone()) }.into();
    Some(IncomingMail { messages: vec![message], body: BodyIn::Bytes(body) })
}
