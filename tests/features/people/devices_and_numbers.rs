//! People, their devices and their service numbers: who may have what, and what becomes of it when it moves.

use serde_json::{Value, json};

use crate::support::fake_carrier::twilio_calls;
use crate::support::ground::{ANNA, BEN, Ground, MUM, PUBLIC, mail_to_phone, polls, wait_message};
use crate::support::shore::{Shore, classic, from_outside, message};
use crate::support::web::Client;
use crate::support::{PASSWORD, SOON, Station, send, wait_for};

fn person(station: &Station, name: &str) -> Value {
    let people = station.json(&["people", "list"]);
    people.as_array().unwrap().iter().find(|person| person["name"] == name).cloned().unwrap_or_default()
}

fn count(station: &Station) -> usize {
    station.json(&["people", "list"]).as_array().unwrap().len()
}

/// Who is not there cannot be changed, who is there cannot come again, and each thing that is changed stays so.
#[test]
fn people_come_are_changed_and_go() {
    let shore = Shore::start();
    let box_ = shore.gateway(&[], &["olga"]).started();
    for words in [
        &["people", "disable", "eve"][..],
        &["people", "enable", "eve"],
        &["people", "remove", "eve"],
        &["people", "erase", "eve"],
        &["people", "edit", "eve", "--full-name", "x"],
        &["people", "device", "eve", "7"],
        &["people", "number", "eve", "+14155550123"],
        &["usage", "--by", "day", "--person", "eve", "--json"],
    ] {
        assert_eq!(box_.said(words).code, 3, "{words:?}");
    }
    assert_eq!(count(&box_), 1);
    box_.said_with(&["people", "add", "eve", "--full-name", "Eve Ada", "--device", "0x0007"], "").ok();
    assert_eq!((count(&box_), person(&box_, "eve")["full_name"].as_str()), (2, Some("Eve Ada")));
    assert!(box_.said(&["people", "add", "EVE"]).fails(2).contains("already somebody named eve"));
    let eve = person(&box_, "eve");
    assert_eq!(
        (&eve["device"], &eve["role"], &eve["disabled"], &eve["log_in"], &eve["home"]),
        (&json!("0x000007"), &json!("person"), &json!(false), &json!(false), &json!("device"))
    );
    box_.said(&["people", "edit", "eve", "--full-name", "Eve", "--max-parts", "3", "--forward", "e@x.example"]).ok();
    let eve = person(&box_, "eve");
    assert_eq!(
        (&eve["full_name"], &eve["max_parts"], &eve["forward"]),
        (&json!("Eve"), &json!(3), &json!("e@x.example"))
    );
    box_.said(&["people", "disable", "eve"]).ok();
    assert_eq!(person(&box_, "eve")["disabled"], true);
    box_.said(&["people", "remove", "eve"]).ok();
    assert_eq!((count(&box_), person(&box_, "eve")), (1, Value::Null));

    // Nobody is an owner without a password, and the box is never left without one.
    assert_eq!(box_.said(&["people", "add", "rex", "--role", "owner"]).code, 2);
    box_.said_with(&["people", "add", "rex", "--role", "owner"], PASSWORD).ok();
    box_.said(&["people", "disable", "olga"]).ok();
    for words in [&["people", "disable", "rex"][..], &["people", "remove", "rex"], &["people", "erase", "rex"]] {
        let said = box_.said(words);
        assert!(said.code != 0 && said.err.contains("without an owner"), "{words:?}: {said:?}");
    }
    assert_ne!(box_.said(&["people", "edit", "rex", "--role", "person"]).code, 0);
}

