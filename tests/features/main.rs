//! The real binary against real peers, by feature: each folder is one thing that a box does, each test one scene that
//! can be run alone (`cargo test --test features sms::incoming`). What all of them use is in `support`.

mod cli;
mod costs;
mod link;
mod pages;
mod people;
mod policy;
mod privacy;
mod relay;
mod simulate;
mod sms;
mod smtp;
mod store;
mod support;
