//! What the owner has to say: domain, people, and the ways out.

use std::path::Path;

use super::{Findings, Session};
use crate::deliver::relay::{Relay, RelayConfig};
use crate::deliver::sms;
use crate::link::serial;
use crate::settings::{Key, Settings};

/// Settings that do not go together.
pub fn settings(session: &Session, findings: &mut Findings) {
    let settings = session.context.store.settings();
    match settings.text(Key::Domain) {
        "" => findings.wrong("domain", "no mail domain: satpost settings set box.domain station.example"),
        domain => findings.well("domain", format!("people have addresses name@{domain}")),
    }
    let internet = settings.text(Key::Reach) == "internet";
    match (internet, settings.text(Key::LinkDriver), settings.text(Key::RelayHost)) {
        (false, "none", _) => findings.wrong(
            "reach",
            "a station needs a link: satpost settings set link.driver m138 (or box.reach internet for a gateway)",
        ),
        (true, _, "") => findings.wrong(
            "reach",
            "a gateway needs a mail relay for the outside: satpost settings set relay.host mail.example.org",
        ),
        (true, "none", _) => findings.look("reach", "there is no link: nothing goes to devices (link.driver)"),
        (true, link, _) => findings.well("reach", format!("a gateway: the outside by the relay, devices by {link}")),
        (false, link, _) => findings.well("reach", format!("a station: the outside by {link}")),
    }
    if settings.text(Key::SmtpTrusted).split_whitespace().any(|network| network.ends_with("/0")) {
        findings.wrong("trust", "smtp.trusted holds a network of everybody: strangers can spend your money");
    }
}

/// Somebody has to read, and somebody has to be able to mend things.
pub fn people(session: &Session, findings: &mut Findings) {
    let people = session.context.store.people();
    let settings = session.context.store.settings();
    let count = people.iter().filter(|person| !person.disabled).count();
    let owner = people.iter().any(|person| person.is_owner() && !person.disabled && person.password.is_some());
    match (count, owner) {
        (0, _) => findings.wrong("people", "nobody has an address here: satpost people add NAME"),
        (_, false) => findings.look(
            "people",
            format!(
                "{count} people, none of whom may change settings on the page: satpost people edit NAME --owner yes"
            ),
        ),
        (count, true) => findings.well("people", format!("{count} can get mail")),
    }
    let policy = session.context.policy();
    for why in people.iter().filter(|person| !person.disabled).filter_map(|person| policy.no_way_to(person)) {
        findings.look("people", why);
    }
    let named = settings.text(Key::DefaultPerson);
    if !named.is_empty() && people.get(named).is_none_or(|person| person.disabled) {
        findings.wrong("people", format!("box.default_person is {named}, who is not there or disabled"));
    }
}

/// The link: what the running box sees of it, or what can be seen without it.
pub fn link(session: &Session, findings: &mut Findings) {
    let settings = session.context.store.settings();
    if settings.text(Key::LinkDriver) == "none" {
        return findings.well("link", "none is set");
    }
    if session.live {
        return match session.context.status.facts().link {
            Some(health) if health.ready => findings.well("link", health.words),
            Some(health) => findings.wrong("link", health.words),
            None => findings.look("link", "the box has not looked at it yet: ask again in a few seconds"),
        };
    }
    match settings.text(Key::LinkDriver) {
        "m138" => modem(&settings, findings),
        _ => hive(&settings, findings),
    }
}

fn hive(settings: &Settings, findings: &mut Findings) {
    match (settings.text(Key::HiveUser), settings.text(Key::HivePassword)) {
        ("", _) => findings.wrong("link", "no log-in for the Hive: satpost settings set hive.user NAME"),
        (_, "") => findings.wrong("link", "no password for the Hive: satpost settings set hive.password < file"),
        (user, _) => findings.look("link", format!("the Hive is asked as {user} once the box runs; check again then")),
    }
}

/// Ports that a modem may be on; whether it answers is known once the box runs.
fn modem(settings: &Settings, findings: &mut Findings) {
    let named = settings.text(Key::M138Port);
    let ports = serial::candidates(named);
    if ports.is_empty() {
        return findings.wrong("link", "no serial port is there: plug the modem in, or name its port in m138.port");
    }
    let mut usable = Vec::new();
    for port in &ports {
        match opens(port) {
            Ok(()) => usable.push(port.display().to_string()),
            Err(why) if named.is_empty() => findings.look("link", why),
            Err(why) => findings.wrong("link", why),
        }
    }
    if !usable.is_empty() {
        let ports = usable.join(", ");
        findings.well("link", format!("{ports} can be opened; whether a modem answers shows once the box runs"));
    } else if named.is_empty() {
        findings.wrong("link", "none of the serial ports can be opened");
    }
}

fn opens(port: &Path) -> Result<(), String> {
    serial::Port::open(port, 115_200).map(drop)
}

/// The relay, by asking it.
pub fn relay(session: &Session, findings: &mut Findings) {
    let settings = session.context.store.settings();
    if settings.text(Key::RelayHost).is_empty() {
        return;
    }
    let config = match RelayConfig::from_settings(&settings) {
        Ok(config) => config,
        Err(fault) => return findings.wrong("relay", fault.why()),
    };
    let check = Relay::new().check(&config);
    for line in check.lines {
        findings.well("relay", line);
    }
    if let Some(fault) = check.fault {
        findings.wrong("relay", format!("{fault}; see relay.host, relay.port, relay.tls, relay.user"));
    }
}

/// The carrier of text messages, and who can text.
pub fn texts(session: &Session, findings: &mut Findings) {
    let settings = session.context.store.settings();
    let Some(row) = sms::carrier(&settings) else { return };
    if let Err(fault) = (row.make)(&settings) {
        return findings.wrong("texts", fault.why());
    }
    if !row.polls && settings.text(Key::SmsPublicUrl).is_empty() {
        findings.look("texts", format!("{} has to call to bring texts: set sms.public_url", row.title));
    }
    if session.context.store.people().iter().all(|person| person.number.is_none()) {
        findings.look("texts", "nobody has a service number: satpost people number NAME +14155550123");
    }
    match session.context.status.facts().texts {
        Some(rung) if rung.is_ok() => findings.well("texts", rung.words()),
        Some(rung) => findings.wrong("texts", rung.words()),
        None => findings.look("texts", format!("{} is asked once the box runs; check again then", row.title)),
    }
}
