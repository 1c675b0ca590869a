//! Passes, transmissions and what comes down.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::Options;
use super::super::air::{Answer, Ask, Down};
use super::super::memory::{INCOMING_CAPACITY, QueuedPacket};
use super::super::weather::Signal;
use super::Machine;
use super::power::{Cause, Phase};
use crate::clock::Time;
use crate::hex;
use crate::sim::device::take;

/// Time between two beacons of a satellite, in milliseconds of the modem.
const BEACON: u64 = 2000;
/// Time between two questions for downlink packets.
const LISTEN: u64 = 1000;
/// Pause after a transmission that nobody acknowledged, in milliseconds of the modem.
const REST: u64 = 2000;
/// Questions do not come closer than this, whatever the factor.
const CLOSEST_QUESTIONS: Duration = Duration::from_millis(100);
/// Nor do beacons and repeated transmissions.
const CLOSEST_SIGNALS: Duration = Duration::from_millis(500);

/// Who decides about passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sim::modem) enum Passes {
    /// The schedule.
    Auto,
    /// A satellite stays in view.
    Always,
    /// None comes.
    Never,
}

/// State of the radio.
#[derive(Debug)]
pub(in crate::sim::modem) struct Radio {
    every: Duration,
    length: Duration,
    air_time: Duration,
    pub(in crate::sim::modem) passes: Passes,
    /// Packets for this modem when there is no sky: `down` of the control socket.
    pub(in crate::sim::modem) local: VecDeque<Down>,
    /// Questions to the sky that nobody has taken yet.
    pub(in crate::sim::modem) asks: VecDeque<(u64, Ask)>,
    /// The id that `$TD SENT` named last.
    pub(in crate::sim::modem) last_sent: Option<u64>,
    /// The message on air and when it is through.
    air: Option<(u64, Time)>,
    /// The question that the radio waits on.
    asked: Option<(u64, Ask)>,
    /// Number of the last question; answers to older ones count for nothing.
    ticket: u64,
    next_beacon: Time,
    next_listen: Time,
    /// After a transmission that nobody acknowledged.
    rest_until: Time,
}

impl Radio {
    pub(in crate::sim::modem) fn new(options: &Options) -> Self {
        let air = options.air_ms.unwrap_or(2000 / u64::from(options.factor.max(1)));
        Self {
            every: options.pass_every,
            length: options.pass_length,
            air_time: Duration::from_millis(air.max(1)),
            passes: Passes::Auto,
            local: VecDeque::new(),
            asks: VecDeque::new(),
            last_sent: None,
            air: None,
            asked: None,
            ticket: 0,
            next_beacon: Time(0),
            next_listen: Time(0),
            rest_until: Time(0),
        }
    }

    /// What was on air is lost; answers that still come are to nobody.
    pub(in crate::sim::modem) fn reset(&mut self) {
        self.air = None;
        self.asked = None;
        self.asks.clear();
    }

    /// The message that is up and not yet acknowledged.
    pub(in crate::sim::modem) fn awaited(&self) -> Option<u64> {
        match &self.asked {
            Some((_, Ask::Up { id, .. })) => Some(*id),
            _ => None,
        }
    }

    /// How far the pass has come, from 0 to 1000; `None` when no satellite is in view. The schedule hangs on the
    /// wall clock, so that it is the same after a restart.
    pub(in crate::sim::modem) fn pass(&self, now: Time) -> Option<i64> {
        let every = i64::try_from(self.every.as_millis()).unwrap_or(i64::MAX).max(1);
        let length = i64::try_from(self.length.as_millis()).unwrap_or(i64::MAX);
        let into = now.0.rem_euclid(every);
        let span = length.clamp(1, every);
        match self.passes {
            Passes::Never => None,
            Passes::Auto if into >= length => None,
            Passes::Auto | Passes::Always => Some((into % span).saturating_mul(1000) / span),
        }
    }

    /// When the next pass begins or the present one ends.
    fn edge(&self, now: Time) -> Time {
        let every = i64::try_from(self.every.as_millis()).unwrap_or(i64::MAX).max(1);
        if self.passes != Passes::Auto || self.length >= self.every {
            return Time::NEVER;
        }
        let begun = Time(now.0 - now.0.rem_euclid(every));
        if now < begun + self.length { begun + self.length } else { begun + self.every }
    }

    /// The next pass brings this packet.
    pub(in crate::sim::modem) fn expect(&mut self, packet: Down, now: Time) {
        self.local.push_back(packet);
        self.next_listen = now;
    }

    /// A person decides about passes.
    pub(in crate::sim::modem) fn decide(&mut self, passes: Passes, now: Time) {
        self.passes = passes;
        self.next_beacon = now;
        self.next_listen = now;
    }
}

impl Machine {
    /// The radio works only while the modem runs and knows the time.
    fn radio_on(&self) -> bool {
        self.power.phase == Phase::Running && self.has_time()
    }

    /// When [`Machine::run_radio`] is due again.
    pub(in crate::sim::modem) fn radio_due(&self) -> Time {
        let radio = &self.radio;
        if !self.radio_on() {
            return Time::NEVER;
        }
        let free = radio.asked.is_none();
        let air = radio.air.map_or(Time::NEVER, |(_, until)| until);
        let queued = free && radio.air.is_none() && !self.memory.outgoing.is_empty();
        let next_up = if queued { radio.rest_until.max(radio.next_beacon.min(radio.next_listen)) } else { Time::NEVER };
        let listen = if free && radio.air.is_none() { radio.next_listen } else { Time::NEVER };
        air.min(next_up).min(listen).min(radio.next_beacon)
    }

