//! The set-up in steps tells what was proven, and where the eye is.

use super::*;
use crate::message::LinkId;

/// The step of the page that its list calls so: its classes.
fn classes<'p>(page: &'p str, step: &str) -> &'p str {
    page.split(&format!("href=\"/setup/{step}\" class=\"")).nth(1).unwrap().split('"').next().unwrap()
}

#[test]
fn a_link_is_done_when_it_has_answered_and_then_nothing_is_skipped() {
    let site = Site::with_people();
    made_up::fill(&site.app);
    let ready = |is| {
        site.app.status.set(|facts| facts.links.get_mut(&LinkId::FIRST).unwrap().health.as_mut().unwrap().ready = is)
    };
    let mut anna = site.logged_in("anna");
    ready(false);
    let page = text(&anna.get("/setup/link?test=1"));
    assert!(classes(&page, "link") == "light" && page.contains(">Skip</a>") && !page.contains(">Go on</a>"), "{page}");
    assert!(page.find("<h2>Test</h2>").unwrap() < page.find("action=\"/setup/link\"").unwrap());
    ready(true);
    let page = text(&anna.get("/setup/link?test=1"));
    assert!(
        classes(&page, "link") == "light good" && !page.contains(">Skip</a>") && page.contains(">Go on</a>"),
        "{page}"
    );
}

/// What few owners touch is folded away, and open where something of it is set or wrong.
#[test]
fn limits_and_timetables_of_a_link_are_folded_away_until_they_are_set() {
    let site = Site::with_people();
    let service = site.app.service(Actor::command_line(0));
    service.add_link("boat", "m138", &[]).unwrap();
    let mut anna = site.logged_in("anna");
    let summary = "<summary>Allowance, timetable and limits</summary>";
    for page in ["/links/boat", "/setup/link"] {
        let html = text(&anna.get(page));
        let (common, rare) =
            html.split_once(&format!("<details>{summary}")).unwrap_or_else(|| panic!("{page}: {html}"));
        assert!(common.contains("name=\"link.price\"") && common.contains("name=\"m138.port\""), "{page}: {html}");
        assert!(rare.contains("name=\"link.least\"") && !common.contains("name=\"link.least\""), "{page}: {html}");
    }
    let wrong = anna.post("/links/boat", "/links/boat", &[("link.price", "0"), ("link.free", "many")]);
    assert!(wrong.status == 422 && text(&wrong).contains(&format!("<details open>{summary}")), "{}", text(&wrong));
    service.set_link("boat", &[("link.free".into(), "10".into())]).unwrap();
    assert!(text(&anna.get("/links/boat")).contains(&format!("<details open>{summary}")));
}

#[test]
fn a_relay_that_was_only_written_down_is_not_done() {
    let site = Site::with_people();
    let service = site.app.service(Actor::command_line(0));
    service.set("box.reach", "internet").unwrap();
    let mut anna = site.logged_in("anna");
    // A port that nobody listens at.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let fields = [("relay.host", "127.0.0.1"), ("relay.port", &port), ("relay.tls", "none"), ("do", "test")];
    let page = text(&anna.post("/setup/relay", "/setup/relay", &fields));
    assert!(page.contains("it does not work") && classes(&page, "relay") == "light", "{page}");
    assert!(page.find("it does not work").unwrap() < page.find("action=\"/setup/relay\"").unwrap());
    assert_eq!(classes(&text(&anna.get("/setup/box")), "relay"), "light");
}

#[test]
fn claiming_by_guessing_is_slowed() {
    let site = Site::new();
    site.app.service(Actor::command_line(0)).setup_code(false).unwrap();
    let mut browser = site.browser();
    let statuses: Vec<_> = (0..7)
        .map(|_| browser.post("/setup", "/setup", &[("code", "x"), ("password", "y"), ("again", "y")]).status)
        .collect();
    assert_eq!(statuses, [422, 422, 422, 422, 422, 429, 429]);
}
