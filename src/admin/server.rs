//! Runs tiny_http on a private Unix socket, behind the gate. Three workers; a panic in one costs one request. A thread puts
//! what comes into a [`line`], in which one visitor has no more than two workers, and itself answers whether the box is well,
//! whatever the workers do. Questions whose answer can wait are kept by a thread of their own ([`held`]).

pub mod held;
pub mod line;
pub mod upload;

use std::io::{Cursor, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tiny_http::{Header, Server, StatusCode};

use super::request::{FORM_MOST, Method, Request};
use super::response::Response;
use super::route::chosen;
use super::words::{self, say};
use crate::fault::Fault;
use held::Held;
use line::Line;
use upload::NotTaken;

const WORKERS: usize = 3;
/// Workers that one visitor has at most: the rest is for others.
const OF_ONE: usize = WORKERS - 1;
/// Path that the thread before the workers answers.
const WELL: &str = "healthz";
/// The thread before the workers looks at the stop flag at least this often. Stopping wakes it at once; this is for a wake-up that
/// was lost.
const LOOK: Duration = Duration::from_secs(30);

/// The pages while they are served; they end when it is dropped.
pub struct Handle {
    server: Option<Arc<Server>>,
    stop: Arc<AtomicBool>,
    line: Arc<Line<tiny_http::Request>>,
    workers: Vec<JoinHandle<()>>,
    waiting: Option<(std::sync::mpsc::Sender<Held>, JoinHandle<()>)>,
}

impl Handle {
    /// Ends the pages: each worker finishes the request it has. Removes the socket.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let Some(server) = self.server.take() else { return };
        self.stop.store(true, Ordering::SeqCst);
        server.unblock();
        self.line.close();
        for worker in self.workers.drain(..) {
            if worker.join().is_err() {
                log::error!("web: a worker had panicked");
            }
        }
        // Without anybody who could give it more, their thread answers all it has and ends.
        if let Some((questions, thread)) = self.waiting.take() {
            drop(questions);
            if thread.join().is_err() {
                log::error!("web: the thread of waiting questions had panicked");
            }
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.end();
    }
}

/// Serves `answer` on a Unix socket at `socket`; files that come with forms lie in `incoming` meanwhile. `whose` names the
/// visitor who sent a request, without waiting for anything. `changes` gives other numbers when an answer that waits may have
/// become another.
///
/// # Errors
/// For the operator, when the socket or the threads cannot be made.
pub fn start(
    socket: &Path,
    incoming: &Path,
    answer: impl Fn(&Request) -> Response + Send + Sync + 'static,
    whose: impl Fn(&Request) -> String + Send + 'static,
    changes: impl Fn() -> (u64, u64) + Send + 'static,
) -> Result<Handle, Fault> {
    let cannot = |error: &dyn std::fmt::Display| Fault::operator(format!("{}: {error}", socket.display()));
    if let Err(error) = std::fs::remove_file(socket)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(cannot(&error));
    }
    let listener = UnixListener::bind(socket).map_err(|error| cannot(&error))?;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o600)).map_err(|error| cannot(&error))?;
    let server = Server::from_listener(listener, None).map_err(|error| cannot(&error))?;
    run(server, incoming, answer, whose, changes)
}

