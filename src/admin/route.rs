//! From a request to an answer: who may ask, and which page it is. One table holds every page with the least role that
//! may ask for it; a page that is not in it does not exist.

use std::time::Instant;

use minijinja::context;

use super::auth::{self, Visitor};
use super::pages::resume::Resumed;
use super::pages::{self, Ask, Reply};
use super::request::{Method, Request};
use super::response::Response;
use super::words::{self, Table, say};
use super::{App, assets, view};
use crate::fault::Fault;
use crate::people::Role;

/// A page for somebody who is logged in.
pub struct Route {
    /// Whether it is asked by GET or by POST.
    pub method: Method,
    /// Path; a part such as `{name}` stands for any text, `{id}.eml` for any with that end.
    pub path: &'static str,
    /// The least role that may ask for it.
    pub least: Role,
    page: fn(&Ask, &[&str]) -> Reply,
}

/// A page for whoever asks.
pub struct Open {
    /// Whether it is asked by GET or by POST.
    pub method: Method,
    /// Path, with parts as in [`Route`].
    pub path: &'static str,
    page: fn(&App, &Request, &[&str]) -> Response,
}

macro_rules! routes {
    ($($method:ident $path:literal $least:ident $page:expr;)*) => {
        /// Every page behind the log-in. The first that fits is taken, so fixed parts stand before `{...}`.
        pub static ROUTES: &[Route] = &[$(Route {
            method: Method::$method, path: $path, least: Role::$least, page: $page,
        },)*];
    };
}

macro_rules! open {
    ($($method:ident $path:literal $page:expr;)*) => {
        /// Every page that needs no log-in, but for the log-in and the claim themselves.
        pub static OPEN: &[Open] = &[$(Open { method: Method::$method, path: $path, page: $page },)*];
    };
}

open! {
    Get "/assets/{name}" |_, request, part| assets::answer(part[0], request).unwrap_or_else(nothing_here);
    Get "/healthz" |app, _, _| pages::status::health(app);
    Get "/metrics" |app, _, _| super::metrics::answer(app);
    Get "/.well-known/autoconfig/mail/config-v1.1.xml" |app, request, _| pages::mail_setup::autoconfig(app, request);
    Get "/mail/config-v1.1.xml" |app, request, _| pages::mail_setup::autoconfig(app, request);
    Get "/hooks/{carrier}" |app, request, part| pages::hooks::answer(app, request, part[0]);
    Post "/hooks/{ground}/{secret}" |app, request, part| pages::hooks::ground(app, request, part[0], part[1]);
    Post "/hooks/{carrier}" |app, request, part| pages::hooks::answer(app, request, part[0]);
}

