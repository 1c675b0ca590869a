//! Says at messages that wait for the link what they wait for, and when they are looked at next: never a reason that is
//! over, never a time in the past.

use super::commit;
use crate::clock::Time;
use crate::engine::Context;
use crate::fault::Fault;
use crate::message::reason::{LinkBar, Waits};
use crate::message::{Id, PacketState, Reason, State, Way};
use crate::store::{PacketQueue, Queue};

/// Messages written in one commit.
const TOGETHER: usize = 200;

/// What a message waits for.
pub struct Why {
    /// What is in its way.
    pub why: Reason,
    /// Until when; `None` where nobody knows: it is looked at as its own times have it.
    pub until: Option<Time>,
}

/// Writes reasons of messages that wait for the link, and when each is looked at next.
///
/// # Errors
/// When the store fails.
pub fn write(context: &Context, news: Vec<(Id, Reason, Time)>) -> Result<(), Fault> {
    let now = context.now();
    for some in news.chunks(TOGETHER) {
        let some = some.to_vec();
        context.store.write(move |tx| {
            for (id, why, next) in &some {
                if tx.live(*id)?.is_some_and(|live| live.state == State::Queued && live.way == Way::Link) {
                    tx.explain(*id, now, why, *next)?;
                }
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Says at all messages for a link that this box has none in use.
///
/// # Errors
/// When the store fails.
pub fn without_link(context: &Context) -> Result<(), Fault> {
    let (policy, now, why) = (context.policy(), context.now(), Reason::from(Waits::NoLink));
    let mut news = Vec::new();
    for (_, id) in context.store.read(|view| view.line(Queue::Link))? {
        // An unreadable record is set aside when its time comes.
        let message = context.store.message(id).ok().flatten().filter(|message| message.reason != why);
        news.extend(message.map(|message| (id, why.clone(), policy.look_after(&message, now))));
    }
    write(context, news)
}

/// Says at messages of which a link that is switched off has a part that the rest waits for that link: it goes by no other one. The
/// same where no link is in use and one of them had planned them.
///
/// # Errors
/// When the store fails.
pub fn switched_off(context: &Context) -> Result<(), Fault> {
    let (policy, now, links) = (context.policy(), context.now(), context.store.links());
    let (mut news, any) = (Vec::new(), links.iter().any(|link| link.on));
    for packet in context.store.read(|view| view.open(PacketQueue::Outbox, Time::NEVER))?.into_iter().flatten() {
        let off = links.get(packet.link).filter(|link| !link.on && packet.state == PacketState::Planned);
        let Some(link) = off else { continue };
        if any && commit::group_of(context, &packet)?.is_unhanded() {
            continue;
        }
        let why = Reason::from(Waits::NoLinkMay { why: vec![(link.name.clone(), LinkBar::Off)] });
        for id in packet.messages {
            let message = context.store.message(id).ok().flatten().filter(|message| message.reason != why);
            news.extend(message.map(|message| (id, why.clone(), policy.look_after(&message, now))));
        }
    }
    write(context, news)
}
