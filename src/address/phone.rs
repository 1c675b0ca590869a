//! Phone numbers, as the world writes them (ITU-T E.164): a plus, the country, the number in it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Fewest and most digits of a number with its country. E.164 allows 15; nothing shorter than 7 is in use.
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// How people in a country write numbers of it: ISO 3166 code, country code, digits dialled before a number of the
/// same country, digits dialled before one of another country.
type Plan = (&'static str, &'static str, &'static str, &'static str);

/// The countries whose local form is understood (ITU-T list of dialling procedures). A number of any other country is
/// written with its plus.
const PLANS: [Plan; 46] = [
    ("US", "1", "1", "011"),
    ("CA", "1", "1", "011"),
    ("AR", "54", "0", "00"),
    ("AT", "43", "0", "00"),
    ("AU", "61", "0", "0011"),
    ("BE", "32", "0", "00"),
    ("BG", "359", "0", "00"),
    ("BR", "55", "0", "00"),
    ("CH", "41", "0", "00"),
    ("CL", "56", "", "00"),
    ("CN", "86", "0", "00"),
    ("CZ", "420", "", "00"),
    ("DE", "49", "0", "00"),
    ("DK", "45", "", "00"),
    ("EE", "372", "", "00"),
    ("ES", "34", "", "00"),
    ("FI", "358", "0", "00"),
    ("FR", "33", "0", "00"),
    ("GB", "44", "0", "00"),
    ("GR", "30", "", "00"),
    ("HK", "852", "", "001"),
    ("HR", "385", "0", "00"),
    ("IE", "353", "0", "00"),
    ("IL", "972", "0", "00"),
    ("IN", "91", "0", "00"),
    ("IS", "354", "", "00"),
    ("IT", "39", "", "00"),
    ("JP", "81", "0", "010"),
    ("KE", "254", "0", "000"),
    ("LU", "352", "", "00"),
    ("MX", "52", "", "00"),
    ("NL", "31", "0", "00"),
    ("NO", "47", "", "00"),
    ("NZ", "64", "0", "00"),
    ("PH", "63", "0", "00"),
    ("PL", "48", "", "00"),
    ("PT", "351", "", "00"),
    ("RO", "40", "0", "00"),
    ("RU", "7", "8", "810"),
    ("SE", "46", "0", "00"),
    ("SG", "65", "", "000"),
    ("SK", "421", "0", "00"),
    ("TR", "90", "0", "00"),
    ("TW", "886", "0", "002"),
    ("UA", "380", "0", "00"),
    ("ZA", "27", "0", "00"),
];

/// ISO codes of these countries, for the setting.
pub const COUNTRIES: [&str; PLANS.len()] = {
    let mut codes = [""; PLANS.len()];
    let mut at = 0;
    while at < PLANS.len() {
        codes[at] = PLANS[at].0;
        at += 1;
    }
    codes
};

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
    let digits: String = inner.chars().filter(|c| !between(*c)).collect();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(PhoneError::new(text, PhoneFault::NotDigits));
    }
    Ok(digits)
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
        ] {
            assert_eq!(Phone::local(text, country).map(|phone| phone.to_string()).as_deref(), Ok(want), "{text}");
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
