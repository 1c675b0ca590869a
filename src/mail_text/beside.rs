//! What the HTML beside a plain text says of it: which of its lines are a signature.

use super::context::Context;
use super::{marks, shapes, signature};

/// Longest signature that is carried over, in words.
const MAX_WORDS: usize = 120;
/// Signatures of a page that are carried over.
const MAX_SIGNATURES: usize = 4;
/// Lines of a plain text in which they are looked for.
const MAX_LINES: usize = 2000;
/// Bytes of a line that are compared: a page may be one line.
const MAX_LINE: usize = 2000;
/// Most words of a line that is the writer's name.
const MAX_NAME: usize = 6;

/// A signature that a page marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Its words, in lower case.
    words: Vec<String>,
    /// Those of the line above it.
    above: Vec<String>,
}

/// The signatures of a text with [`marks`].
pub fn signatures(marked: &str) -> Vec<Signature> {
    let mut found = Vec::new();
    if !marked.contains(marks::SIGNATURE) {
        return found;
    }
    let mut above = Vec::new();
    let mut inside: Option<Vec<String>> = None;
    for line in marked.lines() {
        match (line, inside.as_mut()) {
            (marks::SIGNATURE, None) => inside = Some(Vec::new()),
            (marks::END, Some(_)) => {
                let words = inside.take().unwrap_or_default();
                if (1..=MAX_WORDS).contains(&words.len()) && found.len() < MAX_SIGNATURES {
                    found.push(Signature { words, above: above.clone() });
                }
            }
            (_, Some(own)) if own.len() <= MAX_WORDS => own.extend(words(line)),
            (_, Some(_)) => (),
            (_, None) => {
                let own = words(line);
                above = if own.is_empty() { above } else { own };
            }
        }
    }
    found
}

/// A plain text with marks around the lines that are one of the signatures, word by word, below the same line, and that
/// [look like one](is_signature) here, too.
pub fn mark(text: &str, signatures: &[Signature], context: &Context) -> String {
    if signatures.is_empty() {
        return text.to_owned();
    }
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for signature in signatures {
        let said: Vec<Vec<String>> = lines.iter().take(MAX_LINES).map(|line| words(line)).collect();
        if let Some((start, end)) = (0..said.len()).find_map(|at| Some((at, end_of(signature, &said, at)?)))
            && !lines[start..end].iter().any(|line| line.starts_with('>'))
            && is_signature(&lines, start, end, context)
        {
            lines.insert(end, marks::END.to_owned());
            lines.insert(start, marks::SIGNATURE.to_owned());
        }
    }
    lines.join("\n")
}

/// The plain text shows it, too: it stands below `--`, or its first line is the writer's name, an address or a number to
/// call. People type below their answer whatever the page calls it.
fn is_signature(lines: &[String], start: usize, end: usize, context: &Context) -> bool {
    let drawn = lines[..start].iter().rfind(|line| !line.is_empty()).is_some_and(|line| signature::is_delimiter(line));
    let typed = signature::leading(&lines[start..end]);
    let first = lines[start + typed..end].iter().find(|line| !line.is_empty()).map_or("", String::as_str);
    drawn || names(first, context) || shapes::has_address(first) || first.starts_with('+')
}

/// A short line with the writer's name.
fn names(line: &str, context: &Context) -> bool {
    let mut words = shapes::words(line);
    line.split_whitespace().count() <= MAX_NAME && words.any(|word| context.writer.contains(&word))
}

/// The line after the signature if it begins at `at`.
fn end_of(signature: &Signature, said: &[Vec<String>], at: usize) -> Option<usize> {
    let mut rest = signature.words.strip_prefix(said[at].as_slice()).filter(|_| !said[at].is_empty())?;
    let above = said[..at].iter().rfind(|words| !words.is_empty());
    if above.map_or(&[][..], Vec::as_slice) != signature.above {
        return None;
    }
    let mut end = at + 1;
    while !rest.is_empty() {
        rest = rest.strip_prefix(said.get(end)?.as_slice())?;
        end += 1;
    }
    Some(end)
}

/// The words of a line in lower case, without the targets of links and the places of pictures.
fn words(line: &str) -> Vec<String> {
    let mut left = line[..line.floor_char_boundary(MAX_LINE)].to_lowercase();
    for (open, close) in [('<', '>'), ('(', ')'), ('[', ']')] {
        let is_target = |inner: &str| open == '[' || inner.contains(':') || inner.contains('@');
        let mut out = String::with_capacity(left.len());
        let mut rest = left.as_str();
        while let Some((before, after)) = rest.split_once(open) {
            out.push_str(before);
            out.push(' ');
            rest = match after.split_once(close) {
                Some((inner, behind)) if is_target(inner) => behind,
                _ => after,
            };
        }
        out.push_str(rest);
        left = out;
    }
    left.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_found_below_the_line_that_it_stands_below() {
        let page = format!("All is well.\n{}\nBob\nClaims (https://a.b)\n{}\n", marks::SIGNATURE, marks::END);
        let own = signatures(&page);
        let bob = Context { writer: vec!["bob".to_owned()], ..Context::default() };
        let plain = "Crew:\n\nBob\nClaims\n\nAll is well.\n\nBob\nClaims<https://a.b/>\n\nmore";
        let (start, end) = (marks::SIGNATURE, marks::END);
        let marked =
            format!("Crew:\n\nBob\nClaims\n\nAll is well.\n\n{start}\nBob\nClaims<https://a.b/>\n{end}\n\nmore");
        assert_eq!(mark(plain, &own, &bob), marked);
        // Nobody writes here by that name.
        assert_eq!(mark(plain, &own, &Context::default()), plain);
        for other in ["All is well.\n\nBob\nClaims desk", "Bob\nClaims", "All is well.\n> Bob\n> Claims"] {
            assert_eq!(mark(other, &own, &bob), other);
        }
    }
}
