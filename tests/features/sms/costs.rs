//! What texts cost: the price that is shown is the price that is billed, and a budget stops them as it stops packets.

use crate::support::ground::{Ground, MUM, mail_to_phone, wait_message};
use crate::support::web::Client;
use crate::support::{SOON, Station, wait_for};

fn texts(gateway: &Station, account: &str) -> (u64, String) {
    let report = gateway.json(&["costs", "--json"]);
    let row = report["accounts"].as_array().unwrap().iter().find(|row| row["account"] == account).cloned();
    row.map_or((0, String::new()), |row| (row["texts"].as_u64().unwrap(), row["money"].as_str().unwrap().to_owned()))
}

#[test]
fn a_text_costs_what_was_quoted_and_nothing_if_the_carrier_never_took_it() {
    let ground = Ground::start("twilio");
    let prices = [("price.twilio", "0.0079"), ("link.price", "0.07")];
    let gateway = ground.gateway("twilio", &prices).started();
    let long = "All is well on board. ".repeat(9);
    let quote = gateway.cli_ok(&["send", "--from", "anna", "--dry-run", "--text", &long, MUM], "");
    assert!(quote.contains("2 texts") && quote.contains("0.0158 USD"), "{quote}");
    gateway.cli_ok(&["send", "--from", "anna", "--text", &long, MUM], "");
    wait_message(&gateway, long.trim_end(), "delivered");
    assert_eq!(texts(&gateway, "anna"), (2, "0.0158".to_owned()));

    // The carrier refuses it at once: nothing was used.
    ground.says("reject +14155550100 21614");
    gateway.cli_ok(&["send", "--from", "anna", "--text", "to a landline", "+14155550100"], "");
    wait_message(&gateway, "to a landline", "returned");
    assert_eq!(texts(&gateway, "anna"), (2, "0.0158".to_owned()));
    // It takes it, cannot deliver it, and is given it once more: both times cost.
    ground.says("reject +14155550102 30008");
    gateway.cli_ok(&["send", "--from", "anna", "--text", "unknown error", "+14155550102"], "");
    wait_message(&gateway, "unknown error", "returned");
    assert_eq!(ground.times("unknown error"), 2);
    assert_eq!(texts(&gateway, "anna"), (4, "0.0316".to_owned()));
    assert_eq!(texts(&gateway, "(box)"), (4, "0.0316".to_owned()));
    gateway.totals_balance();
}

#[test]
fn a_budget_stops_texts_as_well() {
    let ground = Ground::start("bandwidth");
    let budget = [("price.bandwidth", "0.004"), ("budget.money", "0.01"), ("budget.reserve", "0")];
    let gateway = ground.gateway("bandwidth", &budget).started();
    for number in 1..=3 {
        gateway.cli_ok(&["send", "--from", "anna", "--text", &format!("number {number}"), MUM], "");
    }
    let held = wait_message(&gateway, "number 3", "held");
    assert!(held["reason"].as_str().unwrap().contains("0.008 of 0.01 of this month are spent"), "{held}");
    wait_message(&gateway, "number 2", "delivered");
    assert_eq!(ground.times("number 3"), 0);
    gateway.cli_ok(&["settings", "set", "budget.money", "0.02"], "");
    wait_for("the last one", 2 * SOON, || (ground.times("number 3") == 1).then_some(()));
    let all = (3, "0.012".to_owned());
    wait_for("it to be spent", SOON, || (texts(&gateway, "anna") == all).then_some(()));
    gateway.totals_balance();
}

/// Signs that only look nicer, as phones write them by themselves, do not make a text three times as dear.
#[test]
fn curly_quotes_cost_nothing() {
    let ground = Ground::start("twilio");
    let gateway = ground.gateway("twilio", &[("price.twilio", "0.0079")]).started();
    let curly = format!("It\u{2019}s{}", "a".repeat(151));
    let quote = gateway.cli_ok(&["send", "--from", "anna", "--dry-run", "--text", &curly, MUM], "");
    assert!(quote.contains("1 text") && quote.contains("0.0079"), "{quote}");
    assert!(quote.contains("3 texts without plain marks"), "{quote}");
    let page =
        Client::logged_in(&gateway, "anna").post("/compose", &format!("do=preview&to=%2B14155550123&text={curly}"));
    assert!(page.body.contains("1 text (GSM-7") && page.body.contains("it would be 3 texts"), "{}", page.body);
    let typed = "\u{201c}Fine\u{201d} \u{2013} it\u{2019}s 5\u{a0}m\u{2026}";
    let (long, plain) = (format!("{typed} {}", "a".repeat(60)), format!("\"Fine\" - it's 5 m... {}", "a".repeat(60)));
    assert!(mail_to_phone(&gateway, "14155550123@sms.shore.example", "Re: x", &long).starts_with("250"));
    ground.wait_arrived(&plain);
    // What costs nothing stays as it was written, and so does all where the owner wants it.
    gateway.cli_ok(&["send", "--from", "anna", "--text", typed, MUM], "");
    ground.wait_arrived(typed);
    gateway.cli_ok(&["settings", "set", "sms.plain_marks", "no"], "");
    let quote = gateway.cli_ok(&["send", "--from", "anna", "--dry-run", "--text", &curly, MUM], "");
    assert!(quote.contains("3 texts") && !quote.contains("without"), "{quote}");
    gateway.cli_ok(&["send", "--from", "anna", "--text", "it\u{2019}s \u{2603}", MUM], "");
    ground.wait_arrived("it\u{2019}s \u{2603}");
    gateway.totals_balance();
}
