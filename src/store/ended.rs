//! Messages that ended otherwise than well, by how they ended: lists of those read no others.

use std::collections::VecDeque;

use super::indexed::ALL;
use super::queue::parse;
use super::schema::{self, Readable, Tx, TxResult, View};
use super::search::Needle;
use super::table::ReadTable;
use super::totals::Ledger;
use crate::message::{Id, Message, State};

/// Messages or entries that one commit looks at for an index which an older version did not have.
const AT_ONCE: usize = 2000;

/// So few that ended so are read whatever the index names.
const FEW: usize = 64;
/// The index names so many for a text that is no rare one.
const MANY: usize = 2000;
/// Rows of the table that are read at once.
const READ: usize = 64;

/// What stands in the table for a state; `None` for one that is no bad end.
fn code(state: State) -> Option<u8> {
    match state {
        State::Returned => Some(1),
        State::Expired => Some(2),
        State::Unconfirmed => Some(3),
        State::Cancelled => Some(4),
        State::Refused => Some(5),
        State::Held | State::Queued | State::OnLink | State::Sent | State::FarBox | State::Delivered => None,
    }
}

impl Tx<'_> {
    /// Keeps the table true when a message comes or changes.
    pub(super) fn note_end(&mut self, after: &Message, before: Option<&Message>) -> TxResult<()> {
        let (old, new) = (before.and_then(|before| code(before.state)), code(after.state));
        if old != new {
            old.map_or(Ok(()), |old| self.ended.remove((old, after.id.0)).map(drop))?;
            new.map_or(Ok(()), |new| self.ended.insert((new, after.id.0), ()).map(drop))?;
        }
        Ok(())
    }

    /// The message goes, in whichever state it is.
    pub(super) fn forget_end(&mut self, id: Id) -> TxResult<()> {
        for code in State::ALL.into_iter().filter_map(code) {
            self.ended.remove((code, id.0))?;
        }
        Ok(())
    }

    /// Builds anew, in the background, what an older version did not have.
    pub(super) fn fall_behind(&mut self) -> TxResult<()> {
        self.ended.retain(|_, ()| false)?;
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
            self.ended.retain(|_, ()| false)?;
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
        for key in found {
            self.ended.insert(key, ())?;
        }
        self.ledger.behind.ended = next;
        Ok(())
    }
}

impl View {
    /// The codes of these states, where the table has all of their messages.
    fn codes(&self, states: &[State]) -> TxResult<Option<Vec<u8>>> {
        let codes: Option<Vec<u8>> = states.iter().map(|state| code(*state)).collect();
        let Some(codes) = codes.filter(|codes| !codes.is_empty()) else { return Ok(None) };
        let ledger = Ledger::load(&schema::META.read(&self.0)?)?;
        Ok((ledger.caught_up || ledger.behind.ended == ALL).then_some(codes))
    }

    /// Numbers of messages before one that are in one of these states and may hold what is looked for, the youngest first;
    /// `None` where the index names many: those in the states are the fewer then.
    pub(super) fn ended_among(&self, states: &[State], needle: &mut Needle, before: u64) -> TxResult<Option<Vec<u64>>> {
        let Some(codes) = self.codes(states)?.filter(|_| !needle.is_blank()) else { return Ok(None) };
        let (table, mut few) = (schema::ENDED.read(&self.0)?, 0);
        for code in &codes {
            few += table.range((*code, 0)..(*code, before))?.take(FEW).count();
        }
        if few < FEW {
            return Ok(None);
        }
        let named: Vec<u64> = self.may_hold_before(needle, before)?.take(MANY).collect::<TxResult<_>>()?;
        if named.len() == MANY {
            return Ok(None);
        }
        let mut found = Vec::new();
        for number in named {
            for code in &codes {
                if table.get((*code, number))?.is_some() {
                    found.push(number);
                    break;
                }
            }
        }
        Ok(Some(found))
    }

    /// Numbers of messages before one that are in one of these states, the youngest first; `None` where a look at all messages
    /// has to find them.
    pub(super) fn ended_before(
        &self,
        states: &[State],
        before: u64,
    ) -> TxResult<Option<impl Iterator<Item = TxResult<u64>>>> {
        let Some(codes) = self.codes(states)? else { return Ok(None) };
        let table = schema::ENDED.read(&self.0)?;
        let mut all: Vec<_> = codes.into_iter().map(|code| Ended { code, before, read: VecDeque::new() }).collect();
        Ok(Some(std::iter::from_fn(move || {
            for one in &mut all {
                if let Err(error) = one.read_some(&table) {
                    return Some(Err(error));
                }
            }
            let youngest = all.iter().filter_map(|one| one.read.front().copied()).max()?;
            // A number is named once, whatever the table says of it.
            for one in all.iter_mut().filter(|one| one.read.front() == Some(&youngest)) {
                one.read.pop_front();
            }
            Some(Ok(youngest))
        })))
    }
}

/// Messages that ended in one way, the youngest first, as they are read.
struct Ended {
    code: u8,
    /// Those from here on were read.
    before: u64,
    read: VecDeque<u64>,
}

impl Ended {
    /// Reads some more when none is left of those that were read.
    fn read_some(&mut self, table: &ReadTable<(u8, u64), ()>) -> TxResult<()> {
        if self.read.is_empty() {
            for row in table.range((self.code, 0)..(self.code, self.before))?.rev().take(READ) {
                self.read.push_back(row?.0.value().1);
            }
            // At the end nothing is before the first one.
            self.before = self.read.back().copied().unwrap_or(0);
        }
        Ok(())
    }
}
