//! The carrier's calls: made from the network's thread, repeated as the real ones do.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::faults::{FORGED, NEVER, SLOW, TWICE};
use super::phones::{Text, now};
use super::twilio::encode;
use super::{Carrier, bandwidth};
use crate::sim::faults::Fault;

/// Limit of one call.
const LIMIT: Duration = Duration::from_secs(10);
/// Bandwidth tries again after this (a day squeezed into seconds), Twilio never.
const AGAIN: i64 = 300;

/// A call that is to be made.
#[derive(Debug, Clone)]
pub struct Call {
    url: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// All that it says stands in the address.
    get: bool,
    /// Not before.
    at: i64,
    /// It is made until somebody says yes.
    until_yes: bool,
}

/// Calls that wait, and where they go.
#[derive(Debug, Default)]
pub struct Calls {
    waiting: Vec<Call>,
    /// What is called, and the address it has for the world.
    pub hook: Option<(String, String)>,
    /// Twilio's calls are made with GET.
    pub get: bool,
}

impl Calls {
    /// A call was made: if it has to be, it is made again.
    pub fn made(&mut self, call: Call, yes: bool) {
        if !yes && call.until_yes {
            self.waiting.push(Call { at: now() + AGAIN, ..call });
        }
    }

    /// Makes no call any more.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }
}

/// Makes a call; true when the answer was a yes.
pub fn make(call: &Call) -> bool {
    let config = ureq::Agent::config_builder().timeout_global(Some(LIMIT)).proxy(None).build();
    let agent: ureq::Agent = config.into();
    let headers = call.headers.iter();
    if call.get {
        return headers
            .fold(agent.get(&call.url), |request, (name, value)| request.header(*name, value))
            .call()
            .is_ok();
    }
    let request = headers.fold(agent.post(&call.url), |request, (name, value)| request.header(*name, value));
    request.send(&call.body[..]).is_ok()
}

impl Carrier {
    /// Calls that are due.
    pub(super) fn due_calls(&mut self) -> Vec<Call> {
        let now = now();
        let (due, waiting) = std::mem::take(&mut self.calls.waiting).into_iter().partition(|call| call.at <= now);
        self.calls.waiting = waiting;
        due
    }

    /// Tells a text from a phone.
    pub(super) fn tell_incoming(&mut self, id: &str) {
        let Some(text) = self.phones.find(id).cloned() else { return };
        let Some((url, public)) = self.calls.hook.clone() else { return };
        if self.options.carrier == "bandwidth" {
            let body = bandwidth::received(&text, &self.options.account).to_string().into_bytes();
            return self.call_bandwidth(&url, body);
        }
        let fields = self.incoming_fields(&text);
        self.call_twilio(&format!("{url}/hooks/twilio"), &format!("{public}/hooks/twilio"), fields);
    }

    fn incoming_fields(&self, text: &Text) -> Vec<(&'static str, String)> {
        const MEDIA: [(&str, &str); 3] = [
            ("MediaUrl0", "MediaContentType0"),
            ("MediaUrl1", "MediaContentType1"),
            ("MediaUrl2", "MediaContentType2"),
        ];
        let files = MEDIA.iter().take(text.media).enumerate().flat_map(|(at, (url, kind))| {
            [(*url, format!("https://media.example/{}/{at}", text.id)), (*kind, "image/jpeg".to_owned())]
        });
        let mut fields: Vec<_> = files.collect();
        fields.extend([
            ("ToCountry", "US".to_owned()),
            ("SmsMessageSid", text.id.clone()),
            ("NumMedia", text.media.to_string()),
            ("ToCity", String::new()),
            ("SmsSid", text.id.clone()),
            ("SmsStatus", "received".to_owned()),
            ("Body", text.body.clone()),
            ("To", text.to.clone()),
            ("NumSegments", text.segments().to_string()),
            ("MessageSid", text.id.clone()),
            ("AccountSid", self.options.account.clone()),
            ("From", text.from.clone()),
            ("ApiVersion", "2010-04-01".to_owned()),
        ]);
        fields
    }

    /// Tells how far a text to a phone got.
    pub(super) fn tell_report(&mut self, id: &str) {
        let Some(text) = self.phones.find(id).cloned() else { return };
        if let Some(callback) = &text.callback {
            let Some((url, public)) = self.calls.hook.clone() else { return };
            let mut fields = vec![
                ("SmsSid", text.id.clone()),
                ("SmsStatus", text.status.to_owned()),
                ("MessageStatus", text.status.to_owned()),
                ("To", text.to.clone()),
                ("MessageSid", text.id.clone()),
                ("AccountSid", self.options.account.clone()),
                ("From", text.from.clone()),
                ("ApiVersion", "2010-04-01".to_owned()),
            ];
            fields
                .extend(text.code.filter(|_| text.status == "undelivered").map(|code| ("ErrorCode", code.to_string())));
            let reached = callback.replacen(&public, &url, 1);
            return self.call_twilio(&reached, callback, fields);
        }
        if self.options.carrier == "bandwidth"
            && let (Some(event), Some((url, _))) =
                (bandwidth::reported(&text, &self.options.account), self.calls.hook.clone())
        {
            self.call_bandwidth(&url, event.to_string().into_bytes());
        }
    }

    fn call_twilio(&mut self, url: &str, public: &str, mut fields: Vec<(&'static str, String)>) {
        let body: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        fields.sort();
        let signed: String = fields.iter().flat_map(|(name, value)| [*name, value.as_str()]).collect();
        let get = self.calls.get;
        let query = format!("{}{}", if public.contains('?') { '&' } else { '?' }, body.join("&"));
        let (signed, url) = if get { (query.clone(), format!("{url}{query}")) } else { (signed, url.to_owned()) };
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.options.token.as_bytes());
        let signature = STANDARD.encode(ring::hmac::sign(&key, format!("{public}{signed}").as_bytes()));
        let headers = vec![
            ("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8".to_owned()),
            ("User-Agent", "TwilioProxy/1.1".to_owned()),
            ("X-Twilio-Signature", signature),
        ];
        let body = body.join("&").into_bytes();
        self.call(Call { url, headers, body, get, at: now(), until_yes: false });
    }

    fn call_bandwidth(&mut self, url: &str, body: Vec<u8>) {
        let login = format!("Basic {}", STANDARD.encode(&self.options.hook_login));
        let headers = vec![
            ("Content-Type", "application/json; charset=utf-8".to_owned()),
            ("User-Agent", "BandwidthAPI/v2".to_owned()),
            ("Authorization", login),
        ];
        self.call(Call {
            url: format!("{url}/hooks/bandwidth"),
            headers,
            body,
            get: false,
            at: now(),
            until_yes: true,
        });
    }

    fn call(&mut self, call: Call) {
        match self.faults.next("call") {
            Some(Fault::Own(NEVER)) => {}
            Some(Fault::Own(TWICE)) => self.calls.waiting.extend([call.clone(), call]),
            Some(Fault::Own(SLOW)) => self.calls.waiting.push(Call { at: call.at + 2000, ..call }),
            Some(Fault::Own(FORGED)) => {
                let spoil = |(name, value): (&'static str, String)| match name {
                    "X-Twilio-Signature" | "Authorization" => (name, value.to_lowercase()),
                    _ => (name, value),
                };
                let headers = call.headers.into_iter().map(spoil).collect();
                self.calls.waiting.push(Call { headers, until_yes: false, ..call });
            }
            _ => self.calls.waiting.push(call),
        }
    }
}
