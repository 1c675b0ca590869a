//! What a relay can and cannot take: 8-bit texts, sizes, names beyond ASCII, and certificates of its own making.

use std::path::PathBuf;
use std::process::Command;

use super::fake::{Fake, Says, bytes, gateway};
use crate::support::shore::message;
use crate::support::{Folder, SOON, Smtp, Station, send};

const MIXED: &str = "From: =?utf-8?q?J=C3=BCrgen?= <olga@shore.example>
To: Zoë <bob@world.example>
Subject: Grüße aus Lübeck
Message-ID: <own@shore.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=\"b1\"
Content-Transfer-Encoding: 8bit

preamble für niemand
--b1
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Größe = 5 m  
.dot
--b1
Content-Type: application/octet-stream; name=\"Übersicht.bin\"
Content-Transfer-Encoding: 8bit

ÄÖÜäöüßÄÖÜäöüß
--b1
Content-Type: text/plain

plain, untouched = so
--b1--
";

/// What Python's mail package reads of a message: subject, name of the recipient, and the parts.
fn read(message: &[u8]) -> String {
    const READER: &str = "
import sys, email, email.policy
m = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.SMTP)
print('subject', m['subject'])
print('to', m['to'].addresses[0].display_name, m['to'].addresses[0].addr_spec)
for p in m.walk():
    if not p.is_multipart():
        print('part', p.get_content_type(), p.get_filename() or '', p['content-transfer-encoding'], repr(p.get_payload(decode=True).decode('utf-8')))
";
    crate::support::command::python(READER, std::str::from_utf8(message).unwrap())
}

