//! What may be done to a message: hold, release, cancel, try again. It is applied within a transaction, together with its line
//! in the audit log; the workers see it at once.

pub mod again;

use super::{admit, relay};
use crate::address::Address;
use crate::address::pattern::Pattern;
use crate::clock::Time;
use crate::engine::outcome;
use crate::fault::Fault;
use crate::message::reason::{ActionReason, NeedsOwner, Waits};
use crate::message::{Id, Message, Packet, Reason, State, Way};
use crate::money::{Amount, Bill, OverBudget, Use};
use crate::route::choose::Policy;
use crate::route::price;
use crate::settings::Key;
use crate::store::{BUDGET_LOOK, Store, TextState, Tx, TxResult, reject};

/// What somebody may wish of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageAction {
    /// Out of its queue until it is released.
    Hold,
    /// Out of the hold, whatever held it; also what a rule refused.
    Release,
    /// The same, and its sender may write from now on.
    Allow,
    /// Back; what the link holds but has not sent is withdrawn by the link's worker.
    Cancel,
    /// The next try now.
    Retry,
    /// Once more, though it may have arrived.
    Again,
}

impl MessageAction {
    /// All that can be asked for, in the order in which pages offer it.
    pub const ALL: [Self; 6] = [Self::Hold, Self::Release, Self::Allow, Self::Cancel, Self::Retry, Self::Again];

    /// Its word in paths and commands.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Release => "release",
            Self::Allow => "allow",
            Self::Cancel => "cancel",
            Self::Retry => "retry",
            Self::Again => "again",
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
                if let Reason::NeedsOwner(NeedsOwner::NewAtSea { far_box, name, .. }) = message.reason.root() {
                    let domain = policy.settings.text(Key::Domain);
                    let person = admit::admit(tx, *far_box, name, None, domain, now)?;
                    let address = policy.address_of(&person).map_or(person.name, |address| address.to_string());
                    return Ok(Applied { id, what: Done::Admitted { name: name.clone(), address } });
                }
                if waits_for_budget(&message) {
                    let why = message.reason;
                    return reject(Fault::permanent(format!("{why}: it waits for a larger budget or the next month")));
                }
                let freed = freed(tx, policy, &message, ActionReason::Released { who, allow: false }, now)?;
                Ok(Applied { id, what: Done::Released(freed) })
            }
            Self::Allow => allow(tx, policy, id, who, now),
            Self::Cancel => cancel(tx, id, who, now),
            Self::Retry => retry(tx, id, who, now),
            Self::Again => again::send(tx, policy, id, &who, now),
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
    Released(Freed),
    /// Its sender may write from now on.
    Allowed(Address, Freed),
    /// Its writer, somebody of a far box, has this address here from now on.
    Admitted {
        name: String,
        address: String,
    },
    Cancelled {
        /// It went once already, and may arrive all the same.
        copy: bool,
    },
    /// The link has to give it back first.
    Withdrawing,
    /// It is looked at again; what it waited for until now, where that is a link.
    Retried(Option<Waits>),
    /// The link has it, and is asked what became of it.
    Asked,
    /// Together with so many that shared its packets, for this much.
    Again {
        others: usize,
        cost: Cost,
        /// A budget keeps it back for now.
        held: bool,
    },
}

impl std::fmt::Display for Applied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let id = self.id;
        match &self.what {
            Done::Held => write!(f, "{id} is held"),
            Done::Released(Freed::Goes(cost)) => write!(f, "{id} is released{}", cost.clause()),
            Done::Released(Freed::Waits(budget)) => {
                write!(f, "{id} is released, and goes with a larger budget or in the next month: {budget}")
            }
            Done::Allowed(sender, Freed::Goes(cost)) => {
                write!(f, "{id} is released{}, and {sender} may write from now on", cost.clause())
            }
            Done::Allowed(sender, Freed::Waits(budget)) => {
                write!(
                    f,
                    "{sender} may write from now on; {id} goes with a larger budget or in the next month: {budget}"
                )
            }
            Done::Admitted { name, address } => write!(f, "{id} is released: {name} is {address} from now on"),
            Done::Cancelled { copy: false } => write!(f, "{id} is cancelled"),
            Done::Cancelled { copy: true } => {
                write!(f, "{id} is cancelled; what went of it before may arrive all the same")
            }
            Done::Withdrawing => {
                write!(f, "{id} is being withdrawn from the link; if it was sent already, its page will say so")
            }
            Done::Retried(None) => write!(f, "{id} is tried again now"),
            Done::Retried(Some(waits)) => write!(f, "{id} is looked at again now; so far: {waits}"),
            Done::Asked => write!(f, "{id} is on the link, which is asked about it now"),
            Done::Again { cost, held: true, .. } => {
                write!(f, "{id} goes once more, for {cost}, with a larger budget or in the next month")
            }
            Done::Again { others: 0, cost, .. } => write!(f, "{id} goes once more, for {cost}"),
            Done::Again { others, cost, .. } => {
                write!(f, "{id} goes once more, with {others} that shared its packets, for {cost}")
            }
        }
    }
}

