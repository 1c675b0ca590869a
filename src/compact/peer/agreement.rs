//! Which coding the other box reads: classic until it has said more, and again when it seems to have unlearned.

use serde::{Deserialize, Serialize};

use super::PeerRules;
use crate::packet::check::crc8;
use crate::packet::{Form, ModelId};

/// What a box says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Receipts leave alone after these hours; 0: never.
    pub hours: u8,
    /// Check of the last hello from the other box; 0: none came.
    pub echo: u8,
    /// The models it has, the best first.
    pub models: Vec<ModelId>,
}

impl Hello {
    /// What the other box repeats as `echo`; never 0.
    fn check(&self) -> u8 {
        let models = self.models.iter().flat_map(|model| [&[model.number], &model.mark[..]].concat());
        crc8(&[self.hours].into_iter().chain(models).collect::<Vec<_>>()).max(1)
    }
}

/// What both boxes know of each other's codings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Agreement {
    /// What the other box said last; `None`: nothing, or it has unlearned.
    theirs: Option<Hello>,
    /// Forms that it could not read, though it said it could: a bit for each model, then one for stored.
    struck: u32,
    /// Check of our hello that it certainly has.
    known: u8,
    /// It said hello, or asked, and waits for ours since then.
    pub(super) owed: Option<i64>,
    /// When a hello of ours last went out, and when last in answer to one of its own.
    said: Option<i64>,
    answered: Option<i64>,
    /// Hellos of ours that went out since it last said one.
    #[serde(default, skip_serializing_if = "is_none")]
    unheard: u8,
    /// It has spoken compactly, so packets of notes alone mean something to it.
    pub(super) understands_notes: bool,
}

/// Says among the models that a box knows what to make of names of people: boxes that do not know it pass over it, and
/// both ends still agree on what was said.
const PEOPLE: ModelId = ModelId { number: 15, mark: *b"crew" };
/// Says so that a box reads what is coded after a line of messages that both have. Boxes of before say `past`, and mean
/// another choice of messages.
const PAST: ModelId = ModelId { number: 14, mark: *b"line" };
/// Says so that a box knows what to make of positions, and tells its own when it is asked.
const POSITIONS: ModelId = ModelId { number: 13, mark: *b"here" };
/// Says so that a box takes a packet out of the payload in which it came together with whole mails.
const MAILS: ModelId = ModelId { number: 12, mark: *b"mail" };
/// Models that a hello names besides.
const MOST_MODELS: usize = 11;

/// Among compact packets a hello rides in one a day until the other box has it. One that makes a classic packet dearer goes
/// again after this time at the soonest, and after twice as long each time that nothing is heard: a modem without a box
/// never answers.
const SAY_AGAIN: i64 = 24 * 3_600_000;
/// How often that time is doubled at most.
const DOUBLED: u8 = 5;

impl Agreement {
    /// The form in which it reads messages; `None`: classic.
    pub fn form(&self, ours: &[ModelId]) -> Option<Form> {
        let theirs = self.theirs.as_ref()?;
        let common = ours.iter().filter(|model| theirs.models.contains(model)).map(|model| Form::Model(model.number));
        common.chain([Form::Stored]).find(|form| self.struck & bit(*form) == 0)
    }

    /// True when it reads messages as they are.
    pub fn reads_stored(&self) -> bool {
        self.theirs.is_some() && self.struck & bit(Form::Stored) == 0
    }

    /// The hours after which its receipts leave alone; `None` when it sends none.
    pub fn receipt_hours(&self) -> Option<u8> {
        self.theirs.as_ref().map(|hello| hello.hours).filter(|hours| *hours > 0)
    }

    /// True while it is believed to be a box like this one.
    pub fn knows_us(&self) -> bool {
        self.theirs.is_some()
    }

    /// True when it knows what to make of names of people.
    pub fn knows_people(&self) -> bool {
        self.theirs.as_ref().is_some_and(|hello| hello.models.contains(&PEOPLE))
    }

