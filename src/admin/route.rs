//! From a request to an answer: who may ask, and which page it is.

use minijinja::context;

use super::auth::{self, Visitor};
use super::pages::{self, Ask};
use super::request::{Method, Request};
use super::response::Response;
use super::{App, assets, view};
use crate::fault::Fault;

/// Answers a request, with all headers.
pub fn answer(app: &App, request: &Request) -> Response {
    decide(app, request).finish(request)
}

/// Answers any request of a box whose store cannot be used.
pub fn answer_broken(why: &str, request: &Request) -> Response {
    let Some(path) = &request.path else { return nothing_here().finish(request) };
    let path: Vec<_> = path.iter().map(String::as_str).collect();
    match path[..] {
        ["assets", name] => assets::answer(name, request).unwrap_or_else(nothing_here),
        ["healthz"] => Response::text(503, "not well\n"),
        _ => view::page(503, "broken.html", context! { why, theme => theme(request) }),
    }
    .finish(request)
}

fn decide(app: &App, request: &Request) -> Response {
    if let Some(why) = app.store.broken() {
        return answer_broken(&why, request);
    }
    let Some(path) = &request.path else { return nothing_here() };
    let path: Vec<_> = path.iter().map(String::as_str).collect();
    match path[..] {
        ["assets", name] => return assets::answer(name, request).unwrap_or_else(nothing_here),
        ["healthz"] => return pages::status::health(app),
        _ => {}
    }
    if request.method == Method::Other {
        return Response::text(405, "Only GET, HEAD and POST work here.\n").with("Allow", "GET, HEAD, POST".to_owned());
    }
    let visitor = match auth::visitor(&app.store, request) {
        Ok(visitor) => visitor,
        Err(fault) => return answer_broken(fault.why(), request),
    };
    if request.method == Method::Post && !(request.is_from_own_page() && auth::has_token(request, visitor.as_ref())) {
        let why = "This form did not come from a page of this box, or its page is too old. Nothing was changed: \
                   go back, load the page again and send it once more.";
        return sorry(app, request, visitor.as_ref(), 403, why);
    }
    match visitor {
        Some(visitor) => inside(app, request, &visitor, &path),
        None => outside(app, request, &path),
    }
}

/// For somebody who has not logged in.
fn outside(app: &App, request: &Request, path: &[&str]) -> Response {
    let claimed = app.desk(String::new()).claimed();
    let post = request.method == Method::Post;
    match path {
        ["theme"] if post => pages::login::set_theme(request),
        ["setup"] if !claimed && post => pages::setup::claim(app, request),
        ["setup"] if !claimed => pages::setup::ask_code(app, request, 200, ""),
        _ if !claimed => Response::see("/setup"),
        ["login"] if post => pages::login::log_in(app, request),
        ["login"] => pages::login::show(app, request, 200, ""),
        ["status.json"] | ["modem", "lines"] => Response::text(401, "log in first\n"),
        [] | ["logout"] => Response::see("/login"),
        _ => Response::see(&format!("/login?next={}", super::request::encode(&request.target))),
    }
}

/// For somebody who has.
fn inside(app: &App, request: &Request, visitor: &Visitor, path: &[&str]) -> Response {
    let ask = Ask::new(app, request, visitor);
    let reply = match request.method {
        Method::Post => change(&ask, path),
        _ => show(&ask, path),
    };
    reply.unwrap_or_else(|fault| {
        let status = match &fault {
            Fault::Temporary(_) => 503,
            Fault::Permanent(_) => 422,
            Fault::Operator(_) => 500,
        };
        sorry(app, request, Some(visitor), status, fault.why())
    })
}

