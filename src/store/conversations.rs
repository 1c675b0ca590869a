//! What two correspondents said last about a topic: an answer that comes off the air, or is written on the page, names no
//! Message-ID. Its subject says what it answers, and that costs no byte on any link.

use super::schema::{Readable, Tx, TxResult};
use crate::message::title::{ends, references_of_answer, topic, topics};
use crate::message::{Id, Message, Way};

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
        message.references = references_of_answer(&answered);
        Ok(())
    }

    /// A message that came in answers one of ours, as the far box says: believed where they share an end, so that no thread
    /// of others is shown to anybody.
    pub fn continue_thread(&self, message: &mut Message, answered: Id) -> TxResult<()> {
        if let Some(answered) = self.find(answered)?
            && (answered.from == message.to || answered.to == message.from)
        {
            message.references = references_of_answer(&answered);
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
