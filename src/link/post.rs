//! The mail of this box, for a link that goes by it: the relay, and the mailbox that the relay's account has.

use crate::address::Mailbox;
use crate::fault::Fault;

/// Names a mail in a mailbox: the UIDVALIDITY of that, and the UID. Another mail has it only after all are renumbered, and
/// then the first part differs.
pub type Uid = (u32, u32);

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
    fn unread(&self, server: &str, from: &str, known: &[Uid], most: usize) -> Result<Vec<(Uid, Vec<u8>)>, Fault>;

    /// Marks mails as read there.
    ///
    /// # Errors
    /// As for [`Post::unread`].
    fn mark_read(&self, server: &str, uids: &[Uid]) -> Result<(), Fault>;
}

/// Why a mail did not go.
#[derive(Debug)]
pub struct NotSent {
    /// Why it did not go, and whether it may go later.
    pub fault: Fault,
    /// The relay may have taken it all the same.
    pub unanswered: bool,
}
