//! Exports a person's data as one file, and erases it. The file is a tar archive with the messages as `messages.mbox` (RFC 4155, with
//! `>From` quoting), the folders of the mailbox as `Maildir`, and everything else as `data.json`: all of it can be read without
//! this program.

use std::collections::BTreeSet;
use std::io::{Seek, SeekFrom, Write};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Action, Service, person_within};
use crate::admin::auth;
use crate::clock::Time;
use crate::engine::link::{crew, relocate};
use crate::fault::Fault;
use crate::message::{Id, Message, Step};
use crate::people::Person;
use crate::settings::Key;
use crate::store::running::Job;
use crate::store::work::{self, Hear, Stage, Work};
use crate::store::{Span, TxResult};

/// Length of a record of a tar archive (POSIX.1-1988, ustar).
pub(super) const RECORD: usize = 512;

/// What a copy of somebody's data holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exported {
    pub messages: usize,
    /// Of these, the ones whose mail is damaged on the disk: only their text is in the copy, and it says so.
    pub damaged: usize,
}

impl std::fmt::Display for Exported {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{} messages", self.messages)?;
        match self.damaged {
            0 => Ok(()),
            some => write!(f, " (of {some} the mail is damaged on the disk: only the text is there)"),
        }
    }
}

impl Service {
    /// Writes all that the box has of a person into an archive.
    ///
    /// # Errors
    /// Permanent when it may not be or there is nobody of this name; temporary when something cannot be read or
    /// written.
    pub fn export(&self, name: &str, to: &mut (impl Write + Seek), hear: Hear) -> Result<Exported, Fault> {
        let own = name == self.by.name;
        let action = if own { Action::OwnExport } else { Action::ExportPerson };
        self.may(action)?;
        let person = self.person(name)?;
        let domain = self.store.settings().text(Key::Domain).to_owned();
        let messages = self.store.read(|view| view.messages_of(&person.name, &domain))?;
        let failed = |error: std::io::Error| Fault::temporary(format!("the copy cannot be written: {error}"));
        let now = self.store.clock().now();
        let begin = to.stream_position().map_err(failed)?;
        to.write_all(&[0; RECORD]).map_err(failed)?;
        let mut damaged = BTreeSet::new();
        let folders = self.store.read(|view| view.folders(&person.name))?;
        let filed: u64 = folders.iter().map(|folder| u64::from(folder.total)).sum();
        let running = self.store.works().begin(Job::Export(person.name.clone()));
        let hear: Hear = &|stage, done, total| running.at(stage, done, total) & hear(stage, done, total);
        // Once for their mails, and once for what else is known of them.
        let work = Work::new(hear, Stage::Gathering, 2 * messages.len() as u64 + filed);
        for message in self.each(&messages) {
            let message = message?;
            work.step(1).map_err(Fault::temporary)?;
            let raw = match self.store.raw(&message) {
                // Its text is there all the same: one damaged mail must not hide all others.
                Err(fault) if fault.is_permanent() => {
                    log::error!("export: {fault}");
                    damaged.insert(message.id);
                    None
                }
                raw => raw?,
            };
            entry(to, &message, raw.as_deref(), damaged.contains(&message.id)).map_err(failed)?;
        }
        finish(to, begin, &format!("{}/messages.mbox", person.name), now).map_err(failed)?;
        let begin = to.stream_position().map_err(failed)?;
        to.write_all(&[0; RECORD]).map_err(failed)?;
        // Maps, strings and numbers always serialise.
        let head = serde_json::to_string_pretty(&self.data(&person)?).unwrap_or_default();
        // The messages are its last member, and are never in memory together.
        let head = head.trim_end_matches('}').trim_end();
        write!(to, "{head},\n  \"messages\": [").map_err(failed)?;
        for (at, message) in self.each(&messages).enumerate() {
            let message = message?;
            work.step(1).map_err(Fault::temporary)?;
            let comma = if at == 0 { "" } else { "," };
            write!(to, "{comma}\n    {}", shown(&message, damaged.contains(&message.id))).map_err(failed)?;
        }
        to.write_all(b"\n  ]\n}").map_err(failed)?;
        finish(to, begin, &format!("{}/data.json", person.name), now).map_err(failed)?;
        self.put_folders(&person.name, to, &work)?;
        to.write_all(&[0; 2 * RECORD]).and_then(|()| to.flush()).map_err(failed)?;
        if !running.commits() {
            return Err(Fault::temporary(work::stopped()));
        }
        let exported = Exported { messages: messages.len(), damaged: damaged.len() };
        self.act(action, &person.name, format!("a copy of their data was made: {exported}"), |_| Ok(()))?;
        Ok(exported)
    }

