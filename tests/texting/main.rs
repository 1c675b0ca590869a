//! Text messages with the real binary: out and in by both carriers, with lost answers, refusals, late and doubled news,
//! kills at any moment, forged calls, and phones that want no more.

#[path = "../common/mod.rs"]
mod common;

mod carriers;
mod crash;
mod ground;
mod incoming;
mod money;
mod outgoing;
