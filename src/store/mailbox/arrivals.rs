//! What the box itself files: a message that arrived into INBOX, a mail that somebody here wrote into Sent, with its state as
//! a keyword.

use super::entries::NewEntry;
use super::flags::{FlagChange, Flags, STAGES};
use super::names::SAME;
use super::rows::Special;
use crate::address::{Address, Mailbox};
use crate::deliver::compose::{self, ComposedMail};
use crate::message::{Id, Message, Origin, State, Way};
use crate::store::schema::Readable;
use crate::store::schema::{Tx, TxResult};

/// How far a mail got, as Sent shows it, in the order of [`STAGES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Delivered,
    Sent,
    Queued,
    Failed,
}

impl Stage {
    fn of(message: &Message) -> Self {
        match message.state {
            State::Held | State::Queued | State::OnLink => Self::Queued,
            // Of the last nothing more will be known.
            State::Sent | State::FarBox | State::Unconfirmed => Self::Sent,
            State::Delivered => Self::Delivered,
            State::Returned | State::Expired | State::Cancelled | State::Refused => Self::Failed,
        }
    }

    fn word(self) -> &'static str {
        STAGES[self as usize]
    }
}

/// True once it is in the mailbox of its reader.
fn arrived(message: &Message) -> bool {
    message.way == Way::Mailbox && message.state == State::Delivered
}

