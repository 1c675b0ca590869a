//! `satpost send`: sends a message without a mail program.

use std::sync::Arc;

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use super::Wants;
use super::people::known;
use super::session::{Done, Failure, Session};
use crate::intake::{self, Dearest, Preview};
use crate::message::Wanted;
use crate::message::{LinkPreference, Priority};
use crate::people::Person;
use crate::route::price;
use crate::route::segments::Segments;
use crate::settings::Settings;

/// Send a message. Its text is standard input, unless --text gives it.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "send",
    example = "  echo 'All well on board.' | satpost send --from anna --subject Position bob@example.org
  satpost send --from anna --dry-run --text 'How long would this be?' bob@example.org",
    note = "The message is on disk when this ends with 0. 'satpost queue show' shows its state."
)]
pub struct Send {
    /// recipients: mail addresses, phone numbers, or names of people of this box; several also in one word, as an address
    /// book writes them
    #[argh(positional)]
    to: Vec<String>,
    /// the person of this box who sends it (default: the owner)
    #[argh(option)]
    from: Option<String>,
    /// subject, one line
    #[argh(option, default = "String::new()")]
    subject: String,
    /// the text, instead of standard input
    #[argh(option)]
    text: Option<String>,
    /// urgent, normal, low or bulk: urgent goes first and may use the reserve of a budget, bulk goes last (default: normal)
    #[argh(option)]
    priority: Option<Priority>,
    /// the time by which it has to leave, or come back: 2h, or '2026-12-01 18:00'
    #[argh(option, default = "String::new()")]
    deliver_by: String,
    /// the most it may cost; a message that costs more is not accepted
    #[argh(option, default = "String::new()")]
    at_most: String,
    /// any, cheap or now: cheap goes only by links that cost nothing, now does not wait for a cheaper one (default: any)
    #[argh(option)]
    links: Option<LinkPreference>,
    /// send nothing; print the route, the packets and the price
    #[argh(switch)]
    dry_run: bool,
    /// print JSON
    #[argh(switch)]
    json: bool,
}

impl Send {
    pub(super) fn wants(&self) -> Wants {
        if self.text.is_none() && !self.to.is_empty() { Wants::Text } else { Wants::Nothing }
    }

