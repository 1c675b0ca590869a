//! Checks the machine: disk, clock, ports, certificate, and what is plugged in.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use super::{Findings, Session};
use crate::link::{self, contact, serial};
use crate::listen::tls;
use crate::message::reason::Contact;
use crate::message::words::contact::At;
use crate::settings::{Key, row};
use crate::status::GpsState;
use crate::sys::{ports, process};

/// Checks the room on the disk.
pub fn disk(session: &Session, findings: &mut Findings) {
    let store = &session.context.store;
    let room = match store.disk_room() {
        Ok(room) => room,
        Err(error) => return findings.error("disk", format!("{} does not answer: {error}", store.folder().display())),
    };
    let (free, reserve) = (room.free / 1_000_000, room.reserve / 1_000_000);
    if room.is_short() {
        let words =
            format!("{free} MB are free and store.reserve keeps {reserve}: no mail is taken until you make room");
        findings.error("disk", words);
    } else if room.free < room.reserve.saturating_mul(4) {
        findings.warn("disk", format!("{free} MB are free; below {reserve} no mail is taken: make room soon"));
    } else {
        findings.ok("disk", format!("{free} MB are free in {}", store.folder().display()));
    }
}

/// Checks the clock.
pub fn clock(session: &Session, findings: &mut Findings) {
    let clock = session.context.store.clock();
    match clock.believable() {
        true => findings.ok("clock", format!("it is {}", clock.now())),
        false => findings.error(
            "clock",
            format!(
                "the system says {} and the box remembers {}: let the network set the clock ('timedatectl'), wait for the \
                 time of the modem, or say 'satpost clock --right' if the system is right",
                clock.of_system(),
                clock.now()
            ),
        ),
    }
}

/// Checks the listeners: open, or a port that could be opened.
pub fn ports(session: &Session, findings: &mut Findings) {
    let settings = session.context.store.settings();
    let facts = session.context.status.facts();
    let (open, given) = (facts.listen, facts.given);
    // Only systemd can open the low ports again, and only before the box is there.
    let then = if given.is_empty() { "" } else { "; then 'sudo systemctl restart satpost'" };
    for (listener, key) in crate::supervisor::listeners::names() {
        let name = crate::settings::row(key).name;
        let in_use = open.get(listener).map(Vec::as_slice).unwrap_or_default();
        if !in_use.is_empty() {
            let addresses: Vec<_> = in_use.iter().map(ToString::to_string).collect();
            findings.ok(listener, format!("listening on {}", addresses.join(" ")));
            if given.contains(listener) && settings.text(key) != crate::settings::row(key).default {
                findings.warn(listener, unused(listener, name));
            }
            continue;
        }
        if settings.text(key).is_empty() {
            findings.ok(listener, format!("not listening, as {name} is empty"));
            continue;
        }
        for address in settings.words(key) {
            match address.parse().map_err(|_| "it is no address".to_owned()).and_then(free) {
                Ok(()) if session.live => {
                    findings.warn(listener, format!("{address} is free now; the box will listen on it soon"))
                }
                Ok(()) => findings.ok(listener, format!("{address} is free")),
                Err(why) => {
                    let words = format!("{why}; stop that program, or choose another port in {name}{then}");
                    findings.error(listener, words);
                }
            }
        }
    }
}

