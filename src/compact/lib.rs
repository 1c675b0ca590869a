//! The compact coding: what two satpost boxes say to each other in as few bytes as possible.
//!
//! ```text
//!   letters -> record -> coder -> packet -> air        peer: which letters, which packet, what is owed, what is known
//!   letters <- record <- coder <- packet <- air
//! ```
//!
//! * [`letter`]: a letter as it goes over the air, and the plain record that is coded.
//! * [`packet`]: what one transmission carries: one or more letters, or a piece of them.
//! * [`coder`]: makes records small and gives them back; primed once, the same bytes on every processor.
//! * [`peer`]: the talk of two boxes: agreement, bundles, receipts, the address book.
//!
//! Its own crate because it has to be optimised even where the rest is not, and because it needs nothing of the rest.

pub mod coder;
pub mod letter;
pub mod packet;
pub mod peer;
