//! Reads what a command needs: a message or a password, from a terminal only where there is one.

use std::fs::{self, File};
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use smol::future::or;

use super::session::Failure;
use crate::sys::signals::Stop;

/// A message has at most so many bytes; more would not fit a request.
const TEXT_MOST: u64 = 1024 * 1024;
/// Standard input that is no terminal has to bring a password, or end, within this time.
const PATIENCE: Duration = Duration::from_secs(60);

/// A secret line that a command wants.
#[derive(Debug, Clone, Default)]
pub struct Secret {
    /// What it is, for the prompt.
    pub what: String,
    /// A file to read it from; `-` or none: standard input.
    pub file: Option<String>,
    /// Nothing will do as well.
    pub optional: bool,
}

/// Copies a file to a place where there is none, readable by its owner only: by whom this folder belongs to, if one is given.
///
/// # Errors
/// When one of them cannot be read or written; what was begun is removed.
pub fn copy_new(from: &Path, to: &Path, of: Option<&Path>) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(to)?;
    let copied = io::copy(&mut source, &mut file)
        .and_then(|_| file.sync_all())
        .and_then(|()| of.map_or(Ok(()), |folder| give(&file, folder)));
    if copied.is_err() {
        let _ = fs::remove_file(to);
    }
    copied
}

/// Gives a file that root made to whom this folder belongs. It is the open file that is given, not its name: whoever may write to the
/// folder can put a link to a file of root there meanwhile.
///
/// # Errors
/// When the system refuses it. Whoever is not root gives nothing away, which is no error.
pub fn give(file: &File, folder: &Path) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let owner = fs::metadata(folder)?;
    fchown(file, Some(owner.uid()), Some(owner.gid()))
}

/// A file that is made before it is known what it will hold, under a name of its own beside it, and takes its name when it is whole.
/// Dropped before, it leaves nothing.
pub struct Beside<'a> {
    to: &'a Path,
    part: PathBuf,
    file: File,
}

impl<'a> Beside<'a> {
    /// Makes it, readable by its owner only; what an interrupted command left of it goes.
    ///
    /// # Errors
    /// When none can be made there.
    pub fn new(to: &'a Path) -> io::Result<Self> {
        let name = to.file_name().ok_or(io::ErrorKind::IsADirectory)?;
        let part = to.with_file_name(format!(".{}.part", name.to_string_lossy()));
        let _ = fs::remove_file(&part);
        let file = File::options().write(true).create_new(true).mode(0o600).open(&part)?;
        Ok(Self { to, part, file })
    }

    /// Fills it from this file, and has it take its name; what had the name before is replaced.
    ///
    /// # Errors
    /// When one of them cannot be read or written.
    pub fn fill(mut self, from: &Path) -> io::Result<()> {
        io::copy(&mut File::open(from)?, &mut self.file)?;
        self.file.sync_all()?;
        fs::rename(&self.part, self.to)
    }
}

impl Drop for Beside<'_> {
    fn drop(&mut self) {
        // There is none any more once it took its name.
        let _ = fs::remove_file(&self.part);
    }
}

/// Reads all of standard input.
///
/// # Errors
/// When it is not text, or more than a megabyte.
pub fn text() -> Result<String, Failure> {
    if io::stdin().is_terminal() {
        super::say(&mut io::stderr(), "Write the message, and Ctrl-D on a line of its own at its end.\n");
    }
    let mut bytes = Vec::new();
    io::stdin().lock().take(TEXT_MOST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > TEXT_MOST {
        return Err(Failure::usage("the message has more than a megabyte"));
    }
    String::from_utf8(bytes).map_err(|_| Failure::usage("the message is not UTF-8 text"))
}

/// Reads a secret: from the file, typed without echo on a terminal, or the first line of standard input. `None` when
/// there is nothing and that will do.
///
/// # Errors
/// When there is nothing and it is needed, or it cannot be read.
pub fn secret(wanted: &Secret) -> Result<Option<String>, Failure> {
    // A child that took another user may not be able to open the file: its parent read it already.
    let file = wanted.file.as_deref().filter(|_| !super::reach::as_owner_now());
    let line = match file {
        Some(file) if file != "-" => Some(first_line(file)?),
        _ if io::stdin().is_terminal() => Some(typed(wanted)?),
        _ => piped()?,
    };
    match line.filter(|line| !line.is_empty()) {
        None if !wanted.optional => Err(Failure::usage(format!(
            "no {}: type it on a terminal, pipe it into standard input, or name a file",
            wanted.what
        ))),
        found => Ok(found),
    }
}

fn unreadable(error: io::Error) -> Failure {
    Failure::failed(format!("standard input cannot be read: {error}"))
}

fn first_line(file: &str) -> Result<String, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| Failure::failed(format!("{file}: {error}")))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Reads the first line of what is piped in; `None` when that ends without one, or there is no standard input at all.
fn piped() -> Result<Option<String>, Failure> {
    let (line, read) = sync_channel(1);
    let work = move || drop(line.send(read_line()));
    std::thread::Builder::new().name("stdin".to_owned()).spawn(work).map_err(unreadable)?;
    match read.recv_timeout(PATIENCE) {
        Ok(Ok(line)) => Ok(line),
        // EBADF: started with standard input closed.
        Ok(Err(error)) if error.raw_os_error() == Some(rustix::io::Errno::BADF.raw_os_error()) => Ok(None),
        Ok(Err(error)) => Err(unreadable(error)),
        Err(_) => Err(Failure::failed("standard input brought no line in 60 s: close it with '< /dev/null'")),
    }
}

