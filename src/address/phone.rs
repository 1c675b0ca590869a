//! Phone numbers, as the world writes them (ITU-T E.164): a plus, the country, the number in it.

mod countries;
#[cfg(test)]
mod examples;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use countries::COUNTRIES;
use countries::{ARGENTINA, PLANS, SHORT};

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
        // Nowhere does a number of the country itself begin with 00, and many write so whatever their own country dials.
        let outside = abroad.split(' ').chain(["00"]).find_map(|start| digits.strip_prefix(start));
        let inside = trunk.split(' ').find_map(|start| digits.strip_prefix(start).filter(|_| !start.is_empty()));
        let whole = match (outside, inside) {
            // What is dialled for abroad may be one zero, and written with two.
            (Some(rest), _) => rest.trim_start_matches('0').to_owned(),
            // In North America the digit before a number of ten is also the country's code.
            (None, Some(rest)) if *code != "1" || digits.len() == 11 => {
                format!("{code}{}", as_from_abroad(country, rest))
            }
            _ => format!("{code}{}", as_from_abroad(country, &digits)),
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
    /// The text that was read.
    pub number: String,
    /// Why it is no phone number.
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
    /// It begins with a zero, as numbers within a country do.
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

/// A number without what is dialled before it, as it is called from abroad: in Argentina a mobile has 15 in it and from
/// abroad 9 before it, in Brazil the number of a carrier may stand before it.
fn as_from_abroad(country: &str, digits: &str) -> String {
    let area = |length: usize| digits.get(length..length + 2) == Some("15");
    let known = |length: usize| digits.get(..length).is_some_and(|code| ARGENTINA.contains(&code));
    match country {
        "AR" if digits.len() == 12 => {
            match [(2, known(2)), (3, known(3)), (4, true)].iter().find(|at| at.1 && area(at.0)) {
                Some((at, _)) => format!("9{}{}", &digits[..*at], &digits[at + 2..]),
                None => digits.to_owned(),
            }
        }
        "BR" if (12..=13).contains(&digits.len()) => digits[2..].to_owned(),
        _ => digits.to_owned(),
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
    has_digits(text, *DIGITS.start())
}

/// The same for somebody in `country` (ISO code): in small countries a phone has fewer digits.
pub fn looks_like_phone_in(country: &str, text: &str) -> bool {
    let short = SHORT.iter().find(|(known, _)| *known == country);
    has_digits(text, short.map_or(*DIGITS.start(), |(_, fewest)| *fewest))
}

fn has_digits(text: &str, fewest: usize) -> bool {
    text.trim_start().starts_with('+') || bare(text).is_ok_and(|digits| digits.len() >= fewest)
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
    fn a_phone_of_every_country_is_read_as_people_there_write_it() {
        let mut wrong = Vec::new();
        for ((country, code, trunk, abroad), (of, written, whole)) in PLANS.into_iter().zip(examples::EXAMPLES) {
            assert_eq!(country, of, "the tables have the same order");
            let inside = &whole[1 + code.len()..];
            let first = |list: &'static str| list.split(' ').next().unwrap_or_default();
            let mut forms = vec![written.to_owned(), whole.to_owned(), format!("00{}", &whole[1..])];
            forms.extend([format!("{}{}", first(abroad), &whole[1..]), format!("{} {inside}", first(trunk))]);
            for form in forms.iter().chain([&inside.to_owned()]) {
                let read = Phone::local(form, country).map(|phone| phone.to_string());
                if read.as_deref() != Ok(whole) || !looks_like_phone_in(country, form) {
                    wrong.push(format!("{country} {form}: {read:?}, not {whole}"));
                }
            }
            // From there to a neighbour, and from abroad.
            assert_eq!(Phone::local("00 49 30 1234567", country).unwrap().to_string(), "+49301234567", "{country}");
            assert_eq!(whole.parse::<Phone>().unwrap().to_string(), whole);
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn what_a_country_dials_besides_is_taken_off() {
        for (text, country, want) in [
            ("8 029 491-19-11", "BY", "+375294911911"),
            ("8 29 491-19-11", "BY", "+375294911911"),
            ("(0221) 15-456-7891", "AR", "+5492214567891"),
            ("02966 15 456789", "AR", "+5492966456789"),
            ("0 21 11 91234-5678", "BR", "+5511912345678"),
            ("(11) 91234-5678", "BR", "+5511912345678"),
            ("0 49 30 1234567", "CV", "+49301234567"),
            ("008 49 30 1234567", "ID", "+49301234567"),
            ("00700 49 30 1234567", "KR", "+49301234567"),
            ("32 12 34", "GL", "+299321234"),
        ] {
            assert_eq!(Phone::local(text, country).map(|phone| phone.to_string()).as_deref(), Ok(want), "{text}");
        }
        assert!(looks_like_phone_in("GL", "32 12 34") && !looks_like_phone_in("US", "32 12 34"));
        assert!(!looks_like_phone_in("GL", "32 12") && !looks_like_phone_in("GL", "anna"));
    }

    #[test]
    fn every_country_is_there_once_and_in_order() {
        assert!(COUNTRIES.is_sorted() && COUNTRIES.len() > 240);
        for (country, code, trunk, abroad) in PLANS {
            assert!(country.len() == 2 && (1..=3).contains(&code.len()) && trunk.len() <= 4, "{country}");
            assert!(!abroad.is_empty() && !code.starts_with('0'), "{country}");
            let trunk = trunk.split(' ').next().unwrap_or_default();
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
