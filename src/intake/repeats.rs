//! Mails that a client hands in once more because it did not get, or could not believe, the answer to the first time.
//!
//! A client whose connection broke after the final dot, or that heard *later* of a commit that was kept in the end, sends
//! the same bytes again. They must not be carried, and paid for, twice. Known is a mail with a Message-ID of its own, from
//! the same sender to the same recipients, whose stored bytes end with just those that came.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
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
    /// By the hashes of their names.
    ids: BTreeMap<u64, Id>,
    order: VecDeque<u64>,
    hasher: RandomState,
    /// Names of mails that are being put into the store: whether they are kept is known when that ends.
    taking: BTreeSet<String>,
}

/// Whether a mail comes for the first time.
pub enum Came<'r> {
    /// It was taken before, as these messages.
    Before(Vec<Id>),
    /// It is new, and may be taken now.
    Now(Taking<'r>),
}

/// A mail that is being taken. Nobody else takes the same one while this lives.
pub struct Taking<'r> {
    repeats: &'r Repeats,
    names: Vec<Option<String>>,
}

impl Repeats {
    /// Says whether all of these messages were taken before with just this body.
    ///
    /// # Errors
    /// When the store cannot be read; temporary while the same mail is being taken, or what became of an earlier one is not
    /// known yet.
    pub fn of(
        &self,
        store: &Store,
        messages: &[Message],
        body: impl FnOnce() -> Result<Vec<u8>, Fault>,
    ) -> Result<Came<'_>, Fault> {
        let names: Vec<_> = messages.iter().map(name).collect();
        let (taking, found) = {
            let mut known = self.lock();
            if names.iter().flatten().any(|name| known.taking.contains(name)) {
                return Err(Fault::temporary("the same mail is being taken just now"));
            }
            if !known.loaded {
                known.load(store)?;
            }
            let ids = names.iter().map(|name| name.as_ref().and_then(|name| known.find(name)));
            let found = ids.collect::<Option<Vec<_>>>().filter(|ids| !ids.is_empty());
            known.taking.extend(names.iter().flatten().cloned());
            (Taking { repeats: self, names }, found)
        };
        let Some(found) = found else { return Ok(Came::Now(taking)) };
        let body = body()?;
        for (id, own) in found.iter().zip(&taking.names) {
            let Some(earlier) = store.message(*id)? else { return Ok(Came::Now(taking)) };
            // Two names may have one hash.
            if name(&earlier) != *own {
                return Ok(Came::Now(taking));
            }
            let young = store.clock().now().since(earlier.accepted) < AGE;
            // One that is damaged here is best had once more.
            let raw = match store.raw(&earlier) {
                Err(fault) if fault.is_permanent() => None,
                raw => raw?,
            };
            if !young || !raw.is_some_and(|raw| raw.ends_with(&body)) {
                return Ok(Came::Now(taking));
            }
        }
        Ok(Came::Before(found))
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taking<'_> {
    /// Remembers that it was taken, as these messages.
    pub fn taken(mut self, ids: &[Id]) {
        let names = std::mem::take(&mut self.names);
        let mut known = self.repeats.lock();
        for (name, id) in names.into_iter().zip(ids) {
            if let Some(name) = &name {
                known.taking.remove(name);
            }
            known.add(name, *id);
        }
    }

    /// Whether it was kept is not known: the store is asked when it, or another one, comes.
    pub fn in_doubt(self) {
        self.repeats.lock().loaded = false;
    }
}

impl Drop for Taking<'_> {
    fn drop(&mut self) {
        let mut known = self.repeats.lock();
        for name in self.names.iter().flatten() {
            known.taking.remove(name);
        }
    }
}

impl Known {
    fn load(&mut self, store: &Store) -> Result<(), Fault> {
        // Jobs end in the order in which they were asked for: behind this one nothing of an earlier mail is under way, and
        // what the store shows is all that was kept.
        store.write(|_| Ok(()))?;
        (self.ids, self.order) = Default::default();
        let since: Time = store.clock().now() - AGE;
        let mut past = Vec::new();
        let take = |message: Message| {
            if message.origin == Origin::Smtp && message.accepted >= since {
                past.extend(name(&message).map(|name| (self.hasher.hash_one(name), message.id)));
            }
        };
        store.read(|view| view.each_past(MOST, take))?;
        for (hash, id) in past.into_iter().rev() {
            self.add_hash(hash, id);
        }
        self.loaded = true;
        Ok(())
    }

    fn find(&self, name: &str) -> Option<Id> {
        self.ids.get(&self.hasher.hash_one(name)).copied()
    }

    fn add(&mut self, name: Option<String>, id: Id) {
        if let Some(name) = name {
            self.add_hash(self.hasher.hash_one(name), id);
        }
    }

    fn add_hash(&mut self, hash: u64, id: Id) {
        if self.ids.insert(hash, id).is_none() {
            self.order.push_back(hash);
        }
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }
}

/// What names a mail to one recipient; `None` without a Message-ID.
fn name(message: &Message) -> Option<String> {
    let message_id = message.message_id.as_ref()?;
    Some(format!("{message_id} {} {}", message.return_path(), message.to).to_lowercase())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::store::{BodyIn, IncomingMail};

    const BODY: &[u8] = b"Subject: once\r\n\r\nwords\r\n";

    fn mail() -> Message {
        let message_id = Some("<one@boat.example>".to_owned());
        Message { origin: Origin::Smtp, message_id, ..Message::sample() }
    }

    fn in_front() -> IncomingMail {
        IncomingMail { messages: vec![mail()], body: BodyIn::Bytes([b"Received: here\r\n", BODY].concat()) }
    }

    /// What an earlier time in doubt becomes is waited for: its commit may go on when its client has been put off.
    #[test]
    fn what_is_in_doubt_is_waited_for() {
        let scratch = testing::Folder::new();
        let store = Store::open(&scratch, &crate::clock::Clock::fake(mail().accepted)).unwrap();
        let repeats = Repeats::default();
        let Came::Now(taking) = repeats.of(&store, &[mail()], || Ok(BODY.to_vec())).unwrap() else { panic!() };
        let again = repeats.of(&store, &[mail()], || Ok(BODY.to_vec()));
        assert!(matches!(again, Err(Fault::Temporary(_))), "it is being taken");
        let ((begun, begins), (go, gone)) = (channel(), channel());
        std::thread::scope(|scope| {
            let (first, incoming) = (store.clone(), in_front());
            scope.spawn(move || {
                let kept = first.write(move |tx| {
                    begun.send(()).unwrap();
                    gone.recv().unwrap();
                    tx.add(&incoming)
                });
                assert_eq!(kept.unwrap().len(), 1);
            });
            begins.recv().unwrap();
            taking.in_doubt();
            let second = scope.spawn(|| {
                let came = repeats.of(&store, &[mail()], || Ok(BODY.to_vec())).unwrap();
                matches!(came, Came::Before(ids) if ids.len() == 1)
            });
            go.send(()).unwrap();
            assert!(second.join().unwrap());
        });
    }
}
