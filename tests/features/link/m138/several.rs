//! Two stations with a modem each under the same sky: each gets its own mail.

use super::scene::{MENDS, Scene};
use crate::support::{Program, SECOND_DEVICE, Smtp, Station, wait_for};

#[test]
fn each_station_gets_its_own_mail() {
    let mut scene = Scene::start(&[]);
    let folder = &scene.world.folder;
    let path = |name: &str| folder.path(name).to_str().unwrap().to_owned();
    let (port, sky, control) = (path("second"), path("sky"), path("second.ctl"));
    let args = ["simulate", "modem", "--port", &port, "--device", SECOND_DEVICE, "--sky", &sky, "--control", &control];
    let more = ["--factor", "20", "--pass-every", "2", "--pass-length", "1", "--seed", "2"];
    let args: Vec<&str> = args.iter().chain(&more).copied().collect();
    let _second = Program::start(&args, &folder.path("second.log"));
    let settings = [
        ("box.domain", "hut.example"),
        ("box.reach", "satellite"),
        ("link.driver", "m138"),
        ("m138.port", port.as_str()),
    ];
    let hut = Station::new(folder, "hut", &settings, &["ben"]).started();
    scene.gateway.cli_ok(&["people", "add", "ben", "--device", SECOND_DEVICE], crate::support::PASSWORD);

    let gateway = scene.gateway.listener("smtp");
    for round in 0..3 {
        scene.both(&format!("to and from anna {round}"));
        let mail = format!("From: eve@world.example\nSubject: to ben {round}\n\nx\n");
        let reply = Smtp::connect(gateway).mail("eve@world.example", "ben@shore.example", &mail);
        assert!(reply.starts_with("250"), "{reply}");
        hut.cli_ok(
            &["send", "--from", "ben", "--subject", &format!("from ben {round}"), "--text", "x", "eve@world.example"],
            "",
        );
    }
    let subjects = |station: &Station| {
        let messages = station.messages();
        let inbound = messages.iter().filter(|m| m["origin"] == "link");
        inbound.map(|m| m["subject"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut at_hut = wait_for("ben's mail", MENDS, || Some(subjects(&hut)).filter(|all| all.len() >= 3));
    at_hut.sort();
    assert_eq!(at_hut, ["to ben 0", "to ben 1", "to ben 2"]);
    let by_ben = || scene.world.mails().into_iter().filter(|m| m["from"] == "ben@shore.example").count();
    wait_for("ben's messages", MENDS, || (by_ben() == 3).then_some(()));
    wait_for("anna's messages", MENDS, || {
        (subjects(&scene.station).len() == 3 && scene.world.mails().len() == 6).then_some(())
    });
    assert!(scene.world.mails().iter().all(
        |m| m["to"][0] == if m["from"] == "ben@shore.example" { "eve@world.example" } else { "bob@world.example" }
    ));
    hut.totals_balance();
    scene.station.totals_balance();
    scene.gateway.totals_balance();
}
