//! Damage of every kind to the file of a real box: it starts or says what helps, it never says that something is true
//! which was not written so, what it cannot read it names, and what it takes in afterwards is kept.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Dice, Folder, SOON, Smtp, Station, wait_for};

/// Copies that are damaged, each in its way.
const COPIES: u64 = 16;
const PAGE: usize = 4096;
/// Messages in the store, half of them in a mailbox.
const MESSAGES: usize = 30;

/// What was written, by the number of the message.
type Written = BTreeMap<String, (String, String)>;

/// A box with mail in a mailbox, mail that waits, large ones among both.
fn filled(folder: &Folder) -> (Station, Written) {
    let settings = [("box.domain", "boat.example"), ("smtp.trusted", "127.0.0.0/8")];
    let mut station = Station::new(folder, "box", &settings, &["anna"]).started();
    let mut smtp = Smtp::connect(station.listener("smtp"));
    for number in 0..MESSAGES {
        let to = if number % 2 == 0 { "anna@boat.example" } else { "bob@world.example" };
        let lines = if number % 10 < 2 { 4000 } else { 1 + number % 5 };
        let text = format!("What is in number {number}.\n").repeat(lines);
        let reply = smtp.mail("carl@world.example", to, &format!("Subject: number {number}\n\n{text}"));
        assert!(reply.starts_with("250"), "{reply}");
    }
    let written = shown(&station);
    assert_eq!(written.len(), MESSAGES);
    assert_eq!(station.stop(), 0);
    (station, written)
}

/// Subject and text of each message, as the box shows them.
fn shown(station: &Station) -> Written {
    let word = |message: &serde_json::Value, name: &str| message[name].as_str().unwrap().to_owned();
    station.messages().iter().map(|m| (word(m, "id"), (word(m, "subject"), word(m, "text")))).collect()
}

/// Damages a file in one of the ways in which disks do it; says how.
fn damage(file: &Path, dice: &mut Dice) -> String {
    let mut bytes = fs::read(file).unwrap();
    let page = dice.index(bytes.len() / PAGE) * PAGE;
    let at = page + dice.index(PAGE);
    let said = match dice.below(8) {
        0 | 1 => {
            bytes[at] ^= 1 << dice.below(8);
            format!("a bit at {at}")
        }
        2 => {
            bytes[page..page + PAGE].fill(0);
            format!("zeros in the page at {page}")
        }
        3 => {
            let garbage = dice.bytes(512);
            let sector = page + dice.index(8) * 512;
            bytes[sector..sector + 512].copy_from_slice(&garbage);
            format!("garbage in the sector at {sector}")
        }
        4 => {
            let other = dice.index(bytes.len() / PAGE) * PAGE;
            let copied = bytes[other..other + PAGE].to_vec();
            bytes[page..page + PAGE].copy_from_slice(&copied);
            format!("the page at {other} in the place of {page}")
        }
        5 => {
            bytes.truncate(at);
            format!("cut at {at}")
        }
        6 => {
            let at = dice.index(PAGE);
            bytes[at] = bytes[at].wrapping_add(1 + dice.bytes(1)[0] % 255);
            format!("a byte of the head at {at}")
        }
        _ => {
            let stop = (page + 16 * PAGE).min(bytes.len());
            bytes[page..stop].fill(0xff);
            format!("ones from {page} to {stop}")
        }
    };
    fs::write(file, bytes).unwrap();
    said
}

/// Starts the box: whether it is up, or has ended, and then in order and with words that help.
fn starts(station: &mut Station, how: &str) -> bool {
    let _ = fs::remove_file(&station.log);
    station.launch();
    let ended = wait_for(&format!("the box to start or to end ({how})"), SOON, || {
        match station.program().0.try_wait().unwrap() {
            Some(ended) => Some(Some(ended)),
            None => station.status().map(|_| None),
        }
    });
    let Some(ended) = ended else { return true };
    let log = station.log_text();
    assert!(matches!(ended.code(), Some(1 | 2)), "{how}: {ended}\n{log}");
    assert!(log.contains("satpost repair") && log.contains("satpost restore"), "{how}: nothing that helps in\n{log}");
    false
}

/// What the box shows is what was written; what is missing it counts.
fn says_the_truth(station: &Station, written: &Written, told: u64, how: &str) -> usize {
    let found = shown(station);
    for (id, message) in &found {
        assert_eq!(Some(message), written.get(id), "{how}: {id} is not what was written");
    }
    let missing = written.len() - found.len();
    // What was lost in a repair is told by that.
    if missing as u64 > told {
        wait_for(&format!("a word about {missing} that are missing ({how})"), SOON, || {
            let status = station.status()?;
            let named =
                status["quarantined"].as_u64() > Some(0) || status["failing"].as_object()?.contains_key("housekeeping");
            named.then_some(())
        });
    }
    missing
}

