//! The same by e-mail: mails come to the listener of the gateway, or into a mailbox somewhere that it looks into, and go
//! through the relay.

use super::scene::{LONG, PATH, Scene, Service, TERMINAL};
use super::{answer, up_and_down, wait_in_mailbox, wait_mail, write};
use crate::support::shore::{classic, hex};
use crate::support::{PASSWORD, SOON, Station, send, wait_for};

#[test]
fn a_message_goes_up_and_its_answer_comes_down_by_mail_alone() {
    up_and_down(&Scene::start(Service::Sbdmail, "4000"));
}

#[test]
fn mails_are_believed_from_the_relay_alone_taken_once_and_never_answered() {
    let scene = Scene::start(Service::Sbdmail, "4000");
    let mut gateway = scene.gateway().started();
    scene.calls(&gateway);
    let told = |count: usize| {
        wait_for(&format!("{count} mails to be taken"), SOON, || {
            (scene.ups().iter().filter(|up| up["told"] == true).count() == count).then_some(())
        });
    };
    for (at, kind) in ["forged", "forwarded", "twice"].into_iter().enumerate() {
        let packet = classic(true, "bob@world.example", &format!("number {at}"));
        assert_eq!(scene.service(&format!("fail hook {kind}")), ["ok"]);
        assert_eq!(scene.service(&format!("up {TERMINAL} {at} {}", hex(&packet))), ["ok"]);
        told(at + 1);
    }
    assert_eq!(scene.service(&format!("up {TERMINAL} 9")), ["ok"]);
    scene.service("again");
    gateway.kill();
    gateway.start();
    scene.calls(&gateway);
    wait_for("three mails", LONG, || (scene.mails().len() == 3).then_some(()));
    // From elsewhere nobody is believed, whatever they call themselves.
    gateway.set(&[("sbdmail.peers", "192.0.2.0/24")]);
    wait_for("the mail to be refused", SOON, || {
        let mail = "From: sbdservice@sbd.iridium.com\nSubject: SBD Msg From Unit: 300234010753370\n\nx\n";
        let to = format!("{PATH}@shore.example");
        let reply = send(&gateway, None, "sbdservice@sbd.iridium.com", &to, mail);
        reply.starts_with("550 5.7.1").then_some(())
    });
    assert_eq!(gateway.messages().len(), 3);
    assert_eq!(scene.mails().len(), 3, "none was answered");
    gateway.totals_balance();
}

#[test]
fn a_gateway_that_nobody_can_reach_looks_into_the_mailbox_of_its_relay() {
    let scene = Scene::start(Service::Sbdmail, "4000");
    // Somebody's mail server, with a mailbox for the gateway.
    let settings = [("box.domain", "post.example"), ("box.reach", "internet"), ("smtp.trusted", "127.0.0.0/8")];
    let post = Station::new(&scene.folder, "post", &settings, &["harbour"]).started();
    let (station, mut gateway) = (scene.station().started(), scene.gateway());
    let server = post.listener("imap").to_string();
    gateway.set(&[("sbdmail.imap", &server), ("sbdmail.peers", "")]);
    gateway.cli_ok(&["settings", "set", "relay.user", "harbour"], "");
    gateway.cli_ok(&["settings", "set", "relay.password"], PASSWORD);
    gateway.start();
    let hook = format!("hook smtp://{}/harbour+{PATH}@post.example", post.listener("smtp"));
    assert_eq!(scene.service(&hook), ["ok"]);
    // Somebody who knows the mailbox and the terminal, but not the secret.
    let forged = "From: sbdservice@sbd.iridium.com\nSubject: SBD Msg From Unit: 300234010753370\n\nx\n";
    let reply = send(&post, None, "sbdservice@sbd.iridium.com", "harbour@post.example", forged);
    assert!(reply.starts_with('2'), "{reply}");
    write(&station, "From the boat");
    wait_mail(&scene, "From the boat");
    answer(&gateway, "Re: From the boat");
    wait_in_mailbox(&station, "Re: From the boat");
    // Killed, it finds again what it has not marked, and takes it once.
    gateway.kill();
    write(&station, "Meanwhile");
    let in_mailbox = |count: usize| {
        wait_for("the mails of the service", LONG, || {
            let of = |message: &&serde_json::Value| message["from"] == "sbdservice@sbd.iridium.com";
            (post.messages().iter().filter(of).count() >= count).then_some(())
        });
    };
    in_mailbox(3);
    gateway.start();
    wait_mail(&scene, "Meanwhile");
    assert_eq!(scene.mails().len(), 2);
    gateway.totals_balance();
}
