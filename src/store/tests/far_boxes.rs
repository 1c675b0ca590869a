//! Far boxes in the store, and how a file of version 4 comes to them.

use redb::Database;
use serde_json::{Value, json};
use testing::Folder;

use super::super::FILE;
use super::super::schema::{FATES, META, PACKETS, PARTS, PEERS, PEOPLE};
use super::*;
use crate::address::{LinkAddress, PeerId};
use crate::store::schema::Readable;

/// A store as version 4 wrote it: anna and ben with a device each, a device that nobody owns any more but that was spoken
/// with, and what hangs on their names.
fn written_by_version_4(folder: &Folder) {
    let first = store(folder);
    first.put(mail(vec![message(Way::Link, State::Queued, 1)])).unwrap();
    first.close();
    drop(first);
    let database = Database::open(folder.join(FILE)).unwrap();
    let txn = database.begin_write().unwrap();
    {
        let bytes = |value: &Value| super::super::schema::json(value);
        let mut people = PEOPLE.open(&txn).unwrap();
        for (name, device, called, added) in [("ben", 7, "", 9), ("anna", 6846, "the one in the dinghy", 5)] {
            let person =
                json!({"name": name, "home": "device", "device": device, "device_name": called, "added": added});
            people.insert(name, bytes(&person).as_slice()).unwrap();
        }
        people.insert("olga", bytes(&json!({"name": "olga", "device": null})).as_slice()).unwrap();
        let mut peers = PEERS.open(&txn).unwrap();
        for (name, tickets) in [("", 1), ("0x001abe", 2), ("0x000011", 3)] {
            peers.insert(name, format!("{{\"tickets\":{tickets}}}").as_bytes()).unwrap();
        }
        let held = json!({"held": {"holder": "hive", "number": 77}});
        let packet = json!({"number": 1, "letters": [1], "body": 1, "part": 1, "parts": 1, "device": 6846,
            "payload": [8], "state": held, "at": 5});
        PACKETS.open(&txn).unwrap().insert(1, bytes(&packet).as_slice()).unwrap();
        FATES.open(&txn).unwrap().insert(("0x001abe", 1), ()).unwrap();
        let part = json!({"text": "x", "total": 2, "device": "0x001abe", "other": "a@b.org", "at": 5});
        PARTS.open(&txn).unwrap().insert(("0x001abe|a@b.org|tag|2", 1), bytes(&part).as_slice()).unwrap();
        let mut meta = META.open(&txn).unwrap();
        let row = meta.get("ledger").unwrap().unwrap().value().to_vec();
        let mut ledger: Value = super::super::schema::record(&row).unwrap();
        ledger["version"] = 4.into();
        ledger.as_object_mut().unwrap().remove("next_far_box");
        meta.insert("ledger", serde_json::to_vec(&ledger).unwrap().as_slice()).unwrap();
    }
    txn.commit().unwrap();
}

#[test]
fn a_store_of_version_4_gets_a_far_box_for_each_device() {
    let folder = Folder::new();
    written_by_version_4(&folder);
    let store = store(&folder);
    let people = store.people();
    let anna = people.get("anna").unwrap();
    let far_box = people.far_box_of(anna).unwrap();
    assert_eq!((far_box.id, far_box.shown().as_str(), far_box.added), (PeerId(1), "the one in the dinghy", Time(5)));
    assert_eq!((anna.home, people.get("olga").unwrap().far_box), (crate::people::Home::FarBox, None));
    let address = |text: &str| text.parse::<LinkAddress>().unwrap();
    let ids = ["6846", "7", "17"].map(|text| people.at(address(text)).unwrap().id);
    assert_eq!(ids, [PeerId(1), PeerId(2), PeerId(3)]);
    assert_eq!(people.first_of(PeerId(2)).unwrap().name, "ben");
    assert_eq!(store.read(|view| view.session_names()).unwrap(), ["", "1", "3"]);
    for (name, tickets) in [("", 1), ("1", 2), ("3", 3)] {
        let whole = [((String::new(), 0), format!("{{\"tickets\":{tickets}}}").into_bytes())].into();
        assert_eq!(store.read(|view| view.session_rows(name)).unwrap(), whole);
    }
    let packet = store.read(|view| view.packets_of(Id(1))).unwrap();
    let packet = match packet.first() {
        Some(packet) => packet.clone(),
        None => store.write(|tx| tx.packet(1)).unwrap().unwrap(),
    };
    assert_eq!((packet.far_box, packet.address), (Some(PeerId(1)), Some(address("6846"))));
    assert_eq!(store.read(|view| view.fate_far_boxes()).unwrap(), ["1"]);
    assert_eq!(store.read(|view| view.fates("1", 9)).unwrap(), [Id(1)]);
    let parts = store.read(|view| view.stale_parts(Time(9))).unwrap();
    assert_eq!((parts[0].0.as_str(), parts[0].1[0].1.device.as_str()), ("1|a@b.org|tag|2", "1"));
    // The next one that is met gets the next number.
    assert_eq!(store.write(move |tx| tx.far_box_at(address("99"), Time(1))).unwrap(), PeerId(4));
}

#[test]
fn a_far_box_goes_with_what_was_known_of_it() {
    let folder = Folder::new();
    let store = store(&folder);
    let id = store.write(|tx| tx.far_box_at("7".parse().unwrap(), Time(1))).unwrap();
    assert_eq!(store.write(|tx| tx.far_box_at("7".parse().unwrap(), Time(2))).unwrap(), id);
    let known = [(("book".to_owned(), 0), b"{}".to_vec())].into();
    store.write(move |tx| tx.put_session_rows(&id.to_string(), &known)).unwrap();
    store.write(move |tx| tx.remove_far_box(id)).unwrap();
    assert!(store.people().far_box(id).is_none() && store.read(|view| view.session_names()).unwrap().is_empty());
}
