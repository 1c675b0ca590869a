//! Big, broken and endless input, many callers and slow ones: a box stays small and serves the others.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use crate::support::shore::{Shore, from_outside, message};
use crate::support::{SOON, Smtp, Station, send, wait_for};

/// Memory that a box never needs more of, in KiB.
const MOST: u64 = 64 * 1024;

/// The most memory that the box ever had in use, in KiB.
fn peak(station: &Station) -> u64 {
    let pid = station.status().unwrap()["pid"].as_u64().unwrap();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Begins a mail; what follows goes into its text.
fn begin(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    // A guard only: reading 30 MB without optimisation beside other tests takes its time.
    stream.set_read_timeout(Some(4 * SOON)).unwrap();
    stream.set_write_timeout(Some(4 * SOON)).unwrap();
    for line in ["", "EHLO client.example", "MAIL FROM:<bob@world.example>", "RCPT TO:<olga@shore.example>", "DATA"] {
        if !line.is_empty() {
            stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
        }
        answer(&mut stream);
    }
    stream
}

fn answer(stream: &mut TcpStream) -> String {
    let mut said = String::new();
    let mut byte = [0];
    loop {
        match stream.read(&mut byte) {
            Ok(1) => said.push(char::from(byte[0])),
            _ => return said,
        }
        let last = said.trim_end().rsplit('\n').next().unwrap_or_default();
        if said.ends_with('\n') && last.as_bytes().get(3) != Some(&b'-') {
            return said;
        }
    }
}

/// Big mails, an endless line, very many parts and zero bytes: each is taken or refused with a code, in little memory.
#[test]
fn big_and_broken_mails_cost_little_memory() {
    let shore = Shore::start();
    let mut gateway = shore.gateway(&[], &["olga"]).started();
    let address = gateway.listener("smtp");
    let line = format!("{}\r\n", "x".repeat(998));
    let bulk = line.repeat(1000);

    let mut big = begin(address);
    big.write_all(b"Subject: big\r\n\r\n").unwrap();
    for _ in 0..30 {
        big.write_all(bulk.as_bytes()).unwrap();
    }
    big.write_all(b".\r\n").unwrap();
    assert!(answer(&mut big).starts_with("250 2.0.0 kept as m1"));
    let shown = gateway.json(&["queue", "show", "m1"]);
    assert!(shown["size"].as_u64().unwrap() > 30_000_000, "{}", shown["size"]);

    let mut too_big = begin(address);
    for _ in 0..36 {
        // The box may say no before the end.
        let _ = too_big.write_all(bulk.as_bytes());
    }
    let _ = too_big.write_all(b"\r\n.\r\n");
    assert!(answer(&mut too_big).starts_with("552"));

    let mut one_line = begin(address);
    one_line.write_all(b"Subject: one line\r\n\r\n").unwrap();
    for _ in 0..10 {
        one_line.write_all("y".repeat(1_000_000).as_bytes()).unwrap();
    }
    one_line.write_all(b"\r\n.\r\n").unwrap();
    let reply = answer(&mut one_line);
    assert!(reply.starts_with(['2', '5']), "{reply}");

    let parts = "--b\nContent-Type: text/plain\n\nx\n".repeat(10_000);
    let mail =
        format!("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\nSubject: parts\n\n{parts}--b--\n");
    assert!(from_outside(&gateway, "olga@shore.example", &mail).starts_with("250"));
    let nested: String =
        (0..3000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect();
    assert!(
        from_outside(&gateway, "olga@shore.example", &format!("MIME-Version: 1.0\n{nested}\nx\n")).starts_with("250")
    );
    let heads: String = (0..20_000).map(|n| format!("X-{n}: y\n")).collect();
    assert!(from_outside(&gateway, "olga@shore.example", &format!("{heads}\nx\n")).starts_with("250"));
    let zeros = "Subject: a\0b\n\nc\0d\n";
    let reply = from_outside(&gateway, "olga@shore.example", zeros);
    assert!(reply.starts_with(['2', '5']), "{reply}");

    let used = peak(&gateway);
    assert!(used < MOST, "{used} KiB");
    assert!(from_outside(&gateway, "olga@shore.example", &message("", "still here")).starts_with("250"));
    assert!(!gateway.log_text().contains("panic"), "{}", gateway.log_text());
    gateway.totals_balance();
    assert_eq!(gateway.stop(), 0);
}

/// Idle callers, one that writes a byte at a time and a browser that never reads keep nobody else out.
#[test]
fn idle_and_slow_callers_keep_nobody_out() {
    let shore = Shore::start();
    let settings = [("smtp.connections", "64"), ("smtp.per_address", "24"), ("smtp.idle", "5")];
    let mut gateway = shore.gateway(&settings, &["olga"]).started();
    let (smtp, web) = (gateway.listener("smtp"), gateway.listener("web"));
    let mut slow = begin(smtp);
    slow.write_all(b"Subj").unwrap();
    // Nobody reads the answers of these; one request would be enough for a page.
    let deaf: Vec<_> = (0..8).filter_map(|_| TcpStream::connect(web).ok()).collect();
    for mut stream in &deaf {
        let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(50);
        let _ = stream.write_all(&request);
    }
    let idle: Vec<_> = (0..500).filter_map(|_| TcpStream::connect(smtp).ok()).collect();
    assert!(idle.len() > 400);

    // From another address there is always room, from this one as soon as the idle ones are sent away.
    let begun = Instant::now();
    gateway.cli_ok(&["status"], "");
    let taken = wait_for("a place at the listener", SOON, || {
        let mut stream = TcpStream::connect(smtp).ok()?;
        stream.set_read_timeout(Some(SOON)).ok()?;
        let mut hello = [0; 3];
        stream.read_exact(&mut hello).ok()?;
        (hello == *b"220").then_some(begun.elapsed())
    });
    assert!(taken < SOON);
    assert!(
        send(&gateway, None, "bob@world.example", "olga@shore.example", &message("", "in between")).starts_with("250")
    );
    let used = peak(&gateway);
    assert!(used < MOST, "{used} KiB");
    drop((idle, deaf, slow));
    assert_eq!(gateway.stop(), 0);
}

/// A box with callers in mid-sentence ends in order within its time.
#[test]
fn a_box_ends_in_order_whoever_is_there() {
    let shore = Shore::start();
    let mut gateway = shore.gateway(&[], &["olga"]).started();
    let address = gateway.listener("smtp");
    let _idle: Vec<_> = (0..10).map(|_| Smtp::connect(address)).collect();
    let mut half = begin(address);
    half.write_all(b"Subject: half a mail\r\n\r\nand no").unwrap();
    assert_eq!(gateway.stop(), 0);
    assert!(!answer(&mut half).starts_with("250"));
    gateway.start();
    assert!(gateway.messages().is_empty());
}
