//! The pages of the real box in a real browser.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{SOON, Station, World, wait_for};

/// Claims a new box with the code from its log, sets it up and looks at every page: see `check.js` beside this file.
#[test]
#[ignore = "needs chromium, node, playwright-core, axe-core and html-validate, which tests/run installs"]
fn every_page_in_a_real_browser() {
    let (chromium, modules) = browser().unwrap_or_else(|why| panic!("{why}; tests/run installs it"));
    let world = World::start(&[]);
    let station = Station::new(&world.folder, "new", &[], &[]).started();
    let base = format!("http://{}", station.listener("web"));
    let code = wait_for("the claim code", SOON, || {
        let log = station.log_text();
        let (_, after) = log.split_once("type the code ")?;
        after.get(..9).map(str::to_owned)
    });
    station.said(&["far-box", "add", "vela", "--address", "imei:300234010753370"]).ok();
    let output = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/features/pages/check.js"))
        .args([&base, &code])
        .args([world.folder.path("modem"), world.folder.path("modem.ctl")])
        .args(std::env::var_os("SATPOST_PICTURES"))
        .env("NODE_PATH", modules)
        .env("CHROMIUM", chromium)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = crate::support::command::Said::from(output);
    println!("{}{}", said.out, said.err);
    assert!(said.code == 0, "the pages have faults, see above; the log of the box:\n{}", station.log_text());
    station.totals_balance();
}

/// Chromium, and the folder with playwright-core and axe-core; or what is missing.
pub fn browser() -> Result<(PathBuf, PathBuf), String> {
    let chromium = std::env::var_os("CHROMIUM").map_or_else(|| PathBuf::from("/usr/bin/chromium"), PathBuf::from);
    if !chromium.exists() {
        return Err(format!("there is no {}", chromium.display()));
    }
    if !Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return Err("there is no node".to_owned());
    }
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pages/node_modules");
    let modules = std::env::var_os("SATPOST_NODE_PATH").map_or_else(own, PathBuf::from);
    match ["playwright-core", "axe-core", "html-validate"].into_iter().find(|name| !modules.join(name).exists()) {
        Some(missing) => Err(format!("{} has no {missing}", modules.display())),
        None => Ok((chromium, modules)),
    }
}
