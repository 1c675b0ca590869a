//! What the ground services of satellite networks have in common: messages from terminals come by a webhook behind a secret
//! path, or by another way that leads to the same place, and messages for terminals are queued by a call each. A driver is
//! one [`Service`]; [`Ground`] makes a [`Link`] of it.
//!
//! No service gives a key to what it is to send: a message whose answer is lost may have been queued, and is never sent again
//! on a guess.

pub mod calls;
pub mod fields;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use smol::channel::{Receiver, Sender};
use smol::future::or;

pub use self::calls::{Found, Handed};
use self::calls::{Heard, Unheard, Up};
use crate::address::LinkAddress;
use crate::clock::{Clock, Time};
use crate::fault::Fault;
use crate::hex;
use crate::http_client::HttpClient;
use crate::link::hooks::HookCall;
use crate::link::{Equipment, Event, Health, Inbound, Link, LinkPacket, PacketStatus, SubmitResult, Token, Verdict};
use crate::message::reason::{Acknowledged, DeviceReason, TrackingReason};
use crate::message::{Intent, Reason, Reference};
use crate::settings::is_unguessable;

/// Messages that a gateway of SBD keeps for one terminal.
pub const WINDOW: usize = 50;
/// A service offers a message to its receiver again and again for so long.
pub const TRANSIT: Duration = Duration::from_secs(12 * 3600);
/// Largest payload that goes down to an SBD terminal in one message, in bytes.
pub const MAX_PAYLOAD: usize = 270;
/// Bytes at the beginning of a message by which it is known in the list of a service: no list shows more of one.
const BEGINS: usize = 128;
/// Between two calls.
const APART: Duration = Duration::from_secs(1);
/// Limit of a call to the service.
const CALL: Duration = Duration::from_secs(20);
/// An account that is refused is not tried before this time: the service may lock it.
pub const LOGIN_AGAIN: Duration = Duration::from_secs(3600);
/// A service that certainly did not get a call is left alone for this time.
pub const UNSENT_AGAIN: Duration = Duration::from_secs(30);
/// After an error of the service it is left alone for this time.
pub const ERROR_AGAIN: Duration = Duration::from_secs(300);

/// A ground service, as its driver knows it.
pub trait Service: Send {
    /// What people call it.
    const TITLE: &'static str;
    /// What the references of its messages, and the path of its webhook, begin with.
    const NAME: &'static str;

    /// Where it is, as the page shows it.
    fn address(&self) -> &str;

    /// The name of this box's account there; the page shows it.
    fn user(&self) -> &str;

    /// The path that it is called at, if it is called.
    fn hook(&self) -> Option<String>;

    /// Is given what only the box knows.
    fn equip(&mut self, _equipment: &Equipment) {}

    /// How often it wants to look for what came; `None` where it is called.
    fn looks(&self) -> Option<Duration> {
        None
    }

    /// Looks for what came; each is to be read as a call.
    ///
    /// # Errors
    /// Why it could not look.
    fn look(&mut self) -> Result<Vec<HookCall>, Fault> {
        Ok(Vec::new())
    }

    /// Is given back what [`Service::keep`] gave in an earlier life.
    fn remember(&mut self, _kept: &str) {}

    /// What it has to know in its next life.
    fn keep(&self) -> String {
        String::new()
    }

    /// Reads a call. `now` is given where the clock is believed.
    ///
    /// # Errors
    /// Why nothing comes of it.
    fn read(&mut self, call: &HookCall, now: Option<Time>) -> Result<Heard, Unheard>;

    /// Whether its settings are enough to send anything.
    ///
    /// # Errors
    /// What is missing.
    fn complete(&self) -> Result<(), Fault>;

    /// Whether something could be handed over for this terminal.
    ///
    /// # Errors
    /// What is missing.
    fn reaches(&self, _imei: &str) -> Result<(), Fault> {
        Ok(())
    }

    /// Largest message for this terminal, in bytes, where that is more than [`MAX_PAYLOAD`].
    fn largest(&self, _imei: &str) -> Option<usize> {
        None
    }

