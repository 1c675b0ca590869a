//! The requests of a host but those about messages.

use std::time::Duration;

use serde_json::Value;

use super::Machine;
use crate::clock::Time;
use crate::sim::imt::wire::Verb;

/// Versions of the protocol that it knows, the newest first, as units list them.
const VERSIONS: [[u8; 3]; 3] = [[1, 7, 0], [1, 6, 1], [1, 6, 0]];
/// The seller's topics.
const TOPICS: [(u16, &str); 6] =
    [(244, "RAW"), (313, "PURPLE"), (314, "PINK"), (315, "RED"), (316, "ORANGE"), (317, "YELLOW")];
/// Messages of one topic that it keeps at a time.
pub(super) const QUEUE: usize = 8;

/// True for a topic of this modem.
pub(super) fn is_topic(topic: u16) -> bool {
    TOPICS.iter().any(|(known, _)| *known == topic)
}

/// The body of a message about topics.
pub(super) fn topics(known: bool) -> String {
    let row = |(id, name): &(u16, &str)| {
        let rest = format!("\"priority\":\"High\",\"discard_time_seconds\":604800,\"max_queue_depth\":{QUEUE}");
        format!("{{\"topic_id\":{id},\"topic_name\":\"{name}\",{rest}}}")
    };
    let rows: Vec<_> = TOPICS.iter().filter(|_| known).map(row).collect();
    format!("{{\"provisioning\":[{}]}}", rows.join(","))
}

fn version(version: [u8; 3]) -> String {
    let [major, minor, patch] = version;
    format!("{{\"major\":{major},\"minor\":{minor},\"patch\":{patch}}}")
}

/// The same as a host writes it.
fn is_version(known: [u8; 3], said: &Value) -> bool {
    ["major", "minor", "patch"].iter().zip(known).all(|(name, number)| said[*name] == number)
}

impl Machine {
    pub(super) fn carry_out(&mut self, verb: Verb, target: &str, body: &Value, at: Time) {
        if self.version.is_none() && target != "apiVersion" {
            return self.say(400, target, "{}", at);
        }
        match (verb, target) {
            (_, "apiVersion") => self.api_version(verb, body, at),
            (_, "simConfig") => self.sim_config(verb, body, at),
            (Verb::Get, "simStatus") => self.say(200, target, self.sim_status(), at),
            (_, "operationalState") => self.operational_state(verb, body, at),
            (Verb::Get, "hwInfo") => {
                let imei = self.imei.clone();
                let names = "\"hw_version\":\"0x0601\",\"serial_number\":\"970401\"";
                self.say(200, target, &format!("{{{names},\"imei\":\"{imei}\",\"board_temp\":21}}"), at);
            }
            (Verb::Get, "firmware") => {
                let version = "{\"major\":1,\"minor\":5,\"patch\":5,\"build_info\":\"SX-7\"}";
                let hash = "ab".repeat(32);
                let rest = format!("\"validity\":true,\"version\":{version},\"hash\":\"{hash}\"");
                self.say(200, target, &format!("{{\"slot\":\"primary\",{rest}}}"), at);
            }
            (Verb::Get, "constellationState") if self.quiet && self.bars == 0 => {}
            (Verb::Get, "constellationState") => {
                let state = self.constellation();
                self.say(200, target, &state, at);
            }
            (Verb::Get, "messageProvisioning") => {
                let known = self.is_provisioned(at);
                self.say(200, target, &topics(known), at);
            }
            (Verb::Put, "serviceConfig") if self.active => self.say(406, target, "{}", at),
            (Verb::Put, "serviceConfig") => {
                self.memory.provisioned = false;
                self.provisioned_at = at + self.scaled(self.provision);
                self.say(200, target, "{\"resync\":true}", at);
                let status = "{\"provisioning_valid\":false,\"fully_compatible\":false}";
                self.say(299, "provisioningStatus", status, at);
            }
            (_, "messageActivityStatus") => {
                if verb == Verb::Put {
                    self.activity = body["enabled"] == true;
                }
                let state = format!("{{\"enabled\":{},\"active\":{}}}", self.activity, !self.originates.is_empty());
                self.say(200, target, &state, at);
            }
            (Verb::Put, "messageOriginate") => self.originate(body, at),
            (Verb::Put, "messageOriginateSegment") => self.take_segment(body, at),
            (Verb::Put, "messageOriginateStatus") => self.cancel(body, at),
            _ if KNOWN.contains(&target) => self.say(401, target, "{}", at),
            _ => self.say(404, target, "{}", at),
        }
    }

