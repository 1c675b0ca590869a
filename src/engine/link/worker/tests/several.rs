//! Several links in one box: the cheap one first, evidence only from the link that was given a packet, and nothing twice.

use super::*;
use crate::message::reason::Waits;

pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// A link besides the first one of a rig.
pub(super) struct Other {
    pub(super) context: Context,
    pub(super) fake: Fake,
    driver: &'static Driver,
}

impl Other {
    pub(super) fn new(rig: &Rig, name: &str, driver: &'static Driver, price: &str) -> Self {
        let id = rig.context.store.add_link(name, driver.name, &[("link.price", price)]);
        let context = Context { link: Some(id), ..rig.context.clone() };
        let record = context.store.links().get(id).unwrap().clone();
        std::mem::forget(Shown::new(&context, &record));
        Self { context, fake: Fake::default(), driver }
    }

    pub(super) fn worker(&self) -> LinkWorker<'_> {
        let mut worker = LinkWorker::new(&self.context, self.driver, Box::new(self.fake.clone()));
        worker.outstanding = OnLink::count(&self.context).unwrap();
        worker
    }
}

/// The link is away.
pub(super) fn down(fake: &Fake) {
    fake.sky().events.push_back(Event::Health(Health { ..Health::default() }));
}

/// A station with a dear link, and a cheap one.
pub(super) fn two() -> (Rig, Other) {
    let rig = Rig::new("satellite");
    rig.context.store.set("link.price", "0.07").unwrap();
    let other = Other::new(&rig, "line", row("m138"), "0");
    (rig, other)
}

pub(super) fn payloads(fake: &Fake) -> usize {
    let sky = fake.sky();
    sky.queue.len() + sky.on_air.len()
}

#[test]
fn the_cheap_link_takes_it_whoever_asks_first() {
    let (rig, line) = two();
    let (mut dear, mut cheap) = (rig.worker(), line.worker());
    line.fake.ready();
    rig.turn(&mut cheap);
    for text in ["one", "two", "three"] {
        rig.accept(text);
        rig.turn(&mut dear);
        rig.turn(&mut cheap);
    }
    assert_eq!((payloads(&rig.fake), payloads(&line.fake)), (0, 3));
    line.fake.sky().pass(true);
    rig.turn(&mut cheap);
    let spent = rig.context.store.read(|view| view.charged(LinkId(1), "2026-09")).unwrap();
    assert_eq!(spent, crate::money::Use::default());
}

#[test]
fn while_the_cheap_link_is_down_it_is_waited_for_and_then_no_longer() {
    let (rig, line) = two();
    let (mut dear, mut cheap) = (rig.worker(), line.worker());
    rig.turn(&mut dear);
    rig.turn(&mut cheap);
    let id = rig.accept("hello");
    let urgent = rig.accept("help");
    rig.context.store.write(move |tx| tx.change(urgent, |it| it.terms.priority = Priority::Urgent)).unwrap();
    let turns = |dear: &mut LinkWorker, cheap: &mut LinkWorker| {
        rig.turn(dear);
        rig.turn(cheap);
    };
    turns(&mut dear, &mut cheap);
    let why = rig.message(id).reason;
    assert!(
        matches!(&why, Reason::Waits(Waits::Cheaper { link, then: Some(then), .. }) if link == "line" && then == "one"),
        "{why}"
    );
    assert!(why.to_string().contains("0.07 USD"), "{why}");
    rig.clock.advance(3 * MINUTE);
    turns(&mut dear, &mut cheap);
    assert_eq!((rig.message(urgent).state, rig.message(id).state), (State::OnLink, State::Queued));
    rig.fake.sky().pass(true);
    rig.clock.advance(16 * MINUTE);
    turns(&mut dear, &mut cheap);
    assert_eq!(rig.message(id).state, State::Queued);
    // What comes back in time takes it.
    line.fake.ready();
    turns(&mut cheap, &mut dear);
    assert_eq!((payloads(&rig.fake), payloads(&line.fake)), (1, 1));
    // Soon lost again, it is not waited for anew.
    down(&line.fake);
    turns(&mut cheap, &mut dear);
    let late = rig.accept("late");
    rig.clock.advance(20 * MINUTE);
    turns(&mut dear, &mut cheap);
    assert_eq!(rig.message(late).state, State::OnLink);
    assert_eq!(payloads(&rig.fake), 2);
}

