//! The way out by the mail relay: refused, put off, too late, down, and cut off at the worst moment.

mod fake;
mod hostile;
mod limits;
mod reports;

use crate::support::shore::{Shore, classic, from_outside, message};
use crate::support::{SOON, Station, send, wait_for};

fn from_olga(gateway: &Station, to: &str) {
    let reply = send(gateway, Some("olga"), "olga@shore.example", to, &message("Hello", "How are you?"));
    assert!(reply.starts_with("250"), "{reply}");
}

/// Notices in the mailbox of the sender, as the mails they are.
fn notices(gateway: &Station) -> Vec<String> {
    let notices: Vec<_> = gateway.messages().into_iter().filter(|message| message["origin"] == "notice").collect();
    notices
        .iter()
        .map(|notice| gateway.cli_ok(&["queue", "show", "--raw", notice["id"].as_str().unwrap()], ""))
        .collect()
}

/// A refusal for good returns the message at once: its sender gets a report that a program can read.
#[test]
fn a_refused_message_comes_back_with_the_reason() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga"]).started();
    shore.sink_says("code RCPT 550 5.1.1 no such person");
    from_olga(&gateway, "gone@world.example");
    let returned = gateway.wait_state(SOON, "gone@world.example", "returned");
    assert!(returned["reason"].as_str().unwrap().contains("5.1.1 no such person"), "{returned}");
    assert_eq!(returned["tries"], 0);
    let notices = notices(&gateway);
    assert_eq!(notices.len(), 1);
    let id = returned["message_id"].as_str().unwrap();
    for part in [
        "Auto-Submitted: auto-replied",
        "Final-Recipient: rfc822; gone@world.example",
        "Action: failed",
        "Status: 5.1.1",
        "Subject: Hello",
        id,
    ] {
        assert!(notices[0].contains(part), "{part}: {}", notices[0]);
    }
    let notice = gateway.messages().into_iter().find(|message| message["origin"] == "notice").unwrap();
    assert_eq!(
        (&notice["from"], &notice["to"], &notice["state"]),
        (&"<>".into(), &"olga@shore.example".into(), &"delivered".into())
    );
    gateway.totals_balance();
}

/// The file of a mail is not to be read: that is said of this mail, and neither of the relay nor of those behind it.
#[test]
fn a_mail_that_cannot_be_read_holds_up_no_other() {
    let shore = Shore::start();
    let mut gateway = shore.gateway(&[], &["olga"]).started();
    shore.sink_says("code GREETING 421 later");
    let large = message("Large", &"A line of a large mail, which goes into a file of its own.\n".repeat(4000));
    assert!(send(&gateway, Some("olga"), "olga@shore.example", "first@world.example", &large).starts_with("250"));
    let files: Vec<_> = std::fs::read_dir(gateway.folder.join("spool")).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");
    from_olga(&gateway, "second@world.example");
    // Both are due when it starts.
    gateway.stop();
    std::fs::remove_file(files[0].as_ref().unwrap().path()).unwrap();
    shore.sink_says("clear");
    gateway.start();
    let second = gateway.wait_state(SOON, "second@world.example", "delivered");
    let steps = gateway.json(&["queue", "show", second["id"].as_str().unwrap()])["steps"].to_string();
    assert!(!steps.contains("cannot be read"), "{steps}");
    let first = wait_for("the reason of the other one", SOON, || {
        let first = gateway.messages().into_iter().find(|message| message["to"] == "first@world.example")?;
        first["reason"].as_str()?.contains("cannot be read").then_some(first)
    });
    assert_eq!(first["state"], "queued", "{first}");
    assert_eq!(gateway.status().unwrap()["relay"]["ok"], true);
    assert!(!gateway.log_text().contains("not taken by the relay, for now: the mail"), "{}", gateway.log_text());
    gateway.totals_balance();
}

/// A refusal for now is tried again, without a word to anybody, until it is taken.
#[test]
fn a_message_put_off_is_tried_again() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga"]).started();
    for command in ["MAIL", "RCPT", "DATA", "END"] {
        shore.sink_says(&format!("code {command} 451 4.3.0 later"));
        let to = format!("{}@world.example", command.to_lowercase());
        from_olga(&gateway, &to);
        wait_for("a second try", SOON, || {
            gateway.messages().into_iter().find(|m| m["to"] == to.as_str() && m["tries"].as_u64() > Some(1))
        });
        let waiting = gateway.wait_state(SOON, &to, "queued");
        assert!(waiting["reason"].as_str().unwrap().contains("later"), "{waiting}");
        shore.sink_says("clear");
        gateway.wait_state(SOON, &to, "delivered");
    }
    assert_eq!(shore.mails().len(), 4);
    assert!(notices(&gateway).is_empty());
    gateway.totals_balance();
}

/// A message is told as delayed once, and given up when its time has run out.
#[test]
fn a_message_nobody_takes_is_delayed_once_and_then_expires() {
    let shore = Shore::start();
    let settings = [("queue.lifetime", "10"), ("queue.delay_notice", "5")];
    let gateway = shore.gateway(&settings, &["olga"]).started();
    shore.sink_says("code RCPT 451 4.2.0 mailbox busy");
    from_olga(&gateway, "busy@world.example");
    let expired = gateway.wait_state(2 * SOON, "busy@world.example", "expired");
    assert!(expired["reason"].as_str().unwrap().contains("mailbox busy"), "{expired}");
    let notices = notices(&gateway);
    assert_eq!(notices.len(), 2, "{notices:?}");
    assert!(notices[0].contains("Action: delayed") && notices[0].contains("Will-Retry-Until:"), "{}", notices[0]);
    assert!(notices[1].contains("Action: failed") && notices[1].contains("Status: 4.4.7"), "{}", notices[1]);
    gateway.totals_balance();
}

