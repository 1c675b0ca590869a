//! Link over the internet: two boxes and one long-lived connection between them, which the station opens.
//!
//! | part | does |
//! |---|---|
//! | [`frame`] | bytes and frames |
//! | [`far_end`] | numbers of packets: what is under way, what came, what a hello settles |
//! | [`questions`] | what the two ask each other of packets that went by other links |
//! | [`session`] | one connection: hello, packets, receipts, signs of life, the end |
//! | [`keep_alive`], [`dial`], [`traffic`] | when to say something, when to call, what it costs |
//! | [`pairing`], [`introduce`] | the short code, and how a station is introduced with it |
//! | [`key`], [`wire`] | keys and TLS; bytes on a socket |
//! | [`hub`], [`lines`] | the thread of all connections, and what it shares with the engine |
//! | this file | the driver |
//!
//! Everything above [`key`] in this table is pure. A packet is *on the link* once this box has it in its hands to write, and
//! *sent* when the far box says that it is committed there: this link never leaves anything unknown for longer than the far
//! box is away.

mod connect;
pub mod dial;
pub mod far_end;
pub mod frame;
#[cfg(fuzzing)]
mod fuzz;
pub mod hub;
pub mod introduce;
pub mod keep_alive;
pub mod key;
pub mod lines;
pub mod pairing;
mod questions;
pub mod session;
#[cfg(test)]
mod tests;
pub mod traffic;
pub mod wire;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use smol::channel::{Receiver, Sender, bounded};
use smol::future::or;

use self::far_end::{FarEnd, Fate, Place};
#[cfg(fuzzing)]
pub use self::fuzz::fuzz;
use self::hub::{Hub, Manner, numbered, reference};
use self::key::BoxKey;
use self::lines::{Lines, Target};
use self::traffic::{Budget, Traffic, Use};
use crate::address::{KeyId, LinkAddress};
use crate::clock::Clock;
use crate::fault::Fault;
use crate::link::callers::Call;
use crate::link::whole::{WholeFrame, Wide};
use crate::link::{Equipment, Event, Health, Link, LinkPacket, PacketStatus, PairedWith, SubmitResult, Token, Verdict};
use crate::message::reason::{LineReason, TrackingReason, Waits};
use crate::message::{Intent, Reason, Reference};
use crate::settings::{Key, Settings};

/// What was written when a connection broke may arrive for so long: the system gives up what is not acknowledged within a
/// minute, and the far box commits it within another. Before the next hello nothing else is said of it, and that tells for certain.
pub const TRANSIT: Duration = Duration::from_secs(120);
/// Packets that this link holds for one far box. More of them under way would not make a line faster.
pub const WINDOW: usize = 64;

/// See [`super::Driver::check`]: whether there is somebody to talk to. Whether the line works is known once the box runs.
pub fn check(settings: &Settings, paired: &[PairedWith]) -> Result<String, Vec<String>> {
    let wanted = Wanted::of(settings);
    let dialled = paired.iter().find(|paired| wanted.key.is_some_and(|key| key == paired.key));
    match (wanted.address.as_str(), dialled) {
        ("", _) if paired.is_empty() => Err(vec![
            "no other box is paired: satpost pair new on the gateway, satpost pair join on the station".to_owned(),
        ]),
        ("", _) if settings.text(Key::IpListen).is_empty() => {
            Ok("it listens for other boxes if systemd passes a socket; otherwise set ip.listen".to_owned())
        }
        ("", _) => Ok(format!("{} other boxes may call", paired.len())),
        (_, None) => Err(vec!["the far box has an address and no key: satpost pair join".to_owned()]),
        (address, Some(paired)) => Ok(format!("{} is called at {address} once the box runs", paired.name)),
    }
}

/// Makes the link; it connects to nobody before it is equipped.
pub fn make(settings: &Settings, clock: &Clock) -> Box<dyn Link> {
    Box::new(Ip::new(settings, clock))
}

