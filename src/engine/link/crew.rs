//! People behind a box: a station names them to the box by which it reaches the world, and tells them what was answered; a
//! gateway gives them addresses ([`admit`]), or has its owner decide.

use compact::peer::{Answer, Peer, PeerTurn};

use super::session;
use crate::address::{Address, PeerId};
use crate::clock::Time;
use crate::deliver::compose;
use crate::engine::{Context, admit};
use crate::message::events::{Ashore, EventKind};
use crate::message::machine::Machine;
use crate::message::{LinkId, Message, Origin, State};
use crate::people::{Home, Person};
use crate::route::choose::Policy;
use crate::route::plan::NewMessage;
use crate::settings::Key;
use crate::store::{BodyIn, Erased, Event, IncomingMail, Tx, TxResult};

/// Has a station name its people. The one who is meant where nobody is named has an address ashore already.
pub fn introduce(policy: &Policy, peer: &mut Peer) {
    if !policy.by_satellite() {
        return;
    }
    let first = policy.people.default_person(policy.settings.text(Key::DefaultPerson)).map(|first| first.name.clone());
    let reads_here = policy.people.iter().filter(|person| person.home == Home::Here && !person.disabled);
    let others = reads_here.filter(|person| Some(&person.name) != first.as_ref());
    peer.name_people(others.map(|person| person.name.as_str()));
}

/// The person of this box who wrote a message that goes to the world; `None` for the one who is meant where nobody is named.
pub fn writer(policy: &Policy, message: &Message) -> Option<String> {
    let by_address = || {
        let from = message.from.mailbox().filter(|from| policy.is_ours(from))?;
        policy.people.addressed(from).map(|person| person.name.clone())
    };
    let first = policy.people.default_person(policy.settings.text(Key::DefaultPerson));
    let writer = message.author.clone().or_else(by_address)?;
    (first.is_none_or(|first| first.name != writer)).then_some(writer)
}

/// What a far box says about people, ready to be written.
pub struct News {
    far_box: Option<PeerId>,
    domain: String,
    /// People of the far box who want an address.
    newcomers: Vec<String>,
    /// Our people, and what they are told.
    told: Vec<(EventKind, IncomingMail)>,
}

impl News {
    /// Of a turn of the session.
    pub fn new(policy: &Policy, far_box: Option<PeerId>, turn: &PeerTurn, now: Time, believed: bool) -> Self {
        let told = turn.answers.iter().filter_map(|(name, answer)| told(policy, name, answer, now, believed));
        Self {
            far_box,
            domain: policy.settings.text(Key::Domain).to_owned(),
            newcomers: turn.newcomers.clone(),
            told: told.collect(),
        }
    }

    /// Writes it; `link` is the one by which it was heard.
    pub fn apply(&self, tx: &mut Tx, link: Option<LinkId>, now: Time) -> TxResult<()> {
        for name in self.newcomers.iter().filter(|_| self.far_box.is_some()) {
            let Some(id) = self.far_box else { break };
            let admission = admit::ask(tx, id, name, &self.domain, now)?;
            admit::tell(tx, id, name, &admit::answer(&admission, &self.domain), now)?;
        }
        for (kind, notice) in &self.told {
            tx.event(&Event { at: now, part: "link".to_owned(), link, kind: kind.clone(), alarm: false })?;
            tx.add(notice)?;
        }
        Ok(())
    }
}

/// What one of our people hears about their address ashore.
fn told(policy: &Policy, name: &str, answer: &Answer, now: Time, believed: bool) -> Option<(EventKind, IncomingMail)> {
    let person = policy.people.get(name)?;
    let to = policy.address_of(person)?;
    let (what, subject, text) = match answer {
        Answer::Address(address) => (
            Ashore::Has,
            "Your address ashore",
            format!("People ashore reach you at {address}. What you write comes from there.\n"),
        ),
        Answer::Asked => (
            Ashore::Asked,
            "Your address ashore is asked for",
            "The owner of the box ashore is asked whether you get an address there. What you write waits there until \
             then.\n"
                .to_owned(),
        ),
        Answer::Refused => (
            Ashore::Refused,
            "You have no address ashore",
            "The box ashore gives you no address: what you write to people ashore is not carried. Its owner can change \
             that.\n"
                .to_owned(),
        ),
    };
    let draft = NewMessage {
        subject: subject.to_owned(),
        automatic: Some(Machine::OwnNotice),
        message_id: Some(compose::message_id(policy.settings.text(Key::Domain))),
        ..NewMessage::new(Origin::Notice, Address::Nobody, Address::Mail(to), text)
    };
    let message = policy.plan(draft, None, now, believed);
    // Who reads elsewhere by now does not hear it.
    let here = message.state == State::Delivered;
    let kind = EventKind::Ashore { name: name.to_owned(), what };
    here.then(|| (kind, IncomingMail { messages: vec![message], body: BodyIn::None }))
}

/// Forgets an erased person in the sessions with far boxes: their name, their messages, and whom only they wrote to.
///
/// # Errors
/// When the store fails.
pub fn erase(tx: &mut Tx, person: &Person, erased: &Erased) -> TxResult<()> {
    let theirs = |address: &str| {
        address.parse::<Address>().is_ok_and(|address| erased.correspondents.contains(&address.correspondent()))
    };
    let keys: Vec<_> = erased.messages.iter().map(|id| id.0).collect();
    for name in tx.session_names()? {
        let far_box = session::far_box(&name);
        let there = if far_box.is_none() { person.name.as_str() } else { person.name_at_sea() };
        session::change(tx, far_box, |peer| peer.erase(there, &keys, &theirs))?;
    }
    Ok(())
}

/// What is known of the session with a far box, for the pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Talk {
    /// The coding that it reads: `classic`, `stored`, or `model 3`.
    pub coding: String,
    /// Packets that wait for its receipt.
    pub unconfirmed: usize,
    /// When it last said something that only such a box says.
    pub heard: Option<Time>,
}

impl Talk {
    /// Gives the coding, and when the far box was heard last, in one line.
    pub fn words(&self) -> String {
        let heard = self.heard.map(|at| format!("; last heard {at}")).unwrap_or_default();
        match self.coding.as_str() {
            "classic" => format!("classic{heard}"),
            coding => format!("compact, {coding}; {} packets wait for a receipt{heard}", self.unconfirmed),
        }
    }
}

impl Context {
    /// What is known of the session with a far box.
    ///
    /// # Errors
    /// When the store fails.
    pub fn talk(&self, far_box: Option<PeerId>) -> Result<Talk, crate::fault::Fault> {
        let peer = self.peer(far_box)?;
        let coding = match self.form(&peer, far_box) {
            None => "classic".to_owned(),
            Some(compact::packet::Form::Stored) => "stored".to_owned(),
            Some(compact::packet::Form::Model(number)) => format!("model {number}"),
        };
        Ok(Talk { coding, unconfirmed: peer.unconfirmed(), heard: peer.heard().map(Time) })
    }
}
