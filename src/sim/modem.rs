//! A simulated M138 on a pseudo-terminal.

/// What `satpost simulate modem` was asked to do.
pub struct Options;
