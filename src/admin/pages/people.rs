//! People: lists them, adds somebody, changes one person.

use minijinja::{Value, context};

use super::shown::{self, Changes, Pairs};
use super::wrong::{self, Problem};
use super::{Ask, Reply};
use crate::admin::request::Fields;
use crate::admin::response::Response;
use crate::admin::service::PersonEdit;
use crate::admin::words::say;
use crate::fault::Fault;
use crate::password::{self, LEAST, LEAST_OWNER};
use crate::people::{Home, Person, Role};
use crate::settings::Key;

/// Reads the fields of a form.
pub fn edit_of(form: &Fields) -> PersonEdit {
    PersonEdit {
        name: form.get("name").trim().to_owned(),
        full_name: form.get("full_name").to_owned(),
        aliases: form.get("aliases").to_owned(),
        device_name: form.get("device_name").to_owned(),
        on_device: form.get("home") == "device",
        device: form.get("device").to_owned(),
        joins: true,
        forward: form.get("forward").to_owned(),
        max_parts: form.get("max_parts").to_owned(),
        budget_packets: form.get("budget_packets").to_owned(),
        budget_money: form.get("budget_money").to_owned(),
        allow: form.get("allow").to_owned(),
        block: form.get("block").to_owned(),
        machines: form.get("machines").to_owned(),
        strangers: form.get("strangers").to_owned(),
        number: form.get("number").to_owned(),
        role: form.get("role").parse().unwrap_or_default(),
        password: form.get("password").to_owned(),
    }
}

