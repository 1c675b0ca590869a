//! Mail that comes in by SMTP: who may send what to whom, what becomes of the text, and what is never taken.

use std::io::Write;
use std::net::TcpStream;

use crate::support::shore::{Shore, classic, from_outside, message};
use crate::support::{PASSWORD, SOON, Smtp, Station, read_all, send, wait_for};

/// The message of the box that came last.
fn newest(station: &Station) -> serde_json::Value {
    station.messages().pop().expect("a message")
}

/// Cases R4 to R7, X1 and X2: who is a recipient and who is not, in the words of the protocol.
#[test]
fn recipients_are_checked_one_by_one() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846"]).started();
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    assert!(smtp.say("MAIL FROM:<bob@world.example>").starts_with("250"));
    for to in ["olga@shore.example", "OLGA@SHORE.EXAMPLE", "olga+boat@shore.example", "anna@Shore.Example"] {
        assert!(smtp.say(&format!("RCPT TO:<{to}>")).starts_with("250"), "{to}");
    }
    assert!(smtp.say("RCPT TO:<postmaster>").starts_with("250"));
    assert!(smtp.say("RCPT TO:<PostMaster@shore.example>").starts_with("250"));
    assert!(smtp.say("RCPT TO:<Abuse@shore.example>").starts_with("250"));
    assert_eq!(smtp.say("RCPT TO:<abc@hotmail.example>"), "550 5.7.1 not relaying to that domain\r\n");
    assert_eq!(smtp.say("RCPT TO:<abc@sub.shore.example>"), "550 5.7.1 not relaying to that domain\r\n");
    assert_eq!(smtp.say("RCPT TO:<abc@shore.example.evil.example>"), "550 5.7.1 not relaying to that domain\r\n");
    assert!(smtp.say("RCPT TO:<nobody@shore.example>").starts_with("550 5.1.1 there is no person nobody here"));
    for trick in [
        "olga%world.example@shore.example",
        "bob@world.example@shore.example",
        "@shore.example:bob@world.example",
        "\"bob@world.example\"@shore.example",
    ] {
        let reply = smtp.say(&format!("RCPT TO:<{trick}>"));
        assert!(reply.starts_with('5'), "{trick}: {reply}");
    }
    assert!(smtp.say("RSET").starts_with("250"));
    assert!(smtp.say("MAIL FROM:<bob@world.example>").starts_with("250"));
    assert!(smtp.say("DATA").starts_with("503"));
    assert!(gateway.messages().is_empty());
}

/// Cases R9, R10 and X3 to X5: what a mail says in one text.
#[test]
fn a_mail_becomes_one_text() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga"]).started();
    let html = "Content-Type: text/html; charset=utf-8\n\n<style>p{}</style><p>Hello <b>there</b>,</p><p>second</p>\n";
    let attachment = "MIME-Version: 1.0\nContent-Type: application/pdf; name=tides.pdf\n\
        Content-Transfer-Encoding: base64\n\nJVBERi0xLjQK\n";
    let cases = [
        ("A bare line", "A bare line"),
        ("aGVsbG8gd29ybGQ=", "aGVsbG8gd29ybGQ="),
        ("Reminder: meet at noon", "Reminder: meet at noon"),
        ("Subject: S\n\nB", "S\nB"),
        ("Subject: S\n\n..B\n.C\n", "S\n..B\n.C"),
        (html, "Hello there,\n\nsecond"),
    ];
    for (mail, text) in cases {
        assert!(from_outside(&gateway, "olga@shore.example", mail).starts_with("250"));
        let message = newest(&gateway);
        assert_eq!(message["text"], text, "{mail}");
        assert_eq!((&message["origin"], &message["from"]), (&"smtp".into(), &"bob@world.example".into()));
    }
    assert!(from_outside(&gateway, "olga@shore.example", attachment).starts_with("250"));
    let text = newest(&gateway)["text"].as_str().unwrap().to_owned();
    assert!(text.contains("tides.pdf") && !text.contains("None"), "{text}");
    gateway.totals_balance();
}

