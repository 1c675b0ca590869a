//! Twilio's error codes, and what the queue does about each (the vendor's error and warning dictionary).

use super::super::SmsRefusal;
use crate::fault::Fault;

/// What a code asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cure {
    /// It is sent again later.
    Again,
    /// Once more at most.
    Once,
    /// This text is never sent again.
    Never,
    /// Never until the phone sends START.
    OptedOut,
    /// Not before somebody mends something.
    Mend(&'static str),
}

use Cure::{Again, Mend, Never, Once, OptedOut};

/// Error codes of the carrier, with what to do and what they mean.
const CODES: [(u64, Cure, &str); 28] = [
    (20003, Mend("check twilio.account and twilio.token"), "the log-in is refused"),
    (20404, Mend("check twilio.account and twilio.url"), "there is no such account"),
    (20429, Again, "too many requests at once"),
    (21211, Never, "the number is no valid phone number"),
    (21212, Mend("check the service number of the sender"), "the sender's number is not valid"),
    (21408, Never, "texts to that country are not enabled in the account"),
    (21602, Never, "the text is empty"),
    (21603, Mend("give the sender a service number"), "it has no sender's number"),
    (21604, Never, "it has no recipient's number"),
    (21606, Mend("check the service number of the sender"), "the sender's number may not send texts"),
    (21608, Mend("verify the number at Twilio, or upgrade the account"), "a trial account may not text that number"),
    (21609, Mend("check sms.public_url"), "the address for reports is refused"),
    (21610, OptedOut, "the phone sent STOP and wants no texts from this number"),
    (21611, Again, "the queue of the sender's number is full"),
    (21612, Never, "there is no way from this number to that one"),
    (21614, Never, "the number is no mobile phone"),
    (21617, Never, "the text is too long"),
    (21619, Never, "the text is empty"),
    (21635, Never, "the number is a landline"),
    (30001, Again, "Twilio's queue was full"),
    (30002, Mend("see to the account at Twilio"), "the account is suspended"),
    (30003, Again, "the phone cannot be reached"),
    (30004, Never, "the phone or its network blocks it"),
    (30005, Never, "the phone is not known"),
    (30006, Never, "the number is a landline, or its network takes no texts"),
    (30007, Never, "the network took it for unwanted"),
    (30008, Once, "the network gave no reason"),
    (30034, Mend("register the service number with the networks (A2P 10DLC)"), "the sender's number is not registered"),
];

/// A refusal of a request, by code and else by HTTP status.
pub fn judge(code: Option<u64>, status: u16, words: &str) -> SmsRefusal {
    let known = CODES.iter().find(|(known, ..)| Some(*known) == code);
    if let Some((code, cure, meaning)) = known {
        return refusal(*code, *cure, meaning);
    }
    let said = match (code, words) {
        (Some(code), words) => format!("Twilio answered {status}, error {code} {words}"),
        (None, words) => format!("Twilio answered {status} {words}"),
    };
    let said = said.trim_end().to_owned();
    match status {
        401 | 403 | 404 => Fault::operator(format!("{said}: check twilio.account, twilio.token and twilio.url")).into(),
        408 | 425 | 429 | 500.. => Fault::temporary(said).into(),
        // Each refusal of Twilio's has a code. Somebody between here and there says nothing of the text.
        _ if code.is_none() => {
            Fault::operator(format!("{said}: that is not Twilio; check twilio.url and the internet connection")).into()
        }
        _ => Fault::permanent(said).into(),
    }
}

/// A text that Twilio took and could not deliver.
pub fn judge_report(code: Option<u64>) -> SmsRefusal {
    match CODES.iter().find(|(known, ..)| Some(*known) == code) {
        Some((code, cure, meaning)) => refusal(*code, *cure, meaning),
        None => {
            let number = code.map(|code| format!(" (error {code})")).unwrap_or_default();
            Fault::permanent(format!("Twilio could not deliver it{number}")).into()
        }
    }
}

fn refusal(code: u64, cure: Cure, meaning: &str) -> SmsRefusal {
    let words = format!("Twilio: {meaning} (error {code})");
    let fault = match cure {
        Again | Once => Fault::temporary(words),
        Never | OptedOut => Fault::permanent(words),
        Mend(how) => Fault::operator(format!("{words}: {how}")),
    };
    SmsRefusal { fault, after: None, opted_out: cure == OptedOut, once: cure == Once }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_decide_before_the_status_does() {
        let kind = |code, status| judge(code, status, "words").fault;
        assert!(matches!(kind(Some(20003), 401), Fault::Operator(why) if why.to_string().contains("twilio.token")));
        assert!(matches!(kind(Some(20429), 429), Fault::Temporary(_)));
        assert!(matches!(kind(Some(21611), 400), Fault::Temporary(_)));
        assert!(matches!(kind(Some(21211), 400), Fault::Permanent(_)));
        assert!(matches!(kind(Some(99999), 400), Fault::Permanent(why) if why.to_string().contains("99999")));
        assert!(matches!(kind(None, 429), Fault::Temporary(_)));
        assert!(matches!(kind(None, 401), Fault::Operator(_)));
        assert!(matches!(kind(None, 503), Fault::Temporary(_)));
        for status in [302, 400, 407, 451] {
            assert!(matches!(kind(None, status), Fault::Operator(why) if why.to_string().contains("twilio.url")));
        }
        assert!(judge(Some(21610), 400, "").opted_out && !judge(Some(21211), 400, "").opted_out);
    }

    #[test]
    fn reports_are_final_but_for_a_few() {
        assert!(judge_report(Some(30008)).once);
        assert!(matches!(judge_report(Some(30003)).fault, Fault::Temporary(_)));
        assert!(matches!(judge_report(Some(30002)).fault, Fault::Operator(_)));
        for code in [None, Some(30004), Some(30005), Some(30006), Some(30007), Some(1)] {
            assert!(judge_report(code).fault.is_permanent(), "{code:?}");
        }
        let mut codes = CODES.map(|row| row.0);
        codes.sort_unstable();
        assert!(codes.windows(2).all(|pair| pair[0] < pair[1]), "a code has one row");
    }
}
