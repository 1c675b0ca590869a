//! What the M138 says, told apart by shape and never by order, as unsolicited lines come between a command and its
//! answer. Accepts the forms of firmware 1.x, 2.x and 3.x, and of the predecessor where they are known.

use crate::clock::Time;
use crate::hex;

/// The two letters of a command and of its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag([u8; 2]);

impl Tag {
    /// From a literal such as `"TD"`.
    pub const fn new(messages: &str) -> Self {
        Self([messages.as_bytes()[0], messages.as_bytes()[1]])
    }

    /// Gives its two letters.
    pub fn letters(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("??")
    }

    fn parse(word: &str) -> Option<Self> {
        match word.as_bytes() {
            [a @ b'A'..=b'Z', b @ b'A'..=b'Z'] => Some(Self([*a, *b])),
            _ => None,
        }
    }
}

/// `$MM`: messages received, which wait in the modem.
pub const MM: Tag = Tag::new("MM");
/// `$MT`: messages to transmit.
pub const MT: Tag = Tag::new("MT");
/// `$TD`: transmit data, which hands a packet over.
pub const TD: Tag = Tag::new("TD");

/// What a sentence of the modem says.
#[derive(Debug, Clone, PartialEq)]
pub enum Sentence {
    /// `$M138 BOOT,<what>[,<text>]`: the modem starts, or was shut down.
    Boot {
        /// `RUNNING`, `RESTART`, `SHUTDOWN`, `ABORT`, ...
        what: String,
        /// The rest of the line.
        text: String,
    },
    /// `$M138 DATETIME`: first valid GPS time since start.
    TimeGate,
    /// `$M138 POSITION`: first three-dimensional fix since start.
    PositionGate,
    /// Any other `$M138` line.
    Notice(String),
    /// A setting was accepted.
    Ok(Tag),
    /// `ERR`: a command was refused.
    Error {
        /// The letters of the command.
        tag: Tag,
        /// The modem's word for it, empty from firmware that gives none.
        word: String,
        /// The message concerned, if the modem names one other than 0.
        id: Option<u64>,
    },
    /// `$CMD? ERR,<word>`: the modem could not read a line.
    BadLine(String),
    /// `$CS`: device id and model of the modem.
    Identity {
        /// Device id, the field `DI`.
        device: u64,
        /// Name of the model, the field `DN`.
        name: String,
    },
    /// `$FV <date>,<version>`; kept as it stands.
    Firmware(String),
    /// `$DT`: the clock of the modem.
    Clock {
        /// Its time, in UTC.
        time: Time,
        /// It comes from GPS.
        valid: bool,
    },
    /// Digits alone: a rate in seconds, or a GPIO mode.
    Rate(Tag, u64),
    /// `$GN`: degrees north and east, metres.
    Position(f64, f64, f64),
    /// `$GS`: satellites in use and the kind of fix.
    Fix {
        /// GPS satellites in use.
        satellites: u32,
        /// Kind of fix: `NF`, `G2`, `G3` and others.
        kind: String,
    },
    /// `$PW`: volts and degrees Celsius.
    Power(f64, f64),
    /// `$RT RSSI=`: background noise, dBm.
    Noise(f64),
    /// `$RT` with more fields: a packet of a satellite was heard.
    Satellite(Signal),
    /// `$MM` or `$MT` with digits alone: a count.
    Count(Tag, u64),
    /// `$MM N=E` or `N=D`: notices of received messages are on.
    Notices(bool),
    /// `DELETED` or `MARKED`: the command is done, for the message of this id where one is named.
    Done(Tag, Option<u64>),
    /// `$MM` or `$MT` with a message.
    Message(Tag, Message),
    /// `$TD OK,<id>`: in the modem's queue.
    Queued(u64),
    /// `$TD SENT`: a satellite has it.
    Acked(u64, Signal),
    /// `$RD`: a message came in; a hint only, as it has no id.
    Received(Signal),
    /// `$SL WAKE`: the modem woke from sleep.
    Wake,
    /// Right in form, but of no kind known here.
    Other(String),
}

