//! People come, go, move to other devices and are disabled while the box runs; settings change under way.

use std::net::TcpStream;

use crate::support::shore::{Shore, classic, from_outside, message};
use crate::support::web::Client;
use crate::support::{PASSWORD, SOON, Smtp, Station, wait_for};
use serde_json::Value;

/// Case X17: somebody who is disabled gets nothing and sends nothing, by mail, from the air or on an open session.
#[test]
fn a_disabled_person_neither_gets_nor_sends() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "ben", "anna=6846"]).started();
    let mut open = Smtp::connect(gateway.listener("smtp"));
    open.login("ben");
    gateway.cli_ok(&["people", "disable", "anna"], "");
    gateway.cli_ok(&["people", "disable", "ben"], "");

    assert!(from_outside(&gateway, "anna@shore.example", &message("", "x")).starts_with("550"));
    assert!(
        open.mail("ben@shore.example", "bob@world.example", &message("", "x"))
            .starts_with("550 5.7.1 ben may not send")
    );
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    assert!(smtp.say("AUTH PLAIN AGJlbgBhLWxvbmctZW5vdWdoLW9uZQ==").starts_with("535"));
    let packet = shore.uplink("6846", &classic(true, "bob@world.example", "from the field"), None);
    shore.wait_acknowledged(packet);
    let refused = gateway.wait_state(SOON, "bob@world.example", "refused");
    assert!(refused["reason"].as_str().unwrap().contains("anna may not send"), "{refused}");
    assert!(shore.mails().is_empty() && shore.to_device(6846).is_empty());

    gateway.cli_ok(&["people", "enable", "anna"], "");
    gateway.cli_ok(&["people", "enable", "ben"], "");
    assert!(from_outside(&gateway, "anna@shore.example", &message("", "x")).starts_with("250"));
    assert!(smtp.say("AUTH PLAIN AGJlbgBhLWxvbmctZW5vdWdoLW9uZQ==").starts_with("235"));
    wait_for("the packet", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 1));
    gateway.totals_balance();
}

/// A message that waits when its reader is disabled goes back to its writer; nothing is sent for nobody.
#[test]
fn what_waits_for_a_disabled_person_goes_back() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846"]).started();
    shore.leaves(&gateway);
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    smtp.login("olga");
    assert!(smtp.mail("olga@shore.example", "anna@shore.example", &message("", "x")).starts_with("250"));
    gateway.cli_ok(&["people", "disable", "anna"], "");
    shore.hive_says("down off");
    let returned = gateway.wait_state(2 * SOON, "anna@shore.example", "returned");
    assert!(returned["reason"].as_str().unwrap().contains("takes no mail"), "{returned}");
    assert!(
        gateway
            .messages()
            .iter()
            .any(|message| message["about"] == returned["id"] && message["to"] == "olga@shore.example")
    );
    assert!(shore.to_device(6846).is_empty());
    gateway.totals_balance();
}

/// A device that moves to another person takes along what comes from then on; what waits stays with the one whom it was
/// written to.
#[test]
fn a_device_moves_to_another_person() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846", "ben"]).started();
    shore.leaves(&gateway);
    assert!(
        from_outside(&gateway, "anna@shore.example", &message("", "for anna, who reads here now")).starts_with("250")
    );
    assert!(!gateway.cli(&["people", "device", "ben", "0x001abe"], "").status.success());
    gateway.cli_ok(&["people", "device", "anna", "none"], "");
    gateway.cli_ok(&["people", "device", "ben", "0x001abe"], "");
    assert!(from_outside(&gateway, "ben@shore.example", &message("", "for ben")).starts_with("250"));
    shore.hive_says("down off");
    let packets = wait_for("the packet", 2 * SOON, || Some(shore.to_device(6846)).filter(|all| !all.is_empty()));
    assert_eq!(packets, [classic(false, "bob@world.example", "for ben")]);
    let kept = gateway.wait_state(SOON, "anna@shore.example", "delivered");
    let why = "in the mailbox of anna here: the device that it waited for is not theirs any more";
    assert_eq!(kept["reason"], why);
    shore.uplink("6846", &classic(true, "bob@world.example", "by ben"), None);
    assert_eq!(shore.wait_mails(1)[0]["from"], "ben@shore.example");
    assert_eq!(shore.to_device(6846).len(), 1);
}

