//! Messages: the list, one message with its time line, and the actions on it.

pub mod release;
pub mod whole;

use minijinja::{Value, context};
use serde::Serialize;

use super::{Ask, Reply, query, queue};
use crate::admin::auth;
use crate::admin::response::Response;
use crate::admin::view::{Moment, bytes};
use crate::admin::words::{key, say, word};
use crate::engine::actions::{Cost, MessageAction, again, is_releasable, waits_for_budget};
use crate::engine::link::whole::enclosed;
use crate::fault::Fault;
use crate::intake::reading;
use crate::message::reason::{Acknowledged, LinkReason, Waits};
use crate::message::{Id, Message, Origin, Packet, PacketState, Priority, Reason, State, Step, Way, Whole, words};
use crate::route::choose::Policy;
use crate::route::segments;
use crate::settings::Key;
use crate::store::ListFilter;

const PAGE: usize = 50;

/// Tabs: name in the query, key of the words.
const TABS: [(&str, &str); 6] = [
    ("", key!("messages.tab_all")),
    ("up", key!("messages.tab_up")),
    ("down", key!("messages.tab_down")),
    ("waiting", key!("messages.tab_waiting")),
    ("held", key!("messages.tab_held")),
    ("failed", key!("messages.tab_failed")),
];

/// A message as a line of a list.
#[derive(Debug, Serialize)]
pub struct Line {
    id: String,
    at: Moment,
    from: String,
    to: String,
    subject: String,
    state: String,
    tone: &'static str,
    reason: String,
    way: String,
}

/// Makes the line of a message.
pub fn line(ask: &Ask, message: &Message) -> Line {
    Line {
        id: message.id.to_string(),
        at: ask.times.moment(message.accepted),
        from: super::names::sender(ask, message),
        to: message.to.to_string(),
        subject: shorten(&message.title(), 90),
        state: state_of(message),
        tone: tone_of(message),
        reason: shorten(&reason(ask, message), 160),
        way: super::names::way(message.way),
    }
}

/// What a message is, in a word or two: the same in every list and on its page.
pub fn state_of(message: &Message) -> String {
    if is_unsure(&message.reason) && message.state == State::Sent {
        say!("message.perhaps_sent")
    } else {
        message.state.words().to_owned()
    }
}

/// True where nobody here can tell whether it was sent.
fn is_unsure(reason: &Reason) -> bool {
    matches!(reason.root(), Reason::Link(LinkReason::Acknowledged { how: Acknowledged::NotKnown, .. }))
}

/// Why a message is in its state: the whole fact for who looks after the box, plain words for a person.
fn reason(ask: &Ask, message: &Message) -> String {
    let words = if ask.operator() { message.reason.to_string() } else { words::for_person(message) };
    let words = ask.times.local(&words);
    let for_link = message.state == State::Queued && matches!(message.reason.root(), Reason::Waits(Waits::LinkDown));
    match for_link && !ask.operator() && super::trouble::no_link(ask) {
        true => say!("message.no_link_now", why = words),
        false => words,
    }
}

/// Why a step of its time line was, for the same two.
fn cause(ask: &Ask, message: &Message, step: &Step) -> String {
    let operator = ask.operator();
    let words = if operator { step.cause.to_string() } else { words::person(&step.cause, message.way, step.state) };
    ask.times.local(&words)
}

/// Gives the colour and sign of a state.
pub fn tone(state: State) -> &'static str {
    match state {
        State::Held | State::Unconfirmed => "warn",
        State::Queued | State::OnLink => "wait",
        State::Sent | State::FarBox | State::Delivered => "good",
        State::Returned | State::Expired => "bad",
        State::Cancelled | State::Refused => "off",
    }
}

/// Gives the colour and sign of messages in this state to which something can still happen.
pub fn tone_of_open(state: State) -> &'static str {
    if state == State::Sent { "wait" } else { tone(state) }
}

/// Gives the colour and sign of a message: one that is sent and awaits a receipt is not done.
pub fn tone_of(message: &Message) -> &'static str {
    match message.state {
        State::Sent if !message.is_final() || is_unsure(&message.reason) => "wait",
        // It goes on there by itself, or somebody there has to decide.
        State::FarBox if matches!(message.beyond(), Some("held" | "unknown")) => "warn",
        State::FarBox => "wait",
        state => tone(state),
    }
}

