//! Whole mails in the turns of the worker: which messages wait for theirs, and which packets name them.

use std::time::Duration;

use super::LinkWorker;
use crate::address::{LinkAddress, PeerId};
use crate::clock::Time;
use crate::engine::link::group::PacketGroup;
use crate::engine::link::whole::enclosed::{Enclosures, Room};
use crate::engine::link::whole::{Asked, First, Terms, request};
use crate::fault::Fault;
use crate::link::whole::{PIECE, WholeFrame, WholePlace};
use crate::links::LinkBudget;
use crate::links::LinkRecord;
use crate::message::{Id, Message, Packet, Whole};
use crate::money::Money;
use crate::settings::Key;
use crate::store::MailHere;

/// A message waits for its mail as long as it would wait for a cheaper link, and for so long at least: a slow line takes that
/// for a photo. The same for an urgent one.
const LEAST: Duration = Duration::from_secs(600);
const LEAST_URGENT: Duration = Duration::from_secs(60);

impl LinkWorker<'_> {
    /// Hears what a far box says of a whole mail.
    pub(super) fn hear_whole(&mut self, device: Option<LinkAddress>, frame: WholeFrame) -> Result<(), Fault> {
        let far_box = self.context.far_box_at(device)?;
        self.wholes.hear(self.context, &mut *self.link, (device, far_box), frame)
    }

    /// Keeps what came of whole mails, says what is next of those that go, and charges what was asked for.
    pub(super) fn tend_wholes(&mut self) -> Result<(), Fault> {
        if self.whole_most == 0 {
            return Ok(());
        }
        let (context, reach) = (self.context, self.driver.reach);
        let people = context.store.people();
        let address =
            |far_box: Option<PeerId>| people.far_box(far_box?).and_then(|far_box| reach.address(&far_box.addresses));
        let own = self.market.links().find(|link| link.terms.id == self.id);
        let price = own.and_then(|link| link.terms.price);
        let least = price.map_or(Money(0), |price| request::of(&price, PIECE as u64));
        let terms = Terms {
            free: self.gathering.prompt,
            room: own.is_some_and(|link| least == Money(0) || link.has_room(least)),
            fetch: context.store.settings().on(Key::AirGetWhole),
        };
        let budget = own.map(|link| link.budget);
        let bytes = self.wholes.tend(context, &mut *self.link, address, &terms)?;
        if let (Some(budget), true) = (budget, bytes > 0 && price.is_some_and(|price| !price.is_nothing())) {
            let (id, now, extent) = (self.id, context.now(), request::extent(bytes));
            let price = context.store.links().get(id).and_then(LinkRecord::price);
            // It went, whatever the budget says now: it is booked, and keeps the next one from going.
            let beyond = context.store.write(move |tx| {
                let (charged, beyond) = match tx.charge(id, &budget, (price, extent), (true, now))? {
                    Err(why) => (tx.charge(id, &LinkBudget::default(), (price, extent), (true, now))?, Some(why)),
                    charged => (charged, None),
                };
                charged.map_or(Ok(()), |charge| tx.spend_own(charge.money))?;
                Ok(beyond)
            })?;
            if let Some(why) = beyond {
                log::warn!("link: {bytes} bytes of whole mails went beyond a budget: {why:?}");
            }
        }
        Ok(())
    }

    /// True while the mail of a message goes to the far box before it.
    pub(super) fn waits_for_whole(&mut self, far_box: Option<PeerId>, message: &Message) -> bool {
        let facts = self.market.facts(message);
        let asked = Asked {
            far_box,
            address: self.address(far_box),
            most: self.whole_most,
            free: self.gathering.prompt,
            patience: facts.patience.max(if facts.urgent { LEAST_URGENT } else { LEAST }),
            // Half of its time is left for its text.
            until: facts.by.map_or(Time::NEVER, |by| facts.since + by.since(facts.since) / 2),
            message,
        };
        let waits = self.wholes.first(self.context, &mut *self.link, &asked) == First::Waits;
        match waits {
            true => self.waits_whole.insert(message.id),
            false => self.waits_whole.remove(&message.id),
        };
        waits
    }

    /// True while the mail of one of the messages of a packet goes to the far box before it: what was planned before a crash,
    /// or before the connection broke.
    pub(super) fn packet_waits(&mut self, packet: &Packet) -> Result<bool, Fault> {
        if self.whole_most == 0 || packet.is_extra() || packet.peer.is_none() {
            return Ok(false);
        }
        let mut waits = false;
        for message in self.messages_of(packet)? {
            waits |= self.waits_for_whole(packet.far_box, &message);
        }
        Ok(waits)
    }

    /// The mails of the messages of a packet that the far box has, as the packet names them.
    pub(super) fn whole_places(&self, packet: &Packet, messages: &[Message]) -> Result<Vec<WholePlace>, Fault> {
        let Some(ticket) = packet.peer.as_ref().map(|place| place.ticket).filter(|_| self.whole_most > 0) else {
            return Ok(Vec::new());
        };
        let there = |message: &&Message| self.wholes.there(packet.far_box, message).is_some();
        let messages: Vec<_> = messages.iter().filter(there).collect();
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let peer = self.context.peer(packet.far_box)?;
        let Some((bundle, keys)) = peer.named(ticket) else { return Ok(Vec::new()) };
        let mut places = Vec::new();
        for message in messages {
            let place = keys.iter().position(|key| *key == message.id.0).and_then(|place| u8::try_from(place).ok());
            if let (Some(place), Some(name)) = (place, self.wholes.there(packet.far_box, message)) {
                places.push(WholePlace { bundle: bundle.0, place, name });
            }
        }
        Ok(places)
    }

    /// The whole mails that go in one payload with a packet.
    pub(super) fn enclosures(
        &self,
        group: &PacketGroup,
        packet: &Packet,
        messages: &[Message],
    ) -> Result<Enclosures, Fault> {
        let room = Room { mail: self.enclosed_most, payload: self.link.encloses(self.address(packet.far_box)) };
        Enclosures::of(self.context, group, packet, messages, room)
    }

    /// True where whole mails go along with their messages.
    pub(super) fn carries_wholes(&self) -> bool {
        self.whole_most > 0 && self.gathering.prompt
    }

    /// Writes at the messages of a packet that the link took, or may have taken, where their whole mails are.
    pub(super) fn note_wholes(
        &self,
        packet: &Packet,
        messages: &[Message],
        places: &[WholePlace],
    ) -> Result<(), Fault> {
        let mut news: Vec<(Id, Whole, Option<MailHere>)> = Vec::new();
        for message in messages.iter().filter(|message| message.mail.is_some()) {
            let went = self.wholes.there(packet.far_box, message);
            let went = went.is_some_and(|name| places.iter().any(|place| place.name == name));
            let went = went || packet.mail_bytes(message.id) > 0;
            let whole = match (went, &message.whole) {
                (true, _) => Whole::Went,
                (false, Some(Whole::Went)) => Whole::Here,
                (false, None) if self.wholes.says_more(self.context, packet.far_box, message) => Whole::Here,
                (false, _) => continue,
            };
            if message.whole.as_ref() != Some(&whole) {
                // Where its text goes, so that the far box can be told.
                let peer = self.context.peer(packet.far_box)?;
                let bundle = packet.peer.as_ref().and_then(|place| peer.named(place.ticket));
                let here = bundle.and_then(|(name, keys)| {
                    let place = keys.iter().position(|key| *key == message.id.0)?;
                    let (message, far_box) = (message.id, packet.far_box);
                    Some(MailHere { message, far_box, bundle: name.0, place: u8::try_from(place).ok()? })
                });
                news.push((message.id, whole, here));
            }
        }
        if news.is_empty() {
            return Ok(());
        }
        self.context.store.write(move |tx| {
            let mut notes = tx.whole_notes()?;
            for (id, whole, here) in &news {
                if tx.find(*id)?.is_some() {
                    tx.change(*id, |message| message.whole = Some(whole.clone()))?;
                }
                notes.here.retain(|mail| mail.message != *id);
                notes.here.extend(here.filter(|_| *whole == Whole::Here));
            }
            tx.put_whole_notes(notes)
        })
    }

    /// The messages of a packet, as they are now.
    pub(super) fn messages_of(&self, packet: &Packet) -> Result<Vec<Message>, Fault> {
        let ids = packet.messages.clone();
        let read = move |id: &Id| self.context.store.message(*id).transpose();
        ids.iter().filter_map(read).filter(|item| !item.as_ref().is_err_and(Fault::is_permanent)).collect()
    }
}
