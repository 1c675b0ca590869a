//! What happened, for the page: a ring of events, and the history of measured values.

use serde::{Deserialize, Serialize};

use super::schema::{self, Tx, TxResult, View, json};
use crate::clock::Time;
use crate::message::LinkId;
use crate::message::events::EventKind;
use crate::store::schema::Readable;

/// Most events that are kept; the oldest go.
const EVENTS_MOST: u64 = 2000;

/// One line of the event list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it happened.
    pub at: Time,
    /// Part of the box: `link`, `relay`, `people`, `settings`, `web`, `store`.
    pub part: String,
    /// The link that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkId>,
    /// What happened, as a fact: words are made where it is shown.
    #[serde(rename = "words")]
    pub kind: EventKind,
    /// Needs somebody's attention.
    #[serde(default)]
    pub alarm: bool,
}

/// The name of a series of a link in the table of measured values.
pub(super) fn series(link: LinkId, name: &str) -> String {
    format!("{link}/{name}")
}

impl Tx<'_> {
    /// Appends an event; the oldest ones go.
    pub fn event(&mut self, event: &Event) -> TxResult<()> {
        let number = self.ledger.next_event;
        self.ledger.next_event += 1;
        self.events.insert(number, json(event).as_slice())?;
        if self.events.len()? > EVENTS_MOST {
            self.events.pop_first()?;
        }
        Ok(())
    }

    /// Removes events older than `limit`.
    pub fn drop_events_before(&mut self, limit: Time) -> TxResult<()> {
        self.events.retain(|_, bytes| super::schema::record::<Event>(bytes).is_ok_and(|event| event.at >= limit))?;
        Ok(())
    }

    /// Adds measured values of a link, all at once: samples are collected so that they cost one write a minute.
    pub fn samples(&mut self, link: LinkId, samples: &[(&'static str, Time, f64)]) -> TxResult<()> {
        for (name, at, value) in samples {
            self.samples.insert((series(link, name).as_str(), at.0), *value)?;
        }
        Ok(())
    }

    /// Removes values older than `limit`.
    pub fn drop_samples_before(&mut self, limit: Time) -> TxResult<()> {
        self.samples.retain(|key, _| key.1 >= limit.0)?;
        Ok(())
    }
}

impl View {
    /// Gives the last `limit` events, newest first.
    pub fn events(&self, limit: usize) -> TxResult<Vec<Event>> {
        let table = schema::EVENTS.read(&self.0)?;
        let mut found = Vec::new();
        for row in table.iter()?.rev().take(limit) {
            found.extend(super::schema::record::<Event>(row?.1.value()));
        }
        Ok(found)
    }

    /// The values of a series of a link since `from`, oldest first.
    pub fn samples(&self, link: LinkId, name: &str, from: Time) -> TxResult<Vec<(Time, f64)>> {
        let table = schema::SAMPLES.read(&self.0)?;
        let (mut found, series) = (Vec::new(), series(link, name));
        for row in table.range((series.as_str(), from.0)..(series.as_str(), i64::MAX))? {
            let (key, value) = row?;
            found.push((Time(key.value().1), value.value()));
        }
        Ok(found)
    }
}
