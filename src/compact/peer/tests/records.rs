//! Records of peers that earlier versions wrote: a data folder keeps opening.

use crate::peer::Peer;
use crate::peer::fate::Fate;
use crate::peer::memory::{BundleName, Reception};
use crate::peer::record::{RowChanges, Rows, WHOLE};

/// Everything that a record can hold, as it is written since the first version.
const RECORD: &str = include_str!("record.json");

#[test]
fn a_record_of_the_first_version_is_read_and_written_back_as_it_was() {
    let peer: Peer = serde_json::from_str(RECORD).unwrap();
    let again: serde_json::Value = serde_json::from_str(&serde_json::to_string(&peer).unwrap()).unwrap();
    assert_eq!(again, serde_json::from_str::<serde_json::Value>(RECORD).unwrap());
}

/// From before there were rows: the record is one of them, and goes with the first change.
#[test]
fn a_record_of_the_first_version_becomes_rows() {
    let peer: Peer = serde_json::from_str(RECORD).unwrap();
    let whole = [((WHOLE.to_owned(), 0), RECORD.as_bytes().to_vec())].into();
    let read = Peer::from_rows(&whole).unwrap();
    assert_eq!(read, peer);
    let rows = read.rows();
    assert!(!rows.contains_key(&(WHOLE.to_owned(), 0)));
    let again: serde_json::Value =
        serde_json::from_str(&serde_json::to_string(&Peer::from_rows(&rows).unwrap()).unwrap()).unwrap();
    assert_eq!(again, serde_json::from_str::<serde_json::Value>(RECORD).unwrap());
    assert!(Peer::from_rows(&[(("book".to_owned(), 0), b"{".to_vec())].into()).is_err());
    assert_eq!(Peer::from_rows(&Rows::new()), Ok(Peer::default()));
}

/// Bytes of the rows that change with one message each way, and what became of them.
fn changed(peer: &mut Peer, number: u16) -> usize {
    let (before, at) = (peer.clone(), i64::from(number) * 1000);
    peer.fates.there(BundleName(number), &[u64::from(number)], at);
    peer.tell_fate(BundleName(number), 0, Fate::Delivered, at);
    peer.fates.told(BundleName(number), 0);
    peer.used.add(BundleName(number), at);
    peer.taken.add(u64::from(number), BundleName(number), Reception::Delivered, at);
    peer.changes(&before).values().map(|row| row.as_ref().map_or(0, Vec::len)).sum()
}

#[test]
fn a_message_changes_as_little_when_much_is_remembered() {
    let mut peer = Peer::default();
    let mut kept = peer.rows();
    let first = changed(&mut peer, 100);
    for number in 101..500 {
        let before = peer.clone();
        assert!(changed(&mut peer, number) < first + 16, "{number}");
        put(&mut kept, peer.changes(&before));
    }
    let read = Peer::from_rows(&peer.rows()).unwrap();
    assert_eq!((&read.fates, read.rows()), (&peer.fates, peer.rows()));
    assert_eq!(kept.len() + 3, peer.rows().len(), "what changed, put together, is what there is");
    assert_eq!(read.fates.key(BundleName(321), 0), Some(321));
    // As rows had it before: all of them in one.
    let all = serde_json::to_value(&peer.fates).unwrap().to_string().into_bytes();
    let old: Rows = peer.rows().into_iter().filter(|((part, _), _)| part != "has").collect();
    let old = old.into_iter().chain([(("fates".to_owned(), 0), all)]).collect();
    assert_eq!(Peer::from_rows(&old).unwrap().rows(), peer.rows());
}

/// As `changes` are written down.
fn put(kept: &mut Rows, changes: RowChanges) {
    for (key, row) in changes {
        match row {
            Some(row) => drop(kept.insert(key, row)),
            None => drop(kept.remove(&key)),
        }
    }
}

/// Names fall as time goes, and rows are read in the order of names.
#[test]
fn the_oldest_bundles_are_forgotten_first_whatever_was_read_and_set_right_meanwhile() {
    const AHEAD: i64 = 10_000_000_000;
    let (mut peer, mut kept) = (Peer::default(), Peer::default().rows());
    for number in 0..600_u16 {
        if number == 400 {
            // A clock that was ahead is set right, and what is written down follows it.
            for (_, row) in kept.iter_mut().filter(|((part, _), _)| part == "has") {
                let mut bundle: serde_json::Value = serde_json::from_slice(row).unwrap();
                bundle["at"] = (bundle["at"].as_i64().unwrap() - AHEAD).into();
                *row = bundle.to_string().into_bytes();
            }
            peer = Peer::from_rows(&kept).unwrap();
        }
        let (before, at) = (peer.clone(), i64::from(number) * 1000 + if number < 400 { AHEAD } else { 0 });
        peer.fates.there(BundleName(u16::MAX - number), &[u64::from(number)], at);
        put(&mut kept, peer.changes(&before));
        if number % 50 == 0 {
            peer = Peer::from_rows(&kept).unwrap();
        }
    }
    assert_eq!(kept, peer.rows(), "what changed, put together, is what there is");
    let known = |number: u16| peer.fates.key(BundleName(u16::MAX - number), 0) == Some(u64::from(number));
    assert!((0..600).all(|number| known(number) == (number >= 600 - 512)));
}
