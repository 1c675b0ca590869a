//! What somebody made of the rows of a far box stays in memory as long as those are the same. Each commit that changes them makes
//! another *edition* of them. That is noted once the commit can be read and before the next one begins, so an edition never
//! stands for rows of an earlier one.

use std::any::Any;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Far boxes of which that stays in memory: those that were dealt with last. One may take 100 KB, and a gateway has thousands.
const MOST: usize = 64;

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
    /// Those with a meaning, the one that got it first in front.
    kept: VecDeque<String>,
}

impl Known {
    fn next(&mut self) -> Edition {
        self.last += 1;
        Edition(self.last)
    }

    fn put(&mut self, name: String, edition: Edition, meaning: Option<Meaning>) {
        self.kept.retain(|kept| *kept != name);
        if meaning.is_some() {
            self.kept.push_back(name.clone());
        }
        self.of.insert(name, (edition, meaning));
        while self.kept.len() > MOST {
            let oldest = self.kept.pop_front().and_then(|name| self.of.get_mut(&name));
            oldest.into_iter().for_each(|(_, meaning)| *meaning = None);
        }
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
        let mut known = self.lock();
        if known.of.get(name).is_some_and(|(now, _)| *now == edition) {
            known.put(name.to_owned(), edition, Some(meaning.clone()));
        }
    }

    /// A commit has changed these rows.
    pub(super) fn changed(&self, sessions: BTreeMap<String, Option<Meaning>>) {
        let mut known = self.lock();
        for (name, meaning) in sessions {
            let edition = known.next();
            known.put(name, edition, meaning);
        }
    }

    /// Another file is read from now on.
    pub(super) fn clear(&self) {
        let mut known = self.lock();
        known.of.clear();
        known.kept.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_last_far_boxes_mean_stays_and_no_more() {
        let editions = Editions::default();
        let meaning = |number: usize| Meaning(Arc::new(number));
        for number in 0..MOST + 10 {
            let name = number.to_string();
            let (edition, known) = editions.of(&name);
            assert!(known.is_none());
            editions.learn(&name, edition, &meaning(number));
        }
        let has = |number: usize| editions.of(&number.to_string()).1.is_some();
        assert_eq!((0..MOST + 10).filter(|number| has(*number)).count(), MOST);
        assert!(!has(9) && has(10));
        // A commit makes another edition; what was read before says nothing of that.
        let (before, _) = editions.of("20");
        editions.changed([("20".to_owned(), None)].into());
        editions.learn("20", before, &meaning(1));
        assert!(!has(20));
        editions.clear();
        assert!(!has(30));
    }
}
