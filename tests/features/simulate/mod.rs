//! The simulators as programs of their own, and the demonstration that is made of them.

mod demo;
mod directip;
mod imt;
mod modem;
mod sbd;
