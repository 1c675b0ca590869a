//! Bytes a message of the models, on messages that are kept elsewhere.
//!
//! ```text
//! SATPOST_MESSAGES=messages.jsonl SATPOST_MODEL=3 SATPOST_EVERY=2 \
//!   cargo test -p satpost-compact --release -- --ignored --nocapture sizes
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde_json::Value;

use super::*;
use crate::letter::{Kind, Letter, Other};
use crate::packet::Form;
use crate::packet::body::body;
use crate::peer::book::index_of;

#[test]
#[ignore = "needs messages: says how many bytes they take"]
fn sizes() {
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
    let mut sums: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    let started = Instant::now();
    for value in values.iter().step_by(every) {
        let kind = if field(value, "kind") == "sms" { Kind::Text } else { Kind::Mail };
        let to = field(value, "to");
        let (subject, text) = (field(value, "subject"), field(value, "text"));
        let written = Letter { kind, person: None, other: Other::Address(to.clone()), subject, text };
        let alike = books[&field(value, "from")].iter().filter(|other| index_of(other) == index_of(&to)).count();
        let other = if alike == 1 { Other::Index(index_of(&to)) } else { written.other.clone() };
        let short = Letter { other, ..written.clone() };
        let mut size = |letter: &Letter| {
            let form = Form::Model(number);
            body(&mut coder, form, std::slice::from_ref(letter), std::slice::from_ref(&written), 192, 1).len()
        };
        let (alone, known) = (size(&written), size(&short));
        let pieces = |size: usize| if size <= 192 { size } else { size + 2 * size.div_ceil(190) };
        let group = match (field(value, "lang").as_str(), kind) {
            ("en", Kind::Text) => "texts",
            ("en", Kind::Mail) => "mails",
            _ => "other",
        };
        for group in [group, "all"] {
            let packets = if alone <= 192 { 1 } else { alone.div_ceil(190) };
            let sum = sums.entry(group).or_default();
            *sum = [sum[0] + 1, sum[1] + pieces(alone), sum[2] + pieces(known), sum[3] + packets];
        }
    }
    let took = started.elapsed() / (2 * sums["all"][0] as u32);
    println!("model {number}: primed in {primed:.1?}, {took:.1?} a message");
    for (group, [count, alone, known, packets]) in sums {
        let mean = |sum: usize| sum as f64 / count as f64;
        println!(
            "{group:6} {count:4}: {:7.2} bytes, {:7.2} with the book, {:.3} packets",
            mean(alone),
            mean(known),
            mean(packets)
        );
    }
}
