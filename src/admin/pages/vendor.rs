//! The part of a link's page that tells what has to be typed into the form of its ground service.

use minijinja::{Value, context};

use super::Ask;
use crate::engine::link::equipment;
use crate::link::Driver;
use crate::links::LinkRecord;
use crate::settings::{Key, Kind, row};

/// Gives what the service has to know, and what is missing; `None` for a link that has no service.
pub fn of(ask: &Ask, link: &LinkRecord, driver: &Driver) -> Option<Value> {
    if driver.reach.far_box {
        return None;
    }
    let settings = link.settings(&ask.settings);
    let webhook = driver.settings.iter().find_map(|key| match row(*key).kind {
        Kind::Webhook(below) => Some((below, settings.text(*key))),
        _ => None,
    });
    // Without a public address nobody knows what the service would have to call; the check below says so.
    let public = Some(settings.text(Key::SmsPublicUrl)).filter(|public| !public.is_empty());
    let url = webhook
        .zip(public)
        .filter(|((_, secret), _)| !secret.is_empty())
        .map(|((below, secret), public)| format!("{public}/hooks/{below}/{secret}"));
    let (says, missing) = match equipment::check(&ask.app.store, driver, link) {
        Ok(says) => (Some(says), Vec::new()),
        Err(missing) => (None, missing),
    };
    // One that nobody has thought of yet.
    let mut random = [0; 16];
    let offered = webhook.filter(|(_, secret)| secret.is_empty()).and_then(|_| {
        getrandom::fill(&mut random).ok()?;
        Some(crate::hex::encode(&random))
    });
    Some(context! { url, says, missing, offered })
}
