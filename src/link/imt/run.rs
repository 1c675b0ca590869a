//! What is due when, and what the modem says unasked.

use std::time::Instant;

use sha2::{Digest, Sha256};

use super::collect::Ended;
use super::jspr::{Line, number, topics};
use super::wire::{Trouble, Wire};
use super::{Imt, Phase};
use crate::fault::Fault;
use crate::hex;
use crate::link::turns::Turns;
use crate::link::{Event, Inbound, Token};
use crate::message::Reason;
use crate::message::reason::{DeviceReason, TransportReason};

/// Looks at an idle modem without an answer before its port counts as mute.
const UNANSWERED: u32 = 3;

impl Turns for Imt {
    type Wire = Wire;

    fn wire(&mut self) -> Option<&mut Wire> {
        self.wire.as_mut()
    }

    fn events(&mut self) -> &mut Vec<Event> {
        &mut self.events
    }

    fn hear(&mut self, heard: Line) {
        let Line { target, body, .. } = heard;
        match target.as_str() {
            "bootInfo" => self.restarted(),
            "operationalState" => {
                let state = body["state"].as_str().unwrap_or_default().to_owned();
                let reason = number(&body, "reason", 255).unwrap_or_default();
                self.facts.inactive = (state != "active").then_some((state, reason));
            }
            "constellationState" => self.learn_signal(&body),
            "messageProvisioning" => {
                let running = self.phase == Phase::Running;
                let why = |phase: &Phase| matches!(phase, Phase::Waiting { why, .. } if is_about_topics(why));
                if running || why(&self.phase) {
                    self.learn_topics(topics(&body));
                }
            }
            "messageOriginateStatus" => self.on_end(&body),
            "messageTerminate" => self.collect.begin(&body, Instant::now()),
            "messageTerminateSegment" => self.collect.segment(&body, Instant::now()),
            "messageTerminateStatus" => {
                let ended = self.collect.end(&body);
                self.arrived(ended);
            }
            // By-products, and whatever newer firmware says.
            _ => {}
        }
    }

    fn failed(&mut self, trouble: &Trouble) {
        self.conclude(trouble);
    }

    fn step(&mut self) {
        let now = Instant::now();
        self.learn_of_offer();
        match &self.phase {
            Phase::Closed { next, tries, .. } if *next <= now => self.look_for_port(*tries),
            Phase::Waiting { next, why } if *next <= now => match is_about_topics(why) {
                true => self.ask_topics(),
                false => {
                    if let Err(trouble) = self.set_up() {
                        self.not_set_up(&trouble);
                    }
                }
            },
            Phase::Running => self.keep_running(now),
            _ => {}
        }
    }

    fn report(&mut self) -> bool {
        self.report_health()
    }

    fn due(&self) -> Instant {
        match &self.phase {
            Phase::Closed { next, .. } | Phase::Waiting { next, .. } => *next,
            Phase::Running => {
                let blocked = self.blocked.as_ref().map(|(_, until)| *until);
                let look = Some(self.look_at).filter(|_| self.slot.is_none() && self.offer.is_none());
                let times = [blocked, look, self.message_due()];
                times.into_iter().flatten().min().unwrap_or_else(|| Instant::now() + self.limits.look)
            }
        }
    }
}

fn is_about_topics(why: &Reason) -> bool {
    matches!(why, Reason::Transport(TransportReason::NotProvisioned | TransportReason::NoTopic { .. }))
}

impl Imt {
    fn keep_running(&mut self, now: Instant) {
        self.blocked.take_if(|(_, until)| *until <= now);
        self.tend_message(now);
        let idle = self.slot.is_none() && self.offer.is_none();
        if self.look_at > now || !idle {
            return;
        }
        self.look_at = now + self.limits.look;
        match self.ask("GET", "hwInfo", "{}", self.limits.ask) {
            Ok(facts) => {
                self.facts.unanswered = 0;
                self.learn_hardware(&facts.body);
            }
            // Silence alone is no sign: it may have said other things meanwhile.
            Err(Trouble::Silent { .. }) => {
                let spoke = self.wire.as_ref().and_then(Wire::last_line).is_some_and(|at| at >= now);
                self.facts.unanswered = if spoke { 0 } else { self.facts.unanswered + 1 };
                if self.facts.unanswered >= UNANSWERED {
                    self.facts.unanswered = 0;
                    self.close(DeviceReason::Reopened.into(), 0);
                }
            }
            Err(Trouble::Refused { .. }) => {}
            Err(trouble) => self.conclude(&trouble),
        }
    }

