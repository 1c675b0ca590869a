//! The audit log: who did what, from where and when.

use minijinja::context;

use super::{Ask, Reply, query};
use crate::admin::words::say;
use crate::message::words::isolated;

const PAGE: usize = 100;

/// Shows the page; `?q=` searches, `?before=` goes to older ones.
pub fn show(ask: &Ask) -> Reply {
    let before = ask.request.query.get("before").parse::<u64>().ok();
    let search: String = ask.request.query.get("q").trim().chars().take(100).collect();
    let text = search.clone();
    let mut found = ask.app.store.read(move |view| view.audit(before, &text, PAGE + 1))?;
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    let older =
        found.last().filter(|_| more).map(|(number, _)| query(&[("q", &search), ("before", &number.to_string())]));
    let rows: Vec<_> = found
        .iter()
        .map(|(_, record)| {
            context! {
                at => ask.times.moment(record.at),
                first => (record.count > 1).then(|| ask.times.moment(record.first)),
                count => record.count,
                who => record.who,
                from => record.from,
                action => record.action,
                about => record.about,
                words => isolated(&ask.times.local(&record.words)),
            }
        })
        .collect();
    Ok(ask.page(
        200,
        "audit.html",
        "audit",
        &say!("audit.audit_log"),
        context! { rows, older, search, newest => before.is_some() },
    ))
}
