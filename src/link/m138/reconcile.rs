//! Finds out whether a packet was taken whose hand-over ended in a time-out or a crash. Never on a guess: a packet is
//! free to go again only when something proves that the modem does not have it and never had.
//!
//! In this order: a late `$TD OK`; the packet itself in the modem's queue; an acknowledgement with an unknown id;
//! a driver that missed nothing and a queue that did not grow; no satellite heard since; and at last the counter in
//! the ids, as the id of the next packet tells whether ours took one.

use std::time::Duration;

use super::command::Command;
use super::handover::Memo;
use super::ledger::{PacketFate, days_around};
use super::queue::MARKER;
use super::sentence::Sentence;
use super::wire::PortError;
use super::{M138, Phase};
use crate::clock::Time;
use crate::link::{LinkPacket, Verdict};
use crate::message::Intent;

/// After this a marker is queued to get the next id; at once when another packet waits, which may not go before.
const EVIDENCE_AFTER: Duration = Duration::from_secs(30);
/// Two times that the modem gave may differ by this much although they name the same moment.
const STAMPS_DIFFER: Duration = Duration::from_secs(10);
/// A packet is taken so soon after the time in its memo.
const TAKEN_WITHIN: Duration = Duration::from_secs(300);

impl M138 {
    /// See [`crate::link::Link::reconcile`].
    pub fn find_out(&mut self, packet: &LinkPacket, intent: &Intent) -> Verdict {
        let memo: Memo = match serde_json::from_str(&intent.memo) {
            Ok(memo) => memo,
            Err(why) => return Verdict::NotYet(format!("what was noted at the hand-over cannot be read: {why}")),
        };
        if self.facts.device.is_some_and(|device| u64::from(device.number()) != memo.device) {
            return Verdict::NotYet(format!("it may be on modem 0x{:06x}: plug that modem back in", memo.device));
        }
        if let Some((_, id)) = self.claims.iter().find(|(claimed, _)| *claimed == intent.memo).cloned()
            && let Some(reference) = self.reference(id)
        {
            let left = self.ledger.fate(id) == Some(PacketFate::Sent);
            return if left { Verdict::Sent(reference) } else { Verdict::Taken(reference) };
        }
        self.remember_unsettled(&intent.memo);
        if self.phase != Phase::Running {
            return Verdict::NotYet(self.words());
        }
        let verdict = self.judge(packet, intent, &memo).unwrap_or_else(|trouble| Verdict::NotYet(trouble.words()));
        if let Verdict::Taken(reference) | Verdict::Sent(reference) = &verdict {
            self.ledger.known(reference.number);
            self.claim(&intent.memo, reference.number);
        }
        if !matches!(verdict, Verdict::NotYet(_)) {
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
        if let Some(verdict) = self.judge_unattributed(memo, was_whole) {
            return Ok(verdict);
        }
        let before = memo.waiting.saturating_sub(self.ledger.left_since(memo.moment));
        if was_whole && self.missed_nothing(memo) {
            if waiting <= before {
                return Ok(Verdict::NotTaken("the modem's queue did not grow".to_owned()));
            }
        } else if memo.last.is_some() && self.no_satellite_since(memo)? {
            return Ok(Verdict::NotTaken("it is not on the modem, and no satellite came since".to_owned()));
        }
        self.judge_counter(intent, memo)
    }

    /// Nothing that the modem said since the memo can have escaped us.
    fn missed_nothing(&self, memo: &Memo) -> bool {
        memo.epoch == self.epoch && memo.garbled == self.garbled()
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
            let candidates = memo.last.map(|last| self.ledger.candidates(last, &days_of(intent, memo)));
            for id in candidates.unwrap_or_default() {
                found.extend(self.find(id)?.map(|payload| (id, payload)));
            }
            found
        };
        // an id that is accounted for is that of another packet, even with the same payload
        let ours = |id: &u64, payload: &Vec<u8>, driver: &Self| {
            *payload == packet.payload && !driver.ledger.is_accounted(*id) && driver.is_after(memo, *id)
        };
        let hit = found.iter().find(|(id, payload)| ours(id, payload, self)).map(|(id, _)| *id);
        for (id, payload) in &found {
            if memo.last.is_some_and(|last| self.ledger.plausible(last, *id)) && Some(*id) != hit {
                self.ledger.known(*id);
                if *payload == MARKER && self.marker.is_none() {
                    self.marker = Some(*id);
                }
            }
        }
        let Some(id) = hit else { return Ok(None) };
        self.ledger.found(id);
        Ok(self.reference(id).map(Verdict::Taken))
    }

    fn is_after(&self, memo: &Memo, id: u64) -> bool {
        memo.last.is_none_or(|last| self.ledger.plausible(last, id))
    }

    /// An acknowledgement of a packet that we never saw taken.
    fn judge_unattributed(&self, memo: &Memo, was_whole: bool) -> Option<Verdict> {
        let unattributed = self.ledger.unattributed_since(self.moment_of(memo));
        let ours = |id: &u64| match memo.last {
            Some(last) => self.ledger.plausible(last, *id),
            None => was_whole,
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

    /// The counter rule: the first id given after the hand-over is next to the last one before it, or one further.
    fn judge_counter(&mut self, intent: &Intent, memo: &Memo) -> Result<Verdict, PortError> {
        let Some(last) = memo.last else {
            let why = "this modem's ids tell nothing, and what happened after the hand-over was not heard";
            return Ok(self.hopeless(intent, why));
        };
        let next = match self.ledger.first_queued_since(self.moment_of(memo)) {
            Some(next) => next,
            None if self.is_time_for_evidence(intent) => self.make_evidence()?,
            None => return Ok(Verdict::NotYet("the id of the next packet will tell".to_owned())),
        };
        Ok(match self.ledger.unaccounted(last, next) {
            Some(0) => Verdict::NotTaken("the modem gave no id to it".to_owned()),
            Some(1) => {
                let day: Vec<u64> = days_of(intent, memo).into_iter().take(1).collect();
                let id = self.ledger.candidates(last, &day).into_iter().find(|id| !self.ledger.is_accounted(*id));
                match id.and_then(|id| self.reference(id)) {
                    Some(reference) => {
                        self.ledger.gone(reference.number, PacketFate::Sent);
                        Verdict::Sent(reference)
                    }
                    None => self.hopeless(intent, "the modem took it, its id is not known"),
                }
            }
            Some(more) => self.hopeless(intent, &format!("the modem gave {more} ids that this box did not see")),
            None => self.hopeless(intent, "this modem's ids tell nothing"),
        })
    }

    /// Other packets wait for this one, or it waited long enough for them.
    fn is_time_for_evidence(&mut self, intent: &Intent) -> bool {
        let unsettled = self.remember_unsettled(&intent.memo);
        unsettled.hurried || unsettled.since.elapsed() >= EVIDENCE_AFTER
    }

    /// It may have been sent: it does not go again, and others need not wait for it.
    fn hopeless(&mut self, intent: &Intent, why: &str) -> Verdict {
        self.remember_unsettled(&intent.memo).hopeless = true;
        Verdict::NotYet(why.to_owned())
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
