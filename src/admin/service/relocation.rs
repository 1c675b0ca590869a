//! A far box goes to another gateway, as a file: one line of JSON with all that is known of it, a line for each mail, and a line
//! with the hash of those before.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Action, Service};
use crate::address::{LinkAddress, PeerId};
use crate::engine::link::relocate::{self, Bodies, Leaving, Relocation, VERSION};
use crate::engine::policy;
use crate::fault::Fault;
use crate::link::callers::{Call, Callers};
use crate::people::{Home, Person};
use crate::settings::Key;
use crate::store::{BodyIn, INLINE, Tx, TxResult, reject};

#[cfg(test)]
mod tests;

/// What left with a far box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    /// What people call it.
    pub name: String,
    /// Names of its people, who left with it.
    pub people: Vec<String>,
    /// Messages that are not done.
    pub messages: usize,
    /// Mails that could not be read, or are gone: only their text goes along.
    pub damaged: usize,
}

/// What came with a far box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Arrived {
    /// What people call it.
    pub name: String,
    /// What the gateway is called that it came from.
    pub from: String,
    /// Names of its people, who have their addresses here now.
    pub people: Vec<String>,
    /// Messages that came along.
    pub messages: usize,
    /// It came before, by this file: nothing was changed.
    pub before: bool,
}

/// A line of the file behind the first.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    /// The mail of the message that had this number, in base64.
    Mail(u64, String),
    /// The end: SHA-256 of all lines before, in hex digits.
    End(String),
}

