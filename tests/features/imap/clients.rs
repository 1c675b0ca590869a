//! Mail programs that people really use, against the listeners of a box.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{boxed, mail};
use crate::support::command::{client, python_with, well};
use crate::support::shore::Shore;
use crate::support::{Imap, PASSWORD, Station};

/// Puts some mails into INBOX.
fn fill(gateway: &Station) -> Imap {
    let mut imap = Imap::open(gateway.listener("imap"), "olga", "INBOX");
    for name in ["one", "two", "three"] {
        assert!(imap.append("INBOX", mail(name).as_bytes()).contains("OK [APPENDUID"));
    }
    imap
}

/// Python's imaplib: under STARTTLS and under TLS from the start, with a certificate that it checks.
#[test]
#[ignore = "needs python3, which tests/run installs"]
fn imaplib() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[("box.name", "localhost")], &["olga"]).started();
    fill(&gateway);
    let (plain, tls) = (gateway.listener("imap").port(), gateway.listener("imaps").port());
    let program = format!(
        "import imaplib, ssl, sys, time\n\
         c = ssl.create_default_context(cafile=sys.argv[1])\n\
         for way in ('starttls', 'tls'):\n\
         \x20   if way == 'tls': m = imaplib.IMAP4_SSL('localhost', {tls}, ssl_context=c)\n\
         \x20   else:\n\
         \x20       m = imaplib.IMAP4('localhost', {plain}); assert 'STARTTLS' in m.capabilities; m.starttls(c)\n\
         \x20   assert 'AUTH=PLAIN' in m.capabilities\n\
         \x20   m.authenticate('PLAIN', lambda _: b'\\0olga\\0{PASSWORD}')\n\
         \x20   assert m.select()[1] == [b'3']\n\
         \x20   ok, found = m.search(None, 'SUBJECT', 'two'); assert found == [b'2'], found\n\
         \x20   ok, parts = m.fetch('2', '(RFC822.SIZE BODY.PEEK[])'); assert parts[0][1].endswith(b'Body of two\\r\\n')\n\
         \x20   assert m.store('1', '+FLAGS', '(\\\\Flagged)')[0] == 'OK'\n\
         \x20   assert m.append('Archive', '(\\\\Seen)', imaplib.Time2Internaldate(time.time()), b'Subject: x\\r\\n\\r\\ny')[0] == 'OK'\n\
         \x20   assert m.create('Mine')[0] == 'OK' and m.rename('Mine', 'Ours')[0] == 'OK' and m.delete('Ours')[0] == 'OK'\n\
         \x20   assert m.copy('1', 'Trash')[0] == 'OK' and m.status('Trash', '(MESSAGES)')[0] == 'OK'\n\
         \x20   assert len(m.list()[1]) == 5 and len(m.lsub()[1]) == 5 and m.namespace()[0] == 'OK'\n\
         \x20   m.close(); print(m.logout()[0])\n"
    );
    // The authority alone: the certificate under it may be renewed.
    let certificate = gateway.folder.join("tls-root.pem");
    assert_eq!(python_with(&program, &[certificate.to_str().unwrap()], ""), "BYE\nBYE\n");
    let submissions = gateway.listener("submissions").port();
    let program = format!(
        "import smtplib, ssl, sys\n\
         s = smtplib.SMTP_SSL('localhost', {submissions}, local_hostname='client.example', timeout=20, context=ssl.create_default_context(cafile=sys.argv[1]))\n\
         s.login('olga', '{PASSWORD}'); s.sendmail('olga@shore.example', ['bob@world.example'], 'Subject: 465\\n\\nx')\n\
         print(s.quit()[0])\n"
    );
    assert_eq!(python_with(&program, &[certificate.to_str().unwrap()], ""), "221\n");
    shore.wait_mails(1);
}

