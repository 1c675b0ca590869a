//! Ways out over the internet: the mail relay, and the mails that the box writes itself.
pub mod relay;
