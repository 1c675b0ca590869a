//! Carriers that say what no document of theirs says: nothing is lost, nothing holds up the rest, and the page tells.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::fake_carrier::{Fake, bandwidth_calls, item, page, received, twilio_calls};
use crate::support::ground::{ANNA, BEN, Ground, MUM, PUBLIC, post, wait_message};
use crate::support::web::Client;
use crate::support::{SOON, wait_for};

fn quarantined(gateway: &crate::support::Station) -> u64 {
    gateway.status().unwrap()["quarantined"].as_u64().unwrap()
}

/// What Twilio lists and nobody can deliver is set aside; the texts before and behind it arrive, and so does what comes
/// after a text from the future.
#[test]
fn a_poison_text_in_the_list_holds_up_no_other() {
    let far = "Mon, 01 Jan 2035 00:00:00 +0000";
    let huge = "x".repeat(100_000);
    let items = vec![
        json!(null),
        json!("text"),
        json!({}),
        item("SM5", json!(MUM), ANNA, "from the future", Some(far)),
        item("SM4", json!(null), ANNA, "from nobody", None),
        item("SM3", json!(MUM), "SATPOST", "to no number", None),
        item("SM2", json!(MUM), ANNA, &huge, None),
        item("SM1", json!(MUM), ANNA, "the first", None),
    ];
    let list = Arc::new(Mutex::new(items));
    let shown = Arc::clone(&list);
    let fake = Fake::start(move |_| Some((200, page(&shown.lock().unwrap()))));
    let ground = Ground::start("twilio");
    let gateway = ground.gateway("twilio", &[("twilio.url", &fake.url)]).started();
    wait_message(&gateway, "the first", "delivered");
    wait_message(&gateway, "from the future", "delivered");
    wait_for("three texts to be set aside", SOON, || (quarantined(&gateway) == 3).then_some(()));
    let now = "Fri, 31 Dec 2032 00:00:00 +0000";
    list.lock().unwrap().insert(0, item("SM6", json!(MUM), ANNA, "after it", Some(now)));
    wait_message(&gateway, "after it", "delivered");
    assert_eq!((gateway.messages().len(), quarantined(&gateway)), (3, 3));
    let page = Client::logged_in(&gateway, "anna").get("/messages/quarantine").body;
    for why in ["more than any text", "neither a phone nor a name", "no phone number"] {
        assert!(page.contains(why), "{why}: {page}");
    }
    gateway.totals_balance();
}

/// A call of Twilio is kept whatever its fields are: it comes once only.
#[test]
fn a_call_of_twilio_is_kept_whatever_its_fields_are() {
    let ground = Ground::start("twilio");
    let gateway = ground.gateway("twilio", &[("sms.public_url", PUBLIC)]).started();
    let call = |fields: &[(&str, &str)]| twilio_calls(&gateway, "/hooks/twilio", fields);
    let usual = |id: &'static str, body: &'static str| {
        [("MessageSid", id), ("SmsStatus", "received"), ("From", MUM), ("To", ANNA), ("Body", body), ("NumMedia", "0")]
    };
    let empty = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response></Response>";
    assert_eq!(call(&usual("SM1", "Hi there & hello + caf\u{e9} \u{1f600}")), (200, empty.to_owned()));
    assert_eq!(call(&usual("SM1", "Hi there & hello + caf\u{e9} \u{1f600}")).0, 200);
    assert_eq!(call(&usual("", "without a name")).0, 400, "another one without a name would be taken for this one");
    assert_eq!(call(&usual("SM2", "bell \u{7} and \u{0} nothing \u{202e}\r\n.\r\nend  \r\n")).0, 200);
    assert_eq!(call(&[("MessageSid", "SM3"), ("To", ANNA), ("Body", "who?")]).0, 200);
    assert_eq!(call(&[("MessageSid", "SM4"), ("From", MUM), ("Body", "where?")]).0, 200);
    let long = "y".repeat(100_000);
    assert_eq!(call(&[("MessageSid", "SM5"), ("From", MUM), ("To", ANNA), ("Body", &long)]).0, 200);
    let media = [("MessageSid", "SM6"), ("From", "72345"), ("To", ANNA), ("Body", ""), ("NumMedia", "2")];
    assert_eq!(call(&media).0, 200);
    let texts: Vec<_> = gateway.messages().iter().map(|m| m["text"].as_str().unwrap().to_owned()).collect();
    let wanted = [
        "Hi there & hello + caf\u{e9} \u{1f600}",
        "bell  and  nothing\n.\nend",
        "2 files came with it, which stay at Twilio",
    ];
    assert_eq!(texts, wanted);
    assert_eq!(quarantined(&gateway), 3);
    gateway.totals_balance();
}

