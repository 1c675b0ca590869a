//! Messages that wait for the link become packets when the link can take them: until then people and rules may change.
//!
//! Messages for a far box that reads the compact coding wait a moment for each other (`air.gather`): a packet that is
//! full, a satellite in view, a link whose packets cost nothing, or a message that cannot wait ends that. Others leave one by
//! one, in their order.

use std::time::Duration;

use compact::packet::Form;
use compact::peer::{BundleName, Peer, SendPlan, WaitingMessage, gather};

use super::{commit, explain, peer};
use crate::address::PeerId;
use crate::clock::Time;
use crate::engine::{Context, outcome, relay};
use crate::fault::Fault;
use crate::message::reason::{NeedsOwner, Waits};
use crate::message::title;
use crate::message::{Account, Id, LinkId, Message, Packet, PacketState, Priority, Reason, State};
use crate::money::{Bill, OverBudget};
use crate::route::choose::{Policy, Route};
use crate::route::size;
use crate::settings::Key;
use crate::store::{Edition, Tx, TxResult};

/// The coder is looked for again after this, while it is made ready.
const CODER: Duration = Duration::from_millis(300);
/// Messages for a far box that owes many receipts are looked at again after this, or when one came.
const FULL: Duration = Duration::from_secs(60);
/// A satellite that was heard is in view for so long.
const IN_VIEW: Duration = Duration::from_secs(60);
/// Messages planned at once, and where they are not coded.
pub const TOGETHER: usize = 16;
const TOGETHER_PLAIN: usize = 64;
/// A plan is made anew so often in one turn, when other links change what is known of the far box.
const TRIES: u32 = 8;

/// What is known about waiting messages between two turns.
#[derive(Default)]
pub struct Gathering {
    /// When a satellite was heard last.
    satellite: Option<Time>,
    /// A packet costs next to nothing on this link ([`Driver::prompt`](crate::link::Driver)).
    pub prompt: bool,
    /// Its bytes cost nothing, and it has less to do than it could: time is saved, and bytes are not
    /// ([`PeerRules::plain`](compact::peer::PeerRules)).
    pub idle: bool,
    /// More wait for this far box than one coded packet holds, or did and not all of those have gone.
    pub many: bool,
}

impl Gathering {
    /// A satellite is in view now.
    pub fn heard_satellite(&mut self, now: Time) {
        self.satellite = Some(now);
    }

    /// Waiting would cost more than it may save.
    fn is_no_time_to_wait(&self, now: Time) -> bool {
        self.prompt || self.satellite.is_some_and(|at| now < at + IN_VIEW)
    }
}

/// What became of messages that were to be planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheduled {
    /// They have packets, which wait in the outbox.
    Planned,
    /// They wait until then, for this.
    Waits(Time, Waits),
    /// These wait for a coding in which it can be said what they replace.
    NoCoding(Vec<Id>),
    /// Their owner decided otherwise a moment ago, or they have ended.
    Decided,
}

/// The far box that a waiting message goes to by whatever link; inside, `None` is the one of a station. `None` when it
/// has packets already, or goes no further on this way: it is given back, held, or stands in another queue now.
///
/// # Errors
/// When the store fails.
pub fn far_box(context: &Context, message: &Message) -> Result<Option<Option<PeerId>>, Fault> {
    if context.store.read(|view| view.packets_of(message.id))?.iter().any(Packet::is_open) {
        return Ok(None);
    }
    // Which link takes it is not known yet: what it takes, and what is reserved for it, is that of the cheapest one.
    let policy = crate::engine::policy(&context.store);
    if context.now() >= message.deadline {
        return context.give_back(message, State::Expired, message.reason.clone()).map(|()| None);
    }
    // People and rules may have changed since it was queued.
    let far_box = match (outcome::moved(&policy, message), policy.choose(&message.to)) {
        (Some(Err(why)), _) => return context.give_back(message, State::Returned, why).map(|()| None),
        (Some(Ok(way)), _) => return relay::reroute(context, message, way).map(|()| None),
        (None, Route::Link(far_box)) => far_box,
        (None, _) => None,
    };
    let message = &measured(context, &policy, far_box, message)?;
    let (state, reason) = context.judged(&policy, message)?;
    if state != State::Queued {
        let next = policy.next_look(message, Time::NEVER);
        return commit::step(context, message, state, &reason, next).map(|()| None);
    }
    match quoted(context, &policy, message)? {
        Quoted::Known | Quoted::Reserved => {}
        Quoted::Held => return Ok(None),
        Quoted::Over(budget) => {
            short(context, message, budget)?;
            return Ok(None);
        }
    }
    if matches!(message.reason, Reason::Waits(Waits::Link { .. })) && message.reason != reason {
        let next = policy.look_after(message, context.now());
        explain::write(context, vec![(message.id, reason, next)])?;
    }
    Ok(Some(far_box))
}

