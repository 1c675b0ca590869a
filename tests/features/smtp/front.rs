//! Servers in front that name the true client: limits count that one, and nobody else may name one.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::shore::{Shore, message};
use crate::support::{SOON, Smtp, Station};

const OLGA: &str = "olga@shore.example";

/// A connection through a front that says XCLIENT; the answer to it.
fn xclient(gateway: &Station, attributes: &str) -> (Smtp, String) {
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    let said = smtp.say(&format!("XCLIENT {attributes}"));
    if said.starts_with("220") {
        assert!(smtp.say("EHLO again.example").starts_with("250"));
    }
    (smtp, said)
}

#[test]
fn xclient_names_the_client_that_limits_count() {
    let shore = Shore::start();
    let settings = [
        ("smtp.front", "127.0.0.1"),
        ("smtp.front_protocol", "xclient"),
        ("smtp.rate", "1"),
        ("smtp.per_address", "1"),
    ];
    let gateway = shore.gateway(&settings, &["olga"]).started();
    let (mut one, said) = xclient(&gateway, "ADDR=192.0.2.7 HELO=[UNAVAILABLE]");
    assert!(said.starts_with("220"), "{said}");
    assert!(one.mail("bob@world.example", OLGA, &message("x", "y")).starts_with("250"));
    let raw = gateway.cli_ok(&["queue", "show", "--raw", "m1"], "");
    assert!(raw.starts_with("Received: from again.example ([192.0.2.7])"), "{raw}");
    assert!(one.say("MAIL FROM:<bob@world.example>").starts_with("450"), "a mail a minute");
    // The same client has its one connection; another one has not.
    let (_, said) = xclient(&gateway, "ADDR=192.0.2.7");
    assert!(said.starts_with("421"), "{said}");
    let (mut other, _) = xclient(&gateway, "ADDR=IPV6:2001:db8::7 LOGIN=[UNAVAILABLE] NAME=client.example PORT=5");
    assert!(other.mail("bob@world.example", OLGA, &message("x", "y")).starts_with("250"));
    drop(one);
    // Wrong passwords are those of the client: in clear text it may not even try, as it is not on this machine.
    let (mut third, _) = xclient(&gateway, "ADDR=198.51.100.1");
    assert!(third.say("AUTH PLAIN AGJlbgBhLWxvbmctZW5vdWdoLW9uZQ==").starts_with("538"));
    for wrong in ["ADDR=olga", "LOGIN=olga", "ADDR"] {
        let (_, said) = xclient(&gateway, wrong);
        assert!(said.starts_with("501"), "{wrong}: {said}");
    }
    drop((other, third));
    gateway.set(&[("smtp.front", "192.0.2.1"), ("smtp.per_address", "24")]);
    let (_, said) = xclient(&gateway, "ADDR=127.0.0.1");
    assert!(said.starts_with("500"), "who is not named may not: {said}");
    let wrong = gateway.said(&["settings", "set", "smtp.front", ""]).fails(2);
    assert!(wrong.contains("name the server in smtp.front"), "{wrong}");
    gateway.totals_balance();
}

/// A connection that begins with these bytes: what comes until it ends, after QUIT.
fn proxied(gateway: &Station, header: &[u8], talk: &str) -> String {
    let mut stream = TcpStream::connect(gateway.listener("smtp")).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let _ = stream.write_all(&[header, talk.replace('\n', "\r\n").as_bytes(), b"QUIT\r\n"].concat());
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn the_proxy_header_names_the_client_and_makes_it_no_front() {
    let shore = Shore::start();
    let settings = [
        ("smtp.front", "127.0.0.1"),
        ("smtp.front_protocol", "proxy"),
        ("smtp.auth_host", "mx.shore.example"),
        ("smtp.trusted", "192.0.2.0/24"),
        ("air.allow", "world.example"),
        ("air.strangers", "hold"),
    ];
    let gateway = shore.gateway(&settings, &["olga", "anna=6846"]).started();
    let forged = "EHLO x\nMAIL FROM:<bob@world.example>\nRCPT TO:<anna@shore.example>\nDATA\n\
        Authentication-Results: mx.shore.example; spf=pass smtp.mailfrom=world.example\nSubject: x\n\ny\n.\n";
    let said = proxied(&gateway, b"PROXY TCP4 203.0.113.9 127.0.0.1 5000 25\r\n", forged);
    assert!(said.starts_with("220 ") && said.contains("250 2.0.0 kept as m1"), "{said}");
    let raw = gateway.cli_ok(&["queue", "show", "--raw", "m1"], "");
    assert!(raw.starts_with("Received: from x ([203.0.113.9])"), "{raw}");
    let held = gateway.wait_state(SOON, "anna@shore.example", "held");
    assert!(held["reason"].as_str().unwrap().contains("did not say that it is them"), "{held}");
    // Version 2, of a client in a trusted network: it may send to the world.
    let two = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x09\x7f\0\0\x01\0\x05\0\x19";
    let said = proxied(&gateway, two, "EHLO x\nMAIL FROM:<olga@shore.example>\nRCPT TO:<bob@world.example>\n");
    assert!(said.matches("\r\n250 ").count() == 3, "{said}");
    for none in [&b""[..], b"EHLO x\r\n", b"PROXY TCP4 olga\r\n"] {
        assert_eq!(proxied(&gateway, none, ""), "", "without its header nothing is said");
    }
    // A person who logs in is one wherever they come from; and who is no front needs no header.
    gateway.set(&[("smtp.front", "192.0.2.1")]);
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    smtp.login("olga");
    gateway.totals_balance();
}
