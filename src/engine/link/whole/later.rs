//! The rest of mails that went as text: far boxes are told that there is more, asked for it, and given it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::sending::{Progress, Sending};
use super::{Terms, request};
use crate::address::{LinkAddress, PeerId};
use crate::clock::Time;
use crate::engine::Context;
use crate::fault::Fault;
use crate::link::Link;
use crate::link::whole::{WholeFrame, WholeId, Wide};
use crate::message::{Id, State, Way, Whole};
use crate::route::choose::Route;
use crate::store::{MailHere, MailThere, WholeNotes};

/// What was asked for and is not offered is asked for again after this.
const AGAIN: Duration = Duration::from_secs(60);
/// A far box that does not answer is told again after this.
const UNHEARD: Duration = Duration::from_secs(600);
/// Messages of which a far box is told at once, before it answers.
const TOLD: usize = 16;
/// Mails that are on their way to one far box at once.
const AT_ONCE: usize = 4;
/// A larger mail is not packed to find out what that takes: its own size is said.
const PACKED: u64 = 4_000_000;

/// All that one link tells, asks for, and gives.
#[derive(Default)]
pub struct Later {
    notes: WholeNotes,
    /// The bytes of the note that `notes` were read from.
    record: Option<Vec<u8>>,
    lines: BTreeMap<Option<PeerId>, Line>,
    /// What was asked for, by far box and message.
    going: BTreeMap<(Option<PeerId>, u64), Box<Sending>>,
}

/// One connection to a far box.
struct Line {
    connection: u64,
    /// Messages of which the far box was told, by number, with the time of that.
    told: BTreeMap<u64, Time>,
    /// What was asked for on it, and when.
    wanted: BTreeMap<u64, Time>,
}

impl Later {
    /// True where this far box was asked for the mail of this message of it, and offers one of the size that it told; it is not asked
    /// again while that comes. One of another size is another mail: what it told of is not there any more.
    ///
    /// # Errors
    /// When the store fails.
    pub fn awaits(
        &mut self,
        context: &Context,
        far_box: Option<PeerId>,
        (number, size): (u64, u32),
    ) -> Result<bool, Fault> {
        let now = context.now();
        if let Some(line) = self.lines.get_mut(&far_box) {
            line.wanted.insert(number, now);
        }
        let of = |mail: &&MailThere| mail.asked && (mail.far_box, mail.number) == (far_box, number);
        let Some(asked) = self.notes.there.iter().find(of) else { return Ok(false) };
        let text = context.store.message(asked.message).ok().flatten();
        let told = text.and_then(|text| match text.whole {
            Some(Whole::There { size, .. }) => Some(size),
            _ => None,
        });
        if told.is_some_and(|told| told != size) {
            log::warn!("link: the far box offers another mail than that of {}: it is not taken", asked.message);
            request::gone(context, far_box, number)?;
            return Ok(false);
        }
        Ok(told.is_some())
    }

    /// The far box still sends the mail of this message of it.
    pub fn comes(&mut self, context: &Context, far_box: Option<PeerId>, number: u64) {
        if let Some(line) = self.lines.get_mut(&far_box) {
            line.wanted.insert(number, context.now());
        }
    }

    /// A far box has so much of a mail. Gives how many bytes went for that.
    pub fn have(&mut self, context: &Context, far_box: Option<PeerId>, name: WholeId, got: u32) -> u64 {
        let now = context.now();
        let of = |(key, _): &(&(Option<PeerId>, u64), &mut Box<Sending>)| key.0 == far_box;
        let same = self.going.iter_mut().filter(of).filter(|(_, sending)| sending.name == name);
        let went: u64 = same.map(|(_, sending)| u64::from(sending.have(got, now))).sum();
        self.end(far_box);
        went
    }

    /// A far box does not take a mail.
    pub fn refuse(&mut self, far_box: Option<PeerId>, name: WholeId) {
        self.going.iter_mut().filter(|(key, it)| key.0 == far_box && it.name == name).for_each(|(_, it)| it.refuse());
        self.end(far_box);
    }

