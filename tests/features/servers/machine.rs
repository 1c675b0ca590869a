//! A mail server of somebody else's, with the files that Debian gives it: each one in a mount and process namespace of
//! its own over the root that `tests/run` makes, at an address of its own on this machine.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use crate::support::{Folder, SOON, Smtp, wait_for};

/// Where `tests/run` puts what each server adds to the root of `tests/booted`.
const LAYERS: &str = "/var/cache/satpost-tests/mail";
const ROOT: &str = "/var/cache/satpost-tests/booted";

/// Mounts the layers, writes the configuration, and becomes the server.
const START: &str = r#"
set -e
layers=$1 at=$2 mail=$3 files=$4; shift 4
mount -t tmpfs tmpfs "$at"
mkdir "$at/upper" "$at/work" "$at/root"
mount -t overlay overlay -o "lowerdir=$layers,upperdir=$at/upper,workdir=$at/work" "$at/root"
mount -t proc proc "$at/root/proc"
mount --rbind /dev "$at/root/dev"
mkdir "$at/root/mail"
mount --bind "$mail" "$at/root/mail"
cp -r "$files/." "$at/root/etc/"
chroot "$at/root" useradd bob
exec chroot "$at/root" "$@"
"#;

/// Which server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Postfix,
    /// Postfix before gateways.
    Front,
    Exim,
    OpenSmtpd,
}

/// Largest mail that each of them takes, in bytes.
pub const LARGEST: usize = 200_000;

/// A server for `world.example`: mails to bob there are files in a Maildir, those to `later@` are put off, and what goes
/// to `shore.example` is relayed to a box.
pub struct MailServer {
    kind: Kind,
    process: Option<Child>,
    folder: PathBuf,
    address: SocketAddr,
    boxed: u16,
}

impl MailServer {
    /// Starts one that relays to a box on this port of 127.0.0.1, which need not be there yet.
    pub fn start(folder: &Folder, kind: Kind, boxed: u16) -> Self {
        static PORTS: AtomicU16 = AtomicU16::new(2500);
        let [_, high, middle, low] = std::process::id().to_be_bytes();
        let address = ([127, 64 + high, middle, low], PORTS.fetch_add(1, Ordering::Relaxed)).into();
        let folder = folder.path("server");
        let mut server = Self { kind, process: None, folder, address, boxed };
        for name in ["machine", "mail", "mail/bob", "etc"] {
            fs::create_dir_all(server.folder.join(name)).unwrap();
        }
        for name in ["mail", "mail/bob"] {
            let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
            fs::set_permissions(server.folder.join(name), open).unwrap();
        }
        server.launch();
        server
    }

    /// Starts Postfix as the server in front of gateways that share a domain: it asks them about each recipient, and the file
    /// `transport` says who is reached by which. Those write outside through it.
    pub fn in_front(folder: &Folder, transport: &str) -> Self {
        let folder_of_mail = folder.path("server").join("mail");
        fs::create_dir_all(&folder_of_mail).unwrap();
        fs::write(folder_of_mail.join("transport"), transport).unwrap();
        Self::start(folder, Kind::Front, 0)
    }

    /// Has people reached by other gateways, as its owner would.
    pub fn reach_by(&self, transport: &str) {
        fs::write(self.folder.join("mail/transport"), transport).unwrap();
        self.inside(&["postmap", "/mail/transport"]);
        // At once, and not when it looks for changes by itself.
        self.inside(&["postfix", "reload"]);
    }

