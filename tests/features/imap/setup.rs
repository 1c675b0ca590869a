//! What sets a mail program up.

use super::boxed;
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
    let imaps = gateway.door("imaps").port().to_string();
    let submissions = gateway.door("submissions").port().to_string();
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