/// What the link has for a device already goes to that device, whoever has it now, and its page says so at once; it is
/// nobody's business but of those whose it was. What had not left yet stays with its reader.
#[test]
fn a_device_moves_while_the_link_has_a_packet_for_it() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846", "ben"]).started();
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    smtp.login("olga");
    let write = |smtp: &mut Smtp, text: &str| {
        assert!(smtp.mail("olga@shore.example", "anna@shore.example", &message("", text)).starts_with("250"));
    };
    write(&mut smtp, "on the link");
    wait_for("the packet", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 1));
    let there = gateway.wait_state(SOON, "anna@shore.example", "on the link");
    shore.leaves(&gateway);
    write(&mut smtp, "not yet");
    gateway.cli_ok(&["people", "device", "anna", "none"], "");
    gateway.cli_ok(&["people", "device", "ben", "0x001abe"], "");
    shore.hive_says("down off");
    let id = there["id"].as_str().unwrap();
    wait_for("its page to say where it goes", SOON, || {
        let shown = gateway.json(&["queue", "show", id]);
        shown["reason"].as_str()?.contains("its reader is not at that far box any more").then_some(())
    });
    let kept = gateway.wait_state(SOON, "anna@shore.example", "delivered");
    assert_eq!(kept["body"], "not yet", "{kept}");
    assert_eq!(kept["code"], "arrived.without_device", "{kept}");
    let ben = Client::logged_in(&gateway, "ben");
    for page in ["/messages", &format!("/messages/{id}"), "/mailbox"] {
        assert!(!ben.get(page).body.contains("on the link\n") && !ben.get(page).body.contains("not yet"), "{page}");
    }
    let number = shore.packets()[0]["packetId"].to_string();
    shore.hive_says(&format!("status {number} 3"));
    let sent = gateway.wait_state(SOON, "anna@shore.example", "sent");
    assert_eq!(sent["id"], id);
    assert_eq!(shore.to_device(6846).len(), 1, "nothing goes to ben's device but that");
    gateway.totals_balance();
}

/// What the rules of the link, its price or a budget hold is held no more where its reader has no link any more.
#[test]
fn what_is_held_follows_its_reader() {
    let shore = Shore::start();
    let settings = [("air.strangers", "hold"), ("air.max_parts", "1"), ("link.price", "0.07"), ("budget.packets", "1")];
    let gateway =
        shore.gateway(&[&settings[..], &[("budget.reserve", "0")]].concat(), &["olga", "anna=6846"]).started();
    shore.leaves(&gateway);
    assert!(from_outside(&gateway, "anna@shore.example", &message("", "of a stranger")).starts_with("250"));
    let send = |words: &[&str]| gateway.cli_ok(&[&["send", "--from", "olga", "anna"], words].concat(), "");
    send(&["--text", "uses the budget", "--at-most", "0.10"]);
    send(&["--text", "over the budget"]);
    send(&["--text", &"too long ".repeat(60)]);
    gateway.set(&[("link.price", "5")]);
    let states = |state: &str| gateway.messages().iter().filter(|message| message["state"] == state).count();
    // That gives its packet back to the budget: what waited for that may be in its queue by now.
    let dear = || gateway.messages().into_iter().find(|message| message["code"] == "over_price");
    wait_for("the price to hold the first", SOON, dear);
    let owner_s = gateway.messages().into_iter().find(|m| m["body"] == "over the budget").unwrap();
    gateway.cli_ok(&["people", "edit", "anna", "--home", "here"], "");
    wait_for("all in the mailbox", SOON, || (states("delivered") == 4).then_some(()));
    let shown = gateway.json(&["queue", "show", owner_s["id"].as_str().unwrap()]);
    assert_eq!(shown["code"], "arrived.without_device", "{shown}");
    let costs = gateway.json(&["costs"]);
    let box_s = costs["accounts"].as_array().unwrap().iter().find(|row| row["account"] == "(box)");
    assert!(box_s.is_none_or(|row| row["reserved"]["packets"] == 0), "{costs}");
    gateway.totals_balance();
}

