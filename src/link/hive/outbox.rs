//! Packets for devices: handed over, found again after doubt, watched until they left.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::api::Trouble;
use super::item::Item;
use super::{HOLDER, Hive, MAX_PAYLOAD};
use crate::address::DeviceId;
use crate::clock::Time;
use crate::fault::Fault;
use crate::link::{Event, Handed, Outgoing, Verdict, Whereabouts};
use crate::message::{Intent, Reference};

/// The clocks of the box and of the Hive may differ by this much.
const SLACK: Duration = Duration::from_secs(600);
/// Packets asked after in one round.
const LOOKS: usize = 20;
/// Longest time between two questions about a packet that waits.
const SELDOM: Duration = Duration::from_secs(300);
/// The Hive lists nothing older.
const KEPT: Duration = Duration::from_secs(30 * 86_400);
/// So many hand-overs are remembered to tell equal payloads apart.
const MAX_TAKEN: usize = 1024;
/// Pages searched for a packet whose hand-over is in doubt.
const MAX_PAGES: usize = 10;
/// Where a packet may stand that was handed over: without the filter (whose default is not documented for this
/// direction), then by status, the likely ones first.
const STATUSES: [Option<i64>; 7] = [None, Some(1), Some(3), Some(2), Some(-3), Some(-4), Some(-1)];

/// The memo of an intent.
#[derive(Serialize, Deserialize)]
struct Memo {
    /// Hash of device and payload.
    hash: String,
    /// Bytes of the payload.
    len: usize,
    /// Packets with the same hash that were taken before: none of them is this one.
    known: Vec<u64>,
}

/// What became of a packet that the Hive took.
enum Fate {
    Held,
    Sent(String),
    GaveUp(String),
    Unlisted,
}

/// The packets that wait for their devices, and the last hand-overs.
pub struct Watch {
    every: Duration,
    waiting: BTreeMap<u64, Waiting>,
    taken: VecDeque<(String, u64)>,
    /// When the last hand-over ended without a clear answer.
    doubt: Option<Instant>,
}

struct Waiting {
    since: Instant,
    due: Instant,
}

impl Watch {
    /// A packet is asked after at most once in `every`.
    pub fn new(every: Duration) -> Self {
        Self { every, waiting: BTreeMap::new(), taken: VecDeque::new(), doubt: None }
    }

    /// How many wait.
    pub fn len(&self) -> u64 {
        u64::try_from(self.waiting.len()).unwrap_or(u64::MAX)
    }

    fn took(&mut self, hash: String, packet: u64) {
        if self.taken.len() == MAX_TAKEN {
            self.taken.pop_front();
        }
        self.taken.push_back((hash, packet));
        self.add(packet);
    }

    fn add(&mut self, packet: u64) {
        let now = Instant::now();
        self.waiting.entry(packet).or_insert(Waiting { since: now, due: now + self.every });
    }

    fn with_hash(&self, hash: &str) -> Vec<u64> {
        self.taken.iter().filter(|(known, _)| known == hash).map(|(_, packet)| *packet).collect()
    }

    /// Those to ask after now, the longest due first.
    fn due(&mut self) -> Vec<u64> {
        self.waiting.retain(|_, waiting| waiting.since.elapsed() < KEPT);
        let now = Instant::now();
        let mut due: Vec<_> = self.waiting.iter().filter(|(_, waiting)| waiting.due <= now).collect();
        due.sort_by_key(|(_, waiting)| waiting.due);
        due.into_iter().take(LOOKS).map(|(packet, _)| *packet).collect()
    }

    /// The older a packet, the less often it is asked after.
    fn later(&mut self, packet: u64) {
        if let Some(waiting) = self.waiting.get_mut(&packet) {
            let gap = (waiting.since.elapsed() / 4).min(SELDOM).max(self.every);
            waiting.due = Instant::now() + gap;
        }
    }
}

impl Hive {
    pub(super) fn intend(&mut self, packet: &Outgoing) -> Result<Intent, Fault> {
        if !(1..=MAX_PAYLOAD).contains(&packet.payload.len()) {
            return Err(Fault::permanent(format_args!("a packet holds 1 to {MAX_PAYLOAD} bytes")));
        }
        let hash = fingerprint(target(packet)?, &packet.payload);
        let memo = Memo { known: self.watch.with_hash(&hash), hash, len: packet.payload.len() };
        let memo = serde_json::to_string(&memo).map_err(Fault::temporary)?;
        Ok(Intent { at: self.clock.now(), memo })
    }