/// Bandwidth puts any number of events into one call: each counts, and a bad one stops none.
#[test]
fn every_event_of_a_call_of_bandwidth_counts() {
    let ground = Ground::start("bandwidth");
    let gateway = ground.gateway("bandwidth", &[("sms.public_url", PUBLIC)]).started();
    let mut events: Vec<Value> =
        (0..150).map(|number| received(&format!("b{number}"), json!(MUM), ANNA, &format!("event {number}"))).collect();
    events.insert(3, json!(5));
    events.insert(5, received("b1", json!(MUM), ANNA, "event 1"));
    events.insert(7, received("bad", json!({}), ANNA, "from nobody"));
    events.insert(9, received("huge", json!(MUM), ANNA, &"z".repeat(40_000)));
    let mut ours = received("ours", json!(ANNA), BEN, "what the box sent itself");
    ours["message"]["direction"] = json!("out");
    events.push(ours);
    assert_eq!(bandwidth_calls(&gateway, &json!(events)), 200);
    assert_eq!(bandwidth_calls(&gateway, &json!(events)), 200);
    let texts: Vec<_> = gateway.messages().iter().map(|m| m["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(texts, (0..150).map(|number| format!("event {number}")).collect::<Vec<_>>());
    assert_eq!(quarantined(&gateway), 2);
    gateway.totals_balance();
}

/// Somebody on the way to the carrier answers for it, as the network of a hotel does before a log-in: that says nothing of the
/// text, which goes once the carrier is there again.
#[test]
fn what_somebody_on_the_way_answers_ends_no_text() {
    for which in ["twilio", "bandwidth"] {
        let hotel: Arc<Mutex<Option<u16>>> = Arc::default();
        let (says, taken) = (Arc::clone(&hotel), AtomicUsize::new(0));
        let fake = Fake::start(move |asked| {
            let login = "<html><body>Please log in to our network</body></html>";
            let name = || format!("SM{}", taken.fetch_add(1, Ordering::SeqCst));
            Some(match (asked.method.as_str(), *says.lock().unwrap()) {
                (_, Some(status)) => (status, login.to_owned()),
                ("POST", None) => (201, json!({"sid": name(), "id": name()}).to_string()),
                _ => (200, page(&[])),
            })
        });
        let ground = Ground::start(which);
        let url = format!("{which}.url");
        let gateway = ground.gateway(which, &[(&url, &fake.url)]).started();
        for status in [302, 400, 407, 451] {
            *hotel.lock().unwrap() = Some(status);
            let words = format!("behind {status}");
            gateway.cli_ok(&["send", "--from", "anna", "--text", &words, MUM], "");
            wait_for(&format!("{which} {status}: the reason"), SOON, || {
                let message = gateway.messages().into_iter().find(|m| m["text"] == words.as_str())?;
                assert_eq!(message["state"], "queued", "{which} {status}: {message}");
                message["reason"].as_str()?.contains(&format!("check {url}")).then_some(())
            });
            *hotel.lock().unwrap() = None;
            wait_message(&gateway, &words, "sent");
        }
        let log = gateway.log_text();
        assert!(log.contains("not taken by the carrier, for now") && !log.contains("4155550123"), "{log}");
        gateway.totals_balance();
    }
}

/// Case X14: a forged call changes nothing, and the page says that somebody tried, until the carrier is heard.
fn a_refused_call_is_shown_until_the_carrier_is_heard(which: &str) {
    let ground = Ground::start(which);
    let gateway = ground.gateway(which, &[("sms.public_url", PUBLIC)]).started();
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let body = "MessageSid=SM9&From=%2B14155550123&To=%2B14155550199&Body=Evil";
    let path = format!("/hooks/{which}");
    assert_eq!(post(&gateway, &path, form, body).0, 403);
    let anna = Client::logged_in(&gateway, "anna");
    for page in ["/", "/settings/text-messages"] {
        assert!(anna.get(page).body.contains("was refused"), "{which} {page}");
    }
    assert!(gateway.cli_ok(&["status"], "").contains("was refused"));
    ground.call(&gateway);
    ground.text(MUM, ANNA, "really mum");
    wait_message(&gateway, "really mum", "delivered");
    wait_for("the page to forget it", SOON, || (!anna.get("/").body.contains("was refused")).then_some(()));
    assert_eq!(gateway.messages().len(), 1);
}

scenes!(a_refused_call_is_shown_until_the_carrier_is_heard: twilio("twilio"), bandwidth("bandwidth"));
