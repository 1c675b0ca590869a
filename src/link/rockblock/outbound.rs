//! Messages for terminals: one POST each, answered by one line.

use std::time::Duration;

use super::Rockblock;
use crate::fault::Fault;
use crate::hex;
use crate::http_client::{CallError, quote};
use crate::link::ground::{ERROR_AGAIN, Handed, LOGIN_AGAIN, UNSENT_AGAIN};
use crate::message::Reason;

/// An account without credit is tried again after this.
const CREDIT_AGAIN: Duration = Duration::from_secs(6 * 3600);
/// So many errors in a row are taken for a refusal; whether it queues what it calls an error is not said.
const MOST_ERRORS: u32 = 3;

/// What the service says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MtAnswer {
    /// It is queued, under this number.
    Queued(u64),
    /// It is not, for this code.
    Failed(u32, String),
    /// Neither can be read.
    Unreadable(String),
}

/// Reads an answer: `OK,4114651`, or `FAILED,13,Insufficient credit`; the text may hold commas.
pub fn answer(body: &[u8]) -> MtAnswer {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    let mut parts = text.splitn(3, ',').map(str::trim);
    let read = match (parts.next(), parts.next()) {
        (Some("OK"), Some(id)) => id.parse().ok().map(MtAnswer::Queued),
        (Some("FAILED"), Some(code)) => {
            code.parse().ok().map(|code| MtAnswer::Failed(code, quote(parts.next().unwrap_or_default())))
        }
        _ => None,
    };
    read.unwrap_or_else(|| MtAnswer::Unreadable(quote(text)))
}

impl Rockblock {
    /// See [`crate::link::ground::Service::queue`].
    pub(super) fn hand_over(&mut self, imei: &str, payload: &[u8]) -> Handed {
        let data = hex::encode(payload);
        let form = [("imei", imei), ("username", &self.user), ("password", &self.password), ("data", data.as_str())];
        let said = match self.http.post_form("a message to send", "", &[], &form) {
            Ok(said) => said,
            Err(CallError::Unsent(fault)) => return Handed::Stopped(fault, UNSENT_AGAIN),
            Err(CallError::Lost(why)) => return Handed::Unknown(Reason::said(why)),
        };
        if said.status == 429 {
            let fault = Fault::temporary("RockBLOCK asks for patience (429 Too Many Requests)");
            return Handed::Stopped(fault, said.after.unwrap_or(ERROR_AGAIN));
        }
        let words = || format!("{} {}", said.status, quote(&String::from_utf8_lossy(&said.body)));
        let read = match (said.status, answer(&said.body)) {
            (200..=299, read) | (_, read @ MtAnswer::Failed(..)) => read,
            // A server in front of it refuses for it.
            (503, _) => {
                let fault = Fault::temporary(format!("RockBLOCK is not there now ({})", words()));
                return Handed::Stopped(fault, said.after.unwrap_or(ERROR_AGAIN));
            }
            (300..=407 | 409..=499, _) => {
                let fault = Fault::operator(format!("that is not RockBLOCK ({}): check rockblock.url", words()));
                return Handed::Stopped(fault, ERROR_AGAIN);
            }
            _ => MtAnswer::Unreadable(words()),
        };
        match read {
            MtAnswer::Queued(number) => {
                self.errors = 0;
                Handed::Queued(number)
            }
            MtAnswer::Failed(code, words) => self.refused_with(code, &words, imei),
            MtAnswer::Unreadable(words) => Handed::Unknown(Reason::said(format_args!(
                "the answer of RockBLOCK cannot be read, and it may have taken the message: {words}"
            ))),
        }
    }

    fn refused_with(&mut self, code: u32, words: &str, imei: &str) -> Handed {
        let said = format!("(RockBLOCK: {code} {words})");
        match code {
            10 => Handed::Stopped(
                Fault::operator(format!(
                    "RockBLOCK refuses the log-in: check rockblock.user and rockblock.password {said}"
                )),
                LOGIN_AGAIN,
            ),
            13 => Handed::Stopped(
                Fault::operator(format!("the credit at RockBLOCK is used up: buy some there {said}")),
                CREDIT_AGAIN,
            ),
            11 => Handed::Refused(Fault::operator(format!(
                "terminal {imei} is none of this account at RockBLOCK: add it there, or check its number here {said}"
            ))),
            12 => Handed::Refused(Fault::operator(format!(
                "terminal {imei} has no line rental at RockBLOCK: pay it there {said}"
            ))),
            14..=16 => Handed::Refused(Fault::permanent(format!(
                "RockBLOCK never takes this message, please report it {said}"
            ))),
            // Whether it was queued all the same is not said: after some tries it is not known.
            _ => {
                self.errors += 1;
                if self.errors >= MOST_ERRORS {
                    self.errors = 0;
                    return Handed::Unknown(Reason::said(format_args!(
                        "RockBLOCK has errors, and may have taken the message {said}"
                    )));
                }
                Handed::Stopped(Fault::temporary(format!("RockBLOCK has an error {said}")), ERROR_AGAIN)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        assert_eq!(answer(b"OK,4114651\n"), MtAnswer::Queued(4_114_651));
        let failed = MtAnswer::Failed(13, "Insufficient credit, sorry".to_owned());
        assert_eq!(answer(b"FAILED,13,Insufficient credit, sorry"), failed);
        assert_eq!(answer(b"FAILED,99"), MtAnswer::Failed(99, String::new()));
        for odd in [&b"<html>"[..], b"", b"OK", b"OK,x", b"FAILED,x,y", b"\xff"] {
            assert!(matches!(answer(odd), MtAnswer::Unreadable(_)), "{odd:?}");
        }
    }
}
