//! A plain IMAP client that says what it is told to say, and gives back all that is said until the tagged reply.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::{PASSWORD, SOON};

/// A plain IMAP client.
pub struct Imap {
    stream: BufReader<TcpStream>,
    tags: u32,
}

impl Imap {
    /// Connects and reads the greeting.
    pub fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).expect("a greeting")
    }

    /// As [`Imap::connect`], of a server that may be killed at any moment.
    pub fn try_connect(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(SOON)).ok()?;
        let mut imap = Self { stream: BufReader::new(stream), tags: 0 };
        imap.line().filter(|line| line.starts_with(b"* OK")).map(|_| imap)
    }

    /// Connects and logs a person in.
    pub fn of(address: SocketAddr, person: &str) -> Self {
        let mut imap = Self::connect(address);
        imap.ok(&format!("LOGIN {person} {PASSWORD}"));
        imap
    }

    /// The same with a folder open.
    pub fn open(address: SocketAddr, person: &str, folder: &str) -> Self {
        let mut imap = Self::of(address, person);
        imap.ok(&format!("SELECT {folder}"));
        imap
    }

    /// Writes bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.get_mut().write_all(bytes);
    }

    /// One line with its literals; `None` when the server is gone.
    pub fn line(&mut self) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            let begin = line.len();
            if self.stream.read_until(b'\n', &mut line).ok()? == 0 {
                return None;
            }
            let piece = String::from_utf8_lossy(&line[begin..]).into_owned();
            let size = piece.strip_suffix("}\r\n").and_then(|piece| piece.rsplit_once('{')?.1.parse::<usize>().ok());
            let Some(size) = size else { return Some(line) };
            let at = line.len();
            line.resize(at + size, 0);
            self.stream.read_exact(&mut line[at..]).ok()?;
        }
    }

    /// Says a command and gives back everything up to its tagged reply; less when the server is gone.
    pub fn bytes(&mut self, command: &str) -> Vec<u8> {
        self.tags += 1;
        let tag = format!("t{}", self.tags);
        self.write(format!("{tag} {command}\r\n").as_bytes());
        self.until(&tag)
    }

    /// Everything up to the reply with this tag.
    pub fn until(&mut self, tag: &str) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(line) = self.line() {
            all.extend_from_slice(&line);
            if line.starts_with(tag.as_bytes()) {
                break;
            }
        }
        all
    }

    /// As [`Imap::bytes`], as text.
    pub fn say(&mut self, command: &str) -> String {
        String::from_utf8_lossy(&self.bytes(command)).into_owned()
    }

    /// Says a command that has to be done.
    #[track_caller]
    pub fn ok(&mut self, command: &str) -> String {
        let said = self.say(command);
        let last = said.lines().last().unwrap_or_default();
        assert!(last.split(' ').nth(1) == Some("OK"), "{command}: {said}");
        said
    }

    /// Appends a mail; the tagged reply.
    pub fn append(&mut self, to: &str, mail: &[u8]) -> String {
        self.tags += 1;
        let tag = format!("t{}", self.tags);
        self.write(format!("{tag} APPEND {to} {{{}+}}\r\n", mail.len()).as_bytes());
        self.write(mail);
        self.write(b"\r\n");
        String::from_utf8_lossy(&self.until(&tag)).into_owned()
    }

    /// The bytes of a message in the open folder, without marking it as read.
    #[track_caller]
    pub fn fetch(&mut self, uid: u32, section: &str) -> Vec<u8> {
        let said = self.bytes(&format!("UID FETCH {uid} BODY.PEEK[{section}]"));
        let open =
            said.iter().position(|byte| *byte == b'{').unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&said)));
        let end = open + said[open..].iter().position(|byte| *byte == b'\n').unwrap();
        let size: usize = String::from_utf8_lossy(&said[open + 1..end]).trim_end_matches(['}', '\r']).parse().unwrap();
        said[end + 1..=end + size].to_vec()
    }

    /// UIDs of the open folder.
    pub fn uids(&mut self) -> Vec<u32> {
        let said = self.ok("UID SEARCH ALL");
        let line = said.lines().find(|line| line.starts_with("* SEARCH")).unwrap();
        line.split(' ').skip(2).map(|uid| uid.parse().unwrap()).collect()
    }
}
