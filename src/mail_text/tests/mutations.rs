//! What strangers could do to a mail: bytes changed, cut out, doubled, repeated, and pieces of other mails put in.
//!
//! Each run reads some thousand; `SATPOST_MUTATIONS` says how many, `SATPOST_SEED` which. `tests/soak/run 1 mutations` reads a
//! hundred thousand and then looks at time and memory, too.

use std::fs;
use std::panic::catch_unwind;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::*;

/// Mutated mails that are read in every run.
const MUTATIONS: usize = 1_500;
/// What no such mail may take of the processor, whoever else uses that, and how many times as much where nothing is optimised.
const EACH: Duration = Duration::from_millis(50);
const UNOPTIMISED: u32 = 10;
/// What the program may grow by, in KiB, over all of them.
const MEMORY: u64 = 64 * 1024;
/// Mails longer than this are not mutated, in bytes: mostly files, which all look alike.
const LONGEST: usize = 12_000;
/// Bytes up to which one piece is repeated.
const REPEATED: usize = 8_000;

#[test]
fn no_mutation_of_a_mail_does_harm() {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().expect("a number"));
    let count = number("SATPOST_MUTATIONS").and_then(|count| usize::try_from(count).ok());
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases-mail");
    let field = fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    let all = corpus().into_iter().map(|(_, raw)| raw).chain(field);
    let mails: Vec<Vec<u8>> = all.filter(|raw| raw.len() < LONGEST).collect();
    let mut random = Random(0x5eed ^ number("SATPOST_SEED").unwrap_or(0).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let (each, how) = match cfg!(debug_assertions) {
        true => (EACH * UNOPTIMISED, "not optimised"),
        false => (EACH, "optimised"),
    };
    let (mut slowest, mut slow) = (Duration::ZERO, Vec::new());
    let before = memory("VmRSS");
    for round in 0..count.unwrap_or(MUTATIONS) {
        let mut raw = mails[random.below(mails.len())].clone();
        for _ in 0..=random.below(4) {
            mutate(&mut raw, &mails[random.below(mails.len())], &mut random);
        }
        let options = if round % 8 == 0 { WHOLE } else { TRIM };
        let start = processor();
        let read = catch_unwind(|| {
            check(&shape(&raw, &options));
            for file in attached::list(&raw) {
                assert!(attached::take(&raw, file.number).is_some_and(|(same, _)| same == file));
            }
        });
        assert!(read.is_ok(), "{options:?}, {}", raw.escape_ascii());
        let took = processor().saturating_sub(start);
        slowest = slowest.max(took);
        if took > each {
            slow.push(format!("{took:?}: {}", raw.escape_ascii()));
        }
    }
    // Other tests beside this one use memory, too, and a single slow mail may be the machine's.
    if count.is_none() {
        return;
    }
    let grown = memory("VmHWM").saturating_sub(before);
    println!("{} mails, {how}, slowest {slowest:?}, {grown} KiB more memory at most", count.unwrap_or(MUTATIONS));
    assert!(slow.is_empty(), "{} took longer than {each:?}:\n{}", slow.len(), slow.join("\n\n"));
    assert!(grown <= MEMORY, "{grown} KiB more memory");
}

/// Lines of which a whole mail may be made, besides the pieces.
const LINES: [&[u8]; 17] = [
    b"x\n",
    b"\xd1\x8f\n",
    b"\xd1\n",
    b"a b\n\n",
    b"> \n\n",
    b"> q\na\n",
    b"A line of an ordinary length, as people write them.\n",
    b"\n",
    b"A: b\n",
    b"A: b\n\n",
    b"An older word: c@d.e 3. 5. 2024\n\n",
    b"Get Outlook for Android<https://aka.ms here early.\n",
    b"[image: a <https://a.b/c",
    b"(",
    b"[(",
    b"&lt;",
    b"(a&lt;b[c ",
];

/// The head of a page whose text is read beside it.
const BESIDE: &str = "Subject: s\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\nAll is well.\n\nBob\n\
                      --b\nContent-Type: text/html; charset=";

