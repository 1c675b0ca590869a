//! Bandwidth's callbacks: an array of events, told again for a day until they get a 2xx (the vendor's callback guides).

use serde_json::Value;
use subtle::ConstantTimeEq;

use super::super::{Delivery, Hook, IncomingText, News, Report, Unheard, basic};
use super::{iso, judge_report};
use crate::clock::Time;
use crate::http_client::quote;
use crate::settings::{Key, Settings};

/// Reads a callback that carries the right user and password.
///
/// # Errors
/// Forbidden without them; unreadable when it is no array of events.
pub fn read(settings: &Settings, hook: &Hook<'_>) -> Result<Vec<News>, Unheard> {
    let (user, password) = (settings.text(Key::BandwidthHookUser), settings.text(Key::BandwidthHookPassword));
    if user.is_empty() || password.is_empty() {
        let why = "callbacks cannot be checked: set bandwidth.hook_user and bandwidth.hook_password";
        return Err(Unheard::Forbidden(why.to_owned()));
    }
    let wanted = basic(user, password);
    let given = (hook.header)("authorization").unwrap_or_default();
    if !bool::from(wanted.as_bytes().ct_eq(given.as_bytes())) {
        return Err(Unheard::Forbidden("it has no or the wrong user and password".to_owned()));
    }
    match serde_json::from_slice(hook.body) {
        Ok(Value::Array(events)) => Ok(events.iter().filter_map(|known| event(known).or_else(|| odd(known))).collect()),
        _ => Err(Unheard::Unreadable("it is no array of events".to_owned())),
    }
}

/// One event; `None` for kinds that say nothing to us.
fn event(event: &Value) -> Option<News> {
    let message = event.get("message")?;
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let id = text(message, "id").filter(|id| !id.is_empty())?;
    let direction = text(message, "direction").unwrap_or_default();
    let at = text(event, "time").and_then(|time| iso(&time)).unwrap_or(Time(0));
    let fate = match (text(event, "type")?.as_str(), direction.as_str()) {
        ("message-received", "in" | "") => {
            return Some(News::IncomingText(IncomingText {
                id,
                // Without a sender or a number it cannot be delivered, and is set aside.
                from: text(message, "from").unwrap_or_default(),
                // `to` of the message lists everybody in a group; the event says which of them is ours.
                to: text(message, "owner").or_else(|| text(event, "to")).unwrap_or_default(),
                text: text(message, "text").unwrap_or_default(),
                keyword: None,
                files: message.get("media").and_then(Value::as_array).map_or(0, Vec::len),
                at,
            }));
        }
        ("message-delivered", "out") => Delivery::Delivered,
        ("message-failed", "out") => {
            let words = text(event, "description").unwrap_or_default();
            judge_report(event.get("errorCode").and_then(Value::as_u64), &quote(&words))
        }
        ("message-sending" | "message-sent", "out") => Delivery::Waiting,
        _ => return None,
    };
    Some(News::Report(Report { id, tag: text(message, "tag"), fate }))
}

/// A text from a phone that cannot be read. It would not be told again after a yes, so it is kept as it came.
fn odd(event: &Value) -> Option<News> {
    let received = event.get("type").and_then(Value::as_str) == Some("message-received");
    let ours = event.pointer("/message/direction").and_then(Value::as_str) == Some("out");
    (received && !ours).then(|| News::Odd(event.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(login: Option<&str>, body: &str) -> Result<Vec<News>, Unheard> {
        let settings = Settings::default()
            .with(Key::BandwidthHookUser, "u")
            .and_then(|s| s.with(Key::BandwidthHookPassword, "p"))
            .unwrap();
        let pair = login.map(|login| login.split_once(':').unwrap_or((login, "")));
        let login = pair.map(|(user, password)| basic(user, password));
        let header = |name: &str| login.as_deref().filter(|_| name == "authorization");
        read(&settings, &Hook { target: "/hooks/bandwidth", header: &header, form: &[], body: body.as_bytes() })
    }

    const RECEIVED: &str = r#"[{"type":"message-received","time":"2016-09-14T18:20:16Z","description":"IncomingText message received",
        "to":"+12345678902","message":{"id":"a1","time":"2016-09-14T18:20:16Z","to":["+12345678902"],"from":"+12345678901",
        "text":"hello","applicationId":"x","owner":"+12345678902","direction":"in","segmentCount":1}},
        {"type":"message-failed","errorCode":4432,"to":"+521","message":{"id":"b2","direction":"out","tag":"m5","text":""}},
        {"type":"message-read","message":{"id":"c3","direction":"out"}}]"#;

    #[test]
    fn events_are_read_one_by_one() {
        let news = say(Some("u:p"), RECEIVED).unwrap();
        let [News::IncomingText(text), News::Report(report)] = &news[..] else { panic!("{news:?}") };
        assert_eq!((text.text.as_str(), text.to.as_str()), ("hello", "+12345678902"));
        assert_eq!((report.id.as_str(), report.tag.as_deref()), ("b2", Some("m5")));
        assert!(matches!(&report.fate, Delivery::Failed(refusal) if refusal.fault.is_permanent()));
    }

    #[test]
    fn strangers_are_not_heard() {
        for login in [None, Some("u:q"), Some("x:p"), Some("u")] {
            assert!(matches!(say(login, RECEIVED), Err(Unheard::Forbidden(_))), "{login:?}");
        }
        for body in ["", "{}", "null", "[", "\u{0}"] {
            assert!(matches!(say(Some("u:p"), body), Err(Unheard::Unreadable(_))), "{body}");
        }
        assert_eq!(say(Some("u:p"), r#"[1,null,{},{"type":1,"message":[]}]"#), Ok(vec![]));
        let nameless = say(Some("u:p"), r#"[{"type":"message-received","message":{"text":"hello"}}]"#).unwrap();
        assert!(matches!(&nameless[..], [News::Odd(event)] if event.contains("hello")));
    }
}
