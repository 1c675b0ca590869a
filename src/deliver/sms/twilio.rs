//! Twilio Programmable Messaging (the vendor's REST interface of 2010-04-01).
//!
//! It has no key that makes a repeat harmless, so a request whose answer was lost is looked up among the texts between
//! the same two numbers. Texts from phones are listed (polling) or come by webhook.

mod errors;
pub mod hook;

use serde_json::Value;

use super::{Carrier, Delivery, Found, IncomingText, OutgoingText, Row, SmsRefusal, SmsResult, basic, needed};
use crate::clock::Time;
use crate::fault::Fault;
use crate::http_client::{Answer, CallError, HttpClient, encode, quote};
use crate::settings::{Key, Settings};
use errors::{judge, judge_report};

/// Twilio in the table of carriers.
pub const ROW: Row = Row {
    name: "twilio",
    title: "Twilio",
    polls: true,
    answers_help: true,
    settings: &[Key::TwilioUrl, Key::TwilioAccount, Key::TwilioToken, Key::SmsPublicUrl, Key::SmsTimeout],
    make: |settings| Twilio::new(settings).map(|twilio| Box::new(twilio) as Box<dyn Carrier>),
    hook: hook::read,
    // An empty answer: any other text would be sent back to the phone.
    yes: ("text/xml", "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response></Response>"),
};

/// Pages of a listing that are read at most, of 100 texts each.
const MOST_PAGES: usize = 50;
/// A look-up believes its own clock and that of Twilio to be together within this.
const TOLERANCE: std::time::Duration = std::time::Duration::from_secs(6 * 3600);

struct Twilio {
    http: HttpClient,
    login: String,
    account: String,
    /// Where reports are to go, without the query.
    callback: Option<String>,
}

impl Twilio {
    fn new(settings: &Settings) -> Result<Self, Fault> {
        let account = needed(settings, Key::TwilioAccount)?;
        let token = needed(settings, Key::TwilioToken)?;
        let url = settings.text(Key::TwilioUrl);
        let limit = settings.span(Key::SmsTimeout);
        let http = HttpClient::new(ROW.title, "twilio.url", url, limit);
        let login = basic(&account, &token);
        let public = settings.text(Key::SmsPublicUrl);
        let callback = (!public.is_empty()).then(|| format!("{public}/hooks/twilio"));
        Ok(Self { http, login, account, callback })
    }

    fn messages(&self) -> String {
        format!("/2010-04-01/Accounts/{}/Messages.json", encode(&self.account))
    }

    /// Gives `each` item of a listing, newest first, until it has seen enough.
    fn list(&self, query: &str, mut each: impl FnMut(&Value) -> Result<bool, Fault>) -> Result<(), Fault> {
        let what = "the list of texts";
        let mut path = format!("{}?PageSize=100{query}", self.messages());
        for _ in 0..MOST_PAGES {
            let answer =
                expect(what, self.http.get(what, &path, &[("Authorization", &self.login)]).map_err(CallError::fault)?)?;
            let body = answer.json();
            let Some(items) = body.get("messages").and_then(Value::as_array) else {
                return Err(Fault::temporary("Twilio: its list of texts cannot be read"));
            };
            for item in items {
                if !each(item)? {
                    return Ok(());
                }
            }
            match body.get("next_page_uri").and_then(Value::as_str) {
                Some(next) if next.starts_with("/2010-04-01/") => next.clone_into(&mut path),
                _ => return Ok(()),
            }
        }
        Err(Fault::temporary("Twilio: its list of texts has no end"))
    }
}

impl Carrier for Twilio {
    fn send(&mut self, text: &OutgoingText) -> SmsResult {
        let (from, to) = (text.from.to_string(), text.to.to_string());
        let callback = self.callback.as_ref().map(|url| format!("{url}?m={}", encode(&text.tag)));
        let mut form = vec![("To", to.as_str()), ("From", from.as_str()), ("Body", text.text.as_str())];
        form.extend(callback.as_deref().map(|url| ("StatusCallback", url)));
        let answer = match self.http.post_form("a text", &self.messages(), &[("Authorization", &self.login)], &form) {
            Ok(answer) => answer,
            Err(CallError::Unsent(fault)) => return SmsResult::Refused(fault.into()),
            Err(CallError::Lost(why)) => return SmsResult::Unknown(why),
        };
        match (answer.status, text_of(&answer.json(), "sid")) {
            (200..=299, Some(sid)) => SmsResult::Taken(sid),
            // Only what carries a code of the interface, or a 4xx, is known to be a no.
            (200..=299, None) => SmsResult::Unknown("Twilio said yes and gave no name for the text".to_owned()),
            (500..=599, _) => SmsResult::Unknown(format!("Twilio answered {} to a text", answer.status)),
            _ => SmsResult::Refused(refusal(&answer)),
        }
    }

