//! The Debian package: installed, upgraded with mail in the queue, removed and purged; and the timer of the backups in it.

use std::process::Command;

use testing::Folder;

use crate::machine::{Machine, source};

#[test]
#[ignore = "needs root, and systemd-nspawn with the root that tests/run makes"]
fn root_a_package_is_installed_upgraded_removed_and_purged() {
    let made =
        Command::new(source("systemd/deb/build")).args(["--binary", env!("CARGO_BIN_EXE_satpost")]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let package = source(String::from_utf8_lossy(&made.stdout).trim());
    let folder = Folder::new();
    std::fs::rename(&package, folder.path("satpost.deb")).unwrap();
    let machine = Machine::boot_with(&[(&folder, "/pk")]);

    let said = machine.ok("dpkg -i /pk/satpost.deb");
    assert!(said.contains("sudo satpost setup-code"), "{said}");
    machine.wait_ok("satpost status");
    assert!(machine.greeting(25).starts_with("220 "));
    machine.ok("grep -q _imaps /etc/avahi/services/satpost.service");
    machine.ok("systemctl is-enabled satpost satpost-smtp.socket && test -s /usr/share/man/man1/satpost.1.gz");
    // The parts that it is made of, for who looks after many machines: what is in the program, and nothing of its tests.
    let parts = "zcat /usr/share/doc/satpost/satpost.cdx.json.gz | grep '\"purl\"'";
    let parts = machine.ok(parts);
    assert!(parts.contains("pkg:cargo/redb@") && !parts.contains("mailin-embedded"), "{parts}");
    machine.write("/tmp/password", "a-long-enough-one\n");
    machine.ok("satpost settings set box.domain box.example relay.host 127.0.0.1 relay.port 1 box.reach internet");
    machine.ok("satpost people add olga --role owner --password-file /tmp/password");
    machine.ok("satpost send --from olga --text 'on its way' bob@world.example");

    // Cron's mail, by whoever runs it, is the owner's.
    machine.ok("printf 'Subject: Cron\\n\\nthe disk is full\\n' | su nobody -s /bin/sh -c '/usr/sbin/sendmail -FCronDaemon -i -oem nobody'");
    assert!(machine.ok("satpost queue list --all").contains("Cron"));

    // The same again is an upgrade: another process, the same queue.
    let before = machine.ok("systemctl show -P MainPID satpost");
    machine.ok("dpkg -i /pk/satpost.deb");
    machine.wait_ok("satpost status");
    assert_ne!(machine.ok("systemctl show -P MainPID satpost"), before);
    assert!(machine.ok("satpost queue list").contains("bob@world.example"));

    machine.ok("systemctl start satpost-backup.service && satpost restore --drill /var/backups/satpost");
    machine.ok("systemctl enable --now satpost-backup.timer");

    // Removed, everything is kept, and nothing listens; installed again it goes on.
    machine.ok("dpkg -r satpost");
    assert_eq!(machine.greeting(25), "");
    assert!(machine.run("systemctl is-active satpost satpost-smtp.socket satpost-backup.timer").code != 0);
    machine.ok("dpkg -i /pk/satpost.deb");
    machine.wait_ok("satpost status");
    assert!(machine.ok("satpost queue list").contains("bob@world.example"));

    machine.ok("dpkg -P satpost");
    machine.ok("test ! -e /var/lib/satpost && test ! -e /usr/bin/satpost && test ! -L /usr/sbin/sendmail && ! getent passwd satpost");
    machine.ok("test -z \"$(find /etc /run/satpost -name '*satpost*' 2>/dev/null)\"");
}
