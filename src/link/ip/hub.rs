//! What the engine's thread and the thread of the connections share: the far boxes, and what is to be told.
//!
//! Locks are held for moments only, and never while anything is waited for.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use smol::channel::{Receiver, Sender, bounded};

use super::far_end::{FarEnd, Fate};
use super::frame::Hello;
use super::session::{Fact, Own};
use super::traffic::{Budget, Traffic, Use};
use crate::address::{KeyId, LinkAddress};
use crate::clock::Clock;
use crate::link::{Event, Inbound, Token};
use crate::message::Reference;
use crate::message::reason::{Acknowledged, ByeReason, LineReason};

/// Whose number a [`Reference`] of this link is: this, and the name of the far box's key.
const HOLDER: &str = "ip:";

/// How this box behaves on a line.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// Name of the store of this box.
    pub epoch: u32,
    /// It pays for its bytes.
    pub metered: bool,
    /// Most bytes that the line may use.
    pub budget: Budget,
    /// The line is held, and not only dialled when there is something to carry.
    pub holds: bool,
    /// It takes whole mails.
    pub wholes: bool,
}

/// The state that the engine's thread and the thread of the connections share.
pub struct Hub {
    state: Mutex<State>,
    clock: Clock,
    manner: Manner,
    news: (Sender<()>, Receiver<()>),
}

/// What the hub holds behind its lock.
pub struct State {
    /// The far boxes that were heard, or that this box dials.
    pub fars: BTreeMap<KeyId, Far>,
    /// What the next poll tells.
    pub events: Vec<Event>,
    /// Packets that came in and are not committed: far box, name of its store, number.
    tokens: HashMap<u64, (KeyId, u32, u32)>,
    next_token: u64,
    connections: u64,
    /// Bytes that were used on the line, for the budget.
    pub traffic: Traffic,
    /// How the station's line is doing while it is not up; `None` where this box dials nobody.
    pub dialled: Option<LineReason>,
    /// This box was paired anew: what its far box said before means nothing.
    pub paired_anew: bool,
    /// The link is at its end.
    pub closing: bool,
}

/// A far box with its connection, if it has one.
#[derive(Default)]
pub struct Far {
    /// What this box calls it.
    pub name: String,
    /// What is under way.
    pub end: FarEnd,
    /// The newest connection to it; `None` while there is none.
    pub line: Option<Line>,
}

/// A connection at work.
pub struct Line {
    /// Which: a newer one has a higher number.
    pub number: u64,
    /// Wakes the thread of the connection: there is something to do.
    pub bell: Sender<()>,
    /// Both sides have said hello.
    pub up: Option<Instant>,
    /// It is to be closed, for this reason; `None` while it may stay.
    pub close: Option<ByeReason>,
}

impl State {
    /// The last dial led to nobody, and the next one is not due.
    pub fn fails(&self) -> bool {
        matches!(self.dialled, Some(LineReason::Down { .. }))
    }

    /// The engine has not been told yet that packets for this far box are not there, or were refused.
    pub fn owes_news_of(&self, key: KeyId) -> bool {
        self.events.iter().any(|event| match event {
            Event::NotTaken { reference, .. } | Event::Lost { reference, .. } => {
                numbered(reference).is_some_and(|(far, _)| far == key)
            }
            _ => false,
        })
    }
}

impl Hub {
    /// A hub without far boxes.
    pub fn new(clock: &Clock, manner: Manner, traffic: Traffic) -> Self {
        let state = State {
            fars: BTreeMap::new(),
            events: Vec::new(),
            tokens: HashMap::new(),
            next_token: 0,
            connections: 0,
            traffic,
            dialled: None,
            paired_anew: false,
            closing: false,
        };
        Self { state: Mutex::new(state), clock: clock.clone(), manner, news: bounded(1) }
    }

    /// The state, for a moment. What panicked with the lock left it whole: every change is one insertion or assignment.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hears that there is something to tell.
    pub fn news(&self) -> &Receiver<()> {
        &self.news.1
    }

