//! The words of each firmware generation (M138 manuals rev 1.00 for 1.x and rev 1.20 for 2.x).

use std::str::FromStr;

/// A generation of firmware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Firmware {
    /// 1.1.0, with the short error words.
    One,
    /// 2.0.1.
    Two,
    /// 3.0.1.
    Three,
}

impl FromStr for Firmware {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "1" => Ok(Self::One),
            "2" => Ok(Self::Two),
            "3" => Ok(Self::Three),
            _ => Err(format!("'{}' is not a firmware generation: write 1, 2 or 3", text.escape_debug())),
        }
    }
}

/// Why the modem refuses a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    NotImplemented,
    BadParam,
    BadLength,
    BadValue,
    InvalidChar,
    Missing,
    Duplicate,
    AppNotInt,
    AppTooLarge,
    HoldNotInt,
    HoldTooShort,
    HoldTooLong,
    ExpiryNotInt,
    /// Only firmware 1.x: the expiry lies in the past.
    Expired,
    TooLong,
    Full,
    TimeNotSet,
    NoSuchId,
    NoMore,
}

impl Firmware {
    /// `<date>,<version>` of `$FV` and of the boot sentence.
    pub(super) fn version(self) -> &'static str {
        match self {
            Self::One => "2021-07-16-00:10:21,v1.1.0",
            Self::Two => "2022-03-26T17:41:09,v2.0.1",
            Self::Three => "2022-10-18T22:38:36,v3.0.1",
        }
    }

    /// Room in the outgoing queue, in messages.
    pub(super) fn capacity(self) -> usize {
        if self == Self::One { 2048 } else { 1024 }
    }

    /// Longest hold time in seconds.
    pub(super) fn max_hold(self) -> u64 {
        if self == Self::One { 31_536_000 } else { 34_819_200 }
    }

    /// The argument of `$RS` that erases both stores.
    pub(super) fn erase_word(self) -> &'static [u8] {
        if self == Self::One { b"dbinit" } else { b"deletedb" }
    }

    /// What stands between date and time, except in `$DT`.
    pub(super) fn delimiter(self) -> char {
        if self == Self::One { ' ' } else { 'T' }
    }

    /// Highest mode of GPIO1; the numbers were assigned anew in 2.x.
    pub(super) fn gpio_modes(self) -> u8 {
        if self == Self::One { 8 } else { 14 }
    }

    /// The modes in which a rising and a falling edge wake the modem.
    pub(super) fn wake_edges(self) -> (u8, u8) {
        if self == Self::One { (1, 2) } else { (3, 4) }
    }

    /// The arguments of the refusal of a command with this tag: `ERR,<type>` and what goes with it.
    pub(super) fn error(self, tag: &str, refusal: Refusal) -> String {
        if self != Self::One {
            return format!("ERR,{}", refusal.word());
        }
        match refusal.old_word() {
            None => "ERR".to_owned(),
            // 1.x names the message, and 0 when none was queued.
            Some(word) if tag == "TD" => format!("ERR,{word},0"),
            Some(word) => format!("ERR,{word}"),
        }
    }
}

