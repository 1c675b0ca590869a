//! Composing a message, with its cost before it is sent.

use minijinja::{Value, context};

use super::answering::{self, Source};
use super::wrong::{self, Problem};
use super::{Ask, Reply, contacts, names, queue, trouble};
use crate::admin::auth;
use crate::admin::response::Response;
use crate::admin::words::say;
use crate::fault::Fault;
use crate::intake::{self, ComposeForm, Dearest, Preview, drafts};
use crate::message::Wanted;
use crate::message::{Extent, LinkPreference, Priority, Way};
use crate::money::Money;
use crate::settings::Key;
use crate::store::mailbox::Special;

/// Longest text that the form takes, in bytes; mail programs may send more.
const TEXT_MOST: usize = 64 * 1024;

/// So many names a window may have for one form, each made of the one before.
const NAMES: usize = 16;

/// What the form shows besides the message.
#[derive(Default)]
struct Shown {
    status: u16,
    previews: Option<Vec<Preview>>,
    problems: Vec<Problem>,
    error: String,
    source: Option<Source>,
    /// It is kept among the drafts as it stands.
    kept: bool,
}

/// Shows the form; `?reply=` and `?forward=` name what is answered or passed on, `?to=` a recipient, `?draft=` what was begun.
pub fn show(ask: &Ask) -> Reply {
    let query = &ask.request.query;
    let mut sheet = ComposeForm {
        to: query.get("to").to_owned(),
        subject: query.get("subject").to_owned(),
        ..ComposeForm::default()
    };
    let mut shown = Shown { status: 200, ..Shown::default() };
    if let Some(name) = query.find("draft") {
        let Some(uid) = draft_of(ask, name)? else {
            return Ok(ask.sorry(404, &say!("compose.this_draft_is_gone")));
        };
        let opened = drafts::go_on(&ask.app.context, ask.me(), &uid)?;
        if opened.has_files {
            // The form has no room for them.
            return Ok(Response::see(&format!("/mailbox/{}/{}", Special::Drafts.number(), uid.uid)));
        }
        // Another window than the one that kept it.
        (sheet, shown.kept) = (ComposeForm { tab: String::new(), ..opened.sheet }, true);
        shown.source = answered(ask, &sheet.answers);
    } else if let Some(name) = query.find("reply") {
        let source = answering::find(ask, name)?;
        (sheet.to, sheet.subject) = (source.answer_to.clone(), source.answer_subject());
        shown.source = Some(source);
    } else if let Some(name) = query.find("forward") {
        let source = answering::find(ask, name)?;
        (sheet.subject, sheet.text) = (source.forward_subject(), source.forwarded());
    }
    form(ask, &sheet, shown)
}

/// Finds a draft by the name of its form, or by its number in the folder.
fn draft_of(ask: &Ask, name: &str) -> Result<Option<crate::store::mailbox::Entry>, Fault> {
    // A number of a mail has at most ten digits.
    if name.len() > 10 {
        return drafts::of_form(&ask.app.context, ask.me(), name);
    }
    let Ok(uid) = name.parse() else { return Ok(None) };
    ask.app.store.read(|view| view.entry(ask.me(), Special::Drafts.number(), uid))
}

/// What a form answers. It may be gone by now, and what was written stays.
fn answered(ask: &Ask, name: &str) -> Option<Source> {
    if name.is_empty() { None } else { answering::find(ask, name).ok() }
}

/// Reads the form as it was sent, and finds what it answers.
fn sheet_of(ask: &Ask) -> (ComposeForm, Option<Source>) {
    let form = &ask.request.form;
    let source = answered(ask, form.get("reply"));
    let (once, begun) = (auth::once_of(ask.request), form.get("begun").parse().ok());
    let references = match &source {
        Some(source) => source.references.clone(),
        None => drafts::references(&ask.app.context, ask.me(), &once, begun),
    };
    let sheet = ComposeForm {
        to: form.get("to").trim().to_owned(),
        subject: form.get("subject").trim().to_owned(),
        text: form.get("text").replace("\r\n", "\n"),
        wanted: Wanted {
            priority: form.get("priority").to_owned(),
            by: form.get("by").trim().to_owned(),
            at_most: form.get("at_most").trim().to_owned(),
            links: form.get("links").to_owned(),
        },
        answers: source.as_ref().map(|source| source.name.clone()).unwrap_or_default(),
        references,
        once,
        tab: form.get("tab").chars().filter(char::is_ascii_hexdigit).take(32).collect(),
        seen: form.get("seen").parse().ok(),
        begun,
    };
    (sheet, source)
}

