//! The link's worker against a link that does whatever the test says, and that knows what went on air.

mod asked;
mod closed;
mod crew;
mod enclosed;
mod groups;
mod incoming;
mod moves;
mod overtaken;
mod peer;
mod recovery;
mod several;
mod totals;
mod turns;
mod unknown;
mod year;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Instant;

use super::*;
use crate::address::LinkAddress;
use crate::clock::Clock;
use crate::coding::classic::{self, Inner, Protocol};
use crate::coding::parts;
use crate::engine::actions;
use crate::engine::link::coders::Coders;
use crate::engine::link::schedule;
use crate::engine::link::track;
use crate::link::{Driver, Inbound, LinkPacket, PacketStatus, SubmitResult, Token, Verdict};
use crate::message::reason::{Acknowledged, DeviceReason, SignalFigures, Waits};
use crate::message::{Id, Intent, Message, Origin, Packet, PacketState, Priority, Reference, State};
use crate::people::{Home, Person};
use crate::route::plan::NewMessage;
use crate::store::{BodyIn, IncomingMail, Store};
use testing::Folder;

/// The row of a driver.
fn row(name: &str) -> &'static Driver {
    crate::link::driver(name).expect("a driver of this name")
}

const START: Time = Time(1_790_000_000_000);

#[derive(Default)]
struct Sky {
    events: VecDeque<Event>,
    /// The other side's queue: number -> payload.
    queue: BTreeMap<u64, Vec<u8>>,
    on_air: Vec<Vec<u8>>,
    next: u64,
    confirmed: Vec<u64>,
    /// The calls that were about hand-overs, in order.
    calls: Vec<&'static str>,
    /// What the next hand-overs end in; `Taken` when empty.
    ends: VecDeque<End>,
    /// What hand-overs with an unknown end really did, by payload.
    verdicts: BTreeMap<Vec<u8>, Verdict>,
    /// The link cannot tell of any hand-over what became of it.
    blind: bool,
    /// The link takes nothing back.
    keeps: bool,
    /// The far box is away.
    away: bool,
    /// It pays for what it gets.
    pays: bool,
    asks: bool,
    asked: Vec<u64>,
    answered: Vec<bool>,
    /// What others do while the next packet is handed over.
    meanwhile: Option<Box<dyn FnOnce() + Send>>,
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    LostAnswer,
    LostCommand,
    Busy,
    Never,
    NotThis,
}

fn reference(number: u64) -> Reference {
    Reference { holder: "m138:0x001abe".into(), number }
}

impl Sky {
    fn take(&mut self, payload: &[u8]) -> u64 {
        self.next += 1;
        self.queue.insert(self.next, payload.to_vec());
        self.next
    }

    /// A satellite passes: everything in the queue is sent.
    fn pass(&mut self, acknowledged: bool) {
        for (number, payload) in std::mem::take(&mut self.queue) {
            self.on_air.push(payload);
            if acknowledged {
                let figures = SignalFigures { rssi: Some(-1000), ..SignalFigures::default() };
                self.events.push_back(Event::Sent { reference: reference(number), how: Acknowledged::Signal(figures) });
            }
        }
    }
}

#[derive(Clone, Default)]
struct Fake(Arc<Mutex<Sky>>);

impl Fake {
    fn sky(&self) -> MutexGuard<'_, Sky> {
        self.0.lock().unwrap()
    }

    fn ready(&self) {
        let health = Health { ready: true, state: DeviceReason::Ready.into(), ..Health::default() };
        self.sky().events.push_back(Event::Health(health));
    }
}

impl Link for Fake {
    fn ask(&mut self, _: Option<LinkAddress>, names: &[u64]) -> bool {
        let mut sky = self.sky();
        let asks = sky.asks;
        sky.asked.extend(names.iter().filter(|_| asks));
        asks
    }

    fn reaches(&self, _: Option<LinkAddress>, _: bool) -> Result<(), Waits> {
        if self.sky().away { Err(Waits::NotConnected) } else { Ok(()) }
    }

    fn far_box_pays(&self, _: Option<LinkAddress>) -> bool {
        self.sky().pays
    }

    fn answer(&mut self, _: Option<LinkAddress>, known: Vec<bool>) {
        self.sky().answered.extend(known);
    }

    fn poll(&mut self, _wake: &Receiver<()>, _wait: Duration) -> Vec<Event> {
        self.sky().events.drain(..).collect()
    }

