//! What a call of the service brings. Pure but for the clock that it is held against.

use std::time::Duration;

use serde_json::Value;

use super::proof;
use crate::clock::Time;
use crate::link::ground::calls::{Heard, Unheard};
use crate::link::ground::fields::{self, Fields};

/// A call may be as old as this: repetitions carry the time of the first one.
const OLDEST: Duration = Duration::from_secs(24 * 3600);
/// The clocks of the service and of this box may differ by as much.
const AHEAD: Duration = Duration::from_secs(600);

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
) -> Result<Heard, Unheard> {
    let Some(said) = fields::read(form, body) else {
        // Nobody has proved anything, and there is nothing to lose.
        return Err(Unheard::Forbidden("its body is neither a form nor an object in JSON".to_owned()));
    };
    let token = said.get("JWT").and_then(Value::as_str).filter(|token| !token.is_empty());
    let values = match token {
        Some(token) => proven(token, &said, keys, now)?,
        None if forms && body.is_empty() => said,
        None => return Err(Unheard::Forbidden("it carries no signature".to_owned())),
    };
    fields::message("rockblock", &values)
}

/// The values that a token vouches for.
fn proven(token: &str, said: &Fields, keys: &[Vec<u8>], now: Option<Time>) -> Result<Fields, Unheard> {
    let claims = proof::claims(token, keys).map_err(|why| Unheard::Forbidden(why.to_owned()))?;
    let differs = |(name, value): (&String, &Value)| claims.get(name).is_some_and(|claim| !proof::same(claim, value));
    if let Some((name, _)) = said.iter().find(|field| differs(*field)) {
        return Err(Unheard::Forbidden(format!("its field '{}' is not the one that was signed", name.escape_debug())));
    }
    let issued = claims.get("iat").map(fields::text).and_then(|seconds| seconds.parse().ok()).map(Time::from_seconds);
    let (Some(issued), Some(now)) = (issued, now) else { return Ok(claims) };
    if now.since(issued) > OLDEST || issued.since(now) > AHEAD {
        let why = format!("it was signed at {issued}, and calls are taken for a day: {}", Value::Object(claims));
        return Err(Unheard::Unusable(why));
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_where_the_owner_takes_forms() {
        let pairs = [("imei", "300234010753370"), ("momsn", "23"), ("data", "486921")];
        let form: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let Ok(Heard::Message(up)) = read(&form, b"", &[], true, None) else { panic!() };
        assert!(up.payload == b"Hi!" && up.key.starts_with("rockblock:300234010753370:23:"));
        assert!(matches!(read(&form, b"", &[], false, None), Err(Unheard::Forbidden(_))));
    }

    #[test]
    fn json_without_a_signature_is_refused() {
        let body = br#"{"imei":"300234010753370","momsn":23,"data":"486921"}"#;
        assert!(matches!(read(&[], body, &[], true, None), Err(Unheard::Forbidden(_))));
        assert!(matches!(read(&[], b"{", &[], true, None), Err(Unheard::Forbidden(_))));
    }
}
