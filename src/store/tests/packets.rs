//! Packets and their messages, receipts, and files of version 1.

use crate::message::LinkId;
use crate::store::schema::Readable;
use redb::{Database, ReadableDatabase};
use serde_json::json;

use super::super::schema::{CARRIED, META, OPEN, PACKETS, PACKETS_1, REFERENCES, REFERENCES_1, SESSION_ROWS};
use super::*;
use crate::clock::ClockSet;
use crate::message::{Packet, PacketState, Reason, Reference};

fn reference(number: u64) -> Reference {
    Reference { holder: "m138:0x001abe".into(), number }
}

fn packet(messages: &[u64], state: PacketState) -> Packet {
    Packet {
        number: 0,
        messages: messages.iter().map(|id| Id(*id)).collect(),
        group: 0,
        part: 1,
        parts: 1,
        far_box: None,
        address: None,
        payload: vec![1],
        state,
        at: Time(1),
        note: Reason::default(),
        ask: Time(7),
        taking_back: false,
        peer: None,
        link: LinkId::FIRST,
        charge: None,
        mails: Vec::new(),
    }
}

#[test]
fn packets_are_found_by_their_messages_and_by_the_number_of_the_link() {
    let folder = Folder::new();
    let store = store(&folder);
    let packets = [packet(&[1, 2], PacketState::Planned), packet(&[2], PacketState::Planned)];
    let packets = packets.map(|packet| Packet { parts: 2, ..packet });
    let added = store.write(move |tx| tx.add_packets(&packets)).unwrap();
    assert_eq!((added[0].number, added[0].group, added[1].number, added[1].group), (1, 1, 2, 1));
    assert_eq!(store.read(|v| v.packets_of(Id(2))).unwrap(), added);
    assert_eq!(store.read(|v| v.group_of(&added[1])).unwrap(), added);
    assert_eq!(store.read(|v| v.open(PacketQueue::Outbox, Time(0))).unwrap().len(), 2);

    let held = Packet { state: PacketState::Held(reference(1 << 40)), ..added[0].clone() };
    let kept = held.clone();
    store.write(move |tx| tx.put_packet(&kept)).unwrap();
    assert_eq!(store.write(|tx| tx.packet_at(LinkId::FIRST, &reference(1 << 40))).unwrap().as_ref(), Some(&held));
    assert_eq!(store.read(|v| v.owner(LinkId::FIRST, &reference(1 << 40))).unwrap(), Some(1));
    assert_eq!(
        (
            store.read(|v| v.on_link(LinkId::FIRST)).unwrap().values().sum::<usize>(),
            store.read(|v| v.next_ask(LinkId::FIRST)).unwrap()
        ),
        (1, Some(Time(7)))
    );
    assert_eq!(store.read(|v| v.open(PacketQueue::OnLink, Time(7))).unwrap(), [Ok(held.clone())]);
    assert!(store.read(|v| v.open(PacketQueue::OnLink, Time(6))).unwrap().is_empty());

    store.write(move |tx| tx.drop_packet(&held)).unwrap();
    assert_eq!(store.write(|tx| tx.packet_at(LinkId::FIRST, &reference(1 << 40))).unwrap(), None);
    assert_eq!(store.read(|v| v.packets_of(Id(1))).unwrap(), []);
    assert_eq!(store.read(|v| v.packets_of(Id(2))).unwrap(), added[1..]);
}

#[test]
fn a_packet_stays_as_long_as_one_of_its_messages_does() {
    let folder = Folder::new();
    let store = store(&folder);
    let done = || message(Way::Link, State::Sent, i64::MAX);
    store.put(mail(vec![done()])).unwrap();
    store.put(mail(vec![message(Way::Link, State::Queued, 2)])).unwrap();
    let packets = [packet(&[1, 2], PacketState::Sent(reference(1)))];
    store.write(move |tx| tx.add_packets(&packets)).unwrap();
    let notes = [packet(&[], PacketState::Sent(reference(2)))];
    store.write(move |tx| tx.add_packets(&notes)).unwrap();
    let later = Time(1_790_000_000_001);
    store.write(move |tx| tx.prune(Id(0), later, 10)).unwrap();
    assert!(store.message(Id(1)).unwrap().is_none());
    assert_eq!(store.read(|v| v.packets_of(Id(2))).unwrap().len(), 1);
    store.write(|tx| tx.step(Id(2), Time(3), State::Sent, "left", 1, Time(0)).map(drop)).unwrap();
    store.write(move |tx| tx.prune(Id(0), later, 10)).unwrap();
    assert_eq!(store.read(|v| v.owner(LinkId::FIRST, &reference(1))).unwrap(), None);
    assert_eq!(store.read(|v| v.owner(LinkId::FIRST, &reference(2))).unwrap(), Some(2));
    store.write(|tx| tx.prune_packets(Time(2))).unwrap();
    assert_eq!(store.read(|v| v.owner(LinkId::FIRST, &reference(2))).unwrap(), None);
}

