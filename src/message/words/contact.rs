//! The owner's words for what was plugged in.

use std::fmt::{Display, Formatter, Result};

use crate::message::reason::{Contact, DeviceReason};

/// What was found at a port.
pub struct At<'a>(pub &'a str, pub &'a Contact);

impl Display for At<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self(port, contact) = self;
        match contact {
            Contact::Asking => write!(f, "{port} is asked what it is"),
            Contact::Modem { model, .. } => write!(f, "{port} is a modem: {model}"),
            Contact::Other { looks_like } => write!(f, "{port} is no satellite modem: it looks like {looks_like}"),
            Contact::Silent => write!(
                f,
                "{port} answers nothing that a modem would say: check power and cable, then plug it in again. On bare wires swap \
                 the two data lines"
            ),
            Contact::Unopened { obstacle } => {
                DeviceReason::Unopened { port: (*port).to_owned(), obstacle: obstacle.clone() }.fmt(f)
            }
        }
    }
}
