//! From bytes to text: the names of character sets as people write them, and what the bytes themselves say.
//!
//! | the bytes | are read as |
//! |---|---|
//! | begin with a byte order mark | what it says |
//! | are seven-bit with the escapes of ISO-2022 | ISO-2022-JP or -KR, whatever the name |
//! | are valid UTF-8 beyond ASCII | UTF-8, whatever the name, unless a double-byte set is named and reads them too |
//! | are no valid UTF-8 though named so (or unnamed) | what their statistics say, else windows-1252 |
//! | anything else | the named set |

use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, Encoding, GB18030, GBK, IBM866, ISO_2022_JP, KOI8_R, KOI8_U, MACINTOSH, SHIFT_JIS, UTF_8,
    UTF_16LE, WINDOWS_874, WINDOWS_1251, WINDOWS_1252, WINDOWS_1256, X_MAC_CYRILLIC,
};
use mail_parser::decoders::charsets::map::charset_decoder;

/// Multi-byte characters of UTF-8 that are no accident in a text of a double-byte set.
const NO_ACCIDENT: usize = 4;
/// Bytes that are looked at when a set must be guessed.
const MAX_GUESS: usize = 4096;

/// A character set that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Charset {
    /// One of the sets that browsers know.
    Web(&'static Encoding),
    /// Korean in seven bits (RFC 1557).
    Iso2022Kr,
    /// Chinese in seven bits (RFC 1843).
    Hz,
    /// Unicode in seven bits (RFC 2152).
    Utf7,
    /// The set of DOS in western Europe; also read for 437, whose letters stand in the same places.
    Ibm850,
}

/// Decodes `bytes`; `label` is the name given with them. Never fails: what cannot be read becomes U+FFFD.
pub fn decode(bytes: &[u8], label: Option<&str>) -> String {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return encoding.decode(bytes).0.into_owned();
    }
    if let Some(charset) = by_escapes(bytes) {
        return charset.decode(bytes).0;
    }
    let named = label.and_then(find);
    match (std::str::from_utf8(bytes), named) {
        // Nobody writes NULs, so this is no 16-bit text whatever its name.
        (Ok(text), Some(Charset::Web(encoding))) if !encoding.is_ascii_compatible() && encoding != ISO_2022_JP => {
            if text.contains('\0') {
                encoding.decode(bytes).0.into_owned()
            } else {
                text.to_owned()
            }
        }
        (Ok(text), Some(charset)) if text.is_ascii() => match charset {
            Charset::Utf7 | Charset::Hz => charset.decode(bytes).0,
            _ => text.to_owned(),
        },
        (Ok(text), Some(charset @ Charset::Web(encoding))) if !encoding.is_single_byte() && encoding != UTF_8 => {
            let (decoded, sound) = charset.decode(bytes);
            let beyond = text.chars().filter(|c| !c.is_ascii()).count();
            if sound && beyond < NO_ACCIDENT { decoded } else { text.to_owned() }
        }
        (Ok(text), _) => text.to_owned(),
        (Err(_), None) => not_utf8(bytes, false),
        (Err(_), Some(charset)) if charset == Charset::Web(UTF_8) => not_utf8(bytes, true),
        (Err(_), Some(charset)) => {
            let (decoded, sound) = charset.decode(bytes);
            let lost = decoded.matches('\u{fffd}').count();
            let high = bytes.iter().filter(|byte| !byte.is_ascii()).count();
            if sound || lost * 4 <= high { decoded } else { guess(bytes) }
        }
    }
}

/// Bytes that are called UTF-8 (or nothing) and are none, or not to their end.
fn not_utf8(bytes: &[u8], named: bool) -> String {
    let lossy = String::from_utf8_lossy(bytes);
    let lost = lossy.chars().filter(|c| *c == char::REPLACEMENT_CHARACTER).count();
    let read = lossy.chars().filter(|c| !c.is_ascii()).count() - lost;
    // A text that was cut within a character, or damaged at a few places, still has many sound characters.
    let cut = std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none());
    if read > lost || cut && (named || read > 0) { lossy.into_owned() } else { guess(bytes) }
}

