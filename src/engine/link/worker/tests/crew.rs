//! Several people behind one modem: each writes and reads as themselves, whatever the far box knows of them yet.

use super::peer::Pair;
use super::*;
use crate::engine::admit;
use crate::message::Message;
use crate::people::{FarBox, Newcomers};

/// The station with bob besides anna, who is meant where nobody is named.
fn crew() -> Pair {
    let pair = Pair::new();
    let bob = Person { name: "bob".into(), added: START, ..Person::default() };
    pair.station.context.store.write(move |tx| tx.put_person(&bob)).unwrap();
    pair
}

impl Pair {
    fn newcomers(&self, newcomers: Newcomers) {
        let change = move |tx: &mut crate::store::Tx| {
            let far_box = tx.far_box(PeerId(1))?.unwrap();
            tx.put_far_box(&FarBox { newcomers, name: "Vela".into(), ..far_box })
        };
        self.gateway.context.store.write(change).unwrap();
    }

    fn write_as(&self, name: &str, text: &str) -> Id {
        let rig = &self.station;
        let draft = NewMessage {
            author: Some(name.into()),
            ..NewMessage::new(
                Origin::Smtp,
                format!("{name}@here.org").parse().unwrap(),
                "mum@else.org".parse().unwrap(),
                text.into(),
            )
        };
        let message = rig.context.plan(&rig.context.policy(), draft);
        rig.context.store.put(IncomingMail { messages: vec![message], body: BodyIn::None }).unwrap().ids()[0]
    }

    /// What came in at the gateway with this text.
    fn ashore(&self, text: &str) -> Message {
        let all = crate::store::ListFilter { origin: Some(Origin::Link), limit: 99, ..Default::default() };
        let found = self.gateway.context.store.read(|view| view.list(&all)).unwrap();
        found.into_iter().find(|message| message.text == text).unwrap_or_else(|| panic!("{text} is not there"))
    }

    fn mailbox(&self, name: &str) -> Vec<String> {
        let found = self.station.context.store.read(|view| view.mailbox(name, None, 99)).unwrap();
        found.into_iter().map(|(message, _)| message.text).collect()
    }

    fn judge_ashore(&self) {
        crate::engine::judge::HeldMessages::default().judge(&self.gateway.context).unwrap();
    }
}

fn from(message: &Message) -> (String, State) {
    (message.from.to_string(), message.state)
}

#[test]
fn each_writes_and_reads_as_themselves() {
    let pair = crew();
    pair.newcomers(Newcomers::Allow);
    let mut workers = pair.workers();
    // Before the boxes have met: a classic packet says whose it is where old decoders do not look.
    pair.write_as("bob", "first from bob");
    pair.pass(&mut workers);
    assert_eq!(from(&pair.ashore("first from bob")), ("bob@here.org".into(), State::Queued));
    pair.agree(&mut workers);
    assert_eq!(from(&pair.ashore("first from the boat")), ("ben@here.org".into(), State::Queued));
    pair.write_as("bob", "second from bob");
    pair.pass(&mut workers);
    let second = pair.ashore("second from bob");
    assert_eq!((from(&second), second.author.as_deref()), (("bob@here.org".into(), State::Queued), Some("bob")));
    pair.write_ashore_to("bob@here.org", "answer to bob");
    pair.write_ashore("answer to anna");
    pair.pass(&mut workers);
    assert!(pair.mailbox("bob").contains(&"answer to bob".to_owned()), "{:?}", pair.mailbox("bob"));
    assert!(!pair.mailbox("anna").contains(&"answer to bob".to_owned()));
    assert!(pair.mailbox("anna").contains(&"answer to anna".to_owned()));
    assert!(pair.mailbox("bob").iter().any(|text| text.contains("reach you at bob@here.org")));
    pair.station.books_balance();
    pair.gateway.books_balance();
}

