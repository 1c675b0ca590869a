//! A form with a file (RFC 7578). The file goes to the disk as it comes: it is never in memory as a whole.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Path of the one page that takes a file.
pub const PAGE: &str = "/about/restore";
/// Largest file that is taken, in bytes.
pub const MOST: u64 = 512 * 1024 * 1024;
/// The fields before the file stand within so many bytes.
const HEAD: usize = 64 * 1024;
/// Fields before the file.
const FIELDS: usize = 20;

/// A file that came with a form; it is removed with this.
#[derive(Debug)]
pub struct UploadedFile {
    /// Path of the file.
    pub path: PathBuf,
}

impl Drop for UploadedFile {
    fn drop(&mut self) {
        // One that was put to use is no longer there.
        let _ = fs::remove_file(&self.path);
    }
}

/// Fields of a form: names and values, in their order.
type Pairs = Vec<(String, String)>;

/// What a form with a file holds.
#[derive(Debug, Default)]
pub struct Upload {
    /// Names and values of the fields before the file.
    pub fields: Pairs,
    /// The file, if one was chosen. It has to be the last field.
    pub file: Option<UploadedFile>,
}

/// Why a form with a file was not taken.
#[derive(Debug)]
pub enum NotTaken {
    /// It is not made as a browser makes one.
    NotMade,
    /// The disk failed or is full, or the connection ended.
    Io(io::Error),
}

impl From<io::Error> for NotTaken {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The boundary of a form of this type; `None` for any other type.
fn boundary(content_type: &str) -> Option<String> {
    let parameters = content_type.strip_prefix("multipart/form-data")?;
    let found = parameters.split(';').find_map(|part| part.trim().strip_prefix("boundary="))?;
    let found = found.trim_matches('"');
    (1..=70).contains(&found.len()).then(|| found.to_owned())
}

/// The boundary of a form with a file, on the page that takes one.
pub fn of(target: &str, headers: &[(String, String)]) -> Option<String> {
    let kind = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"))?;
    boundary(&kind.1).filter(|_| target == PAGE)
}

/// Takes a form apart, with its file in this folder.
///
/// # Errors
/// When the disk fails or is full, or the form is not made as it should be.
pub fn take(mut body: impl Read, boundary: &str, folder: &Path) -> Result<Upload, NotTaken> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let name = crate::hex::encode(&random);
    // Named so that those that a power cut leaves are swept at the next start.
    let (whole, path) = (folder.join(format!("{name}.form.part")), folder.join(format!("{name}.file.part")));
    let new = |path: &Path| File::options().read(true).write(true).create_new(true).mode(0o600).open(path);
    let mut spooled = new(&whole)?;
    // Open as long as this works; its name is not needed.
    fs::remove_file(&whole)?;
    let size = io::copy(&mut body, &mut spooled)?;
    let (fields, start) = fields(&mut spooled, boundary)?;
    let Some(start) = start else { return Ok(Upload { fields, file: None }) };
    let end = end(&mut spooled, boundary, size)?;
    let length = end.checked_sub(start).ok_or(NotTaken::NotMade)?;
    if length == 0 {
        return Ok(Upload { fields, file: None });
    }
    let mut to = new(&path)?;
    let file = UploadedFile { path };
    spooled.seek(SeekFrom::Start(start))?;
    io::copy(&mut spooled.take(length), &mut to)?;
    to.flush()?;
    Ok(Upload { fields, file: Some(file) })
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// The fields before the file, and where that begins.
fn fields(form: &mut File, boundary: &str) -> Result<(Pairs, Option<u64>), NotTaken> {
    let mut head = Vec::new();
    form.seek(SeekFrom::Start(0))?;
    form.take(HEAD as u64).read_to_end(&mut head)?;
    let (open, between) = (format!("--{boundary}\r\n"), format!("\r\n--{boundary}"));
    let mut at = head.starts_with(open.as_bytes()).then_some(open.len()).ok_or(NotTaken::NotMade)?;
    let mut fields = Vec::new();
    while fields.len() < FIELDS {
        let length = find(&head[at..], b"\r\n\r\n").ok_or(NotTaken::NotMade)?;
        let lines = String::from_utf8_lossy(&head[at..at + length]).into_owned();
        at += length + 4;
        let (name, is_file) = disposition(&lines).ok_or(NotTaken::NotMade)?;
        if is_file {
            return Ok((fields, Some(at as u64)));
        }
        let length = find(&head[at..], between.as_bytes()).ok_or(NotTaken::NotMade)?;
        fields.push((name, String::from_utf8_lossy(&head[at..at + length]).into_owned()));
        at += length + between.len();
        match head.get(at..at + 2) {
            Some(b"\r\n") => at += 2,
            _ => return Ok((fields, None)),
        }
    }
    Err(NotTaken::NotMade)
}

/// The name of a field, and whether it is a file.
fn disposition(lines: &str) -> Option<(String, bool)> {
    let line = lines.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    let value = |name: &str| {
        let after = line.split(';').map(str::trim).find_map(|part| part.strip_prefix(name))?;
        Some(after.trim_matches('"').to_owned())
    };
    Some((value("name=")?, value("filename=").is_some()))
}

/// Where the last field of a form ends.
fn end(form: &mut File, boundary: &str, size: u64) -> Result<u64, NotTaken> {
    let close = format!("\r\n--{boundary}--");
    // A line break may follow.
    let from = size.saturating_sub(close.len() as u64 + 2);
    let mut tail = Vec::new();
    form.seek(SeekFrom::Start(from))?;
    form.take(close.len() as u64 + 2).read_to_end(&mut tail)?;
    Ok(from + find(&tail, close.as_bytes()).ok_or(NotTaken::NotMade)? as u64)
}

#[cfg(test)]
mod tests {
    use testing::Folder;

