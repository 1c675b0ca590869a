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
//! What cannot be done is answered with `{"error":"<why>"}`.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An answer takes at most this long.
const PATIENCE: Duration = Duration::from_secs(5);

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ask {
    /// A packet goes up.
    Up(Up),
    /// What waits for this device?
    Take(u32),
    /// This packet reached its device.
    Arrived(u64),
}

/// A packet on its way up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Up {
    /// Number of the modem.
    pub device: u32,
    /// Application id.
    pub app: u16,
    /// Payload in hex.
    pub data: String,
    /// The modem's own number of the message.
    pub id: u64,
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

    /// Sends a packet up; `id` is the modem's own number of it, the same for a repetition.
    ///
    /// # Errors
    /// When the Hive is gone or refuses.
    pub fn up(&mut self, device: u32, app: u16, payload: &[u8], id: u64) -> io::Result<()> {
        self.ask(&Ask::Up(Up { device, app, data: to_hex(payload), id })).map(drop)
    }

    /// The oldest packet that waits for a device: number, application, payload.
    ///
    /// # Errors
    /// When the Hive is gone.
    pub fn take(&mut self, device: u32) -> io::Result<Option<(u64, u16, Vec<u8>)>> {
        let reply = self.ask(&Ask::Take(device))?;
        reply
            .packet
            .map(|down| Ok((down.packet_id, down.app, from_hex(&down.data).map_err(io::Error::other)?)))
            .transpose()
    }

    /// Tells that a packet reached its device.
    ///
    /// # Errors
    /// When the Hive is gone or does not know the packet.
    pub fn arrived(&mut self, packet_id: u64) -> io::Result<()> {
        self.ask(&Ask::Arrived(packet_id)).map(drop)
    }

    fn ask(&mut self, ask: &Ask) -> io::Result<Reply> {
        let mut line = serde_json::to_string(ask)?;
        line.push('\n');
        self.0.get_mut().write_all(line.as_bytes())?;
        let mut answer = String::new();
        if self.0.read_line(&mut answer)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "sky: the Hive hung up"));
        }
        let reply: Reply = serde_json::from_str(&answer)?;
        match reply.error {
            Some(why) => Err(io::Error::other(format!("sky: {why}"))),
            None => Ok(reply),
        }
    }
}

/// Bytes as lower-case hex.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Hex to bytes.
///
/// # Errors
/// A sentence saying what is wrong.
pub fn from_hex(text: &str) -> Result<Vec<u8>, String> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err("an odd number of hex digits".to_owned());
    }
    let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
    pairs.iter().map(byte).collect::<Option<_>>().ok_or_else(|| "not hex".to_owned())
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
        assert_eq!(serde_json::from_str::<Reply>(r#"{"packet":null}"#).unwrap(), Reply::default());
    }

    #[test]
    fn hex_goes_both_ways() {
        assert_eq!(from_hex("0aFf"), Ok(vec![10, 255]));
        assert_eq!(to_hex(&[10, 255]), "0aff");
        assert!(from_hex("0").is_err());
        assert!(from_hex("0g").is_err());
        assert!(from_hex("é").is_err());
    }
}
