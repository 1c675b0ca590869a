//! What a link held that its owner removed: nobody can ask it any more. Its packets may have left, so they are *unknown* until
//! the far box says whether it has them, their owner sends them again, or their time is over.

use std::collections::BTreeSet;
use std::time::Duration;

use compact::peer::PeerRules;

use super::{commit, explain, reconcile, session};
use crate::clock::Time;
use crate::engine::Context;
use crate::fault::Fault;
use crate::link::Driver;
use crate::message::reason::{LinkReason, Reason};
use crate::message::{GoneReason, Intent, LinkId, Packet, PacketState};
use crate::settings::Settings;
use crate::store::{PacketQueue, Tx, TxResult};

/// Packets that a link holds, or may hold.
///
/// # Errors
/// When the store fails.
pub fn held(tx: &Tx, link: LinkId) -> TxResult<usize> {
    Ok(tx.open_packets()?.iter().filter(|packet| may_hold(packet, link)).count())
}

fn may_hold(packet: &Packet, link: LinkId) -> bool {
    packet.link == link && packet.state != PacketState::Planned
}

/// Lets go of what a link holds, or may hold, because it is removed; `driver` where that is still known. What was only planned for
/// it waits for another link.
///
/// # Errors
/// When the store fails.
pub fn let_go(
    tx: &mut Tx,
    (link, name): (LinkId, &str),
    driver: Option<&Driver>,
    settings: &Settings,
    now: Time,
) -> TxResult<()> {
    let rules = session::rules(settings);
    let why: Reason = LinkReason::LinkRemoved { link: name.to_owned() }.into();
    // What a line had written when it closed arrives soon or never. Whether it cost something says nothing of that: what goes
    // again goes by another link.
    let line = driver.filter(|driver| driver.paired).map(|driver| driver.transit);
    for packet in tx.open_packets()?.into_iter().filter(|packet| may_hold(packet, link)) {
        in_doubt(tx, packet, line, &rules, &why, now)?;
    }
    Ok(())
}

/// Lets go of a packet that a link holds, or may hold: it is unknown from now on, for this reason. `transit` is how long it may
/// still be on its way, where that is known. Nothing happens to one that no link holds.
pub(super) fn in_doubt(
    tx: &mut Tx,
    packet: Packet,
    transit: Option<Duration>,
    rules: &PeerRules,
    why: &Reason,
    now: Time,
) -> TxResult<()> {
    let intent = match &packet.state {
        PacketState::Handing(intent) => intent.clone(),
        PacketState::Held(_) => Intent { at: packet.at, memo: String::new() },
        _ => return Ok(()),
    };
    // Nobody can say any more how long that link takes: it was told when the time of its messages is over.
    let mut until = now;
    for id in &packet.messages {
        until = until.max(tx.live(*id)?.map_or(now, |message| message.limit()));
    }
    let transit = transit.unwrap_or_else(|| until.since(now));
    let transit = i64::try_from(transit.as_millis()).unwrap_or(i64::MAX);
    let packet = Packet { state: PacketState::Handing(intent), taking_back: false, ..packet };
    commit::mark_unknown(tx, packet, &PeerRules { transit, ..*rules }, why, now)
}

/// Looks after what no link's worker looks after: packets of links that are gone are given up when nobody waits for them any
/// more, and messages say that there is no link in use, or that the one which has a part of them is switched off.
///
/// # Errors
/// When the store fails.
pub fn look_after(context: &Context) -> Result<(), Fault> {
    let links = context.store.links();
    if !links.iter().any(|link| link.on) {
        explain::without_link(context)?;
    }
    explain::switched_off(context)?;
    let now = context.now();
    let mut open = context.store.read(|view| view.open(PacketQueue::Outbox, Time::NEVER))?;
    open.extend(context.store.read(|view| view.open(PacketQueue::OnLink, Time::NEVER))?);
    let mut orphans: Vec<_> = open.into_iter().flatten().collect();
    orphans.retain(|packet| links.get(packet.link).is_none());
    // A hand-over may have ended a moment after its link was removed.
    let holds = |packet: &&Packet| matches!(packet.state, PacketState::Held(_) | PacketState::Handing(_));
    let late: BTreeSet<LinkId> = orphans.iter().filter(holds).map(|packet| packet.link).collect();
    if !late.is_empty() {
        let (links, settings) = (links.clone(), context.store.settings());
        let let_go = move |tx: &mut Tx, link: &LinkId| let_go(tx, (*link, &links.name(*link)), None, &settings, now);
        context.store.write(move |tx| late.iter().try_for_each(|link| let_go(tx, link)))?;
    }
    for packet in orphans {
        let mut group = commit::group_of(context, &packet)?;
        if matches!(packet.state, PacketState::Unknown(_)) && reconcile::is_over(&group, &packet, now) {
            let why: Reason = LinkReason::LinkRemoved { link: links.name(packet.link) }.into();
            let state = PacketState::Gone(GoneReason::GivenUp { why: Box::new(why.clone()) });
            group.put(Packet { state, at: now, ..packet });
            commit::close(context, &group, Some(LinkReason::TakenUnknown { why: Box::new(why) }))?;
        }
    }
    Ok(())
}
