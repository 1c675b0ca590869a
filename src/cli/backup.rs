//! `satpost backup` and `satpost restore`: copies everything into one file, and puts it back.

use std::cell::Cell;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use argh::{ArgsInfo, FromArgs};
use serde::{Deserialize, Serialize};

use super::progress::{self, Bar, Step};
use super::service::Stopped;
use super::session::{Answer, Done, Failure, Request, Session};
use super::{Command, INTERRUPTED, reach};
use crate::admin::service::Actor;
use crate::clock::Clock;
use crate::fault::Fault;
use crate::store::work::{self, Hear, Stage};
use crate::store::{self, Contents, Drill, Store};
use crate::supervisor::restore::put_in_place;

/// The box writes a backup under this name into its own folder, the only one that the service may write to; the
/// command takes it from there.
const PART: &str = "backup.part";
/// The running box notes what it is told within this time.
const TOLD_WITHIN: Duration = Duration::from_secs(10);
/// It hears within this time how far a drill is; one that does not is left alone.
const STEP_WITHIN: Duration = Duration::from_secs(1);
/// The running box hears so often how far a drill is.
const TOLD_EVERY: Duration = Duration::from_millis(250);
/// What the box hears of a backup that is where it was wanted.
const TAKEN: &str = "taken";
/// How the names of backups with a date begin and end.
const DATED: &str = "satpost-";
const ENDING: &str = ".backup";

/// Copy everything into one file, while the box runs: messages, mails, people, settings.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "backup",
    example = "  satpost backup /media/usb/satpost.backup
  satpost backup --keep 7 /media/usb/satpost",
    note = "The file is read back before this ends with 0. It holds the passwords of relay, Hive and carrier as they
are: only its owner may read it (mode 0600), and you should keep it so."
)]
pub struct Backup {
    /// file to make; it must not be there yet. With --keep, the folder for it
    #[argh(positional)]
    file: PathBuf,
    /// make a file with the date in its name, and delete the oldest of those in the folder but so many; the first of a
    /// month is tried out
    #[argh(option)]
    keep: Option<usize>,
    /// print JSON
    #[argh(switch)]
    json: bool,
}

/// Restore a backup into the data folder. The service of this machine is stopped for it, with its sockets, and started again;
/// a box that runs otherwise has to be stopped before.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "restore",
    example = "  sudo satpost restore /media/usb/satpost-2026-01-31.backup --replace --hold",
    note = "What waited when the backup was made may have left since, and would be sent (and paid) again: --hold keeps it
here until you release it."
)]
pub struct Restore {
    /// the backup
    #[argh(positional)]
    file: PathBuf,
    /// only try it: restore it into a folder beside it, open that, and delete it again. Of a folder the newest
    /// backup with a date is tried. The page of the box shows how it went
    #[argh(switch)]
    drill: bool,
    /// replace the store that is there; it is kept beside
    #[argh(switch)]
    replace: bool,
    /// hold what waits for the link, the relay or the carrier
    #[argh(switch)]
    hold: bool,
    /// print JSON
    #[argh(switch)]
    json: bool,
}