/// What the settings ask for.
struct Wanted {
    address: String,
    /// The far box that it dials.
    key: Option<KeyId>,
    metered: bool,
    holds: bool,
    budget: Budget,
    wholes: bool,
}

struct Ip {
    wanted: Wanted,
    clock: Clock,
    work: Option<Work>,
    health: Health,
    /// What keeps it from working at all.
    obstacle: Reason,
    /// What was counted when it was last kept.
    kept: Traffic,
    /// How much of the budget is known to be used, in hundredths: 0, 80 or 100.
    told: u64,
}

/// What a link has while its thread runs.
struct Work {
    hub: Arc<Hub>,
    /// The far box that this box dials.
    target: Option<KeyId>,
    bell: Sender<()>,
    calls: Receiver<Call>,
    thread: Option<JoinHandle<()>>,
}

impl Wanted {
    fn of(settings: &Settings) -> Self {
        let bytes = |key| u64::try_from(settings.number(key)).unwrap_or_default();
        Self {
            address: settings.text(Key::IpAddress).to_owned(),
            key: settings.text(Key::IpKey).parse().ok(),
            metered: settings.on(Key::IpMetered),
            holds: settings.on(Key::IpHold),
            budget: Budget { day: bytes(Key::IpBudgetDay), month: bytes(Key::IpBudgetMonth) },
            wholes: settings.number(Key::IpWhole) > 0,
        }
    }
}

impl Ip {
    fn new(settings: &Settings, clock: &Clock) -> Self {
        let wanted = Wanted::of(settings);
        let (work, obstacle, kept) = (None, LineReason::Starting.into(), Traffic::default());
        Self { wanted, clock: clock.clone(), work, health: Health::default(), obstacle, kept, told: 0 }
    }

    fn begin(&mut self, equipment: &Equipment) -> Result<Work, Fault> {
        let key = BoxKey::read(&equipment.key)?;
        let target = match (&*self.wanted.address, self.wanted.key) {
            ("", _) => None,
            (_, None) => return Err(Fault::operator(LineReason::NoKey)),
            (address, Some(key)) => {
                let known = equipment.paired.iter().find(|paired| paired.key == key);
                let name = known.map_or_else(|| key.groups(), |paired| paired.name.clone());
                Some(Target { key, name, address: address.to_owned() })
            }
        };
        let manner = Manner {
            epoch: equipment.epoch,
            metered: self.wanted.metered,
            budget: self.wanted.budget,
            holds: self.wanted.holds,
            wholes: self.wanted.wholes,
        };
        self.kept = serde_json::from_slice(&equipment.kept).unwrap_or_default();
        let hub = Arc::new(Hub::new(&self.clock, manner, self.kept));
        {
            let mut state = hub.lock();
            for (key, epoch, number) in equipment.taken_in.iter().filter_map(|name| hub::taken_in(name)) {
                state.fars.entry(key).or_default().end = FarEnd::new(epoch, number);
            }
            for paired in &equipment.paired {
                state.fars.entry(paired.key).or_default().name.clone_from(&paired.name);
            }
        }
        let (bell, rung) = bounded(1);
        let calls = equipment.callers.answer();
        let lines = Lines {
            hub: Arc::clone(&hub),
            key,
            target: target.clone(),
            calls: calls.clone(),
            bell: rung,
            ring: bell.clone(),
        };
        let thread = std::thread::Builder::new().name("ip".to_owned()).spawn(move || lines.run());
        let thread = thread.map_err(|error| Fault::temporary(format!("a thread cannot be started: {error}")))?;
        Ok(Work { hub, target: target.map(|target| target.key), bell, calls, thread: Some(thread) })
    }

