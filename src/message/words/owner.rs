//! The owner's words: the whole fact, and what can be done about it.

use std::fmt::{Display, Formatter, Result};

use crate::clock::Time;
use crate::message::Proof;
use crate::message::reason::{
    ActionReason, Arrived, Barred, Doubt, FarBoxReason, Ground, LinkBar, Medium, NeedsOwner, NoRoute, Reason,
    RelayHint, RelayReason, SplitError, TextCount, TextReason, Waits, Whose,
};
use crate::money::{BOX, Exceeded, OverBudget, OverPrice};

/// `1 packet`, `2 packets`.
pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

impl Display for Reason {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::NoRoute(fact) => fact.fmt(f),
            Self::Waits(fact) => fact.fmt(f),
            Self::NeedsOwner(fact) => fact.fmt(f),
            Self::Barred(fact) => fact.fmt(f),
            Self::HeldByRule(ground @ (Ground::NoReader | Ground::NotVouchedFor)) => {
                write!(f, "{ground}: release it to send it")
            }
            Self::HeldByRule(ground) => write!(f, "{ground}: release it to send it, or allow the sender"),
            Self::RefusedByRule(ground @ Ground::Stranger { .. }) => write!(f, "{ground}, and strangers are refused"),
            Self::RefusedByRule(ground) => ground.fmt(f),
            Self::OverPrice(fact) => fact.fmt(f),
            Self::OverBudget(fact) => fact.fmt(f),
            Self::Arrived(fact) => fact.fmt(f),
            Self::Action(fact) => fact.fmt(f),
            Self::Link(fact) => fact.fmt(f),
            Self::Tracking(fact) => fact.fmt(f),
            Self::Line(fact) => fact.fmt(f),
            Self::Session(fact) => fact.fmt(f),
            Self::Transport(fact) => fact.fmt(f),
            Self::Device(fact) => fact.fmt(f),
            Self::Unusable(fact) => fact.fmt(f),
            Self::FarBox(fact) => fact.fmt(f),
            Self::Text(fact) => fact.fmt(f),
            Self::Relay(fact) => fact.fmt(f),
            Self::Ended { why, wanted_by, untold } => {
                why.fmt(f)?;
                if let Some(by) = wanted_by {
                    write!(f, "; it was wanted by {by}")?;
                }
                f.write_str(if *untold { " (nobody is told: it has no sender that could be)" } else { "" })
            }
            Self::AgainOverBudget { why, budget } => write!(f, "{why}, but {budget}"),
            Self::SentBy(sent) => write!(f, "{} (it is from {}, and {} sent it)", sent.why, sent.from, sent.by),
            Self::Said { words } | Self::Old(words) => f.write_str(words),
            Self::Unknown(_) => f.write_str("unknown: a newer version of satpost wrote down why"),
        }
    }
}

impl Display for NoRoute {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::NoRecipient => f.write_str("there is no recipient"),
            Self::NoPerson { name } => write!(f, "there is no person {name} here"),
            Self::TakesNoMail { name } => write!(f, "{name} takes no mail at present"),
            Self::MayNotSend { name } => write!(f, "{name} may not send at present"),
            Self::NotAdmitted { name, shown } => write!(f, "{name} of {shown} gets no address here"),
            Self::DeviceOutOfReach { name } => write!(
                f,
                "{name} reads at a far box, and no link of this box leads there: add one, let them read here, or write \
                 to them at the address that they have on the far box of this one"
            ),
            Self::BadNumber(why) => why.fmt(f),
            Self::NowhereOutside { domain } => {
                write!(
                    f,
                    "there is no mail domain '{domain}' outside of this network: nothing for it goes over the link"
                )
            }
            Self::NoMailAddress => f.write_str("the recipient is no mail address"),
            Self::NoPhone => f.write_str("it goes to no phone number"),
            Self::OneFarBox { driver } => write!(f, "the link {driver} reaches one far box, not a device of its own"),
        }
    }
}

