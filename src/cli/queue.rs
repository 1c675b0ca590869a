//! `satpost queue`: shows messages, and holds, releases, cancels and retries them.

mod whole;

use std::collections::BTreeSet;

use argh::{ArgsInfo, FromArgs};
use serde_json::{Value, json};

use super::session::{Done, Failure, Session};
use super::table::{columns, one_line};
use crate::address::Address;
use crate::clock::Time;
use crate::coding::classic;
use crate::engine::actions::MessageAction;
use crate::engine::actions::again::{self, Offer};
use crate::engine::link::whole::enclosed::{self, MailAlong};
use crate::links::Links;
use crate::message::{Account, Id, Message, Packet, PacketState, State, words};
use crate::money::Use;
use crate::route::segments;
use crate::store::ListFilter;

/// Show messages, and hold, release, cancel or retry them, send them again, or get the rest of them.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "queue",
    example = "  satpost queue list
  satpost queue list --all --search invoice
  satpost queue show m12
  satpost queue release m12 m13
  satpost queue release --sender bob@example.org"
)]
pub struct Queue {
    #[argh(subcommand)]
    what: What,
}

#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand)]
enum What {
    List(List),
    Show(Show),
    Hold(Hold),
    Release(Release),
    Cancel(Cancel),
    Retry(Retry),
    Again(Again),
    Whole(whole::Whole),
}

/// List messages, newest first; those that wait, unless something else is asked for.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "list")]
struct List {
    /// all states
    #[argh(switch)]
    all: bool,
    /// only this state: held, queued, on-the-link, sent, at-the-far-box, delivered, returned, expired, not-confirmed,
    /// cancelled, refused; may be repeated
    #[argh(option, from_str_fn(state))]
    state: Vec<State>,
    /// only what has this in sender, recipient, subject or text
    #[argh(option, default = "String::new()")]
    search: String,
    /// only from or to this person
    #[argh(option)]
    person: Option<String>,
    /// only what is older than this message
    #[argh(option)]
    before: Option<Id>,
    /// at most so many (default 100)
    #[argh(option, default = "100")]
    limit: usize,
    /// print JSON
    #[argh(switch)]
    json: bool,
}

/// Show one message with its text and its time line.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "show")]
struct Show {
    /// message, such as m12
    #[argh(positional)]
    id: Id,
    /// print the whole mail as it came in, and nothing else
    #[argh(switch)]
    raw: bool,
    /// print JSON
    #[argh(switch)]
    json: bool,
}

/// Keep messages here until they are released.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "hold")]
struct Hold {
    /// messages, such as m12
    #[argh(positional)]
    ids: Vec<Id>,
}

/// Release held messages, whatever held them, and messages that a rule refused. Says what each of them costs.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "release")]
struct Release {
    /// messages, such as m12
    #[argh(positional)]
    ids: Vec<Id>,
    /// also all that is held of this sender
    #[argh(option)]
    sender: Option<Address>,
    /// also put their senders on the list of allowed senders of these people
    #[argh(switch)]
    allow_sender: bool,
}

/// Cancel messages; packets on the link that are not sent yet are withdrawn from it.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "cancel")]
struct Cancel {
    /// messages, such as m12
    #[argh(positional)]
    ids: Vec<Id>,
}

/// Try waiting messages again now.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "retry")]
struct Retry {
    /// messages, such as m12
    #[argh(positional)]
    ids: Vec<Id>,
}

/// Send messages again of which nobody knows that they arrived; prints what that costs.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "again")]
struct Again {
    /// messages, such as m12
    #[argh(positional)]
    ids: Vec<Id>,
}

/// Reads a state as the page writes it, with blanks or hyphens between the words.
fn state(word: &str) -> Result<State, String> {
    let same = |state: &&State| state.words() == word.to_lowercase().replace(['-', '_'], " ");
    State::ALL.iter().find(same).copied().ok_or_else(|| {
        let all: Vec<_> = State::ALL.iter().map(|state| state.words().replace(' ', "-")).collect();
        format!("'{}' is no state: write one of {}", word.escape_debug(), all.join(", "))
    })
}