    fn prepare(&mut self, _packet: &LinkPacket) -> Result<Intent, Fault> {
        let sky = self.sky();
        match sky.ends.front() {
            _ if !sky.verdicts.is_empty() => Err(Fault::temporary("it is not known whether an earlier one was taken")),
            Some(End::Busy) => Err(Fault::temporary("the modem has no GPS time yet")),
            _ => Ok(Intent { at: START, memo: String::new() }),
        }
    }

    fn send(&mut self, packet: &LinkPacket, _intent: &Intent) -> SubmitResult {
        let meanwhile = self.sky().meanwhile.take();
        meanwhile.into_iter().for_each(|act| act());
        let mut sky = self.sky();
        sky.calls.push("send");
        match sky.ends.pop_front() {
            None | Some(End::Busy) => SubmitResult::Taken(reference(sky.take(&packet.payload))),
            Some(End::LostAnswer) => {
                let number = sky.take(&packet.payload);
                if !sky.blind {
                    sky.verdicts.insert(packet.payload.clone(), Verdict::Taken(reference(number)));
                }
                SubmitResult::Unknown(Reason::said("no answer to $TD in 3 s"))
            }
            Some(End::LostCommand) if sky.blind => SubmitResult::Unknown(Reason::said("no answer to $TD in 3 s")),
            Some(End::LostCommand) => {
                sky.verdicts.insert(packet.payload.clone(), Verdict::NotTaken(Reason::said("it never came")));
                SubmitResult::Unknown(Reason::said("no answer to $TD in 3 s"))
            }
            Some(End::NotThis) => SubmitResult::RefusedPacket(Fault::operator("the device is not two-way enabled")),
            Some(End::Never) => SubmitResult::Refused(Fault::permanent("the modem refuses the data")),
        }
    }

    fn reconcile(&mut self, packet: &LinkPacket, _intent: &Intent) -> Verdict {
        let mut sky = self.sky();
        sky.calls.push("reconcile");
        match sky.verdicts.remove(&packet.payload) {
            Some(Verdict::Taken(reference)) if !sky.queue.contains_key(&reference.number) => Verdict::Sent(reference),
            Some(verdict) => verdict,
            None if sky.blind => Verdict::Unknown(Reason::said("its ids do not tell")),
            None => Verdict::NotYet(Reason::said("no evidence yet")),
        }
    }

    fn exclude_match(&mut self, reference: &Reference) {
        let mut sky = self.sky();
        let payload = sky.queue[&reference.number].clone();
        sky.verdicts.insert(payload, Verdict::NotTaken(Reason::said("that was another one")));
    }

    fn still_held(&mut self, reference: &Reference) -> PacketStatus {
        match self.sky().queue.contains_key(&reference.number) {
            true => PacketStatus::Held,
            false => PacketStatus::Sent,
        }
    }

    fn cancel(&mut self, reference: &Reference) -> PacketStatus {
        if self.sky().keeps {
            return PacketStatus::Unknown(Reason::said("it takes nothing back"));
        }
        match self.sky().queue.remove(&reference.number) {
            Some(_) => PacketStatus::Withdrawn,
            None => PacketStatus::Sent,
        }
    }

    fn confirm(&mut self, token: &Token) -> Result<(), Fault> {
        self.sky().confirmed.push(token.0);
        Ok(())
    }

    fn console(&mut self, _line: &str) -> Result<(), Fault> {
        Ok(())
    }
}

/// One coder for all tests: priming it takes a second.
fn coders() -> Coders {
    static CODERS: OnceLock<Coders> = OnceLock::new();
    CODERS.get_or_init(|| Coders::new(&std::env::temp_dir())).clone()
}

struct Rig {
    _folder: Folder,
    clock: Clock,
    context: Context,
    fake: Fake,
    _stop: smol::channel::Sender<()>,
}

impl Rig {
    fn new(reach: &str) -> Self {
        let folder = Folder::new();
        let clock = Clock::fake(START);
        let store = Store::open(&folder, &clock).unwrap();
        for (name, value) in [("box.domain", "here.org"), ("box.reach", reach)] {
            store.set(name, value).unwrap();
        }
        store.add_link("one", if reach == "internet" { "hive" } else { "m138" }, &[]);
        let anna = Person { name: "anna".into(), role: crate::people::Role::Owner, ..Person::default() };
        let ben = Person { name: "ben".into(), home: Home::FarBox, far_box: Some(PeerId(1)), ..Person::default() };
        store
            .write(move |tx| {
                tx.far_box_at("6846".parse().unwrap(), START)?;
                tx.put_person(&anna).and_then(|()| tx.put_person(&ben))
            })
            .unwrap();
        let (stop, stopped) = smol::channel::bounded(1);
        let context = Context {
            store,
            status: crate::status::StatusBoard::default(),
            stop: stopped,
            coders: coders(),
            link: Some(LinkId::FIRST),
            callers: crate::link::callers::Callers::default(),
        };
        let rig = Self { _folder: folder, clock, context, fake: Fake::default(), _stop: stop };
        rig.shown();
        rig.fake.ready();
        rig
    }

