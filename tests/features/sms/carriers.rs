//! The carriers themselves: refusals that pass, webhooks in all the forms that they come in, and simulators that take
//! nothing that the real ones would not.

use std::io::Write;
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::support::ground::{ANNA, Ground, MUM, PUBLIC, wait_message};
use crate::support::{SOON, read_all, wait_for};

/// A refusal is one, whoever says it, and most pass: the text goes out once.
#[test]
fn a_refusal_of_bandwidth_that_may_pass_is_tried_again() {
    let ground = Ground::start("bandwidth");
    let gateway = ground.gateway("bandwidth", &[]).started();
    for kind in ["503", "429", "500"] {
        ground.says(&format!("fail send {kind}"));
        let words = format!("after {kind}");
        gateway.cli_ok(&["send", "--from", "anna", "--text", &words, MUM], "");
        wait_message(&gateway, &words, "delivered");
        assert_eq!(ground.times(&words), 1, "{kind}");
    }
    gateway.totals_balance();
}

/// Twilio can be told to use GET: all fields stand in the address, which is signed.
#[test]
fn twilio_calls_with_get() {
    let ground = Ground::start("twilio");
    let gateway = ground.gateway("twilio", &[("sms.public_url", PUBLIC)]).started();
    ground.says(&format!("hook http://{} {PUBLIC} get", gateway.listener("web")));
    ground.text(MUM, ANNA, "caf\u{e9} & 100% + more");
    wait_message(&gateway, "caf\u{e9} & 100% + more", "delivered");
    gateway.cli_ok(&["send", "--from", "anna", "--text", "Out", MUM], "");
    wait_message(&gateway, "Out", "delivered");
    ground.says("fail call forged");
    ground.text(MUM, ANNA, "Forged");
    wait_for("the forged call to be refused", SOON, || gateway.log_text().contains("signature is wrong").then_some(()));
    assert!(!gateway.messages().iter().any(|m| m["text"] == "Forged"));
    gateway.totals_balance();
}

/// The public address of the box has a port, and Twilio signs it without.
#[test]
fn twilio_signs_without_the_port() {
    let ground = Ground::start("twilio");
    let gateway = ground.gateway("twilio", &[("sms.public_url", &format!("{PUBLIC}:8443"))]).started();
    ground.call(&gateway);
    ground.text(MUM, ANNA, "No port");
    wait_message(&gateway, "No port", "delivered");
}

/// Pictures stay with the carrier, and the text says that there were some.
#[test]
fn a_text_with_pictures_arrives() {
    for which in ["twilio", "bandwidth"] {
        let ground = Ground::start(which);
        let gateway = ground.gateway(which, &[("sms.public_url", PUBLIC)]).started();
        ground.call(&gateway);
        ground.says(&format!("media 2 {MUM} {ANNA} "));
        wait_for("the text", SOON, || {
            let all = gateway.messages();
            all.into_iter().find(|m| m["text"].as_str().is_some_and(|text| text.starts_with("2 files came with it")))
        });
    }
}

/// A request to the simulated carrier: status and body.
fn request(ground: &Ground, method: &str, path: &str, login: &str, kind: &str, body: &str) -> (u16, Value) {
    let address = ground.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic {login}\r\nContent-Type: {kind}\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let text = read_all(&mut stream);
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap_or_default())
}

/// AC1:secret
const LOGIN: &str = "QUMxOnNlY3JldA==";

