//! A person's day on a phone, in a real browser: see `day.js` beside this file.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::shore::from_outside;
use crate::support::{PASSWORD, SOON, World, wait_for};

const MAIL: &str = "From: Mum <mum@world.example>\nSubject: Garden\n\nThe roses are out. When do you come home?\n";

/// Reads, answers, sees the price, sees it arrive, finds it again; meanwhile the log-in ends, the line is cut and the modem
/// is pulled.
#[test]
#[ignore = "needs chromium, node, playwright-core, axe-core and html-validate, which tests/run installs"]
fn a_day_of_a_person_on_a_phone() {
    let (chromium, modules) = super::browser::browser().unwrap_or_else(|why| panic!("{why}; tests/run installs it"));
    let world = World::start(&["--pass-every", "1", "--pass-length", "1"]);
    let (mut station, mut gateway) = (world.station(), world.gateway());
    // She runs nothing here: somebody else owns the boat.
    station.cli_ok(&["people", "add", "otto", "--role", "owner"], PASSWORD);
    station.cli_ok(&["people", "edit", "anna", "--role", "person"], "");
    station.set(&[("link.price", "0.07"), ("price.currency", "EUR")]);
    station.start();
    gateway.start();
    assert!(from_outside(&gateway, "anna@shore.example", MAIL).starts_with("250"));
    wait_for("the mail at sea", 2 * SOON, || {
        station.messages().into_iter().find(|message| message["state"] == "delivered")
    });
    let output = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/features/pages/day.js"))
        .args([
            format!("http://{}", station.listener("web")),
            PASSWORD.to_owned(),
            gateway.listener("smtp").to_string(),
        ])
        .arg(world.folder.path("modem.ctl"))
        .args(std::env::var_os("SATPOST_PICTURES"))
        .env("NODE_PATH", modules)
        .env("CHROMIUM", chromium)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = crate::support::command::Said::from(output);
    println!("{}{}", said.out, said.err);
    assert!(said.code == 0, "the day has faults, see above; the log of the box:\n{}", station.log_text());
    let mails = world.mails();
    assert!(mails.iter().any(|mail| mail.to_string().contains("In May, I think")), "{mails:?}");
    station.totals_balance();
    gateway.totals_balance();
}
