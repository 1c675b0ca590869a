//! Whole mails in one payload with their packet ([`crate::link::enclosed`]): which go so and what they cost, and what comes out of
//! such a payload here.

use std::fmt;

use super::coming;
use crate::address::PeerId;
use crate::engine::Context;
use crate::engine::link::group::PacketGroup;
use crate::engine::link::market::Market;
use crate::engine::link::select::choose;
use crate::fault::Fault;
use crate::link::enclosed::{AROUND, CARRIED, Enclosed, MOST, NAMED};
use crate::link::whole::{WholeId, WholePlace};
use crate::links::LinkRecord;
use crate::message::words::size_of;
use crate::message::{Extent, Id, Message, Packet, PacketMail, Whole};
use crate::money::{Amount, Bill};
use crate::route::choose::{Policy, Route};
use crate::route::price;
use crate::settings::Settings;

/// A larger mail is not packed to find out what that takes: it goes as text.
const LARGEST: u64 = 4_000_000;

/// What a link lets go with a packet.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Bytes of one mail, packed.
    pub mail: usize,
    /// Bytes of all that goes in one payload.
    pub payload: usize,
}

/// Whole mails that go with one packet.
#[derive(Default)]
pub struct Enclosures(Vec<Enclosure>);

struct Enclosure {
    message: Id,
    place: WholePlace,
    /// The mail; `None` where it went, or goes, in the same bundle already.
    packed: Option<Vec<u8>>,
    /// What the message costs with it.
    bill: Option<Bill>,
}

impl Enclosure {
    fn bytes(&self) -> usize {
        NAMED + self.packed.as_ref().map_or(0, |packed| CARRIED + packed.len())
    }
}

impl Enclosures {
    /// Those of the messages of a packet, as far as there is room.
    ///
    /// # Errors
    /// When the store fails.
    pub fn of(
        context: &Context,
        group: &PacketGroup,
        packet: &Packet,
        messages: &[Message],
        room: Room,
    ) -> Result<Self, Fault> {
        let mut all = Self::default();
        let Some(fragment) = packet.peer.as_ref().filter(|_| room.mail > 0 && room.payload > 0) else { return Ok(all) };
        let peer = context.peer(packet.far_box)?;
        let Some((bundle, keys)) = peer.named(fragment.ticket).filter(|_| peer.takes_mails()) else { return Ok(all) };
        let policy = context.policy();
        let mut left = room.payload.saturating_sub(packet.payload.len() + AROUND);
        // What goes once more goes with the mail that went with it, which is lost as well; it was around the first fragment.
        let again = |message: &Message| message.whole == Some(Whole::Went);
        let goes = |message: &&Message| if fragment.repeat { again(message) } else { !message.is_final() };
        for message in messages.iter().filter(goes) {
            if all.0.len() == MOST {
                break;
            }
            let place = keys.iter().position(|key| *key == message.id.0).and_then(|place| u8::try_from(place).ok());
            let elsewhere = |other: &Packet| other.number != packet.number && other.mail_bytes(message.id) > 0;
            let went = match fragment.repeat {
                true => fragment.fragment > 0,
                false => group.packets.iter().any(elsewhere),
            };
            let Some(place) = place else { continue };
            let Some(packed) = packed(context, packet.far_box, message).filter(|it| it.len() <= room.mail) else {
                continue;
            };
            let place = WholePlace { bundle: bundle.0, place, name: WholeId::of(&packed) };
            let carried = went || all.0.iter().any(|known| known.place.name == place.name);
            let packed = Some(packed).filter(|_| !carried);
            let mut enclosure = Enclosure { message: message.id, place, packed, bill: None };
            if enclosure.bytes() > left {
                continue;
            }
            if !went && !fragment.repeat {
                let bill = with_mail(&policy, message, packet.far_box, AROUND + enclosure.bytes());
                if bill.as_ref().is_some_and(|bill| over_price(message, bill)) {
                    continue;
                }
                enclosure.bill = bill;
            }
            left -= enclosure.bytes();
            all.0.push(enclosure);
        }
        Ok(all)
    }

    /// True where the packet goes as it is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How the packet notes them.
    pub fn noted(&self) -> Vec<PacketMail> {
        let bytes = |at: usize, it: &Enclosure| it.bytes() + if at == 0 { AROUND } else { 0 };
        let noted = |(at, it): (usize, &Enclosure)| PacketMail {
            message: it.message,
            // No payload has 4 GB.
            bytes: u32::try_from(bytes(at, it)).unwrap_or(u32::MAX),
        };
        self.0.iter().enumerate().map(noted).collect()
    }

