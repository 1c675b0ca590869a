//! What is known of each far box, in the store: read, changed and written in the commit of what it is about.

use std::sync::Arc;

use compact::peer::{Peer, PeerRules, PositionRules};

use crate::address::{LinkAddress, PeerId};
use crate::engine::Context;
use crate::fault::Fault;
use crate::links::LinkRecord;
use crate::settings::{Key, Settings};
use crate::store::{Edition, Meaning, SessionRows, Store, Tx, TxResult};

/// Longest that a receipt is waited for, whatever the session says: later it would say nothing any more.
pub const LONGEST: std::time::Duration = std::time::Duration::from_secs(21 * 86_400);

/// A position leaves alone no more often than this.
const SHORTEST: std::time::Duration = std::time::Duration::from_secs(600);

/// The name of a far box in the store: its number, or nothing for the one by which this box reaches the world.
pub(super) fn name(far_box: Option<PeerId>) -> String {
    far_box.map(|id| id.to_string()).unwrap_or_default()
}

/// Gives the far box of a name; `None` for the one by which this box reaches the world.
pub fn far_box(name: &str) -> Option<PeerId> {
    name.parse().ok()
}

/// A far box as the store has it.
struct Kept {
    peer: Peer,
    /// Its rows are those of the peer: what changes in that is what changes in them. Not so of rows that an earlier version wrote,
    /// or that could not be read.
    as_written: bool,
}

/// What rows mean; nothing is known where they cannot be read.
fn meaning(name: &str, rows: &SessionRows) -> Meaning {
    let peer = Peer::from_rows(rows).unwrap_or_else(|error| {
        log::error!("link: what was known of the far box '{name}' is unreadable, the session begins anew: {error}");
        Peer::default()
    });
    let as_written = peer.rows() == *rows;
    Meaning(Arc::new(Kept { peer, as_written }))
}

fn kept(meaning: Meaning) -> Arc<Kept> {
    meaning.0.downcast().unwrap_or_else(|_| unreachable!("only this file says what the rows of a session mean"))
}

/// What is known of a far box, and the edition of that.
///
/// # Errors
/// When the store fails.
pub(super) fn read(store: &Store, far_box: Option<PeerId>) -> Result<(Peer, Edition), Fault> {
    let name = name(far_box);
    let (meaning, edition) = store.session(&name, |rows| meaning(&name, rows))?;
    Ok((kept(meaning).peer.clone(), edition))
}

fn kept_in(tx: &Tx, name: &str) -> TxResult<Arc<Kept>> {
    tx.session(name, |rows| meaning(name, rows)).map(kept)
}

/// What is known of a far box, within a transaction.
pub fn in_tx(tx: &Tx, far_box: Option<PeerId>) -> TxResult<Peer> {
    Ok(kept_in(tx, &name(far_box))?.peer.clone())
}

/// Changes what is known of a far box.
pub fn change(tx: &mut Tx, far_box: Option<PeerId>, change: impl FnOnce(&mut Peer)) -> TxResult<()> {
    let name = name(far_box);
    let before = kept_in(tx, &name)?;
    let mut peer = before.peer.clone();
    change(&mut peer);
    write(tx, &name, &before, peer)
}

/// True while what is known of a far box is what was read before.
pub fn unchanged(tx: &Tx, far_box: Option<PeerId>, before: Edition) -> bool {
    tx.is_edition(&name(far_box), before)
}

/// Writes what is known of a far box.
pub fn put(tx: &mut Tx, far_box: Option<PeerId>, peer: &Peer) -> TxResult<()> {
    let name = name(far_box);
    let before = kept_in(tx, &name)?;
    write(tx, &name, &before, peer.clone())
}

fn write(tx: &mut Tx, name: &str, before: &Kept, peer: Peer) -> TxResult<()> {
    match before.as_written {
        true => {
            let changes = peer.changes(&before.peer);
            tx.change_session_rows(name, &changes, Some(Meaning(Arc::new(Kept { peer, as_written: true })))).map(drop)
        }
        false => tx.put_session_rows(name, &peer.rows()).map(drop),
    }
}

/// The rules of this box for its sessions.
pub fn rules(settings: &Settings) -> PeerRules {
    let hours = settings.span(Key::AirReceiptWait).as_secs().div_ceil(3600);
    let parts = i64::try_from(settings.span(Key::AirPartsWait).as_millis()).unwrap_or(i64::MAX);
    let usual = PeerRules::default();
    PeerRules {
        receipt_hours: u8::try_from(hours).unwrap_or(u8::MAX),
        parts_wait: usual.parts_wait.max(parts),
        past: settings.on(Key::AirHistory),
        fates_alone: settings.on(Key::AirNotices),
        position: position(settings),
        ..usual
    }
}

/// A gateway takes positions, and has none to tell; a station tells its own as its owner wants it.
fn position(settings: &Settings) -> PositionRules {
    if settings.text(Key::Reach) == "internet" {
        return PositionRules { known: true, ..PositionRules::default() };
    }
    let tells = settings.on(Key::AirPosition);
    let every = settings.span(Key::AirPositionEvery);
    let every = if tells && !every.is_zero() { every.max(SHORTEST) } else { std::time::Duration::ZERO };
    let every = i64::try_from(every.as_millis()).unwrap_or(i64::MAX);
    PositionRules { known: tells, rides: tells, answers: tells, every }
}

/// So long, in milliseconds, may a packet be on its way by a link. One that costs nothing may go again at once.
pub fn transit(link: &LinkRecord) -> i64 {
    let paid = link.price().is_none_or(|price| !price.is_nothing());
    let transit = crate::link::driver(&link.driver).filter(|_| paid).map(|driver| driver.transit);
    i64::try_from(transit.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}

/// The rules for a packet of this link.
pub fn rules_by(settings: &Settings, link: Option<&LinkRecord>) -> PeerRules {
    PeerRules { transit: link.map(transit).unwrap_or_default(), ..rules(settings) }
}

impl Context {
    /// The far box of an address that a packet came from; one that nobody knew yet gets a record now. `None` for the one by
    /// which this box reaches the world.
    ///
    /// # Errors
    /// Temporary for one that went to another gateway: what it sends is for that one. When the store fails.
    pub fn far_box_at(&self, address: Option<LinkAddress>) -> Result<Option<PeerId>, Fault> {
        let Some(address) = address else { return Ok(None) };
        if let Some(far_box) = self.store.people().at(address) {
            return Ok(Some(far_box.id));
        }
        if let Some(moved) = self.store.people().moved_out(address) {
            return Err(Fault::temporary(format!("{} has moved to another gateway", moved.shown())));
        }
        let now = self.now();
        self.store.write(move |tx| tx.far_box_at(address, now)).map(Some)
    }
}
