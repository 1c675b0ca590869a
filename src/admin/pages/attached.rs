//! The files of a mail in a list, and which of them may be shown in the browser.

use minijinja::{Value, context};

use crate::intake::reading::AttachedFile;

/// What is shown in the browser when it is what it says: signature, type.
const SHOWN: [(&[u8], &str); 4] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
];

/// The files of a mail, for its page.
pub fn rows(files: &[AttachedFile]) -> Vec<Value> {
    let row = |file: &AttachedFile| {
        context! {
            number => file.number, name => file.name, size => file.size_words(),
            open => may_be_shown(&file.media_type),
        }
    };
    files.iter().map(row).collect()
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
