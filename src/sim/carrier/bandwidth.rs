//! The interface of Bandwidth.

use serde_json::{Value, json};

use super::phones::{self, Text};
use super::twilio::{form, iso};
use super::{Carrier, logged_in};
use crate::sim::http::{Answer, Request};

impl Carrier {
    pub(super) fn bandwidth(&mut self, request: &Request, account: &str, late: bool) -> Answer {
        let own = self.options.account.clone();
        if !logged_in(request, &own, &self.options.token) {
            return Answer::json(401, &json!({"type": "unauthorized", "description": "Authentication Failed"}));
        }
        if account != own {
            return not_found(request);
        }
        match request.method.as_str() {
            "POST" => self.bandwidth_send(request, late),
            "GET" => self.bandwidth_search(&form(request.query.as_bytes())),
            _ => Answer::json(405, &json!({"type": "method-not-allowed", "description": "Method not allowed"})),
        }
    }

    fn bandwidth_send(&mut self, request: &Request, late: bool) -> Answer {
        if !request.header("content-type").is_some_and(|kind| kind.starts_with("application/json")) {
            let kind = "unsupported-content-type";
            return Answer::json(415, &json!({"type": kind, "description": "Content-Type must be application/json"}));
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let field = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let list = |name: &str| -> Vec<String> {
            let values = body.get(name).and_then(Value::as_array).into_iter().flatten();
            values.map(|value| value.as_str().unwrap_or_default().to_owned()).collect()
        };
        let (to, media) = (list("to"), list("media"));
        let (from, text, application) = (field("from"), field("text"), field("applicationId"));
        let unique: std::collections::BTreeSet<_> = to.iter().collect();
        let wrong = match () {
            () if application.is_empty() => Some(("applicationId", "is required")),
            () if application != self.options.account => Some(("applicationId", "is not one of this account")),
            () if from.is_empty() => Some(("from", "is required")),
            () if !phones::is_e164(&from) => Some(("from", "must be an E164 telephone number")),
            () if !self.owns(&from) => Some(("from", "does not belong to this application")),
            () if to.is_empty() => Some(("to", "is required")),
            () if to.len() > 10 => Some(("to", "must have at most 10 numbers")),
            () if unique.len() < to.len() => Some(("to", "must be unique")),
            () if !to.iter().all(|to| phones::is_e164(to)) => Some(("to", "must be an E164 telephone number")),
            () if text.is_empty() && media.is_empty() => Some(("text", "is required")),
            () if text.chars().count() > 2048 => Some(("text", "must have at most 2048 characters")),
            () if !media.iter().all(|url| url.starts_with("http")) => Some(("media", "must be a URL")),
            () if field("tag").chars().count() > 1024 => Some(("tag", "must have at most 1024 characters")),
            () => None,
        };
        if let Some((name, why)) = wrong {
            return refuse(name, why);
        }
        if to.iter().any(|to| self.phones.refused(&from, to).is_some_and(|code| code != 21_610)) {
            return refuse("to", "is not a valid number");
        }
        let tag = Some(field("tag")).filter(|tag| !tag.is_empty());
        // One to several phones is a group: each of them gets it, and its report.
        let ids: Vec<_> = to.iter().map(|to| self.phones.outbound(&from, to, &text, late)).collect();
        for id in &ids {
            self.phones.report_to(id, None, tag.clone());
            self.phones.attach(id, media.len());
        }
        Answer::json(
            202,
            &json!({"id": ids.first(), "owner": from, "applicationId": application, "direction": "out", "to": to,
                    "from": from, "text": text, "media": media, "tag": tag, "priority": "default", "segmentCount": 1}),
        )
    }

    fn bandwidth_search(&self, query: &[(String, String)]) -> Answer {
        let field = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let filters = ["messageId", "sourceTn", "destinationTn", "messageStatus", "messageDirection", "fromDateTime"];
        if !filters.iter().any(|name| field(name).is_some()) {
            return refuse("", "at least one filter is required");
        }
        let fits = |text: &&Text| {
            field("messageId").is_none_or(|id| id == text.id)
                && field("sourceTn").is_none_or(|from| from == text.from)
                && field("destinationTn").is_none_or(|to| to == text.to)
                && field("messageDirection").is_none_or(|way| (way == "OUTBOUND") == text.outbound)
                && field("fromDateTime").is_none_or(|from| *from <= *iso(text.created))
        };
        let item = |text: &Text| {
            let status = match text.status {
                "delivered" => "DELIVERED",
                "undelivered" => "FAILED",
                "sent" => "SENT",
                _ => "QUEUED",
            };
            json!({
                "messageId": text.id, "accountId": self.options.account, "sourceTn": text.from,
                "destinationTn": text.to, "messageStatus": status, "receiveTime": iso(text.created),
                "messageDirection": if text.outbound { "OUTBOUND" } else { "INBOUND" },
                "segmentCount": text.segments(), "errorCode": text.code.filter(|_| status == "FAILED").unwrap_or(0),
            })
        };
        let found: Vec<_> = self.phones.all().rev().filter(fits).map(item).collect();
        Answer::json(200, &json!({"totalCount": found.len(), "pageInfo": {}, "messages": found}))
    }
}

/// Not of the form of the other errors: a server in front answers it.
fn not_found(request: &Request) -> Answer {
    let value = json!({"timestamp": iso(phones::now()), "status": 404, "error": "Not Found",
                       "message": "No message available", "path": request.path});
    Answer::json(404, &value)
}

fn refuse(field: &str, why: &str) -> Answer {
    Answer::json(
        400,
        &json!({"type": "request-validation", "description": "Your request could not be accepted",
                "fieldErrors": [{"fieldName": field, "description": why}]}),
    )
}

/// A text from a phone as an event of an application.
pub fn received(text: &Text, application: &str) -> Value {
    json!([{
        "type": "message-received", "time": iso(text.created), "description": "Incoming message received",
        "to": text.to,
        "message": {
            "id": text.id, "owner": text.to, "time": iso(text.created), "segmentCount": text.segments(),
            "direction": "in", "to": [text.to], "from": text.from, "text": text.body, "applicationId": application,
            "media": (0..text.media).map(|at| format!("https://media.example/{}/{at}", text.id)).collect::<Vec<_>>(),
        },
    }])
}

/// The end of a text to a phone as an event; `None` while it is on its way.
pub fn reported(text: &Text, application: &str) -> Option<Value> {
    let kind = match text.status {
        "delivered" => "message-delivered",
        "undelivered" => "message-failed",
        _ => return None,
    };
    let mut event = json!({
        "type": kind, "time": iso(text.created), "description": "simulated", "to": text.to,
        "message": {
            "id": text.id, "owner": text.from, "direction": "out", "to": [text.to], "from": text.from, "text": "",
            "tag": text.tag, "segmentCount": text.segments(), "time": iso(text.created), "applicationId": application,
            "media": [],
        },
    });
    if kind == "message-failed" {
        event["errorCode"] = json!(text.code.unwrap_or(4720));
    }
    Some(json!([event]))
}
