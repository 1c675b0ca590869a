//! `satpost sendmail` as programs of this machine call it: cron, watchers, mail(1).

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::shore::Shore;
use crate::support::{SATPOST, Station};

/// Runs it with this to read.
fn sendmail(words: &[&str], input: &str) -> Output {
    given(Command::new(SATPOST).arg("sendmail").args(words), input)
}

fn given(command: &mut Command, input: &str) -> Output {
    use std::io::Write as _;
    let command =
        command.env("LOGNAME", "www-data").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("it cannot be run ({error}); tests/run installs it"));
    // What refuses its words does not read.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn well(output: &Output) {
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn newest(gateway: &Station) -> Value {
    gateway.messages().pop().expect("a message")
}

fn server(gateway: &Station) -> String {
    gateway.listener("smtp").to_string()
}

#[test]
fn mail_of_cron_and_watchers_is_in_the_owners_mailbox() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna"]).started();
    gateway.cli_ok(&["people", "edit", "olga", "--role", "owner"], "");
    let server = server(&gateway);
    // As cron of Debian runs it.
    let cron = "From: root (Cron Daemon)\nTo: www-data\nSubject: Cron <www-data@box> backup\nAuto-Submitted: auto-generated\n\
                Content-Type: text/plain; charset=UTF-8\n\nNo space left on device\n.\nsecond half\n";
    well(&sendmail(&["--server", &server, "-FCronDaemon", "-i", "-B8BITMIME", "-oem", "www-data"], cron));
    let kept = newest(&gateway);
    assert_eq!(
        (kept["to"].as_str(), kept["state"].as_str()),
        (Some("olga@shore.example"), Some("delivered")),
        "{kept}"
    );
    let id = kept["id"].as_str().unwrap();
    let shown = gateway.cli_ok(&["queue", "show", id], "");
    assert!(shown.contains("No space left") && shown.contains("second half"), "{shown}");
    // A person of the box is meant where there is one; a mail without a header is only text.
    well(&sendmail(&["--server", &server, "anna"], "The wind is up.\n"));
    assert_eq!(newest(&gateway)["to"], "anna@shore.example");
    // The recipients of the header, and what is nobody else's to read.
    let mail = "To: Anna <anna@shore.example>, root\nBcc: olga\nSubject: to three\n\nhello\n";
    well(&sendmail(&["--server", &server, "-t", "-oi"], mail));
    let three: Vec<_> = gateway.messages().into_iter().filter(|message| message["subject"] == "to three").collect();
    let whole = gateway.cli_ok(&["queue", "show", three[0]["id"].as_str().unwrap(), "--raw"], "");
    assert!(!whole.to_lowercase().contains("bcc:") && whole.contains("Date: "), "{whole}");
    gateway.totals_balance();
}

#[test]
fn nothing_goes_outside_but_by_the_rules_of_the_box() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga"]).started();
    let server = server(&gateway);
    let refused = sendmail(&["--server", &server, "bob@world.example"], "Subject: out\n\nhello\n");
    assert_eq!(refused.status.code(), Some(67), "{refused:?}");
    assert!(gateway.messages().is_empty());
    gateway.cli_ok(&["settings", "set", "smtp.trusted", "127.0.0.0/8"], "");
    well(&sendmail(&["--server", &server, "-f", "olga@shore.example", "bob@world.example"], "Subject: out\n\nhello\n"));
    assert_eq!(shore.wait_mails(1)[0]["to"][0], "bob@world.example");
}

#[test]
fn what_went_wrong_is_told_as_sendmail_tells_it() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga"]).started();
    let server = server(&gateway);
    assert_eq!(sendmail(&["--server", "127.0.0.1:1", "root"], "x\n").status.code(), Some(75));
    assert_eq!(sendmail(&["--server", &server], "x\n").status.code(), Some(64));
    assert_eq!(sendmail(&["--server", &server, "-bd"], "x\n").status.code(), Some(64));
    let talk =
        "EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<root@localhost>\r\nDATA\r\nSubject: by hand\r\n\r\nhello\r\n.\r\nQUIT\r\n";
    let spoken = sendmail(&["--server", &server, "-bs"], talk);
    well(&spoken);
    let words = String::from_utf8_lossy(&spoken.stdout).into_owned();
    assert!(words.starts_with("220 ") && words.contains("\r\n221 "), "{words}");
    assert_eq!(newest(&gateway)["subject"], "by hand");
}

/// s-nail calls the program by its name, as every mail(1) does.
#[test]
#[ignore = "needs s-nail, which tests/run installs"]
fn mail_1_calls_it_by_its_name() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga"]).started();
    let (bin, wrapper) = (shore.folder.path("sendmail"), shore.folder.path("mta"));
    symlink(SATPOST, &bin).unwrap();
    fs::write(&wrapper, format!("#!/bin/sh\nexec {} --server {} \"$@\"\n", bin.display(), server(&gateway))).unwrap();
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    let mta = format!("mta={}", wrapper.display());
    let options = ["-:/", "-S", "v15-compat", "-S", "sendwait", "-S", &mta, "-s", "from the shell"];
    well(&given(Command::new("s-nail").args(options).arg("olga"), "A disk is full.\n"));
    let kept = newest(&gateway);
    assert_eq!((kept["to"].as_str(), kept["subject"].as_str()), (Some("olga@shore.example"), Some("from the shell")));
}
