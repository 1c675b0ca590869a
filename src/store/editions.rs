//! What somebody made of the rows of a far box stays in memory as long as those are the same. Each commit that changes them makes
//! another *edition* of them. That is noted once the commit can be read and before the next one begins, so an edition never
//! stands for rows of an earlier one.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What somebody made of the rows of a far box.
#[derive(Clone)]
pub struct Meaning(pub Arc<dyn Any + Send + Sync>);

impl fmt::Debug for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meaning")
    }
}

/// One state of the rows of a far box, in the life of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edition(u64);

/// The editions of now, and what is known of them.
#[derive(Debug, Default)]
pub(super) struct Editions(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    last: u64,
    of: HashMap<String, (Edition, Option<Meaning>)>,
}

impl Known {
    fn next(&mut self) -> Edition {
        self.last += 1;
        Edition(self.last)
    }
}

impl Editions {
    /// A thread that died with the lock left whole values behind: every change is one assignment.
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The edition of now, and what it means where somebody said so.
    pub(super) fn of(&self, name: &str) -> (Edition, Option<Meaning>) {
        let mut known = self.lock();
        if let Some(known) = known.of.get(name) {
            return known.clone();
        }
        let fresh = (known.next(), None);
        known.of.insert(name.to_owned(), fresh.clone());
        fresh
    }

    /// The rows of an edition mean this.
    pub(super) fn learn(&self, name: &str, edition: Edition, meaning: &Meaning) {
        match self.lock().of.get_mut(name) {
            Some((now, known)) if *now == edition => *known = Some(meaning.clone()),
            _ => {}
        }
    }

    /// A commit has changed these rows.
    pub(super) fn changed(&self, sessions: BTreeMap<String, Option<Meaning>>) {
        let mut known = self.lock();
        for (name, meaning) in sessions {
            let edition = known.next();
            known.of.insert(name, (edition, meaning));
        }
    }

    /// Another file is read from now on.
    pub(super) fn clear(&self) {
        self.lock().of.clear();
    }
}
