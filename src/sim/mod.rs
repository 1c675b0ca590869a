//! Simulators of everything that a box talks to. They speak the real protocols over real pseudo-terminals and sockets
//! and share no code with the drivers, so that a mistake cannot hide on both sides.

pub mod carrier;
pub mod cloudloop;
mod device;
pub mod directip;
mod engine;
mod faults;
pub mod ground;
pub mod hive;
mod http;
pub mod imt;
pub mod line;
mod lines;
pub mod modem;
mod pty;
pub mod rockblock;
pub mod sbd;
pub mod sbdmail;
mod serve;
pub mod sink;
pub mod sky;
