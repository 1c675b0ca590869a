//! What is written down follows a clock that was set: what waits keeps its age and the time it has left, and what happened under
//! the clock that was wrong gets the time at which it happened.

use std::collections::BTreeSet;

use serde_json::Value;

use super::counts::Counts;
use super::queue::parse;
use super::schema::{StoreError, Tx, TxResult, json, record};
use crate::clock::{ClockSet, Time};
use crate::message::{Id, Message};
use crate::store::schema::Readable;
use crate::store::table::{Key, Table};

/// The fields of records that are times of what happened.
const MOMENTS: [&str; 7] = ["at", "first", "added", "created", "seen", "unlocked", "since"];
/// The fields that are times in what is known of a far box.
const SESSION_MOMENTS: [&str; 18] = [
    "owed",
    "said",
    "answered",
    "since",
    "alone",
    "at",
    "alive",
    "heard",
    "ask_at",
    "planned",
    "first_sent",
    "last_sent",
    "doubted",
    "asked",
    "wanted",
    "question",
    "ask",
    "lost",
];

impl Tx<'_> {
    /// Moves what is written down along with a clock that was set. Gives how many waiting messages were moved. The clock
    /// follows once this is on disk.
    pub fn clock_was_set(&mut self, set: ClockSet) -> TxResult<usize> {
        let moved = self.move_waiting(&set)?;
        self.mend_ended(&set)?;
        self.move_packets(&set)?;
        self.move_texts(&set)?;
        mend(&mut self.events, &set, &MOMENTS)?;
        mend(&mut self.audit, &set, &MOMENTS)?;
        mend(&mut self.quarantine, &set, &MOMENTS)?;
        mend(&mut self.far_boxes, &set, &MOMENTS)?;
        self.mend_named(&set)?;
        self.mend_seen(&set)?;
        self.mend_counts(&set)?;
        self.after.clock = Some(set);
        Ok(moved)
    }

    /// Messages that wait: those that were taken under the clock that was wrong, and those that nobody could vouch for.
    fn move_waiting(&mut self, set: &ClockSet) -> TxResult<usize> {
        // A message may stand in two queues, and moves once.
        let mut ids = BTreeSet::new();
        for row in self.due.iter()? {
            ids.insert(Id(row?.0.value().2));
        }
        let mut moved = 0;
        for id in ids {
            // An unreadable record is set aside when it is due.
            let message = match self.message(id) {
                Err(StoreError::Rejected(_)) => continue,
                message => message?,
            };
            let wrong = !message.clock_believed || set.was_wrong(message.accepted);
            moved += usize::from(wrong);
            self.change(id, |message| {
                if wrong {
                    message.accepted = set.moved(message.accepted).min(set.now);
                    message.deadline = set.moved(message.deadline);
                    message.terms.by = message.terms.by.map(|at| set.moved(at));
                    message.clock_believed = true;
                    message.clock_moved = Some(message.clock_moved.unwrap_or(0) + set.by / 1000);
                }
                // When it is looked at was written by the clock as it was, whenever it was taken.
                if wrong || set.by < 0 {
                    message.next = set.moved(message.next);
                    message.receipt_until = message.receipt_until.map(|until| set.moved(until));
                }
                mend_steps(message, set);
            })?;
        }
        Ok(moved)
    }

    /// Messages that are over: the last ones there are, as numbers follow acceptance.
    fn mend_ended(&mut self, set: &ClockSet) -> TxResult<()> {
        let mut wrong = Vec::new();
        for row in self.messages.iter()?.rev() {
            match parse(row?.1.value()) {
                // What waits is right by now.
                Ok(message) if !message.is_final() => {}
                Ok(message) if set.was_wrong(message.accepted) => wrong.push(message),
                Ok(message) if message.steps.iter().any(|step| set.was_wrong(step.at)) => wrong.push(message),
                Ok(_) => break,
                Err(_) => {}
            }
        }
        for mut message in wrong {
            if set.was_wrong(message.accepted) {
                message.deadline = set.moved(message.deadline);
                message.clock_moved = Some(message.clock_moved.unwrap_or(0) + set.by / 1000);
            }
            message.accepted = set.mended(message.accepted);
            mend_steps(&mut message, set);
            self.messages.insert(message.id.0, json(&message).as_slice())?;
        }
        Ok(())
    }

    fn move_packets(&mut self, set: &ClockSet) -> TxResult<()> {
        for mut packet in self.open_packets()? {
            if set.was_wrong(packet.at) {
                packet.at = set.mended(packet.at);
                packet.ask = set.moved(packet.ask);
                self.put_packet(&packet)?;
            } else if set.by < 0 && set.was_wrong(packet.ask) {
                packet.ask = set.moved(packet.ask);
                self.put_packet(&packet)?;
            }
        }
        Ok(())
    }

    fn move_texts(&mut self, set: &ClockSet) -> TxResult<()> {
        let mut texts = Vec::new();
        for row in self.text_due.iter()? {
            texts.push(Id(row?.0.value().1));
        }
        for id in texts {
            let Ok(Some(mut text)) = self.text(id) else { continue };
            if set.by < 0 || set.was_wrong(text.at) {
                (text.at, text.next) = (set.mended(text.at), set.moved(text.next));
                self.put_text(&text)?;
            }
        }
        Ok(())
    }

    /// Records with names for keys.
    fn mend_named(&mut self, set: &ClockSet) -> TxResult<()> {
        let mut rows = Vec::new();
        for row in self.sessions.iter()? {
            let (key, bytes) = row?;
            // The pages write them, without a checksum.
            let Ok(mut session) = serde_json::from_slice::<Value>(bytes.value()) else { continue };
            if put_right(&mut session, set, &MOMENTS) {
                rows.push((key.value().to_owned(), session.to_string().into_bytes()));
            }
        }
        for (key, bytes) in rows.drain(..) {
            self.sessions.insert(key.as_str(), bytes.as_slice())?;
        }
        for row in self.people.iter()? {
            let (key, bytes) = row?;
            rows.extend(mended(bytes.value(), set, &MOMENTS).map(|bytes| (key.value().to_owned(), bytes)));
        }
        for (key, bytes) in rows.drain(..) {
            self.after.people = true;
            self.people.insert(key.as_str(), bytes.as_slice())?;
        }
        for name in self.session_names()? {
            let mut rows = self.session_rows(&name)?;
            for ((part, _), content) in &mut rows {
                // Rows that are no JSON count hours and are forgotten when there are too many.
                let Ok(value) = serde_json::from_slice::<Value>(content) else { continue };
                let mut named = serde_json::json!({ part: value });
                if put_right(&mut named, set, &SESSION_MOMENTS) {
                    *content = named[part.as_str()].to_string().into_bytes();
                }
            }
            self.put_session_rows(&name, &rows)?;
        }
        let mut parts = Vec::new();
        for row in self.parts.iter()? {
            let (key, bytes) = row?;
            let (name, number) = key.value();
            parts.extend(mended(bytes.value(), set, &MOMENTS).map(|bytes| (name.to_owned(), number, bytes)));
        }
        for (name, number, bytes) in parts {
            self.parts.insert((name.as_str(), number), bytes.as_slice())?;
        }
        Ok(())
    }

    /// What was taken in, whom somebody wrote to, and samples.
    fn mend_seen(&mut self, set: &ClockSet) -> TxResult<()> {
        let mut seen = Vec::new();
        for row in self.seen.iter()? {
            let (key, at) = row?;
            if set.was_wrong(Time(at.value())) {
                seen.push((key.value().to_owned(), set.mended(Time(at.value())).0));
            }
        }
        for (key, at) in seen {
            self.seen.insert(key.as_str(), at)?;
        }
        let mut contacts = Vec::new();
        for row in self.contacts.iter()? {
            let (key, at) = row?;
            let (person, other) = key.value();
            if set.was_wrong(Time(at.value())) {
                contacts.push((person.to_owned(), other.to_owned(), set.mended(Time(at.value())).0));
            }
        }
        for (person, other, at) in contacts {
            self.contacts.insert((person.as_str(), other.as_str()), at)?;
        }
        let mut samples = Vec::new();
        for row in self.samples.iter()? {
            let (key, value) = row?;
            let (series, at) = key.value();
            if set.was_wrong(Time(at)) {
                samples.push((series.to_owned(), at, value.value()));
            }
        }
        for (series, at, _) in &samples {
            self.samples.remove((series.as_str(), *at))?;
        }
        for (series, at, value) in samples {
            self.samples.insert((series.as_str(), set.mended(Time(at)).0), value)?;
        }
        Ok(())
    }

    /// Counts and costs of days and months that are to come after all: they are those of today and of this month.
    fn mend_counts(&mut self, set: &ClockSet) -> TxResult<()> {
        let today = self.day_of(set.now)?;
        if self.day <= today {
            return Ok(());
        }
        self.close_day()?;
        let (mut days, mut later) = (Vec::new(), Vec::new());
        for row in self.usage.iter()? {
            let (key, bytes) = row?;
            let (day, person) = key.value();
            if day > today.as_str() {
                later.push((day.to_owned(), person.to_owned()));
                days.extend(record::<Counts>(bytes.value()).map(|counts| (person.to_owned(), counts)));
            }
        }
        for (day, person) in later {
            self.usage.remove((day.as_str(), person.as_str()))?;
        }
        // Those of the day that was are in the table with the others.
        self.ledger.today.people.clear();
        self.day = today;
        self.close_day()?;
        for (person, counts) in days {
            self.ledger.today.people.entry(person).or_default().add(&counts);
        }
        self.mend_costs()
    }

    fn mend_costs(&mut self) -> TxResult<()> {
        let month = self.day[..7].to_owned();
        let mut later = Vec::new();
        for row in self.spent.iter()? {
            let (key, spent) = row?;
            let (when, account) = key.value();
            if when > month.as_str() {
                later.push((when.to_owned(), account.to_owned(), spent.value()));
            }
        }
        for (when, account, (packets, texts, money)) in later {
            self.spent.remove((when.as_str(), account.as_str()))?;
            let key = (month.as_str(), account.as_str());
            let before = self.spent.get(key)?.map_or((0, 0, 0), |row| row.value());
            self.spent.insert(key, (before.0 + packets, before.1 + texts, before.2 + money))?;
        }
        Ok(())
    }
}

