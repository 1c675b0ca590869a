//! What a month may cost: nothing goes beyond a budget, what waited for one goes on by itself, and the price that was
//! shown is the price that is billed.

use std::process::Command;

use crate::support::clock::OwnClock;
use crate::support::shore::{Shore, message, wait_polls};
use crate::support::web::Client;
use crate::support::{SOON, Smtp, Station, wait_for};
use serde_json::Value;

const ANNA: &str = "anna@shore.example";
const PRICED: [(&str, &str); 3] = [("link.price", "0.07"), ("budget.packets", "3"), ("budget.reserve", "0")];

fn olga_writes(gateway: &Station, count: usize) {
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
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
    gateway.totals_balance();
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
    gateway.totals_balance();
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
    gateway.totals_balance();
}

/// What is sent says what became of it, also where a budget holds it; a try without sending says the same.
#[test]
fn what_a_budget_holds_is_called_held() {
    let shore = Shore::start();
    let people = ["olga", "anna=6846", "carl=7"];
    let gateway = shore.gateway(&[("budget.packets", "2"), ("budget.reserve", "0")], &people).started();
    let to =
        |to: &[&str], more: &[&str]| gateway.json(&[&["send"], to, &["--from", "olga", "--text", "x"], more].concat());
    let send = |more: &[&str]| to(&[ANNA], more)[0].clone();
    assert_eq!(send(&[])["state"], "queued");
    // There is room for one of two recipients.
    for more in [&["--dry-run"][..], &[]] {
        let both = to(&[ANNA, "carl"], more);
        assert_eq!((&both[0]["state"], &both[1]["state"]), (&"queued".into(), &"held".into()), "{both}");
    }
    let tried = send(&["--dry-run"]);
    assert_eq!((&tried["state"], &tried["id"]), (&"held".into(), &Value::Null), "{tried}");
    let sent = send(&[]);
    assert_eq!((&sent["state"], &sent["code"]), (&"held".into(), &tried["code"]), "{sent}");
    let shown = gateway.json(&["queue", "show", sent["id"].as_str().unwrap()]);
    assert_eq!((&shown["state"], &shown["reason"]), (&sent["state"], &sent["reason"]));
}

/// A yes over a used-up budget is a yes: the sender may write, what was let go goes on by itself with a larger budget, and until then
/// says what it waits for. Who holds it after all, holds it.
#[test]
fn what_is_let_go_over_a_budget_goes_once_there_is_room() {
    let shore = Shore::start();
    let strict = [("air.strangers", "hold"), ("budget.packets", "1"), ("budget.reserve", "0")];
    let gateway = shore.gateway(&strict, &["olga", "anna=6846"]).started();
    olga_writes(&gateway, 1);
    wait_for("the only packet", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 1));
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    let mut ids = Vec::new();
    for from in ["bob@world.example", "carl@world.example", "dora@world.example"] {
        assert!(smtp.mail(from, ANNA, &message("", from)).starts_with("250"));
        ids.push(
            gateway.messages().into_iter().rfind(|m| m["from"] == from).unwrap()["id"].as_str().unwrap().to_owned(),
        );
    }
    let shown = |id: &str| gateway.json(&["queue", "show", id]);
    let short = |id: &str| {
        let message = shown(id);
        assert_eq!((&message["state"], &message["code"]), (&"held".into(), &"over_budget".into()), "{message}");
        assert!(message["reason"].as_str().unwrap().contains("1 of 1 packets of this month are used"), "{message}");
    };
    let said = gateway.cli_ok(&["queue", "release", "--allow-sender", &ids[0]], "");
    assert!(
        said.contains("bob@world.example may write from now on") && said.contains("with a larger budget"),
        "{said}"
    );
    let people = gateway.json(&["people", "list"]);
    let anna = people.as_array().unwrap().iter().find(|person| person["name"] == "anna").unwrap();
    assert_eq!(anna["allow"], "bob@world.example");
    let said = gateway.cli_ok(&["queue", "release", &ids[1], &ids[2]], "");
    assert_eq!(said.matches("goes with a larger budget or in the next month").count(), 2, "{said}");
    ids.iter().for_each(|id| short(id));
    // Once more says what is the case.
    let again = gateway.said(&["queue", "release", &ids[1]]).fails(1);
    assert!(again.contains("it waits for a larger budget"), "{again}");
    // What bob writes now waits for the budget only, and says so at once.
    assert!(smtp.mail("bob@world.example", ANNA, &message("", "more")).starts_with("250"));
    short(gateway.messages().last().unwrap()["id"].as_str().unwrap());
    gateway.cli_ok(&["queue", "hold", &ids[2]], "");
    assert_eq!(shown(&ids[2])["code"], "action.held");
    gateway.set(&[("budget.packets", "9")]);
    wait_for("those of bob and carl", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 4));
    wait_polls(&shore, 2);
    assert_eq!(shown(&ids[2])["state"], "held");
    gateway.cli_ok(&["queue", "release", &ids[2]], "");
    wait_for("that of dora", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 5));
    gateway.totals_balance();
}