/// Shows the list. Persons see their own messages, operators all.
pub fn list(ask: &Ask) -> Reply {
    let fields = &ask.request.query;
    let tab = TABS.iter().map(|(name, _)| *name).find(|name| *name == fields.get("tab")).unwrap_or_default();
    let state = State::ALL.into_iter().find(|state| state.words() == fields.get("state"));
    let mut filter = ListFilter {
        search: fields.get("q").trim().chars().take(100).collect(),
        person: (!ask.operator()).then(|| ask.me().to_owned()),
        domain: ask.settings.text(Key::Domain).to_owned(),
        before: fields.get("before").parse().ok(),
        limit: PAGE + 1,
        ..ListFilter::default()
    };
    match tab {
        "up" => filter.way = Some(Way::Link),
        "down" => filter.origin = Some(Origin::Link),
        "waiting" => filter.states = vec![State::Queued, State::OnLink],
        "held" => filter.states = vec![State::Held],
        "failed" => filter.states = vec![State::Returned, State::Expired, State::Unconfirmed],
        _ => {}
    }
    if let Some(state) = state {
        filter.states = vec![state];
    }
    let (search, first) = (filter.search.clone(), filter.before.is_none());
    let page = ask.app.store.read(move |view| view.page(&filter))?;
    let (mut found, rest) = (page.messages, page.rest);
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    let here = |tab: &str, before: &str| {
        let state = state.map(State::words).unwrap_or_default();
        query(&[("tab", tab), ("q", &search), ("state", state), ("before", before)])
    };
    let older = found.last().filter(|_| more).map(|message| message.id).or(rest).map(|id| here(tab, &id.to_string()));
    let tabs: Vec<_> = TABS
        .iter()
        .map(|(name, words)| {
            (format!("/messages{}", query(&[("tab", name), ("q", &search)])), word(words), *name == tab)
        })
        .collect();
    let rows: Vec<_> = found.iter().map(|message| line(ask, message)).collect();
    let states: Vec<_> = State::ALL.iter().map(|state| state.words()).collect();
    let values = context! {
        rows, older, tabs, tab, states, search,
        state => state.map(State::words),
        newest => (!first).then(|| here(tab, "")),
        filtered => !search.is_empty() || state.is_some(),
    };
    Ok(ask.page(200, "messages.html", "messages", &say!("common.messages"), values))
}

/// Finds a message that the one who asks may see.
///
/// # Errors
/// Permanent when there is none, or it is somebody else's.
pub fn mine(ask: &Ask, id: Id) -> Result<Message, Fault> {
    let none = || Fault::permanent(say!("message.there_is_no_message", id = id));
    let message = ask.app.store.message(id)?.ok_or_else(none)?;
    let own = message.concerns(ask.me(), ask.settings.text(Key::Domain));
    if ask.operator() || own { Ok(message) } else { Err(none()) }
}

