//! Packets on their way to the modem: prepared, handed over, asked after, withdrawn. One hand-over at a time, and nothing
//! is ever put into the modem's queue but the packets themselves.
//!
//! ```text
//!            prepare: ready, room in the queue, no hand-over open
//!               |  memo on disk: ids and count of the queue, newest id
//!               v
//!              $TD ----- OK,<id> -----------------------------------------------> Taken
//!               |------- ERR -----------------------------------------------------> Refused
//!               |  no answer, a restart, the port gone, this program died
//!               v
//!             open ----- late OK; the payload in the queue ----------------------> Taken
//!               |------- acknowledgement of an id that is no other packet's -----> Sent
//!               |------- queue did not grow; queue known whole, without it, and
//!               |        no satellite since; next id follows the last directly --> NotTaken
//!               |  none of these yet: others may go, as their ids are evidence too
//!               v
//!            unknown --- any of the above, later --------------------------------> as above
//! ```

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::command;
use super::errors;
use super::ledger::PacketFate;
use super::wire::PortError;
use super::{M138, MAX_PAYLOAD, Phase};
use crate::clock::Time;
use crate::fault::Fault;
use crate::link::turns::Turns;
use crate::link::{LinkPacket, PacketStatus, SubmitResult};
use crate::message::reason::{DeviceReason, TrackingReason};
use crate::message::{Intent, Reason, Reference};

/// A hand-over that nobody asked after for this long was given up by the engine.
const FORGET_AFTER: Duration = Duration::from_secs(300);

/// Hand-overs remembered with the id they got.
const MAX_CLAIMS: usize = 1024;

/// What the engine keeps on disk for [`super::reconcile`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memo {
    /// The modem's device id.
    pub device: u64,
    /// How many packets waited in the modem then.
    pub waiting: u64,
    /// Those of them whose ids were known.
    #[serde(default)]
    pub queued: Vec<u64>,
    /// The newest id known then; `None` if none was, or its ids follow no known layout.
    pub last: Option<u64>,
    /// The driver's epoch: while it is the same, nothing that the modem said was missed ...
    pub epoch: u64,
    /// While this is, nothing was missed but what restarts of the modem cost ...
    #[serde(default)]
    pub line_epoch: u64,
    /// ... and lines that came garbled.
    pub garbled: u64,
    /// [`super::ledger::Ledger::moment`] then ...
    pub moment: u64,
    /// ... and which ledger that was: one lives as long as the program and its modem.
    pub life: u64,
    /// The modem's clock.
    pub clock: Option<Time>,
}

/// A hand-over that may or may not have happened.
#[derive(Debug)]
pub struct Unsettled {
    /// The memo of the hand-over as the engine keeps it; tells it from others.
    pub memo: String,
    /// When it was first asked after.
    pub since: Instant,
    /// When it was last asked after.
    pub asked: Instant,
    /// Other packets need not wait for it: all is done that can be done before the next one.
    pub others_may_go: bool,
}

impl M138 {
    /// See [`crate::link::Link::prepare`].
    pub fn prepare_packet(&mut self, packet: &LinkPacket) -> Result<Intent, Fault> {
        let length = packet.payload.len();
        if length == 0 || length > MAX_PAYLOAD {
            return Err(Fault::refused(TrackingReason::Length { bytes: length, most: MAX_PAYLOAD }));
        }
        self.check_ready()?;
        self.forget_old_hand_overs();
        if self.unsettled.iter().any(|unsettled| !unsettled.others_may_go) {
            return Err(Fault::Temporary(TrackingReason::EarlierOpen.into()));
        }
        let waiting = self.count_waiting().map_err(|trouble| trouble.fault())?;
        if waiting >= self.window {
            return Err(Fault::Temporary(DeviceReason::Waiting { packets: waiting }.into()));
        }
        let memo = Memo {
            device: self.facts.device.map_or(0, |device| u64::from(device.number())),
            waiting,
            queued: self.ledger.waiting(),
            last: self.ledger.last(),
            epoch: self.epoch,
            line_epoch: self.line_epoch,
            garbled: self.garbled(),
            moment: self.ledger.moment(),
            life: self.life,
            clock: self.facts.clock,
        };
        let memo = serde_json::to_string(&memo).map_err(Fault::temporary)?;
        Ok(Intent { at: self.clock.now(), memo })
    }

    /// See [`crate::link::Link::send`].
    pub fn hand_over(&mut self, packet: &LinkPacket, intent: &Intent) -> SubmitResult {
        if let Err(fault) = self.check_ready() {
            return SubmitResult::Refused(fault);
        }
        let prepared_for = serde_json::from_str::<Memo>(&intent.memo).map(|memo| memo.device).ok();
        if prepared_for != self.facts.device.map(|device| u64::from(device.number())) {
            return SubmitResult::Refused(Fault::Temporary(DeviceReason::Exchanged.into()));
        }
        let command = command::transmit(self.dialect(), self.app, &packet.payload, self.clock.now(), packet.deadline);
        match self.transmit(&command) {
            Ok(id) if self.answers_another(id, packet) => {
                self.ledger.doubt(id);
                self.unknown(intent, TrackingReason::LateAnswer)
            }
            Ok(id) => match self.reference(id) {
                Some(reference) => {
                    self.claim(&intent.memo, id);
                    SubmitResult::Taken(reference)
                }
                None => self.unknown(intent, DeviceReason::NoNumber),
            },
            Err(trouble @ (PortError::Refused(_) | PortError::NotAsked(_))) => {
                SubmitResult::Refused(self.fault_of(&trouble))
            }
            Err(trouble) => self.unknown(intent, trouble.reason()),
        }
    }

