//! What became of a message: delivered, tried again later (and when), given back; and the notices that tell its sender.

use std::time::Duration;

use super::Context;
use crate::address::{Address, Mailbox};
use crate::back_off::BackOff;
use crate::clock::Time;
use crate::deliver::dsn::{self, Kind};
use crate::fault::Fault;
use crate::message::reason::{ActionReason, Arrived, LinkReason, NoRoute};
use crate::message::{Id, Machine, Message, Origin, Proof, Reason, State, Step, Way};
use crate::money::Bill;
use crate::route::choose::{Policy, Route};
use crate::route::plan::NewMessage;
use crate::settings::Key;
use crate::store::{BodyIn, IncomingMail, Tx, TxResult};

impl Context {
    /// The message has arrived, or left for good; `reports` says that whoever has it now reports to its sender.
    ///
    /// # Errors
    /// When the store cannot be written or read.
    pub fn delivered(&self, id: Id, reason: impl Into<Reason>, reports: bool) -> Result<(), Fault> {
        let (reason, now) = (reason.into(), self.now());
        self.store.write(move |tx| {
            if tx.live(id)?.is_none() {
                return Ok(());
            }
            tx.change(id, |message| message.reporting.passed_on = reports)?;
            tx.step(id, now, State::Delivered, reason.clone(), 0, Time::NEVER).map(drop)
        })
    }

    /// Tells the sender of a message, who asked for it, that it has arrived, or left for good, and takes the note of it away.
    ///
    /// # Errors
    /// When the store cannot be written or read.
    pub fn report_success(&self, id: Id) -> Result<(), Fault> {
        let message = self.store.message(id)?;
        if message.as_ref().is_some_and(|message| !message.is_final()) {
            return Ok(());
        }
        // A stranger who is not proven may be anybody.
        let known = |message: &&Message| message.return_proof().is_none_or(|proof| proof == Proof::Proven);
        let notice = message.as_ref().filter(known).and_then(|message| {
            let kind = match (message.state, &message.reason) {
                (State::Sent, _) | (_, Reason::Relay(_)) => Kind::Relayed,
                (State::Delivered, _) => Kind::Delivered,
                _ => return None,
            };
            self.notice(&self.policy(), message, kind, &message.reason)
        });
        self.store.write(move |tx| match tx.reported(id)? {
            true => notice.as_ref().map_or(Ok(()), |notice| tx.add(notice).map(drop)),
            false => Ok(()),
        })
    }

    /// A try failed: again later, or never, with what the sender has to hear.
    ///
    /// # Errors
    /// When the store cannot be written or read.
    pub fn failed(&self, message: &Message, fault: &Fault) -> Result<(), Fault> {
        if fault.is_permanent() {
            return self.give_back(message, State::Returned, fault);
        }
        if self.now() >= message.deadline {
            return self.give_back(message, State::Expired, fault);
        }
        self.wait_on(message, fault)
    }

    /// The message stays in its queue with this reason; the sender is told of a long delay, once.
    ///
    /// # Errors
    /// When the store cannot be written or read.
    pub fn wait_on(&self, message: &Message, reason: impl Into<Reason>) -> Result<(), Fault> {
        self.wait_at_least(message, reason, Duration::ZERO)
    }

    /// The same, for at least this time.
    ///
    /// # Errors
    /// When the store cannot be written or read.
    pub fn wait_at_least(&self, message: &Message, reason: impl Into<Reason>, least: Duration) -> Result<(), Fault> {
        let (policy, now, reason) = (self.policy(), self.now(), reason.into());
        let mut waiting = message.clone();
        waiting.tries += 1;
        let tell = now >= policy.tell_at(message);
        waiting.delay_told |= tell;
        let kind = if message.state == State::Held { Kind::Held } else { Kind::Delayed };
        let notice = if tell { self.notice(&policy, message, kind, &reason) } else { None };
        let short = message.bill.as_ref().is_some_and(|bill| bill.short);
        let decided = message.state == State::Held && !short;
        // Nothing is tried at what waits for a decision, or for the link, which looks for work by itself.
        let quiet = decided || (message.state == State::Queued && message.way == Way::Link);
        let retry = if quiet { Time::NEVER } else { now + back_off(&policy, waiting.tries).max(least) };
        waiting.next = policy.next_look(&waiting, retry);
        self.store.write(move |tx| {
            // What its owner, or the link, did with it meanwhile stands.
            if tx.live(waiting.id)?.is_none_or(|live| live.state != waiting.state) {
                return Ok(());
            }
            // The time line names each fact once, however often it is met.
            if tx.message(waiting.id)?.reason != reason {
                tx.step(waiting.id, now, waiting.state, reason.clone(), 0, waiting.next)?;
            }
            tx.change(waiting.id, |message| {
                message.tries = waiting.tries;
                message.delay_told = waiting.delay_told;
                message.next = waiting.next;
            })?;
            match &notice {
                Some(notice) if first_word(tx, &waiting, now)? => tx.add(notice).map(drop),
                _ => Ok(()),
            }
        })
    }