impl Queue {
    pub(super) fn act(self, session: &mut Session) -> Done {
        match self.what {
            What::List(list) => list.act(session),
            What::Show(show) => show.act(session),
            What::Hold(hold) => each(session, &hold.ids, MessageAction::Hold),
            What::Release(release) => release.act(session),
            What::Cancel(cancel) => each(session, &cancel.ids, MessageAction::Cancel),
            What::Retry(retry) => each(session, &retry.ids, MessageAction::Retry),
            What::Again(again) => each(session, &again.ids, MessageAction::Again),
            What::Whole(whole) => whole.act(session),
        }
    }
}

impl Release {
    fn act(self, session: &mut Session) -> Done {
        let mut ids = self.ids;
        if let Some(sender) = self.sender {
            let filter = ListFilter { states: vec![State::Held], limit: usize::MAX, ..ListFilter::default() };
            let held = session.context.store.read(|view| view.list(&filter))?;
            let wanted = sender.correspondent();
            let is_of = |held: &&Message| {
                [&held.from, held.header_from()].iter().any(|address| address.correspondent() == wanted)
            };
            ids.extend(held.iter().filter(is_of).map(|held| held.id));
            if ids.is_empty() {
                return Err(Failure::not_found(format!("nothing is held of {sender}")));
            }
        }
        each(session, &ids, if self.allow_sender { MessageAction::Allow } else { MessageAction::Release })
    }
}

/// Does the same to each message; an error with one does not keep the others from it.
fn each(session: &mut Session, ids: &[Id], action: MessageAction) -> Done {
    if ids.is_empty() {
        return Err(Failure::usage("name the messages, such as m12"));
    }
    let mut worst = Ok(());
    // A message that is named twice is acted on once.
    for id in ids.iter().collect::<BTreeSet<_>>() {
        let done = found(session, *id).and_then(|_| Ok(session.service().act_on(action, *id)?));
        // It was asked for and is done to all of them, whether or not somebody still reads.
        let _ = session.pass_on();
        match done {
            Ok(words) => session.line(words),
            Err(failure) => {
                if let Err(before) = worst.replace_err(failure) {
                    session.err.push_str(&format!("satpost: {}\n", before.why));
                }
            }
        }
    }
    worst
}

/// Puts a newer failure in the place of an older one, which is given back.
trait Replace {
    fn replace_err(&mut self, failure: Failure) -> Done;
}

impl Replace for Done {
    fn replace_err(&mut self, failure: Failure) -> Done {
        std::mem::replace(self, Err(failure))
    }
}

fn found(session: &Session, id: Id) -> Result<Message, Failure> {
    session.context.store.message(id)?.ok_or_else(|| Failure::not_found(format!("there is no message {id}")))
}

impl List {
    fn act(self, session: &mut Session) -> Done {
        let store = session.context.store.clone();
        let wants_old = self.all || !self.search.is_empty() || self.person.is_some();
        let mut filter = ListFilter {
            open: self.state.is_empty() && !wants_old,
            states: self.state,
            search: self.search,
            domain: store.settings().text(crate::settings::Key::Domain).to_owned(),
            person: self.person.as_ref().map(|person| person.to_lowercase()),
            before: self.before,
            ..ListFilter::default()
        };
        let mut left = self.limit;
        loop {
            filter.limit = left.min(PAGE);
            let messages = store.read(|view| view.list(&filter))?;
            let first = left == self.limit;
            if first && messages.is_empty() {
                // Of somebody who was removed there may be messages.
                if let Some(name) = self.person.as_ref().filter(|name| store.people().get(name).is_none()) {
                    return Err(Failure::not_found(format!("nobody here has the name '{}'", name.escape_debug())));
                }
                if let Some(before) = self.before {
                    found(session, before)?;
                }
            }
            left -= messages.len();
            filter.before = messages.last().map(|message| message.id);
            let last = left == 0 || messages.len() < filter.limit;
            if self.json {
                session.json_part(&messages.iter().map(shown).collect::<Vec<_>>(), first, last);
            } else {
                session.out.push_str(&columns(&messages.iter().map(row).collect::<Vec<_>>()));
            }
            if last {
                return Ok(());
            }
            session.pass_on()?;
        }
    }
}

/// Messages that are read, and lined up, in one go.
const PAGE: usize = 200;

