//! Somebody's own password.

use minijinja::context;

use super::wrong::{self, Problem};
use super::{Ask, Reply, sessions};
use crate::admin::auth::{self, LIFE};
use crate::admin::pages::login::too_many;
use crate::admin::words::say;
use crate::fault::Fault;
use crate::password::{self, LEAST, LEAST_OWNER};

/// Shows the page.
pub fn show(ask: &Ask) -> Reply {
    shown(ask, 200, "", &[])
}

fn shown(ask: &Ask, status: u16, error: &str, problems: &[Problem]) -> Reply {
    let least = if ask.owner() { LEAST_OWNER } else { LEAST };
    let person = &ask.visitor.person;
    let address = format!("{}@{}", person.name, ask.settings.text(crate::settings::Key::Domain));
    let role = person.role.word();
    let since = ask.times.moment(ask.visitor.session.created);
    let (error, errors) = (wrong::heading(problems, error), wrong::by_field(problems));
    let log_ins = sessions::own(ask)?;
    let values = context! { error, errors, least, role, address, since, log_ins, full_name => person.full_name };
    Ok(ask.page(status, "account.html", "account", &say!("account.your_account"), values))
}

/// Changes the password. All other sessions end; this one goes on under a new id.
pub fn change(ask: &Ask) -> Reply {
    let form = &ask.request.form;
    if let Err(wait) = ask.app.try_once(ask.request, ask.me()) {
        return shown(ask, 429, &too_many(wait), &[]);
    }
    let mut problems = Vec::new();
    match ask.service.is_own_password(form.get("old")) {
        true => ask.app.was_right(ask.request, ask.me()),
        false => problems.push(("old", say!("account.the_old_password_is"))),
    }
    match form.get("new") {
        "" => problems.push(("new", say!("account.the_new_password_is"))),
        new => {
            let judged = password::judge(new, ask.me(), ask.owner()).err();
            problems.extend(judged.map(|why| ("new", why.to_string())));
        }
    }
    if form.get("new") != form.get("again") {
        problems.push(("again", say!("account.the_new_password_was")));
    }
    if !problems.is_empty() {
        return shown(ask, 422, "", &problems);
    }
    match ask.service.set_password(ask.me(), form.get("new")) {
        Ok(()) => {}
        Err(Fault::Permanent(why)) => return shown(ask, 422, &why.to_string(), &[]),
        Err(fault) => return Err(fault),
    }
    auth::keep(&ask.app.store, &ask.visitor.hash, None)?;
    let person = ask.service.person(ask.me())?;
    let (token, visitor) = auth::open(&ask.app.store, &person, &ask.request.peer)?;
    let words = say!("account.your_password_is_changed");
    ask.app.tell(&visitor.hash, crate::admin::Told { words, undo: None });
    Ok(crate::admin::response::Response::see("/account").with_cookie(&ask.app.cookies.session, &token, LIFE.as_secs()))
}
