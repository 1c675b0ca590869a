//! The modem's side of the shared sky: questions and answers as JSON lines over a Unix socket.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smol::channel::{Receiver, Sender};

use super::receiver::from_hex;

/// How long the sky may take for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest answer in bytes.
const MAX_ANSWER: u64 = 64 * 1024;

/// A question to the sky.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Ask {
    /// A packet goes up; yes is the satellite's acknowledgement.
    Up { device: u32, app: u16, data: String, id: u64 },
    /// Is there a packet for this device?
    Take(u32),
    /// That packet has arrived and need not come again.
    Arrived(u64),
}

/// A packet that comes down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Down {
    /// The sky's number of it.
    pub(super) number: u64,
    pub(super) app: u16,
    pub(super) data: Vec<u8>,
}

/// What the sky says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    /// To [`Ask::Take`].
    Packet(Option<Down>),
    /// Refused, or nobody there; as good as an acknowledgement that was lost.
    No,
}

/// The answer of an empty sky: acknowledges everything and has nothing.
pub(super) fn empty_sky(ask: &Ask) -> Answer {
    match ask {
        Ask::Take(_) => Answer::Packet(None),
        Ask::Up { .. } | Ask::Arrived(_) => Answer::Yes,
    }
}

/// Carries questions to the sky, one at a time, until their channel closes.
pub(super) fn carry(path: PathBuf, asks: &Receiver<(u64, Ask)>, answer: impl Fn(u64, Answer)) {
    let mut sky = Sky { path, stream: None };
    let mut reachable = true;
    while let Ok((ticket, ask)) = asks.recv_blocking() {
        let said = sky.ask(&ask);
        if let Err(error) = &said
            && reachable
        {
            log::warn!("modem: the sky at {} does not answer: {error}", sky.path.display());
        }
        reachable = said.is_ok();
        answer(ticket, said.unwrap_or(Answer::No));
    }
}

/// Sends a question to the thread in [`carry`]; when that is busy the question counts as unheard.
pub(super) fn pass_on(asks: &Sender<(u64, Ask)>, ticket: u64, ask: Ask) -> bool {
    asks.try_send((ticket, ask)).is_ok()
}

struct Sky {
    path: PathBuf,
    stream: Option<BufReader<UnixStream>>,
}

impl Sky {
    fn ask(&mut self, ask: &Ask) -> io::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.connect()?,
        };
        let mut line = serde_json::to_string(ask)?;
        line.push('\n');
        stream.get_mut().write_all(line.as_bytes())?;
        let mut said = String::new();
        stream.by_ref().take(MAX_ANSWER).read_line(&mut said)?;
        if !said.ends_with('\n') {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it hung up before its answer was complete"));
        }
        let answer = understand(&said)?;
        self.stream = Some(stream);
        Ok(answer)
    }

    fn connect(&self) -> io::Result<BufReader<UnixStream>> {
        let stream = UnixStream::connect(&self.path)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(BufReader::new(stream))
    }
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    ok: bool,
    #[serde(default, deserialize_with = "present")]
    packet: Option<Option<SaidPacket>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SaidPacket {
    packet_id: u64,
    app: u16,
    data: String,
}

/// Tells `"packet":null` from no packet field at all.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<SaidPacket>>, D::Error> {
    Deserialize::deserialize(from).map(Some)
}

fn understand(line: &str) -> io::Result<Answer> {
    let said: Said = serde_json::from_str(line)?;
    let Some(packet) = said.packet else {
        return Ok(if said.ok { Answer::Yes } else { Answer::No });
    };
    let packet = packet.map(|SaidPacket { packet_id, app, data }| match from_hex(data.as_bytes()) {
        Some(data) => Ok(Down { number: packet_id, app, data }),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, "the data of a packet is not hex")),
    });
    Ok(Answer::Packet(packet.transpose()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_and_answers_have_their_form() {
        let ask = Ask::Up { device: 6846, app: 1000, data: "00ff".to_owned(), id: 123 };
        let text = r#"{"up":{"device":6846,"app":1000,"data":"00ff","id":123}}"#;
        assert_eq!(serde_json::to_string(&ask).unwrap(), text);
        assert_eq!(serde_json::to_string(&Ask::Take(6846)).unwrap(), r#"{"take":6846}"#);
        assert_eq!(serde_json::to_string(&Ask::Arrived(55)).unwrap(), r#"{"arrived":55}"#);
        let packet = Down { number: 55, app: 1000, data: vec![0, 255] };
        let line = r#"{"packet":{"packetId":55,"app":1000,"data":"00ff"}}"#;
        assert_eq!(understand(line).unwrap(), Answer::Packet(Some(packet)));
        assert_eq!(understand(r#"{"packet":null}"#).unwrap(), Answer::Packet(None));
        assert_eq!(understand(r#"{"ok":true}"#).unwrap(), Answer::Yes);
        assert_eq!(understand(r#"{"ok":false}"#).unwrap(), Answer::No);
        assert!(understand("{").is_err());
    }
}
