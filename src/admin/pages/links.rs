//! The links: all of them, and each with its state, figures, pictures, settings, budget and console.

use std::path::Path;
use std::time::Duration;

use minijinja::{Value, context};

use super::{Ask, Reply, login, settings, vendor};
use crate::admin::auth::{self, Session};
use crate::admin::response::Response;
use crate::admin::service::{Action, link_settings};
use crate::admin::words::{say, word};
use crate::admin::{chart, strip};
use crate::clock::Time;
use crate::engine::link::equipment;
use crate::fault::Fault;
use crate::intake::{self, ComposeForm};
use crate::link::contact::named;
use crate::link::{DRIVERS, Driver, Health, OF_EVERY_LINK, Series, driver};
use crate::links::{LinkRecord, Unit};
use crate::message::Reason;
use crate::message::reason::{Contact, DeviceReason};
use crate::message::words::contact::At;
use crate::money::Use;
use crate::settings::{Key, Settings};
use crate::status::{LinkStatus, LiveStatus, Plugged};
use crate::sys::ports;

/// How long the console takes lines after the password was given again.
const UNLOCKED: Duration = Duration::from_secs(600);
/// Lines that the page shows at first.
const SHOWN: usize = 60;
/// Longest line to the modem, in bytes.
const LINE_MOST: usize = 500;
/// Commands that cost money, forget messages or stop the modem: they are asked about once more.
const GRAVE: [&str; 6] = ["$TD", "$RS", "$PO", "$SL", "$MT D", "$MM D"];

/// Shows all links, and the form that adds one.
pub fn list(ask: &Ask, status: u16, error: &str) -> Reply {
    let (facts, form) = (ask.app.status.facts(), &ask.request.form);
    let links: Vec<_> = ask
        .service
        .links()
        .iter()
        .map(|link| {
            let live = facts.links.get(&link.id);
            context! {
                name => link.name, driver => link.driver, on => link.on,
                ready => live.is_some_and(LinkStatus::is_ready),
                words => if link.on { live.and_then(|live| live.health.as_ref()).map(|health| ask.times.local(&words(health))) } else { None },
                price => price_words(ask, link),
            }
        })
        .collect();
    let drivers: Vec<_> =
        DRIVERS.iter().map(|driver| context! { name => driver.name, about => driver.about }).collect();
    let plugged = plugged(ask);
    let values = context! { error, links, plugged, takers => takers(), drivers, name => form.get("name"), driver => form.get("driver") };
    Ok(ask.page(status, "links.html", "links", &say!("common.links"), values))
}

/// What is plugged in that no link has, for the pages; of a modem also the driver of the link that fits.
pub fn plugged(ask: &Ask) -> Vec<Value> {
    let row = |(path, it): (&String, &Plugged)| {
        let driver = match &it.contact {
            Contact::Modem { driver, .. } => Some(driver.clone()),
            _ => None,
        };
        context! { path, name => it.name, about => it.about, words => At(path, &it.contact).to_string(), driver }
    };
    ask.app.status.facts().plugged.iter().map(row).collect()
}

/// Programs that run here and take serial ports away: name, and what to do.
pub fn takers() -> Vec<(&'static str, &'static str)> {
    ports::takers().into_iter().map(|taker| (taker.name, taker.cure)).collect()
}

/// What a link charges, in a few words; `None` where nobody wrote it.
fn price_words(ask: &Ask, link: &LinkRecord) -> Option<String> {
    let price = link.price()?;
    let amount = super::costs::amount(ask, price.each);
    let words = match price.unit {
        _ if price.is_nothing() => say!("link.free"),
        Unit::Free => say!("link.free"),
        Unit::Packet => say!("link.each_packet", amount = amount),
        Unit::Credit => say!("link.for_each_50_bytes", amount = amount),
        Unit::Byte => say!("link.each_byte", amount = amount),
        Unit::Session => say!("link.each_session", amount = amount),
    };
    let beyond = if price.is_nothing() { 0 } else { price.free };
    Some(if beyond > 0 { say!("link.beyond_in_a_month", words = words, beyond = beyond) } else { words })
}

