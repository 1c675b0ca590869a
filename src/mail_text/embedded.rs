//! Files that are encoded inside of a plain text: uuencode, yEnc, BinHex, pasted base64, `data:` addresses. Nobody reads
//! them; their name stands for them.

use super::clean;

/// Fewest lines of base64 that are taken for a file.
const MIN_BASE64_LINES: usize = 5;
/// Shortest full line of base64.
const MIN_BASE64_WIDTH: usize = 56;
/// Longest line of base64; longer ones are counted as one line of their own.
const ONE_LINE_BASE64: usize = 300;
/// The line above a BinHex file (RFC 1741).
const BINHEX: &str = "(This file must be converted with BinHex";
/// Alphabet of BinHex.
const BINHEX_SET: &[u8; 64] = b"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr";

/// A file that was taken out of a text.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    /// As the encoder wrote it; empty when it wrote none.
    pub name: String,
    /// Bytes of the file, about.
    pub size: usize,
}

/// Takes files in uuencode and the like out of a text; gives back the text without them.
pub fn take_out(text: &str) -> (String, Vec<File>) {
    let lines: Vec<&str> = text.lines().collect();
    let mut out = String::with_capacity(text.len());
    let mut files = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        match file_at(&lines, at) {
            Some((file, end)) => {
                files.push(file);
                at = end;
            }
            None => {
                out.push_str(&without_data(lines[at], &mut files));
                out.push('\n');
                at += 1;
            }
        }
    }
    if files.is_empty() { (text.to_owned(), files) } else { (out, files) }
}

/// The file whose encoding starts at a line, and the line after it.
fn file_at(lines: &[&str], at: usize) -> Option<(File, usize)> {
    let line = lines[at];
    if let Some(rest) = line.strip_prefix("begin ").or_else(|| line.strip_prefix("begin-base64 ")) {
        return uuencoded(lines, at, rest);
    }
    if line.starts_with("=ybegin ") && line.contains(" line=") && line.contains(" size=") {
        return Some(yencoded(lines, at));
    }
    if let Some(label) = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.trim_end().strip_suffix("-----")) {
        return pem(lines, at, label);
    }
    if line.starts_with(BINHEX) {
        return binhexed(lines, at);
    }
    base64(lines, at)
}

/// `begin 644 chart.gif`, lines of which the first character tells the length, `end`.
fn uuencoded(lines: &[&str], at: usize, rest: &str) -> Option<(File, usize)> {
    let (mode, name) = rest.trim_end().split_once(' ')?;
    let is_mode = (3..=4).contains(&mode.len()) && mode.bytes().all(|b| (b'0'..b'8').contains(&b));
    let mut size = 0;
    let mut end = at + 1;
    while let Some(length) = lines.get(end).and_then(|line| uu_length(line.as_bytes())) {
        size += length;
        end += 1;
    }
    // A base64 body of uuencode, or a text that only speaks of a beginning.
    if !is_mode || size == 0 && !lines.get(end).is_some_and(|line| is_base64_line(line)) {
        return None;
    }
    while let Some(line) = lines.get(end).filter(|line| is_base64_line(line) || line.starts_with("====")) {
        size += line.len() / 4 * 3;
        end += 1;
    }
    let tail = lines[end..].iter().take(3).position(|line| line.trim_end() == "end");
    Some((File { name: clean::one_line(name), size }, tail.map_or(end, |tail| end + tail + 1)))
}

/// The bytes that a line of uuencode holds, if it is one. Blanks at its end may be lost on the way.
fn uu_length(line: &[u8]) -> Option<usize> {
    let length = usize::from(line.first()?.checked_sub(b' ').filter(|length| *length <= 64)? & 0x3f);
    let wide = length.div_ceil(3) * 4 + 1;
    let sound = line.iter().all(|byte| (b' '..=b'`').contains(byte));
    (length > 0 && sound && line.len() <= wide + 1 && line.len() + 5 >= wide).then_some(length)
}

/// The bytes of a part that is uuencoded as a whole.
pub fn uudecode(body: &[u8]) -> Option<Vec<u8>> {
    let mut lines = body.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.find(|line| line.starts_with(b"begin "))?;
    let mut out = Vec::new();
    for line in lines {
        let Some(length) = uu_length(line) else { break };
        let six = |at: usize| u32::from(line.get(at).map_or(0, |byte| byte.wrapping_sub(b' ') & 0x3f));
        let from = out.len();
        for group in (1..line.len()).step_by(4) {
            let bits = six(group) << 18 | six(group + 1) << 12 | six(group + 2) << 6 | six(group + 3);
            out.extend_from_slice(&bits.to_be_bytes()[1..]);
        }
        out.truncate(from + length);
    }
    Some(out)
}

/// `=ybegin line=128 size=300 name=chart.gif`, anything, `=yend`.
fn yencoded(lines: &[&str], at: usize) -> (File, usize) {
    let head = lines[at];
    let name = head.split_once("name=").map_or("", |(_, name)| name);
    let size = head.split_once("size=").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
    let end = lines[at..].iter().position(|line| line.starts_with("=yend"));
    let end = end.map_or(lines.len(), |end| at + end + 1);
    let held = lines[at..end].iter().map(|line| line.len()).sum();
    (File { name: clean::one_line(name), size: size.unwrap_or(held) }, end)
}

