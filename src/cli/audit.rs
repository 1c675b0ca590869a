//! `satpost audit`: shows who changed what.

use argh::{ArgsInfo, FromArgs};

use super::session::{Done, Session};
use super::table::{columns, one_line};

/// Print the audit log, newest first: who changed what, from where and when.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "audit",
    example = "  satpost audit --search people.
  satpost audit --limit 1000 --json",
    note = "It holds neither messages nor the values of secrets."
)]
pub struct Audit {
    /// only records that contain this: a name, an address, an action such as settings.set
    #[argh(option, default = "String::new()")]
    search: String,
    /// at most so many (default 100)
    #[argh(option, default = "100")]
    limit: usize,
    /// print JSON
    #[argh(switch)]
    json: bool,
}

impl Audit {
    pub(super) fn act(&self, session: &mut Session) -> Done {
        let found = session.context.store.read(|view| view.audit(None, &self.search, self.limit))?;
        if self.json {
            let row = |(number, record): &(u64, crate::store::Record)| {
                serde_json::json!({
                    "number": number, "at": record.at.to_string(), "first": record.first.to_string(),
                    "count": record.count, "who": record.who, "from": record.from, "action": record.action,
                    "about": record.about, "words": record.words,
                })
            };
            session.json(&found.iter().map(row).collect::<Vec<_>>());
            return Ok(());
        }
        let row = |(_, record): &(u64, crate::store::Record)| {
            let who = if record.who.is_empty() { "unknown" } else { &record.who };
            let times = if record.count > 1 { format!(" ({} times)", record.count) } else { String::new() };
            vec![
                record.at.to_string(),
                format!("{who}, {}", record.from),
                record.action.clone(),
                record.about.clone(),
                format!("{}{times}", one_line(&record.words, 300)),
            ]
        };
        session.out.push_str(&columns(&found.iter().map(row).collect::<Vec<_>>()));
        Ok(())
    }
}
