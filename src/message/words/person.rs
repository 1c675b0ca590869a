//! A person's words: plain, and nothing of modems, settings, codings and records. Who owns the box can open the rest.

use crate::message::reason::{
    Acknowledged, ActionReason, Arrived, Barred, FarBoxReason, Ground, LinkReason, NeedsOwner, NoRoute, Reason,
    RelayReason, TextReason, Waits,
};
use crate::message::{Message, State, Way};

/// Of what a budget keeps back.
const OVER_BUDGET: &str = "the budget of this month is used up: it waits for room";
/// Of what the link refused, or took and gave up.
const NOT_CARRIED: &str = "the satellite link could not bring it to its recipient";

/// Why a message is in its state, for the person who wrote it or is to read it.
pub fn for_person(message: &Message) -> String {
    let words = words(&message.reason, message.way, message.state);
    let unknown =
        matches!(message.reason.root(), Reason::Link(LinkReason::Acknowledged { how: Acknowledged::NotKnown, .. }));
    match message.receipt_until {
        Some(_) if unknown => format!("{words}: the other side is to say that it has it"),
        _ => words,
    }
}

/// Why a message waits or came back, for the notice to its sender.
pub fn for_notice(message: &Message, why: &Reason) -> String {
    match why.root() {
        _ if matches!(why, Reason::AgainOverBudget { .. }) => words(why, message.way, message.state),
        // What a mail server said is the one thing that helps its sender.
        Reason::Said { words } | Reason::Old(words) if message.way == Way::Relay => words.clone(),
        Reason::Relay(fact) => fact.to_string(),
        Reason::HeldByRule(_) => {
            "mail goes there over a satellite link, where every message costs money, and one from \
                                  somebody who is new there waits until somebody has looked at it"
                .to_owned()
        }
        Reason::RefusedByRule(_) => {
            "mail goes there over a satellite link, where every message costs money, and only from people who are known \
             there"
                .to_owned()
        }
        root => words(root, message.way, message.state),
    }
}

/// One fact, of a message on this way and in this state.
pub fn words(reason: &Reason, way: Way, state: State) -> String {
    match reason {
        Reason::Waits(fact) => waits(fact).to_owned(),
        Reason::NeedsOwner(fact) => needs_owner(fact).to_owned(),
        Reason::NoRoute(fact) => no_route(fact),
        Reason::Barred(Barred::Automatic { .. }) => {
            "a program wrote it, and such mail is not carried where it costs".to_owned()
        }
        Reason::Barred(Barred::Blank { .. }) => "it says nothing, and is not carried where it costs".to_owned(),
        Reason::Barred(Barred::Reaction { .. }) => {
            "a phone sent it because somebody liked a text, and it is not carried where it costs".to_owned()
        }
        Reason::Barred(Barred::NoSender { .. }) => "it has no sender, and is not carried where it costs".to_owned(),
        Reason::HeldByRule(Ground::NoReader) => "waiting for the owner of this box to decide".to_owned(),
        Reason::HeldByRule(ground) => format!("{ground}: it waits for a decision"),
        Reason::OverBudget(_) => OVER_BUDGET.to_owned(),
        Reason::AgainOverBudget { why, .. } if matches!(**why, Reason::Action(ActionReason::Released { .. })) => {
            OVER_BUDGET.to_owned()
        }
        Reason::Arrived(Arrived::NoticeKeptHere { .. } | Arrived::WithoutDevice { .. } | Arrived::Mailbox { .. }) => {
            "in the mailbox here".to_owned()
        }
        Reason::Arrived(Arrived::FarBox) => {
            "it is at the other end of the link, on its way to its recipient".to_owned()
        }
        Reason::FarBox(fact) => far_box(*fact).to_owned(),
        Reason::Arrived(Arrived::Phone { .. }) => "delivered to the phone".to_owned(),
        Reason::Action(ActionReason::Afforded) => waiting(way).to_owned(),
        Reason::Relay(RelayReason::Taken { .. }) => "sent on by mail".to_owned(),
        Reason::Relay(RelayReason::Refused(_)) if state != State::Returned => waiting(way).to_owned(),
        Reason::Relay(RelayReason::Refused(refusal)) => format!("the mail server answered: {}", refusal.reply),
        Reason::Relay(RelayReason::Unanswered { held: true, .. }) => {
            "the mail server did not say whether it took it, it may have: the owner of this box decides whether it goes again"
                .to_owned()
        }
        Reason::Relay(RelayReason::Unanswered { .. }) => {
            "the mail server did not say whether it took it, it may have: it goes once more later".to_owned()
        }
        Reason::Link(fact) => link(fact).to_owned(),
        Reason::Text(fact) => text(fact),
        Reason::Ended { why, .. } => words(why, way, state),
        Reason::SentBy(sent) => words(&sent.why, way, state),
        Reason::AgainOverBudget { .. } => {
            "it has to go once more, and the budget of this month is used up: it waits for room".to_owned()
        }
        // What a device or a server says is for who looks after it.
        Reason::Said { .. }
        | Reason::Tracking(_)
        | Reason::Device(_)
        | Reason::Session(_)
        | Reason::Transport(_)
        | Reason::Line(_) => match state {
            State::Held => "waiting for the owner of this box to decide".to_owned(),
            State::Queued | State::OnLink | State::Sent => waiting(way).to_owned(),
            State::Expired | State::Unconfirmed => format!("its time ran out while it was {}", waiting(way)),
            State::Returned => match way {
                Way::Link => NOT_CARRIED.to_owned(),
                Way::Carrier => "it could not be delivered to the phone".to_owned(),
                Way::Relay | Way::Mailbox => reason.to_string(),
            },
            State::FarBox | State::Delivered | State::Cancelled | State::Refused => reason.to_string(),
        },
        Reason::RefusedByRule(_)
        | Reason::OverPrice(_)
        | Reason::Action(_)
        | Reason::Unusable(_)
        | Reason::Relay(RelayReason::CameBack { .. })
        | Reason::Old(_)
        | Reason::Unknown(_) => reason.to_string(),
    }
}

