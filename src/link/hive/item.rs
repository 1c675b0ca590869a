//! Reads what the Hive lists. Pure, and lenient where the documentation and what was seen on the wire differ.

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::MAX_PAYLOAD;
use crate::address::{DeviceError, DeviceId};
use crate::clock::Time;

/// Standard base64, with or without its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// As much of unreadable data is set aside.
const MAX_RAW: usize = 4096;

/// One packet of a list, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Number of the transmission; the one to acknowledge.
    pub packet: u64,
    /// Number of what was meant; the modem's own repetitions share it. The packet's where the Hive leaves it out.
    pub message: u64,
    /// The device at the far end, or why it cannot be told.
    pub device: Result<DeviceId, Flaw>,
    /// Application id, if given.
    pub app: Option<u64>,
    /// 0 new from a device, 1 waiting for one, 2 acknowledged or on a ground station, 3 on a satellite, -1 error,
    /// -3 failed and tried again, -4 given up.
    pub status: Option<i64>,
    /// True unless the item says that it goes to a device.
    pub from_device: bool,
    /// The payload, or what came instead and what is wrong with it.
    pub data: Result<Vec<u8>, (Vec<u8>, Flaw)>,
    /// When the Hive got it.
    pub received: Option<Time>,
}

/// Why an answer cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Malformed {
    /// It is no JSON; what the parser says.
    NotJson(String),
    /// It is no list.
    NotAList,
    /// It has no list of attempts.
    MissingAttempts,
    /// An attempt of the list has no status.
    MissingStatus,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(why) => write!(f, "no JSON ({why})"),
            Self::NotAList => f.write_str("no list"),
            Self::MissingAttempts => f.write_str("no list of attempts"),
            Self::MissingStatus => f.write_str("no status"),
        }
    }
}

/// What is wrong with a packet of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// The packet names no device.
    NoDevice,
    /// It names something else than a device.
    Device(DeviceError),
    /// Its data is something else than text.
    NoText,
    /// Its data is no base64; what the decoder says.
    NoBase64(String),
    /// It has no data.
    Empty,
    /// It has so many bytes, more than a packet holds.
    TooLong(usize),
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDevice => f.write_str("it names no device"),
            Self::Device(why) => why.fmt(f),
            Self::NoText => f.write_str("its data is no text"),
            Self::NoBase64(why) => write!(f, "its data is no base64 ({why})"),
            Self::Empty => f.write_str("it is empty"),
            Self::TooLong(bytes) => write!(f, "it has {bytes} bytes, more than the {MAX_PAYLOAD} of a packet"),
        }
    }
}

fn json(body: &[u8]) -> Result<Value, Malformed> {
    serde_json::from_slice(body).map_err(|why| Malformed::NotJson(why.to_string()))
}

/// The items of a page, without those that have no number (they can be neither named nor acknowledged), and how many
/// those were.
///
/// # Errors
/// When the answer is anything but a complete JSON array: that is a failure, never an empty list.
pub fn page(body: &[u8]) -> Result<(Vec<Item>, u64), Malformed> {
    let value: Value = json(body)?;
    let Value::Array(values) = value else { return Err(Malformed::NotAList) };
    let items: Vec<Item> = values.iter().filter_map(item).collect();
    let nameless = values.len() - items.len();
    Ok((items, u64::try_from(nameless).unwrap_or(u64::MAX)))
}

/// All attempts of one message, as `messages/details` tells them.
///
/// # Errors
/// When the answer is anything else.
pub fn attempts(body: &[u8]) -> Result<Vec<Item>, Malformed> {
    let value: Value = json(body)?;
    let Some(Value::Array(values)) = value.get("attempts") else { return Err(Malformed::MissingAttempts) };
    Ok(values.iter().filter_map(item).collect())
}