impl Refusal {
    fn word(self) -> &'static str {
        match self {
            Self::NotImplemented => "CMD_NOTIMPLEMENTED",
            Self::BadParam => "CMD_BADPARAM",
            Self::BadLength => "CMD_BADPARAMLENGTH",
            Self::BadValue | Self::Expired => "CMD_BADPARAMVALUE",
            Self::InvalidChar => "CMD_INVALIDCHAR",
            Self::Missing => "CMD_PARAMMISSING",
            Self::Duplicate => "CMD_PARAMDUPLICATE",
            Self::AppNotInt => "TD_APPIDNOTANINT",
            Self::AppTooLarge => "TD_APPIDTOOLARGE",
            Self::HoldNotInt => "CMD_TD_HOLDDURNOTANINT",
            Self::HoldTooShort => "CMD_TD_HOLDDURTOOSHORT",
            Self::HoldTooLong => "CMD_TD_HOLDDURTOOLONG",
            Self::ExpiryNotInt => "CMD_TD_EXPIRATIONNOTANINT",
            Self::TooLong => "CMD_TD_DATATOOLONG",
            Self::Full => "DBX_OUTGOINGFULL",
            Self::TimeNotSet => "GPS_TIMENOTSET",
            Self::NoSuchId => "DBX_INVMSGID",
            Self::NoMore => "DBX_NOMORE",
        }
    }

    /// The word of firmware 1.x; `None` for its bare `ERR`.
    fn old_word(self) -> Option<&'static str> {
        Some(match self {
            Self::NotImplemented => return None,
            Self::BadParam | Self::BadValue | Self::Duplicate => "BADPARAM",
            Self::BadLength | Self::InvalidChar => "BADDATA",
            Self::Missing => "NOCOMMAND",
            Self::AppNotInt | Self::AppTooLarge => "BADAPPID",
            Self::HoldNotInt | Self::HoldTooShort | Self::HoldTooLong | Self::ExpiryNotInt => "BADEXPIRETIME",
            Self::Expired => "HOLDTIMEEXPIRED",
            Self::TooLong => "TOOLONG",
            Self::Full => "DBXTOHIVEFULL",
            Self::TimeNotSet => "TIMENOTSET",
            Self::NoSuchId => "DBXINVMSGID",
            Self::NoMore => "DBXNOMORE",
        })
    }
}

/// Ways in which manuals and recorded modems differ; each can be switched on by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Variants {
    /// `$TD SENT RSSI=..` with a space, as the grammar of rev 1.20 has it; its examples have a comma.
    pub(super) sent_space: bool,
    /// `$MM 0,..` and `$MT 0,..` instead of `AI=0,..`.
    pub(super) bare_app: bool,
    /// `$SL WAKE,TIME @ 2019-04-11 18:58:03`, as the Tile has it.
    pub(super) wake_tail: bool,
    /// `DELETED` and `MARKED` without the id.
    pub(super) no_ids: bool,
    /// `$MM R=O` and `R=N` look at unread messages only.
    pub(super) unread_only: bool,
    /// A carriage return before the line feed breaks the checksum.
    pub(super) strict_cr: bool,
}

impl Variants {
    /// The names, for messages and help.
    pub(super) const NAMES: &str = "sentspace, bareapp, waketail, noids, unreadonly, strictcr";

    /// Switches one by its name.
    ///
    /// # Errors
    /// When there is none of that name.
    pub(super) fn set(&mut self, name: &str, on: bool) -> Result<(), String> {
        *match name {
            "sentspace" => &mut self.sent_space,
            "bareapp" => &mut self.bare_app,
            "waketail" => &mut self.wake_tail,
            "noids" => &mut self.no_ids,
            "unreadonly" => &mut self.unread_only,
            "strictcr" => &mut self.strict_cr,
            _ => return Err(format!("no variant '{}': they are {}", name.escape_debug(), Self::NAMES)),
        } = on;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_generation_has_its_error_words() {
        let error = |firmware: Firmware, tag: &str, refusal| firmware.error(tag, refusal);
        assert_eq!(error(Firmware::Two, "TD", Refusal::Full), "ERR,DBX_OUTGOINGFULL");
        assert_eq!(error(Firmware::One, "TD", Refusal::Full), "ERR,DBXTOHIVEFULL,0");
        assert_eq!(error(Firmware::One, "TD", Refusal::BadLength), "ERR,BADDATA,0");
        assert_eq!(error(Firmware::One, "MM", Refusal::NoMore), "ERR,DBXNOMORE");
        assert_eq!(error(Firmware::Three, "MM", Refusal::NoMore), "ERR,DBX_NOMORE");
        assert_eq!(error(Firmware::One, "XX", Refusal::NotImplemented), "ERR");
    }

    #[test]
    fn variants_are_known_by_name() {
        let mut variants = Variants::default();
        for name in Variants::NAMES.split(", ") {
            variants.set(name, true).unwrap();
        }
        assert!(variants.strict_cr && variants.bare_app);
        assert!(variants.set("x", true).is_err());
    }
}