    /// True when it reads what is coded after messages that both have.
    pub fn knows_past(&self) -> bool {
        self.theirs.as_ref().is_some_and(|hello| hello.models.contains(&PAST))
    }

    /// True when it knows what to make of positions.
    pub fn knows_positions(&self) -> bool {
        self.theirs.as_ref().is_some_and(|hello| hello.models.contains(&POSITIONS))
    }

    /// True when it takes packets that come together with whole mails.
    pub fn takes_mails(&self) -> bool {
        self.theirs.as_ref().is_some_and(|hello| hello.models.contains(&MAILS))
    }

    /// Our hello, if it should ride in a packet that leaves now.
    pub fn hello(&self, ours: &[ModelId], rules: &PeerRules, now: i64) -> Option<Hello> {
        let hello = self.ours(ours, rules);
        // Where it makes a classic packet no dearer it rides in each of them ([`Agreement::may_cost`]).
        let lately = self.theirs.is_some() && self.said.is_some_and(|at| now - at < SAY_AGAIN);
        (hello.check() != self.known && !lately || self.owed.is_some()).then_some(hello)
    }

    fn ours(&self, models: &[ModelId], rules: &PeerRules) -> Hello {
        let echo = self.theirs.as_ref().map_or(0, Hello::check);
        let skills = [PEOPLE].into_iter().chain(rules.past.then_some(PAST));
        let skills = skills.chain(rules.position.known.then_some(POSITIONS)).chain(rules.mails.then_some(MAILS));
        let models = models.iter().copied().take(MOST_MODELS).chain(skills).collect();
        Hello { hours: rules.receipt_hours, echo, models }
    }

    /// Whether our hello may make a packet dearer: the first one, an answer, and one again after a while.
    pub fn may_cost(&self, now: i64) -> bool {
        let wait = SAY_AGAIN << self.unheard.saturating_sub(1).min(DOUBLED);
        self.owed.is_some() || self.said.is_none_or(|at| now.saturating_sub(at) >= wait)
    }

    /// A packet with our hello goes out.
    pub fn hello_sent(&mut self, now: i64) {
        self.said = Some(now);
        self.unheard = self.unheard.saturating_add(1);
        if self.owed.take().is_some() {
            self.answered = Some(now);
        }
    }

    /// That packet did not go out.
    pub fn hello_lost(&mut self, now: i64) {
        self.said = None;
        self.unheard = self.unheard.saturating_sub(1);
        if self.known == 0 && self.theirs.is_some() {
            self.owed.get_or_insert(now);
        }
    }

    /// It has the hello that rode in a packet of ours.
    pub fn has_ours(&mut self, hello: &Hello) {
        (self.known, self.unheard) = (hello.check(), 0);
    }

    /// It says hello; true when that is news.
    pub fn receive(&mut self, hello: &Hello, models: &[ModelId], rules: &PeerRules, now: i64) -> bool {
        let same = |known: &Hello| (known.hours, &known.models) == (hello.hours, &hello.models);
        let news = !self.theirs.as_ref().is_some_and(same);
        let ours = self.ours(models, rules).check();
        if hello.echo == ours {
            self.known = ours;
        } else {
            self.known = 0;
            // The same hello may come twice: one answer a day is enough.
            if news || self.answered.is_none_or(|at| now - at >= SAY_AGAIN) {
                self.owed.get_or_insert(now);
            }
        }
        (self.understands_notes, self.unheard) = (true, 0);
        if news {
            (self.theirs, self.struck) = (Some(hello.clone()), 0);
        }
        news
    }

    /// It speaks in one of our models: it has a hello of ours.
    pub fn seems_to_know(&mut self, ours: &[ModelId], rules: &PeerRules) {
        if self.known == 0 {
            self.known = self.ours(ours, rules).check();
        }
    }

    /// It speaks less well than it could if it knew what we have: we say it once more.
    pub fn seems_deaf(&mut self, ours: &[ModelId]) {
        if self.form(ours).is_some_and(|form| form != Form::Stored) {
            self.known = 0;
        }
    }

    /// It could not read this form.
    pub fn strike(&mut self, form: Form) {
        self.struck |= bit(form);
    }