/// The Hive's word on an acknowledgement or a packet to send: its number, and what `status` says.
///
/// # Errors
/// When the answer is anything else.
pub fn receipt(body: &[u8]) -> Result<(Option<u64>, String), Malformed> {
    let value: Value = json(body)?;
    match value.get("status") {
        Some(Value::String(status)) => Ok((value.get("packetId").and_then(number), status.trim().to_owned())),
        _ => Err(Malformed::MissingStatus),
    }
}

fn item(value: &Value) -> Option<Item> {
    let packet = value.get("packetId").and_then(number)?;
    Some(Item {
        packet,
        message: value.get("messageId").and_then(number).unwrap_or(packet),
        device: device(value.get("deviceId")),
        app: value.get("userApplicationId").and_then(number),
        status: value.get("status").and_then(signed),
        from_device: !matches!(value.get("direction"), Some(direction) if to_device(direction)),
        data: payload(value.get("data")),
        received: value.get("hiveRxTime").and_then(Value::as_str).and_then(time),
    })
}

/// A number, also one that is written as text.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn signed(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// 1 is from a device; the code of the other direction was never documented.
fn to_device(direction: &Value) -> bool {
    match direction {
        Value::String(name) => name.to_lowercase().starts_with("to"),
        value => value.as_i64() == Some(2),
    }
}

fn device(value: Option<&Value>) -> Result<DeviceId, Flaw> {
    match value {
        Some(Value::String(text)) => text.parse().map_err(Flaw::Device),
        Some(Value::Number(id)) => match id.as_u64() {
            Some(id) => DeviceId::new(id).map_err(Flaw::Device),
            None => Err(Flaw::Device(DeviceError::Text(id.to_string()))),
        },
        _ => Err(Flaw::NoDevice),
    }
}

fn payload(value: Option<&Value>) -> Result<Vec<u8>, (Vec<u8>, Flaw)> {
    let Some(Value::String(text)) = value else {
        let raw = value.map(Value::to_string).unwrap_or_default();
        return Err((cut(raw.into_bytes()), Flaw::NoText));
    };
    match BASE64.decode(text.trim()) {
        Ok(bytes) if bytes.is_empty() => Err((bytes, Flaw::Empty)),
        Ok(bytes) if bytes.len() > MAX_PAYLOAD => {
            let flaw = Flaw::TooLong(bytes.len());
            Err((cut(bytes), flaw))
        }
        Ok(bytes) => Ok(bytes),
        Err(why) => Err((cut(text.as_bytes().to_vec()), Flaw::NoBase64(why.to_string()))),
    }
}

fn cut(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(MAX_RAW);
    bytes
}

