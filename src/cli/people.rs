//! `satpost people`: adds, changes, exports and removes the people of the box.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use super::Wants;
use super::input::Secret;
use super::session::{Done, Failure, Request, Session};
use super::table::columns;
use super::{Command, input, reach};
use crate::admin::service::PersonEdit;
use crate::people::{Home, Person, Role};

mod mails;
mod words;

pub use words::People;
use words::{Add, Device, Edit, List, Try, What};

/// The box writes a copy of a person's data under this name into its own folder; the command takes it from there.
const PART: &str = "export.part";
/// A command leaves mails for the box under this name in its folder.
const MAILS: &str = "import.part";

impl People {
    /// Gives the file that 'export' makes.
    pub(super) fn exports(&self) -> Option<&Path> {
        match &self.what {
            What::Export(export) => Some(&export.file),
            _ => None,
        }
    }

    /// Has, in the command: the copy written, and takes it where it is wanted.
    pub(super) fn export(self, data: &Path, words: Vec<String>, file: &Path) -> Result<ExitCode, Failure> {
        let failed = |error: io::Error| Failure::failed(format!("{} cannot be written: {error}", file.display()));
        if file.symlink_metadata().is_ok() {
            return Err(Failure::usage(format!("{} is there already", file.display())));
        }
        let answer = reach::ask(data, &Request { args: words, input: None }, &Command::People(self))?;
        if answer.code == 0 {
            let part = data.join(PART);
            let taken = input::copy_new(&part, file, None);
            // The next copy clears it away if this fails.
            let _ = fs::remove_file(&part);
            taken.map_err(failed)?;
        }
        Ok(ExitCode::from(answer.print()))
    }

    /// Gives what 'import' reads, and for which folder.
    pub(super) fn imports(&self) -> Option<(PathBuf, String)> {
        match &self.what {
            What::Import(import) => Some((import.from.clone(), import.folder.clone())),
            _ => None,
        }
    }

    /// Has, in the command: the mails gathered for the box, and put where they belong.
    pub(super) fn import(
        self,
        data: &Path,
        words: Vec<String>,
        from: &Path,
        folder: &str,
    ) -> Result<ExitCode, Failure> {
        let part = data.join(MAILS);
        // Left behind by a command that was interrupted.
        let _ = fs::remove_file(&part);
        let gathered = mails::gather(from, folder, &part);
        let answer = gathered
            .map_err(|error| Failure::failed(format!("{} cannot be imported: {error}", from.display())))
            .and_then(|_| reach::ask(data, &Request { args: words, input: None }, &Command::People(self)));
        let _ = fs::remove_file(&part);
        Ok(ExitCode::from(answer?.print()))
    }

    /// True for 'add'.
    pub(super) fn adds(&self) -> bool {
        matches!(self.what, What::Add(_))
    }

    pub(super) fn wants(&self) -> Wants {
        match &self.what {
            What::Add(add) => Wants::Secret(Secret {
                what: format!("password of {}", add.name),
                file: add.password_file.clone(),
                optional: add.role != Role::Owner,
            }),
            What::Passwd(passwd) if !passwd.none => Wants::Secret(Secret {
                what: format!("password of {}", passwd.name),
                file: passwd.password_file.clone(),
                optional: false,
            }),
            _ => Wants::Nothing,
        }
    }

