//! The one table of settings: the page, the command line, `check` and masking are all derived from it.
//!
//! A value is text in the store; the table says how to read it. What is not stored has its default. A value that
//! cannot be read is never used: setting it fails with a sentence, and an old stored one falls back to the default.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crate::address::pattern::{Pattern, PatternError};
use crate::address::{AddressError, COUNTRIES};

/// How a value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One line of text; may be empty.
    Text,
    /// One line of text that is never shown again.
    Secret,
    /// A mail domain or host name; may be empty.
    Domain,
    /// `yes` or `no`.
    Switch,
    /// A whole number in this range.
    Number(i64, i64),
    /// A time in seconds in this range; `s`, `m`, `h`, `d` may follow the number.
    Seconds(i64, i64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Addresses to listen on, `ip:port`, separated by blanks; may be empty.
    Listen,
    /// Networks as `address/bits`, separated by blanks; may be empty.
    Networks,
    /// An amount of money, not negative, at most six digits behind the point.
    Amount,
    /// Senders: addresses and domains, separated by blanks; may be empty.
    Senders,
}

/// A row of the table.
#[derive(Debug)]
pub struct Setting {
    /// Which.
    pub key: Key,
    /// Its name for the command line.
    pub name: &'static str,
    /// How it is read.
    pub kind: Kind,
    /// What holds when nothing is stored.
    pub default: &'static str,
    /// Heading on the settings page.
    pub group: &'static str,
    /// Label of the field.
    pub label: &'static str,
    /// One or two sentences beside the field.
    pub help: &'static str,
}

macro_rules! settings {
    ($($key:ident, $name:literal, $kind:expr, $default:literal, $group:literal, $label:literal, $help:literal;)*) => {
        /// Names a setting.
        #[allow(clippy::enum_variant_names, reason = "TlsKey means a key file, not this enum")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Key { $(#[doc = $help] $key,)* }

        /// The table.
        pub static TABLE: &[Setting] = &[$(Setting {
            key: Key::$key, name: $name, kind: $kind, default: $default, group: $group, label: $label, help: $help,
        },)*];
    };
}

use Kind::{Amount, Choice, Domain, Listen, Networks, Number, Seconds, Secret, Senders, Switch, Text};

