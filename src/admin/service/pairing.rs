//! Pairing with other boxes: a gateway gives out a code, a station enters it, either forgets the other.

use super::{Action, Service};
use crate::address::LinkAddress;
use crate::clock::Time;
use crate::engine::link::equipment;
use crate::engine::link::whole::request;
use crate::fault::Fault;
use crate::link::callers::{Call, Callers};
use crate::link::ip::introduce::introduce;
use crate::link::ip::pairing::{Introduction, LIFE, OpenCode, PairingCode};
use crate::message::reason::CallFailure;
use crate::settings::Key;
use crate::store::{PairedBox, View};

/// A code that stations can be given now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GivenCode {
    /// The code to be typed in at the station.
    pub code: PairingCode,
    /// When it is of no use any more.
    pub until: Time,
}

impl Service {
    /// Makes a code that one station can enter within ten minutes; an older one is void then. That station is the far box that
    /// `far_box` means by its name or an address, if any: the line is one more way to it.
    ///
    /// # Errors
    /// Permanent for who may not, and when there is no such far box; otherwise when the store fails.
    pub fn new_pairing_code(&self, far_box: Option<&str>) -> Result<GivenCode, Fault> {
        self.may(Action::PairCode)?;
        let far_box = far_box.map(|text| self.far_box(text)).transpose()?.map(|far_box| far_box.id);
        let now = self.store.clock().now();
        let key = equipment::own_key(&self.store)?;
        let code = OpenCode::new(now, far_box)?;
        let (token, bytes) = (code.token, serde_json::to_vec(&code).map_err(Fault::temporary)?);
        self.act(Action::PairCode, "", "a pairing code was made", move |tx| tx.put_note(OpenCode::NOTE, Some(&bytes)))?;
        Ok(GivenCode { code: PairingCode::new(key.id(), token), until: now + LIFE })
    }

    /// The code that is good now, if there is one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn pairing_code(&self) -> Result<Option<GivenCode>, Fault> {
        self.may(Action::PairCode)?;
        let note = self.store.read(|view| view.note(OpenCode::NOTE))?;
        let code: Option<OpenCode> = note.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let Some(open) = code.filter(|code| code.is_open(self.store.clock().now())) else { return Ok(None) };
        let key = equipment::own_key(&self.store)?;
        Ok(Some(GivenCode { code: PairingCode::new(key.id(), open.token), until: open.made + LIFE }))
    }

    /// Pairs this box, as the station, with the gateway at `host:port` that gave out the code, and has it use that line.
    /// Takes up to a minute.
    ///
    /// # Errors
    /// Permanent with the reason when address or code are none, or the gateway says no; temporary when it is not reached.
    pub fn pair_with(&self, callers: &Callers, address: &str, code: &str) -> Result<PairedBox, Fault> {
        self.may(Action::Pair)?;
        let code: PairingCode = code.parse().map_err(Fault::permanent)?;
        let address = with_port(address.trim())?;
        let (settings, key) = (self.store.settings(), equipment::own_key(&self.store)?);
        if code.names(key.id()) {
            // Paired with itself it would hear what it says.
            return Err(Fault::permanent("this box gave the code out itself: enter it on the other box"));
        }
        let text = |key| settings.text(key).to_owned();
        let people = self.store.people();
        let person = people.default_person(settings.text(Key::DefaultPerson)).map(|first| first.name.clone());
        let own = Introduction {
            token: 0,
            name: text(Key::BoxName),
            domain: text(Key::Domain),
            person: person.unwrap_or_default(),
        };
        let (far, answer) =
            introduce(&key, &address, code, own).map_err(|error| Fault::permanent(CallFailure::from(&error)))?;
        let paired = PairedBox {
            address: LinkAddress::Ip(far),
            name: if answer.name.is_empty() { address.clone() } else { answer.name },
            domain: answer.domain,
            dialled: true,
            since: self.store.clock().now(),
        };
        self.paired_with(&address, &paired)?;
        callers.call(Call::Paired);
        Ok(paired)
    }

    /// Writes down that this box is paired with a gateway, and has it use that line.
    ///
    /// # Errors
    /// Permanent for who may not; otherwise when the store fails.
    pub fn paired_with(&self, address: &str, paired: &PairedBox) -> Result<(), Fault> {
        let key = paired.address.to_string().trim_start_matches("ip:").to_owned();
        let (address, now) = (address.to_owned(), self.store.clock().now());
        let words = format!("this box is paired with {} at {address}", paired.name);
        let kept = paired.clone();
        let same = self.store.read(|view| view.paired(paired.address))?.is_some_and(|known| known.dialled);
        let there = if same { Vec::new() } else { request::all_there(&self.store)? };
        self.act(Action::Pair, &paired.address.to_string(), words, move |tx| {
            if !same {
                request::another_world(tx, &there)?;
            }
            tx.pair(&kept, "")?;
            let mut link = tx.line(now)?;
            for (setting, value) in [(Key::IpAddress, &address), (Key::IpKey, &key)] {
                link.values.insert(crate::settings::row(setting).name.to_owned(), value.clone());
            }
            tx.put_link(&link)
        })
    }

    /// The boxes that this one is paired with.
    ///
    /// # Errors
    /// When the store fails.
    pub fn paired(&self) -> Result<Vec<PairedBox>, Fault> {
        self.store.read(View::all_paired)
    }

    /// Forgets a box, named by its key, the first characters of it, or its name; its connection is closed.
    ///
    /// # Errors
    /// Permanent when it means none or several.
    pub fn unpair(&self, callers: &Callers, which: &str) -> Result<PairedBox, Fault> {
        self.may(Action::Unpair)?;
        let digits: String = which.chars().filter(|c| !c.is_whitespace()).collect();
        let key = |paired: &PairedBox| paired.address.to_string().trim_start_matches("ip:").to_owned();
        let means = |paired: &PairedBox| {
            paired.name == which || (digits.len() >= 4 && key(paired).starts_with(&digits.to_lowercase()))
        };
        let found: Vec<_> = self.paired()?.into_iter().filter(means).collect();
        let [paired] = &found[..] else {
            return Err(Fault::permanent(match found.len() {
                0 => format!("no paired box is called '{}': 'satpost pair list' shows them", which.escape_debug()),
                _ => "several boxes are called so: use the first digits of the key".to_owned(),
            }));
        };
        let address = paired.address;
        let words = format!("{} is not paired any more", paired.name);
        self.act(Action::Unpair, &address.to_string(), words, move |tx| tx.unpair(address).map(drop))?;
        if let LinkAddress::Ip(key) = address {
            callers.call(Call::Forgotten(key));
        }
        Ok(paired.clone())
    }
}

