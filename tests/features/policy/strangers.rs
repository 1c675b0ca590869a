//! Who may write over the air: what strangers send costs nothing until somebody says so, and each message says why.

use crate::support::shore::{Shore, classic, from_outside, message, wait_polls};
use crate::support::{SOON, Smtp, wait_for};

const ANNA: &str = "anna@shore.example";
const STRICT: (&str, &str) = ("air.strangers", "hold");

/// A mail with headers that a mail server in front wrote.
fn signed(results: &str, text: &str) -> String {
    format!("Authentication-Results: {results}\nFrom: Bob <bob@world.example>\nSubject: s\n\n{text}\n")
}

#[test]
fn a_stranger_waits_for_one_tap_and_who_was_written_to_does_not() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[STRICT], &["olga", "anna=6846"]).started();
    assert!(from_outside(&gateway, ANNA, &message("Hello", "do you know me?")).starts_with("250"));
    let held = gateway.wait_state(SOON, ANNA, "held");
    assert!(held["reason"].as_str().unwrap().contains("stranger"), "{held}");
    wait_polls(&shore, 2);
    assert!(shore.to_device(6846).is_empty());
    gateway.cli_ok(&["queue", "release", held["id"].as_str().unwrap()], "");
    wait_for("the released message", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 1));

    assert!(from_outside(&gateway, ANNA, &message("Hello", "again")).starts_with("250"));
    let held = gateway.wait_state(SOON, ANNA, "held");
    let said = gateway.cli_ok(&["queue", "release", "--allow-sender", held["id"].as_str().unwrap()], "");
    assert!(said.contains("bob@world.example may write"), "{said}");
    assert!(from_outside(&gateway, ANNA, &message("Hello", "and again")).starts_with("250"));
    wait_for("both messages", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 3));
    gateway.cli_ok(&["people", "edit", "anna", "--allow", ""], "");
    let tried = gateway.cli_ok(&["settings", "try", "air.strangers", "refuse"], "");
    assert!(tried.contains("Of 3 messages from outside") && tried.contains("refused 3"), "{tried}");

    let packet = shore.uplink("6846", &classic(true, "bob@world.example", "please write back"), None);
    shore.wait_acknowledged(packet);
    shore.wait_mails(1);
    assert!(from_outside(&gateway, ANNA, &message("Re: Hello", "I do")).starts_with("250"));
    wait_for("the answer", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 4));
    gateway.totals_balance();
}

/// Writing to somebody is a word about them: what is held of theirs goes, as after a change of a list, and nobody else's.
#[test]
fn what_is_held_of_somebody_goes_once_they_are_written_to() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[STRICT], &["olga", "anna=6846"]).started();
    assert!(from_outside(&gateway, ANNA, &message("Hello", "do you know me?")).starts_with("250"));
    let other = Smtp::connect(gateway.listener("smtp")).mail("eve@world.example", ANNA, &message("Hello", "and me?"));
    assert!(other.starts_with("250"), "{other}");
    assert_eq!(gateway.messages().iter().filter(|message| message["state"] == "held").count(), 2);
    let packet = shore.uplink("6846", &classic(true, "bob@world.example", "are you there?"), None);
    shore.wait_acknowledged(packet);
    wait_for("that of bob", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 1));
    wait_polls(&shore, 2);
    let left: Vec<_> = gateway.messages().into_iter().filter(|message| message["state"] == "held").collect();
    assert_eq!((left.len(), shore.to_device(6846).len(), &left[0]["from"]), (1, 1, &"eve@world.example".into()));
    gateway.totals_balance();
}

