//! OpenPGP inside a text (RFC 9580 section 6.2 and 7): signed text is shown bare, encrypted text as a notice.

use crate::message::cut::CutNote;

/// Stands for what only the recipient's keys could open.
pub const ENCRYPTED: &str = "[encrypted text (PGP), cannot be read here]";

/// Takes the armor off a text; gives the text and notes on what went.
pub fn open(text: &str) -> (String, Vec<CutNote>) {
    if !text.contains("-----BEGIN PGP ") {
        return (text.to_owned(), Vec::new());
    }
    let mut out = String::with_capacity(text.len());
    let mut notes = Vec::new();
    let mut state = State::Text;
    for line in text.lines() {
        let line = line.trim_end();
        let next = match line {
            "-----BEGIN PGP SIGNED MESSAGE-----" => Some(State::ArmorHeader),
            "-----BEGIN PGP MESSAGE-----" => {
                out.push_str(ENCRYPTED);
                out.push('\n');
                Some(State::Skip)
            }
            "-----BEGIN PGP SIGNATURE-----" => {
                notes.push(CutNote::Signature { pgp: true });
                Some(State::Skip)
            }
            "-----BEGIN PGP PUBLIC KEY BLOCK-----" => {
                notes.push(CutNote::Key);
                Some(State::Skip)
            }
            _ if line.starts_with("-----END PGP ") => Some(State::Text),
            "" if state == State::ArmorHeader => Some(State::Signed),
            _ => None,
        };
        if let Some(next) = next {
            state = next;
            continue;
        }
        if matches!(state, State::Text | State::Signed) {
            let bare = line.strip_prefix("- ").filter(|_| state == State::Signed).unwrap_or(line);
            out.push_str(bare);
            out.push('\n');
        }
    }
    (out, notes)
}

#[derive(PartialEq, Eq)]
enum State {
    Text,
    ArmorHeader,
    Signed,
    Skip,
}