/// A text that is four times as long may take four times as long, not sixteen times: a stranger chooses how long it is. By hand,
/// as it measures; `tests/soak/run 1 mutations` asks for it.
#[test]
#[ignore = "measures; by hand"]
fn long_texts_cost_in_proportion_by_hand() {
    let heads = [
        "Subject: s\nContent-Type: text/plain; charset=",
        "Subject: Re: s\nIn-Reply-To: <a@b>\nContent-Type: text/html; charset=",
        BESIDE,
    ];
    let mut bad = Vec::new();
    let pieces = PIECES.into_iter().chain(LINES);
    for (piece, head, charset) in pieces.flat_map(|piece| {
        heads.into_iter().flat_map(move |head| ["utf-8", "koi8-r"].map(|charset| (piece, head, charset)))
    }) {
        let cost = |bytes: usize| {
            let begin = format!("From: Bob <bob@world.example>\n{head}{charset}\n\nAll is well.\n");
            let begin = if head == BESIDE { begin + "<div id=Signature>Bob</div>\n" } else { begin };
            let raw = [begin.as_bytes(), &piece.repeat(bytes / piece.len())].concat();
            let start = processor();
            check(&shape(&raw, &TRIM));
            processor().saturating_sub(start)
        };
        let (short, long) = (cost(100_000), cost(400_000));
        let ratio = long.as_secs_f64() / short.as_secs_f64().max(0.005);
        if ratio > 7.0 {
            bad.push(format!(
                "{ratio:.1} times, {short:?}, {long:?}: {:?} {charset} {head:?}",
                piece.escape_ascii().to_string()
            ));
        }
    }
    assert!(bad.is_empty(), "four times as much takes\n{}", bad.join("\n"));
}

/// What this thread has used of the processor.
fn processor() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// A line of `/proc/self/status`, in KiB.
fn memory(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux says how much memory is used");
    let line = status.lines().find(|line| line.starts_with(name)).expect("a line for it");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

/// What is put into a mail: structure of MIME, HTML and texts, whole and broken.
const PIECES: [&[u8]; 28] = [
    b"\n",
    b"\n\n",
    b"--",
    b"<",
    b"&#x",
    b"=",
    b"> ",
    b"\nContent-Type: multipart/mixed; boundary=\n\n",
    b"\nContent-Transfer-Encoding: base64\n\n",
    b"\nContent-Type: text/html; charset=utf-16\n\n",
    b"=?utf-8?B?",
    b"=?iso-2022-jp?Q?=1B$B",
    b"?=",
    b"<div style='display:none'>",
    b"<blockquote>",
    b"<table><tr><td>",
    b"</div>",
    b"<!--",
    b"\nbegin 644 a.b\nM",
    b"\n=ybegin line=128 size=9 name=a\n",
    b"\n-----Original Message-----\nFrom: a@b.c\nSent: 3 May 2024 10:00\nTo: x\nSubject: y\n",
    b"\nOn 3 May 2024, A <a@b.c> wrote:\n> ",
    b"\n-- \n",
    b"\nSent from my iPhone\n",
    b"\xff\xfe\x00",
    b"\xe2\x80\xae\xf3\xa0\x81\xa7",
    b"BEGIN:VCALENDAR\nBEGIN:VEVENT\n",
    b"https://urldefense.com/v3/__https:/a.b/**A__;",
];

fn mutate(raw: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = random.below(raw.len() + 1);
    let end = (at + random.below(60)).min(raw.len());
    match random.below(7) {
        0 => raw[at..end].iter_mut().for_each(|byte| *byte = u8::try_from(random.below(256)).unwrap()),
        1 => drop(raw.drain(at..end)),
        2 => {
            let piece = raw[at..end].to_vec();
            raw.splice(at..at, piece);
        }
        3 => {
            let from = random.below(other.len() + 1);
            let to = (from + random.below(400)).min(other.len());
            raw.splice(at..at, other[from..to].iter().copied());
        }
        4 => raw.truncate(at),
        5 => {
            let piece = if random.below(2) == 0 { PIECES[random.below(PIECES.len())] } else { &raw[at..end] };
            let times = random.below(REPEATED) / piece.len().max(1);
            let run = piece.repeat(times);
            raw.splice(at..at, run);
        }
        _ => drop(raw.splice(at..at, PIECES[random.below(PIECES.len())].iter().copied())),
    }
}

/// xorshift64: the same mails from the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % limit.max(1)
    }
}
