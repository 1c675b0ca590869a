//! Power cuts at the block device: what was not flushed is gone, sector by sector. Each 250 and each IMAP OK is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use crate::support::device::Disk;
use crate::support::writers::rest;
use crate::support::{Dice, Folder, Imap, PASSWORD, SOON, Smtp, Station, wait_for};

/// Cuts in all.
const CUTS: u64 = 10;
/// A cut comes after so many answers at most, and so many milliseconds more.
const ANSWERS: u64 = 60;
const MORE: u64 = 40;
/// Size of the disk in megabytes.
const SIZE: usize = 192;
/// The mailbox is emptied when it has more.
const MANY: usize = 1500;

/// What this test rests on: the disk keeps what was flushed and nothing else.
#[test]
#[ignore = "needs root, losetup and mkfs.ext4, to mount a disk that forgets"]
fn root_the_disk_that_forgets_keeps_what_was_flushed_and_nothing_else() {
    let folder = Folder::new();
    let (mut disk, mut dice) = (Disk::new(&folder, 32), Dice::new(1));
    let write = |name: &str| {
        let mut file = File::create(disk.path().join(name)).unwrap();
        file.write_all(name.as_bytes()).unwrap();
        file
    };
    write("flushed").sync_all().unwrap();
    drop(write("not flushed"));
    disk.cut(&mut dice, 0);
    assert!(File::create(disk.path().join("after")).and_then(|file| file.sync_all()).is_err());
    disk.power_on();
    assert_eq!(fs::read_to_string(disk.path().join("flushed")).unwrap(), "flushed");
    assert!(!disk.path().join("not flushed").exists());
    // What reached the device and was not flushed there is there in part.
    let (new, long) = (folder.path("new"), disk.path().join("long"));
    fs::write(&new, vec![7; 1 << 20]).unwrap();
    fs::write(&long, vec![0; 1 << 20]).unwrap();
    File::open(&long).and_then(|file| file.sync_all()).unwrap();
    let over = [format!("if={}", new.display()), format!("of={}", long.display())];
    let copied = Command::new("dd").args(over).args(["bs=64k", "oflag=direct", "conv=notrunc"]).output().unwrap();
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    let lost = disk.cut(&mut dice, 50);
    disk.power_on();
    let left = fs::read(&long).unwrap();
    assert!(lost > 500 && left.contains(&0) && left.contains(&7), "{lost} of 2048 sectors were lost");
}

/// What somebody was told is kept, and what nobody knows of.
#[derive(Default)]
struct Told {
    kept: BTreeSet<String>,
    gone: BTreeSet<String>,
    flagged: BTreeSet<String>,
    unclear: BTreeSet<String>,
}

/// What those who work with a box at the same time have in common.
#[derive(Default)]
struct Shift {
    ended: AtomicBool,
    answers: AtomicU64,
}

