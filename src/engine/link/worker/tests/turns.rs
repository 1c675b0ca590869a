//! Whose turn it is: far boxes do not wait for each other, urgent messages do not wait for others, and what waits says why.

use super::*;
use crate::message::Terms;
use crate::message::reason::{Acknowledged, Waits};

/// A gateway with people on several devices.
fn shore(people: u64) -> Rig {
    let rig = Rig::new("internet");
    rig.context.store.change_link(LinkId::FIRST, |link| link.driver = "hive".into());
    for number in 1..=people {
        let write = move |tx: &mut crate::store::Tx| {
            let far_box = Some(tx.far_box_at(number.to_string().parse().unwrap(), START)?);
            let name = format!("p{number}");
            tx.put_person(&Person { name, home: Home::FarBox, far_box, ..Person::default() })
        };
        rig.context.store.write(write).unwrap();
    }
    rig
}

impl Rig {
    fn hive(&self) -> LinkWorker<'_> {
        let mut worker = LinkWorker::new(&self.context, row("hive"), Box::new(self.fake.clone()));
        worker.outstanding = OnLink::count(&self.context).unwrap();
        worker
    }

    fn write_to(&self, to: &str, text: &str, priority: Priority) -> Id {
        let draft = NewMessage {
            author: Some("anna".into()),
            terms: Terms { priority, ..Terms::default() },
            ..NewMessage::new(Origin::Web, "anna@here.org".parse().unwrap(), to.parse().unwrap(), text.into())
        };
        let message = self.context.plan(&self.context.policy(), draft);
        self.context.store.put(IncomingMail { messages: vec![message], body: BodyIn::None }).unwrap().ids()[0]
    }

    /// The texts that the other side got, in the order in which it got them.
    fn handed(&self) -> Vec<String> {
        let text = |payload: &Vec<u8>| classic::decode(payload).unwrap().messages[0].text.clone();
        self.fake.sky().queue.values().map(text).collect()
    }

    /// What waits has a time in the future.
    fn no_time_is_past(&self) {
        let all = self.context.store.read(|view| view.past(10_000)).unwrap();
        for message in all.iter().filter(|message| !message.is_final()) {
            assert!(message.next > self.clock.now(), "{}: {} at {}", message.id, message.reason, message.next);
        }
    }
}

#[test]
fn far_boxes_take_turns() {
    let rig = shore(3);
    for n in 0..40 {
        rig.write_to("p1@here.org", &format!("one {n}"), Priority::Normal);
    }
    rig.write_to("p2@here.org", "two", Priority::Normal);
    rig.write_to("p3@here.org", "three", Priority::Urgent);
    let mut worker = rig.hive();
    rig.turn(&mut worker);
    assert_eq!(rig.handed()[..4], ["three", "one 0", "two", "one 1"].map(str::to_owned));
}

#[test]
fn a_silent_far_box_keeps_nobody_waiting() {
    let rig = shore(2);
    let window = (row("hive").window)(&rig.context.store.settings());
    let silent: Vec<_> =
        (0..2 * window).map(|n| rig.write_to("p1@here.org", &format!("one {n}"), Priority::Normal)).collect();
    let mut worker = rig.hive();
    while worker.outstanding.all() < window {
        rig.turn(&mut worker);
    }
    let other = rig.write_to("p2@here.org", "two", Priority::Normal);
    rig.turn(&mut worker);
    assert_eq!(rig.message(other).state, State::OnLink);
    let device = "1".parse().ok();
    for id in &silent[window..] {
        assert_eq!(rig.message(*id).reason, Waits::FarBox { device, packets: window }.into());
    }
    rig.no_time_is_past();
    let shown = rig.context.status.facts().links[&LinkId::FIRST].silent.clone();
    let shown: Vec<_> = shown.iter().map(|box_| (box_.device.as_str(), box_.on_link, box_.waiting)).collect();
    assert_eq!(shown, [("0x000001", window, window)]);
    assert!(rig.context.status.facts().links[&LinkId::FIRST].silent[0].words().contains("device 0x000001 of p1"));
    // One that leaves makes room for one.
    rig.fake.sky().queue.remove(&1);
    rig.fake.sky().events.push_back(Event::Sent { reference: reference(1), how: Acknowledged::OnSatellite });
    rig.turn(&mut worker);
    assert_eq!(rig.message(silent[window]).state, State::OnLink);
    assert_eq!(rig.message(silent[window + 1]).state, State::Queued);
}

