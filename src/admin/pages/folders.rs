//! Mails in the folders of the one who is logged in, by folder and number: what mail programs see of them, they see here.

use minijinja::{Value, context};

use super::messages::{shorten, state_of, tone_of};
use super::{Ask, Reply, attached, files, names};
use crate::address::Address;
use crate::admin::response::Response;
use crate::admin::words::say;
use crate::fault::Fault;
use crate::intake::reading;
use crate::message::Id;
use crate::message::words::isolated;
use crate::store::mailbox::{Entry, FlagChange, Flags, Folder, Special, TRASH_DAYS};

/// Folders for a choice, without the one where something lies.
pub fn others(folders: &[Folder], number: u32) -> Vec<Value> {
    let others = folders.iter().filter(|folder| folder.number != number);
    others.map(|folder| context! { number => folder.number, name => folder.shown() }).collect()
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

/// Names with their addresses, as a page shows them.
fn named(people: &[(String, String)]) -> String {
    let one = |(name, address): &(String, String)| match name.is_empty() {
        true => address.clone(),
        false => format!("{} <{address}>", isolated(name)),
    };
    people.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Where a folder is shown.
fn place(folder: u32) -> String {
    if folder == Special::Inbox.number() { "/mailbox".to_owned() } else { format!("/mailbox?folder={folder}") }
}

/// Finds an entry.
///
/// # Errors
/// Permanent when there is none.
pub fn entry(ask: &Ask, folder: &str, uid: &str) -> Result<(Folder, Entry), Fault> {
    let none = || Fault::permanent(say!("error.no_such_message_small"));
    let (number, uid) = (folder.parse().map_err(|_| none())?, uid.parse().map_err(|_| none())?);
    let found = ask.app.store.read(|view| Ok((view.folder(ask.me(), number)?, view.entry(ask.me(), number, uid)?)))?;
    match found {
        (Some(folder), Some(entry)) => Ok((folder, entry)),
        _ => Err(none()),
    }
}

fn missing(ask: &Ask) -> Reply {
    Ok(ask.sorry(404, &say!("error.no_such_message")))
}

/// True for a folder of what its person wrote: who it goes to says more than who it is from.
pub fn is_outgoing(folder: &Folder) -> bool {
    matches!(folder.special(), Some(Special::Sent | Special::Drafts))
}

/// A line of the list: of a message as the box knows it, of any other mail by its header.
pub fn row(ask: &Ask, folder: &Folder, entry: &Entry) -> Result<Value, Fault> {
    let message = match entry.message {
        // One that cannot be read is told by its header.
        number if number > 0 && !is_outgoing(folder) => {
            ask.app.store.read(|view| view.look_up(Id(number)))?.and_then(Result::ok)
        }
        _ => None,
    };
    let inbox = folder.number == Special::Inbox.number();
    let (href, who, subject) = match message {
        Some(message) if inbox => {
            (format!("/mailbox/{}", message.id), names::sender(ask, &message), shorten(&message.title(), 90))
        }
        message => {
            // One that another session removed meanwhile, or that is damaged, has a line without words.
            let head = ask.app.store.content_head(entry).unwrap_or_default();
            let heading = reading::heading(&head);
            let who = match message {
                Some(message) => names::sender(ask, &message),
                None if is_outgoing(folder) => heading.to,
                None => named(&reading::correspondents(&head, false)),
            };
            let href = match folder.special() {
                Some(Special::Drafts) => format!("/compose?draft={}", entry.uid),
                _ => format!("/mailbox/{}/{}", folder.number, entry.uid),
            };
            (href, who, shorten(&heading.subject, 90))
        }
    };
    let (at, read) = (ask.times.moment(entry.at()), entry.flags & Flags::SEEN != 0);
    let (stage, words) = marks(ask, folder, entry)?;
    Ok(context! { row => format!("u{}-{}", folder.number, entry.uid), href, who, subject, stage, words, at, read })
}

/// How far a mail got, with its colour.
type Stage = Option<(&'static str, String)>;

/// How far a mail got, and what it is marked with.
fn marks(ask: &Ask, folder: &Folder, entry: &Entry) -> Result<(Stage, Vec<String>), Fault> {
    let all: Vec<_> = folder.words(entry.keywords).collect();
    let mut stage = all.iter().find_map(|word| names::stage(word));
    // Its messages know more than the keyword, and are told in the same words on their pages.
    if let Some(stage) = stage.as_mut().filter(|_| entry.message > 0) {
        let told = ask.app.store.read(|view| {
            let Some(Ok(message)) = view.look_up(Id(entry.message))? else { return Ok(None) };
            let (first, copies) = message.mail.as_ref().map_or((message.id.0, 1), |mail| (mail.first.0, mail.copies));
            let mut worst = (tone_of(&message), state_of(&message));
            for number in (first..first + u64::from(copies)).filter(|number| *number != message.id.0) {
                match view.look_up(Id(number))? {
                    Some(Ok(copy)) => worst = names::worse(worst, (tone_of(&copy), state_of(&copy))),
                    // Nobody knows what became of it.
                    Some(Err(_)) => worst = names::worse(worst.clone(), ("off", worst.1)),
                    None => {}
                }
            }
            Ok(Some(worst))
        })?;
        match told {
            Some(told) => *stage = told,
            None if all.contains(&names::SENT) => stage.0 = "off",
            None => {}
        }
    }
    Ok((stage, all.into_iter().filter_map(names::label).collect()))
}

/// Shows one mail. Looking changes nothing: the script, or a button, marks it as read.
pub fn one(ask: &Ask, folder: &str, uid: &str) -> Reply {
    let Ok((folder, entry)) = entry(ask, folder, uid) else { return missing(ask) };
    let raw = ask.app.store.content_bytes(&entry)?;
    let (mail, heading) = (reading::read(&raw), reading::heading(&raw));
    let trash = folder.number == Special::Trash.number();
    let draft = folder.number == Special::Drafts.number();
    let back = trash.then(|| origin(ask, &entry, &raw).number());
    let writers = reading::correspondents(&raw, false);
    let message = match entry.message {
        0 => None,
        number => ask.app.store.message(Id(number))?,
    };
    // As the list of the mailbox names who wrote it.
    let from = match &message {
        Some(message) if !is_outgoing(&folder) => names::sender(ask, message),
        _ => named(&writers),
    };
    let message = message.map(|message| message.id.to_string());
    let (stage, words) = marks(ask, &folder, &entry)?;
    let values = context! {
        text => mail.text(),
        files => attached::rows(&mail.files),
        heading,
        at => ask.times.moment(entry.at()),
        path => format!("/mailbox/{}/{}", folder.number, entry.uid),
        place => place(folder.number),
        folder => folder.shown(),
        others => others(&mine(ask)?, folder.number),
        read => entry.flags & Flags::SEEN != 0,
        stage, words,
        message,
        for_good => trash,
        back, draft, uid => entry.uid,
        name => format!("{}-{}", folder.number, entry.uid),
        files_in => !mail.files.is_empty(),
        from,
        to => named(&reading::correspondents(&raw, true)),
        answers => reading::answer_to(&raw).filter(|answers| !writers.iter().any(|(_, from)| from == answers)),
    };
    Ok(ask.page(200, "mailbox-mail.html", "mailbox", &say!("mailbox_mail.message"), values))
}

/// Gives the mail as it is.
pub fn download(ask: &Ask, folder: &str, uid: &str) -> Reply {
    let Ok((_, entry)) = entry(ask, folder, uid) else { return missing(ask) };
    Ok(Response::mail(&format!("{folder}-{uid}"), ask.app.store.content_bytes(&entry)?))
}

/// Gives a file of a mail.
pub fn file(ask: &Ask, folder: &str, uid: &str, number: &str) -> Reply {
    let none = || Ok(ask.sorry(404, &say!("error.no_such_file")));
    let (Ok((_, entry)), Ok(number)) = (entry(ask, folder, uid), number.parse()) else { return none() };
    match reading::file_in(&ask.app.store.content_bytes(&entry)?, number) {
        Some((file, bytes)) => Ok(files::answer(ask, &file, bytes)),
        None => none(),
    }
}

/// Where something that was deleted is put back: where mails of its kind lie.
fn origin(ask: &Ask, entry: &Entry, raw: &[u8]) -> Special {
    let own = |address: &str| {
        let person = address.parse::<Address>().ok().and_then(|address| names::person_at(ask, &address));
        person.is_some_and(|person| person.name == ask.me())
    };
    let mut writers = reading::correspondents(raw, false).into_iter();
    match () {
        () if entry.flags & Flags::DRAFT != 0 => Special::Drafts,
        () if writers.next().is_some_and(|(_, address)| own(&address)) => Special::Sent,
        () => Special::Inbox,
    }
}

/// Marks a mail as read, moves it into another folder, or removes it: into Trash first, and from there for good.
pub fn act(ask: &Ask, folder: &str, uid: &str, action: &str) -> Reply {
    let Ok((folder, entry)) = entry(ask, folder, uid) else { return missing(ask) };
    let (me, number, uid) = (ask.me().to_owned(), folder.number, entry.uid);
    let trash = Special::Trash.number();
    let store = &ask.app.store;
    match action {
        "read" => {
            let seen = Flags::of(Flags::SEEN);
            store.write(move |tx| tx.mark(&me, number, &[uid], FlagChange::Add, &seen, None).map(drop))?;
        }
        // Of one whose entry is damaged nothing is left to be moved.
        "delete" if number == trash || entry.is_lost() => {
            store.write(move |tx| tx.remove_entries(&me, number, &[uid]).map(drop))?;
            return ask.done(&place(number), say!("mailbox_mail.it_is_deleted_for"));
        }
        "delete" => return throw_away(ask, number, uid),
        "move" => {
            let to = ask.request.form.get("to").parse().unwrap_or_default();
            let Some(target) = mine(ask)?.into_iter().find(|folder| folder.number == to && to != number) else {
                return Ok(ask.sorry(422, &say!("error.no_such_folder")));
            };
            let gone = store.write(move |tx| tx.move_entries(&me, number, &[uid], to))?;
            let words = say!("mailbox_mail.it_is_in_now", target = target.shown());
            return match gone.first() {
                Some((_, there)) if number != trash => {
                    ask.moved(&place(number), words, format!("/mailbox/{to}/{there}"), number)
                }
                // What is put back is shown where it is now.
                _ => ask.done(&place(to), words),
            };
        }
        _ => return Ok(ask.sorry(404, &say!("error.no_such_page"))),
    }
    Ok(Response::see(&place(number)))
}

/// Moves a mail into Trash, from where it can be put back.
pub fn throw_away(ask: &Ask, folder: u32, uid: u32) -> Reply {
    let (me, trash) = (ask.me().to_owned(), Special::Trash.number());
    let gone = ask.app.store.write(move |tx| tx.move_entries(&me, folder, &[uid], trash))?;
    let Some((_, there)) = gone.first() else { return missing(ask) };
    let words = say!("mailbox_mail.deleted_it_can_be", n = TRASH_DAYS);
    ask.moved(&place(folder), words, format!("/mailbox/{trash}/{there}"), folder)
}