/// Two recipients make two messages, each on its own way; the same one twice, however written, makes one.
#[test]
fn each_recipient_has_a_message_of_their_own() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846"]).started();
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    smtp.login("olga");
    smtp.say("MAIL FROM:<olga@shore.example>");
    for to in [
        "anna@shore.example",
        "bob@world.example",
        "bob@World.Example",
        "olga@shore.example",
        "OLGA+x@shore.example",
        "postmaster",
    ] {
        assert!(smtp.say(&format!("RCPT TO:<{to}>")).starts_with("250"), "{to}");
    }
    assert!(smtp.say("DATA").starts_with("354"));
    let reply = smtp.say("Subject: All of you\r\n\r\nHello.\r\n.");
    assert_eq!(reply, "250 2.0.0 kept as m1 m2 m3\r\n");
    assert_eq!(shore.wait_mails(1).len(), 1);
    let packet = wait_for("the packet", SOON, || shore.to_device(6846).pop());
    assert_eq!(packet, classic(false, "olga@shore.example", "All of you\nHello."));
    let ways: Vec<_> = gateway.messages().iter().map(|m| m["way"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ways, ["link", "relay", "mailbox"]);
    gateway.totals_balance();
}

/// A report about a message that the relay had taken finds that message, among those of one mail the right one.
#[test]
fn a_bounce_finds_its_message() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846"]).started();
    let packet = shore.uplink("6846", &classic(true, "gone@world.example", "Are you there?"), None);
    shore.wait_acknowledged(packet);
    let mail = shore.wait_mails(1)[0]["data"].as_str().unwrap().to_owned();
    let id = mail.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().to_owned();
    gateway.wait_state(SOON, "gone@world.example", "delivered");
    // A report has no sender: one that has is a forgery, and changes nothing.
    let forged = report("gone@world.example", &id);
    let reply = Smtp::connect(gateway.listener("smtp")).mail("eve@world.example", "anna@shore.example", &forged);
    assert!(reply.starts_with("250"), "{reply}");
    gateway.wait_state(SOON, "gone@world.example", "delivered");
    let reply =
        Smtp::connect(gateway.listener("smtp")).mail("", "anna@shore.example", &report("gone@world.example", &id));
    assert!(reply.starts_with("250"), "{reply}");
    let came_back = gateway.wait_state(SOON, "gone@world.example", "returned");
    assert!(came_back["reason"].as_str().unwrap().contains("User unknown"), "{came_back}");
    let notice = gateway.messages().into_iter().find(|m| m["about"] == came_back["id"]).expect("a notice");
    assert_eq!((&notice["to"], &notice["way"]), (&"anna@shore.example".into(), &"mailbox".into()));
    assert!(notice["text"].as_str().unwrap().contains("gone@world.example"), "{notice}");

    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    smtp.login("olga");
    smtp.say("MAIL FROM:<olga@shore.example>");
    for to in ["one@world.example", "two@world.example", "three@world.example"] {
        smtp.say(&format!("RCPT TO:<{to}>"));
    }
    smtp.say("DATA");
    assert!(smtp.say("Message-ID: <three@shore.example>\r\nSubject: x\r\n\r\nHello.\r\n.").starts_with("250"));
    shore.wait_mails(4);
    gateway.wait_state(SOON, "three@world.example", "delivered");
    for to in ["two@world.example", "Three@World.example"] {
        let reply = smtp.mail("", "olga@shore.example", &report(to, "<three@shore.example>"));
        assert!(reply.starts_with("250"), "{reply}");
    }
    gateway.wait_state(SOON, "two@world.example", "returned");
    gateway.wait_state(SOON, "three@world.example", "returned");
    gateway.wait_state(SOON, "one@world.example", "delivered");
    assert!(shore.to_device(6846).is_empty(), "no report goes on air");
    gateway.totals_balance();
}

