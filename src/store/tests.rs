use std::time::Duration;

use testing::Folder;

use super::*;
use crate::address::Address;
use crate::clock::Time;
use crate::links::LinkRecord;
use crate::message::LinkId;
use crate::message::reason::Waits;
use crate::message::{Message, Reason, State};

impl Store {
    /// Adds a link of a driver, without a charge, unless these settings of it say otherwise.
    pub fn add_link(&self, name: &str, driver: &str, values: &[(&str, &str)]) -> LinkId {
        let values = [("link.price", "0")].iter().chain(values);
        let values = values.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (name, driver, added) = (name.to_owned(), driver.to_owned(), self.clock().now());
        let link = LinkRecord { id: LinkId::FIRST, name, driver, on: true, added, values };
        self.write(move |tx| tx.add_link(&link)).unwrap()
    }

    /// Changes a link.
    pub fn change_link(&self, id: LinkId, change: impl FnOnce(&mut LinkRecord)) {
        let mut link = self.links().get(id).unwrap().clone();
        change(&mut link);
        self.write(move |tx| tx.put_link(&link)).unwrap();
    }

    /// Changes one setting, as the desk does; one of links at the first link.
    pub fn set(&self, name: &str, value: &str) -> Result<(), Fault> {
        let row = crate::settings::find(name).map_err(Fault::permanent)?;
        if row.is_of_links() {
            self.change_link(LinkId::FIRST, |link| drop(link.values.insert(name.to_owned(), value.to_owned())));
            return Ok(());
        }
        let key = row.key;
        let value = self.settings().with(key, value).map_err(Fault::permanent)?.text(key).to_owned();
        let name = crate::settings::row(key).name;
        self.write(move |tx| tx.put_setting(name, &value))
    }
}

mod clock;
mod erased;
mod facts;
mod far_boxes;
mod lists;
mod looks;
mod mailbox;
mod mailbox_damage;
mod packets;
mod search;
mod sent;

pub fn message(way: Way, state: State, next: i64) -> Message {
    Message {
        from: "a@x.org".parse().unwrap(),
        subject: "s".into(),
        text: "s\nt".into(),
        message_id: Some(format!("<{next}@x>")),
        state,
        reason: Waits::Relay.into(),
        way,
        next: Time(next),
        ..Message::sample()
    }
}

fn mail(messages: Vec<Message>) -> IncomingMail {
    IncomingMail { messages, body: BodyIn::Bytes(b"raw".to_vec()) }
}

pub fn store(folder: &Folder) -> Store {
    Store::open(folder, &Clock::fake(Time(1_790_000_000_000))).unwrap()
}

#[test]
fn what_is_put_is_due_and_survives_a_restart() {
    let folder = Folder::new();
    let first = store(&folder);
    let done =
        first.put(mail(vec![message(Way::Relay, State::Queued, 5), message(Way::Link, State::Queued, 3)])).unwrap();
    assert_eq!(done.ids(), [Id(1), Id(2)]);
    first.close();
    drop(first);
    let again = store(&folder);
    let due = again.read(|v| v.due(Queue::Relay, Time(5), 10)).unwrap();
    assert_eq!(due.len(), 1);
    let found = due[0].as_ref().unwrap();
    assert_eq!(again.raw(found).unwrap().as_deref(), Some(&b"raw"[..]));
    assert_eq!(again.read(|v| v.line(Queue::Link)).unwrap(), [(Queue::Link, Id(2))]);
    assert_eq!(again.read(|v| v.next_due(Queue::Timed)).unwrap(), Some(Time(3)));
}

#[test]
fn books_and_queue_follow_each_step() {
    let folder = Folder::new();
    let store = store(&folder);
    store
        .put(mail(vec![message(Way::Relay, State::Queued, 5), message(Way::Mailbox, State::Delivered, i64::MAX)]))
        .unwrap();
    store.write(|tx| tx.step(Id(1), Time(9), State::Delivered, "taken", 0, Time(0)).map(drop)).unwrap();
    let totals = store.ledger().unwrap().totals["smtp"];
    assert!(totals.balance());
    assert_eq!((totals.accepted, totals.delivered), (2, 2));
    assert_eq!(store.read(|v| v.next_due(Queue::Relay)).unwrap(), None);
    assert!(store.read(|v| v.queues()).unwrap().iter().all(|queue| queue.1 == 0));
    assert_eq!(store.read(|v| v.mailbox("ben", None, 9)).unwrap().len(), 1);
    assert_eq!(store.message(Id(1)).unwrap().unwrap().steps.len(), 2);
    assert_eq!(store.read(|v| v.by_message_id("<5@x>", None)).unwrap(), Some(Id(1)));
}

