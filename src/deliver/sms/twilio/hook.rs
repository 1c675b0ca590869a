//! Twilio's webhooks: who really sent one, and what it says (the vendor's page "Validating signatures").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::super::{Hook, IncomingText, Keyword, News, Report, Unheard};
use super::fate;
use crate::clock::Time;
use crate::http_client::decode_query;
use crate::settings::{Key, Settings};

/// Reads a webhook that carries Twilio's signature.
///
/// # Errors
/// Forbidden without the right signature; unreadable when fields are missing.
pub fn read(settings: &Settings, hook: &Hook<'_>) -> Result<Vec<News>, Unheard> {
    let no = |why: &str| Err(Unheard::Forbidden(why.to_owned()));
    let (token, public) = (settings.text(Key::TwilioToken), settings.text(Key::SmsPublicUrl));
    if token.is_empty() || public.is_empty() {
        return no("signatures cannot be checked: set twilio.token and sms.public_url");
    }
    let Some(given) = (hook.header)("x-twilio-signature") else { return no("it has no X-Twilio-Signature") };
    let settings_of = (hook.header)("x-twilio-webhooks-signature-settings");
    let Some(algorithm) = algorithm(settings_of) else { return no("its signature is of an unknown kind") };
    let url = format!("{public}{}", hook.target);
    if !is_signed(algorithm, token, &url, hook, given) {
        return no("its signature is wrong: are sms.public_url and twilio.token right?");
    }
    // Twilio may be told to use GET: then the fields stand in the query, which the signature covers as part of the address.
    let query = decode_query(hook.target.split_once('?').map_or("", |(_, query)| query));
    let fields = if hook.form.is_empty() { &query } else { hook.form };
    let field = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let named = ["MessageSid", "SmsSid"].into_iter().filter_map(field);
    let Some(id) = named.into_iter().find(|id| !id.is_empty()) else {
        return Err(Unheard::Unreadable("it has no MessageSid".to_owned()));
    };
    let status = field("MessageStatus").or_else(|| field("SmsStatus")).unwrap_or("received");
    if status != "received" && status != "receiving" {
        let code = field("ErrorCode").and_then(|code| code.parse().ok());
        let tag = query.iter().find(|(name, _)| name == "m").map(|(_, tag)| tag.clone());
        return Ok(vec![News::Report(Report { id: id.to_owned(), tag, fate: fate(status, code) })]);
    }
    // Twilio tells it once only: what has no sender or no number is kept as well, set aside.
    Ok(vec![News::IncomingText(IncomingText {
        id: id.to_owned(),
        from: field("From").unwrap_or_default().to_owned(),
        to: field("To").unwrap_or_default().to_owned(),
        text: field("Body").unwrap_or_default().to_owned(),
        keyword: field("OptOutType").and_then(keyword),
        files: field("NumMedia").and_then(|count| count.parse().ok()).unwrap_or(0),
        // It does not say when.
        at: Time(0),
    })])
}

/// What Twilio found in a text by the words that its customer chose (advanced opt-out).
fn keyword(word: &str) -> Option<Keyword> {
    match word {
        "STOP" => Some(Keyword::Stop),
        "START" => Some(Keyword::Start),
        "HELP" => Some(Keyword::Help),
        _ => None,
    }
}

/// Which hash the signature has: SHA-1 unless a header says otherwise.
fn algorithm(settings: Option<&str>) -> Option<hmac::Algorithm> {
    let Some(settings) = settings else { return Some(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY) };
    let named = settings.split(',').find_map(|part| part.trim().strip_prefix("algorithm="));
    (named == Some("HMAC_SHA256")).then_some(hmac::HMAC_SHA256)
}

/// The signature of a URL with these fields: name and value of each, sorted, without anything between them; a value
/// that a name has twice counts once.
fn signature(algorithm: hmac::Algorithm, token: &str, url: &str, form: &[(String, String)]) -> String {
    let mut fields: Vec<_> = form.iter().collect();
    fields.sort();
    fields.dedup();
    let mut signed = url.to_owned();
    for (name, value) in fields {
        signed.push_str(name);
        signed.push_str(value);
    }
    STANDARD.encode(hmac::sign(&hmac::Key::new(algorithm, token.as_bytes()), signed.as_bytes()))
}

fn is_signed(algorithm: hmac::Algorithm, token: &str, url: &str, hook: &Hook<'_>, given: &str) -> bool {
    // A body that is no form is signed by its hash in the query.
    if let Some((_, rest)) = url.split_once("bodySHA256=") {
        let wanted = rest.split('&').next().unwrap_or_default().to_lowercase();
        let hash = crate::hex::encode(&Sha256::digest(hook.body));
        if !bool::from(hash.as_bytes().ct_eq(wanted.as_bytes())) {
            return false;
        }
    }
    let right = |url: &str| {
        let wanted = signature(algorithm, token, url, hook.form);
        bool::from(wanted.as_bytes().ct_eq(given.as_bytes()))
    };
    let (with, without) = ports(url);
    // All are computed, whichever fits.
    right(url) | right(&with) | right(&without)
}

