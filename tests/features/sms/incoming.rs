//! Texts from phones.

use crate::support::fake_carrier;
use crate::support::ground::{ANNA, BEN, Ground, MUM, PUBLIC, mail_to_phone, polls, post, wait_message};
use crate::support::{SOON, send, wait_for};

/// Polling: a text is a mail of its thread, and an answer by mail goes back to the phone.
#[test]
fn a_text_comes_in_by_polling_and_is_answered_by_mail() {
    let ground = Ground::start("twilio");
    let gateway = ground.gateway("twilio", &[("sms.public_url", "")]).started();
    gateway.cli_ok(&["people", "edit", "anna", "--forward", "anna@world.example"], "");
    let to = format!("{MUM}@sms.shore.example");
    let mail = "From: anna@shore.example\nSubject: Sunday\nMessage-ID: <first@boat>\n\nShall we come?\n";
    assert!(send(&gateway, Some("anna"), "anna@shore.example", &to, mail).starts_with("250"));
    ground.wait_arrived("Sunday\nShall we come?");
    wait_message(&gateway, "Sunday\nShall we come?", "delivered");
    ground.text(MUM, ANNA, "Yes, at noon");
    let message = wait_message(&gateway, "Yes, at noon", "delivered");
    assert_eq!(
        (&message["from"], &message["to"], &message["origin"]),
        (&MUM.into(), &"anna@shore.example".into(), &"sms".into())
    );
    let raw = gateway.cli_ok(&["queue", "show", "--raw", message["id"].as_str().unwrap()], "");
    assert!(raw.contains("In-Reply-To: <first@boat>") && raw.contains("Subject: Re: Sunday"), "{raw}");
    assert!(raw.contains(&format!("From: <{to}>")) || raw.contains(&format!("From: {to}")), "{raw}");
    let mails = ground.shore.wait_mails(1);
    assert!(mails[0]["data"].as_str().unwrap().contains("Yes, at noon"), "{mails:?}");
    assert!(mail_to_phone(&gateway, &to, "Re: Sunday", "Fine").starts_with("250"));
    ground.wait_arrived("Fine");
    let status = gateway.status().unwrap();
    assert!(status["texts"]["words"].as_str().unwrap().starts_with("polling"), "{status}");
    assert!(status["texts_heard"].is_string(), "{status}");
    gateway.totals_balance();
}

/// Nothing is lost over a restart, and nothing comes twice.
#[test]
fn polling_survives_restarts() {
    let ground = Ground::start("twilio");
    let mut gateway = ground.gateway("twilio", &[]).started();
    polls(&ground, 1);
    let mut all = Vec::new();
    for round in 0..4 {
        all.push(format!("while running {round}"));
        ground.text(MUM, ANNA, all.last().unwrap());
        if round % 2 == 0 {
            wait_message(&gateway, all.last().unwrap(), "delivered");
        }
        gateway.kill();
        all.push(format!("while down {round}"));
        ground.text(MUM, ANNA, all.last().unwrap());
        ground.says("fail list truncated");
        gateway.start();
    }
    for words in &all {
        wait_message(&gateway, words, "delivered");
    }
    polls(&ground, 2);
    assert_eq!(gateway.messages().len(), all.len());
    gateway.totals_balance();
}

