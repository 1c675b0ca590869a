//! The scripts and limits of the tests name tests by parts of their names: a name that fits none would play nothing.

use std::fs;
use std::path::Path;

/// The tests that `tests/soak/run` plays, and the groups that `tests/nextest.toml` gives limits to, are there.
#[test]
fn what_scripts_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let code = all(&root.join("src")) + &all(&root.join("tests"));
    let soak = fs::read_to_string(root.join("tests/soak/run")).unwrap();
    let lines = soak.lines().filter(|line| line.trim_start().starts_with("cargo test"));
    let mut names: Vec<String> = lines.flat_map(filters).collect();
    assert!(names.len() >= 5, "{names:?}");
    let limits = fs::read_to_string(root.join("tests/nextest.toml")).unwrap();
    for pattern in limits.split("test(/").skip(1).filter_map(|rest| rest.split("/)").next()) {
        let parts = pattern.trim_start_matches('^').trim_end_matches("::").split('|');
        names.extend(parts.filter(|part| !part.contains(['(', '$'])).map(|part| part.replace('^', "")));
    }
    for name in names {
        for part in name.split("::").filter(|part| !part.is_empty() && *part != "tests") {
            assert!(code.contains(part), "'{part}' of {name} is in no test and no module");
        }
    }
}

/// The words of a line that choose tests: `cargo test` takes one before the dashes or behind them.
fn filters(line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split_whitespace().filter(|word| *word != "\\").collect();
    let named = words.iter().enumerate().filter(|(at, word)| {
        let value = *at > 0 && ["--test", "-p", "--bin", "--config"].contains(&words[at - 1]);
        !value && !word.starts_with('-') && !["cargo", "test"].contains(word)
    });
    named.map(|(_, word)| (*word).to_owned()).collect()
}

/// All sources below a folder: names of files and what they say.
fn all(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            text.push_str(&format!("{name}\n{}", all(&path)));
        } else if path.extension().is_some_and(|end| end == "rs") && name != "words" {
            text.push_str(&format!("{name}\n{}", fs::read_to_string(&path).unwrap()));
        }
    }
    text
}
