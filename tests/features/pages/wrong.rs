//! What is wrong with a form stands beside each field, for all fields at once.

use crate::support::web::Client;
use crate::support::{Folder, PASSWORD, Station};

/// The fields of a page that are marked as wrong, with what stands beside each.
fn wrong(page: &str) -> Vec<(String, String)> {
    let marked = page.split('<').filter(|tag| tag.contains("aria-invalid=true"));
    let named = marked.map(|tag| {
        let id = tag.split(" id=").nth(1).unwrap().split([' ', '>']).next().unwrap().trim_matches('"').to_owned();
        let described = tag.split("aria-describedby=\"").nth(1).unwrap().split('"').next().unwrap();
        assert!(described.split(' ').any(|part| part == format!("why-{id}")), "{tag}");
        for part in described.split(' ') {
            assert!(
                [format!("id=\"{part}\""), format!("id={part}>")].iter().any(|at| page.contains(at.as_str())),
                "{part}"
            );
        }
        let why = page.split(&format!("id=\"why-{id}\">")).nth(1).unwrap_or_else(|| panic!("{id}: {page}"));
        (id, why.split('<').next().unwrap().to_owned())
    });
    named.collect()
}

fn fields(page: &str) -> Vec<String> {
    wrong(page).into_iter().map(|(id, _)| id).collect()
}

#[test]
fn every_field_that_will_not_do_says_why_at_once() {
    let folder = Folder::new();
    let settings = [("box.domain", "boat.example")];
    let station = Station::new(&folder, "house", &settings, &["anna", "bert"]).started();
    let mut anna = Client::logged_in(&station, "anna");

    let bad = "name=bert&full_name=B&aliases=anna+%21&home=device&device=%3Fx&number=12&forward=nowhere&max_parts=500&password=short";
    let answer = anna.post("/people", bad);
    assert_eq!(answer.status, 422);
    let found = wrong(&answer.body);
    let names: Vec<_> = found.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(names, ["name", "device", "aliases", "number", "forward", "max_parts", "password"], "{found:?}");
    assert!(answer.body.contains("7 fields need other values"), "{}", answer.body);
    assert_eq!(station.json(&["people", "list"]).as_array().unwrap().len(), 2);

    let bad = "full_name=B&home=device&device=&budget_packets=many&budget_money=-x&allow=%40%40&block=a%40b%40c&machines=%21&strangers=eat&role=person";
    let answer = anna.post("/people/bert", bad);
    assert_eq!(
        (answer.status, fields(&answer.body)),
        (
            422,
            ["device", "budget_packets", "budget_money", "strangers", "allow", "block", "machines"]
                .map(str::to_owned)
                .to_vec()
        ),
        "{answer:?}"
    );

    let answer = anna.post("/far-boxes", "name=m138%3A0x001abe&addresses=m138%3Ax+imei%3A1");
    assert_eq!(
        (answer.status, fields(&answer.body)),
        (422, vec!["name".to_owned(), "addresses".to_owned()]),
        "{answer:?}"
    );
    let answer = anna.post("/far-boxes", "name=&addresses=");
    assert_eq!((answer.status, fields(&answer.body)), (422, vec!["name".to_owned()]), "{answer:?}");

    let answer = anna.post("/compose", "to=%40%2C+nobody-here&text=&by=never&at_most=much&do=send");
    let found = wrong(&answer.body);
    let names: Vec<_> = found.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!((answer.status, names), (422, vec!["to", "text", "by", "at_most"]), "{answer:?}");
    assert!(found[0].1.contains("nobody-here") || found[0].1.contains("; "), "both recipients: {found:?}");

    let answer = anna.post("/account", "old=wrong&new=short&again=other");
    assert_eq!(
        (answer.status, fields(&answer.body)),
        (422, ["old", "new", "again"].map(str::to_owned).to_vec()),
        "{answer:?}"
    );
    let answer = anna.post("/account", &format!("old={PASSWORD}&new=&again="));
    assert_eq!((answer.status, fields(&answer.body)), (422, vec!["new".to_owned()]), "{answer:?}");
    let token = anna.token("/people/bert");
    for (path, field) in [("/people/bert/password", "password"), ("/people/bert/erase", "erase")] {
        let answer = anna.form(path, &format!("csrf={token}&password=x&name=x"), &anna.own());
        assert_eq!((answer.status, fields(&answer.body)), (422, vec![field.to_owned()]), "{answer:?}");
    }
}

/// Whoever claims a box is told of all fields at once as well, and a wrong try makes nobody an owner.
#[test]
fn a_claim_says_of_every_field_why_it_will_not_do() {
    let folder = Folder::new();
    let station = Station::new(&folder, "new", &[], &[]).started();
    let mut stranger = Client::new(&station);
    let answer = stranger.post("/setup", "code=0000-0000&name=An+na&password=short&again=other&domain=a+b");
    let found = wrong(&answer.body);
    let names: Vec<_> = found.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!((answer.status, names), (422, vec!["code", "name", "password", "again", "domain"]), "{answer:?}");
    assert!(answer.body.contains("5 fields need other values"), "{answer:?}");
    let code = station.cli_ok(&["setup-code"], "");
    let code = code.split_whitespace().find(|word| word.len() == 9 && word.as_bytes()[4] == b'-').unwrap().to_owned();
    let form = |again: &str| format!("code={code}&name=anna&password={PASSWORD}&again={again}&domain=boat.example");
    let answer = stranger.post("/setup", &form("other"));
    assert_eq!((answer.status, fields(&answer.body)), (422, vec!["again".to_owned()]), "{answer:?}");
    assert!(station.json(&["people", "list"]).as_array().unwrap().is_empty());
    let answer = stranger.post("/setup", &form(PASSWORD));
    assert_eq!((answer.status, answer.header("location")), (303, "/setup/box"), "{answer:?}");
}