impl Applied {
    /// True for a message that was let go, and waits for a budget.
    pub fn waits(&self) -> bool {
        matches!(self.what, Done::Released(Freed::Waits(_)) | Done::Allowed(_, Freed::Waits(_)))
    }
}

/// What came of a message that somebody let go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Freed {
    /// It is in its queue, for this much.
    Goes(Cost),
    /// This budget keeps it back: it goes by itself once there is room.
    Waits(OverBudget),
}

/// What messages will cost when they go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cost {
    wanted: Use,
    money: Option<Amount>,
    /// It may be less: it was not measured, or a cheaper link may take it.
    at_most: bool,
}

impl Cost {
    /// By the prices of this moment, for a message that somebody lets go: on the dearest of the links that may take it.
    pub fn of(policy: &Policy, message: &Message) -> Self {
        let Some(bill) = policy.bill(message) else { return Self::default() };
        let dearest = policy.dearest(message, true).map(|cost| cost.at_most);
        let wanted = dearest.filter(|cost| cost.money > bill.wanted.money).unwrap_or(bill.wanted);
        let unmeasured = message.size.and_then(|size| size.compact).is_none() && wanted.packets > 1;
        let at_most = unmeasured || wanted.money > bill.wanted.money;
        Self { at_most, ..Self::of_use(policy, wanted) }
    }

    /// Of several messages, each on its own.
    pub fn of_all<'m>(policy: &Policy, messages: impl IntoIterator<Item = &'m Message>) -> Self {
        let costs: Vec<_> = messages.into_iter().map(|message| Self::of(policy, message)).collect();
        let wanted = costs.iter().fold(Use::default(), |sum, cost| sum.plus(cost.wanted));
        Self { at_most: costs.iter().any(|cost| cost.at_most), ..Self::of_use(policy, wanted) }
    }

    fn of_use(policy: &Policy, wanted: Use) -> Self {
        let money = Some(wanted.money).filter(|money| money.0 > 0);
        Self { wanted, money: money.map(|money| price::amount(&policy.settings, money)), at_most: false }
    }

    /// The end of a sentence: a colon and the cost, or nothing where nothing costs.
    pub fn clause(&self) -> String {
        if self.wanted.packets == 0 && self.wanted.texts == 0 { String::new() } else { format!(": {self}") }
    }
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (count, what) = match self.wanted {
            Use { packets: 0, texts: 0, .. } => return f.write_str("nothing"),
            Use { packets: 0, texts, .. } => (texts, "text"),
            Use { packets, .. } => (packets, "packet"),
        };
        let (most, many) = (if self.at_most { "at most " } else { "" }, if count == 1 { "" } else { "s" });
        write!(f, "{most}{count} {what}{many}")?;
        self.money.as_ref().map_or(Ok(()), |money| write!(f, ", {money}"))
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
    // Room in a budget does not let it go any more.
    tx.change(id, |message| message.bill.iter_mut().for_each(|bill| bill.short = false))?;
    Ok(Applied { id, what: Done::Held })
}

/// True for a message that can be released: it is held, or a rule refused it.
pub fn is_releasable(policy: &Policy, message: &Message) -> bool {
    match message.state {
        State::Held => true,
        // Only what costs is refused by rule; a message without a way is refused too, and stays so.
        State::Refused => matches!(policy.choose(&message.to).way(), Some(Way::Link | Way::Carrier)),
        _ => false,
    }
}

/// True for a message that goes as soon as a budget has room for it.
pub fn waits_for_budget(message: &Message) -> bool {
    message.state == State::Held && message.bill.as_ref().is_some_and(|bill| bill.short)
}

