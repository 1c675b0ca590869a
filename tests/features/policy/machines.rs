//! Mail that a program wrote and somebody wants: log-in codes, weather robots, answers of services.

use crate::support::shore::{Shore, classic, message, wait_polls};
use crate::support::web::Client;
use crate::support::{SOON, Smtp, wait_for};

const ANNA: &str = "anna@shore.example";

/// A mail of a program.
fn automatic(subject: &str, text: &str) -> String {
    format!("Auto-Submitted: auto-generated\n{}", message(subject, text))
}

/// The newest message to anna.
fn newest(gateway: &crate::support::Station) -> serde_json::Value {
    gateway.messages().into_iter().rfind(|message| message["to"] == ANNA).expect("a message to anna")
}

/// Held, not refused, where a list, the key word or the past speaks for it; on air where the machine may write; and what
/// was refused can still be released.
#[test]
fn wanted_mail_of_machines_can_pass() {
    let shore = Shore::start();
    let settings = [
        ("air.strangers", "hold"),
        ("air.allow", "bank.example"),
        ("air.key_word", "code"),
        ("air.machines", "weather.example"),
        ("link.price", "0.07"),
    ];
    let gateway = shore.gateway(&settings, &["olga", "anna=6846"]).started();
    let packet = shore.uplink("6846", &classic(true, "query@saildocs.example", "send gfs"), None);
    shore.wait_acknowledged(packet);
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    for (from, subject) in [
        ("noreply@bank.example", "Log in"),
        ("robot@shop.example", "Your code: 4711"),
        ("query@saildocs.example", "Re: gfs"),
    ] {
        assert!(smtp.mail(from, ANNA, &automatic(subject, "here it is")).starts_with("250"));
        let held = newest(&gateway);
        assert_eq!((&held["state"], &held["from"]), (&"held".into(), &from.into()), "{held}");
        assert!(held["reason"].as_str().unwrap().contains("a machine wrote it, and its sender"), "{held}");
    }
    assert!(smtp.mail("robot@news.example", ANNA, &automatic("Buy", "now")).starts_with("250"));
    assert_eq!(newest(&gateway)["state"], "refused");
    wait_polls(&shore, 2);
    assert!(shore.to_device(6846).is_empty(), "nothing of that costs anything");

    assert!(smtp.mail("gale@weather.example", ANNA, &automatic("Gale", "warning")).starts_with("250"));
    wait_for("the weather", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 1));

    // Its own answer releases it, with the price, and lets that machine write from now on.
    let held = gateway.messages().into_iter().find(|message| message["from"] == "noreply@bank.example").unwrap();
    let said = gateway.cli_ok(&["queue", "release", "--allow-sender", held["id"].as_str().unwrap()], "");
    assert!(said.contains("is released: 1 packet, 0.07 USD, and noreply@bank.example may write"), "{said}");
    wait_for("the log-in", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 2));
    assert!(smtp.mail("noreply@bank.example", ANNA, &automatic("Log in", "again")).starts_with("250"));
    wait_for("the next log-in", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 3));
    gateway.totals_balance();
}

#[test]
fn what_a_rule_refused_can_be_released_and_says_its_price() {
    let shore = Shore::start();
    let settings = [("air.strangers", "refuse"), ("link.price", "0.07")];
    let gateway = shore.gateway(&settings, &["olga", "anna=6846"]).started();
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    let olga = Client::logged_in(&gateway, "olga");
    let mails = [
        ("eve@world.example", message("Hello", "a stranger")),
        ("robot@news.example", automatic("Buy", "now")),
        ("", message("Sorry", "a bounce without a report")),
    ];
    for (count, (from, mail)) in mails.iter().enumerate() {
        assert!(smtp.mail(from, ANNA, mail).starts_with("250"));
        let refused = newest(&gateway);
        let id = refused["id"].as_str().unwrap().to_owned();
        assert_eq!(refused["state"], "refused", "{refused}");
        let retried = gateway.said(&["queue", "retry", &id]).fails(1);
        assert!(retried.contains("release it instead"), "{retried}");
        assert!(olga.get(&format!("/messages/{id}")).body.contains("It goes out now: 1 packet, 0.07 USD."));
        let said = gateway.cli_ok(&["queue", "release", &id], "");
        assert!(said.contains(&format!("{id} is released: 1 packet, 0.07 USD")), "{said}");
        wait_for("it to leave", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == count + 1));
        let again = gateway.said(&["queue", "release", &id]).fails(1);
        assert!(again.contains("neither held nor refused"), "{again}");
        gateway.totals_balance();
    }
}

/// A refusal because there is no way stays one: there is nothing to release.
#[test]
fn what_has_no_way_cannot_be_released() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846"]).started();
    gateway.cli_ok(&["people", "disable", "anna"], "");
    let packet = shore.uplink("6846", &classic(true, "bob@world.example", "x"), None);
    shore.wait_acknowledged(packet);
    let refused = gateway.wait_state(SOON, "bob@world.example", "refused");
    let said = gateway.said(&["queue", "release", refused["id"].as_str().unwrap()]).fails(1);
    assert!(said.contains("anna may not send"), "{said}");
}
