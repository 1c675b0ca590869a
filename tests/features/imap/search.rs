//! SEARCH over a mailbox whose messages are in the index.

use std::fmt::Write as _;
use std::fs;

use super::boxed;
use crate::support::shore::Shore;
use crate::support::{Imap, SOON, wait_for};

/// What is found with the index is what stands in the mails: in names, subjects and texts, in any case, in part, decoded.
#[test]
fn what_the_index_names_is_what_a_reader_would_find() {
    let shore = Shore::start();
    let mut gateway = boxed(&shore);
    let mut mbox = String::new();
    for number in 1..=2100 {
        let name = if number % 700 == 0 { "=?utf-8?Q?J=C3=B6rg?=" } else { "Bob" };
        let word = if number % 1000 == 5 { "L\u{fc}becker Bucht" } else { "the usual" };
        let _ = write!(
            mbox,
            "From bob@world.example Sun Nov 29 10:00:00 2026\nFrom: {name} <bob{number}@world.example>\nTo: olga@shore.example\n\
             Subject: Report {number}\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n\
             Weather near {word}, number {number}.\n\n"
        );
    }
    let file = shore.folder.path("mbox");
    fs::write(&file, mbox).unwrap();
    gateway.said(&["people", "import", "olga", file.to_str().unwrap()]).ok();
    gateway.stop();
    gateway.start();
    wait_for("the index", SOON, || gateway.log_text().contains("search index is up to date").then_some(()));
    let mut imap = Imap::open(gateway.listener("imap"), "olga", "INBOX");
    for _ in 0..2 {
        for (key, found) in [
            ("SUBJECT \"port 1234\"", " 1234"),
            ("FROM {5+}\r\nJ\u{f6}RG", " 700 1400 2100"),
            ("FROM bob777@WORLD", " 777"),
            ("BODY {8+}\r\n\u{fc}BECKER", " 5 1005 2005"),
            ("TEXT \"number 2099.\"", " 2099"),
            ("HEADER Content-Type quoted", ""),
            ("OR SUBJECT \"Report 17x\" NOT FROM bob", ""),
            ("BODY 44 SUBJECT 1448", " 1448"),
            ("SUBJECT submarine", ""),
        ] {
            let said = imap.ok(&format!("SEARCH CHARSET UTF-8 {key}"));
            assert!(said.contains(&format!("* SEARCH{found}\r\n")), "{key}: {said}");
        }
        // What was added since is in no block, and found as well.
        let late = "Subject: submarines\r\n\r\nnumber 9999\r\n";
        assert!(imap.append("Archive", late.as_bytes()).contains("OK [APPENDUID"));
    }
    imap.ok("SELECT Archive");
    assert!(imap.ok("SEARCH SUBJECT submarine").contains("* SEARCH 1 2\r\n"));
}
