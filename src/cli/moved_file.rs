//! The file by which a far box moves to another gateway. The box writes, and is given, such a file in its own folder; the command
//! takes it to, or brings it from, where whoever gave it may write and read.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::session::{Failure, Session};
use super::table::counted;

/// Beginning and end of the name that the file has in the folder of the box. The digits between are those of the command, as
/// several may move at once.
const PART: (&str, &str) = ("move-", ".part");
const DIGITS: usize = 32;
/// The first line of such a file has at most so many bytes.
const MOST: u64 = 64 * 1024 * 1024;

/// The file in the folder of the box, while one command is at work.
pub struct Part {
    /// Where it is.
    pub path: PathBuf,
    /// The move that the file is of which is there already, where the far box is to be written.
    pub ticket: Option<String>,
    digits: String,
}

impl Part {
    /// Gives one a name that no other command has.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn new(data: &Path) -> Result<Self, Failure> {
        let mut random = [0; DIGITS / 2];
        getrandom::fill(&mut random).map_err(|error| Failure::failed(format!("no random numbers: {error}")))?;
        Ok(Self::at(data, crate::hex::encode(&random), None))
    }

    /// The one that a command named.
    ///
    /// # Errors
    /// When it named none.
    pub fn of(session: &Session) -> Result<Self, Failure> {
        let said = session.input.as_deref().unwrap_or_default();
        let (digits, ticket) = said.split_once(' ').map_or((said, None), |(digits, ticket)| (digits, Some(ticket)));
        if digits.len() != DIGITS || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(Failure::usage(
                "the command of another version of satpost moves nothing: use that of this one",
            ));
        }
        Ok(Self::at(session.context.store.folder(), digits.to_owned(), ticket.map(str::to_owned)))
    }

    /// How a command names it.
    pub fn said(&self) -> String {
        self.ticket.as_ref().map_or_else(|| self.digits.clone(), |ticket| format!("{} {ticket}", self.digits))
    }

    fn at(folder: &Path, digits: String, ticket: Option<String>) -> Self {
        Self { path: folder.join(format!("{}{digits}{}", PART.0, PART.1)), ticket, digits }
    }
}

/// Removes what commands left behind that were interrupted; for the start of the box.
pub fn sweep(data: &Path) {
    let entries = fs::read_dir(data).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.strip_prefix(PART.0).is_some_and(|rest| rest.ends_with(PART.1)) && fs::remove_file(&path).is_ok() {
            log::info!("{name} is removed: it was not finished");
        }
    }
}

/// Says which move a file is of, by its first line; `None` when it is no file of a far box.
pub fn ticket(file: &Path) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct First {
        ticket: String,
    }
    let mut line = String::new();
    // What is no file may never end.
    let file = File::open(file).ok().filter(|file| file.metadata().is_ok_and(|data| data.is_file()))?;
    BufReader::new(file.take(MOST)).read_line(&mut line).ok()?;
    serde_json::from_str(&line).ok().map(|first: First| first.ticket)
}

/// Says who and what goes along, behind what is said of a far box.
pub fn along(people: &[String], messages: usize) -> String {
    let people = (!people.is_empty()).then(|| people.join(", "));
    let messages = (messages > 0).then(|| counted(messages, "message"));
    let all: Vec<_> = people.into_iter().chain(messages).collect();
    if all.is_empty() { String::new() } else { format!(", with {}", all.join(" and ")) }
}
