//! What a month may cost: nothing goes beyond a budget, what waited for one goes on by itself, and the price that was
//! shown is the price that is billed.

use crate::support::shore::{Shore, message, wait_polls};
use crate::support::{SOON, Smtp, Station, wait_for};
use serde_json::Value;

const ANNA: &str = "anna@shore.example";
const PRICED: [(&str, &str); 3] = [("link.price", "0.07"), ("budget.packets", "3"), ("budget.reserve", "0")];

fn olga_writes(gateway: &Station, count: usize) {
    let mut smtp = Smtp::connect(gateway.door("smtp"));
    smtp.login("olga");
    for number in 0..count {
        assert!(smtp.mail("olga@shore.example", ANNA, &message("", &format!("number {number}"))).starts_with("250"));
    }
}

/// What is reserved in an account for messages that have not left.
fn reserved(gateway: &Station, account: &str) -> (u64, String) {
    costs(gateway, account, |row| row["reserved"].clone())
}

/// What an account spent in this month.
fn spent(gateway: &Station, account: &str) -> (u64, String) {
    costs(gateway, account, Value::clone)
}

fn costs(gateway: &Station, account: &str, which: impl Fn(&Value) -> Value) -> (u64, String) {
    let report = gateway.json(&["costs", "--json"]);
    let row = report["accounts"].as_array().unwrap().iter().find(|row| row["account"] == account).map(which);
    row.map_or((0, String::new()), |row| (row["packets"].as_u64().unwrap(), row["money"].as_str().unwrap().to_owned()))
}

/// The devices take all that the Hive has for them.
fn all_leave(shore: &Shore) {
    for packet in shore.packets().iter().filter(|packet| packet["direction"] == 2) {
        shore.hive_says(&format!("status {} 3", packet["packetId"]));
    }
}

#[test]
fn a_budget_stops_hard_and_a_larger_one_lets_go_on() {
    let shore = Shore::start();
    let gateway = shore.gateway(&PRICED, &["olga", "anna=6846"]).started();
    olga_writes(&gateway, 5);
    wait_for("three packets", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 3));
    let held = gateway.wait_state(SOON, ANNA, "held");
    assert!(held["reason"].as_str().unwrap().contains("3 of 3 packets of this month are used"), "{held}");
    let refused = gateway.cli(&["queue", "release", held["id"].as_str().unwrap()], "");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("waits for a larger budget"));
    wait_polls(&shore, 2);
    assert_eq!(shore.to_device(6846).len(), 3);
    for account in ["(box)", "anna", "olga"] {
        assert_eq!(reserved(&gateway, account), (3, "0.21".to_owned()), "{account}");
        assert_eq!(spent(&gateway, account).0, 0, "nothing has left the Hive");
    }

    gateway.cli_ok(&["settings", "set", "budget.packets", "4"], "");
    wait_for("one more", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 4));
    gateway.cli_ok(&["people", "edit", "anna", "--budget-packets", "4"], "");
    gateway.cli_ok(&["settings", "set", "budget.packets", "0"], "");
    wait_polls(&shore, 3);
    assert_eq!(shore.to_device(6846).len(), 4, "her own budget holds the last one");
    gateway.cli_ok(&["people", "edit", "anna", "--budget-packets", ""], "");
    wait_for("the last one", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 5));
    assert_eq!(reserved(&gateway, "anna"), (5, "0.35".to_owned()));
    all_leave(&shore);
    wait_for("all to be spent", 2 * SOON, || (spent(&gateway, "anna") == (5, "0.35".to_owned())).then_some(()));
    assert_eq!(spent(&gateway, "(box)"), (5, "0.35".to_owned()));
    assert_eq!(reserved(&gateway, "(box)").0, 0);
    gateway.books_balance();
}

#[test]
fn what_never_left_costs_nothing_and_the_quote_is_the_bill() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[("link.price", "0.07")], &["olga", "anna=6846"]).started();
    let long = "word ".repeat(45);
    let quote = gateway.cli_ok(&["send", ANNA, "--from", "olga", "--subject", "Long", "--dry-run"], &long);
    assert!(quote.contains("2 packets") && quote.contains("0.14 USD"), "{quote}");
    gateway.cli_ok(&["send", ANNA, "--from", "olga", "--subject", "Long"], &long);
    wait_for("both packets", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 2));
    assert_eq!(reserved(&gateway, "anna"), (2, "0.14".to_owned()));
    all_leave(&shore);
    wait_for("both to be spent", 2 * SOON, || (spent(&gateway, "anna") == (2, "0.14".to_owned())).then_some(()));

    shore.leaves(&gateway);
    olga_writes(&gateway, 1);
    assert_eq!(reserved(&gateway, "anna").0, 1);
    let waiting = gateway.waiting();
    let queued = waiting.iter().find(|message| message["state"] == "queued").unwrap();
    gateway.cli_ok(&["queue", "cancel", queued["id"].as_str().unwrap()], "");
    assert_eq!(spent(&gateway, "anna"), (2, "0.14".to_owned()));
    assert_eq!(reserved(&gateway, "anna").0, 0);
    gateway.books_balance();
}

/// A message that goes another way than the one it was billed for gets that back.
#[test]
fn a_message_that_goes_another_way_is_billed_there() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[("link.price", "0.07")], &["olga", "anna=6846"]).started();
    shore.leaves(&gateway);
    olga_writes(&gateway, 2);
    assert_eq!(reserved(&gateway, "anna"), (2, "0.14".to_owned()));
    gateway.cli_ok(&["people", "edit", "anna", "--home", "here"], "");
    shore.hive_says("down off");
    wait_for("both in the mailbox", 3 * SOON, || {
        let all = gateway.messages();
        (all.iter().filter(|message| message["state"] == "delivered").count() == 2).then_some(())
    });
    for account in ["anna", "(box)"] {
        assert_eq!((spent(&gateway, account).0, reserved(&gateway, account).0), (0, 0), "{account}");
    }
    gateway.books_balance();
}

/// What is sent says what became of it, also where a budget holds it; a try without sending says the same.
#[test]
fn what_a_budget_holds_is_called_held() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[("budget.packets", "1"), ("budget.reserve", "0")], &["olga", "anna=6846"]).started();
    let send =
        |more: &[&str]| gateway.json(&[&["send", ANNA, "--from", "olga", "--text", "x"], more].concat())[0].clone();
    assert_eq!(send(&[])["state"], "queued");
    let tried = send(&["--dry-run"]);
    assert_eq!((&tried["state"], &tried["id"]), (&"held".into(), &Value::Null), "{tried}");
    let sent = send(&[]);
    assert_eq!((&sent["state"], &sent["code"]), (&"held".into(), &tried["code"]), "{sent}");
    let shown = gateway.json(&["queue", "show", sent["id"].as_str().unwrap()]);
    assert_eq!((&shown["state"], &shown["reason"]), (&sent["state"], &sent["reason"]));
}
