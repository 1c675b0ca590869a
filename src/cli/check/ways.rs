//! Checks the settings: domain, people, and the ways out.

use super::{Findings, Session};
use crate::deliver::relay::{Relay, RelayConfig};
use crate::deliver::sms;
use crate::link::serial;
use crate::message::reason::DeviceReason;
use crate::settings::{Key, Settings};

/// Checks settings that do not go together.
pub fn settings(session: &Session, findings: &mut Findings) {
    let settings = session.context.store.settings();
    match settings.text(Key::Domain) {
        "" => findings.error("domain", "no mail domain: satpost settings set box.domain station.example"),
        domain => findings.ok("domain", format!("people have addresses name@{domain}")),
    }
    let internet = settings.text(Key::Reach) == "internet";
    match (internet, settings.text(Key::LinkDriver), settings.text(Key::RelayHost)) {
        (false, "none", _) => findings.error(
            "reach",
            "a station needs a link: satpost settings set link.driver m138 (or box.reach internet for a gateway)",
        ),
        (true, _, "") => findings.error(
            "reach",
            "a gateway needs a mail relay for the outside: satpost settings set relay.host mail.example.org",
        ),
        (true, "none", _) => findings.warn("reach", "there is no link: nothing goes to devices (link.driver)"),
        (true, link, _) => findings.ok("reach", format!("a gateway: the outside by the relay, devices by {link}")),
        (false, link, _) => findings.ok("reach", format!("a station: the outside by {link}")),
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

/// Checks the link: what the running box knows of it, or what can be seen without it.
pub fn link(session: &Session, findings: &mut Findings) {
    let settings = session.context.store.settings();
    if settings.text(Key::LinkDriver) == "none" {
        return findings.ok("link", "none is set");
    }
    if session.live {
        return match session.context.status.facts().link {
            Some(health) if health.ready => findings.ok("link", health.state),
            Some(health) => findings.error("link", health.state),
            None => findings.warn("link", "not known yet: check again in a few seconds"),
        };
    }
    match settings.text(Key::LinkDriver) {
        "m138" => modem(&settings, findings),
        "ip" => line(session, &settings, findings),
        _ => hive(&settings, findings),
    }
}

/// Checks that there is somebody to talk to; whether the line works is known once the box runs.
fn line(session: &Session, settings: &Settings, findings: &mut Findings) {
    let paired = match session.service().paired() {
        Ok(paired) => paired,
        Err(fault) => return findings.error("link", fault.why()),
    };
    let dialled = paired.iter().find(|paired| paired.dialled);
    match (settings.text(Key::IpAddress), dialled) {
        ("", None) if paired.is_empty() => findings
            .error("link", "no other box is paired: satpost pair new on the gateway, satpost pair join on the station"),
        ("", _) if settings.text(Key::IpListen).is_empty() => {
            findings.warn("link", "it listens for other boxes only if systemd passes a socket: set ip.listen")
        }
        ("", _) => findings.ok("link", format!("{} other boxes may call", paired.len())),
        (_, None) => findings.error("link", "the far box has an address and no key: satpost pair join"),
        (address, Some(paired)) => {
            findings.ok("link", format!("{} is called at {address} once the box runs", paired.name))
        }
    }
}

fn hive(settings: &Settings, findings: &mut Findings) {
    match (settings.text(Key::HiveUser), settings.text(Key::HivePassword)) {
        ("", _) => findings.error("link", "no log-in for the Hive: satpost settings set hive.user NAME"),
        (_, "") => findings.error("link", "no password for the Hive: satpost settings set hive.password < file"),
        (user, _) => findings.warn("link", format!("the Hive is asked as {user} once the box runs; check again then")),
    }
}

/// Checks the ports that a modem may be on; whether it answers is known once the box runs.
fn modem(settings: &Settings, findings: &mut Findings) {
    let named = settings.text(Key::M138Port);
    let ports = serial::candidates(named);
    if ports.is_empty() {
        return findings.error("link", "no serial port is there: plug the modem in, or name its port in m138.port");
    }
    let mut usable = Vec::new();
    for port in &ports {
        match serial::Port::open(port, 115_200) {
            Ok(_) => usable.push(port.display().to_string()),
            Err(why) if named.is_empty() => findings.warn("link", DeviceReason::from(why)),
            Err(why) => findings.error("link", DeviceReason::from(why)),
        }
    }
    if !usable.is_empty() {
        let ports = usable.join(", ");
        findings.ok("link", format!("{ports} can be opened; whether a modem answers shows once the box runs"));
    } else if named.is_empty() {
        findings.error("link", "none of the serial ports can be opened");
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
