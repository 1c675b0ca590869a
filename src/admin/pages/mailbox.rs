//! The mailbox of the one who is logged in.

use minijinja::context;

use super::messages::line;
use super::{Ask, Reply};
use crate::admin::response::Response;
use crate::fault::Fault;
use crate::intake::reading::{self, WholeMail};
use crate::message::{Id, Message};

const PAGE: usize = 50;

/// Messages, newest first.
pub fn list(ask: &Ask) -> Reply {
    let before = ask.request.query.get("before").parse::<Id>().ok();
    let mut found = ask.app.store.read(|view| view.mailbox(ask.me(), before, PAGE + 1))?;
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    let older = found.last().filter(|_| more).map(|(message, _)| message.id.to_string());
    let rows: Vec<_> = found.iter().map(|(message, read)| context! { row => line(ask, message), read }).collect();
    let values = context! { rows, older, newest => before.is_some() };
    Ok(ask.page(200, "mailbox.html", "mailbox", "Mailbox", values))
}

/// Shows one message. Looking changes nothing: the script, or a button, marks it as read.
pub fn one(ask: &Ask, id: &str) -> Reply {
    let Ok(message) = message(ask, id) else { return Ok(ask.sorry(404, "There is no such message in your mailbox.")) };
    let (message, read) = message;
    // As it came, whatever an older version, or the rules for the air, cut.
    let mail = reading::whole(&ask.app.context, &message)?;
    let text = mail.as_ref().map_or_else(|| message.text.trim_end().to_owned(), WholeMail::text);
    let values = context! {
        read, text,
        files => mail.as_ref().map(|mail| super::attached::rows(&mail.files)).unwrap_or_default(),
        id => message.id.to_string(),
        from => message.sender_shown(),
        header_from => message.sender.header_from.as_ref().map(ToString::to_string),
        to => message.to.to_string(),
        subject => message.subject,
        at => ask.times.moment(message.accepted),
        reply => message.from.mailbox().is_some() || message.from.phone().is_some(),
        raw => message.mail.is_some(),
    };
    Ok(ask.page(200, "mailbox-message.html", "mailbox", "Message", values))
}

/// Marks a message as read.
pub fn read(ask: &Ask, id: &str) -> Reply {
    let (message, _) = message(ask, id)?;
    let (me, id) = (ask.me().to_owned(), message.id);
    ask.app.store.write(move |tx| tx.mark_read(&me, id))?;
    Ok(Response::see("/mailbox"))
}

/// Moves a message into Trash.
pub fn delete(ask: &Ask, id: &str) -> Reply {
    let (message, _) = message(ask, id)?;
    let (me, id) = (ask.me().to_owned(), message.id);
    ask.app.store.write(move |tx| tx.throw_away(&me, id))?;
    Ok(Response::see("/mailbox"))
}

/// Gives a message of this mailbox, and whether it was read.
fn message(ask: &Ask, id: &str) -> Result<(Message, bool), Fault> {
    let id: Id = id.parse().map_err(Fault::permanent)?;
    let found = ask.app.store.read(|view| view.in_mailbox(ask.me(), id))?;
    found.ok_or_else(|| Fault::permanent("there is no such message in your mailbox"))
}
