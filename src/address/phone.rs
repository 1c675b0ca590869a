//! Phone numbers, as the world writes them (ITU-T E.164): a plus, the country, the number in it.

mod countries;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use countries::COUNTRIES;
use countries::PLANS;

/// Fewest and most digits of a number with its country. E.164 allows 15; nothing shorter than 7 is in use.
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// A phone number with its country. Written `+14155550123`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Phone(u64);

impl Phone {
    /// From a number as somebody in `country` (ISO code) writes it: with a plus, with the digits for abroad, or local;
    /// with any blanks, hyphens, dots, slashes and parentheses in it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn local(text: &str, country: &str) -> Result<Self, PhoneError> {
        let digits = bare(text)?;
        if text.trim_start().starts_with('+') {
            return Self::of_digits(&digits, text);
        }
        let Some((_, code, trunk, abroad)) = PLANS.iter().find(|plan| plan.0 == country) else {
            return Err(PhoneError::new(text, PhoneFault::NoCountry));
        };
        let whole = match (digits.strip_prefix(abroad), digits.strip_prefix(trunk)) {
            (Some(rest), _) => rest.to_owned(),
            // In North America the digit before a number of ten is also the country's code.
            (None, Some(rest)) if !trunk.is_empty() && *code != "1" || digits.len() == 11 => format!("{code}{rest}"),
            _ => format!("{code}{digits}"),
        };
        Self::of_digits(&whole, text)
    }

    fn of_digits(digits: &str, text: &str) -> Result<Self, PhoneError> {
        let no = |fault| Err(PhoneError::new(text, fault));
        if digits.starts_with('0') {
            return no(PhoneFault::LeadingZero);
        }
        if !DIGITS.contains(&digits.len()) {
            return no(PhoneFault::Length);
        }
        if digits.starts_with('1') && digits.len() != 11 {
            return no(PhoneFault::NorthAmerica);
        }
        digits.parse().map(Self).or_else(|_| no(PhoneFault::Length))
    }
}

/// What was read is no phone number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneError {
    /// What was read.
    pub number: String,
    /// What is wrong with it.
    pub fault: PhoneFault,
}

/// What is wrong with a phone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhoneFault {
    /// It is written without its country, and the box has none.
    NoCountry,
    /// It has no plus where one is needed.
    NoPlus,
    /// There are other signs than digits in it, or no digits.
    NotDigits,
    /// It begins with a zero.
    LeadingZero,
    /// It has too few digits, or too many.
    Length,
    /// It is one of North America, and has other than ten digits behind its country.
    NorthAmerica,
}

impl PhoneError {
    fn new(number: &str, fault: PhoneFault) -> Self {
        Self { number: number.trim().to_owned(), fault }
    }
}

impl fmt::Display for PhoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.fault {
            PhoneFault::NoCountry => "needs its country: write it with a plus",
            PhoneFault::NoPlus => "is not a phone number with its country: write +14155550123",
            PhoneFault::NotDigits => "is not a phone number: write it as +14155550123",
            PhoneFault::LeadingZero => "is not a phone number: no country begins with 0, write it as +14155550123",
            PhoneFault::Length => "is not a phone number: it has 7 to 15 digits with its country, as +14155550123",
            PhoneFault::NorthAmerica => "is not a phone number: a number of North America has ten digits behind +1",
        };
        write!(f, "'{}' {why}", self.number.escape_debug())
    }
}

/// The digits of a number, without what people put between them.
fn bare(text: &str) -> Result<String, PhoneError> {
    let text = text.trim();
    let inner = text.strip_prefix('+').unwrap_or(text);
    // Behind a country, "(0)" says what is dialled only inside of it.
    let inner = if text.starts_with('+') { inner.replacen("(0)", "", 1) } else { inner.to_owned() };
    let between = |c: char| matches!(c, ' ' | '-' | '.' | '/' | '(' | ')' | '\u{a0}');
    let digits: String = inner.chars().filter(|c| !between(*c)).map(ascii_digit).collect();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(PhoneError::new(text, PhoneFault::NotDigits));
    }
    Ok(digits)
}

/// The digit of ASCII for one of the scripts whose keyboards write others.
fn ascii_digit(c: char) -> char {
    let zeros = [
        '\u{660}', '\u{6f0}', '\u{7c0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}', '\u{e50}', '\u{ed0}', '\u{1040}',
        '\u{17e0}',
    ];
    let value = zeros.iter().find_map(|zero| u32::from(c).checked_sub(u32::from(*zero)).filter(|value| *value < 10));
    value.and_then(|value| char::from_digit(value, 10)).unwrap_or(c)
}

