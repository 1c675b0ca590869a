//! Where the device of a link is, and where it was: for everybody aboard. Where far boxes were when they told: for who runs
//! the box.

use std::time::Duration;

use compact::peer::Position;
use minijinja::{Value, context};

use super::links::coordinates;
use super::{Ask, Reply, query};
use crate::address::PeerId;
use crate::admin::map::{self, FARTHEST};
use crate::admin::response::Response;
use crate::admin::words::say;
use crate::clock::Time;
use crate::engine::position;
use crate::fault::Fault;
use crate::message::LinkId;
use crate::settings::Key;
use crate::status::LinkStatus;
use crate::store::{Place, Track};

/// Days that a track may cover.
const DAYS: [u64; 3] = [1, 7, 31];
/// Rows of the table behind the map.
const ROWS: usize = 48;

/// Shows where this box is.
pub fn show(ask: &Ask) -> Reply {
    let days = days(ask);
    let drawn = drawn(ask, "/position", days, own(ask, days)?);
    let told = match ask.operator() && crate::engine::policy(&ask.app.store).by_satellite() {
        true => Some(position::told(&ask.app.context)?),
        false => None,
    };
    let told = told.map(|told| {
        context! {
            taken => told.taken,
            last => told.last.map(|((at, north, east), left)| context! {
                place => coordinates(north, east), at => ask.times.moment(at), left => ask.times.moment(left),
            }),
            cost => told.cost.map(|cost| cost.words()),
            rides => Position::NOTE,
            shares => ask.settings.on(Key::AirPosition),
        }
    });
    let values =
        context! { gps => ask.app.status.facts().gps.map(|gps| gps.words()), told, gpx => "/position.gpx", ..drawn };
    Ok(ask.page(200, "position.html", "position", &say!("common.position"), values))
}

/// Has the box ashore told where this one is.
pub fn send(ask: &Ask) -> Reply {
    match ask.service.tell_position(position::here(&ask.app.context)) {
        Ok(()) => ask.done("/position", say!("position.the_position_goes_with")),
        Err(Fault::Permanent(why)) => ask.done("/position", say!("position.nothing_was_sent", why = why)),
        Err(fault) => Err(fault),
    }
}

/// Gives the track of this box as a file.
pub fn gpx(ask: &Ask) -> Reply {
    let name = ask.settings.text(Key::BoxName).to_owned();
    Ok(file(&name, &own(ask, days(ask))?))
}

/// Shows where a far box was when it told.
pub fn far_box(ask: &Ask, number: &str) -> Reply {
    let Some(far_box) = ask.far_box(number) else { return Ok(ask.sorry(404, &say!("error.no_such_far_box"))) };
    let (days, base) = (days(ask), format!("/far-boxes/{}/position", far_box.id));
    let drawn = drawn(ask, &base, days, of_far_box(ask, far_box.id, days)?);
    let gpx = format!("/far-boxes/{}/track.gpx", far_box.id);
    let values = context! { far_box => far_box.shown(), id => far_box.id.0, gpx, ..drawn };
    Ok(ask.page(200, "position.html", "far-boxes", &say!("position.position_of", far_box = far_box.shown()), values))
}

/// Gives the track of a far box as a file.
pub fn far_box_gpx(ask: &Ask, number: &str) -> Reply {
    let Some(far_box) = ask.far_box(number) else { return Ok(ask.sorry(404, &say!("error.no_such_far_box"))) };
    Ok(file(&far_box.shown(), &of_far_box(ask, far_box.id, days(ask))?))
}

/// What the page of a far box says of its position.
pub fn heard(ask: &Ask, id: PeerId) -> Result<Value, Fault> {
    let heard = position::heard(&ask.app.context, id)?;
    let last = of_far_box(ask, id, DAYS[2])?.last().copied();
    Ok(context! {
        place => last.map(|(_, north, east)| coordinates(north, east)),
        at => last.map(|(at, ..)| ask.times.moment(at)),
        tells => heard.tells,
        asked => heard.asked.map(|at| ask.times.moment(at)),
        cost => heard.cost.map(|cost| cost.words()),
    })
}

