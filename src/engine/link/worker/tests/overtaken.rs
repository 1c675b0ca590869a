//! What a line has while it is away goes by another link once its patience is over; all arrive once, whatever arrives after all.

use super::peer::Pair;
use super::several::{MINUTE, Other, down, payloads};
use super::*;
use crate::message::reason::LinkReason;
use crate::message::{LinkPreference, Step};
use crate::store::PacketQueue;

/// A pair whose station has a line that costs nothing beside its satellite.
struct Scene {
    pair: Pair,
    line: Other,
}

impl Scene {
    fn new() -> Self {
        let pair = Pair::new();
        pair.agree(&mut pair.workers());
        pair.station.context.store.set("link.price", "0.07").unwrap();
        let line = Other::new(&pair.station, "line", row("ip"), "0");
        line.fake.ready();
        // What it has is written.
        line.fake.sky().keeps = true;
        Self { pair, line }
    }

    fn workers(&self) -> [LinkWorker<'_>; 2] {
        self.pair.station.fake.ready();
        self.pair.gateway.fake.ready();
        self.pair.workers()
    }

    fn goes(&self, wide: &mut LinkWorker) {
        self.line.fake.sky().away = true;
        down(&self.line.fake);
        self.pair.station.turn(wide);
    }

    /// It goes, for longer than anybody has patience.
    fn stays_away(&self, wide: &mut LinkWorker) {
        self.goes(wide);
        self.pair.advance(21 * MINUTE);
        self.pair.station.turn(wide);
    }

    /// Writes a message, which the line takes.
    fn hands(&self, wide: &mut LinkWorker, text: &str) -> Id {
        self.pair.station.turn(wide);
        let id = self.pair.write_on_boat(text);
        self.pair.station.turn(wide);
        id
    }

    fn comes(&self, wide: &mut LinkWorker) {
        self.line.fake.sky().away = false;
        self.line.fake.ready();
        self.pair.station.turn(wide);
    }

    fn charged(&self) -> u64 {
        self.pair.station.context.store.read(|view| view.charged(LinkId(1), "2026-09")).unwrap().packets
    }

    fn overtaken(&self, id: Id) -> usize {
        let decided = |step: &&Step| matches!(&step.cause, Reason::Link(LinkReason::Overtaken { .. }));
        self.pair.station.message(id).steps.iter().filter(decided).count()
    }

    fn ashore(&self, text: &str) -> usize {
        self.pair.arrived_ashore().iter().filter(|found| *found == text).count()
    }

    /// What the line took comes to the gateway.
    fn arrives(&self, worker: &mut LinkWorker, payloads: Vec<Vec<u8>>) {
        for (number, payload) in payloads.into_iter().enumerate() {
            self.pair.gateway.inbound(&format!("line:{number}"), payload, Some(6846));
        }
        self.pair.gateway.turn(worker);
    }

    fn on_line(&self) -> Vec<Vec<u8>> {
        self.line.fake.sky().queue.values().cloned().collect()
    }
}

#[test]
fn what_a_silent_line_has_goes_by_satellite_once_its_patience_is_over() {
    for first in ["the line's", "the satellite's", "neither"] {
        let scene = Scene::new();
        let (pair, mut workers, mut wide) = (&scene.pair, scene.workers(), scene.line.worker());
        pair.station.turn(&mut wide);
        let before = scene.charged();
        let id = pair.write_on_boat("Wind 5, all well");
        pair.station.turn(&mut wide);
        assert_eq!((pair.station.message(id).state, scene.on_line().len()), (State::OnLink, 1));
        let by_line = scene.on_line();
        scene.goes(&mut wide);
        pair.advance(19 * MINUTE);
        pair.station.turn(&mut wide);
        pair.pass(&mut workers);
        assert_eq!((scene.overtaken(id), scene.charged()), (0, before), "it waits for the line");
        if first == "the line's" {
            scene.arrives(&mut workers[1], by_line.clone());
        }
        pair.advance(2 * MINUTE);
        pair.station.turn(&mut wide);
        assert_eq!(scene.overtaken(id), 1, "{}", pair.station.message(id).reason);
        let why = pair.station.message(id).steps.iter().map(|step| step.cause.to_string()).collect::<Vec<_>>();
        assert!(why.iter().any(|why| why.contains("it goes by one, for 0.07")), "{why:?}");
        assert_eq!(wide.outstanding.all(), 0, "the line has room for others when it is back");
        for _ in 0..3 {
            pair.pass(&mut workers);
        }
        if first == "the satellite's" {
            scene.arrives(&mut workers[1], by_line);
        }
        // The line is back and tells: nothing of that is waited for.
        let number = *scene.line.fake.sky().queue.keys().next().unwrap();
        let told = match first {
            "neither" => Event::NotTaken { reference: reference(number), why: Reason::said("not there") },
            _ => Event::Sent { reference: reference(number), how: Acknowledged::Arrived },
        };
        scene.line.fake.sky().events.push_back(told);
        scene.comes(&mut wide);
        pair.write_ashore("answer");
        for _ in 0..3 {
            pair.pass(&mut workers);
            pair.station.turn(&mut wide);
        }
        assert_eq!((scene.ashore("Wind 5, all well"), scene.charged()), (1, before + 1), "first: {first}");
        assert_eq!(pair.station.message(id).state, State::FarBox, "first: {first}");
        assert_eq!(scene.on_line().len(), 1, "nothing went by the line again");
        pair.station.books_balance();
        pair.gateway.books_balance();
    }
}

