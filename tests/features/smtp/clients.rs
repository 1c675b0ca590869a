//! Mail programs that people really use, against the listeners of a box: with and without TLS.

use std::fs;

use crate::support::command::{client, python, python_with, well};
use crate::support::shore::Shore;
use crate::support::{PASSWORD, Station};

/// The message of the box that came last.
fn newest(gateway: &Station) -> serde_json::Value {
    gateway.messages().pop().expect("a message")
}

/// A mail in chunks under TLS (BDAT), large enough for a file, with bytes that would end it after DATA.
#[test]
#[ignore = "needs python3, which tests/run installs"]
fn a_mail_in_chunks() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[("box.name", "localhost")], &["olga"]).started();
    let port = gateway.listener("submission").port();
    let program = format!(
        "import smtplib, ssl, sys\n\
         s = smtplib.SMTP('localhost', {port}, timeout=20, local_hostname='client.example')\n\
         s.starttls(context=ssl.create_default_context(cafile=sys.argv[1]))\n\
         s.ehlo(); assert 'chunking' in s.esmtp_features, s.esmtp_features\n\
         s.login('olga', '{PASSWORD}')\n\
         mail = b'Subject: chunks\\r\\n\\r\\n.\\r\\nQUIT\\r\\n' + b'all of it came\\r\\n' * 20000\n\
         assert s.mail('olga@shore.example')[0] == 250\n\
         assert s.rcpt('olga@shore.example')[0] == 250\n\
         for at in range(0, len(mail), 100001):\n\
         \x20   piece = mail[at:at + 100001]\n\
         \x20   last = b' LAST' if at + 100001 >= len(mail) else b''\n\
         \x20   s.sock.sendall(b'BDAT %d%s\\r\\n' % (len(piece), last) + piece)\n\
         \x20   code, words = s.getreply(); assert code == 250, words\n\
         print(s.quit()[0])\n"
    );
    let certificate = gateway.folder.join("tls-certificate.pem");
    let words = python_with(&program, &[certificate.to_str().unwrap()], "");
    assert!(words.contains("221"), "{words}");
    let kept = newest(&gateway);
    assert_eq!((kept["state"].as_str(), gateway.messages().len()), (Some("delivered"), 1), "{kept}");
}

/// Python's smtplib with STARTTLS, which trusts the certificate that the box made and no other, then a log-in.
#[test]
#[ignore = "needs python3, which tests/run installs"]
fn smtplib_with_starttls() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[("box.name", "localhost")], &["olga"]).started();
    let port = gateway.listener("submission").port();
    let program = format!(
        "import smtplib, ssl, sys\n\
         s = smtplib.SMTP('localhost', {port}, timeout=20, local_hostname='client.example')\n\
         c = ssl.create_default_context(cafile=sys.argv[1])\n\
         assert c.check_hostname and c.verify_mode == ssl.CERT_REQUIRED\n\
         s.ehlo(); before = s.esmtp_features\n\
         assert 'starttls' in before, before\n\
         s.starttls(context=c)\n\
         s.ehlo(); assert 'starttls' not in s.esmtp_features and 'auth' in s.esmtp_features, s.esmtp_features\n\
         try:\n    s.login('olga', 'not the password'); raise SystemExit('wrong password taken')\n\
         except smtplib.SMTPAuthenticationError as e: assert e.smtp_code == 535, e\n\
         s.login('olga', '{PASSWORD}')\n\
         s.sendmail('olga@shore.example', ['bob@world.example', 'olga@shore.example'], sys.stdin.read())\n\
         print(s.sock.version(), s.quit()[0])\n"
    );
    let certificate = gateway.folder.join("tls-certificate.pem");
    let arguments = [certificate.to_str().unwrap()];
    let said = python_with(&program, &arguments, "Subject: By smtplib\n\nover TLS\n.\n");
    assert!(said.starts_with("TLSv1.3 221"), "{said}");
    let mails = shore.wait_mails(1);
    assert!(mails[0]["data"].as_str().unwrap().contains("with ESMTPSA"), "{mails:?}");
    assert_eq!(newest(&gateway)["subject"], "By smtplib");
    assert!(!gateway.log_text().contains(PASSWORD));
}