/// curl appends, lists, fetches and searches.
#[test]
#[ignore = "needs curl, which tests/run installs"]
fn curl() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let (file, url) = (shore.folder.path("mail"), format!("imap://{}", gateway.listener("imap")));
    fs::write(&file, mail("curl")).unwrap();
    let login = format!("olga:{PASSWORD}");
    let curl = |more: &[&str]| {
        well(&client("curl", &[&["-sS", "-m", "20", "-u", &login][..], more].concat(), &shore.folder, ""))
    };
    curl(&["-T", file.to_str().unwrap(), &format!("{url}/INBOX")]);
    assert!(curl(&[&url]).contains("\\Drafts"));
    assert_eq!(curl(&[&format!("{url}/INBOX;UID=1")]), mail("curl"));
    assert!(curl(&[&format!("{url}/INBOX?SUBJECT%20curl")]).contains("* SEARCH 1"));
}

/// mbsync in three rounds: all comes, what is added and removed there goes here, and then there is nothing to do.
#[test]
#[ignore = "needs mbsync, which tests/run installs"]
fn mbsync() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let mut imap = fill(&gateway);
    let home = shore.folder.path("home");
    fs::create_dir_all(home.join("mail")).unwrap();
    let (port, mail_folder) = (gateway.listener("imap").port(), home.join("mail"));
    let rc = format!(
        "IMAPAccount box\nHost 127.0.0.1\nPort {port}\nUser olga\nPass {PASSWORD}\nSSLType None\nAuthMechs LOGIN\n\n\
         IMAPStore far\nAccount box\n\nMaildirStore near\nPath {0}/\nInbox {0}/INBOX\nSubFolders Verbatim\n\n\
         Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n",
        mail_folder.display()
    );
    fs::write(home.join("rc"), rc).unwrap();
    let config = home.join("rc");
    let sync = || well(&client("mbsync", &["-c", config.to_str().unwrap(), "-V", "all"], &home, ""));
    sync();
    let inbox = mail_folder.join("INBOX");
    let files = || {
        let all = ["new", "cur"].iter().flat_map(|part| fs::read_dir(inbox.join(part)).unwrap());
        all.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    assert_eq!(files().len(), 3);
    fs::write(inbox.join("new/local.1"), mail("local").replace("\r\n", "\n")).unwrap();
    let two = files().into_iter().find(|path| fs::read_to_string(path).unwrap().contains("Subject: two")).unwrap();
    fs::remove_file(two).unwrap();
    sync();
    imap.ok("NOOP");
    assert_eq!(imap.uids(), [1, 3, 4]);
    assert!(String::from_utf8(imap.fetch(4, "")).unwrap().ends_with("Body of local\r\n"));
    let mut status = || {
        let said = imap.ok("STATUS INBOX (UIDNEXT HIGHESTMODSEQ)");
        said.lines().find(|line| line.starts_with("* STATUS")).unwrap().to_owned()
    };
    let before = status();
    sync();
    assert_eq!(before, status());
}

/// fetchmail and getmail take mails away; what they took is gone here.
#[test]
#[ignore = "needs fetchmail and getmail, which tests/run installs"]
fn fetchmail_and_getmail() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let mut imap = fill(&gateway);
    let port = gateway.listener("imap").port();
    let home = shore.folder.path("home");
    fs::create_dir_all(&home).unwrap();
    let mbox = home.join("mbox");
    let rc = format!(
        "poll 127.0.0.1 port {port} protocol imap auth password user olga password {PASSWORD} sslproto '' fetchall no rewrite \
         mda \"cat >> {}\"\n",
        mbox.display()
    );
    fs::write(home.join("rc"), rc).unwrap();
    fs::set_permissions(home.join("rc"), fs::Permissions::from_mode(0o600)).unwrap();
    well(&client("fetchmail", &["-f", home.join("rc").to_str().unwrap(), "--nosyslog", "-v"], &home, ""));
    assert_eq!(fs::read_to_string(&mbox).unwrap().matches("Body of ").count(), 3);
    imap.ok("NOOP");
    assert_eq!(imap.uids(), [] as [u32; 0]);
    fill(&gateway);
    // To a file by a command: getmail writes no Maildir when root runs it.
    let taken = home.join("taken");
    let rc = format!(
        "[retriever]\ntype = SimpleIMAPRetriever\nserver = 127.0.0.1\nport = {port}\nusername = olga\npassword = {PASSWORD}\n\
         [destination]\ntype = MDA_external\npath = /bin/sh\narguments = ('-c', 'cat >> {}')\nallow_root_commands = true\n\
         [options]\ndelete = true\nread_all = true\nverbose = 2\n",
        taken.display()
    );
    fs::write(home.join("getmailrc"), rc).unwrap();
    let words = well(&client("getmail", &["--getmaildir", home.to_str().unwrap(), "--rcfile", "getmailrc"], &home, ""));
    assert_eq!(fs::read_to_string(&taken).unwrap_or_default().matches("Body of ").count(), 3, "{words}");
    imap.ok("NOOP");
    assert_eq!(imap.uids(), [] as [u32; 0]);
}

