//! Something new is a file of its own and rows in the files that `CONTRIBUTING.md` lists: a driver, a carrier, a page, a
//! text of one, a language, a setting and a listener are added to a copy of the sources, and the compiler has the last word.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What is added: the heading of its list, its own file with the text of it, and rows: the file, what stands in front of
/// the row, and the row.
struct Added {
    what: &'static str,
    own: Option<(&'static str, &'static str)>,
    rows: &'static [(&'static str, &'static str, &'static str)],
}

const ADDED: &[Added] = &[
    Added {
        what: "a driver",
        own: Some(("src/link/added/mod.rs", include_str!("rows/driver.rs"))),
        rows: &[
            ("src/link/mod.rs", "\npub mod", " added;\npub mod"),
            (
                "src/link/mod.rs",
                "pub static DRIVERS: &[Driver] = &[\n",
                "Driver { name: \"added\", about: \"\", unit: \"packet\", settings: &[], encloses: None, max_payload: 100, reach: Reach { far_box: true, kinds: &[] }, \
                 window: |_| 1, withdraws: false, transit: std::time::Duration::ZERO, console: false, paired: false, prompt: |_| false, whole: |_| 0, check: added::check, contact: None, make: added::make },\n",
            ),
        ],
    },
    Added {
        what: "a carrier of text messages",
        own: Some(("src/deliver/sms/added.rs", include_str!("rows/carrier.rs"))),
        rows: &[
            ("src/deliver/sms.rs", "pub mod bandwidth;\n", "pub mod added;\n"),
            ("src/deliver/sms.rs", "= &[twilio::ROW, bandwidth::ROW", ", added::ROW"),
            ("src/settings/table.rs", "Choice(&[\"none\", \"twilio\", \"bandwidth\"", ", \"added\""),
        ],
    },
    Added {
        what: "a page",
        own: Some(("src/admin/pages/added.rs", include_str!("rows/page.rs"))),
        rows: &[
            ("src/admin/pages/mod.rs", "pub mod account;\n", "pub mod added;\n"),
            (
                "src/admin/route.rs",
                "    Get \"/audit\" ",
                "Owner |ask, _| pages::audit::show(ask);\n    Get \"/added\" ",
            ),
            ("src/admin/view.rs", "    \"frame.html\", ", "\"added.html\", "),
        ],
    },
    Added {
        what: "a text of a page, or a change of one",
        own: None,
        rows: &[("web/words/en/people.txt", "\n# people\n", "people.added = {n} more\n")],
    },
    Added {
        what: "a language",
        own: Some(("web/words/added/all.txt", "frame.more = Mehr\n")),
        rows: &[(
            "src/admin/words.rs",
            "LANGUAGES: &[Language] = &[ENGLISH",
            ", Language { files: &[include_str!(\"../../web/words/added/all.txt\")], form: |_| \"other\" }",
        )],
    },
    Added {
        what: "a setting",
        own: None,
        rows: &[(
            "src/settings/table.rs",
            "\n    AirLifetime, ",
            "\"added.setting\", Switch, \"no\", \"On air\", \"Added\", \"Does nothing.\";\n    AirLifetime, ",
        )],
    },
    Added {
        what: "a listener",
        own: Some(("src/listen/added.rs", include_str!("rows/listener.rs"))),
        rows: &[
            ("src/listen/mod.rs", "\npub mod", " added;\npub mod"),
            (
                "src/supervisor/listeners.rs",
                "LISTENERS: &[Row] = &[\n",
                "Row { name: \"added\", ports: Key::AddedListen, tls: false, closed: None, \
                 service: |_, _| Ok(Arc::new(crate::listen::added::Added)) },\n",
            ),
            ("src/sys/sockets.rs", "NAMES: &[&str] = &[", "\"added\", "),
            (
                "src/settings/table.rs",
                "\n    AirLifetime, ",
                "\"added.listen\", Listen, \"\", \"On air\", \"Added\", \"Where it listens.\";\n    AirLifetime, ",
            ),
        ],
    },
];

