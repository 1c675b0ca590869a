//! Codings of packets: bytes in, messages out, and back. No I/O.

pub mod classic;
pub mod messages;
pub mod parts;