    /// Tells the sender of a message that the rules refused, once for each sender; the message stays as it is, and whoever
    /// looks after the box can still release it.
    ///
    /// # Errors
    /// When the store cannot be written or read.
    pub fn tell_refused(&self, id: Id) -> Result<(), Fault> {
        let (policy, now) = (self.policy(), self.now());
        let Some(message) = self.store.message(id)?.filter(|message| policy.tells_refused(message)) else {
            return Ok(());
        };
        let Some(notice) = self.notice(&policy, &message, Kind::NotCarried, &message.reason) else { return Ok(()) };
        let once = format!("told-refused:{}", message.header_from().correspondent());
        self.store.write(move |tx| match tx.once(&once, now)? {
            true => tx.add(&notice).map(drop),
            false => Ok(()),
        })
    }

    /// The message ends here without having arrived; its sender is told in the same commit.
    ///
    /// # Errors
    /// When the store cannot be written or read.
    pub fn give_back(&self, message: &Message, state: State, why: impl Into<Reason>) -> Result<(), Fault> {
        let (ending, now) = (self.ending(message, state, why), self.now());
        ending.log();
        self.store.write(move |tx| ending.apply(tx, now))
    }

    /// The end of a message that has not arrived, ready to be written: what [`Context::give_back`] writes alone. One that
    /// may have arrived is not confirmed, whatever else is true of it.
    pub fn ending(&self, message: &Message, state: State, why: impl Into<Reason>) -> Bounce {
        let why = why.into();
        let wanted_by = message.terms.by.filter(|_| state == State::Expired);
        let (state, kind) = match state {
            State::Expired if why.may_have_arrived() || copy_may_arrive(message) => {
                (State::Unconfirmed, Kind::Unconfirmed)
            }
            State::Expired => (state, Kind::Expired),
            _ => (state, Kind::Failed),
        };
        let notice = self.notice(&self.policy(), message, kind, &why);
        let untold = notice.is_none() && dsn::is_wanted(message, kind);
        let reason = match (wanted_by, untold) {
            (None, false) => why,
            _ => Reason::Ended { why: Box::new(why), wanted_by, untold },
        };
        Bounce { id: message.id, state, reason, notice }
    }

    /// A message that the relay had taken came back: its sender learns what the relay's sender learned.
    ///
    /// # Errors
    /// When the store cannot be written or read.
    pub fn came_back(&self, id: Id, why: &Reason) -> Result<(), Fault> {
        // What came to us never left by the relay: nobody can give it back.
        let left = |message: &Message| message.state == State::Delivered && message.way == Way::Relay;
        let Some(message) = self.store.message(id)?.filter(left) else {
            return Ok(());
        };
        let (policy, now, why) = (self.policy(), self.now(), why.clone());
        // Who reads mail here got the report itself; only the others need a notice.
        let reads_here = matches!(policy.choose(message.return_path()), Route::Mailbox(_));
        let notice = if reads_here { None } else { self.notice(&policy, &message, Kind::Failed, &why) };
        self.store.write(move |tx| {
            tx.step(id, now, State::Returned, why.clone(), 0, Time::NEVER)?;
            notice.as_ref().map_or(Ok(()), |notice| tx.add(notice).map(drop))
        })
    }

    /// The notice to the sender of a message, as a message ready to be kept; `None` when nobody can or may be told.
    pub(super) fn notice(&self, policy: &Policy, about: &Message, kind: Kind, why: &Reason) -> Option<IncomingMail> {
        if !dsn::may_notify(about)
            || !dsn::is_wanted(about, kind)
            || (Policy::held_stranger(about) && !policy.tells_stranger(about))
        {
            return None;
        }
        let to = about.return_path().mailbox()?;
        let now = self.now();
        let token = self.store.ledger().ok()?.box_token;
        let original = self.store.raw(about).ok().flatten();
        let notice = dsn::Notice {
            kind,
            about,
            why,
            original: original.as_deref(),
            to,
            domain: policy.settings.text(Key::Domain),
            now,
            message_id: &format!("<{}.{}.{token}@{}>", about.id, now.0, policy.settings.text(Key::Domain)),
        };
        let draft = NewMessage {
            subject: dsn::subject(kind).to_owned(),
            automatic: Some(Machine::OwnNotice),
            references: about.message_id.iter().cloned().collect(),
            about: Some(about.id),
            ..NewMessage::new(Origin::Notice, Address::Nobody, about.return_path().clone(), dsn::words(&notice))
        };
        let mut message = self.plan(policy, draft);
        message.on_behalf_of = about.author.clone().or_else(|| about.reader(policy.settings.text(Key::Domain)));
        // Who wrote it at a far box hears by a note that costs next to nothing.
        if message.way == Way::Link && (message.state != State::Queued || about.came_in.is_some()) {
            keep_here(policy, to, &mut message)?;
        }
        let body = dsn::mail(&notice);
        Some(IncomingMail { messages: vec![message], body: BodyIn::Bytes(body) })
    }
}

