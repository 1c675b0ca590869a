//! Entries of lists of senders: an address, a domain, or everybody.

use super::{Mailbox, check_domain};

/// One entry of a list: `mum@example.org`, `example.org` or `@example.org` (with all below), or `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// One address; its case does not matter.
    Address(String),
    /// A domain and all below it.
    Domain(String),
    /// Everybody.
    All,
}

impl Pattern {
    /// Reads one entry.
    ///
    /// # Errors
    /// A sentence for the person who typed it.
    pub fn read(text: &str) -> Result<Self, String> {
        let lower = text.to_lowercase();
        let read = match lower.strip_prefix('@').unwrap_or(&lower) {
            "*" => Ok(Self::All),
            address if address.contains('@') => {
                address.parse::<Mailbox>().map(|mailbox| Self::Address(mailbox.to_string()))
            }
            domain => check_domain(domain).map(|()| Self::Domain(domain.to_owned())),
        };
        read.map_err(|why| {
            format!(
                "'{}' is no entry of the list ({why}): write mum@example.org, example.org or *",
                text.escape_debug()
            )
        })
    }

    /// Reads a list parted by blanks, commas or lines.
    ///
    /// # Errors
    /// The sentence about the first wrong entry.
    pub fn list(text: &str) -> Result<Vec<Self>, String> {
        let entries = text.split(|c: char| c.is_whitespace() || c == ',' || c == ';').filter(|entry| !entry.is_empty());
        entries.map(Self::read).collect()
    }

    /// True when the list entry means this address.
    pub fn covers(&self, who: &Mailbox) -> bool {
        match self {
            Self::All => true,
            Self::Address(address) => who.to_string().eq_ignore_ascii_case(address),
            Self::Domain(domain) => {
                let rest = who.domain().strip_suffix(domain.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_cannot_be_are_named() {
        for bad in ["a b@", "mum@", "-x.org", "@", "a@b@c"] {
            assert!(Pattern::list(bad).is_err(), "{bad}");
        }
        assert_eq!(Pattern::list(" a.org,\n*;B@c.org ").unwrap().len(), 3);
    }
}