    fn end(&mut self, far_box: Option<PeerId>) {
        self.going.retain(|key, sending| key.0 != far_box || sending.progress() == Progress::UnderWay);
    }

    /// Hears the other frames; gives the answer.
    ///
    /// # Errors
    /// When the store fails.
    pub fn hear(
        &mut self,
        context: &Context,
        far_box: Option<PeerId>,
        frame: &WholeFrame,
    ) -> Result<Option<WholeFrame>, Fault> {
        Ok(match *frame {
            WholeFrame::More { number, bundle, place, packed, size } => {
                let noted = request::noted(context, far_box, (bundle, place), number, (packed, size))?;
                noted.then_some(WholeFrame::Heard { number })
            }
            WholeFrame::Heard { number } => {
                forget(context, vec![(far_box, Id(number))])?;
                None
            }
            WholeFrame::None { number } => {
                request::gone(context, far_box, number)?;
                None
            }
            WholeFrame::Want { number } => self.give(context, far_box, number)?,
            _ => None,
        })
    }

    /// A far box asks for the mail of a message that went to it.
    fn give(&mut self, context: &Context, far_box: Option<PeerId>, number: u64) -> Result<Option<WholeFrame>, Fault> {
        let (none, key) = (Some(WholeFrame::None { number }), (far_box, number));
        let at_once = self.going.keys().filter(|key| key.0 == far_box).count();
        if self.going.contains_key(&key) || at_once >= AT_ONCE {
            // It asks again.
            return Ok(None);
        }
        let Some(message) = context.store.message(Id(number)).ok().flatten() else { return Ok(none) };
        // It was told of what went to it as text, and of nothing else.
        let went = message.way == Way::Link && message.whole != Some(Whole::Went);
        let waits = matches!(message.state, State::Queued | State::Held | State::Refused);
        if !went || waits || context.policy().choose(&message.to) != Route::Link(far_box) {
            return Ok(none);
        }
        let Some((packed, size)) = super::read(context, &message) else { return Ok(none) };
        log::info!("link: the whole mail of {} was asked for: {} bytes", message.id, packed.len());
        self.going.insert(key, Box::new(Sending::new(packed, size, number, context.now())));
        Ok(None)
    }

    /// Tells, asks, and gives what can go now.
    ///
    /// # Errors
    /// When the store fails.
    pub fn tend(
        &mut self,
        context: &Context,
        link: &mut dyn Link,
        address: &impl Fn(Option<PeerId>) -> Option<LinkAddress>,
        terms: &Terms,
    ) -> Result<(), Fault> {
        let now = context.now();
        // Other links, pages and commands change them.
        if let Some(notes) = context.store.read(|view| view.whole_notes_after(&mut self.record))? {
            self.notes = notes;
        }
        let here = self.notes.here.iter().map(|mail| mail.far_box);
        let there = self.notes.there.iter().map(|mail| mail.far_box);
        let all: BTreeSet<_> = here.chain(there).chain(self.going.keys().map(|key| key.0)).collect();
        for far_box in all {
            let to = address(far_box);
            let asked = self.notes.there.iter().any(|mail| mail.asked && mail.far_box == far_box);
            // Only what somebody asked for is worth a call.
            let Wide::Open { connection, metered } = link.wide(to, asked && terms.room) else { continue };
            if self.lines.get(&far_box).is_none_or(|line| line.connection != connection) {
                let line = Line { connection, told: BTreeMap::new(), wanted: BTreeMap::new() };
                self.lines.insert(far_box, line);
                // The far box asks again, and says what it has.
                self.going.retain(|key, _| key.0 != far_box);
            }
            if terms.fetch && terms.free && !metered {
                self.fetch(context, far_box)?;
            }
            self.tell(context, far_box, |frame| link.say(to, frame))?;
            if terms.room {
                self.want(far_box, now, |frame| link.say(to, frame));
                for (_, sending) in self.going.iter_mut().filter(|(key, _)| key.0 == far_box) {
                    sending.pump(now, |frame| link.say(to, frame));
                }
            }
        }
        Ok(())
    }

