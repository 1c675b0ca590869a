//! What a plain person reads is in plain words, and a page that lies open costs little.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpStream;
use std::time::Instant;

use crate::support::shore::from_outside;
use crate::support::web::Client;
use crate::support::{Folder, PASSWORD, SOON, Station, World, read_all};

/// The words of a page, without its marks and without what people wrote.
fn words(page: &str) -> String {
    let main = page.split_once("<main").map_or(page, |(_, main)| main);
    let mut text = String::new();
    for piece in main.split('<') {
        let (mark, words) = piece.split_once('>').unwrap_or(("", piece));
        if !mark.starts_with("bdi") {
            text.push_str(words);
            text.push(' ');
        }
    }
    text
}

/// Topics of the help that everybody is shown first.
const HELP: [&str; 7] = ["start", "faq", "mail-programs", "texting", "states", "cut", "costs"];

/// No keys of settings, no names of drivers, no figures of protocols on any page that somebody who runs nothing can reach.
#[test]
fn a_plain_person_reads_no_words_of_the_machine() {
    let world = World::start(&["--pass-every", "1", "--pass-length", "1"]);
    let (mut station, mut gateway) = (world.station(), world.gateway());
    station.cli_ok(&["people", "add", "otto", "--role", "owner"], PASSWORD);
    station.cli_ok(&["people", "edit", "anna", "--role", "person"], "");
    station.start();
    gateway.start();
    let mail = "From: Mum <mum@world.example>\nSubject: Garden\n\nThe roses are out.\n";
    assert!(from_outside(&gateway, "anna@shore.example", mail).starts_with("250"));
    let mut anna = Client::logged_in(&station, "anna");
    for (to, text) in [("mum%40world.example", "By air"), ("otto", "Here"), ("%2B14155550123", "To a phone")] {
        assert_eq!(anna.post("/compose", &format!("to={to}&subject=Note&text={text}&do=send")).status, 303);
    }
    station.wait_state(2 * SOON, "mum@world.example", "sent");
    station.wait_state(2 * SOON, "anna@boat.example", "delivered");
    let keys = station.json(&["settings", "list"]);
    let keys: Vec<_> = keys.as_array().unwrap().iter().filter_map(|row| row["name"].as_str()).collect();
    assert!(keys.len() > 50 && keys.contains(&"box.domain"), "{keys:?}");
    let machine = ["m138", "hive", "rockblock", "RSSI", "SNR", "dBm", "0x001abe", "deviation", "redb"];
    let (mut seen, mut waiting) = (BTreeSet::new(), vec!["/".to_owned(), "/position".to_owned()]);
    while let Some(page) = waiting.pop() {
        let answer = anna.get(&page);
        let links = answer.body.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        for link in links.chain([answer.header("location")]) {
            let link = link.replace("&#x2f;", "/").replace("&amp;", "&");
            let link = link.split('#').next().unwrap_or_default().to_owned();
            // Help for whoever looks after the box, mails and tables for spreadsheets are no pages of hers.
            let others = link.starts_with("/help/") && !HELP.contains(&&link["/help/".len()..]);
            let page = link.starts_with('/') && !others && !link.starts_with("/assets");
            if page
                && !link.ends_with(".eml")
                && !link.contains(".csv")
                && seen.len() < 200
                && seen.insert(link.clone())
            {
                waiting.push(link);
            }
        }
        let words = words(&answer.body);
        let said = |word: &str| {
            let mut tokens = words.split(|c: char| !c.is_alphanumeric() && !"._".contains(c));
            tokens.any(|token| token.trim_matches('.') == word)
        };
        // Keywords of mail programs, listeners and ways by the names that the store has for them, and the sign for nobody.
        let marks = !page.starts_with("/help") && (words.contains('$') || said("smtp") || said("web"));
        assert!(!marks && !answer.body.contains("&lt;&gt;"), "{page}: {words}");
        for word in keys.iter().chain(&machine) {
            assert!(!said(word), "{page} says {word}: {words}");
        }
    }
    assert!(seen.len() > 20, "{seen:?}");
    let sent = anna.get("/mailbox?folder=2").body;
    assert!(sent.contains("class=\"badge good\">delivered<"), "{sent}");
}

/// A page that lies open while nothing happens asks once in a while, and an hour of that is under 0.3 MB.
#[test]
fn an_open_page_at_rest_costs_little() {
    // What a browser sends with each question, more than any of today's.
    const ASKED: usize = 1200;
    let folder = Folder::new();
    let station = Station::new(&folder, "house", &[("box.domain", "boat.example")], &["anna"]).started();
    let anna = Client::logged_in(&station, "anna");
    let page = anna.get("/").body;
    let have = page.split("data-have=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    // The answers at the end of one wait say what is new then, if only an age; the one behind it has nothing new at all.
    let began = Instant::now();
    let mut stream = TcpStream::connect(anna.at).unwrap();
    stream.set_read_timeout(Some(3 * SOON)).unwrap();
    let (at, cookie) = (anna.at, &anna.cookie);
    write!(stream, "GET /live?page=/&have={have} HTTP/1.1\r\nHost: {at}\r\nCookie: {cookie}\r\n\r\n").unwrap();
    let answer = read_all(&mut stream);
    let waited = began.elapsed().as_secs_f64();
    assert!(answer.starts_with("HTTP/1.1 20"), "{answer:?}");
    let hour = (answer.len() + ASKED) as f64 * 3600.0 / waited;
    println!("a question: {} bytes after {waited:.0} s, {hour:.0} bytes in an hour", answer.len());
    assert!(hour < 300_000.0, "{hour} bytes in an hour: {answer:?}");
}
