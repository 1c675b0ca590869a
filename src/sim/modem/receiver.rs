//! The byte-level receiver of the modem: from bytes on the wire to complete, checked commands.
//!
//! The checksum is computed here and nowhere else in the simulator, and shares no code with the driver.

use std::time::Duration;

use crate::clock::Time;
use crate::hex;

/// Longest silence inside a command (M138 manual rev 1.20); a longer one drops what came so far, without a word.
const MAX_GAP: Duration = Duration::from_millis(250);
/// Room for one command. The longest legal one has 427 bytes; what is longer than this is dropped.
const MAX_COMMAND: usize = 2048;

/// What one line feed ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// The bytes between `$` and the last `*`, whose checksum is right.
    Command(Vec<u8>),
    /// A line without `*xx` at its end, or with a wrong sum.
    BadChecksum,
}

/// Collects bytes until a line is complete.
#[derive(Debug, Default)]
pub(super) struct Receiver {
    /// The bytes after `$`; `None` until a `$` comes.
    line: Option<Vec<u8>>,
    /// When the last byte came.
    last: Time,
    /// A carriage return before the line feed counts as part of the line (and so breaks its checksum).
    pub(super) strict_cr: bool,
}

impl Receiver {
    /// Takes one byte that came at `now`.
    pub(super) fn push(&mut self, byte: u8, now: Time) -> Option<Heard> {
        if now.since(self.last) > MAX_GAP {
            self.line = None;
        }
        self.last = now;
        if byte == b'$' {
            self.line = Some(Vec::new());
            return None;
        }
        let line = self.line.as_mut()?;
        if byte != b'\n' {
            line.push(byte);
            if line.len() > MAX_COMMAND {
                self.line = None;
            }
            return None;
        }
        let mut line = self.line.take()?;
        if !self.strict_cr && line.last() == Some(&b'\r') {
            line.pop();
        }
        Some(check(line))
    }

    /// Forgets a half-received line.
    pub(super) fn reset(&mut self) {
        self.line = None;
    }
}

/// The parser looks at the last three bytes only: `*` may stand inside a command.
fn check(mut line: Vec<u8>) -> Heard {
    let sum = match line.as_slice() {
        [.., b'*', high, low] => hex::byte(*high, *low),
        _ => None,
    };
    line.truncate(line.len().saturating_sub(3));
    match sum {
        Some(sum) if sum == checksum(&line) => Heard::Command(line),
        _ => Heard::BadChecksum,
    }
}

/// Exclusive or of all bytes between `$` and the last `*`.
fn checksum(body: &[u8]) -> u8 {
    body.iter().fold(0, |sum, byte| sum ^ byte)
}