    /// The link is among those that are driven, as while its worker runs.
    fn shown(&self) {
        let record = self.context.store.links().get(self.context.link()).unwrap().clone();
        std::mem::forget(Shown::new(&self.context, &record));
    }

    fn accept(&self, text: &str) -> Id {
        let draft = NewMessage {
            author: Some("anna".into()),
            ..NewMessage::new(
                Origin::Smtp,
                "anna@here.org".parse().unwrap(),
                "mum@else.org".parse().unwrap(),
                text.into(),
            )
        };
        let message = self.context.plan(&self.context.policy(), draft);
        self.context.store.put(IncomingMail { messages: vec![message], body: BodyIn::None }).unwrap().ids()[0]
    }

    fn worker(&self) -> LinkWorker<'_> {
        let mut worker = LinkWorker::new(&self.context, row("m138"), Box::new(self.fake.clone()));
        worker.outstanding = OnLink::count(&self.context).unwrap();
        worker
    }

    fn turn(&self, worker: &mut LinkWorker) {
        let (_keep, wake) = smol::channel::bounded(1);
        let events = worker.link.poll(&wake, Duration::ZERO);
        worker.hear_all(events).unwrap();
        worker.turn().unwrap();
    }

    /// Plans a message as it was seen a moment ago, and hands over what the link takes.
    fn plan(&self, worker: &mut LinkWorker, message: &Message) {
        worker.look_around().unwrap();
        if let Some(device) = schedule::far_box(worker.context, message).unwrap() {
            worker.plan(device, std::slice::from_ref(message)).unwrap();
        }
    }

    fn message(&self, id: Id) -> Message {
        self.context.store.message(id).unwrap().unwrap()
    }

    fn inbound(&self, key: &str, payload: Vec<u8>, device: Option<u64>) {
        let device = device.map(|id| id.to_string().parse().unwrap());
        let token = Token(7);
        let packet = Inbound { device, payload, wholes: Vec::new(), key: key.into(), received: None, token };
        self.fake.sky().events.push_back(Event::Inbound(packet));
    }
}

fn packet(text: &str, to: &str, from_device: bool) -> Vec<u8> {
    let inner = Inner { text: text.into(), to: to.into(), protocol: Protocol::Email };
    classic::encode(&classic::Packet { version: 1, from_device, messages: vec![inner] })
}

#[test]
fn a_message_goes_through_all_states() {
    let rig = Rig::new("satellite");
    let mut worker = rig.worker();
    let id = rig.accept("hello");
    rig.turn(&mut worker);
    assert_eq!(rig.message(id).state, State::OnLink);
    rig.fake.sky().pass(true);
    rig.turn(&mut worker);
    let message = rig.message(id);
    assert_eq!(message.state, State::Sent);
    assert_eq!(message.steps.iter().map(|step| step.packets).sum::<u32>(), 1);
    assert!(message.reason.to_string().contains("RSSI"), "{}", message.reason);
    assert_eq!(rig.context.store.ledger().unwrap().packets_sent, 1);
    assert_eq!(worker.outstanding.all(), 0);
}

#[test]
fn a_lost_answer_is_settled_and_nothing_is_sent_twice() {
    for end in [End::LostAnswer, End::LostCommand] {
        let rig = Rig::new("satellite");
        let mut worker = rig.worker();
        rig.fake.sky().ends.push_back(end);
        let id = rig.accept("hello");
        rig.turn(&mut worker);
        assert_eq!(rig.message(id).state, State::Queued);
        rig.clock.advance(Duration::from_secs(5));
        rig.turn(&mut worker);
        assert_eq!(rig.message(id).state, State::OnLink);
        rig.fake.sky().pass(true);
        rig.turn(&mut worker);
        assert_eq!(rig.message(id).state, State::Sent);
        assert_eq!(rig.fake.sky().on_air.len(), 1);
    }
}

