//! A mail at a far box, of which the text came: noted, offered to who reads here with its price, asked for, and taken in.

use crate::address::PeerId;
use crate::engine::Context;
use crate::engine::link::market::Market;
use crate::engine::link::select::LinkState;
use crate::fault::Fault;
use crate::link::whole::PIECE;
use crate::links::Price;
use crate::message::words::size_of;
use crate::message::{Extent, Id, Message, Origin, State, Way, Whole};
use crate::money::Money;
use crate::route::price;
use crate::settings::Key;
use crate::store::{ListFilter, MailThere, Store, Tx, TxResult, reject};

/// Messages that are looked through for one that a far box names.
const LOOKED_AT: usize = 2000;
const PAGE: usize = 200;

/// A far box says that a message is more than its text. True when that is noted, or is nothing to note; false while the text
/// is not here.
///
/// # Errors
/// When the store fails.
pub fn noted(
    context: &Context,
    far_box: Option<PeerId>,
    at: (u16, u8),
    number: u64,
    (packed, size): (u32, u32),
) -> Result<bool, Fault> {
    let Some(message) = came_at(context, far_box, at)? else { return Ok(false) };
    let wanted = match message.way {
        Way::Mailbox => true,
        // Who got the text ashore gets the mail behind it, where the owner wants that.
        Way::Relay => context.store.settings().on(Key::AirGetWhole),
        Way::Link | Way::Carrier => false,
    };
    if !wanted || message.whole.is_some() {
        return Ok(true);
    }
    let id = message.id;
    context.store.write(move |tx| {
        if tx.find(id)?.is_none() {
            return Ok(());
        }
        tx.change(id, |message| message.whole = Some(Whole::There { number, packed, size, asked: false }))?;
        let mut notes = tx.whole_notes()?;
        notes.there.push(MailThere { message: id, far_box, number, asked: false });
        tx.put_whole_notes(notes)
    })?;
    Ok(true)
}

/// The newest message that came from a far box at a place of a bundle.
///
/// # Errors
/// When the store fails.
pub fn came_at(context: &Context, far_box: Option<PeerId>, at: (u16, u8)) -> Result<Option<Message>, Fault> {
    newest(context, far_box, |message| message.came_in.is_some_and(|came| (came.bundle, came.place) == at))
}

/// The newest message that came from a far box, and fits.
///
/// # Errors
/// When the store fails.
pub fn newest(
    context: &Context,
    far_box: Option<PeerId>,
    fits: impl Fn(&Message) -> bool,
) -> Result<Option<Message>, Fault> {
    let of_it = |message: &&Message| message.came_in.is_some_and(|came| came.far_box == far_box) && fits(message);
    let (mut before, mut looked) = (None, 0);
    while looked < LOOKED_AT {
        let filter = ListFilter { origin: Some(Origin::Link), before, limit: PAGE, ..ListFilter::default() };
        let page = context.store.read(|view| view.page(&filter))?;
        if let Some(found) = page.messages.iter().find(of_it) {
            return Ok(Some(found.clone()));
        }
        looked += PAGE;
        match page.messages.last().map(|message| message.id).or(page.rest) {
            Some(last) => before = Some(last),
            None => break,
        }
    }
    Ok(None)
}

/// What it takes to get a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeOffer {
    /// Bytes of the mail.
    pub size: u32,
    /// Bytes on the line, about.
    pub packed: u32,
    /// Somebody has asked for it already.
    pub asked: bool,
    /// The link that would bring it; `None` where none of this box does.
    pub link: Option<WholeLink>,
}

/// A link that would bring a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeLink {
    /// Name of the link.
    pub name: String,
    /// What it costs there, with its currency.
    pub price: String,
    /// The link is ready now.
    pub ready: bool,
}

impl WholeOffer {
    /// Says in a sentence how large it is and what it would cost.
    pub fn words(&self) -> String {
        let (size, packed) = (size_of(self.size.into()), size_of(self.packed.into()));
        let by = match &self.link {
            None => "no link of this box brings whole mails".to_owned(),
            Some(link) => {
                let when = if link.ready { "now" } else { "when the far box is connected" };
                format!("{} brings it {when}, for {}", link.name, link.price)
            }
        };
        format!("{size}, about {packed} on the line: {by}")
    }
}