impl Display for Waits {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Relay => f.write_str("waits for the mail relay"),
            Self::Link { packets } => write!(f, "waits for the link, {}", count(*packets, "packet")),
            Self::NoLink => f.write_str("waits for a link, and this box has none in use: satpost link add, or link on"),
            Self::NoReach { device: true } => {
                f.write_str("waits for a link that reaches devices, and this box has none in use: satpost link add")
            }
            Self::NoReach { device: false } => f.write_str(
                "waits for a link to the far box of this station, and the links in use reach only devices: satpost link add",
            ),
            Self::NoLinkMay { why } => {
                f.write_str("no link may take it: ")?;
                let all: Vec<_> = why.iter().map(|(link, bar)| format!("{link} {bar}")).collect();
                f.write_str(&all.join(", "))
            }
            Self::Cheaper { link, until, rests, then, price } => {
                let how = if *rests { "which rests, as it broke too often" } else { "which is down" };
                match *until == Time::NEVER {
                    true => write!(f, "waits for {link}, {how}")?,
                    false => write!(f, "waits for {link}, {how}, until {until}")?,
                }
                match (then, price) {
                    (Some(then), Some(price)) => write!(f, ", then {then}, {price}"),
                    (Some(then), None) => write!(f, ", then {then}"),
                    (None, _) => Ok(()),
                }
            }
            Self::LinkDown => f.write_str("waits for the link, which is not ready: 'satpost status' says why"),
            Self::NotConnected => f.write_str("waits until its far box is connected"),
            Self::LineBudget { until } => {
                write!(f, "the budget for the bytes of this line is used up: waits until {until}, urgent messages go")
            }
            Self::FarBox { device: Some(device), packets } => {
                let (packets, wait) = (count(*packets, "packet"), if *packets == 1 { "waits" } else { "wait" });
                let device = device.shown();
                write!(f, "{packets} for {device} {wait} on the link, as many as may: it has to take one first")
            }
            Self::FarBox { device: None, packets } => {
                let (packets, wait) = (count(*packets, "packet"), if *packets == 1 { "waits" } else { "wait" });
                write!(f, "{packets} {wait} on the link, as many as may: a satellite has to take one first")
            }
            Self::Refusing { device: Some(device) } => {
                let device = device.shown();
                write!(f, "the link refused another message for {device} a moment ago: it is tried again soon")
            }
            Self::Refusing { device: None } => {
                f.write_str("the link refused another message a moment ago: it is tried again soon")
            }
            Self::Whole => f.write_str("its whole mail goes to the far box first, then the message"),
            Self::Others { until } => write!(f, "waits until {until} for other messages to share a packet with"),
            Self::Receipts => {
                f.write_str("waits for receipts of the far box: as many packets as are kept wait for theirs")
            }
            Self::Coding => {
                f.write_str("went once already; waits until the far box can be told that this is the same message")
            }
            Self::Coder => f.write_str("waits for the coder, which is being made ready"),
            Self::Carrier { texts } => write!(f, "waits for the carrier, {}", count(*texts, "text")),
            Self::NoCarrier => {
                f.write_str("waits for a carrier of text messages, and this box has none: set sms.carrier")
            }
        }
    }
}

impl Display for LinkBar {
    /// Behind the name of the link.
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::Off => "is off",
            Self::NoPrice => "has no price (satpost link set NAME link.price; 0 is a price)",
            Self::OutOfReach => "does not reach the far box",
            Self::OwnModem => {
                "leads back to a modem of this box (give the far box its own address, or switch the link of that modem off)"
            }
            Self::TooLarge => "would need too many packets",
            Self::OverPrice => "costs more than the message may",
            Self::Costs => "costs something",
            Self::Budget => "has used its budget",
        })
    }
}

impl Display for NeedsOwner {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::DeviceOfNobody { device, called } => {
                let shown = if called.is_empty() { device.shown() } else { called.clone() };
                write!(
                    f,
                    "{shown} belonged to nobody here when this came: give it to a person (satpost people add NAME --far-box {}), then \
                     release this",
                    if called.is_empty() { device.to_string() } else { called.clone() }
                )
            }
            Self::NewAtSea { shown, name, .. } => write!(
                f,
                "{name} of {shown} has no address here yet: release this and they have one, or refuse them there"
            ),
            Self::NumberOfNobody { number } => {
                write!(f, "nobody here had the number {number} when this came: give it to a person, then release this")
            }
            Self::NoServiceNumber { who } => {
                write!(f, "{who} has no service number to text from: give one, and this goes")
            }
            Self::TooManyPackets { needs, most } => {
                write!(f, "needs {needs} packets, and {most} are allowed: release it to send it all the same")
            }
            Self::Unsplittable(why) => why.fmt(f),
        }
    }
}