/// Shows one link: state, history, settings and budget, and its console where it has one.
pub fn one(ask: &Ask, name: &str, status: u16, error: &str) -> Reply {
    let Ok(link) = ask.service.link(name) else { return Ok(ask.sorry(404, &say!("link.there_is_no_link"))) };
    let driver = driver(&link.driver);
    let facts = ask.app.status.facts();
    let from = ask.times.now - Duration::from_secs(86_400);
    let answers = facts.links.get(&link.id).and_then(|live| live.health.as_ref()).is_some_and(Health::answers);
    let mut charts = Vec::new();
    for scale in [chart::BARS, chart::NOISE, chart::RSSI, chart::TEMPERATURE] {
        let samples = ask.app.store.read(|view| view.samples(link.id, scale.series, from))?;
        if !samples.is_empty() {
            charts.push(chart::day(&scale, &samples, &ask.times, answers));
        }
    }
    let mine: Vec<_> = facts.lines.iter().filter(|(_, line)| line.link == link.id).collect();
    let lines: Vec<_> = mine[mine.len().saturating_sub(SHOWN)..]
        .iter()
        .map(|(_, line)| context! { at => ask.times.clock(line.at), sent => line.sent, text => line.text })
        .collect();
    let today = ask.app.store.today();
    let month = today.get(..7).unwrap_or_default();
    let (day, month) =
        ask.app.store.read(|view| Ok((view.charged(link.id, &today)?, view.charged(link.id, month)?)))?;
    let used = |used: Use| context! { packets => used.packets, money => super::costs::sum(ask, used.money) };
    let live = facts.links.get(&link.id);
    let test = driver.and_then(|driver| driver.contact.as_ref()).map(|_| test(ask, live)).transpose()?;
    let notes = ask.app.store.read(|view| view.samples(link.id, Series::Ready.word(), strip::since(ask.times.now)))?;
    let error = driver.map_or_else(|| error.to_owned(), |driver| heading(ask, driver, error));
    let values = context! {
        noise => charts.iter().any(|chart| chart.title == word(chart::NOISE.title)),
        error, charts, lines, test,
        week => strip::week(&notes, &ask.times),
        once => auth::once("")?,
        name => link.name, driver => link.driver, about => driver.map(|driver| driver.about), on => link.on,
        console => driver.is_some_and(|driver| driver.console),
        price => price_words(ask, &link), day => used(day), month => used(month),
        failing => facts.failing.get(&format!("link {}", link.name)),
        hears_itself => hears_itself(ask, &facts, &link),
        silent => live.map(|live| live.silent.iter().map(|silent| ask.times.local(&silent.words())).collect::<Vec<_>>()),
        fields => driver.map(|driver| fields(ask, &link, driver)),
        vendor => driver.and_then(|driver| vendor::of(ask, &link, driver)),
        link => live.and_then(|live| figures(ask, live)),
        next => facts.next_line,
        unlocked => unlocked(ask).then(|| ask.times.moment(ask.visitor.session.unlocked)),
        typed => if error.is_empty() { "" } else { ask.request.form.get("line") },
        grave => is_grave(ask.request.form.get("line")),
    };
    Ok(ask.page(status, "link.html", "links", &say!("link.link", name = link.name), values))
}

/// That a link hears a modem of this box, and what to do.
pub fn hears_itself(ask: &Ask, facts: &LiveStatus, link: &LinkRecord) -> Option<String> {
    let modem = equipment::hears_itself(&ask.app.store, facts, link)?;
    Some(say!("link.hears_itself", name = link.name, modem = modem.shown()))
}

/// The test of a link with a modem: what is known for nothing, and what one message would cost that is paid.
fn test(ask: &Ask, live: Option<&LinkStatus>) -> Result<Value, Fault> {
    let health = live.and_then(|live| live.health.as_ref());
    let to = ask.request.query.get("test").trim().to_owned();
    let text = say!("link.a_test_message_from", name = ask.settings.text(Key::BoxName));
    let sheet =
        ComposeForm { to: to.clone(), subject: say!("common.test"), text: text.clone(), ..ComposeForm::default() };
    let looked = (!to.is_empty()).then(|| intake::preview(&ask.app.context, &ask.visitor.person, &sheet));
    let (costs, why) = match looked {
        None => (Vec::new(), None),
        Some(Ok(previews)) => (previews.iter().map(|preview| super::compose::row(ask, preview)).collect(), None),
        Some(Err(Fault::Permanent(why))) => (Vec::new(), Some(why.to_string())),
        Some(Err(fault)) => return Err(fault),
    };
    let once = auth::once("")?;
    Ok(context! { free => health.map(Health::without_cost), to, text, costs, why, once })
}

