//! Ways out over the internet: the mail relay, carriers of text messages, and the mails that the box writes itself.

pub mod compose;
pub mod dsn;
pub mod imap;
pub mod relay;
pub mod sms;
