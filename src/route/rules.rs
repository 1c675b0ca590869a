//! Who may write over the air: whether the message of a stranger goes on, is held or is refused. Pure rules, each verdict
//! with its reason (promise 5).
//!
//! They judge messages that come from outside for a person who reads on a device. What the person writes, and what
//! people of this box write to each other, is the budget's business, not theirs. The order of the rules:
//!
//! 1. The person's own lists, then those of the box: blocked is refused, allowed passes, and so do machines that may
//!    write.
//! 2. Somebody the person wrote to may answer, for a time.
//! 3. A key word in the subject, as a word of its own, lets a message through.
//! 4. What a machine wrote is held where one of these three speaks for it, and not carried otherwise.
//! 5. Whoever is left is a stranger: held for one tap, refused, or let in.
//!
//! Rules 1, 2 and 5 let nobody in whose mail server says that the sender is forged. Once a mail server in front is named
//! (`smtp.auth_host`), they let nobody in for whom it does not vouch: a mail that came around it proves nothing.
//!
//! The sender is the address in `From`, for which that server vouches. Anybody may write what they like into `Reply-To`, and
//! one domain is shared by millions: an address there counts for rules 1 and 2 only while nobody verifies anything, when
//! `From` proves no more. The envelope sender lets nobody in. Each of the three is refused where it is blocked.

use std::time::Duration;

use super::choose::Policy;
use crate::address::Address;
use crate::address::pattern::Pattern;
use crate::clock::Time;
use crate::message::Proof;
use crate::message::reason::{Ground, Whose};
use crate::people::{Person, Strangers};
use crate::settings::{Key, Settings};

/// Lists of senders, of a person or of the box.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Lists {
    allow: Vec<Pattern>,
    block: Vec<Pattern>,
    machines: Vec<Pattern>,
}

impl Lists {
    /// Entries that cannot be read count as none: they were checked when they were typed.
    fn read(allow: &str, block: &str, machines: &str) -> Self {
        Self { allow: Pattern::readable(allow), block: Pattern::readable(block), machines: Pattern::readable(machines) }
    }
}

/// The rules in force for one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    own: Lists,
    of_box: Lists,
    strangers: Strangers,
    /// How long somebody who was written to may answer; zero for not at all.
    answers: Duration,
    /// In lower case; empty for none.
    key_word: String,
    /// A mail server in front is named: who is not proven is not believed.
    proof_needed: bool,
}

/// What there is to know of a message that comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case<'c> {
    /// Who it says it is from, in `From`.
    pub from: &'c Address,
    /// Who gets answers, by `Reply-To`.
    pub answers_to: &'c Address,
    /// The envelope sender; nobody for a bounce.
    pub return_path: &'c Address,
    /// What the mail server in front found out about who it is from.
    pub proof: Proof,
    /// When the person last wrote to them.
    pub written_to: Option<Time>,
    /// A machine wrote it.
    pub automatic: bool,
    /// The subject, on one line; it may hold the key word.
    pub subject: &'c str,
    /// When the message came in.
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
    /// It is not carried: a machine wrote it, and nothing says that somebody wants it.
    Machine,
}

impl Rules {
    /// The rules of the box with those of a person before them.
    pub fn of(settings: &Settings, person: &Person) -> Self {
        let text = |key| settings.text(key);
        // The words of the setting are those of the type.
        let strangers = text(Key::AirStrangers).parse().unwrap_or(Strangers::Hold);
        Self {
            own: Lists::read(&person.allow, &person.block, &person.machines),
            of_box: Lists::read(text(Key::AirAllow), text(Key::AirBlock), text(Key::AirMachines)),
            strangers: person.strangers.unwrap_or(strangers),
            answers: settings.span(Key::AirAnswers),
            key_word: text(Key::AirKeyWord).trim().to_lowercase(),
            proof_needed: !text(Key::SmtpAuthHost).is_empty(),
        }
    }

