//! The rules of the choice, case by case, and 10,000 random ones.

mod runs;

use super::*;
use crate::links::{Price, Reach, Unit};
use crate::money::Limit;

const NOW: Time = Time(1_790_000_000_000);
const FAR_BOX: Reach = Reach { far_box: true, kinds: &[] };
const DEVICES: Reach = Reach { far_box: false, kinds: &["m138"] };
const MINUTE: Duration = Duration::from_secs(60);

fn facts(patience: Duration) -> MessageFacts {
    MessageFacts { urgent: false, preference: LinkPreference::Any, patience, since: NOW, by: None, at_most: None }
}

fn state(id: u32, price: i64, ready: bool) -> LinkState {
    let unit = Price { unit: Unit::Packet, each: Money(price), least: 0, free: 0 };
    let name = format!("link{id}");
    let terms = LinkTerms { id: LinkId(id), name, on: true, price: Some(unit), max_payload: 192, reach: FAR_BOX };
    let (none, budget) = (Use::default(), LinkBudget::default());
    let (lost, since, rests, next) = (NOW - 60 * MINUTE, NOW - 60 * MINUTE, false, None);
    LinkState { terms, ready, rests, lost, since, next, budget, today: none, month: none }
}

fn offer(state: &LinkState, facts: &MessageFacts) -> Offer {
    let quote = |price: Price| Quote { wanted: Use::of_packets(1, price.each), too_large: false };
    state.offer(facts, state.terms.reach.includes(None), state.terms.price.map(quote))
}

fn chosen(links: &[LinkState], facts: &MessageFacts, at: Time) -> Choice {
    let offers: Vec<_> = links.iter().map(|link| offer(link, facts)).collect();
    choose(facts, &offers, at)
}

#[test]
fn a_cheap_link_is_waited_for_and_then_the_next_one_takes_it() {
    let normal = facts(20 * MINUTE);
    let (line, sky) = (state(1, 0, true), state(2, 70_000, true));
    assert_eq!(chosen(&[line.clone(), sky.clone()], &normal, NOW), Choice::Now(LinkId(1)));
    let down = LinkState { ready: false, ..line };
    let links = [down.clone(), sky.clone()];
    let waits = |until| Choice::Wait { link: LinkId(1), until, then: Some(LinkId(2)) };
    assert_eq!(chosen(&links, &normal, NOW + 19 * MINUTE), waits(NOW + 20 * MINUTE));
    assert_eq!(chosen(&links, &normal, NOW + 20 * MINUTE), Choice::Now(LinkId(2)));
    // It was lost after the message came: patience begins then.
    let lost = LinkState { lost: NOW + 10 * MINUTE, ..down.clone() };
    assert_eq!(chosen(&[lost, sky.clone()], &normal, NOW + 20 * MINUTE), waits(NOW + 30 * MINUTE));
    let now = MessageFacts { preference: LinkPreference::Now, ..normal };
    assert_eq!(chosen(&links, &now, NOW), Choice::Now(LinkId(2)));
    let by = MessageFacts { by: Some(NOW + 10 * MINUTE), ..normal };
    assert_eq!(chosen(&links, &by, NOW), waits(NOW + 5 * MINUTE));
    // All down is a state like others.
    let dark = [down, LinkState { ready: false, ..sky }];
    assert_eq!(chosen(&dark, &normal, NOW), waits(NOW + 20 * MINUTE));
    let for_ever = Choice::Wait { link: LinkId(1), until: Time::NEVER, then: None };
    assert_eq!(chosen(&dark, &normal, NOW + 20 * MINUTE), for_ever);
}

#[test]
fn what_a_link_may_not_take_it_does_not_get() {
    let normal = facts(Duration::ZERO);
    let (line, sky) = (state(1, 0, false), state(2, 70_000, true));
    let one = |link: LinkState, bar| {
        assert_eq!(chosen(&[link], &normal, NOW), Choice::Nowhere(vec![(LinkId(2), bar)]));
    };
    one(LinkState { terms: LinkTerms { on: false, ..sky.terms.clone() }, ..sky.clone() }, LinkBar::Off);
    one(LinkState { terms: LinkTerms { price: None, ..sky.terms.clone() }, ..sky.clone() }, LinkBar::NoPrice);
    one(LinkState { terms: LinkTerms { reach: DEVICES, ..sky.terms.clone() }, ..sky.clone() }, LinkBar::OutOfReach);
    let budget =
        LinkBudget { day: Limit { money: Some(Money(100_000)), reserve: 50, ..Limit::default() }, ..sky.budget };
    one(LinkState { budget, ..sky.clone() }, LinkBar::Budget);
    let urgent = MessageFacts { urgent: true, ..normal };
    let full = LinkState { budget, ..sky.clone() };
    assert_eq!(chosen(&[full], &urgent, NOW), Choice::Now(LinkId(2)), "the reserve is for those");
    let cheap = MessageFacts { preference: LinkPreference::Cheap, ..normal };
    let never = Choice::Wait { link: LinkId(1), until: Time::NEVER, then: None };
    assert_eq!(chosen(&[line, sky.clone()], &cheap, NOW + 600 * MINUTE), never);
    let short = MessageFacts { at_most: Some(Money(60_000)), ..normal };
    assert_eq!(chosen(std::slice::from_ref(&sky), &short, NOW), Choice::Nowhere(vec![(LinkId(2), LinkBar::OverPrice)]));
    let large = sky.offer(&normal, true, Some(Quote { wanted: Use::default(), too_large: true }));
    assert_eq!(large.bar, Some(LinkBar::TooLarge));
}