impl Sentence {
    /// True for what the modem says only when it is asked.
    pub fn is_answer(&self) -> bool {
        matches!(
            self,
            Self::Ok(_)
                | Self::Identity { .. }
                | Self::Firmware(_)
                | Self::Rate(..)
                | Self::Count(..)
                | Self::Notices(_)
                | Self::Done(..)
                | Self::Queued(_)
        )
    }
}

/// Figures of one radio packet; missing ones are `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Signal {
    /// Strength of the signal, dBm.
    pub rssi: Option<f64>,
    /// Signal to noise ratio, dB.
    pub snr: Option<f64>,
    /// Frequency deviation, Hz.
    pub fdev: Option<f64>,
    /// When it was received; `None` where the sentence does not say so.
    pub at: Option<Time>,
}

/// A message in one of the modem's stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Application id, where the firmware gives one.
    pub app: Option<u32>,
    /// The payload; `Err` keeps what could not be read.
    pub payload: Result<Vec<u8>, String>,
    /// The modem's id of it.
    pub id: u64,
    /// When the modem took it, seconds since 1970.
    pub at: i64,
}

/// Classifies the body of a sentence.
pub fn parse(body: &str) -> Sentence {
    let (word, args) = body.split_once(' ').unwrap_or((body, ""));
    let known = match word {
        "M138" | "TILE" => Some(device_line(args)),
        "CMD?" => Some(Sentence::BadLine(args.strip_prefix("ERR,").unwrap_or(args).to_owned())),
        _ => Tag::parse(word).and_then(|tag| error(tag, args).or_else(|| tagged(tag, args))),
    };
    known.unwrap_or_else(|| Sentence::Other(body.to_owned()))
}

fn device_line(args: &str) -> Sentence {
    let (head, rest) = args.split_once(',').unwrap_or((args, ""));
    match head {
        "BOOT" => {
            let (what, text) = rest.split_once(',').unwrap_or((rest, ""));
            Sentence::Boot { what: what.to_owned(), text: text.to_owned() }
        }
        "DATETIME" => Sentence::TimeGate,
        "POSITION" => Sentence::PositionGate,
        _ => Sentence::Notice(args.to_owned()),
    }
}

fn error(tag: Tag, args: &str) -> Option<Sentence> {
    let rest = args.strip_prefix("ERR")?;
    if !rest.is_empty() && !rest.starts_with(',') {
        return None;
    }
    let mut fields = rest.trim_start_matches(',').split(',');
    let word = fields.next().unwrap_or_default().to_owned();
    let id = fields.next().and_then(number).filter(|&id| id != 0);
    Some(Sentence::Error { tag, word, id })
}

fn tagged(tag: Tag, args: &str) -> Option<Sentence> {
    if args == "OK" {
        return Some(Sentence::Ok(tag));
    }
    match tag.letters() {
        "CS" => identity(args),
        "FV" => args.contains(',').then(|| Sentence::Firmware(args.to_owned())),
        "TD" => transmit(args),
        "MM" | "MT" => store(tag, args),
        "RD" => Some(Sentence::Received(signal(args))),
        "SL" => args.starts_with("WAKE").then_some(Sentence::Wake),
        _ if number(args).is_some() => number(args).map(|rate| Sentence::Rate(tag, rate)),
        "DT" => clock(args),
        "GN" => {
            let (lat, lon, alt) = (decimal(args, 0)?, decimal(args, 1)?, decimal(args, 2)?);
            let on_earth = lat.abs() <= 90.0 && lon.abs() <= 180.0;
            on_earth.then_some(Sentence::Position(lat, lon, alt))
        }
        "GS" => {
            let kind = field(args, 4)?;
            let satellites = field(args, 2)?.parse().ok()?;
            let letters = kind.len() == 2 && kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
            letters.then(|| Sentence::Fix { satellites, kind: kind.to_owned() })
        }
        "PW" => Some(Sentence::Power(decimal(args, 0)?, decimal(args, 4)?)),
        "RT" => receive_test(args),
        _ => None,
    }
}

