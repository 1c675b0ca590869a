//! People: the list, somebody new, one person.

use minijinja::{Value, context};

use super::{Ask, Reply};
use crate::admin::desk::PersonEdit;
use crate::admin::request::Fields;
use crate::fault::Fault;
use crate::password::{LEAST, LEAST_OWNER};
use crate::people::{Home, Person};
use crate::settings::Key;

/// The fields of a form.
pub fn edit_of(form: &Fields) -> PersonEdit {
    PersonEdit {
        name: form.get("name").trim().to_owned(),
        full_name: form.get("full_name").to_owned(),
        on_device: form.get("home") == "device",
        device: form.get("device").to_owned(),
        forward: form.get("forward").to_owned(),
        max_parts: form.get("max_parts").to_owned(),
        budget_packets: form.get("budget_packets").to_owned(),
        budget_money: form.get("budget_money").to_owned(),
        allow: form.get("allow").to_owned(),
        block: form.get("block").to_owned(),
        strangers: form.get("strangers").to_owned(),
        owner: form.ticked("owner"),
        password: form.get("password").to_owned(),
    }
}

/// Values of the fields, without the password.
pub fn fields(edit: &PersonEdit) -> Value {
    context! {
        name => edit.name, full_name => edit.full_name, on_device => edit.on_device, device => edit.device,
        forward => edit.forward, max_parts => edit.max_parts, owner => edit.owner,
        budget_packets => edit.budget_packets, budget_money => edit.budget_money,
        allow => edit.allow, block => edit.block, strangers => edit.strangers,
        least => LEAST, least_owner => LEAST_OWNER,
    }
}

/// Everybody, and the form for somebody new.
pub fn list(ask: &Ask, status: u16, error: &str, edit: &PersonEdit) -> Reply {
    let rows: Vec<_> = ask.desk.people().iter().map(|person| row(ask, person)).collect();
    let max_parts = ask.settings.text(Key::AirMaxParts);
    let values = context! { rows, error, max_parts, who => fields(edit), open => !error.is_empty() || rows.len() < 2 };
    Ok(ask.page(status, "people.html", "people", "People", values))
}

fn row(ask: &Ask, person: &Person) -> Value {
    context! {
        name => person.name,
        full_name => person.full_name,
        address => address(ask, person),
        home => if person.home == Home::Device { "device" } else { "here" },
        device => person.device.map(|device| device.to_string()),
        forward => person.forward.as_ref().map(ToString::to_string),
        disabled => person.disabled,
        is_owner => person.owner,
        logs_in => person.password.is_some(),
        added => ask.face.moment(person.added),
    }
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
    match ask.desk.add(&edit) {
        Ok(person) => ask.done(&format!("/people/{}", person.name), format!("{} is here now.", person.name)),
        Err(Fault::Permanent(why)) => list(ask, 422, &why, &edit),
        Err(fault) => Err(fault),
    }
}

/// One person.
pub fn one(ask: &Ask, name: &str, status: u16, error: &str, edit: Option<&PersonEdit>) -> Reply {
    let Ok(person) = ask.desk.person(name) else { return Ok(ask.sorry(404, "There is nobody of this name.")) };
    let current = PersonEdit::of(&person);
    let values = context! {
        error,
        row => row(ask, &person),
        who => fields(edit.unwrap_or(&current)),
        myself => person.name == ask.me(),
        max_parts => ask.settings.text(Key::AirMaxParts),
    };
    let title = if person.full_name.is_empty() { &person.name } else { &person.full_name };
    Ok(ask.page(status, "person.html", "people", title, values))
}

/// Changes a person.
pub fn edit(ask: &Ask, name: &str) -> Reply {
    let edit = PersonEdit { name: name.to_owned(), ..edit_of(&ask.request.form) };
    match ask.desk.edit(name, &edit) {
        Ok(person) => ask.done(&format!("/people/{}", person.name), "Saved."),
        Err(Fault::Permanent(why)) => one(ask, name, 422, &why, Some(&edit)),
        Err(fault) => Err(fault),
    }
}

/// Password, disable, enable, remove.
pub fn act(ask: &Ask, name: &str, what: &str) -> Reply {
    let place = format!("/people/{name}");
    let (done, place, words) = match what {
        "password" if ask.request.form.get("password").is_empty() => {
            return one(ask, name, 422, "The new password is empty.", None);
        }
        "password" => {
            let words = "The new password holds from now on; who was logged in with the old one is out.";
            (ask.desk.set_password(name, ask.request.form.get("password")), place, words.to_owned())
        }
        "disable" => (ask.desk.disable(name, true), place, format!("{name} is disabled: no log-in, no mail.")),
        "enable" => (ask.desk.disable(name, false), place, format!("{name} is enabled again.")),
        "remove" => (ask.desk.remove(name), "/people".to_owned(), format!("{name} is removed.")),
        _ => return Ok(ask.sorry(404, "There is no such page.")),
    };
    match done {
        Ok(()) => ask.done(&place, words),
        Err(Fault::Permanent(why)) => one(ask, name, 422, &why, None),
        Err(fault) => Err(fault),
    }
}