    /// What their messages cost with them.
    pub fn bills(&self) -> Vec<(Id, Bill)> {
        self.0.iter().filter_map(|it| Some((it.message, it.bill.clone()?))).collect()
    }

    /// Leaves out the mail of this message, for which a budget has no room; the largest one where no message is named. What names
    /// the same mail stays without it as well.
    pub fn leave_out(&mut self, message: Option<Id>) {
        let of = |it: &&Enclosure| message == Some(it.message);
        let largest = || self.0.iter().max_by_key(|it| it.bytes());
        let Some(out) = self.0.iter().find(of).or_else(largest).map(|it| (it.message, it.place.name)) else { return };
        let carries = self.0.iter().any(|it| it.message == out.0 && it.packed.is_some());
        self.0.retain(|it| it.message != out.0 && !(carries && it.place.name == out.1));
    }

    /// The payload in which a packet goes with them.
    pub fn around(&self, packet: &[u8]) -> Vec<u8> {
        if self.is_empty() {
            return packet.to_vec();
        }
        let places = self.0.iter().map(|it| it.place).collect();
        let mails = self.0.iter().filter_map(|it| Some((it.place.name, it.packed.as_deref()?))).collect();
        Enclosed { places, mails, packet }.bytes()
    }
}

/// The mail of a message, packed, where it says more than the text that goes over a link.
fn packed(context: &Context, far_box: Option<PeerId>, message: &Message) -> Option<Vec<u8>> {
    let other = if far_box.is_some() { &message.from } else { &message.to };
    message.mail.as_ref().filter(|mail| mail.size <= LARGEST && other.phone().is_none())?;
    let read = || super::read(context, message).map(|(packed, _)| packed);
    super::says_more(context, message).then(read).flatten()
}

/// The bill of a message that goes with so many bytes more, on the link of the policy.
fn with_mail(policy: &Policy, message: &Message, far_box: Option<PeerId>, more: usize) -> Option<Bill> {
    let mut bill = policy.bill(message)?;
    let extent = policy.size_of(message, far_box).best()?;
    if let Some(price) = policy.cheapest(far_box).and_then(|link| link.price) {
        bill.wanted.money = price.quote(Extent { bytes: extent.bytes + more, ..extent }).money;
    }
    Some(bill)
}

fn over_price(message: &Message, bill: &Bill) -> bool {
    message.terms.at_most.is_some_and(|most| bill.wanted.money > most)
}

/// Takes whole mails out of the payload in which they came: they are in files then, as if they had come before the packet. Gives
/// the places that the payload names; none where the owner of this box does not let mails go by this link, and takes none.
///
/// # Errors
/// Temporary when the disk fails.
pub fn keep(context: &Context, far_box: Option<PeerId>, enclosed: &Enclosed<'_>) -> Result<Vec<WholePlace>, Fault> {
    let (links, settings) = (context.store.links(), context.store.settings());
    let record = context.link.and_then(|link| links.get(link));
    if record.and_then(|record| most(record, &settings)).is_none() {
        log::warn!("link: whole mails came by a link that takes none: their text is kept");
        return Ok(Vec::new());
    }
    if coming::no_room(context) {
        log::warn!("link: there is no room for whole mails: their text is kept");
    } else {
        let files: Vec<_> = enclosed.mails.iter().map(|(name, mail)| (coming::file(far_box, *name), *mail)).collect();
        context.store.whole_keep(&files).map_err(Fault::temporary)?;
    }
    Ok(enclosed.places.clone())
}

/// Largest mail that goes along by a link, in bytes, packed; `None` where none does.
fn most(record: &LinkRecord, settings: &Settings) -> Option<usize> {
    let most = crate::link::driver(&record.driver)?.encloses.map(|of| of(&record.settings(settings)));
    most.filter(|most| *most > 0)
}

/// What becomes of the whole mail of a message that goes, or goes again, by a link that lets mails go with their packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailAlong {
    /// The link that takes the message, as things stand.
    pub link: String,
    /// Bytes of the mail, packed.
    pub packed: usize,
    /// Bytes of the mail as it came in, which is what every page says of it.
    pub size: u64,
    /// What the message costs there with its mail.
    pub price: Amount,
    /// Why its text goes alone; `None` where the mail goes along.
    pub bar: Option<MailBar>,
}

