//! People of the domain of this box who are reached by another gateway: what others write to them is not for this one.

use crate::address::Mailbox;
use crate::message::reason::NoRoute;
use crate::message::words::smtp::{self, Refusal};
use crate::route::choose::Policy;

/// Says no to a recipient in the domain of this box whom nobody has here: the relay, which knows other gateways, would ask this
/// box again. Somebody whose far box moved is put off.
///
/// # Errors
/// The refusal: for good, or until the server in front knows where they are now.
pub fn refused(policy: &Policy, to: &Mailbox) -> Result<(), Refusal> {
    if !policy.is_ours(to) {
        return Ok(());
    }
    match policy.people.addressed(to) {
        None => Err(smtp::refusal(&NoRoute::NoPerson { name: to.person() }.into())),
        Some(person) if policy.people.has_moved_out(person) => {
            let why = format!("{} has moved to another gateway: try again", person.name);
            Err(Refusal::new(451, "4.4.4", why))
        }
        Some(_) => Ok(()),
    }
}
