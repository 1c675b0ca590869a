//! The rows of the table of settings. A new setting is one row here, and a line of code where it is used.

use super::error::SettingError;
use crate::address::COUNTRIES;

/// How a value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One line of text; may be empty.
    Text,
    /// One line of text that is never shown again.
    Secret,
    /// A mail domain or host name; may be empty.
    Domain,
    /// A switch: `yes` or `no`.
    Switch,
    /// A whole number in this range.
    Number(i64, i64),
    /// A time in seconds in this range; `s`, `m`, `h`, `d` may follow the number.
    Seconds(i64, i64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Addresses to listen on, `ip:port`, separated by spaces; may be empty.
    Listen,
    /// Networks as `address/bits`, separated by spaces; may be empty.
    Networks,
    /// An amount of money, not negative, at most six digits behind the point.
    Amount,
    /// The same, or nothing while nobody has written it.
    Price,
    /// Senders: addresses and domains, separated by spaces; may be empty.
    Senders,
    /// The address of a web server, without a closing slash; may be empty where the default is.
    Url,
    /// The path of a device; may be empty.
    Path,
    /// The secret part of a webhook's address below `/hooks/` and this word; may be empty.
    Webhook(&'static str),
}

/// A row of the table.
#[derive(Debug)]
pub struct Setting {
    /// The key by which the program asks for it.
    pub key: Key,
    /// Its name for the command line.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// What holds when nothing is stored.
    pub default: &'static str,
    /// Heading on the settings page.
    pub group: &'static str,
    /// Label of the field on the settings page.
    pub label: &'static str,
    /// One or two sentences beside the field.
    pub help: &'static str,
}

macro_rules! settings {
    ($($key:ident, $name:literal, $kind:expr, $default:literal, $group:literal, $label:literal, $help:literal;)*) => {
        /// The settings by which the program asks, one for each row.
        #[allow(clippy::enum_variant_names, reason = "TlsKey means a key file, not this enum")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Key { $(#[doc = $help] $key,)* }

        /// All settings, in the order in which pages and commands list them.
        pub static TABLE: &[Setting] = &[$(Setting {
            key: Key::$key, name: $name, kind: $kind, default: $default, group: $group, label: $label, help: $help,
        },)*];
    };
}

use Kind::{
    Amount, Choice, Domain, Listen, Networks, Number, Path, Price, Seconds, Secret, Senders, Switch, Text, Url, Webhook,
};

settings! {
    BoxName, "box.name", Text, "satpost", "Box", "Name of this box", "Shown on the pages and in the greeting of the mail listener.";
    Domain, "box.domain", Domain, "", "Box", "Mail domain", "People on this box have addresses name@domain. Mail for any other domain goes outside.";
    Reach, "box.reach", Choice(&["satellite", "internet"]), "satellite", "Box", "How this box reaches the outside", "satellite: a station, everything for the outside goes over the link to the far box. internet: a gateway, mail for the outside goes to the relay.";
    DefaultPerson, "box.default_person", Text, "", "Box", "Recipient of packets without a name", "A packet that reaches the modem of this box need not say for whom it is. Empty: the first person that was added.";
    SharedDomain, "box.shared_domain", Switch, "no", "Box", "Other gateways have people of this domain", "For several gateways with one mail domain behind one mail server. yes: what people of this box write to a name of the domain that nobody has here goes to the relay, which knows by which gateway they are reached. What others write to such a name is refused all the same.";
    FirstContact, "box.first_contact", Switch, "yes", "Box", "Ask what is plugged in", "A USB serial adapter of a kind that modems have, and that no link uses, is asked what it is when it is plugged in or the box starts, up to five times where nothing answers. The page Links offers what fits. A program that does not lock its port is disturbed by that. no: where such programs use adapters of this kind.";
    GpsdAddress, "gpsd.address", Text, "", "Box", "gpsd", "host:port of gpsd, usually 127.0.0.1:2947: position and time come from there. For a box whose modem has no GPS receiver. Empty: none.";
    TimeZone, "box.time_zone", Text, "UTC", "Box", "Time zone", "Times on the pages, for example Europe/Lisbon.";

    LinkUnit, "link.unit", Choice(&["packet", "credit", "byte", "session", "free"]), "packet", "Link", "Charged for", "packet: each packet. credit: each 50 bytes of a packet that were begun. byte: each byte, for a least number in a packet. session: each session, which carries a packet. free: nothing.";
    LinkPrice, "link.price", Price, "", "Link", "Price", "For each of these, for example 0.07; 0 where it costs nothing. Empty: not known, and the link is not used.";
    LinkLeast, "link.least", Number(0, 100_000), "0", "Link", "Least bytes of a packet", "A packet that is charged by the byte is charged for so many at least.";
    LinkFree, "link.free", Number(0, 1_000_000_000), "0", "Link", "Free in a month", "So many packets, credits, bytes or sessions of a month cost nothing, as a plan includes them; the price is for what goes beyond. Counted from when this is set.";
    LinkEvery, "link.every", Seconds(0, 604_800), "0", "Link", "Is there every", "For a link that comes by a timetable, such as a terminal that is switched on for 10 minutes every 3 h: how often, counted from midnight UTC. Messages wait for it where it comes within their patience, and take a dearer link at once where it does not. 0: not known.";
    LinkLasts, "link.lasts", Seconds(0, 604_800), "0", "Link", "For so long", "How long it is there each time.";
    LinkDayPackets, "link.day_packets", Number(0, 1_000_000_000), "0", "Link", "Packets a day", "Over this limit the link takes nothing more on that day. 0: no limit.";
    LinkDayMoney, "link.day_money", Amount, "0", "Link", "Money a day", "The same limit in money. 0: no limit.";
    LinkMonthPackets, "link.month_packets", Number(0, 1_000_000_000), "0", "Link", "Packets a month", "Over this limit the link takes nothing more in that month. 0: no limit.";
    LinkMonthMoney, "link.month_money", Amount, "0", "Link", "Money a month", "The same limit in money. 0: no limit.";
    M138Port, "m138.port", Path, "", "Link", "Serial port", "Empty: found by its USB ids and by asking. Otherwise a path such as /dev/ttyUSB0.";
    M138AppId, "m138.app_id", Number(0, 64_999), "1000", "Link", "Application id", "Marks our packets; both ends of a link use the same.";
    M138Window, "m138.window", Number(1, 1000), "64", "Link", "Most packets on the modem", "So many packets wait inside the modem; all others wait here, where they can still be cancelled.";
    SbdPort, "sbd.port", Path, "", "Link", "Serial port", "Empty: found by its USB ids and by asking. Otherwise a path such as /dev/ttyUSB0.";
    SbdRing, "sbd.ring", Switch, "yes", "Link", "Answer ring alerts", "yes: when the network announces a message, it is fetched at once; a modem that the network does not know yet has a session, or nothing would be announced to it. A session that sends nothing costs a credit.";
    SbdCheck, "sbd.check", Seconds(0, 2_592_000), "0", "Link", "Look into the mailbox every", "For messages whose announcement was not heard: a session that sends nothing costs a credit each time. One that sends looks there for nothing. 0: never unasked.";
    SbdPower, "sbd.power", Choice(&["none", "dtr", "rts", "not-dtr", "not-rts"]), "none", "Link", "Line that switches the modem", "Where the modem's on/off pin is wired to a control line of the serial adapter, the line, with not- before it where the modem is on while the line is clear (on an adapter with logic levels the wire is low while the line is set). A modem that answers nothing for minutes is then switched off and on by it. none: no line is touched.";
    ImtPort, "imt.port", Path, "", "Link", "Serial port", "Empty: found by its USB ids and by asking. Otherwise a path such as /dev/ttyUSB0.";
    ImtTopic, "imt.topic", Number(64, 65_535), "244", "Link", "Topic", "Messages of this box carry it: 244 is the RAW of the seller's service. What comes down is taken whatever its topic.";
    ImtPower, "imt.power", Choice(&["none", "dtr", "rts", "not-dtr", "not-rts"]), "none", "Link", "Line that switches the modem", "The same for the board's I_EN pin. Where the modem's on/off pin is wired to a control line of the serial adapter, the line, with not- before it where the modem is on while the line is clear (on an adapter with logic levels the wire is low while the line is set). A modem that answers nothing for minutes is then switched off and on by it. none: no line is touched.";
    ImtWhole, "imt.whole", Number(0, 99), "0", "Link", "Largest whole mail, kB", "A mail with files, with a signature, or of which the text leaves something out, goes whole together with its text, packed, up to this size, and each byte of it is charged for. It goes so where the far box allows that for its link as well and the budgets have room; else its text goes and its files are named. 0: texts only, both ways.";
    HiveUrl, "hive.url", Url, "https://bumblebee.hive.swarm.space/hive", "Link", "Hive address", "Base address of the Hive, without the closing slash.";
    HiveUser, "hive.user", Text, "", "Link", "Hive user", "Log-in name.";
    HivePassword, "hive.password", Secret, "", "Link", "Hive password", "Log-in password.";
    HiveOrganization, "hive.organization", Number(0, 2_147_483_647), "0", "Link", "Hive organization", "Number of the organization that sends; 0 leaves it out.";
    HivePoll, "hive.poll", Seconds(1, 86_400), "60", "Link", "Poll the Hive every", "How often the Hive is asked for new packets.";
    RockblockUrl, "rockblock.url", Url, "https://rockblock.rock7.com/rockblock/MT", "Link", "Address of the service", "Where messages for terminals are sent.";
    RockblockUser, "rockblock.user", Text, "", "Link", "RockBLOCK user", "Log-in name at the service.";
    RockblockPassword, "rockblock.password", Secret, "", "Link", "RockBLOCK password", "Log-in password.";
    RockblockPath, "rockblock.path", Webhook("rockblock"), "", "Link", "Secret part of the webhook", "16 or more random characters. The service calls sms.public_url/hooks/rockblock/ with this behind it: type that into its delivery group, with the format HTTP_JSON.";
    RockblockKey, "rockblock.key", Text, "", "Link", "Key of the service", "Base64 of the public key that calls are signed with; two may stand here, with a blank between. Empty: the one that the service prints in its pages.";
    RockblockForms, "rockblock.forms", Switch, "no", "Link", "Take calls without a signature", "yes: calls in the format HTTP_POST are taken as well. Only the secret address proves then who calls.";
    CloudloopUrl, "cloudloop.url", Url, "https://api.cloudloop.com", "Link", "Address of the service", "Where messages for terminals are sent.";
    CloudloopToken, "cloudloop.token", Secret, "", "Link", "Token", "The service gives it to an account for its programs.";
    CloudloopPath, "cloudloop.path", Webhook("cloudloop"), "", "Link", "Secret part of the webhook", "16 or more random characters. The service calls sms.public_url/hooks/cloudloop/ with this behind it: type that into an HTTP destination there, with the format Lingo JSON. It signs nothing: whoever knows this address is believed.";
    CloudloopThings, "cloudloop.things", Text, "", "Link", "Terminals", "The service knows a terminal as a thing of 32 characters: 300234010753370=AbCd..., with a blank between two, and /imt behind the thing of an IMT modem. A terminal that has sent a message need not stand here.";
    CloudloopTopic, "cloudloop.topic", Text, "IMT_TOPIC_RAW", "Link", "Topic", "Under which messages go to IMT modems.";
    CloudloopCallers, "cloudloop.callers", Networks, "", "Link", "Networks of its calls", "Calls from elsewhere are refused. In November 2026 the service named 35.178.100.117/32 52.56.155.169/32. Empty: anybody who knows the secret address.";
    CloudloopWhole, "cloudloop.whole", Number(0, 99), "0", "Link", "Largest whole mail to an IMT modem, kB", "The same for what goes to IMT modems (RockBLOCK 9704): whole mails with files, packed, up to this size, where their box allows that as well; each byte is charged for. 0: texts only, both ways.";
    SbdmailSender, "sbdmail.sender", Text, "", "Link", "Address of this box", "Messages for terminals are sent from here through the relay. The service has to know it for the account.";
    SbdmailImap, "sbdmail.imap", Text, "", "Link", "IMAP server", "host:port of the mailbox that the relay's account has (relay.user, relay.password), for example imap.example.org:993: the service's mails are fetched there. Needs no address that others can reach. Empty: mails come to the listener.";
    SbdmailPoll, "sbdmail.poll", Seconds(5, 86_400), "60", "Link", "Look every", "How often that mailbox is looked into.";
    SbdmailPath, "sbdmail.path", Text, "", "Link", "Secret address", "16 or more random characters. Mails to this name at the mail domain of this box, from the networks below, are messages of terminals.";
    SbdmailPeers, "sbdmail.peers", Networks, "", "Link", "Networks of the relay", "From where such mails are believed. Empty: from nowhere.";
    SbdmailFrom, "sbdmail.from", Text, "sbdservice@sbd.iridium.com", "Link", "Address of the service", "Who the mails with messages of terminals are from.";
    SbdmailTo, "sbdmail.to", Text, "data@sbd.iridium.com", "Link", "Address for terminals", "Where messages for terminals are sent.";

    DirectipGateway, "directip.gateway", Text, "", "Link", "Gateway", "host:port where messages for terminals are taken, as the contract names it.";
    IpAddress, "ip.address", Text, "", "Link", "Address of the far box", "host:port of the gateway that this box calls; pairing sets it. Empty: this box calls nobody.";
    IpKey, "ip.key", Text, "", "Link", "Key of the far box", "64 digits, which the gateway proves to have; pairing sets it.";
    DirectipListen, "directip.listen", Listen, "", "DirectIP", "Listens for the gateway on", "For messages from terminals, for example 0.0.0.0:10800. Used when systemd passes no socket named directip. Empty: none.";
    DirectipPeers, "directip.peers", Networks, "", "DirectIP", "Addresses of the gateway", "Only what comes from these is heard; there is no other proof of who speaks. Empty: nobody is heard.";
    DirectipConfirm, "directip.confirm", Switch, "yes", "DirectIP", "Confirm messages", "Each message is answered once it is on disk; one that is not is sent again. no: where the contract has no confirmations.";
    IpListen, "ip.listen", Listen, "", "Internet link", "Listens for boxes on", "On a gateway: address and port that stations connect to, for example 0.0.0.0:443. Used when systemd passes no socket named ip. Empty: none.";
    IpHold, "ip.hold", Switch, "yes", "Link", "Hold the line", "yes: the line stays open, for 0.3 to 2 kB an hour, and messages come at once. no: it is dialled when there is something to send, and messages for this box wait until then.";
    IpMetered, "ip.metered", Switch, "no", "Link", "The line is paid by volume", "Told to the far box.";
    IpBudgetDay, "ip.budget_day", Number(0, 1_000_000_000_000), "0", "Link", "Bytes per day", "Once they are used up the line is closed and dialled for urgent messages only, until midnight UTC. 0: no limit.";
    IpWhole, "ip.whole", Number(0, 100_000), "1000", "Link", "Largest whole mail, kB", "A mail with files, with a signature, or of which the text leaves something out, goes whole over this line where that charges nothing: packed, up to this size. A larger one goes as text, and the rest when it is asked for. 0: texts only, and nothing is asked for.";
    IpBudgetMonth, "ip.budget_month", Number(0, 1_000_000_000_000), "0", "Link", "Bytes per month", "The same limit for the calendar month, UTC. 0: no limit.";

    AirLifetime, "air.lifetime", Seconds(60, 2_592_000), "4d", "On air", "Lifetime on the link", "A message that could not leave within this time is returned to its sender.";
    AirMaxParts, "air.max_parts", Number(1, 99), "5", "On air", "Most packets per message", "A longer message is held until the owner releases it. A person may have a limit of their own.";
    AirTrim, "air.trim", Switch, "yes", "On air", "Cut quotes, signatures and disclaimers", "Only what is sent over the air is shortened; the whole mail stays on this box.";
    AirNotices, "air.notices", Switch, "no", "On air", "Send failure notices over the air", "A notice to a person with a device costs a packet. Without it the notice waits in their mailbox here. A far box like this one is told in a few bytes that ride with other packets; with it, of a failure also in a packet of their own.";
    AirPosition, "air.position", Switch, "no", "On air", "Tell where this box is", "yes: the far box ashore is told the position of this box, in 10 bytes that ride with packets which cost no more for them, and when its owner asks, then in a packet of its own. On its page there the track stands on a map. no: only by hand, on the page Position.";
    AirPositionEvery, "air.position_every", Seconds(0, 2_592_000), "0", "On air", "Tell it at least every", "Where none rode along for so long, a position leaves in a packet of its own, at its price, if air.position is on and the box has another one than it told. Under 10 minutes counts as 10 minutes. 0: none leaves alone.";
    AirHistory, "air.history", Switch, "no", "On air", "Code messages after earlier ones", "What both boxes have of a correspondence makes its next messages some four per cent shorter, if this is on at both ends. A far box that lost its memory (an older backup, an erased person) asks, and the message goes once more without, later and paid again.";
    AirPartsWait, "air.parts_wait", Seconds(60, 2_592_000), "2d", "On air", "Wait for missing parts", "After this time the parts of a message that did arrive are delivered as they are.";
    AirCompact, "air.compact", Choice(&["normal", "small", "off"]), "normal", "On air", "Compact coding", "Between two boxes like this one messages take a third of the bytes, share packets, and are confirmed. Anybody else gets classic packets. small: with 14 MB of memory for it instead of 90, and a few more bytes a message. off: classic packets only.";
    AirGather, "air.gather", Seconds(0, 86_400), "2m", "On air", "Wait for messages that share a packet", "A message for a far box that reads the compact coding waits this long for others, unless a satellite comes, a packet is full, or the link charges nothing (the internet). 0: it does not wait.";
    AirGetWhole, "air.get_whole", Switch, "no", "On air", "Get whole mails by itself", "Of a mail that came as text over another link, or was larger than goes along, the rest is asked for once an internet link is there that charges nothing; on a gateway who got the text ashore is sent the whole mail behind it. Otherwise when somebody asks for it, on its page.";
    AirReceiptWait, "air.receipt_wait", Seconds(0, 864_000), "24h", "On air", "Receipts wait for", "A receipt goes along in a packet that leaves anyway. After this time it is sent alone, which costs a packet. 0: never alone.";

    PatienceUrgent, "patience.urgent", Seconds(0, 2_592_000), "2m", "Choice of link", "Urgent messages wait for the cheapest link", "While it is down; after this time they take the cheapest one that is ready.";
    PatienceNormal, "patience.normal", Seconds(0, 2_592_000), "20m", "Choice of link", "Normal messages wait for it", "As above.";
    PatienceLow, "patience.low", Seconds(0, 2_592_000), "24h", "Choice of link", "Low messages wait for it", "As above.";
    PatienceBulk, "patience.bulk", Seconds(0, 2_592_000), "30d", "Choice of link", "Bulk messages wait for it", "As above. 30d is longer than a message lives: they never take a dearer link.";

    AirStrangers, "air.strangers", Choice(&["hold", "refuse", "allow"]), "hold", "Who may write over the air", "Messages of strangers", "Mail from outside for somebody who reads on a device. hold: it waits until you release it. refuse: it is not carried. allow: it goes on air, and you pay.";
    AirAllow, "air.allow", Senders, "", "Who may write over the air", "Allowed senders", "Addresses and domains separated by spaces: mum@example.org example.org. A person has lists of their own, which come first.";
    AirBlock, "air.block", Senders, "", "Who may write over the air", "Blocked senders", "Addresses and domains separated by spaces; * is everybody.";
    AirMachines, "air.machines", Senders, "", "Who may write over the air", "Machines that may write", "Senders of mail that a program writes, such as weather robots and log-in codes, which goes nowhere over the air otherwise. A person has a list of their own as well.";
    AirAnswers, "air.answers", Seconds(0, 315_360_000), "90d", "Who may write over the air", "Replies allowed for", "Whom somebody on a device wrote to may reply for this long; 0: not at all.";
    AirKeyWord, "air.key_word", Text, "", "Who may write over the air", "Key word", "A subject with this word, or these words in a row, lets a message through; case does not matter. Empty: none.";
    AirTellHeld, "air.tell_held", Switch, "no", "Who may write over the air", "Tell a stranger that their message waits", "At once and once for each stranger, and only where the mail server in front vouches for the sender.";
    AirTellRefused, "air.tell_refused", Switch, "no", "Who may write over the air", "Tell a sender who is refused", "Once for each sender, and only where the mail server in front vouches for them. What a program wrote is never answered.";
    SmtpAuthHost, "smtp.auth_host", Domain, "", "Who may write over the air", "Mail server in front", "The name with which it signs Authentication-Results; only those are believed, and only senders for whom it vouches count as known. Empty: no sender is verified.";
    SmtpFront, "smtp.front", Networks, "", "Who may write over the air", "Networks of that server", "From elsewhere its verdicts are not believed, as anybody can write them; from here nobody is trusted as a client. For example 192.168.1.5. Empty: this machine and local networks.";
    SmtpFrontOnly, "smtp.front_only", Switch, "no", "Who may write over the air", "Take mail from that server only", "Other mail servers get 550. Log-ins and trusted networks are taken as before.";
    SmtpFrontProtocol, "smtp.front_protocol", Choice(&["none", "xclient", "proxy"]), "none", "Who may write over the air", "How that server names its clients", "So that limits count the true client: xclient is a command of mail servers; proxy is a header of load balancers, then required, and mail that comes so has no verdicts. Only from smtp.front.";

    PriceTwilio, "price.twilio", Amount, "0", "Money", "Price of a text by Twilio", "For each text message; a long text is several. With the fees of the networks.";
    PriceBandwidth, "price.bandwidth", Amount, "0", "Money", "Price of a text by Bandwidth", "For each text message, with the fees of the networks.";
    PriceCurrency, "price.currency", Text, "USD", "Money", "Currency", "Shown behind amounts.";
    BudgetPackets, "budget.packets", Number(0, 1_000_000_000), "0", "Money", "Packets per month", "Over this limit messages are held until the next calendar month or a larger budget. 0: no limit.";
    BudgetMoney, "budget.money", Amount, "0", "Money", "Money per month", "The same limit in money. 0: no limit.";
    BudgetReserve, "budget.reserve", Number(0, 100), "10", "Money", "Reserved for urgent messages, per cent", "Only urgent messages may use this part of the budgets of the box.";

    SmtpListen, "smtp.listen", Listen, "0.0.0.0:25", "Mail in", "SMTP listens on", "Used when systemd passes no socket named smtp.";
    SubmissionListen, "submission.listen", Listen, "0.0.0.0:587", "Mail in", "Submission listens on", "For mail programs. Used when systemd passes no socket named submission.";
    SubmissionsListen, "submissions.listen", Listen, "0.0.0.0:465", "Mail in", "Submission under TLS listens on", "For mail programs that encrypt from the first byte on. Used when systemd passes no socket named submissions.";
    SmtpTrusted, "smtp.trusted", Networks, "", "Mail in", "Trusted networks", "From these networks mail for the outside is taken without a log-in, and a log-in without TLS. For example 192.168.1.0/24.";
    SmtpOldDevices, "smtp.old_devices", Networks, "", "Mail in", "Networks of old devices", "Devices that end lines with a line feed alone, in a trusted network. Such a mail is taken by itself and the connection closed, so that nothing can hide in it. For example 192.168.1.20.";
    SmtpMaxSize, "smtp.max_size", Number(10_000, 104_857_600), "33554432", "Mail in", "Largest mail, bytes", "Announced as SIZE; a larger mail is rejected with 552.";
    SmtpMaxRecipients, "smtp.max_recipients", Number(1, 1000), "50", "Mail in", "Most recipients per mail", "Further recipients get 452 and are sent again by the client.";
    SmtpConnections, "smtp.connections", Number(1, 1000), "64", "Mail in", "Most connections", "Further ones get 421.";
    SmtpPerAddress, "smtp.per_address", Number(1, 1000), "24", "Mail in", "Most connections per client address", "Further ones get 421.";
    SmtpRate, "smtp.rate", Number(0, 1_000_000), "0", "Mail in", "Mails per minute per client address", "Further mails get 450 and are sent again later; 0: no limit.";
    SmtpIdle, "smtp.idle", Seconds(1, 3600), "300", "Mail in", "Idle timeout", "A command or a piece of a mail has to arrive within this time.";
    SmtpSession, "smtp.session", Seconds(1, 86_400), "600", "Mail in", "Session timeout", "A session in which no mail is accepted for this long ends.";
    TlsCert, "tls.certificate", Text, "", "Mail in", "Certificate file", "PEM chain for STARTTLS. Empty: the box makes its own.";
    TlsKey, "tls.key", Text, "", "Mail in", "Key file", "PEM key that belongs to the certificate.";

    ImapListen, "imap.listen", Listen, "0.0.0.0:143", "Mailboxes", "IMAP listens on", "Mail programs read here. Used when systemd passes no socket named imap.";
    ImapsListen, "imaps.listen", Listen, "0.0.0.0:993", "Mailboxes", "IMAP under TLS listens on", "For mail programs that encrypt from the first byte on. Used when systemd passes no socket named imaps.";
    ImapConnections, "imap.connections", Number(1, 1000), "64", "Mailboxes", "Most connections", "Of each of the two; further ones hear BYE. A mail program has several, some one for each folder.";
    ImapPerAddress, "imap.per_address", Number(1, 1000), "24", "Mailboxes", "Most connections per client address", "Further ones hear BYE.";
    MailboxQuota, "mailbox.quota", Number(0, 1_000_000), "1000", "Mailboxes", "Room for a mailbox, MB", "A person whose mailbox is nearly full gets a mail about it. When it is full mail programs can put nothing more into it; what arrives is kept all the same. 0: no limit.";

    RelayHost, "relay.host", Domain, "", "Mail out", "Relay host", "The mail server (smarthost) that takes mail for the outside. Empty: none.";
    RelayPort, "relay.port", Number(1, 65_535), "587", "Mail out", "Relay port", "587 for STARTTLS, 465 for TLS, 25 for a relay in the local network.";
    RelayTls, "relay.tls", Choice(&["starttls", "tls", "none"]), "starttls", "Mail out", "Encryption to the relay", "With none, a log-in is sent only to an address of this machine.";
    RelayUser, "relay.user", Text, "", "Mail out", "Relay user", "Log-in name; empty for none.";
    RelayPassword, "relay.password", Secret, "", "Mail out", "Relay password", "Log-in password.";
    RelayCa, "relay.ca", Text, "", "Mail out", "Relay certificate", "PEM file of the authority that signed the relay's certificate, if it is not a public one; or of that certificate itself, which is then trusted whatever its name and dates.";
    RelayTimeout, "relay.timeout", Seconds(1, 600), "60", "Mail out", "Relay timeout", "Limit for each reply of the relay.";

    SmsCarrier, "sms.carrier", Choice(&["none", "twilio", "bandwidth"]), "none", "Text messages", "Carrier", "Who carries texts to phones and from them. A station needs none: its texts go over the link.";
    TwilioUrl, "twilio.url", Url, "https://api.twilio.com", "Text messages", "Twilio address", "Base address of the interface, without the closing slash.";
    TwilioAccount, "twilio.account", Text, "", "Text messages", "Twilio account", "The account SID, which begins with AC.";
    TwilioToken, "twilio.token", Secret, "", "Text messages", "Twilio token", "The primary auth token of the account; it also proves who calls the webhook.";
    BandwidthUrl, "bandwidth.url", Url, "https://messaging.bandwidth.com/api/v2", "Text messages", "Bandwidth address", "Base address of the interface, without the closing slash.";
    BandwidthAccount, "bandwidth.account", Text, "", "Text messages", "Bandwidth account", "Number of the account.";
    BandwidthUser, "bandwidth.user", Text, "", "Text messages", "Bandwidth user", "Log-in name for the interface.";
    BandwidthPassword, "bandwidth.password", Secret, "", "Text messages", "Bandwidth password", "Log-in password for the interface.";
    BandwidthApplication, "bandwidth.application", Text, "", "Text messages", "Bandwidth application", "Id of the application that the service numbers belong to.";
    BandwidthHookUser, "bandwidth.hook_user", Text, "", "Text messages", "User of Bandwidth's callbacks", "Bandwidth has to log in with it when it calls; set the same in its application.";
    BandwidthHookPassword, "bandwidth.hook_password", Secret, "", "Text messages", "Password of Bandwidth's callbacks", "Long and random: it alone proves that Bandwidth calls.";
    SmsPublicUrl, "sms.public_url", Url, "", "Text messages", "Public address of this box", "For example https://box.example.org, with a proxy that leads /hooks/ here. Empty: the carrier is asked for texts instead, which works behind any router (Twilio only).";
    SmsPoll, "sms.poll", Seconds(1, 86_400), "30", "Text messages", "Poll for texts every", "How often Twilio is asked for texts from phones while it has no webhook to call.";
    SmsTimeout, "sms.timeout", Seconds(1, 600), "20", "Text messages", "Carrier timeout", "Limit for each answer of the carrier.";
    SmsPlainMarks, "sms.plain_marks", Switch, "yes", "Text messages", "Plain marks where they save texts", "Curly quotation marks, long dashes and the like are written as plain ones where that makes a message fewer texts.";
    SmsReactions, "sms.reactions", Switch, "no", "Text messages", "Carry reactions", "What phones send when somebody likes a text, such as Liked “…”. no: it is kept here, and nothing is paid for it on the link. yes: it goes in short form, when there is room.";
    SmsCountry, "sms.country", Choice(&COUNTRIES), "US", "Text messages", "Country", "Phone numbers without a plus are read as people in this country write them.";

    QueueLifetime, "queue.lifetime", Seconds(10, 2_592_000), "4d", "Queue", "Queue lifetime", "After this time undelivered mail is returned to the sender with the reason.";
    QueueDelayNotice, "queue.delay_notice", Seconds(5, 2_592_000), "4h", "Queue", "Delay notice after", "Sent to the sender once per message.";
    QueueRetryFirst, "queue.retry_first", Seconds(1, 86_400), "60", "Queue", "First retry after", "Doubled after each try, with some jitter.";
    QueueRetryMost, "queue.retry_most", Seconds(1, 86_400), "1h", "Queue", "Longest retry interval", "The doubling ends here.";
    KeepDays, "store.keep_days", Number(1, 36_500), "365", "Queue", "Keep messages for days", "Final messages older than this are removed. What is in a mailbox stays; its Trash is emptied after 30 days.";
    KeepEvents, "store.keep_events", Number(1, 36_500), "365", "Queue", "Keep events for days", "What happened, as the front page lists it; at most the newest 2000.";
    KeepAudit, "store.keep_audit", Number(1, 36_500), "730", "Queue", "Keep the audit log for days", "Who changed what; at most the newest 10000 lines.";
    KeepSamples, "store.keep_samples", Number(1, 36_500), "31", "Queue", "Keep measured values for days", "Noise, signal and temperature of the modem, how each link stood, and where the boat was.";
    KeepQuarantine, "store.keep_quarantine", Number(1, 36_500), "365", "Queue", "Keep the quarantine for days", "What came in and could not be read; at most the newest 1000.";
    DiskReserve, "store.reserve", Number(0, 1_000_000), "64", "Queue", "Disk reserve, MB", "With less free space no mail is accepted (452) and no packet is taken from the modem.";

    WebListen, "web.listen", Listen, "0.0.0.0:80", "Web page", "Web page listens on", "Used when systemd passes no socket named web.";
    WebsListen, "webs.listen", Listen, "", "Web page", "Web page under https listens on", "With the certificate of the box, for example 0.0.0.0:443. Used when systemd passes no socket named webs. Empty: none.";
    WebHttps, "web.https", Switch, "no", "Web page", "Lead from http to https", "Whoever asks for a page under http is sent to https, once that listens.";
    WebFront, "web.front", Networks, "", "Web page", "Web servers in front", "Networks of reverse proxies whose X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host are believed, for example 192.168.1.5. Empty: none.";
    WebBasePath, "web.base_path", Text, "", "Web page", "Path behind that server", "Where the pages stand under a path there, for example /post. Empty: at the top.";
    WebLanOnly, "web.lan_only", Switch, "yes", "Web page", "Local networks only", "Requests from public addresses get 403.";
    WebMetrics, "web.metrics", Switch, "no", "Web page", "Metrics at /metrics", "For Prometheus, without a log-in: whoever may open the log-in page may read them. No name and no address is among them.";
    WebNames, "web.names", Text, "", "Web page", "Other host names", "Names of this box besides its addresses, box.name and box.name.local, separated by spaces.";
}

/// The group of the settings that each link has for itself.
const OF_LINKS: &str = "Link";

impl Setting {
    /// True for a setting that each link has for itself: it is changed at the link, never at the box.
    pub fn is_of_links(&self) -> bool {
        self.group == OF_LINKS
    }

    /// True for one whose value lets whoever knows it in, or be believed: it stands in no page that others may see.
    pub fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret | Kind::Webhook(_)) || self.key == Key::SbdmailPath
    }
}

/// Settings of earlier versions that are settings of a link now, and what is written instead.
pub const MOVED: [(&str, &str); 2] =
    [("link.driver", "satpost link add NAME DRIVER"), ("price.packet", "satpost link set NAME link.price 0.07")];

/// Finds the row of a key.
pub fn row(key: Key) -> &'static Setting {
    // The macro makes the rows in the order of the keys.
    &TABLE[key as usize]
}

/// Finds the row of a name.
///
/// # Errors
/// That there is none of this name.
pub fn find(name: &str) -> Result<&'static Setting, SettingError> {
    TABLE.iter().find(|row| row.name == name).ok_or_else(|| SettingError::NoSuch(name.to_owned()))
}

/// Settings that had another name in an older version: old name, name now. What a store holds under the old one is
/// read.
pub(super) const RENAMED: [(&str, &str); 1] = [("store.keep_set_aside", "store.keep_quarantine")];
