//! Packets that carry several messages, and messages of several packets: each message settles on its own.

use super::*;

impl Rig {
    /// Messages that leave in one packet.
    fn bundle(&self, messages: &[Id]) {
        let packet = Packet {
            number: 0,
            messages: messages.to_vec(),
            group: 0,
            part: 1,
            parts: 1,
            far_box: None,
            address: None,
            payload: b"all of them".to_vec(),
            state: PacketState::Planned,
            at: self.clock.now(),
            note: Reason::default(),
            ask: Time(0),
            taking_back: false,
            peer: None,
            link: LinkId::FIRST,
            charge: None,
            mails: Vec::new(),
        };
        self.context.store.write(move |tx| tx.add_packets(std::slice::from_ref(&packet))).unwrap();
    }

    fn three(&self) -> [Id; 3] {
        let messages = ["one", "two", "three"].map(|text| self.accept(text));
        self.bundle(&messages);
        messages
    }

    fn states(&self, messages: &[Id]) -> Vec<State> {
        messages.iter().map(|id| self.message(*id).state).collect()
    }

    fn steps_count(&self, messages: &[Id]) -> u32 {
        messages.iter().flat_map(|id| self.message(*id).steps).map(|step| step.packets).sum()
    }
}

#[test]
fn messages_of_one_packet_climb_together_and_pay_once() {
    for end in [None, Some(End::LostAnswer), Some(End::LostCommand)] {
        let rig = Rig::new("satellite");
        let messages = rig.three();
        rig.fake.sky().ends.extend(end);
        let mut worker = rig.worker();
        rig.turn(&mut worker);
        // Whatever is unknown is settled by the next life.
        drop(worker);
        rig.fake.ready();
        rig.clock.advance(Duration::from_secs(5));
        let mut worker = rig.worker();
        rig.turn(&mut worker);
        assert_eq!(rig.states(&messages), [State::OnLink; 3]);
        rig.fake.sky().pass(true);
        rig.turn(&mut worker);
        assert_eq!(rig.states(&messages), [State::Sent; 3]);
        assert_eq!((rig.fake.sky().on_air.len(), rig.steps_count(&messages)), (1, 1));
        assert_eq!(rig.context.store.ledger().unwrap().packets_sent, 1);
        rig.books_balance();
    }
}

#[test]
fn one_message_of_a_packet_is_taken_back_and_the_others_go_without_it() {
    let rig = Rig::new("satellite");
    let messages = rig.three();
    let mut worker = rig.worker();
    rig.turn(&mut worker);
    actions::apply(&rig.context.store, actions::MessageAction::Cancel, messages[1], "anna").unwrap();
    rig.turn(&mut worker);
    assert_eq!(rig.states(&messages), [State::OnLink, State::Cancelled, State::OnLink]);
    rig.fake.sky().pass(true);
    rig.turn(&mut worker);
    assert_eq!(rig.states(&messages), [State::Sent, State::Cancelled, State::Sent]);
    assert!(!rig.fake.sky().on_air.contains(&b"all of them".to_vec()));
    assert_eq!(rig.fake.sky().on_air.len(), 2);
    rig.books_balance();
}

#[test]
fn a_message_that_has_left_with_others_cannot_be_taken_back() {
    let rig = Rig::new("satellite");
    let messages = rig.three();
    let mut worker = rig.worker();
    rig.turn(&mut worker);
    rig.fake.sky().pass(false);
    actions::apply(&rig.context.store, actions::MessageAction::Cancel, messages[1], "anna").unwrap();
    rig.turn(&mut worker);
    assert_eq!(rig.states(&messages), [State::Sent; 3]);
    assert_eq!(worker.outstanding.all(), 0);
}

#[test]
fn the_time_of_one_message_does_not_end_the_others() {
    let rig = Rig::new("satellite");
    let first = rig.accept("one");
    rig.clock.advance(Duration::from_secs(86_400));
    let second = rig.accept("two");
    rig.bundle(&[first, second]);
    let mut worker = rig.worker();
    rig.turn(&mut worker);
    rig.clock.advance(Duration::from_secs(3 * 86_400 + 61));
    rig.turn(&mut worker);
    assert_eq!(rig.states(&[first, second]), [State::Expired, State::OnLink]);
    rig.fake.sky().pass(true);
    rig.turn(&mut worker);
    assert_eq!(rig.states(&[first, second]), [State::Expired, State::Sent]);
    assert!(!rig.fake.sky().on_air.contains(&b"all of them".to_vec()));
}

#[test]
fn a_packet_that_left_about_the_end_of_one_message_is_not_paid_again_for_the_other() {
    let rig = Rig::new("satellite");
    let first = rig.accept("one");
    rig.clock.advance(Duration::from_secs(86_400));
    let second = rig.accept("two");
    rig.bundle(&[first, second]);
    let mut worker = rig.worker();
    rig.turn(&mut worker);
    rig.fake.sky().pass(false);
    rig.clock.advance(Duration::from_secs(3 * 86_400 + 61));
    rig.turn(&mut worker);
    assert_eq!(rig.states(&[first, second]), [State::Unconfirmed, State::Sent]);
    assert!(rig.message(first).reason.to_string().contains("may have been sent"));
    assert_eq!(rig.fake.sky().on_air.len(), 1);
}

