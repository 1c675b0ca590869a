//! `satpost link`, with a running box and without.

use serde_json::Value;

use crate::support::{Folder, SOON, Station, wait_for};

#[test]
fn links_are_added_changed_switched_and_removed() {
    let folder = Folder::new();
    let post = Station::new(&folder, "box", &[("box.domain", "boat.example")], &["anna"]);
    assert!(post.cli_ok(&["link", "list"], "").contains("there is no link"));
    let added = post.said(&["link", "add", "boat", "m138"]);
    assert!(added.code == 0 && added.err.contains("link.price"), "{}", added.err);
    assert!(post.said(&["check"]).out.contains("boat has no price"));
    for wrong in [
        &["link", "add", "boat", "m138"][..],
        &["link", "add", "Big Boat", "m138"],
        &["link", "add", "other", "carrier-pigeon"],
        &["link", "add", "other", "m138", "hive.user", "x"],
        &["link", "set", "boat", "link.price", "cheap"],
        &["link", "set", "boat", "relay.host", "x.org"],
    ] {
        let said = post.said(wrong);
        assert!(said.code == 1 || said.code == 2, "{wrong:?}: {said:?}");
    }
    assert_eq!(post.said(&["link", "show", "nobody"]).code, 3);
    post.cli_ok(&["link", "set", "boat", "link.price", "0.07", "m138.port", "/dev/nothing"], "");
    post.cli_ok(&["link", "add", "shore", "hive", "link.unit", "free", "hive.user", "u"], "");
    post.cli_ok(&["link", "set", "shore", "hive.password"], "hush\n");
    let shown = post.json(&["link", "show", "shore"]);
    let value = |name: &str| shown["settings"][name].as_str().unwrap().to_owned();
    assert_eq!((value("hive.user"), value("hive.password")), ("u".into(), "(set)".into()), "{shown}");
    assert!(!post.cli_ok(&["link", "show", "shore"], "").contains("hush"));
    let running = post.started();
    wait_for("both to be driven", SOON, || {
        running.status().filter(|status| status["links"].as_object().is_some_and(|links| links.len() == 2))
    });
    assert_eq!(running.said(&["link", "test", "boat"]).code, 1);
    running.cli_ok(&["link", "off", "boat"], "");
    let driven = |name: &str| running.status().unwrap()["links"].get(name).is_some();
    wait_for("one to be left", SOON, || (!driven("boat") && driven("shore")).then_some(()));
    running.cli_ok(&["link", "on", "boat"], "");
    wait_for("it to be driven again", SOON, || driven("boat").then_some(()));
    running.cli_ok(&["link", "remove", "boat"], "");
    wait_for("it to be gone", SOON, || (!driven("boat") && driven("shore")).then_some(()));
    let names: Vec<Value> =
        running.json(&["link", "list"]).as_array().unwrap().iter().map(|link| link["name"].clone()).collect();
    assert_eq!(names, ["shore"]);
    let audit = running.cli_ok(&["audit"], "");
    assert!(audit.contains("link boat was removed") && !audit.contains("hush"), "{audit}");
}

#[test]
fn settings_of_earlier_versions_say_what_is_written_now() {
    let folder = Folder::new();
    let post = Station::new(&folder, "box", &[], &["anna"]);
    for (words, now) in [
        (["link.driver", "m138"], "satpost link add"),
        (["price.packet", "0.07"], "link.price"),
        (["m138.port", "/dev/x"], "satpost link set NAME m138.port"),
    ] {
        let said = post.said(&[&["settings", "set"], &words[..]].concat());
        assert!(said.code != 0 && said.err.contains(now), "{said:?}");
    }
}
