//! Records of peers that earlier versions wrote: a data folder keeps opening.

use crate::peer::Peer;

/// Everything that a record can hold, as it is written since the first version.
const RECORD: &str = include_str!("record.json");

#[test]
fn a_record_of_the_first_version_is_read_and_written_back_as_it_was() {
    let peer: Peer = serde_json::from_str(RECORD).unwrap();
    let again: serde_json::Value = serde_json::from_str(&serde_json::to_string(&peer).unwrap()).unwrap();
    assert_eq!(again, serde_json::from_str::<serde_json::Value>(RECORD).unwrap());
}
