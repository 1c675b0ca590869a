//! `satpost code` and `satpost decode`: code messages (JSON lines) to compact packets in hex and back, to measure the coding
//! and to look into packets.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use argh::{ArgsInfo, FromArgs};
use compact::coder::{Coder, MODELS, Spec, Tell};
use compact::letter::{Kind, Letter, Other};
use compact::packet::bundle::{decode, encode};
use compact::packet::fragments::{Fragment, Room, cut, join};
use compact::packet::{Form, Past, Unreadable};
use compact::peer::book::index_of;
use compact::peer::past_of;
use serde_json::{Value, json};

use super::progress::Bar;
use super::session::Failure;
use crate::store::work::Stage;

/// Code messages compactly: JSON lines on standard input, on each line of output the packets of one line in hex.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "code",
    example = r#"  echo '{{"kind":"email","to":"mum@example.org","subject":"Boat","text":"All well."}}' | satpost code
  satpost code --book messages.jsonl < messages.jsonl"#,
    note = "A line names kind (email or sms), to, subject and text, with --book also from, the device. An array of such
messages leaves together."
)]
pub struct Code {
    /// bytes that one packet holds (default: 192)
    #[argh(option, default = "192")]
    packet_size: usize,
    /// bytes that are billed together, 50 for a credit: long messages are cut where they end (default: none are)
    #[argh(option, default = "0")]
    step: usize,
    /// of each array code the last message, for an end that has the others
    #[argh(switch)]
    after: bool,
    /// addresses that both ends know: JSON lines with from and to
    #[argh(option)]
    book: Option<PathBuf>,
    /// number of the model: 6, the older 5, 4, 3 and 1, or 2 for little memory (default: 6)
    #[argh(option, default = "MODELS[0].number")]
    model: u8,
}

/// Read compact packets: on each line of standard input the packets of one line in hex; writes JSON lines.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "decode", example = "  satpost code < messages.jsonl | satpost decode")]
pub struct Decode {
    /// addresses that both ends know: JSON lines with from and to
    #[argh(option)]
    book: Option<PathBuf>,
    /// the device whose packets they are: only its addresses are looked at
    #[argh(option)]
    device: Option<String>,
    /// number of the model: 6, the older 5, 4, 3 and 1, or 2 for little memory (default: 6)
    #[argh(option, default = "MODELS[0].number")]
    model: u8,
}

/// The addresses that each device has written to, or heard from.
#[derive(Default)]
struct Book(BTreeMap<String, BTreeSet<String>>);

impl Code {
    /// Runs until standard input ends.
    pub fn go(self, data: &Path) -> Result<ExitCode, Failure> {
        if self.packet_size < 8 {
            return Err(Failure::usage("--packet-size has to be 8 or more"));
        }
        let book = Book::read(self.book.as_deref())?;
        let mut coder = primed(self.model, data)?;
        each_line(|number, line| {
            let (mut messages, mut devices): (Vec<_>, Vec<_>) = messages(line)?.into_iter().unzip();
            let mut past = Past::default();
            if self.after {
                let last = messages.len() - 1;
                past = past_of(&messages[..last]);
                (messages, devices) = (messages.split_off(last), devices.split_off(last));
            }
            let on_air: Vec<_> =
                messages.iter().zip(&devices).map(|(message, from)| book.shorten(message, from)).collect();
            let bundle = encode(&mut coder, Form::Model(self.model), &on_air, &messages, &past, self.packet_size, 1);
            let room = Room { bytes: self.packet_size, step: self.step };
            let packets = cut(&bundle, (number % 64) as u8, room);
            let packets = packets.ok_or_else(|| format!("takes more than 16 packets of {} bytes", self.packet_size))?;
            Ok(packets.iter().map(|packet| crate::hex::encode(packet)).collect::<Vec<_>>().join(" "))
        })
    }
}

impl Decode {
    /// Runs until standard input ends.
    pub fn go(self, data: &Path) -> Result<ExitCode, Failure> {
        let mut book = Book::read(self.book.as_deref())?;
        if let Some(device) = &self.device {
            book.0.retain(|from, _| from == device);
        }
        let mut coder = primed(self.model, data)?;
        each_line(|_, line| {
            let packets: Option<Vec<_>> =
                line.split_whitespace().map(|digits| crate::hex::decode(digits.as_bytes())).collect();
            let packets = packets.ok_or("not hex")?;
            let whole = match &packets[..] {
                [whole] if Fragment::parse(whole).is_none() => Ok(whole.clone()),
                fragments => join(fragments),
            };
            let whole = whole.map_err(|why| format!("cannot be put together: {why:?}"))?;
            let messages = book.decode(&mut coder, &whole)?;
            Ok(messages.iter().map(|message| shown(message).to_string()).collect::<Vec<_>>().join("\n"))
        })
    }
}