#[test]
fn what_the_link_gives_up_comes_back_to_each_sender() {
    let rig = Rig::new("satellite");
    let messages = rig.three();
    let mut worker = rig.worker();
    rig.turn(&mut worker);
    rig.fake.sky().queue.clear();
    rig.fake.sky().events.push_back(Event::Lost { reference: reference(1), why: Reason::said("the Hive failed it") });
    rig.turn(&mut worker);
    assert_eq!(rig.states(&messages), [State::Returned; 3]);
    assert_eq!(rig.context.store.read(|view| view.unread("anna")).unwrap(), 3);
    assert_eq!(worker.outstanding.all(), 0);
    rig.books_balance();
}

#[test]
fn when_one_part_fails_for_good_the_others_are_taken_from_the_link() {
    let rig = Rig::new("satellite");
    let id = rig.accept(&"word ".repeat(100));
    let mut worker = rig.worker();
    rig.turn(&mut worker);
    assert!(rig.fake.sky().queue.len() > 2);
    rig.fake.sky().queue.remove(&2);
    rig.fake.sky().events.push_back(Event::Lost { reference: reference(2), why: Reason::said("failed") });
    rig.turn(&mut worker);
    assert!(rig.fake.sky().queue.is_empty());
    assert_eq!((rig.message(id).state, rig.message(id).reason.to_string()), (State::Returned, "failed".to_owned()));
    assert_eq!(worker.outstanding.all(), 0);

    let id = rig.accept(&"more ".repeat(100));
    rig.context.store.set("m138.window", "1").unwrap();
    rig.turn(&mut worker);
    rig.context.store.set("m138.window", "9").unwrap();
    rig.fake.sky().ends.push_back(End::Never);
    rig.turn(&mut worker);
    rig.turn(&mut worker);
    assert_eq!(rig.message(id).state, State::Returned);
    assert!(rig.fake.sky().queue.is_empty());
    rig.books_balance();
}

#[test]
fn a_packet_that_leaves_after_its_message_ended_is_counted() {
    let rig = Rig::new("satellite");
    let id = rig.accept("one");
    let mut worker = rig.worker();
    rig.turn(&mut worker);
    rig.context.give_back(&rig.message(id), State::Expired, Reason::said("the link was away too long")).unwrap();
    rig.fake.sky().pass(true);
    rig.turn(&mut worker);
    assert_eq!(rig.message(id).state, State::Expired);
    assert_eq!(rig.context.store.ledger().unwrap().packets_sent, 1);
}

#[test]
fn what_nobody_waits_for_is_taken_from_the_link() {
    let rig = Rig::new("satellite");
    let id = rig.accept("one");
    let mut worker = rig.worker();
    rig.turn(&mut worker);
    rig.context.give_back(&rig.message(id), State::Expired, Reason::said("the link was away too long")).unwrap();
    rig.clock.advance(track::AGAIN + Duration::from_secs(1));
    rig.turn(&mut worker);
    assert!(rig.fake.sky().queue.is_empty());
    assert_eq!(worker.outstanding.all(), 0);
}

#[test]
fn what_waits_for_the_end_of_the_box_ends_with_its_worker() {
    let rig = Rig::new("satellite");
    let held = Arc::new(());
    let kept = Arc::clone(&held);
    let ender = rig.context.at_end("test", move || drop(kept)).unwrap();
    assert_eq!(Arc::strong_count(&held), 2);
    drop(ender);
    let end = Instant::now() + Duration::from_secs(10);
    while Arc::strong_count(&held) > 1 {
        assert!(Instant::now() < end, "its thread stays");
        std::thread::yield_now();
    }
}

/// Acknowledgements that come together are written together.
#[test]
fn several_acknowledgements_are_one_commit() {
    let rig = Rig::new("satellite");
    let mut worker = rig.worker();
    let ids: Vec<Id> = ["one", "two", "three"].iter().map(|text| rig.accept(text)).collect();
    rig.turn(&mut worker);
    assert_eq!(worker.outstanding.all(), 3);
    rig.fake.sky().pass(true);
    let (_keep, wake) = smol::channel::bounded(1);
    let events = worker.link.poll(&wake, Duration::ZERO);
    let before = rig.context.store.ledger().unwrap();
    worker.hear_all(events).unwrap();
    let after = rig.context.store.ledger().unwrap();
    assert_eq!((after.commits - before.commits, after.packets_sent - before.packets_sent), (1, 3));
    assert_eq!(worker.outstanding.all(), 0);
    assert!(ids.into_iter().all(|id| rig.message(id).state == State::Sent));
    rig.books_balance();
}
