//! Packets for devices: submitted, searched for after a lost answer, tracked until they left.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::error::{HiveError, refusal};
use super::item::Item;
use super::{HOLDER, Hive, MAX_PAYLOAD, service};
use crate::address::{DeviceId, LinkAddress};
use crate::clock::Time;
use crate::fault::Fault;
use crate::hex;
use crate::link::{Event, LinkPacket, PacketStatus, SubmitResult, Verdict};
use crate::message::reason::{Acknowledged, TrackingReason};
use crate::message::{Intent, Reason, Reference};

/// The clocks of the box and of the Hive may differ by this much.
const SLACK: Duration = Duration::from_secs(600);
/// Where a packet may stand that was handed over: without the filter (whose default is not documented for this
/// direction), then by status, the likely ones first.
const STATUSES: [Option<i64>; 7] = [None, Some(1), Some(3), Some(2), Some(-3), Some(-4), Some(-1)];

/// What is kept on disk with an intent, to find its packet among others.
#[derive(Default, Serialize, Deserialize)]
struct Memo {
    /// Tells this intent from all others.
    tag: u64,
    /// Packets with the same device and payload that were taken before: none of them is this one.
    known: Vec<u64>,
}

/// What became of a packet that the Hive took.
enum HiveFate {
    Held,
    Sent(Acknowledged),
    GaveUp(TrackingReason),
    Unlisted,
}

impl Hive {
    pub(super) fn intend(&mut self, packet: &LinkPacket) -> Result<Intent, Fault> {
        if !(1..=MAX_PAYLOAD).contains(&packet.payload.len()) {
            let bytes = packet.payload.len();
            return Err(Fault::refused(TrackingReason::Length { bytes, most: MAX_PAYLOAD }));
        }
        let hash = fingerprint(target(packet)?, &packet.payload);
        let mut tag = [0; 8];
        getrandom::fill(&mut tag).map_err(Fault::temporary)?;
        let tag = u64::from_le_bytes(tag);
        let memo = Memo { tag, known: self.watch.with_hash(&hash) };
        let memo = serde_json::to_string(&memo).map_err(Fault::temporary)?;
        Ok(Intent { at: self.clock.now(), memo })
    }