/// What was handed to one link is settled by that one: another link says nothing about it, and does not send it.
#[test]
fn evidence_comes_only_from_the_link_that_was_given_a_packet() {
    let rig = Rig::new("satellite");
    let id = rig.accept("hello");
    // The command is out, and the box is killed before its answer.
    let mut modem = rig.worker();
    rig.fake.sky().ends.push_back(End::LostAnswer);
    rig.turn(&mut modem);
    drop(modem);
    rig.context.store.change_link(LinkId(1), |link| link.on = false);
    let hive = Other::new(&rig, "other", row("m138"), "0");
    hive.fake.ready();
    let mut other = hive.worker();
    for _ in 0..5 {
        rig.turn(&mut other);
        rig.clock.advance(MINUTE);
    }
    assert!(hive.fake.sky().calls.is_empty(), "{:?}", hive.fake.sky().calls);
    assert_eq!(rig.message(id).state, State::Queued, "{}", rig.message(id).reason);
    rig.context.store.change_link(LinkId(1), |link| link.on = true);
    rig.fake.ready();
    let mut modem = rig.worker();
    rig.turn(&mut modem);
    assert_eq!(rig.message(id).state, State::OnLink);
    rig.fake.sky().pass(true);
    rig.turn(&mut modem);
    assert_eq!(rig.message(id).state, State::Sent);
    assert_eq!((rig.fake.sky().on_air.len(), payloads(&hive.fake)), (1, 0));
}

/// Two links may give their packets the same names.
#[test]
fn a_name_is_that_of_its_link() {
    let (rig, line) = two();
    let (mut dear, mut cheap) = (rig.worker(), line.worker());
    rig.turn(&mut dear);
    rig.turn(&mut cheap);
    let first = rig.accept("by the dear one");
    rig.context
        .store
        .write(move |tx| tx.change(first, |it| it.terms.links = crate::message::LinkPreference::Now))
        .unwrap();
    rig.turn(&mut dear);
    line.fake.ready();
    rig.turn(&mut cheap);
    let second = rig.accept("by the cheap one");
    rig.turn(&mut cheap);
    assert_eq!((rig.message(first).state, rig.message(second).state), (State::OnLink, State::OnLink));
    line.fake.sky().pass(true);
    rig.turn(&mut cheap);
    assert_eq!((rig.message(first).state, rig.message(second).state), (State::OnLink, State::Sent));
}

/// What the dear link holds and has not sent goes by the cheap one that comes: only once it was certainly given back.
#[test]
fn a_packet_on_the_dear_link_is_taken_back_for_the_cheap_one() {
    let (rig, line) = two();
    let (mut dear, mut cheap) = (rig.worker(), line.worker());
    rig.turn(&mut cheap);
    rig.turn(&mut dear);
    let id = rig.accept("hello");
    rig.clock.advance(21 * MINUTE);
    rig.turn(&mut dear);
    assert_eq!(rig.message(id).state, State::OnLink);
    let charged = || rig.context.store.read(|view| view.charged(LinkId(1), "2026-09")).unwrap();
    assert_eq!(charged().packets, 1);
    line.fake.ready();
    rig.turn(&mut cheap);
    rig.turn(&mut dear);
    assert!(rig.fake.sky().queue.is_empty());
    assert_eq!(charged().packets, 0, "it was given back");
    rig.turn(&mut cheap);
    line.fake.sky().pass(true);
    rig.turn(&mut cheap);
    assert_eq!(rig.message(id).state, State::Sent);
    assert_eq!((rig.fake.sky().on_air.len(), line.fake.sky().on_air.len()), (0, 1));
}

#[test]
fn a_budget_of_a_link_is_that_of_its_day() {
    let rig = Rig::new("satellite");
    rig.context.store.set("link.price", "0.07").unwrap();
    rig.context.store.set("link.day_money", "0.08").unwrap();
    rig.context.store.set("budget.reserve", "0").unwrap();
    let mut worker = rig.worker();
    let (first, second) = (rig.accept("one"), rig.accept("two"));
    rig.turn(&mut worker);
    rig.turn(&mut worker);
    assert_eq!((rig.message(first).state, rig.message(second).state), (State::OnLink, State::Queued));
    assert!(
        rig.message(second).reason.to_string().contains("one has used its budget"),
        "{}",
        rig.message(second).reason
    );
    rig.clock.advance(25 * 60 * MINUTE);
    rig.turn(&mut worker);
    assert_eq!(rig.message(second).state, State::OnLink);
}

