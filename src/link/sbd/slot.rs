//! The slot of what goes up: written, asked after, emptied.
//!
//! ```text
//!            prepare: the slot is empty, no session runs
//!               |  memo on disk: which modem, its counter of sessions, a number of our own
//!               v
//!            +SBDWB ---- 0 ------------------------------------------------------> Taken
//!               |------- 1, 2, 3 ------------------------------------------------> Refused
//!               |  no answer, or the port gone
//!               v
//!             open ----- the slot is emptied, no session was begun --------------> NotTaken
//!            a crash --- counter as before ---- the slot is emptied -------------> NotTaken
//!               |------- counter one further ------------------------------------> Sent
//!               |  any other, or not told
//!               v
//!            unknown     (the far box decides)
//! ```

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::wire::Trouble;
use super::{MAX_PAYLOAD, Phase, Sbd};
use crate::clock::Time;
use crate::fault::Fault;
use crate::link::{Event, LinkPacket, PacketStatus, SubmitResult, Verdict};
use crate::message::reason::{Acknowledged, SessionReason, TrackingReason};
use crate::message::{Intent, Reason, Reference};

/// Hand-overs remembered with what became of them.
const MAX_FATES: usize = 256;
/// Writes of one message before it is given up.
const WRITES: u32 = 3;
/// What no message may begin with: the service would pass it on to another terminal.
const FORWARDS: &[u8] = b"RB";

/// A message in the modem's slot for what goes up (MO).
#[derive(Debug)]
pub struct Slot {
    /// The modem's number.
    pub imei: String,
    /// Number of the hand-over.
    pub number: u64,
    /// The modem's counter then.
    pub momsn: Option<u16>,
    /// Until when it is wanted.
    pub deadline: Time,
    /// The modem said that it has it.
    pub sure: bool,
    /// When a session was begun with it whose result is not known.
    pub tried: Option<Instant>,
    /// It is wanted back: a session that fails is its last one.
    pub back: bool,
}

/// What became of a hand-over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The gateway has taken it in a session.
    Sent,
    /// It certainly did not leave.
    NotTaken(SessionReason),
    /// It was taken out of the slot before a session took it.
    Withdrawn,
    /// The driver gave it up, for this reason.
    GaveUp(Reason),
    /// Whether a session took it is not known.
    Unknown(SessionReason),
}

/// What the engine keeps on disk.
#[derive(Debug, Serialize, Deserialize)]
struct Memo {
    imei: String,
    number: u64,
    momsn: Option<u16>,
}

impl Sbd {
    /// See [`crate::link::Link::prepare`].
    pub(super) fn prepare_message(&mut self, packet: &LinkPacket) -> Result<Intent, Fault> {
        let bytes = packet.payload.len();
        if bytes == 0 || bytes > MAX_PAYLOAD {
            return Err(Fault::refused(TrackingReason::Length { bytes, most: MAX_PAYLOAD }));
        }
        if packet.payload.starts_with(FORWARDS) {
            return Err(Fault::refused(SessionReason::Forwards));
        }
        self.check_ready()?;
        if self.slot.is_some() {
            return Err(Fault::Temporary(TrackingReason::EarlierOpen.into()));
        }
        let imei = self.facts.imei.clone().unwrap_or_default();
        // Seconds, but never one twice; below them the counter, and whether it is known.
        let seconds = u64::try_from(self.clock.now().seconds()).unwrap_or_default();
        let seconds = seconds.max((self.last_number >> 17) + 1);
        let momsn = self.facts.momsn;
        self.last_number = seconds << 17 | u64::from(momsn.is_some()) << 16 | u64::from(momsn.unwrap_or_default());
        let memo = Memo { imei, number: self.last_number, momsn };
        let memo = serde_json::to_string(&memo).map_err(Fault::temporary)?;
        Ok(Intent { at: self.clock.now(), memo })
    }

