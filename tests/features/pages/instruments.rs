//! What the box shows of days, weeks and months: amounts with their tables, what the month comes to, how a link stood, and
//! where the boat was.

use std::process::Command;

use crate::support::clock::OwnClock;
use crate::support::command::link_of;
use crate::support::shore::{Shore, message, wait_polls};
use crate::support::web::Client;
use crate::support::{SOON, Smtp, Station, World, wait_for};

const DAY: u64 = 86_400;

/// Seconds from now to the 15th of a month, at this time of the day.
fn to_the_fifteenth() -> u64 {
    let day = |ahead: u64| {
        let said = Command::new("date").args(["-u", "-d", &format!("+{ahead} days"), "+%d"]).output().unwrap();
        String::from_utf8(said.stdout).unwrap().trim().to_owned()
    };
    (0..40).find(|ahead| day(*ahead) == "15").unwrap() * DAY
}

/// The description of a picture of this name.
fn said_of(page: &str, id: &str) -> String {
    let (_, after) = page.split_once(&format!("<desc id={id}-d>")).unwrap_or_else(|| panic!("no picture {id}: {page}"));
    after.split('<').next().unwrap().to_owned()
}

fn olga_writes(gateway: &Station, count: usize) {
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    smtp.login("olga");
    for number in 0..count {
        assert!(
            smtp.mail("olga@shore.example", "anna@shore.example", &message("", &format!("number {number}")))
                .starts_with("250")
        );
    }
}

#[test]
fn what_went_is_drawn_by_day_month_and_year_and_the_month_is_foretold() {
    let shore = Shore::start();
    let more = [("link.price", "0.50"), ("price.currency", "EUR"), ("budget.packets", "4"), ("budget.reserve", "0")];
    let mut gateway = shore.gateway(&more, &["olga", "anna=6846", "carl"]);
    let clock = OwnClock::new(&shore.folder.path(""));
    let middle = to_the_fifteenth();
    // Two on one day, one on the day after the next.
    for (ahead, count) in [(middle - 2 * DAY, 2), (middle, 1)] {
        clock.ahead(ahead);
        gateway.start_with(&clock.environment());
        let before = shore.to_device(6846).len();
        olga_writes(&gateway, count);
        wait_for("the packets", SOON, || Some(()).filter(|()| shore.to_device(6846).len() == before + count));
        for packet in shore.packets().iter().filter(|packet| packet["direction"] == 2) {
            shore.hive_says(&format!("status {} 3", packet["packetId"]));
        }
        wait_for("all to be paid", 2 * SOON, || {
            let report = gateway.json(&["costs", "--json"]);
            let row = report["accounts"].as_array()?.iter().find(|row| row["account"] == "olga")?.clone();
            (row["packets"].as_u64()? == (before + count) as u64).then_some(())
        });
        if ahead != middle {
            assert_eq!(gateway.stop(), 0);
        }
    }
    let olga = Client::logged_in(&gateway, "olga");
    let days = olga.get("/usage").body;
    for (id, all, most) in
        [("messages", "3 in all", ": 2."), ("packets", "3 in all", ": 2."), ("money", "1.50 EUR in all", ": 1.00 EUR.")]
    {
        let said = said_of(&days, id);
        assert!(said.contains(all) && said.ends_with(most), "{id}: {said}");
    }
    assert!(said_of(&days, "air").contains(" B in all"), "{days}");
    // A day on which nothing went has its place between them: of three days two have a bar.
    let bars = days.split("<desc id=packets-d>").nth(1).unwrap().split("</svg>").next().unwrap();
    assert_eq!(
        bars.split("class=bar d=\"").nth(1).unwrap().split('"').next().unwrap().matches('z').count(),
        2,
        "{bars}"
    );
    let (left, right) = (bars.matches("text-anchor=end").count(), said_of(&days, "packets"));
    assert!(left == 1 && right.contains(" to "), "{right}");
    assert!(days.contains("data-label=\"Money\">1.00 EUR") && days.contains("data-label=\"Money\">0.50 EUR"), "{days}");
    for by in ["month", "year"] {
        let page = olga.get(&format!("/usage?by={by}")).body;
        assert!(
            said_of(&page, "money").contains("1.50 EUR in all") && page.contains("data-label=\"Money\">1.50 EUR"),
            "{by}: {page}"
        );
    }
    assert!(!olga.get("/usage?by=person").body.contains("<svg class=chart"));
    let csv = olga.get("/usage.csv?by=month").body;
    assert!(
        csv.lines().next().unwrap().ends_with(",spent_EUR") && csv.lines().nth(1).unwrap().trim().ends_with(",1.50"),
        "{csv}"
    );
    // A person sees their own; one who spent nothing has nothing drawn.
    let carl = Client::logged_in(&gateway, "carl");
    assert!(!carl.get("/usage").body.contains("EUR in all"));
    assert!(!carl.get("/costs").body.contains("id=forecast"));
    // Three packets in a good fourteen days are six in thirty; the budget of four does not reach.
    let costs = olga.get("/costs").body;
    let foretold = costs.split("<p id=forecast>").nth(1).and_then(|rest| rest.split("</p>").next()).unwrap();
    assert!(foretold.contains("EUR") && foretold.contains("6 packets"), "{foretold}");
    assert!(foretold.contains("the budget is used up on"), "{foretold}");
    assert!(said_of(&costs, "money").contains("1.50 EUR in all") && costs.contains("Money by month"), "{costs}");
    gateway.totals_balance();
}

