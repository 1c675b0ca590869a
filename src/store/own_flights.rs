//! What went up from modems of this box: a ground service that reports these modems, too, brings the box its own packets back,
//! and they are no news from anybody.
//!
//! A packet of the classic coding has no number: another box that has the modem later may send the very same bytes. So what
//! went up answers for one packet that comes back, which is known by its key from then on; only while the modem is here does it
//! answer for every one.
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
/// Milliseconds in which a packet comes back of a modem that is not here any more: it may have waited there for the sky.
const COMES_BACK: i64 = 3 * 86_400_000;
/// Seconds of a day: a link that goes on hearing this box is told in the list of events once in that time.
const DAY: i64 = 86_400;

/// A packet that a modem of this box was given.
#[derive(Debug, Clone, Copy)]
pub struct OwnPacket<'p> {
    /// The modem, by the address that its network has for it.
    pub modem: LinkAddress,
    /// The bytes that went through the air.
    pub payload: &'p [u8],
}

impl OwnPacket<'_> {
    fn named(&self) -> String {
        format!("{}:{}", self.modem, crate::hex::encode(&Sha256::digest(self.payload)[..DIGEST]))
    }

    /// Begin of the rows of hand-overs that did not come back yet; the number of the packet follows.
    fn up(&self) -> String {
        format!("up:{}:", self.named())
    }

    /// The row that says that one came back.
    fn back(&self) -> String {
        format!("back:{}", self.named())
    }
}

/// The row of a packet that was heard, by the key that names it for good.
fn heard(key: &str) -> String {
    format!("own:{key}")
}

fn heard_by(link: LinkId) -> String {
    format!("hears:{link}:")
}

impl Tx<'_> {
    /// Remembers that a modem of this box is given a packet of this number: before the first byte of it leaves.
    pub fn note_flight(&mut self, own: OwnPacket, number: u64, now: Time) -> TxResult<()> {
        self.seen.insert(format!("{}{number:016x}", own.up()).as_str(), now.0)?;
        Ok(())
    }

    /// Notes that a link heard, by this key, what a modem of this box sent. True where that is an event: once a day.
    pub fn heard_itself(&mut self, link: LinkId, (own, key): (OwnPacket, &str), now: Time) -> TxResult<bool> {
        if self.once(&heard(key), now)? {
            let start = own.up();
            let last = self.seen.range(start.as_str()..)?.map_while(Result::ok).map(|row| row.0.value().to_owned());
            let last = last.take_while(|name| name.starts_with(&start)).last();
            if let Some(last) = last {
                self.seen.remove(last.as_str())?;
            }
            self.seen.insert(own.back().as_str(), now.0)?;
        }
        let modem = own.modem;
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
    /// True where what the other side received at this time, and names by this key, is what a modem of this box was given:
    /// because it was so before, or the modem is `here`, or one of these bytes went up some days before and did not come back.
    pub fn is_own_flight(&self, own: OwnPacket, key: &str, received: Time, here: bool) -> TxResult<bool> {
        let (start, table) = (own.up(), schema::SEEN.read(&self.0)?);
        if table.get(heard(key).as_str())?.is_some() || here && table.get(own.back().as_str())?.is_some() {
            return Ok(true);
        }
        for row in table.range(start.as_str()..)? {
            let (name, at) = row?;
            if !name.value().starts_with(&start) {
                break;
            }
            if here || received.0.saturating_sub(at.value()) < COMES_BACK {
                return Ok(true);
            }
        }
        Ok(false)
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
    use crate::store::Store;
    use crate::store::tests::store;

    const DAYS: std::time::Duration = std::time::Duration::from_secs(2 * 86_400);

    const START: Time = Time(1_790_000_000_000);

    fn modem(id: u64) -> LinkAddress {
        LinkAddress::M138(DeviceId::new(id).unwrap())
    }

    fn own(id: u64, payload: &[u8]) -> OwnPacket<'_> {
        OwnPacket { modem: modem(id), payload }
    }

    fn up(store: &Store, number: u64, at: Time) {
        store.write(move |tx| tx.note_flight(own(6846, b"ok"), number, at)).unwrap();
    }

    fn comes(store: &Store, key: &'static str, at: Time, here: bool) -> bool {
        let known = store.read(|view| view.is_own_flight(own(6846, b"ok"), key, at, here)).unwrap();
        if known {
            store.write(move |tx| tx.heard_itself(LinkId::FIRST, (own(6846, b"ok"), key), at)).unwrap();
        }
        known
    }

    #[test]
    fn a_flight_is_known_by_modem_and_bytes_until_it_is_forgotten() {
        let folder = Folder::new();
        let store = store(&folder);
        up(&store, 1, START);
        let known = |id, bytes: &[u8]| store.read(|view| view.is_own_flight(own(id, bytes), "k", START, true)).unwrap();
        assert!(known(6846, b"ok") && !known(6847, b"ok") && !known(6846, b"ok "));
        // Sent once more it is known for as long again.
        up(&store, 1, START + DAYS);
        store.write(move |tx| tx.forget_before(START + DAYS)).unwrap();
        assert!(known(6846, b"ok"));
        store.write(move |tx| tx.forget_before(START + DAYS + DAYS)).unwrap();
        assert!(!known(6846, b"ok"));
    }

    #[test]
    fn the_same_bytes_by_a_modem_that_went_elsewhere_are_somebody_elses() {
        let folder = Folder::new();
        let store = store(&folder);
        // Handed over twice, it is one packet; another one has the same bytes.
        up(&store, 1, START);
        up(&store, 1, START);
        up(&store, 2, START);
        assert!(comes(&store, "a", START, true));
        // The modem is gone: what did not come back yet may still come, and what came may be told once more.
        assert!(comes(&store, "b", START + DAYS, false));
        assert!(comes(&store, "a", START + DAYS, false) && comes(&store, "b", START + DAYS, false));
        assert!(!comes(&store, "c", START + DAYS, false));
        // It is here again: nobody else sends by it.
        assert!(comes(&store, "d", START + DAYS, true));
        assert!(!comes(&store, "e", START + DAYS, false));
        // What never came back is not waited for without end.
        up(&store, 3, START);
        assert!(!comes(&store, "f", START + DAYS + DAYS, false));
        assert!(comes(&store, "f", START + DAYS, false));
    }

    #[test]
    fn a_link_that_hears_this_box_is_an_event_once_a_day() {
        let folder = Folder::new();
        let store = store(&folder);
        let (link, at) = (LinkId::FIRST, START);
        let hear = |now| store.write(move |tx| tx.heard_itself(link, (own(6846, b"ok"), "k"), now)).unwrap();
        assert_eq!([hear(at), hear(at), hear(at + DAYS), hear(at + DAYS)], [true, false, true, false]);
        assert_eq!(store.read(|view| view.events(10)).unwrap().len(), 2);
        let heard = |link, since| store.read(|view| view.hears_itself(link, since)).unwrap();
        assert_eq!((heard(link, at + DAYS), heard(link, at + DAYS + DAYS)), (Some(modem(6846)), None));
        assert_eq!(heard(LinkId(7), at), None);
    }
}
