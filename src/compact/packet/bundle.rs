//! Messages as one bundle, and back.

use super::check::{crc8, crc16};
use super::{Coding, Form, Past, Unreadable};
use crate::coder::Coder;
/// Variations that are tried for a bundle whose name is taken: salts below this.
pub use crate::coder::MOST_SALTS;
use crate::letter::{Letter, Other, from_record, to_record};

const WHOLE: u8 = 0x80;
const STORED: u8 = 0;
const CODED: u8 = 1;
const CODED_LONG: u8 = 2;
/// Bit of the model's number, with [`CODED_LONG`]: it is coded after a past, whose mark stands before the check.
const AFTER: u8 = 8;
/// Combinations of addresses that are tried for one bundle.
const MOST_GUESSES: usize = 256;

/// The bundle of messages. `written` are the same messages with every correspondent written out; the check is over those.
/// It is coded after the past, if there is one. A packet of `room` bytes holds it whenever it may have the short check. Each `salt` makes another bundle that says the
/// same; 1 makes the shortest.
pub fn encode<C: Coding + ?Sized>(
    coding: &mut C,
    form: Form,
    messages: &[Letter],
    written: &[Letter],
    past: &Past,
    room: usize,
    salt: u16,
) -> Vec<u8> {
    let stored = stored(written, salt);
    let Form::Model(model) = form else { return stored };
    let records = |messages: &[Letter]| messages.iter().map(to_record).collect::<Option<Vec<_>>>();
    let records = |messages: &[Letter]| records(messages).filter(|records| Coder::takes(records));
    let (Some(on_air), Some(plain)) = (records(messages), records(written).map(|all| plain(&all))) else {
        return stored;
    };
    let code = coding.encode(model, &past.records, &on_air, salt);
    if !past.records.is_empty() {
        let check = crc16(&plain).to_be_bytes();
        return [&[WHOLE | CODED_LONG << 4 | AFTER | model & 7, past.mark], &check[..], &code].concat();
    }
    let indexed = messages.iter().any(|message| matches!(message.other, Other::Index(_)));
    let (form, check) = match indexed || code.len() + 2 > room {
        false => (CODED, vec![crc8(&plain)]),
        true => (CODED_LONG, crc16(&plain).to_be_bytes().to_vec()),
    };
    if stored.len() < 1 + check.len() + code.len() {
        return stored;
    }
    [&[WHOLE | form << 4 | model & 15], &check[..], &code].concat()
}

/// The messages of a bundle, all of them written out, and what they came after. `known` gives the addresses that an index
/// may stand for, `pasts` what is here with this mark, the likeliest first.
///
/// # Errors
/// Why it cannot be read.
pub fn decode<C: Coding + ?Sized>(
    coding: &mut C,
    bundle: &[u8],
    known: &dyn Fn(u8) -> Vec<String>,
    pasts: &dyn Fn(u8) -> Vec<Past>,
) -> Result<(Vec<Letter>, Past), Unreadable> {
    let parts = split(bundle)?;
    let after_none = |messages| (messages, Past::default());
    let model = match parts.form {
        Form::Stored if crc16(parts.code).to_be_bytes() == parts.check => {
            return decode_stored(parts.code).map(after_none);
        }
        Form::Stored => return Err(Unreadable::Check),
        Form::Model(model) => model,
    };
    if !coding.models().iter().any(|known| known.number == model) {
        return Err(Unreadable::Model(model));
    }
    let Some(mark) = parts.past else { return read(coding, model, &[], &parts, known).map(after_none) };
    let mut found: Option<(Vec<Letter>, Past)> = None;
    for past in pasts(mark) {
        let Ok(messages) = read(coding, model, &past.records, &parts, known) else { continue };
        match &found {
            Some((other, _)) if *other != messages => return Err(Unreadable::Past),
            Some(_) => {}
            None => found = Some((messages, past)),
        }
    }
    found.ok_or(Unreadable::Past)
}

/// The messages of a code that comes after these records.
fn read<C: Coding + ?Sized>(
    coding: &mut C,
    model: u8,
    past: &[Vec<u8>],
    parts: &BundleFields<'_>,
    known: &dyn Fn(u8) -> Vec<String>,
) -> Result<Vec<Letter>, Unreadable> {
    let records = coding.decode(model, past, parts.code).ok_or(Unreadable::Check)?;
    let messages: Option<Vec<_>> = records.iter().map(|record| from_record(record)).collect();
    let messages = messages.ok_or(Unreadable::Check)?;
    let fits = |messages: &[Letter]| {
        let records: Option<Vec<_>> = messages.iter().map(to_record).collect();
        records.map(|all| plain(&all)).is_some_and(|plain| match parts.check {
            [check] => crc8(&plain) == *check,
            check => crc16(&plain).to_be_bytes() == check,
        })
    };
    if messages.iter().all(|message| matches!(message.other, Other::Address(_))) {
        return if fits(&messages) { Ok(messages) } else { Err(Unreadable::Check) };
    }
    // One byte of check would let a wrong address through too often.
    if parts.check.len() < 2 {
        return Err(Unreadable::Check);
    }
    guess(&messages, known, &fits).ok_or(Unreadable::Book)
}

/// What can be read of a bundle whose end is missing. Nothing of it is checked; an index stays one. Of one that comes after a
/// past nothing is read: its mark alone does not say which.
pub fn decode_front<C: Coding + ?Sized>(coding: &mut C, bundle: &[u8]) -> Vec<Letter> {
    let Ok(parts) = split(bundle) else { return Vec::new() };
    match parts.form {
        Form::Stored => front_of_stored(parts.code),
        Form::Model(model) if parts.past.is_none() && coding.models().iter().any(|known| known.number == model) => {
            let records = coding.front(model, &[], parts.code);
            records.iter().map_while(|record| from_record(valid(record))).collect()
        }
        Form::Model(_) => Vec::new(),
    }
}

