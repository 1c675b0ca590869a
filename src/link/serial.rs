//! Serial ports: found by the ids of their USB adapters or by name, opened for us alone, never waited for without end.
//!
//! A port that is gone is told from one that is silent: end of file and every error but "nothing there now" mean gone.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::termios::{OptionalActions, QueueSelector};
use smol::channel::Receiver;

use crate::back_off::BackOff;
use crate::message::reason::{DeviceReason, Obstacle};
use crate::settings::{Key, Settings, row};
use crate::sys::{ports, process, sleep};

/// The link that `udev` makes to a modem that was pinned to one adapter.
const PINNED: &str = "/dev/satpost-modem";

/// USB adapters seen on satellite boards: vendor, products, name. Thousands of other gadgets carry the same ids, so
/// whatever is found has to be asked who it is.
const ADAPTERS: &[(u16, &[u16], &str)] = &[
    (0x1a86, &[0x7523, 0x7522, 0x55d4, 0x5523], "CH340"),
    (0x10c4, &[0xea60, 0xea70], "CP210x"),
    (0x0403, &[0x6001, 0x6010, 0x6011, 0x6014, 0x6015], "FTDI"),
    (0x067b, &[0x2303, 0x23a3], "PL2303"),
];

/// The ports worth asking: the one named in the settings, or the pinned one, or all with a known USB adapter.
pub fn candidates(named: &str) -> Vec<PathBuf> {
    if !named.is_empty() {
        return vec![PathBuf::from(named)];
    }
    if Path::new(PINNED).exists() {
        return vec![PathBuf::from(PINNED)];
    }
    known(ports::list()).map(|port| PathBuf::from(port.path)).collect()
}

/// The ports that may be asked what is there: none but the pinned one, if there is that.
pub fn askable() -> Vec<ports::Port> {
    let pinned = Path::new(PINNED).canonicalize().ok();
    let may = |port: &ports::Port| pinned.is_none() || Path::new(&port.path).canonicalize().ok() == pinned;
    known(ports::list()).filter(may).collect()
}

/// The ports with a known USB adapter, in their order.
fn known(ports: Vec<ports::Port>) -> impl Iterator<Item = ports::Port> {
    ports.into_iter().filter(|port| port.usb.is_some_and(|(vendor, product)| adapter(vendor, product).is_some()))
}

/// Name of a known USB adapter.
pub fn adapter(vendor: u16, product: u16) -> Option<&'static str> {
    let row = ADAPTERS.iter().find(|(id, products, _)| *id == vendor && products.contains(&product))?;
    Some(row.2)
}

/// Whether a port can be opened on which a modem may be: the one that the setting `named` names, or those that are worth
/// asking. Whether a modem answers is known once the box runs.
///
/// # Errors
/// What is in the way, in sentences for who sets it up.
pub fn check(settings: &Settings, named: Key, baud: u32) -> Result<String, Vec<String>> {
    let ports = candidates(settings.text(named).trim());
    if ports.is_empty() {
        let setting = row(named).name;
        return Err(vec![format!("no serial port is there: plug the modem in, or name its port in {setting}")]);
    }
    let (mut usable, mut wrong) = (Vec::new(), Vec::new());
    for port in &ports {
        match Port::open(port, baud) {
            Ok(_) => usable.push(port.display().to_string()),
            Err(why) => wrong.push(DeviceReason::from(why).to_string()),
        }
    }
    match usable.is_empty() {
        true => Err(wrong),
        false => Ok(format!("{} can be opened; whether a modem answers shows once the box runs", usable.join(", "))),
    }
}

/// A port that is asked at present what it is.
static ASKED: Mutex<Option<PathBuf>> = Mutex::new(None);

/// While it lives, whoever else of this box wants to open the port hears that it is asked what it is.
pub struct Asked;

