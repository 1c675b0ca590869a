//! The rest of a mail of which the text came: what it takes to get it, and how it is asked for.

use minijinja::{Value, context};

use crate::admin::pages::{Ask, Reply};
use crate::admin::words::say;
use crate::engine::link::whole::request;
use crate::fault::Fault;
use crate::message::{Id, Message};

/// Gives what the page says beside the button; nothing where there is no more of a message than is here.
///
/// # Errors
/// As [`request::offer`].
pub fn offer(ask: &Ask, message: &Message) -> Result<Value, Fault> {
    let offer = request::offer(&ask.app.context, message)?;
    let shown = |offer: request::WholeOffer| {
        context! { words => offer.words(), asked => offer.asked, possible => offer.link.is_some() }
    };
    Ok(offer.map_or_else(Value::default, shown))
}

/// Asks for it.
pub fn get(ask: &Ask, id: &str) -> Reply {
    let id: Id = id.parse().map_err(Fault::permanent)?;
    let message = super::mine(ask, id)?;
    match ask.service.get_whole(message.id) {
        Ok(()) => ask.done(&format!("/messages/{id}"), say!("message.the_whole_mail_was")),
        Err(Fault::Permanent(why)) => super::one(ask, &id.to_string(), 409, &why.to_string()),
        Err(fault) => Err(fault),
    }
}
