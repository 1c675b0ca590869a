//! Whole mails that far boxes send: pieces come into files, and what is said of them is said of what is on disk.

use std::collections::BTreeMap;

use crate::address::PeerId;
use crate::engine::Context;
use crate::engine::link::session;
use crate::link::whole::{WholeFrame, WholeId, WholeRefusal};
use crate::settings::Key;

/// Most bytes of mails that wait for their messages.
const MOST: u64 = 512 * 1024 * 1024;
/// Most of those mails, of whatever size.
const MOST_FILES: usize = 4096;

/// All that come by one link.
#[derive(Default)]
pub struct Coming(BTreeMap<(Option<PeerId>, WholeId), Mail>);

/// What was written down.
#[derive(Default)]
pub struct Kept {
    /// What is to be said of it.
    pub say: Vec<(Option<PeerId>, WholeFrame)>,
    /// What was asked for, by far box and the number of its message; with its name where all of it is here.
    pub come: Vec<(Option<PeerId>, u64, Option<WholeId>)>,
    /// Packed bytes that were written down for mails that were asked for.
    pub bytes: u64,
}

/// How much of a mail that comes is here.
struct Mail {
    packed: u64,
    /// Packed bytes that are synced to the disk.
    got: u64,
    /// What came behind them.
    behind: Vec<u8>,
    /// The far box is to be told how much is here.
    tell: bool,
    /// All was here once, and was not what its name says.
    damaged: bool,
    refused: Option<WholeRefusal>,
    /// The message of the far box that was asked for; 0: it goes along with a packet.
    number: u64,
}

/// The name of the file in which a mail of a far box comes.
pub fn file(far_box: Option<PeerId>, name: WholeId) -> String {
    format!("{}-{}", session::name(far_box), name.digits())
}

impl Coming {
    /// A far box offers a mail of so many packed bytes, and bytes.
    pub fn offered(
        &mut self,
        context: &Context,
        far_box: Option<PeerId>,
        name: WholeId,
        (packed, size): (u32, u32),
        number: u64,
    ) {
        let most = u64::try_from(context.store.settings().number(Key::SmtpMaxSize)).unwrap_or_default();
        let refused = match (u64::from(packed.max(size)) > most, no_room(context)) {
            (true, _) => Some(WholeRefusal::TooLarge),
            (_, true) => Some(WholeRefusal::NoRoom),
            (false, false) => None,
        };
        let got = context.store.whole_got(&file(far_box, name)).unwrap_or_else(|error| {
            log::warn!("link: what came of a whole mail cannot be read, it begins anew: {error}");
            0
        });
        let (damaged, packed) = (self.0.get(&(far_box, name)).is_some_and(|mail| mail.damaged), u64::from(packed));
        let mail = Mail { packed, got, behind: Vec::new(), tell: true, damaged, refused, number };
        self.0.insert((far_box, name), mail);
    }

    /// Some bytes of it came; what does not follow what is here is dropped, and comes again.
    pub fn piece(&mut self, far_box: Option<PeerId>, name: WholeId, from: u32, bytes: &[u8]) {
        let Some(mail) = self.0.get_mut(&(far_box, name)) else { return };
        let have = mail.got + mail.behind.len() as u64;
        if u64::from(from) == have && have + bytes.len() as u64 <= mail.packed {
            mail.behind.extend_from_slice(bytes);
        }
    }

    /// Writes down what came.
    pub fn keep(&mut self, context: &Context) -> Kept {
        let mut kept = Kept::default();
        for ((far_box, name), mail) in &mut self.0 {
            if mail.behind.is_empty() && !mail.tell {
                continue;
            }
            let before = mail.got;
            if mail.refused.is_none() {
                mail.keep(context, &file(*far_box, *name), *name);
            }
            mail.tell = false;
            // No mail has 4 GB.
            let got = u32::try_from(mail.got).unwrap_or(u32::MAX);
            if mail.number > 0 && mail.refused.is_none() {
                kept.bytes += mail.got.saturating_sub(before);
                kept.come.push((*far_box, mail.number, Some(*name).filter(|_| mail.got >= mail.packed)));
            }
            kept.say.push((
                *far_box,
                match mail.refused {
                    Some(why) => WholeFrame::Refuse { name: *name, why },
                    None => WholeFrame::Have { name: *name, got },
                },
            ));
        }
        self.0.retain(|_, mail| mail.refused.is_none() && mail.got < mail.packed);
        kept
    }
}

impl Mail {
    fn keep(&mut self, context: &Context, file: &str, name: WholeId) {
        let behind = std::mem::take(&mut self.behind);
        if !behind.is_empty() {
            match context.store.whole_append(file, self.got, &behind) {
                Ok(got) => self.got = got,
                Err(error) => {
                    log::warn!("link: a whole mail cannot be kept, its text comes: {error}");
                    self.refused = Some(WholeRefusal::NoRoom);
                    return;
                }
            }
        }
        if self.got < self.packed {
            return;
        }
        let bytes = context.store.whole_bytes(file).ok().flatten().unwrap_or_default();
        if bytes.len() as u64 != self.packed || WholeId::of(&bytes) != name {
            context.store.whole_drop(file);
            log::warn!("link: what came of a whole mail is not what it is named");
            self.got = 0;
            self.refused = self.damaged.then_some(WholeRefusal::Damaged);
            self.damaged = true;
        }
    }
}

/// True where the disk is short, or too many mails wait for their messages.
pub fn no_room(context: &Context) -> bool {
    let short = context.store.disk_room().is_ok_and(|room| room.is_short());
    short || context.store.wholes_here().is_ok_and(|(count, bytes)| count >= MOST_FILES || bytes > MOST)
}
