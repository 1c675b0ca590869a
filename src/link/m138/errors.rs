//! The modem's error words, old and new, and what each means for a hand-over: again, never, or ask the operator.

use crate::fault::Fault;
use crate::message::reason::{DeviceReason, Rejection};

/// True for the word that says that no message has this id (`DBX_INVMSGID`, `DBXINVMSGID`).
pub fn unknown_id(word: &str) -> bool {
    matches!(bare(word), "INVMSGID" | "NOMORE")
}

/// True for the word that a message outlived its hold time (firmware 1.x says so, later ones drop it silently).
pub fn expired(word: &str) -> bool {
    matches!(bare(word), "HOLDTIMEEXPIRED" | "EXPIRED")
}

/// True for the words that say that GPS time is missing.
pub fn no_time(word: &str) -> bool {
    matches!(bare(word), "TIMENOTSET" | "NOTIME")
}

/// True when the queue has no room.
pub fn full(word: &str) -> bool {
    matches!(bare(word), "OUTGOINGFULL" | "TOHIVEFULL" | "QUEUEFULL" | "NOSPACE")
}

/// What a refused `$TD` means.
///
/// Permanent only where the packet itself is at fault; a damaged serial line can produce all the others.
pub fn transmit_fault(word: &str) -> Fault {
    let said = |means| DeviceReason::RefusedPacket { means, word: word.to_owned() }.into();
    match bare(word) {
        "DATATOOLONG" | "TOOLONG" => Fault::Permanent(said(Rejection::TooLong)),
        "BADPARAMLENGTH" | "BADDATA" => Fault::Permanent(said(Rejection::Data)),
        "APPIDNOTANINT" | "APPIDTOOLARGE" | "BADAPPID" | "NOAPPID" | "NOTCID" => {
            Fault::Operator(said(Rejection::AppId))
        }
        "NODEVICEID" => Fault::Operator(said(Rejection::NoDeviceId)),
        "NOTIMPLEMENTED" => Fault::Operator(said(Rejection::UnknownCommand)),
        _ if no_time(word) => Fault::Temporary(said(Rejection::NoTime)),
        _ if full(word) => Fault::Temporary(said(Rejection::QueueFull)),
        _ if expired(word) => Fault::Temporary(said(Rejection::HoldTimeOver)),
        "HOLDDURTOOSHORT" | "HOLDDURTOOLONG" | "HOLDDURNOTANINT" | "EXPIRATIONNOTANINT" | "BADEXPIRETIME"
        | "BADHOLDTIME" => Fault::Temporary(said(Rejection::HoldTime)),
        "BUSY" => Fault::Temporary(said(Rejection::Busy)),
        "NMEACHECKSUMFAIL" | "INVALIDCHAR" | "PARAMMISSING" | "PARAMDUPLICATE" | "BADPARAM" | "BADPARAMVALUE" | "" => {
            Fault::Temporary(said(Rejection::Unreadable))
        }
        _ => Fault::Temporary(said(Rejection::Undocumented)),
    }
}

/// The word without the prefixes that came and went with the firmware: `CMD_TD_`, `TD_`, `GPS_`, `DBX_`, `DBX`.
fn bare(word: &str) -> &str {
    let mut rest = word.trim();
    for prefix in ["CMD_", "TD_", "GPS_", "DBX_", "DBX"] {
        rest = rest.strip_prefix(prefix).unwrap_or(rest);
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_word_has_its_meaning() {
        for word in ["CMD_TD_DATATOOLONG", "TOOLONG", "CMD_BADPARAMLENGTH", "BADDATA"] {
            assert!(matches!(transmit_fault(word), Fault::Permanent(_)), "{word}");
        }
        for word in ["TD_APPIDNOTANINT", "TD_APPIDTOOLARGE", "BADAPPID", "NOAPPID", "NOTCID", "NODEVICEID"] {
            assert!(matches!(transmit_fault(word), Fault::Operator(_)), "{word}");
        }
        assert!(matches!(transmit_fault("CMD_NOTIMPLEMENTED"), Fault::Operator(_)));
        let again = "CMD_NMEACHECKSUMFAIL CMD_BADPARAM BADPARAM CMD_BADPARAMVALUE CMD_INVALIDCHAR CMD_PARAMMISSING \
            NOCOMMAND CMD_PARAMDUPLICATE CMD_TD_HOLDDURNOTANINT BADEXPIRETIME BADHOLDTIME CMD_TD_HOLDDURTOOSHORT \
            CMD_TD_HOLDDURTOOLONG CMD_TD_EXPIRATIONNOTANINT HOLDTIMEEXPIRED EXPIRED DBX_OUTGOINGFULL DBXTOHIVEFULL \
            QUEUEFULL NOSPACE GPS_TIMENOTSET TIMENOTSET NOTIME BUSY SOMETHING_NEW";
        for word in again.split_whitespace().chain([""]) {
            let fault = transmit_fault(word);
            assert!(matches!(fault, Fault::Temporary(_)), "{word}");
            assert!(fault.why().contains(word));
        }
    }

    #[test]
    fn prefixes_do_not_matter() {
        for word in ["DBX_INVMSGID", "DBXINVMSGID", "DBX_NOMORE", "DBXNOMORE"] {
            assert!(unknown_id(word), "{word}");
        }
        assert!(full("DBXTOHIVEFULL") && full("DBX_OUTGOINGFULL"));
        assert!(no_time("GPS_TIMENOTSET") && expired("HOLDTIMEEXPIRED"));
        assert!(!unknown_id("CMD_BADPARAM"));
    }
}
