//! The compact coding: what two satpost boxes say to each other in as few bytes as possible.
//!
//! ```text
//!   messages -> record -> coder -> packet -> air       peer: which messages, which packet, what is owed, what is known
//!   messages <- record <- coder <- packet <- air
//! ```
//!
//! * [`letter`]: a message as it goes over the air, and the plain record that is coded.
//! * [`packet`]: what one transmission carries: one or more messages, or a fragment of them.
//! * [`coder`]: makes records small and gives them back; primed once, the same bytes on every processor.
//! * [`peer`]: the session with a far box: agreement, bundles, receipts, the address book.
//!
//! Its own crate because it has to be optimised even where the rest is not, and because it needs nothing of the rest.

pub mod coder;
pub mod letter;
pub mod packet;
pub mod peer;