/// The set whose escape sequences stand in a seven-bit text.
fn by_escapes(bytes: &[u8]) -> Option<Charset> {
    let at = bytes.windows(2).position(|two| two == b"\x1b$")?;
    if !bytes.is_ascii() {
        return None;
    }
    match bytes.get(at + 2..at + 4) {
        Some(b")C") => Some(Charset::Iso2022Kr),
        _ => Some(Charset::Web(ISO_2022_JP)),
    }
}

impl Charset {
    /// The text, and whether every byte could be read.
    fn decode(self, bytes: &[u8]) -> (String, bool) {
        match self {
            Self::Web(encoding) => {
                let (text, _, wrong) = encoding.decode(bytes);
                // Programs on Windows name a set of ISO and write the marks of their own.
                if encoding.is_single_byte() && text.contains(is_control) {
                    return (text.chars().map(as_windows).collect(), !wrong);
                }
                (text.into_owned(), !wrong)
            }
            Self::Iso2022Kr => Self::Web(EUC_KR).decode(&shifted(bytes)),
            Self::Hz => Self::Web(GBK).decode(&tilded(bytes)),
            Self::Utf7 => (by_mail_parser(b"utf-7", bytes), true),
            Self::Ibm850 => (by_mail_parser(b"cp850", bytes), true),
        }
    }
}

fn is_control(c: char) -> bool {
    ('\u{80}'..='\u{9f}').contains(&c)
}

/// Control characters of 128 to 159, which nobody writes, as the Windows set has them; others as they are.
pub fn as_windows(c: char) -> char {
    let byte = u8::try_from(u32::from(c)).ok().filter(|_| is_control(c));
    byte.and_then(|byte| WINDOWS_1252.decode_without_bom_handling(&[byte]).0.chars().next()).unwrap_or(c)
}

fn by_mail_parser(name: &[u8], bytes: &[u8]) -> String {
    charset_decoder(name).map_or_else(|| String::from_utf8_lossy(bytes).into_owned(), |decode| decode(bytes))
}

/// ISO-2022-KR as EUC-KR: between SO and SI the high bit is set.
fn shifted(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    let mut high = 0;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            0x1b if after.starts_with(b"$)C") => rest = &after[3..],
            0x0e => high = 0x80,
            0x0f => high = 0,
            0x21..=0x7e => out.push(byte | high),
            _ => out.push(byte),
        }
    }
    out
}

/// HZ as GBK: between `~{` and `~}` the high bit is set.
fn tilded(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    let mut high = 0;
    loop {
        rest = match rest {
            [] => return out,
            [b'~', b'{', after @ ..] => {
                high = 0x80;
                after
            }
            [b'~', b'}', after @ ..] => {
                high = 0;
                after
            }
            [b'~', b'~', after @ ..] => {
                out.push(b'~');
                after
            }
            [byte, after @ ..] => {
                out.push(if byte.is_ascii_graphic() { byte | high } else { *byte });
                after
            }
        }
    }
}

/// True when a header in this set can be read as lines of ASCII.
pub fn keeps_ascii(label: &str) -> bool {
    matches!(find(label), Some(Charset::Web(encoding)) if encoding.is_ascii_compatible())
        || find(label) == Some(Charset::Ibm850)
}

/// The set of a name: as browsers know it, else as programs misspell it.
fn find(label: &str) -> Option<Charset> {
    let label = label.trim().trim_matches(['"', '\'', '_', '-', '.', ':', ' ']).to_ascii_lowercase().replace(' ', "-");
    let end = label.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.:+".contains(c))).unwrap_or(label.len());
    let label = &label[..end];
    // The encoding standard reads these two as nothing at all, to protect browsers.
    let web = Encoding::for_label_no_replacement(label.as_bytes());
    if let Some(encoding) = web.filter(|encoding| *encoding != encoding_rs::X_USER_DEFINED) {
        return Some(Charset::Web(encoding));
    }
    let bare: String = label.chars().filter(char::is_ascii_alphanumeric).collect();
    by_spelling(&bare).or_else(|| ["x", "cs", "ms"].iter().find_map(|start| by_spelling(bare.strip_prefix(start)?)))
}

