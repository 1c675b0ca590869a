//! What the owner sees of the box itself: facts, a backup, the log, and a file for whoever helps.

use std::io::Write;
use std::net::TcpStream;

use crate::support::web::{Answer, Client, hidden};
use crate::support::{Folder, PASSWORD, SATPOST, SOON, Station, read_all, wait_for};

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

/// The form of the page that takes a file, as a browser sends it.
fn with_file(client: &Client, path: &str, fields: &[(&str, &str)], file: &[u8]) -> Answer {
    let mut body = Vec::new();
    for (name, value) in fields {
        let field = format!("--frontier\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(field.as_bytes());
    }
    body.extend_from_slice(b"--frontier\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.backup\"\r\nContent-Type: application/octet-stream\r\n\r\n");
    body.extend_from_slice(file);
    body.extend_from_slice(b"\r\n--frontier--\r\n");
    let (at, cookie, own, length) = (client.at, &client.cookie, client.own(), body.len());
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {at}\r\nCookie: {cookie}\r\n{own}Content-Length: {length}\r\n\
         Content-Type: multipart/form-data; boundary=frontier\r\n\r\n"
    );
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body).unwrap();
    let text = read_all(&mut stream);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("{text:?}"));
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// A backup that is put in place by the page: what was there then is there again, what came after lies beside, and what waited
/// is held.
#[test]
fn the_owner_puts_a_backup_in_place_without_a_command_line() {
    let folder = Folder::new();
    // Nobody listens at the relay: what goes there waits.
    let settings =
        [("box.domain", "house.example"), ("box.reach", "internet"), ("relay.host", "127.0.0.1"), ("relay.port", "1")];
    let mut station = Station::new(&folder, "house", &settings, &["anna", "bert"]).started();
    let mut anna = Client::logged_in(&station, "anna");
    assert_eq!(anna.post("/compose", "to=mum%40world.example&text=Before&do=send").status, 303);
    station.wait_state(SOON, "mum@world.example", "queued");
    let token = anna.token("/about");
    let (_, backup) = anna.bytes("/about/backup", &format!("csrf={token}&password={PASSWORD}"));
    assert_eq!(anna.post("/compose", "to=bert&text=After&do=send").status, 303);
    station.wait_state(SOON, "bert@house.example", "delivered");
    let token = anna.token("/about");

    // Nothing happens without the password, for a file that is none, or one that is damaged; nor for somebody else.
    let (right, hold) = (("restore_password", PASSWORD), ("hold", "1"));
    let mut damaged = backup.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 4096].iter_mut().for_each(|byte| *byte = !*byte);
    for (fields, file, said) in [
        ([("csrf", token.as_str()), ("restore_password", "wrong"), hold], &backup[..], "why-restore_password"),
        ([("csrf", token.as_str()), right, hold], &b""[..], "why-file"),
        ([("csrf", token.as_str()), right, hold], &b"no backup at all"[..], "why-file"),
        ([("csrf", token.as_str()), right, hold], &damaged[..], "why-file"),
    ] {
        let answer = with_file(&anna, "/about/restore", &fields, file);
        assert_eq!((answer.status, answer.body.contains(&format!("id=\"{said}\""))), (422, true), "{said}: {answer:?}");
        assert!(!answer.body.contains("incoming"), "{answer:?}");
    }
    let bert = Client::logged_in(&station, "bert");
    let berts = hidden(&bert.get("/account").body, "csrf");
    assert_eq!(with_file(&bert, "/about/restore", &[("csrf", &berts), right, hold], &backup).status, 403);
    assert_eq!(with_file(&anna, "/compose", &[("csrf", &token)], b"x").status, 403, "no other page takes files");
    assert_eq!(std::fs::read_dir(station.folder.join("incoming")).unwrap().count(), 0, "nothing is left on the box");
    assert_eq!(station.messages().len(), 2);

    let answer = with_file(&anna, "/about/restore", &[("csrf", &token), right, hold], &backup);
    assert_eq!((answer.status, answer.body.contains("The backup is put in place")), (200, true), "{answer:?}");
    // The same process starts anew: it is as it was, nobody is logged in, and the owner is told.
    let held = wait_for("the message of the backup to be held", 2 * SOON, || {
        station.status()?;
        station
            .messages()
            .into_iter()
            .find(|message| message["to"] == "mum@world.example" && message["state"] == "held")
    });
    assert_eq!(held["text"], "Before", "{held}");
    assert!(!station.messages().iter().any(|message| message["text"] == "After"));
    assert_eq!(Client { at: station.listener("web"), cookie: anna.cookie }.get("/about").status, 303);
    let told = Client::logged_in(&station, "anna").get("/mailbox").body;
    assert!(told.contains("A backup was to be put in place"), "{told}");
    assert!(station.json(&["audit"]).to_string().contains("a backup was put in place"));
    let beside = |start: &str| {
        let names =
            std::fs::read_dir(&station.folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with(start)).count()
    };
    assert_eq!((beside("satpost.redb.old-"), beside("restore.")), (1, 0), "the store that was there is kept");
    station.totals_balance();
    assert_eq!(station.stop(), 0);
    station.start();
    assert!(Client::logged_in(&station, "anna").get("/about").status == 200);
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
    for path in ["/about/backup", "/about/restore", "/about/support"] {
        assert_eq!(bert.form(path, &format!("csrf={token}&password={PASSWORD}"), &bert.own()).status, 403);
    }
    assert_eq!((bert.get("/about").status, bert.get("/about/log").status), (403, 403));
}