/// What the satellite took over in the moment in which the line looks at what it had is the satellite's.
#[test]
fn what_another_link_took_over_a_moment_ago_is_left_to_it() {
    let scene = Scene::new();
    let (pair, mut workers, mut wide) = (&scene.pair, scene.workers(), scene.line.worker());
    scene.line.fake.sky().ends.push_back(End::Busy);
    let before = scene.charged();
    let id = scene.hands(&mut wide, "Wind 5, all well");
    let context = &pair.station.context;
    let open = || context.store.read(|view| view.open_on(wide.id, PacketQueue::Outbox, Time::NEVER)).unwrap();
    let as_read: Vec<Packet> = open().into_iter().flatten().collect();
    assert!(as_read.len() == 1 && as_read[0].state == PacketState::Planned, "{as_read:?}");
    scene.stays_away(&mut wide);
    pair.station.turn(&mut workers[0]);
    assert_eq!((pair.station.message(id).state, scene.charged()), (State::OnLink, before + 1));
    wide.overtake(as_read).unwrap();
    assert_eq!((pair.station.message(id).state, scene.overtaken(id)), (State::OnLink, 0));
    for _ in 0..3 {
        pair.pass(&mut workers);
    }
    assert_eq!((scene.ashore("Wind 5, all well"), scene.charged()), (1, before + 1));
}

/// What the line has not written yet is taken back: that is certain, and no decision.
#[test]
fn what_a_line_has_not_written_is_taken_back() {
    let scene = Scene::new();
    let (pair, mut workers, mut wide) = (&scene.pair, scene.workers(), scene.line.worker());
    pair.station.turn(&mut wide);
    scene.line.fake.sky().keeps = false;
    let id = pair.write_on_boat("Wind 5, all well");
    pair.station.turn(&mut wide);
    scene.stays_away(&mut wide);
    for _ in 0..2 {
        pair.pass(&mut workers);
    }
    assert_eq!((scene.overtaken(id), scene.ashore("Wind 5, all well"), payloads(&scene.line.fake)), (0, 1, 0));
    pair.station.books_balance();
}

/// When the line is back before the satellite has it, it goes by the line after all.
#[test]
fn a_copy_that_waits_for_the_satellite_goes_by_the_line_that_is_back() {
    let scene = Scene::new();
    let (pair, mut workers, mut wide) = (&scene.pair, scene.workers(), scene.line.worker());
    pair.station.turn(&mut wide);
    let before = scene.charged();
    let id = pair.write_on_boat("Wind 5, all well");
    pair.station.turn(&mut wide);
    scene.stays_away(&mut wide);
    pair.station.turn(&mut workers[0]);
    assert_eq!((scene.overtaken(id), pair.station.fake.sky().queue.len()), (1, 1));
    scene.comes(&mut wide);
    for _ in 0..3 {
        pair.station.turn(&mut workers[0]);
        pair.station.turn(&mut wide);
    }
    assert_eq!((pair.station.fake.sky().queue.len(), scene.charged(), scene.on_line().len()), (0, before, 2));
    scene.arrives(&mut workers[1], scene.on_line());
    assert_eq!(scene.ashore("Wind 5, all well"), 1);
    pair.station.books_balance();
}

