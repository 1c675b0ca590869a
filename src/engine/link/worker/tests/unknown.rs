//! Hand-overs of which the link cannot tell how they ended: the far box is asked, and nothing is paid twice.

use super::peer::Pair;
use super::*;

const SECONDS: fn(u64) -> Duration = Duration::from_secs;

/// Packets on air twice, and those that the box counts.
fn spent_once(rig: &Rig) {
    let on_air = rig.fake.sky().on_air.clone();
    let different: std::collections::BTreeSet<_> = on_air.iter().collect();
    assert_eq!(different.len(), on_air.len(), "a packet was on air twice");
    assert_eq!(rig.context.store.ledger().unwrap().packets_sent, on_air.len() as u64, "counted is what was on air");
}

/// Both boxes start anew.
fn killed<'p>(pair: &'p Pair, workers: [LinkWorker<'p>; 2]) -> [LinkWorker<'p>; 2] {
    drop(workers);
    for rig in [&pair.station, &pair.gateway] {
        rig.fake.sky().events.retain(|event| matches!(event, Event::Inbound(_)));
        rig.fake.ready();
    }
    pair.workers()
}

#[test]
fn the_far_box_is_asked_and_only_what_it_does_not_have_goes_again() {
    for (end, kills) in
        [(End::LostAnswer, false), (End::LostCommand, false), (End::LostAnswer, true), (End::LostCommand, true)]
    {
        let pair = Pair::new();
        let mut workers = pair.workers();
        pair.agree(&mut workers);
        let counted = pair.station.context.store.ledger().unwrap().packets_sent;
        pair.station.fake.sky().blind = true;
        pair.station.fake.sky().ends.push_back(end);
        let id = pair.write_on_boat("Did this leave");
        pair.turn(&mut workers);
        pair.advance(SECONDS(5));
        pair.pass(&mut workers);
        let message = pair.station.message(id);
        assert_eq!((message.state, message.is_final()), (State::OnLink, false));
        assert_eq!(message.reason.code(), "link.left_unknown");
        assert!(message.reason.to_string().contains("the far box is asked"), "{}", message.reason);
        assert_eq!(
            pair.station.context.store.ledger().unwrap().packets_sent,
            counted,
            "what is not known is not counted"
        );
        for _ in 0..8 {
            if kills {
                workers = killed(&pair, workers);
            }
            pair.advance(SECONDS(21));
            pair.pass(&mut workers);
        }
        assert_eq!(pair.arrived_ashore()[1..], ["Did this leave"]);
        let message = pair.station.message(id);
        let expected = if end == End::LostAnswer { State::Delivered } else { State::Sent };
        assert_eq!(message.state, expected, "{:?}", message.steps);
        spent_once(&pair.station);
        spent_once(&pair.gateway);
        pair.station.books_balance();
    }
}

/// A receipt that rides in another message settles it as well, without any question.
#[test]
fn a_receipt_settles_what_the_link_has_not_found_out_yet() {
    let pair = Pair::new();
    let mut workers = pair.workers();
    pair.agree(&mut workers);
    pair.station.fake.sky().ends.push_back(End::LostAnswer);
    let id = pair.write_on_boat("Did this leave");
    pair.turn(&mut workers);
    pair.station.fake.sky().verdicts.clear();
    pair.pass(&mut workers);
    assert_eq!(pair.station.message(id).state, State::Queued);
    pair.write_ashore("answer");
    pair.pass(&mut workers);
    assert_eq!(pair.station.message(id).state, State::Delivered);
    pair.advance(SECONDS(300));
    pair.turn(&mut workers);
    spent_once(&pair.station);
}

/// Without a session nobody can be asked: it stays unknown, nothing is paid again, and its end says so.
#[test]
fn without_a_session_it_stays_unknown() {
    let rig = Rig::new("satellite");
    rig.context.store.set("air.compact", "off").unwrap();
    let mut worker = rig.worker();
    rig.fake.sky().blind = true;
    rig.fake.sky().ends.push_back(End::LostCommand);
    let id = rig.accept("Did this leave");
    rig.turn(&mut worker);
    rig.clock.advance(SECONDS(5));
    rig.turn(&mut worker);
    let message = rig.message(id);
    assert_eq!((message.state, message.reason.code().as_str()), (State::OnLink, "link.left_unknown"));
    assert!(message.reason.to_string().contains("send it again if it matters"), "{}", message.reason);
    // Others are not held up.
    let other = rig.accept("another");
    rig.turn(&mut worker);
    assert_eq!(rig.message(other).state, State::OnLink);
    rig.clock.advance(SECONDS(5 * 86_400));
    rig.turn(&mut worker);
    let message = rig.message(id);
    assert_eq!((message.state, message.reason.code().as_str()), (State::Expired, "link.taken_unknown"));
    assert_eq!(rig.fake.sky().calls.iter().filter(|call| **call == "send").count(), 2);
    rig.books_balance();
}

/// What the link finds out later counts, in both directions.
#[test]
fn later_evidence_of_the_link_settles_it() {
    for taken in [false, true] {
        let pair = Pair::new();
        let mut workers = pair.workers();
        pair.agree(&mut workers);
        pair.station.fake.sky().blind = true;
        pair.station.fake.sky().ends.push_back(if taken { End::LostAnswer } else { End::LostCommand });
        let id = pair.write_on_boat("Did this leave");
        pair.turn(&mut workers);
        pair.advance(SECONDS(5));
        pair.turn(&mut workers);
        assert_eq!(pair.station.message(id).reason.code(), "link.left_unknown");
        let payload = {
            let packets = pair.station.context.store.read(move |view| view.packets_of(id)).unwrap();
            packets[0].payload.clone()
        };
        let number = pair.station.fake.sky().next;
        let verdict = if taken { Verdict::Taken(reference(number)) } else { Verdict::NotTaken("by its id".into()) };
        pair.station.fake.sky().verdicts.insert(payload, verdict);
        pair.advance(SECONDS(61));
        pair.pass(&mut workers);
        pair.pass(&mut workers);
        assert_eq!(pair.arrived_ashore()[1..], ["Did this leave"]);
        spent_once(&pair.station);
    }
}