#[test]
fn lists_of_a_person_and_of_the_box_decide_and_say_so() {
    let shore = Shore::start();
    let settings = [STRICT, ("air.block", "world.example"), ("air.key_word", "albatross")];
    let gateway = shore.gateway(&settings, &["olga", "anna=6846", "ben=7"]).started();
    assert!(from_outside(&gateway, ANNA, &message("x", "blocked")).starts_with("250"));
    let refused = gateway.wait_state(SOON, ANNA, "refused");
    assert_eq!(refused["reason"], "the sender is on the box's block list");

    gateway.cli_ok(&["people", "edit", "anna", "--allow", "bob@WORLD.example"], "");
    assert!(from_outside(&gateway, ANNA, &message("x", "allowed")).starts_with("250"));
    wait_for("her own list to come first", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 1));

    gateway.cli_ok(&["settings", "set", "air.block", ""], "");
    assert!(from_outside(&gateway, "ben@shore.example", &message("The ALBATROSS", "let me in")).starts_with("250"));
    wait_for("the key word", SOON, || Some(shore.to_device(7)).filter(|all| all.len() == 1));
    gateway.cli_ok(&["people", "edit", "ben", "--strangers", "refuse"], "");
    assert!(from_outside(&gateway, "ben@shore.example", &message("x", "no")).starts_with("250"));
    let refused = gateway.wait_state(SOON, "ben@shore.example", "refused");
    assert!(refused["reason"].as_str().unwrap().contains("strangers are refused"), "{refused}");

    let wrong = gateway.cli(&["people", "edit", "ben", "--allow", "mum@"], "");
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("no entry of the list"));
    gateway.totals_balance();
}

/// Only the server in front is believed; whoever it does not vouch for is a stranger even with a friend's address.
#[test]
fn a_forged_friend_is_a_stranger() {
    let shore = Shore::start();
    let settings = [STRICT, ("air.allow", "bob@world.example"), ("smtp.auth_host", "mx.shore.example")];
    let gateway = shore.gateway(&settings, &["olga", "anna=6846"]).started();
    let forged = signed("mx.shore.example; spf=fail smtp.mailfrom=world.example", "send money");
    assert!(from_outside(&gateway, ANNA, &forged).starts_with("250"));
    let held = gateway.wait_state(SOON, ANNA, "held");
    assert!(held["reason"].as_str().unwrap().contains("SPF and DKIM failed"), "{held}");
    let proven = signed("mx.shore.example; spf=pass smtp.mailfrom=world.example", "really me");
    assert!(from_outside(&gateway, ANNA, &proven).starts_with("250"));
    wait_for("the proven friend", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 1));
    // Around the server in front: no verdict of it, whatever others say, and whatever list or answer would let them in.
    gateway.cli_ok(&["queue", "cancel", held["id"].as_str().unwrap()], "");
    let packet = shore.uplink("6846", &classic(true, "bob@world.example", "please write back"), None);
    shore.wait_acknowledged(packet);
    for mail in [
        signed("evil.example; spf=pass smtp.mailfrom=world.example", "trust me"),
        message("Re: please", "straight to port 25"),
    ] {
        assert!(from_outside(&gateway, ANNA, &mail).starts_with("250"));
        let held = gateway.wait_state(SOON, ANNA, "held");
        assert!(held["reason"].as_str().unwrap().contains("did not say that it is them"), "{held}");
        gateway.cli_ok(&["queue", "cancel", held["id"].as_str().unwrap()], "");
    }
    gateway.set(&[("air.strangers", "allow")]);
    let reply = Smtp::connect(gateway.listener("smtp")).mail("eve@else.example", ANNA, &message("x", "let me in"));
    assert!(reply.starts_with("250"), "{reply}");
    gateway.wait_state(SOON, ANNA, "held");
    wait_polls(&shore, 2);
    assert_eq!(shore.to_device(6846).len(), 1);
    gateway.totals_balance();
}

