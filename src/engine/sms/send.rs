//! One text on its way to the carrier. What a crash could make ambiguous is on disk before the request leaves; a request
//! whose answer was lost is looked up, and what cannot be found out is left to its owner. None is repeated on a guess.

use std::time::Duration;

use super::{Texts, receive, report};
use crate::address::{Address, Phone};
use crate::clock::Time;
use crate::deliver::sms::{Found, OutgoingText, SmsRefusal, SmsResult};
use crate::engine::{outcome, relay};
use crate::fault::Fault;
use crate::message::reason::{Doubt, NoRoute, TextReason};
use crate::message::{Message, Origin, Reason, State, Way};
use crate::money::Bill;
use crate::route::choose::Policy;
use crate::route::segments;
use crate::settings::Key;
use crate::store::{TextOut, TextState, Thread};

/// A lost request is looked up so long after its answer was lost, and again so long after the first look and the
/// patience with the carrier: one that answers so late may also do so late what it was asked.
const LOOKS: [Duration; 2] = [Duration::from_secs(3), Duration::from_secs(9)];
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
        && !settle_open(texts, message, record)?
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
    if let Some(why) = barred(texts, from, to)?.or_else(|| segments::too_long(&message.text)) {
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

fn outgoing(message: &Message, from: Phone, to: Phone) -> OutgoingText {
    OutgoingText { from, to, text: message.text.clone(), tag: message.id.to_string() }
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
    match carrier.send(&outgoing(message, from, to)) {
        SmsResult::Taken(id) => taken(texts, message, record, id, false),
        SmsResult::Refused(refusal) => refused(texts, message, record, &refusal),
        SmsResult::Unknown(why) => look_later(texts, message, record, Doubt::Fault(Box::new(why.into()))),
    }
}

/// The carrier has it. Only what is still being handed over becomes so: a report may have said more meanwhile.
fn taken(texts: &Texts, message: &Message, record: TextOut, name: String, found: bool) -> Result<(), Fault> {
    let context = texts.context;
    let title = texts.row.map_or("the carrier", |row| row.title);
    let (carrier, count, now) = (title.to_owned(), segments::count(&message.text).total(), context.now());
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
    let last = message.message_id.clone().filter(|_| message.door != Origin::Notice)?;
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
            tx.opt_out(number, phone, Some(&receive::told_by_carrier(now, &why)))?;
        }
        tx.put_text(&record)
    })?;
    log::info!("{} not taken by the carrier", message.id);
    if refusal.fault.is_permanent() || now >= message.deadline {
        return context.failed(message, &refusal.fault);
    }
    let after = refusal.after.unwrap_or_default();
    texts.paused = now + after.max(PAUSE);
    context.wait_at_least(message, &refusal.fault, after)
}

fn look_later(texts: &Texts, message: &Message, mut record: TextOut, why: Doubt) -> Result<(), Fault> {
    let Some(wait) = LOOKS.get(record.looks as usize) else { return Ok(()) };
    let (now, id) = (texts.context.now(), message.id);
    if record.next == Time::NEVER {
        let patience = texts.context.store.settings().span(Key::SmsTimeout);
        record.next = now + *wait + if record.looks == 0 { Duration::ZERO } else { patience };
    }
    let next = record.next;
    let reason = Reason::from(TextReason::Asking { why });
    let known = message.reason == reason;
    texts.context.store.write(move |tx| {
        let waits = tx.live(id)?.is_some_and(|live| live.state == State::Queued);
        if !waits || tx.text(id)?.is_none_or(|text| text.state != TextState::Handing) {
            return Ok(());
        }
        tx.put_text(&record)?;
        match known {
            true => tx.change(id, |message| message.next = next).map(drop),
            false => tx.step(id, now, State::Queued, reason.clone(), 0, next).map(drop),
        }
    })
}

/// Finds out how a hand-over ended; true when the carrier certainly has it not, and it may be sent.
fn settle_open(texts: &mut Texts, message: &Message, mut record: TextOut) -> Result<bool, Fault> {
    let context = texts.context;
    let (row, carrier) = match (texts.row, &mut texts.carrier) {
        (Some(row), Ok(carrier)) if row.name == record.carrier => (row, carrier),
        (Some(row), _) if row.name == record.carrier => {
            return look_failed(texts, message, &record, Doubt::CannotAsk).map(|()| false);
        }
        _ => return ask_owner(texts, message, record, Doubt::OtherCarrier).map(|()| false),
    };
    if context.now() < record.next {
        return look_later(texts, message, record, Doubt::AnswerLost).map(|()| false);
    }
    let (name, id) = (row.name, message.id);
    let others =
        |sid: &str| context.store.read(|view| view.text_named(name, sid)).is_ok_and(|of| of.is_some_and(|of| of != id));
    match carrier.find(&outgoing(message, record.from, record.to), record.at, &others) {
        Ok(Found::Taken(sid)) => taken(texts, message, record, sid, true).map(|()| false),
        Ok(Found::Nothing { certain }) => {
            (record.looks, record.next) = (record.looks + 1, Time::NEVER);
            if (record.looks as usize) < LOOKS.len() {
                return look_later(texts, message, record, Doubt::AnswerLost).map(|()| false);
            }
            if !certain {
                return ask_owner(texts, message, record, Doubt::NotListed).map(|()| false);
            }
            record.state = TextState::Over(String::new());
            let keep = record;
            context.store.write(move |tx| match tx.text(id)? {
                Some(text) if text.state == TextState::Handing => tx.put_text(&keep).map(|()| true),
                _ => Ok(false),
            })
        }
        Err(fault) => {
            look_failed(texts, message, &record, Doubt::Fault(Box::new(Reason::from(&fault)))).map(|()| false)
        }
    }
}

/// Nobody knows yet; at the end of its time the sender hears just that.
fn look_failed(texts: &mut Texts, message: &Message, record: &TextOut, why: Doubt) -> Result<(), Fault> {
    let context = texts.context;
    texts.paused = context.now() + PAUSE;
    if context.now() < message.deadline {
        return context.wait_at_least(message, TextReason::Asking { why }, PAUSE);
    }
    let over = TextOut { state: TextState::Unknown, ..record.clone() };
    context.store.write(move |tx| tx.put_text(&over))?;
    context.give_back(message, State::Expired, TextReason::LateUnknown { why })
}

/// It cannot be found out: its owner decides whether it is sent again.
fn ask_owner(texts: &Texts, message: &Message, record: TextOut, why: Doubt) -> Result<(), Fault> {
    let context = texts.context;
    let (id, now, next) = (message.id, context.now(), context.policy().next_look(message, Time::NEVER));
    let reason = TextReason::NotKnown { why };
    let record = TextOut { state: TextState::Unknown, ..record };
    context.store.write(move |tx| {
        if tx.text(id)?.is_none_or(|text| text.state != TextState::Handing) {
            return Ok(());
        }
        tx.put_text(&record)?;
        match tx.live(id)? {
            Some(_) => tx.step(id, now, State::Held, reason.clone(), 0, next).map(drop),
            None => Ok(()),
        }
    })
}
