//! The thread of the connections: it dials, serves who has called, and moves bytes. Many connections, one thread, no
//! waiting for each other.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use smol::channel::{Receiver, Sender};
use smol::future::or;
use smol::{LocalExecutor, Timer};

use super::connect;
use super::dial::{DialError, Dialling, Hurry};
use super::hub::Hub;
use super::keep_alive::Patience;
use super::key::{BoxKey, Pin};
use super::session::{Fact, Over, Session};
use super::traffic::Use;
use super::wire::{Wire, WireError, Woken};
use crate::address::KeyId;
use crate::link::callers::{Call, Caller};
use crate::message::reason::{ByeReason, CallFailure, LineReason};
use crate::sys::network;

/// A line that is only dialled when needed is closed after so long without anything to carry.
const QUIET: Duration = Duration::from_secs(10);
/// While a dial waits, the way out of this machine is looked at this often.
const LOOK: Duration = Duration::from_secs(10);

/// The far box that a station dials.
#[derive(Clone)]
pub struct Target {
    /// The key that it has to prove.
    pub key: KeyId,
    /// What this box calls it.
    pub name: String,
    /// Where it is dialled, `host:port`.
    pub address: String,
}

/// What the thread works with.
pub struct Lines {
    /// Shared with the engine's thread.
    pub hub: Arc<Hub>,
    /// The key by which this box proves itself.
    pub key: BoxKey,
    /// The far box that it dials; `None` for a gateway, which is called.
    pub target: Option<Target>,
    /// Connections that the listener accepted.
    pub calls: Receiver<Call>,
    /// Rung when there is something to send, or a dial should not wait.
    pub bell: Receiver<()>,
    /// The other end of `bell`.
    pub ring: Sender<()>,
}

impl Lines {
    /// Works until the hub closes and all connections have said so.
    pub fn run(self) {
        let executor = LocalExecutor::new();
        let lines = Rc::new(self);
        let serve = async {
            let dials = executor.spawn(Rc::clone(&lines).dial());
            while let Ok(call) = lines.calls.recv().await {
                match call {
                    Call::Connected(caller) => {
                        executor.spawn(Rc::clone(&lines).serve(*caller)).detach();
                    }
                    Call::Forgotten(key) => lines.forget(key),
                    Call::Paired => {
                        lines.hub.lock().paired_anew = true;
                        let _ = lines.ring.try_send(());
                    }
                }
                lines.hub.tell();
            }
            dials.await;
            while lines.hub.lock().fars.values().any(|far| far.line.is_some()) {
                Timer::after(Duration::from_millis(10)).await;
            }
        };
        smol::block_on(executor.run(serve));
    }

    fn forget(&self, key: KeyId) {
        let mut state = self.hub.lock();
        match state.fars.get_mut(&key).and_then(|far| far.line.as_mut()) {
            Some(line) => {
                line.close = Some(ByeReason::NotPaired);
                let _ = line.bell.try_send(());
            }
            None => drop(state.fars.remove(&key)),
        }
    }

    async fn serve(self: Rc<Self>, caller: Caller) {
        let Ok(wire) = Wire::new(caller.socket, caller.tls.into()) else { return };
        let (key, name) = (caller.key, caller.name);
        let (number, bell) = self.hub.attach(key, &name);
        let session = Session::new(Patience::default(), false, Duration::from_secs(1), Instant::now());
        let (_, why) = self.carry(Connection { wire, session, key, number, bell, many: true }, caller.said).await;
        self.hub.detach(key, number);
        log::info!("ip: {name} is not connected any more: {}", CallFailure::from(&why));
    }

