//! The one way in which the service changes anything: the right is checked, and the change, its line in the audit log and
//! its event are one commit. So no operation can forget its record.

use std::sync::Arc;

use super::{Action, Actor, Service, nobody};
use crate::engine::actions::{Applied, MessageAction};
use crate::engine::link::whole::request;
use crate::fault::Fault;
use crate::message::Id;
use crate::message::events::EventKind;
use crate::password;
use crate::people::{Person, Role};
use crate::store::running::{Job, Stopped};
use crate::store::work::{self, Hear};
use crate::store::{Contents, Drill, Event, Record, Store, Tx, TxResult, reject};

impl Service {
    /// Makes the service for somebody.
    pub fn new(store: &Store, by: Actor) -> Self {
        Self { store: store.clone(), by }
    }

    /// Checks whether the actor may do this.
    ///
    /// # Errors
    /// Permanent, with who may.
    pub fn may(&self, action: Action) -> Result<(), Fault> {
        match action.least() {
            least if self.by.role >= least => Ok(()),
            Role::Operator => Err(Fault::permanent("only an operator or the owner of the box can do this")),
            _ => Err(Fault::permanent("only the owner of the box can do this")),
        }
    }

    /// Checks whether the actor may change somebody of this role: nobody changes, or gives, more than they have.
    ///
    /// # Errors
    /// Permanent, with the reason.
    pub fn may_touch(&self, role: Role) -> Result<(), Fault> {
        match self.by.role >= role {
            true => Ok(()),
            false => Err(Fault::permanent(format!("only an {} can do this with an {}", role.word(), role.word()))),
        }
    }

