//! Answers the webhooks that the carrier of text messages calls. No log-in and no page; the carrier's own proof says who calls, and
//! the yes goes out after the commit.

use crate::admin::App;
use crate::admin::request::{Method, Request};
use crate::admin::response::Response;
use crate::deliver::sms::{self, Hook, Unheard};
use crate::engine::sms::receive;
use crate::settings::Key;
use crate::status::{PartState, PartStatus};

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
