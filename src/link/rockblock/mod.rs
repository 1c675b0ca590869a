//! Driver of the RockBLOCK service (Ground Control): the ground side of SBD modems for a box with internet, without any
//! hardware. Messages from terminals come by its webhook, messages for terminals go by its HTTP interface.
//!
//! After the vendor's pages "Receiving MO message" and "Sending MT message". The service gives no key to a message: one
//! whose answer is lost may have been queued, and is never sent again on a guess.

mod inbound;
mod outbound;
mod proof;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use smol::channel::{Receiver, Sender};
use smol::future::or;

use self::inbound::{Unheard, Up};
use crate::clock::Clock;
use crate::fault::Fault;
use crate::http_client::HttpClient;
use crate::link::hooks::HookCall;
use crate::link::{
    Equipment, Event, Health, Inbound, Link, LinkPacket, PacketStatus, PairedWith, SubmitResult, Token, Verdict,
};
use crate::message::reason::{Acknowledged, DeviceReason, TrackingReason};
use crate::message::{Intent, Reason, Reference};
use crate::settings::{Key, Settings};

/// Largest payload that goes down in one message, in bytes.
pub const MAX_PAYLOAD: usize = 270;
/// Messages that the gateway keeps for one terminal.
pub const WINDOW: usize = 50;
/// Limit of a call to the service.
const CALL: Duration = Duration::from_secs(20);
/// Shortest secret part of the address, in characters.
const LEAST_PATH: usize = 16;

/// What people call the service.
fn service() -> String {
    "RockBLOCK".to_owned()
}

