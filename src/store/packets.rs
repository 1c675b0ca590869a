//! Packets on a link: written before a hand-over, found again by their messages and by the link's own number.

use std::collections::BTreeMap;

use super::schema::{self, StoreError, Tx, TxResult, View, json, reject};
use crate::address::PeerId;
use crate::clock::Time;
use crate::fault::Fault;
use crate::message::reason::Unusable;
use crate::message::{Id, LinkId, Packet, PacketState, Reason, Reference, Way};
use crate::store::schema::Readable;
use crate::store::table::ReadTable;

/// Packets that are not settled, in the order in which they are worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PacketQueue {
    /// To be handed over, or being handed over, or handed over with an end that is unknown; in the order of their plan.
    Outbox = 0,
    /// The link holds them; ordered by when it is asked after them.
    OnLink = 1,
}

impl PacketQueue {
    fn key(packet: &Packet) -> Option<(u8, i64, u64)> {
        match packet.state {
            PacketState::Planned | PacketState::Handing(_) | PacketState::Unknown(_) => {
                Some((Self::Outbox as u8, 0, packet.number))
            }
            PacketState::Held(_) => Some((Self::OnLink as u8, packet.ask.0, packet.number)),
            PacketState::Sent(_) | PacketState::Gone(_) => None,
        }
    }
}

/// The holder of a reference as it is filed: two links may give the same names.
pub(super) fn holder(link: LinkId, reference: &Reference) -> String {
    format!("{link}/{}", reference.holder)
}

pub(super) fn parse(number: u64, bytes: &[u8]) -> TxResult<Packet> {
    super::schema::record(bytes).or_else(|error| {
        reject(Fault::refused(Unusable::Record { why: format!("packet {number} is unreadable: {error}") }))
    })
}

