//! A line besides a satellite: what the far box has need not go again, and whole mails find the text that came before them.

use super::peer::Pair;
use super::several::{MINUTE, Other, payloads, two};
use super::*;
use crate::engine::link::whole::{file, packed};
use crate::link::whole::{WholeId, WholePlace};
use crate::message::events::EventKind;
use crate::message::reason::LinkReason;
use crate::message::{CameIn, Whole};

fn spent(rig: &Rig) -> crate::money::Use {
    rig.context.store.read(|view| view.charged(LinkId(1), "2026-09")).unwrap()
}

/// What the link cannot tell of is asked for over the line: what the far box has is settled, what it does not have goes by the
/// line at once, and the copy that comes late is dropped.
#[test]
fn the_far_box_is_asked_over_the_line_before_anything_goes_again() {
    for there in [true, false] {
        let pair = Pair::new();
        let mut workers = pair.workers();
        pair.agree(&mut workers);
        let rig = &pair.station;
        rig.context.store.set("link.price", "0.07").unwrap();
        let line = Other::new(rig, "line", row("m138"), "0");
        line.fake.sky().asks = true;
        let mut cheap = line.worker();
        rig.turn(&mut cheap);
        let before = spent(rig).packets;
        rig.fake.sky().blind = true;
        rig.fake.sky().ends.push_back(End::LostAnswer);
        let id = rig.accept("nobody knows");
        rig.clock.advance(21 * MINUTE);
        for _ in 0..3 {
            rig.turn(&mut workers[0]);
            rig.clock.advance(5 * MINUTE / 60);
        }
        assert!(rig.message(id).reason.may_have_arrived(), "{}", rig.message(id).reason);
        let payload = rig.fake.sky().queue.values().last().unwrap().clone();
        if there {
            pair.gateway.inbound("sky", payload.clone(), Some(6846));
        }
        pair.gateway.turn(&mut workers[1]);
        line.fake.ready();
        for _ in 0..3 {
            rig.turn(&mut cheap);
        }
        assert_eq!(payloads(&line.fake), 0, "the answer is waited for");
        let asked = line.fake.sky().asked.clone();
        assert_eq!(asked.len(), 1);
        let device = "m138:0x001abe".parse().ok();
        pair.gateway.fake.sky().events.push_back(Event::Asked { device, names: asked.clone() });
        pair.gateway.turn(&mut workers[1]);
        let known = pair.gateway.fake.sky().answered.clone();
        assert_eq!(known, [there]);
        let known = asked.into_iter().zip(known).collect();
        line.fake.sky().events.push_back(Event::Known { device: None, known });
        for _ in 0..3 {
            rig.turn(&mut cheap);
        }
        let decided = |step: &crate::message::Step| matches!(&step.cause, Reason::Link(LinkReason::FreeWay { .. }));
        let decisions = rig.message(id).steps.iter().filter(|step| decided(step)).count();
        assert_eq!((payloads(&line.fake), decisions), if there { (0, 0) } else { (1, 1) });
        assert_eq!(spent(rig).packets, before + 1, "billed once");
        if there {
            assert_eq!(rig.message(id).state, State::Sent, "{}", rig.message(id).reason);
        } else {
            line.fake.sky().pass(true);
            let by_line = line.fake.sky().on_air.clone();
            for (number, payload) in by_line.into_iter().enumerate() {
                pair.gateway.inbound(&format!("line:{number}"), payload, Some(6846));
            }
            pair.gateway.turn(&mut workers[1]);
            pair.gateway.inbound("sky, six hours later", payload, Some(6846));
        }
        pair.gateway.turn(&mut workers[1]);
        assert_eq!(pair.arrived_ashore().iter().filter(|text| *text == "nobody knows").count(), 1);
        rig.books_balance();
    }
}

/// A far box that never answers does not know such questions: after a while the message goes by the free link as ever.
#[test]
fn a_question_that_nobody_answers_is_not_waited_for() {
    let pair = Pair::new();
    let mut workers = pair.workers();
    pair.agree(&mut workers);
    let rig = &pair.station;
    rig.context.store.set("link.price", "0.07").unwrap();
    let line = Other::new(rig, "line", row("m138"), "0");
    line.fake.sky().asks = true;
    let mut cheap = line.worker();
    rig.turn(&mut cheap);
    rig.fake.sky().blind = true;
    rig.fake.sky().ends.push_back(End::LostCommand);
    let id = rig.accept("nobody knows");
    rig.clock.advance(21 * MINUTE);
    for _ in 0..3 {
        rig.turn(&mut workers[0]);
        rig.clock.advance(5 * MINUTE / 60);
    }
    line.fake.ready();
    rig.turn(&mut cheap);
    assert_eq!((payloads(&line.fake), line.fake.sky().asked.len()), (0, 1));
    rig.clock.advance(MINUTE);
    rig.turn(&mut cheap);
    rig.turn(&mut cheap);
    let decided = |step: &crate::message::Step| matches!(&step.cause, Reason::Link(LinkReason::FreeWay { .. }));
    assert_eq!(rig.message(id).steps.iter().filter(|step| decided(step)).count(), 1);
    assert!(payloads(&line.fake) > 0);
}

