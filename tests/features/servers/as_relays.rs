//! Mail servers that people really run, as the relay of a box: what was written arrives as it was written, once, or
//! comes back with the server's reason.

use super::machine::{Kind, LARGEST, MailServer};
use crate::support::shore::message;
use crate::support::{Folder, SOON, Station, send, wait_for};

fn gateway(folder: &Folder, server: &MailServer) -> Station {
    let (host, port) = (server.host(), server.port());
    let settings = [
        ("box.domain", "shore.example"),
        ("box.reach", "internet"),
        ("relay.host", host.as_str()),
        ("relay.port", port.as_str()),
        ("relay.tls", "none"),
        ("queue.retry_first", "1"),
        ("queue.retry_most", "1"),
    ];
    Station::new(folder, "gateway", &settings, &["olga"]).started()
}

fn hand_in(gateway: &Station, to: &str, mail: &str) {
    let reply = send(gateway, Some("olga"), "olga@shore.example", to, mail);
    assert!(reply.starts_with("250"), "{reply}");
}

/// Behind the trace, what arrived.
fn since_from(mail: &str) -> String {
    let mail = mail.replace("\r\n", "\n");
    mail[mail.find("From: Olga").unwrap_or_else(|| panic!("no From in {mail}"))..].to_owned()
}

fn what_was_written_arrives_or_comes_back(kind: Kind) {
    let folder = Folder::new();
    let mut server = MailServer::start(&folder, kind, 9);
    let gateway = gateway(&folder, &server);
    let head = |subject: &str| format!("From: Olga <olga@shore.example>\nSubject: {subject}\n");
    let plain = format!("{}\n.\n..two\n{}\nblanks at the end  ", head("Dots"), "x".repeat(990));
    let eight = format!(
        "{}MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGröße für Zoë",
        head("Eight")
    );
    for (subject, mail) in [("Dots", &plain), ("Eight", &eight)] {
        hand_in(&gateway, "bob@world.example", mail);
        let arrived = since_from(&server.wait_mail(subject));
        assert_eq!(arrived, format!("{mail}\n"));
    }

    // Nobody of that name there: the notice has the server's own words.
    hand_in(&gateway, "nemo@world.example", &message("To nobody", "x"));
    let returned = gateway.wait_state(SOON, "nemo@world.example", "returned");
    assert!(returned["reason"].as_str().unwrap().contains("55"), "{returned}");
    let notice = gateway.wait_state(SOON, "olga@shore.example", "delivered");
    let notice = gateway.cli_ok(&["queue", "show", "--raw", notice["id"].as_str().unwrap()], "");
    assert!(notice.contains("Action: failed") && notice.contains("Final-Recipient: rfc822; nemo@world.example"));

    // Larger than it takes: said before the text went.
    hand_in(&gateway, "bob@world.example", &message("Too large", &"0123456789 0123456789\n".repeat(LARGEST / 20)));
    let large = gateway.wait_state(SOON, "bob@world.example", "returned");
    assert!(large["reason"].as_str().unwrap().contains("bytes"), "{large}");

    // Put off by the server: it waits, with the server's words.
    hand_in(&gateway, "later@world.example", &message("Later", "x"));
    let later = wait_for("word of it", SOON, || {
        gateway.waiting().into_iter().find(|message| message["tries"].as_u64() > Some(1))
    });
    assert_eq!((&later["to"], &later["state"]), (&"later@world.example".into(), &"queued".into()));
    assert!(later["reason"].as_str().unwrap().contains(" 45"), "{later}");
    gateway.cli_ok(&["queue", "cancel", later["id"].as_str().unwrap()], "");

    // The server is away, and comes back.
    server.kill();
    hand_in(&gateway, "bob@world.example", &message("While it was away", "x"));
    wait_for("a second try", SOON, || {
        gateway.waiting().into_iter().find(|message| message["tries"].as_u64() > Some(1))
    });
    server.launch();
    server.wait_mail("While it was away");
    wait_for("nothing to wait", SOON, || gateway.waiting().is_empty().then_some(()));
    assert_eq!(server.mails().len(), 3);
    gateway.totals_balance();
}

#[test]
#[ignore = "needs root, and Postfix in the root that tests/run makes"]
fn root_postfix() {
    what_was_written_arrives_or_comes_back(Kind::Postfix);
}

#[test]
#[ignore = "needs root, and Exim in the root that tests/run makes"]
fn root_exim() {
    what_was_written_arrives_or_comes_back(Kind::Exim);
}

#[test]
#[ignore = "needs root, and OpenSMTPD in the root that tests/run makes"]
fn root_opensmtpd() {
    what_was_written_arrives_or_comes_back(Kind::OpenSmtpd);
}