impl Shift {
    fn is_over(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    fn answered(&self) {
        self.answers.fetch_add(1, Ordering::SeqCst);
    }
}

/// Every eighth one is longer than what is kept in memory while it comes in.
fn mail(subject: &str, number: usize) -> String {
    let lines = if number.is_multiple_of(8) { 4000 } else { 1 + number % 40 };
    format!("From: bob@world.example\nSubject: {subject}\n\n{}", "A line of a mail that is kept.\n".repeat(lines))
}

/// Hands mails in, for a mailbox here or for the outside.
fn hand_in(listener: SocketAddr, name: &str, to: &str, pause: u64, shift: &Shift) -> Told {
    let (mut told, mut line) = (Told::default(), Smtp::try_connect(listener));
    for number in 1.. {
        let Some(smtp) = line.as_mut().filter(|_| !shift.is_over()) else { break };
        let subject = format!("{name}-{number}");
        match smtp.mail("bob@world.example", to, &mail(&subject, number)).starts_with("250") {
            true => drop(told.kept.insert(subject)),
            false => {
                told.unclear.insert(subject);
                break;
            }
        }
        shift.answered();
        rest(pause);
    }
    told
}

/// Appends mails, flags some and removes some.
fn keep_house(listener: SocketAddr, name: &str, shift: &Shift) -> Told {
    let mut told = Told::default();
    let Some(mut imap) = Imap::try_connect(listener) else { return told };
    imap.say(&format!("LOGIN anna {PASSWORD}"));
    imap.say("SELECT INBOX");
    for number in 1.. {
        if shift.is_over() {
            break;
        }
        let subject = format!("{name}-{number}");
        let said = imap.append("INBOX", mail(&subject, number).replace('\n', "\r\n").as_bytes());
        let Some((_, uid)) = said.split_once("[APPENDUID ") else {
            told.unclear.insert(subject);
            break;
        };
        shift.answered();
        let uid = uid.split([' ', ']']).nth(1).unwrap().to_owned();
        let mut done = |command: &str| imap.say(command).contains(" OK done");
        match number % 3 {
            1 => {
                if done(&format!("UID STORE {uid} +FLAGS (\\Flagged)")) {
                    told.flagged.insert(subject.clone());
                }
                told.kept.insert(subject);
            }
            2 => {
                // Marked or not, it is there until EXPUNGE is said.
                let marked = done(&format!("UID STORE {uid} +FLAGS (\\Deleted)"));
                match marked && done(&format!("UID EXPUNGE {uid}")) {
                    true => told.gone.insert(subject),
                    false => told.unclear.insert(subject),
                };
            }
            _ => drop(told.kept.insert(subject)),
        }
    }
    told
}

/// Subjects in the mailbox, each with whether it is flagged.
fn in_the_mailbox(imap: &mut Imap) -> BTreeMap<String, Vec<bool>> {
    let mut found: BTreeMap<String, Vec<bool>> = BTreeMap::new();
    let said = imap.ok("UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])");
    let mut flagged = false;
    for line in said.lines() {
        if line.starts_with("* ") {
            flagged = line.contains("\\Flagged");
        } else if let Some(subject) = line.strip_prefix("Subject: ") {
            found.entry(subject.trim().to_owned()).or_default().push(flagged);
        }
    }
    found
}

#[test]
#[ignore = "needs root, losetup and mkfs.ext4, to mount a disk that forgets"]
fn root_each_yes_survives_a_cut_that_loses_what_was_not_flushed() {
    let folder = Folder::new();
    let (mut disk, mut dice) = (Disk::new(&folder, SIZE), Dice::new(250));
    let settings = [("box.domain", "boat.example"), ("smtp.trusted", "127.0.0.0/8")];
    let mut station = Station::new(&folder, "disk/box", &settings, &["anna"]);
    station.log = folder.path("log");
    // What commands have set up is on the disk as well.
    disk.cut(&mut dice, 0);
    disk.power_on();
    let (mut all, mut waiting, mut lost, mut yeses) = (Told::default(), BTreeSet::new(), 0, 0);
    station.start();
    for cut in 0..CUTS * testing::soak() {
        let (smtp, imap) = (station.listener("smtp"), station.listener("imap"));
        let shift = Arc::new(Shift::default());
        let begin = |work: Box<dyn FnOnce(&Shift) -> Told + Send>| {
            let shift = Arc::clone(&shift);
            std::thread::spawn(move || work(&shift))
        };
        let workers = [
            begin(Box::new(move |shift| hand_in(smtp, &format!("in-{cut}"), "anna@boat.example", 5, shift))),
            begin(Box::new(move |shift| hand_in(smtp, &format!("out-{cut}"), "ben@world.example", 60, shift))),
            begin(Box::new(move |shift| keep_house(imap, &format!("own-{cut}"), shift))),
        ];
        let enough = dice.below(ANSWERS);
        wait_for("answers", SOON, || (shift.answers.load(Ordering::SeqCst) >= enough).then_some(()));
        rest(dice.below(MORE));
        let percent = *dice.one_of(&[0, 0, 10, 50, 90]);
        lost += disk.cut(&mut dice, percent);
        station.kill();
        shift.ended.store(true, Ordering::SeqCst);
        let [inside, outside, own] = workers.map(|worker: JoinHandle<Told>| worker.join().unwrap());
        disk.power_on();
        // Once more, before it is up.
        if dice.chance(30) {
            station.launch();
            rest(dice.below(60));
            lost += disk.cut(&mut dice, percent);
            station.kill();
            disk.power_on();
        }
        for told in [inside, own] {
            yeses += told.kept.len() + told.gone.len() + told.flagged.len();
            all.kept.extend(told.kept);
            all.gone.extend(told.gone);
            all.flagged.extend(told.flagged);
            all.unclear.extend(told.unclear);
        }
        yeses += outside.kept.len();
        waiting.extend(outside.kept);

        station.start();
        let mut imap = Imap::open(station.listener("imap"), "anna", "INBOX");
        let found = in_the_mailbox(&mut imap);
        let missing: Vec<_> = all.kept.iter().filter(|subject| !found.contains_key(*subject)).collect();
        let back: Vec<_> = all.gone.iter().filter(|subject| found.contains_key(*subject)).collect();
        let faded: Vec<_> =
            all.flagged.iter().filter(|subject| found.get(*subject).is_none_or(|copies| !copies[0])).collect();
        let strange: Vec<_> = found
            .iter()
            .filter(|(subject, copies)| {
                copies.len() > 1 || !(all.kept.contains(*subject) || all.unclear.contains(*subject))
            })
            .collect();
        assert!(
            missing.is_empty() && back.is_empty() && faded.is_empty() && strange.is_empty(),
            "cut {cut}: missing {missing:?}, back {back:?}, not flagged {faded:?}, strange {strange:?}\n{}",
            station.log_text()
        );
        let queued = station.waiting();
        let queued: BTreeSet<_> = queued.iter().filter_map(|message| message["subject"].as_str()).collect();
        let missing: Vec<_> = waiting.iter().filter(|subject| !queued.contains(subject.as_str())).collect();
        assert!(missing.is_empty(), "cut {cut}: {missing:?} got their 250\n{}", station.log_text());
        station.totals_balance();
        println!("cut {cut}: {yeses} times yes so far, {lost} sectors lost that were not flushed");
        // What was not answered is there or not, and from here on it is what it is.
        let (there, not) =
            std::mem::take(&mut all.unclear).into_iter().partition(|subject| found.contains_key(subject));
        let (there, not): (BTreeSet<_>, BTreeSet<_>) = (there, not);
        all.kept.extend(there);
        all.gone.extend(not);
        if found.len() > MANY {
            imap.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)");
            imap.ok("EXPUNGE");
            all.gone.extend(std::mem::take(&mut all.kept));
            all.flagged.clear();
        }
    }
    assert!(yeses > usize::try_from(CUTS).unwrap(), "there was traffic");
}
