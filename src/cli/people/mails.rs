//! Reads mails from an mbox or a Maildir, for `people import`: into a file that the box takes them from.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use jiff::civil::DateTime;
use jiff::fmt::strtime;

use crate::cli::input;

/// Writes all mails of `from` into the new file `part`, for the folder that is named, and its own folders where it is a
/// Maildir. Gives how many there are.
///
/// # Errors
/// When something cannot be read or written, or is neither of both.
pub fn gather(from: &Path, folder: &str, part: &Path) -> io::Result<usize> {
    let file = File::options().write(true).create_new(true).mode(0o600).open(part)?;
    let mut to = BufWriter::new(file);
    let count = match from.is_dir() {
        true => maildir(from, folder, &mut to)?,
        false => mbox(BufReader::new(File::open(from)?), folder, &mut to)?,
    };
    let file = to.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    // Root reads it for the user of the box.
    part.parent().map_or(Ok(()), |data| input::give(&file, data))?;
    Ok(count)
}

fn parcel(to: &mut impl Write, seconds: i64, flags: &str, folder: &str, mail: &[u8]) -> io::Result<()> {
    let flags = if flags.is_empty() { "-" } else { flags };
    writeln!(to, "{seconds} {flags} {} {folder}", mail.len())?;
    to.write_all(mail)
}

fn maildir(from: &Path, folder: &str, to: &mut impl Write) -> io::Result<usize> {
    if !from.join("cur").is_dir() && !from.join("new").is_dir() {
        return Err(io::Error::other("it is no Maildir: there is no folder 'cur' in it"));
    }
    let mut count = 0;
    for place in ["new", "cur"].map(|place| from.join(place)).iter().filter(|place| place.is_dir()) {
        let mut files = fs::read_dir(place)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        files.sort();
        for file in files.iter().filter(|file| file.is_file()) {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let flags: String = name
                .rsplit_once(":2,")
                .map_or("", |(_, flags)| flags)
                .chars()
                .filter(char::is_ascii_alphabetic)
                .collect();
            let seconds = name.split('.').next().and_then(|word| word.parse().ok());
            let seconds = seconds.map_or_else(|| file.metadata().map(|data| data.mtime()), Ok)?;
            parcel(to, seconds, &flags, folder, &fs::read(file)?)?;
            count += 1;
        }
    }
    let mut folders = fs::read_dir(from)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    folders.sort();
    for inner in folders {
        let name = inner.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(name) = name.strip_prefix('.').filter(|name| !name.is_empty() && inner.join("cur").is_dir()) else {
            continue;
        };
        count += maildir(&inner, &name.replace('.', "/"), to)?;
    }
    Ok(count)
}

/// A mail of an mbox while it is read.
#[derive(Default)]
struct Reading {
    mail: Vec<u8>,
    seconds: i64,
    flags: String,
    header_over: bool,
}

impl Reading {
    /// Takes a line of the mail: quoting is undone, and what mail programs wrote about the mail is remembered.
    fn line(&mut self, line: &[u8]) {
        let bare = line.iter().take_while(|byte| **byte == b'>').count();
        let quoted = bare > 0 && line[bare..].starts_with(b"From ");
        self.mail.extend_from_slice(&line[usize::from(quoted)..]);
        self.header_over |= line.trim_ascii().is_empty();
        if self.header_over {
            return;
        }
        let text = String::from_utf8_lossy(line).to_ascii_lowercase();
        let letters: &[(char, char)] = match text.split(':').next() {
            Some("status") => &[('r', 'S')],
            Some("x-status") => &[('a', 'R'), ('f', 'F'), ('t', 'D')],
            _ => &[],
        };
        let value = text.split_once(':').map_or("", |(_, value)| value);
        self.flags.extend(letters.iter().filter(|(known, _)| value.contains(*known)).map(|(_, letter)| letter));
    }
}

/// The date at the end of the line that begins a mail: `From ann@x.org Sat Jan  3 01:05:34 1996`.
fn date(line: &[u8]) -> i64 {
    let text = String::from_utf8_lossy(line);
    let words: Vec<_> = text.split_whitespace().collect();
    let end = words.len().checked_sub(4).map(|at| words[at..].join(" "));
    let at = end.and_then(|end| strtime::parse("%b %d %H:%M:%S %Y", end).ok()?.to_datetime().ok());
    let seconds = |at: DateTime| at.to_zoned(jiff::tz::TimeZone::UTC).map(|at| at.timestamp().as_second()).ok();
    at.and_then(seconds).unwrap_or(0)
}

fn mbox(mut from: impl BufRead, folder: &str, to: &mut impl Write) -> io::Result<usize> {
    let (mut reading, mut count, mut blank) = (None::<Reading>, 0, true);
    loop {
        let mut line = Vec::new();
        let end = from.read_until(b'\n', &mut line)? == 0;
        if end || (blank && line.starts_with(b"From ")) {
            if let Some(mut done) = reading.take() {
                // The empty line before the next mail is not of this one.
                if done.mail.ends_with(b"\n\n") {
                    done.mail.pop();
                }
                parcel(to, done.seconds, &done.flags, folder, &done.mail)?;
                count += 1;
            }
            if end {
                return Ok(count);
            }
            reading = Some(Reading { seconds: date(&line), ..Reading::default() });
            blank = false;
            continue;
        }
        blank = line.trim_ascii().is_empty();
        match &mut reading {
            Some(reading) => reading.line(&line),
            None if blank => {}
            None => return Err(io::Error::other("it is no mbox: it does not begin with 'From '")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_mbox_is_read_as_it_was_written() {
        let text = "From ann@x.org Sat Jan  3 01:05:34 1996\nSubject: a\nStatus: RO\nX-Status: F\n\n>From here\n>>From there\n\n\
                    From b Thu Nov 26 10:00:00 2026\nSubject: b\n\n>From inside a line\nend\n";
        let mut out = Vec::new();
        assert_eq!(mbox(text.as_bytes(), "Old", &mut out).unwrap(), 2);
        let first = "Subject: a\nStatus: RO\nX-Status: F\n\nFrom here\n>From there\n";
        let third = "Subject: b\n\nFrom inside a line\nend\n";
        let wanted = format!("820631134 SF {} Old\n{first}1795687200 - {} Old\n{third}", first.len(), third.len());
        assert_eq!(String::from_utf8(out).unwrap(), wanted);
        assert!(mbox(&b"Subject: no mbox\n"[..], "Old", &mut Vec::new()).is_err());
    }
}
