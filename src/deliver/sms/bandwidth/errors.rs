//! Bandwidth's delivery codes, and what the queue does about each (the vendor's list of message error codes).
//!
//! Four digits: the first is whose fault it is (4 the sender's, 5 the network's, 9 nobody knows). A repeat of a 4xxx ends
//! the same way; a 5xxx may be sent again; a 9xxx is no proof that the text did not arrive.

use super::super::{Delivery, SmsRefusal};
use crate::fault::Fault;

/// Error codes of the carrier with their meanings.
const MEANINGS: [(u64, &str); 27] = [
    (4301, "the text has characters that cannot be sent"),
    (4302, "the sender's number is not valid"),
    (4303, "the number is not valid"),
    (4360, "it was too old when its turn came"),
    (4401, "there is no way to that number"),
    (4403, "the sender's number may not send texts"),
    (4404, "the number may not be texted"),
    (4406, "nobody has that number"),
    (4432, "texts to that country are not allowed"),
    (4435, "too many recipients"),
    (4452, "the application does not fit the sender's number"),
    (4470, "it was taken for spam"),
    (4481, "the sender's number is on a black list"),
    (4482, "the number is on a black list"),
    (4702, "the phone is not available"),
    (4720, "the number is not valid for its network"),
    (4721, "the number is not in use any more"),
    (4750, "the phone's network refuses it"),
    (4770, "the phone's network took it for spam"),
    (4775, "the phone sent STOP and wants no texts from this number"),
    (4780, "the phone's network takes no more at this pace"),
    (4781, "the phone's network takes no more today"),
    (4785, "the phone's network takes no more at this pace"),
    (4795, "the sender's toll-free number is not verified"),
    (5600, "the queue of the phone's network is full"),
    (9902, "the phone's network never said whether it arrived"),
    (9999, "the reason is not known"),
];

/// What becomes of a text that was reported as failed.
pub fn judge_report(code: Option<u64>, words: &str) -> Delivery {
    let meaning = MEANINGS.iter().find(|(known, _)| Some(*known) == code).map_or(words, |(_, meaning)| *meaning);
    let meaning = if meaning.is_empty() { "it could not be delivered" } else { meaning };
    let said = match code {
        Some(code) => format!("Bandwidth: {meaning} (error {code})"),
        None => format!("Bandwidth: {meaning}"),
    };
    let fault = match code {
        Some(4302 | 4403 | 4481) => Fault::operator(format!("{said}: check the service number of the sender")),
        Some(4452) => Fault::operator(format!("{said}: check bandwidth.application")),
        Some(4795) => Fault::operator(format!("{said}: verify it at Bandwidth")),
        Some(4780..=4785 | 5000..=5999) => Fault::temporary(said),
        Some(9000..) => return Delivery::Unclear(said),
        _ => Fault::permanent(said),
    };
    Delivery::Failed(SmsRefusal { opted_out: code == Some(4775), ..fault.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_digit_decides_but_for_a_few() {
        let fault = |code| match judge_report(Some(code), "") {
            Delivery::Failed(refusal) => Some(refusal.fault),
            _ => None,
        };
        for code in [4301, 4404, 4406, 4702, 4750, 4999] {
            assert!(matches!(fault(code), Some(Fault::Permanent(_))), "{code}");
        }
        for code in [4780, 5100, 5500, 5600] {
            assert!(matches!(fault(code), Some(Fault::Temporary(_))), "{code}");
        }
        for code in [4302, 4403, 4452, 4481, 4795] {
            assert!(matches!(fault(code), Some(Fault::Operator(_))), "{code}");
        }
        assert_eq!((fault(9902), fault(9999)), (None, None));
        assert!(matches!(judge_report(Some(4775), ""), Delivery::Failed(refusal) if refusal.opted_out));
        assert!(matches!(judge_report(None, "odd"), Delivery::Failed(refusal) if refusal.fault.why().contains("odd")));
    }
}
