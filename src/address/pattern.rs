//! Entries of lists of senders: an address, a phone, a domain, or everybody.

use std::fmt;

use super::{Address, AddressError, Mailbox, Phone, check_domain, looks_like_phone};

/// One entry of a list: `mum@example.org`, `+14155550123`, `example.org` or `@example.org` (with all below), or `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// One address; its case does not matter.
    Address(String),
    /// One phone.
    Phone(Phone),
    /// A domain and all below it.
    Domain(String),
    /// Everybody.
    All,
}

impl Pattern {
    /// Reads one entry.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, PatternError> {
        let lower = text.to_lowercase();
        let read = match lower.strip_prefix('@').unwrap_or(&lower) {
            "*" => Ok(Self::All),
            phone if phone.starts_with('+') && !phone.contains('@') => {
                phone.parse().map(Self::Phone).map_err(|why| Some(AddressError::Phone(why)))
            }
            address if address.contains('@') => {
                address.parse::<Mailbox>().map(|mailbox| Self::Address(mailbox.to_string())).map_err(Some)
            }
            digits if looks_like_phone(digits) => Err(None),
            domain => check_domain(domain).map(|()| Self::Domain(domain.to_owned())).map_err(Some),
        };
        read.map_err(|why| PatternError { entry: text.to_owned(), why })
    }

    /// Reads a list parted by blanks, commas or lines.
    ///
    /// # Errors
    /// The first wrong entry.
    pub fn list(text: &str) -> Result<Vec<Self>, PatternError> {
        entries(text).map(Self::read).collect()
    }

    /// A list as it is kept: one blank between its entries, and none of them twice.
    pub fn tidy(text: &str) -> String {
        let mut kept: Vec<&str> = Vec::new();
        for entry in entries(text) {
            if !kept.iter().any(|known| known.eq_ignore_ascii_case(entry)) {
                kept.push(entry);
            }
        }
        kept.join(" ")
    }

    /// True when the list entry means this address.
    pub fn covers(&self, who: &Address) -> bool {
        match (self, who) {
            (Self::All, _) => true,
            (Self::Phone(phone), who) => who.phone() == Some(*phone),
            (Self::Address(address), Address::Mail(who)) => who.to_string().eq_ignore_ascii_case(address),
            (Self::Domain(domain), Address::Mail(who)) => {
                let rest = who.domain().strip_suffix(domain.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            _ => false,
        }
    }
}

/// An entry that cannot stand in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError {
    /// What was written.
    entry: String,
    /// What is wrong with it as an address; `None` for a phone without its plus.
    why: Option<AddressError>,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is no entry of the list (", self.entry.escape_debug())?;
        match &self.why {
            Some(why) => why.fmt(f)?,
            None => f.write_str("a phone is written with its plus")?,
        }
        f.write_str("): write mum@example.org, +14155550123, example.org or *")
    }
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || c == ',' || c == ';').filter(|entry| !entry.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_cannot_be_are_named() {
        for bad in ["a b@", "mum@", "-x.org", "@", "a@b@c", "+1", "4155550123", "415-555-0123"] {
            assert!(Pattern::list(bad).is_err(), "{bad}");
        }
        assert_eq!(Pattern::list(" a.org,\n*;B@c.org ").unwrap().len(), 3);
        assert_eq!(Pattern::tidy(" b@c.org,a.org\n+14155550123;B@C.org  a.org "), "b@c.org a.org +14155550123");
        let phone = Pattern::list("+14155550123").unwrap();
        assert!(phone[0].covers(&"+14155550123".parse().unwrap()) && !phone[0].covers(&"a@b.org".parse().unwrap()));
    }
}
