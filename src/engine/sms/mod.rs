//! The worker for text messages: gives them to the carrier, asks how far they got, and asks for texts from phones where
//! the carrier cannot call.

mod keywords;
mod reaction;
pub mod receive;
pub mod report;
mod send;

use std::time::Duration;

use super::{Context, relay};
use crate::clock::Time;
use crate::deliver::sms::{self, Carrier, Row};
use crate::fault::Fault;
use crate::message::{Priority, State, Way};
use crate::settings::{Key, Settings};
use crate::status::{PartState, PartStatus};
use crate::store::{OptOut, Queue};

/// Longest sleep between two looks at the queue.
const LOOK: Duration = Duration::from_secs(60);
/// Messages taken from the queue, and reports asked for, at once.
const BATCH: usize = 16;
/// Messages of the queue among which the urgent ones go first.
const IN_SIGHT: usize = 256;
/// A carrier that calls is asked all the same, for what a call may have lost: neither Twilio nor a proxy repeats it.
const SAFETY: Duration = Duration::from_secs(15 * 60);
/// Texts that came so long before the newest one known are asked for again: not all come in the order of their times.
const OVERLAP: Duration = Duration::from_secs(3600);
/// Name of the note with the time of the newest text from a phone.
const MARK: &str = "sms:mark";

/// The worker: returns when the box stops.
///
/// # Errors
/// When the store fails; the supervisor starts it again.
pub fn run(context: &Context) -> Result<(), Fault> {
    let (_keep, wake) = context.store.wake_on(Way::Carrier);
    let mut texts = Texts::new(context);
    receive::recall_heard(context)?;
    while !context.stopping() {
        if texts.is_outdated() {
            texts = Texts::new(context);
            relay::try_all(context, Queue::Carrier)?;
        }
        texts.send_due()?;
        texts.ask_reports()?;
        texts.ask_inbound()?;
        let wait = texts.next()?;
        context.rest(&wake, wait);
    }
    Ok(())
}

/// The carrier at work.
pub struct Texts<'c> {
    pub(super) context: &'c Context,
    /// Its row; `None` when the box has no carrier.
    pub(super) row: Option<&'static Row>,
    /// The carrier, or what has to be set first.
    pub(super) carrier: Result<Box<dyn Carrier>, Fault>,
    made_with: std::sync::Arc<Settings>,
    /// Nothing is sent before this: the carrier asked for it, or was out of reach.
    pub(super) paused: Time,
    /// When it is asked for texts next.
    ask_at: Time,
}

impl<'c> Texts<'c> {
    fn new(context: &'c Context) -> Self {
        let settings = context.store.settings();
        let row = sms::carrier(&settings);
        let none = || Err(Fault::operator("this box has no carrier of text messages: set sms.carrier"));
        let carrier = row.map_or_else(none, |row| (row.make)(&settings));
        let now = context.now();
        let texts = Self { context, row, carrier, made_with: settings, paused: now, ask_at: now };
        texts.tell(texts.carrier.as_ref().err());
        texts
    }

    fn is_outdated(&self) -> bool {
        let settings = self.context.store.settings();
        let own = self.row.map_or(&[][..], |row| row.settings);
        let all = [Key::SmsCarrier, Key::SmsPublicUrl, Key::SmsPoll];
        own.iter().chain(&all).any(|key| self.made_with.text(*key) != settings.text(*key))
    }

    /// Tells the page how texts come in, or what is wrong.
    fn tell(&self, fault: Option<&Fault>) {
        let status = self.row.map(|row| PartStatus {
            state: fault.map_or_else(|| self.state(row), |fault| PartState::Faulty(fault.clone())),
            at: self.context.now(),
        });
        self.context.status.set(|facts| facts.texts = status);
    }

    fn state(&self, row: &Row) -> PartState {
        let carrier = row.title;
        match (self.made_with.text(Key::SmsPublicUrl), row.polls) {
            ("", true) => {
                PartState::Polls { carrier, every: format!("{} s", self.made_with.span(Key::SmsPoll).as_secs()) }
            }
            ("", false) => PartState::Unreachable { carrier },
            (public, polls) => PartState::Called { carrier, hook: format!("{public}/hooks/{}", row.name), polls },
        }
    }

