//! The state of the box: for people, and for a watchdog.

use minijinja::context;

use super::{Ask, Reply};
use crate::admin::App;
use crate::admin::response::Response;
use crate::message::State;
use crate::settings::Key;
use crate::status::LinkStatus;
use crate::store::ListFilter;

/// Tells a person in one sentence whether everything works, and whom to tell if not.
pub fn show(ask: &Ask) -> Reply {
    let (app, facts) = (ask.app, ask.app.status.facts());
    let why = match &facts {
        _ if app.store.ledger().is_err() => Some("the box cannot read its own store"),
        _ if app.store.read_only().is_some() => Some("the box cannot write to its disk, and takes nothing in or out"),
        facts if !facts.failing.is_empty() => Some("a part of the box fails and is started again and again"),
        facts if facts.smtp.as_ref().is_some_and(|part| !part.is_ok()) => Some("the box takes no mail at present"),
        facts if facts.relay.as_ref().is_some_and(|part| !part.is_ok()) => {
            Some("mail to the internet waits, as the mail relay does not take it")
        }
        facts if !facts.links.is_empty() && !facts.links.values().any(LinkStatus::is_ready) => {
            Some("messages over the satellite wait, as the link is not ready")
        }
        _ if !app.store.clock().believable() => Some("the box does not know what time it is"),
        _ => None,
    };
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
    Ok(ask.page(200, "health.html", "", "Service status", context! { why, afloat, held => held.len() }))
}

/// Answers 200 when the store takes messages and no worker fails, else 503; no details for strangers.
pub fn health(app: &App) -> Response {
    let ok = app.store.ledger().is_ok() && app.store.read_only().is_none() && app.status.facts().failing.is_empty();
    if ok { Response::text(200, "ok\n") } else { Response::text(503, "failing\n") }
}
