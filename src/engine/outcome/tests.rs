use super::*;
use crate::clock::Clock;
use crate::engine::link::coders::Coders;
use crate::link::callers::Callers;
use crate::message::reason::Waits;
use crate::people::Person;
use crate::status::StatusBoard;
use crate::store::Store;
use testing::Folder;

/// The subject and text of the notice that anna gets when her message, in this state, takes long.
fn told(state: State) -> (String, String) {
    let folder = Folder::new();
    let clock = Clock::fake(Time(1_790_000_000_000));
    let store = Store::open(&folder, &clock).unwrap();
    store.set("box.domain", "here.org").unwrap();
    let anna = Person { name: "anna".into(), role: crate::people::Role::Owner, ..Person::default() };
    store.write(move |tx| tx.put_person(&anna)).unwrap();
    let (_stop, stop) = smol::channel::bounded(1);
    let context = Context {
        coders: Coders::new(store.folder()),
        callers: Callers::default(),
        store,
        status: StatusBoard::default(),
        stop,
        link: None,
    };
    let draft = NewMessage {
        author: Some("anna".into()),
        ..NewMessage::new(
            Origin::Smtp,
            "anna@here.org".parse().unwrap(),
            "mum@else.org".parse().unwrap(),
            "hello".into(),
        )
    };
    let policy = context.policy();
    let message = Message { state, ..policy.plan(draft, None, clock.now(), true) };
    let id = context.store.put(IncomingMail { messages: vec![message], body: BodyIn::None }).unwrap().ids()[0];
    clock.advance(policy.settings.span(Key::QueueDelayNotice) + Duration::from_secs(1));
    let wait = || context.wait_on(&context.store.message(id).unwrap().unwrap(), Waits::Relay).unwrap();
    wait();
    wait();
    let mailbox = context.store.read(|view| view.mailbox("anna", None, 9)).unwrap();
    assert_eq!(mailbox.len(), 1, "told once");
    (mailbox[0].0.subject.clone(), mailbox[0].0.text.clone())
}

#[test]
fn the_sender_of_a_held_message_hears_that_somebody_has_to_decide() {
    let (subject, text) = told(State::Held);
    assert_eq!(subject, "Your message is waiting for a decision");
    assert!(text.contains("is here and waits for a decision"), "{text}");
}

#[test]
fn the_sender_of_a_waiting_message_hears_of_the_delay() {
    let (subject, text) = told(State::Queued);
    assert_eq!(subject, "Your message is delayed");
    assert!(text.contains("goes on trying"), "{text}");
}

/// A text that the carrier could not deliver goes once more: that is reserved until the carrier has it, and not spent before.
#[test]
fn what_goes_once_more_is_reserved_and_not_spent_at_once() {
    use crate::money::{Money, Use};
    let folder = Folder::new();
    let store = Store::open(&folder, &Clock::fake(Time(1_790_000_000_000))).unwrap();
    for wanted in [Use::of_texts(1, Money(70_000)), Use::of_packets(1, Money(70_000))] {
        let sent = Message { state: State::Sent, origin: Origin::Web, ..Message::sample() };
        let id = store.put(IncomingMail { messages: vec![sent], body: BodyIn::None }).unwrap().ids()[0];
        let bill = Some(Bill { person: Some("anna".into()), ..Bill::new(wanted, Vec::new()) });
        store.write(move |tx| requeue(tx, id, bill.clone(), Waits::Relay, Time(1), Time(1))).unwrap();
        let bill = store.message(id).unwrap().unwrap().bill.unwrap();
        assert_eq!((bill.spent, bill.reserved), (Use::default(), wanted));
        assert_eq!(store.read(|view| view.reserved()).unwrap()["anna"], wanted);
        store
            .write(move |tx| tx.step(id, Time(2), State::Cancelled, Reason::default(), 0, Time::NEVER).map(drop))
            .unwrap();
        assert_eq!(store.read(|view| view.reserved()).unwrap()["anna"], Use::default());
    }
}
