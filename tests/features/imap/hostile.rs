//! Clients that mean no good: others are served meanwhile, and memory stays bounded.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::{boxed, mail};
use crate::support::shore::Shore;
use crate::support::{Imap, SOON, Station, wait_for};

/// Memory of the box in KiB.
fn memory(gateway: &mut Station) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn literals_parentheses_and_wildcards_cost_nothing() {
    let shore = Shore::start();
    let mut gateway = boxed(&shore);
    let at = gateway.listener("imap");
    let before = memory(&mut gateway);
    // A literal of 400 MB, announced and half sent.
    let mut stranger = Imap::connect(at);
    assert!(stranger.say("LOGIN {400000000}").contains("NO [TOOBIG]"));
    stranger.write(b"x LOGIN {400000000+}\r\n");
    assert!(stranger.line().is_none_or(|line| line.starts_with(b"* BYE")));
    let mut imap = Imap::open(at, "olga", "INBOX");
    assert!(imap.say("APPEND INBOX {400000000}").contains("NO [TOOBIG]"));
    let many: String = (0..4000).map(|_| " {3+}\r\nabc").collect();
    assert!(imap.say(&format!("SEARCH SUBJECT{many}")).contains("NO [TOOBIG]"));
    let deep = format!("SEARCH {}ALL{}", "(".repeat(2000), ")".repeat(2000));
    let said = imap.say(&deep);
    assert!(said.contains(" BAD "), "{said}");
    let said = imap.say(&format!("SEARCH {}ALL", "NOT ".repeat(2000)));
    assert!(said.contains(" BAD "), "{said}");
    imap.ok(&format!("LIST \"\" \"{}b\"", "*a".repeat(2000)));
    imap.ok(&format!("SEARCH {}", vec!["1:*"; 5000].join(",")));
    for _ in 0..3 {
        imap.append("INBOX", mail("x").as_bytes());
    }
    imap.ok(&format!("FETCH {} (FLAGS)", vec!["1:*"; 8000].join(",")));
    let after = memory(&mut gateway);
    assert!(after < before + 64 * 1024, "{before} KiB before, {after} KiB after");
}

#[test]
fn a_thousand_idle_sessions_are_nobody_elses_trouble() {
    let shore = Shore::start();
    let more = [("imap.connections", "1000"), ("imap.per_address", "1000")];
    let mut gateway = shore.gateway(&more, &["olga", "ben"]).started();
    let at = gateway.listener("imap");
    let before = memory(&mut gateway);
    // Most of a thousand sit before the log-in; those over the limits of descriptors are sent away.
    let mut crowd: Vec<_> = (0..1000).filter_map(|_| TcpStream::connect(at).ok()).collect();
    crowd.iter().for_each(|stream| stream.set_read_timeout(Some(SOON)).unwrap());
    let mut there = 0;
    for stream in &mut crowd {
        let mut greeting = [0; 4];
        there += usize::from(stream.read_exact(&mut greeting).is_ok() && &greeting == b"* OK");
    }
    assert!(there >= 100, "{there} of 1000 are there");
    let after = memory(&mut gateway);
    assert!(after < before + 64 * 1024, "{before} KiB before, {after} KiB with {there} sessions");
    drop(crowd);
    let mut imap = wait_for("a place", SOON, || Imap::try_connect(at));
    imap.ok(&format!("LOGIN olga {}", crate::support::PASSWORD));
    imap.ok("SELECT INBOX");
}

#[test]
fn a_slow_reader_is_nobody_elses_trouble() {
    let shore = Shore::start();
    let mut gateway = boxed(&shore);
    let at = gateway.listener("imap");
    let mut imap = Imap::of(at, "olga");
    let before = memory(&mut gateway);
    let large = [mail("large").as_bytes(), &b"0123456789abcdef".repeat(1 << 19)].concat();
    assert!(imap.append("INBOX", &large).contains("OK [APPENDUID"));
    // A reader that asks for all of it many times and takes nothing.
    let mut slow = TcpStream::connect(at).unwrap();
    let password = crate::support::PASSWORD;
    slow.write_all(format!("a LOGIN olga {password}\r\nb SELECT INBOX\r\n").as_bytes()).unwrap();
    for _ in 0..50 {
        slow.write_all(b"c FETCH 1 BODY.PEEK[]\r\n").unwrap();
    }
    imap.ok("SELECT INBOX");
    assert!(imap.fetch(1, "") == large);
    let mut ben = Imap::open(at, "ben", "INBOX");
    ben.ok("NOOP");
    let after = memory(&mut gateway);
    assert!(after < before + 64 * 1024, "{before} KiB before, {after} KiB after");
}
