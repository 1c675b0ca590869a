//! What the host says to the M138. The payload always goes as hex: quoted text cannot carry `$` and needs care with
//! `*` and quotes, while hex costs serial time only (M138 manual rev 1.20, `$TD`).

use std::time::Duration;

use super::sentence::Tag;
use crate::clock::Time;
use crate::hex;

/// Shortest hold time that the modem takes.
pub const MIN_HOLD: Duration = Duration::from_secs(60);

/// A command: its body, and how long its answer may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What stands between `$` and `*` of its line.
    pub body: String,
    /// The two letters that its answers carry.
    pub tag: Tag,
    /// Time limit of the answer.
    pub limit: Duration,
}

impl Command {
    /// A command from its body, with the limit of its kind: 5 s for deletes, 3 s for `$TD`, counts and reads, else
    /// 1.5 s (the figures that drivers tried on real modems use).
    pub fn new(body: impl Into<String>) -> Self {
        let body = body.into();
        let (word, args) = body.split_once(' ').unwrap_or((&body, ""));
        let tag = Tag::new(if word.len() == 2 { word } else { "??" });
        let limit = match word {
            "MM" | "MT" if args.starts_with("D=") => 5000,
            "MM" | "MT" | "TD" => 3000,
            _ => 1500,
        };
        Self { tag, limit: Duration::from_millis(limit), body }
    }

    /// The command as people write it, for errors: `$TD`, `$MT C=U`.
    pub fn name(&self) -> String {
        match self.body.strip_prefix("TD ") {
            Some(_) => "$TD".to_owned(),
            None => format!("${}", self.body),
        }
    }
}

/// The firmware's generation, as far as commands differ by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// 0, 1, 2, 3.
    pub major: u32,
    /// After the first point.
    pub minor: u32,
}

impl Dialect {
    /// From `$FV`'s text, `2022-10-18T22:38:36,v3.0.1`; a version that cannot be read counts as 2.0, the manual's.
    pub fn of(firmware: &str) -> Self {
        let version = firmware.rsplit(',').next().unwrap_or_default().trim_start_matches('v');
        let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Self { major, minor },
            _ => Self { major: 2, minor: 0 },
        }
    }

    /// `$MT L=U` lists the whole queue: firmware 1.x only. Later firmware shows one message by its id.
    pub fn lists_queue(self) -> bool {
        self.major < 2
    }

    /// Application ids exist from 1.1.0 on.
    fn has_app_id(self) -> bool {
        (self.major, self.minor) >= (1, 1)
    }

    /// Longest time for which this firmware holds a packet.
    fn max_hold(self) -> Duration {
        Duration::from_secs(if self.major < 2 { 31_536_000 } else { 34_819_200 })
    }
}

/// `$TD` for one packet. The hold time counts from the moment the modem takes the packet and is understood by all
/// firmware in the same way, while `ET` would compare two clocks and means something else in 1.x.
pub fn transmit(dialect: Dialect, app: u32, payload: &[u8], now: Time, deadline: Time) -> Command {
    let left = deadline.since(now).clamp(MIN_HOLD, dialect.max_hold());
    transmit_for(dialect, app, payload, left)
}

/// `$TD` with a hold time.
pub fn transmit_for(dialect: Dialect, app: u32, payload: &[u8], hold: Duration) -> Command {
    let app = if dialect.has_app_id() { format!("AI={app},") } else { String::new() };
    Command::new(format!("TD {app}HD={},{}", hold.as_secs(), hex::encode(payload)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time(1_800_000_000_000);

    #[test]
    fn packets_go_as_hex_with_a_hold_time() {
        let new = Dialect::of("2022-10-18T22:38:36,v3.0.1");
        let command = transmit(new, 1234, b"hello", NOW, NOW + Duration::from_secs(3600));
        assert_eq!(command.body, "TD AI=1234,HD=3600,68656c6c6f");
        assert_eq!(command.name(), "$TD");
        let hold = |dialect, deadline| transmit(dialect, 1, b"$", NOW, deadline).body;
        assert_eq!(hold(new, NOW), "TD AI=1,HD=60,24");
        assert_eq!(hold(new, Time::NEVER), "TD AI=1,HD=34819200,24");
        assert_eq!(hold(Dialect::of("2021-12-14T21:27:41,v1.5.0-rc4"), Time::NEVER), "TD AI=1,HD=31536000,24");
        assert_eq!(hold(Dialect::of("x,v1.0.3"), NOW), "TD HD=60,24");
    }

    #[test]
    fn dialects() {
        assert!(Dialect::of("2021-07-16-00:10:21,v1.1.0").lists_queue());
        assert_eq!(Dialect::of("2021-12-14T21:27:41,v1.5.0-rc4"), Dialect { major: 1, minor: 5 });
        assert_eq!(Dialect::of("nonsense"), Dialect { major: 2, minor: 0 });
        assert!(!Dialect::of("").lists_queue());
    }

    #[test]
    fn every_command_has_a_limit() {
        let limit = |body: &str| Command::new(body).limit.as_millis();
        assert_eq!((limit("CS"), limit("MM C=U"), limit("MT D=5"), limit("TD 00")), (1500, 3000, 5000, 3000));
    }
}
