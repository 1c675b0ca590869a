//! Who wrote a mail: one rule for each address that its header and its envelope name.
//!
//! | the mail | who wrote it |
//! |---|---|
//! | somebody logged in | that person, whatever the header says |
//! | one readable address in `From` | that one |
//! | several, in one field or in more | the first; the mail server's verdict is not believed, as nobody knows which one it is about |
//! | none, or one that means a phone of this box | the envelope sender |
//!
//! Answers go to the first address in `Reply-To` that can be one, else to the writer. It cannot be the recipient, the
//! mailing list that sent the mail on (an answer is for the person), a phone, a name that is nowhere, or, in what comes
//! from outside, somebody of this box. Where the writer is among them, the answer is theirs. Names in a group count as if
//! they stood alone.
//!
//! What is believed of all this, and what it opens, is said in [`crate::route::rules`].

use crate::address::{Address, Mailbox, idn, is_nowhere, pasted};
use crate::listen::Caller;
use crate::mail_text::{HeaderMailbox, Shaped};
use crate::message::sender::display_name;
use crate::message::{Proof, ReturnPath, Sender};
use crate::route::choose::Policy;
use crate::route::proof;
use crate::settings::Key;

/// Who wrote a mail, by its header and its envelope.
pub struct MailWriter {
    /// The person of this box who logged in.
    pub author: Option<String>,
    /// The address that gets answers (`Reply-To`, else `From`).
    pub from: Address,
    /// Its other addresses, and a name.
    pub sender: Sender,
    /// What the mail server in front found out about the address in `From`.
    pub proof: Proof,
}

impl MailWriter {
    /// Of the mail that this caller hands in, with this envelope sender, to this recipient.
    pub fn of(policy: &Policy, caller: &Caller, envelope: &Address, to: &Mailbox, shaped: &Shaped) -> Self {
        let logged_in = caller.person.as_ref().and_then(|name| policy.people.get(name));
        if let Some((person, address)) = logged_in.and_then(|one| policy.address_of(one).map(|address| (one, address)))
        {
            let (author, from) = (Some(person.name.clone()), Address::Mail(address));
            return Self { author, from, sender: Sender::default(), proof: Proof::default() };
        }
        let named = shaped.from.as_ref().and_then(mailbox).filter(|from| !policy.is_sms(from));
        let written_by = named.map_or(envelope.clone(), Address::Mail);
        let (from, name) = match answers_to(policy, caller, &written_by, to, shaped) {
            Some((address, reply)) => (address, reply.name.as_ref()),
            None => (written_by.clone(), None),
        };
        let name = name.or(shaped.from.as_ref().and_then(|from| from.name.as_ref()));
        let path = || ReturnPath { address: envelope.clone(), proof: proof_of(policy, caller, envelope, shaped) };
        let verdict = proof_of(policy, caller, &written_by, shaped);
        let proof = match verdict {
            Proof::Proven if shaped.several_from => Proof::Failed,
            verdict => verdict,
        };
        let sender = Sender {
            name: name.and_then(|name| display_name(name, &from)),
            header_from: (written_by != from).then_some(written_by),
            return_path: (*envelope != from).then(path),
        };
        Self { author: None, from, sender, proof }
    }

    /// True when one of its addresses is of this box.
    pub fn is_ours(&self, policy: &Policy) -> bool {
        let path = self.sender.return_path.as_ref().map(|path| &path.address);
        let all = [Some(&self.from), self.sender.header_from.as_ref(), path];
        all.into_iter().flatten().filter_map(Address::mailbox).any(|one| policy.is_ours(one))
    }

    /// Gives the address in `From`.
    pub fn written_by(&self) -> &Address {
        self.sender.header_from.as_ref().unwrap_or(&self.from)
    }
}

/// The address of a header field; one without a form in ASCII, or with signs that nobody sees, is nowhere in the mail, and on
/// no list.
fn mailbox(named: &HeaderMailbox) -> Option<Mailbox> {
    let usable = |one: &Mailbox| !pasted::has_hidden(&one.to_string()) && idn::to_ascii(one.domain()).is_ok();
    named.address.parse().ok().filter(usable)
}

/// Who wants answers instead of the writer; `None` where the writer does.
fn answers_to<'s>(
    policy: &Policy,
    caller: &Caller,
    written_by: &Address,
    to: &Mailbox,
    shaped: &'s Shaped,
) -> Option<(Address, &'s HeaderMailbox)> {
    let recipient = policy.proper(to);
    let list = |one: &Mailbox| shaped.list_post.as_ref().is_some_and(|list| one.to_string().eq_ignore_ascii_case(list));
    let fits = |one: &Mailbox| {
        let foreign = caller.trusted || !policy.is_ours(one);
        foreign && policy.proper(one) != recipient && !list(one) && !policy.is_sms(one) && !is_nowhere(one.domain())
    };
    let all = || shaped.reply_to.iter().filter_map(|named| Some((mailbox(named)?, named)));
    if all().any(|(one, _)| written_by.mailbox() == Some(&one)) {
        return None;
    }
    all().find(|(one, _)| fits(one)).map(|(one, named)| (Address::Mail(one), named))
}

fn proof_of(policy: &Policy, caller: &Caller, address: &Address, shaped: &Shaped) -> Proof {
    let Some(mailbox) = address.mailbox() else { return Proof::Unproven };
    let results = shaped.results.iter().map(String::as_str).filter(|_| caller.front);
    proof::judge(results, policy.settings.text(Key::SmtpAuthHost), mailbox.domain())
}
