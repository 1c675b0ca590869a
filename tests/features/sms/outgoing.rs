//! Texts to phones.

use crate::support::ground::{ANNA, BEN, Ground, MUM, mail_to_phone, polls, wait_message};
use crate::support::shore::classic;
use crate::support::{SOON, Smtp, send, wait_for};

/// Any mail program texts; the carrier's report makes it delivered. Case X13: a device texts from its person's number.
fn a_mail_and_a_packet_become_texts(which: &str) {
    let ground = Ground::start(which);
    let gateway = ground.gateway(which, &[]).started();
    let to = format!("{MUM}@sms.shore.example");
    assert!(mail_to_phone(&gateway, &to, "Re: You", "All well").starts_with("250"));
    let text = ground.wait_arrived("All well");
    assert_eq!((&text["from"], &text["to"]), (&ANNA.into(), &MUM.into()));
    let message = wait_message(&gateway, "All well", "delivered");
    assert!(message["reason"].as_str().unwrap().contains("delivered to the phone"), "{message}");
    let steps: Vec<_> = message["steps"].as_array().unwrap().iter().map(|step| step["state"].clone()).collect();
    assert_eq!(steps, ["queued", "sent", "delivered"]);

    let mut packet = classic(true, "(415) 555-0123", "From the boat");
    let protocol = packet.len() - 3;
    assert_eq!(packet[protocol], 1);
    packet[protocol] = 2;
    ground.shore.uplink("6846", &packet, None);
    assert_eq!(ground.wait_arrived("From the boat")["from"], BEN);
    wait_message(&gateway, "From the boat", "delivered");
    gateway.totals_balance();
}

scenes!(a_mail_and_a_packet_become_texts: twilio("twilio"), bandwidth("bandwidth"));

/// The command line texts as well, and says before how many texts it takes; a station sends it over its link.
#[test]
fn numbers_are_written_as_people_write_them() {
    let ground = Ground::start("twilio");
    let gateway = ground.gateway("twilio", &[("sms.country", "DE")]).started();
    let preview =
        gateway.json(&["send", "--dry-run", "--from", "anna", "--text", "Gr\u{fc}\u{df}e \u{2603}", "030 1234567"]);
    assert_eq!((&preview[0]["texts"], &preview[0]["alphabet"]), (&1.into(), &"UCS-2".into()));
    assert_eq!(preview[0]["way"], "carrier");
    gateway.cli_ok(&["send", "--from", "anna", "--text", "Hallo", "030 1234567"], "");
    assert_eq!(ground.wait_arrived("Hallo")["to"], "+49301234567");
    let wrong = gateway.cli(&["send", "--from", "anna", "--text", "x", "+1234"], "");
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("phone number"), "{wrong:?}");
    let long = gateway.cli(&["send", "--from", "anna", "--text", &"a".repeat(1601), MUM], "");
    assert!(String::from_utf8_lossy(&long.stderr).contains("1600"), "{long:?}");
    // In a small country a phone has fewer digits than elsewhere.
    gateway.cli_ok(&["settings", "set", "sms.country", "GL"], "");
    gateway.cli_ok(&["send", "--from", "anna", "--text", "Aluu", "32 12 34"], "");
    assert_eq!(ground.wait_arrived("Aluu")["to"], "+299321234");
    gateway.cli_ok(&["settings", "set", "sms.country", "DE"], "");
    assert!(!gateway.cli(&["send", "--from", "anna", "--text", "x", "32 12 34"], "").status.success());
    let taken = gateway.cli(&["people", "number", "ben", "0301234567"], "");
    assert!(taken.status.success());
    let taken = gateway.cli(&["people", "number", "anna", "+49301234567"], "");
    assert!(String::from_utf8_lossy(&taken.stderr).contains("ben"), "{taken:?}");
}