    /// Hands a message over.
    fn queue(&mut self, imei: &str, payload: &[u8]) -> Handed;

    /// What became of a message that began so and was handed over at this time, if the service can be asked.
    fn find(&mut self, _imei: &str, _begins: &[u8], _at: Time, _now: Time) -> Found {
        Found::Unknown
    }

    /// These are numbers of messages that it has certainly queued, the newest first.
    fn queued(&mut self, _numbers: &[u64]) {}

    /// This number is known to be another message with the same content.
    fn exclude(&mut self, _number: u64) {}
}

/// A client of a service: of this title, at the address that the setting holds.
pub fn client(title: &'static str, setting: &'static str, address: &str) -> HttpClient {
    HttpClient::new(title, setting, address, CALL)
}

/// The path of a webhook of this service with this secret part, if nobody guesses that.
pub fn secret_path(name: &str, secret: &str) -> Option<String> {
    is_unguessable(secret).then(|| format!("{name}/{secret}"))
}

/// What is missing for a webhook: its secret part, which the setting of this name holds, and the public address.
pub fn missing(path: &str, setting: &str, public: &str) -> Vec<String> {
    let mut missing = Vec::new();
    if !is_unguessable(path) {
        missing.push(format!("the webhook has no secret address: set {setting} to 16 or more random characters"));
    }
    if public.is_empty() {
        missing.push("the service cannot call this box: set sms.public_url to its public address".to_owned());
    }
    missing
}

/// What is kept over restarts, as a note of the link.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// When the service was heard last.
    heard: Option<Time>,
    /// What the service itself keeps.
    own: String,
}

/// The link of a ground service.
pub struct Ground<S> {
    service: S,
    clock: Clock,
    calls: Option<Receiver<HookCall>>,
    /// Calls whose message is not kept yet, by the token of that.
    unanswered: BTreeMap<u64, Sender<u16>>,
    last_token: u64,
    /// Why nothing is sent, and until when.
    blocked: Option<(Fault, Instant)>,
    /// When the service was called last: it is called once a second.
    called: Option<Instant>,
    /// The service has answered a call since the program started.
    answered: bool,
    /// Why the last call was refused, if none was good since.
    refused: Option<String>,
    /// When the service is asked next for what came.
    look_at: Instant,
    /// Why that did not work the last time.
    blind: Option<Fault>,
    kept: Kept,
    health: Health,
    events: Vec<Event>,
}

impl<S: Service> Ground<S> {
    /// The link of this service; it opens nothing before the first poll.
    pub fn new(service: S, clock: &Clock) -> Self {
        Self {
            health: Health { port: Some(service.address().to_owned()), ..Health::default() },
            service,
            clock: clock.clone(),
            calls: None,
            unanswered: BTreeMap::new(),
            last_token: 0,
            blocked: None,
            called: None,
            answered: false,
            refused: None,
            look_at: Instant::now(),
            blind: None,
            kept: Kept::default(),
            events: Vec::new(),
        }
    }

    /// Why nothing is sent now.
    fn blocked(&self) -> Option<&Fault> {
        self.blocked.as_ref().filter(|(_, until)| Instant::now() < *until).map(|(why, _)| why)
    }

    fn state(&self) -> Reason {
        let service = S::TITLE.to_owned();
        if let Err(lacks) = self.service.complete() {
            return lacks.reason().clone();
        }
        match (self.blocked(), &self.refused) {
            (Some(fault), _) => fault.reason().clone(),
            (None, Some(why)) => Reason::said(format_args!("ready, but a call to the webhook was refused: {why}")),
            (None, None) if self.blind.is_some() => Reason::said(format_args!(
                "ready to send, but what came cannot be fetched: {}",
                self.blind.as_ref().map(Fault::why).unwrap_or_default()
            )),
            (None, None) if self.answered => {
                DeviceReason::Answers { service, user: self.service.user().to_owned(), others: None }.into()
            }
            (None, None) => DeviceReason::NotAsked { service }.into(),
        }
    }

