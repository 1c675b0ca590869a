//! Hands mail to the relay: one delivery at a time, each message its own transaction.

use std::time::Duration;

use super::{Context, outcome};
use crate::address::{Address, Mailbox};
use crate::clock::Time;
use crate::deliver::compose::{self, ComposedMail};
use crate::deliver::relay::{Failure, Relay, RelayConfig, Taken};
use crate::fault::Fault;
use crate::message::reason::{Arrived, NoRoute, RelayReason, Waits};
use crate::message::{Id, Message, Reason, State, Way};
use crate::money::Bill;
use crate::route::choose::Policy;
use crate::settings::Key;
use crate::status::{PartState, PartStatus};
use crate::store::Queue;

/// Longest sleep between two looks at the queue.
const LOOK: Duration = Duration::from_secs(60);
/// Messages taken from the queue at once.
const BATCH: usize = 32;
/// A message that went so often without an answer goes no more by itself: each time may have been a delivery.
const MAX_UNANSWERED: u32 = 3;
/// When one of these changes, what waits for the relay is tried at once.
const OF_THE_RELAY: [Key; 7] = [
    Key::RelayHost,
    Key::RelayPort,
    Key::RelayTls,
    Key::RelayUser,
    Key::RelayPassword,
    Key::RelayCa,
    Key::RelayTimeout,
];

/// The worker: returns when the box stops.
///
/// # Errors
/// When the store fails; the supervisor starts it again.
pub fn run(context: &Context) -> Result<(), Fault> {
    let (_keep, wake) = context.store.wake_on(Way::Relay);
    let mut relay = Relay::new();
    let stopper = relay.stopper();
    let _ender = context.at_end("post-stop", move || {
        stopper.close();
    })?;
    let mut settings = context.store.settings();
    while !context.stopping() {
        let before = std::mem::replace(&mut settings, context.store.settings());
        if OF_THE_RELAY.iter().any(|key| before.text(*key) != settings.text(*key)) {
            try_all(context, Queue::Relay)?;
        }
        let now = context.now();
        let due = context.store.read(|view| view.due(Queue::Relay, now, BATCH))?;
        if due.is_empty() {
            let next = context.store.read(|view| view.next_due(Queue::Relay))?;
            let idle = relay.idle().unwrap_or(LOOK);
            context.rest(&wake, context.until(next, LOOK).min(idle).max(Duration::from_millis(100)));
            continue;
        }
        let mut down: Option<Fault> = None;
        for item in due {
            if context.stopping() {
                break;
            }
            // Its owner may have decided otherwise while the messages before it were on their way.
            if let Ok(message) = &item
                && !still_waits(context, message)?
            {
                continue;
            }
            match (item, down.clone()) {
                // The relay was out of reach a moment ago: the rest of this batch need not find that out again.
                (Ok(message), Some(fault)) => context.failed(&message, &fault)?,
                (Ok(message), None) => down = deliver(context, &mut relay, &message)?,
                (Err((id, why)), _) => set_aside(context, id, why)?,
            }
        }
    }
    Ok(())
}

fn still_waits(context: &Context, message: &Message) -> Result<bool, Fault> {
    let now = context.store.message(message.id)?;
    Ok(now.is_some_and(|now| now.state == State::Queued && now.way == Way::Relay))
}

/// Makes what waits in a queue due now; of a very long one the first thousand.
pub fn try_all(context: &Context, lane: Queue) -> Result<(), Fault> {
    let waiting = context.store.read(|view| view.due(lane, Time::NEVER, 1000))?;
    let ids: Vec<Id> = waiting.into_iter().flatten().map(|message| message.id).collect();
    let now = context.now();
    context.store.write(move |tx| {
        for id in &ids {
            if tx.live(*id)?.is_some() {
                tx.change(*id, |message| message.next = message.next.min(now))?;
            }
        }
        Ok(())
    })
}

/// Moves an unreadable record out of the queue.
pub fn set_aside(context: &Context, id: Id, why: Reason) -> Result<(), Fault> {
    log::error!("{id} is in quarantine: {why}");
    let now = context.now();
    context.store.write(move |tx| tx.set_aside_message(id, why.clone(), now))
}