/// The link takes nothing while it does not know about an earlier packet: messages that are due must not keep the box
/// from finding that out, before and after a crash.
#[test]
fn a_doubt_is_settled_before_other_messages() {
    for crash in [false, true] {
        let rig = Rig::new("satellite");
        let mut worker = rig.worker();
        let waiting: Vec<_> = (0..BATCH + 4).map(|n| rig.accept(&format!("waits {n}"))).collect();
        rig.fake.sky().ends.push_back(End::LostAnswer);
        rig.turn(&mut worker);
        if crash {
            worker = rig.worker();
            rig.fake.ready();
        }
        rig.clock.advance(Duration::from_secs(5));
        (0..3).for_each(|_| rig.turn(&mut worker));
        assert!(waiting.iter().all(|id| rig.message(*id).state == State::OnLink), "crash: {crash}");
        rig.fake.sky().pass(true);
        assert_eq!(rig.fake.sky().on_air.len(), waiting.len());
    }
}

#[test]
fn a_crash_in_the_middle_of_a_hand_over_is_settled_by_the_next_life() {
    let rig = Rig::new("satellite");
    rig.fake.sky().ends.push_back(End::LostAnswer);
    let id = rig.accept("hello");
    {
        let mut worker = rig.worker();
        rig.turn(&mut worker);
    }
    rig.fake.sky().pass(false);
    rig.fake.ready();
    rig.clock.advance(Duration::from_secs(5));
    let mut worker = rig.worker();
    rig.turn(&mut worker);
    assert_eq!(rig.message(id).state, State::Sent);
    assert_eq!(rig.fake.sky().on_air.len(), 1);
    assert_eq!(worker.outstanding.all(), 0);
}

#[test]
fn an_acknowledgement_that_was_lost_or_doubled_does_no_harm() {
    let rig = Rig::new("satellite");
    let mut worker = rig.worker();
    let (lost, doubled) = (rig.accept("one"), rig.accept("two"));
    rig.turn(&mut worker);
    rig.fake.sky().pass(false);
    for _ in 0..2 {
        rig.fake.sky().events.push_back(Event::Sent { reference: reference(2), how: Acknowledged::OnSatellite });
    }
    rig.turn(&mut worker);
    assert_eq!(rig.message(doubled).state, State::Sent);
    assert_eq!(rig.message(lost).state, State::OnLink);
    rig.clock.advance(track::AGAIN + Duration::from_secs(1));
    rig.turn(&mut worker);
    assert_eq!(rig.message(lost).state, State::Sent);
    assert_eq!(rig.context.store.ledger().unwrap().packets_sent, 2);
}

#[test]
fn what_was_not_sent_yet_can_be_taken_back() {
    let rig = Rig::new("satellite");
    let mut worker = rig.worker();
    let id = rig.accept("hello");
    rig.turn(&mut worker);
    actions::apply(&rig.context.store, actions::MessageAction::Cancel, id, "anna").unwrap();
    rig.turn(&mut worker);
    assert_eq!(rig.message(id).state, State::Cancelled);
    rig.fake.sky().pass(true);
    assert!(rig.fake.sky().on_air.is_empty());
    rig.books_balance();
}

#[test]
fn a_message_whose_time_runs_out_on_the_modem_goes_back_to_its_sender() {
    let rig = Rig::new("satellite");
    let mut worker = rig.worker();
    let id = rig.accept("hello");
    rig.turn(&mut worker);
    rig.clock.advance(Duration::from_secs(5 * 86_400));
    rig.turn(&mut worker);
    assert_eq!(rig.message(id).state, State::Expired);
    let mailbox = rig.context.store.read(|view| view.mailbox("anna", None, 9)).unwrap();
    assert_eq!(mailbox[0].0.about, Some(id));
    assert!(rig.fake.sky().queue.is_empty());
}

#[test]
fn a_link_that_is_not_ready_keeps_messages_in_their_order() {
    let rig = Rig::new("satellite");
    let mut worker = rig.worker();
    rig.fake.sky().ends.push_back(End::Busy);
    let first = rig.accept("one");
    rig.clock.advance(Duration::from_secs(1));
    let second = rig.accept("two");
    rig.turn(&mut worker);
    assert_eq!(rig.message(first).reason.to_string(), "the modem has no GPS time yet");
    rig.fake.sky().ends.clear();
    rig.fake.ready();
    rig.turn(&mut worker);
    let on_air = |id| rig.context.store.read(move |view| view.packets_of(id)).unwrap()[0].reference().unwrap().number;
    assert_eq!((on_air(first), on_air(second)), (1, 2));
}