fn ehlo(lines: &str) -> [(&'static str, Says); 1] {
    let lines: String = lines.split(',').map(|line| format!("250-{line}\r\n")).collect();
    [("EHLO", bytes(format!("{lines}250 HELP\r\n")))]
}

#[test]
fn eight_bit_mail_is_converted_for_a_relay_that_takes_seven() {
    let folder = Folder::new();
    let relay = Fake::start(&ehlo("fake"));
    let gateway = gateway(&folder, &relay, &[]).started();
    let reply = send(&gateway, Some("olga"), "olga@shore.example", "bob@world.example", MIXED);
    assert!(reply.starts_with("250"), "{reply}");
    gateway.wait_state(SOON, "bob@world.example", "delivered");
    let message = relay.messages().remove(0);
    assert!(message.is_ascii(), "{}", String::from_utf8_lossy(&message));
    let longest = message.split(|byte| *byte == b'\n').map(<[u8]>::len).max().unwrap();
    assert!(longest <= 80, "{longest}");
    let read = read(&message);
    for line in [
        "subject Grüße aus Lübeck",
        "to Zoë bob@world.example",
        "part text/plain  quoted-printable 'Größe = 5 m  \\r\\n.dot",
        "part application/octet-stream Übersicht.bin base64 'ÄÖÜäöüßÄÖÜäöüß",
        "part text/plain  None 'plain, untouched = so",
    ] {
        assert!(read.contains(line), "{line} in:\n{read}");
    }
    assert!(!relay.command("MAIL").contains("BODY="), "{}", relay.command("MAIL"));
}

#[test]
fn eight_bit_mail_passes_as_it_is_where_the_relay_takes_it() {
    let folder = Folder::new();
    let relay = Fake::start(&ehlo("fake,8BITMIME,SMTPUTF8,SIZE"));
    let gateway = gateway(&folder, &relay, &[]).started();
    send(&gateway, Some("olga"), "olga@shore.example", "bob@world.example", MIXED);
    gateway.wait_state(SOON, "bob@world.example", "delivered");
    let message = String::from_utf8(relay.messages().remove(0)).unwrap();
    assert!(message.trim_end().ends_with(MIXED.replace('\n', "\r\n").trim_end()), "{message}");
    let mail = relay.command("MAIL");
    assert!(mail.contains(" BODY=8BITMIME") && mail.contains(&format!(" SIZE={}", message.len())), "{mail}");
}

#[test]
fn too_large_for_the_relay_is_said_before_the_text_goes() {
    let folder = Folder::new();
    let relay = Fake::start(&ehlo("fake,SIZE 2000"));
    let gateway = gateway(&folder, &relay, &[]).started();
    let text = "0123456789 0123456789 0123456789 0123456789\n".repeat(60);
    let mail = format!("From: olga@shore.example\nSubject: big\n\n{text}");
    send(&gateway, Some("olga"), "olga@shore.example", "bob@world.example", &mail);
    let returned = gateway.wait_state(SOON, "bob@world.example", "returned");
    let reason = returned["reason"].as_str().unwrap();
    assert!(reason.contains("takes at most 2000 bytes"), "{reason}");
    assert!(!relay.commands().iter().any(|line| line.starts_with("DATA")), "{:?}", relay.commands());
    super::fake::write_to(&gateway, "small@world.example");
    gateway.wait_state(SOON, "small@world.example", "delivered");
}

/// As a mail program writes that knows SMTPUTF8.
fn write_beyond_ascii(gateway: &Station, to: &str) {
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    smtp.login("olga");
    for line in ["MAIL FROM:<olga@shore.example> SMTPUTF8", &format!("RCPT TO:<{to}>"), "DATA"] {
        let reply = smtp.say(line);
        assert!(reply.starts_with(['2', '3']), "{line}: {reply}");
    }
    let reply = smtp.say(&format!("{}\r\n.", message("Hello", "How are you?").replace('\n', "\r\n")));
    assert!(reply.starts_with("250"), "{reply}");
}

#[test]
fn a_domain_with_umlauts_goes_in_its_ascii_form_where_it_has_to() {
    let folder = Folder::new();
    let relay = Fake::start(&ehlo("fake,8BITMIME"));
    let gateway = gateway(&folder, &relay, &[]).started();
    write_beyond_ascii(&gateway, "bob@BÜCHER.example");
    gateway.wait_state(SOON, "bob@bücher.example", "delivered");
    assert_eq!(relay.command("RCPT"), "RCPT TO:<bob@xn--bcher-kva.example>");
    assert!(!relay.command("MAIL").contains("SMTPUTF8"));
    write_beyond_ascii(&gateway, "josé@world.example");
    let returned = gateway.wait_state(SOON, "josé@world.example", "returned");
    assert!(returned["reason"].as_str().unwrap().contains("SMTPUTF8"), "{returned}");
    assert_eq!(relay.messages().len(), 1);
}

/// A certificate as `openssl req -x509` makes it, marked as an authority; certificate and key.
fn own_certificate(folder: &Folder, name: &str) -> (PathBuf, PathBuf) {
    let (cert, key) = (folder.path(&format!("{name}.pem")), folder.path(&format!("{name}.key")));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=post.example"])
        .args(["-keyout", key.to_str().unwrap(), "-out", cert.to_str().unwrap()])
        .output()
        .expect("openssl, which the build machine has");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let shown = Command::new("openssl").args(["x509", "-text", "-in", cert.to_str().unwrap()]).output().unwrap();
    assert!(String::from_utf8_lossy(&shown.stdout).contains("CA:TRUE"), "openssl has changed");
    (cert, key)
}

#[test]
fn a_certificate_of_the_relays_own_making_can_be_trusted_by_file() {
    let folder = Folder::new();
    let (cert, key) = own_certificate(&folder, "right");
    let relay = Fake::encrypted(&cert, &key);
    let settings = [("relay.tls", "tls"), ("relay.ca", cert.to_str().unwrap())];
    let gateway = gateway(&folder, &relay, &settings).started();
    super::fake::write_to(&gateway, "bob@world.example");
    gateway.wait_state(SOON, "bob@world.example", "delivered");
    // Without the file it is a stranger, and so it is with that of another one that bears the same name.
    let (other, _) = own_certificate(&folder, "other");
    for (at, file) in ["", other.to_str().unwrap()].into_iter().enumerate() {
        gateway.cli_ok(&["settings", "set", "relay.ca", file], "");
        let to = format!("carl{at}@world.example");
        super::fake::write_to(&gateway, &to);
        crate::support::wait_for("a word about the certificate", SOON, || {
            let message = gateway.messages().into_iter().find(|message| message["to"] == to.as_str())?;
            assert_eq!(message["state"], "queued", "{message}");
            message["reason"].as_str()?.contains("certificate is not trusted").then_some(())
        });
    }
    assert_eq!(relay.messages().len(), 1);
}
