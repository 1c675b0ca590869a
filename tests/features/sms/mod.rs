//! Text messages with the real binary: out and in by both carriers, with lost answers, refusals, late and doubled news,
//! kills at any moment, forged calls, and phones that want no more.

mod carriers;
mod costs;
mod crash;
mod incoming;
mod kits;
mod late;
mod odd;
mod outgoing;