settings! {
    BoxName, "box.name", Text, "satpost", "Box", "Name of this box", "Shown on the pages and in the greeting of the mail listener.";
    Domain, "box.domain", Domain, "", "Box", "Mail domain", "People on this box have addresses name@domain. Mail for any other domain goes outside.";
    Reach, "box.reach", Choice(&["satellite", "internet"]), "satellite", "Box", "How this box reaches the outside", "satellite: a station, everything for the outside goes over the link to the far box. internet: a gateway, mail for the outside goes to the relay.";
    DefaultPerson, "box.default_person", Text, "", "Box", "Who gets mail from the air", "A packet that reaches the modem of this box does not say for whom. Empty: the first person that was added.";
    TimeZone, "box.time_zone", Text, "UTC", "Box", "Time zone", "Times on the pages, for example Europe/Lisbon.";

    LinkDriver, "link.driver", Choice(&["none", "m138", "hive"]), "none", "Satellite link", "Link", "m138: a Swarm M138 modem on a serial port. hive: the Swarm Hive, which reaches every modem of the account.";
    M138Port, "m138.port", Text, "", "Satellite link", "Serial port", "Empty: found by its USB ids and by asking. Otherwise a path such as /dev/ttyUSB0.";
    M138AppId, "m138.app_id", Number(0, 64_999), "1000", "Satellite link", "Application id", "Marks our packets; both ends of a link use the same.";
    M138Window, "m138.window", Number(1, 1000), "64", "Satellite link", "Packets on the modem", "At most so many wait inside the modem; the rest waits here, where it can still be cancelled.";
    HiveUrl, "hive.url", Text, "https://bumblebee.hive.swarm.space/hive", "Satellite link", "Hive address", "Base address of the Hive, without the closing slash.";
    HiveUser, "hive.user", Text, "", "Satellite link", "Hive user", "Log-in name.";
    HivePassword, "hive.password", Secret, "", "Satellite link", "Hive password", "Log-in password.";
    HiveOrganization, "hive.organization", Number(0, 2_147_483_647), "0", "Satellite link", "Hive organization", "Number of the organization that sends; 0 leaves it out.";
    HivePoll, "hive.poll", Seconds(1, 86_400), "60", "Satellite link", "Poll the Hive every", "How often the Hive is asked for new packets.";

    AirLifetime, "air.lifetime", Seconds(60, 2_592_000), "4d", "On air", "Give up after", "A message that could not leave within this time goes back to its sender.";
    AirMaxParts, "air.max_parts", Number(1, 99), "5", "On air", "Packets a message may take", "A longer message is held until the owner releases it. A person may have a limit of their own.";
    AirTrim, "air.trim", Switch, "yes", "On air", "Cut quotes, signatures and disclaimers", "Only what is sent over the air is shortened; the whole mail stays on this box.";
    AirNotices, "air.notices", Switch, "no", "On air", "Send failure notices over the air", "A notice to a person with a device costs a packet. Without it the notice waits in their mailbox here.";
    AirPartsWait, "air.parts_wait", Seconds(60, 2_592_000), "2d", "On air", "Wait for missing parts", "After this time the parts of a message that did arrive are delivered as they are.";
    AirCompact, "air.compact", Choice(&["normal", "small", "off"]), "normal", "On air", "Compact coding", "Between two boxes like this one messages take a third of the bytes, share packets, and are confirmed. Anybody else gets classic packets. small: with 14 MB of memory for it instead of 38, and a few more bytes a message. off: classic packets only.";
    AirGather, "air.gather", Seconds(0, 86_400), "2m", "On air", "Wait for messages that share a packet", "A message for a far box that reads the compact coding waits so long for others, unless a satellite comes or a packet is full. 0: it leaves alone.";
    AirReceiptWait, "air.receipt_wait", Seconds(0, 864_000), "24h", "On air", "Receipts wait for", "A receipt rides in a packet that leaves anyway; one that found none so long leaves alone, which costs a packet. 0: it never does.";

    AirStrangers, "air.strangers", Choice(&["hold", "refuse", "allow"]), "hold", "Who may write over the air", "Messages of strangers", "Mail from outside for somebody who reads on a device. hold: it waits until you release it. refuse: it is not carried. allow: it goes on air, and you pay.";
    AirAllow, "air.allow", Senders, "", "Who may write over the air", "Always", "Addresses and domains parted by blanks: mum@example.org example.org. A person has lists of their own, which come first.";
    AirBlock, "air.block", Senders, "", "Who may write over the air", "Never", "Addresses and domains parted by blanks; * is everybody.";
    AirAnswers, "air.answers", Seconds(0, 315_360_000), "90d", "Who may write over the air", "May answer for", "Whom somebody on a device wrote to may write back for so long; 0 means not at all.";
    AirKeyWord, "air.key_word", Text, "", "Who may write over the air", "Key word", "A subject with this word lets a message through. Empty: none.";
    AirTellHeld, "air.tell_held", Switch, "no", "Who may write over the air", "Tell a stranger that their message waits", "Once for each stranger, and only where the mail server in front vouches for the sender.";
    SmtpAuthHost, "smtp.auth_host", Domain, "", "Who may write over the air", "Mail server in front", "The name with which it signs Authentication-Results; only those are believed. Empty: all senders are unproven.";

    PricePacket, "price.packet", Amount, "0", "Money", "Price of a packet", "What the plan asks for one packet on the link, for example 0.07; 0 when nobody counts.";
    PriceTwilio, "price.twilio", Amount, "0", "Money", "Price of a text by Twilio", "For each text message; a long text is several. Fees of the networks belong to it.";
    PriceBandwidth, "price.bandwidth", Amount, "0", "Money", "Price of a text by Bandwidth", "Likewise.";
    PriceCurrency, "price.currency", Text, "USD", "Money", "Currency", "Shown behind amounts.";
    BudgetPackets, "budget.packets", Number(0, 1_000_000_000), "0", "Money", "Packets a month", "More are not sent in a month of the calendar: messages wait for the next one, or for a larger budget. 0: no limit.";
    BudgetMoney, "budget.money", Amount, "0", "Money", "Money a month", "The same for money. 0: no limit.";
    BudgetReserve, "budget.reserve", Number(0, 100), "10", "Money", "Kept for urgent messages, per cent", "This part of the budgets of the box only urgent messages may use.";

    SmtpListen, "smtp.listen", Listen, "0.0.0.0:25", "Mail in", "Listen for mail on", "Used when systemd hands over no socket named smtp.";
    SubmissionListen, "submission.listen", Listen, "0.0.0.0:587", "Mail in", "Listen for mail programs on", "Used when systemd hands over no socket named submission.";
    SmtpTrusted, "smtp.trusted", Networks, "", "Mail in", "Trusted networks", "From these networks mail for the outside is taken without a log-in, and a log-in without TLS. For example 192.168.1.0/24.";
    SmtpMaxSize, "smtp.max_size", Number(10_000, 104_857_600), "33554432", "Mail in", "Largest mail, bytes", "Announced as SIZE; a larger mail is refused.";
    SmtpMaxRecipients, "smtp.max_recipients", Number(1, 1000), "50", "Mail in", "Recipients of one mail", "More get 452 and are sent again by the client.";
    SmtpConnections, "smtp.connections", Number(1, 1000), "64", "Mail in", "Connections at once", "More get 421 and come again later.";
    SmtpPerAddress, "smtp.per_address", Number(1, 1000), "24", "Mail in", "Connections from one address", "More get 421.";
    SmtpRate, "smtp.rate", Number(0, 1_000_000), "0", "Mail in", "Mails a minute from one address", "More get 450 and are sent again later; 0 sets no limit.";
    SmtpIdle, "smtp.idle", Seconds(1, 3600), "300", "Mail in", "Patience with a silent client", "A command or a piece of a mail has to arrive within this time.";
    SmtpSession, "smtp.session", Seconds(1, 86_400), "600", "Mail in", "Longest session", "A session that accepts nothing for this long ends.";
    TlsCert, "tls.certificate", Text, "", "Mail in", "Certificate file", "PEM chain for STARTTLS. Empty: the box makes its own.";
    TlsKey, "tls.key", Text, "", "Mail in", "Key file", "PEM key that belongs to the certificate.";

    RelayHost, "relay.host", Domain, "", "Mail out", "Relay host", "The mail server (smarthost) that takes mail for the outside. Empty: none.";
    RelayPort, "relay.port", Number(1, 65_535), "587", "Mail out", "Relay port", "587 for STARTTLS, 465 for TLS, 25 for a relay in the house.";
    RelayTls, "relay.tls", Choice(&["starttls", "tls", "none"]), "starttls", "Mail out", "Encryption to the relay", "With none, a log-in is sent only to an address of this machine.";
    RelayUser, "relay.user", Text, "", "Mail out", "Relay user", "Log-in name; empty for none.";
    RelayPassword, "relay.password", Secret, "", "Mail out", "Relay password", "Log-in password.";
    RelayCa, "relay.ca", Text, "", "Mail out", "Relay certificate", "PEM file of the authority that signed the relay's certificate, if it is not a public one; or of that certificate itself, which is then trusted whatever its name and dates.";
    RelayTimeout, "relay.timeout", Seconds(1, 600), "60", "Mail out", "Patience with the relay", "Limit for each answer of the relay.";

    SmsCarrier, "sms.carrier", Choice(&["none", "twilio", "bandwidth"]), "none", "Text messages", "Carrier", "Who carries texts to phones and from them. A station needs none: its texts go over the link.";
    TwilioUrl, "twilio.url", Text, "https://api.twilio.com", "Text messages", "Twilio address", "Base address of the interface, without the closing slash.";
    TwilioAccount, "twilio.account", Text, "", "Text messages", "Twilio account", "The account SID, which begins with AC.";
    TwilioToken, "twilio.token", Secret, "", "Text messages", "Twilio token", "The primary auth token of the account; it also proves who calls the webhook.";
    BandwidthUrl, "bandwidth.url", Text, "https://messaging.bandwidth.com/api/v2", "Text messages", "Bandwidth address", "Base address of the interface, without the closing slash.";
    BandwidthAccount, "bandwidth.account", Text, "", "Text messages", "Bandwidth account", "Number of the account.";
    BandwidthUser, "bandwidth.user", Text, "", "Text messages", "Bandwidth user", "Log-in name for the interface.";
    BandwidthPassword, "bandwidth.password", Secret, "", "Text messages", "Bandwidth password", "Log-in password for the interface.";
    BandwidthApplication, "bandwidth.application", Text, "", "Text messages", "Bandwidth application", "Id of the application that the service numbers belong to.";
    BandwidthHookUser, "bandwidth.hook_user", Text, "", "Text messages", "User of Bandwidth's callbacks", "Bandwidth has to log in with it when it calls; set the same in its application.";
    BandwidthHookPassword, "bandwidth.hook_password", Secret, "", "Text messages", "Password of Bandwidth's callbacks", "Long and random: it alone proves that Bandwidth calls.";
    SmsPublicUrl, "sms.public_url", Text, "", "Text messages", "Public address of this box", "For example https://box.example.org, with a proxy that leads /hooks/ here. Empty: the carrier is asked for texts instead, which works behind any router (Twilio only).";
    SmsPoll, "sms.poll", Seconds(1, 86_400), "30", "Text messages", "Ask for texts every", "How often Twilio is asked for texts from phones while it cannot call.";
    SmsTimeout, "sms.timeout", Seconds(1, 600), "20", "Text messages", "Patience with the carrier", "Limit for each answer of the carrier.";
    SmsCountry, "sms.country", Choice(&COUNTRIES), "US", "Text messages", "Country", "Phone numbers without a plus are read as people in this country write them.";

    QueueLifetime, "queue.lifetime", Seconds(10, 2_592_000), "4d", "Queue", "Give up mail after", "Then the sender gets it back with the reason.";
    QueueDelayNotice, "queue.delay_notice", Seconds(5, 2_592_000), "4h", "Queue", "Tell the sender of delay after", "Once for each message.";
    QueueRetryFirst, "queue.retry_first", Seconds(1, 86_400), "60", "Queue", "First repeat after", "Doubled after each try, with some jitter.";
    QueueRetryMost, "queue.retry_most", Seconds(1, 86_400), "1h", "Queue", "Longest wait between tries", "The doubling ends here.";
    KeepDays, "store.keep_days", Number(1, 36_500), "365", "Queue", "Keep messages for days", "Finished messages older than this are removed.";
    KeepEvents, "store.keep_events", Number(1, 36_500), "365", "Queue", "Keep events for days", "What happened, as the front page lists it; at most the newest 2000.";
    KeepAudit, "store.keep_audit", Number(1, 36_500), "730", "Queue", "Keep the audit log for days", "Who changed what; at most the newest 10000 lines.";
    KeepSamples, "store.keep_samples", Number(1, 36_500), "31", "Queue", "Keep measured values for days", "Noise, signal and temperature of the modem.";
    KeepAside, "store.keep_set_aside", Number(1, 36_500), "365", "Queue", "Keep what was set aside for days", "What came in and could not be read; at most the newest 1000.";
    DiskReserve, "store.reserve", Number(0, 1_000_000), "64", "Queue", "Keep free on disk, MB", "Below this no mail is taken (452) and the modem is not emptied.";

    WebListen, "web.listen", Listen, "0.0.0.0:80", "Web page", "Listen for browsers on", "Used when systemd hands over no socket named web.";
    WebLanOnly, "web.lan_only", Switch, "yes", "Web page", "Only from this network", "Requests from public addresses get 403.";
    WebMetrics, "web.metrics", Switch, "no", "Web page", "Numbers for a monitor at /metrics", "For Prometheus, without a log-in: whoever may open the log-in page may read them. No name and no address is among them.";
    WebNames, "web.names", Text, "", "Web page", "More names of this box", "Host names besides its own addresses, box.name and box.name.local, separated by blanks.";
}

