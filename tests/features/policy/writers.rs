//! Who wrote a mail: answers go to `Reply-To`, else to `From`; the envelope is for notices only; and none of the three gives
//! anybody what the others do not prove.

use serde_json::Value;

use crate::support::shore::{Shore, wait_polls};
use crate::support::web::Client;
use crate::support::{SOON, Smtp, Station, wait_for};

const ANNA: &str = "anna@shore.example";
const STRICT: (&str, &str) = ("air.strangers", "hold");
const FRONT: [(&str, &str); 2] = [("smtp.auth_host", "mx.shore.example"), ("smtp.front", "127.0.0.0/8")];
/// What a forwarder, and a mailing service, write into the envelope.
const FORWARDED: &str = "SRS0=AbCd=EF=world.example=mum@fwd.example";
const BOUNCES: &str = "bounces+123456-ab12-anna=shore.example@em.world.example";

/// Hands a mail in; what became of it.
fn took(station: &Station, from: &str, to: &str, mail: &str) -> Value {
    let reply = Smtp::connect(station.listener("smtp")).mail(from, to, mail);
    assert!(reply.starts_with("250"), "{reply}");
    station.messages().pop().expect("a message")
}

/// A mail with this header.
fn letter(header: &str) -> String {
    format!("{header}\nSubject: Hi\n\nAre you well?\n")
}

/// What the mail server in front writes.
fn verdict(results: &str) -> String {
    format!("Authentication-Results: mx.shore.example; {results}")
}

#[test]
fn on_air_a_mail_is_from_its_writer_and_the_envelope_gets_the_notices() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846"]).started();
    let header = "From: =?utf-8?q?Mary_M=C3=BCller?= <mum@world.example>\nReply-To: mum.new@world.example";
    let message = took(&gateway, BOUNCES, ANNA, &letter(header));
    assert_eq!(message["from"], "mum.new@world.example");
    assert_eq!(message["from_name"], "Mary Müller");
    assert_eq!((&message["header_from"], &message["return_path"]), (&"mum@world.example".into(), &BOUNCES.into()));
    let packets = wait_for("the packet", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 1));
    let on_air = String::from_utf8_lossy(&packets[0]).into_owned();
    assert!(on_air.contains("mum.new@world.example") && !on_air.contains("bounces"), "{on_air}");
    let olga = Client::logged_in(&gateway, "olga");
    let page = olga.get(&format!("/messages/{}", message["id"].as_str().unwrap())).body;
    assert!(page.contains("Mary Müller &lt;mum.new@world.example&gt;") && page.contains(BOUNCES), "{page}");
    assert!(page.contains("mum@world.example, who wants answers elsewhere"), "{page}");

    // The notice goes to the envelope sender, and to nobody else.
    gateway
        .cli_ok(&["settings", "set", "air.strangers", "hold", "queue.lifetime", "10", "queue.delay_notice", "5"], "");
    gateway.set(&[("air.allow", "mum@world.example"), ("hive.user", "nobody")]);
    took(&gateway, BOUNCES, ANNA, &letter(header));
    let mails = shore.wait_mails(1);
    assert!(mails.iter().all(|mail| mail["to"] == serde_json::json!([BOUNCES])), "{mails:?}");
    gateway.totals_balance();
}

/// A mail that a forwarder sent on is its writer's, as far as the mail server in front vouches for `From`; the reason names
/// both.
#[test]
fn a_forwarded_mail_is_judged_by_from_and_its_proof() {
    let shore = Shore::start();
    let settings = [STRICT, ("air.allow", "mum@world.example"), FRONT[0], FRONT[1]];
    let gateway = shore.gateway(&settings, &["olga", "anna=6846"]).started();
    let from = "From: Mum <mum@world.example>";
    let with = |results: &str| letter(&format!("{}\n{from}", verdict(results)));
    let passed =
        took(&gateway, FORWARDED, ANNA, &with("spf=pass smtp.mailfrom=fwd.example; dkim=pass header.d=world.example"));
    assert_eq!((&passed["from"], &passed["way"]), (&"mum@world.example".into(), &"link".into()));
    assert_ne!(passed["state"], "held", "{passed}");
    for results in ["spf=pass smtp.mailfrom=fwd.example", "dmarc=fail header.from=world.example", "none"] {
        let held = took(&gateway, FORWARDED, ANNA, &with(results));
        assert_eq!(held["state"], "held", "{results}: {held}");
        let reason = held["reason"].as_str().unwrap().to_owned();
        assert!(reason.contains("mum@world.example") && reason.contains("SRS0=AbCd"), "{reason}");
        assert_eq!(held["code"], "held_by_rule.stranger");
    }
    wait_for("one packet", SOON, || Some(shore.to_device(6846)).filter(|all| all.len() == 1));
    gateway.totals_balance();
}