/// More texts than fit on a page of the carrier's list.
#[test]
fn a_backlog_is_read_to_its_end() {
    let ground = Ground::start("twilio");
    for number in 0..230 {
        ground.text(MUM, ANNA, &format!("text {number}"));
    }
    let gateway = ground.gateway("twilio", &[]).started();
    wait_message(&gateway, "text 229", "delivered");
    let texts: Vec<_> = gateway.messages().iter().map(|m| m["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(texts, (0..230).map(|number| format!("text {number}")).collect::<Vec<_>>());
}

/// To a device over the link, as Space Beaver did: protocol SMS, and the phone as the one to answer.
#[test]
fn a_text_for_a_person_with_a_device_goes_on_air() {
    let ground = Ground::start("twilio");
    let gateway = ground.gateway("twilio", &[("air.strangers", "hold")]).started();
    ground.text(MUM, BEN, "Come home");
    let held = wait_message(&gateway, "Come home", "held");
    assert!(held["reason"].as_str().unwrap().contains("stranger"), "{held}");
    gateway.cli_ok(&["queue", "release", "--allow-sender", held["id"].as_str().unwrap()], "");
    let packets =
        wait_for("the packet to ben", SOON, || Some(ground.shore.to_device(6846)).filter(|all| !all.is_empty()));
    let text = String::from_utf8_lossy(&packets[0]).into_owned();
    assert!(text.contains("Come home") && text.contains(MUM), "{text:?}");
    let protocol = packets[0].windows(2).rev().find(|pair| pair[0] == 0x28).unwrap()[1];
    assert_eq!(protocol, 2);
    ground.text(MUM, BEN, "Soon");
    wait_for("the second packet", SOON, || (ground.shore.to_device(6846).len() == 2).then_some(()));
}

/// A number that nobody has is held, and belongs to whom it is given.
#[test]
fn a_text_to_nobodys_number_is_held() {
    let ground = Ground::start("twilio");
    let gateway = ground.gateway("twilio", &[]).started();
    ground.text(MUM, "+14155550177", "Who is there?");
    let held = wait_message(&gateway, "Who is there?", "held");
    gateway.cli_ok(&["people", "number", "anna", "+14155550177"], "");
    gateway.cli_ok(&["queue", "release", held["id"].as_str().unwrap()], "");
    let message = wait_message(&gateway, "Who is there?", "delivered");
    assert_eq!(message["to"], "anna@shore.example");
    gateway.totals_balance();
}

/// Webhooks of Twilio: texts and reports; doubled, late, lost and forged ones (cases X14, X15).
#[test]
fn twilio_calls() {
    let ground = Ground::start("twilio");
    let gateway = ground.gateway("twilio", &[("sms.public_url", PUBLIC), ("web.lan_only", "yes")]).started();
    ground.call(&gateway);
    polls(&ground, 0);
    ground.says("fail call twice");
    ground.text(MUM, ANNA, "Said twice");
    wait_message(&gateway, "Said twice", "delivered");
    let forged = {
        ground.says("fail call forged");
        ground.text(MUM, ANNA, "Forged")
    };
    wait_for("the forged call to be refused", SOON, || gateway.log_text().contains("signature is wrong").then_some(()));
    assert!(!gateway.messages().iter().any(|m| m["text"] == "Forged"));
    ground.says(&format!("again {forged}"));
    wait_message(&gateway, "Forged", "delivered");

    gateway.cli_ok(&["send", "--from", "anna", "--text", "Out", MUM], "");
    wait_message(&gateway, "Out", "delivered");
    let status = gateway.status().unwrap();
    assert!(status["texts"]["words"].as_str().unwrap().starts_with("webhook"), "{status}");

    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let body = "MessageSid=SM9&SmsStatus=received&From=%2B14155550123&To=%2B14155550199&Body=Evil";
    assert_eq!(post(&gateway, "/hooks/twilio", form, body).0, 403);
    let wrong = format!("{form}X-Twilio-Signature: mpPybIj2s+OKM6SDQ4yJtYMu5m4=\r\n");
    assert_eq!(post(&gateway, "/hooks/twilio", &wrong, body).0, 403);
    assert_eq!(post(&gateway, "/hooks/bandwidth", form, body).0, 404);
    // The name that the world has for the box leads to its webhooks and to nothing else.
    assert_eq!(post(&gateway, "/login", form, body).0, 421);
    assert_eq!(gateway.messages().len(), 3);
    gateway.totals_balance();
}

/// A call that Twilio does not repeat is found by asking at the next start.
#[test]
fn a_lost_call_is_asked_for() {
    let ground = Ground::start("twilio");
    let mut gateway = ground.gateway("twilio", &[("sms.public_url", PUBLIC)]).started();
    ground.call(&gateway);
    wait_for("the first look", SOON, || (ground.asked("\"GET\"", "DateSent") > 0).then_some(()));
    ground.says("fail call never");
    ground.text(MUM, ANNA, "Unheard");
    gateway.stop();
    gateway.start();
    wait_message(&gateway, "Unheard", "delivered");
}

/// Bandwidth calls until it gets a yes, with its user and password.
#[test]
fn bandwidth_calls() {
    let ground = Ground::start("bandwidth");
    let mut gateway = ground.gateway("bandwidth", &[("sms.public_url", PUBLIC)]).started();
    ground.call(&gateway);
    for kind in ["twice", "slow"] {
        ground.says(&format!("fail call {kind}"));
        ground.text(MUM, ANNA, kind);
        wait_message(&gateway, kind, "delivered");
    }
    let login = "Content-Type: application/json\r\nAuthorization: Basic aG9vazpwYXNz\r\n";
    assert_eq!(post(&gateway, "/hooks/bandwidth", "Content-Type: application/json\r\n", "[]").0, 403);
    assert_eq!(post(&gateway, "/hooks/bandwidth", login, "[]").0, 200);
    assert_eq!(post(&gateway, "/hooks/bandwidth", login, "{").0, 400);
    gateway.kill();
    ground.text(MUM, ANNA, "While it was down");
    gateway.start();
    ground.call(&gateway);
    // The call that waits still goes to the old port: a real proxy would have followed.
    let id = ground.text(MUM, ANNA, "After it came back");
    ground.says(&format!("again {id}"));
    wait_message(&gateway, "After it came back", "delivered");
    gateway.cli_ok(&["send", "--from", "anna", "--text", "Out", MUM], "");
    wait_message(&gateway, "Out", "delivered");
    assert_eq!(gateway.messages().iter().filter(|m| m["origin"] == "sms").count(), 3);
    gateway.totals_balance();
}

/// A text without words and a reaction cost nothing on a link; whoever reads here gets both as they came.
#[test]
fn a_text_that_says_nothing_costs_nothing() {
    let ground = Ground::start("twilio");
    let gateway = ground.gateway("twilio", &[("sms.public_url", PUBLIC), ("link.price", "0.07")]).started();
    let long = "We are anchored in the bay behind the cape, and all is well on board. ".repeat(3);
    let mut count = 0;
    let mut say = |to: &str, body: &str| {
        count += 1;
        let id = format!("SM{count}");
        let fields = [("MessageSid", id.as_str()), ("From", MUM), ("To", to), ("Body", body), ("NumMedia", "0")];
        assert_eq!(fake_carrier::twilio_calls(&gateway, "/hooks/twilio", &fields).0, 200);
        gateway.messages().pop().unwrap()
    };
    let liked = format!("Liked \u{201c}{}\u{201d}", long.trim_end());
    for (body, code, text) in [
        ("", "barred.blank", "[empty text]"),
        (" \u{200b}\n", "barred.blank", "[empty text]"),
        (&liked, "barred.reaction", "Liked \"We are anchored in the...\""),
    ] {
        let refused = say(BEN, body);
        assert_eq!((&refused["state"], &refused["code"]), (&"refused".into(), &code.into()), "{refused}");
        assert_eq!(refused["text"], text);
    }
    // In any language it shows by what it repeats: a text that the phone got.
    gateway.cli_ok(&["send", "--from", "anna", "--text", long.trim_end(), MUM], "");
    ground.wait_arrived(long.trim_end());
    let finnish = format!("Tykk\u{e4}si viestist\u{e4} \u{201d}{}\u{201d}", long.trim_end());
    assert_eq!(say(BEN, &finnish)["code"], "barred.reaction");
    let here = say(ANNA, &liked);
    assert_eq!((&here["state"], &here["text"]), (&"delivered".into(), &liked.as_str().into()));
    // One that is wanted can be released, or all of them carried.
    gateway.cli_ok(&["settings", "set", "sms.reactions", "yes"], "");
    let carried = say(BEN, &liked);
    assert_eq!((&carried["priority"], &carried["way"]), (&"bulk".into(), &"link".into()), "{carried}");
    assert_ne!(carried["state"], "refused");
    gateway.totals_balance();
}

/// With Twilio the owner may have chosen other words: what the carrier says they mean counts, and a quote knows of it.
#[test]
fn the_carriers_word_for_stop_counts() {
    let ground = Ground::start("twilio");
    let gateway = ground.gateway("twilio", &[("sms.public_url", PUBLIC)]).started();
    let say = |id: &str, body: &str, word: &str| {
        let fields = [("MessageSid", id), ("From", MUM), ("To", ANNA), ("Body", body), ("OptOutType", word)];
        assert_eq!(fake_carrier::twilio_calls(&gateway, "/hooks/twilio", &fields).0, 200);
    };
    let quote = || gateway.cli_ok(&["send", "--dry-run", "--from", "anna", "--text", "please", MUM], "");
    say("SM1", "Basta", "STOP");
    assert!(quote().contains("wants no texts"), "{}", quote());
    say("SM2", "Di nuovo", "START");
    assert!(!quote().contains("wants no texts"), "{}", quote());
    say("SM3", "Basta", "");
    assert!(!quote().contains("wants no texts"), "the word alone means nothing here");
    gateway.totals_balance();
}