/// What a message on this way waits for.
fn waiting(way: Way) -> &'static str {
    match way {
        Way::Link => "waiting for a satellite or the internet",
        Way::Relay => "waiting for the mail server",
        Way::Carrier => "waiting to be sent as a text message",
        Way::Mailbox => "waiting for its mailbox",
    }
}

fn waits(fact: &Waits) -> &'static str {
    match fact {
        Waits::Relay => waiting(Way::Relay),
        Waits::Whole => "on its way, whole",
        Waits::Link { .. }
        | Waits::LinkDown
        | Waits::NotConnected
        | Waits::LineBudget { .. }
        | Waits::FarBox { .. }
        | Waits::Refusing { .. }
        | Waits::Others { .. }
        | Waits::Receipts
        | Waits::Coding
        | Waits::Coder => waiting(Way::Link),
        Waits::NoLink | Waits::NoReach { .. } => "waiting: this box uses no satellite link at present",
        Waits::NoLinkMay { .. } => "waiting: no link may take it at present",
        Waits::Cheaper { .. } => "waiting for a cheaper link",
        Waits::Carrier { .. } => waiting(Way::Carrier),
        Waits::NoCarrier => "waiting: this box sends no text messages at present",
    }
}

fn needs_owner(fact: &NeedsOwner) -> &'static str {
    match fact {
        NeedsOwner::DeviceOfNobody { .. } => "waiting: the owner of this box has to say whose device it came from",
        NeedsOwner::NewAtSea { .. } => "waiting: the owner of this box has to give its writer an address",
        NeedsOwner::NumberOfNobody { .. } => "waiting: the owner of this box has to say whose number this is",
        NeedsOwner::NoServiceNumber { .. } => "waiting: there is no number yet that it could be texted from",
        NeedsOwner::TooManyPackets { .. } => "it is long: the owner of this box decides whether it is sent",
        NeedsOwner::Unsplittable(_) => "it is too long for the satellite link: shorten it",
    }
}

fn no_route(fact: &NoRoute) -> String {
    match fact {
        NoRoute::DeviceOutOfReach { name } => format!("this box cannot reach the device of {name}"),
        NoRoute::OneFarBox { .. } => "this box cannot reach that device".to_owned(),
        _ => fact.to_string(),
    }
}

