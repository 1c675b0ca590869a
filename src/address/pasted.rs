//! Addresses and numbers as they are pasted: with marks that nobody sees, with what programs put around them, and several in
//! one line.

/// The recipients in a text: separated by commas, semicolons or line ends, outside of quotes, brackets and remarks. A name
/// with a comma stands in quotes (RFC 5322): without them it may be the name of somebody, and nobody may be forgotten.
pub fn several(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let (mut piece, mut quoted, mut depth) = (String::new(), false, 0_usize);
    for c in text.chars().chain(['\n']) {
        match c {
            '"' => quoted = !quoted,
            '<' | '(' if !quoted => depth += 1,
            '>' | ')' if !quoted => depth = depth.saturating_sub(1),
            // A line ends whatever was left open in it.
            ',' | ';' | '\n' | '\r' if c == '\n' || (!quoted && depth == 0) => {
                let whole = std::mem::take(&mut piece);
                (quoted, depth) = (false, 0);
                found.extend(Some(whole.trim().to_owned()).filter(|whole| !whole.is_empty()));
                continue;
            }
            _ => {}
        }
        piece.push(c);
    }
    found
}

/// The address or number that everybody sees in a text: without marks of direction and blanks without width, with the
/// hyphens, digits and signs of ASCII, and without `tel:`, `mailto:` or a name before angle brackets.
pub fn visible(text: &str) -> String {
    let plain: String = text.chars().filter_map(plain).collect();
    let inner = match plain.trim().strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
        Some((_, inner)) => inner.trim(),
        None => plain.trim(),
    };
    // Some programs put quotes around an address.
    let mut within = [('\'', '\''), ('"', '"'), ('‘', '’'), ('“', '”')].into_iter();
    let inner = within.find_map(|(open, close)| inner.strip_prefix(open)?.strip_suffix(close)).unwrap_or(inner);
    match inner.split_once(':') {
        // What follows a number or an address are parameters (RFC 3966, RFC 6068).
        Some((scheme, rest)) if ["tel", "sms", "mailto"].contains(&scheme.to_ascii_lowercase().as_str()) => {
            rest.split(['?', ';']).next().unwrap_or_default().trim().to_owned()
        }
        _ => inner.to_owned(),
    }
}

/// True for an address with signs that nobody sees, as somebody writes who wants to look like another one. Those that
/// scripts and emoji need (ZWNJ, ZWJ, variation selectors) are none.
pub fn has_hidden(text: &str) -> bool {
    text.chars().any(|c| plain(c).is_none() && !matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}'))
}

/// The sign of ASCII that looks the same; `None` for what is not seen.
fn plain(c: char) -> Option<char> {
    match c {
        '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{e0000}'..='\u{e007f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => None,
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => Some('-'),
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0),
        c if c.is_whitespace() => Some(' '),
        c => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_looks_like_another_one_has_hidden_signs() {
        for hidden in ["bob\u{202e}@x.org", "bob@wor\u{200b}ld.org", "b\u{ad}ob@x.org", "bob@x.org\u{feff}"] {
            assert!(has_hidden(hidden), "{hidden:?}");
        }
        for whole in ["bob+x@world.org", "jürgen@müller.example", "نامه\u{200c}ای@x.org", "\u{2764}\u{fe0f}@x.org"]
        {
            assert!(!has_hidden(whole), "{whole:?}");
        }
    }

    #[test]
    fn several_recipients_stand_in_one_line_or_in_lines() {
        for (text, pieces) in [
            ("a@x.org", &["a@x.org"][..]),
            ("a@x.org, b@x.org;c@x.org\r\nanna", &["a@x.org", "b@x.org", "c@x.org", "anna"]),
            ("\"Miller, Mary\" <m@x.org>, Bob <b@x.org>", &["\"Miller, Mary\" <m@x.org>", "Bob <b@x.org>"]),
            ("Miller, Mary <m@x.org>", &["Miller", "Mary <m@x.org>"]),
            ("anna, Mary <m@x.org>", &["anna", "Mary <m@x.org>"]),
            ("+1 (415) 555-0123, b@x.org", &["+1 (415) 555-0123", "b@x.org"]),
            ("\"open <b@x.org>\nc@x.org", &["\"open <b@x.org>", "c@x.org"]),
            (" , ;\n", &[]),
            ("", &[]),
        ] {
            assert_eq!(several(text), pieces, "{text:?}");
        }
    }

    #[test]
    fn what_everybody_sees_is_what_is_read() {
        for (pasted, seen) in [
            ("\u{202a}+14155550123\u{202c}", "+14155550123"),
            ("\u{2068}+1 415-555-0123\u{2069}", "+1 415-555-0123"),
            ("+1 415\u{2011}555\u{2013}0123", "+1 415-555-0123"),
            ("TEL:+1-415-555-0123;ext=5", "+1-415-555-0123"),
            ("\u{ff0b}\u{ff11}4155550123", "+14155550123"),
            ("Bob <bob@example.org>", "bob@example.org"),
            ("'bob@example.org'", "bob@example.org"),
            ("\"B., Bob\" <mailto:bob@example.org?subject=x>", "bob@example.org"),
            ("\u{a0}olga\u{200b} ", "olga"),
            ("\u{3164}olga\u{fe0f}@example\u{180e}.org\u{2800}", "olga@example.org"),
            ("\u{43e}\u{43b}@example.org", "\u{43e}\u{43b}@example.org"),
            ("a:b@example.org", "a:b@example.org"),
            ("<>", ""),
            (">", ">"),
            ("", ""),
        ] {
            assert_eq!(visible(pasted), seen, "{pasted:?}");
        }
    }
}
