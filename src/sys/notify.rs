//! What the box tells systemd (sd_notify(3)). Without systemd every call does nothing.

use std::time::Duration;

use sd_notify::NotifyState;

/// Every listener is open and the store is read: dependent units may start.
pub fn ready() {
    tell(&NotifyState::Ready);
}

/// One sentence for `systemctl status`; line breaks become blanks, as the protocol ends a field there.
pub fn status(sentence: &str) {
    let line = sentence.replace(char::is_control, " ");
    tell(&NotifyState::Status(&line));
}

/// The start takes longer: systemd is to wait for this long from now on, whatever its `TimeoutStartSec` says.
pub fn extend(by: Duration) {
    tell(&NotifyState::ExtendTimeoutUsec(u32::try_from(by.as_micros()).unwrap_or(u32::MAX)));
}

/// The box ends on purpose; what is left of its work is on disk.
pub fn stopping() {
    tell(&NotifyState::Stopping);
}

/// The box is alive. To be called every [`watchdog_interval`], and only while every worker moves.
pub fn watchdog() {
    tell(&NotifyState::Watchdog);
}

/// How often [`watchdog`] has to be called: half of the unit's `WatchdogSec`, so that one late call does no harm.
/// `None` where nobody watches.
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()).map(|limit| limit / 2)
}

fn tell(state: &NotifyState) {
    if let Err(error) = sd_notify::notify(std::slice::from_ref(state)) {
        log::debug!("systemd was not told {state}: {error}");
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;
    use std::process::Command;

    use testing::Folder;

    use super::*;

    /// Not a test of its own: [`systemd_hears_each_word`] runs it in a process with systemd's variables, and
    /// [`without_systemd_nothing_happens`] in one without.
    #[test]
    #[ignore = "run by other tests"]
    fn child() {
        let watched = std::env::var_os("WATCHDOG_USEC").map(|_| Duration::from_secs(15));
        assert_eq!(watchdog_interval(), watched);
        ready();
        status("two\nlines");
        extend(Duration::from_secs(60));
        watchdog();
        stopping();
    }

    /// Runs [`child`] with these variables and nothing else from systemd.
    fn speak(variables: &[(&str, &std::ffi::OsStr)]) {
        let ended = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "sys::notify::tests::child"])
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_USEC")
            .env_remove("WATCHDOG_PID")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success() && said.contains("1 passed"), "{said}");
    }

    #[test]
    fn systemd_hears_each_word() {
        let folder = Folder::new();
        let socket = folder.path("notify");
        let listener = UnixDatagram::bind(&socket).unwrap();
        speak(&[("NOTIFY_SOCKET", socket.as_os_str()), ("WATCHDOG_USEC", "30000000".as_ref())]);
        listener.set_nonblocking(true).unwrap();
        for want in
            ["READY=1\n", "STATUS=two lines\n", "EXTEND_TIMEOUT_USEC=60000000\n", "WATCHDOG=1\n", "STOPPING=1\n"]
        {
            let mut buffer = [0; 100];
            let length = listener.recv(&mut buffer).unwrap();
            assert_eq!(String::from_utf8_lossy(&buffer[..length]), want);
        }
    }

    /// No word fails where nobody listens, whether there is no socket at all or one that is gone.
    #[test]
    fn without_systemd_nothing_happens() {
        speak(&[]);
        let folder = Folder::new();
        speak(&[("NOTIFY_SOCKET", folder.path("gone").as_os_str())]);
    }
}
