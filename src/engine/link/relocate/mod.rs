//! A far box goes from one gateway to another, with its talk: its record and its people, what the two boxes know of each other,
//! and the messages for it that are not done.
//!
//! ```text
//!   old gateway: leave()    one commit: the far box is moved out, nothing goes there or is taken from there any more;
//!                           what has to go along is noted in the same commit, so that it can be written out again and again
//!   the file                the note, with the mails of the messages
//!   new gateway: arrive()   one commit: the far box is here, with all of it; the same file a second time changes nothing
//! ```
//!
//! So no moment has it at both, and none loses it: until the file is read at the new gateway the old one can write it again, or read
//! it itself and have the far box back. What a link of the old gateway may have is *unknown* at the new one, which asks the
//! far box whether it has it before it sends it again.

mod arrive;
mod check;
mod leave;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use arrive::{Bodies, arrive, is_back};
pub use leave::{Leaving, forget, leave, noted, undecided};

use crate::clock::Time;
use crate::message::{Message, Packet};
use crate::people::{FarBox, Person};
use crate::store::{Belongings, PairedBox};

/// The version of what is written here. One that this program does not know is not read.
pub const VERSION: u32 = 1;

/// All that goes along with a far box.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Relocation {
    /// [`VERSION`] of who wrote it.
    pub version: u32,
    /// Names this move, and no other one.
    pub ticket: String,
    /// What the old gateway is called.
    pub from: String,
    /// When it left there.
    pub at: Time,
    /// Its record, with the addresses that it had there.
    pub far_box: FarBox,
    /// Who reads there.
    pub people: Vec<Person>,
    /// Its keys, where it calls by the internet.
    pub paired: Vec<PairedBox>,
    /// What the two boxes know of each other: part, number, content in hex digits.
    pub talk: Vec<(String, u64, String)>,
    /// Messages that are not done, or of which the talk still speaks, with the numbers that they had there.
    pub messages: Vec<Message>,
    /// Packets of which something is open, with those that belong together.
    pub groups: Vec<Vec<Packet>>,
    /// What the store knows of the far box and its people besides.
    pub belongings: Belongings,
}

impl Relocation {
    /// The names of its people.
    pub fn names(&self) -> BTreeSet<&str> {
        self.people.iter().map(|person| person.name.as_str()).collect()
    }
}