    fn find(&mut self, text: &OutgoingText, since: Time, known: &dyn Fn(&str) -> bool) -> Result<Found, Fault> {
        let query = format!("&To={}&From={}", encode(&text.to.to_string()), encode(&text.from.to_string()));
        let mut found = None;
        self.list(&query, |item| {
            let created = text_of(item, "date_created").and_then(|date| rfc2822(&date));
            if created.is_some_and(|created| created < since - TOLERANCE) {
                return Ok(false);
            }
            let same = item.get("body").and_then(Value::as_str) == Some(&text.text);
            let outbound = text_of(item, "direction").is_none_or(|way| way.starts_with("outbound"));
            if let Some(sid) = text_of(item, "sid").filter(|sid| same && outbound && !known(sid)) {
                found = Some(sid);
            }
            Ok(found.is_none())
        })?;
        Ok(found.map_or(Found::Nothing { certain: true }, Found::Taken))
    }

    fn fate(&mut self, id: &str) -> Result<Delivery, Fault> {
        let what = "the state of a text";
        let path = format!("/2010-04-01/Accounts/{}/Messages/{}.json", encode(&self.account), encode(id));
        let answer = self.http.get(what, &path, &[("Authorization", &self.login)]).map_err(CallError::fault)?;
        if answer.status == 404 {
            return Ok(Delivery::Unclear("Twilio does not know it any more".to_owned()));
        }
        let answer = expect(what, answer)?;
        let body = answer.json();
        let status = text_of(&body, "status").unwrap_or_default();
        let code = body.get("error_code").and_then(Value::as_u64);
        Ok(fate(&status, code))
    }

    fn inbound(&mut self, since: Time, each: &mut dyn FnMut(IncomingText) -> Result<(), Fault>) -> Result<(), Fault> {
        let day = since.to_string();
        let query = format!("&DateSent%3E={}", encode(day.get(..10).unwrap_or_default()));
        self.list(&query, |item| {
            let at = ["date_sent", "date_created"].iter().find_map(|name| rfc2822(&text_of(item, name)?));
            if at.is_some_and(|at| at < since) {
                return Ok(false);
            }
            if text_of(item, "direction").as_deref() == Some("inbound")
                && let Some(incoming) = incoming(item, at.unwrap_or(since))
            {
                each(incoming)?;
            }
            Ok(true)
        })
    }
}

fn incoming(item: &Value, at: Time) -> Option<IncomingText> {
    let files = text_of(item, "num_media").and_then(|count| count.parse().ok()).unwrap_or(0);
    Some(IncomingText {
        id: text_of(item, "sid").filter(|sid| !sid.is_empty())?,
        // Without these it cannot be delivered, and is set aside.
        from: text_of(item, "from").unwrap_or_default(),
        to: text_of(item, "to").unwrap_or_default(),
        text: text_of(item, "body").unwrap_or_default(),
        files,
        // The list does not say.
        keyword: None,
        at,
    })
}

/// The meaning of a status and its error code, in an answer or in a report.
fn fate(status: &str, code: Option<u64>) -> Delivery {
    match status {
        "delivered" | "read" | "partially_delivered" => Delivery::Delivered,
        "undelivered" | "failed" => Delivery::Failed(judge_report(code)),
        "canceled" => Delivery::Failed(Fault::permanent("it was cancelled at Twilio").into()),
        _ => Delivery::Waiting,
    }
}

fn refusal(answer: &Answer) -> SmsRefusal {
    let body = answer.json();
    let code = body.get("code").and_then(Value::as_u64);
    let words = body.get("message").and_then(Value::as_str).map(quote).unwrap_or_default();
    SmsRefusal { after: answer.after, ..judge(code, answer.status, &words) }
}

/// The answer to a question about texts, if it is one.
fn expect(what: &str, answer: Answer) -> Result<Answer, Fault> {
    match answer.status {
        200..=299 => Ok(answer),
        401 | 403 => Err(refusal(&answer).fault),
        status => Err(Fault::temporary(format!("Twilio answered {status} to {what}"))),
    }
}

fn text_of(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// A date such as `Thu, 24 Aug 2023 05:01:45 +0000`.
fn rfc2822(date: &str) -> Option<Time> {
    let at = jiff::fmt::rfc2822::parse(date).ok()?;
    Some(Time(at.timestamp().as_millisecond()))
}
