//! Recipients as they are pasted from other programs.

use crate::support::ground::{Ground, MUM};
use crate::support::web::Client;

/// What everybody sees is what is meant: marks of direction, hyphens of all kinds, wide signs and schemes are no part of it.
#[test]
fn a_pasted_recipient_is_what_everybody_sees() {
    let ground = Ground::start("twilio");
    let gateway = ground.gateway("twilio", &[]).started();
    for pasted in [
        "\u{202a}+14155550123\u{202c}",
        "\u{2068}+1 415-555-0123\u{2069}",
        "+1 415\u{2011}555\u{2011}0123",
        "+1 415\u{2013}555\u{2013}0123",
        "tel:+14155550123",
        "\u{ff0b}14155550123",
    ] {
        let said = gateway.cli_ok(&["send", "--dry-run", "--from", "anna", "--text", "hi", pasted], "");
        assert!(said.contains("1 text"), "{pasted:?}: {said}");
        gateway.cli_ok(&["send", "--from", "anna", "--text", "hi", pasted], "");
    }
    gateway.cli_ok(&["send", "--from", "anna", "--text", "hi", "Bob <bob@example.org>"], "");
    let to: Vec<_> = gateway.messages().iter().map(|message| message["to"].as_str().unwrap().to_owned()).collect();
    assert_eq!(to, [MUM, MUM, MUM, MUM, MUM, MUM, "bob@example.org"]);
    // Several, as an address book or a mail program writes them: all of them, each once, or none.
    let line = "\"Miller, Mary\" <mary@example.org>; Bob <bob@example.org>, +1 (415) 555-0123,bob@example.org";
    let said = gateway.json(&["send", "--dry-run", "--from", "anna", "--text", "hi", line, "anna"]);
    let to: Vec<_> = said.as_array().unwrap().iter().map(|row| row["to"].as_str().unwrap().to_owned()).collect();
    assert_eq!(to, ["mary@example.org", "bob@example.org", MUM, "anna@shore.example"]);
    let before = gateway.messages().len();
    for wrong in ["bob@example.org, nobody", "bob@example.org; b@", ", ;"] {
        assert!(!gateway.cli(&["send", "--from", "anna", "--text", "hi", wrong], "").status.success(), "{wrong}");
    }
    assert_eq!(gateway.messages().len(), before, "none is left half sent");
    let mut anna = Client::logged_in(&gateway, "anna");
    let form = "to=Mary+%3Cmary%40example.org%3E%2C+bob%40example.org&subject=Hi&text=There";
    let page = anna.post("/compose", &format!("{form}&do=preview")).body;
    assert!(
        page.contains("<h3 dir=auto>mary@example.org</h3>") && page.contains("<h3 dir=auto>bob@example.org</h3>"),
        "{page}"
    );
    assert_eq!(anna.post("/compose", &format!("{form}&do=send")).status, 303);
    let two: Vec<_> = gateway.messages().into_iter().skip(before).collect();
    assert_eq!((two.len(), &two[0]["message_id"]), (2, &two[1]["message_id"]));
    assert_eq!(
        gateway.cli(&["send", "--dry-run", "--from", "anna", "--text", "hi", "tel:"], "").status.code(),
        Some(2)
    );
}
