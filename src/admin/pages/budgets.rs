//! Budgets that are nearly used up, or are: said as long as that is so, whether somebody sent much or a limit was lowered.

use super::Ask;
use crate::fault::Fault;
use crate::links::LinkRecord;
use crate::message::events::EventKind;
use crate::money::{BOX, Limit};
use crate::route::price;
use crate::settings::Key;

/// Says of each account and each link how much of its budget is used, where that is worth a warning: first the accounts, then
/// the links.
///
/// # Errors
/// As [`crate::store::Store::read`].
pub fn warnings(ask: &Ask) -> Result<(Vec<String>, Vec<String>), Fault> {
    let month = price::month(&ask.settings, ask.times.now);
    let people = ask.app.store.people();
    let used = ask.app.store.read(|view| view.used_in(&month))?;
    let mut accounts = Vec::new();
    for (account, limit) in price::limits(&ask.settings, people.iter().map(|person| &**person)) {
        if let Some((percent, reserve)) = limit.nearly_used(used.get(&account).copied().unwrap_or_default()) {
            accounts.push(EventKind::Budget { account, month: month.clone(), percent, reserve }.to_string());
        }
    }
    let mut links = Vec::new();
    for link in ask.service.links().iter().filter(|link| link.on) {
        links.extend(of_link(ask, link)?);
    }
    Ok((accounts, links))
}

fn of_link(ask: &Ask, link: &LinkRecord) -> Result<Vec<String>, Fault> {
    let budget = link.budget(u64::try_from(ask.settings.number(Key::BudgetReserve)).unwrap_or_default());
    let today = ask.app.store.today();
    let mut words = Vec::new();
    for (period, limit) in [(today.as_str(), budget.day), (today.get(..7).unwrap_or_default(), budget.month)] {
        let used = ask.app.store.read(|view| view.charged(link.id, period))?;
        if let Some((percent, reserve)) = limit.nearly_used(used) {
            let (name, period) = (link.name.clone(), period.to_owned());
            words.push(EventKind::LinkBudget { name, period, percent, reserve }.to_string());
        }
    }
    Ok(words)
}

/// How much of the budget of the whole box is used this month, in hundredths: what a person spends is in it. `None` where it
/// has none.
///
/// # Errors
/// As [`crate::store::Store::read`].
pub fn of_box(ask: &Ask) -> Result<Option<u64>, Fault> {
    let limit = price::limits(&ask.settings, []).into_iter().find(|(account, _)| account == BOX);
    let limit = limit.map_or_else(Limit::default, |(_, limit)| limit);
    let month = price::month(&ask.settings, ask.times.now);
    let used = ask.app.store.read(|view| view.used_in(&month))?;
    Ok(limit.percent(used.get(BOX).copied().unwrap_or_default()))
}
