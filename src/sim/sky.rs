//! The shared sky: how simulated modems and the simulated Hive exchange packets.
//!
//! The Hive serves a Unix socket; each simulated modem is a client of it. A request is one line of JSON and gets one
//! line of JSON as its answer:
//!
//! * `{"up":{"device":6846,"app":1000,"data":"<hex>","id":123}}` → `{"ok":true}`: the packet is in the Hive. The same
//!   `id` again is the modem's own repetition: a new packet of the same message.
//! * `{"take":6846}` → `{"packet":{"packetId":55,"app":1000,"data":"<hex>"}}` or `{"packet":null}`: the oldest packet
//!   that waits for that device. It stays until it arrived.
//! * `{"arrived":55}` → `{"ok":true}`: the modem has it.
//!
//! A terminal of the other network, named by its IMEI, has sessions instead: each carries at most one message either way.
//!
//! * `{"session":{"imei":"300234010753370","momsn":23,"data":"<hex>"}}` → `{"ok":true,"packet":{...},"waiting":1}`: the
//!   message (none: `data` is absent) is at the gateway; the oldest one for the terminal is in `packet`, and so many wait
//!   behind it. It stays until it arrived.
//! * `{"waiting":"300234010753370"}` → `{"waiting":1}`: what a ring alert tells.
//!
//! A terminal of that network's larger messages has no sessions: messages go both ways by themselves, each with a topic, of up to
//! 100,000 bytes.
//!
//! * `{"message":{"imei":"300258060000000","topic":244,"data":"<hex>","id":7}}` → `{"ok":true}`: it is at the gateway. The same
//!   `id` again is the same message.
//! * `{"fetch":"300258060000000"}` → as for `take`, with the topic as `app`. It stays until it `arrived`.
//!
//! What cannot be done is answered with `{"error":"<why>"}`.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An answer takes at most this long.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest answer in bytes.
const MAX_ANSWER: u64 = super::lines::MAX_LINE;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ask {
    /// A packet goes up; yes is the satellite's acknowledgement.
    Up {
        /// Number of the modem.
        device: u32,
        /// Application id.
        app: u16,
        /// Payload in hex.
        data: String,
        /// The modem's own number of the message, the same for a repetition.
        id: u64,
    },
    /// What waits for this device?
    Take(u32),
    /// This packet reached its device.
    Arrived(u64),
    /// A session of a terminal.
    Session {
        /// Which terminal.
        imei: String,
        /// Number of the session, the same for one that is tried again.
        momsn: u16,
        /// Message that goes up, in hex.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<String>,
    },
    /// How much waits for this terminal?
    Waiting(String),
    /// A message of a terminal without sessions.
    Message {
        /// Which terminal.
        imei: String,
        /// Its topic.
        topic: u16,
        /// The message, in hex.
        data: String,
        /// Its number there, the same for one that is told again.
        id: u64,
    },
    /// What waits for this terminal, which has no sessions?
    Fetch(String),
}

/// A packet on its way down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Down {
    /// The Hive's number of it.
    #[serde(rename = "packetId")]
    pub packet_id: u64,
    /// Application id.
    pub app: u16,
    /// Payload in hex.
    pub data: String,
}

/// An answer; the fields that are absent on the line are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ok: Option<bool>,
    /// What waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packet: Option<Down>,
    /// How much waits for a terminal, behind what the answer brings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<u32>,
    /// Why it could not be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A modem's end of the sky.
pub struct Sky(BufReader<UnixStream>);

impl Sky {
    /// Connects to the socket that the Hive serves.
    ///
    /// # Errors
    /// When nobody serves it.
    pub fn connect(path: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Asks a question.
    ///
    /// # Errors
    /// When the Hive is gone, or its answer is not one of the sky. A refusal is an answer.
    pub fn ask(&mut self, ask: &Ask) -> io::Result<Reply> {
        let mut line = serde_json::to_string(ask)?;
        line.push('\n');
        self.0.get_mut().write_all(line.as_bytes())?;
        let mut answer = String::new();
        self.0.by_ref().take(MAX_ANSWER).read_line(&mut answer)?;
        if !answer.ends_with('\n') {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it hung up before its answer was complete"));
        }
        Ok(serde_json::from_str(&answer)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_are_as_documented() {
        let up = r#"{"up":{"device":6846,"app":1000,"data":"0aff","id":123}}"#;
        let ask: Ask = serde_json::from_str(up).unwrap();
        assert_eq!(serde_json::to_string(&ask).unwrap(), up);
        assert_eq!(serde_json::from_str::<Ask>(r#"{"take":6846}"#).unwrap(), Ask::Take(6846));
        assert_eq!(serde_json::from_str::<Ask>(r#"{"arrived":55}"#).unwrap(), Ask::Arrived(55));
        let session = r#"{"session":{"imei":"300234010753370","momsn":23}}"#;
        assert_eq!(serde_json::to_string(&serde_json::from_str::<Ask>(session).unwrap()).unwrap(), session);
        let message = r#"{"message":{"imei":"300258060000000","topic":244,"data":"0aff","id":7}}"#;
        assert_eq!(serde_json::to_string(&serde_json::from_str::<Ask>(message).unwrap()).unwrap(), message);
        assert_eq!(serde_json::from_str::<Ask>(r#"{"fetch":"3"}"#).unwrap(), Ask::Fetch("3".to_owned()));
        assert_eq!(serde_json::from_str::<Reply>(r#"{"packet":null}"#).unwrap(), Reply::default());
    }
}
