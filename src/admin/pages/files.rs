//! The files in a mail: saved, and where nothing in them can run, opened.

use super::{Ask, Reply};
use crate::admin::request::encode;
use crate::admin::response::Response;
use crate::intake::reading;

/// What is shown in the browser when it is what it says: signature, type.
const SHOWN: [(&[u8], &str); 4] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
];

/// Gives a file of a message, to be saved; with `?open` shows a picture or a text. Pages, drawings and whatever else may hold a
/// script are only ever saved, and nothing that is shown may run or load anything.
pub fn one(ask: &Ask, id: &str, number: &str) -> Reply {
    let none = || Ok(ask.sorry(404, "There is no such file."));
    let Some(message) = id.parse().ok().and_then(|id| super::messages::mine(ask, id).ok()) else { return none() };
    let Some(number) = number.parse().ok().filter(|number| *number > 0) else { return none() };
    let Some((file, bytes)) = reading::file(&ask.app.context, &message, number)? else { return none() };
    let shown = if ask.request.query.find("open").is_some() { shown_as(&file.media_type, &bytes) } else { None };
    let how = if shown.is_some() { "inline" } else { "attachment" };
    // A name beyond ASCII stands in the second form (RFC 6266); in the first nothing may end the quotes.
    let plain: String =
        file.name.chars().map(|c| if c.is_ascii_alphanumeric() || " ._-".contains(c) { c } else { '_' }).collect();
    let place = format!("{how}; filename=\"{plain}\"; filename*=UTF-8''{}", encode(&file.name));
    Ok(Response::typed(200, shown.unwrap_or("application/octet-stream"), bytes)
        .with("Content-Disposition", place)
        .with("Cross-Origin-Resource-Policy", "same-origin".to_owned())
        .with("Content-Security-Policy", "sandbox; default-src 'none'".to_owned()))
}

/// The type under which a file is shown; `None` for one that is only saved.
pub fn shown_as(media_type: &str, bytes: &[u8]) -> Option<&'static str> {
    if media_type == "text/plain" {
        return std::str::from_utf8(bytes).is_ok().then_some("text/plain; charset=utf-8");
    }
    let shown = SHOWN.iter().find(|(signature, _)| bytes.starts_with(signature)).map(|(_, shown)| *shown)?;
    (shown == media_type).then_some(shown)
}

/// True for a type of which files may be shown.
pub fn may_be_shown(media_type: &str) -> bool {
    media_type == "text/plain" || SHOWN.iter().any(|(_, shown)| *shown == media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_and_plain_texts_that_are_such_are_shown() {
        for (media_type, bytes, shown) in [
            ("image/png", &b"\x89PNG\r\n\x1a\nrest"[..], Some("image/png")),
            ("image/png", b"<html>", None),
            ("image/svg+xml", b"<svg onload=x>", None),
            ("text/html", b"<script>", None),
            ("text/plain", b"<script>", Some("text/plain; charset=utf-8")),
            ("text/plain", b"\xff\xfe", None),
            ("application/pdf", b"%PDF", None),
            ("image/gif", b"\xff\xd8\xff", None),
        ] {
            assert_eq!(shown_as(media_type, bytes), shown, "{media_type}");
        }
    }
}
