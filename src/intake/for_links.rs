//! Mails that are for a link of this box and not for a person: it takes them apart.

use super::Intake;
use crate::address::Mailbox;
use crate::engine::link::post;
use crate::listen::{Body, Caller, Envelope, Recipient, Refusal};
use crate::route::choose::Policy;

impl Intake {
    /// Gives a mail to the links that it is for, and takes those recipients away.
    ///
    /// # Errors
    /// A link does not take it; the whole mail comes again, and is recognised.
    pub(super) fn for_links(
        &self,
        policy: &Policy,
        caller: &Caller,
        envelope: &mut Envelope,
        body: &Body,
    ) -> Result<(), Refusal> {
        let local = |recipient: &Recipient| {
            let to: Mailbox = recipient.path.parse().ok()?;
            let is = policy.is_ours(&to) && post::is_for_link(&self.context, to.local());
            is.then(|| to.local().to_owned())
        };
        let links: Vec<_> = envelope.to.iter().filter_map(local).collect();
        for link in &links {
            let Body::Memory(mail) = body else {
                return Err(Refusal::new(552, "5.3.4", "this is too large for what it should be"));
            };
            post::give(&self.context, link, caller.peer, mail.clone()).map_err(|fault| match fault.is_permanent() {
                true => Refusal::new(550, "5.7.1", fault.why()),
                false => Refusal::new(451, "4.3.0", fault.why()),
            })?;
        }
        envelope.to.retain(|recipient| local(recipient).is_none());
        Ok(())
    }
}
