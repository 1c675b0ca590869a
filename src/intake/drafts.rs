//! Drafts of what is written on the page: mails in the writer's folder Drafts, where mail programs see them too. Each form has
//! one draft, and a later version takes the place of the one before.

use mail_parser::{HeaderName, HeaderValue, MessageParser};

use super::ComposeForm;
use crate::address::{Address, AddressError, Mailbox, looks_like_phone_in, pasted};
use crate::deliver::compose::{self, DraftMail, one_line};
use crate::engine::Context;
use crate::fault::Fault;
use crate::mail_text::attached;
use crate::message::{Id, Terms, Wanted};
use crate::people::Person;
use crate::route::choose::Policy;
use crate::route::terms;
use crate::settings::Key;
use crate::store::mailbox::{Entry, Flags, NewContent, NewEntry, Special};
use crate::store::{Tx, TxResult};

/// Field of a draft's header with what other fields have no place for: recipients as they were typed, and the terms.
const FORM: &str = "X-Satpost-Form";
/// Longest line of it, in bytes.
const LINE: usize = 500;
/// How often a draft is looked at anew that another window keeps at the same moment.
pub(super) const TURNS: usize = 8;
/// Longest list of recipients that is kept, in bytes.
const TO_MOST: usize = 16 * 1024;

/// What became of a version of a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is kept, in the place of the version before.
    Stored,
    /// There is nothing in it, so there is no draft.
    Empty,
    /// The form was sent meanwhile, with these words or later ones of the same window.
    Sent,
    /// Another window has kept other words under the name of this form: these need a name of their own.
    Elsewhere,
    /// The form was sent before, and these words with it or not: to be kept, or sent, they need a name of their own.
    SentBefore,
}

/// A draft that is opened again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened {
    /// The form as it was saved.
    pub sheet: ComposeForm,
    /// It has files, which a form cannot hold.
    pub has_files: bool,
}

/// The name of a form in the store. The person is part of it, so that nobody meets the form of somebody else.
pub(super) fn form_of(person: &str, once: &str) -> String {
    format!("{person}:{once}")
}

/// The name of a form in one window, which has no later words once it has sent it; `None` where nobody named the window.
pub(super) fn in_tab(person: &str, sheet: &ComposeForm) -> Option<String> {
    let named = !sheet.once.is_empty() && !sheet.tab.is_empty();
    named.then(|| format!("{}/{}", form_of(person, &sheet.once), sheet.tab))
}

/// What lies under the name of a form before a transaction that puts something in its place, or removes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Met {
    /// UID of the last draft there; `None` where there is none.
    last: Option<u32>,
    /// False where another window has kept other words there since this one was opened.
    pub own: bool,
}

impl Met {
    /// True while nothing was kept there since it was read.
    pub fn holds(self, tx: &Tx, person: &str, sheet_once: &str) -> TxResult<bool> {
        Ok(sheet_once.is_empty() || tx.last_draft(person, &name_of(sheet_once))? == self.last)
    }
}

/// Reads what lies under the name of a form. A form of which nobody named the window takes it all for its own.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn met(context: &Context, person: &str, sheet: &ComposeForm) -> Result<Met, Fault> {
    let entry = if sheet.once.is_empty() { None } else { of_form(context, person, &sheet.once)? };
    let last = entry.as_ref().map(|entry| entry.uid);
    let Some(entry) = entry.filter(|_| !sheet.tab.is_empty() && sheet.seen != last) else {
        return Ok(Met { last, own: true });
    };
    let there = open(context, &entry)?.sheet;
    let Wanted { priority, by, at_most, links } = &sheet.wanted;
    let terms = [(&there.wanted.priority, priority), (&there.wanted.by, by), (&there.wanted.at_most, at_most)];
    let words = [(&there.to, &sheet.to), (&there.subject, &sheet.subject), (&there.text, &sheet.text)];
    let all = words.into_iter().chain(terms).chain([(&there.wanted.links, links)]);
    let own = there.tab == sheet.tab || all.into_iter().all(|(one, other)| one.trim() == other.trim());
    Ok(Met { last, own })
}

