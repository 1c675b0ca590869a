//! What the pages answer to somebody who speaks HTTP by hand.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::web::{Client, hidden};
use crate::support::{Folder, PASSWORD, SATPOST, SOON, Station};

/// A box with an owner and two persons, without a link.
fn house(folder: &Folder) -> Station {
    Station::new(folder, "house", &[("box.domain", "boat.example")], &["anna", "bert", "cleo"]).started()
}

#[test]
fn guessing_passwords_is_slowed_and_told_in_words() {
    let folder = Folder::new();
    let station = house(&folder);
    let mut client = Client::new(&station);
    for guess in 0..5 {
        let answer = client.try_password("anna", &format!("guess-number-{guess}"));
        assert_eq!(answer.status, 401);
        assert!(answer.body.contains("Name or password is wrong."));
    }
    let answer = client.try_password("anna", PASSWORD);
    assert_eq!(answer.status, 429, "even the right one has to wait: {answer:?}");
    assert!(answer.body.contains("Too many tries. Wait"), "{answer:?}");
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=31).contains(&wait), "{wait}");
}

#[test]
fn a_form_from_elsewhere_changes_nothing() {
    let folder = Folder::new();
    let station = house(&folder);
    let mut anna = Client::logged_in(&station, "anna");
    let token = anna.token("/settings/box");
    let wish = "box.name=Pirate&box.domain=evil.example";
    let with_token = format!("csrf={token}&{wish}");
    let own = anna.own();
    for (why, form, origin) in [
        ("no token", wish, own.as_str()),
        ("a wrong token", "csrf=00&box.name=Pirate", &own),
        ("a foreign page", &with_token, "Origin: http://evil.example\r\n"),
        ("a sandboxed page", &with_token, "Origin: null\r\n"),
        ("a foreign page that hides", &with_token, "Sec-Fetch-Site: cross-site\r\n"),
        ("no page at all", &with_token, ""),
    ] {
        let answer = anna.form("/settings/box", form, origin);
        assert_eq!(answer.status, 403, "{why}: {answer:?}");
        assert!(answer.body.contains("Nothing was changed"), "{why}: {answer:?}");
        assert_eq!(station.cli_ok(&["settings", "get", "box.domain"], "").trim(), "boat.example", "{why}");
    }
    let answer = anna.form("/settings/box", &format!("csrf={token}&box.name=Otter"), &own);
    assert_eq!((answer.status, answer.header("location")), (303, "/settings/box"));
    assert_eq!(station.cli_ok(&["settings", "get", "box.name"], "").trim(), "Otter");
}

#[test]
fn a_message_that_was_sent_after_the_session_had_ended_is_sent_after_the_log_in() {
    let folder = Folder::new();
    let station = house(&folder);
    let mut bert = Client::logged_in(&station, "bert");
    let form =
        format!("csrf={}&to=anna&subject=Tide&text=High+%22water%22+%26+%3Cwind%3E&do=send", bert.token("/compose"));
    // The owner ends all of it: another password.
    station.cli_ok(&["people", "passwd", "bert"], "another password of bert\n");
    let asked = bert.form("/compose", &form, &bert.own());
    assert_eq!((asked.status, asked.body.contains("What you sent is kept")), (401, true), "{asked:?}");
    bert.take_cookie(&asked);
    let log_in = |client: &Client, asked: &crate::support::web::Answer, name: &str, password: &str| {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("csrf", hidden(&asked.body, "csrf")), ("resume", hidden(&asked.body, "resume"))])
            .extend_pairs([("name", name), ("password", password)])
            .finish();
        client.form("/login", &form, &client.own())
    };
    // A wrong password does not lose it either.
    let wrong = log_in(&bert, &asked, "bert", "wrong");
    assert_eq!((wrong.status, hidden(&wrong.body, "resume")), (401, hidden(&asked.body, "resume")), "{wrong:?}");
    let done = log_in(&bert, &wrong, "bert", "another password of bert");
    assert_eq!(done.status, 303, "{done:?}");
    assert!(done.header("location").starts_with("/messages/m"), "{done:?}");
    let sent = station.messages();
    assert_eq!((sent.len(), sent[0]["subject"].as_str(), sent[0]["author"].as_str()), (1, Some("Tide"), Some("bert")));
    // Somebody else who logs in on the same form is asked first.
    let other = log_in(&bert, &asked, "anna", PASSWORD);
    assert_eq!(other.status, 200, "{other:?}");
    assert!(
        other.body.contains("Do it now") && other.body.contains("High &quot;water&quot; &amp; &lt;wind&gt;"),
        "{other:?}"
    );
    assert_eq!(station.messages().len(), 1);
}

