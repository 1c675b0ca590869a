//! Messages through an SBD modem, which can be bought today, and the ground service of its seller: real binaries at both
//! ends, and simulators that others have judged in between.

mod by_mail;
mod cloudloop;
mod directip;
mod month;
mod position;
pub mod scene;

use std::time::Duration;

use serde_json::Value;

use self::scene::{LONG, Scene, Service, TERMINAL, bill};
use crate::support::command::link_of;
use crate::support::web::{Client, hidden};
use crate::support::{SOON, Station, send, wait_for};

fn write(station: &Station, text: &str) {
    let mail = format!("From: anna@boat.example\nSubject: {text}\n\nAll is well here.\n");
    let reply = send(station, Some("anna"), "anna@boat.example", "bob@world.example", &mail);
    assert!(reply.starts_with("250"), "{reply}");
}

fn answer(gateway: &Station, text: &str) {
    let mail = format!("From: bob@world.example\nSubject: {text}\n\nGlad to hear it.\n");
    let reply = send(gateway, None, "bob@world.example", "anna@shore.example", &mail);
    assert!(reply.starts_with("250"), "{reply}");
}

/// Waits until the internet's mail server has a mail with this subject.
fn wait_mail(scene: &Scene, subject: &str) {
    wait_for(&format!("the mail '{subject}'"), LONG, || {
        let has = |mail: &Value| mail["data"].as_str().unwrap().contains(&format!("Subject: {subject}\r\n"));
        scene.mails().iter().any(has).then_some(())
    });
}

/// Waits until a message with this subject is in anna's mailbox.
fn wait_in_mailbox(station: &Station, subject: &str) {
    wait_in_mailbox_for(station, subject, LONG);
}

fn wait_in_mailbox_for(station: &Station, subject: &str, limit: Duration) {
    wait_for(&format!("the message '{subject}'"), limit, || {
        let is = |message: &Value| message["subject"] == subject && message["state"] == "delivered";
        station.messages().iter().any(is).then_some(())
    });
}

#[test]
fn a_message_goes_up_and_its_answer_comes_down_for_what_the_service_charges() {
    up_and_down(&Scene::start(Service::Rockblock, "4000"));
}

/// A mail from the boat, its answer, and both bills.
fn up_and_down(scene: &Scene) {
    let (station, gateway) = (scene.station().started(), scene.gateway().started());
    scene.calls(&gateway);
    write(&station, "From the boat");
    wait_mail(scene, "From the boat");
    station.wait_state(SOON, "bob@world.example", "sent");
    answer(&gateway, "Re: From the boat");
    // The ring alert brings it: nobody looks into the mailbox unasked.
    wait_in_mailbox(&station, "Re: From the boat");
    wait_for("the service's last call to be answered", SOON, || {
        scene.ups().iter().all(|up| up["told"] == true).then_some(())
    });
    // Nothing is on its way any more: what the boxes counted is what the service counted.
    let [up, down, mailbox] = wait_for("both bills", SOON, || {
        let counted = scene.credits();
        (bill(&station) == counted[0] + counted[2] && bill(&gateway) == counted[1]).then_some(counted)
    });
    assert!(up > 0 && down > 0 && mailbox <= 2, "{up} {down} {mailbox}");
    // The accounts say the same: what no message paid for is the box's own.
    for (station, credits) in [(&station, up + mailbox), (&gateway, down)] {
        let report = station.json(&["costs", "--json"]);
        let accounts = report["accounts"].as_array().unwrap();
        let all = accounts.iter().find(|row| row["account"] == "(box)").unwrap_or(&Value::Null);
        assert_eq!(all["money"], format!("{}.{:02}", credits / 100, credits % 100), "{report}");
    }
    assert_eq!(scene.mails().len(), 1);
    station.totals_balance();
    gateway.totals_balance();
}

/// Nothing is announced to a modem that never had a session: the box that only hears has one, and is paid for.
#[test]
fn what_comes_to_a_new_modem_arrives_though_its_box_sends_nothing() {
    let scene = Scene::start(Service::Rockblock, "2000");
    assert_eq!(scene.modem("known off"), ["ok"]);
    let (station, gateway) = (scene.station().started(), scene.gateway().started());
    scene.calls(&gateway);
    wait_for("the modem to be known", LONG, || (scene.shown("registered") == "2").then_some(()));
    answer(&gateway, "To whom it may concern");
    wait_in_mailbox(&station, "To whom it may concern");
    wait_for("the bill of the station", SOON, || {
        let [up, _, mailbox] = scene.credits();
        (mailbox > 0 && bill(&station) == up + mailbox).then_some(())
    });
    station.totals_balance();
}

