//! Builds the blocks of the index, in the background, one at a time.

use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::rows::{Bits, rows_of};
use super::{marks_of, texts_of};
use crate::fault::Fault;
use crate::store::indexed::{BLOCK, Blocks, GROUP, OWN, PART, block_of, place_in};
use crate::store::mailbox::Content;
use crate::store::queue::parse;
use crate::store::schema::Readable;
use crate::store::schema::{self, Tx, TxResult, View};
use crate::store::{Ledger, Store};

/// A block with so many changes is written anew.
const LOOSE: usize = 512;
/// Of larger mails this much is read.
const HEADER: u64 = 256 * 1024;
/// Mails larger than this have their header in the index alone.
pub const LARGEST: u64 = 8_000_000;

/// Takes the words of a mail, in small letters; the flag says whether it is whole, or its header alone.
pub type Words = fn(&[u8], bool) -> String;

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Somebody was erased.
    Clear,
    /// From here on changes of numbers of this block before this place are noted.
    Close(u64, u64),
    /// Numbers before this place are noted and not written.
    Build(u64, u64),
    /// It was written, and much changed since, or it has no marks.
    Again(u64),
    /// Rows of a group from this one on are not written.
    Group(u64, u64),
    /// Something that an older version did not have.
    Behind,
}

fn numbers_of(block: u64) -> Range<u64> {
    let start = block * BLOCK;
    start..start.saturating_add(BLOCK)
}

/// What is to be done with blocks, the first of which is `base`, of so many numbers.
fn step_of(blocks: Blocks, base: u64, numbers: u64) -> Option<Step> {
    let (noted, full) = (blocks.noted(), numbers / PART * PART);
    if blocks.written() < noted {
        return Some(Step::Build(base + blocks.built, (noted - blocks.built * BLOCK).min(BLOCK)));
    }
    if full > noted {
        return Some(Step::Close(base + blocks.closed, (full - blocks.closed * BLOCK).min(BLOCK)));
    }
    // Contents of no message have no marks.
    if base == 0 && blocks.marked < blocks.built {
        return Some(Step::Again(blocks.marked));
    }
    (blocks.built / GROUP > blocks.groups).then_some(Step::Group(base + blocks.groups, blocks.group_rows))
}

impl View {
    fn next_step(&self) -> TxResult<Option<Step>> {
        let ledger = Ledger::load(&schema::META.read(&self.0)?)?;
        if ledger.cleared < ledger.erasures {
            return Ok(Some(Step::Clear));
        }
        let messages = step_of(ledger.search.messages, 0, ledger.next_message);
        // The number of a content is given before it is used, that of a message afterwards.
        let contents = step_of(ledger.search.contents, block_of(OWN), ledger.next_content + 1);
        if let Some(step) = messages.or(contents) {
            return Ok(Some(step));
        }
        if !ledger.caught_up {
            return Ok(Some(Step::Behind));
        }
        let mut run = (0, 0);
        for row in schema::SEARCH_LOOSE.read(&self.0)?.iter()? {
            let block = block_of(row?.0.value());
            run = if run.0 == block { (block, run.1 + 1) } else { (block, 1) };
            if run.1 >= LOOSE {
                return Ok(Some(Step::Again(block)));
            }
        }
        Ok(None)
    }

    /// Numbers in a block behind which there is something.
    fn numbers_in(&self, block: u64) -> TxResult<Bits> {
        let mut there = Bits::NONE;
        for row in schema::CONTENTS.read(&self.0)?.range(numbers_of(block))? {
            there.set(place_in(row?.0.value()));
        }
        if block < block_of(OWN) {
            for row in self.messages()?.range(numbers_of(block))? {
                there.set(place_in(row?.0.value()));
            }
        }
        Ok(there)
    }

    fn loose_in(&self, block: u64, covered: u64) -> TxResult<Vec<(u64, u32)>> {
        let table = schema::SEARCH_LOOSE.read(&self.0)?;
        let rows = table.range(block * BLOCK..(block * BLOCK).saturating_add(covered))?;
        rows.map(|row| row.map(|(number, times)| (number.value(), times.value())).map_err(Into::into)).collect()
    }

    /// The rows of a block; `None` when one of them is damaged.
    fn rows_in(&self, block: u64) -> TxResult<Option<Vec<Bits>>> {
        let mut rows = vec![Bits::NONE; BLOCK as usize];
        for row in schema::SEARCH_ROWS.read(&self.0)?.range((block, 0)..=(block, u16::MAX))? {
            let (key, bits) = row?;
            let Some(bits) = Bits::sound(bits.value()) else { return Ok(None) };
            rows[usize::from(key.value().1) % BLOCK as usize] = bits;
        }
        Ok(Some(rows))
    }
}