/// The station names its people between the messages, once; so mail can reach them before they ever wrote.
#[test]
fn people_are_named_once_and_reached_before_they_write() {
    let pair = crew();
    pair.newcomers(Newcomers::Allow);
    let mut workers = pair.workers();
    pair.agree(&mut workers);
    pair.write_on_boat("second from the boat");
    pair.pass(&mut workers);
    let bob = pair.gateway.context.store.people().get("bob").cloned().unwrap();
    assert_eq!((bob.far_box, bob.home, bob.name_at_sea()), (Some(PeerId(1)), Home::FarBox, "bob"));
    pair.write_ashore_to("bob@here.org", "for bob");
    pair.pass(&mut workers);
    assert!(pair.mailbox("bob").contains(&"for bob".to_owned()));
    let named = |rig: &Rig| {
        let peer = rig.context.peer(None).unwrap();
        peer.address_of("bob").cloned()
    };
    assert_eq!(named(&pair.station), Some(compact::peer::Answer::Address("bob@here.org".into())));
    // A restart asks nothing again.
    drop(workers);
    let mut workers = [pair.station.worker(), pair.gateway.worker()];
    workers[1].driver = row("hive");
    let before = pair.mailbox("bob").len();
    for _ in 0..3 {
        pair.advance(Duration::from_secs(2 * 86_400));
        pair.write_on_boat("and another");
        pair.pass(&mut workers);
    }
    assert_eq!(pair.mailbox("bob").len(), before, "{:?}", pair.mailbox("bob"));
}

#[test]
fn the_owner_is_asked_and_what_was_written_waits_for_that() {
    let pair = crew();
    pair.newcomers(Newcomers::Ask);
    let mut workers = pair.workers();
    pair.agree(&mut workers);
    let held = pair.write_as("bob", "may I");
    pair.pass(&mut workers);
    let message = pair.ashore("may I");
    assert_eq!(message.state, State::Held);
    assert!(message.reason.to_string().starts_with("bob of Vela has no address here yet"), "{}", message.reason);
    assert_eq!(pair.gateway.context.store.people().far_box(PeerId(1)).unwrap().asked, ["bob"]);
    // Releasing the message gives its writer an address.
    let done =
        actions::apply(&pair.gateway.context.store, actions::MessageAction::Release, message.id, "olga").unwrap();
    assert!(done.to_string().contains("bob is bob@here.org from now on"), "{done}");
    pair.judge_ashore();
    let message = pair.ashore("may I");
    assert_eq!((from(&message), message.author.as_deref()), (("bob@here.org".into(), State::Queued), Some("bob")));
    pair.write_ashore("answer");
    pair.pass(&mut workers);
    assert_eq!(pair.station.message(held).state, State::FarBox);
    assert!(pair.mailbox("bob").iter().any(|text| text.contains("reach you at bob@here.org")));
    pair.gateway.books_balance();
}

#[test]
fn who_is_refused_hears_it_and_so_does_whoever_is_not_at_sea_any_more() {
    let pair = crew();
    let mut workers = pair.workers();
    pair.agree(&mut workers);
    let first = pair.write_as("bob", "may I");
    pair.pass(&mut workers);
    pair.gateway.context.store.write(|tx| admit::refuse(tx, PeerId(1), "bob", START)).unwrap();
    pair.judge_ashore();
    assert_eq!(pair.ashore("may I").state, State::Refused);
    let second = pair.write_as("bob", "and now");
    pair.pass(&mut workers);
    pair.write_ashore("anything");
    pair.pass(&mut workers);
    for id in [first, second] {
        assert_eq!(pair.station.message(id).state, State::Returned, "{}", pair.station.message(id).reason);
    }
    assert!(pair.mailbox("bob").iter().any(|text| text.contains("gives you no address")));
    assert!(pair.gateway.context.store.people().get("bob").is_none());

    // Admitted after all, and gone from the boat: mail to them comes back, and nobody else reads it.
    pair.gateway.context.store.write(|tx| admit::admit(tx, PeerId(1), "bob", None, "here.org", START)).unwrap();
    pair.station.context.store.write(|tx| tx.remove_person("bob")).unwrap();
    let lost = pair.write_ashore_to("bob@here.org", "are you there");
    pair.pass(&mut workers);
    assert!(!pair.mailbox("anna").contains(&"are you there".to_owned()));
    pair.write_on_boat("anything");
    pair.pass(&mut workers);
    let lost = pair.gateway.message(lost);
    assert_eq!(lost.state, State::Returned);
    assert!(lost.reason.to_string().contains("no such recipient"), "{}", lost.reason);
}