    pub(super) fn act(self, session: &mut Session) -> Done {
        if self.to.is_empty() {
            return Err(Failure::usage("name a recipient: satpost send --from anna bob@example.org"));
        }
        let author = self.author(session)?;
        let text = self.text.clone().or_else(|| session.input.clone()).unwrap_or_default();
        // All are read before the first is kept, so that a mistyped one does not leave the message half sent.
        let form = intake::ComposeForm {
            to: self.to.join("\n"),
            subject: self.subject.clone(),
            text,
            wanted: Wanted {
                priority: self.priority.map_or(String::new(), |priority| priority.to_string()),
                by: self.deliver_by.clone(),
                at_most: self.at_most.clone(),
                links: self.links.map_or(String::new(), |preference| preference.to_string()),
            },
            ..Default::default()
        };
        let previews = intake::preview(session.context, &author, &form).map_err(Failure::of_request)?;
        let kept = if self.dry_run { None } else { Some(intake::compose(session.context, &author, &form)) };
        let kept = kept.transpose().map_err(Failure::of_request)?;
        let settings = session.context.store.settings();
        let mut all = Vec::new();
        for (at, preview) in previews.into_iter().enumerate() {
            let to = &preview.to;
            let (mut id, mut state, mut said, mut code) = (None, preview.state, preview.said(), preview.reason.code());
            if let Some(kept) = &kept {
                let number = kept.ids().get(at).copied();
                id = number.map(|number| number.to_string());
                // What became of it, not what would have.
                let message = number.map(|number| session.context.store.message(number)).transpose()?.flatten();
                if let Some(message) = message {
                    (state, said, code) = (message.state, message.reason.to_string(), message.reason.code());
                }
            }
            if !self.json {
                let price =
                    preview.price.map(|money| format!(", {}", price::amount(&settings, money))).unwrap_or_default();
                let credits = preview.credits().filter(|_| preview.more().is_none());
                let credits = credits.map(|credits| format!(", {credits}")).unwrap_or_default();
                let by = preview.by().map(|link| format!(" by {link}")).unwrap_or_default();
                let most = preview.more().map(|most| dearer(most, &settings)).unwrap_or_default();
                let packets = match preview.packets {
                    0 => String::new(),
                    1 => format!(" (1 packet, {} bytes{credits}{price}{by}{most})", preview.bytes),
                    many => format!(" ({many} packets, {} bytes{credits}{price}{by}{most})", preview.bytes),
                };
                let words = |texts: &Segments| match preview.packets {
                    0 => format!(" ({}{price})", texts.total()),
                    _ => format!(" ({})", texts.total()),
                };
                let texts = preview.texts.as_ref().map(words).unwrap_or_default();
                let name = id.as_deref().unwrap_or("it");
                let plain = preview.saved().map(|saved| format!(", {saved} without plain marks")).unwrap_or_default();
                session.line(format!("{name} to {to}: {}, {said}{packets}{texts}{plain}", state.words()));
                let held = preview.dearest.as_ref().and_then(|most| Some((&most.link, most.over.as_ref()?)));
                if let Some((link, over)) = held {
                    session.line(format!("  by {link} it would be held: {over}"));
                }
                for link in preview.links.iter().filter(|_| self.dry_run) {
                    session.line(format!("  {}", link.words(&settings)));
                }
            }
            all.push(json!({
                "id": id, "to": to, "state": state.words(), "reason": said, "code": code, "way": preview.way,
                "packets": preview.packets, "bytes": preview.bytes, "price": preview.price.map(|money| money.to_string()),
                "at_most": at_most(&preview),
                "links": preview.links.iter().map(|link| json!({
                    "link": link.link, "chosen": link.chosen, "ready": link.offer.ready,
                    "takes": link.takes,
                    "down_since": (!link.offer.ready).then(|| link.offer.since.to_string()),
                    "comes": link.offer.next.map(|next| next.to_string()),
                    "price": link.offer.price.to_string(), "bar": link.offer.bar,
                })).collect::<Vec<_>>(),
                "texts": preview.texts.as_ref().map(Segments::parts), "texts_as_written": preview.as_written, "alphabet": preview.texts.map(|t| t.alphabet.word()),
            }));
        }
        if self.json {
            session.json(&all);
        }
        Ok(())
    }

    fn author(&self, session: &Session) -> Result<Arc<Person>, Failure> {
        if let Some(name) = &self.from {
            return known(session, name);
        }
        let people = session.context.store.people();
        let mut able = people.iter().filter(|person| !person.disabled);
        let only = able.next().filter(|_| able.next().is_none());
        people.owner().or(only).cloned().ok_or_else(|| Failure::usage("name the sender: --from NAME"))
    }
}

/// What a message takes at most, all of it on the dearest link that may take it; null where nothing is charged for.
fn at_most(preview: &Preview) -> Option<serde_json::Value> {
    let (most, price) = (preview.dearest.as_ref(), preview.at_most().map(|money| money.to_string()));
    let credits = preview.credits();
    (price.is_some() || credits.is_some()).then(|| {
        json!({
            "price": price, "link": most.map(|most| &most.link),
            "packets": most.map(|most| most.extent.packets), "bytes": most.map(|most| most.extent.bytes),
            "credits": credits.map(|credits| credits.count), "over": credits.map(|credits| credits.over),
            "held": most.and_then(|most| most.over.as_ref()).map(ToString::to_string),
        })
    })
}

/// What a message costs at most, where a dearer link may take it.
fn dearer(most: &Dearest, settings: &Settings) -> String {
    let plural = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let credits = most.credits.map(|credits| format!("{}, ", plural(credits.count, "credit"))).unwrap_or_default();
    let (packets, price) = (plural(most.extent.packets, "packet"), price::amount(settings, most.price));
    format!("; at most {packets}, {credits}{price} by {}", most.link)
}
