//! Mailboxes for mail programs: IMAP.

mod clients;
mod crash;
mod faults;
mod hostile;
mod one_mailbox;
mod search;
mod setup;
mod two_clients;

use crate::support::Station;
use crate::support::shore::Shore;

/// A box with two people who read here.
fn boxed(shore: &Shore) -> Station {
    shore.gateway(&[], &["olga", "ben"]).started()
}

/// A mail with this subject.
fn mail(subject: &str) -> String {
    format!(
        "From: bob@world.example\r\nTo: olga@shore.example\r\nSubject: {subject}\r\nMessage-ID: <{subject}@world.example>\r\n\r\nBody of {subject}\r\n"
    )
}
