//! Words for reasons, in one place per audience.
//!
//! | audience | where | what they hear |
//! |---|---|---|
//! | the owner: page, command line, time line | [`owner`], [`device`], [`contact`], [`line`], [`session`], [`events`], [`mail`], which are `Display` | the whole fact, and what to do |
//! | a person, and who is told by a notice | [`person`] | plain words, nothing of modems, settings and codings |
//! | an SMTP client | [`smtp`] | a reply code, an enhanced status code, a sentence |
//! | the log | [`super::Reason::code`] | the code of the fact: no names, no addresses, no words of others |

mod bidi;
pub mod contact;
mod device;
mod events;
mod line;
mod link;
mod mail;
mod owner;
mod person;
mod session;
pub mod smtp;
mod transport;

pub use bidi::isolated;
pub use link::packet_note;
pub use mail::{size as file_size, size_of};
pub use person::{for_notice, for_person, words as person};

#[cfg(test)]
mod tests;
