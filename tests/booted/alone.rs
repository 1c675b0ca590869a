//! A station left alone: it crashes again and again, its clock is wrong, its disk is full. It is back by itself.

use std::fs;
use std::time::Duration;

use testing::clock::OwnClock;
use testing::{Folder, wait_for};

use crate::life::next_process;
use crate::machine::{Machine, SOON};

/// Crashes in a row. After twelve it rests for a quarter of an hour, for which only tests/soak has the time.
fn crashes() -> (u32, Duration) {
    if testing::soak() > 1 { (12, Duration::from_secs(1200)) } else { (6, 2 * SOON) }
}

#[test]
#[ignore = "needs root, and systemd-nspawn with the root that tests/run makes"]
fn root_a_station_left_alone_is_back_by_itself() {
    let (crashes, rest) = crashes();
    let folder = Folder::new();
    // The machine came up twenty days behind, as a board without a battery does.
    let clock = OwnClock::new(&folder);
    clock.behind(20 * 86_400);
    let machine = Machine::boot_with(&[(&folder, "/clock")]);
    machine.ok("mkdir -p /var/lib/satpost /etc/systemd/system/satpost.service.d");
    machine.ok("mount -t tmpfs -o size=120m tmpfs /var/lib/satpost");
    let environment = clock
        .environment()
        .map(|(name, file)| format!("{name}=/clock/{}", file.file_name().expect("a file").to_string_lossy()));
    let environment = environment.join(" ");
    let wrong = format!("[Service]\nEnvironment={environment}\n");
    machine.write("/etc/systemd/system/satpost.service.d/clock.conf", &wrong);
    machine.install();
    // Commands have the clock of the machine as well.
    machine.write("/usr/local/bin/satpost", &format!("#!/bin/sh\nexec env {environment} /usr/bin/satpost \"$@\"\n"));
    machine.ok("chmod 755 /usr/local/bin/satpost");
    machine.write("/tmp/password", "a-long-enough-one\n");
    machine.ok("satpost settings set box.domain box.example box.reach internet relay.host 127.0.0.1 relay.port 1");
    machine.ok("satpost settings set smtp.trusted 127.0.0.0/8 queue.lifetime 86400");
    machine.ok("satpost people add olga --role owner --password-file /tmp/password");
    machine.ok("satpost send --from olga --text 'while all was well' bob@world.example");

    // The disk fills up, by whatever else is on it.
    machine.run("dd if=/dev/zero of=/var/lib/satpost/filler bs=1M");
    let mail = folder.path("mail").display().to_string();
    fs::write(&mail, "From: bob@world.example\r\nSubject: Full\r\n\r\nNo room.\r\n").unwrap();
    let hand_in = || {
        let send = ["curl", "-sSv", "-m", "20", "--url", "smtp://127.0.0.1:25/client.example"];
        let ends = ["--mail-from", "bob@world.example", "--mail-rcpt", "olga@box.example", "-T", &mail];
        machine.client(&[&send[..], &ends].concat())
    };
    let refused = wait_for("mail to be refused", SOON, || Some(hand_in()).filter(|said| said.code != 0));
    assert!(refused.err.contains("452"), "{refused:?} {}\n{}", machine.greeting(25), machine.log());

    let mut before = String::new();
    for _ in 0..crashes {
        before = next_process(&machine, &before);
        machine.ok(&format!("kill -ABRT {before}"));
    }
    // It rests, says why, and every listener answers; then it is up with a disk that is full still.
    let told = format!("ended {crashes} times in a row without being told to");
    machine.wait("true", |_| machine.page("/").1.contains(&told).then_some(()));
    assert!(machine.greeting(25).starts_with("421 4.3.2 "), "{}", machine.greeting(25));
    wait_for("the box to be up", rest, || (machine.run("satpost status").code == 0).then_some(()));
    let status = machine.ok("satpost status");
    assert!(status.contains("are free on the disk") && status.contains("1 wait"), "{status}");
    assert_ne!(hand_in().code, 0);

    // Whatever filled the disk is gone, and the network sets the clock: nobody touches the box.
    machine.ok("rm /var/lib/satpost/filler");
    clock.behind(0);
    machine.wait("true", |_| (hand_in().code == 0).then_some(()));
    let log = "journalctl -u satpost --no-pager -o cat";
    wait_for("the clock to be followed", 2 * SOON, || {
        machine.run(log).out.contains("the clock was set ahead by 20 days").then_some(())
    });
    let queue = machine.ok("satpost queue list --all");
    let mails = machine.ok("satpost queue list --all --person olga");
    assert!(queue.contains("bob@world.example") && !queue.contains("expired"), "{queue}");
    assert!(mails.contains("Full") && mails.contains("The box was started again"), "{mails}");
    assert_eq!(machine.page("/healthz").0, 200);
    assert_eq!(machine.ok("satpost status --health"), "healthy\n");
    assert!(machine.ok("satpost status --json").contains("\"clock_believable\": true"));
}
