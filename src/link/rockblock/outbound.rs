//! Messages for terminals: one POST each, answered by one line.

use std::time::{Duration, Instant};

use super::{MAX_PAYLOAD, Rockblock};
use crate::address::LinkAddress;
use crate::fault::Fault;
use crate::hex;
use crate::http_client::{CallError, quote};
use crate::link::{LinkPacket, SubmitResult};
use crate::message::reason::TrackingReason;
use crate::message::{Intent, Reason, Reference};

/// Between two calls.
const APART: Duration = Duration::from_secs(1);
/// A log-in that is refused is not tried before this time: the service may lock the account.
const LOGIN_AGAIN: Duration = Duration::from_secs(3600);
/// An account without credit is tried again after this.
const CREDIT_AGAIN: Duration = Duration::from_secs(6 * 3600);
/// After an error of the service it is left alone for this time.
const ERROR_AGAIN: Duration = Duration::from_secs(300);
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
    /// See [`crate::link::Link::prepare`].
    pub(super) fn prepare_message(&mut self, packet: &LinkPacket) -> Result<Intent, Fault> {
        let bytes = packet.payload.len();
        if bytes == 0 || bytes > MAX_PAYLOAD {
            return Err(Fault::refused(TrackingReason::Length { bytes, most: MAX_PAYLOAD }));
        }
        terminal(packet)?;
        if self.user.is_empty() {
            return Err(Fault::operator("no RockBLOCK user is set: set rockblock.user and rockblock.password"));
        }
        match self.blocked() {
            Some(fault) => Err(fault.clone()),
            None => Ok(Intent { at: self.clock.now(), memo: String::new() }),
        }
    }

    /// See [`crate::link::Link::send`].
    pub(super) fn hand_over(&mut self, packet: &LinkPacket) -> SubmitResult {
        let imei = match terminal(packet) {
            Ok(imei) => imei,
            Err(fault) => return SubmitResult::RefusedPacket(fault),
        };
        if let Some(rest) = self.called.and_then(|at| APART.checked_sub(at.elapsed())) {
            crate::clock::sleep(rest);
        }
        self.called = Some(Instant::now());
        let data = hex::encode(&packet.payload);
        let form =
            [("imei", imei.as_str()), ("username", &self.user), ("password", &self.password), ("data", data.as_str())];
        let said = match self.http.post_form("a message to send", "", &[], &form) {
            Ok(said) => said,
            Err(CallError::Unsent(fault)) => {
                self.block(fault.clone(), Duration::from_secs(30));
                return SubmitResult::Refused(fault);
            }
            Err(CallError::Lost(why)) => return SubmitResult::Unknown(Reason::said(why)),
        };
        if said.status == 429 {
            let fault = Fault::temporary("RockBLOCK asks for patience (429 Too Many Requests)");
            self.block(fault.clone(), said.after.unwrap_or(ERROR_AGAIN));
            return SubmitResult::Refused(fault);
        }
        let read = match said.status {
            200 => answer(&said.body),
            status => MtAnswer::Unreadable(format!("{status} {}", quote(&String::from_utf8_lossy(&said.body)))),
        };
        match read {
            MtAnswer::Queued(number) => {
                (self.errors, self.answered) = (0, true);
                SubmitResult::Taken(Reference { holder: "rockblock".to_owned(), number })
            }
            MtAnswer::Failed(code, words) => self.refused_with(code, &words, &imei),
            MtAnswer::Unreadable(words) => SubmitResult::Unknown(Reason::said(format_args!(
                "the answer of RockBLOCK cannot be read, and it may have taken the message: {words}"
            ))),
        }
    }

    fn refused_with(&mut self, code: u32, words: &str, imei: &str) -> SubmitResult {
        let said = format!("(RockBLOCK: {code} {words})");
        let stop = |link: &mut Self, why: String, again| {
            let fault = Fault::operator(why);
            link.block(fault.clone(), again);
            SubmitResult::Refused(fault)
        };
        match code {
            10 => stop(
                self,
                format!("RockBLOCK refuses the log-in: check rockblock.user and rockblock.password {said}"),
                LOGIN_AGAIN,
            ),
            13 => stop(self, format!("the credit at RockBLOCK is used up: buy some there {said}"), CREDIT_AGAIN),
            11 => SubmitResult::RefusedPacket(Fault::operator(format!(
                "terminal {imei} is none of this account at RockBLOCK: add it there, or check its number here {said}"
            ))),
            12 => SubmitResult::RefusedPacket(Fault::operator(format!(
                "terminal {imei} has no line rental at RockBLOCK: pay it there {said}"
            ))),
            14..=16 => SubmitResult::RefusedPacket(Fault::permanent(format!(
                "RockBLOCK never takes this message, please report it {said}"
            ))),
            // Whether it was queued all the same is not said: after some tries it is not known.
            _ => {
                self.errors += 1;
                if self.errors >= MOST_ERRORS {
                    self.errors = 0;
                    return SubmitResult::Unknown(Reason::said(format_args!(
                        "RockBLOCK has errors, and may have taken the message {said}"
                    )));
                }
                let fault = Fault::temporary(format!("RockBLOCK has an error {said}"));
                self.block(fault.clone(), ERROR_AGAIN);
                SubmitResult::Refused(fault)
            }
        }
    }

    fn block(&mut self, fault: Fault, again: Duration) {
        log::warn!("rockblock: {fault}");
        self.blocked = Some((fault, Instant::now() + again));
    }
}

/// The terminal that a packet is for.
fn terminal(packet: &LinkPacket) -> Result<String, Fault> {
    match packet.device {
        Some(LinkAddress::Imei(imei)) => Ok(imei.to_string()),
        _ => Err(Fault::Operator(TrackingReason::NoDevice.into())),
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
