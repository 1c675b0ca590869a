//! `satpost costs`: shows what a month cost, by account.

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use super::session::{Done, Failure, Session};
use super::table::columns;
use crate::money::BOX;
use crate::route::price;

/// Show what a month cost: the whole box, and each person.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "costs", example = "  satpost costs --month 2026-11")]
pub struct Costs {
    /// the month (default: this one)
    #[argh(option)]
    month: Option<String>,
    /// print JSON
    #[argh(switch)]
    json: bool,
}

impl Costs {
    pub(super) fn act(self, session: &mut Session) -> Done {
        let settings = session.context.store.settings();
        let month = self.month.unwrap_or_else(|| price::month(&settings, session.context.now()));
        let accounts = session.context.store.read(|view| view.used_in(&month)).map_err(Failure::from)?;
        let name = |account: &str| if account == BOX { "(box)".to_owned() } else { account.to_owned() };
        if self.json {
            let rows: Vec<_> = accounts
                .iter()
                .map(|(account, used)| {
                    let money = used.money.to_string();
                    json!({"account": name(account), "packets": used.packets, "texts": used.texts, "money": money})
                })
                .collect();
            session.json(&json!({"month": month, "accounts": rows}));
            return Ok(());
        }
        if accounts.is_empty() {
            session.line(format!("nothing was sent in {month}"));
            return Ok(());
        }
        let row = |(account, used): &(String, crate::money::Use)| {
            let counts = [format!("{} packets", used.packets), format!("{} texts", used.texts)];
            [vec![name(account)], counts.to_vec(), vec![price::amount(&settings, used.money).to_string()]].concat()
        };
        session.out.push_str(&columns(&accounts.iter().map(row).collect::<Vec<_>>()));
        Ok(())
    }
}
