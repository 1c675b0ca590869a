//! What two correspondents said last about a topic: an answer that comes off the air, or is written on the page, names no
//! Message-ID. Its subject says what it answers, and that costs no byte on any link.

use super::schema::{Tx, TxResult};
use crate::message::title::topic;
use crate::message::{Id, Message, Origin, Way};
use crate::store::schema::Readable;

/// Message-IDs of a thread that are kept: the first, and the last ones (RFC 5322 section 3.6.4 sets no limit).
const MAX_REFERENCES: usize = 20;

/// The two ends of a message, the same in both directions; `None` for one that is no part of a conversation.
fn ends(message: &Message) -> Option<String> {
    let counts = message.door != Origin::Notice && message.automatic.is_none() && message.message_id.is_some();
    if !counts || message.from.is_nobody() {
        return None;
    }
    let mut ends = [message.from.to_string().to_lowercase(), message.to.to_string().to_lowercase()];
    ends.sort_unstable();
    Some(ends.join(" "))
}

/// The topics under which an answer may look for a message: of one without a subject also its title, which is the subject
/// of the mail that was made from it.
fn topics(message: &Message) -> Vec<String> {
    let mut topics = vec![topic(&message.subject).words];
    if message.subject.is_empty() {
        topics.push(topic(&message.title()).words);
    }
    topics
}

impl Tx<'_> {
    /// Gives an answer that does not know its thread the references of the message that it answers: the last one between
    /// the same two about the same topic.
    pub(super) fn find_thread(&self, message: &mut Message) -> TxResult<()> {
        let topic = topic(&message.subject);
        let (Some(ends), true) = (ends(message), message.references.is_empty() && topic.is_answer) else {
            return Ok(());
        };
        let row = self.conversations.get((ends.as_str(), topic.words.as_str()))?;
        let Some(answered) = row.map(|row| Id(row.value())) else { return Ok(()) };
        let Some(answered) = self.find(answered)? else { return Ok(()) };
        message.references = answered.references;
        message.references.extend(answered.message_id);
        let over = message.references.len().saturating_sub(MAX_REFERENCES);
        if over > 0 {
            message.references.drain(1..=over);
        }
        Ok(())
    }

    /// The message is the last one of its conversation, unless a mail program wrote it and mail programs read it: their
    /// answers name it.
    pub(super) fn put_conversation(&mut self, message: &Message) -> TxResult<()> {
        if message.mail.is_some() && message.way == Way::Relay {
            return Ok(());
        }
        let Some(ends) = ends(message) else { return Ok(()) };
        for topic in topics(message) {
            self.conversations.insert((ends.as_str(), topic.as_str()), message.id.0)?;
        }
        Ok(())
    }

    /// The message goes: nothing answers it any more.
    pub(super) fn remove_conversation(&mut self, message: &Message) -> TxResult<()> {
        let Some(ends) = ends(message) else { return Ok(()) };
        for topic in topics(message) {
            let key = (ends.as_str(), topic.as_str());
            let last = self.conversations.get(key)?.map(|row| row.value());
            if last == Some(message.id.0) {
                self.conversations.remove(key)?;
            }
        }
        Ok(())
    }
}