#[test]
fn a_link_without_a_price_is_not_used() {
    let rig = Rig::new("satellite");
    rig.context.store.change_link(LinkId(1), |link| drop(link.values.remove("link.price")));
    let mut worker = rig.worker();
    let id = rig.accept("hello");
    rig.turn(&mut worker);
    rig.turn(&mut worker);
    assert!(rig.message(id).reason.to_string().contains("one has no price"), "{}", rig.message(id).reason);
    rig.context.store.set("link.price", "0").unwrap();
    rig.turn(&mut worker);
    assert_eq!(rig.message(id).state, State::OnLink);
}

/// A link that does not reach the far box is a fault of the configuration: it waits for the owner, and ends no message.
#[test]
fn what_no_link_reaches_waits_for_the_owner() {
    let rig = Rig::new("satellite");
    rig.context.store.change_link(LinkId(1), |link| link.driver = "hive".into());
    let mut hive = LinkWorker::new(&rig.context, row("hive"), Box::new(rig.fake.clone()));
    let id = rig.accept("hello");
    rig.turn(&mut hive);
    rig.turn(&mut hive);
    let message = rig.message(id);
    assert_eq!((message.state, &message.reason), (State::Queued, &Waits::NoReach { device: false }.into()));
    rig.context.store.change_link(LinkId(1), |link| link.driver = "m138".into());
    let mut modem = rig.worker();
    rig.fake.ready();
    rig.turn(&mut modem);
    assert_eq!(rig.message(id).state, State::OnLink);
}

/// Of a link that is removed nobody can be asked: what it had is unknown, and ends as that.
#[test]
fn what_a_removed_link_held_is_unknown() {
    let rig = Rig::new("satellite");
    let mut worker = rig.worker();
    let id = rig.accept("hello");
    rig.turn(&mut worker);
    drop(worker);
    let (settings, now) = (rig.context.store.settings(), rig.context.now());
    let link = rig.context.store.links().get(LinkId(1)).unwrap().clone();
    let held = rig.context.store.write(move |tx| {
        let held = crate::engine::link::removed::held(tx, LinkId(1))?;
        crate::engine::link::removed::let_go(tx, (link.id, &link.name), Some(row("m138")), &settings, now)?;
        tx.remove_link(LinkId(1)).map(|()| held)
    });
    assert_eq!(held.unwrap(), 1);
    let message = rig.message(id);
    assert!(message.state == State::OnLink && message.reason.may_have_arrived(), "{}", message.reason);
    let later = Other::new(&rig, "later", row("m138"), "0");
    later.fake.ready();
    let mut worker = later.worker();
    rig.turn(&mut worker);
    assert_eq!(payloads(&later.fake), 0, "nobody sends it again on a guess");
    rig.clock.advance(6 * 24 * 60 * MINUTE);
    crate::engine::link::removed::look_after(&later.context).unwrap();
    assert_eq!(rig.message(id).state, State::Unconfirmed, "{}", rig.message(id).reason);
    let open = rig.context.store.write(|tx| tx.open_packets()).unwrap();
    assert_eq!(open, []);
}

/// A hand-over may end a moment after its link was removed.
#[test]
fn what_a_link_took_while_it_was_removed_is_unknown_as_well() {
    let rig = Rig::new("satellite");
    let mut worker = rig.worker();
    let id = rig.accept("hello");
    rig.turn(&mut worker);
    assert_eq!(rig.message(id).state, State::OnLink);
    rig.context.store.write(|tx| tx.remove_link(LinkId(1))).unwrap();
    crate::engine::link::removed::look_after(&rig.context).unwrap();
    assert!(rig.message(id).reason.may_have_arrived(), "{}", rig.message(id).reason);
    let packets = rig.context.store.read(move |view| view.packets_of(id)).unwrap();
    assert!(matches!(packets[0].state, PacketState::Unknown(_)), "{packets:?}");
}

