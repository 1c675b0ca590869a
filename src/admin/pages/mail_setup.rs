//! What sets a mail program up: the file that programs look for (autoconfig), and the profile for Apple's.

use sha2::{Digest, Sha256};

use super::{Ask, Reply};
use crate::admin::App;
use crate::admin::request::Request;
use crate::admin::response::Response;
use crate::listen::tls::ROOT;
use crate::settings::{Key, Settings};

/// Where mail programs find this box.
pub struct Servers {
    /// Its name, as who asks knows it.
    pub host: String,
    /// Ports by listener.
    listen: std::collections::BTreeMap<String, Vec<String>>,
}

impl Servers {
    /// As the box is now, for this request.
    pub fn new(app: &App, request: &Request) -> Self {
        let listen = app.status.facts().listen.into_iter();
        let ports = |at: Vec<std::net::SocketAddr>| at.iter().map(|at| at.port().to_string()).collect();
        let host = request.header("host").unwrap_or("this-box").to_owned();
        let host = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name.to_owned(),
            _ => host,
        };
        let host = host.strip_prefix("autoconfig.").map(str::to_owned).unwrap_or(host);
        Self { host, listen: listen.map(|(name, at)| (name, ports(at))).collect() }
    }

    /// Of no box in particular.
    pub fn nowhere() -> Self {
        Self { host: "this-box".to_owned(), listen: Default::default() }
    }

    /// The port of a listener; the usual one while it is closed.
    pub fn port(&self, listener: &str, usual: &str) -> String {
        self.listen.get(listener).and_then(|ports| ports.first().cloned()).unwrap_or_else(|| usual.to_owned())
    }
}

/// A text within XML.
fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The configuration in the form of Thunderbird (wiki.mozilla.org/Thunderbird:Autoconfiguration:ConfigFileFormat), which
/// K-9 Mail, FairEmail, Evolution and KMail read as well. It holds nothing that is of one person.
pub fn autoconfig(app: &App, request: &Request) -> Response {
    let (servers, settings) = (Servers::new(app, request), app.store.settings());
    let (host, domain) = (xml(&servers.host), xml(settings.text(Key::Domain)));
    let server = |kind: &str, tag: &str, port: String, socket: &str| {
        format!(
            "    <{tag} type=\"{kind}\">\n      <hostname>{host}</hostname>\n      <port>{port}</port>\n      \
             <socketType>{socket}</socketType>\n      <username>%EMAILADDRESS%</username>\n      \
             <authentication>password-cleartext</authentication>\n    </{tag}>\n"
        )
    };
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clientConfig version=\"1.1\">\n  <emailProvider id=\"{domain}\">\n    \
         <domain>{domain}</domain>\n    <displayName>{name}</displayName>\n    <displayShortName>{name}</displayShortName>\n\
         {}{}{}{}  </emailProvider>\n</clientConfig>\n",
        server("imap", "incomingServer", servers.port("imaps", "993"), "SSL"),
        server("imap", "incomingServer", servers.port("imap", "143"), "STARTTLS"),
        server("smtp", "outgoingServer", servers.port("submissions", "465"), "SSL"),
        server("smtp", "outgoingServer", servers.port("submission", "587"), "STARTTLS"),
        name = xml(settings.text(Key::BoxName)),
    );
    Response::typed(200, "application/xml; charset=utf-8", body.into_bytes())
}

/// A name of a part of a profile that is always the same for the same part.
fn uuid(words: &str) -> String {
    let hex = crate::hex::encode(&Sha256::digest(words)[..16]).to_uppercase();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// True when the box has an authority of its own, and its certificate is under it.
fn authority(ask: &Ask) -> Option<String> {
    let named = |settings: &Settings| !settings.text(Key::TlsCert).is_empty();
    let text = std::fs::read_to_string(ask.app.store.folder().join(ROOT)).ok()?;
    (!named(&ask.settings)).then(|| text.lines().filter(|line| !line.starts_with("-----")).collect())
}

/// The profile for iPhone, iPad and Mac: the account, and the authority of the box, so that its certificate is trusted
/// (developer.apple.com, configuration profile reference). It holds no password; the device asks for it.
pub fn profile(ask: &Ask) -> Reply {
    let servers = Servers::new(ask.app, ask.request);
    let (me, host, domain) = (ask.me(), xml(&servers.host), ask.settings.text(Key::Domain));
    let address = xml(&format!("{me}@{domain}"));
    let person = ask.service.person(me)?;
    let full_name = if person.full_name.is_empty() { me } else { &person.full_name };
    let text = |key: &str, value: &str| format!("<key>{key}</key><string>{value}</string>\n");
    let flag = |key: &str, value: bool| format!("<key>{key}</key><{value}/>\n");
    let number = |key: &str, value: &str| format!("<key>{key}</key><integer>{}</integer>\n", xml(value));
    let head = |kind: &str, what: &str| {
        text("PayloadType", kind)
            + &text("PayloadIdentifier", &format!("satpost.{host}.{what}"))
            + &text("PayloadUUID", &uuid(&format!("{host} {me} {what}")))
            + &number("PayloadVersion", "1")
    };
    let mail = head("com.apple.mail.managed", "mail")
        + &text("EmailAccountDescription", &xml(ask.settings.text(Key::BoxName)))
        + &text("EmailAccountName", &xml(full_name))
        + &text("EmailAccountType", "EmailTypeIMAP")
        + &text("EmailAddress", &address)
        + &text("IncomingMailServerAuthentication", "EmailAuthPassword")
        + &text("IncomingMailServerHostName", &host)
        + &number("IncomingMailServerPortNumber", &servers.port("imaps", "993"))
        + &flag("IncomingMailServerUseSSL", true)
        + &text("IncomingMailServerUsername", &address)
        + &text("OutgoingMailServerAuthentication", "EmailAuthPassword")
        + &text("OutgoingMailServerHostName", &host)
        + &number("OutgoingMailServerPortNumber", &servers.port("submissions", "465"))
        + &flag("OutgoingMailServerUseSSL", true)
        + &text("OutgoingMailServerUsername", &address)
        + &flag("OutgoingPasswordSameAsIncomingPassword", true);
    let root = authority(ask).map(|der| {
        let data = format!("<key>PayloadContent</key><data>{der}</data>\n");
        format!("<dict>\n{}{data}</dict>\n", head("com.apple.security.root", "authority"))
    });
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
         \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n<dict>\n{}{}<key>PayloadContent</key>\n\
         <array>\n{}<dict>\n{mail}</dict>\n</array>\n</dict>\n</plist>\n",
        head("Configuration", "profile"),
        text("PayloadDisplayName", &format!("Mail of {address}")),
        root.unwrap_or_default(),
    );
    let answer = Response::typed(200, "application/x-apple-aspen-config", body.into_bytes());
    Ok(answer.with("Content-Disposition", "attachment; filename=\"mail.mobileconfig\"".to_owned()))
}
