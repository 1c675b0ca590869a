//! Flags of entries that changed after the entry was made. One row holds those of [`PAGE`] UIDs, so a change of a thousand is one
//! of sixteen rows; the row of an entry itself is not written for it.
//!
//! ```text
//!  ENTRIES  (person, folder, uid)        flags as the entry came
//!  MARKS    (person, folder, uid / 64)   place, flags, number of the change, keywords: where there is one, it holds
//! ```

use super::rows::{Entry, EntryFlags, Reader, Writer, sound};
use crate::store::schema::{Readable, Tx, TxResult};

/// UIDs of a row.
const PAGE: u32 = 64;
/// What a damaged row of an entry is called.
const AN_ENTRY: &str = "an entry of a folder";
/// What a damaged row of marks is called.
pub(super) const A_ROW: &str = "a row of flags";

/// What an entry has instead of what it came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    place: u8,
    flags: u8,
    keywords: u64,
    modseq: u64,
}

/// The marks of one row, by their places.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Marks {
    page: u32,
    list: Vec<Mark>,
}

/// The row that a UID is in, and its place there.
fn at(uid: u32) -> (u32, u8) {
    // The rest is less than 64.
    (uid / PAGE, u8::try_from(uid % PAGE).unwrap_or_default())
}

/// The row that a UID is in.
pub(super) fn page_of(uid: u32) -> u32 {
    at(uid).0
}

impl Marks {
    /// The number of the row.
    pub fn page(&self) -> u32 {
        self.page
    }

    /// Gives the flags that an entry of this row has now, where they are kept here. Of an entry that is gone nothing is kept.
    pub fn of(&self, uid: u32) -> Option<EntryFlags> {
        let mark = &self.list[self.find(uid).ok()?];
        Some(EntryFlags { uid, flags: mark.flags, keywords: mark.keywords, modseq: mark.modseq })
    }

    fn find(&self, uid: u32) -> Result<usize, usize> {
        self.list.binary_search_by_key(&at(uid).1, |mark| mark.place)
    }

    /// Gives an entry of this row the flags that it has now.
    pub fn put_over(&self, entry: &mut Entry) {
        if let Some(now) = self.of(entry.uid) {
            (entry.flags, entry.keywords, entry.modseq) = (now.flags, now.keywords, now.modseq);
        }
    }

    /// Keeps the flags of an entry of this row.
    pub fn keep(&mut self, entry: &EntryFlags) {
        let place = at(entry.uid).1;
        let mark = Mark { place, flags: entry.flags, keywords: entry.keywords, modseq: entry.modseq };
        match self.find(entry.uid) {
            Ok(found) => self.list[found] = mark,
            Err(free) => self.list.insert(free, mark),
        }
    }

    /// Forgets what is kept of a UID of this row.
    pub fn forget(&mut self, uid: u32) {
        if let Ok(found) = self.find(uid) {
            self.list.remove(found);
        }
    }

    /// The UIDs whose last change has this number.
    pub fn changed_by(&self, modseq: u64) -> impl Iterator<Item = u32> + '_ {
        let of = self.list.iter().filter(move |mark| mark.modseq == modseq);
        of.map(|mark| self.page * PAGE + u32::from(mark.place))
    }

    fn row(&self) -> Vec<u8> {
        let mut row = Writer::new(self.list.len() * 12 + 4);
        for mark in &self.list {
            let bytes = 8 - mark.keywords.leading_zeros() as usize / 8;
            row.number(mark.place.into(), 1).number(mark.flags.into(), 1).number(mark.modseq, 8);
            row.number(bytes as u64, 1).number(mark.keywords, bytes);
        }
        row.done()
    }

    fn read(page: u32, row: &[u8]) -> Option<Self> {
        let mut row = Reader::new(row)?;
        let mut marks = Self { page, list: Vec::with_capacity(row.left() / 11) };
        while row.left() > 0 {
            let place = u8::try_from(row.number(1)?).ok()?;
            let flags = u8::try_from(row.number(1)?).ok()?;
            let modseq = row.number(8)?;
            let bytes = usize::try_from(row.number(1)?).ok().filter(|bytes| *bytes <= 8)?;
            marks.list.push(Mark { place, flags, keywords: row.number(bytes)?, modseq });
        }
        let rises = marks.list.is_sorted_by(|one, next| one.place < next.place);
        (rises && marks.list.iter().all(|mark| u32::from(mark.place) < PAGE)).then_some(marks)
    }
}

