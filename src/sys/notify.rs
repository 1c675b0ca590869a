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

    use super::*;

    /// Not a test of its own: [`systemd_hears_each_word`] runs it in a process with systemd's variables.
    #[test]
    #[ignore = "run by another test"]
    fn speak() {
        assert_eq!(watchdog_interval(), Some(Duration::from_secs(15)));
        ready();
        status("two\nlines");
        watchdog();
        stopping();
    }

    #[test]
    fn systemd_hears_each_word() {
        let socket = std::env::temp_dir().join(format!("satpost-notify-{}", std::process::id()));
        let listener = UnixDatagram::bind(&socket).unwrap();
        let ended = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "sys::notify::tests::speak"])
            .env("NOTIFY_SOCKET", &socket)
            .env("WATCHDOG_USEC", "30000000")
            .env_remove("WATCHDOG_PID")
            .output()
            .unwrap();
        std::fs::remove_file(&socket).unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
        listener.set_nonblocking(true).unwrap();
        for want in ["READY=1\n", "STATUS=two lines\n", "WATCHDOG=1\n", "STOPPING=1\n"] {
            let mut buffer = [0; 100];
            let length = listener.recv(&mut buffer).unwrap();
            assert_eq!(String::from_utf8_lossy(&buffer[..length]), want);
        }
    }

    #[test]
    fn without_systemd_nothing_happens() {
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            ready();
            status("alone");
            stopping();
        }
    }
}
