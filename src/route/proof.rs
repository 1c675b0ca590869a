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
    let of_host = |value: &str| {
        let field = read(value);
        let named = |id: &Word| !id.quoted && id.text.eq_ignore_ascii_case(host);
        field.results.first().and_then(|words| words.first()).is_some_and(named).then_some(field)
    };
    let Some(field) = fields.into_iter().find_map(of_host) else { return Proof::Unproven };
    let results = || field.results.iter().skip(1).map(|result| verdict(result, domain));
    // What ends within a quotation or a comment was cut, or written by somebody who plays with them.
    let vouched = field.whole && results().any(|verdict| verdict == Some(true));
    // DMARC knows how strict the domain itself wants it.
    if vouched && !results().any(|verdict| verdict == Some(false)) { Proof::Proven } else { Proof::Failed }
}

/// What one result such as `spf=pass smtp.mailfrom=example.org` says of the domain: that it is them, that it is not, or nothing.
fn verdict(result: &[Word], domain: &str) -> Option<bool> {
    let (first, rest) = result.split_first()?;
    let property = |names: &[&str]| {
        let values = rest.iter().filter_map(Word::assignment);
        values.filter(|(name, _)| names.contains(&name.as_str())).any(|(_, value)| aligned(&value, domain))
    };
    let (method, verdict) = first.assignment().filter(|_| !first.quoted)?;
    // A method may have a version.
    match (method.split('/').next().unwrap_or_default(), verdict.as_str()) {
        ("spf", "pass") => property(&["smtp.mailfrom", "smtp.mail"]).then_some(true),
        ("dkim", "pass") => property(&["header.d", "header.i"]).then_some(true),
        ("dmarc", "pass") => property(&["header.from"]).then_some(true),
        ("dmarc", "fail") => property(&["header.from"]).then_some(false),
        _ => None,
    }
}

/// A piece between blanks, in the order of the field. What stands in quotation marks is part of its piece, whatever it holds:
/// strangers choose it, as the local part of their address.
#[derive(Default)]
struct Word {
    text: String,
    /// Where the first equals sign outside of quotation marks stands.
    equals: Option<usize>,
    /// Something of it stood in quotation marks.
    quoted: bool,
}

impl Word {
    fn is_empty(&self) -> bool {
        self.text.is_empty() && !self.quoted
    }

    /// Name and value of `name=value`, in lower case.
    fn assignment(&self) -> Option<(String, String)> {
        let (name, value) = self.text.split_at_checked(self.equals?)?;
        Some((name.to_lowercase(), value.get(1..)?.to_lowercase()))
    }
}

/// A field taken apart: who wrote it, and its results.
struct Field {
    results: Vec<Vec<Word>>,
    /// All quotation marks and parentheses were closed.
    whole: bool,
}

/// A blank or a comment ends a word, but for one whose value is still to come.
fn finish(word: &mut Word, words: &mut Vec<Word>) {
    let complete = word.quoted || word.equals.is_none_or(|at| at + 1 < word.text.len());
    if complete && !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

/// Reads a field by the grammar of RFC 8601 section 2.2: comments are blanks, and blanks may stand around an equals sign.
fn read(value: &str) -> Field {
    let (mut results, mut words, mut word) = (Vec::new(), Vec::new(), Word::default());
    let (mut depth, mut quoted, mut odd) = (0_usize, false, false);
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' if quoted || depth > 0 => match chars.next() {
                Some(escaped) if quoted => word.text.push(escaped),
                Some(_) => {}
                None => odd = true,
            },
            '"' if depth == 0 => (quoted, word.quoted) = (!quoted, true),
            _ if quoted => word.text.push(c),
            '(' if depth > 0 => depth += 1,
            ')' if depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            '(' => {
                finish(&mut word, &mut words);
                depth += 1;
            }
            ')' => odd = true,
            '=' if word.is_empty() && words.last().is_some_and(|before: &Word| before.equals.is_none()) => {
                word = words.pop().unwrap_or_default();
                word.equals = Some(word.text.len());
                word.text.push(c);
            }
            '=' => {
                word.equals = word.equals.or(Some(word.text.len()));
                word.text.push(c);
            }
            ';' => {
                words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
                results.push(std::mem::take(&mut words));
            }
            _ if c.is_whitespace() => finish(&mut word, &mut words),
            _ => word.text.push(c),
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    results.push(words);
    Field { results, whole: !odd && !quoted && depth == 0 }
}

