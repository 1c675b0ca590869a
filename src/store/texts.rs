//! Texts at the carrier: written before a request leaves, found again by the carrier's name; who wants no texts; and the
//! thread that a person's mails with a phone belong to.

use serde::{Deserialize, Serialize};

use super::schema::{self, Tx, TxResult, View, json, reject};
use crate::address::Phone;
use crate::clock::Time;
use crate::fault::Fault;
use crate::message::Id;
use crate::store::schema::Readable;

/// What a carrier has, or may have, of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextOut {
    /// Number of the message.
    pub message: Id,
    /// Word of the carrier, as in the setting `sms.carrier`.
    pub carrier: String,
    /// The service number it goes out from.
    pub from: Phone,
    /// The phone that it goes to.
    pub to: Phone,
    /// How far it got.
    pub state: TextState,
    /// When its request began.
    pub at: Time,
    /// Looks at the carrier so far, while something is not known.
    #[serde(default)]
    pub looks: u32,
    /// Times it was sent again because the carrier could not deliver it.
    #[serde(default)]
    pub resent: u32,
    /// When to ask the carrier next whether it has it, or how far it got; never before that is decided.
    pub next: Time,
}

/// How far a text got at the carrier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TextState {
    /// Being handed over: written before the request leaves, so that a crash in between is known as such.
    Handing,
    /// Whether the carrier took it cannot be found out: its owner decides.
    Unknown,
    /// The carrier has it under this name, and will say more.
    Taken(String),
    /// The carrier had it under this name and has said all it will; empty when it certainly has it not.
    Over(String),
}

/// A phone that wants no texts from a service number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptOut {
    /// When its STOP came in.
    pub at: Time,
    /// How it said so, such as `it sent STOP`.
    pub how: String,
}

/// The last mail between a person and a phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// Message-ID of that mail: an answer refers to it.
    pub last: String,
    /// Subject of that mail; an answer has `Re:` before it.
    pub subject: String,
}

fn parse(bytes: &[u8]) -> TxResult<TextOut> {
    super::schema::record(bytes)
        .or_else(|error| reject(Fault::permanent(format!("the record of a text is unreadable: {error}"))))
}

fn named(text: &TextOut) -> Option<String> {
    match &text.state {
        TextState::Taken(id) | TextState::Over(id) if !id.is_empty() => Some(format!("{}:{id}", text.carrier)),
        _ => None,
    }
}

fn due(text: &TextOut) -> Option<(i64, u64)> {
    matches!(text.state, TextState::Taken(_)).then_some((text.next.0, text.message.0))
}

impl Tx<'_> {
    /// What the carrier has of a message.
    pub fn text(&self, message: Id) -> TxResult<Option<TextOut>> {
        self.texts.get(message.0)?.map(|row| parse(row.value())).transpose()
    }

    /// Writes the record of a text and keeps its indexes true. A name that a carrier gave is remembered for as long as
    /// the message, also after the text was sent again under another one.
    pub fn put_text(&mut self, text: &TextOut) -> TxResult<()> {
        if let Some(due) = self.text(text.message)?.as_ref().and_then(due) {
            self.text_due.remove(due)?;
        }
        if let Some(due) = due(text) {
            self.text_due.insert(due, ())?;
        }
        if let Some(name) = named(text) {
            self.text_ids.insert(name.as_str(), text.message.0)?;
        }
        self.texts.insert(text.message.0, json(text).as_slice())?;
        Ok(())
    }

    pub(super) fn remove_text(&mut self, message: Id) -> TxResult<()> {
        let Some(text) = self.text(message)? else { return Ok(()) };
        if let Some(due) = due(&text) {
            self.text_due.remove(due)?;
        }
        if let Some(name) = named(&text) {
            self.text_ids.remove(name.as_str())?;
        }
        self.texts.remove(message.0)?;
        Ok(())
    }

    /// Writes that a phone wants no texts from a service number; `None`: it wants them again. True when it wanted none
    /// before.
    pub fn opt_out(&mut self, number: Phone, phone: Phone, out: Option<&OptOut>) -> TxResult<bool> {
        let (number, phone) = (number.to_string(), phone.to_string());
        let key = (number.as_str(), phone.as_str());
        let before = match out {
            Some(out) => self.opt_outs.insert(key, json(out).as_slice())?.is_some(),
            None => self.opt_outs.remove(key)?.is_some(),
        };
        Ok(before)
    }

    /// The last mail between a person and a phone.
    pub fn thread(&self, person: &str, phone: Phone) -> TxResult<Option<Thread>> {
        let row = self.threads.get((person, phone.to_string().as_str()))?;
        Ok(row.and_then(|row| super::schema::record(row.value()).ok()))
    }

    /// Writes the thread, in the place of the one before.
    pub fn put_thread(&mut self, person: &str, phone: Phone, thread: &Thread) -> TxResult<()> {
        self.threads.insert((person, phone.to_string().as_str()), json(thread).as_slice())?;
        Ok(())
    }
}

