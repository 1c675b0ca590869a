//! Mails from the field through the real binary: what goes on air of each (`tests/cases-mail`).

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::Smtp;
use crate::support::shore::Shore;
use crate::support::web::Client;

/// Hands a mail in, byte for byte but for its line ends.
fn hand_in(smtp: &mut Smtp, mail: &[u8]) {
    for line in ["MAIL FROM:<bob@world.example> BODY=8BITMIME", "RCPT TO:<anna@shore.example>"] {
        let reply = smtp.say(line);
        assert!(reply.starts_with("250"), "{line}: {reply}");
    }
    assert!(smtp.say("DATA").starts_with("354"));
    let mut data = Vec::with_capacity(mail.len() + 100);
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        data.extend(line.first().filter(|byte| **byte == b'.'));
        data.extend(line);
        data.extend(b"\r\n");
    }
    data.extend(b".\r\n");
    smtp.write(&data);
    let reply = smtp.reply();
    assert!(reply.starts_with("250"), "{reply}");
}

/// One of each kind, as they came in: the judgement of all of them is in the unit test of the same mails.
#[test]
fn mails_from_the_field_go_on_air_as_they_should() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases-mail");
    let expected: Value = serde_json::from_slice(&fs::read(folder.join("expected.json")).unwrap()).unwrap();
    let shore = Shore::start();
    // Nothing leaves: the Hive knows nobody of that name.
    let settings = [("air.strangers", "allow"), ("air.trim", "yes"), ("hive.user", "nobody")];
    let gateway = shore.gateway(&settings, &["olga", "anna=6846"]).started();
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let (mut last, mut times) = (String::new(), 0);
    let mut handed = Vec::new();
    for case in expected["mails"].as_array().unwrap() {
        let (file, kind) = (case["file"].as_str().unwrap(), case["kind"].as_str().unwrap());
        // Charsets and marks of people and machines meet more of the box than the rules for texts: all of them.
        times = if last == kind { times + 1 } else { 0 };
        kind.clone_into(&mut last);
        if times >= 3 && !matches!(kind, "person-as-bulk" | "machine" | "false-charset" | "charset-name") {
            continue;
        }
        hand_in(&mut smtp, &fs::read(folder.join(file)).unwrap());
        handed.push(case);
    }
    let messages = gateway.messages();
    assert_eq!(messages.len(), handed.len());
    for (case, message) in handed.into_iter().zip(messages) {
        let file = case["file"].as_str().unwrap();
        let machine = case["automatic"].as_bool() == Some(true);
        assert_eq!(message["state"] == "refused", machine, "{file}: {message}");
        let text = format!("{}\n", message["text"].as_str().unwrap());
        let list = |name: &str| case[name].as_array().cloned().unwrap_or_default();
        let has = |part: &Value| text.contains(part.as_str().unwrap());
        assert!(case["text"].as_str().is_none_or(|own| words(own) == words(&text)), "{file}: {text:?}");
        assert!(list("must").iter().all(has) && !list("must_not").iter().any(has), "{file}: {text:?}");
    }
    gateway.totals_balance();
}

/// What only may be history stays in the text; page and command say what it is taken for and how many bytes it costs.
#[test]
fn what_is_not_sure_stays_and_its_bytes_are_named() {
    let shore = Shore::start();
    let settings = [("air.strangers", "allow"), ("air.trim", "yes"), ("hive.user", "nobody")];
    let gateway = shore.gateway(&settings, &["olga", "anna=6846"]).started();
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    let quote = "> The pump is in box four.\r\n> The key hangs in the galley.\r\n";
    let mail = format!(
        "From: bob@world.example\r\nSubject: Re: The pump\r\nMessage-ID: <q@world.example>\r\n\r\nNot there, look again.\r\n{quote}"
    );
    hand_in(&mut smtp, mail.as_bytes());
    let message = gateway.messages().pop().expect("a message");
    let text = message["text"].as_str().unwrap();
    assert!(text.contains("> The pump is in box four.\n> The key hangs in the galley."), "{text:?}");
    // A line end is one byte on air.
    let said = format!("kept, though it looks like a quoted history of 2 lines, {} B", quote.len() - 2);
    assert_eq!(message["cut"], serde_json::json!([said]));
    let id = message["id"].as_str().unwrap();
    let shown = String::from_utf8(gateway.cli(&["queue", "show", id], "").stdout).unwrap();
    assert!(shown.contains(&said), "{shown}");
    let page = Client::logged_in(&gateway, "olga").get(&format!("/messages/{id}")).body;
    assert!(page.contains(&said), "{page}");
    gateway.totals_balance();
}
