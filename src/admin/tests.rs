//! The pages as a browser sees them, without sockets; and the data that they are looked at with.

mod audiences;
mod console;
mod large;
mod live;
mod looks;
mod made_up;
mod moved;
mod release;
mod rights;
mod rights_table;
mod services;
mod stale;
mod tables;
mod wizard;
mod words;
mod written;

use std::sync::LazyLock;

use super::request::Request;
use super::response::Response;
use super::service::{Actor, PersonEdit};
use super::{App, auth, route};
use crate::clock::{Clock, Time};
use crate::engine::Context;
use crate::engine::link::coders::Coders;
use crate::people::{Person, Role};
use crate::store::Store;

const PASSWORD: &str = "a boat in the bay";

/// Of the owner and of the person; made once, because a debug build takes its time for each.
static HASHES: LazyLock<(String, String)> =
    LazyLock::new(|| (crate::password::hash(PASSWORD).unwrap(), crate::password::hash("kittiwake").unwrap()));

/// A box with its pages; the store goes with it.
struct Site {
    app: App,
    folder: std::path::PathBuf,
}

/// A browser: keeps cookies, fills tokens in.
struct Browser<'a> {
    site: &'a Site,
    cookies: Vec<(String, String)>,
    /// The language of its pages; that of the request if there is none.
    language: Option<&'static super::words::Table>,
}

impl Site {
    fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("satpost-pages-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self::at(std::env::temp_dir().join(name), &Clock::fake(Time(1_795_564_800_000)))
    }

    fn at(folder: std::path::PathBuf, clock: &Clock) -> Self {
        let store = Store::open(&folder, clock).unwrap();
        let (coders, (_, stop)) = (Coders::new(store.folder()), smol::channel::bounded(1));
        let context =
            Context { coders, callers: Default::default(), store, status: Default::default(), stop, link: None };
        Self { app: App::new(&context, std::sync::Arc::default()), folder }
    }

    /// With an owner `anna` and a person `ben`.
    fn with_people() -> Self {
        let site = Self::new();
        let service = site.app.service(Actor::command_line(0));
        service.add(&PersonEdit { name: "anna".into(), role: Role::Owner, ..PersonEdit::default() }).unwrap();
        service.add(&PersonEdit { name: "ben".into(), ..PersonEdit::default() }).unwrap();
        for (name, hash) in [("anna", &HASHES.0), ("ben", &HASHES.1)] {
            let person = Person { password: Some(hash.clone()), ..Person::clone(&service.person(name).unwrap()) };
            site.app.store.write(move |tx| tx.put_person(&person)).unwrap();
        }
        service.set("box.domain", "sea.org").unwrap();
        site
    }

    fn browser(&self) -> Browser<'_> {
        Browser { site: self, cookies: Vec::new(), language: None }
    }

    fn logged_in(&self, name: &str) -> Browser<'_> {
        let people = self.app.store.people();
        self.with_token(auth::open(&self.app.store, people.get(name).unwrap(), "192.168.1.7").unwrap().0)
    }

    fn with_token(&self, token: String) -> Browser<'_> {
        Browser { site: self, cookies: vec![(self.app.cookies.session.clone(), token)], language: None }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.app.store.close();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Browser<'_> {
    fn ask(&mut self, method: &str, target: &str, more: &[(&str, &str)], body: &str) -> Response {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut headers = vec![
            ("Host".to_owned(), "box.local".to_owned()),
            ("X-Satpost-Peer".to_owned(), "192.168.1.7".to_owned()),
            ("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
            ("Cookie".to_owned(), cookies.join("; ")),
        ];
        headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let request = Request::new(method, target, headers, body.as_bytes());
        let language = self.language.unwrap_or_else(|| route::chosen(&request));
        let answer = route::answer_in(language, &self.site.app, &request);
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| *name == "Set-Cookie") {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        answer
    }

    fn get(&mut self, target: &str) -> Response {
        self.ask("GET", target, &[], "")
    }

    /// Posts a form of the page `from`, with its token.
    fn post(&mut self, from: &str, target: &str, fields: &[(&str, &str)]) -> Response {
        let page = text(&self.get(from));
        let token = token_of(&page);
        let mut body = format!("csrf={token}");
        for (name, value) in fields {
            body += &format!("&{}={}", super::request::encode(name), super::request::encode(value));
        }
        self.ask("POST", target, &[("Origin", "http://box.local")], &body)
    }
}