impl Tx<'_> {
    /// Files a message that arrived in its reader's mailbox, and keeps the state of one that somebody wrote.
    pub(in crate::store) fn follow(&mut self, after: &Message, before: Option<&Message>) -> TxResult<()> {
        if arrived(after) && !before.is_some_and(arrived) {
            self.file_arrival(after, Flags::default())?;
        }
        if before.is_some_and(|before| Stage::of(before) != Stage::of(after)) {
            self.show_stage(after)?;
        }
        Ok(())
    }

    /// Files a message in the INBOX of its reader.
    pub(in crate::store) fn file_arrival(&mut self, message: &Message, flags: Flags) -> TxResult<()> {
        let Some(person) = message.to.mailbox().map(Mailbox::person) else { return Ok(()) };
        self.open_mailbox(&person)?;
        let content = self.content_of(message)?;
        let new = NewEntry { content, message: message.id.0, flags, arrived: message.accepted.seconds() };
        self.add_entry(&person, Special::Inbox.number(), &new).map(drop)
    }

    /// Files a mail that somebody here wrote in their Sent, once for all its recipients; what they kept of it as a draft is
    /// done with. A copy that their program put into Sent before is the entry of it. `first` is the message to the first of them.
    pub(in crate::store) fn file_sent(&mut self, first: &Message) -> TxResult<()> {
        let Some(author) = first.author.clone().filter(|_| matches!(first.origin, Origin::Smtp | Origin::Web)) else {
            return Ok(());
        };
        self.open_mailbox(&author)?;
        let (stage, sent) = (self.stage_of(first)?, Special::Sent.number());
        let (name, since) = (self.sent_name(first)?, (first.accepted - SAME).seconds());
        let copy = match &name {
            Some(name) => self.adopt(&author, name, since, first.id)?,
            None => None,
        };
        if let Some(uid) = copy {
            self.put_stage(&author, sent, uid, stage)?;
        } else {
            let content = self.content_of(first)?;
            let flags = Flags { system: Flags::SEEN, keywords: vec![stage.word().to_owned()] };
            let new = NewEntry { content, message: first.id.0, flags, arrived: first.accepted.seconds() };
            self.add_entry(&author, sent, &new)?;
        }
        match &name {
            Some(name) => self.drop_drafts(&author, name, None),
            None => Ok(()),
        }
    }

    /// The state of a mail: that of the recipient for whom it went worst.
    fn stage_of(&self, message: &Message) -> TxResult<Stage> {
        let mut worst = Stage::of(message);
        let Some(mail) = &message.mail else { return Ok(worst) };
        for id in mail.first.0..mail.first.0 + u64::from(mail.copies) {
            if id != message.id.0
                && let Some(other) = self.find(Id(id))?
            {
                worst = worst.max(Stage::of(&other));
            }
        }
        Ok(worst)
    }

    fn show_stage(&mut self, message: &Message) -> TxResult<()> {
        let Some(author) = message.author.clone() else { return Ok(()) };
        let first = message.mail.as_ref().map_or(message.id, |mail| mail.first);
        let places = self.places_of(first)?;
        if !places.iter().any(|(person, _, _)| *person == author) {
            return Ok(());
        }
        let stage = self.stage_of(message)?;
        let all = STAGES.map(str::to_owned);
        for (person, folder, uid) in places.into_iter().filter(|(person, _, _)| *person == author) {
            // In INBOX lies what they got, and not what they wrote.
            let Some(entry) = self.entry(&person, folder, uid)? else { continue };
            let shown = self.folder(&person, folder)?;
            if entry.keywords & shown.bits(&all) != 0 {
                self.put_stage(&person, folder, uid, stage)?;
            }
        }
        Ok(())
    }

    /// Marks an entry with how far its mail got, and with no other stage.
    fn put_stage(&mut self, person: &str, folder: u32, uid: u32, stage: Stage) -> TxResult<()> {
        let others = Flags { system: 0, keywords: STAGES.map(str::to_owned).to_vec() };
        let flags = Flags { system: 0, keywords: vec![stage.word().to_owned()] };
        self.mark(person, folder, &[uid], FlagChange::Remove, &others, None)?;
        self.mark(person, folder, &[uid], FlagChange::Add, &flags, None).map(drop)
    }

    /// The entries of a message: person, folder, UID.
    pub(super) fn places_of(&self, message: Id) -> TxResult<Vec<(String, u32, u32)>> {
        let mut places = Vec::new();
        for row in self.places.range((message.0, "", 0, 0)..(message.0 + 1, "", 0, 0))? {
            let row = row?;
            let (_, person, folder, uid) = row.0.value();
            places.push((person.to_owned(), folder, uid));
        }
        Ok(places)
    }

    /// The mail that a message without one is in a mailbox.
    pub(super) fn composed(&self, message: &Message) -> TxResult<Vec<u8>> {
        let domain = if self.domain.is_empty() { "localhost" } else { &self.domain };
        let author = message.author.as_deref().map(|name| self.person(name)).transpose()?.flatten();
        let named = |local: &str, domain: &str| {
            // A domain that is set is one, and so are the names here.
            Mailbox::new(local, domain).ok().or_else(|| "nobody@localhost".parse().ok())
        };
        let mail = |address: &Address, person: Option<&str>| match address {
            Address::Mail(mailbox) => Some(mailbox.clone()),
            Address::Phone(phone) => named(&phone.to_string(), &format!("sms.{domain}")),
            Address::Device(device) => named(person.unwrap_or(&device.to_string()), domain),
            Address::Nobody => named("MAILER-DAEMON", domain),
        };
        let (Some(from), Some(to)) = (mail(&message.from, message.author.as_deref()), mail(&message.to, None)) else {
            return Ok(Vec::new());
        };
        let mut text = message.text.trim_end().to_owned();
        if !message.cut.is_empty() {
            text.push_str(&format!(
                "\n\n(Left out: {}.)",
                message.cut.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
            ));
        }
        text.push('\n');
        let full_name = author.map(|author| author.full_name).filter(|name| !name.is_empty());
        let fallback = format!("<{}.{}@{domain}>", message.id, self.ledger.box_token);
        let built = compose::build(&ComposedMail {
            from: &from,
            from_name: full_name.as_deref(),
            to: &to,
            subject: &message.title(),
            text: &text,
            date: message.accepted,
            message_id: message.message_id.as_deref().unwrap_or(&fallback),
            references: &message.references,
            auto_submitted: None,
        });
        let came = match message.origin {
            Origin::Link => "over the air",
            Origin::Sms => "text message",
            Origin::Web => "written on the page",
            Origin::Smtp | Origin::Notice => "mail",
        };
        let mut mail = format!("{}\r\n", compose::header("X-Satpost", &format!("{}; {came}", message.id))).into_bytes();
        mail.extend_from_slice(&built);
        Ok(mail)
    }
}
