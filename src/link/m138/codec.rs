//! Framing of the M138's serial lines: bytes in, checked sentence bodies out. No I/O.
//!
//! A sentence is `$` body `*` two hex digits LF; the checksum is the XOR of the bytes between `$` and the last `*`
//! (M138 manual rev 1.20, message format). Bytes before `$` are noise of the boot loader, `$` starts anew at any point.

use crate::hex;

/// Longest line that is looked at, in bytes; the longest sentence of the manual has 433.
pub const MAX_LINE: usize = 1024;

/// What the codec makes of the bytes that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// The body of a sentence whose checksum is right, without `$` and `*xx`.
    Body(String),
    /// A line that is no sentence: garbled, truncated, too long, or free text; printable.
    Junk(String),
}

/// Cuts a byte stream into frames and counts what was wrong with it.
#[derive(Debug, Default)]
pub struct Codec {
    line: Vec<u8>,
    /// The current line outgrew [`MAX_LINE`]: all is thrown away up to `$` or LF.
    overlong: bool,
    garbled: u64,
    noisy: u64,
}

impl Codec {
    /// Lines that began as a sentence and failed: wrong sum, cut short, too long, bytes that no sentence has.
    pub fn garbled(&self) -> u64 {
        self.garbled
    }

    /// Lines with bytes that nobody meant to send, such as noise makes them. A line that lost bytes, to another reader of the
    /// port for example, has none.
    pub fn noisy(&self) -> u64 {
        self.noisy
    }

    /// The line that has begun, made fit to be shown: a prompt has no end.
    pub fn begun(&self) -> String {
        printable(&self.line)
    }

    /// Takes bytes in and appends the frames they complete.
    pub fn feed(&mut self, bytes: &[u8], frames: &mut Vec<Frame>) {
        for &byte in bytes {
            match byte {
                b'\n' => self.end(frames),
                b'$' => self.restart(frames),
                _ if self.overlong => {}
                _ if self.line.len() < MAX_LINE => self.line.push(byte),
                _ => self.overflow(frames),
            }
        }
    }

    /// Forgets a line that has begun, after the port was opened anew.
    pub fn reset(&mut self) {
        self.line.clear();
        self.overlong = false;
    }

    fn end(&mut self, frames: &mut Vec<Frame>) {
        self.overlong = false;
        let line = std::mem::take(&mut self.line);
        let text = line.strip_suffix(b"\r").unwrap_or(&line);
        if text.is_empty() {
            return;
        }
        self.noisy += u64::from(text.iter().any(|byte| !(0x20..0x7f).contains(byte) && *byte != b'\t'));
        match text.strip_prefix(b"$") {
            Some(rest) => match checked(rest) {
                Some(body) => frames.push(Frame::Body(body)),
                None => {
                    self.garbled += 1;
                    frames.push(Frame::Junk(printable(text)));
                }
            },
            None => frames.push(Frame::Junk(printable(text))),
        }
    }

    /// A `$`: what stood before it is a sentence that lost its line feed, or is lost.
    fn restart(&mut self, frames: &mut Vec<Frame>) {
        self.end(frames);
        self.line.push(b'$');
    }

    fn overflow(&mut self, frames: &mut Vec<Frame>) {
        self.end(frames);
        self.overlong = true;
    }
}

/// XOR of all bytes.
pub fn checksum(body: &[u8]) -> u8 {
    body.iter().fold(0, |sum, byte| sum ^ byte)
}

/// The sentence around a body, with checksum and line feed.
pub fn sentence(body: &str) -> String {
    format!("${body}*{:02x}\n", checksum(body.as_bytes()))
}

/// A line made fit to be shown: control and non-ASCII bytes as `\xNN`.
pub fn printable(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string().replace("\\\"", "\"").replace("\\'", "'").replace("\\\\", "\\")
}

/// The body of `body*xx` if the sum is right and the body is printable ASCII.
fn checked(rest: &[u8]) -> Option<String> {
    let (body, tail) = rest.split_at_checked(rest.len().checked_sub(3)?)?;
    let sum = match tail {
        [b'*', high, low] => hex::byte(*high, *low)?,
        _ => return None,
    };
    if !body.iter().all(|byte| (0x20..0x7f).contains(byte)) {
        return None;
    }
    let right = checksum(body) == sum || converted_sum(body) == Some(sum);
    right.then(|| String::from_utf8_lossy(body).into_owned())
}

/// The sum that manual rev 1.00 prints for `$M138` lines: that of the same line with the predecessor's name `TILE`.
/// A modem that really sends it is understood.
fn converted_sum(body: &[u8]) -> Option<u8> {
    body.starts_with(b"M138 ").then(|| checksum(body) ^ checksum(b"M138") ^ checksum(b"TILE"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> (Vec<Frame>, Codec) {
        let (mut codec, mut frames) = (Codec::default(), Vec::new());
        codec.feed(bytes, &mut frames);
        (frames, codec)
    }

    fn bodies(bytes: &[u8]) -> Vec<String> {
        let only_bodies = |frame| match frame {
            Frame::Body(body) => Some(body),
            Frame::Junk(_) => None,
        };
        read(bytes).0.into_iter().filter_map(only_bodies).collect()
    }

    #[test]
    fn line_ends_and_cases_of_the_sum() {
        assert_eq!(bodies(b"$RT OK*22\r\n$RT OK*22\n"), ["RT OK", "RT OK"]);
        assert_eq!(bodies(b"$M138 BOOT,RUNNING*2A\n"), ["M138 BOOT,RUNNING"]);
        assert_eq!(sentence("CS"), "$CS*10\n");
        assert_eq!(bodies(b"$MM C=**74\n"), ["MM C=*"]);
    }

    #[test]
    fn sums_of_the_predecessor_are_understood() {
        assert_eq!(bodies(b"$M138 BOOT,RUNNING*49\n$M138 DATETIME*35\n").len(), 2);
        assert!(bodies(b"$RT OK*23\n").is_empty());
    }

    #[test]
    fn glued_truncated_and_noisy_lines() {
        assert_eq!(bodies(b"$RT OK*22$GN OK*2d\n"), ["RT OK", "GN OK"]);
        assert_eq!(bodies(b"$RT RSS$GN OK*2d\n"), ["GN OK"]);
        assert_eq!(bodies(b".....Swarm loader$GN OK*2d\n\x00\xff\n$RT"), ["GN OK"]);
        let (_, codec) = read(b"noise\n$RT OK*00\n$RT\n$\n$*\n$X*0\n");
        assert_eq!(codec.garbled(), 5);
    }

    #[test]
    fn long_lines_end_at_the_limit() {
        let mut bytes = vec![b'$'];
        bytes.resize(100_000, b'a');
        bytes.extend_from_slice(b"\n$RT OK*22\n");
        let (frames, codec) = read(&bytes);
        assert_eq!(frames.len(), 2);
        assert_eq!(frames[1], Frame::Body("RT OK".to_owned()));
        assert_eq!(codec.garbled(), 1);
    }

    #[test]
    fn any_cut_gives_the_same_frames() {
        let bytes = b"xx$RT OK*22\n$TD SENT,RSSI=-99,SNR=5,FDEV=32,5354468575855*6f\r\n$GN OK*2d\n";
        let whole = read(bytes).0;
        for cut in 0..bytes.len() {
            let (mut codec, mut frames) = (Codec::default(), Vec::new());
            codec.feed(&bytes[..cut], &mut frames);
            codec.feed(&bytes[cut..], &mut frames);
            assert_eq!(frames, whole);
        }
    }
}
