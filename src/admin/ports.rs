//! Serial ports of this machine, as the kernel lists them: for the set-up page, which only shows them.

use std::fs;
use std::path::Path;

use serde::Serialize;

/// A serial port somebody may have plugged a modem into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Port {
    /// Path of the device.
    pub path: String,
    /// A name for it that survives unplugging, if udev made one.
    pub stable: Option<String>,
    /// Maker and product of the USB adapter.
    pub about: String,
}

/// Lists the USB serial ports, in the order of their names.
pub fn list() -> Vec<Port> {
    found(Path::new("/sys/class/tty"), Path::new("/dev"))
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
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
        .collect();
    let links = fs::read_dir(dev.join("serial/by-id")).into_iter().flatten().filter_map(Result::ok);
    let stable = links
        .map(|entry| entry.path())
        .find(|link| fs::canonicalize(link).is_ok_and(|target| target == path))
        .map(|link| link.display().to_string());
    let about = if about.is_empty() { "serial adapter".to_owned() } else { about.join(", ") };
    Port { path: path.display().to_string(), stable, about }
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
        fs::write(usb.join("product"), "USB Serial\n").unwrap();
        fs::write(dev.join("ttyUSB0"), "").unwrap();
        std::os::unix::fs::symlink(usb.join("1-1:1.0/ttyUSB0"), class.join("ttyUSB0/device")).unwrap();
        std::os::unix::fs::symlink("../../ttyUSB0", dev.join("serial/by-id/usb-1a86-port0")).unwrap();
        let ports = found(&class, &dev);
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(ports.len(), 1);
        assert_eq!(ports[0].about, "USB Serial");
        assert!(ports[0].stable.as_deref().is_some_and(|path| path.ends_with("usb-1a86-port0")));
    }
}