    /// True when the id is that of another packet: a late answer to a hand-over that is still open.
    fn answers_another(&mut self, id: u64, packet: &LinkPacket) -> bool {
        // one that cannot be looked at, or has left already, says nothing against its answer
        !self.unsettled.is_empty() && matches!(self.find(id), Ok(Some(payload)) if payload != packet.payload)
    }

    /// What a failed `$TD` means, and what it says about the modem.
    fn fault_of(&mut self, trouble: &PortError) -> Fault {
        let PortError::Refused(word) = trouble else { return trouble.fault() };
        if errors::full(word) {
            self.facts.full = Some(Instant::now());
        }
        if errors::no_time(word) {
            self.facts.time_valid = Some(false);
        }
        errors::transmit_fault(word)
    }

    fn unknown(&mut self, intent: &Intent, why: impl Into<Reason>) -> SubmitResult {
        self.remember_unsettled(&intent.memo);
        SubmitResult::Unknown(why.into())
    }

    /// Notes a hand-over that is not settled, or that it was asked after again.
    pub fn remember_unsettled(&mut self, memo: &str) -> &mut Unsettled {
        let now = Instant::now();
        let at = match self.unsettled.iter().position(|unsettled| unsettled.memo == memo) {
            Some(at) => at,
            None => {
                let memo = memo.to_owned();
                self.unsettled.push(Unsettled { memo, since: now, asked: now, others_may_go: false });
                self.unsettled.len() - 1
            }
        };
        let unsettled = &mut self.unsettled[at];
        unsettled.asked = now;
        unsettled
    }

    /// Notes which hand-over an id belongs to, so that asking again gives the same answer.
    pub fn claim(&mut self, memo: &str, id: u64) {
        if self.claims.len() >= MAX_CLAIMS {
            self.claims.pop_front();
        }
        self.claims.push_back((memo.to_owned(), id));
    }

    fn forget_old_hand_overs(&mut self) {
        self.unsettled.retain(|unsettled| unsettled.asked.elapsed() < FORGET_AFTER);
    }

    /// See [`crate::link::Link::exclude_match`].
    pub fn exclude(&mut self, id: u64) {
        self.ledger.known(id);
        self.claims.retain(|(_, claimed)| *claimed != id);
    }

    /// See [`crate::link::Link::still_held`].
    pub fn ask_after(&mut self, reference: &Reference) -> PacketStatus {
        let id = match self.own_id(reference) {
            Ok(id) => id,
            Err(why) => return PacketStatus::Unknown(why),
        };
        match self.ledger.fate(id) {
            Some(PacketFate::Sent) => return PacketStatus::Sent,
            Some(PacketFate::Expired) => return PacketStatus::GaveUp(TrackingReason::HoldTimeOver.into()),
            Some(PacketFate::Withdrawn) => return PacketStatus::Withdrawn,
            Some(PacketFate::Queued) | None => {}
        }
        match self.find(id) {
            Ok(Some(_)) => {
                self.ledger.known(id);
                PacketStatus::Held
            }
            Ok(None) => self.no_longer_there(id),
            Err(trouble) => PacketStatus::Unknown(trouble.reason().into()),
        }
    }

    /// See [`crate::link::Link::cancel`].
    pub fn withdraw(&mut self, reference: &Reference) -> PacketStatus {
        let id = match self.own_id(reference) {
            Ok(id) => id,
            Err(why) => return PacketStatus::Unknown(why),
        };
        if let Some(PacketFate::Sent) = self.ledger.fate(id) {
            return PacketStatus::Sent;
        }
        match self.delete_outgoing(id) {
            Ok(true) => {
                self.withdrawing.retain(|known| *known != id);
                self.ledger.gone(id, PacketFate::Withdrawn);
                self.facts.waiting = self.facts.waiting.map(|count| count.saturating_sub(1));
                self.facts.full = None;
                PacketStatus::Withdrawn
            }
            Ok(false) => self.no_longer_there(id),
            Err(trouble @ (PortError::Refused(_) | PortError::NotAsked(_))) => {
                PacketStatus::Unknown(trouble.reason().into())
            }
            Err(trouble) => {
                self.withdrawing.push(id);
                PacketStatus::Unknown(trouble.reason().into())
            }
        }
    }

    /// The modem has no packet of this id. A delete whose answer was lost has taken it; otherwise it was sent.
    fn no_longer_there(&mut self, id: u64) -> PacketStatus {
        self.take_in();
        match self.ledger.fate(id) {
            Some(PacketFate::Expired) => PacketStatus::GaveUp(TrackingReason::HoldTimeOver.into()),
            Some(PacketFate::Withdrawn) => PacketStatus::Withdrawn,
            Some(PacketFate::Sent) => PacketStatus::Sent,
            _ if self.withdrawing.contains(&id) => {
                self.withdrawing.retain(|known| *known != id);
                self.ledger.gone(id, PacketFate::Withdrawn);
                PacketStatus::Withdrawn
            }
            _ => {
                self.ledger.gone(id, PacketFate::Sent);
                PacketStatus::Sent
            }
        }
    }

    /// The number of a reference, if it is one of the modem that is plugged in and answers.
    fn own_id(&self, reference: &Reference) -> Result<u64, Reason> {
        if self.phase != Phase::Running {
            return Err(self.state().into());
        }
        match self.reference(reference.number) {
            Some(own) if own.holder == reference.holder => Ok(reference.number),
            _ => {
                let device = reference.holder.trim_start_matches("m138:").to_owned();
                Err(TrackingReason::NotPluggedIn { device }.into())
            }
        }
    }

    fn check_ready(&self) -> Result<(), Fault> {
        match self.is_ready() {
            true => Ok(()),
            false if self.facts.bad_device.is_some() => Err(Fault::Operator(self.state().into())),
            false => Err(Fault::Temporary(self.state().into())),
        }
    }
}
