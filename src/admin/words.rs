//! The words of the pages: tables of keys and texts, one a language, below `web/words/`.
//!
//! A template asks by `{{ w("costs.money") }}`, the code by `say!("costs.money")`; where a row has only the key, `key!` marks
//! it. What a text needs goes by name: `{{ w("people.until", at=t(until)) }}`, `say!("link.removed", name = link.name)`. In a
//! template a value is escaped when it is put in; the texts themselves are trusted and may have inline markup. `say!` gives
//! plain text, which the template that shows it escapes.
//!
//! The language is that of the thread, as [`speaking`] has set it: a page is made by one thread from end to end.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt::{Display, Write as _};
use std::sync::{LazyLock, OnceLock};

use minijinja::value::{Kwargs, Value};
use minijinja::{Environment, Error, HtmlEscape};

use crate::message::words::isolated;

/// A language: its texts, and which form of a text a number takes.
pub struct Language {
    /// Texts of its files: lines of `key = text`, and `key[form] = text` where a number decides.
    pub files: &'static [&'static str],
    /// Name of the form for a number, as the CLDR names them: `one`, `few`, `many`, `other`.
    pub form: fn(u64) -> &'static str,
}

const ENGLISH: Language = Language {
    files: &[
        include_str!("../../web/words/en/frame.txt"),
        include_str!("../../web/words/en/mail.txt"),
        include_str!("../../web/words/en/box.txt"),
        include_str!("../../web/words/en/people.txt"),
    ],
    form: |n| if n == 1 { "one" } else { "other" },
};

/// The languages that there are; the first has every key, and stands in for what another lacks.
pub static LANGUAGES: &[Language] = &[ENGLISH];

static TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| LANGUAGES.iter().map(Table::of).collect());

thread_local! {
    static SPOKEN: Cell<Option<&'static Table>> = const { Cell::new(None) };
}

/// The language that has every text.
pub fn first() -> &'static Table {
    &TABLES[0]
}

/// Makes what `make` makes in a language; the thread speaks its former one again afterwards.
pub fn speaking<T>(table: &'static Table, make: impl FnOnce() -> T) -> T {
    /// The language before; a page that panics leaves it as well.
    struct Before(Option<&'static Table>);
    impl Drop for Before {
        fn drop(&mut self) {
            SPOKEN.set(self.0);
        }
    }
    let _before = Before(SPOKEN.replace(Some(table)));
    make()
}

/// The language that this thread speaks.
pub fn spoken() -> &'static Table {
    SPOKEN.get().unwrap_or_else(first)
}

/// Gives a text by its key, as plain text; `say!` writes the call.
pub fn text(key: &str, values: &[(&str, &dyn Display)]) -> String {
    let value = |name: &str| values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string());
    spoken().plain(key, value)
}

/// Gives the text of a key that a row has.
pub fn word(key: &str) -> String {
    text(key, &[])
}

/// Gives a text by its key: `say!("costs.forecast", sum = sum)`.
macro_rules! say {
    ($key:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::admin::words::text($key, &[$((stringify!($name), &$value as &dyn std::fmt::Display)),*])
    };
}

/// Marks a key that a row has, for the text that is looked up where the row is shown.
macro_rules! key {
    ($key:literal) => {
        $key
    };
}

pub(super) use {key, say};

/// Gives a text by its key to a template, with the values escaped that are put in.
///
/// # Errors
/// None by a key: one that is not known gives itself, and a line in the log.
pub fn shown(key: &str, values: Kwargs) -> Result<Value, Error> {
    spoken().html(key, &values)
}

/// A piece of a text: as it stands, or the name of what goes there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Stands there.
    Text(String),
    /// Is put in.
    Hole(String),
}

/// A text in one form.
#[derive(Debug, Clone)]
struct Text {
    pieces: Vec<Piece>,
    /// For a template, when nothing is to be put in.
    whole: Option<Value>,
}

/// The texts of a language.
pub struct Table {
    /// By key, and by key and form (`count.packets[one]`).
    texts: HashMap<String, Text>,
    form: fn(u64) -> &'static str,
    /// The templates in this language, once a page was asked for.
    pub templates: OnceLock<Environment<'static>>,
}

