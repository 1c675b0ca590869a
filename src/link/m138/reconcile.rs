//! Finds out whether a packet was taken whose hand-over ended in a time-out or a crash. Never on a guess: a packet is
//! free to go again only when something proves that the modem does not have it and never had, and it counts as taken
//! only when it, or its acknowledgement, was seen. What neither is so of is unknown, and is said to be.
//!
//! In this order: a late `$TD OK`; the packet itself in the modem's queue; an acknowledgement with an id that no other
//! packet has; a driver that missed nothing and a queue that did not grow; a queue that is known to its last packet,
//! while no satellite came; and the id of the next packet, if it follows the last
//! one directly. A gap between ids
//! proves nothing: firmware may count packets of both directions with one counter.

use std::collections::BTreeSet;
use std::time::Duration;

use super::command::Command;
use super::handover::Memo;
use super::ledger::{PacketFate, days_around};
use super::sentence::Sentence;
use super::wire::PortError;
use super::{M138, Phase};
use crate::clock::Time;
use crate::link::turns::Turns;
use crate::link::{LinkPacket, Verdict};
use crate::message::Intent;
use crate::message::reason::TrackingReason;

/// A hand-over of which nothing is found out within this time is unknown.
const SETTLE_WITHIN: Duration = Duration::from_secs(10);
/// Two times that the modem gave may differ by this much although they name the same moment.
const STAMPS_DIFFER: Duration = Duration::from_secs(10);
/// A packet is taken so soon after the time in its memo.
const TAKEN_WITHIN: Duration = Duration::from_secs(300);

impl M138 {
    /// See [`crate::link::Link::reconcile`].
    pub fn find_out(&mut self, packet: &LinkPacket, intent: &Intent) -> Verdict {
        let memo: Memo = match serde_json::from_str(&intent.memo) {
            Ok(memo) => memo,
            Err(why) => return Verdict::Unknown(TrackingReason::BadMemo { why: why.to_string() }.into()),
        };
        if self.facts.device.is_some_and(|device| u64::from(device.number()) != memo.device) {
            let device = format!("0x{:06x}", memo.device);
            return Verdict::NotYet(TrackingReason::OnOtherDevice { device }.into());
        }
        if let Some((_, id)) = self.claims.iter().find(|(claimed, _)| *claimed == intent.memo).cloned()
            && let Some(reference) = self.reference(id)
        {
            let left = self.ledger.fate(id) == Some(PacketFate::Sent);
            return if left { Verdict::Sent(reference) } else { Verdict::Taken(reference) };
        }
        if let Some(last) = memo.last {
            self.ledger.known(last);
        }
        self.remember_unsettled(&intent.memo);
        if self.phase != Phase::Running {
            return Verdict::NotYet(self.state().into());
        }
        let verdict =
            self.judge(packet, intent, &memo).unwrap_or_else(|trouble| Verdict::NotYet(trouble.reason().into()));
        if let Verdict::Taken(reference) | Verdict::Sent(reference) = &verdict {
            self.ledger.known(reference.number);
            self.claim(&intent.memo, reference.number);
        }
        if !matches!(verdict, Verdict::NotYet(_) | Verdict::Unknown(_)) {
            self.unsettled.retain(|unsettled| unsettled.memo != intent.memo);
        }
        verdict
    }