    /// Rings for the engine.
    pub fn tell(&self) {
        // Full means that it rings already.
        let _ = self.news.0.try_send(());
    }

    /// How this box behaves.
    pub fn manner(&self) -> Manner {
        self.manner
    }

    /// How much of the budget is used.
    pub fn budget(&self) -> Use {
        self.lock().traffic.of(self.manner.budget, self.clock.now())
    }

    /// What this box says of itself now.
    pub fn own(&self) -> Own {
        let Manner { epoch, metered, wholes, .. } = self.manner;
        Own { epoch, metered, urgent_only: matches!(self.budget(), Use::Over { .. }), wholes }
    }

    /// Counts bytes that went over a connection, both ways.
    pub fn spent(&self, bytes: u64) {
        if bytes > 0 {
            let now = self.clock.now();
            self.lock().traffic.add(bytes, now);
        }
    }

    /// A connection to this far box begins; an older one is closed. Its number and its bell.
    pub fn attach(&self, key: KeyId, name: &str) -> (u64, Receiver<()>) {
        let (bell, rung) = bounded(1);
        let mut state = self.lock();
        state.connections += 1;
        let number = state.connections;
        let far = state.fars.entry(key).or_default();
        name.clone_into(&mut far.name);
        let line = Line { number, bell, up: None, close: None };
        if let Some(older) = far.line.replace(line) {
            // It finds out by itself that it is not the newest any more.
            let _ = older.bell.try_send(());
        }
        (number, rung)
    }

    /// A connection is over. How long it was up, if it ever was.
    pub fn detach(&self, key: KeyId, number: u64) -> Option<std::time::Duration> {
        let mut state = self.lock();
        let far = state.fars.get_mut(&key)?;
        let line = far.line.take_if(|line| line.number == number)?;
        if line.close == Some(ByeReason::NotPaired) {
            state.fars.remove(&key);
        }
        drop(state);
        self.tell();
        line.up.map(|since| since.elapsed())
    }

    /// Takes what a connection tells, for the engine. `many` where far boxes are told apart.
    pub fn obey(&self, state: &mut State, key: KeyId, facts: Vec<Fact>, many: bool) {
        for fact in facts {
            match fact {
                Fact::Up(hello) => self.up(state, key, &hello),
                Fact::Told(number, fate) => {
                    let reference = reference(key, number);
                    state.events.push(match fate {
                        Fate::Arrived => Event::Sent { reference, how: Acknowledged::Arrived },
                        Fate::NotThere => Event::NotTaken { reference, why: LineReason::NotThere.into() },
                        Fate::Refused(why) => {
                            Event::Lost { reference, why: LineReason::Refused { code: why.code() }.into() }
                        }
                    });
                }
                Fact::Whole(frame) => {
                    let device = many.then_some(LinkAddress::Ip(key));
                    state.events.push(Event::Whole { device, frame });
                }
                Fact::Came { number, payload, wholes, new } => {
                    let epoch = state.fars.get(&key).map(|far| far.end.epoch()).unwrap_or_default();
                    if !new {
                        log::warn!("ip: {} uses number {number} again: was it put back to a backup?", key.groups());
                    }
                    state.next_token += 1;
                    let token = state.next_token;
                    state.tokens.insert(token, (key, epoch, number));
                    state.events.push(Event::Inbound(Inbound {
                        device: many.then_some(LinkAddress::Ip(key)),
                        key: inbound_key(key, epoch, number, &payload),
                        payload,
                        wholes,
                        received: None,
                        token: Token(token),
                    }));
                }
                Fact::Asked(names) => {
                    state.events.push(Event::Asked { device: many.then_some(LinkAddress::Ip(key)), names })
                }
                Fact::Known(known) => {
                    state.events.push(Event::Known { device: many.then_some(LinkAddress::Ip(key)), known })
                }
                Fact::Over(_) => {}
            }
        }
        if !state.events.is_empty() {
            self.tell();
        }
    }

