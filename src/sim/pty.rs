//! The serial port: a pseudo-terminal behind a symbolic link with a name that lasts.
//!
//! A real port is made anew when its last user closes it: unread bytes and the exclusive mode (`TIOCEXCL`) end with it.
//! A pseudo-terminal keeps both as long as its other side lives, so this one keeps a descriptor of its own on the
//! host's side, notices with inotify when hosts come and go, and clears up after the last one. (inotify merges two
//! openings in a row that nobody has read yet; hosts that open the port within the same instant count as one.)

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    OptionalActions, QueueSelector, Termios, ioctl_tiocexcl, ioctl_tiocnxcl, tcflush, tcgetattr, tcsetattr,
};
use smol::Async;
use smol::future::or;

/// The port of one modem, plugged in or not.
#[derive(Debug)]
pub(in crate::sim) struct Port {
    /// The symbolic link that the host opens.
    link: PathBuf,
    plugged: Option<Plugged>,
}

#[derive(Debug)]
struct Plugged {
    master: Async<File>,
    /// Our own descriptor of the host's side.
    keeper: OwnedFd,
    /// The raw mode that each host finds.
    raw: Termios,
    /// Tells when hosts open and close their side.
    watch: Async<OwnedFd>,
    slave: PathBuf,
    /// Descriptors that hosts have open.
    hosts: u32,
    /// Held by us as by another program.
    locked: bool,
}

impl Port {
    /// A port that is plugged in.
    ///
    /// # Errors
    /// When no pseudo-terminal can be had or something else than a link stands in the way.
    pub(in crate::sim) fn new(link: &Path) -> io::Result<Self> {
        let mut port = Self { link: link.to_owned(), plugged: None };
        port.plug()?;
        Ok(port)
    }

    /// Makes a new pseudo-terminal, then moves the link to it in one step.
    ///
    /// # Errors
    /// As for [`Port::new`], and when it is plugged in already.
    pub(in crate::sim) fn plug(&mut self) -> io::Result<()> {
        if self.plugged.is_some() {
            return Err(io::Error::other("it is plugged in"));
        }
        if fs::symlink_metadata(&self.link).is_ok_and(|found| !found.is_symlink()) {
            let why = format!("{} exists and is not a symbolic link: choose another --port", self.link.display());
            return Err(io::Error::new(ErrorKind::AlreadyExists, why));
        }
        let plugged = Plugged::new()?;
        let fresh = beside(&self.link, &format!("new{}", std::process::id()));
        remove(&fresh)?;
        std::os::unix::fs::symlink(&plugged.slave, &fresh)?;
        fs::rename(&fresh, &self.link)?;
        self.plugged = Some(plugged);
        Ok(())
    }

    /// Pulls the plug: the link vanishes, and a host that has the port open gets an error or end of file.
    ///
    /// # Errors
    /// When it is not plugged in.
    pub(in crate::sim) fn unplug(&mut self) -> io::Result<()> {
        let plugged = self.plugged.take().ok_or_else(|| io::Error::other("it is not plugged in"))?;
        // The link may belong to another simulator by now.
        if fs::read_link(&self.link).is_ok_and(|target| target == plugged.slave) {
            remove(&self.link)?;
        }
        Ok(())
    }

    /// Holds the port as another program would, or lets it go.
    ///
    /// # Errors
    /// When it is not plugged in, or a host holds the lock.
    pub(in crate::sim) fn lock(&mut self, on: bool) -> io::Result<()> {
        let plugged = self.plugged.as_mut().ok_or_else(|| io::Error::other("it is not plugged in"))?;
        if on {
            flock(&plugged.keeper, FlockOperation::NonBlockingLockExclusive)
                .map_err(|error| io::Error::other(format!("the host holds the port: {error}")))?;
            ioctl_tiocexcl(&plugged.keeper)?;
        } else {
            flock(&plugged.keeper, FlockOperation::Unlock)?;
            ioctl_tiocnxcl(&plugged.keeper)?;
        }
        plugged.locked = on;
        Ok(())
    }