/// Settings of every link that each owner looks at; pages fold the others away until one of them is set, or wrong.
const COMMON: [Key; 2] = [Key::LinkUnit, Key::LinkPrice];

/// What stands at the top of the form of a link: how many fields need another value, or what concerns the whole of it.
pub fn heading(ask: &Ask, driver: &Driver, error: &str) -> String {
    let form = (!error.is_empty()).then_some(&ask.request.form);
    let of_link = |name: &str| link_settings(driver).any(|row| row.name == name);
    // What holds now has nothing to do with what is wrong by itself.
    let wrong = form.map(|form| ask.service.problems(&settings::read(form, of_link, &Settings::default()).pairs));
    wrong.and_then(|problems| settings::heading(&problems)).unwrap_or_else(|| error.to_owned())
}

/// The settings of a link as fields of a form, those that few touch apart; after an error with what was typed.
pub fn fields(ask: &Ask, link: &LinkRecord, driver: &Driver) -> Value {
    let own = link.settings(&Default::default());
    let posted = (!ask.request.form.pairs().is_empty()).then_some(&ask.request.form);
    let of_link = |name: &str| link_settings(driver).any(|row| row.name == name);
    let changes = posted.map(|form| settings::read(form, of_link, &own)).unwrap_or_default();
    let mut problems = ask.service.problems(&changes.pairs);
    problems.extend(changes.said());
    let is_rare = |key: &Key| OF_EVERY_LINK.contains(key) && !COMMON.contains(key);
    let (rare, common): (Vec<_>, Vec<_>) = link_settings(driver).partition(|setting| is_rare(&setting.key));
    let wrong = |name: &str| problems.iter().any(|(known, _)| known == name);
    let open = rare.iter().any(|setting| own.text(setting.key) != setting.default || wrong(setting.name));
    let field = |setting| settings::field_with(ask, setting, &own, posted, &problems);
    context! {
        common => common.into_iter().map(field).collect::<Vec<_>>(),
        rare => rare.into_iter().map(field).collect::<Vec<_>>(), open,
        carried => settings::carried(of_link, &own, posted, &changes),
    }
}

/// Adds a link.
pub fn add(ask: &Ask) -> Reply {
    let form = &ask.request.form;
    if let Some(port) = form.find("port") {
        return add_plugged(ask, port);
    }
    let (name, driver) = (form.get("name").trim().to_owned(), form.get("driver").to_owned());
    let name = if name.is_empty() { driver.clone() } else { name };
    match ask.service.add_link(&name, &driver, &[]) {
        Ok(link) => ask.done(&format!("/links/{}", link.name), say!("link.added")),
        Err(Fault::Permanent(why)) => list(ask, 422, &why.to_string()),
        Err(fault) => Err(fault),
    }
}

/// Adds the link that fits the modem at a port, with its port and what such a modem charges for.
fn add_plugged(ask: &Ask, path: &str) -> Reply {
    let facts = ask.app.status.facts();
    let found = facts.plugged.get(path);
    let fits = found.and_then(|it| match &it.contact {
        Contact::Modem { driver: name, .. } => driver(name).zip(driver(name)?.contact.as_ref()).map(|fits| (it, fits)),
        _ => None,
    });
    let Some((it, (row, contact))) = fits else {
        return list(ask, 409, &say!("link.there_is_no_modem"));
    };
    let all = ask.service.links();
    let device = Path::new(path).canonicalize().ok();
    let has = |link: &LinkRecord| named(&link.settings(&Settings::default())).any(|port| Some(port) == device);
    if let Some(link) = all.iter().find(|link| has(link)) {
        return list(ask, 409, &say!("link.link_has_this_port", name = link.name));
    }
    let is_free = |name: &String| all.iter().all(|link| link.name != *name);
    let names = std::iter::once(row.name.to_owned()).chain((2..).map(|number| format!("{}-{number}", row.name)));
    // One of more names than there are links is free.
    let name = names.take(all.len() + 1).find(is_free).unwrap_or_default();
    let setting = |key: Key| crate::settings::row(key).name.to_owned();
    let pairs = [(setting(contact.port), it.name.clone())];
    match ask.service.add_link(&name, row.name, &pairs) {
        Ok(_) if ask.request.form.ticked("setup") => ask.done("/setup/link?test=1", say!("link.added_now_its_price")),
        Ok(link) => ask.done(&format!("/links/{}", link.name), say!("link.added_price_then_test")),
        Err(Fault::Permanent(why)) => list(ask, 422, &why.to_string()),
        Err(fault) => Err(fault),
    }
}