/// offlineimap, twice: the second time there is nothing to do.
#[test]
#[ignore = "needs offlineimap, which tests/run installs"]
fn offlineimap() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let mut imap = fill(&gateway);
    let port = gateway.listener("imap").port();
    let home = shore.folder.path("home");
    fs::create_dir_all(&home).unwrap();
    let rc = format!(
        "[general]\naccounts = box\nui = basic\nmetadata = {0}/state\n[Account box]\nlocalrepository = near\nremoterepository = far\n\
         [Repository near]\ntype = Maildir\nlocalfolders = {0}/mail\n[Repository far]\ntype = IMAP\nremotehost = 127.0.0.1\n\
         remoteport = {port}\nremoteuser = olga\nremotepass = {PASSWORD}\nssl = no\nstarttls = no\nauth_mechanisms = PLAIN\n",
        home.display()
    );
    fs::write(home.join("rc"), rc).unwrap();
    for _ in 0..2 {
        well(&client("offlineimap", &["-o", "-c", home.join("rc").to_str().unwrap()], &home, ""));
        let files = ["new", "cur"].map(|part| fs::read_dir(home.join("mail/INBOX").join(part)).unwrap().count());
        assert_eq!(files.iter().sum::<usize>(), 3);
    }
    imap.ok("NOOP");
    assert_eq!(imap.uids(), [1, 2, 3]);
}

/// mutt opens the mailbox, reads one mail and removes the next; s-nail lists what is left.
#[test]
#[ignore = "needs mutt, s-nail and python3, which tests/run installs"]
fn mutt_and_s_nail() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let mut imap = fill(&gateway);
    let port = gateway.listener("imap").port();
    let home = shore.folder.path("home");
    fs::create_dir_all(&home).unwrap();
    let rc = format!(
        "set folder=imap://olga@127.0.0.1:{port}/\nset spoolfile=+INBOX\nset imap_pass={PASSWORD}\nset ssl_starttls=no\n\
         set ssl_force_tls=no\nset imap_authenticators=plain\nset delete=yes\nset mail_check=5\nset move=no\nset pager_stop=yes\n\
         set hostname=client.example\n"
    );
    let settings = home.join("muttrc");
    fs::write(&settings, rc).unwrap();
    let keys = "push '<first-entry><display-message><exit><next-entry><delete-message><sync-mailbox><quit>'";
    // mutt wants a terminal: this gives it one, and shows what it drew.
    let terminal = "import os, pty, sys\n\
        pid, screen = pty.fork()\n\
        if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])\n\
        try:\n\
        \x20   while drawn := os.read(screen, 9999): os.write(1, drawn)\n\
        except OSError: pass\n\
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n";
    let mutt = ["-c", terminal, "env", "TERM=xterm", "mutt", "-n", "-F", settings.to_str().unwrap(), "-e", keys];
    let drawn = well(&client("python3", &mutt, &home, ""));
    let said = imap.ok("NOOP");
    assert!(said.contains("* 2 EXPUNGE"), "{said}\n{drawn}");
    assert!(imap.ok("FETCH 1 FLAGS").contains("\\Seen"));
    let url = format!("imap://olga:{PASSWORD}@127.0.0.1:{port}/INBOX");
    let settings =
        ["v15-compat", "imap-use-starttls=no", "imap-auth=login", "tls-verify=ignore", "hostname=client.example"];
    let settings: Vec<_> = settings.iter().flat_map(|setting| ["-S", setting]).collect();
    let words = well(&client("s-nail", &[&["-n"], &settings[..], &["-H", "-f", &url]].concat(), &home, ""));
    assert!(words.contains("one") && words.contains("three") && !words.contains("two"), "{words}");
}