fn show(ask: &Ask, path: &[&str]) -> pages::Reply {
    if let Some(reply) = show_to_person(ask, path) {
        return reply;
    }
    if !ask.owner() {
        return Ok(pages::no_right(ask, path));
    }
    match path {
        [] => pages::dashboard::show(ask),
        ["messages", "aside"] => pages::messages::aside(ask),
        ["costs"] => pages::costs::show(ask),
        ["costs.csv"] => pages::costs::csv(ask),
        ["people"] => pages::people::list(ask, 200, "", &Default::default()),
        ["people", name] => pages::people::one(ask, name, 200, "", None),
        ["settings"] => Ok(Response::see("/settings/box")),
        ["settings", group] => pages::settings::show(ask, group, 200, ""),
        ["modem"] => pages::modem::show(ask, 200, ""),
        ["modem", "lines"] => Ok(pages::modem::lines(ask)),
        ["setup"] => pages::setup::first_open(ask),
        ["setup", step] => pages::setup::show(ask, step, 200, "", &[]),
        _ => Ok(ask.sorry(404, "There is no such page.")),
    }
}

fn show_to_person(ask: &Ask, path: &[&str]) -> Option<pages::Reply> {
    Some(match path {
        [] if !ask.owner() => Ok(Response::see("/mailbox")),
        ["login"] => Ok(Response::see("/")),
        ["status.json"] => pages::status::json(ask),
        ["messages"] => pages::messages::list(ask),
        ["messages", "aside"] => return None,
        ["messages", file] if file.ends_with(".eml") => pages::messages::download(ask, file.trim_end_matches(".eml")),
        ["messages", id] => pages::messages::one(ask, id, 200, ""),
        ["compose"] => pages::compose::show(ask),
        ["mailbox"] => pages::mailbox::list(ask),
        ["mailbox", id] => pages::mailbox::one(ask, id),
        ["account"] => pages::account::show(ask, 200, ""),
        ["help"] => pages::help::show(ask, "start"),
        ["help", topic] => pages::help::show(ask, topic),
        _ => return None,
    })
}

fn change(ask: &Ask, path: &[&str]) -> pages::Reply {
    match path {
        ["logout"] => return pages::login::log_out(ask),
        ["theme"] => return Ok(pages::login::set_theme(ask.request)),
        ["compose"] => return pages::compose::send(ask),
        ["messages", id, wish] => return pages::messages::wish(ask, id, wish),
        ["mailbox", id, "read"] => return pages::mailbox::read(ask, id),
        ["account"] => return pages::account::change(ask),
        _ if !ask.owner() => return Ok(pages::no_right(ask, path)),
        _ => {}
    }
    match path {
        ["messages", "aside"] => pages::messages::aside_seen(ask),
        ["people"] => pages::people::add(ask),
        ["people", name] => pages::people::edit(ask, name),
        ["people", name, what] => pages::people::act(ask, name, what),
        ["settings", "who-may-write-over-the-air", "try"] => pages::settings::rehearse(ask),
        ["settings", group] => pages::settings::save(ask, group),
        ["modem", "unlock"] => pages::modem::unlock(ask),
        ["modem", "lock"] => pages::modem::lock(ask),
        ["modem", "send"] => pages::modem::send(ask),
        ["setup", step] => pages::setup::save(ask, step),
        _ => Ok(ask.sorry(404, "There is no such page.")),
    }
}

fn nothing_here() -> Response {
    Response::text(404, "There is nothing here.\n")
}

fn sorry(app: &App, request: &Request, visitor: Option<&Visitor>, status: u16, why: &str) -> Response {
    match visitor {
        Some(visitor) => Ask::new(app, request, visitor).sorry(status, why),
        None => pages::login::bare(app, request, status, "sorry.html", context! { why, title => title(status) }),
    }
}

/// Heading of a page that says no.
pub fn title(status: u16) -> &'static str {
    match status {
        403 => "Not allowed",
        404 => "Not found",
        422 => "That will not do",
        429 => "Too many tries",
        503 => "Not now",
        _ => "Something went wrong",
    }
}

/// The colours that the browser asked for with its cookie.
pub fn theme(request: &Request) -> &'static str {
    match request.cookie("theme") {
        Some("light") => "light",
        Some("dark") => "dark",
        _ => "auto",
    }
}
