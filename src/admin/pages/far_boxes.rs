//! Far boxes: lists them, adds one, changes one, and lets their people in.

use minijinja::{Value, context};

use super::shown::{self, Changes, Pairs};
use super::wrong::{self, Problem};
use super::{Ask, Reply};
use crate::admin::request::Fields;
use crate::admin::service::FarBoxEdit;
use crate::admin::words::say;
use crate::fault::Fault;
use crate::people::{FarBox, Newcomers};
use crate::settings::Key;

fn edit_of(form: &Fields) -> FarBoxEdit {
    FarBoxEdit {
        name: form.get("name").to_owned(),
        addresses: form.get("addresses").to_owned(),
        newcomers: form.get("newcomers").parse().unwrap_or_default(),
    }
}

/// Names and values of the fields as the form of this far box sends them.
fn pairs(edit: &FarBoxEdit) -> Pairs {
    let fields = [("name", edit.name.as_str()), ("addresses", &edit.addresses), ("newcomers", edit.newcomers.word())];
    fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// Reads what the form changes of a far box.
fn read(ask: &Ask, before: &FarBox) -> (FarBoxEdit, Changes) {
    let (form, now) = (&ask.request.form, pairs(&FarBoxEdit::of(before)));
    let now = |name: &str| now.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let changes = shown::changes(form, form.pairs().to_vec(), now);
    (edit_of(&Fields::of(changes.pairs.clone())), changes)
}

fn fields(edit: &FarBoxEdit) -> Value {
    let words = |newcomers| match newcomers {
        Newcomers::Ask => say!("far_box.newcomers_ask"),
        Newcomers::Allow => say!("far_box.newcomers_allow"),
        Newcomers::Refuse => say!("far_box.newcomers_refuse"),
    };
    let choices: Vec<_> = Newcomers::ALL.into_iter().map(|choice| (choice.word(), words(choice))).collect();
    context! { name => edit.name, addresses => edit.addresses, newcomers => edit.newcomers.word(), choices }
}

/// Shows all far boxes, and the form for a new one.
pub fn list(ask: &Ask) -> Reply {
    listed(ask, 200, "", &[], &FarBoxEdit::default())
}

fn listed(ask: &Ask, status: u16, error: &str, problems: &[Problem], edit: &FarBoxEdit) -> Reply {
    let rows: Vec<_> = ask.service.far_boxes().iter().map(|far_box| row(ask, far_box)).collect();
    let (error, errors) = (wrong::heading(problems, error), wrong::by_field(problems));
    let open = !error.is_empty();
    let station = ask.settings.text(Key::Reach) == "satellite";
    let values = context! { rows, error, errors, form => fields(edit), open, station };
    Ok(ask.page(status, "far-boxes.html", "far-boxes", &say!("far_box.far_boxes"), values))
}

fn row(ask: &Ask, far_box: &FarBox) -> Value {
    let people = ask.service.store.people();
    let people: Vec<_> = people
        .of_far_box(far_box.id)
        .map(|person| context! { name => person.name, full_name => person.full_name, there => person.sea_name })
        .collect();
    context! {
        id => far_box.id.0,
        shown => far_box.shown(),
        moved => far_box.moved_out.as_ref().map(|moved| ask.times.moment(moved.at)),
        addresses => far_box.all_addresses().iter().map(ToString::to_string).collect::<Vec<_>>(),
        people,
        asked => far_box.asked,
        refused => far_box.refused,
        added => ask.times.moment(far_box.added),
    }
}

/// Adds a far box.
pub fn add(ask: &Ask) -> Reply {
    let edit = edit_of(&ask.request.form);
    let problems = ask.service.far_box_problems(&edit, None);
    if !problems.is_empty() {
        return listed(ask, 422, "", &problems, &edit);
    }
    match ask.service.add_far_box(&edit) {
        Ok(far_box) => {
            ask.done(&format!("/far-boxes/{}", far_box.id), say!("far_box.is_here_now", far_box = far_box.shown()))
        }
        Err(Fault::Permanent(why)) => listed(ask, 422, &why.to_string(), &[], &edit),
        Err(fault) => Err(fault),
    }
}

/// Shows one far box, with its people and what the two boxes know of each other.
pub fn one(ask: &Ask, number: &str) -> Reply {
    shown(ask, number, 200, "", &[], None)
}

fn shown(ask: &Ask, number: &str, status: u16, error: &str, problems: &[Problem], edit: Option<&FarBoxEdit>) -> Reply {
    let Some(far_box) = ask.far_box(number) else { return Ok(ask.sorry(404, &say!("error.no_such_far_box"))) };
    let talk = ask.app.context.talk(Some(far_box.id))?;
    let current = FarBoxEdit::of(&far_box);
    let posted = edit.map(|_| &ask.request.form);
    let changes = posted.map(|_| read(ask, &far_box).1).unwrap_or_default();
    let mut errors = wrong::by_field(problems);
    errors.extend(changes.said());
    let values = context! {
        error => wrong::heading(problems, error),
        errors,
        carried => shown::carried(pairs(&current), posted, &changes.conflicts),
        row => row(ask, &far_box),
        form => fields(edit.unwrap_or(&current)),
        compact => talk.coding != "classic",
        coding => talk.coding,
        unconfirmed => talk.unconfirmed,
        heard => talk.heard.map(|at| ask.times.moment(at)),
        position => super::position::heard(ask, far_box.id)?,
    };
    Ok(ask.page(status, "far-box.html", "far-boxes", &far_box.shown(), values))
}

/// Changes a far box.
pub fn edit(ask: &Ask, number: &str) -> Reply {
    let Some(far_box) = ask.far_box(number) else { return Ok(ask.sorry(404, &say!("error.no_such_far_box"))) };
    let (edit, changes) = read(ask, &far_box);
    let problems = ask.service.far_box_problems(&edit, Some(far_box.id));
    if !problems.is_empty() {
        return shown(ask, number, 422, "", &problems, Some(&edit));
    }
    if let Err(fault) = changes.agreed() {
        return shown(ask, number, 422, &fault.why(), &[], Some(&edit));
    }
    match ask.service.edit_far_box(far_box.id, &edit) {
        Ok(_) => ask.done(&format!("/far-boxes/{number}"), say!("common.saved")),
        Err(Fault::Permanent(why)) => shown(ask, number, 422, &why.to_string(), &[], Some(&edit)),
        Err(fault) => Err(fault),
    }
}

/// Gives somebody there an address or refuses that, asks where the far box is, or removes it.
pub fn act(ask: &Ask, number: &str, what: &str) -> Reply {
    let Some(far_box) = ask.far_box(number) else { return Ok(ask.sorry(404, &say!("error.no_such_far_box"))) };
    let (id, title) = (far_box.id, far_box.shown());
    let (name, place) = (ask.request.form.get("who").trim(), format!("/far-boxes/{number}"));
    let wanted = Some(ask.request.form.get("address_name").trim()).filter(|wanted| !wanted.is_empty());
    let done = match what {
        "admit" => ask
            .service
            .admit(id, name, wanted)
            .map(|person| (place, say!("far_box.is_here", name = name, address_name = person.name))),
        "refuse" => ask.service.refuse(id, name).map(|()| (place, say!("far_box.gets_no_address_here", name = name))),
        "ask" => ask.service.ask_position(id).map(|()| (place, say!("far_box.it_is_asked_with"))),
        "remove" => ask
            .service
            .remove_far_box(id)
            .map(|()| ("/far-boxes".to_owned(), say!("far_box.is_removed", title = title))),
        _ => return Ok(ask.sorry(404, &say!("error.no_such_page"))),
    };
    match done {
        Ok((place, words)) => ask.done(&place, words),
        Err(Fault::Permanent(why)) => shown(ask, number, 422, &why.to_string(), &[], None),
        Err(fault) => Err(fault),
    }
}
