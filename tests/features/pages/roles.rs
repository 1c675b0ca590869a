//! Who may do what, asked from outside: every page by everybody, every link that a page shows, and every command by a
//! stranger on the same machine.

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::support::command::Said;
use crate::support::ground::{Ground, MUM};
use crate::support::shore::{Shore, from_outside, message};
use crate::support::web::{Answer, Client};
use crate::support::{PASSWORD, SATPOST, SOON, Station, send};

/// What only the owner may open, by the start of its path; `POST` alone where a word says so.
const OWNERS: [&str; 9] = [
    "/pair",
    "/settings",
    "/setup",
    "/links",
    "/audit",
    "/log-ins",
    "/about/",
    "POST /people/{name}/export",
    "POST /people/{name}/erase",
];
/// What an operator may open as well.
const OPERATORS: [&str; 7] = [
    "/people",
    "/far-boxes",
    "POST /position/send",
    "/about",
    "/messages/quarantine",
    "POST /messages/{id}/{action}",
    "POST /messages/{id}/release-all",
];
/// What needs no log-in.
const OPEN: [&str; 6] = ["/assets/", "/healthz", "/metrics", "/hooks/", "/.well-known/autoconfig/", "/mail/"];

/// Method and path of every page, from the one table of the program.
fn pages() -> Vec<(String, String)> {
    let table = include_str!("../../../src/admin/route.rs");
    let rows = table.lines().filter_map(|line| {
        let line = line.trim();
        let method = ["Get ", "Post "].into_iter().find(|word| line.starts_with(word))?.trim();
        Some((method.to_uppercase(), line.split('"').nth(1)?.to_owned()))
    });
    rows.collect()
}

fn on(list: &[&str], method: &str, path: &str) -> bool {
    list.iter().any(|entry| match entry.strip_prefix("POST ") {
        Some(only) => method == "POST" && path == only,
        None => path.starts_with(entry),
    })
}

/// 0 for anybody, 1 for a person, 2 for an operator, 3 for the owner.
fn least(method: &str, path: &str) -> usize {
    match () {
        () if on(&OPEN, method, path) || path == "/theme" || path == "/login" => 0,
        () if on(&OWNERS, method, path) => 3,
        () if on(&OPERATORS, method, path) => 2,
        () => 1,
    }
}

/// A box with an owner, an operator, two persons, and a message between these.
fn house(ground: &Ground) -> Station {
    let gateway = ground.gateway("twilio", &[("box.domain", "shore.example")]).started();
    gateway.said_with(&["people", "add", "olga", "--role", "operator"], PASSWORD).ok();
    gateway.said_with(&["people", "add", "carl"], PASSWORD).ok();
    gateway.said_with(&["people", "add", "dora"], PASSWORD).ok();
    let mail = message("Between us", "a secret of two");
    assert!(send(&gateway, Some("dora"), "dora@shore.example", "anna@shore.example", &mail).starts_with("250"));
    assert!(from_outside(&gateway, "dora@shore.example", &message("Only for Dora", "x")).starts_with("250"));
    gateway
}

fn ask(client: &Client, method: &str, path: &str, token: &str) -> Answer {
    match method {
        "POST" => client.form(path, &format!("csrf={token}"), &client.own()),
        _ => client.get(path),
    }
}

#[test]
fn every_page_is_for_whom_it_is() {
    let ground = Ground::start("twilio");
    let gateway = house(&ground);
    let pages = pages();
    assert!(pages.len() > 50, "{pages:?}");
    for (rank, who) in [(0, ""), (1, "carl"), (2, "olga"), (3, "anna")] {
        for (method, path) in &pages {
            let place = [
                ("{id}.eml", "m1.eml"),
                ("{id}", "m1"),
                ("{name}", if path.starts_with("/assets") { "style.css" } else { "nobody" }),
                ("{action}", "retry"),
                ("{what}", "enable"),
                ("{topic}", "start"),
                ("{group}", "box"),
                ("{step}", "box"),
                ("{carrier}", "none"),
            ];
            let place = place.into_iter().fold(path.clone(), |path, (part, with)| path.replace(part, with));
            // A log-in of its own: some pages end it.
            let mut client = Client::new(&gateway);
            if rank > 0 {
                client = Client::logged_in(&gateway, who);
            }
            let token = client.token(if rank > 0 { "/account" } else { "/login" });
            let answer = ask(&client, method, &place, &token);
            let no = answer.status == 403 && !answer.body.contains("console is locked");
            let away = answer.status == 401 || answer.header("location").starts_with("/login");
            let least = least(method, path);
            match rank {
                0 if least > 0 => assert!(away, "{method} {place} by nobody: {answer:?}"),
                _ => assert_eq!(no, rank < least, "{method} {place} by '{who}': {answer:?}"),
            }
        }
    }
}

