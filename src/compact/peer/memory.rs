//! What is remembered for weeks: the names that went out, and the bundles that came in.
//!
//! There may be thousands of both: each is a row of its own where the peer is kept. In records of older boxes all of them are one
//! line of hex digits.

use serde::{Deserialize, Serialize};

pub use crate::packet::bundle::MOST_SALTS;

/// The name of a bundle toward both ends: sixteen bits of the hash of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BundleName(pub u16);

/// How long a bundle that came in is known again, after it last came. Longer than the sender repeats it.
const TAKEN_HOURS: i64 = 30 * 24;
/// How long a name is not given to another bundle. Longer than the receiver knows it again.
const USED_HOURS: i64 = 45 * 24;
/// Most bundles, and most names, that are remembered.
const MOST: usize = 2048;
const HOUR: i64 = 3_600_000;

/// The hash of a bundle, the same in all versions: FNV-1a, its bits mixed.
pub fn hash(bytes: &[u8]) -> u64 {
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, fold);
    let hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ hash >> 33
}

/// Gives the name of a bundle with this hash: its low sixteen bits.
pub fn name_of(hash: u64) -> BundleName {
    BundleName(hash as u16)
}

/// Bytes that are written as hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct HexBytes(pub Vec<u8>);

impl From<HexBytes> for String {
    fn from(bytes: HexBytes) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |value: u8| char::from(DIGITS[usize::from(value & 15)]);
        bytes.0.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
    }
}

impl TryFrom<String> for HexBytes {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let digit = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
        let pair = |pair: &[u8]| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?);
        text.as_bytes().chunks(2).map(pair).collect::<Option<_>>().map(Self).ok_or("not hex digits")
    }
}

/// What became of a bundle that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reception {
    /// It could not be read; it is kept.
    Parked,
    /// Its messages were delivered.
    Delivered,
    /// Another bundle brought its messages, or some of them.
    Replaced,
}

/// The bundles that came in, the last one last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "HexBytes", try_from = "HexBytes")]
pub struct TakenBundles(Vec<TakenEntry>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct TakenEntry {
    /// Zero when only the name is known.
    hash: u64,
    name: BundleName,
    reception: Reception,
    hour: u32,
}

impl TakenBundles {
    /// Name and state of what has this hash: a bundle, or a fragment of one.
    pub fn find(&self, hash: u64) -> Option<(BundleName, Reception)> {
        self.0.iter().find(|entry| entry.hash == hash).map(|entry| (entry.name, entry.reception))
    }

    /// What became of the bundle of this name.
    pub fn reception(&self, name: BundleName) -> Option<Reception> {
        self.0.iter().find(|entry| entry.name == name).map(|entry| entry.reception)
    }

    /// Remembers a bundle, or a fragment of the bundle of this name.
    pub fn add(&mut self, hash: u64, name: BundleName, reception: Reception, now: i64) {
        self.0.retain(|entry| entry.hash != hash || hash == 0);
        self.0.push(TakenEntry { hash, name, reception, hour: hour(now) });
        let over = self.0.len().saturating_sub(MOST);
        self.0.drain(..over);
    }

    /// Something else became of the bundle of this name, whether or not it ever came.
    pub fn settle(&mut self, name: BundleName, reception: Reception, now: i64) {
        let mut known = false;
        for entry in self.0.iter_mut().filter(|entry| entry.name == name) {
            (entry.reception, entry.hour, known) = (reception, hour(now), true);
        }
        if !known {
            self.add(0, name, reception, now);
        }
    }

    /// It came once more: it is remembered from now on.
    pub fn touch(&mut self, name: BundleName, now: i64) {
        self.0.iter_mut().filter(|entry| entry.name == name).for_each(|entry| entry.hour = hour(now));
    }

    /// As if it had never come.
    pub fn forget(&mut self, name: BundleName) {
        self.0.retain(|entry| entry.name != name);
    }

    /// Those that another memory does not have as they are here.
    pub fn without(&self, other: &Self) -> Self {
        Self(without(&self.0, &other.0))
    }

    /// Forgets what is too old.
    pub fn age(&mut self, now: i64) {
        self.0.retain(|entry| i64::from(entry.hour) + TAKEN_HOURS > now / HOUR);
    }
}

/// What one list has and another has not.
fn without<T: Copy + Eq + std::hash::Hash>(own: &[T], other: &[T]) -> Vec<T> {
    if own == other {
        return Vec::new();
    }
    let known: std::collections::HashSet<T> = other.iter().copied().collect();
    own.iter().copied().filter(|entry| !known.contains(entry)).collect()
}

fn hour(now: i64) -> u32 {
    u32::try_from(now / HOUR).unwrap_or(0)
}

impl TakenBundles {
    /// One row for each, under its hash, or under its name where only that is known.
    pub fn rows(&self) -> impl Iterator<Item = (u64, Vec<u8>)> {
        self.0.iter().map(|entry| {
            let id = if entry.hash == 0 { u64::from(entry.name.0) } else { entry.hash };
            let mut row = vec![u8::from(entry.hash == 0), entry.reception as u8];
            row.extend(entry.name.0.to_be_bytes());
            row.extend(entry.hour.to_be_bytes());
            (id, row)
        })
    }

    /// Puts them together again, the last one last; `None` when one of them is no such row.
    pub fn from_rows<'r>(rows: impl IntoIterator<Item = (u64, &'r [u8])>) -> Option<Self> {
        let entry = |(id, row): (u64, &[u8])| {
            let &[nameless, reception, high, low, a, b, c, d] = row else { return None };
            Some(TakenEntry {
                hash: if nameless == 1 { 0 } else { id },
                name: BundleName(u16::from_be_bytes([high, low])),
                reception: Reception::from_byte(reception)?,
                hour: u32::from_be_bytes([a, b, c, d]),
            })
        };
        let mut entries = rows.into_iter().map(entry).collect::<Option<Vec<_>>>()?;
        entries.sort_by_key(|entry| entry.hour);
        Some(Self(entries))
    }
}

