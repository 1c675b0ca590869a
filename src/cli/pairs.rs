//! Names of settings and their values on a command line, for all commands that set some.

use super::session::{Failure, Session};
use crate::settings::{self, Kind};

/// Reads them, two and two. The value of a lone name is what was read from standard input; of one that is no secret an empty
/// input is the value. `command` is what was typed before the name, `example` a name and a value.
///
/// # Errors
/// For a name that is none, a name without a value, and a secret of which nothing was read.
pub fn pairs(
    session: &Session,
    mut words: Vec<String>,
    (command, example): (&str, &str),
) -> Result<Vec<(String, String)>, Failure> {
    if let [name] = &words[..] {
        let secret = settings::find(name).map_err(Failure::not_found)?.kind == Kind::Secret;
        let Some(value) = session.input.clone().or_else(|| (!secret).then(String::new)) else {
            return Err(Failure::usage(format!(
                "there was no value for {name} on standard input, so nothing was changed; to clear it, write satpost \
                 {command} {name} ''"
            )));
        };
        words.push(value);
    }
    let (pairs, rest) = words.as_chunks::<2>();
    if pairs.is_empty() || !rest.is_empty() {
        return Err(Failure::usage(format!("write a name and a value: satpost {command} {example}")));
    }
    for [name, _] in pairs {
        settings::find(name).map_err(Failure::not_found)?;
    }
    Ok(pairs.iter().map(|[name, value]| (name.clone(), value.clone())).collect())
}
