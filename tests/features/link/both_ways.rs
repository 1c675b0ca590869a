//! A message goes over the satellite and back, with the real binary at both ends and simulators of everything between.

use crate::support::{SOON, World, send, wait_for};

#[test]
fn a_message_goes_over_the_satellite_and_its_answer_comes_back() {
    let world = World::start(&[]);
    let (station, gateway) = (world.station().started(), world.gateway().started());

    let mail = "From: anna@boat.example\nSubject: From the boat\n\nAll is well here.\n-- \nAnna, skipper\n";
    let reply = send(&station, Some("anna"), "anna@boat.example", "bob@world.example", mail);
    assert!(reply.starts_with("250 2.0.0 kept as m1"), "{reply}");

    let mail = wait_for("the mail at the internet's server", 3 * SOON, || world.mails().into_iter().next());
    assert_eq!(mail["from"], "anna@shore.example");
    assert_eq!(mail["to"][0], "bob@world.example");
    let data = mail["data"].as_str().unwrap();
    assert!(data.contains("Subject: From the boat\r\n"), "{data}");
    assert!(data.contains("Message-ID: <"), "{data}");
    assert!(data.ends_with("\r\n\r\nAll is well here.\r\n"), "{data}");
    let sent = station.wait_state(SOON, "bob@world.example", "sent");
    assert!(sent["reason"].as_str().unwrap().contains("RSSI"), "{sent}");
    gateway.wait_state(SOON, "bob@world.example", "delivered");

    let answer = "From: bob@world.example\nSubject: Re: From the boat\n\nGlad to hear it.\n";
    let reply = send(&gateway, None, "bob@world.example", "anna@shore.example", answer);
    assert!(reply.starts_with("250"), "{reply}");
    let arrived = station.wait_state(3 * SOON, "anna@boat.example", "delivered");
    assert_eq!(arrived["from"], "bob@world.example");
    assert_eq!(arrived["subject"], "Re: From the boat");
    let shown = station.json(&["queue", "show", arrived["id"].as_str().unwrap()]);
    assert_eq!(shown["text"], "Re: From the boat\nGlad to hear it.");

    assert_eq!(world.on_air().len(), 1);
    station.totals_balance();
    gateway.totals_balance();
}
