//! Display names of correspondents: told once to the other box, when a packet leaves that has room for one anyway, and known
//! there from then on by the mark of the address. A name is for the eye only: what it stands beside decides nothing.

use serde::{Deserialize, Serialize};

use super::Peer;
use super::memory::hash;
use super::notes::Note;

/// Names that are remembered.
const MOST: usize = 256;
/// Names that wait for a packet with room; of more the last are told.
const MOST_OWED: usize = 16;
/// A longer name is not worth its bytes.
pub const LONGEST: usize = 40;

/// What stands for an address beside its name: 24 bits of its hash.
pub type AddressMark = [u8; 3];

/// The names that passed between two boxes, and those that are to pass.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DisplayNames {
    known: Vec<(AddressMark, String)>,
    owed: Vec<(AddressMark, String)>,
}

impl DisplayNames {
    /// True when there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.owed.is_empty()
    }

    /// Gives the notes by which names are still to be told.
    pub fn notes(&self) -> impl Iterator<Item = Note> {
        self.owed.iter().map(|(mark, name)| Note::Name(*mark, name.clone()))
    }

    /// A name passed, in whichever direction.
    pub fn passed(&mut self, mark: AddressMark, name: &str) {
        self.owed.retain(|(owed, _)| *owed != mark);
        put(&mut self.known, mark, name, MOST);
    }

    /// A name has to be told, or told again.
    pub fn owe(&mut self, mark: AddressMark, name: &str) {
        self.known.retain(|(known, _)| *known != mark);
        put(&mut self.owed, mark, name, MOST_OWED);
    }

    /// Forgets the name of an address.
    pub fn forget(&mut self, address: &str) {
        let mark = mark_of(address);
        self.known.retain(|(known, _)| *known != mark);
        self.owed.retain(|(owed, _)| *owed != mark);
    }

    fn find(&self, mark: AddressMark) -> Option<&str> {
        self.known.iter().find(|(known, _)| *known == mark).map(|(_, name)| name.as_str())
    }
}

fn put(list: &mut Vec<(AddressMark, String)>, mark: AddressMark, name: &str, most: usize) {
    list.retain(|(known, _)| *known != mark);
    list.push((mark, name.to_owned()));
    let over = list.len().saturating_sub(most);
    list.drain(..over);
}

fn mark_of(address: &str) -> AddressMark {
    let [.., a, b, c] = hash(address.as_bytes()).to_be_bytes();
    [a, b, c]
}

impl Peer {
    /// A message of this correspondent, who is called so, is about to go: the far box is told, unless it knows, or is none
    /// that would understand.
    pub fn introduce(&mut self, address: &str, name: &str) {
        let mark = mark_of(address);
        let worth = !name.is_empty() && name.len() <= LONGEST && !name.contains(char::is_control);
        if worth && self.agreement.knows_us() && self.names.find(mark) != Some(name) {
            self.names.owe(mark, name);
        }
    }

    /// The display name of a correspondent, if one passed between the boxes.
    pub fn display_name(&self, address: &str) -> Option<&str> {
        self.names.find(mark_of(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_owed_until_it_passed_and_told_once() {
        let mut names = DisplayNames::default();
        let mark = mark_of("mum@example.org");
        names.owe(mark, "Mary");
        assert_eq!(names.notes().collect::<Vec<_>>(), [Note::Name(mark, "Mary".into())]);
        names.passed(mark, "Mary");
        assert_eq!((names.notes().count(), names.find(mark)), (0, Some("Mary")));
        names.owe(mark, "Mary M.");
        assert_eq!((names.notes().count(), names.find(mark)), (1, None), "it changed");
        for n in 0..1000_u32 {
            let [_, a, b, c] = n.to_be_bytes();
            names.passed([a, b, c], "x");
            names.owe([a, b, c], "x");
        }
        assert!(names.known.len() <= MOST && names.owed.len() == MOST_OWED);
    }
}
