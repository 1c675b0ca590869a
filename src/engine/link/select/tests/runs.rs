//! 10,000 random runs of what is pure about links: links come and go, lose packets and give them back, lines fall silent with what
//! they have and are overtaken, whole mails go before their messages by a line, the box is killed, days begin. What was accepted
//! has one end, nothing is paid twice unless its history says why, and no link gets what it may not take.

use super::*;
use crate::links::Uptime;
use testing::Dice;

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    Queued,
    /// A link has it.
    On(LinkId),
    /// Nobody knows whether this link sent it.
    Unknown(LinkId),
    /// It has ended.
    Done,
}

struct Letter {
    facts: MessageFacts,
    packets: u64,
    place: Place,
    until: Time,
    ends: u32,
    /// What is booked for it now, by link.
    booked: Vec<(LinkId, Use)>,
    /// It was sent by a free link although another one may have sent it: the time line says so.
    decided: bool,
    /// So often a line that had it was overtaken: the time line says so.
    overtaken: usize,
    mail: Mail,
}

/// Where the whole mail of a message is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mail {
    /// Its text says all.
    None,
    /// Here; it goes to the far box first, by a line.
    Here,
    /// There: the packet names it.
    There,
}

struct Run {
    dice: Dice,
    now: Time,
    links: Vec<(LinkState, Uptime)>,
    /// Those that are lines: they carry whole mails, and tell for certain what arrived once they are back.
    lines: Vec<LinkId>,
    letters: Vec<Letter>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let links = (1..=1 + dice.below(3)).map(|id| {
            let price = dice.below(3).cast_signed() * 10_000;
            let mut link = state(u32::try_from(id).unwrap(), price, false);
            link.terms.on = dice.below(10) > 0;
            link.terms.price = link.terms.price.filter(|_| dice.below(10) > 0);
            if dice.below(3) == 0 {
                link.budget.day = Limit { money: Some(Money(30_000)), reserve: 30, ..Limit::default() };
            }
            (link, Uptime::new(NOW))
        });
        let links: Vec<(LinkState, Uptime)> = links.collect();
        let lines = links.iter().map(|(link, _)| link.terms.id).filter(|_| dice.below(2) == 0).collect();
        Self { dice, now: NOW, links, lines, letters: Vec::new() }
    }

    fn accept(&mut self) {
        let patience = MINUTE * u32::try_from(self.dice.below(40)).unwrap();
        let facts = MessageFacts {
            urgent: self.dice.below(4) == 0,
            preference: LinkPreference::ALL[self.dice.index(3)],
            since: self.now,
            ..facts(patience)
        };
        let (packets, until) = (1 + self.dice.below(3), self.now + 600 * MINUTE);
        let mail = if self.dice.below(3) == 0 { Mail::Here } else { Mail::None };
        self.letters.push(Letter {
            facts,
            packets,
            place: Place::Queued,
            until,
            ends: 0,
            booked: Vec::new(),
            decided: false,
            overtaken: 0,
            mail,
        });
    }

    fn choice(&self, letter: &Letter) -> (Choice, Vec<Offer>) {
        let offer = |(link, up): &(LinkState, Uptime)| {
            let link =
                LinkState { ready: up.ready, lost: up.lost, rests: up.rests(self.now).is_some(), ..link.clone() };
            let quote = |price: Price| {
                let money = price.each.times(letter.packets);
                Quote { wanted: Use::of_packets(letter.packets, money), too_large: false }
            };
            link.offer(&letter.facts, true, link.terms.price.map(quote))
        };
        let offers: Vec<_> = self.links.iter().map(offer).collect();
        (choose(&letter.facts, &offers, self.now), offers)
    }

    fn link(&mut self, id: LinkId) -> &mut LinkState {
        &mut self.links.iter_mut().find(|(link, _)| link.terms.id == id).unwrap().0
    }

    /// A link takes a letter, if the choice falls on one.
    fn hand_over(&mut self, at: usize) {
        let (choice, offers) = self.choice(&self.letters[at]);
        let Choice::Now(id) = choice else { return };
        // Its mail goes first by a line; by any other link its text goes alone.
        if self.lines.contains(&id) && self.letters[at].mail == Mail::Here {
            self.letters[at].mail = if self.dice.below(2) == 0 { Mail::There } else { Mail::Here };
            return;
        }
        let offer = offers.iter().find(|offer| offer.link == id).unwrap();
        assert!(offer.bar.is_none() && offer.ready, "the filter and the state hold for what is chosen");
        assert!(self.letters[at].facts.preference != LinkPreference::Cheap || offer.price.0 == 0);
        let spends = Use::of_packets(self.letters[at].packets, offer.price);
        let urgent = self.letters[at].facts.urgent;
        let link = self.link(id);
        assert_eq!(link.budget.day.check(link.today, spends, urgent), Ok(()), "within the budget");
        link.today = link.today.plus(spends);
        let letter = &mut self.letters[at];
        letter.booked.push((id, spends));
        letter.place = Place::On(id);
    }

    fn is_up(&self, id: LinkId) -> bool {
        self.links.iter().any(|(link, up)| link.terms.id == id && up.ready)
    }

    /// A line is silent with what it has: once the choice falls on another link that takes it, and the line's copy may come after
    /// all.
    fn overtake(&mut self, at: usize, line: LinkId) {
        let (choice, offers) = self.choice(&self.letters[at]);
        let Some(by) = overtakes(line, &[(choice, offers)]) else { return };
        assert!(by.ready && by.link != line && by.bar.is_none());
        let letter = &mut self.letters[at];
        letter.overtaken += 1;
        if letter.mail == Mail::There {
            // The copy that may come names it; the other link carries the text.
            letter.mail = Mail::Here;
        }
        letter.place = Place::Queued;
        self.hand_over(at);
    }

    /// It was certainly not sent: what was booked is given back, and it may take another way.
    fn give_back(&mut self, at: usize, id: LinkId) {
        let (_, spent) = self.letters[at].booked.pop().expect("what a link has is booked");
        let link = self.link(id);
        link.today = link.today.minus(spent);
        self.letters[at].place = Place::Queued;
    }

    fn end(&mut self, at: usize) {
        let letter = &mut self.letters[at];
        (letter.place, letter.ends) = (Place::Done, letter.ends + 1);
    }

    /// What nobody knows of goes by a link that costs nothing, and the far box drops the second copy.
    fn rescue(&mut self, at: usize, by: LinkId) {
        let (choice, offers) = self.choice(&self.letters[at]);
        let free = |id| offers.iter().any(|offer| offer.link == id && offer.price.0 == 0);
        if let Choice::Now(id) = choice
            && id != by
            && free(id)
        {
            // From now on nothing is paid for it.
            self.letters[at].facts.preference = LinkPreference::Cheap;
            self.letters[at].decided = true;
            self.hand_over(at);
        }
    }

    fn happens(&mut self, at: usize) {
        let (place, dice) = (self.letters[at].place, self.dice.below(6));
        match (place, dice) {
            (Place::Queued, _) if self.now >= self.letters[at].until => self.end(at),
            (Place::Queued, _) => self.hand_over(at),
            (Place::On(id), _) if self.lines.contains(&id) && !self.is_up(id) => {
                match self.now >= self.letters[at].until {
                    true => self.end(at),
                    false => self.overtake(at, id),
                }
            }
            (Place::On(_), 0) => self.end(at),
            (Place::On(id), 1) => self.give_back(at, id),
            // The box is killed in the hand-over, or the answer is lost.
            (Place::On(id), 2) => self.letters[at].place = Place::Unknown(id),
            // A line tells in its next hello.
            (Place::Unknown(id), _) if self.lines.contains(&id) && self.is_up(id) => {
                self.letters[at].place = Place::On(id)
            }
            (Place::Unknown(id), 0) => self.letters[at].place = Place::On(id),
            (Place::Unknown(id), 1) => self.give_back(at, id),
            (Place::Unknown(id), 2) => self.rescue(at, id),
            (Place::Unknown(_), _) if self.now >= self.letters[at].until => self.end(at),
            _ => {}
        }
    }

    fn step(&mut self) {
        match self.dice.below(8) {
            0 | 1 if self.letters.len() < 6 => self.accept(),
            2..=4 => {
                let (ready, at, now) = (self.dice.below(2) == 0, self.dice.index(self.links.len()), self.now);
                self.links[at].1.heard(ready, now);
            }
            5 => self.now = self.now + MINUTE * u32::try_from(self.dice.below(30)).unwrap(),
            // A day begins.
            6 if self.dice.below(5) == 0 => self.links.iter_mut().for_each(|(link, _)| link.today = Use::default()),
            _ => self.now = self.now + MINUTE,
        }
        (0..self.letters.len()).for_each(|at| self.happens(at));
    }
}

