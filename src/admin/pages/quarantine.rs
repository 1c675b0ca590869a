//! The quarantine: what came in and could not be used, with the reason.

use minijinja::context;

use super::messages::shorten;
use super::{Ask, Reply};
use crate::admin::words::say;
use crate::fault::Fault;

/// Items that the page shows.
const SHOWN: usize = 100;
/// Note in the store: the newest item that somebody has seen. The name is that of the first version.
const SEEN: &str = "aside-seen";
/// Characters of hex that the page shows of an item.
const HEX: usize = 384;

/// Shows the items, newest first.
pub fn show(ask: &Ask) -> Reply {
    let items = ask.app.store.read(|view| view.quarantined(SHOWN))?;
    let newest = items.first().map(|(number, _)| *number);
    let rows: Vec<_> = items
        .iter()
        .map(|(number, item)| {
            context! {
                number, source => item.source, why => item.why.to_string(), hex => shorten(&item.bytes, HEX),
                size => item.bytes.len() / 2, at => ask.times.moment(item.at),
            }
        })
        .collect();
    let values = context! { rows, newest, unseen => unseen(ask) > 0 };
    Ok(ask.page(200, "quarantine.html", "messages", &say!("common.quarantine"), values))
}

/// Counts the items that came in since somebody looked.
pub fn unseen(ask: &Ask) -> usize {
    let count = ask.app.store.read(|view| {
        let seen = view.note(SEEN)?.and_then(|bytes| String::from_utf8(bytes).ok()?.parse::<u64>().ok());
        Ok(view.quarantined(SHOWN)?.iter().filter(|(number, _)| Some(*number) > seen).count())
    });
    count.unwrap_or_default()
}

/// Marks the items as seen.
pub fn seen(ask: &Ask) -> Reply {
    let newest: u64 =
        ask.request.form.get("newest").parse().map_err(|_| Fault::permanent(say!("quarantine.there_is_nothing_in")))?;
    ask.service.see_quarantine(SEEN, newest)?;
    ask.done("/", say!("quarantine.marked_as_seen_the"))
}