/// Changes the settings of a link as the form says; gives one sentence for each that is different now.
///
/// # Errors
/// Permanent when somebody else has changed one of them meanwhile; else as [`crate::admin::service::Service::set_link`].
pub fn set(ask: &Ask, name: &str) -> Result<Vec<String>, Fault> {
    let of_links = |name: &str| crate::settings::find(name).is_ok_and(|row| row.is_of_links());
    let own = ask.service.link(name)?.settings(&Settings::default());
    let changes = settings::read(&ask.request.form, of_links, &own);
    ask.service.set_link(name, &changes.agreed()?)
}

/// Saves the settings of a link.
pub fn save(ask: &Ask, name: &str) -> Reply {
    match set(ask, name) {
        Ok(said) => ask.done(&format!("/links/{name}"), settings::saved(&said)),
        Err(Fault::Permanent(why)) => one(ask, name, 422, &why.to_string()),
        Err(fault) => Err(fault),
    }
}

/// Switches a link on or off, or removes it, as the button says.
pub fn act(ask: &Ask, name: &str, what: &str) -> Reply {
    let done = match what {
        "on" => ask.service.switch_link(name, true),
        "off" => ask.service.switch_link(name, false),
        "remove" => ask.service.remove_link(name, ask.request.form.ticked("sure")),
        _ => return Ok(ask.sorry(404, &say!("error.there_is_nothing_here"))),
    };
    match done {
        Ok(()) if what == "remove" => ask.done("/links", say!("link.is_removed", name = name)),
        Ok(()) if what == "on" => ask.done(&format!("/links/{name}"), say!("link.is_on", name = name)),
        Ok(()) => ask.done(&format!("/links/{name}"), say!("link.is_off", name = name)),
        Err(Fault::Permanent(why)) => one(ask, name, 422, &why.to_string()),
        Err(fault) => Err(fault),
    }
}

/// Gives what is known of the modem, for people. Of one that does not answer, that is what was known when it last did.
pub fn figures(ask: &Ask, live: &LinkStatus) -> Option<Value> {
    let health = live.health.as_ref()?;
    let stale = !health.ready && health.position.is_some();
    Some(context! {
        stale => stale.then(|| ask.times.moment(live.up.since)),
        ready => health.ready,
        words => ask.times.local(&words(health)),
        port => health.port,
        device => health.device.map(|device| format!("{device} ({})", device.number())),
        firmware => health.firmware,
        position => health.position.map(|(lat, lon, _)| coordinates(lat, lon)),
        altitude => health.position.map(|(_, _, altitude)| say!("link.metres", altitude = format!("{altitude:.0}"))),
        fix => health.fix.as_ref().filter(|_| !stale).map(ToString::to_string),
        satellite => health.last_satellite.map(|at| ask.times.moment(at)),
        waiting => health.waiting,
        garbled => health.garbled,
        reopened => health.reopened,
    })
}

/// True for a link with a modem here.
pub fn has_modem(of: &str) -> bool {
    driver(of).is_some_and(|row| row.console || row.contact.is_some())
}

/// True for a link that is not ready and needs somebody: a modem here, or whatever is the only way. A line beside a way that is
/// ready comes and goes by itself.
pub fn needs_somebody(facts: &LiveStatus, link: &LinkStatus) -> bool {
    let away = link.health.as_ref().is_some_and(|health| !health.ready);
    away && (has_modem(&link.driver) || !facts.links.values().any(LinkStatus::is_ready))
}

