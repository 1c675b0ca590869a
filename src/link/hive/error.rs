//! How calls fail, and what that means for a packet and for the operator.

use ureq::http::StatusCode;

use crate::address::DeviceId;
use crate::fault::Fault;
use crate::link::SubmitResult;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HiveError {
    /// The call was not made: no connection, no log-in. Certainly without effect.
    Barred(Fault),
    /// The call was made and its answer did not come, or not to its end.
    Lost(String),
    /// Any status that is no yes, and what the Hive says about it.
    Status(u16, String),
    /// 200 with an answer that cannot be read.
    Nonsense(String),
    /// 200 with an answer that says `ERROR`: without effect.
    Refused(String),
}

impl HiveError {
    /// True when it would hit other calls as well.
    pub fn is_general(&self) -> bool {
        match self {
            Self::Barred(_) | Self::Lost(_) | Self::Nonsense(_) => true,
            Self::Status(status, _) => !matches!(status, 400 | 403 | 404 | 409 | 413 | 422),
            Self::Refused(_) => false,
        }
    }

    /// True when the Hive may have done all the same what it was asked for.
    pub fn may_have_acted(&self) -> bool {
        match self {
            Self::Lost(_) | Self::Nonsense(_) => true,
            Self::Status(status, _) => matches!(status, 408 | 500..),
            Self::Barred(_) | Self::Refused(_) => false,
        }
    }

    /// What it means for the queue and the operator.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Barred(fault) => fault.clone(),
            Self::Lost(why) | Self::Nonsense(why) => Fault::temporary(why),
            Self::Refused(text) => Fault::temporary(format_args!("the Hive refuses: {text}")),
            Self::Status(403, text) => {
                Fault::operator(format_args!("the Hive forbids this{text}: check what hive.user may do there"))
            }
            Self::Status(404 | 405 | 300..400, text) => {
                Fault::operator(format_args!("the Hive is not at this address{text}: check hive.url"))
            }
            Self::Status(429, _) => Fault::temporary("the Hive asks for patience (429 Too Many Requests)"),
            Self::Status(status, text) => {
                let name = StatusCode::from_u16(*status).ok().and_then(|code| code.canonical_reason());
                Fault::temporary(format_args!("the Hive answers {status} {}{text}", name.unwrap_or_default()))
            }
        }
    }
}

/// What a hand-over that certainly had no effect means. Never that the packet is to be given up: it has passed our own
/// checks, so what the Hive does not like about it is a setting here, a device there, or passes.
pub fn refusal(trouble: &HiveError, device: DeviceId) -> SubmitResult {
    SubmitResult::RefusedPacket(match trouble {
        HiveError::Status(403, text) => Fault::operator(format_args!(
            "device {device} is not two-way enabled or not of this account{text}: \
             check it in the Hive, and m138.app_id and hive.organization here"
        )),
        HiveError::Status(status @ (400 | 413 | 422), text) => Fault::operator(format_args!(
            "the Hive rejects packets for device {device} ({status}{text}): check m138.app_id and hive.organization"
        )),
        HiveError::Status(409, text) => {
            Fault::temporary(format_args!("the Hive does not take the packet for device {device} now{text}"))
        }
        HiveError::Refused(text) => refused(text),
        trouble => return SubmitResult::Refused(trouble.fault()),
    })
}

/// The texts behind `ERROR` are not documented. Those about the account are the operator's; any other may pass.
fn refused(text: &str) -> Fault {
    const ACCOUNT: [&str; 9] =
        ["two-way", "two way", "twoway", "permission", "authoriz", "allowed", "account", "organi", "billing"];
    let lower = text.to_lowercase();
    let why = format!("the Hive refuses the packet: {text}");
    match ACCOUNT.iter().any(|word| lower.contains(word)) {
        true => Fault::operator(format!("{why}: check the device and the account in the Hive")),
        false => Fault::temporary(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_answer_of_the_hive_ends_a_message() {
        let device: DeviceId = "0x001abe".parse().unwrap();
        let texts = ["ERROR", "ERROR invalid payload", "ERROR database is locked", "ERROR account suspended"];
        let refused = texts.map(|text| HiveError::Refused(text.to_owned()));
        let statuses = [400, 403, 404, 405, 409, 413, 418, 422, 429].map(|status| HiveError::Status(status, "".into()));
        for trouble in refused.iter().chain(&statuses) {
            let (SubmitResult::Refused(fault) | SubmitResult::RefusedPacket(fault)) = refusal(trouble, device) else {
                panic!("{trouble:?}")
            };
            assert!(!fault.is_permanent(), "{trouble:?}: {fault}");
        }
        assert!(matches!(refusal(&refused[3], device), SubmitResult::RefusedPacket(Fault::Operator(_))));
        assert!(matches!(refusal(&statuses[8], device), SubmitResult::Refused(Fault::Temporary(_))));
    }
}
