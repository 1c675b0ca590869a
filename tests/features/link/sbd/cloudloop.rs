//! The same by the other service of that maker, which signs nothing, knows terminals by names of its own, and can be asked
//! what became of a message.

use super::scene::{IMT, LONG, PATH, Scene, Service, TERMINAL};
use super::{answer, up_and_down, wait_in_mailbox, wait_in_mailbox_for, wait_mail, write};
use crate::support::command::link_of;
use crate::support::ground::{PUBLIC, post};
use crate::support::shore::{classic, hex};
use crate::support::web::Client;
use crate::support::{SOON, Station, wait_for};

/// A service that has learned its terminals: a mail came from anna's.
fn known(scene: &Scene, gateway: &Station) {
    scene.calls(gateway);
    let packet = classic(true, "bob@world.example", "Hello");
    assert_eq!(scene.service(&format!("up {TERMINAL} 900 {}", hex(&packet))), ["ok"]);
    wait_for("the first mail", LONG, || (scene.mails().len() == 1).then_some(()));
    // Before its call is answered nothing is known for certain.
    wait_for("its call to be answered", SOON, || scene.ups().iter().all(|up| up["told"] == true).then_some(()));
}

fn says(gateway: &Station, words: &str) {
    wait_for(words, LONG, || {
        let status = gateway.status()?;
        link_of(&status)["words"].as_str().filter(|said| said.contains(words)).map(|_| ())
    });
}

#[test]
fn a_message_goes_up_and_its_answer_comes_down_for_what_cloudloop_charges() {
    up_and_down(&Scene::start(Service::Cloudloop, "4000"));
}

#[test]
fn a_gateway_killed_at_any_moment_loses_nothing_and_sends_nothing_twice() {
    let scene = Scene::start(Service::Cloudloop, "4000");
    let (station, mut gateway) = (scene.station().started(), scene.gateway().started());
    scene.calls(&gateway);
    write(&station, "First");
    wait_mail(&scene, "First");
    answer(&gateway, "Re: First");
    wait_in_mailbox(&station, "Re: First");
    for (at, subject) in ["Second", "Third"].into_iter().enumerate() {
        write(&station, subject);
        let reached = |count: usize| scene.ups().len() == count;
        wait_for("the message at the service", LONG, || reached(at + 2).then_some(()));
        gateway.kill();
        gateway.start();
        scene.calls(&gateway);
        wait_mail(&scene, subject);
        answer(&gateway, &format!("Re: {subject}"));
        gateway.kill();
        gateway.start();
        scene.calls(&gateway);
        // Killed between the two, it does not know whether the service has it, until the list of the service tells.
        wait_in_mailbox_for(&station, &format!("Re: {subject}"), 3 * LONG);
    }
    assert_eq!(scene.mails().len(), 3);
    let queued = scene.service("journal").iter().filter(|line| line.contains("\"mt\":{\"id\"")).count();
    assert_eq!(queued, 3, "each answer was queued once");
    gateway.totals_balance();
    station.totals_balance();
}

#[test]
fn what_calls_bring_is_taken_once_and_who_calls_has_to_know_the_address() {
    let scene = Scene::start(Service::Cloudloop, "4000");
    let mut gateway = scene.gateway();
    gateway.set(&[("sms.public_url", PUBLIC)]);
    gateway.start();
    scene.calls(&gateway);
    let up = |terminal: &str, number: usize| {
        let packet = classic(true, "bob@world.example", &format!("number {number}"));
        assert_eq!(scene.service(&format!("up {terminal} {number} {}", hex(&packet))), ["ok"]);
    };
    let told = |count: usize| {
        wait_for(&format!("{count} calls to be answered"), SOON, || {
            (scene.ups().iter().filter(|up| up["told"] == true).count() == count).then_some(())
        });
    };
    // Two destinations, older formats, a test of the address, what nobody can read; a modem of the newer kind, with its
    // padding and without.
    for (at, kind) in ["twice", "core", "form", "test", "garbage"].into_iter().enumerate() {
        assert_eq!(scene.service(&format!("fail hook {kind}")), ["ok"]);
        up(TERMINAL, at + 1);
        told(at + 1);
    }
    gateway.cli_ok(&["people", "add", "ben", "--device", &format!("imei:{IMT}")], "");
    up(IMT, 6);
    up(IMT, 7);
    told(7);
    // All of it again, before and after the gateway was killed: nothing comes twice.
    scene.service("again");
    gateway.kill();
    gateway.start();
    scene.calls(&gateway);
    up(TERMINAL, 8);
    told(8);
    wait_for("eight mails", LONG, || (scene.mails().len() == 8).then_some(()));
    wait_for("the last repetition", LONG, || {
        let yes = |line: &&String| line.contains("\"counts\":true") && line.contains("\"yes\":true");
        (scene.service("journal").iter().filter(yes).count() == 15).then_some(())
    });
    // What came damaged is set aside, and who does not know the address has said nothing.
    assert_eq!(scene.service("fail hook crc"), ["ok"]);
    up(IMT, 9);
    told(9);
    let lingo = r#"{"sbd":{"imei":"300234010753370","momsn":77}}"#;
    let wrong = PATH.replace('k', "K");
    assert_eq!(post(&gateway, &format!("/hooks/cloudloop/{wrong}"), "", lingo).0, 404);
    gateway.set(&[("cloudloop.callers", "192.0.2.0/24")]);
    // The link takes its new settings in a moment.
    wait_for("the call to be refused", SOON, || {
        (post(&gateway, &format!("/hooks/cloudloop/{PATH}"), "", lingo).0 == 403).then_some(())
    });
    says(&gateway, "cloudloop.callers");
    assert_eq!(gateway.messages().len(), 8);
    assert_eq!(gateway.status().unwrap()["quarantined"], 2);
    gateway.totals_balance();
}

