//! What a client asked to be told of a message, and under which names (RFC 3461).

use serde::{Deserialize, Serialize};

/// What a client asked for about one message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reporting {
    /// When to report (`NOTIFY`); `None` where the client did not say: of failure and of long delay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Notify>,
    /// A report of failure is to hold the whole mail, not only its header (`RET=FULL`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub full: bool,
    /// The client's name for the mail (`ENVID`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope_id: Option<String>,
    /// Whom the client was told to send to at first (`ORCPT`), without the type of the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_recipient: Option<String>,
    /// The mail relay was asked for the same: it reports what becomes of it there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub passed_on: bool,
}

/// The events to report; none of them is `NOTIFY=NEVER`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// It has arrived, or went to where nothing more is known.
    pub success: bool,
    /// Its sender is told when it cannot be delivered (RFC 3461 `FAILURE`).
    pub failure: bool,
    /// Its sender is told when it still waits after a while (RFC 3461 `DELAY`).
    pub delay: bool,
}

impl Reporting {
    /// Gives the events to report: what `NOTIFY` named, and without it failure and delay (RFC 3461 section 4.1).
    pub fn events(&self) -> Notify {
        self.notify.unwrap_or(Notify { success: false, failure: true, delay: true })
    }

    /// What is to be told of a copy that the client knows nothing of: its arrival is no news to them.
    pub fn of_copy(&self) -> Self {
        let notify = self.notify.map(|notify| Notify { success: false, ..notify });
        Self { notify, original_recipient: None, ..self.clone() }
    }

    /// The parameters of `MAIL` and of `RCPT` that ask a relay for the same, each with a blank in front.
    pub fn parameters(&self) -> (String, String) {
        let (mut mail, mut rcpt) = (String::new(), String::new());
        if self.full {
            mail.push_str(" RET=FULL");
        }
        if let Some(name) = &self.envelope_id {
            mail.push_str(&format!(" ENVID={}", xtext(name)));
        }
        if let Some(notify) = self.notify {
            let events = [(notify.success, "SUCCESS"), (notify.failure, "FAILURE"), (notify.delay, "DELAY")];
            let words: Vec<_> = events.iter().filter(|(wanted, _)| *wanted).map(|(_, word)| *word).collect();
            rcpt.push_str(&format!(" NOTIFY={}", if words.is_empty() { "NEVER".to_owned() } else { words.join(",") }));
        }
        if let Some(address) = &self.original_recipient {
            rcpt.push_str(&format!(" ORCPT=rfc822;{}", xtext(address)));
        }
        (mail, rcpt)
    }
}

/// Text as the value of a parameter (RFC 3461 section 4); what is not printable ASCII was refused when it came in.
fn xtext(text: &str) -> String {
    let coded = |byte: u8| match byte {
        b'!'..=b'~' if !b"+=".contains(&byte) => char::from(byte).to_string(),
        byte => percent_encoding::percent_encode_byte(byte).replace('%', "+"),
    };
    text.bytes().map(coded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asked_are_passed_on_as_they_came() {
        let notify = Some(Notify { success: true, failure: true, delay: false });
        let (envelope_id, original_recipient) = (Some("hi there+1".to_owned()), Some("Bob@x.org".to_owned()));
        let asked = Reporting { notify, full: true, envelope_id, original_recipient, passed_on: false };
        let (mail, rcpt) = asked.parameters();
        assert_eq!(mail, " RET=FULL ENVID=hi+20there+2B1");
        assert_eq!(rcpt, " NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Bob@x.org");
        let never = Reporting { notify: Some(Notify::default()), ..Reporting::default() };
        assert_eq!(never.parameters().1, " NOTIFY=NEVER");
        assert_eq!(Reporting::default().parameters(), (String::new(), String::new()));
        assert!(!asked.of_copy().events().success && asked.of_copy().events().failure);
        assert!(Reporting::default().events().delay && !Reporting::default().events().success);
    }
}
