//! The ways to open a copy of a damaged file. redb opens one for writing only when the list of its free pages is whole,
//! and after an unclean end only when all pages are: what is read here are the trees alone.
//!
//! | way | of the file | helps when |
//! |---|---|---|
//! | [`Way::Trees`] | the last commit | pages are bad, or the end of the file is missing |
//! | [`Way::Before`] | the commit before it | the root of the last one is bad |
//! | [`Way::Redb`] | what redb makes of it | its format is an older one |

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use redb::{
    Builder, ConcurrencyMode, Database, DatabaseError, ReadOnlyDatabase, ReadTransaction, ReadableDatabase,
    TransactionError,
};

use crate::store::on_disk::CACHE;

// Places in the head of a file, from `tree_store/page_store/header.rs` of redb 4.6 (file format 3).
/// What all files have in common: the magic number; page size and the two sizes of a region.
const FIXED: [std::ops::Range<usize>; 2] = [0..9, 12..24];
const FLAGS: usize = 9;
const PAGE_SIZE: usize = 12;
const REGION_HEADER: usize = 16;
const REGION_PAGES: usize = 20;
const FULL_REGIONS: usize = 24;
const LAST_REGION: usize = 28;
const HEAD: usize = 32;
/// Which of the two commits is the last one.
const SLOT: u8 = 1;
/// The file was not closed in order.
const UNCLEAN: u8 = 2;
/// The last commit is whole, and the other one need not be looked at.
const TWO_PHASE: u8 = 4;
/// Longer than any file of ours, in bytes: a length that is more is damage.
const LONGEST: u64 = 1 << 40;

/// A way to open a damaged file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Trees,
    Before,
    Redb,
}

/// All ways; the one that changes the copy for good is the last one.
pub const WAYS: [Way; 3] = [Way::Trees, Way::Before, Way::Redb];

/// A copy of the file that could be opened, and by what.
pub enum Source {
    Trees(ReadOnlyDatabase),
    Whole(Database),
}

impl Source {
    /// Opens `copy` in this way. `fresh` is a new file of the same make.
    ///
    /// # Errors
    /// Those of redb and of the disk.
    pub fn open(copy: &Path, fresh: &Path, way: Way) -> Result<Self, DatabaseError> {
        let file = File::options().read(true).write(true).open(copy)?;
        let (mut head, mut like) = ([0; HEAD], [0; HEAD]);
        file.read_exact_at(&mut head, 0)?;
        File::open(fresh)?.read_exact_at(&mut like, 0)?;
        let flags = head[FLAGS];
        for place in FIXED {
            head[place.clone()].copy_from_slice(&like[place]);
        }
        head[FLAGS] = match way {
            Way::Trees => head[FLAGS] & !UNCLEAN,
            Way::Before => (head[FLAGS] & !UNCLEAN & !TWO_PHASE) ^ SLOT,
            Way::Redb => head[FLAGS],
        };
        file.write_all_at(&head, 0)?;
        lengthen(&file, &head)?;
        let opened = match way {
            // What reads beside a writer needs no list of free pages.
            Way::Trees | Way::Before => Builder::new()
                .set_cache_size(CACHE)
                .set_concurrency_mode(ConcurrencyMode::SingleWriter)
                .open_read_only(copy)
                .map(Self::Trees),
            Way::Redb => Builder::new().set_cache_size(CACHE).open(copy).map(Self::Whole),
        };
        // It is open by what was read; another way begins with the flags as they were.
        if way != Way::Redb {
            file.write_all_at(&[flags], FLAGS as u64)?;
        }
        opened
    }

    /// A look at its tables.
    ///
    /// # Errors
    /// Those of redb.
    pub fn begin_read(&self) -> Result<ReadTransaction, TransactionError> {
        match self {
            Self::Trees(trees) => trees.begin_read(),
            Self::Whole(whole) => whole.begin_read(),
        }
    }
}

/// Makes the file as long as its head says it was, or to the end of a page: what is missing reads as zeros.
fn lengthen(file: &File, head: &[u8; HEAD]) -> io::Result<()> {
    // Four bytes each, within the head.
    let number = |at: usize| u64::from(u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]));
    let (page, header) = (number(PAGE_SIZE), number(REGION_HEADER));
    let last = Some(number(LAST_REGION)).filter(|pages| *pages > 0).map_or(0, |pages| header + pages);
    let pages = 1 + number(FULL_REGIONS) * (header + number(REGION_PAGES)) + last;
    let length = file.metadata()?.len();
    let wanted = pages.saturating_mul(page);
    let long = if wanted <= LONGEST { wanted } else { 0 };
    file.set_len(length.next_multiple_of(page.max(1)).max(long))
}
