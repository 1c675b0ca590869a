//! The same by the gateway of the network itself: a connection a message, both ways, and only named peers are heard.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::scene::{LONG, Scene, Service, TERMINAL};
use super::{answer, up_and_down, wait_in_mailbox, wait_mail, write};
use crate::support::command::link_of;
use crate::support::shore::{classic, hex};
use crate::support::web::Client;
use crate::support::{SOON, Station, wait_for};

/// Messages for terminals that the gateway was given and queued.
fn queued(scene: &Scene) -> usize {
    let is = |line: &&String| line.contains("\"mt\":1") || line.contains("\"mt\":2");
    scene.service("journal").iter().filter(is).count()
}

fn up(scene: &Scene, momsn: usize) {
    let packet = classic(true, "bob@world.example", &format!("number {momsn}"));
    assert_eq!(scene.service(&format!("up {TERMINAL} {momsn} {}", hex(&packet))), ["ok"]);
}

fn told(scene: &Scene, count: usize) {
    wait_for(&format!("{count} messages to be confirmed"), SOON, || {
        (scene.ups().iter().filter(|up| up["told"] == true).count() == count).then_some(())
    });
}

fn says(gateway: &Station, words: &str) {
    wait_for(words, LONG, || {
        let status = gateway.status()?;
        link_of(&status)["words"].as_str().filter(|said| said.contains(words)).map(|_| ())
    });
}

#[test]
fn a_message_goes_up_and_its_answer_comes_down_for_what_the_gateway_charges() {
    up_and_down(&Scene::start(Service::Directip, "4000"));
}

#[test]
fn a_gateway_killed_at_any_moment_loses_nothing_and_sends_nothing_twice() {
    let scene = Scene::start(Service::Directip, "4000");
    let (station, mut gateway) = (scene.station().started(), scene.gateway().started());
    scene.calls(&gateway);
    for (at, subject) in ["First", "Second", "Third"].into_iter().enumerate() {
        write(&station, subject);
        wait_for("the message at the service", LONG, || (scene.ups().len() == at + 1).then_some(()));
        gateway.kill();
        gateway.start();
        scene.calls(&gateway);
        wait_mail(&scene, subject);
        // Killed as soon as the service has it, the box may not know that; what comes of it is told by the far box.
        answer(&gateway, &format!("Re: {subject}"));
        wait_for("the answer at the service", LONG, || (queued(&scene) == at + 1).then_some(()));
        gateway.kill();
        gateway.start();
        scene.calls(&gateway);
        wait_in_mailbox(&station, &format!("Re: {subject}"));
    }
    assert_eq!((scene.mails().len(), queued(&scene)), (3, 3), "each went once");
    gateway.totals_balance();
    station.totals_balance();
}

#[test]
fn what_comes_is_taken_once_and_only_named_peers_are_heard() {
    let scene = Scene::start(Service::Directip, "4000");
    let mut gateway = scene.gateway().started();
    scene.calls(&gateway);
    // Elements in another order with one that is new, a message twice, half a frame, one that is too short for its length,
    // one that names no terminal.
    for (at, kind) in ["order", "twice", "cut", "long", "garbage"].into_iter().enumerate() {
        assert_eq!(scene.service(&format!("fail hook {kind}")), ["ok"]);
        up(&scene, at + 1);
        told(&scene, at + 1);
    }
    // All of it again, before and after the gateway was killed; a look into the mailbox is no message.
    scene.service("again");
    gateway.kill();
    gateway.start();
    scene.calls(&gateway);
    assert_eq!(scene.service(&format!("up {TERMINAL} 77")), ["ok"]);
    up(&scene, 6);
    told(&scene, 6);
    wait_for("six mails", LONG, || (scene.mails().len() == 6).then_some(()));
    wait_for("the last repetition", LONG, || {
        let yes = |line: &&String| line.contains("\"counts\":true") && line.contains("\"yes\":true");
        (scene.service("journal").iter().filter(yes).count() == 12).then_some(())
    });
    assert_eq!(gateway.messages().len(), 6);
    assert_eq!(gateway.status().unwrap()["quarantined"], 1, "what names no terminal is kept for a look");
    // A frame that never ends is not read, and who is not named is not heard at all.
    let closed = |first: &[u8]| {
        let mut stream = TcpStream::connect(gateway.listener("directip")).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let _ = stream.write_all(first);
        matches!(stream.read(&mut [0; 8]), Ok(0) | Err(_))
    };
    assert!(closed(&[1, 0xff, 0xff, 1]) && closed(b"GET / HTTP/1.1\r\n\r\n"));
    gateway.set(&[("directip.peers", "192.0.2.0/24")]);
    up(&scene, 7);
    wait_for("a message that is not heard", LONG, || {
        let lines = scene.service("journal");
        lines.iter().any(|line| line.contains("\"hook\":7") && line.contains("\"yes\":false")).then_some(())
    });
    assert_eq!(gateway.messages().len(), 6);
    gateway.set(&[("directip.peers", "127.0.0.1")]);
    told(&scene, 7);
    wait_for("seven mails", LONG, || (scene.mails().len() == 7).then_some(()));
    gateway.totals_balance();
}

#[test]
fn what_the_gateway_says_of_a_message_is_heard() {
    let scene = Scene::start(Service::Directip, "4000");
    let gateway = scene.gateway().started();
    let reason = |words: &str| {
        wait_for(words, LONG, || {
            let said = |message: &serde_json::Value| message["reason"].as_str().unwrap_or_default().contains(words);
            gateway.messages().iter().any(said).then_some(())
        });
    };
    // Without a confirmation, or with one of another message, nobody knows: it was queued once, and is not sent again.
    for (at, kind) in ["reset-after", "other"].into_iter().enumerate() {
        assert_eq!(scene.service(&format!("fail mt {kind}")), ["ok"]);
        answer(&gateway, kind);
        wait_for("its place in the queue", LONG, || (scene.service("queue").len() == at + 1).then_some(()));
    }
    reason("may have");
    let charged = scene.credits()[1];
    // One terminal that is not rung, or has too much waiting, holds up no other message.
    for (kind, words) in [("-9", "is not rung"), ("-5", "it has to fetch some")] {
        assert_eq!(scene.service(&format!("fail mt {kind}")), ["ok"]);
        answer(&gateway, kind);
        reason(words);
    }
    // Nobody else's either: this one goes, and what was refused goes after it.
    answer(&gateway, "Next");
    wait_for("the next one", LONG, || (scene.service("queue").len() >= 3).then_some(()));
    assert!(scene.credits()[1] > charged);
    assert_eq!(scene.service("fail mt -10"), ["ok"]);
    answer(&gateway, "Refused");
    says(&gateway, "have it allowed there");
    gateway.totals_balance();
    let client = Client::logged_in(&gateway, "olga");
    let page = client.get("/links/directip").body.replace("&#x2f;", "/");
    assert!(page.contains("At the service") && page.contains("directip.listen"), "{page}");
}
