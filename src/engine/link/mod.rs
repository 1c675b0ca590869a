//! Drives the links of the box in both directions: one worker for each link, in a thread of its own.
//!
//! ```text
//!                    ┌──────────────────────── worker: one turn after the other ────────────────────────┐
//!   link ── poll ──> inbound_buffer -> inbound          what came in is kept, then confirmed
//!                    track                              what the link holds is asked after, or withdrawn
//!                    reconcile                          hand-overs whose end is unknown
//!                    timers -> inbound::tick            what is due in the sessions with far boxes
//!                    lines -> select -> schedule        waiting messages become packets, far box by far box
//!                    submit ── send ──> link            packets are handed over
//!                    explain                            what waits says for what
//! ```
//!
//! A message in the queue has no link: [`select`] says for each whether this link takes it now, by what all of them offer
//! ([`market`]). What a link was given carries its number, and only its worker looks after that.
//!
//! The [`worker`] alone holds what changes from turn to turn: the state of the link, how much it holds, and what is in
//! doubt. The other files are functions of plain values: they say what to do, and the worker does it. [`group`] decides
//! what becomes of packets that belong together, [`commit`] writes it.

pub mod coders;
mod commit;
pub mod crew;
mod echo;
pub mod equipment;
mod explain;
mod fate;
mod give_back;
mod group;
mod hands;
pub mod inbound;
mod inbound_buffer;
mod lines;
pub mod market;
pub(super) mod peer;
pub mod post;
mod process;
mod reconcile;
pub mod relocate;
pub mod removed;
mod schedule;
mod select;
pub(super) mod session;
mod submit;
mod telemetry;
mod timers;
mod track;
mod unpack;
pub mod whole;
pub mod worker;