impl Backup {
    /// Writes, in the box: the backup into the data folder; then that it is where it was wanted.
    pub(super) fn act(self, session: &mut Session) -> Done {
        if session.input.as_deref() == Some(TAKEN) {
            return Ok(session.service().backup_was_taken()?);
        }
        let part = session.context.store.folder().join(PART);
        // Left behind by a command that was interrupted.
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Failure::failed(format!("{} is in the way: {error}", part.display())));
            }
            _ => {}
        }
        let service = session.service();
        let contents = session.long(|hear| service.backup(&part, hear))?;
        session.out = show(&self.file, contents, self.json);
        Ok(())
    }

    /// Has, in the command: it written, and takes it where it is wanted.
    pub(super) fn go(mut self, data: &Path, mut words: Vec<String>) -> Result<ExitCode, Failure> {
        if let Some(keep) = self.keep.take() {
            let folder = std::mem::take(&mut self.file);
            if keep == 0 || !folder.is_dir() {
                return Err(Failure::usage(format!(
                    "--keep 1 or more needs a folder, which '{}' has to be",
                    folder.display()
                )));
            }
            let at: String = Clock::system().now().to_string().chars().filter(char::is_ascii_digit).collect();
            self.file = folder.join(format!("{DATED}{at}{ENDING}"));
            // The box is told the file alone.
            words = vec!["backup".to_owned(), "--".to_owned(), self.file.display().to_string()];
            words.splice(1..1, self.json.then(|| "--json".to_owned()));
            let file = self.file.clone();
            let first = first_of_month(&folder, &at);
            let code = self.make(data, words)?;
            if code == 0 {
                rotate(&folder, keep)?;
                // The backup is there, whatever becomes of its trial.
                if let Some(Err(failure)) = first.then(|| drill(data, &file)) {
                    super::say(&mut io::stderr(), &format!("satpost: {}\n", failure.why));
                }
            }
            return Ok(ExitCode::from(code));
        }
        Ok(ExitCode::from(self.make(data, words)?))
    }

    fn make(self, data: &Path, words: Vec<String>) -> Result<u8, Failure> {
        let file = self.file.clone();
        if file.symlink_metadata().is_ok() {
            return Err(Failure::usage(format!("{} is there already", file.display())));
        }
        let folder = std::path::absolute(&file).ok().and_then(|path| path.parent().map(Path::to_owned));
        if !folder.is_some_and(|folder| folder.is_dir()) {
            return Err(Failure::usage(format!("there is no folder for {}", file.display())));
        }
        let named = file.display().to_string();
        let request = Request { args: words, input: None };
        let answer = reach::ask(data, &request, &Command::Backup(self))?;
        if answer.code == 0 {
            let part = data.join(PART);
            let taken = take(&part, &file);
            // The next backup clears it away if this fails.
            let _ = fs::remove_file(&part);
            taken.map_err(|fault| Failure::failed(fault.why()))?;
            tell(
                data,
                &Request { args: vec!["backup".to_owned(), "--".to_owned(), named], input: Some(TAKEN.to_owned()) },
            );
        }
        Ok(answer.print())
    }
}

/// The backups in a folder whose names have a date, the oldest first.
fn dated(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().unwrap_or_default();
        let date = name.strip_prefix(DATED).and_then(|rest| rest.strip_suffix(ENDING));
        if date.is_some_and(|date| !date.is_empty() && date.bytes().all(|byte| byte.is_ascii_digit())) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// True when a folder has no backup yet of the month of this date: that one is tried out.
fn first_of_month(folder: &Path, date: &str) -> bool {
    let month = format!("{DATED}{}", date.get(..6).unwrap_or(date));
    let of_month = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&month));
    !dated(folder).unwrap_or_default().iter().any(of_month)
}

/// Deletes the oldest backups of a folder but so many.
fn rotate(folder: &Path, keep: usize) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::failed(format!("old backups in {} stay: {error}", folder.display()));
    let all = dated(folder).map_err(failed)?;
    all[..all.len().saturating_sub(keep)].iter().try_for_each(|old| fs::remove_file(old).map_err(failed))
}

/// Copies the finished backup, and reads it back where it is now.
fn take(part: &Path, file: &Path) -> Result<(), Fault> {
    let bar = Bar::new();
    let hear: Hear = &|stage, done, total| bar.at(stage, done, total);
    let copied = File::open(part).and_then(|mut from| {
        let length = from.metadata()?.len();
        let mut to = File::options().write(true).create_new(true).mode(0o600).open(file)?;
        work::copy(&mut from, &mut to, (hear, Stage::Copying, length))?;
        to.sync_all()
    });
    let checked = copied
        .map_err(|error| Fault::temporary(format!("{} cannot be written: {error}", file.display())))
        .and_then(|()| {
            if store::contents(part, hear)? == store::contents(file, hear)? {
                Ok(())
            } else {
                Err(Fault::temporary(format!("{} is not what was written to it", file.display())))
            }
        });
    if checked.is_err() {
        let _ = fs::remove_file(file);
    }
    checked
}

