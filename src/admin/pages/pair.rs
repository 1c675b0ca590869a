//! Other boxes over the internet: a code for a station, the code of a gateway, and who is paired.

use minijinja::{Value, context};
use qrcodegen::{QrCode, QrCodeEcc};

use super::{Ask, Reply};
use crate::fault::Fault;
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
        context! { qr => Value::from_safe_string(picture(&text)), text, until => ask.times.moment(given.until) }
    });
    let listens = ask.app.status.facts().listen.get("ip").cloned().unwrap_or_default();
    let values = context! {
        rows, code, error,
        address => form.get("address"), typed => form.get("code"),
        ports => listens.iter().map(|address| address.port()).collect::<Vec<_>>(),
        gateway => ask.settings.text(Key::Reach) == "internet",
        unpriced => ask.service.links().into_iter().find(|link| link.driver == "ip" && link.price().is_none()).map(|link| link.name),
        linked => ask.service.links().iter().any(|link| link.driver == "ip" && link.on),
    };
    Ok(ask.page(status, "pair.html", "settings", "Other boxes", values))
}

/// Makes a code.
pub fn new(ask: &Ask) -> Reply {
    ask.service.new_pairing_code()?;
    ask.done("/pair", "This code is good for ten minutes, and once.".to_owned())
}

/// Enters the code of a gateway.
pub fn join(ask: &Ask) -> Reply {
    let form = &ask.request.form;
    match ask.service.pair_with(&ask.app.context.callers, form.get("address"), form.get("code")) {
        Ok(paired) => ask.done("/pair", format!("This box is paired with {}.", paired.name)),
        Err(Fault::Permanent(why)) => show(ask, 422, &why.to_string()),
        Err(fault) => Err(fault),
    }
}

/// Forgets a box.
pub fn remove(ask: &Ask) -> Reply {
    let key = ask.request.form.get("key").trim_start_matches("ip:").to_owned();
    let paired = ask.service.unpair(&ask.app.context.callers, &key)?;
    ask.done("/pair", format!("{} is not paired any more.", paired.name))
}

/// A text as a QR code, drawn as SVG: one path of squares, with the margin of four that readers need.
fn picture(text: &str) -> String {
    const MARGIN: i32 = 4;
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Medium) else { return String::new() };
    let size = code.size();
    let dark = (0..size).flat_map(|y| (0..size).map(move |x| (x, y))).filter(|(x, y)| code.get_module(*x, *y));
    let squares: String = dark.map(|(x, y)| format!("M{},{}h1v1h-1z", x + MARGIN, y + MARGIN)).collect();
    let whole = size + 2 * MARGIN;
    format!(
        "<svg class=qr viewBox=\"0 0 {whole} {whole}\" role=img aria-label=\"The code as a QR code\" \
         shape-rendering=crispEdges><path fill=\"#fff\" d=\"M0,0h{whole}v{whole}H0z\"/><path fill=\"#000\" \
         d=\"{squares}\"/></svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_drawn_with_its_three_corners() {
        let drawn = picture("K7QM-3XPD-0V9A-TN5C-R2HJ");
        assert!(drawn.starts_with("<svg") && drawn.ends_with("</svg>"));
        // The corner begins behind the margin.
        assert!(drawn.contains("M4,4h1v1h-1z") && !drawn.contains("M3,"));
        assert!(drawn.len() < 12_000, "{}", drawn.len());
    }
}
