//! Who is logged in on the page, and the end of a log-in.

use minijinja::context;

use super::{Ask, Reply};
use crate::admin::auth;
use crate::admin::service::Action;

/// Characters of a session's name in the store that name it in a path: the name is a hash, so it opens nothing.
const NAME: usize = 16;

/// Shows the page.
pub fn show(ask: &Ask) -> Reply {
    let rows: Vec<_> = auth::alive(&ask.app.store)?
        .iter()
        .map(|(hash, session)| {
            context! {
                id => hash.get(..NAME),
                person => session.person,
                from => session.from,
                created => ask.times.moment(session.created),
                seen => ask.times.moment(session.seen),
                mine => *hash == ask.visitor.hash,
            }
        })
        .collect();
    Ok(ask.page(200, "sessions.html", "audit", "Log-ins", context! { rows }))
}

/// Ends a log-in.
pub fn end(ask: &Ask, id: &str) -> Reply {
    let all = auth::alive(&ask.app.store)?;
    let found = all.iter().find(|(hash, _)| id.len() == NAME && hash.starts_with(id));
    let Some((hash, session)) = found else { return Ok(ask.sorry(404, "This log-in has ended already.")) };
    let words = format!("a log-in of {} was ended", session.person);
    ask.service.session(Action::EndLogIn, &session.person, &words, hash, None)?;
    ask.done("/log-ins", format!("{} is logged out there.", session.person))
}