    /// Reports the state of the link when it changed.
    fn report(&mut self) {
        let ready = self.blocked().is_none() && self.service.complete().is_ok();
        let health = Health { ready, state: self.state(), ..self.health.clone() };
        // What was never told is news, whatever it is.
        if health != self.health || !self.health.ready && health.ready {
            self.health = health.clone();
            self.events.push(Event::Health(health));
        }
    }

    /// A call of the service came in.
    fn on_call(&mut self, call: HookCall) {
        let now = self.clock.believable().then(|| self.clock.now());
        log::debug!("{}: a call ({}) of {} bytes", S::NAME, call.kind, call.body.len());
        match self.service.read(&call, now) {
            Ok(heard) => {
                self.heard();
                if self.service.keep() != self.kept.own {
                    self.events.push(Event::Keep);
                }
                match heard {
                    Heard::Message(up) => self.on_message(up, call.answer),
                    Heard::Nothing(words) => {
                        log::info!("{}: {words}", S::NAME);
                        // Fails when who called has left.
                        let _ = call.answer.try_send(200);
                    }
                }
            }
            Err(Unheard::Forbidden(why)) => {
                log::warn!("{}: a call to the webhook is refused: {why}", S::NAME);
                self.refused = Some(why);
                // Fails when who called has left.
                let _ = call.answer.try_send(403);
            }
            Err(Unheard::Unusable(why)) => {
                let token = self.token(call.answer);
                self.events.push(Event::Poison { bytes: call.body, why: Reason::said(why), token });
            }
        }
    }

    /// The service itself has called.
    fn heard(&mut self) {
        self.refused = None;
        self.kept.heard = Some(self.clock.now());
        self.health.last_satellite = self.kept.heard;
        self.events.push(Event::Health(self.health.clone()));
    }

    fn on_message(&mut self, up: Up, answer: Sender<u16>) {
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

    /// Looks for what came, if it is time.
    fn look(&mut self) {
        let Some(every) = self.service.looks().filter(|_| Instant::now() >= self.look_at) else { return };
        match self.service.look() {
            Ok(calls) => {
                self.blind = None;
                calls.into_iter().for_each(|call| self.on_call(call));
            }
            Err(fault) => {
                log::warn!("{}: {fault}", S::NAME);
                self.blind = Some(fault);
            }
        }
        self.look_at = Instant::now() + every;
    }

    fn next_call(&mut self) -> Option<HookCall> {
        self.calls.as_ref()?.try_recv().ok()
    }

    fn block(&mut self, fault: Fault, again: Duration) {
        log::warn!("{}: {fault}", S::NAME);
        self.blocked = Some((fault, Instant::now() + again));
    }

    fn reference(number: u64) -> Reference {
        Reference { holder: S::NAME.to_owned(), number }
    }
}

/// Gives the IMEI of the terminal that a packet is for.
fn terminal(packet: &LinkPacket) -> Result<String, Fault> {
    match packet.device {
        Some(LinkAddress::Imei(imei)) => Ok(imei.to_string()),
        _ => Err(Fault::Operator(TrackingReason::NoDevice.into())),
    }
}

impl<S: Service> Link for Ground<S> {
    fn equip(&mut self, equipment: &Equipment) {
        // What an older version kept, or another driver under this name, is worth nothing.
        self.kept = serde_json::from_slice(&equipment.kept).unwrap_or_default();
        self.health.last_satellite = self.kept.heard;
        self.service.remember(&self.kept.own);
        self.service.equip(equipment);
        self.calls = self.service.hook().map(|path| equipment.callers.hooks.listen(&path));
    }

    fn remember(&mut self, taken: &[(Reference, bool)]) {
        let numbers: Vec<_> = taken.iter().filter(|(it, _)| it.holder == S::NAME).map(|(it, _)| it.number).collect();
        self.service.queued(&numbers);
    }

    fn keep(&mut self) -> Option<Vec<u8>> {
        self.kept.own = self.service.keep();
        serde_json::to_vec(&self.kept).ok()
    }

    fn encloses(&self, device: Option<LinkAddress>) -> usize {
        let Some(LinkAddress::Imei(imei)) = device else { return 0 };
        self.service.largest(&imei.to_string()).unwrap_or_default()
    }

