//! The last lines of the log, with a filter.

use log::Level;
use minijinja::context;

use super::{Ask, Reply};
use crate::admin::words::say;
use crate::sys::recent;

/// Lines that the page shows.
const SHOWN: usize = 200;
/// What may be asked for: the least grave level that is shown.
const LEVELS: [(&str, Level); 3] = [("everything", Level::Debug), ("warnings", Level::Warn), ("errors", Level::Error)];

/// Shows the page; `?level=` and `?q=` filter.
pub fn show(ask: &Ask) -> Reply {
    let query = &ask.request.query;
    let (level, least) = LEVELS.into_iter().find(|(name, _)| *name == query.get("level")).unwrap_or(LEVELS[0]);
    let search: String = query.get("q").trim().chars().take(100).collect();
    let wanted = search.to_lowercase();
    let all = recent::lines();
    let fits = |line: &&recent::Line| {
        line.level <= least && format!("{} {}", line.part, line.text).to_lowercase().contains(&wanted)
    };
    let rows: Vec<_> = all
        .iter()
        .rev()
        .filter(fits)
        .take(SHOWN)
        .map(|line| {
            let (tone, word) = match line.level {
                Level::Error => ("bad", "error"),
                Level::Warn => ("warn", "warning"),
                Level::Info | Level::Debug | Level::Trace => ("off", "note"),
            };
            context! { at => ask.times.moment(line.at), tone, word, part => line.part, text => line.text }
        })
        .collect();
    let levels: Vec<_> = LEVELS.iter().map(|(name, _)| *name).collect();
    Ok(ask.page(200, "log.html", "about", &say!("log.log_of_the_program"), context! { rows, levels, level, search }))
}
