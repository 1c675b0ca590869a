//! What sets a mail program up.

use std::fs;
use std::process::Command;

use super::{boxed, mail};
use crate::support::Imap;
use crate::support::command::python;
use crate::support::shore::Shore;
use crate::support::web::Client;

/// Programs find the servers without a log-in, by the ports that are open; the profile is for who has logged in.
#[test]
#[ignore = "needs python3, which tests/run installs"]
fn programs_find_the_servers() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let page = Client::new(&gateway);
    let imaps = gateway.listener("imaps").port().to_string();
    let submissions = gateway.listener("submissions").port().to_string();
    for (path, host) in [
        ("/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=olga%40shore.example", "shore.example"),
        ("/mail/config-v1.1.xml", "autoconfig.shore.example"),
    ] {
        let answer = page.raw(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(answer.status, 200, "{answer:?}");
        let read = "import sys, xml.etree.ElementTree as t\n\
                    r = t.fromstring(sys.stdin.read())\n\
                    for s in r.iter('incomingServer'): print(s.get('type'), *[c.text for c in s])\n\
                    for s in r.iter('outgoingServer'): print(s.get('type'), *[c.text for c in s])\n";
        let said = python(read, &answer.body);
        let first = format!("imap shore.example {imaps} SSL %EMAILADDRESS% password-cleartext");
        assert!(said.starts_with(&first), "{said}");
        assert!(said.contains(&format!("smtp shore.example {submissions} SSL ")), "{said}");
    }
    assert_ne!(page.get("/account/mail.mobileconfig").status, 200);
    let olga = Client::logged_in(&gateway, "olga");
    let help = olga.get("/help/mail-programs").body;
    assert_eq!((help.matches("<svg class=dialog").count(), help.matches("<svg class=qr").count()), (6, 1));
    assert!(help.contains(&format!("_imaps._tcp.shore.example.        SRV 0 1 {imaps} ")), "{help}");
    let profile = olga.get("/account/mail.mobileconfig");
    assert_eq!(profile.status, 200);
    let read = "import plistlib, sys, ssl\n\
                p = plistlib.loads(sys.stdin.read().encode())\n\
                root, mail = p['PayloadContent']\n\
                print(root['PayloadType'], 'BEGIN CERTIFICATE' in ssl.DER_cert_to_PEM_cert(root['PayloadContent']))\n\
                print(mail['EmailAddress'], mail['IncomingMailServerPortNumber'], mail['IncomingMailServerUseSSL'])\n";
    let said = python(read, &profile.body);
    assert_eq!(said, format!("com.apple.security.root True\nolga@shore.example {imaps} True\n"));
}

/// What is exported can be imported again, with its bytes, flags and times; an mbox as well.
#[test]
fn mails_go_out_and_come_in_by_command() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let mut imap = Imap::open(gateway.listener("imap"), "olga", "INBOX");
    imap.append("INBOX (\\Seen \\Flagged) \" 5-Nov-2026 10:00:00 +0000\"", mail("one").as_bytes());
    imap.ok("CREATE Work/2026");
    imap.append("Work/2026", mail("two").as_bytes());
    let large = [mail("large").as_bytes(), &b"0123456789abcdef".repeat(10_000)].concat();
    imap.append("Archive", &large);
    let file = shore.folder.path("olga.tar");
    gateway.cli_ok(&["people", "export", "olga", file.to_str().unwrap()], "");
    let into = shore.folder.path("out");
    fs::create_dir(&into).unwrap();
    let unpacked = Command::new("tar").args(["-xf", file.to_str().unwrap(), "-C", into.to_str().unwrap()]).status();
    assert!(unpacked.unwrap().success());
    let maildir = into.join("olga/Maildir");
    gateway.cli_ok(&["people", "import", "ben", maildir.to_str().unwrap()], "");
    let mut ben = Imap::open(gateway.listener("imap"), "ben", "INBOX");
    assert_eq!(ben.fetch(1, ""), mail("one").as_bytes());
    let said = ben.ok("FETCH 1 (FLAGS INTERNALDATE)");
    assert!(said.contains("\\Flagged \\Seen") && said.contains("\" 5-Nov-2026 10:00:00 +0000\""), "{said}");
    ben.ok("SELECT Work/2026");
    assert_eq!(ben.fetch(1, ""), mail("two").as_bytes());
    ben.ok("SELECT Archive");
    assert!(ben.fetch(1, "") == large);
    let mbox = shore.folder.path("mbox");
    fs::write(&mbox, "From a Thu Nov 26 10:00:00 2026\nSubject: old\nStatus: RO\n\n>From here\n").unwrap();
    gateway.cli_ok(&["people", "import", "ben", mbox.to_str().unwrap(), "--folder", "Old"], "");
    ben.ok("SELECT Old");
    assert_eq!(ben.fetch(1, ""), b"Subject: old\r\nStatus: RO\r\n\r\nFrom here\r\n");
    assert!(gateway.messages().is_empty(), "nothing was sent");
    let refused = gateway.cli(&["people", "import", "ben", file.to_str().unwrap()], "");
    assert!(!refused.status.success() && !gateway.folder.join("import.part").exists());
}