#[test]
fn what_the_link_refuses_for_one_far_box_stops_no_other() {
    let rig = shore(2);
    let first = rig.write_to("p1@here.org", "one", Priority::Normal);
    let second = rig.write_to("p1@here.org", "another", Priority::Normal);
    let other = rig.write_to("p2@here.org", "two", Priority::Normal);
    rig.fake.sky().ends.push_back(End::NotThis);
    let mut worker = rig.hive();
    rig.turn(&mut worker);
    assert_eq!(rig.message(other).state, State::OnLink);
    assert_eq!(rig.message(first).reason.to_string(), "the device is not two-way enabled");
    assert!(
        rig.message(second).reason.to_string().contains("refused another message"),
        "{}",
        rig.message(second).reason
    );
    rig.no_time_is_past();
    rig.clock.advance(Duration::from_secs(6));
    rig.turn(&mut worker);
    assert_eq!([first, second].map(|id| rig.message(id).state), [State::OnLink; 2]);
}

#[test]
fn what_waits_says_for_what() {
    let rig = shore(2);
    let mut worker = rig.hive();
    let id = rig.write_to("p1@here.org", "one", Priority::Normal);
    let told = |worker: &mut LinkWorker, end: Option<End>, words: &str| {
        rig.fake.sky().ends.extend(end);
        rig.turn(worker);
        let message = rig.message(id);
        assert!(message.reason.to_string().contains(words), "{} for '{words}'", message.reason);
        rig.no_time_is_past();
    };
    rig.fake.sky().events.clear();
    told(&mut worker, None, "the link, which is not ready");
    // A reason of somebody's act does not stand for what it waits for.
    actions::apply(&rig.context.store, actions::MessageAction::Retry, id, "anna").unwrap();
    rig.clock.advance(Duration::from_secs(21));
    told(&mut worker, None, "the link, which is not ready");
    rig.fake.ready();
    told(&mut worker, Some(End::Busy), "the modem has no GPS time yet");
    let health = Health { ready: false, state: Reason::said("gone"), ..Health::default() };
    rig.fake.sky().events.push_back(Event::Health(health));
    told(&mut worker, None, "the link, which is not ready");
    let steps = rig.message(id).steps.len();
    for _ in 0..5 {
        rig.fake.ready();
        told(&mut worker, None, "the modem has no GPS time yet");
        rig.fake.sky().events.push_back(Event::Health(Health::default()));
        told(&mut worker, None, "the link, which is not ready");
    }
    assert_eq!(rig.message(id).steps.len(), steps, "the time line names each fact once");
    // Its time comes and goes, whatever the link does.
    rig.clock.advance(Duration::from_secs(4 * 3600));
    crate::engine::housekeeping::timed(&rig.context).unwrap();
    assert!(rig.message(id).delay_told);
    told(&mut worker, None, "the link, which is not ready");
    crate::engine::link::explain::without_link(&rig.context).unwrap();
    assert!(rig.message(id).reason.to_string().contains("this box has none"));
    rig.no_time_is_past();
}

#[test]
fn an_urgent_message_goes_before_what_the_link_can_give_back() {
    let rig = Rig::new("satellite");
    let mut worker = rig.worker();
    for n in 0..25 {
        rig.write_to("mum@else.org", &format!("normal {n}"), Priority::Normal);
    }
    rig.turn(&mut worker);
    assert_eq!(rig.fake.sky().queue.len(), 25);
    let urgent = rig.write_to("mum@else.org", "urgent", Priority::Urgent);
    rig.turn(&mut worker);
    rig.turn(&mut worker);
    let handed = rig.handed();
    assert_eq!((handed.len(), handed[0].as_str(), handed[1].as_str()), (26, "urgent", "normal 0"));
    assert_eq!(rig.message(urgent).state, State::OnLink);
    rig.fake.sky().pass(true);
    rig.turn(&mut worker);
    assert_eq!(rig.fake.sky().on_air.len(), 26);
    assert_eq!((1..=26).filter(|id| rig.message(Id(*id)).state == State::Sent).count(), 26);
    assert_eq!(worker.outstanding.all(), 0);
    rig.books_balance();
}

