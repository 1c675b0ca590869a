//! Texts between phones and service numbers, and the network that moves them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::clock::Clock;

/// A text takes so long from one state to the next, in milliseconds.
const STEP: i64 = 150;
/// A late one is seen only after this.
const LATE: i64 = 1500;

/// A text.
#[derive(Debug, Clone)]
pub struct Text {
    /// The carrier's name for it.
    pub id: String,
    pub from: String,
    pub to: String,
    pub body: String,
    /// To a phone.
    pub outbound: bool,
    /// As Twilio writes it.
    pub status: &'static str,
    pub code: Option<u64>,
    /// Milliseconds since 1970.
    pub created: i64,
    /// Nobody sees it before.
    pub appears: i64,
    moves_at: i64,
    /// Where its reports go, and the name that the sender gave it.
    pub callback: Option<String>,
    pub tag: Option<String>,
    /// Pictures and other files that came with it.
    pub media: usize,
}

impl Text {
    /// For tests and people.
    pub fn shown(&self) -> Value {
        json!({
            "id": self.id, "from": self.from, "to": self.to, "text": self.body, "outbound": self.outbound,
            "status": self.status, "code": self.code, "tag": self.tag, "media": self.media,
        })
    }

    /// Text messages it takes, counted here a second time.
    pub fn segments(&self) -> usize {
        let basic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà";
        let double = "\u{c}^{}\\[~]|€";
        let gsm = self.body.chars().all(|c| c.is_ascii_alphanumeric() || basic.contains(c) || double.contains(c));
        let units = match gsm {
            true => self.body.chars().map(|c| 1 + usize::from(double.contains(c))).sum(),
            false => self.body.encode_utf16().count(),
        };
        let (alone, each) = if gsm { (160, 153) } else { (70, 67) };
        if units <= alone { 1 } else { units.div_ceil(each) }
    }
}

/// True for a number of E.164 with its plus: 7 to 15 digits that begin with a country.
pub fn is_e164(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (7..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// All of them.
#[derive(Debug, Default)]
pub struct Phones {
    texts: Vec<Text>,
    /// Numbers that fail, and their codes.
    pub rejected: BTreeMap<String, u64>,
    /// (service number, phone) that sent STOP.
    opted_out: BTreeSet<(String, String)>,
    /// How texts end: delivered unless told otherwise; `None` for never.
    end: Option<Option<&'static str>>,
}

/// Now, in milliseconds.
pub fn now() -> i64 {
    Clock::system().now().0
}

impl Phones {
    /// What can be seen, oldest first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Text> {
        let now = now();
        self.texts.iter().filter(move |text| text.appears <= now)
    }

    /// By name.
    pub fn find(&self, id: &str) -> Option<&Text> {
        self.all().find(|text| text.id == id)
    }

    fn add(&mut self, prefix: &str, text: Text) -> String {
        let id = format!("{prefix}{:032x}", self.texts.len() + 1);
        self.texts.push(Text { id: id.clone(), ..text });
        id
    }

    /// A text from a phone.
    pub fn inbound(&mut self, from: &str, to: &str, body: &str) -> String {
        let pair = (to.to_owned(), from.to_owned());
        match body.trim().to_uppercase().as_str() {
            "STOP" => drop(self.opted_out.insert(pair)),
            "START" => drop(self.opted_out.remove(&pair)),
            _ => {}
        }
        let text = self.blank(from, to, body);
        self.add("SM", Text { status: "received", outbound: false, ..text })
    }

    /// A text to a phone.
    pub fn outbound(&mut self, from: &str, to: &str, body: &str, late: bool) -> String {
        let text = self.blank(from, to, body);
        let appears = text.appears + if late { LATE } else { 0 };
        let code = self.rejected.get(to).copied().filter(|code| !(20_000..30_000).contains(code));
        self.add("SM", Text { appears, moves_at: appears + STEP, code, ..text })
    }

    /// Writes where its reports go.
    pub fn report_to(&mut self, id: &str, callback: Option<String>, tag: Option<String>) {
        if let Some(text) = self.texts.iter_mut().find(|text| text.id == id) {
            (text.callback, text.tag) = (callback, tag);
        }
    }

    /// Files come with it.
    pub fn attach(&mut self, id: &str, media: usize) {
        if let Some(text) = self.texts.iter_mut().find(|text| text.id == id) {
            text.media = media;
        }
    }

    fn blank(&self, from: &str, to: &str, body: &str) -> Text {
        let now = now();
        Text {
            id: String::new(),
            from: from.to_owned(),
            to: to.to_owned(),
            body: body.to_owned(),
            outbound: true,
            status: "queued",
            code: None,
            created: now,
            appears: now,
            moves_at: now + STEP,
            callback: None,
            tag: None,
            media: 0,
        }
    }

    /// The code with which a text to this number is refused at once.
    pub fn refused(&self, from: &str, to: &str) -> Option<u64> {
        if self.opted_out.contains(&(from.to_owned(), to.to_owned())) {
            return Some(21_610);
        }
        self.rejected.get(to).copied().filter(|code| (20_000..30_000).contains(code))
    }

    /// How texts end from now on.
    pub fn end(&mut self, end: Option<&'static str>) {
        self.end = Some(end);
    }

    /// Moves texts on; the names of those that reached another state.
    pub fn tick(&mut self) -> Vec<String> {
        let (now, end) = (now(), self.end.unwrap_or(Some("delivered")));
        let mut moved = Vec::new();
        for text in self.texts.iter_mut().filter(|text| text.outbound && text.moves_at <= now && text.appears <= now) {
            let next = match (text.status, end) {
                ("queued", _) => "sent",
                ("sent", _) if text.code.is_some() => "undelivered",
                ("sent", Some(end)) => end,
                _ => continue,
            };
            text.status = next;
            text.moves_at = now + STEP;
            moved.push(text.id.clone());
        }
        moved
    }
}
