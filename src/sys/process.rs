//! Processes: who holds a port or a device, the memory of this one, and children that end with their parent.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::process::{Signal, getppid, set_parent_process_death_signal};

/// A program that holds something this box wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its short name, as `ps` shows it.
    pub name: String,
    /// Number of its process.
    pub pid: u32,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {})", self.name, self.pid)
    }
}

/// Tells this program to end in order, as its operator would.
///
/// # Errors
/// When the system refuses it.
pub fn end_in_order() -> io::Result<()> {
    rustix::process::kill_process(rustix::process::getpid(), Signal::TERM).map_err(Into::into)
}

/// One sentence about a TCP port that could not be listened on: `port 25 is held by exim4 (pid 812)`.
pub fn port_taken(port: u16) -> String {
    match port_holder(port) {
        Some(holder) => format!("port {port} is held by {holder}"),
        None => format!("port {port} is {UNNAMED_PORT}"),
    }
}

/// One sentence about an address, as `[::]:25`, that this program could not listen on. A port below 1024 that another program
/// holds is forbidden before it is found taken.
pub fn port_refused(address: &str, error: &io::Error) -> String {
    let port = address.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0);
    match error.kind() {
        io::ErrorKind::AddrInUse => port_taken(port),
        io::ErrorKind::PermissionDenied if !listeners_of(port).is_empty() => port_taken(port),
        io::ErrorKind::PermissionDenied => {
            format!("port {port} may not be opened by this user: use the systemd sockets, or a port above 1023")
        }
        _ => format!("cannot listen on {address}: {error}"),
    }
}

/// Puts the names of programs into sentences of a box that may not look at other processes: this one may.
pub fn name_holders(words: &str) -> String {
    let mut named = words.to_owned();
    if let Some((before, _)) = words.split_once(UNNAMED_PORT)
        && let Some(port) = before.rsplit(' ').nth(2).and_then(|port| port.parse().ok())
        && let Some(holder) = port_holder(port)
    {
        named = named.replacen(UNNAMED_PORT, &format!("held by {holder}"), 1);
    }
    if let Some((before, after)) = words.split_once(UNNAMED_DEVICE)
        && let Some((device, rest)) = after.split_once(NAMES_IT)
        && let Some(holder) = device_holder(Path::new(device))
    {
        named = format!("{before}held by {holder}: stop that program{rest}");
    }
    named
}

/// What is said of a port whose holder cannot be seen.
const UNNAMED_PORT: &str = "held by another program: 'sudo ss -ltnp' names it";
/// The same of a device, before and behind its path.
const UNNAMED_DEVICE: &str = "held by another program: 'sudo fuser -v ";
const NAMES_IT: &str = "' names it, then stop it";

/// The program that listens on a TCP port of any address. `None` as well when it belongs to somebody else and this
/// process may not look.
pub fn port_holder(port: u16) -> Option<Holder> {
    let wanted: HashSet<PathBuf> = listeners_of(port).iter().map(|inode| format!("socket:[{inode}]").into()).collect();
    if wanted.is_empty() {
        return None;
    }
    find_process(|_, descriptor| fs::read_link(descriptor).is_ok_and(|target| wanted.contains(&target)))
}

/// Another program that has a device (a serial port) open, with the same limit as [`port_holder`].
pub fn device_holder(device: &Path) -> Option<Holder> {
    let wanted = fs::metadata(device).ok()?.rdev();
    // Only a device has a number of its own.
    if wanted == 0 {
        return None;
    }
    // The link is read first: following it could ask a dead network disk.
    find_process(|pid, descriptor| {
        pid != std::process::id()
            && fs::read_link(descriptor).is_ok_and(|target| target.starts_with("/dev"))
            && fs::metadata(descriptor).is_ok_and(|file| file.rdev() == wanted)
            && !is_other_side(descriptor, rustix::fs::minor(wanted))
    })
}

