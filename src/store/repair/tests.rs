//! Damage of every kind to a real file, a page at a time.

use std::os::unix::fs::FileExt;

use super::*;
use crate::message::{State, Way};
use crate::store::work::UNHEARD;
use testing::Folder;

use crate::store::tests::{message, store};
use crate::store::{BodyIn, IncomingMail};

const PAGE: u64 = 4096;
const MESSAGES: usize = 120;

fn filled(folder: &Folder) -> Vec<Message> {
    let store = store(folder);
    for number in 0..MESSAGES {
        let (way, state) = if number % 3 == 0 { (Way::Mailbox, State::Delivered) } else { (Way::Relay, State::Queued) };
        let messages = vec![message(way, state, number as i64)];
        store.put(IncomingMail { messages, body: BodyIn::Bytes(vec![b'x'; 500]) }).unwrap();
    }
    let all = store.read(|view| view.past(MESSAGES)).unwrap();
    store.close();
    all
}

#[test]
fn a_store_that_is_whole_comes_out_as_it_was() {
    let folder = Folder::new();
    let before = filled(&folder);
    let repaired = repair(&folder, "1", UNHEARD).unwrap();
    assert_eq!((repaired.messages, repaired.lost_rows, repaired.lost.len()), (MESSAGES as u64, 0, 0));
    assert!(repaired.kept.exists());
    let store = store(&folder);
    assert_eq!(store.read(|view| view.past(MESSAGES)).unwrap(), before);
    assert_eq!(
        store.read(|view| view.due(crate::store::Queue::Relay, crate::clock::Time(i64::MAX), MESSAGES)).unwrap().len(),
        80
    );
    assert!(store.ledger().unwrap().totals.values().all(|totals| totals.balance() && totals.waiting == 80));
    store.close();
}

#[test]
fn what_a_bad_page_leaves_is_what_was_written() {
    let folder = Folder::new();
    let before = filled(&folder);
    let file = folder.join(FILE);
    let whole = fs::read(&file).unwrap();
    let pages = whole.len() as u64 / PAGE;
    let (mut tries, mut repairs, mut lost) = (0, 0, 0);
    for (step, damage) in [(7, 0x00_u8), (11, 0xFF), (13, 0x5A)] {
        for page in (1..pages).step_by(step * 3) {
            fs::write(&file, &whole).unwrap();
            File::options().write(true).open(&file).unwrap().write_all_at(&[damage; 512], page * PAGE + 64).unwrap();
            tries += 1;
            let repaired = match repair(&folder, "1", UNHEARD) {
                Ok(repaired) => repaired,
                // A page of the header, or the root of all tables.
                Err(fault) => {
                    println!("page {page} of {pages}: {fault}");
                    continue;
                }
            };
            repairs += 1;
            let store = store(&folder);
            let after = store.read(|view| view.past(MESSAGES)).unwrap();
            assert_eq!(after.len() as u64, repaired.messages);
            assert!(after.iter().all(|message| before.contains(message)), "page {page} of {pages}");
            assert!(store.ledger().unwrap().totals.values().all(crate::store::Totals::balance));
            lost += MESSAGES - after.len();
            store.close();
        }
    }
    assert!(repairs * 3 >= tries * 2, "{repairs} of {tries}");
    println!("{repairs} repairs of {pages} pages, {} messages lost of {}", lost, repairs * MESSAGES);
    assert!(lost < repairs * MESSAGES / 20, "{lost} lost in {repairs} repairs");
}

#[test]
fn nothing_is_made_of_nothing() {
    let folder = Folder::new();
    fs::create_dir_all(&folder).unwrap();
    assert!(repair(&folder, "1", UNHEARD).unwrap_err().why().contains("no store"));
    fs::write(folder.join(FILE), [7; 9000]).unwrap();
    assert!(repair(&folder, "1", UNHEARD).unwrap_err().why().contains("restore a backup"));
    assert_eq!(fs::read(folder.join(FILE)).unwrap(), [7; 9000], "as it was");
}