/// The settings in force: a snapshot that is replaced as a whole when one changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    stored: BTreeMap<Key, String>,
}

/// The row of a key.
pub fn row(key: Key) -> &'static Setting {
    // The macro makes the rows in the order of the keys.
    &TABLE[key as usize]
}

/// The row of a name.
///
/// # Errors
/// That there is none.
pub fn find(name: &str) -> Result<&'static Setting, SettingError> {
    TABLE.iter().find(|row| row.name == name).ok_or_else(|| SettingError::NoSuch(name.to_owned()))
}

/// A setting that there is not, or a value that it cannot have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingError {
    /// There is no setting of this name.
    NoSuch(String),
    /// The value will not do.
    Value {
        /// The name of the setting.
        name: &'static str,
        /// What was given.
        value: String,
        /// What would do.
        want: Want,
    },
    /// The value names no domain.
    Domain {
        /// The name of the setting.
        name: &'static str,
        /// What is wrong with it.
        why: AddressError,
    },
    /// The value is no list of senders.
    Senders {
        /// The name of the setting.
        name: &'static str,
        /// What is wrong with it.
        why: PatternError,
    },
}

/// What a value has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// One line.
    OneLine,
    /// So many bytes at most.
    Bytes(usize),
    /// Yes or no.
    Switch,
    /// A number in this range.
    Number(i64, i64),
    /// A span in this range of seconds.
    Seconds(i64, i64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// An amount of money.
    Amount,
    /// Addresses with ports.
    Listen,
    /// Networks.
    Networks,
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuch(name) => {
                let group = name.split('.').next().unwrap_or_default();
                let near: Vec<_> = TABLE.iter().map(|row| row.name).filter(|known| known.starts_with(group)).collect();
                write!(f, "there is no setting '{}': ", name.escape_debug())?;
                match near.is_empty() {
                    true => f.write_str("see 'satpost settings list'"),
                    false => write!(f, "did you mean {}?", near.join(", ")),
                }
            }
            Self::Value { name, value, want } => write!(f, "{name}: '{}' will not do, {want}", value.escape_debug()),
            Self::Domain { name, why } => write!(f, "{name}: {why}"),
            Self::Senders { name, why } => write!(f, "{name}: {why}"),
        }
    }
}

impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneLine => f.write_str("it has to be one line of text"),
            Self::Bytes(most) => write!(f, "it may have {most} bytes"),
            Self::Switch => f.write_str("write yes or no"),
            Self::Number(least, most) => write!(f, "write a number from {least} to {most}"),
            Self::Seconds(least, most) => {
                write!(f, "write a time from {least} to {most} seconds, for example 90, 5m, 4h or 4d")
            }
            Self::Choice(words) => write!(f, "write one of {}", words.join(", ")),
            Self::Amount => f.write_str("write an amount such as 0.07 or 12"),
            Self::Listen => f.write_str("write ip:port, for example 0.0.0.0:25 or [::]:25"),
            Self::Networks => f.write_str("write address/bits, for example 192.168.1.0/24"),
        }
    }
}

impl Settings {
    /// From stored names and values; unknown names and unreadable values are left out.
    pub fn from_stored<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut settings = Self::default();
        for (name, value) in pairs {
            if let Ok(row) = find(name)
                && let Ok(value) = check(row, value)
            {
                settings.stored.insert(row.key, value);
            }
        }
        settings
    }

    /// The same with one value changed.
    ///
    /// # Errors
    /// What the value has to look like.
    pub fn with(&self, key: Key, value: &str) -> Result<Self, SettingError> {
        let mut changed = self.clone();
        let value = check(row(key), value)?;
        changed.stored.insert(key, value);
        Ok(changed)
    }

    /// The value as text.
    pub fn text(&self, key: Key) -> &str {
        self.stored.get(&key).map_or(row(key).default, String::as_str)
    }

    /// True when the value differs from its default.
    pub fn changed(&self, key: Key) -> bool {
        self.text(key) != row(key).default
    }

    /// A number; of a `Number` row.
    pub fn number(&self, key: Key) -> i64 {
        // Stored values were checked, defaults are checked by a test.
        self.text(key).parse().unwrap_or_default()
    }

    /// A number that is at home in `usize`; of a `Number` row without negative values.
    pub fn count(&self, key: Key) -> usize {
        usize::try_from(self.number(key)).unwrap_or_default()
    }

    /// A switch.
    pub fn on(&self, key: Key) -> bool {
        self.text(key) == "yes"
    }

    /// A span of time; of a `Seconds` row.
    pub fn span(&self, key: Key) -> Duration {
        Duration::from_secs(seconds(self.text(key)).and_then(|s| u64::try_from(s).ok()).unwrap_or_default())
    }

    /// The words of a value separated by blanks.
    pub fn words(&self, key: Key) -> impl Iterator<Item = &str> {
        self.text(key).split_whitespace()
    }

    /// True when `ip` lies in one of the networks of a `Networks` row.
    pub fn contains(&self, key: Key, ip: IpAddr) -> bool {
        self.words(key).filter_map(network).any(|(base, bits)| in_network(ip, base, bits))
    }

    /// The value for people and logs: secrets are masked.
    pub fn shown(&self, key: Key) -> &str {
        match row(key).kind {
            Kind::Secret if !self.text(key).is_empty() => "(set)",
            _ => self.text(key),
        }
    }
}

