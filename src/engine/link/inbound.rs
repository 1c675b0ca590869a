//! Packets from the air become messages: in one commit with the memory that this packet was taken.

use compact::letter::{Letter, Other};
use compact::peer::{BundleName, Peer, PeerTurn, needs_coder};

use super::peer::PeerEffects;
use super::unpack::{Arrival, Unpacker, apart};
use super::whole::arrived::{self, ArrivedMail};
use super::whole::beside::{self, CameBefore, MailBeside};
use super::whole::enclosed;
use crate::address::PeerId;
use crate::clock::Time;
use crate::coding::classic;
use crate::coding::parts;
use crate::engine::Context;
use crate::fault::Fault;
use crate::link::Inbound;
use crate::link::enclosed::Enclosed;
use crate::link::whole::WholePlace;
use crate::message::events::SetAside;
use crate::message::reason::{Unusable, Waits};
use crate::message::{Id, Reason};
use crate::settings::Key;
use crate::store::{Committed, Edition, PartIn, Tx, TxResult};

/// A turn of a session is taken anew so often when another link changed what is known of the far box.
const TRIES: u32 = 16;

/// A packet is offered so often before its whole mails are left out, which the disk does not take: its text is kept.
const MAIL_TRIES: u32 = 3;

/// Takes a packet in. Only with the token in hand may the other side forget it. `failed` counts how often its whole mails could
/// not be kept.
///
/// # Errors
/// Temporary when it has to be offered again: the disk is full, or nobody here can read it yet. Permanent when it never
/// can be read here.
pub fn take(context: &Context, inbound: &Inbound, failed: &mut u32) -> Result<Committed, Fault> {
    if context.store.read(|view| view.was_taken(&inbound.key))? {
        return Ok(Committed::default());
    }
    let far_box = context.far_box_at(inbound.device)?;
    let enclosed = Enclosed::read(&inbound.payload);
    let payload = enclosed.as_ref().map_or(&inbound.payload[..], |enclosed| enclosed.packet);
    // Nothing is unpacked for a packet that is not read.
    is_compact(context, payload)?;
    let wholes = match whole_mails(context, far_box, inbound, enclosed.as_ref()) {
        Err(fault) if !fault.is_permanent() && *failed < MAIL_TRIES => {
            *failed += 1;
            return Err(fault);
        }
        Err(fault) => {
            log::warn!("link: the whole mails of a packet cannot be kept, its text is: {fault}");
            Vec::new()
        }
        Ok(wholes) => wholes,
    };
    for _ in 0..TRIES {
        if let Some(committed) = try_take(context, inbound, payload, &wholes)? {
            return Ok(committed);
        }
    }
    Err(busy())
}

/// The whole mails that came with a packet, or before it.
fn whole_mails(
    context: &Context,
    far_box: Option<PeerId>,
    inbound: &Inbound,
    enclosed: Option<&Enclosed<'_>>,
) -> Result<Vec<(WholePlace, ArrivedMail)>, Fault> {
    match enclosed {
        Some(enclosed) => arrived::named(context, far_box, &enclosed::keep(context, far_box, enclosed)?),
        None => arrived::named(context, far_box, &inbound.wholes),
    }
}

/// True for a packet of the compact coding, or of the session; false for a classic one.
///
/// # Errors
/// Permanent where this box does not speak it. Temporary while the coder is not ready that it needs.
fn is_compact(context: &Context, payload: &[u8]) -> Result<bool, Fault> {
    match (context.speaks_compact(), payload.first().is_some_and(|first| *first >= 0x80)) {
        (false, true) => Err(Fault::refused(Unusable::CompactOff)),
        (true, true) if needs_coder(payload) && !context.coder().ready() => Err(Fault::Temporary(Waits::Coder.into())),
        (speaks, _) => Ok(speaks),
    }
}

