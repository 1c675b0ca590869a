//! `satpost status`: shows what the running box is doing.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use serde_json::{Value, json};

use super::reach;
use super::session::{Done, Failure, Request, Session};
use super::table::columns;
use crate::clock::Time;
use crate::fault::Fault;
use crate::link::Health;
use crate::status::LinkStatus;
use crate::store::{Queue, Store};
use crate::supervisor::restarts;
use crate::sys::process;

/// A box that does not answer for so long is not healthy.
const HEALTH_LIMIT: Duration = Duration::from_secs(5);

/// Show what the running box is doing: listeners, link, queues, totals. Ends with 1 when no box runs.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "status",
    note = "Without a running box the queues and totals of its store are printed all the same."
)]
pub struct Status {
    /// print JSON
    #[argh(switch)]
    json: bool,
    /// say 'healthy', or why the box takes no messages or what in it fails, and end with 1 then
    #[argh(switch)]
    health: bool,
}

impl Status {
    /// True for a question that only a running box can answer.
    pub(super) fn asks_health(&self) -> bool {
        self.health
    }

    /// Asks the running box and never opens its store: one that starts at this moment would find it taken.
    pub(super) fn ask_health(&self, data: &Path, words: Vec<String>) -> Result<ExitCode, Failure> {
        let asked = reach::ask_box(data, &Request { args: words, input: None }, HEALTH_LIMIT);
        let none = || {
            let folder = data.display();
            restarts::resting(data).unwrap_or_else(|| {
                format!("no box answers in {folder}: it starts, rests or cannot open its store; its log says why")
            })
        };
        match asked.map_err(|failure| failure.why).and_then(|answer| answer.ok_or_else(none)) {
            Ok(answer) => Ok(ExitCode::from(answer.print())),
            Err(why) => Err(Failure::failed(format!("not healthy: {why}"))),
        }
    }

    /// Says what /healthz says, with the reason; a listener that should listen and does not is one as well.
    fn health(session: &mut Session) -> Done {
        let (store, facts) = (&session.context.store, session.context.status.facts());
        let ledger = store.ledger().err().map(|fault| fault.why());
        let store = ledger.or_else(|| store.read_only()).map(|why| format!("store: {why}"));
        let failing = facts.failing.iter().map(|(part, why)| format!("{part}: {why}"));
        let mail_in = match &facts.smtp {
            None => Some("mail in: unknown yet".to_owned()),
            Some(part) => (!part.is_ok()).then(|| format!("mail in: {}", part.words())),
        };
        let why: Vec<String> = store.into_iter().chain(mail_in).chain(failing).collect();
        if !why.is_empty() {
            return Err(Failure::failed(format!("not healthy: {}", why.join("; "))));
        }
        session.line("healthy");
        Ok(())
    }

    pub(super) fn act(&self, session: &mut Session) -> Done {
        if self.health {
            return Self::health(session);
        }
        let context = session.context;
        let facts = context.status.facts();
        let queues = queues(&context.store)?;
        let ledger = context.store.ledger()?;
        let quarantined = context.store.read(|view| view.set_aside())?;
        if self.json {
            session.json(&json!({
                "version": crate::sys::process::version(),
                "running": session.live,
                "pid": session.live.then(std::process::id),
                "memory": session.live.then(process::resident_bytes).flatten(),
                "data": context.store.folder(),
                "time": context.now().to_string(),
                "clock_believable": context.store.clock().believable(),
                "free_disk": context.store.disk_room().ok().map(|room| room.free),
                "listen": facts.listen,
                "plugged": facts.plugged,
                "gps": facts.gps,
                "links": facts.links.values().map(|link| (link.name.clone(), shown(link))).collect::<BTreeMap<_, _>>(),
                "smtp": facts.smtp,
                "relay": facts.relay,
                "texts": facts.texts,
                "opted_out": context.store.read(|view| view.opt_outs(1000))?.into_iter().map(|(number, phone, out)| {
                    json!({"number": number, "phone": phone, "at": out.at.to_string(), "how": out.how})
                }).collect::<Vec<_>>(),
                "texts_heard": facts.texts_heard.map(|at| at.to_string()),
                "texts_refused": facts.texts_refused,
                "failing": facts.failing,
                "store": context.store.broken().or_else(|| context.store.read_only()),
                "queues": queues.iter().map(|queue| (queue.name.to_owned(), queue.json())).collect::<BTreeMap<_, _>>(),
                "totals": ledger.totals,
                "quarantined": quarantined.as_ref().map_or(0, |(count, _)| *count),
                "quarantined_last": quarantined.map(|(_, last)| json!({"at": last.at.to_string(), "why": last.why.to_string(), "code": last.why.code()})),
                "packets_sent": ledger.packets_sent,
                "packets_in": ledger.packets_in,
                "packets_saved": ledger.packets_saved,
            }));
        } else {
            self.print(session, &queues, &ledger.totals);
            for old in context.store.put_aside() {
                let until = old.at + crate::engine::housekeeping::PUT_ASIDE;
                session.line(format!("{} is what was there before; it is removed on {until}", old.path.display()));
            }
            if let Some((count, last)) = quarantined {
                session.line(format!("{count} in quarantine, the last one {}: {}", last.at, last.why));
            }
        }
        match session.live {
            true => Ok(()),
            false => Err(Failure::failed(format!("no box runs in {}", context.store.folder().display()))),
        }
    }

