//! A whole mail that is here after its text: it becomes a message of its own beside it, as what a mail program was shown, and
//! what a relay took, never changes.

use super::arrived::{self, ArrivedMail};
use super::request;
use crate::address::PeerId;
use crate::engine::{Context, policy};
use crate::fault::Fault;
use crate::link::whole::{WholeId, WholePlace};
use crate::message::{Id, Message, Origin, State, Way, Whole};
use crate::route::plan::NewMessage;
use crate::store::{BodyIn, IncomingMail, Tx, TxResult};

/// The mail of a message whose text is here, ready to be added.
pub struct MailBeside {
    text: Id,
    mail: IncomingMail,
}

/// What is known of a message whose packet named a whole mail and did not bring the message itself, as that came before.
pub struct CameBefore<'a> {
    /// Where the packet names it.
    pub place: &'a WholePlace,
    /// The mail that the packet named.
    pub mail: &'a ArrivedMail,
    /// What it says, subject and text, where it came in another bundle than that of the packet.
    pub says: Option<(&'a str, &'a str)>,
}

/// True where a message came as text and its mail is not here.
fn lacks_mail(text: &Message) -> bool {
    matches!(text.whole, None | Some(Whole::There { .. } | Whole::Gone))
}

/// The mail of a message that came before as text; `None` where there is no such message, or nothing is to be made of its
/// mail: it goes on as text, or did not get where it should.
///
/// # Errors
/// When the store fails.
pub fn came_before(
    context: &Context,
    far_box: Option<PeerId>,
    known: &CameBefore<'_>,
) -> Result<Option<MailBeside>, Fault> {
    let at = (known.place.bundle, known.place.place);
    let text = match known.says {
        Some((subject, text)) => request::newest(context, far_box, |message| {
            lacks_mail(message) && (message.subject.as_str(), message.text.as_str()) == (subject, text)
        })?,
        None => request::came_at(context, far_box, at)?,
    };
    Ok(text.filter(lacks_mail).and_then(|text| MailBeside::new(context, &text, known.mail)))
}

impl MailBeside {
    /// The mail of this text as a message; `None` where nothing is to be made of it.
    pub fn new(context: &Context, text: &Message, mail: &ArrivedMail) -> Option<Self> {
        let failed = text.is_final() && !request::has_left(text);
        let draft = NewMessage {
            author: text.author.clone(),
            sender: text.sender.clone(),
            subject: text.subject.clone(),
            about: Some(text.id),
            ..NewMessage::new(Origin::Link, text.from.clone(), text.to.clone(), text.text.clone())
        };
        let mut whole = policy(&context.store).plan(draft, None, context.now(), context.store.clock().believable());
        if failed || whole.way != text.way || !matches!(whole.way, Way::Mailbox | Way::Relay) {
            return None;
        }
        // Whoever decides about the text decides about the mail as well.
        if text.state == State::Held {
            (whole.state, whole.reason, whole.next) = (text.state, text.reason.clone(), text.next);
        }
        mail.fill(&mut whole);
        Some(Self { text: text.id, mail: IncomingMail { messages: vec![whole], body: mail.body.clone() } })
    }

    /// Puts it beside its text; gives the message, if its text still lacks it.
    pub fn put(&self, tx: &mut Tx) -> TxResult<Vec<Id>> {
        let mut ids = Vec::new();
        if tx.find(self.text)?.is_some_and(|text| lacks_mail(&text)) {
            let IncomingMail { messages, body } = &self.mail;
            ids = tx.add(&IncomingMail { messages: messages.clone(), body: BodyIn::clone(body) })?;
            let message = ids.first().copied().unwrap_or(self.text);
            log::info!("{message} is the whole mail of {}", self.text);
            tx.change(self.text, |text| text.whole = Some(Whole::Later { message }))?;
        }
        request::forget(tx, self.text)?;
        Ok(ids)
    }
}

/// A mail that was asked for is here.
///
/// # Errors
/// When the store fails.
pub fn came(context: &Context, far_box: Option<PeerId>, number: u64, name: WholeId) -> Result<(), Fault> {
    let notes = context.store.read(|view| view.whole_notes())?;
    let asked = notes.there.iter().find(|mail| mail.asked && (mail.far_box, mail.number) == (far_box, number));
    let Some(id) = asked.map(|mail| mail.message) else { return Ok(()) };
    let Some(text) = context.store.message(id).ok().flatten() else { return request::gone(context, far_box, number) };
    let mail = match arrived::read(context, far_box, name) {
        Ok(Some(mail)) => mail,
        // It is asked for again after a while: what is here of it need not come again.
        Ok(None) => return Ok(()),
        Err(fault) => {
            log::warn!("link: the whole mail of {id} is here and cannot be kept yet: {fault}");
            return Ok(());
        }
    };
    // Who read here reads elsewhere by now, or what its text says did not get there.
    let Some(beside) = MailBeside::new(context, &text, &mail) else { return request::gone(context, far_box, number) };
    context.store.commit_in(move |tx| Ok((beside.put(tx)?, ()))).map(drop)
}
