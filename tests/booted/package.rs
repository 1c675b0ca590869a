//! The Debian package: installed, upgraded with mail in the queue, removed and purged; the timer of the backups in it; and
//! what lintian thinks of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use testing::Folder;

use crate::first::form;
use crate::machine::{Machine, source};

/// The package of the program of this build, made into a folder under a umask and in a time zone.
pub fn package(into: &Path, umask: &str, zone: &str) -> PathBuf {
    fs::create_dir_all(into).unwrap();
    let program = into.join("program");
    let stripped = Command::new("strip").arg("-o").arg(&program).arg(env!("CARGO_BIN_EXE_satpost")).output().unwrap();
    assert!(stripped.status.success(), "{}", String::from_utf8_lossy(&stripped.stderr));
    let build = format!("umask {umask} && exec {} --binary \"$1\" \"$2\"", source("systemd/deb/build").display());
    let made = Command::new("sh").args(["-c", &build, "sh"]).arg(&program).arg(into).env("TZ", zone).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    fs::remove_file(program).unwrap();
    PathBuf::from(String::from_utf8_lossy(&made.stdout).trim())
}

#[test]
#[ignore = "needs lintian, which tests/run installs"]
fn lintian_finds_nothing_that_is_not_listed_with_its_reason() {
    let folder = Folder::new();
    let package = package(&folder, "022", "UTC");
    let mut lintian = Command::new("lintian");
    lintian.args(["--allow-root", "--pedantic", "--display-info", "--show-overrides"]);
    let judged = lintian.arg(&package).output().expect("lintian, which tests/run installs");
    let said = String::from_utf8_lossy(&judged.stdout);
    let found: Vec<_> = said.lines().filter(|line| line.contains(": satpost: ")).collect();
    let unlisted: Vec<_> = found.iter().filter(|line| !line.starts_with("O: ")).collect();
    assert!(unlisted.is_empty(), "{unlisted:#?}");
    assert!(!found.is_empty(), "lintian did not look: {said}{}", String::from_utf8_lossy(&judged.stderr));
    // Each list has its reason above it.
    let mut reason = false;
    for line in fs::read_to_string(source("systemd/deb/lintian")).unwrap().lines() {
        assert!(line.is_empty() || line.starts_with('#') || reason, "no reason stands above '{line}'");
        reason = line.starts_with("# ") || reason && !line.is_empty();
    }
}

#[test]
#[ignore = "needs dpkg-deb and python3, which tests/run installs"]
fn the_same_program_is_packed_into_the_same_bytes() {
    let folder = Folder::new();
    let [one, other] = [("one", "022", "UTC"), ("other", "077", "Pacific/Chatham")]
        .map(|(name, umask, zone)| fs::read(package(&folder.path(name), umask, zone)).unwrap());
    assert!(one == other, "packages of {} and {} bytes differ", one.len(), other.len());
}

#[test]
#[ignore = "needs root, and systemd-nspawn with the root that tests/run makes"]
fn root_a_package_is_installed_upgraded_removed_and_purged() {
    let folder = Folder::new();
    package(&folder, "022", "UTC");
    let machine = Machine::boot_with(&[(&folder, "/pk")]);

    let said = machine.ok("dpkg -i /pk/satpost_*.deb");
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

    // Somebody is logged in.
    let jar = folder.path("cookies").display().to_string();
    let log_in = [("name", "olga"), ("password", "a-long-enough-one")];
    assert!(form(&machine, &jar, "/login", &log_in).starts_with("303 "));
    let mailbox =
        ["curl", "-s", "-m", "20", "-b", &jar, "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1/mailbox"];
    assert_eq!(machine.client(&mailbox).out, "200");

    // The same again is an upgrade: another process, the same queue, the same log-ins.
    let before = machine.ok("systemctl show -P MainPID satpost");
    machine.ok("dpkg -i /pk/satpost_*.deb");
    machine.wait_ok("satpost status");
    assert_ne!(machine.ok("systemctl show -P MainPID satpost"), before);
    assert!(machine.ok("satpost queue list").contains("bob@world.example"));
    assert_eq!(machine.client(&mailbox).out, "200");

    machine.ok("systemctl start satpost-backup.service && satpost restore --drill /var/backups/satpost");
    machine.ok("systemctl enable --now satpost-backup.timer");

    // Removed, everything is kept, and nothing listens; installed again it goes on.
    machine.ok("dpkg -r satpost");
    assert_eq!(machine.greeting(25), "");
    assert!(machine.run("systemctl is-active satpost satpost-smtp.socket satpost-backup.timer").code != 0);
    machine.ok("dpkg -i /pk/satpost_*.deb");
    machine.wait_ok("satpost status");
    assert!(machine.ok("satpost queue list").contains("bob@world.example"));

    machine.ok("dpkg -P satpost");
    machine.ok("test ! -e /var/lib/satpost && test ! -e /usr/bin/satpost && test ! -L /usr/sbin/sendmail && ! getent passwd satpost");
    machine.ok("test -z \"$(find /etc /run/satpost -name '*satpost*' 2>/dev/null)\"");
}
