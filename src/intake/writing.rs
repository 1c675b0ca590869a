//! Messages written on the page or with `satpost send`, and what they would become.

use std::collections::BTreeMap;

use super::drafts::{self, recipient, recipients};
use crate::address::{Address, AddressError, pasted};
use crate::deliver::compose::message_id;
use crate::engine::Context;
use crate::engine::link::market::Shown;
use crate::fault::Fault;
use crate::message::Wanted;
use crate::message::reason::{LinkBar, NeedsOwner, NoRoute, TextReason};
use crate::message::{Extent, Id, Message, Origin, Reason, State, Way, words};
use crate::money::{Bill, Money, OverBudget, Use};
use crate::people::Person;
use crate::route::choose::{Policy, Route};
use crate::route::plan::NewMessage;
use crate::route::price::{self, LinkCost};
use crate::route::segments::{self, Segments};
use crate::route::size;
use crate::route::terms;
use crate::settings::Key;
use crate::store::{BodyIn, Committed, IncomingMail, Tx, TxResult, reject};

/// What a message to one of its recipients would become: shown before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The recipient, as it was read.
    pub to: Address,
    /// The way it would take.
    pub way: Way,
    /// What would become of it at once.
    pub state: State,
    /// What would bring it into that state.
    pub reason: Reason,
    /// A budget in the way of it: it would be held.
    pub over: Option<OverBudget>,
    /// Bytes of its text on the link that takes it, or that it waits for; 0 on other ways.
    pub bytes: usize,
    /// Packets on that link; 0 on other ways.
    pub packets: usize,
    /// The text as text messages, for a phone.
    pub texts: Option<Segments>,
    /// Texts that it would be as it was written, where plain quotation marks and dashes make it fewer.
    pub as_written: Option<usize>,
    /// What these cost; `None` where nothing costs, or no price is known.
    pub price: Option<Money>,
    /// What it takes on the dearest link that may take it, or might once it is released; `None` on other ways, and where no
    /// link has a price.
    pub dearest: Option<Dearest>,
    /// What each link offers for it, and which one takes it; empty on other ways.
    pub links: Vec<Shown>,
}

/// What a message would take at most, on the dearest link that may take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dearest {
    /// Name of that link.
    pub link: String,
    /// Bytes and packets there.
    pub extent: Extent,
    /// Credits that its bytes begin there; `None` where the link charges for something else.
    pub credits: Option<Credits>,
    /// What it costs there, whatever goes before it.
    pub price: Money,
    /// A budget that has room for its quote, and none for this: there it would be held.
    pub over: Option<OverBudget>,
}

/// Credits of a message: bytes that a link charges for together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credits {
    /// How many its bytes begin.
    pub count: usize,
    /// Characters at its end that cost the last of them; 0 where there is but one, where they are more than a line, and where
    /// nobody looked, as for several recipients.
    pub over: usize,
}

impl std::fmt::Display for Credits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plural = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        f.write_str(&plural(self.count, "credit"))?;
        match (self.over, self.count) {
            (0, _) => Ok(()),
            (over, count) => write!(f, " ({} without its last {})", count - 1, plural(over, "character")),
        }
    }
}

/// A message as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ComposeForm {
    /// Mail addresses, phone numbers, or names of people of this box, one or several.
    pub to: String,
    /// The subject, on one line; may be empty.
    pub subject: String,
    /// The text, in plain lines.
    pub text: String,
    /// What it answers, as the page names it; empty for nothing.
    pub answers: String,
    /// Message-IDs of the thread that it continues, the oldest first; empty where nobody said.
    pub references: Vec<String>,
    /// The terms on which it is to go.
    pub wanted: Wanted,
    /// A name that only this form has: sent twice it makes its messages once. Empty for none.
    pub once: String,
    /// The window that it is written in, which its draft remembers. Empty for none.
    pub tab: String,
    /// UID in Drafts of the version that this window was opened with.
    pub seen: Option<u32>,
    /// UID in Drafts of what a mail program began and this form goes on with; gone once this is kept or sent.
    pub begun: Option<u32>,
}

