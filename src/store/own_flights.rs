//! What went up from modems of this box: a ground service that reports these modems, too, brings the box its own packets back,
//! and they are no news from anybody.
//!
//! It stands among the keys of packets that came in, and is forgotten with them ([`Tx::forget_before`]).

use sha2::{Digest, Sha256};

use super::journal::Event;
use super::schema::{self, Tx, TxResult, View};
use crate::address::LinkAddress;
use crate::clock::Time;
use crate::message::LinkId;
use crate::message::events::EventKind;
use crate::store::schema::Readable;

/// Bytes of a packet's digest: one of 2^64 other packets of the same modem would be taken for it.
const DIGEST: usize = 8;
/// Seconds of a day: a link that goes on hearing this box is told in the list of events once in that time.
const DAY: i64 = 86_400;

fn flight(modem: LinkAddress, payload: &[u8]) -> String {
    format!("up:{modem}:{}", crate::hex::encode(&Sha256::digest(payload)[..DIGEST]))
}

fn heard_by(link: LinkId) -> String {
    format!("hears:{link}:")
}

impl Tx<'_> {
    /// Remembers that a modem of this box is given a packet: before the first byte of it leaves.
    pub fn note_flight(&mut self, modem: LinkAddress, payload: &[u8], now: Time) -> TxResult<()> {
        self.seen.insert(flight(modem, payload).as_str(), now.0)?;
        Ok(())
    }

    /// Notes that a link heard what a modem of this box sent. True where that is an event: once a day.
    pub fn heard_itself(&mut self, link: LinkId, modem: LinkAddress, now: Time) -> TxResult<bool> {
        let (key, name) = (format!("{}{modem}", heard_by(link)), self.links()?.name(link));
        self.seen.insert(key.as_str(), now.0)?;
        let news = self.once(&format!("{key}:{}", now.seconds() / DAY), now)?;
        if news {
            let kind = EventKind::HearsItself { name, modem };
            self.event(&Event { at: now, part: "link".to_owned(), link: Some(link), kind, alarm: true })?;
        }
        Ok(news)
    }
}

impl View {
    /// True where a modem of this box was given a packet of these bytes.
    pub fn is_own_flight(&self, modem: LinkAddress, payload: &[u8]) -> TxResult<bool> {
        Ok(schema::SEEN.read(&self.0)?.get(flight(modem, payload).as_str())?.is_some())
    }

    /// The modem of this box that a link heard since then; the one that was heard last.
    pub fn hears_itself(&self, link: LinkId, since: Time) -> TxResult<Option<LinkAddress>> {
        let (start, table) = (heard_by(link), schema::SEEN.read(&self.0)?);
        let mut last = None;
        for row in table.range(start.as_str()..)? {
            let (key, at) = row?;
            let Some(modem) = key.value().strip_prefix(start.as_str()) else { break };
            // Those with a day behind the modem are for the events.
            let Ok(modem) = modem.parse::<LinkAddress>() else { continue };
            last = last.max(Some((at.value(), modem)).filter(|(at, _)| *at >= since.0));
        }
        Ok(last.map(|(_, modem)| modem))
    }
}
