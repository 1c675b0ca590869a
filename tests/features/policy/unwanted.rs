//! What costs not one packet: machines, strangers with phones, and two boxes that forward to each other for ever.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::support::fake_carrier::{bandwidth_calls, received};
use crate::support::ground::{BEN, Ground, PUBLIC};
use crate::support::shore::{Shore, from_outside, message, wait_polls};
use crate::support::web::Client;
use crate::support::{SOON, Smtp, Station, wait_for};

/// The text of a page without its markup, as far as reasons need it.
fn page_of(client: &Client, id: &str) -> String {
    let page = client.get(&format!("/messages/{id}"));
    assert_eq!(page.status, 200, "{id}");
    page.body
        .replace("&#x2f;", "/")
        .replace("&#x27;", "'")
        .replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
}

/// Vacation answers, lists, cron, receipts, delivery reports of five mail servers, a mail in a loop: where even strangers
/// may write over the air, none of them does, and the page of each says why.
#[test]
fn what_machines_write_never_goes_on_air_and_its_page_says_why() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[("air.strangers", "allow")], &["olga", "anna=6846"]).started();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail");
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    let mut taken = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let number: u32 = name.get(..3).and_then(|number| number.parse().ok()).unwrap_or(0);
        if !(93..=108).contains(&number) || number == 96 || !name.ends_with(".eml") {
            continue;
        }
        let mail = String::from_utf8_lossy(&fs::read(&path).unwrap()).replace("\r\n", "\n").replace('\r', "\n");
        let from = if name.contains("bounce") { "" } else { "robot@world.example" };
        let reply = smtp.mail(from, "anna@shore.example", &mail);
        assert!(reply.starts_with("250") || (name.contains("loop") && reply.starts_with("554")), "{name}: {reply}");
        taken += usize::from(reply.starts_with("250"));
    }
    assert!(taken >= 14, "{taken}");
    wait_polls(&shore, 2);
    assert!(shore.to_device(6846).is_empty() && shore.mails().is_empty());
    let olga = Client::logged_in(&gateway, "olga");
    let messages = gateway.messages();
    assert_eq!(messages.len(), taken, "nobody hears back from the box");
    for message in &messages {
        let (id, reason) = (message["id"].as_str().unwrap(), message["reason"].as_str().unwrap());
        assert_eq!(message["state"], "refused", "{message}");
        assert!(reason.contains("never goes over the air"), "{reason}");
        assert!(page_of(&olga, id).contains(reason), "{id}: {reason}");
    }
    assert_eq!(gateway.json(&["status"])["packets_sent"], 0);
    gateway.totals_balance();
}

/// A thousand texts from phones that nobody knows: no packet, no text back, and a reason at each.
#[test]
fn a_thousand_texts_of_strangers_cost_nothing() {
    let ground = Ground::start("bandwidth");
    let gateway = ground.gateway("bandwidth", &[("air.strangers", "hold"), ("sms.public_url", PUBLIC)]).started();
    for call in 0..10 {
        let events: Vec<_> = (0..100)
            .map(|number| {
                let id = format!("b{call}-{number}");
                received(&id, json!(format!("+1415556{call}{number:03}")), BEN, &format!("buy {call} {number}"))
            })
            .collect();
        assert_eq!(bandwidth_calls(&gateway, &json!(events)), 200);
        assert_eq!(bandwidth_calls(&gateway, &json!(events)), 200);
    }
    wait_polls(&ground.shore, 2);
    let messages = gateway.messages();
    assert_eq!(messages.len(), 1000);
    assert!(messages.iter().all(|message| message["state"] == "held"));
    assert!(ground.shore.to_device(6846).is_empty() && ground.arrived().is_empty());
    let anna = Client::logged_in(&gateway, "anna");
    for message in messages.iter().step_by(97) {
        let page = page_of(&anna, message["id"].as_str().unwrap());
        assert!(page.contains("the sender is a stranger"), "{page}");
    }
    gateway.totals_balance();
}

/// Two people of two boxes have their mail forwarded to each other. It ends by itself, and not on air.
#[test]
fn a_loop_of_two_boxes_ends_and_costs_nothing() {
    let (one, two) = (Shore::start(), Shore::start());
    let boxes =
        [(&one, "one.example", "two.example"), (&two, "two.example", "one.example")].map(|(shore, own, other)| {
            let gateway =
                shore.gateway(&[("box.domain", own), ("air.strangers", "allow")], &["olga", "anna=6846"]).started();
            gateway.cli_ok(&["people", "edit", "olga", "--forward", &format!("olga@{other}")], "");
            gateway
        });
    let port = |station: &Station| station.listener("smtp").port().to_string();
    boxes[0].set(&[("relay.host", "127.0.0.1"), ("relay.port", &port(&boxes[1]))]);
    boxes[1].set(&[("relay.host", "127.0.0.1"), ("relay.port", &port(&boxes[0]))]);
    // It comes from far away, so that the end is near.
    let way: String = (0..85).map(|hop| format!("Received: from h{hop} by h{}\n", hop + 1)).collect();
    let mail = format!("{way}{}", message("Round", "and round"));
    assert!(from_outside(&boxes[0], "olga@one.example", &mail).starts_with("250"));
    wait_for("the loop to end", 2 * SOON, || {
        let all: Vec<_> = boxes.iter().flat_map(Station::messages).collect();
        let still = boxes.iter().all(|station| station.waiting().is_empty());
        (still && all.iter().any(|message| message.to_string().contains("in a loop"))).then_some(())
    });
    for (station, shore) in boxes.iter().zip([&one, &two]) {
        assert!(station.messages().len() < 100);
        assert!(shore.to_device(6846).is_empty());
        station.totals_balance();
    }
    let looped = boxes.iter().find_map(|station| {
        let message = station.messages().into_iter().find(|message| message.to_string().contains("in a loop"))?;
        Some((Client::logged_in(station, "olga"), message["id"].as_str().unwrap().to_owned()))
    });
    let (olga, id) = looped.unwrap();
    assert!(page_of(&olga, &id).contains("in a loop"), "the page says why it goes no further");
}
