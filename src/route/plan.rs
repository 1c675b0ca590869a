//! What becomes of a message at acceptance: which queue it enters, held, arrived, or refused, and why.

use std::time::Duration;

use super::choose::{Policy, Route};
use super::rules::{Case, Rules, Verdict};
use super::segments;
use super::size::packets;
use crate::address::{Address, LinkAddress, PeerId};
use crate::clock::Time;
use crate::message::reason::{Arrived, Barred, Ground, Medium, NeedsOwner, NoRoute, Reason, SentBy, Waits};
use crate::message::{CutNote, Id, LinkSize, Machine, Message, Origin, Proof, Sender, State, Terms, Way};
use crate::settings::Key;

/// What is due at a waiting message is done within this.
pub const SOON: Duration = Duration::from_secs(20);

/// A message as it comes in, before it is planned.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// The way by which it came in.
    pub origin: Origin,
    /// The address that gets answers (`Reply-To`, else `From`).
    pub from: Address,
    /// Its other addresses, and a name.
    pub sender: Sender,
    /// Its one recipient.
    pub to: Address,
    /// The person of this box who wrote it.
    pub author: Option<String>,
    /// One line; empty for none.
    pub subject: String,
    /// The text, without the subject.
    pub text: String,
    /// What was cut or left behind.
    pub cut: Vec<CutNote>,
    /// Written by a machine, and how that shows.
    pub automatic: Option<Machine>,
    /// Message-ID of the mail that it is made of; `None` where it has none.
    pub message_id: Option<String>,
    /// What came before it in its thread, the oldest first; empty when that is not known, and the store may find it.
    pub references: Vec<String>,
    /// For a notice: what it is about.
    pub about: Option<Id>,
    /// Set for a message of somebody who is not of this box and did not log in: the rules judge it.
    pub stranger: Option<Stranger>,
    /// Priority, time, price and links that its sender asked for.
    pub terms: Terms,
}

impl NewMessage {
    /// A message of which no more is known than this.
    pub fn new(origin: Origin, from: Address, to: Address, text: String) -> Self {
        Self {
            origin,
            from,
            to,
            text,
            sender: Sender::default(),
            author: None,
            subject: String::new(),
            cut: Vec::new(),
            automatic: None,
            message_id: None,
            references: Vec::new(),
            about: None,
            stranger: None,
            terms: Terms::default(),
        }
    }
}

/// What is known of somebody who is not of this box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stranger {
    /// What the mail server in front found out.
    pub proof: Proof,
    /// When the recipient last wrote to them.
    pub written_to: Option<Time>,
}

/// A verdict of the rules that names both addresses, where somebody else sent the mail than it is from.
fn with_senders(message: &Message, why: Reason) -> Reason {
    let (from, by) = (message.header_from(), message.return_path());
    if by.is_nobody() || from.correspondent() == by.correspondent() {
        return why;
    }
    Reason::SentBy(Box::new(SentBy { why, from: from.clone(), by: by.clone() }))
}

impl Policy {
    /// Packets that a message may take before it is held.
    pub fn max_parts(&self, message: &Message) -> usize {
        let to = message.to.mailbox().filter(|to| self.is_ours(to)).and_then(|to| self.people.addressed(to));
        let author = message.author.as_ref().and_then(|name| self.people.get(name));
        let own = to.or(author).and_then(|person| person.max_parts);
        own.map_or(self.settings.count(Key::AirMaxParts), usize::from)
    }

