//! The front page: how everything stands, and what needs somebody.

use std::time::Duration;

use minijinja::{Value, context};
use serde::Serialize;

use super::messages::tone;
use super::{Ask, Reply, links, quarantine, queue, setup};
use crate::admin::chart;
use crate::message::LinkId;
use crate::settings::Key;
use crate::status::{LinkStatus, LiveStatus};

const EVENTS: usize = 10;

/// Something that needs somebody.
#[derive(Debug, Serialize)]
struct Need {
    /// `danger`, `warn`, or nothing for what goes on by itself.
    class: &'static str,
    words: String,
    /// Where it is cured, and the words of the button.
    href: &'static str,
    button: &'static str,
}

/// Shows the page.
pub fn show(ask: &Ask) -> Reply {
    let facts = ask.app.status.facts();
    let from = ask.times.now - Duration::from_secs(86_400);
    // The tiles of a modem are those of the first link that has one.
    let modem = ask.service.links().into_iter().find(|link| links::has_modem(&link.driver));
    let first = modem.clone().or_else(|| ask.service.links().into_iter().next());
    let id = first.map_or(LinkId::FIRST, |link| link.id);
    let events = ask.app.store.read(|view| view.events(EVENTS))?;
    let ledger = ask.app.store.ledger()?;
    // A modem tells bars, or the noise at its antenna.
    let bars = ask.app.store.read(|view| view.samples(id, chart::BARS.series, from))?;
    let signal = match bars.is_empty() {
        false => chart::day(&chart::BARS, &bars, &ask.times),
        true => {
            let noise = ask.app.store.read(|view| view.samples(id, chart::NOISE.series, from))?;
            chart::day(&chart::NOISE, &noise, &ask.times)
        }
    };
    let queue = queue::look(ask.app);
    let states: Vec<_> = queue
        .states
        .iter()
        .map(|(state, count, oldest)| {
            context! { state => state.words(), tone => tone(*state), count, oldest => ask.times.moment(*oldest) }
        })
        .collect();
    let events: Vec<_> = events
        .iter()
        // What the settings are is the owner's.
        .filter(|event| ask.owner() || event.part != "settings")
        .map(|event| {
            context! { at => ask.times.moment(event.at), part => event.part, words => event.kind.to_string(), alarm => event.alarm }
        })
        .collect();
    let totals: Vec<_> =
        ledger.books.iter().map(|(origin, totals)| context! { origin, totals, balance => totals.balance() }).collect();
    let values = context! {
        needs => needs(ask, &facts, &queue),
        steps => if ask.owner() { setup::open_steps(ask)? } else { Vec::new() },
        link => facts.links.get(&id).and_then(|live| links::figures(ask, live)),
        modem => modem.as_ref().map(|link| link.name.as_str()),
        links => ask.service.links().iter().map(|link| {
            let live = facts.links.get(&link.id);
            context! {
                name => link.name, on => link.on, ready => live.is_some_and(LinkStatus::is_ready),
                words => live.and_then(|live| live.health.as_ref()).map(links::words),
            }
        }).collect::<Vec<_>>(),
        signal => modem.is_some().then_some(signal),
        place => super::position::here(ask),
        states, stuck => queue.stuck(&facts), waiting => queue.waiting, held => queue.held,
        smtp => facts.smtp.as_ref().map(|part| part_of(ask, part)),
        relay => facts.relay.as_ref().map(|part| part_of(ask, part)),
        texts => facts.texts.as_ref().map(|part| part_of(ask, part)),
        texts_heard => facts.texts_heard.map(|at| ask.times.moment(at)),
        texts_refused => facts.texts_refused.as_ref().map(|part| part_of(ask, part)),
        gateway => ask.settings.text(Key::Reach) == "internet",
        totals, packets_sent => ledger.packets_sent, packets_in => ledger.packets_in, events,
    };
    Ok(ask.page(200, "dashboard.html", "dashboard", "Dashboard", values))
}