/// The marks of a row; `None` when it is damaged.
fn marks_of<T>(table: &T, key: (&str, u32, u32)) -> TxResult<Option<Marks>>
where
    T: Readable<(&'static str, u32, u32), &'static [u8]>,
{
    let page = key.2;
    let row = table.get(key)?;
    Ok(row.map_or_else(|| Some(Marks { page, list: Vec::new() }), |row| Marks::read(page, row.value())))
}

/// Reads the entries of one folder, with the flags that they have now.
pub(super) struct EntryReader<'t, T> {
    table: &'t T,
    person: &'t str,
    folder: u32,
    /// Those of the last entry; `None` in it when the row is damaged.
    last: Option<(u32, Option<Marks>)>,
}

impl<'t, T: Readable<(&'static str, u32, u32), &'static [u8]>> EntryReader<'t, T> {
    /// Reads with the marks of this table.
    pub fn new(table: &'t T, person: &'t str, folder: u32) -> Self {
        Self { table, person, folder, last: None }
    }

    /// The marks of a row; `None` when it is damaged.
    pub fn marks(&mut self, page: u32) -> TxResult<Option<&Marks>> {
        if self.last.as_ref().is_none_or(|(last, _)| *last != page) {
            self.last = Some((page, marks_of(self.table, (self.person, self.folder, page))?));
        }
        Ok(self.last.as_ref().and_then(|(_, marks)| marks.as_ref()))
    }

    /// The entry of a row; `None` when that, or the marks of it, are damaged.
    pub fn read(&mut self, uid: u32, row: &[u8]) -> TxResult<Option<Entry>> {
        let (Some(mut entry), Some(marks)) = (Entry::read(uid, row), self.marks(page_of(uid))?) else {
            return Ok(None);
        };
        marks.put_over(&mut entry);
        Ok(Some(entry))
    }

    /// The entry of a row, with the flags it came with where those that it has now are damaged; `None` when itself is damaged.
    pub fn what_is_left(&mut self, uid: u32, row: &[u8]) -> TxResult<Option<Entry>> {
        Ok(self.read(uid, row)?.or_else(|| Entry::read(uid, row)))
    }

    /// Reads the entry of a row that has to be whole.
    pub fn whole(&mut self, uid: u32, row: &[u8]) -> TxResult<Entry> {
        sound(self.read(uid, row)?, AN_ENTRY)
    }
}

