//! Other boxes over the internet: a code for a station, the code of a gateway, and who is paired.

use std::sync::Arc;

use minijinja::{Value, context};

use super::{Ask, Reply, qr};
use crate::admin::words::say;
use crate::fault::Fault;
use crate::people::FarBox;
use crate::settings::Key;

/// Shows the page; `error` belongs to the form with which a code is entered.
pub fn show(ask: &Ask, status: u16, error: &str) -> Reply {
    let form = &ask.request.form;
    let rows: Vec<_> = ask
        .service
        .paired()?
        .into_iter()
        .map(|paired| {
            context! {
                key => paired.address.to_string(), shown => paired.address.shown(),
                name => paired.name, domain => paired.domain, dialled => paired.dialled,
                since => ask.times.moment(paired.since),
            }
        })
        .collect();
    let code = ask.service.pairing_code()?.map(|given| {
        let text = given.code.to_string();
        context! { qr => Value::from_safe_string(qr::picture(&text, &say!("pair.qr"))), text, until => ask.times.moment(given.until) }
    });
    // Those that a line leads to already need no code.
    let offline = |far_box: &&Arc<FarBox>| !far_box.addresses.iter().any(|address| address.kind() == "ip");
    let far_boxes: Vec<_> = ask
        .service
        .far_boxes()
        .iter()
        .filter(offline)
        .map(|far_box| context! { handle => far_box.handle(), shown => far_box.shown() })
        .collect();
    let listens = ask.app.status.facts().listen.get("ip").cloned().unwrap_or_default();
    let values = context! {
        rows, code, error, far_boxes,
        address => form.get("address"), typed => form.get("code"),
        ports => listens.iter().map(|address| address.port()).collect::<Vec<_>>(),
        gateway => ask.settings.text(Key::Reach) == "internet",
        unpriced => ask.service.links().into_iter().find(|link| link.driver == "ip" && link.price().is_none()).map(|link| link.name),
        linked => ask.service.links().iter().any(|link| link.driver == "ip" && link.on),
    };
    Ok(ask.page(status, "pair.html", "settings", &say!("pair.other_boxes"), values))
}

/// Makes a code.
pub fn new(ask: &Ask) -> Reply {
    let far_box = Some(ask.request.form.get("far_box")).filter(|text| !text.is_empty());
    match ask.service.new_pairing_code(far_box) {
        Ok(_) => {}
        Err(Fault::Permanent(why)) => return show(ask, 422, &why.to_string()),
        Err(fault) => return Err(fault),
    }
    ask.done("/pair", say!("pair.this_code_is_good"))
}

/// Enters the code of a gateway.
pub fn join(ask: &Ask) -> Reply {
    let form = &ask.request.form;
    match ask.service.pair_with(&ask.app.context.callers, form.get("address"), form.get("code")) {
        Ok(paired) => ask.done("/pair", say!("pair.this_box_is_paired", name = paired.name)),
        Err(Fault::Permanent(why)) => show(ask, 422, &why.to_string()),
        Err(fault) => Err(fault),
    }
}

/// Forgets a box.
pub fn remove(ask: &Ask) -> Reply {
    let key = ask.request.form.get("key").trim_start_matches("ip:").to_owned();
    let paired = ask.service.unpair(&ask.app.context.callers, &key)?;
    ask.done("/pair", say!("pair.is_not_paired_any", name = paired.name))
}