/// One delivery. Gives back the fault when the relay itself, not this message, is what failed.
///
/// | the relay | the message |
/// |---|---|
/// | took it | delivered |
/// | refuses it | returned, with its reason |
/// | cannot be used, or not now | waits with the usual back-off |
/// | was given all of it and did not answer | waits long, and goes again; after the third time it is held for its owner |
fn deliver(context: &Context, relay: &mut Relay, message: &Message) -> Result<Option<Fault>, Fault> {
    let policy = context.policy();
    match outcome::moved(&policy, message) {
        Some(Err(why)) => return context.give_back(message, State::Returned, why).map(|()| None),
        Some(Ok(way)) => return reroute(context, message, way).map(|()| None),
        None => {}
    }
    // The writer may be a device that got, or changed, its owner since.
    let Some(from) = sender(&policy, message) else {
        return context.failed(message, &of_nobody(&policy, message)).map(|()| None);
    };
    let Some(to) = policy.relayed_to(&message.to) else {
        return context.give_back(message, State::Returned, NoRoute::NoMailAddress).map(|()| None);
    };
    // What is wrong with one mail on this disk is nothing to say of the relay, or of others.
    let raw = match bytes(context, message, &from, &to) {
        Ok(raw) => raw,
        Err(fault) => {
            log::warn!("{} cannot leave: {}", message.id, nameless(&fault.to_string()));
            return context.failed(message, &fault).map(|()| None);
        }
    };
    let outcome = RelayConfig::from_settings(&policy.settings)
        .map_err(Failure::from)
        .and_then(|config| relay.deliver(&config, &from, &to, &raw, &message.reporting));
    let status = |state| Some(PartStatus { state, at: context.now() });
    match outcome {
        Ok(Taken { reply, reports }) => {
            context.status.set(|facts| facts.relay = status(PartState::TakesMail));
            log::info!("{} taken by the relay", message.id);
            context.delivered(message.id, RelayReason::Taken { reply }, reports)?;
            if message.reporting.events().success {
                context.report_success(message.id)?;
            }
            Ok(None)
        }
        Err(failure) => {
            let Failure { fault, code, unanswered } = failure;
            if !fault.is_permanent() {
                context.status.set(|facts| facts.relay = status(PartState::Faulty(fault.clone())));
            }
            let how_long = if fault.is_permanent() { "for good" } else { "for now" };
            let code = match code {
                Some((code, Some(status))) => format!(" ({code} {status})"),
                Some((code, None)) => format!(" ({code})"),
                None => String::new(),
            };
            log::info!("{} not taken by the relay, {how_long}{code}: {}", message.id, nameless(&fault.to_string()));
            let fault = if unanswered {
                went_unanswered(context, message, fault.reason())?;
                // What may have become of this message is nothing to say of others.
                Fault::temporary("the relay did not answer a message before this one")
            } else {
                context.failed(message, &fault)?;
                fault
            };
            Ok(Some(fault).filter(|fault| !fault.is_permanent() && !relay.is_open()))
        }
    }
}

/// What a server said, without the addresses and phone numbers in it: the log names nobody.
pub fn nameless(words: &str) -> String {
    let bare = |word: &str| match word.bytes().filter(u8::is_ascii_digit).count() {
        _ if word.contains('@') => "(address)".to_owned(),
        7.. => "(number)".to_owned(),
        _ => word.to_owned(),
    };
    words.split(' ').map(bare).collect::<Vec<_>>().join(" ")
}

/// The relay has all of it and said nothing: it goes again after the longest of the usual waits, as the same message, so
/// that a relay or reader that knows it by its Message-ID drops the copy. In the end its owner decides.
fn went_unanswered(context: &Context, message: &Message, why: &Reason) -> Result<(), Fault> {
    let (id, now, times) = (message.id, context.now(), message.unanswered + 1);
    // On disk before anything else: no restart may begin the count again.
    context.store.write(move |tx| match tx.live(id)? {
        Some(_) => tx.change(id, |message| message.unanswered = times).map(drop),
        None => Ok(()),
    })?;
    let reason = |held| RelayReason::Unanswered { times, why: Box::new(why.clone()), held };
    if now >= message.deadline {
        return context.give_back(message, State::Expired, reason(true));
    }
    let policy = context.policy();
    if times < MAX_UNANSWERED {
        let least = policy.settings.span(Key::QueueRetryMost);
        return context.wait_at_least(message, reason(false), least);
    }
    let next = policy.next_look(message, Time::NEVER);
    let cause = Reason::from(reason(true));
    log::warn!("{id} is held: {cause}");
    context.store.write(move |tx| match tx.live(id)? {
        Some(live) if live.state == State::Queued => tx.step(id, now, State::Held, cause.clone(), 0, next).map(drop),
        _ => Ok(()),
    })
}