    async fn dial(self: Rc<Self>) {
        let Some(target) = self.target.clone() else { return };
        let mut dialling = Dialling::default();
        let learned: RefCell<HashMap<String, Patience>> = RefCell::default();
        let (name, address) = (target.name.clone(), target.address.clone());
        let calling = LineReason::Calling { name: name.clone(), address: address.clone() };
        while !self.hub.lock().closing {
            if !self.wanted() {
                let rests = match self.hub.budget() {
                    Use::Over { until } => LineReason::BudgetUsed { until },
                    _ => LineReason::OnDemand { name: name.clone(), address: address.clone() },
                };
                self.say(rests);
                let rung = async { self.bell.recv().await.is_ok() };
                let late = async {
                    Timer::after(LOOK).await;
                    false
                };
                or(rung, late).await;
                continue;
            }
            if dialling.is_first() {
                self.say(calling.clone());
            }
            dialling.begins(Instant::now());
            let network = network::way_out();
            let patience = learned.borrow().get(&network).copied().unwrap_or_default();
            let mut session = Session::new(patience, true, Duration::from_secs(1), Instant::now());
            let hello = self.hello(&mut session, &target);
            let pin = Pin::Key(target.key);
            let spent = |bytes| self.hub.spent(bytes);
            let opened = async { connect::connect(&self.key, pin, &target.address, &hello, spent).await };
            let (up, why) = match or(opened, self.closed()).await {
                Ok((wire, round_trip)) => {
                    session.opened(round_trip, Instant::now());
                    let (number, bell) = self.hub.attach(target.key, &target.name);
                    let connection = Connection { wire, session, key: target.key, number, bell, many: false };
                    let (patience, why) = self.carry(connection, Vec::new()).await;
                    learned.borrow_mut().insert(network.clone(), patience);
                    (self.hub.detach(target.key, number), why)
                }
                Err(why) => (None, why),
            };
            // A line that was closed because it had nothing to carry has not failed.
            if matches!(why, DialError::Over(Over::Bye(ByeReason::Stop | ByeReason::Budget))) && !self.wanted() {
                continue;
            }
            let again = dialling.ended(up, &why, Instant::now(), dice());
            let why = CallFailure::from(&why);
            log::info!("ip: {name}: {why}; next try in {} s", again.duration_since(Instant::now()).as_secs());
            self.say(LineReason::Down { why });
            self.rest(&mut dialling, again, &network).await;
        }
    }

    /// The hello of a connection that is not open yet; empty while what came before is not committed.
    fn hello(&self, session: &mut Session, target: &Target) -> Vec<u8> {
        let own = self.hub.own();
        let mut state = self.hub.lock();
        let end = &mut state.fars.entry(target.key).or_default().end;
        session.write(end, own, &mut Vec::new(), Instant::now())
    }

    /// Waits until the link is at its end.
    async fn closed<T>(&self) -> Result<T, DialError> {
        while self.bell.recv().await.is_ok() {}
        Err(DialError::Over(Over::Bye(ByeReason::Stop)))
    }

    /// True when there should be a connection now.
    fn wanted(&self) -> bool {
        let over = matches!(self.hub.budget(), Use::Over { .. });
        let holds = self.hub.manner().holds && !over;
        let state = self.hub.lock();
        let target = self.target.as_ref().and_then(|target| state.fars.get(&target.key));
        !state.closing && (holds || target.is_some_and(|far| far.end.is_busy()))
    }

    fn say(&self, state: LineReason) {
        self.hub.lock().dialled = Some(state);
        self.hub.tell();
    }

    /// Waits for the next dial; less long when a message waits, or the network is another one.
    async fn rest(&self, dialling: &mut Dialling, until: Instant, network: &str) {
        while Instant::now() < until && !self.hub.lock().closing {
            let look = until.min(Instant::now() + LOOK);
            let rung = async {
                // The bell of a link that ends rings no more.
                let _ = self.bell.recv().await;
                let anew = std::mem::take(&mut self.hub.lock().paired_anew);
                Some(if anew { Hurry::Network } else { Hurry::Message })
            };
            let late = async {
                Timer::at(look).await;
                (network::way_out() != network).then_some(Hurry::Network)
            };
            if let Some(hurry) = or(rung, late).await
                && dialling.hurry(hurry, Instant::now())
            {
                return;
            }
            if self.bell.is_closed() {
                return;
            }
        }
    }

    /// Moves bytes until the connection is over. What was learned of the network, and why it is over.
    async fn carry(&self, mut connection: Connection, said: Vec<u8>) -> (Patience, DialError) {
        let why = connection.work(&self.hub, said).await;
        connection.wire.close(&connection.session.last_words());
        self.hub.spent(connection.wire.collect_cost());
        (connection.session.patience(), why)
    }
}

/// A connection that is open, with what it is served by.
struct Connection {
    wire: Wire,
    session: Session,
    key: KeyId,
    number: u64,
    bell: Receiver<()>,
    many: bool,
}

