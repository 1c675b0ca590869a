//! Two boxes that talk: a station and a gateway, with nothing between them but what went on air.

use std::cell::Cell;

use compact::peer::{BundleName, Fate, Peer};

use super::*;
use crate::engine::link::fate::collect;
use crate::engine::link::session;
use crate::settings::Key;

pub(super) struct Pair {
    pub(super) station: Rig,
    pub(super) gateway: Rig,
    /// Packets that were carried from each to the other.
    pub(super) carried: [Cell<usize>; 2],
}

const DEVICE: u64 = 6846;

impl Pair {
    pub(super) fn new() -> Self {
        let pair = Self { station: Rig::new("satellite"), gateway: Rig::new("internet"), carried: Default::default() };
        for rig in [&pair.station, &pair.gateway] {
            rig.context.store.set("air.gather", "0").unwrap();
            rig.context.store.set("relay.host", "relay.example").unwrap();
        }
        pair
    }

    pub(super) fn workers(&self) -> [LinkWorker<'_>; 2] {
        let mut workers = [self.station.worker(), self.gateway.worker()];
        workers[1].driver = row("hive");
        workers
    }

    pub(super) fn write_on_boat(&self, text: &str) -> Id {
        self.station.accept(text)
    }

    pub(super) fn write_ashore(&self, text: &str) -> Id {
        self.write_ashore_to("ben@here.org", text)
    }

    pub(super) fn write_ashore_to(&self, to: &str, text: &str) -> Id {
        let rig = &self.gateway;
        let draft = NewMessage {
            ..NewMessage::new(Origin::Smtp, "mum@else.org".parse().unwrap(), to.parse().unwrap(), text.into())
        };
        let message = rig.context.plan(&rig.context.policy(), draft);
        rig.context.store.put(IncomingMail { messages: vec![message], body: BodyIn::None }).unwrap().ids()[0]
    }

