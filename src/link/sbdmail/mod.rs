//! Driver of SBD by e-mail: every reseller of SBD modems has it, and it needs no address that others can call. A message from a
//! terminal comes as a mail, by the box's own listener or out of the mailbox of the relay's account, which is looked into; a
//! message for a terminal goes as a mail through the relay.
//!
//! After Iridium's SBD developer guide. Anybody can write a sender into a mail: mails are believed from the networks of the
//! relay, under an address that nobody guesses, or in a mailbox if they were sent to such an address there. None is ever answered.

mod mail;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use smol::channel::{Receiver, bounded};

use crate::address::Mailbox;
use crate::clock::{Clock, Time};
use crate::fault::Fault;
use crate::link::ground::calls::{Heard, Unheard};
use crate::link::ground::fields::terminal;
use crate::link::ground::{ERROR_AGAIN, Ground, Handed, Service, UNSENT_AGAIN};
use crate::link::hooks::{HookCall, mail_path};
use crate::link::post::{Post, Uid};
use crate::link::{Equipment, Link, PairedWith};
use crate::message::Reason;
use crate::settings::{Key, Settings, is_unguessable};

/// Mails that are fetched at once.
const MOST: usize = 20;
/// The kind of a call that was fetched out of the box's own mailbox.
const FETCHED: &str = "fetched";

