//! The mail of this box, for a link that goes by it: the relay, and the mailbox that the relay's account has.

use crate::address::Mailbox;
use crate::fault::Fault;

/// Sends and fetches mails with the account of the relay.
pub trait Post: Send + Sync {
    /// Gives a mail to the relay.
    ///
    /// # Errors
    /// Why it did not take it, or may have.
    fn send(&self, from: &Mailbox, to: &Mailbox, mail: &[u8]) -> Result<(), NotSent>;

    /// The unread mails of this sender in the mailbox at this IMAP server (`host:port`), at most so many, by their UIDs; those
    /// of `known` are left out.
    ///
    /// # Errors
    /// The server cannot be reached, or refuses.
    fn unread(&self, server: &str, from: &str, known: &[u32], most: usize) -> Result<Vec<(u32, Vec<u8>)>, Fault>;

    /// Marks mails as read there.
    ///
    /// # Errors
    /// As for [`Post::unread`].
    fn mark_read(&self, server: &str, uids: &[u32]) -> Result<(), Fault>;
}

/// Why a mail did not go.
#[derive(Debug)]
pub struct NotSent {
    /// What is wrong.
    pub fault: Fault,
    /// The relay may have taken it all the same.
    pub unanswered: bool,
}
