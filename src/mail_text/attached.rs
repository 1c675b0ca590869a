//! The files in a mail, to be opened and saved where the mail is.

use super::files;
use super::mime::{Kind, Part, Tree};
use super::{clean, decode};

/// A file in a mail, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachedFile {
    /// Which one, from 1, in the order of the mail.
    pub number: usize,
    /// Its name without a folder; made from its number and type where it has none.
    pub name: String,
    /// Its type in lower case, as the mail says: not to be believed.
    pub media_type: String,
    /// In bytes; of quoted-printable as it is encoded.
    pub size: usize,
}

/// Lists all files of a mail.
pub fn list(raw: &[u8]) -> Vec<AttachedFile> {
    let tree = Tree::read(raw);
    found(&tree).enumerate().map(|(at, part)| named(at + 1, part)).collect()
}

/// One of them with its bytes; `None` when there is none of this number.
pub fn take(raw: &[u8], number: usize) -> Option<(AttachedFile, Vec<u8>)> {
    let tree = Tree::read(raw);
    let part = found(&tree).nth(number.checked_sub(1)?)?;
    let bytes = match part.kind {
        Kind::Leaf => decode::bytes(part, usize::MAX).into_owned(),
        Kind::Multipart | Kind::Message => part.body.to_vec(),
    };
    Some((named(number, part), bytes))
}

/// True where a mail says more than its text: it has several parts or files, is no plain text, or is signed.
pub fn says_more(raw: &[u8]) -> bool {
    let tree = Tree::read(raw);
    // The first part is the mail itself.
    let plain = tree.parts.len() == 1 && tree.parts[0].typed.value == "text/plain" && found(&tree).next().is_none();
    let signed = |field| tree.parts.first().is_some_and(|mail| mail.head.has(field));
    !plain || signed("dkim-signature") || signed("arc-seal")
}

/// Parts with a name, parts that say that they are files, mails inside the mail, and all that is no text. Texts and HTML
/// pages without a name are what is read.
fn found<'t, 'a>(tree: &'t Tree<'a>) -> impl Iterator<Item = &'t Part<'a>> {
    tree.parts.iter().enumerate().filter_map(|(at, part)| {
        let disposition = part.head.typed("content-disposition");
        let name = disposition.param("filename").or_else(|| part.typed.param("name"));
        let says_so = disposition.value == "attachment" || name.is_some_and(|name| !name.trim().is_empty());
        let is_file = match part.kind {
            Kind::Multipart => false,
            Kind::Message => at > 0 || says_so,
            Kind::Leaf => says_so || !part.typed.value.starts_with("text/"),
        };
        is_file.then_some(part)
    })
}

fn named(number: usize, part: &Part<'_>) -> AttachedFile {
    let disposition = part.head.typed("content-disposition");
    let given = disposition.param("filename").or_else(|| part.typed.param("name")).unwrap_or_default();
    let given = clean::one_line(given);
    let base = given.rsplit(['/', '\\']).next().unwrap_or_default().trim_matches(['.', ' ']).to_owned();
    let name = if base.is_empty() { format!("file-{number}{}", ending(&part.typed.value)) } else { base };
    let size = if part.kind == Kind::Leaf { decode::size(part) } else { part.body.len() };
    AttachedFile { number, name, media_type: part.typed.value.clone(), size }
}

/// The ending that belongs to a type, for a file without a name.
fn ending(media_type: &str) -> &'static str {
    match media_type {
        "image/jpeg" => ".jpg",
        "image/png" => ".png",
        "image/gif" => ".gif",
        "image/webp" => ".webp",
        "application/pdf" => ".pdf",
        "text/calendar" => ".ics",
        "text/plain" => ".txt",
        "message/rfc822" | "message/global" => ".eml",
        _ => "",
    }
}

impl AttachedFile {
    /// Gives its size for people, such as `240 kB`.
    pub fn size_words(&self) -> String {
        files::size(self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &str = "Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\
        Content-Type: text/plain\n\nHello\n--b\nContent-Type: image/png; name=\"../../etc/chart.png\"\n\
        Content-Transfer-Encoding: base64\n\naGVsbG8=\n--b\nContent-Type: text/html\n\
        Content-Disposition: attachment; filename*=utf-8''gr%C3%BC%C3%9Fe.html\n\n<script>x</script>\n--b\n\
        Content-Type: message/rfc822\n\nSubject: inner\n\ninner text\n--b\nContent-Type: application/pdf\n\n%PDF\n--b--\n";

    #[test]
    fn files_are_listed_and_given_as_they_were() {
        let all = list(MAIL.as_bytes());
        let names: Vec<_> = all.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["chart.png", "grüße.html", "file-3.eml", "file-4.pdf"]);
        assert_eq!(take(MAIL.as_bytes(), 1).unwrap().1, b"hello");
        assert_eq!(take(MAIL.as_bytes(), 2).unwrap().1, b"<script>x</script>");
        assert!(take(MAIL.as_bytes(), 3).unwrap().1.ends_with(b"inner text"));
        assert_eq!((take(MAIL.as_bytes(), 0), take(MAIL.as_bytes(), 5)), (None, None));
        assert!(list(b"Subject: x\n\nonly text\n").is_empty() && list(b"").is_empty());
    }
}
