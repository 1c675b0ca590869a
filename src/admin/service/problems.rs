//! What is wrong with a form, field by field and all at once: asked before a change, so that a page can say it beside each
//! field. The change itself checks once more, within its commit.

use super::far_boxes::FarBoxEdit;
use super::{PersonEdit, Service};
use crate::address::{LinkAddress, PeerId, Phone};
use crate::password;
use crate::people::{FarBox, Person, PersonError};
use crate::settings::Key;

/// Names of fields with what is wrong with each.
pub type Problems = Vec<(&'static str, String)>;

impl Service {
    /// Says of each field of a person that will not do why; `before` is the person who is changed, `None` for a new one.
    pub fn person_problems(&self, edit: &PersonEdit, before: Option<&Person>) -> Problems {
        let mut all = Problems::new();
        let name = before.map_or_else(|| edit.name.trim().to_lowercase(), |person| person.name.clone());
        let tried = |name: &str, edit: PersonEdit| {
            let mut person = Person { name: name.to_owned(), ..Person::default() };
            edit.apply(&mut person).err().map(|fault| fault.why())
        };
        if before.is_none() {
            all.extend(tried(&name, PersonEdit::default()).map(|why| ("name", why)));
        }
        let only = PersonEdit::default;
        let field = |field: &'static str, edit: PersonEdit| tried("x", edit).map(|why| (field, why));
        all.extend(field("full_name", PersonEdit { full_name: edit.full_name.clone(), ..only() }));
        all.extend(field("aliases", PersonEdit { aliases: edit.aliases.clone(), ..only() }));
        all.extend(field("forward", PersonEdit { forward: edit.forward.clone(), ..only() }));
        all.extend(field("max_parts", PersonEdit { max_parts: edit.max_parts.clone(), ..only() }));
        all.extend(field("budget_packets", PersonEdit { budget_packets: edit.budget_packets.clone(), ..only() }));
        all.extend(field("budget_money", PersonEdit { budget_money: edit.budget_money.clone(), ..only() }));
        all.extend(field("allow", PersonEdit { allow: edit.allow.clone(), ..only() }));
        all.extend(field("block", PersonEdit { block: edit.block.clone(), ..only() }));
        all.extend(field("machines", PersonEdit { machines: edit.machines.clone(), ..only() }));
        all.extend(field("strangers", PersonEdit { strangers: edit.strangers.clone(), ..only() }));
        all.extend(self.device_problem(edit, &name).map(|why| ("device", why)));
        all.extend(device_name_problem(edit).map(|why| ("device_name", why)));
        let settings = self.store.settings();
        let number = Some(edit.number.trim()).filter(|number| !number.is_empty());
        let number = number.map(|number| Phone::local(number, settings.text(Key::SmsCountry)));
        if let Some(Err(why)) = &number {
            all.push(("number", why.to_string()));
        }
        let people = self.store.people();
        for other in people.iter().filter(|other| other.name != name || before.is_none()) {
            let taken = |wanted: &str| other.name == wanted || other.aliases.iter().any(|alias| alias == wanted);
            if before.is_none() && taken(&name) {
                all.push(("name", format!("this name belongs to {}", other.name)));
            }
            let aliases = edit.aliases.to_lowercase();
            let wanted =
                aliases.split(|c: char| c.is_whitespace() || ",;".contains(c)).filter(|alias| !alias.is_empty());
            all.extend(
                wanted
                    .filter(|alias| taken(alias))
                    .map(|alias| ("aliases", format!("{alias} belongs to {}", other.name))),
            );
            if let Some(Ok(number)) = &number
                && other.number == Some(*number)
            {
                all.push(("number", format!("this number belongs to {}: take it away there first", other.name)));
            }
        }
        let owner = edit.role == crate::people::Role::Owner;
        if !edit.password.is_empty() {
            let judged = password::judge(&edit.password, &name, owner).err();
            all.extend(judged.map(|why| ("password", why.to_string())));
        }
        all
    }

    /// What is wrong with the far box of a person.
    fn device_problem(&self, edit: &PersonEdit, name: &str) -> Option<String> {
        let text = edit.device.trim();
        match text.parse::<LinkAddress>() {
            _ if text.is_empty() && edit.on_device => Some(PersonError::NoFarBox(name.to_owned()).to_string()),
            _ if text.is_empty() => None,
            Ok(_) => None,
            Err(_) if self.store.people().meant(text).is_some() => None,
            Err(why) => Some(format!("{why}; and no far box has this name")),
        }
    }

    /// Says of each field of a far box that will not do why; `before` is the one that is changed.
    pub fn far_box_problems(&self, edit: &FarBoxEdit, before: Option<PeerId>) -> Problems {
        let mut all = Problems::new();
        let words = edit.addresses.split([' ', ',', ';', '\n', '\r', '\t']).filter(|word| !word.is_empty());
        let mut addresses = Vec::new();
        for word in words {
            match word.parse::<LinkAddress>() {
                Ok(address) => addresses.push(address),
                Err(why) => all.push(("addresses", why.to_string())),
            }
        }
        let wanted = FarBox { name: edit.name.trim().to_owned(), ..FarBox::unnamed(self.store.clock().now()) };
        let named = FarBox { addresses: addresses.clone(), ..wanted.clone() };
        if wanted.name.is_empty() && addresses.is_empty() {
            let nothing = named.check().err().map(|why| ("name", why.to_string()));
            all.extend(nothing.filter(|_| all.is_empty()));
        } else if let Err(why) = (FarBox { addresses: Vec::new(), ..wanted.clone() }).check()
            && !wanted.name.is_empty()
        {
            all.push(("name", why.to_string()));
        } else if let Err(why) = named.check() {
            all.push(("addresses", why.to_string()));
        }
        let people = self.store.people();
        for other in people.far_boxes().filter(|other| Some(other.id) != before) {
            if !wanted.name.is_empty() && other.name.to_lowercase() == wanted.name.to_lowercase() {
                all.push(("name", format!("there is already a far box named {}", other.name)));
            }
            let in_use = people.of_far_box(other.id).next().is_some();
            let shared = addresses.iter().filter(|address| in_use && other.addresses.contains(address));
            all.extend(shared.map(|address| {
                ("addresses", format!("{address} is an address of {}: take it away there first", other.shown()))
            }));
        }
        all
    }
}

fn device_name_problem(edit: &PersonEdit) -> Option<String> {
    let name = edit.device_name.trim().to_owned();
    let far_box = FarBox { name, ..FarBox::unnamed(crate::clock::Time(0)) };
    Some(far_box).filter(|far_box| !far_box.name.is_empty())?.check().err().map(|why| why.to_string())
}
