//! Entries of lists of senders: an address, a phone, a domain, or everybody.
//!
//! An entry that would never match is refused when it is typed: on a block list it would be a hole that nobody sees.

use std::fmt;

use super::idn::IdnError;
use super::{Address, AddressError, Mailbox, Phone, check_domain, idn, looks_like_phone};

/// One entry of a list: `mum@example.org`, `+14155550123`, `example.org`, `@example.org` or `*@example.org` (with all
/// below), or `*`. Domains match in both of their forms, `bücher.example` and `xn--bcher-kva.example`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// One mail address.
    Address {
        /// The part before the `@`, in lower case. With a `+tag` it means that tag only, without one all of them.
        local: String,
        /// In its ASCII form.
        domain: String,
    },
    /// One phone number.
    Phone(Phone),
    /// A domain in its ASCII form, and all below it.
    Domain(String),
    /// Everybody: `*`.
    All,
}

impl Pattern {
    /// Reads one entry.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, PatternError> {
        let lower = text.to_lowercase();
        let read = match lower.as_str() {
            "*" | "@*" | "*@*" => Ok(Self::All),
            entry => match ["*@", "@", "*."].into_iter().find_map(|start| entry.strip_prefix(start)) {
                Some(domain) => domain_of(domain).map(Self::Domain),
                None => Self::one(entry),
            },
        };
        read.map_err(|why| PatternError { entry: text.to_owned(), why })
    }

    /// Reads an entry without a sign that stands for many.
    fn one(entry: &str) -> Result<Self, Why> {
        if entry.contains('*') {
            return Err(Why::Star);
        }
        if entry.starts_with('+') && !entry.contains('@') {
            return entry.parse().map(Self::Phone).map_err(|why| Why::Address(AddressError::Phone(why)));
        }
        if entry.contains('@') {
            let mailbox: Mailbox = entry.parse().map_err(Why::Address)?;
            return Ok(Self::Address { local: mailbox.local().to_owned(), domain: domain_of(mailbox.domain())? });
        }
        if looks_like_phone(entry) {
            return Err(Why::NoPlus);
        }
        domain_of(entry).map(Self::Domain)
    }

    /// Reads a list parted by blanks, commas or lines.
    ///
    /// # Errors
    /// The first wrong entry.
    pub fn list(text: &str) -> Result<Vec<Self>, PatternError> {
        entries(text).map(Self::read).collect()
    }

    /// The entries of a list that can be read: one that an older version took and this one does not is no reason to do
    /// without the others.
    pub fn readable(text: &str) -> Vec<Self> {
        entries(text).filter_map(|entry| Self::read(entry).ok()).collect()
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
            (Self::Address { local, domain }, Address::Mail(who)) => {
                idn::comparable(who.domain()) == *domain
                    && (who.local().to_lowercase() == *local || !local.contains('+') && who.person() == *local)
            }
            (Self::Domain(domain), Address::Mail(who)) => {
                let who = idn::comparable(who.domain());
                who.strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            _ => false,
        }
    }
}

/// The ASCII form of a domain.
fn domain_of(domain: &str) -> Result<String, Why> {
    check_domain(domain).map_err(Why::Address)?;
    idn::to_ascii(domain).map_err(Why::Domain)
}

/// An entry that cannot stand in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError {
    /// The entry as it was written.
    entry: String,
    /// Why it cannot stand there.
    why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    /// It is no address and no domain.
    Address(AddressError),
    /// It is a phone without its plus.
    NoPlus,
    /// The domain has no ASCII form, and so no mail.
    Domain(IdnError),
    /// A star stands where it means nothing.
    Star,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is no entry of the list (", self.entry.escape_debug())?;
        match &self.why {
            Why::Address(why) => why.fmt(f)?,
            Why::NoPlus => f.write_str("a phone is written with its plus")?,
            Why::Domain(why) => why.fmt(f)?,
            Why::Star => f.write_str("a star stands for everybody, alone or before @")?,
        }
        f.write_str("): write mum@example.org, +14155550123, example.org, *@example.org or *")
    }
}

/// What stands between blanks, commas and lines, but for those in the quotes of an address.
fn entries(text: &str) -> impl Iterator<Item = &str> {
    // One that is left open belongs to no address.
    let (closed, mut quoted) = (text.matches('"').count().is_multiple_of(2), false);
    let parts = move |c: char| {
        quoted ^= closed && c == '"';
        !quoted && (c.is_whitespace() || c == ',' || c == ';')
    };
    text.split(parts).filter(|entry| !entry.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_cannot_be_are_named() {
        for bad in [
            "a b@",
            "mum@",
            "-x.org",
            "@",
            "a@b@c",
            "+1",
            "4155550123",
            "415-555-0123",
            "no*@x.org",
            "ex*.org",
            "*@",
            "bu\u{308}cher.example",
        ] {
            assert!(Pattern::list(bad).is_err(), "{bad}");
        }
        assert_eq!(Pattern::list(" a.org,\n*;B@c.org ").unwrap().len(), 3);
        assert_eq!(Pattern::tidy("\"john doe\"@c.org, a.org"), "\"john doe\"@c.org a.org");
        assert_eq!(Pattern::readable("a\"b c.org d.org").len(), 2);
        assert_eq!(Pattern::tidy(" b@c.org,a.org\n+14155550123;B@C.org  a.org "), "b@c.org a.org +14155550123");
        let phone = Pattern::list("+14155550123").unwrap();
        assert!(phone[0].covers(&"+14155550123".parse().unwrap()) && !phone[0].covers(&"a@b.org".parse().unwrap()));
    }

    /// Each entry with addresses that it means, and others that it does not.
    #[test]
    fn what_is_taken_matches() {
        for (entry, meant, others) in [
            ("*@example.org", &["a@example.org", "a@sub.example.org"][..], &["a@notexample.org"][..]),
            ("@EXAMPLE.org", &["a@example.org"], &["a@example.com"]),
            ("*.example.org", &["a@example.org", "a@b.example.org"], &["a@example.com"]),
            ("bücher.example", &["a@xn--bcher-kva.example", "a@BÜCHER.example"], &["a@bucher.example"]),
            ("xn--bcher-kva.example", &["a@bücher.example", "a@shop.bücher.example"], &[]),
            ("a@BÜCHER.example", &["A@xn--bcher-kva.example", "a+x@bücher.example"], &["b@bücher.example"]),
            (
                "Mum@Example.org",
                &["mum@example.org", "MUM+boat@EXAMPLE.ORG"],
                &["mummy@example.org", "x+mum@example.org"],
            ),
            ("mum+boat@example.org", &["Mum+Boat@example.org"], &["mum@example.org", "mum+x@example.org"]),
            ("\"John Doe\"@example.org", &["\"john doe\"@example.org"], &["doe@example.org", "johndoe@example.org"]),
            ("*@*", &["a@b.org", "+14155550123"], &[]),
        ] {
            let pattern = Pattern::read(entry).unwrap();
            let covers = |address: &&str| pattern.covers(&address.parse().unwrap());
            assert!(meant.iter().all(covers) && !others.iter().any(covers), "{entry}");
        }
        assert_eq!(Pattern::readable("a*b@x.org spam.example").len(), 1);
    }
}
