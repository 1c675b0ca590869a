use super::smtp::refusal;
use super::*;
use crate::message::reason::{Doubt, Ground, LinkReason, NeedsOwner, NoRoute, Reason, RelayReason, TextReason, Waits};
use crate::message::{Proof, State, Way};
use crate::money::{Amount, Exceeded, Money, OverBudget, OverPrice};

#[test]
fn the_owner_hears_the_whole_fact_and_what_to_do() {
    let budget = |account: &str, limit| Reason::from(OverBudget { account: account.into(), limit });
    let amount = |money, currency: &str| Amount { money: Money(money), currency: currency.into() };
    for (reason, words) in [
        (Waits::Link { packets: 1 }.into(), "waits for the link, 1 packet"),
        (Waits::Carrier { texts: 2 }.into(), "waits for the carrier, 2 texts"),
        (
            Reason::HeldByRule(Ground::Stranger { proof: Proof::Proven }),
            "the sender is a stranger: release it to send it, or allow the sender",
        ),
        (
            Reason::RefusedByRule(Ground::Stranger { proof: Proof::Unproven }),
            "the sender is a stranger, and not verified, and strangers are refused",
        ),
        (
            budget("", Exceeded::Packets { used: 8, most: 10, reserve: 20 }),
            "the budget of this box is used up: 8 of 10 packets of this month are used, of which 20 % are for urgent messages",
        ),
        (
            budget("ben", Exceeded::Money { used: Money(8_000), most: Money(10_000), reserve: 0 }),
            "the budget of ben is used up: 0.008 of 0.01 of this month are spent",
        ),
        (
            OverPrice { costs: amount(140_000, "USD"), most: amount(70_000, "") }.into(),
            "it costs 0.14 USD, and 0.07 at most are allowed",
        ),
        (
            Reason::Ended { why: Box::new(LinkReason::NoSatellite.into()), wanted_by: None, untold: true },
            "no satellite took it in time (nobody is told: it has no sender that could be)",
        ),
    ] {
        assert_eq!(reason.to_string(), words);
    }
}

#[test]
fn a_person_hears_nothing_of_modems_and_settings() {
    let unanswered = |held| {
        let why = Box::new(Reason::said("relay mx.example:25: it closed the connection"));
        Reason::from(RelayReason::Unanswered { times: 3, why, held })
    };
    let technical = ["modem", "link.", "sms.", "packet", "driver", "GPS", "release", "relay", "coding"];
    for (reason, way, state) in [
        (Reason::said("the modem has no GPS time yet"), Way::Link, State::Queued),
        (Reason::said("CMD_BADVALUE"), Way::Link, State::Returned),
        (Waits::Link { packets: 3 }.into(), Way::Link, State::Queued),
        (Waits::NoLink.into(), Way::Link, State::Queued),
        (Waits::NoCarrier.into(), Way::Carrier, State::Queued),
        (NeedsOwner::TooManyPackets { needs: 9, most: 5 }.into(), Way::Link, State::Held),
        (Reason::HeldByRule(Ground::Stranger { proof: Proof::Unproven }), Way::Link, State::Held),
        (NoRoute::DeviceOutOfReach { name: "ben".into() }.into(), Way::Link, State::Refused),
        (unanswered(true), Way::Relay, State::Held),
        (unanswered(false), Way::Relay, State::Queued),
        (LinkReason::TakenUnknown { why: Box::new("no GPS".into()) }.into(), Way::Link, State::Expired),
        (
            LinkReason::LeftUnknown { part: None, why: Box::new("no GPS".into()), asks: false }.into(),
            Way::Link,
            State::OnLink,
        ),
        (LinkReason::NotThere { part: None }.into(), Way::Link, State::Queued),
        (TextReason::NotKnown { why: Doubt::NotListed }.into(), Way::Carrier, State::Held),
    ] {
        let words = person(&reason, way, state);
        assert!(technical.iter().all(|word| !words.contains(word)), "{reason}: {words}");
    }
    assert_eq!(person(&Reason::said("no GPS"), Way::Link, State::Queued), "waiting for a satellite or the internet");
}

#[test]
fn a_client_gets_codes_that_fit_each_other() {
    for (reason, code, status) in [
        (NoRoute::NoPerson { name: "carl".into() }.into(), 550, "5.1.1"),
        (NoRoute::TakesNoMail { name: "carl".into() }.into(), 550, "5.2.1"),
        (NoRoute::MayNotSend { name: "carl".into() }.into(), 550, "5.7.1"),
        (TextReason::TooLong { has: 1700, most: 1600 }.into(), 554, "5.3.4"),
        (Reason::said("odd"), 554, "5.0.0"),
    ] {
        let refusal = refusal(&reason);
        assert_eq!((refusal.code, refusal.status), (code, status));
        assert_eq!(refusal.text, reason.to_string());
    }
}