    fn print(&self, session: &mut Session, queues: &[QueueLine], totals: &BTreeMap<String, crate::store::Totals>) {
        let facts = session.context.status.facts();
        let mut rows = Vec::new();
        let mut row = |name: &str, words: String| rows.push(vec![name.to_owned(), words]);
        if session.live {
            row(
                "box",
                format!("satpost {} in {}", crate::sys::process::version(), session.context.store.folder().display()),
            );
            for (listener, addresses) in &facts.listen {
                let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                row(listener, if addresses.is_empty() { "not listening".to_owned() } else { addresses.join(" ") });
            }
            if let Some(why) = session.context.store.broken().or_else(|| session.context.store.read_only()) {
                row("store", why);
            }
            row("mail in", facts.smtp.map_or("unknown yet".to_owned(), |part| part.words()));
            if facts.links.is_empty() {
                row("link", "none".to_owned());
            }
            for link in facts.links.values() {
                let words = link.health.as_ref().map_or("starting".to_owned(), |health| health.state.to_string());
                row("link", format!("{}: {words}", link.name));
                for silent in &link.silent {
                    row("silent", format!("{}: {}", link.name, silent.words()));
                }
            }
            row("relay", facts.relay.map_or("not used yet".to_owned(), |part| part.words()));
            if let Some(texts) = &facts.texts {
                let heard = facts.texts_heard.map(|at| format!(", last heard {at}")).unwrap_or_default();
                row("texts", format!("{}{heard}", texts.words()));
            }
            if let Some(refused) = &facts.texts_refused {
                row("texts", format!("{} ({})", refused.words(), refused.at));
            }
            for (part, why) in &facts.failing {
                row("failing", format!("{part}: {why}"));
            }
            if !session.context.store.clock().believable() {
                row("clock", "not known to be right, see 'satpost clock'".to_owned());
            }
        }
        for queue in queues {
            let since = queue.oldest.map(|oldest| format!(", next one accepted {oldest}")).unwrap_or_default();
            row(queue.name, format!("{} wait{since}", queue.waiting));
        }
        for (origin, totals) in totals {
            let words = format!(
                "{} accepted = {} delivered + {} returned + {} waiting + {} refused",
                totals.accepted, totals.delivered, totals.returned, totals.waiting, totals.refused
            );
            row(&format!("from {origin}"), words);
        }
        let text = columns(&rows);
        session.out.push_str(&text);
    }
}

/// The state of a link: its facts, and the words for them as the page has them.
fn shown(status: &LinkStatus) -> Value {
    let mut json = status.health.as_ref().map_or_else(|| json!({"ready": false}), link);
    json["driver"] = status.driver.clone().into();
    json["silent"] = json!(status.silent);
    json
}

fn link(health: &Health) -> Value {
    let mut json = json!(health);
    json["words"] = health.state.to_string().into();
    json["code"] = health.state.code().into();
    json["fix"] = health.fix.as_ref().map(ToString::to_string).into();
    json
}

struct QueueLine {
    name: &'static str,
    waiting: u64,
    oldest: Option<Time>,
}

impl QueueLine {
    fn json(&self) -> Value {
        json!({"waiting": self.waiting, "oldest": self.oldest.map(|time| time.to_string())})
    }
}

fn queues(store: &Store) -> Result<Vec<QueueLine>, Fault> {
    let name = |queue| match queue {
        Queue::Mailbox => "mailbox",
        Queue::Relay => "relay",
        Queue::Link | Queue::LinkUrgent | Queue::LinkLow | Queue::LinkBulk | Queue::Timed => "link",
        Queue::Carrier => "carrier",
        Queue::OnLink => "on the link",
        Queue::Held => "held",
        Queue::Receipt => "receipt",
    };
    let queues = store.read(|view| view.queues())?;
    Ok(queues.into_iter().map(|(queue, waiting, oldest)| QueueLine { name: name(queue), waiting, oldest }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::engine::Context;
    use crate::engine::link::coders::Coders;
    use crate::status::{PartState, PartStatus};

    #[test]
    fn a_box_whose_listeners_are_not_known_yet_is_not_healthy() {
        let folder = std::env::temp_dir().join(format!("satpost-health-{}", std::process::id()));
        let store = Store::open(&folder, &Clock::fake(Time(1_795_564_800_000))).unwrap();
        let (coders, (_stop, stop)) = (Coders::new(store.folder()), smol::channel::bounded(1));
        let context =
            Context { coders, callers: Default::default(), store, status: Default::default(), stop, link: None };
        let health = || {
            let request = Request { args: vec!["status".into(), "--health".into()], input: None };
            let answer = super::super::session::carry_out(&context, true, 0, request, &mut |_| true);
            (answer.code, answer.out + &answer.err)
        };
        assert_eq!(health(), (1, "satpost: not healthy: mail in: unknown yet\n".to_owned()));
        let smtp = PartStatus { state: PartState::TakesMail, at: context.now() };
        context.status.set(|facts| facts.smtp = Some(smtp));
        assert_eq!(health(), (0, "healthy\n".to_owned()));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
