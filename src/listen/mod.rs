//! The doors: what comes in over the network, behind the gate.

pub mod office;
