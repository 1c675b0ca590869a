//! The state of the box: for people, and for a watchdog.

use minijinja::context;

use super::{Ask, Reply};
use crate::admin::App;
use crate::admin::response::Response;
use crate::admin::words::say;
use crate::engine::actions::waits_for_budget;
use crate::message::State;
use crate::settings::Key;
use crate::store::ListFilter;

/// Tells a person in one sentence whether everything works, and whom to tell if not.
pub fn show(ask: &Ask) -> Reply {
    let (app, why) = (ask.app, super::trouble::now(ask));
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