fn row(message: &Message) -> Vec<String> {
    vec![
        message.id.to_string(),
        message.state.words().to_owned(),
        message.accepted.to_string(),
        format!("{} -> {}", message.from.shown(), message.to.shown()),
        one_line(&message.title(), 40),
        one_line(&message.reason.to_string(), 80),
    ]
}

impl Show {
    fn act(&self, session: &mut Session) -> Done {
        let message = found(session, self.id)?;
        if self.raw {
            match &message.mail {
                None => {
                    return Err(Failure::failed(format!(
                        "{} came in as text, not as a mail: there is no raw form",
                        message.id
                    )));
                }
                Some(mail) if mail.file.is_some() => session.file = session.context.store.spool_file(mail)?,
                Some(_) => session.bytes = session.context.store.raw(&message)?,
            }
            return Ok(());
        }
        let packets = session.context.store.read(|view| view.packets_of(self.id))?;
        let policy = session.context.policy();
        let again = again::offer(session.context, &policy, &message)?;
        let goes = matches!(message.state, State::Queued | State::Held) || again.is_some();
        let along = if goes { enclosed::along(session.context, &message)? } else { None };
        if self.json {
            let mut all = shown(&message);
            let links = session.context.store.links();
            all["packets"] = packets.iter().map(|known| packet(known, &links)).collect();
            all["mail_along"] = along.map(|along| along.to_string()).into();
            all["again"] = again.map(|offer| offer.cost.to_string()).into();
            session.json(&all);
            return Ok(());
        }
        self.print(session, &message, &packets, (again, along));
        Ok(())
    }

    fn print(
        &self,
        session: &mut Session,
        message: &Message,
        packets: &[Packet],
        (again, along): (Option<Offer>, Option<MailAlong>),
    ) {
        session.line(format!(
            "{}  {}: {}",
            message.id,
            message.state.words(),
            one_line(&message.reason.to_string(), 500)
        ));
        session.line(format!("from     {}", message.sender_shown()));
        if message.sender.header_from.is_some() {
            session.line(format!("written  by {}, who wants answers there", message.header_from()));
        }
        if message.sender.return_path.is_some() {
            session.line(format!("sent     by {}, who gets notices", message.return_path()));
        }
        session.line(format!("to       {} by {}", message.to, message.way.word()));
        session.line(format!("subject  {}", one_line(&message.subject, 500)));
        if matches!(message.state, State::Held | State::Queued) && message.next != Time::NEVER {
            session.line(format!("next     {}", message.next));
        }
        if !message.is_final() {
            session.line(format!("until    {}", message.limit()));
        }
        if let Some(offer) = again {
            session.line(format!("again    'satpost queue again {}': {offer}", message.id));
        }
        if let Some(along) = along {
            session.line(format!("files    {along}"));
        }
        if let Some(account) = &message.account {
            session.line(format!("on air   {}", account.words()));
        }
        if let Some(beyond) = message.beyond() {
            session.line(format!("ashore   {beyond}"));
        }
        if let Some(whole) = &message.whole {
            session.line(format!("whole    {whole}"));
        }
        for note in message.cut.iter().filter(|_| !matches!(message.whole, Some(crate::message::Whole::Went))) {
            session.line(format!("note     {}", one_line(&note.to_string(), 500)));
        }
        session.line("");
        for line in message.text.lines() {
            session.line(format!("  {}", one_line(line, 2000)));
        }
        session.line("");
        session.out.push_str(&time_line(message));
        for packet in packets {
            let state = packet_state(&packet.state);
            let (part, parts) = (packet.part, packet.parts);
            let with = match packet.messages.len() {
                0 | 1 => String::new(),
                messages => format!(", {messages} messages"),
            };
            let link = session.context.store.links().name(packet.link);
            session.line(format!(
                "packet {part} of {parts}, {} bytes{with}, by {link}: {state} {}",
                packet.air_bytes(),
                words::packet_note(packet)
            ));
        }
    }
}

