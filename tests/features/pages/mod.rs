//! The pages: in a real browser, by hand, and by everybody who may or may not.

mod about;
mod at_work;
mod browser;
mod busy;
mod day;
mod drafts;
mod front;
mod http;
mod instruments;
mod log_ins;
mod mailbox;
mod payloads;
mod plain;
mod reading;
mod release;
mod roles;
mod setup;
mod sizes;
mod told;
mod two_tabs;
mod wrong;