#[test]
fn one_failing_job_does_not_touch_its_neighbours() {
    let folder = Folder::new();
    let store = store(&folder);
    std::thread::scope(|scope| {
        for at in 0..40 {
            let store = &store;
            scope.spawn(move || match at % 4 {
                0 => assert!(store.write(|tx| tx.message(Id(999)).map(drop)).is_err()),
                1 if at < 8 => assert!(store.write(|_| -> TxResult<()> { panic!("on purpose") }).is_err()),
                _ => drop(store.put(mail(vec![message(Way::Link, State::Queued, at)])).unwrap()),
            });
        }
    });
    let ledger = store.ledger().unwrap();
    assert!(ledger.totals["smtp"].balance());
    assert_eq!(ledger.totals["smtp"].accepted, 28);
}

#[test]
fn room_is_kept_for_a_full_disk() {
    let folder = Folder::new();
    let _store = store(&folder);
    // What is there once the first write was answered; a tiny disk has none.
    let roomy = crate::sys::disk::free(&folder).unwrap() >= 64 << 20;
    let bytes = std::fs::metadata(folder.join("ballast")).map_or(0, |file| file.len());
    assert_eq!(bytes, if roomy { 4 << 20 } else { 0 });
}

#[test]
fn keys_are_taken_once() {
    let folder = Folder::new();
    let store = store(&folder);
    let taken = |key: &'static str| store.write(move |tx| tx.remember(key, Time(5))).unwrap();
    assert!(taken("hive:1") && taken("hive:2"));
    assert!(!taken("hive:1"));
}

/// A device that sends nothing but noise fills the quarantine, and what others sent stays.
#[test]
fn a_flood_from_one_source_leaves_what_others_sent() {
    let folder = Folder::new();
    let store = store(&folder);
    let now = store.clock().now();
    let news = store.write(move |tx| {
        let mut news = vec![tx.quarantine("link 0x000002", Reason::said("first"), b"1", now)?];
        for number in 0..1100_u32 {
            news.push(tx.quarantine("link 0x000001", Reason::said("noise"), &number.to_be_bytes(), now)?);
        }
        Ok(news)
    });
    assert_eq!(news.unwrap().iter().filter(|new| **new).count(), 2, "one of each source is news within an hour");
    let (items, events) = store.read(|view| Ok((view.quarantined(2000)?, view.events(100)?))).unwrap();
    assert!((950..=1000).contains(&items.len()), "{}", items.len());
    assert_eq!(items.iter().filter(|(_, item)| item.why == Reason::said("first")).count(), 1);
    let full: Vec<_> =
        events.iter().filter(|event| event.kind.to_string().contains("the quarantine is full")).collect();
    assert_eq!(full.len(), 1);
    assert!(full[0].kind.to_string().contains("from link 0x000001 were deleted"), "{}", full[0].kind);
}

#[test]
fn an_unreadable_record_is_set_aside() {
    let folder = Folder::new();
    let store = store(&folder);
    store.put(mail(vec![message(Way::Link, State::Queued, 1), message(Way::Link, State::Queued, 2)])).unwrap();
    store.write(|tx| Ok(tx.messages.insert(1, &b"{broken"[..])?.is_some())).unwrap();
    let due = store.read(|v| v.due(Queue::Timed, Time(9), 9)).unwrap();
    assert!(due[0].is_err() && due[1].is_ok());
    store.write(|tx| tx.set_aside_message(Id(1), Reason::said("unreadable"), Time(3))).unwrap();
    assert_eq!(store.read(|v| v.line(Queue::Link)).unwrap(), [(Queue::Link, Id(2))]);
    assert_eq!(store.read(|v| v.due(Queue::Timed, Time(9), 9)).unwrap().len(), 1);
    assert_eq!(store.read(|v| v.quarantined(9)).unwrap().len(), 1);
}