/// `None` when the far box is not known any more as it was read.
fn try_take(
    context: &Context,
    inbound: &Inbound,
    payload: &[u8],
    wholes: &[(WholePlace, ArrivedMail)],
) -> Result<Option<Committed>, Fault> {
    let far_box = context.far_box_at(inbound.device)?;
    let unpacker = Unpacker::new(context, far_box)?.with_wholes(wholes.to_vec());
    let received = match is_compact(context, payload)? {
        false => Received { classic: Some((payload.to_vec(), None, None)), ..Received::default() },
        true => {
            let (mut peer, before) = context.peer_as_read(far_box)?;
            let turn = context.in_session(far_box, |session| peer.receive(session, payload));
            Received::new(context, far_box, peer, before, turn)
        }
    };
    let beside = received.beside(context, far_box, wholes)?;
    let (key, now) = (inbound.key.clone(), unpacker.now);
    let (committed, current) = context.store.commit_in(move |tx| match received.is_current(tx) {
        false => Ok((Vec::new(), false)),
        true if tx.remember(&key, now)? => {
            let mut ids = received.keep(tx, Some(&unpacker), now)?;
            for mail in &beside {
                ids.extend(mail.put(tx)?);
            }
            Ok((ids, true))
        }
        true => Ok((Vec::new(), true)),
    })?;
    for id in committed.ids() {
        log::info!("{id} came from the air");
    }
    Ok(Some(committed).filter(|_| current))
}

fn busy() -> Fault {
    Fault::temporary("the other links change what is known of the far box all the time")
}

/// Does what is due in the session with a far box; what could be read by now is delivered. `prompt` where a packet costs next
/// to nothing ([`PeerRules::prompt`](compact::peer::PeerRules)). True where more may be read once the coder is ready.
///
/// # Errors
/// When the store fails.
pub fn tick(context: &Context, far_box: Option<PeerId>, prompt: bool) -> Result<bool, Fault> {
    for _ in 0..TRIES {
        let (mut peer, before) = context.peer_as_read(far_box)?;
        let turn = context.in_session(far_box, |session| {
            session.rules.prompt = prompt;
            peer.tick(session)
        });
        let waits = turn.waits_for_model;
        let received = Received::new(context, far_box, peer, before, turn);
        let unpacker = if received.messages.is_empty() { None } else { Some(Unpacker::new(context, far_box)?) };
        let now = context.now();
        let kept = context.store.write(move |tx| match received.is_current(tx) {
            true => received.keep(tx, unpacker.as_ref(), now).map(|_| true),
            false => Ok(false),
        })?;
        if kept {
            return Ok(waits);
        }
    }
    Err(busy())
}

/// What a turn of the session brought.
#[derive(Default)]
struct Received {
    /// A classic packet, its name, and whose it is.
    classic: Option<(Vec<u8>, Option<BundleName>, Option<String>)>,
    /// Messages that answer one of ours, as the far box says: where they came, and the number of ours.
    answering: Vec<((BundleName, u8), u64)>,
    messages: Vec<Arrival>,
    /// Messages that came before in another bundle: where they are named now, and what they say.
    repeated: Vec<((BundleName, u8), Letter)>,
    /// What the session asks besides.
    effects: Option<PeerEffects>,
}

impl Received {
    fn new(context: &Context, far_box: Option<PeerId>, peer: Peer, before: Edition, mut turn: PeerTurn) -> Self {
        let places = std::mem::take(&mut turn.places).into_iter().map(Some).chain(std::iter::repeat(None));
        let whole = std::mem::take(&mut turn.messages).into_iter().zip(places);
        let truncated = std::mem::take(&mut turn.truncated).into_iter().map(|message| (message, None));
        let named = |message: &Letter| match &message.other {
            Other::Address(address) => peer.display_name(address).map(str::to_owned),
            Other::Index(_) => None,
        };
        let answering = std::mem::take(&mut turn.answering);
        let arrival =
            |(message, place)| Arrival { name: named(&message), answers: answered(&answering, place), message, place };
        let messages = whole.chain(truncated).map(arrival).collect();
        let classic = turn.classic.take().map(|packet| (packet, turn.classic_name.take(), turn.classic_person.take()));
        let repeated = std::mem::take(&mut turn.repeated);
        Self {
            classic,
            answering,
            messages,
            repeated,
            effects: Some(PeerEffects::new(context, far_box, peer, before, turn)),
        }
    }

    /// See [`PeerEffects::is_current`].
    fn is_current(&self, tx: &Tx) -> bool {
        self.effects.as_ref().is_none_or(|effects| effects.is_current(tx))
    }