fn part_of(ask: &Ask, part: &crate::status::PartStatus) -> Value {
    context! { ok => part.is_ok(), words => part.words(), at => ask.times.moment(part.at) }
}

fn needs(ask: &Ask, facts: &LiveStatus, queue: &queue::Queue) -> Vec<Need> {
    let mut needs = Vec::new();
    let mut need = |class, words: String, href, button| needs.push(Need { class, words, href, button });
    if let Some(why) = ask.app.store.read_only() {
        need("danger", format!("Nothing can be taken, sent or changed: {why}"), "/help/backup", "Backups");
    }
    let drill = ask.app.store.read(|view| view.backups()).ok().and_then(|backups| backups.tried);
    if let Some(why) = drill.and_then(|drill| drill.fault) {
        need(
            "danger",
            format!("The last backup that was tried out brings no box back: {why}"),
            "/about",
            "Make another",
        );
    }
    for (worker, why) in &facts.failing {
        need(
            "danger",
            format!("The worker \u{201c}{worker}\u{201d} fails and is started again: {why}"),
            "/help/known-issues",
            "Help",
        );
    }
    if let Some(relay) = facts.relay.as_ref().filter(|part| !part.is_ok()) {
        need("danger", format!("Mail relay: {}", relay.words()), "/setup/relay", "Check the relay");
    }
    if let Some(smtp) = facts.smtp.as_ref().filter(|part| !part.is_ok()) {
        need("danger", format!("Mail listeners: {}", smtp.words()), "/settings/mail-in", "Mail in");
    }
    if let Some(texts) = facts.texts.as_ref().filter(|part| !part.is_ok()) {
        need("warn", format!("Text messages: {}", texts.words()), "/settings/text-messages", "Check the carrier");
    }
    for link in facts.links.values() {
        if let Some(health) = link.health.as_ref().filter(|health| !health.ready) {
            let class = if links::needs_somebody(facts, link) { "warn" } else { "" };
            need(class, format!("Link {}: {}", link.name, health.state), "/links", "Check the links");
        }
        for silent in link.silent.iter().filter(|silent| !silent.device.is_empty()) {
            need(
                "warn",
                format!("Link {}: {}", link.name, silent.words()),
                "/messages?tab=waiting",
                "Look at what waits",
            );
        }
    }
    for link in ask.service.links().iter().filter(|link| link.on && link.price().is_none()) {
        let words =
            format!("Link {} has no price, so nothing goes by it. Where it costs nothing, the price is 0.", link.name);
        need("warn", words, "/links", "Give it a price");
    }
    if queue.held > 0 {
        let (words, button) = match queue.held {
            1 => ("One message is held and waits for your decision.".to_owned(), "Look at it"),
            held => (format!("{held} messages are held and wait for your decision."), "Look at them"),
        };
        need("warn", words, "/messages?tab=held", button);
    }
    match quarantine::unseen(ask) {
        0 => {}
        1 => need(
            "warn",
            "One thing that came in could not be used and is in quarantine.".into(),
            "/messages/quarantine",
            "Look at it",
        ),
        unseen => need(
            "warn",
            format!("{unseen} things that came in could not be used and are in quarantine."),
            "/messages/quarantine",
            "Look at them",
        ),
    }
    if ask.settings.text(Key::Domain).is_empty() {
        need("warn", "The box has no mail domain, so nobody has an address yet.".into(), "/setup/box", "Give it one");
    }
    let people = ask.app.store.people();
    if people.iter().all(|person| person.disabled) {
        need("warn", "There is nobody on this box who could get a message.".into(), "/people", "Add somebody");
    }
    if !ask.app.store.clock().believable() {
        let words = "The clock of this box cannot be right. Until a time server or the modem's GPS sets it, times \
                     on this page count from the last start.";
        need("warn", words.into(), "/setup/box", "Look at the clock");
    }
    // What somebody may not see they cannot mend: they are told all the same.
    for need in &mut needs {
        let page = need.href.split(['?', '#']).next().unwrap_or_default();
        if !ask.may_see(page) {
            (need.href, need.button) = ("", "");
        }
    }
    needs
}