/// With a zone, or without one: then it is UTC.
fn time(text: &str) -> Option<Time> {
    let stamp = text.parse::<jiff::Timestamp>().ok();
    let stamp = stamp.or_else(|| {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    })?;
    Some(Time(stamp.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r#"[{"packetId":54189236,"messageId":54189236,"deviceType":1,"deviceId":6846,"direction":1,
        "dataType":6,"userApplicationId":1000,"organizationId":67028,"len":3,"data":"AQID","ackPacketId":0,"status":0,
        "hiveRxTime":"2023-04-09T01:06:00"}]"#;

    fn one(json: &str) -> Item {
        page(format!("[{json}]").as_bytes()).unwrap().0.remove(0)
    }

    #[test]
    fn a_real_sample_is_read() {
        let (items, nameless) = page(SAMPLE.as_bytes()).unwrap();
        assert_eq!(nameless, 0);
        let expected = Item {
            packet: 54_189_236,
            message: 54_189_236,
            device: Ok("0x001abe".parse().unwrap()),
            app: Some(1000),
            status: Some(0),
            from_device: true,
            data: Ok(vec![1, 2, 3]),
            received: Some(Time::from_seconds(1_681_002_360)),
        };
        assert_eq!(items, [expected]);
    }

    #[test]
    fn what_servers_were_seen_to_vary_makes_no_difference() {
        assert_eq!(one(r#"{"packetId":7}"#).message, 7);
        assert_eq!(one(r#"{"packetId":7,"messageId":null}"#).message, 7);
        assert_eq!(one(r#"{"packetId":"7","messageId":"5"}"#).message, 5);
        for device in ["6846", "\"6846\"", "\"0x001abe\"", "\"0x1ABE\""] {
            assert_eq!(
                one(&format!(r#"{{"packetId":7,"deviceId":{device}}}"#)).device,
                Ok("0x001abe".parse().unwrap())
            );
        }
        assert_eq!(time("2023-04-09T01:06:00Z"), time("2023-04-09T01:06:00"));
        assert_eq!(time("2023-04-09T01:06:00.250Z"), Some(Time(1_681_002_360_250)));
        assert_eq!(time("2023-04-09T03:06:00+02:00"), time("2023-04-09T01:06:00"));
        assert_eq!(time("yesterday"), None);
        assert!(one(r#"{"packetId":7,"direction":"fromdevice"}"#).from_device);
        assert!(!one(r#"{"packetId":7,"direction":"todevice"}"#).from_device);
        assert!(!one(r#"{"packetId":7,"direction":2}"#).from_device);
        assert_eq!(one(r#"{"packetId":7,"data":"AQ"}"#).data, Ok(vec![1]));
    }

    #[test]
    fn poison_keeps_its_bytes_and_gets_a_reason() {
        let long = BASE64.encode(vec![9; 193]);
        for (data, bytes, why) in [
            ("\"@@@\"", b"@@@".to_vec(), "base64"),
            ("17", b"17".to_vec(), "no text"),
            ("\"\"", Vec::new(), "empty"),
            (&format!("\"{long}\""), vec![9; 193], "193 bytes"),
        ] {
            let (kept, reason) = one(&format!(r#"{{"packetId":7,"data":{data}}}"#)).data.unwrap_err();
            assert_eq!(kept, bytes);
            assert!(reason.to_string().contains(why), "{reason}");
        }
        for device in ["0", "262144", "-1", "1.5", "\"x\"", "null", "[]"] {
            assert!(one(&format!(r#"{{"packetId":7,"deviceId":{device}}}"#)).device.is_err());
        }
        assert_eq!(page(br#"[{"messageId":7},17,null,{"packetId":-1}]"#), Ok((Vec::new(), 4)));
    }

    #[test]
    fn what_is_not_a_list_is_a_failure() {
        for body in ["", "{}", r#"{"status":"401 UNAUTHORIZED"}"#, "<html>", r#"[{"packetId":7}"#, "null", "[1,"] {
            assert!(page(body.as_bytes()).is_err(), "{body}");
            assert!(attempts(body.as_bytes()).is_err(), "{body}");
        }
        assert_eq!(receipt(br#"{"packetId":5,"status":"OK"}"#), Ok((Some(5), "OK".to_owned())));
        assert_eq!(receipt(br#"{"status":"ERROR x"}"#), Ok((None, "ERROR x".to_owned())));
        assert!(receipt(br#"{"packetId":5}"#).is_err());
    }

    #[test]
    fn no_input_makes_it_panic() {
        let seeds = [SAMPLE.as_bytes(), br#"[{"packetId":"7","deviceId":"0x1","data":"AQ==","hiveRxTime":"2023"}]"#];
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = move |below: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random % below as u64).unwrap()
        };
        for round in 0..100_000 {
            let mut bytes = seeds[round % 2].to_vec();
            for _ in 0..=next(3) {
                let at = next(bytes.len());
                match next(4) {
                    0 => bytes[at] = u8::try_from(next(256)).unwrap(),
                    1 => bytes.truncate(at.max(1)),
                    2 => bytes[at] = b"\"{}[],:0-9.eTZ@="[next(16)],
                    _ => drop(bytes.remove(at.min(bytes.len() - 1))),
                }
                if bytes.is_empty() {
                    bytes.push(b'[');
                }
            }
            let _ = (page(&bytes), receipt(&bytes), attempts(&bytes));
        }
    }
}
