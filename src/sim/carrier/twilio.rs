//! The interface of Twilio.

use serde_json::{Value, json};

use super::phones::{self, Text};
use super::{Carrier, logged_in};
use crate::sim::http::{Answer, Request};

/// Texts of a page where the request does not say.
const PAGE: usize = 50;

impl Carrier {
    pub(super) fn twilio(&mut self, request: &Request, account: &str, rest: &[&str], late: bool) -> Answer {
        if !logged_in(request, &self.options.account, &self.options.token) {
            return error(401, 20_003, "Authenticate");
        }
        if account != self.options.account {
            return not_found(request);
        }
        match (request.method.as_str(), rest) {
            ("POST", ["Messages.json"]) => self.twilio_send(request, late),
            ("GET", ["Messages.json"]) => self.twilio_list(&request.path, &form(request.query.as_bytes())),
            ("GET", ["Messages", file]) => match self.phones.find(file.trim_end_matches(".json")) {
                Some(text) => Answer::json(200, &self.item(text)),
                None => not_found(request),
            },
            _ => not_found(request),
        }
    }

    fn twilio_send(&mut self, request: &Request, late: bool) -> Answer {
        let form = form(&request.body);
        let all =
            |name: &'static str| form.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str());
        let field = |name: &'static str| all(name).next().unwrap_or("");
        let (from, to, body) = (field("From"), field("To"), field("Body"));
        let (service, media) = (field("MessagingServiceSid"), all("MediaUrl").count());
        let sender = self.service_sender(service);
        match () {
            () if to.is_empty() => return error(400, 21_604, "A 'To' phone number is required."),
            () if from.is_empty() && service.is_empty() => {
                return error(400, 21_603, "A 'From' phone number is required.");
            }
            () if body.is_empty() && media == 0 => return error(400, 21_602, "Message body is required."),
            // Neither a list of numbers nor the field given twice reaches a second phone.
            () if !phones::is_e164(to) || all("To").count() > 1 => {
                return error(400, 21_211, &format!("The 'To' number {to} is not a valid phone number."));
            }
            () if !service.is_empty() && sender.is_none() => {
                return error(400, 21_701, "The Messaging Service does not exist.");
            }
            () if !from.is_empty() && !phones::is_e164(from) => {
                return error(400, 21_212, &format!("The 'From' number {from} is not a valid phone number."));
            }
            () if !from.is_empty() && !self.owns(from) => {
                return error(400, 21_606, &format!("The 'From' phone number {from} is not one of this account."));
            }
            () if body.chars().count() > 1600 => {
                return error(400, 21_617, "The message body exceeds 1600 characters.");
            }
            () if media > 10 => return error(400, 21_623, "Number of media files exceeds allowed limit"),
            () if !all("MediaUrl").chain(all("StatusCallback")).all(is_url) => {
                return error(400, 21_609, "The 'StatusCallback' or 'MediaUrl' URL is not a valid URL.");
            }
            () => {}
        }
        let from = if from.is_empty() { sender.unwrap_or_default() } else { from.to_owned() };
        if let Some(code) = self.phones.refused(&from, to) {
            return error(400, code, "simulated refusal");
        }
        let id = self.phones.outbound(&from, to, body, late);
        let callback = Some(field("StatusCallback").to_owned()).filter(|url| !url.is_empty());
        self.phones.report_to(&id, callback, None);
        self.phones.attach(&id, media);
        let Some(text) = self.phones.find(&id) else { return Answer::json(201, &json!({"sid": id})) };
        let mut item = self.item(text);
        if !service.is_empty() {
            // Which of its numbers sends, and in how many parts, is decided later.
            item["status"] = json!("accepted");
            item["messaging_service_sid"] = json!(service);
            (item["from"], item["num_segments"]) = (Value::Null, json!("0"));
        }
        Answer::json(201, &item)
    }

    /// The number that sends for a messaging service, if there is such a service: any name of their form will do.
    fn service_sender(&self, service: &str) -> Option<String> {
        let is_hex = |rest: &str| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
        service.strip_prefix("MG").filter(|rest| is_hex(rest))?;
        Some(self.options.number.first().cloned().unwrap_or_else(|| "+15005550006".to_owned()))
    }

    fn twilio_list(&self, path: &str, query: &[(String, String)]) -> Answer {
        let field = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let number = |name: &str| field(name).and_then(|text| text.parse::<usize>().ok());
        let (size, page) = (number("PageSize").unwrap_or(PAGE).clamp(1, 1000), number("Page").unwrap_or(0));
        let fits = |text: &&Text| {
            field("To").is_none_or(|to| to == text.to)
                && field("From").is_none_or(|from| from == text.from)
                && field("DateSent>").is_none_or(|day| *day <= *iso(text.created))
        };
        let found: Vec<_> = self.phones.all().rev().filter(fits).collect();
        let items: Vec<_> = found.iter().skip(page * size).take(size).map(|text| self.item(text)).collect();
        let more = found.len() > (page + 1) * size;
        let rest: String = query
            .iter()
            .filter(|(name, _)| name != "Page")
            .map(|(name, value)| format!("&{}={}", encode(name), encode(value)))
            .collect();
        let next = more.then(|| format!("{path}?Page={}{rest}", page + 1));
        Answer::json(200, &json!({"messages": items, "next_page_uri": next, "page": page, "page_size": size}))
    }

    fn item(&self, text: &Text) -> Value {
        let at = date(text.created);
        json!({
            "sid": text.id, "account_sid": self.options.account, "api_version": "2010-04-01",
            "messaging_service_sid": null, "to": text.to, "from": text.from, "body": text.body,
            "direction": if text.outbound { "outbound-api" } else { "inbound" }, "status": text.status,
            "num_segments": text.segments().to_string(), "num_media": text.media.to_string(), "price": null, "price_unit": null,
            "error_code": text.code.filter(|_| text.status == "undelivered"), "error_message": null,
            "date_created": at, "date_updated": at,
            "date_sent": if text.status == "queued" { Value::Null } else { json!(at) },
            "uri": format!("/2010-04-01/Accounts/{}/Messages/{}.json", self.options.account, text.id),
        })
    }
}

fn not_found(request: &Request) -> Answer {
    error(404, 20_404, &format!("The requested resource {} was not found", request.path))
}

/// An address with a host name that Twilio calls: none with an underscore.
fn is_url(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let host = host.split(['/', '?', '#']).next().unwrap_or_default();
    !host.is_empty() && !host.contains('_')
}

fn error(status: u16, code: u64, message: &str) -> Answer {
    let more = format!("https://www.twilio.com/docs/errors/{code}");
    Answer::json(status, &json!({"code": code, "message": message, "more_info": more, "status": status}))
}

fn date(at: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
    at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// A time as `2026-11-25T08:00:00Z`.
pub fn iso(at: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Reads a form or a query.
pub fn form(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).into_owned().collect()
}

/// Text as part of a form or a query.
pub fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