#[test]
fn a_station_killed_at_any_moment_sends_nothing_twice() {
    let scene = Scene::start(Service::Rockblock, "20000");
    let (mut station, gateway) = (scene.station().started(), scene.gateway().started());
    scene.calls(&gateway);
    for (at, moment) in ["in its session", "with its slot full", "right after its session"].iter().enumerate() {
        let subject = format!("Killed {moment}");
        let before = scene.shown("momsn");
        write(&station, &subject);
        wait_for(moment, LONG, || {
            let there = match at {
                0 => scene.shown("mode") == "session",
                1 => scene.shown("mo") != "empty",
                _ => scene.shown("momsn") != before,
            };
            there.then_some(())
        });
        station.kill();
        station.start();
        wait_mail(&scene, &subject);
    }
    wait_for("the slot to be empty", LONG, || (scene.shown("mo") == "empty").then_some(()));
    assert_eq!(scene.mails().len(), 3);
    let data: Vec<_> = scene.ups().iter().map(|up| up["data"].as_str().unwrap().to_owned()).collect();
    let mut once = data.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), data.len(), "each message went up once: {data:?}");
    station.totals_balance();
}

#[test]
fn sessions_that_fail_cost_nothing_and_lose_nothing() {
    let scene = Scene::start(Service::Rockblock, "2000");
    let (station, gateway) = (scene.station().started(), scene.gateway().started());
    scene.calls(&gateway);
    for fault in ["status 32", "residue 1", "glue 2", "badwrite 1"] {
        assert_eq!(scene.modem(fault), ["ok"]);
    }
    write(&station, "Through");
    wait_mail(&scene, "Through");
    assert_eq!(scene.ups().len(), 1);
    assert_eq!(scene.credits()[0], bill(&station), "the failed session is not on the bill");
    // A terminal that is not paid for is told to the owner, and its message waits.
    let told = |words: &str| {
        wait_for(words, LONG, || {
            let status = station.status()?;
            let link = link_of(&status);
            link["words"].as_str().filter(|said| said.contains(words)).map(|_| ())
        });
    };
    assert_eq!(scene.modem("status 15"), ["ok"]);
    wait_for("the modem to be in no session", 2 * LONG, || (scene.shown("mode") == "command").then_some(()));
    write(&station, "Waits");
    told("not activated");
    station.wait_state(SOON, "bob@world.example", "queued");
    assert_eq!(scene.ups().len(), 1);
}

#[test]
fn calls_of_the_webhook_are_believed_for_their_proof_alone() {
    let scene = Scene::start(Service::Rockblock, "4000");
    let mut gateway = scene.gateway().started();
    scene.calls(&gateway);
    let packet = |text: &str| crate::support::shore::classic(true, "bob@world.example", text);
    let up = |momsn: u32, text: &str| {
        let hex = crate::support::shore::hex(&packet(text));
        assert_eq!(scene.service(&format!("up {TERMINAL} {momsn} {hex}")), ["ok"]);
    };
    let told = |count: usize| {
        wait_for(&format!("{count} calls to be answered"), SOON, || {
            let told = scene.ups().iter().filter(|up| up["told"] == true).count();
            (told == count).then_some(())
        });
    };
    let mut count = 0;
    for kind in ["forged", "none", "hs256", "differs", "twice"] {
        assert_eq!(scene.service(&format!("fail hook {kind}")), ["ok"]);
        count += 1;
        up(count, &format!("number {count}"));
        told(count as usize);
    }
    // Four of the false calls were refused, before the true ones.
    let refused = |line: &&String| line.contains("\"counts\":false") && line.contains("\"yes\":false");
    assert_eq!(scene.service("journal").iter().filter(refused).count(), 4);
    // All of them once more, before and after the gateway was killed.
    scene.service("again");
    gateway.kill();
    gateway.start();
    scene.calls(&gateway);
    up(6, "number 6");
    told(6);
    wait_for("six mails", LONG, || (scene.mails().len() == 6).then_some(()));
    // A look into the mailbox is no message; a call without a signature, or of the day before yesterday, is none either.
    assert_eq!(scene.service(&format!("up {TERMINAL} 7")), ["ok"]);
    let called = |line: &String| line.contains("\"hook\":7") && line.contains("\"yes\":true");
    wait_for("the call of the mailbox", SOON, || scene.service("journal").iter().any(called).then_some(()));
    assert_eq!(scene.service("fail hook old"), ["ok"]);
    up(8, "number 8");
    told(7);
    assert_eq!(gateway.messages().len(), 6);
    assert_eq!(gateway.status().unwrap()["quarantined"], 1);
    gateway.totals_balance();
}