/// Nobody texts who has not logged in, has no number, or is a machine.
#[test]
fn texts_cost_money_and_strangers_send_none() {
    let ground = Ground::start("twilio");
    let gateway = ground.gateway("twilio", &[]).started();
    let to = format!("{MUM}@sms.shore.example");
    let mut stranger = Smtp::connect(gateway.listener("smtp"));
    assert!(stranger.mail("eve@world.example", &to, "Subject: x\n\nbuy").starts_with("550"));
    let bad = send(&gateway, Some("anna"), "anna@shore.example", "12@sms.shore.example", "Subject: x\n\nbuy");
    assert!(bad.starts_with("550"), "{bad}");
    let mail = "Auto-Submitted: auto-replied\nSubject: Out of office\n\nI am away.";
    assert!(send(&gateway, Some("anna"), "anna@shore.example", &to, mail).starts_with("250"));
    wait_for("the automatic mail to be refused", SOON, || {
        gateway.messages().into_iter().find(|m| m["to"] == MUM && m["state"] == "refused")
    });
    gateway.cli_ok(&["people", "number", "anna", "none"], "");
    assert!(mail_to_phone(&gateway, &to, "", "No number").starts_with("250"));
    let held = wait_message(&gateway, "No number", "held");
    assert!(held["reason"].as_str().unwrap().contains("service number"), "{held}");
    gateway.cli_ok(&["people", "number", "anna", ANNA], "");
    // Nobody has to release it.
    ground.wait_arrived("No number");
    assert_eq!(ground.arrived().len(), 1);
    gateway.totals_balance();
}

/// A request whose answer is lost is looked up: what the carrier has is not sent again, what it has not is.
fn a_lost_answer_sends_nothing_twice(kind: &str) {
    let ground = Ground::start("twilio");
    let gateway = ground.gateway("twilio", &[]).started();
    ground.says(&format!("fail send {kind}"));
    gateway.cli_ok(&["send", "--from", "anna", "--text", "once", MUM], "");
    wait_message(&gateway, "once", "delivered");
    assert_eq!(ground.times("once"), 1);
    gateway.totals_balance();
}

scenes!(a_lost_answer_sends_nothing_twice:
    reset_after("reset-after"),
    truncated("truncated"),
    timeout("timeout"),
    error_500("500"),
    error_502("502"),
    late("late"),
    reset_before("reset-before"),
);

/// The same words twice are two texts, and the first one is not taken for the second.
#[test]
fn the_same_words_twice_are_two_texts() {
    let ground = Ground::start("twilio");
    let gateway = ground.gateway("twilio", &[]).started();
    ground.says("fail send reset-before");
    for _ in 0..2 {
        gateway.cli_ok(&["send", "--from", "anna", "--text", "again", MUM], "");
    }
    wait_for("both to be delivered", 2 * SOON, || {
        let all = gateway.messages();
        (all.iter().filter(|m| m["text"] == "again" && m["state"] == "delivered").count() == 2).then_some(())
    });
    assert_eq!(ground.times("again"), 2);
    gateway.totals_balance();
}

/// Bandwidth's search proves that a text is there; that it is not there proves nothing, and its owner decides.
#[test]
fn what_cannot_be_found_out_is_left_to_the_owner() {
    let ground = Ground::start("bandwidth");
    let gateway = ground.gateway("bandwidth", &[]).started();
    ground.says("fail send reset-after");
    gateway.cli_ok(&["send", "--from", "anna", "--text", "found", MUM], "");
    wait_message(&gateway, "found", "delivered");
    ground.says("fail send reset-before");
    gateway.cli_ok(&["send", "--from", "anna", "--text", "not found", MUM], "");
    let held = wait_message(&gateway, "not found", "held");
    assert!(held["reason"].as_str().unwrap().contains("release it to send it again"), "{held}");
    assert_eq!((ground.times("found"), ground.times("not found")), (1, 0));
    gateway.cli_ok(&["queue", "release", held["id"].as_str().unwrap()], "");
    wait_message(&gateway, "not found", "delivered");
    assert_eq!(ground.times("not found"), 1);
    gateway.totals_balance();
}

