//! A month of mail, day by day, with boxes and modem off at night: what satpost says it cost is what the simulated services counted.
//! `SATPOST_MONTH=27 cargo test --test features month` has all days of it; without that a few days are enough.

use serde_json::Value;

use super::scene::{LONG, Scene};
use super::{wait_in_mailbox, wait_mail};
use crate::support::clock::OwnClock;
use crate::support::{Folder, Station, send, wait_for};

const DAY: u64 = 86_400;
/// Days where nobody asks for more.
const SHORT: u64 = 3;

/// Seconds from now to the second day of the next month: all days of the test are in one month.
fn until_next_month() -> u64 {
    let now = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC);
    let first = now.date().first_of_month().saturating_add(jiff::Span::new().months(1)).tomorrow().unwrap();
    let noon = first.at(12, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).unwrap();
    u64::try_from(noon.timestamp().as_second() - now.timestamp().as_second()).unwrap()
}

/// Money that the commands call the cost of the month, in thousandths: the whole box, and its link.
fn told(station: &Station) -> [u64; 2] {
    let thousandths = |money: &Value| (money.as_str().unwrap().parse::<f64>().unwrap() * 1000.0).round() as u64;
    let accounts = station.json(&["costs"])["accounts"].clone();
    let all = accounts.as_array().unwrap().iter().find(|account| account["account"] == "(box)");
    let link = station.json(&["link", "list"])[0]["month"]["money"].clone();
    [all.map_or(0, |account| thousandths(&account["money"])), thousandths(&link)]
}

fn replay(imt: bool) {
    let folder = Folder::new();
    let clock = OwnClock::new(&folder.path(""));
    let days = std::env::var("SATPOST_MONTH").ok().and_then(|days| days.parse().ok()).unwrap_or(SHORT).min(27);
    let begin = until_next_month();
    clock.ahead(begin);
    let mut scene = Scene::dated(imt, "2000", &clock);
    // Looks into the mailbox cost as well; an IMT modem has none.
    let looks: &[(&str, &str)] = if imt { &[] } else { &[("sbd.check", "20")] };
    let (mut station, mut gateway) = (scene.station_with(looks), scene.gateway());
    // A credit is a cent, a byte a tenth of that.
    let each = if imt { 1 } else { 10 };
    for day in 0..days {
        clock.ahead(begin + day * DAY);
        scene.modem_restarts(&clock);
        station.start_with(&clock.environment());
        gateway.start_with(&clock.environment());
        scene.calls(&gateway);
        let words = "Wind north-east, four to five, sea slight; a sail to the south in the morning. ";
        let text = words.repeat(1 + day as usize % 4);
        let subject = format!("Day {day}");
        let mail = format!("From: anna@boat.example\nSubject: {subject}\n\n{text}\n");
        let reply = send(&station, Some("anna"), "anna@boat.example", "bob@world.example", &mail);
        assert!(reply.starts_with("250"), "{reply}");
        wait_mail(&scene, &subject);
        // Somebody ashore writes on two days of three.
        if day % 3 != 2 {
            super::answer(&gateway, &format!("Re: {subject}"));
            wait_in_mailbox(&station, &format!("Re: {subject}"));
        }
        // A session of which nothing was heard, on a machine that is busy, is settled after 105 s.
        wait_for(&format!("both bills of day {day}"), 2 * LONG, || {
            let [up, down, mailbox] = scene.credits();
            let (aboard, ashore) = ((up + mailbox) * each, down * each);
            (told(&station) == [aboard; 2] && told(&gateway) == [ashore; 2]).then_some(())
        });
        station.totals_balance();
        gateway.totals_balance();
        assert_eq!((station.stop(), gateway.stop()), (0, 0));
    }
    let [up, down, mailbox] = scene.credits();
    assert!(up > 0 && down > 0, "{up} {down} {mailbox}");
    println!("{days} days: {up} up, {down} down, {mailbox} looks, all of them on the bills");
}

#[test]
fn the_bill_of_a_month_is_what_the_service_of_sbd_counted() {
    replay(false);
}

#[test]
fn the_bill_of_a_month_is_what_the_service_of_imt_counted() {
    replay(true);
}