#[test]
fn the_week_of_a_link_is_kept_over_restarts_and_drawn() {
    let shore = Shore::start();
    let mut gateway = shore.gateway(&[], &["olga", "anna=6846"]);
    let clock = OwnClock::new(&shore.folder.path(""));
    let ready = |gateway: &Station, wanted: bool| {
        wait_for("the link", SOON, || gateway.status().filter(|status| link_of(status)["ready"] == wanted));
    };
    for day in 0..3 {
        clock.ahead(day * DAY);
        gateway.start_with(&clock.environment());
        ready(&gateway, true);
        if day == 1 {
            shore.hive_says("down on");
            ready(&gateway, false);
            shore.hive_says("down off");
            ready(&gateway, true);
        }
        wait_polls(&shore, 2);
        if day < 2 {
            assert_eq!(gateway.stop(), 0);
        }
    }
    let page = Client::logged_in(&gateway, "olga").get("/links/hive").body;
    let (_, week) = page.split_once("State, 7 days").unwrap_or_else(|| panic!("{page}"));
    let week = week.split("</section>").next().unwrap();
    assert!(
        week.contains("lost once")
            && week.contains("were watched")
            && week.contains("it was off, or nothing was noted"),
        "{week}"
    );
    assert!(week.contains("class=up d=\"M") && week.contains("class=down d=\"M"), "{week}");
    // The day of the break, and the days without: each has its row.
    assert!(week.matches("<tr><td>").count() == 8, "{week}");
    gateway.totals_balance();
}

#[test]
fn the_boat_is_shown_with_its_track_and_the_age_of_its_place() {
    let world = World::start(&[]);
    world.modem_says("place 50.1000 -5.2000");
    let mut station = world.station();
    station.cli_ok(&["people", "add", "bert"], crate::support::PASSWORD);
    station.start();
    let page = |station: &Station| Client::logged_in(station, "bert").get("/position?days=1").body;
    wait_for("the first place", SOON, || page(&station).contains("50.1000\u{b0}").then_some(()));
    // The modem is asked at each start, and tells its place once a minute by itself.
    assert_eq!(station.stop(), 0);
    world.modem_says("place 49.9000 -6.4000");
    station.start();
    wait_for("the second place", SOON, || page(&station).contains("49.9000\u{b0}").then_some(()));
    let now = page(&station);
    assert!(now.contains(">Now;") || now.contains(">Now<"), "{now}");
    assert_eq!(station.stop(), 0);
    // The modem is gone: what was known last is said to be that.
    world.modem_says("unplug");
    station.start();
    let page = page(&station);
    assert!(
        page.contains("49.9000\u{b0}\u{a0}N, 6.4000\u{b0}\u{a0}W") && page.contains("class=stale>Last known,"),
        "{page}"
    );
    assert!(page.contains("48 nautical miles"), "{page}");
    assert_eq!(page.matches("<tr><td>").count(), 2, "{page}");
    // The land is a file of its own that browsers keep, and nothing comes from elsewhere.
    let (_, land) = page.split_once("<use href=\"").unwrap();
    let land = land.split('#').next().unwrap().replace("&#x2f;", "/");
    let file = Client::logged_in(&station, "bert").get(&land);
    assert_eq!((file.status, file.header("content-type")), (200, "image/svg+xml"));
    assert!(file.header("cache-control").contains("immutable") && file.body.len() < 60_000, "{}", file.body.len());
    assert!(page.len() < 12_000, "{}", page.len());
    let far = Client::logged_in(&station, "bert").get("/position?days=31&view=99").body;
    assert!(far.contains(">Nearer<") && !far.contains(">Farther<"), "{far}");
}