routes! {
    Get "/" Person |ask, _| pages::front(ask);
    Get "/login" Person |_, _| Ok(Response::see("/"));
    Get "/mailbox" Person |ask, _| pages::mailbox::list(ask);
    Get "/mailbox/{id}" Person |ask, part| pages::mailbox::one(ask, part[0]);
    Post "/mailbox/{id}/read" Person |ask, part| pages::mailbox::read(ask, part[0]);
    Post "/mailbox/{id}/delete" Person |ask, part| pages::mailbox::delete(ask, part[0]);
    Get "/mailbox/{folder}/{uid}.eml" Person |ask, part| pages::folders::download(ask, part[0], part[1]);
    Get "/mailbox/{folder}/{uid}/files/{number}" Person |ask, part| pages::folders::file(ask, part[0], part[1], part[2]);
    Get "/mailbox/{folder}/{uid}" Person |ask, part| pages::folders::one(ask, part[0], part[1]);
    Post "/mailbox/{folder}/{uid}/{action}" Person |ask, part| pages::folders::act(ask, part[0], part[1], part[2]);
    Get "/compose" Person |ask, _| pages::compose::show(ask);
    Post "/compose" Person |ask, _| pages::compose::send(ask);
    Post "/drafts" Person |ask, _| pages::compose::keep(ask);
    Get "/messages" Person |ask, _| pages::messages::list(ask);
    Get "/messages/quarantine" Operator |ask, _| pages::quarantine::show(ask);
    Post "/messages/quarantine" Operator |ask, _| pages::quarantine::seen(ask);
    Get "/messages/{id}.eml" Person |ask, part| pages::messages::download(ask, part[0]);
    Get "/messages/{id}/files/{number}" Person |ask, part| pages::files::one(ask, part[0], part[1]);
    Get "/messages/{id}" Person |ask, part| pages::messages::one(ask, part[0], 200, "");
    Post "/messages/{id}/release-all" Operator |ask, part| pages::messages::release::all(ask, part[0]);
    Post "/messages/{id}/whole" Person |ask, part| pages::messages::whole::get(ask, part[0]);
    Post "/messages/{id}/take-back" Person |ask, part| pages::messages::take_back(ask, part[0]);
    Post "/messages/{id}/{action}" Operator |ask, part| pages::messages::act(ask, part[0], part[1]);
    Get "/account" Person |ask, _| pages::account::show(ask);
    Post "/account" Person |ask, _| pages::account::change(ask);
    Get "/account/mail.mobileconfig" Person |ask, _| pages::mail_setup::profile(ask);
    Post "/account/export" Person |ask, _| pages::people::export(ask, ask.me());
    Post "/account/log-ins/{id}/end" Person |ask, part| pages::sessions::end_own(ask, part[0]);
    Get "/help" Person |ask, _| pages::help::show(ask, "start");
    Get "/help/{topic}" Person |ask, part| pages::help::show(ask, part[0]);
    Post "/theme" Person |ask, _| Ok(pages::login::set_theme(ask.request));
    Post "/logout" Person |ask, _| pages::login::log_out(ask);
    Get "/costs" Person |ask, _| pages::costs::show(ask);
    Get "/costs.csv" Person |ask, _| pages::costs::csv(ask);
    Get "/usage" Person |ask, _| pages::usage::show(ask);
    Get "/usage.csv" Person |ask, _| pages::usage::csv(ask);
    Get "/health" Person |ask, _| pages::status::show(ask);
    Get "/position" Person |ask, _| pages::position::show(ask);
    Get "/position.gpx" Person |ask, _| pages::position::gpx(ask);
    Post "/position/send" Operator |ask, _| pages::position::send(ask);
    Get "/people" Operator |ask, _| pages::people::list(ask);
    Post "/people" Operator |ask, _| pages::people::add(ask);
    Get "/people/{name}" Operator |ask, part| pages::people::one(ask, part[0]);
    Post "/people/{name}" Operator |ask, part| pages::people::edit(ask, part[0]);
    Post "/people/{name}/export" Owner |ask, part| pages::people::export(ask, part[0]);
    Post "/people/{name}/erase" Owner |ask, part| pages::people::erase(ask, part[0]);
    Post "/people/{name}/try" Operator |ask, part| pages::people::rehearse(ask, part[0]);
    Post "/people/{name}/{what}" Operator |ask, part| pages::people::act(ask, part[0], part[1]);
    Get "/far-boxes" Operator |ask, _| pages::far_boxes::list(ask);
    Post "/far-boxes" Operator |ask, _| pages::far_boxes::add(ask);
    Get "/far-boxes/{number}/position" Operator |ask, part| pages::position::far_box(ask, part[0]);
    Get "/far-boxes/{number}/track.gpx" Operator |ask, part| pages::position::far_box_gpx(ask, part[0]);
    Get "/far-boxes/{number}" Operator |ask, part| pages::far_boxes::one(ask, part[0]);
    Post "/far-boxes/{number}" Operator |ask, part| pages::far_boxes::edit(ask, part[0]);
    Post "/far-boxes/{number}/{what}" Operator |ask, part| pages::far_boxes::act(ask, part[0], part[1]);
    Get "/audit" Owner |ask, _| pages::audit::show(ask);
    Get "/about" Operator |ask, _| pages::about::show(ask);
    Post "/about/backup" Owner |ask, _| pages::about::backup(ask);
    Post "/about/restore" Owner |ask, _| pages::about::restore(ask);
    Post "/about/support" Owner |ask, _| pages::support::file(ask);
    Post "/about/work/{number}/stop" Owner |ask, part| pages::at_work::stop(ask, part[0]);
    Get "/about/log" Owner |ask, _| pages::box_log::show(ask);
    Get "/log-ins" Owner |ask, _| pages::sessions::show(ask);
    Post "/log-ins/{id}/end" Owner |ask, part| pages::sessions::end(ask, part[0]);
    Get "/settings" Owner |_, _| Ok(Response::see("/settings/box"));
    Get "/settings/{group}" Owner |ask, part| pages::settings::show(ask, part[0], 200, "");
    Post "/settings/who-may-write-over-the-air/try" Owner |ask, _| pages::settings::rehearse(ask);
    Post "/settings/{group}" Owner |ask, part| pages::settings::save(ask, part[0]);
    Get "/pair" Owner |ask, _| pages::pair::show(ask, 200, "");
    Post "/pair/new" Owner |ask, _| pages::pair::new(ask);
    Post "/pair/join" Owner |ask, _| pages::pair::join(ask);
    Post "/pair/remove" Owner |ask, _| pages::pair::remove(ask);
    Get "/links" Owner |ask, _| pages::links::list(ask, 200, "");
    Post "/links" Owner |ask, _| pages::links::add(ask);
    Get "/links/{name}" Owner |ask, part| pages::links::one(ask, part[0], 200, "");
    Post "/links/{name}" Owner |ask, part| pages::links::save(ask, part[0]);
    Get "/links/{name}/lines" Owner |ask, part| Ok(pages::links::lines(ask, part[0]));
    Post "/links/{name}/unlock" Owner |ask, part| pages::links::unlock(ask, part[0]);
    Post "/links/{name}/lock" Owner |ask, part| pages::links::lock(ask, part[0]);
    Post "/links/{name}/send" Owner |ask, part| pages::links::send(ask, part[0]);
    Post "/links/{name}/{what}" Owner |ask, part| pages::links::act(ask, part[0], part[1]);
    Get "/setup" Owner |ask, _| pages::setup::first_open(ask);
    Get "/setup/{step}" Owner |ask, part| pages::setup::show(ask, part[0], 200, "", &[]);
    Post "/setup/{step}" Owner |ask, part| pages::setup::save(ask, part[0]);
}

