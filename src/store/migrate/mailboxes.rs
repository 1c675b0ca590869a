//! Mailboxes up to version 6, which were lists of messages, each read or not; what somebody had sent was in no folder.

use crate::message::Id;
use crate::store::mailbox::Flags;
use crate::store::queue::parse;
use crate::store::schema::Readable;
use crate::store::schema::{Tx, TxResult};

/// Files what is in the mailboxes in the INBOX of each person, and what somebody wrote in their Sent, in order of number.
pub fn file(tx: &mut Tx, old: &[(String, Id, bool)]) -> TxResult<()> {
    for (person, id, read) in old {
        // What cannot be read is set aside by whoever comes upon it; what is of somebody who is gone is in no mailbox.
        let Some(message) = tx.find(*id)?.filter(|message| !message.former.contains(person)) else { continue };
        tx.file_arrival(&message, Flags::of(if *read { Flags::SEEN } else { 0 }))?;
    }
    let mut sent = Vec::new();
    for row in tx.messages.iter()? {
        let message = parse(row?.1.value()).ok();
        let first = |id: Id, mail: Option<Id>| mail.is_none_or(|first| first == id);
        sent.extend(message.filter(|message| first(message.id, message.mail.as_ref().map(|mail| mail.first))));
    }
    for message in &sent {
        let gone = message.author.as_ref().is_some_and(|author| message.former.contains(author));
        if !gone {
            tx.file_sent(message)?;
        }
    }
    Ok(())
}
