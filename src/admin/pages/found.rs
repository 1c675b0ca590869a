//! The search in a mailbox: in all folders, or on in one of them. Mail programs find the same.

use std::time::{Duration, Instant};

use minijinja::context;

use super::folders::{is_outgoing, row};
use super::{Ask, Reply, query};
use crate::admin::words::say;
use crate::fault::Fault;
use crate::intake::reading;
use crate::store::mailbox::{Entry, Flags, Folder};
use crate::store::search::{LARGEST, Needle};

/// Found mails of one folder on a page of all.
const SOME: usize = 10;
/// Found mails on a page of one folder.
const PAGE: usize = 50;
/// Mails of a folder that one page looks at in the index, and so many that it reads: the rest is for another page.
const LOOKED_AT: (usize, usize) = (20_000, 500);
/// A mailbox of so few mails is searched without a look at what the index names on all of the box.
const FEW: u64 = 32;
/// Where the index names no more contents than so many on all of the box, no others are looked at.
const NAMED: usize = 3000;
/// A page looks no longer than this; it goes on from there.
const TIME: Duration = Duration::from_secs(5);
/// Longest text that is looked for, in characters.
const LONGEST: usize = 100;

/// Entries, the last that came first, and the UID before which to go on.
type Candidates = (Vec<Entry>, Option<u32>);

/// Shows what is found: in the folder `?folder=` before `?before=`, or in all.
pub fn show(ask: &Ask, folders: &[Folder], wanted: &str) -> Reply {
    let wanted: String = wanted.chars().take(LONGEST).collect();
    let asked = &ask.request.query;
    let only = asked.find("folder").and_then(|folder| folder.parse::<u32>().ok());
    let before = asked.get("before").parse().unwrap_or(u32::MAX);
    let most = if only.is_some() { PAGE } else { SOME };
    let until = Instant::now() + TIME;
    let small = wanted.to_lowercase();
    let mut needle = Needle::new(&small);
    let named = match folders.iter().map(|folder| u64::from(folder.total)).sum::<u64>() {
        // To look at each is less work.
        ..=FEW => None,
        _ => ask.app.store.read(|view| view.may_hold_of(ask.me(), &mut needle, NAMED))?,
    };
    let mut groups = Vec::new();
    for folder in folders.iter().filter(|folder| only.is_none_or(|only| folder.number == only)) {
        let candidates = match &named {
            Some(named) => candidates(ask, folder, before, named)?,
            None => {
                let place = (ask.me(), folder.number, before);
                ask.app.store.read(|view| view.may_hold_in(place, &mut needle, LOOKED_AT))?
            }
        };
        let (found, next) = find(ask, candidates, &small, (before, most), until);
        if found.is_empty() && next.is_none() {
            continue;
        }
        let rows: Vec<_> = found.iter().map(|entry| row(ask, folder, entry)).collect::<Result<_, _>>()?;
        let more = next.map(|next| {
            format!(
                "/mailbox{}",
                query(&[("q", &wanted), ("folder", &folder.number.to_string()), ("before", &next.to_string())])
            )
        });
        groups.push(context! { name => folder.shown(), outgoing => is_outgoing(folder), rows, more });
    }
    Ok(ask.page(
        200,
        "mailbox-found.html",
        "mailbox",
        &say!("common.search"),
        context! { groups, wanted, one => only.is_some() },
    ))
}

/// Entries of a folder before a UID among those that the index names, the last that came first, and where to go on.
fn candidates(ask: &Ask, folder: &Folder, before: u32, named: &[(u32, u32)]) -> Result<Candidates, Fault> {
    let uids = named.iter().filter(|(number, uid)| *number == folder.number && *uid < before);
    let uids: Vec<u32> = uids.map(|(_, uid)| *uid).collect();
    let last = &uids[uids.len().saturating_sub(LOOKED_AT.1)..];
    let mut entries = ask.app.store.read(|view| view.entries(ask.me(), folder.number, last))?;
    entries.retain(|entry| entry.flags & Flags::DELETED == 0);
    entries.reverse();
    Ok((entries, last.first().copied().filter(|_| last.len() < uids.len())))
}

/// Mails among these that have the words, and where to go on.
fn find(
    ask: &Ask,
    (entries, rest): Candidates,
    wanted: &str,
    (before, most): (u32, usize),
    until: Instant,
) -> Candidates {
    if Instant::now() >= until {
        return (Vec::new(), Some(before));
    }
    let mut found: Vec<Entry> = Vec::new();
    for (number, entry) in entries.into_iter().enumerate() {
        // At least one is read, so that each page comes further.
        if found.len() == most || (number > 0 && Instant::now() >= until) {
            return (found, Some(entry.uid + 1));
        }
        // One that another session removed meanwhile, or that is damaged, is not found.
        let raw = match entry.size > LARGEST {
            true => ask.app.store.content_head(&entry),
            false => ask.app.store.content_bytes(&entry),
        };
        if raw.is_ok_and(|raw| reading::has_words(&raw, wanted)) {
            found.push(entry);
        }
    }
    (found, rest)
}
