//! What a message costs is told before it is paid, where several links may take it.

use super::both::Both;
use crate::support::shore::message;
use crate::support::web::{Client, hidden};
use crate::support::{SOON, Smtp, wait_for};

const RUNNING: [&str; 2] = ["--start", "running"];

/// Two boxes that have met; the satellite of the station is charged in credits.
fn in_credits(gateway: &[(&str, &str)]) -> Both {
    let both = Both::start(&RUNNING, &[("patience.normal", "1h")], gateway);
    both.station.cli_ok(&["link", "set", "m138", "link.unit", "credit", "link.price", "0.12"], "");
    both.meet();
    both
}

fn money(text: &str) -> f64 {
    text.parse().unwrap()
}

/// While the line is there, while it is away, and for each choice of links: what the page and the command say is what the
/// message costs on the link that takes it, and what it costs at most.
#[test]
fn a_preview_says_which_link_takes_it_and_what_it_costs_at_most() {
    let both = in_credits(&[]);
    let text: String = (0..30).map(|number| format!("Day {number}: wind {}. ", number * 7 % 12)).collect();
    let look = |text: &str, links: &str| {
        let send = ["send", "--from", "anna", "--dry-run", "--links", links, "--text", text, "bob@world.example"];
        both.station.json(&send)[0].clone()
    };
    let said = |text: &str, links: &str| {
        let send = ["send", "--from", "anna", "--dry-run", "--links", links, "--text", text, "bob@world.example"];
        both.station.cli_ok(&send, "")
    };
    let anna = Client::logged_in(&both.station, "anna");
    let post = |path: &str, more: &str| {
        let page = anna.get("/compose").body;
        let (csrf, once) = (hidden(&page, "csrf"), hidden(&page, "once"));
        let text = text.replace(' ', "+");
        let form = format!("csrf={csrf}&once={once}&to=bob%40world.example&text={text}&{more}");
        anna.form(path, &form, &anna.own()).body
    };
    let long = look(&text, "any");
    assert_eq!((&long["packets"], &long["price"]), (&1.into(), &serde_json::Value::Null), "by the line: {long}");
    let most = long["at_most"]["price"].as_str().unwrap().to_owned();
    assert_eq!(money(&most), long["at_most"]["credits"].as_u64().unwrap() as f64 * 0.12, "{long}");
    assert_eq!(long["at_most"]["link"], "m138", "{long}");
    assert!(look(&text, "cheap")["at_most"]["price"].is_null());
    // Whoever writes is told, on the page and at each look that it takes at what is written.
    let page = post("/compose", "do=preview&links=any");
    for words in ["1 packet, by line, for nothing; at most ", &format!(" credits, {most} USD by m138")] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!post("/compose", "do=preview&links=cheap").contains("at most "));
    let kept = post("/drafts", "links=any");
    assert!(kept.contains(&format!("at most {most} USD.")), "{kept}");

    both.line_goes();
    let line = said(&text, "any");
    assert!(line.contains("by line; at most ") && line.contains("line: 0.00 USD, down since "), "{line}");
    // What goes now is quoted by the link that takes it, and not by the coding that the far box need not be sent.
    let short = "Hello Bob, how are you today? ".repeat(5);
    let quoted = look(&short, "now");
    let credits = quoted["bytes"].as_u64().unwrap().div_ceil(50);
    assert_eq!(quoted["at_most"]["credits"], credits, "{quoted}");
    assert!(said(&short, "now").contains("USD by m138)"), "{}", said(&short, "now"));
    assert!(quoted["bytes"].as_u64().unwrap() < 60, "{quoted}");
    let limit = quoted["price"].as_str().unwrap().to_owned();
    let sent = both.station.cli_ok(
        &[
            "send",
            "--from",
            "anna",
            "--links",
            "now",
            "--at-most",
            &limit,
            "--json",
            "--text",
            &short,
            "bob@world.example",
        ],
        "",
    );
    let sent: serde_json::Value = serde_json::from_str(&sent).unwrap();
    let id = sent[0]["id"].as_str().unwrap();
    let spent = wait_for("what it cost", 4 * SOON, || {
        let bill = both.station.json(&["queue", "show", id])["bill"].clone();
        (bill["spent"]["packets"] == 1).then(|| bill["spent"]["money"].as_str().unwrap().to_owned())
    });
    assert_eq!(spent, limit);
    both.totals_balance();
}