/// The same URL with its default port written, and with any port left out: Twilio signs the one or the other.
fn ports(url: &str) -> (String, String) {
    let Some((scheme, rest)) = url.split_once("://") else { return (url.to_owned(), url.to_owned()) };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let default = if scheme == "https" { ":443" } else { ":80" };
    // What follows a colon within the brackets of an IPv6 address ends with one.
    let port = authority.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let host = port.map_or(authority, |(host, _)| host);
    let with = if port.is_none() { format!("{scheme}://{host}{default}{path}") } else { url.to_owned() };
    (with, format!("{scheme}://{host}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "12345678901234567890123456789012";
    const U: &str = "https://phone-api.spacebeaver.com/sms";

    /// Token, URL, fields, body, signature.
    type Case<'c> = (&'c str, &'c str, &'c [(&'c str, &'c str)], &'c [u8], &'c str);

    fn pairs(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn check(token: &str, url: &str, fields: &[(&str, &str)], body: &[u8], given: &str) -> bool {
        let form = pairs(fields);
        let hook = Hook { target: "", header: &|_| None, form: &form, body };
        is_signed(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token, url, &hook, given)
    }

    const HELLO: [(&str, &str); 3] = [("From", "+14155550123"), ("To", "+14155550199"), ("Body", "Hello")];

    #[test]
    fn signatures_that_are_known_to_be_right() {
        let call = [
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+12349013030"),
            ("From", "+12349013030"),
            ("Digits", "1234"),
            ("To", "+18005551212"),
        ];
        let status = [
            ("SmsSid", "SM0123456789abcdef0123456789abcdef"),
            ("MessageSid", "SM0123456789abcdef0123456789abcdef"),
            ("SmsStatus", "delivered"),
            ("MessageStatus", "delivered"),
            ("To", "+14155550123"),
            ("From", "+14155550199"),
            ("AccountSid", "AC0123456789abcdef0123456789abcdef"),
            ("ApiVersion", "2010-04-01"),
        ];
        let with_query = format!("{U}?foo=1&bar=2");
        let json = format!("{U}?bodySHA256=015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862");
        let company = "https://mycompany.com/myapp.php?foo=1&bar=2";
        let cases: [Case; 9] = [
            (TOKEN, U, &HELLO, b"", "mpPybIj2s+OKM6SDQ4yJtYMu5m4="),
            (TOKEN, U, &HELLO, b"", "lVQLMnch3nQ2WAoSmHcM4/++7dw="),
            (TOKEN, &with_query, &HELLO, b"", "XxnZ2tzAMm2eYHU55TY+6t5TZ6o="),
            (TOKEN, U, &[], b"", "8GwilXw7yP56Q+mkUCw2VYz+x28="),
            (TOKEN, U, &[("b", "1"), ("A", "2"), ("a", "3"), ("B", "4")], b"", "eQs02Nl4om6wuqyQHY5kjWKtcrM="),
            (TOKEN, U, &[("MediaUrl", "b"), ("MediaUrl", "a"), ("MediaUrl", "a")], b"", "PxcuRzZNj6NAfUAEdSd/zN+krik="),
            (TOKEN, "https://phone-api.spacebeaver.com/sms/status", &status, b"", "TcgCxYQ9O2tK47y7AnFxit51MyY="),
            (TOKEN, &json, &[], b"{\"a\":1}", "CHXJhAd5vs8sTDvy/utRiss5ISc="),
            ("12345", company, &call, b"", "0/KCTR6DLpKmkAf8muzZqo1nDgQ="),
        ];
        for (token, url, fields, body, given) in cases {
            assert!(check(token, url, fields, body, given), "{url} {given}");
        }
        assert_eq!(
            signature(hmac::HMAC_SHA256, TOKEN, U, &pairs(&HELLO)),
            "J8BtRSy+YtPrXsEj0EKOofri4k6b0ilJE3EYLvo6wTg="
        );
    }

    #[test]
    fn whatever_was_changed_is_refused() {
        let given = "mpPybIj2s+OKM6SDQ4yJtYMu5m4=";
        let more = [&HELLO[..], &[("x", "y")]].concat();
        for (url, fields, given) in [
            ("http://phone-api.spacebeaver.com/sms", &HELLO[..], given),
            ("https://phone-api.spacebeaver.com/sms/", &HELLO, given),
            (U, &HELLO[..2], given),
            (U, &more, given),
            (U, &HELLO, "mppybij2s+okm6sdq4yjtymu5m4="),
            (U, &HELLO, ""),
        ] {
            assert!(!check(TOKEN, url, fields, b"", given), "{url} {fields:?} {given}");
        }
        let json = format!("{U}?bodySHA256=015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862");
        assert!(!check(TOKEN, &json, &[], b"{\"a\":2}", "CHXJhAd5vs8sTDvy/utRiss5ISc="));
        assert!(algorithm(Some("key=1,algorithm=MD5")).is_none() && algorithm(Some("")).is_none());
    }

    #[test]
    fn a_port_may_be_signed_or_left_out() {
        let given = "mpPybIj2s+OKM6SDQ4yJtYMu5m4=";
        for url in [":443", ":8443", ""].map(|port| format!("https://phone-api.spacebeaver.com{port}/sms")) {
            assert!(check(TOKEN, &url, &HELLO, b"", given), "{url}");
        }
        assert!(!check(TOKEN, "https://phone-api.spacebeaver.com:8443.evil.example/sms", &HELLO, b"", given));
        assert_eq!(ports("https://[::1]:8443/x").1, "https://[::1]/x");
        assert_eq!(ports("http://[::1]/x"), ("http://[::1]:80/x".to_owned(), "http://[::1]/x".to_owned()));
    }

    #[test]
    fn a_get_has_its_fields_in_the_address() {
        let settings = Settings::default()
            .with(Key::TwilioToken, TOKEN)
            .and_then(|s| s.with(Key::SmsPublicUrl, "https://phone-api.spacebeaver.com"))
            .unwrap();
        let target = "/hooks/twilio?m=m7&MessageSid=SM2&MessageStatus=undelivered&ErrorCode=30005";
        let text = "/hooks/twilio?MessageSid=SM1&From=%2B1&To=%2B2&Body=caf%C3%A9+%26+more";
        let say = |target: &str, signed: &str| {
            let url = format!("https://phone-api.spacebeaver.com{signed}");
            let right = signature(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, TOKEN, &url, &[]);
            let header = |name: &str| (name == "x-twilio-signature").then_some(right.as_str());
            read(&settings, &Hook { target, header: &header, form: &[], body: b"" })
        };
        let news = say(target, target).unwrap();
        let [News::Report(report)] = &news[..] else { panic!("{news:?}") };
        assert_eq!((report.id.as_str(), report.tag.as_deref()), ("SM2", Some("m7")));
        let news = say(text, text).unwrap();
        let [News::IncomingText(text)] = &news[..] else { panic!("{news:?}") };
        assert_eq!((text.from.as_str(), text.text.as_str()), ("+1", "café & more"));
        assert!(matches!(say(&target.replace("SM2", "SM3"), target), Err(Unheard::Forbidden(_))));
    }

    #[test]
    fn texts_and_reports_are_read() {
        let settings = Settings::default()
            .with(Key::TwilioToken, TOKEN)
            .and_then(|s| s.with(Key::SmsPublicUrl, "https://phone-api.spacebeaver.com"))
            .unwrap();
        let say = |target: &str, fields: &[(&str, &str)], signed: bool| {
            let form = pairs(fields);
            let url = format!("https://phone-api.spacebeaver.com{target}");
            let right = signature(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, TOKEN, &url, &form);
            let header = |name: &str| (signed && name == "x-twilio-signature").then_some(right.as_str());
            read(&settings, &Hook { target, header: &header, form: &form, body: b"" })
        };
        let text = [("MessageSid", "SM1"), ("SmsStatus", "received"), ("From", "+1"), ("To", "+2"), ("Body", "Hi")];
        let news = say("/hooks/twilio", &text, true).unwrap();
        assert!(matches!(&news[..], [News::IncomingText(text)] if text.id == "SM1" && text.text == "Hi"));
        assert!(matches!(say("/hooks/twilio", &text, false), Err(Unheard::Forbidden(_))));
        let report = [("MessageSid", "SM2"), ("MessageStatus", "undelivered"), ("ErrorCode", "30005")];
        let news = say("/hooks/twilio?m=m7", &report, true).unwrap();
        let [News::Report(report)] = &news[..] else { panic!("{news:?}") };
        assert_eq!((report.id.as_str(), report.tag.as_deref()), ("SM2", Some("m7")));
        for nameless in [&[("From", "+1")][..], &[("MessageSid", ""), ("From", "+1"), ("To", "+2")]] {
            assert!(matches!(say("/hooks/twilio", nameless, true), Err(Unheard::Unreadable(_))), "{nameless:?}");
        }
    }
}
