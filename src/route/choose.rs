//! Which way a message goes. Nothing else in the program asks whether this box is a station or a gateway.
//!
//! | recipient | station (reach satellite) | gateway (reach internet) |
//! |---|---|---|
//! | person, home here | mailbox | mailbox |
//! | person, home at a far box | link to that far box | link to that far box |
//! | the same, and the far box went to another gateway | | mail relay |
//! | nobody of this box, in its domain, which others share | | mail relay, for people of this box |
//! | phone that is somebody's service number here | as that person | as that person |
//! | any other phone | link, to the far box | carrier of text messages |
//! | outside | link, to the far box | mail relay |
//! | at `localhost`, and `root` of a machine around | as that person; the owner for `root` | the same, at `localhost` |
//! | under `.local`, `.lan`, `.invalid` and the like | nowhere | mail relay |
//!
//! A phone is written `+14155550123`, or as `+14155550123@sms.<domain>` where only mail addresses can be written.

use std::sync::Arc;

use crate::address::{Address, LinkAddress, Mailbox, PeerId, Phone, PhoneError, is_nowhere};
use crate::links::LinkTerms;
use crate::message::reason::NoRoute;
use crate::message::{LinkId, Message, Way};
use crate::people::{Home, People, Person};
use crate::settings::{Key, Settings};

/// What a decision may look at: people and rules at one moment.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The people of the box, and its far boxes.
    pub people: Arc<People>,
    /// The settings, with the rules of the box.
    pub settings: Arc<Settings>,
    /// The links of the box, or the one that is meant.
    pub links: Arc<Vec<LinkTerms>>,
}

/// Largest payload of a packet where the box has no link yet: that of the smallest link there is, in bytes.
const SMALLEST: usize = 192;
/// Bytes by which the prices of links are compared.
const MEASURE: usize = 100;

/// A way out, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// The mailbox of this person here.
    Mailbox(Arc<Person>),
    /// The link; to this far box, or to the one by which this box reaches the world.
    Link(Option<PeerId>),
    /// The mail relay, to the internet.
    Relay,
    /// The carrier of text messages.
    Carrier,
    /// Nobody can get it: unknown or disabled.
    Nowhere(NoRoute),
}

impl Route {
    /// The queue this choice stands in, if it is a way.
    pub fn way(&self) -> Option<Way> {
        match self {
            Self::Mailbox(_) => Some(Way::Mailbox),
            Self::Link(_) => Some(Way::Link),
            Self::Relay => Some(Way::Relay),
            Self::Carrier => Some(Way::Carrier),
            Self::Nowhere(_) => None,
        }
    }
}

impl Policy {
    /// These people and rules, and these links.
    pub fn new(people: Arc<People>, settings: Arc<Settings>, links: Vec<LinkTerms>) -> Self {
        Self { people, settings, links: Arc::new(links) }
    }

    /// The same for one link: sizes and prices are those of it.
    pub fn for_link(&self, id: LinkId) -> Self {
        let links = self.links.iter().filter(|link| link.id == id).cloned().collect();
        Self { links: Arc::new(links), ..self.clone() }
    }

    /// True when a link leads to a far box, or, for `None`, to the one by which this box reaches the world.
    pub fn reaches(&self, link: &LinkTerms, far_box: Option<PeerId>) -> bool {
        let known = far_box.map(|id| self.people.far_box(id));
        link.reach.includes(known.map(|far_box| far_box.map_or(&[][..], |far_box| &far_box.addresses)))
    }

    /// The cheapest link that may take messages for a far box, or for the one by which this box reaches the world: sizes and
    /// quotes of what waits are those of it. `None` where no link that is used has a price and reaches it.
    pub fn cheapest(&self, far_box: Option<PeerId>) -> Option<&LinkTerms> {
        let usable = self.links.iter().filter(|link| link.on && self.reaches(link, far_box));
        usable
            .filter_map(|link| Some((link.price?.of(MEASURE), link)))
            .min_by_key(|(price, _)| *price)
            .map(|(_, link)| link)
    }

    /// The cheapest link of all that are used and have a price, whatever it reaches.
    pub fn cheapest_of_all(&self) -> Option<&LinkTerms> {
        let priced = self.links.iter().filter(|link| link.on).filter_map(|link| Some((link.price?.of(MEASURE), link)));
        priced.min_by_key(|(price, _)| *price).map(|(_, link)| link)
    }

