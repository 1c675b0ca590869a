//! The sessions with the far boxes: what [`Peer`] knows of each, and what it asks of this box, kept in one commit with the
//! messages and packets that it is about. The states of a session are drawn in [`compact::peer`].
//!
//! What is known of a peer is read before a commit and written in it: only if nobody changed it in between.

use std::collections::BTreeMap;

use compact::packet::Form;
use compact::peer::turn::{PeerChange, PeerFlaw, PlanRefusal, ResendCause};
use compact::peer::{OutgoingPacket, Peer, PeerContext, PeerRules, PeerTurn};

use super::coders::{CoderHandle, models};
use super::commit;
use super::crew;
use super::fate::{self, Heard};
use super::give_back;
use super::session;
pub(super) use super::session::in_tx;
use super::session::read;
pub use super::session::{change, far_box, put, rules, unchanged};
use crate::address::{LinkAddress, PeerId};
use crate::clock::Time;
use crate::coding::messages::{self, Codec};
use crate::engine::Context;
use crate::engine::outcome::{self, Bounce};
use crate::engine::position;
use crate::fault::Fault;
use crate::link::Driver;
use crate::links::LinkRecord;
use crate::message::events::{EventKind, FarBoxChange, SetAside};
use crate::message::reason::{Acknowledged, FarBoxReason, LinkReason, Unusable};
use crate::message::{Id, LinkId, Message, Packet, PacketState, PeerFragment, Reason, Reference, State};
use crate::money::Bill;
use crate::route::choose::Route;
use crate::route::{plan, segments};
use crate::settings::Key;
use crate::store::{Edition, Event, Track, Tx, TxResult};

/// A message that the far box asks for again gets at least this much time.
const ONCE_MORE: std::time::Duration = std::time::Duration::from_secs(86_400);

/// When something is due in the session with a far box; in the past: now. `prompt` where a packet costs next to nothing.
///
/// # Errors
/// When the store fails.
pub fn due(context: &Context, far_box: Option<PeerId>, prompt: bool) -> Result<Option<Time>, Fault> {
    let rules = PeerRules { prompt, ..rules(&context.store.settings()) };
    Ok(context.peer(far_box)?.due(&rules).map(Time))
}

impl Context {
    /// True when this box speaks, and reads, more than the classic coding.
    pub fn speaks_compact(&self) -> bool {
        !models(self.store.settings().text(Key::AirCompact)).is_empty()
    }

    /// The coders of this box; without a model where the compact coding is off.
    pub fn coder(&self) -> CoderHandle {
        self.coders.of(models(self.store.settings().text(Key::AirCompact)))
    }

    /// What is known of a far box.
    ///
    /// # Errors
    /// When the store fails.
    pub fn peer(&self, far_box: Option<PeerId>) -> Result<Peer, Fault> {
        self.peer_as_read(far_box).map(|(peer, _)| peer)
    }

    /// The same, with its edition: what is worked out from it is kept only while it is still that one ([`unchanged`]), as
    /// each link has a worker of its own.
    ///
    /// # Errors
    /// When the store fails.
    pub fn peer_as_read(&self, far_box: Option<PeerId>) -> Result<(Peer, Edition), Fault> {
        let (mut peer, edition) = read(&self.store, far_box)?;
        if far_box.is_none() {
            crew::introduce(&self.policy(), &mut peer);
            peer.is_here(position::on_air(self));
        }
        Ok((peer, edition))
    }

    /// Does something in the session with a far box, by the settings of this moment.
    pub fn in_session<T>(&self, far_box: Option<PeerId>, act: impl FnOnce(&mut PeerContext) -> T) -> T {
        let settings = self.store.settings();
        let mut coder = self.coder();
        // Toward a far box this box speaks for the world.
        let mut codec = Codec { coding: &mut coder, from_device: far_box.is_none() };
        let (now, policy) = (self.now().0, self.policy());
        let (room, step) = (policy.max_payload(far_box), policy.step(far_box));
        let (transit, mails) = (self.transit(far_box), self.takes_mails(far_box));
        let mut rules = PeerRules { transit, mails, ..rules(&settings) };
        rules.position.rides &= position::rides(&policy, far_box);
        act(&mut PeerContext { codec: &mut codec, now, room, step, rules })
    }

    /// So long, in milliseconds, may a packet be on its way to a far box, by the slowest of the links that lead there.
    fn transit(&self, far_box: Option<PeerId>) -> i64 {
        self.of_links(far_box, |link, _| session::transit(link)).max().unwrap_or_default()
    }

