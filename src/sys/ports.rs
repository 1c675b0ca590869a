//! Serial ports of this machine, as the kernel lists them, and programs that are known to take such ports away.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use serde::Serialize;

use super::process;

/// A serial port somebody may have plugged a modem into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Port {
    /// Path of the device, such as `/dev/ttyUSB0`.
    pub path: String,
    /// A name for it that survives unplugging, if udev made one.
    pub stable: Option<String>,
    /// Maker and product of the USB adapter.
    pub about: String,
    /// Its USB ids: vendor and product.
    pub usb: Option<(u16, u16)>,
}

impl Port {
    /// Gives the name to write down: the one that survives unplugging, if there is one.
    pub fn name(&self) -> &str {
        self.stable.as_deref().unwrap_or(&self.path)
    }
}

/// The environment variable with a folder that stands for `/`: what `dev` and `sys` in it hold is what is plugged in. For
/// tests.
const ROOT: &str = "SATPOST_DEVICES";

/// Most characters of each thing that an adapter says of itself, and none that controls a terminal.
const ABOUT: usize = 40;

/// Programs that open each new serial port, by the names of their units.
const TAKERS: [(&str, Taker); 3] =
    [("brltty.service", BRLTTY), ("brltty-udev.service", BRLTTY), ("ModemManager.service", MODEM_MANAGER)];
const BRLTTY: Taker = Taker {
    name: "brltty",
    cure: "it drives braille displays; where there is none: 'sudo apt remove brltty', then plug the modem in again",
};
const MODEM_MANAGER: Taker = Taker {
    name: "ModemManager",
    cure: "it looks for phone modems; where there is none: 'sudo systemctl disable --now ModemManager'; else see that \
           61-satpost.rules is in /etc/udev/rules.d or /usr/lib/udev/rules.d, and plug the modem in again",
};

/// A program that takes serial ports away from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taker {
    /// Name of its process.
    pub name: &'static str,
    /// What to do about it.
    pub cure: &'static str,
}

fn root() -> PathBuf {
    std::env::var_os(ROOT).map_or_else(|| PathBuf::from("/"), PathBuf::from)
}

/// Lists the USB serial ports, in the order of their names.
pub fn list() -> Vec<Port> {
    let root = root();
    found(&root.join("sys/class/tty"), &root.join("dev"))
}

/// Lists the programs that run here and take serial ports away. Found by their units too, which a box sees that may not look
/// at other processes.
pub fn takers() -> Vec<Taker> {
    let units = root().join("sys/fs/cgroup/system.slice");
    let runs = TAKERS.iter().filter(|(unit, taker)| units.join(unit).is_dir() || process::is_running(taker.name));
    let mut takers: Vec<_> = runs.map(|(_, taker)| *taker).collect();
    takers.dedup();
    takers
}

/// Tells whether brltty runs here, which has the kernel take adapters away that modems use.
pub fn brltty_runs() -> bool {
    takers().contains(&BRLTTY)
}

/// Tells when a device comes or goes, without a look in between.
pub struct Arrivals(OwnedFd);

impl Arrivals {
    /// Watches the folder of the devices.
    ///
    /// # Errors
    /// When the system has no watch to give, or there is no such folder.
    pub fn watch() -> io::Result<Self> {
        let watch = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        inotify::add_watch(&watch, root().join("dev"), WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVE)?;
        Ok(Self(watch))
    }

    /// Becomes readable when something came or went; see [`Arrivals::clear`].
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Forgets what came and went so far.
    pub fn clear(&self) {
        let mut buffer = [0; 4096];
        // Ends with "nothing there".
        while rustix::io::read(&self.0, &mut buffer).is_ok_and(|count| count > 0) {}
    }
}

fn found(class: &Path, dev: &Path) -> Vec<Port> {
    let names = fs::read_dir(class).into_iter().flatten().filter_map(Result::ok);
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let usb = |name: &String| name.starts_with("ttyUSB") || name.starts_with("ttyACM");
    let mut ports: Vec<_> = names.filter(usb).map(|name| describe(class, dev, &name)).collect();
    ports.sort_by(|a, b| a.path.cmp(&b.path));
    ports
}

fn describe(class: &Path, dev: &Path, name: &str) -> Port {
    let path = dev.join(name);
    // The tty hangs below its USB interface, that below the USB device which has the names.
    let device = fs::canonicalize(class.join(name).join("device")).ok();
    let usb = device.as_deref().and_then(|device| device.ancestors().find(|place| place.join("idVendor").exists()));
    let fact = |file: &str| usb.and_then(|usb| fs::read_to_string(usb.join(file)).ok());
    let about: Vec<_> = ["manufacturer", "product", "serial"]
        .iter()
        .filter_map(|file| fact(file))
        .map(|text| text.trim().chars().filter(|c| !c.is_control()).take(ABOUT).collect::<String>())
        .filter(|text| !text.is_empty())
        .collect();
    let id = |file: &str| fact(file).and_then(|text| u16::from_str_radix(text.trim(), 16).ok());
    let links = fs::read_dir(dev.join("serial/by-id")).into_iter().flatten().filter_map(Result::ok);
    let device = fs::canonicalize(&path).ok();
    let stable = links
        .map(|entry| entry.path())
        .find(|link| device.is_some() && fs::canonicalize(link).ok() == device)
        .map(|link| link.display().to_string());
    let about = if about.is_empty() { "serial adapter".to_owned() } else { about.join(", ") };
    let usb = id("idVendor").zip(id("idProduct"));
    Port { path: path.display().to_string(), stable, about, usb }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usb_ports_are_described_and_others_left_out() {
        let root = std::env::temp_dir().join(format!("satpost-ports-{}", std::process::id()));
        let (class, dev) = (root.join("class"), root.join("dev"));
        let usb = root.join("devices/1-1");
        fs::create_dir_all(usb.join("1-1:1.0/ttyUSB0")).unwrap();
        fs::create_dir_all(class.join("ttyUSB0")).unwrap();
        fs::create_dir_all(class.join("tty1")).unwrap();
        fs::create_dir_all(dev.join("serial/by-id")).unwrap();
        fs::write(usb.join("idVendor"), "1a86\n").unwrap();
        fs::write(usb.join("idProduct"), "7523\n").unwrap();
        fs::write(usb.join("product"), "USB \u{1b}Serial\n").unwrap();
        fs::write(dev.join("ttyUSB0"), "").unwrap();
        std::os::unix::fs::symlink(usb.join("1-1:1.0/ttyUSB0"), class.join("ttyUSB0/device")).unwrap();
        std::os::unix::fs::symlink("../../ttyUSB0", dev.join("serial/by-id/usb-1a86-port0")).unwrap();
        let ports = found(&class, &dev);
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(ports.len(), 1);
        assert_eq!((ports[0].about.as_str(), ports[0].usb), ("USB Serial", Some((0x1a86, 0x7523))));
        assert!(ports[0].stable.as_deref().is_some_and(|path| path.ends_with("usb-1a86-port0")));
    }
}