    /// Runs a program inside.
    fn inside(&self, words: &[&str]) {
        let first = self.first(self.process.as_ref().unwrap()).unwrap().to_string();
        let mut enter = Command::new("nsenter");
        enter.args(["-t", &first, "-m", "-p", "chroot"]).arg(self.folder.join("machine/root"));
        let done = enter.args(words).output().unwrap();
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// Its host and its port, as a box is told them.
    pub fn host(&self) -> String {
        self.address.ip().to_string()
    }

    pub fn port(&self) -> String {
        self.address.port().to_string()
    }

    /// Ends it at once, as a power cut does.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // The first process of its namespace: all others end with it.
            let first = self.first(&process).and_then(rustix::process::Pid::from_raw);
            let _ = first.map(|first| rustix::process::kill_process(first, rustix::process::Signal::KILL));
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Starts it again, with nothing of what it had in its queue.
    pub fn launch(&mut self) {
        let (at, port, boxed) = (self.address.ip().to_string(), self.address.port(), self.boxed);
        let (layer, files, words) = match self.kind {
            Kind::Postfix => (
                "postfix",
                postfix(&at, port, &relayed(&format!("inline:{{ shore.example=smtp:[127.0.0.1]:{boxed} }}"))),
                "postfix start-fg",
            ),
            Kind::Front => (
                "postfix",
                postfix(&at, port, &front()),
                "sh -c postmap${IFS}/mail/transport&&exec${IFS}postfix${IFS}start-fg",
            ),
            Kind::Exim => ("exim", exim(&at, port, boxed), "exim4 -bdf -q1s"),
            Kind::OpenSmtpd => ("opensmtpd", opensmtpd(&at, port, boxed), "smtpd -d"),
        };
        let layer = Path::new(LAYERS).join(layer);
        assert!(layer.join("usr").is_dir(), "there is no {}: tests/run makes it", layer.display());
        let etc = self.folder.join("etc");
        for (name, text) in files {
            let file = etc.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let log = File::options().create(true).append(true).open(self.folder.join("log")).unwrap();
        let mut unshare = Command::new("unshare");
        unshare
            .args(["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "bash", "-c", START])
            .arg("server")
            .arg(format!("{}:{ROOT}", layer.display()))
            .args([self.folder.join("machine"), self.folder.join("mail"), etc])
            .args(words.split(' '))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        self.process = Some(unshare.spawn().expect("unshare, which tests/run installs"));
        wait_for(&format!("{:?} to answer; {}", self.kind, self.folder.join("log").display()), SOON, || {
            if let Some(ended) = self.process.as_mut()?.try_wait().unwrap() {
                panic!("{:?} ended ({ended}):\n{}", self.kind, self.log());
            }
            Smtp::try_connect(self.address)
        });
    }

    /// The first process inside.
    fn first(&self, unshare: &Child) -> Option<i32> {
        let unshare = unshare.id();
        let children = fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children")).ok()?;
        children.split_whitespace().next()?.parse().ok()
    }

    /// A connection to it.
    pub fn connect(&self) -> Smtp {
        Smtp::connect(self.address)
    }

    /// What it said.
    pub fn log(&self) -> String {
        ["log", "mail/log", "mail/mainlog", "mail/paniclog"]
            .map(|name| fs::read_to_string(self.folder.join(name)).unwrap_or_default())
            .concat()
    }

    /// Makes it try again what waits.
    pub fn hurry(&self) {
        if self.kind == Kind::OpenSmtpd {
            let first = self.first(self.process.as_ref().unwrap()).unwrap().to_string();
            let mut enter = Command::new("nsenter");
            enter.args(["-t", &first, "-m", "-p", "chroot"]).arg(self.folder.join("machine/root"));
            // Nothing may wait, which is an error of its own.
            let _ = enter.args(["smtpctl", "schedule", "all"]).output().unwrap();
        }
    }

    /// The mails that bob has, in the order of their names.
    pub fn mails(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.join("mail/bob/new"));
        let mut files: Vec<_> = entries.into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned()).collect()
    }

    /// Waits for a mail of bob's with this subject.
    pub fn wait_mail(&self, subject: &str) -> String {
        let line = format!("Subject: {subject}\n");
        wait_for(&format!("'{subject}' in bob's mailbox at {:?}", self.kind), SOON, || {
            self.mails().into_iter().find(|mail| mail.replace('\r', "").contains(&line))
        })
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("{:?} said:\n{}", self.kind, self.log());
        }
    }
}

type Files = Vec<(&'static str, String)>;

/// What comes for a domain goes to one box.
fn relayed(transport: &str) -> String {
    format!(
        "transport_maps = {transport}
smtpd_recipient_restrictions = check_recipient_access inline:{{ later@world.example=DEFER }}"
    )
}

/// The lines of web/help/gateways.html, with answers that come sooner.
fn front() -> String {
    "transport_maps = hash:/mail/transport
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_recipient_restrictions = reject_unverified_recipient
unverified_recipient_reject_code = 550
address_verify_map =
address_verify_negative_refresh_time = 10m
address_verify_poll_delay = 1s"
        .to_owned()
}

fn postfix(at: &str, port: u16, more: &str) -> Files {
    let main = format!(
        "compatibility_level = 3.6
myhostname = world.example
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
maillog_file = /mail/log
maillog_file_prefixes = /mail
message_size_limit = {LARGEST}
virtual_mailbox_domains = world.example
virtual_mailbox_base = /mail
virtual_mailbox_maps = inline:{{ bob@world.example=bob/ later@world.example=later/ }}
virtual_minimum_uid = 100
virtual_uid_maps = static:1000
virtual_gid_maps = static:1000
alias_maps =
relay_domains = shore.example
{more}
smtp_tls_security_level = may
smtp_bind_address = {at}
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 1s
"
    );
    let master = format!(
        "{at}:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"
    );
    vec![("postfix/main.cf", main), ("postfix/master.cf", master)]
}

fn exim(at: &str, port: u16, boxed: u16) -> Files {
    let config = format!(
        "primary_hostname = world.example
local_interfaces = {at}
daemon_smtp_ports = {port}
message_size_limit = {LARGEST}
accept_8bitmime = true
log_file_path = /mail/%slog
trusted_users = bob
acl_smtp_rcpt = recipients
acl_smtp_data = accept
begin acl
recipients:
  defer local_parts = later
  accept domains = shore.example
  require verify = recipient
  accept
begin routers
box:
  driver = manualroute
  domains = shore.example
  transport = box
  route_list = * 127.0.0.1
  self = send
here:
  driver = accept
  domains = world.example
  local_parts = bob
  transport = maildir
begin transports
box:
  driver = smtp
  port = {boxed}
  interface = {at}
  tls_verify_certificates =
maildir:
  driver = appendfile
  directory = /mail/bob
  maildir_format
  user = bob
begin retry
* * F,1h,1s
"
    );
    vec![("exim4/exim4.conf", config)]
}

fn opensmtpd(at: &str, port: u16, boxed: u16) -> Files {
    let config = format!(
        "smtp max-message-size {LARGEST}
table source {{ {at} }}
table later {{ later@world.example }}
filter later phase rcpt-to match rcpt-to <later> reject \"451 4.7.1 later\"
listen on {at} port {port} hostname world.example filter later
action \"here\" maildir \"/mail/%{{user.username}}\"
action \"box\" relay host smtp://127.0.0.1:{boxed} src <source> helo world.example
match from any for domain \"world.example\" action \"here\"
match from any for domain \"shore.example\" action \"box\"
"
    );
    vec![("smtpd.conf", config)]
}