impl Asked {
    /// Says that this port is asked.
    pub fn new(path: &Path) -> Self {
        *ASKED.lock().unwrap_or_else(PoisonError::into_inner) = path.canonicalize().ok();
        Self
    }

    fn is(path: &Path) -> bool {
        let asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
        asked.is_some() && *asked == path.canonicalize().ok()
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        *ASKED.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The port has gone: unplugged, hung up, or its other side ended. The text is the system's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone(pub String);

/// How a write ended that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unwritten {
    /// The port was closed by the system, as when it is unplugged.
    Gone(Gone),
    /// The port took no more bytes within the limit.
    Stalled,
}

/// An open port, held by nobody else.
pub struct Port {
    io: File,
    path: PathBuf,
}

impl Port {
    /// Opens a port for us alone: 8 data bits, no parity, 1 stop bit, no flow control, never blocking.
    ///
    /// # Errors
    /// [`Unopened`], which says what is in the way and what to do.
    pub fn open(path: &Path, baud: u32) -> Result<Self, Unopened> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| refusal(path, &errno.into()))?;
        if let Err(errno) = rustix::fs::flock(&fd, FlockOperation::NonBlockingLockExclusive) {
            return Err(refusal(path, &errno.into()));
        }
        set_up(&fd, path, baud).map_err(|why| refusal(path, &why))?;
        Self::over(fd, path).map_err(|why| refusal(path, &why))
    }

    /// A port over any descriptor that reads and writes bytes.
    ///
    /// # Errors
    /// When the descriptor cannot be made non-blocking.
    pub fn over(fd: OwnedFd, path: &Path) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&fd, true)?;
        Ok(Self { io: File::from(fd), path: path.to_owned() })
    }

    /// The path it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads what is there now; 0 when that is nothing.
    ///
    /// # Errors
    /// When the port has gone.
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize, Gone> {
        match (&self.io).read(buffer) {
            Ok(0) => Err(Gone("end of file".to_owned())),
            Ok(count) => Ok(count),
            Err(why) if is_nothing_now(&why) => Ok(0),
            Err(why) => Err(Gone(why.to_string())),
        }
    }

    /// Writes all bytes, or says why not, by `until`.
    ///
    /// # Errors
    /// [`Unwritten`].
    pub fn write_all(&self, mut bytes: &[u8], until: Instant) -> Result<(), Unwritten> {
        while !bytes.is_empty() {
            match (&self.io).write(bytes) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(why) if is_nothing_now(&why) => self.wait_writable(until)?,
                Err(why) => return Err(Unwritten::Gone(Gone(why.to_string()))),
            }
        }
        Ok(())
    }

    /// Sleeps until there may be something to read, the port has gone, or `until`.
    pub fn wait_readable(&self, until: Instant) {
        sleep::until_readable(&self.io, until);
    }

    /// Throws away what the system still holds of both directions.
    pub fn flush(&self) {
        // sockets have no such queue; a port that has gone is found out at the next read
        let _ = rustix::termios::tcflush(&self.io, QueueSelector::IOFlush);
    }

    /// Has the control lines stay as they are when the port is closed.
    ///
    /// # Errors
    /// What the system says.
    pub fn keep_lines(&self) -> io::Result<()> {
        let mut line = rustix::termios::tcgetattr(&self.io)?;
        line.control_modes -= rustix::termios::ControlModes::HUPCL;
        rustix::termios::tcsetattr(&self.io, OptionalActions::Now, &line)?;
        Ok(())
    }

    fn wait_writable(&self, until: Instant) -> Result<(), Unwritten> {
        if Instant::now() >= until {
            return Err(Unwritten::Stalled);
        }
        sleep::until_writable(&self.io, until);
        Ok(())
    }
}

impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

/// Sleeps until `wake` has an item (which is taken) or is closed, the port has something to say or is gone, or
/// `until`. True in the first case.
pub fn wait(port: Option<&Port>, wake: &Receiver<()>, until: Instant) -> bool {
    sleep::until_ready(wake.recv(), port.map(|port| port.io.as_fd()), until).is_some()
}

