//! The modem: state, figures, pictures, and the console.

use std::time::Duration;

use minijinja::context;

use super::{Ask, Reply, login};
use crate::admin::auth::{self, Session};
use crate::admin::chart;
use crate::admin::response::Response;
use crate::admin::service::Action;
use crate::clock::Time;
use crate::link::Health;
use crate::message::Reason;
use crate::message::reason::DeviceReason;

/// How long the console takes lines after the password was given again.
const UNLOCKED: Duration = Duration::from_secs(600);
/// Lines that the page shows at first.
const SHOWN: usize = 60;
/// Longest line to the modem, in bytes.
const LINE_MOST: usize = 500;
/// Commands that cost money, forget messages or stop the modem: they are asked about once more.
const GRAVE: [&str; 6] = ["$TD", "$RS", "$PO", "$SL", "$MT D", "$MM D"];

/// Shows the page.
pub fn show(ask: &Ask, status: u16, error: &str) -> Reply {
    let facts = ask.app.status.facts();
    let from = ask.times.now - Duration::from_secs(86_400);
    let mut charts = Vec::new();
    for scale in [chart::NOISE, chart::RSSI, chart::TEMPERATURE] {
        let samples = ask.app.store.read(|view| view.samples(scale.series, from))?;
        charts.push(chart::day(&scale, &samples, &ask.times));
    }
    let skip = facts.lines.len().saturating_sub(SHOWN);
    let lines: Vec<_> = facts
        .lines
        .iter()
        .skip(skip)
        .map(|(_, line)| context! { at => ask.times.clock(line.at), sent => line.sent, text => line.text })
        .collect();
    let values = context! {
        error, charts, lines,
        driver => ask.settings.text(crate::settings::Key::LinkDriver),
        link => facts.link.as_ref().map(|health| figures(ask, health)),
        next => facts.next_line,
        unlocked => unlocked(ask).then(|| ask.times.moment(ask.visitor.session.unlocked)),
        typed => if error.is_empty() { "" } else { ask.request.form.get("line") },
        grave => is_grave(ask.request.form.get("line")),
    };
    Ok(ask.page(status, "modem.html", "modem", "Modem", values))
}

/// Gives what is known of the modem, for people.
pub fn figures(ask: &Ask, health: &Health) -> minijinja::Value {
    context! {
        ready => health.ready,
        words => words(health),
        port => health.port,
        device => health.device.map(|device| format!("{device} ({})", device.number())),
        firmware => health.firmware,
        position => health.position.map(|(lat, lon, _)| coordinates(lat, lon)),
        altitude => health.position.map(|(_, _, altitude)| format!("{altitude:.0} m")),
        fix => health.fix.as_ref().map(ToString::to_string),
        satellite => health.last_satellite.map(|at| ask.times.moment(at)),
        waiting => health.waiting,
        garbled => health.garbled,
        reopened => health.reopened,
    }
}

/// Gives what the link says of itself, as a sentence below its badge.
pub fn words(health: &Health) -> String {
    match &health.state {
        Reason::Device(DeviceReason::Ready) => "Messages can be sent.".to_owned(),
        state => state.to_string().chars().take(300).collect(),
    }
}

/// Degrees as on a chart.
fn coordinates(lat: f64, lon: f64) -> String {
    let (ns, ew) = (if lat < 0.0 { 'S' } else { 'N' }, if lon < 0.0 { 'W' } else { 'E' });
    format!("{:.4}\u{b0}\u{a0}{ns}, {:.4}\u{b0}\u{a0}{ew}", lat.abs(), lon.abs())
}

/// Gives the console lines after `?after=N`, for the script.
pub fn lines(ask: &Ask) -> Response {
    let facts = ask.app.status.facts();
    let after: u64 = ask.request.query.get("after").parse().unwrap_or_default();
    // A number from before a restart of the box: start over.
    let after = if after > facts.next_line { 0 } else { after };
    let lines: Vec<_> = facts
        .lines
        .iter()
        .filter(|(number, _)| *number >= after)
        .map(|(_, line)| (ask.times.clock(line.at), line.sent, line.text.as_str()))
        .collect();
    let body = serde_json::json!({ "next": facts.next_line, "lines": lines });
    Response::json(body.to_string().into_bytes())
}

/// Opens the console for ten minutes, for the one who knows the password.
pub fn unlock(ask: &Ask) -> Reply {
    if let Err(wait) = ask.app.try_once(ask.request, ask.me()) {
        return show(ask, 429, &login::too_many(wait));
    }
    if !ask.service.is_own_password(ask.request.form.get("password")) {
        return show(ask, 422, "The password is wrong.");
    }
    ask.app.was_right(ask.request, ask.me());
    set_unlocked(ask, Action::UnlockConsole, "unlocked for ten minutes", ask.times.now + UNLOCKED)?;
    ask.done("/modem#console", "The console takes lines for ten minutes.")
}

/// Closes it before that.
pub fn lock(ask: &Ask) -> Reply {
    set_unlocked(ask, Action::LockConsole, "locked", Time(0))?;
    ask.done("/modem#console", "The console is locked.")
}

/// Sends a line to the modem.
pub fn send(ask: &Ask) -> Reply {
    let line = ask.request.form.get("line").trim();
    if !unlocked(ask) {
        return show(ask, 403, "The console is locked: give your password first.");
    }
    if line.is_empty() || line.len() > LINE_MOST || line.chars().any(|c| !(' '..='~').contains(&c)) {
        return show(ask, 422, "A line to the modem is 1 to 500 printable ASCII characters.");
    }
    if is_grave(line) && !ask.request.form.ticked("sure") {
        let why = "This line costs money, forgets messages or stops the modem. Tick the box if you mean it.";
        return show(ask, 422, why);
    }
    ask.service.console_line(line)?;
    if !ask.app.status.console_send(line.to_owned()) {
        return show(ask, 503, "Sixteen lines wait for the modem already. Is it there at all?");
    }
    ask.done("/modem#console", "The line is on its way to the modem.")
}

fn is_grave(line: &str) -> bool {
    let line = line.trim().trim_start_matches('$').to_ascii_uppercase();
    GRAVE.iter().any(|grave| line.starts_with(&grave[1..]))
}

fn unlocked(ask: &Ask) -> bool {
    ask.visitor.session.unlocked > ask.times.now
}

fn set_unlocked(ask: &Ask, action: Action, words: &str, until: Time) -> Result<(), crate::fault::Fault> {
    let session = Session { unlocked: until, ..ask.visitor.session.clone() };
    ask.service.session(action, "", words, &ask.visitor.hash, Some(auth::bytes(&session)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grave_lines_are_known_and_places_read_like_a_chart() {
        assert!(is_grave("$TD 00") && is_grave(" td 00") && is_grave("$rs") && is_grave("$MT D=U"));
        assert!(!is_grave("$CS") && !is_grave("$MT C=U") && !is_grave(""));
        assert_eq!(coordinates(38.7, -9.1), "38.7000\u{b0}\u{a0}N, 9.1000\u{b0}\u{a0}W");
    }
}
