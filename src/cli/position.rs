//! `satpost position`: where this box and its far boxes are, what it costs to tell, and tracks for other programs.

use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use super::session::{Done, Failure, Session};
use super::table::columns;
use crate::engine::position;
use crate::message::LinkId;
use crate::settings::Key;
use crate::store::{Place, Track};

/// Show, tell and ask positions.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "position",
    example = "On a gateway, where the boat vela is, and its track for a charting program:

  satpost position ask vela
  satpost position track vela --days 31 --gpx > vela.gpx",
    note = "A station tells its position by itself where air.position is on; else by hand. What a packet costs is said before."
)]
pub struct Position {
    #[argh(subcommand)]
    what: What,
}

#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand)]
enum What {
    Show(Show),
    Send(Send),
    Ask(AskIt),
    Track(ShowTrack),
}

/// Show where this box is, what was told ashore and what that costs, and where far boxes were when they told.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "show")]
struct Show {
    /// print JSON
    #[argh(switch)]
    json: bool,
}

/// Send the position of this box to the box ashore, once, in the next packet.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "send")]
struct Send {
    /// say what it costs, and send nothing
    #[argh(switch)]
    dry_run: bool,
}

/// Ask a far box where it is. Its answer is paid there.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "ask")]
struct AskIt {
    /// name or address of the far box
    #[argh(positional)]
    far_box: String,
    /// say what it costs, and ask nothing
    #[argh(switch)]
    dry_run: bool,
}

/// Print a track: of this box, or of a far box as it told.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "track")]
struct ShowTrack {
    /// name or address of a far box (default: this box)
    #[argh(positional)]
    far_box: Option<String>,
    /// so many days (default: 7)
    #[argh(option, default = "7")]
    days: u64,
    /// as GPX, for charting programs
    #[argh(switch)]
    gpx: bool,
}

impl Position {
    pub(super) fn act(self, session: &mut Session) -> Done {
        match self.what {
            What::Show(show) => show.act(session),
            What::Send(send) => {
                let cost = position::cost(session.context, None, compact::peer::Position::ALONE);
                say_cost(session, cost);
                if !send.dry_run {
                    let here = position::here(session.context);
                    session.service().tell_position(here).map_err(Failure::of_request)?;
                    session.line("the position goes with the next packet");
                }
                Ok(())
            }
            What::Ask(ask) => {
                let far_box =
                    session.service().far_box(&ask.far_box).map_err(|fault| Failure::not_found(fault.why()))?;
                let cost = position::cost(session.context, Some(far_box.id), compact::peer::Position::QUESTION);
                say_cost(session, cost);
                if !ask.dry_run {
                    session.service().ask_position(far_box.id).map_err(Failure::of_request)?;
                    session.line(format!("{} is asked with the next packet", far_box.shown()));
                }
                Ok(())
            }
            What::Track(track) => track.act(session),
        }
    }
}

fn say_cost(session: &mut Session, cost: Option<position::NoteCost>) {
    match cost {
        Some(cost) => session.line(format!("alone: {}", cost.words())),
        None => session.line("no link with a price leads there"),
    }
}

fn shown((at, north, east): Place) -> serde_json::Value {
    json!({ "at": at.to_string(), "latitude": north, "longitude": east })
}

impl Show {
    fn act(&self, session: &mut Session) -> Done {
        let (context, store) = (session.context, &session.context.store);
        let here = position::here(context);
        let told = match crate::engine::policy(store).by_satellite() {
            true => Some(position::told(context)?),
            false => None,
        };
        let mut far_boxes = Vec::new();
        let from = context.now() - Duration::from_secs(31 * 86_400);
        for far_box in store.people().far_boxes() {
            let last = store.read(|view| view.track(Track::FarBox(far_box.id), from))?.last().copied();
            far_boxes.push((far_box.shown(), last, position::heard(context, far_box.id)?));
        }
        if self.json {
            session.json(&json!({
                "here": here.map(shown),
                "told": told.as_ref().map(|told| json!({
                    "taken": told.taken,
                    "place": told.last.map(|(place, _)| shown(place)),
                    "at": told.last.map(|(_, at)| at.to_string()),
                    "bytes": told.cost.as_ref().map(|cost| cost.bytes),
                    "credits": told.cost.as_ref().and_then(|cost| cost.credits),
                    "price": told.cost.as_ref().map(|cost| cost.price.money.to_string()),
                })),
                "far_boxes": far_boxes.iter().map(|(name, last, heard)| json!({
                    "name": name,
                    "place": last.map(shown),
                    "tells": heard.tells,
                    "asked": heard.asked.map(|at| at.to_string()),
                })).collect::<Vec<_>>(),
            }));
            return Ok(());
        }
        session.line(match here {
            Some((at, north, east)) => format!("here: {north:.4} {east:.4} at {at}"),
            None => "here: not known".to_owned(),
        });
        if let Some(told) = told {
            session.line(match told.last {
                Some(((_, north, east), at)) => format!("told ashore: {north:.4} {east:.4} at {at}"),
                None if told.taken => "told ashore: nothing yet".to_owned(),
                None => "told ashore: nothing, the box there has not said that it takes positions".to_owned(),
            });
            say_cost(session, told.cost);
        }
        let rows: Vec<_> = far_boxes
            .into_iter()
            .map(|(name, last, heard)| {
                let place =
                    last.map_or("not known".to_owned(), |(at, north, east)| format!("{north:.4} {east:.4} at {at}"));
                let asked = heard.asked.map_or(String::new(), |at| format!("asked at {at}"));
                vec![name, place, asked]
            })
            .collect();
        session.out.push_str(&columns(&rows));
        Ok(())
    }
}

impl ShowTrack {
    fn act(&self, session: &mut Session) -> Done {
        let store = &session.context.store;
        let from = session.context.now() - Duration::from_secs(self.days.min(36_500) * 86_400);
        let (name, track) = match &self.far_box {
            Some(text) => {
                let far_box = session.service().far_box(text).map_err(|fault| Failure::not_found(fault.why()))?;
                (far_box.shown(), store.read(|view| view.track(Track::FarBox(far_box.id), from))?)
            }
            None => {
                let links: Vec<_> = store.links().iter().map(|link| link.id).chain([LinkId::BOX]).collect();
                let mut best: Vec<Place> = Vec::new();
                for link in links {
                    let track = store.read(|view| view.track(Track::Link(link), from))?;
                    if track.last().map(|(at, ..)| *at) > best.last().map(|(at, ..)| *at) {
                        best = track;
                    }
                }
                (store.settings().text(Key::BoxName).to_owned(), best)
            }
        };
        if self.gpx {
            session.out.push_str(&position::gpx(&name, &track));
            return Ok(());
        }
        let row = |(at, north, east): &Place| vec![at.to_string(), format!("{north:.4}"), format!("{east:.4}")];
        session.out.push_str(&columns(&track.iter().map(row).collect::<Vec<_>>()));
        Ok(())
    }
}