    /// What becomes of a message.
    pub fn judge(&self, case: &Case) -> Verdict {
        let covers = |list: &[Pattern], address: &Address| list.iter().any(|pattern| pattern.covers(address));
        let unchecked = !self.proof_needed && case.proof == Proof::Unproven;
        let on = |list: &[Pattern]| covers(list, case.from) || unchecked && covers(list, case.answers_to);
        let blocked = |list| [case.from, case.answers_to, case.return_path].iter().any(|one| covers(list, one));
        let believed = match case.proof {
            Proof::Proven => true,
            Proof::Unproven => !self.proof_needed,
            Proof::Failed => false,
        };
        // Somebody whom a list or the past names; when they are not believed, whoever it is only says that name.
        let mut known = false;
        for (lists, list) in [(&self.own, Whose::Reader), (&self.of_box, Whose::Box)] {
            if blocked(&lists.block) && !(known && believed) {
                return Verdict::Refuse(Ground::Blocked { list });
            }
            if on(&lists.machines) {
                if believed {
                    return Verdict::Pass(Ground::Machine { list });
                }
                known = true;
            }
            if on(&lists.allow) {
                if believed && !case.automatic {
                    return Verdict::Pass(Ground::Allowed { list });
                }
                known = true;
            }
        }
        let since = case.written_to.map(|written| case.at.since(written));
        if !self.answers.is_zero() && since.is_some_and(|since| since <= self.answers) {
            if believed && !case.automatic {
                return Verdict::Pass(Ground::Answer);
            }
            known = true;
        }
        let key_word = has_word(&case.subject.to_lowercase(), &self.key_word);
        match (case.automatic, known && believed || key_word, known) {
            (false, ..) if key_word => Verdict::Pass(Ground::KeyWord),
            (true, true, _) => Verdict::Hold(Ground::WantedMachine),
            (true, false, false) => Verdict::Machine,
            (_, _, true) if case.proof == Proof::Unproven => Verdict::Hold(Ground::NotVouchedFor),
            _ => self.stranger(case.proof, believed),
        }
    }

    fn stranger(&self, proof: Proof, believed: bool) -> Verdict {
        let ground = Ground::Stranger { proof };
        match self.strangers {
            Strangers::Allow if believed => Verdict::Pass(ground),
            Strangers::Refuse => Verdict::Refuse(ground),
            Strangers::Hold | Strangers::Allow => Verdict::Hold(ground),
        }
    }
}

impl Policy {
    /// The addresses to which the reader may have written what a message answers: the one in `From`, and while nobody
    /// verifies anything the one that gets answers.
    pub fn answering<'a>(
        &self,
        header_from: &'a Address,
        answers_to: &'a Address,
    ) -> impl Iterator<Item = &'a Address> + use<'a> {
        let unchecked = self.settings.text(Key::SmtpAuthHost).is_empty();
        std::iter::once(header_from).chain(Some(answers_to).filter(|_| unchecked))
    }
}

