//! A file of which most was removed: the box makes it shorter by itself when it is idle, and goes on meanwhile.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use testing::Dice;

use crate::support::{Folder, Imap, SOON, Smtp, Station, wait_for};

const MAILS: usize = 900;
const KEPT: usize = 90;

/// Mails of which none can be packed: each is as long in the file as it is here.
fn mbox(folder: &Folder) -> String {
    let mut dice = Dice::new(7);
    let mut line = || (0..64).map(|_| format!("{:02x}", dice.below(256))).collect::<String>();
    let mut mail = |at: usize| {
        let text: String = (0..40).map(|_| line() + "\n").collect();
        format!("From bob@x.org Sat Jan  3 01:05:34 2026\nFrom: bob@x.org\nSubject: number {at}\n\n{text}\n")
    };
    let file = folder.path("many.mbox");
    fs::write(&file, (0..MAILS).map(&mut mail).collect::<String>()).unwrap();
    file.to_str().unwrap().to_owned()
}

/// Bytes that the file of a box takes up on the disk.
fn size(station: &Station) -> u64 {
    fs::metadata(station.folder.join("satpost.redb")).unwrap().blocks() * 512
}

/// What is in a folder of anna, in order: the mails as a mail program gets them.
fn mails(station: &Station, folder: &str) -> Vec<Vec<u8>> {
    let mut imap = Imap::open(station.listener("imap"), "anna", folder);
    imap.uids().into_iter().map(|uid| imap.fetch(uid, "")).collect()
}

fn says(station: &Station, words: &str) {
    wait_for(words, 4 * SOON, || station.log_text().contains(words).then_some(()));
}

#[test]
fn an_idle_box_shortens_its_file_and_loses_nothing() {
    let folder = Folder::new();
    let mut station = Station::new(&folder, "box", &[("box.domain", "boat.example")], &["anna"]);
    let (wait_at, part) = (folder.path("wait-at"), station.folder.join("rewrite.part"));
    let environment: [(&str, &Path); 2] = [("SATPOST_WAIT_AT", &wait_at), ("SATPOST_REWRITE", Path::new("2000000 1"))];
    station.start();
    station.cli_ok(&["people", "import", "anna", &mbox(&folder), "--folder", "Old"], "");
    let mut imap = Imap::open(station.listener("imap"), "anna", "Old");
    imap.ok(&format!("UID STORE 1:{} +FLAGS.SILENT (\\Deleted)", MAILS - KEPT));
    imap.ok("EXPUNGE");
    let before = mails(&station, "Old");
    assert_eq!(before.len(), KEPT);
    drop(imap);

    // While there is no room for a second file the first one stays.
    station.cli_ok(&["settings", "set", "store.reserve", "1000000"], "");
    assert_eq!(station.stop(), 0);
    let long = size(&station);
    assert!(long > 4_000_000, "{long}");
    station.start_with(&environment);
    says(&station, "the file of the store stays as long as it is: ");
    assert!(!part.exists() && size(&station) >= long, "{}", size(&station));

    // With room it is written anew as soon as the box is idle, and mail is taken meanwhile.
    fs::write(&wait_at, "Rewriting").unwrap();
    station.cli_ok(&["settings", "set", "store.reserve", "0"], "");
    wait_for("the new file to be begun", 4 * SOON, || part.exists().then_some(()));
    let mut smtp = Smtp::connect(station.listener("smtp"));
    for number in 1..=3 {
        let mail = format!("Subject: meanwhile {number}\n\nIt is taken while the file is written anew.\n");
        assert!(smtp.mail("bob@world.example", "anna@boat.example", &mail).starts_with("250"), "{number}");
    }
    assert!(part.exists(), "it is still written anew");
    wait_for("the mails to be filed", SOON, || (mails(&station, "INBOX").len() == 3).then_some(()));
    let inbox = mails(&station, "INBOX");
    fs::write(&wait_at, "").unwrap();
    says(&station, "store: written anew, ");
    assert!(!part.exists());
    assert!(size(&station) < long / 2, "{} of {long}", size(&station));

    // All is there; after a kill as well.
    for killed in [false, true] {
        if killed {
            station.kill();
            station.start();
        }
        assert!(mails(&station, "Old") == before && mails(&station, "INBOX") == inbox, "killed: {killed}");
        station.totals_balance();
    }
}