/// Sends the message, looks at its cost, quotes what it answers, or keeps it for later, as the button says. What is not sent
/// is kept as a draft.
pub fn send(ask: &Ask) -> Reply {
    let ((mut sheet, source), what) = (sheet_of(ask), ask.request.form.get("do"));
    let mut shown = Shown { status: 200, source, ..Shown::default() };
    if what == "quote"
        && let Some(source) = shown.source.take()
    {
        sheet.text = format!("{}\n\n{}", sheet.text.trim_end(), source.quoted()).trim_start().to_owned();
    }
    if sheet.text.len() > TEXT_MOST {
        shown.problems.push(("text", say!("compose.this_form_takes_64")));
        shown.status = 422;
        return form(ask, &sheet, shown);
    }
    let (context, me) = (&ask.app.context, &*ask.visitor.person);
    if what != "draft" {
        shown.problems = intake::problems(context, me, &sheet);
        shown.problems.iter_mut().for_each(|(_, why)| *why = ask.times.local(why));
    }
    if what == "send" && shown.problems.is_empty() {
        match intake::compose(context, me, &sheet) {
            Ok(kept) => {
                queue::forget(ask.app);
                let ids: Vec<_> = kept.ids().iter().map(ToString::to_string).collect();
                let place = ids.first().map_or("/messages".to_owned(), |id| format!("/messages/{id}"));
                let ids = ids.join(", ");
                return match drafts::of_form(context, ask.me(), &sheet.once)? {
                    None => ask.done(&place, say!("compose.your_message_is_accepted", ids = ids)),
                    Some(_) => ask.done(&place, say!("compose.accepted_draft_stays", ids = ids)),
                };
            }
            Err(Fault::Permanent(why)) => (shown.error, shown.status) = (why.to_string(), 422),
            Err(fault) => return Err(fault),
        }
    } else if shown.problems.is_empty() && what != "draft" {
        match intake::preview(context, me, &sheet) {
            Ok(previews) => shown.previews = Some(previews),
            Err(Fault::Permanent(why)) => (shown.error, shown.status) = (why.to_string(), 422),
            Err(fault) => return Err(fault),
        }
    } else if !shown.problems.is_empty() {
        shown.status = 422;
    }
    match keep_apart(ask, &mut sheet, false) {
        Ok((drafts::Kept::Stored, apart)) if what == "draft" => {
            let place = format!("/mailbox?folder={}", Special::Drafts.number());
            return ask.done(&place, apart.unwrap_or_else(|| say!("compose.your_draft_is_kept")));
        }
        Ok((kept, Some(words))) => {
            let refused = std::mem::take(&mut shown.error);
            shown.error = [refused, words]
                .into_iter()
                .filter(|why| !why.is_empty() && why != intake::SENT_BEFORE)
                .collect::<Vec<_>>()
                .join(" ");
            (shown.kept, shown.status) = (kept == drafts::Kept::Stored, 409);
        }
        Ok((kept, _)) => shown.kept = kept == drafts::Kept::Stored,
        Err(fault) if what == "draft" => (shown.error, shown.status) = (fault.why(), 422),
        // The page holds the text as well.
        Err(fault) => log::warn!("web: a draft is not kept: {fault}"),
    }
    form(ask, &sheet, shown)
}

/// Keeps what was written, and gives its form a name of its own where there are other words under its name; then with what to
/// say of it.
fn keep_apart(ask: &Ask, sheet: &mut ComposeForm, late: bool) -> Result<(drafts::Kept, Option<String>), Fault> {
    let (context, me) = (&ask.app.context, &*ask.visitor.person);
    let (mut words, mut replaced) = (None, None);
    for _ in 0..NAMES {
        // The words that a window was sent with under a name made here are not those that come with the name before.
        let kept = drafts::keep(context, me, sheet, late && words.is_none())?;
        let (why, own) = match kept {
            drafts::Kept::Elsewhere => (say!("compose.kept_apart"), None),
            drafts::Kept::SentBefore => (say!("compose.sent_before"), drafts::own(context, &me.name, sheet)?),
            kept => return Ok((kept, words)),
        };
        words.get_or_insert(why);
        replaced = replaced.or(own);
        // The same each time, so that a post whose answer is lost meets its own draft when it comes again.
        (sheet.once, sheet.seen, sheet.begun) = (auth::once_in(&sheet.once, &sheet.tab)?, None, replaced);
    }
    Err(Fault::temporary(say!("compose.too_many_windows")))
}