/// A name that somebody ashore has stays theirs; the person at sea gets it with the name of their far box.
#[test]
fn a_name_that_is_taken_ashore_gets_the_name_of_the_far_box() {
    let pair = Pair::new();
    let ben = Person { name: "ben".into(), added: START, ..Person::default() };
    pair.station.context.store.write(move |tx| tx.put_person(&ben)).unwrap();
    let anna = |name: &str| Person { name: name.into(), added: START, ..Person::default() };
    pair.gateway.context.store.write(move |tx| tx.put_person(&anna("carl"))).unwrap();
    let carl = Person { name: "carl".into(), added: START, ..Person::default() };
    pair.station.context.store.write(move |tx| tx.put_person(&carl)).unwrap();
    pair.newcomers(Newcomers::Allow);
    let mut workers = pair.workers();
    pair.agree(&mut workers);
    pair.write_as("carl", "carl at sea");
    pair.pass(&mut workers);
    assert_eq!(from(&pair.ashore("carl at sea")).0, "carl.vela@here.org");
    pair.write_ashore_to("carl.vela@here.org", "for the one at sea");
    pair.pass(&mut workers);
    assert!(pair.mailbox("carl").contains(&"for the one at sea".to_owned()));
    // Where that is taken too there is none.
    let taken = ["dora", "dora.vela"].map(|name| Person { name: name.into(), ..Person::default() });
    pair.gateway.context.store.write(move |tx| taken.iter().try_for_each(|person| tx.put_person(person))).unwrap();
    let dora = pair.gateway.context.store.write(|tx| admit::ask(tx, PeerId(1), "dora", "here.org", START)).unwrap();
    assert_eq!(dora, admit::Admission::Refused);
}

/// The same person behind the same box by another link: one talk, one message.
#[test]
fn a_packet_that_comes_by_two_links_is_taken_once() {
    let pair = crew();
    pair.newcomers(Newcomers::Allow);
    let other = "imei:300234010753370";
    let change = move |tx: &mut crate::store::Tx| {
        let mut far_box = tx.far_box(PeerId(1))?.unwrap();
        far_box.addresses.push(other.parse().unwrap());
        tx.put_far_box(&far_box)
    };
    pair.gateway.context.store.write(change).unwrap();
    let mut workers = pair.workers();
    pair.agree(&mut workers);
    let before = pair.arrived_ashore().len();
    pair.write_as("bob", "by both");
    pair.turn(&mut workers);
    pair.station.fake.sky().pass(true);
    let payload = pair.station.fake.sky().on_air.last().unwrap().clone();
    pair.carried[0].set(pair.carried[0].get() + 1);
    for (key, address) in [("a", "6846"), ("b", other)] {
        let inbound = Inbound {
            device: address.parse().ok(),
            payload: payload.clone(),
            wholes: Vec::new(),
            key: key.into(),
            received: None,
            token: Token(9),
        };
        pair.gateway.fake.sky().events.push_back(Event::Inbound(inbound));
        pair.gateway.turn(&mut workers[1]);
    }
    assert_eq!(pair.arrived_ashore().len(), before + 1);
    assert_eq!(pair.gateway.context.store.people().far_boxes().count(), 1);
}

/// One that nobody knows yet is kept as a far box without people; what it says waits for the owner.
#[test]
fn a_far_box_that_nobody_knows_gets_a_record() {
    let rig = Rig::new("internet");
    let mut worker = rig.worker();
    worker.driver = row("hive");
    rig.inbound("one", packet("who am I", "mum@else.org", true), Some(17));
    rig.turn(&mut worker);
    let people = rig.context.store.people();
    let far_box = people.at("17".parse().unwrap()).unwrap();
    assert_eq!((far_box.shown().as_str(), people.of_far_box(far_box.id).count()), ("device 0x000011", 0));
    let all = crate::store::ListFilter { origin: Some(Origin::Link), limit: 9, ..Default::default() };
    let found = rig.context.store.read(|view| view.list(&all)).unwrap();
    assert_eq!((found[0].state, found[0].from.to_string()), (State::Held, "0x000011".to_owned()));
}