    pub(super) fn act(self, session: &mut Session) -> Done {
        let service = session.service();
        match self.what {
            What::Add(add) => return add.act(session),
            What::List(list) => list.act(session),
            What::Edit(edit) => {
                let person = known(session, &edit.name)?;
                if edit.is_empty() {
                    let words = "nothing to change: say what, such as --full-name 'Anna Smith' (see --help)";
                    return Err(Failure::usage(words));
                }
                let changed = service
                    .edit(&person.name, &edit.over(&person, &service.store.people()))
                    .map_err(Failure::of_request)?;
                let words = if changed == person { "was so already" } else { "is changed" };
                session.line(format!("{} {words}", person.name));
                unreachable(session, &changed);
            }
            What::Try(lists) => {
                let person = known(session, &lists.name)?;
                let rehearsal = service
                    .rehearse_person(&person.name, &lists.over(&person, &service.store.people()))
                    .map_err(Failure::of_request)?;
                session.line(rehearsal.words());
            }
            What::Passwd(passwd) => {
                let name = &known(session, &passwd.name)?.name;
                let password = if passwd.none { String::new() } else { session.input.clone().unwrap_or_default() };
                service.set_password(name, &password).map_err(Failure::of_request)?;
                session
                    .line(format!("{name} has {}", if passwd.none { "no log-in any more" } else { "a new password" }));
            }
            What::Device(device) => {
                let person = known(session, &device.name)?;
                let changed = service
                    .edit(&person.name, &device.over(&person, &service.store.people()))
                    .map_err(Failure::of_request)?;
                let words = far_box_of(session, &changed).map_or("no device".to_owned(), |far_box| far_box.shown());
                session.line(format!("{} has {words} and reads {}", changed.name, reads(&changed)));
                unreachable(session, &changed);
            }
            What::Number(number) => {
                let person = known(session, &number.name)?;
                let text = if number.number == "none" { String::new() } else { number.number };
                let edit = PersonEdit { number: text, ..PersonEdit::of(&person, &service.store.people()) };
                let changed = service.edit(&person.name, &edit).map_err(Failure::of_request)?;
                let words = changed.number.map_or("no service number".to_owned(), |number| format!("number {number}"));
                session.line(format!("{} has {words}", changed.name));
            }
            What::Disable(one) => {
                let name = &known(session, &one.name)?.name;
                service.disable(name, true)?;
                session.line(format!("{name} is disabled"));
            }
            What::Enable(one) => {
                let name = &known(session, &one.name)?.name;
                service.disable(name, false)?;
                session.line(format!("{name} is enabled"));
            }
            What::Remove(one) => {
                let name = &known(session, &one.name)?.name;
                service.remove(name)?;
                session.line(format!("{name} is removed"));
            }
            What::Export(export) => {
                let name = &known(session, &export.name)?.name;
                let part = session.context.store.folder().join(PART);
                // Left behind by a command that was interrupted.
                let _ = fs::remove_file(&part);
                let file = File::options().write(true).create_new(true).mode(0o600).open(&part);
                let mut file = file.map_err(|error| Failure::failed(format!("{}: {error}", part.display())))?;
                let exported = session.long(|hear| service.export(name, &mut file, hear));
                if exported.is_err() {
                    let _ = fs::remove_file(&part);
                }
                let exported = exported?;
                session.line(format!("{}: {exported} of {name}", export.file.display()));
            }
            What::Import(import) => {
                let name = &known(session, &import.name)?.name;
                let part = session.context.store.folder().join(MAILS);
                let count = session.long(|hear| service.import(name, &part, hear)).map_err(Failure::of_request)?;
                session.line(format!("{count} mails are in the folders of {name}"));
            }
            What::Erase(one) => {
                let name = &known(session, &one.name)?.name;
                let messages = service.erase(name).map_err(Failure::of_request)?;
                session
                    .line(format!("{name} is erased, with {messages} messages; the file is written anew without them"));
            }
        }
        Ok(())
    }
}

/// Finds the person of this name.
///
/// # Errors
/// Not found, when there is none.
pub fn known(session: &Session, name: &str) -> Result<std::sync::Arc<Person>, Failure> {
    session.service().person(name).map_err(|fault| Failure::not_found(fault.why()))
}

/// Warns when no message can reach them.
fn unreachable(session: &mut Session, person: &Person) {
    let store = &session.context.store;
    let policy = crate::engine::policy(store);
    if let Some(why) = policy.no_way_to(person) {
        session.err.push_str(&format!("satpost: {why}\n"));
    }
}

/// Finds the far box that a person is at.
fn far_box_of(session: &Session, person: &Person) -> Option<std::sync::Arc<crate::people::FarBox>> {
    session.context.store.people().far_box_of(person).cloned()
}

fn reads(person: &Person) -> &'static str {
    if person.home == Home::Here { "here" } else { "on the device" }
}

impl Add {
    fn act(self, session: &mut Session) -> Done {
        let joins = self.far_box.is_some();
        let device = self.far_box.unwrap_or(self.device);
        let home = self.home.unwrap_or(if device.is_empty() { Home::Here } else { Home::FarBox });
        let edit = PersonEdit {
            name: self.name,
            full_name: self.full_name,
            aliases: self.aliases,
            device_name: self.device_name,
            on_device: home == Home::FarBox,
            device,
            joins,
            forward: self.forward,
            max_parts: self.max_parts,
            role: self.role,
            password: session.input.clone().unwrap_or_default(),
            ..PersonEdit::default()
        };
        let person = session.service().add(&edit).map_err(Failure::of_request)?;
        if self.json {
            session.json(&shown(session, &person));
            return Ok(());
        }
        let log_in = if person.password.is_some() { "" } else { "; no log-in until 'satpost people passwd'" };
        session.line(format!("{} is added and reads {}{log_in}", person.name, reads(&person)));
        unreachable(session, &person);
        Ok(())
    }
}