/// Keeps what was written so far, for the script of the pages.
pub fn keep(ask: &Ask) -> Reply {
    let (mut sheet, _) = sheet_of(ask);
    if sheet.text.len() > TEXT_MOST {
        return Ok(Response::text(422, &format!("{}\n", say!("compose.too_long"))));
    }
    match keep_apart(ask, &mut sheet, true) {
        // A version that comes late is nobody's fault: the form is to be forgotten (RFC 9110 section 15.3.6).
        Ok((drafts::Kept::Sent, _)) => Ok(Response::text(205, "")),
        // The script goes on with the name of the form that it is told.
        Ok((_, Some(words))) => {
            let said = format!("{words}{}\n", cost_so_far(ask, &sheet));
            Ok(Response::text(200, &said).with("X-Form", sheet.once))
        }
        Ok(_) => {
            let kept = say!("compose.kept_at", time = ask.times.clock(ask.times.now));
            Ok(Response::text(200, &format!("{kept}{}\n", cost_so_far(ask, &sheet))))
        }
        Err(fault) => Ok(Response::text(507, &format!("{}\n", say!("compose.not_kept", why = fault.why())))),
    }
}

/// What it takes so far at most, in credits and money, told while it is written; empty where nothing is to be told.
fn cost_so_far(ask: &Ask, sheet: &ComposeForm) -> String {
    let previews = intake::preview(&ask.app.context, &ask.visitor.person, sheet).unwrap_or_default();
    let dearest = previews.iter().filter_map(Preview::credits).max_by_key(|credits| credits.count);
    let price = previews.iter().filter_map(Preview::at_most).reduce(Money::plus);
    let told: Vec<_> = dearest
        .map(|credits| credits.to_string())
        .into_iter()
        .chain(price.map(|money| say!("compose.at_most", price = super::costs::amount(ask, money))))
        .collect();
    if told.is_empty() { String::new() } else { format!(" {}.", told.join(", ")) }
}

/// What one recipient of a message costs, and which way it goes.
pub fn row(ask: &Ask, preview: &Preview) -> Value {
    let way = match preview.way {
        Way::Link if preview.by().is_some() => say!("compose.way_by", link = preview.by().unwrap_or_default()),
        Way::Mailbox => say!("compose.way_mailbox"),
        Way::Relay => say!("compose.way_relay"),
        Way::Link => say!("compose.way_link"),
        Way::Carrier => say!("compose.way_carrier"),
    };
    let hint = preview.saved().map(|saved| say!("compose.its_quotation_marks_and", saved = saved));
    context! {
        to => preview.to.to_string(), way, hint,
        texts => preview.texts.as_ref().map(|texts| names::texts(ask, texts)),
        bytes => preview.bytes, packets => preview.packets,
        // What is told in credits is of the dearest link.
        credits => preview.credits().filter(|_| preview.more().is_none()).map(|credits| credits.to_string()),
        most => preview.more().map(|most| dearer(ask, most)),
        over => preview.dearest.as_ref().and_then(|most| super::costs::held_by(&most.link, most.over.as_ref())),
        at_most => preview.at_most().map(|money| super::costs::amount(ask, money)),
        reason => ask.times.local(&if ask.operator() { preview.said() } else { preview.for_person() }),
        price => preview.price.map(|money| super::costs::amount(ask, money)),
        links => if ask.operator() {
            preview.links.iter().map(|link| ask.times.local(&link.words(&ask.settings))).collect()
        } else {
            Vec::new()
        },
    }
}