/// A log-in on the page and in a mail program, a new password of their own, and the same again.
#[test]
fn somebody_changes_their_own_password() {
    let shore = Shore::start();
    let box_ = shore.gateway(&[], &["olga", "ben"]).started();
    let mut ben = Client::logged_in(&box_, "ben");
    let token = ben.token("/account");
    let change = |ben: &Client, old: &str| {
        let form = format!("csrf={token}&old={old}&new=gulls+over+the+pier&again=gulls+over+the+pier");
        ben.form("/account", &form, &ben.own())
    };
    assert_ne!(change(&ben, "wrong-one-this-is").status, 303);
    assert_eq!(change(&ben, PASSWORD).status, 303);
    assert_ne!(Client::new(&box_).try_password("ben", PASSWORD).status, 303);
    let mut again = Client::new(&box_);
    assert_eq!(again.try_password("ben", "gulls+over+the+pier").status, 303);
    assert_eq!(again.get("/mailbox").status, 200);
}

/// A blocked number costs no packet and is counted; twice is once, and what no number is says so.
#[test]
fn numbers_are_blocked_and_let_in_again() {
    let ground = Ground::start("twilio");
    let gateway = ground.gateway("twilio", &[("air.strangers", "hold")]).started();
    let block = |list: &str| gateway.said(&["people", "edit", "ben", "--block", list]);
    block(&format!("{MUM} {MUM}, {MUM}")).ok();
    assert_eq!(person(&gateway, "ben")["block"], MUM);
    assert!(block("4155550123").fails(2).contains("with its plus"));
    assert_eq!(person(&gateway, "ben")["block"], MUM);
    ground.text(MUM, BEN, "let me in");
    let refused = wait_message(&gateway, "let me in", "refused");
    assert!(refused["reason"].as_str().unwrap().contains("block list"), "{refused}");
    assert_eq!(gateway.json(&["usage", "--by", "year"])[0]["refused"], 1);
    let five = "+14155550101 +14155550102 +14155550103 +14155550104 +14155550105";
    block(five).ok();
    assert_eq!(person(&gateway, "ben")["block"], five);
    ground.text(MUM, BEN, "and now");
    wait_message(&gateway, "and now", "held");
    // What waits is judged by the new list as well.
    for _ in 0..2 {
        gateway.said(&["people", "edit", "ben", "--allow", MUM]).ok();
    }
    assert_eq!(person(&gateway, "ben")["allow"], MUM);
    let packets = wait_for("the packet", SOON, || Some(ground.shore.to_device(6846)).filter(|all| !all.is_empty()));
    assert_eq!(packets.len(), 1, "what was blocked is not sent later");
    gateway.totals_balance();
}

/// A device is known by one number however it is written, belongs to one person, moves, and is changed for another.
#[test]
fn devices_belong_to_one_person_at_a_time() {
    let shore = Shore::start();
    let box_ = shore.gateway(&[], &["olga", "anna=6846", "ben"]).started();
    for spelling in ["6846", "0x001abe", "0X1ABE", "0x1abe"] {
        let why = box_.said(&["people", "device", "ben", spelling]).fails(2);
        assert!(why.contains("0x001abe belongs to anna"), "{spelling}: {why}");
        box_.said(&["people", "device", "anna", spelling]).ok();
    }
    for wrong in ["0", "262144", "0x40000", "abc", ""] {
        assert_ne!(box_.said(&["people", "device", "ben", wrong]).code, 0, "{wrong}");
    }
    assert!(box_.said(&["people", "add", "carl", "--device", "6846"]).fails(2).contains("belongs to anna"));
    // What a device sends that nobody has is held, and says what to do.
    shore.uplink("7", &classic(true, "bob@world.example", "whose am I?"), None);
    let held = box_.wait_state(SOON, "bob@world.example", "held");
    assert!(held["reason"].as_str().unwrap().contains("belonged to nobody"), "{held}");
    let why = box_.said(&["queue", "release", held["id"].as_str().unwrap()]).fails(1);
    assert!(why.contains("device 0x000007 belongs to nobody here: give it to a person"), "{why}");
    // anna's device is replaced by that one; the old one is free, and ben takes it.
    box_.said(&["people", "device", "anna", "7"]).ok();
    box_.said(&["people", "device", "ben", "6846"]).ok();
    box_.said(&["queue", "release", held["id"].as_str().unwrap()]).ok();
    assert_eq!(shore.wait_mails(1)[0]["from"], "anna@shore.example");
    for (name, device) in [("anna", 7), ("ben", 6846)] {
        let to = format!("{name}@shore.example");
        assert!(from_outside(&box_, &to, &message("", &format!("for {name}"))).starts_with("250"));
        let packets = wait_for(name, SOON, || Some(shore.to_device(device)).filter(|all| !all.is_empty()));
        assert_eq!(packets, [classic(false, "bob@world.example", &format!("for {name}"))]);
    }
    box_.said(&["people", "device", "ben", "none"]).ok();
    assert_eq!((&person(&box_, "ben")["device"], &person(&box_, "ben")["home"]), (&Value::Null, &json!("here")));
    let audit = box_.cli_ok(&["audit"], "");
    assert!(audit.contains("device 0x000007 (was 0x001abe)"), "{audit}");
    box_.totals_balance();
}