/// UID of the draft that the window of a form keeps under its name; `None` where the last one there is of another window.
///
/// # Errors
/// When the store cannot be read.
pub fn own(context: &Context, person: &str, sheet: &ComposeForm) -> Result<Option<u32>, Fault> {
    let Some(entry) = of_form(context, person, &sheet.once)?.filter(|_| !sheet.tab.is_empty()) else { return Ok(None) };
    Ok((open(context, &entry)?.sheet.tab == sheet.tab).then_some(entry.uid))
}

/// The Message-ID of the draft of a form.
pub(super) fn name_of(once: &str) -> String {
    format!("<{once}@draft.invalid>")
}

/// Keeps what somebody has written so far. Nothing is kept of a form that its window has sent meanwhile, where a script may come
/// `late`.
///
/// # Errors
/// Permanent with a sentence when the mailbox is full; temporary when the disk is in the way.
pub fn keep(context: &Context, author: &Person, sheet: &ComposeForm, late: bool) -> Result<Kept, Fault> {
    if sheet.once.is_empty() {
        return Err(Fault::permanent("this form has no name: load its page again"));
    }
    let (person, name, begun) = (author.name.clone(), name_of(&sheet.once), sheet.begun);
    let form = form_of(&person, &sheet.once);
    let empty = [&sheet.to, &sheet.subject, &sheet.text].iter().all(|field| field.trim().is_empty());
    let mail = written(context, author, sheet, &name);
    room(context, author, mail.len())?;
    let (content, now) = (NewContent::Bytes(mail), context.now());
    let in_tab = in_tab(&person, sheet);
    let made_of = MadeOf::of(context, sheet);
    for _ in 0..TURNS {
        let met = met(context, &person, sheet)?;
        if !met.own {
            let sent_here = match &in_tab {
                Some(in_tab) if late => context.store.read(|view| view.was_sent(in_tab))?,
                _ => false,
            };
            return Ok(if sent_here {
                Kept::Sent
            } else if empty {
                Kept::Empty
            } else {
                Kept::Elsewhere
            });
        }
        let (person, name, form, content) = (person.clone(), name.clone(), form.clone(), content.clone());
        let (in_tab, made_of, once) = (in_tab.clone(), made_of.clone(), sheet.once.clone());
        let kept = context.store.write(move |tx| {
            let made = tx.made_by_form(&form)?;
            if !made.is_empty() {
                let sent_here = match &in_tab {
                    Some(in_tab) => !tx.made_by_form(in_tab)?.is_empty(),
                    None => true,
                };
                let done = empty || (late && (sent_here || made_of.is(tx, &made)?));
                return Ok(Some(if done { Kept::Sent } else { Kept::SentBefore }));
            }
            if !met.holds(tx, &person, &once)? {
                return Ok(None);
            }
            if empty {
                drop(tx, &person, &name, None)?;
                return Ok(Some(Kept::Empty));
            }
            tx.open_mailbox(&person)?;
            let content = tx.add_content(&content)?;
            let flags = Flags::of(Flags::DRAFT | Flags::SEEN);
            let entry = NewEntry { content, flags, arrived: now.seconds(), ..NewEntry::default() };
            let uid = tx.add_entry(&person, Special::Drafts.number(), &entry)?;
            tx.drop_drafts(&person, &name, Some(uid))?;
            drop(tx, &person, "", begun)?;
            Ok(Some(Kept::Stored))
        })?;
        if let Some(kept) = kept {
            return Ok(kept);
        }
    }
    Err(met_too_often())
}

/// Why nothing is kept or sent of a draft that another window kept between each look and its transaction.
pub(super) fn met_too_often() -> Fault {
    Fault::temporary("another window keeps this draft again and again")
}

/// Reads who gets a message, each recipient once.
pub(super) fn recipients(policy: &Policy, to: &str) -> Result<Vec<Address>, Fault> {
    let mut all: Vec<Address> = Vec::new();
    for piece in pasted::several(to) {
        let one = recipient(policy, &piece).map_err(Fault::permanent)?;
        if !all.contains(&one) {
            all.push(one);
        }
    }
    let most = policy.settings.count(Key::SmtpMaxRecipients);
    match all.len() {
        0 => Err(Fault::permanent("name a recipient: a mail address, a phone number, or a person of this box")),
        many if many > most => Err(Fault::permanent(format!("a message goes to at most {most} recipients"))),
        _ => Ok(all),
    }
}

