//! A bare machine and nothing but README.md: the package is installed, the box claimed, the first message on its way.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use testing::{Folder, Guest};

use crate::machine::{Machine, block};
use crate::package::package;

/// A modem where nobody has a real one; it is unplugged with its owner.
fn plugged_into(machine: &Machine, at: &str) -> Guest {
    let mut simulate = Command::new("nsenter");
    simulate.args(["-t", &machine.leader().to_string(), "-a", "runuser", "-u", "satpost", "--", "satpost"]);
    simulate.args(["simulate", "sbd", "--port", at]).stdin(Stdio::null()).stdout(Stdio::null());
    let modem = Guest(simulate.spawn().unwrap());
    machine.wait_ok(&format!("test -e {at}"));
    modem
}

/// Sends a form of a page with its token, as a browser of that machine; the status and where it leads.
pub fn form(machine: &Machine, jar: &str, path: &str, fields: &[(&str, &str)]) -> String {
    let url = format!("http://127.0.0.1{path}");
    let page = machine.client(&["curl", "-s", "-m", "20", "-c", jar, "-b", jar, &url]).out;
    let token = page.split_once("name=csrf value=\"").and_then(|(_, rest)| rest.split('"').next());
    let mut words = vec!["curl", "-s", "-m", "20", "-c", jar, "-b", jar, "-H", "Origin: http://127.0.0.1"];
    words.extend(["-o", "/dev/null", "-w", "%{http_code} %{redirect_url}"]);
    let fields: Vec<String> = [("csrf", token.unwrap_or_else(|| panic!("no form: {page}")))]
        .iter()
        .chain(fields)
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    fields.iter().for_each(|field| words.extend(["--data-urlencode", field]));
    words.push(&url);
    machine.client(&words).out
}

#[test]
#[ignore = "needs root, and systemd-nspawn with the root that tests/run makes"]
fn root_a_bare_machine_sends_its_first_message_with_the_readme_in_hand() {
    let folder = Folder::new();
    let made = package(&folder.path("package"), "022", "UTC");
    // Of packages for several architectures it takes the one of the machine.
    fs::write(made.with_file_name("satpost_0.1.0_riscv64.deb"), "for another machine").unwrap();
    let machine = Machine::boot_with(&[(&folder.path("package"), "/src/target/package")]);
    let began = Instant::now();

    // Installed; the last line is the code.
    let said = machine.ok(&format!("cd /src && set -e\n{}", block("README.md", "sudo dpkg -i")));
    let code = said.trim().lines().last().unwrap_or_default().to_owned();
    assert!(code.len() == 9 && code.contains('-'), "{said}");

    // Claimed: step 2, by hand of somebody with a browser.
    let jar = folder.path("cookies").display().to_string();
    let start = machine.client(&["curl", "-s", "-o", "/dev/null", "-w", "%{redirect_url}", "http://127.0.0.1/"]).out;
    assert_eq!(start, "http://127.0.0.1/setup");
    let password = "a-long-enough-one";
    let claim = [("code", code.as_str()), ("name", "olga"), ("password", password), ("again", password)];
    assert_eq!(form(&machine, &jar, "/setup", &claim), "303 http://127.0.0.1/setup/box");
    let again = machine.page("/setup").0;
    assert_eq!(again, 303, "a box is claimed once");

    // The other steps as a script: all lines but the look at the end, which finds no modem yet and says so.
    machine.write("/root/relay-password.txt", "of the relay\n");
    machine.write("/root/ana.txt", "another-long-one\n");
    let script = block("README.md", "sudo satpost link add boat sbd");
    let (steps, look) = script.trim().rsplit_once('\n').unwrap();
    machine.ok(&format!("cd /root && set -e\n{steps}"));
    let look = machine.run(look).out;
    let errors: Vec<_> = look.lines().filter(|line| line.starts_with("error")).collect();
    assert!(
        errors.iter().all(|line| line.contains("modem") || line.contains("relay") || line.contains("port")),
        "{look}"
    );

    // Step 3 and 4: a modem, and a mail program.
    let _modem = plugged_into(&machine, "/run/satpost/modem");
    machine.ok("satpost link set boat sbd.port /run/satpost/modem");
    let mail = folder.path("mail").display().to_string();
    std::fs::write(&mail, "From: ana@station.example\r\nTo: bob@world.example\r\nSubject: First\r\n\r\nAll well.\r\n")
        .unwrap();
    let send = ["curl", "-sS", "-k", "-m", "30", "--url", "smtps://127.0.0.1:465", "--user", "ana:another-long-one"];
    let ends = ["--mail-from", "ana@station.example", "--mail-rcpt", "bob@world.example", "-T", &mail];
    let sent = machine.client(&[&send[..], &ends].concat());
    assert_eq!(sent.code, 0, "{sent:?}\n{}", machine.log());
    let (inbox, login) =
        (["-k", "-m", "20", "--url", "imaps://127.0.0.1:993/INBOX"], ["--user", "ana:another-long-one"]);
    assert_eq!(machine.client(&[&["curl", "-s"], &inbox[..], &login].concat()).code, 0);
    machine.wait("satpost queue list --all --person ana", |said| said.out.contains("sent").then_some(()));
    println!("on its way {} s after the package was copied", began.elapsed().as_secs());
}
