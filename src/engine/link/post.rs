//! The mail of this box for links that go by it, and the way of mails for them from the listener.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::address::{Address, Mailbox};
use crate::deliver::imap::Inbox;
use crate::deliver::relay::{Relay, RelayConfig};
use crate::engine::Context;
use crate::fault::Fault;
use crate::link::hooks::{HookCall, mail_path};
use crate::link::post::{NotSent, Post, Uid};
use crate::message::Reporting;
use crate::store::Store;

/// A link says within this whether it has taken a mail.
const LIMIT: Duration = Duration::from_secs(30);

/// The account of the box at its mail relay, by which links send and get mails.
struct Account {
    store: Store,
}

/// The mail of this box.
pub fn of(store: &Store) -> Arc<dyn Post> {
    Arc::new(Account { store: store.clone() })
}

impl Account {
    /// A session with the mailbox.
    fn with<T>(&self, server: &str, act: impl FnOnce(&mut Inbox) -> Result<T, Fault>) -> Result<T, Fault> {
        let mut inbox = Inbox::open(server, &RelayConfig::from_settings(&self.store.settings())?)?;
        let done = act(&mut inbox)?;
        inbox.close();
        Ok(done)
    }
}

impl Post for Account {
    fn send(&self, from: &Mailbox, to: &Mailbox, mail: &[u8]) -> Result<(), NotSent> {
        let config = RelayConfig::from_settings(&self.store.settings());
        let config = config.map_err(|fault| NotSent { fault, unanswered: false })?;
        let mut relay = Relay::new();
        let sent = relay.deliver(&config, &Address::Mail(from.clone()), to, mail, &Reporting::default());
        relay.close();
        sent.map(drop).map_err(|failure| NotSent { fault: failure.fault, unanswered: failure.unanswered })
    }

    fn unread(&self, server: &str, from: &str, known: &[Uid], most: usize) -> Result<Vec<(Uid, Vec<u8>)>, Fault> {
        self.with(server, |inbox| inbox.unread(from, known, most))
    }

    fn mark_read(&self, server: &str, uids: &[Uid]) -> Result<(), Fault> {
        self.with(server, |inbox| inbox.mark_read(uids))
    }
}

/// True where mails to this local part are for a link.
pub fn is_for_link(context: &Context, local: &str) -> bool {
    context.callers.hooks.knows(&mail_path(local))
}

/// Gives a link a mail to this local part, and waits until it has kept it.
///
/// # Errors
/// `Permanent` where it does not take mails from there, `Temporary` where it cannot now.
pub fn give(context: &Context, local: &str, peer: IpAddr, mail: Vec<u8>) -> Result<(), Fault> {
    let call = |answer| HookCall { from: Some(peer), kind: "mail".to_owned(), form: Vec::new(), body: mail, answer };
    match context.callers.hooks.call(&mail_path(local), call, LIMIT) {
        Some(200) => Ok(()),
        Some(403) => Err(Fault::permanent("this is not taken from there")),
        _ => Err(Fault::temporary("this cannot be kept now")),
    }
}