/// While the relay is down messages wait; they leave by themselves when it is back, or when another one is set.
#[test]
fn a_relay_that_is_down_is_waited_for_and_can_be_replaced() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga"]).started();
    shore.sink_says("close");
    from_olga(&gateway, "one@world.example");
    from_olga(&gateway, "two@world.example");
    wait_for("a second try", SOON, || {
        gateway.messages().into_iter().find(|message| message["tries"].as_u64() > Some(1))
    });
    assert_eq!(gateway.status().unwrap()["relay"]["ok"], false);
    shore.sink_says("clear");
    assert_eq!(shore.wait_mails(2).len(), 2);
    gateway.wait_state(SOON, "one@world.example", "delivered");

    gateway.cli_ok(
        &[
            "settings",
            "set",
            "queue.retry_first",
            "1d",
            "queue.retry_most",
            "1d",
            "relay.host",
            "127.0.0.2",
            "relay.port",
            "1",
        ],
        "",
    );
    from_olga(&gateway, "three@world.example");
    wait_for("a try", SOON, || {
        gateway.messages().into_iter().find(|message| message["to"] == "three@world.example" && message["tries"] == 1)
    });
    gateway.cli_ok(&["settings", "set", "relay.host", "localhost", "relay.port", &shore.sink_port], "");
    assert_eq!(shore.wait_mails(3).len(), 3);
    gateway.wait_state(SOON, "three@world.example", "delivered");
    assert!(notices(&gateway).is_empty());
}

/// Cut off behind the final dot, nobody knows whether the message was taken: it is sent again under the same Message-ID.
#[test]
fn a_message_cut_off_at_the_end_is_repeated_under_its_own_name() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846"]).started();
    shore.sink_says("drop-after-dot 1");
    from_olga(&gateway, "one@world.example");
    shore.wait_mails(2);
    gateway.wait_state(SOON, "one@world.example", "delivered");
    shore.sink_says("drop-after-dot 1");
    shore.uplink("6846", &classic(true, "two@world.example", "from the field"), None);
    let mails = shore.wait_mails(4);
    gateway.wait_state(SOON, "two@world.example", "delivered");
    assert_eq!(shore.mails().len(), 4);
    let id = |at: usize| {
        let data = mails[at]["data"].as_str().unwrap().to_owned();
        data.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().to_owned()
    };
    assert_eq!((id(0), id(2)), (id(1), id(3)));
    assert_eq!(mails[2]["data"], mails[3]["data"]);
}

/// A notice that comes back, a message of a machine, and one from nobody are given up without another mail.
#[test]
fn there_is_no_notice_about_a_notice() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[("smtp.trusted", "127.0.0.0/8")], &["olga"]).started();
    shore.sink_says("code RCPT 550 5.1.1 no");
    let reply = from_outside(&gateway, "gone@world.example", &message("From a stranger", "x"));
    assert!(reply.starts_with("250"), "{reply}");
    gateway.wait_state(SOON, "gone@world.example", "returned");
    // The notice goes to a stranger, by the same relay, which refuses it as well.
    let notice = gateway.wait_state(SOON, "bob@world.example", "returned");
    assert_eq!((&notice["origin"], &notice["from"]), (&"notice".into(), &"<>".into()));
    for (from, to, head) in [
        ("", "a@world.example", ""),
        ("x@world.example", "b@world.example", "Auto-Submitted: auto-generated\n"),
        ("x@world.example", "c@world.example", "List-Id: <l.x>\n"),
    ] {
        let reply = send(&gateway, None, from, to, &format!("{head}{}", message("x", "y")));
        assert!(reply.starts_with("250"), "{reply}");
        gateway.wait_state(SOON, to, "returned");
    }
    assert_eq!(gateway.messages().iter().filter(|message| message["origin"] == "notice").count(), 1);
    assert!(shore.mails().is_empty());
    gateway.totals_balance();
}

/// Case R1: what a person hands in arrives as it is, with our trace in front and nothing else changed.
#[test]
fn a_mail_passes_unchanged() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga"]).started();
    let mail = "From: Olga <olga@shore.example>\nTo: bob@world.example\nMessage-ID: <own@shore.example>\nSubject: =?utf-8?q?F=C3=BCr?=\n =?utf-8?q?_dich?=\n\n.dot\n..two\n\n\u{fc}ber 8bit\n  blanks at the end  ";
    let reply = send(&gateway, Some("olga"), "olga@shore.example", "bob@world.example", mail);
    assert!(reply.starts_with("250"), "{reply}");
    let data = shore.wait_mails(1)[0]["data"].as_str().unwrap().to_owned();
    let (trace, rest) = data.split_at(data.find("From: Olga").unwrap());
    assert_eq!(rest, format!("{mail}\r\n").replace("\r\n", "\n").replace('\n', "\r\n"));
    assert!(trace.starts_with("Received: from client.example") && trace.contains("by shore.example"), "{trace}");
    assert!(!trace.contains("Message-ID"), "{trace}");
}
