//! Servers in front: whose verdicts are believed, and who names the true client of a session, by XCLIENT
//! (postfix.org/XCLIENT_README.html) or by the header of the PROXY protocol.

use std::net::IpAddr;

use super::{SessionContext, SmtpSession};
use crate::listen::counters::ClientCounters;
use crate::listen::http_head::is_near;
use crate::listen::reply::{Next, say};
use crate::settings::{Key, Settings};

/// How a server in front names the true client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// By the header of the PROXY protocol, before anything else.
    Proxy,
    /// By the command XCLIENT of SMTP.
    Xclient,
}

/// How this peer names the true client; `None` for one that is a client itself. Only servers that are named do.
pub fn naming(settings: &Settings, peer: IpAddr) -> Option<Naming> {
    let naming = match settings.text(Key::SmtpFrontProtocol) {
        "proxy" => Naming::Proxy,
        "xclient" => Naming::Xclient,
        _ => return None,
    };
    settings.contains(Key::SmtpFront, peer).then_some(naming)
}

/// True for a mail server in front; while none is named, for whatever is on this machine or in a local network.
pub(super) fn is_front(settings: &Settings, peer: IpAddr) -> bool {
    match settings.text(Key::SmtpFront) {
        "" => is_near(peer),
        _ => settings.contains(Key::SmtpFront, peer),
    }
}

/// True for a peer whose own mail needs no log-in. What a named mail server in front passes on comes from anybody.
pub(super) fn is_trusted(settings: &Settings, peer: IpAddr) -> bool {
    settings.contains(Key::SmtpTrusted, peer) && !settings.contains(Key::SmtpFront, peer)
}

impl SmtpSession {
    /// From here on the session is that of `client`, for whom a server in front speaks; false when the client has too many
    /// connections already.
    pub fn speaks_for(&mut self, client: IpAddr, counters: &ClientCounters) -> bool {
        self.caller.peer = client;
        self.caller.trusted = is_trusted(&self.settings, client);
        let Some(place) = counters.enter(client, self.settings.count(Key::SmtpPerAddress)) else { return false };
        self.place = Some(place);
        true
    }

    /// The same of a proxy, which passes on a connection and does not read the mail: the verdicts in it are the client's.
    pub fn proxied(&mut self, client: IpAddr, counters: &ClientCounters) -> bool {
        self.caller.front = self.settings.contains(Key::SmtpFront, client);
        self.speaks_for(client, counters)
    }

    /// The line of EHLO that offers XCLIENT, to those who may use it.
    pub(super) fn xclient_offer(&self) -> Option<String> {
        (self.naming == Some(Naming::Xclient)).then(|| "XCLIENT ADDR HELO".to_owned())
    }

    /// `XCLIENT ADDR=192.0.2.1 HELO=client.example`: the session begins anew.
    pub(super) fn xclient(&mut self, line: &str, context: SessionContext<'_>, out: &mut Vec<u8>) -> Next {
        if self.caller.helo.is_empty() {
            return self.fail(out, 503, "EHLO first");
        }
        if self.is_in_mail() {
            return self.fail(out, 503, "not within a mail");
        }
        let (mut client, mut helo) = (None, String::new());
        for attribute in line.split_whitespace().skip(1) {
            let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            let known = !value.eq_ignore_ascii_case("[UNAVAILABLE]") && !value.eq_ignore_ascii_case("[TEMPUNAVAIL]");
            match name.to_ascii_uppercase().as_str() {
                "ADDR" if known => {
                    let bare = value.get(..5).filter(|start| start.eq_ignore_ascii_case("IPV6:")).map(|_| &value[5..]);
                    let Ok(ip) = bare.unwrap_or(value).parse::<IpAddr>() else {
                        return self.fail(out, 501, "the value of ADDR cannot be read");
                    };
                    client = Some(ip.to_canonical());
                }
                "HELO" if known => value.clone_into(&mut helo),
                "ADDR" | "HELO" => {}
                // nginx sends NAME unasked; nothing here hangs on these. A log-in that somebody else checked is refused.
                "NAME" | "PORT" | "PROTO" | "DESTADDR" | "DESTPORT" => {}
                "LOGIN" if !known => {}
                _ => return self.fail(out, 501, "write XCLIENT ADDR=ip HELO=name"),
            }
        }
        self.begin_anew(helo);
        if let Some(client) = client
            && !self.speaks_for(client, context.counters)
        {
            say(out, 421, "too many connections of that client, try later");
            return Next::Close;
        }
        self.greet(out);
        Next::Command
    }
}