    /// See [`crate::link::Link::send`].
    pub(super) fn hand_over(&mut self, packet: &LinkPacket, intent: &Intent) -> SubmitResult {
        if let Err(fault) = self.check_ready() {
            return SubmitResult::Refused(fault);
        }
        let memo: Memo = match serde_json::from_str(&intent.memo) {
            Ok(memo) => memo,
            Err(why) => return SubmitResult::Refused(Fault::temporary(why)),
        };
        let (deadline, limit) = (packet.deadline, self.limits.local);
        for _ in 0..WRITES {
            let Some(wire) = &mut self.wire else { break };
            self.slot_clear = false;
            let slot = |sure| Slot {
                imei: memo.imei.clone(),
                number: memo.number,
                momsn: memo.momsn,
                deadline,
                sure,
                tried: None,
                back: false,
            };
            match wire.write_slot(&packet.payload, limit) {
                Ok(0) => {
                    self.slot = Some(slot(true));
                    return SubmitResult::Taken(reference(&memo));
                }
                // A sum that is wrong, or bytes that were lost: once more.
                Ok(1 | 2) | Err(Trouble::Damaged) => {}
                Ok(_) => {
                    let bytes = packet.payload.len();
                    return SubmitResult::RefusedPacket(Fault::refused(TrackingReason::Length {
                        bytes,
                        most: MAX_PAYLOAD,
                    }));
                }
                // Nothing was written.
                Err(trouble @ Trouble::NotAsked(_)) => {
                    self.on_trouble(&trouble);
                    return SubmitResult::Refused(Fault::Temporary(trouble.reason().into()));
                }
                Err(trouble) => {
                    self.slot = Some(slot(false));
                    self.on_trouble(&trouble);
                    return SubmitResult::Unknown(trouble.reason().into());
                }
            }
        }
        SubmitResult::Refused(Fault::Temporary(Trouble::Damaged.reason().into()))
    }

    /// See [`crate::link::Link::reconcile`].
    pub(super) fn find_out(&mut self, intent: &Intent) -> Verdict {
        let memo: Memo = match serde_json::from_str(&intent.memo) {
            Ok(memo) => memo,
            Err(why) => return Verdict::Unknown(TrackingReason::BadMemo { why: why.to_string() }.into()),
        };
        match self.fate(&reference(&memo)) {
            Ok(None) => Verdict::Taken(reference(&memo)),
            Ok(Some(Fate::Sent)) => Verdict::Sent(reference(&memo)),
            Ok(Some(Fate::NotTaken(why))) => Verdict::NotTaken(why.into()),
            Ok(Some(Fate::Withdrawn)) => Verdict::NotTaken(SessionReason::SlotCleared.into()),
            Ok(Some(Fate::GaveUp(why))) => Verdict::NotTaken(why),
            Ok(Some(Fate::Unknown(why))) => Verdict::Unknown(why.into()),
            Err(why) => Verdict::NotYet(why),
        }
    }

    /// See [`crate::link::Link::still_held`].
    pub(super) fn ask_after(&mut self, reference: &Reference) -> PacketStatus {
        match self.fate(reference) {
            Ok(None) => PacketStatus::Held,
            Ok(Some(Fate::Sent)) => PacketStatus::Sent,
            Ok(Some(Fate::Withdrawn)) => PacketStatus::Withdrawn,
            Ok(Some(Fate::GaveUp(why))) => PacketStatus::GaveUp(why),
            Ok(Some(Fate::Unknown(why))) => doubtful(reference, why),
            Ok(Some(Fate::NotTaken(why))) => {
                self.events.push(Event::NotTaken { reference: reference.clone(), why: why.into() });
                PacketStatus::Held
            }
            Err(why) => PacketStatus::Unknown(why),
        }
    }

    /// See [`crate::link::Link::cancel`].
    pub(super) fn withdraw(&mut self, reference: &Reference) -> PacketStatus {
        match self.fate(reference) {
            Ok(None) if self.plan.session.is_some() => {
                self.slot.iter_mut().for_each(|slot| slot.back = true);
                PacketStatus::Unknown(SessionReason::Running.into())
            }
            Ok(None) => match self.clear_slot() {
                true => {
                    self.slot = None;
                    self.remember(reference.number, Fate::Withdrawn);
                    PacketStatus::Withdrawn
                }
                false => PacketStatus::Unknown(SessionReason::NotCleared.into()),
            },
            Ok(Some(Fate::NotTaken(_))) => PacketStatus::Withdrawn,
            _ => self.ask_after(reference),
        }
    }

