//! The serial port: a pseudo-terminal behind a symbolic link with a name that lasts.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, QueueSelector, ioctl_tiocexcl, tcflush, tcgetattr, tcsetattr};
use smol::Async;

use super::memory::beside;

/// The port of one modem, plugged in or not.
#[derive(Debug)]
pub(super) struct Port {
    /// The symbolic link that the host opens.
    link: PathBuf,
    plugged: Option<Plugged>,
}

#[derive(Debug)]
struct Plugged {
    master: Async<fs::File>,
    slave: PathBuf,
    /// Another program that holds the port, with an exclusive lock.
    thief: Option<OwnedFd>,
    /// Somebody has the port open.
    open: bool,
}

impl Port {
    /// A port that is plugged in.
    ///
    /// # Errors
    /// When no pseudo-terminal can be had or something else than a link stands in the way.
    pub(super) fn new(link: &Path) -> io::Result<Self> {
        let mut port = Self { link: link.to_owned(), plugged: None };
        port.plug()?;
        Ok(port)
    }

    /// Makes a new pseudo-terminal, raw before anybody can open it, then moves the link to it in one step.
    ///
    /// # Errors
    /// As for [`Port::new`], and when it is plugged in already.
    pub(super) fn plug(&mut self) -> io::Result<()> {
        if self.plugged.is_some() {
            return Err(io::Error::other("it is plugged in"));
        }
        if fs::symlink_metadata(&self.link).is_ok_and(|found| !found.is_symlink()) {
            let why = format!("{} exists and is not a symbolic link: choose another --port", self.link.display());
            return Err(io::Error::new(ErrorKind::AlreadyExists, why));
        }
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let slave = PathBuf::from(OsStr::from_bytes(ptsname(&master, Vec::new())?.as_bytes()));
        // Opened once and closed: from now on reading the master says whether a host is there.
        let first = open_slave(&slave)?;
        let mut mode = tcgetattr(&first)?;
        mode.make_raw();
        tcsetattr(&first, OptionalActions::Now, &mode)?;
        drop(first);
        let fresh = beside(&self.link, &format!("new{}", std::process::id()));
        remove(&fresh)?;
        std::os::unix::fs::symlink(&slave, &fresh)?;
        fs::rename(&fresh, &self.link)?;
        self.plugged = Some(Plugged { master: Async::new(fs::File::from(master))?, slave, thief: None, open: false });
        Ok(())
    }

    /// Pulls the plug: the link vanishes, and a host that has the port open gets an error or end of file.
    ///
    /// # Errors
    /// When it is not plugged in.
    pub(super) fn unplug(&mut self) -> io::Result<()> {
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
    /// When it is not plugged in, or the host holds the lock.
    pub(super) fn steal(&mut self, on: bool) -> io::Result<()> {
        let plugged = self.plugged.as_mut().ok_or_else(|| io::Error::other("it is not plugged in"))?;
        if !on {
            plugged.thief = None;
        } else if plugged.thief.is_none() {
            let thief = open_slave(&plugged.slave)?;
            flock(&thief, FlockOperation::NonBlockingLockExclusive)
                .map_err(|error| io::Error::other(format!("the host holds the port: {error}")))?;
            ioctl_tiocexcl(&thief)?;
            plugged.thief = Some(thief);
        }
        Ok(())
    }

    /// Reads what the host has sent; empty when there is nothing. Notices whether a host is there at all.
    pub(super) fn read(&mut self) -> Vec<u8> {
        let Some(plugged) = &mut self.plugged else {
            return Vec::new();
        };
        let mut buffer = [0; 4096];
        let (open, bytes) = match plugged.master.get_ref().read(&mut buffer) {
            Ok(count) => (true, buffer[..count].to_vec()),
            // Nobody has the other side open.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => (false, Vec::new()),
            Err(_) => (true, Vec::new()),
        };
        if !open {
            plugged.forget_output();
        }
        plugged.open = open;
        bytes
    }

    /// Sends bytes to the host. A serial line does not wait: what nobody takes is lost.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        if let Some(plugged) = &mut self.plugged
            && plugged.open
        {
            if plugged.thief.is_some() {
                // The thief reads it.
                return;
            }
            let written = plugged.master.get_ref().write(bytes).unwrap_or(0);
            if written < bytes.len() {
                log::debug!("modem: {} bytes to the host were lost", bytes.len() - written);
            }
        }
    }

    /// Returns once the host has sent something; never while nobody has the port open.
    pub(super) async fn readable(&self) {
        match &self.plugged {
            Some(plugged) if plugged.open => drop(plugged.master.readable().await),
            _ => std::future::pending().await,
        }
    }

    /// Plugged in, though nobody has it open: look again soon, as nothing tells when somebody opens it.
    pub(super) fn waits_for_host(&self) -> bool {
        self.plugged.as_ref().is_some_and(|plugged| !plugged.open)
    }

    /// For the status.
    pub(super) fn words(&self) -> &'static str {
        match &self.plugged {
            None => "unplugged",
            Some(Plugged { thief: Some(_), .. }) => "stolen",
            Some(Plugged { open: true, .. }) => "open",
            Some(_) => "closed",
        }
    }
}

impl Plugged {
    /// A closed port keeps nothing for the next program that opens it.
    fn forget_output(&self) {
        // Fails only for a terminal that is gone, and then nothing is left to forget.
        let _ = tcflush(self.master.get_ref(), QueueSelector::OFlush);
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // Unplugging what is not plugged in is no failure here.
        let _ = self.unplug();
    }
}

fn open_slave(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::NOCTTY.bits().cast_signed();
    OpenOptions::new().read(true).write(true).custom_flags(flags).open(path).map(OwnedFd::from)
}

/// Removes a file that may not be there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