/// A recipient as somebody writes it: a person of this box, a phone in the local form, or a mail address.
pub(super) fn recipient(policy: &Policy, to: &str) -> Result<Address, AddressError> {
    let to = &pasted::visible(to);
    if to.contains('@') || to.is_empty() {
        return Ok(policy.resolve(&to.parse()?)?);
    }
    if looks_like_phone_in(policy.settings.text(Key::SmsCountry), to) && policy.people.get(to).is_none() {
        return Ok(policy.at_number(to)?);
    }
    Ok(policy.resolve(&Mailbox::new(to, policy.settings.text(Key::Domain))?)?)
}

/// What the messages of a form are made of, to be compared with those that it made before.
#[derive(Debug, Clone)]
struct MadeOf {
    to: Option<Vec<Address>>,
    subject: String,
    text: String,
    terms: Option<Terms>,
}

impl MadeOf {
    fn of(context: &Context, sheet: &ComposeForm) -> Self {
        let (policy, (subject, text)) = (context.policy(), written_words(sheet));
        let to = recipients(&policy, &sheet.to).ok();
        Self { to, subject, text, terms: terms::read(&sheet.wanted, &policy.settings, context.now()).ok() }
    }

    /// True where these messages are made of it. A time may have been given as a span, which ends later by now.
    fn is(&self, tx: &Tx, made: &[Id]) -> TxResult<bool> {
        let (Some(to), Some(terms)) = (&self.to, &self.terms) else { return Ok(false) };
        let all = |terms: &Terms| (terms.priority, terms.by.is_some(), terms.at_most, terms.links);
        let mut left = to.clone();
        for id in made {
            let Some(sent) = tx.find(*id)? else { return Ok(false) };
            if sent.subject != self.subject || sent.text != self.text || all(&sent.terms) != all(terms) {
                return Ok(false);
            }
            left.retain(|address| *address != sent.to);
        }
        Ok(left.is_empty() && made.len() == to.len())
    }
}

/// Subject and text as a message has them that is made of a form.
pub(super) fn written_words(sheet: &ComposeForm) -> (String, String) {
    let text = sheet.text.replace("\r\n", "\n");
    (one_line(&sheet.subject), text.trim_start_matches('\n').trim_end().to_owned())
}

/// Removes the draft of this name, and the one that a mail program began.
pub(super) fn drop(tx: &mut Tx, person: &str, name: &str, begun: Option<u32>) -> TxResult<()> {
    if !name.is_empty() {
        tx.drop_drafts(person, name, None)?;
    }
    match begun {
        Some(uid) if tx.all_folders(person)?.iter().any(|folder| folder.special() == Some(Special::Drafts)) => {
            tx.remove_entries(person, Special::Drafts.number(), &[uid]).map(std::mem::drop)
        }
        _ => Ok(()),
    }
}

/// The thread that the draft of a form continues, or the one that a mail program began and the form goes on with.
pub fn references(context: &Context, person: &str, once: &str, begun: Option<u32>) -> Vec<String> {
    let found = context.store.read(|view| match (view.draft(person, &name_of(once))?, begun) {
        (None, Some(uid)) => view.entry(person, Special::Drafts.number(), uid),
        (draft, _) => Ok(draft),
    });
    // A draft that cannot be read costs a thread, and no message.
    let opened = found.ok().flatten().and_then(|entry| open(context, &entry).ok());
    opened.map(|opened| opened.sheet.references).unwrap_or_default()
}

/// Finds the draft of a form.
///
/// # Errors
/// When the store cannot be read.
pub fn of_form(context: &Context, person: &str, once: &str) -> Result<Option<Entry>, Fault> {
    context.store.read(|view| view.draft(person, &name_of(once)))
}

/// Opens a draft: one of the page as it was, one of a mail program as far as a form has room for it.
///
/// # Errors
/// When the store cannot be read.
pub fn open(context: &Context, entry: &Entry) -> Result<Opened, Fault> {
    Ok(read(&context.store.content_bytes(entry)?, entry.uid))
}

