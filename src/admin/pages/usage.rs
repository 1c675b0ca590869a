//! Usage by day, month, year and person: as a page and as a table for a spreadsheet.

use minijinja::{Value, context};

use super::{Ask, Reply, query};
use crate::admin::response::Response;
use crate::admin::view::bytes;
use crate::fault::Fault;
use crate::store::{Counts, Span, Usage};

/// Rows that the page shows; the table for a spreadsheet has all.
const SHOWN: usize = 62;

/// Reads what is asked for: a span, and one person or the whole box. Somebody who runs nothing here sees their own.
fn asked(ask: &Ask) -> (Span, Option<String>) {
    let span = ask.request.query.get("by").parse().unwrap_or(Span::Day);
    let person = match ask.operator() {
        true => ask.request.query.find("person").filter(|name| !name.is_empty()).map(str::to_owned),
        false => Some(ask.me().to_owned()),
    };
    (span, person)
}

fn rows(ask: &Ask) -> Result<Vec<Usage>, Fault> {
    let (span, person) = asked(ask);
    ask.app.store.read(move |view| view.usage(span, person.as_deref()))
}

/// Shows the page.
pub fn show(ask: &Ask) -> Reply {
    let (span, person) = asked(ask);
    let all = rows(ask)?;
    let messages = |counts: &Counts| counts.taken.values().sum::<u64>() + counts.got;
    let most = all.iter().map(|row| messages(&row.counts)).max().unwrap_or_default();
    let list = |counts: &std::collections::BTreeMap<String, u64>| -> Vec<String> {
        counts.iter().map(|(name, count)| format!("{count} {name}")).collect()
    };
    let rows: Vec<_> = all
        .iter()
        .take(SHOWN)
        .map(|row| {
            let counts = &row.counts;
            context! {
                period => row.period, person => row.person,
                taken => counts.taken.values().sum::<u64>(), origins => list(&counts.taken),
                left => counts.left.values().sum::<u64>(), ways => list(&counts.left),
                got => counts.got, returned => counts.returned, refused => counts.refused,
                sent => counts.packets_sent, came => counts.packets_in, air => bytes(counts.bytes_air),
                messages => messages(counts),
                size => bytes(counts.bytes_in + counts.bytes_out),
            }
        })
        .collect();
    let link = |by: &str| query(&[("by", by), ("person", person.as_deref().unwrap_or_default())]);
    let tabs: Vec<Value> = Span::ALL
        .iter()
        .map(|known| context! { href => format!("/usage{}", link(known.word())), words => known.word(), current => *known == span })
        .collect();
    let people: Vec<_> = match ask.operator() {
        true => ask.service.people().iter().map(|person| person.name.clone()).collect(),
        false => Vec::new(),
    };
    let values = context! {
        rows, tabs, most, people, person, by => span.word(), more => all.len() > SHOWN,
        csv => format!("/usage.csv{}", link(span.word())),
    };
    Ok(ask.page(200, "usage.html", "costs", "Usage", values))
}

/// Writes the same for a spreadsheet; origins and ways in columns of their own.
pub fn csv(ask: &Ask) -> Reply {
    const ORIGINS: [&str; 5] = ["smtp", "web", "link", "sms", "notice"];
    const WAYS: [&str; 4] = ["mailbox", "relay", "link", "carrier"];
    let mut text = String::from("period,person");
    ORIGINS.iter().for_each(|origin| text.push_str(&format!(",in_{origin}")));
    text.push_str(",in_other");
    WAYS.iter().for_each(|way| text.push_str(&format!(",out_{way}")));
    text.push_str(",out_other,received,returned,came_back,refused,packets_sent,packets_received,packets_saved,bytes_in,bytes_out,bytes_on_air\r\n");
    for Usage { period, person, counts } in rows(ask)? {
        let name = if person.is_empty() { "(box)" } else { &person };
        let mut cells = vec![period, name.to_owned()];
        let mut split = |counts: &std::collections::BTreeMap<String, u64>, known: &[&str]| {
            cells.extend(known.iter().map(|name| counts.get(*name).copied().unwrap_or(0).to_string()));
            let other: u64 = counts.iter().filter(|(name, _)| !known.contains(&name.as_str())).map(|(_, n)| n).sum();
            cells.push(other.to_string());
        };
        split(&counts.taken, &ORIGINS);
        split(&counts.left, &WAYS);
        let rest = [
            counts.got,
            counts.returned,
            counts.came_back,
            counts.refused,
            counts.packets_sent,
            counts.packets_in,
            counts.packets_saved,
            counts.bytes_in,
            counts.bytes_out,
            counts.bytes_air,
        ];
        cells.extend(rest.iter().map(u64::to_string));
        text.push_str(&format!("{}\r\n", cells.join(",")));
    }
    let name = format!("attachment; filename=\"usage-{}.csv\"", asked(ask).0.word());
    Ok(Response::typed(200, "text/csv; charset=utf-8", text.into_bytes()).with("Content-Disposition", name))
}
