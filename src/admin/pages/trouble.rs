//! What does not work at this moment, for whoever writes or reads.

use super::Ask;
use crate::admin::words::say;
use crate::clock::Time;
use crate::status::LinkStatus;

/// What does not work, in words for everybody; `None` while all of it does.
pub fn now(ask: &Ask) -> Option<String> {
    let (app, facts) = (ask.app, ask.app.status.facts());
    match &facts {
        _ if app.store.ledger().is_err() => Some(say!("health.why_store")),
        _ if app.store.read_only().is_some() => Some(say!("health.why_disk")),
        facts if !facts.failing.is_empty() => Some(say!("health.why_failing")),
        facts if facts.smtp.as_ref().is_some_and(|part| !part.is_ok()) => Some(say!("health.why_no_mail")),
        facts if facts.relay.as_ref().is_some_and(|part| !part.is_ok()) => Some(say!("health.why_relay")),
        _ if no_link(ask) && comes(ask).is_none() => Some(say!("health.why_link")),
        _ if !app.store.clock().believable() => Some(say!("health.why_clock")),
        _ => None,
    }
}

/// True while the box has links, and none of them works.
pub fn no_link(ask: &Ask) -> bool {
    ask.app.status.with(|facts| !facts.links.is_empty() && !facts.links.values().any(LinkStatus::is_ready))
}

/// When the first link comes back by its timetable, while none is there and each of them has one.
pub fn comes(ask: &Ask) -> Option<Time> {
    if !no_link(ask) {
        return None;
    }
    let links = ask.service.links();
    let next = links.iter().filter(|link| link.on).map(|link| link.schedule()?.next(ask.times.now));
    next.collect::<Option<Vec<_>>>()?.into_iter().min()
}