/// The message with what it takes in the coding that its far box reads: measured here where that could not be done when it
/// was taken in, as the coder was not there, or the far box read another one.
fn measured(context: &Context, policy: &Policy, far_box: Option<PeerId>, message: &Message) -> Result<Message, Fault> {
    let missing =
        message.size.is_none_or(|size| size.compact.is_none() || size.max_payload != policy.max_payload(far_box));
    if !missing || !context.speaks_compact() || context.form(&context.peer(far_box)?, far_box).is_none() {
        return Ok(message.clone());
    }
    let id = message.id;
    match context.measured_now(policy, message).filter(|size| Some(*size) != message.size) {
        Some(size) => {
            context.store.write(move |tx| match tx.live(id)? {
                Some(_) => tx.change(id, |message| message.size = Some(size)).map(drop),
                None => Ok(()),
            })?;
            Ok(Message { size: Some(size), ..message.clone() })
        }
        None => Ok(message.clone()),
    }
}

/// Whether what a message costs is reserved for it.
pub enum Quoted {
    /// It was reserved before.
    Known,
    /// It was reserved just now.
    Reserved,
    /// It does not wait for a link any more.
    Held,
    /// A budget of the box or of a person does not allow it: nothing was changed.
    Over(OverBudget),
}

/// Has a message reserve what it costs by a policy, if that is not what is reserved for it: prices and people change, and what
/// went in part has to go as a whole again.
///
/// # Errors
/// When the store fails.
pub fn quoted(context: &Context, policy: &Policy, message: &Message) -> Result<Quoted, Fault> {
    let bill = policy.bill(message);
    let known = message.bill.as_ref();
    let same = |bill: &Bill| known.is_some_and(|known| known.same_quote(bill) && known.reserved == known.wanted);
    if bill.as_ref().is_none_or(same) {
        return Ok(Quoted::Known);
    }
    let (id, now) = (message.id, context.now());
    context.store.write(move |tx| {
        let Some(mut live) = tx.live(id)?.filter(|live| live.state == State::Queued) else { return Ok(Quoted::Held) };
        match tx.rebill(&mut live, bill.clone(), now)? {
            Ok(()) => tx.change(id, |message| message.bill = live.bill).map(|_| Quoted::Reserved),
            Err(budget) => Ok(Quoted::Over(budget)),
        }
    })
}

/// A message is held until a budget has room for it.
///
/// # Errors
/// When the store fails.
pub fn short(context: &Context, message: &Message, budget: OverBudget) -> Result<(), Fault> {
    let (id, now, next) = (message.id, context.now(), message.next);
    context.store.write(move |tx| {
        if tx.live(id)?.is_some_and(|live| live.state == State::Queued) {
            tx.change(id, |message| message.bill.iter_mut().for_each(|bill| bill.short = true))?;
            tx.step(id, now, State::Held, budget.clone(), 0, next)?;
        }
        Ok(())
    })
}

/// How many messages for one far box are planned at once: those of a classic one share nothing.
///
/// # Errors
/// When the store fails.
pub fn together(context: &Context, gathering: &Gathering, far_box: Option<PeerId>) -> Result<usize, Fault> {
    let peer = context.peer(far_box)?;
    Ok(match context.speaks_compact() && context.form(&peer, far_box).is_some() {
        true if gathering.idle && gathering.many && peer.reads_stored() => TOGETHER_PLAIN,
        true => TOGETHER,
        false => 1,
    })
}

/// Plans messages that are ready for one far box.
///
/// # Errors
/// Permanent when these messages cannot be planned. Otherwise when the store fails.
pub fn plan(
    context: &Context,
    gathering: &Gathering,
    far_box: Option<PeerId>,
    messages: &[Message],
) -> Result<Scheduled, Fault> {
    if !context.speaks_compact() {
        if let Some(scheduled) = replace_by_themselves(context, &context.peer(far_box)?, messages) {
            return Ok(scheduled);
        }
        let mut scheduled = Scheduled::Decided;
        for message in messages {
            if plan_classic(context, message, far_box)? {
                scheduled = Scheduled::Planned;
            }
        }
        return Ok(scheduled);
    }
    for _ in 0..TRIES {
        if let Some(scheduled) = try_plan(context, gathering, far_box, messages)? {
            return Ok(scheduled);
        }
    }
    Ok(Scheduled::Decided)
}

