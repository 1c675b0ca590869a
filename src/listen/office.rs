//! The counter: letters that people of this box write on the page or with a command.

use std::time::Duration;

use crate::address::{Address, Mailbox};
use crate::fault::Fault;
use crate::message::{Door, Id, Message, State, Way};
use crate::people::{Home, Person};
use crate::settings::Key;
use crate::store::{BodyIn, Committed, Letter, Store};

/// What would become of a letter.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The way out.
    pub way: Way,
    /// Bytes that go out.
    pub bytes: usize,
    /// Packets on the link.
    pub packets: usize,
    /// Remarks.
    pub notes: Vec<String>,
}

fn way(store: &Store, to: &Mailbox) -> Result<Way, Fault> {
    let settings = store.settings();
    if to.domain() != settings.text(Key::Domain) {
        return Ok(if settings.text(Key::Reach) == "satellite" { Way::Link } else { Way::Relay });
    }
    match store.people().addressed(to) {
        Some(person) if person.home == Home::Device => Ok(Way::Link),
        Some(_) => Ok(Way::Mailbox),
        None => Err(Fault::permanent(format!("there is nobody named {} on this box", to.local()))),
    }
}

/// Says what would become of a letter.
///
/// # Errors
/// Permanent when the recipient cannot be reached.
pub fn preview(store: &Store, _author: &Person, to: &str, subject: &str, text: &str) -> Result<Preview, Fault> {
    let to: Mailbox = to.parse().map_err(Fault::Permanent)?;
    let way = way(store, &to)?;
    let bytes = subject.len() + 1 + text.len();
    let packets = if way == Way::Link { bytes.div_ceil(150) } else { 0 };
    Ok(Preview { way, bytes, packets, notes: Vec::new() })
}

/// Accepts a letter.
///
/// # Errors
/// Permanent when the recipient cannot be reached; otherwise as [`Store::put`].
pub fn compose(store: &Store, author: &Person, to: &str, subject: &str, text: &str) -> Result<Committed, Fault> {
    let to: Mailbox = to.parse().map_err(Fault::Permanent)?;
    let (now, way) = (store.clock().now(), way(store, &to)?);
    let from = Mailbox::new(&author.name, store.settings().text(Key::Domain)).map_err(Fault::Permanent)?;
    store.put(Letter {
        messages: vec![Message {
            id: Id(0),
            door: Door::Web,
            from: Address::Mail(from),
            to: Address::Mail(to),
            author: Some(author.name.clone()),
            subject: subject.to_owned(),
            text: format!("{subject}\n{text}"),
            cut: vec![],
            mail: None,
            automatic: None,
            message_id: None,
            about: None,
            accepted: now,
            deadline: now + Duration::from_secs(4 * 86_400),
            clock_believed: store.clock().believable(),
            state: if way == Way::Mailbox { State::Delivered } else { State::Queued },
            reason: "accepted".to_owned(),
            way,
            next: now,
            tries: 0,
            delay_told: false,
            released: false,
            steps: vec![],
        }],
        body: BodyIn::None,
    })
}
