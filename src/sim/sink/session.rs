//! One connection of the sink: just enough SMTP (RFC 5321) for any client.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::{Mail, Shared};

const PATIENCE: Duration = Duration::from_secs(300);
const MOST_LINE: u64 = 8192;
const MOST_MAIL: usize = 128 << 20;
const MOST_COMMANDS: usize = 10_000;
const EXTENSIONS: [&str; 5] = ["PIPELINING", "SIZE 134217728", "8BITMIME", "SMTPUTF8", "AUTH PLAIN LOGIN"];

struct Session<'a> {
    reader: BufReader<&'a TcpStream>,
    shared: &'a Shared,
    from: Option<String>,
    to: Vec<String>,
}

/// Talks until the client leaves or says QUIT.
pub(super) fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut session = Session { reader: BufReader::new(stream), shared, from: None, to: Vec::new() };
    let greeting = session.fault("GREETING");
    session.say(greeting.as_deref().unwrap_or("220 sink.invalid simulated mail server"))?;
    while let Some(line) = session.line()? {
        let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        session.note(&word);
        if let Some(answer) = session.fault(&word) {
            session.say(&answer)?;
        } else if !session.command(&word, &line)? {
            break;
        }
    }
    Ok(())
}

impl Session<'_> {
    fn fault(&self, command: &str) -> Option<String> {
        self.shared.lock().faults.code(command)
    }

    fn note(&self, word: &str) {
        let mut state = self.shared.lock();
        if state.commands.len() < MOST_COMMANDS {
            state.commands.push(word.to_owned());
        }
    }

    fn say(&self, answer: &str) -> io::Result<()> {
        let mut stream = *self.reader.get_ref();
        let line = format!("{answer}\r\n");
        let Some(pause) = self.shared.lock().faults.slow else { return stream.write_all(line.as_bytes()) };
        for byte in line.bytes() {
            crate::clock::sleep(pause);
            stream.write_all(&[byte])?;
        }
        Ok(())
    }

    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        self.reader.by_ref().take(MOST_LINE).read_until(b'\n', &mut line)?;
        Ok(line.ends_with(b"\n").then(|| String::from_utf8_lossy(&line).trim_end().to_owned()))
    }

    /// False when the conversation is over.
    fn command(&mut self, word: &str, line: &str) -> io::Result<bool> {
        match word {
            "EHLO" | "HELO" => self.hello(word)?,
            "AUTH" => self.login(line)?,
            "MAIL" if self.from.is_some() => self.say("503 one mail at a time")?,
            "MAIL" => match address(line, "FROM:") {
                Some(from) => {
                    self.from = Some(from);
                    self.say("250 2.1.0 sender taken")?;
                }
                None => self.say("501 MAIL FROM:<address>")?,
            },
            "RCPT" => match address(line, "TO:").filter(|to| !to.is_empty()) {
                _ if self.from.is_none() => self.say("503 MAIL first")?,
                Some(to) => {
                    self.to.push(to);
                    self.say("250 2.1.5 recipient taken")?;
                }
                None => self.say("501 RCPT TO:<address>")?,
            },
            "DATA" if self.to.is_empty() => self.say("503 RCPT first")?,
            "DATA" => return self.data(),
            "RSET" => {
                self.reset();
                self.say("250 2.0.0 forgotten")?;
            }
            "NOOP" => self.say("250 2.0.0 here")?,
            "QUIT" => {
                self.say("221 2.0.0 good-bye")?;
                return Ok(false);
            }
            _ => self.say("500 5.5.1 not known here")?,
        }
        Ok(true)
    }

    fn hello(&mut self, word: &str) -> io::Result<()> {
        self.reset();
        if word == "HELO" {
            return self.say("250 sink.invalid");
        }
        let hidden = self.shared.lock().faults.hidden.clone();
        let offered = |line: &&&str| line.split(' ').next().is_some_and(|name| !hidden.iter().any(|word| word == name));
        let mut answer = "250-sink.invalid\r\n".to_owned();
        for extension in EXTENSIONS.iter().filter(offered) {
            answer.push_str(&format!("250-{extension}\r\n"));
        }
        self.say(&(answer + "250 HELP"))
    }

    /// Any name and any password will do; `code AUTH 535` makes them wrong.
    fn login(&mut self, line: &str) -> io::Result<()> {
        let words: Vec<_> = line.split_whitespace().collect();
        let questions: &[&str] = match words[..] {
            [_, method, ..] if method.eq_ignore_ascii_case("LOGIN") => &["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"],
            [_, _] => &["334 "],
            _ => &[],
        };
        for question in questions.iter().skip(words.len().saturating_sub(2).min(questions.len())) {
            self.say(question)?;
            if self.line()?.is_none() {
                return Ok(());
            }
        }
        self.say("235 2.7.0 welcome")
    }

    fn data(&mut self) -> io::Result<bool> {
        self.say("354 end with a dot")?;
        let Some(data) = self.text()? else { return Ok(false) };
        let mail = Mail { from: self.from.take().unwrap_or_default(), to: std::mem::take(&mut self.to), data };
        if let Some(answer) = self.fault("END") {
            self.say(&answer)?;
            return Ok(true);
        }
        self.shared.keep(mail)?;
        {
            let mut state = self.shared.lock();
            if state.faults.drops > 0 {
                state.faults.drops -= 1;
                return Ok(false);
            }
        }
        self.say("250 2.0.0 kept")?;
        Ok(true)
    }

    /// Up to CRLF, dot, CRLF and nothing else; `None` when the client left before.
    fn text(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut data = Vec::new();
        let mut line = Vec::new();
        let mut at_start = true;
        loop {
            line.clear();
            if self.reader.by_ref().take(MOST_LINE).read_until(b'\n', &mut line)? == 0 || data.len() > MOST_MAIL {
                return Ok(None);
            }
            if at_start && line == b".\r\n" {
                return Ok(Some(data));
            }
            let dots = usize::from(at_start && line.starts_with(b"."));
            data.extend_from_slice(&line[dots..]);
            at_start = line.ends_with(b"\r\n");
        }
    }

    fn reset(&mut self) {
        self.from = None;
        self.to.clear();
    }
}

/// The address between the brackets behind `FROM:` or `TO:`.
fn address(line: &str, keyword: &str) -> Option<String> {
    let argument = line.get(5..)?.trim_start();
    let head = argument.get(..keyword.len())?;
    let rest = argument[keyword.len()..].trim_start().strip_prefix('<')?;
    let (inner, _) = rest.split_once('>')?;
    head.eq_ignore_ascii_case(keyword).then(|| inner.to_owned())
}