    /// The message that a draft becomes: state, reason, queue and times are set. `size` is what was measured; without it
    /// the classic coding counts.
    pub fn plan(&self, draft: NewMessage, size: Option<LinkSize>, now: Time, clock_believed: bool) -> Message {
        let choice = self.choose(&draft.to);
        let way = choice.way().unwrap_or(Way::Mailbox);
        let message = Message {
            id: Id(0),
            origin: draft.origin,
            from: draft.from,
            sender: draft.sender,
            to: draft.to,
            author: draft.author,
            subject: draft.subject,
            text: draft.text,
            cut: draft.cut,
            mail: None,
            automatic: draft.automatic,
            message_id: draft.message_id,
            references: draft.references,
            former: Vec::new(),
            about: draft.about,
            came_in: None,
            accepted: now,
            deadline: self.deadline(way, &draft.terms, now),
            clock_believed,
            clock_moved: None,
            state: State::Queued,
            reason: Reason::default(),
            way,
            next: now,
            tries: 0,
            unanswered: 0,
            delay_told: false,
            bill: None,
            receipt_until: None,
            terms: draft.terms,
            pressed: false,
            size,
            account: None,
            recall: false,
            whole: None,
            stranger: draft.stranger.map(|stranger| stranger.proof),
            released: false,
            wanted: false,
            on_behalf_of: None,
            reporting: Default::default(),
            steps: Vec::new(),
        };
        let (mut message, verdict) = self.with_verdict(message, &choice, draft.stranger);
        let (state, reason) = self.first_state(&message, &choice, verdict);
        message.state = state;
        message.reason = reason;
        message.bill = self.bill(&message);
        if let Some(why) = self
            .over_limit(&message, message.bill.as_ref())
            .filter(|_| matches!(message.state, State::Queued | State::Held))
        {
            (message.state, message.reason) = (State::Refused, why.into());
        }
        message.next = match message.state {
            State::Queued if message.way == Way::Link => self.next_look(&message, Time::NEVER),
            State::Queued => now,
            State::Held => self.next_look(&message, Time::NEVER),
            _ => Time::NEVER,
        };
        message
    }

    /// Where a message stands by people and rules, and why; of a message of a `stranger` they decide too.
    pub fn judged(&self, message: &Message, stranger: Option<Stranger>) -> (State, Reason) {
        let choice = self.choose(&message.to);
        let (message, verdict) = self.with_verdict(message.clone(), &choice, stranger);
        self.first_state(&message, &choice, verdict)
    }

    /// What the rules say of a message of a stranger on the link; and the message, which knows whether they want it although
    /// a machine wrote it.
    fn with_verdict(
        &self,
        mut message: Message,
        choice: &Route,
        stranger: Option<Stranger>,
    ) -> (Message, Option<Verdict>) {
        let judged = stranger.filter(|_| matches!(choice, Route::Link(_)));
        let verdict = judged.map(|stranger| self.judge(&message, stranger));
        if let Some(verdict) = &verdict {
            message.wanted = message.automatic.is_some() && matches!(verdict, Verdict::Pass(_) | Verdict::Hold(_));
        }
        (message, verdict)
    }

    /// Why what came from a device waits while nobody is at its far box.
    fn of_nobody(&self, device: LinkAddress) -> NeedsOwner {
        let called = self.people.at(device).map(|far_box| far_box.name.clone()).unwrap_or_default();
        NeedsOwner::DeviceOfNobody { device, called }
    }

    fn first_state(&self, message: &Message, choice: &Route, verdict: Option<Verdict>) -> (State, Reason) {
        match choice {
            Route::Nowhere(why) => (State::Refused, why.clone().into()),
            Route::Mailbox(person) => (State::Delivered, Arrived::Mailbox { name: Some(person.name.clone()) }.into()),
            Route::Relay => match message.from {
                Address::Device(device) => (State::Held, self.of_nobody(device).into()),
                _ => (State::Queued, Waits::Relay.into()),
            },
            Route::Carrier => self.by_carrier(message),
            Route::Link(device) => {
                let judged = self.on_air(message, *device);
                match verdict {
                    // What is refused or held anyway keeps that reason.
                    Some(Verdict::Refuse(ground)) if judged.0 != State::Refused => {
                        (State::Refused, with_senders(message, Reason::RefusedByRule(ground)))
                    }
                    Some(Verdict::Hold(ground)) if judged.0 == State::Queued => {
                        (State::Held, with_senders(message, Reason::HeldByRule(ground)))
                    }
                    _ => judged,
                }
            }
        }
    }

    /// What the rules say of a message of somebody who is not of this box, for a person who reads on a device.
    pub fn judge(&self, message: &Message, stranger: Stranger) -> Verdict {
        let to = message.to.mailbox().filter(|to| self.is_ours(to)).and_then(|to| self.people.addressed(to));
        let (Some(person), Address::Mail(_) | Address::Phone(_)) = (to, message.header_from()) else {
            return if message.automatic.is_some() { Verdict::Machine } else { Verdict::Hold(Ground::NoReader) };
        };
        Rules::of(&self.settings, person).judge(&Case {
            from: message.header_from(),
            answers_to: &message.from,
            return_path: message.return_path(),
            proof: stranger.proof,
            written_to: stranger.written_to,
            automatic: message.automatic.is_some(),
            subject: &message.subject,
            at: message.accepted,
        })
    }