    /// It does not understand us any more: classic, and hello from the start. True when that is news.
    pub fn unlearned(&mut self) -> bool {
        std::mem::take(self).theirs.is_some()
    }
}

fn is_none(count: &u8) -> bool {
    *count == 0
}

fn bit(form: Form) -> u32 {
    match form {
        Form::Model(number) => 1 << (number & 15),
        Form::Stored => 1 << 16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NORMAL: ModelId = ModelId { number: 1, mark: *b"norm" };
    const SMALL: ModelId = ModelId { number: 2, mark: *b"smal" };
    const OTHER: ModelId = ModelId { number: 1, mark: *b"xxxx" };

    fn hours(receipt_hours: u8) -> PeerRules {
        PeerRules { receipt_hours, ..PeerRules::default() }
    }

    #[test]
    fn two_boxes_agree_and_fall_silent() {
        let (mut here, mut there) = (Agreement::default(), Agreement::default());
        let (ours, theirs) = ([NORMAL, SMALL], [SMALL, OTHER]);
        assert_eq!(here.form(&ours), None);
        let first = here.hello(&ours, &hours(24), 0).unwrap();
        here.hello_sent(0);
        assert_eq!((first.echo, here.hello(&ours, &hours(24), 1000).as_ref()), (0, Some(&first)));
        assert!(there.receive(&first, &theirs, &hours(48), 5));
        assert_eq!((there.form(&theirs), there.owed), (Some(Form::Model(2)), Some(5)));
        let answer = there.hello(&theirs, &hours(48), 6).unwrap();
        there.hello_sent(6);
        assert!(here.receive(&answer, &ours, &hours(24), 9) && !here.receive(&answer, &ours, &hours(24), 9));
        assert_eq!((here.form(&ours), here.owed, here.receipt_hours()), (Some(Form::Model(2)), None, Some(48)));
        assert_eq!(here.hello(&ours, &hours(24), i64::MAX), None);
        there.has_ours(&answer);
        assert_eq!(there.hello(&theirs, &hours(48), i64::MAX), None);
        assert!(here.hello(&ours[..1], &hours(24), i64::MAX).is_some(), "what changed is said again");
    }

    #[test]
    fn a_hello_that_nobody_answers_costs_less_and_less_often() {
        let mut here = Agreement::default();
        let (ours, rules) = ([NORMAL], hours(24));
        assert!(here.may_cost(0));
        let mut now = 0;
        for days in [1, 2, 4, 8, 16, 32, 32] {
            here.hello_sent(now);
            assert!(here.hello(&ours, &rules, now + 1).is_some(), "free it rides in each packet");
            assert!(!here.may_cost(now + days * SAY_AGAIN - 1) && here.may_cost(now + days * SAY_AGAIN), "{days}");
            now += days * SAY_AGAIN;
        }
        let said = here.hello(&ours, &rules, now).unwrap();
        here.hello_sent(now);
        here.has_ours(&said);
        assert!(here.may_cost(now + SAY_AGAIN), "it was heard");
        let theirs = Hello { hours: 0, echo: 0, models: ours.to_vec() };
        here.receive(&theirs, &ours, &rules, now);
        assert!(here.may_cost(now), "an answer is owed");
    }

    #[test]
    fn what_is_not_read_is_not_spoken() {
        let mut here = Agreement::default();
        let ours = [NORMAL, SMALL];
        let hello = Hello { hours: 0, echo: 0, models: ours.to_vec() };
        here.receive(&hello, &ours, &hours(24), 0);
        for form in [Form::Model(1), Form::Model(2), Form::Stored] {
            assert_eq!(here.form(&ours), Some(form));
            here.strike(form);
        }
        assert_eq!((here.form(&ours), here.receipt_hours(), here.knows_us()), (None, None, true));
        assert!(here.unlearned() && !here.unlearned() && !here.knows_us());
        here.receive(&hello, &ours, &hours(24), 0);
        assert_eq!(here.form(&ours), Some(Form::Model(1)));
    }
}
