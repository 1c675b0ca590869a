//! What came in over a link: keys that were taken, parts that wait for the rest, and what was set aside.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::journal::Event;
use super::schema::{self, Tx, TxResult, View, json};
use crate::clock::Time;
use crate::message::events::{EventKind, SetAside};
use crate::message::reason::Unusable;
use crate::message::{Id, Reason};
use crate::store::schema::Readable;

/// A part of a message from the air, kept until the rest is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartIn {
    /// The text as it came, with its mark.
    pub text: String,
    /// Number of parts of the message.
    pub total: u16,
    /// The number of the far box that it came from; empty for the one by which this box reaches the world.
    pub device: String,
    /// The other end named in the packet.
    pub other: String,
    /// The message of this box that the whole one answers, where this part says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Id>,
    /// When the packet with this part was taken in.
    pub at: Time,
}

/// The parts of one message by number, under the name of their set.
pub type PartSet = (String, Vec<(u16, PartIn)>);

/// Something that could not be used, kept with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// What it came by, such as `link` with the address of a device.
    pub source: String,
    /// Why it could not be used.
    pub why: Reason,
    /// Its bytes as they came, 64 kB at most, in hex.
    pub bytes: String,
    /// When it was put here.
    pub at: Time,
}

/// Items that are kept set aside; then the oldest of the source that has most go, so that a flood from one device leaves what
/// others sent.
const QUARANTINE_MOST: u64 = 1000;
/// Items that go at once when there are too many.
const QUARANTINE_GO: usize = 50;

impl View {
    /// True when the form of this name has made a message.
    pub fn was_sent(&self, form: &str) -> TxResult<bool> {
        let (start, seen) = (format!("form:{form}:"), schema::SEEN.read(&self.0)?);
        let first = seen.range(start.as_str()..)?.next().transpose()?;
        Ok(first.is_some_and(|row| row.0.value().starts_with(&start)))
    }
}