/// A service number belongs to one person, in whatever form it is written; a text is theirs who has it when it comes.
#[test]
fn service_numbers_belong_to_one_person_at_a_time() {
    let ground = Ground::start("twilio");
    let gateway = ground.gateway("twilio", &[]).started();
    for spelling in [BEN, "415 555 0188", "(415) 555-0188", "1-415-555-0188"] {
        let why = gateway.said(&["people", "number", "anna", spelling]).fails(2);
        assert!(why.contains(&format!("{BEN} belongs to ben")), "{spelling}: {why}");
    }
    ground.text(MUM, ANNA, "first");
    assert_eq!(wait_message(&gateway, "first", "delivered")["to"], "anna@shore.example");
    gateway.said(&["people", "device", "ben", "none"]).ok();
    gateway.said(&["people", "number", "anna", "none"]).ok();
    gateway.said(&["people", "number", "ben", "(415) 555-0199"]).ok();
    ground.text(MUM, ANNA, "second");
    assert_eq!(wait_message(&gateway, "second", "delivered")["to"], "ben@shore.example");
    gateway.said(&["send", "--from", "ben", "--text", "answer", MUM]).ok();
    assert_eq!(ground.wait_arrived("answer")["from"], ANNA);
    let audit = gateway.cli_ok(&["audit"], "");
    assert!(audit.contains(&format!("number {ANNA} (was {BEN})")), "{audit}");
    gateway.totals_balance();
}

/// A text whose writer has no number waits for one, and for nobody's word; who had none gets one, and it goes once.
#[test]
fn a_text_goes_once_its_writer_has_a_number() {
    let ground = Ground::start("twilio");
    let gateway = ground.gateway("twilio", &[]).started();
    gateway.said(&["people", "number", "anna", "none"]).ok();
    let to = format!("{MUM}@sms.shore.example");
    assert!(mail_to_phone(&gateway, &to, "", "no number yet").starts_with("250"));
    let held = wait_message(&gateway, "no number yet", "held");
    assert!(held["reason"].as_str().unwrap().contains("no service number"), "{held}");
    gateway.said(&["people", "number", "anna", ANNA]).ok();
    wait_message(&gateway, "no number yet", "delivered");
    assert_eq!((ground.times("no number yet"), ground.wait_arrived("no number yet")["from"].as_str()), (1, Some(ANNA)));
    gateway.totals_balance();
}