    /// True where a link that leads to a far box lets whole mails go with packets, and its owner has that.
    fn takes_mails(&self, far_box: Option<PeerId>) -> bool {
        let settings = self.store.settings();
        let most = |link: &LinkRecord, driver: &Driver| driver.encloses.map(|of| of(&link.settings(&settings)));
        self.of_links(far_box, most).flatten().any(|most| most > 0)
    }

    /// Something of each link that leads to a far box.
    fn of_links<T>(&self, far_box: Option<PeerId>, of: impl Fn(&LinkRecord, &Driver) -> T) -> impl Iterator<Item = T> {
        let (links, people) = (self.store.links(), self.store.people());
        let addresses = far_box.and_then(|id| people.far_box(id)).map(|known| known.addresses.as_slice());
        let ways = links.iter().filter_map(|link| {
            let driver = crate::link::driver(&link.driver).filter(|driver| driver.reach.includes(addresses))?;
            Some(of(link, driver))
        });
        ways.collect::<Vec<_>>().into_iter()
    }

    /// The form in which a far box reads messages; `None`: the classic coding.
    pub fn form(&self, peer: &Peer, far_box: Option<PeerId>) -> Option<Form> {
        self.in_session(far_box, |session| peer.form(session.codec))
    }

    /// Bytes that a message takes alone, before it is cut, in the coding that its far box reads; `None` when that is the
    /// classic one, or the coder is not there: it is waited for, some seconds at most, if `patient`.
    pub fn measure(&self, message: &Message, patient: bool) -> Option<usize> {
        let Route::Link(far_box) = self.policy().choose(&message.to) else { return None };
        let peer = self.peer(far_box).ok().filter(|_| self.speaks_compact())?;
        match self.form(&peer, far_box)? {
            Form::Model(number) => {
                let coder = self.coder();
                let there = if patient { coder.has_soon(number) } else { coder.has(number) };
                there.then_some(())?;
            }
            Form::Stored => {}
        }
        let on_air = self.on_air(message, far_box);
        Some(self.in_session(far_box, |session| peer.measure(session, &on_air)).0)
    }

    /// A message as it goes over the air. The person on the station is named unless the far end knows without.
    pub fn on_air(&self, message: &Message, far_box: Option<PeerId>) -> compact::letter::Letter {
        let policy = self.policy();
        let (other, person) = match far_box {
            Some(id) => {
                let first = policy.people.first_of(id).map(|first| first.name.clone());
                let to =
                    message.to.mailbox().filter(|to| policy.is_ours(to)).and_then(|to| policy.people.addressed(to));
                let named = to.filter(|person| person.far_box == Some(id) && Some(&person.name) != first.as_ref());
                (&message.from, named.map(|person| person.name_at_sea().to_owned()))
            }
            None => (&message.to, crew::writer(&policy, message)),
        };
        match other.phone() {
            Some(_) => {
                let text = segments::text_for_phone(&message.subject, &message.text);
                messages::on_air(person, other.to_string(), "", &text)
            }
            None => messages::on_air(person, other.to_string(), &message.subject, &message.text),
        }
    }
}

/// The name of a packet that the far box has, and of which the link does not know its own.
pub fn confirmed(packet: &Packet) -> Reference {
    Reference { holder: "confirmed".to_owned(), number: packet.number }
}

/// Packets that the session wants to go out, in groups: those of a bundle, and of the same messages, belong together.
pub fn groups(send: &[OutgoingPacket], far_box: Option<PeerId>, link: LinkId, now: Time) -> Vec<Vec<Packet>> {
    let together = |one: &OutgoingPacket, next: &OutgoingPacket| {
        one.ticket == next.ticket || (!one.messages.is_empty() && one.messages == next.messages)
    };
    let packet = |(part, parts): (u16, u16), out: &OutgoingPacket| Packet {
        number: 0,
        messages: out.messages.iter().map(|key| Id(*key)).collect(),
        group: 0,
        part,
        parts,
        far_box,
        address: None,
        link,
        payload: out.payload.clone(),
        state: PacketState::Planned,
        at: now,
        note: if out.repeat { LinkReason::NoReceipt.into() } else { Reason::default() },
        ask: Time(0),
        taking_back: false,
        peer: Some(PeerFragment {
            ticket: out.ticket,
            fragment: out.fragment,
            fragments: out.fragments,
            receipt: out.receipt,
            needless: false,
            repeat: out.repeat,
            arrived: false,
            bill: None,
        }),
        charge: None,
        mails: Vec::new(),
    };
    let group = |group: &[OutgoingPacket]| {
        let parts = u16::try_from(group.len()).unwrap_or(u16::MAX);
        (1..=parts).zip(group).map(|(part, out)| packet((part, parts), out)).collect()
    };
    send.chunk_by(together).map(group).collect()
}