/// Opens a draft to go on with it: where its form was sent from another window, as a form of its own.
///
/// # Errors
/// When the store cannot be read.
pub fn go_on(context: &Context, person: &str, entry: &Entry) -> Result<Opened, Fault> {
    let mut opened = open(context, entry)?;
    let form = form_of(person, &opened.sheet.once);
    let sent = !opened.sheet.once.is_empty() && context.store.read(|view| view.was_sent(&form))?;
    if sent {
        (opened.sheet.once, opened.sheet.begun) = (String::new(), Some(entry.uid));
    }
    Ok(opened)
}

fn read(raw: &[u8], uid: u32) -> Opened {
    let Some(mail) = MessageParser::new().parse(raw) else { return Opened::default() };
    let lines = mail.header_values(HeaderName::Other(FORM.into())).filter_map(|value| value.as_text());
    let form: String = lines.flat_map(str::chars).filter(|c| !c.is_whitespace()).collect();
    let field = |name: &str| {
        let mut pairs = form_urlencoded::parse(form.as_bytes());
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    let own = mail.message_id().and_then(|id| id.strip_suffix("@draft.invalid")).map(str::to_owned);
    let listed = mail.to().into_iter().chain(mail.cc()).flat_map(mail_parser::Address::iter);
    let listed = listed.filter_map(|one| match (one.name(), one.address()) {
        (Some(name), Some(address)) => Some(format!("\"{}\" <{address}>", name.replace(['"', '\\'], " "))),
        (None, Some(address)) => Some(address.to_owned()),
        _ => None,
    });
    let ids = |value: &HeaderValue| -> Vec<String> {
        let ids = value.as_text_list().unwrap_or_default();
        ids.iter().map(|id| format!("<{}>", compose::bare_id(id))).collect()
    };
    let thread = [mail.references(), mail.in_reply_to()].into_iter().map(ids).find(|ids| !ids.is_empty());
    let sheet = ComposeForm {
        to: if form.is_empty() { listed.collect::<Vec<_>>().join(", ") } else { field("to") },
        subject: mail.subject().unwrap_or_default().to_owned(),
        text: mail.body_text(0).unwrap_or_default().replace("\r\n", "\n"),
        wanted: Wanted {
            priority: field("priority"),
            by: field("by"),
            at_most: field("at_most"),
            links: field("links"),
        },
        answers: field("answers"),
        references: thread.unwrap_or_default(),
        tab: field("tab"),
        seen: Some(uid),
        begun: own.is_none().then_some(uid),
        once: own.unwrap_or_default(),
    };
    Opened { sheet, has_files: !attached::list(raw).is_empty() }
}

/// The draft as a mail.
fn written(context: &Context, author: &Person, sheet: &ComposeForm, name: &str) -> Vec<u8> {
    let policy = context.policy();
    // Names here are such as an address may have.
    let here = || Mailbox::new(&author.name, "localhost").expect("a name of this box is a local part");
    let from = policy.address_of(author).unwrap_or_else(here);
    let to: Vec<_> = pasted::several(&sheet.to).iter().map(|piece| (name_in(piece), pasted::visible(piece))).collect();
    let mut form = form_urlencoded::Serializer::new(String::new());
    let typed = &sheet.to[..sheet.to.floor_char_boundary(TO_MOST)];
    let Wanted { priority, by, at_most, links } = &sheet.wanted;
    let answers = sheet.answers.as_str();
    let tab = &sheet.tab;
    let terms = [("priority", priority), ("by", by), ("at_most", at_most), ("links", links), ("tab", tab)];
    let terms = terms.map(|(name, value)| (name, value.as_str()));
    for (name, value) in [("to", typed), ("answers", answers)].into_iter().chain(terms) {
        if !value.is_empty() {
            form.append_pair(name, value);
        }
    }
    // A form with nothing in it is still known as one.
    form.append_pair("v", "1");
    let form = form.finish();
    let lines: Vec<_> = form.as_bytes().chunks(LINE).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    compose::draft(&DraftMail {
        from: &from,
        to: &to,
        subject: &sheet.subject,
        text: &sheet.text,
        date: context.now(),
        message_id: name,
        references: &sheet.references,
        more: (FORM, &lines),
    })
}

/// The name before an address in angle brackets.
fn name_in(piece: &str) -> String {
    let name = piece.trim().strip_suffix('>').and_then(|rest| rest.rsplit_once('<')).map(|(name, _)| name);
    name.unwrap_or_default().trim().trim_matches('"').to_owned()
}

fn room(context: &Context, author: &Person, size: usize) -> Result<(), Fault> {
    if context.store.disk_room().is_ok_and(|room| room.is_short()) {
        return Err(Fault::temporary("there is too little room on the disk of this box"));
    }
    let quota = context.store.settings().count(Key::MailboxQuota) as u64 * 1_000_000;
    let used = context.store.read(|view| view.mailbox_bytes(&author.name))?;
    match quota > 0 && used.saturating_add(size as u64) > quota {
        true => Err(Fault::permanent("your mailbox is full: delete something in it")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(to: &str, subject: &str, text: &str, more: &[String]) -> Vec<u8> {
        let from = "anna@boat.example".parse().unwrap();
        let to: Vec<_> = pasted::several(to).iter().map(|piece| (name_in(piece), pasted::visible(piece))).collect();
        let id = name_of("00112233aabbccdd");
        let date = crate::clock::Time::from_seconds(1_795_564_800);
        let (message_id, references) = (id.as_str(), ["<1@a.b>".to_owned(), "<2@a.b>".to_owned()]);
        let more = (FORM, more);
        compose::draft(&DraftMail {
            from: &from,
            to: &to,
            subject,
            text,
            date,
            message_id,
            references: &references,
            more,
        })
    }

    #[test]
    fn a_draft_of_the_page_comes_back_as_it_was() {
        for text in [
            "",
            "One line.",
            "  kept blanks  \n\n-- \nmark\n> quote",
            "gr\u{fc}\u{df}e \u{1f6a2}\n",
            &"long ".repeat(2000),
        ] {
            let form = form_urlencoded::Serializer::new(String::new())
                .extend_pairs([("to", "Mary <mary@x.org>, +1 415"), ("by", "2h")])
                .finish();
            let raw =
                mail("Mary <mary@x.org>, +1 415", "Tide \u{2013} high", text, &[form[..9].into(), form[9..].into()]);
            let opened = read(&raw, 7);
            assert_eq!(opened.sheet.text.trim_end_matches('\n'), text.trim_end_matches('\n'));
            assert_eq!(
                (opened.sheet.to.as_str(), opened.sheet.wanted.by.as_str()),
                ("Mary <mary@x.org>, +1 415", "2h")
            );
            assert_eq!(
                (opened.sheet.subject.as_str(), opened.sheet.once.as_str()),
                ("Tide \u{2013} high", "00112233aabbccdd")
            );
            assert_eq!((opened.sheet.begun, opened.has_files), (None, false));
            assert_eq!(opened.sheet.references, ["<1@a.b>", "<2@a.b>"]);
        }
    }

    #[test]
    fn a_draft_of_a_mail_program_is_gone_on_with() {
        let raw =
            b"From: anna@boat.example\r\nTo: \"Miller, Mary\" <mary@x.org>\r\nCc: bob@x.org\r\nMessage-ID: <1@pc>\r\n\
            In-Reply-To: <0@pc>\r\nSubject: Tide\r\n\r\nHello\r\nMary\r\n";
        let opened = read(raw, 7);
        assert_eq!(opened.sheet.to, "\"Miller, Mary\" <mary@x.org>, bob@x.org");
        assert_eq!((opened.sheet.text.as_str(), opened.sheet.begun), ("Hello\nMary\n", Some(7)));
        assert_eq!(opened.sheet.references, ["<0@pc>"]);
        assert_eq!((opened.sheet.once.as_str(), opened.has_files), ("", false));
        for odd in [&b""[..], b"\0\xff", b"Message-ID: <@draft.invalid>\r\nX-Satpost-Form: %%%&&=\r\n\r\n"] {
            read(odd, 1);
        }
    }
}