impl Display for SplitError {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::NoRoom { address, max_payload } => {
                write!(f, "the address has {address} bytes and leaves no room for text in a packet of {max_payload}")
            }
            Self::TooLong { most, max_payload } => {
                write!(f, "the text needs more than {most} packets of {max_payload} bytes")
            }
        }
    }
}

impl Display for Barred {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let never = |medium: &Medium| match medium {
            Medium::Air => "never goes over the air by itself",
            Medium::Phone => "never goes to a phone by itself",
        };
        match self {
            Self::Automatic { how, on } => write!(f, "written by a machine ({how}): {}", never(on)),
            Self::Blank { on } => write!(f, "it says nothing: {}", never(on)),
            Self::Reaction { on } => write!(f, "a reaction to a text (sms.reactions): {}", never(on)),
            Self::NoSender { on } => write!(f, "it has no sender, as bounces have none: {}", never(on)),
        }
    }
}

impl Display for Ground {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let whose = |list: &Whose| match list {
            Whose::Reader => "their",
            Whose::Box => "the box's",
        };
        match self {
            Self::Blocked { list } => write!(f, "the sender is on {} block list", whose(list)),
            Self::Allowed { list } => write!(f, "the sender is on {} allow list", whose(list)),
            Self::Machine { list } => write!(f, "the sender is on {} list of machines that may write", whose(list)),
            Self::WantedMachine => f.write_str("a machine wrote it, and its sender or its key word is known here"),
            Self::NotVouchedFor => {
                f.write_str("the sender may write, but the mail server in front did not say that it is them")
            }
            Self::Answer => f.write_str("the sender was written to, and may answer"),
            Self::KeyWord => f.write_str("the subject has the key word"),
            Self::Stranger { proof } => f.write_str(match proof {
                Proof::Failed => "the sender is not who the mail says (SPF and DKIM failed)",
                Proof::Proven => "the sender is a stranger",
                Proof::Unproven => "the sender is a stranger, and not verified",
            }),
            Self::NoReader => f.write_str("it names no person here"),
        }
    }
}

impl Display for OverPrice {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "it costs {}, and {:#} at most are allowed", self.costs, self.most)
    }
}

impl Display for OverBudget {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let whose = if self.account == BOX { "this box" } else { &self.account };
        write!(f, "the budget of {whose} is used up: ")?;
        let reserve = match &self.limit {
            Exceeded::Packets { used, most, reserve } => {
                write!(f, "{used} of {most} packets of this month are used")?;
                reserve
            }
            Exceeded::Money { used, most, reserve } => {
                write!(f, "{used} of {most} of this month are spent")?;
                reserve
            }
        };
        match reserve {
            0 => Ok(()),
            reserve => write!(f, ", of which {reserve} % are for urgent messages"),
        }
    }
}

impl Display for FarBoxReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::Mailbox => "the far box has it in the mailbox of its reader",
            Self::Ashore => "delivered ashore: the far box has handed it on",
            Self::Held => "the far box holds it until its owner decides",
            Self::Unconfirmed => "the far box has sent it on, and nobody says whether it arrived",
            Self::NoRecipient => "the far box says that there is no such recipient",
            Self::Refused => "the far box says that it was refused there, or by the server of its recipient",
            Self::Content => "the far box says that it is too large, or of a kind that is not taken",
            Self::TooLate => "the far box says that its time ran out there",
            Self::Cancelled => "the owner of the far box took it back",
            Self::Failed => "the far box says that it could not be delivered",
            Self::NoModel { model } => {
                return write!(f, "the far box has no model {model}: it goes in another coding");
            }
            Self::NoOtherCoding => "the far box has it, cannot read it, and reads no other coding now",
            Self::BadCheck => "its check was wrong at the far box: it goes once more",
            Self::UnknownIndex => "the far box did not know an address by its index: it is written out",
            Self::NoPast => {
                "the far box had lost earlier messages that would have made it shorter: it goes without them"
            }
        })
    }
}

