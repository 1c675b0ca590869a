//! What is left half done by a crash, and records that cannot be read.

use super::*;

#[test]
fn an_open_hand_over_is_settled_before_anything_new_is_handed_over() {
    let rig = Rig::new("satellite");
    let first = rig.accept("one");
    rig.fake.sky().ends.push_back(End::LostAnswer);
    let mut worker = rig.worker();
    rig.turn(&mut worker);
    // Its next look lies in the future when the box starts again, and another message is due now.
    let second = rig.accept("two");
    drop(worker);
    rig.fake.sky().calls.clear();
    rig.fake.ready();
    let mut worker = rig.worker();
    rig.turn(&mut worker);
    assert_eq!(rig.fake.sky().calls, ["reconcile", "send"]);
    for id in [first, second] {
        assert_eq!(rig.message(id).state, State::OnLink);
    }
}

#[test]
fn messages_that_the_link_does_not_take_before_it_is_settled_do_not_keep_it_from_being_settled() {
    let rig = Rig::new("satellite");
    let first = rig.accept("one");
    let second = rig.accept("two");
    rig.fake.sky().ends.extend([End::LostAnswer, End::Busy]);
    let mut worker = rig.worker();
    rig.turn(&mut worker);
    rig.clock.advance(DOUBT.first + Duration::from_secs(1));
    // The second message stands before the first one now, and the link said a moment ago that it takes nothing.
    assert!(!worker.ready());
    rig.fake.sky().ends.clear();
    rig.turn(&mut worker);
    for id in [first, second] {
        assert_eq!(rig.message(id).state, State::OnLink);
    }
    assert_eq!(worker.reconcile_at, None);
}

#[test]
fn the_part_that_is_on_the_link_is_asked_after_although_others_wait() {
    let rig = Rig::new("satellite");
    rig.context.store.set("m138.window", "1").unwrap();
    let id = rig.accept(&"word ".repeat(60));
    let mut worker = rig.worker();
    rig.turn(&mut worker);
    rig.fake.sky().pass(false);
    drop(worker);
    rig.fake.ready();
    let mut worker = rig.worker();
    assert_eq!(worker.outstanding.all(), 1);
    rig.turn(&mut worker);
    assert_eq!(rig.message(id).state, State::OnLink);
    rig.fake.sky().pass(true);
    rig.turn(&mut worker);
    assert_eq!(rig.message(id).state, State::Sent);
    assert_eq!(rig.fake.sky().on_air.len(), 2);
}

#[test]
fn a_hand_over_that_stays_unknown_ends_with_its_time() {
    let rig = Rig::new("satellite");
    let id = rig.accept("one");
    rig.fake.sky().ends.push_back(End::LostAnswer);
    let mut worker = rig.worker();
    rig.turn(&mut worker);
    rig.fake.sky().verdicts.clear();
    rig.clock.advance(Duration::from_secs(5 * 86_400));
    rig.turn(&mut worker);
    let message = rig.message(id);
    assert_eq!(message.state, State::Unconfirmed);
    assert!(message.reason.to_string().contains("may have been sent"), "{}", message.reason);
    let notices = rig.context.store.read(|view| view.mailbox("anna", None, 9)).unwrap();
    assert_eq!(notices[0].0.subject, "It is not known whether your message arrived");
    rig.turn(&mut worker);
    assert_eq!(rig.fake.sky().calls, ["send", "reconcile"]);
    rig.books_balance();
}

#[test]
fn unreadable_records_stop_neither_the_link_nor_the_books() {
    let rig = Rig::new("satellite");
    let [first, second, third] = ["one", "two", "three"].map(|text| rig.accept(text));
    rig.fake.sky().ends.push_back(End::Busy);
    let mut worker = rig.worker();
    rig.turn(&mut worker);
    rig.context.store.write(move |tx| tx.spoil(first, second)).unwrap();
    assert_eq!(rig.context.store.read(|view| view.queues()).unwrap()[2].1, 3);
    rig.fake.sky().ends.clear();
    drop(worker);
    rig.fake.ready();
    let mut worker = rig.worker();
    rig.turn(&mut worker);
    assert_eq!(rig.message(second).state, State::Returned);
    assert_eq!(rig.message(third).state, State::OnLink);
    let totals = rig.context.store.ledger().unwrap().totals["smtp"];
    assert_eq!((totals.accepted, totals.returned, totals.waiting), (3, 2, 1));
    let (count, last) = rig.context.store.read(|view| view.set_aside()).unwrap().unwrap();
    assert_eq!((count, last.source.as_str()), (2, "store"));
}

#[test]
fn a_message_that_says_the_same_as_an_earlier_one_is_not_mistaken_for_it() {
    let rig = Rig::new("satellite");
    // In a talk no two packets are the same.
    rig.context.store.set("air.compact", "off").unwrap();
    let first = rig.accept("ok");
    let mut worker = rig.worker();
    rig.turn(&mut worker);
    let second = rig.accept("ok");
    rig.fake.sky().ends.push_back(End::LostCommand);
    rig.turn(&mut worker);
    drop(worker);
    // The link finds the first one's packet.
    let (number, payload) = rig.fake.sky().queue.clone().pop_first().unwrap();
    rig.fake.sky().verdicts.insert(payload, Verdict::Taken(reference(number)));
    rig.fake.ready();
    let mut worker = rig.worker();
    rig.turn(&mut worker);
    rig.clock.advance(Duration::from_secs(10));
    rig.turn(&mut worker);
    rig.fake.sky().pass(true);
    rig.turn(&mut worker);
    for id in [first, second] {
        assert_eq!(rig.message(id).state, State::Sent);
    }
    assert_eq!(rig.fake.sky().on_air.len(), 2);
}

#[test]
fn what_its_owner_decides_while_others_are_handed_over_stands() {
    let rig = Rig::new("satellite");
    let mut worker = rig.worker();
    rig.turn(&mut worker);
    let (cancelled, held) = (rig.accept("one"), rig.accept("two"));
    let seen = [rig.message(cancelled), rig.message(held)];
    actions::apply(&rig.context.store, actions::MessageAction::Cancel, cancelled, "anna").unwrap();
    actions::apply(&rig.context.store, actions::MessageAction::Hold, held, "anna").unwrap();
    for message in &seen {
        rig.plan(&mut worker, message);
    }
    assert!(rig.fake.sky().queue.is_empty());
    assert_eq!((rig.message(cancelled).state, rig.message(held).state), (State::Cancelled, State::Held));
}

#[test]
fn a_message_of_which_only_a_part_left_ends_with_its_time() {
    let rig = Rig::new("satellite");
    let mut worker = rig.worker();
    rig.turn(&mut worker);
    let id = rig.accept(&"word ".repeat(60));
    rig.context.store.set("m138.window", "1").unwrap();
    rig.plan(&mut worker, &rig.message(id));
    rig.fake.sky().pass(true);
    rig.clock.advance(Duration::from_secs(5 * 86_400));
    rig.turn(&mut worker);
    rig.turn(&mut worker);
    assert_eq!(rig.fake.sky().on_air.len(), 1);
    assert_eq!(rig.message(id).state, State::Expired);
    rig.books_balance();
}

#[test]
fn refused_for_good_is_returned_with_a_notice() {
    let rig = Rig::new("satellite");
    let mut worker = rig.worker();
    rig.fake.sky().ends.push_back(End::Never);
    let id = rig.accept("hello");
    rig.turn(&mut worker);
    assert_eq!(rig.message(id).state, State::Returned);
    assert_eq!(rig.context.store.read(|view| view.unread("anna")).unwrap(), 1);
    rig.books_balance();
}
