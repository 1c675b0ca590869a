//! Hand-overs of which the link cannot tell how they ended: the far box is asked, and nothing is paid twice.

use super::peer::Pair;
use super::*;

const SECONDS: fn(u64) -> Duration = Duration::from_secs;

/// No packet is on air twice, and the box counts those on air, and so many flights `besides` of which nobody knows.
fn spent(rig: &Rig, besides: usize) {
    let on_air = rig.fake.sky().on_air.clone();
    let different: std::collections::BTreeSet<_> = on_air.iter().collect();
    assert_eq!(different.len(), on_air.len(), "a packet was on air twice");
    let counted = rig.context.store.ledger().unwrap().packets_sent;
    assert_eq!(counted, (on_air.len() + besides) as u64, "counted is what was on air, or may have been");
}

fn spent_once(rig: &Rig) {
    spent(rig, 0);
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
        let expected = if end == End::LostAnswer { State::FarBox } else { State::Sent };
        assert_eq!(message.state, expected, "{:?}", message.steps);
        // That flight may have been lost behind the link, and paid for.
        spent(&pair.station, usize::from(end == End::LostCommand));
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
    assert_eq!(pair.station.message(id).state, State::FarBox);
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
    assert_eq!((message.state, message.reason.code().as_str()), (State::Unconfirmed, "link.taken_unknown"));
    assert_eq!(rig.fake.sky().calls.iter().filter(|call| **call == "send").count(), 2);
    rig.books_balance();
}

/// That one packet may have left is what the owner has to know, whatever becomes of the others: the message may be sent
/// again once nothing of it is on the link.
#[test]
fn it_may_be_sent_again_although_another_packet_of_it_was_taken() {
    let rig = Rig::new("satellite");
    rig.context.store.set("air.compact", "off").unwrap();
    let mut worker = rig.worker();
    rig.fake.sky().blind = true;
    rig.fake.sky().ends.push_back(End::LostCommand);
    let id = rig.accept(&"two packets of it ".repeat(12));
    rig.turn(&mut worker);
    for _ in 0..3 {
        rig.clock.advance(SECONDS(5));
        rig.turn(&mut worker);
    }
    let packets = rig.context.store.read(move |view| view.packets_of(id)).unwrap();
    let states: Vec<_> = packets.iter().map(|packet| packet.is_handed()).collect();
    assert_eq!(states, [true, true], "{packets:?}");
    assert_eq!(rig.fake.sky().queue.len(), 1);
    for _ in 0..2 {
        let message = rig.message(id);
        assert_eq!((message.state, message.reason.code().as_str()), (State::OnLink, "link.left_unknown"));
        assert!(actions::again::is_possible(&message));
        rig.fake.sky().pass(true);
        rig.turn(&mut worker);
    }
    actions::apply(&rig.context.store, actions::MessageAction::Again, id, "anna").unwrap();
    rig.turn(&mut worker);
    assert_eq!(rig.message(id).state, State::OnLink);
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
        let verdict =
            if taken { Verdict::Taken(reference(number)) } else { Verdict::NotTaken(Reason::said("by its id")) };
        pair.station.fake.sky().verdicts.insert(payload, verdict);
        pair.advance(SECONDS(61));
        pair.pass(&mut workers);
        pair.pass(&mut workers);
        assert_eq!(pair.arrived_ashore()[1..], ["Did this leave"]);
        spent_once(&pair.station);
    }
}

/// The owner may send again what is not confirmed, for its price: nobody gets it twice where the boxes talk.
#[test]
fn what_is_not_confirmed_is_sent_again_by_its_owner() {
    for arrived in [true, false] {
        let pair = Pair::new();
        let mut workers = pair.workers();
        pair.agree(&mut workers);
        let id = pair.write_on_boat("Do you hear me");
        if arrived {
            pair.pass(&mut workers);
        } else {
            // Lost beyond the satellite.
            pair.turn(&mut workers);
            pair.station.fake.sky().pass(true);
            pair.carried[0].set(pair.carried[0].get() + 1);
            pair.turn(&mut workers);
        }
        assert_eq!(pair.station.message(id).state, State::Sent);
        let store = &pair.station.context.store;
        let words = actions::apply(store, actions::MessageAction::Again, id, "anna").unwrap().to_string();
        assert!(words.ends_with("goes once more, for 1 packet"), "{words}");
        assert_eq!(pair.station.message(id).reason.code(), "action.sent_again");
        pair.pass(&mut workers);
        pair.write_ashore("answer");
        pair.pass(&mut workers);
        assert_eq!(pair.arrived_ashore()[1..], ["Do you hear me"], "arrived before: {arrived}");
        assert_eq!(pair.station.message(id).state, State::FarBox);
        let late = actions::apply(store, actions::MessageAction::Again, id, "anna");
        assert!(late.unwrap_err().why().contains("is at the far box: only what may not have arrived"));
        pair.station.books_balance();
    }
}

#[test]
fn on_a_classic_link_what_is_unknown_goes_once_more_when_its_owner_says_so() {
    let rig = Rig::new("satellite");
    rig.context.store.set("air.compact", "off").unwrap();
    let mut worker = rig.worker();
    rig.fake.sky().blind = true;
    rig.fake.sky().ends.push_back(End::LostCommand);
    let id = rig.accept("Did this leave");
    rig.turn(&mut worker);
    rig.clock.advance(SECONDS(5));
    rig.turn(&mut worker);
    assert_eq!(rig.message(id).reason.code(), "link.left_unknown");
    actions::apply(&rig.context.store, actions::MessageAction::Again, id, "anna").unwrap();
    rig.turn(&mut worker);
    assert_eq!(rig.message(id).state, State::OnLink);
    rig.fake.sky().pass(true);
    rig.turn(&mut worker);
    assert_eq!((rig.message(id).state, rig.fake.sky().on_air.len()), (State::Sent, 1));
    rig.books_balance();
}

/// More bundles wait for receipts than are kept: no more leave, none ends, and the far box is asked for its receipts.
#[test]
fn a_limit_of_memory_ends_no_message() {
    let pair = Pair::new();
    let mut workers = pair.workers();
    pair.agree(&mut workers);
    pair.station.context.store.set("m138.window", "500").unwrap();
    let mut ids = Vec::new();
    for n in 0..200 {
        // One by one: they share no packet.
        ids.push(pair.write_on_boat(&format!("no {n}")));
        pair.station.turn(&mut workers[0]);
        pair.station.fake.sky().pass(true);
    }
    // Nothing has arrived yet, and the box starts anew.
    workers = killed(&pair, workers);
    pair.turn(&mut workers);
    let states: Vec<_> = ids.iter().map(|id| pair.station.message(*id).state).collect();
    assert!(states.iter().all(|state| matches!(state, State::Sent | State::Queued)), "{states:?}");
    let waits = ids.iter().map(|id| pair.station.message(*id)).find(|message| message.state == State::Queued).unwrap();
    assert_eq!(waits.reason.code(), "waits.receipts");
    for _ in 0..8 {
        pair.advance(SECONDS(61));
        pair.pass(&mut workers);
    }
    let count = |state| ids.iter().filter(|id| pair.station.message(**id).state == state).count();
    assert!(count(State::FarBox) > 100, "receipts came for {}", count(State::FarBox));
    assert_eq!(count(State::Queued), 0, "what waited has left");
    pair.station.books_balance();
}
