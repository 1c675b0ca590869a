//! What the pages say is true, in the same words everywhere, in the time of the reader, and of nobody but who it is of.

use crate::support::web::{Answer, Client, hidden};
use crate::support::{Folder, PASSWORD, SOON, Station, send, wait_for};

/// A station with a satellite modem that is not plugged in.
fn silent(folder: &Folder, more: &[(&str, &str)]) -> Station {
    let usual = [("box.domain", "boat.example"), ("box.reach", "satellite"), ("air.max_parts", "1")];
    let all: Vec<_> = usual.iter().chain(more).copied().collect();
    let station = Station::new(folder, "boat", &all, &["olga", "max", "pia"]);
    let port = folder.path("no-modem");
    let link = ["sbd.port", port.to_str().unwrap(), "link.unit", "credit", "link.price", "0.12"];
    station.cli_ok(&[&["link", "add", "sbd", "sbd"][..], &link].concat(), "");
    station.started()
}

fn compose(client: &mut Client, to: &str, text: &str) -> String {
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("to", to), ("subject", "Note"), ("text", text), ("do", "send")])
        .finish();
    let answer = client.post("/compose", &form);
    assert_eq!(answer.status, 303, "{answer:?}");
    answer.header("location").to_owned()
}

#[test]
fn a_writer_is_told_what_is_true_and_takes_a_message_back() {
    let folder = Folder::new();
    let station = silent(&folder, &[]);
    let (mut max, olga) = (Client::logged_in(&station, "max"), Client::logged_in(&station, "olga"));
    let down = "Messages over the satellite wait, as the link is not ready.";
    wait_for("the link to be known as not ready", 2 * SOON, || max.get("/compose").body.contains(down).then_some(()));
    assert!(max.get("/mailbox").body.contains(down));
    let waits = compose(&mut max, "bob@world.example", "Hello");
    wait_for("the message to wait for the link", 2 * SOON, || {
        max.get(&waits).body.contains("no link works at present").then_some(())
    });
    // One that is too long waits for the owner, and is called the same in every list.
    let text: String = (0..1500_u32).map(|n| char::from(b'a' + (n * n % 23) as u8)).collect();
    let held = compose(&mut max, "bob@world.example", &text);
    for (place, word) in [(held.as_str(), "held"), ("/mailbox?folder=2", "held"), ("/mailbox?q=bob", "held")] {
        let page = max.get(place).body;
        assert!(page.contains(&format!("\">{word}</span>")), "{place}: {page}");
    }
    let status = max.get("/health").body;
    assert!(status.contains("1 message of yours is held until the owner of this box decides"), "{status}");

    // Who wrote it takes it back; nobody else does.
    let token = hidden(&max.get(&held).body, "csrf");
    let press = |client: &Client, token: &str, place: &str| -> Answer {
        client.form(&format!("{place}/take-back"), &format!("csrf={token}"), &client.own())
    };
    let mut pia = Client::logged_in(&station, "pia");
    let other = pia.token("/account");
    assert_eq!(press(&pia, &other, &held).status, 404);
    for place in [&held, &waits] {
        assert!(max.get(place).body.contains("Take it back"), "{place}");
        assert_eq!(press(&max, &token, place).status, 303);
        assert!(max.get(place).body.contains("cancelled"), "{place}");
    }
    let audit = station.json(&["audit"]).to_string();
    assert!(audit.contains("queue.take-back"), "{audit}");
    assert_eq!(press(&max, &token, &held).status, 409, "that is over");
    assert!(!max.get(&held).body.contains("Take it back") && !olga.get(&held).body.contains("take-back"));
    // Who has the name later takes nothing back of the one before.
    let theirs = compose(&mut max, "bob@world.example", "Mine");
    station.cli_ok(&["people", "remove", "max"], "");
    station.cli_ok(&["people", "add", "max"], PASSWORD);
    let mut next = Client::logged_in(&station, "max");
    let token = next.token("/account");
    assert_eq!(next.get(&theirs).status, 404);
    assert_eq!(press(&next, &token, &theirs).status, 404);
    assert!(!olga.get(&theirs).body.contains("cancelled"));
    station.totals_balance();
}

#[test]
fn what_a_budget_holds_waits_for_nobody_and_the_oldest_is_the_oldest() {
    let folder = Folder::new();
    let station = silent(&folder, &[("budget.money", "0.01"), ("budget.reserve", "0")]);
    let (mut max, olga) = (Client::logged_in(&station, "max"), Client::logged_in(&station, "olga"));
    let first = compose(&mut max, "bob@world.example", "For room");
    let page = max.get(&first).body;
    assert!(page.contains("it waits for room"), "{page}");
    let status = max.get("/health").body;
    assert!(status.contains("1 message of yours waits for room in a budget"), "{status}");
    assert!(!status.contains("until the owner"), "{status}");
    let page = olga.get(&first).body;
    assert!(!page.contains("/release\""), "{page}");
    let board = olga.get("/").body;
    assert!(board.contains("waits for room in a budget") && !board.contains("waits for your decision"), "{board}");

    // Held by hand it is due never, and all the same the oldest.
    let id = first.rsplit('/').next().unwrap();
    let accepted = station.messages()[0]["accepted"].as_str().unwrap().to_owned();
    let settled = std::time::Instant::now();
    station.cli_ok(&["queue", "hold", id], "");
    wait_for("the next second", SOON, || (settled.elapsed().as_millis() > 1100).then_some(()));
    compose(&mut max, "bob@world.example", "Later");
    let oldest = wait_for("the dashboard to show both", SOON, || {
        let board = olga.get("/").body;
        let (_, tile) =
            board.split_once("2, oldest <time datetime=\"").or_else(|| board.split_once("oldest <time datetime=\""))?;
        board.contains("2 held").then(|| tile.split('"').next().unwrap().to_owned())
    });
    assert_eq!(oldest, accepted);
    station.totals_balance();
}

