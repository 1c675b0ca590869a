//! What all tests of satpost share, beside the code and in `tests/features`: a folder of one's own, dice whose seed is
//! told when a test fails, and a wait that ends when a condition holds.

pub mod clock;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A process that ends with its owner.
#[derive(Debug)]
pub struct Guest(pub Child);

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder of its own, removed with its owner.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes a new one among the temporary files of this machine.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "it makes something outside of the program")]
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("satpost-test-{}-{number}", std::process::id()));
        // One of a process of this number that was killed.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder among the temporary files");
        Self(path)
    }

    /// The path of a file in it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl AsRef<Path> for Folder {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl std::ops::Deref for Folder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::thread::panicking() && std::env::var_os("SATPOST_KEEP").is_some() {
            println!("{} stays, as SATPOST_KEEP is set", self.0.display());
            return;
        }
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A small generator of numbers (xorshift): the same in each run, unless `SATPOST_SEED` is another number. A test that
/// fails says how its dice began.
#[derive(Debug)]
pub struct Dice {
    seed: u64,
    state: u64,
}

impl Dice {
    /// Begins with this seed and with `SATPOST_SEED`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let both = seed.wrapping_add(number("SATPOST_SEED", 0).wrapping_mul(0x2545_f491_4f6c_dd1d));
        // Near seeds begin far from each other, and the generator would stay at zero for ever.
        Self { seed, state: both.wrapping_mul(0x9e37_79b9_7f4a_7c15).max(1) }
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    /// A number from 0 to below `limit`; 0 for a limit of 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        // The low bits of a xorshift are its worst.
        (self.any() >> 16) % limit.max(1)
    }

    /// A place in something of this length; 0 for an empty one.
    pub fn index(&mut self, length: usize) -> usize {
        let length = u64::try_from(length).expect("a usize has at most 64 bits");
        usize::try_from(self.below(length)).expect("it is below a usize")
    }

    /// A number from `low` to below `high`; `low` where nothing lies between.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = u64::try_from(high.saturating_sub(low)).unwrap_or(0);
        low + i64::try_from(self.below(width)).expect("it is below an i64")
    }

    /// True in so many of a hundred cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of these.
    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.index(all.len())]
    }

    /// So many bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.any().to_be_bytes()[1]).collect()
    }
}

impl Drop for Dice {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the dice were Dice::new({}) with SATPOST_SEED={}", self.seed, number("SATPOST_SEED", 0));
        }
    }
}

/// How many times as long as usual a test with dice goes on: `SATPOST_SOAK`, which tests/soak sets.
#[must_use]
pub fn soak() -> u64 {
    number("SATPOST_SOAK", 1)
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// Looks until `look` finds something.
///
/// # Panics
/// When it finds nothing within the limit, with what was waited for.
#[track_caller]
pub fn wait_for<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited {limit:?} for {what}");
        pause();
    }
}

/// The rest between two looks at a condition.
#[allow(clippy::disallowed_methods, reason = "the one place of the tests that sleeps")]
pub fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}

/// A port of this machine for a program that listens on it again later: free, and below the range from which the kernel
/// gives ports to the connections and listeners of others meanwhile.
pub fn lasting_port() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    const LOWEST: u32 = 10_000;
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let end =
        range.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(32_768).max(LOWEST + 1_000);
    // Tests that run side by side begin at places of their own.
    let begin = std::process::id().wrapping_mul(97).wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed));
    (0..end - LOWEST)
        .map(|step| u16::try_from(LOWEST + begin.wrapping_add(step) % (end - LOWEST)).expect("below the last port"))
        .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}