/// Somebody without a device may have their mail forwarded; what machines write is not.
#[test]
fn mail_is_forwarded_once() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga"]).started();
    gateway.cli_ok(&["people", "edit", "olga", "--forward", "olga@home.example"], "");
    assert!(from_outside(&gateway, "olga@shore.example", &message("Hello", "x")).starts_with("250"));
    let mails = shore.wait_mails(1);
    assert_eq!(mails[0]["to"][0], "olga@home.example");
    assert!(
        from_outside(&gateway, "olga@shore.example", &format!("List-Id: <x.y>\n{}", message("News", "x")))
            .starts_with("250")
    );
    gateway.wait_state(SOON, "olga@home.example", "delivered");
    assert_eq!(gateway.messages().len(), 3);
    assert_eq!(shore.mails().len(), 1);
}

/// Settings take effect while the box runs: listeners move, a taken port is said, the mail domain changes.
#[test]
fn settings_take_effect_without_a_restart() {
    let shore = Shore::start();
    let mut gateway = shore.gateway(&[], &["olga"]).started();
    let before = gateway.listener("smtp");
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().to_string();
    gateway.cli_ok(&["settings", "set", "smtp.listen", &taken], "");
    wait_for("the box to say that the port is taken", SOON, || {
        gateway.status().filter(|status| status["smtp"]["ok"] == false)
    });
    assert!(TcpStream::connect(before).is_err());
    drop(other);
    gateway.cli_ok(&["settings", "set", "smtp.listen", "127.0.0.1:0 127.0.0.2:0"], "");
    let moved = wait_for("both addresses", SOON, || {
        let listen = gateway.status()?["listen"]["smtp"].as_array()?.clone();
        Some(listen).filter(|listen| listen.len() == 2)
    });
    for address in moved {
        assert!(Smtp::connect(address.as_str().unwrap().parse().unwrap()).say("NOOP").starts_with("250"));
    }
    gateway.cli_ok(&["settings", "set", "box.domain", "beach.example"], "");
    assert!(from_outside(&gateway, "olga@beach.example", &message("", "x")).starts_with("250"));
    assert!(from_outside(&gateway, "olga@shore.example", &message("", "x")).starts_with("550 5.7.1 not relaying"));
    gateway.cli_ok(&["settings", "set", "smtp.max_size", "10000"], "");
    assert!(
        from_outside(&gateway, "olga@beach.example", &"x".repeat(700).replace('x', "xxxxxxxxxxxxxx\n"))
            .starts_with("552")
    );
    assert_eq!(gateway.stop(), 0);
}

/// Passwords change at once, and no log-in is left when one is taken away.
#[test]
fn passwords_change_at_once() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "ben"]).started();
    let login = || Smtp::connect(gateway.listener("smtp")).say("AUTH PLAIN AGJlbgBhLWxvbmctZW5vdWdoLW9uZQ==");
    assert!(login().starts_with("235"));
    gateway.cli_ok(&["people", "passwd", "ben"], "another-long-one");
    assert!(login().starts_with("535"));
    gateway.cli_ok(&["people", "passwd", "ben"], PASSWORD);
    assert!(login().starts_with("235"));
    gateway.cli_ok(&["people", "passwd", "ben", "--none"], "");
    assert!(login().starts_with("535"));
    gateway.cli_ok(&["people", "remove", "ben"], "");
    assert!(
        from_outside(&gateway, "ben@shore.example", &message("", "x"))
            .starts_with("550 5.1.1 there is no person ben here")
    );
}

