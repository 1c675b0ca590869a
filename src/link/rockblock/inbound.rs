//! What a call of the service brings. Pure but for the clock that it is held against.

use std::time::Duration;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::proof;
use crate::address::LinkAddress;
use crate::clock::Time;
use crate::hex;

/// A call may be as old as this: repetitions carry the time of the first one.
const OLDEST: Duration = Duration::from_secs(24 * 3600);
/// The clocks of the service and of this box may differ by as much.
const AHEAD: Duration = Duration::from_secs(600);

/// A message from a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Up {
    /// The terminal.
    pub imei: LinkAddress,
    /// What went through the air; empty for a session that only looked into its mailbox.
    pub payload: Vec<u8>,
    /// Names it for good.
    pub key: String,
    /// When it went.
    pub sent: Option<Time>,
}

/// Why nothing came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unheard {
    /// Who called has not proved to be the service.
    Forbidden(String),
    /// It is the service, and what it says cannot be used: it is set aside.
    Unusable(String),
}

/// Reads a call: a form, or JSON.
///
/// # Errors
/// [`Unheard`].
pub fn read(
    form: &[(String, String)],
    body: &[u8],
    keys: &[Vec<u8>],
    forms: bool,
    now: Option<Time>,
) -> Result<Up, Unheard> {
    let fields: Map<String, Value> = match body.is_empty() {
        true => form.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect(),
        false => match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => fields,
            // Nobody has proved anything, and there is nothing to lose.
            _ => return Err(Unheard::Forbidden("its body is neither a form nor an object in JSON".to_owned())),
        },
    };
    let token = fields.get("JWT").and_then(Value::as_str).filter(|token| !token.is_empty());
    let values = match token {
        Some(token) => proven(token, &fields, keys, now)?,
        None if forms && body.is_empty() => fields,
        None => return Err(Unheard::Forbidden("it carries no signature".to_owned())),
    };
    let text = |name: &str| values.get(name).map(proof::text).unwrap_or_default();
    let unusable = |why: &str| Unheard::Unusable(format!("{why}: {}", Value::Object(values.clone())));
    let imei: LinkAddress =
        format!("imei:{}", text("imei")).parse().map_err(|_| unusable("it names no terminal by its 15 digits"))?;
    let momsn: u64 = text("momsn").parse().map_err(|_| unusable("it has no number"))?;
    let payload = hex::decode(text("data").as_bytes()).ok_or_else(|| unusable("its data is not hex"))?;
    let hash = hex::encode(&Sha256::digest(&payload)[..8]);
    let key = format!("rockblock:{}:{momsn}:{hash}", text("imei"));
    Ok(Up { imei, payload, key, sent: moment(&text("transmit_time")) })
}

/// The values that a token vouches for.
fn proven(
    token: &str,
    fields: &Map<String, Value>,
    keys: &[Vec<u8>],
    now: Option<Time>,
) -> Result<Map<String, Value>, Unheard> {
    let claims = proof::claims(token, keys).map_err(|why| Unheard::Forbidden(why.to_owned()))?;
    let differs = |(name, value): (&String, &Value)| claims.get(name).is_some_and(|claim| !proof::same(claim, value));
    if let Some((name, _)) = fields.iter().find(|field| differs(*field)) {
        return Err(Unheard::Forbidden(format!("its field '{}' is not the one that was signed", name.escape_debug())));
    }
    let issued = claims.get("iat").map(proof::text).and_then(|seconds| seconds.parse().ok()).map(Time::from_seconds);
    let (Some(issued), Some(now)) = (issued, now) else { return Ok(claims) };
    if now.since(issued) > OLDEST || issued.since(now) > AHEAD {
        let why = format!("it was signed at {issued}, and calls are taken for a day: {}", Value::Object(claims));
        return Err(Unheard::Unusable(why));
    }
    Ok(claims)
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

    fn form(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_form_is_read_where_the_owner_takes_forms() {
        let fields = [
            ("imei", "300234010753370"),
            ("momsn", "23"),
            ("data", "486921"),
            ("transmit_time", "26-11-23 10:41:50"),
            ("iridium_cep", "8"),
        ];
        let up = read(&form(&fields), b"", &[], true, None).unwrap();
        assert_eq!((up.payload.as_slice(), up.imei.to_string()), (&b"Hi!"[..], "imei:300234010753370".to_owned()));
        assert_eq!(up.sent, Some(Time::from_seconds(1_795_430_510)));
        assert!(up.key.starts_with("rockblock:300234010753370:23:"));
        assert!(matches!(read(&form(&fields), b"", &[], false, None), Err(Unheard::Forbidden(_))));
        for (at, wrong) in [(0, "1"), (1, "x"), (2, "0g")] {
            let mut fields = fields;
            fields[at].1 = wrong;
            assert!(matches!(read(&form(&fields), b"", &[], true, None), Err(Unheard::Unusable(_))), "{wrong}");
        }
        let mut empty = fields;
        empty[2].1 = "";
        assert_eq!(read(&form(&empty), b"", &[], true, None).unwrap().payload, b"");
    }

    #[test]
    fn the_year_stands_first() {
        assert_eq!(moment("31-12-30 00:00:00"), Some(Time::from_seconds(1_956_355_200)));
        assert_eq!(moment("2026-11-23T10:41:50Z"), Some(Time::from_seconds(1_795_430_510)));
        assert_eq!(moment("yesterday"), None);
    }

    #[test]
    fn json_without_a_signature_is_refused() {
        let body = br#"{"imei":"300234010753370","momsn":23,"data":"486921"}"#;
        assert!(matches!(read(&[], body, &[], true, None), Err(Unheard::Forbidden(_))));
        assert!(matches!(read(&[], b"{", &[], true, None), Err(Unheard::Forbidden(_))));
    }
}
