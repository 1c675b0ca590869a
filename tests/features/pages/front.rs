//! The page under https, with the box's own certificate, and behind another web server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::support::command::Said;
use crate::support::web::{Answer, Client, hidden};
use crate::support::{Folder, PASSWORD, Station, wait_for};

fn house(folder: &Folder, more: &[(&str, &str)]) -> Station {
    let settings: Vec<_> = [("box.domain", "boat.example")].into_iter().chain(more.iter().copied()).collect();
    Station::new(folder, "house", &settings, &["anna", "bert"]).started()
}

/// Asks under TLS, trusting the authority of the box and nobody else.
fn ask_encrypted(station: &Station, request: &str) -> Answer {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(station.folder.join("tls-root.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let client = rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let socket = TcpStream::connect(station.listener("webs")).unwrap();
    let mut stream = rustls::StreamOwned::new(client, socket);
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = Vec::new();
    // Without a close_notify this is an error: nobody may cut an answer off.
    stream.read_to_end(&mut text).unwrap();
    let text = String::from_utf8_lossy(&text).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

#[test]
fn the_page_is_served_under_the_certificate_of_the_box() {
    let folder = Folder::new();
    let station = house(&folder, &[("webs.listen", "127.0.0.1:0"), ("web.https", "yes")]);
    let port = station.listener("webs").port();
    let page = ask_encrypted(&station, "GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(page.status, 200, "{page:?}");
    let cookie = page.header("set-cookie").to_owned();
    assert!(cookie.starts_with("__Secure-p") && cookie.ends_with("; Secure"), "{cookie}");
    let (token, cookie) = (hidden(&page.body, "csrf"), cookie.split(';').next().unwrap());
    let form = format!("csrf={token}&name=bert&password={PASSWORD}");
    let log_in = format!(
        "POST /login HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: https://localhost:{port}\r\nCookie: {cookie}\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}",
        form.len()
    );
    let answer = ask_encrypted(&station, &log_in);
    assert_eq!(answer.status, 303, "{answer:?}");
    let cookies: Vec<_> = answer.head.lines().filter_map(|line| line.strip_prefix("Set-Cookie: ")).collect();
    assert!(cookies.len() == 2 && cookies.iter().all(|cookie| cookie.ends_with("; Secure")), "{cookies:?}");
    let session = cookies[0].split(';').next().unwrap();
    let mailbox =
        ask_encrypted(&station, &format!("GET /mailbox HTTP/1.1\r\nHost: localhost\r\nCookie: {session}\r\n\r\n"));
    assert_eq!(mailbox.status, 200, "{mailbox:?}");
    // Without TLS the same cookie opens nothing, and pages lead to https; what programs ask for stays where it is.
    let plain = Client { at: station.listener("web"), cookie: session.to_owned() };
    let answer = plain.get("/mailbox?a=b");
    assert_eq!(
        (answer.status, answer.header("location")),
        (307, format!("https://127.0.0.1:{port}/mailbox?a=b").as_str())
    );
    assert_eq!(plain.get("/healthz").status, 200);
    station.cli_ok(&["settings", "set", "web.https", "no"], "");
    assert_eq!(plain.get("/mailbox").status, 303, "only the log-in is there");
    // Who speaks no TLS there is no burden.
    let plain = Client { at: station.listener("webs"), cookie: String::new() };
    let mut stream = TcpStream::connect(plain.at).unwrap();
    stream.write_all(b"GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    assert!(!said.starts_with(b"HTTP"), "{said:?}");
}

#[test]
fn behind_another_web_server_links_limits_and_cookies_are_those_of_the_browser() {
    let folder = Folder::new();
    let station =
        house(&folder, &[("web.front", "127.0.0.1"), ("web.base_path", "/post"), ("web.names", "ship.example")]);
    let client = Client::new(&station);
    let from = |who: &str| {
        format!(
            "X-Forwarded-For: 203.0.113.66, {who}\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: ship.example\r\n"
        )
    };
    let page = client.ask("GET", "/post/login?next=/messages", &from("192.168.7.7"));
    assert_eq!(page.status, 200, "{page:?}");
    let cookie = page.header("set-cookie").to_owned();
    assert!(
        cookie.contains("__Secure-p") && cookie.contains("; Path=/post;") && cookie.ends_with("; Secure"),
        "{cookie}"
    );
    for place in ["href=\"/post/assets/style-", "action=\"/post/login\"", "src=\"/post/assets/satpost-"] {
        assert!(page.body.replace("&#x2f;", "/").contains(place), "{place}: {}", page.body);
    }
    assert!(!page.body.replace("&#x2f;", "/").contains("=\"/assets"), "{}", page.body);
    // A server that takes the path off itself gets the same.
    assert!(client.ask("GET", "/login", &from("192.168.7.7")).body.replace("&#x2f;", "/").contains("\"/post/assets/"));
    let log_in = |who: &str, password: &str| {
        let (token, cookie) = (hidden(&page.body, "csrf"), cookie.split(';').next().unwrap().to_owned());
        let form = format!("csrf={token}&name=bert&next=/mailbox&password={password}");
        let client = Client { at: client.at, cookie };
        client.form("/post/login", &form, &format!("Origin: https://ship.example\r\n{}", from(who)))
    };
    let done = log_in("192.168.7.7", PASSWORD);
    assert_eq!((done.status, done.header("location")), (303, "/post/mailbox"), "{done:?}");
    // One who guesses in the house of another locks out themselves, not the others in front of the same server.
    for guess in 0..5 {
        assert_eq!(log_in("192.168.7.8", &format!("guess{guess}")).status, 401);
    }
    assert_eq!(log_in("192.168.7.8", PASSWORD).status, 429);
    assert_eq!(log_in("192.168.7.9", PASSWORD).status, 303);
    // Who is known by an earlier log-in is let in from there as well.
    let known: Vec<_> =
        done.head.lines().filter_map(|line| line.strip_prefix("Set-Cookie: ")?.split(';').next()).collect();
    let (token, before) = (hidden(&page.body, "csrf"), cookie.split(';').next().unwrap());
    let knows = Client { at: client.at, cookie: format!("{before}; {}", known[1]) };
    let form = format!("csrf={token}&name=bert&password={PASSWORD}");
    let answer = knows.form("/post/login", &form, &format!("Origin: https://ship.example\r\n{}", from("192.168.7.8")));
    assert_eq!(answer.status, 303, "{answer:?}");
    // The owner sees the true address; pages of the mailbox stand under the path.
    let session = Client { at: client.at, cookie: known[0].to_owned() };
    let account = session.ask("GET", "/post/account", &from("192.168.7.7"));
    assert!(account.body.contains("192.168.7.7") && account.body.contains("data-base=\"&#x2f;post\""), "{account:?}");
    let list = session.ask("GET", "/post/mailbox", &from("192.168.7.7")).body.replace("&#x2f;", "/");
    assert!(list.contains("\"/post/compose\"") && !list.contains("href=\"/compose\""), "{list}");
    // The rules for names and networks hold for the browser, and not for the server in front.
    assert_eq!(client.ask("GET", "/post/login", &from("8.8.8.8")).status, 403);
    let evil = "X-Forwarded-For: 192.168.7.7\r\nX-Forwarded-Host: evil.example\r\n";
    assert_eq!(client.ask("GET", "/post/login", evil).status, 421);
    assert_eq!(client.ask("GET", "/post/login", "X-Forwarded-For: me\r\n").status, 400);
    // Straight from the cable the pages stand at the top.
    let straight = client.get("/login");
    assert!(straight.body.contains("=\"/assets") || straight.body.contains("=\"&#x2f;assets"), "{straight:?}");
    assert!(!straight.header("set-cookie").contains("Secure"));
    for bad in ["post", "/post/", "/a//b", "/a/../b", "/<b>"] {
        assert!(!station.cli(&["settings", "set", "web.base_path", bad], "").status.success(), "{bad}");
    }
}

/// A request that keeps its connection: its body never comes.
fn unfinished(station: &Station, client: &str) -> TcpStream {
    let mut socket = TcpStream::connect(station.listener("web")).unwrap();
    let head = format!(
        "POST /login HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {client}\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).unwrap();
    let mut said = [0; 12];
    // Once it asks for the body, the connection is counted.
    socket.read_exact(&mut said).unwrap();
    assert_eq!(said, *b"HTTP/1.1 100", "{client}");
    socket
}

#[test]
fn connections_behind_another_web_server_are_counted_for_each_browser() {
    let folder = Folder::new();
    let station = house(&folder, &[("web.front", "127.0.0.1")]);
    let client = Client::new(&station);
    let open = |who: &str| client.ask("GET", "/login", &format!("X-Forwarded-For: {who}\r\n")).status;
    // More than one address may have, by the server for all of them.
    let mut held: Vec<_> = (0..12).map(|_| unfinished(&station, "192.168.7.7")).collect();
    held.extend((0..4).map(|_| unfinished(&station, "192.168.7.8")));
    assert_eq!([open("192.168.7.7"), open("192.168.7.8"), open("192.168.7.9")], [503, 200, 200]);
    // Once the others are gone there is room again.
    drop(held);
    wait_for("a place", Duration::from_secs(20), || (open("192.168.7.7") == 200).then_some(()));
}

/// A browser under https and behind a web server that puts the pages under a path: log in, write, be kept, follow.
#[test]
#[ignore = "needs chromium, node, playwright-core, axe-core and html-validate, which tests/run installs"]
fn a_browser_under_https_and_behind_a_web_server() {
    let (chromium, modules) = super::browser::browser().unwrap_or_else(|why| panic!("{why}; tests/run installs it"));
    let folder = Folder::new();
    let station =
        house(&folder, &[("webs.listen", "127.0.0.1:0"), ("web.front", "127.0.0.1"), ("web.base_path", "/post")]);
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/features/pages/front.js");
    let output = Command::new("node")
        .arg(script)
        .args([station.listener("web").to_string(), station.listener("webs").to_string(), PASSWORD.to_owned()])
        .env("NODE_PATH", modules)
        .env("CHROMIUM", chromium)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = Said::from(output);
    assert!(said.code == 0, "{said:?}\n{}", station.log_text());
}