/// The first rule of each: what anybody can write gains nothing.
#[test]
fn a_forged_address_gains_nothing() {
    let shore = Shore::start();
    let settings =
        [STRICT, ("air.allow", "mum@world.example ben@shore.example"), ("link.price", "0.07"), FRONT[0], FRONT[1]];
    let gateway = shore.gateway(&settings, &["olga", "anna=6846", "ben"]).started();
    let eve =
        "spf=pass smtp.mailfrom=evil.example; dkim=pass header.d=evil.example; dmarc=pass header.from=evil.example";
    let shared = "dkim=pass header.d=world.example; dmarc=pass header.from=world.example";
    for (header, results, from) in [
        // Reply-To of somebody who may write; of another name at a domain that millions share.
        ("From: eve@evil.example\nReply-To: mum@world.example", eve, "mum@world.example"),
        ("From: eve@world.example\nReply-To: mum@world.example", shared, "mum@world.example"),
        // Two writers, in one field and in two: nobody knows which of them the verdict is about.
        ("From: mum@world.example, eve@world.example", shared, "mum@world.example"),
        ("From: mum@world.example\nFrom: eve@world.example", shared, "mum@world.example"),
        // A person of this box, the reader, a phone that the box would pay for, names that are nowhere.
        ("From: ben@shore.example", eve, "ben@shore.example"),
        ("From: eve@evil.example\nReply-To: ben@shore.example", eve, "eve@evil.example"),
        ("From: eve@evil.example\nReply-To: anna@shore.example", eve, "eve@evil.example"),
        ("From: eve@evil.example\nReply-To: +19005550123@sms.shore.example", eve, "eve@evil.example"),
        ("From: +19005550123@sms.shore.example", eve, "eve@evil.example"),
        ("From: eve@evil.example\nReply-To: no-answer@world.invalid", eve, "eve@evil.example"),
        ("From: eve@evil.example\nReply-To: undisclosed-recipients:;", eve, "eve@evil.example"),
        ("From: eve@evil.example\nReply-To:", eve, "eve@evil.example"),
        ("From: not an address", eve, "eve@evil.example"),
        ("From: \"mum@world.example\" <eve@evil.example>", eve, "eve@evil.example"),
    ] {
        let held = took(&gateway, "eve@evil.example", ANNA, &letter(&format!("{}\n{header}", verdict(results))));
        assert_eq!((&held["state"], &held["from"]), (&"held".into(), &from.into()), "{header}: {held}");
        assert_eq!(held["from_name"], Value::Null, "{header}");
        assert!(held["bill"]["spent"]["packets"] == 0, "{held}");
    }
    // Nobody of this box pays for what somebody else wrote in their name.
    let used = gateway.json(&["costs"]).to_string();
    assert!(!used.contains("\"ben\""), "{used}");
    wait_polls(&shore, 2);
    assert!(shore.to_device(6846).is_empty());
    gateway.totals_balance();
}