/// See [`super::Driver::check`].
pub fn check(settings: &Settings, _: &[PairedWith]) -> Result<String, Vec<String>> {
    let mut wrong = Vec::new();
    let (path, imap) = (settings.text(Key::SbdmailPath), settings.text(Key::SbdmailImap));
    for key in [Key::SbdmailSender, Key::SbdmailTo, Key::SbdmailFrom] {
        if settings.text(key).parse::<Mailbox>().is_err() {
            wrong.push(format!("{} has to be an address", crate::settings::row(key).name));
        }
    }
    if settings.text(Key::RelayHost).is_empty() {
        wrong.push("messages go through the mail relay, and there is none: set relay.host".to_owned());
    }
    let listens = is_unguessable(path) && !settings.text(Key::SbdmailPeers).is_empty();
    if !path.is_empty() && !is_unguessable(path) {
        wrong.push("sbdmail.path has to be 16 or more of a to z, A to Z, 0 to 9, - and _".to_owned());
    } else if !listens && imap.is_empty() {
        wrong.push(
            "mails have no way in: set sbdmail.imap to the IMAP server of the relay's account; or sbdmail.path to 16 or more \
             random characters, and sbdmail.peers to the networks that bring mail for this box"
                .to_owned(),
        );
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let sender = settings.text(Key::SbdmailSender);
    let deliver = |address: &str| format!("have the service deliver the messages of the terminals to {address}");
    Ok(match sender.split_once('@') {
        _ if listens => deliver(&format!("{path}@{}", settings.text(Key::Domain))),
        Some((local, domain)) if !path.is_empty() => deliver(&format!("{local}+{path}@{domain}")),
        _ => deliver(sender) + "; without sbdmail.path whoever knows that mailbox and a terminal is believed",
    })
}

/// Makes the link; it opens nothing before the first poll.
pub fn make(settings: &Settings, clock: &Clock) -> Box<dyn Link> {
    Box::new(Ground::new(Sbdmail::new(settings, clock), clock))
}

struct Sbdmail {
    clock: Clock,
    settings: Settings,
    post: Option<Arc<dyn Post>>,
    /// Mails out of the mailbox that are not kept yet: where the answer comes.
    open: BTreeMap<Uid, Receiver<u16>>,
    /// Mails of others under the sender's name: they stay as they are, and are not looked at again.
    left: Vec<Uid>,
}

impl Sbdmail {
    fn new(settings: &Settings, clock: &Clock) -> Self {
        let (clock, settings) = (clock.clone(), settings.clone());
        Self { clock, settings, post: None, open: BTreeMap::new(), left: Vec::new() }
    }

    /// Mails whose answer has come, and which may be marked as read.
    fn kept(&mut self) -> Vec<Uid> {
        let mut kept = Vec::new();
        let left = &mut self.left;
        self.open.retain(|uid, answer| match answer.try_recv() {
            Ok(200) => {
                kept.push(*uid);
                false
            }
            Ok(_) => {
                left.push(*uid);
                false
            }
            // One that nobody will answer any more is fetched again.
            Err(error) => !error.is_closed(),
        });
        kept
    }
}

impl Service for Sbdmail {
    const TITLE: &'static str = "SBD by e-mail";
    const NAME: &'static str = mail::NAME;

    fn address(&self) -> &str {
        self.settings.text(Key::SbdmailTo)
    }

    fn user(&self) -> &str {
        self.settings.text(Key::SbdmailSender)
    }

    fn equip(&mut self, equipment: &Equipment) {
        self.post.clone_from(&equipment.post);
    }

    fn hook(&self) -> Option<String> {
        let path = self.settings.text(Key::SbdmailPath);
        is_unguessable(path).then(|| mail_path(path))
    }

    fn looks(&self) -> Option<Duration> {
        (!self.settings.text(Key::SbdmailImap).is_empty()).then(|| self.settings.span(Key::SbdmailPoll))
    }

    fn look(&mut self) -> Result<Vec<HookCall>, Fault> {
        let Some(post) = self.post.clone() else { return Ok(Vec::new()) };
        let server = self.settings.text(Key::SbdmailImap);
        let server = server.to_owned();
        let kept = self.kept();
        if !kept.is_empty() {
            post.mark_read(&server, &kept)?;
        }
        let known: Vec<_> = self.open.keys().chain(&self.left).copied().collect();
        let mails = post.unread(&server, self.settings.text(Key::SbdmailFrom), &known, MOST)?;
        if let Some(((validity, _), _)) = mails.first() {
            // What the mailbox has numbered anew is known no more.
            self.left.retain(|(then, _)| then == validity);
            self.open.retain(|(then, _), _| then == validity);
        }
        let calls = mails.into_iter().map(|(uid, body)| {
            let (answer, answered) = bounded(1);
            self.open.insert(uid, answered);
            HookCall { from: None, kind: FETCHED.to_owned(), form: Vec::new(), body, answer }
        });
        Ok(calls.collect())
    }

    fn read(&mut self, call: &HookCall, _now: Option<Time>) -> Result<Heard, Unheard> {
        let near = |from| self.settings.contains(Key::SbdmailPeers, from);
        let path = self.settings.text(Key::SbdmailPath);
        if call.kind != FETCHED && !call.from.is_some_and(near) {
            return Err(Unheard::Forbidden("it came from a network that is not in sbdmail.peers".to_owned()));
        }
        if call.kind == FETCHED && !path.is_empty() && !mail::is_to(&call.body, path) {
            return Err(Unheard::Forbidden("it was not sent to the address of sbdmail.path".to_owned()));
        }
        mail::read(&call.body, self.settings.text(Key::SbdmailFrom))
    }

    fn complete(&self) -> Result<(), Fault> {
        for key in [Key::SbdmailSender, Key::SbdmailTo] {
            if self.settings.text(key).parse::<Mailbox>().is_err() {
                let name = crate::settings::row(key).name;
                return Err(Fault::operator(format!("{name} is not set to an address")));
            }
        }
        Ok(())
    }

    fn queue(&mut self, imei: &str, payload: &[u8]) -> Handed {
        let address = |key| self.settings.text(key).parse::<Mailbox>();
        let (Some(post), Some(imei), Ok(from), Ok(to)) =
            (&self.post, terminal(imei), address(Key::SbdmailSender), address(Key::SbdmailTo))
        else {
            return Handed::Refused(Fault::operator("sbdmail.sender and sbdmail.to have to be addresses"));
        };
        let at = self.clock.now();
        // The mail is one of its kind by the moment that it is written.
        let hash = Sha256::digest([payload, &at.0.to_le_bytes(), imei.to_string().as_bytes()].concat());
        let number = hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
        let id = format!("{number:x}.sbd@{}", from.domain());
        match post.send(&from, &to, &mail::write(imei, payload, &from, &to, &id, at)) {
            Ok(()) => Handed::Queued(number),
            Err(failed) if failed.unanswered => Handed::Unknown(Reason::said(failed.fault)),
            Err(failed) => match failed.fault {
                fault @ Fault::Temporary(_) => Handed::Stopped(fault, UNSENT_AGAIN),
                fault @ Fault::Operator(_) => Handed::Stopped(fault, ERROR_AGAIN),
                // The relay does not take mail for the service: that is for the owner, and no fault of the message.
                Fault::Permanent(why) => Handed::Stopped(Fault::Operator(why), ERROR_AGAIN),
            },
        }
    }
}

/// Reads this as each mail that may come, for the fuzzers.
#[cfg(fuzzing)]
pub fn fuzz(body: &[u8]) {
    let _ = (mail::read(body, "sbdservice@sbd.iridium.com"), mail::is_to(body, "kJ7dn3Pq81xYwz55"));
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::link::post::NotSent;

    /// A mailbox with these mails; what was marked.
    #[derive(Default)]
    struct Inbox {
        mails: Mutex<Vec<(Uid, Vec<u8>)>>,
        marked: Mutex<Vec<Uid>>,
    }

    impl Post for Inbox {
        fn send(&self, _: &Mailbox, _: &Mailbox, _: &[u8]) -> Result<(), NotSent> {
            Ok(())
        }

        fn unread(&self, _: &str, _: &str, known: &[Uid], _: usize) -> Result<Vec<(Uid, Vec<u8>)>, Fault> {
            let mails = self.mails.lock().unwrap();
            Ok(mails.iter().filter(|(uid, _)| !known.contains(uid)).cloned().collect())
        }

        fn mark_read(&self, _: &str, uids: &[Uid]) -> Result<(), Fault> {
            self.marked.lock().unwrap().extend(uids);
            self.mails.lock().unwrap().retain(|(uid, _)| !uids.contains(uid));
            Ok(())
        }
    }

    const PATH: &str = "kJ7dn3Pq81xYwz55";

    fn link(path: &str) -> (Sbdmail, Arc<Inbox>) {
        let settings = Settings::default().with(Key::SbdmailPath, path).unwrap();
        let settings = settings.with(Key::SbdmailImap, "imap.example.org").unwrap();
        let settings = settings.with(Key::SbdmailSender, "boat@example.org").unwrap();
        let settings = settings.with(Key::RelayHost, "mail.example.org").unwrap();
        let inbox = Arc::new(Inbox::default());
        let mut link = Sbdmail::new(&settings, &Clock::system());
        link.post = Some(inbox.clone());
        (link, inbox)
    }

    #[test]
    fn a_fetched_mail_is_believed_for_the_secret_that_it_was_sent_to() {
        let mail = |to: &str| {
            let head = "From: sbdservice@sbd.iridium.com\r\nSubject: SBD Msg From Unit: 300234010753370";
            (format!("{head}\r\nTo: {to}\r\n\r\nx\r\n")).into_bytes()
        };
        let read = |path: &str, to: &str| {
            let (mut link, inbox) = link(path);
            inbox.mails.lock().unwrap().push(((1, 1), mail(to)));
            let call = link.look().unwrap().remove(0);
            link.read(&call, None)
        };
        assert!(matches!(read(PATH, "boat@example.org"), Err(Unheard::Forbidden(_))), "forged");
        assert!(read(PATH, &format!("boat+{PATH}@example.org")).is_ok());
        assert!(read("", "boat@example.org").is_ok());
        let told = |path: &str| check(&link(path).0.settings, &[]);
        assert!(told(PATH).unwrap().ends_with(&format!("boat+{PATH}@example.org")));
        assert!(told("").unwrap().contains("is believed"));
        assert!(told("short").is_err());
    }

    #[test]
    fn what_was_left_is_forgotten_when_the_mailbox_is_numbered_anew() {
        let (mut link, inbox) = link("");
        *inbox.mails.lock().unwrap() = vec![((1, 7), Vec::new()), ((1, 8), Vec::new()), ((1, 9), Vec::new())];
        for (call, answer) in link.look().unwrap().iter().zip([403, 200]) {
            call.answer.try_send(answer).unwrap();
        }
        assert_eq!(link.look().unwrap().len(), 1, "nobody will answer the last any more");
        assert_eq!((link.left.as_slice(), inbox.marked.lock().unwrap().as_slice()), (&[(1, 7)][..], &[(1, 8)][..]));
        *inbox.mails.lock().unwrap() = vec![((2, 7), Vec::new())];
        assert_eq!(link.look().unwrap().len(), 1);
        assert!(link.left.is_empty() && link.open.keys().eq([&(2, 7)]));
    }
}
