//! Messages written on the page or with `satpost send`, and what they would become.

use crate::address::{Address, AddressError, Mailbox, looks_like_phone, pasted};
use crate::deliver::compose::one_line;
use crate::engine::Context;
use crate::engine::link::inbound::message_id;
use crate::engine::link::market::Shown;
use crate::fault::Fault;
use crate::message::Wanted;
use crate::message::reason::{NeedsOwner, NoRoute};
use crate::message::{Message, Origin, Reason, State, Way, words};
use crate::money::{Bill, Money, OverBudget, Use};
use crate::people::Person;
use crate::route::choose::{Policy, Route};
use crate::route::plan::{self, NewMessage};
use crate::route::price;
use crate::route::segments::{self, Segments};
use crate::route::terms;
use crate::settings::Key;
use crate::store::{BodyIn, Committed, IncomingMail};

/// What a message would become: shown before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The way it would take.
    pub way: Way,
    /// What would become of it at once.
    pub state: State,
    /// Why.
    pub reason: Reason,
    /// A budget in the way of it: it would be held.
    pub over: Option<OverBudget>,
    /// Bytes of its text on a link; 0 on other ways.
    pub bytes: usize,
    /// Packets on a link; 0 on other ways.
    pub packets: usize,
    /// The text as text messages, for a phone.
    pub texts: Option<Segments>,
    /// What these cost; `None` where nothing costs, or no price is known.
    pub price: Option<Money>,
    /// What each link offers for it, and which one takes it; empty on other ways.
    pub links: Vec<Shown>,
}

/// A message as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ComposeForm {
    /// A mail address, a phone number, or the name of a person of this box.
    pub to: String,
    /// One line.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The terms on which it is to go.
    pub wanted: Wanted,
}

/// Keeps a message written on the page or with `satpost send`.
///
/// # Errors
/// Permanent with a sentence when it cannot be sent like that; temporary when the disk is in the way.
pub fn compose(context: &Context, author: &Person, sheet: &ComposeForm) -> Result<Committed, Fault> {
    let message = written(context, author, sheet)?;
    let committed = context.store.put(IncomingMail { messages: vec![message], body: BodyIn::None })?;
    for id in committed.ids() {
        log::info!("{id} taken by web");
    }
    Ok(committed)
}

/// What [`compose`] would make of a message, without keeping it.
///
/// # Errors
/// As [`compose`].
pub fn preview(context: &Context, author: &Person, sheet: &ComposeForm) -> Result<Preview, Fault> {
    let message = written(context, author, sheet)?;
    let policy = context.policy();
    let (bytes, packets) = match policy.choose(&message.to) {
        Route::Link(device) => match message.size.and_then(|size| size.best()) {
            Some(extent) => (extent.bytes, extent.packets),
            None => return Err(unwritable(&message, device.is_some(), policy.max_payload(device))),
        },
        _ => (0, 0),
    };
    let texts = message.to.phone().map(|_| segments::of(&message));
    let price = message.bill.as_ref().map(|bill| bill.wanted.money).filter(|money| money.0 > 0);
    let (links, why) = context.shown_links(&message)?;
    let (way, state) = (message.way, message.state);
    // What the choice says is said only of what would be queued.
    let reason = why.filter(|_| state == State::Queued).unwrap_or_else(|| message.reason.clone());
    let over = message.bill.filter(|_| state == State::Queued).and_then(|bill| over_budget(context, &bill));
    let (state, reason) = over.clone().map_or((state, reason), |over| (State::Held, over.into()));
    Ok(Preview { way, state, reason, over, bytes, packets, texts, price, links })
}

impl Preview {
    /// Why, in the owner's words.
    pub fn said(&self) -> String {
        match &self.over {
            Some(budget) => format!("{budget}: it would be held"),
            None => self.reason.to_string(),
        }
    }

    /// Why, in the words of a person.
    pub fn for_person(&self) -> String {
        words::person(&self.reason, self.way, self.state)
    }
}

/// Why a message can be written in no coding.
fn unwritable(message: &Message, to_device: bool, max_payload: usize) -> Fault {
    match plan::packets(message, to_device, max_payload) {
        Err(why) => Fault::refused(NeedsOwner::Unsplittable(why)),
        Ok(_) => Fault::permanent("it cannot be written into packets"),
    }
}

/// Which budget would be in the way of a bill.
fn over_budget(context: &Context, bill: &Bill) -> Option<OverBudget> {
    let month = price::month(&context.store.settings(), context.now());
    let read = context.store.read(|view| Ok((view.spent_in(&month)?, view.reserved()?)));
    let (spent, reserved) = read.unwrap_or_default();
    let of = |account: &str| {
        let spent = spent.iter().find(|(name, _)| name == account).map_or(Use::default(), |(_, used)| *used);
        spent.plus(reserved.get(account).copied().unwrap_or_default())
    };
    bill.limits.iter().find_map(|(account, limit)| {
        let limit = limit.check(of(account), bill.wanted, bill.urgent).err()?;
        Some(OverBudget { account: account.clone(), limit })
    })
}

/// A recipient as somebody writes it: a person of this box, a phone in the local form, or a mail address.
fn recipient(policy: &Policy, to: &str) -> Result<Address, AddressError> {
    let to = &pasted::visible(to);
    if to.contains('@') || to.is_empty() {
        return Ok(policy.resolve(&to.parse()?)?);
    }
    if looks_like_phone(to) && policy.people.get(to).is_none() {
        return Ok(policy.at_number(to)?);
    }
    Ok(policy.resolve(&Mailbox::new(to, policy.settings.text(Key::Domain))?)?)
}

fn written(context: &Context, author: &Person, sheet: &ComposeForm) -> Result<Message, Fault> {
    let (policy, now) = (context.policy(), context.now());
    let to = recipient(&policy, &sheet.to).map_err(Fault::permanent)?;
    let terms = terms::read(&sheet.wanted, &policy.settings, now).map_err(Fault::permanent)?;
    if author.disabled {
        return Err(Fault::refused(NoRoute::MayNotSend { name: author.name.clone() }));
    }
    if let Route::Nowhere(why) = policy.choose(&to) {
        return Err(Fault::refused(why));
    }
    let from =
        policy.address_of(author).ok_or_else(|| Fault::permanent("this box has no mail domain yet: set box.domain"))?;
    let subject = one_line(&sheet.subject);
    let text = sheet.text.replace("\r\n", "\n");
    let text = text.trim_start_matches('\n').trim_end().to_owned();
    if subject.is_empty() && text.is_empty() {
        return Err(Fault::permanent("the message is empty"));
    }
    if let Some(why) = to.phone().and_then(|_| segments::too_long(&segments::text_for_phone(&subject, &text))) {
        return Err(Fault::refused(why));
    }
    let draft = NewMessage {
        author: Some(author.name.clone()),
        subject,
        message_id: Some(message_id(policy.settings.text(Key::Domain))),
        terms,
        ..NewMessage::new(Origin::Web, Address::Mail(from), to, text)
    };
    let message = context.plan(&policy, draft);
    match policy.over_limit(&message, message.bill.as_ref()) {
        Some(why) => Err(Fault::refused(why)),
        None => Ok(message),
    }
}