/// What is free in a month is free once, and not for each recipient; and what a dearer link would take is not reserved, so it is
/// told before that a budget has no room for it.
#[test]
fn at_most_takes_nothing_as_free_and_asks_the_budgets() {
    let both = in_credits(&[]);
    both.station.cli_ok(&["link", "set", "m138", "link.free", "3"], "");
    both.station.set(&[("budget.money", "0.50"), ("budget.reserve", "0")]);
    let text = "All well on board, the wind turns north and the generator runs again. ".repeat(2);
    let send = ["send", "--from", "anna", "--dry-run", "--text", &text];
    let to = ["bob", "eve", "ida", "otto", "carl"].map(|name| format!("{name}@world.example"));
    let args: Vec<&str> = send.into_iter().chain(to.iter().map(String::as_str)).collect();
    let all = both.station.json(&args);
    let mut sum = 0.0;
    for one in all.as_array().unwrap() {
        let most = &one["at_most"];
        let price = money(most["price"].as_str().unwrap());
        assert!((price - most["credits"].as_u64().unwrap() as f64 * 0.12).abs() < 0.001, "{one}");
        assert_eq!((&one["state"], &one["price"]), (&"queued".into(), &serde_json::Value::Null), "{one}");
        // What the ones before would take counts.
        let held = sum + price > 0.5;
        assert_eq!(most["held"].is_string(), held, "{sum}: {one}");
        sum += if held { 0.0 } else { price };
    }
    let said = both.station.cli_ok(&args, "");
    assert!(said.contains("by m138 it would be held: the budget of this box is used up"), "{said}");
    // What is too long to go unasked says its credits all the same.
    both.station.set(&[("air.max_parts", "1")]);
    let noise: String = (0..400).map(|number| format!("{:x} ", number * 7919 % 65_537)).collect();
    let held =
        &both.station.json(&["send", "--from", "anna", "--dry-run", "--links", "now", "--text", &noise, &to[0]])[0];
    assert!(held["at_most"]["credits"].as_u64().is_some_and(|credits| credits > 6), "{held}");
}

/// What somebody lets go may leave by the dear link: its price stands beside the button, and in what is said afterwards.
#[test]
fn a_release_says_what_it_costs_on_the_dearest_link() {
    let both = in_credits(&[("air.strangers", "hold")]);
    let from = "mum@world.example";
    for text in ["Call me.", "Call me soon."] {
        let mut gateway = Smtp::connect(both.gateway.listener("smtp"));
        let reply = gateway.mail(from, "anna@shore.example", &message("Hello", text));
        assert!(reply.starts_with("250"), "{reply}");
    }
    let held = wait_for("two that are held", SOON, || {
        let all = both.gateway.messages();
        let held: Vec<_> = all.into_iter().filter(|message| message["state"] == "held").collect();
        (held.len() == 2).then_some(held)
    });
    let id = held[0]["id"].as_str().unwrap();
    let olga = Client::logged_in(&both.gateway, "olga");
    let page = olga.get(&format!("/messages/{id}")).body;
    for words in [
        "Releasing it costs <strong>at most 1 packet, 0.07 USD</strong>",
        "all of them cost <strong>at most 2 packets, 0.14 USD</strong>",
        "at most 1 packet, 0.07 USD",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let done = both.gateway.cli_ok(&["queue", "release", id], "");
    assert!(done.contains("is released: at most 1 packet, 0.07 USD"), "{done}");
    both.totals_balance();
}

/// A link is down since it went, and not since the box began; one that is there again and rests takes nothing, and says so.
#[test]
fn a_preview_says_since_when_a_link_is_down_and_that_it_rests() {
    let both = Both::start(&RUNNING, &[("patience.normal", "1h")], &[]);
    both.meet();
    let look =
        || both.station.json(&["send", "--from", "anna", "--dry-run", "--text", "x", "bob@world.example"])[0].clone();
    let line = |look: &serde_json::Value| {
        look["links"].as_array().unwrap().iter().find(|link| link["link"] == "line").unwrap().clone()
    };
    let mut since = Vec::new();
    for _ in 0..3 {
        both.line_goes();
        since.push(line(&look())["down_since"].as_str().unwrap().to_owned());
        both.line_says("clear");
        both.ready("line", true);
    }
    assert!(since.is_sorted() && since[2] > since[0], "each time it went: {since:?}");
    let said = both.station.cli_ok(&["send", "--from", "anna", "--dry-run", "--text", "x", "bob@world.example"], "");
    assert!(said.contains("waits for line, which rests, as it broke too often"), "{said}");
    assert!(
        said.contains("line: 0.00 USD, there again, and rests, as it broke too often: the message waits"),
        "{said}"
    );
    let line = line(&look());
    assert_eq!((&line["chosen"], &line["takes"]), (&true.into(), &false.into()), "{line}");
}