fn days(ask: &Ask) -> u64 {
    DAYS.into_iter().find(|days| ask.request.query.get("days") == days.to_string()).unwrap_or(7)
}

fn since(ask: &Ask, days: u64) -> Time {
    ask.times.now - Duration::from_secs(days * 86_400)
}

fn of_far_box(ask: &Ask, id: PeerId, days: u64) -> Result<Vec<Place>, Fault> {
    ask.app.store.read(|view| view.track(Track::FarBox(id), since(ask, days)))
}

fn file(name: &str, track: &[Place]) -> Response {
    let kind = "application/gpx+xml; charset=utf-8";
    Response::typed(200, kind, position::gpx(name, track).into_bytes())
        .with("Content-Disposition", "attachment; filename=\"track.gpx\"".to_owned())
}

/// A track with its map and table; `base` is the path of the page.
fn drawn(ask: &Ask, base: &str, days: u64, track: Vec<Place>) -> Value {
    let last = track.last().copied();
    let words = match last {
        Some((_, north, east)) if track.len() > 1 => {
            let miles = map::miles(&track);
            say!("position.miles_in", place = coordinates(north, east), miles = format!("{miles:.0}"), n = days)
        }
        Some((_, north, east)) => format!("{}.", coordinates(north, east)),
        None => String::new(),
    };
    let map = map::picture(&track, ask.request.query.get("view").parse().ok(), &words);
    let view = map.as_ref().map_or(0, |map| map.view);
    let here = |days: u64, view: &str| format!("{base}{}", query(&[("days", &days.to_string()), ("view", view)]));
    let step = track.len().div_ceil(ROWS).max(1);
    let rows: Vec<_> = track
        .iter()
        .rev()
        .step_by(step)
        .map(|(at, north, east)| context! { at => ask.times.moment(*at), place => coordinates(*north, *east) })
        .collect();
    context! {
        rows,
        days,
        map => map.map(|map| map.svg),
        place => last.map(|(_, north, east)| coordinates(north, east)),
        at => last.map(|(at, ..)| ask.times.moment(at)),
        fresh => last.is_some_and(|(at, ..)| at == ask.times.now),
        miles => (track.len() > 1).then(|| format!("{:.0}", map::miles(&track))),
        tabs => DAYS.map(|known| context! { days => known, href => here(known, ""), current => known == days }),
        nearer => view.checked_sub(1).map(|view| here(days, &view.to_string())),
        farther => (view < FARTHEST).then(|| here(days, &(view + 1).to_string())),
    }
}

/// Where the box is, as far as that is known: the place, when that was if it is not now, and how it is known.
pub fn here(ask: &Ask) -> Option<Value> {
    let facts = ask.app.status.facts();
    let newest = position::known(&facts, ask.times.now).into_iter().max_by_key(|known| known.place.0)?;
    let (at, north, east) = newest.place;
    let (how, fresh) = match newest.device {
        Some(health) => {
            let fix = health.fix.as_ref().map(ToString::to_string);
            let altitude = health
                .position
                .map(|(_, _, altitude)| say!("position.m_above_sea_level", altitude = format!("{altitude:.0}")));
            (fix.into_iter().chain(altitude).collect::<Vec<_>>().join(", "), health.ready)
        }
        None => (say!("position.from_the_receiver_of"), ask.times.now.since(at) < NOW),
    };
    let stale = (!fresh).then(|| ask.times.moment(at));
    Some(context! { place => coordinates(north, east), how, stale })
}

/// gpsd is asked twice a minute: what it said within this time is where the box is now.
const NOW: Duration = Duration::from_secs(90);

/// The places of the link, or of the receiver of gpsd, that noted one last, oldest first; where it is now stands at the end.
fn own(ask: &Ask, days: u64) -> Result<Vec<Place>, Fault> {
    let (mut tracks, from) = (Vec::new(), since(ask, days));
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
    let mut track = ask.app.store.read(|view| view.track(Track::Link(link), from))?;
    let newer = |last: &Place| last.0 >= from && track.last().is_none_or(|(at, ..)| last.0 > *at);
    track.extend(last.filter(newer));
    Ok(track)
}