/// Why a mail does not go along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailBar {
    /// It is larger than this, in bytes.
    TooLarge(usize),
    /// The far box does not take mails so, as far as it has said.
    FarBox,
    /// The message may not cost so much.
    OverPrice,
    /// A budget has no room for it.
    Budget,
}

impl fmt::Display for MailAlong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { link, price, bar, .. } = self;
        let size = format!("{}, about {} on the line", size_of(self.size), size_of(self.packed as u64));
        let Some(bar) = bar else {
            return write!(f, "{link} takes the whole mail along, {size}: {price} with its text");
        };
        match bar {
            MailBar::TooLarge(most) => {
                write!(f, "{link} takes mails along that are up to {} on the line", size_of(*most as u64))?;
            }
            MailBar::FarBox => write!(f, "the far box has not said that it takes whole mails along")?,
            MailBar::OverPrice => write!(f, "with the whole mail it costs {price}, which is more than it may")?,
            MailBar::Budget => write!(f, "a budget has no room for the whole mail, {price} with its text")?,
        }
        write!(f, ": its text goes, and the mail stays here, {size}")
    }
}

/// What becomes of the whole mail of a message that goes now, or goes again; `None` where its text says all, or the link that takes it
/// lets no mails go along.
///
/// # Errors
/// When the store fails.
pub fn along(context: &Context, message: &Message) -> Result<Option<MailAlong>, Fault> {
    let Some(size) = message.mail.as_ref().map(|mail| mail.size) else { return Ok(None) };
    if !matches!(message.whole, None | Some(Whole::Here | Whole::Went)) {
        return Ok(None);
    }
    let policy = crate::engine::policy(&context.store);
    let Route::Link(far_box) = policy.choose(&message.to) else { return Ok(None) };
    let (market, links, settings) = (Market::now(context)?, context.store.links(), context.store.settings());
    let facts = market.facts(message);
    let choice = choose(&facts, &market.offers(&facts, far_box, &market.quotes(message, far_box)), context.now());
    let record = choice.link().and_then(|link| links.get(link));
    let Some((record, most)) = record.and_then(|record| Some((record, most(record, &settings)?))) else {
        return Ok(None);
    };
    let Some(packed) = packed(context, far_box, message).map(|packed| packed.len()) else { return Ok(None) };
    let policy = policy.for_link(record.id);
    let Some(bill) = with_mail(&policy, message, far_box, AROUND + NAMED + CARRIED + packed) else { return Ok(None) };
    let link = market.links().find(|link| link.terms.id == record.id);
    let bar = if packed > most {
        Some(MailBar::TooLarge(most))
    } else if !context.peer(far_box)?.takes_mails() {
        Some(MailBar::FarBox)
    } else if over_price(message, &bill) {
        Some(MailBar::OverPrice)
    } else if link.is_some_and(|link| !link.has_room(bill.wanted.money)) || is_short(context, message, &bill)? {
        Some(MailBar::Budget)
    } else {
        None
    };
    let price = price::amount(&settings, bill.wanted.money);
    Ok(Some(MailAlong { link: record.name.clone(), packed, size, price, bar }))
}

/// True where one of the budgets of a bill has no room for it in the place of what is reserved for the message.
fn is_short(context: &Context, message: &Message, bill: &Bill) -> Result<bool, Fault> {
    let month = price::month(&context.store.settings(), context.now());
    let mut used = context.store.read(|view| view.used_in(&month))?;
    let own = message.bill.as_ref().map(|bill| bill.reserved).unwrap_or_default();
    used.values_mut().for_each(|used| *used = used.minus(own));
    Ok(bill.over(bill.wanted, &used).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_mail_without_room_stays_behind() {
        let one = |id: u64, name: u8, packed: Option<usize>| Enclosure {
            message: Id(id),
            place: WholePlace { bundle: 1, place: 0, name: WholeId([name; 16]) },
            packed: packed.map(|bytes| vec![0; bytes]),
            bill: None,
        };
        let all = || Enclosures(vec![one(1, 1, Some(9)), one(2, 2, Some(99)), one(3, 1, None), one(4, 4, Some(50))]);
        let left = |out: Option<u64>| {
            let mut mails = all();
            mails.leave_out(out.map(Id));
            mails.0.iter().map(|it| it.message.0).collect::<Vec<_>>()
        };
        assert_eq!(left(Some(4)), [1, 2, 3]);
        assert_eq!(left(Some(3)), [1, 2, 4], "the mail that it names goes for another");
        assert_eq!(left(Some(1)), [2, 4], "what names it has it no more");
        assert_eq!(left(None), [1, 3, 4], "the largest");
    }
}
