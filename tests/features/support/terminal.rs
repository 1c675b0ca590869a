//! A command on a terminal of its own, with keys to press.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::{SATPOST, SOON, wait_for};

/// The terminal, and the command that has it.
pub struct Terminal {
    master: File,
    child: Child,
    shown: Receiver<Vec<u8>>,
    text: String,
}

impl Terminal {
    /// Starts satpost with these words; it shows at once how far a long work is.
    pub fn run(words: &[&str]) -> Self {
        Self::run_with(words, &[])
    }

    /// The same with more in its environment.
    pub fn run_with(words: &[&str], environment: &[(&str, &Path)]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let side = || File::from(open(&name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap());
        // It becomes the terminal that Ctrl-C belongs to.
        let mut command = Command::new("setsid");
        command.env("SATPOST_BAR_AFTER", "0").envs(environment.iter().copied());
        command.args(["--ctty", "--wait", SATPOST]).args(words).stdin(side()).stdout(side()).stderr(side());
        let child = command.spawn().expect("setsid of util-linux");
        drop(command);
        let (send, shown) = channel();
        let master = File::from(master);
        let mut reader = master.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            loop {
                match reader.read(&mut piece) {
                    Ok(count) if count > 0 && send.send(piece[..count].to_vec()).is_ok() => {}
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    // EIO: nobody has the other side any more.
                    _ => return,
                }
            }
        });
        Self { master, child, shown, text: String::new() }
    }

    fn look(&mut self) {
        for piece in self.shown.try_iter() {
            self.text.push_str(&String::from_utf8_lossy(&piece));
        }
    }

    /// Waits until it shows these words; false when the command ends before.
    pub fn wait_shown(&mut self, words: &str) -> bool {
        wait_for(&format!("the terminal to show '{words}'"), 4 * SOON, || {
            let ended = self.child.try_wait().unwrap().is_some();
            self.look();
            if self.text.contains(words) { Some(true) } else { ended.then_some(false) }
        })
    }

    /// Presses Ctrl-C.
    pub fn interrupt(&mut self) {
        self.master.write_all(b"\x03").unwrap();
    }

    /// Waits for its end; exit code, and all that it showed.
    pub fn end(mut self) -> (i32, String) {
        let code = wait_for("the command to end", 4 * SOON, || {
            self.look();
            self.child.try_wait().unwrap()
        });
        // The reader ends with the last user of the other side.
        while let Ok(piece) = self.shown.recv_timeout(SOON) {
            self.text.push_str(&String::from_utf8_lossy(&piece));
        }
        (code.code().unwrap_or(-1), self.text)
    }
}