/// The same packet comes by satellite as text, and by a line with its mail: the mail is a message beside the text, once.
#[test]
fn a_packet_that_comes_again_with_its_mail_brings_the_mail() {
    let pair = Pair::new();
    let mut workers = pair.workers();
    pair.agree(&mut workers);
    pair.write_on_boat("Look at this");
    pair.pass(&mut workers);
    let payload = pair.station.fake.sky().on_air.last().unwrap().clone();
    let store = &pair.gateway.context.store;
    let all = crate::store::ListFilter { origin: Some(Origin::Link), limit: 99, ..Default::default() };
    let found = || store.read(|view| view.list(&all)).unwrap();
    let is_text = |message: &&Message| message.text == "Look at this" && message.about.is_none();
    let text = found().iter().find(is_text).cloned().unwrap();
    let Some(CameIn { far_box, bundle, place }) = text.came_in else { panic!("{text:?}") };
    let raw = b"From: a@b.org\r\nSubject: Photo\r\n\r\nLook at this.\r\n".to_vec();
    let bytes = packed::pack(&raw);
    let name = WholeId::of(&bytes);
    store.whole_append(&file(far_box, name), 0, &bytes).unwrap();
    for key in ["line:1", "line:2"] {
        let inbound = Inbound {
            device: "m138:0x001abe".parse().ok(),
            payload: payload.clone(),
            wholes: vec![WholePlace { bundle, place, name }],
            key: key.to_owned(),
            received: None,
            token: Token(9),
        };
        pair.gateway.fake.sky().events.push_back(Event::Inbound(inbound));
        pair.gateway.turn(&mut workers[1]);
        pair.gateway.turn(&mut workers[1]);
        let mails: Vec<_> = found().into_iter().filter(|message| message.about == Some(text.id)).collect();
        assert_eq!(mails.len(), 1, "{key}");
        assert_eq!(store.raw(&mails[0]).unwrap(), Some(raw.clone()));
        assert_eq!((mails[0].to.clone(), mails[0].whole.clone()), (text.to.clone(), Some(Whole::Came)));
        let now = pair.gateway.message(text.id);
        assert_eq!((now.whole, now.text), (Some(Whole::Later { message: mails[0].id }), text.text.clone()));
    }
    pair.gateway.books_balance();
}

/// Four fifths of what a link may cost in a day, and all of it, are told, each once.
#[test]
fn a_link_that_has_used_most_of_its_budget_is_told() {
    let rig = Rig::new("satellite");
    for (name, value) in [("link.price", "0.07"), ("link.day_money", "0.35"), ("budget.reserve", "0")] {
        rig.context.store.set(name, value).unwrap();
    }
    let mut worker = rig.worker();
    let told = || {
        let events = rig.context.store.read(|view| view.events(99)).unwrap();
        let percent = |kind: &EventKind| match kind {
            EventKind::LinkBudget { name, period, percent, reserve: None } if name == "one" => {
                Some((period.clone(), *percent))
            }
            _ => None,
        };
        events.iter().filter_map(|event| percent(&event.kind)).map(|(_, percent)| percent).collect::<Vec<_>>()
    };
    for (sent, expected) in [(3, vec![]), (1, vec![80]), (1, vec![100, 80])] {
        for _ in 0..sent {
            rig.accept("hello");
        }
        rig.turn(&mut worker);
        rig.turn(&mut worker);
        rig.fake.sky().pass(true);
        rig.turn(&mut worker);
        assert_eq!(told(), expected);
    }
}

/// What a plan includes costs nothing, and counts; what the link gives back is there again.
#[test]
fn what_is_free_in_a_month_costs_nothing_until_it_is_used_up() {
    let (rig, _line) = two();
    rig.context.store.set("link.free", "2").unwrap();
    let mut worker = rig.worker();
    let units = || rig.context.store.read(|view| view.units(LinkId(1), "2026-09")).unwrap();
    let money = |cents: i64| crate::money::Money(cents * 10_000);
    for (number, cents) in [(1, 0), (2, 0), (3, 7), (4, 14)] {
        let id = rig.accept(&format!("number {number}"));
        let now = crate::message::LinkPreference::Now;
        rig.context.store.write(move |tx| tx.change(id, |message| message.terms.links = now)).unwrap();
        rig.turn(&mut worker);
        rig.turn(&mut worker);
        assert_eq!((spent(&rig).money, units()), (money(cents), number), "{}", rig.message(id).reason);
        rig.fake.sky().pass(true);
        rig.turn(&mut worker);
    }
    // One that is certainly not taken.
    rig.fake.sky().ends.push_back(End::NotThis);
    rig.accept("the fifth");
    rig.clock.advance(21 * MINUTE);
    rig.turn(&mut worker);
    assert_eq!((spent(&rig).money, units()), (money(14), 4));
    rig.books_balance();
}

/// While the far box comes by a link that costs less, nobody looks for what it may have handed to a dear one.
#[test]
fn a_dear_link_is_relieved_while_a_cheap_one_is_there() {
    let (rig, line) = two();
    let (mut dear, mut cheap) = (rig.worker(), line.worker());
    rig.turn(&mut cheap);
    rig.turn(&mut dear);
    assert!(!dear.market.relieves(dear.id));
    line.fake.ready();
    rig.turn(&mut cheap);
    rig.turn(&mut dear);
    rig.turn(&mut cheap);
    assert!(dear.market.relieves(dear.id) && !cheap.market.relieves(cheap.id));
    super::several::down(&line.fake);
    rig.turn(&mut cheap);
    rig.turn(&mut dear);
    assert!(!dear.market.relieves(dear.id));
}

/// On a line of which this box pays nothing notes wait all the same where the far box pays for what it gets.
#[test]
fn notes_wait_where_the_far_box_pays_for_them() {
    let rig = Rig::new("satellite");
    let line = Other::new(&rig, "line", row("ip"), "0");
    line.fake.ready();
    let mut worker = line.worker();
    rig.turn(&mut worker);
    assert!(worker.is_prompt(None) && worker.is_idle(None));
    line.fake.sky().pays = true;
    assert!(!worker.is_prompt(None) && !worker.is_idle(None), "and bytes are saved as well");
}
