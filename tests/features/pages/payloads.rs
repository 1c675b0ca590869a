//! A hundred texts that want to be more than text, wherever strangers and persons may write: on no page do they become
//! part of it. See `payloads.js` beside this file.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Folder, PASSWORD, Smtp, Station};

/// What each begins or ends with, so that it breaks out of where it stands.
const OUT: [&str; 10] = ["", "\"", "'", "\">", "'>", "</textarea>", "</title>", "-->", "\" autofocus ", "&quot;>"];
/// What it then wants to be.
const WANTS: [&str; 10] = [
    "<x-p onload=alert(1)>",
    "<script x-p>alert(1)</script>",
    "<img x-p src=https://evil.example/x onerror=alert(1)>",
    " x-p=1 onmouseover=alert(1) ",
    "<svg x-p onload=alert(1)>",
    "<a x-p href=\"javascript:alert(1)\">x</a>",
    "{{ 7919*7907 }}x-p{% raw %}",
    "<iframe x-p srcdoc=\"<script>alert(1)</script>\">",
    "<form x-p action=//evil.example><button>",
    "javascript:alert(1)//<style x-p>@import '//evil.example';</style>",
];

fn all() -> Vec<String> {
    OUT.iter().flat_map(|out| WANTS.iter().map(move |wants| format!("{out}{wants}"))).collect()
}

/// A header field may hold anything as an encoded word.
fn encoded(text: &str) -> String {
    let hex: String = text.bytes().map(|byte| format!("={byte:02X}")).collect();
    format!("=?utf-8?q?{hex}?=")
}

#[test]
#[ignore = "needs chromium, node, playwright-core, axe-core and html-validate, which tests/run installs"]
fn a_hundred_payloads_stay_text() {
    let (chromium, modules) = super::browser::browser().unwrap_or_else(|why| panic!("{why}; tests/run installs it"));
    let folder = Folder::new();
    let station =
        Station::new(&folder, "house", &[("box.domain", "boat.example"), ("box.reach", "internet")], &["anna", "bert"]);
    let payloads = all();
    assert_eq!(payloads.len(), 100);
    let station = station.started();
    for payload in &payloads {
        let (word, plain) = (encoded(payload), payload.replace('"', "\\\""));
        let mail = format!(
            "From: {word} <bob@world.example>\nTo: anna@boat.example\nSubject: {word}\nMIME-Version: 1.0\n\
             Content-Type: multipart/mixed; boundary=bb\n\n--bb\nContent-Type: text/plain\n\n{payload}\n--bb\n\
             Content-Type: text/plain; name=\"{plain}\"\nContent-Disposition: attachment; filename=\"{plain}\"\n\nx\n--bb--\n"
        );
        let said = Smtp::connect(station.listener("smtp")).mail("bob@world.example", "anna@boat.example", &mail);
        assert!(said.starts_with("250"), "{payload}: {said}");
        // Not all of them may be names; those that may are shown.
        station.cli(&["settings", "set", "box.name", payload], "");
        station.cli(&["people", "edit", "bert", "--full-name", payload], "");
    }
    let file = folder.path("payloads.json");
    std::fs::write(&file, serde_json::to_string(&payloads).unwrap()).unwrap();
    let output = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/features/pages/payloads.js"))
        .args([format!("http://{}", station.listener("web")), PASSWORD.to_owned(), file.display().to_string()])
        .env("NODE_PATH", modules)
        .env("CHROMIUM", chromium)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = crate::support::command::Said::from(output);
    println!("{}{}", said.out, said.err);
    assert!(said.code == 0, "payloads became part of a page, see above; the log of the box:\n{}", station.log_text());
    station.totals_balance();
}
