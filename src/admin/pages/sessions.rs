//! Who is logged in on the page, and the end of a log-in.

use minijinja::{Value, context};

use super::{Ask, Reply};
use crate::admin::auth::{self, Session};
use crate::admin::response::Response;
use crate::admin::service::Action;
use crate::admin::words::say;
use crate::fault::Fault;

/// Characters of a session's name in the store that name it in a path: the name is a hash, so it opens nothing.
const NAME: usize = 16;

/// Shows the page of all log-ins.
pub fn show(ask: &Ask) -> Reply {
    let rows = rows(ask, |_| true)?;
    Ok(ask.page(200, "sessions.html", "audit", &say!("sessions.log_ins"), context! { rows }))
}

/// The log-ins of the one who asks, for their account.
///
/// # Errors
/// As [`auth::alive`].
pub fn own(ask: &Ask) -> Result<Vec<Value>, Fault> {
    rows(ask, |session| session.person == ask.me())
}

fn rows(ask: &Ask, wanted: impl Fn(&Session) -> bool) -> Result<Vec<Value>, Fault> {
    let all = auth::alive(&ask.app.store)?;
    let row = |(hash, session): &(String, Session)| {
        context! {
            id => hash.get(..NAME),
            person => session.person,
            from => session.from,
            created => ask.times.moment(session.created),
            seen => ask.times.moment(session.seen),
            mine => *hash == ask.visitor.hash,
        }
    };
    Ok(all.iter().filter(|(_, session)| wanted(session)).map(row).collect())
}

/// Ends a log-in of anybody.
pub fn end(ask: &Ask, id: &str) -> Reply {
    let all = auth::alive(&ask.app.store)?;
    let found = all.iter().find(|(hash, _)| id.len() == NAME && hash.starts_with(id));
    let Some((hash, session)) = found else { return Ok(ask.sorry(404, &say!("sessions.this_log_in_has"))) };
    let words = format!("a log-in of {} was ended", session.person);
    ask.service.session(Action::EndLogIn, &session.person, &words, hash, None)?;
    ask.done("/log-ins", say!("sessions.is_logged_out_there", person = session.person))
}

/// Ends a log-in of the one who asks; with `others` all but this one.
pub fn end_own(ask: &Ask, id: &str) -> Reply {
    let all = auth::alive(&ask.app.store)?.into_iter().filter(|(_, session)| session.person == ask.me());
    let meant = |hash: &str| match id {
        "others" => hash != ask.visitor.hash,
        id => id.len() == NAME && hash.starts_with(id),
    };
    let meant: Vec<_> = all.filter(|(hash, _)| meant(hash)).collect();
    if meant.is_empty() {
        return ask.done("/account#log-ins", say!("sessions.there_is_no_such"));
    }
    for (hash, session) in &meant {
        let words = format!("logged out where they had logged in from {}", session.from);
        ask.service.session(Action::LogOut, "", &words, hash, None)?;
    }
    if meant.iter().any(|(hash, _)| *hash == ask.visitor.hash) {
        return Ok(Response::see("/login").with_cookie(&ask.app.cookies.session, "", 0));
    }
    ask.done(
        "/account#log-ins",
        if meant.len() == 1 { say!("sessions.out_there") } else { say!("sessions.out_elsewhere") },
    )
}