/// What was said before STARTTLS counts for nothing behind it, and nothing sent early is carried over.
#[test]
#[ignore = "needs python3, which tests/run installs"]
fn nothing_is_carried_over_into_tls() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga"]).started();
    let port = gateway.listener("smtp").port();
    let program = format!(
        "import socket, ssl\n\
         s = socket.create_connection(('127.0.0.1', {port}), 20); s.recv(999)\n\
         s.sendall(b'EHLO x\\r\\n'); s.recv(999)\n\
         s.sendall(b'MAIL FROM:<early@world.example>\\r\\n'); s.recv(999)\n\
         s.sendall(b'STARTTLS\\r\\nRCPT TO:<olga@shore.example>\\r\\nDATA\\r\\n'); assert s.recv(999)[:3] == b'220'\n\
         c = ssl.create_default_context(); c.check_hostname = False; c.verify_mode = ssl.CERT_NONE\n\
         t = c.wrap_socket(s); t.settimeout(20)\n\
         t.sendall(b'RCPT TO:<olga@shore.example>\\r\\n'); print(t.recv(999).decode(), end='')\n\
         t.sendall(b'MAIL FROM:<late@world.example>\\r\\n'); print(t.recv(999).decode(), end='')\n\
         t.sendall(b'QUIT\\r\\n'); print(t.recv(999).decode(), end='')\n"
    );
    let said = python(&program, "");
    let codes: Vec<_> = said.lines().map(|line| &line[..3]).collect();
    assert_eq!(codes, ["503", "503", "221"], "{said}");
    assert!(gateway.messages().is_empty());
}

/// swaks, which speaks the protocol to the message and shows every line.
#[test]
#[ignore = "needs swaks, which tests/run installs"]
fn swaks() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga"]).started();
    let server = gateway.listener("smtp").to_string();
    let usual = ["--server", &server, "--from", "bob@world.example", "--timeout", "20", "--helo", "client.example"];
    let run = |more: &[&str]| client("swaks", &[&usual[..], more].concat(), &shore.folder, "");
    well(&run(&["--to", "olga@shore.example", "--header", "Subject: By swaks", "--body", ".one\n..two\n."]));
    assert_eq!(newest(&gateway)["text"], "By swaks\n.one\n..two\n.");
    let relayed = run(&["--to", "carl@else.example"]);
    assert!(
        !relayed.status.success()
            && String::from_utf8_lossy(&relayed.stdout).contains("550 5.7.1 not relaying to that domain")
    );
    let said = well(&run(&["--to", "olga@shore.example", "--tls", "--pipeline"]));
    assert!(said.contains("TLS started"), "{said}");
    for kind in ["PLAIN", "LOGIN"] {
        let auth =
            ["--to", "bob@world.example", "--tls", "--auth", kind, "--auth-user", "olga", "--auth-password", PASSWORD];
        well(&run(&auth));
    }
    let wrong =
        run(&["--to", "bob@world.example", "--auth", "PLAIN", "--auth-user", "olga", "--auth-password", "wrong-wrong"]);
    assert!(!wrong.status.success());
    shore.wait_mails(2);
}

/// msmtp as the `sendmail` of a small machine: certificate pinned by its fingerprint.
#[test]
#[ignore = "needs msmtp and python3, which tests/run installs"]
fn msmtp() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga"]).started();
    let port = gateway.listener("submission").port().to_string();
    let program = format!(
        "import smtplib, ssl, hashlib\n\
         s = smtplib.SMTP('127.0.0.1', {port}, timeout=20, local_hostname='client.example'); c = ssl.create_default_context()\n\
         c.check_hostname = False; c.verify_mode = ssl.CERT_NONE; s.starttls(context=c)\n\
         print(':'.join('%02X' % b for b in hashlib.sha256(s.sock.getpeercert(True)).digest()))"
    );
    let print = python(&program, "");
    let config = shore.folder.path("msmtprc");
    fs::write(&config, format!("account default\nhost 127.0.0.1\nport {port}\nfrom olga@shore.example\nauth on\nuser olga\npassword {PASSWORD}\ntls on\ntls_starttls on\ntls_fingerprint {print}")).unwrap();
    fs::set_permissions(&config, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let config = format!("--file={}", config.to_str().unwrap());
    well(&client("msmtp", &[&config, "bob@world.example"], &shore.folder, "Subject: By msmtp\n\nHello.\n"));
    let mails = shore.wait_mails(1);
    assert!(mails[0]["data"].as_str().unwrap().contains("Subject: By msmtp"), "{mails:?}");
}

/// curl, as scripts use it.
#[test]
#[ignore = "needs curl, which tests/run installs"]
fn curl() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga"]).started();
    let url = format!("smtp://{}/script.example", gateway.listener("smtp"));
    let usual = ["--silent", "--show-error", "--max-time", "30", "--url", &url, "--crlf", "--upload-file", "-"];
    let run =
        |more: &[&str]| client("curl", &[&usual[..], more].concat(), &shore.folder, "Subject: By curl\n\n.a\nb\n");
    well(&run(&["--mail-from", "cron@world.example", "--mail-rcpt", "olga@shore.example"]));
    assert_eq!(newest(&gateway)["text"], "By curl\n.a\nb");
    let user = format!("olga:{PASSWORD}");
    well(&run(&[
        "--mail-from",
        "olga@shore.example",
        "--mail-rcpt",
        "bob@world.example",
        "--ssl-reqd",
        "--insecure",
        "--user",
        &user,
    ]));
    shore.wait_mails(1);
    assert!(!run(&["--mail-from", "x@world.example", "--mail-rcpt", "bob@world.example"]).status.success());
}
