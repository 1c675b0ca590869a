//! Calendar invitations (RFC 5545, RFC 5546) as a few readable lines.
//!
//! Read by hand: the crate `calcard` finds the same fields in every invitation of `tests/mail`, damaged ones too, but brings
//! twelve crates (two for time zones) in place of the sixty lines here that split properties.

use super::clean;

/// Names of guests that are told; more are counted.
const MAX_GUESTS: usize = 5;
/// Longest note of the organiser that is told, in characters.
const MAX_NOTE: usize = 500;

/// What an invitation says, in lines.
#[derive(Debug)]
pub struct Invitation {
    /// What, when, where, who, and the organiser's note, one a line.
    pub lines: String,
    /// What the meeting is called.
    pub title: String,
    /// The organiser wrote a note.
    pub has_note: bool,
}

/// What the first event says. `None` when there is no event.
pub fn read(ics: &str) -> Option<Invitation> {
    let event = Event::read(ics)?;
    let title = event.get("SUMMARY").unwrap_or_else(|| "(no title)".into());
    let mut out = vec![format!("{}: {title}", event.kind())];
    if let Some(when) = event.when() {
        out.push(format!("When: {when}"));
    }
    if let Some(place) = event.get("LOCATION") {
        out.push(format!("Where: {place}"));
    }
    let who = event.who();
    if !who.is_empty() {
        out.push(format!("Who: {who}"));
    }
    let note = event.note();
    let has_note = note.is_some();
    out.extend(note);
    Some(Invitation { lines: out.join("\n"), title, has_note })
}

struct Event {
    method: String,
    /// Name, parameters, value of each property of the first event.
    properties: Vec<(String, String, String)>,
}

impl Event {
    fn read(ics: &str) -> Option<Self> {
        let unfolded = ics.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "");
        let mut event = Self { method: String::new(), properties: Vec::new() };
        let (mut inside, mut nested) = (false, 0);
        for line in unfolded.lines() {
            let Some((name, params, value)) = property(line) else { continue };
            match (name.as_str(), value.trim().to_ascii_uppercase().as_str()) {
                ("BEGIN", "VEVENT" | "VTODO") if !inside => inside = true,
                ("END", "VEVENT" | "VTODO") if inside => return Some(event),
                ("BEGIN", _) if inside => nested += 1,
                ("END", _) if inside => nested -= 1,
                ("METHOD", method) if !inside => method.clone_into(&mut event.method),
                _ if inside && nested == 0 => event.properties.push((name, params, value)),
                _ => (),
            }
        }
        inside.then_some(event)
    }

    fn find(&self, name: &str) -> Option<&(String, String, String)> {
        self.properties.iter().find(|(key, _, _)| key == name)
    }

    fn get(&self, name: &str) -> Option<String> {
        self.find(name).map(|(_, _, value)| clean::one_line(&unescape(value))).filter(|value| !value.is_empty())
    }

    fn kind(&self) -> String {
        let cancelled = self.get("STATUS").is_some_and(|status| status.eq_ignore_ascii_case("CANCELLED"));
        match self.method.as_str() {
            "CANCEL" => "Cancelled".to_owned(),
            _ if cancelled => "Cancelled".to_owned(),
            "REPLY" => self.answer().to_owned(),
            "COUNTER" => "Other time proposed".to_owned(),
            "REQUEST" if self.get("SEQUENCE").is_some_and(|number| number != "0") => "Invitation, changed".to_owned(),
            "REQUEST" => "Invitation".to_owned(),
            _ => "Event".to_owned(),
        }
    }

    fn answer(&self) -> &'static str {
        let params = self.find("ATTENDEE").map_or("", |(_, params, _)| params).to_ascii_uppercase();
        if params.contains("PARTSTAT=ACCEPTED") {
            "Accepted"
        } else if params.contains("PARTSTAT=DECLINED") {
            "Declined"
        } else if params.contains("PARTSTAT=TENTATIVE") {
            "Tentative"
        } else {
            "Answer"
        }
    }

    fn when(&self) -> Option<String> {
        let (_, params, start) = self.find("DTSTART")?;
        let zone = match param(params, "TZID") {
            Some(zone) => format!(" ({zone})"),
            None if start.trim().ends_with('Z') => " UTC".to_owned(),
            None => String::new(),
        };
        let start = stamp(start);
        let end = self.find("DTEND").map(|(_, _, end)| stamp(end)).filter(|end| *end != start);
        let span = match end {
            // An end on the same day needs only its time; an end date without time is the day after the last.
            Some(end) if end.len() > 10 && end.get(..10) == start.get(..10) => {
                format!("{start} to {}", end.get(11..).unwrap_or_default())
            }
            Some(end) if end.len() > 10 => format!("{start} to {end}"),
            Some(end) if !is_next_day(&start, &end) => format!("{start} until before {end}"),
            _ => start,
        };
        let rule = self.find("RRULE").and_then(|(_, _, rule)| {
            let (_, rest) = rule.split_once("FREQ=")?;
            Some(format!(", {}", rest.split(';').next()?.to_ascii_lowercase()))
        });
        Some(clean::one_line(&format!("{span}{zone}{}", rule.unwrap_or_default())))
    }

    fn who(&self) -> String {
        let mut names = Vec::new();
        if let Some((_, params, value)) = self.find("ORGANIZER") {
            names.push(format!("{} (organiser)", person(params, value)));
        }
        let guests = self.properties.iter().filter(|(name, _, _)| name == "ATTENDEE");
        for (_, params, value) in guests {
            let name = person(params, value);
            if !names.iter().any(|known| known.strip_suffix(" (organiser)").unwrap_or(known) == name) {
                names.push(name);
            }
        }
        let more = names.len().saturating_sub(MAX_GUESTS + 1);
        names.truncate(MAX_GUESTS + 1);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}", names.join("; "))
    }

    /// What the organiser wrote, without what meeting programs add below it.
    fn note(&self) -> Option<String> {
        let (_, _, raw) = self.find("DESCRIPTION")?;
        let text = unescape(raw);
        let text = if text.trim_start().starts_with('<') { super::html::to_text(&text) } else { clean::text(&text) };
        let end = text
            .lines()
            .scan(0, |at, line| {
                let start = *at;
                *at += line.len() + 1;
                Some((start, line))
            })
            .find(|(_, line)| is_program(line))
            .map_or(text.len(), |(start, _)| start);
        let text = text[..end].trim();
        let short: String = text.chars().take(MAX_NOTE).collect();
        let dots = if short.len() < text.len() { "..." } else { "" };
        (!text.is_empty()).then(|| format!("{}{dots}", short.trim_end()))
    }
}