    /// Gives the carrier what is due.
    fn send_due(&mut self) -> Result<(), Fault> {
        loop {
            let now = self.context.now();
            if self.paused > now || self.context.stopping() {
                return Ok(());
            }
            let mut due = self.context.store.read(|view| view.due(Queue::Carrier, now, IN_SIGHT))?;
            if due.is_empty() {
                return Ok(());
            }
            // What cannot be read is out of the way first; among equals it stays the earliest first.
            due.sort_by_key(|item| item.as_ref().map_or(Priority::Urgent, |message| message.terms.priority));
            due.truncate(BATCH);
            for item in due {
                if self.paused > self.context.now() || self.context.stopping() {
                    return Ok(());
                }
                let message = match item {
                    Ok(message) => message,
                    Err((id, why)) => {
                        relay::set_aside(self.context, id, why)?;
                        continue;
                    }
                };
                // Its owner may have decided otherwise while the ones before it were on their way.
                let live = self.context.store.message(message.id)?;
                if live.is_some_and(|live| live.state == State::Queued && live.way == Way::Carrier) {
                    send::one(self, &message)?;
                }
            }
        }
    }

    /// Asks how far texts got.
    fn ask_reports(&mut self) -> Result<(), Fault> {
        let (Some(row), Ok(carrier)) = (self.row, &mut self.carrier) else { return Ok(()) };
        let now = self.context.now();
        for text in self.context.store.read(|view| view.texts_due(now, BATCH))? {
            if self.context.stopping() {
                break;
            }
            report::ask(self.context, row, carrier.as_mut(), &text)?;
        }
        Ok(())
    }

    /// Asks for texts from phones, oldest first into the store: the mark of the newest one is written with it.
    fn ask_inbound(&mut self) -> Result<(), Fault> {
        let (Some(row), Ok(carrier)) = (self.row, &mut self.carrier) else { return Ok(()) };
        let context = self.context;
        let now = context.now();
        if !row.polls || self.ask_at > now || context.stopping() {
            return Ok(());
        }
        let settings = context.store.settings();
        let called = !settings.text(Key::SmsPublicUrl).is_empty();
        self.ask_at = now + if called { SAFETY } else { settings.span(Key::SmsPoll) };
        let note = format!("{MARK}:{}", row.name);
        let mark = context.store.read(|view| view.note(&note))?;
        let mark = mark.and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok()).map(Time);
        let mut found = Vec::new();
        let listed = carrier.inbound(mark.unwrap_or(now) - OVERLAP, &mut |incoming| {
            let key = receive::key(row, &incoming.id);
            if !context.store.read(|view| view.known(&key))? {
                found.push(incoming);
            }
            Ok(())
        });
        if let Err(fault) = listed {
            log::info!("text: {} cannot be asked for texts: {fault}", row.title);
            self.tell(Some(&fault));
            return Ok(());
        }
        found.reverse();
        for incoming in &found {
            receive::take(context, row, incoming)?;
        }
        // A carrier whose clock is wrong must not hide the texts of the time until then.
        let newest = found.iter().map(|incoming| incoming.at.min(now)).max();
        if let Some(at) = newest.or(mark.is_none().then_some(now)) {
            let at = mark.map_or(at, |mark| at.max(mark));
            context.store.write(move |tx| tx.put_note(&note, Some(at.0.to_string().as_bytes())))?;
        }
        self.tell(None);
        context.status.set(|facts| facts.texts_heard = Some(now));
        Ok(())
    }

    /// How long nothing is due.
    fn next(&self) -> Result<Duration, Fault> {
        let (send, report) = self.context.store.read(|view| Ok((view.next_due(Queue::Carrier)?, view.next_text()?)))?;
        let send = send.map(|at| at.max(self.paused));
        let usable = self.carrier.is_ok();
        let ask = self.row.filter(|row| row.polls && usable).map(|_| self.ask_at);
        let times = [send, report.filter(|_| usable), ask].into_iter().flatten().min();
        Ok(self.context.until(times, LOOK).max(Duration::from_millis(50)))
    }
}

/// What is written when the carrier says that a phone opted out.
fn told_by_carrier(at: Time, why: &str) -> OptOut {
    OptOut { at, how: why.to_owned() }
}
