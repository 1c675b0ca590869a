//! A mailbox that is nearly full: its person gets a mail about it, once until there is room again.

use super::{Context, owner};
use crate::fault::Fault;
use crate::people::Home;
use crate::settings::Key;
use crate::store::mailbox::full_note;

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
        let note = full_note(&name);
        let (bytes, told) = context.store.read(|view| Ok((view.mailbox_bytes(&name)?, view.note(&note)?.is_some())))?;
        let used = (bytes / 10_000).checked_div(room).unwrap_or(0);
        if told && used < FORGOTTEN_AT {
            context.store.write(move |tx| tx.put_note(&note, None))?;
        } else if !told && used >= TOLD_AT {
            // Who reads at a far box has nothing here that could be full of their own doing.
            if person.home != Home::Here {
                continue;
            }
            let text = format!(
                "Your mailbox on this box has {} MB of the {room} MB that it has room for. Delete what you do not need, and empty \
                 Trash.\n\nWhen it is full your mail program can put nothing more into it, and what you send is still sent. What \
                 arrives for you is kept all the same.",
                bytes / 1_000_000
            );
            let at = (context.now(), context.store.clock().believable());
            let Some(mail) = owner::mail(&policy, person, "Your mailbox is nearly full", &text, at) else { continue };
            context.store.write(move |tx| {
                tx.put_note(&note, Some(&[]))?;
                tx.add(&mail).map(drop)
            })?;
        }
    }
    Ok(())
}