impl Service {
    /// Moves a far box out and writes what goes along into `to`. One that has left already stays so, and the same is written.
    ///
    /// # Errors
    /// Permanent when it may not be, on a station, where there is none, where the last owner would leave, and where messages from
    /// there are held; temporary when it cannot be written.
    pub fn move_out(&self, callers: &Callers, id: PeerId, to: &Path) -> Result<Left, Fault> {
        self.may(Action::MoveOut)?;
        let far_box = self.far_box_of(id)?;
        let (policy, settings, links) = (policy(&self.store), self.store.settings(), self.store.links());
        if policy.by_satellite() {
            return Err(Fault::permanent("this is a station: far boxes move from one gateway to another"));
        }
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| Fault::temporary(format!("no random numbers: {error}")))?;
        let (ticket, now) = (crate::hex::encode(&random), self.store.clock().now());
        let all = match &far_box.moved_out {
            Some(moved) => {
                let ticket = moved.ticket.clone();
                self.store.write(move |tx| relocate::noted(tx, &ticket))?
            }
            None => {
                let words = format!("far box {} left for another gateway", far_box.shown());
                self.act(Action::MoveOut, &far_box.shown(), words, move |tx| {
                    let stays = |person: &Person| person.home != Home::FarBox || person.far_box != Some(id);
                    owner_stays(tx, stays)?;
                    let leaving = Leaving { policy: &policy, settings: &settings, links: &links };
                    relocate::leave(tx, id, &leaving, &ticket, now)
                })?
            }
        };
        for paired in &all.paired {
            if let LinkAddress::Ip(key) = paired.address {
                callers.call(Call::Forgotten(key));
            }
        }
        let damaged = self.write_out(&all, to)?;
        let people = all.names().into_iter().map(str::to_owned).collect();
        let messages = all.messages.iter().filter(|message| !message.is_final()).count();
        Ok(Left { name: far_box.shown(), people, messages, damaged })
    }

    /// Writes the file; gives how many mails could not be read.
    fn write_out(&self, all: &Relocation, to: &Path) -> Result<usize, Fault> {
        let failed = |error: std::io::Error| Fault::temporary(format!("{} cannot be written: {error}", to.display()));
        let mut options = File::options();
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.write(true).create_new(true).open(to).map_err(failed)?;
        // What is not whole is of no use, and holds what people wrote.
        self.write_lines(all, file).map_err(failed).inspect_err(|_| drop(std::fs::remove_file(to)))
    }

    fn write_lines(&self, all: &Relocation, file: File) -> std::io::Result<usize> {
        let mut to = Hashed { inner: BufWriter::new(file), hash: Sha256::new() };
        let mut damaged = 0;
        to.line(all)?;
        for message in all.messages.iter().filter(|message| message.mail.is_some()) {
            match self.store.raw(message) {
                Ok(Some(mail)) => to.line(&Line::Mail(message.id.0, STANDARD.encode(mail)))?,
                Ok(None) => {
                    log::warn!("{}: only its text goes along: its mail is gone", message.id);
                    damaged += 1;
                }
                Err(fault) => {
                    log::warn!("{}: only its text goes along: {fault}", message.id);
                    damaged += 1;
                }
            }
        }
        let end = Line::End(crate::hex::encode(&to.hash.clone().finalize()));
        to.line(&end)?;
        let file = to.inner.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(damaged)
    }

    /// Puts up the far box of a file. The same file a second time changes nothing.
    ///
    /// # Errors
    /// Permanent when it may not be, on a station, or the file is not right or does not fit this box; temporary when it
    /// cannot be read, or the store fails. Nothing is changed then.
    pub fn move_in(&self, from: &Path) -> Result<Arrived, Fault> {
        self.may(Action::MoveIn)?;
        if self.store.settings().text(Key::Reach) == "satellite" {
            return Err(Fault::permanent("this is a station: far boxes move from one gateway to another"));
        }
        let (all, bodies) = self.read_in(from)?;
        let people = all.names().into_iter().map(str::to_owned).collect();
        let messages = all.messages.iter().filter(|message| !message.is_final()).count();
        let name = all.far_box.shown();
        let (words, now) = (format!("far box {name} came from {}", all.from), self.store.clock().now());
        let gateway = all.from.clone();
        let id = self.act(Action::MoveIn, &name, words, move |tx| {
            let before = tx.all_far_boxes()?;
            let id = relocate::arrive(tx, &all, &bodies, now)?;
            // One that left from here and comes back needs no file any more.
            let back = before.into_iter().find(|before| Some(before.id) == id);
            match back.and_then(|back| back.moved_out) {
                Some(moved) => relocate::is_back(tx, &moved.ticket).map(|()| id),
                None => Ok(id),
            }
        })?;
        Ok(Arrived { name, from: gateway, people, messages, before: id.is_none() })
    }

    fn read_in(&self, from: &Path) -> Result<(Relocation, Bodies), Fault> {
        let unreadable = |error: std::io::Error| Fault::temporary(format!("the file cannot be read: {error}"));
        let wrong = |why: &dyn std::fmt::Display| Fault::permanent(format!("this is no whole far box: {why}"));
        let mut file = BufReader::new(File::open(from).map_err(unreadable)?);
        let (mut hash, mut first, mut bodies) = (Sha256::new(), None, BTreeMap::new());
        loop {
            let mut line = Vec::new();
            if file.read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
                return Err(wrong(&"its end is missing"));
            }
            if first.is_none() {
                let all: Relocation = serde_json::from_slice(&line).map_err(|error| wrong(&error))?;
                if all.version != VERSION {
                    return Err(wrong(&format!("it is of version {}, and this satpost reads {VERSION}", all.version)));
                }
                first = Some(all);
            } else {
                match serde_json::from_slice(&line).map_err(|error| wrong(&error))? {
                    Line::Mail(number, text) => {
                        let mail = STANDARD.decode(text).map_err(|error| wrong(&error))?;
                        bodies.insert(number, self.body(mail)?);
                    }
                    Line::End(said) if said != crate::hex::encode(&hash.finalize()) => {
                        return Err(wrong(&"it is damaged"));
                    }
                    Line::End(_) => break,
                }
            }
            hash.update(&line);
        }
        first.map(|all| (all, bodies)).ok_or_else(|| wrong(&"it is empty"))
    }

    fn body(&self, mail: Vec<u8>) -> Result<BodyIn, Fault> {
        if mail.len() <= INLINE {
            return Ok(BodyIn::Bytes(mail));
        }
        Ok(BodyIn::File(Arc::new(self.store.spool_bytes(&mail).map_err(Fault::temporary)?)))
    }
}

/// Makes sure that somebody who can log in as owner stays.
fn owner_stays(tx: &Tx, stays: impl Fn(&Person) -> bool) -> TxResult<()> {
    let able = |person: &&Person| person.is_owner() && !person.disabled && person.password.is_some();
    let people = tx.everybody()?;
    let mut owners = people.iter().filter(able).peekable();
    match owners.peek().is_none() || owners.any(stays) {
        true => Ok(()),
        false => reject(Fault::permanent(
            "the only owner who can log in reads there and would leave: make somebody else owner first",
        )),
    }
}

/// A file with the hash of what was written to it.
struct Hashed {
    inner: BufWriter<File>,
    hash: Sha256,
}

impl Hashed {
    fn line(&mut self, value: &impl Serialize) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.hash.update(&line);
        self.inner.write_all(&line)
    }
}
