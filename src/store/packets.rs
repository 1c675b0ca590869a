//! Packets of messages on a link: written before a hand-over, found again by the link's own number.

use redb::ReadableTable;

use super::queue::Lane;
use super::schema::{self, Outcome, Tx, View, json, said};
use crate::fault::Fault;
use crate::message::{Id, Message, Packet, PacketState, Reference};

fn parse(bytes: &[u8]) -> Outcome<Packet> {
    serde_json::from_slice(bytes).or_else(|error| said(Fault::permanent(format!("a packet is unreadable: {error}"))))
}

impl Tx<'_> {
    /// Writes a packet and keeps the index of references true.
    pub fn put_packet(&mut self, packet: &Packet) -> Outcome<()> {
        let key = (packet.message.0, packet.part);
        let old = self.packets.get(key)?.map(|row| parse(row.value())).transpose()?;
        if let Some(old) = old.as_ref().and_then(Packet::reference)
            && packet.reference() != Some(old)
        {
            self.references.remove((old.holder.as_str(), old.number))?;
        }
        if let Some(new) = packet.reference() {
            self.references.insert((new.holder.as_str(), new.number), key)?;
        }
        self.packets.insert(key, json(packet).as_slice())?;
        Ok(())
    }

    /// The packets of a message, in order.
    pub fn packets_of(&self, message: Id) -> Outcome<Vec<Packet>> {
        let range = self.packets.range((message.0, 0)..=(message.0, u16::MAX))?;
        range.map(|row| parse(row?.1.value())).collect()
    }

    /// The packet that a link holds, or held, under this reference.
    pub fn packet_at(&self, reference: &Reference) -> Outcome<Option<Packet>> {
        let Some(key) = self.references.get((reference.holder.as_str(), reference.number))?.map(|row| row.value())
        else {
            return Ok(None);
        };
        self.packets.get(key)?.map(|row| parse(row.value())).transpose()
    }

    pub(super) fn remove_packets(&mut self, message: Id) -> Outcome<()> {
        for packet in self.packets_of(message)? {
            if let Some(reference) = packet.reference() {
                self.references.remove((reference.holder.as_str(), reference.number))?;
            }
            self.packets.remove((message.0, packet.part))?;
        }
        Ok(())
    }

    /// Makes the record of one message, and that of the packets of another, unreadable.
    #[cfg(test)]
    pub fn spoil(&mut self, message: Id, packets: Id) -> Outcome<()> {
        self.messages.insert(message.0, b"{".as_slice())?;
        self.packets.insert((packets.0, 1), b"{".as_slice())?;
        Ok(())
    }

    /// Removes the plan of a message none of whose packets left, so that it can be made anew.
    pub fn drop_plan(&mut self, message: Id) -> Outcome<()> {
        self.remove_packets(message)
    }
}

impl View {
    /// The packets of a message, in order.
    pub fn packets_of(&self, message: Id) -> Outcome<Vec<Packet>> {
        let table = self.0.open_table(schema::PACKETS)?;
        table.range((message.0, 0)..=(message.0, u16::MAX))?.map(|row| parse(row?.1.value())).collect()
    }

    /// Whose packet a link holds, or held, under this reference: message and part.
    pub fn owner(&self, reference: &Reference) -> Outcome<Option<(Id, u16)>> {
        let table = self.0.open_table(schema::REFERENCES)?;
        let row = table.get((reference.holder.as_str(), reference.number))?;
        Ok(row.map(|row| row.value()).map(|(message, part)| (Id(message), part)))
    }

    /// Messages that wait for the link although some of their packets are, or may be, there already. Unreadable records
    /// are left to whoever works on their message.
    pub fn half_handed(&self) -> Outcome<Vec<Message>> {
        let (lane, mut found) = (Lane::Link as u8, Vec::new());
        for row in self.0.open_table(schema::DUE)?.range((lane, i64::MIN, 0)..=(lane, i64::MAX, u64::MAX))? {
            let id = Id(row?.0.value().2);
            let packets = self.packets_of(id).unwrap_or_default();
            if packets.iter().any(|packet| packet.state != PacketState::Planned) {
                found.extend(self.message(id).ok().flatten());
            }
        }
        Ok(found)
    }
}
