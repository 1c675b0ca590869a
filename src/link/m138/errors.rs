//! The modem's error words, old and new, and what each means for a hand-over: again, never, or ask the operator.

use crate::fault::Fault;

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
    let said = |text: &str| format!("{text} (modem: {})", if word.is_empty() { "ERR" } else { word });
    match bare(word) {
        "DATATOOLONG" | "TOOLONG" => Fault::permanent(said("the modem says that the packet is too long")),
        "BADPARAMLENGTH" | "BADDATA" => Fault::permanent(said("the modem does not take this packet's data")),
        "APPIDNOTANINT" | "APPIDTOOLARGE" | "BADAPPID" | "NOAPPID" | "NOTCID" => {
            Fault::operator(said("the modem does not take our application id: change the setting m138.app_id"))
        }
        "NODEVICEID" => Fault::operator(said("the modem has no device id: it was never provisioned, replace it")),
        "NOTIMPLEMENTED" => Fault::operator(said("the modem does not know $TD: check its model and firmware")),
        _ if no_time(word) => Fault::temporary(said("the modem has no GPS time yet")),
        _ if full(word) => Fault::temporary(said("the modem's queue is full")),
        _ if expired(word) => Fault::temporary(said("the modem found the hold time already over")),
        "HOLDDURTOOSHORT" | "HOLDDURTOOLONG" | "HOLDDURNOTANINT" | "EXPIRATIONNOTANINT" | "BADEXPIRETIME"
        | "BADHOLDTIME" => Fault::temporary(said("the modem does not take the hold time")),
        "BUSY" => Fault::temporary(said("the modem is busy")),
        "NMEACHECKSUMFAIL" | "INVALIDCHAR" | "PARAMMISSING" | "PARAMDUPLICATE" | "BADPARAM" | "BADPARAMVALUE" | "" => {
            Fault::temporary(said("the modem could not read the command: check cable and power if this goes on"))
        }
        _ => Fault::temporary(said("the modem refused for a reason that is not in its manual")),
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