impl Table {
    /// Reads the texts of a language; a line that is none is left out, and a test finds it.
    pub fn of(language: &Language) -> Self {
        let rows = language.files.iter().flat_map(|file| rows(file));
        Self::from_rows(rows.map(|(key, text)| (key.to_owned(), text.to_owned())), language.form)
    }

    /// Makes it of keys and texts.
    pub fn from_rows(rows: impl Iterator<Item = (String, String)>, form: fn(u64) -> &'static str) -> Self {
        let text = |text: String| {
            let pieces = pieces(&text);
            let plain = pieces.iter().all(|piece| matches!(piece, Piece::Text(_)));
            Text { whole: plain.then(|| Value::from_safe_string(text)), pieces }
        };
        Self { texts: rows.map(|(key, words)| (key, text(words))).collect(), form, templates: OnceLock::new() }
    }

    /// Writes the texts that need nothing put in into a template, which is then as quick as if it had no keys.
    pub fn written_into(&self, template: &str) -> String {
        let mut parts = template.split("{{ w(\"");
        let mut written = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let asked = part.split_once("\") }}").filter(|(key, _)| !key.contains('"'));
            let plain = asked.and_then(|(key, rest)| {
                let text = self.texts.get(key).or_else(|| first().texts.get(key))?;
                // What the script fills keeps its places, and braces would be read by the template.
                Some((text.whole.as_ref()?.as_str()?, rest))
            });
            match plain {
                Some((text, rest)) => written.extend([text, rest]),
                None => written.extend(["{{ w(\"", part]),
            }
        }
        written
    }

    fn find(&self, key: &str, number: impl FnOnce() -> Option<u64>) -> Option<&Text> {
        if let Some(text) = self.texts.get(key) {
            return Some(text);
        }
        let form = (self.form)(number().unwrap_or_default());
        self.texts.get(&format!("{key}[{form}]")).or_else(|| self.texts.get(&format!("{key}[other]")))
    }

    /// Finds a text here, or else in the first language.
    fn found(&self, key: &str, number: impl Fn() -> Option<u64>) -> Option<&Text> {
        let found = self.find(key, &number).or_else(|| first().find(key, &number));
        if found.is_none() {
            log::error!("web: no words for {key}");
        }
        found
    }

    fn plain(&self, key: &str, value: impl Fn(&str) -> Option<String>) -> String {
        let number = || value("n")?.parse().ok();
        let Some(text) = self.found(key, number) else { return key.to_owned() };
        let said = text.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Hole(name) => value(name).map(|value| isolated(&value).into_owned()).unwrap_or_default(),
        });
        said.collect()
    }

    fn html(&self, key: &str, values: &Kwargs) -> Result<Value, Error> {
        let value = |name: &str| values.has(name).then(|| values.get::<Value>(name).unwrap_or_default());
        let number = || value("n")?.as_i64()?.try_into().ok();
        let Some(text) = self.found(key, number) else { return Ok(Value::from(key)) };
        if let Some(whole) = &text.whole {
            return Ok(whole.clone());
        }
        let mut html = String::new();
        for piece in &text.pieces {
            let written = match piece {
                Piece::Text(text) => write!(html, "{text}"),
                Piece::Hole(name) => match value(name) {
                    Some(value) if value.is_safe() => write!(html, "{value}"),
                    Some(value) => write!(html, "{}", HtmlEscape(&isolated(&value.to_string()))),
                    // As in the script, which puts in what only the browser knows.
                    None => write!(html, "{{{name}}}"),
                },
            };
            // A string takes all that is written to it.
            debug_assert!(written.is_ok());
        }
        Ok(Value::from_safe_string(html))
    }
}

/// Gives the rows of a file: keys and texts, without comments and empty lines.
pub fn rows(file: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = file.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(" = "))
}

/// Takes a text apart: `{name}` is a hole that is filled by its name.
pub fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, behind)) = after.split_once('}') else { break };
        pieces.push(Piece::Text(before.to_owned()));
        pieces.push(Piece::Hole(name.to_owned()));
        rest = behind;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    pieces.retain(|piece| *piece != Piece::Text(String::new()));
    pieces
}
