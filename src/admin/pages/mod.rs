//! The pages, one file each. A page reads what it shows, fills its template, and has the service apply what is asked for.

pub mod about;
pub mod account;
pub mod answering;
pub mod at_work;
pub mod attached;
pub mod audit;
pub mod box_log;
mod budgets;
pub mod compose;
pub mod contacts;
pub mod costs;
pub mod dashboard;
pub mod far_boxes;
pub mod files;
pub mod folders;
pub mod found;
pub mod help;
pub mod hooks;
pub mod links;
pub mod live;
pub mod login;
pub mod mail_setup;
pub mod mailbox;
pub mod messages;
pub mod names;
pub mod pair;
pub mod people;
pub mod position;
pub mod qr;
pub mod quarantine;
pub mod queue;
pub mod resume;
pub mod sessions;
pub mod settings;
pub mod setup;
mod shown;
pub mod status;
pub mod support;
mod trouble;
pub mod usage;
mod vendor;
pub mod wrong;

use std::sync::Arc;

use minijinja::{Value, context};

use super::auth::{self, Visitor};
use super::request::{Request, encode};
use super::response::Response;
use super::service::{Actor, Service, zone};
use super::view::{Frame, Light, NAV, TimeFormat, over, page, title};
use super::{App, Told};
use crate::address::PeerId;
use crate::admin::words::say;
use crate::fault::Fault;
use crate::message::Id;
use crate::people::{FarBox, Role};
use crate::settings::{Key, Settings};

/// What a page gives back; a fault becomes a page that says why.
pub type Reply = Result<Response, Fault>;

/// A request of somebody who is logged in, with what all pages need.
pub struct Ask<'a> {
    /// What the pages share.
    pub app: &'a App,
    /// The request.
    pub request: &'a Request,
    /// Who asks.
    pub visitor: &'a Visitor,
    /// What they can do.
    pub service: Service,
    /// Settings in force.
    pub settings: Arc<Settings>,
    /// Tells times.
    pub times: TimeFormat,
    /// Whether somebody of a role may look at a page, as the table of pages has it.
    least_of: fn(Role, &str) -> bool,
    /// It is no visit, only a look at what a page that is open would show now.
    looks: bool,
}

impl<'a> Ask<'a> {
    /// Makes it from a request and its session.
    pub fn new(app: &'a App, request: &'a Request, visitor: &'a Visitor, least_of: fn(Role, &str) -> bool) -> Self {
        let settings = app.store.settings();
        let times = TimeFormat { zone: zone(&settings), now: app.store.clock().now() };
        Self {
            app,
            request,
            visitor,
            service: app.service(Actor::person(&visitor.person.name, visitor.person.role, &request.peer)),
            settings,
            times,
            least_of,
            looks: false,
        }
    }

    /// The same for a look at what a page would show now: it takes nothing that the next visit is told.
    pub fn looking(app: &'a App, request: &'a Request, visitor: &'a Visitor, least_of: fn(Role, &str) -> bool) -> Self {
        Self { looks: true, ..Self::new(app, request, visitor, least_of) }
    }

    /// Gives what the one who asks may do.
    pub fn role(&self) -> Role {
        self.visitor.person.role
    }

    /// True for the owner of the box.
    pub fn owner(&self) -> bool {
        self.role() == Role::Owner
    }

    /// True for whoever runs the queue and the people: an operator or the owner.
    pub fn operator(&self) -> bool {
        self.role() >= Role::Operator
    }

    /// True when the one who asks may look at a page; for the navigation, so that it shows nothing else.
    pub fn may_see(&self, href: &str) -> bool {
        (self.least_of)(self.role(), href)
    }

    /// Gives the name of the one who asks.
    pub fn me(&self) -> &str {
        &self.visitor.person.name
    }

    /// Finds the far box of a path by its number.
    pub fn far_box(&self, number: &str) -> Option<Arc<FarBox>> {
        let id = number.parse::<PeerId>().ok()?;
        self.service.store.people().far_box(id).cloned()
    }

    /// Makes a page inside the frame.
    pub fn page(&self, status: u16, template: &str, section: &'static str, title: &str, values: Value) -> Response {
        live::marked(page(status, template, over(&self.frame(section, title), values)))
    }

    /// Makes a page that says no, and why.
    pub fn sorry(&self, status: u16, why: &str) -> Response {
        let title = title(status);
        self.page(status, "sorry.html", "", &title, context! { why })
    }

    /// True when the form of this request was sent before and did what it is for.
    ///
    /// # Errors
    /// As [`Store::write`](crate::store::Store::write).
    pub fn did_before(&self) -> Result<bool, Fault> {
        let Some(form) = self.form() else { return Ok(false) };
        self.app.store.write(move |tx| Ok(!tx.made_by_form(&form)?.is_empty()))
    }

    /// Remembers that it did it, to this message.
    ///
    /// # Errors
    /// As [`Store::write`](crate::store::Store::write).
    pub fn remember(&self, id: Id) -> Result<(), Fault> {
        let (Some(form), now) = (self.form(), self.times.now) else { return Ok(()) };
        self.app.store.write(move |tx| tx.form_made(&form, &[id], now))
    }

