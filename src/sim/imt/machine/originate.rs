//! Messages that go up: asked for in segments, held until a satellite is there, sent as one.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::requests::{QUEUE, is_topic};
use super::{Answer, Down, Machine};
use crate::clock::Time;
use crate::hex;
use crate::sim::device::take;
use crate::sim::imt::faults::NEVER_ON_AIR;
use crate::sim::imt::wire;
use crate::sim::sky::Ask;

/// The largest message, with its sum, in bytes.
const MOST: usize = 100_002;
/// The largest segment, in bytes.
const SEGMENT: usize = 1446;
/// A message that no satellite takes is given up after this.
const HOLD: Duration = Duration::from_secs(6 * 3600);
/// What the sky did not hear is said again after this.
const AGAIN: Duration = Duration::from_secs(5);

/// How far a message got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// A segment was asked for, and has to come by then.
    Asked(Time),
    /// It is whole, and is on air at that time, if a satellite is there.
    Held(Time),
    /// It is on air until then.
    OnAir(Time),
    /// The sky was told.
    Told,
}

/// A message.
#[derive(Debug)]
pub(in crate::sim::imt) struct Originate {
    topic: u16,
    id: u8,
    length: usize,
    data: Vec<u8>,
    /// Segments that were not asked for yet: start and length; the last one is next.
    segments: Vec<(usize, usize)>,
    /// The one that was.
    asked: (usize, usize),
    stage: Stage,
    /// It is given up then.
    until: Time,
    /// The ground has it, and the host hears that it failed.
    falsefail: bool,
    /// It was on air, and is charged for.
    billed: bool,
}

impl Machine {
    /// Takes a message, or does not.
    pub(super) fn originate(&mut self, body: &Value, now: Time) {
        let target = "messageOriginate";
        let number = |name: &str, range: std::ops::RangeInclusive<u64>| {
            body[name].as_u64().filter(|number| range.contains(number))
        };
        let (topic, length) = (number("topic_id", 64..=65_535), number("message_length", 3..=MOST as u64));
        let reference = number("request_reference", 1..=100);
        let (Some(topic), Some(length), Some(reference)) = (topic, length, reference) else {
            return self.say(407, target, "{}", now);
        };
        // Both are within their ranges.
        let (topic, length) = (u16::try_from(topic).unwrap_or_default(), usize::try_from(length).unwrap_or_default());
        if !self.active {
            return self.say(406, target, "{}", now);
        }
        if take(&mut self.faults.e418) || !is_topic(topic) || !self.is_provisioned(now) {
            return self.say(418, target, "{}", now);
        }
        let head = format!("\"topic_id\":{topic},\"request_reference\":{reference}");
        let full = self.originates.iter().filter(|it| it.topic == topic).count() >= QUEUE;
        let refused = match () {
            () if take(&mut self.faults.subscription) => Some("subscription_invalid"),
            () if full || take(&mut self.faults.overflow) => Some("message_discarded_on_overflow"),
            () => None,
        };
        if let Some(word) = refused {
            return self.say(200, target, &format!("{{{head},\"message_response\":\"{word}\"}}"), now);
        }
        self.last_id = self.last_id.wrapping_add(1);
        let id = self.last_id;
        let said = format!("{{{head},\"message_id\":{id},\"message_response\":\"message_accepted\"}}");
        self.say(200, target, &said, now);
        let most = self.segment_size();
        let mut segments: Vec<_> = (0..length).step_by(most).map(|at| (at, most.min(length - at))).collect();
        if !self.backward {
            segments.reverse();
        }
        let mut message = Originate {
            topic,
            id,
            length,
            data: vec![0; length],
            segments,
            asked: (0, 0),
            stage: Stage::Held(now),
            until: now + self.scaled(HOLD),
            falsefail: false,
            billed: false,
        };
        self.ask_segment(&mut message, now);
        self.originates.push(message);
    }

