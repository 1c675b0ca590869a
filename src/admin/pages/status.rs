//! What scripts and watchdogs ask: the state of the box in under two kilobytes.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Ask, Reply, modem};
use crate::admin::App;
use crate::admin::response::Response;

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

/// State for the script of the pages; 304 when nothing changed.
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
        let facts = ask.app.pulse.facts();
        let health = facts.link.unwrap_or_default();
        status.strip = ask.strip().into_iter().map(|light| (light.name, light.tone, light.words)).collect();
        status.link = modem::words(&health);
        status.satellite = health.last_satellite.map(|at| ask.face.moment(at).ago).unwrap_or_default();
        status.fix = health.fix.unwrap_or_default().chars().take(80).collect();
        status.line = facts.next_line;
    }
    // Strings and numbers always serialise.
    let body = serde_json::to_vec(&status).unwrap_or_default();
    let tag: String = Sha256::digest(&body).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{tag}\"");
    if ask.request.header("if-none-match") == Some(tag.as_str()) {
        return Ok(Response { status: 304, headers: vec![("ETag", tag)], body: Vec::new() });
    }
    let mut response = Response::json(body);
    response.headers.retain(|(name, _)| *name != "Cache-Control");
    Ok(response.with("ETag", tag).with("Cache-Control", "private, no-cache".to_owned()))
}

/// 200 when the store takes letters and no worker fails, else 503; no details for strangers.
pub fn health(app: &App) -> Response {
    let well = app.store.ledger().is_ok() && app.pulse.facts().failing.is_empty();
    if well { Response::text(200, "well\n") } else { Response::text(503, "not well\n") }
}
