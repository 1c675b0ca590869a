//! The message that goes up: handed over, asked after, taken back.
//!
//! ```text
//!            prepare: nothing is in the modem, and the number of its start is on disk
//!               |  memo on disk: which modem, which start, which topic
//!               v
//!      messageOriginate ── accepted ─────────────────────────────> Taken: start, topic and its number there
//!               |─────── an error, a full queue, no plan ────────> Refused
//!               |  no answer, or the port gone
//!               v
//!             open ───── the modem asks for its segments ────────> Taken
//!               |─────── it restarted, or a minute is over ──────> unknown
//!
//!            Taken ───── mo_ack_received ────────────────────────> Sent
//!               |─────── never on air ───────────────────────────> goes again
//!               |─────── any other end, a restart, six hours ────> unknown   (the far box or the owner decides)
//!            a crash ─── same start: it is taken back, and the modem's word counts as above; ten seconds without one,
//!                        or another start ───────────────────────> unknown
//! ```

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ends::{End, end};
use super::feed::Feed;
use super::jspr::{body, number};
use super::wire::Trouble;
use super::{Imt, MAX_PAYLOAD, Phase};
use crate::fault::Fault;
use crate::link::{Event, LinkPacket, PacketStatus, SubmitResult, Verdict};
use crate::message::reason::{Acknowledged, DeviceReason, TrackingReason, TransportReason};
use crate::message::{Intent, Reason, Reference};

/// Hand-overs remembered with what became of them.
const MAX_FATES: usize = 256;
/// A modem that nobody pays for is left alone for so long.
const UNPAID: Duration = Duration::from_secs(900);
/// The waits after a modem that was not ready yet.
const TOO_EARLY: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30)];
/// The wait after any other refusal.
const REFUSED: Duration = Duration::from_secs(5);
/// Messages in a row that the modem finds wrong before one is given up.
const FOUND_WRONG: u32 = 3;
/// Set in the numbers of hand-overs, which the modem has no number for yet.
const OWN: u64 = 1 << 63;

/// A message in the modem.
#[derive(Debug)]
pub struct Slot {
    /// Start, topic and number in one.
    pub number: u64,
    /// When the modem took it.
    pub since: Instant,
    /// It was asked back, and the answer is waited for until then.
    pub asked_back: Option<Instant>,
}

/// A message that was handed over, and nobody knows whether the modem took it.
#[derive(Debug)]
pub struct Offer {
    /// The number of the hand-over.
    pub number: u64,
    /// The topic that it goes on.
    pub topic: u16,
    /// The bytes to give the modem, segment by segment.
    pub feed: Feed,
    /// When it was handed over.
    pub since: Instant,
}

/// What became of a hand-over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The modem took it under this number.
    Taken(u64),
    /// The network has the message.
    Sent,
    /// It certainly was not on air.
    NotTaken(Reason),
    /// It was given up, for this reason.
    GaveUp(Reason),
    /// Whether it was sent is not known.
    Unknown(Reason),
}

/// What the engine keeps on disk.
#[derive(Debug, Serialize, Deserialize)]
struct Memo {
    imei: String,
    boot: u64,
    topic: u16,
    /// The number of the hand-over, or that of the modem's.
    number: u64,
}

/// Start, topic and the modem's number of a message in one.
fn join(boot: u64, topic: u16, id: u8) -> u64 {
    boot << 24 | u64::from(topic) << 8 | u64::from(id)
}

/// The start, the topic and the modem's number.
fn split(number: u64) -> (u64, u16, u8) {
    let topic = u16::try_from(number >> 8 & 0xffff).unwrap_or_default();
    (number >> 24, topic, u8::try_from(number & 0xff).unwrap_or_default())
}