/// True when the process of this descriptor is the other side of the pseudo-terminal of this number: it may keep our side
/// open as well, and reads nothing there.
fn is_other_side(descriptor: &Path, number: u32) -> bool {
    let Some(folder) = descriptor.parent().and_then(Path::parent) else { return false };
    let masters = fs::read_dir(folder.join("fd")).into_iter().flatten().flatten();
    let masters = masters.filter(|entry| fs::read_link(entry.path()).is_ok_and(|target| target.ends_with("ptmx")));
    let index = format!("tty-index:\t{number}");
    masters
        .filter_map(|entry| fs::read_to_string(folder.join("fdinfo").join(entry.file_name())).ok())
        .any(|info| info.lines().any(|line| line == index))
}

/// True when a program of this short name runs.
pub fn is_running(name: &str) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| fs::read_to_string(entry.path().join("comm")).ok())
        .any(|known| known.trim_end() == name)
}

/// Gives the version with the commit it was built from, where that is known: `0.1.0 (1f2e3d4c5b)`.
pub fn version() -> String {
    match env!("SATPOST_COMMIT") {
        "" => env!("CARGO_PKG_VERSION").to_owned(),
        commit => format!("{} ({commit})", env!("CARGO_PKG_VERSION")),
    }
}

/// Resident memory of this process in bytes; `None` where /proc is not there.
pub fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix("kB")?;
    kib.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Lets this process get SIGTERM when the thread that started it ends. A child calls it first, with the process id that
/// its parent gave it on the command line.
///
/// # Errors
/// When that parent is gone already: the child has to end by itself.
pub fn end_with_parent(parent: u32) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::TERM))?;
    // Only now: a parent that ended before the line above sends nothing.
    let now = getppid().map_or(0, |pid| pid.as_raw_nonzero().get().unsigned_abs());
    if now == parent { Ok(()) } else { Err(io::Error::other(format!("the parent, process {parent}, is gone"))) }
}

/// Inodes of the sockets that listen on `port`.
fn listeners_of(port: u16) -> HashSet<u64> {
    ["/proc/self/net/tcp", "/proc/self/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening_inodes(&table, port))
        .collect()
}

/// Inodes of the sockets that listen on `port`, from a table in the format of proc_net_tcp of the Linux kernel.
fn listening_inodes(table: &str, port: u16) -> Vec<u64> {
    const LISTEN: &str = "0A";
    let local = format!(":{port:04X}");
    table
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            match fields.as_slice() {
                [_, address, _, LISTEN, _, _, _, _, _, inode, ..] if address.ends_with(&local) => inode.parse().ok(),
                _ => None,
            }
        })
        .collect()
}

/// The first process with an open file, given as its path below /proc, that `matches`.
fn find_process(matches: impl Fn(u32, &Path) -> bool) -> Option<Holder> {
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path()))).find_map(
        |(pid, folder): (u32, PathBuf)| {
            let mut open = fs::read_dir(folder.join("fd")).ok()?.flatten();
            open.any(|descriptor| matches(pid, &descriptor.path())).then(|| Holder { name: name_of(&folder), pid })
        },
    )
}