impl View {
    /// What the carrier has of a message.
    pub fn text(&self, message: Id) -> TxResult<Option<TextOut>> {
        schema::TEXTS.read(&self.0)?.get(message.0)?.map(|row| parse(row.value())).transpose()
    }

    /// Texts between a service number and a phone of which it is not known whether the carrier has them, in the order in
    /// which their requests began. Reads all texts there are, so it is for the rare moment of doubt.
    pub fn texts_open(&self, carrier: &str, from: Phone, to: Phone) -> TxResult<Vec<TextOut>> {
        let mut found = Vec::new();
        for row in schema::TEXTS.read(&self.0)?.iter()? {
            let Ok(text) = parse(row?.1.value()) else { continue };
            let open = matches!(text.state, TextState::Handing | TextState::Unknown);
            if open && text.carrier == carrier && (text.from, text.to) == (from, to) {
                found.push(text);
            }
        }
        found.sort_by_key(|text| (text.at, text.message));
        Ok(found)
    }

    /// Texts whose next look at the carrier is due, earliest first.
    pub fn texts_due(&self, now: Time, limit: usize) -> TxResult<Vec<TextOut>> {
        let mut found = Vec::new();
        for row in schema::TEXT_DUE.read(&self.0)?.range((i64::MIN, 0)..=(now.0, u64::MAX))?.take(limit) {
            found.extend(self.text(Id(row?.0.value().1))?);
        }
        Ok(found)
    }

    /// When the next of them is due.
    pub fn next_text(&self) -> TxResult<Option<Time>> {
        let due = schema::TEXT_DUE.read(&self.0)?;
        let first = due.iter()?.next().transpose()?;
        Ok(first.map(|row| Time(row.0.value().0)))
    }

    /// The message of a text that the carrier names so.
    pub fn text_named(&self, carrier: &str, id: &str) -> TxResult<Option<Id>> {
        let table = schema::TEXT_IDS.read(&self.0)?;
        Ok(table.get(format!("{carrier}:{id}").as_str())?.map(|row| Id(row.value())))
    }

    /// Since when, and how, a phone wants no texts from a service number.
    pub fn opted_out(&self, number: Phone, phone: Phone) -> TxResult<Option<OptOut>> {
        let table = schema::OPT_OUTS.read(&self.0)?;
        let row = table.get((number.to_string().as_str(), phone.to_string().as_str()))?;
        Ok(row.and_then(|row| super::schema::record(row.value()).ok()))
    }

    /// Phones that want no texts: service number, phone, and how they said so.
    pub fn opt_outs(&self, limit: usize) -> TxResult<Vec<(String, String, OptOut)>> {
        let mut found = Vec::new();
        for row in schema::OPT_OUTS.read(&self.0)?.iter()?.take(limit) {
            let (key, bytes) = row?;
            if let Ok(out) = super::schema::record(bytes.value()) {
                let (number, phone) = key.value();
                found.push((number.to_owned(), phone.to_owned(), out));
            }
        }
        Ok(found)
    }
}
