//! Looks at the serial ports that no link has, and finds out what is there: each once, and what says nothing some times more.
//! The page and `satpost check` show it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use smol::channel::bounded;

use crate::back_off::BackOff;
use crate::engine::Context;
use crate::fault::Fault;
use crate::link::contact::{self, drivers};
use crate::link::serial;
use crate::message::reason::{Contact, Obstacle};
use crate::settings::Key;
use crate::status::Plugged;
use crate::sys::ports::{Arrivals, Port};

/// The ports are listed when a device comes or goes, which asks nothing of them, and this often: links and settings change too.
const EVERY: Duration = Duration::from_secs(15);
/// The same where the system tells nothing of devices.
const UNTOLD: Duration = Duration::from_secs(2);
/// Waits before what was silent, or could not be opened, is asked again.
const AGAIN: BackOff = BackOff::doubling(Duration::from_secs(4), Duration::from_secs(600));
/// What is silent so often is left alone until it is plugged in again: it may be somebody's who does not lock it.
const SILENT: u32 = 5;
/// A port that somebody holds may be held for a moment only: that is not told before so many tries.
const HELD: u32 = 2;

/// A new port is there before its other names are, by which a link may have it: they have come after this time.
const NAMED: Duration = Duration::from_secs(3);
/// A link that looks for its modem has a new port to itself for this time.
const LINKS_FIRST: Duration = Duration::from_secs(10);

/// What is known of a port.
struct Known {
    /// Times it was asked.
    tries: u32,
    /// How often it said nothing that anybody knows.
    silent: u32,
    /// When to ask it again; `None` once it is left alone.
    next: Option<Instant>,
}

impl Known {
    /// When to ask again, after this was found.
    fn after(&mut self, found: &Contact) -> Option<Instant> {
        self.silent += u32::from(*found == Contact::Silent);
        let settled = matches!(found, Contact::Modem { .. } | Contact::Other { .. }) || self.silent >= SILENT;
        (!settled).then(|| Instant::now() + AGAIN.wait(self.tries))
    }
}

/// Runs until the box stops.
///
/// # Errors
/// Never; a fault of a port is what is told of it.
pub fn run(context: &Context) -> Result<(), Fault> {
    let (_never, nothing) = bounded(1);
    let mut known: BTreeMap<PathBuf, Known> = BTreeMap::new();
    let arrivals = Arrivals::watch().ok();
    let every = if arrivals.is_some() { EVERY } else { UNTOLD };
    while !context.stopping() {
        // Before the list is made, so that nothing is missed.
        arrivals.iter().for_each(Arrivals::clear);
        let ports = free_ports(context);
        let there: BTreeSet<_> = ports.iter().map(|port| port.path.clone()).collect();
        known.retain(|path, _| path.to_str().is_some_and(|path| there.contains(path)));
        if context.status.facts().plugged.keys().any(|path| !there.contains(path)) {
            context.status.set(|facts| facts.plugged.retain(|path, _| there.contains(path)));
        }
        let first = Instant::now() + if a_link_looks(context) { LINKS_FIRST } else { NAMED };
        for port in &ports {
            known.entry(PathBuf::from(&port.path)).or_insert(Known { tries: 0, silent: 0, next: Some(first) });
        }
        let due = |known: &Known| known.next.is_some_and(|next| next <= Instant::now());
        let next = ports.iter().find(|port| known.get(Path::new(&port.path)).is_some_and(due));
        let Some((port, known)) = next.and_then(|port| Some((port, known.get_mut(Path::new(&port.path))?))) else {
            let soonest = known.values().filter_map(|known| known.next).min();
            let left = soonest.map(|at| at.saturating_duration_since(Instant::now()));
            let limit = left.map_or(every, |left| left.min(every));
            context.rest_or_read(&nothing, arrivals.as_ref().map(Arrivals::descriptor), limit);
            continue;
        };
        known.tries += 1;
        let found = ask(context, port, known.tries);
        known.next = known.after(&found);
    }
    Ok(())
}

/// Tells whether a link looks for its modem: among all ports, or at the one that it names, which is not there.
fn a_link_looks(context: &Context) -> bool {
    let (links, settings) = (context.store.links(), context.store.settings());
    let mut on = links.iter().filter(|link| link.on);
    on.any(|link| {
        let own = link.settings(&settings);
        drivers().any(|(row, contact)| row.name == link.driver && !Path::new(own.text(contact.port).trim()).exists())
    })
}

/// The ports that no link has, where the owner lets them be asked.
fn free_ports(context: &Context) -> Vec<Port> {
    let settings = context.store.settings();
    if !settings.on(Key::FirstContact) {
        return Vec::new();
    }
    let links = context.store.links();
    let named = links.iter().flat_map(|link| contact::named(&link.settings(&settings)).collect::<Vec<_>>());
    let open = context.status.facts().links.into_values().filter_map(|live| live.health?.port);
    let used: BTreeSet<_> = named.chain(open.filter_map(|path| Path::new(&path).canonicalize().ok())).collect();
    let free = |port: &Port| Path::new(&port.path).canonicalize().is_ok_and(|path| !used.contains(&path));
    serial::askable().into_iter().filter(free).collect()
}

/// Asks a port, and tells what is there.
fn ask(context: &Context, port: &Port, tries: u32) -> Contact {
    let tell = |contact: &Contact| {
        let plugged = Plugged { name: port.name().to_owned(), about: port.about.clone(), contact: contact.clone() };
        context.status.set(|facts| drop(facts.plugged.insert(port.path.clone(), plugged)));
    };
    if tries == 1 {
        tell(&Contact::Asking);
    }
    let found = contact::ask(Path::new(&port.path), || context.stopping());
    // A link that looks for its modem has it for a moment.
    if tries >= HELD || !matches!(&found, Contact::Unopened { obstacle: Obstacle::Held(_) }) {
        tell(&found);
    }
    log::info!("first contact: {}", crate::message::words::contact::At(&port.path, &found));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_silent_is_left_alone_and_what_is_held_is_not_given_up() {
        let mut known = Known { tries: 0, silent: 0, next: None };
        let held = Contact::Unopened { obstacle: Obstacle::Held(None) };
        assert!((0..50).all(|_| known.after(&held).is_some()));
        let asked = (1..).take_while(|_| known.after(&Contact::Silent).is_some()).count();
        assert_eq!(asked + 1, 5);
    }
}
