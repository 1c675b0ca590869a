//! The box is killed at any moment of a text's way, out and in: none is lost, none is sent twice.

use std::time::{Duration, Instant};

use crate::support::ground::{ANNA, Ground, MUM, PUBLIC, wait_message};
use crate::support::{Dice, SOON, Station, lasting_port, pause, wait_for};

/// Killed while the carrier has the request and has not answered; between the answer and its commit; between the intent
/// and the request.
#[test]
fn killed_while_the_request_is_under_way() {
    let ground = Ground::start("twilio");
    let mut gateway = ground.gateway("twilio", &[("sms.timeout", "30")]).started();
    for (kind, arrives) in [("timeout", true), ("late", false)] {
        ground.says(&format!("fail send {kind}"));
        let words = format!("killed in {kind}");
        gateway.cli_ok(&["send", "--from", "anna", "--text", &words, MUM], "");
        match arrives {
            true => drop(ground.wait_arrived(&words)),
            false => wait_for("the request", SOON, || (ground.asked("\"POST\"", "late") > 0).then_some(())),
        }
        gateway.kill();
        gateway.start();
        wait_message(&gateway, &words, "delivered");
        assert_eq!(ground.times(&words), 1, "{words}");
    }
    gateway.totals_balance();
}

#[test]
fn killed_at_any_moment_with_polling() {
    storm("twilio", "");
}

#[test]
fn killed_at_any_moment_with_calls() {
    storm("bandwidth", PUBLIC);
}

fn storm(which: &str, public: &str) {
    let ground = Ground::start(which);
    let port = lasting_port();
    let web = format!("127.0.0.1:{port}");
    let more = [("sms.public_url", public), ("web.listen", web.as_str())];
    let mut gateway = ground.gateway(which, &more).started();
    if !public.is_empty() {
        ground.says(&format!("hook http://{web} {public}"));
    }
    let mut dice = Dice::new(1);
    let (mut out, mut inbound) = (Vec::new(), Vec::new());
    for round in 0..12 * testing::soak() {
        for number in 0..3 {
            let words = format!("in {round} {number}");
            ground.text(MUM, ANNA, &words);
            inbound.push(words);
            let words = format!("out {round} {number}");
            // What is not confirmed may be there or not.
            if gateway.cli(&["send", "--from", "anna", "--text", &words, MUM], "").status.success() {
                out.push(words);
            }
        }
        wait_until(Instant::now() + Duration::from_millis(dice.below(400)));
        gateway.kill();
        gateway.start();
    }
    for words in &inbound {
        wait_message(&gateway, words, "delivered");
    }
    settle(&gateway, &ground);
    for words in &out {
        assert_eq!(ground.times(words), 1, "{words}: {:?}", of(&gateway, words));
    }
    for words in &inbound {
        assert_eq!(gateway.messages().iter().filter(|m| m["text"] == words.as_str()).count(), 1, "{words}");
    }
    gateway.totals_balance();
}

/// Waits until nothing is on its way; what the box could not find out is released if the carrier has it not.
fn settle(gateway: &Station, ground: &Ground) {
    wait_for("everything to be settled", 4 * SOON, || {
        let waiting = gateway.waiting();
        for held in waiting.iter().filter(|message| message["state"] == "held") {
            let (id, words) = (held["id"].as_str().unwrap(), held["text"].as_str().unwrap());
            let wish = if ground.times(words) == 0 { "release" } else { "cancel" };
            gateway.cli_ok(&["queue", wish, id], "");
        }
        waiting.is_empty().then_some(())
    });
}

fn of(gateway: &Station, words: &str) -> Option<serde_json::Value> {
    gateway.messages().into_iter().find(|message| message["text"] == words)
}

fn wait_until(end: Instant) {
    while Instant::now() < end {
        pause();
    }
}
