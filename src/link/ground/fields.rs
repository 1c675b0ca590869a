//! The fields by which the maker of RockBLOCK modems tells of a message, in its own service and in the older formats of
//! Cloudloop (`ground.md`, and the vendor's page "Receiving MO message").

use serde_json::{Map, Value};

use super::calls::{Heard, Unheard, heard};
use crate::address::LinkAddress;
use crate::clock::Time;
use crate::hex;

/// Fields of a call by name, with their values as the service wrote them.
pub type Fields = Map<String, Value>;

/// The fields of a form, or of an object in JSON; `None` where the body is neither.
pub fn read(form: &[(String, String)], body: &[u8]) -> Option<Fields> {
    match body.is_empty() {
        true => Some(form.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect()),
        false => match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Some(fields),
            _ => None,
        },
    }
}

/// A value as text, numbers as they are written.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Null => String::new(),
        value => value.to_string(),
    }
}

/// A terminal by its 15 digits.
pub fn terminal(digits: &str) -> Option<LinkAddress> {
    format!("imei:{digits}").parse().ok()
}

/// What the fields say, for the driver of this name.
///
/// # Errors
/// [`Unheard::Unusable`].
pub fn message(driver: &str, fields: &Fields) -> Result<Heard, Unheard> {
    let text = |name: &str| fields.get(name).map(text).unwrap_or_default();
    let unusable = |why: &str| Unheard::Unusable(format!("{why}: {}", Value::Object(fields.clone())));
    let imei = terminal(&text("imei")).ok_or_else(|| unusable("it names no terminal by its 15 digits"))?;
    let momsn: u64 = text("momsn").parse().map_err(|_| unusable("it has no number"))?;
    let payload = hex::decode(text("data").as_bytes()).ok_or_else(|| unusable("its data is not hex"))?;
    let parts = format!("{driver}:{}:{momsn}", text("imei"));
    Ok(heard(&parts, imei, payload, moment(&text("transmit_time"))))
}

/// Reads `26-11-23 10:41:50`, the two-digit year first, or the form with a T and a Z.
fn moment(text: &str) -> Option<Time> {
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(Time::from_seconds(moment.as_second()));
    }
    let full = format!("20{}Z", text.replace(' ', "T"));
    full.parse::<jiff::Timestamp>().ok().map(|moment| Time::from_seconds(moment.as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_year_stands_first() {
        assert_eq!(moment("31-12-30 00:00:00"), Some(Time::from_seconds(1_956_355_200)));
        assert_eq!(moment("2026-11-23T10:41:50Z"), Some(Time::from_seconds(1_795_430_510)));
        assert_eq!(moment("yesterday"), None);
    }

    #[test]
    fn fields_are_read_and_what_cannot_be_used_is_told() {
        let fields = [
            ("imei", "300234010753370"),
            ("momsn", "23"),
            ("data", "486921"),
            ("transmit_time", "26-11-23 10:41:50"),
            ("iridium_cep", "8"),
        ];
        let form = |fields: &[(&str, &str)]| {
            let form: Vec<_> = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            read(&form, b"").unwrap()
        };
        let Heard::Message(up) = message("x", &form(&fields)).unwrap() else { panic!() };
        assert_eq!((up.payload.as_slice(), up.imei.to_string()), (&b"Hi!"[..], "imei:300234010753370".to_owned()));
        assert_eq!(up.sent, Some(Time::from_seconds(1_795_430_510)));
        assert!(up.key.starts_with("x:300234010753370:23:"));
        for (at, wrong) in [(0, "1"), (1, "x"), (2, "0g")] {
            let mut fields = fields;
            fields[at].1 = wrong;
            assert!(matches!(message("x", &form(&fields)), Err(Unheard::Unusable(_))), "{wrong}");
        }
        let mut empty = fields;
        empty[2].1 = "";
        assert!(matches!(message("x", &form(&empty)), Ok(Heard::Nothing(_))));
        assert_eq!(read(&[], b"no JSON"), None);
    }
}
