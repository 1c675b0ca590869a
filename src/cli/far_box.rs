//! `satpost far-box`: adds, changes and removes far boxes, and lets their people in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use super::moved_file::{self, Part, along};
use super::session::{Done, Failure, Request, Session};
use super::table::{columns, counted};
use super::{Command, input, reach};
use crate::admin::service::FarBoxEdit;
use crate::people::{FarBox, Home, Newcomers, Person};

/// Manage far boxes: who is at the other end of the links, and who reads there.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "far-box",
    example = "A boat with two ways to it, whose crew may come by themselves:

  satpost far-box add vela --address 0x001abe --address imei:300234010753370 --newcomers allow
  satpost people add bob --far-box vela < /dev/null",
    note = "A far box is meant by its name or by one of its addresses: m138:0x001abe (or 0x001abe alone), imei:..., ip:...."
)]
pub struct FarBoxes {
    #[argh(subcommand)]
    what: What,
}

#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand)]
enum What {
    List(List),
    Add(Add),
    Show(Show),
    Set(Set),
    Admit(Admit),
    Refuse(Refuse),
    Remove(Remove),
    MoveOut(MoveOut),
    MoveIn(MoveIn),
}

/// List the far boxes, with their addresses and people.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "list")]
struct List {
    /// print JSON
    #[argh(switch)]
    json: bool,
}

/// Add a far box. One that writes first is added by itself.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "add")]
struct Add {
    /// what people call it
    #[argh(positional)]
    name: String,
    /// where a link reaches it; may be given several times
    #[argh(option)]
    address: Vec<String>,
    /// its people may come by themselves: ask, allow or refuse (default: ask)
    #[argh(option, default = "Newcomers::Ask")]
    newcomers: Newcomers,
}

/// Show a far box: addresses, people, and what the two boxes know of each other.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "show")]
struct Show {
    /// name or address
    #[argh(positional)]
    far_box: String,
    /// print JSON
    #[argh(switch)]
    json: bool,
}

/// Change a far box; what is not given stays as it is.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "set")]
struct Set {
    /// name or address
    #[argh(positional)]
    far_box: String,
    /// what people call it; empty for none
    #[argh(option)]
    name: Option<String>,
    /// another address of it; may be given several times
    #[argh(option)]
    add_address: Vec<String>,
    /// an address that it has no more; may be given several times
    #[argh(option)]
    remove_address: Vec<String>,
    /// its people may come by themselves: ask, allow or refuse
    #[argh(option)]
    newcomers: Option<Newcomers>,
}

/// Give somebody of a far box, who asked for it, an address here. What they wrote goes on.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "admit")]
struct Admit {
    /// name or address of the far box
    #[argh(positional)]
    far_box: String,
    /// their name there
    #[argh(positional)]
    name: String,
    /// another name in their address here (default: the same, with the name of the far box behind it where somebody has that)
    #[argh(option)]
    address_name: Option<String>,
}

/// Give somebody of a far box no address here. What they wrote is refused, and they are told.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "refuse")]
struct Refuse {
    /// name or address of the far box
    #[argh(positional)]
    far_box: String,
    /// their name there
    #[argh(positional)]
    name: String,
}

/// Remove a far box that nobody is at. Of one that moved to another gateway its people go with it.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "remove")]
struct Remove {
    /// name or address
    #[argh(positional)]
    far_box: String,
}

/// Give a far box to another gateway: with its people, what the two boxes know of each other, and the messages for it that are not
/// done. From then on this box takes nothing from there and sends nothing there; the same command writes the same file again.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "move-out")]
struct MoveOut {
    /// name or address
    #[argh(positional)]
    far_box: String,
    /// file to make, for 'move-in' at the other gateway. It holds what people wrote, and hashes of passwords
    #[argh(positional)]
    file: PathBuf,
}

/// Take a far box over from another gateway, with all that came along.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "move-in")]
struct MoveIn {
    /// the file that 'move-out' made there
    #[argh(positional)]
    file: PathBuf,
}

impl FarBoxes {
    /// True for what writes or reads a file of whoever gave the command.
    pub(super) fn moves(&self) -> bool {
        matches!(self.what, What::MoveOut(_) | What::MoveIn(_))
    }

