//! What the owner sees of the box itself: facts, a backup, the log, and a file for whoever helps.

use crate::support::web::Client;
use crate::support::{Folder, PASSWORD, SATPOST, Station};

#[test]
fn the_owner_saves_a_backup_that_brings_the_box_back() {
    let folder = Folder::new();
    let settings = [("box.domain", "boat.example"), ("relay.password", "hush-hush-relay")];
    let station = Station::new(&folder, "house", &settings, &["anna", "bert"]).started();
    let mut anna = Client::logged_in(&station, "anna");
    let page = anna.get("/about").body;
    for words in ["0.1.0", "Free on the disk", "own, renewed by itself, good until", "Memory in use", "Runs since"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert_eq!(anna.post("/compose", "to=bert&text=Kept&do=send").status, 303);
    let token = anna.token("/about");
    let wrong = anna.form("/about/backup", &format!("csrf={token}&password=wrong"), &anna.own());
    assert_eq!((wrong.status, wrong.body.contains("id=\"why-password\"")), (422, true), "{wrong:?}");
    let form = format!("csrf={token}&password={PASSWORD}");
    let (head, backup) = anna.bytes("/about/backup", &form);
    assert!(head.starts_with("HTTP/1.1 200") && head.contains(".backup\""), "{head}");
    let file = folder.path("saved.backup");
    std::fs::write(&file, backup).unwrap();
    assert_eq!(std::fs::read_dir(station.folder.join("incoming")).unwrap().count(), 0, "nothing is left on the box");
    let new = folder.path("new");
    let mut restore = std::process::Command::new(SATPOST);
    restore.args(["restore", file.to_str().unwrap(), "--data", new.to_str().unwrap()]);
    let restored = restore.output().unwrap();
    assert!(restored.status.success(), "{restored:?}");
    assert!(station.json(&["audit"]).to_string().contains("a backup was made"));
}

#[test]
fn the_log_is_read_with_a_filter_and_the_file_for_whoever_helps_holds_no_secret() {
    let folder = Folder::new();
    let settings = [
        ("box.domain", "boat.example"),
        ("relay.password", "hush-hush-relay"),
        ("relay.user", "someone@secret.example"),
        ("air.allow", "mum@private.example"),
    ];
    let station = Station::new(&folder, "house", &settings, &["anna", "bert"]).started();
    let mut anna = Client::logged_in(&station, "anna");
    assert_eq!(anna.post("/compose", "to=bert&subject=Whisper&text=Between+us&do=send").status, 303);
    let all = anna.get("/about/log").body;
    assert!(all.contains("web listens on") && all.contains("m1 taken by web"), "{all}");
    let some = anna.get("/about/log?q=M1").body;
    assert!(some.contains("m1 taken by web") && !some.contains("listens on"), "{some}");
    assert!(!anna.get("/about/log?level=errors").body.contains("m1 taken"));
    let token = anna.token("/about");
    let file = anna.form("/about/support", &format!("csrf={token}"), &anna.own());
    assert_eq!(file.status, 200);
    for words in ["Version: 0.1.0", "box.domain: boat.example", "relay.password: set", "m1 taken by web", "0 waiting"] {
        assert!(file.body.contains(words), "{words}: {}", file.body);
    }
    for secret in ["hush-hush", "someone", "mum", "Whisper", "Between us", PASSWORD, "argon2"] {
        assert!(!file.body.contains(secret), "{secret}: {}", file.body);
    }
    let mut bert = Client::logged_in(&station, "bert");
    let token = bert.token("/account");
    for path in ["/about/backup", "/about/support"] {
        assert_eq!(bert.form(path, &format!("csrf={token}&password={PASSWORD}"), &bert.own()).status, 403);
    }
    assert_eq!((bert.get("/about").status, bert.get("/about/log").status), (403, 403));
}
