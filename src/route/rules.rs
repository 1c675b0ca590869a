//! Who may write over the air: pure rules, each verdict with its reason (promise 5).
//!
//! They judge messages that come from outside for a person who reads on a device. What the person writes, and what
//! people of this box write to each other, is the budget's business, not theirs. The order of the rules:
//!
//! 1. The person's own lists, then those of the box: blocked is refused, allowed passes.
//! 2. Somebody the person wrote to may answer, for a time.
//! 3. A key word in the subject lets a message through.
//! 4. Whoever is left is a stranger: held for one tap, refused, or let in.
//!
//! Rules 1 and 2 let nobody in whose mail server says that the sender is forged.

use std::time::Duration;

use crate::address::Address;
use crate::address::pattern::Pattern;
use crate::clock::Time;
use crate::message::Proof;
use crate::message::reason::{Ground, Whose};
use crate::people::{Person, Strangers};
use crate::settings::{Key, Settings};

/// The rules in force for one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    own_allow: Vec<Pattern>,
    own_block: Vec<Pattern>,
    allow: Vec<Pattern>,
    block: Vec<Pattern>,
    strangers: Strangers,
    /// How long somebody who was written to may answer; zero for not at all.
    answers: Duration,
    /// In lower case; empty for none.
    key_word: String,
}

/// What there is to know of a message at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case<'c> {
    /// Who it says it is from.
    pub from: &'c Address,
    /// What the mail server in front found out about that.
    pub proof: Proof,
    /// When the person last wrote to them.
    pub written_to: Option<Time>,
    /// One line.
    pub subject: &'c str,
    /// When it came.
    pub at: Time,
}

/// What the rules say, and what that stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may go on air.
    Pass(Ground),
    /// It waits for one tap.
    Hold(Ground),
    /// It is not carried.
    Refuse(Ground),
}

impl Rules {
    /// The rules of the box with those of a person before them. Entries that cannot be read count as none: they were
    /// checked when they were typed.
    pub fn of(settings: &Settings, person: &Person) -> Self {
        let list = |text: &str| Pattern::list(text).unwrap_or_default();
        // The words of the setting are those of the type.
        let of_box = settings.text(Key::AirStrangers).parse().unwrap_or(Strangers::Hold);
        Self {
            own_allow: list(&person.allow),
            own_block: list(&person.block),
            allow: list(settings.text(Key::AirAllow)),
            block: list(settings.text(Key::AirBlock)),
            strangers: person.strangers.unwrap_or(of_box),
            answers: settings.span(Key::AirAnswers),
            key_word: settings.text(Key::AirKeyWord).to_lowercase(),
        }
    }

    /// What becomes of a message.
    pub fn judge(&self, case: &Case) -> Verdict {
        let on = |list: &[Pattern]| list.iter().any(|pattern| pattern.covers(case.from));
        let forged = case.proof == Proof::Failed;
        let of_reader = (&self.own_allow, &self.own_block, Whose::Reader);
        for (allow, block, list) in [of_reader, (&self.allow, &self.block, Whose::Box)] {
            if on(block) {
                return Verdict::Refuse(Ground::Blocked { list });
            }
            if on(allow) && !forged {
                return Verdict::Pass(Ground::Allowed { list });
            }
        }
        let since = case.written_to.map(|written| case.at.since(written));
        if !forged && !self.answers.is_zero() && since.is_some_and(|since| since <= self.answers) {
            return Verdict::Pass(Ground::Answer);
        }
        if !self.key_word.is_empty() && case.subject.to_lowercase().contains(&self.key_word) {
            return Verdict::Pass(Ground::KeyWord);
        }
        let ground = Ground::Stranger { proof: case.proof };
        match self.strangers {
            Strangers::Allow if !forged => Verdict::Pass(ground),
            Strangers::Refuse => Verdict::Refuse(ground),
            Strangers::Hold | Strangers::Allow => Verdict::Hold(ground),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(change: impl FnOnce(&mut Rules)) -> Rules {
        let mut rules = Rules::of(&Settings::default(), &Person::default());
        change(&mut rules);
        rules
    }

    fn say(rules: &Rules, from: &str, change: impl FnOnce(&mut Case)) -> Verdict {
        let from = from.parse().unwrap();
        let mut case =
            Case { from: &from, proof: Proof::Unproven, written_to: None, subject: "Hi", at: Time(1_000_000) };
        change(&mut case);
        rules.judge(&case)
    }

    fn passes(verdict: &Verdict) -> bool {
        matches!(verdict, Verdict::Pass(_))
    }

    #[test]
    fn strangers_are_held_unless_the_rules_say_otherwise() {
        assert!(matches!(say(&rules(|_| {}), "a@b.org", |_| {}), Verdict::Hold(_)));
        assert!(matches!(say(&rules(|r| r.strangers = Strangers::Refuse), "a@b.org", |_| {}), Verdict::Refuse(_)));
        let open = rules(|r| r.strangers = Strangers::Allow);
        assert!(passes(&say(&open, "a@b.org", |_| {})));
        assert!(matches!(say(&open, "a@b.org", |case| case.proof = Proof::Failed), Verdict::Hold(_)));
    }

    #[test]
    fn lists_name_addresses_and_domains_and_the_persons_own_come_first() {
        let listed = rules(|r| {
            r.own_allow = Pattern::list("Mum@Example.org").unwrap();
            r.block = Pattern::list("example.org, @spam.example").unwrap();
            r.allow = Pattern::list("friends.example").unwrap();
        });
        assert!(passes(&say(&listed, "mum@example.org", |_| {})));
        assert!(!passes(&say(&listed, "mum@example.org", |case| case.proof = Proof::Failed)));
        assert!(matches!(say(&listed, "dad@sub.example.org", |_| {}), Verdict::Refuse(_)));
        assert!(matches!(say(&listed, "dad@notexample.org", |_| {}), Verdict::Hold(_)));
        assert!(passes(&say(&listed, "x@a.friends.example", |_| {})));
    }

    #[test]
    fn whoever_was_written_to_may_answer_for_a_time() {
        let rules = rules(|r| r.answers = Duration::from_secs(100));
        let answer = |written: i64, proof| {
            say(&rules, "a@b.org", |case| (case.written_to, case.proof) = (Some(Time(written)), proof))
        };
        assert!(passes(&answer(950_000, Proof::Unproven)));
        assert!(!passes(&answer(850_000, Proof::Unproven)));
        assert!(!passes(&answer(950_000, Proof::Failed)));
    }

    #[test]
    fn a_key_word_lets_through() {
        let rules = rules(|r| r.key_word = "albatross".into());
        assert!(passes(&say(&rules, "a@b.org", |case| case.subject = "Re: Albatross please")));
        assert!(!passes(&say(&rules, "a@b.org", |_| {})));
    }
}
