//! What two boxes know of each other as small rows, so that a packet writes what it changes and not all that is remembered.
//!
//! | part | id | content |
//! |---|---|---|
//! | `taken` | hash, or the name where only that is known | name, what became of it, hour: of a bundle that came in |
//! | `used` | name | hour: of a name that went out |
//! | `out` | ticket | JSON of a bundle that is not done |
//! | `has` | name | JSON of a bundle that the far box has, of which it may tell what became: of `fates`, which is what is owed |
//! | `there`, `came` | serial number | JSON of a message that both boxes have |
//! | other names of members of [`Peer`] | 0 | JSON of the member |
//! | empty | 0 | JSON of the whole, as boxes wrote it before there were rows; the other rows are newer |

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value};

use super::Peer;
use super::memory::{TakenBundles, UsedNames};
use super::outbox::OutboxBundle;

/// The part and the id of a row, and its content.
pub type Rows = BTreeMap<(String, u64), Vec<u8>>;
/// Rows that change: their content, or nothing for those that go.
pub type RowChanges = BTreeMap<(String, u64), Option<Vec<u8>>>;

const TAKEN: &str = "taken";
const USED: &str = "used";
const OUT: &str = "out";
const HAS: &str = "has";
/// The member of a peer that bundles of [`HAS`] are in, and where there.
const FATES: [&str; 2] = ["fates", "there"];
/// Lists of messages that both boxes have.
const SHARED: [&str; 2] = ["there", "came"];
/// The part that holds all, from before there were rows.
pub const WHOLE: &str = "";

/// A row of a peer is no such row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableRow {
    /// Part of the peer that the row holds.
    pub part: String,
    /// What the parser says.
    pub why: String,
}

impl std::fmt::Display for UnreadableRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "'{}' is unreadable: {}", self.part, self.why)
    }
}