    /// How the link is doing.
    fn state(&self) -> Health {
        let Some(work) = &self.work else {
            return Health { state: self.obstacle.clone(), ..Health::default() };
        };
        let (used, state) = (work.hub.budget(), work.hub.lock());
        let up = |key: &KeyId| state.fars.get(key).and_then(|far| far.line.as_ref()).filter(|line| line.up.is_some());
        let (all, connected) = (state.fars.len(), state.fars.keys().filter(|key| up(key).is_some()).count());
        let waiting = state.fars.values().map(|far| u64::try_from(far.end.held()).unwrap_or_default()).sum();
        let health = Health { waiting: Some(waiting), ..Health::default() };
        let kilobytes = state.traffic.today / 1000;
        let Some(target) = work.target else {
            let called = LineReason::Called { connected, paired: all, kilobytes };
            let state = if all == 0 { LineReason::NotPaired } else { called };
            return Health { ready: all > 0, state: state.into(), ..health };
        };
        let name = state.fars.get(&target).map(|far| far.name.clone()).unwrap_or_default();
        let line = up(&target);
        let on_demand = (!self.wanted.holds || matches!(used, Use::Over { .. })) && !state.fails();
        let state = match line {
            Some(_) => LineReason::Up { name, kilobytes },
            None => state.dialled.clone().unwrap_or(LineReason::Starting),
        };
        let port = Some(self.wanted.address.clone());
        Health { ready: line.is_some() || on_demand, state: state.into(), port, ..health }
    }

    /// Does something with a far box that is connected now, and wakes its connection; false where there is none.
    fn with_line(&self, device: Option<LinkAddress>, act: impl FnOnce(&mut FarEnd) -> bool) -> bool {
        let (Some(work), Some(key)) = (&self.work, self.far(device)) else { return false };
        let mut state = work.hub.lock();
        let Some(far) = state.fars.get_mut(&key) else { return false };
        let Some(line) = far.line.as_ref().filter(|line| line.up.is_some()) else { return false };
        let done = act(&mut far.end);
        let _ = line.bell.try_send(());
        done
    }

    /// How much of the budget is used, where that is a step further than was told.
    fn spent(&mut self) -> Option<Event> {
        let used = match self.work.as_ref()?.hub.budget() {
            Use::Free => 0,
            Use::Short => 80,
            Use::Over { .. } => 100,
        };
        let before = std::mem::replace(&mut self.told, used);
        (used > before).then_some(Event::Spent(used))
    }

    /// The far box that a packet is for.
    fn far(&self, device: Option<LinkAddress>) -> Option<KeyId> {
        match device {
            None => self.work.as_ref()?.target,
            Some(LinkAddress::Ip(key)) => Some(key),
            Some(_) => None,
        }
    }
}

impl Link for Ip {
    fn equip(&mut self, equipment: &Equipment) {
        match self.begin(equipment) {
            Ok(work) => {
                self.work = Some(work);
                // What an earlier life used was told then.
                self.spent();
            }
            Err(fault) => self.obstacle = fault.reason().clone(),
        }
    }

    fn keep(&mut self) -> Option<Vec<u8>> {
        let traffic = self.work.as_ref()?.hub.lock().traffic;
        (traffic != self.kept).then(|| {
            self.kept = traffic;
            // Four numbers are written without fail.
            serde_json::to_vec(&traffic).unwrap_or_default()
        })
    }

    fn remember(&mut self, taken: &[(Reference, bool)]) {
        let Some(work) = &self.work else { return };
        let mut state = work.hub.lock();
        for (key, number) in taken.iter().filter_map(|(reference, _)| numbered(reference)) {
            state.fars.entry(key).or_default().end.used(number);
        }
    }

    fn reaches(&self, device: Option<LinkAddress>, urgent: bool) -> Result<(), Waits> {
        let (Some(work), Some(key)) = (&self.work, self.far(device)) else { return Err(Waits::NotConnected) };
        let (used, state) = (work.hub.budget(), work.hub.lock());
        let up = state.fars.get(&key).and_then(|far| far.line.as_ref()).is_some_and(|line| line.up.is_some());
        let dialled = work.target == Some(key);
        match used {
            Use::Over { until } if dialled && !urgent => Err(Waits::LineBudget { until }),
            Use::Over { .. } if dialled && (up || !state.fails()) => Ok(()),
            _ if up || dialled && !self.wanted.holds && !state.fails() => Ok(()),
            _ => Err(Waits::NotConnected),
        }
    }