impl Display for Arrived {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Mailbox { name: Some(name) } => write!(f, "in the mailbox of {name}"),
            Self::Mailbox { name: None } => f.write_str("in the mailbox here"),
            Self::WithoutDevice { name } => {
                write!(f, "in the mailbox of {name} here: the device that it waited for is not theirs any more")
            }
            Self::NoticeKeptHere { name } => {
                write!(f, "in the mailbox of {name} here: notices do not go on air")
            }
            Self::FarBox => f.write_str("the far box has it"),
            Self::Phone { carrier } => write!(f, "delivered to the phone, says {carrier}"),
        }
    }
}

impl Display for ActionReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Held { who } => write!(f, "held by {who}"),
            Self::Released { who, allow: false } => write!(f, "released by {who}"),
            Self::Released { who, allow: true } => write!(f, "released by {who}, who lets its sender write"),
            Self::Afforded => f.write_str("the budget allows it now"),
            Self::Judged => f.write_str("people or rules have changed: nothing holds it any more"),
            Self::Cancelled { who, withdrawing: false, copy: false } => write!(f, "cancelled by {who}"),
            Self::Cancelled { who, withdrawing: false, copy: true } => {
                write!(f, "cancelled by {who}: what went of it before may arrive all the same")
            }
            Self::Cancelled { who, withdrawing: true, .. } => {
                write!(f, "cancelled by {who}: being withdrawn from the link")
            }
            Self::PersonErased => f.write_str("its person was erased"),
            Self::Retried { who } => write!(f, "tried again by {who}"),
            Self::SentAgain { who } => write!(f, "sent again by {who}"),
            Self::MovedOut => f.write_str("went to another gateway, with its far box: it goes on there"),
            Self::MovedIn { from } => write!(f, "came from the gateway {from}, with its far box"),
        }
    }
}

impl Display for RelayReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Taken { reply } => write!(f, "taken by the relay: {reply}"),
            Self::Refused(refusal) => {
                write!(f, "{} answered {} to {}", refusal.relay, refusal.reply, refusal.at)?;
                match refusal.hint {
                    Some(RelayHint::LogIn) => f.write_str("; check the relay's log-in and encryption"),
                    Some(RelayHint::NoLogIn) => f.write_str("; it may want a log-in"),
                    None => Ok(()),
                }
            }
            Self::Unanswered { times, why, held } => {
                let often = if *times == 1 { "once".to_owned() } else { format!("{times} times") };
                let next = if *held { "only when it is released" } else { "after a long wait" };
                write!(f, "the relay was given it {often} and did not answer: {why}; it goes again {next}")
            }
            Self::CameBack { status, said } => {
                let why = said.as_deref().or(status.as_deref()).unwrap_or("no reason was given");
                write!(f, "came back from the internet: {why}")
            }
        }
    }
}

impl Display for TextReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Taken { carrier, id, count, found } => {
                write!(f, "{} {carrier} ({id}), {count}", if *found { "found at" } else { "taken by" })
            }
            Self::TakenByReport => f.write_str("taken by the carrier: its report says so"),
            Self::Asking { why } => write!(f, "finding out whether the carrier took it: {why}"),
            Self::NotKnown { why } => {
                write!(f, "whether the carrier took it is not known ({why}): release it to send it again, or cancel it")
            }
            Self::LateUnknown { why } => write!(
                f,
                "its time ran out, and whether the carrier took it is not known ({why}): it may have been sent"
            ),
            Self::Again { why } => write!(f, "{why}: it is sent again"),
            Self::Unclear { why } => why.fmt(f),
            Self::OptedOut { phone, since, how } => {
                write!(f, "{phone} wants no texts from this number since {since} ({how}): it has to send START first")
            }
            Self::TooLong { has, most } => {
                write!(f, "it has {has} characters, and a text to a phone may have {most}: shorten it")
            }
        }
    }
}

impl Display for TextCount {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} ({}, {} units)", count(self.texts, "text"), self.alphabet, self.units)
    }
}

impl Display for Doubt {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::AnswerLost => f.write_str("its request was under way when the box stopped, or its answer was lost"),
            Self::CannotAsk => f.write_str("the carrier cannot be asked"),
            Self::OtherCarrier => f.write_str("it was another carrier"),
            Self::NotListed => f.write_str("it is not in the carrier's list, which proves nothing"),
            Self::Fault(why) => why.fmt(f),
        }
    }
}