    pub(super) fn hand_over(&mut self, packet: &Outgoing, _intent: &Intent) -> Handed {
        let device = match target(packet) {
            Ok(device) => device,
            Err(fault) => return Handed::Refused(fault),
        };
        let mut message = json!({
            "deviceType": 1,
            "deviceId": device.number(),
            "userApplicationId": self.app,
            "data": STANDARD.encode(&packet.payload),
        });
        if self.organization != 0 {
            message["organizationId"] = self.organization.into();
        }
        match self.guarded(|hive| hive.api.send(&message)) {
            Ok(number) => {
                self.watch.took(fingerprint(device, &packet.payload), number);
                Handed::Taken(reference(number))
            }
            Err(trouble) if trouble.may_have_acted() => {
                self.watch.doubt = Some(Instant::now());
                Handed::Unknown(trouble.fault().why().to_owned())
            }
            Err(trouble) => Handed::Refused(refusal(&trouble, device)),
        }
    }

    pub(super) fn find_out(&mut self, packet: &Outgoing, intent: &Intent) -> Verdict {
        let device = match target(packet) {
            Ok(device) => device,
            Err(fault) => return Verdict::NotTaken(fault.why().to_owned()),
        };
        let found = match self.guarded(|hive| hive.search(device, &packet.payload, intent)) {
            Ok(found) => found,
            Err(trouble) => return Verdict::NotYet(trouble.fault().why().to_owned()),
        };
        if let Some(item) = found {
            self.watch.took(fingerprint(device, &packet.payload), item.packet);
            return match item.status {
                Some(2 | 3) => {
                    self.watch.waiting.remove(&item.packet);
                    Verdict::Sent(reference(item.packet))
                }
                _ => Verdict::Taken(reference(item.packet)),
            };
        }
        let old = self.clock.now().since(intent.at) >= self.limits.settle;
        if old && self.watch.doubt.is_none_or(|doubt| doubt.elapsed() >= self.limits.settle) {
            return Verdict::NotTaken("the Hive does not list it".to_owned());
        }
        Verdict::NotYet("the Hive does not list it yet".to_owned())
    }

    /// Looks for a packet like this that was handed over since the intent and belongs to no other hand-over.
    fn search(&mut self, device: DeviceId, payload: &[u8], intent: &Intent) -> Result<Option<Item>, Trouble> {
        let hash = fingerprint(device, payload);
        let mut others = self.watch.with_hash(&hash);
        if let Ok(memo) = serde_json::from_str::<Memo>(&intent.memo) {
            others.extend(memo.known);
        }
        // A clock that nobody vouches for says nothing about the Hive's times.
        let earliest = if self.clock.believable() { intent.at - SLACK } else { Time(i64::MIN) };
        let app = u64::from(self.app);
        let is_it = |item: &Item| {
            item.device.as_ref() == Ok(&device)
                && item.data.as_deref() == Ok(payload)
                && item.app.is_none_or(|known| known == app)
                && item.status != Some(0)
                && item.received.is_none_or(|at| at >= earliest)
                && !others.contains(&item.packet)
        };
        let mut found = None;
        for status in STATUSES {
            let mut filter = format!("direction=todevice&deviceid={}&userApplicationId={app}", device.number());
            if let Some(status) = status {
                filter.push_str(&format!("&status={status}"));
            }
            let done = self.api.pages(&filter, MAX_PAGES, |items, _| {
                // Newest first: beyond the time of the intent nothing can follow.
                let past = !items.is_empty() && items.iter().all(|item| item.received.is_some_and(|at| at < earliest));
                found = found.take().or_else(|| items.into_iter().find(is_it));
                past || found.is_some()
            });
            match done {
                // A server may not know each of the rarer values of this filter.
                Err(Trouble::Status(400, _)) if status != Some(1) => {}
                Err(trouble) => return Err(trouble),
                Ok(false) => return Err(Trouble::Refused("it lists too many packets for this device".to_owned())),
                Ok(true) if found.is_some() => break,
                Ok(true) => {}
            }
        }
        Ok(found)
    }