/// Python's IMAPClient, which reads replies more strictly than imaplib: folders by their use, IDLE, changes since, MOVE.
#[test]
#[ignore = "needs python3 and imapclient, which tests/run installs"]
fn imapclient() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    fill(&gateway);
    let port = gateway.listener("imap").port();
    let library = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/imapclient");
    assert!(library.join("imapclient").is_dir(), "run tests/run once: {} is not there", library.display());
    let program = format!(
        "import sys; sys.path.insert(0, sys.argv[1])\n\
         from imapclient import IMAPClient; from imapclient.imapclient import SENT, TRASH\n\
         m = IMAPClient('127.0.0.1', port={port}, ssl=False); m.login('olga', '{PASSWORD}')\n\
         assert m.namespace().personal == (('', '/'),) and b'satpost' in m.id_({{'name': 'a test'}})[0]\n\
         assert (m.find_special_folder(SENT), m.find_special_folder(TRASH)) == ('Sent', 'Trash')\n\
         opened = m.select_folder('INBOX'); assert opened[b'EXISTS'] == 3 and b'READ-WRITE' in opened, opened\n\
         one, two, three = m.search(['SUBJECT', 'o', 'NOT', 'KEYWORD', 'x']) + m.search('SUBJECT three')\n\
         got = m.fetch([one, two], ['ENVELOPE', 'BODYSTRUCTURE', 'FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'BODY.PEEK[]'])\n\
         assert got[one][b'ENVELOPE'].subject == b'one' and got[two][b'BODY[]'].endswith(b'Body of two\\r\\n')\n\
         assert all(len(mail[b'BODY[]']) == mail[b'RFC822.SIZE'] for mail in got.values())\n\
         assert got[one][b'BODYSTRUCTURE'][:2] == (b'text', b'plain')\n\
         known = m.folder_status('INBOX', ['HIGHESTMODSEQ'])[b'HIGHESTMODSEQ']\n\
         assert b'$Later' in m.add_flags([one], ['$Later', '\\\\Flagged'])[one]\n\
         assert list(m.fetch([one, two, three], ['FLAGS'], ['CHANGEDSINCE %d' % known])) == [one]\n\
         m.create_folder('Entwürfe/2026'); m.subscribe_folder('Entwürfe/2026')\n\
         assert 'Entwürfe/2026' in [name for _, _, name in m.list_sub_folders()]\n\
         m.move([two], 'Entwürfe/2026'); m.copy([one], 'Archive')\n\
         assert m.folder_status('Entwürfe/2026', ['MESSAGES'])[b'MESSAGES'] == 1\n\
         m.delete_messages([one]); m.uid_expunge([one]); assert m.search() == [three]\n\
         m.idle()\n\
         n = IMAPClient('127.0.0.1', port={port}, ssl=False); n.login('olga', '{PASSWORD}')\n\
         n.append('INBOX', b'Subject: news\\r\\n\\r\\nx', ['\\\\Seen'])\n\
         heard = []\n\
         while (2, b'EXISTS') not in heard: heard += m.idle_check(timeout=20) or sys.exit('nothing heard: %r' % heard)\n\
         m.idle_done(); m.unselect_folder(); m.logout(); n.logout(); print('done')\n"
    );
    assert_eq!(python_with(&program, &[library.to_str().unwrap()], ""), "done\n");
}