    /// The messages of these numbers that are still there, one at a time.
    fn each<'s>(&'s self, ids: &'s [Id]) -> impl Iterator<Item = Result<Message, Fault>> + 's {
        ids.iter().filter_map(|id| self.store.message(*id).transpose())
    }

    /// All but the messages.
    fn data(&self, person: &Person) -> Result<Value, Fault> {
        let mut record = serde_json::to_value(person).unwrap_or_default();
        if let Some(fields) = record.as_object_mut() {
            // A hash is a secret of theirs; that there is a password is not.
            fields.insert("password".to_owned(), json!(person.password.is_some()));
        }
        let sessions = auth::alive(&self.store)?;
        let sessions = sessions.iter().filter(|(_, session)| session.person == person.name);
        let sessions: Vec<_> = sessions
            .map(|(_, session)| json!({"since": session.created.to_string(), "seen": session.seen.to_string(), "from": session.from}))
            .collect();
        let (usage, audit, contacts, costs) = self.store.read(|view| {
            let audit = view.audit(None, &person.name, usize::MAX)?;
            let usage = view.usage(Span::Day, Some(&person.name))?;
            Ok((usage, audit, view.contacts(&person.name)?, view.used_by(&person.name)?))
        })?;
        let contacts: Vec<_> =
            contacts.iter().map(|(to, at)| json!({"address": to, "last_written_to": at.to_string()})).collect();
        let currency = self.store.settings().text(Key::PriceCurrency).to_owned();
        let costs: Vec<_> = costs
            .iter()
            .map(|(month, used)| {
                json!({
                    "month": month, "packets": used.packets, "texts": used.texts, "money": used.money.to_string(),
                    "currency": currency,
                })
            })
            .collect();
        let audit: Vec<_> = audit
            .into_iter()
            .map(|(_, record)| record)
            .filter(|record| record.who == person.name || record.about == person.name)
            .map(|record| json!({"at": record.at.to_string(), "who": record.who, "action": record.action, "words": record.words}))
            .collect();
        Ok(json!({
            "person": record, "log_ins": sessions, "usage": usage, "contacts": contacts, "costs": costs, "audit": audit,
        }))
    }

    /// Erases a person: their messages, but for those that somebody else here wrote or got, log-ins, contacts, counts.
    /// The audit log keeps that it happened. Gives the number of messages that went.
    ///
    /// # Errors
    /// Permanent when it may not be, they are the last owner, or a link has a part of a message of theirs.
    pub fn erase(&self, name: &str) -> Result<usize, Fault> {
        self.may(Action::ErasePerson)?;
        let name = self.person(name)?.name.clone();
        let (by, now) = (self.by.role, self.store.clock().now());
        self.act(Action::ErasePerson, "(erased)", "a person and their data were erased", move |tx| -> TxResult<usize> {
            let person = person_within(tx, &name, by)?;
            let owned = super::has_owner(tx)?;
            let erased = tx.erase_person(&person, now)?;
            crew::erase(tx, &person, &erased)?;
            // What went along with their far box has their messages.
            let far_box = person.far_box.map(|id| tx.far_box(id)).transpose()?.flatten();
            if let Some(moved) = far_box.and_then(|far_box| far_box.moved_out) {
                relocate::forget(tx, &moved.ticket)?;
            }
            super::still_owned(tx, owned)?;
            Ok(erased.messages.len())
        })
    }
}

fn shown(message: &Message, damaged: bool) -> Value {
    let step = |step: &Step| json!({"at": step.at.to_string(), "state": step.state.words(), "cause": step.cause.to_string(), "packets": step.packets});
    json!({
        "id": message.id.to_string(), "damaged": damaged, "from": message.from, "from_name": message.sender.name, "to": message.to, "subject": message.subject,
        "cost": message.bill.as_ref().map(|bill| bill.total().money.to_string()),
        "accepted": message.accepted.to_string(), "state": message.state.words(), "reason": message.reason.to_string(),
        "time_line": message.steps.iter().map(step).collect::<Vec<_>>(),
    })
}

