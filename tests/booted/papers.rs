//! What README.md and the help say of upgrade, the way back and removal, run as it is written there.

use std::fs;
use std::process::Command;

use testing::Folder;

use crate::machine::{Machine, block, source};
use crate::package::package;

const HELP: &str = "web/help/upgrade.html";
const SOCKETS: [u16; 3] = [25, 80, 587];

#[test]
#[ignore = "needs root, and systemd-nspawn with the root that tests/run makes"]
fn root_upgrade_the_way_back_and_removal_go_as_the_help_says() {
    let folder = Folder::new();
    let made = package(&folder.path("package"), "022", "UTC");
    for name in ["NEW", "OLD"] {
        fs::copy(&made, folder.path(&format!("package/satpost_{name}.deb"))).unwrap();
    }
    // The data of a box of before, whose store becomes the present one when it is opened.
    let unpacked =
        Command::new("tar").arg("-xzf").arg(source("tests/old/0.1.0-9.tar.gz")).current_dir(&*folder).output();
    assert!(unpacked.unwrap().status.success());
    let machine = Machine::boot_with(&[(&folder.path("package"), "/pk"), (&folder.path("gateway"), "/old")]);
    machine.ok("systemd-sysusers - <<END\nu satpost - \"\" /var/lib/satpost\nEND");
    machine
        .ok("cp -a /old /var/lib/satpost && chown -R satpost:satpost /var/lib/satpost && chmod 700 /var/lib/satpost");

    machine.ok(&format!("cd /pk && {}", block(HELP, "satpost_NEW.deb").replace("install ", "install -y -qq ")));
    machine.wait_ok("satpost status");
    let before = machine.ok("satpost queue list --all");
    assert!(before.lines().count() > 5, "{before}");
    let kept = machine.wait_ok("ls /var/lib/satpost | grep '^satpost.redb.old-[0-9]*$'");
    machine.ok("satpost send --text 'since the upgrade' bob@world.example");

    // The way back: the store as it was, and what came since is not in it.
    let number = kept.trim().rsplit('-').next().unwrap().to_owned();
    let back =
        block(HELP, "satpost_OLD.deb").replace("NUMBER", &number).replace("./satpost_OLD.deb", "/pk/satpost_OLD.deb");
    machine.ok(&format!("set -e\n{}", back.replace("apt install ", "apt install -y -qq ")));
    machine.wait_ok("satpost status");
    machine.wait_ok("systemctl is-active satpost-smtp.socket satpost-web.socket satpost-submission.socket");
    let queue = machine.ok("satpost queue list --all");
    assert!(
        !queue.contains("since the upgrade") && queue.lines().count() >= before.lines().count(),
        "{before}\n{queue}"
    );
    assert_eq!(machine.ok("stat -c %U /var/lib/satpost/satpost.redb").trim(), "satpost");

    // Removed, everything is kept; purged, nothing is, but for the backups.
    machine.ok("systemctl start satpost-backup.service");
    let quietly = |part: &str| block(HELP, part).replace("apt ", "apt -y -qq ");
    machine.ok(&quietly("apt remove"));
    SOCKETS.iter().for_each(|port| assert_eq!(machine.greeting(*port), ""));
    machine.ok("test -s /var/lib/satpost/satpost.redb");
    machine.ok(&quietly("apt purge"));
    machine.ok("test ! -e /var/lib/satpost && test -n \"$(ls /var/backups/satpost)\"");
}

#[test]
#[ignore = "needs root, and systemd-nspawn with the root that tests/run makes"]
fn root_what_was_installed_by_hand_ends_with_its_sockets() {
    let machine = Machine::with_satpost();
    machine.wait_ok("satpost status");
    machine.ok(&block("README.md", "systemctl disable --now"));
    for port in SOCKETS {
        assert_eq!(machine.greeting(port), "", "port {port}");
    }
    let left = "systemctl list-units --no-legend --state=active 'satpost*'";
    assert_eq!(machine.ok(left), "");
    assert!(machine.run("systemctl is-enabled satpost satpost-smtp.socket").code != 0);
}
