//! The pages: in a real browser, by hand, and by everybody who may or may not.

mod browser;
mod http;
mod reading;
mod roles;