    /// What may go to a phone is decided before it is queued: it costs money as well.
    pub fn by_carrier(&self, message: &Message) -> (State, Reason) {
        let on = Medium::Phone;
        if message.origin == Origin::Sms {
            let number = message.to.phone().map(|number| NeedsOwner::NumberOfNobody { number }.into());
            return (State::Held, number.unwrap_or_else(|| NoRoute::NoPhone.into()));
        }
        if let Some(how) = message.automatic.clone().filter(|_| !message.released) {
            return (State::Refused, Barred::Automatic { how, on }.into());
        }
        if message.from.is_nobody() && !message.released {
            return (State::Refused, Barred::NoSender { on }.into());
        }
        if self.service_number(message).is_none() {
            let who = message.author.clone().unwrap_or_else(|| message.from.to_string());
            return (State::Held, NeedsOwner::NoServiceNumber { who }.into());
        }
        if self.settings.text(Key::SmsCarrier) == "none" {
            return (State::Queued, Waits::NoCarrier.into());
        }
        (State::Queued, Waits::Carrier { texts: segments::of(&self.settings, message).parts() }.into())
    }

    /// What may go on air is decided before it is queued (promise 5).
    pub fn on_air(&self, message: &Message, far_box: Option<PeerId>) -> (State, Reason) {
        let on = Medium::Air;
        let notice = message.origin == Origin::Notice && self.settings.on(Key::AirNotices);
        if let Some(how) = message.automatic.clone()
            && !(notice || message.wanted || message.released)
        {
            return (State::Refused, Barred::Automatic { how, on }.into());
        }
        if message.from.is_nobody() && !(notice || message.released) {
            return (State::Refused, Barred::NoSender { on }.into());
        }
        let most = self.max_parts(message);
        let needs = match self.size_of(message, far_box).best() {
            Some(extent) => Ok(extent.packets),
            None => packets(message, far_box.is_some(), self.max_payload(far_box)).map(|packets| packets.len()),
        };
        match needs {
            Err(why) => (State::Held, NeedsOwner::Unsplittable(why).into()),
            Ok(needs) if needs > most && !message.released => {
                (State::Held, NeedsOwner::TooManyPackets { needs, most }.into())
            }
            Ok(_) if !self.links.iter().any(|link| link.on) => (State::Queued, Waits::NoLink.into()),
            Ok(_) if !self.has_link(far_box) => (State::Queued, Waits::NoReach { device: far_box.is_some() }.into()),
            Ok(packets) => (State::Queued, Waits::Link { packets }.into()),
        }
    }

    /// True for a message of a stranger that the rules hold and nobody released: whoever sent it may be anybody.
    pub fn held_stranger(message: &Message) -> bool {
        message.stranger.is_some() && message.state == State::Held && !message.released
    }

    /// True where a stranger is to hear that their message waits. Only if they are who they say: else the notice would go
    /// to somebody whose address was forged.
    pub fn tells_stranger(&self, message: &Message) -> bool {
        let proven = message.return_proof() == Some(Proof::Proven) && message.automatic.is_none();
        Self::held_stranger(message) && proven && self.settings.on(Key::AirTellHeld)
    }

    /// True where a stranger is to hear that their message is not carried, by the same rule; a machine never is.
    pub fn tells_refused(&self, message: &Message) -> bool {
        let by_rule = matches!(message.reason.root(), Reason::RefusedByRule(_));
        let proven = message.return_proof() == Some(Proof::Proven) && message.automatic.is_none();
        message.state == State::Refused && by_rule && proven && self.settings.on(Key::AirTellRefused)
    }

    /// When the sender of a message is told that it has not arrived yet: a stranger at once, others after a while; never
    /// twice, and no machine.
    pub fn tell_at(&self, message: &Message) -> Time {
        match message.delay_told || message.automatic.is_some() {
            true => Time::NEVER,
            false if self.tells_stranger(message) => message.accepted,
            false => message.accepted + self.settings.span(Key::QueueDelayNotice),
        }
    }

    /// When the next look at a waiting message is due: a retry, the delay notice or the end, whatever comes first.
    pub fn next_look(&self, message: &Message, retry: Time) -> Time {
        retry.min(message.deadline).min(self.tell_at(message))
    }

    /// The same for a message that goes on waiting, whatever is due at it now: after `now`.
    pub fn look_after(&self, message: &Message, now: Time) -> Time {
        let look = self.next_look(message, Time::NEVER);
        if look > now { look } else { now + SOON }
    }
}

#[cfg(test)]
mod tests {
    use super::super::choose::tests::policy;
    use super::*;
    use crate::message::Extent;

