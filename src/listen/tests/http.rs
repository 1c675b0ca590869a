//! Attacks on the HTTP listener, over real sockets, with tiny_http behind it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use testing::Folder;

use super::in_child;
use crate::listen::gate::{Caps, Gate};
use crate::listen::http::{CAPS, HttpFront, Times};
use crate::listen::http_rules::{Rules, Upload};

const PATIENCE: Duration = Duration::from_secs(30);
const WORKERS: usize = 4;
const BIG: usize = 32 << 20;

struct Site {
    gate: Gate,
    address: SocketAddr,
    server: Arc<tiny_http::Server>,
    folder: Folder,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.gate.stop(Duration::from_secs(1));
        (0..WORKERS).for_each(|_| self.server.unblock());
    }
}

impl Site {
    fn open(caps: Caps, times: Times) -> Self {
        let folder = Folder::new();
        let socket = folder.join("web");
        let server = tiny_http::Server::from_listener(UnixListener::bind(&socket).unwrap(), None).unwrap();
        let server = Arc::new(server);
        for _ in 0..WORKERS {
            let server = server.clone();
            std::thread::spawn(move || {
                while let Ok(request) = server.recv() {
                    let _ = catch_unwind(AssertUnwindSafe(|| answer(request)));
                }
            });
        }
        let rules = Rules {
            near_only: true,
            uploads: [("/restore", "/"), ("/closed", "/stranger")]
                .map(|(path, shown)| Upload { path, shown, most: 4 << 20, time: PATIENCE })
                .to_vec(),
            streams: vec![("/events".to_owned(), PATIENCE)],
            ..Rules::default()
        };
        let spool = folder.to_path_buf();
        let mut front = HttpFront::new(socket, spool, Box::new(move || rules.clone()));
        (front.caps, front.times) = (caps, times);
        let gate =
            Gate::open(vec![TcpListener::bind("127.0.0.1:0").unwrap()], Arc::new(front), Arc::default()).unwrap();
        Self { address: gate.addresses()[0], gate, server, folder }
    }

    fn usual() -> Self {
        Self::open(CAPS, Times::default())
    }

    fn connect(&self) -> TcpStream {
        let socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    /// Sends these bytes and reads to the end.
    fn ask(&self, request: &str) -> String {
        let mut socket = self.connect();
        // The box may have heard enough before we are done; its answer tells.
        let _ = socket.write_all(request.as_bytes());
        rest(&mut socket)
    }

    fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    }

    fn empties(&self) {
        let start = Instant::now();
        while self.gate.live() > 0 {
            assert!(start.elapsed() < PATIENCE, "{} connections still live", self.gate.live());
            std::thread::yield_now();
        }
    }
}

