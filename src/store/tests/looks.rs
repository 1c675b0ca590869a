//! What a page of messages looks at is no more in a large store: counted, not measured.

use super::search::{build, jump, put_some};
use super::*;
use crate::message::Origin;
use crate::store::indexed::{BLOCK, GROUP};
use crate::store::looks;

const FEW: u64 = 1000;
const MANY: u64 = 30_000;
/// Blocks that half of them fill, nearly.
const HALF: u64 = (MANY / 2).div_ceil(BLOCK);

/// One in sixteen failed; a few wait, are sent or cancelled, those among the first thousand.
fn one(number: u64) -> Message {
    let (way, state) = match number {
        106 => (Way::Relay, State::Cancelled),
        10 | 26 => (Way::Relay, State::Held),
        42 | 58 => (Way::Relay, State::Queued),
        74 | 90 => (Way::Link, State::Sent),
        122 => (Way::Link, State::FarBox),
        _ if number % 16 == 1 => (Way::Relay, State::Returned),
        _ if number % 16 == 2 => (Way::Link, State::Delivered),
        _ => (Way::Relay, State::Delivered),
    };
    let whose = ["anna", "ben", "bob", "zoe"][number as usize % 4];
    Message {
        origin: if number % 16 == 3 { Origin::Link } else { Origin::Smtp },
        author: (number % 4 == 1).then(|| "ben".to_owned()),
        subject: format!("Day {number}"),
        text: format!("Nothing happened to {whose} on day no{number}x."),
        to: "mum@far.org".parse().unwrap(),
        message_id: None,
        ..message(way, state, 5)
    }
}

/// So many messages from each of these blocks on.
fn filled(folder: &Folder, parts: &[(u64, u64)]) -> Store {
    let store = store(folder);
    for (block, count) in parts {
        if *block > 0 {
            jump(&store, *block);
        }
        put_some(&store, *count, one);
    }
    build(&store);
    store
}

/// Each list of states with each kind of words, of all and of one person, of all ways and of one.
fn filters() -> Vec<ListFilter> {
    let failed = vec![State::Returned, State::Expired, State::Unconfirmed];
    let lists = [
        vec![],
        failed,
        vec![State::Queued, State::OnLink],
        vec![State::Held],
        vec![State::Cancelled],
        vec![State::Sent],
        vec![State::FarBox],
        vec![State::Returned],
    ];
    let words = ["", "happened", "anna", "ben", "no777x", "no33x", "nowhere", "106"];
    let mut filters = Vec::new();
    for states in lists {
        for search in words {
            let all = ListFilter { states: states.clone(), search: search.to_owned(), limit: 51, ..Default::default() };
            let one = ListFilter { person: Some("ben".to_owned()), domain: "sea.org".to_owned(), ..all.clone() };
            let up = ListFilter { way: Some(Way::Link), ..all.clone() };
            let down = ListFilter { origin: Some(Origin::Link), ..all.clone() };
            filters.extend([all, one, up, down]);
        }
    }
    filters
}

#[test]
fn a_page_of_any_list_looks_at_hardly_more_in_a_large_store() {
    let folders = [Folder::new(), Folder::new(), Folder::new()];
    let few = filled(&folders[0], &[(0, FEW)]);
    let many = filled(&folders[1], &[(0, MANY)]);
    // A whole group, whose rows are asked, with nothing in most of it, and half a group behind it.
    let grouped = filled(&folders[2], &[(0, FEW), (GROUP - HALF, MANY / 2), (GROUP, MANY / 2)]);
    assert_eq!(grouped.ledger().unwrap().search.messages.groups, 1);
    // Rows of marks and words, and its row of states, of each block.
    let more = 10 * (MANY / BLOCK);
    for filter in filters() {
        let page = |store: &Store| looks::of(|| store.read(|view| view.page(&filter)).unwrap());
        let (small, of_few) = page(&few);
        assert_eq!(small.rest, None, "{filter:?}");
        for store in [&many, &grouped] {
            let (large, of_many) = page(store);
            assert_eq!(large.rest, None, "{filter:?}");
            assert!(of_many <= of_few + more, "{of_few} looks of {FEW}, {of_many} of {MANY}: {filter:?}");
        }
    }
}