    /// Reads what the host has sent; empty when there is nothing.
    pub(in crate::sim) fn read(&mut self) -> Vec<u8> {
        let Some(plugged) = &mut self.plugged else {
            return Vec::new();
        };
        plugged.count_hosts();
        let mut buffer = [0; 4096];
        // "Nothing there" is the only failure while the keeper is open.
        let count = plugged.master.get_ref().read(&mut buffer).unwrap_or(0);
        buffer[..count].to_vec()
    }

    /// Sends bytes to the host. A serial line does not wait: what nobody takes is lost.
    pub(in crate::sim) fn write(&mut self, bytes: &[u8]) {
        if let Some(plugged) = &mut self.plugged
            && plugged.hosts > 0
            && !plugged.locked
        {
            let written = plugged.master.get_ref().write(bytes).unwrap_or(0);
            if written < bytes.len() {
                log::debug!("modem: {} bytes to the host were lost", bytes.len() - written);
            }
        }
    }

    /// Returns once a host has sent something, came or went.
    pub(in crate::sim) async fn ready(&self) {
        match &self.plugged {
            None => std::future::pending().await,
            // An error of the poll shows at the next read.
            Some(plugged) => drop(or(plugged.master.readable(), plugged.watch.readable()).await),
        }
    }

    /// For the status.
    pub(in crate::sim) fn words(&self) -> &'static str {
        match &self.plugged {
            None => "unplugged",
            Some(Plugged { locked: true, .. }) => "locked",
            Some(Plugged { hosts: 0, .. }) => "closed",
            Some(_) => "open",
        }
    }
}

impl Plugged {
    /// A pseudo-terminal that is raw before anybody can open it.
    fn new() -> io::Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let slave = PathBuf::from(OsStr::from_bytes(ptsname(&master, Vec::new())?.as_bytes()));
        let flags = OFlags::NOCTTY.bits().cast_signed();
        let keeper = OwnedFd::from(OpenOptions::new().read(true).write(true).custom_flags(flags).open(&slave)?);
        let mut raw = tcgetattr(&keeper)?;
        raw.make_raw();
        tcsetattr(&keeper, OptionalActions::Now, &raw)?;
        let watch = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        inotify::add_watch(&watch, &slave, WatchFlags::OPEN | WatchFlags::CLOSE)?;
        let (master, watch) = (Async::new(File::from(master))?, Async::new(watch)?);
        Ok(Self { master, keeper, raw, watch, slave, hosts: 0, locked: false })
    }

    /// Follows who opened and closed the port, and clears up after the last one.
    fn count_hosts(&mut self) {
        let mut buffer = [MaybeUninit::uninit(); 1024];
        let mut events = inotify::Reader::new(self.watch.get_ref(), &mut buffer);
        // Ends with "nothing there".
        while let Ok(event) = events.next() {
            if event.events().contains(ReadFlags::OPEN) {
                self.hosts += 1;
            } else if event.events().intersects(ReadFlags::CLOSE_WRITE | ReadFlags::CLOSE_NOWRITE) {
                self.hosts = self.hosts.saturating_sub(1);
                if self.hosts == 0 && !self.locked {
                    // None of them fails on a terminal that we hold open.
                    let _ = ioctl_tiocnxcl(&self.keeper);
                    let _ = tcsetattr(&self.keeper, OptionalActions::Now, &self.raw);
                    let _ = tcflush(&self.keeper, QueueSelector::IFlush);
                }
            }
        }
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // Unplugging what is not plugged in is no failure here.
        let _ = self.unplug();
    }
}

/// Removes a file that may not be there.
pub(in crate::sim) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The same path with a dot and this word at its end.
pub(in crate::sim) fn beside(path: &Path, word: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(word);
    name.into()
}
