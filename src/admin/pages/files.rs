//! The files in a mail: saved, and where nothing in them can run, opened.

use super::attached::shown_as;
use super::{Ask, Reply};
use crate::admin::request::encode;
use crate::admin::response::Response;
use crate::admin::words::say;
use crate::intake::reading::{self, AttachedFile};

/// Gives a file of a message, to be saved; with `?open` shows a picture or a text. Pages, drawings and whatever else may hold a
/// script are only ever saved, and nothing that is shown may run or load anything.
pub fn one(ask: &Ask, id: &str, number: &str) -> Reply {
    let none = || Ok(ask.sorry(404, &say!("error.no_such_file")));
    let Some(message) = id.parse().ok().and_then(|id| super::messages::mine(ask, id).ok()) else { return none() };
    let Some(number) = number.parse().ok().filter(|number| *number > 0) else { return none() };
    let Some((file, bytes)) = reading::file(&ask.app.context, &message, number)? else { return none() };
    Ok(answer(ask, &file, bytes))
}

/// Gives a file to who asks for it.
pub fn answer(ask: &Ask, file: &AttachedFile, bytes: Vec<u8>) -> Response {
    let shown = if ask.request.query.find("open").is_some() { shown_as(&file.media_type, &bytes) } else { None };
    let how = if shown.is_some() { "inline" } else { "attachment" };
    // A name beyond ASCII stands in the second form (RFC 6266); in the first nothing may end the quotes.
    let plain: String =
        file.name.chars().map(|c| if c.is_ascii_alphanumeric() || " ._-".contains(c) { c } else { '_' }).collect();
    let place = format!("{how}; filename=\"{plain}\"; filename*=UTF-8''{}", encode(&file.name));
    Response::typed(200, shown.unwrap_or("application/octet-stream"), bytes)
        .with("Content-Disposition", place)
        .with("Cross-Origin-Resource-Policy", "same-origin".to_owned())
        .with("Content-Security-Policy", "sandbox; default-src 'none'".to_owned())
}