/// Writes a message as an entry of an mbox: lines end with a line feed, and `From ` at the start of one is quoted.
fn entry(to: &mut impl Write, message: &Message, raw: Option<&[u8]>, damaged: bool) -> std::io::Result<()> {
    let at = Timestamp::from_second(message.accepted.seconds()).unwrap_or_default();
    let sender = message.return_path().mailbox().map_or("MAILER-DAEMON".to_owned(), ToString::to_string);
    writeln!(to, "From {sender} {}", at.strftime("%a %b %e %H:%M:%S %Y"))?;
    let made;
    let mail = match raw {
        Some(raw) => raw,
        None => {
            made = format!(
                "From: {}\nTo: {}\nSubject: {}\nDate: {}\n{}{}MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\
                 Content-Transfer-Encoding: 8bit\n\n{}",
                message.from,
                message.to,
                message.subject,
                at.strftime("%a, %d %b %Y %H:%M:%S +0000"),
                thread(message),
                if damaged { "X-Satpost-Damaged: the mail cannot be read any more; this is its text\n" } else { "" },
                message.text
            );
            made.as_bytes()
        }
    };
    for line in mail.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let bare = line.iter().position(|byte| *byte != b'>').unwrap_or(line.len());
        if line[bare..].starts_with(b"From ") {
            to.write_all(b">")?;
        }
        to.write_all(line)?;
        to.write_all(b"\n")?;
    }
    to.write_all(b"\n")
}

/// The header lines that say which thread a message belongs to.
fn thread(message: &Message) -> String {
    let line = |name: &str, ids: &[String]| match ids {
        [] => String::new(),
        ids => format!("{name}: {}\n", ids.join("\n ")),
    };
    let answered = &message.references[message.references.len().saturating_sub(1)..];
    line("Message-ID", message.message_id.as_slice())
        + &line("In-Reply-To", answered)
        + &line("References", &message.references)
}

/// Fills a file of an archive up to a whole record, and writes the header that was left free for it at `begin`.
fn finish(to: &mut (impl Write + Seek), begin: u64, name: &str, now: Time) -> std::io::Result<()> {
    let end = to.stream_position()?;
    let size = end - begin - RECORD as u64;
    to.write_all(&[0; RECORD][..pad(size)])?;
    let after = to.stream_position()?;
    to.seek(SeekFrom::Start(begin))?;
    to.write_all(&header(name, size, now))?;
    to.seek(SeekFrom::Start(after)).map(drop)
}

/// Bytes that fill a file of this size up to a whole record.
pub(super) fn pad(size: u64) -> usize {
    // Less than a record.
    (RECORD as u64 - size % RECORD as u64) as usize % RECORD
}

