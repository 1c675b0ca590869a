//! The tables of the words: what holds for each text of each language.

use std::collections::BTreeSet;

use super::words::{attribute, by_key, holes, templates};
use crate::admin::words::{LANGUAGES, Piece, pieces};

/// Keys of the texts that a template writes into attributes, and whether the attribute has quotation marks.
fn in_attributes(template: &str) -> Vec<(&str, bool)> {
    let mut found = Vec::new();
    for (at, _) in template.match_indices("w(\"") {
        if attribute(template, at).is_some() {
            let code = template[..at].trim_end().trim_end_matches("{{").trim_end_matches(' ');
            found.push((template[at + 3..].split('"').next().unwrap(), !code.ends_with('=')));
        }
    }
    found
}

/// True for a text that does not end its attribute, as it is written there as it stands.
fn stays_inside(text: &str, quoted: bool) -> bool {
    !text.contains(['<', '>', '"']) && (quoted || !text.contains(char::is_whitespace))
}

#[test]
fn a_text_in_an_attribute_is_known_wherever_it_stands_there() {
    let template = "<p title=\"{{ w(\"a.a\") }}\" data-spans=\"{{ w(\"a.b\") }}|{{ w(\"a.c\") }}\" alt=\"{% if f.set < 1 %}{{ \
                    w(\"a.d\") }}{% endif %}\" lang={{ w(\"a.e\") }} x=\"1\">{{ w(\"a.f\") }}<b>{{ w(\"a.g\") }}</b>";
    let all = [("a.a", true), ("a.b", true), ("a.c", true), ("a.d", true), ("a.e", false)];
    assert_eq!(in_attributes(template), all);
    assert!(stays_inside("a b", true) && !stays_inside("a \" b", true) && !stays_inside("a b", false));
}

#[test]
fn the_tables_are_well_formed() {
    let first = by_key(&LANGUAGES[0]);
    for language in LANGUAGES {
        let mut seen = BTreeSet::new();
        for line in language.files.iter().flat_map(|file| file.lines()) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, text) = line.split_once(" = ").unwrap_or_else(|| panic!("no words: {line}"));
            assert!(seen.insert(key), "{key} is there twice");
            assert_eq!(text, text.trim(), "{key}");
            for (name, fault) in [("<", "</"), ("{", "}")] {
                let paired = text.matches(name).count() - if name == "<" { text.matches(fault).count() } else { 0 };
                assert_eq!(paired, text.matches(fault).count(), "{key}");
            }
            let tags = text.split('<').skip(1).map(|tag| tag.trim_start_matches('/').split([' ', '>']).next().unwrap());
            tags.for_each(|tag| assert!(["a", "b", "bdi", "code", "strong"].contains(&tag), "{key}: {tag}"));
        }
        for (key, texts) in by_key(language) {
            assert_eq!(first.get(key).map(|first| holes(first)), Some(holes(&texts)), "{key}");
        }
    }
    for (name, text) in templates() {
        for (key, quoted) in in_attributes(text) {
            for text in LANGUAGES.iter().filter_map(|language| by_key(language).remove(key)).flatten() {
                assert!(stays_inside(text, quoted), "{name}: {key} is in an attribute");
            }
        }
    }
}

/// What is counted in the texts.
const COUNTED: [&str; 18] = [
    "byte",
    "bytes",
    "character",
    "characters",
    "day",
    "days",
    "field",
    "fields",
    "message",
    "messages",
    "packet",
    "packets",
    "text",
    "texts",
    "things",
    "times",
    "tries",
    "try",
];

/// Texts of which there is one form: their number is never one, or the script puts it in, which knows no forms.
const ONE_FORM: [&str; 8] = [
    "account.at_least_characters_several",
    "claim.at_least_characters_several",
    "compose.bytes_of_text",
    "people.for_their_log_in",
    "person.at_least_characters",
    "position.positions_ride_with_packets",
    "setup.at_least_characters_empty",
    "time.days",
];

#[test]
fn a_counted_noun_has_a_form_for_each_number() {
    let mut wrong = BTreeSet::new();
    for (key, texts) in by_key(&LANGUAGES[0]) {
        for text in &texts {
            for pair in pieces(text).windows(2) {
                let [Piece::Hole(name), Piece::Text(after)] = pair else { continue };
                let noun = after.strip_prefix(' ').and_then(|after| after.split(|c: char| !c.is_alphabetic()).next());
                if !noun.is_some_and(|noun| COUNTED.contains(&noun)) {
                    continue;
                }
                if name != "n" || (texts.len() < 2 && !ONE_FORM.contains(&key)) {
                    wrong.insert(format!("{key} = {text}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