impl Imt {
    /// See [`crate::link::Link::prepare`].
    pub(super) fn prepare_message(&mut self, packet: &LinkPacket) -> Result<Intent, Fault> {
        let bytes = packet.payload.len();
        if bytes == 0 || bytes > MAX_PAYLOAD {
            return Err(Fault::refused(TrackingReason::Length { bytes, most: MAX_PAYLOAD }));
        }
        self.check_ready()?;
        if self.slot.is_some() || self.offer.is_some() {
            return Err(Fault::Temporary(TrackingReason::EarlierOpen.into()));
        }
        if self.kept != self.boot {
            return Err(Fault::Temporary(DeviceReason::Starting.into()));
        }
        let seconds = u64::try_from(self.clock.now().seconds()).unwrap_or_default();
        self.last_number = seconds.max(self.last_number + 1);
        let number = OWN | self.last_number;
        let memo = Memo { imei: self.boot.imei.clone(), boot: self.boot.boot, topic: self.topic, number };
        let memo = serde_json::to_string(&memo).map_err(Fault::temporary)?;
        Ok(Intent { at: self.clock.now(), memo })
    }

    fn check_ready(&self) -> Result<(), Fault> {
        if self.is_ready() {
            return Ok(());
        }
        Err(match self.state() {
            why @ Reason::Transport(
                TransportReason::NoSubscription | TransportReason::NoTopic { .. } | TransportReason::NoSim,
            ) => Fault::Operator(why),
            why => Fault::Temporary(why),
        })
    }

    /// See [`crate::link::Link::send`].
    pub(super) fn hand_over(&mut self, packet: &LinkPacket, intent: &Intent) -> SubmitResult {
        let memo: Memo = match serde_json::from_str(&intent.memo) {
            Ok(memo) => memo,
            Err(why) => return SubmitResult::Refused(Fault::temporary(why)),
        };
        // It may have restarted since.
        if let Err(fault) = self.check_ready() {
            return SubmitResult::Refused(fault);
        }
        if memo.boot != self.boot.boot || memo.imei != self.boot.imei {
            return SubmitResult::Refused(Fault::Temporary(DeviceReason::Restarts.into()));
        }
        self.last_request = self.last_request % 100 + 1;
        let feed = Feed::new(memo.topic, self.last_request, &packet.payload);
        let length = feed.len();
        // The modem asks for the first segment right behind its answer.
        if let Some(wire) = &self.wire {
            wire.feed(Some(feed.clone()));
        }
        let request =
            body(&[("topic_id", &memo.topic), ("message_length", &length), ("request_reference", &self.last_request)]);
        self.offer = Some(Offer { number: memo.number, topic: memo.topic, feed, since: Instant::now() });
        let answer = self.ask("PUT", "messageOriginate", &request, self.limits.offer);
        let refused = |driver: &mut Self, why: Reason, wait: Duration| {
            driver.not_offered();
            driver.blocked = Some((why.clone(), Instant::now() + wait));
            SubmitResult::Refused(Fault::Temporary(why))
        };
        match answer {
            Ok(answer) => match (answer.body["message_response"].as_str(), number(&answer.body, "message_id", 255)) {
                (Some("message_accepted"), Some(id)) => {
                    let number = join(memo.boot, memo.topic, u8::try_from(id).unwrap_or_default());
                    self.accepted(number);
                    SubmitResult::Taken(self.reference(number))
                }
                (Some("message_discarded_on_overflow"), _) => {
                    refused(self, TransportReason::Overflow.into(), self.limits.full)
                }
                (Some("subscription_invalid"), _) => {
                    let _ = refused(self, TransportReason::NoSubscription.into(), UNPAID);
                    SubmitResult::Refused(Fault::Operator(TransportReason::NoSubscription.into()))
                }
                _ => SubmitResult::Unknown(TrackingReason::UnknownId.into()),
            },
            Err(Trouble::Restarted) => {
                self.not_offered();
                self.restarted();
                SubmitResult::Refused(Fault::Temporary(DeviceReason::Restarts.into()))
            }
            Err(trouble @ Trouble::Refused { code: 408, .. }) => SubmitResult::Unknown(trouble.reason()),
            Err(trouble @ Trouble::Refused { code: 403 | 407, .. }) => {
                self.not_offered();
                SubmitResult::RefusedPacket(Fault::Temporary(trouble.reason()))
            }
            Err(trouble @ Trouble::Refused { code: 418, .. }) => {
                let wait = TOO_EARLY[usize::try_from(self.too_early).unwrap_or_default().min(TOO_EARLY.len() - 1)];
                self.too_early += 1;
                self.ask_topics();
                refused(self, trouble.reason(), wait)
            }
            Err(trouble @ Trouble::Refused { .. }) => refused(self, trouble.reason(), REFUSED),
            Err(trouble) => {
                self.conclude(&trouble);
                SubmitResult::Unknown(trouble.reason())
            }
        }
    }

