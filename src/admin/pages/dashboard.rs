//! The front page: how everything stands, and what needs somebody.

use std::time::Duration;

use minijinja::{Value, context};
use serde::Serialize;

use super::messages::tone_of_open;
use super::{Ask, Reply, links, names, quarantine, queue, setup};
use crate::admin::chart;
use crate::admin::words::say;
use crate::link::Health;
use crate::message::words::isolated;
use crate::message::{LinkId, Origin};
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
    button: String,
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
    let present = facts.links.get(&id).and_then(|live| live.health.as_ref()).is_some_and(Health::answers);
    let bars = ask.app.store.read(|view| view.samples(id, chart::BARS.series, from))?;
    let signal = match bars.is_empty() {
        false => chart::day(&chart::BARS, &bars, &ask.times, present),
        true => {
            let noise = ask.app.store.read(|view| view.samples(id, chart::NOISE.series, from))?;
            chart::day(&chart::NOISE, &noise, &ask.times, present)
        }
    };
    let queue = queue::look(ask.app);
    let states: Vec<_> = queue
        .states
        .iter()
        .map(|(state, count, oldest)| {
            context! { state => state.words(), tone => tone_of_open(*state), count, oldest => ask.times.moment(*oldest) }
        })
        .collect();
    let events: Vec<_> = events
        .iter()
        // What the settings are is the owner's.
        .filter(|event| ask.owner() || event.part != "settings")
        .map(|event| {
            context! { at => ask.times.moment(event.at), part => event.part, words => isolated(&ask.times.local(&event.kind.to_string())), alarm => event.alarm }
        })
        .collect();
    let totals: Vec<_> = ledger
        .totals
        .iter()
        .map(|(word, totals)| {
            let known = Origin::ALL.into_iter().find(|origin| origin.word() == word);
            let origin = known.map_or_else(|| word.clone(), names::origin);
            context! { origin, totals, balance => totals.balance() }
        })
        .collect();
    let values = context! {
        needs => needs(ask, &facts, &queue),
        steps => if ask.owner() { setup::open_steps(ask)? } else { Vec::new() },
        link => facts.links.get(&id).and_then(|live| links::figures(ask, live)),
        modem => modem.as_ref().map(|link| link.name.as_str()),
        links => ask.service.links().iter().map(|link| {
            let live = facts.links.get(&link.id);
            context! {
                name => link.name, on => link.on, ready => live.is_some_and(LinkStatus::is_ready),
                words => live.and_then(|live| live.health.as_ref()).map(|health| ask.times.local(&links::words(health))),
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
    Ok(ask.page(200, "dashboard.html", "dashboard", &say!("common.dashboard"), values))
}

fn part_of(ask: &Ask, part: &crate::status::PartStatus) -> Value {
    context! { ok => part.is_ok(), words => part.words(), at => ask.times.moment(part.at) }
}

fn needs(ask: &Ask, facts: &LiveStatus, queue: &queue::Queue) -> Vec<Need> {
    let mut needs = Vec::new();
    let mut need = |class, words: String, href, button| needs.push(Need { class, words, href, button });
    if let Some(why) = ask.app.store.read_only() {
        need("danger", say!("dashboard.nothing_can_be_taken", why = why), "/help/backup", say!("dashboard.backups"));
    }
    let drill = ask.app.store.read(|view| view.backups()).ok().and_then(|backups| backups.tried);
    if let Some(why) = drill.and_then(|drill| drill.fault) {
        let words = say!("dashboard.the_last_backup_that", why = why);
        need("danger", words, "/help/backup", say!("dashboard.backups"));
    }
    for (worker, why) in &facts.failing {
        need(
            "danger",
            say!("dashboard.the_worker_fails_and", worker = worker, why = why),
            "/help/known-issues",
            say!("dashboard.help"),
        );
    }
    if let Some(relay) = facts.relay.as_ref().filter(|part| !part.is_ok()) {
        need(
            "danger",
            say!("dashboard.mail_relay", relay = relay.words()),
            "/setup/relay",
            say!("dashboard.check_the_relay"),
        );
    }
    if let Some(smtp) = facts.smtp.as_ref().filter(|part| !part.is_ok()) {
        need(
            "danger",
            say!("dashboard.mail_listeners", smtp = smtp.words()),
            "/settings/mail-in",
            say!("dashboard.mail_in"),
        );
    }
    if let Some(texts) = facts.texts.as_ref().filter(|part| !part.is_ok()) {
        need(
            "warn",
            say!("dashboard.text_messages", texts = texts.words()),
            "/settings/text-messages",
            say!("dashboard.check_the_carrier"),
        );
    }
    for link in facts.links.values() {
        if let Some(health) = link.health.as_ref().filter(|health| !health.ready) {
            let class = if links::needs_somebody(facts, link) { "warn" } else { "" };
            need(
                class,
                say!("dashboard.link", name = link.name, state = ask.times.local(&health.state.to_string())),
                "/links",
                say!("dashboard.check_the_links"),
            );
        }
        for silent in link.silent.iter().filter(|silent| !silent.device.is_empty()) {
            need(
                "warn",
                say!("dashboard.link", name = link.name, state = silent.words()),
                "/messages?tab=waiting",
                say!("dashboard.look_at_what_waits"),
            );
        }
    }
    for words in ask.service.links().iter().filter_map(|link| links::hears_itself(ask, facts, link)) {
        need("warn", words, "/links", say!("dashboard.check_the_links"));
    }
    for link in ask.service.links().iter().filter(|link| link.on && link.price().is_none()) {
        let words = say!("dashboard.link_has_no_price", name = link.name);
        need("warn", words, "/links", say!("dashboard.give_it_a_price"));
    }
    let (accounts, of_links) = super::budgets::warnings(ask).unwrap_or_default();
    for words in accounts {
        need("warn", words, "/costs", say!("dashboard.look_at_the_costs"));
    }
    for words in of_links {
        need("warn", words, "/links", say!("dashboard.check_the_links"));
    }
    let for_budget = queue.for_budget.unwrap_or_default();
    let decided = queue.held - for_budget;
    if queue.for_budget.is_none() {
        let words = say!("dashboard.messages_not_looked_at", n = queue.held);
        need("warn", words, "/messages?tab=held", say!("dashboard.look_at_held", n = queue.held));
    } else if decided > 0 {
        let (words, button) =
            (say!("dashboard.messages_held", n = decided), say!("dashboard.look_at_held", n = decided));
        need("warn", words, "/messages?tab=held", button);
    }
    if for_budget > 0 {
        let button = say!("dashboard.look_at_held", n = for_budget);
        need("", say!("dashboard.messages_for_budget", n = for_budget), "/messages?tab=held", button);
    }
    let unseen = quarantine::unseen(ask);
    if unseen > 0 {
        let button = say!("dashboard.look_at_held", n = unseen);
        need("warn", say!("dashboard.unusable", n = unseen), "/messages/quarantine", button);
    }
    if ask.settings.text(Key::Domain).is_empty() {
        need("warn", say!("dashboard.the_box_has_no"), "/setup/box", say!("dashboard.give_it_one"));
    }
    let people = ask.app.store.people();
    if people.iter().all(|person| person.disabled) {
        need("warn", say!("dashboard.there_is_nobody_on"), "/people", say!("dashboard.add_somebody"));
    }
    if !ask.app.store.clock().believable() {
        need("warn", say!("dashboard.the_clock_cannot_be"), "/setup/box", say!("dashboard.look_at_the_clock"));
    }
    // What somebody may not see they cannot mend: they are told all the same.
    for need in &mut needs {
        let page = need.href.split(['?', '#']).next().unwrap_or_default();
        if !ask.may_see(page) {
            (need.href, need.button) = ("", String::new());
        }
    }
    needs
}
