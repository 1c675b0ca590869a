//! What is written down, when the clock is set back.

use super::*;
use crate::clock::ClockSet;
use crate::message::LinkId;
use crate::message::events::EventKind;
use crate::store::Event;
use crate::store::schema::Readable;
use crate::store::usage::Span;

const DAY: i64 = 86_400_000;
/// The box believed that it was then.
const WRONG: Time = Time(2_079_000_000_000);
const BACK: ClockSet = ClockSet { by: -3650 * DAY, since: Time(WRONG.0 - DAY), now: Time(WRONG.0 - 3649 * DAY) };

/// What a box keeps of positions: all its moments.
fn whereabouts() -> serde_json::Value {
    let at = WRONG.0;
    let told = serde_json::json!({ "position": { "north": 1, "east": 2, "minute": 3 }, "at": at, "wanted": at });
    serde_json::json!({
        "told": told, "before": told, "wanted": at, "question": at, "answered": at, "ask": at, "asked": at, "lost": at,
        "came": { "at": at, "hour": 4, "count": 5 },
    })
}

#[test]
fn records_of_a_clock_that_was_ahead_are_dated_right() {
    let folder = Folder::new();
    let store = Store::open(&folder, &Clock::fake(WRONG)).unwrap();
    let taken = |way, state, at: i64| {
        let deadline = Time(at + DAY);
        mail(vec![Message { accepted: Time(at), deadline, ..message(way, state, at) }])
    };
    store.put(taken(Way::Link, State::Queued, WRONG.0)).unwrap();
    store.put(taken(Way::Mailbox, State::Delivered, WRONG.0 + 5)).unwrap();
    store
        .write(|tx| {
            tx.once("m138:1", WRONG)?;
            tx.contacts.insert(("anna", "bob@world.example"), WRONG.0)?;
            tx.put_session("token", Some(br#"{"created":2079000000000,"seen":2079000000000,"seal":"x"}"#))?;
            let bundle = br#"{"planned":2079000000000,"ticket":2079000000001}"#.to_vec();
            tx.put_session_rows(
                "",
                &[
                    (("out".to_owned(), 1), bundle),
                    (("alive".to_owned(), 0), b"2079000000000".to_vec()),
                    (("whereabouts".to_owned(), 0), whereabouts().to_string().into_bytes()),
                ]
                .into(),
            )?;
            tx.samples(LinkId::FIRST, &[("rssi", WRONG, -90.0)])?;
            tx.event(&Event {
                at: WRONG,
                part: "link".into(),
                link: None,
                kind: EventKind::Old("x".into()),
                alarm: false,
            })
        })
        .unwrap();
    let usage = |store: &Store| store.read(|view| view.usage(Span::Day, None)).unwrap();
    assert!(usage(&store).iter().all(|day| day.period.starts_with("2035")), "{:?}", usage(&store));
    let before = store.message(Id(1)).unwrap().unwrap();
    assert_eq!(store.write(|tx| tx.clock_was_set(BACK)).unwrap(), 1);
    let right = Time(WRONG.0 + BACK.by);
    let waits = store.message(Id(1)).unwrap().unwrap();
    assert_eq!(waits.accepted, right);
    assert_eq!(
        waits.deadline.since(waits.accepted),
        before.deadline.since(before.accepted),
        "it has the time that it had"
    );
    let over = store.message(Id(2)).unwrap().unwrap();
    assert_eq!(
        (over.accepted, over.steps[0].at, over.clock_moved),
        (Time(right.0 + 5), Time(right.0 + 5), Some(BACK.by / 1000))
    );
    assert_eq!(store.read(|view| view.events(1)).unwrap()[0].at, right);
    assert_eq!(store.read(|view| view.samples(LinkId::FIRST, "rssi", Time(0))).unwrap(), [(right, -90.0)]);
    let sessions = store.read(|view| view.sessions()).unwrap();
    let session: serde_json::Value = serde_json::from_slice(&sessions[0].1).unwrap();
    assert_eq!((&session["created"], &session["seen"]), (&right.0.into(), &right.0.into()));
    let rows = store.read(|view| view.session_rows("")).unwrap();
    let bundle: serde_json::Value = serde_json::from_slice(&rows[&("out".to_owned(), 1)]).unwrap();
    assert_eq!(bundle["planned"], right.0);
    assert_eq!(bundle["ticket"], 2_079_000_000_001_i64, "only times move");
    let told: serde_json::Value = serde_json::from_slice(&rows[&("whereabouts".to_owned(), 0)]).unwrap();
    assert_eq!(told.to_string(), whereabouts().to_string().replace("2079000000000", &right.0.to_string()));
    assert_eq!(rows[&("alive".to_owned(), 0)], right.0.to_string().into_bytes());
    store
        .write(move |tx| {
            assert_eq!(tx.seen.get("m138:1")?.map(|at| at.value()), Some(right.0));
            assert_eq!(tx.contacts.get(("anna", "bob@world.example"))?.map(|at| at.value()), Some(right.0));
            Ok(())
        })
        .unwrap();
    let days: Vec<_> =
        usage(&store).into_iter().map(|day| (day.period, day.counts.taken.values().sum::<u64>())).collect();
    assert_eq!(days.iter().map(|(_, taken)| taken).sum::<u64>(), 2, "{days:?}");
    assert!(days.iter().all(|(day, _)| day.starts_with("2025")), "{days:?}");
}
