//! What is old is shown as old, and what waits in vain is no green tick.

use super::*;
use crate::message::{LinkId, Message, Origin, State, Way};
use crate::status::LinkStatus;
use crate::store::{BodyIn, IncomingMail};

/// Takes the modem away.
fn unplug(site: &Site) {
    site.app.store.clock().advance(std::time::Duration::from_secs(3600));
    let now = site.app.store.clock().now();
    site.app.status.set(|facts| {
        let link = facts.links.get_mut(&LinkId::FIRST).unwrap();
        link.health.as_mut().unwrap().ready = false;
        link.up.heard(false, now);
    });
    site.app.store.clock().advance(std::time::Duration::from_secs(1800));
}

#[test]
fn the_position_of_a_modem_that_is_gone_is_the_last_known_one_with_its_age() {
    let site = Site::with_people();
    made_up::fill(&site.app);
    let mut anna = site.logged_in("anna");
    for page in ["/", "/links/boat"] {
        let html = text(&anna.get(page));
        assert!(html.contains("3D") && !html.contains("ast known"), "{page}: {html}");
    }
    unplug(&site);
    for page in ["/", "/links/boat", "/setup/link"] {
        let html = text(&anna.get(page));
        assert!(!html.contains("3D"), "{page}: {html}");
    }
    for page in ["/", "/links/boat"] {
        let html = text(&anna.get(page));
        assert!(html.contains("ast known, ") && html.contains(">30 min ago<"), "{html}");
        assert!(html.contains("dBm 90 min ago.") && !html.contains("dBm now"), "{html}");
    }
}

/// What gpsd tells stands on the front page as on the map, also on a box that has no modem.
#[test]
fn the_position_of_gpsd_is_on_the_dashboard_with_its_age() {
    let site = Site::with_people();
    let mut anna = site.logged_in("anna");
    let page = text(&anna.get("/"));
    assert!(!page.contains("Position") && !page.contains("Signal, 24 hours"), "no modem, no tiles of it: {page}");
    let now = site.app.store.clock().now();
    site.app.status.set(|facts| {
        facts.gps =
            Some(crate::status::Gps { state: crate::status::GpsState::Fix, place: Some((38.5312, -28.6243, now)) });
    });
    let page = text(&anna.get("/"));
    assert!(page.contains("38.5312") && page.contains("receiver of gpsd") && !page.contains("ast known"), "{page}");
    assert!(text(&anna.get("/health")).contains("/position"));
    site.app.store.clock().advance(std::time::Duration::from_secs(1800));
    let page = text(&anna.get("/"));
    assert!(page.contains("38.5312") && page.contains("ast known, ") && page.contains(">30 min ago<"), "{page}");
}

/// Of two links one is away: a line comes back by itself, a modem needs somebody; neither is a green tick.
#[test]
fn a_link_that_is_away_beside_one_that_is_ready_is_no_green_tick() {
    let site = Site::with_people();
    made_up::fill(&site.app);
    let mut anna = site.logged_in("anna");
    let light = |anna: &mut Browser| {
        let page = text(&anna.get("/"));
        let (tone, rest) = page.split_once("\" data-light=\"Link\"").unwrap();
        let words = rest.split("data-say=\"Link\">").nth(1).unwrap().split('<').next().unwrap();
        (tone.rsplit(' ').next().unwrap().to_owned(), words.to_owned(), page)
    };
    assert_eq!(light(&mut anna).0, "good");
    let away = |of: &str, ready| {
        site.app.status.set(|facts| {
            let mut other = facts.links[&LinkId::FIRST].clone();
            (other.name, other.driver) = ("other".to_owned(), of.to_owned());
            other.health.as_mut().unwrap().ready = ready;
            facts.links.insert(LinkId(7), other);
        });
    };
    away("ip", true);
    let (tone, words, _) = light(&mut anna);
    assert_eq!((tone.as_str(), words.as_str()), ("good", "ready"));
    away("ip", false);
    let (tone, words, page) = light(&mut anna);
    assert_eq!((tone.as_str(), words.as_str()), ("wait", "1 of 2 ready"));
    assert!(page.contains("<p class=\"note \"><span>Link other:"), "{page}");
    away("sbd", false);
    let (tone, _, page) = light(&mut anna);
    assert!(tone == "warn" && page.contains("<p class=\"note warn\"><span>Link other:"), "{page}");
}