/// What it takes in now outlives a power cut: at worst the box asks for the repair, as nothing looks at all pages before. True then.
fn keeps(station: &mut Station, how: &str) -> bool {
    let reply = Smtp::try_connect(station.listener("smtp")).map_or_else(String::new, |mut smtp| {
        smtp.mail("carl@world.example", "anna@boat.example", "Subject: after it\n\nnew\n")
    });
    assert!(!reply.starts_with('5'), "{how}: a local fault bounces a stranger's mail: {reply}");
    if !reply.starts_with("250") {
        return false;
    }
    station.kill();
    let asks = !starts(station, how);
    if asks {
        station.said(&["repair"]).ok();
        assert!(starts(station, how), "{how}: repaired and does not start\n{}", station.log_text());
    }
    let kept = shown(station).values().any(|(subject, _)| subject == "after it");
    assert!(kept, "{how}: it said 250, and that is gone\n{}", station.log_text());
    asks
}

#[test]
fn a_damaged_file_is_never_believed() {
    let folder = Folder::new();
    let (mut station, written) = filled(&folder);
    let whole = folder.path("whole");
    copy(&station.folder, &whole);
    let mut dice = Dice::new(483);
    let (mut unharmed, mut missing, mut repaired, mut hopeless, mut late) = (0, 0, 0, 0, 0);
    for number in 0..COPIES * testing::soak() {
        fs::remove_dir_all(&station.folder).unwrap();
        copy(&whole, &station.folder);
        let how = format!("{number}: {}", damage(&station.folder.join("satpost.redb"), &mut dice));
        let mut told = 0;
        if !starts(&mut station, &how) {
            let said = station.cli(&["repair", "--json"], "");
            let words = String::from_utf8_lossy(&said.stderr).into_owned();
            if !said.status.success() {
                assert!(matches!(said.status.code(), Some(1 | 2)) && words.contains("restore"), "{how}: {words}");
                println!("{how}: {}", words.trim());
                hopeless += 1;
                continue;
            }
            let report: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
            told = report["lost_rows"].as_u64().unwrap() + report["lost"].as_array().unwrap().len() as u64;
            repaired += 1;
            assert!(starts(&mut station, &how), "{how}: repaired and does not start\n{}", station.log_text());
        }
        match says_the_truth(&station, &written, told, &how) {
            0 => unharmed += 1,
            lost => missing += lost,
        }
        late += u32::from(keeps(&mut station, &how));
        let code = station.stop();
        assert_eq!(code, 0, "{how}: {}", station.log_text());
    }
    println!(
        "{unharmed} unharmed, {repaired} repaired, {late} repaired after a power cut only, {hopeless} only by a backup, \
         {missing} messages missing and named"
    );
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(copied.success());
}

/// A large mail lies in a file of its own: one that was cut or changed there is nowhere taken for the mail.
#[test]
fn a_damaged_mail_is_not_shown_as_the_mail() {
    let folder = Folder::new();
    let (mut station, _) = filled(&folder);
    let large: Vec<_> = fs::read_dir(station.folder.join("spool")).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(large.len(), MESSAGES / 5);
    for (at, file) in large.iter().enumerate() {
        let mut bytes = fs::read(file).unwrap();
        match at % 2 {
            0 => bytes.truncate(bytes.len() / 2),
            _ => bytes[50_000] ^= 1,
        }
        fs::write(file, bytes).unwrap();
    }
    station.start();
    let hers = |message: &&serde_json::Value| message["to"] == "anna@boat.example";
    let mut damaged = 0;
    for message in station.messages().iter().filter(hers) {
        let said = station.cli(&["queue", "show", "--raw", message["id"].as_str().unwrap()], "");
        let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
        match said.status.success() {
            true => assert!(out.contains(&format!("What is in {}.", message["subject"].as_str().unwrap()))),
            false => {
                assert!(out.is_empty() && err.contains("is damaged"), "{out}{err}");
                damaged += 1;
            }
        }
    }
    assert_eq!(damaged, 3);
    let copy = folder.path("anna.tar");
    let said = station.cli_ok(&["people", "export", "anna", copy.to_str().unwrap()], "");
    assert!(said.contains("15 messages (of 3 the mail is damaged"), "{said}");
    let copy = String::from_utf8_lossy(&fs::read(copy).unwrap()).into_owned();
    assert_eq!(copy.matches("X-Satpost-Damaged: ").count(), 3);
    assert_eq!(copy.matches("\"damaged\":true").count(), 3);
    station.totals_balance();
    assert_eq!(station.stop(), 0);
}
