//! The pages: in a real browser, by hand, and by everybody who may or may not.

mod about;
mod browser;
mod drafts;
mod front;
mod http;
mod log_ins;
mod instruments;
mod reading;
mod roles;
mod wrong;