    pub(super) fn turn(&self, workers: &mut [LinkWorker<'_>; 2]) {
        self.ready();
        self.station.turn(&mut workers[0]);
        self.gateway.turn(&mut workers[1]);
    }

    /// The coder is there: turns do not wait for it.
    fn ready(&self) {
        for rig in [&self.station, &self.gateway] {
            while !rig.context.coder().ready() {
                std::thread::yield_now();
            }
        }
    }

    /// A satellite carries what waits, both ways.
    pub(super) fn pass(&self, workers: &mut [LinkWorker<'_>; 2]) {
        self.turn(workers);
        for (from, (sender, receiver)) in
            [(&self.station, &self.gateway), (&self.gateway, &self.station)].into_iter().enumerate()
        {
            sender.fake.sky().pass(true);
            let new: Vec<_> = sender.fake.sky().on_air[self.carried[from].get()..].to_vec();
            for payload in new {
                let number = self.carried[from].get();
                let key = format!("{from}:{number}");
                self.carried[from].set(number + 1);
                receiver.inbound(&key, payload, (from == 0).then_some(DEVICE));
            }
        }
        self.turn(workers);
    }

    /// They know of each other after a message each way.
    pub(super) fn agree(&self, workers: &mut [LinkWorker<'_>; 2]) {
        self.write_on_boat("first from the boat");
        self.pass(workers);
        self.write_ashore("first from the shore");
        self.pass(workers);
        for (rig, device) in [(&self.station, None), (&self.gateway, Some(PeerId(1)))] {
            let peer = rig.context.peer(device).unwrap();
            assert!(rig.context.form(&peer, device).is_some());
        }
    }

    pub(super) fn advance(&self, by: Duration) {
        self.station.clock.advance(by);
        self.gateway.clock.advance(by);
    }

    pub(super) fn arrived_ashore(&self) -> Vec<String> {
        let all = crate::store::ListFilter { origin: Some(Origin::Link), limit: 99, ..Default::default() };
        let mut found = self.gateway.context.store.read(|view| view.list(&all)).unwrap();
        found.reverse();
        found.into_iter().map(|message| message.text).collect()
    }

    pub(super) fn arrived_aboard(&self) -> Vec<String> {
        let mut found = self.station.context.store.read(|view| view.mailbox("anna", None, 99)).unwrap();
        found.reverse();
        found.into_iter().map(|(message, _)| message.text).collect()
    }
}

#[test]
fn two_boxes_agree_share_packets_and_confirm() {
    let pair = Pair::new();
    let mut workers = pair.workers();
    pair.agree(&mut workers);
    let before = pair.carried[0].get();
    let four: Vec<_> = (0..4).map(|n| pair.write_on_boat(&format!("Message {n}\nAll is well on board"))).collect();
    pair.pass(&mut workers);
    assert_eq!(pair.carried[0].get() - before, 1);
    for id in &four {
        let message = pair.station.message(*id);
        assert_eq!((message.state, message.is_final()), (State::Sent, false));
        let account = message.account.unwrap();
        assert_eq!((account.packets, account.messages, account.classic_packets), (1, 4, 1));
        assert!(account.bytes < account.classic_bytes / 2, "{account:?}");
    }
    assert_eq!(
        pair.arrived_ashore()[1..],
        (0..4).map(|n| format!("Message {n}\nAll is well on board")).collect::<Vec<_>>()
    );
    // The receipt rides in the next message the other way.
    pair.write_ashore("Glad to hear it");
    pair.pass(&mut workers);
    for id in &four {
        assert_eq!(pair.station.message(*id).state, State::FarBox);
    }
    assert_eq!(pair.arrived_aboard(), ["first from the shore", "Glad to hear it"]);
    pair.station.books_balance();
    pair.gateway.books_balance();
}

/// A receipt that leaves alone is paid by the box; where the budget is used up it waits for a packet that is paid.
#[test]
fn a_packet_without_messages_is_billed_to_the_box() {
    let pair = Pair::new();
    let mut workers = pair.workers();
    pair.agree(&mut workers);
    let used = || {
        let month = crate::route::price::month(&pair.gateway.context.store.settings(), pair.gateway.context.now());
        let accounts = pair.gateway.context.store.read(|view| view.spent_in(&month)).unwrap();
        accounts.iter().find(|(name, _)| name.is_empty()).map_or(0, |(_, used)| used.packets)
    };
    let messages = used();
    pair.gateway.context.store.set("budget.packets", &messages.to_string()).unwrap();
    pair.gateway.context.store.set("budget.reserve", "0").unwrap();
    pair.write_on_boat("Is this confirmed?");
    pair.pass(&mut workers);
    let sent = pair.carried[1].get();
    pair.advance(Duration::from_secs(25 * 3600));
    pair.pass(&mut workers);
    assert_eq!((pair.carried[1].get(), used()), (sent, messages), "the budget does not allow it");
    pair.gateway.context.store.set("budget.packets", &(messages + 1).to_string()).unwrap();
    pair.pass(&mut workers);
    assert_eq!((pair.carried[1].get(), used()), (sent + 1, messages + 1));
}

#[test]
fn messages_wait_for_each_other_until_the_timer_or_a_satellite() {
    let pair = Pair::new();
    let mut workers = pair.workers();
    pair.agree(&mut workers);
    pair.station.context.store.set("air.gather", "120").unwrap();
    pair.advance(Duration::from_secs(3600));
    let first = pair.write_on_boat("one");
    pair.turn(&mut workers);
    assert_eq!(pair.station.message(first).state, State::Queued);
    assert!(workers[0].gather_until.is_some());
    pair.advance(Duration::from_secs(100));
    let second = pair.write_on_boat("two");
    pair.turn(&mut workers);
    assert_eq!(pair.station.message(first).state, State::Queued);
    pair.advance(Duration::from_secs(21));
    pair.turn(&mut workers);
    for id in [first, second] {
        assert_eq!(pair.station.message(id).state, State::OnLink);
    }
    assert_eq!(pair.station.fake.sky().queue.len(), 1);
    pair.pass(&mut workers);

    // A satellite that is heard ends the wait, and so does the owner.
    pair.advance(Duration::from_secs(3600));
    let third = pair.write_on_boat("three");
    pair.turn(&mut workers);
    assert_eq!(pair.station.message(third).state, State::Queued);
    pair.station.fake.sky().events.push_back(Event::Sample { series: Series::Rssi, value: -100.0 });
    pair.turn(&mut workers);
    assert_eq!(pair.station.message(third).state, State::OnLink);
    pair.advance(Duration::from_secs(3600));
    let fourth = pair.write_on_boat("four");
    pair.turn(&mut workers);
    assert_eq!(pair.station.message(fourth).state, State::Queued);
    actions::apply(&pair.station.context.store, actions::MessageAction::Retry, fourth, "anna").unwrap();
    pair.turn(&mut workers);
    assert_eq!(pair.station.message(fourth).state, State::OnLink);
}

#[test]
fn one_of_a_compact_bundle_is_taken_back_from_the_modem() {
    let pair = Pair::new();
    let mut workers = pair.workers();
    pair.agree(&mut workers);
    let three = ["one", "two", "three"].map(|text| pair.write_on_boat(text));
    pair.turn(&mut workers);
    assert_eq!(pair.station.fake.sky().queue.len(), 1);
    actions::apply(&pair.station.context.store, actions::MessageAction::Cancel, three[1], "anna").unwrap();
    pair.turn(&mut workers);
    pair.pass(&mut workers);
    assert_eq!(pair.arrived_ashore()[1..], ["one", "three"]);
    assert_eq!(pair.station.message(three[1]).state, State::Cancelled);
    pair.write_ashore("answer");
    pair.pass(&mut workers);
    assert_eq!(three.map(|id| pair.station.message(id).state), [State::FarBox, State::Cancelled, State::FarBox]);
}

#[test]
fn what_is_lost_is_repeated_and_arrives_once() {
    let pair = Pair::new();
    let mut workers = pair.workers();
    pair.agree(&mut workers);
    let id = pair.write_on_boat("Do you hear me");
    pair.turn(&mut workers);
    // The satellite acknowledges it, and it is lost beyond that.
    pair.station.fake.sky().pass(true);
    pair.carried[0].set(pair.carried[0].get() + 1);
    pair.turn(&mut workers);
    assert_eq!(pair.station.message(id).state, State::Sent);
    for _ in 0..6 {
        pair.advance(Duration::from_secs(86_400));
        pair.pass(&mut workers);
    }
    assert_eq!(pair.arrived_ashore()[1..], ["Do you hear me"]);
    assert_eq!(pair.station.message(id).state, State::FarBox);
    assert_eq!(pair.station.message(id).bill.unwrap().spent.packets, 1, "the repeat is the box's own");
    let packets = pair.station.context.store.read(move |view| view.packets_of(id)).unwrap();
    let notes: Vec<_> = packets.iter().map(crate::message::words::packet_note).collect();
    let again = |note: &&String| note.starts_with("once more: no receipt came; ");
    assert_eq!((notes.len(), notes.iter().filter(again).count()), (2, 1), "{notes:?}");
    pair.station.bill_is_air();
    pair.gateway.bill_is_air();
    pair.station.books_balance();
}

#[test]
fn without_a_receipt_the_sender_hears_that_it_may_have_arrived() {
    let pair = Pair::new();
    let mut workers = pair.workers();
    pair.agree(&mut workers);
    let id = pair.write_on_boat("Do you hear me");
    for _ in 0..12 {
        pair.turn(&mut workers);
        pair.station.fake.sky().pass(true);
        pair.advance(Duration::from_secs(86_400));
    }
    let message = pair.station.message(id);
    assert_eq!(message.state, State::Unconfirmed);
    assert!(message.reason.to_string().contains("may have arrived"), "{}", message.reason);
    let notices = pair.station.context.store.read(|view| view.mailbox("anna", None, 9)).unwrap();
    assert_eq!(
        (notices[0].0.about, notices[0].0.subject.as_str()),
        (Some(id), "It is not known whether your message arrived")
    );
    assert!(!notices[0].0.text.contains("could not") && !notices[0].0.text.contains("did not arrive"));
    pair.station.books_balance();
}

#[test]
fn a_long_message_goes_in_fragments_and_is_judged_by_what_it_takes() {
    let pair = Pair::new();
    let mut workers = pair.workers();
    pair.agree(&mut workers);
    let text = (0..240_u64).map(|n| format!("{} ", n * n * 7919 % 10_007)).collect::<String>();
    pair.station.context.store.set("air.max_parts", "5").unwrap();
    let id = pair.write_on_boat(&text);
    let message = pair.station.message(id);
    assert_eq!(message.state, State::Queued, "{}", message.reason);
    pair.pass(&mut workers);
    let message = pair.station.message(id);
    let account = message.account.unwrap();
    assert!(account.classic_packets > 5 && (2..=5).contains(&account.packets), "{account:?}");
    assert_eq!(pair.arrived_ashore()[1], text);
    pair.write_ashore("answer");
    pair.pass(&mut workers);
    assert_eq!(pair.station.message(id).state, State::FarBox);
}

#[test]
fn a_box_that_speaks_classic_only_is_left_in_peace() {
    let pair = Pair::new();
    pair.gateway.context.store.set("air.compact", "off").unwrap();
    let mut workers = pair.workers();
    for n in 0..3 {
        pair.write_on_boat(&format!("from the boat {n}"));
        pair.write_ashore(&format!("from the shore {n}"));
        pair.pass(&mut workers);
    }
    assert_eq!(pair.arrived_ashore().len(), 3);
    assert_eq!(pair.arrived_aboard().len(), 3);
    assert!(pair.station.fake.sky().on_air.iter().all(|payload| payload[0] == 8));
    let sent = pair.station.message(Id(1));
    assert!(sent.state == State::Sent && sent.is_final());
    assert_eq!(pair.station.context.store.settings().text(Key::AirCompact), "normal");
}

#[test]
fn two_lives_tell_each_message_once_whatever_the_channel_does() {
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    for round in 0..6 {
        let pair = Pair::new();
        let mut workers = pair.workers();
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for step in 0..40 {
            let text = format!("message {round} {step} {}", "word ".repeat(random(60) as usize));
            match random(8) {
                0 | 1 if up.len() < 10 => up.push((pair.write_on_boat(&text), text)),
                2 if down.len() < 10 => down.push((pair.write_ashore(&text), text)),
                3 => {
                    let end = [End::LostAnswer, End::LostCommand, End::Busy][random(3) as usize];
                    pair.station.fake.sky().ends = VecDeque::from([end]);
                }
                4 => {
                    drop(workers);
                    for rig in [&pair.station, &pair.gateway] {
                        rig.fake.sky().events.retain(|event| matches!(event, Event::Inbound(_)));
                        rig.fake.ready();
                    }
                    workers = pair.workers();
                }
                5 => pair.advance(Duration::from_secs(random(300))),
                6 if !up.is_empty() => {
                    let (id, _) = up[random(up.len() as u64) as usize];
                    let _ = actions::apply(&pair.station.context.store, actions::MessageAction::Cancel, id, "anna");
                }
                _ => pair.pass(&mut workers),
            }
        }
        for _ in 0..24 {
            for rig in [&pair.station, &pair.gateway] {
                rig.fake.sky().ends.clear();
                rig.fake.ready();
            }
            pair.advance(Duration::from_secs(6 * 3600));
            pair.pass(&mut workers);
        }
        let (ashore, aboard) = (pair.arrived_ashore(), pair.arrived_aboard());
        for (id, text) in &up {
            let times = ashore.iter().filter(|other| *other == text).count();
            let message = pair.station.message(*id);
            match message.state {
                State::Cancelled => assert_eq!(times, 0, "round {round}: {message:?}"),
                State::FarBox | State::Sent => assert_eq!(times, 1, "round {round}: {message:?}"),
                _ => panic!("round {round}: {message:?}"),
            }
        }
        for (id, text) in &down {
            let times = aboard.iter().filter(|other| *other == text).count();
            assert_eq!(times, 1, "round {round}: {:?}", pair.gateway.message(*id));
        }
        for rig in [&pair.station, &pair.gateway] {
            rig.bill_is_air();
            rig.books_balance();
        }
    }
}

/// What became of messages is noted for a far box once it can be told; until then it waits where nothing is lost.
#[test]
fn news_for_a_far_box_that_is_owed_many_wait() {
    let pair = Pair::new();
    let mut workers = pair.workers();
    pair.agree(&mut workers);
    pair.write_on_boat("what becomes of it");
    pair.turn(&mut workers);
    pair.station.fake.sky().pass(true);
    let payload = pair.station.fake.sky().on_air.last().unwrap().clone();
    pair.gateway.inbound("news", payload, Some(DEVICE));
    let (_keep, wake) = smol::channel::bounded(1);
    let events = workers[1].link.poll(&wake, Duration::ZERO);
    workers[1].hear_all(events).unwrap();
    workers[1].keep_inbound();
    let context = &pair.gateway.context;
    let waiting = || context.store.read(|view| view.fate_far_boxes()).unwrap();
    let (boat, other) = (Some(PeerId(1)), Some(PeerId(2)));
    assert_eq!(waiting(), ["1"]);
    let before = context.peer(boat).unwrap();
    let now = context.now().0;
    let owe = move |peer: &mut Peer| {
        (0..400).for_each(|name| peer.tell_fate(BundleName(name), 0, Fate::Delivered, now));
    };
    context.store.write(move |tx| session::change(tx, boat, owe)).unwrap();
    assert_eq!(collect(context).unwrap(), []);
    assert_eq!(waiting(), ["1"], "it waits");
    // Another far box does not wait for that.
    let mut theirs = pair.gateway.message(context.store.read(|view| view.fates("1", 1)).unwrap()[0]);
    theirs.came_in.iter_mut().for_each(|came_in| came_in.far_box = other);
    let theirs = IncomingMail { messages: vec![theirs], body: BodyIn::None };
    context.store.write(move |tx| tx.add(&theirs)).unwrap();
    assert_eq!(waiting(), ["1", "2"]);
    collect(context).unwrap();
    assert_eq!(waiting(), ["1"]);
    context.store.write(move |tx| session::put(tx, boat, &before)).unwrap();
    collect(context).unwrap();
    assert_eq!(waiting(), [""; 0]);
}