/// Does something with the rows of these UIDs, which rise; those that are not there are left out.
fn each_row<T>(
    entries: &T,
    (person, folder): (&str, u32),
    uids: &[u32],
    mut take: impl FnMut(u32, &[u8]) -> TxResult<()>,
) -> TxResult<()>
where
    T: Readable<(&'static str, u32, u32), &'static [u8]>,
{
    let (Some(first), Some(last)) = (uids.first(), uids.last()) else { return Ok(()) };
    let span = usize::try_from(last.saturating_sub(*first)).unwrap_or(usize::MAX);
    // Where few are left out, one walk is cheaper than a search for each.
    if span > 0 && span < uids.len().saturating_mul(4) {
        let mut wanted = uids.iter().peekable();
        entries.each((person, folder, *first)..=(person, folder, *last), |(_, _, uid), row| {
            while wanted.next_if(|wanted| **wanted < uid).is_some() {}
            match wanted.next_if(|wanted| **wanted == uid) {
                Some(_) => take(uid, row),
                None => Ok(()),
            }
        })?;
    } else {
        for uid in uids {
            if let Some(row) = entries.get((person, folder, *uid))? {
                take(*uid, row.value())?;
            }
        }
    }
    Ok(())
}

/// The entries of these UIDs, which rise; those that are not there are left out.
pub(super) fn entries_of<T>(entries: &T, marks: &T, (person, folder): (&str, u32), uids: &[u32]) -> TxResult<Vec<Entry>>
where
    T: Readable<(&'static str, u32, u32), &'static [u8]>,
{
    let mut found = Vec::with_capacity(uids.len());
    let mut reader = EntryReader::new(marks, person, folder);
    each_row(entries, (person, folder), uids, |uid, row| {
        found.push(reader.whole(uid, row)?);
        Ok(())
    })?;
    Ok(found)
}

/// The flags that the entries of these UIDs have now, which rise; those that are not there are left out. The row of an entry
/// itself is read only where its flags are as they came.
pub(super) fn flags_of<T>(entries: &T, marks: &T, place: (&str, u32), uids: &[u32]) -> TxResult<Vec<EntryFlags>>
where
    T: Readable<(&'static str, u32, u32), &'static [u8]>,
{
    let (Some(first), Some(last)) = (uids.first(), uids.last()) else { return Ok(Vec::new()) };
    let (person, folder) = place;
    let (mut found, mut unmarked) = (Vec::with_capacity(uids.len()), Vec::new());
    let mut left = uids;
    marks.each((person, folder, page_of(*first))..=(person, folder, page_of(*last)), |(_, _, page), row| {
        let (before, rest) = left.split_at(left.partition_point(|uid| page_of(*uid) < page));
        let (here, behind) = rest.split_at(rest.partition_point(|uid| page_of(*uid) == page));
        left = behind;
        unmarked.extend_from_slice(before);
        if !here.is_empty() {
            take_flags(&sound(Marks::read(page, row), A_ROW)?, here, &mut found, &mut unmarked);
        }
        TxResult::Ok(())
    })?;
    unmarked.extend_from_slice(left);
    add_unmarked(entries, place, &unmarked, &mut found)?;
    Ok(found)
}

/// Divides UIDs of one row into those with marks and those without.
fn take_flags(marks: &Marks, uids: &[u32], found: &mut Vec<EntryFlags>, unmarked: &mut Vec<u32>) {
    for uid in uids {
        match marks.of(*uid) {
            Some(flags) => found.push(flags),
            None => unmarked.push(*uid),
        }
    }
}

/// Adds the flags that entries came with.
fn add_unmarked<T>(entries: &T, place: (&str, u32), unmarked: &[u32], found: &mut Vec<EntryFlags>) -> TxResult<()>
where
    T: Readable<(&'static str, u32, u32), &'static [u8]>,
{
    let both = !found.is_empty();
    each_row(entries, place, unmarked, |uid, row| {
        found.push(sound(EntryFlags::read(uid, row), AN_ENTRY)?);
        Ok(())
    })?;
    if both && !unmarked.is_empty() {
        // Two lists that rise.
        found.sort_by_key(|entry| entry.uid);
    }
    Ok(())
}

impl Tx<'_> {
    /// Reads the marks of a row; empty marks where there is no row.
    pub(super) fn marks_in(&self, person: &str, folder: u32, page: u32) -> TxResult<Marks> {
        sound(marks_of(&self.marks, (person, folder, page))?, A_ROW)
    }

    /// The flags that entries of one row, whose marks these are, have now: of these UIDs, which rise; those that are not there are
    /// left out.
    pub(super) fn flags_in(&self, place: (&str, u32), marks: &Marks, uids: &[u32]) -> TxResult<Vec<EntryFlags>> {
        let (mut found, mut unmarked) = (Vec::with_capacity(uids.len()), Vec::new());
        take_flags(marks, uids, &mut found, &mut unmarked);
        add_unmarked(&self.entries, place, &unmarked, &mut found)?;
        Ok(found)
    }

    /// The marks of a row; none where they are damaged, and with the next change of the row they are gone for good.
    pub(super) fn marks_left(&self, person: &str, folder: u32, page: u32) -> TxResult<Marks> {
        let found = marks_of(&self.marks, (person, folder, page))?;
        Ok(found.unwrap_or_else(|| {
            log::warn!(
                "store: the flags of some mails of {person} are damaged: they are as they were when the mails came"
            );
            Marks { page, list: Vec::new() }
        }))
    }

    /// Writes the marks of a row, which goes when it is empty.
    pub(super) fn put_marks(&mut self, person: &str, folder: u32, marks: &Marks) -> TxResult<()> {
        let key = (person, folder, marks.page);
        if marks.list.is_empty() {
            self.marks.remove(key)?;
        } else {
            self.marks.insert(key, marks.row().as_slice())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_read_as_they_were_written_and_every_flipped_bit_is_noticed() {
        let mut marks = Marks { page: 3, list: Vec::new() };
        for (uid, keywords) in [(255, 1 << 63), (192, 0), (200, 0x1234), (200, 7)] {
            marks.keep(&EntryFlags { uid, keywords, flags: 5, modseq: 1 << 40 | u64::from(uid) });
        }
        let row = marks.row();
        assert_eq!(row.len(), 3 * 11 + 1 + 8 + 4);
        assert_eq!(Marks::read(3, &row), Some(marks.clone()));
        for bit in 0..row.len() * 8 {
            let mut damaged = row.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Marks::read(3, &damaged), None, "bit {bit}");
        }
        assert_eq!(marks.changed_by(1 << 40 | 200).collect::<Vec<_>>(), [200]);
        let mut entry = Entry { uid: 200, ..Entry::default() };
        marks.put_over(&mut entry);
        assert_eq!((entry.flags, entry.keywords), (5, 7));
        [255, 200, 192, 193].into_iter().for_each(|uid| marks.forget(uid));
        assert!(marks.list.is_empty());
    }
}