/// Checks what is plugged in that no link has, and who would take it away. Without a box the ports are asked here, for some
/// seconds each, where the owner lets them be asked.
pub fn plugged(session: &Session, findings: &mut Findings) {
    let asked = || {
        serial::askable()
            .into_iter()
            .map(|port| (port.name().to_owned(), contact::ask(Path::new(&port.path), || false)))
    };
    let links = session.context.store.links();
    let found: Vec<_> = match session.live {
        true => session.context.status.facts().plugged.into_values().map(|it| (it.name, it.contact)).collect(),
        false if !session.context.store.settings().on(Key::FirstContact) => Vec::new(),
        // A link that is there looks for its modem itself.
        false if links.iter().any(|link| link::driver(&link.driver).is_some_and(|row| row.contact.is_some())) => {
            Vec::new()
        }
        false => asked().collect(),
    };
    for (port, contact) in &found {
        let words = At(port, contact);
        match contact {
            Contact::Modem { driver, .. } => findings.ok("port", format!("{words}{}", offer(driver, port))),
            Contact::Asking => findings.ok("port", words),
            Contact::Other { .. } | Contact::Silent | Contact::Unopened { .. } => findings.warn("port", words),
        }
    }
    // They matter where there is a port to take, or nothing else explains that there is none.
    let serial = links.iter().any(|link| link::driver(&link.driver).is_some_and(|row| row.contact.is_some()));
    for taker in ports::takers().into_iter().filter(|_| serial || links.is_empty() || !found.is_empty()) {
        findings
            .warn("port", format!("{} runs, and takes serial ports that are plugged in: {}", taker.name, taker.cure));
    }
}

/// Checks that there are backups, and that one brought a box back.
pub fn backups(session: &Session, findings: &mut Findings) {
    let Ok(backups) = session.context.store.read(|view| view.backups()) else { return };
    if let Some(why) = backups.fault() {
        let words =
            format!("the last that was tried out brings no box back: {why}; make another with 'satpost backup'");
        return findings.error("backup", words);
    }
    match (backups.made, backups.tried.filter(|drill| drill.fault.is_none())) {
        (Some(made), Some(drill)) => {
            findings.ok("backup", format!("the last was made {made}; tried out {}: it brings a box back", drill.at));
        }
        (Some(made), None) => findings.ok("backup", format!("the last was made {made}; none was tried out yet")),
        (None, _) => findings
            .ok("backup", "none was made yet; 'sudo systemctl enable --now satpost-backup.timer' makes one every day"),
    }
}

/// Checks gpsd, where it is asked.
pub fn gps(session: &Session, findings: &mut Findings) {
    if session.context.store.settings().text(Key::GpsdAddress).is_empty() {
        return;
    }
    match session.context.status.facts().gps {
        Some(gps) if gps.state == GpsState::Fix => findings.ok("gpsd", gps.words()),
        Some(gps) => findings.warn("gpsd", gps.words()),
        None => findings.ok("gpsd", "it is asked once the box runs"),
    }
}

/// The command that adds a link with the modem at this port.
fn offer(driver: &str, port: &str) -> String {
    let Some(contact) = link::driver(driver).and_then(|row| row.contact.as_ref()) else { return String::new() };
    format!("; satpost link add {driver} {driver} {} {port} link.price PRICE", row(contact.port).name)
}

/// Says that the setting of a listener has no effect.
pub fn unused(listener: &str, setting: &str) -> String {
    format!(
        "systemd opens the sockets of this listener, so {setting} does nothing: change ListenStream= with 'sudo systemctl edit \
         satpost-{listener}.socket', or disable that unit and restart satpost"
    )
}

fn free(address: SocketAddr) -> Result<(), String> {
    TcpListener::bind(address).map(drop).map_err(|error| process::port_refused(&address.to_string(), &error))
}

/// Checks the certificate of STARTTLS.
pub fn certificate(session: &Session, findings: &mut Findings) {
    let store = &session.context.store;
    let settings = store.settings();
    let own = settings.text(Key::TlsCert).is_empty();
    match tls::CertStore::new(&settings, store.folder()) {
        Ok(_) if own => findings.ok(
            "certificate",
            "the box made its own; a mail program asks once whether to trust it. tls.certificate and tls.key name \
             another",
        ),
        Ok(_) => findings.ok("certificate", format!("{} is in use", settings.text(Key::TlsCert))),
        Err(why) => findings.error("certificate", format!("{why}; mail is taken without encryption until then")),
    }
}
