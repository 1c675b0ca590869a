//! The address book that both boxes learn from what they say to each other. No numbers are exchanged: an address stands
//! for itself by six bits of its hash, and the check over the written-out message tells which one is meant.

use serde::{Deserialize, Serialize};

use super::memory::hash;
use crate::letter::{FIRST_INDEX, INDEXES};

/// Addresses that a book holds.
const MOST: usize = 256;
/// Longer ones are not worth a place.
const LONGEST: usize = 120;

/// The addresses that passed between two boxes, the one used last at the end.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AddressBook {
    entries: Vec<BookEntry>,
    /// Counts the addresses that came in: what could not be read may be tried again.
    pub(super) growth: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct BookEntry {
    address: String,
    /// The other box certainly has it: it wrote it, or has a packet of ours in which it stood.
    there: bool,
}

impl AddressBook {
    /// The index byte for an address, if the other box will know what it means.
    pub fn index(&self, address: &str) -> Option<u8> {
        let index = index_of(address);
        let mut alike = self.entries.iter().filter(|entry| index_of(&entry.address) == index);
        match (alike.next(), alike.next()) {
            (Some(entry), None) if entry.there && entry.address == address => Some(index),
            _ => None,
        }
    }

    /// Notes that a message with this address goes out; empty and overlong ones are left out.
    pub fn used(&mut self, address: &str) {
        if !address.is_empty() && address.len() <= LONGEST {
            self.touch(address);
        }
    }

    /// Addresses that an index byte from the other box may mean.
    pub fn candidates(&self, index: u8) -> Vec<String> {
        let fits = self.entries.iter().filter(|entry| index_of(&entry.address) == index);
        fits.map(|entry| entry.address.clone()).collect()
    }

    /// The other box has this address.
    pub fn is_there(&mut self, address: &str) {
        if address.is_empty() || address.len() > LONGEST {
            return;
        }
        let known = self.entries.iter().any(|entry| entry.address == address);
        self.touch(address).there = true;
        self.growth = self.growth.wrapping_add(u32::from(!known));
    }

    /// The other box seems not to have it: it is written out until that is known again.
    pub fn doubt(&mut self, address: &str) {
        self.entries.iter_mut().filter(|entry| entry.address == address).for_each(|entry| entry.there = false);
    }

    /// Forgets addresses, and gives them back. Should the other box still write one by its index, it is asked to write it
    /// out.
    pub fn forget(&mut self, which: &dyn Fn(&str) -> bool) -> Vec<String> {
        let gone =
            self.entries.iter().filter(|entry| which(&entry.address)).map(|entry| entry.address.clone()).collect();
        self.entries.retain(|entry| !which(&entry.address));
        gone
    }

    fn touch(&mut self, address: &str) -> &mut BookEntry {
        let entry = match self.entries.iter().position(|entry| entry.address == address) {
            Some(at) => self.entries.remove(at),
            None => BookEntry { address: address.to_owned(), there: false },
        };
        let over = (self.entries.len() + 1).saturating_sub(MOST);
        self.entries.drain(..over);
        self.entries.push(entry);
        let last = self.entries.len() - 1;
        &mut self.entries[last]
    }
}

/// The index byte of an address.
pub fn index_of(address: &str) -> u8 {
    FIRST_INDEX + (hash(address.as_bytes()) >> 32) as u8 % INDEXES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_means_an_address_that_is_there_and_alone() {
        let mut book = AddressBook::default();
        book.used("mum@example.org");
        assert_eq!(book.index("mum@example.org"), None);
        book.is_there("mum@example.org");
        let index = index_of("mum@example.org");
        assert_eq!((book.index("mum@example.org"), book.growth), (Some(index), 0));
        assert_eq!(book.candidates(index), ["mum@example.org"]);
        let twin = (0..).map(|n| format!("twin{n}@example.org")).find(|twin| index_of(twin) == index).unwrap();
        book.is_there(&twin);
        assert_eq!((book.index("mum@example.org"), book.candidates(index).len(), book.growth), (None, 2, 1));
        book.doubt(&twin);
        book.doubt("mum@example.org");
        assert_eq!(book.index("mum@example.org"), None);
    }

    #[test]
    fn the_longest_unused_leaves_a_full_book() {
        let mut book = AddressBook::default();
        for n in 0..MOST {
            book.is_there(&format!("{n}"));
        }
        book.used("0");
        book.is_there("new");
        book.is_there(&"x".repeat(LONGEST + 1));
        assert_eq!(book.entries.len(), MOST);
        assert!(book.entries.iter().any(|entry| entry.address == "0"));
        assert!(book.entries.iter().all(|entry| entry.address != "1"));
    }
}
