//! Somebody's own password.

use minijinja::context;

use super::{Ask, Reply};
use crate::admin::auth::{self, LIFE};
use crate::admin::pages::login::too_many;
use crate::fault::Fault;
use crate::password::{LEAST, LEAST_OWNER};

/// Shows the form.
pub fn show(ask: &Ask, status: u16, error: &str) -> Reply {
    let least = if ask.owner() { LEAST_OWNER } else { LEAST };
    let person = &ask.visitor.person;
    let address = format!("{}@{}", person.name, ask.settings.text(crate::settings::Key::Domain));
    let role = person.role.word();
    let since = ask.times.moment(ask.visitor.session.created);
    let values = context! { error, least, role, address, since, full_name => person.full_name };
    Ok(ask.page(status, "account.html", "account", "Your account", values))
}

/// Changes the password. All other sessions end; this one goes on under a new id.
pub fn change(ask: &Ask) -> Reply {
    let form = &ask.request.form;
    if let Err(wait) = ask.app.try_once(ask.request, ask.me()) {
        return show(ask, 429, &too_many(wait));
    }
    if !ask.service.is_own_password(form.get("old")) {
        return show(ask, 422, "The old password is wrong.");
    }
    ask.app.was_right(ask.request, ask.me());
    if form.get("new") != form.get("again") {
        return show(ask, 422, "The new password was typed in two different ways.");
    }
    if form.get("new").is_empty() {
        return show(ask, 422, "The new password is empty.");
    }
    match ask.service.set_password(ask.me(), form.get("new")) {
        Ok(()) => {}
        Err(Fault::Permanent(why)) => return show(ask, 422, &why.to_string()),
        Err(fault) => return Err(fault),
    }
    auth::keep(&ask.app.store, &ask.visitor.hash, None)?;
    let person = ask.service.person(ask.me())?;
    let (token, visitor) = auth::open(&ask.app.store, &person, &ask.request.peer)?;
    ask.app.tell(&visitor.hash, "Your password is changed. Everybody else who was logged in as you is out.".to_owned());
    Ok(crate::admin::response::Response::see("/account").with_cookie(&ask.app.cookies.session, &token, LIFE.as_secs()))
}