fn identity(args: &str) -> Option<Sentence> {
    let digits = value(args, "DI")?.strip_prefix("0x")?;
    let device = (digits.len() <= 16).then(|| u64::from_str_radix(digits, 16).ok())??;
    Some(Sentence::Identity { device, name: value(args, "DN").unwrap_or_default().to_owned() })
}

fn transmit(args: &str) -> Option<Sentence> {
    if let Some(id) = args.strip_prefix("OK,") {
        return number(id).map(Sentence::Queued);
    }
    let rest = args.strip_prefix("SENT")?.strip_prefix([',', ' '])?;
    let id = number(rest.rsplit(',').next()?)?;
    Some(Sentence::Acked(id, signal(rest)))
}

fn store(tag: Tag, args: &str) -> Option<Sentence> {
    if let Some(count) = number(args) {
        return Some(Sentence::Count(tag, count));
    }
    if let Some(tail) = args.strip_prefix("DELETED").or_else(|| args.strip_prefix("MARKED")) {
        return Some(Sentence::Done(tag, number(tail.trim_start_matches(','))));
    }
    match args {
        "N=E" => Some(Sentence::Notices(true)),
        "N=D" => Some(Sentence::Notices(false)),
        _ => message(args).map(|message| Sentence::Message(tag, message)),
    }
}

/// `[AI=<app>,|<app>,]<data>,<id>,<es>`, read from its end.
fn message(args: &str) -> Option<Message> {
    let mut fields = args.rsplitn(3, ',');
    let at = fields.next()?.parse().ok()?;
    let id = number(fields.next()?)?;
    let rest = fields.next()?;
    let (app, data) = match rest.split_once(',') {
        Some((app, data)) if !rest.starts_with('"') => (number(app.strip_prefix("AI=").unwrap_or(app)), data),
        _ => (None, rest),
    };
    let app = app.and_then(|app| u32::try_from(app).ok());
    Some(Message { app, payload: payload(data).ok_or_else(|| data.to_owned()), id, at })
}

fn payload(data: &str) -> Option<Vec<u8>> {
    match data.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(text) => Some(text.as_bytes().to_vec()),
        None => hex::decode(data.as_bytes()).filter(|bytes| !bytes.is_empty()),
    }
}

fn receive_test(args: &str) -> Option<Sentence> {
    let figures = signal(args);
    match args.contains(',') {
        true => figures.rssi.is_some().then_some(Sentence::Satellite(figures)),
        false => figures.rssi.map(Sentence::Noise),
    }
}

fn signal(args: &str) -> Signal {
    let figure = |key| value(args, key).and_then(|text| text.parse().ok()).filter(|figure: &f64| figure.is_finite());
    Signal {
        rssi: figure("RSSI"),
        snr: figure("SNR"),
        fdev: figure("FDEV"),
        at: value(args, "TS").and_then(|text| stamp(&text.replace(' ', "T"), "%Y-%m-%dT%H:%M:%S")),
    }
}

fn clock(args: &str) -> Option<Sentence> {
    let (digits, flag) = args.split_once(',')?;
    let time = stamp(digits, "%Y%m%d%H%M%S").filter(|_| digits.len() == 14)?;
    match flag {
        "V" => Some(Sentence::Clock { time, valid: true }),
        "I" => Some(Sentence::Clock { time, valid: false }),
        _ => None,
    }
}

fn stamp(text: &str, format: &str) -> Option<Time> {
    let date = jiff::civil::DateTime::strptime(format, text).ok()?;
    let zoned = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Time::from_seconds(zoned.timestamp().as_second()))
}

/// Digits alone, no sign.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

fn field(args: &str, at: usize) -> Option<&str> {
    args.split(',').nth(at)
}

fn decimal(args: &str, at: usize) -> Option<f64> {
    field(args, at)?.parse().ok().filter(|value: &f64| value.is_finite())
}

/// The value of `key=` among fields that commas part.
fn value<'a>(args: &'a str, key: &str) -> Option<&'a str> {
    args.split(',').find_map(|field| field.strip_prefix(key)?.strip_prefix('='))
}

#[cfg(test)]
mod tests;
