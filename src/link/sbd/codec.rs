//! What the modem says, line by line, and the sum over data. Pure. Spacing and prefixes differ between firmware and clones:
//! fields are read as numbers between commas, never by columns.

/// The end of a session, as the modem tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionResult {
    /// What became of the message that was to go up; see [`super::status`].
    pub mo: u8,
    /// The number of this session.
    pub momsn: u16,
    /// 0 nothing waited, 1 a message is in the slot now, 2 the mailbox could not be asked.
    pub mt: u8,
    /// The gateway's number of that message.
    pub mtmsn: i32,
    /// Messages that wait at the gateway still.
    pub queued: u32,
}

/// Both slots, as the modem tells of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slots {
    /// A message is in the slot of those that go up.
    pub mo: bool,
    /// The number of the next session.
    pub momsn: u16,
    /// A message is in the slot of those that came down.
    pub mt: bool,
    /// Its number (MTMSN); -1 when there is none.
    pub mtmsn: i32,
    /// A ring alert is unanswered.
    pub ring: bool,
}

/// One line of the modem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// `OK`: the command is done.
    Ok,
    /// `ERROR`: the command was refused.
    Error,
    /// `READY`: the modem waits for the bytes of a message.
    Ready,
    /// `SBDRING`: a message waits at the gateway.
    Ring,
    /// Signal, 0 to 5.
    Bars(u8),
    /// The network is heard, or not any more.
    Service(bool),
    /// The antenna has a fault, or not any more.
    AntennaFault(bool),
    /// `+SBDIX`: a session has ended.
    Session(SessionResult),
    /// Any other line, as it came.
    Other(String),
}

/// Reads a line without its end.
pub fn line(text: &str) -> Line {
    let text = text.trim();
    let upper = text.to_ascii_uppercase();
    match upper.as_str() {
        "OK" => return Line::Ok,
        "ERROR" => return Line::Error,
        "READY" => return Line::Ready,
        "SBDRING" | "+SBDRING" => return Line::Ring,
        _ => {}
    }
    let other = || Line::Other(text.to_owned());
    let Some((name, rest)) = upper.split_once(':') else { return other() };
    let Some(fields) = numbers(rest) else { return other() };
    match (name, fields.as_slice()) {
        ("+CIEV", [0, bars @ 0..=5, ..]) => Line::Bars(u8::try_from(*bars).unwrap_or_default()),
        ("+CIEV", [1, on, ..]) => Line::Service(*on == 1),
        ("+CIEV", [2, on, ..]) => Line::AntennaFault(*on == 1),
        ("+SBDIX" | "+SBDIXA" | "+SBDI", fields) => session(fields).map_or_else(other, Line::Session),
        _ => other(),
    }
}

fn session(fields: &[i64]) -> Option<SessionResult> {
    let &[mo, momsn, mt, mtmsn, _, queued] = fields else { return None };
    Some(SessionResult {
        mo: u8::try_from(mo).ok()?,
        momsn: u16::try_from(momsn).ok()?,
        mt: u8::try_from(mt).ok()?,
        mtmsn: i32::try_from(mtmsn).ok()?,
        queued: u32::try_from(queued).ok()?,
    })
}

/// The number of a terminal, 15 digits; `None` for any other line.
pub fn imei(text: &str) -> Option<&str> {
    let text = text.trim();
    (text.len() == 15 && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

/// Reads the answer to `+SBDREG?`: 2 is registered; `None` when it is none.
pub fn registered(text: &str) -> Option<bool> {
    first(text, "+SBDREG").map(|state| state == 2)
}

/// Reads the answer to `+CSQF`: signal from 0 to 5; `None` when it is none.
pub fn bars(text: &str) -> Option<u8> {
    first(text, "+CSQF").and_then(|bars| u8::try_from(bars).ok()).filter(|bars| *bars <= 5)
}

/// The first number of an answer of this name.
fn first(text: &str, name: &str) -> Option<i64> {
    let (said, rest) = text.split_once(':')?;
    numbers(rest).filter(|_| said.trim().eq_ignore_ascii_case(name))?.first().copied()
}

/// Reads the answer to `+SBDSX`; `None` when it is none.
pub fn slots(text: &str) -> Option<Slots> {
    let (name, rest) = text.split_once(':')?;
    let fields = numbers(rest).filter(|_| name.trim().eq_ignore_ascii_case("+SBDSX"))?;
    let &[mo, momsn, mt, mtmsn, ring, _] = fields.as_slice() else { return None };
    let momsn = u16::try_from(momsn).ok()?;
    Some(Slots { mo: mo == 1, momsn, mt: mt == 1, mtmsn: i32::try_from(mtmsn).ok()?, ring: ring == 1 })
}

fn numbers(text: &str) -> Option<Vec<i64>> {
    text.split(',').map(|field| field.trim().parse().ok()).collect()
}

/// The sum that stands behind data: of all bytes, modulo 65536, high byte first.
pub fn sum(data: &[u8]) -> [u8; 2] {
    data.iter().fold(0_u16, |sum, byte| sum.wrapping_add(u16::from(*byte))).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_whatever_their_spacing() {
        let result = SessionResult { mo: 0, momsn: 23, mt: 1, mtmsn: 237, queued: 2 };
        for text in ["+SBDIX: 0, 23, 1, 237, 13, 2", "+SBDIX:0,23,1,237,13,2", "+SBDIXA: 0,23, 1,237,13,2\r"] {
            assert_eq!(line(text), Line::Session(result), "{text}");
        }
        let failed = SessionResult { mo: 32, momsn: 3, mt: 2, mtmsn: 0, queued: 0 };
        assert_eq!(line("+SBDIX: 32, 3, 2, 0, 0, 0"), Line::Session(failed));
        for text in ["+SBDIX: 0, 23, 1", "+SBDIX: 0, 70000, 1, 237, 13, 2", "+SBDIX: 300, 1, 1, 1, 1, 1", "+SBDIX:"] {
            assert!(matches!(line(text), Line::Other(_)), "{text}");
        }
    }

    #[test]
    fn what_comes_unasked_is_known() {
        assert_eq!((line("SBDRING"), line("+SBDRING")), (Line::Ring, Line::Ring));
        assert_eq!((line("+CIEV:0,4"), line("+CIEV: 0, 0")), (Line::Bars(4), Line::Bars(0)));
        assert_eq!((line("+CIEV:1,1"), line("+CIEV:2,1")), (Line::Service(true), Line::AntennaFault(true)));
        assert_eq!((line("OK"), line("ERROR"), line("READY")), (Line::Ok, Line::Error, Line::Ready));
        assert_eq!(line("300234010753370"), Line::Other("300234010753370".into()));
    }

    #[test]
    fn both_slots_are_read() {
        let ring = Slots { mo: false, momsn: 24, mt: false, mtmsn: -1, ring: true };
        assert_eq!(slots("+SBDSX: 0, 24, 0, -1, 1, 1"), Some(ring));
        assert_eq!(slots("+SBDSX:1,7,1,9,0,0").map(|slots| (slots.mo, slots.mt, slots.mtmsn)), Some((true, true, 9)));
        assert_eq!(slots("+SBDS: 1, 7, 1, 9"), None);
    }

    #[test]
    fn sums_are_those_of_the_manual() {
        assert_eq!(sum(b"hello"), [0x02, 0x14]);
        assert_eq!(sum(b"Hi!"), [0x00, 0xd2]);
        assert_eq!(sum(&[0xff; 340]), [0x52, 0xac]);
        assert_eq!(sum(&[0xff; 257]), [0xff, 0xff]);
        assert_eq!(sum(&[]), [0, 0]);
    }
}