/// What a message costs if a dearer link has to take it.
fn dearer(ask: &Ask, most: &Dearest) -> String {
    let (packets, price) = (say!("count.packets", n = most.extent.packets), super::costs::amount(ask, most.price));
    match most.credits {
        Some(credits) => {
            let credits = say!("count.credits", n = credits.count);
            say!("compose.dearer_credits", packets = packets, credits = credits, price = price, link = most.link)
        }
        None => say!("compose.dearer", packets = packets, price = price, link = most.link),
    }
}

/// What quoting adds: bytes, and packets and price on the dearest link where links are known.
fn quote_cost(ask: &Ask, sheet: &ComposeForm, source: &Source) -> String {
    let quoted = source.quoted();
    let with = |text: String| {
        let sheet = ComposeForm { text, ..sheet.clone() };
        let one = intake::quote(&ask.app.context, &ask.visitor.person, &sheet).ok().and_then(|mut all| all.pop())?;
        // The price is that of the dearest link, so bytes and packets are those there.
        let extent = one.more().map_or(Extent { bytes: one.bytes, packets: one.packets }, |most| most.extent);
        Some((extent, one.at_most()))
    };
    let bytes = say!("compose.bytes_alone", n = quoted.len());
    match (with("x".to_owned()), with(format!("x\n\n{quoted}"))) {
        (Some((without, _)), Some((with, price))) if with.packets > 0 => {
            let packets = say!("count.packets", n = with.packets.saturating_sub(without.packets));
            let bytes = with.bytes.saturating_sub(without.bytes);
            match price.map(|money| super::costs::amount(ask, money)) {
                Some(price) => say!("compose.more_price", n = bytes, packets = packets, price = price),
                None => say!("compose.more", n = bytes, packets = packets),
            }
        }
        _ => bytes,
    }
}

fn form(ask: &Ask, sheet: &ComposeForm, shown: Shown) -> Reply {
    let sum = |of: fn(&Preview) -> Option<Money>| shown.previews.iter().flatten().filter_map(of).reduce(Money::plus);
    let (total, most) = (sum(|preview| preview.price), sum(Preview::at_most));
    let most = most.filter(|_| total != most);
    let drafts = Special::Drafts.number();
    let all = ask.app.store.read(|view| view.folder(ask.me(), drafts))?;
    let values = context! {
        drafts,
        once => auth::once(&sheet.once)?,
        tab => auth::once(&sheet.tab)?,
        seen => sheet.seen,
        trouble => trouble::now(ask),
        comes => trouble::comes(ask).map(|at| ask.times.moment(at)),
        error => wrong::heading(&shown.problems, &ask.times.local(&shown.error)),
        errors => wrong::by_field(&shown.problems),
        previews => shown.previews.iter().flatten().map(|preview| row(ask, preview)).collect::<Vec<_>>(),
        total => total.map(|money| super::costs::amount(ask, money)),
        most => most.map(|money| super::costs::amount(ask, money)),
        people => contacts::of(ask)?,
        domain => ask.settings.text(Key::Domain),
        begun => sheet.begun,
        reply => shown.source.as_ref().map(|source| source.name.clone()),
        quote => shown.source.as_ref().map(|source| quote_cost(ask, sheet, source)),
        kept => shown.kept,
        others => all.map_or(0, |folder| folder.total.saturating_sub(u32::from(shown.kept))),
        unkept => !shown.kept && shown.status != 200,
        to => sheet.to, subject => sheet.subject, text => sheet.text,
        priorities => Priority::ALL.map(Priority::word),
        priority => if sheet.wanted.priority.is_empty() { Priority::default().word() } else { &sheet.wanted.priority },
        preferences => LinkPreference::ALL.map(LinkPreference::word),
        preference => if sheet.wanted.links.is_empty() { LinkPreference::default().word() } else { &sheet.wanted.links },
        by => sheet.wanted.by, at_most => sheet.wanted.at_most, currency => ask.settings.text(Key::PriceCurrency),
        terms => {
            let usual = |word: &str, usual: &str| word.is_empty() || word == usual;
            let Wanted { priority, by, at_most, links } = &sheet.wanted;
            let plain = usual(priority, Priority::default().word()) && usual(links, LinkPreference::default().word());
            !plain || !by.is_empty() || !at_most.is_empty()
        },
    };
    Ok(ask.page(shown.status, "compose.html", "compose", &say!("compose.write_a_message"), values))
}
