//! The corpus in `tests/mail`, what strangers could do to it, and the cases that need no file.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::*;

const TRIM: Options = Options { trim: true };
const WHOLE: Options = Options { trim: false };

fn corpus() -> Vec<(PathBuf, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/mail");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "eml"));
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// What the `.txt` beside a mail says: facts as `# name: value` lines, then the text.
fn told(shaped: &Shaped) -> String {
    let mut out = String::new();
    if let Some(why) = &shaped.automatic {
        out += &format!("# automatic: {why}\n");
    }
    if let Some(bounce) = &shaped.bounce {
        let word = |part: &Option<String>| part.clone().unwrap_or_else(|| "-".to_owned());
        let Bounce { message_id, recipient, action, status, diagnostic } = bounce;
        let ids = format!("{} {} {}", word(message_id), word(recipient), word(status));
        out += &format!("# bounce: {action} {ids} {}\n", word(diagnostic));
    }
    for note in &shaped.cut {
        out += &format!("# cut: {note}\n");
    }
    out + &shaped.text + "\n"
}

fn check(shaped: &Shaped) {
    for text in [&shaped.text, &shaped.full] {
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
        assert!(!text.ends_with('\n') && !text.contains("\n\n\n") && text.len() <= page::MAX_TEXT + 3000);
    }
    assert!(!shaped.text.is_empty());
    let lines = [&shaped.subject].into_iter().chain(&shaped.cut).chain(&shaped.automatic).chain(&shaped.from_name);
    for line in lines.chain(&shaped.message_id).chain(&shaped.in_reply_to) {
        assert!(!line.contains(char::is_control), "{line:?}");
    }
}

#[test]
fn dump() {
    fs::create_dir_all("/tmp/shapeout").unwrap();
    for (path, raw) in corpus() {
        let shaped = shape(&raw, &TRIM);
        fs::write(PathBuf::from("/tmp/shapeout").join(path.with_extension("txt").file_name().unwrap()), told(&shaped))
            .unwrap();
    }
}
