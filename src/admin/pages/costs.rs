//! Shows what a month cost, by person: as a page and as a table for a spreadsheet.

use minijinja::context;

use super::{Ask, Reply};
use crate::admin::response::Response;
use crate::money::{BOX, Limit, Money, OWN, Use};
use crate::route::price;
use crate::settings::Key;
use crate::store::Span;

/// A row of the report.
struct Row {
    name: String,
    used: Use,
    /// What is reserved for messages that have not left; only in the present month.
    reserved: Use,
    limit: Limit,
}

/// Gives an amount with its currency.
pub fn amount(ask: &Ask, money: Money) -> String {
    price::amount(&ask.settings, money).to_string()
}

/// Gives the accounts of a month: the box first, then people by name; whoever used nothing is left out. A person sees
/// their own.
fn rows(ask: &Ask, month: &str) -> Result<Vec<Row>, crate::fault::Fault> {
    let (mut used, reserved) = ask.app.store.read(|view| Ok((view.spent_in(month)?, view.reserved()?)))?;
    let present = month == price::month(&ask.settings, ask.times.now);
    for account in reserved.keys().filter(|_| present) {
        if used.iter().all(|(known, _)| known != account) {
            used.push((account.clone(), Use::default()));
        }
    }
    used.sort_by(|(one, _), (other, _)| one.cmp(other));
    if !ask.operator() {
        used.retain(|(account, _)| account == ask.me());
        if used.is_empty() {
            used.push((ask.me().to_owned(), Use::default()));
        }
    } else if used.iter().all(|(account, _)| account != BOX) {
        used.insert(0, (BOX.to_owned(), Use::default()));
    }
    let row = |(name, used): (String, Use)| {
        let person = ask.service.person(&name).ok();
        let limits = price::limits(&ask.settings, person.as_deref());
        let limit = limits.into_iter().find(|(account, _)| *account == name).map(|(_, limit)| limit);
        let reserved = reserved.get(&name).filter(|_| present).copied().unwrap_or_default();
        Row { name, used, reserved, limit: limit.unwrap_or_default() }
    };
    Ok(used.into_iter().map(row).collect())
}

fn month(ask: &Ask) -> String {
    let asked = ask.request.query.get("month");
    let known = asked.len() == 7 && asked.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if known { asked.to_owned() } else { price::month(&ask.settings, ask.times.now) }
}

/// Shows the report.
pub fn show(ask: &Ask) -> Reply {
    let month = month(ask);
    let rows: Vec<_> = rows(ask, &month)?
        .into_iter()
        .map(|row| {
            context! {
                own => row.name == OWN, name => row.name,
                packets => row.used.packets, texts => row.used.texts,
                money => amount(ask, row.used.money),
                reserved => context! {
                    any => row.reserved != Use::default(),
                    packets => row.reserved.packets, texts => row.reserved.texts,
                    money => amount(ask, row.reserved.money),
                },
                most_packets => row.limit.packets,
                most_money => row.limit.money.map(|money| amount(ask, money)),
                percent => row.limit.percent(row.used.plus(row.reserved)),
            }
        })
        .collect();
    let months = ask.app.store.read(|view| view.months())?;
    let policy = crate::engine::policy(&ask.app.store);
    let cheapest = policy.cheapest_of_all();
    let packet = cheapest.and_then(|link| link.price).map_or(Money::default(), |price| price.of(100));
    let any = policy.links.iter().any(|link| link.price.is_some_and(|price| price.of(100).0 > 0));
    let priced = any || price::text_price(&ask.settings) != Money::default();
    let saved = if ask.operator() { saved(ask, &month)? } else { 0 };
    let saved = context! { packets => saved, money => (packet.0 > 0).then(|| amount(ask, packet.times(saved))) };
    Ok(ask.page(200, "costs.html", "costs", "Costs", context! { rows, month, months, priced, saved }))
}

/// Packets that the compact coding saved in a month.
fn saved(ask: &Ask, month: &str) -> Result<u64, crate::fault::Fault> {
    let months = ask.app.store.read(|view| view.usage(Span::Month, Some(BOX)))?;
    Ok(months.iter().find(|usage| usage.period == month).map_or(0, |usage| usage.counts.packets_saved))
}

/// Shows the same for a spreadsheet.
pub fn csv(ask: &Ask) -> Reply {
    let month = month(ask);
    let mut text = format!(
        "month,account,packets,texts,{},reserved\r\n",
        ask.settings.text(Key::PriceCurrency).replace([',', '"'], "")
    );
    for row in rows(ask, &month)? {
        let name = if row.name == BOX { "(box)" } else { &row.name };
        let (used, reserved) = (row.used, row.reserved.money);
        text.push_str(&format!("{month},{name},{},{},{},{reserved}\r\n", used.packets, used.texts, used.money));
    }
    Ok(Response::typed(200, "text/csv; charset=utf-8", text.into_bytes())
        .with("Content-Disposition", format!("attachment; filename=\"costs-{month}.csv\"")))
}
