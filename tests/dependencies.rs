//! What the product is built from: licences, sources, one TLS provider, one version of each, a budget, a reason for each
//! line, and whether what is known to be unsafe would be found.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use testing::Folder;

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

/// Crates in two versions, which cost twice: each with who needs the older one.
const TWICE: [(&str, &str); 2] =
    [("getrandom", "ring waits for its next version"), ("syn", "while macros move from 2 to 3; only the build has it")];

#[test]
fn no_crate_is_there_twice_but_for_a_reason() {
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in crates("{p}") {
        let mut words = line.split(' ');
        let (name, version) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        seen.entry(name.to_owned()).or_default().insert(version.to_owned());
    }
    let twice: BTreeSet<&str> = seen.iter().filter(|(_, all)| all.len() > 1).map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        twice,
        TWICE.map(|(name, _)| name).into(),
        "update what needs the older one, or list it with the reason"
    );
}

/// What is not ours comes from the registry, with a checksum: no branch of somebody's, no folder of a machine.
#[test]
fn each_crate_comes_from_the_registry_with_a_checksum() {
    let ours = ["satpost", "satpost-compact", "satpost-testing"];
    for lock in ["Cargo.lock", "tests/fuzz/Cargo.lock"] {
        let lock = text(lock);
        let packages: Vec<_> = lock.split("[[package]]").skip(1).collect();
        assert!(packages.len() > 100);
        for package in packages {
            let field = |name: &str| package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
            let name = field("name").unwrap_or_default().trim_matches('"');
            if ours.contains(&name) || name == "satpost-fuzz" {
                assert_eq!(field("source"), None, "{name}");
                continue;
            }
            assert_eq!(field("source"), Some("\"registry+https://github.com/rust-lang/crates.io-index\""), "{name}");
            assert!(field("checksum").is_some_and(|sum| sum.len() == 66), "{name} has no checksum");
        }
    }
}

/// `tests/advisories` finds what a database says is unsafe, bears what is mended, only tells of what nobody looks after, and
/// is no success where there is no database.
#[test]
#[ignore = "needs python3, 3.11 or newer"]
fn a_crate_that_is_known_to_be_unsafe_is_found() {
    let folder = Folder::new();
    let lock = folder.path("Cargo.lock");
    let package = |name: &str, version: &str| format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n\n");
    fs::write(&lock, package("one", "1.2.3") + &package("two", "0.3.0-alpha.2") + &package("three", "4.0.0")).unwrap();
    let told = |name: &str, number: u32, more: &str, versions: &str| {
        let at = folder.path(&format!("database/crates/{name}"));
        fs::create_dir_all(&at).unwrap();
        let head = format!(
            "[advisory]\nid = \"RUSTSEC-2026-{number:04}\"\npackage = \"{name}\"\n{more}\n[versions]\n{versions}\n"
        );
        let file = at.join(format!("RUSTSEC-2026-{number:04}.md"));
        fs::write(&file, format!("```toml\n{head}```\n\n# Words\n")).unwrap();
        file
    };
    let look = || {
        let mut look = Command::new("python3");
        look.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/advisories"));
        look.arg("--database").arg(folder.path("database")).arg("--lock").arg(&lock);
        let done = look.output().unwrap();
        (
            done.status.code(),
            String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr),
        )
    };
    let (code, said) = look();
    assert!(code == Some(3) && said.contains("NOTHING WAS LOOKED AT"), "{code:?} {said}");

    told("other", 1, "", "patched = []");
    told("one", 2, "", "patched = [\">= 1.2.3\"]");
    told("one", 3, "", "patched = [\"^1.1.9, < 1.2.0\", \"~1.2\"]\nunaffected = [\"< 0.9\"]");
    told("two", 4, "", "patched = [\">= 0.3.0-alpha.1\"]");
    told("three", 5, "withdrawn = \"2026-01-02\"", "patched = []");
    told("three", 6, "informational = \"unmaintained\"", "patched = []");
    for (number, safe) in
        ["> 1.1", "<= 1.2", "= 1.2", "*", "1.*", "1.2.*", ">= 1", "< 1.3", "<= 1", "= 1", "1", "^1.2.3+built"]
            .into_iter()
            .enumerate()
    {
        told("one", 10 + u32::try_from(number).unwrap(), "", &format!("patched = [\"{safe}\"]"));
    }
    let (code, said) = look();
    assert!(code == Some(0) && said.starts_with("three 4.0.0: RUSTSEC-2026-0006 (unmaintained)"), "{code:?} {said}");
    for (name, versions) in [
        ("one", "patched = [\">= 1.2.4\"]"),
        ("one", "patched = [\"> 1.2.3\", \"= 1.2.2\"]\nunaffected = [\"<= 1.2.2\"]"),
        ("one", "patched = [\"^1.3\", \"~1.1\", \"^2\"]"),
        (
            "one",
            "patched = [\"> 1.2\", \"> 1\", \"<= 1.1\", \"< 1.2\", \"= 1.3\", \"1.1.*\", \"2.*\", \"< 1\", \">= 2\"]",
        ),
        ("two", "patched = [\">= 0.3.0\"]\nunaffected = [\"^0.2.9\"]"),
    ] {
        let file = told(name, 7, "", versions);
        let (code, said) = look();
        assert!(code == Some(1) && said.contains("RUSTSEC-2026-0007, safe are"), "{versions}: {code:?} {said}");
        fs::remove_file(file).unwrap();
    }
    // It counts packages, however many advisories there are.
    let twice = [told("one", 7, "", "patched = []"), told("one", 8, "", "patched = []")];
    let (code, said) = look();
    assert!(code == Some(1) && said.contains(": 1 of 3 packages are unsafe"), "{code:?} {said}");
    for file in twice {
        fs::remove_file(file).unwrap();
    }
    for unread in ["patched = [", "patched = [\"newer\"]"] {
        let file = told("one", 8, "", unread);
        let (code, said) = look();
        assert!(code == Some(3) && said.contains("NOTHING WAS LOOKED AT"), "{unread}: {code:?} {said}");
        fs::remove_file(file).unwrap();
    }
    fs::remove_file(&lock).unwrap();
    assert_eq!(look().0, Some(3), "no lock file");
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
