//! Carriers that answer late, wrongly or never: a text is sent once, or somebody decides.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::fake_carrier::{Fake, bandwidth_calls, page, twilio_calls};
use crate::support::ground::{ANNA, Ground, MUM, PUBLIC, wait_message};
use crate::support::{SOON, pause, wait_for};

/// Twilio says nothing in time, and takes the text long after: it is found then, and not sent again before.
#[test]
fn what_a_carrier_does_very_late_is_not_done_twice() {
    let began = Arc::new(Mutex::new(None));
    let start = Arc::clone(&began);
    let fake = Fake::start(move |asked| {
        let mut began = start.lock().unwrap();
        if asked.method == "POST" {
            *began = Some(Instant::now());
            drop(began);
            let end = Instant::now() + Duration::from_secs(6);
            while Instant::now() < end {
                pause();
            }
            return None;
        }
        let taken = began.is_some_and(|began: Instant| began.elapsed() > Duration::from_secs(13));
        let text = json!({"sid": "SM1", "from": ANNA, "to": MUM, "body": "late", "direction": "outbound-api",
                          "status": "delivered", "date_created": null, "error_code": null});
        match asked.target.contains("SM1.json") {
            true => Some((200, text.to_string())),
            false if taken && asked.target.contains("To=") => Some((200, page(&[text]))),
            false => Some((200, page(&[]))),
        }
    });
    let ground = Ground::start("twilio");
    let gateway = ground.gateway("twilio", &[("twilio.url", &fake.url)]).started();
    gateway.cli_ok(&["send", "--from", "anna", "--text", "late", MUM], "");
    let sent = wait_message(&gateway, "late", "delivered");
    assert_eq!(fake.count("POST"), 1, "{sent}");
    gateway.totals_balance();
}

/// All that can go wrong with Bandwidth's answers. What cannot be found out is held, and its owner knows.
fn bandwidth_fails(kind: &str, sure: bool) {
    let ground = Ground::start("bandwidth");
    let gateway = ground.gateway("bandwidth", &[]).started();
    ground.says(&format!("fail send {kind}"));
    gateway.cli_ok(&["send", "--from", "anna", "--text", "once", MUM], "");
    let message = wait_message(&gateway, "once", if sure { "delivered" } else { "held" });
    assert_eq!(ground.times("once"), usize::from(sure), "{message}");
    if !sure {
        assert!(message["reason"].as_str().unwrap().contains("release it to send it again"), "{message}");
        gateway.cli_ok(&["queue", "cancel", message["id"].as_str().unwrap()], "");
    }
    gateway.totals_balance();
}

scenes!(bandwidth_fails:
    too_many("429", true),
    error_500("500", true),
    timeout("timeout", true),
    trickle("trickle", true),
    truncated("truncated", true),
    reset_after("reset-after", true),
    late("late", true),
    no_login("401 2", true),
    error_502("502", false),
    reset_before("reset-before", false),
);

/// Reports overtake the answer to the request, come twice, in the wrong order, and of texts that nobody knows.
fn reports_come_in_any_order(which: &str) {
    let may_answer = Arc::new(AtomicBool::new(false));
    let answer = Arc::clone(&may_answer);
    let fake = Fake::start(move |asked| {
        if asked.method != "POST" {
            return Some((200, json!({"messages": []}).to_string()));
        }
        let end = Instant::now() + SOON;
        while !answer.load(Ordering::SeqCst) && Instant::now() < end {
            pause();
        }
        Some((202, json!({"sid": "SM1", "id": "SM1", "status": "queued"}).to_string()))
    });
    let ground = Ground::start(which);
    let more = [
        ("sms.public_url", PUBLIC),
        ("twilio.url", fake.url.as_str()),
        ("bandwidth.url", fake.url.as_str()),
        ("sms.timeout", "30"),
    ];
    let gateway = ground.gateway(which, &more).started();
    let report = |id: &str, end: &str, tag: &str| match which {
        "twilio" => {
            let fields = [("MessageSid", id), ("MessageStatus", end), ("To", MUM), ("From", ANNA)];
            assert_eq!(twilio_calls(&gateway, &format!("/hooks/twilio?m={tag}"), &fields).0, 200);
        }
        _ => {
            let event = json!({"type": format!("message-{end}"), "time": "2026-11-14T18:20:16Z", "errorCode": 4750,
                "to": MUM, "message": {"id": id, "direction": "out", "to": [MUM], "from": ANNA, "tag": tag}});
            assert_eq!(bandwidth_calls(&gateway, &json!([event, event])), 200);
        }
    };
    gateway.cli_ok(&["send", "--from", "anna", "--text", "quick", MUM], "");
    wait_for("the request", SOON, || fake.last("POST"));
    report("SM7", "delivered", "m77");
    report("SM1", "delivered", "m1");
    wait_message(&gateway, "quick", "delivered");
    report("SM1", "failed", "m1");
    may_answer.store(true, Ordering::SeqCst);
    gateway.cli_ok(&["send", "--from", "anna", "--text", "second", MUM], "");
    wait_for("the second request", SOON, || (fake.count("POST") == 2).then_some(()));
    report("SM1", "failed", "m1");
    let quick = wait_message(&gateway, "quick", "delivered");
    assert_eq!(quick["steps"].as_array().unwrap().len(), 3, "{quick}");
    gateway.totals_balance();
}