/// The header of a file in the archive; a long name is divided at a slash (POSIX.1-1988).
pub(super) fn header(path: &str, size: u64, now: Time) -> [u8; RECORD] {
    let (prefix, name) = match path.len() <= 100 {
        true => ("", path),
        false => path.split_at_checked(path.len() - 100).map_or(("", path), |(_, end)| {
            let at = path.len() - 100 + end.find('/').unwrap_or(0);
            (&path[..at], &path[at + 1..])
        }),
    };
    let mut header = [0; RECORD];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    // Names of people have at most 32 bytes, those of folders in a path 100, and of files 60: both fields are long enough.
    put(0, &name[..name.floor_char_boundary(100)]);
    put(345, &prefix[..prefix.floor_char_boundary(155)]);
    put(100, "0000600\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{size:011o}\0"));
    put(136, &format!("{:011o}\0", now.seconds().max(0)));
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::admin::service::tests::Place;
    use crate::admin::service::{Actor, PersonEdit};
    use crate::engine::Context;
    use crate::engine::link::coders::Coders;
    use crate::intake;
    use crate::status::StatusBoard;
    use crate::store::work::UNHEARD;

    fn message(context: &Context, from: &str, to: &str, text: &str) -> crate::message::Id {
        let author = context.store.people().get(from).cloned().unwrap();
        let form =
            intake::ComposeForm { to: to.into(), subject: "Hello".into(), text: text.into(), ..Default::default() };
        intake::compose(context, &author, &form).unwrap().ids()[0]
    }

    #[test]
    fn a_persons_data_is_taken_along_and_erased() {
        let place = Place::new();
        let service = place.service();
        let (_stop, stop) = smol::channel::bounded(1);
        let context = Context {
            coders: Coders::new(place.store.folder()),
            store: place.store.clone(),
            callers: crate::link::callers::Callers::default(),
            status: StatusBoard::default(),
            stop,
            link: None,
        };
        service.set("box.domain", "sea.org").unwrap();
        for name in ["anna", "ben"] {
            service.add(&PersonEdit { name: name.into(), ..PersonEdit::default() }).unwrap();
        }
        let outside = message(&context, "ben", "bob@world.org", "From here\nto there");
        let shared = message(&context, "ben", "anna@sea.org", "for both");
        let own = message(&context, "ben", "ben@sea.org", "a note");
        let other = message(&context, "anna", "bob@world.org", "not his");
        let mut file = Cursor::new(Vec::new());
        assert_eq!(service.export("ben", &mut file, UNHEARD).unwrap(), Exported { messages: 3, damaged: 0 });
        let file = file.into_inner();
        assert!(file.len() % RECORD == 0 && &file[257..262] == b"ustar");
        let text = String::from_utf8(file).unwrap();
        assert!(text.contains("ben/messages.mbox") && text.contains("ben/data.json"));
        assert!(text.contains("\n>From here\nto there\n") && text.contains("for both") && !text.contains("not his"));
        assert!(!text.contains("argon2"));
        // A person takes their own, and nobody else's.
        let own_service = Service::new(&place.store, Actor::person("ben", crate::people::Role::Person, ""));
        assert!(own_service.export("ben", &mut Cursor::new(Vec::new()), UNHEARD).is_ok());
        assert!(own_service.export("anna", &mut Cursor::new(Vec::new()), UNHEARD).is_err());
        assert!(own_service.erase("ben").is_err());

        let before = place.store.ledger().unwrap();
        assert_eq!(service.erase("ben").unwrap(), 2);
        let kept = |id| place.store.message(id).unwrap();
        assert!(kept(outside).is_none() && kept(own).is_none() && kept(other).is_some());
        assert_eq!(kept(shared).unwrap().author, None);
        assert_eq!(place.store.read(|view| view.mailbox("anna", None, 9)).unwrap().len(), 1);
        let after = place.store.ledger().unwrap();
        assert!(after.totals.values().all(crate::store::Totals::balance));
        let accepted =
            |ledger: &crate::store::Ledger| ledger.totals.values().map(|totals| totals.accepted).sum::<u64>();
        assert_eq!(accepted(&before), accepted(&after));
        let usage = place.store.read(|view| view.usage(Span::Person, None)).unwrap();
        assert!(usage.iter().all(|row| row.person != "ben") && usage[0].counts.taken["web"] == 4);
        let audit = place.store.read(|view| view.audit(None, "", 100)).unwrap();
        assert!(audit.iter().any(|(_, record)| record.action == "people.erase"));
        let events = place.store.read(|view| view.events(100)).unwrap();
        let all = format!("{audit:?} {events:?}");
        assert!(!all.contains("ben"), "{all}");
        assert!(place.store.people().get("ben").is_none());
    }

    #[test]
    fn tar_reads_the_archive() {
        let place = Place::new();
        place.service().add(&PersonEdit { name: "ben".into(), ..PersonEdit::default() }).unwrap();
        let path = place.store.folder().join("ben.tar");
        place.service().export("ben", &mut std::fs::File::create(&path).unwrap(), UNHEARD).unwrap();
        let listed = std::process::Command::new("tar").arg("-tvf").arg(&path).output().unwrap();
        let text = String::from_utf8(listed.stdout).unwrap();
        assert!(
            listed.status.success() && text.contains("ben/messages.mbox") && text.contains("ben/data.json"),
            "{text}"
        );
    }
}