/// The same where its worker still ran: it lets go at its end, and knows what kind of link it was.
#[test]
fn a_worker_whose_link_was_removed_lets_go_of_what_it_had() {
    let rig = Rig::new("satellite");
    let line = Other::new(&rig, "line", row("ip"), "0");
    line.fake.ready();
    let mut worker = line.worker();
    let id = rig.accept("hello");
    rig.turn(&mut worker);
    assert_eq!((rig.message(id).state, payloads(&line.fake)), (State::OnLink, 1));
    drop(worker);
    let link = line.context.link();
    std::thread::scope(|scope| {
        let runs = scope.spawn(|| super::super::run(&line.context, link));
        testing::wait_for("the worker to look at its link", Duration::from_secs(60), || {
            line.context.status.facts().links.get(&link).is_some_and(|link| link.health.is_some()).then_some(())
        });
        line.context.store.write(move |tx| tx.remove_link(link)).unwrap();
        runs.join().unwrap().unwrap();
    });
    assert!(rig.message(id).reason.may_have_arrived(), "{}", rig.message(id).reason);
    let packets = rig.context.store.read(move |view| view.packets_of(id)).unwrap();
    assert!(matches!(packets[0].state, PacketState::Unknown(_)), "{packets:?}");
}

/// Random comings and goings of two links, with crashes of the box: what was accepted has one end, and no packet is sent by
/// both links.
#[test]
fn whatever_the_links_do_each_message_leaves_once() {
    let mut dice = testing::Dice::new(11);
    for _ in 0..10 * testing::soak() {
        let (rig, line) = two();
        let fakes = [rig.fake.clone(), line.fake.clone()];
        let mut workers = [rig.worker(), line.worker()];
        let mut ids = Vec::new();
        for _ in 0..25 {
            match dice.below(8) {
                0 | 1 => ids.push(rig.accept(&format!("number {}", ids.len()))),
                2 => fakes[dice.index(2)].ready(),
                3 => down(&fakes[dice.index(2)]),
                4 => fakes[dice.index(2)].sky().pass(dice.below(2) == 0),
                5 => rig.clock.advance(MINUTE * u32::try_from(dice.below(15)).unwrap()),
                6 => fakes[dice.index(2)].sky().ends.push_back([End::LostAnswer, End::LostCommand][dice.index(2)]),
                // The box is killed.
                _ => workers = [rig.worker(), line.worker()],
            }
            let first = dice.index(2);
            rig.turn(&mut workers[first]);
            rig.turn(&mut workers[1 - first]);
        }
        // Everything comes back, and all that waits leaves.
        for _ in 0..6 {
            fakes.iter().for_each(Fake::ready);
            for worker in &mut workers {
                rig.turn(worker);
            }
            fakes.iter().for_each(|fake| fake.sky().pass(true));
            rig.clock.advance(4 * MINUTE);
        }
        let mut sent: Vec<_> = fakes.iter().flat_map(|fake| fake.sky().on_air.clone()).collect();
        assert_eq!(sent.len(), ids.len(), "each left once");
        sent.sort();
        sent.dedup();
        assert_eq!(sent.len(), ids.len(), "no payload twice");
        for id in ids {
            let message = rig.message(id);
            assert_eq!(message.state, State::Sent, "{}", message.reason);
            assert_eq!(message.steps.iter().filter(|step| step.state == State::Sent).count(), 1);
        }
        rig.books_balance();
    }
}

/// Case 7: a line that is there for 20 seconds and away for 20. What fits goes by it, nothing goes twice, and the dear link takes
/// no more than it would without the line.
#[test]
fn a_line_that_comes_and_goes_costs_no_more_than_none() {
    let (rig, line) = two();
    let (mut dear, mut cheap) = (rig.worker(), line.worker());
    let mut ids = Vec::new();
    for second in (0..90 * 60).step_by(20) {
        match second % 40 == 0 {
            true => line.fake.ready(),
            false => down(&line.fake),
        }
        if second % 900 == 20 {
            ids.push(rig.accept(&format!("number {second}")));
        }
        rig.turn(&mut cheap);
        rig.turn(&mut dear);
        line.fake.sky().pass(true);
        rig.fake.sky().pass(true);
        rig.clock.advance(Duration::from_secs(20));
    }
    for _ in 0..4 {
        rig.clock.advance(21 * MINUTE);
        rig.turn(&mut cheap);
        rig.turn(&mut dear);
        rig.fake.sky().pass(true);
    }
    let (by_line, by_sky) = (payloads(&line.fake), payloads(&rig.fake));
    assert_eq!(by_line + by_sky, ids.len(), "each left once");
    assert!(by_line > 0, "{by_line} by the line and {by_sky} by the sky");
    assert!(ids.iter().all(|id| rig.message(*id).state == State::Sent));
    rig.books_balance();
}
