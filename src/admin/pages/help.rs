//! Help: texts from `web/help/`, with the addresses of this box filled in.

use minijinja::{Value, context};

use super::mail_setup::Servers;
use super::{Ask, Reply, qr};
use crate::admin::view::{fragment, span};
use crate::settings::Key;

/// Topics in the order of their list: name in the path, and title.
pub const TOPICS: [(&str, &str); 17] = [
    ("start", "How this works"),
    ("modem", "Plugging in the modem"),
    ("iridium", "A modem that can be bought: Iridium"),
    ("links", "Several links"),
    ("far-boxes", "Far boxes and their people"),
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
    ("metrics", "Metrics for a monitor"),
];

/// Shows one topic.
pub fn show(ask: &Ask, topic: &str) -> Reply {
    let Some((name, title)) = TOPICS.into_iter().find(|(name, _)| *name == topic) else {
        return Ok(ask.sorry(404, "There is no help on this."));
    };
    let servers = Servers::new(ask.app, ask.request);
    let port = |listener: &str, usual: &str| servers.port(listener, usual);
    let here = format!("http://{}/help/mail-programs", ask.request.header("host").unwrap_or(&servers.host));
    let values = context! {
        qr => Value::from_safe_string(qr::picture(&here, "The address of this page as a QR code")),
        host => servers.host,
        submission => port("submission", "587"),
        submissions => port("submissions", "465"),
        imap => port("imap", "143"),
        imaps => port("imaps", "993"),
        keep_days => ask.settings.text(Key::KeepDays),
        quota => ask.settings.number(Key::MailboxQuota),
        smtp => port("smtp", "25"),
        me => ask.me(),
        owner => ask.owner(), operator => ask.operator(),
        domain => match ask.settings.text(Key::Domain) { "" => "your.domain", domain => domain },
        trim => ask.settings.on(Key::AirTrim),
        max_payload => crate::engine::policy(&ask.app.store).cheapest_of_all().map_or(192, |link| link.max_payload),
        max_parts => ask.settings.text(Key::AirMaxParts),
        strangers => ask.settings.text(Key::AirStrangers),
        answers => span(ask.settings.span(Key::AirAnswers)),
        auth_host => ask.settings.text(Key::SmtpAuthHost),
        lifetime => span(ask.settings.span(Key::QueueLifetime)),
        air_lifetime => span(ask.settings.span(Key::AirLifetime)),
        carrier => ask.settings.text(Key::SmsCarrier),
        public_url => ask.settings.text(Key::SmsPublicUrl),
        poll => span(ask.settings.span(Key::SmsPoll)),
        country => ask.settings.text(Key::SmsCountry),
        delay_notice => span(ask.settings.span(Key::QueueDelayNotice)),
        gather => span(ask.settings.span(Key::AirGather)),
        receipt_wait => span(ask.settings.span(Key::AirReceiptWait)),
    };
    let Some(text) = fragment(&format!("help/{name}.html"), values) else {
        return Ok(ask.sorry(500, "This help text has a fault."));
    };
    Ok(ask.page(200, "help.html", "help", title, context! { text, topics => TOPICS, topic => name }))
}