    /// The modem certainly did not take what it was offered.
    fn not_offered(&mut self) {
        self.offer = None;
        if let Some(wire) = &self.wire {
            wire.feed(None);
        }
    }

    /// The modem took what it was offered.
    fn accepted(&mut self, number: u64) {
        self.offer = None;
        self.too_early = 0;
        // Its numbers come again within one start.
        self.fates.retain(|(known, _)| *known != number);
        self.slot = Some(Slot { number, since: Instant::now(), asked_back: None });
    }

    /// The modem asks for segments of what it was offered, so it has it.
    pub(super) fn learn_of_offer(&mut self) {
        let id = self.wire.as_ref().and_then(super::wire::Wire::fed).and_then(|feed| feed.id);
        let (Some(offer), Some(id)) = (&self.offer, id) else { return };
        let (own, number) = (offer.number, join(self.boot.boot, offer.topic, id));
        self.accepted(number);
        self.remember(own, Fate::Taken(number));
        self.events.push(Event::Evidence);
    }

    /// Nobody finds out what became of what is, or may be, in the modem.
    pub(super) fn lose(&mut self, why: &TransportReason) {
        let lost = [self.slot.take().map(|slot| slot.number), self.offer.take().map(|offer| offer.number)];
        for number in lost.into_iter().flatten() {
            self.remember(number, Fate::Unknown(why.clone().into()));
            self.events.push(Event::Evidence);
        }
    }

    /// The modem says how a message ended.
    pub(super) fn on_end(&mut self, said: &Value) {
        let topic = number(said, "topic_id", 65_535).and_then(|topic| u16::try_from(topic).ok());
        let id = number(said, "message_id", 255).and_then(|id| u8::try_from(id).ok());
        let (Some(topic), Some(id), Some(status)) = (topic, id, said["final_mo_status"].as_str()) else { return };
        self.learn_of_offer();
        let number = join(self.boot.boot, topic, id);
        let doubted = self.fates.iter().any(|(known, fate)| *known == number && matches!(fate, Fate::Unknown(_)));
        if self.slot.as_ref().is_some_and(|slot| slot.number == number) {
            self.slot = None;
            if let Some(wire) = &self.wire {
                wire.feed(None);
            }
            self.ended(number, status);
        } else if let Some(offer) = self.offer.take_if(|offer| offer.topic == topic) {
            // The only message that the modem can mean: the answer that named its number was lost.
            self.not_offered();
            self.remember(offer.number, Fate::Taken(number));
            self.ended(number, status);
            self.events.push(Event::Evidence);
        } else if doubted {
            // It comes late, and is the modem's word all the same.
            self.ended(number, status);
            self.events.push(Event::Evidence);
        }
    }

