//! What the simulated Hive knows: messages, devices, tokens. No sockets.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::clock::{Clock, Time};

/// Largest payload of a packet, in bytes.
pub const MAX_PAYLOAD: usize = 192;
/// Packets older than this are no longer listed.
const KEPT: Duration = Duration::from_secs(30 * 86_400);
/// The organization of the one account.
pub const ORGANIZATION: u64 = 67_028;
/// Packet numbers begin as many hundreds above 0 as seconds have passed since this moment, so that a Hive started
/// anew never gives a number twice.
const NUMBERS_SINCE: i64 = 1_700_000_000;

/// Status of a packet from a device that nobody acknowledged.
pub const NEW: i64 = 0;
/// Status of a packet that waits for its device.
pub const WAITING: i64 = 1;
/// Acknowledged by the customer, or (downlink) on a ground station.
pub const ACKNOWLEDGED: i64 = 2;
/// On a satellite.
pub const ON_SATELLITE: i64 = 3;
/// Failed, and will be tried again as a new packet of the same message.
pub const FAILED: i64 = -3;

/// One packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packet {
    /// Number of the transmission.
    pub packet_id: u64,
    /// Number of what was meant; repetitions share it.
    pub message_id: u64,
    /// Device number.
    pub device: u32,
    /// Application id.
    pub app: u16,
    /// To a device, or from one.
    pub to_device: bool,
    /// Payload in base64, as it was given.
    pub data: String,
    /// See the constants of this module; -1 error, -4 given up.
    pub status: i64,
    /// When the Hive got it.
    pub at: Time,
    /// Number of the packet with which the device acknowledged it; 0 for none.
    pub ack_packet: u64,
    /// The modem's own number of an uplink.
    pub modem_id: Option<u64>,
}

#[derive(Default, Serialize, Deserialize)]
struct Kept {
    next: u64,
    packets: Vec<Packet>,
}

/// All of it.
pub struct State {
    clock: Clock,
    file: Option<PathBuf>,
    kept: Kept,
    /// The two-way enabled devices.
    pub two_way: BTreeSet<u32>,
    tokens: BTreeMap<String, Instant>,
    token_life: Duration,
}

impl State {
    /// A Hive with what the file remembers, if there is one.
    ///
    /// # Errors
    /// When the file is there but cannot be read.
    pub fn new(file: Option<PathBuf>, two_way: BTreeSet<u32>, token_life: Duration) -> io::Result<Self> {
        let clock = Clock::system();
        let first = u64::try_from(clock.now().seconds() - NUMBERS_SINCE).unwrap_or(1) * 100;
        let kept = match file.as_deref().map(std::fs::read) {
            None => Kept { next: first, packets: Vec::new() },
            Some(Ok(bytes)) => serde_json::from_slice(&bytes)?,
            Some(Err(why)) if why.kind() == io::ErrorKind::NotFound => Kept { next: first, packets: Vec::new() },
            Some(Err(why)) => return Err(why),
        };
        Ok(Self { clock, file, kept, two_way, tokens: BTreeMap::new(), token_life })
    }

    /// A new token.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn log_in(&mut self) -> io::Result<String> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let token = crate::hex::encode(&random);
        self.tokens.retain(|_, until| *until > Instant::now());
        self.tokens.insert(token.clone(), Instant::now() + self.token_life);
        Ok(token)
    }

    /// True while a token is good.
    pub fn knows(&self, token: &str) -> bool {
        self.tokens.get(token).is_some_and(|until| *until > Instant::now())
    }

    /// Ends a token.
    pub fn log_out(&mut self, token: &str) {
        self.tokens.remove(token);
    }

    /// Ends all tokens.
    pub fn expire_tokens(&mut self) {
        self.tokens.clear();
    }

    /// A packet came in from a device. The same modem number again, or a given message number, makes a repetition.
    pub fn uplink(&mut self, device: u32, app: u16, data: &[u8], modem_id: Option<u64>, message: Option<u64>) -> u64 {
        let of_modem = |packet: &&Packet| !packet.to_device && packet.device == device && packet.modem_id == modem_id;
        let known = modem_id.and_then(|_| self.kept.packets.iter().find(of_modem)).map(|packet| packet.message_id);
        let data = STANDARD.encode(data);
        self.add(message.or(known), |packet| Packet { device, app, data, status: NEW, modem_id, ..packet })
    }

    /// A packet for a device.
    pub fn downlink(&mut self, device: u32, app: u16, data: String) -> u64 {
        self.add(None, |packet| Packet { device, app, data, status: WAITING, to_device: true, ..packet })
    }

    fn add(&mut self, message: Option<u64>, fill: impl FnOnce(Packet) -> Packet) -> u64 {
        let packet_id = self.kept.next;
        self.kept.next += 1;
        let oldest = self.clock.now() - KEPT;
        self.kept.packets.retain(|packet| packet.at >= oldest);
        self.kept.packets.push(fill(Packet {
            packet_id,
            message_id: message.unwrap_or(packet_id),
            device: 0,
            app: 0,
            to_device: false,
            data: String::new(),
            status: NEW,
            at: self.clock.now(),
            ack_packet: 0,
            modem_id: None,
        }));
        packet_id
    }

    /// Repeats every packet that is not acknowledged, as a device does that heard no acknowledgement.
    pub fn duplicate(&mut self) {
        let again: Vec<_> = self.all().filter(|packet| !packet.to_device && packet.status == NEW).cloned().collect();
        for packet in again {
            self.add(Some(packet.message_id), |new| Packet { packet_id: new.packet_id, at: new.at, ..packet });
        }
    }

    /// All packets, oldest first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Packet> {
        self.kept.packets.iter()
    }

    /// One packet.
    pub fn find(&self, packet_id: u64) -> Option<&Packet> {
        self.all().find(|packet| packet.packet_id == packet_id)
    }

    /// Sets a status; false when there is no such packet. A failed downlink is tried again as a new packet.
    pub fn set_status(&mut self, packet_id: u64, status: i64) -> bool {
        let Some(packet) = self.kept.packets.iter_mut().find(|packet| packet.packet_id == packet_id) else {
            return false;
        };
        packet.status = status;
        let packet = packet.clone();
        if packet.to_device && status == FAILED {
            self.add(Some(packet.message_id), |new| Packet {
                packet_id: new.packet_id,
                at: new.at,
                status: WAITING,
                ..packet
            });
        }
        true
    }

    /// The oldest packet that waits for a device.
    pub fn waiting(&self, device: u32) -> Option<&Packet> {
        self.all().find(|packet| packet.to_device && packet.device == device && packet.status == WAITING)
    }

    /// A packet reached its device: it went over a satellite, and the device acknowledged it.
    pub fn arrived(&mut self, packet_id: u64) -> bool {
        let ack = self.kept.next;
        let mut packets = self.kept.packets.iter_mut();
        let Some(packet) = packets.find(|packet| packet.to_device && packet.packet_id == packet_id) else {
            return false;
        };
        packet.status = ON_SATELLITE;
        packet.ack_packet = ack;
        self.kept.next += 1;
        true
    }

    /// Writes the file: complete, or as it was.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self) -> io::Result<()> {
        let Some(path) = &self.file else { return Ok(()) };
        let beside = path.with_extension("new");
        write_synced(&beside, &serde_json::to_vec(&self.kept)?)?;
        std::fs::rename(&beside, path)
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
