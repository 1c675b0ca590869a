//! The modem's side of the shared sky: a thread that carries its questions there and the answers back.

use std::io;
use std::path::{Path, PathBuf};

use smol::channel::{Receiver, Sender};

pub(super) use crate::sim::sky::Ask;

use crate::hex;
use crate::sim::sky::{self, Reply, Sky};

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
        _ => Answer::Yes,
    }
}

/// Carries questions to the sky, one at a time, until their channel closes.
pub(super) fn carry(path: PathBuf, asks: &Receiver<(u64, Ask)>, answer: impl Fn(u64, Answer)) {
    let mut sky = None;
    let mut reachable = true;
    while let Ok((ticket, ask)) = asks.recv_blocking() {
        let said = consult(&mut sky, &path, &ask);
        if let Err(error) = &said
            && reachable
        {
            log::warn!("modem: the sky at {} does not answer: {error}", path.display());
        }
        reachable = said.is_ok();
        answer(ticket, said.unwrap_or(Answer::No));
    }
}

/// Sends a question to the thread in [`carry`]; when that is busy the question counts as unheard.
pub(super) fn pass_on(asks: &Sender<(u64, Ask)>, ticket: u64, ask: Ask) -> bool {
    asks.try_send((ticket, ask)).is_ok()
}

/// Asks over the connection that there is, or a new one; it is kept only after an answer that was understood.
fn consult(sky: &mut Option<Sky>, path: &Path, ask: &Ask) -> io::Result<Answer> {
    let mut open = match sky.take() {
        Some(open) => open,
        None => Sky::connect(path)?,
    };
    let answer = understand(ask, open.ask(ask)?)?;
    *sky = Some(open);
    Ok(answer)
}

fn understand(ask: &Ask, reply: Reply) -> io::Result<Answer> {
    let decode = |sky::Down { packet_id, app, data }| match hex::decode(data.as_bytes()) {
        Some(data) => Ok(Down { number: packet_id, app, data }),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, "the data of a packet is not hex")),
    };
    Ok(match ask {
        _ if reply.error.is_some() => Answer::No,
        Ask::Take(_) => Answer::Packet(reply.packet.map(decode).transpose()?),
        _ if reply.ok == Some(true) => Answer::Yes,
        _ => Answer::No,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_understood() {
        let said = |ask: &Ask, line: &str| understand(ask, serde_json::from_str(line).unwrap());
        let (take, arrived) = (Ask::Take(6846), Ask::Arrived(55));
        let packet = Down { number: 55, app: 1000, data: vec![0, 255] };
        let line = r#"{"packet":{"packetId":55,"app":1000,"data":"00ff"}}"#;
        assert_eq!(said(&take, line).unwrap(), Answer::Packet(Some(packet)));
        assert_eq!(said(&take, r#"{"packet":null}"#).unwrap(), Answer::Packet(None));
        assert_eq!(said(&take, r#"{"error":"no"}"#).unwrap(), Answer::No);
        assert_eq!(said(&arrived, r#"{"ok":true}"#).unwrap(), Answer::Yes);
        assert_eq!(said(&arrived, r#"{"ok":false}"#).unwrap(), Answer::No);
        assert!(said(&take, r#"{"packet":{"packetId":55,"app":1000,"data":"0"}}"#).is_err());
    }
}
