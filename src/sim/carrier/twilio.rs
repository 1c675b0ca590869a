//! The interface of Twilio.

use serde_json::{Value, json};

use super::phones::Text;
use super::{Carrier, logged_in};
use crate::sim::http::{Answer, Request};

/// Texts of a page where the request does not say.
const PAGE: usize = 50;

impl Carrier {
    pub(super) fn twilio(&mut self, request: &Request, account: &str, rest: &[&str], late: bool) -> Answer {
        if account != self.options.account || !logged_in(request, account, &self.options.token) {
            return error(401, 20_003, "Authenticate");
        }
        match (request.method.as_str(), rest) {
            ("POST", ["Messages.json"]) => self.twilio_send(request, late),
            ("GET", ["Messages.json"]) => self.twilio_list(&request.path, &form(request.query.as_bytes())),
            ("GET", ["Messages", file]) => match self.phones.find(file.trim_end_matches(".json")) {
                Some(text) => Answer::json(200, &self.item(text)),
                None => error(404, 20_404, "The requested resource was not found"),
            },
            _ => error(404, 20_404, "The requested resource was not found"),
        }
    }

    fn twilio_send(&mut self, request: &Request, late: bool) -> Answer {
        let form = form(&request.body);
        let field = |name: &str| form.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
        let (from, to, body) = (field("From"), field("To"), field("Body"));
        let number = |text: &str| text.strip_prefix('+').is_some_and(|d| d.len() > 6 && d.parse::<u64>().is_ok());
        match () {
            () if to.is_empty() => return error(400, 21_604, "A 'To' phone number is required."),
            () if from.is_empty() => return error(400, 21_603, "A 'From' phone number is required."),
            () if body.is_empty() => return error(400, 21_602, "Message body is required."),
            () if !number(to) => return error(400, 21_211, "The 'To' number is not a valid phone number."),
            () if !number(from) => return error(400, 21_212, "The 'From' number is not a valid phone number."),
            () if body.chars().count() > 1600 => {
                return error(400, 21_617, "The message body exceeds 1600 characters.");
            }
            () => {}
        }
        if let Some(code) = self.phones.refused(from, to) {
            return error(400, code, "simulated refusal");
        }
        let id = self.phones.outbound(from, to, body, late);
        let callback = Some(field("StatusCallback").to_owned()).filter(|url| !url.is_empty());
        self.phones.report_to(&id, callback, None);
        match self.phones.find(&id) {
            Some(text) => Answer::json(201, &self.item(text)),
            None => Answer::json(201, &json!({"sid": id})),
        }
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
            "num_segments": text.segments().to_string(), "num_media": "0", "price": null, "price_unit": null,
            "error_code": text.code.filter(|_| text.status == "undelivered"), "error_message": null,
            "date_created": at, "date_updated": at,
            "date_sent": if text.status == "queued" { Value::Null } else { json!(at) },
            "uri": format!("/2010-04-01/Accounts/{}/Messages/{}.json", self.options.account, text.id),
        })
    }
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
    let pairs = text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    let read = |pair: &[u8]| {
        let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        (decode(&pair[..at]), decode(pair.get(at + 1..).unwrap_or_default()))
    };
    pairs.map(read).collect()
}

fn decode(text: &[u8]) -> String {
    let mut bytes = Vec::new();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let hex = text.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (byte, hex) {
            (b'%', Some(value)) => {
                bytes.push(value);
                at += 2;
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Text as part of a form or a query.
pub fn encode(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    text.bytes().map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