/// Shows one message.
pub fn one(ask: &Ask, id: &str, status: u16, error: &str) -> Reply {
    let Some(message) = id.parse().ok().and_then(|id| mine(ask, id).ok()) else {
        return Ok(ask.sorry(404, &say!("message.there_is_no_such")));
    };
    let packets = ask.app.store.read(|view| view.packets_of(message.id))?;
    let steps: Vec<_> = message
        .steps
        .iter()
        .rev()
        .enumerate()
        // The last step is what the message is now, and has its colour.
        .map(|(ago, step)| context! { at => ask.times.moment(step.at), state => if ago == 0 { state_of(&message) } else { step.state.words().to_owned() }, tone => if ago == 0 { tone_of(&message) } else { tone(step.state) }, cause => cause(ask, &message, step), packets => step.packets })
        .collect();
    let mail = reading::whole(&ask.app.context, &message)?;
    let files = mail.as_ref().map(|mail| super::attached::rows(&mail.files)).unwrap_or_default();
    let all = mail.filter(|_| ask.request.query.ticked("whole")).map(|mail| mail.lines);
    let waits = !message.is_final();
    let policy = crate::engine::policy(&ask.app.store);
    // One that waits for a budget goes by itself: there is nothing to decide.
    let decides = is_releasable(&policy, &message) && !waits_for_budget(&message);
    let release = match ask.operator() && decides {
        true => Some(release::offer(ask, &policy, &message)?),
        false => None,
    };
    let mut actions = if ask.operator() { possible(ask, &policy, &message)? } else { Vec::new() };
    if !ask.operator() && message.is_by(ask.me()) && State::HERE.contains(&message.state) {
        actions.push(("take-back", say!("message.take_back"), say!("message.cancel_does")));
    }
    let goes = matches!(message.state, State::Queued | State::Held) || actions.iter().any(|(act, ..)| *act == "again");
    let along = if goes { enclosed::along(&ask.app.context, &message)? } else { None };
    let values = context! {
        error => ask.times.local(error), steps, files, release,
        whole => all,
        once => auth::once_for(ask.visitor, &format!("{} {}", message.id, message.steps.len())),
        text => message.text.trim_end(),
        row => line(ask, &message),
        id => message.id.to_string(),
        subject => message.subject,
        reason => reason(ask, &message),
        origin => super::names::origin(message.origin),
        author => message.author,
        header_from => message.sender.header_from.as_ref().map(ToString::to_string),
        return_path => message.sender.return_path.as_ref().map(|path| path.address.to_string()),
        about => message.about.map(|id| id.to_string()),
        automatic => message.automatic.as_ref().map(ToString::to_string),
        whole_offer => whole::offer(ask, &message)?,
        mail_along => along.map(|along| along.to_string()),
        whole_mail => message.whole.as_ref().map(ToString::to_string),
        cut => message.cut.iter().filter(|_| !matches!(message.whole, Some(Whole::Went))).map(ToString::to_string).collect::<Vec<_>>(),
        message_id => message.message_id,
        priority => Some(message.terms.priority).filter(|priority| *priority != Priority::Normal).map(Priority::word),
        by => message.terms.by.map(|by| ask.times.moment(by)),
        at_most => message.terms.at_most.map(|money| super::costs::amount(ask, money)),
        deadline => waits.then(|| ask.times.moment(message.limit())),
        next => (message.state == State::Queued && message.next > ask.times.now).then(|| ask.times.moment(message.next)),
        tries => message.tries,
        unsure => !message.clock_believed,
        clock_moved => message.clock_moved.map(|by| super::super::view::span(std::time::Duration::from_secs(by.unsigned_abs()))),
        size => message.mail.as_ref().map(|mail| bytes(mail.size)),
        air => bytes((message.subject.len() + message.text.len()) as u64),
        ashore => message.beyond(),
        account => message.account.as_ref().map(|account| account.words()),
        texts => phone(&message).then(|| super::names::texts(ask, &segments::of(&ask.settings, &message))),
        price => message.bill.as_ref().map(|bill| bill.total().money).filter(|money| money.0 > 0).map(|money| super::costs::amount(ask, money)),
        packets => packets.iter().map(|packet| packet_row(ask, &message, packet)).collect::<Vec<_>>(),
        actions,
    };
    Ok(ask.page(status, "message.html", "messages", &say!("message.message"), values))
}

/// True for a message to or from a phone.
fn phone(message: &Message) -> bool {
    message.to.phone().or(message.from.phone()).is_some()
}

