//! The state of the box: for the script of the pages, for people, and for a watchdog.

use minijinja::context;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Ask, Reply, links};
use crate::admin::App;
use crate::admin::response::Response;
use crate::message::State;
use crate::settings::Key;
use crate::status::LinkStatus;
use crate::store::ListFilter;

#[derive(Serialize)]
struct Status {
    /// Tone and words of the status strip.
    strip: Vec<(&'static str, &'static str, String)>,
    /// One sentence about the link.
    link: String,
    /// Last satellite heard, in words.
    satellite: String,
    /// GPS fix in words.
    fix: String,
    /// Number that the next console line gets.
    line: u64,
    unread: usize,
}

/// Gives the state to the script of the pages; 304 when nothing changed.
pub fn json(ask: &Ask) -> Reply {
    let unread = ask.app.store.read(|view| view.unread(ask.me()))?;
    let mut status = Status {
        strip: Vec::new(),
        link: String::new(),
        satellite: String::new(),
        fix: String::new(),
        line: 0,
        unread,
    };
    if ask.operator() {
        let facts = ask.app.status.facts();
        // The page of a link tells of this one, all others of the first that is driven.
        let named = ask.service.link(ask.request.query.get("link")).map(|link| link.id).ok();
        let shown = named.and_then(|id| facts.links.get(&id)).or_else(|| facts.links.values().next());
        let health = shown.and_then(|link| link.health.clone()).unwrap_or_default();
        status.strip = ask.strip().into_iter().map(|light| (light.name, light.tone, light.words)).collect();
        status.link = links::words(&health);
        status.satellite = health.last_satellite.map(|at| ask.times.moment(at).ago).unwrap_or_default();
        status.fix = health.fix.map(|fix| fix.to_string().chars().take(80).collect()).unwrap_or_default();
        status.line = facts.next_line;
    }
    // Strings and numbers always serialise.
    let body = serde_json::to_vec(&status).unwrap_or_default();
    let tag = crate::hex::encode(&Sha256::digest(&body)[..8]);
    let tag = format!("\"{tag}\"");
    if ask.request.header("if-none-match") == Some(tag.as_str()) {
        return Ok(Response { status: 304, headers: vec![("ETag", tag)], body: Vec::new() });
    }
    let mut response = Response::json(body);
    response.headers.retain(|(name, _)| *name != "Cache-Control");
    Ok(response.with("ETag", tag).with("Cache-Control", "private, no-cache".to_owned()))
}

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
    Ok(ask.page(200, "health.html", "", "Service status", context! { why, held => held.len() }))
}

/// Answers 200 when the store takes messages and no worker fails, else 503; no details for strangers.
pub fn health(app: &App) -> Response {
    let ok = app.store.ledger().is_ok() && app.store.read_only().is_none() && app.status.facts().failing.is_empty();
    if ok { Response::text(200, "ok\n") } else { Response::text(503, "failing\n") }
}