/// Below its line: a colon, the file, a colon.
fn binhexed(lines: &[&str], at: usize) -> Option<(File, usize)> {
    let first = (at + 1..lines.len().min(at + 5)).find(|at| lines[*at].starts_with(':'))?;
    let closes = |line: &str, from: usize| line.trim_end().len() > from && line.trim_end().ends_with(':');
    let end = (first..lines.len()).find(|at| closes(lines[*at], usize::from(*at == first)))?;
    let held: usize = lines[first..=end].iter().map(|line| line.len()).sum();
    Some((File { name: binhex_name(&lines[first][1..]), size: held * 3 / 4 }, end + 1))
}

/// The file begins with the length of its name and the name.
fn binhex_name(encoded: &str) -> String {
    let six = |byte: u8| BINHEX_SET.iter().position(|own| *own == byte).and_then(|at| u32::try_from(at).ok());
    let mut bytes = Vec::new();
    for group in encoded.as_bytes().chunks_exact(4).take(24) {
        let Some(bits) = group.iter().try_fold(0, |bits, byte| Some(bits << 6 | six(*byte)?)) else { break };
        bytes.extend_from_slice(&u32::to_be_bytes(bits)[1..]);
    }
    let name = bytes.first().and_then(|length| bytes.get(1..1 + usize::from(*length))).unwrap_or_default();
    if name.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
        clean::one_line(&String::from_utf8_lossy(name))
    } else {
        String::new()
    }
}

/// `-----BEGIN CERTIFICATE-----`, lines of base64, the same with `END` (RFC 7468); its label is its name.
fn pem(lines: &[&str], at: usize, label: &str) -> Option<(File, usize)> {
    let end = format!("-----END {label}-----");
    let count = lines[at + 1..].iter().take_while(|line| is_base64_line(line)).count();
    let last = at + 1 + count;
    let size = lines[at + 1..last].iter().map(|line| line.trim_end().len()).sum::<usize>() * 3 / 4;
    let closed = lines.get(last).is_some_and(|line| line.trim_end() == end);
    (count > 0 && closed).then(|| (File { name: clean::one_line(&label.to_lowercase()), size }, last + 1))
}

/// Many full lines of base64, or one very long one.
fn base64(lines: &[&str], at: usize) -> Option<(File, usize)> {
    let width = lines[at].trim_end().len();
    if width < MIN_BASE64_WIDTH || !is_base64_line(lines[at]) {
        return None;
    }
    let full = lines[at..].iter().take_while(|line| line.trim_end().len() == width && is_base64_line(line)).count();
    let mut end = at + full;
    // The last line is shorter.
    if lines.get(end).is_some_and(|line| line.trim_end().len() < width && is_base64_line(line) && !line.contains(' ')) {
        end += 1;
    }
    let held: usize = lines[at..end].iter().map(|line| line.trim_end().len()).sum();
    let all = lines[at..at + full].concat();
    let mixed = [char::is_uppercase, char::is_lowercase, char::is_numeric].iter().all(|kind| all.contains(*kind));
    (mixed && (full >= MIN_BASE64_LINES || width >= ONE_LINE_BASE64))
        .then(|| (File { name: String::new(), size: held * 3 / 4 }, end))
}

fn is_base64_line(line: &str) -> bool {
    let line = line.trim_end();
    let bare = line.trim_end_matches('=');
    !bare.is_empty()
        && line.len() - bare.len() <= 2
        && bare.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/".contains(&b))
}

/// A line without the files that stand in it as `data:image/png;base64,...`.
fn without_data(line: &str, files: &mut Vec<File>) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("data:") {
        let head = rest[at..].get(..rest[at..].find(";base64,").filter(|end| *end < 80).unwrap_or(0)).unwrap_or("");
        let body = &rest[at + head.len()..];
        let Some(body) = body.strip_prefix(";base64,").filter(|_| !head.is_empty()) else {
            out.push_str(&rest[..at + 5]);
            rest = &rest[at + 5..];
            continue;
        };
        let end = body.find(|c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c))).unwrap_or(body.len());
        out.push_str(&rest[..at]);
        files.push(File { name: String::new(), size: end / 4 * 3 });
        rest = &body[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_form_and_not_by_a_word() {
        for text in [
            "begin 644 things\nwe must do\n",
            "begin again\n",
            "=y\nbegin 12 x\n",
            "=yb\n",
            "=ybegin is how they start\nand so on\n",
            "-----BEGIN LIST-----\nfirst: rope\n-----END LIST-----\n",
            "a: data:x, y",
        ] {
            assert_eq!(take_out(text), (text.to_owned(), Vec::new()));
        }
        let (text, files) = take_out("a\nbegin 644 cat.txt\n#0V%T\n`\nend\nb\n");
        assert_eq!((text.as_str(), files), ("a\nb\n", vec![File { name: "cat.txt".to_owned(), size: 3 }]));
        assert_eq!(uudecode(b"begin 644 cat.txt\n#0V%T\n`\nend\n").as_deref(), Some(b"Cat".as_slice()));
        let line = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAx";
        let (text, files) = take_out(&format!("See:\n{0}\n{0}\n{0}\n{0}\n{0}\nQUJD\nBob", line));
        assert_eq!(text, "See:\nBob\n");
        assert_eq!(files.len(), 1);
        let (text, files) = take_out("Key:\n-----BEGIN PUBLIC KEY-----\nQUJDREVG\nR0hJ\n-----END PUBLIC KEY-----\nBob");
        assert_eq!((text.as_str(), files), ("Key:\nBob\n", vec![File { name: "public key".to_owned(), size: 9 }]));
        assert_eq!(take_out("x <data:image/png;base64,QUJD> y").0, "x <> y\n");
    }
}