    fn wide(&mut self, device: Option<LinkAddress>, call: bool) -> Wide {
        let (Some(work), Some(key), true) = (&self.work, self.far(device), self.wanted.wholes) else { return Wide::No };
        let (used, mut state) = (work.hub.budget(), work.hub.lock());
        let far = state.fars.entry(key).or_default();
        match far.line.as_ref().filter(|line| line.up.is_some()) {
            // What little may still go is for messages.
            _ if matches!(used, Use::Over { .. }) => Wide::No,
            Some(line) if far.end.takes_wholes() => {
                Wide::Open { connection: line.number, metered: far.end.is_metered() }
            }
            Some(_) => Wide::No,
            None if self.wanted.holds || work.target != Some(key) => Wide::No,
            None => {
                if call {
                    far.end.call();
                    let _ = work.bell.try_send(());
                }
                Wide::Away
            }
        }
    }

    fn far_box_pays(&self, device: Option<LinkAddress>) -> bool {
        let (Some(work), Some(key)) = (&self.work, self.far(device)) else { return false };
        work.hub.lock().fars.get(&key).is_some_and(|far| far.end.is_metered())
    }

    fn bytes_held(&self, device: Option<LinkAddress>) -> Option<usize> {
        let (work, key) = (self.work.as_ref()?, self.far(device)?);
        work.hub.lock().fars.get(&key).map(|far| far.end.bytes_held())
    }

    fn say(&mut self, device: Option<LinkAddress>, frame: WholeFrame) -> bool {
        self.with_line(device, |end| end.say(frame))
    }

    fn ask(&mut self, device: Option<LinkAddress>, names: &[u64]) -> bool {
        self.with_line(device, |end| end.questions.ask(names))
    }

    fn answer(&mut self, device: Option<LinkAddress>, known: Vec<bool>) {
        self.with_line(device, |end| end.questions.answer(known));
    }

    fn poll(&mut self, wake: &Receiver<()>, wait: Duration) -> Vec<Event> {
        let mut events = Vec::new();
        if let Some(work) = &self.work {
            if work.hub.lock().events.is_empty() && rests(wake, Some(work.hub.news()), wait) {
                // Something came in that may wait for this link: a dial need not wait for its time.
                let _ = work.bell.try_send(());
            }
            events.append(&mut work.hub.lock().events);
        } else {
            rests(wake, None, wait);
        }
        events.extend(self.spent());
        let health = self.state();
        if health != self.health {
            self.health = health.clone();
            // After the packets: what the far box told comes before it is given more.
            events.insert(0, Event::Health(health));
        }
        events
    }

    fn prepare(&mut self, packet: &LinkPacket) -> Result<Intent, Fault> {
        let (Some(work), Some(key)) = (&self.work, self.far(packet.device)) else {
            return Err(Fault::temporary(LineReason::NoSuchBox));
        };
        if packet.payload.is_empty() || packet.payload.len() > frame::MAX_PACKET {
            let (bytes, most) = (packet.payload.len(), frame::MAX_PACKET);
            return Err(Fault::refused(TrackingReason::Length { bytes, most }));
        }
        let number = work.hub.lock().fars.entry(key).or_default().end.next_number();
        let reference = reference(key, number);
        // Text and a number are written without fail.
        let memo = serde_json::to_string(&reference).unwrap_or_default();
        Ok(Intent { at: self.clock.now(), memo })
    }

    fn send(&mut self, packet: &LinkPacket, _: &Intent) -> SubmitResult {
        let (Some(work), Some(key)) = (&self.work, self.far(packet.device)) else {
            return SubmitResult::RefusedPacket(Fault::temporary(LineReason::NoSuchBox));
        };
        if self.reaches(packet.device, true).is_err() {
            return SubmitResult::RefusedPacket(Fault::temporary(LineReason::WentAway));
        }
        let mut state = work.hub.lock();
        // A higher number that arrives would stand for what is not there, should this box stop before that is on disk.
        if state.owes_news_of(key) {
            return SubmitResult::RefusedPacket(Fault::temporary(LineReason::WentAway));
        }
        let far = state.fars.entry(key).or_default();
        let number = far.end.take(packet.payload.clone());
        far.end.carry(number, packet.wholes.clone());
        let bell = far.line.as_ref().map_or(&work.bell, |line| &line.bell);
        let _ = bell.try_send(());
        SubmitResult::Taken(reference(key, number))
    }