/// A box that stops while it takes packets back does not know which of them were sent: it does not say so, and sends none
/// twice.
#[test]
fn what_was_being_taken_back_is_not_called_sent() {
    let rig = Rig::new("satellite");
    let mut worker = rig.worker();
    let [there, gone] = ["there", "gone"].map(|text| rig.write_to("mum@else.org", text, Priority::Normal));
    rig.turn(&mut worker);
    drop(worker);
    for id in [there, gone] {
        let packet = rig.context.store.read(|view| view.packets_of(id)).unwrap().remove(0);
        let packet = Packet { taking_back: true, ..packet };
        rig.context.store.write(move |tx| tx.put_packet(&packet)).unwrap();
    }
    // The command for one of them was the last that happened.
    rig.fake.sky().queue.remove(&2);
    rig.fake.ready();
    rig.fake.sky().blind = true;
    let mut worker = rig.worker();
    rig.turn(&mut worker);
    let unknown = rig.message(gone);
    assert_eq!(unknown.state, State::OnLink);
    assert!(unknown.reason.to_string().contains("being taken back"), "{}", unknown.reason);
    rig.fake.sky().pass(true);
    rig.turn(&mut worker);
    assert_eq!([there, gone].map(|id| rig.message(id).state), [State::Sent, State::OnLink]);
    assert_eq!((rig.handed().len(), rig.fake.sky().on_air.len(), worker.outstanding.all()), (0, 1, 0));
}

impl Rig {
    /// The next round of what looks after held messages.
    fn judge(&self) {
        crate::engine::judge::HeldMessages::default().judge(&self.context).unwrap();
    }

    fn held_for(&self, id: Id, words: &str) {
        let message = self.message(id);
        assert_eq!(message.state, State::Held, "{}", message.reason);
        assert!(message.reason.to_string().contains(words), "{}", message.reason);
        self.no_time_is_past();
    }
}

#[test]
fn what_a_budget_holds_goes_on_in_the_next_month() {
    let rig = shore(1);
    for (name, value) in [("budget.packets", "1"), ("budget.reserve", "0")] {
        rig.context.store.set(name, value).unwrap();
    }
    let first = rig.write_to("p1@here.org", "one", Priority::Normal);
    let held = rig.write_to("p1@here.org", "two", Priority::Normal);
    rig.held_for(held, "1 of 1 packets of this month are used");
    let mut worker = rig.hive();
    rig.turn(&mut worker);
    rig.fake.sky().pass(true);
    rig.turn(&mut worker);
    assert_eq!(rig.message(first).state, State::Sent);
    // The clock of these tests begins on 21 September.
    for day in 0..9 {
        rig.clock.advance(Duration::from_secs(86_400));
        crate::engine::housekeeping::held(&rig.context).unwrap();
        assert_eq!(rig.message(held).state, State::Held, "day {day}: {}", rig.message(held).reason);
        rig.no_time_is_past();
    }
    rig.clock.advance(Duration::from_secs(86_400));
    crate::engine::housekeeping::held(&rig.context).unwrap();
    rig.turn(&mut worker);
    assert_eq!(rig.message(held).state, State::OnLink, "{}", rig.message(held).reason);
}

#[test]
fn a_change_of_limits_and_prices_judges_what_waits() {
    let rig = shore(1);
    let mut worker = rig.hive();
    rig.fake.sky().events.clear();
    let set = |name: &str, value: &str| rig.context.store.set(name, value).unwrap();
    set("air.max_parts", "1");
    let long = rig.write_to("p1@here.org", &"word ".repeat(60), Priority::Normal);
    rig.held_for(long, "needs 2 packets, and 1 are allowed");
    set("air.max_parts", "2");
    rig.judge();
    assert_eq!(rig.message(long).state, State::Queued);
    set("air.max_parts", "1");
    rig.turn(&mut worker);
    rig.held_for(long, "needs 2 packets, and 1 are allowed");
    set("air.max_parts", "9");
    rig.judge();
    assert!(!rig.message(long).released, "nobody released it");
    // Another price is reserved, and may be too much.
    set("link.price", "0.10");
    rig.turn(&mut worker);
    assert_eq!(rig.message(long).bill.unwrap().reserved.money.to_string(), "0.20");
    set("budget.money", "0.30");
    set("budget.reserve", "0");
    set("link.price", "0.20");
    rig.turn(&mut worker);
    rig.held_for(long, "0.00 of 0.30 of this month are spent");
    assert_eq!(rig.context.store.read(|view| view.reserved()).unwrap()[""], crate::money::Use::default());
    set("link.price", "0.05");
    rig.judge();
    assert_eq!(rig.message(long).state, State::Queued, "{}", rig.message(long).reason);
}

