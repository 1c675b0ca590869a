//! Who may ask the page for what: names and networks, large bodies, long answers, and the way to HTTPS. Pure.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::forwarded;
use super::http_head::{Answer, Origin, Request, host_is_ours, host_name, is_near};
use crate::settings::{Key, Settings};
use crate::sys::network;

/// Largest body, in bytes, where the rules say nothing else.
pub(super) const MAX_BODY: u64 = 256 * 1024;
/// How long the question of an open page for what has changed may take; the page answers some time before.
const LIVE: Duration = Duration::from_secs(60);

/// A page that takes a large body.
#[derive(Debug, Clone, Copy)]
pub struct Upload {
    /// Its path, and nothing behind it.
    pub path: &'static str,
    /// Only whoever may see this page may send so much.
    pub shown: &'static str,
    /// Largest body, in bytes.
    pub most: u64,
    /// How long the body may take, and the answer too.
    pub time: Duration,
}

/// Who may ask for what.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Names of this box, in lower case, besides its own addresses and `localhost`.
    pub names: Vec<String>,
    /// Serve only this machine and the networks around it.
    pub near_only: bool,
    /// Paths that begin so are for the whole world, under this name too: webhooks. Who calls proves itself behind.
    pub open: Option<(&'static str, String)>,
    /// Pages that take large bodies.
    pub uploads: Vec<Upload>,
    /// Answers of paths that begin so may take so long in all; each piece of them has the usual time.
    pub streams: Vec<(String, Duration)>,
    /// The settings, which say which web servers in front are believed, and the path of the pages there.
    pub settings: Arc<Settings>,
    /// Who asks for a page without TLS is sent to this port.
    pub https: Option<u16>,
}

impl Rules {
    /// Reads the rules from the settings. `host` is the host name of the machine.
    pub fn new(settings: &Arc<Settings>, host: &str) -> Self {
        let bare = [settings.text(Key::BoxName), host];
        let bare = bare.iter().map(|name| name.trim().to_lowercase()).filter(|name| !name.is_empty());
        let mut names: Vec<_> = bare.flat_map(|name| [format!("{name}.local"), name]).collect();
        names.extend(settings.words(Key::WebNames).map(str::to_lowercase));
        // Where the mail domain leads here, mail programs ask under these.
        let domain = Some(settings.text(Key::Domain).to_lowercase()).filter(|domain| !domain.is_empty());
        names.extend(domain.into_iter().flat_map(|domain| [format!("autoconfig.{domain}"), domain]));
        let public = settings.text(Key::SmsPublicUrl).split_once("://").map(|(_, rest)| rest);
        let open = public.and_then(|rest| host_name(rest.split('/').next()?)).map(|host| ("/hooks/", host));
        let streams = vec![("/live?".to_owned(), LIVE)];
        let (near_only, settings) = (settings.on(Key::WebLanOnly), Arc::clone(settings));
        Self { names, near_only, open, streams, settings, ..Self::default() }
    }

    /// Finds out where a request comes from; an answer where it is refused.
    pub(super) fn origin(&self, request: &mut Request, peer: IpAddr, tls: bool) -> Result<Origin, Answer> {
        let is_front = |ip| self.settings.contains(Key::WebFront, ip);
        forwarded::origin(request, peer, tls, self.settings.text(Key::WebBasePath), is_front)
    }

    /// The answer for who asks without TLS where the owner wants it. Not for programs that ask for something of their own.
    pub(super) fn to_https(&self, request: &Request, origin: &Origin) -> Option<Answer> {
        const PLAIN: [&str; 5] = ["/hooks/", "/healthz", "/metrics", "/.well-known/", "/mail/"];
        let port =
            self.https.filter(|_| !origin.secure && !PLAIN.iter().any(|path| request.target.starts_with(path)))?;
        let host = match request.host.parse::<std::net::Ipv6Addr>() {
            Ok(ip) => format!("[{ip}]"),
            Err(_) => request.host.clone(),
        };
        let port = if port == 443 { String::new() } else { format!(":{port}") };
        Some(Answer::elsewhere(format!("https://{host}{port}{}{}", origin.base, request.target)))
    }

    /// The upload that a request is; what every page takes is none.
    pub(super) fn upload(&self, request: &Request) -> Option<&Upload> {
        let large = request.method == "POST" && request.length > MAX_BODY;
        self.uploads.iter().find(|upload| large && request.target == upload.path)
    }

    pub(super) fn check(&self, request: &Request, peer: IpAddr, local: IpAddr) -> Result<(), Answer> {
        let open = self.open.as_ref().filter(|(path, _)| request.target.starts_with(path));
        if self.near_only && open.is_none() && !is_near(peer) && !network::is_attached(peer) {
            let text = "This page is served to its own network only. The setting web.lan_only changes that.";
            return Err(Answer::new("403 Forbidden", text));
        }
        let public = open.is_some_and(|(_, host)| *host == request.host);
        if !public && !host_is_ours(&request.host, local, &self.names) {
            let text = format!(
                "This box does not know itself as '{host}'. Use its address {local}, or make the name known to it: \
                 satpost settings set web.names {host}",
                host = request.host
            );
            return Err(Answer::new("421 Misdirected Request", text));
        }
        Ok(())
    }
}
