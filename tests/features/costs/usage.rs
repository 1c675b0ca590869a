//! Counts of days, months and years, as they are where the box stands.

use serde_json::Value;

use crate::support::send;
use crate::support::shore::{Shore, from_outside, message};
use crate::support::web::Client;

/// Somewhere it is a day later than elsewhere, at any moment: a message here and one there are messages of two days.
#[test]
fn a_day_is_counted_where_the_box_stands() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[("box.time_zone", "Etc/GMT+12")], &["olga", "anna=6846"]).started();
    let usage = |by: &str, person: Option<&str>| -> Vec<Value> {
        let mut words = vec!["usage", "--by", by];
        words.extend(person.into_iter().flat_map(|name| ["--person", name]));
        gateway.json(&words).as_array().unwrap().clone()
    };
    let taken =
        |row: &Value| row["taken"].as_object().map_or(0, |taken| taken.values().filter_map(Value::as_u64).sum());
    for by in ["day", "month", "year", "person"] {
        assert!(usage(by, None).is_empty(), "nothing was counted yet");
    }
    assert!(from_outside(&gateway, "olga@shore.example", &message("", "one")).starts_with("250"));
    gateway.cli_ok(&["settings", "set", "box.time_zone", "Pacific/Kiritimati"], "");
    for words in ["two", "three"] {
        assert!(
            send(&gateway, Some("olga"), "olga@shore.example", "anna@shore.example", &message("", words))
                .starts_with("250")
        );
    }
    let days = usage("day", None);
    assert_eq!(days.iter().map(taken).collect::<Vec<_>>(), [2, 1], "newest first: {days:?}");
    let [later, earlier] = [0, 1].map(|at| days[at]["period"].as_str().unwrap().to_owned());
    assert!(later > earlier && later.len() == 10, "{days:?}");
    for by in ["month", "year"] {
        let rows = usage(by, None);
        assert_eq!(rows.iter().map(taken).sum::<u64>(), 3, "{rows:?}");
        let length = if by == "month" { 7 } else { 4 };
        let periods: Vec<_> = rows.iter().map(|row| row["period"].as_str().unwrap().to_owned()).collect();
        let mut wanted: Vec<_> = [&later, &earlier].map(|day| day[..length].to_owned()).to_vec();
        wanted.dedup();
        assert_eq!(periods, wanted, "a year holds its months and no other's");
    }
    assert_eq!(usage("day", Some("olga")).iter().map(taken).collect::<Vec<_>>(), [2, 0]);
    assert_eq!(usage("year", Some("anna")).iter().map(taken).sum::<u64>(), 0);
    assert_eq!(
        gateway.cli(&["usage", "--by", "year", "--person", "nobody", "--json"], "").status.code(),
        Some(3),
        "a name that nobody has"
    );
    // A person's page shows their own counts, in any case of the name and after a restart.
    let csv = Client::logged_in(&gateway, "olga").get("/usage.csv?by=day").body;
    assert!(csv.contains(&later) && csv.contains(&earlier), "{csv}");
    gateway.cli_ok(&["settings", "set", "box.time_zone", "Etc/GMT+12"], "");
    assert!(from_outside(&gateway, "olga@shore.example", &message("", "four")).starts_with("250"));
    let days = usage("day", None);
    assert_eq!(days.iter().map(taken).collect::<Vec<_>>(), [2, 2], "the earlier day is taken up again: {days:?}");
}

/// Counts survive a kill, and nothing is counted twice by it.
#[test]
fn counts_survive_a_kill() {
    let shore = Shore::start();
    let mut gateway = shore.gateway(&[], &["olga"]).started();
    for round in 1..=3_u64 {
        assert!(from_outside(&gateway, "olga@shore.example", &message("", "x")).starts_with("250"));
        gateway.kill();
        assert_eq!(gateway.json(&["usage", "--by", "year"])[0]["taken"]["smtp"], round);
        gateway.start();
        assert_eq!(gateway.json(&["usage", "--by", "year"])[0]["taken"]["smtp"], round);
    }
}
