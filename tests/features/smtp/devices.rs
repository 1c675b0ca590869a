//! Old devices, cron and forwarders: mail as programs in the field send it.

use crate::support::shore::Shore;
use crate::support::web::Client;
use crate::support::{SOON, Smtp, Station, World, wait_for};

const TRUSTED: (&str, &str) = ("smtp.trusted", "127.0.0.0/8");

/// Says MAIL, RCPT, DATA and a mail; the reply to the mail.
fn mail(station: &Station, from: &str, to: &str, mail: &str) -> String {
    let mut smtp = Smtp::connect(station.listener("smtp"));
    for line in [from, to] {
        let reply = smtp.say(line);
        assert!(reply.starts_with("250"), "{line}: {reply}");
    }
    assert!(smtp.say("DATA").starts_with("354"));
    smtp.say(&format!("{}\r\n.", mail.replace('\n', "\r\n")))
}

/// A mail of a UPS has no date and no sender: the relay gets both, as large providers refuse a mail without them.
#[test]
fn a_mail_without_date_and_sender_leaves_with_both() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[TRUSTED], &["olga"]).started();
    let text = "Subject: UPS on battery\n\nUPS on battery since 10:00.";
    let reply = mail(&gateway, "MAIL FROM:<ups@nas>", "RCPT TO:<friend@world.example>", text);
    assert!(reply.starts_with("250"), "{reply}");
    let got = shore.wait_mails(1)[0]["data"].as_str().unwrap().to_owned();
    for (field, times) in [("Date: ", 1), ("From: ups@nas", 1), ("Message-ID: ", 1), ("Subject: UPS on battery", 1)] {
        assert_eq!(got.lines().filter(|line| line.starts_with(field)).count(), times, "{field}: {got}");
    }
    // What is there stays as it is; a text without any header gets one.
    let own = "FROM : me@nas\nDate:Thu, 26 Nov 2026 10:00:00 +0000\nSubject: mine\n\nFrom: not this\n";
    assert!(mail(&gateway, "MAIL FROM:<ups@nas>", "RCPT TO:<friend@world.example>", own).starts_with("250"));
    assert!(mail(&gateway, "MAIL FROM:<ups@nas>", "RCPT TO:<friend@world.example>", "only words").starts_with("250"));
    let got: Vec<_> = shore.wait_mails(3).iter().map(|mail| mail["data"].as_str().unwrap().to_owned()).collect();
    let mine = got.iter().find(|mail| mail.contains("Subject: mine")).unwrap();
    let fields = |mail: &str, name: &str| {
        let head = mail.replace("\r\n", "\n");
        let head = head.split("\n\n").next().unwrap().to_lowercase();
        head.lines().filter(|line| line.split(':').next().unwrap().trim() == name).count()
    };
    assert_eq!((fields(mine, "from"), fields(mine, "date")), (1, 1), "{mine}");
    let bare = got.iter().find(|mail| mail.contains("only words")).unwrap();
    assert_eq!((fields(bare, "from"), fields(bare, "date")), (1, 1), "{bare}");
    gateway.totals_balance();
}

/// A large provider has such addresses; they are written in quotes where the protocol wants that.
#[test]
fn dots_may_stand_anywhere_before_the_at() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga"]).started();
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    smtp.login("olga");
    assert!(smtp.say("MAIL FROM:<olga@shore.example>").starts_with("250"));
    for to in ["taro..yamada@docomo.example", "taro.@docomo.example", "\"taro.\"@docomo.example"] {
        let reply = smtp.say(&format!("RCPT TO:<{to}>"));
        assert!(reply.starts_with("250"), "{to}: {reply}");
    }
    for to in ["..@docomo.example", "\" taro\"@docomo.example", "\"ta\\\"ro\"@docomo.example", "@docomo.example"] {
        let reply = smtp.say(&format!("RCPT TO:<{to}>"));
        assert!(reply.starts_with('5'), "{to}: {reply}");
    }
    assert!(smtp.say("DATA").starts_with("354"));
    assert!(smtp.say("Subject: Dots\r\n\r\nHello.\r\n.").starts_with("250"));
    gateway.cli_ok(&["send", "--dry-run", "--from", "olga", "--text", "hi", "taro.@docomo.example"], "");
    let mut to: Vec<_> = shore.wait_mails(2).iter().map(|mail| mail["to"].to_string()).collect();
    to.sort();
    assert!(to[0].contains("taro..yamada\\\"@") && to[1].contains("\\\"taro.\\\"@docomo"), "{to:?}");
    gateway.totals_balance();
}

