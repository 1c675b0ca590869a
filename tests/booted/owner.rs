//! What the owner does at the machine: restore while somebody watches, look for who holds a port, forget sudo.

use std::process::{Command, Stdio};

use testing::Guest;

use crate::machine::{Machine, block};

/// Somebody whose browser and mail program ask again and again: each connection would start a stopped service.
fn watcher(machine: &Machine) -> Guest {
    let look =
        "while :; do for port in 80 25 587; do (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null; done; sleep 0.02; done";
    let mut watch = Command::new("nsenter");
    watch.args(["-t", &machine.leader().to_string(), "-n", "bash", "-c", look]).stdin(Stdio::null());
    Guest(watch.spawn().unwrap())
}

#[test]
#[ignore = "needs root, and systemd-nspawn with the root that tests/run makes"]
fn root_a_backup_is_restored_as_the_papers_say_while_somebody_watches() {
    let machine = Machine::with_satpost();
    machine.write("/tmp/password", "a-long-enough-one\n");
    machine.ok("satpost settings set box.domain box.example relay.host 127.0.0.1 relay.port 1 box.reach internet");
    machine.ok("satpost people add olga --role owner --password-file /tmp/password");
    machine.ok("satpost send --from olga --text 'before the backup' bob@world.example");
    let _watcher = watcher(&machine);
    machine.ok("mkdir -p /media/stick");
    for (paper, part) in [("web/help/backup.html", "satpost restore"), ("README.md", "satpost restore")] {
        machine.ok(&format!("rm -f /media/stick/*\n{}", block(paper, "satpost backup")));
        machine.ok("satpost send --from olga --text 'after the backup' bob@world.example");
        machine.ok(&block(paper, part));
        machine.wait_ok("satpost status");
        let queue = machine.ok("satpost queue list --all");
        assert!(queue.contains("held") && !queue.contains("after the backup"), "{queue}");
        assert_eq!(
            machine.ok("systemctl is-active satpost satpost-web.socket satpost-smtp.socket"),
            "active\n".repeat(3)
        );
        assert_eq!(machine.ok("stat -c %U /var/lib/satpost/satpost.redb").trim(), "satpost");
    }
    // One that is interrupted as soon as the service stops, too: it is started again.
    machine.ok("satpost send --from olga --text 'before the interruption' bob@world.example");
    machine.ok("cp /media/stick/*.backup /tmp/whole.backup");
    for work in ["restore /tmp/whole.backup --replace", "repair"] {
        let interrupted = format!(
            "satpost {work} >/tmp/said 2>&1 & pid=$!
             while systemctl is-active -q satpost; do :; done
             kill -INT $pid; wait $pid; echo $?; cat /tmp/said"
        );
        let said = machine.ok(&interrupted);
        assert!(said.starts_with("130\n") && said.contains("interrupted"), "{work}: {said}");
        machine.wait_ok("satpost status");
        assert!(machine.ok("satpost queue list --all").contains("before the interruption"));
        assert!(machine.ok("systemctl is-active satpost-web.socket satpost-smtp.socket") == "active\n".repeat(2));
        assert!(machine.run("ls /var/lib/satpost | grep -e part -e copy -e damaged").code != 0);
    }
    // One that fails leaves the box as it was.
    machine.ok("echo nothing > /media/stick/no.backup");
    let failed = machine.run("satpost restore /media/stick/no.backup --replace");
    assert!(failed.code != 0 && failed.err.contains("is no backup of satpost"), "{failed:?}");
    machine.wait_ok("satpost status");
}

#[test]
#[ignore = "needs root, and systemd-nspawn with the root that tests/run makes"]
fn root_check_names_the_holder_of_a_port_and_the_way_back() {
    let machine = Machine::boot();
    let hold = "use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalPort => 25, Listen => 5) or die; sleep 600;";
    machine.write("/tmp/hold", hold);
    machine.ok("systemd-run --quiet --unit=other-mail-server perl /tmp/hold");
    machine.wait_ok("ss -ltn | grep -q ':25 '");
    machine.install();
    machine.ok("satpost settings set box.domain box.example");
    // The box does not see it from its sandbox, and says how to find out; root's own look names it.
    machine.wait("satpost status", |said| said.out.contains("port 25 is held by another program").then_some(()));
    let check = machine.run("satpost check");
    assert!(check.code != 0 && check.out.contains("port 25 is held by perl (pid "), "{check:?}");
    assert!(check.out.contains("then 'sudo systemctl restart satpost'"), "{check:?}");
    machine.ok("systemctl stop other-mail-server && systemctl restart satpost");
    machine.wait_ok("satpost status | grep -q 'takes mail'");
    assert!(machine.greeting(25).starts_with("220 "));
    // What the sockets decide, a setting does not, and it says so.
    let set = machine.run("satpost settings set smtp.listen 0.0.0.0:2525");
    assert!(set.code == 0 && set.err.contains("smtp.listen does nothing"), "{set:?}");
    assert!(machine.run("satpost check").out.contains("smtp.listen does nothing"));
}

#[test]
#[ignore = "needs root, and systemd-nspawn with the root that tests/run makes"]
fn root_a_forgotten_sudo_makes_no_box_and_names_follow_the_machine() {
    let machine = Machine::with_satpost();
    machine.ok("useradd -m -s /bin/sh tom");
    let said = machine.run("su - tom -c 'satpost settings set box.domain box.example'");
    assert!(said.code != 0 && said.err.contains("put sudo in front"), "{said:?}");
    assert!(machine.run("su - tom -c 'satpost queue list'").err.contains("put sudo in front"));
    machine.ok("test ! -e /home/tom/.local/share/satpost");
    machine.ok("su - tom -c 'satpost settings set box.domain box.example --data /home/tom/own'");
    // The address of the page and the code on the log-in screen are those of now.
    machine.wait_ok("grep -q 'type the code' /run/satpost/issue");
    machine.write("/tmp/password", "a-long-enough-one\n");
    machine.ok("satpost people add olga --role owner --password-file /tmp/password");
    machine.ok("ip address add 10.9.8.7/32 dev lo");
    machine.wait_ok("grep -q 'http://10.9.8.7/' /run/satpost/issue && ! grep -q 'type the code' /run/satpost/issue");
    machine.ok("hostnamectl set-hostname boat");
    let url = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Host: boat", "http://127.0.0.1/healthz"];
    assert_eq!(machine.client(&url).out, "200");
}