/// A whole sentence as the modem prints it: lower-case checksum, one line feed.
pub(super) fn sentence(body: &str) -> Vec<u8> {
    format!("${body}*{:02x}\n", checksum(body.as_bytes())).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::weather::Weather;
    use super::*;

    fn hear(bytes: &[u8]) -> Vec<Heard> {
        let mut receiver = Receiver::default();
        bytes.iter().filter_map(|byte| receiver.push(*byte, Time(5))).collect()
    }

    fn command(text: &str) -> Heard {
        Heard::Command(text.as_bytes().to_vec())
    }

    #[test]
    fn commands_of_the_manual_are_heard() {
        for line in [
            "$CS*10",
            "$FV*10",
            "$RS*01",
            "$RS deletedb*3e",
            "$RS dbinit*3d",
            "$PO*1f",
            "$DT @*70",
            "$DT ?*0f",
            "$DT 300*03",
            "$GN 30*2a",
            "$PW @*67",
            "$GP 13*35",
            "$RT 5*13",
            "$MT C=U*12",
            "$MT L=4428826476689*7c",
            "$MM C=**74",
            "$MM D=**73",
            "$MM M=**7a",
            "$MM N=?*6c",
            "$SL S=60*57",
            "$SL U=2022-01-26T08:30:00*0f",
            "$TD \"{\"d\":\"Demo message\",\"t\":\"2021-02-26 14:48:56\",\"seq\":\"00017\"}\"*08",
            "$TD HD=3600,\"{\"d\":\"Demo message\",\"t\":\"2021-02-26 14:51:21\",\"seq\":\"00018\"}\"*17",
            "$TD ET=1641040496,\"{\"d\":\"Demo\",\"t\":\"2021-02-26 15:01:22\",\"seq\":\"00020\"}\"*45",
            "$TD AI=3000,\"{\"d\":\"Demo\",\"t\":\"2021-02-26 15:33:22\",\"seq\":\"00021\"}\"*52",
            "$TD HD=7200,\"Hello there!\"*05",
            "$TD 68656c6c6f*6d",
            "$TD AI=1234,HD=3600,68656C6C6F*48",
        ] {
            let heard = hear(format!("{line}\n").as_bytes());
            assert_eq!(heard, [command(&line[1..line.len() - 3])], "{line}");
        }
    }

    #[test]
    fn sentences_of_the_manual_are_printed() {
        for line in [
            "$M138 BOOT,POWERON,Copyright (c) 2019-22 Swarm Technologies, Inc*2d",
            "$M138 BOOT,RUNNING*2a",
            "$M138 DATETIME*56",
            "$M138 POSITION*4e",
            "$M138 BOOT,SHUTDOWN*65",
            "$CMD? ERR,CMD_NMEACHECKSUMFAIL*21",
            "$TD SENT,RSSI=-104,SNR=-3,FDEV=345,5354468575916*44",
            "$MM AI=0,68692066726f6d20737761726d,4428826476689,1605639598*65",
            "$SL WAKE,SERIAL*0b",
        ] {
            assert_eq!(sentence(&line[1..line.len() - 3]), format!("{line}\n").into_bytes());
        }
    }

    #[test]
    fn noise_cr_and_case_do_no_harm() {
        assert_eq!(hear(b"\n\r..junk$CS$CS*10\r\n"), [command("CS")]);
        assert_eq!(hear(b"$RS deletedb*3E\n"), [command("RS deletedb")]);
        assert_eq!(hear(b"CS*10\n"), []);
        assert_eq!(
            hear(b"$CS*11\n$CS\n$\n$*\n$*00\n"),
            [Heard::BadChecksum, Heard::BadChecksum, Heard::BadChecksum, Heard::BadChecksum, command(""),]
        );
        let mut strict = Receiver { strict_cr: true, ..Receiver::default() };
        let heard: Vec<_> = b"$CS*10\r\n".iter().filter_map(|byte| strict.push(*byte, Time(1))).collect();
        assert_eq!(heard, [Heard::BadChecksum]);
    }

    #[test]
    fn a_gap_drops_the_command_silently() {
        let mut receiver = Receiver::default();
        for byte in b"$CS" {
            receiver.push(*byte, Time(1000));
        }
        for (at, expected) in [(1250, Some(command("CS"))), (1251, None)] {
            let mut receiver = Receiver::default();
            b"$CS".iter().for_each(|byte| assert_eq!(receiver.push(*byte, Time(1000)), None));
            let heard = b"*10\n".iter().find_map(|byte| receiver.push(*byte, Time(at)));
            assert_eq!(heard, expected);
        }
    }

    #[test]
    fn any_bytes_are_survived() {
        let seeds: [&[u8]; 4] = [b"$CS*10\n", b"$TD AI=1234,HD=3600,68656C6C6F*48\n", b"$MM C=**74\r\n", b"$$*\n*00"];
        let mut weather = Weather::new(7);
        let mut receiver = Receiver::default();
        let mut at = 0;
        for round in 0..100_000 {
            let mut bytes = seeds[round % seeds.len()].to_vec();
            let spot = weather.below(bytes.len() as u64) as usize;
            bytes[spot] = weather.below(256) as u8;
            at += weather.below(300) as i64;
            for byte in bytes {
                if let Some(Heard::Command(body)) = receiver.push(byte, Time(at)) {
                    assert!(!body.contains(&b'$') && !body.contains(&b'\n') && body.len() <= MAX_COMMAND);
                }
            }
        }
    }
}