/// See [`super::Driver::check`]; says what has to be typed into the vendor's form.
pub fn check(settings: &Settings, _: &[PairedWith]) -> Result<String, Vec<String>> {
    let mut wrong = Vec::new();
    let (user, path) = (settings.text(Key::RockblockUser), settings.text(Key::RockblockPath));
    if user.is_empty() || settings.text(Key::RockblockPassword).is_empty() {
        wrong.push("no log-in for RockBLOCK: set rockblock.user and rockblock.password".to_owned());
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if path.len() < LEAST_PATH || !path.chars().all(fits) {
        wrong.push(format!(
            "the webhook has no secret address: set rockblock.path to {LEAST_PATH} or more random characters"
        ));
    }
    let public = settings.text(Key::SmsPublicUrl);
    if public.is_empty() {
        wrong.push("the service cannot call this box: set sms.public_url to its public address".to_owned());
    }
    if let Err(why) = proof::keys(settings.text(Key::RockblockKey)) {
        wrong.push(format!("rockblock.key: {why}"));
    }
    match wrong.is_empty() {
        false => Err(wrong),
        true => Ok(format!(
            "type {public}/hooks/rockblock/{path} into the delivery group at the service, with the format HTTP_JSON; \
             messages are sent as {user}"
        )),
    }
}

/// Makes the link; it opens nothing before the first poll.
pub fn make(settings: &Settings, clock: &Clock) -> Box<dyn Link> {
    Box::new(Rockblock::new(settings, clock))
}

struct Rockblock {
    clock: Clock,
    http: HttpClient,
    user: String,
    password: String,
    path: String,
    keys: Vec<Vec<u8>>,
    /// Calls without a signature are taken, if they are forms.
    forms: bool,
    calls: Option<Receiver<HookCall>>,
    /// Calls whose message is not kept yet, by the token of that.
    unanswered: BTreeMap<u64, Sender<u16>>,
    last_token: u64,
    /// Why nothing is sent, and until when.
    blocked: Option<(Fault, Instant)>,
    /// Errors of the service in a row.
    errors: u32,
    /// When the service was called last: it is called once a second.
    called: Option<Instant>,
    /// It has answered.
    answered: bool,
    /// A call that was refused since the last good one.
    refused: Option<String>,
    health: Health,
    events: Vec<Event>,
}

impl Rockblock {
    fn new(settings: &Settings, clock: &Clock) -> Self {
        let http = HttpClient::new("RockBLOCK", "rockblock.url", settings.text(Key::RockblockUrl), CALL);
        Self {
            clock: clock.clone(),
            health: Health { port: Some(http.base().to_owned()), ..Health::default() },
            http,
            user: settings.text(Key::RockblockUser).to_owned(),
            password: settings.text(Key::RockblockPassword).to_owned(),
            path: settings.text(Key::RockblockPath).to_owned(),
            // A key that cannot be read proves nothing; `check` tells.
            keys: proof::keys(settings.text(Key::RockblockKey)).unwrap_or_default(),
            forms: settings.on(Key::RockblockForms),
            calls: None,
            unanswered: BTreeMap::new(),
            last_token: 0,
            blocked: None,
            errors: 0,
            called: None,
            answered: false,
            refused: None,
            events: Vec::new(),
        }
    }

    /// Why nothing is sent now.
    fn blocked(&self) -> Option<&Fault> {
        self.blocked.as_ref().filter(|(_, until)| Instant::now() < *until).map(|(why, _)| why)
    }

    fn state(&self) -> Reason {
        match (self.blocked(), &self.refused) {
            (Some(fault), _) => fault.reason().clone(),
            (None, Some(why)) => Reason::said(format_args!("ready, but a call to the webhook was refused: {why}")),
            (None, None) if self.answered => {
                DeviceReason::Answers { service: service(), user: self.user.clone(), others: None }.into()
            }
            (None, None) => DeviceReason::NotAsked { service: service() }.into(),
        }
    }

    /// Reports the state of the link when it changed.
    fn report(&mut self) {
        let health = Health { ready: self.blocked().is_none(), state: self.state(), ..self.health.clone() };
        // What was never told is news, whatever it is.
        if health != self.health || !self.health.ready && health.ready {
            self.health = health.clone();
            self.events.push(Event::Health(health));
        }
    }

    /// A call of the service came in.
    fn on_call(&mut self, call: HookCall) {
        let now = self.clock.believable().then(|| self.clock.now());
        log::debug!("rockblock: a call ({}) of {} bytes", call.kind, call.body.len());
        let answer = call.answer;
        match inbound::read(&call.form, &call.body, &self.keys, self.forms, now) {
            Ok(up) => self.on_message(up, answer),
            Err(Unheard::Forbidden(why)) => {
                log::warn!("rockblock: a call to the webhook is refused: {why}");
                self.refused = Some(why);
                // Fails when who called has left.
                let _ = answer.try_send(403);
            }
            Err(Unheard::Unusable(why)) => {
                let token = self.token(answer);
                self.events.push(Event::Poison { bytes: call.body, why: Reason::said(why), token });
            }
        }
    }

    fn on_message(&mut self, up: Up, answer: Sender<u16>) {
        self.refused = None;
        self.health.last_satellite = Some(self.clock.now());
        self.events.push(Event::Health(self.health.clone()));
        if up.payload.is_empty() {
            log::info!("rockblock: {} looked into its mailbox", up.imei.shown());
            // Fails when who called has left.
            let _ = answer.try_send(200);
            return;
        }
        let token = self.token(answer);
        let Up { imei, payload, key, sent } = up;
        self.events.push(Event::Inbound(Inbound {
            device: Some(imei),
            payload,
            wholes: Vec::new(),
            key,
            received: sent,
            token,
        }));
    }

    fn token(&mut self, answer: Sender<u16>) -> Token {
        self.last_token += 1;
        // Who called and was not answered in time has left, and calls again.
        self.unanswered.retain(|_, answer| !answer.is_closed());
        self.unanswered.insert(self.last_token, answer);
        Token(self.last_token)
    }

    fn next_call(&mut self) -> Option<HookCall> {
        self.calls.as_ref()?.try_recv().ok()
    }
}

impl Link for Rockblock {
    fn equip(&mut self, equipment: &Equipment) {
        if self.path.len() >= LEAST_PATH {
            self.calls = Some(equipment.callers.hooks.listen(&format!("rockblock/{}", self.path)));
        }
    }

    fn poll(&mut self, wake: &Receiver<()>, wait: Duration) -> Vec<Event> {
        let until = Instant::now() + wait;
        loop {
            while let Some(call) = self.next_call() {
                self.on_call(call);
            }
            self.report();
            let now = Instant::now();
            if !self.events.is_empty() || now >= until {
                return std::mem::take(&mut self.events);
            }
            let blocked = self.blocked.as_ref().map(|(_, until)| *until).filter(|until| *until > now);
            let next = blocked.map_or(until, |at| at.min(until));
            let woken = async { wake.recv().await.map_or(true, |()| true) };
            let called = async {
                match &self.calls {
                    Some(calls) => calls.recv().await.ok(),
                    None => std::future::pending().await,
                }
            };
            let over = async {
                smol::Timer::at(next).await;
                None
            };
            let heard = smol::block_on(or(
                async {
                    woken.await;
                    Some(None)
                },
                async { or(called, over).await.map(Some) },
            ));
            match heard {
                Some(Some(call)) => self.on_call(call),
                Some(None) => return std::mem::take(&mut self.events),
                None => {}
            }
        }
    }

    fn prepare(&mut self, packet: &LinkPacket) -> Result<Intent, Fault> {
        self.prepare_message(packet)
    }

    fn send(&mut self, packet: &LinkPacket, _intent: &Intent) -> SubmitResult {
        let result = self.hand_over(packet);
        if let SubmitResult::Taken(reference) = &result {
            // The gateway keeps it until the terminal comes; it says no more than that.
            self.events.push(Event::Sent { reference: reference.clone(), how: Acknowledged::NotKnown });
        }
        result
    }

    fn reconcile(&mut self, _packet: &LinkPacket, _intent: &Intent) -> Verdict {
        Verdict::Unknown(TrackingReason::MayBeQueued { service: service() }.into())
    }

    fn still_held(&mut self, _reference: &Reference) -> PacketStatus {
        PacketStatus::Sent
    }

    fn cancel(&mut self, _reference: &Reference) -> PacketStatus {
        PacketStatus::Unknown(TrackingReason::NoWithdrawal { service: service() }.into())
    }

    fn confirm(&mut self, token: &Token) -> Result<(), Fault> {
        if let Some(answer) = self.unanswered.remove(&token.0) {
            // Fails when who called has left: it calls again, and is recognised.
            let _ = answer.try_send(200);
        }
        Ok(())
    }

    fn console(&mut self, _line: &str) -> Result<(), Fault> {
        Err(Fault::permanent("RockBLOCK has no console"))
    }
}

/// Reads this as each answer and call that may come, for the fuzzers.
#[cfg(fuzzing)]
pub fn fuzz(body: &[u8]) {
    let _ = (outbound::answer(body), inbound::read(&[], body, &[], true, None));
}