/// `None` when another link changed what is known of the far box meanwhile.
fn try_plan(
    context: &Context,
    gathering: &Gathering,
    far_box: Option<PeerId>,
    messages: &[Message],
) -> Result<Option<Scheduled>, Fault> {
    let (mut peer, before) = context.peer_as_read(far_box)?;
    if peer.is_full() {
        return Ok(Some(Scheduled::Waits(context.now() + FULL, Waits::Receipts)));
    }
    // Coding takes longer than a wide line takes for what it saves; but where little waits, nobody waits for it.
    let plain = gathering.idle && gathering.many && peer.reads_stored();
    if let Some(form) = context.form(&peer, far_box) {
        // What is planned anew, as the far box could not read it, is coded all the same.
        let coded = !plain || messages.iter().any(|message| peer.is_planned_anew(message.id.0));
        if matches!(form, Form::Model(number) if coded && !context.coder().has(number)) {
            return Ok(Some(Scheduled::Waits(context.now() + CODER, Waits::Coder)));
        }
        if let Some(until) = gather(context, gathering, &peer, far_box, messages) {
            return Ok(Some(Scheduled::Waits(until, Waits::Others { until })));
        }
    } else if let Some(scheduled) = replace_by_themselves(context, &peer, messages) {
        return Ok(Some(scheduled));
    }
    let on_air: Vec<_> = messages.iter().map(|message| context.on_air(message, far_box)).collect();
    if far_box.is_some() {
        for message in messages {
            message.sender.name.iter().for_each(|name| peer.introduce(&message.from.to_string(), name));
        }
    }
    let waiting = messages.iter().zip(&on_air).map(|(known, message)| WaitingMessage {
        key: known.id.0,
        message,
        answers: answers(context, far_box, known),
        urgent: known.terms.priority == Priority::Urgent,
    });
    let waiting: Vec<_> = waiting.collect();
    let plan = context.in_session(far_box, |session| {
        session.rules.plain = plain;
        peer.plan(session, &waiting)
    });
    plan.refused.iter().for_each(|(key, _)| peer.forget(*key));
    Ok(match keep(context, far_box, messages, (peer, before), plan)? {
        Kept::Yes => Some(Scheduled::Planned),
        Kept::Decided => Some(Scheduled::Decided),
        Kept::Changed => None,
    })
}

/// Messages that replace what may have arrived, where nobody asked for that: in a classic packet nothing would tell.
fn replace_by_themselves(context: &Context, peer: &Peer, messages: &[Message]) -> Option<Scheduled> {
    let ids = messages.iter().map(|message| message.id);
    let ids: Vec<_> = ids.filter(|id| peer.replaces_by_itself(id.0, context.now().0)).collect();
    (!ids.is_empty()).then_some(Scheduled::NoCoding(ids))
}

/// The message of the far box that this one answers, where its subject does not tell: its bundle, and its place there.
fn answers(context: &Context, far_box: Option<PeerId>, message: &Message) -> Option<(BundleName, u8)> {
    let wanted = message.references.last()?;
    // What cannot be read is not told: that costs a thread, and no message.
    let id = context.store.read(|view| view.by_message_id(wanted, None)).ok()??;
    let answered = context.store.message(id).ok()??;
    let came_in = answered.came_in.filter(|came_in| came_in.far_box == far_box)?;
    (!title::says_what_it_answers(message, &answered)).then_some((BundleName(came_in.bundle), came_in.place))
}

/// What became of a plan.
enum Kept {
    Yes,
    /// Nothing of it is kept: the owner of one of the messages decided otherwise, or another link planned it.
    Decided,
    /// Nothing of it is kept: another link changed what is known of the far box.
    Changed,
}

