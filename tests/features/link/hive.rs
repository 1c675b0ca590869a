//! Messages between the Hive and the mail of the internet: nothing lost, nothing twice, one bad packet stops nothing.

use std::time::Duration;

use crate::support::command::link_of;
use crate::support::shore::{Shore, classic, from_outside, message, wait_polls};
use crate::support::{SOON, Smtp, wait_for};

/// Cases R12, R13, R1 and X20: a packet becomes one mail of its owner, the text is exact, the subject is one line.
#[test]
fn a_packet_of_a_device_becomes_one_mail_of_its_owner() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=0x001abe"]).started();
    let text = "Water\tis low.\nBcc: evil@world.example\n\n.\nSecond paragraph, with ümlauts and 水.";
    let packet = shore.uplink("6846", &classic(true, "bob@world.example", text), None);

    let mails = shore.wait_mails(1);
    assert_eq!(mails.len(), 1);
    assert_eq!((&mails[0]["from"], &mails[0]["to"][0]), (&"anna@shore.example".into(), &"bob@world.example".into()));
    let script = "import sys,json,email,email.policy\n\
        m=email.message_from_bytes(json.load(sys.stdin).encode(),policy=email.policy.SMTP)\n\
        print(json.dumps([m['From'],m['To'],m['Subject'],m['Message-ID'],m['Date'],m['Bcc'],\
        m.get_body().get_content().replace('\\r\\n','\\n')]))";
    let read: serde_json::Value =
        serde_json::from_str(&crate::support::command::python(script, &mails[0]["data"].to_string())).unwrap();
    assert_eq!(read[0], "anna@shore.example");
    assert_eq!(read[1], "bob@world.example");
    assert!(read[2].is_null(), "its writer gave it no subject: {read}");
    assert!(read[3].as_str().unwrap().ends_with("@shore.example>"), "{read}");
    assert!(read[4].is_string() && read[5].is_null(), "{read}");
    assert_eq!(read[6].as_str().unwrap().trim_end_matches('\n'), text);
    shore.wait_acknowledged(packet);
    gateway.wait_state(SOON, "bob@world.example", "delivered");
    gateway.totals_balance();
}

/// Case R18 and X19: mail for a person with a device goes to that device, whose number may be written in two ways.
#[test]
fn mail_for_a_person_with_a_device_goes_to_that_device() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846", "ben=0x00007"]).started();
    assert!(from_outside(&gateway, "anna@shore.example", &message("Tides", "High at noon.")).starts_with("250"));
    assert!(from_outside(&gateway, "BEN@Shore.Example", &message("", "For ben.")).starts_with("250"));
    let to_anna = wait_for("the packet to anna", SOON, || Some(shore.to_device(6846)).filter(|all| !all.is_empty()));
    assert_eq!(to_anna, [classic(false, "bob@world.example", "Tides\nHigh at noon.")]);
    let to_ben = wait_for("the packet to ben", SOON, || Some(shore.to_device(7)).filter(|all| !all.is_empty()));
    assert_eq!(to_ben, [classic(false, "bob@world.example", "For ben.")]);
    for (name, device) in [("anna", "0x001abe"), ("ben", "0x000007")] {
        let people = gateway.json(&["people", "list"]);
        let person = people.as_array().unwrap().iter().find(|person| person["name"] == name).unwrap();
        assert_eq!(person["device"], device);
    }
    let taken = gateway.cli(&["people", "add", "carl", "--device", "0x1ABE"], "");
    assert!(!taken.status.success());
    assert!(String::from_utf8_lossy(&taken.stderr).contains("anna"), "{taken:?}");
}

/// Case X8: the same message heard by two satellites is one message, and both packets are acknowledged.
#[test]
fn a_packet_heard_twice_is_one_message() {
    let shore = Shore::start();
    let mut gateway = shore.gateway(&[], &["olga", "anna=6846"]).started();
    let payload = classic(true, "bob@world.example", "once");
    let first = shore.uplink("6846", &payload, Some(77));
    shore.wait_acknowledged(first);
    let second = shore.uplink("6846", &payload, Some(77));
    shore.wait_acknowledged(second);
    gateway.kill();
    let third = shore.uplink("6846", &payload, Some(77));
    gateway.start();
    shore.wait_acknowledged(third);
    let other = shore.uplink("6846", &classic(true, "bob@world.example", "another"), None);
    shore.wait_acknowledged(other);
    assert_eq!(shore.wait_mails(2).len(), 2);
    assert_eq!(gateway.messages().len(), 2);
}