#[test]
fn the_simulated_twilio_is_as_strict_as_twilio() {
    let ground = Ground::start("twilio");
    let send = |login: &str, account: &str, form: &str| {
        let path = format!("/2010-04-01/Accounts/{account}/Messages.json");
        let (status, body) = request(&ground, "POST", &path, login, "application/x-www-form-urlencoded", form);
        (status, body["code"].as_u64().unwrap_or_default(), body)
    };
    let (from, to) = ("From=%2B14155550199", "To=%2B14155550123");
    for (login, account, form, status, code) in [
        ("d3Jvbmc6eA==", "AC1", format!("{from}&{to}&Body=x"), 401, 20_003),
        (LOGIN, "AC2", format!("{from}&{to}&Body=x"), 404, 20_404),
        (LOGIN, "AC1", format!("{from}&{to}&To=%2B14155550124&Body=x"), 400, 21_211),
        (LOGIN, "AC1", format!("{from}&To=%2B14155550123%2C%2B14155550124&Body=x"), 400, 21_211),
        (LOGIN, "AC1", format!("{from}&To=%2B0155550123&Body=x"), 400, 21_211),
        (LOGIN, "AC1", format!("{from}&To=%2B1234567890123456&Body=x"), 400, 21_211),
        (LOGIN, "AC1", format!("From=anna&{to}&Body=x"), 400, 21_212),
        (LOGIN, "AC1", format!("{to}&Body=x"), 400, 21_603),
        (LOGIN, "AC1", format!("MessagingServiceSid=MG1&{to}&Body=x"), 400, 21_701),
        (LOGIN, "AC1", format!("{from}&{to}"), 400, 21_602),
        (LOGIN, "AC1", format!("{from}&{to}&Body=x&StatusCallback=https%3A%2F%2Fmy_box.example%2F"), 400, 21_609),
        (
            LOGIN,
            "AC1",
            format!("{from}&{to}&Body=x{}", "&MediaUrl=https%3A%2F%2Fm.example%2F1".repeat(11)),
            400,
            21_623,
        ),
    ] {
        let (got, known, body) = send(login, account, &form);
        assert_eq!((got, known), (status, code), "{form}: {body}");
    }
    let (status, _, body) = send(LOGIN, "AC1", &format!("{from}&{to}&MediaUrl=https%3A%2F%2Fm.example%2F1"));
    assert_eq!((status, &body["num_media"]), (201, &json!("1")));
    let service = format!("MessagingServiceSid=MG{}", "0a".repeat(16));
    let (status, _, body) = send(LOGIN, "AC1", &format!("{service}&{to}&Body=x"));
    assert_eq!((status, &body["status"], &body["from"]), (201, &json!("accepted"), &Value::Null));
    let unknown = "/2010-04-01/Accounts/AC1/Messages/SM0.json";
    assert_eq!(request(&ground, "GET", unknown, LOGIN, "text/plain", "").0, 404);
}

#[test]
fn the_simulated_bandwidth_is_as_strict_as_bandwidth() {
    let ground = Ground::start("bandwidth");
    let send = |login: &str, account: &str, change: Value| {
        let mut body = json!({"applicationId": "AC1", "from": ANNA, "to": [MUM], "text": "x"});
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let path = format!("/api/v2/users/{account}/messages");
        request(&ground, "POST", &path, login, "application/json", &body.to_string())
    };
    assert_eq!(send("d3Jvbmc6eA==", "AC1", json!({})).1["type"], "unauthorized");
    let (status, body) = send(LOGIN, "AC2", json!({}));
    assert_eq!((status, &body["error"], &body["type"]), (404, &json!("Not Found"), &Value::Null));
    for (change, field) in [
        (json!({"to": [MUM, MUM]}), "to"),
        (json!({"to": [MUM, "14155550124"]}), "to"),
        (json!({"to": MUM}), "to"),
        (json!({"from": "+0"}), "from"),
        (json!({"applicationId": "other"}), "applicationId"),
        (json!({"text": ""}), "text"),
        (json!({"text": "x".repeat(2049)}), "text"),
        (json!({"media": ["picture"]}), "media"),
    ] {
        let (status, body) = send(LOGIN, "AC1", change.clone());
        assert_eq!((status, &body["fieldErrors"][0]["fieldName"]), (400, &json!(field)), "{change}: {body}");
    }
    assert_eq!(send(LOGIN, "AC1", json!({"to": [MUM, "+14155550124"], "text": "group"})).0, 202);
    assert_eq!(ground.times("group"), 2, "a second recipient is not lost");
    assert_eq!(send(LOGIN, "AC1", json!({"text": "", "media": ["https://m.example/1"]})).0, 202);
}