fn name_of(folder: &Path) -> String {
    fs::read_to_string(folder.join("comm")).map_or_else(|_| "a program".to_owned(), |name| name.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_port_names_its_holder() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let holder = port_holder(port).unwrap();
        assert_eq!(holder.pid, std::process::id());
        assert_eq!(port_taken(port), format!("port {port} is held by {} (pid {})", holder.name, holder.pid));
        let unnamed = format!("port {port} is {UNNAMED_PORT}; stop that program");
        assert_eq!(name_holders(&unnamed), format!("{}; stop that program", port_taken(port)));
        drop(listener);
        assert_eq!(port_holder(port), None);
        assert_eq!(name_holders(&unnamed), unnamed, "nobody is there");
    }

    #[test]
    fn kernel_tables_are_read_with_any_port_in_them() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 00000000:0019 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0\n\
             1: 0100007F:0019 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0\n\
             2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 x 1 0 100 0\n\
             short line\n";
        assert_eq!(listening_inodes(table, 25), [4711]);
        assert!(listening_inodes(table, 80).is_empty());
        assert!(listening_inodes("", 25).is_empty());
    }

    #[test]
    fn a_device_names_its_holder_but_never_ourselves() {
        use rustix::pty::OpenptFlags;
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let peer = rustix::pty::openpt(flags | OpenptFlags::CLOEXEC).unwrap();
        rustix::pty::grantpt(&peer).unwrap();
        rustix::pty::unlockpt(&peer).unwrap();
        let name = rustix::pty::ptsname(&peer, Vec::new()).unwrap().into_string().unwrap();
        let tty = fs::File::options().read(true).write(true).open(&name).unwrap();
        assert_eq!(device_holder(Path::new(&name)), None);
        let mut child = Command::new("sleep").arg("60").stdin(Stdio::from(tty)).spawn().unwrap();
        let holder = device_holder(Path::new(&name));
        child.kill().unwrap();
        child.wait().unwrap();
        let unnamed = format!("{name} is held by another program: 'sudo fuser -v {name}' names it, then stop it");
        assert_eq!(name_holders(&unnamed), unnamed, "nobody is there");
        assert_eq!(holder.map(|holder| holder.pid), Some(child.id()));

        // The program at the other side of a pseudo-terminal keeps it open, and reads nothing there.
        rustix::io::fcntl_setfd(&peer, rustix::io::FdFlags::empty()).unwrap();
        let tty = fs::File::options().read(true).write(true).open(&name).unwrap();
        let mut other_side = Command::new("sleep").arg("60").stdin(Stdio::from(tty)).spawn().unwrap();
        let holder = device_holder(Path::new(&name));
        other_side.kill().unwrap();
        other_side.wait().unwrap();
        assert_eq!(holder, None);
        assert_eq!(device_holder(Path::new("/dev/there-is-no-such-port")), None);
        assert!(!is_running("no-such-program"));
    }

    #[test]
    fn own_weight_is_between_a_page_and_a_gigabyte() {
        let bytes = resident_bytes().unwrap();
        assert!((4096..1 << 30).contains(&bytes), "{bytes}");
    }

    /// Not a test of its own: a child that should end with its parent, which is `$PARENT`.
    #[test]
    #[ignore = "run by another test"]
    fn child() {
        let parent = std::env::var("PARENT").unwrap().parse().unwrap();
        match end_with_parent(parent) {
            Ok(()) => {
                eprintln!("bound");
                crate::clock::sleep(Duration::from_secs(60));
                eprintln!("survived");
            }
            Err(why) => eprintln!("refused: {why}"),
        }
    }

    /// Runs [`child`] below a shell that ends once the child wrote its first word, and returns all that the child says.
    fn orphan(parent: &str) -> String {
        let script = format!(
            "export PARENT={parent}; \"$@\" >/dev/null 2>\"$LOG\" & \
             while kill -0 $! 2>/dev/null && ! grep -qE 'bound$|gone$' \"$LOG\"; do sleep 0.02; done; echo $!"
        );
        let log = std::env::temp_dir().join(format!("satpost-orphan-{}-{}", parent.len(), std::process::id()));
        let ended = Command::new("sh")
            .args(["-c", &script, "sh"])
            .arg(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "sys::process::tests::child"])
            .env("LOG", &log)
            .output()
            .unwrap();
        let said = fs::read_to_string(&log).unwrap();
        fs::remove_file(&log).unwrap();
        let pid = String::from_utf8_lossy(&ended.stdout).trim().to_owned();
        for _ in 0..500 {
            // A process that ended and was not yet waited for has an empty command line.
            if fs::read(format!("/proc/{pid}/cmdline")).map_or(true, |line| line.is_empty()) {
                return said;
            }
            crate::clock::sleep(Duration::from_millis(10));
        }
        panic!("process {pid} outlives its parent: {said}");
    }

    #[test]
    fn an_orphan_ends_at_once() {
        assert!(orphan("$$").contains("bound"));
        assert!(orphan("1").contains("refused: the parent, process 1, is gone"));
    }
}