impl Edit {
    fn is_empty(&self) -> bool {
        let given = [
            self.full_name.is_some(),
            self.aliases.is_some(),
            self.device_name.is_some(),
            self.far_box.is_some(),
            self.home.is_some(),
            self.forward.is_some(),
            self.max_parts.is_some(),
            self.budget_packets.is_some(),
            self.budget_money.is_some(),
            self.allow.is_some(),
            self.block.is_some(),
            self.machines.is_some(),
            self.strangers.is_some(),
            self.role.is_some(),
        ];
        given.iter().all(|given| !given)
    }

    fn over(self, person: &Person, people: &crate::people::People) -> PersonEdit {
        let before = PersonEdit::of(person, people);
        PersonEdit {
            full_name: self.full_name.unwrap_or(before.full_name),
            aliases: self.aliases.unwrap_or(before.aliases),
            device_name: self.device_name.unwrap_or(before.device_name),
            on_device: self.home.map_or(before.on_device, |home| home == Home::FarBox),
            joins: self.far_box.is_some(),
            device: self.far_box.unwrap_or(before.device),
            forward: self.forward.unwrap_or(before.forward),
            max_parts: self.max_parts.unwrap_or(before.max_parts),
            budget_packets: self.budget_packets.unwrap_or(before.budget_packets),
            budget_money: self.budget_money.unwrap_or(before.budget_money),
            allow: self.allow.unwrap_or(before.allow),
            block: self.block.unwrap_or(before.block),
            machines: self.machines.unwrap_or(before.machines),
            strangers: self.strangers.unwrap_or(before.strangers),
            role: self.role.unwrap_or(before.role),
            ..before
        }
    }
}

impl Try {
    fn over(self, person: &Person, people: &crate::people::People) -> PersonEdit {
        let before = PersonEdit::of(person, people);
        PersonEdit {
            allow: self.allow.unwrap_or(before.allow),
            block: self.block.unwrap_or(before.block),
            machines: self.machines.unwrap_or(before.machines),
            strangers: self.strangers.unwrap_or(before.strangers),
            ..before
        }
    }
}

impl Device {
    fn over(&self, person: &Person, people: &crate::people::People) -> PersonEdit {
        let none = self.device == "none";
        let home = self.home.unwrap_or(if none { Home::Here } else { Home::FarBox });
        PersonEdit {
            on_device: home == Home::FarBox,
            device: if none { String::new() } else { self.device.clone() },
            ..PersonEdit::of(person, people)
        }
    }
}

impl List {
    fn act(&self, session: &mut Session) {
        let people = session.service().people();
        if self.json {
            let all: Vec<_> = people.iter().map(|person| shown(session, person)).collect();
            return session.json(&all);
        }
        let mut rows = Vec::new();
        for person in &people {
            let marks = [
                (person.role != Role::Person, person.role.word()),
                (person.disabled, "disabled"),
                (person.password.is_none(), "no log-in"),
            ];
            let marks: Vec<_> = marks.iter().filter(|mark| mark.0).map(|mark| mark.1).collect();
            rows.push(vec![
                person.name.clone(),
                format!("reads {}", reads(person)),
                far_box_of(session, person).map(|far_box| far_box.handle()).unwrap_or_default(),
                person.number.map(|number| number.to_string()).unwrap_or_default(),
                marks.join(", "),
                person.full_name.clone(),
            ]);
        }
        session.out.push_str(&columns(&rows));
    }
}

/// Writes a person for scripts, without the hash of the password.
fn shown(session: &Session, person: &Person) -> serde_json::Value {
    let far_box = far_box_of(session, person);
    json!({
        "name": person.name,
        "full_name": person.full_name,
        "aliases": person.aliases,
        "device_name": far_box.as_ref().map(|far_box| far_box.name.as_str()).unwrap_or_default(),
        "home": person.home,
        "device": far_box.as_ref().map(|far_box| far_box.handle()),
        "far_box": person.far_box,
        "name_there": person.far_box.map(|_| person.name_at_sea()),
        "number": person.number,
        "forward": person.forward,
        "max_parts": person.max_parts,
        "budget_packets": person.budget_packets,
        "budget_money": person.budget_money.map(|money| money.to_string()),
        "allow": person.allow,
        "block": person.block,
        "machines": person.machines,
        "strangers": person.strangers,
        "role": person.role,
        "disabled": person.disabled,
        "log_in": person.password.is_some(),
        "added": person.added.to_string(),
    })
}
