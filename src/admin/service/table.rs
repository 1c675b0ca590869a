//! The settings in the service: shown, checked against each other, changed.

use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::{Action, PersonEdit, Service};
use crate::fault::Fault;
use crate::people::{People, Person};
use crate::route::choose::Policy;
use crate::route::rehearse::Rehearsal;
use crate::settings::{self, Key, Kind, Setting, Settings, TABLE};

/// Messages that a rehearsal looks back on.
const PAST: usize = 10_000;

/// The settings that a rehearsal answers for. What the mail server in front found out was written down with each message,
/// so its settings are not among them.
pub const REHEARSED: [Key; 6] =
    [Key::AirStrangers, Key::AirAllow, Key::AirBlock, Key::AirMachines, Key::AirAnswers, Key::AirKeyWord];

/// A setting as it stands.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its row in the table.
    pub setting: &'static Setting,
    /// The value for people; secrets are masked.
    pub shown: String,
    /// Differs from the default.
    pub changed: bool,
}

impl Service {
    /// Gives all settings of the box in the order of the table.
    pub fn settings(&self) -> Vec<Row> {
        let settings = self.store.settings();
        let row = |setting: &'static Setting| Row {
            setting,
            shown: settings.shown(setting.key).to_owned(),
            changed: settings.changed(setting.key),
        };
        TABLE.iter().filter(|setting| !setting.is_of_links()).map(row).collect()
    }

    /// Gives one setting.
    ///
    /// # Errors
    /// Permanent with the nearest names when there is none of this name.
    pub fn get(&self, name: &str) -> Result<Row, Fault> {
        let setting = of_box(name)?;
        let settings = self.store.settings();
        let shown = settings.shown(setting.key).to_owned();
        Ok(Row { setting, shown, changed: settings.changed(setting.key) })
    }

    /// Tells what the rules for messages from outside would have done with past messages, with these settings.
    ///
    /// # Errors
    /// Permanent with the first sentence that says why a value is not valid, or cannot be tried.
    pub fn rehearse(&self, pairs: &[(String, String)]) -> Result<Rehearsal, Fault> {
        let mut settings = Settings::clone(&self.store.settings());
        for (name, value) in pairs {
            let key = settings::find(name).map_err(Fault::permanent)?.key;
            if !REHEARSED.contains(&key) {
                let names = REHEARSED.map(|key| settings::row(key).name).join(", ");
                return Err(Fault::permanent(format!("{name} cannot be tried on past messages; these can: {names}")));
            }
            settings = settings.with(key, value).map_err(Fault::permanent)?;
        }
        self.rehearsed(settings, self.store.people(), None)
    }

    /// The same for the lists of one person, and the messages to them.
    ///
    /// # Errors
    /// Permanent when there is nobody of this name, or with the sentence that says which list is not valid.
    pub fn rehearse_person(&self, name: &str, edit: &PersonEdit) -> Result<Rehearsal, Fault> {
        let before = self.person(name)?;
        let mut person = Person::clone(&before);
        edit.apply(&mut person)?;
        // Of two records with one name the later one counts.
        let people = self.people().into_iter().map(|other| Person::clone(&other)).chain([person]);
        self.rehearsed(Settings::clone(&self.store.settings()), Arc::new(People::new(people)), Some(&before.name))
    }

    fn rehearsed(&self, settings: Settings, people: Arc<People>, only: Option<&str>) -> Result<Rehearsal, Fault> {
        let policy = Policy::new(people, Arc::new(settings), crate::engine::terms(&self.store));
        let past = self.store.read(|view| view.past(PAST))?;
        Ok(policy.rehearse(&past, only))
    }

    /// Says of each of these values that will not do why, by the name of its setting; nothing is changed.
    pub fn problems(&self, pairs: &[(String, String)]) -> Vec<(String, String)> {
        let before = self.store.settings();
        let (mut after, mut problems) = (Settings::clone(&before), Vec::new());
        for (name, value) in pairs {
            match settings::find(name).and_then(|row| after.with(row.key, value)) {
                Ok(changed) => after = changed,
                // Beside its field the name of a setting says nothing.
                Err(why) => {
                    let why = why.to_string();
                    let short = why.strip_prefix(&format!("{name}: ")).unwrap_or(&why).to_owned();
                    problems.push((name.clone(), short));
                }
            }
        }
        for (name, _) in pairs {
            let Ok(key) = settings::find(name).map(|row| row.key) else { continue };
            if before.text(key) != after.text(key)
                && let Err(why) = fits(key, &after, &self.store.people())
            {
                problems.push((name.clone(), why));
            }
        }
        problems
    }

    /// Changes several settings in one commit, all or none; gives one sentence for each that is different now.
    ///
    /// # Errors
    /// Permanent with the first sentence that says why a value is not valid.
    pub fn set_all(&self, pairs: &[(String, String)]) -> Result<Vec<String>, Fault> {
        self.may(Action::SetSettings)?;
        let before = self.store.settings();
        let mut after = Settings::clone(&before);
        let mut keys = Vec::new();
        for (name, value) in pairs {
            let key = of_box(name)?.key;
            after = after.with(key, value).map_err(Fault::permanent)?;
            keys.push(key);
        }
        keys.retain(|key| before.text(*key) != after.text(*key));
        for key in &keys {
            fits(*key, &after, &self.store.people())
                .map_err(|why| Fault::permanent(format!("{}: {why}", settings::row(*key).name)))?;
        }
        let said: Vec<_> = keys.iter().map(|key| difference(*key, &before, &after)).collect();
        if keys.is_empty() {
            return Ok(said);
        }
        let names: Vec<_> = keys.iter().map(|key| settings::row(*key).name).collect();
        let rows: Vec<_> = keys.iter().map(|key| (settings::row(*key).name, after.text(*key).to_owned())).collect();
        self.act(Action::SetSettings, &names.join(" "), said.join("; "), move |tx| {
            rows.iter().try_for_each(|(name, value)| tx.put_setting(name, value))
        })?;
        Ok(said)
    }
}