#[test]
fn a_link_that_broke_too_often_rests_unless_it_is_the_only_one() {
    let normal = facts(20 * MINUTE);
    let line = LinkState { rests: true, lost: NOW - 30 * MINUTE, ..state(1, 0, true) };
    let sky = state(2, 70_000, true);
    let waits = Choice::Wait { link: LinkId(1), until: NOW + 20 * MINUTE, then: Some(LinkId(2)) };
    assert_eq!(chosen(&[line.clone(), sky.clone()], &normal, NOW), waits);
    assert_eq!(chosen(&[line.clone(), sky.clone()], &normal, NOW + 20 * MINUTE), Choice::Now(LinkId(2)));
    let cheap = MessageFacts { preference: LinkPreference::Cheap, ..normal };
    for (links, facts) in [(vec![line.clone()], &normal), (vec![line, sky], &cheap)] {
        assert_eq!(chosen(&links, facts, NOW), Choice::Now(LinkId(1)));
    }
}

#[test]
fn a_timetable_is_waited_for_where_it_is_within_the_patience() {
    let normal = facts(20 * MINUTE);
    let (line, sky) = (state(1, 0, false), state(2, 70_000, true));
    let comes = |after| [LinkState { next: Some(NOW + after), ..line.clone() }, sky.clone()];
    let waits = Choice::Wait { link: LinkId(1), until: NOW + 20 * MINUTE, then: Some(LinkId(2)) };
    assert_eq!(chosen(&comes(10 * MINUTE), &normal, NOW), waits);
    assert_eq!(chosen(&comes(120 * MINUTE), &normal, NOW), Choice::Now(LinkId(2)));
    // What the other link cannot take waits for it however long that is.
    let large = LinkState { terms: LinkTerms { price: None, ..sky.terms.clone() }, ..sky.clone() };
    let [line, _] = comes(120 * MINUTE);
    let for_ever = Choice::Wait { link: LinkId(1), until: Time::NEVER, then: None };
    assert_eq!(chosen(&[line, large], &normal, NOW + 60 * MINUTE), for_ever);
}

#[test]
fn no_choice_of_ten_thousand_breaks_a_rule() {
    let mut dice = testing::Dice::new(7);
    for _ in 0..10_000 {
        let count = 1 + dice.below(4);
        let links: Vec<_> = (1..=count)
            .map(|id| {
                let mut link =
                    state(u32::try_from(id).unwrap(), dice.below(3).cast_signed() * 10_000, dice.below(2) == 0);
                link.terms.on = dice.below(8) > 0;
                link.terms.reach = if dice.below(8) == 0 { DEVICES } else { FAR_BOX };
                link.terms.price = link.terms.price.filter(|_| dice.below(8) > 0);
                link.lost = NOW + MINUTE * u32::try_from(dice.below(60)).unwrap();
                link.rests = dice.below(8) == 0;
                link.next = (!link.ready && dice.below(4) == 0).then(|| NOW + 500 * MINUTE);
                link
            })
            .collect();
        let patience = MINUTE * u32::try_from(dice.below(40)).unwrap();
        let facts = MessageFacts {
            preference: LinkPreference::ALL[dice.index(3)],
            at_most: (dice.below(4) == 0).then_some(Money(10_000)),
            ..facts(patience)
        };
        let at = NOW + MINUTE * u32::try_from(dice.below(120)).unwrap();
        let offers: Vec<_> = links.iter().map(|link| offer(link, &facts)).collect();
        let open: Vec<_> = offers.iter().filter(|offer| offer.bar.is_none()).collect();
        let least = open.iter().map(|offer| offer.price).min();
        let ready = |offer: &Offer| offer.ready && !(open.len() > 1 && offer.rests);
        let mut cheap = open.iter().filter(|offer| Some(offer.price) == least);
        let comes = cheap.any(|offer| offer.next.is_none());
        match choose(&facts, &offers, at) {
            Choice::Now(link) => {
                let taken = open.iter().find(|offer| offer.link == link).expect("a link without a bar");
                assert!(taken.ready, "{facts:?} {offers:?}");
                let first = open.iter().filter(|offer| ready(offer)).map(|offer| offer.price).min();
                assert_eq!(Some(taken.price), first, "the cheapest that is ready");
                let dear = Some(taken.price) != least;
                assert!(
                    !dear || !comes || facts.preference == LinkPreference::Now || at >= facts.since + facts.patience,
                    "{facts:?}"
                );
                assert!(facts.preference != LinkPreference::Cheap || taken.price.0 == 0);
            }
            Choice::Wait { link, until, then } => {
                let cheap = open.iter().find(|offer| offer.link == link).expect("a link without a bar");
                assert_eq!(Some(cheap.price), least);
                assert!(until > at || until == Time::NEVER);
                assert!(
                    then.is_none_or(|then| open.iter().any(|offer| offer.link == then && Some(offer.price) != least))
                );
                assert!(!open.iter().any(|offer| ready(offer) && Some(offer.price) == least), "{facts:?} {offers:?}");
            }
            Choice::Nowhere(bars) => assert_eq!((open.len(), bars.len()), (0, offers.len())),
        }
    }
}
