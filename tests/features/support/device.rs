//! A disk that forgets: ext4 on a block device whose cache is lost when its power is cut.
//!
//! The device is a file of a file system in user space (FUSE, whose root is that one file) under a loop device. What is
//! written to it stays in a cache until it is flushed. At the cut an end is made to all requests; of what was not
//! flushed each sector goes or stays by itself, as in the cache of a drive or the controller of an SD card.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use super::{Dice, Folder, pause};

/// Unit that is kept or lost as a whole, in bytes.
const SECTOR: usize = 512;
/// Longest write that the kernel may send, in bytes.
const LONGEST: usize = 128 * 1024;

/// Heads of requests and answers, and the requests that are answered (`linux/fuse.h`).
const HEAD_IN: usize = 40;
const HEAD_OUT: usize = 16;
const FORGET: u32 = 2;
const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const READ: u32 = 15;
const WRITE: u32 = 16;
const RELEASE: u32 = 18;
const FSYNC: u32 = 20;
const FLUSH: u32 = 25;
const INIT: u32 = 26;
const INTERRUPT: u32 = 36;
const BATCH_FORGET: u32 = 42;
const EIO: i32 = 5;
const ENODEV: i32 = 19;
const ENOTCONN: i32 = 107;
const ENOSYS: i32 = 38;

/// What the medium has, and what the cache has.
struct Medium {
    /// What is read: the medium with the cache over it.
    seen: Vec<u8>,
    /// What a cut leaves for sure.
    kept: Vec<u8>,
    /// Places that were written since the last flush: offset and length.
    cached: Vec<(usize, usize)>,
    /// How often its power came on; A kernel that still holds the device as it was before a cut is not heard.
    life: u64,
    powered: bool,
}

impl Medium {
    /// Writes down what the cache holds.
    fn flush(&mut self) {
        for (at, length) in std::mem::take(&mut self.cached) {
            self.kept[at..at + length].copy_from_slice(&self.seen[at..at + length]);
        }
    }

    /// Loses the cache, but for so many percent of its sectors; how many sectors were lost.
    fn cut(&mut self, dice: &mut Dice, percent: u64) -> usize {
        let mut lost = 0;
        for (at, length) in std::mem::take(&mut self.cached) {
            for sector in (at..at + length).step_by(SECTOR) {
                let range = sector..(sector + SECTOR).min(at + length);
                if dice.chance(percent) {
                    self.kept[range.clone()].copy_from_slice(&self.seen[range]);
                } else {
                    lost += usize::from(self.kept[range.clone()] != self.seen[range]);
                }
            }
        }
        self.powered = false;
        self.seen.copy_from_slice(&self.kept);
        lost
    }
}

/// The disk, mounted while there is power.
pub struct Disk {
    medium: Arc<Mutex<Medium>>,
    /// The device as a file, and where its file system is mounted.
    image: PathBuf,
    at: PathBuf,
    /// The loop device, until its file system is mounted.
    device: Option<String>,
}

impl Disk {
    /// Makes one of this size, in megabytes, with an empty file system, and mounts it at `folder`/disk.
    pub fn new(folder: &Folder, megabytes: usize) -> Self {
        clear_left();
        let size = megabytes << 20;
        let medium = Medium { seen: vec![0; size], kept: vec![0; size], cached: Vec::new(), life: 0, powered: false };
        let (image, at) = (folder.path("image"), folder.path("disk"));
        File::create(&image).unwrap();
        fs::create_dir(&at).unwrap();
        let mut disk = Self { medium: Arc::new(Mutex::new(medium)), image, at, device: None };
        disk.attach();
        // Its own tables and journal are written now.
        let lazy = "lazy_itable_init=0,lazy_journal_init=0,nodiscard";
        run(&["mkfs.ext4", "-q", "-b", "4096", "-E", lazy, "-J", "size=8", disk.device.as_deref().unwrap()]);
        disk.mount();
        disk
    }

    /// Where its files are.
    pub fn path(&self) -> &Path {
        &self.at
    }

    /// Cuts the power; `percent` of what was not flushed survives. How many sectors were lost. Whoever has files open has to
    /// end before [`Disk::power_on`].
    pub fn cut(&self, dice: &mut Dice, percent: u64) -> usize {
        self.medium.lock().unwrap().cut(dice, percent)
    }

    /// Mounts what the cut has left.
    pub fn power_on(&mut self) {
        self.detach();
        self.attach();
        self.mount();
    }

    fn attach(&mut self) {
        let life = {
            let mut medium = self.medium.lock().unwrap();
            (medium.life, medium.powered) = (medium.life + 1, true);
            medium.life
        };
        let fuse = File::options().read(true).write(true).open("/dev/fuse").expect("a kernel with FUSE");
        let (medium, answers) = (Arc::clone(&self.medium), fuse.try_clone().unwrap());
        std::thread::spawn(move || serve(answers, &medium, life));
        // The kernel finds the connection by a descriptor of the program that mounts: its standard input.
        let mounted = Command::new("mount")
            .args(["-i", "-t", "fuse", "-o", "fd=0,rootmode=100600,user_id=0,group_id=0,max_read=131072", "forgetful"])
            .arg(&self.image)
            .stdin(fuse)
            .output()
            .unwrap();
        assert!(mounted.status.success(), "{}", String::from_utf8_lossy(&mounted.stderr));
        self.device = Some(run(&["losetup", "--find", "--show", self.image.to_str().unwrap()]));
    }