impl Peer {
    /// Gives all that is known as rows.
    pub fn rows(&self) -> Rows {
        let memory = self.taken.rows().map(|(id, bytes)| ((TAKEN.to_owned(), id), bytes));
        let mut rows: Rows = memory.chain(self.used.rows().map(|(id, bytes)| ((USED.to_owned(), id), bytes))).collect();
        let rest = Self { taken: TakenBundles::default(), used: UsedNames::default(), ..self.clone() };
        // A peer holds strings, numbers and lists: serialisation to memory cannot fail.
        let members = match serde_json::to_value(rest).expect("a peer serialises") {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        for (name, member) in members {
            match member {
                _ if name == TAKEN || name == USED => {}
                Value::Array(bundles) if name == OUT => bundles.iter().for_each(|bundle| {
                    // Tickets are given once each; should two be alike all the same, both bundles are kept.
                    let mut key = (OUT.to_owned(), bundle["ticket"].as_u64().unwrap_or(0));
                    while rows.contains_key(&key) {
                        key.1 = key.1.wrapping_add(1);
                    }
                    rows.insert(key, bundle.to_string().into_bytes());
                }),
                Value::Array(messages) if SHARED.contains(&name.as_str()) => {
                    rows.extend(messages.iter().map(|message| {
                        let serial = message["serial"].as_u64().unwrap_or(0);
                        ((name.clone(), serial), message.to_string().into_bytes())
                    }))
                }
                Value::Object(mut fates) if name == FATES[0] => {
                    let there = fates.remove(FATES[1]);
                    let there = there.as_ref().and_then(Value::as_array).into_iter().flatten();
                    rows.extend(there.map(|bundle| {
                        // Not by the time, which follows a clock that is set right: the row stays where it is.
                        ((HAS.to_owned(), bundle["name"].as_u64().unwrap_or(0)), bundle.to_string().into_bytes())
                    }));
                    if fates.values().any(|owed| owed.as_array().is_none_or(|owed| !owed.is_empty())) {
                        rows.insert((name, 0), Value::Object(fates).to_string().into_bytes());
                    }
                }
                member => drop(rows.insert((name, 0), member.to_string().into_bytes())),
            }
        }
        rows
    }

    /// Gives the rows that differ between this peer and what it was before, without making those that do not.
    pub fn changes(&self, before: &Self) -> RowChanges {
        let (now, then) = match has_twins(&self.out) || has_twins(&before.out) {
            // The key of one of them depends on the others.
            true => (self.clone(), before.clone()),
            false => (self.without(before), before.without(self)),
        };
        let (now, then) = (now.rows(), then.rows());
        let gone = then.keys().filter(|key| !now.contains_key(*key)).map(|key| (key.clone(), None)).collect();
        now.into_iter().filter(|(key, row)| then.get(key) != Some(row)).fold(gone, |mut all: RowChanges, (key, row)| {
            all.insert(key, Some(row));
            all
        })
    }

    /// This peer without what is the same in another one, where that takes room.
    fn without(&self, other: &Self) -> Self {
        fn unless_same<T: Clone + Default + PartialEq>(own: &T, other: &T) -> T {
            if own == other { T::default() } else { own.clone() }
        }
        let known: HashMap<u64, &OutboxBundle> = other.out.iter().map(|bundle| (bundle.ticket, bundle)).collect();
        let new = |bundle: &&OutboxBundle| known.get(&bundle.ticket) != Some(bundle);
        Self {
            book: unless_same(&self.book, &other.book),
            names: unless_same(&self.names, &other.names),
            fates: self.fates.without(&other.fates),
            out: self.out.iter().filter(new).cloned().collect(),
            there: self.there.without(&other.there),
            came: self.came.without(&other.came),
            used: self.used.without(&other.used),
            taken: self.taken.without(&other.taken),
            parked: unless_same(&self.parked, &other.parked),
            sets: unless_same(&self.sets, &other.sets),
            agreement: self.agreement.clone(),
            owed: self.owed.clone(),
            people: self.people.clone(),
            recode: self.recode.clone(),
            whereabouts: self.whereabouts.clone(),
            went: self.went,
            alive: self.alive,
            tickets: self.tickets,
            ids: self.ids,
        }
    }

    /// Puts a peer together from its rows; what is not there is as in a new one.
    ///
    /// # Errors
    /// When a row is no such row.
    pub fn from_rows(rows: &Rows) -> Result<Self, UnreadableRow> {
        let unreadable = |part: &str, why: &dyn ToString| UnreadableRow { part: part.to_owned(), why: why.to_string() };
        let json =
            |part: &str, bytes: &[u8]| serde_json::from_slice::<Value>(bytes).map_err(|error| unreadable(part, &error));
        let mut members = match rows.get(&(WHOLE.to_owned(), 0)) {
            Some(whole) => match json(WHOLE, whole)? {
                Value::Object(members) => members,
                _ => return Err(unreadable(WHOLE, &"it is no record")),
            },
            None => Map::new(),
        };
        let (mut out, mut taken, mut used, mut has) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for ((part, id), bytes) in rows {
            match part.as_str() {
                WHOLE => {}
                TAKEN => taken.push((*id, bytes.as_slice())),
                USED => used.push((*id, bytes.as_slice())),
                OUT => out.push(json(part, bytes)?),
                HAS => has.push(json(part, bytes)?),
                part if SHARED.contains(&part) => {
                    let list = members.entry(part).or_insert_with(|| Value::Array(Vec::new()));
                    if let Value::Array(messages) = list {
                        messages.push(json(part, bytes)?);
                    }
                }
                name => drop(members.insert(name.to_owned(), json(name, bytes)?)),
            }
        }
        if !out.is_empty() {
            members.insert(OUT.to_owned(), Value::Array(out));
        }
        if !has.is_empty() {
            let fates = members.entry(FATES[0]).or_insert_with(|| Value::Object(Map::new()));
            let there =
                fates.as_object_mut().map(|fates| fates.entry(FATES[1]).or_insert_with(|| Value::Array(Vec::new())));
            if let Some(Value::Array(there)) = there {
                there.extend(has);
            }
        }
        let mut peer: Self =
            serde_json::from_value(Value::Object(members)).map_err(|error| unreadable("peer", &error))?;
        if !taken.is_empty() {
            peer.taken = TakenBundles::from_rows(taken).ok_or_else(|| unreadable(TAKEN, &"it has another length"))?;
        }
        if !used.is_empty() {
            peer.used = UsedNames::from_rows(used).ok_or_else(|| unreadable(USED, &"it has another length"))?;
        }
        Ok(peer)
    }
}

/// True where two bundles have one ticket.
fn has_twins(out: &[OutboxBundle]) -> bool {
    let tickets: HashSet<u64> = out.iter().map(|bundle| bundle.ticket).collect();
    tickets.len() < out.len()
}