/// Whoever uses another name of a person reaches them; a name belongs to one person, a device and its name go together.
#[test]
fn other_names_reach_the_same_person() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["anna", "ben=6846"]).started();
    gateway.cli_ok(&["people", "edit", "anna", "--aliases", "Skipper, anna.smith"], "");
    for to in ["skipper@shore.example", "Anna.Smith+boat@shore.example"] {
        assert!(from_outside(&gateway, to, &message("To an alias", "hello")).starts_with("250"), "{to}");
    }
    gateway.cli_ok(&["send", "--from", "ben", "--text", "from ben", "skipper"], "");
    wait_for("three messages in her mailbox", SOON, || {
        let hers = |m: &&Value| m["to"] == "anna@shore.example" && m["state"] == "delivered";
        (gateway.messages().iter().filter(hers).count() == 3).then_some(())
    });
    for args in [&["people", "add", "skipper"][..], &["people", "edit", "ben", "--aliases", "anna"]] {
        let refused = gateway.cli(args, "");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("belongs to anna"), "{args:?} {refused:?}");
    }
    let ben = |gateway: &Station| gateway.json(&["people", "list"])[1].clone();
    gateway.cli_ok(&["people", "edit", "ben", "--device-name", "the one in the dinghy"], "");
    assert_eq!(ben(&gateway)["device_name"], "the one in the dinghy");
    gateway.cli_ok(&["people", "device", "ben", "none"], "");
    assert_eq!(ben(&gateway)["device_name"], "");
    gateway.totals_balance();
}

/// A name that is given to somebody else shows them nothing of the one who had it, nor do they get what still waits.
#[test]
fn a_name_that_somebody_else_has_now_brings_no_old_mail() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "carl", "anna=6846"]).started();
    shore.leaves(&gateway);
    let mail = |to: &str, subject: &str| from_outside(&gateway, to, &message(subject, "private words"));
    assert!(mail("carl@shore.example", "For the first").starts_with("250"));
    assert!(mail("anna@shore.example", "Still waiting").starts_with("250"));
    gateway.cli_ok(&["send", "--from", "carl", "--subject", "By the first", "--text", "x", "bob@world.example"], "");
    shore.wait_mails(1);
    for name in ["carl", "anna"] {
        gateway.cli_ok(&["people", "remove", name], "");
        gateway.said_with(&["people", "add", name], PASSWORD).ok();
    }
    let mut seen = String::new();
    for name in ["carl", "anna"] {
        let client = Client::logged_in(&gateway, name);
        for page in ["/", "/mailbox", "/messages", "/messages/m1", "/messages/m2", "/messages/m3", "/mailbox/m1"] {
            seen += &client.get(page).body;
        }
        seen += &gateway.cli_ok(&["queue", "list", "--person", name, "--all"], "");
        let file = shore.folder.path(&format!("{name}.tar"));
        gateway.cli_ok(&["people", "export", name, file.to_str().unwrap()], "");
        seen += &String::from_utf8_lossy(&std::fs::read(file).unwrap());
    }
    shore.hive_says("down off");
    let returned = gateway.wait_state(4 * SOON, "anna@shore.example", "returned");
    assert_eq!(returned["code"], "no_route.no_person", "{returned}");
    let client = Client::logged_in(&gateway, "anna");
    seen += &client.get("/mailbox").body;
    for words in ["For the first", "Still waiting", "By the first", "private words"] {
        assert!(!seen.contains(words), "'{words}' is shown to the new person");
    }
    // The owner still finds it.
    assert!(gateway.cli_ok(&["queue", "list", "--all"], "").contains("For the first"));
    // What comes from now on is theirs.
    assert!(mail("carl@shore.example", "For the second").starts_with("250"));
    assert!(Client::logged_in(&gateway, "carl").get("/mailbox").body.contains("For the second"));
    gateway.totals_balance();
}
