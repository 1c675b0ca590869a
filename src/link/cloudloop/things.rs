//! Terminals as the service names them: a *thing* of 32 characters each. Which terminal is which thing stands in a
//! setting, or is learned from the calls of the service.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::link::ground::fields::terminal;

/// Terminals that are learned at most: nobody can fill the memory with made-up ones.
const MOST: usize = 1000;
/// Characters of a thing.
const LENGTH: usize = 32;

/// A terminal at the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thing {
    /// Its id at the service, 32 characters.
    pub id: String,
    /// It is a modem for IMT, else one for SBD.
    pub imt: bool,
}

/// A word that names no terminal and its thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoThing(String);

impl std::fmt::Display for NoThing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "'{}' has to be IMEI=THING or IMEI=THING/imt, with the 15 digits of the terminal and the {LENGTH} characters of \
             its thing",
            self.0.escape_debug()
        )
    }
}

/// Terminals by their IMEI.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Things {
    set: BTreeMap<String, Thing>,
    learned: BTreeMap<String, Thing>,
}

impl Things {
    /// Reads the setting: `IMEI=THING`, or `IMEI=THING/imt`, with blanks between them.
    ///
    /// # Errors
    /// The word that is neither.
    pub fn read(text: &str) -> Result<Self, NoThing> {
        let mut set = BTreeMap::new();
        for word in text.split_whitespace() {
            let (imei, rest) = word.split_once('=').ok_or_else(|| NoThing(word.to_owned()))?;
            let (id, imt) = match rest.strip_suffix("/imt") {
                Some(id) => (id, true),
                None => (rest, false),
            };
            if terminal(imei).is_none() || !is_thing(id) {
                return Err(NoThing(word.to_owned()));
            }
            set.insert(imei.to_owned(), Thing { id: id.to_owned(), imt });
        }
        Ok(Self { set, learned: BTreeMap::new() })
    }

    /// The thing of a terminal.
    ///
    /// # Errors
    /// For the owner, when it is not known.
    pub fn of(&self, imei: &str) -> Result<&Thing, Fault> {
        self.set.get(imei).or_else(|| self.learned.get(imei)).ok_or_else(|| {
            Fault::operator(format!(
                "which thing terminal {imei} is at Cloudloop is not known before its first message: write it into cloudloop.things"
            ))
        })
    }

    /// The service has said which thing a terminal is.
    pub fn learn(&mut self, imei: &str, thing: Thing) {
        if is_thing(&thing.id) && (self.learned.len() < MOST || self.learned.contains_key(imei)) {
            self.learned.insert(imei.to_owned(), thing);
        }
    }

    /// What was learned, for the next life.
    pub fn keep(&self) -> String {
        // A map of texts can always be written.
        serde_json::to_string(&self.learned).unwrap_or_default()
    }

    /// What was learned in an earlier life; what cannot be read is learned anew.
    pub fn remember(&mut self, kept: &str) {
        self.learned = serde_json::from_str(kept).unwrap_or_default();
    }
}

fn is_thing(id: &str) -> bool {
    id.len() == LENGTH && id.bytes().all(|c| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "QwErTyUiOpAsDfGhJkLzXcVbNm123456";

    #[test]
    fn things_are_set_or_learned_and_kept() {
        let mut things = Things::read(&format!("300234010753370={ID} 300258060000000={ID}/imt")).unwrap();
        assert!(!things.of("300234010753370").unwrap().imt && things.of("300258060000000").unwrap().imt);
        let other = Thing { id: ID.to_lowercase(), imt: false };
        assert!(things.of("300234010753371").is_err());
        things.learn("300234010753371", other.clone());
        things.learn("300234010753372", Thing { id: "short".into(), imt: false });
        let mut next = Things::default();
        next.remember(&things.keep());
        assert_eq!(next.of("300234010753371").unwrap(), &other);
        assert!(next.of("300234010753372").is_err());
        next.remember("no JSON");
        assert_eq!(next, Things::default());
        for wrong in ["300234010753370", "1=QwErTyUiOpAsDfGhJkLzXcVbNm123456", "300234010753370=QwEr"] {
            assert!(Things::read(wrong).is_err(), "{wrong}");
        }
    }
}
