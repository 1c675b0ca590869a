//! Drives the link of the box in both directions.

pub mod coders;
mod group;
pub mod inbound;
mod inbound_buffer;
mod peer;
mod reconcile;
mod schedule;
mod submit;
mod timers;
mod track;
pub mod worker;