impl Reception {
    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Parked, Self::Delivered, Self::Replaced].into_iter().find(|known| *known as u8 == byte)
    }
}

impl From<TakenBundles> for HexBytes {
    fn from(taken: TakenBundles) -> Self {
        let line = |entry: TakenEntry| {
            let mut line = [0; 15];
            line[..8].copy_from_slice(&entry.hash.to_be_bytes());
            line[8..10].copy_from_slice(&entry.name.0.to_be_bytes());
            line[10] = entry.reception as u8;
            line[11..].copy_from_slice(&entry.hour.to_be_bytes());
            line
        };
        Self(taken.0.into_iter().flat_map(line).collect())
    }
}

impl TryFrom<HexBytes> for TakenBundles {
    type Error = &'static str;

    fn try_from(bytes: HexBytes) -> Result<Self, Self::Error> {
        let entry = |line: &[u8]| {
            let (hash, rest) = line.split_first_chunk::<8>()?;
            let (&[high, low], rest) = rest.split_first_chunk::<2>()?;
            let (&reception, hour) = rest.split_first()?;
            let reception = Reception::from_byte(reception)?;
            let (hash, hour) = (u64::from_be_bytes(*hash), u32::from_be_bytes(hour.try_into().ok()?));
            Some(TakenEntry { hash, name: BundleName(u16::from_be_bytes([high, low])), reception, hour })
        };
        bytes.0.chunks(15).map(entry).collect::<Option<_>>().map(Self).ok_or("not a memory of bundles")
    }
}

/// Names of bundles that went out, with the hour of that: the far box may know them still.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "HexBytes", try_from = "HexBytes")]
pub struct UsedNames(Vec<(BundleName, u32)>);

impl UsedNames {
    /// True for a name that the far box may still know.
    pub fn has(&self, name: BundleName) -> bool {
        self.0.iter().any(|(used, _)| *used == name)
    }

    /// It goes out, or goes out again.
    pub fn add(&mut self, name: BundleName, now: i64) {
        self.0.retain(|(used, _)| *used != name);
        self.0.push((name, hour(now)));
        let over = self.0.len().saturating_sub(2 * MOST);
        self.0.drain(..over);
    }

    /// Those that another memory does not have as they are here.
    pub fn without(&self, other: &Self) -> Self {
        Self(without(&self.0, &other.0))
    }

    /// Forgets what is too old.
    pub fn age(&mut self, now: i64) {
        self.0.retain(|(_, hour)| i64::from(*hour) + USED_HOURS > now / HOUR);
    }
}

