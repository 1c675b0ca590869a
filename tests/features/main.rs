//! The real binary against real peers, by feature: each folder is one thing that a box does, each test one scene that
//! can be run alone (`cargo test --test features sms::incoming`). What all of them use is in `support`.

/// One test for each case of a scene: `scenes!(the_scene: name(argument), other(argument))` makes
/// `the_scene::name` and `the_scene::other` of the function `the_scene`.
macro_rules! scenes {
    ($scene:ident: $($name:ident($($argument:expr),*)),+ $(,)?) => {
        mod $scene {
            $(#[test] fn $name() { super::$scene($($argument),*); })+
        }
    };
}

mod cli;
mod clock;
mod costs;
mod imap;
mod ip;
mod link;
mod links;
mod pages;
mod people;
mod policy;
mod privacy;
mod relay;
mod servers;
mod siege;
mod simulate;
mod sms;
mod smtp;
mod store;
mod support;
