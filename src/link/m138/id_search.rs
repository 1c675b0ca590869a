//! The search for messages that the modem counts but does not show.
//!
//! Where `R=O` and `R=N` look at unread messages only, a message that an earlier run of the program read, and died
//! before it was on disk, is hidden: it can be read by its id alone. Published ids of messages from the network read
//! as 0x14 in bits 40 and up, the day of the year in bits 15-23, and a small number; so those are tried, a few at a
//! time.

use std::time::{Duration, Instant};

use super::M138;
use super::ledger::day_of_year;
use super::wire::PortError;
use crate::clock::Time;

const FROM_NETWORK: u64 = 0x14;
/// Days back that are searched.
const DAYS: u64 = 7;
/// Numbers that are tried of each day.
const NUMBERS: u64 = 128;
/// Ids tried at a look ...
const AT_A_LOOK: u64 = 16;
/// ... and the pause between two looks while the search goes on.
const PAUSE: Duration = Duration::from_secs(1);

impl M138 {
    /// Tries the next few ids.
    pub fn search_ids(&mut self) -> Result<(), PortError> {
        let Some(now) = self.facts.clock else { return Ok(()) };
        for _ in 0..AT_A_LOOK {
            let Some(id) = candidate(now, self.inbound.ids_tried) else { return Ok(()) };
            self.inbound.ids_tried += 1;
            if let Some(message) = self.read(&format!("MM R={id}"))? {
                self.take_message(message);
            }
        }
        self.agenda.inbound = Instant::now() + PAUSE;
        Ok(())
    }
}

/// The so manieth id to try; `None` at the end.
fn candidate(now: Time, at: u64) -> Option<u64> {
    let (day, number) = (at / NUMBERS, at % NUMBERS + 1);
    let day = (day < DAYS).then(|| day_of_year(now - Duration::from_secs(day * 86_400)))?;
    Some(FROM_NETWORK << 40 | day << 15 | number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_ids_are_found() {
        let all = |at: i64| (0..).map_while(move |n| candidate(Time::from_seconds(at), n));
        assert!(all(1_584_494_275).any(|id| id == 21_990_235_111_426));
        assert!(all(1_582_200_000).any(|id| id == 21_990_234_193_962));
        assert_eq!(all(1_584_494_275).count(), 7 * 128);
    }
}