impl Tx<'_> {
    /// Remembers the key of a packet for good; false when it was known.
    pub fn remember(&mut self, key: &str, now: Time) -> TxResult<bool> {
        let new = self.once(key, now)?;
        if new {
            self.ledger.packets_in += 1;
            self.count_packet_in()?;
        }
        Ok(new)
    }

    /// True for a key the first time that it is named.
    pub fn once(&mut self, key: &str, now: Time) -> TxResult<bool> {
        let known = self.seen.insert(key, now.0)?.map(|row| row.value());
        if let Some(first) = known {
            self.seen.insert(key, first)?;
        }
        Ok(known.is_none())
    }

    /// Gives the messages that a form with this one-time name made before; none for a new one.
    pub fn made_by_form(&self, form: &str) -> TxResult<Vec<Id>> {
        let start = format!("form:{form}:");
        let mut ids = Vec::new();
        for row in self.seen.range(start.as_str()..)? {
            let key = row?.0;
            let Some(id) = key.value().strip_prefix(start.as_str()) else { break };
            ids.extend(id.parse::<Id>().ok());
        }
        ids.sort_unstable();
        Ok(ids)
    }

    /// Remembers which messages a form made, so that the same form sent again makes none.
    pub fn form_made(&mut self, form: &str, ids: &[Id], now: Time) -> TxResult<()> {
        ids.iter().try_for_each(|id| self.once(&format!("form:{form}:{id}"), now).map(drop))
    }

    /// Forgets keys older than `limit`; a link's ids repeat only after a year.
    pub fn forget_before(&mut self, limit: Time) -> TxResult<()> {
        self.seen.retain(|_, at| at >= limit.0)?;
        Ok(())
    }

    /// Keeps a part and gives back all parts of its set, by number.
    pub fn put_part(&mut self, set: &str, number: u16, part: &PartIn) -> TxResult<Vec<(u16, PartIn)>> {
        self.parts.insert((set, number), json(part).as_slice())?;
        let range = self.parts.range((set, 0)..=(set, u16::MAX))?;
        let mut all = Vec::new();
        for row in range {
            let (key, bytes) = row?;
            if let Ok(part) = super::schema::record(bytes.value()) {
                all.push((key.value().1, part));
            }
        }
        Ok(all)
    }

    /// Removes a set of parts, as the message is whole or given up.
    pub fn drop_parts(&mut self, set: &str) -> TxResult<()> {
        let numbers: Vec<u16> =
            self.parts.range((set, 0)..=(set, u16::MAX))?.filter_map(Result::ok).map(|row| row.0.value().1).collect();
        for number in numbers {
            self.parts.remove((set, number))?;
        }
        Ok(())
    }

    /// Sets parts aside that cannot be read: the others of their message wait in vain for them otherwise.
    pub fn set_aside_parts(&mut self, at: Time) -> TxResult<()> {
        let mut bad = Vec::new();
        for row in self.parts.iter()? {
            let (key, bytes) = row?;
            if let Err(error) = super::schema::record::<PartIn>(bytes.value()) {
                let (set, number) = key.value();
                let why = Unusable::Part { why: error.to_string() };
                bad.push((set.to_owned(), number, bytes.value().to_vec(), why));
            }
        }
        for (set, number, bytes, why) in bad {
            self.parts.remove((set.as_str(), number))?;
            self.quarantine("store", why.into(), &bytes, at)?;
        }
        Ok(())
    }

    /// Sets something aside with the reason, and says so in the list of events, once an hour for each source.
    pub fn set_aside(&mut self, source: &str, what: SetAside, why: Reason, bytes: &[u8], at: Time) -> TxResult<()> {
        let from = match &what {
            SetAside::Packet(Some(device)) => format!("{source} {device}"),
            _ => source.to_owned(),
        };
        let news = self.quarantine(&from, why.clone(), bytes, at)?;
        let part = if what == SetAside::Text { "text" } else { source };
        match news || matches!(what, SetAside::Message(_)) {
            true => self.event(&Event {
                at,
                part: part.to_owned(),
                link: None,
                kind: EventKind::SetAside { what, why },
                alarm: true,
            }),
            false => Ok(()),
        }
    }

    /// Sets something aside with the reason. True for the first one of its source within an hour: the others are no news.
    pub fn quarantine(&mut self, source: &str, why: Reason, bytes: &[u8], at: Time) -> TxResult<bool> {
        let number = self.ledger.next_event;
        self.ledger.next_event += 1;
        let hex = crate::hex::encode(&bytes[..bytes.len().min(64 * 1024)]);
        let item = Quarantined { source: source.to_owned(), why, bytes: hex, at };
        self.quarantine.insert(number, json(&item).as_slice())?;
        if self.quarantine_len()? > QUARANTINE_MOST {
            self.thin_quarantine(at)?;
        }
        let hour = at.seconds() / 3600;
        self.once(&format!("aside:{source}:{hour}"), at)
    }

    fn thin_quarantine(&mut self, at: Time) -> TxResult<()> {
        let mut by_source: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for row in self.quarantine.iter()? {
            let (number, bytes) = row?;
            let source = super::schema::record::<Quarantined>(bytes.value()).map(|item| item.source);
            by_source.entry(source.unwrap_or_default()).or_default().push(number.value());
        }
        let Some((source, numbers)) = by_source.into_iter().max_by_key(|(_, numbers)| numbers.len()) else {
            return Ok(());
        };
        let going = numbers.len().min(QUARANTINE_GO);
        for number in &numbers[..going] {
            self.quarantine.remove(*number)?;
        }
        let kind = EventKind::QuarantineFull { source, deleted: going };
        log::warn!("store: {kind}");
        if self.once(&format!("thinned:{}", at.seconds() / 86_400), at)? {
            self.event(&Event { at, part: "store".to_owned(), link: None, kind, alarm: true })?;
        }
        Ok(())
    }

    /// Removes items that were set aside before `limit`.
    pub fn drop_aside_before(&mut self, limit: Time) -> TxResult<()> {
        self.quarantine
            .retain(|_, bytes| super::schema::record::<Quarantined>(bytes).is_ok_and(|item| item.at >= limit))?;
        Ok(())
    }

    fn quarantine_len(&self) -> TxResult<u64> {
        Ok(self.quarantine.len()?)
    }
}

impl View {
    /// True for a key that was named before.
    pub fn known(&self, key: &str) -> TxResult<bool> {
        Ok(schema::SEEN.read(&self.0)?.get(key)?.is_some())
    }

    /// Sets of parts whose newest part is older than `limit`: they will not be complete any more. Unreadable parts count
    /// as missing.
    pub fn stale_parts(&self, limit: Time) -> TxResult<Vec<PartSet>> {
        let mut sets: Vec<PartSet> = Vec::new();
        for row in schema::PARTS.read(&self.0)?.iter()? {
            let (key, bytes) = row?;
            let (set, number) = key.value();
            let Ok(part) = super::schema::record::<PartIn>(bytes.value()) else { continue };
            match sets.last_mut().filter(|last| last.0 == set) {
                Some(last) => last.1.push((number, part)),
                None => sets.push((set.to_owned(), vec![(number, part)])),
            }
        }
        sets.retain(|(_, parts)| parts.iter().all(|(_, part)| part.at < limit));
        Ok(sets)
    }

    /// How many things are set aside, and the newest of them; `None` when there are none.
    pub fn set_aside(&self) -> TxResult<Option<(u64, Quarantined)>> {
        let count = schema::QUARANTINE.read(&self.0)?.len()?;
        Ok(self.quarantined(1)?.pop().map(|(_, newest)| (count, newest)))
    }

    /// What was set aside, newest first.
    pub fn quarantined(&self, limit: usize) -> TxResult<Vec<(u64, Quarantined)>> {
        let table = schema::QUARANTINE.read(&self.0)?;
        let mut found = Vec::new();
        for row in table.iter()?.rev().take(limit) {
            let (number, bytes) = row?;
            if let Ok(item) = super::schema::record(bytes.value()) {
                found.push((number.value(), item));
            }
        }
        Ok(found)
    }
}
