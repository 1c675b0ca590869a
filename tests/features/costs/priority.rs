//! The terms of a message: which goes first, by when, and for how much at most.

use crate::support::shore::Shore;
use crate::support::{SOON, Smtp, Station, send, wait_for};
use serde_json::Value;

const ANNA: &str = "anna@shore.example";
const OLGA: &str = "olga@shore.example";

/// A gateway whose link is away, where olga writes to anna's device.
fn gateway_without_link(shore: &Shore, more: &[(&str, &str)]) -> Station {
    let gateway = shore.gateway(more, &["olga", "anna=6846"]).started();
    shore.leaves(&gateway);
    gateway
}

fn write(gateway: &Station, subject: &str, more: &[&str]) -> String {
    let args = [&["send", "--from", "olga", "--subject", subject, "--text", "x", ANNA], more].concat();
    gateway.json(&args)[0]["id"].as_str().unwrap().to_owned()
}

fn shown(gateway: &Station, id: &str) -> Value {
    gateway.json(&["queue", "show", id])
}

/// Subjects of the messages in the order in which the Hive got them.
fn order(shore: &Shore) -> Vec<String> {
    // Short classic packets: version, then a message whose first field is the text.
    let text = |packet: &Vec<u8>| String::from_utf8(packet[6..6 + usize::from(packet[5])].to_vec()).unwrap();
    shore.to_device(6846).iter().map(|packet| text(packet).lines().next().unwrap().to_owned()).collect()
}

#[test]
fn urgent_messages_go_first_and_bulk_goes_last() {
    let shore = Shore::start();
    let gateway = gateway_without_link(&shore, &[]);
    for (subject, priority) in [("a", "bulk"), ("b", "normal"), ("c", "urgent"), ("d", "normal"), ("e", "urgent")] {
        write(&gateway, subject, &["--priority", priority]);
    }
    // From a mail program; a stranger's mark counts for nothing.
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    let marked = |subject: &str| format!("Importance: high\nSubject: {subject}\n\nx\n");
    assert!(smtp.mail("eve@world.example", ANNA, &marked("g")).starts_with("250"));
    smtp.login("olga");
    assert!(smtp.mail(OLGA, ANNA, &marked("f")).starts_with("250"));
    shore.hive_says("down off");
    wait_for("all of them", 2 * SOON, || Some(order(&shore)).filter(|all| all.len() == 7));
    assert_eq!(order(&shore), ["c", "e", "f", "b", "d", "g", "a"]);
    let urgent = gateway.messages().into_iter().find(|message| message["subject"] == "f").unwrap();
    assert_eq!(urgent["priority"], "urgent");
}

#[test]
fn an_urgent_message_may_use_what_a_budget_keeps_for_it() {
    let shore = Shore::start();
    let budget = [("budget.packets", "4"), ("budget.reserve", "50")];
    let gateway = shore.gateway(&budget, &["olga", "anna=6846"]).started();
    let normal: Vec<_> = (0..3).map(|n| write(&gateway, &format!("normal {n}"), &[])).collect();
    assert_eq!(shown(&gateway, &normal[2])["state"], "held");
    for n in 0..2 {
        write(&gateway, &format!("urgent {n}"), &["--priority", "urgent"]);
    }
    let third = write(&gateway, "urgent 2", &["--priority", "urgent"]);
    assert_eq!(shown(&gateway, &third)["state"], "held");
    wait_for("four packets", SOON, || Some(order(&shore)).filter(|all| all.len() == 4));
    gateway.totals_balance();
}

#[test]
fn what_cannot_go_in_time_comes_back_before_it() {
    let shore = Shore::start();
    let gateway = gateway_without_link(&shore, &[]);
    let id = write(&gateway, "By noon", &["--deliver-by", "65s"]);
    let back = wait_for("it to come back", 4 * SOON, || {
        Some(shown(&gateway, &id)).filter(|message| message["state"] == "expired")
    });
    let by = back["deliver_by"].as_str().unwrap();
    assert!(back["reason"].as_str().unwrap().contains(&format!("wanted by {by}")), "{back}");
    let notice = gateway.messages().into_iter().find(|m| m["origin"] == "notice" && m["about"] == id.as_str()).unwrap();
    assert_eq!(notice["to"], OLGA);
    // Times of JSON are RFC 3339 in UTC: their order is that of their texts.
    assert!(notice["accepted"].as_str().unwrap() < by, "its sender has to hear of it before its time: {notice}");
    assert!(order(&shore).is_empty());
    gateway.totals_balance();
}

#[test]
fn what_costs_more_than_it_may_is_not_taken() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[("link.price", "0.07")], &["olga", "anna=6846"]).started();
    let long = "word ".repeat(45);
    let refused = gateway.cli(&["send", "--from", "olga", "--at-most", "0.10", ANNA], &long);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("it costs 0.14 USD, and 0.10 USD at most are allowed"), "{said}");
    for (field, reply) in [
        ("X-Satpost-At-Most: 0.10", "554"),
        ("X-Satpost-By: yesterday", "554"),
        ("X-Satpost-At-Most: 0.14\nX-Satpost-By: 2h", "250"),
    ] {
        let mail = format!("{field}\nSubject: Long\n\n{long}\n");
        let said = send(&gateway, Some("olga"), OLGA, ANNA, &mail);
        assert!(said.starts_with(reply), "{field}: {said}");
    }
    wait_for("the one that may", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 2));
    assert_eq!(gateway.messages().iter().filter(|message| message["to"] == ANNA).count(), 1);
    let kept = gateway.messages().into_iter().find(|message| message["to"] == ANNA).unwrap();
    assert_eq!((&kept["cost"], &kept["at_most"]), (&"0.14".into(), &"0.14".into()));
}
