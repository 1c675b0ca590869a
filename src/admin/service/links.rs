//! The links of the box in the service: added, changed, switched, removed.

use std::collections::BTreeMap;

use super::{Action, Service};
use crate::engine::link::removed;
use crate::fault::Fault;
use crate::link::{DRIVERS, Driver, OF_EVERY_LINK, driver};
use crate::links::LinkRecord;
use crate::message::LinkId;
use crate::settings::{self, Key, Setting, Settings};
use crate::store::reject;

/// The settings of a link of a driver, in the order in which they are shown.
pub fn link_settings(driver: &Driver) -> impl Iterator<Item = &'static Setting> {
    driver.settings.iter().chain(&OF_EVERY_LINK).map(|key| settings::row(*key))
}

impl Service {
    /// Gives the records of all links, also of those that are switched off.
    pub fn links(&self) -> Vec<LinkRecord> {
        self.store.links().iter().cloned().collect()
    }

    /// Finds the link of this name.
    ///
    /// # Errors
    /// Permanent when there is none.
    pub fn link(&self, name: &str) -> Result<LinkRecord, Fault> {
        let links = self.store.links();
        links.named(name).cloned().ok_or_else(|| {
            let names: Vec<_> = links.iter().map(|link| link.name.as_str()).collect();
            let there =
                if names.is_empty() { "there is none".to_owned() } else { format!("there are {}", names.join(", ")) };
            Fault::permanent(format!("there is no link '{}': {there}", name.escape_debug()))
        })
    }

    /// Adds a link and switches it on.
    ///
    /// # Errors
    /// Permanent with the sentence that says what is wrong; otherwise as [`crate::store::Store::write`].
    pub fn add_link(&self, name: &str, of: &str, pairs: &[(String, String)]) -> Result<LinkRecord, Fault> {
        self.may(Action::AddLink)?;
        self.store.links().check_name(name).map_err(Fault::permanent)?;
        let row = driver(of).ok_or_else(|| {
            let names: Vec<_> = DRIVERS.iter().map(|driver| driver.name).collect();
            Fault::permanent(format!("there is no driver '{}': write one of {}", of.escape_debug(), names.join(", ")))
        })?;
        let mut link = LinkRecord {
            id: LinkId::FIRST,
            name: name.to_owned(),
            driver: row.name.to_owned(),
            on: true,
            added: self.store.clock().now(),
            values: BTreeMap::new(),
        };
        let unit = (settings::row(Key::LinkUnit).name.to_owned(), row.unit.to_owned());
        changed(&mut link, row, &[unit])?;
        changed(&mut link, row, pairs)?;
        let record = link.clone();
        let words = format!("link {name} was added, driver {}", row.name);
        let id = self.act(Action::AddLink, name, words, move |tx| tx.add_link(&record))?;
        Ok(LinkRecord { id, ..link })
    }

    /// Changes settings of a link, all or none; gives one sentence for each that is different now.
    ///
    /// # Errors
    /// As [`Service::add_link`].
    pub fn set_link(&self, name: &str, pairs: &[(String, String)]) -> Result<Vec<String>, Fault> {
        self.may(Action::SetLink)?;
        let mut link = self.link(name)?;
        let row = driver(&link.driver)
            .ok_or_else(|| Fault::permanent(format!("this version has no driver '{}'", link.driver)))?;
        let said = changed(&mut link, row, pairs)?;
        if said.is_empty() {
            return Ok(said);
        }
        let (id, values) = (link.id, link.values);
        self.act(Action::SetLink, name, format!("{name}: {}", said.join("; ")), move |tx| {
            let links = tx.links()?;
            let Some(live) = links.get(id) else { return reject(Fault::permanent("the link was removed meanwhile")) };
            tx.put_link(&LinkRecord { values: values.clone(), ..live.clone() })
        })?;
        Ok(said)
    }

    /// Switches a link on or off. While it is off, what it holds stays with it.
    ///
    /// # Errors
    /// Permanent when there is none of this name.
    pub fn switch_link(&self, name: &str, on: bool) -> Result<(), Fault> {
        self.may(Action::SwitchLink)?;
        let id = self.link(name)?.id;
        let words = format!("link {name} was switched {}", if on { "on" } else { "off" });
        self.act(Action::SwitchLink, name, words, move |tx| {
            let links = tx.links()?;
            let Some(live) = links.get(id) else { return reject(Fault::permanent("the link was removed meanwhile")) };
            tx.put_link(&LinkRecord { on, ..live.clone() })
        })
    }

    /// Removes a link. What it holds, or may hold, is unknown from then on: only if somebody is `sure`.
    ///
    /// # Errors
    /// Permanent when there is none of this name, or it holds something and nobody is sure.
    pub fn remove_link(&self, name: &str, sure: bool) -> Result<(), Fault> {
        self.may(Action::RemoveLink)?;
        let (link, settings, now) = (self.link(name)?, self.store.settings(), self.store.clock().now());
        let words = format!("link {name} was removed");
        self.act(Action::RemoveLink, name, words, move |tx| {
            let held = removed::held(tx, link.id)?;
            if held > 0 && !sure {
                let packets = if held == 1 { "a packet".to_owned() } else { format!("{held} packets") };
                return reject(Fault::permanent(format!(
                    "link {} holds {packets}, or may: whether they were sent will not be known until the far box tells. \
                     Switch it off instead, or say that you are sure",
                    link.name
                )));
            }
            removed::let_go(tx, (link.id, &link.name), driver(&link.driver), &settings, now)?;
            tx.remove_link(link.id)
        })
    }
}

/// Reads values into a link; gives one sentence for each that is different now.
fn changed(link: &mut LinkRecord, row: &Driver, pairs: &[(String, String)]) -> Result<Vec<String>, Fault> {
    let before = link.settings(&Settings::default());
    let mut after = before.clone();
    let mut keys: Vec<Key> = Vec::new();
    for (name, value) in pairs {
        let found = settings::find(name).map_err(Fault::permanent)?;
        if !link_settings(row).any(|setting| setting.key == found.key) {
            let names: Vec<_> = link_settings(row).map(|setting| setting.name).collect();
            return Err(Fault::permanent(format!(
                "a link of driver {} has these settings: {}",
                row.name,
                names.join(", ")
            )));
        }
        after = after.with(found.key, value).map_err(Fault::permanent)?;
        keys.push(found.key);
    }
    keys.retain(|key| before.text(*key) != after.text(*key));
    keys.dedup();
    for key in &keys {
        let (row, value) = (settings::row(*key), after.text(*key));
        match value == row.default {
            true => drop(link.values.remove(row.name)),
            false => drop(link.values.insert(row.name.to_owned(), value.to_owned())),
        }
    }
    Ok(keys.iter().map(|key| super::table::difference(*key, &before, &after)).collect())
}
