//! Driver of the RockBLOCK service (Ground Control): the ground side of SBD modems for a box with internet, without any
//! hardware. Messages from terminals come by its webhook, messages for terminals go by its HTTP interface.
//!
//! After the vendor's pages "Receiving MO message" and "Sending MT message".

mod inbound;
mod outbound;
mod proof;

use crate::clock::{Clock, Time};
use crate::fault::Fault;
use crate::http_client::HttpClient;
use crate::link::ground::calls::{Heard, Unheard};
use crate::link::ground::{Ground, Handed, Service, client, missing, secret_path};
use crate::link::hooks::HookCall;
use crate::link::{Link, PairedWith};
use crate::settings::{Key, Settings};

/// See [`super::Driver::check`]; says what has to be typed into the vendor's form.
pub fn check(settings: &Settings, _: &[PairedWith]) -> Result<String, Vec<String>> {
    let (user, path) = (settings.text(Key::RockblockUser), settings.text(Key::RockblockPath));
    let public = settings.text(Key::SmsPublicUrl);
    let mut wrong = missing(path, "rockblock.path", public);
    if user.is_empty() || settings.text(Key::RockblockPassword).is_empty() {
        wrong.push("no log-in for RockBLOCK: set rockblock.user and rockblock.password".to_owned());
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
    Box::new(Ground::new(Rockblock::new(settings), clock))
}

struct Rockblock {
    http: HttpClient,
    user: String,
    password: String,
    path: String,
    keys: Vec<Vec<u8>>,
    /// Calls without a signature are taken, if they are forms.
    forms: bool,
    /// Errors of the service in a row.
    errors: u32,
}

impl Rockblock {
    fn new(settings: &Settings) -> Self {
        Self {
            http: client(Self::TITLE, "rockblock.url", settings.text(Key::RockblockUrl)),
            user: settings.text(Key::RockblockUser).to_owned(),
            password: settings.text(Key::RockblockPassword).to_owned(),
            path: settings.text(Key::RockblockPath).to_owned(),
            // A key that cannot be read proves nothing; `check` tells.
            keys: proof::keys(settings.text(Key::RockblockKey)).unwrap_or_default(),
            forms: settings.on(Key::RockblockForms),
            errors: 0,
        }
    }
}

impl Service for Rockblock {
    const TITLE: &'static str = "RockBLOCK";
    const NAME: &'static str = "rockblock";

    fn address(&self) -> &str {
        self.http.base()
    }

    fn user(&self) -> &str {
        &self.user
    }

    fn hook(&self) -> Option<String> {
        secret_path(Self::NAME, &self.path)
    }

    fn read(&mut self, call: &HookCall, now: Option<Time>) -> Result<Heard, Unheard> {
        inbound::read(&call.form, &call.body, &self.keys, self.forms, now)
    }

    fn complete(&self) -> Result<(), Fault> {
        match self.user.is_empty() {
            true => Err(Fault::operator("no RockBLOCK user is set: set rockblock.user and rockblock.password")),
            false => Ok(()),
        }
    }

    fn queue(&mut self, imei: &str, payload: &[u8]) -> Handed {
        self.hand_over(imei, payload)
    }
}

/// Reads this as each answer and call that may come, for the fuzzers.
#[cfg(fuzzing)]
pub fn fuzz(body: &[u8]) {
    let _ = (outbound::answer(body), inbound::read(&[], body, &[], true, None));
}