#[test]
fn unreadable_rows_are_no_ones_trouble_but_their_own() {
    let folder = Folder::new();
    let store = store(&folder);
    store.put(mail(vec![message(Way::Link, State::Queued, 1)])).unwrap();
    let mut doubtful = message(Way::Link, State::Queued, 2);
    doubtful.clock_believed = false;
    store.put(mail(vec![doubtful])).unwrap();
    let part = |text: &str| PartIn {
        text: text.into(),
        total: 2,
        device: "".into(),
        other: "a".into(),
        answers: None,
        at: Time(1),
    };
    store.write(move |tx| tx.put_part("whole", 1, &part("x")).map(drop)).unwrap();
    store
        .write(|tx| {
            tx.parts.insert(("torn", 1), &b"{"[..])?;
            tx.spoil(Id(1), Id(2))
        })
        .unwrap();
    assert_eq!(store.write(|tx| tx.clock_was_set(ahead(5, Time::NEVER))).unwrap(), 1);
    assert_eq!(store.read(|v| v.stale_parts(Time(9))).unwrap().len(), 1);
    store.write(|tx| tx.set_aside_parts(Time(9))).unwrap();
    assert_eq!(store.read(|v| v.quarantined(9)).unwrap().len(), 1);
    assert!(store.read(|v| v.open(PacketQueue::Outbox, Time(0))).unwrap()[0].is_err());
    store.write(|tx| tx.step(Id(2), Time(3), State::Cancelled, "", 0, Time(0)).map(drop)).unwrap();
    assert_eq!(store.write(|tx| tx.prune(Id(0), Time(1_790_000_005_001), 10)).unwrap().0, 1);
    assert!(store.read(|v| v.open(PacketQueue::Outbox, Time(0))).unwrap().is_empty());
}

fn ahead(seconds: i64, since: Time) -> ClockSet {
    ClockSet { by: seconds * 1000, since, now: Time(1_900_000_000_000) }
}

#[test]
fn a_message_in_two_queues_moves_once_with_the_clock() {
    let folder = Folder::new();
    let store = store(&folder);
    store.put(mail(vec![message(Way::Link, State::Queued, 1_790_000_000_000)])).unwrap();
    let before = store.message(Id(1)).unwrap().unwrap();
    let by = Duration::from_secs(3600);
    assert_eq!(store.write(move |tx| tx.clock_was_set(ahead(3600, before.accepted))).unwrap(), 1);
    let after = store.message(Id(1)).unwrap().unwrap();
    assert_eq!(after.deadline, before.deadline + by);
}

#[test]
fn what_awaits_a_receipt_is_not_done() {
    let folder = Folder::new();
    let store = store(&folder);
    store.put(mail(vec![message(Way::Link, State::OnLink, 9)])).unwrap();
    let until = Time(50);
    store
        .write(move |tx| {
            tx.change(Id(1), |message| message.receipt_until = Some(until))?;
            tx.step(Id(1), Time(10), State::Sent, "acknowledged", 1, until)
        })
        .unwrap();
    let totals = store.ledger().unwrap().totals["smtp"];
    assert!(totals.balance() && totals.waiting == 1);
    assert_eq!(store.read(|v| v.next_due(Queue::Receipt)).unwrap(), Some(until));
    let open = ListFilter { open: true, limit: 9, ..ListFilter::default() };
    assert_eq!(store.read(|v| v.list(&open)).unwrap().len(), 1);
    store.write(|tx| tx.step(Id(1), Time(20), State::Delivered, "the far box has it", 0, Time::NEVER)).unwrap();
    let totals = store.ledger().unwrap().totals["smtp"];
    assert!(totals.balance() && totals.delivered == 1);
    assert_eq!(store.read(|v| v.next_due(Queue::Receipt)).unwrap(), None);
    assert!(store.read(|v| v.list(&open)).unwrap().is_empty());
}