/// Lets a message that is held, or that a rule refused, into its queue; one that a budget does not allow goes on by itself
/// once there is room.
pub(super) fn freed(
    tx: &mut Tx,
    policy: &Policy,
    message: &Message,
    reason: ActionReason,
    now: Time,
) -> TxResult<Freed> {
    let id = message.id;
    if !is_releasable(policy, message) {
        let why = match message.state {
            State::Refused => format!("{id} is refused: {}", message.reason),
            state => format!("{id} is {}, and neither held nor refused", state.words()),
        };
        return reject(Fault::permanent(why));
    }
    if matches!(message.return_path(), Address::Device(_)) && relay::sender(policy, message).is_none() {
        return reject(relay::of_nobody(policy, message));
    }
    if let Some(why) = policy.over_limit(message, policy.bill(message).as_ref()) {
        return reject(Fault::refused(why));
    }
    match enter(tx, policy, message, reason.clone(), now)? {
        Ok(()) => Ok(Freed::Goes(Cost::of(policy, message))),
        Err(budget) => {
            let (why, next) = (Box::new(reason.into()), policy.look_after(message, now).min(now + BUDGET_LOOK));
            tx.step(id, now, State::Held, Reason::AgainOverBudget { why, budget: budget.clone() }, 0, next)?;
            let quote = policy.bill(message);
            tx.change(id, |message| {
                let spent = message.bill.as_ref().map(|bill| bill.spent).unwrap_or_default();
                message.bill = quote.map(|bill| Bill { short: true, spent, ..bill });
                message.released = true;
                message.deadline = policy.deadline(message.way, &message.terms, now);
            })?;
            Ok(Freed::Waits(budget))
        }
    }
}

/// Lets a message that waits for somebody, or for something, into its queue; which budget is in the way, if one is.
pub(super) fn enter(
    tx: &mut Tx,
    policy: &Policy,
    message: &Message,
    reason: ActionReason,
    now: Time,
) -> TxResult<Result<(), OverBudget>> {
    let (id, mut billed) = (message.id, message.clone());
    if let Err(why) = tx.rebill(&mut billed, policy.bill(message), now)? {
        return Ok(Err(why));
    }
    let released = matches!(reason, ActionReason::Released { .. });
    // In the queue first: what a held message has reserved is given back.
    tx.step(id, now, State::Queued, reason, 0, now)?;
    tx.change(id, |message| {
        message.bill = billed.bill;
        message.released |= released;
        message.deadline = policy.deadline(message.way, &message.terms, now);
        if message.way == Way::Link {
            message.next = policy.look_after(message, now);
        }
    })?;
    Ok(Ok(()))
}

fn allow(tx: &mut Tx, policy: &Policy, id: Id, who: String, now: Time) -> TxResult<Applied> {
    let message = tx.message(id)?;
    let reader = message.to.mailbox().map(|to| tx.person(&to.person())).transpose()?.flatten();
    let (from @ (Address::Mail(_) | Address::Phone(_)), Some(mut person)) = (message.header_from(), reader) else {
        return reject(Fault::permanent(format!("{id} has no sender and reader for whom there are lists")));
    };
    // A machine on the list of people who may write would be held again the next time.
    let list = if message.automatic.is_some() { &mut person.machines } else { &mut person.allow };
    *list = Pattern::tidy(&format!("{list} {from}"));
    let freed = freed(tx, policy, &message, ActionReason::Released { who, allow: true }, now)?;
    tx.put_person(&person)?;
    Ok(Applied { id, what: Done::Allowed(from.clone(), freed) })
}

fn cancel(tx: &mut Tx, id: Id, who: String, now: Time) -> TxResult<Applied> {
    let message = waiting(tx, id)?;
    if handing_text(tx, id)? {
        return reject(Fault::permanent(format!("{id} is being given to the carrier: it may be too late")));
    }
    if touched(tx, id)? {
        tx.change(id, |message| message.recall = true)?;
        let reason = ActionReason::Cancelled { who, withdrawing: true, copy: false };
        tx.step(id, now, message.state, reason, 0, message.next)?;
        ask_now(tx, id, now)?;
        return Ok(Applied { id, what: Done::Withdrawing });
    }
    let copy = outcome::copy_may_arrive(&message);
    tx.step(id, now, State::Cancelled, ActionReason::Cancelled { who, withdrawing: false, copy }, 0, Time::NEVER)?;
    Ok(Applied { id, what: Done::Cancelled { copy } })
}

fn retry(tx: &mut Tx, id: Id, who: String, now: Time) -> TxResult<Applied> {
    let state = tx.message(id)?.state;
    if matches!(state, State::Held | State::Refused) {
        return reject(Fault::permanent(format!("{id} is {}: release it instead", state.words())));
    }
    let message = waiting(tx, id)?;
    let next = if message.way == Way::Link { message.next } else { now };
    ask_now(tx, id, now)?;
    tx.change(id, |message| message.pressed = true)?;
    tx.step(id, now, message.state, ActionReason::Retried { who }, 0, next)?;
    if message.way == Way::Link {
        // The time line has what was done; what it waits for is the same.
        tx.change(id, |live| live.reason = message.reason.clone())?;
    }
    let what = match message.reason {
        _ if message.state == State::OnLink => Done::Asked,
        Reason::Waits(waits) if message.way == Way::Link => Done::Retried(Some(waits)),
        _ => Done::Retried(None),
    };
    Ok(Applied { id, what })
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