/// A directory of a company may have a blank in a name (RFC 5321 section 4.1.2): as a recipient by SMTP, command and page over
/// the air to a relay, and back as a sender whom the page answers.
#[test]
fn a_name_with_a_blank_goes_both_ways() {
    const JOHN: &str = "\"john doe\"@world.example";
    let world = World::start(&[]);
    let (station, gateway) = (world.station().started(), world.gateway().started());
    let mut smtp = Smtp::connect(station.listener("smtp"));
    smtp.login("anna");
    let reply =
        smtp.mail("anna@boat.example", JOHN, &format!("From: anna@boat.example\nTo: {JOHN}\nSubject: One\n\nA.\n"));
    assert!(reply.starts_with("250"), "{reply}");
    station.cli_ok(
        &["send", "--from", "anna", "--subject", "Two", "--text", "B.", &format!("John Doe <{JOHN}>, anna")],
        "",
    );
    let mut anna = Client::logged_in(&station, "anna");
    let sent = anna.post("/compose", "do=send&to=%22john+doe%22%40world.example&subject=Three&text=C.");
    assert_eq!(sent.status, 303, "{}", sent.body);
    let mails = wait_for("three mails", 3 * SOON, || Some(world.mails()).filter(|mails| mails.len() == 3));
    for mail in mails {
        assert_eq!(mail["to"], serde_json::json!([JOHN]), "{mail}");
        assert!(mail["data"].as_str().unwrap().contains(&format!("\r\nTo: <{JOHN}>\r\n")), "{mail}");
    }
    // Without its quotes it may be two names, of which one was meant.
    let said = station.said(&["send", "--dry-run", "--from", "anna", "--text", "x", "john doe@world.example"]).fails(2);
    assert!(said.contains("cannot stand before the @"), "{said}");

    let answer = format!("From: John Doe <{JOHN}>\nSubject: Re: Two\n\nGlad.\n");
    let reply = Smtp::connect(gateway.listener("smtp")).mail(JOHN, "anna@shore.example", &answer);
    assert!(reply.starts_with("250"), "{reply}");
    let arrived = wait_for("the answer", 3 * SOON, || {
        station.messages().into_iter().find(|message| message["state"] == "delivered" && message["from"] == JOHN)
    });
    let page = anna.get(&format!("/compose?reply={}", arrived["id"].as_str().unwrap())).body;
    assert!(page.contains("&quot;john doe&quot;@world.example") || page.contains("&#34;john doe&#34;@world"), "{page}");
    let listed = station.cli_ok(&["settings", "set", "air.allow", &format!("{JOHN} mum@example.org")], "");
    assert!(!listed.contains("wrong"), "{listed}");
    station.totals_balance();
    gateway.totals_balance();
}

/// Nothing for `localhost` goes anywhere else, least of all over a link that costs.
#[test]
fn localhost_is_this_box() {
    let world = World::start(&[]);
    let station = world.station();
    station.set(&[TRUSTED, ("link.price", "0.07")]);
    let station = station.started();
    let text = "Subject: Cron <root@nas> run-parts\n\ndone";
    let reply = mail(&station, "MAIL FROM:<root@nas>", "RCPT TO:<root@localhost>", text);
    assert!(reply.starts_with("250"), "{reply}");
    for to in ["anna@localhost.localdomain", "root@box.localhost"] {
        assert!(mail(&station, "MAIL FROM:<root@nas>", &format!("RCPT TO:<{to}>"), text).starts_with("250"), "{to}");
    }
    let mut smtp = Smtp::connect(station.listener("smtp"));
    smtp.say("MAIL FROM:<root@nas>");
    let reply = smtp.say("RCPT TO:<nobody@localhost>");
    assert!(reply.starts_with("550 5.1.1 there is no person nobody here"), "{reply}");
    for message in station.messages() {
        assert_eq!((&message["way"], &message["to"]), (&"mailbox".into(), &"anna@boat.example".into()), "{message}");
    }
    assert_eq!(station.messages().len(), 3);
    let quote = station.cli_ok(&["send", "--dry-run", "--from", "anna", "--text", "hi", "root@localhost"], "");
    assert!(!quote.contains("0.07") && !quote.contains("packet"), "{quote}");
    station.totals_balance();
}

/// Forwarders and mailing services write long names; no limit is the best one (RFC 5321 section 4.5.3.1).
#[test]
fn a_sender_may_be_long() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga"]).started();
    let long = "SRS0=fGv9=BC=a.very-long-domain-name.example=bounce-4IDNASXYtYFG21s4IoV1XzCfCtHkb2RZY0qdGZ8";
    let from = format!("MAIL FROM:<{long}@fwd.example>");
    assert!(mail(&gateway, &from, "RCPT TO:<olga@shore.example>", "Subject: Hi\n\nHello.").starts_with("250"));
    assert_eq!(gateway.messages()[0]["from"], format!("{long}@fwd.example"));
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    assert!(smtp.say(&format!("MAIL FROM:<{}@fwd.example>", "x".repeat(300))).starts_with("553"));
}