/// The same for a port that another thread reads, which rings `news`.
pub fn wait_for_news(news: &Receiver<()>, wake: &Receiver<()>, until: Instant) -> bool {
    let woken = async {
        let _ = wake.recv().await;
        true
    };
    // The thread may have ended: what it left is looked at like any other news.
    let heard = async {
        let _ = news.recv().await;
        false
    };
    sleep::until_ready(smol::future::or(woken, heard), None, until).unwrap_or(false)
}

fn is_nothing_now(why: &io::Error) -> bool {
    matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn set_up(fd: &OwnedFd, path: &Path, baud: u32) -> io::Result<()> {
    let mut line = rustix::termios::tcgetattr(fd)?;
    line.make_raw();
    line.control_modes |= rustix::termios::ControlModes::CLOCAL | rustix::termios::ControlModes::CREAD;
    line.control_modes -= rustix::termios::ControlModes::CSTOPB | rustix::termios::ControlModes::CRTSCTS;
    line.special_codes[rustix::termios::SpecialCodeIndex::VMIN] = 1;
    line.special_codes[rustix::termios::SpecialCodeIndex::VTIME] = 0;
    line.set_speed(baud)?;
    rustix::termios::tcsetattr(fd, OptionalActions::Now, &line)?;
    // On a pseudo-terminal this mark would outlive us for as long as its other side lives; the lock suffices there.
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if !real.starts_with("/dev/pts") {
        rustix::termios::ioctl_tiocexcl(fd)?;
    }
    Ok(())
}

/// Why a port cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unopened {
    /// Path of the serial port, such as `/dev/ttyUSB0`.
    pub path: PathBuf,
    /// Why it cannot be opened.
    pub obstacle: Obstacle,
}

impl From<Unopened> for DeviceReason {
    fn from(unopened: Unopened) -> Self {
        Self::Unopened { port: unopened.path.display().to_string(), obstacle: unopened.obstacle }
    }
}

/// What a failed open means.
fn refusal(path: &Path, why: &io::Error) -> Unopened {
    let obstacle = match why.kind() {
        ErrorKind::NotFound => Obstacle::Missing,
        ErrorKind::PermissionDenied => Obstacle::Forbidden,
        ErrorKind::ResourceBusy | ErrorKind::WouldBlock if Asked::is(path) => Obstacle::Asked,
        ErrorKind::ResourceBusy | ErrorKind::WouldBlock => {
            Obstacle::Held(process::device_holder(path).map(|holder| holder.to_string()))
        }
        _ if why.raw_os_error() == Some(rustix::io::Errno::NOTTY.raw_os_error()) => Obstacle::NotSerial,
        // A folder, a socket.
        _ if path.metadata().is_ok_and(|it| !it.file_type().is_char_device()) => Obstacle::NotSerial,
        _ => Obstacle::Other(why.to_string()),
    };
    Unopened { path: path.to_owned(), obstacle }
}