    /// Beacons, transmissions and downlink, one thing at a time.
    pub(in crate::sim::modem) fn run_radio(&mut self, now: Time) {
        if !self.radio_on() {
            return;
        }
        let Some(progress) = self.radio.pass(now) else {
            // A satellite that sets takes the half-sent packet with it; it stays queued.
            self.radio.air = None;
            let rise = self.radio.edge(now);
            self.radio.next_beacon = rise;
            self.radio.next_listen = rise;
            return;
        };
        self.beacon(progress, now);
        if let Some((id, until)) = self.radio.air {
            if until > now {
                return;
            }
            self.radio.air = None;
            self.transmitted(id, now);
        }
        if self.radio.asked.is_some() {
            return;
        }
        let first = self.memory.outgoing.first().filter(|_| self.radio.rest_until <= now);
        match first.map(|message| message.id) {
            Some(_) if take(&mut self.faults.brownout) => self.reset(Cause::PowerOn, now),
            Some(id) => self.radio.air = Some((id, now + self.radio.air_time)),
            None if self.radio.next_listen <= now => self.listen(now),
            None => {}
        }
    }

    fn beacon(&mut self, progress: i64, now: Time) {
        if self.radio.next_beacon <= now {
            let signal = self.weather.signal(progress);
            self.heard_packet(signal, now);
            let next = now + self.scaled(BEACON).max(CLOSEST_SIGNALS);
            self.radio.next_beacon = next.min(self.radio.edge(now));
        }
    }

    /// A transmission is through. One that was withdrawn meanwhile never completed.
    fn transmitted(&mut self, id: u64, now: Time) {
        let Some(message) = self.memory.outgoing.iter().find(|message| message.id == id) else {
            return;
        };
        self.journal.record(self.device, message, now);
        let QueuedPacket { app, data, .. } = message;
        let ask = Ask::Up { device: self.device.number(), app: *app, data: hex::encode(data), id };
        if self.weather.chance(self.faults.loss) {
            self.rest(now);
        } else {
            self.ask(ask);
        }
    }

    fn rest(&mut self, now: Time) {
        self.radio.rest_until = now + self.scaled(REST).max(CLOSEST_SIGNALS);
    }

    fn listen(&mut self, now: Time) {
        self.radio.next_listen = now + self.scaled(LISTEN).max(CLOSEST_QUESTIONS);
        if self.memory.incoming.len() >= INCOMING_CAPACITY {
            return;
        }
        match self.radio.local.pop_front() {
            Some(packet) => {
                self.store(packet, now);
                self.radio.next_listen = now;
            }
            None => self.ask(Ask::Take(self.device.number())),
        }
    }

    fn ask(&mut self, ask: Ask) {
        self.radio.ticket += 1;
        self.radio.asked = Some((self.radio.ticket, ask.clone()));
        self.radio.asks.push_back((self.radio.ticket, ask));
    }

    /// The sky has answered a question.
    pub(in crate::sim::modem) fn hear_sky(&mut self, ticket: u64, answer: Answer, now: Time) {
        let Some((_, ask)) = self.radio.asked.take_if(|(asked, _)| *asked == ticket) else {
            return;
        };
        match (ask, answer) {
            (Ask::Up { id, .. }, Answer::Yes) if !take(&mut self.faults.ackloss) => self.acknowledged(id, now),
            (Ask::Up { .. }, _) => self.rest(now),
            (Ask::Take(_), Answer::Packet(Some(packet))) => {
                let number = packet.number;
                self.store(packet, now);
                self.ask(Ask::Arrived(number));
            }
            (Ask::Arrived(_), Answer::Yes) => self.radio.next_listen = now,
            _ => {}
        }
    }

    fn acknowledged(&mut self, id: u64, now: Time) {
        self.memory.outgoing.retain(|message| message.id != id);
        self.radio.last_sent = Some(id);
        let signal = self.weather.signal(self.radio.pass(now).unwrap_or(500));
        let line = self.sent_sentence(signal, id);
        if take(&mut self.faults.nosent) {
            return;
        }
        self.say(now, &line);
        if take(&mut self.faults.dupsent) {
            self.say(now, &line);
        }
    }

    /// `$TD SENT`, with the figures of the satellite's reply.
    pub(in crate::sim::modem) fn sent_sentence(&self, signal: Signal, id: u64) -> String {
        let separator = if self.variants.sent_space { ' ' } else { ',' };
        format!("TD SENT{separator}{signal},{id}")
    }

    /// A packet came down: into the store first, then `$RD`.
    fn store(&mut self, packet: Down, now: Time) {
        let Down { number, app, data } = packet;
        let hex = hex::encode(&data);
        if self.memory.receive(number, app, data, now).is_some() && self.memory.notify {
            let signal = self.weather.signal(self.radio.pass(now).unwrap_or(500));
            self.say(now, &format!("RD AI={app},{signal},{hex}"));
        }
    }
}