fn rest(socket: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is an end too.
    let _ = socket.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn answer(mut request: tiny_http::Request) {
    use tiny_http::Response;
    let path = request.url().to_owned();
    let done = match path.as_str() {
        "/echo" | "/restore" => {
            let mut body = Vec::new();
            request.as_reader().read_to_end(&mut body).unwrap();
            let peer = request.headers().iter().filter(|field| field.field.equiv("X-Satpost-Peer"));
            let peers: Vec<_> = peer.map(|field| field.value.to_string()).collect();
            request.respond(Response::from_string(format!("{} bytes from {}", body.len(), peers.join(" and "))))
        }
        "/big" => request.respond(Response::from_data(vec![b'b'; BIG])),
        "/stranger" => request.respond(Response::from_string("log in").with_status_code(403)),
        "/panic" => panic!("the test wants a panic"),
        "/events" => {
            let mut writer = request.into_writer();
            let mut write = |text: &str| writer.write_all(text.as_bytes()).and_then(|()| writer.flush());
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
            (0..100)
                .try_fold(write(head), |so_far, n| {
                    so_far?;
                    crate::clock::sleep(Duration::from_millis(100));
                    Ok::<_, io::Error>(write(&format!("data: {n}\n\n")))
                })
                .and_then(|last| last)
        }
        _ => request.respond(Response::from_string("hello")),
    };
    // The gate may have hung up.
    drop(done);
}

#[test]
fn a_page_is_served() {
    let site = Site::usual();
    let answer = site.get("/");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("hello"), "{answer}");
    // Who is not told keeps the connection, and the next request runs into its end.
    assert_eq!(answer.matches("\r\nConnection: close\r\n").count(), 1, "{answer}");
    let head = site.ask("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
    let post =
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nX-Satpost-Peer: 8.8.8.8\r\nContent-Length: 5\r\n\r\n12345GET / ";
    assert!(site.ask(post).ends_with("5 bytes from 127.0.0.1"));
}

#[test]
fn large_bodies_pass_where_they_may() {
    let site = Site::usual();
    let body = "u".repeat(3 << 20);
    let post =
        |path: &str| format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    assert!(site.ask(&post("/restore")).ends_with("3145728 bytes from 127.0.0.1"));
    assert!(site.ask(&post("/echo")).starts_with("HTTP/1.1 413"));

    let mut socket = site.connect();
    let head = "POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    socket.write_all(head.as_bytes()).unwrap();
    let mut go_on = [0; 25];
    socket.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    socket.write_all(b"abc").unwrap();
    assert!(rest(&mut socket).ends_with("3 bytes from 127.0.0.1"));
}

/// Only the head is sent: who waited for the body would wait for ever.
#[test]
fn a_large_body_of_whoever_may_not_see_the_page_is_never_taken() {
    let site = Site::usual();
    let head = |path: &str| format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3145728\r\n\r\n");
    for (path, status) in [("/closed", "403"), ("/closed?x", "413"), ("/restore/x", "413")] {
        let answer = site.ask(&head(path));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
    }
    let spooled = std::fs::read_dir(&*site.folder).unwrap().filter(|file| file.as_ref().unwrap().path().is_file());
    assert_eq!(spooled.count(), 0);
}

#[test]
fn lies_about_length_harm_nobody() {
    let site = Site::usual();
    for length in ["1000000000000", "9223372036854775808", "18446744073709551615"] {
        let answer = site.ask(&format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    }
    let both =
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / ";
    assert!(site.ask(both).starts_with("HTTP/1.1 400"));
    // Bodies that do not come hold their connections, but not one worker.
    let stalled: Vec<_> = (0..WORKERS + 2)
        .map(|_| {
            let mut socket = site.connect();
            let head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000\r\n\r\nabc";
            socket.write_all(head.as_bytes()).unwrap();
            socket
        })
        .collect();
    let start = Instant::now();
    assert!(site.get("/").ends_with("hello"));
    assert!(start.elapsed() < Duration::from_secs(5));
    drop(stalled);
}

#[test]
fn names_that_are_not_ours_are_told_so() {
    let site = Site::usual();
    let answer = site.ask("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 421") && answer.contains("settings set web.names evil.example"), "{answer}");
    assert!(site.ask(&format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", site.address)).ends_with("hello"));
}

#[test]
fn every_request_of_a_burst_is_answered() {
    let site = Site::usual();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| assert!((0..20).all(|_| site.get("/").ends_with("hello"))));
        }
    });
    let site = Site::open(Caps { total: 400, per_address: 400 }, Times::default());
    std::thread::scope(|scope| {
        for _ in 0..200 {
            scope.spawn(|| assert!(site.get("/").ends_with("hello")));
        }
    });
}

#[test]
fn idle_and_dripping_connections_are_cut() {
    let second = Duration::from_secs(1);
    let site = Site::open(CAPS, Times { head: second, body: second, answer: second });
    let idle: Vec<_> = (0..CAPS.per_address).map(|_| site.connect()).collect();
    let over = site.get("/");
    assert!(over.starts_with("HTTP/1.1 503"), "{over}");
    site.empties();
    assert!(site.get("/").ends_with("hello"));
    drop(idle);
    for head in ["GET / HTTP/1.1\r\nX: ", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"] {
        let mut socket = site.connect();
        socket.write_all(head.as_bytes()).unwrap();
        let start = Instant::now();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let mut buffer = [0; 1000];
        let mut answer = Vec::new();
        loop {
            assert!(start.elapsed() < PATIENCE);
            let sent = socket.write_all(b"a");
            match socket.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => answer.extend_from_slice(&buffer[..read]),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock && sent.is_ok() => {}
                Err(_) => break,
            }
        }
        assert!(start.elapsed() >= Duration::from_millis(900));
        assert!(answer.starts_with(b"HTTP/1.1 408"), "{}", answer.escape_ascii());
    }
}

