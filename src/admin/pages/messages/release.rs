//! What it costs to release what is held, before anybody does it: one message, and all that its sender has waiting.

use std::collections::BTreeMap;

use minijinja::{Value, context};

use crate::address::Address;
use crate::admin::pages::{Ask, Reply, costs, queue};
use crate::admin::words::say;
use crate::engine::actions::{Cost, MessageAction, is_releasable, waits_for_budget};
use crate::fault::Fault;
use crate::message::{Id, Message};
use crate::money::{BOX, Bill, Use};
use crate::route::choose::Policy;
use crate::route::price;
use crate::store::Queue;

/// Messages on hold that are looked through for those of one sender.
const LOOKED_AT: usize = 500;

/// Gives what the page says beside its buttons: the cost of this message and of all of its sender, and what is left to spend.
///
/// # Errors
/// As [`crate::store::Store::read`].
pub fn offer(ask: &Ask, policy: &Policy, message: &Message) -> Result<Value, Fault> {
    let all = of_sender(ask, policy, message)?;
    let others = Some(&all).filter(|all| all.len() > 1).map(|all| {
        let sender = message.header_from().to_string();
        context! { count => all.len(), sender, cost => Cost::of_all(policy, all).to_string() }
    });
    let month = price::month(&ask.settings, ask.times.now);
    let used = ask.app.store.read(|view| view.used_in(&month))?;
    let bill = policy.bill(message).unwrap_or_default();
    // What its quote has no room for waits for that, and says so.
    let over = policy.dearest(message, true).filter(|_| bill.over(bill.wanted, &used).is_none());
    let over = over.and_then(|cost| costs::held_by(&cost.link.name, bill.over(cost.at_most, &used).as_ref()));
    let cost = Cost::of(policy, message).to_string();
    Ok(context! { cost, left => left(ask, &bill, &used), over, all => others })
}

/// Releases all that the sender of a message has waiting, oldest first, until one may not go.
pub fn all(ask: &Ask, id: &str) -> Reply {
    let id: Id = id.parse().map_err(Fault::permanent)?;
    let policy = crate::engine::policy(&ask.app.store);
    let message = super::mine(ask, id)?;
    if ask.did_before()? {
        // What the sender wrote meanwhile was not seen when the button was pressed.
        return ask.done(&format!("/messages/{id}"), say!("message.they_were_released_already"));
    }
    let (mut released, mut waiting) = (0, 0);
    let mut stopped = None;
    for message in of_sender(ask, &policy, &message)? {
        if waits_for_budget(&message) {
            waiting += 1;
            continue;
        }
        match ask.service.act_on(MessageAction::Release, message.id) {
            Ok(done) if done.waits() => waiting += 1,
            Ok(_) => released += 1,
            Err(Fault::Permanent(why)) => {
                stopped = Some(say!("message.others_wait", why = why));
                break;
            }
            Err(fault) => return Err(fault),
        }
    }
    queue::forget(ask.app);
    if released > 0 {
        ask.remember(id)?;
    }
    let mut said = vec![say!("message.released", n = released)];
    said.extend((waiting > 0).then(|| say!("message.more_go", n = waiting)));
    said.extend(stopped);
    ask.done(&format!("/messages/{id}"), said.join(" "))
}

/// What the sender of a message has held, with the message itself, oldest first.
fn of_sender(ask: &Ask, policy: &Policy, message: &Message) -> Result<Vec<Message>, Fault> {
    let from @ (Address::Mail(_) | Address::Phone(_)) = message.header_from() else { return Ok(vec![message.clone()]) };
    let mut held = ask.app.store.read(|view| {
        let ids = view.line(Queue::Held)?.into_iter().take(LOOKED_AT).map(|(_, id)| id);
        ids.filter_map(|id| view.message(id).transpose()).collect::<Result<Vec<_>, _>>()
    })?;
    held.retain(|other| other.header_from() == from && is_releasable(policy, other));
    if held.iter().all(|other| other.id != message.id) && is_releasable(policy, message) {
        held.push(message.clone());
    }
    held.sort_by_key(|message| message.id);
    Ok(held)
}

/// What the budgets that a message is in have left this month, in words; empty where nothing is limited.
fn left(ask: &Ask, bill: &Bill, used: &BTreeMap<String, Use>) -> String {
    let mut words = Vec::new();
    for (account, limit) in &bill.limits {
        let (packets, money) = limit.left(used.get(account).copied().unwrap_or_default(), bill.urgent);
        let packets = packets.map(|left| say!("count.packets", n = left));
        let money = money.map(|left| costs::amount(ask, left.rounded_down()));
        let left = match (packets, money) {
            (Some(packets), Some(money)) => say!("message.left_and", packets = packets, money = money),
            (Some(left), None) | (None, Some(left)) => left,
            (None, None) => continue,
        };
        words.push(match account == BOX {
            true => say!("message.left_of_the_box", left = left),
            false => say!("message.left_of", left = left, account = account),
        });
    }
    words.join("; ")
}
