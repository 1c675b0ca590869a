//! Whom a person writes to: offered while they type a recipient.

use std::collections::BTreeSet;

use super::Ask;
use crate::fault::Fault;
use crate::intake::reading;
use crate::settings::Key;
use crate::store::mailbox::Special;

/// So many mails of a folder are looked at, the last ones.
const LOOKED_AT: usize = 40;
/// So many are offered: more would weigh too much on a page.
const MOST: usize = 60;

/// The people of this box, and those to whom the one who asks wrote, or who wrote to them, lately.
pub fn of(ask: &Ask) -> Result<Vec<String>, Fault> {
    let (domain, people) = (ask.settings.text(Key::Domain), ask.service.people());
    let here = people.iter().filter(|person| !person.disabled && !domain.is_empty());
    let mut all: Vec<_> = here.map(|person| shown(&person.full_name, &format!("{}@{domain}", person.name))).collect();
    let mut known: BTreeSet<_> = people.iter().map(|person| format!("{}@{domain}", person.name)).collect();
    for (folder, wrote) in [(Special::Sent, true), (Special::Inbox, false)] {
        let (entries, heads) = ask.app.store.read(|view| {
            let entries = view.newest(ask.me(), folder.number(), u32::MAX, LOOKED_AT)?;
            let heads = view.heads(&entries)?;
            Ok((entries, heads))
        })?;
        for (entry, head) in entries.iter().zip(heads) {
            // One that another session removed meanwhile names nobody.
            let Some(header) = head.or_else(|| ask.app.store.content_head(entry).ok()) else { continue };
            for (name, address) in reading::correspondents(&header, wrote) {
                if all.len() < MOST && known.insert(address.to_lowercase()) {
                    all.push(shown(&name, &address));
                }
            }
        }
    }
    Ok(all)
}

/// A name before its address, as the form takes it.
fn shown(name: &str, address: &str) -> String {
    let name = name.trim().replace(['"', '\\', '<', '>'], " ");
    match name.contains([',', ';', '(', ')', ':', '@']) {
        _ if name.is_empty() => address.to_owned(),
        true => format!("\"{name}\" <{address}>"),
        false => format!("{name} <{address}>"),
    }
}