    /// Bytes of a segment, either way, of which a message has as many as it needs.
    pub(super) fn segment_size(&self) -> usize {
        self.segment.clamp(1, SEGMENT)
    }

    /// Asks for the next segment; one that has all of them is held.
    fn ask_segment(&mut self, message: &mut Originate, now: Time) {
        let Some((start, length)) = message.segments.pop() else {
            message.stage = Stage::Held(now + self.scaled(self.held));
            return;
        };
        if take(&mut self.faults.twice) {
            message.segments.push((start, length));
        }
        message.asked = (start, length);
        message.stage = Stage::Asked(now + self.limit);
        let (topic, id) = (message.topic, message.id);
        let place = format!("\"segment_length\":{length},\"segment_start\":{start}");
        self.say(299, "messageOriginateSegment", &format!("{{\"topic_id\":{topic},\"message_id\":{id},{place}}}"), now);
    }

    /// Takes the segment that was asked for.
    pub(super) fn take_segment(&mut self, body: &Value, now: Time) {
        let target = "messageOriginateSegment";
        let at = self.originates.iter().position(|it| {
            body["topic_id"] == it.topic && body["message_id"] == it.id && matches!(it.stage, Stage::Asked(_))
        });
        let data = body["data"].as_str().and_then(|data| STANDARD.decode(data).ok());
        let (Some(at), Some(data)) = (at, data) else { return self.say(407, target, "{}", now) };
        let mut message = self.originates.remove(at);
        let (start, length) = message.asked;
        self.say(200, target, &format!("{{\"topic_id\":{},\"message_id\":{}}}", message.topic, message.id), now);
        if body["segment_start"] != start || body["segment_length"] != length || data.len() != length {
            return self.end(message, "segment_incorrect", now);
        }
        message.data[start..start + length].copy_from_slice(&data);
        self.ask_segment(&mut message, now);
        if matches!(message.stage, Stage::Held(_)) {
            let (payload, sum) = message.data.split_at(message.length - 2);
            if wire::sum(payload).to_be_bytes() != sum {
                return self.end(message, "user_supplied_crc_error", now);
            }
            if let Some(planned) = self.faults.finals.pop_front_if(|planned| NEVER_ON_AIR.contains(planned)) {
                return self.end(message, planned, now);
            }
        }
        self.originates.push(message);
    }

    /// Withdraws a message, as far as that is possible still.
    pub(super) fn cancel(&mut self, body: &Value, now: Time) {
        let target = "messageOriginateStatus";
        if body["action"] != "cancel" {
            return self.say(407, target, "{}", now);
        }
        let at = self.originates.iter().position(|it| body["topic_id"] == it.topic && body["message_id"] == it.id);
        let Some(at) = at else {
            let known = format!("{{\"topic_id\":{},\"message_id\":{}}}", body["topic_id"], body["message_id"]);
            return match self.refuses_unknown {
                true => self.say(408, target, "{}", now),
                false => self.say(200, target, &known, now),
            };
        };
        let (topic, id) = (self.originates[at].topic, self.originates[at].id);
        self.say(200, target, &format!("{{\"topic_id\":{topic},\"message_id\":{id}}}"), now);
        if take(&mut self.faults.nocancel) || self.originates[at].stage == Stage::Told {
            return;
        }
        match self.originates[at].stage {
            Stage::OnAir(_) if take(&mut self.faults.toolate) => self.originates[at].stage = Stage::OnAir(now),
            Stage::OnAir(_) => {
                let message = self.originates.remove(at);
                self.end(message, "message_cancelled_in_transit", now);
            }
            _ => {
                let message = self.originates.remove(at);
                self.end(message, "message_cancelled_pre_transit", now);
            }
        }
    }

