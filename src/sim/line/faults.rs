//! What a simulated line does to what goes over it, and the words that set it.

use std::net::SocketAddr;
use std::time::Duration;

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the near side, which connects, to the far side.
    Up,
    /// The other way.
    Down,
}

impl Way {
    /// Its place in pairs.
    pub fn at(self) -> usize {
        match self {
            Self::Up => 0,
            Self::Down => 1,
        }
    }

    fn named(word: &str) -> Option<Self> {
        [("up", Self::Up), ("down", Self::Down)].into_iter().find(|(known, _)| *known == word).map(|(_, way)| way)
    }
}

/// What the line does now.
#[derive(Debug, Clone)]
pub struct Faults {
    /// Each direction takes so long.
    pub delay: Duration,
    /// Bits in a second; 0: as many as come.
    pub rate: u64,
    /// Where new connections go.
    pub to: SocketAddr,
    /// Passes nothing, by direction.
    pub stalled: [bool; 2],
    /// Passes one byte at a time.
    pub drip: bool,
    /// New connections are reset.
    pub refuse: bool,
    /// New connections get a page.
    pub portal: bool,
    /// The near side does not hear of the end of the far side.
    pub keep: bool,
    /// So many bytes are passed before a reset, by direction.
    pub cut_after: [Option<u64>; 2],
}

impl Faults {
    /// A line that does nothing but take its time.
    pub fn new(to: SocketAddr, delay: Duration, rate: u64) -> Self {
        let (stalled, cut_after) = ([false; 2], [None; 2]);
        Self { delay, rate, to, stalled, drip: false, refuse: false, portal: false, keep: false, cut_after }
    }

    /// Carries out a line; true when every connection is to be reset now.
    ///
    /// # Errors
    /// A sentence when it cannot be read.
    pub fn set(&mut self, line: &str) -> Result<bool, String> {
        let unreadable = || {
            format!(
                "'{}' is nothing that a line does: delay MS, rate BITS, cut, cut-after up|down N, refuse, stall [up|down], \
                 drip, portal, keep, to ADDRESS, or clear",
                line.escape_debug()
            )
        };
        let number = |word: &str| word.parse::<u64>().map_err(|_| unreadable());
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["delay", millis] => self.delay = Duration::from_millis(number(millis)?),
            ["rate", bits] => self.rate = number(bits)?,
            ["cut"] => return Ok(true),
            ["cut-after", way, bytes] => {
                let way = Way::named(way).ok_or_else(unreadable)?;
                self.cut_after[way.at()] = Some(number(bytes)?);
            }
            ["refuse"] => self.refuse = true,
            ["stall"] => self.stalled = [true; 2],
            ["stall", way] => self.stalled[Way::named(way).ok_or_else(unreadable)?.at()] = true,
            ["drip"] => self.drip = true,
            ["portal"] => self.portal = true,
            ["keep"] => self.keep = true,
            ["to", address] => self.to = address.parse().map_err(|_| unreadable())?,
            ["clear"] => *self = Self::new(self.to, self.delay, self.rate),
            _ => return Err(unreadable()),
        }
        Ok(false)
    }
}