    fn api_version(&mut self, verb: Verb, body: &Value, at: Time) {
        let mut listed = VERSIONS;
        if self.versions_up {
            listed.reverse();
        }
        let listed = listed.map(version).join(",");
        let shown = |active: &Option<String>| match active {
            Some(active) => format!("{{\"supported_versions\":[{listed}],\"active_version\":{active}}}"),
            None => format!("{{\"supported_versions\":[{listed}]}}"),
        };
        let active = |chosen: &Value| VERSIONS.into_iter().find(|known| is_version(*known, chosen)).map(version);
        match verb {
            Verb::Get => {
                let chosen = self.version.as_ref().and_then(active);
                self.say(200, "apiVersion", &shown(&chosen), at);
            }
            Verb::Put if self.version.is_some() => self.say(402, "apiVersion", "{}", at),
            Verb::Put => match active(&body["active_version"]) {
                None => self.say(407, "apiVersion", "{}", at),
                chosen => {
                    self.version = Some(body["active_version"].clone());
                    self.say(200, "apiVersion", &shown(&chosen), at);
                }
            },
        }
    }

    fn sim_config(&mut self, verb: Verb, body: &Value, at: Time) {
        let target = "simConfig";
        let wanted = ["none", "local", "remote", "internal"].into_iter().find(|known| body["interface"] == *known);
        match (verb, wanted) {
            (Verb::Get, _) => {
                let shown = format!("{{\"interface\":\"{}\"}}", self.sim);
                self.say(200, target, &shown, at);
            }
            (Verb::Put, None) => self.say(407, target, "{}", at),
            (Verb::Put, Some(wanted)) if wanted == self.sim => self.say(402, target, "{}", at),
            (Verb::Put, Some(wanted)) => {
                self.sim = wanted;
                self.say(200, target, &format!("{{\"interface\":\"{wanted}\"}}"), at);
                self.say(299, "simStatus", self.sim_status(), at);
            }
        }
    }

    fn sim_status(&self) -> &'static str {
        match self.sim {
            "internal" => "{\"card_present\":true,\"sim_connected\":true,\"iccid\":\"8988169771000000001\"}",
            _ => "{\"card_present\":false,\"sim_connected\":false,\"iccid\":\"\"}",
        }
    }

    fn operational_state(&mut self, verb: Verb, body: &Value, at: Time) {
        let target = "operationalState";
        let word = |active: bool| if active { "active" } else { "inactive" };
        match (verb, body["state"].as_str()) {
            (Verb::Get, _) => {
                let shown = format!("{{\"state\":\"{}\",\"reason\":0}}", word(self.active));
                self.say(200, target, &shown, at);
            }
            (Verb::Put, Some("active")) if self.sim != "internal" => self.say(410, target, "{}", at),
            (Verb::Put, Some(wanted @ ("active" | "inactive"))) if word(self.active) != wanted => {
                self.active = wanted == "active";
                self.told_bars = 0;
                self.say(200, target, &format!("{{\"state\":\"{wanted}\"}}"), at);
                self.say(299, target, &format!("{{\"state\":\"{wanted}\",\"reason\":0}}"), at + SETTLES);
            }
            (Verb::Put, Some("active" | "inactive")) => self.say(406, target, "{}", at),
            (Verb::Put, _) => self.say(407, target, "{}", at),
        }
    }

    pub(super) fn constellation(&self) -> String {
        match self.bars {
            0 => "{\"constellation_visible\":false,\"signal_bars\":0}".to_owned(),
            bars => {
                let level = -130 + 5 * i32::from(bars);
                format!("{{\"constellation_visible\":true,\"signal_bars\":{bars},\"signal_level\":{level}}}")
            }
        }
    }
}

/// A new state is said a little later.
const SETTLES: Duration = Duration::from_millis(5);

/// Targets that it knows, for requests that they do not offer.
const KNOWN: &[&str] = &[
    "simStatus",
    "hwInfo",
    "firmware",
    "constellationState",
    "messageProvisioning",
    "serviceConfig",
    "messageOriginate",
    "messageOriginateSegment",
    "messageOriginateStatus",
    "messageTerminate",
    "messageTerminateSegment",
    "messageTerminateStatus",
];
