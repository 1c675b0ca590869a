//! A file for whoever helps: what the box is, how it is set and what it logged, without secrets, texts or whole addresses.

use super::about::{self, section};
use super::{Ask, Reply};
use crate::admin::response::Response;
use crate::settings::Kind;
use crate::sys::recent;

/// Makes the file.
pub fn file(ask: &Ask) -> Reply {
    let facts = ask.app.status.facts();
    let mut text = format!("satpost, made {}\n", ask.times.moment(ask.times.now).long);
    section(&mut text, "Box", about::facts(ask).into_iter().map(|(name, value)| format!("{name}: {value}")));
    let settings = ask.service.settings();
    let changed = settings.iter().filter(|row| row.changed).map(|row| match row.setting.kind {
        _ if row.setting.is_secret() => format!("{}: set", row.setting.name),
        Kind::Senders => format!("{}: {} bytes", row.setting.name, row.shown.len()),
        _ => format!("{}: {}", row.setting.name, without_names(&row.shown)),
    });
    section(&mut text, "Settings that are not the default", changed);
    let links = facts.links.values().map(|link| {
        let state = link.health.as_ref().map_or_else(|| "starting".to_owned(), |health| health.state.to_string());
        format!("{} ({}): {}", link.name, link.driver, without_names(&state))
    });
    section(&mut text, "Links", links);
    let open = facts.listen.iter().map(|(name, at)| format!("{name}: {at:?}"));
    section(&mut text, "Listeners", open);
    section(
        &mut text,
        "Failing parts",
        facts.failing.iter().map(|(part, why)| format!("{part}: {}", without_names(why))),
    );
    let queue = super::queue::look(ask.app);
    section(&mut text, "Queue", [format!("{} waiting, {} held", queue.waiting, queue.held)]);
    let people = ask.service.people();
    section(&mut text, "People", [format!("{} people, {} far boxes", people.len(), ask.service.far_boxes().len())]);
    let events = ask.app.store.read(|view| view.events(100))?;
    // What happened to people names them.
    let events = events.iter().filter(|event| !["people", "far-box"].contains(&event.part.as_str()));
    let events = events.map(|event| format!("{} {}: {}", event.at, event.part, without_names(&event.kind.to_string())));
    section(&mut text, "Events, the newest first", events);
    let lines = recent::lines();
    let lines =
        lines.iter().map(|line| format!("{} {} {}: {}", line.at, line.level, line.part, without_names(&line.text)));
    section(&mut text, "Log", lines);
    Ok(Response::typed(200, "text/plain; charset=utf-8", text.into_bytes())
        .with("Content-Disposition", "attachment; filename=\"satpost-support.txt\"".to_owned()))
}

/// A text without the names in addresses and without phone numbers: what stands before an @, and long runs of digits.
fn without_names(text: &str) -> String {
    let word = |word: &str| {
        if let Some((before, domain)) = word.rsplit_once('@') {
            let opened = before.chars().take_while(|c| !c.is_alphanumeric()).collect::<String>();
            return format!("{opened}\u{2026}@{domain}");
        }
        // A claim code, or one of a pairing, may still open something.
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        if let Some((one, other)) = bare.split_once('-')
            && [one, other]
                .iter()
                .all(|half| half.len() == 4 && half.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()))
            && bare.chars().any(|c| c.is_ascii_uppercase())
        {
            return word.replace(bare, "\u{2026}");
        }
        let digits = word.chars().filter(char::is_ascii_digit).count();
        let phone = word.contains('+') && digits >= 7;
        if phone { "+\u{2026}".to_owned() } else { word.to_owned() }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_left_out() {
        for (text, shown) in [
            ("m1 to <mum@x.org> failed", "m1 to <\u{2026}@x.org> failed"),
            ("anna@boat.example: 550", "\u{2026}@boat.example: 550"),
            ("a text to +14155550123 waits", "a text to +\u{2026} waits"),
            ("type the code PBE3-VGAK.", "type the code \u{2026}."),
            ("127.0.0.1:8080 20260101", "127.0.0.1:8080 20260101"),
        ] {
            assert_eq!(without_names(text), shown);
        }
    }
}