/// Once the networks of the server in front are named, its verdicts count from there only, and mail is taken from there
/// only where that is wanted; a log-in is taken from anywhere.
#[test]
fn verdicts_and_mail_come_from_the_front_only() {
    let shore = Shore::start();
    let settings =
        [STRICT, ("air.allow", "world.example"), ("smtp.auth_host", "mx.shore.example"), ("smtp.front", "192.0.2.1")];
    let gateway = shore.gateway(&settings, &["olga", "anna=6846"]).started();
    let proven = signed("mx.shore.example; spf=pass smtp.mailfrom=world.example", "written by myself");
    assert!(from_outside(&gateway, ANNA, &proven).starts_with("250"));
    gateway.wait_state(SOON, ANNA, "held");
    gateway.set(&[("smtp.front_only", "yes")]);
    let reply = from_outside(&gateway, ANNA, &proven);
    assert!(reply.starts_with("550 5.7.1 mail for this box goes to the mail server in front"), "{reply}");
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    smtp.login("olga");
    assert!(smtp.mail("olga@shore.example", ANNA, &message("x", "from olga")).starts_with("250"));
    wait_for("olga's message", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 1));
    // The front is no trusted client: what it passes on under an address of this box comes from anybody.
    gateway.set(&[("smtp.front", "192.0.2.1 127.0.0.1"), ("smtp.trusted", "127.0.0.0/8")]);
    assert!(from_outside(&gateway, ANNA, &proven).starts_with("250"));
    wait_for("the friend", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 2));
    let reply =
        Smtp::connect(gateway.listener("smtp")).mail("olga@shore.example", "bob@world.example", &message("x", "y"));
    assert!(reply.starts_with("550 5.7.1"), "{reply}");
    gateway.totals_balance();
}

/// What is taken as an entry of a list, or as a key word, means what a person would expect.
#[test]
fn entries_of_lists_match_what_they_say() {
    let shore = Shore::start();
    let settings = [
        ("air.strangers", "allow"),
        ("air.block", "*@spam.example bücher.example bob@world.example"),
        ("air.key_word", "a"),
    ];
    let gateway = shore.gateway(&settings, &["olga", "anna=6846"]).started();
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    for from in ["x@spam.example", "x@xn--bcher-kva.example", "x@shop.xn--bcher-kva.example", "BOB+news@World.example"]
    {
        assert!(smtp.mail(from, ANNA, &message("x", from)).starts_with("250"), "{from}");
    }
    let refused = gateway.messages();
    assert!(refused.iter().all(|message| message["reason"] == "the sender is on the box's block list"), "{refused:?}");
    let wrong = gateway.said(&["settings", "set", "air.block", "no*reply@world.example"]).fails(2);
    assert!(wrong.contains("a star stands for everybody"), "{wrong}");

    gateway.set(&[("air.strangers", "hold"), ("air.block", "")]);
    assert!(smtp.mail("eve@world.example", ANNA, &message("Banana", "no")).starts_with("250"));
    gateway.wait_state(SOON, ANNA, "held");
    assert!(smtp.mail("eve@world.example", ANNA, &message("Plan A", "yes")).starts_with("250"));
    wait_for("the key word", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 1));
    // Somebody who was written to under a tag answers without it, and the other way round.
    let packet = shore.uplink("6846", &classic(true, "Carl+boat@world.example", "write back"), None);
    shore.wait_acknowledged(packet);
    assert!(smtp.mail("carl@world.example", ANNA, &message("Re: write", "here")).starts_with("250"));
    assert!(smtp.mail("CARL+home@world.example", ANNA, &message("Re: write", "again")).starts_with("250"));
    wait_for("the answers", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 3));
    gateway.totals_balance();
}

/// A thousand mails of strangers and machines cost not one packet, and nobody hears back whose address may be forged.
#[test]
fn a_thousand_mails_cost_nothing() {
    let shore = Shore::start();
    let settings = [STRICT, ("queue.delay_notice", "5"), ("air.tell_held", "yes")];
    let gateway = shore.gateway(&settings, &["olga", "anna=6846"]).started();
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    let kinds = [
        ("", "held"),
        ("Auto-Submitted: auto-replied\n", "refused"),
        ("List-Id: <talk.world.example>\n", "refused"),
        ("Content-Type: multipart/report; report-type=delivery-status\n", "refused"),
    ];
    for number in 0..1000_usize {
        let (header, _) = kinds[number % 4];
        let mail = format!("{header}From: x{number}@world.example\nSubject: Number {number}\n\nbuy now\n");
        let from = if number % 4 == 3 { String::new() } else { format!("x{number}@world.example") };
        assert!(smtp.mail(&from, ANNA, &mail).starts_with("250"), "{number}");
    }
    let hops = "Received: from a by b; Mon, 1 Jan 2024 00:00:00 +0000\n".repeat(120);
    assert!(smtp.mail("bob@world.example", ANNA, &format!("{hops}Subject: loop\n\nx\n")).starts_with("554"));
    wait_polls(&shore, 7);
    assert!(shore.to_device(6846).is_empty() && shore.mails().is_empty());
    let messages = gateway.messages();
    for state in ["held", "refused"] {
        let of_state: Vec<_> = messages.iter().filter(|message| message["state"] == state).collect();
        assert_eq!(of_state.len(), 250 * kinds.iter().filter(|kind| kind.1 == state).count(), "{state}");
        assert!(of_state.iter().all(|message| !message["reason"].as_str().unwrap().is_empty()));
    }
    gateway.totals_balance();
}

