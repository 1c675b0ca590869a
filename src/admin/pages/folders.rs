//! Mails in the folders of the one who is logged in, by folder and number: what mail programs see of them, they see here.

use minijinja::{Value, context};

use super::{Ask, Reply, attached, files};
use crate::admin::response::Response;
use crate::fault::Fault;
use crate::intake::reading;
use crate::message::Id;
use crate::store::mailbox::{Entry, FlagChange, Flags, Folder, Special};

/// Folders for a choice, without the one where something lies.
pub fn others(folders: &[Folder], number: u32) -> Vec<Value> {
    let others = folders.iter().filter(|folder| folder.number != number);
    others.map(|folder| context! { number => folder.number, name => folder.name }).collect()
}

/// The folders of the one who asks; at least INBOX.
pub fn mine(ask: &Ask) -> Result<Vec<Folder>, Fault> {
    let mut folders = ask.app.store.read(|view| view.folders(ask.me()))?;
    if folders.is_empty() {
        let inbox = Special::Inbox;
        folders.push(Folder { number: inbox.number(), name: inbox.name().to_owned(), ..Folder::default() });
    }
    Ok(folders)
}

/// Where a folder is shown.
fn place(folder: u32) -> String {
    if folder == Special::Inbox.number() { "/mailbox".to_owned() } else { format!("/mailbox?folder={folder}") }
}

/// Finds an entry.
fn entry(ask: &Ask, folder: &str, uid: &str) -> Result<(Folder, Entry), Fault> {
    let none = || Fault::permanent("there is no such message in your mailbox");
    let (number, uid) = (folder.parse().map_err(|_| none())?, uid.parse().map_err(|_| none())?);
    let found = ask.app.store.read(|view| Ok((view.folder(ask.me(), number)?, view.entry(ask.me(), number, uid)?)))?;
    match found {
        (Some(folder), Some(entry)) => Ok((folder, entry)),
        _ => Err(none()),
    }
}

fn missing(ask: &Ask) -> Reply {
    Ok(ask.sorry(404, "There is no such message in your mailbox."))
}

/// Shows one mail. Looking changes nothing: the script, or a button, marks it as read.
pub fn one(ask: &Ask, folder: &str, uid: &str) -> Reply {
    let Ok((folder, entry)) = entry(ask, folder, uid) else { return missing(ask) };
    let raw = ask.app.store.content_bytes(&entry)?;
    let (mail, heading) = (reading::read(&raw), reading::heading(&raw));
    let (trash, drafts) = (Special::Trash.number(), Special::Drafts.number());
    let message = match entry.message {
        0 => None,
        number => ask.app.store.message(Id(number))?.map(|message| message.id.to_string()),
    };
    let values = context! {
        text => mail.text(),
        files => attached::rows(&mail.files),
        heading,
        at => ask.times.moment(entry.at()),
        path => format!("/mailbox/{}/{}", folder.number, entry.uid),
        place => place(folder.number),
        folder => folder.name,
        others => others(&mine(ask)?, folder.number),
        read => entry.flags & Flags::SEEN != 0,
        words => folder.words(entry.keywords).collect::<Vec<_>>(),
        message,
        for_good => folder.number == trash || folder.number == drafts,
    };
    Ok(ask.page(200, "mailbox-mail.html", "mailbox", "Message", values))
}

/// Gives the mail as it is.
pub fn download(ask: &Ask, folder: &str, uid: &str) -> Reply {
    let Ok((_, entry)) = entry(ask, folder, uid) else { return missing(ask) };
    Ok(Response::mail(&format!("{folder}-{uid}"), ask.app.store.content_bytes(&entry)?))
}

/// Gives a file of a mail.
pub fn file(ask: &Ask, folder: &str, uid: &str, number: &str) -> Reply {
    let none = || Ok(ask.sorry(404, "There is no such file."));
    let (Ok((_, entry)), Ok(number)) = (entry(ask, folder, uid), number.parse()) else { return none() };
    match reading::file_in(&ask.app.store.content_bytes(&entry)?, number) {
        Some((file, bytes)) => Ok(files::answer(ask, &file, bytes)),
        None => none(),
    }
}

/// Marks a mail as read, moves it into another folder, or removes it: into Trash first, and from there, as a draft, for good.
pub fn act(ask: &Ask, folder: &str, uid: &str, action: &str) -> Reply {
    let Ok((folder, entry)) = entry(ask, folder, uid) else { return missing(ask) };
    let (me, number, uid) = (ask.me().to_owned(), folder.number, entry.uid);
    let (trash, drafts) = (Special::Trash.number(), Special::Drafts.number());
    let store = &ask.app.store;
    match action {
        "read" => {
            let seen = Flags::of(Flags::SEEN);
            store.write(move |tx| tx.mark(&me, number, &[uid], FlagChange::Add, &seen, None).map(drop))?;
        }
        "delete" if number == trash || number == drafts => {
            store.write(move |tx| tx.remove_entries(&me, number, &[uid]).map(drop))?;
        }
        "delete" => store.write(move |tx| tx.move_entries(&me, number, &[uid], trash).map(drop))?,
        "move" => {
            let to = ask.request.form.get("to").parse().unwrap_or_default();
            if to == number || !mine(ask)?.iter().any(|folder| folder.number == to) {
                return Ok(ask.sorry(422, "There is no such folder in your mailbox."));
            }
            store.write(move |tx| tx.move_entries(&me, number, &[uid], to).map(drop))?;
        }
        _ => return Ok(ask.sorry(404, "There is no such page.")),
    }
    Ok(Response::see(&place(number)))
}
