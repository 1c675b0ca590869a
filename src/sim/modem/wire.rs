//! What the modem says, when, and what goes wrong with it on the way out.

use std::collections::BTreeMap;

use super::faults::Faults;
use super::weather::Weather;
use crate::clock::Time;
use crate::sim::device::take;

/// Lines that wait for their moment, in order.
#[derive(Debug, Default)]
pub(super) struct Wire {
    waiting: BTreeMap<(Time, u64), Vec<u8>>,
    /// Keeps lines of the same moment in the order they were said.
    serial: u64,
    /// Lines that `glue` holds back for the next one.
    held: Vec<u8>,
}

impl Wire {
    /// Says these bytes at that moment.
    pub(super) fn say(&mut self, at: Time, bytes: Vec<u8>) {
        self.serial += 1;
        self.waiting.insert((at, self.serial), bytes);
    }

    /// The moment of the next line.
    pub(super) fn next(&self) -> Time {
        self.waiting.first_key_value().map_or(Time::NEVER, |((at, _), _)| *at)
    }

    /// Forgets what was not said yet.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.held.clear();
    }

    /// Takes the bytes that leave now, with the faults of this moment in them.
    pub(super) fn take(&mut self, now: Time, faults: &mut Faults, weather: &mut Weather) -> Vec<u8> {
        let mut out = Vec::new();
        while self.next() <= now
            && let Some((_, mut line)) = self.waiting.pop_first()
        {
            if faults.silent {
                continue;
            }
            if take(&mut faults.corrupt) {
                corrupt(&mut line, weather);
            }
            if take(&mut faults.glue) {
                line.pop_if(|byte| *byte == b'\n');
                self.held.append(&mut line);
                continue;
            }
            if take(&mut faults.droplf) {
                line.pop_if(|byte| *byte == b'\n');
            }
            out.append(&mut self.held);
            out.append(&mut line);
        }
        out
    }
}

/// Flips one bit of one byte, never making or hitting a mark of the framing.
fn corrupt(line: &mut [u8], weather: &mut Weather) {
    let marks = b"$*\n";
    let spots: Vec<_> =
        (0..line.len()).filter(|at| !marks.contains(&line[*at]) && !marks.contains(&(line[*at] ^ 1))).collect();
    if let Some(at) = spots.get(weather.below(spots.len() as u64) as usize) {
        line[*at] ^= 1;
    }
}

/// A burst of what a loose ground wire makes: any bytes, now and then the beginning of a sentence.
pub(super) fn noise(weather: &mut Weather) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..weather.between(1, 40)).map(|_| weather.below(256) as u8).collect();
    if weather.chance(20) {
        bytes.splice(0..0, *b"$TD OK,54");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(faults: &mut Faults) -> String {
        let mut wire = Wire::default();
        for line in ["$A*41\n", "$B*42\n", "$C*43\n"] {
            wire.say(Time(1), line.as_bytes().to_vec());
        }
        String::from_utf8(wire.take(Time(1), faults, &mut Weather::new(1))).unwrap()
    }

    #[test]
    fn faults_bend_as_many_lines_as_asked() {
        assert_eq!(out(&mut Faults::default()), "$A*41\n$B*42\n$C*43\n");
        assert_eq!(out(&mut Faults { droplf: 1, ..Faults::default() }), "$A*41$B*42\n$C*43\n");
        assert_eq!(out(&mut Faults { glue: 2, ..Faults::default() }), "$A*41$B*42$C*43\n");
        assert_eq!(out(&mut Faults { silent: true, ..Faults::default() }), "");
        let bent = out(&mut Faults { corrupt: 2, ..Faults::default() });
        let lines: Vec<_> = bent.lines().collect();
        assert_eq!((lines.len(), lines[2]), (3, "$C*43"));
        assert!(lines[0] != "$A*41" && lines[1] != "$B*42", "{bent}");
    }

    #[test]
    fn lines_wait_for_their_moment() {
        let (mut wire, mut faults, mut weather) = (Wire::default(), Faults::default(), Weather::new(1));
        wire.say(Time(20), b"late".to_vec());
        wire.say(Time(10), b"early".to_vec());
        assert_eq!(wire.next(), Time(10));
        assert_eq!(wire.take(Time(19), &mut faults, &mut weather), b"early");
        assert_eq!(wire.take(Time(20), &mut faults, &mut weather), b"late");
        assert_eq!(wire.next(), Time::NEVER);
    }
}
