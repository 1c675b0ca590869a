//! Long work of the box on its page: what it is, how far it is, and its stop, which leaves nothing half done.

use std::fs;
use std::path::Path;

use crate::support::terminal::Terminal;
use crate::support::web::Client;
use crate::support::{Folder, PASSWORD, SOON, Station, wait_for};

const MANY: usize = 60;

fn mbox(folder: &Folder, name: &str, count: usize, words: &str) -> String {
    let line = "Words that a mail holds, and that nobody reads in a test.\n".repeat(40);
    let mail = |at: usize| {
        format!("From bob@x.org Sat Jan  3 01:05:34 2026\nFrom: bob@x.org\nSubject: {words} {at}\n\n{line}\n")
    };
    let file = folder.path(name);
    fs::write(&file, (0..count).map(mail).collect::<String>()).unwrap();
    file.to_str().unwrap().to_owned()
}

/// Waits until the page shows work of this name; the path of its button.
fn at_work(client: &Client, what: &str) -> String {
    wait_for(&format!("the page to show '{what}'"), 4 * SOON, || {
        let page = client.get("/about").body;
        let (_, work) = page.split_once(what)?;
        assert!(work.contains("<progress max=100"), "{page}");
        let (_, button) = work.split_once("action=\"/about/work/")?;
        Some(format!("/about/work/{}", button.split('"').next()?))
    })
}

fn gone(client: &Client) {
    let idle = || (!client.get("/about").body.contains("At work")).then_some(());
    wait_for("the page to show no work", 4 * SOON, idle);
}

#[test]
fn what_the_box_is_at_is_seen_on_the_page_and_stopped_there() {
    let folder = Folder::new();
    let mut post = Station::new(&folder, "box", &[("box.domain", "boat.example")], &["anna", "bert"]);
    // Where each work waits until it is stopped.
    let wait_at = folder.path("wait-at");
    let waits = |stage: &str| fs::write(&wait_at, stage).unwrap();
    let environment: [(&str, &Path); 1] = [("SATPOST_WAIT_AT", &wait_at)];
    post.start_with(&environment);
    let many = mbox(&folder, "many.mbox", MANY, "number");
    post.cli_ok(&["people", "import", "anna", &many, "--folder", "Old"], "");
    post.cli_ok(&["people", "import", "bert", &mbox(&folder, "one.mbox", 1, "whisper of bert"), "--folder", "Old"], "");
    let mut anna = Client::logged_in(&post, "anna");
    let token = anna.token("/about");
    let press = |path: &str| anna.form(path, &format!("csrf={token}"), &anna.own());
    gone(&anna);

    // A backup that the page makes: whoever waits for it is told, and nothing of it stays.
    let other = Client { at: anna.at, cookie: anna.cookie.clone() };
    let form = format!("csrf={token}&password={PASSWORD}");
    waits("Writing");
    let backup = std::thread::spawn(move || other.form("/about/backup", &form, &other.own()));
    let stop = at_work(&anna, "A backup is ");
    // A page that is open hears of it by itself.
    let live = anna.get("/live?page=/about&have=x");
    assert!(live.status == 200 && live.body.contains("A backup is "), "{live:?}");
    assert_eq!(press(&stop).status, 303);
    let told = backup.join().unwrap();
    assert!(told.status == 503 && told.body.contains("it was stopped"), "{told:?}");
    gone(&anna);
    assert_eq!(fs::read_dir(post.folder.join("incoming")).unwrap().count(), 0, "nothing is left on the box");
    assert!(!post.json(&["audit"]).to_string().contains("a backup was made"));
    assert!(post.json(&["audit"]).to_string().contains("a backup was stopped"));
    let late = press(&stop);
    assert!(late.status == 303 && anna.get("/about").body.contains("It was over already"), "{late:?}");

    // What a command has the box do: the command ends as well.
    let data = post.folder.to_str().unwrap();
    let tar = folder.path("anna.tar");
    waits("Gathering");
    let export = Terminal::run(&["--data", data, "people", "export", "anna", tar.to_str().unwrap()]);
    assert_eq!(press(&at_work(&anna, "A copy of what the box has of anna")).status, 303);
    let (code, text) = export.end();
    assert!(code == 1 && text.contains("it was stopped"), "{code}: {text}");
    assert!(!tar.exists(), "half a copy");
    gone(&anna);

    // A command that works by itself tells the box how far it is.
    let file = folder.path("a.backup");
    post.cli_ok(&["backup", file.to_str().unwrap()], "");
    waits("Restoring");
    let drill = Terminal::run_with(&["--data", data, "restore", "--drill", file.to_str().unwrap()], &environment);
    assert_eq!(press(&at_work(&anna, "A backup is tried out")).status, 303);
    let (code, text) = drill.end();
    assert!(code == 1 && text.contains("it was stopped"), "{code}: {text}");
    assert!(
        !fs::read_dir(folder.path(""))
            .unwrap()
            .any(|entry| { entry.unwrap().file_name().to_string_lossy().contains("satpost-drill") })
    );
    gone(&anna);

    // The file is written anew once somebody is erased. Stopped, it is as it was, and the box owes it.
    waits("Rewriting");
    post.cli_ok(&["people", "erase", "bert"], "");
    assert_eq!(press(&at_work(&anna, "The file of the store is written anew")).status, 303);
    let page = anna.get("/about").body;
    assert!(page.contains("What was erased is still in the file"), "{page}");
    assert!(post.json(&["audit"]).to_string().contains("was stopped: what was erased is still in it"));
    let owed = || post.log_text().contains("what was erased is still in unused parts of the file").then_some(());
    wait_for("the log to say that it is owed", 4 * SOON, owed);
    gone(&anna);
    let whispers = |post: &Station| {
        let holds = |name: &str| {
            let file = fs::read(post.folder.join(name)).unwrap_or_default();
            file.windows(15).any(|words| words == b"whisper of bert")
        };
        // A box with few mails may have them in its log alone.
        holds("satpost.redb") || holds("satpost.redb.wal")
    };
    assert!(!post.folder.join("rewrite.part").exists());
    assert_eq!(post.stop(), 0);
    post.start();
    wait_for("the file to be without him", 4 * SOON, || (!whispers(&post)).then_some(()));
    post.totals_balance();
}