    /// The whole mails that came for messages which are here already, by another link.
    fn beside(
        &self,
        context: &Context,
        far_box: Option<PeerId>,
        wholes: &[(WholePlace, ArrivedMail)],
    ) -> Result<Vec<MailBeside>, Fault> {
        let mut beside = Vec::new();
        for (place, mail) in wholes {
            let at = (BundleName(place.bundle), place.place);
            let classic = self.classic.as_ref().is_some_and(|(_, name, _)| *name == Some(at.0));
            if classic || self.messages.iter().any(|arrival| arrival.place == Some(at)) {
                continue;
            }
            let says = self.repeated.iter().find(|(known, _)| *known == at);
            let says = says.map(|(_, letter)| (letter.subject.as_str(), letter.text.as_str()));
            beside.extend(beside::came_before(context, far_box, &CameBefore { place, mail, says })?);
        }
        Ok(beside)
    }

    fn keep(&self, tx: &mut Tx, unpacker: Option<&Unpacker>, now: Time) -> TxResult<Vec<Id>> {
        let mut ids = Vec::new();
        if let Some(unpacker) = unpacker {
            if let Some((payload, name, person)) = &self.classic {
                match classic::decode(payload) {
                    Ok(packet) => {
                        let end = unpacker.end(tx, person.as_deref())?;
                        let answers = answered(&self.answering, name.map(|name| (name, 0)));
                        ids.extend(unpacker.packet(tx, &packet, payload, (*name, answers), &end)?);
                    }
                    Err(why) => unpacker.set_aside(tx, Unusable::NotClassic { why: why.to_string() }, payload)?,
                }
            }
            for arrival in &self.messages {
                ids.extend(unpacker.compact(tx, arrival)?);
            }
        }
        self.effects.as_ref().map_or(Ok(()), |effects| effects.apply(tx, now))?;
        Ok(ids)
    }
}

/// Which message of ours the one that came there answers.
fn answered(answering: &[((BundleName, u8), u64)], place: Option<(BundleName, u8)>) -> Option<Id> {
    answering.iter().find(|(came, _)| Some(*came) == place).map(|(_, key)| Id(*key))
}

/// Sets aside what a link could not even read.
///
/// # Errors
/// When the store fails.
pub fn poison(context: &Context, bytes: &[u8], why: &Reason) -> Result<(), Fault> {
    let (bytes, why, now) = (bytes.to_vec(), why.clone(), context.now());
    log::warn!("link: a packet from the air is in quarantine: {why}");
    context.store.write(move |tx| tx.set_aside("link", SetAside::Packet(None), why.clone(), &bytes, now))
}

/// Delivers the parts of messages that will not be complete any more, as they are.
///
/// # Errors
/// When the store fails.
pub fn give_up_on_parts(context: &Context) -> Result<(), Fault> {
    let limit = context.now() - context.store.settings().span(Key::AirPartsWait);
    for (set, parts) in context.store.read(|view| view.stale_parts(limit))? {
        let Some((_, first)) = parts.first().cloned() else { continue };
        let unpacker = Unpacker::new(context, first.device.parse().ok())?;
        let text = incomplete(&parts, first.total);
        context.store.write(move |tx| {
            tx.drop_parts(&set)?;
            let (subject, body) = apart(&first.other, &text);
            let end = unpacker.end(tx, None)?;
            match unpacker.message(&first.other, &end, subject, body) {
                Ok(message) => tx.add(&arrived::with_mail(&[], message)).map(drop),
                Err(why) => unpacker.set_aside(tx, why, text.as_bytes()),
            }
        })?;
    }
    Ok(())
}

/// The parts there are, with a line for each that is missing.
fn incomplete(parts: &[(u16, PartIn)], total: u16) -> String {
    let part = |number: u16| match parts.iter().find(|(have, _)| *have == number) {
        Some((_, part)) => parts::parse(&part.text).map_or(part.text.clone(), |mark| mark.rest.to_owned()),
        None => format!("\n[part {number} of {total} did not arrive]\n"),
    };
    (1..=total).map(part).collect()
}