    /// Setting it up again failed: a modem that does not answer has its port opened anew.
    fn not_set_up(&mut self, trouble: &Trouble) {
        match trouble {
            Trouble::Silent { .. } => self.close(DeviceReason::Reopened.into(), 0),
            trouble => self.conclude(trouble),
        }
    }

    /// Asks the modem for its topics.
    pub(super) fn ask_topics(&mut self) {
        match self.ask("GET", "messageProvisioning", "{}", self.limits.ask) {
            Ok(listed) => self.learn_topics(topics(&listed.body)),
            Err(trouble) => self.not_set_up(&trouble),
        }
    }

    /// A message came down, or did not.
    fn arrived(&mut self, ended: Ended) {
        self.last_token += 1;
        let token = Token(self.last_token);
        match ended {
            Ended::Whole { topic, id, payload } => {
                self.facts.last_satellite = Some(self.clock.now());
                let hash = hex::encode(&Sha256::digest(&payload)[..8]);
                // The modem numbers from 0 to 255 and begins again: an equal message may have an equal number.
                let (boot, at) = (self.boot.boot, self.clock.now().0);
                let key = format!("imt:{}:{boot}:{topic}:{id}:{hash}:{at}:{}", self.boot.imei, self.last_token);
                let (device, wholes, received) = (None, Vec::new(), None);
                self.events.push(Event::Inbound(Inbound { device, payload, wholes, key, received, token }));
            }
            Ended::Damaged(bytes) => {
                self.events.push(Event::Poison { bytes, why: TransportReason::Damaged.into(), token });
            }
            Ended::Dropped => {}
        }
    }

    /// A line of the console page.
    pub(super) fn say(&mut self, line: &str) -> Result<(), Fault> {
        let line = line.trim();
        let printable = line.len() <= 500 && line.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        if !printable || !line.starts_with("GET ") || !line.ends_with('}') {
            return Err(Fault::permanent("write one request that changes nothing, for example GET hwInfo {}"));
        }
        let Some(wire) = &self.wire else { return Err(Fault::Temporary(DeviceReason::NoPort.into())) };
        wire.say(line).map_err(|trouble| Fault::Temporary(trouble.reason()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::ImtLimits;
    use super::*;
    use crate::clock::Clock;
    use crate::settings::Settings;

    #[test]
    fn an_equal_message_under_an_equal_number_is_another_one() {
        let mut link = Imt::new(&Settings::default(), &Clock::system(), ImtLimits::REAL);
        let mut hear = |target: &str, body| {
            link.hear(Line { code: 299, target: target.to_owned(), body });
            std::mem::take(&mut link.events)
        };
        let mut keys = Vec::new();
        for _ in 0..2 {
            hear("messageTerminate", json!({"topic_id": 244, "message_id": 30, "message_length_max": 5}));
            let segment =
                json!({"topic_id": 244, "message_id": 30, "segment_length": 5, "segment_start": 0, "data": "dHN0Z9E="});
            hear("messageTerminateSegment", segment);
            // The end comes twice, the message once.
            for count in [1, 0] {
                let end = json!({"topic_id": 244, "message_id": 30, "final_mt_status": "complete"});
                let events = hear("messageTerminateStatus", end);
                assert_eq!(events.len(), count);
                keys.extend(events.into_iter().filter_map(|event| match event {
                    Event::Inbound(inbound) => Some(inbound.key),
                    _ => None,
                }));
            }
        }
        assert_eq!(keys.len(), 2);
        assert_ne!(keys[0], keys[1]);
    }
}