/// An Iridium modem tells bars: they are drawn on its page and on the dashboard.
#[test]
fn the_bars_of_a_modem_are_drawn() {
    let site = Site::with_people();
    let service = site.app.service(Actor::command_line(0));
    let link = service.add_link("sat", "sbd", &[("link.price".into(), "0.12".into())]).unwrap();
    let now = site.app.store.clock().now();
    let ago = |minutes: u64| now - std::time::Duration::from_secs(60 * minutes);
    let mut anna = site.logged_in("anna");
    assert!(text(&anna.get("/")).contains("Nothing was measured in the last 24 hours."));
    let samples: Vec<_> = (0..5_u8).map(|bars| ("bars", ago(50 - 10 * u64::from(bars)), f64::from(bars))).collect();
    site.app.store.write(move |tx| tx.samples(link.id, &samples)).unwrap();
    // The last value is the present one while the modem answers, and no longer.
    let standing = |port: Option<&str>| {
        let health = crate::link::Health { port: port.map(str::to_owned), bars: Some(4), ..Default::default() };
        site.app.status.set(|facts| {
            let up = crate::links::Uptime::new(now);
            let (name, driver) = ("sat".to_owned(), "sbd".to_owned());
            let status = LinkStatus {
                name,
                driver,
                health: Some(health),
                up,
                far_boxes: Default::default(),
                silent: Vec::new(),
            };
            facts.links.insert(link.id, status);
        });
    };
    standing(Some("/dev/ttyUSB0"));
    for page in ["/", "/links/sat"] {
        let page = text(&anna.get(page));
        assert!(page.contains("From 0 to 4 bars of 5 in the last 24 hours, 4 bars of 5 now."), "{page}");
    }
    standing(None);
    for page in ["/", "/links/sat"] {
        let page = text(&anna.get(page));
        assert!(page.contains("4 bars of 5 10 min ago."), "{page}");
        assert!(!page.contains("signal: 4 of 5 bars"), "{page}");
        assert!(page.contains("aria-labelledby=\"bars-t bars-d\"") && !page.contains("dBm"), "{page}");
    }
}

#[test]
fn a_queue_that_nothing_takes_is_no_green_tick() {
    let site = Site::with_people();
    made_up::fill(&site.app);
    let mut anna = site.logged_in("anna");
    let queue = |anna: &mut Browser| {
        let html = text(&anna.get("/people"));
        let (tone, rest) = html.split_once("\" data-light=\"Queue\"").unwrap();
        let tone = tone.rsplit(' ').next().unwrap().to_owned();
        (tone, rest.split("</a>").next().unwrap().to_owned())
    };
    // The made-up box has messages on hold as well: those need somebody whatever the link does.
    assert_eq!(queue(&mut anna).0, "warn");
    let site = Site::with_people();
    let service = site.app.service(Actor::command_line(0));
    service.add_link("boat", "m138", &[("link.price".into(), "0".into())]).unwrap();
    let waits = |way| Message { origin: Origin::Smtp, state: State::Queued, way, ..Message::sample() };
    let mut anna = site.logged_in("anna");
    assert_eq!(queue(&mut anna).0, "good");
    let put = |way| {
        let body = BodyIn::Bytes(b"From: x@example.org\r\n\r\nHello.\r\n".to_vec());
        site.app.store.put(IncomingMail { messages: vec![waits(way)], body }).unwrap();
        crate::admin::pages::queue::forget(&site.app);
    };
    put(Way::Relay);
    assert_eq!(queue(&mut anna).0, "wait");
    put(Way::Link);
    let (tone, words) = queue(&mut anna);
    assert!(tone == "warn" && words.contains("2 waiting, stuck"), "{tone} {words}");
    assert!(text(&anna.get("/")).contains("No link is ready."));
}

/// What left for a far box that says nothing is not done: it has one colour wherever it is shown, and that is not green.
#[test]
fn what_a_silent_far_box_has_not_confirmed_is_green_nowhere() {
    let site = Site::with_people();
    let service = site.app.service(Actor::command_line(0));
    service.add_link("boat", "m138", &[("link.price".into(), "0".into())]).unwrap();
    let now = site.app.store.clock().now();
    let put = |state: State, receipt: bool| {
        let one = Message {
            origin: Origin::Web,
            author: Some("anna".to_owned()),
            state,
            way: Way::Link,
            receipt_until: receipt.then(|| now + std::time::Duration::from_secs(86_400)),
            next: now,
            ..Message::sample()
        };
        let body = BodyIn::Bytes(b"From: anna@sea.org\r\n\r\nHello.\r\n".to_vec());
        site.app.store.put(IncomingMail { messages: vec![one], body }).unwrap().ids()[0]
    };
    let mut anna = site.logged_in("anna");
    // The colour of a badge with these words.
    let tones = |page: &str, words: &str| {
        let badges = page.split("<span class=\"badge ").skip(1).filter_map(|rest| {
            let (tone, rest) = rest.split_once("\">")?;
            (rest.split('<').next() == Some(words)).then(|| tone.to_owned())
        });
        badges.collect::<Vec<_>>()
    };
    for (state, receipt, tone) in [
        (State::Sent, true, "wait"),
        (State::FarBox, false, "wait"),
        (State::Unconfirmed, false, "warn"),
        (State::Sent, false, "good"),
    ] {
        let id = put(state, receipt);
        crate::admin::pages::queue::forget(&site.app);
        let message = text(&anna.get(&format!("/messages/{id}")));
        let found = tones(&message, state.words());
        assert!(found.len() > 1 && found.iter().all(|found| found == tone), "{state:?} {receipt}: {found:?}");
        let list = text(&anna.get("/messages"));
        let row = list.split(&format!("<tr id={id}>")).nth(1).unwrap().split("<tr").next().unwrap();
        assert_eq!(tones(row, state.words()), [tone], "{row}");
        let sent = text(&anna.get("/mailbox?folder=2"));
        let row = sent.split("<tr id=u2-").nth(1).unwrap();
        assert_eq!(tones(row, state.words()), [tone], "{state:?} {receipt}: {row}");
        let uid = row.split([' ', '>']).next().unwrap();
        assert_eq!(tones(&text(&anna.get(&format!("/mailbox/2/{uid}"))), state.words()), [tone]);
    }
    // Only what has its receipt still to come is open.
    assert_eq!(tones(&text(&anna.get("/")), State::Sent.words()), ["wait"]);
}