#[test]
fn a_change_of_lists_judges_what_waits() {
    let rig = shore(1);
    rig.context.store.change_link(LinkId::FIRST, |link| link.driver = "hive".into());
    let mut worker = rig.hive();
    rig.fake.sky().events.clear();
    let strangers = |from: &str| {
        let draft = NewMessage {
            subject: "s".into(),
            stranger: Some(crate::route::plan::Stranger::default()),
            ..NewMessage::new(Origin::Smtp, from.parse().unwrap(), "p1@here.org".parse().unwrap(), "hello".into())
        };
        let message = rig.context.plan(&rig.context.policy(), draft);
        rig.context.store.put(IncomingMail { messages: vec![message], body: BodyIn::None }).unwrap().ids()[0]
    };
    let [friend, other, enemy] = ["a@x.org", "b@x.org", "c@x.org"].map(strangers);
    rig.held_for(friend, "the sender is a stranger");
    let lists = |allow: &'static str, block: &'static str| {
        rig.context.store.write(move |tx| {
            let mut person = tx.person("p1")?.unwrap();
            (person.allow, person.block) = (allow.to_owned(), block.to_owned());
            tx.put_person(&person)
        })
    };
    lists("a@x.org", "c@x.org").unwrap();
    rig.judge();
    assert_eq!([friend, other, enemy].map(|id| rig.message(id).state), [State::Queued, State::Held, State::Refused]);
    // Not allowed any more: it has not left yet.
    lists("", "").unwrap();
    rig.turn(&mut worker);
    rig.held_for(friend, "the sender is a stranger");
    assert_eq!(rig.message(friend).bill.unwrap().reserved, crate::money::Use::default());
}

/// Who writes to somebody at a far box of this box spends of their own budget, too.
#[test]
fn the_budget_of_whoever_writes_binds() {
    let rig = shore(1);
    rig.context
        .store
        .write(|tx| {
            let mut anna = tx.person("anna")?.unwrap();
            anna.budget_packets = Some(1);
            tx.put_person(&anna)
        })
        .unwrap();
    rig.write_to("p1@here.org", "one", Priority::Normal);
    let held = rig.write_to("p1@here.org", "two", Priority::Normal);
    rig.held_for(held, "the budget of anna is used up");
    let bill = rig.message(held).bill.unwrap();
    assert_eq!(bill.people().collect::<Vec<_>>(), ["anna", "p1"]);
}

/// Who gives their device away keeps what was written to them, also what the link has already: it is taken back, or, where
/// the link cannot do that, its owner is told where it goes.
#[test]
fn what_the_link_has_for_somebody_who_left_the_far_box_is_taken_back() {
    for keeps in [false, true] {
        let rig = shore(2);
        let mut worker = rig.hive();
        let id = rig.write_to("p1@here.org", "for me alone", Priority::Normal);
        rig.turn(&mut worker);
        assert_eq!(rig.message(id).state, State::OnLink);
        rig.fake.sky().keeps = keeps;
        let moves = |tx: &mut crate::store::Tx| {
            let (first, second) = (tx.person("p1")?.unwrap(), tx.person("p2")?.unwrap());
            tx.put_person(&Person { far_box: first.far_box, ..second })?;
            tx.put_person(&Person { home: Home::Here, far_box: None, ..first })
        };
        rig.context.store.write(moves).unwrap();
        for _ in 0..3 {
            rig.clock.advance(Duration::from_secs(61));
            rig.turn(&mut worker);
        }
        let message = rig.message(id);
        match keeps {
            false => {
                assert_eq!(
                    (message.state, message.reason.code().as_str()),
                    (State::Delivered, "arrived.without_device")
                );
                assert!(rig.fake.sky().queue.is_empty());
                let mailbox = rig.context.store.read(|view| view.mailbox("p1", None, 9)).unwrap();
                assert_eq!(mailbox.len(), 1);
            }
            true => {
                assert_eq!((message.state, message.reason.code().as_str()), (State::OnLink, "link.misdirected"));
                assert_eq!(rig.fake.sky().queue.len(), 1);
            }
        }
        rig.books_balance();
    }
}
