//! Composing a message, with its cost before it is sent.

use minijinja::context;

use super::{Ask, Reply, queue};
use crate::address::Address;
use crate::admin::auth;
use crate::fault::Fault;
use crate::intake::{self, ComposeForm};
use crate::message::Wanted;
use crate::message::title::references_of_answer;
use crate::message::{Id, LinkPreference, Priority, Way};
use crate::money::Money;
use crate::settings::Key;

/// Longest text that the form takes, in bytes; mail programs may send more.
const TEXT_MOST: usize = 64 * 1024;
/// Characters of the name that each form has: 64 random bits in hex.
const ONCE: usize = 16;

/// Shows the form; `?reply=m12` fills it in, `?to=` names a recipient.
pub fn show(ask: &Ask) -> Reply {
    let query = &ask.request.query;
    let mut draft = ComposeForm { to: query.get("to").to_owned(), ..ComposeForm::default() };
    let answers = query.find("reply").and_then(|id| id.parse::<Id>().ok());
    if let Some(message) = answers {
        let message = super::messages::mine(ask, message)?;
        draft.to = match &message.from {
            from @ (Address::Mail(_) | Address::Phone(_)) => from.to_string(),
            _ => String::new(),
        };
        let subject = message.subject.trim();
        let again = subject.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("re:"));
        draft.subject = if again { subject.to_owned() } else { format!("Re: {subject}") };
    }
    form(ask, 200, (&draft, answers), None, "")
}

/// Looks at the message or sends it, as the button says.
pub fn send(ask: &Ask) -> Reply {
    let form_fields = &ask.request.form;
    // The message that was answered may be gone by now, and what was written stays.
    let answers = form_fields.get("answers").parse::<Id>().ok();
    let answered = answers.and_then(|id| super::messages::mine(ask, id).ok());
    let draft = ComposeForm {
        to: form_fields.get("to").trim().to_owned(),
        subject: form_fields.get("subject").trim().to_owned(),
        text: form_fields.get("text").replace("\r\n", "\n"),
        wanted: Wanted {
            priority: form_fields.get("priority").to_owned(),
            by: form_fields.get("by").trim().to_owned(),
            at_most: form_fields.get("at_most").trim().to_owned(),
            links: form_fields.get("links").to_owned(),
        },
        references: answered.as_ref().map(references_of_answer).unwrap_or_default(),
        once: form_fields.get("once").chars().filter(char::is_ascii_hexdigit).take(ONCE).collect(),
    };
    if draft.text.len() > TEXT_MOST {
        return form(ask, 422, (&draft, answers), None, "The text is too long for this form: use a mail program.");
    }
    if draft.text.trim().is_empty() && draft.subject.is_empty() {
        return form(ask, 422, (&draft, answers), None, "There is nothing to send: write a subject or a text.");
    }
    let (context, me) = (&ask.app.context, &*ask.visitor.person);
    if form_fields.get("do") != "send" {
        return match intake::preview(context, me, &draft) {
            Ok(preview) => form(ask, 200, (&draft, answers), Some(preview), ""),
            Err(Fault::Permanent(why)) => form(ask, 422, (&draft, answers), None, &why.to_string()),
            Err(fault) => Err(fault),
        };
    }
    match intake::compose(context, me, &draft) {
        Ok(kept) => {
            queue::forget(ask.app);
            let ids: Vec<_> = kept.ids().iter().map(ToString::to_string).collect();
            let place = ids.first().map_or("/messages".to_owned(), |id| format!("/messages/{id}"));
            ask.done(&place, format!("Your message is accepted as {}.", ids.join(", ")))
        }
        Err(Fault::Permanent(why)) => form(ask, 422, (&draft, answers), None, &why.to_string()),
        Err(fault) => Err(fault),
    }
}

fn form(
    ask: &Ask,
    status: u16,
    (draft, answers): (&ComposeForm, Option<Id>),
    previews: Option<Vec<intake::Preview>>,
    error: &str,
) -> Reply {
    let domain = ask.settings.text(Key::Domain);
    let people: Vec<_> = match domain {
        "" => Vec::new(),
        domain => ask.service.people().iter().filter(|p| !p.disabled).map(|p| format!("{}@{domain}", p.name)).collect(),
    };
    let row = |preview: intake::Preview| {
        let way = match preview.way {
            Way::Mailbox => "into a mailbox on this box",
            Way::Relay => "by the mail relay",
            Way::Link => "over the satellite link",
            Way::Carrier => "by the carrier of text messages",
        };
        let hint = preview.saved().map(|saved| {
            format!(
                "Its quotation marks and dashes are written plain (sms.plain_marks): as they stand it would be {saved}."
            )
        });
        let texts = preview.texts.as_ref().map(|texts| texts.total().to_string());
        context! { to => preview.to.to_string(), way, texts, hint, bytes => preview.bytes, packets => preview.packets, reason => if ask.operator() { preview.said() } else { preview.for_person() },
        price => preview.price.map(|money| super::costs::amount(ask, money)),
        links => preview.links.iter().map(|link| link.words(&ask.settings)).collect::<Vec<_>>() }
    };
    let total = previews.iter().flatten().filter_map(|preview| preview.price).reduce(Money::plus);
    let total = total.map(|money| super::costs::amount(ask, money));
    let previews: Vec<_> = previews.into_iter().flatten().map(row).collect();
    let once = if draft.once.len() == ONCE { draft.once.clone() } else { auth::token()?.chars().take(ONCE).collect() };
    let values = context! {
        once, error, previews, total, people, domain,
        answers => answers.map(|id| id.to_string()), to => draft.to, subject => draft.subject, text => draft.text,
        priorities => Priority::ALL.map(Priority::word),
        priority => if draft.wanted.priority.is_empty() { Priority::default().word() } else { &draft.wanted.priority },
        preferences => LinkPreference::ALL.map(LinkPreference::word),
        preference => if draft.wanted.links.is_empty() { LinkPreference::default().word() } else { &draft.wanted.links },
        by => draft.wanted.by, at_most => draft.wanted.at_most, currency => ask.settings.text(Key::PriceCurrency),
        terms => {
            let usual = |word: &str, usual: &str| word.is_empty() || word == usual;
            let Wanted { priority, by, at_most, links } = &draft.wanted;
            let plain = usual(priority, Priority::default().word()) && usual(links, LinkPreference::default().word());
            !plain || !by.is_empty() || !at_most.is_empty()
        },
    };
    Ok(ask.page(status, "compose.html", "compose", "Write a message", values))
}
