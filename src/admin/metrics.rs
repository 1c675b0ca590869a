//! Answers `/metrics` with the state of the box as Prometheus reads it (text format 0.0.4). Numbers only: no name, no address.
//!
//! It is there only when `web.metrics` is on. Whoever may open the log-in page may read it then: a scraper cannot log in,
//! and the gate in front lets in the local network only. It is off by default, as the times of messages tell a neighbour
//! when somebody writes.

use std::fmt::Write;

use super::App;
use super::response::Response;
use crate::link::Health;
use crate::message::State;
use crate::settings::Key;
use crate::status::LiveStatus;
use crate::store::{Counts, Ledger, Span};
use crate::sys::process;

/// What the metrics are read from, at one moment.
struct Look {
    ledger: Ledger,
    usage: Counts,
    /// Count and age in seconds of the oldest, by state.
    queue: Vec<(State, u64, f64)>,
    quarantined: u64,
    people: usize,
    free_disk: Option<u64>,
    clock: bool,
    facts: LiveStatus,
}

/// Labels in braces, or nothing; and the value.
type Samples = Vec<(String, f64)>;

struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    read: fn(&Look) -> Samples,
}

macro_rules! metrics {
    ($($name:literal $kind:ident $help:literal $read:expr;)*) => {
        static METRICS: &[Metric] = &[$(Metric {
            name: $name, kind: stringify!($kind), help: $help, read: $read,
        },)*];
    };
}

metrics! {
    "satpost_up" gauge "1 while the box takes messages and no worker fails." |look| one(look.facts.failing.is_empty());
    "satpost_messages_accepted_total" counter "Messages accepted, by origin." |look| totals(look, |b| b.accepted);
    "satpost_messages_delivered_total" counter "Messages delivered: left for good, or put into a mailbox; one that bounces is taken off." |look| totals(look, |b| b.delivered);
    "satpost_messages_returned_total" counter "Messages returned to their senders." |look| totals(look, |b| b.returned);
    "satpost_messages_refused_total" counter "Messages not carried: refused by rule, or cancelled." |look| totals(look, |b| b.refused);
    "satpost_messages_waiting" gauge "Messages on their way, or held." |look| totals(look, |b| b.waiting);
    "satpost_messages_left_total" counter "Messages that left, by way out, since usage is counted." |look| {
        look.usage.left.iter().map(|(way, count)| (format!("way=\"{way}\""), number(*count))).collect()
    };
    "satpost_queue_messages" gauge "Messages in the queues, by state." |look| {
        look.queue.iter().map(|(state, count, _)| (label("state", state.words()), number(*count))).collect()
    };
    "satpost_queue_oldest_seconds" gauge "Age of the message that is due first, by state." |look| {
        look.queue.iter().filter(|(_, count, _)| *count > 0).map(|(state, _, age)| (label("state", state.words()), *age)).collect()
    };
    "satpost_packets_sent_total" counter "Packets that went on air." |look| sample(look.ledger.packets_sent);
    "satpost_packets_received_total" counter "Packets from the air, repeats not counted." |look| sample(look.ledger.packets_in);
    "satpost_air_bytes_sent_total" counter "Bytes of the packets that went on air, since usage is counted." |look| sample(look.usage.bytes_air);
    "satpost_message_bytes_in_total" counter "Bytes of the messages taken in, since usage is counted." |look| sample(look.usage.bytes_in);
    "satpost_message_bytes_out_total" counter "Bytes of the messages that left, since usage is counted." |look| sample(look.usage.bytes_out);
    "satpost_quarantine_items" gauge "Items in quarantine: what came in and could not be used." |look| sample(look.quarantined);
    "satpost_people" gauge "People who may get mail." |look| sample(look.people as u64);
    "satpost_link_ready" gauge "1 when messages can go over a link, by link; absent for one that is off." |look| {
        look.facts.links.values().map(|link| (label("link", &link.name), flag(link.is_ready()))).collect()
    };
    "satpost_link_reopened_total" counter "Times that a link had to be opened anew, by link." |look| {
        health(look, |health| health.reopened)
    };
    "satpost_link_garbled_total" counter "Lines of a modem that could not be read, by link." |look| {
        health(look, |health| health.garbled)
    };
    "satpost_mail_listening" gauge "1 when all listeners are open." |look| {
        look.facts.smtp.as_ref().map(|part| (String::new(), flag(part.is_ok()))).into_iter().collect()
    };
    "satpost_relay_ok" gauge "1 when the relay took the last mail; absent before the first." |look| {
        look.facts.relay.as_ref().map(|part| (String::new(), flag(part.is_ok()))).into_iter().collect()
    };
    "satpost_workers_failing" gauge "Workers that failed and are started again." |look| sample(look.facts.failing.len() as u64);
    "satpost_clock_believable" gauge "1 when the time is known to be right." |look| one(look.clock);
    "satpost_disk_free_bytes" gauge "Bytes free on the disk of the data folder." |look| {
        look.free_disk.map(|free| (String::new(), number(free))).into_iter().collect()
    };
    "satpost_resident_memory_bytes" gauge "Memory of the process." |_| {
        process::resident_bytes().map(|bytes| (String::new(), number(bytes))).into_iter().collect()
    };
}

