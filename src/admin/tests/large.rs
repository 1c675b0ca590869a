//! What pages cost in a store with many messages.

use std::time::{Duration, Instant};

use super::*;
use crate::message::{Message, Origin, State, Way};
use crate::store::{BodyIn, IncomingMail, looks};

const PAGES: [&str; 52] = [
    "/",
    "/messages",
    "/messages?tab=waiting",
    "/messages?tab=held",
    "/messages?tab=failed",
    "/messages?tab=up",
    "/messages?tab=down",
    "/messages?state=cancelled",
    "/messages?q=no777x",
    "/messages?q=nowhere",
    "/mailbox",
    "/mailbox?q=no777x",
    "/mailbox?q=nowhere",
    "/mailbox?q=happened",
    "/messages?q=happened",
    "/health",
    "/messages/m999",
    "/messages?state=sent",
    "/messages?state=delivered",
    "/messages?state=at+the+far+box",
    "/messages?q=no777x&tab=failed",
    "/messages?q=no33x&tab=failed",
    "/messages?q=nowhere&tab=failed",
    "/messages?q=happened&tab=failed",
    "/messages?q=ben&tab=failed",
    "/messages?q=anna&tab=failed",
    "/messages?q=carl&tab=failed",
    "/messages?q=no777x&tab=waiting",
    "/messages?q=happened&tab=waiting",
    "/messages?q=no777x&tab=held",
    "/messages?q=happened&tab=held",
    "/messages?q=no777x&tab=up",
    "/messages?q=happened&tab=up",
    "/messages?q=no777x&tab=down",
    "/messages?q=happened&tab=down",
    "/messages?q=happened&state=cancelled",
    "/messages?q=no777x&state=sent",
    "/messages?q=happened&state=sent",
    "/messages?tab=up&state=returned",
    "/messages?tab=down&state=cancelled",
    "/mailbox?folder=2",
    "/mailbox?folder=1&q=no777x",
    "/mailbox?folder=2&q=happened",
    "/compose",
    "/people",
    "/usage",
    "/usage?by=person",
    "/costs",
    "/audit",
    "/about",
    "/live?page=/&have=x",
    "/healthz",
];

/// Who looks at them, with how many of the pages they may see: the owner, an operator, a person whose mailbox has a quarter of
/// all, and one whom three messages concern.
const LOOKERS: [(&str, usize); 4] = [("anna", 52), ("olga", 49), ("ben", 46), ("carl", 46)];

/// A store in which every fourth message lies in the mailbox of the owner, every fourth in that of a person, three in that of
/// another, and one in sixteen failed.
fn filled(count: u64) -> Site {
    let site = Site::with_people();
    let olga = PersonEdit { name: "olga".into(), role: Role::Operator, ..PersonEdit::default() };
    let carl = PersonEdit { name: "carl".into(), ..PersonEdit::default() };
    [olga, carl].iter().for_each(|edit| drop(site.app.service(Actor::command_line(0)).add(edit).unwrap()));
    for batch in 0..count / 1000 {
        let fill = move |tx: &mut crate::store::Tx| {
            for number in batch * 1000..(batch + 1) * 1000 {
                let to = match number {
                    2 | 402 | 802 => "carl@sea.org",
                    number => ["anna@sea.org", "ben@sea.org", "bob@far.org", "bob@far.org"][number as usize % 4],
                };
                let mine = to.ends_with("sea.org");
                let way = match number % 16 {
                    _ if mine => Way::Mailbox,
                    2 => Way::Link,
                    _ => Way::Relay,
                };
                let state = match number {
                    10 | 26 => State::Held,
                    42 | 58 => State::Queued,
                    74 | 90 => State::Sent,
                    106 => State::Cancelled,
                    _ if number % 16 == 1 => State::Returned,
                    _ => State::Delivered,
                };
                let one = Message {
                    origin: if number % 16 == 3 { Origin::Link } else { Origin::Smtp },
                    from: "mum@far.org".parse().unwrap(),
                    to: to.parse().unwrap(),
                    way,
                    state,
                    subject: format!("Day {number}"),
                    text: format!("Nothing happened on day no{number}x."),
                    message_id: None,
                    ..Message::sample()
                };
                let raw = format!(
                    "From: mum@far.org\r\nSubject: Day {number}\r\n\r\nNothing happened on day no{number}x.\r\n"
                );
                let body = if mine { BodyIn::Bytes(raw.into_bytes()) } else { BodyIn::None };
                tx.add(&IncomingMail { messages: vec![one], body })?;
            }
            Ok(())
        };
        site.app.store.write(fill).unwrap();
    }
    while site.app.store.build_index(|mail, _| String::from_utf8_lossy(mail).to_lowercase()).unwrap() {}
    site
}

/// What a page cost: the middle of eleven times, and looks into tables.
type Cost = Option<(Duration, u64)>;

fn cost(site: &Site, name: &str, seen: usize) -> Vec<Cost> {
    let mut browser = site.logged_in(name);
    let one = |page: &&str| {
        // What is not theirs, and news that may wait.
        let (answer, looks) = looks::of(|| browser.get(page).status);
        if answer != 200 {
            return None;
        }
        let mut times: Vec<_> = (0..11)
            .map(|_| {
                let began = Instant::now();
                assert_eq!(browser.get(page).status, 200, "{page}");
                began.elapsed()
            })
            .collect();
        times.sort_unstable();
        Some((times[5], looks))
    };
    let costs: Vec<_> = PAGES.iter().map(one).collect();
    // One who sees fewer measures less than is claimed.
    let shown = costs.iter().flatten().count();
    assert!(shown >= seen, "{name} sees {shown} of {seen} pages");
    costs
}

/// `MESSAGES=1000000 cargo test --release pages_of_a_large_store_by_hand -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn pages_of_a_large_store_by_hand() {
    let count = std::env::var("MESSAGES").ok().and_then(|count| count.parse().ok()).unwrap_or(100_000);
    let (small, began) = (filled(1000), Instant::now());
    let large = filled(count);
    println!("filled with {count} and indexed in {:.0?}", began.elapsed());
    for (name, seen) in LOOKERS {
        // In turns, so that both meet the same load of the machine.
        let turns: Vec<_> = (0..3).map(|_| [cost(&small, name, seen), cost(&large, name, seen)]).collect();
        for (at, page) in PAGES.iter().enumerate() {
            let least = |store: usize| turns.iter().filter_map(|turn| turn[store][at]).min();
            let (Some(few), Some(many)) = (least(0), least(1)) else { continue };
            let ratio = many.0.as_secs_f64() / few.0.as_secs_f64();
            println!(
                "{name:5} {page:38} {:8.0?} {:6} looks with 1000, {:8.0?} {:6} looks with {count}: {ratio:.2}",
                few.0, few.1, many.0, many.1
            );
        }
    }
}
