//! What may be wished of a message: hold, release, cancel, try again. A wish is granted within a transaction, together with
//! its line in the audit log; the workers see it at once.

use crate::address::Address;
use crate::address::pattern::Pattern;
use crate::clock::Time;
use crate::fault::Fault;
use crate::message::reason::ActionReason;
use crate::message::{Id, Message, Packet, Reason, State, Way};
use crate::route::choose::Policy;
use crate::route::terms::give_up;
use crate::store::{Store, TextState, Tx, TxResult, reject};

/// What somebody may wish of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageAction {
    /// Out of its queue until it is released.
    Hold,
    /// Out of the hold, whatever held it.
    Release,
    /// The same, and its sender may write from now on.
    Allow,
    /// Back; what the link holds but has not sent is withdrawn by the link's worker.
    Cancel,
    /// The next try now.
    Retry,
}

impl MessageAction {
    /// All wishes.
    pub const ALL: [Self; 5] = [Self::Hold, Self::Release, Self::Allow, Self::Cancel, Self::Retry];

    /// Its word in paths and commands.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Release => "release",
            Self::Allow => "allow",
            Self::Cancel => "cancel",
            Self::Retry => "retry",
        }
    }

    /// Does it. `who` signs the time line.
    ///
    /// # Errors
    /// Permanent, with the reason, when it is too late or not possible in this state.
    pub fn apply(self, tx: &mut Tx, policy: &Policy, id: Id, who: &str, now: Time) -> TxResult<Applied> {
        let who = who.to_owned();
        match self {
            Self::Hold => hold(tx, policy, id, who, now),
            Self::Release => {
                let message = tx.message(id)?;
                freed(tx, policy, &message, ActionReason::Released { who, allow: false }, now)?;
                Ok(Applied { id, what: Done::Released })
            }
            Self::Allow => allow(tx, policy, id, who, now),
            Self::Cancel => cancel(tx, id, who, now),
            Self::Retry => retry(tx, id, who, now),
        }
    }
}

/// What was done to a message; as a sentence for whoever asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    id: Id,
    what: Done,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Done {
    Held,
    Released,
    /// Its sender may write from now on.
    Allowed(Address),
    Cancelled,
    /// The link has to give it back first.
    Withdrawing,
    Retried,
}

impl std::fmt::Display for Applied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let id = self.id;
        match &self.what {
            Done::Held => write!(f, "{id} is held"),
            Done::Released => write!(f, "{id} is released"),
            Done::Allowed(sender) => write!(f, "{id} is released, and {sender} may write from now on"),
            Done::Cancelled => write!(f, "{id} is cancelled"),
            Done::Withdrawing => {
                write!(f, "{id} is being withdrawn from the link; if it was sent already, its page will say so")
            }
            Done::Retried => write!(f, "{id} is tried again now"),
        }
    }
}

/// Does it in a commit of its own: for what nobody asked for by hand.
///
/// # Errors
/// As [`MessageAction::apply`].
pub fn apply(store: &Store, wish: MessageAction, id: Id, who: &str) -> Result<Applied, Fault> {
    let (who, now) = (who.to_owned(), store.clock().now());
    let policy = super::policy(store);
    store.write(move |tx| wish.apply(tx, &policy, id, &who, now))
}

fn hold(tx: &mut Tx, policy: &Policy, id: Id, who: String, now: Time) -> TxResult<Applied> {
    let message = waiting(tx, id)?;
    if touched(tx, id)? || handing_text(tx, id)? {
        return reject(Fault::permanent(format!("{id} cannot be held: a part of it is on its way already")));
    }
    let look = policy.next_look(&message, Time::NEVER);
    tx.step(id, now, State::Held, ActionReason::Held { who }, 0, look)?;
    Ok(Applied { id, what: Done::Held })
}