#[allow(clippy::cast_precision_loss, reason = "the format has 64-bit floats; counts stay below 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}

fn flag(on: bool) -> f64 {
    f64::from(u8::from(on))
}

fn one(on: bool) -> Samples {
    vec![(String::new(), flag(on))]
}

/// Gives a count of each link that has said how it is.
fn health(look: &Look, count: fn(&Health) -> u64) -> Samples {
    let known = look.facts.links.values().filter_map(|link| Some((&link.name, link.health.as_ref()?)));
    known.map(|(name, health)| (label("link", name), number(count(health)))).collect()
}

fn sample(count: u64) -> Samples {
    vec![(String::new(), number(count))]
}

fn label(name: &str, words: &str) -> String {
    format!("{name}=\"{}\"", words.replace(' ', "_"))
}

fn totals(look: &Look, column: fn(&crate::store::Totals) -> u64) -> Samples {
    look.ledger.totals.iter().map(|(origin, totals)| (label("origin", origin), number(column(totals)))).collect()
}

fn look(app: &App) -> Result<Look, crate::fault::Fault> {
    let now = app.store.clock().now();
    app.store
        .read(|view| {
            let usage =
                view.usage(Span::Person, Some(crate::money::BOX))?.pop().map(|row| row.counts).unwrap_or_default();
            let mut queue: Vec<(State, u64, f64)> = Vec::new();
            for (queued, count, oldest) in view.queues()? {
                let age = oldest.map_or(0.0, |oldest| now.since(oldest).as_secs_f64());
                match queue.iter_mut().find(|(state, ..)| *state == queued.state()) {
                    Some((_, sum, oldest)) => (*sum, *oldest) = (*sum + count, oldest.max(age)),
                    None => queue.push((queued.state(), count, age)),
                }
            }
            Ok((usage, queue, view.set_aside()?.map_or(0, |(count, _)| count)))
        })
        .and_then(|(usage, queue, quarantined)| {
            Ok(Look {
                ledger: app.store.ledger()?,
                usage,
                queue,
                quarantined,
                people: app.store.people().iter().filter(|person| !person.disabled).count(),
                free_disk: app.store.disk_room().ok().map(|room| room.free),
                clock: app.store.clock().believable(),
                facts: app.status.facts(),
            })
        })
}

/// Answers with the metrics, or 404 while they are switched off.
pub fn answer(app: &App) -> Response {
    if !app.store.settings().on(Key::WebMetrics) {
        return Response::text(404, "There is nothing here.\n");
    }
    let look = match look(app) {
        Ok(look) => look,
        Err(fault) => return Response::text(503, &format!("{fault}\n")),
    };
    let mut text = String::new();
    for Metric { name, kind, help, read } in METRICS {
        // Writing to a string cannot fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        for (labels, value) in read(&look) {
            let _ = match labels.is_empty() {
                true => writeln!(text, "{name} {value}"),
                false => writeln!(text, "{name}{{{labels}}} {value}"),
            };
        }
    }
    Response::typed(200, "text/plain; version=0.0.4; charset=utf-8", text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::METRICS;

    /// The table on the help page and the one here name the same metrics, of the same kinds, in the same words.
    #[test]
    fn every_metric_is_documented() {
        let help = include_str!("../../web/help/metrics.html");
        let rows = help.split("<tr><td><code>").skip(1);
        let documented: Vec<Vec<&str>> = rows
            .map(|row| row.split("\n").next().unwrap_or_default())
            .map(|row| row.split("<td>").map(|cell| cell.trim_end_matches("</code>")).collect())
            .collect();
        let there: Vec<Vec<&str>> = METRICS.iter().map(|metric| vec![metric.name, metric.kind, metric.help]).collect();
        assert_eq!(documented, there);
        for metric in METRICS {
            assert!(metric.name.starts_with("satpost_") && metric.help.ends_with('.'), "{}", metric.name);
            assert_eq!(metric.name.ends_with("_total"), metric.kind == "counter", "{}", metric.name);
        }
    }
}
