//! Who may use whom: the table in the module comment of `src/main.rs`, held against every `crate::` path in `src/`; and no
//! two files of one room may need each other.
//!
//! Test code is exempt: files named `tests.rs`, and what follows `#[cfg(test)] mod` in a file.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

/// A row of the table.
#[derive(Debug, Default)]
struct Layer {
    /// Paths such as `store` or `clock::Time`; `None` for all.
    may_use: Option<Vec<String>>,
    /// Crates that nobody else may use.
    own_crates: Vec<String>,
}

#[test]
fn every_arrow_is_in_the_table() {
    let layers = table(&main_rs());
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let place = module_of(&file);
        let Some(own) = place.first() else { continue };
        let Some(layer) = layers.get(own) else {
            wrong.push(format!("src/{}: module {own} is not in the table of src/main.rs", file.display()));
            continue;
        };
        for arrow in arrows(&text, &place) {
            if arrow.split("::").next() != Some(own) && !allowed(layer, &arrow) {
                wrong.push(format!("src/{}: {own} may not use {arrow}", file.display()));
            }
        }
        for (owner, crates) in layers.iter().filter(|(owner, _)| *owner != own) {
            for name in crates.own_crates.iter().filter(|name| words(&text).any(|word| word == name.as_str())) {
                wrong.push(format!("src/{}: only {owner} may use the crate {name}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn no_files_of_a_room_need_each_other() {
    let sources = sources();
    let places: Vec<_> = sources.iter().map(|(file, _)| module_of(file).join("::")).collect();
    let mut needs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for ((_, text), place) in sources.iter().zip(&places).filter(|(_, place)| !place.is_empty()) {
        let path: Vec<_> = place.split("::").map(str::to_owned).collect();
        let needed = needs.entry(place).or_default();
        for arrow in arrows(text, &path) {
            // The file that an arrow points into is the longest one that its path begins with.
            let inside = |other: &&String| !other.is_empty() && (arrow == **other || is_below(&arrow, other));
            let Some(target) = places.iter().filter(inside).max_by_key(|other| other.len()) else { continue };
            let room = |name: &str| name.split("::").next().map(str::to_owned);
            let kin = target == place || is_below(target, place) || is_below(place, target);
            if room(target) == room(place) && !kin {
                needed.insert(target);
            }
        }
    }
    let circles = circles(&needs);
    let shown: Vec<_> = circles.iter().map(|circle| circle.join(" -> ")).collect();
    assert!(shown.is_empty(), "files that need each other:\n{}", shown.join("\n"));
}

fn is_below(path: &str, of: &str) -> bool {
    path.strip_prefix(of).is_some_and(|rest| rest.starts_with("::"))
}

/// A shortest way back to itself for each file that has one; each circle once.
fn circles<'n>(needs: &BTreeMap<&'n str, BTreeSet<&'n str>>) -> Vec<Vec<&'n str>> {
    let mut found: Vec<Vec<&str>> = Vec::new();
    for start in needs.keys() {
        let mut ways = VecDeque::from([vec![*start]]);
        let mut seen = BTreeSet::new();
        while let Some(way) = ways.pop_front() {
            let next = way.last().and_then(|last| needs.get(last)).into_iter().flatten();
            for file in next {
                if file == start {
                    let same = |known: &Vec<&str>| known.iter().collect::<BTreeSet<_>>() == way.iter().collect();
                    if !found.iter().any(same) {
                        found.push(way.clone());
                    }
                    ways.clear();
                    break;
                }
                if seen.insert(*file) {
                    ways.push_back(way.iter().copied().chain([*file]).collect());
                }
            }
        }
    }
    found
}

#[test]
fn a_circle_is_found_once_and_a_line_is_none() {
    let of = |arrows: &[(&'static str, &'static str)]| {
        let mut needs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        arrows.iter().for_each(|(from, to)| {
            needs.entry(from).or_default().insert(to);
        });
        circles(&needs)
    };
    assert!(of(&[("a", "b"), ("b", "c"), ("a", "c")]).is_empty());
    assert_eq!(of(&[("a", "b"), ("b", "c"), ("c", "a")]).len(), 1);
    assert_eq!(of(&[("a", "b"), ("b", "a"), ("c", "a")]), [["a", "b"]]);
}

#[test]
fn no_source_file_is_longer_than_500_lines() {
    let long: Vec<_> = sources_and_tests().into_iter().filter(|(_, text)| text.lines().count() > 500).collect();
    let names: Vec<_> =
        long.iter().map(|(file, text)| format!("{} {}", text.lines().count(), file.display())).collect();
    assert!(names.is_empty(), "\n{}", names.join("\n"));
}

#[test]
fn the_reader_of_the_table_and_of_the_sources_can_be_trusted() {
    let layers = table(
        "//! | module | may use | keeps to itself | why |\n//! |---|---|---|---|\n\
         //! | `a`, `b` | `c::T`, `d` | `redb` | because |\n//! | `e` | all | | it wires |\n//! | `f` | | | alone |\n",
    );
    assert_eq!(layers.keys().collect::<Vec<_>>(), ["a", "b", "e", "f"]);
    assert!(allowed(&layers["a"], "c::T") && allowed(&layers["b"], "c::T::NEW") && allowed(&layers["a"], "d::x"));
    assert!(!allowed(&layers["a"], "c") && !allowed(&layers["a"], "c::Tea") && !allowed(&layers["f"], "d"));
    assert!(allowed(&layers["e"], "anything::at::all"));
    assert_eq!(layers["a"].own_crates, ["redb"]);

    let place = ["link".to_owned(), "serial".to_owned()];
    let found = |text: &str| arrows(text, &place);
    assert_eq!(found("use crate::store::Tx;"), ["store::Tx"]);
    assert_eq!(found("pub use crate::{a::B, c::{self, D as E, f::*}};"), ["a::B", "c", "c::D", "c::f"]);
    assert_eq!(found("let x = crate::fault::Fault::temporary(1);"), ["fault::Fault::temporary"]);
    assert_eq!(found("use super::super::store::Tx; use super::Health;"), ["store::Tx", "link::Health"]);
    assert_eq!(found("// see crate::store\nfn f() {} //! crate::x"), Vec::<String>::new());
    assert_eq!(found("const A: &str = \"crate::store\";"), Vec::<String>::new());
    assert_eq!(found("use crate::a;\n#[cfg(test)]\nmod tests {\n use crate::store; }"), ["a"]);
    assert_eq!(found("#[cfg(test)]\nmod tests;\nmod writer;\nuse crate::a::{B};"), ["a::B"]);
    assert_eq!(found("pub(in crate::link) fn f() {}"), ["link"]);
}

/// Reads the rows of the table in the module comment.
fn table(main: &str) -> BTreeMap<String, Layer> {
    let rows = main.lines().filter_map(|line| line.strip_prefix("//! | `"));
    let mut layers = BTreeMap::new();
    for row in rows {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        assert!(cells.len() >= 4 && !cells[3].is_empty(), "a row has four cells, the last one says why: {row}");
        for module in names(&format!("`{}", cells[0])) {
            let may_use = (cells[1] != "all").then(|| names(cells[1]));
            let old = layers.insert(module.clone(), Layer { may_use, own_crates: names(cells[2]) });
            assert!(old.is_none(), "module {module} has two rows");
        }
    }
    assert!(!layers.is_empty(), "src/main.rs has lost its table");
    layers
}

/// What stands between backticks in a cell.
fn names(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn allowed(layer: &Layer, arrow: &str) -> bool {
    layer.may_use.as_ref().is_none_or(|paths| {
        paths.iter().any(|path| arrow.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with("::")))
    })
}

/// The paths from the root of the crate that a source text of the module `place` names.
fn arrows(text: &str, place: &[String]) -> Vec<String> {
    let code = code_of(text);
    let mut found = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            if code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == ':') {
                continue;
            }
            let mut rest = &code[at..];
            let mut base = place;
            while let Some(after) = rest.strip_prefix("super::") {
                base = base.split_last().map_or(base, |(_, parent)| parent);
                rest = after;
            }
            if let Some(after) = rest.strip_prefix("crate::") {
                (base, rest) = (&[], after);
            }
            expand(&base.join("::"), rest, &mut found);
        }
    }
    found
}

/// Adds the paths that begin at `rest`: one, or those of a group in braces. Returns what follows.
fn expand<'a>(base: &str, rest: &'a str, found: &mut Vec<String>) -> &'a str {
    let rest = rest.trim_start();
    if let Some(mut group) = rest.strip_prefix('{') {
        loop {
            group = expand(base, group, found);
            // Skips the `as Name` of a member.
            let end = group.find([',', '}']).unwrap_or(group.len());
            match group[end..].strip_prefix(',') {
                Some(next) if !next.trim_start().starts_with('}') => group = next,
                Some(next) => return next.trim_start().get(1..).unwrap_or_default(),
                None => return group.get(end + 1..).unwrap_or_default(),
            }
        }
    }
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    let path = match word {
        "self" | "" => base.to_owned(),
        _ if base.is_empty() => word.to_owned(),
        _ => format!("{base}::{word}"),
    };
    match after.strip_prefix("::") {
        Some(next) if next.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '{') => {
            expand(&path, next, found)
        }
        _ => {
            found.push(path);
            after
        }
    }
}

