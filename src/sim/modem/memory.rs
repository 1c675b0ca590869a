//! What the modem remembers without power: both message stores, rates, flags and counters.

use serde::{Deserialize, Serialize};

use crate::address::DeviceId;
use crate::clock::Time;

/// Received messages that fit; the manual names no number.
pub(super) const INCOMING_CAPACITY: usize = 1024;
/// Packets of the sky that are recognised when they come again.
const RECOGNISED: usize = 64;

/// The non-volatile memory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    /// Messages made so far by this device; part of their ids.
    counter: u64,
    /// Seconds between unsolicited sentences, in the order of `telemetry::Subject`; 0 is off.
    pub(super) rates: [u32; 6],
    /// `$RD` notifications.
    pub(super) notify: bool,
    /// Mode of GPIO1.
    pub(super) gpio: u8,
    /// To transmit, oldest first.
    pub(super) outgoing: Vec<QueuedPacket>,
    /// Received, oldest first.
    pub(super) incoming: Vec<ReceivedPacket>,
    /// The last packets that the sky handed down, so that none is stored twice.
    taken: Vec<u64>,
    /// Packets that the control socket made.
    local: u64,
}

/// A message that waits for a satellite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct QueuedPacket {
    pub(super) id: u64,
    pub(super) app: u16,
    #[serde(with = "hex_field")]
    pub(super) data: Vec<u8>,
    /// When the host handed it over.
    pub(super) made: Time,
    /// When it is dropped; a factor above 1 brings it closer.
    pub(super) expires: Time,
}

/// A received message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ReceivedPacket {
    pub(super) id: u64,
    pub(super) app: u16,
    #[serde(with = "hex_field")]
    pub(super) data: Vec<u8>,
    pub(super) received: Time,
    pub(super) read: bool,
}

impl Memory {
    /// Puts a message at the end of the queue and names it.
    pub(super) fn queue(&mut self, device: DeviceId, app: u16, data: Vec<u8>, made: Time, expires: Time) -> u64 {
        self.counter += 1;
        let id = device_id(device, made, self.counter);
        self.outgoing.push(QueuedPacket { id, app, data, made, expires });
        id
    }

    /// Stores a packet of the sky; `None` if it is here already.
    pub(super) fn receive(&mut self, packet: u64, app: u16, data: Vec<u8>, now: Time) -> Option<&ReceivedPacket> {
        if self.taken.contains(&packet) {
            return None;
        }
        self.taken.push(packet);
        if self.taken.len() > RECOGNISED {
            self.taken.remove(0);
        }
        let id = network_id(now, packet);
        self.incoming.push(ReceivedPacket { id, app, data, received: now, read: false });
        self.incoming.last()
    }

    /// A number for a packet that no sky has numbered. It stays clear of those that a sky gives, also in the ids.
    pub(super) fn local_number(&mut self) -> u64 {
        self.local += 1;
        (1 << 32) + 0x4000 + self.local % 0x4000
    }

    /// Takes out what has expired and returns the ids.
    pub(super) fn expire(&mut self, now: Time) -> Vec<u64> {
        let gone = self.outgoing.extract_if(.., |message| message.expires <= now).map(|message| message.id);
        gone.collect()
    }

    /// Erases both stores. The counter goes on, so that no id comes twice.
    pub(super) fn erase(&mut self) {
        self.outgoing.clear();
        self.incoming.clear();
    }

    /// Received messages that were not read yet.
    pub(super) fn unread(&self) -> usize {
        self.incoming.iter().filter(|message| !message.read).count()
    }
}

/// Id of a message made by the device, laid out as published ids decode: 0x04, device, day of the year, counter.
fn device_id(device: DeviceId, made: Time, counter: u64) -> u64 {
    0x04 << 40 | u64::from(device.number() & 0xffff) << 24 | day_of_year(made) << 15 | counter & 0x7fff
}

/// Id of a message from the network: 0x14, day of the year, its number.
fn network_id(received: Time, number: u64) -> u64 {
    0x14 << 40 | day_of_year(received) << 15 | number & 0x7fff
}

fn day_of_year(time: Time) -> u64 {
    let date = jiff::Timestamp::from_second(time.seconds()).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
    date.day_of_year().unsigned_abs().into()
}

mod hex_field {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&crate::hex::encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let digits = String::deserialize(from)?;
        crate::hex::decode(digits.as_bytes()).ok_or_else(|| de::Error::custom("payload is not hex"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::sim::device::Backing;

    fn device(id: u64) -> DeviceId {
        DeviceId::new(id).unwrap()
    }

    #[test]
    fn ids_decode_like_the_published_ones() {
        assert_eq!(device_id(device(0x6c0e), Time::from_seconds(1_672_531_200), 111), 4_862_137_892_975);
        assert_eq!(device_id(device(0x072a), Time::from_seconds(1_605_639_598), 145), 4_428_826_476_689);
        assert_eq!(network_id(Time::from_seconds(1_584_494_275), 2), 21_990_235_111_426);
    }

    #[test]
    fn the_queue_keeps_its_order_and_forgets_only_what_expired() {
        let mut memory = Memory::default();
        let ids: Vec<_> =
            (1..=3).map(|n| memory.queue(device(6846), 7, vec![n], Time(0), Time(i64::from(n) * 1000))).collect();
        assert_eq!(memory.expire(Time(1999)), ids[..1]);
        assert_eq!(memory.outgoing.iter().map(|message| message.id).collect::<Vec<_>>(), ids[1..]);
        memory.erase();
        assert!(memory.queue(device(6846), 7, vec![4], Time(0), Time(1)) > ids[2]);
    }

    #[test]
    fn a_packet_that_comes_again_is_stored_once() {
        let mut memory = Memory::default();
        assert!(memory.receive(55, 1, vec![1], Time(0)).is_some());
        assert!(memory.receive(55, 1, vec![1], Time(9)).is_none());
        assert_eq!(memory.unread(), 1);
    }

    #[test]
    fn the_memory_survives_in_its_file() {
        let folder = std::env::temp_dir().join(format!("satpost-memory-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("state");
        let (mut backing, mut memory) = Backing::<Memory>::open(Some(path.clone())).unwrap();
        memory.queue(device(6846), 7, vec![0, 0xff], Time(0), Time(9));
        memory.rates[3] = 60;
        backing.save(&memory).unwrap();
        assert_eq!(Backing::<Memory>::open(Some(path.clone())).unwrap().1, memory);
        fs::write(&path, "{").unwrap();
        assert!(Backing::<Memory>::open(Some(path)).is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}
