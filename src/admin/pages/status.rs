//! The state of the box: for people, and for a watchdog.

use minijinja::context;

use super::{Ask, Reply};
use crate::admin::App;
use crate::admin::response::Response;
use crate::admin::words::say;
use crate::engine::actions::waits_for_budget;
use crate::message::State;
use crate::settings::Key;
use crate::status::LinkStatus;
use crate::store::ListFilter;

/// What does not work, in words for everybody; `None` while all of it does.
pub fn trouble(ask: &Ask) -> Option<String> {
    let (app, facts) = (ask.app, ask.app.status.facts());
    match &facts {
        _ if app.store.ledger().is_err() => Some(say!("health.why_store")),
        _ if app.store.read_only().is_some() => Some(say!("health.why_disk")),
        facts if !facts.failing.is_empty() => Some(say!("health.why_failing")),
        facts if facts.smtp.as_ref().is_some_and(|part| !part.is_ok()) => Some(say!("health.why_no_mail")),
        facts if facts.relay.as_ref().is_some_and(|part| !part.is_ok()) => Some(say!("health.why_relay")),
        _ if no_link(ask) => Some(say!("health.why_link")),
        _ if !app.store.clock().believable() => Some(say!("health.why_clock")),
        _ => None,
    }
}

/// True while the box has links, and none of them works.
pub fn no_link(ask: &Ask) -> bool {
    let facts = ask.app.status.facts();
    !facts.links.is_empty() && !facts.links.values().any(LinkStatus::is_ready)
}

/// Tells a person in one sentence whether everything works, and whom to tell if not.
pub fn show(ask: &Ask) -> Reply {
    let (app, why) = (ask.app, trouble(ask));
    let afloat = super::position::here(ask).is_some();
    let held = app.store.read(|view| {
        let filter = ListFilter {
            states: vec![State::Held],
            person: Some(ask.me().to_owned()),
            domain: ask.settings.text(Key::Domain).to_owned(),
            limit: 100,
            ..ListFilter::default()
        };
        view.list(&filter)
    })?;
    let for_budget = held.iter().filter(|message| waits_for_budget(message)).count();
    let held = held.len() - for_budget;
    Ok(ask.page(200, "health.html", "", &say!("common.service_status"), context! { why, afloat, held, for_budget }))
}

/// Answers 200 when the store takes messages and no worker fails, else 503; no details for strangers.
pub fn health(app: &App) -> Response {
    let ok = app.store.ledger().is_ok() && app.store.read_only().is_none() && app.status.facts().failing.is_empty();
    if ok { Response::text(200, "ok\n") } else { Response::text(503, "failing\n") }
}
