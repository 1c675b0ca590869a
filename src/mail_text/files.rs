//! The parts that stay behind: their names and sizes.

use super::clean;
use super::decode;
use super::mime::Part;
use crate::message::cut::{CutNote, FileKind};
pub use crate::message::words::file_size as size;

/// Longest file name that is told, in characters; of longer ones the end is kept, for the extension.
const MAX_NAME: usize = 40;

/// `photo.jpg 240 kB`, as the far reader gets it.
pub fn words(part: &Part<'_>) -> String {
    format!("{} {}", name(part), size(decode::size(part)))
}

/// Makes the note that a file stays behind, for the page.
pub fn note(part: &Part<'_>, what: FileKind) -> CutNote {
    CutNote::File { what, name: name(part), bytes: decode::size(part) }
}

/// The file name without its folder, or the kind of thing it is.
pub fn name(part: &Part<'_>) -> String {
    let disposition = part.head.typed("content-disposition");
    let given = disposition.param("filename").or_else(|| part.typed.param("name")).unwrap_or_default();
    let given = clean::one_line(given);
    let base = given.rsplit(['/', '\\']).next().unwrap_or_default().trim_matches(['.', ' ']);
    if !base.is_empty() {
        return short(base);
    }
    let (main, sub) = part.typed.value.split_once('/').unwrap_or(("file", ""));
    match main {
        "image" => format!("picture ({})", clean::one_line(sub)),
        "audio" => "sound".to_owned(),
        "video" => "video".to_owned(),
        "message" => "mail".to_owned(),
        "text" => "text".to_owned(),
        _ => "file".to_owned(),
    }
}

/// A name as it is told: of a long one its end.
pub fn short(name: &str) -> String {
    let length = name.chars().count();
    if length <= MAX_NAME {
        return name.to_owned();
    }
    let end: String = name.chars().skip(length - MAX_NAME + 3).collect();
    format!("...{end}")
}

/// True for Outlook's own wrapper of everything.
pub fn is_tnef(part: &Part<'_>) -> bool {
    matches!(part.typed.value.as_str(), "application/ms-tnef" | "application/vnd.ms-tnef")
        || name(part).eq_ignore_ascii_case("winmail.dat")
}
