//! Recipients as they are pasted from other programs.

use crate::support::ground::{Ground, MUM};

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
    assert_eq!(
        gateway.cli(&["send", "--dry-run", "--from", "anna", "--text", "hi", "tel:"], "").status.code(),
        Some(2)
    );
}
