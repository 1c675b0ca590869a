//! Messages that are neither open nor delivered, by their state: lists of those read no others.
//!
//! `ENDED` has a row for each block of numbers in which there are some, with a bit for each number in each of these states, as
//! a group of the search index has one for each number in each of its blocks. So a list of *Failed* with words or of one
//! person keeps what both name, block by block.
//!
//! A message that comes into one of these states, or leaves it, writes the row of its block into the log. Of a full block that
//! is 326 bytes where one of 16 failed, 542 where three of four besides are with the far box, and 1,814 at most, before the log
//! deflates them.
//!
//! Older versions had a row for each message there: what they have not, or have otherwise, is built in the background.

use super::indexed::{ALL, block_of, place_in};
use super::queue::parse;
use super::schema::{self, Readable, Tx, TxResult, View};
use super::search::{Bits, GroupRow, Index, Needle};
use super::table::ReadTable;
use super::totals::Ledger;
use crate::message::{Id, Message, State};

/// Messages or entries that one commit looks at for an index which an older version did not have.
const AT_ONCE: usize = 2000;

/// The first part of all keys; older versions had the code of a state there.
const BLOCKS: u8 = 0;

/// What stands in the rows for a state; `None` for one that has its list elsewhere: open ones in the queues, and what was
/// delivered is nearly all there is.
fn code(state: State) -> Option<u32> {
    match state {
        State::Returned => Some(1),
        State::Expired => Some(2),
        State::Unconfirmed => Some(3),
        State::Cancelled => Some(4),
        State::Refused => Some(5),
        State::Sent => Some(6),
        State::FarBox => Some(7),
        State::Held | State::Queued | State::OnLink | State::Delivered => None,
    }
}

impl Tx<'_> {
    /// Keeps the table true when a message comes or changes.
    pub(super) fn note_end(&mut self, after: &Message, before: Option<&Message>) -> TxResult<()> {
        let (old, new) = (before.and_then(|before| code(before.state)), code(after.state));
        if old != new {
            self.put_end(after.id, old, new)?;
        }
        Ok(())
    }

    /// The message goes, in whichever state it is.
    pub(super) fn forget_end(&mut self, id: Id) -> TxResult<()> {
        let key = (BLOCKS, block_of(id.0));
        let known = self.ended.get(key)?.and_then(|row| GroupRow::read(row.value()));
        let codes = known.map_or_else(Vec::new, |row| row.those_with(place_in(id.0)));
        codes.into_iter().try_for_each(|code| self.put_end(id, Some(code), None))
    }

    fn put_end(&mut self, id: Id, old: Option<u32>, new: Option<u32>) -> TxResult<()> {
        let (key, place) = ((BLOCKS, block_of(id.0)), place_in(id.0));
        // One that is damaged names all as it is, which is not too few.
        let known = self.ended.get(key)?.map(|row| GroupRow::read(row.value()));
        let Some(mut row) = known.unwrap_or_else(|| Some(GroupRow::default())) else { return Ok(()) };
        if let Some(old) = old {
            row.clear(&[(old, place)]);
        }
        if let Some(new) = new {
            row.add(new, &Bits::of(place));
        }
        match row.is_empty() {
            true => drop(self.ended.remove(key)?),
            false => drop(self.ended.insert(key, row.row().as_slice())?),
        }
        Ok(())
    }

    /// Builds anew, in the background, what an older version did not have.
    pub(super) fn fall_behind(&mut self) -> TxResult<()> {
        self.ended.retain(|_, _| false)?;
        (self.ledger.caught_up, self.ledger.behind) = (false, Default::default());
        Ok(())
    }

    /// Makes some of what an older version did not have.
    pub(super) fn catch_up(&mut self) -> TxResult<()> {
        if self.ledger.behind.ended == ALL {
            return self.catch_up_places(AT_ONCE);
        }
        if self.ledger.behind.is_new() {
            // A row that is wrong would stay so.
            self.ended.retain(|_, _| false)?;
        }
        let (mut found, mut next) = (Vec::new(), ALL);
        for (looked, row) in self.messages.range(self.ledger.behind.ended..)?.enumerate() {
            let (id, bytes) = row?;
            if looked == AT_ONCE {
                next = id.value();
                break;
            }
            // What cannot be read is in no list.
            found.extend(parse(bytes.value()).ok().and_then(|message| Some((code(message.state)?, id.value()))));
        }
        for (code, id) in found {
            self.put_end(Id(id), None, Some(code))?;
        }
        self.ledger.behind.ended = next;
        Ok(())
    }

    /// What tests ask for: how many messages stand in the table.
    #[cfg(test)]
    pub(super) fn ended_count(&self) -> TxResult<usize> {
        let mut count = 0;
        for row in self.ended.iter()? {
            count += GroupRow::read(row?.1.value()).map_or(0, |row| (0..32).map(|at| row.of(at).count()).sum());
        }
        Ok(count)
    }
}