/// Answers a request, with all headers.
pub fn answer(app: &App, request: &Request) -> Response {
    answer_in(chosen(request), app, request)
}

/// Chooses the language for a visitor. There is one so far: a setting, or `Accept-Language`, would be looked at here.
pub fn chosen(_request: &Request) -> &'static Table {
    words::first()
}

/// Answers a request in a language.
pub fn answer_in(language: &'static Table, app: &App, request: &Request) -> Response {
    words::speaking(language, || decide(app, request).finish(request))
}

/// Answers any request of a box whose store cannot be used.
pub fn answer_broken(why: &str, request: &Request) -> Response {
    words::speaking(chosen(request), || broken(why, request))
}

fn broken(why: &str, request: &Request) -> Response {
    let Some(path) = &request.path else { return nothing_here().finish(request) };
    let path: Vec<_> = path.iter().map(String::as_str).collect();
    match path[..] {
        ["assets", name] => assets::answer(name, request).unwrap_or_else(nothing_here),
        ["healthz"] => Response::text(503, "failing\n"),
        _ => view::page(503, "broken.html", context! { why, theme => request.theme() }),
    }
    .finish(request)
}

fn decide(app: &App, request: &Request) -> Response {
    if let Some(why) = app.store.broken() {
        return answer_broken(&why, request);
    }
    let Some(path) = &request.path else { return nothing_here() };
    let path: Vec<_> = path.iter().map(String::as_str).collect();
    for open in OPEN.iter().filter(|open| open.method == request.method) {
        if let Some(parts) = fits(open.path, &path) {
            return (open.page)(app, request, &parts);
        }
    }
    if request.method == Method::Other {
        return Response::text(405, &format!("{}\n", say!("error.methods")))
            .with("Allow", "GET, HEAD, POST".to_owned());
    }
    let visitor = match auth::visitor(&app.store, &app.cookies, request) {
        Ok(visitor) => visitor,
        Err(fault) => return answer_broken(&fault.why(), request),
    };
    if visitor.is_some() {
        app.proven.note(super::client(&request.peer), Instant::now());
    }
    let post = request.method == Method::Post;
    if post && !(request.is_from_own_page() && auth::has_token(request, &app.cookies, visitor.as_ref())) {
        // What came from a page of ours is not lost: it is done after the log-in, or when it is confirmed.
        let resumed = Resumed::of(request).filter(|_| request.is_from_own_page());
        return match (visitor, resumed) {
            (Some(visitor), Some(resumed)) => confirm(app, request, &visitor, 403, &resumed),
            (None, Some(resumed)) if app.nobody(request).claimed() => {
                pages::resume::log_in_first(app, request, &resumed)
            }
            (visitor, _) => {
                let why = say!("error.forged");
                sorry(app, request, visitor.as_ref(), 403, &why)
            }
        };
    }
    match visitor {
        Some(visitor) if path == [LIVE] && !post => live(app, request, &visitor),
        Some(visitor) => inside(app, request, &visitor, &path),
        None => outside(app, request, &path),
    }
}

/// Path of the question what has changed on a page that somebody has open.
const LIVE: &str = "live";

/// Tells what has changed on the page `?page=` since it looked as `?have=` says.
fn live(app: &App, request: &Request, visitor: &Visitor) -> Response {
    let shown = request.once_more(request.query.get("page"));
    let path = shown.path.iter().flatten().map(String::as_str).collect::<Vec<_>>();
    let find = find(Method::Get, &path).filter(|_| shown.path.is_some());
    let Some((route, parts)) = find.filter(|(route, _)| visitor.person.role >= route.least) else {
        return nothing_here();
    };
    match (route.page)(&Ask::looking(app, &shown, visitor, may_see), &parts) {
        Ok(page) if page.status == 200 => pages::live::changes(&page, request.query.get("have")),
        // What is shown is gone, which no browser shall call an error.
        Ok(_) | Err(Fault::Permanent(_)) => Response::text(205, ""),
        Err(fault) => Response::text(503, &format!("{}\n", fault.why())),
    }
}

