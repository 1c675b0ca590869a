//! What becomes of messages that came from a far box, so that its people hear of it; and what a far box says became of
//! ours. On air it is a note of three bytes and a head of two, which rides with other packets.

use std::collections::BTreeMap;

use compact::peer::{BundleName, Fate, Peer};

use super::session;
use crate::address::PeerId;
use crate::clock::Time;
use crate::deliver::dsn::Kind;
use crate::engine::Context;
use crate::fault::Fault;
use crate::message::reason::{Arrived, FarBoxReason, NoRoute, Reason, RelayReason, TextReason};
use crate::message::{Id, Message, State, Way};
use crate::store::{IncomingMail, Tx, TxResult};

/// Messages that are looked at in one commit: as many as a far box may be owed at once beside many.
const BATCH: usize = 100;

/// Notes for the far boxes what became of their messages; the far boxes for which something was noted. One that is owed so many
/// that more could push the oldest out hears of the rest later, by whatever link.
///
/// # Errors
/// When the store fails.
pub fn collect(context: &Context) -> Result<Vec<Option<PeerId>>, Fault> {
    let mut rows = Vec::new();
    for name in context.store.read(|view| view.fate_far_boxes())? {
        if rows.len() >= BATCH {
            break;
        }
        if !context.peer(session::far_box(&name))?.owes_many_fates() {
            let ids = context.store.read(|view| view.fates(&name, BATCH - rows.len()))?;
            rows.extend(ids.into_iter().map(|id| (name.clone(), id)));
        }
    }
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let now = context.now();
    context.store.write(move |tx| {
        let mut told: BTreeMap<Option<PeerId>, Vec<_>> = BTreeMap::new();
        let mut full: BTreeMap<&str, bool> = BTreeMap::new();
        for (device, id) in &rows {
            let is_full = || session::in_tx(tx, session::far_box(device)).map(|peer| peer.owes_many_fates());
            let is_full = match full.get(device.as_str()) {
                Some(known) => *known,
                None => is_full()?,
            };
            // Another link noted some of them a moment ago.
            if *full.entry(device).or_insert(is_full) {
                continue;
            }
            tx.fate_noted(device, *id)?;
            let Some(message) = tx.find(*id)? else { continue };
            let (Some(came_in), Some(fate)) = (message.came_in, of(&message)) else { continue };
            told.entry(came_in.far_box).or_default().push((BundleName(came_in.bundle), came_in.place, fate));
        }
        // What is known of a far box is read and written once for all of its messages.
        for (far_box, fates) in &told {
            let tell =
                |peer: &mut Peer| fates.iter().for_each(|(name, at, fate)| peer.tell_fate(*name, *at, *fate, now.0));
            session::change(tx, *far_box, tell)?;
        }
        Ok(told.into_keys().collect())
    })
}

/// Notes in the talk all that there is to tell a far box: whoever goes on with the talk tells it.
///
/// # Errors
/// When the store fails.
pub fn collect_all(tx: &mut Tx, far_box: PeerId, now: Time) -> TxResult<()> {
    let name = session::name(Some(far_box));
    let mut fates = Vec::new();
    for id in tx.fates_of(&name)? {
        tx.fate_noted(&name, id)?;
        let Some(message) = tx.find(id)? else { continue };
        if let (Some(came_in), Some(fate)) = (message.came_in, of(&message)) {
            fates.push((BundleName(came_in.bundle), came_in.place, fate));
        }
    }
    if fates.is_empty() {
        return Ok(());
    }
    session::change(tx, Some(far_box), |peer| {
        fates.iter().for_each(|(name, at, fate)| peer.tell_fate(*name, *at, *fate, now.0));
    })
}

/// What there is to tell of a message; `None` while it is on its way, and where the receipt says it already.
fn of(message: &Message) -> Option<Fate> {
    let for_the_world = message.came_in.is_some_and(|came_in| came_in.far_box.is_some());
    match message.state {
        State::Queued | State::OnLink | State::FarBox => None,
        // It passed on to another device.
        State::Sent if message.way == Way::Link => None,
        State::Sent => {
            let unclear = matches!(message.reason.root(), Reason::Text(TextReason::Unclear { .. }));
            unclear.then_some(Fate::Unconfirmed)
        }
        State::Unconfirmed => (message.way != Way::Link).then_some(Fate::Unconfirmed),
        // To be taken at sea is to be in the mailbox there.
        State::Delivered => for_the_world.then_some(Fate::Delivered),
        State::Held => Some(Fate::Held),
        State::Refused => Some(match message.reason.root() {
            Reason::NoRoute(NoRoute::NoPerson { .. }) => Fate::NoRecipient,
            _ => Fate::Refused,
        }),
        State::Cancelled => Some(Fate::Cancelled),
        State::Expired => Some(Fate::TooLate),
        State::Returned => Some(failure(&message.reason)),
    }
}

