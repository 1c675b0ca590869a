//! Listening sockets that systemd opened for the box (sd_listen_fds(3)), so that it needs no privilege for low ports.
//!
//! They are told apart by name (`FileDescriptorName=` in the socket unit), never by their order: when one socket unit
//! fails because its port is taken, the others move up.

use std::net::TcpListener;
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::net::{AddressFamily, SocketType, sockopt};

/// The names that a box knows, as in `systemd/*.socket`.
pub const NAMES: &[&str] = &["web", "webs", "smtp", "submission", "submissions", "imap", "imaps", "directip", "ip"];

/// The sockets were taken: a file descriptor may have one owner only. Set once; sequential order for plainness.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The sockets handed over, until each listener takes its own.
#[derive(Debug, Default)]
pub struct Sockets {
    named: Vec<(String, TcpListener)>,
    /// What was handed over and is of no use, one sentence each.
    pub complaints: Vec<String>,
}

impl Sockets {
    /// Takes what systemd handed to this process: once; a second call finds nothing. Each is close-on-exec and blocks.
    ///
    /// # Errors
    /// When systemd's variables contradict themselves.
    pub fn from_systemd() -> Result<Self, SocketsError> {
        // The variables of a parent may be inherited; they mean that parent.
        let meant = std::env::var("LISTEN_PID").is_ok_and(|pid| pid.trim() == std::process::id().to_string());
        if !meant || TAKEN.swap(true, Ordering::SeqCst) {
            return Ok(Self::default());
        }
        let passed = sd_notify::listen_fds_with_names().map_err(|error| SocketsError(error.to_string()))?;
        let mut sockets = Self::default();
        for (fd, name) in passed {
            // SAFETY: systemd passed this descriptor to this very process (LISTEN_PID was compared, and the descriptor
            // answered to fcntl), `TAKEN` lets nobody come here twice, and nothing else closes descriptors by number.
            #[allow(unsafe_code, reason = "a number from the environment becomes an owned descriptor")]
            let owned = unsafe { OwnedFd::from_raw_fd(fd) };
            sockets.sort_in(name, owned);
        }
        Ok(sockets)
    }

    /// The sockets of one name; empty when there is none, and after the first call.
    pub fn take(&mut self, name: &str) -> Vec<TcpListener> {
        let (wanted, rest) = std::mem::take(&mut self.named).into_iter().partition(|(known, _)| known == name);
        self.named = rest;
        wanted.into_iter().map(|(_, listener)| listener).collect()
    }

    /// Copies of the sockets of one name, for somebody who answers there before their listener takes them.
    ///
    /// # Errors
    /// When there is no descriptor left.
    pub fn copies(&self, name: &str) -> std::io::Result<Vec<TcpListener>> {
        self.named.iter().filter(|(known, _)| known == name).map(|(_, listener)| listener.try_clone()).collect()
    }

    fn sort_in(&mut self, name: String, socket: OwnedFd) {
        match check(&name, socket) {
            Ok(listener) => self.named.push((name, listener)),
            Err(why) => self.complaints.push(format!("systemd passed a socket '{}': {why}", name.escape_debug())),
        }
    }
}

/// The sockets that systemd passes cannot be read.
#[derive(Debug)]
pub struct SocketsError(String);

impl std::fmt::Display for SocketsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the sockets that systemd passes cannot be read (LISTEN_FDS): {}", self.0)
    }
}