/// Gives the time zone of the pages; UTC when the setting names none that this machine knows.
pub fn zone(settings: &Settings) -> TimeZone {
    TimeZone::get(settings.text(Key::TimeZone)).unwrap_or(TimeZone::UTC)
}

/// The setting of this name, if it is one of the box and not of its links.
fn of_box(name: &str) -> Result<&'static Setting, Fault> {
    match settings::find(name) {
        Ok(setting) if setting.is_of_links() => Err(Fault::permanent(settings::SettingError::OfLink(setting.name))),
        found => found.map_err(Fault::permanent),
    }
}

pub(super) fn difference(key: Key, before: &Settings, after: &Settings) -> String {
    let row = settings::row(key);
    match (row.kind, after.text(key)) {
        (Kind::Secret, "") => format!("{} was removed", row.name),
        (Kind::Secret, _) => format!("{} was set", row.name),
        (_, "") => format!("{} is empty now", row.name),
        (_, value) => match before.text(key) {
            "" => format!("{} is {value} now", row.name),
            former => format!("{} is {value} now, it was {former}", row.name),
        },
    }
}

/// Checks what one value alone cannot tell: whether it fits this machine, these people, the other values.
fn fits(key: Key, settings: &Settings, people: &People) -> Result<(), String> {
    let value = settings.text(key);
    match key {
        Key::BoxName if value.is_empty() => Err("the box needs a name".to_owned()),
        Key::TimeZone => match TimeZone::get(value) {
            Ok(_) => Ok(()),
            Err(_) if jiff::tz::db().is_definitively_empty() => {
                Err("this machine knows no time zones but UTC: install the package tzdata".to_owned())
            }
            Err(_) => Err(format!("there is no time zone '{}': write one such as Europe/Lisbon", value.escape_debug())),
        },
        Key::DefaultPerson if !value.is_empty() && people.get(value).is_none() => {
            Err(format!("there is nobody named {value}: add them first"))
        }
        Key::SmtpFront | Key::SmtpFrontProtocol
            if settings.text(Key::SmtpFrontProtocol) != "none" && settings.text(Key::SmtpFront).is_empty() =>
        {
            Err("name the server in smtp.front: its word for who the client is counts from there only".to_owned())
        }
        Key::TlsCert | Key::TlsKey | Key::RelayCa if !value.is_empty() => pem(value),
        Key::RelayTls if value == "none" && !settings.text(Key::RelayUser).is_empty() && !relay_is_here(settings) => {
            Err("without encryption the log-in would be readable on its way: choose starttls or tls, or clear \
                 relay.user first"
                .to_owned())
        }
        Key::QueueRetryFirst | Key::QueueRetryMost
            if settings.span(Key::QueueRetryFirst) > settings.span(Key::QueueRetryMost) =>
        {
            Err("the first repeat cannot come later than the longest wait between tries".to_owned())
        }
        Key::WebBasePath if !is_base_path(value) => {
            Err("write a path such as /post: parts of a to z, digits, dots and hyphens, no slash at its end".to_owned())
        }
        Key::PriceCurrency if !is_currency(value) => {
            Err("write the code of a currency (ISO 4217), such as EUR or USD".to_owned())
        }
        Key::WebNames => settings.words(key).try_for_each(crate::address::check_domain).map_err(|why| why.to_string()),
        _ => Ok(()),
    }
}

/// True for the code of a currency (ISO 4217), and for none.
fn is_currency(value: &str) -> bool {
    value.is_empty() || (value.len() == 3 && value.bytes().all(|byte| byte.is_ascii_uppercase()))
}

/// True for a path before the paths of the pages, and for none.
fn is_base_path(path: &str) -> bool {
    let part = |part: &str| {
        let plain = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
        !part.is_empty() && plain && part != "." && part != ".."
    };
    path.is_empty() || (path.len() <= 200 && path.strip_prefix('/').is_some_and(|inner| inner.split('/').all(part)))
}

fn relay_is_here(settings: &Settings) -> bool {
    let host = settings.text(Key::RelayHost).trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn pem(path: &str) -> Result<(), String> {
    const MOST: u64 = 1024 * 1024;
    let size = std::fs::metadata(Path::new(path)).map_err(|error| format!("{path} cannot be used: {error}"))?;
    if !size.is_file() || size.len() > MOST {
        return Err(format!("{path} is not a PEM file"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path} cannot be read: {error}"))?;
    match text.contains("-----BEGIN ") {
        true => Ok(()),
        false => Err(format!("{path} is not a PEM file: it has no -----BEGIN line")),
    }
}