/// At once, not after four hours; once, however many readers they write to and under whatever tag; in words that say
/// nothing of rules and settings.
#[test]
fn a_proven_stranger_is_told_once_that_their_messages_wait() {
    let shore = Shore::start();
    let settings = [STRICT, ("air.tell_held", "yes"), ("smtp.auth_host", "mx.shore.example")];
    let gateway = shore.gateway(&settings, &["olga", "anna=6846", "ben=7"]).started();
    let proven = signed("mx.shore.example; dkim=pass header.d=world.example", "first");
    let unverified = message("x", "from anybody");
    for mail in [&proven, &proven, &unverified] {
        assert!(from_outside(&gateway, ANNA, mail).starts_with("250"));
    }
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    for from in ["bob@world.example", "Bob+list@world.example"] {
        assert!(smtp.mail(from, "ben@shore.example", &proven).starts_with("250"));
    }
    // Whoever wrote last is told last: when they have heard, the others would have, too.
    let carl = proven.replace("Bob <bob@", "Carl <carl@");
    assert!(smtp.mail("carl@world.example", ANNA, &carl).starts_with("250"));
    let mails = shore.wait_mails(2);
    let text = mails[0]["data"].as_str().unwrap().replace("=\r\n", "").replace("\r\n", " ");
    assert!(text.contains("every message costs money") && text.contains("waits for a decision"), "{text}");
    for word in ["stranger", "release", "allow", "rule", "owner"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
    assert_eq!(shore.mails().len(), 2, "bob hears once, and nobody for the one that is not verified");
    gateway.totals_balance();
}

/// The rules of the box and the lists of a person are tried on the past, and nothing is said of what cannot be tried so.
#[test]
fn what_is_tried_is_what_was_asked() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[STRICT], &["olga", "anna=6846", "ben=7"]).started();
    for to in [ANNA, ANNA, "ben@shore.example"] {
        assert!(from_outside(&gateway, to, &message("x", "y")).starts_with("250"));
    }
    let tried =
        gateway.cli_ok(&["settings", "try", "air.machines", "news.example", "air.block", "*@world.example"], "");
    assert!(tried.contains("Of 3 messages from outside") && tried.contains("refused 3"), "{tried}");
    for other in ["smtp.front", "smtp.auth_host", "air.tell_held", "budget.packets"] {
        let said = gateway.said(&["settings", "try", other, ""]).fails(2);
        assert!(said.contains(&format!("{other} cannot be tried")) && said.contains("air.allow"), "{said}");
    }
    let tried = gateway.cli_ok(&["people", "try", "anna", "--allow", "bob@world.example"], "");
    assert!(tried.contains("Of 2 messages from outside") && tried.contains("let 2 on air"), "{tried}");
    let wrong = gateway.said(&["people", "try", "anna", "--allow", "bob@"]).fails(2);
    assert!(wrong.contains("no entry of the list"), "{wrong}");
    let people = gateway.json(&["people", "list"]);
    assert!(people.as_array().unwrap().iter().all(|person| person["allow"] == ""), "nothing is changed: {people}");

    let said = gateway.cli_ok(&["queue", "release", "--sender", "BOB+x@world.example"], "");
    assert_eq!(said.matches("is released").count(), 3, "{said}");
    wait_for("all of them", SOON, || Some(shore.packets()).filter(|all| all.len() == 3));
    gateway.said(&["queue", "release", "--sender", "bob@world.example"]).fails(3);
    gateway.totals_balance();
}
