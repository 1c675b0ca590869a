//! One text on its way to the carrier. What a crash could make ambiguous is on disk before the request leaves; a request
//! whose answer was lost is looked up, and what cannot be found out is left to its owner. None is repeated on a guess.

mod settle;

use std::time::Duration;

use super::{Texts, report, told_by_carrier};
use crate::address::{Address, Phone};
use crate::clock::Time;
use crate::deliver::sms::{OutgoingText, SmsRefusal, SmsResult};
use crate::engine::{outcome, relay};
use crate::fault::Fault;
use crate::message::reason::{Doubt, NoRoute, TextReason};
use crate::message::{Message, Origin, Reason, State, Way};
use crate::money::Bill;
use crate::route::choose::Policy;
use crate::route::segments;
use crate::settings::Settings;
use crate::store::{TextOut, TextState, Thread};

/// A carrier that does not take texts is left alone for a moment.
const PAUSE: Duration = Duration::from_secs(2);

/// Brings a text as far as it goes now.
///
/// # Errors
/// When the store cannot be read or written.
pub fn one(texts: &mut Texts, message: &Message) -> Result<(), Fault> {
    let context = texts.context;
    let policy = context.policy();
    let record = context.store.read(|view| view.text(message.id))?;
    if let Some(record) = record.clone().filter(|record| record.state == TextState::Handing)
        && !settle::settle_open(texts, message, record)?
    {
        return Ok(());
    }
    match outcome::moved(&policy, message) {
        Some(Err(why)) => return context.give_back(message, State::Returned, why),
        Some(Ok(way)) => return elsewhere(texts, &policy, message, way),
        None => {}
    }
    let (state, reason) = policy.by_carrier(message);
    if state != State::Queued {
        let (id, now, next) = (message.id, context.now(), policy.next_look(message, Time::NEVER));
        return context.store.write(move |tx| match tx.live(id)? {
            Some(_) => tx.step(id, now, state, reason.clone(), 0, next).map(drop),
            None => Ok(()),
        });
    }
    if context.now() >= message.deadline {
        return context.give_back(message, State::Expired, message.reason.clone());
    }
    let (Some(from), Some(to)) = (policy.service_number(message), policy.phone_of(&message.to)) else {
        return context.give_back(message, State::Returned, NoRoute::NoPhone);
    };
    if let Some(why) = barred(texts, from, to)?
        .or_else(|| segments::too_long(&segments::text_for_phone(&message.subject, &message.text)))
    {
        return context.give_back(message, State::Returned, why);
    }
    if let Err(fault) = &texts.carrier {
        let fault = fault.clone();
        return context.failed(message, &fault);
    }
    // Taken in at another price, or while there was no carrier, and so no price.
    let bill = policy.bill(message);
    let same = |bill: &Bill| message.bill.as_ref().is_some_and(|known| known.same_quote(bill));
    if !bill.as_ref().is_none_or(same) {
        let (id, now) = (message.id, context.now());
        return context.store.write(move |tx| match tx.live(id)?.filter(|live| live.state == State::Queued) {
            Some(_) => outcome::requeue(tx, id, bill.clone(), reason.clone(), now, now),
            None => Ok(()),
        });
    }
    let resent = record.map_or(0, |record| record.resent);
    hand_over(texts, message, from, to, resent)
}

/// Why a phone may not be texted from a number.
fn barred(texts: &Texts, from: Phone, to: Phone) -> Result<Option<TextReason>, Fault> {
    let out = texts.context.store.read(|view| view.opted_out(from, to))?;
    Ok(out.map(|out| TextReason::OptedOut { phone: to, since: out.at, how: out.how }))
}

/// People or rules changed: it goes another way now. A text from a phone that waited for somebody to have its number is
/// theirs from here on.
fn elsewhere(texts: &Texts, policy: &Policy, message: &Message, way: Way) -> Result<(), Fault> {
    let mut message = message.clone();
    let person = message.to.phone().and_then(|number| policy.people.by_number(number));
    if let Some(address) = person.and_then(|person| policy.address_of(person)) {
        let (id, to) = (message.id, Address::Mail(address));
        message.to = to.clone();
        texts.context.store.write(move |tx| tx.change(id, |message| message.to = to.clone()).map(drop))?;
    }
    relay::reroute(texts.context, &message, way)
}