/// What ends its lines with a line feed alone is taken where the owner said so, by itself: nothing can hide behind it.
#[test]
fn bare_line_feeds_are_taken_from_named_devices_one_mail_at_a_time() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[TRUSTED], &["olga", "anna"]).started();
    let whole = b"MAIL FROM:cam@cam.local\nRCPT TO:<anna@shore.example>\nDATA\n";
    let hidden = b"Subject: Motion\n\n..dots\nSomebody\r\nis there.\n.\nMAIL FROM:<evil@x.example>\r\n\
                   RCPT TO:<olga@shore.example>\r\nDATA\r\nSubject: Hidden\r\n\r\nx\r\n.\r\n";
    let say = |strict: bool| {
        let mut smtp = Smtp::connect(gateway.listener("smtp"));
        for line in whole.split_inclusive(|byte| *byte == b'\n') {
            smtp.write(line);
            let reply = smtp.reply();
            if strict {
                assert!(reply.starts_with("500"), "{reply}");
                return String::new();
            }
            assert!(reply.starts_with(['2', '3']), "{reply}");
        }
        smtp.write(hidden);
        let replies = [smtp.reply(), smtp.reply()];
        assert_eq!(replies[1], "", "the connection is closed");
        replies[0].clone()
    };
    say(true);
    gateway.cli_ok(&["settings", "set", "smtp.old_devices", "127.0.0.1"], "");
    assert!(say(false).starts_with("250"));
    let messages = gateway.messages();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(messages[0]["text"], "Motion\n.dots\nSomebody\nis there.");
    let raw = gateway.cli_ok(&["queue", "show", "--raw", messages[0]["id"].as_str().unwrap()], "");
    assert!(!raw.replace("\r\n", "").contains(['\r', '\n']), "{raw:?}");
    // A mail with proper line ends is one of several as ever.
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    for _ in 0..2 {
        assert!(smtp.mail("cam@cam.local", "anna@shore.example", "Subject: Proper\n\nx\n").starts_with("250"));
    }
    // In a network that is not trusted the setting opens nothing.
    gateway.cli_ok(&["settings", "set", TRUSTED.0, ""], "");
    say(true);
    gateway.totals_balance();
}

/// Programs write to `root` of whatever the machine is called, and to names that are nowhere outside.
#[test]
fn names_that_are_nowhere_never_go_on_air() {
    let world = World::start(&[]);
    let station = world.station();
    station.set(&[TRUSTED, ("link.price", "0.07")]);
    let station = station.started();
    for to in ["root@nas", "root@nas.lan", "root@box.local", "root"] {
        let reply = mail(&station, "MAIL FROM:<root@nas>", &format!("RCPT TO:<{to}>"), "Subject: Cron\n\ndone");
        assert!(reply.starts_with("250"), "{to}: {reply}");
    }
    for message in station.messages() {
        assert_eq!((&message["way"], &message["to"]), (&"mailbox".into(), &"anna@boat.example".into()), "{message}");
    }
    let mut smtp = Smtp::connect(station.listener("smtp"));
    smtp.say("MAIL FROM:<root@nas>");
    for to in ["bob@nas.lan", "x@y.invalid", "x@[192.168.1.7]", "anna@nas"] {
        let reply = smtp.say(&format!("RCPT TO:<{to}>"));
        assert!(reply.starts_with("550 5.1.2 there is no "), "{to}: {reply}");
        let said = station.cli(&["send", "--dry-run", "--from", "anna", "--text", "hi", to], "");
        assert!(!said.status.success(), "{to}");
    }
    // An address of the open internet may be written as one.
    for to in ["bob@world.example", "bob@[192.0.2.1]", "bob@[IPv6:2001:db8::1]"] {
        assert!(smtp.say(&format!("RCPT TO:<{to}>")).starts_with("250"), "{to}");
    }
    assert!(world.on_air().is_empty());
    station.totals_balance();
}

/// RAID controllers, cameras and printers leave the brackets out: they may where the network is trusted.
#[test]
fn an_address_without_brackets_is_taken_from_a_trusted_network() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[TRUSTED], &["olga", "anna"]).started();
    for (from, to) in [
        ("MAIL FROM:cam@cam.local", "RCPT TO:anna@shore.example"),
        ("mail from: cam@cam.local SIZE=100", "rcpt to: anna@shore.example "),
        ("MAIL FROM:<cam@cam.local>", "RCPT TO:<anna@shore.example>"),
    ] {
        assert!(mail(&gateway, from, to, "Subject: Motion\n\nSomebody is there.").starts_with("250"), "{from}");
    }
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    for line in ["MAIL FROM:", "MAIL FROM: ", "MAIL FROM:cam@cam.local>", "MAIL FROM:<cam@cam.local"] {
        assert!(smtp.say(line).starts_with('5'), "{line}");
    }
    gateway.cli_ok(&["settings", "set", TRUSTED.0, ""], "");
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    assert!(smtp.say("MAIL FROM:cam@cam.local").starts_with("501"));
    gateway.totals_balance();
}