#[test]
fn in_ten_thousand_runs_nothing_is_lost_or_paid_twice() {
    let (mut sent, mut decided, mut overtaken, mut with_mail) = (0, 0, 0, 0);
    for seed in 0..10_000 {
        let mut run = Run::new(seed);
        (0..40).for_each(|_| run.step());
        run.now = run.now + 700 * MINUTE;
        let mut turns = 0;
        while run.letters.iter().any(|letter| letter.place != Place::Done) {
            (0..run.letters.len()).for_each(|at| run.happens(at));
            turns += 1;
            assert!(turns < 1000, "seed {seed}: all end when their time is over");
        }
        for letter in &run.letters {
            assert_eq!((letter.place, letter.ends), (Place::Done, 1), "seed {seed}: each has one end");
            let paid = letter.booked.iter().filter(|(_, spent)| spent.money.0 > 0).count();
            assert!(paid <= 1 + letter.overtaken, "seed {seed}: paid once at most, but where the history says why");
            let decisions = letter.overtaken + usize::from(letter.decided);
            assert!(letter.booked.len() <= 1 + decisions, "seed {seed}: by one link, or the history says why");
            sent += letter.booked.len();
            decided += usize::from(letter.decided);
            overtaken += letter.overtaken;
            with_mail += usize::from(letter.mail == Mail::There);
        }
    }
    println!("{sent} sent, {decided} by a free link, {overtaken} overtaken, {with_mail} with their mail");
    assert!(sent > 10_000 && decided > 100, "{sent} {decided}: the runs reach what they are about");
    assert!(overtaken > 1000 && with_mail > 500, "{overtaken} {with_mail}");
}
