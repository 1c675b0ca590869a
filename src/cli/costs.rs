//! `satpost costs`: shows what a month cost, by account.

use std::collections::BTreeMap;

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use super::session::{Done, Failure, Session};
use super::table::columns;
use crate::money::{BOX, Use};
use crate::route::price;

/// Show what a month cost: the whole box, and each person; and what is reserved for messages that have not left.
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
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let in_year = |month: &str| matches!(month.parse(), Ok(1..=12_u8));
        if !month.split_once('-').is_some_and(|(year, rest)| {
            year.len() == 4 && number(year) && rest.len() == 2 && number(rest) && in_year(rest)
        }) {
            let why = format!("'{}' is no month: write it as 2026-11", month.escape_debug());
            return Err(Failure::usage(why));
        }
        let present = month == price::month(&settings, session.context.now());
        let read = session.context.store.read(|view| Ok((view.spent_in(&month)?, view.reserved()?)));
        let (spent, mut reserved) = read.map_err(Failure::from)?;
        reserved.retain(|_, held| present && *held != Use::default());
        let mut accounts: BTreeMap<String, (Use, Use)> =
            spent.into_iter().map(|(account, spent)| (account, (spent, Use::default()))).collect();
        for (account, held) in reserved {
            accounts.entry(account).or_default().1 = held;
        }
        let name = |account: &str| if account == BOX { "(box)".to_owned() } else { account.to_owned() };
        if self.json {
            let rows: Vec<_> = accounts
                .iter()
                .map(|(account, (spent, held))| {
                    let use_of = |used: &Use| json!({"packets": used.packets, "texts": used.texts, "money": used.money.to_string()});
                    let mut row = use_of(spent);
                    row["account"] = name(account).into();
                    row["reserved"] = use_of(held);
                    row
                })
                .collect();
            session.json(&json!({"month": month, "accounts": rows}));
            return Ok(());
        }
        if accounts.is_empty() {
            session.line(format!("nothing was sent in {month}"));
            return Ok(());
        }
        let amount = |money| price::sum(&settings, money).to_string();
        let some = |count: u64, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let row = |(account, (spent, held)): (&String, &(Use, Use))| {
            let reserved = match (held.packets, held.texts) {
                (0, 0) => String::new(),
                (packets, 0) => format!("and reserved: {}, {}", some(packets, "packet"), amount(held.money)),
                (0, texts) => format!("and reserved: {}, {}", some(texts, "text"), amount(held.money)),
                (packets, texts) => {
                    let both = [some(packets, "packet"), some(texts, "text"), amount(held.money)].join(", ");
                    format!("and reserved: {both}")
                }
            };
            let counts = [some(spent.packets, "packet"), some(spent.texts, "text")];
            [vec![name(account)], counts.to_vec(), vec![amount(spent.money), reserved]].concat()
        };
        session.out.push_str(&columns(&accounts.iter().map(row).collect::<Vec<_>>()));
        Ok(())
    }
}
