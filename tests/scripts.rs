//! What scripts and recipes name is there: tests, by parts of their names, as a name that fits none would play nothing; and the
//! files that a build needs, as a recipe copies no others.

use std::fs;
use std::path::{Path, PathBuf};

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

/// The recipe of the container compiles in a copy of some folders: what is compiled in lies in these, and so do all crates of ours.
#[test]
fn what_is_compiled_in_is_copied_by_the_container() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let recipe = read("systemd/container/Containerfile");
    let lines = recipe.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--from"));
    let copied: Vec<&str> = lines.flat_map(|line| line.split_whitespace().rev().skip(1)).collect();
    let is_copied = |path: &Path| copied.iter().any(|part| path.starts_with(part));
    let manifest = read("Cargo.toml");
    let of_ours = manifest.split("path = \"").skip(1).filter_map(|rest| rest.split('"').next());
    let mut needed: Vec<PathBuf> = of_ours.map(PathBuf::from).collect();
    assert!(copied.len() >= 4 && needed.len() >= 2, "{copied:?} {needed:?}");
    for source in files(&root.join("src")).into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs")) {
        let text = fs::read_to_string(&source).unwrap();
        // What only tests read is not compiled.
        let text = text.split("#[cfg(test)]\nmod").next().unwrap_or_default();
        let included = ["include_str!(\"", "include_bytes!(\""].map(|begin| text.split(begin).skip(1));
        for included in included.into_iter().flatten() {
            let Some((name, _)) = included.split_once("\")") else { continue };
            let path = source.with_file_name(name).canonicalize();
            let path = path.unwrap_or_else(|error| panic!("{} includes {name}: {error}", source.display()));
            needed.push(path.strip_prefix(root.canonicalize().unwrap()).unwrap().to_owned());
        }
    }
    assert!(needed.len() > 15, "{needed:?}");
    let missing: Vec<_> = needed.iter().filter(|path| !is_copied(path)).collect();
    assert!(missing.is_empty(), "compiled in, and not copied by the recipe: {missing:?}");
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

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
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