scenes!(reports_come_in_any_order: twilio("twilio"), bandwidth("bandwidth"));

/// Two texts to one phone, both without an answer, at a carrier whose list shows no words. A name of one is never given
/// to the other on a guess.
fn two_in_doubt(kinds: [&str; 2], ends: [&str; 2]) {
    let ground = Ground::start("bandwidth");
    let gateway = ground.gateway("bandwidth", &[]).started();
    for kind in kinds {
        ground.says(&format!("fail send {kind}"));
    }
    for words in ["first", "second"] {
        gateway.cli_ok(&["send", "--from", "anna", "--text", words, MUM], "");
        wait_for("the request", SOON, || (ground.asked("\"POST\"", words) > 0).then_some(()));
    }
    for ((words, kind), end) in ["first", "second"].into_iter().zip(kinds).zip(ends) {
        let message = wait_message(&gateway, words, end);
        let sent = usize::from(kind != "reset-before");
        assert_eq!(ground.times(words), sent, "{words}: {message}");
        if end == "delivered" {
            let name = ground.wait_arrived(words)["id"].as_str().unwrap().to_owned();
            assert!(message["steps"].to_string().contains(&name), "{name}: {message}");
        }
    }
    gateway.totals_balance();
}

scenes!(two_in_doubt:
    both_were_taken(["reset-after", "reset-after"], ["delivered", "delivered"]),
    the_first_was_not(["reset-before", "reset-after"], ["held", "held"]),
    the_second_was_not(["reset-after", "reset-before"], ["held", "held"]),
    none_was(["reset-before", "reset-before"], ["held", "held"]),
);

/// The carrier takes the second one before the first: the tag of a report says whose it is, and each has its own end.
#[test]
fn names_that_were_given_in_the_wrong_order_are_exchanged() {
    let listed = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&listed);
    let fake = Fake::start(move |asked| match asked.method.as_str() {
        "POST" => None,
        _ if asked.target.contains("messageId=") => Some((200, json!({"messages": []}).to_string())),
        _ => Some((200, json!({"messages": *list.lock().unwrap()}).to_string())),
    });
    let ground = Ground::start("bandwidth");
    let more = [("sms.public_url", PUBLIC), ("bandwidth.url", fake.url.as_str())];
    let gateway = ground.gateway("bandwidth", &more).started();
    let mut ids = Vec::new();
    for (at, words) in ["first", "second"].into_iter().enumerate() {
        gateway.cli_ok(&["send", "--from", "anna", "--text", words, MUM], "");
        wait_for("the request", SOON, || (fake.count("POST") == at + 1).then_some(()));
        ids.push(wait_message(&gateway, words, "queued")["id"].as_str().unwrap().to_owned());
    }
    let item = |id: &str, second: u32| json!({"messageId": id, "receiveTime": format!("2026-11-14T18:20:{second}Z")});
    *listed.lock().unwrap() = vec![item("of-first", 20), item("of-second", 10)];
    ids.iter().zip(["first", "second"]).for_each(|(_, words)| drop(wait_message(&gateway, words, "sent")));
    let report = |id: &str, tag: &str, end: &str| {
        let event = json!({"type": format!("message-{end}"), "time": "2026-11-14T18:20:30Z", "errorCode": 4720,
            "to": MUM, "message": {"id": id, "direction": "out", "to": [MUM], "from": ANNA, "tag": tag}});
        assert_eq!(bandwidth_calls(&gateway, &json!([event])), 200);
    };
    report("of-first", &ids[0], "delivered");
    report("of-second", &ids[1], "failed");
    wait_message(&gateway, "first", "delivered");
    wait_message(&gateway, "second", "returned");
    gateway.totals_balance();
}
