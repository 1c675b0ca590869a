//! How far the search index got, which is counted in blocks of numbers; see `store::search`.

use serde::{Deserialize, Serialize};

/// Marks the numbers of contents that are of no message.
pub const OWN: u64 = 1 << 63;
/// Numbers in a block, and rows of one.
pub const BLOCK: u64 = 2048;
/// The block that fills up is written anew each time it has so many numbers more.
pub const PART: u64 = 512;
/// Blocks in a group. A row of a group in which every bit counts has its place in a page of 8 KB, with its key.
pub const GROUP: u64 = 31;

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn none(count: &u64) -> bool {
    *count == 0
}

/// What was written of one kind of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Blocks {
    /// Blocks before this one are written.
    pub built: u64,
    /// Changes in blocks before this one are noted: it is written, or about to be.
    pub closed: u64,
    /// So many numbers of the block `built` are written as well.
    #[serde(default, skip_serializing_if = "none")]
    pub built_part: u64,
    /// Changes of so many numbers of the block `closed` are noted as well.
    #[serde(default, skip_serializing_if = "none")]
    pub closed_part: u64,
    /// Blocks before this one have the marks of their messages: those of older versions have none.
    #[serde(default, skip_serializing_if = "none")]
    pub marked: u64,
    /// Groups before this one are written.
    #[serde(default, skip_serializing_if = "none")]
    pub groups: u64,
    /// Rows of the group `groups` before this one are written.
    #[serde(default, skip_serializing_if = "none")]
    pub group_rows: u64,
}

impl Blocks {
    /// Numbers before this one are written, counted from the first of the kind.
    pub fn written(&self) -> u64 {
        self.built * BLOCK + self.built_part
    }

    /// Changes of numbers before this one are noted.
    pub fn noted(&self) -> u64 {
        self.closed * BLOCK + self.closed_part
    }

    /// Notes changes of all numbers before this one from here on.
    pub fn note_until(&mut self, number: u64) {
        (self.closed, self.closed_part) = (number / BLOCK, number % BLOCK);
    }

    /// All numbers before this one are written.
    pub fn wrote_until(&mut self, number: u64) {
        (self.built, self.built_part) = (number / BLOCK, number % BLOCK);
    }
}

/// How far the index got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Blocks of messages, by their numbers.
    pub messages: Blocks,
    /// Contents that are of no message.
    pub contents: Blocks,
}

/// How far the indexes got that a store of an older version does not have: the worker of the search index makes them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Behind {
    /// Messages before this one stand in `ENDED` where they belong there; all of them when it is [`ALL`].
    pub ended: u64,
    /// The last entry of a folder that was looked at for `PLACES`: its person, folder and UID.
    pub place: (String, u32, u32),
}

/// An index that has all.
pub const ALL: u64 = u64::MAX;

impl Behind {
    /// True where nothing was made yet.
    pub fn is_new(&self) -> bool {
        *self == Self::default()
    }
}

/// Gives the block that a number is in.
pub fn block_of(number: u64) -> u64 {
    number / BLOCK
}

/// The place of a number in its block.
pub fn place_in(number: u64) -> usize {
    usize::try_from(number % BLOCK).unwrap_or_default()
}

/// The group that a block is in, and its place there. Contents of no message have groups of their own, as blocks.
pub fn group_of(block: u64) -> (u64, u32) {
    let (first, at) = if block >= block_of(OWN) { (block_of(OWN), block - block_of(OWN)) } else { (0, block) };
    (first + at / GROUP, (at % GROUP) as u32)
}

/// The first block of a group.
pub fn first_of(group: u64) -> u64 {
    if group >= block_of(OWN) { block_of(OWN) + (group - block_of(OWN)) * GROUP } else { group * GROUP }
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

    /// How many numbers of a block its rows are about.
    pub fn covered(&self, block: u64) -> usize {
        let (blocks, at) = self.of(block);
        let covered = blocks.written().saturating_sub(at * BLOCK).min(BLOCK);
        usize::try_from(covered).unwrap_or_default()
    }

    /// True for a block whose rows have the marks of its messages.
    pub fn is_marked(&self, block: u64) -> bool {
        let (blocks, at) = self.of(block);
        at < blocks.marked || at == blocks.built
    }

    /// True for a number whose changes are noted.
    pub fn is_noted(&self, number: u64) -> bool {
        let (blocks, at) = self.of(block_of(number));
        at * BLOCK + (number % BLOCK) < blocks.noted()
    }

    /// True for a group that is written.
    pub fn has_group(&self, group: u64) -> bool {
        let (blocks, _) = self.of(group);
        group % block_of(OWN) < blocks.groups
    }

    /// True for a group that is written, or some of its rows.
    pub fn has_rows_of(&self, group: u64) -> bool {
        let (blocks, _) = self.of(group);
        self.has_group(group) || (group % block_of(OWN) == blocks.groups && blocks.group_rows > 0)
    }
}