/// What it takes to get the mail of a message; `None` where there is none to get.
///
/// # Errors
/// When the store fails.
pub fn offer(context: &Context, message: &Message) -> Result<Option<WholeOffer>, Fault> {
    let Some(Whole::There { packed, size, asked, .. }) = message.whole else { return Ok(None) };
    let far_box = message.came_in.and_then(|came| came.far_box);
    let (settings, links, policy) =
        (context.store.settings(), context.store.links(), crate::engine::policy(&context.store));
    let market = Market::now(context)?;
    let of_link = |link: &LinkState| {
        let record = links.get(link.terms.id).filter(|record| record.on)?;
        let driver = crate::link::driver(&record.driver)?;
        let wide = (driver.whole)(&record.settings(&settings)) > 0 && policy.reaches(&link.terms, far_box);
        let money = of(&link.terms.price.filter(|_| wide)?, u64::from(packed));
        let price = price::amount(&settings, money).to_string();
        Some((!link.ready, money, WholeLink { name: link.terms.name.clone(), price, ready: link.ready }))
    };
    let best = market.links().filter_map(of_link).min_by_key(|(down, money, _)| (*down, *money));
    Ok(Some(WholeOffer { size, packed, asked, link: best.map(|(_, _, link)| link) }))
}

/// What so many packed bytes cost on a link.
pub fn of(price: &Price, bytes: u64) -> Money {
    price.quote(extent(bytes)).money
}

/// What so many packed bytes take on a link.
pub fn extent(bytes: u64) -> Extent {
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    Extent { bytes, packets: bytes.div_ceil(PIECE) }
}

/// True where the text of a message got where this box brings it.
pub fn has_left(text: &Message) -> bool {
    matches!(text.state, State::Sent | State::FarBox | State::Delivered)
}

/// Asks for the mail of a message: it comes by the next line that brings it.
///
/// # Errors
/// Permanent where there is nothing to ask for.
pub fn ask(tx: &mut Tx, id: Id) -> TxResult<()> {
    let message = tx.message(id)?;
    let Some(Whole::There { number, packed, size, .. }) = message.whole else {
        return reject(Fault::permanent(format!("there is no more of {id} than is here")));
    };
    let far_box = message.came_in.and_then(|came| came.far_box);
    tx.change(id, |message| message.whole = Some(Whole::There { number, packed, size, asked: true }))?;
    let mut notes = tx.whole_notes()?;
    notes.there.retain(|mail| mail.message != id);
    notes.there.push(MailThere { message: id, far_box, number, asked: true });
    tx.put_whole_notes(notes)
}

/// Nothing is asked for a message any more.
pub fn forget(tx: &mut Tx, id: Id) -> TxResult<()> {
    let mut notes = tx.whole_notes()?;
    let before = notes.there.len();
    notes.there.retain(|mail| mail.message != id);
    if notes.there.len() < before { tx.put_whole_notes(notes) } else { Ok(()) }
}

/// The messages of which the box that brings this one the world has the mails.
///
/// # Errors
/// When the store fails.
pub fn all_there(store: &Store) -> Result<Vec<Id>, Fault> {
    let theirs = |message: &Message| {
        let of_world = message.came_in.is_none_or(|came| came.far_box.is_none());
        of_world && matches!(message.whole, Some(Whole::There { .. }))
    };
    let (mut before, mut found) = (None, Vec::new());
    loop {
        let filter = ListFilter { origin: Some(Origin::Link), before, limit: PAGE, ..ListFilter::default() };
        let page = store.read(|view| view.page(&filter))?;
        found.extend(page.messages.iter().filter(|message| theirs(message)).map(|message| message.id));
        match page.messages.last().map(|message| message.id).or(page.rest) {
            Some(last) => before = Some(last),
            None => return Ok(found),
        }
    }
}

/// Another box brings this one the world from now on: the mails of these messages, and of all that are noted, are not there, and by
/// their numbers it knows others.
///
/// # Errors
/// When the store fails.
pub fn another_world(tx: &mut Tx, known: &[Id]) -> TxResult<()> {
    let mut notes = tx.whole_notes()?;
    let noted = notes.there.iter().filter(|mail| mail.far_box.is_none()).map(|mail| mail.message);
    for id in known.iter().copied().chain(noted) {
        if tx.find(id)?.is_some_and(|message| matches!(message.whole, Some(Whole::There { .. }))) {
            tx.change(id, |message| message.whole = Some(Whole::Gone))?;
        }
    }
    notes.there.retain(|mail| mail.far_box.is_some());
    tx.put_whole_notes(notes)
}

/// The far box does not have a mail any more.
///
/// # Errors
/// When the store fails.
pub fn gone(context: &Context, far_box: Option<PeerId>, number: u64) -> Result<(), Fault> {
    context.store.write(move |tx| {
        let mut notes = tx.whole_notes()?;
        let of = |mail: &MailThere| (mail.far_box, mail.number) == (far_box, number);
        for mail in notes.there.iter().filter(|mail| of(mail)) {
            if tx.find(mail.message)?.is_some_and(|message| matches!(message.whole, Some(Whole::There { .. }))) {
                tx.change(mail.message, |message| message.whole = Some(Whole::Gone))?;
            }
        }
        notes.there.retain(|mail| !of(mail));
        tx.put_whole_notes(notes)
    })
}
