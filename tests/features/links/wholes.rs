//! The whole mail of what a satellite carried as text: it comes behind its text by the line.

use super::both::Both;
use crate::ip::{mail, on_the_wire};
use crate::support::{SOON, wait_for};

/// A mail with a file, from the boat to the world.
fn photo(subject: &str) -> String {
    mail("anna@boat.example", "bob@world.example", subject, 3_000)
}

/// The modem has sent the text and cannot be asked any more; the line carries the message once more, with its mail. While that
/// is on its way the text comes by the ground service.
#[test]
fn a_text_that_came_by_satellite_first_is_followed_by_its_mail() {
    let both = Both::start(&["--start", "running"], &[("patience.normal", "0")], &[]);
    both.meet();
    both.line_goes();
    both.world.modem_says("pass end");
    both.gateway.cli_ok(&["link", "off", "hive"], "");
    let written = photo("both");
    both.writes(&written);
    wait_for("the text at the modem", 2 * SOON, || (!both.world.modem_says("queue").is_empty()).then_some(()));
    both.station.cli_ok(&["link", "remove", "m138", "--sure"], "");
    let before = both.on_air();
    both.world.modem_says("pass begin");
    wait_for("the text on air", 2 * SOON, || (both.on_air() > before).then_some(()));
    both.line_says("delay 2500");
    both.line_says("clear");
    both.message(&both.station, "both", |message| {
        let by_line = |packet: &serde_json::Value| packet["link"] == "line" && packet["state"] != "planned";
        message["packets"].as_array().is_some_and(|all| all.iter().any(by_line))
    });
    both.line_says("stall up");
    both.gateway.cli_ok(&["link", "on", "hive"], "");
    both.message(&both.gateway, "both", |message| message["state"] == "delivered");
    both.line_says("delay 0");
    both.line_says("clear");
    let mails = both.mails(3);
    assert!(mails[1].contains("Look at this.") && !mails[1].contains("image/jpeg"), "{}", mails[1]);
    assert!(mails[2].contains(&on_the_wire(&written)), "{}", mails[2]);
    let text = both.message(&both.gateway, "both", |message| message["whole"]["state"]["is"] == "later");
    assert_ne!(text["whole"]["state"]["message"], text["id"]);
    both.totals_balance();
}

/// Who got the text ashore gets the mail behind it, once a free line is there, where the owner of the gateway wants that.
#[test]
fn what_went_to_the_world_as_text_is_followed_by_its_mail_where_that_is_switched_on() {
    for on in [true, false] {
        let both = Both::start(
            &["--start", "running"],
            &[("patience.normal", "0")],
            &[("air.get_whole", if on { "yes" } else { "no" })],
        );
        both.meet();
        both.line_goes();
        let written = photo("text");
        both.writes(&written);
        let mails = both.mails(2);
        assert!(mails[1].contains("Look at this.") && !mails[1].contains("image/jpeg"), "{}", mails[1]);
        both.line_says("clear");
        both.ready("line", true);
        if on {
            let mails = both.mails(3);
            assert!(mails[2].contains(&on_the_wire(&written)), "{}", mails[2]);
        }
        both.writes("Subject: Last\n\nThe last one.\n");
        let mails = both.mails(if on { 4 } else { 3 });
        assert!(mails.last().unwrap().contains("The last one."));
        both.totals_balance();
    }
}