/// A span such as `90`, `30s`, `2h` or `4d`, in seconds.
pub fn seconds(text: &str) -> Option<i64> {
    let (digits, unit) = match text.char_indices().last()? {
        (at, 's') => (&text[..at], 1),
        (at, 'm') => (&text[..at], 60),
        (at, 'h') => (&text[..at], 3600),
        (at, 'd') => (&text[..at], 86_400),
        _ => (text, 1),
    };
    digits.trim().parse::<i64>().ok()?.checked_mul(unit)
}

fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
    (bits <= most).then_some((address, bits))
}

fn in_network(ip: IpAddr, base: IpAddr, bits: u8) -> bool {
    match (ip.to_canonical(), base) {
        (IpAddr::V4(ip), IpAddr::V4(base)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            ip.to_bits() & mask == base.to_bits() & mask
        }
        (IpAddr::V6(ip), IpAddr::V6(base)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            ip.to_bits() & mask == base.to_bits() & mask
        }
        _ => false,
    }
}

/// Reads a value by its row and gives it back in its stored form.
///
/// # Errors
/// What the value has to look like.
pub fn check(row: &Setting, value: &str) -> Result<String, SettingError> {
    let (name, value) = (row.name, value.trim());
    let wrong = |want| Err(SettingError::Value { name, value: value.to_owned(), want });
    if value.chars().any(char::is_control) {
        return wrong(Want::OneLine);
    }
    match row.kind {
        Kind::Text | Kind::Secret if value.len() > 1000 => wrong(Want::Bytes(1000)),
        Kind::Text | Kind::Secret => Ok(value.to_owned()),
        Kind::Domain if value.is_empty() => Ok(String::new()),
        Kind::Domain => match crate::address::check_domain(value) {
            Ok(()) => Ok(value.to_lowercase()),
            Err(why) => Err(SettingError::Domain { name, why }),
        },
        Kind::Switch => match value {
            "yes" | "on" | "true" | "1" => Ok("yes".to_owned()),
            "no" | "off" | "false" | "0" | "" => Ok("no".to_owned()),
            _ => wrong(Want::Switch),
        },
        Kind::Number(least, most) => match value.parse::<i64>() {
            Ok(number) if (least..=most).contains(&number) => Ok(number.to_string()),
            _ => wrong(Want::Number(least, most)),
        },
        Kind::Seconds(least, most) => match seconds(value) {
            Some(number) if (least..=most).contains(&number) => Ok(value.to_owned()),
            _ => wrong(Want::Seconds(least, most)),
        },
        Kind::Choice(words) if words.contains(&value) => Ok(value.to_owned()),
        Kind::Choice(words) => wrong(Want::Choice(words)),
        Kind::Senders if value.len() > 8000 => wrong(Want::Bytes(8000)),
        Kind::Senders => match Pattern::list(value) {
            Ok(_) => Ok(Pattern::tidy(value)),
            Err(why) => Err(SettingError::Senders { name, why }),
        },
        Kind::Amount => match value.parse::<crate::money::Money>() {
            Ok(_) => Ok(value.to_owned()),
            Err(_) => wrong(Want::Amount),
        },
        Kind::Listen => match value.split_whitespace().all(|word| word.parse::<std::net::SocketAddr>().is_ok()) {
            true => Ok(value.to_owned()),
            false => wrong(Want::Listen),
        },
        Kind::Networks => match value.split_whitespace().all(|word| network(word).is_some()) {
            true => Ok(value.to_owned()),
            false => wrong(Want::Networks),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_its_defaults_are_valid() {
        for (at, row) in TABLE.iter().enumerate() {
            assert_eq!(row.key as usize, at);
            assert_eq!(check(row, row.default).as_deref(), Ok(row.default), "{}", row.name);
            assert!(row.help.ends_with('.'), "{}", row.name);
            assert_eq!(TABLE.iter().filter(|other| other.name == row.name).count(), 1);
        }
        let drivers: Vec<_> = crate::link::DRIVERS.iter().map(|driver| driver.name).collect();
        let Kind::Choice(words) = row(Key::LinkDriver).kind else { panic!() };
        assert_eq!(words[1..], drivers);
    }

    #[test]
    fn wrong_values_get_a_sentence() {
        let settings = Settings::default();
        for (key, value) in [
            (Key::RelayPort, "0"),
            (Key::RelayPort, "x"),
            (Key::Reach, "moon"),
            (Key::Domain, "a b"),
            (Key::SmtpListen, "25"),
            (Key::SmtpTrusted, "10.0.0.0/33"),
            (Key::QueueLifetime, "4y"),
            (Key::BoxName, "a\nb"),
        ] {
            let why = settings.with(key, value).unwrap_err().to_string();
            assert!(why.starts_with(row(key).name), "{why}");
        }
    }

    #[test]
    fn spans_networks_and_secrets() {
        let settings = Settings::default()
            .with(Key::SmtpTrusted, "10.0.0.0/8 ::1")
            .and_then(|s| s.with(Key::RelayPassword, "hush"))
            .unwrap();
        assert_eq!(settings.span(Key::QueueLifetime), Duration::from_secs(345_600));
        assert!(settings.contains(Key::SmtpTrusted, "10.1.2.3".parse().unwrap()));
        assert!(settings.contains(Key::SmtpTrusted, "::ffff:10.1.2.3".parse().unwrap()));
        assert!(settings.contains(Key::SmtpTrusted, "::1".parse().unwrap()));
        assert!(!settings.contains(Key::SmtpTrusted, "11.0.0.1".parse().unwrap()));
        assert_eq!(settings.shown(Key::RelayPassword), "(set)");
        assert_eq!(settings.shown(Key::HivePassword), "");
    }
}
