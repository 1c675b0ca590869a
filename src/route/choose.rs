//! Which way a message goes. Nothing else in the program asks whether this box is a station or a gateway.
//!
//! | recipient | station (reach satellite) | gateway (reach internet) |
//! |---|---|---|
//! | person, home here | mailbox | mailbox |
//! | person, home device | link to that device | link to that device |
//! | outside | link, to the far box | mail relay |

use std::sync::Arc;

use crate::address::{Address, DeviceId, Mailbox};
use crate::message::{Message, Way};
use crate::people::{Home, People, Person};
use crate::settings::{Key, Settings};

/// What a decision may look at: people and rules at one moment.
#[derive(Debug, Clone)]
pub struct World {
    /// Who lives here.
    pub people: Arc<People>,
    /// The rules.
    pub settings: Arc<Settings>,
    /// What a letter takes on air where that is less than by the classic coding.
    pub measure: Measure,
}

/// Tells the packets of a letter by the coding that its far box reads; nothing where that is the classic one.
#[derive(Clone, Default)]
pub struct Measure(Option<Arc<dyn Fn(&Message) -> Option<usize> + Send + Sync>>);

impl Measure {
    /// With this way to find out.
    pub fn new(measure: impl Fn(&Message) -> Option<usize> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(measure)))
    }

    /// Packets of a letter that leaves alone.
    pub fn packets(&self, message: &Message) -> Option<usize> {
        self.0.as_ref().and_then(|measure| measure(message))
    }
}

impl std::fmt::Debug for Measure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Measure")
    }
}

/// A way out, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The mailbox of this person.
    Mailbox(Arc<Person>),
    /// The link; to this device, or to the one far end there is.
    Link(Option<DeviceId>),
    /// The mail relay.
    Relay,
    /// Nobody can get it: unknown or disabled.
    Nowhere(String),
}

impl Choice {
    /// The queue this choice stands in, if it is a way.
    pub fn way(&self) -> Option<Way> {
        match self {
            Self::Mailbox(_) => Some(Way::Mailbox),
            Self::Link(_) => Some(Way::Link),
            Self::Relay => Some(Way::Relay),
            Self::Nowhere(_) => None,
        }
    }
}

impl World {
    /// These people and rules; letters are measured by the classic coding.
    pub fn new(people: Arc<People>, settings: Arc<Settings>) -> Self {
        Self { people, settings, measure: Measure::default() }
    }

    /// True when this mail address belongs to this box.
    pub fn is_ours(&self, mailbox: &Mailbox) -> bool {
        let domain = self.settings.text(Key::Domain);
        !domain.is_empty() && mailbox.domain() == domain
    }

    /// True when the far box, not a relay, carries what goes outside.
    pub fn by_satellite(&self) -> bool {
        self.settings.text(Key::Reach) == "satellite"
    }

    /// The address of a person of this box; `None` while the box has no mail domain.
    pub fn address_of(&self, person: &Person) -> Option<Mailbox> {
        Mailbox::new(&person.name, self.settings.text(Key::Domain)).ok()
    }

    /// The way to a recipient.
    pub fn choose(&self, to: &Address) -> Choice {
        match to {
            Address::Nobody => Choice::Nowhere("there is no recipient".to_owned()),
            Address::Device(device) => self.to_device(*device),
            Address::Mail(mailbox) if self.is_ours(mailbox) => self.to_person(mailbox),
            Address::Mail(_) if self.by_satellite() => Choice::Link(None),
            Address::Mail(_) => Choice::Relay,
        }
    }

    /// Why no letter can reach a person on their device, if so: the modem of a station speaks to the one far end only.
    pub fn no_way_to(&self, person: &Person) -> Option<String> {
        (person.home == Home::Device && self.settings.text(Key::LinkDriver) == "m138").then(|| {
            format!(
                "{} reads on a device, and the modem of this box (link.driver m138) cannot send to a device: let them \
                 read here, or write to them at the address that they have on the far box",
                person.name
            )
        })
    }

    fn to_person(&self, mailbox: &Mailbox) -> Choice {
        let Some(person) = self.people.addressed(mailbox) else {
            return Choice::Nowhere(format!("there is no person {} here", mailbox.person()));
        };
        if let Some(why) = self.no_way_to(person).filter(|_| !person.disabled) {
            return Choice::Nowhere(why);
        }
        match (person.disabled, person.home, person.device) {
            (true, ..) => Choice::Nowhere(format!("{} takes no mail at present", mailbox.person())),
            (_, Home::Device, Some(device)) => Choice::Link(Some(device)),
            _ => Choice::Mailbox(Arc::clone(person)),
        }
    }

    fn to_device(&self, device: DeviceId) -> Choice {
        match self.people.by_device(device) {
            Some(person) if person.disabled => Choice::Nowhere(format!("{} takes no mail at present", person.name)),
            _ => Choice::Link(Some(device)),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn world(reach: &str) -> World {
        let settings =
            Settings::default().with(Key::Domain, "here.org").and_then(|s| s.with(Key::Reach, reach)).unwrap();
        let anna = Person { name: "anna".into(), role: crate::people::Role::Owner, ..Person::default() };
        let device = DeviceId::new(6846).ok();
        let ben = Person { name: "ben".into(), home: Home::Device, device, ..Person::default() };
        let carl = Person { name: "carl".into(), disabled: true, ..Person::default() };
        World {
            people: Arc::new(People::new([anna, ben, carl])),
            settings: Arc::new(settings),
            measure: Measure::default(),
        }
    }

    #[test]
    fn the_table_of_ways() {
        let (station, gateway) = (world("satellite"), world("internet"));
        let way = |world: &World, to: &str| world.choose(&to.parse().unwrap()).way();
        for box_ in [&station, &gateway] {
            assert_eq!(way(box_, "Anna+x@HERE.org"), Some(Way::Mailbox));
            assert_eq!(way(box_, "postmaster@here.org"), Some(Way::Mailbox));
            assert_eq!(box_.choose(&"ben@here.org".parse().unwrap()), Choice::Link(DeviceId::new(6846).ok()));
            assert_eq!(way(box_, "carl@here.org"), None);
            assert_eq!(way(box_, "dora@here.org"), None);
            assert_eq!(way(box_, "<>"), None);
        }
        assert_eq!(station.choose(&"a@else.org".parse().unwrap()), Choice::Link(None));
        assert_eq!(gateway.choose(&"a@else.org".parse().unwrap()), Choice::Relay);
    }

    #[test]
    fn a_station_with_a_modem_sends_to_no_device() {
        let mut world = world("satellite");
        world.settings = Arc::new(world.settings.with(Key::LinkDriver, "m138").unwrap());
        assert!(
            matches!(world.choose(&"ben@here.org".parse().unwrap()), Choice::Nowhere(why) if why.contains("device"))
        );
        assert_eq!(world.choose(&"a@else.org".parse().unwrap()), Choice::Link(None));
    }

    #[test]
    fn a_box_without_a_domain_owns_no_address() {
        let mut world = world("internet");
        world.settings = Arc::new(Settings::default());
        assert!(!world.is_ours(&"anna@here.org".parse().unwrap()));
    }
}
