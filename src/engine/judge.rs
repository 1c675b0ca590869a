//! Judges messages that wait by the people and rules of this moment: whatever changes, limits, prices, budgets or lists, holds
//! for what waits as for what comes.

use std::sync::Arc;

use super::admit::{self, Admission};
use super::{Context, actions, relay};
use crate::address::{Address, PeerId};
use crate::clock::Time;
use crate::fault::Fault;
use crate::message::reason::{ActionReason, NeedsOwner, NoRoute};
use crate::message::{Message, Reason, State};
use crate::money::Bill;
use crate::people::People;
use crate::route::choose::{Policy, Route};
use crate::route::plan::Stranger;
use crate::settings::{Key, Settings};
use crate::store::Queue;

impl Context {
    /// When a person last wrote to one of these addresses.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn written_to<'a>(
        &self,
        person: &str,
        addresses: impl Iterator<Item = &'a Address>,
    ) -> Result<Option<Time>, Fault> {
        let mut last = None;
        for address in addresses {
            last = last.max(self.store.read(|view| view.written_to(person, address))?);
        }
        Ok(last)
    }

    /// Where a message that waits stands by the people and rules of now, and why; its budgets are not asked here.
    ///
    /// # Errors
    /// When the store fails.
    pub fn judged(&self, policy: &Policy, message: &Message) -> Result<(State, Reason), Fault> {
        let stranger = match message.stranger.filter(|_| !message.released) {
            Some(proof) => {
                let reader = message.to.mailbox().map(|to| to.person());
                let asked = || policy.answering(message.header_from(), &message.from);
                let written_to = reader.map(|name| self.written_to(&name, asked())).transpose()?.flatten();
                Some(Stranger { proof, written_to })
            }
            None => None,
        };
        let (state, reason) = policy.judged(message, stranger);
        Ok(match policy.over_limit(message, policy.bill(message).as_ref()) {
            Some(why) if state == State::Queued => (State::Held, why.into()),
            _ => (state, reason),
        })
    }
}

/// Held messages, judged anew whenever people or rules change, or somebody writes to whom they had not written to of late.
#[derive(Default)]
pub struct HeldMessages {
    by: Option<(Arc<People>, Arc<Settings>, u64)>,
}