/// Keeps a message written on the page or with `satpost send`: for all of its recipients, in their order, or for none.
///
/// # Errors
/// Permanent with a sentence when it cannot be sent like that, or when its form made another message before; temporary when
/// the disk is in the way.
pub fn compose(context: &Context, author: &Person, sheet: &ComposeForm) -> Result<Committed, Fault> {
    let messages = written(context, author, sheet)?;
    let (mail, now) = (IncomingMail { messages, body: BodyIn::None }, context.now());
    let form = Some(drafts::form_of(&author.name, &sheet.once)).filter(|_| !sheet.once.is_empty());
    let in_tab = drafts::in_tab(&author.name, sheet);
    for _ in 0..drafts::TURNS {
        let met = drafts::met(context, &author.name, sheet)?;
        // The words of another window stay a draft.
        let draft = if met.own { drafts::name_of(&sheet.once) } else { String::new() };
        let (person, once, begun) = (author.name.clone(), sheet.once.clone(), sheet.begun);
        let (form, in_tab, mail) = (form.clone(), in_tab.clone(), mail.clone());
        let (committed, made) = context.store.commit_in(move |tx| {
            let Some(form) = &form else { return Ok((tx.add(&mail)?, Made::Anew)) };
            let before = tx.made_by_form(form)?;
            if !before.is_empty() {
                return match same(tx, &before, &mail.messages)? {
                    true => Ok((before, Made::Before)),
                    false => reject(Fault::permanent(SENT_BEFORE)),
                };
            }
            if !met.holds(tx, &person, &once)? {
                return Ok((Vec::new(), Made::NotYet));
            }
            let ids = tx.add(&mail)?;
            tx.form_made(form, &ids, now)?;
            if let Some(in_tab) = &in_tab {
                tx.form_made(in_tab, &ids, now)?;
            }
            drafts::drop(tx, &person, &draft, begun)?;
            Ok((ids, Made::Anew))
        })?;
        let words = match made {
            Made::Anew => "taken",
            Made::Before => "asked for again",
            Made::NotYet => continue,
        };
        committed.ids().iter().for_each(|id| log::info!("{id} {words} by web"));
        return Ok(committed);
    }
    Err(drafts::met_too_often())
}

/// Why a form is refused that made its messages before.
pub const SENT_BEFORE: &str = "this form was sent before, with other words";

/// What a form made of its messages.
enum Made {
    Anew,
    Before,
    /// Its draft has changed since it was looked at.
    NotYet,
}

