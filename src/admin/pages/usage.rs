//! Usage by day, month, year and person: as a page and as a table for a spreadsheet.

use minijinja::{Value, context};

use super::{Ask, Reply, query};
use crate::admin::bars::{self, Bars};
use crate::admin::response::Response;
use crate::admin::view::bytes;
use crate::admin::words::say;
use crate::fault::Fault;
use crate::money::Money;
use crate::settings::Key;
use crate::store::{Span, Usage};

/// Rows that the page shows; the table for a spreadsheet has all.
const SHOWN: usize = 62;
/// Days in a picture.
const DAYS: i32 = 31;
/// Months in a picture.
const MONTHS: i32 = 13;

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
    let most = all.iter().map(messages).max().unwrap_or_default();
    let list = |counts: &std::collections::BTreeMap<String, u64>| -> Vec<String> {
        counts.iter().map(|(name, count)| by_way(name, *count)).collect()
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
                sent => counts.packets_sent, came => counts.packets_in, air => bytes(counts.bytes_air), credits => counts.credits,
                messages => messages(row), money => super::costs::sum(ask, counts.money),
                size => bytes(counts.bytes_in + counts.bytes_out),
            }
        })
        .collect();
    // By person there is no order of time.
    let pictures = if span == Span::Person { Vec::new() } else { pictures(ask, span, &all) };
    let credits = all.iter().any(|row| row.counts.credits > 0);
    let priced = all.iter().any(|row| row.counts.money != Money::default());
    let link = |by: &str| query(&[("by", by), ("person", person.as_deref().unwrap_or_default())]);
    let tabs: Vec<Value> = Span::ALL
        .iter()
        .map(|known| {
            let words = match known {
                Span::Person if !ask.operator() => say!("usage.all_time"),
                Span::Day => say!("usage.by_day"),
                Span::Month => say!("usage.by_month"),
                Span::Year => say!("usage.by_year"),
                Span::Person => say!("usage.by_person"),
            };
            context! { href => format!("/usage{}", link(known.word())), words, current => *known == span }
        })
        .collect();
    let people: Vec<_> = match ask.operator() {
        true => ask.service.people().iter().map(|person| person.name.clone()).collect(),
        false => Vec::new(),
    };
    let values = context! {
        rows, pictures, credits, priced, tabs, most, people, person, by => span.word(), more => all.len() > SHOWN,
        csv => format!("/usage.csv{}", link(span.word())),
    };
    Ok(ask.page(200, "usage.html", "costs", &say!("usage.usage"), values))
}

/// How many came or left so, by the word under which they are counted.
fn by_way(name: &str, count: u64) -> String {
    match name {
        "smtp" => say!("usage.way_smtp", count = count),
        "web" => say!("usage.way_web", count = count),
        "link" => say!("usage.way_link", count = count),
        "sms" | "carrier" => say!("usage.way_carrier", count = count),
        "mailbox" => say!("usage.way_mailbox", count = count),
        "relay" => say!("usage.way_relay", count = count),
        "notice" => say!("usage.way_notice", count = count),
        name => format!("{count} {name}"),
    }
}

/// Messages of a row: of the box each that it took in, of a person those that they wrote and those that they got.
fn messages(row: &Usage) -> u64 {
    row.counts.taken.values().sum::<u64>() + if row.person.is_empty() { 0 } else { row.counts.got }
}

/// Draws messages, packets, credits, bytes on air and money: title and picture of each that shows something.
fn pictures(ask: &Ask, span: Span, newest_first: &[Usage]) -> Vec<Value> {
    let periods = periods(ask, span, newest_first);
    let count = |value: f64| format!("{value:.0}");
    let size = |value: f64| bytes(value as u64);
    let money = |value: f64| super::costs::sum(ask, Money(value as i64));
    let draw = |id, title: String, amount: fn(&Usage) -> f64, words: &dyn Fn(f64) -> String| {
        let of = |period: &String| {
            let row = newest_first.iter().find(|row| row.period == *period);
            (period.clone(), row.map_or(0.0, amount))
        };
        let values: Vec<_> = periods.iter().map(of).collect();
        let svg = bars::picture(&Bars { id, title: &title, values: &values, words })?;
        Some(context! { title, svg })
    };
    let all = [
        draw("messages", say!("common.messages"), |row| messages(row) as f64, &count),
        draw("packets", say!("common.packets"), |row| (row.counts.packets_sent + row.counts.packets_in) as f64, &count),
        draw("credits", say!("usage.credits"), |row| row.counts.credits as f64, &count),
        draw("air", say!("usage.bytes_on_air"), |row| row.counts.bytes_air as f64, &size),
        draw("money", say!("common.money"), |row| row.counts.money.0 as f64, &money),
    ];
    all.into_iter().flatten().collect()
}

/// The periods of a picture, oldest first: all days and months up to the present one, whether or not something was counted.
fn periods(ask: &Ask, span: Span, newest_first: &[Usage]) -> Vec<String> {
    let first = newest_first.last().map(|row| row.period.as_str()).unwrap_or_default();
    let today = jiff::Timestamp::from_second(ask.times.now.seconds())
        .unwrap_or_default()
        .to_zoned(ask.times.zone.clone())
        .date();
    let back = |step: i32| match span {
        Span::Day => today.checked_sub(jiff::Span::new().days(step)).map(|day| day.strftime("%Y-%m-%d").to_string()),
        _ => today
            .first_of_month()
            .checked_sub(jiff::Span::new().months(step))
            .map(|day| day.strftime("%Y-%m").to_string()),
    };
    let most = if span == Span::Day { DAYS } else { MONTHS };
    let mut periods: Vec<String> = match span {
        Span::Day | Span::Month => {
            (0..most).map_while(|step| back(step).ok()).take_while(|period| period.as_str() >= first).collect()
        }
        Span::Year | Span::Person => newest_first.iter().map(|row| row.period.clone()).collect(),
    };
    periods.reverse();
    periods
}

/// Writes the same for a spreadsheet; origins and ways in columns of their own.
pub fn csv(ask: &Ask) -> Reply {
    const ORIGINS: [&str; 5] = ["smtp", "web", "link", "sms", "notice"];
    const WAYS: [&str; 4] = ["mailbox", "relay", "link", "carrier"];
    let mut text = String::from("period,person");
    ORIGINS.iter().for_each(|origin| text.push_str(&format!(",in_{origin}")));
    text.push_str(",in_other");
    WAYS.iter().for_each(|way| text.push_str(&format!(",out_{way}")));
    text.push_str(",out_other,received,returned,came_back,refused,packets_sent,packets_received,packets_saved,bytes_in,bytes_out,bytes_on_air,credits");
    let currency = ask.settings.text(Key::PriceCurrency).replace([',', '"'], "");
    text.push_str(&format!(",spent_{currency}\r\n"));
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
            counts.credits,
        ];
        cells.extend(rest.iter().map(u64::to_string));
        cells.push(counts.money.to_string());
        text.push_str(&format!("{}\r\n", cells.join(",")));
    }
    let name = format!("attachment; filename=\"usage-{}.csv\"", asked(ask).0.word());
    Ok(Response::typed(200, "text/csv; charset=utf-8", text.into_bytes()).with("Content-Disposition", name))
}
