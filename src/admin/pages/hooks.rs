//! Answers the webhooks that the carrier of text messages calls, and ground services of satellite networks. No log-in and no
//! page; the caller's own proof says who calls, and the yes goes out after the commit.

use std::time::Duration;

use crate::admin::App;
use crate::admin::request::{Method, Request};
use crate::admin::response::Response;
use crate::deliver::sms::{self, Hook, Unheard};
use crate::engine::sms::receive;
use crate::link::hooks::HookCall;
use crate::settings::Key;
use crate::status::{PartState, PartStatus};

/// A ground service waits three seconds for its answer, and calls again without one.
const GROUND_LIMIT: Duration = Duration::from_millis(2700);

/// Answers a call to `/hooks/<ground service>/<secret>`: the driver of that service says with what.
pub fn ground(app: &App, request: &Request, service: &str, secret: &str) -> Response {
    let (kind, body) = (request.header("content-type").unwrap_or_default().to_owned(), request.body.clone());
    let form = request.form.pairs().to_vec();
    let from = request.peer.parse().ok();
    let call = |answer| HookCall { from, kind, form, body, answer };
    let path = format!("{service}/{secret}");
    match app.context.callers.hooks.call(&path, call, GROUND_LIMIT) {
        None => Response::text(404, "There is nothing here.\n"),
        Some(status) => Response::text(status, ""),
    }
}

/// Answers a call to `/hooks/<carrier>`.
pub fn answer(app: &App, request: &Request, name: &str) -> Response {
    let settings = app.store.settings();
    let none = || Response::text(404, "There is nothing here.\n");
    let Some(row) = sms::carrier(&settings).filter(|row| row.name == name) else { return none() };
    if settings.text(Key::SmsPublicUrl).is_empty() {
        return none();
    }
    if !matches!(request.method, Method::Post | Method::Get) {
        return Response::text(405, "").with("Allow", "GET, POST".to_owned());
    }
    let hook = Hook {
        target: &request.target,
        header: &|name| request.header(name),
        form: request.form.pairs(),
        body: &request.body,
    };
    match (row.hook)(&settings, &hook) {
        Ok(news) => match receive::called(&app.context, row, &news) {
            Ok(()) => Response::typed(200, row.yes.0, row.yes.1.as_bytes().to_vec()),
            Err(fault) => {
                log::warn!("text: a call of {} could not be kept: {fault}", row.title);
                Response::text(503, "")
            }
        },
        Err(Unheard::Forbidden(why)) => {
            log::warn!("text: a call to the webhook of {} is refused: {why}", row.title);
            let state = PartState::RefusedCall { carrier: row.title, why };
            let refused = PartStatus { state, at: app.context.now() };
            app.status.set(|facts| facts.texts_refused = Some(refused));
            Response::text(403, "")
        }
        Err(Unheard::Unreadable(why)) => {
            log::warn!("text: a call of {} cannot be read: {why}", row.title);
            Response::text(400, "")
        }
    }
}
