//! The mailbox of the one who is logged in.

use minijinja::context;

use super::{Ask, Reply, folders, found, query};
use crate::admin::response::Response;
use crate::admin::words::say;
use crate::fault::Fault;
use crate::intake::reading::{self, WholeMail};
use crate::message::{Id, Message};
use crate::store::mailbox::{Folder, Special, TRASH_DAYS};

const PAGE: usize = 50;

/// The messages of a folder, the last that came first; `?folder=` says which, INBOX if it does not.
pub fn list(ask: &Ask) -> Reply {
    let folders = folders::mine(ask)?;
    let number = ask.request.query.get("folder").parse().unwrap_or(Special::Inbox.number());
    let Some(folder) = folders.iter().find(|folder| folder.number == number) else {
        return Ok(ask.sorry(404, &say!("error.no_such_folder")));
    };
    let wanted = ask.request.query.get("q").trim();
    if !wanted.is_empty() {
        return found::show(ask, &folders, wanted);
    }
    let before = ask.request.query.get("before").parse::<u32>().ok();
    let mut found = ask.app.store.read(|view| view.newest(ask.me(), number, before.unwrap_or(u32::MAX), PAGE + 1))?;
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    let (inbox, outgoing) = (number == Special::Inbox.number(), folders::is_outgoing(folder));
    let rows: Vec<_> = found.iter().map(|entry| folders::row(ask, folder, entry)).collect::<Result<_, _>>()?;
    let here = |number: u32, before: &str| {
        let number = if number == Special::Inbox.number() { String::new() } else { number.to_string() };
        format!("/mailbox{}", query(&[("folder", &number), ("before", before)]))
    };
    let tab = |folder: &Folder| {
        let here = here(folder.number, "");
        context! { name => folder.shown(), href => here, here => folder.number == number, unseen => folder.unseen }
    };
    let values = context! {
        rows, inbox, outgoing, trouble => super::trouble::now(ask),
        comes => super::trouble::comes(ask).map(|at| ask.times.moment(at)),
        name => folder.shown(),
        tabs => folders.iter().map(tab).collect::<Vec<_>>(),
        trash => number == Special::Trash.number(),
        trash_days => TRASH_DAYS,
        older => found.last().filter(|_| more).map(|entry| here(number, &entry.uid.to_string())),
        newest => before.map(|_| here(number, "")),
    };
    Ok(ask.page(200, "mailbox.html", "mailbox", &say!("mailbox.mailbox"), values))
}

/// Shows one message. Looking changes nothing: the script, or a button, marks it as read.
pub fn one(ask: &Ask, id: &str) -> Reply {
    let Ok(message) = message(ask, id) else { return Ok(ask.sorry(404, &say!("error.no_such_message"))) };
    let (message, read) = message;
    // As it came, whatever an older version, or the rules for the air, cut.
    let mail = reading::whole(&ask.app.context, &message)?;
    let text = mail.as_ref().map_or_else(|| message.text.trim_end().to_owned(), WholeMail::text);
    let inbox = Special::Inbox.number();
    let place = ask.app.store.read(|view| view.place(ask.me(), inbox, message.id))?.unwrap_or_default();
    let values = context! {
        read, text,
        whole_offer => super::messages::whole::offer(ask, &message)?,
        path => format!("/mailbox/{inbox}/{place}"),
        others => folders::others(&folders::mine(ask)?, inbox),
        name => message.id.to_string(),
        files => mail.as_ref().map(|mail| super::attached::rows(&mail.files)).unwrap_or_default(),
        id => message.id.to_string(),
        from => super::names::sender(ask, &message),
        header_from => message.sender.header_from.as_ref().map(ToString::to_string),
        to => message.to.to_string(),
        subject => message.subject,
        at => ask.times.moment(message.accepted),
        reply => message.from.mailbox().is_some() || message.from.phone().is_some(),
        raw => message.mail.is_some(),
    };
    Ok(ask.page(200, "mailbox-message.html", "mailbox", &say!("mailbox.message"), values))
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
    let inbox = Special::Inbox.number();
    let place = ask.app.store.read(|view| view.place(ask.me(), inbox, message.id))?;
    folders::throw_away(ask, inbox, place.unwrap_or_default())
}

/// Gives a message of this mailbox, and whether it was read.
fn message(ask: &Ask, id: &str) -> Result<(Message, bool), Fault> {
    let id: Id = id.parse().map_err(Fault::permanent)?;
    let found = ask.app.store.read(|view| view.in_mailbox(ask.me(), id))?;
    found.ok_or_else(|| Fault::permanent(say!("error.no_such_message_small")))
}