    /// From here on the loop device goes with its file system, however the test ends.
    fn mount(&mut self) {
        let device = self.device.take().expect("it is attached");
        run(&["mount", "-o", "errors=remount-ro", &device, self.at.to_str().unwrap()]);
        run(&["losetup", "--detach", &device]);
    }

    /// Other programs may have a copy of the mounts in a namespace of their own, and keep the old device for as long.
    fn detach(&mut self) {
        run(&["umount", "-l", self.at.to_str().unwrap()]);
        run(&["umount", "-l", self.image.to_str().unwrap()]);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // However the test ended, nothing of it stays.
        self.medium.lock().unwrap_or_else(std::sync::PoisonError::into_inner).powered = false;
        let at = self.at.to_str().unwrap();
        let _ = Command::new("umount").args(["-l", at]).output();
        if let Some(device) = &self.device {
            let _ = Command::new("losetup").args(["--detach", device]).output();
        }
        let _ = Command::new("umount").arg("-l").arg(&self.image).output();
    }
}

/// Unmounts the disks of tests that were killed, which could not: nobody answers any more at the file of such a one.
fn clear_left() {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let images = mounts.lines().filter_map(|line| line.strip_prefix("forgetful ")?.split(' ').next()).map(Path::new);
    for image in images {
        if File::open(image).is_err_and(|error| error.raw_os_error() == Some(ENOTCONN)) {
            let _ = Command::new("umount").arg("-l").arg(image.with_file_name("disk")).output();
            let _ = Command::new("umount").arg("-l").arg(image).output();
        }
    }
}

/// Runs a program that has to end well; what it prints.
fn run(words: &[&str]) -> String {
    let done = Command::new(words[0]).args(&words[1..]).output().unwrap_or_else(|error| panic!("{words:?}: {error}"));
    assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

/// Answers the kernel until the file is unmounted.
fn serve(mut fuse: File, medium: &Mutex<Medium>, life: u64) {
    let mut request = vec![0; LONGEST + 4096];
    loop {
        let length = match fuse.read(&mut request) {
            Ok(length) => length,
            Err(error) if error.raw_os_error() == Some(ENODEV) => return,
            // Not mounted yet, or a request that was taken back.
            Err(_) => {
                pause();
                continue;
            }
        };
        let request = &request[..length];
        let kind = number(request, 4);
        if matches!(kind, FORGET | BATCH_FORGET | INTERRUPT) {
            continue;
        }
        let answered = {
            let mut medium = medium.lock().unwrap();
            let powered = medium.powered && medium.life == life;
            answer(kind, &request[HEAD_IN..], &mut medium, powered)
        };
        let (error, body) = answered.map_or_else(|error| (error, Vec::new()), |body| (0, body));
        let mut reply = Vec::with_capacity(HEAD_OUT + body.len());
        reply.extend(u32::try_from(HEAD_OUT + body.len()).unwrap().to_ne_bytes());
        reply.extend((-error).to_ne_bytes());
        reply.extend(&request[8..16]);
        reply.extend(body);
        // Nobody waits any more for an answer that is refused.
        let _ = fuse.write_all(&reply);
    }
}

fn answer(kind: u32, body: &[u8], medium: &mut Medium, powered: bool) -> Result<Vec<u8>, i32> {
    let place = || {
        let at = usize::try_from(u64::from(number(body, 8)) | u64::from(number(body, 12)) << 32).map_err(|_| EIO)?;
        let length = usize::try_from(number(body, 16)).map_err(|_| EIO)?;
        Ok((at.min(medium.seen.len()), length.min(medium.seen.len().saturating_sub(at))))
    };
    match kind {
        INIT => {
            let longest = u32::try_from(LONGEST).unwrap();
            // Version 7.31; asynchronous reads, long writes, and so many pages in one.
            let words = [7, 31, longest, 1 | 1 << 5 | 1 << 22, 12 | 9 << 16, longest, 1, longest / 4096];
            let mut reply: Vec<u8> = words.iter().flat_map(|word: &u32| word.to_ne_bytes()).collect();
            reply.resize(64, 0);
            Ok(reply)
        }
        GETATTR => {
            let size = medium.seen.len() as u64;
            let wide = [3600, 0, 1, size, size / 512, 0, 0, 0];
            let narrow = [0, 0, 0, 0o100_600, 1, 0, 0, 0, 4096, 0];
            let mut reply: Vec<u8> = wide.iter().flat_map(|word: &u64| word.to_ne_bytes()).collect();
            reply.extend(narrow.iter().flat_map(|word: &u32| word.to_ne_bytes()));
            Ok(reply)
        }
        OPEN => Ok(vec![0; 16]),
        RELEASE | FLUSH => Ok(Vec::new()),
        READ | WRITE | FSYNC if !powered => Err(EIO),
        READ => place().map(|(at, length)| medium.seen[at..at + length].to_vec()),
        WRITE => {
            let (at, length) = place()?;
            medium.seen[at..at + length].copy_from_slice(&body[40..40 + length]);
            medium.cached.push((at, length));
            Ok([u32::try_from(length).unwrap(), 0].iter().flat_map(|word| word.to_ne_bytes()).collect())
        }
        FSYNC => {
            medium.flush();
            Ok(Vec::new())
        }
        _ => Err(ENOSYS),
    }
}

/// The number of four bytes at a place of a request.
fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}
