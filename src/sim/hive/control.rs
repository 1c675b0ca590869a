//! The words of the control socket.

use super::Sim;
use super::api::item;
use crate::address::{DeviceError, DeviceId};
use crate::hex;
use crate::sim::sky::{Ask, Down, Reply};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Application id of packets that come from the control socket.
const APP: u16 = 1000;

impl Sim {
    /// Carries a line of the control socket out; the answer without its last line feed.
    pub fn command(&self, line: &str) -> String {
        self.obey(line).unwrap_or_else(|why| format!("error {why}"))
    }

    fn obey(&self, line: &str) -> Result<String, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["down", turn @ ("on" | "off")] = words.as_slice() {
            // Not under the lock: requests on their way need it to end.
            self.down(*turn == "on");
            return Ok("ok".to_owned());
        }
        let mut hive = self.hive();
        match words.as_slice() {
            ["uplink", device, hex, rest @ ..] => {
                let device: DeviceId = device.parse().map_err(|why: DeviceError| why.to_string())?;
                let message = rest.first().map(|id| id.parse().map_err(|_| "MESSAGE is a number")).transpose()?;
                let id = hive.state.uplink(device.number(), APP, &bytes(hex)?, None, message);
                hive.state.save().map_err(|why| why.to_string())?;
                Ok(format!("ok {id}"))
            }
            ["expire-tokens"] => {
                hive.state.expire_tokens();
                Ok("ok".to_owned())
            }
            ["fail", rest @ ..] => {
                hive.faults.plan(rest)?;
                Ok("ok".to_owned())
            }
            ["clear-faults"] => {
                hive.faults.clear();
                Ok("ok".to_owned())
            }
            ["status", packet, status] => {
                let packet = packet.parse().map_err(|_| "PACKET is a number")?;
                let status = status.parse().map_err(|_| "N is a number")?;
                if !hive.state.set_status(packet, status) {
                    return Err("no such packet".to_owned());
                }
                hive.state.save().map_err(|why| why.to_string())?;
                Ok("ok".to_owned())
            }
            ["journal"] => Ok(list(hive.journal.iter().cloned())),
            ["messages"] => Ok(list(hive.state.all().map(|packet| item(packet).to_string()))),
            _ => Err("no such command; see 'satpost simulate hive --help'".to_owned()),
        }
    }

    /// Answers a line of the sky.
    pub fn sky(&self, line: &str) -> String {
        let reply = self.heard(line).unwrap_or_else(|why| Reply { error: Some(why), ..Reply::default() });
        // An empty `take` is answered with the null that it is documented with.
        match serde_json::to_string(&reply) {
            Ok(text) if text != "{}" => text,
            _ => r#"{"packet":null}"#.to_owned(),
        }
    }

    fn heard(&self, line: &str) -> Result<Reply, String> {
        let ask: Ask = serde_json::from_str(line).map_err(|why| why.to_string())?;
        let mut hive = self.hive();
        match ask {
            Ask::Up { device, app, data, id } => {
                hive.state.uplink(device, app, &bytes(&data)?, Some(id), None);
            }
            Ask::Arrived(packet) => {
                if !hive.state.arrived(packet) {
                    return Err(format!("there is no packet {packet} for a device"));
                }
            }
            Ask::Session { .. } | Ask::Waiting(_) | Ask::Message { .. } | Ask::Fetch(_) => {
                return Err("the Hive has no terminals of that network".to_owned());
            }
            Ask::Take(device) => {
                let packet = hive.state.waiting(device).map(|packet| Down {
                    packet_id: packet.packet_id,
                    app: packet.app,
                    data: hex::encode(&STANDARD.decode(&packet.data).unwrap_or_default()),
                });
                return Ok(Reply { packet, ..Reply::default() });
            }
        }
        hive.state.save().map_err(|why| why.to_string())?;
        Ok(Reply { ok: Some(true), ..Reply::default() })
    }
}

fn bytes(hex: &str) -> Result<Vec<u8>, String> {
    hex::decode(hex.as_bytes()).ok_or_else(|| "write the bytes as pairs of hex digits".to_owned())
}

fn list(lines: impl Iterator<Item = String>) -> String {
    lines.chain([".".to_owned()]).collect::<Vec<_>>().join("\n")
}