fn text(answer: &Response) -> String {
    String::from_utf8(answer.body.clone()).unwrap()
}

fn place(answer: &Response) -> &str {
    assert_eq!(answer.status, 303, "{}", text(answer));
    answer.header("Location").unwrap()
}

#[test]
fn before_the_claim_there_is_only_the_claim() {
    let site = Site::new();
    let mut browser = site.browser();
    for path in ["/", "/messages", "/people/anna", "/login", "/nonsense", "/live?page=/"] {
        assert_eq!(place(&browser.get(path)), "/setup", "{path}");
    }
    assert_eq!(browser.get("/healthz").status, 200);
    assert_eq!(browser.get("/../x").status, 404);
    let code = site.app.service(Actor::command_line(0)).setup_code(false).unwrap();
    assert!(!text(&browser.get("/setup")).contains(&code));
    let fields = |code: &'static str| [("code", code), ("name", "anna"), ("password", PASSWORD), ("again", PASSWORD)];
    assert_eq!(browser.post("/setup", "/setup", &fields("0000-0000")).status, 422);
    let mut right = fields("");
    right[0].1 = &code;
    let answer = browser.post("/setup", "/setup", &right);
    assert_eq!(place(&answer), "/setup/box");
    assert_eq!(browser.get("/setup/box").status, 200);
    assert_eq!(place(&site.browser().get("/setup")), "/login?next=/setup");
}

#[test]
fn a_log_in_opens_a_session_that_ends() {
    let site = Site::with_people();
    let mut browser = site.browser();
    assert_eq!(place(&browser.get("/messages?tab=held")), "/login?next=/messages%3Ftab%3Dheld");
    let wrong = browser.post("/login", "/login", &[("name", "anna"), ("password", "wrong")]);
    assert_eq!(wrong.status, 401);
    let login = [("name", "Anna"), ("password", PASSWORD), ("next", "/\t/evil.org")];
    let answer = browser.post("/login", "/login", &login);
    assert_eq!(place(&answer), "/");
    let cookie = answer.header("Set-Cookie").unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=2592000"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let token = cookie.split(['=', ';']).nth(1).unwrap();
    let stored = site.app.store.read(|view| view.sessions()).unwrap();
    assert!(
        token.len() == 64
            && stored.iter().all(|(hash, json)| { hash != token && !String::from_utf8_lossy(json).contains(token) })
    );
    assert_eq!(browser.get("/").status, 200);
    let mut old = Browser { site: &site, cookies: browser.cookies.clone(), language: None };
    assert_eq!(place(&browser.post("/", "/logout", &[])), "/login");
    assert_eq!(place(&old.get("/")), "/login");
}

#[test]
fn sessions_end_with_time_password_and_number() {
    let site = Site::with_people();
    let service = site.app.service(Actor::command_line(0));
    let anna = service.person("anna").unwrap();
    let mut first = site.with_token(auth::open(&site.app.store, &anna, "").unwrap().0);
    assert_eq!(first.get("/").status, 200);
    site.app.store.clock().advance(std::time::Duration::from_secs(1));
    for _ in 0..20 {
        auth::open(&site.app.store, &anna, "").unwrap();
    }
    assert_eq!(first.get("/").status, 303);
    assert_eq!(site.app.store.read(|view| view.sessions()).unwrap().len(), 20);
    let mut idle = site.with_token(auth::open(&site.app.store, &anna, "").unwrap().0);
    site.app.store.clock().advance(std::time::Duration::from_secs(12 * 3600 - 1));
    assert_eq!(idle.get("/").status, 200);
    site.app.store.clock().advance(std::time::Duration::from_secs(12 * 3600 - 1));
    assert_eq!(idle.get("/").status, 200);
    site.app.store.clock().advance(std::time::Duration::from_secs(12 * 3600));
    assert_eq!(idle.get("/").status, 303);
    let mut sealed = site.with_token(auth::open(&site.app.store, &anna, "").unwrap().0);
    assert_eq!(sealed.get("/").status, 200);
    service.set_password("anna", "gulls over the pier").unwrap();
    assert_eq!(sealed.get("/").status, 303);
}