fn read_line() -> io::Result<Option<String>> {
    let mut line = String::new();
    let count = io::stdin().lock().take(TEXT_MOST).read_line(&mut line)?;
    Ok((count > 0).then(|| line.trim_end_matches(['\n', '\r']).to_owned()))
}

/// Reads two lines from the terminal that have to be the same.
fn typed(wanted: &Secret) -> Result<String, Failure> {
    let hint = if wanted.optional { " (empty for none)" } else { "" };
    let first = without_echo(&format!("{}{hint}: ", wanted.what))?;
    if first.is_empty() {
        return Ok(first);
    }
    match without_echo("again: ")? == first {
        true => Ok(first),
        false => Err(Failure::usage("the two were not the same")),
    }
}

fn without_echo(prompt: &str) -> Result<String, Failure> {
    let failed = |error: io::Error| Failure::failed(format!("the terminal cannot be used: {error}"));
    let mut signals = Stop::catch().map_err(failed)?;
    let before = tcgetattr(io::stdin()).map_err(|error| failed(error.into()))?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    super::say(&mut io::stderr(), prompt);
    tcsetattr(io::stdin(), OptionalActions::Flush, &silent).map_err(|error| failed(error.into()))?;
    let (line, read) = smol::channel::bounded(1);
    let work = move || drop(line.send_blocking(read_line()));
    let thread = std::thread::Builder::new().name("stdin".to_owned()).spawn(work);
    let interrupted = async {
        signals.next().await;
        None
    };
    let answered = async { read.recv().await.ok() };
    let line = thread.map(|_| smol::block_on(or(answered, interrupted)));
    // Whatever happened, the terminal shows again what is typed.
    let restored = tcsetattr(io::stdin(), OptionalActions::Flush, &before);
    let _ = io::stderr().write_all(b"\n");
    restored.map_err(|error| failed(error.into()))?;
    match line.map_err(failed)? {
        Some(Ok(line)) => Ok(line.unwrap_or_default()),
        Some(Err(error)) => Err(failed(error)),
        None => Err(Failure { code: 130, why: "interrupted".to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use super::*;

    /// The folder belongs to somebody who puts a link there while root copies.
    #[test]
    #[ignore = "needs root, to give a folder away"]
    fn what_root_gives_away_is_what_it_wrote_whatever_has_its_name_now() {
        assert!(rustix::process::geteuid().is_root(), "only root can give a file away");
        let (nobody, folder) = (65_534, testing::Folder::new());
        let data = folder.path("data");
        fs::create_dir(&data).unwrap();
        chown(&data, Some(nobody), Some(nobody)).unwrap();
        let (from, to, of_root) = (folder.path("fifo"), data.join("a.part"), folder.path("of-root"));
        fs::write(&of_root, "secret").unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &from,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        std::thread::scope(|scope| {
            let copied = scope.spawn(|| copy_new(&from, &to, Some(&data)));
            let mut pipe = File::options().write(true).open(&from).unwrap();
            testing::wait_for("the copy to begin", PATIENCE, || to.exists().then_some(()));
            fs::rename(&to, data.join("aside")).unwrap();
            symlink(&of_root, &to).unwrap();
            pipe.write_all(b"a far box").unwrap();
            drop(pipe);
            copied.join().unwrap().unwrap();
        });
        assert_eq!(fs::metadata(&of_root).unwrap().uid(), 0, "a file of root was given away");
        let given = fs::metadata(data.join("aside")).unwrap();
        assert_eq!((given.uid(), given.gid(), given.len()), (nobody, nobody, 9));
        // Under any name: only who is told so gives it away.
        fs::write(folder.path("from"), "x").unwrap();
        copy_new(&folder.path("from"), &data.join("b.part"), None).unwrap();
        assert_eq!(fs::metadata(data.join("b.part")).unwrap().uid(), 0);
    }
}