    /// Has, in the command: the far box moved, and the file taken from where the box can write, or put where it can read.
    pub(super) fn go(self, data: &Path, words: Vec<String>) -> Result<ExitCode, Failure> {
        let mut part = Part::new(data)?;
        match &self.what {
            What::MoveOut(out) => {
                let (name, file) = (out.far_box.clone(), out.file.clone());
                let shown = file.display();
                if file.symlink_metadata().is_ok() {
                    let ticket = moved_file::ticket(&file);
                    part.ticket = Some(ticket.ok_or_else(|| Failure::usage(format!("{shown} is there already")))?);
                }
                // Nothing leaves before there is a place for it.
                let target = input::Beside::new(&file)
                    .map_err(|error| Failure::failed(format!("{shown} cannot be written: {error}")))?;
                let request = Request { args: words, input: Some(part.said()) };
                let answer = reach::ask(data, &request, &Command::FarBox(self))?;
                if answer.code == 0 {
                    let taken = target.fill(&part.path);
                    // The next start clears it away if this fails.
                    let _ = fs::remove_file(&part.path);
                    taken.map_err(|error| {
                        let again = "'satpost far-box move-out' writes it again, there or elsewhere";
                        Failure::failed(format!("{name} has left, but {shown} cannot be written: {error}; {again}"))
                    })?;
                }
                Ok(ExitCode::from(answer.print()))
            }
            What::MoveIn(moved) => {
                let file = moved.file.clone();
                let request = Request { args: words, input: Some(part.said()) };
                let answer = input::copy_new(&file, &part.path, Some(data))
                    .map_err(|error| Failure::failed(format!("{} cannot be read: {error}", file.display())))
                    .and_then(|()| reach::ask(data, &request, &Command::FarBox(self)));
                let _ = fs::remove_file(&part.path);
                Ok(ExitCode::from(answer?.print()))
            }
            _ => Err(Failure::usage("nothing moves by this command")),
        }
    }

    pub(super) fn act(self, session: &mut Session) -> Done {
        let service = session.service();
        match self.what {
            What::List(list) => list.act(session),
            What::Add(add) => {
                let edit = FarBoxEdit { name: add.name, addresses: add.address.join(" "), newcomers: add.newcomers };
                let far_box = service.add_far_box(&edit).map_err(Failure::of_request)?;
                session.line(format!("{} is added", far_box.shown()));
            }
            What::Show(show) => return show.act(session),
            What::Set(set) => {
                let before = known(session, &set.far_box)?;
                let edit = set.over(&before)?;
                let after = service.edit_far_box(before.id, &edit).map_err(Failure::of_request)?;
                let words = if after == before { "was so already" } else { "is changed" };
                session.line(format!("{} {words}", after.shown()));
            }
            What::Admit(admit) => {
                let far_box = known(session, &admit.far_box)?;
                let person = service.admit(far_box.id, &admit.name, admit.address_name.as_deref());
                let person = person.map_err(Failure::of_request)?;
                let address = crate::engine::policy(&session.context.store).address_of(&person);
                let address = address.map_or(person.name.clone(), |address| address.to_string());
                session.line(format!("{} of {} is {address} here", admit.name, far_box.shown()));
            }
            What::Refuse(refuse) => {
                let far_box = known(session, &refuse.far_box)?;
                service.refuse(far_box.id, &refuse.name).map_err(Failure::of_request)?;
                session.line(format!("{} of {} gets no address here", refuse.name, far_box.shown()));
            }
            What::MoveOut(out) => {
                let far_box = known(session, &out.far_box)?;
                let part = Part::of(session)?;
                // The file that is there is replaced by the same one, and by no other.
                let now = far_box.moved_out.as_ref().map(|moved| &moved.ticket);
                if part.ticket.is_some() && part.ticket.as_ref() != now {
                    return Err(Failure::usage(format!("{} is there already, of another move", out.file.display())));
                }
                let left = service.move_out(&session.context.callers, far_box.id, &part.path).map_err(|fault| {
                    let mut failure = Failure::of_request(fault);
                    let people = session.context.store.people();
                    if people.far_boxes().any(|now| now.id == far_box.id && now.moved_out.is_some()) {
                        failure.why.push_str(
                            "; it has left all the same: the same command writes the file once that is corrected",
                        );
                    }
                    failure
                })?;
                let along = along(&left.people, left.messages);
                session.line(format!("{} has left{along}: {}", left.name, out.file.display()));
                if left.damaged > 0 {
                    session.line(format!("of {} only the text goes along", counted(left.damaged, "mail")));
                }
            }
            What::MoveIn(_) => {
                let here = service.move_in(&Part::of(session)?.path).map_err(Failure::of_request)?;
                session.line(match here.before {
                    true => format!("{} came from {} by this file before", here.name, here.from),
                    false => {
                        format!("{} is here, from {}{}", here.name, here.from, along(&here.people, here.messages))
                    }
                });
            }
            What::Remove(remove) => {
                let far_box = known(session, &remove.far_box)?;
                let people = session.context.store.people();
                let moved = people.of_far_box(far_box.id).filter(|person| person.home == Home::FarBox);
                let moved: Vec<_> = match far_box.moved_out {
                    Some(_) => moved.map(|person| person.name.clone()).collect(),
                    None => Vec::new(),
                };
                service.remove_far_box(far_box.id).map_err(Failure::of_request)?;
                session.line(format!("{} is removed{}", far_box.shown(), along(&moved, 0)));
            }
        }
        Ok(())
    }
}

fn known(session: &Session, text: &str) -> Result<std::sync::Arc<FarBox>, Failure> {
    session.service().far_box(text).map_err(|fault| Failure::not_found(fault.why()))
}

