//! How well texts are cut: words of the writer that were lost (none may be), and foreign words that were left.
//!
//! `tests/cutting/own.txt` holds what people write, among it all that looks like what programs write;
//! `tests/cutting/around.txt` what programs put around it. Each text is put into answers and mails with each piece. The
//! corpus counts too: what its `.txt` files say is the writer's. `tests/bench/cutting` prints the counts.

use std::collections::HashMap;
use std::fs;

use super::*;

/// Foreign words that may be left, of a thousand.
const MAX_LEFT: usize = 2;

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    mails: usize,
    own: usize,
    lost: usize,
    foreign: usize,
    left: usize,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.mails += other.mails;
        self.own += other.own;
        self.lost += other.lost;
        self.foreign += other.foreign;
        self.left += other.left;
    }
}

/// Words of a text, with how often each stands there.
fn words(text: &str) -> HashMap<String, usize> {
    let mut out = HashMap::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        *out.entry(word.to_lowercase()).or_insert(0) += 1;
    }
    out
}

/// Words of `one` that `other` does not have, as often as they are missing.
fn missing(one: &HashMap<String, usize>, other: &HashMap<String, usize>) -> usize {
    one.iter().map(|(word, count)| count.saturating_sub(other.get(word).copied().unwrap_or(0))).sum()
}

fn total(words: &HashMap<String, usize>) -> usize {
    words.values().sum()
}

/// Compares what came out with what the writer wrote and what the mail held.
fn count(own: &str, held: &str, out: &str) -> Count {
    let (own, held, out) = (words(own), words(held), words(out));
    Count {
        mails: 1,
        own: total(&own),
        lost: missing(&own, &out),
        foreign: missing(&held, &own),
        left: missing(&out, &own),
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cutting")
}

fn own_texts() -> Vec<String> {
    let file = fs::read_to_string(folder().join("own.txt")).unwrap();
    file.split("\n%%\n").map(|text| text.trim_matches('\n').to_owned()).collect()
}

/// Kind, whether it belongs to an answer, whether it stands above, and the text.
fn pieces() -> Vec<(String, bool, bool, String)> {
    let file = fs::read_to_string(folder().join("around.txt")).unwrap();
    let pieces = file.split("%% ").filter(|piece| !piece.is_empty()).map(|piece| {
        let (head, text) = piece.split_once('\n').unwrap();
        let kind = head.rsplitn(3, ' ').nth(2).unwrap();
        (kind.to_owned(), head.contains(" answer "), head.ends_with(" above"), text.trim_end().to_owned())
    });
    pieces.collect()
}

fn mail(is_answer: bool, body: &str) -> Vec<u8> {
    let mark = if is_answer { "Re: " } else { "" };
    let head = "From: Bob <bob@world.example>\nTo: anna@shore.example\nMIME-Version: 1.0\n\
                Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n";
    format!("{head}Subject: {mark}Topic\n\n{body}\n").into_bytes()
}

/// The text that goes on air, without the subject.
fn body(raw: &[u8]) -> String {
    shape(raw, &TRIM).text
}

/// The counts by kind. `every` text is put beside each piece, or a few of them.
fn measure(every: bool) -> (Vec<(String, Count)>, Vec<String>) {
    let (own, pieces) = (own_texts(), pieces());
    let mut table: Vec<(String, Count)> = Vec::new();
    let mut worst = Vec::new();
    let mut add = |kind: &str, counted: Count, what: String| {
        if counted.lost > 0 || counted.left > 0 {
            worst.push(format!("{kind}: {} lost, {} left: {what}", counted.lost, counted.left));
        }
        match table.iter_mut().find(|(known, _)| known == kind) {
            Some((_, sum)) => sum.add(counted),
            None => table.push((kind.to_owned(), counted)),
        }
    };
    for text in &own {
        for is_answer in [false, true] {
            let out = body(&mail(is_answer, text));
            add("own words alone", count(text, text, &out), out);
        }
    }
    for (number, (kind, is_answer, above, piece)) in pieces.iter().enumerate() {
        let chosen = own.iter().enumerate().filter(|(at, _)| every || (at + number) % 8 == 0);
        for (_, text) in chosen {
            let whole = if *above { format!("{piece}\n\n{text}") } else { format!("{text}\n\n{piece}") };
            let out = body(&mail(*is_answer, &whole));
            add(kind, count(text, &whole, &out), format!("{whole:?} -> {out:?}"));
        }
    }
    for (path, raw) in corpus() {
        let told = fs::read_to_string(path.with_extension("txt")).unwrap_or_default();
        let wanted: Vec<&str> = told.lines().filter(|line| !line.starts_with("# ")).collect();
        let shaped = shape(&raw, &TRIM);
        let held = format!("{}\n{}", shaped.subject, shaped.full);
        add("the corpus", count(&wanted.join("\n"), &held, &on_air(&shaped)), path.display().to_string());
    }
    (table, worst)
}

#[test]
fn no_word_of_a_writer_is_lost_and_few_foreign_ones_are_left() {
    let every = std::env::var_os("SATPOST_SOAK").is_some();
    let (table, worst) = measure(every);
    let mut all = Count::default();
    for (kind, counted) in &table {
        all.add(*counted);
        print_row(kind, counted);
    }
    print_row("all", &all);
    if every {
        worst.iter().for_each(|line| println!("  {line}"));
    }
    assert_eq!(all.lost, 0, "words of writers are lost:\n{}", worst.join("\n"));
    assert!(all.left * 1000 <= all.foreign * MAX_LEFT, "foreign words are left:\n{}", worst.join("\n"));
}

fn print_row(kind: &str, counted: &Count) {
    let Count { mails, own, lost, foreign, left } = counted;
    println!(
        "{kind:<16} {mails:>5} mails: {lost} of {own} words of the writer lost, {left} of {foreign} foreign words left"
    );
}