fn link(fact: &LinkReason) -> &'static str {
    match fact {
        LinkReason::Taken { .. }
        | LinkReason::Asking { .. }
        | LinkReason::Regrouped
        | LinkReason::MadeWay
        | LinkReason::FreeWay { .. }
        | LinkReason::Overtaken { .. } => waiting(Way::Link),
        LinkReason::Misdirected => "it is on its way to where its reader was, and cannot be taken back",
        LinkReason::LeftUnknown { asks: true, .. } => "it is not known whether it left: the other side is asked",
        LinkReason::LeftUnknown { asks: false, .. } => {
            "it is not known whether it left, it may have: the owner of this box decides whether it goes again"
        }
        LinkReason::NotThere { .. } | LinkReason::NotTaken { .. } => "it had not left, and goes again",
        LinkReason::NotClassic | LinkReason::TooManyPackets => "it is too long for the satellite link: shorten it",
        LinkReason::NoReceipt => "nobody has said that it arrived: it goes once more",
        LinkReason::Acknowledged { how: Acknowledged::Arrived, .. } => {
            "it is at the other end of the link, on its way to its recipient"
        }
        LinkReason::Acknowledged { how: Acknowledged::NotKnown, .. } => "it is not known whether it was sent",
        LinkReason::Acknowledged { .. } => "a satellite has it",
        LinkReason::PieceAgain => "a piece of it goes once more",
        LinkReason::Withdrawn => "it was taken back before it was sent",
        LinkReason::RestWithdrawn => "a part of it was sent, the rest was taken back",
        LinkReason::NoSatellite => "no satellite took it in time",
        LinkReason::PartInTime => "only a part of it left in time",
        LinkReason::GivenBack | LinkReason::PacketGone { .. } => NOT_CARRIED,
        LinkReason::TakenUnknown { .. }
        | LinkReason::LateOnLink
        | LinkReason::Overdue
        | LinkReason::LinkRemoved { .. }
        | LinkReason::NotSeenSince { .. } => {
            "its time ran out, and it is not known whether it was sent: it may have been"
        }
        LinkReason::Unconfirmed => "it was sent, and nobody has said that it arrived: it may have",
    }
}

fn far_box(fact: FarBoxReason) -> &'static str {
    match fact {
        FarBoxReason::Mailbox => "in the mailbox of its reader",
        FarBoxReason::Ashore => "delivered at the other end of the link",
        FarBoxReason::Held => "waiting for a decision at the other end of the link",
        FarBoxReason::Unconfirmed => "sent on at the other end of the link: nobody says whether it arrived",
        FarBoxReason::NoRecipient => "there is no such recipient",
        FarBoxReason::Refused => "its recipient, or their mail server, refused it",
        FarBoxReason::Content => "it is too large, or of a kind that is not taken",
        FarBoxReason::TooLate => "its time ran out at the other end of the link",
        FarBoxReason::Cancelled => "it was taken back at the other end of the link",
        FarBoxReason::Failed => "it could not be delivered at the other end of the link",
        FarBoxReason::NoOtherCoding => "the other side has it and cannot read it",
        FarBoxReason::NoModel { .. } | FarBoxReason::BadCheck | FarBoxReason::UnknownIndex | FarBoxReason::NoPast => {
            "the other side could not read it: it goes once more"
        }
    }
}

fn text(fact: &TextReason) -> String {
    match fact {
        TextReason::Taken { .. } | TextReason::TakenByReport | TextReason::Unclear { .. } => {
            "sent to the phone".to_owned()
        }
        TextReason::Asking { .. } => "finding out whether it was sent".to_owned(),
        TextReason::NotKnown { .. } => {
            "it is not known whether it was sent: the owner of this box decides whether it goes again".to_owned()
        }
        TextReason::LateUnknown { .. } => {
            "its time ran out, and it is not known whether it was sent: it may have been".to_owned()
        }
        TextReason::Again { .. } => "it could not be delivered to the phone, and is sent again".to_owned(),
        TextReason::OptedOut { phone, .. } => {
            format!("{phone} wants no texts from this number: it has to send START first")
        }
        TextReason::TooLong { .. } => fact.to_string(),
    }
}
