//! Mail servers that people really run, as those who deliver to a box: what they were given is in the mailbox as it was,
//! once; what the box refuses comes back to its writer; and a box that is away is waited for.

use super::machine::{Kind, MailServer};
use crate::support::shore::message;
use crate::support::{Folder, SOON, Station, lasting_port, wait_for};

/// The mails in a mailbox here with this subject, byte for byte.
fn kept(gateway: &Station, to: &str, subject: &str) -> Vec<String> {
    let all = gateway.messages();
    let found = all.iter().filter(|message| message["to"] == to && message["subject"] == subject);
    found.map(|message| gateway.cli_ok(&["queue", "show", "--raw", message["id"].as_str().unwrap()], "")).collect()
}

fn wait_kept(gateway: &Station, server: &MailServer, to: &str, subject: &str) -> String {
    let found = wait_for(&format!("'{subject}' for {to}"), SOON, || {
        server.hurry();
        Some(kept(gateway, to, subject)).filter(|found| !found.is_empty())
    });
    found[0].replace("\r\n", "\n")
}

fn what_is_delivered_is_kept_and_what_is_refused_comes_back(kind: Kind) {
    let folder = Folder::new();
    // The port of the listener has to be known before, and again after a restart.
    let port = lasting_port();
    let listen = format!("127.0.0.1:{port}");
    let settings = [
        ("box.domain", "shore.example"),
        ("box.reach", "internet"),
        ("smtp.listen", listen.as_str()),
        ("smtp.max_size", "100000"),
    ];
    let mut gateway = Station::new(&folder, "gateway", &settings, &["olga", "ben"]).started();
    let server = MailServer::start(&folder, kind, port);
    let (bob, olga) = ("bob@world.example", "olga@shore.example");
    let hand_in = |to: &[&str], mail: &str| {
        let mut smtp = server.connect();
        assert!(smtp.say(&format!("MAIL FROM:<{bob}>")).starts_with("250"));
        for to in to {
            let reply = smtp.say(&format!("RCPT TO:<{to}>"));
            assert!(reply.starts_with("250"), "{reply}");
        }
        assert!(smtp.say("DATA").starts_with("354"));
        smtp.write(mail.replace('\n', "\r\n").replace("\r\n.", "\r\n..").as_bytes());
        let reply = smtp.say(".");
        assert!(reply.starts_with("250"), "{reply}");
    };
    let head = |subject: &str| format!("From: Bob <{bob}>\nSubject: {subject}\n");
    let plain = format!("{}\n.\n..two\n{}\nblanks at the end  \n", head("Dots"), "x".repeat(990));
    let eight = format!(
        "{}MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGröße für Zoë\n",
        head("Eight")
    );
    let large = format!("{}\n{}", head("Large"), "A line of a mail that is larger than one piece.\n".repeat(1800));
    for (subject, mail) in [("Dots", &plain), ("Eight", &eight), ("Large", &large)] {
        hand_in(&[olga], mail);
        let kept = wait_kept(&gateway, &server, olga, subject);
        let body = |mail: &str| mail[mail.find("\n\n").unwrap()..].trim_end().to_owned();
        assert_eq!(body(&kept), body(mail), "{subject}");
        assert!(kept.contains("by shore.example") && kept.contains("with ESMTPS"), "{kept}");
    }

    // Two people and a name that nobody has, in one mail.
    hand_in(&[olga, "ben@shore.example", "nemo@shore.example"], &format!("{}\nto three\n", head("Three")));
    for to in [olga, "ben@shore.example"] {
        wait_kept(&gateway, &server, to, "Three");
    }
    let bounce = wait_for("the server's own notice", SOON, || {
        server.mails().into_iter().find(|mail| mail.contains("nemo@shore.example"))
    });
    assert!(bounce.contains("there is no person nemo here"), "{bounce}");

    // Larger than the box takes.
    hand_in(&[olga], &format!("{}\n{}", head("Too large"), "A line of it, and another one.\n".repeat(5000)));
    wait_for("the notice about the large one", SOON, || {
        server.mails().into_iter().find(|mail| mail.contains("Subject: Too large") || mail.contains("Too large\n"))
    });

    // The box is away.
    gateway.kill();
    hand_in(&[olga], &message("While it was away", "x"));
    gateway.start();
    wait_kept(&gateway, &server, olga, "While it was away");
    for subject in ["Dots", "Eight", "Large", "Three", "While it was away"] {
        assert_eq!(kept(&gateway, olga, subject).len(), 1, "{subject}");
    }
    assert!(kept(&gateway, olga, "Too large").is_empty());
    gateway.totals_balance();
}

#[test]
#[ignore = "needs root, and Postfix in the root that tests/run makes"]
fn root_postfix() {
    what_is_delivered_is_kept_and_what_is_refused_comes_back(Kind::Postfix);
}

#[test]
#[ignore = "needs root, and Exim in the root that tests/run makes"]
fn root_exim() {
    what_is_delivered_is_kept_and_what_is_refused_comes_back(Kind::Exim);
}

#[test]
#[ignore = "needs root, and OpenSMTPD in the root that tests/run makes"]
fn root_opensmtpd() {
    what_is_delivered_is_kept_and_what_is_refused_comes_back(Kind::OpenSmtpd);
}