impl Set {
    fn over(self, before: &FarBox) -> Result<FarBoxEdit, Failure> {
        if self.name.is_none()
            && self.newcomers.is_none()
            && self.add_address.is_empty()
            && self.remove_address.is_empty()
        {
            return Err(Failure::usage("nothing to change: say what, such as --name vela (see --help)"));
        }
        let mut addresses = before.addresses.clone();
        for text in &self.remove_address {
            let address = text.parse().map_err(|why: crate::address::DeviceError| Failure::usage(why.to_string()))?;
            if !addresses.contains(&address) {
                return Err(Failure::not_found(format!("{address} is no address of {}", before.shown())));
            }
            addresses.retain(|known| *known != address);
        }
        let kept = addresses.iter().map(ToString::to_string);
        let addresses: Vec<_> = kept.chain(self.add_address).collect();
        Ok(FarBoxEdit {
            name: self.name.unwrap_or(before.name.clone()),
            addresses: addresses.join(" "),
            newcomers: self.newcomers.unwrap_or(before.newcomers),
        })
    }
}

impl List {
    fn act(&self, session: &mut Session) {
        let people = session.context.store.people();
        if self.json {
            let all: Vec<_> = people.far_boxes().map(|far_box| shown(session, far_box)).collect();
            return session.json(&all);
        }
        let mut rows = Vec::new();
        for far_box in people.far_boxes() {
            let names: Vec<_> = people.of_far_box(far_box.id).map(|person| person.name.as_str()).collect();
            let asked = match &far_box.moved_out {
                Some(_) => "moved to another gateway".to_owned(),
                None if far_box.asked.is_empty() => String::new(),
                None => format!("asked: {}", far_box.asked.join(", ")),
            };
            rows.push(vec![far_box.shown(), FarBoxEdit::of(far_box).addresses, names.join(", "), asked]);
        }
        session.out.push_str(&columns(&rows));
    }
}

impl Show {
    fn act(&self, session: &mut Session) -> Done {
        let far_box = known(session, &self.far_box)?;
        if self.json {
            session.json(&shown(session, &far_box));
            return Ok(());
        }
        let talk = session.context.talk(Some(far_box.id))?;
        let people = session.context.store.people();
        session.line(format!("{}, known since {}", far_box.shown(), far_box.added));
        if let Some(moved) = &far_box.moved_out {
            session.line(format!("moved to another gateway {}: 'satpost far-box remove' forgets it here", moved.at));
        }
        for address in &far_box.addresses {
            session.line(format!("  {address}"));
        }
        session.line(format!("coding: {}", talk.words()));
        session.line(format!("new people: {}", far_box.newcomers.word()));
        let mut rows = Vec::new();
        for person in people.of_far_box(far_box.id) {
            rows.push(vec![format!("  {}", person.name), there(person), person.full_name.clone()]);
        }
        session.out.push_str(&columns(&rows));
        for name in &far_box.asked {
            session.line(format!("  {name} asks for an address: satpost far-box admit {} {name}", quoted(&far_box)));
        }
        for name in &far_box.refused {
            session.line(format!("  {name} was refused"));
        }
        Ok(())
    }
}

fn quoted(far_box: &FarBox) -> String {
    let handle = far_box.handle();
    if handle.contains(' ') { format!("'{handle}'") } else { handle }
}

fn there(person: &Person) -> String {
    if person.sea_name.is_empty() { String::new() } else { format!("there {}", person.sea_name) }
}

/// Writes a far box for scripts.
fn shown(session: &Session, far_box: &FarBox) -> serde_json::Value {
    let people = session.context.store.people();
    let talk = session.context.talk(Some(far_box.id)).ok();
    json!({
        "number": far_box.id,
        "name": far_box.name,
        "addresses": far_box.addresses,
        "newcomers": far_box.newcomers,
        "people": people.of_far_box(far_box.id)
            .map(|person| json!({ "name": person.name, "there": person.name_at_sea() })).collect::<Vec<_>>(),
        "asked": far_box.asked,
        "refused": far_box.refused,
        "coding": talk.as_ref().map(|talk| talk.coding.clone()),
        "unconfirmed": talk.as_ref().map(|talk| talk.unconfirmed),
        "heard": talk.and_then(|talk| talk.heard).map(|at| at.to_string()),
        "added": far_box.added.to_string(),
        "moved_out": far_box.moved_out.as_ref().map(|moved| moved.at.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_along_is_counted_and_nothing_is_left_out() {
        let people = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(along(&people(&["anna", "ben"]), 4), ", with anna, ben and 4 messages");
        assert_eq!(along(&people(&["anna"]), 1), ", with anna and 1 message");
        assert_eq!(along(&people(&["anna"]), 0), ", with anna");
        assert_eq!(along(&[], 1), ", with 1 message");
        assert_eq!(along(&[], 0), "");
        assert_eq!((counted(1, "mail").as_str(), counted(2, "mail").as_str()), ("1 mail", "2 mails"));
    }
}