#[test]
fn a_message_whose_answer_is_lost_is_found_in_the_list_and_sent_once() {
    let scene = Scene::start(Service::Cloudloop, "4000");
    let gateway = scene.gateway().started();
    known(&scene, &gateway);
    assert_eq!(scene.service("fail mt reset-after"), ["ok"]);
    answer(&gateway, "Lost");
    gateway.wait_state(LONG, "anna@shore.example", "sent");
    assert_eq!(scene.service("queue").len(), 1);
    // While the list does not tell either, it is not known; then it is.
    assert_eq!(scene.service("fail mt 502"), ["ok"]);
    answer(&gateway, "Not taken");
    let unknown = |words: &str| {
        wait_for(words, LONG, || {
            let said = |message: &serde_json::Value| message["reason"].as_str().unwrap_or_default().contains(words);
            gateway.messages().iter().any(said).then_some(())
        });
    };
    unknown("Cloudloop may have");
    answer(&gateway, "Next");
    wait_for("the next one", LONG, || (scene.service("queue").len() == 2).then_some(()));
    gateway.totals_balance();
}

#[test]
fn what_cloudloop_says_of_a_message_is_heard() {
    let scene = Scene::start(Service::Cloudloop, "4000");
    let gateway = scene.gateway().started();
    // Before its first message nobody knows what the service calls anna's terminal.
    answer(&gateway, "Early");
    let early = |words: &str| {
        wait_for(words, LONG, || {
            let said = |message: &serde_json::Value| message["reason"].as_str().unwrap_or_default().contains(words);
            gateway.messages().iter().any(said).then_some(())
        });
    };
    early("cloudloop.things");
    known(&scene, &gateway);
    wait_for("the early one", 2 * LONG, || (scene.service("queue").len() == 1).then_some(()));
    assert_eq!(scene.service("fail mt 404"), ["ok"]);
    answer(&gateway, "No such thing");
    early("look at the terminal");
    assert_eq!(scene.service("fail mt 503"), ["ok"]);
    answer(&gateway, "Later");
    says(&gateway, "Cloudloop is not there now");
    gateway.set(&[("cloudloop.topic", "RAW")]);
    wait_for("the later one", 2 * LONG, || (scene.service("queue").len() == 2).then_some(()));
    assert_eq!(scene.service("fail mt 429"), ["ok"]);
    answer(&gateway, "Patience");
    says(&gateway, "asks for patience");
    gateway.set(&[("cloudloop.token", "wrong")]);
    says(&gateway, "check cloudloop.token");
    gateway.totals_balance();
}

#[test]
fn the_page_says_what_the_form_of_the_service_wants_and_when_it_was_last_heard() {
    let scene = Scene::start(Service::Cloudloop, "4000");
    let mut gateway = scene.gateway();
    let front =
        [("web.front", "127.0.0.1"), ("web.base_path", "/post"), ("sms.public_url", "https://box.example.org/post")];
    gateway.set(&front);
    gateway.start();
    let page = |gateway: &Station| {
        let client = Client::logged_in(gateway, "olga");
        client.get("/links/cloudloop").body.replace("&#x2f;", "/")
    };
    let before = page(&gateway);
    let url = format!("https://box.example.org/post/hooks/cloudloop/{PATH}");
    assert!(before.contains(&format!("<code id=webhook>{url}</code>")), "{before}");
    assert!(before.contains("Lingo JSON") && before.contains("nothing yet"), "{before}");
    // The web server in front passes the path on as it came.
    let forwarded = "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: box.example.org\r\n";
    let (status, _) = post(&gateway, &format!("/post/hooks/cloudloop/{PATH}"), forwarded, "a test");
    assert_eq!(status, 200);
    wait_for("the page to tell", SOON, || (!page(&gateway).contains("nothing yet")).then_some(()));
    // Without a secret the page offers one, and says what is missing.
    gateway.set(&[("cloudloop.path", "")]);
    let without = page(&gateway);
    assert!(without.contains("nobody has guessed yet") && without.contains("set cloudloop.path"), "{without}");
    let short = gateway.said(&["link", "set", "cloudloop", "cloudloop.path", "short"]).fails(2);
    assert!(short.contains("16 or more"), "{short}");
}