impl Connection {
    async fn work(&mut self, hub: &Hub, mut said: Vec<u8>) -> DialError {
        let mut quiet_since = Instant::now();
        loop {
            let mut facts = Vec::new();
            if !said.is_empty() {
                facts = self.hear(hub, &said);
                quiet_since = Instant::now();
            }
            if let Some(Fact::Over(why)) = facts.last() {
                return DialError::Over(*why);
            }
            if let Some(why) = self.ends(hub, quiet_since) {
                self.session.say_bye(why);
                return DialError::Over(Over::Bye(why));
            }
            if let Err(error) = self.say(hub) {
                return DialError::Wire(error);
            }
            hub.spent(self.wire.collect_cost());
            let reads = hub.lock().fars.get(&self.key).is_some_and(|far| far.end.may_read());
            let rests =
                (!hub.manner().holds && !self.many).then(|| (quiet_since + QUIET).max(Instant::now() + QUIET / 10));
            let next = self.session.next().into_iter().chain(rests).min();
            said = Vec::new();
            match self.wire.wait(&self.bell, next, reads).await {
                Woken::Socket if reads => match self.wire.pull() {
                    Ok(bytes) => said = bytes,
                    Err(error) => return DialError::Wire(error),
                },
                Woken::Socket => {}
                Woken::Bell => {}
                Woken::Time => {
                    if let Some(Fact::Over(why)) = self.session.tick(Instant::now()).last() {
                        return DialError::Over(*why);
                    }
                }
            }
        }
    }

    fn hear(&mut self, hub: &Hub, said: &[u8]) -> Vec<Fact> {
        let mut state = hub.lock();
        let Some(far) = state.fars.get_mut(&self.key) else { return Vec::new() };
        // What an older connection still brings is not taken: the newer one has told the far box that it is not here.
        if far.line.as_ref().is_none_or(|line| line.number != self.number) {
            return Vec::new();
        }
        let facts = self.session.read(&mut far.end, said, Instant::now());
        let over: Vec<_> = facts.iter().filter(|fact| matches!(fact, Fact::Over(_))).cloned().collect();
        hub.obey(&mut state, self.key, facts, self.many);
        over
    }

    /// Writes what is to be said, as far as the socket takes it: no more than one piece waits, so that what is urgent is
    /// not behind much else.
    fn say(&mut self, hub: &Hub) -> Result<(), WireError> {
        let own = hub.own();
        self.wire.flush()?;
        while !self.wire.is_clogged() {
            let mut facts = Vec::new();
            let out = {
                let mut state = hub.lock();
                let Some(far) = state.fars.get_mut(&self.key) else { return Ok(()) };
                if far.line.as_ref().is_none_or(|line| line.number != self.number) {
                    return Ok(());
                }
                let out = self.session.write(&mut far.end, own, &mut facts, Instant::now());
                hub.obey(&mut state, self.key, facts, self.many);
                out
            };
            if out.is_empty() {
                return Ok(());
            }
            self.wire.push(&out)?;
            self.wire.flush()?;
        }
        Ok(())
    }

    /// Why this side closes the connection now.
    fn ends(&mut self, hub: &Hub, quiet_since: Instant) -> Option<ByeReason> {
        let over = hub.budget();
        if over == Use::Short {
            self.session.slow_down();
        }
        let state = hub.lock();
        let far = state.fars.get(&self.key)?;
        let line = far.line.as_ref().filter(|line| line.number == self.number);
        let quiet = self.session.is_up() && !far.end.is_busy() && far.end.may_greet();
        match line {
            _ if state.closing => Some(ByeReason::Stop),
            None => Some(ByeReason::Newer),
            Some(line) if line.close.is_some() => line.close,
            // Who was called cannot call back: only who dialled hangs up to save bytes.
            Some(_) if self.many || !quiet => None,
            Some(_) if matches!(over, Use::Over { .. }) => Some(ByeReason::Budget),
            Some(_) if !hub.manner().holds && quiet_since.elapsed() >= QUIET => Some(ByeReason::Stop),
            Some(_) => None,
        }
    }
}

/// A number from 0 to 1.
fn dice() -> f64 {
    let mut random = [0; 2];
    // Without random numbers nobody is spread, which harms nobody.
    let _ = getrandom::fill(&mut random);
    f64::from(u16::from_le_bytes(random)) / 65_535.0
}