fn failure(reason: &Reason) -> Fate {
    let status = reason.status().unwrap_or_default();
    let mailbox_full_or_large = ["5.2.2", "5.2.3", "5.3.4", "5.6"];
    match reason.root() {
        _ if status.starts_with("5.1.") => Fate::NoRecipient,
        _ if mailbox_full_or_large.iter().any(|known| status.starts_with(known)) => Fate::Content,
        _ if status.starts_with("5.7.") => Fate::Refused,
        Reason::NoRoute(NoRoute::NoPerson { .. } | NoRoute::BadNumber(_) | NoRoute::NoRecipient) => Fate::NoRecipient,
        Reason::Text(TextReason::OptedOut { .. }) => Fate::Refused,
        Reason::Text(TextReason::TooLong { .. }) => Fate::Content,
        // Without a status behind it, 550 at RCPT says mostly this (RFC 5321 section 4.2.3).
        Reason::Relay(RelayReason::Refused(refusal)) if refusal.at == "RCPT" && refusal.code == 550 => {
            Fate::NoRecipient
        }
        Reason::Relay(RelayReason::Refused(refusal)) if refusal.code == 552 => Fate::Content,
        Reason::Relay(RelayReason::Refused(_)) => Fate::Refused,
        _ => Fate::Failed,
    }
}

/// What a far box says became of a message of ours, ready to be written.
pub struct Heard {
    id: Id,
    reason: FarBoxReason,
    /// To its sender, when it failed.
    notice: Option<IncomingMail>,
}

impl Heard {
    /// `None` for a message that is not there any more.
    pub fn new(context: &Context, key: u64, fate: Fate) -> Option<Self> {
        let message = context.store.message(Id(key)).ok().flatten()?;
        let reason = reason(fate);
        let news = fate.is_failure() && message.state != State::Returned;
        let policy = context.policy();
        let notice = if news { context.notice(&policy, &message, Kind::Failed, &reason.into()) } else { None };
        Some(Self { id: message.id, reason, notice })
    }

    /// Writes it. A message that somebody took back, or that waits to go once more, stays as it is.
    pub fn apply(&self, tx: &mut Tx, now: Time) -> TxResult<()> {
        let Some(message) = tx.find(self.id)? else { return Ok(()) };
        let open = matches!(message.state, State::Sent | State::FarBox | State::Delivered | State::Returned)
            || was_given_up(&message);
        if !open || message.way != Way::Link || message.reason == Reason::from(self.reason) {
            return Ok(());
        }
        let state = match self.reason {
            FarBoxReason::Ashore | FarBoxReason::Mailbox => State::Delivered,
            FarBoxReason::Held | FarBoxReason::Unconfirmed => State::FarBox,
            _ => State::Returned,
        };
        tx.step(self.id, now, state, self.reason, 0, Time::NEVER)?;
        self.notice.as_ref().map_or(Ok(()), |notice| tx.add(notice).map(drop))
    }
}

/// It ended for lack of news from the far box: news that comes after all counts.
fn was_given_up(message: &Message) -> bool {
    matches!(message.state, State::Unconfirmed | State::Expired)
}

/// The far box has a message: one for a person there is in their mailbox, one for the world is on its way. Also one that
/// was given up for lack of just this news.
pub fn arrived(tx: &mut Tx, id: Id, far_box: Option<PeerId>, now: Time) -> TxResult<()> {
    let Some(message) = tx.find(id)? else { return Ok(()) };
    if message.is_final() && !was_given_up(&message) {
        return Ok(());
    }
    match far_box {
        Some(_) => tx.step(id, now, State::Delivered, FarBoxReason::Mailbox, 0, Time::NEVER).map(drop),
        None => tx.step(id, now, State::FarBox, Arrived::FarBox, 0, Time::NEVER).map(drop),
    }
}

fn reason(fate: Fate) -> FarBoxReason {
    match fate {
        Fate::Delivered => FarBoxReason::Ashore,
        Fate::Held => FarBoxReason::Held,
        Fate::NoRecipient => FarBoxReason::NoRecipient,
        Fate::Refused => FarBoxReason::Refused,
        Fate::Content => FarBoxReason::Content,
        Fate::TooLate => FarBoxReason::TooLate,
        Fate::Cancelled => FarBoxReason::Cancelled,
        Fate::Unconfirmed => FarBoxReason::Unconfirmed,
        Fate::Failed => FarBoxReason::Failed,
    }
}