#[test]
fn a_form_that_is_sent_twice_makes_one_message() {
    let folder = Folder::new();
    let station = house(&folder);
    let bert = Client::logged_in(&station, "bert");
    let page = bert.get("/compose").body;
    let (csrf, once) = (hidden(&page, "csrf"), hidden(&page, "once"));
    let form = format!("csrf={csrf}&once={once}&to=anna%2C+cleo&text=Anchor+holds&do=send");
    let first = bert.form("/compose", &form, &bert.own());
    let second = bert.form("/compose", &form, &bert.own());
    assert_eq!((first.status, second.status), (303, 303), "{second:?}");
    assert_eq!(first.header("location"), second.header("location"));
    assert_eq!(station.messages().len(), 2, "one for each recipient");
    // Another form with the same words is another message; and nobody meets the form of somebody else.
    let other = form.replace(&once, &hidden(&bert.get("/compose").body, "once"));
    assert_ne!(bert.form("/compose", &other, &bert.own()).header("location"), first.header("location"));
    let mut cleo = Client::logged_in(&station, "cleo");
    let hers = form.replace(&csrf, &cleo.token("/compose"));
    assert_ne!(cleo.form("/compose", &hers, &cleo.own()).header("location"), first.header("location"));
    assert_eq!(station.messages().len(), 6);
}

