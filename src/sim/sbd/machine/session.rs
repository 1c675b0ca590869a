//! Sessions with the gateway, and ring alerts.

use std::time::Duration;

use serde_json::json;

use super::{Machine, Mode, RING_AGAIN, Style};
use crate::clock::Time;
use crate::hex;
use crate::sim::device::take;
use crate::sim::sky::Ask;

/// How often the gateway is looked at for what a ring alert would tell, before the factor.
const LOOK: Duration = Duration::from_secs(5);
/// The shortest time between two looks.
const LOOK_LEAST: Duration = Duration::from_millis(50);

/// A session that runs.
#[derive(Debug)]
pub(in crate::sim::sbd) struct Session {
    /// It answers a ring alert.
    answers: bool,
    /// When it ends.
    pub(super) ends: Time,
    /// The sky was asked.
    pub(super) asked: bool,
    /// The modem hears nothing of its success.
    deaf: bool,
}

/// A message that comes down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sim::sbd) struct Down {
    /// The sky's number of it.
    pub(in crate::sim::sbd) number: u64,
    pub(in crate::sim::sbd) data: Vec<u8>,
}

/// What the sky says to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sim::sbd) enum Answer {
    /// The session was good: what it brought, and how much waits behind that.
    Session(Option<Down>, u32),
    /// So much waits.
    Waiting(u32),
    /// Refused, or nobody there.
    No,
    /// Done.
    Yes,
}

impl Machine {
    pub(super) fn begin_session(&mut self, answers: bool, now: Time) {
        self.mt = None;
        let ends = now + self.scaled(self.session_time);
        self.mode = Mode::Session(Session { answers, ends, asked: false, deaf: false });
    }

    /// The time of the session is over: what became of it.
    pub(super) fn end_session(&mut self, now: Time) {
        let planned = self.faults.statuses.front().copied();
        let status = match planned {
            Some(status) if status > 4 => {
                self.faults.statuses.pop_front();
                Some(status)
            }
            _ if !self.radio => Some(34),
            _ if self.bars == 0 => Some(32),
            _ => None,
        };
        if let Some(status) = status {
            return self.failed(status, now);
        }
        let deaf = take(&mut self.faults.falsefail);
        let data = self.mo.as_ref().map(|data| hex::encode(data));
        self.asks.push_back(Ask::Session { imei: self.imei.clone(), momsn: self.memory.momsn, data });
        if let Mode::Session(session) = &mut self.mode {
            (session.asked, session.deaf) = (true, deaf);
        }
    }

    /// Hears the sky.
    pub(in crate::sim::sbd) fn hear_sky(&mut self, answer: Answer, now: Time) {
        match answer {
            Answer::Waiting(waiting) => self.heard_of(waiting, now),
            Answer::Yes => {}
            // Its power was cut meanwhile.
            Answer::Session(..) | Answer::No if !matches!(self.mode, Mode::Session(_)) => {}
            Answer::No => self.failed(32, now),
            Answer::Session(..) if matches!(&self.mode, Mode::Session(session) if session.deaf) => self.failed(18, now),
            Answer::Session(down, waiting) => self.succeeded(down, waiting, now),
        }
    }

    fn succeeded(&mut self, down: Option<Down>, waiting: u32, now: Time) {
        let status = self.faults.statuses.pop_front_if(|status| *status <= 4).unwrap_or(0);
        let momsn = self.memory.momsn;
        let mailbox = !take(&mut self.faults.mtfail);
        let down = down.filter(|_| mailbox);
        if let Some(down) = &down {
            self.memory.mtmsn = self.memory.mtmsn.wrapping_add(1);
            self.mt = Some((self.memory.mtmsn, down.data.clone()));
            self.asks.push_back(Ask::Arrived(down.number));
        }
        self.note(status, down.as_ref());
        // The manual counts every session; a clone only those with a message.
        if !self.core || self.mo.is_some() {
            self.memory.momsn = momsn.wrapping_add(1);
        }
        self.memory.registered = 2;
        self.seen = true;
        if mailbox {
            self.memory.ring = false;
            (self.to_ring, self.ring_again) = (false, None);
            (self.waiting, self.known_waiting) = (waiting, waiting);
        }
        let mt = match (mailbox, &down) {
            (false, _) => 2,
            (true, Some(_)) => 1,
            (true, None) => 0,
        };
        let (mtmsn, length) = down.map_or((0, 0), |down| (self.memory.mtmsn, down.data.len()));
        let length = i64::try_from(length).unwrap_or_default();
        self.print([status.into(), momsn.into(), mt, mtmsn.into(), length, self.waiting.into()], now);
    }

    fn failed(&mut self, status: u8, now: Time) {
        self.note(status, None);
        self.print([status.into(), self.memory.momsn.into(), 2, 0, 0, 0], now);
    }

    /// Writes a session down.
    fn note(&mut self, status: u8, down: Option<&Down>) {
        let mo = self.mo.as_ref().map(|data| hex::encode(data));
        let mt = down.map(|down| hex::encode(&down.data));
        let line = json!({"momsn": self.memory.momsn, "status": status, "mo": mo, "mt": mt});
        self.memory.journal.push(line.to_string());
    }

    fn print(&mut self, fields: [i64; 6], now: Time) {
        let answers = matches!(&self.mode, Mode::Session(session) if session.answers);
        self.mode = Mode::Command;
        if take(&mut self.faults.lost) {
            return;
        }
        let spaced = self.style == Style::Spaced;
        // The manual has it so; a clone answers both alike.
        let name = if answers && spaced { "+SBDIXA" } else { "+SBDIX" };
        let fields = fields.map(|field| field.to_string()).join(if spaced { ", " } else { "," });
        let before = std::mem::take(&mut self.out);
        if take(&mut self.faults.residue) {
            self.out.extend_from_slice(b"\x00\xff\r\n+SBDI");
        }
        self.info(&format!("{name}:{}{fields}", if spaced { " " } else { "" }));
        self.result(true);
        let printed = std::mem::replace(&mut self.out, before);
        match take(&mut self.faults.late_results) {
            true => self.later.push((now + self.faults.late, printed)),
            false => self.out.extend(printed),
        }
    }

    /// True while the ring channel is heard.
    pub(super) fn listens(&self) -> bool {
        let on = matches!(self.mode, Mode::Command | Mode::Data { .. });
        on && self.radio && self.bars > 0 && self.memory.registered == 2
    }

    pub(super) fn tend_ring(&mut self, now: Time) {
        if self.look <= now && self.listens() {
            self.look = now + self.scaled(LOOK).max(LOOK_LEAST);
            self.asks.push_back(Ask::Waiting(self.imei.clone()));
        }
        if self.ring_again.is_some_and(|at| at <= now) {
            (self.ring_again, self.to_ring) = (None, true);
        }
        if self.to_ring && matches!(self.mode, Mode::Command) {
            self.to_ring = false;
            if self.rings {
                self.ring();
            }
        }
    }

    /// The ring channel tells what waits: more than before is an alert.
    fn heard_of(&mut self, waiting: u32, now: Time) {
        if waiting > self.known_waiting && self.listens() {
            self.alert(now);
        }
        self.known_waiting = waiting;
    }

    /// A ring alert comes in.
    pub(in crate::sim::sbd) fn alert(&mut self, now: Time) {
        (self.memory.ring, self.to_ring) = (true, true);
        self.ring_again = Some(now + self.scaled(RING_AGAIN));
    }
}
