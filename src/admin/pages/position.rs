//! Where the device of a link is, and where it was: for everybody aboard.

use std::time::Duration;

use minijinja::{Value, context};

use super::links::coordinates;
use super::{Ask, Reply, query};
use crate::admin::map::{self, FARTHEST, Place};
use crate::clock::Time;
use crate::fault::Fault;
use crate::link::Series;
use crate::message::LinkId;
use crate::status::LinkStatus;

/// Days that a track may cover.
const DAYS: [u64; 3] = [1, 7, 31];
/// Rows of the table behind the map.
const ROWS: usize = 48;

/// Shows the page.
pub fn show(ask: &Ask) -> Reply {
    let asked = &ask.request.query;
    let days = DAYS.into_iter().find(|days| asked.get("days") == days.to_string()).unwrap_or(7);
    let track = track(ask, ask.times.now - Duration::from_secs(days * 86_400))?;
    let last = track.last().copied();
    let words = match last {
        Some((_, north, east)) if track.len() > 1 => {
            let miles = map::miles(&track);
            format!(
                "{}; {miles:.0} nautical miles in {days} {}.",
                coordinates(north, east),
                if days == 1 { "day" } else { "days" }
            )
        }
        Some((_, north, east)) => format!("{}.", coordinates(north, east)),
        None => String::new(),
    };
    let map = map::picture(&track, asked.get("view").parse().ok(), &words);
    let view = map.as_ref().map_or(0, |map| map.view);
    let here = |days: u64, view: &str| format!("/position{}", query(&[("days", &days.to_string()), ("view", view)]));
    let step = track.len().div_ceil(ROWS).max(1);
    let rows: Vec<_> = track
        .iter()
        .rev()
        .step_by(step)
        .map(|(at, north, east)| context! { at => ask.times.moment(*at), place => coordinates(*north, *east) })
        .collect();
    let values = context! {
        rows,
        map => map.map(|map| map.svg),
        place => last.map(|(_, north, east)| coordinates(north, east)),
        at => last.map(|(at, ..)| ask.times.moment(at)),
        fresh => last.is_some_and(|(at, ..)| at == ask.times.now),
        miles => (track.len() > 1).then(|| format!("{:.0}", map::miles(&track))),
        gps => ask.app.status.facts().gps.map(|gps| gps.words()),
        tabs => DAYS.map(|known| context! { days => known, href => here(known, ""), current => known == days }),
        nearer => view.checked_sub(1).map(|view| here(days, &view.to_string())),
        farther => (view < FARTHEST).then(|| here(days, &(view + 1).to_string())),
    };
    Ok(ask.page(200, "position.html", "position", "Position", values))
}

/// Where the box is, as far as that is known: the place, when that was if it is not now, and how it is known.
pub fn here(ask: &Ask) -> Option<Value> {
    let facts = ask.app.status.facts();
    let mut known: Vec<(Time, Value)> = Vec::new();
    for live in facts.links.values() {
        let Some((health, (north, east, altitude))) =
            live.health.as_ref().and_then(|health| Some((health, health.position?)))
        else {
            continue;
        };
        let at = if health.ready { ask.times.now } else { live.up.since };
        let fix = health.fix.as_ref().map(ToString::to_string);
        let how = fix.into_iter().chain([format!("{altitude:.0} m above sea level")]).collect::<Vec<_>>().join(", ");
        known.push((
            at,
            context! {
                place => coordinates(north, east), how,
                stale => (!health.ready).then(|| ask.times.moment(at)),
            },
        ));
    }
    if let Some((north, east, at)) = facts.gps.as_ref().and_then(|gps| gps.place) {
        let fresh = ask.times.now.since(at) < NOW;
        let stale = (!fresh).then(|| ask.times.moment(at));
        known.push((at, context! { place => coordinates(north, east), how => "from the receiver of gpsd", stale }));
    }
    known.into_iter().max_by_key(|(at, _)| *at).map(|(_, place)| place)
}

/// gpsd is asked twice a minute: what it said within this time is where the box is now.
const NOW: Duration = Duration::from_secs(90);

/// The places of the link, or of the receiver of gpsd, that noted one last, oldest first; where it is now stands at the end.
fn track(ask: &Ask, from: Time) -> Result<Vec<Place>, Fault> {
    let mut tracks = Vec::new();
    let facts = ask.app.status.facts();
    for link in ask.service.links().iter() {
        let live = facts.links.get(&link.id).filter(|live| live.is_ready());
        let health = live.and_then(|live: &LinkStatus| live.health.as_ref());
        let now = health.and_then(|health| health.position).map(|(north, east, _)| (ask.times.now, north, east));
        tracks.push(noted(ask, link.id, from, now)?);
    }
    let place = facts.gps.and_then(|gps| gps.place);
    let fresh = |at: Time| if ask.times.now.since(at) < NOW { ask.times.now } else { at };
    tracks.push(noted(ask, LinkId::BOX, from, place.map(|(north, east, at)| (fresh(at), north, east)))?);
    Ok(tracks.into_iter().max_by_key(|track| track.last().map(|(at, ..)| *at)).unwrap_or_default())
}

/// The places of one of them since then; behind them the last one that is known.
fn noted(ask: &Ask, link: LinkId, from: Time, last: Option<Place>) -> Result<Vec<Place>, Fault> {
    let series = |series: Series| ask.app.store.read(|view| view.samples(link, series.word(), from));
    let (north, east) = (series(Series::Latitude)?, series(Series::Longitude)?);
    let mut east = east.into_iter().peekable();
    let mut track = Vec::new();
    // Both are noted at the same moments.
    for (at, north) in north {
        while east.next_if(|(known, _)| *known < at).is_some() {}
        if let Some((_, east)) = east.next_if(|(known, _)| *known == at) {
            track.push((at, north, east));
        }
    }
    let newer = |last: &Place| last.0 >= from && track.last().is_none_or(|(at, ..)| last.0 > *at);
    track.extend(last.filter(newer));
    Ok(track)
}
