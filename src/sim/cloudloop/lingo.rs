//! Calls of the webhook, which carry no proof of who calls.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::faults::{CORE, CRC, FORM, GARBAGE, TEST, TWICE};
use super::thing;
use crate::clock::Time;
use crate::hex;
use crate::sim::faults::Fault;
use crate::sim::ground::Call;
use crate::sim::ground::terminals::Up;

/// The calls that tell of a message, spoiled as the fault says.
pub(super) fn calls(up: &Up, fault: Option<Fault>, _now: Time) -> Vec<Call> {
    let call = |kind, body: String, counts| Call { kind, agent: "Cloudloop", body, counts };
    let json = "application/json";
    let good = |destination: u8| call(json, body(up, destination, false).to_string(), true);
    let Some(Fault::Own(fault)) = fault else { return vec![good(0)] };
    match fault {
        TWICE => vec![good(0), Call { counts: false, ..good(1) }],
        CRC => vec![call(json, body(up, 0, true).to_string(), true)],
        CORE => vec![call(json, core(up).to_string(), true)],
        FORM => {
            let mut form = form_urlencoded::Serializer::new(String::new());
            for (name, value) in core(up).as_object().into_iter().flatten() {
                form.append_pair(name, &value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            }
            vec![call("application/x-www-form-urlencoded", form.finish(), true)]
        }
        TEST => vec![call("text/plain", "Test message".to_owned(), false), good(0)],
        GARBAGE => vec![call(json, r#"{"sbd":{"imei":"x"},"message":"*"}"#.to_owned(), false), good(0)],
        _ => vec![good(0)],
    }
}

/// A call for one of the destinations of the account.
fn body(up: &Up, destination: u8, damaged: bool) -> Value {
    let bytes = hex::decode(up.data.as_bytes()).unwrap_or_default();
    let at = jiff::Timestamp::from_second(up.at.seconds()).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
    let moment = json!({"year": at.year(), "month": at.month(), "day": at.day(), "hour": at.hour(),
                        "minute": at.minute(), "second": at.second()});
    let kind = if up.imt { "IMT" } else { "SBD" };
    let mut call = json!({
        "id": format!("{destination}-{}-{}-{}", up.imei, up.momsn, up.at.seconds()),
        "receivedAt": moment,
        "identity": {
            "accountId": "AccountOfSimulator", "subscriber": {"type": format!("SUBSCRIBER_TYPE_{kind}")},
            "hardware": {"type": "HARDWARE_TYPE_UNKNOWN", "imei": up.imei, "serial": "12345"},
            "thingId": thing(&up.imei), "unheardOf": [1, null],
        },
    });
    match up.imt {
        true => {
            call["imt"] = json!({"cmid": "c1", "topic": "IMT_TOPIC_RAW", "messageId": up.momsn, "crcError": damaged,
                                 "size": bytes.len()});
        }
        false => {
            call["sbd"] = json!({"imei": up.imei, "cdrReference": "2834765123", "momsn": up.momsn, "mtmsn": 0,
                                 "sessionAt": moment, "status": "SESSION_STATUS_OK",
                                 "location": {"latitude": 52.3867, "longitude": 0.2938, "cep": 8}});
        }
    }
    if !bytes.is_empty() {
        // Sometimes it comes without its padding.
        let text = STANDARD.encode(bytes);
        call["message"] = if up.momsn.is_multiple_of(2) { text.trim_end_matches('=').into() } else { text.into() };
    }
    call
}

/// A call in the older format.
fn core(up: &Up) -> Value {
    json!({"imei": up.imei, "momsn": up.momsn.to_string(), "data": up.data, "device_type": "ROCKBLOCK",
           "transmit_time": up.at.to_string()})
}
