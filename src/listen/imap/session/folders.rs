//! Commands about folders: LIST, LSUB, STATUS, SELECT, EXAMINE, CLOSE, CREATE, DELETE, RENAME, SUBSCRIBE.

use imap_codec::imap_types::command::SelectParameter;
use imap_codec::imap_types::mailbox::{ListMailbox, Mailbox};
use imap_codec::imap_types::status::StatusDataItemName;

use super::ImapSession;
use crate::listen::imap::answer::{Answer, Try};
use crate::listen::imap::replies::{Replies, from_utf7, string, to_utf7};
use crate::listen::imap::selected::{Selected, all_flags, take_recent};
use crate::store::mailbox::{Folder, FolderError, Special};

/// The name of a folder as the store has it.
pub fn name_of(mailbox: &Mailbox<'_>) -> Try<String> {
    match mailbox {
        Mailbox::Inbox => Ok(Special::Inbox.name().to_owned()),
        Mailbox::Other(other) => {
            from_utf7(other.as_ref()).ok_or_else(|| Answer::No("[CANNOT] a folder cannot have this name".to_owned()))
        }
    }
}

fn refused(why: FolderError) -> Answer {
    let code = match why {
        FolderError::Exists => "[ALREADYEXISTS]",
        FolderError::Missing => "[NONEXISTENT]",
        FolderError::BadName | FolderError::Fixed => "[CANNOT]",
        FolderError::TooMany => "[LIMIT]",
    };
    Answer::No(format!("{code} {why}"))
}

/// True when a name fits a pattern: `*` is anything, `%` anything within a level. Takes as long as both are long together,
/// whatever the pattern.
fn fits(name: &str, pattern: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    for wanted in pattern.chars() {
        match wanted {
            '*' | '%' => {
                for at in 1..reached.len() {
                    let passes = wanted == '*' || name[at - 1] != '/';
                    reached[at] |= reached[at - 1] && passes;
                }
            }
            wanted => {
                for at in (1..reached.len()).rev() {
                    reached[at] = reached[at - 1] && name[at - 1] == wanted;
                }
                reached[0] = false;
            }
        }
    }
    reached[name.len()]
}

