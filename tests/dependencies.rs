//! What the product is built from: licences, one TLS provider, a budget, and a reason for each line.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Crates of other people in the product, on Linux. Raise it only for a crate that is worth it: each is read, updated
/// and trusted by somebody for as long as this program lives.
const BUDGET: usize = 147;

/// Licences that let everybody use the program, as names of SPDX.
const LICENCES: [&str; 12] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

#[test]
fn every_licence_can_be_chosen_from_the_list() {
    let refused: Vec<_> = crates("{p}\t{l}")
        .into_iter()
        .filter(|line| !line.split_once('\t').is_some_and(|(_, licence)| acceptable(licence)))
        .collect();
    assert!(refused.is_empty(), "licence not on the list:\n{}", refused.join("\n"));
}

#[test]
fn licence_expressions_are_read_rightly() {
    for good in [
        "MIT",
        "MIT/Apache-2.0",
        "MIT OR GPL-3.0-only",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception OR GPL-2.0-only",
        "Apache-2.0 AND ISC",
        "((GPL-3.0-only OR MIT) AND (ISC))",
    ] {
        assert!(acceptable(good), "{good}");
    }
    for bad in
        ["", "GPL-3.0-only", "MIT AND GPL-3.0-only", "(MIT OR ISC) AND AGPL-3.0-only", "MIT OR", "(MIT", "MIT ISC"]
    {
        assert!(!acceptable(bad), "{bad}");
    }
}

#[test]
fn there_is_one_tls_and_one_provider() {
    let crates = crates("{p}");
    let versions = |name: &str| crates.iter().filter(|line| line.split(' ').next() == Some(name)).count();
    assert_eq!(versions("rustls"), 1, "two versions of rustls do not share a configuration");
    assert_eq!(versions("ring"), 1);
    for other in ["aws-lc-rs", "aws-lc-sys", "openssl-sys", "native-tls"] {
        assert_eq!(versions(other), 0, "{other}: with two providers rustls refuses to choose at run time");
    }
}

#[test]
fn the_budget_of_crates_is_kept() {
    let crates = crates("{p}");
    let count = crates.len() - 1;
    assert!(
        count <= BUDGET,
        "{count} crates, the budget is {BUDGET}:\n{}",
        crates.into_iter().collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn each_dependency_has_a_line_that_says_why() {
    let manifest = text("Cargo.toml");
    let (mut before, mut listed, mut dependencies) = ("", false, 0);
    for line in manifest.lines() {
        if line.starts_with('[') {
            listed = line.ends_with("dependencies]");
        } else if listed && line.contains(" = ") {
            dependencies += 1;
            assert!(before.starts_with("# ") && before.len() > 12, "Cargo.toml does not say why: {line}");
        }
        before = line;
    }
    assert!(dependencies > 20, "Cargo.toml was not understood");
}

/// The fuzzers build the program as a library of their own package.
#[test]
fn the_fuzzers_have_the_same_dependencies() {
    let of = |file: &str| {
        let manifest = text(file);
        let (_, rest) = manifest.split_once("\n[dependencies]\n").expect("dependencies");
        let lines = rest.lines().take_while(|line| !line.starts_with('[')).filter(|line| line.contains(" = "));
        let mut all = lines.map(|line| line.replace("\"../../src/", "\"src/")).collect::<Vec<_>>();
        all.sort();
        all
    };
    let mut fuzzers = of("tests/fuzz/Cargo.toml");
    fuzzers.retain(|line| line != "libfuzzer-sys = \"0.4\"");
    assert_eq!(fuzzers, of("Cargo.toml"), "tests/fuzz/Cargo.toml repeats the dependencies of Cargo.toml");
}

#[test]
fn the_lock_file_is_kept() {
    assert!(text("Cargo.lock").contains("name = \"satpost\""));
    assert!(!text(".gitignore").lines().any(|line| line.contains("Cargo.lock")));
}

/// The product's crates, itself included, one line each in the format of `cargo tree`.
fn crates(format: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--edges=normal", "--prefix=none", "--no-dedupe", "--offline", "--locked", "--format", format])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().filter(|line| !line.is_empty()).map(|line| line.replace(" (proc-macro)", "")).collect()
}

fn text(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// True when an expression of SPDX can be met with [`LICENCES`] alone. An expression that cannot be read is not met.
fn acceptable(licence: &str) -> bool {
    // The slash is what crates wrote before SPDX.
    let spaced = licence.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    matches!(any_of(&words), Some((true, [])))
}

/// `all_of OR all_of ...`; gives what follows.
fn any_of<'a, 'b>(words: &'a [&'b str]) -> Option<(bool, &'a [&'b str])> {
    let (mut met, mut rest) = all_of(words)?;
    while let Some((&"OR", after)) = rest.split_first() {
        let (next, after) = all_of(after)?;
        (met, rest) = (met | next, after);
    }
    Some((met, rest))
}

/// `one AND one ...`; gives what follows.
fn all_of<'a, 'b>(words: &'a [&'b str]) -> Option<(bool, &'a [&'b str])> {
    let (mut met, mut rest) = one(words)?;
    while let Some((&"AND", after)) = rest.split_first() {
        let (next, after) = one(after)?;
        (met, rest) = (met & next, after);
    }
    Some((met, rest))
}

/// A licence, with its exception, or an expression in brackets; gives what follows.
fn one<'a, 'b>(words: &'a [&'b str]) -> Option<(bool, &'a [&'b str])> {
    match words {
        ["(", inner @ ..] => match any_of(inner)? {
            (met, [")", rest @ ..]) => Some((met, rest)),
            _ => None,
        },
        [licence, "WITH", exception, rest @ ..] => {
            Some((LICENCES.contains(&format!("{licence} WITH {exception}").as_str()), rest))
        }
        [")" | "OR" | "AND" | "WITH", ..] | [] => None,
        [licence, rest @ ..] => Some((LICENCES.contains(licence), rest)),
    }
}
