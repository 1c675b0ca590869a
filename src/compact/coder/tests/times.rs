//! Time a message alone and after eight others, on mails that are kept elsewhere.
//!
//! ```text
//! SATPOST_MESSAGES=messages.jsonl SATPOST_MODEL=6 \
//!   cargo test -p satpost-compact --release -- --ignored --nocapture times_by_hand
//! ```

use std::time::{Duration, Instant};

use serde_json::Value;

use super::*;

/// Bytes of a record and of a past, as boxes remember them.
const RECORD: usize = 600;
const PAST: usize = 1600;
/// Each is done so often, and the shortest time counts: others use the machine as well.
const TIMES: usize = 5;

#[test]
#[ignore = "says how long mails take that are kept elsewhere"]
fn times_by_hand() {
    let path = std::env::var("SATPOST_MESSAGES").expect("SATPOST_MESSAGES names a file of messages");
    let number = std::env::var("SATPOST_MODEL").map_or(MODELS[0].number, |number| number.parse().unwrap());
    let mut coder = Coder::new(Spec::find(number).unwrap());
    let text = std::fs::read_to_string(path).unwrap();
    let values = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let field = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let mails = values.filter(|value| value["kind"] == "email");
    let mails: Vec<Vec<u8>> = mails
        .map(|mail| format!("\x06(\n{}\n{}", field(&mail, "subject"), field(&mail, "text")).into_bytes())
        .collect();
    let pasts: Vec<Vec<Vec<u8>>> = (8..mails.len()).map(|at| past(&mails[at - 8..at])).collect();
    let mut times = [(); 4].map(|()| vec![Duration::MAX; pasts.len()]);
    // Round by round, so that the memory has forgotten a mail when it comes again.
    for _ in 0..TIMES {
        for (at, past) in pasts.iter().enumerate() {
            let mail = &mails[at + 8..at + 9];
            for (which, past) in [&[][..], past].into_iter().enumerate() {
                let mut code = Vec::new();
                let took = time(|| code = coder.encode_after(past, mail, 1));
                times[which][at] = took.min(times[which][at]);
                let took = time(|| assert_eq!(coder.decode_after(past, &code).as_deref(), Some(mail)));
                times[2 + which][at] = took.min(times[2 + which][at]);
            }
        }
    }
    let [alone, after, read, read_after] = times.map(|mut times| {
        times.sort();
        let mean = times.iter().sum::<Duration>() / times.len() as u32;
        format!("{:.2?} (mean {mean:.2?})", times[times.len() / 2])
    });
    println!(
        "model {number}: a mail is coded in {alone}, after eight others in {after}; read in {read} and {read_after}"
    );
}

/// As much of these as boxes remember, the last ones.
fn past(mails: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut room = PAST;
    let cut = mails.iter().rev().map(|mail| mail[..mail.len().min(RECORD)].to_vec());
    let mut past: Vec<_> = cut.take_while(|mail| take(&mut room, mail.len())).collect();
    past.reverse();
    past
}

fn take(room: &mut usize, bytes: usize) -> bool {
    let left = room.checked_sub(bytes);
    *room = left.unwrap_or(0);
    left.is_some()
}

fn time(code: impl FnOnce()) -> Duration {
    let started = Instant::now();
    code();
    started.elapsed()
}