/// Until when the messages wait for others; `None` when they leave now.
fn gather(
    context: &Context,
    gathering: &Gathering,
    peer: &Peer,
    far_box: Option<PeerId>,
    messages: &[Message],
) -> Option<Time> {
    let (now, settings) = (context.now(), context.store.settings());
    let timer = i64::try_from(settings.span(Key::AirGather).as_millis()).unwrap_or(i64::MAX);
    let room = context.policy().max_payload(far_box);
    let compact = context.form(peer, far_box).is_some();
    let mut waiting = Vec::new();
    for message in messages {
        // As it was measured when it was taken in, or since.
        let known = message.size.and_then(|size| if compact { size.compact.or(size.classic) } else { size.classic });
        let bytes = known.map_or(room, |extent| extent.bytes);
        let urgent = message.pressed || message.terms.priority == Priority::Urgent;
        waiting.push(gather::GatheredMessage { since: message.accepted.0, urgent, bytes });
    }
    match gather::departure(&waiting, room, timer, gathering.is_no_time_to_wait(now), now.0) {
        gather::Departure::At(at) => Some(Time(at)),
        gather::Departure::Now(_) | gather::Departure::Never => None,
    }
}

/// Keeps a plan with all that hangs on it, in one commit.
fn keep(
    context: &Context,
    far_box: Option<PeerId>,
    messages: &[Message],
    (peer, before): (Peer, Edition),
    plan: SendPlan,
) -> Result<Kept, Fault> {
    let now = context.now();
    let message = |key: u64| messages.iter().find(|message| message.id.0 == key);
    let refused = plan.refused.iter().filter_map(|(key, why)| message(*key).map(|message| (message, why)));
    let endings: Vec<_> =
        refused.map(|(message, why)| context.ending(message, State::Returned, peer::unplanned(*why))).collect();
    let ids: Vec<_> = messages.iter().map(|message| message.id).collect();
    let groups = peer::groups(&plan.send, far_box, context.link(), now);
    context.store.write(move |tx| {
        if !peer::unchanged(tx, far_box, before) {
            return Ok(Kept::Changed);
        }
        for id in &ids {
            if !is_plannable(tx, *id)? {
                return Ok(Kept::Decided);
            }
        }
        for packets in &groups {
            tx.add_packets(packets)?;
        }
        for planned in &plan.uses {
            let account = Account {
                classic_bytes: planned.classic.0,
                classic_packets: planned.classic.1,
                alone: planned.alone,
                bytes: planned.bytes,
                packets: planned.packets,
                messages: planned.messages,
            };
            tx.change(Id(planned.key), |message| message.account = Some(account))?;
        }
        peer::put(tx, far_box, &peer)?;
        endings.iter().try_for_each(|ending| ending.apply(tx, now))?;
        Ok(Kept::Yes)
    })
}

/// True while a message waits for a link, its owner does not want it back, and no link has planned it.
fn is_plannable(tx: &Tx, id: Id) -> TxResult<bool> {
    let waits = tx.live(id)?.is_some_and(|live| live.state == State::Queued && !live.recall);
    Ok(waits && !tx.packets_of(id)?.iter().any(Packet::is_open))
}

/// Plans a message for a far box with which there is no session; false when it has ended, or its owner decided otherwise.
fn plan_classic(context: &Context, message: &Message, far_box: Option<PeerId>) -> Result<bool, Fault> {
    let max_payload = context.policy().max_payload(far_box);
    let payloads = match size::packets(message, far_box.is_some(), max_payload) {
        Ok(payloads) => payloads,
        Err(why) => return context.give_back(message, State::Returned, NeedsOwner::Unsplittable(why)).map(|()| false),
    };
    let parts = u16::try_from(payloads.len()).unwrap_or(u16::MAX);
    let packets: Vec<Packet> = (1..=parts)
        .zip(payloads)
        .map(|(part, payload)| planned(message, (part, parts), far_box, context.link(), payload))
        .collect();
    let id = message.id;
    context.store.write(move |tx| {
        if !is_plannable(tx, id)? {
            return Ok(false);
        }
        tx.add_packets(&packets).map(|_| true)
    })
}

fn planned(
    message: &Message,
    (part, parts): (u16, u16),
    far_box: Option<PeerId>,
    link: LinkId,
    payload: Vec<u8>,
) -> Packet {
    Packet {
        number: 0,
        messages: vec![message.id],
        group: 0,
        part,
        parts,
        far_box,
        address: None,
        link,
        payload,
        state: PacketState::Planned,
        at: message.accepted,
        note: Reason::default(),
        ask: Time(0),
        taking_back: false,
        peer: None,
        charge: None,
        mails: Vec::new(),
    }
}