    /// How far the first message got, in a word.
    pub(in crate::sim::imt) fn stage(&self) -> &'static str {
        match self.originates.first().map(|message| message.stage) {
            None => "none",
            Some(Stage::Asked(_)) => "asked",
            Some(Stage::Held(_)) => "held",
            Some(Stage::OnAir(_)) => "on-air",
            Some(Stage::Told) => "told",
        }
    }

    /// When something is due with a message.
    pub(super) fn due_of(&self, message: &Originate) -> Time {
        match message.stage {
            Stage::Asked(until) | Stage::OnAir(until) => until,
            Stage::Held(at) if self.bars > 0 => at,
            Stage::Held(_) => message.until,
            Stage::Told => Time::NEVER,
        }
    }

    /// Does what is due with messages.
    pub(super) fn tend_originates(&mut self, now: Time) {
        for mut message in std::mem::take(&mut self.originates) {
            match message.stage {
                Stage::Asked(until) if until <= now => self.end(message, "segment_not_supplied", now),
                Stage::Held(at) if at <= now && self.bars > 0 => {
                    message.stage = Stage::OnAir(now + self.scaled(self.transit));
                    (message.billed, message.falsefail) = (true, take(&mut self.faults.falsefail));
                    self.memory.billed += message.payload().len() as u64;
                    self.originates.push(message);
                }
                Stage::Held(_) if message.until <= now => self.end(message, "message_expired", now),
                Stage::OnAir(until) if until <= now => match self.faults.finals.pop_front() {
                    Some(planned) => self.end(message, planned, now),
                    None => {
                        message.stage = Stage::Told;
                        self.memory.sent += 1;
                        let (topic, data) = (message.topic, hex::encode(message.payload()));
                        let (imei, id) = (self.imei.clone(), self.memory.sent);
                        self.asks.push_back(Ask::Message { imei, topic, data, id });
                        self.originates.push(message);
                    }
                },
                _ => self.originates.push(message),
            }
        }
    }

    /// Hears the sky.
    pub(in crate::sim::imt) fn hear_sky(&mut self, answer: Answer, now: Time) {
        let told = self.originates.iter().position(|it| it.stage == Stage::Told);
        match (answer, told) {
            (Answer::Down(Some(down)), _) => self.bring_down(&down, now),
            (Answer::Taken, Some(at)) => {
                let message = self.originates.remove(at);
                let end = if message.falsefail { "network_error" } else { "mo_ack_received" };
                self.end(message, end, now);
                // What waits tends to come right behind a message that went up.
                self.look = now;
            }
            (Answer::Unheard, Some(at)) => self.originates[at].stage = Stage::OnAir(now + self.scaled(AGAIN)),
            _ => {}
        }
    }

    /// A message has ended; its host is told once.
    fn end(&mut self, message: Originate, how: &str, now: Time) {
        let Originate { topic, id, billed, falsefail, .. } = message;
        let (data, ground) = (hex::encode(message.payload()), how == "mo_ack_received" || falsefail);
        let line = json!({"topic": topic, "id": id, "up": data, "end": how, "billed": billed, "ground": ground});
        self.memory.journal.push(line.to_string());
        let times = match () {
            () if take(&mut self.faults.nofinal) => 0,
            () if take(&mut self.faults.dupfinal) => 2,
            () => 1,
        };
        for _ in 0..times {
            let end = format!("{{\"topic_id\":{topic},\"message_id\":{id},\"final_mo_status\":\"{how}\"}}");
            self.say(299, "messageOriginateStatus", &end, now);
        }
    }

    /// What the sky of a modem without one says: it takes everything, and has what the control socket left there.
    pub(in crate::sim::imt) fn of_own_gateway(&mut self, ask: &Ask) -> Answer {
        match ask {
            Ask::Message { .. } => Answer::Taken,
            Ask::Fetch(_) if self.memory.local.is_empty() => Answer::Down(None),
            Ask::Fetch(_) => {
                let (topic, data) = self.memory.local.remove(0);
                let data = hex::decode(data.as_bytes()).unwrap_or_default();
                Answer::Down(Some(Down { number: 0, topic, data }))
            }
            _ => Answer::Yes,
        }
    }
}

impl Originate {
    fn payload(&self) -> &[u8] {
        &self.data[..self.length - 2]
    }
}