/// Each waits as long as it may: what never costs anything stays with the line, and holds up no other.
#[test]
fn what_is_never_paid_for_waits_for_the_line_and_holds_up_nothing() {
    let scene = Scene::new();
    let (pair, mut workers, mut wide) = (&scene.pair, scene.workers(), scene.line.worker());
    pair.station.turn(&mut wide);
    let [free, urgent, normal] = ["some day", "We need a doctor", "Wind 5"].map(|text| pair.write_on_boat(text));
    let write =
        |id: Id, change: fn(&mut Message)| pair.station.context.store.write(move |tx| tx.change(id, change)).unwrap();
    write(free, |message| message.terms.links = LinkPreference::Cheap);
    write(urgent, |message| message.terms.priority = Priority::Urgent);
    for _ in 0..3 {
        pair.station.turn(&mut wide);
    }
    scene.goes(&mut wide);
    for (after, gone) in [(3, [0, 1, 0]), (18, [0, 1, 1]), (600, [0, 1, 1])] {
        pair.advance(after * MINUTE);
        pair.station.turn(&mut wide);
        for _ in 0..2 {
            pair.pass(&mut workers);
        }
        assert_eq!([free, urgent, normal].map(|id| scene.overtaken(id)), gone, "after {after} minutes more");
    }
    let arrived = ["some day", "We need a doctor", "Wind 5"].map(|text| scene.ashore(text));
    assert_eq!((arrived, pair.station.message(free).state), ([0, 1, 1], State::OnLink));
    pair.station.books_balance();
}

/// What the line was to say to the far box besides is said by the satellite: a receipt that it swallowed is owed again.
#[test]
fn notes_that_a_silent_line_has_ride_with_what_goes_by_satellite() {
    let scene = Scene::new();
    let (pair, mut workers, mut wide) = (&scene.pair, scene.workers(), scene.line.worker());
    pair.station.turn(&mut wide);
    let theirs = pair.write_ashore("Where are you");
    pair.pass(&mut workers);
    let id = pair.write_on_boat("Wind 5, all well");
    // The receipt rides in the packet of the line.
    pair.station.turn(&mut wide);
    assert!(!scene.on_line().is_empty());
    scene.goes(&mut wide);
    pair.advance(21 * MINUTE);
    for _ in 0..3 {
        pair.station.turn(&mut wide);
        pair.pass(&mut workers);
        pair.advance(MINUTE);
    }
    assert_eq!((scene.ashore("Wind 5, all well"), scene.overtaken(id)), (1, 1));
    assert_eq!(pair.gateway.message(theirs).state, State::Delivered, "{}", pair.gateway.message(theirs).reason);
    assert_eq!(wide.outstanding.all(), 0);
    let peer = pair.station.context.peer(None).unwrap();
    let open = pair.station.context.store.write(|tx| tx.open_packets()).unwrap();
    assert_eq!((open.len(), peer.unconfirmed()), (0, 1), "the bundle of the line is not waited for");
}

/// The box is killed while it has gone on by another link: the next life does not count the swallowed packet as sent.
#[test]
fn a_kill_after_it_was_overtaken_changes_nothing() {
    let scene = Scene::new();
    let (pair, workers, mut wide) = (&scene.pair, scene.workers(), scene.line.worker());
    let id = scene.hands(&mut wide, "Wind 5, all well");
    scene.stays_away(&mut wide);
    drop((wide, workers));
    let (mut wide, mut workers) = (scene.line.worker(), scene.workers());
    down(&scene.line.fake);
    pair.station.turn(&mut wide);
    for _ in 0..2 {
        pair.pass(&mut workers);
    }
    scene.comes(&mut wide);
    pair.write_ashore("answer");
    pair.pass(&mut workers);
    assert_eq!((scene.ashore("Wind 5, all well"), scene.overtaken(id)), (1, 1));
    assert_eq!(pair.station.message(id).state, State::FarBox);
    pair.station.books_balance();
}