    fn draft(to: &str, text: &str) -> NewMessage {
        NewMessage {
            subject: "s".into(),
            ..NewMessage::new(Origin::Smtp, "mum@else.org".parse().unwrap(), to.parse().unwrap(), text.into())
        }
    }

    fn planned(reach: &str, draft: NewMessage) -> Message {
        policy(reach).plan(draft, None, Time(1000), true)
    }

    #[test]
    fn what_goes_on_air_is_decided_before_it_is_queued() {
        let queued = planned("internet", draft("ben@here.org", "hello"));
        // The link looks for work by itself: next is what happens at the latest.
        let told = Time(1000) + Duration::from_secs(4 * 3600);
        assert_eq!((queued.state, queued.way, queued.next), (State::Queued, Way::Link, told));
        let long = planned("internet", draft("ben@here.org", &"word ".repeat(400)));
        assert_eq!((long.state, long.next), (State::Held, Time(1000) + Duration::from_secs(4 * 3600)));
        assert!(
            matches!(&long.reason, Reason::NeedsOwner(NeedsOwner::TooManyPackets { most: 5, .. })),
            "{}",
            long.reason
        );
        let auto = planned(
            "internet",
            NewMessage {
                automatic: Some(Machine::sign(crate::message::machine::MachineKind::List, "list-id")),
                ..draft("ben@here.org", "x")
            },
        );
        assert_eq!(auto.state, State::Refused);
        let bounce = planned("internet", NewMessage { from: Address::Nobody, ..draft("ben@here.org", "x") });
        assert_eq!(bounce.state, State::Refused);
    }

    /// What a message takes is measured once: its quote, its limit and its reason are worked out from what is kept.
    #[test]
    fn the_quote_comes_from_the_size_that_is_kept() {
        let policy = policy("internet");
        let extent = |packets| Some(Extent { bytes: packets * 100, packets });
        let ben = "6846".parse().ok();
        let size = LinkSize { max_payload: policy.max_payload(ben), classic: extent(7), compact: extent(3) };
        let message = policy.plan(draft("ben@here.org", "hello"), Some(size), Time(1000), true);
        assert_eq!(message.state, State::Queued);
        let quote = message.bill.clone().unwrap();
        assert_eq!(quote.wanted.packets, 3);
        let longer = Message { text: "word ".repeat(400), ..message };
        assert!(policy.bill(&longer).unwrap().same_quote(&quote));
        assert_eq!(policy.size_of(&longer, ben), size);
        assert_eq!(policy.on_air(&longer, ben).0, State::Queued, "seven packets would be too many");
    }

    #[test]
    fn a_stranger_is_judged_and_a_person_of_the_box_is_not() {
        let stranger = Some(Stranger::default());
        let held = planned("internet", NewMessage { stranger, ..draft("ben@here.org", "hello") });
        assert_eq!((held.state, held.way), (State::Held, Way::Link));
        let answer = Some(Stranger { written_to: Some(Time(0)), ..Stranger::default() });
        assert_eq!(
            planned("internet", NewMessage { stranger: answer, ..draft("ben@here.org", "x") }).state,
            State::Queued
        );
        let here = planned("internet", NewMessage { stranger, ..draft("anna@here.org", "hello") });
        assert_eq!(here.state, State::Delivered, "what costs nothing is not judged");
    }

    #[test]
    fn mail_for_people_here_has_arrived_when_it_is_kept() {
        let message = planned("satellite", draft("anna@here.org", "x"));
        assert_eq!((message.state, message.way), (State::Delivered, Way::Mailbox));
        let gone = planned("satellite", draft("carl@here.org", "x"));
        assert_eq!(gone.state, State::Refused);
    }

    #[test]
    fn a_device_without_a_person_holds_its_messages() {
        let from = Address::Device("9".parse().unwrap());
        let message = planned("internet", NewMessage { from, ..draft("mum@else.org", "x") });
        assert_eq!(message.state, State::Held);
    }

    #[test]
    fn the_next_look_is_never_after_the_deadline() {
        let policy = policy("internet");
        let mut message = planned("internet", draft("mum@else.org", "x"));
        assert_eq!(policy.next_look(&message, Time(5000)), Time(5000));
        assert_eq!(policy.next_look(&message, Time::NEVER), Time(1000) + Duration::from_secs(4 * 3600));
        message.delay_told = true;
        assert_eq!(policy.next_look(&message, Time::NEVER), message.deadline);
    }
}
