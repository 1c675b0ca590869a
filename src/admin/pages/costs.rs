//! Shows what a month cost, by person: as a page and as a table for a spreadsheet.

use minijinja::{Value, context};

use super::{Ask, Reply};
use crate::admin::bars::{self, Bars};
use crate::admin::response::Response;
use crate::admin::view::short_date;
use crate::admin::words::say;
use crate::money::{BOX, Limit, Money, OWN, OverBudget, Use};
use crate::route::price;
use crate::settings::Key;
use crate::store::Span;

/// A hundredth of the currency: a forecast says no more.
const CENT: f64 = 10_000.0;

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

/// Gives a sum that was spent with its currency.
pub fn sum(ask: &Ask, money: Money) -> String {
    price::sum(&ask.settings, money).to_string()
}

/// Says that a budget would hold it back where that link has to take it, and which.
pub fn held_by(link: &str, over: Option<&OverBudget>) -> Option<String> {
    over.map(|over| say!("compose.held_by", link = link, budget = over))
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
                money => sum(ask, row.used.money),
                reserved => context! {
                    any => row.reserved != Use::default(),
                    packets => row.reserved.packets, texts => row.reserved.texts,
                    money => sum(ask, row.reserved.money),
                },
                most_packets => row.limit.packets,
                most_money => row.limit.money.map(|money| amount(ask, money)),
                percent => row.limit.percent(row.used.plus(row.reserved)),
            }
        })
        .collect();
    let months = ask.app.store.read(|view| view.months())?;
    let spent = ask.app.store.read(|view| view.used_by(if ask.operator() { BOX } else { ask.me() }))?;
    let values: Vec<_> = spent.iter().map(|(month, used)| (month.clone(), used.money.0 as f64)).collect();
    let money = |value: f64| sum(ask, Money(value as i64));
    let plot =
        bars::picture(&Bars { id: "money", title: &say!("costs.money_by_month"), values: &values, words: &money });
    let by_month: Vec<_> = spent
        .iter()
        .rev()
        .map(|(month, used)| context! { month, money => sum(ask, used.money), packets => used.packets, texts => used.texts })
        .collect();
    let account = if ask.operator() { BOX } else { ask.me() };
    let reserved = ask.app.store.read(|view| view.reserved())?.get(account).copied().unwrap_or_default();
    let forecast = forecast(ask, &month, &spent, reserved);
    let of_box = if ask.operator() { None } else { super::budgets::of_box(ask)? };
    let policy = crate::engine::policy(&ask.app.store);
    let cheapest = policy.cheapest_of_all();
    let packet = cheapest.and_then(|link| link.price).map_or(Money::default(), |price| price.of(100));
    let any = policy.links.iter().any(|link| link.price.is_some_and(|price| price.of(100).0 > 0));
    let priced = any || price::text_price(&ask.settings) != Money::default();
    let saved = if ask.operator() { saved(ask, &month)? } else { 0 };
    let saved = context! { packets => saved, money => (packet.0 > 0).then(|| amount(ask, packet.times(saved))) };
    Ok(ask.page(
        200,
        "costs.html",
        "costs",
        &say!("costs.costs"),
        context! { rows, month, months, priced, saved, plot, by_month, forecast, of_box },
    ))
}

/// What the present month comes to if it goes on as it began, and at least what is spent and reserved; and when its budget is used up then; `None` for its first two
/// days, and for other months.
fn forecast(ask: &Ask, month: &str, spent: &[(String, Use)], reserved: Use) -> Option<Value> {
    let now = jiff::Timestamp::from_second(ask.times.now.seconds()).ok()?.to_zoned(ask.times.zone.clone());
    let (_, used) =
        spent.iter().find(|(known, _)| known == month && *month == price::month(&ask.settings, ask.times.now))?;
    let passed = f64::from(now.day()) - 1.0 + f64::from(now.hour()) / 24.0;
    let (days, whole) = (passed, f64::from(now.days_in_month()));
    if days < 2.0 || *used == Use::default() {
        return None;
    }
    let all = used.plus(reserved);
    let grown = |amount: f64, least: f64| (amount / days * whole).max(least);
    let account = if ask.operator() { BOX } else { ask.me() };
    let person = ask.service.person(ask.me()).ok();
    let limits = price::limits(&ask.settings, person.as_deref());
    let limit = limits.into_iter().find(|(known, _)| known == account).map(|(_, limit)| limit).unwrap_or_default();
    let by_money = limit.money.map(|most| (most.0 as f64, used.money.0 as f64));
    let by_packets = limit.packets.map(|most| (most as f64, used.packets as f64));
    let ends = [by_money, by_packets]
        .into_iter()
        .flatten()
        .filter(|(_, used)| *used > 0.0)
        .map(|(most, used)| (most / used * days).max(days));
    let end = ends.fold(f64::INFINITY, f64::min);
    let end = (end < whole)
        .then(|| now.date().first_of_month().checked_add(jiff::Span::new().days(end as i32)).ok())
        .flatten();
    Some(context! {
        money => (all.money.0 > 0).then(|| amount(ask, Money((grown(used.money.0 as f64, all.money.0 as f64) / CENT).round() as i64 * CENT as i64))),
        packets => grown(used.packets as f64, all.packets as f64) as u64,
        texts => grown(used.texts as f64, all.texts as f64) as u64,
        end => end.map(short_date),
    })
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