/// How long to wait before a port is looked for again: every second at first, later every two.
pub fn next_look(tries: u32) -> Duration {
    BackOff::doubling(Duration::from_secs(1), Duration::from_secs(2)).wait(1 + tries / 10)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A pseudo-terminal: our end, and the path of the other.
    pub fn terminal() -> (OwnedFd, PathBuf) {
        use rustix::pty::OpenptFlags;
        // a child must not be taken for the other side of the terminal
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = rustix::pty::openpt(flags).unwrap();
        rustix::pty::grantpt(&master).unwrap();
        rustix::pty::unlockpt(&master).unwrap();
        let name = rustix::pty::ptsname(&master, Vec::new()).unwrap();
        (master, PathBuf::from(name.to_str().unwrap()))
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(300)
    }

    #[test]
    fn a_port_is_read_written_and_gone_when_the_other_side_ends() {
        let (master, path) = terminal();
        let port = Port::open(&path, 115_200).unwrap();
        assert_eq!(port.read(&mut [0; 8]), Ok(0));
        port.write_all(b"$CS*10\n", soon()).unwrap();
        let mut master = File::from(master);
        let mut buffer = [0; 16];
        assert_eq!(master.read(&mut buffer).unwrap(), 7);
        master.write_all(b"\n\r\x03ok").unwrap();
        port.wait_readable(soon());
        assert_eq!(port.read(&mut buffer), Ok(5));
        assert_eq!(&buffer[..5], b"\n\r\x03ok");
        drop(master);
        port.wait_readable(soon());
        assert!(port.read(&mut buffer).is_err());
    }

    #[test]
    fn a_stalled_peer_does_not_hold_a_write() {
        let (_master, path) = terminal();
        let port = Port::open(&path, 115_200).unwrap();
        let begun = Instant::now();
        assert_eq!(port.write_all(&vec![b'x'; 1 << 20], soon()), Err(Unwritten::Stalled));
        assert!(begun.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn refusals_say_what_to_do() {
        let refused = |path: &Path| Port::open(path, 115_200).map(drop).unwrap_err();
        let said = |path: &Path| DeviceReason::from(refused(path)).to_string();
        assert!(said(Path::new("/dev/no-such-port")).contains("plug the modem in"));
        let folder = testing::Folder::new();
        let _socket = std::os::unix::net::UnixListener::bind(folder.path("socket")).unwrap();
        for other in [Path::new("/dev/null"), &folder, &folder.path("socket")] {
            assert!(said(other).contains("not a serial port"), "{}", said(other));
        }
        let (_master, path) = terminal();
        let _first = Port::open(&path, 115_200).unwrap();
        assert!(said(&path).contains("is held by another program"));
    }

    #[test]
    fn a_wait_ends_for_the_engine_the_port_or_the_clock() {
        let (master, path) = terminal();
        let port = Port::open(&path, 115_200).unwrap();
        let (sender, wake) = smol::channel::bounded(1);
        assert!(!wait(Some(&port), &wake, Instant::now() + Duration::from_millis(30)));
        let far = Instant::now() + Duration::from_secs(20);
        rustix::io::write(&master, b"x").unwrap();
        assert!(!wait(Some(&port), &wake, far));
        assert_eq!(port.read(&mut [0; 8]), Ok(1));
        for port in [Some(&port), None] {
            let ringer = sender.clone();
            let thread = std::thread::spawn(move || {
                crate::clock::sleep(Duration::from_millis(30));
                ringer.send_blocking(()).unwrap();
            });
            assert!(wait(port, &wake, far));
            thread.join().unwrap();
            assert!(wake.is_empty());
        }
        drop(sender);
        assert!(wait(None, &wake, far));
        assert!(Instant::now() < far);
    }

    #[test]
    fn only_known_adapters_are_asked() {
        let port = |path: &str, usb| ports::Port { path: path.to_owned(), stable: None, about: String::new(), usb };
        let ports = vec![
            port("/dev/ttyACM0", Some((0x2341, 0x0043))),
            port("/dev/ttyUSB0", Some((0x0403, 0x6015))),
            port("/dev/ttyUSB1", Some((0x1a86, 0x7523))),
            port("/dev/ttyUSB2", None),
        ];
        let paths: Vec<_> = known(ports).map(|port| port.path).collect();
        assert_eq!(paths, ["/dev/ttyUSB0", "/dev/ttyUSB1"]);
    }

    #[test]
    fn candidates_are_named_or_known() {
        assert_eq!(candidates("/dev/ttyS7"), [PathBuf::from("/dev/ttyS7")]);
        assert_eq!(adapter(0x1a86, 0x7523), Some("CH340"));
        assert_eq!(adapter(0x2341, 0x0043), None);
    }
}
