//! What other rules would have done with the messages of the past: shown before they are saved.

use std::collections::BTreeMap;

use super::choose::Policy;
use super::plan::Stranger;
use super::rules::Verdict;
use crate::address::Address;
use crate::clock::Time;
use crate::message::{Id, Message, State};
use crate::people::Home;

/// Most examples that are named of each kind.
const EXAMPLES: usize = 5;

/// What would have become of messages from outside for people who read on a device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rehearsal {
    /// Messages that were judged.
    pub messages: u64,
    /// Would have gone on air.
    pub passed: u64,
    /// Would have been held.
    pub held: u64,
    /// Would have been refused.
    pub refused: u64,
    /// Packets that went on air for messages that would have been held or refused.
    pub saved: u64,
    /// Messages that went on air and would not have, newest last.
    pub kept_off: Vec<Id>,
    /// Messages that were held or refused and would have gone on air, newest last.
    pub let_in: Vec<Id>,
}

impl Rehearsal {
    /// Looks at one message more; messages have to come in the order in which they were taken.
    fn count(&mut self, message: &Message, verdict: &Verdict) {
        let packets: u64 = message.steps.iter().map(|step| u64::from(step.packets)).sum();
        let first = message.steps.first().map_or(message.state, |step| step.state);
        let judged_off = packets == 0 && matches!(first, State::Held | State::Refused);
        self.messages += 1;
        match verdict {
            Verdict::Pass(_) => self.passed += 1,
            Verdict::Hold(_) => self.held += 1,
            Verdict::Refuse(_) | Verdict::Machine => self.refused += 1,
        }
        let (list, fits) = match verdict {
            Verdict::Pass(_) => (&mut self.let_in, judged_off),
            _ => (&mut self.kept_off, packets > 0),
        };
        if !matches!(verdict, Verdict::Pass(_)) {
            self.saved += packets;
        }
        if fits {
            list.push(message.id);
            if list.len() > EXAMPLES {
                list.remove(0);
            }
        }
    }

    /// In one or two sentences.
    pub fn words(&self) -> String {
        if self.messages == 0 {
            return "There is no message from outside yet that these rules would have judged.".to_owned();
        }
        let names = |ids: &[Id]| ids.iter().map(Id::to_string).collect::<Vec<_>>().join(", ");
        let mut words = format!(
            "Of {} messages from outside these rules would have let {} on air, held {} and refused {}, and saved {} packets.",
            self.messages, self.passed, self.held, self.refused, self.saved
        );
        if !self.kept_off.is_empty() {
            words.push_str(&format!(" Off the air would have been, last: {}.", names(&self.kept_off)));
        }
        if !self.let_in.is_empty() {
            words.push_str(&format!(" On air instead of held or refused, last: {}.", names(&self.let_in)));
        }
        words
    }
}

impl Policy {
    /// Judges the messages of the past, oldest first, by the rules of this policy; to one person `only`, or to all. Whom a
    /// person had written to by then is taken from the same messages.
    pub fn rehearse<'m>(&self, past: impl IntoIterator<Item = &'m Message>, only: Option<&str>) -> Rehearsal {
        let mut written: BTreeMap<(String, String), Time> = BTreeMap::new();
        let mut rehearsal = Rehearsal::default();
        for message in past {
            if let (Some(author), to @ (Address::Mail(_) | Address::Phone(_))) = (&message.author, &message.to) {
                written.insert((author.clone(), to.correspondent()), message.accepted);
            }
            let to = message.to.mailbox().filter(|to| self.is_ours(to)).and_then(|to| self.people.addressed(to));
            let (Some(proof), Some(person)) = (message.stranger, to) else { continue };
            if person.home != Home::FarBox || only.is_some_and(|only| only != person.name) {
                continue;
            }
            let when = |address: &Address| written.get(&(person.name.clone(), address.correspondent())).copied();
            let written_to = self.answering(message.header_from(), &message.from).filter_map(when).max();
            let verdict = self.judge(message, Stranger { proof, written_to });
            rehearsal.count(message, &verdict);
        }
        rehearsal
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::choose::tests::policy;
    use super::super::plan::NewMessage;
    use super::*;
    use crate::message::{Origin, Proof, Reason, Step};
    use crate::settings::Key;

    fn message(policy: &Policy, number: u64, from: &str, to: &str, author: Option<&str>) -> Message {
        let draft = NewMessage {
            author: author.map(str::to_owned),
            subject: "s".into(),
            stranger: author.is_none().then(Stranger::default),
            ..NewMessage::new(Origin::Smtp, from.parse().unwrap(), to.parse().unwrap(), "hello".into())
        };
        let mut message = policy.plan(draft, None, Time(number.cast_signed() * 1000), true);
        message.id = Id(number);
        let (at, state, cause) = (message.accepted, message.state, message.reason.clone());
        message.steps.push(Step { at, state, cause, packets: 0 });
        message
    }

    #[test]
    fn the_past_is_judged_anew_in_its_own_order() {
        let strict = policy("internet");
        let mut open = strict.clone();
        open.settings = Arc::new(strict.settings.with(Key::AirStrangers, "allow").unwrap());
        let mut sent = message(&open, 1, "mum@else.org", "ben@here.org", None);
        sent.steps.push(Step { at: Time(2), state: State::Sent, cause: Reason::default(), packets: 3 });
        let asked = message(&open, 2, "ben@here.org", "bob@else.org", Some("ben"));
        let answer = message(&strict, 3, "bob@else.org", "ben@here.org", None);
        let held = message(&strict, 4, "eve@else.org", "ben@here.org", None);
        assert_eq!((held.state, held.stranger), (State::Held, Some(Proof::Unproven)));
        let here = message(&strict, 5, "eve@else.org", "anna@here.org", None);
        let past = [sent, asked, answer, held, here];
        let strictly = strict.rehearse(&past, None);
        assert_eq!((strictly.messages, strictly.passed, strictly.held, strictly.saved), (3, 1, 2, 3));
        assert_eq!(strictly.kept_off, [Id(1)]);
        let openly = open.rehearse(&past, None);
        assert_eq!((openly.passed, openly.saved), (3, 0));
        assert_eq!(openly.let_in, [Id(3), Id(4)], "both were held when nobody had been written to");
        assert!(openly.words().contains("saved 0 packets"), "{}", openly.words());
    }
}