/// Blocked is refused, whichever of the addresses it is.
#[test]
fn each_address_can_be_blocked_and_the_writer_allowed() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[STRICT], &["olga", "anna=6846"]).started();
    let header = "From: Mum <mum@world.example>\nReply-To: list@lists.example, mum.new@world.example";
    for blocked in ["mum@world.example", "lists.example", "em.world.example"] {
        gateway.cli_ok(&["settings", "set", "air.block", blocked], "");
        let refused = took(&gateway, BOUNCES, ANNA, &letter(header));
        assert_eq!(refused["state"], "refused", "{blocked}: {refused}");
    }
    gateway.cli_ok(&["settings", "set", "air.block", ""], "");
    let held = took(&gateway, BOUNCES, ANNA, &letter(header));
    let said = gateway.cli_ok(&["queue", "release", "--allow-sender", held["id"].as_str().unwrap()], "");
    assert!(said.contains("and mum@world.example may write"), "{said}");
    let passed = took(&gateway, FORWARDED, ANNA, &letter("From: Mum <mum@world.example>"));
    assert_ne!(passed["state"], "held", "{passed}");
    // The list that sent it on is no person to answer.
    let post = "From: Mum <mum@world.example>\nReply-To: talk@lists.example\nList-Post: <mailto:talk@lists.example>";
    assert_eq!(took(&gateway, BOUNCES, ANNA, &letter(post))["from"], "mum@world.example");
    // Who answers to themselves, among others, is the one to answer.
    let among = "From: mum@world.example\nReply-To: talk@lists.example, mum@world.example";
    assert_eq!(took(&gateway, BOUNCES, ANNA, &letter(among))["from"], "mum@world.example");
    gateway.totals_balance();
}

/// Who is refused by rule can be told, once, where the mail server in front vouches for the address that is told; a machine
/// never is, and what was refused can still be released.
#[test]
fn who_is_refused_by_rule_is_told_once() {
    let shore = Shore::start();
    let settings = [("air.strangers", "refuse"), ("air.tell_refused", "yes"), FRONT[0], FRONT[1]];
    let gateway = shore.gateway(&settings, &["olga", "anna=6846"]).started();
    let proven = verdict("dkim=pass header.d=world.example; spf=pass smtp.mailfrom=world.example");
    let by = |header: &str| letter(&format!("{proven}\nFrom: Bob <bob@world.example>{header}"));
    // Unproven, and a machine: first, so that what they would cause would be there by now.
    took(&gateway, "bob@world.example", ANNA, &letter("From: Bob <bob@world.example>"));
    took(&gateway, "bob@world.example", ANNA, &by("\nAuto-Submitted: auto-replied"));
    took(&gateway, "victim@bank.example", ANNA, &by(""));
    for _ in 0..2 {
        took(&gateway, "bob@world.example", ANNA, &by(""));
    }
    let mails = shore.wait_mails(1);
    wait_polls(&shore, 2);
    assert_eq!(shore.mails().len(), 1);
    assert_eq!(mails[0]["to"], serde_json::json!(["bob@world.example"]));
    let text = mails[0]["data"].as_str().unwrap().replace("=\r\n", "").replace("\r\n", " ");
    assert!(text.contains("is not carried") && text.contains("every message costs money"), "{text}");
    assert!(!text.contains("rule") && !text.contains("list"), "{text}");
    let refused = gateway.messages().into_iter().find(|message| message["state"] == "refused").unwrap();
    let said = gateway.cli_ok(&["queue", "release", refused["id"].as_str().unwrap()], "");
    assert!(said.contains("is released"), "{said}");
    gateway.totals_balance();
}

/// A notice that a message waits goes only where the mail server in front vouches for the address that would get it.
#[test]
fn who_is_proven_by_from_has_no_notice_sent_to_somebody_else() {
    let shore = Shore::start();
    let settings = [STRICT, ("air.tell_held", "yes"), FRONT[0], FRONT[1]];
    let gateway = shore.gateway(&settings, &["olga", "anna=6846"]).started();
    let from = "From: eve@evil.example";
    let proven = verdict("dkim=pass header.d=evil.example");
    took(&gateway, "victim@bank.example", ANNA, &letter(&format!("{proven}\n{from}")));
    let both = verdict("dkim=pass header.d=evil.example; spf=pass smtp.mailfrom=bounce.example");
    took(&gateway, "b@bounce.example", ANNA, &letter(&format!("{both}\n{from}")));
    let mails = shore.wait_mails(1);
    wait_polls(&shore, 2);
    assert_eq!(shore.mails().len(), 1);
    assert_eq!(mails[0]["to"], serde_json::json!(["b@bounce.example"]));
    gateway.totals_balance();
}