/// Gives what the link says of itself, as a sentence below its badge.
pub fn words(health: &Health) -> String {
    match &health.state {
        Reason::Device(DeviceReason::Ready) => say!("link.messages_can_be_sent"),
        state => state.to_string().chars().take(300).collect(),
    }
}

/// Degrees as on a chart.
pub fn coordinates(lat: f64, lon: f64) -> String {
    let (ns, ew) = (if lat < 0.0 { 'S' } else { 'N' }, if lon < 0.0 { 'W' } else { 'E' });
    format!("{:.4}\u{b0}\u{a0}{ns}, {:.4}\u{b0}\u{a0}{ew}", lat.abs(), lon.abs())
}

/// Gives the console lines after `?after=N`, for the script.
pub fn lines(ask: &Ask, name: &str) -> Response {
    let facts = ask.app.status.facts();
    let id = ask.service.link(name).map(|link| link.id).ok();
    let after: u64 = ask.request.query.get("after").parse().unwrap_or_default();
    // A number from before a restart of the box: start over.
    let after = if after > facts.next_line { 0 } else { after };
    let lines: Vec<_> = facts
        .lines
        .iter()
        .filter(|(number, line)| *number >= after && Some(line.link) == id)
        .map(|(_, line)| (ask.times.clock(line.at), line.sent, line.text.as_str()))
        .collect();
    let body = serde_json::json!({ "next": facts.next_line, "lines": lines });
    Response::json(body.to_string().into_bytes())
}

/// Opens the console for ten minutes, for the one who knows the password.
pub fn unlock(ask: &Ask, name: &str) -> Reply {
    if let Err(wait) = ask.app.try_once(ask.request, ask.me()) {
        return one(ask, name, 429, &login::too_many(wait));
    }
    if !ask.service.is_own_password(ask.request.form.get("password")) {
        return one(ask, name, 422, &say!("link.the_password_is_wrong"));
    }
    ask.app.was_right(ask.request, ask.me());
    set_unlocked(ask, Action::UnlockConsole, "unlocked for ten minutes", ask.times.now + UNLOCKED)?;
    ask.done(&format!("/links/{name}#console"), say!("link.the_console_takes_lines"))
}

/// Closes it before that.
pub fn lock(ask: &Ask, name: &str) -> Reply {
    set_unlocked(ask, Action::LockConsole, "locked", Time(0))?;
    ask.done(&format!("/links/{name}#console"), say!("link.console_locked_now"))
}

/// Sends a line to the modem.
pub fn send(ask: &Ask, name: &str) -> Reply {
    let line = ask.request.form.get("line").trim();
    if !unlocked(ask) {
        return one(ask, name, 403, &say!("link.console_is_locked"));
    }
    if line.is_empty() || line.len() > LINE_MOST || line.chars().any(|c| !(' '..='~').contains(&c)) {
        return one(ask, name, 422, &say!("link.a_line_to_the"));
    }
    if is_grave(line) && !ask.request.form.ticked("sure") {
        return one(ask, name, 422, &say!("link.grave"));
    }
    let Ok(link) = ask.service.link(name) else { return Ok(ask.sorry(404, &say!("link.there_is_no_link"))) };
    if !ask.service.console_line(line, &auth::once_of(ask.request))? {
        return ask.done(&format!("/links/{name}#console"), say!("link.this_line_was_sent"));
    }
    if !ask.app.status.console_send(link.id, line.to_owned()) {
        return one(ask, name, 503, &say!("link.sixteen_lines_wait_for"));
    }
    ask.done(&format!("/links/{name}#console"), say!("link.the_line_is_on"))
}

fn is_grave(line: &str) -> bool {
    let line = line.trim().trim_start_matches('$').to_ascii_uppercase();
    GRAVE.iter().any(|grave| line.starts_with(&grave[1..]))
}

fn unlocked(ask: &Ask) -> bool {
    ask.visitor.session.unlocked > ask.times.now
}

fn set_unlocked(ask: &Ask, action: Action, words: &str, until: Time) -> Result<(), Fault> {
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
