//! One number for one size: whoever looks at a mail, wherever its size is said, reads the same.

use crate::ip::mail;
use crate::support::web::Client;
use crate::support::{DEVICE, SOON, Station, World, send, wait_for};

/// A number of bytes as people read it: kB rounded up, MB with one digit.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

/// Each size that a text says, such as `30 kB`, in whatever way, with about how many bytes that are.
fn sizes(text: &str) -> Vec<(String, f64)> {
    let apart = |c: char| !(c.is_alphanumeric() || c == '.' || c == ',');
    let words: Vec<&str> = text.split(apart).map(|word| word.trim_matches(['.', ','])).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let one = |pair: &[&str]| {
        let unit = match pair[1].to_lowercase().as_str() {
            "b" | "byte" | "bytes" => 1.0,
            "kb" | "kib" => 1e3,
            "mb" | "mib" => 1e6,
            _ => return None,
        };
        Some((pair.join(" "), pair[0].replace(',', "").parse::<f64>().ok()? * unit))
    };
    words.windows(2).filter_map(one).collect()
}

/// What people read of a page.
fn text(page: &str) -> String {
    let main = page.split_once("<main").map_or(page, |(_, main)| main);
    main.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text)).collect::<Vec<_>>().join(" ")
}

/// A mail, its size, and that of the file in it.
struct Mail {
    subject: &'static str,
    size: String,
    file: String,
    bytes: u64,
}

impl Mail {
    /// All that is as large as the mail, or nearly so, is the mail or its file. `says` where the size has to be.
    fn is_one_size(&self, place: &str, said: &str, says: bool) {
        // What it takes on the line, packed, is another thing, and called so.
        let mut others = said.to_owned();
        while let Some((before, after)) = others.split_once(", about ") {
            let packed = after.split_once(" on the line").filter(|(size, _)| size.split_whitespace().count() == 2);
            let rest = packed.map_or(after, |(_, rest)| rest);
            others = format!("{before} {rest}");
        }
        let near = |bytes: f64| (0.5..2.0).contains(&(bytes / self.bytes as f64));
        for (size, bytes) in sizes(&others) {
            assert!(
                !near(bytes) || size == self.size || size == self.file,
                "{place}: {size}, not {}: {said}",
                self.size
            );
        }
        assert!(!says || others.contains(&self.size), "{place} does not say {}: {said}", self.size);
    }
}

/// The rest of a mail that went as text, once the box at sea was told of it.
fn told(station: &Station, subject: &str) -> String {
    wait_for("the box at sea to be told of the rest", 6 * SOON, || {
        let all = station.messages();
        let id = all.iter().find(|message| message["subject"] == subject)?["id"].as_str()?.to_owned();
        (station.json(&["queue", "show", &id])["whole"]["state"]["is"] == "there").then_some(id)
    })
}

/// Two mails whose texts go by satellite: as they are on the gateway, and as the boat hears of them.
#[test]
fn the_size_of_a_mail_reads_the_same_wherever_it_is_said() {
    let world = World::start(&[]);
    let (station, gateway) = (world.station().started(), world.gateway());
    gateway.cli_ok(&["link", "add", "line", "ip", "link.price", "0"], "");
    gateway.cli_ok(&["settings", "set", "ip.listen", "127.0.0.1:0"], "");
    let gateway = gateway.started();
    let mut mails = Vec::new();
    for (subject, bytes) in [("small", 30_000), ("large", 1_200_000)] {
        let written = mail("mum@example.org", "anna@shore.example", subject, bytes);
        let reply = send(&gateway, None, "mum@example.org", "anna@shore.example", &written);
        assert!(reply.starts_with("250"), "{reply}");
        let id = gateway.messages().iter().find(|message| message["subject"] == subject).unwrap()["id"].clone();
        let bytes = gateway.json(&["queue", "show", id.as_str().unwrap()])["size"].as_u64().unwrap();
        let files = Client::logged_in(&gateway, "olga").get(&format!("/messages/{}", id.as_str().unwrap())).body;
        let file = files.split_once("</bdi> <small>").unwrap().1.split('<').next().unwrap().to_owned();
        mails.push(Mail { subject, size: size(bytes), file, bytes });
    }
    station.cli_ok(&["link", "add", "line", "ip", "link.price", "0.000001", "link.unit", "byte"], "");
    let code = gateway.cli_ok(&["pair", "new"], "");
    wait_for("both texts at sea", 6 * SOON, || (station.messages().len() == 2).then_some(()));
    station.cli_ok(&["pair", "join", &gateway.listener("ip").to_string(), code.trim()], "");
    let key = gateway.json(&["pair", "list"])[0]["key"].as_str().unwrap().to_owned();
    gateway.cli_ok(&["far-box", "set", DEVICE, "--add-address", &key], "");
    for mail in &mails {
        told(&station, mail.subject);
    }
    let lists = [
        "/",
        "/messages",
        "/messages?tab=up",
        "/messages?tab=down",
        "/messages?tab=waiting",
        "/messages?tab=held",
        "/messages?tab=failed",
        "/messages?q=large",
        "/mailbox",
        "/mailbox?q=large",
        "/mailbox?folder=1",
        "/health",
    ];
    for (at, person) in [(&gateway, "olga"), (&station, "anna")] {
        let client = Client::logged_in(at, person);
        let page = |path: &str| text(&client.get(path).body);
        for mail in &mails {
            for list in lists {
                mail.is_one_size(&format!("{person}: {list}"), &page(list), false);
            }
            mail.is_one_size("queue list", &at.cli_ok(&["queue", "list"], ""), false);
            let all = at.messages();
            for message in all.iter().filter(|message| message["subject"] == mail.subject) {
                let id = message["id"].as_str().unwrap();
                mail.is_one_size(&format!("{person}: the message"), &page(&format!("/messages/{id}")), true);
                mail.is_one_size("queue show", &at.cli_ok(&["queue", "show", id], ""), person == "anna");
                if person == "anna" {
                    mail.is_one_size("the mail in the mailbox", &page(&format!("/mailbox/{id}")), true);
                    mail.is_one_size("the offer", &at.cli_ok(&["queue", "whole", id, "--dry-run"], ""), true);
                }
            }
        }
    }
}