    pub(super) fn hand_over(&mut self, packet: &LinkPacket, intent: &Intent) -> SubmitResult {
        let device = match target(packet) {
            Ok(device) => device,
            Err(fault) => return SubmitResult::Refused(fault),
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
                self.watch.took(fingerprint(device, &packet.payload), memo(intent).tag, number);
                SubmitResult::Taken(reference(number))
            }
            Err(trouble) if trouble.may_have_acted() => {
                self.doubt = Some(Instant::now());
                SubmitResult::Unknown(trouble.fault().reason().clone())
            }
            Err(trouble) => refusal(&trouble, device),
        }
    }

    pub(super) fn find_out(&mut self, packet: &LinkPacket, intent: &Intent) -> Verdict {
        let device = match target(packet) {
            Ok(device) => device,
            Err(fault) => return Verdict::NotTaken(fault.reason().clone()),
        };
        let tag = memo(intent).tag;
        if let Some(number) = self.watch.outcome(tag) {
            return Verdict::Taken(reference(number));
        }
        let settled = self.is_settled(intent);
        let found = match self.guarded(|hive| hive.search(device, &packet.payload, intent)) {
            Ok(found) => found,
            Err(trouble) => return Verdict::NotYet(trouble.fault().reason().clone()),
        };
        if let Some(item) = found {
            self.watch.took(fingerprint(device, &packet.payload), tag, item.packet);
            return match item.status {
                Some(2 | 3) => {
                    self.watch.done(item.packet);
                    Verdict::Sent(reference(item.packet))
                }
                _ => Verdict::Taken(reference(item.packet)),
            };
        }
        match settled {
            true => Verdict::NotTaken(unlisted(true)),
            false => Verdict::NotYet(unlisted(false)),
        }
    }

    /// True when a listing that begins now shows the packet, if the Hive took it.
    fn is_settled(&self, intent: &Intent) -> bool {
        let settle = self.limits.settle;
        self.clock.now().since(intent.at) >= settle && self.doubt.is_none_or(|doubt| doubt.elapsed() >= settle)
    }

    /// Looks for a packet like this that was handed over since the intent and belongs to no other hand-over.
    fn search(&mut self, device: DeviceId, payload: &[u8], intent: &Intent) -> Result<Option<Item>, HiveError> {
        let hash = fingerprint(device, payload);
        let mut others = self.watch.with_hash(&hash);
        others.extend(memo(intent).known);
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
        let until = self.budget();
        for status in STATUSES {
            let mut filter = format!("direction=todevice&deviceid={}&userApplicationId={app}", device.number());
            if let Some(status) = status {
                filter.push_str(&format!("&status={status}"));
            }
            let done = self.api.pages(&filter, until, |items, _| {
                // Newest first: beyond the time of the intent nothing can follow.
                let past = !items.is_empty() && items.iter().all(|item| item.received.is_some_and(|at| at < earliest));
                found = found.take().or_else(|| items.into_iter().find(is_it));
                past || found.is_some()
            });
            match done {
                // A server may not know each of the rarer values of this filter.
                Err(HiveError::Status(400, _)) if status != Some(1) => {}
                Err(trouble) => return Err(trouble),
                Ok(false) => return Err(HiveError::Refused("its list for this device does not end".to_owned())),
                Ok(true) if found.is_some() => break,
                Ok(true) => {}
            }
        }
        Ok(found)
    }

    pub(super) fn packet_status(&mut self, reference: &Reference) -> PacketStatus {
        if reference.holder != HOLDER {
            return PacketStatus::Unknown(TrackingReason::OtherLink { holder: reference.holder.clone() }.into());
        }
        let packet = reference.number;
        match self.guarded(|hive| hive.fate(packet)) {
            Ok(HiveFate::Held) => {
                self.watch.add(packet);
                PacketStatus::Held
            }
            Ok(HiveFate::Sent(_)) => {
                self.watch.done(packet);
                PacketStatus::Sent
            }
            Ok(HiveFate::GaveUp(why)) => {
                self.watch.done(packet);
                PacketStatus::GaveUp(why.into())
            }
            Ok(HiveFate::Unlisted) => PacketStatus::Unknown(unlisted(true)),
            Err(trouble) => PacketStatus::Unknown(trouble.fault().reason().clone()),
        }
    }

    /// Asks after packets that wait for their devices.
    pub(super) fn look_after(&mut self) -> Result<(), HiveError> {
        let until = self.budget();
        for packet in self.watch.due() {
            if Instant::now() >= until {
                break;
            }
            let event = match self.fate(packet) {
                Ok(HiveFate::Sent(how)) => Event::Sent { reference: reference(packet), how },
                Ok(HiveFate::GaveUp(why)) => Event::Lost { reference: reference(packet), why: why.into() },
                Ok(HiveFate::Held | HiveFate::Unlisted) => {
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
            self.watch.done(packet);
            self.events.push(event);
        }
        Ok(())
    }

    fn fate(&mut self, packet: u64) -> Result<HiveFate, HiveError> {
        let (items, _) = self.api.list(&format!("packetid={packet}"))?;
        let Some(item) = items.into_iter().find(|item| item.packet == packet) else { return Ok(HiveFate::Unlisted) };
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

/// What the intent knew; nothing where that cannot be read.
fn memo(intent: &Intent) -> Memo {
    serde_json::from_str(&intent.memo).unwrap_or_default()
}

fn fate(status: Option<i64>) -> HiveFate {
    match status {
        Some(2) => HiveFate::Sent(Acknowledged::OnGround),
        Some(3) => HiveFate::Sent(Acknowledged::OnSatellite),
        Some(-1) => HiveFate::GaveUp(TrackingReason::Failed { service: service() }),
        Some(-4) => HiveFate::GaveUp(TrackingReason::Unreached { service: service() }),
        _ => HiveFate::Held,
    }
}

fn unlisted(settled: bool) -> Reason {
    TrackingReason::NotListed { service: service(), settled }.into()
}

fn target(packet: &LinkPacket) -> Result<DeviceId, Fault> {
    packet.device.and_then(LinkAddress::device).ok_or_else(|| Fault::refused(TrackingReason::NoDevice))
}

fn reference(number: u64) -> Reference {
    Reference { holder: HOLDER.to_owned(), number }
}

fn fingerprint(device: DeviceId, payload: &[u8]) -> String {
    let hash = Sha256::new().chain_update(device.number().to_be_bytes()).chain_update(payload).finalize();
    hex::encode(&hash[..16])
}
