//! Drives the link of the box in both directions.
//!
//! ```text
//!                    ┌──────────────────────── worker: one turn after the other ────────────────────────┐
//!   link ── poll ──> inbound_buffer -> inbound          what came in is kept, then confirmed
//!                    track                              what the link holds is asked after, or withdrawn
//!                    reconcile                          hand-overs whose end is unknown
//!                    timers -> inbound::tick            what is due in the sessions with far boxes
//!                    lines -> schedule                  waiting messages become packets, far box by far box
//!                    submit ── send ──> link            packets are handed over
//!                    explain                            what waits says for what
//! ```
//!
//! The [`worker`] alone holds what changes from turn to turn: the state of the link, how much it holds, and what is in
//! doubt. The other files are functions of plain values: they say what to do, and the worker does it. [`group`] decides
//! what becomes of packets that belong together, [`commit`] writes it.

pub mod coders;
mod commit;
pub mod crew;
pub mod equipment;
mod explain;
mod fate;
mod group;
pub mod inbound;
mod inbound_buffer;
mod lines;
pub(super) mod peer;
mod process;
mod reconcile;
mod schedule;
pub(super) mod session;
mod submit;
mod telemetry;
mod timers;
mod track;
pub mod worker;