/// Puts a waiting message into the queue that people and rules send it to now.
pub fn reroute(context: &Context, message: &Message, way: Way) -> Result<(), Fault> {
    let (id, now) = (message.id, context.now());
    let policy = context.policy();
    // Measured for the way it takes from here on.
    let size = context.size_of(&policy, message);
    let message = &Message { size, ..message.clone() };
    let bill = policy.bill(message);
    let (state, reason) = match way {
        // The device that it waited for was taken away, or given to somebody else: it stays with whom it was written to.
        Way::Mailbox if message.way == Way::Link => {
            let name = message.reader(policy.settings.text(Key::Domain)).unwrap_or_default();
            (State::Delivered, Arrived::WithoutDevice { name }.into())
        }
        Way::Mailbox => (State::Delivered, Arrived::Mailbox { name: None }.into()),
        Way::Relay => (State::Queued, Waits::Relay.into()),
        Way::Link | Way::Carrier if let Some(why) = policy.over_limit(message, bill.as_ref()) => {
            (State::Held, why.into())
        }
        Way::Link => {
            let device = match policy.choose(&message.to) {
                crate::route::choose::Route::Link(device) => device,
                _ => None,
            };
            policy.on_air(message, device)
        }
        Way::Carrier => policy.by_carrier(message),
    };
    let held_until = policy.next_look(message, Time::NEVER);
    let next = if way == Way::Link { policy.look_after(message, now) } else { now };
    context.store.write(move |tx| {
        let Some(mut billed) = tx.live(id)? else { return Ok(()) };
        // What goes another way from here on, or has arrived, is billed for that one only.
        let may_go = matches!(state, State::Queued | State::Delivered);
        let (mut state, mut reason) = (state, reason.clone());
        if may_go && let Err(why) = tx.rebill(&mut billed, bill.clone(), now)? {
            (state, reason) = (State::Held, why.into());
        }
        let goes = matches!(state, State::Queued | State::Delivered);
        if goes {
            // While it waits still: with the state its bill is settled, and the old one is given back already.
            tx.change(id, |message| {
                (message.way, message.size, message.bill) = (way, size, billed.bill);
            })?;
            return tx.step(id, now, state, reason, 0, next).map(drop);
        }
        // One that a budget keeps back is looked at whenever there may be room.
        tx.step(id, now, state, reason, 0, if may_go { next } else { held_until })?;
        tx.change(id, |message| {
            (message.way, message.size) = (way, size);
            let spent = message.bill.as_ref().map(|bill| bill.spent).unwrap_or_default();
            message.bill = bill.clone().map(|bill| Bill { short: may_go, spent, ..bill });
        })
        .map(drop)
    })
}

/// The envelope sender of a message.
pub fn sender(policy: &Policy, message: &Message) -> Option<Address> {
    match message.return_path() {
        Address::Device(device) => {
            let person = policy.people.first_of(policy.people.at(*device)?.id)?;
            policy.address_of(person).map(Address::Mail)
        }
        phone @ Address::Phone(_) => policy.mail_of(phone).map(Address::Mail),
        other => Some(other.clone()),
    }
}

/// What its owner has to do before a message of a device that nobody has goes on.
pub fn of_nobody(policy: &Policy, message: &Message) -> Fault {
    let shown = match message.return_path() {
        Address::Device(device) => policy.people.at(*device).map_or_else(|| device.shown(), |far_box| far_box.shown()),
        other => other.to_string(),
    };
    Fault::operator(format!("{shown} belongs to nobody here: give it to a person"))
}

/// The mail as it goes to the relay: as it was taken in, or composed from the text. Always the same for
/// the same message, so that a repeat is recognisable by its Message-ID.
fn bytes(context: &Context, message: &Message, from: &Address, to: &Mailbox) -> Result<Vec<u8>, Fault> {
    let policy = context.policy();
    if let Some(raw) = context.store.raw(message)? {
        return Ok(raw);
    }
    let Address::Mail(from) = from else {
        return Err(Fault::permanent("a message without a sender has to come as a whole mail"));
    };
    let name = message.author.as_ref().and_then(|name| policy.people.get(name)).map(|person| person.full_name.clone());
    let fallback = format!("<{}@{}>", message.id, policy.settings.text(Key::Domain));
    Ok(compose::build(&ComposedMail {
        from,
        from_name: name.as_deref().filter(|name| !name.is_empty()).or(message.sender.name.as_deref()),
        to,
        subject: &message.subject,
        text: &message.text,
        date: message.accepted,
        message_id: message.message_id.as_deref().unwrap_or(&fallback),
        references: &message.references,
        auto_submitted: None,
    }))
}