/// Starts the workers of a server.
fn run(
    server: Server,
    incoming: &Path,
    answer: impl Fn(&Request) -> Response + Send + Sync + 'static,
    whose: impl Fn(&Request) -> String + Send + 'static,
    changes: impl Fn() -> (u64, u64) + Send + 'static,
) -> Result<Handle, Fault> {
    let (server, answer) = (Arc::new(server), Arc::new(answer));
    let (hold, questions) = std::sync::mpsc::channel();
    let again = Arc::clone(&answer);
    let keep = move || held::keep(&questions, |request| guarded(request, &*again), changes);
    let thread = std::thread::Builder::new().name("web-waits".to_owned()).spawn(keep).map_err(Fault::operator)?;
    let mut handle = Handle {
        server: Some(Arc::clone(&server)),
        stop: Arc::default(),
        line: Arc::new(Line::new(OF_ONE)),
        workers: Vec::new(),
        waiting: Some((hold.clone(), thread)),
    };
    for number in 1..=WORKERS {
        let (line, answer) = (Arc::clone(&handle.line), Arc::clone(&answer));
        let (hold, incoming) = (hold.clone(), incoming.to_owned());
        let work = move || {
            while let Some((_turn, request)) = line.take() {
                serve_one(request, &incoming, &*answer, &hold);
            }
        };
        let worker = std::thread::Builder::new().name(format!("web-{number}")).spawn(work).map_err(Fault::operator)?;
        handle.workers.push(worker);
    }
    let (line, stop) = (Arc::clone(&handle.line), Arc::clone(&handle.stop));
    let receive = move || {
        while !stop.load(Ordering::SeqCst) {
            if let Ok(Some(request)) = server.recv_timeout(LOOK) {
                // Of a request that makes it panic the connection ends, and the next one is taken.
                let _ = catch_unwind(AssertUnwindSafe(|| line_up(request, &line, &*answer, &whose)));
            }
        }
    };
    let first = std::thread::Builder::new().name("web-line".to_owned()).spawn(receive).map_err(Fault::operator)?;
    handle.workers.push(first);
    Ok(handle)
}

/// Puts a request into the line, or answers whether the box is well.
fn line_up(
    incoming: tiny_http::Request,
    line: &Line<tiny_http::Request>,
    answer: &dyn Fn(&Request) -> Response,
    whose: &dyn Fn(&Request) -> String,
) {
    let request = Request::new(&incoming.method().to_string(), incoming.url(), headers(&incoming), &[]);
    // Another method may wait for a commit, which is the work of others.
    if request.method == Method::Get && request.path.as_ref().is_some_and(|path| *path == [WELL]) {
        return respond(incoming, guarded(&request, answer));
    }
    let whose = catch_unwind(AssertUnwindSafe(|| whose(&request))).unwrap_or_else(|_| request.peer.clone());
    line.put(whose, incoming);
}

fn headers(incoming: &tiny_http::Request) -> Vec<(String, String)> {
    incoming.headers().iter().map(|header| (header.field.to_string(), header.value.to_string())).collect()
}

fn serve_one(
    mut incoming: tiny_http::Request,
    folder: &Path,
    answer: &dyn Fn(&Request) -> Response,
    hold: &std::sync::mpsc::Sender<Held>,
) {
    let headers = headers(&incoming);
    let (method, target) = (incoming.method().to_string(), incoming.url().to_owned());
    if let Some(boundary) = upload::of(&target, &headers) {
        let request = match upload::take(incoming.as_reader(), &boundary, folder) {
            Ok(upload) => Request::with_upload(&method, &target, headers, upload),
            Err(error) => {
                log::warn!("web: a file was not taken: {}", words::speaking(words::first(), || why(&error)));
                let request = Request::new(&method, &target, headers, &[]);
                let answer = plain(&request, 422, || say!("error.file_not_taken", error = why(&error)));
                return respond(incoming, answer);
            }
        };
        let response = guarded(&request, answer);
        return respond(incoming, response);
    }
    let mut body = Vec::new();
    // One byte more than allowed shows a body that is too long; the gate has refused such before.
    if let Err(error) = incoming.as_reader().take(FORM_MOST as u64 + 1).read_to_end(&mut body) {
        log::debug!("web: {error}");
        return;
    }
    let request = Request::new(&method, &target, headers, &body);
    let response = match body.len() > FORM_MOST {
        true => plain(&request, 413, || say!("error.too_long")),
        false => guarded(&request, answer),
    };
    if !response.waits {
        return respond(incoming, response);
    }
    // Their thread lives as long as the workers; were it gone, the browser would see the connection end and ask again.
    let _ = hold.send(Held::new(incoming, request, response));
}

