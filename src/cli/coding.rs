//! `satpost code` and `satpost decode`: letters as JSON lines to compact packets in hex and back, to measure the coding
//! and to look into packets.

use std::io::{BufRead, Write};
use std::process::ExitCode;

use argh::FromArgs;
use compact::coder::{Coder, MODELS};
use compact::letter::{Kind, Letter, Other};
use compact::packet::{pack, unpack};
use serde_json::{Value, json};

use super::session::Failure;

/// Code letters compactly: JSON lines on standard input, on each line of output the packets of one letter in hex.
#[derive(FromArgs)]
#[argh(
    subcommand,
    name = "code",
    example = r#"  echo '{{"kind":"email","to":"mum@example.org","subject":"Boat","text":"All well."}}' | satpost code"#,
    note = "A line names kind (email or sms), to, subject and text. The coding is not yet used on air."
)]
pub struct Code {
    /// bytes that one packet holds (192)
    #[argh(option, default = "192")]
    most: usize,
}

/// Read compact packets: on each line of standard input the packets of one letter in hex; writes JSON lines.
#[derive(FromArgs)]
#[argh(subcommand, name = "decode", example = "  satpost code < letters.jsonl | satpost decode")]
pub struct Decode {}

impl Code {
    /// Runs until standard input ends.
    pub fn go(self) -> Result<ExitCode, Failure> {
        if self.most < 8 {
            return Err(Failure::usage("--most has to be 8 or more"));
        }
        let mut coder = Coder::new(&MODELS[0]);
        each_line(|number, line| {
            let letter = letter(line).map_err(|why| format!("line {number}: {why}"))?;
            let packets = pack(&mut coder, &[letter], (number % 64) as u8, self.most)
                .ok_or_else(|| format!("line {number}: takes more than 16 packets of {} bytes", self.most))?;
            Ok(packets.iter().map(|packet| hex(packet)).collect::<Vec<_>>().join(" "))
        })
    }
}

impl Decode {
    /// Runs until standard input ends.
    pub fn go(self) -> Result<ExitCode, Failure> {
        let mut coder = Coder::new(&MODELS[0]);
        each_line(|number, line| {
            let packets: Option<Vec<_>> = line.split_whitespace().map(bytes).collect();
            let packets = packets.ok_or_else(|| format!("line {number}: not hex"))?;
            let letters = unpack(&mut coder, &packets).map_err(|why| format!("line {number}: {why:?}"))?;
            Ok(letters.iter().map(|letter| shown(letter).to_string()).collect::<Vec<_>>().join("\n"))
        })
    }
}

/// Writes one answer a line; ends at the first that has none.
fn each_line(mut work: impl FnMut(usize, &str) -> Result<String, String>) -> Result<ExitCode, Failure> {
    let (input, mut output) = (std::io::stdin().lock(), std::io::BufWriter::new(std::io::stdout().lock()));
    for (at, line) in input.lines().enumerate() {
        let line = line.map_err(|error| Failure::failed(format!("line {}: {error}", at + 1)))?;
        let answer = work(at + 1, &line).map_err(Failure::failed)?;
        if writeln!(output, "{answer}").is_err() {
            // Whoever read it went away.
            return Ok(ExitCode::SUCCESS);
        }
    }
    output.flush().map_err(|error| Failure::failed(error.to_string())).map(|()| ExitCode::SUCCESS)
}

fn letter(line: &str) -> Result<Letter, String> {
    let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let field = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let kind = match field("kind").as_str() {
        "email" => Kind::Mail,
        "sms" => Kind::Text,
        other => return Err(format!("kind is '{}': write email or sms", other.escape_debug())),
    };
    if field("to").is_empty() || field("to").contains(['\n', '\0']) {
        return Err("to has to be an address".to_owned());
    }
    Ok(Letter {
        kind,
        person: None,
        other: Other::Address(field("to")),
        subject: field("subject"),
        text: field("text"),
    })
}

fn shown(letter: &Letter) -> Value {
    let kind = if letter.kind == Kind::Mail { "email" } else { "sms" };
    let to = match &letter.other {
        Other::Address(address) => address.clone(),
        Other::Index(index) => format!("({index})"),
    };
    json!({"kind": kind, "to": to, "subject": letter.subject, "text": letter.text})
}

fn hex(packet: &[u8]) -> String {
    packet.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    hex.len().is_multiple_of(2).then(|| hex.as_bytes().chunks(2).map(pair).collect::<Option<Vec<_>>>())?
}