    pub(super) fn whereabouts(&mut self, reference: &Reference) -> Whereabouts {
        if reference.holder != HOLDER {
            return Whereabouts::Unknown(format!("{} is no packet of the Hive", reference.holder));
        }
        let packet = reference.number;
        match self.guarded(|hive| hive.fate(packet)) {
            Ok(Fate::Held) => {
                self.watch.add(packet);
                Whereabouts::Held
            }
            Ok(Fate::Sent(_)) => {
                self.watch.waiting.remove(&packet);
                Whereabouts::Sent
            }
            Ok(Fate::GaveUp(why)) => {
                self.watch.waiting.remove(&packet);
                Whereabouts::GaveUp(why)
            }
            Ok(Fate::Unlisted) => Whereabouts::Unknown(format!("the Hive does not list packet {packet}")),
            Err(trouble) => Whereabouts::Unknown(trouble.fault().why().to_owned()),
        }
    }

    /// Asks after packets that wait for their devices.
    pub(super) fn look_after(&mut self) -> Result<(), Trouble> {
        for packet in self.watch.due() {
            let event = match self.fate(packet) {
                Ok(Fate::Sent(note)) => Event::Sent { reference: reference(packet), note },
                Ok(Fate::GaveUp(why)) => Event::Lost { reference: reference(packet), why },
                Ok(Fate::Held | Fate::Unlisted) => {
                    self.watch.later(packet);
                    continue;
                }
                Err(trouble) if trouble.is_general() => return Err(trouble),
                Err(trouble) => {
                    log::warn!("hive: cannot ask after packet {packet}: {}", trouble.fault());
                    self.watch.later(packet);
                    continue;
                }
            };
            self.watch.waiting.remove(&packet);
            self.events.push(event);
        }
        Ok(())
    }

    fn fate(&mut self, packet: u64) -> Result<Fate, Trouble> {
        let (items, _) = self.api.list(&format!("packetid={packet}"))?;
        let Some(item) = items.into_iter().find(|item| item.packet == packet) else { return Ok(Fate::Unlisted) };
        if item.status != Some(-3) {
            return Ok(fate(item.status));
        }
        // Failed and tried again: a new packet of the same message tells how that went.
        let attempts = self.api.attempts(item.message)?;
        let sent = attempts.iter().find(|attempt| matches!(attempt.status, Some(2 | 3)));
        let last = sent.or_else(|| attempts.iter().max_by_key(|attempt| attempt.packet));
        Ok(fate(last.unwrap_or(&item).status))
    }
}

fn fate(status: Option<i64>) -> Fate {
    match status {
        Some(2) => Fate::Sent("on a ground station".to_owned()),
        Some(3) => Fate::Sent("on a satellite".to_owned()),
        Some(-1) => Fate::GaveUp("the Hive reports an error with this packet".to_owned()),
        Some(-4) => Fate::GaveUp("the Hive could not reach the device and gave up".to_owned()),
        _ => Fate::Held,
    }
}

fn target(packet: &Outgoing) -> Result<DeviceId, Fault> {
    packet.device.ok_or_else(|| Fault::permanent("the Hive has to know for which device a packet is"))
}

fn reference(number: u64) -> Reference {
    Reference { holder: HOLDER.to_owned(), number }
}

fn fingerprint(device: DeviceId, payload: &[u8]) -> String {
    let hash = Sha256::new().chain_update(device.number().to_be_bytes()).chain_update(payload).finalize();
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// What a hand-over that certainly had no effect means for this packet.
fn refusal(trouble: &Trouble, device: DeviceId) -> Fault {
    match trouble {
        Trouble::Status(403, text) => Fault::operator(format_args!(
            "device {device} is not two-way enabled or not of this account{text}: \
             check it in the Hive, and m138.app_id and hive.organization here"
        )),
        Trouble::Status(400 | 409 | 413 | 422, text) => {
            Fault::permanent(format_args!("the Hive rejects the packet for device {device}{text}"))
        }
        Trouble::Refused(text) => refused(text),
        trouble => trouble.fault(),
    }
}

/// The texts behind `ERROR` are not documented: told apart by the words that such texts use.
fn refused(text: &str) -> Fault {
    let lower = text.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let why = format!("the Hive refuses the packet: {text}");
    if has(&["temporar", "try again", "later", "busy", "unavailable", "timeout", "queue"]) {
        Fault::Temporary(why)
    } else if has(&[
        "two-way",
        "two way",
        "twoway",
        "permission",
        "authoriz",
        "allowed",
        "account",
        "organi",
        "billing",
    ]) {
        Fault::Operator(why)
    } else {
        Fault::Permanent(why)
    }
}