fn outgoing(settings: &Settings, message: &Message, from: Phone, to: Phone) -> OutgoingText {
    let text = segments::text_for_phone(&message.subject, &message.text);
    OutgoingText { from, to, text: segments::economical(settings, &text).into_owned(), tag: message.id.to_string() }
}

fn hand_over(texts: &mut Texts, message: &Message, from: Phone, to: Phone, resent: u32) -> Result<(), Fault> {
    let (Some(row), Ok(carrier)) = (texts.row, &mut texts.carrier) else { return Ok(()) };
    let context = texts.context;
    let now = context.now();
    let record = TextOut {
        message: message.id,
        carrier: row.name.to_owned(),
        from,
        to,
        state: TextState::Handing,
        at: now,
        looks: 0,
        resent,
        next: Time::NEVER,
    };
    let keep = record.clone();
    // Unless its owner held or cancelled it a moment ago: what is decided here cannot be taken back.
    let may_go = context.store.write(move |tx| match tx.live(keep.message)? {
        Some(live) if live.state == State::Queued && live.way == Way::Carrier => tx.put_text(&keep).map(|()| true),
        _ => Ok(false),
    })?;
    if !may_go {
        return Ok(());
    }
    match carrier.send(&outgoing(&context.store.settings(), message, from, to)) {
        SmsResult::Taken(id) => taken(texts, message, record, id, false),
        SmsResult::Refused(refusal) => refused(texts, message, record, &refusal),
        SmsResult::Unknown(why) => {
            settle::look_later(texts, message, record, Doubt::Fault(Box::new(Reason::said(why))))
        }
    }
}

/// The carrier has it. Only what is still being handed over becomes so: a report may have said more meanwhile.
fn taken(texts: &Texts, message: &Message, record: TextOut, name: String, found: bool) -> Result<(), Fault> {
    let context = texts.context;
    let title = texts.row.map_or("the carrier", |row| row.title);
    let (carrier, count, now) =
        (title.to_owned(), segments::of(&context.store.settings(), message).total(), context.now());
    let reason = TextReason::Taken { carrier, id: name.clone(), count, found };
    log::info!("{} taken by {title}", message.id);
    let next = now + report::FIRST_ASK;
    let record = TextOut { state: TextState::Taken(name), looks: 0, next, ..record };
    let thread = thread(&context.policy(), message);
    context.store.write(move |tx| {
        let id = record.message;
        if tx.text(id)?.is_none_or(|text| text.state != TextState::Handing) {
            return Ok(());
        }
        tx.put_text(&record)?;
        if let Some((person, thread)) = &thread {
            tx.put_thread(person, record.to, thread)?;
        }
        match tx.live(id)? {
            Some(_) => tx.step(id, now, State::Sent, reason.clone(), 0, Time::NEVER).map(drop),
            None => Ok(()),
        }
    })
}

/// Whose mail it was, and the thread that an answer belongs to.
fn thread(policy: &Policy, message: &Message) -> Option<(String, Thread)> {
    let named = message.author.clone();
    let ours = || message.from.mailbox().filter(|from| policy.is_ours(from)).map(crate::address::Mailbox::person);
    let last = message.message_id.clone().filter(|_| message.origin != Origin::Notice)?;
    Some((named.or_else(ours)?, Thread { last, subject: message.subject.clone() }))
}

/// The carrier certainly has it not.
fn refused(texts: &mut Texts, message: &Message, record: TextOut, refusal: &SmsRefusal) -> Result<(), Fault> {
    let context = texts.context;
    let now = context.now();
    let opted_out = refusal.opted_out;
    let (number, phone) = (record.from, record.to);
    let record = TextOut { state: TextState::Over(String::new()), ..record };
    let why = refusal.fault.why();
    context.store.write(move |tx| {
        if opted_out {
            tx.opt_out(number, phone, Some(&told_by_carrier(now, &why)))?;
        }
        tx.put_text(&record)
    })?;
    let how_long = if refusal.fault.is_permanent() { "for good" } else { "for now" };
    let why = relay::nameless(&refusal.fault.to_string());
    log::info!("{} not taken by the carrier, {how_long}: {why}", message.id);
    if refusal.fault.is_permanent() || now >= message.deadline {
        return context.failed(message, &refusal.fault);
    }
    let after = refusal.after.unwrap_or_default();
    texts.paused = now + after.max(PAUSE);
    context.wait_at_least(message, &refusal.fault, after)
}