impl ImapSession<'_> {
    /// Finds the person's folder of this name; `None` where there is none.
    pub(super) fn folder(&self, mailbox: &Mailbox<'_>) -> Try<Option<Folder>> {
        let (person, name) = (self.person()?, name_of(mailbox)?);
        Ok(self.services.store.read(|view| view.folder_named(person, &name))?)
    }

    /// LIST, and LSUB with `subscribed`.
    pub(super) fn list(
        &mut self,
        reference: &Mailbox<'_>,
        wildcard: &ListMailbox<'_>,
        subscribed: bool,
        out: &mut Replies<'_>,
    ) -> Try<Answer> {
        let person = self.person()?;
        let verb = if subscribed { "LSUB" } else { "LIST" };
        let wanted = match wildcard {
            ListMailbox::Token(token) => token.as_ref(),
            ListMailbox::String(text) => text.as_ref(),
        };
        if wanted.is_empty() {
            out.line(&format!("* {verb} (\\Noselect) \"/\" \"\""));
            return Ok(Answer::done());
        }
        let base = match reference {
            Mailbox::Inbox => "INBOX".to_owned(),
            Mailbox::Other(other) => String::from_utf8_lossy(other.as_ref()).into_owned(),
        };
        let pattern = base + &String::from_utf8_lossy(wanted);
        // What is compared is what stands on the wire.
        let inbox_too = pattern.to_ascii_uppercase();
        let folders = self.services.store.read(|view| view.folders(person))?;
        let names: Vec<_> = folders.iter().map(|folder| to_utf7(&folder.name)).collect();
        let below =
            |name: &str| names.iter().any(|other| other.strip_prefix(name).is_some_and(|rest| rest.starts_with('/')));
        let mut shown: Vec<(String, String)> = Vec::new();
        for (folder, name) in folders.iter().zip(&names) {
            let fitting = fits(name, &pattern) || (folder.special() == Some(Special::Inbox) && fits(name, &inbox_too));
            if fitting && (folder.subscribed || !subscribed) {
                let children = if below(name) { "\\HasChildren" } else { "\\HasNoChildren" };
                let special = match folder.special() {
                    Some(Special::Inbox) | None => String::new(),
                    Some(special) => format!(" \\{}", special.name()),
                };
                shown.push((name.clone(), format!("{children}{special}")));
            }
        }
        // Levels above a folder that are none themselves, or are not subscribed, show where it is (RFC 3501 section 6.3.9).
        for folder in folders.iter().filter(|folder| folder.subscribed || !subscribed) {
            for (at, _) in folder.name.match_indices('/').filter(|_| pattern.contains('%')) {
                let above = to_utf7(&folder.name[..at]);
                let mut known = folders.iter().zip(&names);
                let is_folder = known.any(|(other, name)| *name == above && (other.subscribed || !subscribed));
                if !is_folder && fits(&above, &pattern) && !shown.iter().any(|(known, _)| *known == above) {
                    shown.push((above, "\\Noselect \\HasChildren".to_owned()));
                }
            }
        }
        for (name, attributes) in shown {
            let mut line = format!("* {verb} ({attributes}) \"/\" ").into_bytes();
            string(&mut line, name.as_bytes());
            out.bytes(&line).bytes(b"\r\n");
        }
        Ok(Answer::done())
    }

    pub(super) fn status(
        &mut self,
        mailbox: &Mailbox<'_>,
        items: &[StatusDataItemName],
        out: &mut Replies<'_>,
    ) -> Try<Answer> {
        if items.is_empty() {
            return Err(Answer::Bad("STATUS needs the names of what it shall tell".to_owned()));
        }
        let folder = self.folder(mailbox)?.ok_or_else(|| refused(FolderError::Missing))?;
        let mut values = Vec::new();
        for item in items {
            values.push(match item {
                StatusDataItemName::Messages => format!("MESSAGES {}", folder.total),
                StatusDataItemName::Recent => {
                    let person = self.person()?;
                    let count = self.services.store.read(|view| view.count_from(person, &folder, folder.recent))?;
                    format!("RECENT {count}")
                }
                StatusDataItemName::UidNext => format!("UIDNEXT {}", folder.next),
                StatusDataItemName::UidValidity => format!("UIDVALIDITY {}", folder.validity),
                StatusDataItemName::Unseen => format!("UNSEEN {}", folder.unseen),
                StatusDataItemName::HighestModSeq => {
                    self.enable_condstore(out);
                    format!("HIGHESTMODSEQ {}", folder.modseq)
                }
                _ => return Err(Answer::Bad("STATUS does not tell this".to_owned())),
            });
        }
        let mut line = b"* STATUS ".to_vec();
        string(&mut line, to_utf7(&folder.name).as_bytes());
        out.bytes(&line).line(&format!(" ({})", values.join(" ")));
        Ok(Answer::done())
    }

    pub(super) fn select(
        &mut self,
        mailbox: &Mailbox<'_>,
        parameters: &[SelectParameter],
        read_only: bool,
        out: &mut Replies<'_>,
    ) -> Try<Answer> {
        // Whatever becomes of this, the one before is closed.
        self.selected = None;
        let (person, name) = (self.person()?.to_owned(), name_of(mailbox)?);
        match parameters {
            [] => {}
            [SelectParameter::CondStore] => self.condstore = true,
            _ => return Err(Answer::Bad("this parameter is not offered".to_owned())),
        }
        let found = self.services.store.read(|view| {
            let Some(folder) = view.folder_named(&person, &name)? else { return Ok(None) };
            let (uids, unseen) = self.services.opened.look(view, &person, &folder)?;
            Ok(Some((folder, uids, unseen)))
        })?;
        let (folder, uids, unseen) = found.ok_or_else(|| refused(FolderError::Missing))?;
        let recent = take_recent(&self.services.store, &person, &folder, read_only)?;
        let selected = Selected::new(&folder, uids, read_only, recent);
        let all = all_flags(&folder);
        out.line(&format!("* FLAGS {all}"));
        let kept = match (read_only, folder.takes_keywords()) {
            (true, _) => "()".to_owned(),
            (false, true) => format!("{} \\*)", &all[..all.len() - 1]),
            (false, false) => all,
        };
        out.line(&format!("* OK [PERMANENTFLAGS {kept}] these can be changed"));
        out.line(&format!("* {} EXISTS", selected.uids.len()));
        out.line(&format!("* {} RECENT", selected.count_recent()));
        if let Some(place) = unseen.and_then(|uid| selected.uids.place(uid)) {
            out.line(&format!("* OK [UNSEEN {place}] the first that was not read"));
        }
        out.line(&format!("* OK [UIDVALIDITY {}] UIDs are given once", folder.validity));
        out.line(&format!("* OK [UIDNEXT {}] the next UID", folder.next));
        out.line(&format!("* OK [HIGHESTMODSEQ {}] the last change", folder.modseq));
        self.selected = Some(selected);
        Ok(Answer::Ok(format!("[READ-{}] open", if read_only { "ONLY" } else { "WRITE" })))
    }

    /// CLOSE: what is marked as deleted goes, without a word about it.
    pub(super) fn close(&mut self) -> Try<Answer> {
        let selected = self.open()?;
        if !selected.read_only {
            self.remove_deleted(None)?;
        }
        self.selected = None;
        Ok(Answer::done())
    }

    pub(super) fn create(&mut self, mailbox: &Mailbox<'_>) -> Try<Answer> {
        let (person, name) = (self.person()?.to_owned(), name_of(mailbox)?);
        let made = self.services.store.write(move |tx| tx.create_folder(&person, &name))?;
        made.map(|_| Answer::done()).map_err(refused)
    }

    pub(super) fn delete(&mut self, mailbox: &Mailbox<'_>) -> Try<Answer> {
        let (person, name) = (self.person()?.to_owned(), name_of(mailbox)?);
        if let Some(folder) = self.folder(mailbox)?
            && self.selected.as_ref().is_some_and(|selected| selected.number == folder.number)
        {
            self.selected = None;
        }
        let gone = self.services.store.write(move |tx| tx.delete_folder(&person, &name))?;
        gone.map(|()| Answer::done()).map_err(refused)
    }

    pub(super) fn rename(&mut self, from: &Mailbox<'_>, to: &Mailbox<'_>) -> Try<Answer> {
        let (person, from, to) = (self.person()?.to_owned(), name_of(from)?, name_of(to)?);
        let done = self.services.store.write(move |tx| tx.rename_folder(&person, &from, &to))?;
        done.map(|()| Answer::done()).map_err(refused)
    }

    pub(super) fn subscribe(&mut self, mailbox: &Mailbox<'_>, wanted: bool) -> Try<Answer> {
        let (person, name) = (self.person()?.to_owned(), name_of(mailbox)?);
        let done = self.services.store.write(move |tx| tx.subscribe(&person, &name, wanted))?;
        done.map(|()| Answer::done()).map_err(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns_find_names_and_take_no_time() {
        for (name, pattern, found) in [
            ("INBOX", "*", true),
            ("Work/2026", "%", false),
            ("Work/2026", "%/%", true),
            ("Work/2026", "Work/*", true),
            ("Work", "W%k", true),
            ("Work", "w*", false),
            ("", "", true),
            ("a", "", false),
            ("abc", "**%%*", true),
        ] {
            assert_eq!(fits(name, pattern), found, "{name} {pattern}");
        }
        assert!(!fits(&"a".repeat(200), &("*a".repeat(4000) + "b")));
    }
}