impl View {
    /// Numbers of messages before one that are in one of these states and may hold what is looked for, the youngest first;
    /// `None` where a look at all messages has to find them.
    pub(super) fn ended_before<'n>(
        &self,
        states: &[State],
        needle: &'n mut Needle,
        before: u64,
    ) -> TxResult<Option<impl Iterator<Item = TxResult<u64>> + use<'n>>> {
        let codes: Option<Vec<u32>> = states.iter().map(|state| code(*state)).collect();
        let Some(codes) = codes.filter(|codes| !codes.is_empty()) else { return Ok(None) };
        let ledger = Ledger::load(&schema::META.read(&self.0)?)?;
        if !ledger.caught_up && ledger.behind.ended != ALL {
            return Ok(None);
        }
        let ended = Ended { codes, rows: schema::ENDED.read(&self.0)?, index: self.index(needle)? };
        let mut block = before.checked_sub(1).map(block_of);
        let mut found: Vec<u64> = Vec::new();
        Ok(Some(std::iter::from_fn(move || {
            loop {
                if let Some(number) = found.pop() {
                    return Some(Ok(number));
                }
                match ended.step(needle, block?) {
                    Ok((next, here)) => {
                        block = next;
                        found.extend(here.into_iter().filter(|number| *number < before));
                    }
                    Err(error) => {
                        block = None;
                        return Some(Err(error));
                    }
                }
            }
        })))
    }
}

/// The table beside the search index.
struct Ended {
    codes: Vec<u32>,
    rows: ReadTable<(u8, u64), &'static [u8]>,
    index: Index,
}

impl Ended {
    /// The numbers of a block that both name, rising, and the block to look at next.
    fn step(&self, needle: &mut Needle, block: u64) -> TxResult<(Option<u64>, Vec<u64>)> {
        let here = || {
            let Some(row) = self.rows.get((BLOCKS, block))? else { return Ok(None) };
            // One that is damaged names all.
            Ok(Some(GroupRow::read(row.value()).map_or(Bits::ALL, |row| row.of_any(&self.codes))))
        };
        let next = || {
            let below = self.rows.range((BLOCKS, 0)..(BLOCKS, block))?.next_back().transpose()?;
            Ok(below.map(|row| row.0.value().1))
        };
        let (next, named) = self.index.step_among(needle, block, here, next)?;
        Ok((next, named.numbers_in(block).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::indexed::BLOCK;

    /// Bytes of the row of a full block with so many messages in each of these states.
    fn bytes(states: &[(State, usize)]) -> usize {
        // Each place once, and none beside the one before.
        let mut places = (0..BLOCK as usize).map(|number| number * 1021 % BLOCK as usize);
        let mut row = GroupRow::default();
        for (state, count) in states {
            let code = code(*state).unwrap();
            places.by_ref().take(*count).for_each(|place| row.add(code, &Bits::of(place)));
        }
        assert_eq!(GroupRow::read(&row.row()), Some(row.clone()));
        row.row().len()
    }

    #[test]
    fn a_change_of_state_writes_less_than_two_kilobytes_into_the_log() {
        let few = [(State::Returned, 128), (State::Cancelled, 20), (State::Sent, 8)];
        let many = [(State::Returned, 128), (State::FarBox, 1536), (State::Sent, 8)];
        let all = State::ALL.map(|state| (state, 128));
        let all: Vec<_> = all.into_iter().filter(|(state, _)| code(*state).is_some()).collect();
        assert_eq!([&few[..], &many, &all].map(bytes), [326, 542, 1814]);
    }
}
