//! Builds the blocks of the index, in the background, one at a time.

use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::rows::{Bits, rows_of};
use super::{FAILED, has_failed, texts_of};
use crate::fault::Fault;
use crate::store::indexed::{BLOCK, Blocks, OWN, block_of, place_in};
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
    /// From here on changes in it are noted.
    Close(u64),
    /// It is closed and not written.
    Build(u64),
    /// It was written, and much changed since.
    Again(u64),
}

fn numbers_of(block: u64) -> Range<u64> {
    let start = block * BLOCK;
    start..start.saturating_add(BLOCK)
}

fn step_of(blocks: Blocks, base: u64, next: u64) -> Option<Step> {
    if blocks.built < blocks.closed {
        return Some(Step::Build(base + blocks.built));
    }
    (next / BLOCK > blocks.closed).then_some(Step::Close(base + blocks.closed))
}

impl View {
    fn next_step(&self) -> TxResult<Option<Step>> {
        let ledger = Ledger::load(&schema::META.read(&self.0)?)?;
        let messages = step_of(ledger.search.messages, 0, ledger.next_message);
        // The number of a content is given before it is used, that of a message afterwards.
        let contents = step_of(ledger.search.contents, block_of(OWN), ledger.next_content + 1);
        if let Some(step) = messages.or(contents) {
            return Ok(Some(step));
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

    fn loose_in(&self, block: u64) -> TxResult<Vec<(u64, u32)>> {
        let table = schema::SEARCH_LOOSE.read(&self.0)?;
        let rows = table.range(numbers_of(block))?;
        rows.map(|row| row.map(|(number, times)| (number.value(), times.value())).map_err(Into::into)).collect()
    }
}

impl Store {
    /// Does the next piece of work on the index: about two thousand messages. False when there is nothing to do.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn build_index(&self, words: Words) -> Result<bool, Fault> {
        let Some(step) = self.read(View::next_step)? else { return Ok(false) };
        match step {
            Step::Close(block) => self.write(move |tx| {
                let (blocks, at) = tx.ledger.search.of_mut(block);
                blocks.closed = blocks.closed.max(at + 1);
                Ok(())
            })?,
            Step::Build(block) | Step::Again(block) => self.build_block(block, words)?,
        }
        Ok(true)
    }

    fn build_block(&self, block: u64, words: Words) -> Result<(), Fault> {
        // What changes from here on is noted, and stays so.
        let loose = self.read(|view| view.loose_in(block))?;
        let there = self.read(|view| view.numbers_in(block))?;
        let mut rows = vec![Bits::NONE; BLOCK as usize];
        for place in there.places() {
            for row in self.rows_behind(block * BLOCK + place as u64, words)?.places() {
                rows[row].set(place);
            }
        }
        let rows = (0_u16..).zip(&rows).filter(|(_, bits)| **bits != Bits::NONE);
        let rows: Arc<[(u16, Vec<u8>)]> = rows.map(|(row, bits)| (row, bits.row())).collect();
        self.write(move |tx| tx.put_block(block, &rows, &loose))
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
            if has_failed(message.state) {
                add(FAILED);
            }
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

impl Tx<'_> {
    fn put_block(&mut self, block: u64, rows: &[(u16, Vec<u8>)], loose: &[(u64, u32)]) -> TxResult<()> {
        self.search_rows.retain_in((block, 0)..=(block, u16::MAX), |_, _| false)?;
        for (row, bits) in rows {
            self.search_rows.insert((block, *row), bits.as_slice())?;
        }
        for (number, times) in loose {
            // What changed once more while the block was built stays noted.
            if self.search_loose.get(*number)?.is_some_and(|now| now.value() == *times) {
                self.search_loose.remove(*number)?;
            }
        }
        let (blocks, at) = self.ledger.search.of_mut(block);
        blocks.built = blocks.built.max(at + 1);
        Ok(())
    }
}
