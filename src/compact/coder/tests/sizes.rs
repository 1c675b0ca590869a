//! Bytes a message of the models, on messages that are kept elsewhere.
//!
//! ```text
//! SATPOST_MESSAGES=messages.jsonl SATPOST_MODEL=3 SATPOST_EVERY=2 \
//!   cargo test -p satpost-compact --release -- --ignored --nocapture sizes_by_hand
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde_json::Value;

use super::*;
use crate::letter::{Kind, Letter, Other};
use crate::packet::bundle::encode;
use crate::packet::fragments::{HEAD, Room};
use crate::packet::{Form, Past};
use crate::peer::book::index_of;
use crate::peer::past_of;

#[test]
#[ignore = "says how many bytes messages take that are kept elsewhere"]
fn sizes_by_hand() {
    let setting = |name: &str| std::env::var(name).ok();
    let path = setting("SATPOST_MESSAGES").expect("SATPOST_MESSAGES names a file of messages");
    let number = setting("SATPOST_MODEL").map_or(MODELS[0].number, |number| number.parse().unwrap());
    let every = setting("SATPOST_EVERY").map_or(1, |every| every.parse().unwrap());
    let text = std::fs::read_to_string(path).unwrap();
    let values: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let field = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let mut books: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for value in &values {
        books.entry(field(value, "from")).or_default().insert(field(value, "to"));
    }
    let started = Instant::now();
    let mut coder = Coder::new(Spec::find(number).unwrap());
    let primed = started.elapsed();
    let mut sums: BTreeMap<&str, [usize; 5]> = BTreeMap::new();
    let mut messages: BTreeMap<String, Vec<(Letter, Letter)>> = BTreeMap::new();
    let started = Instant::now();
    for (at, value) in values.iter().enumerate() {
        let kind = if field(value, "kind") == "sms" { Kind::Text } else { Kind::Mail };
        let (from, to) = (field(value, "from"), field(value, "to"));
        let (subject, text) = (field(value, "subject"), field(value, "text"));
        let written = Letter { kind, person: None, other: Other::Address(to.clone()), subject, text };
        let alike = books[&from].iter().filter(|other| index_of(other) == index_of(&to)).count();
        let other = if alike == 1 { Other::Index(index_of(&to)) } else { written.other.clone() };
        let short = Letter { other, ..written.clone() };
        messages.entry(from).or_default().push((written.clone(), short.clone()));
        if at % every != 0 {
            continue;
        }
        let [alone, known] = [&written, &short].map(|message| {
            let (on_air, written) = (std::slice::from_ref(message), std::slice::from_ref(&written));
            encode(&mut coder, Form::Model(number), on_air, written, &Past::default(), MTU, 1).len()
        });
        let group = match (field(value, "lang").as_str(), kind) {
            ("en", Kind::Text) => "texts",
            ("en", Kind::Mail) => "mails",
            _ => "other",
        };
        for group in [group, "all"] {
            let sum = sums.entry(group).or_default();
            let more = [1, sent(alone, MTU).0, sent(known, MTU).0, sent(alone, MTU).1, credits(alone)];
            *sum = std::array::from_fn(|at| sum[at] + more[at]);
        }
    }
    let took = started.elapsed() / (2 * sums["all"][0] as u32);
    println!("model {number}: primed in {primed:.1?}, {took:.1?} a message, {} at most", memory());
    for (group, [count, alone, known, packets, credits]) in sums {
        let mean = |sum: usize| sum as f64 / count as f64;
        println!(
            "{group:6} {count:4}: {:7.2} bytes, {:7.2} with the book, {:.3} packets, {:.3} credits",
            mean(alone),
            mean(known),
            mean(packets),
            mean(credits)
        );
    }
    let mut four = [0; 5];
    for bundle in messages.values().flat_map(|own| own.chunks_exact(4)) {
        let (written, short): (Vec<_>, Vec<_>) = bundle.iter().cloned().unzip();
        let [alone, known] = [&written, &short]
            .map(|on_air| encode(&mut coder, Form::Model(number), on_air, &written, &Past::default(), MTU, 1).len());
        let more = [4, sent(alone, MTU).1, sent(known, MTU).1, credits(alone), credits(known)];
        four = std::array::from_fn(|at| four[at] + more[at]);
    }
    let [alone, known, credits, known_credits] = [1, 2, 3, 4].map(|at| four[at] as f64 / four[0] as f64);
    println!(
        "four   {:4}: {alone:.3} packets a message, {known:.3} with the book, {credits:.3} credits, {known_credits:.3}",
        four[0]
    );
    println!("{}", correspondences(&mut coder, number, &values));
}

const MTU: usize = 192;

/// Bytes on air and packets of a bundle, where a packet holds so many bytes.
fn sent(bundle: usize, mtu: usize) -> (usize, usize) {
    let packets = Room { bytes: mtu, step: 0 }.packets(bundle);
    (bundle + if packets == 1 { 0 } else { HEAD * packets }, packets)
}

/// Started 50 bytes of packets of 340, as short-burst data is billed.
fn credits(bundle: usize) -> usize {
    Room { bytes: 340, step: 50 }.cost(bundle)
}

/// What mails of one writer take after eight others of the same. Writers of several are told by how they sign.
fn correspondences(coder: &mut Coder, number: u8, values: &[Value]) -> String {
    let mut writers: BTreeMap<String, Vec<Letter>> = BTreeMap::new();
    for value in values.iter().filter(|value| value["kind"] == "email") {
        let text = value["text"].as_str().unwrap_or_default();
        let name = text.trim().lines().last().unwrap_or_default().trim_matches([' ', '-', '/', ',', '.']);
        let letter = Letter {
            kind: Kind::Mail,
            person: None,
            other: Other::Address("reader@example.org".to_owned()),
            subject: value["subject"].as_str().unwrap_or_default().to_owned(),
            text: text.to_owned(),
        };
        if (1..=20).contains(&name.len()) {
            writers.entry(name.to_owned()).or_default().push(letter);
        }
    }
    let (mut count, mut sums) = (0, [0; 3]);
    for own in writers.values().filter(|own| own.len() >= 5) {
        for at in 0..own.len() {
            let others: Vec<Letter> = [&own[..at], &own[at + 1..]].concat();
            let (written, past) = (std::slice::from_ref(&own[at]), past_of(&others));
            let short = [Letter { other: Other::Index(index_of("reader@example.org")), ..own[at].clone() }];
            let ways = [(written, &Past::default()), (&short, &Past::default()), (&short, &past)];
            let sizes =
                ways.map(|(on_air, past)| encode(coder, Form::Model(number), on_air, written, past, MTU, 1).len());
            sums = std::array::from_fn(|way| sums[way] + sizes[way]);
            count += 1;
        }
    }
    let [alone, known, after] = sums.map(|sum| sum as f64 / f64::from(count.max(1)));
    let less = |size: f64| 100.0 * (1.0 - size / alone);
    format!(
        "{count} mails of a correspondence: {alone:.1} bytes alone, {known:.1} with the book (-{:.1} %), {after:.1} after eight others (-{:.1} %)",
        less(known),
        less(after)
    )
}

/// The most memory that this process has had, as the kernel says it.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or("memory unknown".to_owned(), |most| most.trim().to_owned())
}