#[test]
fn what_the_service_says_of_a_message_is_heard() {
    let scene = Scene::start(Service::Rockblock, "4000");
    let gateway = scene.gateway().started();
    let words = |words: &str| {
        wait_for(words, LONG, || {
            let status = gateway.status()?;
            link_of(&status)["words"].as_str().filter(|said| said.contains(words)).map(|_| ())
        });
    };
    // One whose answer is lost was charged, and is not sent again.
    assert_eq!(scene.service("fail mt reset-after"), ["ok"]);
    answer(&gateway, "Lost");
    wait_for("its charge", LONG, || (scene.credits()[1] > 0).then_some(()));
    let charged = scene.credits()[1];
    wait_for("that nobody knows", LONG, || {
        let messages = gateway.messages();
        messages
            .iter()
            .any(|message| message["reason"].as_str().unwrap_or_default().contains("RockBLOCK"))
            .then_some(())
    });
    // Others go all the same.
    answer(&gateway, "Next");
    wait_for("the next one", LONG, || (scene.service("queue").len() == 2).then_some(()));
    let queue = scene.service("queue");
    assert_ne!(queue[0], queue[1]);
    assert!(scene.credits()[1] > charged);
    // A server in front of the service that refuses for it has not taken anything. Settings that change begin anew.
    assert_eq!(scene.service("fail mt 503"), ["ok"]);
    answer(&gateway, "Later");
    words("RockBLOCK is not there now (503");
    assert_eq!(scene.service("queue").len(), 2);
    gateway.set(&[("rockblock.forms", "yes")]);
    wait_for("the later one", LONG, || (scene.service("queue").len() == 3).then_some(()));
    // Without credit nothing goes, and the owner is told.
    assert_eq!(scene.service("fail mt 13"), ["ok"]);
    answer(&gateway, "Unpaid");
    words("buy some there");
    assert_eq!(scene.service("queue").len(), 3);
    gateway.totals_balance();
}

/// The first packet to a far box that nobody knows yet says what this box reads, which takes a credit more: the box pays it, and
/// the writer what was told before.
#[test]
fn what_rides_along_is_not_on_the_writers_bill() {
    let scene = Scene::start(Service::Rockblock, "4000");
    let (station, gateway) = (scene.station().started(), scene.gateway().started());
    scene.calls(&gateway);
    let text = "All well. Fuel in Horta on Friday?";
    let send = ["send", "--from", "anna", "--subject", "From the boat", "--text", text, "bob@world.example"];
    station.cli_ok(&send, "");
    wait_mail(&scene, "From the boat");
    let sent = station.wait_state(SOON, "bob@world.example", "sent");
    let id = sent["id"].as_str().unwrap();
    let bill_of = wait_for("what it cost", SOON, || {
        let bill = station.json(&["queue", "show", id, "--json"])["bill"].clone();
        (bill["spent"]["packets"] == 1).then_some(bill)
    });
    assert_eq!(
        (&bill_of["quoted"]["money"], &bill_of["spent"]["money"]),
        (&"0.02".into(), &"0.02".into()),
        "{bill_of}"
    );
    let up = scene.credits()[0];
    assert_eq!((up, bill(&station)), (3, 3), "a credit more than the message takes");
    let costs = station.cli_ok(&["costs"], "");
    let row = |who: &str| costs.lines().find(|line| line.starts_with(who)).unwrap_or_default().to_owned();
    assert!(row("(box)").contains("0.03 ") && row("anna").contains("0.02 "), "{costs}");
    station.totals_balance();
}

