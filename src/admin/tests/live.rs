//! An open page follows what it shows.

use super::*;
use crate::admin::server::held;

/// What a page says that it shows.
fn have(page: &Response) -> String {
    text(page).split("data-have=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// The question of an open page for what has changed.
fn live(browser: &mut Browser, page: &str, have: &str) -> Response {
    browser.get(&format!(
        "/live?page={}&have={}",
        crate::admin::request::encode(page),
        crate::admin::request::encode(have)
    ))
}

#[test]
fn an_open_page_is_told_what_has_changed_and_nothing_else() {
    let site = Site::with_people();
    made_up::fill(&site.app);
    let mut anna = site.logged_in("anna");
    for page in looks::PAGES {
        let shown = anna.get(page);
        if shown.status != 200 {
            continue;
        }
        let answer = live(&mut anna, page, &have(&shown));
        assert!(answer.waits && [200, 204].contains(&answer.status), "{page}: {}", text(&answer));
        // What a form has said is for the next visit, and no script takes it away.
        site.app.tell(
            &auth::visitor(&site.app.store, &site.app.cookies, &request_of(&anna)).unwrap().unwrap().hash,
            crate::admin::Told { words: "Done.".into(), undo: None },
        );
        live(&mut anna, page, "");
        assert!(text(&anna.get(page)).contains("Done."), "{page}");
    }
}

/// A request with the cookies of a browser.
fn request_of(browser: &Browser) -> Request {
    let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Request::new("GET", "/", vec![("Cookie".to_owned(), cookies.join("; "))], b"")
}

#[test]
fn a_person_sees_how_a_message_goes_on_and_what_comes() {
    let site = Site::with_people();
    let (mut anna, mut ben) = (site.logged_in("anna"), site.logged_in("ben"));
    let send = |from: &mut Browser, to: &str| {
        let fields = [("to", to), ("subject", "Tide"), ("text", "hello"), ("do", "send")];
        place(&from.post("/compose", "/compose", &fields)).to_owned()
    };
    let own = send(&mut ben, "x@outside.org");
    let (page, mailbox) = (have(&ben.get(&own)), have(&ben.get("/mailbox")));
    assert!(live(&mut ben, &own, &page).waits);
    anna.post(&own, &format!("{own}/hold"), &[]);
    let answer = live(&mut ben, &own, &page);
    let told: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert!(!answer.waits && told["parts"]["state"].as_str().unwrap().contains("held"), "{told}");
    assert!(told["parts"]["steps"].is_string() && told["parts"].get("title").is_none(), "{told}");
    send(&mut anna, "ben@sea.org");
    let told: serde_json::Value = serde_json::from_slice(&live(&mut ben, "/mailbox", &mailbox).body).unwrap();
    assert!(told["parts"]["list"].as_str().unwrap().contains("Tide"), "{told}");
    assert!(
        told["parts"]["unread"].as_str().unwrap().contains("1")
            && told["parts"]["title"].as_str().unwrap().starts_with("(1) "),
        "{told}"
    );
}

/// What a browser sends with each question beside the question itself, in bytes: Chromium's own headers and the cookies.
const REQUEST: usize = 800;

#[test]
fn a_dashboard_at_rest_costs_less_than_300_kb_an_hour() {
    let site = Site::with_people();
    made_up::fill(&site.app);
    // The picture moves on with each five minutes; this is between two of them.
    site.app.store.clock().advance(std::time::Duration::from_secs(60));
    let mut anna = site.logged_in("anna");
    let have = have(&anna.get("/"));
    site.app.store.clock().advance(held::LONGEST);
    let target = format!("/live?page=/&have={}", crate::admin::request::encode(&have));
    let answer = anna.ask("GET", &target, &[("Accept-Encoding", "gzip")], "");
    assert!(answer.waits);
    let head: usize = answer.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
    let one = REQUEST + target.len() + head + answer.body.len();
    let hour = 3600 / usize::try_from(held::LONGEST.as_secs()).unwrap() * one;
    println!("{one} bytes a question, {hour} an hour");
    assert!(hour < 300_000, "{one} bytes a question, {hour} an hour");
}
