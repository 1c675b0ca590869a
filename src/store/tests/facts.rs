//! Facts in the records: written as data, and read where an older version wrote a sentence.

use serde_json::json;

use super::*;
use crate::message::events::{EventKind, SetAside};
use crate::message::reason::{Acknowledged, LinkReason, SignalFigures, Unusable};
use crate::message::{Packet, Reason};
use crate::store::Event;
use crate::store::inbound::Quarantined;

#[test]
fn sentences_of_older_versions_are_read_and_shown() {
    let event = json!({"at": 5, "part": "link", "words": "the modem starts", "alarm": true});
    let event: Event = serde_json::from_value(event).unwrap();
    assert_eq!(event.kind, EventKind::Old("the modem starts".into()));
    assert_eq!(event.kind.to_string(), "the modem starts");
    let aside = json!({"source": "link", "why": "it is no packet of ours", "bytes": "ff", "at": 5});
    let aside: Quarantined = serde_json::from_value(aside).unwrap();
    assert_eq!(aside.why, Reason::Old("it is no packet of ours".into()));
    let packet = json!({"number": 7, "letters": [1], "body": 7, "part": 1, "parts": 1, "payload": [1], "state": "planned",
        "at": 5, "note": "RSSI -104 dBm, SNR 3 dB"});
    let packet: Packet = serde_json::from_value(packet).unwrap();
    assert_eq!(packet.note.to_string(), "RSSI -104 dBm, SNR 3 dB");
}

#[test]
fn facts_are_written_as_data_and_come_back() {
    let figures = SignalFigures { rssi: Some(-1043), snr: Some(30), fdev: None };
    let note: Reason = LinkReason::Acknowledged { part: None, how: Acknowledged::Signal(figures) }.into();
    let stored = serde_json::to_value(&note).unwrap();
    assert_eq!(stored["how"]["signal"]["rssi"], -1043);
    assert_eq!(serde_json::from_value::<Reason>(stored).unwrap(), note);
    assert_eq!(note.to_string(), "acknowledged by a satellite: RSSI -104.3 dBm, SNR 3 dB");
    let kinds = [
        EventKind::SetAside { what: SetAside::Packet("m138:0x001abe".parse().ok()), why: Unusable::BadCheck.into() },
        EventKind::SetAside { what: SetAside::Message(crate::message::Id(5)), why: Reason::said("no room") },
        EventKind::Budget { account: "ben".into(), month: "2026-11".into(), percent: 80, reserve: Some(10) },
        EventKind::Unknown(json!({"event": "of_tomorrow", "count": 3})),
    ];
    for kind in kinds {
        let event = Event { at: Time(5), part: "link".into(), link: None, kind, alarm: true };
        let stored = serde_json::to_value(&event).unwrap();
        assert!(stored["words"]["event"].is_string(), "{stored}");
        assert_eq!(serde_json::from_value::<Event>(stored).unwrap(), event);
    }
}

#[test]
fn what_is_set_aside_is_in_quarantine_and_in_the_events() {
    let folder = Folder::new();
    let store = store(&folder);
    store.write(|tx| tx.set_aside("link", SetAside::Packet(None), Unusable::NotOurs.into(), &[1, 2], Time(9))).unwrap();
    let (count, last) = store.read(|view| view.set_aside()).unwrap().unwrap();
    assert_eq!((count, last.why.code(), last.bytes.as_str()), (1, "unusable.not_ours".to_owned(), "0102"));
    let events = store.read(|view| view.events(9)).unwrap();
    assert_eq!(events[0].kind.to_string(), "a packet from the air is in quarantine: it is no packet of ours");
}