/// The set of a name without its hyphens.
fn by_spelling(bare: &str) -> Option<Charset> {
    let starts = |names: &[&str]| names.iter().any(|name| bare.starts_with(name));
    let web = |name: &str| Encoding::for_label(name.as_bytes()).map(Charset::Web);
    if let Some((_, number)) = bare.split_once("8859") {
        let digits = number.bytes().take_while(u8::is_ascii_digit).count().min(2);
        let two = (digits == 2).then(|| web(&format!("iso-8859-{}", &number[..2]))).flatten();
        return two.or_else(|| web(&format!("iso-8859-{}", number.get(..1)?)));
    }
    let windows = bare.rfind("125").and_then(|at| bare.get(at..at + 4));
    if let Some(number) = windows.filter(|_| starts(&["windows", "win", "cp", "ms", "ansi", "ibm", "125"])) {
        return web(&format!("windows-{number}"));
    }
    Some(match bare {
        "utf7" | "unicode11utf7" => Charset::Utf7,
        _ if starts(&["utf8", "unicode11utf8"]) => Charset::Web(UTF_8),
        _ if starts(&["utf16", "ucs2", "unicode"]) => Charset::Web(UTF_16LE),
        _ if starts(&["iso2022kr"]) => Charset::Iso2022Kr,
        _ if starts(&["hz"]) => Charset::Hz,
        _ if starts(&["iso2022jp", "cp5022", "jis"]) => Charset::Web(ISO_2022_JP),
        _ if starts(&["cp932", "932", "windows932", "windows31j", "sjis", "shiftjis", "kanji", "ibm943"]) => {
            Charset::Web(SHIFT_JIS)
        }
        _ if starts(&["eucjp", "ujis", "cp51932"]) => Charset::Web(EUC_JP),
        _ if starts(&["cp949", "949", "windows949", "uhc", "ksc", "euckr", "korean", "cp51949"]) => {
            Charset::Web(EUC_KR)
        }
        _ if starts(&["gb18030", "54936"]) => Charset::Web(GB18030),
        _ if starts(&["cp936", "936", "windows936", "gb", "euccn"]) => Charset::Web(GBK),
        _ if starts(&["cp950", "950", "windows950", "big5", "euctw"]) => Charset::Web(BIG5),
        _ if starts(&["koi8u", "koi8ru"]) => Charset::Web(KOI8_U),
        _ if starts(&["koi8", "koi"]) => Charset::Web(KOI8_R),
        _ if starts(&["cp866", "ibm866", "866", "dos866"]) => Charset::Web(IBM866),
        _ if starts(&["cp850", "ibm850", "850", "cp437", "ibm437", "437", "cp858", "ibm858", "pc850"]) => {
            Charset::Ibm850
        }
        _ if starts(&["windows874", "cp874", "874", "tis620", "ibm874"]) => Charset::Web(WINDOWS_874),
        _ if starts(&["maccyr", "macukr"]) => Charset::Web(X_MAC_CYRILLIC),
        _ if starts(&["mac"]) => Charset::Web(MACINTOSH),
        _ if starts(&["latin", "isolatin"]) => {
            let number = bare.trim_start_matches(|c: char| c.is_ascii_alphabetic());
            let digits = number.bytes().take_while(u8::is_ascii_digit).count();
            return web(&format!("l{}", &number[..digits])).or_else(|| (number == "7").then(|| web("iso-8859-13"))?);
        }
        _ => return None,
    })
}