/// The text without comments, without the contents of strings, and without the test module that closes a file.
fn code_of(text: &str) -> String {
    let tests = text.match_indices("#[cfg(test)]\nmod ").map(|(at, _)| at);
    // With a body, not `mod tests;` among the declarations at the top.
    let mut inline = tests.filter(|at| text[*at..].find('{') < text[*at..].find(';'));
    let text = &text[..inline.next().unwrap_or(text.len())];
    let lines = text.lines().map(|line| {
        let line = line.split("//").next().unwrap_or_default();
        line.split('"').step_by(2).collect::<Vec<_>>().join("\"\"")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The crates at the head of paths: `redb` in `redb::Database` or `use redb;`.
fn words(text: &str) -> impl Iterator<Item = String> {
    let code = code_of(text);
    let starts: Vec<_> = code
        .match_indices("::")
        .filter_map(|(at, _)| code[..at].rsplit(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').next())
        .map(str::to_owned)
        .collect();
    starts.into_iter()
}

/// `link/m138/codec.rs` is the module `link`, `m138`, `codec`; `main.rs` is the root.
fn module_of(file: &Path) -> Vec<String> {
    let mut names: Vec<_> = file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if names.last().is_some_and(|last| last == "mod" || last == "main") {
        names.pop();
    }
    names
}

fn main_rs() -> String {
    fs::read_to_string(root().join("src/main.rs")).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// All source files but those of tests, with their paths below `src`.
fn sources() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    collect(&root().join("src"), &mut files);
    let src = root().join("src");
    files
        .into_iter()
        .map(|(file, text)| (file.strip_prefix(&src).unwrap().to_owned(), text))
        .filter(|(file, _)| !file.iter().any(|part| part == "tests.rs" || part == "tests"))
        // A crate of its own, which cannot use anything of this one.
        .filter(|(file, _)| !file.starts_with("compact"))
        .collect()
}

fn sources_and_tests() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    collect(&root().join("src"), &mut files);
    collect(&root().join("tests"), &mut files);
    files
}

fn collect(folder: &Path, files: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            files.push((path, text));
        }
    }
}
