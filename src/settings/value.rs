//! Reads the values of settings: what each kind accepts, and the sentence for what it does not.

use std::net::{IpAddr, SocketAddr};

use super::error::{SettingError, Want};
use super::{Kind, Setting};

/// Reads a span such as `90`, `30s`, `2h` or `4d`, in seconds.
pub fn seconds(text: &str) -> Option<i64> {
    let (digits, unit) = match text.char_indices().last()? {
        (at, 's') => (&text[..at], 1),
        (at, 'm') => (&text[..at], 60),
        (at, 'h') => (&text[..at], 3600),
        (at, 'd') => (&text[..at], 86_400),
        _ => (text, 1),
    };
    digits.trim().parse::<i64>().ok()?.checked_mul(unit)
}

/// Reads `address/bits`, or an address alone.
pub(super) fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
    (bits <= most).then_some((address, bits))
}

/// True when `ip` lies in the network; an IPv4-mapped address counts as IPv4.
pub(super) fn in_network(ip: IpAddr, base: IpAddr, bits: u8) -> bool {
    match (ip.to_canonical(), base) {
        (IpAddr::V4(ip), IpAddr::V4(base)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            ip.to_bits() & mask == base.to_bits() & mask
        }
        (IpAddr::V6(ip), IpAddr::V6(base)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            ip.to_bits() & mask == base.to_bits() & mask
        }
        _ => false,
    }
}

/// True for the address of a web server without query and closing slash.
fn is_url(value: &str) -> bool {
    let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://")).unwrap_or_default();
    !rest.is_empty() && !rest.starts_with('/') && !rest.ends_with('/') && !rest.contains(['?', '#', ' '])
}

/// Reads a value by its row and gives it back in its stored form.
///
/// # Errors
/// What the value has to look like.
pub fn check(row: &Setting, value: &str) -> Result<String, SettingError> {
    let value = value.trim();
    let wrong = |want| Err(SettingError::Value { name: row.name, value: value.to_owned(), want });
    if value.chars().any(char::is_control) {
        return wrong(Want::OneLine);
    }
    match row.kind {
        Kind::Text | Kind::Secret if value.len() > 1000 => wrong(Want::Bytes(1000)),
        Kind::Text | Kind::Secret => Ok(value.to_owned()),
        Kind::Domain if value.is_empty() => Ok(String::new()),
        Kind::Domain => match crate::address::check_domain(value) {
            Ok(()) => Ok(value.to_lowercase()),
            Err(why) => Err(SettingError::Domain { name: row.name, why }),
        },
        Kind::Switch => match value {
            "yes" | "on" | "true" | "1" => Ok("yes".to_owned()),
            "no" | "off" | "false" | "0" | "" => Ok("no".to_owned()),
            _ => wrong(Want::Switch),
        },
        Kind::Number(least, most) => match value.parse::<i64>() {
            Ok(number) if (least..=most).contains(&number) => Ok(number.to_string()),
            _ => wrong(Want::Number(least, most)),
        },
        Kind::Seconds(least, most) => match seconds(value) {
            Some(number) if (least..=most).contains(&number) => Ok(value.to_owned()),
            _ => wrong(Want::Seconds(least, most)),
        },
        Kind::Choice(words) if words.contains(&value) => Ok(value.to_owned()),
        Kind::Choice(words) => wrong(Want::Choice(words)),
        Kind::Senders if value.len() > 8000 => wrong(Want::Bytes(8000)),
        Kind::Senders => match crate::address::pattern::Pattern::list(value) {
            Ok(_) => Ok(crate::address::pattern::Pattern::tidy(value)),
            Err(why) => Err(SettingError::Senders { name: row.name, why }),
        },
        Kind::Price if value.is_empty() => Ok(String::new()),
        Kind::Amount | Kind::Price => match value.parse::<crate::money::Money>() {
            Ok(_) => Ok(value.to_owned()),
            Err(_) => wrong(Want::Amount),
        },
        Kind::Listen => match value.split_whitespace().all(|word| word.parse::<SocketAddr>().is_ok()) {
            true => Ok(value.to_owned()),
            false => wrong(Want::Listen),
        },
        Kind::Url if value.is_empty() && row.default.is_empty() => Ok(String::new()),
        Kind::Url => match is_url(value) {
            true => Ok(value.to_owned()),
            false => wrong(Want::Url),
        },
        Kind::Path => match value.is_empty() || value.starts_with('/') {
            true => Ok(value.to_owned()),
            false => wrong(Want::Path),
        },
        Kind::Webhook(_) => match value.is_empty() || is_unguessable(value) {
            true => Ok(value.to_owned()),
            false => wrong(Want::Unguessable),
        },
        Kind::Networks => match value.split_whitespace().all(|word| network(word).is_some()) {
            true => Ok(value.to_owned()),
            false => wrong(Want::Networks),
        },
    }
}

/// Shortest secret part of an address, in characters.
const LEAST_SECRET: usize = 16;

/// Tells whether nobody guesses this part of an address, and it needs no encoding there.
pub fn is_unguessable(text: &str) -> bool {
    text.len() >= LEAST_SECRET && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}