/// A store as version 1 wrote it: message 1 half on the modem, message 2 planned only, message 3 with a row that is torn.
fn written_by_version_1(folder: &Folder) {
    let first = store(folder);
    for at in 1..=3 {
        first.put(mail(vec![message(Way::Link, State::Queued, at)])).unwrap();
    }
    first.close();
    drop(first);
    let database = Database::open(folder.join(FILE)).unwrap();
    let txn = database.begin_write().unwrap();
    PACKETS.delete(&txn).unwrap();
    CARRIED.delete(&txn).unwrap();
    OPEN.delete(&txn).unwrap();
    REFERENCES.delete(&txn).unwrap();
    SESSION_ROWS.delete(&txn).unwrap();
    {
        let held = json!({"held": {"holder": "m138:0x001abe", "number": 77}});
        let old = |message: u64, part: u16, state: serde_json::Value| {
            let row = json!({"message": message, "part": part, "parts": 2, "device": null, "payload": [8, part],
                "state": state, "at": 5, "note": "as it was"});
            serde_json::to_vec(&row).unwrap()
        };
        let mut packets = PACKETS_1.open(&txn).unwrap();
        packets.insert((1, 1), old(1, 1, held).as_slice()).unwrap();
        packets.insert((1, 2), old(1, 2, json!("planned")).as_slice()).unwrap();
        packets.insert((2, 1), old(2, 1, json!("planned")).as_slice()).unwrap();
        packets.insert((3, 1), &b"{torn"[..]).unwrap();
        REFERENCES_1.open(&txn).unwrap().insert(("m138:0x001abe", 77), (1, 1)).unwrap();
        let mut meta = META.open(&txn).unwrap();
        let row = meta.get("ledger").unwrap().unwrap().value().to_vec();
        let mut ledger: serde_json::Value = super::super::schema::record(&row).unwrap();
        ledger["version"] = 1.into();
        ledger.as_object_mut().unwrap().remove("next_packet");
        meta.insert("ledger", serde_json::to_vec(&ledger).unwrap().as_slice()).unwrap();
    }
    txn.commit().unwrap();
}

#[test]
fn a_store_of_version_1_keeps_its_packets() {
    let folder = Folder::new();
    written_by_version_1(&folder);
    let store = store(&folder);
    let ledger = store.ledger().unwrap();
    assert_eq!((ledger.version, ledger.next_packet), (super::super::schema::VERSION, 4));
    // An older program could go on with what was kept.
    let kept = store.put_aside();
    assert_eq!(kept.len(), 1);
    let before = Database::open(&kept[0].path).unwrap();
    assert_eq!(Ledger::load(&META.read(&before.begin_read().unwrap()).unwrap()).unwrap().version, 1);
    let packets = store.read(|v| v.packets_of(Id(1))).unwrap();
    assert_eq!(packets.iter().map(|p| (p.part, p.parts, p.group)).collect::<Vec<_>>(), [(1, 2, 1), (2, 2, 1)]);
    assert_eq!(
        (packets[0].state.clone(), packets[0].note.to_string().as_str()),
        (PacketState::Held(reference(77)), "as it was")
    );
    assert_eq!(store.read(|v| v.owner(LinkId::FIRST, &reference(77))).unwrap(), Some(1));
    assert_eq!(store.read(|v| v.on_link(LinkId::FIRST)).unwrap().values().sum::<usize>(), 1);
    assert!(store.read(|v| v.packets_of(Id(2))).unwrap().is_empty());
    let outbox = store.read(|v| v.open(PacketQueue::Outbox, Time(0))).unwrap();
    assert_eq!(outbox.iter().filter(|row| row.is_err()).count(), 1);
    store.close();
    drop(store);
    // Once is enough.
    let again = super::store(&folder);
    assert_eq!(again.ledger().unwrap().next_packet, 4);
    let database = again.0.database.read().unwrap().clone().unwrap();
    let tables = database.begin_read().unwrap();
    assert!(PACKETS_1.read(&tables).is_err());
}

#[test]
fn a_backup_of_version_1_can_be_restored() {
    let folder = Folder::new();
    written_by_version_1(&folder);
    let (file, other) = (folder.with_extension("backup"), Folder::new());
    // Taken without a migration: through the same code that made it, on the tables as they are.
    let database = Database::open(folder.join(FILE)).unwrap();
    super::super::backup::backup_of(&database, &file).unwrap();
    drop(database);
    restore(&file, &other, false, "x", crate::store::work::UNHEARD).unwrap();
    std::fs::remove_file(&file).unwrap();
    let store = store(&other);
    assert_eq!(store.ledger().unwrap().version, super::super::schema::VERSION);
    assert_eq!(store.read(|v| v.packets_of(Id(1))).unwrap().len(), 2);
}

/// An older program that comes upon the store of a newer one says so, and not a byte of it changes.
#[test]
fn a_store_of_a_newer_version_is_refused_and_not_touched() {
    let folder = Folder::new();
    let first = store(&folder);
    first
        .write(|tx| {
            tx.ledger.version = super::super::schema::VERSION + 1;
            Ok(())
        })
        .unwrap();
    first.close();
    drop(first);
    let before = std::fs::read(folder.path(FILE)).unwrap();
    let Err(refused) = Store::open(&folder, &Clock::fake(Time(1_790_000_000_000))) else { panic!("it was opened") };
    assert!(refused.why().contains("written by a newer satpost"), "{}", refused.why());
    assert!(before == std::fs::read(folder.path(FILE)).unwrap());
}