/// Lets a held message into its queue, if its budget allows it.
pub(super) fn freed(tx: &mut Tx, policy: &Policy, message: &Message, reason: ActionReason, now: Time) -> TxResult<()> {
    let id = message.id;
    if message.state != State::Held {
        return reject(Fault::permanent(format!("{id} is {}, not held", message.state.words())));
    }
    let bill = policy.bill(message, now);
    let mut billed = message.clone();
    if let Some(why) = policy.over_limit(message, bill.as_ref()) {
        return reject(Fault::refused(why));
    }
    if let Err(why) = tx.rebill(&mut billed, bill, now)? {
        return reject(Fault::permanent(format!(
            "{}: it waits for a larger budget or the next month",
            Reason::from(why)
        )));
    }
    // In the queue first: what a held message was billed is given back.
    tx.step(id, now, State::Queued, reason, 0, now)?;
    tx.change(id, |message| {
        message.bill = billed.bill;
        message.released = true;
        let usual = now + message.deadline.since(message.accepted);
        message.deadline = message.terms.by.map_or(usual, |by| usual.min(give_up(by, now)));
        if message.way == Way::Link {
            message.next = policy.look_after(message, now);
        }
    })?;
    Ok(())
}

fn allow(tx: &mut Tx, policy: &Policy, id: Id, who: String, now: Time) -> TxResult<Applied> {
    let message = tx.message(id)?;
    let reader = message.to.mailbox().map(|to| tx.person(&to.person())).transpose()?.flatten();
    let (from @ (Address::Mail(_) | Address::Phone(_)), Some(mut person)) = (&message.from, reader) else {
        return reject(Fault::permanent(format!("{id} has no sender and reader for whom there are lists")));
    };
    person.allow = Pattern::tidy(&format!("{} {from}", person.allow));
    freed(tx, policy, &message, ActionReason::Released { who, allow: true }, now)?;
    tx.put_person(&person)?;
    Ok(Applied { id, what: Done::Allowed(from.clone()) })
}

fn cancel(tx: &mut Tx, id: Id, who: String, now: Time) -> TxResult<Applied> {
    let message = waiting(tx, id)?;
    if handing_text(tx, id)? {
        return reject(Fault::permanent(format!("{id} is being given to the carrier: it may be too late")));
    }
    if touched(tx, id)? {
        tx.change(id, |message| message.recall = true)?;
        let reason = ActionReason::Cancelled { who, withdrawing: true };
        tx.step(id, now, message.state, reason, 0, message.next)?;
        ask_now(tx, id, now)?;
        return Ok(Applied { id, what: Done::Withdrawing });
    }
    tx.step(id, now, State::Cancelled, ActionReason::Cancelled { who, withdrawing: false }, 0, Time::NEVER)?;
    Ok(Applied { id, what: Done::Cancelled })
}

fn retry(tx: &mut Tx, id: Id, who: String, now: Time) -> TxResult<Applied> {
    let message = waiting(tx, id)?;
    if message.state == State::Held {
        return reject(Fault::permanent(format!("{id} is held: release it instead")));
    }
    let next = if message.way == Way::Link { message.next } else { now };
    ask_now(tx, id, now)?;
    tx.change(id, |message| message.pressed = true)?;
    tx.step(id, now, message.state, ActionReason::Retried { who }, 0, next)?;
    Ok(Applied { id, what: Done::Retried })
}

fn waiting(tx: &Tx, id: Id) -> TxResult<Message> {
    let message = tx.message(id)?;
    if !State::HERE.contains(&message.state) {
        return reject(Fault::permanent(format!("{id} is {} already", message.state.words())));
    }
    Ok(message)
}

/// True when a packet of the message is, or may be, on a link, or is about to be.
fn touched(tx: &Tx, id: Id) -> TxResult<bool> {
    Ok(tx.packets_of(id)?.iter().any(Packet::is_open))
}

/// Has the link asked after the packets of the message at once.
fn ask_now(tx: &mut Tx, id: Id, now: Time) -> TxResult<()> {
    let numbers: Vec<_> = tx.packets_of(id)?.iter().map(|packet| packet.number).collect();
    tx.ask_later(&numbers, now)?;
    tx.wake(Way::Link);
    Ok(())
}

/// True while a carrier is being given the text, or nobody knows yet whether it took it.
fn handing_text(tx: &Tx, id: Id) -> TxResult<bool> {
    Ok(tx.text(id)?.is_some_and(|text| text.state == TextState::Handing))
}