    /// Does something, if it may be done, and records it.
    pub(super) fn act<T: Send + 'static>(
        &self,
        action: Action,
        about: &str,
        words: impl Into<String>,
        mut job: impl FnMut(&mut Tx) -> TxResult<T> + Send + 'static,
    ) -> Result<T, Fault> {
        self.may(action)?;
        let record = self.record(action, about, words);
        let event = self.event(action, &record.words);
        self.store.write(move |tx| {
            let done = job(tx)?;
            tx.audit(&record)?;
            event.as_ref().map_or(Ok(()), |event| tx.event(event))?;
            Ok(done)
        })
    }

    fn record(&self, action: Action, about: &str, words: impl Into<String>) -> Record {
        Record {
            at: self.store.clock().now(),
            who: self.by.name.clone(),
            from: self.by.from.clone(),
            action: action.word().to_owned(),
            about: about.to_owned(),
            words: words.into(),
            ..Record::default()
        }
    }

    /// Makes an event of what changes people, far boxes and settings, for the front page.
    fn event(&self, action: Action, words: &str) -> Option<Event> {
        let part = action.word().split('.').next()?;
        let part = Some(part).filter(|part| ["people", "far-box", "settings", "link"].contains(part))?;
        let kind = EventKind::Done { what: words.to_owned(), by: self.by.sign() };
        Some(Event { at: self.store.clock().now(), part: part.to_owned(), link: None, kind, alarm: false })
    }

    /// Writes down something that happens often; it joins the record of the same action of that day.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn note(&self, action: Action, about: &str, words: &str) -> Result<(), Fault> {
        let record = self.record(action, about, words);
        // Who logs in to a box whose disk can only be read is let in.
        self.store.write_for_now(move |tx| tx.audit_again(&record))
    }

    /// Finds the person of this name and password. Takes as long for an unknown name as for a known one, and waits for
    /// its turn: one hash at a time.
    ///
    /// # Errors
    /// Permanent when the two do not belong together.
    pub fn log_in(&self, name: &str, password: &str) -> Result<Arc<Person>, Fault> {
        let person = self.store.people().get(name.trim()).cloned();
        let right = password::verify(person.as_deref(), password);
        // A name that nobody has may be a password in the wrong field: it is not written down.
        let known = person.as_ref().map_or("an unknown name", |person| person.name.as_str());
        match person.as_ref().filter(|_| right) {
            Some(person) => {
                let by = Actor { name: person.name.clone(), role: person.role, from: self.by.from.clone() };
                Self::new(&self.store, by).note(Action::LogIn, "", "logged in on the page")?;
                Ok(Arc::clone(person))
            }
            None => {
                let told = self.note(Action::LogInFailed, known, "a wrong password was given on the page");
                told.unwrap_or_else(|fault| log::warn!("audit: {fault}"));
                Err(Fault::permanent("Name or password is wrong."))
            }
        }
    }

    /// True when this is the password of the actor, who has to give it once more.
    pub fn is_own_password(&self, password: &str) -> bool {
        let people = self.store.people();
        let right = password::verify(people.get(&self.by.name).map(|person| &**person), password);
        if !right && let Err(fault) = self.note(Action::LogInFailed, "", "gave a wrong password when asked once more") {
            log::warn!("audit: {fault}");
        }
        right
    }

    /// Applies an action to a message and says so in a sentence.
    ///
    /// # Errors
    /// Permanent when it may not be, or it is too late.
    pub fn act_on(&self, wanted: MessageAction, id: Id) -> Result<Applied, Fault> {
        let (action, words) = match wanted {
            MessageAction::Hold => (Action::Hold, "held"),
            MessageAction::Release => (Action::Release, "released"),
            MessageAction::Allow => (Action::Allow, "released, and its sender is allowed from now on"),
            MessageAction::Cancel => (Action::Cancel, "cancelled"),
            MessageAction::Retry => (Action::Retry, "tried again"),
            MessageAction::Again => (Action::Again, "sent again, though it may have arrived"),
        };
        let policy = crate::engine::policy(&self.store);
        let (who, now) = (self.by.sign(), self.store.clock().now());
        self.act(action, &id.to_string(), words, move |tx| wanted.apply(tx, &policy, id, &who, now))
    }

    /// Cancels a message for the one who wrote it, and says so in a sentence.
    ///
    /// # Errors
    /// Permanent when somebody else wrote it, or it is too late.
    pub fn take_back(&self, id: Id) -> Result<Applied, Fault> {
        let policy = crate::engine::policy(&self.store);
        let (me, who, now) = (self.by.name.clone(), self.by.sign(), self.store.clock().now());
        self.act(Action::TakeBack, &id.to_string(), "taken back", move |tx| match tx.find(id)? {
            Some(message) if message.is_by(&me) => MessageAction::Cancel.apply(tx, &policy, id, &who, now),
            _ => reject(Fault::permanent(format!("there is no message {id} of yours"))),
        })
    }

    /// Asks the far box for the whole mail of a message of which the text came.
    ///
    /// # Errors
    /// Permanent where there is nothing to ask for.
    pub fn get_whole(&self, id: Id) -> Result<(), Fault> {
        self.act(Action::GetWhole, &id.to_string(), "whole mail asked for", move |tx| request::ask(tx, id))
    }

    /// Takes the note about new items in quarantine off the front page; the items stay.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn see_quarantine(&self, note: &'static str, newest: u64) -> Result<(), Fault> {
        let about = format!("up to {newest}");
        self.act(Action::SeeQuarantine, "", about, move |tx| tx.put_note(note, Some(newest.to_string().as_bytes())))
    }

    /// Takes a step of the set-up off the list.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn waive(&self, note: &'static str, step: &'static str) -> Result<(), Fault> {
        self.act(Action::WaiveStep, step, "not needed", move |tx| {
            let before = tx.note(note)?.unwrap_or_default();
            let mut names = String::from_utf8_lossy(&before).into_owned();
            if !names.split_whitespace().any(|name| name == step) {
                names = format!("{names} {step}");
            }
            tx.put_note(note, Some(names.trim_start().as_bytes()))
        })
    }

    /// Writes a line to the modem down: its command only, as a line may hold a message. False for one from a form, named
    /// `once`, that was sent before: the line is not to go again.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn console_line(&self, line: &str, once: &str) -> Result<bool, Fault> {
        let end = line.find([' ', '=', ',', '*']).unwrap_or(line.len()).min(8);
        let command = line.get(..end).unwrap_or("a line").to_owned();
        self.may(Action::ConsoleLine)?;
        let (form, now) = (format!("line:{}:{once}", self.by.name), self.store.clock().now());
        if !once.is_empty() && !self.store.write(move |tx| tx.once(&form, now))? {
            return Ok(false);
        }
        self.act(Action::ConsoleLine, "", format!("sent {command} to the modem"), |_| Ok(true))
    }

    /// Ends or changes a session of the page.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn session(
        &self,
        action: Action,
        about: &str,
        words: &str,
        hash: &str,
        json: Option<Vec<u8>>,
    ) -> Result<(), Fault> {
        let hash = hash.to_owned();
        self.act(action, about, words, move |tx| tx.put_session(&hash, json.as_deref()))
    }

    /// Makes a backup.
    ///
    /// # Errors
    /// As [`Store::backup`].
    pub fn backup(&self, to: &std::path::Path, hear: Hear) -> Result<Contents, Fault> {
        self.may(Action::Backup)?;
        let running = self.store.works().begin(Job::Backup);
        let hear: Hear = &|stage, done, total| running.at(stage, done, total) & hear(stage, done, total);
        let contents = self.store.backup(to, hear)?;
        if !running.commits() {
            let _ = std::fs::remove_file(to);
            return Err(Fault::temporary(format!("the backup failed: {}", work::stopped())));
        }
        self.act(Action::Backup, "", "a backup was made", |_| Ok(()))?;
        Ok(contents)
    }

    /// Stops a long work, which leaves nothing half done; says what it was for. `None` when it is over already.
    ///
    /// # Errors
    /// Permanent when it may not be.
    pub fn stop_work(&self, number: u64) -> Result<Option<Job>, Fault> {
        self.may(Action::StopWork)?;
        let Some(Stopped { job, again }) = self.store.works().stop(number) else { return Ok(None) };
        if again {
            return Ok(Some(job));
        }
        let (about, words) = match &job {
            Job::Backup => ("", "a backup was stopped"),
            Job::Export(name) => (name.as_str(), "a copy of their data was stopped"),
            Job::Import(name) => (name.as_str(), "an import of mails was stopped"),
            Job::Rewrite if self.store.owes_erasure()? => {
                ("", "writing the file anew was stopped: what was erased is still in it")
            }
            Job::Rewrite => ("", "writing the file anew was stopped"),
            Job::Coder(_) => ("", "learning a coding model was stopped"),
            Job::Drill => ("", "trying a backup out was stopped"),
        };
        self.act(Action::StopWork, about, words, |_| Ok(()))?;
        Ok(Some(job))
    }

    /// Notes that the backup is where it was wanted.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn backup_was_taken(&self) -> Result<(), Fault> {
        self.may(Action::Backup)?;
        let now = self.store.clock().now();
        self.store.write(move |tx| tx.note_backup(now))
    }

    /// Writes down whether a backup brings a box back.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn note_drill(&self, drill: Drill) -> Result<(), Fault> {
        let words = match &drill.fault {
            None => format!("a backup was tried out: it brings a box back, with {} messages", drill.messages),
            Some(why) => format!("a backup was tried out, and brings no box back: {why}"),
        };
        self.act(Action::Drill, "", words, move |tx| tx.note_drill(&drill))
    }

    /// Writes down that a backup was left to be put in place.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn note_restore(&self) -> Result<(), Fault> {
        self.act(Action::Restore, "", "a backup was left for the next start", |_| Ok(()))
    }

    /// Writes down that a backup was put in place.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn restored(&self) -> Result<(), Fault> {
        self.act(Action::Restore, "", "a backup was put in place", |_| Ok(()))
    }
}

/// Reads a person as they are in the store at this moment; fails for one whose role is above that of the actor.
pub(super) fn person_within(tx: &Tx, name: &str, by: Role) -> TxResult<Person> {
    match tx.person(name)? {
        None => reject(nobody(name)),
        Some(person) if person.role > by => {
            reject(Fault::permanent(format!("only an {} can do this with an {0}", person.role.word())))
        }
        Some(person) => Ok(person),
    }
}