#[test]
fn what_is_new_is_a_file_of_its_own_and_rows_in_the_files_of_the_list() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let binary = Path::new(env!("CARGO_BIN_EXE_satpost"));
    let target = binary.ancestors().nth(2).unwrap();
    let copy = target.join("adding");
    let _ = fs::remove_dir_all(&copy);
    // What others wrote need not be compiled again. What is ours must be apart: for cargo a copy is the same package.
    for part in ["deps", "build", ".fingerprint"] {
        link_all(&binary.with_file_name(part), &copy.join("target/debug").join(part));
    }
    for part in ["Cargo.toml", "Cargo.lock", "src", "web", "systemd", "tests/support"] {
        copy_all(&root.join(part), &copy.join(part));
    }
    for added in ADDED {
        let listed = listed(root, added.what);
        if let Some((path, text)) = added.own {
            let covers = |entry: &String| {
                let entry = entry.replace("NAME", "added").replace("CODE", "added");
                entry == path || path.starts_with(&entry)
            };
            assert!(listed.iter().any(covers), "{}: the list does not name its own file {path}", added.what);
            fs::create_dir_all(copy.join(path).parent().unwrap()).unwrap();
            fs::write(copy.join(path), text).unwrap();
        }
        let mut touched = BTreeSet::new();
        for (path, before, row) in added.rows {
            assert!(listed.iter().any(|entry| names(entry, path)), "{}: the list does not name {path}", added.what);
            touched.insert(*path);
            let text = fs::read_to_string(copy.join(path)).unwrap();
            let at = text.find(before).unwrap_or_else(|| panic!("{path} has no '{before}'")) + before.len();
            fs::write(copy.join(path), format!("{}{row}{}", &text[..at], &text[at..])).unwrap();
        }
        assert!(touched.len() <= 4, "{} touches {touched:?} besides its own file", added.what);
    }
    // The keys of the two settings stand in front of their names.
    let table = copy.join("src/settings/table.rs");
    let text = fs::read_to_string(&table).unwrap();
    let text = text.replace("AirLifetime, \"added.setting\"", "AddedSetting, \"added.setting\"");
    fs::write(&table, text.replace("AirLifetime, \"added.listen\"", "AddedListen, \"added.listen\"")).unwrap();
    fs::write(copy.join("web/added.html"), fs::read_to_string(root.join("web/audit.html")).unwrap()).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["check", "--quiet", "--offline", "--locked", "--package", "satpost"]).current_dir(&copy);
    let made = cargo.env("CARGO_TARGET_DIR", copy.join("target")).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let _ = fs::remove_dir_all(&copy);
}

/// True when an entry of a list names this file, or its folder.
fn names(entry: &str, path: &str) -> bool {
    entry == path || (entry.ends_with('/') && path.starts_with(entry))
}

/// The files of the list under a heading of `CONTRIBUTING.md`.
fn listed(root: &Path, what: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root.join("CONTRIBUTING.md")).unwrap();
    let (_, rest) = text.split_once(&format!("### {what}\n")).unwrap_or_else(|| panic!("there is no heading '{what}'"));
    let section = rest.split("\n#").next().unwrap();
    section.lines().filter_map(|line| Some(line.strip_prefix("- `")?.split('`').next()?.to_owned())).collect()
}

/// Links the artifacts of a build, but for those of this workspace.
fn link_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let ours = ["satpost", "testing", "features"];
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let shown = name.to_string_lossy();
        if ours.iter().any(|ours| shown.trim_start_matches("lib").starts_with(ours)) {
            continue;
        }
        match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            true => link_all(&entry.path(), &to.join(&name)),
            // Another build may take a file away at this moment: then it is made again here.
            false => drop(fs::hard_link(entry.path(), to.join(&name))),
        }
    }
}

fn copy_all(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy_all(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
}