    fn judge(&mut self, packet: &LinkPacket, intent: &Intent, memo: &Memo) -> Result<Verdict, PortError> {
        let was_whole = self.missed_nothing(memo);
        // an answer to this question also means that the hand-over, if it arrived, has been dealt with
        let waiting = self.count_waiting()?;
        self.take_in();
        for id in self.ledger.overheard_since(self.moment_of(memo)) {
            if self.is_after(memo, id)
                && let Some(verdict) = self.judge_id(packet, id)?
            {
                return Ok(verdict);
            }
        }
        if let Some(verdict) = self.search(packet, intent, memo)? {
            return Ok(verdict);
        }
        self.take_in();
        if let Some(verdict) = self.judge_unattributed(memo) {
            return Ok(verdict);
        }
        let before = memo.waiting.saturating_sub(self.ledger.left_since(memo.moment));
        if was_whole && self.missed_nothing(memo) {
            return Ok(match waiting <= before {
                true => Verdict::NotTaken(TrackingReason::QueueDidNotGrow.into()),
                false => self.leave_open(intent, TrackingReason::UnknownId, false),
            });
        }
        match self.others_in_queue(memo)?.cmp(&waiting) {
            // It will have an acknowledgement, which names its id, or expire.
            std::cmp::Ordering::Less => {
                self.remember_unsettled(&intent.memo).others_may_go = true;
                return Ok(Verdict::NotYet(TrackingReason::OneUnknownId.into()));
            }
            _ if self.heard_no_satellite(memo) || self.no_satellite_since(memo)? => {
                return Ok(Verdict::NotTaken(TrackingReason::NotThere.into()));
            }
            _ => {}
        }
        Ok(self.judge_next_id(intent, memo))
    }

    /// Nothing that the modem said since the memo can have escaped us.
    fn missed_nothing(&self, memo: &Memo) -> bool {
        memo.epoch == self.epoch && memo.garbled == self.garbled()
    }

    /// Nothing was missed but what restarts of the modem cost.
    fn heard_through(&self, memo: &Memo) -> bool {
        memo.line_epoch == self.line_epoch && memo.garbled == self.garbled()
    }

    /// The modem reports each packet of a satellite that it hears, and sends only after one: so nothing left.
    fn heard_no_satellite(&self, memo: &Memo) -> bool {
        let begun = memo.clock.unwrap_or(Time(i64::MAX));
        let none_left = self.ledger.left_since(self.moment_of(memo)) == 0;
        self.heard_through(memo) && none_left && self.facts.last_satellite.is_none_or(|at| at + STAMPS_DIFFER < begun)
    }

    /// An id that came late: ours if its payload is, or if it has left already.
    fn judge_id(&mut self, packet: &LinkPacket, id: u64) -> Result<Option<Verdict>, PortError> {
        let Some(reference) = self.reference(id) else { return Ok(None) };
        if self.ledger.fate(id) == Some(PacketFate::Sent) {
            return Ok(Some(Verdict::Sent(reference)));
        }
        Ok(match self.find(id)? {
            Some(payload) if payload == packet.payload => Some(Verdict::Taken(reference)),
            Some(_) => {
                self.ledger.known(id);
                None
            }
            None => Some(Verdict::Sent(reference)),
        })
    }

    /// Looks for the packet in the modem's queue, and learns of others that stand where it could.
    fn search(&mut self, packet: &LinkPacket, intent: &Intent, memo: &Memo) -> Result<Option<Verdict>, PortError> {
        let found: Vec<(u64, Vec<u8>)> = if self.dialect().lists_queue() {
            self.list()?
        } else {
            let mut found = Vec::new();
            for id in self.candidates(intent, memo) {
                found.extend(self.find(id)?.map(|payload| (id, payload)));
            }
            found
        };
        // an id that is accounted for is that of another packet, even with the same payload
        let ours = |id: &u64, payload: &Vec<u8>, driver: &Self| {
            *payload == packet.payload && !driver.ledger.is_accounted(*id) && driver.is_after(memo, *id)
        };
        let hit = found.iter().find(|(id, payload)| ours(id, payload, self)).map(|(id, _)| *id);
        for (id, _) in found.iter().filter(|(_, payload)| *payload != packet.payload) {
            self.ledger.known(*id);
        }
        let Some(id) = hit else { return Ok(None) };
        self.ledger.found(id);
        Ok(self.reference(id).map(Verdict::Taken))
    }

    /// Ids that the packet can have: next to the last one before it, and next to the first one after it.
    fn candidates(&self, intent: &Intent, memo: &Memo) -> BTreeSet<u64> {
        let days = days_of(intent, memo);
        let mut ids = BTreeSet::new();
        if let Some(last) = memo.last {
            ids.extend(self.ledger.candidates(last, &days));
        }
        if let Some(next) = self.ledger.first_queued_since(self.moment_of(memo)) {
            ids.extend(self.ledger.candidates_before(next, &days));
        }
        ids.retain(|id| !self.ledger.is_accounted(*id));
        ids
    }

