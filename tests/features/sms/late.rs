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
    gateway.books_balance();
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
    gateway.books_balance();
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
    gateway.books_balance();
}

scenes!(reports_come_in_any_order: twilio("twilio"), bandwidth("bandwidth"));
