//! The service of this machine, which systemd would start again at any moment: out of the way while a command needs the data
//! folder for itself, and back after it.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Output};

use super::data;
use super::session::Failure;

/// The unit of the box, and its sockets.
const UNITS: [&str; 2] = ["satpost.service", "satpost-*.socket"];

/// The service and its sockets, stopped; started again when this is dropped.
pub struct Stopped {
    units: Vec<String>,
}

impl Stopped {
    /// Stops the service of this machine if `folder` is its data folder and systemd has anything of it running, sockets
    /// included: each connection to those would start it.
    ///
    /// # Errors
    /// When it does not stop, or this user may not stop it.
    pub fn stop(folder: &Path) -> Result<Option<Self>, Failure> {
        if !is_of_service(folder) || !Path::new("/run/systemd/system").exists() {
            return Ok(None);
        }
        let listed = systemctl(&[&["list-units", "--plain", "--no-legend", "--full"], &UNITS[..]].concat())?;
        let units: Vec<String> = String::from_utf8_lossy(&listed.stdout).lines().filter_map(running).collect();
        if units.is_empty() {
            return Ok(None);
        }
        if !rustix::process::geteuid().is_root() {
            return Err(Failure::failed(
                "the service of this machine runs: put sudo in front, it is stopped and started then",
            ));
        }
        // All in one go: a socket that is still there would start the service again.
        let stopped = systemctl(&[&["stop"], &UNITS[..]].concat())?;
        let stopped_now = Self { units };
        if !stopped.status.success() {
            return Err(Failure::failed(format!("the service does not stop: {}", said(&stopped))));
        }
        super::say(&mut std::io::stderr(), "satpost: the service is stopped for this, and started again after it\n");
        Ok(Some(stopped_now))
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let units: Vec<&str> = self.units.iter().map(String::as_str).collect();
        let started = systemctl(&[&["start"], &units[..]].concat());
        let why = match started {
            Ok(started) if started.status.success() => return,
            Ok(started) => said(&started),
            Err(failure) => failure.why,
        };
        let words =
            format!("satpost: the service is not started again: {why}: sudo systemctl start {}\n", units.join(" "));
        super::say(&mut std::io::stderr(), &words);
    }
}

/// True when both are the same folder, by whatever name.
pub fn is_of_service(folder: &Path) -> bool {
    let [here, service] = [folder, Path::new(data::SERVICE)].map(std::fs::metadata);
    matches!((here, service), (Ok(here), Ok(service)) if (here.dev(), here.ino()) == (service.dev(), service.ino()))
}

/// The unit of a line of `systemctl list-units`, if it runs, is to run, or waits for clients.
fn running(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let (unit, _loaded, active) = (words.next()?, words.next()?, words.next()?);
    matches!(active, "active" | "activating" | "reloading" | "deactivating").then(|| unit.to_owned())
}

fn systemctl(words: &[&str]) -> Result<Output, Failure> {
    let ran = Command::new("systemctl").args(words).env("SYSTEMD_COLORS", "0").output();
    ran.map_err(|error| Failure::failed(format!("systemctl cannot be run: {error}")))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_is_told_from_what_only_failed() {
        let line = "satpost-web.socket loaded active listening Web page of the satellite post office";
        assert_eq!(running(line).as_deref(), Some("satpost-web.socket"));
        assert_eq!(running("satpost.service loaded activating auto-restart x").as_deref(), Some("satpost.service"));
        assert_eq!(running("satpost-smtp.socket loaded failed failed x"), None);
        assert_eq!(running(""), None);
    }
}