/// What a session asks of the box besides messages that came in, ready to be written.
pub struct PeerEffects {
    far_box: Option<PeerId>,
    /// Where that far box is, for the records.
    address: Option<LinkAddress>,
    /// The link by which it goes on.
    link: Option<LinkId>,
    /// As it is after the turn, and as it was read before.
    peer: Peer,
    before: Edition,
    turn: PeerTurn,
    /// What messages that go once more cost then.
    bills: BTreeMap<u64, Bill>,
    unconfirmed: Vec<Bounce>,
    /// What became of messages behind the far box.
    heard: Vec<Heard>,
    people: crew::News,
}

impl PeerEffects {
    /// What a turn of the session asks; the peer is as it is after it, and was read as `before`.
    pub fn new(context: &Context, far_box: Option<PeerId>, peer: Peer, before: Edition, turn: PeerTurn) -> Self {
        let messages = turn.unconfirmed.iter().filter_map(|key| context.store.message(Id(*key)).ok().flatten());
        let unconfirmed =
            messages.map(|message| context.ending(&message, State::Expired, LinkReason::Unconfirmed)).collect();
        for news in &turn.news {
            log::info!("link: {}", what_changed(*news));
        }
        let policy = context.policy();
        let bill = |key: u64| {
            let message = context.store.message(Id(key)).ok().flatten()?;
            Some((key, policy.bill(&message)?))
        };
        let bills = turn.again.iter().filter_map(|(key, _)| bill(*key)).collect();
        let heard = turn.fates.iter().filter_map(|(key, fate)| Heard::new(context, *key, *fate)).collect();
        let known = far_box.and_then(|id| policy.people.far_box(id));
        let address = known.and_then(|known| known.addresses.first().copied());
        let people = crew::News::new(&policy, far_box, &turn, context.now(), context.store.clock().believable());
        Self { far_box, address, link: context.link, peer, before, turn, bills, unconfirmed, heard, people }
    }

    /// True while the peer is still as it was read: the worker of another link may have changed it, and then the turn has to
    /// be taken anew.
    pub fn is_current(&self, tx: &Tx) -> bool {
        unchanged(tx, self.far_box, self.before)
    }

    /// Writes the session and its packets into the store.
    pub fn apply(&self, tx: &mut Tx, now: Time) -> TxResult<()> {
        put(tx, self.far_box, &self.peer)?;
        let link = self.link.unwrap_or(LinkId::FIRST);
        for packets in groups(&self.turn.send, self.far_box, link, now) {
            tx.add_packets(&packets)?;
        }
        self.settle_unknown(tx, now)?;
        for key in &self.turn.delivered {
            fate::arrived(tx, Id(*key), self.far_box, now)?;
        }
        for (key, why) in &self.turn.again {
            again(tx, Id(*key), self.bills.get(key).cloned(), why_again(*why), now)?;
        }
        self.heard.iter().try_for_each(|heard| heard.apply(tx, now))?;
        self.unconfirmed.iter().try_for_each(|ending| ending.apply(tx, now))?;
        self.call_back(tx, now)?;
        self.people.apply(tx, self.link, now)?;
        if let (Some(id), Some((position, at))) = (self.far_box, &self.turn.position) {
            tx.note_place(Track::FarBox(id), (Time(*at), position.north(), position.east()))?;
        }
        for (bytes, flaw) in &self.turn.quarantine {
            let what = SetAside::Packet(self.address);
            tx.set_aside("link", what, unusable(*flaw).into(), bytes, now)?;
        }
        for change in &self.turn.news {
            let kind = EventKind::FarBox { what: what_changed(*change), device: self.address };
            tx.event(&Event { at: now, part: "link".to_owned(), link: self.link, kind, alarm: false })?;
        }
        Ok(())
    }