/// What a budget keeps back is judged by the lists of now: refused once its sender is blocked, and not let go by more room.
#[test]
fn what_a_budget_keeps_back_is_refused_once_its_sender_is_blocked() {
    let shore = Shore::start();
    let strict =
        [("air.strangers", "hold"), ("air.allow", "world.example"), ("budget.packets", "1"), ("budget.reserve", "0")];
    let gateway = shore.gateway(&strict, &["olga", "anna=6846"]).started();
    olga_writes(&gateway, 1);
    wait_for("the only packet", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 1));
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    for from in ["bob@world.example", "carl@world.example"] {
        assert!(smtp.mail(from, ANNA, &message("", from)).starts_with("250"));
    }
    let of = |from: &str, state: &str| {
        wait_for(&format!("{from}: {state}"), SOON, || {
            gateway.messages().into_iter().find(|m| m["from"] == from && m["state"] == state)
        })
    };
    assert_eq!(of("bob@world.example", "held")["code"], "over_budget");
    gateway.set(&[("air.block", "bob@world.example")]);
    let refused = of("bob@world.example", "refused");
    assert!(refused["reason"].as_str().unwrap().contains("block list"), "{refused}");
    gateway.set(&[("budget.packets", "9")]);
    wait_for("that of carl", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 2));
    wait_polls(&shore, 2);
    assert_eq!(shore.to_device(6846).len(), 2);
    assert_eq!(reserved(&gateway, "(box)").0, 2);
    gateway.totals_balance();
}

/// Warnings are written for what normal messages may use, also where the reserve ends them before the whole.
#[test]
fn warnings_speak_where_the_reserve_stops_normal_messages() {
    let shore = Shore::start();
    let gateway =
        shore.gateway(&[("budget.packets", "10"), ("budget.reserve", "50")], &["olga", "anna=6846"]).started();
    let olga = Client::logged_in(&gateway, "olga");
    let warned = || {
        let page = olga.get("/").body;
        let words = page.split(['<', '>']).filter(|text| text.contains("% of") && text.contains("are used"));
        // The last one stands among the events, and as long as it is so.
        let all: std::collections::BTreeSet<_> = words.map(|words| words.trim().to_owned()).collect();
        all.into_iter().collect::<Vec<_>>()
    };
    olga_writes(&gateway, 3);
    assert!(warned().is_empty());
    olga_writes(&gateway, 1);
    assert!(warned()[0].starts_with("80 % of what normal messages may use"), "{:?}", warned());
    olga_writes(&gateway, 2);
    gateway.wait_state(SOON, ANNA, "held");
    let all = warned();
    assert!(all.len() == 2 && all.iter().any(|words| words.starts_with("100 % of what normal")), "{all:?}");
    let urgent = ["send", ANNA, "--from", "olga", "--text", "x", "--priority", "urgent"];
    (0..5).for_each(|_| drop(gateway.cli_ok(&urgent, "")));
    let all = warned();
    assert!(all.len() == 3 && all.iter().any(|words| words.starts_with("100 % of the budget")), "{all:?}");
    gateway.totals_balance();
}

/// What a budget keeps back does not expire meanwhile: it goes by itself in the next month, also after the box was off.
#[test]
fn what_waits_for_the_next_month_goes_then() {
    let shore = Shore::start();
    let clock = OwnClock::new(&shore.folder);
    let limits = [("budget.packets", "1"), ("budget.reserve", "0")];
    let mut gateway = shore.gateway(&limits, &["olga", "anna=6846"]);
    gateway.start_with(&clock.environment());
    olga_writes(&gateway, 2);
    wait_for("the only packet", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 1));
    all_leave(&shore);
    let held = gateway.wait_state(SOON, ANNA, "held");
    wait_for("it to be spent", 2 * SOON, || (spent(&gateway, "(box)").0 == 1).then_some(()));
    gateway.stop();
    let date = |words: &str| {
        let said = Command::new("date").args(["-u", "-d", words, "+%s"]).output().unwrap();
        String::from_utf8(said.stdout).unwrap().trim().parse::<u64>().unwrap()
    };
    let first = Command::new("date").args(["-u", "+%Y-%m-01"]).output().unwrap();
    let first = String::from_utf8(first.stdout).unwrap();
    clock.ahead(date(&format!("{} +1 month +26 hours", first.trim())) - date("now"));
    gateway.start_with(&clock.environment());
    wait_for("it to leave in the next month", 2 * SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 2));
    assert_eq!(gateway.wait_state(SOON, ANNA, "on the link")["id"], held["id"]);
    assert_eq!(reserved(&gateway, "(box)").0, 1);
    gateway.totals_balance();
}

