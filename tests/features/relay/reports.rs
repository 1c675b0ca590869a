//! Reports that a client asked for (RFC 3461): when, under which names, and who makes them.

use super::fake::{Fake, Says, bytes, gateway};
use crate::support::shore::message;
use crate::support::{Folder, SOON, Smtp, Station, wait_for};

/// A mail of olga with these parameters of MAIL and RCPT.
fn hand_in(gateway: &Station, mail: &str, to: &str, rcpt: &str) {
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    smtp.login("olga");
    for line in [format!("MAIL FROM:<olga@shore.example>{mail}"), format!("RCPT TO:<{to}>{rcpt}")] {
        let reply = smtp.say(&line);
        assert!(reply.starts_with("250"), "{line}: {reply}");
    }
    assert!(smtp.say("DATA").starts_with("354"));
    assert!(
        smtp.say(&format!("{}\r\n.", message("Hello", "the text itself").replace('\n', "\r\n"))).starts_with("250")
    );
}

/// The notices of a box, as mails.
fn notices(gateway: &Station) -> Vec<String> {
    let messages = gateway.messages();
    let notices = messages.iter().filter(|message| message["origin"] == "notice");
    notices.map(|notice| gateway.cli_ok(&["queue", "show", "--raw", notice["id"].as_str().unwrap()], "")).collect()
}

fn wait_notices(gateway: &Station, count: usize) -> Vec<String> {
    wait_for("the report", 2 * SOON, || Some(notices(gateway)).filter(|all| all.len() >= count))
}

#[test]
fn success_is_reported_to_who_asked_and_by_whom_it_is_known() {
    let folder = Folder::new();
    let relay = Fake::start(&[]);
    let gateway = gateway(&folder, &relay, &[("box.domain", "shore.example")]).started();
    gateway.cli_ok(&["people", "add", "ben"], "");
    hand_in(
        &gateway,
        " RET=HDRS ENVID=first+20one",
        "ben@shore.example",
        " NOTIFY=SUCCESS ORCPT=rfc822;Ben@else.example",
    );
    let report = wait_notices(&gateway, 1).remove(0);
    for line in [
        "Subject: Your message was delivered",
        "Original-Envelope-Id: first one",
        "Original-Recipient: rfc822; Ben@else.example",
        "Final-Recipient: rfc822; ben@shore.example",
        "Action: delivered",
        "Status: 2.0.0",
    ] {
        assert!(report.contains(line), "no {line} in {report}");
    }

    // This relay makes no reports: what is known ends there.
    hand_in(&gateway, "", "bob@world.example", " NOTIFY=SUCCESS,FAILURE");
    let report = wait_notices(&gateway, 2).pop().unwrap();
    assert!(report.contains("Action: relayed") && report.contains("bob@world.example"), "{report}");
    assert_eq!(relay.command("RCPT"), "RCPT TO:<bob@world.example>");
    // Nobody asked.
    hand_in(&gateway, "", "carl@world.example", "");
    gateway.wait_state(SOON, "carl@world.example", "delivered");
    // Who is not proven may be anybody.
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    for line in ["MAIL FROM:<eve@world.example>", "RCPT TO:<ben@shore.example> NOTIFY=SUCCESS", "DATA"] {
        assert!(smtp.say(line).starts_with(['2', '3']), "{line}");
    }
    assert!(smtp.say("Subject: x\r\n\r\ny\r\n.").starts_with("250"));
    hand_in(&gateway, "", "ben@shore.example", " NOTIFY=SUCCESS");
    assert_eq!(wait_notices(&gateway, 3).len(), 3, "{:?}", notices(&gateway));
    gateway.totals_balance();
}

#[test]
fn a_relay_that_makes_reports_is_asked_for_them() {
    let folder = Folder::new();
    let relay = Fake::start(&[("EHLO", bytes("250-fake\r\n250 DSN\r\n"))]);
    let gateway = gateway(&folder, &relay, &[("box.domain", "shore.example")]).started();
    hand_in(
        &gateway,
        " RET=FULL ENVID=QQ1",
        "bob@world.example",
        " NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2Bx@world.example",
    );
    gateway.wait_state(SOON, "bob@world.example", "delivered");
    assert_eq!(relay.command("MAIL"), "MAIL FROM:<olga@shore.example> RET=FULL ENVID=QQ1");
    assert_eq!(
        relay.command("RCPT"),
        "RCPT TO:<bob@world.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2Bx@world.example"
    );
    hand_in(&gateway, "", "olga@shore.example", " NOTIFY=SUCCESS");
    let all = wait_notices(&gateway, 1);
    assert!(all.len() == 1 && !all[0].contains("bob@world.example"), "the relay reports it: {all:?}");
}

#[test]
fn failure_is_reported_as_it_was_asked_for() {
    let folder = Folder::new();
    let relay = Fake::start(&[("RCPT", Says::Bytes(b"550 5.1.1 nobody here\r\n".to_vec()))]);
    let gateway = gateway(&folder, &relay, &[("box.domain", "shore.example")]).started();
    for (to, rcpt) in [("never@world.example", " NOTIFY=NEVER"), ("other@world.example", " NOTIFY=SUCCESS,DELAY")] {
        hand_in(&gateway, "", to, rcpt);
        gateway.wait_state(SOON, to, "returned");
    }
    assert!(notices(&gateway).is_empty());
    hand_in(&gateway, " RET=FULL ENVID=QQ2", "full@world.example", " NOTIFY=FAILURE");
    gateway.wait_state(SOON, "full@world.example", "returned");
    let report = notices(&gateway).remove(0);
    assert!(report.contains("Original-Envelope-Id: QQ2") && report.contains("Action: failed"), "{report}");
    assert!(report.contains("message/rfc822") && report.contains("the text itself"), "{report}");
    hand_in(&gateway, " RET=HDRS", "head@world.example", "");
    gateway.wait_state(SOON, "head@world.example", "returned");
    let report = notices(&gateway).pop().unwrap();
    assert!(report.contains("head@world.example") && !report.contains("the text itself"), "{report}");
    gateway.totals_balance();
}
