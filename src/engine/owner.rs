//! News of the box itself: an event on the page, and a message in the mailbox that each owner has on this box.

use super::Context;
use crate::address::{Address, Mailbox};
use crate::clock::Time;
use crate::deliver::compose::{self, ComposedMail};
use crate::fault::Fault;
use crate::message::events::EventKind;
use crate::message::reason::Arrived;
use crate::message::{Machine, Origin, State, Terms, Way};
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

/// The message to one owner.
fn mail(
    policy: &Policy,
    owner: &Person,
    subject: &str,
    text: &str,
    (now, believed): (Time, bool),
) -> Option<IncomingMail> {
    let to = policy.address_of(owner)?;
    let domain = policy.settings.text(Key::Domain);
    let from = Mailbox::new("postmaster", domain).ok()?;
    let message_id = format!("<box.{}.{}@{domain}>", now.0, owner.name);
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
        door: Origin::Notice,
        from: Address::Mail(from),
        to: Address::Mail(to),
        author: None,
        subject: subject.to_owned(),
        text: text.to_owned(),
        cut: Vec::new(),
        automatic: Some(Machine::OwnNotice),
        message_id: Some(message_id),
        references: Vec::new(),
        about: None,
        stranger: None,
        terms: Terms::default(),
    };
    let mut message = policy.plan(draft, None, now, believed);
    message.way = Way::Mailbox;
    message.state = State::Delivered;
    message.next = Time::NEVER;
    message.bill = None;
    message.reason = Arrived::Mailbox { name: Some(owner.name.clone()) }.into();
    Some(IncomingMail { messages: vec![message], body: BodyIn::Bytes(body) })
}