    fn ended(&mut self, number: u64, status: &str) {
        let (reference, why): (_, Reason) =
            (self.reference(number), TransportReason::Ended { status: status.to_owned() }.into());
        let now = Instant::now();
        match end(status) {
            End::Sent => {
                self.found_wrong = 0;
                self.facts.last_satellite = Some(self.clock.now());
                self.remember(number, Fate::Sent);
                self.events.push(Event::Sent { reference, how: Acknowledged::OnGround });
            }
            End::Wrong if self.found_wrong + 1 >= FOUND_WRONG => {
                self.found_wrong = 0;
                self.remember(number, Fate::GaveUp(why.clone()));
                self.events.push(Event::Lost { reference, why });
            }
            kind @ (End::Never | End::Wrong) => {
                self.found_wrong += u32::from(kind == End::Wrong);
                match status {
                    "subscription_invalid" => {
                        self.blocked = Some((TransportReason::NoSubscription.into(), now + UNPAID));
                    }
                    "message_discarded_on_overflow" => {
                        self.blocked = Some((TransportReason::Overflow.into(), now + self.limits.full));
                    }
                    _ => {}
                }
                self.remember(number, Fate::NotTaken(why.clone()));
                self.events.push(Event::NotTaken { reference, why });
            }
            End::Doubtful => {
                self.remember(number, Fate::Unknown(why));
                self.events.push(Event::Evidence);
            }
        }
    }

    /// See [`crate::link::Link::reconcile`].
    pub(super) fn find_out(&mut self, intent: &Intent) -> Verdict {
        let memo: Memo = match serde_json::from_str(&intent.memo) {
            Ok(memo) => memo,
            Err(why) => return Verdict::Unknown(TrackingReason::BadMemo { why: why.to_string() }.into()),
        };
        self.learn_of_offer();
        let mut number = memo.number;
        if let Some(Fate::Taken(there)) = self.fate(number) {
            number = there;
        }
        let reference = Reference { holder: format!("imt:{}", memo.imei), number };
        if self.slot.as_ref().is_some_and(|slot| slot.number == number) {
            return Verdict::Taken(reference);
        }
        if self.offer.as_ref().is_some_and(|offer| offer.number == number) {
            return Verdict::NotYet(TrackingReason::MayHaveLeft.into());
        }
        match self.fate(number) {
            Some(Fate::Sent) => Verdict::Sent(reference),
            Some(Fate::NotTaken(why) | Fate::GaveUp(why)) => Verdict::NotTaken(why),
            Some(Fate::Unknown(why)) => Verdict::Unknown(why),
            _ if self.phase != Phase::Running => Verdict::NotYet(self.state()),
            _ if memo.boot != self.boot.boot => Verdict::Unknown(TransportReason::Restarted.into()),
            _ => Verdict::Unknown(TrackingReason::MayHaveLeft.into()),
        }
    }

    /// See [`crate::link::Link::still_held`].
    pub(super) fn ask_after(&mut self, reference: &Reference) -> PacketStatus {
        let number = reference.number;
        match self.fate(number) {
            Some(Fate::Sent) => PacketStatus::Sent,
            Some(Fate::GaveUp(why)) => PacketStatus::GaveUp(why),
            Some(Fate::NotTaken(why)) => {
                self.events.push(Event::NotTaken { reference: reference.clone(), why });
                PacketStatus::Held
            }
            Some(Fate::Unknown(why)) => self.doubtful(reference, why),
            Some(Fate::Taken(_)) => PacketStatus::Held,
            None if self.slot.as_ref().is_some_and(|slot| slot.number == number) => PacketStatus::Held,
            None => self.ask_of_earlier(reference),
        }
    }

    /// An earlier life handed it over.
    fn ask_of_earlier(&mut self, reference: &Reference) -> PacketStatus {
        if self.phase != Phase::Running {
            return PacketStatus::Unknown(self.state());
        }
        let device = reference.holder.trim_start_matches("imt:").to_owned();
        if device != self.boot.imei {
            return PacketStatus::Unknown(TrackingReason::NotPluggedIn { device }.into());
        }
        if split(reference.number).0 != self.boot.boot {
            self.remember(reference.number, Fate::Unknown(TransportReason::Restarted.into()));
            return self.doubtful(reference, TransportReason::Restarted.into());
        }
        if self.slot.is_none() {
            self.slot = Some(Slot { number: reference.number, since: Instant::now(), asked_back: None });
            self.ask_back(self.limits.earlier);
        }
        match self.fate(reference.number) {
            Some(Fate::Unknown(why)) => self.doubtful(reference, why),
            _ => PacketStatus::Unknown(TransportReason::Cancelling.into()),
        }
    }