/// No page shows somebody a link that they may not follow, or that leads nowhere.
#[test]
fn every_link_on_a_page_leads_somewhere() {
    let ground = Ground::start("twilio");
    let gateway = house(&ground);
    for who in ["dora", "olga", "anna"] {
        let client = Client::logged_in(&gateway, who);
        let (mut seen, mut waiting) = (BTreeSet::new(), vec!["/".to_owned()]);
        while let Some(page) = waiting.pop() {
            let answer = client.get(&page);
            assert!([200, 303].contains(&answer.status), "{who} is led to {page}: {}", answer.status);
            let links = answer.body.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
            for link in links.chain([answer.header("location")]) {
                let link = link.replace("&#x2f;", "/").replace("&amp;", "&");
                let link = link.split('#').next().unwrap_or_default().to_owned();
                if link.starts_with('/') && seen.len() < 400 && seen.insert(link.clone()) {
                    waiting.push(link);
                }
            }
        }
        assert!(seen.len() > 10, "{who}: {seen:?}");
    }
}

/// A person sees what is theirs; an operator all messages; neither sees a secret.
#[test]
fn messages_are_shown_to_their_people_and_to_operators() {
    let ground = Ground::start("twilio");
    let gateway = house(&ground);
    gateway.said(&["send", "--from", "anna", "--text", "for mum only", MUM]).ok();
    gateway.wait_state(SOON, MUM, "delivered");
    for (who, sees) in [("carl", &[][..]), ("dora", &["Between us", "Only for Dora"]), ("olga", &["Between us"])] {
        let client = Client::logged_in(&gateway, who);
        let all = ["/", "/messages", "/mailbox", "/messages?q=us", "/messages/m1", "/messages/m1.eml", "/messages/m3"]
            .map(|page| client.get(page).body)
            .concat();
        for subject in ["Between us", "Only for Dora"] {
            let may = who == "olga" || sees.contains(&subject);
            assert_eq!(all.contains(subject), may, "{who} and '{subject}'");
        }
        assert_eq!(all.contains(MUM), who == "olga", "{who} and the phone");
        for page in ["/usage.csv", "/costs.csv", "/live?page=/"] {
            let shown = client.get(page).body;
            assert!(who == "olga" || !shown.contains("anna"), "{who} {page}: {shown}");
        }
    }
}

/// Commands are the owner's: another user of the machine changes nothing and learns nothing.
#[test]
#[ignore = "needs root, to become somebody else"]
fn root_commands_are_for_the_owner_of_the_box_only() {
    assert!(rustix::process::geteuid().is_root(), "only root can become somebody else");
    let shore = Shore::start();
    let mut box_ = shore.gateway(&[("relay.password", "hush-hush")], &["olga"]).started();
    let program = shore.folder.path("satpost");
    std::fs::copy(SATPOST, &program).unwrap();
    let data = box_.folder.to_str().unwrap().to_owned();
    let file = shore.folder.path("copy");
    let file = file.to_str().unwrap();
    for running in [true, false] {
        if !running {
            assert_eq!(box_.stop(), 0);
        }
        for words in [
            &["status"][..],
            &["people", "list"],
            &["people", "add", "eve", "--role", "owner"],
            &["people", "passwd", "olga"],
            &["people", "disable", "olga"],
            &["people", "export", "olga", file],
            &["people", "erase", "olga"],
            &["queue", "list", "--all"],
            &["queue", "show", "m1", "--raw"],
            &["queue", "release", "m1"],
            &["settings", "list"],
            &["settings", "get", "relay.password"],
            &["settings", "set", "air.strangers", "allow"],
            &["settings", "try", "air.strangers", "allow"],
            &["send", "--from", "olga", "--text", "x", "bob@world.example"],
            &["audit"],
            &["usage"],
            &["costs"],
            &["check"],
            &["setup-code", "--new"],
            &["backup", file],
            &["run"],
        ] {
            let mut child = Command::new(&program)
                .args(words)
                .args(["--data", &data])
                .uid(65_534)
                .gid(65_534)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            drop(child.stdin.take());
            let said = Said::from(child.wait_with_output().unwrap());
            assert_ne!(said.code, 0, "{words:?}: {said:?}");
            assert!(!said.out.contains("olga") && !said.out.contains("hush-hush"), "{words:?}: {said:?}");
        }
    }
    assert_eq!(box_.json(&["people", "list"]).as_array().unwrap().len(), 1);
    assert_eq!(box_.json(&["queue", "list", "--all"]).as_array().unwrap().len(), 0);
    assert!(!std::path::Path::new(file).exists());
}