/// Names and values of the fields as the form of this person sends them, without the password.
fn pairs(edit: &PersonEdit) -> Pairs {
    let home = if edit.on_device { "device" } else { "here" };
    let fields = [
        ("full_name", edit.full_name.as_str()),
        ("aliases", &edit.aliases),
        ("device_name", &edit.device_name),
        ("home", home),
        ("device", &edit.device),
        ("forward", &edit.forward),
        ("max_parts", &edit.max_parts),
        ("budget_packets", &edit.budget_packets),
        ("budget_money", &edit.budget_money),
        ("allow", &edit.allow),
        ("block", &edit.block),
        ("machines", &edit.machines),
        ("strangers", &edit.strangers),
        ("number", &edit.number),
        ("role", edit.role.word()),
    ];
    fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// Reads what the form changes of a person.
fn read(ask: &Ask, before: &Person) -> (PersonEdit, Changes) {
    let form = &ask.request.form;
    let now = pairs(&PersonEdit::of(before, &ask.service.store.people()));
    let now = |name: &str| now.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let changes = shown::changes(form, form.pairs().to_vec(), now);
    let edit = PersonEdit { name: before.name.clone(), ..edit_of(&Fields::of(changes.pairs.clone())) };
    (edit, changes)
}

/// Values of the fields, without the password.
pub fn fields(edit: &PersonEdit) -> Value {
    context! {
        name => edit.name, full_name => edit.full_name, aliases => edit.aliases, device_name => edit.device_name, on_device => edit.on_device, device => edit.device,
        forward => edit.forward, max_parts => edit.max_parts, number => edit.number, role => edit.role.word(),
        budget_packets => edit.budget_packets, budget_money => edit.budget_money,
        allow => edit.allow, block => edit.block, machines => edit.machines, strangers => edit.strangers,
        least => LEAST, least_owner => LEAST_OWNER,
    }
}

/// Shows everybody, and the form for somebody new.
pub fn list(ask: &Ask) -> Reply {
    listed(ask, 200, "", &[], &PersonEdit::default())
}

fn listed(ask: &Ask, status: u16, error: &str, problems: &[Problem], edit: &PersonEdit) -> Reply {
    let rows: Vec<_> = ask.service.people().iter().map(|person| row(ask, person)).collect();
    let max_parts = ask.settings.text(Key::AirMaxParts);
    let roles = roles(ask);
    let (error, errors) = (wrong::heading(problems, error), wrong::by_field(problems));
    let open = !error.is_empty() || rows.len() < 2;
    let values = context! { rows, error, errors, max_parts, roles, who => fields(edit), open };
    Ok(ask.page(status, "people.html", "people", &say!("common.people"), values))
}

fn row(ask: &Ask, person: &Person) -> Value {
    context! {
        name => person.name,
        full_name => person.full_name,
        address => address(ask, person),
        home => if person.home == Home::FarBox { "device" } else { "here" },
        far_box => ask.service.store.people().far_box_of(person).map(|far_box| context! { shown => far_box.shown(), id => far_box.id.0 }),
        number => person.number.map(|number| number.to_string()),
        forward => person.forward.as_ref().map(ToString::to_string),
        disabled => person.disabled,
        is_owner => person.is_owner(),
        role => person.role.word(),
        mine => ask.role() >= person.role,
        logs_in => person.password.is_some(),
        added => ask.times.moment(person.added),
    }
}

/// Gives the roles that the one who asks may give: word, and what it means.
pub fn roles(ask: &Ask) -> Vec<(&'static str, String)> {
    let words = |role| match role {
        Role::Person => say!("person.role_person"),
        Role::Operator => say!("person.role_operator"),
        Role::Owner => say!("person.role_owner"),
    };
    Role::ALL.into_iter().filter(|role| *role <= ask.role()).map(|role| (role.word(), words(role))).collect()
}

fn address(ask: &Ask, person: &Person) -> String {
    match ask.settings.text(Key::Domain) {
        "" => person.name.clone(),
        domain => format!("{}@{domain}", person.name),
    }
}

/// Adds somebody.
pub fn add(ask: &Ask) -> Reply {
    let edit = edit_of(&ask.request.form);
    let problems = ask.service.person_problems(&edit, None);
    if !problems.is_empty() {
        return listed(ask, 422, "", &problems, &edit);
    }
    match ask.service.add(&edit) {
        Ok(person) => ask.done(&format!("/people/{}", person.name), say!("person.is_here_now", name = person.name)),
        Err(Fault::Permanent(why)) => listed(ask, 422, &why.to_string(), &[], &edit),
        Err(fault) => Err(fault),
    }
}

/// Shows one person.
pub fn one(ask: &Ask, name: &str) -> Reply {
    shown(ask, name, 200, "", &[], None, None)
}

fn shown(
    ask: &Ask,
    name: &str,
    status: u16,
    error: &str,
    problems: &[Problem],
    edit: Option<&PersonEdit>,
    tried: Option<&str>,
) -> Reply {
    let Ok(person) = ask.service.person(name) else { return Ok(ask.sorry(404, &say!("error.there_is_nobody_of"))) };
    let current = PersonEdit::of(&person, &ask.service.store.people());
    let posted = edit.map(|_| &ask.request.form);
    let changes = posted.map(|_| read(ask, &person).1).unwrap_or_default();
    let mut errors = wrong::by_field(problems);
    errors.extend(changes.said());
    let values = context! {
        tried,
        carried => shown::carried(pairs(&current), posted, &changes.conflicts),
        error => wrong::heading(problems, error),
        errors,
        row => row(ask, &person),
        who => fields(edit.unwrap_or(&current)),
        roles => roles(ask),
        myself => person.name == ask.me(),
        max_parts => ask.settings.text(Key::AirMaxParts),
    };
    let title = if person.full_name.is_empty() { &person.name } else { &person.full_name };
    Ok(ask.page(status, "person.html", "people", title, values))
}

/// Changes a person.
pub fn edit(ask: &Ask, name: &str) -> Reply {
    if let Some(no) = out_of_reach(ask, name) {
        return Ok(no);
    }
    let before = ask.service.person(name)?;
    let (edit, changes) = read(ask, &before);
    let problems = ask.service.person_problems(&edit, Some(&before));
    if !problems.is_empty() {
        return shown(ask, name, 422, "", &problems, Some(&edit), None);
    }
    if let Err(fault) = changes.agreed() {
        return shown(ask, name, 422, &fault.why(), &[], Some(&edit), None);
    }
    match ask.service.edit(name, &edit) {
        Ok(person) => ask.done(&format!("/people/{}", person.name), say!("common.saved")),
        Err(Fault::Permanent(why)) => shown(ask, name, 422, &why.to_string(), &[], Some(&edit), None),
        Err(fault) => Err(fault),
    }
}

/// Shows what the lists of the form would have done with past messages to a person, and saves nothing.
pub fn rehearse(ask: &Ask, name: &str) -> Reply {
    if let Some(no) = out_of_reach(ask, name) {
        return Ok(no);
    }
    let before = ask.service.person(name)?;
    let edit = read(ask, &before).0;
    let problems = ask.service.person_problems(&edit, Some(&before));
    if !problems.is_empty() {
        return shown(ask, name, 422, "", &problems, Some(&edit), None);
    }
    match ask.service.rehearse_person(name, &edit) {
        Ok(rehearsal) => shown(ask, name, 200, "", &[], Some(&edit), Some(&rehearsal.words())),
        Err(Fault::Permanent(why)) => shown(ask, name, 422, &why.to_string(), &[], Some(&edit), None),
        Err(fault) => Err(fault),
    }
}

/// Refuses, with a page, for a person whose role is above that of the one who asks.
fn out_of_reach(ask: &Ask, name: &str) -> Option<Response> {
    let person = ask.service.person(name).ok()?;
    ask.service.may_touch(person.role).err().map(|fault| ask.sorry(403, &fault.why()))
}

/// Sets the password of a person, disables, enables or removes them.
pub fn act(ask: &Ask, name: &str, what: &str) -> Reply {
    if let Some(no) = out_of_reach(ask, name) {
        return Ok(no);
    }
    let place = format!("/people/{name}");
    let (done, place, words) = match what {
        "password" => {
            let (given, person) = (ask.request.form.get("password"), ask.service.person(name)?);
            let wrong = match password::judge(given, name, person.is_owner()) {
                _ if given.is_empty() => Some(say!("person.the_new_password_is")),
                judged => judged.err().map(|why| why.to_string()),
            };
            if let Some(why) = wrong {
                return shown(ask, name, 422, "", &[("password", why)], None, None);
            }
            (ask.service.set_password(name, given), place, say!("person.password_holds"))
        }
        "disable" => (ask.service.disable(name, true), place, say!("person.is_disabled_no_log", name = name)),
        "enable" => (ask.service.disable(name, false), place, say!("person.is_enabled_again", name = name)),
        "remove" => (ask.service.remove(name), "/people".to_owned(), say!("person.is_removed", name = name)),
        _ => return Ok(ask.sorry(404, &say!("error.no_such_page"))),
    };
    match done {
        Ok(()) => ask.done(&place, words),
        Err(Fault::Permanent(why)) => shown(ask, name, 422, &why.to_string(), &[], None, None),
        Err(fault) => Err(fault),
    }
}

/// Largest copy that a page gives out, in bytes; the command line has no such limit.
const EXPORT_MOST: usize = 64 * 1024 * 1024;

/// A writer that takes no more than [`EXPORT_MOST`].
struct Bounded(std::io::Cursor<Vec<u8>>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.0.get_ref().len() + bytes.len() > EXPORT_MOST {
            true => Err(std::io::Error::other(say!("person.over_64_mb"))),
            false => self.0.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl std::io::Seek for Bounded {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}

/// Sends all that the box has of a person, as a file.
pub fn export(ask: &Ask, name: &str) -> Reply {
    let person = match ask.service.person(name) {
        Ok(person) => person,
        Err(_) => return Ok(ask.sorry(404, &say!("error.there_is_nobody_of"))),
    };
    let mut file = Bounded(std::io::Cursor::default());
    ask.service.export(&person.name, &mut file, crate::store::work::UNHEARD)?;
    let disposition = format!("attachment; filename=\"{}.tar\"", person.name);
    Ok(Response::typed(200, "application/x-tar", file.0.into_inner()).with("Content-Disposition", disposition))
}

/// Erases a person, if the form says their name once more.
pub fn erase(ask: &Ask, name: &str) -> Reply {
    if ask.request.form.get("name").trim() != name {
        let why = say!("person.nothing_was_erased_type");
        return shown(ask, name, 422, "", &[("erase", why)], None, None);
    }
    match ask.service.erase(name) {
        Ok(messages) => ask.done("/people", say!("person.is_erased", name = name, n = messages)),
        Err(Fault::Permanent(why)) => shown(ask, name, 422, &why.to_string(), &[], None, None),
        Err(fault) => Err(fault),
    }
}