    fn doubtful(&self, reference: &Reference, why: Reason) -> PacketStatus {
        let (boot, topic, _) = split(reference.number);
        let imei = reference.holder.trim_start_matches("imt:").to_owned();
        let memo = Memo { imei, boot, topic, number: reference.number };
        // Plain data always becomes JSON.
        PacketStatus::Doubtful { memo: serde_json::to_string(&memo).unwrap_or_default(), why }
    }

    /// See [`crate::link::Link::cancel`].
    pub(super) fn withdraw(&mut self, reference: &Reference) -> PacketStatus {
        let held = self.slot.as_ref().filter(|slot| slot.number == reference.number);
        match held.map(|slot| slot.asked_back.is_some()) {
            Some(false) => {
                self.ask_back(self.limits.cancel);
                // The answer says only that the modem heard it.
                PacketStatus::Unknown(TransportReason::Cancelling.into())
            }
            Some(true) => PacketStatus::Unknown(TransportReason::Cancelling.into()),
            None => match self.fate(reference.number) {
                Some(Fate::NotTaken(_)) => PacketStatus::Withdrawn,
                _ => self.ask_after(reference),
            },
        }
    }

    /// Asks the modem to give back what it holds, once.
    fn ask_back(&mut self, limit: Duration) {
        let Some(slot) = &mut self.slot else { return };
        slot.asked_back = Some(Instant::now() + limit);
        let (_, topic, id) = split(slot.number);
        let request = body(&[("topic_id", &topic), ("message_id", &id), ("action", &"\"cancel\"")]);
        match self.ask("PUT", "messageOriginateStatus", &request, self.limits.ask) {
            Ok(_) => {}
            Err(Trouble::Refused { .. }) => self.lose(&TransportReason::Forgotten),
            Err(trouble) => self.conclude(&trouble),
        }
    }

    /// Gives up what was waited for too long: an answer to a hand-over, news of a message, or the end of a withdrawal.
    pub(super) fn tend_message(&mut self, now: Instant) {
        if self.offer.as_ref().is_some_and(|offer| offer.since + self.limits.cancel <= now) {
            self.doubt_offer();
        }
        let Some(slot) = &self.slot else { return };
        if slot.asked_back.is_some_and(|until| until <= now) {
            self.lose(&TransportReason::CancelUnanswered);
        } else if slot.since + self.limits.hold <= now {
            self.lose(&TransportReason::NoNews);
        }
    }

    fn doubt_offer(&mut self) {
        if let Some(offer) = self.offer.take() {
            self.not_offered();
            self.remember(offer.number, Fate::Unknown(TrackingReason::MayHaveLeft.into()));
            self.events.push(Event::Evidence);
        }
    }

    /// When the next wait is over.
    pub(super) fn message_due(&self) -> Option<Instant> {
        let offer = self.offer.as_ref().map(|offer| offer.since + self.limits.cancel);
        let slot = self.slot.as_ref().map(|slot| slot.asked_back.unwrap_or(slot.since + self.limits.hold));
        [offer, slot].into_iter().flatten().min()
    }

    fn fate(&self, number: u64) -> Option<Fate> {
        self.fates.iter().find(|(known, _)| *known == number).map(|(_, fate)| fate.clone())
    }

    /// Notes what became of a hand-over.
    fn remember(&mut self, number: u64, fate: Fate) {
        self.fates.retain(|(known, _)| *known != number);
        if self.fates.len() >= MAX_FATES {
            self.fates.pop_front();
        }
        self.fates.push_back((number, fate));
    }

    fn reference(&self, number: u64) -> Reference {
        Reference { holder: format!("imt:{}", self.boot.imei), number }
    }
}
