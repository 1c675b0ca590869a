//! Header texts beyond ASCII as encoded words (RFC 2047). What is ASCII stays as it was written, encoded words among it
//! too.

use super::Unfit;
use encodify::Fold;
use encodify::rfc2047::{B, Q_PHRASE, WordEncoder};

use super::parameters::parameter;
use crate::address::idn;

/// A line is folded before it becomes longer.
const WIDTH: usize = 76;
/// An encoded word that begins behind this column would be cut into crumbs.
const LATEST: usize = 50;

/// A header line in the making.
struct Line {
    out: String,
    column: usize,
}

impl Line {
    fn new(label: &str) -> Self {
        let out = format!("{label}:");
        Self { column: out.len(), out }
    }

    /// A blank, or a line end and a blank if more than `room` columns would be in use behind it.
    fn blank(&mut self, room: usize) {
        if self.column + 1 + room > WIDTH && self.column > 1 {
            self.out.push_str("\r\n");
            self.column = 0;
        }
        self.out.push(' ');
        self.column += 1;
    }

    fn plain(&mut self, word: &str) {
        self.out.push_str(word);
        self.column += word.len();
    }

    fn encoded(&mut self, text: &str) {
        let encoder: WordEncoder = if B.payload_len(text) < Q_PHRASE.payload_len(text) { B } else { Q_PHRASE };
        encoder.encode_words("utf-8", text, &mut self.column, Fold::HEADER, &mut self.out);
    }

    /// Words between blanks; those beyond ASCII, with the blanks between them, become encoded words. `first` says
    /// whether a blank stands in front.
    fn words(&mut self, text: &str, first: bool) {
        let mut words = text.split_whitespace().peekable();
        let (mut blank, mut after_encoded) = (first, false);
        while let Some(word) = words.next() {
            if word.is_ascii() {
                if blank {
                    self.blank(word.len());
                }
                self.plain(word);
                (blank, after_encoded) = (true, word.starts_with("=?") && word.ends_with("?="));
                continue;
            }
            // A reader drops the blank between two encoded words, so it goes into the second one.
            let mut run = if after_encoded { format!(" {word}") } else { word.to_owned() };
            while let Some(next) = words.next_if(|next| !next.is_ascii()) {
                run.push(' ');
                run.push_str(next);
            }
            if words.peek().is_some_and(|next| next.starts_with("=?")) {
                run.push(' ');
            }
            if blank {
                self.blank(WIDTH - LATEST);
            }
            self.encoded(&run);
            (blank, after_encoded) = (true, false);
        }
    }
}

/// An unstructured field, such as Subject.
pub(super) fn text(label: &str, value: &str) -> String {
    let mut line = Line::new(label);
    line.words(value, true);
    line.out
}

/// A list of addresses (RFC 5322 section 3.4): names become encoded words, domains A-labels.
///
/// # Errors
/// An address of which the local part is beyond ASCII.
pub(super) fn addresses(label: &str, value: &str) -> Result<String, Unfit> {
    let mut line = Line::new(label);
    let mut rest = value;
    let mut blank = true;
    while let Some(first) = rest.chars().next() {
        let len = match first {
            ' ' | '\t' => {
                (rest, blank) = (&rest[1..], true);
                continue;
            }
            '"' => closing(rest, '"', '"'),
            '(' => closing(rest, '(', ')'),
            '<' => rest.find('>').map_or(rest.len(), |at| at + 1),
            ',' | ';' | ':' => 1,
            _ => rest.find(['"', '(', '<', ',', ';', ':']).unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(len);
        let ends_blank = token.ends_with([' ', '\t']);
        let token = token.trim_end();
        match first {
            _ if token.is_ascii() => {
                if blank {
                    line.blank(token.len());
                }
                line.plain(token);
            }
            '"' => line.words(&unquoted(token), blank),
            '(' => {
                if blank {
                    line.blank(WIDTH - LATEST);
                }
                line.plain("(");
                line.words(token.trim_start_matches('(').trim_end_matches(')'), false);
                line.plain(")");
            }
            '<' => {
                let address = in_ascii(token.trim_matches(['<', '>']))?;
                if blank {
                    line.blank(address.len() + 2);
                }
                line.plain(&format!("<{address}>"));
            }
            _ if token.contains('@') => {
                let address = in_ascii(token)?;
                if blank {
                    line.blank(address.len());
                }
                line.plain(&address);
            }
            _ => line.words(token, blank),
        }
        (rest, blank) = (after, ends_blank);
        // An encoded word ends at a blank (section 5).
        blank |= !token.is_ascii() && rest.starts_with(['<', '(', '"']);
    }
    Ok(line.out)
}

/// Where a quoted string or a comment ends, its end included.
fn closing(text: &str, open: char, close: char) -> usize {
    let (mut depth, mut escaped) = (0u32, false);
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == close && depth > 0 {
            depth -= 1;
            if depth == 0 {
                return at + 1;
            }
        } else if c == open {
            depth += 1;
        }
    }
    text.len()
}

fn unquoted(token: &str) -> String {
    // `parameter` reads a quoted value; the name in front of it is of no interest.
    let value = parameter(format!("x={token}").as_bytes()).map(|(_, value)| value).unwrap_or_default();
    String::from_utf8_lossy(&value).into_owned()
}

fn in_ascii(address: &str) -> Result<String, Unfit> {
    let (local, domain) = address.trim().rsplit_once('@').unwrap_or((address.trim(), ""));
    if !local.is_ascii() {
        return Err(Unfit::Address(address.to_owned()));
    }
    Ok(format!("{local}@{}", idn::to_ascii(domain).map_err(Unfit::Domain)?))
}