/// The line's copy may arrive yet: what ends after that is not confirmed, and not said to have failed. However a line flaps, the
/// bundles that one replaces are few.
#[test]
fn what_was_overtaken_may_have_arrived_and_is_overtaken_a_few_times_at_most() {
    let scene = Scene::new();
    let (pair, mut workers, mut wide) = (&scene.pair, scene.workers(), scene.line.worker());
    let id = scene.hands(&mut wide, "Wind 5, all well");
    for _ in 0..8 {
        scene.stays_away(&mut wide);
        scene.comes(&mut wide);
        pair.advance(11 * MINUTE);
        pair.station.turn(&mut wide);
    }
    assert_eq!(scene.overtaken(id), 4);
    let short = pair.write_on_boat("Wind 6");
    pair.station.turn(&mut wide);
    scene.stays_away(&mut wide);
    assert_eq!(scene.overtaken(short), 1);
    down(&pair.station.fake);
    pair.station.turn(&mut workers[0]);
    pair.advance(6 * 24 * 60 * MINUTE);
    pair.station.turn(&mut workers[0]);
    assert_eq!(pair.station.message(short).state, State::Unconfirmed, "{}", pair.station.message(short).reason);
    pair.station.books_balance();
}

/// In a classic packet nothing would tell that it is the same message.
#[test]
fn what_was_overtaken_waits_while_it_cannot_be_said_what_it_replaces() {
    let scene = Scene::new();
    let (pair, mut workers, mut wide) = (&scene.pair, scene.workers(), scene.line.worker());
    let id = scene.hands(&mut wide, "Wind 5, all well");
    scene.stays_away(&mut wide);
    assert_eq!(scene.overtaken(id), 1);
    pair.station.context.store.set("air.compact", "off").unwrap();
    for _ in 0..3 {
        pair.pass(&mut workers);
        pair.advance(MINUTE);
    }
    let message = pair.station.message(id);
    assert_eq!((message.state, scene.ashore("Wind 5, all well")), (State::Queued, 0), "{}", message.reason);
    assert!(message.reason.to_string().contains("the same message"), "{}", message.reason);
    pair.station.context.store.set("air.compact", "normal").unwrap();
    pair.advance(15 * MINUTE);
    for _ in 0..3 {
        pair.pass(&mut workers);
    }
    scene.arrives(&mut workers[1], scene.on_line());
    assert_eq!(scene.ashore("Wind 5, all well"), 1);
    pair.station.books_balance();
}

/// What a month may cost is asked before: nothing is taken from the line that would wait for money then.
#[test]
fn a_budget_that_is_used_up_leaves_it_with_the_line() {
    let scene = Scene::new();
    let (pair, mut workers, mut wide) = (&scene.pair, scene.workers(), scene.line.worker());
    let id = scene.hands(&mut wide, "Wind 5, all well");
    pair.station.context.store.set("budget.money", "0.05").unwrap();
    scene.goes(&mut wide);
    for _ in 0..3 {
        pair.advance(21 * MINUTE);
        pair.station.turn(&mut wide);
        pair.pass(&mut workers);
    }
    let message = pair.station.message(id);
    assert_eq!((scene.overtaken(id), message.state), (0, State::OnLink), "{}", message.reason);
    pair.station.context.store.set("budget.money", "5").unwrap();
    pair.station.turn(&mut wide);
    assert_eq!(scene.overtaken(id), 1);
    pair.station.books_balance();
}

/// The line had a part of it: the rest waits for nobody else.
#[test]
fn what_is_left_of_a_group_on_a_dead_line_is_overtaken_too() {
    let scene = Scene::new();
    let (pair, mut workers, mut wide) = (&scene.pair, scene.workers(), scene.line.worker());
    let id = scene.hands(&mut wide, "Wind 5, all well");
    let now = pair.station.context.now();
    let change = move |tx: &mut crate::store::Tx| {
        let packet = tx.packets_of(id)?.remove(0);
        let state = PacketState::Sent(packet.reference().cloned().expect("the line has it"));
        let place = packet.peer.clone().expect("a bundle");
        crate::engine::link::peer::change(tx, None, |peer| peer.sent(place.ticket, 0, now.0))?;
        tx.drop_packet(&packet)?;
        let rest = Packet { part: 2, parts: 2, state: PacketState::Planned, charge: None, ..packet.clone() };
        tx.add_packets(&[Packet { state, parts: 2, ..packet }, rest]).map(drop)
    };
    pair.station.context.store.write(change).unwrap();
    scene.stays_away(&mut wide);
    assert_eq!(scene.overtaken(id), 1, "{}", pair.station.message(id).reason);
    for _ in 0..2 {
        pair.pass(&mut workers);
    }
    assert_eq!(scene.ashore("Wind 5, all well"), 1);
    assert_eq!(pair.station.context.store.write(|tx| tx.open_packets()).unwrap(), []);
}