/// Writes the time line of a message, one step a line.
pub fn time_line(message: &Message) -> String {
    let row = |step: &crate::message::Step| {
        let packets = match step.packets {
            0 => String::new(),
            1 => "1 packet".to_owned(),
            many => format!("{many} packets"),
        };
        vec![step.at.to_string(), step.state.words().to_owned(), one_line(&step.cause.to_string(), 200), packets]
    };
    columns(&message.steps.iter().map(row).collect::<Vec<_>>())
}

fn packet_state(state: &PacketState) -> String {
    match state {
        PacketState::Planned => "planned".to_owned(),
        PacketState::Handing(_) => "being submitted".to_owned(),
        PacketState::Unknown(_) => "not known whether it left".to_owned(),
        PacketState::Held(reference) => format!("on the link as {reference}"),
        PacketState::Sent(reference) => format!("sent as {reference}"),
        PacketState::Gone(why) => format!("dropped: {why}"),
    }
}

fn packet(packet: &Packet, links: &Links) -> Value {
    json!({
        "link": links.name(packet.link),
        "price": packet.charge.as_ref().map(|charge| charge.money.to_string()),
        "part": packet.part,
        "parts": packet.parts,
        "messages": packet.messages.iter().map(Id::to_string).collect::<Vec<_>>(),
        "far_box": packet.far_box,
        "device": packet.address.map(|address| Address::Device(address).to_string()),
        "bytes": packet.air_bytes(),
        "state": packet_state(&packet.state),
        "repeat": packet.is_repeat(),
        "note": words::packet_note(packet),
        "at": packet.at.to_string(),
    })
}

/// Writes what a message takes on air; the store has one of the numbers under another name.
fn on_air(account: &Account) -> Value {
    json!({
        "classic_bytes": account.classic_bytes,
        "classic_packets": account.classic_packets,
        "alone": account.alone,
        "bytes": account.bytes,
        "packets": account.packets,
        "messages": account.messages,
    })
}

fn used(what: Use) -> Value {
    json!({"packets": what.packets, "texts": what.texts, "money": what.money.to_string()})
}

/// Gives subject and text in one, as the classic coding or a phone gets them.
fn sent_text(message: &Message) -> String {
    match message.to.phone() {
        Some(_) => segments::text_for_phone(&message.subject, &message.text),
        None => classic::join(&message.subject, &message.text),
    }
}

/// Writes a message for scripts.
fn shown(message: &Message) -> Value {
    let time = |time: Time| (time != Time::NEVER).then(|| time.to_string());
    let steps: Vec<_> = message.steps.iter().map(|step| {
        json!({"at": step.at.to_string(), "state": step.state.words(), "cause": step.cause.to_string(), "code": step.cause.code(), "packets": step.packets})
    }).collect();
    json!({
        "id": message.id.to_string(),
        "origin": message.origin,
        "from": message.from,
        "from_name": message.sender.name,
        "header_from": message.header_from(),
        "return_path": message.return_path(),
        "to": message.to,
        "author": message.author,
        "subject": message.subject,
        "body": message.text,
        "text": sent_text(message),
        "cut": message.cut.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "whole": message.whole.as_ref().map(|whole| json!({"state": whole, "words": whole.to_string()})),
        "size": message.mail.as_ref().map(|mail| mail.size),
        "automatic": message.automatic.as_ref().map(ToString::to_string),
        "message_id": message.message_id,
        "references": message.references,
        "about": message.about.map(|id| id.to_string()),
        "accepted": message.accepted.to_string(),
        "deadline": time(message.deadline),
        "priority": message.terms.priority,
        "deliver_by": message.terms.by.map(|by| by.to_string()),
        "at_most": message.terms.at_most.map(|money| money.to_string()),
        "cost": message.bill.as_ref().map(|bill| bill.total().money.to_string()),
        "bill": message.bill.as_ref().map(|bill| {
            json!({"quoted": used(bill.wanted), "spent": used(bill.spent), "reserved": used(bill.reserved)})
        }),
        "state": message.state.words(),
        "final": message.is_final(),
        "reason": message.reason.to_string(),
        "code": message.reason.code(),
        "ashore": message.beyond(),
        "receipt_until": message.receipt_until.map(|until| until.to_string()),
        "on_air": message.account.as_ref().map(on_air),
        "way": message.way,
        "next": time(message.next),
        "tries": message.tries,
        "steps": steps,
    })
}
