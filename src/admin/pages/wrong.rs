//! What is wrong with the fields of a form: said beside each of them, all at once, and counted at the top.

use std::collections::BTreeMap;

use crate::admin::words::say;

/// The name of a field, and what is wrong with it.
pub type Problem = (&'static str, String);

/// What stands at the top of a form: how many fields need another value, or what concerns the whole of it.
pub fn heading(problems: &[Problem], whole: &str) -> String {
    let mut fields: Vec<_> = problems.iter().map(|(field, _)| *field).collect();
    fields.sort_unstable();
    fields.dedup();
    match fields.len() {
        0 => whole.to_owned(),
        many => say!("form.wrong", n = many),
    }
}

/// What stands beside each field, as a sentence without its period.
pub fn by_field(problems: &[Problem]) -> BTreeMap<String, String> {
    let mut all: BTreeMap<_, String> = BTreeMap::new();
    for (field, why) in problems {
        let said = all.entry((*field).to_owned()).or_default();
        if !said.is_empty() {
            said.push_str("; ");
        }
        said.push_str(why.trim_end_matches('.'));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_says_all_that_is_wrong_with_it() {
        let problems = [("to", "one".to_owned()), ("by", "two.".to_owned()), ("to", "three".to_owned())];
        assert_eq!(heading(&problems, "whole"), "Nothing is done yet: 2 fields need other values.");
        assert_eq!(by_field(&problems)["to"], "one; three");
        assert_eq!((heading(&[], "whole").as_str(), by_field(&problems)["by"].as_str()), ("whole", "two"));
    }
}
