use serde_json::json;

use super::*;
use crate::address::Phone;
use crate::message::machine::{Machine, MachineKind};
use crate::message::{PacketState, Proof, Reference};
use crate::money::{Amount, Money};

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

/// One of each, with its code.
fn samples() -> Vec<(Reason, &'static str)> {
    let who = || "anna".to_owned();
    let name = || "carl".to_owned();
    let why = || Box::new(Reason::said("busy"));
    let number = "12".parse::<Phone>().unwrap_err();
    let phone: Phone = "+14155550123".parse().unwrap();
    let device = "0x001abe".parse().unwrap();
    let by = Reference { holder: "m138:0x001abe".into(), number: 77 };
    let part = Some(Part { number: 1, of: 2 });
    let signal = SignalFigures { rssi: Some(-1010), snr: Some(35), fdev: None };
    let count = TextCount { texts: 2, alphabet: "GSM-7".into(), units: 164 };
    let amount = |money| Amount { money: Money(money), currency: "USD".into() };
    let split = SplitError::TooLong { most: 99, max_payload: 192 };
    let mut samples: Vec<(Reason, &'static str)> = vec![
        (NoRoute::NoRecipient.into(), "no_route.no_recipient"),
        (NoRoute::NoPerson { name: name() }.into(), "no_route.no_person"),
        (NoRoute::TakesNoMail { name: name() }.into(), "no_route.takes_no_mail"),
        (NoRoute::MayNotSend { name: name() }.into(), "no_route.may_not_send"),
        (NoRoute::DeviceOutOfReach { name: name() }.into(), "no_route.device_out_of_reach"),
        (NoRoute::BadNumber(number).into(), "no_route.bad_number"),
        (NoRoute::NoMailAddress.into(), "no_route.no_mail_address"),
        (NoRoute::NoPhone.into(), "no_route.no_phone"),
        (NoRoute::NowhereOutside { domain: "nas.lan".into() }.into(), "no_route.nowhere_outside"),
        (NoRoute::OneFarBox { driver: "m138".into() }.into(), "no_route.one_far_box"),
        (Waits::Relay.into(), "waits.relay"),
        (Waits::Link { packets: 2 }.into(), "waits.link"),
        (Waits::NoLink.into(), "waits.no_link"),
        (Waits::Carrier { texts: 2 }.into(), "waits.carrier"),
        (Waits::NoCarrier.into(), "waits.no_carrier"),
        (NeedsOwner::DeviceOfNobody { device, called: "vela".into() }.into(), "needs_owner.device_of_nobody"),
        (NeedsOwner::NumberOfNobody { number: phone }.into(), "needs_owner.number_of_nobody"),
        (NeedsOwner::NoServiceNumber { who: who() }.into(), "needs_owner.no_service_number"),
        (NeedsOwner::TooManyPackets { needs: 9, most: 5 }.into(), "needs_owner.too_many_packets"),
        (NeedsOwner::Unsplittable(split).into(), "needs_owner.unsplittable"),
        (
            NeedsOwner::Unsplittable(SplitError::NoRoom { address: 190, max_payload: 192 }).into(),
            "needs_owner.unsplittable",
        ),
        (
            Barred::Automatic { how: Machine::sign(MachineKind::List, "list-id"), on: Medium::Air }.into(),
            "barred.automatic",
        ),
        (Barred::Blank { on: Medium::Air }.into(), "barred.blank"),
        (Barred::Reaction { on: Medium::Air }.into(), "barred.reaction"),
        (Barred::NoSender { on: Medium::Phone }.into(), "barred.no_sender"),
        (OverPrice { costs: amount(140_000), most: amount(70_000) }.into(), "over_price"),
        (over_budget().into(), "over_budget"),
        (Arrived::Mailbox { name: Some(who()) }.into(), "arrived.mailbox"),
        (Arrived::Mailbox { name: None }.into(), "arrived.mailbox"),
        (Arrived::NoticeKeptHere { name: who() }.into(), "arrived.notice_kept_here"),
        (Arrived::WithoutDevice { name: who() }.into(), "arrived.without_device"),
        (Arrived::FarBox.into(), "arrived.far_box"),
        (FarBoxReason::Mailbox.into(), "far_box.mailbox"),
        (FarBoxReason::Ashore.into(), "far_box.ashore"),
        (FarBoxReason::Held.into(), "far_box.held"),
        (FarBoxReason::Unconfirmed.into(), "far_box.unconfirmed"),
        (FarBoxReason::NoRecipient.into(), "far_box.no_recipient"),
        (FarBoxReason::Refused.into(), "far_box.refused"),
        (FarBoxReason::Content.into(), "far_box.content"),
        (FarBoxReason::TooLate.into(), "far_box.too_late"),
        (FarBoxReason::Cancelled.into(), "far_box.cancelled"),
        (FarBoxReason::Failed.into(), "far_box.failed"),
        (Arrived::Phone { carrier: "Twilio".into() }.into(), "arrived.phone"),
        (ActionReason::Held { who: who() }.into(), "action.held"),
        (ActionReason::Released { who: who(), allow: true }.into(), "action.released"),
        (ActionReason::Afforded.into(), "action.afforded"),
        (ActionReason::Cancelled { who: who(), withdrawing: true, copy: false }.into(), "action.cancelled"),
        (ActionReason::PersonErased.into(), "action.person_erased"),
        (ActionReason::Retried { who: who() }.into(), "action.retried"),
        (ActionReason::SentAgain { who: who() }.into(), "action.sent_again"),
        (LinkReason::Taken { how: Taken::Handed, part, by }.into(), "link.taken"),
        (LinkReason::Acknowledged { part, how: Acknowledged::Signal(signal) }.into(), "link.acknowledged"),
        (LinkReason::Acknowledged { part: None, how: Acknowledged::NotSeen }.into(), "link.acknowledged"),
        (LinkReason::Asking { part: 1, why: why() }.into(), "link.asking"),
        (LinkReason::LeftUnknown { part: None, why: why(), asks: true }.into(), "link.left_unknown"),
        (LinkReason::NotThere { part }.into(), "link.not_there"),
        (LinkReason::NotTaken { why: why() }.into(), "link.not_taken"),
        (LinkReason::NoReceipt.into(), "link.no_receipt"),
        (TrackingReason::QueueDidNotGrow.into(), "tracking.queue_did_not_grow"),
        (TrackingReason::OnOtherDevice { device: "0x001abe".into() }.into(), "tracking.on_other_device"),
        (TrackingReason::NotListed { service: "the Hive".into(), settled: false }.into(), "tracking.not_listed"),
        (DeviceReason::NoTime.into(), "device.no_time"),
        (DeviceReason::ReadyBut { but: Caution::Slow(12) }.into(), "device.ready_but"),
        (DeviceReason::ReadyBut { but: Caution::OtherReader("cat (pid 5)".into()) }.into(), "device.ready_but"),
        (DeviceReason::Silent { port: "/dev/ttyUSB0".into(), next: Remedy::Wait }.into(), "device.silent"),
        (
            DeviceReason::Unopened { port: "/dev/ttyUSB0".into(), obstacle: Obstacle::Held(None) }.into(),
            "device.unopened",
        ),
        (
            DeviceReason::RefusedPacket { means: Rejection::AppId, word: "BADAPPID".into() }.into(),
            "device.refused_packet",
        ),
        (
            DeviceReason::Answers { service: "the Hive".into(), user: "ben".into(), others: Some((9, 0)) }.into(),
            "device.answers",
        ),
        (Unusable::NotOurs.into(), "unusable.not_ours"),
        (Unusable::LoneFragment { of: 3 }.into(), "unusable.lone_fragment"),
        (Unusable::Record { why: "message 5 is unreadable".into() }.into(), "unusable.record"),
        (FarBoxReason::NoModel { model: 7 }.into(), "far_box.no_model"),
        (FarBoxReason::UnknownIndex.into(), "far_box.unknown_index"),
        (FarBoxReason::NoPast.into(), "far_box.no_past"),
        (LinkReason::Withdrawn.into(), "link.withdrawn"),
        (LinkReason::RestWithdrawn.into(), "link.rest_withdrawn"),
        (LinkReason::NoSatellite.into(), "link.no_satellite"),
        (LinkReason::PartInTime.into(), "link.part_in_time"),
        (LinkReason::GivenBack.into(), "link.given_back"),
        (LinkReason::PacketGone { why: GoneReason::Refused { part, why: why() } }.into(), "link.packet_gone"),
        (LinkReason::PieceAgain.into(), "link.piece_again"),
        (LinkReason::Regrouped.into(), "link.regrouped"),
        (LinkReason::TakenUnknown { why: why() }.into(), "link.taken_unknown"),
        (LinkReason::LateOnLink.into(), "link.late_on_link"),
        (LinkReason::Misdirected.into(), "link.misdirected"),
        (LinkReason::NotSeenSince { part: true }.into(), "link.not_seen_since"),
        (LinkReason::Unconfirmed.into(), "link.unconfirmed"),
        (TextReason::Taken { carrier: "Twilio".into(), id: "SM1".into(), count, found: false }.into(), "text.taken"),
        (TextReason::TakenByReport.into(), "text.taken_by_report"),
        (TextReason::Asking { why: Doubt::Fault(why()) }.into(), "text.asking"),
        (TextReason::NotKnown { why: Doubt::NotListed }.into(), "text.not_known"),
        (TextReason::LateUnknown { why: Doubt::AnswerLost }.into(), "text.late_unknown"),
        (TextReason::Again { why: why() }.into(), "text.again"),
        (TextReason::Unclear { why: why() }.into(), "text.unclear"),
        (TextReason::OptedOut { phone, since: Time(5), how: "it sent STOP".into() }.into(), "text.opted_out"),
        (TextReason::TooLong { has: 1700, most: 1600 }.into(), "text.too_long"),
        (RelayReason::Taken { reply: "250 ok".into() }.into(), "relay.taken"),
        (refused(Some("5.1.1")), "relay.refused"),
        (RelayReason::Unanswered { times: 1, why: why(), held: false }.into(), "relay.unanswered"),
        (RelayReason::CameBack { status: Some("5.1.1".into()), said: None }.into(), "relay.came_back"),
        (
            Reason::Ended { why: Box::new(LinkReason::NoSatellite.into()), wanted_by: Some(Time(5)), untold: true },
            "link.no_satellite",
        ),
        (Reason::AgainOverBudget { why: why(), budget: over_budget() }, "over_budget"),
        (
            Reason::SentBy(Box::new(SentBy {
                why: Reason::HeldByRule(Ground::NotVouchedFor),
                from: "mum@world.example".parse().unwrap(),
                by: "srs0=x@fwd.example".parse().unwrap(),
            })),
            "held_by_rule.not_vouched_for",
        ),
        (Reason::said("the modem has no GPS time yet"), "said"),
    ];
    for (ground, held, refused) in [
        (Ground::Blocked { list: Whose::Box }, "held_by_rule.blocked", "refused_by_rule.blocked"),
        (Ground::Allowed { list: Whose::Reader }, "held_by_rule.allowed", "refused_by_rule.allowed"),
        (Ground::Machine { list: Whose::Box }, "held_by_rule.machine", "refused_by_rule.machine"),
        (Ground::WantedMachine, "held_by_rule.wanted_machine", "refused_by_rule.wanted_machine"),
        (Ground::NotVouchedFor, "held_by_rule.not_vouched_for", "refused_by_rule.not_vouched_for"),
        (Ground::Answer, "held_by_rule.answer", "refused_by_rule.answer"),
        (Ground::KeyWord, "held_by_rule.key_word", "refused_by_rule.key_word"),
        (Ground::Stranger { proof: Proof::Failed }, "held_by_rule.stranger", "refused_by_rule.stranger"),
        (Ground::NoReader, "held_by_rule.no_reader", "refused_by_rule.no_reader"),
    ] {
        samples.extend([(Reason::HeldByRule(ground), held), (Reason::RefusedByRule(ground), refused)]);
    }
    samples
}

fn refused(status: Option<&str>) -> Reason {
    let status = status.map(str::to_owned);
    let reply = "550 5.1.1 no such person".to_owned();
    let (relay, at) = ("mail.example".to_owned(), "RCPT".to_owned());
    RelayReason::Refused(Box::new(RelayRefusal { relay, at, code: 550, status, reply, hint: None })).into()
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
    assert_eq!(refused(Some("5.1.1")).to_string(), "mail.example answered 550 5.1.1 no such person to RCPT");
    assert_eq!((refused(Some("5.1.1")).status(), refused(Some("4.2.2")).status()), (Some("5.1.1"), None));
    assert_eq!(Reason::Old("answered 550 5.1.1 no such person".into()).status(), Some("5.1.1"));
    assert_eq!(Reason::said("answered 550 5.1.1 no such person").status(), None, "words are not read");
    assert_eq!(Reason::from(Waits::Relay).status(), None);
}

/// Faults are handed on in results everywhere: a reason is small, and its rare large parts are boxed.
#[test]
fn a_reason_is_small() {
    assert!(size_of::<Reason>() <= 96, "{}", size_of::<Reason>());
}
