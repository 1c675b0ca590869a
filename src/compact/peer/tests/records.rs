//! Records of peers that earlier versions wrote: a data folder keeps opening.

use crate::peer::Peer;
use crate::peer::record::{Rows, WHOLE};

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
