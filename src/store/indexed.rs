//! How far the search index got, which is counted in blocks of numbers; see `store::search`.

use serde::{Deserialize, Serialize};

/// Marks the numbers of contents that are of no message.
pub const OWN: u64 = 1 << 63;
/// Numbers in a block, and rows of one.
pub const BLOCK: u64 = 2048;

/// What was written of one kind of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Blocks {
    /// Blocks before this one are written.
    pub built: u64,
    /// Changes in blocks before this one are noted: it is written, or about to be.
    pub closed: u64,
}

/// How far the index got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Blocks of messages, by their numbers.
    pub messages: Blocks,
    /// Contents that are of no message.
    pub contents: Blocks,
}

/// Gives the block that a number is in.
pub fn block_of(number: u64) -> u64 {
    number / BLOCK
}

/// The place of a number in its block.
pub fn place_in(number: u64) -> usize {
    usize::try_from(number % BLOCK).unwrap_or_default()
}

impl Progress {
    /// The blocks that a block is one of, and which of them.
    fn of(&self, block: u64) -> (&Blocks, u64) {
        if block >= block_of(OWN) { (&self.contents, block - block_of(OWN)) } else { (&self.messages, block) }
    }

    /// As [`Progress::of`], to be changed.
    pub fn of_mut(&mut self, block: u64) -> (&mut Blocks, u64) {
        if block >= block_of(OWN) { (&mut self.contents, block - block_of(OWN)) } else { (&mut self.messages, block) }
    }

    /// True for a block that is written.
    pub fn is_built(&self, block: u64) -> bool {
        let (blocks, at) = self.of(block);
        at < blocks.built
    }

    /// True for a block in which changes are noted.
    pub fn is_closed(&self, block: u64) -> bool {
        let (blocks, at) = self.of(block);
        at < blocks.closed
    }
}
