//! Whole mails by a wide link: before a message is planned for it, the mail that the message was made from goes to the far
//! box; what far boxes send comes into files, and into the store with the packet that names it. What is said between the
//! boxes, and what happens when something breaks, is in [`crate::link::whole`].
//!
//! Of what goes out nothing is on disk: after a crash it is offered again, and the far box says what it has.

pub mod arrived;
pub mod beside;
mod coming;
pub mod enclosed;
mod later;
pub mod packed;
pub mod request;
mod sending;

use std::collections::BTreeMap;
use std::time::Duration;

use self::coming::Coming;
#[cfg(test)]
pub use self::coming::file;
use self::later::Later;
use self::sending::{Progress, Sending};
use crate::address::{LinkAddress, PeerId};
use crate::clock::Time;
use crate::engine::Context;
use crate::fault::Fault;
use crate::link::Link;
use crate::link::whole::{WholeFrame, WholeId, WholeRefusal, Wide};
use crate::mail_text::attached;
use crate::message::{Id, Message};

/// Mails that are on their way to one far box at once; more of them where they are small ...
const AT_ONCE: usize = 4;
const MOST_AT_ONCE: usize = 64;
/// ... that is while fewer of their bytes are.
const BYTES_AT_ONCE: u32 = 128 * 1024;
/// What is known of a mail is forgotten so long after a message of it waited last.
const FORGET: Duration = Duration::from_secs(600);

/// Longest that a turn of the link takes, about.
const TURN: Duration = Duration::from_secs(30);

/// Whether a message may be planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    /// It goes: with its mail, which the far box has under this name, or as text.
    Goes(Option<WholeId>),
    /// Its mail is on its way to the far box first.
    Waits,
}

/// What the worker of a link says of a message that is to be planned.
pub struct Asked<'a> {
    /// The far box that it goes to; `None` for the one by which this box reaches the world.
    pub far_box: Option<PeerId>,
    /// Address of the far box on the link; `None` where the link has one far end.
    pub address: Option<LinkAddress>,
    /// Largest packed mail that goes along; 0: none does.
    pub most: usize,
    /// The link charges nothing, and nobody pays for its bytes.
    pub free: bool,
    /// How long the message waits for its mail to be there, while the far box is.
    pub patience: Duration,
    /// It does not wait from then on.
    pub until: Time,
    /// The message that is to be planned.
    pub message: &'a Message,
}

/// A mail, by the far box that it goes to and the first message that was made from it.
type Key = (Option<PeerId>, Id);

/// All mails that one link sends and takes.
#[derive(Default)]
pub struct Wholes {
    going: BTreeMap<Key, Going>,
    coming: Coming,
    later: Later,
    /// Bytes of what was asked for, of here or there, that are not charged yet.
    bytes: u64,
}

/// What a link may do for mails that were not planned.
pub struct Terms {
    /// It charges nothing, and nobody pays for its bytes.
    pub free: bool,
    /// The budget of the link has room.
    pub room: bool,
    /// All that came as text is asked for, where that is free.
    pub fetch: bool,
}

/// A mail that goes along with its messages.
struct Going {
    /// A message of it waited last.
    seen: Time,
    /// How long it waited while the far box was there.
    waited: Duration,
    what: What,
}

/// How far the whole mail of a message is.
enum What {
    /// Its text says all of it, or it is larger than goes along.
    Text,
    /// It says more, and is not on its way.
    More,
    /// It is on its way, by this connection.
    Sending(u64, Box<Sending>),
    /// The far box has it: it said so on this connection.
    There(u64, WholeId),
    /// The far box would not take it on this connection.
    Refused(u64),
}

impl Wholes {
    /// Whether a message may be planned now.
    pub fn first(&mut self, context: &Context, link: &mut dyn Link, asked: &Asked<'_>) -> First {
        let (now, text) = (context.now(), First::Goes(None));
        let Some(mail) = asked.message.mail.as_ref().filter(|_| asked.most > 0 && asked.free) else { return text };
        let other = if asked.far_box.is_some() { &asked.message.from } else { &asked.message.to };
        if other.phone().is_some() {
            return text;
        }
        let key = (asked.far_box, mail.first);
        let going = self.going.entry(key).or_insert_with(|| {
            let what = if says_more(context, asked.message) { What::More } else { What::Text };
            Going { seen: now, waited: Duration::ZERO, what }
        });
        let before = std::mem::replace(&mut going.seen, now);
        if matches!(going.what, What::Text) {
            return text;
        }
        let full = self.is_full(asked.far_box);
        // It is there, as of a moment ago.
        let Some(going) = self.going.get_mut(&key) else { return text };
        // While the link is away nobody asks.
        going.waited += now.since(before).min(TURN);
        let over = going.waited >= asked.patience || now >= asked.until;
        let open = match link.wide(asked.address, true) {
            Wide::No | Wide::Open { metered: true, .. } => return text,
            Wide::Away if over => return text,
            Wide::Away => return First::Waits,
            Wide::Open { connection, .. } => connection,
        };
        match &going.what {
            What::There(connection, name) if *connection == open => return First::Goes(Some(*name)),
            What::Refused(connection) if *connection == open => return text,
            _ if over => return text,
            What::Sending(connection, _) if *connection == open => return First::Waits,
            _ if full => return First::Waits,
            _ => {}
        }
        going.what = match read(context, asked.message) {
            Some((packed, size)) if packed.len() <= asked.most => {
                What::Sending(open, Box::new(Sending::new(packed, size, 0, now)))
            }
            _ => What::Text,
        };
        if matches!(going.what, What::Text) { text } else { First::Waits }
    }