/// Whoever takes it back is told that the line's copy is not taken back.
#[test]
fn who_cancels_what_was_overtaken_hears_that_it_may_arrive() {
    let scene = Scene::new();
    let (pair, mut wide) = (&scene.pair, scene.line.worker());
    let id = scene.hands(&mut wide, "Wind 5, all well");
    scene.goes(&mut wide);
    pair.advance(21 * MINUTE);
    pair.station.fake.ready();
    let mut satellite = pair.station.worker();
    pair.station.turn(&mut satellite);
    down(&pair.station.fake);
    pair.station.turn(&mut wide);
    assert_eq!(scene.overtaken(id), 1, "{}", pair.station.message(id).reason);
    let cancel = crate::engine::actions::MessageAction::Cancel;
    let done = crate::engine::actions::apply(&pair.station.context.store, cancel, id, "anna").unwrap();
    let message = pair.station.message(id);
    assert_eq!(message.state, State::Cancelled);
    assert!(done.to_string().contains("may arrive") && message.reason.to_string().contains("may arrive"), "{done}");
    pair.station.books_balance();
}

/// What was reserved for a packet that no message pays for is given back with it.
#[test]
fn a_packet_that_is_given_back_reserves_nothing() {
    let scene = Scene::new();
    let (pair, mut wide) = (&scene.pair, scene.line.worker());
    let id = scene.hands(&mut wide, "Wind 5, all well");
    let reserved = || pair.station.context.store.read(|view| view.reserved()).unwrap();
    let change = move |tx: &mut crate::store::Tx| {
        let mut packet = tx.packets_of(id)?.remove(0);
        let wanted = crate::money::Use::of_packets(1, crate::money::Money(7));
        let mut bill = crate::money::Bill::own(wanted, [].into());
        assert_eq!(tx.reserve(&mut bill, Time(0))?, Ok(()));
        packet.peer.as_mut().expect("a bundle").bill = Some(bill);
        tx.put_packet(&packet).map(|()| packet)
    };
    let before = reserved();
    let packet = pair.station.context.store.write(change).unwrap();
    assert_ne!(reserved(), before);
    crate::engine::link::give_back::made_way(&scene.line.context, &Packet { state: PacketState::Planned, ..packet })
        .unwrap();
    let left = pair.station.context.store.read(move |view| view.packets_of(id)).unwrap().remove(0);
    assert_eq!(left.peer.and_then(|place| place.bill), None);
    assert!(reserved().values().all(|sum| sum.money.0 == 0), "{:?}", reserved());
}

/// What a line had written when it was removed may arrive for a while, and whether the line cost something says nothing of that:
/// that it is not there is not believed before, as what goes again is paid for.
#[test]
fn what_a_removed_line_had_written_is_not_called_missing_too_early() {
    for arrives in [true, false] {
        let scene = Scene::new();
        let (pair, mut workers, mut wide) = (&scene.pair, scene.workers(), scene.line.worker());
        let id = scene.hands(&mut wide, "written before the line went");
        let (by_line, link) = (scene.on_line(), scene.line.context.link());
        assert_eq!(by_line.len(), 1);
        drop(wide);
        let (settings, now) = (pair.station.context.store.settings(), pair.station.context.now());
        let removed = pair.station.context.store.write(move |tx| {
            crate::engine::link::removed::let_go(tx, (link, "line"), Some(row("ip")), &settings, now)?;
            tx.remove_link(link)
        });
        removed.unwrap();
        assert!(pair.station.message(id).reason.may_have_arrived(), "{}", pair.station.message(id).reason);
        let again = |pair: &Pair| pair.station.fake.sky().on_air.contains(&by_line[0]);
        for _ in 0..3 {
            // The far box is asked, and answers.
            pair.advance(Duration::from_secs(21));
            pair.pass(&mut workers);
        }
        assert!(!again(pair), "it may arrive yet");
        if arrives {
            scene.arrives(&mut workers[1], by_line.clone());
        }
        for _ in 0..6 {
            pair.advance(MINUTE);
            pair.pass(&mut workers);
        }
        assert_eq!((again(pair), scene.ashore("written before the line went")), (!arrives, 1), "arrives: {arrives}");
        assert_eq!(pair.station.message(id).state, if arrives { State::FarBox } else { State::Sent });
    }
}
