use redb::ReadableDatabase;
use testing::Folder;

use super::*;

type Mixed = (&'static str, i64, u32, u8);

const ROWS: Definition<Mixed, (u64, f64)> = Definition::new("rows");

/// Keys of several parts lie in the file in the order of their parts.
#[test]
fn keys_sort_as_their_parts_do() {
    let texts = ["", "a", "a\u{1}", "ab", "anna@sea.org", "b", "ä", "\u{10ffff}"];
    let numbers = [i64::MIN, -7, -1, 0, 1, 255, 256, i64::MAX];
    let mut keys = Vec::new();
    for text in texts {
        for number in numbers {
            keys.extend([(text, number, 0, 0), (text, number, 7, 255), (text, number, u32::MAX, 1)]);
        }
    }
    let bytes = |key: &(&str, i64, u32, u8)| {
        let mut room = Vec::new();
        <Mixed as Key>::raw(*key, &mut room).to_vec()
    };
    let written: Vec<_> = keys.iter().map(bytes).collect();
    assert!(written.is_sorted_by(|before, after| before < after));
    for (key, bytes) in keys.iter().zip(&written) {
        assert_eq!(<Mixed as Key>::typed(bytes), Some(*key));
        // Neither a shorter one nor a longer one is taken for it.
        assert_eq!(<Mixed as Key>::typed(&bytes[..bytes.len() - 1]), None);
        assert_eq!(<Mixed as Key>::typed(&[&bytes[..], &[0]].concat()), None);
    }
    let mut room = Vec::new();
    assert_eq!(<(&str, u8) as Key>::typed(<(&str, u8) as Key>::raw(("a\0b", 1), &mut room)), Some(("a\u{1}b", 1)));
    assert_eq!(<(&str, u8) as Key>::typed(b"\xff\0\x01"), None);
}

#[test]
fn rows_are_put_found_and_taken_out() {
    let folder = Folder::new();
    let database = redb::Database::create(folder.path("rows.redb")).unwrap();
    assert!(ROWS.read_if_there(&database.begin_read().unwrap()).is_ok_and(|table| table.is_none()));
    let txn = database.begin_write().unwrap();
    let mut table = ROWS.open(&txn).unwrap();
    for day in -3..=3 {
        assert!(table.insert(("anna", day, 1, 2), (7, 0.5)).unwrap().is_none());
        table.insert(("ben", day, 1, 2), (8, -0.5)).unwrap();
    }
    assert_eq!(table.insert(("anna", 0, 1, 2), (9, 1.5)).unwrap().map(|row| row.value()), Some((7, 0.5)));
    table.retain_in(("ben", i64::MIN, 0, 0)..("ben", 0, 0, 0), |_, _| false).unwrap();
    table.retain(|key, value| key.1 != 2 || value.0 == 8).unwrap();
    assert_eq!(table.remove(("ben", 3, 1, 2)).unwrap().map(|row| row.value().0), Some(8));
    table.pop_first().unwrap();
    drop(table);
    txn.commit().unwrap();
    let table = ROWS.read(&database.begin_read().unwrap()).unwrap();
    let days = |rows: Rows<'_, Mixed, (u64, f64)>| {
        rows.map(|row| row.map(|(key, _)| (key.value().0.to_owned(), key.value().1)).unwrap()).collect::<Vec<_>>()
    };
    let anna = [-2, -1, 0, 1, 3].map(|day| ("anna".to_owned(), day));
    assert_eq!(days(table.range(("anna", i64::MIN, 0, 0)..("b", 0, 0, 0)).unwrap()), anna);
    assert_eq!(table.get(("anna", 0, 1, 2)).unwrap().map(|row| row.value()), Some((9, 1.5)));
    assert!(table.last().unwrap().is_some_and(|(key, _)| key.value() == ("ben", 2, 1, 2)));
    assert_eq!((table.len().unwrap(), days(table.iter().unwrap()).len()), (8, 8));
}

/// Bytes that are no row of the table are an error where they are read, and stay when others are taken out.
#[test]
fn what_is_no_row_is_an_error() {
    let folder = Folder::new();
    let database = redb::Database::create(folder.path("rows.redb")).unwrap();
    let txn = database.begin_write().unwrap();
    let raw = TableDefinition::<&[u8], &[u8]>::new("rows");
    txn.open_table(raw).unwrap().insert(&b"no key"[..], &b"no value"[..]).unwrap();
    let mut table = ROWS.open(&txn).unwrap();
    table.retain(|_, _| false).unwrap();
    assert!(table.iter().unwrap().next().is_some_and(|row| row.is_err()));
    assert!(table.last().is_err());
}