#[test]
fn a_browser_that_never_reads_is_cut() {
    let site = Site::open(CAPS, Times { answer: Duration::from_secs(1), ..Times::default() });
    let deaf: Vec<_> = (0..WORKERS)
        .map(|_| {
            let mut socket = site.connect();
            socket.write_all(b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            socket
        })
        .collect();
    let start = Instant::now();
    while site.gate.live() < WORKERS {
        assert!(start.elapsed() < PATIENCE);
    }
    site.empties();
    assert!(start.elapsed() < Duration::from_secs(15));
    let answer = site.get("/");
    assert!(answer.ends_with("hello"), "the workers are free again: {answer}");
    drop(deaf);
}

#[test]
fn floods_of_heads_are_cut() {
    let site = Site::usual();
    let mut socket = site.connect();
    socket.write_all(b"GET / HTTP/1.1\r\nX: ").unwrap();
    let mut sent = 0;
    while sent < 200_000_000 && socket.write_all(&[b'x'; 65_536]).is_ok() {
        sent += 65_536;
    }
    assert!(sent < 20_000_000, "{sent} bytes, most of them in buffers of the kernel");
    let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "A: b\r\n".repeat(100_000));
    assert!(site.ask(&many).starts_with("HTTP/1.1 431"));
    let pipelined = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1000);
    assert!(site.ask(&pipelined).matches("HTTP/1.1 200").count() <= 1);
    for _ in 0..200 {
        drop(TcpStream::connect(site.address));
    }
    // The gate may still be meeting callers that have left.
    let start = Instant::now();
    while !site.get("/").ends_with("hello") {
        assert!(start.elapsed() < PATIENCE);
    }
}

#[test]
fn a_page_that_panics_gives_an_error() {
    let site = Site::usual();
    for _ in 0..2 * WORKERS {
        let answer = site.get("/panic");
        assert!(answer.starts_with("HTTP/1.1 50"), "{answer}");
    }
    assert!(site.get("/").ends_with("hello"));
}

#[test]
fn events_arrive_one_by_one_and_nobody_writes_to_a_closed_browser() {
    let site = Site::usual();
    let start = Instant::now();
    let mut socket = site.connect();
    socket.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut text = String::new();
    let mut buffer = [0; 1000];
    while !text.contains("data: 2\n") {
        let read = socket.read(&mut buffer).unwrap();
        assert!(read > 0, "{text}");
        text += std::str::from_utf8(&buffer[..read]).unwrap();
    }
    assert!(!text.contains("data: 50\n") && start.elapsed() < Duration::from_secs(8));
    drop(socket);
    site.empties();
}

#[test]
fn without_a_server_the_reader_is_told_to_wait() {
    let site = Site::usual();
    std::fs::remove_file(site.folder.join("web")).unwrap();
    assert!(site.get("/").starts_with("HTTP/1.1 503"));
}

/// tiny_http stops accepting for good when it gets no descriptor, so the gate must not lead it there.
#[test]
fn the_page_outlives_a_lack_of_descriptors() {
    in_child("listen::tests::http::fd_limit_child");
}

#[test]
#[ignore = "lowers the limits of its process; run by the_page_outlives_a_lack_of_descriptors"]
fn fd_limit_child() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let all = Caps { total: 1000, per_address: 1000 };
    let second = Duration::from_secs(1);
    let site = Site::open(all, Times { answer: second, ..Times::default() });
    assert!(site.get("/").ends_with("hello"));
    let idle: Vec<_> = (0..40).map(|_| site.connect()).collect();
    let ready: Vec<_> = (0..20).map(|_| site.connect()).collect();
    setrlimit(Resource::Nofile, Rlimit { current: Some(143), maximum: Some(143) }).unwrap();
    for mut socket in &ready {
        socket.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    }
    for mut socket in ready {
        let answer = rest(&mut socket);
        assert!(answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.1 503"), "{answer}");
    }
    drop(idle);
    site.empties();
    assert!(site.get("/").ends_with("hello"));
}