    fn reconcile(&mut self, _: &LinkPacket, intent: &Intent) -> Verdict {
        let Some(work) = &self.work else { return Verdict::NotYet(LineReason::Starting.into()) };
        let named: Option<Reference> = serde_json::from_str(&intent.memo).ok();
        let Some((named, (key, number))) = named.and_then(|named| Some((named.clone(), numbered(&named)?))) else {
            return Verdict::Unknown(TrackingReason::OtherLink { holder: String::new() }.into());
        };
        let mut state = work.hub.lock();
        let end = &mut state.fars.entry(key).or_default().end;
        end.used(number);
        match end.place(number) {
            Place::Waiting | Place::UnderWay | Place::Settled => Verdict::Taken(named),
            Place::Told(Fate::Arrived) => Verdict::Sent(named),
            Place::Told(_) => Verdict::NotTaken(LineReason::NotThere.into()),
            Place::Unknown => Verdict::NotYet(LineReason::TellsLater.into()),
        }
    }

    fn still_held(&mut self, reference: &Reference) -> PacketStatus {
        let (Some(work), Some((key, number))) = (&self.work, numbered(reference)) else {
            return PacketStatus::Unknown(TrackingReason::OtherLink { holder: reference.holder.clone() }.into());
        };
        let mut state = work.hub.lock();
        let end = &mut state.fars.entry(key).or_default().end;
        end.used(number);
        match end.place(number) {
            // What is settled is told by an event that comes next.
            Place::Waiting | Place::UnderWay | Place::Settled => PacketStatus::Held,
            Place::Told(Fate::Arrived) => PacketStatus::Sent,
            Place::Told(_) => {
                let (reference, why) = (reference.clone(), LineReason::NotThere.into());
                state.events.push(Event::NotTaken { reference, why });
                work.hub.tell();
                PacketStatus::Held
            }
            Place::Unknown => PacketStatus::Unknown(LineReason::TellsLater.into()),
        }
    }

    fn cancel(&mut self, reference: &Reference) -> PacketStatus {
        if let (Some(work), Some((key, number))) = (&self.work, numbered(reference))
            && work.hub.lock().fars.get_mut(&key).is_some_and(|far| far.end.withdraw(number))
        {
            return PacketStatus::Withdrawn;
        }
        match self.still_held(reference) {
            PacketStatus::Held => PacketStatus::Unknown(LineReason::OnItsWay.into()),
            other => other,
        }
    }

    fn confirm(&mut self, token: &Token) -> Result<(), Fault> {
        if let Some(work) = &self.work {
            work.hub.commit(token);
        }
        Ok(())
    }

    fn console(&mut self, _: &str) -> Result<(), Fault> {
        Err(Fault::refused(LineReason::NoConsole))
    }
}

/// Waits for `wake`, for news, or for so long; true when it was `wake`.
fn rests(wake: &Receiver<()>, news: Option<&Receiver<()>>, wait: Duration) -> bool {
    let woken = async {
        // Closed when the box ends.
        let _ = wake.recv().await;
        true
    };
    let told = async {
        match news {
            Some(news) => news.recv().await.is_err(),
            None => smol::future::pending().await,
        }
    };
    let late = async {
        smol::Timer::after(wait).await;
        false
    };
    smol::block_on(or(woken, or(told, late)))
}

impl Drop for Work {
    fn drop(&mut self) {
        {
            let mut state = self.hub.lock();
            state.closing = true;
            for line in state.fars.values().filter_map(|far| far.line.as_ref()) {
                let _ = line.bell.try_send(());
            }
        }
        self.calls.close();
        self.bell.close();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("ip: the thread of the connections had panicked");
        }
    }
}
