//! What the mail server in front found out about a sender: SPF, DKIM and DMARC as it wrote them down in
//! `Authentication-Results` (RFC 8601). We judge nothing ourselves.
//!
//! Only the topmost field with the configured name counts: the server in front puts its own on top, and whatever else
//! a mail brings along was written by strangers.

use crate::message::Proof;

/// The proof of a sender of `domain` (lower case), from the values of all `Authentication-Results` fields, topmost
/// first, of which those of `host` are believed.
pub fn judge<'v>(fields: impl IntoIterator<Item = &'v str>, host: &str, domain: &str) -> Proof {
    if host.is_empty() {
        return Proof::Unproven;
    }
    let of_host = |value: &&str| {
        let name = without_comments(value);
        name.split(';')
            .next()
            .and_then(|id| id.split_whitespace().next())
            .is_some_and(|id| id.eq_ignore_ascii_case(host))
    };
    let Some(value) = fields.into_iter().find(of_host) else { return Proof::Unproven };
    let value = without_comments(value).to_lowercase();
    let vouched = value.split(';').skip(1).any(|result| vouches(result, domain));
    if vouched { Proof::Proven } else { Proof::Failed }
}

/// One result such as `spf=pass smtp.mailfrom=example.org`.
fn vouches(result: &str, domain: &str) -> bool {
    let property = |names: [&str; 2]| {
        let values = result.split_whitespace().filter_map(|word| word.split_once('='));
        values.filter(|(name, _)| names.contains(name)).any(|(_, value)| aligned(value, domain))
    };
    match result.split_whitespace().next() {
        Some("spf=pass") => property(["smtp.mailfrom", "smtp.mail"]),
        Some("dkim=pass") => property(["header.d", "header.i"]),
        Some("dmarc=pass") => property(["header.from", "header.from"]),
        _ => false,
    }
}

/// The domain of a value is the sender's, or one above it with at least two labels (relaxed alignment of RFC 7489, but
/// without a list of public suffixes: never upward to a single label).
fn aligned(value: &str, domain: &str) -> bool {
    let value = value.trim_matches(['"', '<', '>']);
    let vouched = value.rsplit('@').next().unwrap_or(value).trim_end_matches('.');
    let below = |long: &str, short: &str| {
        short.contains('.') && long.strip_suffix(short).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    below(domain, vouched)
}

/// The value without what stands in parentheses.
fn without_comments(value: &str) -> String {
    let mut depth = 0_usize;
    let outside = |c: &char| match c {
        '(' => {
            depth += 1;
            false
        }
        ')' => {
            let inside = depth > 0;
            depth = depth.saturating_sub(1);
            !inside
        }
        _ => depth == 0,
    };
    value.chars().filter(outside).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &[&str]) -> Proof {
        judge(fields.iter().copied(), "mx.here.org", "example.org")
    }

    #[test]
    fn the_server_in_front_vouches_for_a_domain() {
        for proven in [
            "mx.here.org; spf=pass smtp.mailfrom=example.org",
            " MX.here.org 1;\r\n dkim=pass (2048-bit key; unprotected) header.d=example.org header.s=x;\r\n spf=none",
            "mx.here.org; spf=fail smtp.mailfrom=x.org; dmarc=pass (p=none) header.from=example.org",
            "mx.here.org; spf=pass smtp.mailfrom=mum@example.org",
        ] {
            assert_eq!(of(&[proven]), Proof::Proven, "{proven}");
        }
        for failed in [
            "mx.here.org; none",
            "mx.here.org; spf=softfail smtp.mailfrom=example.org",
            "mx.here.org; spf=pass smtp.mailfrom=evil.org; dkim=pass header.d=evil.org",
            "mx.here.org; spf=pass smtp.mailfrom=org",
            "mx.here.org; dkim=pass header.d=notexample.org",
            "mx.here.org (; spf=pass smtp.mailfrom=example.org)",
        ] {
            assert_eq!(of(&[failed]), Proof::Failed, "{failed}");
        }
        assert_eq!(
            judge(["mx.here.org; dkim=pass header.d=example.org"], "mx.here.org", "sub.example.org"),
            Proof::Proven
        );
    }

    #[test]
    fn what_others_wrote_is_ignored() {
        let forged = "evil.org; spf=pass smtp.mailfrom=example.org";
        assert_eq!(of(&[forged]), Proof::Unproven);
        assert_eq!(of(&["mx.here.org; spf=fail", "mx.here.org; spf=pass smtp.mailfrom=example.org"]), Proof::Failed);
        assert_eq!(judge([forged], "", "example.org"), Proof::Unproven);
        assert_eq!(of(&["", ";", "((((", "mx.here.org;;=;spf=pass"]), Proof::Failed);
    }
}