/// Gives the parts of a path that stand where the pattern has braces; `None` when it does not fit.
fn fits<'p>(pattern: &str, path: &[&'p str]) -> Option<Vec<&'p str>> {
    let wanted = pattern.strip_prefix('/').filter(|rest| !rest.is_empty()).map(|rest| rest.split('/'));
    let mut wanted = wanted.into_iter().flatten();
    let mut parts = Vec::new();
    for part in path {
        let want = wanted.next()?;
        match want.split_once('}') {
            Some((_, end)) => parts.push(part.strip_suffix(end)?),
            None if want == *part => {}
            None => return None,
        }
    }
    wanted.next().is_none().then_some(parts)
}

/// Finds the page that a path and method mean, with the parts of the path.
fn find<'p>(method: Method, path: &[&'p str]) -> Option<(&'static Route, Vec<&'p str>)> {
    let routes = ROUTES.iter().filter(|route| route.method == method);
    routes.into_iter().find_map(|route| Some((route, fits(route.path, path)?)))
}

/// True when somebody of this role may look at a page; for the navigation, so that it shows nothing else.
pub fn may_see(role: Role, href: &str) -> bool {
    let path: Vec<_> = href.trim_start_matches('/').split('/').filter(|part| !part.is_empty()).collect();
    find(Method::Get, &path).is_some_and(|(route, _)| role >= route.least)
}

/// Answers somebody who has not logged in.
fn outside(app: &App, request: &Request, path: &[&str]) -> Response {
    let claimed = app.nobody(request).claimed();
    let post = request.method == Method::Post;
    match path {
        ["theme"] if post => pages::login::set_theme(request),
        ["setup"] if !claimed && post => pages::setup::claim(app, request),
        ["setup"] if !claimed => pages::setup::ask_code(app, request, 200, "", &[]),
        _ if !claimed => Response::see("/setup"),
        ["login"] if post => log_in(app, request),
        ["login"] => pages::login::show(app, request, 200, ""),
        [LIVE] | ["links", _, "lines"] => Response::text(401, "log in first\n"),
        [] | ["logout"] => Response::see("/login"),
        _ => Response::see(&format!("/login?next={}", super::request::encode(&request.target))),
    }
}

/// Logs somebody in, and goes on with what the log-in form carries.
fn log_in(app: &App, request: &Request) -> Response {
    let (visitor, token) = match pages::login::log_in(app, request) {
        Ok(opened) => opened,
        Err(asked) => return asked,
    };
    let response = match Resumed::carried(request) {
        Some(resumed) if resumed.is_of(&visitor.person.name) => {
            let again = resumed.again(request, &visitor.session.csrf);
            match &again.path {
                Some(path) => inside(app, &again, &visitor, &path.iter().map(String::as_str).collect::<Vec<_>>()),
                None => nothing_here(),
            }
        }
        Some(resumed) => confirm(app, request, &visitor, 200, &resumed),
        None => pages::login::lead_on(request),
    };
    pages::login::with_session(app, response, &visitor, &token)
}

/// Shows a post that was not done.
fn confirm(app: &App, request: &Request, visitor: &Visitor, status: u16, resumed: &Resumed) -> Response {
    pages::resume::confirm(&Ask::new(app, request, visitor, may_see), status, resumed)
}

/// Answers somebody who has logged in.
fn inside(app: &App, request: &Request, visitor: &Visitor, path: &[&str]) -> Response {
    let ask = Ask::new(app, request, visitor, may_see);
    let reply = match find(request.method, path) {
        None => Ok(ask.sorry(404, &say!("error.no_such_page"))),
        Some((route, _)) if ask.role() < route.least => Ok(pages::no_right(&ask, route.least)),
        Some((route, parts)) => (route.page)(&ask, &parts),
    };
    reply.unwrap_or_else(|fault| {
        let status = match &fault {
            Fault::Temporary(_) => 503,
            Fault::Permanent(_) => 422,
            Fault::Operator(_) => 500,
        };
        sorry(app, request, Some(visitor), status, &fault.why())
    })
}

fn nothing_here() -> Response {
    Response::text(404, &format!("{}\n", say!("error.there_is_nothing_here")))
}

fn sorry(app: &App, request: &Request, visitor: Option<&Visitor>, status: u16, why: &str) -> Response {
    match visitor {
        Some(visitor) => Ask::new(app, request, visitor, may_see).sorry(status, why),
        None => pages::login::bare(app, request, status, "sorry.html", context! { why, title => view::title(status) }),
    }
}
