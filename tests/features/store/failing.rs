//! A disk that fails while mail comes in: a file system of its own (ext4) on a device that cannot store new blocks for a
//! while. Everything that got its 250 is there after the next mount, and what was put off and came again is there once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::faults::Disk;
use crate::support::{Folder, SOON, Smtp, Station, wait_for};

/// Size of the device, and of the memory that it may fill, in megabytes.
const DEVICE: u64 = 120;
const MEMORY: u32 = 64;

fn run(words: &[&str]) -> String {
    let done = Command::new(words[0]).args(&words[1..]).output().unwrap_or_else(|error| panic!("{words:?}: {error}"));
    let err = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{words:?}: {err}");
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

/// The device: a file with holes on a small disk in memory. When that is full, what is written into a hole is lost, and
/// the sync says so once.
struct Device {
    memory: Disk,
    device: String,
    at: PathBuf,
}

impl Device {
    fn new(folder: &Folder) -> Self {
        let memory = Disk::mount(folder.path("memory"), MEMORY);
        let image = memory.path().join("image");
        File::create(&image).and_then(|file| file.set_len(DEVICE << 20)).unwrap();
        let device = run(&["losetup", "--find", "--show", image.to_str().unwrap()]);
        let at = folder.path("disk");
        fs::create_dir(&at).unwrap();
        let disk = Self { memory, device, at };
        // A loop device calls a write that was cut short a success: none may be longer than a page of that memory.
        let limit = format!("/sys/block/{}/queue/max_sectors_kb", disk.device.trim_start_matches("/dev/"));
        fs::write(limit, "4").unwrap();
        // Its own tables and journal are written now: only what the box writes can fail.
        run(&[
            "mkfs.ext4",
            "-q",
            "-b",
            "4096",
            "-E",
            "lazy_itable_init=0,lazy_journal_init=0,nodiscard",
            "-J",
            "size=4",
            &disk.device,
        ]);
        disk.mount();
        disk
    }

    fn mount(&self) {
        run(&["mount", "-o", "errors=continue", &self.device, self.at.to_str().unwrap()]);
    }

    /// What is in memory of it is gone, as after a power cut.
    fn mount_again(&self) {
        run(&["umount", self.at.to_str().unwrap()]);
        run(&["blockdev", "--flushbufs", &self.device]);
        self.mount();
    }

    fn ballast(&self) -> PathBuf {
        self.memory.path().join("ballast")
    }

    fn fail(&self) {
        run(&["sync", "--file-system", self.at.to_str().unwrap()]);
        // Ends at the end of the memory, which is what it is for.
        let _ = fs::write(self.ballast(), vec![1; (MEMORY as usize + 8) << 20]);
    }

    fn heal(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        for words in [&["umount", "-l", self.at.to_str().unwrap()][..], &["losetup", "--detach", &self.device]] {
            let _ = Command::new(words[0]).args(&words[1..]).output();
        }
    }
}

/// Hands mails in as a mail server does: one that was put off comes again, under the same Message-ID. The subjects that
/// got their 250.
fn hand_in(listener: SocketAddr, name: &str, ended: &AtomicBool, put_off: &AtomicUsize) -> BTreeSet<String> {
    let (mut kept, mut line) = (BTreeSet::new(), None);
    for number in 0.. {
        let subject = format!("{name} {number}");
        let mail = format!(
            "Subject: {subject}\nMessage-ID: <{name}-{number}@boat.example>\nFrom: anna@boat.example\n\n{}",
            "A line of a mail that has to be put somewhere.\n".repeat(300)
        );
        loop {
            if line.is_none() {
                line = Smtp::try_connect(listener);
            }
            let said = line.as_mut().map(|smtp| smtp.mail("anna@boat.example", "bob@world.example", &mail));
            match said.as_deref() {
                Some(said) if said.starts_with("250") => break,
                Some(said) => assert!(!said.starts_with('5'), "{subject}: {said}"),
                None => {}
            }
            line = None;
            put_off.fetch_add(1, Ordering::SeqCst);
            if ended.load(Ordering::SeqCst) {
                return kept;
            }
            crate::support::pause();
        }
        kept.insert(subject);
        if ended.load(Ordering::SeqCst) {
            break;
        }
    }
    kept
}

/// Ends the writers, however the test ends, and then tells what the box said.
struct End<'t>(&'t AtomicBool, PathBuf);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
        if std::thread::panicking() {
            eprintln!("{}", fs::read_to_string(&self.1).unwrap_or_default());
        }
    }
}

/// A box on a disk that fails, amid traffic, until its log says so, and until it refuses mail.
fn fails_until(folder: &Folder, told: &str, refuses: bool) {
    let device = Device::new(folder);
    let settings = [("box.domain", "boat.example"), ("smtp.trusted", "127.0.0.0/8")];
    let mut station = Station::new(folder, "disk/box", &settings, &["anna"]);
    station.log = folder.path("log");
    station.start();
    let (listener, ended, put_off) = (station.listener("smtp"), AtomicBool::new(false), AtomicUsize::new(0));
    let kept = std::thread::scope(|scope| {
        let end = End(&ended, station.log.clone());
        let write = |name: &'static str| {
            let (ended, put_off) = (&ended, &put_off);
            scope.spawn(move || hand_in(listener, name, ended, put_off))
        };
        let mut writers = vec![write("one"), write("two")];
        let accepted = || station.status()?["totals"]["smtp"]["accepted"].as_u64();
        let wait_accepted = |count: u64| {
            wait_for(&format!("{count} messages"), 2 * SOON, || accepted().filter(|accepted| *accepted >= count))
        };
        wait_accepted(10);
        device.fail();
        wait_for(told, 2 * SOON, || station.log_text().contains(told).then_some(()));
        if refuses {
            // The first two wait for the end of the commit that is in doubt.
            writers.push(write("three"));
            wait_for("a mail to be put off", 2 * SOON, || (put_off.load(Ordering::SeqCst) > 0).then_some(()));
        }
        device.heal();
        let so_far = wait_accepted(10);
        wait_accepted(so_far + 10);
        station.program().kill();
        drop(end);
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect::<BTreeSet<_>>()
    });
    device.mount_again();
    station.start();
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for message in station.messages().iter().filter(|message| message["to"] == "bob@world.example") {
        *found.entry(message["subject"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let lost: Vec<_> = kept.iter().filter(|subject| !found.contains_key(*subject)).collect();
    let twice: Vec<_> = found.iter().filter(|(_, copies)| **copies > 1).collect();
    println!("{} kept, {} times put off", kept.len(), put_off.load(Ordering::SeqCst));
    assert!(lost.is_empty() && twice.is_empty(), "lost {lost:?}, twice {twice:?}\n{}", station.log_text());
    station.totals_balance();
    assert_eq!(station.stop(), 0);
}

/// Long enough for one sync to fail: it is made good, and nobody hears of it.
#[test]
#[ignore = "needs root, losetup and mkfs.ext4, to mount a disk that fails"]
fn root_a_sync_that_fails_loses_nothing() {
    let folder = Folder::new();
    fails_until(&folder, "a sync failed", false);
}

/// Long enough for the box to give up on its file: mail is put off, and the file is opened anew. What comes again before the
/// commit in doubt has ended is taken once.
#[test]
#[ignore = "needs root, losetup and mkfs.ext4, to mount a disk that fails"]
fn root_a_disk_that_fails_for_long_puts_mail_off_and_loses_nothing() {
    let folder = Folder::new();
    fails_until(&folder, "opening the file anew", true);
}
