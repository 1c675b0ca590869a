//! Which link takes a message: the cheap one while it is there, the dear one after the patience.

use super::TwoModems;
use crate::support::{SOON, send, wait_for};

#[test]
fn all_go_by_the_cheap_link_while_it_is_there() {
    let both = TwoModems::start(&[]);
    both.ready("one", true);
    both.ready("two", true);
    let ids: Vec<_> = (0..10).map(|number| both.write(&format!("number {number}"), &[])).collect();
    for id in &ids {
        both.state(id, "sent");
    }
    assert_eq!((both.world.on_air().len(), both.second_on_air()), (0, 10));
    assert_eq!(both.bill("one"), "0.00");
    both.station.totals_balance();
}

#[test]
fn the_dear_link_takes_over_after_the_patience_and_not_before() {
    let both = TwoModems::start(&[("patience.urgent", "1"), ("patience.normal", "1h"), ("patience.bulk", "30d")]);
    both.ready("one", true);
    both.ready("two", true);
    both.second_says("unplug");
    both.ready("two", false);
    let normal = both.write("normal", &[]);
    let cheap = both.write("never pay", &["--links", "cheap"]);
    let urgent = both.write("urgent", &["--priority", "urgent"]);
    let now = both.write("satellite now", &["--links", "now"]);
    both.state(&urgent, "sent");
    both.state(&now, "sent");
    let why = |id: &str| both.station.json(&["queue", "show", id])["reason"].as_str().unwrap().to_owned();
    wait_for("the reason of what waits", SOON, || {
        why(&normal).contains("waits for two, which is down, until").then_some(())
    });
    assert!(why(&normal).contains("then one, 0.07 USD"), "{}", why(&normal));
    wait_for("the other reason", SOON, || why(&cheap).contains("waits for two, which is down").then_some(()));
    assert_eq!(both.bill("one"), "0.14");
    // What a message would do is shown before it is sent, by the same function.
    let shown = both.station.cli_ok(&["send", "--from", "anna", "--text", "x", "--dry-run", "bob@world.example"], "");
    assert!(
        shown.contains("one: 0.07 USD, ready")
            && shown.contains(": the message waits for it")
            && shown.contains("two: 0.00 USD, down since "),
        "{shown}"
    );
    // With less patience it goes at once.
    both.station.set(&[("patience.normal", "0")]);
    both.state(&normal, "sent");
    assert_eq!(both.station.json(&["queue", "show", &cheap])["state"], "queued");
    both.second_says("plug");
    both.state(&cheap, "sent");
    assert_eq!((both.world.on_air().len(), both.second_on_air()), (3, 1));
    assert_eq!(both.bill("one"), "0.21");
}

#[test]
fn a_budget_that_is_used_up_has_messages_wait_with_words() {
    let both = TwoModems::start(&[("patience.normal", "0"), ("budget.reserve", "50")]);
    both.station.cli_ok(&["link", "set", "one", "link.day_money", "0.14"], "");
    both.station.cli_ok(&["link", "off", "two"], "");
    both.ready("one", true);
    let first = both.write("first", &[]);
    both.state(&first, "sent");
    let second = both.write("second", &[]);
    wait_for("the reason", SOON, || {
        let message = both.station.json(&["queue", "show", &second]);
        message["reason"].as_str().unwrap().contains("one has used its budget").then_some(())
    });
    let urgent = both.write("urgent", &["--priority", "urgent"]);
    both.state(&urgent, "sent");
    assert_eq!((both.world.on_air().len(), both.bill("one")), (2, "0.14".to_owned()));
}

/// A mail program says which links a mail may take: in its subject, or by a header field.
#[test]
fn a_mail_says_by_tag_or_header_which_links_it_may_take() {
    let both = TwoModems::start(&[("patience.normal", "1h")]);
    both.ready("one", true);
    both.ready("two", true);
    both.second_says("unplug");
    both.ready("two", false);
    let mails = [
        ("bob1@world.example", "Subject: [now] Weather"),
        ("bob2@world.example", "Subject: [Sat] Weather"),
        ("bob3@world.example", "X-Satpost-Links: now\nSubject: Weather"),
        ("bob4@world.example", "Subject: [cheap] Weather"),
        ("bob5@world.example", "X-Satpost-Links: cheap\nSubject: Weather"),
    ];
    for (to, head) in mails {
        let reply = send(&both.station, Some("anna"), "anna@boat.example", to, &format!("{head}\n\nWind 5.\n"));
        assert!(reply.starts_with("250"), "{reply}");
    }
    for (to, _) in &mails[..3] {
        assert_eq!(both.station.wait_state(4 * SOON, to, "sent")["subject"], "Weather");
    }
    // Those that must not cost anything wait, whatever their patience.
    both.station.set(&[("patience.normal", "0")]);
    wait_for("the reason of what waits", SOON, || {
        let waits = |to: &str| {
            let message = both.station.messages().into_iter().find(|message| message["to"] == to).unwrap();
            message["state"] == "queued" && message["reason"].as_str().unwrap().contains("waits for two, which is down")
        };
        mails[3..].iter().all(|(to, _)| waits(to)).then_some(())
    });
    assert_eq!((both.world.on_air().len(), both.bill("one").as_str()), (3, "0.21"));
}
