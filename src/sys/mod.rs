//! The only place for calls to the platform: systemd, disk, processes, signals.

pub mod control_lines;
pub mod disk;
pub mod memory;
pub mod network;
pub mod notify;
pub mod ports;
pub mod process;
pub mod recent;
pub mod signals;
pub mod sleep;
pub mod sockets;
