//! Driver of the Cloudloop service (Ground Control): the ground side of SBD and IMT modems for a box with internet, without
//! any hardware. Messages from terminals come by its webhook, messages for terminals go by its Data API.
//!
//! After the vendor's pages "HTTP destinations", "Lingo" and "Send messages", and what other clients of it show of its
//! answers. It signs no call: the secret in the address, and the networks that calls come from, tell who calls.

mod api;
mod lingo;
mod things;

use self::things::Things;
use crate::clock::{Clock, Time};
use crate::fault::Fault;
use crate::link::ground::calls::{Heard, Unheard};
use crate::link::ground::{Found, Ground, Handed, Service, missing, secret_path};
use crate::link::hooks::HookCall;
use crate::link::{Link, PairedWith};
use crate::settings::{Key, Settings};

/// See [`super::Driver::check`]; says what has to be typed into the vendor's form.
pub fn check(settings: &Settings, _: &[PairedWith]) -> Result<String, Vec<String>> {
    let (path, public) = (settings.text(Key::CloudloopPath), settings.text(Key::SmsPublicUrl));
    let mut wrong = missing(path, "cloudloop.path", public);
    if settings.text(Key::CloudloopToken).is_empty() {
        wrong.push("no token for Cloudloop: set cloudloop.token".to_owned());
    }
    if let Err(why) = Things::read(settings.text(Key::CloudloopThings)) {
        wrong.push(format!("cloudloop.things: {why}"));
    }
    match wrong.is_empty() {
        false => Err(wrong),
        true => Ok(format!(
            "type {public}/hooks/cloudloop/{path} into an HTTP destination at the service, with the format Lingo JSON"
        )),
    }
}

/// Makes the link; it opens nothing before the first poll.
pub fn make(settings: &Settings, clock: &Clock) -> Box<dyn Link> {
    Box::new(Ground::new(Cloudloop::new(settings), clock))
}

/// Largest message for an IMT modem, in bytes.
const MOST_IMT: usize = 100_000;

struct Cloudloop {
    api: api::Api,
    path: String,
    things: Things,
    /// Says which networks calls come from.
    settings: Settings,
}

impl Cloudloop {
    fn new(settings: &Settings) -> Self {
        Self {
            api: api::Api::new(settings),
            path: settings.text(Key::CloudloopPath).to_owned(),
            // What cannot be read names nothing; `check` tells.
            things: Things::read(settings.text(Key::CloudloopThings)).unwrap_or_default(),
            settings: settings.clone(),
        }
    }
}

impl Service for Cloudloop {
    const TITLE: &'static str = api::TITLE;
    const NAME: &'static str = lingo::NAME;

    fn address(&self) -> &str {
        self.api.address()
    }

    fn user(&self) -> &'static str {
        "the account of its token"
    }

    fn hook(&self) -> Option<String> {
        secret_path(Self::NAME, &self.path)
    }

    fn remember(&mut self, kept: &str) {
        self.things.remember(kept);
    }

    fn keep(&self) -> String {
        self.things.keep()
    }

    fn read(&mut self, call: &HookCall, _now: Option<Time>) -> Result<Heard, Unheard> {
        let near = |from| self.settings.contains(Key::CloudloopCallers, from);
        if !self.settings.text(Key::CloudloopCallers).is_empty() && !call.from.is_some_and(near) {
            let from = call.from.map_or_else(|| "an unknown address".to_owned(), |from| from.to_string());
            return Err(Unheard::Forbidden(format!("it came from {from}, which is not in cloudloop.callers")));
        }
        let (heard, thing) = lingo::read(&call.form, &call.body)?;
        if let Some((imei, thing)) = thing {
            self.things.learn(&imei, thing);
        }
        Ok(heard)
    }

    fn complete(&self) -> Result<(), Fault> {
        self.api.ready()
    }

    fn reaches(&self, imei: &str) -> Result<(), Fault> {
        self.things.of(imei).map(drop)
    }

    fn largest(&self, imei: &str) -> Option<usize> {
        self.things.of(imei).ok().filter(|thing| thing.imt).map(|_| MOST_IMT)
    }

    fn queue(&mut self, imei: &str, payload: &[u8]) -> Handed {
        match self.things.of(imei) {
            Ok(thing) => self.api.queue(thing, payload),
            Err(fault) => Handed::Refused(fault),
        }
    }

    fn find(&mut self, imei: &str, begins: &[u8], at: Time, now: Time) -> Found {
        self.things.of(imei).map_or(Found::Unknown, |thing| self.api.find(thing, begins, at, now))
    }

    fn queued(&mut self, numbers: &[u64]) {
        self.api.known(numbers);
    }

    fn exclude(&mut self, number: u64) {
        self.api.exclude(number);
    }
}

/// Reads this as each call and answer that may come, for the fuzzers.
#[cfg(fuzzing)]
pub fn fuzz(body: &[u8]) {
    let _ = (lingo::read(&[], body), api::number(body), api::Listed::read(body));
    let _ = std::str::from_utf8(body).map(Things::read);
}
