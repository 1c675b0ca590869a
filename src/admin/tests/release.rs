//! What a release costs stands beside it, for one message and for all of its sender.

use super::*;
use crate::message::{Message, Origin, State, Way};
use crate::store::{BodyIn, IncomingMail};

/// A box with messages of a stranger on hold for a device, a packet for 0.07 EUR and ten packets a month.
fn site() -> Site {
    let site = Site::with_people();
    let service = site.app.service(Actor::command_line(0));
    let on_device = |name: &str, device: &str| PersonEdit {
        name: name.into(),
        on_device: true,
        device: device.into(),
        ..PersonEdit::default()
    };
    service.add(&on_device("dora", "0x001abe")).unwrap();
    service.set("box.reach", "internet").unwrap();
    service.add_link("boat", "hive", &[("link.price".into(), "0.07".into())]).unwrap();
    service.set("price.currency", "EUR").unwrap();
    service.set("budget.packets", "10").unwrap();
    let held = |from: &str| Message {
        origin: Origin::Smtp,
        from: from.parse().unwrap(),
        to: "dora@sea.org".parse().unwrap(),
        state: State::Held,
        way: Way::Link,
        ..Message::sample()
    };
    for from in ["mum@example.org", "mum@example.org", "robot@example.org", "mum@example.org"] {
        let body = BodyIn::Bytes(b"From: x@example.org\r\n\r\nHello.\r\n".to_vec());
        site.app.store.put(IncomingMail { messages: vec![held(from)], body }).unwrap();
    }
    site
}

#[test]
fn the_price_and_the_budget_stand_beside_the_release() {
    let site = site();
    let page = text(&site.logged_in("anna").get("/messages/m1"));
    assert!(page.contains("Releasing it costs <strong>1 packet, 0.07 EUR</strong>"), "{page}");
    assert!(page.contains("Left this month: 9 packets of the box."), "{page}");
    assert!(page.contains("all of them cost <strong>3 packets, 0.21 EUR</strong>"), "{page}");
    let page = text(&site.logged_in("anna").get("/messages/m3"));
    assert!(page.contains("1 packet, 0.07 EUR") && !page.contains("all of them cost"), "{page}");
}

#[test]
fn all_of_a_sender_are_released_until_the_budget_ends() {
    let site = site();
    let service = site.app.service(Actor::command_line(0));
    service.set("budget.packets", "2").unwrap();
    let mut anna = site.logged_in("anna");
    assert_eq!(place(&anna.post("/messages/m1", "/messages/m1/release-all", &[])), "/messages/m1");
    let page = text(&anna.get("/messages/m1"));
    assert!(page.contains("2 messages are released. 1 more goes with a larger budget or in the next month."), "{page}");
    let state = |id| site.app.store.message(crate::message::Id(id)).unwrap().unwrap().state;
    assert_eq!([1, 2, 3, 4].map(state), [State::Queued, State::Queued, State::Held, State::Held]);
    assert!(page.contains("released"), "{page}");
}