impl UsedNames {
    /// One row for each, under the name.
    pub fn rows(&self) -> impl Iterator<Item = (u64, Vec<u8>)> {
        self.0.iter().map(|(name, hour)| (u64::from(name.0), hour.to_be_bytes().to_vec()))
    }

    /// Puts them together again, the last one last; `None` when one of them is no such row.
    pub fn from_rows<'r>(rows: impl IntoIterator<Item = (u64, &'r [u8])>) -> Option<Self> {
        let entry = |(id, hour): (u64, &[u8])| {
            Some((BundleName(u16::try_from(id).ok()?), u32::from_be_bytes(hour.try_into().ok()?)))
        };
        let mut names = rows.into_iter().map(entry).collect::<Option<Vec<_>>>()?;
        names.sort_by_key(|(_, hour)| *hour);
        Some(Self(names))
    }
}

impl From<UsedNames> for HexBytes {
    fn from(used: UsedNames) -> Self {
        let line = |(name, hour): (BundleName, u32)| name.0.to_be_bytes().into_iter().chain(hour.to_be_bytes());
        Self(used.0.into_iter().flat_map(line).collect())
    }
}

impl TryFrom<HexBytes> for UsedNames {
    type Error = &'static str;

    fn try_from(bytes: HexBytes) -> Result<Self, Self::Error> {
        let entry = |line: &[u8]| {
            let (&[high, low], hour) = line.split_first_chunk::<2>()?;
            Some((BundleName(u16::from_be_bytes([high, low])), u32::from_be_bytes(hour.try_into().ok()?)))
        };
        bytes.0.chunks(6).map(entry).collect::<Option<_>>().map(Self).ok_or("not a memory of names")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_survives_the_record_and_ends_with_its_time() {
        let (mut taken, mut used) = (TakenBundles::default(), UsedNames::default());
        let start = 500_000 * HOUR;
        taken.add(77, BundleName(5), Reception::Parked, start);
        taken.add(78, BundleName(5), Reception::Parked, start);
        taken.settle(BundleName(5), Reception::Delivered, start);
        taken.settle(BundleName(6), Reception::Replaced, start + HOUR);
        used.add(BundleName(9), start);
        let (text, names) = (serde_json::to_string(&taken).unwrap(), serde_json::to_string(&used).unwrap());
        assert_eq!(serde_json::from_str::<TakenBundles>(&text).unwrap(), taken);
        assert_eq!(serde_json::from_str::<UsedNames>(&names).unwrap(), used);
        assert_eq!(taken.find(78), Some((BundleName(5), Reception::Delivered)));
        assert_eq!((taken.reception(BundleName(6)), taken.find(0x5555)), (Some(Reception::Replaced), None));
        let rows: Vec<_> = taken.rows().collect();
        let again = TakenBundles::from_rows(rows.iter().map(|(id, row)| (*id, row.as_slice()))).unwrap();
        assert_eq!((again.find(77), again.reception(BundleName(6))), (taken.find(77), taken.reception(BundleName(6))));
        assert_eq!(again.0.len(), taken.0.len());
        let rows: Vec<_> = used.rows().collect();
        assert_eq!(UsedNames::from_rows(rows.iter().map(|(id, row)| (*id, row.as_slice()))), Some(used.clone()));
        assert!(
            TakenBundles::from_rows([(1, &[0_u8; 7][..])]).is_none()
                && UsedNames::from_rows([(70_000, &[0_u8; 4][..])]).is_none()
        );
        taken.age(start + TAKEN_HOURS * HOUR);
        used.age(start + TAKEN_HOURS * HOUR);
        assert_eq!(
            (taken.find(77), taken.reception(BundleName(6)), used.has(BundleName(9))),
            (None, Some(Reception::Replaced), true)
        );
        for bad in ["\"0\"", "\"0g\"", "\"00\"", "7"] {
            assert!(
                serde_json::from_str::<TakenBundles>(bad).is_err() && serde_json::from_str::<UsedNames>(bad).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_memory_is_bounded() {
        let (mut taken, mut used) = (TakenBundles::default(), UsedNames::default());
        for n in 1..=10_000_u16 {
            taken.add(u64::from(n), BundleName(n), Reception::Delivered, 0);
            used.add(BundleName(n), 0);
        }
        assert_eq!((taken.0.len(), used.0.len()), (MOST, 2 * MOST));
        assert!(taken.find(1).is_none() && taken.find(10_000).is_some() && used.has(BundleName(10_000)));
    }
}