/// The domain of a value is the sender's, or one above it with at least two labels: whoever has that decides about all below.
///
/// That is the half of the relaxed alignment of RFC 7489 that is proven without a list of public suffixes. A signature by a domain
/// *below* the sender's says nothing by itself: below `example.org` is example.org's, below a suffix like `co.uk` is anybody's.
/// The server in front has such a list, and says `dmarc=pass`.
fn aligned(value: &str, domain: &str) -> bool {
    let value = value.trim_matches(['<', '>']);
    let vouched = value.rsplit('@').next().unwrap_or(value).trim_end_matches('.');
    let below = |long: &str, short: &str| {
        short.contains('.') && long.strip_suffix(short).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    below(domain, vouched)
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
            "mx.here.org; spf=pass smtp.mailfrom=\"mum\"@example.org",
            "mx.here.org (of us) 1;dkim/1 = pass (good) header.d\t=\r\n example.org",
            "mx.here.org; spf=fail (\\); or so) reason=\"a\\\"; x\"; dkim=pass reason=\"\" header.d=example.org;",
            "mx.here.org; spf=pass(well) smtp.mailfrom(from)=example.org(fine)",
            "mx.here.org; dkim=pass header.d=mail.example.org; dmarc=pass (p=none) header.from=example.org",
            "mx.here.org; dkim=pass header.d=example.org; dmarc=fail header.from=other.org",
            "mx.here.org; dkim=pass header.d=example.org; dmarc=none header.from=example.org",
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
            // The local part of an address is chosen by whoever writes.
            "mx.here.org; spf=pass smtp.mailfrom=\"x; dmarc=pass header.from=example.org \"@evil.org",
            "mx.here.org; spf=pass smtp.mailfrom=\"x smtp.mailfrom=example.org \"@evil.org",
            "mx.here.org; spf=pass smtp.mailfrom=\"smtp.mailfrom=example.org\"@evil.org",
            "mx.here.org; spf=pass smtp.mailfrom=\"mum@example.org\"@evil.org",
            "mx.here.org; spf=pass smtp.mailfrom=\"\\\"; dkim=pass header.d=example.org\"@evil.org",
            "mx.here.org; spf=fail reason=\"; spf=pass smtp.mailfrom=example.org\"",
            "mx.here.org; spf=fail reason=\"(\" smtp.mailfrom=evil.org; x=y reason=\") ; spf=pass smtp.mailfrom=example.org\"",
            "mx.here.org; spf=fail (a \\) ; spf=pass smtp.mailfrom=example.org)",
            "mx.here.org; spf=fail (a) b) ; spf=pass smtp.mailfrom=example.org",
            "mx.here.org; spf=fail ((a) ; spf=pass smtp.mailfrom=example.org",
            "mx.here.org; spf=fail smtp.mailfrom=\"a; spf=pass smtp.mailfrom=example.org",
            "mx.here.org; \"spf\"=pass smtp.mailfrom=example.org",
            "mx.here.org; x spf=pass smtp.mailfrom=example.org",
            "mx.here.org; dkim=pass header.d=mail.example.org; dmarc=none header.from=example.org",
            "mx.here.org; spf=pass smtp.mailfrom=bounce.example.org",
            "mx.here.org; dkim=pass header.d=example.org; dmarc=fail header.from=example.org",
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
        assert_eq!(of(&["\"mx.here.org\"; spf=pass smtp.mailfrom=example.org"]), Proof::Unproven);
    }
}