fn mend_steps(message: &mut Message, set: &ClockSet) {
    for step in &mut message.steps {
        step.at = set.mended(step.at);
    }
}

/// Puts the moments of all records of a table right.
fn mend<K>(table: &mut Table<K, &'static [u8]>, set: &ClockSet, fields: &[&str]) -> TxResult<()>
where
    K: for<'k> Key<Is<'k> = K> + Copy,
{
    let mut rows = Vec::new();
    for row in table.iter()? {
        let (key, bytes) = row?;
        rows.extend(mended(bytes.value(), set, fields).map(|bytes| (key.value(), bytes)));
    }
    for (key, bytes) in rows {
        table.insert(key, bytes.as_slice())?;
    }
    Ok(())
}

/// A record with its moments put right; `None` when there is nothing to put right, or it is unreadable.
fn mended(bytes: &[u8], set: &ClockSet, fields: &[&str]) -> Option<Vec<u8>> {
    let mut value: Value = record(bytes).ok()?;
    put_right(&mut value, set, fields).then(|| json(&value))
}

fn put_right(value: &mut Value, set: &ClockSet, fields: &[&str]) -> bool {
    match value {
        Value::Object(members) => members.iter_mut().fold(false, |any, (name, member)| {
            let at = member.as_i64().filter(|at| fields.contains(&name.as_str()) && set.was_wrong(Time(*at)));
            match at {
                Some(at) => *member = set.mended(Time(at)).0.into(),
                None => return put_right(member, set, fields) || any,
            }
            true
        }),
        Value::Array(items) => items.iter_mut().map(|item| put_right(item, set, fields)).filter(|put| *put).count() > 0,
        _ => false,
    }
}
