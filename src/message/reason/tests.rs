use serde_json::json;

use super::*;
use crate::message::{PacketState, Proof, Reference};

fn stored(reason: &Reason) -> Value {
    serde_json::to_value(reason).unwrap()
}

fn read(value: Value) -> Reason {
    serde_json::from_value(value).unwrap()
}

fn over_budget() -> OverBudget {
    let limit = crate::money::Exceeded::Packets { used: 3, most: 3, reserve: 0 };
    OverBudget { account: "ben".into(), limit }
}

/// One of each family, with its code.
fn samples() -> Vec<(Reason, &'static str)> {
    let number = "12".parse::<crate::address::Phone>().unwrap_err();
    let by = Reference { holder: "m138:0x001abe".into(), number: 77 };
    let part = Some(Part { number: 1, of: 2 });
    let count = TextCount { texts: 2, alphabet: "GSM-7".into(), units: 164 };
    vec![
        (NoRoute::NoPerson { name: "carl".into() }.into(), "no_route.no_person"),
        (NoRoute::BadNumber(number).into(), "no_route.bad_number"),
        (Waits::Relay.into(), "waits.relay"),
        (Waits::Link { packets: 2 }.into(), "waits.link"),
        (NeedsOwner::TooManyPackets { needs: 9, most: 5 }.into(), "needs_owner.too_many_packets"),
        (
            NeedsOwner::Unsplittable(SplitError::TooLong { most: 99, max_payload: 192 }).into(),
            "needs_owner.unsplittable",
        ),
        (Barred::Automatic { how: "List-Id".into(), on: Medium::Air }.into(), "barred.automatic"),
        (Reason::HeldByRule(Ground::Stranger { proof: Proof::Unproven }), "held_by_rule.stranger"),
        (Reason::RefusedByRule(Ground::Blocked { list: Whose::Box }), "refused_by_rule.blocked"),
        (over_budget().into(), "over_budget"),
        (Arrived::Mailbox { name: Some("anna".into()) }.into(), "arrived.mailbox"),
        (ActionReason::Released { who: "anna".into(), allow: true }.into(), "action.released"),
        (LinkReason::Taken { how: Taken::Handed, part, by }.into(), "link.taken"),
        (LinkReason::Acknowledged { part, how: Acknowledged::Said("RSSI -101".into()) }.into(), "link.acknowledged"),
        (
            LinkReason::PacketGone { why: GoneReason::Refused { part, why: Box::new("no".into()) } }.into(),
            "link.packet_gone",
        ),
        (TextReason::Taken { carrier: "Twilio".into(), id: "SM1".into(), count, found: false }.into(), "text.taken"),
        (TextReason::Asking { why: Doubt::Fault(Box::new("busy".into())) }.into(), "text.asking"),
        (RelayReason::CameBack { status: Some("5.1.1".into()), said: None }.into(), "relay.came_back"),
        (
            RelayReason::Unanswered { times: 2, why: Box::new("the line broke".into()), held: false }.into(),
            "relay.unanswered",
        ),
        (
            Reason::Ended { why: Box::new(LinkReason::NoSatellite.into()), wanted_by: Some(Time(5)), untold: true },
            "link.no_satellite",
        ),
        (Reason::AgainOverBudget { why: Box::new("garbled".into()), budget: over_budget() }, "said"),
        (Reason::said("the modem has no GPS time yet"), "said"),
    ]
}

#[test]
fn reasons_survive_the_store_and_have_a_code() {
    for (reason, code) in samples() {
        let value = stored(&reason);
        assert!(value.is_object(), "{value}");
        assert_eq!(read(value.clone()), reason, "{value}");
        assert_eq!(reason.code(), code);
        assert!(!reason.to_string().is_empty());
    }
    assert_eq!(stored(&Waits::Link { packets: 2 }.into()), json!({"code": "waits", "is": "link", "packets": 2}));
}

