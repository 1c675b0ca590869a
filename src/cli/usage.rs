//! `satpost usage`: counts messages, packets and bytes by day, month, year or person.

use argh::{ArgsInfo, FromArgs};

use super::session::{Done, Failure, Session};
use super::table::columns;
use crate::store::{Span, Usage as Row};

/// Count messages, packets and bytes by day, month or year, or by person, newest first.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "usage",
    example = "  satpost usage --by month
  satpost usage --by day --person anna --json",
    note = "A day ends at midnight in the time zone of the box (box.time_zone)."
)]
pub struct Usage {
    /// day, month, year or person (default: day)
    #[argh(option, default = "Span::Day")]
    by: Span,
    /// only of this person (default: the whole box; with '--by person' everybody)
    #[argh(option)]
    person: Option<String>,
    /// print JSON
    #[argh(switch)]
    json: bool,
}

impl Usage {
    pub(super) fn act(self, session: &mut Session) -> Done {
        let person = self.person.map(|name| name.to_lowercase());
        if let Some(name) = &person
            && session.context.store.people().get(name).is_none()
            && session.context.store.read(|view| view.usage(Span::Year, Some(name)))?.is_empty()
        {
            return Err(Failure::not_found(format!("nothing was counted for '{name}', and nobody here has that name")));
        }
        let rows = session.context.store.read(|view| view.usage(self.by, person.as_deref()))?;
        if self.json {
            session.json(&rows);
            return Ok(());
        }
        if rows.is_empty() {
            session.line("nothing was counted yet");
            return Ok(());
        }
        let credits = rows.iter().any(|row| row.counts.credits > 0);
        let row = |Row { period, person, counts }: &Row| {
            let name = if person.is_empty() { "(box)" } else { person };
            let mut cells = vec![
                period.clone(),
                name.to_owned(),
                format!("{} in", counts.taken.values().sum::<u64>()),
                format!("{} out", counts.left.values().sum::<u64>()),
                format!("{} received", counts.got),
                format!("{} returned", counts.returned),
                format!("{} refused", counts.refused),
                format!("{} packets sent", counts.packets_sent),
                format!("{} packets received", counts.packets_in),
            ];
            cells.extend(credits.then(|| format!("{} credits", counts.credits)));
            cells
        };
        session.out.push_str(&columns(&rows.iter().map(row).collect::<Vec<_>>()));
        Ok(())
    }
}
