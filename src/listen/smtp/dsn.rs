//! The parameters of MAIL and RCPT about reports (RFC 3461): RET, ENVID, NOTIFY, ORCPT.

use std::borrow::Cow;

use smtp_proto::{
    MAIL_RET_FULL, MailFrom, RCPT_NOTIFY_DELAY, RCPT_NOTIFY_FAILURE, RCPT_NOTIFY_NEVER, RCPT_NOTIFY_SUCCESS, RcptTo,
};

use crate::message::{Notify, Reporting};

/// The wishes that stand in MAIL; `None` when the name of the mail is no printable ASCII.
pub(super) fn of_mail(from: &MailFrom<Cow<'_, str>>) -> Option<Reporting> {
    let envelope_id = from.env_id.as_ref().map(ToString::to_string);
    let full = from.flags & MAIL_RET_FULL != 0;
    envelope_id.iter().all(|name| is_plain(name)).then(|| Reporting { full, envelope_id, ..Reporting::default() })
}

/// The same with those of RCPT.
///
/// # Errors
/// Which parameter cannot be read.
pub(super) fn of_rcpt(to: &RcptTo<Cow<'_, str>>, of_mail: &Reporting) -> Result<Reporting, &'static str> {
    let has = |flag| to.flags & flag != 0;
    let (success, failure, delay) = (has(RCPT_NOTIFY_SUCCESS), has(RCPT_NOTIFY_FAILURE), has(RCPT_NOTIFY_DELAY));
    let some = success || failure || delay;
    if has(RCPT_NOTIFY_NEVER) && some {
        return Err("NOTIFY");
    }
    let notify = (some || has(RCPT_NOTIFY_NEVER)).then_some(Notify { success, failure, delay });
    let original_recipient = to.orcpt.as_ref().map(ToString::to_string);
    match original_recipient.iter().all(|address| is_plain(address)) {
        true => Ok(Reporting { notify, original_recipient, ..of_mail.clone() }),
        false => Err("ORCPT"),
    }
}

/// The parser knows addresses of the type rfc822 only; those of RFC 6533 are written in ASCII too and read the same.
pub(super) fn one_type(line: &str) -> Cow<'_, str> {
    match line.to_ascii_lowercase().find(" orcpt=utf-8;") {
        Some(at) if line.get(..5).is_some_and(|verb| verb.eq_ignore_ascii_case("RCPT ")) => {
            let (before, after) = (&line[..at], &line[at + " orcpt=utf-8;".len()..]);
            Cow::Owned(format!("{before} ORCPT=rfc822;{after}"))
        }
        _ => Cow::Borrowed(line),
    }
}

/// It goes into a report, and into commands to the relay: no line ends there.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}