/// Whoever comes at the same moment: not one packet beyond a budget, and what several let go at once goes once.
#[test]
fn nothing_goes_beyond_a_budget_however_many_come_at_once() {
    let shore = Shore::start();
    let limits = [("budget.packets", "6"), ("budget.reserve", "0"), ("air.strangers", "hold")];
    let gateway = shore.gateway(&limits, &["olga", "anna=6846"]).started();
    gateway.cli_ok(&["people", "edit", "anna", "--budget-packets", "4"], "");
    std::thread::scope(|scope| (0..12).for_each(|_| drop(scope.spawn(|| olga_writes(&gateway, 1)))));
    let count = |state: &str| gateway.messages().iter().filter(|message| message["state"] == state).count();
    wait_for("four on the link", SOON, || (count("on the link") == 4 && count("held") == 8).then_some(()));
    gateway.cli_ok(&["people", "edit", "anna", "--budget-packets", ""], "");
    wait_for("six", SOON, || (shore.to_device(6846).len() == 6).then_some(()));
    gateway.set(&[("budget.packets", "0")]);
    wait_for("all", SOON, || (shore.to_device(6846).len() == 12).then_some(()));
    assert_eq!(reserved(&gateway, "(box)").0, 12);

    let stranger = Smtp::connect(gateway.listener("smtp")).mail("bob@world.example", ANNA, &message("", "who are you"));
    assert!(stranger.starts_with("250"), "{stranger}");
    let held = gateway.wait_state(SOON, ANNA, "held")["id"].as_str().unwrap().to_owned();
    let done = std::thread::scope(|scope| {
        let all: Vec<_> = (0..5).map(|_| scope.spawn(|| gateway.cli(&["queue", "release", &held], ""))).collect();
        all.into_iter().map(|one| one.join().unwrap().status.success()).collect::<Vec<_>>()
    });
    assert_eq!(done.iter().filter(|done| **done).count(), 1, "{done:?}");
    wait_for("it to leave", SOON, || (shore.to_device(6846).len() == 13).then_some(()));
    wait_polls(&shore, 2);
    assert_eq!(shore.to_device(6846).len(), 13);
    gateway.totals_balance();
}

/// The dashboard says how much of a budget is used as long as that is so: also when its limit was lowered afterwards.
#[test]
fn a_budget_that_is_nearly_used_up_stands_on_the_dashboard() {
    let shore = Shore::start();
    let settings = [("link.price", "0.07"), ("budget.money", "10"), ("budget.reserve", "0")];
    let station = shore.gateway(&settings, &["olga", "anna=6846", "ben"]).started();
    olga_writes(&station, 4);
    wait_for("four that are billed", SOON, || (reserved(&station, "(box)").0 == 4).then_some(()));
    let olga = Client::logged_in(&station, "olga");
    let dashboard = || olga.get("/").body;
    assert!(!dashboard().contains("of the budget of"), "{}", dashboard());
    // Four packets are 0.28, spent or reserved.
    for (limit, percent) in [("0.33", "84 %"), ("0.28", "100 %"), ("0.20", "140 %")] {
        station.set(&[("budget.money", limit)]);
        let words = format!("{percent} of the budget of this box for ");
        wait_for(&words, SOON, || dashboard().contains(&words).then_some(()));
    }
    // A person hears that the budget of all is in their way, though they have none of their own.
    let ben = Client::logged_in(&station, "ben");
    let costs = ben.get("/costs").body;
    assert!(costs.contains("140 % of the budget of the whole box are used or reserved this month"), "{costs}");
    assert!(costs.contains("no limit of your own"), "{costs}");
    station.set(&[("budget.money", "10")]);
    wait_for("room", SOON, || (!dashboard().contains("of the budget of")).then_some(()));
}
