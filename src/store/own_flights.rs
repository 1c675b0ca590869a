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

#[cfg(test)]
mod tests {
    use testing::Folder;

    use super::*;
    use crate::address::DeviceId;
    use crate::store::tests::store;

    const DAYS: std::time::Duration = std::time::Duration::from_secs(2 * 86_400);

    #[test]
    fn a_flight_is_known_by_modem_and_bytes_until_it_is_forgotten() {
        let folder = Folder::new();
        let store = store(&folder);
        let [own, other] = [6846, 6847].map(|id| LinkAddress::M138(DeviceId::new(id).unwrap()));
        let at = Time(1_790_000_000_000);
        store.write(move |tx| tx.note_flight(own, b"ok", at)).unwrap();
        let known = |modem, bytes: &[u8]| store.read(|view| view.is_own_flight(modem, bytes)).unwrap();
        assert!(known(own, b"ok") && !known(other, b"ok") && !known(own, b"ok "));
        // Sent once more it is known for as long again.
        store.write(move |tx| tx.note_flight(own, b"ok", at + DAYS)).unwrap();
        store.write(move |tx| tx.forget_before(at + DAYS)).unwrap();
        assert!(known(own, b"ok"));
        store.write(move |tx| tx.forget_before(at + DAYS + DAYS)).unwrap();
        assert!(!known(own, b"ok"));
    }

    #[test]
    fn a_link_that_hears_this_box_is_an_event_once_a_day() {
        let folder = Folder::new();
        let store = store(&folder);
        let own = LinkAddress::M138(DeviceId::new(6846).unwrap());
        let (link, at) = (LinkId::FIRST, Time(1_790_000_000_000));
        let hear = |now| store.write(move |tx| tx.heard_itself(link, own, now)).unwrap();
        assert_eq!([hear(at), hear(at), hear(at + DAYS), hear(at + DAYS)], [true, false, true, false]);
        assert_eq!(store.read(|view| view.events(10)).unwrap().len(), 2);
        let heard = |link, since| store.read(|view| view.hears_itself(link, since)).unwrap();
        assert_eq!((heard(link, at + DAYS), heard(link, at + DAYS + DAYS)), (Some(own), None));
        assert_eq!(heard(LinkId(7), at), None);
    }
}