    fn poll(&mut self, wake: &Receiver<()>, wait: Duration) -> Vec<Event> {
        let until = Instant::now() + wait;
        loop {
            while let Some(call) = self.next_call() {
                self.on_call(call);
            }
            self.look();
            self.report();
            let now = Instant::now();
            if !self.events.is_empty() || now >= until {
                return std::mem::take(&mut self.events);
            }
            let blocked = self.blocked.as_ref().map(|(_, until)| *until).filter(|until| *until > now);
            let look = self.service.looks().map(|_| self.look_at);
            let next = blocked.into_iter().chain(look).fold(until, Instant::min);
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
        let (bytes, most) = (packet.payload.len(), MAX_PAYLOAD.max(self.encloses(packet.device)));
        if bytes == 0 || bytes > most {
            return Err(Fault::refused(TrackingReason::Length { bytes, most }));
        }
        self.service.complete()?;
        self.service.reaches(&terminal(packet)?)?;
        match self.blocked() {
            Some(fault) => Err(fault.clone()),
            None => Ok(Intent { at: self.clock.now(), memo: hex::encode(&packet.payload[..bytes.min(BEGINS)]) }),
        }
    }

    fn send(&mut self, packet: &LinkPacket, _intent: &Intent) -> SubmitResult {
        let imei = match terminal(packet) {
            Ok(imei) => imei,
            Err(fault) => return SubmitResult::RefusedPacket(fault),
        };
        if let Some(rest) = self.called.and_then(|at| APART.checked_sub(at.elapsed())) {
            crate::clock::sleep(rest);
        }
        self.called = Some(Instant::now());
        match self.service.queue(&imei, &packet.payload) {
            Handed::Queued(number) => {
                self.answered = true;
                let reference = Self::reference(number);
                // The gateway keeps it until the terminal comes; it says no more than that.
                self.events.push(Event::Sent { reference: reference.clone(), how: Acknowledged::NotKnown });
                SubmitResult::Taken(reference)
            }
            Handed::Stopped(fault, again) => {
                self.block(fault.clone(), again);
                SubmitResult::Refused(fault)
            }
            Handed::Refused(fault) => SubmitResult::RefusedPacket(fault),
            Handed::Unknown(why) => SubmitResult::Unknown(why),
        }
    }

    fn reconcile(&mut self, packet: &LinkPacket, intent: &Intent) -> Verdict {
        let now = self.clock.now();
        let service = S::TITLE.to_owned();
        // What was handed over had whole mails around it, maybe. Earlier versions had none, and no memo.
        let memo = hex::decode(intent.memo.as_bytes()).filter(|begins| !begins.is_empty());
        let begins = memo.as_deref().unwrap_or(&packet.payload);
        let found = terminal(packet).map(|imei| self.service.find(&imei, begins, intent.at, now));
        match found.unwrap_or(Found::Unknown) {
            Found::Queued(number) => Verdict::Sent(Self::reference(number)),
            Found::Never => Verdict::NotTaken(TrackingReason::NotListed { service, settled: true }.into()),
            Found::Unknown => Verdict::Unknown(TrackingReason::MayBeQueued { service }.into()),
        }
    }

    fn exclude_match(&mut self, reference: &Reference) {
        self.service.exclude(reference.number);
    }

    fn still_held(&mut self, _reference: &Reference) -> PacketStatus {
        PacketStatus::Sent
    }

    fn cancel(&mut self, _reference: &Reference) -> PacketStatus {
        PacketStatus::Unknown(TrackingReason::NoWithdrawal { service: S::TITLE.to_owned() }.into())
    }

    fn confirm(&mut self, token: &Token) -> Result<(), Fault> {
        if let Some(answer) = self.unanswered.remove(&token.0) {
            // Fails when who called has left: it calls again, and is recognised.
            let _ = answer.try_send(200);
        }
        Ok(())
    }

    fn console(&mut self, _line: &str) -> Result<(), Fault> {
        Err(Fault::permanent(format_args!("{} has no console", S::TITLE)))
    }
}