/// True when a text has a word, or several in a row, with no letter or digit next to them.
fn has_word(text: &str, word: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    !word.is_empty()
        && text.match_indices(word).any(|(at, _)| {
            let (before, after) = (&text[..at], &text[at + word.len()..]);
            let open = part(before.chars().next_back()) && part(word.chars().next());
            let goes_on = part(after.chars().next()) && part(word.chars().next_back());
            !open && !goes_on
        })
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
        let mut case = Case {
            from: &from,
            answers_to: &from,
            return_path: &from,
            proof: Proof::Unproven,
            written_to: None,
            automatic: false,
            subject: "Hi",
            at: Time(1_000_000),
        };
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
            r.own = Lists::read("Mum@Example.org", "", "");
            r.of_box = Lists::read("friends.example", "example.org, @spam.example", "");
        });
        assert!(passes(&say(&listed, "mum@example.org", |_| {})));
        assert!(!passes(&say(&listed, "mum@example.org", |case| case.proof = Proof::Failed)));
        assert!(matches!(say(&listed, "dad@sub.example.org", |_| {}), Verdict::Refuse(_)));
        assert!(matches!(say(&listed, "dad@notexample.org", |_| {}), Verdict::Hold(_)));
        assert!(passes(&say(&listed, "x@a.friends.example", |_| {})));
    }

    #[test]
    fn an_answer_address_lets_in_only_where_nobody_verifies_and_any_address_may_be_blocked() {
        let (evil, mum): (Address, Address) = ("eve@evil.example".parse().unwrap(), "mum@example.org".parse().unwrap());
        let with = |allow: &str, block: &str, proof_needed| {
            rules(|r| (r.own, r.proof_needed) = (Lists::read(allow, block, ""), proof_needed))
        };
        let case = |from, answers_to, return_path, proof| Case {
            from,
            answers_to,
            return_path,
            proof,
            written_to: None,
            automatic: false,
            subject: "Hi",
            at: Time(1),
        };
        let listed = |needed| with("mum@example.org", "", needed);
        assert!(passes(&listed(true).judge(&case(&mum, &evil, &evil, Proof::Proven))), "From is who wrote");
        for proof in [Proof::Proven, Proof::Failed, Proof::Unproven] {
            assert!(!passes(&listed(true).judge(&case(&evil, &mum, &evil, proof))), "{proof:?}");
            assert!(!passes(&listed(true).judge(&case(&evil, &evil, &mum, proof))), "{proof:?}");
        }
        assert!(passes(&listed(false).judge(&case(&evil, &mum, &evil, Proof::Unproven))));
        assert!(!passes(&listed(false).judge(&case(&evil, &evil, &mum, Proof::Unproven))));
        let blocking = with("", "evil.example", false);
        for (from, answers_to, path) in [(&evil, &mum, &mum), (&mum, &evil, &mum), (&mum, &mum, &evil)] {
            let verdict = blocking.judge(&case(from, answers_to, path, Proof::Unproven));
            assert_eq!(verdict, Verdict::Refuse(Ground::Blocked { list: Whose::Reader }));
        }
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
    fn a_key_word_is_a_word() {
        let with = |word: &str| rules(|r| r.key_word = word.into());
        let albatross = with("albatross");
        assert!(passes(&say(&albatross, "a@b.org", |case| case.subject = "Re: Albatross, please")));
        assert!(!passes(&say(&albatross, "a@b.org", |case| case.subject = "Albatrosses")));
        assert!(!passes(&say(&albatross, "a@b.org", |_| {})));
        for (word, subject, has) in [
            ("a", "Banana", false),
            ("a", "plan a!", true),
            ("übung", "die übung", true),
            ("bung", "übung", false),
            ("open sesame", "please (open sesame)", true),
            ("open sesame", "reopen sesame", false),
            ("#7", "ticket #7", true),
            ("#7", "ticket #77", false),
            ("水", "水", true),
        ] {
            assert_eq!(has_word(subject, word), has, "{word} in {subject}");
        }
    }

    /// With a mail server in front that has a name, only those for whom it vouches are who they say.
    #[test]
    fn without_a_verdict_of_the_named_server_nobody_is_believed() {
        let named = rules(|r| {
            r.of_box = Lists::read("mum@example.org", "", "robot.example");
            r.proof_needed = true;
            r.strangers = Strangers::Allow;
            r.key_word = "albatross".into();
        });
        let mum = |proof| say(&named, "mum@example.org", |case| case.proof = proof);
        assert!(passes(&mum(Proof::Proven)));
        assert_eq!(mum(Proof::Unproven), Verdict::Hold(Ground::NotVouchedFor));
        assert_eq!(mum(Proof::Failed), Verdict::Hold(Ground::Stranger { proof: Proof::Failed }));
        let asked =
            |proof| say(&named, "bob@b.org", |case| (case.written_to, case.proof) = (Some(Time(999_000)), proof));
        assert!(passes(&asked(Proof::Proven)));
        assert_eq!(asked(Proof::Unproven), Verdict::Hold(Ground::NotVouchedFor));
        assert!(passes(&say(&named, "a@b.org", |case| case.proof = Proof::Proven)));
        assert!(matches!(say(&named, "a@b.org", |_| {}), Verdict::Hold(Ground::Stranger { .. })));
        assert!(passes(&say(&named, "a@b.org", |case| case.subject = "albatross")), "the word is a secret of its own");
        let robot = |proof| say(&named, "x@robot.example", |case| (case.automatic, case.proof) = (true, proof));
        assert!(passes(&robot(Proof::Proven)));
        assert_eq!(robot(Proof::Unproven), Verdict::Hold(Ground::NotVouchedFor));
    }

    #[test]
    fn machines_are_held_where_somebody_wants_them_and_pass_where_they_may_write() {
        let machine = |rules: &Rules, from: &str, change: fn(&mut Case)| {
            say(rules, from, |case| {
                case.automatic = true;
                change(case);
            })
        };
        let rules = rules(|r| {
            r.own = Lists::read("saildocs.example", "bad.example", "");
            r.of_box = Lists::read("", "", "weather.example bad.example");
            r.key_word = "code".into();
            r.strangers = Strangers::Allow;
        });
        assert_eq!(machine(&rules, "a@b.org", |_| {}), Verdict::Machine, "not even where strangers may write");
        assert_eq!(machine(&rules, "query@saildocs.example", |_| {}), Verdict::Hold(Ground::WantedMachine));
        assert_eq!(machine(&rules, "a@b.org", |case| case.subject = "Your code"), Verdict::Hold(Ground::WantedMachine));
        assert_eq!(
            machine(&rules, "a@b.org", |case| case.written_to = Some(Time(999_000))),
            Verdict::Hold(Ground::WantedMachine)
        );
        assert_eq!(machine(&rules, "x@weather.example", |_| {}), Verdict::Pass(Ground::Machine { list: Whose::Box }));
        assert_eq!(machine(&rules, "x@bad.example", |_| {}), Verdict::Refuse(Ground::Blocked { list: Whose::Reader }));
    }
}
