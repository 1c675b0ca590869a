//! What a form showed when it was opened. A form carries a hash of each value, so that only what somebody changed on it is
//! saved, and what was changed elsewhere meanwhile as well is said and not overwritten.

use sha2::{Digest, Sha256};

use crate::admin::request::Fields;
use crate::admin::words::say;
use crate::fault::Fault;
use crate::hex;

/// Name of the field that carries it.
const FIELD: &str = "shown";

/// Names of fields and their values.
pub type Pairs = Vec<(String, String)>;

/// What a form changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Its fields; those that nobody touched have the value that holds now.
    pub pairs: Pairs,
    /// Names of those that nobody touched.
    pub untouched: Vec<String>,
    /// Fields that the form and somebody else changed, each to another value: name, and what holds now.
    pub conflicts: Pairs,
}

impl Changes {
    /// Gives the fields that were changed on the form, if nothing else has changed one of them meanwhile.
    ///
    /// # Errors
    /// Permanent with a sentence for the top of the form.
    pub fn agreed(&self) -> Result<Pairs, Fault> {
        match self.conflicts.len() {
            0 => Ok(self.pairs.iter().filter(|(name, _)| !self.untouched.contains(name)).cloned().collect()),
            many => Err(Fault::permanent(say!("form.changed_meanwhile", n = many))),
        }
    }

    /// What to say beside each field that two have changed.
    pub fn said(&self) -> Pairs {
        let said = |now: &str| match now {
            "" => say!("form.somebody_emptied"),
            now => say!("form.somebody_made_it", now = now),
        };
        self.conflicts.iter().map(|(name, now)| (name.clone(), said(now))).collect()
    }
}

/// Compares the fields of a form with what it showed and with what holds `now`. A form that carries nothing, as a script sends
/// it, means all of its fields.
pub fn changes(form: &Fields, fields: Pairs, now: impl Fn(&str) -> Option<String>) -> Changes {
    let (shown, mut changes) = (read(form), Changes::default());
    for (name, value) in fields {
        let before = shown.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
        let value = match (before, now(&name)) {
            (Some(before), Some(now)) if *before == print(&value) => {
                changes.untouched.push(name.clone());
                now
            }
            (Some(before), Some(now)) if *before != print(&now) && print(&now) != print(&value) => {
                changes.conflicts.push((name.clone(), now));
                value
            }
            _ => value,
        };
        changes.pairs.push((name, value));
    }
    changes
}

/// What the field of a form carries that shows these values; with a form that was posted, what that one showed, but for fields
/// that were in conflict: posted once more, they are meant.
pub fn carried(values: Pairs, posted: Option<&Fields>, conflicts: &[(String, String)]) -> String {
    let before = posted.map(read).unwrap_or_default();
    let values = values.into_iter().map(|(name, now)| {
        let known =
            before.iter().find(|(known, _)| *known == name && !conflicts.iter().any(|(other, _)| *other == name));
        let value = known.map_or_else(|| print(&now), |(_, print)| print.clone());
        (name, value)
    });
    form_urlencoded::Serializer::new(String::new()).extend_pairs(values).finish()
}

fn read(form: &Fields) -> Pairs {
    form_urlencoded::parse(form.get(FIELD).as_bytes()).into_owned().collect()
}

/// What a form carries of a value, however long that is. Browsers end the lines of a text as they like, and a field of one line
/// drops line ends.
fn print(value: &str) -> String {
    let bare: String = value.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    hex::encode(&Sha256::digest(bare.as_bytes())[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_changed_on_a_form_is_meant() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let shown = carried(vec![pair("a", "1"), pair("b", "2"), pair("c", "x\r\ny")], None, &[]);
        let form = Fields::of(vec![pair("shown", &shown)]);
        let now = |name: &str| Some(if name == "b" { "9" } else { "1" }.to_owned());
        let fields = |a: &str, b: &str| vec![pair("a", a), pair("b", b), pair("c", "x\ny"), pair("d", "new")];
        let read = changes(&form, fields("5", "2"), now);
        assert_eq!(read.pairs, [pair("a", "5"), pair("b", "9"), pair("c", "1"), pair("d", "new")]);
        assert!(read.conflicts.is_empty());
        // What nobody touched is not written again.
        assert_eq!(read.agreed().unwrap(), [pair("a", "5"), pair("d", "new")]);
        // Changed by both to the same, or to something else.
        assert!(changes(&form, fields("1", "9"), now).conflicts.is_empty());
        let both = changes(&form, fields("1", "3"), now);
        assert_eq!((both.conflicts.as_slice(), both.agreed().is_err()), (&[pair("b", "9")][..], true));
        // Shown with what was typed it carries what it showed before; what was in conflict is meant from now on.
        let again = carried(vec![pair("a", "7"), pair("b", "9")], Some(&form), &both.conflicts);
        assert_eq!(again, format!("a={}&b={}", print("1"), print("9")));
        assert!(changes(&Fields::of(vec![pair("shown", &again)]), vec![pair("b", "3")], now).conflicts.is_empty());
        // A form without it means all of its fields.
        assert_eq!(changes(&Fields::default(), fields("1", "2"), now).pairs, fields("1", "2"));
    }
}