/// 429 with Retry-After is waited for; a wrong log-in waits for the owner; a wrong number comes back.
#[test]
fn refusals_are_judged() {
    let ground = Ground::start("twilio");
    let gateway = ground.gateway("twilio", &[]).started();
    ground.says("fail send 429 2");
    let began = std::time::Instant::now();
    gateway.cli_ok(&["send", "--from", "anna", "--text", "too fast", MUM], "");
    wait_message(&gateway, "too fast", "delivered");
    assert!(began.elapsed().as_secs() >= 4, "Retry-After was not honoured");
    assert_eq!(ground.times("too fast"), 1);

    ground.says("reject +14155550100 21614");
    gateway.cli_ok(&["send", "--from", "anna", "--text", "to a landline", "+14155550100"], "");
    let back = wait_message(&gateway, "to a landline", "returned");
    assert!(back["reason"].as_str().unwrap().contains("21614"), "{back}");

    gateway.cli_ok(&["settings", "set", "twilio.token"], "wrong");
    gateway.cli_ok(&["send", "--from", "anna", "--text", "no log-in", MUM], "");
    let waits = wait_for("the reason", SOON, || {
        gateway.messages().into_iter().find(|m| m["text"] == "no log-in" && m["reason"].to_string().contains("20003"))
    });
    assert_eq!(waits["state"], "queued");
    gateway.cli_ok(&["settings", "set", "twilio.token"], "secret");
    wait_message(&gateway, "no log-in", "delivered");
    assert_eq!(ground.times("no log-in"), 1);
    gateway.totals_balance();
}

/// The carrier took it and could not deliver it: back to its sender, or once more where that may help.
#[test]
fn reports_of_failure_are_judged() {
    let ground = Ground::start("twilio");
    let gateway = ground.gateway("twilio", &[]).started();
    ground.says("reject +14155550101 30005");
    gateway.cli_ok(&["send", "--from", "anna", "--text", "to nobody", "+14155550101"], "");
    let back = wait_message(&gateway, "to nobody", "returned");
    assert!(back["reason"].as_str().unwrap().contains("30005"), "{back}");
    let notice = wait_for("the notice", SOON, || {
        gateway.messages().into_iter().find(|m| m["origin"] == "notice" && m["about"] == back["id"])
    });
    assert_eq!(notice["to"], "anna@shore.example");
    ground.says("reject +14155550102 30008");
    gateway.cli_ok(&["send", "--from", "anna", "--text", "unknown error", "+14155550102"], "");
    wait_message(&gateway, "unknown error", "returned");
    assert_eq!(ground.times("unknown error"), 2);
    gateway.totals_balance();
}

/// A phone that sent STOP gets nothing until it sends START; a restart forgets none of it.
fn stop_is_honoured(which: &str) {
    let ground = Ground::start(which);
    let public = [("sms.public_url", crate::support::ground::PUBLIC)];
    let more = if which == "bandwidth" { &public[..] } else { &[] };
    let mut gateway = ground.gateway(which, more).started();
    ground.call(&gateway);
    ground.text(MUM, ANNA, "Stop. stop!");
    wait_message(&gateway, "Stop. stop!", "delivered");
    gateway.kill();
    gateway.start();
    let quote = gateway.cli_ok(&["send", "--dry-run", "--from", "anna", "--text", "please", MUM], "");
    assert!(quote.contains("returned") && quote.contains("wants no texts"), "{quote}");
    ground.call(&gateway);
    gateway.cli_ok(&["send", "--from", "anna", "--text", "please", MUM], "");
    let back = wait_message(&gateway, "please", "returned");
    assert!(back["reason"].as_str().unwrap().contains("START"), "{back}");
    ground.text(MUM, ANNA, "Start");
    wait_message(&gateway, "Start", "delivered");
    gateway.cli_ok(&["send", "--from", "anna", "--text", "thanks", MUM], "");
    wait_message(&gateway, "thanks", "delivered");
    assert_eq!(ground.times("please"), 0);
    ground.text(MUM, ANNA, "HELP");
    wait_message(&gateway, "HELP", "delivered");
    if which == "bandwidth" {
        wait_for("the answer to HELP", SOON, || {
            ground.arrived().into_iter().find(|text| text["text"].to_string().contains("number of anna"))
        });
    } else {
        polls(&ground, 2);
        assert_eq!(ground.arrived().len(), 1);
    }
    gateway.totals_balance();
}

scenes!(stop_is_honoured: twilio("twilio"), bandwidth("bandwidth"));
