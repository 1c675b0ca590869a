//! Who is logged in: how many connections a person has, and whether the log-in still holds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use smol::channel::Receiver;

use crate::store::Store;

/// Connections of one person.
const MOST: usize = 16;

/// Connections by person; shared by both listeners.
#[derive(Debug, Default)]
pub struct PeopleOnline(Mutex<HashMap<String, usize>>);

/// The place of a session of a person, until this is dropped.
pub struct Seat {
    /// Name of the person.
    pub name: String,
    /// Gets an item when something changed in their mailbox, or with the people.
    pub news: Receiver<()>,
    /// The password hash with which they logged in.
    password: Option<String>,
    online: Arc<PeopleOnline>,
}

impl PeopleOnline {
    /// A place for a session of a person; `None` when they have too many.
    pub fn sit(self: &Arc<Self>, store: &Store, name: &str) -> Option<Seat> {
        let mut online = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = online.entry(name.to_owned()).or_default();
        if *count >= MOST {
            return None;
        }
        *count += 1;
        let password = store.people().get(name).and_then(|person| person.password.clone());
        Some(Seat { name: name.to_owned(), news: store.mailbox_changed(name), password, online: Arc::clone(self) })
    }
}

impl Seat {
    /// True while the person is there, may log in, and has the same password.
    pub fn is_valid(&self, store: &Store) -> bool {
        store.people().get(&self.name).is_some_and(|person| !person.disabled && person.password == self.password)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut online = self.online.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = online.get(&self.name).map_or(0, |count| count.saturating_sub(1));
        match left {
            0 => online.remove(&self.name),
            left => online.insert(self.name.clone(), left),
        };
    }
}