/// Answers a request, whatever its page does.
fn guarded(request: &Request, answer: &dyn Fn(&Request) -> Response) -> Response {
    catch_unwind(AssertUnwindSafe(|| answer(request))).unwrap_or_else(|_| {
        log::error!("web: a page panicked: {}", request.target.split('?').next().unwrap_or_default());
        plain(request, 500, || say!("error.fault"))
    })
}

/// Answers with a line of text, in the language of who asks.
fn plain(request: &Request, status: u16, line: impl FnOnce() -> String) -> Response {
    words::speaking(chosen(request), || Response::text(status, &format!("{}\n", line())).finish(request))
}

fn why(error: &NotTaken) -> String {
    match error {
        NotTaken::NotMade => say!("error.form_not_made"),
        NotTaken::Io(error) => error.to_string(),
    }
}

/// Sends an answer; a client that has left is no error.
pub fn respond(incoming: tiny_http::Request, response: Response) {
    if let Err(error) = incoming.respond(outgoing(response)) {
        log::debug!("web: {error}");
    }
}

fn outgoing(response: Response) -> tiny_http::Response<Cursor<Vec<u8>>> {
    let header = |(name, value): &(&str, String)| Header::from_bytes(name.as_bytes(), value.as_bytes()).ok();
    let headers = response.headers.iter().filter_map(header).collect();
    let length = response.body.len();
    let threshold = usize::MAX;
    tiny_http::Response::new(StatusCode(response.status), headers, Cursor::new(response.body), Some(length), None)
        .with_chunked_threshold(threshold)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    fn say(socket: &Path, words: &str) -> String {
        let mut stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(words.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_page_that_panics_costs_one_request_and_the_end_is_prompt() {
        let socket = std::env::temp_dir().join(format!("satpost-web-{}.socket", std::process::id()));
        std::fs::write(&socket, "left behind").unwrap();
        let handle = start(
            &socket,
            &std::env::temp_dir(),
            |request| match request.path.as_deref() {
                Some([first]) if first == "panic" => panic!("a fault of a page"),
                _ => Response::text(200, &format!("{} {}", request.peer, request.form.get("a"))).finish(request),
            },
            |request| request.peer.clone(),
            || (0, 0),
        )
        .unwrap();
        assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
        let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        for _ in 0..2 * WORKERS {
            assert!(say(&socket, &get("/panic")).starts_with("HTTP/1.1 500"));
        }
        let form = "POST / HTTP/1.1\r\nHost: x\r\nX-Satpost-Peer: 10.0.0.1\r\nConnection: close\r\nContent-Type: \
                    application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b";
        let answer = say(&socket, form);
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("10.0.0.1 b"), "{answer}");
        let head = say(&socket, &get("/").replace("GET", "HEAD"));
        assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
        let begin = std::time::Instant::now();
        handle.stop();
        assert!(begin.elapsed() < Duration::from_secs(2));
        assert!(UnixStream::connect(&socket).is_err());
    }

    #[test]
    fn seven_slow_pages_of_one_visitor_stop_nobody_else() {
        let socket = std::env::temp_dir().join(format!("satpost-web-slow-{}.socket", std::process::id()));
        let (begun, begins) = std::sync::mpsc::channel();
        // Whoever has it lets slow pages end.
        let (end, ends) = std::sync::mpsc::channel::<()>();
        let ends = std::sync::Mutex::new(ends);
        let answer = move |request: &Request| {
            if request.target == "/slow" {
                begun.send(request.peer.clone()).unwrap();
                let _ = ends.lock().unwrap().recv();
            }
            Response::text(200, &request.target).finish(request)
        };
        let whose = |request: &Request| request.peer.clone();
        let handle = start(&socket, &std::env::temp_dir(), answer, whose, || (0, 0)).unwrap();
        let ask = |path: &str, peer: &str| {
            let request =
                format!("GET {path} HTTP/1.1\r\nHost: x\r\nX-Satpost-Peer: {peer}\r\nConnection: close\r\n\r\n");
            say(&socket, &request)
        };
        std::thread::scope(|scope| {
            let slow: Vec<_> = (0..7).map(|_| scope.spawn(|| ask("/slow", "10.0.0.1"))).collect();
            for _ in 0..OF_ONE {
                assert_eq!(begins.recv_timeout(Duration::from_secs(20)).unwrap(), "10.0.0.1");
            }
            assert!(ask("/", "10.0.0.2").ends_with('/'));
            assert!(ask("/healthz", "10.0.0.1").ends_with("/healthz"), "of whom they are as well");
            // With a second one all workers have something to do.
            let other = scope.spawn(|| ask("/slow", "10.0.0.2"));
            assert_eq!(begins.recv_timeout(Duration::from_secs(20)).unwrap(), "10.0.0.2");
            assert!(ask("/healthz", "10.0.0.3").ends_with("/healthz"));
            assert!(slow.iter().all(|slow| !slow.is_finished()) && !other.is_finished());
            drop(end);
            assert!(slow.into_iter().chain([other]).all(|slow| slow.join().unwrap().ends_with("/slow")));
        });
        handle.stop();
    }

    #[test]
    fn what_the_server_says_itself_is_in_the_language_of_who_asks() {
        let rows = ["error.fault", "error.form_not_made"].map(|key| (key.to_owned(), "anders".to_owned()));
        let other: &'static _ = Box::leak(Box::new(words::Table::from_rows(rows.into_iter(), |_| "other")));
        let request = Request::new("GET", "/", Vec::new(), &[]);
        // Whatever the thread spoke before: the page that panics began in it.
        let panics = |_: &Request| words::speaking(other, || panic!("a fault of a page"));
        let said = words::speaking(other, || guarded(&request, &panics));
        assert_eq!(said.body, format!("{}\n", words::speaking(chosen(&request), || say!("error.fault"))).as_bytes());
        let spoken = words::spoken();
        let answer = guarded(&request, &panics);
        assert!(answer.status == 500 && std::ptr::eq(words::spoken(), spoken), "a panic leaves no language behind");
        let not_made = words::speaking(other, || plain(&request, 422, || why(&NotTaken::NotMade)));
        assert_ne!(not_made.body, b"anders\n");
    }

    #[test]
    fn a_question_that_waits_is_answered_when_something_changes_and_when_the_pages_end() {
        use std::sync::atomic::AtomicU64;
        let socket = std::env::temp_dir().join(format!("satpost-web-waits-{}.socket", std::process::id()));
        let news = Arc::new(AtomicU64::new(0));
        let (seen, counted) = (Arc::clone(&news), Arc::clone(&news));
        let (asked, asks) = std::sync::mpsc::channel();
        let answer = move |request: &Request| {
            let news = seen.load(Ordering::SeqCst);
            asked.send(()).unwrap();
            Response { waits: news == 0, ..Response::text(200, &format!("news {news}")).finish(request) }
        };
        let whose = |request: &Request| request.peer.clone();
        let changes = move || (counted.load(Ordering::SeqCst), 0);
        let handle = start(&socket, &std::env::temp_dir(), answer, whose, changes).unwrap();
        let get = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let place = socket.clone();
        let waiting = std::thread::spawn(move || say(&place, get));
        asks.recv_timeout(Duration::from_secs(20)).unwrap();
        news.store(7, Ordering::SeqCst);
        assert!(waiting.join().unwrap().ends_with("news 7"));
        news.store(0, Ordering::SeqCst);
        while asks.try_recv().is_ok() {}
        let waiting = std::thread::spawn(move || say(&socket, get));
        asks.recv_timeout(Duration::from_secs(20)).unwrap();
        handle.stop();
        assert!(waiting.join().unwrap().starts_with("HTTP/1.1 200"));
    }
}