    fn up(&self, state: &mut State, key: KeyId, hello: &Hello) {
        if let Some(far) = state.fars.get_mut(&key) {
            log::info!("ip: {} is connected ({})", far.name, key.groups());
            log::debug!("ip: {hello:?}");
            if let Some(line) = &mut far.line {
                line.up = Some(Instant::now());
            }
        }
        state.events.push(Event::Evidence);
        self.tell();
    }

    /// A packet that came in is committed: the far box is told.
    pub fn commit(&self, token: &Token) {
        let mut state = self.lock();
        let Some((key, epoch, number)) = state.tokens.remove(&token.0) else { return };
        let Some(far) = state.fars.get_mut(&key) else { return };
        far.end.commit(epoch, number);
        if let Some(line) = &far.line {
            let _ = line.bell.try_send(());
        }
    }
}

/// The name under which this link holds a packet for a far box.
pub fn reference(key: KeyId, number: u32) -> Reference {
    Reference { holder: format!("{HOLDER}{key}"), number: u64::from(number) }
}

/// The far box and the number that a reference names; `None` for one of another link.
pub fn numbered(reference: &Reference) -> Option<(KeyId, u32)> {
    let key = reference.holder.strip_prefix(HOLDER)?.parse().ok()?;
    Some((key, u32::try_from(reference.number).ok()?))
}

/// Names an inbound packet for good: far box, its store, the number there, and what it says, as a box that was put back to
/// an earlier state uses numbers again.
fn inbound_key(key: KeyId, epoch: u32, number: u32, payload: &[u8]) -> String {
    let name = ring::digest::digest(&ring::digest::SHA256, payload);
    let name = crate::hex::encode(&name.as_ref()[..8]);
    format!("{HOLDER}{key}:{epoch:08x}:{number:08x}:{name}")
}

/// The far box, its store and the number in such a name.
pub fn taken_in(name: &str) -> Option<(KeyId, u32, u32)> {
    let mut fields = name.strip_prefix(HOLDER)?.split(':');
    let key = fields.next()?.parse().ok()?;
    let mut number = || u32::from_str_radix(fields.next()?, 16).ok();
    Some((key, number()?, number()?))
}

#[cfg(test)]
mod tests {
    use super::super::frame::Refusal;
    use super::*;

    #[test]
    fn what_is_not_there_is_told_of_its_far_box_until_the_next_poll() {
        let (manner, near, far) = (
            Manner { epoch: 1, metered: false, budget: Budget::default(), holds: true, wholes: false },
            KeyId([7; 32]),
            KeyId([8; 32]),
        );
        let hub = Hub::new(&Clock::system(), manner, Traffic::default());
        let mut state = hub.lock();
        hub.obey(&mut state, near, vec![Fact::Told(1, Fate::Arrived)], true);
        assert!(!state.owes_news_of(near));
        hub.obey(&mut state, near, vec![Fact::Told(2, Fate::NotThere)], true);
        assert!(state.owes_news_of(near) && !state.owes_news_of(far));
        state.events.clear();
        assert!(!state.owes_news_of(near));
        hub.obey(&mut state, near, vec![Fact::Told(3, Fate::Refused(Refusal::Blocked))], true);
        assert!(state.owes_news_of(near), "a refusal as well");
    }

    #[test]
    fn names_are_read_as_they_were_written() {
        let key = KeyId([7; 32]);
        assert_eq!(numbered(&reference(key, 9)), Some((key, 9)));
        assert_eq!(numbered(&Reference { holder: "hive".to_owned(), number: 9 }), None);
        let name = inbound_key(key, 0xdead_beef, 17, b"packet");
        assert_eq!(taken_in(&name), Some((key, 0xdead_beef, 17)));
        assert_ne!(name, inbound_key(key, 0xdead_beef, 17, b"another"));
        assert_eq!(taken_in("m138:1:2:3"), None);
    }
}
