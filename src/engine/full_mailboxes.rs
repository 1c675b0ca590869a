//! A mailbox that is nearly full: its person gets a mail about it, once until there is room again.

use super::Context;
use crate::address::Address;
use crate::fault::Fault;
use crate::message::{Machine, Origin, Terms, Way};
use crate::route::plan::NewMessage;
use crate::settings::Key;
use crate::store::{BodyIn, IncomingMail};

/// Per cent of the room at which a person is told, and below which they may be told again.
const TOLD_AT: u64 = 90;
const FORGOTTEN_AT: u64 = 80;

/// Looks at all mailboxes.
///
/// # Errors
/// When the store cannot be written or read.
pub fn tell(context: &Context) -> Result<(), Fault> {
    let policy = context.policy();
    let room = u64::try_from(policy.settings.number(Key::MailboxQuota)).unwrap_or(0);
    for person in policy.people.iter() {
        let name = person.name.clone();
        let note = format!("mailbox-full:{name}");
        let (bytes, told) = context.store.read(|view| Ok((view.mailbox_bytes(&name)?, view.note(&note)?.is_some())))?;
        let used = (bytes / 10_000).checked_div(room).unwrap_or(0);
        if told && used < FORGOTTEN_AT {
            context.store.write(move |tx| tx.put_note(&note, None))?;
        } else if !told && used >= TOLD_AT {
            let Some(to) = policy.address_of(person) else { continue };
            let draft = NewMessage {
                door: Origin::Notice,
                from: Address::Nobody,
                to: Address::Mail(to),
                author: None,
                subject: "Your mailbox is nearly full".to_owned(),
                text: format!(
                    "Your mailbox on this box has {} MB of the {room} MB that it has room for. Delete what you do not need, and \
                     empty Trash.\n\nWhen it is full your mail program can put nothing more into it, and what you send is still \
                     sent. What arrives for you is kept all the same.",
                    bytes / 1_000_000
                ),
                cut: Vec::new(),
                automatic: Some(Machine::OwnNotice),
                message_id: None,
                references: Vec::new(),
                about: None,
                stranger: None,
                terms: Terms::default(),
            };
            let message = context.plan(&policy, draft);
            // Who reads at a far box has nothing here that could be full of their own doing.
            if message.way != Way::Mailbox {
                continue;
            }
            context.store.write(move |tx| {
                tx.put_note(&note, Some(&[]))?;
                tx.add(&IncomingMail { messages: vec![message.clone()], body: BodyIn::None }).map(drop)
            })?;
        }
    }
    Ok(())
}