    /// The mail of a message that the far box is known to have, for the packet of that message.
    pub fn there(&self, far_box: Option<PeerId>, message: &Message) -> Option<WholeId> {
        match &self.going.get(&(far_box, message.mail.as_ref()?.first))?.what {
            What::There(_, name) => Some(*name),
            _ => None,
        }
    }

    /// True where the mail of a message says more than the text that goes over a link.
    pub fn says_more(&self, context: &Context, far_box: Option<PeerId>, message: &Message) -> bool {
        let Some(mail) = &message.mail else { return false };
        match self.going.get(&(far_box, mail.first)) {
            // One that is too large for this link is taken for text as well.
            Some(going) if !matches!(going.what, What::Text) => true,
            _ => says_more(context, message),
        }
    }

    fn sending(&mut self, far_box: Option<PeerId>) -> impl Iterator<Item = &mut Going> {
        let of = move |(key, _): &(&Key, &mut Going)| key.0 == far_box;
        self.going.iter_mut().filter(of).map(|(_, going)| going).filter(|it| matches!(it.what, What::Sending(..)))
    }

    /// True when no other mail should begin to go to a far box now.
    fn is_full(&mut self, far_box: Option<PeerId>) -> bool {
        let (mut count, mut bytes) = (0, 0_u32);
        for going in self.sending(far_box) {
            let What::Sending(_, sending) = &going.what else { continue };
            (count, bytes) = (count + 1, bytes.saturating_add(sending.left()));
        }
        count >= MOST_AT_ONCE || (count >= AT_ONCE && bytes >= BYTES_AT_ONCE)
    }

    /// Hears what a far box says of a whole mail.
    ///
    /// # Errors
    /// When the store fails.
    pub fn hear(
        &mut self,
        context: &Context,
        link: &mut dyn Link,
        (address, far_box): (Option<LinkAddress>, Option<PeerId>),
        frame: WholeFrame,
    ) -> Result<(), Fault> {
        let now = context.now();
        match frame {
            WholeFrame::Offer { name, packed, size, number } => {
                // What nobody asked for, or does not any more, is not taken.
                if number == 0 || self.later.awaits(context, far_box, (number, size))? {
                    self.coming.offered(context, far_box, name, (packed, size), number);
                }
            }
            WholeFrame::Piece { name, from, bytes } => self.coming.piece(far_box, name, from, &bytes),
            WholeFrame::Have { name, got } => {
                self.bytes += self.later.have(context, far_box, name, got);
                for going in self.sending(far_box) {
                    let What::Sending(connection, sending) = &mut going.what else { continue };
                    if sending.name == name {
                        sending.have(got, now);
                        if sending.progress() == Progress::There {
                            going.what = What::There(*connection, name);
                        }
                    }
                }
            }
            WholeFrame::Refuse { name, why } => {
                if why != WholeRefusal::TooLarge {
                    log::warn!("link: the far box does not take a whole mail: {why:?}; its text goes");
                }
                self.later.refuse(far_box, name);
                for going in self.sending(far_box) {
                    let What::Sending(connection, sending) = &mut going.what else { continue };
                    if sending.name == name {
                        sending.refuse();
                        going.what = What::Refused(*connection);
                    }
                }
            }
            WholeFrame::More { .. } | WholeFrame::Heard { .. } | WholeFrame::Want { .. } | WholeFrame::None { .. } => {
                if let Some(answer) = self.later.hear(context, far_box, &frame)? {
                    link.say(address, answer);
                }
            }
        }
        Ok(())
    }

    /// Keeps what came, answers it, and says what is next of what goes. `address` says where a far box is on the link. Gives
    /// the bytes that went for what was asked for.
    ///
    /// # Errors
    /// When the store fails.
    pub fn tend(
        &mut self,
        context: &Context,
        link: &mut dyn Link,
        address: impl Fn(Option<PeerId>) -> Option<LinkAddress>,
        terms: &Terms,
    ) -> Result<u64, Fault> {
        let now = context.now();
        let kept = self.coming.keep(context);
        for (far_box, frame) in kept.say {
            link.say(address(far_box), frame);
        }
        for (far_box, number, name) in kept.come {
            self.later.comes(context, far_box, number);
            if let Some(name) = name {
                beside::came(context, far_box, number, name)?;
            }
        }
        self.bytes += kept.bytes;
        self.later.tend(context, link, &address, terms)?;
        self.going.retain(|_, going| now < going.seen + FORGET);
        for ((far_box, _), going) in &mut self.going {
            let What::Sending(connection, sending) = &mut going.what else { continue };
            let to = address(*far_box);
            match link.wide(to, false) {
                Wide::Open { connection: open, .. } if open == *connection => {}
                // Nothing of it is lost: the far box says what it has when it is offered again.
                _ => {
                    going.what = What::More;
                    continue;
                }
            }
            sending.pump(now, |frame| link.say(to, frame));
        }
        Ok(std::mem::take(&mut self.bytes))
    }
}

fn says_more(context: &Context, message: &Message) -> bool {
    if message.mail.is_none() {
        return false;
    }
    !message.cut.is_empty() || raw(context, message).is_some_and(|mail| attached::says_more(&mail))
}

/// The mail of a message, packed, and its bytes.
fn read(context: &Context, message: &Message) -> Option<(Vec<u8>, usize)> {
    raw(context, message).map(|mail| (packed::pack(&mail), mail.len()))
}

fn raw(context: &Context, message: &Message) -> Option<Vec<u8>> {
    context.store.raw(message).unwrap_or_else(|fault| {
        log::warn!("link: {} goes as text: {fault}", message.id);
        None
    })
}
