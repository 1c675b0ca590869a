//! Of who was erased the search index names nothing, whatever was being built.

use super::search::{build, jump, put, right, words};
use super::*;
use crate::people::Person;
use crate::store::indexed::{GROUP, block_of, group_of, place_in};
use crate::store::schema::Readable;
use crate::store::search::{group_names, names};

/// Keys of all rows that name a message, of blocks and of groups.
fn naming(store: &Store, number: u64) -> Vec<(u64, u16)> {
    let look = move |tx: &mut Tx| {
        let (block, at) = (block_of(number), place_in(number));
        let mut found = Vec::new();
        for row in tx.search_rows.iter()? {
            let (key, row) = row?;
            let names = match key.value().0 & (1 << 62) {
                0 => key.value().0 == block && names(row.value(), at),
                _ => group_names(row.value(), group_of(block).1, at),
            };
            found.extend(names.then(|| key.value()));
        }
        Ok(found)
    };
    store.write(look).unwrap()
}

/// Two messages are hers.
fn of_eve(store: &Store) {
    let author = |tx: &mut Tx| {
        (7..9).try_for_each(|id| tx.change(Id(id), |message| message.author = Some("eve".to_owned())).map(drop))
    };
    store.write(author).unwrap();
}

/// She is erased, and they with her.
fn erase_eve(store: &Store) {
    let person = Person { name: "eve".to_owned(), ..Person::default() };
    let erased = store.write(move |tx| tx.erase_person(&person, Time(1_790_000_000_001))).unwrap();
    assert_eq!(erased.messages, [Id(7), Id(8)]);
}

#[test]
fn of_who_was_erased_no_row_of_a_block_or_a_group_names_a_text() {
    let folder = Folder::new();
    let store = store(&folder);
    put(&store, 600);
    jump(&store, GROUP);
    put(&store, 30);
    of_eve(&store);
    build(&store);
    let [blocks, groups]: [Vec<_>; 2] = [false, true]
        .map(|group| naming(&store, 7).into_iter().filter(|(key, _)| (key >> 62 & 1 == 1) == group).collect());
    assert!(!blocks.is_empty() && !groups.is_empty(), "{blocks:?} {groups:?}");
    erase_eve(&store);
    assert!(store.write_out_erased().unwrap());
    assert_eq!([naming(&store, 7), naming(&store, 8)], [vec![], vec![]]);
    assert!(!naming(&store, 9).is_empty());
    let wanted = ["harbour", "no7x", "no9x", "nowhere"];
    right(&store, &wanted);
    build(&store);
    right(&store, &wanted);
    assert_eq!(naming(&store, 7), []);
}

/// A block and a group that are under way while somebody is erased, and are written afterwards.
#[test]
fn what_is_being_built_while_somebody_is_erased_names_nothing_of_theirs() {
    let folder = Folder::new();
    let store = store(&folder);
    put(&store, 600);
    jump(&store, GROUP);
    put(&store, 1);
    of_eve(&store);
    let grouped = || store.ledger().unwrap().search.messages.group_rows;
    while grouped() == 0 {
        assert!(store.build_index(words).unwrap());
    }
    erase_eve(&store);
    build(&store);
    let ledger = store.ledger().unwrap();
    assert_eq!((ledger.cleared, ledger.erasures, ledger.search.messages.groups), (1, 1, 1));
    assert_eq!([naming(&store, 7), naming(&store, 8)], [vec![], vec![]]);
    right(&store, &["harbour", "no7x", "no9x", "nowhere"]);
}
