//! Logs in and out, sets the theme, and makes the bare frame of pages for somebody who is not logged in.

use std::time::Duration;

use minijinja::{Value, context};

use super::{Ask, Reply};
use crate::admin::App;
use crate::admin::auth::{self, LIFE, Visitor};
use crate::admin::request::{Request, own_place};
use crate::admin::response::Response;
use crate::admin::service::Action;
use crate::admin::view::Frame;
use crate::admin::view::{over, page, span};
use crate::admin::words::say;
use crate::settings::Key;

/// The theme is kept for a year.
const THEME_LIFE: u64 = 365 * 86_400;
/// A browser is known so long after a log-in.
const KNOWN_LIFE: u64 = 365 * 86_400;
/// The token of a form before the log-in.
const PRE_LIFE: u64 = 12 * 3600;

/// The field of the log-in form that carries what was sent without one.
pub const CARRIED: &str = "resume";

/// Makes a page without navigation. Gives the browser a token for its forms if it has none.
pub fn bare(app: &App, request: &Request, status: u16, template: &str, values: Value) -> Response {
    let known = request
        .cookie(&app.cookies.before)
        .filter(|token| token.len() == 64 && token.bytes().all(|b| b.is_ascii_hexdigit()));
    let csrf = match known.map(str::to_owned).map_or_else(auth::token, Ok) {
        Ok(csrf) => csrf,
        Err(fault) => return Response::text(500, &format!("{fault}\n")),
    };
    let frame = Frame {
        box_name: app.store.settings().text(Key::BoxName).to_owned(),
        csrf: csrf.clone(),
        theme: request.theme(),
        here: request.target.clone(),
        ..Frame::default()
    };
    let response = page(status, template, over(&frame, values));
    if known.is_some() { response } else { response.with_cookie(&app.cookies.before, &csrf, PRE_LIFE) }
}

/// Shows the log-in form.
pub fn show(app: &App, request: &Request, status: u16, error: &str) -> Response {
    show_with(app, request, status, error, request.form.find(CARRIED))
}

/// Shows the log-in form with a post that it carries.
pub fn show_with(app: &App, request: &Request, status: u16, error: &str, carried: Option<&str>) -> Response {
    let next = [request.form.get("next"), request.query.get("next")].into_iter().find(|next| !next.is_empty());
    let (next, name) = (next.unwrap_or_default(), request.form.get("name"));
    // A browser that was logged in and is led here from a page has lost its log-in.
    let known = [&app.cookies.session, &app.cookies.browser].iter().any(|name| request.cookie(name).is_some());
    let ended = known && error.is_empty() && carried.is_none() && !next.is_empty() && next != "/";
    let draft = ended && next.starts_with("/compose?draft=");
    bare(
        app,
        request,
        status,
        "login.html",
        context! { error, next, name, carried, ended, draft, title => say!("login.log_in") },
    )
}

/// Checks name and password and opens a session: gives who it is and the token of the cookie.
///
/// # Errors
/// The page that asks again, and says why.
pub fn log_in(app: &App, request: &Request) -> Result<(Visitor, String), Response> {
    let (typed, password) = (request.form.get("name").trim(), request.form.get("password"));
    // Mail programs log in with the whole address, and people do here.
    let settings = app.store.settings();
    let own = typed.rsplit_once('@').filter(|(_, domain)| domain.eq_ignore_ascii_case(settings.text(Key::Domain)));
    let name = own.map_or(typed, |(name, _)| name);
    if let Err(wait) = app.try_once(request, name) {
        let asked = show(app, request, 429, &too_many(wait));
        return Err(asked.with("Retry-After", (wait.as_secs() + 1).to_string()));
    }
    let person = match app.nobody(request).log_in(name, password) {
        Ok(person) => person,
        Err(fault) if fault.is_permanent() => {
            log::warn!("web: a log-in failed from {}", request.peer);
            return Err(show(app, request, 401, &fault.why()));
        }
        Err(fault) => return Err(show(app, request, 503, &fault.why())),
    };
    app.was_right(request, name);
    let opened = auth::open(&app.store, &person, &request.peer);
    opened.map(|(token, visitor)| (visitor, token)).map_err(|fault| show(app, request, 503, &fault.why()))
}

/// Leads somebody who has logged in to the page that they wanted.
pub fn lead_on(request: &Request) -> Response {
    Response::see(own_place(request.form.get("next")))
}

/// Gives the browser the cookie of a session, and the one by which it is known at the next log-in.
pub fn with_session(app: &App, response: Response, visitor: &Visitor, token: &str) -> Response {
    let known = auth::browser_of(&visitor.person);
    response.with_cookie(&app.cookies.session, token, LIFE.as_secs()).with_cookie(
        &app.cookies.browser,
        &known,
        KNOWN_LIFE,
    )
}

/// Ends the session.
pub fn log_out(ask: &Ask) -> Reply {
    ask.service.session(Action::LogOut, "", "logged out", &ask.visitor.hash, None)?;
    Ok(Response::see("/login").with_cookie(&ask.app.cookies.session, "", 0))
}

/// Sets the theme: light, dark, or that of the machine.
pub fn set_theme(request: &Request) -> Response {
    let theme = match request.form.get("theme") {
        theme @ ("light" | "dark") => theme,
        _ => "auto",
    };
    Response::see(own_place(request.form.get("next"))).with_cookie("theme", theme, THEME_LIFE)
}

/// Says how long to wait after too many tries.
pub fn too_many(wait: Duration) -> String {
    say!("login.too_many_tries_wait", span = span(wait + Duration::from_secs(1)))
}
