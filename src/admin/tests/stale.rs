//! What is old is shown as old, and what waits in vain is no green tick.

use super::*;
use crate::message::{LinkId, Message, Origin, State, Way};
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
    let waits = |way| Message { door: Origin::Smtp, state: State::Queued, way, ..Message::sample() };
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
