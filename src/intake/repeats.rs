//! Mails that a client hands in once more because it did not get, or could not believe, the answer to the first time.
//!
//! A client whose connection broke after the final dot, or that heard *later* of a commit that was kept in the end, sends
//! the same bytes again. They must not be carried, and paid for, twice. Known is a mail with a Message-ID of its own, from
//! the same sender to the same recipients, whose stored bytes end with just those that came.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Time;
use crate::fault::Fault;
use crate::message::{Id, Message, Origin};
use crate::store::Store;

/// Messages that are remembered.
const MOST: usize = 4096;
/// Servers give up a mail after five days (RFC 5321 section 4.5.4.1): later the same bytes are meant.
const AGE: Duration = Duration::from_secs(5 * 86_400);

/// The mails that were taken lately.
#[derive(Default)]
pub struct Repeats(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// True once what the store has was read, and nothing is in doubt.
    loaded: bool,
    ids: BTreeMap<String, Id>,
    order: VecDeque<String>,
}

impl Repeats {
    /// The messages of the earlier time, when all of these were taken before with just this body.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn of(
        &self,
        store: &Store,
        messages: &[Message],
        body: impl FnOnce() -> Result<Vec<u8>, Fault>,
    ) -> Result<Option<Vec<Id>>, Fault> {
        let found = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if !known.loaded {
                known.load(store)?;
            }
            let ids = messages.iter().map(|message| name(message).and_then(|name| known.ids.get(&name).copied()));
            let Some(ids) = ids.collect::<Option<Vec<_>>>().filter(|ids| !ids.is_empty()) else { return Ok(None) };
            ids
        };
        let body = body()?;
        for id in &found {
            let Some(earlier) = store.message(*id)? else { return Ok(None) };
            let young = store.clock().now().since(earlier.accepted) < AGE;
            if !young || !store.raw(&earlier)?.is_some_and(|raw| raw.ends_with(&body)) {
                return Ok(None);
            }
        }
        Ok(Some(found))
    }

    /// Remembers what was taken, by the names that [`name`] gave before.
    pub fn taken(&self, names: Vec<Option<String>>, ids: &[Id]) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, id) in names.into_iter().zip(ids) {
            known.add(name, *id);
        }
    }

    /// Whether a mail was kept is not known: the store is asked when it, or another one, comes.
    pub fn in_doubt(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).loaded = false;
    }
}

impl Known {
    fn load(&mut self, store: &Store) -> Result<(), Fault> {
        *self = Self { loaded: true, ..Self::default() };
        let since: Time = store.clock().now() - AGE;
        for message in store.read(|view| view.past(MOST))? {
            if message.door == Origin::Smtp && message.accepted >= since {
                self.add(name(&message), message.id);
            }
        }
        Ok(())
    }

    fn add(&mut self, name: Option<String>, id: Id) {
        let Some(name) = name else { return };
        if self.ids.insert(name.clone(), id).is_none() {
            self.order.push_back(name);
        }
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }
}

/// What names a mail to one recipient; `None` without a Message-ID.
pub fn name(message: &Message) -> Option<String> {
    let message_id = message.message_id.as_ref()?;
    Some(format!("{message_id} {} {}", message.return_path(), message.to).to_lowercase())
}