impl Store {
    /// Does the next piece of work on the index: about two thousand messages at most. False when there is nothing to do.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn build_index(&self, words: Words) -> Result<bool, Fault> {
        let Some(step) = self.read(View::next_step)? else { return Ok(false) };
        match step {
            Step::Clear => self.clear_erased()?,
            Step::Close(block, until) => self.write(move |tx| {
                let (blocks, at) = tx.ledger.search.of_mut(block);
                blocks.note_until(blocks.noted().max(at * BLOCK + until));
                Ok(())
            })?,
            Step::Build(block, until) => self.build_block(block, Some(until), words)?,
            Step::Again(block) => self.build_block(block, None, words)?,
            Step::Group(group, first) => {
                let cleared = self.ledger()?.cleared;
                let rows: Arc<[_]> = self.read(|view| view.group_rows(group, first))?.into();
                self.write(move |tx| tx.put_group(group, first, &rows, cleared))?;
            }
            Step::Behind => self.write(|tx| tx.catch_up())?,
        }
        Ok(true)
    }

    /// Writes a block: numbers before `until` in addition to those that it has, or those that it has anew.
    fn build_block(&self, block: u64, until: Option<u64>, words: Words) -> Result<(), Fault> {
        let ledger = self.ledger()?;
        let covered = ledger.search.covered(block);
        let until = until.unwrap_or(covered as u64);
        // What changes from here on is noted, and stays so.
        let loose = self.read(|view| view.loose_in(block, until))?;
        let there = self.read(|view| view.numbers_in(block))?;
        // Where nothing is covered rows are what was left behind.
        let kept = match covered > 0 && (covered as u64) < until {
            true => self.read(|view| view.rows_in(block))?,
            false => None,
        };
        let mut wanted = there;
        let mut rows = match kept {
            Some(mut rows) => {
                let mut anew = Bits::NONE;
                anew.set_from(covered);
                loose.iter().for_each(|(number, _)| anew.set(place_in(*number)));
                for row in &mut rows {
                    loose.iter().for_each(|(number, _)| row.clear(place_in(*number)));
                }
                wanted.keep(&anew);
                rows
            }
            None => vec![Bits::NONE; BLOCK as usize],
        };
        for place in wanted.places().filter(|place| (*place as u64) < until) {
            for row in self.rows_behind(block * BLOCK + place as u64, words)?.places() {
                rows[row].set(place);
            }
        }
        let rows = (0_u16..).zip(rows).filter(|(_, bits)| *bits != Bits::NONE);
        let built = Built { rows: rows.collect(), loose };
        self.write(move |tx| tx.put_block(block, until, &built, ledger.cleared))
    }

    /// The rows of all texts behind a number.
    fn rows_behind(&self, number: u64, words: Words) -> Result<Bits, Fault> {
        let mut rows = Bits::NONE;
        let mut add = |text: &str| rows_of(text).for_each(|row| rows.set(row));
        if number < OWN
            && let Some(message) =
                self.read(|view| Ok(view.messages()?.get(number)?.and_then(|row| parse(row.value()).ok())))?
        {
            texts_of(&message).iter().for_each(|text| add(text));
            marks_of(&message).iter().for_each(|mark| add(mark));
        }
        match self.content_of_number(number) {
            Ok(Content::Bytes(bytes)) => add(&words(&bytes, true)),
            Ok(Content::File(path)) => {
                match start_of(&path) {
                    Ok((bytes, whole)) => add(&words(&bytes, whole)),
                    // It went meanwhile.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(Fault::temporary(format!("a mail cannot be read: {error}"))),
                }
            }
            // None, or one that is damaged: no search shows it.
            Err(fault) if fault.is_permanent() => {}
            Err(fault) => return Err(fault),
        }
        Ok(rows)
    }
}

/// A mail in a file, and whether it is whole.
fn start_of(path: &Path) -> io::Result<(Vec<u8>, bool)> {
    let (file, mut start) = (File::open(path)?, Vec::new());
    let whole = file.metadata()?.len() <= LARGEST;
    file.take(if whole { LARGEST } else { HEADER }).read_to_end(&mut start)?;
    Ok((start, whole))
}

/// A block as it is to be written.
struct Built {
    rows: Vec<(u16, Bits)>,
    /// Changes that are in it.
    loose: Vec<(u64, u32)>,
}

impl Tx<'_> {
    /// Writes a block that was built since so many who were erased were out of the index; nothing when somebody was erased since.
    fn put_block(&mut self, block: u64, until: u64, built: &Built, cleared: u64) -> TxResult<()> {
        let Built { rows, loose } = built;
        if !self.ledger.is_clear_since(cleared) {
            return Ok(());
        }
        self.follow_block(block, rows)?;
        self.search_rows.retain_in((block, 0)..=(block, u16::MAX), |_, _| false)?;
        for (row, bits) in rows {
            self.search_rows.insert((block, *row), bits.row().as_slice())?;
        }
        for (number, times) in loose {
            // What changed once more while the block was built stays noted.
            if self.search_loose.get(*number)?.is_some_and(|now| now.value() == *times) {
                self.search_loose.remove(*number)?;
            }
        }
        let (blocks, at) = self.ledger.search.of_mut(block);
        blocks.wrote_until(blocks.written().max(at * BLOCK + until));
        if blocks.marked == at && blocks.built > at {
            blocks.marked += 1;
        }
        if rows.is_empty() {
            self.drop_empty_group(block)?;
        }
        Ok(())
    }
}