#[test]
fn old_messages_go_with_their_bytes_and_the_books_stay() {
    let folder = Folder::new();
    let store = store(&folder);
    let done = message(Way::Relay, State::Delivered, i64::MAX);
    store.put(mail(vec![done, message(Way::Link, State::Queued, 2)])).unwrap();
    let later = Time(1_790_000_000_001);
    assert_eq!(store.write(move |tx| tx.prune(Id(0), later, 10)).unwrap().0, 1);
    assert!(store.message(Id(1)).unwrap().is_none());
    let waiting = store.message(Id(2)).unwrap().unwrap();
    assert!(store.raw(&waiting).unwrap().is_some());
    store.write(|tx| tx.step(Id(2), Time(3), State::Sent, "left", 1, Time(0)).map(drop)).unwrap();
    assert_eq!(store.write(move |tx| tx.prune(Id(0), later, 10)).unwrap().0, 1);
    assert!(store.raw(&waiting).unwrap().is_none());
    assert_eq!(store.ledger().unwrap().totals["smtp"].accepted, 2);
}

#[test]
fn a_second_program_gets_a_sentence() {
    let folder = Folder::new();
    let _first = store(&folder);
    let Err(fault) = Store::open(&folder, &Clock::system()) else { panic!("opened twice") };
    assert!(fault.why().contains("in use by another satpost"), "{fault}");
    assert_ne!(Address::Nobody.to_string(), "");
}

#[test]
fn a_folder_with_other_things_is_left_alone() {
    let folder = Folder::new();
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("message.txt"), "mine").unwrap();
    let Err(fault) = Store::open(&folder, &Clock::system()) else { panic!("it was taken") };
    assert!(fault.why().contains("holds other things"), "{fault}");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
}

/// Records of the versions that kept sentences: a message that waits, and its packet that is gone.
#[test]
fn sentences_of_older_versions_are_read_and_kept() {
    let folder = Folder::new();
    let store = store(&folder);
    store.put(mail(vec![message(Way::Link, State::Queued, 1)])).unwrap();
    let old = |mut json: serde_json::Value| {
        json["reason"] = "waits for the link, 1 packet".into();
        json["steps"] = serde_json::json!([{"at": 1, "state": "queued", "cause": "waits for the link, 1 packet"}]);
        serde_json::to_vec(&json).unwrap()
    };
    let record = old(serde_json::to_value(store.message(Id(1)).unwrap().unwrap()).unwrap());
    store.write(move |tx| Ok(tx.messages.insert(1, record.as_slice())?.is_some())).unwrap();
    store.close();
    drop(store);
    let store = self::store(&folder);
    let words = Reason::Old("waits for the link, 1 packet".into());
    let found = store.message(Id(1)).unwrap().unwrap();
    assert_eq!((&found.reason, &found.steps[0].cause), (&words, &words));
    assert_eq!(found.reason.to_string(), "waits for the link, 1 packet");
    let stepped =
        store.write(|tx| tx.step(Id(1), Time(2), State::Queued, Waits::Link { packets: 1 }, 0, Time(2))).unwrap();
    assert_eq!(stepped.steps.iter().map(|step| step.cause.code()).collect::<Vec<_>>(), ["unknown", "waits.link"]);
    assert_eq!(store.message(Id(1)).unwrap().unwrap().steps[0].cause, words, "the old step stays as it was");
}

/// What is in no backup is lost on the day of a restore.
#[test]
fn every_table_but_the_log_ins_belongs_to_a_backup() {
    use redb::{ReadableDatabase, TableHandle};
    let folder = Folder::new();
    store(&folder).close();
    let database = redb::Database::open(folder.path(FILE)).unwrap();
    let txn = database.begin_read().unwrap();
    let there: Vec<_> = txn.list_tables().unwrap().map(|table| table.name().to_owned()).collect();
    let missing = there.iter().filter(|name| schema::KEPT.iter().all(|kept| kept.name != name.as_str()));
    // Nor is the generation of a log that stays where it is.
    assert_eq!(missing.collect::<Vec<_>>(), ["sessions", "wal"]);
}