struct BundleFields<'b> {
    form: Form,
    /// The mark of the past that it is coded after.
    past: Option<u8>,
    check: &'b [u8],
    code: &'b [u8],
}

fn split(bundle: &[u8]) -> Result<BundleFields<'_>, Unreadable> {
    let (&first, rest) = bundle.split_first().ok_or(Unreadable::Foreign)?;
    if first & 0xC0 != WHOLE {
        return Err(Unreadable::Foreign);
    }
    let (form, width) = match first >> 4 & 3 {
        STORED => (Form::Stored, 2),
        CODED => (Form::Model(first & 15), 1),
        CODED_LONG => (Form::Model(first & 7), 2),
        _ => return Err(Unreadable::Foreign),
    };
    let (past, rest) = match rest.split_first() {
        Some((mark, rest)) if first >> 4 & 3 == CODED_LONG && first & AFTER != 0 => (Some(*mark), rest),
        _ => (None, rest),
    };
    let (check, code) = rest.split_at_checked(width).ok_or(Unreadable::Check)?;
    Ok(BundleFields { form, past, check, code })
}

/// The messages with the one choice of addresses that fits; a text message is never given a mail address.
fn guess(
    messages: &[Letter],
    known: &dyn Fn(u8) -> Vec<String>,
    fits: &dyn Fn(&[Letter]) -> bool,
) -> Option<Vec<Letter>> {
    let choices: Vec<Vec<Other>> = messages
        .iter()
        .map(|message| match message.other {
            Other::Index(index) => {
                let fits = known(index).into_iter().filter(|address| message.kind.takes(address));
                fits.map(Other::Address).collect()
            }
            Other::Address(_) => vec![message.other.clone()],
        })
        .collect();
    let count = choices.iter().try_fold(1, |count: usize, choice| count.checked_mul(choice.len()))?;
    if count > MOST_GUESSES {
        return None;
    }
    let mut found = None;
    for mut number in 0..count {
        let mut guess = messages.to_vec();
        for (message, choice) in guess.iter_mut().zip(&choices) {
            message.other = choice[number % choice.len()].clone();
            number /= choice.len();
        }
        if fits(&guess) && found.replace(guess).is_some() {
            return None;
        }
    }
    found
}

fn plain(records: &[Vec<u8>]) -> Vec<u8> {
    records.iter().flat_map(|record| record.iter().copied().chain([0])).collect()
}

/// Messages as they are: of each its head (a record without subject and text), subject and text, with their lengths. An
/// empty head ends them; whatever follows says nothing.
fn stored(messages: &[Letter], salt: u16) -> Vec<u8> {
    let mut code = Vec::new();
    for message in messages {
        // With its subject and text taken out a message always has a record: what is left is one line each.
        let bare = Letter { subject: String::new(), text: String::new(), ..message.clone() };
        let head = to_record(&bare).unwrap_or_default();
        for field in [&head[..], message.subject.as_bytes(), message.text.as_bytes()] {
            let mut length = field.len();
            while length > 127 {
                code.push(length as u8 & 127 | 128);
                length >>= 7;
            }
            code.push(length as u8);
            code.extend(field);
        }
    }
    if salt > 1 {
        code.push(0);
        code.extend(salt.to_be_bytes().into_iter().skip_while(|byte| *byte == 0));
    }
    let check = crc16(&code).to_be_bytes();
    [&[WHOLE | STORED << 4], &check[..], &code].concat()
}

fn decode_stored(mut code: &[u8]) -> Result<Vec<Letter>, Unreadable> {
    let mut messages = Vec::new();
    while code.first().is_some_and(|length| *length != 0) {
        let mut fields = [&[][..]; 3];
        for field in &mut fields {
            *field = take(&mut code).ok_or(Unreadable::Check)?;
        }
        let words = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| Unreadable::Check);
        let bare = from_record(fields[0]).ok_or(Unreadable::Check)?;
        if matches!(bare.other, Other::Index(_)) {
            return Err(Unreadable::Check);
        }
        messages.push(Letter { subject: words(fields[1])?, text: words(fields[2])?, ..bare });
    }
    if messages.is_empty() { Err(Unreadable::Check) } else { Ok(messages) }
}

fn front_of_stored(mut code: &[u8]) -> Vec<Letter> {
    let mut messages = Vec::new();
    while let Some(bare) = take(&mut code).filter(|head| !head.is_empty()).and_then(from_record) {
        let mut words = || {
            let rest = code;
            let whole = take(&mut code);
            // What is cut off stands behind a length of at most three bytes.
            let cut = || rest.get(rest.iter().position(|byte| *byte < 128).map_or(rest.len(), |at| at + 1)..);
            let bytes = whole.or_else(|| {
                code = &[];
                cut()
            });
            String::from_utf8_lossy(valid(bytes.unwrap_or_default())).into_owned()
        };
        let (subject, text) = (words(), words());
        messages.push(Letter { subject, text, ..bare });
    }
    messages
}

/// Bytes up to where they are not UTF-8 any more.
fn valid(bytes: &[u8]) -> &[u8] {
    let end = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    &bytes[..end]
}

/// A field behind its length, seven bits a byte, low bits first.
fn take<'b>(code: &mut &'b [u8]) -> Option<&'b [u8]> {
    let mut length = 0_usize;
    for shift in [0, 7, 14, 21] {
        let (&byte, rest) = code.split_first()?;
        *code = rest;
        length |= usize::from(byte & 127) << shift;
        if byte < 128 {
            let (field, rest) = code.split_at_checked(length)?;
            *code = rest;
            return Some(field);
        }
    }
    None
}