    /// How many packets of the queue are certainly others. Only what was looked for and found counts.
    fn others_in_queue(&mut self, memo: &Memo) -> Result<u64, PortError> {
        if self.dialect().lists_queue() {
            // the search has seen all of them
            return self.count_waiting();
        }
        let mut others = 0;
        let known: BTreeSet<u64> = memo.queued.iter().copied().chain(self.ledger.waiting()).collect();
        for id in known {
            others += u64::from(self.find(id)?.is_some());
        }
        Ok(others)
    }

    fn is_after(&self, memo: &Memo, id: u64) -> bool {
        memo.last.is_none_or(|last| self.ledger.plausible(last, id))
    }

    /// An acknowledgement of a packet that we never saw taken.
    fn judge_unattributed(&self, memo: &Memo) -> Option<Verdict> {
        let unattributed = self.ledger.unattributed_since(self.moment_of(memo));
        let ours = |id: &u64| match memo.last {
            Some(last) => self.ledger.plausible(last, *id),
            None => self.heard_through(memo),
        };
        match unattributed.iter().filter(|id| ours(id)).collect::<Vec<_>>().as_slice() {
            [id] => self.reference(**id).map(Verdict::Sent),
            _ => None,
        }
    }

    /// True when the last satellite that the modem heard passed before the hand-over: so nothing left since.
    fn no_satellite_since(&mut self, memo: &Memo) -> Result<bool, PortError> {
        let Some(begun) = memo.clock else { return Ok(false) };
        let signal = |heard: &Sentence| match heard {
            Sentence::Satellite(signal) => Some(signal.at),
            Sentence::Noise(_) => Some(None),
            _ => None,
        };
        let heard: Option<Time> = match self.ask(&Command::new("RT @"), signal) {
            Ok(heard) => heard,
            Err(PortError::Refused(_)) => None,
            Err(trouble) => return Err(trouble),
        };
        Ok(heard.is_some_and(|at| at + STAMPS_DIFFER < begun))
    }

    /// Ids name packets, so none is given twice: when the first id given after the hand-over follows the last one before
    /// it, and all between are those of other packets, ours got none.
    fn judge_next_id(&mut self, intent: &Intent, memo: &Memo) -> Verdict {
        let Some(next) = self.ledger.first_queued_since(self.moment_of(memo)) else {
            return self.leave_open(intent, TrackingReason::MayHaveLeft, false);
        };
        match memo.last.and_then(|last| self.ledger.unaccounted(last, next)) {
            Some(0) => Verdict::NotTaken(TrackingReason::NoId.into()),
            Some(_) => self.leave_open(intent, TrackingReason::UnseenIds, true),
            None => self.leave_open(intent, TrackingReason::IdsDoNotTell, true),
        }
    }

    /// It does not go again, and others need not wait for it. With no more evidence to wait for, or after a while, it is
    /// unknown.
    fn leave_open(&mut self, intent: &Intent, why: TrackingReason, all_is_known: bool) -> Verdict {
        let unsettled = self.remember_unsettled(&intent.memo);
        unsettled.others_may_go = true;
        match all_is_known || unsettled.since.elapsed() >= SETTLE_WITHIN {
            true => Verdict::Unknown(why.into()),
            false => Verdict::NotYet(why.into()),
        }
    }

    /// The moment of a memo in our ledger; of one that was written in an earlier run, all that we know is later.
    fn moment_of(&self, memo: &Memo) -> u64 {
        if self.life == memo.life { memo.moment } else { 0 }
    }
}

/// Days of the year on which the packet can have been taken: by the modem's own clock, else by ours, which may differ.
fn days_of(intent: &Intent, memo: &Memo) -> Vec<u64> {
    match memo.clock {
        Some(at) => days_around(at, TAKEN_WITHIN),
        None => days_around(intent.at, Duration::from_secs(86_400)),
    }
}
