//! What a call of the service brings, in its format *Lingo JSON*; the older formats of the same maker are read too. Pure.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde_json::Value;

use super::things::Thing;
use crate::clock::Time;
use crate::link::ground::calls::{Heard, Unheard, heard};
use crate::link::ground::fields::{self, Fields, terminal, text};

/// What references and keys of this link begin with.
pub const NAME: &str = "cloudloop";
/// The service's own test of an address is no longer than this, in bytes, and no JSON.
const MOST_TEST: usize = 1000;
/// Base64 with or without its padding: both were seen.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A moment as the service writes it, UTC.
#[derive(Deserialize)]
struct Moment {
    year: i16,
    month: i8,
    day: i8,
    hour: i8,
    minute: i8,
    second: i8,
}

impl Moment {
    fn time(&self) -> Option<Time> {
        let moment =
            jiff::civil::DateTime::new(self.year, self.month, self.day, self.hour, self.minute, self.second, 0);
        let moment = moment.ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Time::from_seconds(moment.timestamp().as_second()))
    }
}

/// Reads a call: what it brings, and which thing the terminal is, if it says so.
///
/// # Errors
/// [`Unheard::Unusable`].
pub fn read(form: &[(String, String)], body: &[u8]) -> Result<(Heard, Option<(String, Thing)>), Unheard> {
    let Some(said) = fields::read(form, body) else {
        if body.len() <= MOST_TEST && serde_json::from_slice::<Value>(body).is_err() {
            return Ok((Heard::Nothing("the service has tested the address of the webhook".to_owned()), None));
        }
        return Err(Unheard::Unusable("it is no object in JSON".to_owned()));
    };
    match (said.get("sbd").and_then(Value::as_object), said.get("imt").and_then(Value::as_object)) {
        (Some(session), _) => lingo(&said, session, false),
        (None, Some(session)) => lingo(&said, session, true),
        (None, None) => Ok((fields::message(NAME, &said)?, None)),
    }
}

fn lingo(said: &Fields, session: &Fields, imt: bool) -> Result<(Heard, Option<(String, Thing)>), Unheard> {
    let unusable = |why: &str| Unheard::Unusable(format!("{why}: {}", Value::Object(said.clone())));
    let of = |fields: &Fields, name: &str| fields.get(name).map(text).unwrap_or_default();
    let identity = said.get("identity").and_then(Value::as_object).cloned().unwrap_or_default();
    let hardware = identity.get("hardware").and_then(Value::as_object).cloned().unwrap_or_default();
    let digits = Some(of(session, "imei")).filter(|imei| !imei.is_empty()).unwrap_or_else(|| of(&hardware, "imei"));
    let imei = terminal(&digits).ok_or_else(|| unusable("it names no terminal by its 15 digits"))?;
    if session.get("crcError").and_then(Value::as_bool) == Some(true) {
        return Err(unusable("the service says that it was damaged on its way"));
    }
    let payload = BASE64.decode(of(said, "message").as_bytes()).map_err(|_| unusable("its message is not base64"))?;
    // The id of a call is another one for each destination of the account; these are the terminal's.
    let number = match imt {
        false => of(session, "momsn"),
        true => format!("{}:{}", of(session, "cmid"), of(session, "messageId")),
    };
    let at = session.get("sessionAt").or_else(|| said.get("receivedAt")).cloned().unwrap_or_default();
    let sent = serde_json::from_value::<Moment>(at).ok().and_then(|moment| moment.time());
    let thing = Thing { id: of(&identity, "thingId"), imt };
    Ok((heard(&format!("{NAME}:{digits}:{number}"), imei, payload, sent), Some((digits, thing))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sbd() -> Value {
        let at = json!({"year": 2026, "month": 11, "day": 23, "hour": 10, "minute": 41, "second": 50});
        json!({
            "id": "0a5b9d7c-3c0b-4b9e-9c58-6b0f6f8f0a11", "receivedAt": at,
            "identity": {"hardware": {"type": "HARDWARE_TYPE_UNKNOWN", "imei": "300234010753370"},
                         "thingId": "QwErTyUiOpAsDfGhJkLzXcVbNm123456"},
            "sbd": {"imei": "300234010753370", "cdrReference": "2834765123", "momsn": 23, "mtmsn": 0, "sessionAt": at},
            "message": "SGkh",
        })
    }

    fn message(value: &Value) -> (crate::link::ground::calls::Up, Thing) {
        let Ok((Heard::Message(up), Some((_, thing)))) = read(&[], value.to_string().as_bytes()) else {
            panic!("{value}")
        };
        (up, thing)
    }

    #[test]
    fn a_message_of_an_sbd_modem_is_read() {
        let (up, thing) = message(&sbd());
        assert_eq!((up.imei.to_string().as_str(), up.payload.as_slice()), ("imei:300234010753370", &b"Hi!"[..]));
        assert_eq!(up.sent, Some(Time::from_seconds(1_795_430_510)));
        assert_eq!(thing, Thing { id: "QwErTyUiOpAsDfGhJkLzXcVbNm123456".into(), imt: false });
        // Another destination of the account, and numbers as text.
        let mut again = sbd();
        (again["id"], again["sbd"]["momsn"]) = ("other".into(), "23".into());
        assert_eq!(message(&again).0.key, up.key);
        let mut empty = sbd();
        empty.as_object_mut().unwrap().remove("message");
        assert!(matches!(read(&[], empty.to_string().as_bytes()), Ok((Heard::Nothing(_), _))));
    }

    #[test]
    fn a_message_of_an_imt_modem_is_known_again_by_the_terminals_numbers() {
        let imt = |id: &str, message_id: u64, error: bool| {
            let mut value = sbd();
            let fields = value.as_object_mut().unwrap();
            fields.remove("sbd");
            fields["id"] = id.into();
            // Without its padding.
            fields["message"] = "SGk".into();
            let session = json!({"cmid": "c", "topic": "IMT_TOPIC_RAW", "messageId": message_id, "crcError": error});
            fields.insert("imt".into(), session);
            value
        };
        let (up, thing) = message(&imt("a", 5, false));
        assert!(up.payload == b"Hi" && thing.imt);
        assert_eq!(message(&imt("b", 5, false)).0.key, up.key);
        assert_ne!(message(&imt("a", 6, false)).0.key, up.key);
        assert!(matches!(read(&[], imt("a", 5, true).to_string().as_bytes()), Err(Unheard::Unusable(_))));
    }

    #[test]
    fn a_test_is_no_message_and_older_formats_are_read() {
        assert!(matches!(read(&[], b"This is a test"), Ok((Heard::Nothing(_), None))));
        assert!(matches!(read(&[], b"[1]"), Err(Unheard::Unusable(_))));
        assert!(matches!(read(&[], &vec![b'x'; 2000]), Err(Unheard::Unusable(_))));
        let core = br#"{"imei":"300234010753370","momsn":"23","data":"486921","transmit_time":"2026-11-23T10:41:50Z"}"#;
        assert!(matches!(read(&[], core), Ok((Heard::Message(up), None)) if up.payload == b"Hi!"));
        let mut wrong = sbd();
        wrong["message"] = "*".into();
        assert!(matches!(read(&[], wrong.to_string().as_bytes()), Err(Unheard::Unusable(_))));
    }
}