#[test]
fn times_names_and_words_of_others_are_told_as_they_are() {
    let folder = Folder::new();
    let station = silent(&folder, &[("box.time_zone", "Asia/Tokyo")]);
    let (mut olga, mut pia) = (Client::logged_in(&station, "olga"), Client::logged_in(&station, "pia"));
    // A time in an answer is that of the box.
    let by = "to=bob%40world.example&text=Hello&by=2020-01-01+16%3A30&do=preview";
    let answer = pia.post("/compose", by).body;
    assert!(!answer.contains("2020-01-01T") && answer.contains("1 Jan 2020"), "{answer}");

    // A name that turns the words around it does not.
    let owner = olga.get("/settings/box").body;
    for name in ["%E2%80%AEevil+txt", "Vela"] {
        let form = format!("csrf={}&box.name={name}", hidden(&owner, "csrf"));
        assert_eq!(olga.form("/settings/box", &form, &olga.own()).status, 303);
    }
    let board = olga.get("/").body;
    assert!(board.contains("box.name is Vela now, it was evil txt"), "{board}");
    assert!(!board.contains('\u{202e}'), "{board}");

    // One sender has one name, wherever the mail lies.
    let mail = "From: \"a' OR '1'='1\" <olga@boat.example>\nTo: pia@boat.example\nSubject: Quotes\n\nHello\n";
    assert!(send(&station, Some("olga"), "olga@boat.example", "pia@boat.example", mail).starts_with("250"));
    let who = |page: &str| -> String {
        let (_, rest) = page.split_once("<td class=\"addr from\"><bdi>").unwrap_or_else(|| panic!("{page}"));
        rest.split("</bdi>").next().unwrap().to_owned()
    };
    let inbox = pia.get("/mailbox").body;
    let plain = inbox.replace("&#x2f;", "/");
    let mail_id = plain
        .split("dir=auto>Quotes")
        .next()
        .unwrap()
        .rsplit("href=\"/mailbox/")
        .next()
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    assert!(who(&inbox).contains("olga@boat.example"), "{inbox}");
    let token = pia.token("/account");
    let deleted = pia.form(&format!("/mailbox/{mail_id}/delete"), &format!("csrf={token}"), &pia.own());
    assert_eq!(deleted.status, 303, "{deleted:?}");
    let trash = pia.get("/mailbox?folder=5").body;
    assert_eq!(who(&trash), who(&inbox), "{trash}");

    // Disabled is said once.
    station.cli_ok(&["people", "disable", "pia"], "");
    let page = olga.get("/people/pia").body;
    assert!(page.contains("Disabled, they cannot log in.") && !page.contains("They can log in here"), "{page}");

    // Prices, currencies, addresses and log-ins as people write them.
    let form = |fields: &str| format!("csrf={}&{fields}", hidden(&owner, "csrf"));
    let money = |fields: &str| olga.form("/settings/money", &form(fields), &olga.own());
    for bad in ["euros", "%3Cb%3E", "eur"] {
        let refused = money(&format!("price.currency={bad}"));
        assert!(refused.status == 422 && refused.body.contains("code of a currency"), "{refused:?}");
    }
    assert_eq!(money("price.currency=EUR").status, 303);
    let price = |value: &str| olga.form("/links/sbd", &form(&format!("link.price={value}")), &olga.own());
    assert_eq!(price("0%2C25").status, 303);
    assert!(olga.get("/links/sbd").body.contains("0.25 EUR"));
    assert_eq!(price("1%2C000").status, 422, "a thousand, or one");
    let step = olga.form("/setup/link", &form("link.price=much&do=save"), &olga.own());
    assert!(step.status == 422 && step.body.contains("one field needs another value"), "{step:?}");
    let wrong = olga.post("/compose", "to=not+an+address&text=x&do=send").body;
    assert!(wrong.contains("is no mail address, no phone number and nobody of this box"), "{wrong}");
    let mut whole = Client::new(&station);
    assert_eq!(whole.try_password("max%40Boat.example", PASSWORD).status, 303);
    assert_eq!(Client::new(&station).try_password("max%40world.example", PASSWORD).status, 401);
    // Whoever was logged in is told that it ended, and what became of a draft.
    let cookie = whole.cookie.clone();
    let token = whole.token("/account");
    whole.form("/logout", &format!("csrf={token}"), &whole.own());
    let gone = Client { at: whole.at, cookie };
    let asked = gone.get("/compose?draft=00112233445566778899aabbccddeeff");
    let page = gone.get(asked.header("location")).body;
    assert!(page.contains("Your log-in has ended") && page.contains("among your drafts"), "{page}");
    assert!(!Client::new(&station).get("/login?next=%2Fmessages").body.contains("has ended"));
    station.totals_balance();
}
