//! Whole mails that came before a packet, ready to become the mails of its messages.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::{coming, packed};
use crate::address::PeerId;
use crate::engine::Context;
use crate::fault::Fault;
use crate::link::whole::{WholeId, WholePlace};
use crate::mail_text::{self, Options};
use crate::message::{Message, Way, Whole};
use crate::settings::Key;
use crate::store::{BodyIn, INLINE, IncomingMail};

/// A mail as it came, byte for byte as the far box keeps it.
#[derive(Clone)]
pub struct ArrivedMail {
    /// Its bytes, where a commit takes them.
    pub body: BodyIn,
    said: Arc<Said>,
}

/// What it says, once for all messages that have it.
struct Said {
    subject: String,
    text: String,
    message_id: Option<String>,
    references: Vec<String>,
}

/// The mails that a packet names, with where each belongs; each is read once, wherever it belongs. One that is not here any more,
/// or is damaged, is left out: its text is in the packet.
///
/// # Errors
/// Temporary when the disk does not take one.
pub fn named(
    context: &Context,
    far_box: Option<PeerId>,
    places: &[WholePlace],
) -> Result<Vec<(WholePlace, ArrivedMail)>, Fault> {
    let mut mails = BTreeMap::new();
    for place in places {
        if let Entry::Vacant(mail) = mails.entry(place.name) {
            let mail = mail.insert(read(context, far_box, place.name)?);
            if mail.is_none() {
                log::warn!("link: a message came without its whole mail, which is not here any more");
            }
        }
    }
    let mut found: Vec<(WholePlace, ArrivedMail)> = Vec::new();
    for place in places {
        let Some(mail) = mails.get(&place.name).and_then(Option::as_ref) else { continue };
        let mut mail = mail.clone();
        let before = found.iter().any(|(other, _)| other.name == place.name);
        // Each message removes its own.
        if let (BodyIn::File(file), true) = (&mail.body, before) {
            mail.body = BodyIn::File(Arc::new(context.store.spool_again(file).map_err(Fault::temporary)?));
        }
        found.push((*place, mail));
    }
    Ok(found)
}

/// One mail of a far box; `None` when it is not here as its name says.
///
/// # Errors
/// Temporary when the disk fails.
pub fn read(context: &Context, far_box: Option<PeerId>, name: WholeId) -> Result<Option<ArrivedMail>, Fault> {
    let file = coming::file(far_box, name);
    let bytes = context.store.whole_bytes(&file).map_err(Fault::temporary)?;
    let most = context.store.settings().count(Key::SmtpMaxSize);
    let whole = bytes.filter(|bytes| WholeId::of(bytes) == name).and_then(|bytes| packed::unpack(&bytes, most));
    let Some(raw) = whole else { return Ok(None) };
    let shaped = mail_text::shape(&raw, &Options { trim: false });
    let body = match raw.len() <= INLINE {
        true => BodyIn::Bytes(raw),
        false => BodyIn::File(Arc::new(context.store.spool_bytes(&raw).map_err(Fault::temporary)?)),
    };
    let said = Said {
        subject: shaped.full_subject,
        text: if shaped.full.is_empty() { shaped.text } else { shaped.full },
        message_id: shaped.message_id,
        references: shaped.in_reply_to.into_iter().rev().collect(),
    };
    Ok(Some(ArrivedMail { body, said: Arc::new(said) }))
}

/// A message with its mail, where that came before it.
pub fn with_mail(wholes: &[(WholePlace, ArrivedMail)], mut message: Message) -> IncomingMail {
    let here =
        |place: &WholePlace| message.came_in.is_some_and(|at| (at.bundle, at.place) == (place.bundle, place.place));
    let body = match wholes.iter().find(|(place, _)| here(place)) {
        Some((_, mail)) => {
            mail.fill(&mut message);
            mail.body.clone()
        }
        None => BodyIn::None,
    };
    IncomingMail { messages: vec![message], body }
}

impl ArrivedMail {
    /// True where both were read at once.
    #[cfg(test)]
    pub fn is_read_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.said, &other.said)
    }

    /// Makes it the mail of a message; who reads it here reads all of it.
    pub fn fill(&self, message: &mut Message) {
        message.whole = Some(Whole::Came);
        if self.said.message_id.is_some() {
            message.message_id.clone_from(&self.said.message_id);
        }
        message.references.clone_from(&self.said.references);
        if message.way == Way::Mailbox {
            message.subject.clone_from(&self.said.subject);
            message.text.clone_from(&self.said.text);
        }
    }
}