fn is_program(line: &str) -> bool {
    let lower = line.to_lowercase();
    let long_rule = line.len() >= 10 && line.chars().all(|c| "-_~:=*".contains(c));
    long_rule
        || lower.contains("microsoft teams")
        || lower.contains("join zoom meeting")
        || lower.starts_with("join with google meet")
        || line.starts_with("-::~")
}

/// Splits `NAME;PARAM=X:value`; a colon inside quotes belongs to the parameter.
fn property(line: &str) -> Option<(String, String, String)> {
    let mut quoted = false;
    let colon = line.find(|c| {
        quoted ^= c == '"';
        c == ':' && !quoted
    })?;
    let (name, params) = line[..colon].split_once(';').unwrap_or((&line[..colon], ""));
    Some((name.trim().to_ascii_uppercase(), params.to_owned(), line[colon + 1..].to_owned()))
}

fn param(params: &str, name: &str) -> Option<String> {
    let mut quoted = false;
    let split = params.split(|c| {
        quoted ^= c == '"';
        c == ';' && !quoted
    });
    let pairs = split.filter_map(|pair| pair.split_once('='));
    let mut found = pairs.filter(|(key, _)| key.eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| clean::one_line(value.trim_matches('"'))).filter(|value| !value.is_empty())
}

fn person(params: &str, value: &str) -> String {
    let address = value.trim();
    let is_mailto = address.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:"));
    let address = if is_mailto { &address[7..] } else { address };
    param(params, "CN").unwrap_or_else(|| clean::one_line(address))
}

fn unescape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('n' | 'N')) => out.push('\n'),
            ('\\', Some(next)) => out.push(next),
            (c, _) => out.push(c),
        }
    }
    out
}

/// `20240503T140000Z` as `2024-05-03 14:00`; anything else as it stands.
fn stamp(value: &str) -> String {
    let value = value.trim();
    let digits =
        |range: std::ops::Range<usize>| value.get(range).filter(|part| part.bytes().all(|b| b.is_ascii_digit()));
    let (Some(year), Some(month), Some(day)) = (digits(0..4), digits(4..6), digits(6..8)) else {
        return clean::one_line(value);
    };
    match (value.get(8..9), digits(9..11), digits(11..13)) {
        (Some("T"), Some(hour), Some(minute)) => format!("{year}-{month}-{day} {hour}:{minute}"),
        _ => format!("{year}-{month}-{day}"),
    }
}

fn is_next_day(start: &str, end: &str) -> bool {
    let day = |text: &str| text.parse::<jiff::civil::Date>().ok();
    matches!((day(start), day(end)), (Some(start), Some(end)) if start.tomorrow().is_ok_and(|next| next == end))
}
