//! The one table of settings: the page, the command line, `check` and masking are all derived from it.
//!
//! A value is text in the store; the table says how to read it. What is not stored has its default. A value that
//! cannot be read is never used: setting it fails with a sentence, and an old stored one falls back to the default.

mod error;
mod table;
mod value;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

pub use error::SettingError;
use table::RENAMED;
pub use table::{Key, Kind, MOVED, Setting, TABLE, find, row};
pub use value::{check, is_unguessable, seconds};
use value::{in_network, network};

/// The settings in force: a snapshot that is replaced as a whole when one changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    stored: BTreeMap<Key, String>,
}

impl Settings {
    /// Reads stored names and values; unknown names and unreadable values are left out.
    pub fn from_stored<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let (mut settings, mut old) = (Self::default(), Vec::new());
        for (name, value) in pairs {
            match RENAMED.iter().find(|(before, _)| *before == name) {
                Some((_, now)) => old.push((*now, value)),
                None => settings.take(name, value),
            }
        }
        // Stored under the present name as well, a setting was changed since it got that name.
        for (name, value) in old {
            if find(name).is_ok_and(|row| !settings.stored.contains_key(&row.key)) {
                settings.take(name, value);
            }
        }
        settings
    }

    /// These settings of the box, with those of a link, by name. Unknown names and unreadable values are left out.
    pub fn of_link(&self, values: &BTreeMap<String, String>) -> Self {
        let mut settings = self.clone();
        for (name, value) in values {
            if find(name).is_ok_and(Setting::is_of_links) {
                settings.take(name, value);
            }
        }
        settings
    }

    fn take(&mut self, name: &str, value: &str) {
        let Ok(row) = find(name) else { return };
        match check(row, value) {
            Ok(value) => drop(self.stored.insert(row.key, value)),
            // One entry that an older version took must not let in all that the others keep out.
            Err(_) if matches!(row.kind, Kind::Senders) => drop(self.stored.insert(row.key, value.to_owned())),
            Err(_) => {}
        }
    }

    /// Gives the same settings with one value changed.
    ///
    /// # Errors
    /// What the value has to look like.
    pub fn with(&self, key: Key, value: &str) -> Result<Self, SettingError> {
        let mut changed = self.clone();
        let value = check(row(key), value)?;
        changed.stored.insert(key, value);
        Ok(changed)
    }

    /// Gives the value as text.
    pub fn text(&self, key: Key) -> &str {
        self.stored.get(&key).map_or(row(key).default, String::as_str)
    }

    /// True when the value differs from its default.
    pub fn changed(&self, key: Key) -> bool {
        self.text(key) != row(key).default
    }

    /// Reads a number; of a `Number` row.
    pub fn number(&self, key: Key) -> i64 {
        // Stored values were checked, defaults are checked by a test.
        self.text(key).parse().unwrap_or_default()
    }

    /// Reads a number as `usize`; of a `Number` row without negative values.
    pub fn count(&self, key: Key) -> usize {
        usize::try_from(self.number(key)).unwrap_or_default()
    }

    /// True where a switch is `yes`.
    pub fn on(&self, key: Key) -> bool {
        self.text(key) == "yes"
    }

    /// Reads a span of time; of a `Seconds` row.
    pub fn span(&self, key: Key) -> Duration {
        Duration::from_secs(seconds(self.text(key)).and_then(|s| u64::try_from(s).ok()).unwrap_or_default())
    }

    /// Gives the words of a value that are separated by spaces.
    pub fn words(&self, key: Key) -> impl Iterator<Item = &str> {
        self.text(key).split_whitespace()
    }

    /// True when `ip` lies in one of the networks of a `Networks` row.
    pub fn contains(&self, key: Key, ip: IpAddr) -> bool {
        self.words(key).filter_map(network).any(|(base, bits)| in_network(ip, base, bits))
    }

    /// Gives the value for people and logs: secrets are masked.
    pub fn shown(&self, key: Key) -> &str {
        match row(key).kind {
            Kind::Secret if !self.text(key).is_empty() => "(set)",
            _ => self.text(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_its_defaults_are_valid() {
        for (at, row) in TABLE.iter().enumerate() {
            assert_eq!(row.key as usize, at);
            assert_eq!(check(row, row.default).as_deref(), Ok(row.default), "{}", row.name);
            assert!(row.help.ends_with('.'), "{}", row.name);
            assert_eq!(TABLE.iter().filter(|other| other.name == row.name).count(), 1);
        }
        // What a link has for itself is of all links, or of a driver.
        let own = crate::link::DRIVERS.iter().flat_map(|driver| driver.settings);
        let all: std::collections::BTreeSet<_> = own.chain(&crate::link::OF_EVERY_LINK).copied().collect();
        let of_links = TABLE.iter().filter(|row| row.is_of_links()).map(|row| row.key);
        assert_eq!(of_links.collect::<std::collections::BTreeSet<_>>(), all);
    }

    #[test]
    fn wrong_values_get_a_sentence() {
        let settings = Settings::default();
        for (key, value) in [
            (Key::RelayPort, "0"),
            (Key::RelayPort, "x"),
            (Key::Reach, "moon"),
            (Key::Domain, "a b"),
            (Key::SmtpListen, "25"),
            (Key::SmtpTrusted, "10.0.0.0/33"),
            (Key::QueueLifetime, "4y"),
            (Key::BoxName, "a\nb"),
            (Key::HiveUrl, ""),
            (Key::HiveUrl, "hive.example/"),
            (Key::SmsPublicUrl, "https:///x"),
            (Key::M138Port, "ttyUSB0"),
        ] {
            let why = settings.with(key, value).unwrap_err();
            assert!(why.to_string().starts_with(row(key).name), "{why}");
        }
    }

    #[test]
    fn a_setting_that_got_another_name_keeps_its_value() {
        for (old, now) in RENAMED {
            assert!(find(old).is_err());
            let key = find(now).unwrap().key;
            assert_eq!(Settings::from_stored([(old, "17")]).text(key), "17");
            assert_eq!(Settings::from_stored([(now, "18"), (old, "17")]).text(key), "18");
            assert_eq!(Settings::from_stored([(old, "17"), (now, "18")]).text(key), "18");
        }
    }

    #[test]
    fn a_stored_list_outlives_an_entry_that_is_no_longer_taken() {
        let settings = Settings::from_stored([("air.block", "no*reply@x.org spam.example")]);
        assert_eq!(settings.text(Key::AirBlock), "no*reply@x.org spam.example");
        assert!(settings.with(Key::AirBlock, "no*reply@x.org").is_err());
    }

    #[test]
    fn spans_networks_and_secrets() {
        let settings = Settings::default()
            .with(Key::SmtpTrusted, "10.0.0.0/8 ::1")
            .and_then(|s| s.with(Key::RelayPassword, "hush"))
            .unwrap();
        assert_eq!(settings.span(Key::QueueLifetime), Duration::from_secs(345_600));
        assert!(settings.contains(Key::SmtpTrusted, "10.1.2.3".parse().unwrap()));
        assert!(settings.contains(Key::SmtpTrusted, "::ffff:10.1.2.3".parse().unwrap()));
        assert!(settings.contains(Key::SmtpTrusted, "::1".parse().unwrap()));
        assert!(!settings.contains(Key::SmtpTrusted, "11.0.0.1".parse().unwrap()));
        assert_eq!(settings.shown(Key::RelayPassword), "(set)");
        assert_eq!(settings.shown(Key::HivePassword), "");
    }
}
