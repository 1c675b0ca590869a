//! The faults that only this service has.

use crate::sim::faults::{Fault, Menu};
use crate::sim::http::Answer;

/// Its endpoints: a message for a terminal, a call of the webhook.
pub(super) static MENU: Menu = Menu {
    endpoints: &["mt", "hook"],
    own: &["10", "11", "12", "13", "14", "15", "16", "99", "html", FORGED, NONE, HS256, DIFFERS, OLD, TWICE, FORM],
};

/// A call is signed by another key.
pub(super) const FORGED: &str = "forged";
/// A call has a token that is not signed.
pub(super) const NONE: &str = "none";
/// A call is signed with the public key for a secret.
pub(super) const HS256: &str = "hs256";
/// A field of a call is not the one that was signed.
pub(super) const DIFFERS: &str = "differs";
/// A call was signed two days ago.
pub(super) const OLD: &str = "old";
/// A call is made twice, with two signatures.
pub(super) const TWICE: &str = "twice";
/// A call is a form, without a signature.
pub(super) const FORM: &str = "form";

/// The answer of a call that is not done because of this fault; `None` when it is done all the same.
pub(super) fn instead(fault: Fault) -> Option<Answer> {
    let text = |text: &str| Some(Answer::new(200, "text/plain", text.as_bytes().to_vec()));
    match fault {
        Fault::Own("html") => text("<html><body>We are working on it.</body></html>"),
        Fault::Own(code) if code.bytes().all(|c| c.is_ascii_digit()) => {
            text(&format!("FAILED,{code},A simulated fault, with a comma"))
        }
        fault => fault.instead(|status| Answer::new(status, "text/plain", b"a simulated fault".to_vec())),
    }
}
