//! What the simulated service knows: messages that wait for terminals, messages that came from them, and what was charged.

use std::collections::{BTreeMap, VecDeque};

use serde_json::json;

use crate::clock::{Clock, Time};
use crate::hex;
use crate::sim::faults::Faults;
use crate::sim::http::{Answer, Request};
use crate::sim::sky::{Ask, Down, Reply};

use super::faults;

/// Largest message for a terminal, in bytes.
const MAX_MT: usize = 270;
/// Messages that wait for one terminal at most.
const MAX_WAITING: usize = 50;
/// Bytes of a credit.
const CREDIT: usize = 50;

/// A message from a terminal.
#[derive(Debug, Clone)]
pub(super) struct Up {
    pub(super) imei: String,
    pub(super) momsn: u16,
    /// In hex.
    pub(super) data: String,
    pub(super) at: Time,
    /// The webhook said yes.
    pub(super) told: bool,
}

/// A message for a terminal.
#[derive(Debug, Clone)]
struct Waiting {
    id: u64,
    imei: String,
    data: String,
}

/// The service.
pub(super) struct Service {
    pub(super) clock: Clock,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) terminals: Vec<String>,
    pub(super) faults: Faults,
    /// Where messages from terminals are told.
    pub(super) hook: Option<String>,
    /// Messages from terminals whose webhook is to be called.
    pub(super) to_tell: VecDeque<(Time, usize)>,
    pub(super) ups: Vec<Up>,
    waiting: Vec<Waiting>,
    next: u64,
    /// Credits by what they were charged for: `mo`, `mt`, `mailbox`.
    pub(super) credits: BTreeMap<&'static str, u64>,
    pub(super) journal: Vec<String>,
}

/// Credits of a message.
fn credits(bytes: usize) -> u64 {
    bytes.div_ceil(CREDIT).max(1) as u64
}

impl Service {
    pub(super) fn new(user: String, password: String, terminals: Vec<String>) -> Self {
        let clock = Clock::system();
        // A service started anew gives no number twice.
        let next = u64::try_from(clock.now().seconds()).unwrap_or(1);
        Self {
            clock,
            user,
            password,
            terminals,
            faults: Faults::new(&faults::MENU),
            hook: None,
            to_tell: VecDeque::new(),
            ups: Vec::new(),
            waiting: Vec::new(),
            next,
            credits: BTreeMap::new(),
            journal: Vec::new(),
        }
    }

    fn charge(&mut self, what: &'static str, credits: u64) {
        *self.credits.entry(what).or_default() += credits;
    }

    /// Answers a request.
    pub(super) fn handle(&mut self, request: &Request) -> Answer {
        if (request.method.as_str(), request.path.as_str()) != ("POST", "/rockblock/MT") {
            return Answer::new(404, "text/plain", b"no such page".to_vec());
        }
        let fault = self.faults.next("mt");
        if let Some(answer) = fault.and_then(faults::instead) {
            return answer;
        }
        let said = self.queue(&String::from_utf8_lossy(&request.body));
        self.journal.push(json!({"mt": said, "fault": fault.map(|fault| fault.name())}).to_string());
        let answer = Answer::new(200, "text/plain", said.into_bytes());
        match fault {
            Some(fault) => fault.spoil(answer),
            None => answer,
        }
    }

    /// Queues a message for a terminal.
    fn queue(&mut self, form: &str) -> String {
        let field = |name: &str| {
            let found = form_urlencoded::parse(form.as_bytes()).find(|(known, _)| known == name);
            found.map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        let (imei, data) = (field("imei"), field("data"));
        if field("username") != self.user || field("password") != self.password {
            return "FAILED,10,Invalid login credentials".to_owned();
        }
        if !self.terminals.contains(&imei) {
            return "FAILED,11,No RockBLOCK with this IMEI found on your account".to_owned();
        }
        if data.is_empty() {
            return "FAILED,16,No data".to_owned();
        }
        let Some(bytes) = hex::decode(data.as_bytes()) else {
            return "FAILED,14,Could not decode hex data".to_owned();
        };
        if bytes.len() > MAX_MT {
            return "FAILED,15,Data too long".to_owned();
        }
        if field("flush") == "yes" {
            self.waiting.retain(|waiting| waiting.imei != imei);
        }
        if self.count(&imei) >= MAX_WAITING {
            return "FAILED,99,System error, the queue is full".to_owned();
        }
        self.charge("mt", credits(bytes.len()));
        let id = self.next;
        self.next += 1;
        self.waiting.push(Waiting { id, imei, data });
        format!("OK,{id}")
    }

    fn count(&self, imei: &str) -> usize {
        self.waiting.iter().filter(|waiting| waiting.imei == imei).count()
    }

    /// Answers a question of a simulated modem.
    pub(super) fn sky(&mut self, ask: Ask) -> Reply {
        let refused = |why: &str| Reply { error: Some(why.to_owned()), ..Reply::default() };
        let count = |count: usize| Some(u32::try_from(count).unwrap_or(u32::MAX));
        match ask {
            Ask::Session { imei, .. } | Ask::Waiting(imei) if !self.terminals.contains(&imei) => {
                refused("no such terminal")
            }
            Ask::Session { imei, momsn, data } => {
                match &data {
                    Some(data) => self.charge("mo", credits(data.len() / 2)),
                    None => self.charge("mailbox", 1),
                }
                self.tell(&imei, momsn, data.unwrap_or_default());
                let waiting = self.waiting.iter().find(|waiting| waiting.imei == imei);
                let packet = waiting.map(|waiting| Down { packet_id: waiting.id, app: 0, data: waiting.data.clone() });
                let behind = self.count(&imei).saturating_sub(usize::from(packet.is_some()));
                Reply { ok: Some(true), packet, waiting: count(behind), ..Reply::default() }
            }
            Ask::Waiting(imei) => Reply { waiting: count(self.count(&imei)), ..Reply::default() },
            Ask::Arrived(id) => {
                self.waiting.retain(|waiting| waiting.id != id);
                Reply { ok: Some(true), ..Reply::default() }
            }
            Ask::Up { .. } | Ask::Take(_) => refused("no modem of that network"),
        }
    }

    /// A message came from a terminal; empty for a look into its mailbox.
    pub(super) fn tell(&mut self, imei: &str, momsn: u16, data: String) {
        let at = self.clock.now();
        self.ups.push(Up { imei: imei.to_owned(), momsn, data, at, told: false });
        self.to_tell.push_back((at, self.ups.len() - 1));
    }

    /// All that came from terminals, as JSON.
    pub(super) fn shown(&self) -> Vec<String> {
        let show = |up: &Up| json!({"imei": up.imei, "momsn": up.momsn, "data": up.data, "told": up.told}).to_string();
        self.ups.iter().map(show).collect()
    }

    /// All that waits for terminals, as JSON.
    pub(super) fn queued(&self) -> Vec<String> {
        let show = |it: &Waiting| json!({"id": it.id, "imei": it.imei, "data": it.data}).to_string();
        self.waiting.iter().map(show).collect()
    }
}