impl Book {
    fn read(path: Option<&Path>) -> Result<Self, Failure> {
        let mut book = Self::default();
        let Some(path) = path else { return Ok(book) };
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| Failure::failed(format!("{shown}: {error}")))?;
        for (at, line) in text.lines().enumerate() {
            let value: Value = serde_json::from_str(line)
                .map_err(|error| Failure::failed(format!("{shown}, line {}: {error}", at + 1)))?;
            let field = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
            book.0.entry(field("from")).or_default().insert(field("to"));
        }
        Ok(book)
    }

    /// Reads the messages of a packet of one of the devices.
    fn decode(&self, coder: &mut Coder, whole: &[u8]) -> Result<Vec<Letter>, String> {
        let unreadable = |why: Unreadable| format!("cannot be read: {why:?}");
        match decode(coder, whole, &|_| Vec::new(), &|_| Vec::new()) {
            Err(Unreadable::Book) => {}
            written_out => return written_out.map(|(messages, _)| messages).map_err(unreadable),
        }
        // An index means an address of the device that the packet is of, and the packet does not say which that is.
        let mut found: Option<(&str, Vec<Letter>)> = None;
        for (device, own) in &self.0 {
            let read = decode(coder, whole, &|index| alike(own, index), &|_| Vec::new());
            let Ok((messages, _)) = read else { continue };
            match &found {
                Some((other, same)) if *same != messages => {
                    return Err(format!(
                        "fits the addresses of {other} and of {device}: name the device with --device"
                    ));
                }
                Some(_) => {}
                None => found = Some((device, messages)),
            }
        }
        found.map(|(_, messages)| messages).ok_or_else(|| unreadable(Unreadable::Book))
    }

    /// Gives the message with an index for its correspondent, where the device knows one address with that index.
    fn shorten(&self, message: &Letter, from: &str) -> Letter {
        let mut short = message.clone();
        if let (Some(known), Other::Address(to)) = (self.0.get(from), &message.other) {
            let same = known.iter().filter(|address| index_of(address) == index_of(to)).count();
            if same == 1 && known.contains(to) && message.kind.takes(to) {
                short.other = Other::Index(index_of(to));
            }
        }
        short
    }
}

/// Gives the addresses with this index.
fn alike<'a>(addresses: impl IntoIterator<Item = &'a String>, index: u8) -> Vec<String> {
    let all: BTreeSet<_> = addresses.into_iter().filter(|address| index_of(address) == index).collect();
    all.into_iter().cloned().collect()
}

/// The coder of a model. Where there is a data folder its primed state is kept there, as a box does.
fn primed(number: u8, data: &Path) -> Result<Coder, Failure> {
    let (spec, bar) = (model(number)?, OnceCell::<Bar>::new());
    // What is learned is kept whole or not at all, so Ctrl-C may end the program at any moment.
    let tell: Tell = &|done, total| {
        bar.get_or_init(Bar::alone).at(Stage::Priming, done, total);
    };
    if !data.is_dir() {
        return Ok(Coder::new_telling(spec, tell));
    }
    match Coder::open_telling(spec, data, tell) {
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Err(Failure::failed(error.to_string())),
        opened => Ok(opened.unwrap_or_else(|_| Coder::new_telling(spec, tell))),
    }
}

fn model(number: u8) -> Result<&'static Spec, Failure> {
    let numbers = || MODELS.iter().map(|spec| spec.number.to_string()).collect::<Vec<_>>().join(", ");
    Spec::find(number).ok_or_else(|| Failure::usage(format!("there is no model {number}: there are {}", numbers())))
}

/// Writes one answer a line; ends at the first line that has none.
fn each_line(mut work: impl FnMut(usize, &str) -> Result<String, String>) -> Result<ExitCode, Failure> {
    let (input, mut output) = (std::io::stdin().lock(), std::io::BufWriter::new(std::io::stdout().lock()));
    for (at, line) in input.lines().enumerate() {
        let wrong = |why: String| Failure::failed(format!("line {}: {why}", at + 1));
        let line = line.map_err(|error| wrong(error.to_string()))?;
        let answer = work(at + 1, &line).map_err(wrong)?;
        if writeln!(output, "{answer}").is_err() {
            // Whoever read it went away.
            return Ok(ExitCode::SUCCESS);
        }
    }
    output.flush().map_err(|error| Failure::failed(error.to_string())).map(|()| ExitCode::SUCCESS)
}

/// Reads a message, or an array of messages that leave together; each with the device that it is from.
fn messages(line: &str) -> Result<Vec<(Letter, String)>, String> {
    match serde_json::from_str(line).map_err(|error| error.to_string())? {
        Value::Array(values) if values.is_empty() => Err("an array without messages".to_owned()),
        Value::Array(values) => values.iter().map(message).collect(),
        value => Ok(vec![message(&value)?]),
    }
}

fn message(value: &Value) -> Result<(Letter, String), String> {
    let field = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let kind = match field("kind").as_str() {
        "email" => Kind::Mail,
        "sms" => Kind::Text,
        other => return Err(format!("kind is '{}': write email or sms", other.escape_debug())),
    };
    if field("to").is_empty() || field("to").contains(['\n', '\0']) {
        return Err("to has to be an address".to_owned());
    }
    let (other, subject, text) = (Other::Address(field("to")), field("subject"), field("text"));
    Ok((Letter { kind, person: None, other, subject, text }, field("from")))
}

fn shown(message: &Letter) -> Value {
    let kind = if message.kind == Kind::Mail { "email" } else { "sms" };
    let to = match &message.other {
        Other::Address(address) => address.clone(),
        Other::Index(index) => format!("({index})"),
    };
    json!({"kind": kind, "to": to, "subject": message.subject, "text": message.text})
}