/// Case X9: more packets than fit on two pages of the Hive all arrive, in order and once.
#[test]
fn a_backlog_of_three_pages_drains() {
    let shore = Shore::start();
    let mut last = 0;
    for number in 0..250 {
        last = shore.uplink("6846", &classic(true, "olga@shore.example", &format!("message {number}")), None);
    }
    let gateway = shore.gateway(&[], &["olga", "anna=6846"]).started();
    wait_for("the last packet to be acknowledged", Duration::from_secs(180), || {
        shore.packets().into_iter().find(|packet| packet["packetId"] == last && packet["status"] == 2)
    });
    assert!(shore.packets().iter().all(|packet| packet["status"] == 2));
    let found = gateway.json(&["queue", "list", "--all", "--limit", "5000"]);
    let found = found.as_array().unwrap();
    assert_eq!(found.len(), 250);
    assert!(found.iter().rev().enumerate().all(|(number, message)| message["text"] == format!("message {number}")));
    gateway.totals_balance();
}

/// Case X10: what cannot be read is set aside with its reason and acknowledged; what comes after it flows.
#[test]
fn a_poison_packet_stops_nothing() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846"]).started();
    let mut poison = Vec::new();
    for payload in [&b"\x7f\xff\xff"[..], b"\x08\x01", &classic(false, "bob@world.example", "wrong way")] {
        poison.push(shore.uplink("6846", payload, None));
    }
    poison.push(shore.uplink("6846", &classic(true, "no address", "x"), None));
    poison.push(shore.uplink("6846", &classic(true, "", "x"), None));
    let good = shore.uplink("6846", &classic(true, "bob@world.example", "good"), None);
    shore.wait_mails(1);
    for packet in poison.iter().chain([&good]) {
        shore.wait_acknowledged(*packet);
    }
    assert_eq!(gateway.messages().len(), 1);
    let log = gateway.log_text();
    assert_eq!(log.matches("is in quarantine").count(), poison.len(), "{log}");
}

/// An item whose data is no base64 is poison as well, and comes in whole when it is listed whole later.
#[test]
fn a_garbled_listing_harms_only_itself() {
    let shore = Shore::start();
    for kind in
        ["truncated", "duplicate", "unsorted", "string-message-id", "no-message-id", "reset-after", "502", "object"]
    {
        assert_eq!(shore.hive_says(&format!("fail list {kind}"))[0], "ok");
    }
    let packets: Vec<_> =
        (0..4).map(|n| shore.uplink("6846", &classic(true, "olga@shore.example", &format!("n{n}")), None)).collect();
    let gateway = shore.gateway(&[], &["olga", "anna=6846"]).started();
    for packet in packets {
        wait_for("the packet to be acknowledged", Duration::from_secs(60), || {
            shore.packets().into_iter().find(|known| known["packetId"] == packet && known["status"] == 2)
        });
    }
    let texts: Vec<_> = gateway.messages().iter().map(|message| message["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(texts.len(), 4, "{texts:?}");
}

/// Case X11 and R11: an expired token costs one new log-in and no message; a wrong password is said in words.
#[test]
fn an_expired_token_costs_one_login() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846"]).started();
    let logins = || shore.hive_says("journal").iter().filter(|line| line.contains("/login\"")).count();
    let first = shore.uplink("6846", &classic(true, "bob@world.example", "one"), None);
    shore.wait_acknowledged(first);
    let before = logins();
    shore.hive_says("expire-tokens");
    let second = shore.uplink("6846", &classic(true, "bob@world.example", "two"), None);
    shore.wait_acknowledged(second);
    assert_eq!(logins(), before + 1);
    assert_eq!(shore.wait_mails(2).len(), 2);

    gateway.cli_ok(&["link", "set", "hive", "hive.password", "wrong"], "");
    let link = wait_for("the link to be down", SOON, || {
        let link = gateway.status().map(|status| link_of(&status).clone());
        link.filter(|link| link["ready"] == false && link["words"].is_string())
    });
    assert!(link["words"].as_str().unwrap().contains("hive.password"), "{link}");
    gateway.cli_ok(&["link", "set", "hive", "hive.password", "p"], "");
    wait_for("the link to be up", SOON, || gateway.status().filter(|status| link_of(status)["ready"] == true));
}

/// Case X12: while the Hive is down everything waits, and goes on by itself when it is back.
#[test]
fn a_hive_that_is_down_is_waited_for() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846"]).started();
    wait_polls(&shore, 1);
    shore.leaves(&gateway);
    let packet = shore.uplink("6846", &classic(true, "bob@world.example", "from the dark"), None);
    assert!(from_outside(&gateway, "anna@shore.example", &message("", "into the dark")).starts_with("250"));
    let waiting = gateway.wait_state(SOON, "anna@shore.example", "queued");
    assert!(!waiting["reason"].as_str().unwrap().is_empty(), "{waiting}");
    shore.hive_says("down off");
    shore.wait_acknowledged(packet);
    wait_for("the packet to anna", 2 * SOON, || Some(shore.to_device(6846)).filter(|all| !all.is_empty()));
    assert_eq!(shore.wait_mails(1).len(), 1);
    assert_eq!(shore.to_device(6846).len(), 1);
}

