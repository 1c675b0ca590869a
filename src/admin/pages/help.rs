//! Help: texts from `web/help/`, with the addresses of this box filled in.

use minijinja::{Value, context};

use super::mail_setup::Servers;
use super::{Ask, Reply, qr};
use crate::admin::view::{fragment, span};
use crate::admin::words::say;
use crate::settings::{Key, Settings};

/// Topics in the order of their list: name in the path, and title.
pub const TOPICS: [(&str, &str); 28] = [
    ("start", "How this works"),
    ("faq", "Questions that are often asked"),
    ("troubleshooting", "Something does not work"),
    ("hardware", "Hardware"),
    ("modem", "Plugging in the modem"),
    ("iridium", "A modem that can be bought: Iridium"),
    ("buying", "What to buy, and what it costs"),
    ("wiring", "Wiring, antenna and sky"),
    ("rented-host", "A gateway on a rented host"),
    ("container", "In a container"),
    ("links", "Several links"),
    ("far-boxes", "Far boxes and their people"),
    ("gateways", "Several gateways"),
    ("internet", "Over the internet"),
    ("mail-programs", "Setting up mail programs"),
    ("texting", "Text messages"),
    ("states", "What the states mean"),
    ("cut", "What is cut from mails"),
    ("on-air", "What goes over the air"),
    ("strangers", "Who may write over the air"),
    ("costs", "What it costs"),
    ("known-issues", "Proven, and known issues"),
    ("command-line", "The command line"),
    ("backup", "Backup and restore"),
    ("upgrade", "Upgrade, go back, remove"),
    ("network", "Proxies and firewalls"),
    ("programs", "For programs"),
    ("metrics", "Metrics for a monitor"),
];

/// Topics for everybody aboard; the others are for whoever looks after the box.
const FOR_EVERYBODY: [&str; 7] = ["start", "faq", "mail-programs", "texting", "states", "cut", "costs"];

/// Shows one topic.
pub fn show(ask: &Ask, topic: &str) -> Reply {
    let Some((name, title)) = TOPICS.into_iter().find(|(name, _)| *name == topic) else {
        return Ok(ask.sorry(404, &say!("help.there_is_no_help")));
    };
    let servers = Servers::new(ask.app, ask.request);
    let scheme = if ask.request.secure { "https" } else { "http" };
    let host = ask.request.header("host").unwrap_or(&servers.host);
    let readers = Readers {
        me: ask.me().to_owned(),
        owner: ask.owner(),
        operator: ask.operator(),
        here: Some(format!("{scheme}://{host}{}/help/mail-programs", ask.request.base)),
    };
    let policy = crate::engine::policy(&ask.app.store);
    let of_links = policy.links.iter().filter(|link| link.on).map(|link| link.max_payload);
    let max_payload = of_links.min().unwrap_or(192);
    let values = values(&servers, &ask.settings, max_payload, &readers);
    let Some(text) = fragment(&format!("help/{name}.html"), values) else {
        return Ok(ask.sorry(500, &say!("help.this_help_text_has")));
    };
    let text = only_allowed(&text.to_string(), |href| ask.may_see(href));
    let text = Value::from_safe_string(text);
    let (topics, others): (Vec<_>, Vec<_>) = TOPICS.into_iter().partition(|(name, _)| FOR_EVERYBODY.contains(name));
    let open = ask.operator() || !FOR_EVERYBODY.contains(&name);
    Ok(ask.page(200, "help.html", "help", title, context! { text, topics, others, open, topic => name }))
}

/// Who reads it.
#[derive(Default)]
struct Readers {
    me: String,
    owner: bool,
    operator: bool,
    /// Where a phone finds the page about mail programs; nowhere for pages that are read without a box.
    here: Option<String>,
}

fn values(servers: &Servers, settings: &Settings, max_payload: usize, readers: &Readers) -> Value {
    let port = |listener: &str, usual: &str| servers.port(listener, usual);
    let qr = readers.here.as_ref().map(|here| qr::picture(here, &say!("help.qr")));
    context! {
        qr => qr.map(Value::from_safe_string),
        host => servers.host,
        submission => port("submission", "587"),
        submissions => port("submissions", "465"),
        imap => port("imap", "143"),
        imaps => port("imaps", "993"),
        trash_days => crate::store::mailbox::TRASH_DAYS,
        quota => settings.number(Key::MailboxQuota),
        smtp => port("smtp", "25"),
        me => readers.me,
        owner => readers.owner, operator => readers.operator,
        domain => match settings.text(Key::Domain) { "" => "your.domain", domain => domain },
        trim => settings.on(Key::AirTrim),
        max_payload,
        max_parts => settings.text(Key::AirMaxParts),
        strangers => settings.text(Key::AirStrangers),
        answers => span(settings.span(Key::AirAnswers)),
        auth_host => settings.text(Key::SmtpAuthHost),
        lifetime => span(settings.span(Key::QueueLifetime)),
        air_lifetime => span(settings.span(Key::AirLifetime)),
        carrier => settings.text(Key::SmsCarrier),
        public_url => settings.text(Key::SmsPublicUrl),
        poll => span(settings.span(Key::SmsPoll)),
        country => settings.text(Key::SmsCountry),
        delay_notice => span(settings.span(Key::QueueDelayNotice)),
        gather => span(settings.span(Key::AirGather)),
        receipt_wait => span(settings.span(Key::AirReceiptWait)),
    }
}

/// Leaves of the links to pages that a reader may not see their words.
fn only_allowed(text: &str, may_see: impl Fn(&str) -> bool) -> String {
    relinked(text, |path, link, words| {
        let page = format!("/{}", path.split(['?', '#']).next().unwrap_or_default());
        if may_see(&page) { link.to_owned() } else { words.to_owned() }
    })
}

/// One topic as a page of its own, for no box in particular: links lead to other topics only.
pub fn plain(topic: &str) -> Option<String> {
    let values = values(&Servers::nowhere(), &Settings::default(), 192, &Readers::default());
    let text = fragment(&format!("help/{topic}.html"), values)?.to_string();
    Some(relinked(&text, |path, _, words| match path.strip_prefix("help/") {
        Some(name) => {
            let (name, mark) = name.find('#').map_or((name, ""), |at| name.split_at(at));
            format!("<a href=\"{name}.html{mark}\">{words}</a>")
        }
        None => words.to_owned(),
    }))
}

/// Writes each link to a page of the box anew: from its path without the first slash, all of it, and its words.
fn relinked(text: &str, anew: impl Fn(&str, &str, &str) -> String) -> String {
    const START: &str = "<a href=\"/";
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(START) {
        let (before, link) = rest.split_at(at);
        let parts = link[START.len()..].split_once('"').and_then(|(path, behind)| {
            let (words, behind) = behind.split_once('>')?.1.split_once("</a>")?;
            Some((path, words, behind))
        });
        let Some((path, words, behind)) = parts else { break };
        out.push_str(before);
        out.push_str(&anew(path, &link[..link.len() - behind.len()], words));
        rest = behind;
    }
    out + rest
}
