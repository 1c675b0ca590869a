//! Messages over the satellite: two boxes, the compact coding, long messages, the Hive and the modem.

mod ashore;
mod both_ways;
mod compact;
mod contact;
mod crew;
mod gaps;
mod hive;
mod imt;
mod m138;
mod parts;
mod past;
pub mod sbd;
mod threads;
mod turns;
mod unknown;
