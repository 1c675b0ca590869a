//! Long work on a terminal: a bar shows it, and Ctrl-C leaves nothing half done.

use std::fs;
use std::path::Path;

use crate::support::command::satpost;
use crate::support::terminal::Terminal;
use crate::support::{Folder, Imap, SOON, Station, wait_for};

/// So many mails that the work with them is not over between its first step and the key.
const MANY: usize = 5000;

fn mbox(folder: &Folder) -> String {
    let line = "Words that a mail holds, and that nobody reads in a test.\n".repeat(40);
    let mail = |at: usize| {
        format!("From bob@x.org Sat Jan  3 01:05:34 2026\nFrom: bob@x.org\nSubject: number {at}\n\n{line}\n")
    };
    let file = folder.path("many.mbox");
    fs::write(&file, (0..MANY).map(mail).collect::<String>()).unwrap();
    file.to_str().unwrap().to_owned()
}

/// The last thing that a terminal shows of a bar is that it goes.
fn shows_a_bar(text: &str, what: &str) {
    let bar = text.split('\r').find(|line| line.contains(what) && line.contains("] ") && line.contains(" %"));
    assert!(bar.is_some(), "no bar of '{what}' in {text:?}");
    let last = text.rfind("%").unwrap();
    assert!(text[last..].contains("\r\x1b[K"), "the bar stays: {text:?}");
}

fn in_folder(folder: &Path, name: &str) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| entry.unwrap().file_name().to_string_lossy().contains(name))
}

/// Presses Ctrl-C once the bar of this work shows something, and this is so as well.
fn stopped(words: &[&str], what: &str, so: impl FnMut() -> Option<()>) -> String {
    let mut terminal = Terminal::run(words);
    assert!(terminal.wait_shown(what), "it was over before: {:?}", terminal.end());
    wait_for("something to be done", SOON, so);
    terminal.interrupt();
    let (code, text) = terminal.end();
    assert_eq!(code, 130, "{text}");
    assert!(text.contains("interrupted"), "{text}");
    text
}

#[test]
fn long_work_shows_itself_and_ends_in_order() {
    let folder = Folder::new();
    let mut post = Station::new(&folder, "box", &[("box.domain", "boat.example")], &["anna"]).started();
    let data = post.folder.to_str().unwrap().to_owned();
    let many = mbox(&folder);
    let total = |post: &Station| {
        let part = folder.path("all.tar");
        let _ = fs::remove_file(&part);
        post.cli_ok(&["people", "export", "anna", part.to_str().unwrap()], "");
        String::from_utf8_lossy(&fs::read(&part).unwrap()).matches("Subject: number ").count()
    };

    // Mails are put into folders, all or none.
    let some = || {
        let said = Imap::of(post.listener("imap"), "anna").say("STATUS Old (MESSAGES)");
        let count = said.split("(MESSAGES ").nth(1)?.split(')').next()?.parse::<usize>().unwrap();
        (count > 0).then_some(())
    };
    stopped(&["--data", &data, "people", "import", "anna", &many, "--folder", "Old"], "importing", some);
    wait_for("the box to take the mails out again", 2 * SOON, || (total(&post) == 0).then_some(()));
    let mut import = Terminal::run(&["--data", &data, "people", "import", "anna", &many, "--folder", "Old"]);
    assert!(import.wait_shown("importing"));
    let (code, text) = import.end();
    assert_eq!(code, 0, "{text}");
    shows_a_bar(&text, "importing");
    assert_eq!(total(&post), MANY);

    // A backup while the box runs.
    let file = folder.path("a.backup");
    let file = file.to_str().unwrap();
    stopped(&["--data", &data, "backup", file], "writing the backup", || Some(()));
    assert!(!Path::new(file).exists());
    wait_for("the box to clear its part away", SOON, || (!in_folder(&post.folder, "backup.part")).then_some(()));
    assert!(post.status().is_some(), "the box runs");
    let (code, text) = Terminal::run(&["--data", &data, "backup", file]).end();
    assert_eq!(code, 0, "{text}");
    shows_a_bar(&text, "writing the backup");
    shows_a_bar(&text, "reading it back");
    // Where nobody looks, short work says nothing of itself.
    let said = post.said(&["backup", folder.path("b.backup").to_str().unwrap()]);
    assert!(said.code == 0 && !said.err.contains('\r') && !said.err.contains('['), "{}", said.err);

    // A restore over the store that is there: it is as it was.
    assert_eq!(post.stop(), 0);
    stopped(&["--data", &data, "restore", file, "--replace"], "restoring", || Some(()));
    for name in ["restore.part", "spool.part", "satpost.redb.old-"] {
        assert!(!in_folder(&post.folder, name), "{name}");
    }
    let other = folder.path("other");
    stopped(&["--data", other.to_str().unwrap(), "restore", file], "restoring", || Some(()));
    assert!(!in_folder(&other, "satpost.redb"), "there is no box in the midst of a restore");
    // A repair.
    stopped(&["--data", &data, "repair"], "rescuing", || Some(()));
    for name in ["repair.copy", "repair.part", ".damaged-"] {
        assert!(!in_folder(&post.folder, name), "{name}");
    }
    stopped(&["--data", &data, "restore", "--drill", file], "restoring", || Some(()));
    assert!(!in_folder(folder.path("").as_path(), "satpost-drill"));
    let (code, text) = Terminal::run(&["--data", other.to_str().unwrap(), "restore", file]).end();
    assert_eq!(code, 0, "{text}");
    shows_a_bar(&text, "restoring");
    satpost(&["--data", other.to_str().unwrap(), "people", "list"]).ok();
    post.start();
    assert_eq!(total(&post), MANY);
}