#[test]
fn only_what_is_there_is_served_and_only_under_its_own_name() {
    let folder = Folder::new();
    let station = house(&folder);
    let client = Client::new(&station);
    for path in [
        "/assets/../settings",
        "/../../etc/passwd",
        "/assets/..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/%00",
        "/assets/no-such.css",
    ] {
        let answer = client.get(path);
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
    }
    for host in ["evil.example", "127.0.0.1.evil.example", "169.254.169.254"] {
        let answer = client.raw(&format!("GET /login HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(answer.status, 421, "{host}: {answer:?}");
        assert!(answer.body.contains("web.names"), "{answer:?}");
    }
    let (whole, head) = (client.get("/login"), client.ask("HEAD", "/login", ""));
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("content-type"), whole.header("content-type"));
    assert!(head.header("content-security-policy").contains("default-src 'none'"), "{head:?}");
    assert_eq!(client.ask("DELETE", "/login", "").status, 501);

    let well = client.get("/healthz");
    assert_eq!((well.status, well.body.as_str()), (200, "ok\n"));
    assert_eq!(client.get("/live?page=/").status, 401);
}

#[test]
fn an_open_page_is_answered_when_there_is_news() {
    let folder = Folder::new();
    let station = house(&folder);
    let mut bert = Client::logged_in(&station, "bert");
    let page = bert.get("/mailbox").body;
    let have = page.split("data-have=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let open = Client { at: bert.at, cookie: bert.cookie.clone() };
    let waiting = std::thread::spawn(move || open.get(&format!("/live?page=/mailbox&have={have}")));
    let token = bert.token("/compose");
    let message = format!("csrf={token}&to=bert%40boat.example&subject=Hello&text=you&do=send");
    assert_eq!(bert.form("/compose", &message, &bert.own()).status, 303);
    let news = waiting.join().unwrap();
    assert_eq!(news.status, 200, "{news:?}");
    let parts = &serde_json::from_str::<Value>(&news.body).unwrap()["parts"];
    assert!(parts["list"].as_str().unwrap().contains("Hello"), "{news:?}");
    assert!(parts["title"].as_str().unwrap().starts_with("(1) "), "{news:?}");
}

#[test]
fn persons_see_what_is_theirs_and_nothing_else() {
    let folder = Folder::new();
    let station = house(&folder);
    let mut bert = Client::logged_in(&station, "bert");
    let token = bert.token("/compose");
    let message = format!("csrf={token}&to=anna%40boat.example&subject=For+Anna&text=only&do=send");
    let kept = bert.form("/compose", &message, &bert.own());
    let place = kept.header("location").to_owned();
    assert!(place.starts_with("/messages/m"), "{kept:?}");
    station.wait_state(SOON, "anna@boat.example", "delivered");
    assert!(bert.get(&place).body.contains("For Anna"));

    let mut cleo = Client::logged_in(&station, "cleo");
    for path in [&place, &format!("{place}.eml"), &place.replace("messages", "mailbox")] {
        let answer = cleo.get(path);
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert!(!answer.body.contains("For Anna"));
    }
    assert!(!cleo.get("/messages").body.contains("For Anna"));
    assert!(!cleo.get("/messages?q=Anna").body.contains("For Anna"));
    for path in ["/people", "/people/anna", "/settings/box", "/links", "/setup/box", "/messages/quarantine"] {
        assert_eq!(cleo.get(path).status, 403, "{path}");
    }
    let token = cleo.token("/account");
    for (path, wish) in [
        ("/people", "name=mallory&owner=1&password=a-long-enough-password"),
        ("/people/cleo", "owner=1"),
        ("/people/anna/remove", ""),
        ("/settings/box", "box.name=Pirate"),
        ("/links/m138/unlock", &format!("password={PASSWORD}")),
    ] {
        assert_eq!(cleo.form(path, &format!("csrf={token}&{wish}"), &cleo.own()).status, 403, "{path}");
    }
    let people = station.json(&["people", "list"]);
    let names: Vec<_> = people.as_array().unwrap().iter().map(|p| (p["name"].as_str().unwrap(), &p["role"])).collect();
    assert_eq!(names, [("anna", &"owner".into()), ("bert", &"person".into()), ("cleo", &"person".into())]);
}

/// A browser on the same cable has an address that the whole world could reach, and is at home all the same.
#[test]
#[ignore = "needs unshare with a network namespace, ip and curl, which tests/run installs"]
fn a_neighbour_with_a_global_ipv6_address_is_served() {
    const SCRIPT: &str = r#"
        set -e
        ip link set lo up
        ip address add 2001:db8:1::1/64 dev lo
        ip address add 2001:db8:1::2/64 dev lo
        "$0" run --data "$1" 2>"$2" &
        trap 'kill $!; wait' EXIT
        ask() { curl -g -s -m 5 -o /dev/null -w '%{http_code}\n' --interface "$1" "http://[2001:db8:1::1]:8123/login"; }
        for try in $(seq 200); do ask 2001:db8:1::2 >/dev/null && break; sleep 0.1; done
        ask 2001:db8:1::2
    "#;
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "sh", "-c", SCRIPT]).stdin(Stdio::null());
    let folder = Folder::new();
    let station = Station::new(&folder, "house", &[("web.listen", "[::]:8123")], &["anna"]);
    let output = command.arg(SATPOST).arg(&station.folder).arg(&station.log).output().unwrap();
    let codes = String::from_utf8_lossy(&output.stdout);
    assert_eq!(codes.trim(), "200", "{}", station.log_text());
}

/// In a network namespace of its own, which has a public address, the box is asked from there.
#[test]
#[ignore = "needs unshare with a network namespace, ip and curl, which tests/run installs"]
fn a_public_address_is_served_only_when_the_owner_wants_it() {
    const SCRIPT: &str = r#"
        set -e
        ip link set lo up
        ip address add 9.9.9.7/32 dev lo
        "$0" run --data "$1" 2>"$2" &
        trap 'kill $!; wait' EXIT
        ask() { curl -s -m 5 -o /dev/null -w '%{http_code}\n' --interface "$1" "http://$2:8123/login"; }
        for try in $(seq 200); do ask 127.0.0.1 127.0.0.1 >/dev/null && break; sleep 0.1; done
        ask 127.0.0.1 127.0.0.1
        ask 9.9.9.7 9.9.9.7
        "$0" settings set web.lan_only no --data "$1" >/dev/null
        ask 9.9.9.7 9.9.9.7
    "#;
    let alone = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net", "sh", "-c", script]).stdin(Stdio::null());
        command
    };
    let folder = Folder::new();
    let station = Station::new(&folder, "house", &[("web.listen", "0.0.0.0:8123")], &["anna"]);
    let output = alone(SCRIPT).arg(SATPOST).arg(&station.folder).arg(&station.log).output().unwrap();
    let codes = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        codes.split_whitespace().collect::<Vec<_>>(),
        ["200", "403", "200"],
        "{}{}",
        String::from_utf8_lossy(&output.stderr),
        station.log_text()
    );
}
