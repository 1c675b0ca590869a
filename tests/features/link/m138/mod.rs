//! The M138 driver in the real binary, against a simulated modem in which everything goes wrong that can.
//!
//! In each scene messages go both ways while something is wrong. At its end every message has arrived once, no packet
//! was on air under two numbers of the modem, and the totals balance. What goes wrong has to be told by
//! `satpost status --json` within seconds, and to mend by itself when the cause ends.

mod air;
mod firmware;
mod foreign;
mod life;
mod line;
mod plug;
mod quiet;
pub mod scene;
mod several;
mod waiting;
