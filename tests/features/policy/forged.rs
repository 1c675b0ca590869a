//! What somebody tries who wants to pass for another one: in the words of the server in front, in the address, in the header.

use crate::support::shore::{Shore, wait_polls};
use crate::support::{SOON, Smtp, wait_for};

const ANNA: &str = "anna@shore.example";
const FRIEND: &str = "From: Bob <bob@world.example>\n";

/// What the front writes on top, with more headers; whether it proves that bob wrote it.
const CASES: [(&str, &str, bool); 33] = [
    ("spf=pass smtp.mailfrom=bob@world.example", FRIEND, true),
    ("dkim/1 = pass (2048-bit) header.d = world.example", FRIEND, true),
    ("spf=fail reason=\"a; b\"; dmarc=pass header.from=World.Example", FRIEND, true),
    ("spf=pass smtp.mailfrom=\"bob\"@world.example", FRIEND, true),
    // A service signs with a name below bob's: the front, which knows what is anybody's, says whether that is bob.
    ("dkim=pass header.d=mail.world.example; dmarc=pass header.from=world.example", FRIEND, true),
    ("dkim=pass header.d=mail.world.example; dmarc=none header.from=world.example", FRIEND, false),
    ("spf=pass smtp.mailfrom=bounce.world.example", FRIEND, false),
    // The domain wants it strict.
    ("dkim=pass header.d=world.example; dmarc=fail header.from=world.example", FRIEND, false),
    // The local part of a sender's address is theirs to choose.
    ("spf=pass smtp.mailfrom=\"x; dmarc=pass header.from=world.example \"@evil.example", FRIEND, false),
    ("spf=pass smtp.mailfrom=\"x smtp.mailfrom=world.example \"@evil.example", FRIEND, false),
    ("spf=pass smtp.mailfrom=\"bob@world.example\"@evil.example", FRIEND, false),
    ("spf=pass smtp.mailfrom=\"\\\"; dkim=pass header.d=world.example\"@evil.example", FRIEND, false),
    ("spf=fail reason=\"; spf=pass smtp.mailfrom=world.example\"", FRIEND, false),
    ("spf=fail (spf=pass smtp.mailfrom=world.example)", FRIEND, false),
    ("spf=fail (a \\) ; spf=pass smtp.mailfrom=world.example)", FRIEND, false),
    ("spf=fail (a) b) ; spf=pass smtp.mailfrom=world.example", FRIEND, false),
    ("spf=fail smtp.mailfrom=\"a; spf=pass smtp.mailfrom=world.example", FRIEND, false),
    ("spf=pass smtp.helo=world.example", FRIEND, false),
    ("dkim=pass header.d=evil.example", FRIEND, false),
    ("dkim=pass header.d=example", FRIEND, false),
    ("dkim=pass header.d=ld.example", FRIEND, false),
    ("xspf=pass smtp.mailfrom=world.example", FRIEND, false),
    ("spf=passed smtp.mailfrom=world.example", FRIEND, false),
    ("none\nAuthentication-Results: mx.shore.example; spf=pass smtp.mailfrom=world.example", FRIEND, false),
    // Their own domain is proven, and they call themselves another one.
    ("dkim=pass header.d=evil.example", "From: eve@evil.example\nFrom: bob@world.example\n", false),
    ("dkim=pass header.d=evil.example", "From: bob@world.example, eve@evil.example\n", false),
    ("dkim=pass header.d=evil.example", "From: eve@evil.example, bob@world.example\n", false),
    ("dkim=pass header.d=evil.example", "From: \"bob@world.example\" <eve@evil.example>\n", false),
    ("dkim=pass header.d=evil.example", "From: =?utf-8?q?bob=40world.example?= <eve@evil.example>\n", false),
    ("dkim=pass header.d=evil.example", "From: \"bob@world.example\"@evil.example\n", false),
    ("dkim=pass header.d=evil.example", "From: bob\u{202e}@world.example\n", false),
    ("dkim=pass header.d=evil.example", "From: bob@wor\u{200b}ld.example\n", false),
    ("dkim=pass header.d=evil.example", "From: eve@evil.example\nReply-To: bob@world.example\n", false),
];

/// Only what the front says of bob's own domain lets bob in; nobody gets in by what they can choose themselves.
#[test]
fn only_the_front_s_own_words_prove_a_friend() {
    let shore = Shore::start();
    let settings =
        [("air.strangers", "hold"), ("air.allow", "bob@world.example"), ("smtp.auth_host", "mx.shore.example")];
    let gateway = shore.gateway(&settings, &["olga", "anna=6846"]).started();
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    for (number, (results, from, _)) in CASES.iter().enumerate() {
        let mail = format!("Authentication-Results: mx.shore.example; {results}\n{from}Subject: {number}\n\nx\n");
        assert!(smtp.mail("eve@evil.example", ANNA, &mail).starts_with("250"), "{results}");
    }
    for (host, number) in
        [("mx.shore.example.evil", 100), ("\"mx.shore.example\"", 101), ("(mx.shore.example;) x", 102)]
    {
        let mail = format!(
            "Authentication-Results: {host}; spf=pass smtp.mailfrom=world.example\n{FRIEND}Subject: {number}\n\nx\n"
        );
        assert!(smtp.mail("bob@world.example", ANNA, &mail).starts_with("250"), "{host}");
    }
    let right = CASES.iter().filter(|(.., proven)| *proven).count();
    wait_for("the proven ones", SOON, || (shore.to_device(6846).len() >= right).then_some(()));
    wait_polls(&shore, 2);
    assert_eq!(shore.to_device(6846).len(), right);
    for message in gateway.messages() {
        let number: usize = message["subject"].as_str().unwrap().parse().unwrap();
        let proven = CASES.get(number).is_some_and(|(.., proven)| *proven);
        assert_eq!(message["state"] != "held", proven, "{:?}: {message}", CASES.get(number));
    }
    gateway.totals_balance();
}

/// An address that shows as that of a friend and is none is refused at once.
#[test]
fn an_address_with_signs_that_nobody_sees_is_no_address() {
    let shore = Shore::start();
    let settings = [("air.strangers", "hold"), ("air.allow", "world.example jürgen@müller.example")];
    let gateway = shore.gateway(&settings, &["olga", "anna=6846"]).started();
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    for hidden in ["bob\u{202e}@world.example", "bob@wor\u{200b}ld.example", "b\u{ad}ob@world.example"] {
        let reply = smtp.say(&format!("MAIL FROM:<{hidden}> SMTPUTF8"));
        assert!(reply.starts_with("553 5.1.3") && reply.contains("signs that nobody sees"), "{reply}");
    }
    // In whatever form the right one comes, it is the right one.
    for (number, from) in
        ["BOB+boat@World.Example", "jürgen@xn--mller-kva.example", "JÜRGEN+x@MÜLLER.example"].iter().enumerate()
    {
        assert!(smtp.say(&format!("MAIL FROM:<{from}> SMTPUTF8")).starts_with("250"), "{from}");
        assert!(smtp.say(&format!("RCPT TO:<{ANNA}>")).starts_with("250"));
        assert!(smtp.say("DATA").starts_with("354"));
        assert!(smtp.say("Subject: s\r\n\r\nx\r\n.").starts_with("250"));
        wait_for(from, SOON, || (shore.to_device(6846).len() == number + 1).then_some(()));
    }
    gateway.totals_balance();
}