    use super::*;

    fn form(end: &str, file: &[u8]) -> Vec<u8> {
        let head = "--xx\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\nabc\r\n--xx\r\nContent-Disposition: form-data; \
                    name=\"file\"; filename=\"a.backup\"\r\nContent-Type: application/octet-stream\r\n\r\n";
        [head.as_bytes(), file, end.as_bytes()].concat()
    }

    #[test]
    fn a_file_comes_out_as_it_went_in_and_is_removed_with_its_form() {
        let folder = Folder::new();
        for file in [&b"x"[..], b"\r\n--xx\r\n", b"--xx--", &[7; 200_000]] {
            for close in ["\r\n--xx--\r\n", "\r\n--xx--"] {
                let upload = take(&form(close, file)[..], "xx", &folder.path("")).unwrap();
                assert_eq!(upload.fields, [("csrf".to_owned(), "abc".to_owned())]);
                let there = upload.file.as_ref().unwrap();
                assert_eq!(fs::read(&there.path).unwrap(), file);
            }
        }
        assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 0);
        assert!(take(&form("\r\n--xx--", b"")[..], "xx", &folder.path("")).unwrap().file.is_none());
    }

    #[test]
    fn what_is_no_form_is_refused_and_leaves_nothing_behind() {
        let folder = Folder::new();
        let long = [b"--xx\r\nContent-Disposition: form-data; name=a\r\n\r\n".to_vec(), vec![b'y'; 100_000]].concat();
        for bad in [
            &b""[..],
            b"--yy\r\n",
            b"--xx\r\n\r\n\r\n",
            b"--xx\r\nContent-Disposition: form-data\r\n\r\nx",
            &form("", b"cut"),
            &long,
        ] {
            assert!(take(bad, "xx", &folder.path("")).is_err());
        }
        assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 0);
        assert_eq!(boundary("multipart/form-data; boundary=\"a-b\"").as_deref(), Some("a-b"));
        for other in ["text/plain; boundary=a", "multipart/form-data", "multipart/form-data; boundary="] {
            assert_eq!(boundary(other), None, "{other}");
        }
    }
}