/// What the Hive says once in a while ends no message: each goes once, however the first try was answered, and nobody is
/// told of a failure.
#[test]
fn an_error_of_the_hive_ends_no_message() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846"]).started();
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    smtp.login("olga");
    for (number, kind) in ["error200", "500", "503", "429", "garbage", "object"].into_iter().enumerate() {
        shore.hive_says(&format!("fail send {kind}"));
        let mail = message("", &format!("after {kind}"));
        assert!(smtp.mail("olga@shore.example", "anna@shore.example", &mail).starts_with("250"));
        wait_for(&format!("it to go after {kind}"), 4 * SOON, || {
            let there = gateway.messages().iter().filter(|message| message["state"] == "on the link").count();
            (there == number + 1 && shore.to_device(6846).len() == number + 1).then_some(())
        });
    }
    wait_polls(&shore, 2);
    assert_eq!((shore.to_device(6846).len(), gateway.messages().len()), (6, 6), "nothing twice, and no notice");
    gateway.totals_balance();
}

/// A send whose answer is lost is found in the Hive's list and not sent again; one that never arrived is.
#[test]
fn a_lost_answer_of_the_hive_sends_nothing_twice() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846"]).started();
    for (number, kind) in ["reset-after", "truncated", "401", "201", "reset-before"].iter().enumerate() {
        shore.hive_says(&format!("fail send {kind}"));
        let text = format!("number {number} {kind}");
        assert!(from_outside(&gateway, "anna@shore.example", &message("", &text)).starts_with("250"));
        wait_for(&format!("the packet after {kind}"), 2 * SOON, || {
            gateway.messages().into_iter().find(|m| m["text"] == text.as_str() && m["state"] == "on the link")
        });
    }
    let sent = shore.to_device(6846);
    let texts: Vec<_> = sent.iter().map(|payload| String::from_utf8_lossy(payload).into_owned()).collect();
    assert_eq!(sent.len(), 5, "{texts:?}");
    gateway.totals_balance();
}

/// A text message for a phone and a device that belongs to nobody: set aside, or held, with the reason; never lost.
#[test]
fn what_nobody_here_can_deliver_is_kept_with_its_reason() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846"]).started();
    let stranger = shore.uplink("7", &classic(true, "bob@world.example", "from seven"), None);
    shore.wait_acknowledged(stranger);
    let held = gateway.wait_state(SOON, "bob@world.example", "held");
    assert!(held["reason"].as_str().unwrap().contains("0x000007"), "{held}");
    gateway.cli_ok(&["people", "add", "ben", "--device", "7"], "");
    gateway.cli_ok(&["queue", "release", held["id"].as_str().unwrap()], "");
    let mails = shore.wait_mails(1);
    assert_eq!(mails[0]["from"], "ben@shore.example");
    gateway.totals_balance();
}