fn show(file: &Path, contents: Contents, json: bool) -> String {
    if json {
        // Numbers and a path always serialise.
        let value = serde_json::json!({"file": file, "contents": contents});
        return format!("{value:#}\n");
    }
    format!(
        "{}: {} messages, {} people, {} settings, {} large mails\n",
        file.display(),
        contents.messages,
        contents.people,
        contents.settings,
        contents.files
    )
}

impl Restore {
    pub(super) fn go(self, data: &Path) -> Result<ExitCode, Failure> {
        if self.drill {
            return self.try_out(data);
        }
        // Whoever is interrupted from here on starts the service again.
        progress::catch();
        let _service = Stopped::stop(data)?;
        if progress::is_stopped() {
            return Err(Failure::failed("nothing was changed"));
        }
        if std::os::unix::net::UnixStream::connect(data.join(crate::control::SOCKET)).is_ok() {
            return Err(Failure::failed(format!("a box runs in {}: stop it first", data.display())));
        }
        let by = Actor::command_line(rustix::process::getuid().as_raw());
        let bar = Bar::new();
        let hear: Hear = &|stage, done, total| bar.at(stage, done, total);
        let done = put_in_place(&self.file, data, (self.replace, self.hold), &by, hear).map_err(Fault::from)?;
        drop(bar);
        let mut text = show(&self.file, done.contents, self.json);
        if let Some(kept) = done.kept.filter(|_| !self.json) {
            text.push_str(&format!("the store that was there is now {}\n", kept.display()));
        }
        if self.hold && !self.json {
            text.push_str(&format!("{} messages are held: see 'satpost queue list'\n", done.held));
        }
        super::print(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Restore {
    /// Writes, in the box: what the command found when it tried a backup out, which is its input; before that, how far it is.
    pub(super) fn act(self, session: &mut Session) -> Done {
        let said = session.input.take().filter(|_| self.drill).unwrap_or_default();
        let Ok(Told { drill, what }) = serde_json::from_str(&said) else {
            return Err(Failure::usage("this command is not for a running box"));
        };
        let works = session.context.store.works();
        let goes_on = match &what {
            Said::At(Step { stage, done, total }) => works.drill_at(drill, *stage, *done, *total),
            Said::Found(_) | Said::Over => works.drill_over(drill),
        };
        match what {
            Said::Over => Ok(()),
            _ if !goes_on => Err(Failure { code: INTERRUPTED, why: work::stopped().to_string() }),
            Said::At(_) => Ok(()),
            Said::Found(found) => Ok(session.service().note_drill(found)?),
        }
    }

    /// Tries a backup out, or the newest of a folder.
    fn try_out(&self, data: &Path) -> Result<ExitCode, Failure> {
        let mut file = self.file.clone();
        if file.is_dir() {
            let newest = dated(&file).map_err(|error| Failure::failed(format!("{}: {error}", file.display())))?.pop();
            file = newest.ok_or_else(|| Failure::not_found(format!("there is no backup in {}", file.display())))?;
        }
        let contents = drill(data, &file)?;
        let words = if self.json { "" } else { "it brings a box back\n" };
        super::print(&format!("{}{words}", show(&file, contents, self.json)))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What the process of a drill says to the running box.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    /// Its number, which is of this process alone.
    drill: u64,
    what: Said,
}

#[derive(Debug, Serialize, Deserialize)]
enum Said {
    /// How far it is.
    At(Step),
    /// How it went.
    Found(Drill),
    /// It came to no end.
    Over,
}

/// Proves that a backup brings a box back, in a folder beside it: nothing of this box is touched. The running box hears how it went;
/// what the place for it lacks is no fault of the backup, and not told.
fn drill(data: &Path, file: &Path) -> Result<Contents, Failure> {
    let number = getrandom::u64().map_err(Failure::failed)?;
    let (place, bar) = (place_for_drill(file)?, Bar::new());
    let (told, silent) = (Cell::new(None::<Instant>), Cell::new(false));
    let named = file.display().to_string();
    let args = ["restore", "--drill", "--", &named].map(str::to_owned).to_vec();
    // Times, paths, numbers and words always serialise.
    let tell = |what: Said, within: Duration| {
        let input = serde_json::to_string(&Told { drill: number, what }).ok();
        reach::ask_box(data, &Request { args: args.clone(), input }, within)
    };
    let at = |step: Step| {
        let goes_on = bar.at(step.stage, step.done, step.total);
        if silent.get() || told.get().is_some_and(|last| last.elapsed() < TOLD_EVERY) {
            return goes_on;
        }
        told.set(Some(Instant::now()));
        let answer = tell(Said::At(step), STEP_WITHIN);
        silent.set(answer.is_err());
        goes_on && !is_stop(&answer)
    };
    let hear: Hear = &|stage, done, total| work::waited(stage, &|| at(Step { stage, done, total }));
    let tried = store::restore(file, &place.join("box"), false, "0", hear).and_then(|(contents, _)| {
        let store = Store::open(&place.join("box"), &Clock::system())?;
        let found = store.read(|view| view.message_count());
        store.close();
        match found? {
            found if found == contents.messages => Ok(contents),
            found => Err(Fault::operator(format!("{found} of {} messages are back", contents.messages))),
        }
    });
    // What cannot be removed is nobody else's to read.
    let _ = fs::remove_dir_all(&place);
    let ends =
        |why: &dyn std::fmt::Display| Failure::failed(format!("{} could not be tried out: {why}", file.display()));
    let (messages, fault) = match &tried {
        Ok(contents) => (contents.messages, None),
        Err(fault) if matches!(fault, Fault::Temporary(_)) || progress::is_stopped() => {
            // What does not hear of it drops it after a while.
            let _ = tell(Said::Over, STEP_WITHIN);
            return Err(ends(&fault.why()));
        }
        Err(fault) => (0, Some(fault.why().to_owned())),
    };
    let found = Drill { at: Clock::system().now(), file: named, messages, fault };
    let answer = tell(Said::Found(found), TOLD_WITHIN);
    if is_stop(&answer) {
        return Err(ends(&work::stopped()));
    }
    is_noted(answer);
    Ok(tried?)
}

/// A new folder beside a backup, for its owner alone; among the temporary files where nothing can be written there.
fn place_for_drill(file: &Path) -> Result<PathBuf, Failure> {
    let make = |folder: &Path| reach::new_folder(folder, "satpost-drill");
    let beside = std::path::absolute(file).ok().and_then(|path| make(path.parent()?).ok());
    beside
        .map_or_else(|| make(&std::env::temp_dir()), Ok)
        .map_err(|error| Failure::failed(format!("no place to try the backup in: {error}")))
}

/// Tells the running box of what was done with a backup. A backup is often tried where there is none.
fn tell(data: &Path, request: &Request) {
    is_noted(reach::ask_box(data, request, TOLD_WITHIN));
}

/// True when the box answers that somebody stopped it.
fn is_stop(answer: &Result<Option<Answer>, Failure>) -> bool {
    matches!(answer, Ok(Some(answer)) if answer.code == INTERRUPTED)
}

fn is_noted(answer: Result<Option<Answer>, Failure>) {
    match answer {
        Ok(Some(answer)) if answer.code != 0 => {
            log::warn!("backup: the box does not note it: {}", answer.err.trim_end())
        }
        Ok(_) => {}
        Err(failure) => log::warn!("backup: the box does not hear of it: {}", failure.why),
    }
}