/// `host:port`; without a port the usual one.
fn with_port(address: &str) -> Result<String, Fault> {
    let wrong = || Fault::permanent("the address of the gateway is a name or number, and a port: box.example.net:443");
    let (host, port) = match address.rsplit_once(':') {
        // An IPv6 address has brackets where a port follows.
        Some((host, port)) if !host.contains(':') || host.starts_with('[') => (host, port),
        _ if address.contains(':') => return Err(wrong()),
        _ => (address, "443"),
    };
    let good = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._:[]".contains(c));
    match good && port.parse::<u16>().is_ok_and(|port| port > 0) {
        true => Ok(format!("{host}:{port}")),
        false => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Place;
    use super::*;

    #[test]
    fn an_address_has_a_port() {
        for (typed, read) in [
            ("box.example.net", "box.example.net:443"),
            ("box.example.net:8443", "box.example.net:8443"),
            ("192.0.2.1:1", "192.0.2.1:1"),
            ("[2001:db8::1]:443", "[2001:db8::1]:443"),
        ] {
            assert_eq!(with_port(typed).unwrap(), read);
        }
        for wrong in ["", ":443", "2001:db8::1", "box:0", "box:99999", "a b:443", "box:x", "http://box"] {
            assert!(with_port(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_code_is_shown_until_it_is_replaced() {
        let place = Place::new();
        let service = place.service();
        assert_eq!(service.pairing_code().unwrap(), None);
        let first = service.new_pairing_code(None).unwrap();
        assert_eq!(service.pairing_code().unwrap(), Some(first));
        let second = service.new_pairing_code(None).unwrap();
        assert_eq!(first.code.key, second.code.key);
        assert_eq!(service.pairing_code().unwrap(), Some(second));
    }

    #[test]
    fn a_box_is_forgotten_by_name_or_key() {
        let place = Place::new();
        let service = place.service();
        for digit in ["a", "b"] {
            let address = format!("ip:{}", digit.repeat(64)).parse().unwrap();
            let (name, domain) = (format!("boat {digit}"), String::new());
            let paired = PairedBox { address, name, domain, dialled: false, since: Time(1) };
            place.store.write(move |tx| tx.pair(&paired, "")).unwrap();
        }
        let callers = Callers::default();
        assert!(service.unpair(&callers, "boat c").is_err() && service.unpair(&callers, "aaa").is_err());
        assert_eq!(service.unpair(&callers, "aaaa aaaa").unwrap().name, "boat a");
        assert_eq!(service.unpair(&callers, "boat b").unwrap().name, "boat b");
        assert_eq!(service.paired().unwrap(), []);
    }
}
