//! What `CONTRIBUTING.md` says about adding a driver, a carrier, a page, a setting or a listener, held against the sources:
//! the files of its lists are there, and no other file names one that exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Files whose code names a driver or carrier and need not be touched for a new one, each with the reason.
const KNOWN: &[(&str, &str)] = &[
    ("src/cli/demo/parts.rs", "the demo chooses one of each"),
    ("src/cli/demo/air.rs", "the satellite link behind its internet line"),
    ("src/cli/mod.rs", "an example in the help"),
    (
        "src/route/choose.rs",
        "a station's modem cannot address devices: a property of the driver that routing has to know",
    ),
    ("src/link/serial.rs", "the error of a port names the setting of the only serial driver"),
    ("src/address/link.rs", "kinds of addresses, which drivers share"),
    ("src/supervisor/listeners.rs", "the listener for other boxes has the name of its driver"),
    ("src/sys/sockets.rs", "its socket"),
    ("src/listen/ip.rs", "the same listener"),
    ("src/listen/directip.rs", "the listener for the gateway of this driver"),
    ("src/engine/link/equipment.rs", "the key of the box, which is made and read by this driver"),
    ("src/admin/service/pairing.rs", "pairing is for this driver alone"),
    ("src/store/paired.rs", "the same"),
    ("src/admin/pages/pair.rs", "its page"),
    ("src/cli/pair.rs", "its command"),
    ("src/main.rs", "the path of a message in the module comment"),
];

#[test]
fn no_other_file_names_a_driver() {
    // The drivers there are, as `DRIVERS` has them.
    let names = names_in("src/link/mod.rs", "name: \"");
    assert!(names.contains("m138") && names.contains("hive"), "{names:?}");
    only_listed("a driver", &names, "src/link/", "src/sim/");
}

#[test]
fn no_other_file_names_a_carrier() {
    let names: BTreeSet<_> = ["twilio", "bandwidth"].map(str::to_owned).into();
    for name in &names {
        assert!(read("src/deliver/sms.rs").contains(&format!("{name}::ROW")), "{name}");
    }
    only_listed("a carrier of text messages", &names, "src/deliver/sms/", "src/sim/carrier/");
}

#[test]
fn a_page_is_named_where_the_list_says() {
    let listed = list("a page");
    for page in ["audit", "costs", "usage", "quarantine", "people"] {
        let template = format!("\"{page}.html\"");
        for (path, text) in sources().into_iter().filter(|(_, text)| text.contains(&template)) {
            let own = path == format!("src/admin/pages/{page}.rs");
            assert!(own || listed.contains(&path), "{path} names {template}: {}", text.len());
        }
        let module = format!("pages::{page}::");
        for (path, _) in sources().into_iter().filter(|(_, text)| text.contains(&module)) {
            assert!(listed.contains(&path), "{path} uses {module}");
        }
        for file in [format!("src/admin/pages/{page}.rs"), format!("web/{page}.html")] {
            assert!(root().join(&file).exists(), "{file}");
        }
    }
}

/// A row of the table is all that the commands and the completions need; the pages have a test beside their code.
#[test]
fn a_setting_is_one_row() {
    let rows = names_in("src/settings/table.rs", ", \"").into_iter();
    let rows: BTreeSet<_> = rows.filter(|name| name.split('.').count() == 2 && !name.contains(' ')).collect();
    assert!(rows.len() > 60 && rows.contains("relay.host"), "{rows:?}");
    let folder = std::env::temp_dir().join(format!("satpost-rows-{}", std::process::id()));
    let data = folder.to_str().unwrap();
    satpost(&["--data", data, "settings", "set", "box.name", "rows"]);
    let listed = satpost(&["--data", data, "settings", "list"]);
    let completed = satpost(&["completions", "bash"]);
    let _ = fs::remove_dir_all(&folder);
    for name in satpost_names(&listed) {
        assert!(rows.contains(&name), "{name} is listed and not found in the table");
        assert!(completed.contains(&name), "{name} is not completed");
    }
    assert_eq!(satpost_names(&listed).len(), listed.lines().count());
}