#[test]
fn a_sentence_of_an_older_version_is_kept() {
    let old = read(json!("waits for the link, 1 packet"));
    assert_eq!(old, Reason::Old("waits for the link, 1 packet".into()));
    assert_eq!((old.to_string().as_str(), old.code().as_str()), ("waits for the link, 1 packet", "unknown"));
    // A word that is also a code is a sentence like any other.
    assert_eq!(read(json!("waits")), Reason::Old("waits".into()));
}

#[test]
fn what_a_newer_version_wrote_is_kept_and_shown_as_unknown() {
    for new in [
        json!({"code": "teleported", "to": "mars"}),
        json!({"code": "waits", "is": "balloon"}),
        json!({"code": "waits", "is": "link"}),
        json!({"code": "link", "is": "asking", "part": 1}),
        json!(["something", 7]),
    ] {
        let reason = read(new.clone());
        assert_eq!(stored(&reason), new, "it goes back as it came");
        assert!(reason.to_string().starts_with("unknown"), "{reason}");
    }
    assert_eq!(read(json!({"code": "waits", "is": "balloon"})).code(), "waits.balloon");
}

#[test]
fn packets_of_older_versions_are_gone_for_the_same_reasons() {
    let gone = |words: &str| match serde_json::from_value(json!({ "gone": words })).unwrap() {
        PacketState::Gone(why) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(gone("withdrawn before it was sent"), GoneReason::Withdrawn);
    assert_eq!(gone("not sent any more"), GoneReason::Dropped);
    assert_eq!(
        gone("expired on the modem"),
        GoneReason::GivenUp { why: Box::new(Reason::Old("expired on the modem".into())) }
    );
    for why in [
        GoneReason::Withdrawn,
        GoneReason::Dropped,
        GoneReason::Late,
        GoneReason::Refused { part: None, why: Box::new("too long".into()) },
        GoneReason::Unknown(json!({"gone": "eaten", "by": "a whale"})),
    ] {
        let state = PacketState::Gone(why.clone());
        let value = serde_json::to_value(&state).unwrap();
        assert_eq!(serde_json::from_value::<PacketState>(value).unwrap(), state);
        assert_eq!(why.is_failure(), !matches!(why, GoneReason::Withdrawn | GoneReason::Dropped));
    }
}

#[test]
fn the_status_of_a_mail_server_is_found() {
    let relay = |status: Option<&str>, said: Option<&str>| {
        Reason::from(RelayReason::CameBack { status: status.map(str::to_owned), said: said.map(str::to_owned) })
    };
    assert_eq!(relay(Some("5.1.1"), Some("550 no")).status(), Some("5.1.1"));
    assert_eq!(relay(None, Some("550 5.2.2 full")).status(), Some("5.2.2"));
    assert_eq!(relay(None, None).status(), None);
    let refused = |status: Option<&str>| {
        Reason::from(RelayReason::Refused(Box::new(RelayRefusal {
            relay: "mail.example".into(),
            at: "RCPT".into(),
            code: 550,
            status: status.map(str::to_owned),
            reply: "550 5.1.1 no such person".into(),
            hint: None,
        })))
    };
    assert_eq!(refused(Some("5.1.1")).to_string(), "mail.example answered 550 5.1.1 no such person to RCPT");
    assert_eq!((refused(Some("5.1.1")).status(), refused(Some("4.2.2")).status()), (Some("5.1.1"), None));
    assert_eq!(Reason::Old("answered 550 5.1.1 no such person".into()).status(), Some("5.1.1"));
    assert_eq!(Reason::said("answered 550 5.1.1 no such person").status(), None, "words are not read");
    assert_eq!(Reason::from(Waits::Relay).status(), None);
}

/// Faults are handed on in results everywhere: a reason is small, and its rare large parts are boxed.
#[test]
fn a_reason_is_small() {
    assert!(size_of::<Reason>() <= 88, "{}", size_of::<Reason>());
}