/// True for what somebody means as a phone number: digits with what people put between them, and at least seven of them.
pub fn looks_like_phone(text: &str) -> bool {
    text.trim_start().starts_with('+') || bare(text).is_ok_and(|digits| digits.len() >= *DIGITS.start())
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0)
    }
}

impl FromStr for Phone {
    type Err = PhoneError;

    /// Reads a number with its plus.
    fn from_str(text: &str) -> Result<Self, PhoneError> {
        match text.trim().starts_with('+') {
            true => Self::of_digits(&bare(text)?, text),
            false => Err(PhoneError::new(text, PhoneFault::NoPlus)),
        }
    }
}

impl From<Phone> for String {
    fn from(phone: Phone) -> Self {
        phone.to_string()
    }
}

impl TryFrom<String> for Phone {
    type Error = PhoneError;

    fn try_from(text: String) -> Result<Self, PhoneError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_forms_become_numbers_with_their_country() {
        for (text, country, want) in [
            ("+1 415 555 0123", "DE", "+14155550123"),
            ("(415) 555-0123", "US", "+14155550123"),
            ("1-415-555-0123", "US", "+14155550123"),
            ("4155550123", "CA", "+14155550123"),
            ("011 49 30 1234567", "US", "+49301234567"),
            ("030 1234567", "DE", "+49301234567"),
            ("0049 30 1234567", "DE", "+49301234567"),
            ("+49 (0)30 1234567", "US", "+49301234567"),
            ("001 415 555 0123", "GB", "+14155550123"),
            ("06 12345678", "IT", "+390612345678"),
            ("912 345 678", "PT", "+351912345678"),
            ("8 912 345-67-89", "RU", "+79123456789"),
            ("0911 123 4567", "ZA", "+279111234567"),
            ("06 30 123 4567", "HU", "+36301234567"),
            ("0712 345678", "TZ", "+255712345678"),
            ("000 44 20 7946 0958", "UG", "+442079460958"),
            ("876-555-0123", "JM", "+18765550123"),
            ("055 123 4567", "AE", "+971551234567"),
            ("8 701 123 45 67", "KZ", "+77011234567"),
            ("6123 4567", "CR", "+50661234567"),
            ("٠٥٥ ١٢٣ ٤٥٦٧", "AE", "+971551234567"),
            ("+۹۸ ۹۱۲ ۳۴۵ ۶۷۸۹", "DE", "+989123456789"),
            ("०९१२३ ४५६७८", "IN", "+91912345678"),
        ] {
            assert_eq!(Phone::local(text, country).map(|phone| phone.to_string()).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn every_country_is_there_once_and_in_order() {
        assert!(COUNTRIES.is_sorted() && COUNTRIES.len() > 240);
        for (country, code, trunk, abroad) in PLANS {
            assert!(country.len() == 2 && (1..=3).contains(&code.len()) && trunk.len() <= 2, "{country}");
            assert!(!abroad.is_empty() && !code.starts_with('0'), "{country}");
            let own = Phone::local(&format!("{trunk}2345678901"), country).map(|phone| phone.to_string());
            assert!(own.is_ok_and(|own| own.starts_with(&format!("+{code}"))), "{country}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused_with_a_sentence() {
        for bad in
            ["", "+", "+0123456789", "12", "+123456", "+1234567890123456", "+1415555012", "415555012a", "++14155550123"]
        {
            assert!(Phone::local(bad, "US").is_err(), "{bad}");
            assert!(bad.parse::<Phone>().is_err(), "{bad}");
        }
        assert!("4155550123".parse::<Phone>().is_err());
        assert!(Phone::local("0301234567", "XX").is_err());
        assert!(looks_like_phone("0301 234567") && looks_like_phone("+1") && !looks_like_phone("123456"));
        assert!(!looks_like_phone("anna") && !looks_like_phone("0x001abe"));
    }

    #[test]
    fn no_input_makes_it_panic() {
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = move |below: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % below
        };
        let signs: Vec<char> = "+0123456789 -()./a\u{a0}\u{1f4de}".chars().collect();
        for _ in 0..100_000 {
            let text: String = (0..next(20)).map(|_| signs[next(signs.len() as u64) as usize]).collect();
            let country = COUNTRIES[next(COUNTRIES.len() as u64) as usize];
            if let Ok(phone) = Phone::local(&text, country) {
                assert_eq!(phone.to_string().parse(), Ok(phone), "{text}");
            }
        }
    }
}