/// True unless a stranger was told before that a message of theirs waits, to whomever it was.
fn first_word(tx: &mut Tx, message: &Message, now: Time) -> TxResult<bool> {
    match Policy::held_stranger(message) {
        true => tx.once(&format!("told:{}", message.header_from().correspondent()), now),
        false => Ok(true),
    }
}

/// A message that had gone, and was paid for, goes once more: it pays again, or is held when a budget does not allow it.
pub fn requeue(tx: &mut Tx, id: Id, bill: Option<Bill>, why: impl Into<Reason>, now: Time, next: Time) -> TxResult<()> {
    let mut message = tx.message(id)?;
    match tx.rebill(&mut message, bill, now)? {
        Ok(()) => {
            // In the queue first: of one that has left, what is reserved is given back.
            tx.step(id, now, State::Queued, why, 0, next)?;
            tx.change(id, |live| live.bill = message.bill).map(drop)
        }
        Err(budget) => {
            tx.change(id, |live| live.bill.iter_mut().for_each(|bill| bill.short = true))?;
            let why = Box::new(why.into());
            tx.step(id, now, State::Held, Reason::AgainOverBudget { why, budget }, 0, next).map(drop)
        }
    }
}

/// True where another copy of a message may arrive yet, as it went a second way without its owner: since it was sent again, if it
/// was.
pub fn copy_may_arrive(message: &Message) -> bool {
    let decision = |step: &Step| match &step.cause {
        Reason::Link(LinkReason::FreeWay { .. } | LinkReason::Overtaken { .. }) => Some(true),
        Reason::Action(ActionReason::SentAgain { .. }) => Some(false),
        _ => None,
    };
    message.steps.iter().rev().find_map(decision).unwrap_or(false)
}

/// The end of a message, with the notice to its sender.
pub struct Bounce {
    id: Id,
    state: State,
    reason: Reason,
    notice: Option<IncomingMail>,
}

impl Bounce {
    /// Writes it, unless the message has ended already.
    pub fn apply(&self, tx: &mut Tx, now: Time) -> TxResult<()> {
        let Some(live) = tx.live(self.id)? else { return Ok(()) };
        let was_held = Policy::held_stranger(&live);
        tx.step(self.id, now, self.state, self.reason.clone(), 0, Time::NEVER)?;
        match &self.notice {
            // Who was told that it waits, if anybody, is not told again.
            Some(notice) if !was_held => tx.add(notice).map(drop),
            _ => Ok(()),
        }
    }

    /// Writes to the log what became of the message.
    pub fn log(&self) {
        log::info!("{} {} ({})", self.id, self.state.words(), self.reason.code());
    }
}

/// A notice that may not go on air waits in the mailbox that its reader has on this box; outside nobody is told.
fn keep_here(policy: &Policy, to: &Mailbox, message: &mut Message) -> Option<()> {
    let person = policy.people.addressed(to).filter(|_| policy.is_ours(to))?;
    message.way = Way::Mailbox;
    message.state = State::Delivered;
    message.next = Time::NEVER;
    message.reason = Arrived::NoticeKeptHere { name: person.name.clone() }.into();
    Some(())
}

/// The wait after so many failed tries, by the settings of the queue and with jitter.
pub fn back_off(policy: &Policy, tries: u32) -> Duration {
    let first = policy.settings.span(Key::QueueRetryFirst);
    let most = policy.settings.span(Key::QueueRetryMost);
    BackOff::doubling(first, most.max(first)).jittered(tries.max(1))
}

/// Where a waiting message really stands in the way of people and rules as they are now; why it goes nowhere, if so.
pub fn moved(policy: &Policy, message: &Message) -> Option<Result<Way, NoRoute>> {
    let author = message.author.as_ref().and_then(|name| policy.people.get(name));
    if let Some(author) = author.filter(|author| author.disabled) {
        return Some(Err(NoRoute::MayNotSend { name: author.name.clone() }));
    }
    // Its reader is gone, and somebody else has the name now.
    let named = message.to.mailbox().filter(|to| policy.is_ours(to)).map(Mailbox::person);
    if let Some(name) = named.filter(|name| message.former.contains(name)) {
        return Some(Err(NoRoute::NoPerson { name }));
    }
    match policy.choose(&message.to) {
        Route::Nowhere(why) => Some(Err(why)),
        choice => choice.way().filter(|way| *way != message.way).map(Ok),
    }
}

#[cfg(test)]
mod tests;