    /// All that came from a far box as text is asked for; what went on to the world as text once that has left.
    fn fetch(&mut self, context: &Context, far_box: Option<PeerId>) -> Result<(), Fault> {
        let open = self.notes.there.iter().filter(|mail| !mail.asked && mail.far_box == far_box);
        let (mut asked, mut over) = (Vec::new(), Vec::new());
        for id in open.map(|mail| mail.message) {
            let text = context.store.message(id).ok().flatten();
            match text.filter(|text| matches!(text.whole, Some(Whole::There { .. }))) {
                Some(text) if text.way == Way::Relay && !text.is_final() => {}
                Some(text) if text.way != Way::Relay || request::has_left(&text) => asked.push(id),
                // It was removed here, or nobody got its text.
                _ => over.push(id),
            }
        }
        if asked.is_empty() && over.is_empty() {
            return Ok(());
        }
        self.notes = context.store.write(move |tx| {
            for id in &asked {
                // It may have been removed a moment ago.
                match tx.find(*id)?.is_some_and(|text| matches!(text.whole, Some(Whole::There { .. }))) {
                    true => request::ask(tx, *id)?,
                    false => request::forget(tx, *id)?,
                }
            }
            over.iter().try_for_each(|id| request::forget(tx, *id))?;
            tx.whole_notes()
        })?;
        Ok(())
    }

    /// Says to a far box of what there is more; what is not here any more is forgotten.
    fn tell(
        &mut self,
        context: &Context,
        far_box: Option<PeerId>,
        mut say: impl FnMut(WholeFrame) -> bool,
    ) -> Result<(), Fault> {
        let now = context.now();
        let Some(line) = self.lines.get_mut(&far_box) else { return Ok(()) };
        let open: BTreeSet<u64> = self.notes.here.iter().map(|mail| mail.message.0).collect();
        // Its text may not be there yet.
        line.told.retain(|number, at| open.contains(number) && now < *at + UNHEARD);
        let mut over = Vec::new();
        for mail in self.notes.here.iter().filter(|mail| mail.far_box == far_box) {
            if line.told.len() >= TOLD {
                break;
            }
            if line.told.contains_key(&mail.message.0) {
                continue;
            }
            let Some(message) = context.store.message(mail.message).ok().flatten() else {
                over.push((far_box, mail.message));
                continue;
            };
            // Its text has to be there first.
            let there = matches!(message.state, State::Sent | State::FarBox | State::Delivered);
            if !there && !message.is_final() {
                continue;
            }
            let Some(size) = message.mail.as_ref().map(|mail| mail.size).filter(|_| there) else {
                over.push((far_box, mail.message));
                continue;
            };
            let packed = match size <= PACKED {
                true => super::read(context, &message).map_or(size, |(packed, _)| packed.len() as u64),
                false => size,
            };
            let small = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX);
            let MailHere { bundle, place, .. } = *mail;
            let (packed, size) = (small(packed), small(size));
            if !say(WholeFrame::More { number: mail.message.0, bundle, place, packed, size }) {
                break;
            }
            line.told.insert(mail.message.0, now);
        }
        if over.is_empty() { Ok(()) } else { forget(context, over) }
    }

    /// Asks a far box for what somebody wants.
    fn want(&mut self, far_box: Option<PeerId>, now: Time, mut say: impl FnMut(WholeFrame) -> bool) {
        let Some(line) = self.lines.get_mut(&far_box) else { return };
        let asked = |mail: &&MailThere| mail.asked && mail.far_box == far_box;
        for mail in self.notes.there.iter().filter(asked).take(AT_ONCE) {
            let number = mail.number;
            let waits = line.wanted.get(&number).is_some_and(|at| now < *at + AGAIN);
            if !waits && say(WholeFrame::Want { number }) {
                line.wanted.insert(number, now);
            }
        }
    }
}

/// Far boxes need not be told of these messages any more.
fn forget(context: &Context, over: Vec<(Option<PeerId>, Id)>) -> Result<(), Fault> {
    context.store.write(move |tx| {
        let mut notes = tx.whole_notes()?;
        notes.here.retain(|mail| !over.contains(&(mail.far_box, mail.message)));
        tx.put_whole_notes(notes)
    })
}