impl Tx<'_> {
    /// Writes the packets of a new group, gives them their numbers, and gives them back.
    pub fn add_packets(&mut self, packets: &[Packet]) -> TxResult<Vec<Packet>> {
        let group = self.ledger.next_packet;
        let mut added = packets.to_vec();
        for packet in &mut added {
            packet.number = self.ledger.next_packet;
            packet.group = group;
            self.ledger.next_packet += 1;
            for message in &packet.messages {
                self.carried.insert((message.0, packet.number), ())?;
            }
            self.put_packet(packet)?;
        }
        Ok(added)
    }

    /// Writes a packet that has its number, and keeps the indexes true.
    pub fn put_packet(&mut self, packet: &Packet) -> TxResult<()> {
        let old = self.packets.get(packet.number)?.map(|row| parse(packet.number, row.value())).transpose()?;
        if let Some(old) = &old {
            self.unindex(old)?;
        }
        if let Some(new) = packet.reference() {
            self.references.insert((holder(packet.link, new).as_str(), new.number), packet.number)?;
        }
        if let Some(key) = PacketQueue::key(packet) {
            self.open.insert(key, ())?;
        }
        self.packets.insert(packet.number, json(packet).as_slice())?;
        Ok(())
    }

    fn unindex(&mut self, packet: &Packet) -> TxResult<()> {
        if let Some(reference) = packet.reference() {
            self.references.remove((holder(packet.link, reference).as_str(), reference.number))?;
        }
        if let Some(key) = PacketQueue::key(packet) {
            self.open.remove(key)?;
        }
        Ok(())
    }

    /// Finds the packet of this number; `None` when there is none.
    pub fn packet(&self, number: u64) -> TxResult<Option<Packet>> {
        self.packets.get(number)?.map(|row| parse(number, row.value())).transpose()
    }

    /// The packets that carry a message, in the order in which they were planned.
    pub fn packets_of(&self, message: Id) -> TxResult<Vec<Packet>> {
        let numbers = self.numbers_of(message)?;
        let packets = numbers.into_iter().map(|number| self.packet(number)).collect::<TxResult<Vec<_>>>()?;
        Ok(packets.into_iter().flatten().collect())
    }

    fn numbers_of(&self, message: Id) -> TxResult<Vec<u64>> {
        let range = self.carried.range((message.0, 0)..=(message.0, u64::MAX))?;
        range.map(|row| Ok(row?.0.value().1)).collect()
    }

    /// The packet that a link holds, or held, under this reference.
    pub fn packet_at(&self, link: LinkId, reference: &Reference) -> TxResult<Option<Packet>> {
        let key = holder(link, reference);
        let number = self.references.get((key.as_str(), reference.number))?.map(|row| row.value());
        number.map_or(Ok(None), |number| self.packet(number))
    }

    /// All packets of the group that this one belongs to.
    pub fn group_of(&self, packet: &Packet) -> TxResult<Vec<Packet>> {
        let last = packet.group + u64::from(packet.parts.max(1));
        let mut group = Vec::new();
        for number in packet.group..last {
            group.extend(self.packet(number)?.filter(|other| other.group == packet.group));
        }
        Ok(group)
    }

    /// Counts a packet that went on air, and spends what it costs.
    pub fn packet_went(&mut self, packet: &Packet) -> TxResult<()> {
        self.ledger.packets_sent += 1;
        let people = self.spend_packet(packet)?;
        self.count_packet(packet, &people)
    }

    /// Has whoever looks after a queue look at it after the commit.
    pub fn wake(&mut self, way: Way) {
        if !self.after.ways.contains(&way) {
            self.after.ways.push(way);
        }
    }

    /// Puts off, or brings forward, when a link is asked after packets.
    pub fn ask_later(&mut self, numbers: &[u64], at: Time) -> TxResult<()> {
        for number in numbers {
            if let Some(packet) = self.packet(*number)? {
                self.put_packet(&Packet { ask: at, ..packet })?;
            }
        }
        Ok(())
    }

    /// Removes a packet, as if it had never been planned.
    pub fn drop_packet(&mut self, packet: &Packet) -> TxResult<()> {
        self.unindex(packet)?;
        for message in &packet.messages {
            self.carried.remove((message.0, packet.number))?;
        }
        self.packets.remove(packet.number)?;
        Ok(())
    }

    /// All packets that are not settled; unreadable ones are left out.
    pub fn open_packets(&self) -> TxResult<Vec<Packet>> {
        let mut found = Vec::new();
        for row in self.open.iter()? {
            let number = row?.0.value().2;
            match self.packet(number) {
                Err(StoreError::Rejected(_)) => {}
                packet => found.extend(packet?),
            }
        }
        Ok(found)
    }

    /// Takes a message out of its packets; what carries nothing else goes. An unreadable one goes as well.
    pub(super) fn remove_packets(&mut self, message: Id) -> TxResult<()> {
        for number in self.numbers_of(message)? {
            self.carried.remove((message.0, number))?;
            match self.packet(number) {
                Ok(Some(packet)) if packet.messages.iter().all(|id| *id == message || !self.is_kept(*id)) => {
                    self.drop_packet(&packet)?;
                }
                Ok(_) => {}
                Err(StoreError::Rejected(_)) => self.remove_unreadable(number).map(drop)?,
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(())
    }

    fn is_kept(&self, id: Id) -> bool {
        self.messages.get(id.0).is_ok_and(|row| row.is_some())
    }

    /// Takes an unreadable packet out of all tables and gives back its bytes and the messages that were in it.
    fn remove_unreadable(&mut self, number: u64) -> TxResult<(Vec<u8>, Vec<Id>)> {
        let bytes = self.packets.remove(number)?.map(|row| row.value().to_vec()).unwrap_or_default();
        self.open.retain(|key, ()| key.2 != number)?;
        self.references.retain(|_, packet| packet != number)?;
        let mut messages = Vec::new();
        self.carried.retain(|(message, packet), ()| {
            if packet == number {
                messages.push(Id(message));
            }
            packet != number
        })?;
        Ok((bytes, messages))
    }

    /// Moves an unreadable packet out of the way, with the reason, and gives back the messages that were in it.
    pub fn set_aside_packet(&mut self, number: u64, why: Reason, at: Time) -> TxResult<Vec<Id>> {
        let (bytes, messages) = self.remove_unreadable(number)?;
        let _ = self.quarantine("store", why, &bytes, at)?;
        Ok(messages)
    }

    /// Removes packets without messages that were settled before `limit`.
    pub fn prune_packets(&mut self, limit: Time) -> TxResult<()> {
        let mut old = Vec::new();
        for row in self.packets.iter()? {
            let (number, bytes) = row?;
            match parse(number.value(), bytes.value()) {
                Ok(packet) if packet.at >= limit => break,
                Ok(packet) if packet.messages.is_empty() && !packet.is_open() => old.push(packet),
                _ => {}
            }
        }
        old.iter().try_for_each(|packet| self.drop_packet(packet))
    }

    /// Keeps a packet that cannot be read where the link's worker will find it.
    pub(super) fn keep_unreadable(&mut self, message: Id, bytes: &[u8]) -> TxResult<()> {
        let number = self.ledger.next_packet;
        self.ledger.next_packet += 1;
        self.packets.insert(number, bytes)?;
        self.carried.insert((message.0, number), ())?;
        self.open.insert((PacketQueue::Outbox as u8, 0, number), ())?;
        Ok(())
    }

    /// Makes the record of one message, and that of a packet of another, unreadable.
    #[cfg(test)]
    pub fn spoil(&mut self, message: Id, carried: Id) -> TxResult<()> {
        self.messages.insert(message.0, b"{".as_slice())?;
        self.keep_unreadable(carried, b"{")
    }
}

impl View {
    fn packets(&self) -> Result<ReadTable<u64, &'static [u8]>, redb::Error> {
        schema::PACKETS.read(&self.0)
    }

    /// The packets that carry a message, in the order in which they were planned.
    pub fn packets_of(&self, message: Id) -> TxResult<Vec<Packet>> {
        let (packets, carried) = (self.packets()?, schema::CARRIED.read(&self.0)?);
        let mut found = Vec::new();
        for row in carried.range((message.0, 0)..=(message.0, u64::MAX))? {
            let number = row?.0.value().1;
            if let Some(row) = packets.get(number)? {
                found.push(parse(number, row.value())?);
            }
        }
        Ok(found)
    }

    /// All packets of the group that this one belongs to; unreadable ones are left out.
    pub fn group_of(&self, packet: &Packet) -> TxResult<Vec<Packet>> {
        let (packets, mut group) = (self.packets()?, Vec::new());
        for row in packets.range(packet.group..packet.group + u64::from(packet.parts.max(1)))? {
            let (number, bytes) = row?;
            group.extend(parse(number.value(), bytes.value()).ok().filter(|other| other.group == packet.group));
        }
        Ok(group)
    }

    /// The number of the packet that a link holds, or held, under this reference.
    pub fn owner(&self, link: LinkId, reference: &Reference) -> TxResult<Option<u64>> {
        let table = schema::REFERENCES.read(&self.0)?;
        let row = table.get((holder(link, reference).as_str(), reference.number))?;
        Ok(row.map(|row| row.value()))
    }

    /// Packets of a link in a queue that are due, in order; unreadable ones, which name no link, as well.
    pub fn open_on(&self, link: LinkId, queue: PacketQueue, due: Time) -> TxResult<Vec<Result<Packet, (u64, Reason)>>> {
        let mut found = self.open(queue, due)?;
        found.retain(|item| item.as_ref().map_or(true, |packet| packet.link == link));
        Ok(found)
    }

    /// Packets of a queue that are due, in order; unreadable ones as `Err` with their number and the reason.
    pub fn open(&self, queue: PacketQueue, due: Time) -> TxResult<Vec<Result<Packet, (u64, Reason)>>> {
        let (packets, code, mut found) = (self.packets()?, queue as u8, Vec::new());
        for row in schema::OPEN.read(&self.0)?.range((code, i64::MIN, 0)..=(code, due.0, u64::MAX))? {
            let number = row?.0.value().2;
            let packet = match packets.get(number)?.map(|row| parse(number, row.value())) {
                None => Err(Unusable::Nowhere { what: format!("packet {number}") }.into()),
                Some(Err(StoreError::Rejected(fault))) => Err(fault.reason().clone()),
                Some(packet) => Ok(packet?),
            };
            found.push(packet.map_err(|why| (number, why)));
        }
        Ok(found)
    }

    /// When a link is asked after one of its packets next.
    pub fn next_ask(&self, link: LinkId) -> TxResult<Option<Time>> {
        let (code, packets) = (PacketQueue::OnLink as u8, self.packets()?);
        for row in schema::OPEN.read(&self.0)?.range((code, i64::MIN, 0)..=(code, i64::MAX, u64::MAX))? {
            let (_, at, number) = row?.0.value();
            let packet = packets.get(number)?.map(|row| parse(number, row.value())).transpose();
            // An unreadable one is set aside by whoever looks first.
            if packet.map_or(true, |packet| packet.is_some_and(|packet| packet.link == link)) {
                return Ok(Some(Time(at)));
            }
        }
        Ok(None)
    }

    /// The last packets that a link took, the newest first, with its names for them; true: it has left.
    pub fn last_references(&self, link: LinkId, most: usize) -> TxResult<Vec<(Reference, bool)>> {
        let mut found = Vec::new();
        for row in self.packets()?.iter()?.rev() {
            let (number, bytes) = row?;
            // An unreadable one is set aside by who works on it.
            let Ok(packet) = parse(number.value(), bytes.value()) else { continue };
            let reference = packet.reference().filter(|_| packet.link == link);
            found.extend(reference.map(|reference| (reference.clone(), !packet.is_open())));
            if found.len() >= most {
                break;
            }
        }
        Ok(found)
    }

    /// How many packets a link holds for each far box, `None` for the one by which this box reaches the world. Unreadable ones are
    /// left out.
    pub fn on_link(&self, link: LinkId) -> TxResult<BTreeMap<Option<PeerId>, usize>> {
        let mut counts = BTreeMap::new();
        for packet in self.open_on(link, PacketQueue::OnLink, Time::NEVER)?.into_iter().flatten() {
            *counts.entry(packet.far_box).or_default() += 1;
        }
        Ok(counts)
    }
}
