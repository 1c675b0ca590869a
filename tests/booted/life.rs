//! A box that ends again and again, and one whose store is gone.

use crate::machine::Machine;

/// Waits until another process than `before` is the box and says that it is ready, and gives it.
pub fn next_process(machine: &Machine, before: &str) -> String {
    machine.wait("systemctl show -P MainPID -P ActiveState satpost", |said| {
        let (pid, state) = said.out.split_once('\n')?;
        (state.trim() == "active" && pid != "0" && pid != before).then(|| pid.to_owned())
    })
}

#[test]
#[ignore = "needs root, and systemd-nspawn with the root that tests/run makes"]
fn root_a_box_that_crashes_again_and_again_comes_back_for_ever() {
    let machine = Machine::with_satpost();
    machine.write("/tmp/password", "a-long-enough-one\n");
    machine.ok("satpost settings set box.domain box.example");
    machine.ok("satpost people add olga --role owner --password-file /tmp/password");
    let mut pid = String::new();
    for _ in 0..4 {
        pid = next_process(&machine, &pid);
        machine.ok(&format!("kill -ABRT {pid}"));
    }
    // The fourth end in a row: it rests, and says so wherever somebody asks.
    pid = next_process(&machine, &pid);
    let told = "ended 4 times in a row without being told to, the last time: it was ended by the signal ABRT";
    machine.wait("true", |_| machine.page("/").1.contains(told).then_some(()));
    assert_eq!(machine.page("/").0, 503);
    assert!(machine.greeting(25).starts_with("421 4.3.2 "), "{}", machine.greeting(25));
    assert!(machine.greeting(587).starts_with("421 4.3.2 "));
    // Then it is up again, as the same process, with everything.
    machine.wait("satpost status", |said| (said.code == 0).then_some(()));
    assert_eq!(next_process(&machine, ""), pid);
    assert!(machine.greeting(25).starts_with("220 "));
    assert_eq!(machine.page("/healthz").0, 200);
    let mails = machine.ok("satpost queue list --all --person olga");
    assert!(mails.contains("The box was started again"), "{mails}");
    // More in a row, each within its rest, do not end it either; nor do restarts by hand.
    for _ in 0..5 {
        machine.ok("systemctl kill -s KILL satpost");
        pid = next_process(&machine, &pid);
    }
    let state = "systemctl is-active satpost satpost-smtp.socket satpost-submission.socket satpost-web.socket";
    assert_eq!(machine.ok(state), "active\n".repeat(4));
    machine.ok("for n in 1 2 3 4 5 6; do systemctl restart satpost || exit 1; done");
    machine.wait_ok("satpost status");
    assert_eq!(machine.ok(state), "active\n".repeat(4));
}

#[test]
#[ignore = "needs root, and systemd-nspawn with the root that tests/run makes"]
fn root_a_store_that_is_gone_is_a_failure_page_and_no_new_box() {
    let machine = Machine::with_satpost();
    machine.wait_ok("test -e /var/lib/satpost/ballast");
    for (loss, told) in [("rm", "is missing"), ("truncate -s 0", "is empty")] {
        machine.ok(&format!("systemctl stop satpost; {loss} /var/lib/satpost/satpost.redb; systemctl start satpost"));
        let page = machine.wait("true", |_| Some(machine.page("/setup")).filter(|(code, _)| *code == 503)).1;
        assert!(page.contains(&format!("{told} although this folder was in use")), "{page}");
        assert!(machine.greeting(25).starts_with("421 "));
        assert!(machine.run("satpost setup-code").code != 0);
        assert!(machine.ok("ls -s /var/lib/satpost/satpost.redb 2>&1 || true").trim_start().starts_with(['0', 'l']));
        machine.ok("touch /var/lib/satpost/satpost.redb");
    }
}