/// The token of the forms on a page.
fn token_of(page: &str) -> String {
    page.split("name=csrf value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[test]
fn guessing_a_password_is_slowed_and_does_not_lock_the_right_one_out() {
    let site = Site::with_people();
    let mut browser = site.browser();
    let mut status = |password| browser.post("/login", "/login", &[("name", "ben"), ("password", password)]).status;
    assert_eq!([status("a"), status("b"), status("kittiwake")], [401, 401, 303]);
    for _ in 0..5 {
        let other =
            super::request::Request::new("POST", "/login", vec![("X-Satpost-Peer".into(), "192.168.1.8".into())], b"");
        site.app.try_once(&other, "ben").unwrap();
    }
    let mut other = site.browser();
    let page = text(&other.get("/login"));
    let token = token_of(&page);
    let body = format!("csrf={token}&name=ben&password=kittiwake");
    // The address of the gate counts, and it comes first.
    let headers = [("Origin", "http://box.local")];
    other.cookies.push(("x".into(), "y".into()));
    assert_eq!(other.ask("POST", "/login", &headers, &body).status, 303);
}

#[test]
fn a_post_without_token_or_from_elsewhere_changes_nothing() {
    let site = Site::with_people();
    let mut browser = site.logged_in("anna");
    let page = text(&browser.get("/people"));
    let token = token_of(&page);
    let body = |token: &str| format!("csrf={token}&name=eve&home=here");
    let own = ("Origin", "http://box.local");
    for (headers, token) in [
        (&[own][..], ""),
        (&[own], &token[1..]),
        (&[own], &"0".repeat(64)),
        (&[], &token),
        (&[("Origin", "http://evil.org")], &token),
        (&[("Origin", "null")], &token),
        (&[("Sec-Fetch-Site", "cross-site")], &token),
    ] {
        assert_eq!(browser.ask("POST", "/people", headers, &body(token)).status, 403, "{headers:?}");
    }
    assert_eq!(browser.ask("PUT", "/people", &[own], &body(&token)).status, 405);
    assert!(site.app.store.people().get("eve").is_none());
    assert_eq!(browser.ask("POST", "/people", &[own], &body(&token)).status, 303);
    assert!(site.app.store.people().get("eve").is_some());
    // The same for forms before the log-in.
    let mut stranger = site.browser();
    let body = format!("name=anna&password={PASSWORD}");
    assert_eq!(stranger.ask("POST", "/login", &[own], &body).status, 403);
}

#[test]
fn what_others_wrote_is_text_on_every_page() {
    let site = Site::with_people();
    let mut browser = site.logged_in("anna");
    let bad = "<script>alert(1)</script>\"'><img src=x>";
    let edit = [("name", "eve"), ("full_name", bad), ("home", "here")];
    assert_eq!(browser.post("/people", "/people", &edit).status, 303);
    let message = [("to", "ben@sea.org"), ("subject", bad), ("text", bad), ("do", "send")];
    let place = place(&browser.post("/compose", "/compose", &message)).to_owned();
    let search = format!("/messages?q={}&tab={}", super::request::encode(bad), super::request::encode(bad));
    let pages = ["/", "/people", "/people/eve", &place, &search, "/compose?to=%3Cscript%3E", "/messages"];
    for page in pages {
        let html = text(&browser.get(page));
        assert!(!html.contains("<script>") && !html.contains("<img src=x"), "{page}");
        assert!(!html.contains("\"'>"), "{page}");
    }
    let answer = browser.post("/compose", "/compose", &[("to", bad), ("subject", bad), ("text", bad)]);
    assert_eq!(answer.status, 422);
    assert!(!text(&answer).contains("<script>"));
}

#[test]
fn every_answer_carries_the_headers_and_pages_are_not_kept() {
    let site = Site::with_people();
    let mut browser = site.logged_in("anna");
    for page in ["/", "/login", "/healthz", "/nothing", "/../x", "/live?page=/", "/assets/x", "/help"] {
        let answer = browser.get(page);
        let policy = answer.header("Content-Security-Policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{page}");
        assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"), "{page}");
        assert!(answer.header("Cache-Control").is_some_and(|value| value.contains("no-")), "{page}");
    }
    let style = super::assets::path("style");
    let answer = browser.get(&style);
    assert!(answer.header("Cache-Control").unwrap().contains("immutable"));
    let packed = browser.ask("GET", &style, &[("Accept-Encoding", "gzip, deflate")], "");
    assert_eq!(packed.header("Content-Encoding"), Some("gzip"));
    assert!(packed.body.len() * 2 < answer.body.len());
    assert_eq!(browser.get("/assets/style-0000000000.css").status, 404);
}

#[test]
fn persons_see_their_own_and_nothing_else() {
    let site = Site::with_people();
    let mut anna = site.logged_in("anna");
    let send = |browser: &mut Browser, to: &str, subject: &str| {
        let fields = [("to", to), ("subject", subject), ("text", "hello"), ("do", "send")];
        place(&browser.post("/compose", "/compose", &fields)).to_owned()
    };
    let to_ben = send(&mut anna, "ben@sea.org", "for ben");
    let outside = send(&mut anna, "x@outside.org", "not for ben");
    let mut ben = site.logged_in("ben");
    assert_eq!(place(&ben.get("/")), "/mailbox");
    assert!(text(&ben.get("/mailbox")).contains("for ben"));
    assert!(!text(&ben.get("/messages")).contains("not for ben"));
    assert_eq!(ben.get(&to_ben).status, 200);
    assert_eq!(ben.get(&outside).status, 404);
    for page in [
        "/people",
        "/people/anna",
        "/settings/box",
        "/links",
        "/links/boat/lines",
        "/setup/box",
        "/messages/quarantine",
    ] {
        assert_eq!(ben.get(page).status, 403, "{page}");
    }
    let cancel = format!("{outside}/cancel");
    for (target, fields) in [
        ("/people", &[("name", "eve")][..]),
        ("/people/anna/remove", &[]),
        ("/settings/box", &[("box.name", "mine")]),
        ("/setup/box", &[("box.name", "mine")]),
        ("/links/boat/unlock", &[("password", "kittiwake")]),
        (&cancel, &[]),
    ] {
        assert_eq!(ben.post("/account", target, fields).status, 403, "{target}");
    }
    for page in ["/", "/people", "/links", &outside, "/nonsense", "//evil.org", ""] {
        assert!([404, 205].contains(&ben.get(&format!("/live?page={page}")).status), "{page}");
    }
    let own = send(&mut ben, "anna@sea.org", "from ben");
    assert_eq!(ben.get(&own).status, 200);
}

#[test]
fn forms_do_what_they_say() {
    let site = Site::with_people();
    let mut anna = site.logged_in("anna");
    let answer = anna.post(
        "/settings/mail-out",
        "/settings/mail-out",
        &[("relay.host", "mail.x.org"), ("relay.password", "hush")],
    );
    assert_eq!(place(&answer), "/settings/mail-out");
    let page = text(&anna.get("/settings/mail-out"));
    assert!(page.contains("relay.host is mail.x.org now") && !page.contains("hush"));
    assert!(!text(&anna.get("/settings/mail-out")).contains("relay.host is mail.x.org now"));
    assert_eq!(anna.post("/settings/box", "/settings/box", &[("box.time_zone", "Mars/X")]).status, 422);
    assert_eq!(anna.post("/people/ben", "/people/ben", &[("full_name", "Ben B"), ("home", "here")]).status, 303);
    assert!(text(&anna.get("/people")).contains("Ben B"));
    assert_eq!(anna.post("/people/ben", "/people/ben/disable", &[]).status, 303);
    assert!(site.app.store.people().get("ben").unwrap().disabled);
    let message = [("to", "x@outside.org"), ("subject", "s"), ("text", "t"), ("do", "send")];
    let message = place(&anna.post("/compose", "/compose", &message)).to_owned();
    assert_eq!(anna.post(&message, &format!("{message}/hold"), &[]).status, 303);
    assert!(text(&anna.get("/")).contains("One message is held"));
    assert_eq!(anna.post(&message, &format!("{message}/release"), &[]).status, 303);
    assert_eq!(anna.post(&message, &format!("{message}/cancel"), &[]).status, 303);
    assert_eq!(anna.post(&message, &format!("{message}/hold"), &[]).status, 409);
    let waive = anna.post("/", "/setup/test", &[("do", "waive")]);
    assert_eq!(place(&waive), "/");
}

#[test]
fn lines_of_the_console_come_once() {
    let site = Site::with_people();
    made_up::fill(&site.app);
    let mut anna = site.logged_in("anna");
    let lines = anna.get("/links/boat/lines?after=0");
    let next = serde_json::from_slice::<serde_json::Value>(&lines.body).unwrap()["next"].as_u64().unwrap();
    assert!(next > 0);
    assert!(anna.get(&format!("/links/boat/lines?after={next}")).body.len() < 40);
}

#[test]
fn no_page_fails_on_the_data_of_a_busy_box_or_of_an_empty_one() {
    let busy = Site::with_people();
    made_up::fill(&busy.app);
    for (site, least) in [(&busy, 400), (&Site::with_people(), 300)] {
        let mut anna = site.logged_in("anna");
        for page in looks::PAGES {
            let answer = anna.ask("GET", page, &[("Accept-Encoding", "gzip")], "");
            if answer.status == 303
                || site.app.store.message(crate::message::Id(1)).unwrap().is_none()
                    && (page.contains("/m") || page.contains("/links/"))
                || site.app.store.people().far_boxes().next().is_none() && page.contains("/far-boxes/")
            {
                continue;
            }
            assert_eq!(answer.status, 200, "{page}");
            assert!(answer.body.len() > least && answer.body.len() < 12 * 1024, "{page}: {}", answer.body.len());
        }
    }
}

#[test]
fn whatever_is_asked_gets_an_answer() {
    let site = Site::with_people();
    made_up::fill(&site.app);
    let session = auth::open(&site.app.store, site.app.store.people().get("anna").unwrap(), "").unwrap();
    let (token, csrf) = (session.0, session.1.session.csrf);
    let words = [
        "/",
        "..",
        "%2e",
        "people",
        "messages",
        "m1",
        "m18446744073709551615",
        "settings",
        "?",
        "&",
        "=",
        "%",
        "%ff",
        "before=m0",
        "after=-1",
        "q=",
        "state=held",
        "\0",
        "\u{e9}",
        "links",
        "lines",
        "setup",
        "box",
        "help",
        "eml",
        ".",
        "live?page=/",
        "compose",
        "reply=m1",
        "mailbox",
        "read",
        "hold",
        "anna",
        "password",
        "remove",
        "test",
    ];
    let mut random = 42_u32;
    let mut next = |most: usize| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 8) as usize % most
    };
    for turn in 0..1000 {
        let target: String =
            (0..next(7)).map(|_| format!("{}{}", words[next(words.len())], ["", "/"][next(2)])).collect();
        let target = if next(4) == 0 { target } else { format!("/{target}") };
        let body: String = (0..next(5)).map(|_| words[next(words.len())]).collect();
        let headers = [
            ("Host", "box.local".to_owned()),
            ("Origin", "http://box.local".to_owned()),
            ("Cookie", format!("{}={token}", site.app.cookies.session)),
            ("Content-Type", "application/x-www-form-urlencoded".to_owned()),
        ];
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        // Argon2 is slow in a debug build, and the store's disk too: few of the turns change something.
        let method = if turn % 50 == 0 { "POST" } else { "GET" };
        let body = if method == "POST" { format!("csrf={csrf}&{body}") } else { body };
        let answer = route::answer(&site.app, &Request::new(method, &target, headers, body.as_bytes()));
        assert!((200..=504).contains(&answer.status) && answer.status != 500, "{method} {target} {body}");
    }
}