#[test]
fn a_listener_is_named_where_the_list_says() {
    let listed = list("a listener");
    let known = [
        "src/cli/demo/parts.rs",
        "src/admin/pages/help.rs",
        "src/admin/pages/mail_setup.rs",
        "src/supervisor/failure.rs",
    ];
    for (path, text) in sources() {
        let names = strings(&text).iter().any(|text| text == "submission");
        let own = path.starts_with("src/listen/");
        assert!(!names || own || listed.contains(&path) || known.contains(&path.as_str()), "{path} names a listener");
    }
    let unit = read("systemd/satpost.service");
    for name in ["smtp", "submission", "submissions", "imap", "imaps", "web"] {
        assert!(root().join(format!("systemd/satpost-{name}.socket")).exists());
        assert_eq!(unit.matches(&format!("satpost-{name}.socket")).count(), 3, "Wants, After and Also name it");
        assert!(read("src/sys/sockets.rs").contains(&format!("\"{name}\"")));
    }
}

/// Every file that a list names is there; `NAME` stands for what is added.
#[test]
fn the_files_of_the_lists_are_there() {
    for what in ["a driver", "a carrier of text messages", "a page", "a setting", "a listener"] {
        let files = list(what);
        assert!(!files.is_empty(), "CONTRIBUTING.md has no list for {what}");
        for file in files.iter().filter(|file| !file.contains("NAME")) {
            assert!(root().join(file).exists(), "{what}: there is no {file}");
        }
    }
}

/// What CONTRIBUTING says of where things are is true of the tree.
#[test]
fn the_places_that_contributing_names_are_there() {
    let text = read("CONTRIBUTING.md");
    let named: BTreeSet<_> = text.split('`').skip(1).step_by(2).filter(|name| name.starts_with("src/")).collect();
    assert!(named.len() > 30, "{named:?}");
    for name in named.iter().filter(|name| !name.contains("NAME")) {
        assert!(root().join(name).exists(), "there is no {name}");
    }
}

/// Fails for a file whose code names one of `names` and is neither listed nor its own.
fn only_listed(what: &str, names: &BTreeSet<String>, own: &str, simulated: &str) {
    let listed = list(what);
    let mut found = Vec::new();
    for (path, text) in sources() {
        let allowed = listed.contains(&path) || KNOWN.iter().any(|(known, _)| *known == path);
        if allowed || path.starts_with(own) || path.starts_with(simulated) || path.starts_with("src/sim/") {
            continue;
        }
        let shown = strings(&text);
        for name in names {
            // As a value, as the start of a setting, or as a module.
            let value = shown.iter().any(|text| text == name || text.starts_with(&format!("{name}.")));
            if value || text.contains(&format!("::{name}::")) {
                found.push(format!("{path} names {name}"));
            }
        }
    }
    assert!(found.is_empty(), "not in the list of CONTRIBUTING.md, How to add {what}:\n{}", found.join("\n"));
}

/// The files of the list under a heading of `CONTRIBUTING.md`.
fn list(what: &str) -> BTreeSet<String> {
    let text = read("CONTRIBUTING.md");
    let (_, rest) = text.split_once(&format!("### {what}\n")).unwrap_or_else(|| panic!("there is no heading '{what}'"));
    let section = rest.split("\n#").next().unwrap();
    section.lines().filter_map(|line| Some(line.strip_prefix("- `")?.split('`').next()?.to_owned())).collect()
}

/// Texts that follow `start` in a file, up to their closing quote.
fn names_in(file: &str, start: &str) -> BTreeSet<String> {
    read(file).split(start).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
}

/// The string literals of a text, roughly: what stands between two quotes of a line that is no comment.
fn strings(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(|line| line.split('"').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// The first words of the lines of a list.
fn satpost_names(listed: &str) -> BTreeSet<String> {
    listed.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn satpost(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_satpost")).args(words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The sources with their paths, without tests: neither files of tests nor the test module at the end of a file.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(&root().join("src"), &mut found);
    found
}

fn collect(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let test = path.file_stem().is_some_and(|stem| stem == "tests");
        if path.is_dir() && !test {
            collect(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") && !test {
            let text = fs::read_to_string(&path).unwrap();
            let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            found.push((name, text[..end].to_owned()));
        }
    }
}
