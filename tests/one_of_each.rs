//! Helpers that every room uses stand in one place: the wait that grows, hexadecimal digits, percent coding. A second one
//! is found by what its code looks like.

use std::fs;
use std::path::Path;

/// What gives a second one away.
struct Helper {
    /// Where the one is, and what it is.
    place: &'static str,
    /// All parts of one of these rows in a line of code give it away.
    signs: &'static [&'static [&'static str]],
    /// Files that look like it and are something else, with the reason.
    known: &'static [(&'static str, &'static str)],
}

const HELPERS: &[Helper] = &[
    Helper {
        place: "src/back_off.rs (BackOff: a wait that grows with each failure)",
        signs: &[
            &["(1 << ", ".min("],
            &["* 2).min("],
            &["*= 2;"],
            &["pow(", ".min("],
            &["pow(", "Duration"],
            &["saturating_pow("],
            &["saturating_mul(2)", ".min("],
        ],
        known: &[("src/link/m138/wire.rs", "patience with a slow answer, which follows the time that was measured")],
    },
    Helper {
        place: "src/hex.rs (bytes as hexadecimal digits)",
        signs: &[&[":02x}"], &[":02X}"], &["u8::from_str_radix(", "16)"], &["to_digit(16)"], &["0123456789abcdef\""]],
        known: &[
            ("src/link/m138/codec.rs", "the checksum of a sentence: one number in two digits"),
            ("src/sim/modem/receiver.rs", "the same on the other side of the line"),
            ("src/deliver/relay/seven_bit.rs", "quoted-printable, which keeps most bytes as they are"),
            ("src/mail_text/encoded_words.rs", "the same within a header field"),
        ],
    },
    Helper {
        place: "src/store/on_disk.rs (a store is opened with a small cache: redb's own grows to a gigabyte)",
        signs: &[&["Database::open("], &["Database::create("]],
        known: &[],
    },
    Helper {
        place: "the crates percent-encoding and form_urlencoded",
        signs: &[&["%{", ":02X}"], &["b'%' =>"], &["b'%',"], &["== b'%'"]],
        known: &[],
    },
];

#[test]
fn no_helper_is_written_twice() {
    let mut found = Vec::new();
    for (path, code) in sources() {
        for helper in HELPERS {
            let own = helper.place.starts_with(path.as_str());
            if own || helper.known.iter().any(|(known, _)| *known == path) {
                continue;
            }
            for (at, line) in code.lines().enumerate().filter(|(_, line)| shows(helper, line)) {
                found.push(format!("{path}:{}: {}: use {}", at + 1, line.trim(), helper.place));
            }
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// What is excused is still there: a list that nobody shortens hides the next one.
#[test]
fn what_is_known_still_looks_so() {
    let sources = sources();
    for helper in HELPERS {
        for (known, why) in helper.known {
            let code = &sources.iter().find(|(path, _)| path == known).unwrap_or_else(|| panic!("{known} is gone")).1;
            assert!(code.lines().any(|line| shows(helper, line)), "{known} ({why}) needs no excuse any more");
        }
    }
}

#[test]
fn the_signs_are_seen() {
    let of = |line: &str| HELPERS.iter().position(|helper| shows(helper, line));
    for (line, helper) in [
        ("let wait = FIRST.saturating_mul(1 << text.looks.min(12)).min(MOST);", 0),
        ("wait = (wait * 2).min(MOST);", 0),
        ("self.wait *= 2;", 0),
        ("Duration::from_secs(2u64.pow(tries))", 0),
        ("bytes.iter().map(|byte| format!(\"{byte:02x}\")).collect()", 1),
        ("u8::from_str_radix(two, 16)", 1),
        ("let source = ReadOnlyDatabase::open(file)?;", 2),
        ("b'%' => out.push(read(rest)),", 3),
    ] {
        assert_eq!(of(line), Some(helper), "{line}");
    }
    for line in ["// wait = (wait * 2).min(MOST);", "u32::from_str_radix(digits, 16)", "let room = free * 2;"] {
        assert_eq!(of(line), None, "{line}");
    }
}

fn shows(helper: &Helper, line: &str) -> bool {
    !line.trim_start().starts_with("//")
        && helper.signs.iter().any(|parts| parts.iter().all(|part| line.contains(part)))
}

/// The sources of the program without their tests. The coder is a crate of its own that uses nothing of this one.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    collect(root, &root.join("src"), &mut found);
    assert!(found.len() > 200, "the sources were not found");
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        let test = path.file_stem().is_some_and(|stem| stem == "tests");
        if path.is_dir() && !test && name != "src/compact" {
            collect(root, &path, found);
        } else if !test && name.ends_with(".rs") {
            let text = fs::read_to_string(&path).unwrap();
            let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
            found.push((name, text[..end].to_owned()));
        }
    }
}

/// Between files go values: a sentence as an error cannot be told apart by who gets it.
#[test]
fn no_file_gives_another_a_sentence_as_error() {
    let mut found = Vec::new();
    for (path, code) in sources().iter().filter(|(path, _)| !path.starts_with("src/sim/")) {
        for (at, signature) in signatures(code) {
            let result = signature.rsplit_once("->").map_or("", |(_, result)| result).trim();
            if result.contains("Result<") && result.trim_end_matches('>').ends_with(", String") {
                found.push(format!("{path}:{at}: {signature}"));
            }
        }
    }
    assert!(found.is_empty(), "an enum with values says what went wrong:\n{}", found.join("\n"));
}

/// The functions that other files see, each on one line, with the number of the line that it begins on.
fn signatures(code: &str) -> Vec<(usize, String)> {
    let starts = code.lines().enumerate().filter(|(_, line)| {
        let line = line.trim_start();
        line.starts_with("pub") && (line.contains(" fn ") || line.contains("(fn "))
    });
    let whole = |at: usize| {
        let lines: Vec<&str> = code.lines().skip(at).take(12).map(str::trim).collect();
        lines.join(" ").split(['{', ';']).next().unwrap_or_default().trim().to_owned()
    };
    starts.map(|(at, _)| (at + 1, whole(at))).collect()
}

#[test]
fn signatures_are_read_over_several_lines() {
    let code = "/// A.\npub fn one(a: u8) -> Result<u8, String> {\n}\nfn two() -> Result<u8, String> {}\npub(super) fn three(\n    a: u8,\n) -> Option<u8>;\n";
    let read = signatures(code);
    assert_eq!(read.len(), 2, "{read:?}");
    assert_eq!(read[0], (2, "pub fn one(a: u8) -> Result<u8, String>".to_owned()));
    assert_eq!(read[1], (5, "pub(super) fn three( a: u8, ) -> Option<u8>".to_owned()));
}