/// An action on a message: name in the path, label, what it does.
type Action = (&'static str, String, String);

/// Lists the actions that make sense for a message in this state.
fn possible(ask: &Ask, policy: &Policy, message: &Message) -> Result<Vec<Action>, Fault> {
    let hold = ("hold", say!("message.hold"), say!("message.it_stays_here_until"));
    let retry = ("retry", say!("message.try_now"), say!("message.it_does_not_wait"));
    let cancel = ("cancel", say!("message.cancel_it"), say!("message.cancel_does"));
    let mut actions = match message.state {
        State::Queued => vec![retry, hold, cancel.clone()],
        State::OnLink => vec![cancel.clone()],
        _ => Vec::new(),
    };
    if let Some(offer) = again::offer(&ask.app.context, policy, message)? {
        actions.push(("again", say!("message.send_again"), offer.to_string()));
    }
    if is_releasable(policy, message) {
        let cost = Cost::of(policy, message);
        if !waits_for_budget(message) {
            let words = say!("message.goes_now", clause = cost.clause());
            actions.push(("release", say!("message.release"), words));
        }
        if message.stranger.is_some() {
            let words = say!("message.goes_now_and_later", clause = cost.clause());
            actions.push(("allow", say!("message.release_and_allow"), words));
        }
        actions.extend(Some(cancel).filter(|_| message.state == State::Held));
    }
    Ok(actions)
}

fn packet_row(ask: &Ask, message: &Message, packet: &Packet) -> Value {
    let id = message.id;
    let others: Vec<_> = packet.messages.iter().filter(|other| **other != id).map(Id::to_string).collect();
    let (word, tone, more) = match &packet.state {
        PacketState::Planned => (say!("message.packet_planned"), "wait", String::new()),
        PacketState::Handing(_) => (say!("message.packet_submitted"), "wait", String::new()),
        PacketState::Unknown(_) => (say!("message.packet_unknown"), "wait", String::new()),
        PacketState::Held(reference) => (say!("message.packet_on_link"), "wait", reference.to_string()),
        PacketState::Sent(reference) if is_unsure(&packet.note) => {
            (say!("message.perhaps_sent"), "wait", reference.to_string())
        }
        PacketState::Sent(reference) => (say!("message.packet_sent"), "good", reference.to_string()),
        PacketState::Gone(why) => (say!("message.packet_dropped"), "off", why.to_string()),
    };
    // What is in a packet besides its one message.
    let alone = packet.messages == [id] && packet.parts == 1 && packet.mails.is_empty();
    let own = message.account.filter(|_| alone).map(|account| packet.air_bytes().saturating_sub(account.bytes));
    let beside = own.filter(|bytes| *bytes > 0).map(|bytes| say!("message.beside_it", n = bytes));
    context! {
        beside,
        part => packet.part, parts => packet.parts, bytes => packet.air_bytes(), word, tone, more, others,
        note => ask.times.local(&words::packet_note(packet)), at => ask.times.moment(packet.at),
    }
}

/// Sends the mail as it came in.
pub fn download(ask: &Ask, id: &str) -> Reply {
    let Some(message) = id.parse().ok().and_then(|id| mine(ask, id).ok()) else {
        return Ok(ask.sorry(404, &say!("message.there_is_no_such")));
    };
    let Some(raw) = ask.app.store.raw(&message)? else {
        return Ok(ask.sorry(404, &say!("message.this_message_came_in")));
    };
    Ok(Response::mail(&message.id.to_string(), raw))
}

/// Holds, releases, cancels or retries a message.
pub fn act(ask: &Ask, id: &str, action: &str) -> Reply {
    let number: Id = id.parse().map_err(Fault::permanent)?;
    let Some(action) = MessageAction::ALL.into_iter().find(|known| known.word() == action) else {
        return Ok(ask.sorry(404, &say!("error.no_such_page")));
    };
    let done = ask.service.act_on(action, number);
    queue::forget(ask.app);
    match done {
        Ok(done) => {
            ask.remember(number)?;
            ask.done(&format!("/messages/{number}"), done.to_string())
        }
        // What the same form did before was done: this is its answer.
        Err(Fault::Permanent(_)) if ask.did_before()? => {
            ask.done(&format!("/messages/{number}"), say!("message.that_was_done_already"))
        }
        Err(Fault::Permanent(why)) => one(ask, id, 409, &why.to_string()),
        Err(fault) => Err(fault),
    }
}

/// Cancels a message for the one who wrote it.
pub fn take_back(ask: &Ask, id: &str) -> Reply {
    let number: Id = id.parse().map_err(Fault::permanent)?;
    let done = ask.service.take_back(number);
    queue::forget(ask.app);
    match done {
        Ok(done) => ask.done(&format!("/messages/{number}"), done.to_string()),
        Err(Fault::Permanent(why)) => one(ask, id, 409, &why.to_string()),
        Err(fault) => Err(fault),
    }
}

/// Cuts a text after `most` characters.
pub fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}\u{2026}", &text[..at]),
        None => text.to_owned(),
    }
}
