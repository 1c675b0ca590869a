//! What pages cost in a store with many messages.

use std::time::{Duration, Instant};

use super::*;
use crate::message::{Message, Origin, State, Way};
use crate::store::{BodyIn, IncomingMail};

const PAGES: [&str; 14] = [
    "/",
    "/messages",
    "/messages?tab=waiting",
    "/messages?tab=held",
    "/messages?tab=failed",
    "/messages?q=no777x",
    "/messages?q=nowhere",
    "/mailbox",
    "/mailbox?q=no777x",
    "/mailbox?q=nowhere",
    "/health",
    "/usage",
    "/costs",
    "/healthz",
];

/// A store in which every fourth message lies in the mailbox of anna, and one in a thousand failed.
fn filled(count: u64) -> Site {
    let site = Site::with_people();
    for batch in 0..count / 1000 {
        let fill = move |tx: &mut crate::store::Tx| {
            for number in batch * 1000..(batch + 1) * 1000 {
                let mine = number % 4 == 0;
                let one = Message {
                    door: Origin::Smtp,
                    from: "mum@far.org".parse().unwrap(),
                    to: if mine { "anna@sea.org" } else { "bob@far.org" }.parse().unwrap(),
                    way: if mine { Way::Mailbox } else { Way::Relay },
                    state: if number % 1000 == 1 { State::Returned } else { State::Delivered },
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

/// The middle of eleven looks at each page.
fn cost(site: &Site) -> Vec<Duration> {
    let mut anna = site.logged_in("anna");
    let one = |page: &&str| {
        let mut looks: Vec<_> = (0..11)
            .map(|_| {
                let began = Instant::now();
                assert_eq!(anna.get(page).status, 200, "{page}");
                began.elapsed()
            })
            .collect();
        looks.sort_unstable();
        looks[5]
    };
    PAGES.iter().map(one).collect()
}

/// `MESSAGES=1000000 cargo test --release pages_of_a_large_store_by_hand -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn pages_of_a_large_store_by_hand() {
    let count = std::env::var("MESSAGES").ok().and_then(|count| count.parse().ok()).unwrap_or(100_000);
    let (small, large) = (cost(&filled(1000)), cost(&filled(count)));
    for ((page, few), many) in PAGES.iter().zip(small).zip(large) {
        println!("{page:24} {few:?} with 1000, {many:?} with {count}: {:.2}", many.as_secs_f64() / few.as_secs_f64());
    }
}