/// A set that is tried when nothing sound is named: the likely letters of its languages, and how many of a hundred
/// characters beyond ASCII they make up at least.
type Script = (&'static Encoding, usize, fn(char) -> bool);

/// The double-byte sets come first, as few other texts are valid in them.
const SCRIPTS: [Script; 9] = [
    (SHIFT_JIS, 25, is_kana),
    (EUC_JP, 25, is_kana),
    (EUC_KR, 70, |c| ('가'..='힣').contains(&c)),
    (GBK, 16, |c| COMMON.contains(c) || "们这来个说为请风会还过时没对开给让谢见发够".contains(c)),
    (BIG5, 16, |c| COMMON.contains(c) || "們這來個說為請風會還過時沒對開給讓謝見發夠".contains(c)),
    (WINDOWS_1251, 70, is_small_cyrillic),
    (KOI8_R, 70, is_small_cyrillic),
    (WINDOWS_1256, 70, |c| ('ء'..='ي').contains(&c)),
    (WINDOWS_874, 70, |c| ('ก'..='๏').contains(&c)),
];

/// Frequent signs of Chinese that both scripts have.
const COMMON: &str = "的一是不了在有我他中大上到你好港口明天船海人和地出要就可也年生得里自看起去能下小心多然水都想用很以那家子知道今日信件收";

fn is_kana(c: char) -> bool {
    ('ぁ'..='ん').contains(&c)
}

fn is_small_cyrillic(c: char) -> bool {
    ('а'..='я').contains(&c) || c == 'ё'
}

/// Reads bytes whose set nobody named rightly. Latin scripts use few letters beyond ASCII: where most are beyond it,
/// the first set in which they make likely letters is taken.
fn guess(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(MAX_GUESS)];
    let high = start.iter().filter(|byte| !byte.is_ascii()).count();
    let low = start.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let fits = |(encoding, least, is_likely): &&Script| {
        let (text, wrong) = encoding.decode_without_bom_handling(start);
        let beyond = text.chars().filter(|c| !c.is_ascii()).count();
        let likely = text.chars().filter(|c| is_likely(*c)).count();
        (!wrong || bytes.len() > MAX_GUESS) && likely * 100 >= beyond * least
    };
    let found = SCRIPTS.iter().filter(|_| high > low).find(fits);
    // Letters beyond ASCII stand alone in Latin scripts: bytes in long runs are no text at all.
    let runs = start.split(u8::is_ascii).filter(|run| run.len() >= 3).map(<[u8]>::len).sum::<usize>();
    if found.is_none() && runs * 2 > high {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let encoding = found.map_or(WINDOWS_1252, |(encoding, ..)| encoding);
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_however_they_are_spelt() {
        for (name, set) in [
            ("CP932", SHIFT_JIS),
            ("x-sjis-win", SHIFT_JIS),
            ("iso2022jp", ISO_2022_JP),
            ("ISO-2022-JP-MS", ISO_2022_JP),
            ("x-windows-949", EUC_KR),
            ("euckr", EUC_KR),
            ("win-1251", WINDOWS_1251),
            ("windows1251", WINDOWS_1251),
            ("cp-1251", WINDOWS_1251),
            ("8859_1", WINDOWS_1252),
            ("_iso-8859-1$ESC", WINDOWS_1252),
            ("ISO 8859-1", WINDOWS_1252),
            ("utf8mb4", UTF_8),
            ("\"UTF-8\"", UTF_8),
            ("cp950", BIG5),
            ("x-mac-roman", MACINTOSH),
            ("macroman", MACINTOSH),
        ] {
            assert_eq!(find(name), Some(Charset::Web(set)), "{name}");
        }
        assert_eq!(find("iso-8859-15"), find("latin-9"));
        for none in ["x-ansi", "unknown-8bit", "", "x", "8bit"] {
            assert_eq!(find(none), None, "{none}");
        }
    }

    #[test]
    fn bytes_are_believed_more_than_names() {
        assert_eq!(decode(b"B\xf6en", Some("utf-8")), "Böen");
        assert_eq!(decode("Böen".as_bytes(), Some("windows-1252")), "Böen");
        assert_eq!(decode("見出し".as_bytes(), Some("gbk")), "見出し".to_owned());
        assert_eq!(decode("ü".as_bytes(), Some("gbk")), "眉");
        assert_eq!(decode(b"plain", Some("utf-16")), "plain");
        assert_eq!(decode(b"\x1b$B@.8y\x1b(B", None), "成功");
        assert_eq!(decode(b"~{VPND~}", Some("hz-gb-2312")), "中文");
        for text in ["Якорь держит, вода есть", "Ветер крепчает"] {
            for set in [WINDOWS_1251, KOI8_R] {
                assert_eq!(decode(&set.encode(text).0, Some("utf-8")), text);
            }
        }
        let japanese = "錨は効いています。水は足ります。";
        assert_eq!(decode(&SHIFT_JIS.encode(japanese).0, None), japanese);
        assert_eq!(decode(&EUC_JP.encode(japanese).0, None), japanese);
        assert_eq!(decode(&EUC_KR.encode("닻이 잘 버티고 있습니다").0, None), "닻이 잘 버티고 있습니다");
        assert_eq!(decode(&GBK.encode("明天我们到港口，请等我").0, None), "明天我们到港口，请等我");
    }
}