fn report(recipient: &str, message_id: &str) -> String {
    format!(
        "From: MAILER-DAEMON@relay.example\nTo: somebody@shore.example\nSubject: Undelivered Mail\nMIME-Version: 1.0\n\
         Auto-Submitted: auto-replied\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nSorry.\n\
         --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; relay.example\n\n\
         Final-Recipient: rfc822; {recipient}\nAction: failed\nStatus: 5.1.1\n\
         Diagnostic-Code: smtp; 550 5.1.1 User unknown\n\n\
         --b\nContent-Type: text/rfc822-headers\n\nMessage-ID: {message_id}\nSubject: x\n\n--b--\n"
    )
}

/// Promise 5: what machines write never goes on air, and stands there as refused with its reason.
#[test]
fn automatic_mail_is_never_on_air() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846"]).started();
    for head in ["List-Id: <x.world.example>", "Auto-Submitted: auto-generated", "Precedence: bulk"] {
        let reply = from_outside(&gateway, "anna@shore.example", &format!("{head}\n{}", message("News", "Read this.")));
        assert!(reply.starts_with("250"), "{reply}");
        let message = newest(&gateway);
        assert_eq!((&message["state"], &message["way"]), (&"refused".into(), &"link".into()));
        let name = head.split(':').next().unwrap().to_lowercase();
        assert!(message["reason"].as_str().unwrap().to_lowercase().contains(&name), "{message}");
    }
    let reply = Smtp::connect(gateway.listener("smtp")).mail("", "anna@shore.example", &message("Bounce", "x"));
    assert!(reply.starts_with("250"), "{reply}");
    assert_eq!(newest(&gateway)["state"], "refused");
    let reply = from_outside(&gateway, "anna@shore.example", &message("", "By hand"));
    assert!(reply.starts_with("250"), "{reply}");
    wait_for("the packet", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 1));
    assert!(gateway.messages().iter().all(|message| message["origin"] != "notice"));
    gateway.totals_balance();
}

/// A mail that passed too many servers is refused, and neither kept nor answered with a mail.
#[test]
fn a_mail_that_goes_in_a_circle_is_refused() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga"]).started();
    let hop = "Received: from a.example by b.example;\n\tMon, 1 Jan 2024 00:00:00 +0000\n";
    let mail = |hops: usize| hop.repeat(hops) + &message("Loop", &format!("x\n\n{hop}"));
    assert!(from_outside(&gateway, "olga@shore.example", &mail(100)).starts_with("250"));
    assert!(from_outside(&gateway, "olga@shore.example", &mail(101)).starts_with("554 5.4.6"));
    assert_eq!(gateway.messages().len(), 1);
}

/// When the disk is nearly full mail is put off with 452, and taken again when there is room.
#[test]
fn a_full_disk_puts_mail_off() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846"]).started();
    gateway.cli_ok(&["settings", "set", "store.reserve", "1000000"], "");
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    assert!(smtp.mail("bob@world.example", "olga@shore.example", &message("", "x")).starts_with("452"));
    let packet = shore.uplink("6846", &classic(true, "olga@shore.example", "from the air"), None);
    crate::support::shore::wait_polls(&shore, 2);
    assert!(shore.packets().iter().all(|packet| packet["status"] == 0));
    assert!(gateway.messages().is_empty());
    gateway.cli_ok(&["settings", "set", "store.reserve", "0"], "");
    shore.wait_acknowledged(packet);
    assert!(smtp.mail("bob@world.example", "olga@shore.example", &message("", "x")).starts_with("250"));
    assert_eq!(gateway.messages().len(), 2);
}

