//! Checks the settings: domain, people, and the ways out.

use super::{Findings, Session};
use crate::deliver::relay::{Relay, RelayConfig};
use crate::deliver::sms;
use crate::engine::link::equipment;
use crate::link;
use crate::links::Reach;
use crate::message::events::EventKind;
use crate::settings::Key;

/// Checks settings that do not go together.
pub fn settings(session: &Session, findings: &mut Findings) {
    let settings = session.context.store.settings();
    match settings.text(Key::Domain) {
        "" => findings.error("domain", "no mail domain: satpost settings set box.domain station.example"),
        domain => findings.ok("domain", format!("people have addresses name@{domain}")),
    }
    let (internet, policy) = (settings.text(Key::Reach) == "internet", session.context.policy());
    let names = |device: bool| {
        let reaches = |reach: Reach| if device { !reach.kinds.is_empty() } else { reach.far_box };
        let fit = policy.links.iter().filter(|link| link.on && reaches(link.reach));
        fit.map(|link| link.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (to_far_box, to_devices) = (names(false), names(true));
    match (internet, settings.text(Key::RelayHost)) {
        (false, _) if !to_far_box.is_empty() => findings.ok("reach", format!("a station: the outside by {to_far_box}")),
        (false, _) if !to_devices.is_empty() => findings.error(
            "reach",
            format!(
                "a station needs a link to its far box, and {to_devices} reaches only devices: what people write waits. \
                 satpost link add boat sbd (or box.reach internet for a gateway)"
            ),
        ),
        (false, _) => findings.error(
            "reach",
            "a station needs a link: satpost link add boat sbd (or box.reach internet for a gateway)",
        ),
        (true, "") => findings.error(
            "reach",
            "a gateway needs a mail relay for the outside: satpost settings set relay.host mail.example.org",
        ),
        (true, _) if to_devices.is_empty() => {
            findings.warn("reach", "there is no link to devices: nothing goes to them (satpost link add)");
        }
        (true, _) => findings.ok("reach", format!("a gateway: the outside by the relay, devices by {to_devices}")),
    }
    if settings.text(Key::SmtpTrusted).split_whitespace().any(|network| network.ends_with("/0")) {
        findings.error("trust", "smtp.trusted holds a network of everybody: everybody could spend your money");
    }
}

/// Checks that somebody can get mail, and somebody can change settings.
pub fn people(session: &Session, findings: &mut Findings) {
    let people = session.context.store.people();
    let settings = session.context.store.settings();
    let count = people.iter().filter(|person| !person.disabled).count();
    let owner = people.iter().any(|person| person.is_owner() && !person.disabled && person.password.is_some());
    match (count, owner) {
        (0, _) => findings.error("people", "nobody has an address here: satpost people add NAME"),
        (_, false) => findings.warn(
            "people",
            format!(
                "{count} people, none of whom may change settings on the page: satpost people edit NAME --role owner"
            ),
        ),
        (count, true) => findings.ok("people", format!("{count} can get mail")),
    }
    let policy = session.context.policy();
    for why in people.iter().filter(|person| !person.disabled).filter_map(|person| policy.no_way_to(person)) {
        findings.warn("people", why);
    }
    let named = settings.text(Key::DefaultPerson);
    if !named.is_empty() && people.get(named).is_none_or(|person| person.disabled) {
        findings.error("people", format!("box.default_person is {named}, who is not there or disabled"));
    }
}

/// Checks each link: what the running box knows of it, or what can be seen without it.
pub fn links(session: &Session, findings: &mut Findings) {
    let links = session.context.store.links();
    if links.is_empty() {
        return findings.ok("link", "there is none");
    }
    let facts = session.context.status.facts();
    for link in links.iter() {
        let name = &link.name;
        if !link.on {
            findings.ok("link", format!("{name} is off"));
            continue;
        }
        if link.price().is_none() {
            let words = format!(
                "{name} has no price, so nothing goes by it: satpost link set {name} link.price 0.07 (0 is a price)"
            );
            findings.error("link", words);
        }
        if let Some(why) = facts.failing.get(&format!("link {name}")) {
            findings.error("link", format!("{name} fails and is started again: {why}"));
        }
        if let Some(modem) = equipment::hears_itself(&session.context.store, &facts, link) {
            findings.warn("link", EventKind::HearsItself { name: name.clone(), modem });
        }
        let Some(driver) = link::driver(&link.driver) else {
            findings.error("link", format!("{name}: this version has no driver '{}'", link.driver));
            continue;
        };
        if session.live {
            match facts.links.get(&link.id).and_then(|live| live.health.as_ref()) {
                Some(health) if health.ready => findings.ok("link", format!("{name}: {}", health.state)),
                Some(health) => findings.error("link", format!("{name}: {}", health.state)),
                None => findings.warn("link", format!("{name} is not known yet: check again in a few seconds")),
            }
            continue;
        }
        match equipment::check(&session.context.store, driver, link) {
            Ok(words) => findings.ok("link", format!("{name}: {words}")),
            Err(words) => words.iter().for_each(|words| findings.error("link", format!("{name}: {words}"))),
        }
    }
}

/// Checks the relay, by connecting to it.
pub fn relay(session: &Session, findings: &mut Findings) {
    let settings = session.context.store.settings();
    if settings.text(Key::RelayHost).is_empty() {
        return;
    }
    let config = match RelayConfig::from_settings(&settings) {
        Ok(config) => config,
        Err(fault) => return findings.error("relay", fault.why()),
    };
    let check = Relay::new().check(&config);
    for line in check.lines {
        findings.ok("relay", line);
    }
    if let Some(fault) = check.fault {
        findings.error("relay", format!("{fault}; see relay.host, relay.port, relay.tls, relay.user"));
    }
}

/// Checks the carrier of text messages, and who can text.
pub fn texts(session: &Session, findings: &mut Findings) {
    let settings = session.context.store.settings();
    let Some(row) = sms::carrier(&settings) else { return };
    if let Err(fault) = (row.make)(&settings) {
        return findings.error("texts", fault.why());
    }
    if !row.polls && settings.text(Key::SmsPublicUrl).is_empty() {
        findings.warn("texts", format!("{} has to call to bring texts: set sms.public_url", row.title));
    }
    if session.context.store.people().iter().all(|person| person.number.is_none()) {
        findings.warn("texts", "nobody has a service number: satpost people number NAME +14155550123");
    }
    match session.context.status.facts().texts {
        Some(part) if part.is_ok() => findings.ok("texts", part.words()),
        Some(part) => findings.error("texts", part.words()),
        None => findings.warn("texts", format!("{} is asked once the box runs; check again then", row.title)),
    }
}