    /// What a packet holds, in bytes, on the way to a far box.
    pub fn max_payload(&self, far_box: Option<PeerId>) -> usize {
        let any = || self.links.iter().find(|link| self.reaches(link, far_box));
        self.cheapest(far_box).or_else(any).map_or(SMALLEST, |link| link.max_payload)
    }

    /// Bytes that are billed together on the way to a far box; 0 where a packet has one price.
    pub fn step(&self, far_box: Option<PeerId>) -> usize {
        self.cheapest(far_box).and_then(|link| link.price).map_or(0, |price| price.step())
    }

    /// True when a link that is used reaches a far box, or the one by which this box reaches the world.
    pub fn has_link(&self, far_box: Option<PeerId>) -> bool {
        self.links.iter().any(|link| link.on && self.reaches(link, far_box))
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

    /// True where other gateways have people of the domain of this one, and the relay knows which.
    pub fn shares_domain(&self) -> bool {
        self.settings.on(Key::SharedDomain) && !self.by_satellite()
    }

    /// The address of a person of this box; `None` while the box has no mail domain.
    pub fn address_of(&self, person: &Person) -> Option<Mailbox> {
        Mailbox::new(&person.name, self.settings.text(Key::Domain)).ok()
    }

    /// The way to a recipient.
    pub fn choose(&self, to: &Address) -> Route {
        match to {
            Address::Nobody => Route::Nowhere(NoRoute::NoRecipient),
            Address::Device(address) => self.to_far_box(*address),
            Address::Phone(phone) => self.to_phone(*phone),
            Address::Mail(mailbox) if self.is_ours(mailbox) => self.to_person(mailbox),
            Address::Mail(mailbox) if self.is_at_home(mailbox) => match self.proper(mailbox) {
                proper if self.is_ours(&proper) => self.to_person(&proper),
                _ => nobody(mailbox),
            },
            // A relay ashore may know names of its own network; nothing of that is worth a packet.
            Address::Mail(mailbox) if self.by_satellite() && is_nowhere(mailbox.domain()) => {
                Route::Nowhere(NoRoute::NowhereOutside { domain: mailbox.domain().to_owned() })
            }
            Address::Mail(mailbox) if self.is_sms(mailbox) => match self.resolve(mailbox) {
                Ok(address) => self.choose(&address),
                Err(why) => Route::Nowhere(NoRoute::BadNumber(why)),
            },
            Address::Mail(_) if self.by_satellite() => Route::Link(None),
            Address::Mail(_) => Route::Relay,
        }
    }

    /// Why no message can reach a person on their device, if so: the modem of a station speaks to the one far end only.
    pub fn no_way_to(&self, person: &Person) -> Option<NoRoute> {
        // Without a link that is used it waits for one.
        let used = self.links.iter().any(|link| link.on);
        let out_of_reach = person.home == Home::FarBox && used && !self.has_link(person.far_box);
        out_of_reach.then(|| NoRoute::DeviceOutOfReach { name: person.name.clone() })
    }

    /// The domain under which phones are written as mail addresses; `None` while the box has no mail domain.
    pub fn sms_domain(&self) -> Option<String> {
        let domain = self.settings.text(Key::Domain);
        (!domain.is_empty()).then(|| format!("sms.{domain}"))
    }

    /// True for a mail address that means a phone.
    pub fn is_sms(&self, mailbox: &Mailbox) -> bool {
        mailbox.domain().strip_prefix("sms.").is_some_and(|domain| domain == self.settings.text(Key::Domain))
    }

    /// Who is reached at a number as it was written: the person of this box who has it, or a phone.
    ///
    /// # Errors
    /// When it is no phone number.
    pub fn at_number(&self, text: &str) -> Result<Address, PhoneError> {
        let phone = Phone::local(text, self.settings.text(Key::SmsCountry))?;
        let own = self.people.by_number(phone).and_then(|person| self.address_of(person));
        Ok(own.map_or(Address::Phone(phone), Address::Mail))
    }

    /// What a mail address means: a phone, if it names one in the domain for phones.
    ///
    /// # Errors
    /// When it stands in that domain and is no phone number.
    pub fn resolve(&self, mailbox: &Mailbox) -> Result<Address, PhoneError> {
        match self.is_sms(mailbox) {
            true => self.at_number(mailbox.local()),
            false => Ok(Address::Mail(self.proper(mailbox))),
        }
    }

    /// The address under which a message is kept: that of an alias, of `postmaster` or of `abuse`, is that of the person, as this is
    /// the mailbox which they open.
    pub fn proper(&self, mailbox: &Mailbox) -> Mailbox {
        let at_home = if self.is_at_home(mailbox) { self.at_home(mailbox) } else { None };
        let mailbox = at_home.as_ref().unwrap_or(mailbox);
        let person = self.people.addressed(mailbox).filter(|_| self.is_ours(mailbox));
        let other = person.filter(|person| person.name != mailbox.person());
        other.and_then(|person| self.address_of(person)).unwrap_or_else(|| mailbox.clone())
    }

    /// True for an address that programs write to and that is on this machine: at one of its names for itself, or, where the
    /// outside is beyond a satellite, the `root` of any machine around.
    fn is_at_home(&self, mailbox: &Mailbox) -> bool {
        let root = || self.by_satellite() && mailbox.person() == "root" && is_nowhere(mailbox.domain());
        is_this_machine(mailbox) || root()
    }

    /// What programs of this machine mean by a name at `localhost`: the person, or the owner for `root`, whom they write
    /// their reports to. `None` while the box has no mail domain.
    fn at_home(&self, mailbox: &Mailbox) -> Option<Mailbox> {
        let name = match mailbox.person().as_str() {
            "root" if self.people.addressed(mailbox).is_none() => "postmaster".to_owned(),
            name => name.to_owned(),
        };
        Mailbox::new(&name, self.settings.text(Key::Domain)).ok()
    }

    /// The phone that an address means.
    pub fn phone_of(&self, address: &Address) -> Option<Phone> {
        match address {
            Address::Mail(mailbox) => self.resolve(mailbox).ok()?.phone(),
            other => other.phone(),
        }
    }

    /// An address as a mail has to write it.
    pub fn mail_of(&self, address: &Address) -> Option<Mailbox> {
        match address {
            Address::Phone(phone) => Mailbox::new(&phone.to_string(), &self.sms_domain()?).ok(),
            other => other.mailbox().cloned(),
        }
    }

    /// The mail address under which the relay is given a message: of somebody who moved to another gateway their own, as the number
    /// went along. `None` for what is no mail address.
    pub fn relayed_to(&self, to: &Address) -> Option<Mailbox> {
        let moved = self.by_phone(to).filter(|person| self.people.has_moved_out(person));
        moved.and_then(|person| self.address_of(person)).or_else(|| to.mailbox().cloned())
    }

    fn by_phone(&self, to: &Address) -> Option<&Arc<Person>> {
        match to {
            Address::Phone(phone) => self.people.by_number(*phone),
            Address::Mail(mailbox) if self.is_sms(mailbox) => {
                let phone = Phone::local(mailbox.local(), self.settings.text(Key::SmsCountry)).ok()?;
                self.people.by_number(phone)
            }
            _ => None,
        }
    }

    /// The service number that a message to a phone goes out from: that of the person who wrote it.
    pub fn service_number(&self, message: &Message) -> Option<Phone> {
        self.writer(message)?.number
    }

    /// The person of this box who wrote a message: who logged in, or whose address it is from. A stranger who names such an
    /// address is nobody here.
    pub fn writer(&self, message: &Message) -> Option<&Arc<Person>> {
        let author = message.author.as_ref().and_then(|name| self.people.get(name));
        let named = [&message.from, message.header_from(), message.return_path()];
        let ours = || {
            let mut mailboxes = named.into_iter().filter_map(Address::mailbox).filter(|from| self.is_ours(from));
            mailboxes.find_map(|from| self.people.addressed(from)).filter(|_| message.stranger.is_none())
        };
        author.or_else(ours)
    }

    fn to_person(&self, mailbox: &Mailbox) -> Route {
        let Some(person) = self.people.addressed(mailbox) else {
            return if self.shares_domain() { Route::Relay } else { nobody(mailbox) };
        };
        match self.no_way_to(person).filter(|_| !person.disabled && !self.people.has_moved_out(person)) {
            Some(why) => Route::Nowhere(why),
            None => self.home_of(person),
        }
    }

    fn home_of(&self, person: &Arc<Person>) -> Route {
        match (person.disabled, person.home, person.far_box) {
            (true, ..) => Route::Nowhere(NoRoute::TakesNoMail { name: person.name.clone() }),
            // The mail server in front knows by which gateway they are reached now.
            _ if self.people.has_moved_out(person) => Route::Relay,
            (_, Home::FarBox, Some(far_box)) => Route::Link(Some(far_box)),
            _ => Route::Mailbox(Arc::clone(person)),
        }
    }

    fn to_phone(&self, phone: Phone) -> Route {
        match self.people.by_number(phone) {
            Some(person) => self.home_of(person),
            None if self.by_satellite() => Route::Link(None),
            None => Route::Carrier,
        }
    }

    fn to_far_box(&self, address: LinkAddress) -> Route {
        let Some(far_box) = self.people.at(address) else {
            return Route::Nowhere(NoRoute::NoPerson { name: Address::Device(address).to_string() });
        };
        match self.people.first_of(far_box.id) {
            Some(person) if person.disabled => Route::Nowhere(NoRoute::TakesNoMail { name: person.name.clone() }),
            _ => Route::Link(Some(far_box.id)),
        }
    }
}

/// True for the names by which programs of this machine call it (RFC 6761 section 6.3): nothing for them goes anywhere else.
fn is_this_machine(mailbox: &Mailbox) -> bool {
    let domain = mailbox.domain().strip_suffix(".localdomain").unwrap_or(mailbox.domain());
    domain == "localhost" || domain.ends_with(".localhost")
}

/// Of an address that begins with a tag there is no name but the whole.
fn nobody(mailbox: &Mailbox) -> Route {
    let name = Some(mailbox.person()).filter(|name| !name.is_empty());
    Route::Nowhere(NoRoute::NoPerson { name: name.unwrap_or_else(|| mailbox.local().to_owned()) })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::links::{Price, Reach, Unit};
    use crate::money::Money;
    use crate::people::FarBox;

    /// A link of this number and price of a packet.
    pub(crate) fn link(id: u32, devices: bool, price: i64) -> LinkTerms {
        let price = Price { unit: Unit::Packet, each: Money(price), least: 0, free: 0 };
        let name = format!("link{id}");
        let reach = Reach { far_box: !devices, kinds: if devices { &["m138"] } else { &[] } };
        LinkTerms { id: LinkId(id), name, on: true, price: Some(price), max_payload: 192, reach }
    }

    pub(crate) fn policy(reach: &str) -> Policy {
        let settings =
            Settings::default().with(Key::Domain, "here.org").and_then(|s| s.with(Key::Reach, reach)).unwrap();
        let anna = Person { name: "anna".into(), role: crate::people::Role::Owner, ..Person::default() };
        let far_box = FarBox { id: PeerId(1), ..FarBox::at("6846".parse().unwrap(), crate::clock::Time(0)) };
        let number = "+14155550199".parse().ok();
        let ben =
            Person { name: "ben".into(), home: Home::FarBox, far_box: Some(PeerId(1)), number, ..Person::default() };
        let carl = Person { name: "carl".into(), disabled: true, ..Person::default() };
        Policy::new(Arc::new(People::new([anna, ben, carl]).with_far_boxes([far_box])), Arc::new(settings), Vec::new())
    }

    #[test]
    fn who_is_nobody_here_is_named() {
        for (to, name) in [("nemo+tag@here.org", "nemo"), ("+14155550123@here.org", "+14155550123")] {
            let Route::Nowhere(why) = policy("internet").choose(&to.parse().unwrap()) else { panic!("{to}") };
            assert_eq!(why, NoRoute::NoPerson { name: name.into() });
        }
    }

    #[test]
    fn the_table_of_ways() {
        let (station, gateway) = (policy("satellite"), policy("internet"));
        let way = |policy: &Policy, to: &str| policy.choose(&to.parse().unwrap()).way();
        for box_ in [&station, &gateway] {
            assert_eq!(way(box_, "Anna+x@HERE.org"), Some(Way::Mailbox));
            assert_eq!(way(box_, "postmaster@here.org"), Some(Way::Mailbox));
            assert_eq!(box_.choose(&"ben@here.org".parse().unwrap()), Route::Link(Some(PeerId(1))));
            assert_eq!(way(box_, "carl@here.org"), None);
            assert_eq!(way(box_, "dora@here.org"), None);
            assert_eq!(way(box_, "<>"), None);
        }
        assert_eq!(station.choose(&"a@else.org".parse().unwrap()), Route::Link(None));
        assert_eq!(gateway.choose(&"a@else.org".parse().unwrap()), Route::Relay);
    }

    #[test]
    fn what_can_be_nowhere_outside_never_goes_on_air() {
        let (station, gateway) = (policy("satellite"), policy("internet"));
        let way = |policy: &Policy, to: &str| policy.choose(&to.parse().unwrap()).way();
        for to in ["root@localhost", "root@nas", "root@nas.lan", "root@box.local", "anna@localhost.localdomain"] {
            assert_eq!(way(&station, to), Some(Way::Mailbox), "{to}");
            assert_eq!(station.proper(&to.parse().unwrap()).to_string(), "anna@here.org");
        }
        for to in ["bob@nas.lan", "anna@nas", "x@y.invalid", "x@[192.168.1.7]", "bob@localhost"] {
            assert_eq!(way(&station, to), None, "{to}");
        }
        assert_eq!(way(&gateway, "root@localhost"), Some(Way::Mailbox));
        assert_eq!(way(&gateway, "bob@mail.lan"), Some(Way::Relay), "a relay may know it");
    }

    #[test]
    fn a_station_with_a_modem_sends_to_no_device() {
        let mut policy = policy("satellite");
        policy.links = Arc::new(vec![link(1, false, 0)]);
        let why = NoRoute::DeviceOutOfReach { name: "ben".into() };
        assert_eq!(policy.choose(&"ben@here.org".parse().unwrap()), Route::Nowhere(why));
        assert_eq!(policy.choose(&"a@else.org".parse().unwrap()), Route::Link(None));
    }

    #[test]
    fn phones_go_to_the_carrier_or_over_the_link() {
        let (station, gateway) = (policy("satellite"), policy("internet"));
        for phone in ["+14155550123", "+14155550123@sms.here.org", "415-555-0123@SMS.here.org"] {
            let to = phone.parse().unwrap();
            assert_eq!((station.choose(&to), gateway.choose(&to)), (Route::Link(None), Route::Carrier), "{phone}");
            assert_eq!(gateway.phone_of(&to).unwrap().to_string(), "+14155550123");
            assert_eq!(
                gateway.mail_of(&gateway.phone_of(&to).map(Address::Phone).unwrap()).unwrap().to_string(),
                "+14155550123@sms.here.org"
            );
        }
        let own = "+14155550199@sms.here.org".parse().unwrap();
        assert_eq!(gateway.at_number("4155550199").unwrap().to_string(), "ben@here.org");
        assert_eq!(gateway.choose(&own), Route::Link(Some(PeerId(1))));
        for bad in ["anna@sms.here.org", "12@sms.here.org"] {
            assert!(matches!(gateway.choose(&bad.parse().unwrap()), Route::Nowhere(_)), "{bad}");
        }
        assert_eq!(gateway.choose(&"+14155550123@sms.else.org".parse().unwrap()), Route::Relay);
    }

    #[test]
    fn a_number_of_somebody_who_moved_is_relayed_to_their_address() {
        let mut policy = policy("internet");
        let moved_out = Some(crate::people::MovedOut {
            at: crate::clock::Time(1),
            ticket: "t".into(),
            addresses: vec!["6846".parse().unwrap()],
        });
        let far_box = FarBox { id: PeerId(1), moved_out, ..FarBox::unnamed(crate::clock::Time(0)) };
        policy.people = Arc::new(People::clone(&policy.people).with_far_boxes([far_box]));
        for to in ["+14155550199", "+14155550199@sms.here.org", "ben@here.org"] {
            let to = to.parse().unwrap();
            assert_eq!(policy.choose(&to), Route::Relay, "{to}");
            assert_eq!(policy.relayed_to(&to).unwrap().to_string(), "ben@here.org");
        }
        assert_eq!(policy.relayed_to(&"+14155550123".parse().unwrap()), None);
        assert_eq!(policy.relayed_to(&"a@else.org".parse().unwrap()).unwrap().to_string(), "a@else.org");
    }

    #[test]
    fn a_box_without_a_domain_owns_no_address() {
        let mut policy = policy("internet");
        policy.settings = Arc::new(Settings::default());
        assert!(!policy.is_ours(&"anna@here.org".parse().unwrap()));
    }
}
