//! Where this box is, and where its far boxes are: what is known, what it costs to tell, and tracks for other programs.

use std::fmt::Write;

use compact::peer::Position;

use super::Context;
use super::link::session;
use crate::address::PeerId;
use crate::clock::Time;
use crate::fault::Fault;
use crate::link::Health;
use crate::links::Unit;
use crate::message::Extent;
use crate::money::{Amount, Money};
use crate::route::choose::Policy;
use crate::route::price;
use crate::status::LiveStatus;
use crate::store::{Place, Tx, TxResult, reject};

/// A place of this box that is known, and how.
pub struct Known<'f> {
    /// When, and degrees north and east.
    pub place: Place,
    /// The device of a link that told it; `None` for the receiver of gpsd.
    pub device: Option<&'f Health>,
}

/// The places that the devices of links and gpsd tell. That of a device which is ready is known now.
pub fn known(facts: &LiveStatus, now: Time) -> Vec<Known<'_>> {
    let of_link = |live: &crate::status::LinkStatus, health: &'_ Health| {
        let (north, east, _) = health.position?;
        Some((if health.ready { now } else { live.up.since }, north, east))
    };
    let devices = facts.links.values().filter_map(|live| {
        let health = live.health.as_ref()?;
        Some(Known { place: of_link(live, health)?, device: Some(health) })
    });
    let gps = facts.gps.as_ref().and_then(|gps| gps.place);
    devices.chain(gps.map(|(north, east, at)| Known { place: (at, north, east), device: None })).collect()
}

/// Where this box is, the newest that is known.
pub fn here(context: &Context) -> Option<Place> {
    let now = context.now();
    context.status.with(|facts| known(facts, now).into_iter().map(|known| known.place).max_by_key(|(at, ..)| *at))
}

/// The same as it goes on air.
pub fn on_air(context: &Context) -> Option<Position> {
    let (at, north, east) = here(context)?;
    Position::new(at.0, north, east)
}

/// False where each byte is paid for: nothing rides for free there.
pub fn rides(policy: &Policy, far_box: Option<PeerId>) -> bool {
    policy.cheapest(far_box).and_then(|link| link.price).is_none_or(|price| price.unit != Unit::Byte)
}

/// What a packet of notes costs.
pub struct NoteCost {
    /// Bytes of the packet, with all notes in it.
    pub bytes: usize,
    /// Credits, where the link counts those.
    pub credits: Option<usize>,
    /// By the cheapest link that leads there, while nothing of a plan is free.
    pub price: Amount,
}

impl NoteCost {
    /// In a phrase: `a packet of 12 bytes, 1 credit: 0.07 USD`.
    pub fn words(&self) -> String {
        let credits = match self.credits {
            Some(1) => ", 1 credit".to_owned(),
            Some(count) => format!(", {count} credits"),
            None => String::new(),
        };
        format!("a packet of {} bytes{credits}: {}", self.bytes, self.price)
    }
}

/// What a packet of so many bytes costs that goes to a far box; `None` where no link with a price leads there.
pub fn cost(context: &Context, far_box: Option<PeerId>, bytes: usize) -> Option<NoteCost> {
    let policy = super::policy(&context.store);
    let price = policy.cheapest(far_box)?.price?;
    let extent = Extent { bytes, packets: 1 };
    let money: Money = price.of(bytes);
    let price_of = price::amount(&context.store.settings(), money);
    Some(NoteCost { bytes, credits: price.credits(extent), price: price_of })
}

/// What this box has told, and whether the box ashore takes it.
pub struct Told {
    /// The box ashore knows what to make of positions.
    pub taken: bool,
    /// What it was told last: when that was the place, the place, and when it left.
    pub last: Option<(Place, Time)>,
    /// What a position of its own packet costs.
    pub cost: Option<NoteCost>,
}

/// What is told of this box.
///
/// # Errors
/// When the store fails.
pub fn told(context: &Context) -> Result<Told, Fault> {
    let peer = context.peer(None)?;
    let last = peer
        .told_position()
        .map(|(position, at)| ((Time(position.at(at)), position.north(), position.east()), Time(at)));
    Ok(Told { taken: peer.knows_positions(), last, cost: cost(context, None, Position::ALONE) })
}

/// What is heard of a far box.
pub struct Heard {
    /// It tells where it is when it is asked.
    pub tells: bool,
    /// Since when it is asked, and has not answered.
    pub asked: Option<Time>,
    /// What the question costs; the answer is paid there.
    pub cost: Option<NoteCost>,
}

/// What is heard of where a far box is.
///
/// # Errors
/// When the store fails.
pub fn heard(context: &Context, far_box: PeerId) -> Result<Heard, Fault> {
    let peer = context.peer(Some(far_box))?;
    let cost = cost(context, Some(far_box), Position::QUESTION);
    Ok(Heard { tells: peer.knows_positions(), asked: peer.asks_position().map(Time), cost })
}

/// Has the box ashore told where this one is, soon. What is known of that is [`here`].
///
/// # Errors
/// Permanent where it takes no positions, or none is known. When the store fails.
pub fn tell(tx: &mut Tx, here: Option<Place>, now: Time) -> TxResult<()> {
    if !session::in_tx(tx, None)?.knows_positions() {
        return reject(Fault::permanent(
            "the box ashore takes no positions: it has not said so yet, or it is of an older version",
        ));
    }
    if here.is_none() {
        return reject(Fault::permanent(
            "it is not known where this box is: neither the device of a link nor gpsd has told since it was started",
        ));
    }
    session::change(tx, None, |peer| peer.tell_position(now.0))?;
    tx.look_at_sessions()
}

/// Has a far box asked where it is, soon.
///
/// # Errors
/// Permanent where it tells no positions. When the store fails.
pub fn ask(tx: &mut Tx, far_box: PeerId, now: Time) -> TxResult<()> {
    if !session::in_tx(tx, Some(far_box))?.knows_positions() {
        return reject(Fault::permanent(
            "that box tells no positions: air.position is off there, or it is of an older version",
        ));
    }
    session::change(tx, Some(far_box), |peer| peer.ask_position(now.0))?;
    tx.look_at_sessions()
}

/// A track as GPX 1.1, which charting programs and maps read.
pub fn gpx(name: &str, track: &[Place]) -> String {
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<gpx version=\"1.1\" creator=\"satpost\" \
                   xmlns=\"http://www.topografix.com/GPX/1/1\">\n"
        .to_owned();
    let escaped: String = name.chars().filter(|c| !c.is_control()).collect();
    let escaped = escaped.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(out, "<trk><name>{escaped}</name><trkseg>");
    for (at, north, east) in track {
        let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
        let _ = writeln!(out, "<trkpt lat=\"{north:.4}\" lon=\"{east:.4}\"><time>{at:.0}</time></trkpt>");
    }
    out.push_str("</trkseg></trk>\n</gpx>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_is_a_gpx_file() {
        let text = gpx("S/Y <Vela> & co", &[(Time(1_795_430_510_000), 38.5312, -28.6243)]);
        assert!(text.contains("<name>S/Y &lt;Vela&gt; &amp; co</name>"), "{text}");
        let point = "<trkpt lat=\"38.5312\" lon=\"-28.6243\"><time>2026-11-23T10:41:50Z</time></trkpt>";
        assert!(text.contains(point), "{text}");
    }
}