/// A socket of the wrong kind would make `accept` fail for ever: it is told apart here.
fn check(name: &str, socket: OwnedFd) -> Result<TcpListener, String> {
    if !NAMES.contains(&name) {
        return Err(format!("no listener has this name; set FileDescriptorName= to one of {}", NAMES.join(", ")));
    }
    let listens = sockopt::socket_acceptconn(&socket).map_err(|error| format!("it is no socket ({error})"))?;
    let tcp = sockopt::socket_type(&socket) == Ok(SocketType::STREAM)
        && matches!(sockopt::socket_domain(&socket), Ok(AddressFamily::INET | AddressFamily::INET6));
    if !listens || !tcp {
        return Err("it does not listen for TCP; use ListenStream= with a port and no Accept=yes".to_owned());
    }
    let listener = TcpListener::from(socket);
    listener.set_nonblocking(false).map_err(|error| format!("it cannot be made blocking ({error})"))?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, UdpSocket};
    use std::process::{Command, Output, Stdio};

    use rustix::fs::OFlags;
    use rustix::io::FdFlags;

    use super::*;

    /// Not a test of its own: run with descriptors 3 and 4, it prints what it found.
    #[test]
    #[ignore = "run by other tests"]
    fn child() {
        let mut sockets = match Sockets::from_systemd() {
            Ok(sockets) => sockets,
            Err(why) => return eprintln!("error: {why}"),
        };
        for name in NAMES {
            for listener in sockets.take(name) {
                assert!(rustix::io::fcntl_getfd(&listener).unwrap().contains(FdFlags::CLOEXEC));
                assert!(!rustix::fs::fcntl_getfl(&listener).unwrap().contains(OFlags::NONBLOCK));
                eprintln!("{name}={}", listener.local_addr().unwrap());
            }
            assert!(sockets.take(name).is_empty());
        }
        for complaint in &sockets.complaints {
            eprintln!("complaint: {complaint}");
        }
        assert!(Sockets::from_systemd().unwrap().take("web").is_empty(), "taken twice");
    }

    /// Starts [`child`] as systemd would, with `first` as descriptor 3 and `second` as descriptor 4.
    fn pass(first: impl Into<OwnedFd>, second: impl Into<OwnedFd>, variables: &str) -> Output {
        let script = format!("exec 3<&0 4<&1 0</dev/null 1>&2; export LISTEN_PID=$$ {variables}; exec \"$@\"");
        let ended = Command::new("sh")
            .args(["-c", &script, "sh"])
            .arg(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "sys::sockets::tests::child"])
            .stdin(Stdio::from(first.into()))
            .stdout(Stdio::from(second.into()))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        ended
    }

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[test]
    fn sockets_go_by_name_and_not_by_order() {
        let ((one, submission), (two, web)) = (listener(), listener());
        let ended = pass(one, two, "LISTEN_FDS=2 LISTEN_FDNAMES=submission:web");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(said.contains(&format!("submission={submission}\n")), "{said}");
        assert!(said.contains(&format!("web={web}\n")), "{said}");
        assert!(!said.contains("smtp=") && !said.contains("complaint"), "{said}");
    }

    #[test]
    fn the_socket_units_use_these_names() {
        for name in NAMES {
            let unit = format!("{}/systemd/satpost-{name}.socket", env!("CARGO_MANIFEST_DIR"));
            let unit = std::fs::read_to_string(unit).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(unit.lines().any(|line| line == format!("FileDescriptorName={name}")), "{name}");
        }
    }

    #[test]
    fn several_addresses_share_one_name() {
        let ((one, first), (two, second)) = (listener(), listener());
        let ended = pass(one, two, "LISTEN_FDS=2 LISTEN_FDNAMES=smtp:smtp");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(said.contains(&format!("smtp={first}\n")) && said.contains(&format!("smtp={second}\n")), "{said}");
    }

    #[test]
    fn what_no_listener_can_use_is_named() {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let ended = pass(udp, listener().0, "LISTEN_FDS=2 LISTEN_FDNAMES=smtp:satpost.socket");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(said.contains("complaint: systemd passed a socket 'smtp': it does not listen"), "{said}");
        assert!(said.contains("'satpost.socket': no listener has this name"), "{said}");
    }

    #[test]
    fn variables_that_contradict_are_an_error_and_those_of_others_are_ignored() {
        let said =
            |variables: &str| String::from_utf8_lossy(&pass(listener().0, listener().0, variables).stderr).into_owned();
        for wrong in ["LISTEN_FDS=2 LISTEN_FDNAMES=web", "LISTEN_FDS=x", "LISTEN_FDS=4294967295", "LISTEN_FDS=700"] {
            assert!(said(wrong).contains("error: the sockets that systemd passes cannot be read"), "{wrong}");
        }
        let other = said("LISTEN_FDS=2 LISTEN_FDNAMES=web:smtp LISTEN_PID=1");
        assert!(!other.contains("web=") && !other.contains("error"), "{other}");
    }
}