/// A guesser is sent away, then slowed; the right password is taken again only after a while.
#[test]
fn wrong_passwords_are_slowed() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga"]).started();
    let wrong = "AUTH PLAIN AG9sZ2EAd3Jvbmc=";
    let mut replies = Vec::new();
    for _ in 0..3 {
        let mut smtp = Smtp::connect(gateway.listener("smtp"));
        for _ in 0..3 {
            replies.push(smtp.say(wrong));
        }
    }
    let refused = replies.iter().filter(|reply| reply.starts_with("535")).count();
    assert!(refused <= 5, "{replies:?}");
    assert!(replies.iter().any(|reply| reply.starts_with("454") || reply.starts_with("421")), "{replies:?}");
    assert!(from_outside(&gateway, "olga@shore.example", &message("", "x")).starts_with("250"));
    assert!(!gateway.log_text().contains(PASSWORD));
}

/// Mail is never cut at anything but a line with a dot between two CR LF: nothing can be smuggled in behind it.
#[test]
fn no_mail_can_be_smuggled_in_another() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga"]).started();
    let second =
        "MAIL FROM:<evil@world.example>\r\nRCPT TO:<olga@shore.example>\r\nDATA\r\nSubject: second\r\n\r\nx\r\n.\r\n";
    for end in ["\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n", "\r\n.\r", "\r.\r\n", "\r\n\0.\r\n", "\n\r.\n\r"] {
        let mut stream = TcpStream::connect(gateway.listener("smtp")).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let talk = format!(
            "EHLO x\r\nMAIL FROM:<bob@world.example>\r\nRCPT TO:<olga@shore.example>\r\nDATA\r\nSubject: first\r\n\r\n\
             a{end}{second}\r\n.\r\nQUIT\r\n"
        );
        stream.write_all(talk.as_bytes()).unwrap();
        let said = read_all(&mut stream);
        let accepted = said.lines().filter(|line| line.starts_with("250 2.0.0 kept")).count();
        assert!(accepted <= 1, "{end:?}: {said}");
    }
    assert!(gateway.messages().iter().all(|message| message["subject"] == "first"));
}

/// Who logged in writes under their own address, whatever the envelope claims; a log-in needs TLS away from here.
#[test]
fn who_logged_in_is_the_sender() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "ben"]).started();
    let reply = send(&gateway, Some("ben"), "olga@shore.example", "bob@world.example", &message("", "Who am I?"));
    assert!(reply.starts_with("250"), "{reply}");
    assert_eq!(shore.wait_mails(1)[0]["from"], "ben@shore.example");
    assert!(send(&gateway, None, "olga@shore.example", "bob@world.example", "x").starts_with("550 5.7.1 not relaying"));
    let mut smtp = Smtp::connect(gateway.listener("submission"));
    assert!(smtp.mail("olga@shore.example", "olga@shore.example", "x").starts_with("530"));
    smtp.login("OLGA@Shore.Example");
    assert!(smtp.mail("olga@shore.example", "bob@world.example", &message("", "x")).starts_with("250"));
    assert_eq!(shore.wait_mails(2)[1]["from"], "olga@shore.example");
}

/// What a client sends again, as it did not hear the answer, is the message that it was: also after a restart, and not when
/// a word is another one.
#[test]
fn a_mail_that_comes_again_is_taken_once() {
    let shore = Shore::start();
    let mut gateway = shore.gateway(&[], &["olga", "ben"]).started();
    let twice = |gateway: &Station, text: &str| {
        let mail = format!("Message-ID: <once@world.example>\nSubject: Once\n\n{text}");
        send(gateway, None, "bob@world.example", "olga@shore.example", &mail)
    };
    let first = twice(&gateway, "The tide is at six");
    assert!(first.starts_with("250 2.0.0 kept as m"), "{first}");
    assert!(twice(&gateway, "The tide is at six").contains("when it came before"));
    gateway.stop();
    let gateway = gateway.started();
    assert!(twice(&gateway, "The tide is at six").contains("when it came before"));
    assert_eq!(gateway.messages().len(), 1);
    assert!(!twice(&gateway, "The tide is at seven").contains("before"));
    assert_eq!(gateway.messages().len(), 2);
}