    /// What became of a hand-over; `None` while it waits in the slot.
    ///
    /// # Errors
    /// What is in the way of knowing it now.
    fn fate(&mut self, reference: &Reference) -> Result<Option<Fate>, Reason> {
        let number = reference.number;
        if let Some((_, fate)) = self.fates.iter().find(|(known, _)| *known == number) {
            return Ok(Some(fate.clone()));
        }
        if let Some(slot) = self.slot.as_ref().filter(|slot| slot.number == number) {
            if slot.sure {
                return Ok(None);
            }
            // Whether it was written is not known, and no session has begun since.
            self.check_running()?;
            if !self.clear_slot() {
                return Err(SessionReason::NotCleared.into());
            }
            self.slot = None;
            self.remember(number, Fate::NotTaken(SessionReason::SlotCleared));
            return Ok(Some(Fate::NotTaken(SessionReason::SlotCleared)));
        }
        // An earlier life handed it over.
        self.check_running()?;
        let (imei, found) = self.facts.found.clone().unwrap_or_default();
        let device = reference.holder.trim_start_matches("imei:").to_owned();
        if device != imei {
            return Err(TrackingReason::NotPluggedIn { device }.into());
        }
        let before = (number >> 16 & 1 == 1).then_some(u16::try_from(number & 0xffff).unwrap_or_default());
        let fate = match (before, found) {
            (Some(before), Some(found)) if before == found => {
                if self.slot.is_none() && !self.slot_clear && !self.clear_slot() {
                    return Err(SessionReason::NotCleared.into());
                }
                Fate::NotTaken(SessionReason::CounterStands)
            }
            (Some(before), Some(found)) if before.wrapping_add(1) == found => Fate::Sent,
            (Some(_), Some(_)) => Fate::Unknown(SessionReason::CounterMoved),
            _ => Fate::Unknown(SessionReason::NoCounter),
        };
        self.remember(number, fate.clone());
        Ok(Some(fate))
    }

    fn check_running(&self) -> Result<(), Reason> {
        match self.phase == Phase::Running {
            true if self.plan.session.is_some() => Err(SessionReason::Running.into()),
            true => Ok(()),
            false => Err(self.state()),
        }
    }

    fn check_ready(&self) -> Result<(), Fault> {
        let running = self.check_running().and_then(|()| match self.is_ready() {
            true => Ok(()),
            false => Err(self.state()),
        });
        running.map_err(|why| match why {
            why @ Reason::Session(SessionReason::NeedsOwner { .. }) => Fault::Operator(why),
            why => Fault::Temporary(why),
        })
    }

    /// Empties the slot of what goes up; false when that is not certain.
    pub(super) fn clear_slot(&mut self) -> bool {
        self.slot_clear = matches!(self.command("+SBDD0"), Ok(lines) if lines.iter().any(|line| line == "0"));
        self.slot_clear
    }

    /// Notes what became of a hand-over.
    pub(super) fn remember(&mut self, number: u64, fate: Fate) {
        if self.fates.len() >= MAX_FATES {
            self.fates.pop_front();
        }
        self.fates.push_back((number, fate));
    }

    /// The gateway has what was in the slot.
    pub(super) fn sent(&mut self, slot: &Slot) {
        self.remember(slot.number, Fate::Sent);
        self.events.push(Event::Sent { reference: slot.reference(), how: Acknowledged::OnGround });
    }

    /// What was in the slot certainly did not leave.
    pub(super) fn not_taken(&mut self, slot: &Slot, why: SessionReason) {
        self.remember(slot.number, Fate::NotTaken(why.clone()));
        self.events.push(Event::NotTaken { reference: slot.reference(), why: why.into() });
    }

    /// What was in the slot never leaves.
    pub(super) fn gave_up(&mut self, slot: &Slot, why: Reason) {
        self.remember(slot.number, Fate::GaveUp(why.clone()));
        self.events.push(Event::Lost { reference: slot.reference(), why });
    }
}

/// Nobody knows what became of it, and a later session may tell.
fn doubtful(reference: &Reference, why: SessionReason) -> PacketStatus {
    let number = reference.number;
    let imei = reference.holder.trim_start_matches("imei:").to_owned();
    let momsn = (number >> 16 & 1 == 1).then_some(u16::try_from(number & 0xffff).unwrap_or_default());
    // Plain data always becomes JSON.
    let memo = serde_json::to_string(&Memo { imei, number, momsn }).unwrap_or_default();
    PacketStatus::Doubtful { memo, why: why.into() }
}

impl Slot {
    pub(super) fn reference(&self) -> Reference {
        Reference { holder: format!("imei:{}", self.imei), number: self.number }
    }
}

fn reference(memo: &Memo) -> Reference {
    Reference { holder: format!("imei:{}", memo.imei), number: memo.number }
}