    /// The far box says what the link could not tell: which packets it has, and which it does not have.
    fn settle_unknown(&self, tx: &mut Tx, now: Time) -> TxResult<()> {
        let turn = &self.turn;
        if turn.arrived.is_empty() && turn.arrived_fragments.is_empty() && turn.not_there.is_empty() {
            return Ok(());
        }
        let mut not_there = turn.not_there.clone();
        for packet in tx.open_packets()? {
            let Some(place) = packet.peer.as_ref().filter(|_| packet.far_box == self.far_box) else { continue };
            let (ticket, named) = (place.ticket, (place.ticket, place.fragment));
            // Of a repeat nothing is known: the first copy may be the one that arrived.
            let there = !place.repeat && (turn.arrived.contains(&ticket) || turn.arrived_fragments.contains(&named));
            match &packet.state {
                PacketState::Unknown(_) if not_there.contains(&named) => {
                    not_there.retain(|known| *known != named);
                    flies_again(tx, packet, now)?;
                }
                PacketState::Unknown(_) if there => {
                    let held = Packet { state: PacketState::Held(confirmed(&packet)), ..packet };
                    commit::mark_sent(tx, held, &Acknowledged::Arrived, now)?;
                }
                // The link is asked first: it may be waiting for that.
                PacketState::Handing(_) if there => {
                    let peer = Some(PeerFragment { arrived: true, ..place.clone() });
                    tx.put_packet(&Packet { peer, ..packet })?;
                }
                _ => {}
            }
        }
        // Without its packet nothing would ever go again.
        for (ticket, fragment) in not_there {
            change(tx, self.far_box, |peer| peer.lost(ticket, fragment, now.0))?;
        }
        Ok(())
    }

    /// Packets that need not go any more are asked back, if they have not gone.
    fn call_back(&self, tx: &mut Tx, now: Time) -> TxResult<()> {
        if self.turn.needless.is_empty() {
            return Ok(());
        }
        for packet in tx.open_packets()? {
            match &packet.peer {
                Some(place) if packet.far_box == self.far_box && self.turn.needless.contains(&place.ticket) => {
                    let peer = Some(PeerFragment { needless: true, ..place.clone() });
                    tx.put_packet(&Packet { peer, ask: now, ..packet })?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// A packet of which the link could not tell is not at the far box: it goes once more, as it is. It may have left all the same:
/// that flight is counted, and what it may have cost stays with its link.
fn flies_again(tx: &mut Tx, packet: Packet, now: Time) -> TxResult<()> {
    tx.packet_went(&packet)?;
    let note = LinkReason::NotThere { part: None }.into();
    let peer = packet.peer.clone().map(|place| PeerFragment { bill: None, ..place });
    give_back::planned_again(tx, Packet { note, charge: None, mails: Vec::new(), peer, ..packet }, now)
}

fn what_changed(change: PeerChange) -> FarBoxChange {
    match change {
        PeerChange::Reads(model) => FarBoxChange::Reads(model),
        PeerChange::NoCommonModel => FarBoxChange::NoCommonModel,
        PeerChange::Unlearned => FarBoxChange::Unlearned,
        PeerChange::Silent => FarBoxChange::Silent,
        PeerChange::Unread => FarBoxChange::Unread,
    }
}

fn unusable(flaw: PeerFlaw) -> Unusable {
    match flaw {
        PeerFlaw::NotOurs => Unusable::NotOurs,
        PeerFlaw::NoModel(model) => Unusable::NoModel { model },
        PeerFlaw::BadCheck => Unusable::BadCheck,
        PeerFlaw::LoneFragment(of) => Unusable::LoneFragment { of },
    }
}

/// Why a message got no packets.
pub fn unplanned(why: PlanRefusal) -> Reason {
    match why {
        PlanRefusal::NotClassic => LinkReason::NotClassic.into(),
        PlanRefusal::TooLong => LinkReason::TooManyPackets.into(),
        PlanRefusal::NoOtherCoding => FarBoxReason::NoOtherCoding.into(),
    }
}

fn why_again(why: ResendCause) -> FarBoxReason {
    match why {
        ResendCause::NoModel(model) => FarBoxReason::NoModel { model },
        ResendCause::BadCheck => FarBoxReason::BadCheck,
        ResendCause::UnknownIndex => FarBoxReason::UnknownIndex,
        ResendCause::NoPast => FarBoxReason::NoPast,
    }
}

/// The far box cannot read a message: it waits for the link again, and goes in another form.
fn again(tx: &mut Tx, id: Id, bill: Option<Bill>, why: FarBoxReason, now: Time) -> TxResult<()> {
    let Some(live) = tx.live(id)?.filter(|live| !live.recall) else {
        return Ok(());
    };
    if live.terms.by.is_none() {
        tx.change(id, |message| message.deadline = message.deadline.max(now + ONCE_MORE))?;
    }
    outcome::requeue(tx, id, bill, why, now, now + plan::SOON)
}
