//! Serves the pages with made-up data on a Unix socket, to look at them through any proxy that sends
//! `Connection: close`: `SATPOST_LOOK=/tmp/look.socket cargo test --bin satpost looks -- --ignored --nocapture`.

use super::*;
use crate::admin::{route, server};

/// Pages of an owner that a look goes over.
pub const PAGES: [&str; 45] = [
    "/",
    "/messages",
    "/messages?tab=held",
    "/messages/quarantine",
    "/messages/m1",
    "/messages/m2",
    "/messages/m3",
    "/compose",
    "/mailbox",
    "/mailbox/m4",
    "/mailbox?folder=2",
    "/people",
    "/people/ben",
    "/far-boxes",
    "/far-boxes/1",
    "/far-boxes/1/position",
    "/position",
    "/settings/box",
    "/settings/mail-in",
    "/settings/mail-out",
    "/links",
    "/links/boat",
    "/pair",
    "/account",
    "/audit",
    "/log-ins",
    "/usage",
    "/usage?by=person",
    "/costs",
    "/health",
    "/help/metrics",
    "/help",
    "/help/modem",
    "/help/iridium",
    "/help/links",
    "/help/far-boxes",
    "/help/gateways",
    "/help/internet",
    "/help/known-issues",
    "/help/mail-programs",
    "/setup/box",
    "/setup/link",
    "/setup/people",
    "/setup/relay",
    "/setup/test",
];

#[test]
#[ignore = "serves until it is killed, for a look with a browser"]
fn looks_by_hand() {
    let place = std::env::var("SATPOST_LOOK").unwrap_or_else(|_| "/tmp/satpost-look.socket".to_owned());
    let folder = std::env::temp_dir().join(format!("satpost-looks-{}", std::process::id()));
    let site = Site::at(folder, &Clock::system());
    let empty = std::env::var("SATPOST_LOOK_EMPTY").is_ok();
    if empty {
        println!("code {}", site.app.service(Actor::command_line(0)).setup_code(false).unwrap());
    } else {
        let service = site.app.service(Actor::command_line(0));
        let anna = PersonEdit {
            name: "anna".into(),
            full_name: "Anna Berg".into(),
            role: Role::Owner,
            password: PASSWORD.into(),
            ..PersonEdit::default()
        };
        service.add(&anna).unwrap();
        let ben = PersonEdit {
            name: "ben".into(),
            full_name: "Ben Hollis".into(),
            password: "kittiwake".into(),
            on_device: true,
            device: "6846".into(),
            ..PersonEdit::default()
        };
        service.add(&ben).unwrap();
        for (name, role) in [("olga", Role::Operator), ("carl", Role::Person)] {
            let other = PersonEdit { name: name.into(), role, password: PASSWORD.into(), ..PersonEdit::default() };
            service.add(&other).unwrap();
        }
        service
            .set_all(&[
                ("box.domain".into(), "tern.example.org".into()),
                ("box.name".into(), "tern".into()),
                ("box.time_zone".into(), "Europe/Lisbon".into()),
            ])
            .unwrap();
        made_up::fill(&site.app);
    }
    let _handle = {
        let (store, status) = (site.app.store.clone(), site.app.status.clone());
        let changes = move || (store.ledger().unwrap().commits, status.changes());
        server::start(
            place.as_ref(),
            &std::env::temp_dir(),
            move |request| route::answer(&site.app, request),
            |it| it.peer.clone(),
            changes,
        )
        .unwrap()
    };
    println!("{place} anna / {PASSWORD}");
    loop {
        std::thread::park();
    }
}

#[test]
fn a_broken_store_has_one_page_and_no_set_up() {
    let request = |target: &str| Request::new("GET", target, vec![], b"");
    for path in ["/", "/setup", "/login", "/people/anna"] {
        let answer = route::answer_broken("the file is damaged", &request(path));
        assert_eq!(answer.status, 503);
        assert!(text(&answer).contains("the file is damaged") && text(&answer).contains("satpost check"));
    }
    assert_eq!(route::answer_broken("x", &request("/healthz")).status, 503);
    assert_eq!(route::answer_broken("x", &request("/a/../b")).status, 404);
}