    /// The name of the form of this request in the store.
    fn form(&self) -> Option<String> {
        let once = auth::once_of(self.request);
        let place = self.request.target.split('?').next().unwrap_or_default();
        Some(format!("{}:{once}:{place}", self.me())).filter(|_| !once.is_empty())
    }

    /// Leads back to a page with GET, which then says `words`.
    pub fn done(&self, place: &str, words: impl Into<String>) -> Reply {
        self.app.tell(&self.visitor.hash, Told { words: self.times.local(&words.into()), undo: None });
        Ok(Response::see(place))
    }

    /// The same for a mail that was moved to `path`, out of the folder of this number: the page offers to put it back.
    pub fn moved(&self, place: &str, words: impl Into<String>, path: String, from: u32) -> Reply {
        self.app.tell(&self.visitor.hash, Told { words: words.into(), undo: Some((path, from)) });
        Ok(Response::see(place))
    }

    fn frame(&self, section: &'static str, title: &str) -> Frame {
        Frame {
            box_name: self.settings.text(Key::BoxName).to_owned(),
            domain: self.settings.text(Key::Domain).to_owned(),
            title: title.to_owned(),
            section,
            me: self.me().to_owned(),
            owner: self.owner(),
            operator: self.operator(),
            nav: NAV
                .iter()
                .filter(|entry| self.may_see(entry.href) && (self.operator() || entry.href != "/"))
                .collect(),
            csrf: self.visitor.session.csrf.clone(),
            theme: self.request.theme(),
            strip: if self.operator() { self.strip() } else { Vec::new() },
            flash: if self.looks { None } else { self.app.told(&self.visitor.hash) },
            unread: self.app.store.read(|view| view.unread(self.me())).unwrap_or_default(),
            here: self.request.target.clone(),
            base: self.request.base.clone(),
            now: Some(self.times.moment(self.times.now)),
            zone: self.settings.text(Key::TimeZone).to_owned(),
        }
    }

    /// Says of link, mail and queue how they are, in a few words each.
    pub fn strip(&self) -> Vec<Light> {
        let facts = self.app.status.facts();
        // Somebody who may not see a page is not sent there.
        let to = |href| if self.may_see(href) { href } else { "/" };
        let (all, ready) = (facts.links.len(), facts.links.values().filter(|link| link.is_ready()).count());
        let link = match (all, ready) {
            (0, _) => ("off", say!("strip.no_link")),
            (1, 1) => ("good", say!("strip.ready")),
            (1, 0) if facts.links.values().all(|link| link.health.is_none()) => ("wait", say!("strip.starting")),
            (1, _) => ("warn", say!("common.not_ready")),
            (all, 0) => ("warn", say!("strip.none_of_ready", all = all)),
            (all, ready) if ready == all => ("good", say!("strip.ready")),
            (all, ready) if facts.links.values().any(|link| links::needs_somebody(&facts, link)) => {
                ("warn", say!("strip.of_ready", ready = ready, all = all))
            }
            (all, ready) => ("wait", say!("strip.of_ready", ready = ready, all = all)),
        };
        let mail = match (&facts.smtp, &facts.relay) {
            (Some(smtp), _) if !smtp.is_ok() => ("bad", say!("strip.not_listening")),
            (_, Some(relay)) if !relay.is_ok() => ("bad", say!("strip.relay_error")),
            (Some(_), _) => ("good", say!("strip.ok")),
            (None, _) => ("off", say!("strip.not_started")),
        };
        let queue = queue::look(self.app);
        let (tone, words) = match (queue.held, queue.waiting) {
            (0, 0) => ("good", say!("strip.empty")),
            (0, waiting) if queue.stuck(&facts).is_some() => ("warn", say!("queue.waiting_stuck", waiting = waiting)),
            (0, waiting) => ("wait", say!("queue.waiting", waiting = waiting)),
            (held, waiting) => ("warn", say!("queue.waiting_and_held", waiting = waiting, held = held)),
        };
        vec![
            Light { name: "Link", label: say!("strip.link"), tone: link.0, words: link.1, href: to("/links") },
            Light { name: "Mail", label: say!("strip.mail"), tone: mail.0, words: mail.1, href: "/#mail" },
            Light { name: "Queue", label: say!("strip.queue"), tone, words, href: "/messages?tab=waiting" },
        ]
    }
}

/// Shows the front page: how everything stands, or the mailbox of somebody who runs nothing here.
pub fn front(ask: &Ask) -> Reply {
    if ask.operator() { dashboard::show(ask) } else { Ok(Response::see("/mailbox")) }
}

/// Answers somebody who asks for a page that needs more than their role.
pub fn no_right(ask: &Ask, least: Role) -> Response {
    let why = match least {
        Role::Operator => say!("error.for_operators"),
        _ => say!("error.for_the_owner"),
    };
    ask.sorry(403, &why)
}

/// Writes a query string from the given pairs, without the empty ones.
pub fn query(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
    let joined: Vec<_> = pairs.map(|(name, value)| format!("{name}={}", encode(value))).collect();
    if joined.is_empty() { String::new() } else { format!("?{}", joined.join("&")) }
}