/// True when these messages were made of the same words, for the same recipients.
fn same(tx: &Tx, before: &[Id], messages: &[Message]) -> TxResult<bool> {
    if before.len() != messages.len() {
        return Ok(false);
    }
    for (id, wanted) in before.iter().zip(messages) {
        let made = tx.find(*id)?;
        let is_same =
            |made: Message| (&made.to, &made.subject, &made.text) == (&wanted.to, &wanted.subject, &wanted.text);
        if !made.is_some_and(is_same) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Says of each field of a message that will not do why; nothing is kept.
pub fn problems(context: &Context, author: &Person, sheet: &ComposeForm) -> Vec<(&'static str, String)> {
    let (policy, now) = (context.policy(), context.now());
    let mut all = Vec::new();
    let pieces = pasted::several(&sheet.to);
    for piece in &pieces {
        match recipient(&policy, piece).map(|to| policy.choose(&to)) {
            // What has no @ may have been meant as anything.
            Err(AddressError::Local(_) | AddressError::Domain(_) | AddressError::NoAt(_)) if !piece.contains('@') => {
                let piece = words::isolated(piece);
                all.push(("to", format!("'{piece}' is no mail address, no phone number and nobody of this box")));
            }
            Err(why) => all.push(("to", why.to_string())),
            Ok(Route::Nowhere(why)) => all.push(("to", Fault::refused(why).why())),
            Ok(_) => {}
        }
    }
    if pieces.is_empty() {
        all.push(("to", "name a recipient: a mail address, a phone number, or a person of this box".to_owned()));
    }
    let Wanted { priority, by, at_most, links } = sheet.wanted.clone();
    for (field, wanted) in [
        ("priority", Wanted { priority, ..Wanted::default() }),
        ("links", Wanted { links, ..Wanted::default() }),
        ("by", Wanted { by, ..Wanted::default() }),
        ("at_most", Wanted { at_most, ..Wanted::default() }),
    ] {
        all.extend(terms::read(&wanted, &policy.settings, now).err().map(|why| (field, why.to_string())));
    }
    if sheet.subject.trim().is_empty() && sheet.text.trim().is_empty() {
        all.push(("text", "there is nothing to send: write a subject or a text".to_owned()));
    }
    if policy.address_of(author).is_none() {
        all.push(("to", "this box has no mail domain yet, so a message has no sender address".to_owned()));
    }
    all
}

/// What [`compose`] would make of a message, without keeping it.
///
/// # Errors
/// As [`compose`].
pub fn preview(context: &Context, author: &Person, sheet: &ComposeForm) -> Result<Vec<Preview>, Fault> {
    previews(context, author, sheet, true)
}

/// The same without a search for the characters that cost the last credit, each step of which is a look at the coding.
///
/// # Errors
/// As [`compose`].
pub fn quote(context: &Context, author: &Person, sheet: &ComposeForm) -> Result<Vec<Preview>, Fault> {
    previews(context, author, sheet, false)
}

fn previews(context: &Context, author: &Person, sheet: &ComposeForm, search: bool) -> Result<Vec<Preview>, Fault> {
    let (messages, policy) = (written(context, author, sheet)?, context.policy());
    let month = price::month(&policy.settings, context.now());
    let used = context.store.read(|view| view.used_in(&month))?;
    let mut used = Used { at_most: used.clone(), quoted: used };
    // For many recipients there would be as many searches.
    let search = search && messages.len() == 1;
    messages.into_iter().map(|message| preview_of(context, &policy, message, search, &mut used)).collect()
}

/// What the accounts used in this month, with what the messages to the recipients before would cost.
struct Used {
    quoted: BTreeMap<String, Use>,
    at_most: BTreeMap<String, Use>,
}

/// Adds to each account that a bill is in.
fn add(used: &mut BTreeMap<String, Use>, bill: &Bill, wanted: Use) {
    for account in bill.accounts() {
        let sum = used.entry(account.to_owned()).or_default();
        *sum = sum.plus(wanted);
    }
}

fn preview_of(
    context: &Context,
    policy: &Policy,
    message: Message,
    search: bool,
    used: &mut Used,
) -> Result<Preview, Fault> {
    let mut extent = Extent { bytes: 0, packets: 0 };
    if let Route::Link(device) = policy.choose(&message.to) {
        let measured = message.size.and_then(|size| size.best());
        extent = measured.ok_or_else(|| unwritable(&message, device.is_some(), policy.max_payload(device)))?;
    }
    let texts = message.to.phone().map(|_| segments::of(&policy.settings, &message));
    let as_written = texts.as_ref().and_then(|_| segments::as_written(&policy.settings, &message));
    let mut price = message.bill.as_ref().map(|bill| bill.wanted.money).unwrap_or_default();
    let (links, choice) = context.shown_links(&message)?;
    // As things stand it goes by this one.
    let costs = policy.link_costs(&message, false);
    let taker = links.iter().find(|link| link.chosen).map(|link| link.offer.link);
    if let Some(cost) = costs.iter().find(|cost| Some(cost.link.id) == taker) {
        (extent, price) = (cost.extent, cost.wanted.money);
    }
    // What is held goes once somebody releases it, however long it is.
    let cost = policy.dearest(&message, message.state == State::Held);
    let mut dearest = cost.map(|cost| Dearest {
        link: cost.link.name.clone(),
        extent: cost.extent,
        credits: credits(context, policy, &message, cost, search),
        price: cost.at_most.money,
        over: None,
    });
    let (Extent { bytes, packets }, price) = (extent, Some(price).filter(|money| money.0 > 0));
    let (way, state) = (message.way, message.state);
    let opted_out = opted_out(context, policy, &message)?.filter(|_| way == Way::Carrier);
    let waits = state == State::Queued && opted_out.is_none();
    let bill = message.bill.filter(|_| waits);
    let over = bill.as_ref().and_then(|bill| bill.over(bill.wanted, &used.quoted));
    if let Some(bill) = bill.filter(|_| over.is_none()) {
        let at_most =
            cost.map(|cost| cost.at_most).filter(|most| most.money > bill.wanted.money).unwrap_or(bill.wanted);
        let over = bill.over(at_most, &used.at_most);
        add(&mut used.quoted, &bill, bill.wanted);
        add(&mut used.at_most, &bill, if over.is_some() { bill.wanted } else { at_most });
        if let Some(dearest) = &mut dearest {
            dearest.over = over;
        }
    }
    let (state, reason) = match (opted_out, &over) {
        (Some(why), _) => (State::Returned, why.into()),
        (None, Some(over)) => (State::Held, over.clone().into()),
        // What the choice of the link says is said only of what would be queued.
        (None, None) => (state, choice.filter(|_| waits).unwrap_or(message.reason)),
    };
    let to = message.to;
    Ok(Preview { to, way, state, reason, over, bytes, packets, texts, as_written, price, dearest, links })
}

/// Lengths that are tried: up to 80 characters less.
const TRIES: usize = 24;

/// What a message costs in credits, and how many of its last characters cost the last one, where that is searched for.
fn credits(
    context: &Context,
    policy: &Policy,
    message: &Message,
    dearest: LinkCost<'_>,
    search: bool,
) -> Option<Credits> {
    let Route::Link(device) = policy.choose(&message.to) else { return None };
    let (price, count) = (dearest.link.price?, dearest.credits()?);
    if !search {
        return Some(Credits { count, over: 0 });
    }
    let on_link = policy.for_link(dearest.link.id);
    let of = |message: &Message| price.credits(on_link.size_of(message, device).best()?);
    let whole = message.text.chars().count();
    // Measured as the whole is, and cut for the link as that was.
    let without = |over: usize| {
        let text = message.text.chars().take(whole - over).collect();
        let shorter = Message { text, size: None, ..message.clone() };
        of(&Message { size: context.measured_now(policy, &shorter), ..shorter }).is_some_and(|less| less < count)
    };
    // Cut off within a word a text may take more on air than with all of the word, so one length after the other is tried, close
    // by each of them.
    let lengths = std::iter::successors(Some(1), |over: &usize| Some(over + 1 + over / 8)).take(TRIES);
    let over = lengths.take_while(|over| count > 1 && *over <= whole).find(|over| without(*over));
    Some(Credits { count, over: over.unwrap_or(0) })
}

/// The phone wants no texts from the number that this would come from.
fn opted_out(context: &Context, policy: &Policy, message: &Message) -> Result<Option<TextReason>, Fault> {
    let (Some(number), Some(phone)) = (policy.service_number(message), message.to.phone()) else { return Ok(None) };
    let out = context.store.read(|view| view.opted_out(number, phone))?;
    Ok(out.map(|out| TextReason::OptedOut { phone, since: out.at, how: out.how }))
}

impl Preview {
    /// What it costs at most, where that is more than its price as things stand.
    pub fn more(&self) -> Option<&Dearest> {
        self.dearest.as_ref().filter(|most| most.price > self.price.unwrap_or_default())
    }

    /// What it costs at most: on the dearest link that may take it. `None` where nothing costs, or no price is known.
    pub fn at_most(&self) -> Option<Money> {
        self.more().map(|most| most.price).or(self.price)
    }

    /// Its credits on the dearest link that may take it; `None` where that charges for something else.
    pub fn credits(&self) -> Option<Credits> {
        self.dearest.as_ref()?.credits
    }

    /// The link that takes it, or that it waits for, by name, where there are several.
    pub fn by(&self) -> Option<&str> {
        let used = |link: &&Shown| link.offer.bar != Some(LinkBar::Off);
        let several = self.links.iter().filter(used).count() > 1;
        self.links.iter().find(|link| link.chosen && several).map(|link| link.link.as_str())
    }

    /// What plain marks save, as `2 texts`.
    pub fn saved(&self) -> Option<String> {
        self.as_written.map(|texts| format!("{texts} texts"))
    }

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
    match size::packets(message, to_device, max_payload) {
        Err(why) => Fault::refused(NeedsOwner::Unsplittable(why)),
        Ok(_) => Fault::permanent("it cannot be written into packets"),
    }
}

fn written(context: &Context, author: &Person, sheet: &ComposeForm) -> Result<Vec<Message>, Fault> {
    let policy = context.policy();
    let message_id = message_id(policy.settings.text(Key::Domain));
    let to = recipients(&policy, &sheet.to)?.into_iter();
    to.map(|to| written_to(context, &policy, author, sheet, to, &message_id)).collect()
}

fn written_to(
    context: &Context,
    policy: &Policy,
    author: &Person,
    sheet: &ComposeForm,
    to: Address,
    message_id: &str,
) -> Result<Message, Fault> {
    let now = context.now();
    let terms = terms::read(&sheet.wanted, &policy.settings, now).map_err(Fault::permanent)?;
    if author.disabled {
        return Err(Fault::refused(NoRoute::MayNotSend { name: author.name.clone() }));
    }
    if let Route::Nowhere(why) = policy.choose(&to) {
        return Err(Fault::refused(why));
    }
    let from =
        policy.address_of(author).ok_or_else(|| Fault::permanent("this box has no mail domain yet: set box.domain"))?;
    let (subject, text) = drafts::written_words(sheet);
    if subject.is_empty() && text.is_empty() {
        return Err(Fault::permanent("the message is empty"));
    }
    if let Some(why) = to.phone().and_then(|_| segments::too_long(&segments::text_for_phone(&subject, &text))) {
        return Err(Fault::refused(why));
    }
    let draft = NewMessage {
        author: Some(author.name.clone()),
        subject,
        message_id: Some(message_id.to_owned()),
        references: sheet.references.clone(),
        terms,
        ..NewMessage::new(Origin::Web, Address::Mail(from), to, text)
    };
    let message = context.plan(policy, draft);
    match policy.over_limit(&message, message.bill.as_ref()) {
        Some(why) => Err(Fault::refused(why)),
        None => Ok(message),
    }
}