/// Case X17: who is disabled neither gets a text nor sends one; not a copy goes on, and HELP is not answered for them.
#[test]
fn a_disabled_person_neither_gets_nor_sends_texts() {
    let ground = Ground::start("bandwidth");
    let gateway = ground.gateway("bandwidth", &[("sms.public_url", PUBLIC)]).started();
    ground.call(&gateway);
    gateway.cli_ok(&["people", "edit", "anna", "--forward", "anna@world.example"], "");
    gateway.said_with(&["people", "add", "olga", "--role", "owner"], PASSWORD).ok();
    // One text waits when it happens: the carrier takes none.
    ground.says("fail send 429 1000");
    let to = format!("{MUM}@sms.shore.example");
    assert!(mail_to_phone(&gateway, &to, "", "written before").starts_with("250"));
    gateway.said(&["people", "disable", "anna"]).ok();
    gateway.said(&["people", "disable", "ben"]).ok();
    ground.says("clear-faults");
    let back = wait_message(&gateway, "written before", "returned");
    assert!(back["reason"].as_str().unwrap().contains("anna may not send"), "{back}");

    for (number, words) in [(ANNA, "to anna"), (BEN, "to ben"), (ANNA, "HELP"), (ANNA, "STOP")] {
        ground.text(MUM, number, words);
        let refused = wait_message(&gateway, words, "refused");
        assert!(refused["reason"].as_str().unwrap().contains("takes no mail"), "{refused}");
    }
    assert!(gateway.said(&["send", "--from", "anna", "--text", "x", MUM]).fails(2).contains("may not send"));
    let mut packet = classic(true, "+14155550123", "from ben's boat");
    let protocol = packet.len() - 3;
    packet[protocol] = 2;
    ground.shore.uplink("6846", &packet, None);
    wait_message(&gateway, "from ben's boat", "refused");
    assert!(ground.arrived().is_empty() && ground.shore.mails().is_empty() && ground.shore.to_device(6846).is_empty());
    assert_eq!(gateway.json(&["usage", "--by", "year"])[0]["refused"], 6);

    gateway.said(&["people", "enable", "anna"]).ok();
    ground.text(MUM, ANNA, "START");
    wait_message(&gateway, "START", "delivered");
    assert!(mail_to_phone(&gateway, &to, "", "written after").starts_with("250"));
    ground.wait_arrived("written after");
    gateway.totals_balance();
}

/// A message that waits when its writer is disabled goes no further, on any way.
#[test]
fn what_a_disabled_person_wrote_and_waits_goes_no_further() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "carl", "anna=6846"]).started();
    shore.leaves(&gateway);
    shore.sink_says("close");
    for to in ["anna@shore.example", "bob@world.example"] {
        assert!(
            send(&gateway, Some("carl"), "carl@shore.example", to, &message("", "spend it all")).starts_with("250")
        );
        assert!(send(&gateway, Some("olga"), "olga@shore.example", to, &message("", "hello")).starts_with("250"));
    }
    gateway.said(&["people", "disable", "carl"]).ok();
    shore.hive_says("down off");
    shore.sink_says("clear");
    wait_for("olga's messages", 2 * SOON, || (shore.mails().len() + shore.to_device(6846).len() == 2).then_some(()));
    wait_for("carl's messages to come back", 2 * SOON, || {
        let of_carl = |m: &&Value| m["from"] == "carl@shore.example" && m["state"] == "returned";
        (gateway.messages().iter().filter(of_carl).count() == 2).then_some(())
    });
    assert!(!shore.mails()[0].to_string().contains("spend it all"));
    gateway.totals_balance();
}

/// The same text by a call, and then in the list: it is one text. And a text with the same words is another one.
#[test]
fn one_text_told_in_two_ways_is_one() {
    let ground = Ground::start("twilio");
    let gateway = ground.gateway("twilio", &[("sms.public_url", "")]).started();
    let id = ground.text(MUM, ANNA, "once");
    wait_message(&gateway, "once", "delivered");
    gateway.cli_ok(&["settings", "set", "sms.public_url", PUBLIC], "");
    let fields = [("MessageSid", id.as_str()), ("From", MUM), ("To", ANNA), ("Body", "once")];
    assert_eq!(twilio_calls(&gateway, "/hooks/twilio", &fields).0, 200);
    let again = [("MessageSid", "SMother"), ("From", MUM), ("To", ANNA), ("Body", "once")];
    assert_eq!(twilio_calls(&gateway, "/hooks/twilio", &again).0, 200);
    gateway.cli_ok(&["settings", "set", "sms.public_url", ""], "");
    polls(&ground, 2);
    assert_eq!(gateway.messages().iter().filter(|m| m["text"] == "once").count(), 2);
}
