//! Checks the machine: disk, clock, ports, certificate.

use std::net::{SocketAddr, TcpListener};

use super::{Findings, Session};
use crate::listen::tls;
use crate::settings::Key;
use crate::sys::process::port_taken;

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
            "the clock of this machine runs behind what the box has seen: let NTP set it ('timedatectl'), or wait for \
             the time of the modem",
        ),
    }
}

/// Checks the listeners: open, or a port that could be opened.
pub fn ports(session: &Session, findings: &mut Findings) {
    let settings = session.context.store.settings();
    let open = session.context.status.facts().listen;
    for (listener, key) in crate::supervisor::listeners::names() {
        let name = crate::settings::row(key).name;
        let in_use = open.get(listener).map(Vec::as_slice).unwrap_or_default();
        if !in_use.is_empty() {
            let addresses: Vec<_> = in_use.iter().map(ToString::to_string).collect();
            findings.ok(listener, format!("listening on {}", addresses.join(" ")));
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
                    findings.error(listener, format!("{why}; stop that program, or choose another port in {name}"))
                }
            }
        }
    }
}

fn free(address: SocketAddr) -> Result<(), String> {
    TcpListener::bind(address).map(drop).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => port_taken(address.port()),
        std::io::ErrorKind::PermissionDenied => {
            format!("port {} may not be opened by this user (the systemd sockets may)", address.port())
        }
        _ => format!("{address} cannot be used ({error})"),
    })
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
