//! Faults on demand in the simulated services: planned for the next calls of an endpoint, then used up. What a fault
//! does to the answer of any HTTP service is here; each service adds the faults of its own.

use std::collections::VecDeque;

use super::http::{Answer, Wire, reason};

/// Faults that every service has, by name.
pub const COMMON: &[(&str, Fault)] = &[
    ("400", Fault::Status(400)),
    ("401", Fault::Status(401)),
    ("403", Fault::Status(403)),
    ("429", Fault::Status(429)),
    ("500", Fault::Status(500)),
    ("502", Fault::Status(502)),
    ("503", Fault::Status(503)),
    ("504", Fault::Status(504)),
    ("timeout", Fault::Timeout),
    ("trickle", Fault::Trickle),
    ("truncated", Fault::Truncated),
    ("reset-before", Fault::ResetBefore),
    ("reset-after", Fault::ResetAfter),
];
/// Most calls that can be planned at once.
const MAX_PLANNED: usize = 10_000;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// This HTTP status; nothing is done. 502 to 504 come from a gateway in front, in its own words.
    Status(u16),
    /// Done, and no answer.
    Timeout,
    /// Done, and answered a byte at a time.
    Trickle,
    /// Done, and half an answer.
    Truncated,
    /// Not done, and the connection ends.
    ResetBefore,
    /// Done, and the connection ends.
    ResetAfter,
    /// Only this service has it; it is named by the row of its table.
    Own(&'static str),
}

/// The endpoints and the faults of one service.
pub struct Menu {
    /// Names of the endpoints.
    pub endpoints: &'static [&'static str],
    /// Names of the faults that it has beside [`COMMON`].
    pub own: &'static [&'static str],
}

impl Menu {
    /// The endpoint of this name.
    ///
    /// # Errors
    /// When there is none.
    fn endpoint(&self, name: &str) -> Result<&'static str, String> {
        self.endpoints.iter().copied().find(|known| *known == name).ok_or_else(|| "no such endpoint".to_owned())
    }

    /// The fault of this name.
    ///
    /// # Errors
    /// When there is none.
    fn fault(&self, name: &str) -> Result<Fault, String> {
        let common = COMMON.iter().find(|(known, _)| *known == name).map(|(_, fault)| *fault);
        let own = || self.own.iter().find(|known| **known == name).map(|known| Fault::Own(known));
        common.or_else(own).ok_or_else(|| "no such kind of fault".to_owned())
    }

    /// All names, for the help.
    #[cfg(test)]
    pub fn names(&self) -> Vec<&'static str> {
        let common = COMMON.iter().map(|(name, _)| *name);
        self.endpoints.iter().chain(self.own).copied().chain(common).collect()
    }
}

/// What is planned to go wrong.
pub struct Faults {
    menu: &'static Menu,
    planned: VecDeque<(&'static str, Fault)>,
}

impl Faults {
    /// Of a service in which all goes well.
    pub fn new(menu: &'static Menu) -> Self {
        Self { menu, planned: VecDeque::new() }
    }

    /// Carries out `fail ENDPOINT KIND [N]`, given without its first word: the next N calls of the endpoint (1) go wrong,
    /// after those already planned.
    ///
    /// # Errors
    /// In words, for a name that is none or a count that is no number.
    pub fn plan(&mut self, words: &[&str]) -> Result<(), String> {
        let [endpoint, kind, rest @ ..] = words else { return Err("write fail ENDPOINT KIND [N]".to_owned()) };
        let (endpoint, fault) = (self.menu.endpoint(endpoint)?, self.menu.fault(kind)?);
        let count = rest.first().map_or(Ok(1), |count| count.parse().map_err(|_| "N is a number".to_owned()))?;
        self.planned.extend(std::iter::repeat_n((endpoint, fault), count.min(MAX_PLANNED)));
        Ok(())
    }

    /// Nothing goes wrong any more.
    pub fn clear(&mut self) {
        self.planned.clear();
    }

    /// What goes wrong with this call of the endpoint.
    pub fn next(&mut self, endpoint: &str) -> Option<Fault> {
        let at = self.planned.iter().position(|(planned, _)| *planned == endpoint)?;
        self.planned.remove(at).map(|(_, fault)| fault)
    }
}

impl Fault {
    /// Its name on the control socket.
    pub fn name(self) -> &'static str {
        match self {
            Self::Own(name) => name,
            fault => COMMON.iter().find(|(_, known)| *known == fault).map_or("", |(name, _)| *name),
        }
    }

    /// The answer of a call that is not done because of this fault, `refuse` being the service's own words for a status;
    /// `None` when it is done all the same.
    pub fn instead(self, refuse: impl Fn(u16) -> Answer) -> Option<Answer> {
        match self {
            Self::Status(status @ 502..=504) => {
                let page = format!("<html><body><h1>{status} {}</h1></body></html>", reason(status));
                Some(Answer::new(status, "text/html", page.into_bytes()))
            }
            Self::Status(status) => Some(refuse(status)),
            Self::ResetBefore => Some(Answer { wire: Wire::Drop, ..Answer::new(200, "text/plain", Vec::new()) }),
            _ => None,
        }
    }

    /// How the answer of a call travels that was done.
    pub fn spoil(self, mut answer: Answer) -> Answer {
        answer.wire = match self {
            Self::Timeout => Wire::Hang,
            Self::Trickle => Wire::Trickle,
            Self::ResetAfter => Wire::Drop,
            Self::Truncated => Wire::Cut,
            _ => answer.wire,
        };
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static MENU: Menu = Menu { endpoints: &["send", "list"], own: &["late"] };

    #[test]
    fn planned_faults_come_in_their_order_and_end() {
        let mut faults = Faults::new(&MENU);
        faults.plan(&["send", "503", "2"]).unwrap();
        faults.plan(&["send", "late"]).unwrap();
        faults.plan(&["list", "reset-after"]).unwrap();
        assert_eq!(faults.next("list"), Some(Fault::ResetAfter));
        let seen: Vec<_> = std::iter::from_fn(|| faults.next("send")).map(Fault::name).collect();
        assert_eq!(seen, ["503", "503", "late"]);
        faults.plan(&["send", "401", "99"]).unwrap();
        faults.clear();
        assert_eq!(faults.next("send"), None);
        for wrong in [&["send"][..], &["fetch", "401"], &["send", "early"], &["send", "401", "x"]] {
            assert!(faults.plan(wrong).is_err(), "{wrong:?}");
        }
    }
}