/// What is begun of fifty bytes is paid for: it is told while one writes, filled by what waits, and on the bill.
#[test]
fn credits_are_told_before_and_filled_by_what_waits() {
    let scene = Scene::start(Service::Rockblock, "4000");
    let (station, gateway) = (scene.station(), scene.gateway().started());
    station.set(&[("air.gather", "6")]);
    let station = station.started();
    scene.calls(&gateway);
    write(&station, "From the boat");
    wait_mail(&scene, "From the boat");
    answer(&gateway, "Re: From the boat");
    wait_in_mailbox(&station, "Re: From the boat");

    // No sentence comes twice: of one that does a part may take more than all of it.
    let report = |days: usize| -> String {
        (0..days).map(|day| format!("Day {day}: wind {}, fuel {}. ", day * 7 % 12, day * 31 % 97)).collect()
    };
    let look = |text: &str| {
        station.json(&["send", "--from", "anna", "--dry-run", "--text", text, "bob@world.example"])[0].clone()
    };
    let text = (1..).map(report).find(|text| look(text)["at_most"]["credits"] == 2).unwrap();
    let text = text.trim();
    let (shown, count) = (look(text), text.chars().count());
    let over = usize::try_from(shown["at_most"]["over"].as_u64().unwrap()).unwrap();
    assert!(over > 0 && shown["bytes"].as_u64().unwrap() > 50, "{shown}");
    let without =
        |over: usize| look(&text.chars().take(count - over).collect::<String>())["at_most"]["credits"].clone();
    assert_eq!((without(over), without(0)), (1.into(), 2.into()));
    let told = format!("2 credits (1 without its last {over} character");
    let line = station.cli_ok(&["send", "--from", "anna", "--dry-run", "--text", text, "bob@world.example"], "");
    assert!(line.contains(&told), "{line}");
    // The page says the same with every look that it takes at what is written.
    let client = Client::logged_in(&station, "anna");
    let page = client.get("/compose").body;
    let fields = [("csrf", hidden(&page, "csrf")), ("once", hidden(&page, "once")), ("to", "bob@world.example".into())];
    let form: String = fields.iter().map(|(name, value)| format!("{name}={value}&")).collect();
    let kept = client.form("/drafts", &format!("{form}text={}", text.replace(' ', "+")), &client.own());
    assert!(kept.body.contains(&told), "{}", kept.body);

    // Four that wait leave together, for less than each alone.
    let (before, billed) = (scene.credits(), bill(&station));
    let people = ["bob", "eve", "ida", "otto"].map(|name| format!("{name}@world.example"));
    let news = "Fuel for two days, all well.";
    let alone: u64 = people
        .iter()
        .map(|to| {
            station.json(&["send", "--from", "anna", "--dry-run", "--text", news, to])[0]["at_most"]["credits"]
                .as_u64()
                .unwrap()
        })
        .sum();
    let all: Vec<&str> = people.iter().map(String::as_str).collect();
    station.cli_ok(&[&["send", "--from", "anna", "--text", news], &all[..]].concat(), "");
    wait_for("five mails", LONG, || (scene.mails().len() == 5).then_some(()));
    let paid = wait_for("the bill", SOON, || {
        let (now, counted) = (scene.credits(), bill(&station) - billed);
        let paid = now[0] - before[0];
        (counted == paid + now[2] - before[2]).then_some(paid)
    });
    assert!(paid < alone, "{paid} credits for four, {alone} for each alone");
    // What the network charges is counted and drawn: all of the bill for the box, what she wrote for anna.
    let count = |person: &[&str]| {
        let rows = station.json(&[&["usage", "--by", "month", "--json"], person].concat());
        rows.as_array().unwrap().iter().filter_map(|row| row["credits"].as_u64()).sum::<u64>()
    };
    let all = wait_for("the count", SOON, || Some(count(&[])).filter(|all| *all == bill(&station)));
    let annas = count(&["--person", "anna"]);
    assert!(paid < annas && annas < all, "{annas} of {all}");
    for (by, credits) in [("day", annas), ("month", annas), ("year", annas)] {
        let page = client.get(&format!("/usage?by={by}&person=anna")).body;
        let said = page.split("<desc id=credits-d>").nth(1).and_then(|rest| rest.split("</desc>").next());
        assert!(said.is_some_and(|said| said.contains(&format!(": {credits} in all"))), "{by}: {page}");
        assert!(page.contains(&format!("data-label=\"Credits\">{credits}")), "{by}: {page}");
    }
    station.totals_balance();
}

/// A pseudo-terminal has no control lines: who says that one of them switches the modem hears that it is not so, and the link
/// works without.
#[test]
fn a_port_without_control_lines_is_told_to_who_wants_one_switched() {
    let scene = Scene::start(Service::Rockblock, "2000");
    let station = scene.station_with(&[("sbd.power", "dtr")]);
    let tested = station.said(&["link", "test", &station.first_link()]);
    assert!(tested.code == 1 && format!("{tested:?}").contains("has no control lines"), "{tested:?}");
    let (station, gateway) = (station.started(), scene.gateway().started());
    scene.calls(&gateway);
    wait_for("that it is told", LONG, || {
        let status = station.status()?;
        link_of(&status)["words"].as_str().filter(|words| words.contains("no control lines")).map(|_| ())
    });
    write(&station, "Without");
    wait_mail(&scene, "Without");
    station.set(&[("sbd.power", "none")]);
    wait_for("that all is well", LONG, || (link_of(&station.status()?)["words"] == "ready").then_some(()));
}
