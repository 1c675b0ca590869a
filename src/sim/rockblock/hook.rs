//! Calls of the webhook, signed.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use super::faults::{DIFFERS, FORGED, FORM, HS256, NONE, OLD, TWICE};
use super::key;
use crate::clock::Time;
use crate::sim::faults::Fault;
use crate::sim::ground::Call;
use crate::sim::ground::terminals::Up;

/// The calls that tell of a message, spoiled as the fault says.
pub(super) fn calls(up: &Up, fault: Option<Fault>, now: Time) -> Vec<Call> {
    let json = "application/json; charset=utf-8";
    let call = |kind, body, counts| Call { kind, agent: "Rock7PushApi", body, counts };
    match fault {
        Some(Fault::Own(FORM)) => vec![call("application/x-www-form-urlencoded", form(up), true)],
        Some(Fault::Own(TWICE)) => vec![
            call(json, body(up, None, now - Duration::from_secs(60)), false),
            call(json, body(up, None, now), true),
        ],
        Some(Fault::Own(OLD)) => vec![call(json, body(up, None, now - Duration::from_secs(2 * 86_400)), true)],
        // A forged one is followed by the true one.
        Some(fault @ Fault::Own(_)) => {
            vec![call(json, body(up, Some(fault.name()), now), false), call(json, body(up, None, now), true)]
        }
        _ => vec![call(json, body(up, None, now), true)],
    }
}

/// The fields of a call, in no order of their own.
fn fields(up: &Up) -> Value {
    let at = jiff::Timestamp::from_second(up.at.seconds()).unwrap_or_default();
    let at = at.strftime("%y-%m-%d %H:%M:%S").to_string();
    json!({
        "momsn": up.momsn, "data": up.data, "serial": 12345, "iridium_latitude": 52.3867, "iridium_cep": 8.0,
        "imei": up.imei, "device_type": "ROCKBLOCK", "transmit_time": at, "iridium_longitude": 0.2938,
    })
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn form(up: &Up) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields(up).as_object().into_iter().flatten() {
        form.append_pair(name, &text(value));
    }
    form.finish()
}

/// A call in JSON, with its token, spoiled as the fault says.
fn body(up: &Up, fault: Option<&str>, issued: Time) -> String {
    let mut fields = fields(up);
    let mut claims = json!({"iss": "Rock 7", "iat": issued.seconds()});
    for (name, value) in fields.as_object().into_iter().flatten() {
        claims[name] = text(value).into();
    }
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let algorithm = match fault {
        Some(NONE) => "none",
        Some(HS256) => "HS256",
        _ => "RS256",
    };
    let head = encode(format!("{{\"alg\":\"{algorithm}\"}}").as_bytes());
    let signed = format!("{head}.{}", encode(claims.to_string().as_bytes()));
    let seal = match fault {
        Some(NONE) => Vec::new(),
        Some(HS256) => {
            let public = STANDARD.decode(key::PUBLIC).unwrap_or_default();
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &public), signed.as_bytes()).as_ref().to_vec()
        }
        fault => {
            let mut seal = sign(signed.as_bytes());
            if fault == Some(FORGED) {
                seal.iter_mut().take(1).for_each(|byte| *byte ^= 1);
            }
            seal
        }
    };
    fields["JWT"] = format!("{signed}.{}", encode(&seal)).into();
    if fault == Some(DIFFERS) {
        fields["momsn"] = (u64::from(up.momsn) + 1).into();
    }
    fields.to_string()
}

fn sign(bytes: &[u8]) -> Vec<u8> {
    let private = STANDARD.decode(key::PRIVATE).unwrap_or_default();
    let Ok(pair) = RsaKeyPair::from_pkcs8(&private) else { return Vec::new() };
    let mut seal = vec![0; pair.public().modulus_len()];
    // Fails only without random numbers; nobody takes the empty signature then.
    match pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), bytes, &mut seal) {
        Ok(()) => seal,
        Err(_) => Vec::new(),
    }
}
