use super::*;
use crate::clock::{Clock, Time};
use crate::settings::Key;

/// A store of its own for each test, with its folder; removed at the end.
pub struct Place {
    pub store: Store,
    folder: std::path::PathBuf,
}

impl Place {
    pub fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("satpost-service-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        let clock = Clock::fake(Time(1_795_000_000_000));
        Self { store: Store::open(&folder, &clock).unwrap(), folder }
    }

    pub fn service(&self) -> Service {
        Service::new(&self.store, Actor::command_line(0))
    }
}

impl Service {
    /// Changes one setting; says what changed, or that it was so already.
    pub fn set(&self, name: &str, value: &str) -> Result<String, Fault> {
        let changed = self.set_all(&[(name.to_owned(), value.to_owned())])?;
        Ok(changed.into_iter().next().unwrap_or_else(|| format!("{name} was so already")))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.store.close();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn owner() -> PersonEdit {
    PersonEdit { name: "anna".into(), role: Role::Owner, password: "a boat in the bay".into(), ..PersonEdit::default() }
}

fn person(name: &str) -> PersonEdit {
    PersonEdit { name: name.into(), ..PersonEdit::default() }
}

#[test]
fn people_come_change_and_go() {
    let place = Place::new();
    let service = place.service();
    service.add(&owner()).unwrap();
    let ben = PersonEdit { device: "6846".into(), on_device: true, full_name: " Ben B ".into(), ..person("Ben") };
    let ben = service.add(&ben).unwrap();
    assert_eq!((ben.name.as_str(), ben.full_name.as_str()), ("ben", "Ben B"));
    assert!(service.add(&person("ben")).unwrap_err().why().contains("already"));
    let carl = PersonEdit { device: "0x001abe".into(), ..person("carl") };
    assert!(service.add(&carl).unwrap_err().why().contains("belongs to ben"));
    assert!(service.add(&PersonEdit { on_device: true, ..person("dora") }).is_err());
    assert!(service.add(&PersonEdit { max_parts: "0".into(), ..person("dora") }).is_err());
    assert!(service.add(&PersonEdit { forward: "nowhere".into(), ..person("dora") }).is_err());
    let moved =
        service.edit("ben", &PersonEdit { on_device: false, ..PersonEdit::of(&ben, &place.store.people()) }).unwrap();
    assert_eq!(moved.home, Home::Here);
    service.edit("ben", &person("ben")).unwrap();
    service.add(&carl).unwrap();
    service.remove("ben").unwrap();
    assert!(service.remove("ben").is_err());
    let events = place.store.read(|view| view.events(10)).unwrap();
    assert_eq!(events[0].kind.to_string(), "ben was removed, by the command line");
    assert!(
        events
            .iter()
            .map(|event| event.kind.to_string())
            .all(|words| !words.contains("boat") && !words.contains("argon"))
    );
}

#[test]
fn the_last_owner_cannot_be_lost() {
    let place = Place::new();
    let service = place.service();
    service.add(&person("carl")).unwrap();
    service.edit("carl", &PersonEdit { full_name: "C".into(), ..person("carl") }).unwrap();
    service.remove("carl").unwrap();
    service.add(&owner()).unwrap();
    service.add(&person("ben")).unwrap();
    assert!(service.remove("anna").is_err());
    assert!(service.disable("anna", true).is_err());
    assert!(service.edit("anna", &person("anna")).is_err());
    assert!(service.set_password("anna", "").is_err());
    assert!(
        service.edit("ben", &PersonEdit { role: Role::Owner, ..person("ben") }).unwrap_err().why().contains("password")
    );
    let second = PersonEdit { role: Role::Owner, password: "gulls over the pier".into(), ..person("ben") };
    service.edit("ben", &second).unwrap();
    service.disable("anna", true).unwrap();
    assert!(service.log_in("anna", "a boat in the bay").is_err());
    service.disable("anna", false).unwrap();
    assert!(service.log_in(" Anna ", "a boat in the bay").is_ok());
    service.remove("anna").unwrap();
}

#[test]
fn settings_are_checked_against_the_world() {
    let place = Place::new();
    let service = place.service();
    for (name, value) in [
        ("box.time_zone", "Mars/Olympus"),
        ("box.name", ""),
        ("box.default_person", "nobody"),
        ("tls.certificate", "/nonexistent/file.pem"),
        ("tls.key", "/etc/hostname"),
        ("m138.port", "ttyUSB0"),
        ("hive.url", "bumblebee.hive"),
        ("hive.url", "https://x.org/"),
        ("queue.retry_most", "10"),
        ("web.names", "a b..c"),
        ("no.such", "x"),
    ] {
        assert!(service.set(name, value).is_err(), "{name} {value}");
    }
    assert_eq!(service.set("box.domain", "Sea.org").unwrap(), "box.domain is sea.org now");
    assert_eq!(service.set("box.domain", "sea.org").unwrap(), "box.domain was so already");
    assert_eq!(service.set("relay.password", "hush hush").unwrap(), "relay.password was set");
    assert_eq!(service.get("relay.password").unwrap().shown, "(set)");
    service.set_all(&[("relay.host".into(), "mail.x.org".into()), ("relay.user".into(), "u".into())]).unwrap();
    assert!(service.set("relay.tls", "none").is_err());
    // All or none.
    assert!(service.set_all(&[("box.name".into(), "gull".into()), ("relay.port".into(), "0".into())]).is_err());
    assert_eq!(place.store.settings().text(Key::BoxName), "satpost");
    let events = place.store.read(|view| view.events(20)).unwrap();
    assert!(events.iter().all(|event| !event.kind.to_string().contains("hush")));
    assert!(events.iter().any(|event| event.kind.to_string() == "box.domain is sea.org now, by the command line"));
}

#[test]
fn the_box_is_claimed_once_with_its_code() {
    let place = Place::new();
    let service = place.service();
    let code = service.setup_code(false).unwrap();
    assert_eq!(code, service.setup_code(false).unwrap());
    assert_eq!((code.len(), code.as_bytes()[4]), (9, b'-'));
    let claim = Claim {
        code: format!(" {} ", code.to_lowercase().replace('-', " ")),
        name: "anna".into(),
        full_name: "Anna".into(),
        password: "a boat in the bay".into(),
        domain: "sea.org".into(),
    };
    assert!(service.claim(&Claim { code: "AAAA-AAAA".into(), ..claim.clone() }).is_err());
    assert!(service.claim(&Claim { code: String::new(), ..claim.clone() }).is_err());
    assert!(service.claim(&Claim { password: "short".into(), ..claim.clone() }).unwrap_err().why().contains("12"));
    assert!(service.claim(&Claim { domain: "a b".into(), ..claim.clone() }).is_err());
    assert!(!service.claimed());
    service.claim(&claim).unwrap();
    assert!(service.claimed() && service.claim(&claim).is_err() && service.setup_code(true).is_err());
    assert_eq!(place.store.settings().text(Key::Domain), "sea.org");
    assert!(service.log_in("anna", "a boat in the bay").is_ok());
}

#[test]
fn fifty_wrong_codes_make_a_new_one() {
    let place = Place::new();
    let service = place.service();
    let code = service.setup_code(false).unwrap();
    for _ in 0..50 {
        assert!(service.claim(&Claim { code: "0000-0000".into(), ..Claim::default() }).is_err());
    }
    assert_ne!(service.setup_code(false).unwrap(), code);
    assert_eq!(claim::normal_code("k7qf-3m9x"), "K7QF3M9X");
    assert_eq!(claim::normal_code(" o i l "), "011");
}
