use super::*;
use testing::Dice;

fn status(request: &str) -> Result<Option<Request>, &'static str> {
    read(request.as_bytes()).map(|read| read.map(|(request, _)| request)).map_err(|answer| &answer.status[..3])
}

#[test]
fn what_is_ambiguous_is_refused() {
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(MAX_HEAD));
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(MAX_FIELDS));
    for (code, request) in [
        ("400", "GET / HTTP/1.1\r\n\r\n"),
        ("400", "GET / HTTP/1.0\r\n\r\n"),
        ("400", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
        ("400", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
        ("400", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"),
        ("400", "GET / HTTP/1.1\r\nHost: a:http\r\n\r\n"),
        ("400", "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
        ("400", "GET / HTTP/1.1\nHost: a\n\n"),
        ("400", "GET / HTTP/1.1\r\nHost: a\r\nX: a\n\r\n\r\n"),
        ("400", "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n"),
        ("400", "GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n"),
        ("400", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),
        ("400", "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("400", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("400", "GET /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("400", "\r\n\r\n"),
        ("400", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n"),
        ("400", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n"),
        ("400", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n"),
        ("400", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5x\r\n\r\n"),
        ("400", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"),
        ("400", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n"),
        ("400", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n"),
        ("400", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n"),
        ("400", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("411", "POST / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("411", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("501", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"),
        ("501", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n"),
        ("501", "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("501", "get / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("505", "GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
        ("417", "GET / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n"),
        ("431", &long),
        ("431", &long[..MAX_HEAD + 1]),
        ("431", &many),
    ] {
        assert_eq!(status(request), Err(code), "{request:?}");
    }
}

#[test]
fn a_clean_request_is_written_anew() {
    let text = "POST /x?y HTTP/1.0\r\nHoSt: Boat.Local:8080\r\ncontent-length: 3\r\nX-Satpost-Peer: 127.0.0.1\r\n\
                Connection: keep-alive\r\nCookie: s=1\r\nX-Odd: \u{e9}\r\nExpect: 100-continue\r\n\r\nabc";
    let (request, length) = read(text.as_bytes()).unwrap().unwrap();
    assert_eq!(&text[length..], "abc");
    assert_eq!((request.host.as_str(), request.length, request.waits), ("boat.local", 3, false));
    let head = String::from_utf8(request.clean_head(&Origin::direct("192.0.2.1".parse().unwrap(), false))).unwrap();
    assert_eq!(
        head,
        "POST /x?y HTTP/1.1\r\nHoSt: Boat.Local:8080\r\nCookie: s=1\r\nContent-Length: 3\r\n\
         X-Satpost-Peer: 192.0.2.1\r\nConnection: close\r\n\r\n"
    );
    for cut in 0..length {
        assert_eq!(read(&text.as_bytes()[..cut]), Ok(None));
    }
}

#[test]
fn hosts() {
    for (host, name) in [
        ("boat", Some("boat")),
        ("Boat.local.:80", Some("boat.local")),
        ("192.168.1.5:8080", Some("192.168.1.5")),
        ("[fd00::1]:80", Some("fd00::1")),
        ("[fd00::1]", Some("fd00::1")),
        ("fd00::1", None),
        ("[fd00::1]x", None),
        ("[boat]", None),
        ("boat:123456", None),
        (".", None),
    ] {
        assert_eq!(host_name(host).as_deref(), name, "{host}");
    }
    let names = ["boat".to_owned(), "boat.local".to_owned()];
    let local: IpAddr = "192.168.1.5".parse().unwrap();
    for good in ["boat", "boat.local", "192.168.1.5", "localhost", "127.0.0.1", "::1", "::ffff:192.168.1.5"] {
        assert!(host_is_ours(good, local, &names), "{good}");
    }
    for bad in ["evil.example", "boat.local.evil.example", "192.168.1.6", "xboat"] {
        assert!(!host_is_ours(bad, local, &names), "{bad}");
    }
}

#[test]
fn near_and_far() {
    for near in ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.9.9", "169.254.1.1", "::1", "fe80::1", "fd12::1"] {
        assert!(is_near(near.parse().unwrap()), "{near}");
    }
    assert!(is_near("::ffff:192.168.1.1".parse().unwrap()));
    for far in ["8.8.8.8", "172.32.0.1", "2001:db8::1", "::ffff:8.8.8.8", "0.0.0.0"] {
        assert!(!is_near(far.parse().unwrap()), "{far}");
    }
}

/// What passes is one request for any reader: it has one Host, at most one length, no coding, and no line of ours
/// comes from the client.
#[test]
fn mutated_heads_never_pass_unclean() {
    let seed =
        b"POST /a?b HTTP/1.1\r\nHost: boat:80\r\nContent-Length: 12\r\nX-Satpost-Peer: 1.1.1.1\r\nCookie: a=b\r\n\r\n";
    let bits: [&[u8]; 10] = [
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b":",
        b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"\0",
        b"\xff",
        b"1",
    ];
    let mut dice = Dice::new(0xfeed_f00d_dead_beef);
    let mut passed = 0;
    for _ in 0..100_000 {
        let mut text = seed.to_vec();
        for _ in 0..=dice.index(3) {
            let (at, bit) = (dice.index(text.len()), bits[dice.index(bits.len())]);
            let to = (at + dice.index(4)).min(text.len());
            text.splice(at..to, bit.iter().copied());
        }
        let Ok(Some((request, _))) = read(&text) else { continue };
        passed += 1;
        let head = String::from_utf8(request.clean_head(&Origin::direct("192.0.2.1".parse().unwrap(), false))).unwrap();
        let lower = head.to_ascii_lowercase();
        let count = |line: &str| lower.matches(&format!("\r\n{line}:")).count();
        assert!(head.is_ascii() && head.ends_with("\r\n\r\n") && head.matches("\r\n\r\n").count() == 1, "{head}");
        assert_eq!(head.matches('\n').count(), head.matches("\r\n").count());
        assert_eq!((count("host"), count("transfer-encoding"), count("x-satpost-peer")), (1, 0, 1), "{head}");
        assert_eq!(count("content-length"), 1, "{head}");
    }
    assert!(passed > 1000);
}