impl HeldMessages {
    /// Judges them if something has changed since the last time.
    ///
    /// # Errors
    /// When the store fails.
    pub fn judge(&mut self, context: &Context) -> Result<(), Fault> {
        let (people, settings) = (context.store.people(), context.store.settings());
        let contacts = context.store.contacts_seen();
        let same = |(by, with, seen): &(Arc<People>, Arc<Settings>, u64)| {
            Arc::ptr_eq(by, &people) && Arc::ptr_eq(with, &settings) && *seen == contacts
        };
        if self.by.as_ref().is_some_and(same) {
            return Ok(());
        }
        if self.by.as_ref().is_none_or(|(by, ..)| !Arc::ptr_eq(by, &people)) {
            admit::ask_for_first(context, &people)?;
        }
        self.by = Some((people, settings, contacts));
        for (_, id) in context.store.read(|view| view.line(Queue::Held))? {
            match context.store.message(id) {
                Ok(Some(message)) => judge(context, &message)?,
                Ok(None) => {}
                Err(fault) if fault.is_permanent() => relay::set_aside(context, id, fault.reason().clone())?,
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }
}

/// A message that rules, limits or a budget hold, and not somebody's decision, goes on if nothing holds it any more.
fn judge(context: &Context, message: &Message) -> Result<(), Fault> {
    if message.bill.as_ref().is_some_and(|bill| bill.short) {
        return afforded(context, message).map(drop);
    }
    match message.reason.root() {
        Reason::NeedsOwner(NeedsOwner::NewAtSea { far_box, name, shown }) => {
            return of_newcomer(context, message, *far_box, name, shown);
        }
        Reason::HeldByRule(_) | Reason::OverPrice(_) => {}
        Reason::NeedsOwner(NeedsOwner::TooManyPackets { .. } | NeedsOwner::Unsplittable(_)) => {}
        Reason::NeedsOwner(NeedsOwner::NoServiceNumber { .. }) => {}
        // Who has the device, or the number, now need not be who had it then: that is the owner's to say.
        _ => return Ok(()),
    }
    let (policy, now, id) = (context.policy(), context.now(), message.id);
    if takes_another_way(context, &policy, message)? {
        return Ok(());
    }
    let (state, reason) = context.judged(&policy, message)?;
    match state {
        State::Queued => {
            let message = message.clone();
            context.store.write(move |tx| {
                let Some(live) = tx.live(id)?.filter(|live| live.state == State::Held) else { return Ok(()) };
                let Err(why) = actions::enter(tx, &policy, &message, ActionReason::Judged, now)? else { return Ok(()) };
                // From now on a budget keeps it, and it goes on when there is room.
                let quote = policy.bill(&message);
                tx.change(id, |message| {
                    let spent = message.bill.as_ref().map(|bill| bill.spent).unwrap_or_default();
                    message.bill = quote.map(|bill| Bill { short: true, spent, ..bill });
                })?;
                tx.explain(id, now, &why.into(), live.next)
            })
        }
        State::Held if reason != message.reason => {
            let next = message.next;
            context.store.write(move |tx| match tx.live(id)?.filter(|live| live.state == State::Held) {
                Some(_) => tx.explain(id, now, &reason, next),
                None => Ok(()),
            })
        }
        State::Refused => context.store.write(move |tx| match tx.live(id)?.filter(|live| live.state == State::Held) {
            Some(_) => tx.step(id, now, State::Refused, reason.clone(), 0, Time::NEVER).map(drop),
            None => Ok(()),
        }),
        _ => Ok(()),
    }
}

/// Its reader is somewhere else now: what held it there is none of its business any more. True when it went.
fn takes_another_way(context: &Context, policy: &Policy, message: &Message) -> Result<bool, Fault> {
    match policy.choose(&message.to).way() {
        Some(way) if way != message.way => relay::reroute(context, message, way).map(|()| true),
        _ => Ok(false),
    }
}

/// A message of somebody of a far box goes on, as theirs, once they have an address here; it is refused once they get none.
fn of_newcomer(context: &Context, message: &Message, far_box: PeerId, name: &str, shown: &str) -> Result<(), Fault> {
    let (policy, now, id) = (context.policy(), context.now(), message.id);
    let refused = |why: NoRoute| {
        context.store.write(move |tx| match tx.live(id)?.filter(|live| live.state == State::Held) {
            Some(_) => tx.step(id, now, State::Refused, why.clone(), 0, Time::NEVER).map(drop),
            None => Ok(()),
        })
    };
    let Some(person) = policy.people.at_sea(far_box, name).cloned() else {
        let domain = policy.settings.text(Key::Domain).to_owned();
        let wanted = name.to_owned();
        // Who gets one now has it in the next round.
        let admission = context.store.write(move |tx| admit::ask(tx, far_box, &wanted, &domain, now))?;
        return match admission {
            Admission::Refused => refused(NoRoute::NotAdmitted { name: name.to_owned(), shown: shown.to_owned() }),
            Admission::Asked | Admission::Person(_) => Ok(()),
        };
    };
    if person.disabled {
        return refused(NoRoute::MayNotSend { name: person.name.clone() });
    }
    let Some(from) = policy.address_of(&person) else { return Ok(()) };
    let deadline = policy.deadline(message.way, &message.terms, now);
    let theirs = context.store.write(move |tx| {
        if tx.live(id)?.is_none_or(|live| live.state != State::Held) {
            return Ok(None);
        }
        let change = |message: &mut Message| {
            (message.from, message.author) = (Address::Mail(from.clone()), Some(person.name.clone()));
            message.deadline = deadline;
        };
        tx.change(id, change)?;
        tx.message(id).map(Some)
    })?;
    let Some(theirs) = theirs else { return Ok(()) };
    match policy.choose(&theirs.to) {
        Route::Nowhere(why) => refused(why),
        route => route.way().map_or(Ok(()), |way| relay::reroute(context, &theirs, way)),
    }
}

/// A message that a budget keeps back goes on once there is room: in a new month, in a larger budget, or when others gave
/// back what was reserved for them. True when it went. Else its reason is that of now, and its time stands still: it is
/// given a whole lifetime in the month after the one in which it was held, unless it is wanted by a time. What the rules
/// refuse by now is refused.
///
/// # Errors
/// When the store fails.
pub fn afforded(context: &Context, message: &Message) -> Result<bool, Fault> {
    let (policy, now, message) = (context.policy(), context.now(), message.clone());
    if takes_another_way(context, &policy, &message)? {
        return Ok(true);
    }
    let (state, reason) = context.judged(&policy, &message)?;
    let until = policy.budget_deadline(&message);
    let refused = context.ending(&message, State::Refused, reason.clone());
    context.store.write(move |tx| {
        let id = message.id;
        let Some(live) = tx.live(id)?.filter(|live| live.state == State::Held) else { return Ok(true) };
        let why = match state {
            State::Queued | State::Sent => match actions::enter(tx, &policy, &message, ActionReason::Afforded, now)? {
                Ok(()) => return Ok(true),
                Err(why) => match message.reason.clone() {
                    Reason::AgainOverBudget { why: again, .. } => Reason::AgainOverBudget { why: again, budget: why },
                    _ => why.into(),
                },
            },
            // For want of a way, perhaps for a moment, nothing ends that was taken; nor what may have arrived.
            State::Refused if matches!(reason, Reason::NoRoute(_)) || live.reason.may_have_arrived() => {
                return Ok(false);
            }
            State::Refused => return refused.apply(tx, now).map(|()| true),
            _ => {
                // The rules hold it now: more room does not let it go, and its owner may.
                tx.change(id, |message| message.bill.iter_mut().for_each(|bill| bill.short = false))?;
                reason.clone()
            }
        };
        tx.change(id, |message| message.deadline = message.deadline.max(until))?;
        tx.explain(id, now, &why, live.next)?;
        Ok(false)
    })
}
